"""What of a data set tells who somebody is, and what takes its place; after the Basic Profile of PS3.15 annex E.

The profile lists some six hundred attributes. Here it is turned round, so that what the list forgets is masked and not
shown: all names, texts, dates, times, bytes, private elements and everything about the patient (group 0010) is masked,
all UIDs but those of classes and syntaxes are replaced, and what remains are numbers, codes of defined terms and a few
attributes that name a product. What takes a value's place is as long as the value.
"""

from __future__ import annotations

import re
from enum import Enum, StrEnum
from functools import lru_cache
from typing import NamedTuple

__all__ = [
    "DATE_FILLER",
    "FILLER",
    "NUL",
    "Kind",
    "Masked",
    "Rule",
    "is_known_group",
    "is_personal",
    "mask_value",
    "name_of_tag",
    "rule_of",
]

FILLER = b"X"
"""Takes the place of letters and of bytes that cannot be understood."""

NUL = b"\0"
"""Takes the place of what is compressed and cannot be masked inside."""

DATE_FILLER = b"19000101"
"""Takes the place of every date."""

PIXEL_DATA = 0x7FE00010


class Kind(Enum):
    """What becomes of a value."""

    KEEP = "keep"
    TEXT = "text"
    DATE = "date"
    TIME = "time"
    DATE_TIME = "date and time"
    NUMBER = "number"
    """Digits become zeros: ages, weights and sizes."""
    ZEROS = "zeros"
    """All bytes become zero."""
    UID = "UID"
    BYTES = "bytes"
    SEQUENCE = "sequence"


class Masked(StrEnum):
    """The kinds that are masked as a whole, and counted; the words are in :mod:`dicomgui.trace.redaction.wording`."""

    NOTE = "note"
    NO_PDU = "no-pdu"
    CERTIFICATE = "certificate"
    PATH = "path"
    LOST_DATA_SET = "lost-data-set"
    LOST_PDU = "lost-pdu"
    DEFLATED = "deflated"
    UNKNOWN_SYNTAX = "unknown-syntax"


class Rule(NamedTuple):
    """What becomes of an element.

    :ivar is_known: whether the dictionary has it, or it is private.
    :ivar limit: bytes that a value to be kept may have: a longer one is none of that attribute, and is masked.
    :ivar form: what a value to be kept must look like, where that can be told.
    """

    kind: Kind
    is_known: bool
    limit: int = 0
    form: re.Pattern[bytes] | None = None

    def keeps(self, value: bytes) -> bool:
        """Whether a value looks like one that may be kept."""
        return len(value) <= self.limit and (self.form is None or self.form.fullmatch(value) is not None)


_BY_VR = {
    **dict.fromkeys(("PN", "LO", "SH", "ST", "LT", "UT", "UC", "UR"), Kind.TEXT),
    **dict.fromkeys(("OB", "OW", "OD", "OF", "OL", "OV", "UN"), Kind.BYTES),
    **dict.fromkeys(("CS", "AE", "IS", "DS", "US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "AT"), Kind.KEEP),
    "AS": Kind.NUMBER,
    "DA": Kind.DATE,
    "TM": Kind.TIME,
    "DT": Kind.DATE_TIME,
    "UI": Kind.UID,
    "SQ": Kind.SEQUENCE,
}
VRS = frozenset(_BY_VR)
"""The value representations of PS3.5 6.2."""

MAX_KEPT = 1024
"""Bytes of a value that may be kept; what is longer is no code and no number."""

_TEXT_FORM = re.compile(rb"[^\0-\x1a\x1c-\x1f]*\0?")
_NUMBER_FORM = re.compile(rb"[0-9+\-.Ee\\ ]*\0?")
# Of each VR that may be kept: bytes of one value (PS3.5 6.2), and the form of all.
_FORMS: dict[str, tuple[int, re.Pattern[bytes] | None]] = {
    "CS": (16, re.compile(rb"[A-Za-z0-9_ \\*?.\-]*\0?")),
    "AE": (16, re.compile(rb"[ -~]*\0?")),
    "LO": (64, _TEXT_FORM),
    "IS": (12, _NUMBER_FORM),
    "DS": (16, _NUMBER_FORM),
    "UI": (64, re.compile(rb"[0-9.\\ ]*\0*")),
    **dict.fromkeys(("US", "SS"), (2, None)),
    **dict.fromkeys(("UL", "SL", "FL", "AT"), (4, None)),
    **dict.fromkeys(("UV", "SV", "FD"), (8, None)),
}

# Of a person, or of nobody: what becomes of a value that would be kept, where nothing is to be kept.
_STRICT = {
    **dict.fromkeys(("IS", "DS"), Kind.NUMBER),
    **dict.fromkeys(("US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "AT"), Kind.ZEROS),
}
_PRODUCT = frozenset({
    0x00080070,  # Manufacturer
    0x00081090,  # Manufacturer's Model Name
    0x00181020,  # Software Versions
    0x00080100,  # Code Value
    0x00080102,  # Coding Scheme Designator
    0x00080103,  # Coding Scheme Version
})  # fmt: skip
_MASKED = frozenset({
    0x00041130,  # File-set ID
    0x00041500,  # Referenced File ID: names of folders are often names of people
    0x00402016,  # Placer Order Number
    0x00402017,  # Filler Order Number
})  # fmt: skip
_PATIENT = 0x0010
_IDENTIFIERS = frozenset({
    0x00080050,  # Accession Number
    0x00200010,  # Study ID
    0x00380010,  # Admission ID
    0x00402016,  # Placer Order Number
    0x00402017,  # Filler Order Number
})  # fmt: skip
# Keywords of UIDs that say what kind of thing something is, not which one it is.
_CLASS_WORDS = re.compile(
    r"SOPClass|TransferSyntaxUID|ImplementationClassUID|ClassUID$|CodingSchemeUID|ContextUID|MappingResourceUID"
    r"|ContextGroupExtensionCreatorUID"
)


@lru_cache(maxsize=8192)
def rule_of(tag: int, vr: str, *, keep_ae: bool = True, is_private: bool = False) -> Rule:
    """What becomes of the values of ``tag``.

    :param vr: the VR in the data set; an empty string in implicit VR, where the dictionary says it.
    :param keep_ae: leave AE titles as they are.
    :param is_private: the element stands inside a private sequence: nothing in it is kept.
    """
    if tag >> 16 & 1:
        return Rule(Kind.SEQUENCE if vr == "SQ" else Kind.BYTES, True)
    known, keyword, most = _entry(tag)
    vrs = {known, vr} - {""}
    if "SQ" in vrs:
        # What the dictionary says counts in implicit VR alone: else the data set says how it goes on.
        return Rule(Kind.SEQUENCE if vr in ("", "SQ") else Kind.BYTES, bool(known))
    if not known:
        return Rule(Kind.BYTES, False)
    kinds = {_BY_VR.get(name, Kind.BYTES) for name in vrs}
    if kinds == {Kind.UID} and _CLASS_WORDS.search(keyword):
        return _kept("UI", most)
    if tag in _PRODUCT and kinds == {Kind.TEXT} and not is_private:
        return _kept("LO", most)
    masked = kinds - {Kind.KEEP}
    if masked:
        if Kind.TEXT in masked:
            return Rule(Kind.TEXT, True)
        return Rule(masked.pop() if len(kinds) == 1 else Kind.BYTES, True)
    if is_private or tag in _MASKED or tag >> 16 == _PATIENT or ("AE" in vrs and not keep_ae):
        return Rule(_STRICT.get(min(vrs), Kind.TEXT), True)
    return _kept(vr or known, most)


def _kept(vr: str, most: int) -> Rule:
    size, form = _FORMS[vr]
    return Rule(Kind.KEEP, True, min(most * (size + 1), MAX_KEPT), form)


@lru_cache(maxsize=8192)
def _entry(tag: int) -> tuple[str, str, int]:
    """VR, keyword and greatest number of values out of the dictionary; an empty VR if unknown.

    Of VRs that depend on something it is the one that hides most. Imports pydicom at the first call.
    """
    from pydicom import datadict

    if tag & 0xFFFF == 0:
        return "UL", "GroupLength", 1
    try:
        vr, multiplicity, _, _, keyword = datadict.get_entry(tag)
    except KeyError:
        return "", "", 0
    if " or " in vr:
        vr = "OW" if "OW" in vr else "US"
    most = multiplicity.rpartition("-")[2]
    return vr, keyword, int(most) if most.isdigit() else MAX_KEPT


def name_of_tag(tag: int) -> str:
    """Keyword and number of an element, e.g. ``PatientName (0010,0010)``; never a value."""
    number = f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
    if tag >> 16 & 1:
        return f"private {number}"
    return f"{_entry(tag)[1] or 'unknown'} {number}"


@lru_cache(maxsize=8192)
def is_personal(tag: int) -> bool:
    """Tell whether an element names a person, or is an identifier of one or of an order."""
    return tag >> 16 == _PATIENT or tag in _IDENTIFIERS or (not tag >> 16 & 1 and _entry(tag)[0] == "PN")


@lru_cache(maxsize=1)
def _groups() -> frozenset[int]:
    from pydicom import datadict

    repeating = [base + number for base in (0x5000, 0x6000) for number in range(0, 32, 2)]
    return frozenset([tag >> 16 for tag in vars(datadict)["DicomDictionary"]]).union(repeating)


def is_known_group(group: int) -> bool:
    """Whether the standard has elements of that group, or it is one of private ones."""
    return bool(group & 1) or group in _groups()


# ------------------------------------------------------------------------------------------------------------- values

_TEXT = bytes.maketrans(
    bytes(range(256)), bytes(byte if byte in b"^=\\*?" else ord("X") for byte in range(256))
)  # what gives a name or a list its structure says nothing, and its faults are worth seeing
_DIGITS = bytes.maketrans(
    bytes(range(256)),
    bytes(ord("0") if 48 <= byte < 58 else byte if byte in b" \0-+.:\\*?YMWD" else ord("X") for byte in range(256)),
)
_DATES = re.compile(rb"[^\\-]+")
_PADDING = b" \0"


def mask_value(kind: Kind, value: bytes) -> bytes:
    """What takes the place of a value, of the same length; UIDs are not its business and come back as they are."""
    masker = _MASKERS.get(kind)
    return value if masker is None else masker(value)


def _mask_text(value: bytes) -> bytes:
    padding = len(value) - len(value.rstrip(_PADDING))
    return value.translate(_TEXT)[: len(value) - padding] + value[len(value) - padding :]


def _mask_date(value: bytes) -> bytes:
    return _DATES.sub(_dated, value)


def _dated(match: re.Match[bytes]) -> bytes:
    part = match.group()
    digits = part.strip(_PADDING)
    if len(digits) >= len(DATE_FILLER) and digits[:8].isdigit():
        start = part.index(digits)
        rest = part[start + len(DATE_FILLER) :].translate(_DIGITS)
        return part[:start] + DATE_FILLER + rest
    return part.translate(_DIGITS)


def _mask_digits(value: bytes) -> bytes:
    return value.translate(_DIGITS)


def _mask_zeros(value: bytes) -> bytes:
    return NUL * len(value)


def _mask_bytes(value: bytes) -> bytes:
    return FILLER * len(value)


_MASKERS = {
    Kind.TEXT: _mask_text,
    Kind.DATE: _mask_date,
    Kind.DATE_TIME: _mask_date,
    Kind.TIME: _mask_digits,
    Kind.NUMBER: _mask_digits,
    Kind.ZEROS: _mask_zeros,
    Kind.BYTES: _mask_bytes,
}
