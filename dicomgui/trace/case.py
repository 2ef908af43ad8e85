"""The facts of one association that the diagnosis looks at, gathered in one pass over its records.

A case is small however long the trace: it holds the records that can explain something, counts the rest, and is bounded
where a peer could make it grow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from dicomgui.network.pdu import PduType
from dicomgui.network.tracing import (
    BytesRecord,
    CancelRecord,
    CloseRecord,
    ConnectRecord,
    DimseRecord,
    Direction,
    FileRecord,
    ListenRecord,
    NoteRecord,
    PduRecord,
    Record,
    RefuseRecord,
    ResolveRecord,
    Role,
    StateRecord,
    TimerRecord,
    TlsRecord,
)

__all__ = ["Answers", "Case", "Found", "cases_of"]

RESPONSE = 0x8000
"""The bit of Command Field that makes a response (PS3.7 E.1)."""

_FIND = 0x0020
_CANCEL = 0x0FFF
_MAX_KEPT = 64  # of each kind of record in one case
_MAX_PENDING = 4096
_ERROR_LEVEL = 40  # logging.ERROR
_CLOSED, _ARTIM_EXPIRED = 17, 18  # Evt17 and Evt18, PS3.8 table 9-2


class Found(NamedTuple):
    """A record and its number in what is diagnosed."""

    number: int
    record: Any


class Answers:
    """The responses of one kind with one status.

    :ivar first: the first of them.
    :ivar count: how many there were.
    """

    __slots__ = ("count", "first")

    def __init__(self, first: Found) -> None:
        self.first = first
        self.count = 0


class Case:
    """What is known of one association; ``association`` 0 is what belongs to none.

    Lists hold what was found in the order of the trace. Names and addresses are as the peer gave them.
    """

    def __init__(self, association: int) -> None:
        self.association = association
        self.kept: dict[type, list[Found]] = {}
        self.connected: Found | None = None
        self.connect_failures: list[Found] = []
        self.tls = False
        self.first_received: Found | None = None
        self.first_pdus: dict[tuple[Direction, int], Found] = {}
        self.broken: list[Found] = []
        self.unfinished: Found | None = None
        self.last_bytes_mono = 0.0
        self._last_was_broken = False
        self.artim_expired: Found | None = None
        self.answers: dict[tuple[Direction, int, int], Answers] = {}
        self.pending: dict[int, Found] = {}
        self.matches: dict[int, int] = {}
        self.empty_finds: list[Found] = []

    def add(self, index: int, record: Record) -> None:
        """Take a record of this association."""
        take = _TAKERS.get(type(record))
        if take is not None:
            take(self, Found(index, record))

    # ------------------------------------------------------------------------------------------------------ gathering

    def _keep(self, found: Found) -> None:
        kept = self.kept.setdefault(type(found.record), [])
        if len(kept) < _MAX_KEPT:
            kept.append(found)

    def _connect(self, found: Found) -> None:
        if not found.record.error:
            self.connected = found
        elif len(self.connect_failures) < _MAX_KEPT:
            self.connect_failures.append(found)

    def _tls(self, found: Found) -> None:
        self.tls = True
        if found.record.error:
            self._keep(found)

    def _bytes(self, found: Found) -> None:
        record: BytesRecord = found.record
        self.last_bytes_mono = record.mono
        if record.direction is Direction.RECEIVED:
            self.first_received = self.first_received or found
            if len(self.broken) < _MAX_KEPT:
                self.broken.append(found)

    def _pdu(self, found: Found) -> None:
        record: PduRecord = found.record
        self.last_bytes_mono = record.mono
        self._last_was_broken = False
        self.first_pdus.setdefault((record.direction, record.pdu_type), found)
        if record.direction is Direction.RECEIVED:
            self.first_received = self.first_received or found
            if record.error and len(self.broken) < _MAX_KEPT:
                self.broken.append(found)
                self._last_was_broken = True

    def _state(self, found: Found) -> None:
        event = found.record.event
        if event in (_CLOSED, _ARTIM_EXPIRED) and self._last_was_broken:
            self.unfinished = self.broken.pop()  # cut off, not malformed
        self._last_was_broken = False
        if event == _ARTIM_EXPIRED:
            self.artim_expired = self.artim_expired or found

    def _dimse(self, found: Found) -> None:
        record: DimseRecord = found.record
        if record.command_field & RESPONSE:
            self._response(found, record)
        elif record.direction is Direction.RECEIVED or record.command_field == _CANCEL:
            return
        elif len(self.pending) < _MAX_PENDING:
            self.pending[record.message_id] = found

    def _response(self, found: Found, record: DimseRecord) -> None:
        is_find = record.command_field == _FIND | RESPONSE
        if record.status & 0xFFFE == 0xFF00 and record.status >= 0:  # pending: FF00, FF01
            if is_find and len(self.matches) < _MAX_PENDING:
                self.matches[record.message_id] = self.matches.get(record.message_id, 0) + 1
            return
        if record.direction is Direction.RECEIVED:
            self.pending.pop(record.message_id, None)
            if is_find and record.status == 0 and not self.matches.get(record.message_id):
                self.empty_finds = [*self.empty_finds, found][:_MAX_KEPT]
        self.matches.pop(record.message_id, None)
        if record.status <= 0:
            return
        key = (record.direction, record.command_field, record.status)
        answers = self.answers.get(key)
        if answers is None and len(self.answers) < _MAX_KEPT:
            answers = self.answers[key] = Answers(found)
        if answers is not None:
            answers.count += 1

    # ---------------------------------------------------------------------------------------------------- the facts

    def all(self, record_type: type) -> list[Found]:
        """The kept records of a type."""
        return self.kept.get(record_type, [])

    def first(self, record_type: type) -> Found | None:
        """The first kept record of a type."""
        kept = self.all(record_type)
        return kept[0] if kept else None

    def pdu(self, direction: Direction, pdu_type: int) -> Found | None:
        """The first PDU of a type that went this way."""
        return self.first_pdus.get((direction, pdu_type))

    @property
    def close(self) -> Found | None:
        """The end of the transport connection."""
        return self.first(CloseRecord)

    @property
    def is_acceptor(self) -> bool:
        """Whether the peer called us."""
        if self.connected is not None:
            return bool(self.connected.record.role is Role.ACCEPTOR)
        return self.pdu(Direction.RECEIVED, PduType.ASSOCIATE_RQ) is not None

    @property
    def request(self) -> Found | None:
        """The A-ASSOCIATE-RQ, whoever sent it."""
        return self.pdu(Direction.RECEIVED if self.is_acceptor else Direction.SENT, PduType.ASSOCIATE_RQ)

    @property
    def acceptance(self) -> Found | None:
        """The A-ASSOCIATE-AC, whoever sent it."""
        return self.pdu(Direction.SENT if self.is_acceptor else Direction.RECEIVED, PduType.ASSOCIATE_AC)

    @property
    def is_released(self) -> bool:
        """Whether the association ended in order (A-RELEASE-RP went or came)."""
        return any(self.pdu(direction, PduType.RELEASE_RP) is not None for direction in Direction)

    @property
    def place(self) -> str:
        """``host:port`` of the peer, or an empty string."""
        for found in (self.connected, *self.connect_failures[:1], self.first(RefuseRecord)):
            if found is not None and found.record.peer:
                return str(found.record.peer)
        return ""

    def titles(self) -> tuple[bytes, bytes]:
        """The 16 bytes each of the called and the calling AE title as they were on the wire (PS3.8 table 9-11)."""
        request = self.request
        if request is None or not request.record.segments or request.record.segments[0].offset:
            return b"", b""
        data = request.record.segments[0].data
        return data[10:26], data[26:42]


def _file(case: Case, found: Found) -> None:
    if found.record.event in ("failed", "discarded"):
        case._keep(found)


def _note(case: Case, found: Found) -> None:
    if found.record.level >= _ERROR_LEVEL:
        case._keep(found)


_TAKERS: dict[type, Callable[[Case, Found], None]] = {
    ResolveRecord: Case._keep,
    ConnectRecord: Case._connect,
    ListenRecord: Case._keep,
    RefuseRecord: Case._keep,
    TlsRecord: Case._tls,
    BytesRecord: Case._bytes,
    PduRecord: Case._pdu,
    StateRecord: Case._state,
    DimseRecord: Case._dimse,
    TimerRecord: Case._keep,
    FileRecord: _file,
    CancelRecord: Case._keep,
    CloseRecord: Case._keep,
    NoteRecord: _note,
}


def cases_of(records: Iterable[Record]) -> list[Case]:
    """One case for each association of a trace, in the order of their first records."""
    cases: dict[int, Case] = {}
    for index, record in enumerate(records):
        case = cases.get(record.association)
        if case is None:
            case = cases[record.association] = Case(record.association)
        case.add(index, record)
    return list(cases.values())
