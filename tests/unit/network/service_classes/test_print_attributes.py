"""The attributes of print management (PS3.3 C.13)."""

from __future__ import annotations

import pytest
from helpers.pictures import picture
from pydicom.dataset import Dataset, FileMetaDataset

from dicomgui.network import ConfigurationError
from dicomgui.network.service_classes.print_attributes import (
    FILM_SESSION,
    annotation,
    box_count,
    film_box,
    film_session,
    image_box,
)


@pytest.mark.parametrize(
    ("display_format", "count"),
    [
        ("STANDARD\\1,1", 1),
        ("STANDARD\\3,5", 15),
        ("ROW\\2,1,4", 7),
        ("COL\\2", 2),
        ("SLIDE", 12),
        ("SUPERSLIDE", 20),
        ("CUSTOM\\1", None),
        ("STANDARD\\0,1", None),
        ("STANDARD\\1", None),
        ("STANDARD\\100,1", None),
        ("ROW\\", None),
        ("", None),
    ],
)
def test_a_display_format_says_how_many_images(display_format: str, count: int | None) -> None:
    assert box_count(display_format) == count


def test_a_session_leaves_to_the_printer_what_is_not_said() -> None:
    assert [element.keyword for element in film_session()] == ["NumberOfCopies"]
    session = film_session(copies=3, priority="HIGH", medium="PAPER", destination="BIN_1", label="Übersicht")
    assert (session.NumberOfCopies, session.PrintPriority, session.MediumType) == (3, "HIGH", "PAPER")
    assert (session.FilmDestination, session.SpecificCharacterSet) == ("BIN_1", "ISO_IR 192")


def test_a_film_names_its_session_and_what_is_not_left_to_the_printer() -> None:
    plain = film_box("1.2.3")
    assert [element.keyword for element in plain] == [
        "ImageDisplayFormat",
        "FilmOrientation",
        "ReferencedFilmSessionSequence",
    ]
    assert plain.ImageDisplayFormat == "STANDARD\\1,1"
    session = plain.ReferencedFilmSessionSequence[0]
    assert (session.ReferencedSOPClassUID, session.ReferencedSOPInstanceUID) == (FILM_SESSION, "1.2.3")
    film = film_box("1.2.3", size="A4", magnification="CUBIC", annotation_format="LABEL", orientation="LANDSCAPE")
    assert (film.FilmSizeID, film.MagnificationType, film.AnnotationDisplayFormatID) == ("A4", "CUBIC", "LABEL")


def test_an_image_box_has_the_pixels_and_what_describes_them() -> None:
    image = picture()
    image.PatientName = "DOE"
    box = image_box(2, image, polarity="REVERSE")
    item = box.BasicGrayscaleImageSequence[0]
    assert (box.ImageBoxPosition, box.Polarity) == (2, "REVERSE")
    assert item.PixelData == bytes(range(24))
    assert "PatientName" not in item
    assert "PlanarConfiguration" not in item
    assert image_box(1, picture(samples=3), color=True).BasicColorImageSequence[0].PlanarConfiguration == 1


def test_an_image_box_is_emptied() -> None:
    assert image_box(1, None)["BasicGrayscaleImageSequence"].value == []
    assert "Polarity" not in image_box(1, None)


def in_syntax(uid: str) -> Dataset:
    image = picture()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = uid
    return image


def frames(number: int) -> Dataset:
    image = picture()
    image.NumberOfFrames = number
    return image


@pytest.mark.parametrize(
    ("image", "color", "problem"),
    [
        (Dataset(), False, "no pixel data"),
        (in_syntax("1.2.840.10008.1.2.4.50"), False, "compressed"),
        (frames(2), False, "several frames"),
        (picture(samples=3), False, "is in color"),
        (picture(), True, "not in color"),
    ],
)
def test_what_cannot_be_printed_is_an_error(image: Dataset, color: bool, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        image_box(1, image, color=color)


@pytest.mark.parametrize("image", [in_syntax("1.2.840.10008.1.2.1"), in_syntax("1.2.3.4"), frames(1)])
def test_what_is_uncompressed_can(image: Dataset) -> None:
    assert len(image_box(1, image).BasicGrayscaleImageSequence) == 1


def test_a_text_declares_its_character_set() -> None:
    assert annotation(1, "Ä").SpecificCharacterSet == "ISO_IR 192"
    assert annotation(3, "A").AnnotationPosition == 3
