"""Where chosen elements of a data set lie, found without decoding anything (PS3.5 7.1, 7.5).

The index needs some fifty short values of each file, quickly, and of every file: one with garbage in its middle gives
what stands before it. All three native encodings, sequences of both kinds of length, any depth; never more than the
bytes at hand.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Container
from typing import NamedTuple

from dicomgui.network.uids import (
    DEFLATED_TRANSFER_SYNTAXES,
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
)

__all__ = ["Found", "Scan", "inflate", "item_of", "native_syntax", "scan"]

_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFE_E000, 0xFFFE_E00D, 0xFFFE_E0DD
_LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_VRS = _LONG_VRS | _SHORT_VRS
_SHORT = {"<": struct.Struct("<HH2sH"), ">": struct.Struct(">HH2sH")}
_LENGTH = {"<": struct.Struct("<I"), ">": struct.Struct(">I")}


class Found(NamedTuple):
    """One element: the offset of its tag, the offset of its value, and where it ends."""

    start: int
    begin: int
    end: int


class Scan(NamedTuple):
    """What was found.

    :ivar found: the wanted elements by tag.
    :ivar is_complete: whether the scan came to its last tag, or to the end of what can be understood; false if more
        bytes would have told more.
    """

    found: dict[int, Found]
    is_complete: bool


class _OutOfBytes(Exception):
    """The bytes at hand end first."""


class _Nonsense(Exception):
    """What stands there is no element."""


def native_syntax(transfer_syntax_uid: str, data: bytes) -> str:
    """The one of the three native encodings in which the data set that begins with ``data`` is walked.

    All compressed syntaxes are explicit little endian outside of the pixel data (PS3.5 A.4). Files lie about implicit
    and explicit: the look of the first element decides.
    """
    if transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN:
        return EXPLICIT_VR_BIG_ENDIAN
    if len(data) < 6 or data[4:6] in _VRS:
        return EXPLICIT_VR_LITTLE_ENDIAN
    return IMPLICIT_VR_LITTLE_ENDIAN


def inflate(data: bytes, transfer_syntax_uid: str, limit: int) -> bytes:
    """``data`` itself, or the first ``limit`` bytes that it inflates to where the syntax is a deflated one.

    Of a damaged stream, what is sound.
    """
    if transfer_syntax_uid not in DEFLATED_TRANSFER_SYNTAXES:
        return data
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    pieces, size = [], 0
    try:
        while data and size < limit and not stream.eof:
            piece = stream.decompress(data, min(limit - size, 65_536))
            pieces.append(piece)
            size += len(piece)
            data = stream.unconsumed_tail
    except zlib.error:
        pass
    return b"".join(pieces)


def scan(data: bytes, syntax: str, wanted: Container[int], last: int) -> Scan:
    """Find the elements with a tag in ``wanted`` on the outermost level, up to the tag ``last``.

    :param syntax: a native one; see :func:`native_syntax`.
    """
    found: dict[int, Found] = {}
    order = ">" if syntax == EXPLICIT_VR_BIG_ENDIAN else "<"
    explicit = syntax != IMPLICIT_VR_LITTLE_ENDIAN
    position = 0
    try:
        while True:
            tag, begin, length, is_explicit = _header(data, position, order, explicit)
            if tag > last:
                return Scan(found, True)
            end = begin + length if length != _UNDEFINED else _skip(data, begin, order, is_explicit)
            if end > len(data):
                raise _OutOfBytes
            if tag in wanted and tag not in found:
                found[tag] = Found(position, begin, end)
            position = end
    except _OutOfBytes:
        return Scan(found, False)
    except _Nonsense:
        return Scan(found, True)


def item_of(data: bytes, syntax: str, sequence: Found, number: int) -> tuple[bytes, str] | None:
    """The elements of one item of a sequence that was found, and the native encoding that they are in.

    :param number: of the item, from 0 on.
    :returns: ``None`` where there is no such item.
    """
    order = ">" if syntax == EXPLICIT_VR_BIG_ENDIAN else "<"
    try:
        *_, explicit = _header(data, sequence.start, order, syntax != IMPLICIT_VR_LITTLE_ENDIAN)
        position = sequence.begin
        while position < sequence.end:
            tag, begin, length, _ = _header(data, position, order, explicit)
            if tag != _ITEM:
                return None
            end = begin + length if length != _UNDEFINED else _skip(data, begin, order, explicit, in_sequence=False)
            if number == 0:
                inner = syntax if explicit else IMPLICIT_VR_LITTLE_ENDIAN
                return data[begin : min(end, sequence.end)], inner
            number, position = number - 1, end
    except (_OutOfBytes, _Nonsense):
        pass
    return None


def _header(data: bytes, position: int, order: str, explicit: bool) -> tuple[int, int, int, bool]:
    """Tag, offset of the value, its length, and whether elements nested in it are explicit."""
    begin = position + 8
    if begin > len(data):
        raise _OutOfBytes
    group, element, vr, length = _SHORT[order].unpack_from(data, position)
    tag = group << 16 | element
    if not explicit or group == 0xFFFE:
        return tag, begin, _LENGTH[order].unpack_from(data, position + 4)[0], explicit
    if vr in _SHORT_VRS:
        return tag, begin, length, explicit
    if vr not in _LONG_VRS:
        raise _Nonsense
    if begin + 4 > len(data):
        raise _OutOfBytes
    # What is UN and has no length is a sequence in implicit VR (PS3.5 6.2.2).
    return tag, begin + 4, _LENGTH[order].unpack_from(data, begin)[0], vr != b"UN"


def _skip(data: bytes, position: int, order: str, explicit: bool, *, in_sequence: bool = True) -> int:
    """The end of a sequence of undefined length whose first item begins at ``position``; needs no recursion.

    :param in_sequence: false for the end of an item of undefined length, whose first element begins there.
    """
    # The sequences and items of undefined length around us: is it a sequence, and are its elements explicit.
    open_ones = [(in_sequence, explicit)]
    while open_ones:
        in_sequence, inner = open_ones[-1]
        tag, begin, length, is_explicit = _header(data, position, order, inner)
        position = begin
        if tag in (_ITEM_END, _SEQUENCE_END):
            if in_sequence != (tag == _SEQUENCE_END):
                raise _Nonsense
            open_ones.pop()
        elif in_sequence != (tag == _ITEM):
            raise _Nonsense
        elif length != _UNDEFINED:
            position += length
        else:
            open_ones.append((not in_sequence, is_explicit))
    return position
