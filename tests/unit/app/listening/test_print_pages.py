"""Films as pictures: where the boxes are, and what their pixels look like."""

from __future__ import annotations

import struct
from io import BytesIO

import pytest
from helpers.retrieval import elements
from pydicom.dataset import Dataset

from dicomgui.app.listening.print_pages import Cell, Picture, cells_of, film_picture, image_picture, png
from dicomgui.network.service_classes.print_session import PrintedImage, PrintedPage


def image(position: int, pixels: bytes, rows: int, columns: int, **more: object) -> PrintedImage:
    values = {
        "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "Rows": rows, "Columns": columns,
        "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0, **more,
    }  # fmt: skip
    dataset = elements(**values)
    dataset.add_new(0x7FE00010, "OW" if values["BitsAllocated"] == 16 else "OB", pixels)
    return PrintedImage(position, dataset, Dataset())


def film(display_format: str, *images: PrintedImage, **attributes: str) -> PrintedPage:
    return PrintedPage(elements(ImageDisplayFormat=display_format, **attributes), images, {})


def at(picture: Picture, x: float, y: float) -> tuple[int, ...]:
    start = (int(y * picture.height) * picture.width + int(x * picture.width)) * picture.samples
    return tuple(picture.data[start : start + picture.samples])


@pytest.mark.parametrize(
    ("display_format", "count", "cells"),
    [
        ("STANDARD\\2,1", 0, (Cell(0, 0, 0.5, 1), Cell(0.5, 0, 0.5, 1))),
        ("ROW\\1,2", 0, (Cell(0, 0, 1, 0.5), Cell(0, 0.5, 0.5, 0.5), Cell(0.5, 0.5, 0.5, 0.5))),
        ("COL\\1,2", 0, (Cell(0, 0, 0.5, 1), Cell(0.5, 0, 0.5, 0.5), Cell(0.5, 0.5, 0.5, 0.5))),
        ("CUSTOM\\7", 2, (Cell(0, 0, 1, 0.5), Cell(0, 0.5, 1, 0.5))),
        ("STANDARD\\0,x", 1, (Cell(0, 0, 1, 1),)),
    ],
)
def test_cells(display_format: str, count: int, cells: tuple[Cell, ...]) -> None:
    assert cells_of(display_format, count) == cells


@pytest.mark.parametrize(("display_format", "count"), [("SLIDE", 12), ("SUPERSLIDE", 20), ("STANDARD\\3,5", 15)])
def test_counts_of_cells(display_format: str, count: int) -> None:
    assert len(cells_of(display_format, 0)) == count


def test_images_stand_in_their_boxes() -> None:
    white, gray = image(1, b"\xff" * 4, 2, 2), image(4, b"\x80" * 4, 2, 2)
    picture = film_picture(film("STANDARD\\2,2", white, gray), {})
    assert (picture.samples, picture.width < picture.height) == (1, True)
    assert [at(picture, x, y) for y in (0.25, 0.75) for x in (0.25, 0.75)] == [(255,), (0,), (0,), (128,)]


def test_a_wide_film_with_a_white_border() -> None:
    page = film("STANDARD\\1,1", image(1, b"\0", 1, 1), FilmOrientation="LANDSCAPE", FilmSizeID="8INX10IN",
                BorderDensity="WHITE")  # fmt: skip
    picture = film_picture(page, {})
    assert (picture.width, picture.height) == (1200, 960)
    assert (at(picture, 0.01, 0.5), at(picture, 0.5, 0.5)) == ((255,), (0,))


def test_an_image_keeps_its_pixels_as_far_as_that_goes() -> None:
    picture = film_picture(film("STANDARD\\1,1", image(1, bytes(2000 * 2000), 2000, 2000)), {})
    assert picture.width >= 2000


@pytest.mark.parametrize(
    ("kind", "polarity", "seen"),
    [
        ("MONOCHROME2", "", 16),
        ("MONOCHROME1", "", 239),
        ("MONOCHROME2", "REVERSE", 239),
        ("MONOCHROME1", "REVERSE", 16),
    ],
)
def test_what_is_white(kind: str, polarity: str, seen: int) -> None:
    one = image(1, b"\x10", 1, 1, PhotometricInterpretation=kind)
    if polarity:
        one.attributes.Polarity = polarity
    assert image_picture(one, {}).data == bytes([seen])


def test_an_inverse_presentation_lut() -> None:
    one = image(1, b"\x10", 1, 1)
    one.attributes.ReferencedPresentationLUTSequence = [elements(ReferencedSOPInstanceUID="2.25.1")]
    assert image_picture(one, {"2.25.1": elements(PresentationLUTShape="INVERSE")}).data == bytes([239])


@pytest.mark.parametrize(
    ("stored", "values"), [(12, (0, 0x0FF0, 0x0FFF)), (16, (0x00FF, 0xFF00, 0xFFFF)), (8, (0, 255, 255))]
)
def test_the_highest_bits_of_words_are_seen(stored: int, values: tuple[int, ...]) -> None:
    one = image(1, struct.pack("<3H", *values), 1, 3, BitsAllocated=16, BitsStored=stored)
    assert image_picture(one, {}).data == bytes([0, 255, 255])


@pytest.mark.parametrize(("planar", "data"), [(0, b"\x01\x02\x03\x04\x05\x06"), (1, b"\x01\x04\x02\x05\x03\x06")])
def test_colours(planar: int, data: bytes) -> None:
    one = image(1, data, 1, 2, SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=planar)
    assert image_picture(one, {}).data == bytes(range(1, 7))
    both = film_picture(film("STANDARD\\1,2", one, image(2, b"\x80", 1, 1)), {})
    assert (at(both, 0.5, 0.75), at(both, 0.26, 0.25)) == ((128, 128, 128), (1, 2, 3))


def test_the_png_is_one() -> None:
    from PySide6.QtGui import QImage

    for samples in (1, 3):
        data = bytes(range(6 * samples))
        read = QImage.fromData(png(Picture(3, 2, samples, data)))
        colour = read.pixelColor(2, 1)
        wanted = data[-samples:] * (3 // samples)
        assert (read.width(), read.height()) == (3, 2)
        assert bytes((colour.red(), colour.green(), colour.blue())) == wanted
    assert BytesIO(png(Picture(1, 1, 1, b"\0"))).read(8) == b"\x89PNG\r\n\x1a\n"
