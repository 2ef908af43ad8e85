"""The facts of one association that the diagnosis looks at, gathered in one pass over its records.

A case is small however long the trace: it holds the records that can explain something, counts the rest, and is bounded
where a peer could make it grow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from dicomgui.network.association.negotiation import conclude
from dicomgui.network.dimse.commands import oddities_of
from dicomgui.network.errors import RemoteProtocolError
from dicomgui.network.pdu import PDU, AssociateAC, AssociateRQ, PduType, decode
from dicomgui.network.tracing import (
    ENDED_EARLY,
    LEFT_OPEN,
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
    read_broken_rule,
)
from dicomgui.network.uids import IMPLICIT_VR_LITTLE_ENDIAN
from dicomgui.trace.diagnosis.alphabet import Doubt, doubt_about
from dicomgui.trace.diagnosis.around import Around
from dicomgui.trace.diagnosis.carried import Carried, Message
from dicomgui.trace.missing import tells_of_missing

__all__ = ["Answers", "Case", "Doubtful", "Found", "Odd", "Retrieved", "Said", "cases_of", "decoded"]

RESPONSE = 0x8000
"""The bit of Command Field that makes a response (PS3.7 E.1)."""

_STORE, _GET, _FIND, _MOVE = 0x0001, 0x0010, 0x0020, 0x0021
_EVENT_REPORT, _ACTION = 0x0100, 0x0130
_CANCEL = 0x0FFF
_PENDING = (0xFF00, 0xFF01)
_ORIGINATOR_ID = b"\0\0\x31\x10\2\0\0\0"  # (0000,1031) and its length
_MAX_KEPT = 64  # of each kind of record in one case
_MAX_PENDING = 4096
_TEXTS = frozenset({_STORE, _FIND | RESPONSE})
_MAX_LOOKED_AT = 64  # data sets whose text is looked at
_MAX_RETRIEVALS = 256
_ERROR_LEVEL = 40  # logging.ERROR
_ARTIM_EXPIRED = 18  # Evt18, PS3.8 table 9-2


class Found(NamedTuple):
    """A record and its number in what is diagnosed."""

    number: int
    record: Any


class Said(NamedTuple):
    """A DIMSE message: its record, and its bytes where they were kept."""

    found: Found
    message: Message | None


class Answers:
    """The responses of one kind with one status.

    :ivar first: the first of them.
    :ivar message: its bytes, where they were kept.
    :ivar count: how many there were.
    """

    __slots__ = ("count", "first", "message")

    def __init__(self, first: Found, message: Message | None) -> None:
        self.first = first
        self.message = message
        self.count = 0


class Retrieved(NamedTuple):
    """A C-MOVE or C-GET of ours, from its request to its last response.

    :ivar request: ``None`` where the trace begins later.
    :ivar told: the last pending response that had numbers.
    """

    request: Said | None
    response: Said
    told: Said | None


class Doubtful(NamedTuple):
    """A message whose text is in doubt."""

    found: Found
    doubt: Doubt


class Odd(NamedTuple):
    """A command that was understood though it is not as the standard has it."""

    found: Found
    anomalies: tuple[str, ...]


class Case:
    """What is known of one association; ``association`` 0 is what belongs to none.

    Lists hold what was found in the order of the trace. Names and addresses are as the peer gave them.

    :ivar around: what is known beside this association.
    """

    def __init__(self, association: int, around: Around | None = None) -> None:
        self.association = association
        self.around = around if around is not None else Around()
        self.kept: dict[type, list[Found]] = {}
        self.connected: Found | None = None
        self.connect_failures: list[Found] = []
        self.tls = False
        self.first_received: Found | None = None
        self.first_pdus: dict[tuple[Direction, int], Found] = {}
        self.broken: list[Found] = []
        self.broken_rules: list[Found] = []
        self.unfinished: Found | None = None
        self.last_bytes_mono = 0.0
        self._last_was_broken = False
        self.artim_expired: Found | None = None
        self.answers: dict[tuple[Direction, int, int], Answers] = {}
        self.pending: dict[int, Found] = {}
        self.matches: dict[int, int] = {}
        self.empty_finds: list[Found] = []
        self.asked: dict[int, Said] = {}
        self.told: dict[int, Said] = {}
        self.retrieved: list[Retrieved] = []
        self.events: list[Said] = []
        self.commitments: list[Said] = []
        self.stores_received = 0
        self.lacks_bytes = False  # it comes from a capture that does not have all
        self.stores_for: dict[int, int] = {}
        self.doubtful: dict[tuple[int, str], Doubtful] = {}
        self.odd_commands: dict[int, Odd] = {}
        self._seen_commands: set[tuple[int, int, bool, bool]] = set()
        self._looked_at = 0
        self._carried = Carried()
        self._syntaxes: dict[int, str] | None = None
        self._odd_negotiation: tuple[str, ...] | None = None

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
        # Without bytes nothing can be said of them: a captured connection over TLS, or a PDU without its beginning.
        if record.direction is Direction.RECEIVED and record.data:
            self.first_received = self.first_received or found
            if len(self.broken) < _MAX_KEPT:
                self.broken.append(found)

    def _close(self, found: Found) -> None:
        record = self.broken[-1].record if self._last_was_broken else None
        # No state in between: it comes from a capture.
        if isinstance(record, PduRecord) and sum(len(one.data) for one in record.segments) < record.length:
            self.unfinished = self.broken.pop()
        self._last_was_broken = False
        self._keep(found)

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
        if record.pdu_type == PduType.P_DATA_TF and not record.error:
            self._carried.add(found.number, record)

    def _state(self, found: Found) -> None:
        event = found.record.event
        record = self.broken[-1].record if self._last_was_broken else None
        if isinstance(record, PduRecord) and record.error in (ENDED_EARLY, LEFT_OPEN):
            self.unfinished = self.broken.pop()  # cut off, not malformed
        self._last_was_broken = False
        if event == _ARTIM_EXPIRED:
            self.artim_expired = self.artim_expired or found

    def _dimse(self, found: Found) -> None:
        record: DimseRecord = found.record
        said = Said(found, self._carried.take(record))
        if said.message is not None and record.direction is Direction.RECEIVED:
            self._look_at_command(found, said.message)
        if said.message is not None and said.message.dataset:
            self._look_at_text(said)
        if record.command_field & RESPONSE:
            self._response(said, record)
        elif record.direction is Direction.RECEIVED:
            self._request_received(said, record)
        elif record.command_field != _CANCEL and len(self.pending) < _MAX_PENDING:
            self.pending[record.message_id] = found
            if record.command_field in (_MOVE, _GET, _ACTION):
                self.asked[record.message_id] = said

    def _request_received(self, said: Said, record: DimseRecord) -> None:
        if record.command_field == _STORE:
            self.stores_received += 1
            command = said.message.command if said.message is not None else b""
            at = command.find(_ORIGINATOR_ID)
            if at >= 0 and len(self.stores_for) < _MAX_RETRIEVALS:
                number = int.from_bytes(command[at + 8 : at + 10], "little")
                self.stores_for[number] = self.stores_for.get(number, 0) + 1
        elif record.command_field == _EVENT_REPORT and len(self.events) < _MAX_KEPT:
            self.events.append(said)

    def _response(self, said: Said, record: DimseRecord) -> None:
        if record.status & 0xFFFE == 0xFF00 and record.status >= 0:  # pending: FF00, FF01
            self._pending_response(said, record)
            return
        if record.direction is Direction.RECEIVED:
            self._final_response(said, record)
        self.matches.pop(record.message_id, None)
        if record.status <= 0:
            return
        key = (record.direction, record.command_field, record.status)
        answers = self.answers.get(key)
        if answers is None and len(self.answers) < _MAX_KEPT:
            answers = self.answers[key] = Answers(*said)
        if answers is not None:
            answers.count += 1

    def _pending_response(self, said: Said, record: DimseRecord) -> None:
        if record.command_field == _FIND | RESPONSE:
            if len(self.matches) < _MAX_PENDING:
                self.matches[record.message_id] = self.matches.get(record.message_id, 0) + 1
        elif record.message_id in self.asked and said.message is not None:
            self.told[record.message_id] = said

    def _final_response(self, said: Said, record: DimseRecord) -> None:
        waited = self.pending.pop(record.message_id, None)
        asked, told = self.asked.pop(record.message_id, None), self.told.pop(record.message_id, None)
        kind = record.command_field & ~RESPONSE
        if kind == _FIND and record.status == 0 and waited is not None and not self.matches.get(record.message_id):
            self.empty_finds = [*self.empty_finds, said.found][:_MAX_KEPT]
        elif kind in (_MOVE, _GET) and len(self.retrieved) < _MAX_RETRIEVALS:
            self.retrieved.append(Retrieved(asked, said, told))
        elif kind == _ACTION and record.status == 0 and asked is not None and len(self.commitments) < _MAX_KEPT:
            self.commitments.append(asked)

    def _look_at_command(self, found: Found, message: Message) -> None:
        """Anomalies of commands; those of one kind and length are alike, and one of a kind is enough to know."""
        field = found.record.command_field
        if field in self.odd_commands or len(self._seen_commands) >= _MAX_KEPT:
            return
        seen = (field, len(message.command), found.record.status in _PENDING, found.record.dataset_length < 0)
        if seen in self._seen_commands:
            return
        self._seen_commands.add(seen)
        command = message.decoded()
        odd = () if command is None else oddities_of(command)
        if odd:
            self.odd_commands[field] = Odd(found, odd)

    def _look_at_text(self, said: Said) -> None:
        """Text that does not say what it is made of; some data sets are enough to know."""
        number, record = said.found
        kind = record.command_field & ~RESPONSE
        message = said.message
        if kind not in (_FIND, _STORE) or message is None or self._looked_at >= _MAX_LOOKED_AT:
            return
        if message.dataset.isascii():
            return
        self._looked_at += 1
        if self._looked_at == _MAX_LOOKED_AT:
            self._carried.without_dataset = _TEXTS
        doubt = doubt_about(message.dataset, self.syntaxes.get(record.context_id, IMPLICIT_VR_LITTLE_ENDIAN))
        if doubt is not None:
            self.doubtful.setdefault(
                (record.command_field, doubt.alphabet.code), Doubtful(Found(number, record), doubt)
            )

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
    def syntaxes(self) -> dict[int, str]:
        """The transfer syntax of each accepted context, by its id."""
        if self._syntaxes is None:
            answer = decoded(self.acceptance)
            if answer is None:
                return {}
            contexts = answer.presentation_contexts if isinstance(answer, AssociateAC) else ()
            self._syntaxes = {one.context_id: one.transfer_syntax for one in contexts if one.result == 0}
        return self._syntaxes

    @property
    def odd_negotiation(self) -> tuple[str, ...]:
        """Everything odd in the peer's part of the negotiation, where a context was accepted all the same."""
        if self._odd_negotiation is None:
            answer, request = decoded(self.acceptance), self.proposed
            if request is None or not isinstance(answer, AssociateAC):
                return ()
            role = Role.ACCEPTOR if self.is_acceptor else Role.REQUESTOR
            negotiated = conclude(request, answer, role)
            self._odd_negotiation = negotiated.anomalies if negotiated.accepted else ()
        return self._odd_negotiation

    @property
    def proposed(self) -> AssociateRQ | None:
        """The A-ASSOCIATE-RQ, decoded."""
        request = decoded(self.request)
        return request if isinstance(request, AssociateRQ) else None

    def sop_class_of(self, record: DimseRecord) -> str:
        """SOP class UID of a message; the abstract syntax of its context where a response leaves it out."""
        proposed = self.proposed
        if record.sop_class_uid or proposed is None:
            return record.sop_class_uid
        contexts = {one.context_id: one.abstract_syntax for one in proposed.presentation_contexts}
        return contexts.get(record.context_id, "")

    @property
    def agreed(self) -> AssociateAC | None:
        """The A-ASSOCIATE-AC, decoded."""
        answer = decoded(self.acceptance)
        return answer if isinstance(answer, AssociateAC) else None

    @property
    def began_mono(self) -> float:
        """When the connection was opened, or asked for an association where the trace begins later."""
        first = self.connected or self.request or self.first_received
        return float(first.record.mono) if first is not None else 0.0

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

    @property
    def places(self) -> tuple[str, ...]:
        """The same by address, and by the names that it was looked up by."""
        port = self.place.rpartition(":")[2]
        names = (str(found.record.host) for found in self.all(ResolveRecord))
        return (self.place, *(f"{name}:{port}" for name in names)) if self.place else ()

    def titles(self) -> tuple[bytes, bytes]:
        """The 16 bytes each of the called and the calling AE title as they were on the wire (PS3.8 table 9-11)."""
        request = self.request
        if request is None or not request.record.segments or request.record.segments[0].offset:
            return b"", b""
        data = request.record.segments[0].data
        return data[10:26], data[26:42]


def decoded(found: Found | None) -> PDU | None:
    """The PDU of a record, where it was kept whole and can be decoded."""
    if found is None:
        return None
    segments = found.record.segments
    if len(segments) != 1 or segments[0].offset or len(segments[0].data) != found.record.length:
        return None
    try:
        return decode(segments[0].data)
    except RemoteProtocolError:
        return None


def _file(case: Case, found: Found) -> None:
    if found.record.has_failed or found.record.event == "discarded":
        case._keep(found)


def _note(case: Case, found: Found) -> None:
    if found.record.level >= _ERROR_LEVEL:
        case._keep(found)
    elif read_broken_rule(found.record.text) and len(case.broken_rules) < _MAX_KEPT:
        case.broken_rules.append(found)
    case.lacks_bytes = case.lacks_bytes or tells_of_missing(found.record)


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
    CloseRecord: Case._close,
    NoteRecord: _note,
}


def cases_of(records: Iterable[Record]) -> list[Case]:
    """One case for each association of a trace, in the order of their first records."""
    cases: dict[int, Case] = {}
    around = Around()
    for index, record in enumerate(records):
        case = cases.get(record.association)
        if case is None:
            case = cases[record.association] = Case(record.association, around)
        case.add(index, record)
    return list(cases.values())
