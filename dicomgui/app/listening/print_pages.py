"""Films that were printed, as pictures: image boxes laid out as Image Display Format says (PS3.3 C.13.3), and as PNG.

Plain bytes and no decoder: what may be printed is uncompressed, 8 bits or up to 16 in two bytes, gray or RGB.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from dicomgui.network.service_classes.attributes import items_of, text_of
from dicomgui.network.service_classes.print_session import PrintedImage, PrintedPage

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["Cell", "Picture", "cells_of", "film_picture", "image_picture", "png"]

MIN_EDGE: Final = 1200
MAX_EDGE: Final = 3000
"""The longer side of the picture of a film, in pixels: as many as its images need, within these."""

MARGIN: Final = 0.004
"""Of the film's width, around each image box."""

_INVERSE: Final = bytes(range(255, -1, -1))
_SIZES: Final = {"A4": (210.0, 297.0), "A3": (297.0, 420.0)}
_SIZE: Final = re.compile(r"([0-9]{1,3}(?:_[0-9])?)(?:IN|CM)X([0-9]{1,3}(?:_[0-9])?)(?:IN|CM)")
_SLIDES: Final = {"SLIDE": (4, 3), "SUPERSLIDE": (5, 4)}


class Cell(NamedTuple):
    """The place of an image box on a film, in parts of its width and height."""

    left: float
    top: float
    width: float
    height: float


class Picture(NamedTuple):
    """Pixels, row by row from the top.

    :ivar samples: 1 for gray, 3 for RGB; a byte each.
    """

    width: int
    height: int
    samples: int
    data: bytes


def cells_of(display_format: str, count: int) -> tuple[Cell, ...]:
    """Where the image boxes of a film are, in the order of their positions.

    :param count: of boxes, where only the printer knows the format: they stand in about as many rows as columns.
    """
    kind, _, rest = display_format.partition("\\")
    numbers = [int(part) for part in rest.split(",") if part.isascii() and part.isdigit() and 0 < int(part) < 100]
    if kind == "STANDARD" and len(numbers) == 2:
        return _grid([numbers[0]] * numbers[1])
    if kind == "ROW" and numbers:
        return _grid(numbers)
    if kind == "COL" and numbers:
        return tuple(Cell(top, left, height, width) for left, top, width, height in _grid(numbers))
    if kind in _SLIDES:
        columns, rows = _SLIDES[kind]
        return _grid([columns] * rows)
    columns = max(1, round(max(1, count) ** 0.5))
    return _grid([columns] * -(-max(1, count) // columns))


def _grid(images: Sequence[int]) -> tuple[Cell, ...]:
    """Rows of equal height, each with so many images of equal width."""
    height = 1 / len(images)
    return tuple(
        Cell(column / many, row * height, 1 / many, height) for row, many in enumerate(images) for column in range(many)
    )


def film_picture(page: PrintedPage, luts: Mapping[str, Dataset]) -> Picture:
    """A film as it would come out of a printer; texts of annotation boxes are left out.

    :param luts: presentation LUTs by UID; only the shape INVERSE is followed.
    """
    cells = cells_of(page.display_format, max((image.position for image in page.images), default=1))
    images = [one for one in page.images if 0 < one.position <= len(cells)]
    shown = [(cells[one.position - 1], image_picture(one, luts, page)) for one in images]
    samples = max((picture.samples for _, picture in shown), default=1)
    width, height = _pixels(page, shown)
    film = bytearray(bytes([255 if text_of(page.attributes, "BorderDensity") == "WHITE" else 0]))
    film *= width * height * samples
    for (cell, picture), image in zip(shown, images, strict=True):
        _draw(film, width, height, samples, cell, picture, _aspect(image.dataset))
    return Picture(width, height, samples, bytes(film))


def _pixels(page: PrintedPage, shown: Sequence[tuple[Cell, Picture]]) -> tuple[int, int]:
    """The size of the film's picture: no image has fewer pixels than it came with, as far as that goes."""
    size = text_of(page.attributes, "FilmSizeID").upper().replace(" ", "")
    across, down = _SIZES.get(size, (14.0, 17.0))
    match = _SIZE.fullmatch(size)
    if match is not None:
        across, down = (max(1.0, float(part.replace("_", "."))) for part in match.groups())
    if text_of(page.attributes, "FilmOrientation") == "LANDSCAPE":
        across, down = down, across
    unit = max(across, down)
    wanted = [max(image.width / cell.width / (across / unit), image.height / cell.height / (down / unit))
              for cell, image in shown]  # fmt: skip
    edge = min(MAX_EDGE, max([MIN_EDGE, *map(round, wanted)]))
    return max(1, round(edge * across / unit)), max(1, round(edge * down / unit))


def _aspect(image: Dataset) -> float:
    """How much higher a pixel is than wide."""
    parts = [part for part in text_of(image, "PixelAspectRatio").split("\\") if part.isascii() and part.isdigit()]
    if len(parts) != 2 or "0" in parts:
        return 1.0
    return min(10.0, max(0.1, int(parts[0]) / int(parts[1])))


def _draw(film: bytearray, width: int, height: int, samples: int, cell: Cell, picture: Picture, aspect: float) -> None:
    """Put a picture into its cell, as large as it fits."""
    margin = MARGIN * width
    room = max(1.0, cell.width * width - 2 * margin), max(1.0, cell.height * height - 2 * margin)
    scale = min(room[0] / picture.width, room[1] / (picture.height * aspect))
    across = max(1, min(width, int(picture.width * scale)))
    down = max(1, min(height, int(picture.height * aspect * scale)))
    left = int(cell.left * width + (cell.width * width - across) / 2)
    top = int(cell.top * height + (cell.height * height - down) / 2)
    own = picture.samples
    columns = [column * picture.width // across * own + part for column in range(across) for part in range(own)]
    pick = itemgetter(*columns, columns[0])  # at least two, so that it always gives a tuple
    last, line = -1, b""
    for number in range(down):
        row = number * picture.height // down
        if row != last:
            start = row * picture.width * own
            line = bytes(pick(picture.data[start : start + picture.width * own])[:-1])
            line = line if own == samples else _as_rgb(line)
            last = row
        at = ((top + number) * width + left) * samples
        film[at : at + across * samples] = line


def _as_rgb(gray: bytes) -> bytes:
    mixed = bytearray(3 * len(gray))
    mixed[0::3] = mixed[1::3] = mixed[2::3] = gray
    return bytes(mixed)


def image_picture(image: PrintedImage, luts: Mapping[str, Dataset], page: PrintedPage | None = None) -> Picture:
    """The image of a box with 8 bits a sample, as it is to be seen."""
    dataset = image.dataset
    width, height, samples = int(dataset.Columns), int(dataset.Rows), int(dataset.SamplesPerPixel)
    data: bytes = dataset.PixelData
    count = width * height * samples
    if int(dataset.BitsAllocated) == 16:
        data = _high_bits(data[: 2 * count], int(dataset.BitsStored))
    data = data[:count]
    if samples == 3 and text_of(dataset, "PlanarConfiguration") == "1":
        mixed = bytearray(count)
        for plane in range(3):
            mixed[plane::3] = data[plane * count // 3 : (plane + 1) * count // 3]
        data = bytes(mixed)
    turns = text_of(dataset, "PhotometricInterpretation") == "MONOCHROME1"
    turns ^= text_of(image.attributes, "Polarity") == "REVERSE"
    turns ^= _is_inverse(image.attributes, luts) or (page is not None and _is_inverse(page.attributes, luts))
    return Picture(width, height, samples, data.translate(_INVERSE) if turns else data)


def _high_bits(data: bytes, stored: int) -> bytes:
    """The eight highest of the stored bits of each little-endian word."""
    shift = max(0, min(16, stored) - 8)
    return (int.from_bytes(data, "little") >> shift).to_bytes(len(data), "little")[::2]


def _is_inverse(attributes: Dataset, luts: Mapping[str, Dataset]) -> bool:
    uids = (text_of(item, "ReferencedSOPInstanceUID")
            for item in items_of(attributes, "ReferencedPresentationLUTSequence"))  # fmt: skip
    return any(uid in luts and text_of(luts[uid], "PresentationLUTShape") == "INVERSE" for uid in uids)


def png(picture: Picture) -> bytes:
    """The picture as a PNG file (ISO/IEC 15948)."""
    length = picture.width * picture.samples
    lines = bytearray()
    for row in range(picture.height):
        lines.append(0)
        lines += picture.data[row * length : (row + 1) * length]
    head = struct.pack(">IIBBBBB", picture.width, picture.height, 8, 2 if picture.samples == 3 else 0, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(lines), 6)), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
