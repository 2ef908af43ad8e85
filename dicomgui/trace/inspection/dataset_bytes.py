"""Walking the bytes of a data set: heads of elements and items, and where that ends which does not say its length.

Of what the trace did not keep nothing is taken for granted: zeros that stand for missing bytes are never read.
"""

from __future__ import annotations

import zlib
from bisect import bisect_right
from typing import NamedTuple

from dicomgui.network.uids import EXPLICIT_VR_BIG_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from dicomgui.trace.inspection.dataset_values import LONG_VRS, VRS, element_vr, label_of
from dicomgui.trace.inspection.messages import Gap

__all__ = [
    "IMPLICIT",
    "ITEM",
    "ITEM_END",
    "SEQUENCE_END",
    "UNDEFINED",
    "Encoding",
    "Fault",
    "Head",
    "NotKept",
    "Source",
    "creator_of",
    "encoding_of",
    "end_of",
    "inflate",
    "item_head",
    "read_head",
]

MAX_INFLATED = 64 * 2**20
"""Bytes to which a deflated data set is inflated."""
MAX_DEPTH = 100
"""Levels of undefined length that are followed to find where the outermost ends."""
MAX_STEPS = 2_000_000
"""Elements that are passed to find the end of one sequence."""

UNDEFINED = 0xFFFFFFFF
"""The length of what ends with a delimiter (PS3.5 7.5.1)."""
ITEM, ITEM_END, SEQUENCE_END = 0xFFFE_E000, 0xFFFE_E00D, 0xFFFE_E0DD


class Fault(Exception):
    """What stands at ``offset`` makes no sense."""

    def __init__(self, offset: int, text: str) -> None:
        super().__init__(text)
        self.offset = offset


class NotKept(Exception):
    """The trace does not have the bytes that would be needed."""


class Encoding(NamedTuple):
    is_explicit: bool
    is_big: bool


class Head(NamedTuple):
    """Tag, representation, offset of the value, its length, and how the inside of a sequence is encoded."""

    tag: int
    vr: str
    begin: int
    length: int


IMPLICIT = Encoding(False, False)


class Source:
    """The bytes, and which of them are there."""

    def __init__(self, data: bytes, gaps: tuple[Gap, ...], length: int) -> None:
        self.data = data
        self.length = length
        self._gaps = gaps
        self._starts = [gap.offset for gap in gaps]
        self.ends: dict[int, int] = {}  # of what has an undefined length, by the offset of its content

    def has(self, start: int, count: int) -> bool:
        """Whether all of these bytes are there."""
        return self.kept(start, count) == count

    def kept(self, start: int, count: int) -> int:
        """How many of these bytes are there before the first that is not."""
        end = min(start + count, len(self.data))
        at = bisect_right(self._starts, start) - 1
        if at >= 0 and start < self._gaps[at].offset + self._gaps[at].length:
            return 0
        if at + 1 < len(self._gaps):
            end = min(end, self._gaps[at + 1].offset)
        return max(0, end - start)

    def number(self, start: int, count: int, is_big: bool) -> int:
        """A number without sign.

        :raises NotKept: it is not there.
        """
        if not self.has(start, count):
            raise NotKept
        return int.from_bytes(self.data[start : start + count], "big" if is_big else "little")


def inflate(data: bytes) -> tuple[bytes, str]:
    """As much as is sound of a raw deflate stream, and what is wrong with it."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    pieces: list[bytes] = []
    size = 0
    try:
        while data and size < MAX_INFLATED and not stream.eof:
            piece = stream.decompress(data, min(MAX_INFLATED - size, 65_536))
            pieces.append(piece)
            size += len(piece)
            data = stream.unconsumed_tail
    except zlib.error as error:
        return b"".join(pieces), f"the deflated data cannot be read further: {error}"
    fault = "" if stream.eof else "the deflated data break off, or were not kept from here on"
    if size >= MAX_INFLATED:
        fault = f"only the first {MAX_INFLATED // 2**20} MiB are inflated"
    return b"".join(pieces), fault


def encoding_of(source: Source, uid: str) -> tuple[Encoding, str]:
    """By the transfer syntax; where the first element looks otherwise, by its look, with a remark."""
    declared = Encoding(uid != IMPLICIT_VR_LITTLE_ENDIAN, uid == EXPLICIT_VR_BIG_ENDIAN)
    if not source.has(0, 8):
        return declared, ""
    vr = source.data[4:6].decode("latin-1")
    looks_big = source.data[0] == 0 and source.data[1] != 0
    looks = Encoding(vr in VRS, (looks_big and vr in VRS) if not uid else declared.is_big)
    if not uid:
        kind = f"{'explicit' if looks.is_explicit else 'implicit'} VR {'big' if looks.is_big else 'little'} endian"
        return looks, f"The transfer syntax is not known; by its look it is {kind}."
    if looks.is_explicit != declared.is_explicit:
        kind = "explicit" if looks.is_explicit else "implicit"
        return looks, f"Against its transfer syntax it looks like {kind} VR, and is shown so."
    return declared, ""


# ------------------------------------------------------------------------------------------------------------- heads


def creator_of(creators: dict[int, str], tag: int) -> str:
    """Who made the block of a private element (PS3.5 7.8.1)."""
    return creators.get(tag >> 16 << 8 | tag >> 8 & 0xFF, "") if tag >> 16 & 1 else ""


def read_head(source: Source, position: int, end: int, encoding: Encoding, creators: dict[int, str]) -> Head:
    if position + 8 > end:
        raise Fault(position, f"{end - position} bytes are left, too few for an element")
    is_big = encoding.is_big
    tag = source.number(position, 2, is_big) << 16 | source.number(position + 2, 2, is_big)
    if tag >> 16 == 0xFFFE:
        return _delimiter(source, position, tag, is_big)
    if not encoding.is_explicit:
        vr = element_vr(tag, creator_of(creators, tag))
        return Head(tag, vr, position + 8, source.number(position + 4, 4, is_big))
    if not source.has(position, 8):
        raise NotKept
    vr = source.data[position + 4 : position + 6].decode("latin-1")
    if not (vr.isascii() and vr.isalpha() and vr.isupper()):
        raise Fault(position, f"({tag >> 16:04X},{tag & 0xFFFF:04X}) has no value representation")
    if vr in VRS and vr not in LONG_VRS:
        return Head(tag, vr, position + 8, source.number(position + 6, 2, is_big))
    if position + 12 > end:
        raise Fault(position, f"{end - position} bytes are left, too few for an element with VR {vr}")
    return Head(tag, vr, position + 12, source.number(position + 8, 4, is_big))


def _delimiter(source: Source, position: int, tag: int, is_big: bool) -> Head:
    if tag != ITEM_END:
        raise Fault(position, f"{label_of(tag)} where an element is due")
    return Head(tag, "", position + 8, source.number(position + 4, 4, is_big))


def item_head(source: Source, position: int, end: int, encoding: Encoding) -> tuple[int, int]:
    """Tag and length of an item or of the end of the sequence."""
    if position + 8 > end:
        raise Fault(position, f"{end - position} bytes are left, too few for an item")
    is_big = encoding.is_big
    tag = source.number(position, 2, is_big) << 16 | source.number(position + 2, 2, is_big)
    if tag not in (ITEM, SEQUENCE_END):
        raise Fault(position, f"({tag >> 16:04X},{tag & 0xFFFF:04X}) where an item is due")
    return tag, source.number(position + 4, 4, is_big)


class _Frame(NamedTuple):
    """Something of undefined length whose end is looked for."""

    content: int
    is_item: bool
    encoding: Encoding


def end_of(source: Source, begin: int, end: int, encoding: Encoding, *, is_item: bool) -> int:
    """Where a sequence or an item of undefined length ends, its delimiter included.

    :raises Fault: it does not, within ``end``.
    :raises NotKept: the trace does not have the bytes that tell.
    """
    known = source.ends.get(begin)
    if known is not None:
        return known
    frames = [_Frame(begin, is_item, encoding)]
    position = begin
    for _ in range(MAX_STEPS):
        frame = frames[-1]
        if position >= end:
            raise Fault(end, "its delimiter is missing")
        step = _step_in_item if frame.is_item else _step_in_sequence
        position, deeper = step(source, position, end, frame)
        if deeper is not None:
            if len(frames) >= MAX_DEPTH:
                raise Fault(position, f"it is nested more than {MAX_DEPTH} levels deep")
            frames.append(deeper)
        elif position < 0:
            position = -position
            source.ends[frames.pop().content] = position
            if not frames:
                return position
    raise Fault(position, f"more than {MAX_STEPS:,} elements are in it")


def _step_in_item(source: Source, position: int, end: int, frame: _Frame) -> tuple[int, _Frame | None]:
    """Pass one element; the new place, negative where the item has ended, and what to look into."""
    head = read_head(source, position, end, frame.encoding, {})
    if head.tag == ITEM_END:
        return -head.begin, None
    if head.length != UNDEFINED:
        return head.begin + head.length, None
    inside = IMPLICIT if head.vr == "UN" and frame.encoding.is_explicit else frame.encoding
    return head.begin, _Frame(head.begin, False, inside)


def _step_in_sequence(source: Source, position: int, end: int, frame: _Frame) -> tuple[int, _Frame | None]:
    tag, length = item_head(source, position, end, frame.encoding)
    begin = position + 8
    if tag == SEQUENCE_END:
        return -begin, None
    if length != UNDEFINED:
        return begin + length, None
    return begin, _Frame(begin, True, frame.encoding)
