"""What took how long: the phases of an association and of its exchanges, and how many bytes went when."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from dicomgui.network.pdu import PduType
from dicomgui.network.tracing import (
    CloseRecord,
    ConnectRecord,
    Direction,
    PduRecord,
    Record,
    ResolveRecord,
    TlsRecord,
)
from dicomgui.trace.exchanges import Exchange
from dicomgui.trace.finding import plain
from dicomgui.trace.store import TraceStore

__all__ = ["Line", "Phase", "PhaseKind", "Throughput", "Timeline", "exchange_line", "timeline"]

MAX_RECORDS = 200_000
"""Records of one association that are looked at."""
MAX_LINES = 500
"""Exchanges that get a line each; of more the first."""
BUCKETS = 120
"""Parts into which the time of an association is cut for its throughput."""
MAX_ATTEMPTS = 16
"""Look-ups and connection attempts of one association that are shown."""


class PhaseKind(StrEnum):
    """What happens in a phase."""

    RESOLVE = "name look-up"
    TCP = "TCP"
    TLS = "TLS"
    ASSOCIATION = "association"
    SEND = "send"
    THINK = "think"
    RECEIVE = "receive"
    RELEASE = "release"


class Phase(NamedTuple):
    """One stretch of time.

    :ivar name: in words, e.g. ``peer thinks``.
    :ivar begin_mono: monotonic seconds.
    :ivar end_mono: the same; equal to the beginning where it took no time.
    :ivar detail: what is worth knowing of it, for people.
    :ivar is_open: whether it still goes on; ``end_mono`` is then the newest record's time.
    """

    kind: PhaseKind
    name: str
    begin_mono: float
    end_mono: float
    detail: str = ""
    is_open: bool = False

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end_mono - self.begin_mono


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a waterfall.

    :ivar label: what it shows.
    :ivar phases: in their order, one after the other.
    :ivar exchange: number of the exchange, 0 for a phase of the association itself.
    :ivar failed: whether it ended badly.
    """

    label: str
    phases: tuple[Phase, ...]
    exchange: int = 0
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Throughput:
    """Bytes of PDUs in equal parts of time.

    :ivar begin_mono: when the first part begins.
    :ivar bucket_s: seconds of each part.
    :ivar sent: bytes that we sent in each, headers included.
    :ivar received: bytes that came in each.
    """

    begin_mono: float
    bucket_s: float
    sent: tuple[int, ...]
    received: tuple[int, ...]

    @property
    def highest(self) -> float:
        """The most bytes a second in any part, both ways together."""
        return max(map(sum, zip(self.sent, self.received, strict=True)), default=0) / self.bucket_s


@dataclass(frozen=True, slots=True)
class Timeline:
    """The waterfall of an association.

    :ivar begin_mono: when it began, monotonic seconds.
    :ivar end_mono: when it ended, or the time of the newest record.
    :ivar left_out: exchanges that have no line.
    """

    association: int
    begin_mono: float
    end_mono: float
    lines: tuple[Line, ...]
    throughput: Throughput
    left_out: int = 0


def exchange_line(exchange: Exchange, newest_mono: float = 0.0) -> Line:
    """The line of one exchange: its request, the time that the other side took, its responses.

    :param newest_mono: up to where an unfinished phase is drawn.
    """
    is_ours = exchange.direction is Direction.SENT
    out = (PhaseKind.SEND, "send") if is_ours else (PhaseKind.RECEIVE, "receive")
    back = (PhaseKind.RECEIVE, "receive") if is_ours else (PhaseKind.SEND, "send")
    phases: list[Phase] = []
    begin = exchange.began_mono
    steps = (
        (*out, exchange.sent_mono, f"request of {exchange.request_bytes:,} bytes"),
        (PhaseKind.THINK, "peer thinks" if is_ours else "we think", exchange.first_mono, ""),
        (*back, exchange.ended_mono, f"responses of {exchange.response_bytes:,} bytes"),
    )
    for kind, name, end, detail in steps:
        if begin and end:
            phases.append(Phase(kind, name, begin, max(begin, end), detail))
        elif begin and newest_mono > begin:
            phases.append(Phase(kind, name, begin, newest_mono, detail, is_open=True))
        begin = end
    label = plain(f"{exchange.operation} {exchange.message_id}")
    return Line(label, tuple(phases), exchange.number, exchange.failed)


def timeline(store: TraceStore, association: int, exchanges: Iterable[Exchange] = (), *, left_out: int = 0) -> Timeline:
    """Read the times of an association. Reads its records, up to :data:`MAX_RECORDS`: not for the loop's thread.

    :param left_out: exchanges behind these that were not given.
    """
    gathered = _Gathered()
    since = 0
    while batch := store.of_association(association, since, 1000):
        for entry in batch:
            gathered.add(entry.record)
        since = batch[-1].seq
        if gathered.count >= MAX_RECORDS:
            break
    begin, end = gathered.begin_mono, gathered.end_mono
    known = list(exchanges)
    lines = [Line(phase.name, (phase,), failed=failed) for phase, failed in gathered.opening]
    lines += [exchange_line(one, end) for one in known[:MAX_LINES]]
    lines += [Line(phase.name, (phase,)) for phase in gathered.closing(end)]
    left_out += max(0, len(known) - MAX_LINES)
    return Timeline(association, begin, end, tuple(lines), gathered.throughput(begin, end), left_out)


class _Gathered:
    """What the records of one association tell about time."""

    def __init__(self) -> None:
        self.count = 0
        self.begin_mono = 0.0
        self.end_mono = 0.0
        self.opening: list[tuple[Phase, bool]] = []
        self._asked = 0.0
        self._asked_release = 0.0
        self._released = 0.0
        self._closed: CloseRecord | None = None
        self._last_pdu = 0.0
        self._monos = (array("d"), array("d"))
        self._lengths = (array("Q"), array("Q"))

    def add(self, record: Record) -> None:
        """Take the next record."""
        began = (
            record.mono - record.seconds
            if isinstance(record, ResolveRecord | ConnectRecord | TlsRecord)
            else record.mono
        )
        self.begin_mono = min(self.begin_mono, began) if self.count else began
        self.end_mono = max(self.end_mono, record.mono)
        self.count += 1
        take = _TAKERS.get(type(record))
        if take is not None:
            take(self, record)

    def _step(self, kind: PhaseKind, record: ResolveRecord | ConnectRecord | TlsRecord, detail: str) -> None:
        if len(self.opening) < MAX_ATTEMPTS and (record.seconds > 0 or record.error):
            text = plain(record.error or detail, 300)
            phase = Phase(kind, kind.value, record.mono - max(0.0, record.seconds), record.mono, text)
            self.opening.append((phase, bool(record.error)))

    def resolve(self, record: ResolveRecord) -> None:
        """A name was looked up."""
        self._step(PhaseKind.RESOLVE, record, f"{record.host} is {', '.join(record.addresses)}")

    def connect(self, record: ConnectRecord) -> None:
        """A connection was opened, or not."""
        self._step(PhaseKind.TCP, record, record.peer)

    def tls(self, record: TlsRecord) -> None:
        """A handshake ended."""
        self._step(PhaseKind.TLS, record, f"{record.version} {record.cipher}")

    def close(self, record: CloseRecord) -> None:
        """The connection ended."""
        self._closed = record

    def pdu(self, record: PduRecord) -> None:
        """A PDU went or came."""
        self._monos[record.direction].append(record.mono)
        self._lengths[record.direction].append(min(record.length, 2**63))
        kind = record.pdu_type
        if kind == PduType.ASSOCIATE_RQ:
            self._asked = self._asked or record.mono
        elif kind in (PduType.ASSOCIATE_AC, PduType.ASSOCIATE_RJ, PduType.ABORT) and self._asked > 0:
            words = {PduType.ASSOCIATE_AC: "accepted", PduType.ASSOCIATE_RJ: "rejected"}.get(PduType(kind), "aborted")
            phase = Phase(PhaseKind.ASSOCIATION, "association", self._asked, record.mono, words)
            self.opening.append((phase, kind != PduType.ASSOCIATE_AC))
            self._asked = -1.0
        elif kind == PduType.RELEASE_RQ:
            self._asked_release = self._asked_release or record.mono
        elif kind == PduType.RELEASE_RP:
            self._released = record.mono

    def closing(self, newest: float) -> list[Phase]:
        """The phases after the last exchange, and a request for an association that nobody answered."""
        phases: list[Phase] = []
        is_open = self._closed is None
        if self._asked > 0:
            phases.append(Phase(PhaseKind.ASSOCIATION, "association", self._asked, newest, "no answer", is_open))
        if self._asked_release:
            end = self._released or newest
            detail = "" if self._released else "no answer"
            phases.append(
                Phase(PhaseKind.RELEASE, "release", self._asked_release, end, detail, is_open and bool(detail))
            )
        return phases

    def throughput(self, begin: float, end: float) -> Throughput:
        """Bytes in equal parts of the time from ``begin`` to ``end``."""
        bucket = max(end - begin, 1e-6) / BUCKETS
        sums = []
        for monos, lengths in zip(self._monos, self._lengths, strict=True):
            edges = [bisect_left(monos, begin + bucket * number) for number in range(1, BUCKETS)]
            edges = [0, *edges, len(monos)]
            sums.append(tuple(sum(lengths[edges[n] : edges[n + 1]]) for n in range(BUCKETS)))
        return Throughput(begin, bucket, sums[Direction.SENT], sums[Direction.RECEIVED])


_TAKERS: dict[type, Callable[[_Gathered, Any], None]] = {
    ResolveRecord: _Gathered.resolve,
    ConnectRecord: _Gathered.connect,
    TlsRecord: _Gathered.tls,
    PduRecord: _Gathered.pdu,
    CloseRecord: _Gathered.close,
}
