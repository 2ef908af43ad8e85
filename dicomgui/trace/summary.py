"""What is worth knowing of each association at a glance: who, where, since when, how much, how it ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dicomgui.network.pdu import PduType
from dicomgui.network.status import Status
from dicomgui.network.tracing import (
    CloseRecord,
    ConnectRecord,
    DimseRecord,
    Direction,
    PduRecord,
    Record,
    RefuseRecord,
    Role,
    StateRecord,
    TlsRecord,
)

__all__ = ["AssociationSummary", "Outcome", "Tally", "summarize"]

_CALLED = slice(10, 26)  # PS3.8 table 9-11: where the AE titles stand in an A-ASSOCIATE-RQ
_CALLING = slice(26, 42)
_SENT = int(Direction.SENT)
_P_DATA_TF = int(PduType.P_DATA_TF)
_RESPONSE = 0x8000  # PS3.7 E.1: the bit of Command Field that makes a response


class Outcome(StrEnum):
    """How an association stands or ended."""

    CONNECTING = "connecting"
    """The transport connection is there, the association not yet."""
    OPEN = "open"
    RELEASED = "released"
    REJECTED = "rejected"
    ABORTED = "aborted"
    REFUSED = "refused"
    """We refused the connection before any association."""
    FAILED = "failed"
    """No transport connection, or no TLS on it."""
    LOST = "lost"
    """The connection ended without A-RELEASE, A-ASSOCIATE-RJ or A-ABORT."""


@dataclass(frozen=True, slots=True)
class AssociationSummary:
    """One association of a trace.

    :ivar association: its number in the trace.
    :ivar role: what we were in it, ``None`` where the trace does not say.
    :ivar calling_ae: AE title of the requestor, empty where no A-ASSOCIATE-RQ was kept. Text of the peer.
    :ivar called_ae: AE title that was called. Text of the peer.
    :ivar local: our end, ``host:port``.
    :ivar peer: the other end, ``host:port``.
    :ivar started_utc: seconds since 1970-01-01 UTC of its first record.
    :ivar ended_utc: the same of its end, ``None`` while it lives.
    :ivar duration_s: from the first to the last record, by the monotonic clock.
    :ivar state: the PS3.8 9.2.1 state, 1 to 13; 0 where the trace does not say.
    :ivar outcome: how it stands.
    :ivar tls: whether it ran over TLS.
    :ivar pdus_sent: PDUs that we sent.
    :ivar pdus_received: PDUs that came.
    :ivar bytes_sent: their bytes, headers included.
    :ivar bytes_received: the same of those that came.
    :ivar requests: how many requests of each Command Field, most frequent first.
    :ivar failures: responses with a failure status.
    :ivar warnings: responses with a warning status.
    :ivar rows: how many records it has had.
    """

    association: int
    role: Role | None
    calling_ae: str
    called_ae: str
    local: str
    peer: str
    started_utc: float
    ended_utc: float | None
    duration_s: float
    state: int
    outcome: Outcome
    tls: bool
    pdus_sent: int
    pdus_received: int
    bytes_sent: int
    bytes_received: int
    requests: tuple[tuple[int, int], ...]
    failures: int
    warnings: int
    rows: int


class Tally:
    """Counts the records of one association as they come; :meth:`summary` looks at the counts.

    :meth:`add` stands on the path of every PDU: it counts and keeps references, and decodes nothing.
    """

    __slots__ = (
        "association", "bytes_received", "bytes_sent", "connect", "ended_utc", "failures", "first", "last_mono",
        "outcome", "pdus_received", "pdus_sent", "refused_peer", "request_bytes", "requests", "rows", "state", "tls",
        "warnings",
    )  # fmt: skip

    def __init__(self, first: Record) -> None:
        self.association = first.association
        self.first = (first.mono, first.utc)
        self.last_mono = first.mono
        self.ended_utc: float | None = None
        self.connect: ConnectRecord | None = None
        self.refused_peer = ""
        self.request_bytes = b""
        self.outcome = Outcome.CONNECTING
        self.tls = False
        self.state = 0
        self.pdus_sent = self.pdus_received = self.bytes_sent = self.bytes_received = 0
        self.requests: Counter[int] = Counter()
        self.failures = self.warnings = self.rows = 0

    def add(self, record: Record) -> None:
        """Count one record of this association."""
        self.rows += 1
        self.last_mono = record[1]
        note = _NOTERS.get(type(record))
        if note is not None:
            note(self, record)

    def add_sent(self, sent: Sequence[PduRecord], message: DimseRecord | None = None) -> None:
        """Count P-DATA-TF PDUs that were sent, and the message that they were."""
        if message is not None:
            self.rows += 1
            self._dimse(message)
        self.rows += len(sent)
        self.last_mono = sent[-1][1]
        self.pdus_sent += len(sent)
        self.bytes_sent += sum([record[5] for record in sent])

    def add_received(self, records: Sequence[Record]) -> int:
        """Count pending responses and the P-DATA-TF PDUs of them that came; gives the bytes of these."""
        lengths = [record[5] for record in records if type(record) is PduRecord]
        size = sum(lengths)
        self.rows += len(records)
        self.last_mono = records[-1][1]
        self.pdus_received += len(lengths)
        self.bytes_received += size
        return size

    def _pdu(self, record: PduRecord) -> None:
        _, _, _, direction, pdu_type, length, _, _ = record
        if direction == _SENT:
            self.pdus_sent += 1
            self.bytes_sent += length
        else:
            self.pdus_received += 1
            self.bytes_received += length
        if pdu_type != _P_DATA_TF:
            self._control_pdu(record)

    def _control_pdu(self, record: PduRecord) -> None:
        if record.pdu_type == PduType.ASSOCIATE_RQ:
            if not self.request_bytes and record.segments and record.segments[0].offset == 0:
                self.request_bytes = record.segments[0].data[:42]
            return
        outcome = _OUTCOME_OF_PDU.get(record.pdu_type)
        if outcome is None:
            return
        # What ended it first is what it died of: an A-ABORT after an A-ASSOCIATE-RJ changes nothing.
        if outcome is Outcome.OPEN:
            if self.outcome is Outcome.CONNECTING:
                self.outcome = outcome
        elif self.outcome in (Outcome.CONNECTING, Outcome.OPEN):
            self.outcome = outcome
            self.ended_utc = record.utc

    def _dimse(self, record: DimseRecord) -> None:
        if not record.command_field & _RESPONSE:
            self.requests[record.command_field] += 1
        elif 0 < record.status <= 0xFFFF:
            status = Status(record.status)
            self.failures += status.is_failure
            self.warnings += status.is_warning

    def _state(self, record: StateRecord) -> None:
        self.state = record.after

    def _connect(self, record: ConnectRecord) -> None:
        self.connect = record
        if record.error:
            self._end(Outcome.FAILED, record)
        elif self.outcome is Outcome.FAILED:  # another address of the same name answered
            self.outcome, self.ended_utc = Outcome.CONNECTING, None

    def _tls(self, record: TlsRecord) -> None:
        self.tls = True
        if record.error:
            self._end(Outcome.FAILED, record)

    def _refuse(self, record: RefuseRecord) -> None:
        self.refused_peer = record.peer
        self._end(Outcome.REFUSED, record)

    def _close(self, record: CloseRecord) -> None:
        if self.outcome is Outcome.OPEN or (self.outcome is Outcome.CONNECTING and self.request_bytes):
            self.outcome = Outcome.LOST
        elif self.outcome is Outcome.CONNECTING:
            self.outcome = Outcome.FAILED
        self.ended_utc = record.utc

    def _end(self, outcome: Outcome, record: Record) -> None:
        if self.outcome is Outcome.CONNECTING:
            self.outcome = outcome
        self.ended_utc = record.utc

    def summary(self) -> AssociationSummary:
        """What was counted so far."""
        connect = self.connect
        return AssociationSummary(
            association=self.association,
            role=connect.role if connect else None,
            calling_ae=_title(self.request_bytes[_CALLING]),
            called_ae=_title(self.request_bytes[_CALLED]),
            local=connect.local if connect else "",
            peer=connect.peer if connect else self.refused_peer,
            started_utc=self.first[1],
            ended_utc=self.ended_utc,
            duration_s=max(0.0, self.last_mono - self.first[0]),
            state=self.state,
            outcome=self.outcome,
            tls=self.tls,
            pdus_sent=self.pdus_sent,
            pdus_received=self.pdus_received,
            bytes_sent=self.bytes_sent,
            bytes_received=self.bytes_received,
            requests=tuple(self.requests.most_common()),
            failures=self.failures,
            warnings=self.warnings,
            rows=self.rows,
        )


_OUTCOME_OF_PDU = {
    int(PduType.ASSOCIATE_AC): Outcome.OPEN,
    int(PduType.ASSOCIATE_RJ): Outcome.REJECTED,
    int(PduType.RELEASE_RP): Outcome.RELEASED,
    int(PduType.ABORT): Outcome.ABORTED,
}
_NOTERS: dict[type, Callable[[Tally, Any], None]] = {
    PduRecord: Tally._pdu,
    DimseRecord: Tally._dimse,
    StateRecord: Tally._state,
    ConnectRecord: Tally._connect,
    TlsRecord: Tally._tls,
    RefuseRecord: Tally._refuse,
    CloseRecord: Tally._close,
}


def _title(field: bytes) -> str:
    return field.decode("latin-1").strip(" \0")


def summarize(records: Iterable[Record]) -> list[AssociationSummary]:
    """The associations of a trace in the order of their first records; records of no association are left out."""
    tallies: dict[int, Tally] = {}
    for record in records:
        number = record.association
        if number:
            tally = tallies.get(number)
            if tally is None:
                tally = tallies[number] = Tally(record)
            tally.add(record)
    return [tally.summary() for tally in tallies.values()]
