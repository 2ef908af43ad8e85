"""TCP connections put together from captured segments (RFC 9293): each direction as bytes in their order.

What a capture does to a connection is undone as far as it can be: segments out of order, repeated and overlapping,
sequence numbers that wrap, a port that is used again, a capture that began in the middle. Bytes that the capture does
not have become a :class:`Gap`, once the receiver has acknowledged them and they do not come after all, or when too much
waits behind them. Of bytes that came twice the first ones count.

No clock but the time stamps of the segments, and bounded memory: see the limits.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from heapq import heappop, heappush
from typing import NamedTuple, TypeAlias

from dicomgui.trace.capture.packets import ACK, FIN, RST, SYN, Place, TcpSegment

__all__ = ["Connection", "Data", "Ended", "Event", "Gap", "Opened", "Reassembler"]

MAX_CONNECTIONS = 16_384
"""Connections that are known at once, those that have ended included; past that the one silent for longest goes."""

MAX_HELD_BYTES = 8 * 2**20
"""What may wait behind a gap of one direction."""

MAX_HELD_TOTAL_BYTES = 128 * 2**20
"""The same of all connections together."""

# How late a segment may be captured after those that follow it, where several processors or devices capture: so many
# nanoseconds or segments. What the receiver has acknowledged by then is missing.
_PATIENCE_NS = 20_000_000
_PATIENCE_SEGMENTS = 8
_PIECE_COST = 200  # bytes of the objects of one waiting piece
_MASK = 0xFFFF_FFFF
_MAX_WINDOW = 2**30  # RFC 7323 2.3: what is further ahead is not of this connection


class Opened(NamedTuple):
    """The connection is open; ``seconds`` from SYN to its answer, -1 where the capture does not have both."""

    time_ns: int
    seconds: float


class Data(NamedTuple):
    """The next bytes of one side."""

    time_ns: int
    side: int
    data: bytes


class Gap(NamedTuple):
    """So many next bytes of one side are not in the capture."""

    time_ns: int
    side: int
    length: int


class Ended(NamedTuple):
    """The last event of a connection.

    :ivar side: who closed first; -1 where the capture does not show an end.
    :ivar reset: whether by RST.
    """

    time_ns: int
    side: int
    reset: bool


Event: TypeAlias = Opened | Data | Gap | Ended


class _Stream:
    """One direction. Positions are sequence numbers that do not wrap."""

    __slots__ = ("acked", "count", "fin", "has_start", "held", "next", "pieces", "since_ns", "waited")

    def __init__(self) -> None:
        self.next = -1
        self.has_start = False
        self.acked = -1
        self.fin = -1
        self.pieces: list[tuple[int, int, bytes, int]] = []  # a heap: position, number, data, length
        self.count = 0
        self.held = 0
        self.since_ns = 0
        self.waited = 0

    def begin(self, seq: int, *, is_start: bool) -> None:
        """The byte after this sequence number is the first; known by the SYN, or guessed."""
        if self.next < 0:
            self.next = seq + 2**32  # so that a position before it is no negative number
            self.has_start = is_start

    def place(self, seq: int) -> int:
        """The position of a sequence number: the one nearest to what is expected."""
        return self.next + ((seq - self.next + 2**31) & _MASK) - 2**31

    @property
    def is_done(self) -> bool:
        return 0 <= self.fin <= self.next

    def put(self, position: int, data: bytes, length: int, time_ns: int) -> None:
        """Keep a piece until it is its turn; of ``length`` bytes ``data`` are those that were captured."""
        if position + length < self.next or position - self.next > _MAX_WINDOW:
            return
        if not self.pieces:
            self.since_ns, self.waited = time_ns, 0
        self.count += 1
        heappush(self.pieces, (position, self.count, data, length))
        self.held += len(data) + _PIECE_COST

    def take(self, side: int, time_ns: int) -> Iterator[Event]:
        """What can be given now."""
        pieces = self.pieces
        while pieces and pieces[0][0] <= self.next:
            position, _, data, length = heappop(pieces)
            self.held -= len(data) + _PIECE_COST
            known = self.next - position
            if known >= length:
                continue
            self.next += length - known
            if known < len(data):
                yield Data(time_ns, side, data[known:] if known else data)
            missing = length - max(known, len(data))
            if missing:
                yield Gap(time_ns, side, missing)

    def jump(self, side: int, time_ns: int) -> Iterator[Event]:
        """Give up what is missing before the next piece."""
        yield Gap(time_ns, side, self.pieces[0][0] - self.next)
        self.next = self.pieces[0][0]
        yield from self.take(side, time_ns)
        self.since_ns, self.waited = time_ns, 0

    def is_lost(self, time_ns: int) -> bool:
        """Whether what is missing will not come: the receiver has it, so the capture lacks it."""
        self.waited += 1
        return self.acked >= self.pieces[0][0] and (
            self.waited > _PATIENCE_SEGMENTS or time_ns - self.since_ns > _PATIENCE_NS
        )

    def drop(self) -> None:
        self.pieces = []
        self.held = 0


class Connection:
    """One TCP connection.

    :ivar ends: side 0 and side 1; side 0 opened the connection, as far as the capture shows that.
    :ivar first_ns: time of its first segment.
    :ivar opener: the side that sent the SYN, -1 where the capture does not have it.
    :ivar closer: the side whose FIN came first, -1 before.
    :ivar is_open: whether :class:`Opened` was told.
    :ivar is_over: whether :class:`Ended` was told.
    :ivar is_muted: set by who needs no more of it: then no :class:`Data` and no :class:`Gap` is told.
    """

    __slots__ = (
        "closer", "ends", "first_ns", "is_muted", "is_open", "is_over", "opener", "streams", "syn", "syn_ns",
    )  # fmt: skip

    def __init__(self, ends: tuple[Place, Place], first_ns: int) -> None:
        self.ends = ends
        self.first_ns = first_ns
        self.opener = self.closer = -1
        self.syn = -1
        self.syn_ns = -1
        self.is_open = self.is_over = self.is_muted = False
        self.streams = (_Stream(), _Stream())

    def has_start(self, side: int) -> bool:
        """Whether the first byte of this side is in the capture, or would be if nothing was lost."""
        return self.streams[side].has_start

    @property
    def held(self) -> int:
        """Bytes that wait behind gaps."""
        return self.streams[0].held + self.streams[1].held

    def feed(self, segment: TcpSegment, side: int) -> Iterator[Event]:
        """Take a segment that ``side`` sent."""
        if self.is_over:
            return
        yield from self._handshake(segment, side)
        mine, other = self.streams[side], self.streams[1 - side]
        if segment.flags & ACK:
            other.begin(segment.ack, is_start=other.has_start)
            other.acked = max(other.acked, other.place(segment.ack))
        if self.is_muted:
            mine.drop()
        else:
            yield from self._payload(segment, side)
            for number, stream in enumerate(self.streams):
                if stream.pieces and (stream.is_lost(segment.time_ns) or stream.held > MAX_HELD_BYTES):
                    yield from stream.jump(number, segment.time_ns)
        if segment.flags & RST:
            yield from self.end(segment.time_ns, side, reset=True)
        elif mine.is_done and other.is_done:
            yield from self.end(segment.time_ns, self.closer)

    def _handshake(self, segment: TcpSegment, side: int) -> Iterator[Event]:
        if segment.flags & SYN:
            self.streams[side].begin(segment.seq + 1, is_start=True)
            if not segment.flags & ACK:
                if self.opener < 0:
                    self.opener, self.syn, self.syn_ns = side, segment.seq, segment.time_ns
            else:
                self.opener = 1 - side
                self.streams[1 - side].has_start |= self.streams[1 - side].next < 0
                yield from self._open(segment.time_ns)
        elif segment.data or segment.missing:
            yield from self._open(segment.time_ns, is_answer=False)

    def _open(self, time_ns: int, *, is_answer: bool = True) -> Iterator[Event]:
        if not self.is_open:
            self.is_open = True
            is_timed = is_answer and self.syn_ns >= 0
            yield Opened(time_ns, max(0, time_ns - self.syn_ns) / 1e9 if is_timed else -1.0)

    def _payload(self, segment: TcpSegment, side: int) -> Iterator[Event]:
        stream = self.streams[side]
        length = len(segment.data) + segment.missing
        seq = segment.seq + bool(segment.flags & SYN)
        if not (length or segment.flags & FIN) or segment.flags & RST:
            return
        stream.begin(seq, is_start=False)
        position = stream.place(seq)
        if length:
            stream.put(position, segment.data, length, segment.time_ns)
        if segment.flags & FIN and stream.fin < 0:
            stream.fin = position + length
            self.closer = side if self.closer < 0 else self.closer
            stream.put(stream.fin, b"", 0, segment.time_ns)  # so that what is missing before it is waited for
        yield from stream.take(side, segment.time_ns)

    def end(self, time_ns: int, side: int = -1, *, reset: bool = False) -> Iterator[Event]:
        """The last event, and before it what waits behind gaps."""
        if self.is_over:
            return
        for number, stream in enumerate(self.streams):
            while stream.pieces and not self.is_muted:
                yield from stream.jump(number, time_ns)
            stream.drop()
        self.is_over = True
        yield Ended(time_ns, side, reset)


class Reassembler:
    """Sorts segments by connection.

    :ivar evicted: connections that were given up for room before they ended.
    """

    def __init__(self, max_connections: int = MAX_CONNECTIONS) -> None:
        self.evicted = 0
        self._max = max_connections
        self._connections: OrderedDict[tuple[Place, Place], Connection] = OrderedDict()
        self._held = 0

    def feed(self, segment: TcpSegment) -> Iterator[tuple[Connection, Event]]:
        """Take the next segment of the capture; gives what it tells."""
        source, target = segment.source, segment.target
        key = (source, target) if source <= target else (target, source)
        connection = self._connections.get(key)
        if connection is not None and _begins_anew(connection, segment):
            yield from self._tell(connection, connection.end(segment.time_ns))
            connection = None
        if connection is None:
            is_answer = segment.flags & (SYN | ACK) == SYN | ACK
            ends = (target, source) if is_answer else (source, target)
            connection = self._connections[key] = Connection(ends, segment.time_ns)
        self._connections.move_to_end(key)
        side = 0 if source == connection.ends[0] else 1
        yield from self._tell(connection, connection.feed(segment, side))
        if self._held > MAX_HELD_TOTAL_BYTES:
            yield from self._make_room(segment.time_ns)
        if len(self._connections) > self._max:
            _, oldest = self._connections.popitem(last=False)
            self.evicted += not oldest.is_over
            yield from self._tell(oldest, oldest.end(segment.time_ns))

    def _tell(self, connection: Connection, events: Iterator[Event]) -> Iterator[tuple[Connection, Event]]:
        before = connection.held
        for event in events:
            yield connection, event
        self._held += connection.held - before

    def _make_room(self, time_ns: int) -> Iterator[tuple[Connection, Event]]:
        """Give up the gaps behind which most waits."""
        for connection in sorted(self._connections.values(), key=lambda one: one.held, reverse=True):
            if self._held <= MAX_HELD_TOTAL_BYTES // 2:
                return
            for side, stream in enumerate(connection.streams):
                while stream.pieces:
                    yield from self._tell(connection, stream.jump(side, time_ns))

    def finish(self, time_ns: int) -> Iterator[tuple[Connection, Event]]:
        """The capture is over: what waits is given, and every connection ends."""
        while self._connections:
            _, connection = self._connections.popitem(last=False)
            yield from self._tell(connection, connection.end(time_ns, connection.closer))


def _begins_anew(connection: Connection, segment: TcpSegment) -> bool:
    """Whether the segment opens another connection between the same two ports; a repeated SYN does not."""
    if segment.flags & (SYN | ACK) != SYN or connection.syn == segment.seq:
        return False
    side = 0 if segment.source == connection.ends[0] else 1
    is_late = connection.syn < 0 and connection.streams[side].next & _MASK == (segment.seq + 1) & _MASK
    return connection.is_over or not is_late
