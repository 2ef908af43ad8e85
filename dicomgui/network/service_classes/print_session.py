"""A film session of a printer: its films, their boxes, and what is in these."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from dicomgui.network.dimse.memory import DECODED_ELEMENT_BYTES, MemoryBudget, MemoryShare
from dicomgui.network.service import Reply
from dicomgui.network.service_classes.attributes import (
    SUCCESS,
    incomplete,
    invalid_value,
    items_of,
    new_uid,
    put,
    tag_of,
    text_of,
)
from dicomgui.network.service_classes.print_attributes import (
    ANNOTATION_BOX,
    COLOR_IMAGE_BOX,
    FILM_BOX,
    FILM_SESSION,
    GRAYSCALE_IMAGE_BOX,
    box_count,
)
from dicomgui.network.service_classes.references import reference_items, references_in
from dicomgui.network.status import Status

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["PrintSession", "PrintedImage", "PrintedPage", "memory_of"]

DUPLICATE_INSTANCE: Final = Status(0x0111)
NO_SUCH_INSTANCE: Final = Status(0x0112)
NO_SUCH_ATTRIBUTE: Final = Status(0x0105)
NO_SUCH_CLASS: Final = Status(0x0118)
CLASS_INSTANCE_CONFLICT: Final = Status(0x0119)
RESOURCE_LIMITATION: Final = Status(0x0213)
OUT_OF_MEMORY: Final = Status(0xC605)

MAX_BOXES: Final = 400

_NO_MEMORY: Final = Reply(OUT_OF_MEMORY, "there is too little memory for this")

_PIXEL_ATTRIBUTES = (
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelData",
)
_DEPTH: Final = ("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation")
_NUMBERS: Final = ("SamplesPerPixel", "Rows", "Columns", *_DEPTH)


class _PixelKinds(NamedTuple):
    """The pixels that an image box takes (PS3.3 C.13.5).

    :ivar depths: values of Bits Allocated, Bits Stored, High Bit and Pixel Representation that go together.
    """

    samples: int
    interpretations: tuple[str, ...]
    depths: tuple[tuple[int, int, int, int], ...]


_GRAYSCALE: Final = _PixelKinds(1, ("MONOCHROME1", "MONOCHROME2"), ((8, 8, 7, 0), (16, 12, 11, 0)))
_COLOR: Final = _PixelKinds(3, ("RGB",), ((8, 8, 7, 0),))


class PrintedImage(NamedTuple):
    """An image on a film.

    :ivar position: which image box, from 1.
    :ivar dataset: its pixel data and what describes them (PS3.3 table C.13-5).
    :ivar attributes: what else was said of the image box, e.g. its Polarity.
    """

    position: int
    dataset: Dataset
    attributes: Dataset


@dataclass(frozen=True, slots=True)
class PrintedPage:
    """A film as it is to be printed.

    :ivar attributes: those of the film box: display format, orientation, size.
    :ivar images: in the order of their boxes; empty boxes are left out.
    :ivar texts: texts by the position of their annotation box.
    """

    attributes: Dataset
    images: tuple[PrintedImage, ...]
    texts: dict[int, str]

    @property
    def display_format(self) -> str:
        """Image Display Format, e.g. ``STANDARD\\\\2,3``: two columns and three rows."""
        return text_of(self.attributes, "ImageDisplayFormat")


@dataclass(slots=True)
class _Box:
    sop_class_uid: str
    position: int
    attributes: Dataset | None = None
    size: int = 0

    @property
    def picture(self) -> Dataset | None:
        if self.attributes is None or self.sop_class_uid == ANNOTATION_BOX:
            return None
        return next(iter(items_of(self.attributes, _sequence_of(self.sop_class_uid))), None)


@dataclass(slots=True)
class _Film:
    attributes: Dataset
    size: int
    boxes: dict[str, _Box] = field(default_factory=dict)


def _sequence_of(image_class: str) -> str:
    return "BasicColorImageSequence" if image_class == COLOR_IMAGE_BOX else "BasicGrayscaleImageSequence"


class PrintSession:
    """One film session.

    :ivar uid: its SOP instance UID.
    :ivar attributes: its attributes.
    :param memory: charged with its films and boxes, and with what changes them; :meth:`close` gives all of it back.
    """

    def __init__(self, uid: str, attributes: Dataset, memory: MemoryBudget, max_films: int) -> None:
        self.uid = uid
        self.attributes = attributes
        self._memory = MemoryShare(memory)
        self._max_films = max_films
        self._films: dict[str, _Film] = {}

    def add_film(self, uid: str, attributes: Dataset, image_class: str) -> Reply:
        """Begin a film; the answer names its boxes (PS3.4 H.4.2.2.1)."""
        refusal = incomplete(attributes, ("ImageDisplayFormat", "ReferencedFilmSessionSequence"))
        if refusal is not None:
            return refusal
        count = box_count(text_of(attributes, "ImageDisplayFormat"))
        if count is None or count > MAX_BOXES:
            return invalid_value("ImageDisplayFormat", "this display format is not supported")
        if (FILM_SESSION, self.uid) not in references_in(attributes, "ReferencedFilmSessionSequence"):
            return invalid_value("ReferencedFilmSessionSequence", "not the film session of this association")
        if uid in self._films:
            return Reply(DUPLICATE_INSTANCE, "there is a film with this UID")
        if len(self._films) >= self._max_films:
            return Reply(RESOURCE_LIMITATION, f"the session has {self._max_films} films already")
        size = memory_of(attributes)
        if not self._memory.take(size):
            return _NO_MEMORY
        film = self._films[uid] = _Film(attributes, size)
        images = {new_uid(): _Box(image_class, position) for position in range(1, count + 1)}
        film.boxes.update(images)
        answer = attributes[:]
        put(answer, "ReferencedImageBoxSequence", reference_items((image_class, one) for one in images))
        if text_of(attributes, "AnnotationDisplayFormatID"):
            texts = {new_uid(): _Box(ANNOTATION_BOX, position) for position in range(1, 7)}
            film.boxes.update(texts)
            put(answer, "ReferencedBasicAnnotationBoxSequence", reference_items((ANNOTATION_BOX, one) for one in texts))
        return Reply(SUCCESS, dataset=answer, sop_instance_uid=uid)

    def change(self, sop_class_uid: str, uid: str, changes: Dataset) -> Status | Reply:
        """Perform an N-SET on the session, a film, or a box of one."""
        if sop_class_uid == FILM_SESSION:
            return self._update(self.attributes if uid == self.uid else None, changes)
        if sop_class_uid == FILM_BOX:
            film = self._films.get(uid)
            return self._update(None if film is None else film.attributes, changes)
        if sop_class_uid not in (GRAYSCALE_IMAGE_BOX, COLOR_IMAGE_BOX, ANNOTATION_BOX):
            return Reply(NO_SUCH_CLASS, "print management has no such SOP class")
        for film in self._films.values():
            box = film.boxes.get(uid)
            if box is not None:
                return self._fill(box, sop_class_uid, changes)
        return Reply(NO_SUCH_INSTANCE, "there is no such box on this association")

    def _fill(self, box: _Box, sop_class_uid: str, content: Dataset) -> Status | Reply:
        if box.sop_class_uid != sop_class_uid:
            return Reply(CLASS_INSTANCE_CONFLICT, "the box is of another SOP class")
        if sop_class_uid == ANNOTATION_BOX:
            refusal = incomplete(content, ("AnnotationPosition",))
            position = "AnnotationPosition"
        else:
            refusal = incomplete(content, ("ImageBoxPosition",), may_be_empty=(_sequence_of(sop_class_uid),))
            refusal = refusal or _judge_picture(content, sop_class_uid)
            position = "ImageBoxPosition"
        if refusal is not None:
            return refusal
        if text_of(content, position) != str(box.position):
            return invalid_value(position, f"this box is at position {box.position}")
        size = memory_of(content)
        if not self._memory.take(size - box.size):
            return _NO_MEMORY
        box.attributes, box.size = content, size
        return SUCCESS

    def _update(self, attributes: Dataset | None, changes: Dataset) -> Status | Reply:
        if attributes is None:
            return Reply(NO_SUCH_INSTANCE, "there is no such instance on this association")
        if not self._memory.take(memory_of(changes)):
            return _NO_MEMORY
        attributes.update(changes)
        return SUCCESS

    def remove_film(self, uid: str) -> bool:
        """Delete a film with its boxes; whether there was one."""
        film = self._films.pop(uid, None)
        if film is None:
            return False
        self._memory.give_back(film.size + sum(box.size for box in film.boxes.values()))
        return True

    def close(self) -> None:
        """Give back all memory: the session is over."""
        self._memory.close()
        self._films.clear()

    def page(self, uid: str) -> PrintedPage | None:
        """A film as it is now; ``None`` where there is none with this UID."""
        film = self._films.get(uid)
        return None if film is None else _page_of(film)

    def pages(self) -> tuple[PrintedPage, ...]:
        """All films as they are now, in their order."""
        return tuple(map(_page_of, self._films.values()))


def _page_of(film: _Film) -> PrintedPage:
    images, texts = [], {}
    for box in film.boxes.values():
        if box.attributes is None:
            continue
        if box.sop_class_uid == ANNOTATION_BOX:
            texts[box.position] = text_of(box.attributes, "TextString")
        elif box.picture is not None:
            rest = box.attributes[:]
            del rest[tag_of(_sequence_of(box.sop_class_uid))]
            images.append(PrintedImage(box.position, box.picture, rest))
    return PrintedPage(film.attributes[:], tuple(images), texts)


def memory_of(dataset: Dataset) -> int:
    """Bytes that a decoded data set takes up, about."""
    size = 0
    for element in dataset.iterall():
        value = element.value
        size += DECODED_ELEMENT_BYTES * max(element.VM, 1)
        size += len(value) if isinstance(value, bytes | str) else 0
    return size


def _judge_picture(content: Dataset, image_class: str) -> Reply | None:
    """The refusal of the image that a box shall take (PS3.3 C.13.5); ``None`` for a good one, and for none."""
    other = _sequence_of(GRAYSCALE_IMAGE_BOX if image_class == COLOR_IMAGE_BOX else COLOR_IMAGE_BOX)
    if other in content:
        tag = tag_of(other)
        return Reply(NO_SUCH_ATTRIBUTE, "not the images of this box", (tag,), attribute_identifiers=(tag,))
    pictures = items_of(content, _sequence_of(image_class))
    return next(filter(None, (_judge_pixels(picture, image_class) for picture in pictures)), None)


def _judge_pixels(picture: Dataset, image_class: str) -> Reply | None:
    refusal = incomplete(picture, _PIXEL_ATTRIBUTES)
    if refusal is not None:
        return refusal
    kinds = _COLOR if image_class == COLOR_IMAGE_BOX else _GRAYSCALE
    if text_of(picture, "PhotometricInterpretation") not in kinds.interpretations:
        return invalid_value("PhotometricInterpretation", f"this image box takes {' or '.join(kinds.interpretations)}")
    numbers = {keyword: picture.get(keyword) for keyword in _NUMBERS}
    wrong = next((keyword for keyword, number in numbers.items() if not isinstance(number, int)), None)
    if wrong is not None:
        return invalid_value(wrong, "not a number")
    if numbers["SamplesPerPixel"] != kinds.samples:
        return invalid_value("SamplesPerPixel", "not the samples of this image box")
    empty = next((keyword for keyword in ("Rows", "Columns") if not numbers[keyword]), None)
    if empty is not None:
        return invalid_value(empty, "an image without pixels")
    if tuple(numbers[keyword] for keyword in _DEPTH) not in kinds.depths:
        return invalid_value("BitsAllocated", "this image box does not take such pixels")
    size = numbers["Rows"] * numbers["Columns"] * kinds.samples * numbers["BitsAllocated"] // 8
    if len(picture.PixelData) < size:
        return invalid_value("PixelData", "the pixel data are not as they are described")
    return None
