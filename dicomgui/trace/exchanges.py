"""Exchanges: a request together with all its responses, as one thing with a beginning, an end and times.

The table keeps a trace's exchanges in columns (some 90 bytes each), because a trace of a million PDUs can hold hundreds
of thousands of them; :class:`Exchange` is one of them taken out to be looked at.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from dicomgui.network.dimse import CommandField
from dicomgui.network.status import Category, Service, Status
from dicomgui.network.tracing import Direction
from dicomgui.network.uids import name_of

__all__ = ["Exchange", "ExchangeTable", "SubOperations", "operation_name", "service_of"]

_NOT_YET = -1


@dataclass(frozen=True, slots=True)
class SubOperations:
    """What a response of C-MOVE or C-GET counted (PS3.7 9.3.3.2, 9.3.4.2); -1 where it did not say."""

    remaining: int = -1
    completed: int = -1
    failed: int = -1
    warning: int = -1


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and what came of it, as far as the trace has got.

    :ivar number: from 1 on, in the order of the requests.
    :ivar association: its association's number in the trace.
    :ivar direction: which way the request went; its responses go the other way.
    :ivar context_id: presentation context of the request.
    :ivar message_id: Message ID of the request.
    :ivar command_field: Command Field of the request (PS3.7 E.1); 0 where only responses are in the trace.
    :ivar sop_class_uid: Affected or Requested SOP Class UID.
    :ivar first_seq: row of the first record that belongs to it.
    :ivar last_seq: row of the last one so far.
    :ivar pending: responses with a pending status (FF00H, FF01H).
    :ivar status: of the final response; -1 while there is none.
    :ivar cancelled: whether a C-CANCEL-RQ for it is in the trace.
    :ivar began_mono: monotonic seconds of the request's first PDU; 0.0 where the trace has no request.
    :ivar sent_mono: of the request's last PDU; 0.0 while it is under way.
    :ivar first_mono: of the first PDU of the first response; 0.0 before it.
    :ivar ended_mono: of the last PDU of the final response; 0.0 before it.
    :ivar request_bytes: bytes of the PDUs of the request, headers included.
    :ivar response_bytes: the same of all responses.
    :ivar parent: number of the exchange that caused this one (a C-MOVE or C-GET its C-STOREs, a storage commitment
        N-ACTION its N-EVENT-REPORT); 0 for none.
    :ivar comment: Error Comment of the last response that had one. Text of the peer.
    :ivar counts: sub-operations as the last response counted them.
    :ivar destination: Move Destination of a C-MOVE. Text of the requestor.
    :ivar originator_ae: Move Originator AE Title of a C-STORE. Text of the peer.
    :ivar originator_id: Move Originator Message ID of a C-STORE; -1 where it has none.
    :ivar transaction_uid: of storage commitment, where its data set was kept.
    """

    number: int
    association: int
    direction: Direction
    context_id: int
    message_id: int
    command_field: int
    sop_class_uid: str
    first_seq: int
    last_seq: int
    pending: int
    status: int
    cancelled: bool
    began_mono: float
    sent_mono: float
    first_mono: float
    ended_mono: float
    request_bytes: int
    response_bytes: int
    parent: int
    comment: str
    counts: SubOperations
    destination: str
    originator_ae: str
    originator_id: int
    transaction_uid: str

    @property
    def operation(self) -> str:
        """What was asked, in the standard's spelling: ``C-FIND``."""
        return operation_name(self.command_field)

    @property
    def is_open(self) -> bool:
        """Whether the final response has not come yet."""
        return self.ended_mono == 0.0

    @property
    def seconds(self) -> float:
        """From the first byte of the request to the last of the final response; 0.0 while it is open."""
        return max(0.0, self.ended_mono - self.began_mono) if self.ended_mono and self.began_mono else 0.0

    @property
    def thinking_s(self) -> float:
        """What the performing side took between the request's end and its first response; 0.0 where not known."""
        return max(0.0, self.first_mono - self.sent_mono) if self.first_mono and self.sent_mono else 0.0

    @property
    def failed(self) -> bool:
        """Whether it ended with a failure status, or says that sub-operations failed."""
        if self.status >= 0 and Status(self.status).category is Category.FAILURE:
            return True
        return self.status >= 0 and self.counts.failed > 0

    @property
    def warned(self) -> bool:
        """Whether it ended with a warning status."""
        return self.status >= 0 and Status(self.status).category is Category.WARNING


def operation_name(command_field: int) -> str:
    """The operation of a Command Field without ``-RQ`` or ``-RSP``; ``command 1234H`` for an unknown one."""
    known = _NAMES.get(command_field & 0x7FFF)
    return known if known is not None else f"command {command_field & 0xFFFF:04X}H"


_NAMES = {
    int(field): field.name.removesuffix("_RQ").replace("_", "-") for field in CommandField if field.name.endswith("_RQ")
} | {0: "response without request"}

_SERVICES = {
    int(CommandField.C_STORE_RQ): Service.STORAGE,
    int(CommandField.C_FIND_RQ): Service.FIND,
    int(CommandField.C_MOVE_RQ): Service.MOVE,
    int(CommandField.C_GET_RQ): Service.GET,
    int(CommandField.C_ECHO_RQ): Service.VERIFICATION,
}
_CLASSES = (
    ("1.2.840.10008.5.1.4.31", Service.WORKLIST),
    ("1.2.840.10008.3.1.2.3", Service.MPPS),
    ("1.2.840.10008.1.20.", Service.COMMITMENT),
    ("1.2.840.10008.5.1.1.33", Service.MEDIA_CREATION),
    ("1.2.840.10008.5.1.1.", Service.PRINT),
    ("1.2.840.10008.1.40", Service.EVENT_LOGGING),
    ("1.2.840.10008.1.42", Service.EVENT_LOGGING),
    ("1.2.840.10008.5.1.4.34.6", Service.UPS),
    ("1.2.840.10008.5.1.4.34.8", Service.RT_VERIFICATION),
    ("1.2.840.10008.5.1.4.34.9", Service.RT_VERIFICATION),
)
"""Which service a SOP class belongs to, by how its UID begins; the first that fits counts."""
_NORMALIZED_BITS = 0x0100  # of every Command Field of an N-service, and of no other request (PS3.7 E.1)


def service_of(command_field: int, sop_class_uid: str = "") -> Service | None:
    """Whose table of statuses applies to the responses to a request; ``None`` where only the general ones are known."""
    asked = command_field & 0x7FFF
    by_class = next((service for root, service in _CLASSES if sop_class_uid.startswith(root)), None)
    if asked & _NORMALIZED_BITS or by_class is Service.WORKLIST:
        return by_class
    return _SERVICES.get(asked)


class ExchangeTable:
    """All exchanges of a trace by number, 1 to ``len(table)``.

    Columns are public to the modules of the trace that fill and search them, and to nobody else. Element 0 of each is
    no exchange.
    """

    def __init__(self) -> None:
        self.association = array("I", (0,))
        self.direction = bytearray(1)
        self.context_id = bytearray(1)
        self.message_id = array("H", (0,))
        self.command_field = array("H", (0,))
        self.sop_class = array("I", (0,))
        self.first_seq = array("Q", (0,))
        self.last_seq = array("Q", (0,))
        self.pending = array("I", (0,))
        self.status = array("i", (_NOT_YET,))
        self.began = array("d", (0.0,))
        self.sent = array("d", (0.0,))
        self.first = array("d", (0.0,))
        self.ended = array("d", (0.0,))
        self.request_bytes = array("Q", (0,))
        self.response_bytes = array("Q", (0,))
        self.parent = array("I", (0,))
        self.cancelled: set[int] = set()
        self.comment: dict[int, str] = {}
        self.counts: dict[int, SubOperations] = {}
        self.destination: dict[int, str] = {}
        self.originator: dict[int, tuple[str, int]] = {}
        self.transaction: dict[int, str] = {}
        self.children: dict[int, array[int]] = {}
        self._uids: list[str] = [""]
        self._uid_numbers: dict[str, int] = {"": 0}

    def __len__(self) -> int:
        return len(self.association) - 1

    def add(self, association: int, direction: Direction, context_id: int, seq: int) -> int:
        """A new exchange; the rest is set in the columns by its number."""
        self.association.append(association)
        self.direction.append(direction)
        self.context_id.append(context_id & 0xFF)
        for column in (self.message_id, self.command_field, self.sop_class, self.pending, self.parent):
            column.append(0)
        for counter in (self.request_bytes, self.response_bytes):
            counter.append(0)
        for moment in (self.began, self.sent, self.first, self.ended):
            moment.append(0.0)
        self.first_seq.append(seq)
        self.last_seq.append(seq)
        self.status.append(_NOT_YET)
        return len(self)

    def intern(self, uid: str) -> int:
        """The number that stands for a UID in the column of SOP classes; a peer's thousandth invention is no name."""
        number = self._uid_numbers.get(uid)
        if number is None:
            if len(self._uids) >= _MAX_UIDS:
                return 0
            number = self._uid_numbers[uid] = len(self._uids)
            self._uids.append(uid)
        return number

    @property
    def sop_classes(self) -> list[str]:
        """The UIDs that :meth:`intern` numbered, by their numbers."""
        return self._uids

    def add_child(self, parent: int, child: int) -> None:
        """Enter that one exchange caused another."""
        self.parent[child] = parent
        children = self.children.get(parent)
        if children is None:
            children = self.children[parent] = array("I")
        children.append(child)

    def __getitem__(self, number: int) -> Exchange:
        """One exchange as it stands.

        :raises IndexError: there is none of that number.
        """
        if not 0 < number <= len(self):
            raise IndexError(f"no exchange {number}")
        originator_ae, originator_id = self.originator.get(number, ("", -1))
        return Exchange(
            number=number,
            association=self.association[number],
            direction=Direction(self.direction[number]),
            context_id=self.context_id[number],
            message_id=self.message_id[number],
            command_field=self.command_field[number],
            sop_class_uid=self._uids[self.sop_class[number]],
            first_seq=self.first_seq[number],
            last_seq=self.last_seq[number],
            pending=self.pending[number],
            status=self.status[number],
            cancelled=number in self.cancelled,
            began_mono=self.began[number],
            sent_mono=self.sent[number],
            first_mono=self.first[number],
            ended_mono=self.ended[number],
            request_bytes=self.request_bytes[number],
            response_bytes=self.response_bytes[number],
            parent=self.parent[number],
            comment=self.comment.get(number, ""),
            counts=self.counts.get(number, _NOTHING_COUNTED),
            destination=self.destination.get(number, ""),
            originator_ae=originator_ae,
            originator_id=originator_id,
            transaction_uid=self.transaction.get(number, ""),
        )

    def describe(self, number: int) -> str:
        """One line: ``C-FIND → 37 pending → 0x0000 (success): Success``, with the SOP class in front."""
        exchange = self[number]
        parts = [exchange.operation]
        if exchange.pending:
            parts.append(f"{exchange.pending:,} pending")
        if exchange.cancelled:
            parts.append("C-CANCEL")
        if exchange.status >= 0:
            service = service_of(exchange.command_field, exchange.sop_class_uid)
            status = Status(exchange.status)
            parts.append(f"0x{exchange.status:04X} {status.explain(service).meaning}")
        subject = name_of(exchange.sop_class_uid) if exchange.sop_class_uid else ""
        line = " → ".join(parts)
        return f"{line} · {subject}" if subject else line


_MAX_UIDS = 4096
_NOTHING_COUNTED = SubOperations()
