"""Values of elements as text that a person edits: text to value and back, and what the standard says about it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, MutableSequence
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service_classes import keys as grammar
from dicomgui.network.service_classes.attributes import ENCODED_VRS

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement

__all__ = ["BINARY_VRS", "VRS", "Remark", "Severity", "judge", "representations", "text_of_value", "value_of_text"]

VRS: Final = (
    "AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "OB", "OD", "OF", "OL", "OV", "OW", "PN",
    "SH", "SL", "SQ", "SS", "ST", "SV", "TM", "UC", "UI", "UL", "UN", "UR", "US", "UT", "UV",
)  # fmt: skip
"""The value representations (PS3.5 6.2)."""

BINARY_VRS: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
"""The representations whose values are bytes; their text is hexadecimal."""

_UNDIVIDED: Final = frozenset({"LT", "ST", "UT", "UR"})
"""Text in which a backslash separates nothing (PS3.5 6.4)."""

_LIMITS: Final = {
    "US": (0, 0xFFFF), "SS": (-0x8000, 0x7FFF), "UL": (0, 0xFFFF_FFFF), "SL": (-0x8000_0000, 0x7FFF_FFFF),
    "UV": (0, 2**64 - 1), "SV": (-(2**63), 2**63 - 1),
}  # fmt: skip
_WORDS: Final = {
    "AE": "an AE title of up to 16 characters", "AS": "an age such as 034Y", "CS": "up to 16 of A-Z 0-9 _ and space",
    "DA": "a date YYYYMMDD", "DS": "a decimal number of up to 16 characters", "DT": "a moment YYYYMMDDHHMMSS&ZZXX",
    "IS": "an integer of up to 12 characters", "LO": "up to 64 characters", "LT": "up to 10,240 characters",
    "PN": "a name Family^Given, up to 64 characters a group", "SH": "up to 16 characters",
    "ST": "up to 1,024 characters", "TM": "a time HHMMSS.FFFFFF",
    "UI": "a UID of up to 64 digits and points, no part of which begins with 0", "UR": "a URI without spaces before it",
}  # fmt: skip


class Severity(StrEnum):
    """How bad a remark is."""

    ERROR = "error"
    """It cannot be sent."""
    WARNING = "warning"
    """It breaks a rule of the standard, and is sent as it is."""


class Remark(NamedTuple):
    """What is to be said about a value, in one sentence without its full stop."""

    severity: Severity
    text: str


def representations(tag: int) -> tuple[str, ...]:
    """The representations that the dictionary allows for an attribute, e.g. US and SS; all of one it does not know."""
    from pydicom import datadict

    try:
        named = datadict.dictionary_VR(tag)
    except KeyError:
        is_private_creator = tag >> 16 & 1 and 0x10 <= tag & 0xFFFF <= 0xFF  # PS3.5 7.8.1
        return ("LO",) if is_private_creator else ("UN", *(vr for vr in VRS if vr != "UN"))
    found = tuple(part for part in named.split(" or ") if part in VRS)
    return found or ("UN",)


def text_of_value(element: DataElement) -> str:
    """The value of an element as text: several separated by backslashes, bytes as hexadecimal digits."""
    value = element.value
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.hex(" ")
    values = value if isinstance(value, MutableSequence) else [value]
    if element.VR == "AT":
        return "\\".join(f"({int(one) >> 16:04X},{int(one) & 0xFFFF:04X})" for one in values)
    return "\\".join(map(str, values))


def value_of_text(vr: str, text: str) -> object:
    """What a data set takes for a text; an empty text gives no value.

    :raises ConfigurationError: it cannot be encoded in this representation.
    """
    if vr in BINARY_VRS:
        return _bytes_of(text)
    if not text:
        return ""
    if vr not in ENCODED_VRS and not text.isascii():
        raise _wrong(f"{vr} takes only ASCII")
    if vr in _UNDIVIDED:
        return text
    values = text.split("\\")
    if vr in grammar.NUMBER_VRS:
        numbers = [_number_of(vr, one) for one in values]
        return numbers if len(numbers) > 1 else numbers[0]
    if vr in ("IS", "DS"):
        for one in values:
            _check_numeric(vr, one)
    return values if len(values) > 1 else text


def _bytes_of(text: str) -> bytes:
    digits = "".join(text.split())
    try:
        return bytes.fromhex(digits)
    except ValueError as error:
        raise _wrong("bytes are written as pairs of hexadecimal digits, 0A FF") from error


def _number_of(vr: str, text: str) -> int | float:
    try:
        number = grammar.number_of(vr, text.strip())
    except (ValueError, OverflowError) as error:
        raise _wrong(f"{vr} takes a number, not {text.strip()[:40]!r}") from error
    low, high = _LIMITS.get(vr, (number, number))
    if not low <= number <= high and vr in _LIMITS:
        raise _wrong(f"{vr} takes {low:,} to {high:,}")
    return number


def _check_numeric(vr: str, text: str) -> None:
    stripped = text.strip()
    try:
        if stripped:
            int(stripped) if vr == "IS" else float(stripped)
    except ValueError as error:
        what = "an integer" if vr == "IS" else "a decimal number"
        raise _wrong(f"{vr} takes {what}, not {stripped[:40]!r}") from error


def judge(tag: int, vr: str, text: str) -> Remark | None:
    """What is wrong with a value as text; ``None`` where nothing is (PS3.5 6.2, multiplicity by PS3.6)."""
    try:
        value_of_text(vr, text)
    except ConfigurationError as error:
        return Remark(Severity.ERROR, str(error))
    if not text or vr in BINARY_VRS or vr == "SQ":
        return None
    values = [text] if vr in _UNDIVIDED else text.split("\\")
    broken = next((one for one in values if not _fits(vr, one)), None)
    if broken is not None:
        return Remark(Severity.WARNING, f"{vr} wants {_WORDS.get(vr, 'another value')}, not {broken[:40]!r}")
    return _judge_count(tag, len(values))


def _fits(vr: str, text: str) -> bool:
    from pydicom import valuerep

    if not text:
        return True
    validator: Callable[[str, str], tuple[bool, str]] | None = valuerep.VALIDATORS.get(vr)
    if vr not in _WORDS or validator is None:
        return True
    with warnings.catch_warnings(action="ignore"):
        is_valid, _why = validator(vr, text)
    return bool(is_valid)


def _judge_count(tag: int, count: int) -> Remark | None:
    from pydicom import datadict

    try:
        allowed = datadict.dictionary_VM(tag)
    except KeyError:
        return None
    low, _, high = allowed.partition("-")
    step = int(high.removesuffix("n") or 1) if high.endswith("n") else 0
    least = int(low)
    allows = count >= least and (count - least) % step == 0 if step else least <= count <= int(high or low)
    values = "value" if allowed == "1" else "values"
    return None if allows else Remark(Severity.WARNING, f"the dictionary has {allowed} {values}, here are {count}")


def _wrong(what: str) -> ConfigurationError:
    return ConfigurationError(what, phase="configure")
