"""Report of the structure of a data set, and limits of what is walked (PS3.5 7.1, 7.5)."""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple

from dicomgui.network.uids import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
)

__all__ = [
    "FREE_ELEMENTS",
    "OVER_LIMITS",
    "UNLIMITED",
    "Anomaly",
    "AnomalyCode",
    "PixelDataPlace",
    "StructureCode",
    "StructureFault",
    "StructureLimits",
    "StructureReport",
]


class StructureCode(Enum):
    """The kinds of faults; a data set has one at most, the first."""

    EMPTY = "empty"
    """No element at all."""
    TRUNCATED = "truncated"
    """The data end within an element, or before an item or a sequence of defined length is full."""
    UNCLOSED = "unclosed"
    """The data end, and an item or a sequence of undefined length has no delimiter."""
    OVERRUN = "overrun"
    """An element is longer than the item or sequence around it."""
    NOT_AN_ELEMENT = "not-an-element"
    """No VR stands where one is due, in an encoding with explicit VRs."""
    NOT_AN_ITEM = "not-an-item"
    """No item stands where one is due, in a sequence or among the fragments of encapsulated pixel data."""
    MISPLACED = "misplaced"
    """An item or a delimiter where an element is due, or the wrong delimiter."""
    UNDEFINED_LENGTH = "undefined-length"
    """An undefined length where none may be: a fragment, or an element whose VR has a short length."""
    TWO_UIDS = "two-uids"
    """A second SOP Class or Instance UID that differs: some readers take the first, others the last (PS3.5 7.1)."""
    TRAILING_JUNK = "trailing-junk"
    """Bytes behind the last element that are none."""
    OTHER_ENCODING = "other-encoding"
    """Another of the four encodings than the one of the transfer syntax, by the look of the first bytes."""
    NOT_DEFLATED = "not-deflated"
    """No deflate stream where one is due, a broken one, or one that breaks off."""
    TOO_MANY = "too-many"
    """More elements than :class:`StructureLimits` allows."""
    TOO_DEEP = "too-deep"
    """A deeper nesting than that."""
    TOO_LARGE = "too-large"
    """A larger inflated size than that."""


OVER_LIMITS: Final = frozenset((StructureCode.TOO_MANY, StructureCode.TOO_DEEP, StructureCode.TOO_LARGE))
"""The codes that say nothing of whether the data set is whole."""


class AnomalyCode(Enum):
    """The kinds of anomalies."""

    ODD_LENGTH = "odd-length"
    """A value of odd length (PS3.5 7.1.1)."""
    ORDER = "order"
    """A tag that is not above the one before it (PS3.5 7.1)."""
    GROUP_LENGTH = "group-length"
    """A group length (gggg,0000) that does not tell the length of its group (PS3.5 7.2)."""
    VR = "vr"
    """A VR that is not the one of the data dictionary (PS3.6), or one that does not exist."""
    GROUP = "group"
    """An element of the groups 0000 to 0003, which belong in no data set (PS3.5 7.1)."""
    DELIMITER = "delimiter"
    """A delimiter at the end of an item or a sequence of defined length, or one that has a length."""
    DEFLATE_PADDING = "deflate-padding"
    """More than one byte behind the deflate stream (PS3.5 A.5)."""


class StructureLimits(NamedTuple):
    """The bounds of what is walked.

    :ivar max_elements: elements, items and fragments.
    :ivar max_depth: sequences and items around an element; a sequence in the data set has depth 1, its items have 2.
    :ivar max_inflated: bytes to which a deflated data set may grow.
    :ivar max_packed: elements, items and fragments of a deflated data set for each byte of it, beyond the first 60,000:
        no data set of use needs more, and empty items would have 129 of them for nothing.
    """

    max_elements: int
    max_depth: int
    max_inflated: int
    max_packed: int = 4


FREE_ELEMENTS: Final = 60_000
"""Elements that a deflated data set may have whatever its length."""

UNLIMITED: Final = StructureLimits(2**62, 16_384, 2**30)
"""For instances that are stored: as many elements as come, 16,384 levels, 1 GiB inflated."""


_TEXTS: Final[dict[StructureCode, str]] = {
    StructureCode.EMPTY: "the data set is empty",
    StructureCode.TRUNCATED: "the data set breaks off",
    StructureCode.UNCLOSED: "a sequence or an item is not closed",
    StructureCode.OVERRUN: "an element is longer than what it is in",
    StructureCode.NOT_AN_ELEMENT: "no data element where one is due",
    StructureCode.NOT_AN_ITEM: "no item where one is due",
    StructureCode.MISPLACED: "an item or a delimiter in the wrong place",
    StructureCode.UNDEFINED_LENGTH: "an undefined length where none may be",
    StructureCode.TWO_UIDS: "two SOP class or instance UIDs that differ",
    StructureCode.TRAILING_JUNK: "bytes behind the last element",
    StructureCode.OTHER_ENCODING: "not in its transfer syntax",
    StructureCode.NOT_DEFLATED: "no whole deflate stream",
    StructureCode.TOO_MANY: "too many elements",
    StructureCode.TOO_DEEP: "too many levels of sequences",
    StructureCode.TOO_LARGE: "inflates to more than the limit",
}
_SHORT_NAMES: Final = {
    IMPLICIT_VR_LITTLE_ENDIAN: "Implicit VR LE",
    EXPLICIT_VR_LITTLE_ENDIAN: "Explicit VR LE",
    EXPLICIT_VR_BIG_ENDIAN: "Explicit VR BE",
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN: "Deflated LE",
}
_LONGEST_TEXT: Final = 64


class StructureFault(NamedTuple):
    """The place at which a data set is broken.

    :ivar tag: of the element at fault; 0 where there is none.
    :ivar offset: of that element, in bytes from the start of the data set (of the inflated one where it is deflated).
    :ivar expected: bytes that were due, or the limit; -1 where the code does not tell of bytes.
    :ivar found: bytes that were there; -1 likewise.
    :ivar transfer_syntax_uid: the one that the data set should have, of ``OTHER_ENCODING``; else empty.
    :ivar found_syntax_uid: the native or deflated transfer syntax that it has, likewise.
    """

    code: StructureCode
    tag: int = 0
    offset: int = 0
    expected: int = -1
    found: int = -1
    transfer_syntax_uid: str = ""
    found_syntax_uid: str = ""

    @property
    def text(self) -> str:
        """The fault in a few words, at most 64 characters, as Error Comment (0000,0902) may have."""
        if self.found_syntax_uid:
            there, named = _SHORT_NAMES[self.found_syntax_uid], self.transfer_syntax_uid
            return f"the data set is {there}, not {_SHORT_NAMES.get(named, named)}"[:_LONGEST_TEXT]
        where = f" at byte {self.offset:,}" if self.offset > 0 else ""
        return f"{_TEXTS[self.code]}{where}"


class Anomaly(NamedTuple):
    """The first element that has an anomaly, and the number of those that have the same."""

    code: AnomalyCode
    tag: int
    offset: int
    times: int


class PixelDataPlace(NamedTuple):
    """The offset of the value of Pixel Data (7FE0,0010) and its length, in bytes; both 0 where there is none."""

    offset: int = 0
    length: int = 0


class StructureReport(NamedTuple):
    """The structure of a data set.

    :ivar fault: ``None`` where it is whole.
    :ivar anomalies: one of each kind.
    :ivar elements: elements, items and fragments, of those that were walked.
    :ivar depth: the deepest nesting.
    :ivar size: bytes as they came.
    :ivar inflated_size: the same where the data set is not deflated.
    :ivar sop_class_uid: (0008,0016), empty where there is none; without padding.
    :ivar sop_instance_uid: (0008,0018), likewise.
    :ivar pixel_data: the longest native one, at any level.
    """

    fault: StructureFault | None
    anomalies: tuple[Anomaly, ...]
    elements: int
    depth: int
    size: int
    inflated_size: int
    sop_class_uid: str
    sop_instance_uid: str
    pixel_data: PixelDataPlace = PixelDataPlace()
