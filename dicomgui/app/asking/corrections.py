"""Values of a match that break the standard and were corrected when they were read: where, and in which way."""

from __future__ import annotations

import asyncio
import re
import struct
import warnings
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Final, NamedTuple

from dicomgui.app.asking.keys import SPECIFIC_CHARACTER_SET
from dicomgui.app.asking.values import Answer, vr_of_tag
from dicomgui.network.dimse.charset import codec_of, decode, is_decodable
from dicomgui.network.dimse.dataset import MAX_DECODED, count_elements, syntax_of_answer
from dicomgui.network.errors import RemoteProtocolError
from dicomgui.network.service.decoding import is_large
from dicomgui.network.structure import read_structure
from dicomgui.network.structure_report import UNLIMITED, AnomalyCode, StructureCode
from dicomgui.network.uids import EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from dicomgui.network.vrs import LONG_VRS, vr_of
from dicomgui.storage.scan import inflate, native_syntax

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["Correction", "CorrectionCode", "codes_text", "corrections_beside", "corrections_in"]

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
    OTHER_ENCODING = StructureCode.OTHER_ENCODING.value
    """Another native transfer syntax than the negotiated one; it is read as it is written."""
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
_SHORT: Final = 256
"""Bytes of a value whose codes are kept."""
_DOTTED: Final = re.compile(r"\d{4}\.\d{2}\.\d{2}")


def corrections_in(answer: Answer) -> tuple[Correction, ...]:
    """The corrections of a match, at most 50; none of one that cannot be read.

    Takes some 0.03 ms where nothing is to be corrected, else 0.5 ms; and a second where the match has as many elements
    as can be read: see :func:`corrections_beside`.
    """
    if _PlainReader(answer).is_plain():
        return ()
    return _looked_for(answer)


def _looked_for(answer: Answer) -> tuple[Correction, ...]:
    """The corrections of a match, by all that can be said of it."""
    try:
        written = syntax_of_answer(answer.data, answer.transfer_syntax_uid)
        data = inflate(answer.data, written, MAX_DECODED)
        syntax = native_syntax(written, data)
        count_elements(data, syntax)
        dataset = _raw(data, syntax)
        named = _named_charset(dataset)
        charset = answer.charset if answer.charset and (answer.is_forced or not named) else named
        found = [*_of_structure(answer, written), *_of_charset(named), *_of_values(dataset, charset, "", 0)]
    except RemoteProtocolError:
        return ()
    return tuple(dict.fromkeys(found))[:MAX_CORRECTIONS]


async def corrections_beside(answer: Answer) -> tuple[Correction, ...]:
    """The same, in a thread where the match is large."""
    if is_large(answer.data, answer.transfer_syntax_uid):
        return await asyncio.get_running_loop().run_in_executor(None, corrections_in, answer)
    return corrections_in(answer)


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


def _of_structure(answer: Answer, written: str) -> Iterator[Correction]:
    if written != answer.transfer_syntax_uid:
        yield Correction(CorrectionCode.OTHER_ENCODING, "", 0)
    limits = UNLIMITED._replace(max_inflated=MAX_DECODED)
    for anomaly in read_structure(answer.data, written, limits).anomalies:
        yield Correction(CorrectionCode(anomaly.code.value), _name(anomaly.tag) if anomaly.tag else "", anomaly.tag)


def _named_charset(dataset: Dataset) -> str:
    value = (
        dataset.get_item(SPECIFIC_CHARACTER_SET, keep_deferred=True).value if SPECIFIC_CHARACTER_SET in dataset else b""
    )
    return value.strip(b"\0 ").decode("ascii", "replace") if isinstance(value, bytes) else ""


def _of_charset(named: str) -> Iterator[Correction]:
    for term in named.split("\\"):
        if term.strip() and codec_of(term) == "ascii" and not term.strip().endswith("IR 6"):
            tag = SPECIFIC_CHARACTER_SET
            yield Correction(CorrectionCode.UNKNOWN_CHARACTER_SET, _name(tag), tag)


def _of_values(dataset: Dataset, charset: str, prefix: str, top: int) -> Iterator[Correction]:
    for tag in sorted(map(int, dataset.keys())):
        element = dataset.get_item(tag, keep_deferred=True)
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


def _codes(vr: str, raw: bytes, charset: str) -> tuple[CorrectionCode, ...]:
    """The codes of one value; those of short ones, which matches repeat, are kept."""
    return _kept_codes(vr, raw, charset) if len(raw) <= _SHORT else _found_codes(vr, raw, charset)


@lru_cache(maxsize=2048)
def _kept_codes(vr: str, raw: bytes, charset: str) -> tuple[CorrectionCode, ...]:
    return _found_codes(vr, raw, charset)


def _found_codes(vr: str, raw: bytes, charset: str) -> tuple[CorrectionCode, ...]:
    if vr in _NUMBERS:
        return (CorrectionCode.VALUE_LENGTH,) if len(raw) % struct.calcsize(_NUMBERS[vr]) else ()
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


# ------------------------------------------------------------------------------------------------------- what is plain

_QUICK: Final = {
    "AE": re.compile(rb"[ -\[\]-~]{0,16}"),
    "CS": re.compile(rb"[A-Z0-9 _]{0,16}(?:\\[A-Z0-9 _]{0,16})*"),
    "DA": re.compile(rb"(?:[0-9]{4}(?:0[1-9]|1[0-2])(?:[0-2][0-9]|3[01]))? *"),
    "DS": re.compile(rb"(?:[+-]?[0-9]{1,8}(?:\.[0-9]{1,6})?)? *"),
    "IS": re.compile(rb"(?:[+-]?[0-9]{1,9})? *"),
    "LO": re.compile(rb"[ -\[\]-~]{0,64}"),
    "LT": re.compile(rb"[ -~\r\n]{0,1024}"),
    "PN": re.compile(rb"[ -<>-\[\]-~]{0,64}"),
    "SH": re.compile(rb"[ -\[\]-~]{0,16}"),
    "ST": re.compile(rb"[ -~\r\n]{0,1024}"),
    "TM": re.compile(rb"(?:(?:[01][0-9]|2[0-3])(?:[0-5][0-9](?:[0-5][0-9](?:\.[0-9]{1,6})?)?)?)? *"),
    "UI": re.compile(rb"(?=.{0,64}\Z)(?:(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))*)?\0?", re.DOTALL),
}
"""Bytes of values that need no correction in any character set; those that do not match may need none, either."""
_ITEM: Final = b"\xfe\xff\x00\xe0"
_ITEM_END: Final = b"\xfe\xff\x0d\xe0\0\0\0\0"
_SEQUENCE_END: Final = b"\xfe\xff\xdd\xe0\0\0\0\0"
_UNDEFINED: Final = 0xFFFF_FFFF
_DEEPEST: Final = 8
_STARTS: Final = {
    EXPLICIT_VR_LITTLE_ENDIAN: struct.Struct("<6sH").unpack_from,
    IMPLICIT_VR_LITTLE_ENDIAN: struct.Struct("<4sI").unpack_from,
}
_LONG: Final = struct.Struct("<I").unpack_from


class _NotPlain(Exception):
    """Something is to be looked at more closely."""


class _Known(NamedTuple):
    """The beginning of an element that is as the dictionary has it.

    :ivar is_long: its length has four bytes more.
    :ivar fits: matches the whole of a value that is plain; ``None`` where any value is.
    """

    tag: int
    vr: str
    is_long: bool
    fits: Callable[[bytes], object] | None


@lru_cache(maxsize=4096)
def _known(key: bytes) -> _Known | None:
    """The element that begins so, of four bytes in implicit VR, six in explicit; ``None`` for an odd or unknown one."""
    group, number = int.from_bytes(key[:2], "little"), int.from_bytes(key[2:4], "little")
    tag, named = group << 16 | number, key[4:]
    expected = vr_of(tag).split(" or ")
    vr = named.decode("latin-1") if named else expected[0]
    if group < 8 or not number or not vr or vr == "UN" or vr not in expected:
        return None
    quick = _QUICK.get(vr)
    fits = quick.fullmatch if quick is not None else _never if vr in _STRINGS or vr in _NUMBERS else None
    return _Known(tag, vr, named in LONG_VRS, fits)


def _never(_value: bytes) -> None:
    return None


class _PlainReader:
    """Walks a match once, and decodes nothing, to see that there is nothing to be corrected."""

    __slots__ = ("_charset", "_data", "_is_forced", "_start")

    def __init__(self, answer: Answer) -> None:
        self._data = answer.data
        self._start = _STARTS.get(answer.transfer_syntax_uid)
        self._charset = answer.charset
        self._is_forced = answer.is_forced and bool(answer.charset)

    def is_plain(self) -> bool:
        """True where nothing is to be corrected for sure."""
        if self._start is None:
            return False
        try:
            self._elements(0, len(self._data), 0)
        except (_NotPlain, struct.error):
            return False
        return True

    def _elements(self, at: int, end: int, depth: int, *, is_delimited: bool = False) -> int:
        """Take the elements of the data set or of an item; returns where they end, with the delimiter."""
        data, start, last = self._data, self._start, -1
        assert start is not None
        while at < end:
            key, length = start(data, at)
            known = _known(key)
            if known is None:
                if is_delimited and data.startswith(_ITEM_END, at):
                    return at + 8
                raise _NotPlain
            tag, vr, is_long, fits = known
            at += 8
            if is_long:
                (length,) = _LONG(data, at)
                at += 4
            if tag <= last:
                raise _NotPlain
            last = tag
            if vr == "SQ":
                at = self._items(at, length, end, depth)
                continue
            begin, at = at, at + length
            if length & 1 or at > end:
                raise _NotPlain
            if fits is not None and not fits(data[begin:at]) and _codes(vr, data[begin:at], self._charset):
                raise _NotPlain
            if tag == SPECIFIC_CHARACTER_SET and not depth:
                self._take_charset(data[begin:at])
        if is_delimited:
            raise _NotPlain
        return at

    def _items(self, at: int, length: int, end: int, depth: int) -> int:
        """Take the items of a sequence; returns where it ends, with the delimiter."""
        data, is_delimited = self._data, length == _UNDEFINED
        until = end if is_delimited else at + length
        if until > end or depth >= _DEEPEST:
            raise _NotPlain
        while at < until:
            if is_delimited and data.startswith(_SEQUENCE_END, at):
                return at + 8
            if not data.startswith(_ITEM, at):
                raise _NotPlain
            (size,) = _LONG(data, at + 4)
            at += 8
            if size == _UNDEFINED:
                at = self._elements(at, until, depth + 1, is_delimited=True)
            elif at + size > until:
                raise _NotPlain
            else:
                at = self._elements(at, at + size, depth + 1)
        if is_delimited:
            raise _NotPlain
        return at

    def _take_charset(self, value: bytes) -> None:
        named = value.strip(b"\0 ").decode("ascii", "replace")
        if next(_of_charset(named), None) is not None:
            raise _NotPlain
        if named and not self._is_forced:
            self._charset = named


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
