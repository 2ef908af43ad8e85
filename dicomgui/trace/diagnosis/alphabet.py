"""Whether text in a data set says which characters it is made of (PS3.5 6.1.2, PS3.3 C.12.1.1.2).

A walker over bytes of our own: what is looked at may be cut off anywhere, and nothing may be decoded that the peer did
not send.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from dicomgui.network.uids import DEFLATED_TRANSFER_SYNTAXES, EXPLICIT_VR_BIG_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from dicomgui.network.vrs import LONG_VRS, vr_of

__all__ = ["Alphabet", "Doubt", "doubt_about"]

_CHARSET = 0x00080005
_LAST_TAG = 0x00400000  # what identifies patient, study and series stands before it
_TEXT_VRS = frozenset({b"SH", b"LO", b"ST", b"PN", b"LT", b"UC", b"UT"})
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_LOST = "\ufffd".encode()
_MAX_DEPTH = 16
_MAX_ELEMENTS = 512
_HEAD = struct.Struct("<HH2sH")
_ASCII = frozenset({"", "ISO_IR 6", "ISO 2022 IR 6"})


class Alphabet(NamedTuple):
    """Which doubt there is.

    :ivar code: of the finding.
    :ivar fits: the character set that the bytes fit, or what was said of them.
    """

    code: str
    fits: str


class Doubt(NamedTuple):
    """An element whose text is in doubt.

    :ivar tag: as one number.
    :ivar value: its bytes.
    """

    alphabet: Alphabet
    tag: int
    value: bytes


class _Element(NamedTuple):
    tag: int
    vr: bytes
    value: bytes


def doubt_about(data: bytes, transfer_syntax: str) -> Doubt | None:
    """What is wrong with the text in the beginning ``data`` of a data set, or ``None``."""
    if data.isascii() or transfer_syntax in DEFLATED_TRANSFER_SYNTAXES or transfer_syntax == EXPLICIT_VR_BIG_ENDIAN:
        return None
    said = ""
    for element in _walk(data, is_implicit=transfer_syntax == IMPLICIT_VR_LITTLE_ENDIAN):
        if element.tag == _CHARSET:
            said = element.value.decode("latin-1").strip(" \0")
        elif not element.value.isascii():
            alphabet = _judge(said, element.value)
            if alphabet is not None:
                return Doubt(alphabet, element.tag, element.value)
    return None


def _judge(said: str, value: bytes) -> Alphabet | None:
    if said in _ASCII:
        return Alphabet("character-set-missing", "UTF-8" if _is_utf8(value) else "Latin-1 or another one-byte set")
    if said == "ISO_IR 192":
        if not _is_utf8(value):
            return Alphabet("character-set-contradicted", "ISO_IR 192 (UTF-8)")
        if _LOST in value:
            return Alphabet("characters-lost", "ISO_IR 192 (UTF-8)")
    return None


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data"  # a value may be cut off in the middle of a character
    return True


def _walk(data: bytes, *, is_implicit: bool) -> Iterator[_Element]:
    """The elements of the data set itself that are text or say what text is made of, as far as it goes."""
    at = 0
    for _ in range(_MAX_ELEMENTS):
        head = _head(data, at, is_implicit)
        if head is None or head[0] >= _LAST_TAG:
            return
        tag, vr, start, length = head
        if length == _UNDEFINED:
            at = _after_sequence(data, start, is_implicit, 0)
            continue
        at = start + length
        if at > len(data):
            return  # cut off: what is there may end in the middle of a character
        if vr in _TEXT_VRS or tag == _CHARSET:
            yield _Element(tag, vr, data[start:at])


def _head(data: bytes, at: int, is_implicit: bool) -> tuple[int, bytes, int, int] | None:
    """Tag, VR, where the value starts and how long it is."""
    if at + 8 > len(data):
        return None
    group, number, vr, length = _HEAD.unpack_from(data, at)
    tag = group << 16 | number
    if is_implicit or group == 0xFFFE:
        return tag, (vr_of(tag) or "UN").encode("ascii"), at + 8, int.from_bytes(data[at + 4 : at + 8], "little")
    if vr not in LONG_VRS:
        return tag, vr, at + 8, length
    if at + 12 > len(data):
        return None
    return tag, vr, at + 12, int.from_bytes(data[at + 8 : at + 12], "little")


def _after_sequence(data: bytes, at: int, is_implicit: bool, depth: int) -> int:
    """Where a sequence or item of undefined length ends; the end of the data where it does not end or is too deep."""
    end = len(data)
    while depth < _MAX_DEPTH and (head := _head(data, at, is_implicit)) is not None:
        tag, _, start, length = head
        if tag in (_ITEM_END, _SEQUENCE_END):
            return start
        at = _after_sequence(data, start, is_implicit, depth + 1) if length == _UNDEFINED else start + length
    return end
