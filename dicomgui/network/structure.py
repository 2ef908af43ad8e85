"""Structural reader of data sets: tags, VRs, lengths, nesting and the end, no value decoded (PS3.5 7.1, 7.5).

Tells of a data set that arrives in pieces whether it is whole, and of one that is there how much a parser would have
to make of it. It never raises for the data, keeps no more of them than the header of one element, and needs no
recursion. :class:`StructureReader` takes pieces; :func:`read_structure` takes all at once::

    reader = StructureReader(EXPLICIT_VR_LITTLE_ENDIAN)
    reader.feed(piece)
    report = reader.finish()
    if report.fault is not None: ...

A *fault* is what makes readers fail or take one thing for another; an *anomaly* is against the standard, but any reader
gets over it.
"""

from __future__ import annotations

import struct
import zlib
from collections import deque
from enum import Enum
from typing import Final, NamedTuple

from dicomgui.network.encoding_look import LOOK_BYTES, encoding_by_look, encoding_of
from dicomgui.network.structure_report import (
    FREE_ELEMENTS,
    OVER_LIMITS,
    UNLIMITED,
    Anomaly,
    AnomalyCode,
    PixelDataPlace,
    StructureCode,
    StructureFault,
    StructureLimits,
    StructureReport,
)
from dicomgui.network.uids import (
    DEFLATED_TRANSFER_SYNTAXES,
    EXPLICIT_VR_BIG_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
)
from dicomgui.network.vrs import LONG_VRS, SHORT_VRS, vr_of

__all__ = [
    "OVER_LIMITS",
    "UNLIMITED",
    "Anomaly",
    "AnomalyCode",
    "PixelDataPlace",
    "StructureCode",
    "StructureFault",
    "StructureLimits",
    "StructureReader",
    "StructureReport",
    "read_structure",
]


_UNDEFINED: Final = 0xFFFFFFFF
_ENDLESS: Final = 2**62
_FAR: Final = 2**30 - 1
"""Elements that end farther off are taken one at a time: Python compares numbers up to this one faster."""
_WINDOW: Final = 4096
"""Bytes that are looked at in one piece; long values are passed over without that."""
_LONGEST_UID: Final = 128
_LONG_HEADER: Final = 12
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFE_E000, 0xFFFE_E00D, 0xFFFE_E0DD
_PIXEL_DATA: Final = 0x7FE0_0010
_SOP_CLASS, _SOP_INSTANCE = 0x0008_0016, 0x0008_0018
_UNIQUE_KEYS: Final = frozenset((_SOP_CLASS, _SOP_INSTANCE))
_NOTED: Final = _UNIQUE_KEYS | {_PIXEL_DATA}
_PIXEL_VRS: Final = frozenset((b"", b"OB", b"OW", b"UN"))
_NO_VRS: Final = frozenset((b"??", b"--", b"  "))
"""Written by toolkits that do not know the VR; they are read as one that does not exist."""
_FRAGMENTED: Final = frozenset((b"OB", b"OW", b"OF", b"OD", b"OL", b"OV"))
STEP_BYTES: Final = 16_384
"""Bytes, inflated ones where the data set is deflated, between two looks at how much has been done."""
_DEFLATED_STEP: Final = 4096
ELEMENT_WORK: Final = 64
"""An element is as much work as so many inflated bytes."""
UNCOUNTED_ELEMENTS: Final = 128
"""The first elements of a data set are no work: the message around it costs more."""
NOT_TAKEN: Final = -1
"""No :attr:`~StructureReader.work`: the piece is still with the caller."""
_MAX_KNOWN: Final = 8192


class _Kind(Enum):
    """The kinds of levels that can be open."""

    DATA_SET = 0
    SEQUENCE = 1
    ITEM = 2
    FRAGMENTS = 3


class _Encoding:
    """Encoding of headers: byte order, with or without the VR.

    :ivar plain: the beginning of a header (tag, and VR) to tag, of elements of eight bytes before the value that are
        only passed over: all but sequences, group lengths, delimiters, and what is odd.
    :ivar noted: the same to tag and header length, of elements with a longer header, or with a value that is noted.
    :ivar start: reads that beginning, and the length if it is a short one.
    :ivar longest: the longest header of these elements.
    """

    __slots__ = ("explicit", "head", "long", "longest", "noted", "plain", "short", "start")

    def __init__(self, order: str, explicit: bool) -> None:
        self.explicit = explicit
        self.head = struct.Struct(f"{order}HH").unpack_from
        self.short = struct.Struct(f"{order}H").unpack_from
        self.long = struct.Struct(f"{order}I").unpack_from
        self.start = struct.Struct(f"{order}6sH" if explicit else f"{order}4sI").unpack_from
        self.longest = _LONG_HEADER if explicit else 8
        self.plain: dict[bytes, int] = {}
        self.noted: dict[bytes, tuple[int, int]] = {}

    def remember(self, key: bytes, tag: int, header: int) -> None:
        """Keep what a peer cannot make grow without a limit."""
        if len(self.plain) + len(self.noted) >= _MAX_KNOWN:
            self.plain.clear()
            self.noted.clear()
        if header == _LONG_HEADER or tag in _NOTED:
            self.noted[key] = (tag, header)
        else:
            self.plain[key] = tag


_IMPLICIT: Final = _Encoding("<", False)
_EXPLICIT: Final = _Encoding("<", True)
_BIG: Final = _Encoding(">", True)


class _Level:
    """A data set, sequence or item that is open; ``end`` is ``_ENDLESS`` where the length is undefined."""

    __slots__ = ("encoding", "end", "has_elements", "is_outermost", "kind", "last", "offset", "tag")

    def __init__(self, kind: _Kind, tag: int, offset: int, end: int, encoding: _Encoding) -> None:
        self.kind = kind
        self.is_outermost = kind is _Kind.DATA_SET
        self.has_elements = kind is _Kind.ITEM or self.is_outermost
        self.tag = tag
        self.offset = offset
        self.end = end
        self.encoding = encoding
        self.last = -1


class _Header(NamedTuple):
    """The header of one element.

    :ivar header: its length in bytes.
    :ivar is_short: the VR has a length of two bytes.
    """

    tag: int
    vr: bytes
    header: int
    length: int
    is_short: bool


_NO_PIXEL_DATA: Final = PixelDataPlace()


class StructureReader:
    """Walks a data set that comes in pieces.

    :param transfer_syntax_uid: all but the native, deflated and big endian ones are explicit little endian (PS3.5 A.4).
    """

    __slots__ = (
        "_anomalies", "_at", "_deepest", "_elements", "_encoding", "_fault", "_first", "_group", "_group_end",
        "_inflate", "_is_full", "_left", "_level", "_limits", "_outer", "_padding", "_pieces", "_pixel_data",
        "_position", "_rest", "_size", "_skip", "_sop_class", "_sop_instance", "_syntax",
    )  # fmt: skip

    def __init__(self, transfer_syntax_uid: str, limits: StructureLimits = UNLIMITED) -> None:
        encoding = _EXPLICIT
        if transfer_syntax_uid == IMPLICIT_VR_LITTLE_ENDIAN:
            encoding = _IMPLICIT
        elif transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN:
            encoding = _BIG
        self._limits = limits
        self._syntax = transfer_syntax_uid
        self._encoding = encoding
        self._level = _Level(_Kind.DATA_SET, 0, 0, _ENDLESS, encoding)
        self._outer: list[_Level] = []
        self._position = 0  # of the first byte in _rest
        self._rest = b""
        self._skip = 0
        self._padding = 0  # bytes behind the deflate stream
        self._pieces: deque[bytes | bytearray | memoryview] = deque()  # not walked yet
        self._at = 0  # in the first of them
        self._left = b""  # of a deflated step
        self._is_full = False  # more may be waiting in the inflater
        self._size = 0
        self._elements = 0
        self._deepest = 0
        self._first = b""
        self._group = 0
        self._group_end = _ENDLESS
        self._fault: StructureFault | None = None
        self._anomalies: dict[AnomalyCode, Anomaly] = {}
        self._sop_class = self._sop_instance = ""
        self._pixel_data = _NO_PIXEL_DATA
        is_deflated = transfer_syntax_uid in DEFLATED_TRANSFER_SYNTAXES
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS) if is_deflated else None

    @property
    def fault(self) -> StructureFault | None:
        """The fault, as far as the data set has come."""
        fault = self._fault
        if fault is None or fault.code in _NEVER_OTHER:
            return fault
        found = encoding_by_look(self._first)
        if not found or found == encoding_of(self._syntax):
            return fault
        return StructureFault(StructureCode.OTHER_ENCODING, 0, 0, -1, -1, self._syntax, found)

    @property
    def passable(self) -> int:
        """Bytes of the value it is in that need not be read; see :meth:`pass_over`. 0 where the data are deflated."""
        return self._skip if self._inflate is None and self._fault is None else 0

    def pass_over(self, size: int) -> None:
        """Count the next ``size`` bytes, at most :attr:`passable`, as :meth:`feed` would, without being given them."""
        self._size += size
        self._position += size
        self._skip -= size

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next piece; kept of it is the start of an element that it breaks off in, and of the data set."""
        if self._inflate is None and not self._pieces:
            self._feed(data)
            return
        self.put(data)
        self.advance()

    def _feed(self, data: bytes | bytearray | memoryview) -> None:
        if len(self._first) < LOOK_BYTES:
            self._keep_first(data)
        self._size += len(data)
        self._take(data)

    def take(self, data: bytes | bytearray | memoryview, most: int) -> int:
        """Take the next piece as :meth:`feed`, where it is a step at most.

        :param most: the :attr:`work` that may be done, or a step more; none is needed inside of a value.
        :returns: the work of that; ``NOT_TAKEN`` for a piece to be put behind others, inflated, or walked in portions.
        """
        size = len(data)
        if self._inflate is not None or self._pieces:
            return NOT_TAKEN
        if size <= self._skip and self._fault is None:
            self.pass_over(size)
            return 0
        if size > STEP_BYTES or most <= 0:
            return NOT_TAKEN
        before = self._elements
        self._feed(data)
        after = self._elements
        return 0 if after <= UNCOUNTED_ELEMENTS else ELEMENT_WORK * (after - max(before, UNCOUNTED_ELEMENTS))

    # what the caller walks in portions

    @property
    def work(self) -> int:
        """The work done so far: a unit for each inflated byte, and ``ELEMENT_WORK`` for each element but the first."""
        inflated = 0 if self._inflate is None else self._end()
        return inflated + ELEMENT_WORK * max(0, self._elements - UNCOUNTED_ELEMENTS)

    @property
    def is_deflated(self) -> bool:
        """True where what comes is inflated before it is walked."""
        return self._inflate is not None

    @property
    def is_behind(self) -> bool:
        """True while something waits that :meth:`put` took."""
        return self._is_full or bool(self._left) or bool(self._pieces)

    def put(self, data: bytes | bytearray | memoryview) -> None:
        """Take the next piece and leave it to :meth:`advance`; it must not change until then, or until :meth:`keep`.

        May be called while another thread is in :meth:`advance`.
        """
        if data:
            if len(self._first) < LOOK_BYTES:
                self._keep_first(data)
            self._pieces.append(data)

    def _keep_first(self, data: bytes | bytearray | memoryview) -> None:
        self._first += bytes(data[: LOOK_BYTES - len(self._first)])

    def keep(self) -> int:
        """Copy what waits, so that its memory may be used for something else; returns its bytes."""
        kept = [bytes(piece) for piece in self._pieces]
        if kept:
            kept[0] = kept[0][self._at :]
        self._at = 0
        self._pieces = deque(kept)
        return sum(map(len, kept))

    def advance(self, most: int = _ENDLESS) -> bool:
        """Walk what waits until that was ``most`` :attr:`work`, or a step more; returns whether nothing waits now."""
        end = self.work + most
        while self.is_behind:
            if self.work >= end:
                return False
            self._step()
        return True

    def _step(self) -> None:
        if self._inflate is not None and (self._is_full or self._left):
            self._inflate_step(self._inflate)
            return
        piece, at = self._pieces[0], self._at
        # what is not inflated yet is copied at each step; inside of a value nothing is walked
        step = _DEFLATED_STEP if self._inflate is not None else max(STEP_BYTES, self._skip)
        part = piece[at : at + step]
        if at + step < len(piece):
            self._at = at + step
        else:
            self._pieces.popleft()
            self._at = 0
        self._size += len(part)
        if self._inflate is None:
            self._take(part)
        elif self._inflate.eof:
            self._pad(len(part))
        elif self._fault is None:
            self._left = bytes(part)

    def finish(self) -> StructureReport:
        """The data set is complete."""
        if self._fault is None and self._inflate is not None and not self._inflate.eof:
            self._fail(StructureCode.NOT_DEFLATED, 0, 0)
        if self._fault is None:
            self._close()
        inflated = self._end() if self._inflate is not None else self._size
        anomalies = tuple(self._anomalies.values())
        return StructureReport(
            self.fault,
            anomalies,
            self._elements,
            self._deepest,
            self._size,
            inflated,
            self._sop_class,
            self._sop_instance,
            self._pixel_data,
        )

    # ---------------------------------------------------------------------------------------------------- the pieces

    def _inflate_step(self, stream: zlib._Decompress) -> None:
        try:
            piece = stream.decompress(self._left, STEP_BYTES)
        except zlib.error:
            self._fail(StructureCode.NOT_DEFLATED, 0, 0)
            return
        self._left = b"" if stream.eof else stream.unconsumed_tail
        self._is_full = len(piece) == STEP_BYTES and not stream.eof
        self._take(piece)
        most = FREE_ELEMENTS + self._limits.max_packed * (self._size - len(self._left))
        if self._elements > most and self._fault is None:
            self._fail(StructureCode.TOO_MANY, 0, self._end(), most, self._elements)
        self._pad(len(stream.unused_data))
        if self._end() > self._limits.max_inflated and self._fault is None:
            self._fail(StructureCode.TOO_LARGE, 0, self._end(), self._limits.max_inflated, self._end())

    def _pad(self, size: int) -> None:
        """Take what follows the deflate stream: one byte makes its length even."""
        before, self._padding = self._padding, self._padding + size
        if before <= 1 < self._padding:
            self._odd(AnomalyCode.DEFLATE_PADDING, 0, self._end())

    def _take(self, data: bytes | bytearray | memoryview) -> None:
        size, skip = len(data), self._skip
        if skip >= size:
            self._skip = skip - size
            self._position += size
            return
        self._position += skip
        self._skip = 0
        at, rest = skip, self._rest
        while at < size and self._fault is None:
            window = rest + bytes(data[at : at + _WINDOW])
            used = self._walk(window)
            self._position += used
            at += used - len(rest)
            if used < len(window) and len(window) - len(rest) < _WINDOW:
                rest = window[used:]
                at = size
            else:
                rest = b""
        self._rest = rest
        if at > size:
            self._skip = at - size
            self._position -= self._skip

    def _end(self) -> int:
        """The offset behind all that has come of the walked bytes."""
        return self._position + len(self._rest)

    def _walk(self, window: bytes) -> int:
        """Take the elements that begin in ``window``; returns the bytes done with, perhaps more than it has."""
        at = 0
        while self._fault is None:
            at = self._pass(window, at)
            if at >= len(window):
                break
            after = self._judge(window, at)
            if after < 0:
                break
            at = after
        return at

    def _pass(self, window: bytes, at: int) -> int:
        """Pass over elements with nothing to look at; returns where the first other one begins."""
        level = self._level
        if not level.has_elements:
            return at
        encoding = level.encoding
        plain, start = encoding.plain.get, encoding.start
        last, end = level.last, min(level.end - self._position, self._group_end - self._position, _FAR)
        longest, count = len(window) - encoding.longest, 0
        while at <= longest:
            key, length = start(window, at)
            tag, header, is_noted = plain(key), 8, False
            if tag is None:
                if (info := encoding.noted.get(key)) is None:
                    break
                tag, header = info
                is_noted = tag in _NOTED
                if header == _LONG_HEADER:
                    (length,) = encoding.long(window, at + 8)
            after = at + header + length
            if after > end or tag <= last or length & 1:
                break
            if is_noted and not self._note(tag, window, at + header, after):
                break
            last = tag
            at = after
            count += 1
        level.last = last
        self._elements += count
        return at

    # ---------------------------------------------------------------------------------- one element at a time

    def _judge(self, window: bytes, at: int) -> int:
        """Take one element with all that may be said of it; returns where the next begins, -1 for more bytes."""
        offset = self._position + at
        while offset >= self._level.end:
            self._pop()
        if offset >= self._group_end and len(window) - at >= 4:
            self._end_group(window, at, offset)
        header = self._header(window, at, offset)
        if header is None:
            return -1
        if self._elements >= self._limits.max_elements:
            return self._fail(StructureCode.TOO_MANY, header.tag, offset, self._limits.max_elements, self._elements + 1)
        if header.tag >> 16 == 0xFFFE:
            return self._delimit(header, at, offset)
        if self._level.kind is _Kind.SEQUENCE or self._level.kind is _Kind.FRAGMENTS:
            return self._fail(StructureCode.NOT_AN_ITEM, header.tag, offset)
        if header.length == _UNDEFINED:
            return self._open_undefined(header, at, offset)
        return self._element(window, header, at, offset)

    def _header(self, window: bytes, at: int, offset: int) -> _Header | None:
        """The header at a place; ``None`` if it is not there as a whole, or no header, which is a fault."""
        left = len(window) - at
        if left < 8:
            return None
        encoding = self._level.encoding
        group, element = encoding.head(window, at)
        tag = group << 16 | element
        if group == 0xFFFE or not encoding.explicit:
            return _Header(tag, b"", 8, encoding.long(window, at + 4)[0], False)
        vr = window[at + 4 : at + 6]
        if vr in SHORT_VRS:
            return _Header(tag, vr, 8, encoding.short(window, at + 6)[0], True)
        if vr not in LONG_VRS:
            if not _looks_like_vr(vr):
                self._fail(self._no_element(tag), tag, offset)
                return None
            if window[at + 6] or window[at + 7]:  # the short form; VRs to come have the long one (PS3.5 7.1.2)
                return _Header(tag, vr, 8, encoding.short(window, at + 6)[0], True)
        if left < 12:
            return None
        return _Header(tag, vr, 12, encoding.long(window, at + 8)[0], False)

    def _no_element(self, tag: int) -> StructureCode:
        if self._level.kind is _Kind.DATA_SET and tag <= self._level.last:
            return StructureCode.TRAILING_JUNK
        return StructureCode.NOT_AN_ELEMENT

    def _element(self, window: bytes, header: _Header, at: int, offset: int) -> int:
        """Take an element of defined length."""
        tag, length, level = header.tag, header.length, self._level
        begin = offset + header.header
        if begin + length > level.end:
            return self._fail(StructureCode.OVERRUN, tag, offset, length, max(level.end - begin, 0))
        is_outermost = level.is_outermost
        if is_outermost and tag == 0 and level.last >= 0 and length == 0:
            return self._fail(StructureCode.TRAILING_JUNK, tag, offset)
        if is_outermost and (tag in _UNIQUE_KEYS or not tag & 0xFFFF) and length <= _LONGEST_UID:
            if len(window) < at + header.header + length:
                return -1
            if not self._look(window[at + header.header : at + header.header + length], tag, begin + length):
                return self._fail(StructureCode.TWO_UIDS, tag, offset)
        if tag == _PIXEL_DATA and header.vr in _PIXEL_VRS:
            self._note(tag, window, at + header.header, at + header.header + length)
        self._count(header, offset)
        if self._is_sequence(header):
            return self._push(_Kind.SEQUENCE, header, at, offset, self._inner(header))
        return at + header.header + length

    def _count(self, header: _Header, offset: int) -> None:
        """Note an element, and what is odd about it."""
        tag, level = header.tag, self._level
        self._elements += 1
        is_odd_vr = level.encoding.explicit and _differs(tag, header.vr)
        if is_odd_vr:
            self._odd(AnomalyCode.VR, tag, offset)
        if header.length & 1 and header.length != _UNDEFINED:
            self._odd(AnomalyCode.ODD_LENGTH, tag, offset)
        if tag <= level.last:
            self._odd(AnomalyCode.ORDER, tag, offset)
        if tag < 0x0004_0000 and level.kind is _Kind.DATA_SET:
            self._odd(AnomalyCode.GROUP, tag, offset)
        level.last = tag
        if not (is_odd_vr or _needs_a_look(tag) or self._is_sequence(header)):
            order = ">" if level.encoding is _BIG else "<"
            key = struct.pack(f"{order}HH", tag >> 16, tag & 0xFFFF) + header.vr
            level.encoding.remember(key, tag, header.header)

    def _look(self, value: bytes, tag: int, end: int) -> bool:
        """Keep a unique key, or the place where a group ends; returns whether no other key was kept before."""
        if not tag & 0xFFFF:
            if len(value) == 4:
                self._group, self._group_end = tag >> 16, end + self._level.encoding.long(value, 0)[0]
            return True
        return self._keep_uid(tag, value)

    def _note(self, tag: int, window: bytes, begin: int, end: int) -> bool:
        """Keep a unique key, or the place of pixel data; returns whether nothing more is to be looked at."""
        if tag == _PIXEL_DATA:
            if end - begin > self._pixel_data.length:
                self._pixel_data = PixelDataPlace(self._position + begin, end - begin)
            return True
        if end > len(window):
            return False
        return not self._level.is_outermost or self._keep_uid(tag, window[begin:end])

    def _keep_uid(self, tag: int, value: bytes) -> bool:
        """Keep a unique key unless one is kept; returns whether it is the same."""
        text = value.rstrip(b"\0 ").decode("ascii", "replace")
        if tag == _SOP_CLASS:
            self._sop_class = self._sop_class or text
            return text == self._sop_class
        self._sop_instance = self._sop_instance or text
        return text == self._sop_instance

    def _end_group(self, window: bytes, at: int, offset: int) -> None:
        """Compare where a group ends with what its group length told."""
        if self._level.kind is not _Kind.DATA_SET:
            self._odd(AnomalyCode.GROUP_LENGTH, self._group << 16, offset)
        else:
            is_over = self._level.encoding.head(window, at)[0] != self._group
            was_inside = self._level.last >> 16 == self._group
            if offset != self._group_end or not (is_over and was_inside):
                self._odd(AnomalyCode.GROUP_LENGTH, self._group << 16, offset)
        self._group_end = _ENDLESS

    # ------------------------------------------------------------------------------------------------------- nesting

    def _is_sequence(self, header: _Header) -> bool:
        if header.vr:
            return header.vr == b"SQ"
        return _is_sequence_tag(header.tag)

    def _inner(self, header: _Header) -> _Encoding:
        """The encoding inside of a sequence: what is UN is implicit little endian (PS3.5 6.2.2)."""
        return _IMPLICIT if header.vr == b"UN" else self._level.encoding

    def _open_undefined(self, header: _Header, at: int, offset: int) -> int:
        """Take an element of undefined length: a sequence, or encapsulated pixel data."""
        self._count(header, offset)
        if header.tag == _PIXEL_DATA or header.vr in _FRAGMENTED:
            return self._push(_Kind.FRAGMENTS, header, at, offset, self._level.encoding)
        if header.vr in (b"", b"SQ", b"UN"):
            return self._push(_Kind.SEQUENCE, header, at, offset, self._inner(header))
        return self._fail(StructureCode.UNDEFINED_LENGTH, header.tag, offset)

    def _delimit(self, header: _Header, at: int, offset: int) -> int:
        """Take an item or a delimiter."""
        level = self._level
        if header.tag == _ITEM and level.kind in (_Kind.SEQUENCE, _Kind.FRAGMENTS):
            return self._item(header, at, offset)
        wanted = _ITEM_END if level.kind is _Kind.ITEM else _SEQUENCE_END
        if header.tag != wanted or level.kind is _Kind.DATA_SET:
            return self._fail(StructureCode.MISPLACED, header.tag, offset)
        if level.end != _ENDLESS:
            if offset + 8 != level.end:
                return self._fail(StructureCode.MISPLACED, header.tag, offset)
            self._odd(AnomalyCode.DELIMITER, header.tag, offset)
        elif header.length:
            self._odd(AnomalyCode.DELIMITER, header.tag, offset)
        self._pop()
        return at + 8

    def _item(self, header: _Header, at: int, offset: int) -> int:
        level = self._level
        self._elements += 1
        begin, length = offset + 8, header.length
        if length != _UNDEFINED and begin + length > level.end:
            return self._fail(StructureCode.OVERRUN, header.tag, offset, length, max(level.end - begin, 0))
        if level.kind is _Kind.SEQUENCE:
            return self._push(_Kind.ITEM, header, at, offset, level.encoding)
        if length == _UNDEFINED:
            return self._fail(StructureCode.UNDEFINED_LENGTH, header.tag, offset)
        if length & 1:
            self._odd(AnomalyCode.ODD_LENGTH, header.tag, offset)
        return at + 8 + length

    def _push(self, kind: _Kind, header: _Header, at: int, offset: int, encoding: _Encoding) -> int:
        depth = len(self._outer) + 1
        if depth > self._limits.max_depth:
            return self._fail(StructureCode.TOO_DEEP, header.tag, offset, self._limits.max_depth, depth)
        begin = offset + header.header
        end = _ENDLESS if header.length == _UNDEFINED else begin + header.length
        self._outer.append(self._level)
        self._level = _Level(kind, header.tag, offset, end, encoding)
        self._deepest = max(self._deepest, depth)
        return at + header.header

    def _pop(self) -> None:
        self._level = self._outer.pop()

    def _close(self) -> None:
        """The data end here: nothing may be open."""
        if not self._elements and not self._end():
            self._fail(StructureCode.EMPTY, 0, 0)
            return
        if self._rest == b"\0" and self._position & 1:
            self._rest = b""  # it makes the length of the last fragment even (PS3.8 E)
        end = self._end() + self._skip
        while not self._rest and not self._skip and end == self._level.end:
            self._pop()
        if self._skip:
            self._fail(StructureCode.TRUNCATED, self._level.last, self._end(), self._skip, 0)
        elif self._rest:
            is_junk = self._level.kind is _Kind.DATA_SET and len(self._rest) < 8
            code = StructureCode.TRAILING_JUNK if is_junk and self._elements else StructureCode.TRUNCATED
            self._fail(code, 0, self._position, -1, len(self._rest))
        elif self._level.kind is not _Kind.DATA_SET:
            level = self._level
            if level.end == _ENDLESS:
                self._fail(StructureCode.UNCLOSED, level.tag, level.offset)
            else:
                self._fail(
                    StructureCode.TRUNCATED, level.tag, level.offset, level.end - level.offset, end - level.offset
                )
        elif self._group_end != _ENDLESS and (self._group_end != end or self._level.last >> 16 != self._group):
            self._odd(AnomalyCode.GROUP_LENGTH, self._group << 16, end)

    # -------------------------------------------------------------------------------------------- faults and anomalies

    def _fail(self, code: StructureCode, tag: int, offset: int, expected: int = -1, found: int = -1) -> int:
        self._fault = StructureFault(code, max(tag, 0), offset, expected, found)
        self._outer.clear()
        self._rest = self._left = b""
        self._is_full = False
        return -1

    def _odd(self, code: AnomalyCode, tag: int, offset: int) -> None:
        first = self._anomalies.get(code) or Anomaly(code, tag, offset, 0)
        self._anomalies[code] = first._replace(times=first.times + 1)


_NEVER_OTHER: Final = OVER_LIMITS | {StructureCode.EMPTY}


def read_structure(
    data: bytes | bytearray | memoryview, transfer_syntax_uid: str, limits: StructureLimits = UNLIMITED
) -> StructureReport:
    """The structure of a data set that is all there."""
    reader = StructureReader(transfer_syntax_uid, limits)
    reader.feed(data)
    return reader.finish()


def _looks_like_vr(vr: bytes) -> bool:
    return (vr.isupper() and vr.isalpha()) or vr in _NO_VRS


def _needs_a_look(tag: int) -> bool:
    """True for an element that is never only passed over."""
    return not tag & 0xFFFF or tag < 0x0004_0000 or tag >> 16 == 0xFFFE


def _is_sequence_tag(tag: int) -> bool:
    return vr_of(tag) == "SQ"


def _differs(tag: int, vr: bytes) -> bool:
    """True for an element with another VR than it should have; UN is always allowed (PS3.5 6.2.2)."""
    if vr == b"UN":
        return False
    expected = vr_of(tag)
    if not expected:
        return vr not in SHORT_VRS and vr not in LONG_VRS
    return vr.decode("ascii") not in expected.split(" or ")
