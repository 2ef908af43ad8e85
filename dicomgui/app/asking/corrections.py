"""Values of a match that break the standard and were corrected when they were read: where, and in which way."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import lru_cache
from io import BytesIO
from struct import calcsize
from typing import TYPE_CHECKING, Final, NamedTuple

from dicomgui.app.asking.keys import SPECIFIC_CHARACTER_SET
from dicomgui.app.asking.values import Answer, vr_of_tag
from dicomgui.network.dimse.charset import codec_of, decode, is_decodable
from dicomgui.network.dimse.dataset import MAX_INFLATED, count_elements
from dicomgui.network.errors import RemoteProtocolError
from dicomgui.network.structure import read_structure
from dicomgui.network.structure_report import AnomalyCode
from dicomgui.network.uids import EXPLICIT_VR_BIG_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from dicomgui.storage.scan import inflate, native_syntax

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["Correction", "CorrectionCode", "codes_text", "corrections_in"]

MAX_CORRECTIONS: Final = 50
"""Of a match no more are told."""


class CorrectionCode(StrEnum):
    """The kinds of corrections."""

    PADDING = "padding"
    """Padded by another character than the VR has: NUL in a text, space in a UID (PS3.5 6.2)."""
    CONTROL_CHARACTER = "control-character"
    """Control characters in a text, which are left out (PS3.5 6.1.3)."""
    CHARACTER_SET = "character-set"
    """Bytes that the character set does not have; they are read as UTF-8 or Latin-1 (PS3.5 6.1)."""
    NO_CHARACTER_SET = "no-character-set"
    """Bytes beyond ASCII where no character set is named (PS3.3 C.12.1.1.2)."""
    UNKNOWN_CHARACTER_SET = "unknown-character-set"
    """A character set that the standard does not have."""
    DATE_FORM = "date-form"
    """A date with dots, as in ACR-NEMA (PS3.5 6.2, note to DA)."""
    INVALID_VALUE = "invalid-value"
    """A value that its VR does not allow, which is shown as it is (PS3.5 6.2)."""
    VALUE_LENGTH = "value-length"
    """A binary value whose length is no multiple of that of one number; the rest is left out."""
    ODD_LENGTH = AnomalyCode.ODD_LENGTH.value
    """A value of odd length (PS3.5 7.1.1)."""
    ORDER = AnomalyCode.ORDER.value
    """An element that is not in the order of the tags (PS3.5 7.1)."""
    GROUP_LENGTH = AnomalyCode.GROUP_LENGTH.value
    """A group length that is wrong (PS3.5 7.2)."""
    VR = AnomalyCode.VR.value
    """Another VR than that of the data dictionary (PS3.6)."""
    GROUP = AnomalyCode.GROUP.value
    """An element of a group that belongs in no data set (PS3.5 7.1)."""
    DELIMITER = AnomalyCode.DELIMITER.value
    """A delimiter that should not be, or has a length (PS3.5 7.5)."""
    DEFLATE_PADDING = AnomalyCode.DEFLATE_PADDING.value
    """Bytes behind the deflate stream (PS3.5 A.5)."""


class Correction(NamedTuple):
    """One correction.

    :ivar code: its kind.
    :ivar element: keywords, or ``(gggg,eeee)`` where there is none: ``RequestAttributesSequence[0].StudyID``; empty for
        the data set as a whole. Of what concerns the encoding, the first element that has it.
    :ivar tag: of the element of the outermost level; 0 where it is not known.
    """

    code: CorrectionCode
    element: str
    tag: int


_TEXTS: Final = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_LONG_TEXTS: Final = frozenset({"LT", "ST", "UT", "UR"})
_STRINGS: Final = _TEXTS | {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"}
_NUMBERS: Final = {"FD": "d", "FL": "f", "SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q", "AT": "I"}
_CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_DOTTED: Final = re.compile(r"\d{4}\.\d{2}\.\d{2}")


def corrections_in(answer: Answer) -> tuple[Correction, ...]:
    """The corrections of a match, at most 50; none of one that cannot be read. Takes some 0.3 ms."""
    try:
        data = inflate(answer.data, answer.transfer_syntax_uid, MAX_INFLATED)
        syntax = native_syntax(answer.transfer_syntax_uid, data)
        count_elements(data, syntax)
        dataset = _raw(data, syntax)
        named = _named_charset(dataset)
        charset = answer.charset if answer.charset and (answer.is_forced or not named) else named
        found = [*_of_structure(answer), *_of_charset(named), *_of_values(dataset, charset, "", 0)]
    except RemoteProtocolError:
        return ()
    return tuple(dict.fromkeys(found))[:MAX_CORRECTIONS]


def codes_text(corrections: Iterable[Correction]) -> str:
    """Elements and codes in one line: ``PatientName padding, StudyDate date-form``."""
    return ", ".join(f"{one.element} {one.code}".strip() for one in corrections)


def _raw(data: bytes, syntax: str) -> Dataset:
    """The data set with its values not yet converted."""
    from pydicom import config, filereader

    try:
        with config.disable_value_validation(), warnings.catch_warnings(action="ignore"):
            return filereader.read_dataset(
                BytesIO(data), syntax == IMPLICIT_VR_LITTLE_ENDIAN, syntax != EXPLICIT_VR_BIG_ENDIAN
            )
    except Exception as error:  # pydicom raises whatever the byte at fault causes
        raise RemoteProtocolError(str(error) or type(error).__name__) from error


def _of_structure(answer: Answer) -> Iterator[Correction]:
    for anomaly in read_structure(answer.data, answer.transfer_syntax_uid).anomalies:
        yield Correction(CorrectionCode(anomaly.code.value), _name(anomaly.tag) if anomaly.tag else "", anomaly.tag)


def _named_charset(dataset: Dataset) -> str:
    value = dataset.get_item(SPECIFIC_CHARACTER_SET).value if SPECIFIC_CHARACTER_SET in dataset else b""
    return value.strip(b"\0 ").decode("ascii", "replace") if isinstance(value, bytes) else ""


def _of_charset(named: str) -> Iterator[Correction]:
    for term in named.split("\\"):
        if term.strip() and codec_of(term) == "ascii" and not term.strip().endswith("IR 6"):
            tag = SPECIFIC_CHARACTER_SET
            yield Correction(CorrectionCode.UNKNOWN_CHARACTER_SET, _name(tag), tag)


def _of_values(dataset: Dataset, charset: str, prefix: str, top: int) -> Iterator[Correction]:
    for tag in sorted(map(int, dataset.keys())):
        element = dataset.get_item(tag)
        named = element.VR
        vr = str(named) if named and named != "UN" else vr_of_tag(tag).partition(" or ")[0]
        if vr == "SQ":
            name = f"{prefix}{_name(tag)}"
            for number, item in enumerate(_items(dataset, tag)):
                yield from _of_values(item, charset, f"{name}[{number}].", top or tag)
        elif isinstance(element.value, bytes):
            for code in _codes(vr, element.value, charset):
                yield Correction(code, f"{prefix}{_name(tag)}", top or tag)


def _items(dataset: Dataset, tag: int) -> list[Dataset]:
    from pydicom import Dataset

    try:
        with warnings.catch_warnings(action="ignore"):
            value = dataset[tag].value
    except Exception as error:  # as above
        raise RemoteProtocolError(str(error) or type(error).__name__) from error
    return [item for item in value or () if isinstance(item, Dataset)]


@lru_cache(maxsize=512)
def _name(tag: int) -> str:
    from pydicom import datadict

    return datadict.keyword_for_tag(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


@lru_cache(maxsize=2048)
def _codes(vr: str, raw: bytes, charset: str) -> tuple[CorrectionCode, ...]:
    """The codes of one value."""
    if vr in _NUMBERS:
        return (CorrectionCode.VALUE_LENGTH,) if len(raw) % calcsize(_NUMBERS[vr]) else ()
    if vr not in _STRINGS:
        return ()
    found = []
    body = raw.rstrip(b"\0 ")
    padding = raw[len(body) :]
    if (vr == "UI" and padding not in (b"", b"\0")) or (vr != "UI" and b"\0" in padding):
        found.append(CorrectionCode.PADDING)
    if vr in _TEXTS and not (is_decodable(body, charset) if charset else body.isascii()):
        found.append(CorrectionCode.CHARACTER_SET if charset else CorrectionCode.NO_CHARACTER_SET)
    text = decode(body, charset) if vr in _TEXTS else body.decode("latin-1")
    kept = _CONTROL.sub("", text)
    if kept != text:
        found.append(CorrectionCode.CONTROL_CHARACTER)
    parts = [kept] if vr in _LONG_TEXTS else kept.split("\\")
    found += dict.fromkeys(code for part in parts for code in _code_of_part(vr, part.strip(" ")))
    return tuple(found)


def _code_of_part(vr: str, text: str) -> tuple[CorrectionCode, ...]:
    from pydicom import config, valuerep

    if not text:
        return ()
    if vr == "DA" and _DOTTED.fullmatch(text):
        return (CorrectionCode.DATE_FORM,)
    try:
        valuerep.validate_value(vr, text, config.RAISE)
    except ValueError:
        return (CorrectionCode.INVALID_VALUE,)
    return ()
