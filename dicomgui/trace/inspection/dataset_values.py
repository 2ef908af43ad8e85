"""Names of elements and their values as plain text, from the bytes of a data set (PS3.5 6.2, PS3.6)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import lru_cache

from dicomgui.network.dimse.charset import decode
from dicomgui.network.service_classes.attributes import ENCODED_VRS, vr_of
from dicomgui.network.status import Status
from dicomgui.network.uids import is_valid_uid, name_of
from dicomgui.trace.finding import plain

__all__ = ["CHARACTER_SET", "LONG_VRS", "VRS", "VR_TEXTS", "element_vr", "label_of", "value_text"]

CHARACTER_SET = 0x0008_0005
LONG_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
"""The representations whose length has four bytes in explicit VR (PS3.5 7.1.2)."""
VR_TEXTS = frozenset(
    {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"}
)
VRS = LONG_VRS | VR_TEXTS | frozenset({"AT", "FD", "FL", "SL", "SS", "UL", "US"})

MAX_CHARACTERS = 1024
"""Of a value no more is shown."""
_MAX_TEXT_BYTES = 4 * MAX_CHARACTERS
_MAX_NUMBERS = 64
_MAX_TAGS = 16
_SHOWN_BYTES = 24
_NUMBERS = {"FD": "d", "FL": "f", "SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q"}
_FAILURE_REASON = 0x0008_1197
_DELIMITERS = {0xFFFE_E000: "Item", 0xFFFE_E00D: "Item Delimitation", 0xFFFE_E0DD: "Sequence Delimitation"}


@lru_cache(maxsize=4096)
def element_vr(tag: int, creator: str = "") -> str:
    """The representation by the dictionaries, for what does not say it itself; ``UN`` where they do not know it.

    :param creator: private creator of the element's block, for private ones.
    """
    if tag & 0xFFFF == 0:
        return "UL"  # group lengths (PS3.5 7.2)
    known = vr_of(tag)
    if known == "UN" and creator:
        return _private(tag, creator)[0]
    return known if known in VRS else "UN"


@lru_cache(maxsize=4096)
def label_of(tag: int, vr: str = "", creator: str = "") -> str:
    """``(0010,0010) PN PatientName``; a private element by the private dictionary, or named as such."""
    name = _DELIMITERS.get(tag) or _name(tag, creator)
    return plain(" ".join(part for part in (f"({tag >> 16:04X},{tag & 0xFFFF:04X})", vr, name) if part))


def _name(tag: int, creator: str) -> str:
    from pydicom import datadict

    if tag & 0xFFFF == 0:
        return "GroupLength"
    if tag >> 16 & 1:
        if 0x10 <= tag & 0xFFFF <= 0xFF:
            return "PrivateCreator"
        return _private(tag, creator)[1] or (f"private, {creator}" if creator else "private")
    try:
        return datadict.dictionary_keyword(tag) or "retired"
    except KeyError:
        return "not in the dictionary"


def _private(tag: int, creator: str) -> tuple[str, str]:
    """Representation and name of a private element, as far as pydicom's list of them goes."""
    from pydicom import datadict

    if not creator:
        return "UN", ""
    try:
        vr = datadict.private_dictionary_VR(tag, creator).split(" ")[0]
        return (vr if vr in VRS else "UN"), datadict.private_dictionary_description(tag, creator)
    except KeyError:
        return "UN", ""


def value_text(tag: int, vr: str, raw: bytes, length: int, *, is_big: bool = False, charset: str = "") -> str:
    """The value as plain text of one line.

    :param raw: the value, or its beginning where it is long.
    :param length: bytes of the whole value.
    :param charset: value of (0008,0005) that is in force.
    """
    if not length:
        return ""
    if vr in _NUMBERS:
        return _numbers(tag, vr, raw, length, ">" if is_big else "<")
    if vr == "AT":
        return _tags(raw, length, ">" if is_big else "<")
    if vr in VR_TEXTS:
        return _text(vr, raw[:_MAX_TEXT_BYTES], charset)
    return _binary(raw, length)


def _text(vr: str, raw: bytes, charset: str) -> str:
    text = decode(raw, charset if vr in ENCODED_VRS else "").strip("\0 ")
    if vr == "UI":
        return plain("\\".join(map(_uid, text.split("\\"))), MAX_CHARACTERS)
    return plain(text, MAX_CHARACTERS)


def _uid(text: str) -> str:
    uid = text.strip("\0 ")
    name = name_of(uid) if is_valid_uid(uid) else uid
    return uid if name == uid else f"{uid} ({name})"


def _numbers(tag: int, vr: str, raw: bytes, length: int, order: str) -> str:
    form = _NUMBERS[vr]
    size = struct.calcsize(f"<{form}")
    count = length // size
    values = struct.unpack_from(f"{order}{min(count, len(raw) // size, _MAX_NUMBERS)}{form}", raw)
    say: Callable[[object], str] = _failure if tag == _FAILURE_REASON else _number
    more = f" … {count:,} values" if count > len(values) else ""
    odd = f" and {length % size} more bytes" if length % size else ""
    return plain("\\".join(map(say, values)) + more + odd, MAX_CHARACTERS)


def _number(value: object) -> str:
    return f"{value:.9g}" if isinstance(value, float) else str(value)


def _failure(value: object) -> str:
    return str(Status(int(str(value))))


def _tags(raw: bytes, length: int, order: str) -> str:
    pairs = list(struct.iter_unpack(f"{order}HH", raw[: len(raw) // 4 * 4][: 4 * _MAX_TAGS]))
    more = f" … {length // 4:,} tags" if length // 4 > len(pairs) else ""
    return plain("\\".join(label_of(group << 16 | element) for group, element in pairs) + more, MAX_CHARACTERS)


def _binary(raw: bytes, length: int) -> str:
    more = " …" if length > _SHOWN_BYTES else ""
    return f"{length:,} bytes: {raw[:_SHOWN_BYTES].hex(' ')}{more}"
