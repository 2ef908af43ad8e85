"""The attributes of film sessions, film boxes, image boxes and annotation boxes (PS3.3 C.13), and their UIDs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service_classes.attributes import dataset_of, mark_character_set, put, text_of
from dicomgui.network.service_classes.references import reference_items

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = [
    "ANNOTATION_BOX",
    "COLOR_IMAGE_BOX",
    "COLOR_META",
    "FILM_BOX",
    "FILM_SESSION",
    "GRAYSCALE_IMAGE_BOX",
    "GRAYSCALE_META",
    "PRESENTATION_LUT",
    "PRINT",
    "PRINTER",
    "PRINTER_INSTANCE",
    "PRINT_JOB",
    "annotation",
    "box_count",
    "film_box",
    "film_session",
    "image_box",
]

FILM_SESSION: Final = "1.2.840.10008.5.1.1.1"
FILM_BOX: Final = "1.2.840.10008.5.1.1.2"
GRAYSCALE_IMAGE_BOX: Final = "1.2.840.10008.5.1.1.4"
COLOR_IMAGE_BOX: Final = "1.2.840.10008.5.1.1.4.1"
GRAYSCALE_META: Final = "1.2.840.10008.5.1.1.9"
PRINT_JOB: Final = "1.2.840.10008.5.1.1.14"
ANNOTATION_BOX: Final = "1.2.840.10008.5.1.1.15"
PRINTER: Final = "1.2.840.10008.5.1.1.16"
PRINTER_INSTANCE: Final = "1.2.840.10008.5.1.1.17"
COLOR_META: Final = "1.2.840.10008.5.1.1.18"
PRESENTATION_LUT: Final = "1.2.840.10008.5.1.1.23"

PRINT: Final = 1
"""The action type of film session and film box."""

_STANDARD = re.compile(r"STANDARD\\([1-9]\d?),([1-9]\d?)")
_UNEVEN = re.compile(r"(?:ROW|COL)\\([1-9]\d?(?:,[1-9]\d?)*)")
_SLIDES = {"SLIDE": 12, "SUPERSLIDE": 20}


def box_count(display_format: str) -> int | None:
    """How many image boxes a film has (Image Display Format, PS3.3 C.13.3); ``None`` where only a printer knows.

    Slides are taken as sheets of 4 by 3, superslides as 5 by 4.
    """
    match = _STANDARD.fullmatch(display_format)
    if match is not None:
        return int(match[1]) * int(match[2])
    match = _UNEVEN.fullmatch(display_format)
    if match is not None:
        return sum(map(int, match[1].split(",")))
    return _SLIDES.get(display_format)


def film_session(
    *, copies: int = 1, priority: str = "", medium: str = "", destination: str = "", label: str = ""
) -> Dataset:
    """The attributes of a film session (PS3.3 C.13.1); what is not given the printer chooses.

    :param priority: ``HIGH``, ``MED`` or ``LOW``.
    :param medium: ``PAPER``, ``CLEAR FILM``, ``BLUE FILM``, ``MAMMO CLEAR FILM`` or ``MAMMO BLUE FILM``; a printer
        refuses one that it does not have.
    :param destination: ``MAGAZINE``, ``PROCESSOR`` or ``BIN_n``.
    """
    optional = {
        "PrintPriority": priority,
        "MediumType": medium,
        "FilmDestination": destination,
        "FilmSessionLabel": label,
    }
    values: dict[str, object] = {"NumberOfCopies": copies}
    values.update({keyword: value for keyword, value in optional.items() if value})
    return mark_character_set(dataset_of(values))


def film_box(
    session_uid: str,
    display_format: str = "STANDARD\\1,1",
    *,
    orientation: str = "PORTRAIT",
    size: str = "",
    magnification: str = "",
    annotation_format: str = "",
) -> Dataset:
    """The attributes of a film box, one film of a session (PS3.3 C.13.3).

    :param display_format: ``STANDARD\\columns,rows``, ``ROW\\images of row 1,…``, ``COL\\images of column 1,…``,
        ``SLIDE``, ``SUPERSLIDE`` or ``CUSTOM\\number``.
    :param orientation: ``PORTRAIT`` or ``LANDSCAPE``.
    :param size: e.g. ``14INX17IN`` or ``A4``; by default the printer's.
    :param magnification: ``REPLICATE``, ``BILINEAR``, ``CUBIC`` or ``NONE``; by default the printer's.
    :param annotation_format: Annotation Display Format ID, of the printer's conformance statement.
    """
    values: dict[str, object] = {
        "ImageDisplayFormat": display_format,
        "FilmOrientation": orientation,
        "ReferencedFilmSessionSequence": reference_items([(FILM_SESSION, session_uid)]),
    }
    optional = {
        "FilmSizeID": size,
        "MagnificationType": magnification,
        "AnnotationDisplayFormatID": annotation_format,
    }
    values.update({keyword: value for keyword, value in optional.items() if value})
    return dataset_of(values)


_PIXEL_ATTRIBUTES = (
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "PixelAspectRatio",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PlanarConfiguration",
)


def image_box(position: int, image: Dataset | None, *, polarity: str = "", color: bool = False) -> Dataset:
    """The attributes that put an image into an image box, or empty it again (PS3.3 C.13.5).

    The pixels are taken as they are: grayscale of 8 bits, or of 12 in 16, without sign and windowed for display, color
    as RGB of 3 times 8 bits by plane (PS3.4 H.4.3.1.2.1). Nothing is converted here.

    :param position: which image box of the film, from 1.
    :param image: a data set with uncompressed pixel data of one frame; ``None`` empties the box.
    :param polarity: ``NORMAL`` or ``REVERSE``; by default as it is.
    :raises ConfigurationError: the image has no pixel data, or is compressed or of another kind.
    """
    keyword = "BasicColorImageSequence" if color else "BasicGrayscaleImageSequence"
    dataset = dataset_of({"ImageBoxPosition": position})
    if polarity:
        put(dataset, "Polarity", polarity)
    put(dataset, keyword, [] if image is None else [_picture(image, color)])
    return dataset


def _picture(image: Dataset, color: bool) -> Dataset:
    from pydicom import uid

    meta = getattr(image, "file_meta", None)
    syntax = "" if meta is None else text_of(meta, "TransferSyntaxUID")
    problem = ""
    if "PixelData" not in image:
        problem = "has no pixel data"
    elif syntax and uid.UID(syntax).is_transfer_syntax and uid.UID(syntax).is_compressed:
        problem = "is compressed"
    elif text_of(image, "NumberOfFrames") not in ("", "1"):
        problem = "has several frames"
    elif (text_of(image, "SamplesPerPixel") == "3") != color:
        problem = "is not in color" if color else "is in color"
    if problem:
        raise ConfigurationError(f"an image to print {problem}", phase="configure")
    picture = dataset_of({keyword: image[keyword].value for keyword in _PIXEL_ATTRIBUTES if keyword in image})
    picture["PixelData"] = image["PixelData"]
    return picture


def annotation(position: int, text: str) -> Dataset:
    """The attributes that put a text into an annotation box of a film (PS3.3 C.13.7)."""
    return mark_character_set(dataset_of({"AnnotationPosition": position, "TextString": text}))
