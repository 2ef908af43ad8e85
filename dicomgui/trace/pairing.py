"""Which exchange a record belongs to: messages put together from PDUs, requests paired with their responses.

It works on what the trace kept, in the order of the records, and believes nothing: fragments may be missing, responses
may answer what was never asked, Message IDs may come again.
"""

from __future__ import annotations

import struct
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple, TypeAlias

from dicomgui.network.dimse import NO_DATASET, RESPONSE_BIT, CommandField
from dicomgui.network.pdu.data import COMMAND, LAST
from dicomgui.network.tracing import DimseRecord, Direction, PduRecord
from dicomgui.trace.exchanges import ExchangeTable, SubOperations

__all__ = ["Pairing", "Pdv", "kept_pdvs", "scan_command"]

_ELEMENT = struct.Struct("<HHI")
_PDV = struct.Struct(">IBB")
_PDU_HEADER = 6
_MAX_COMMAND = 65_536
_MAX_PDVS = 4096  # looked at of one PDU
_MAX_ROWS = 65_536  # of a message whose command set never ends
_MAX_MOVES = 4096
_MAX_TEXT = 256
_KEPT_DATA = 512  # of a storage commitment data set: enough for its first element

_Assign: TypeAlias = Callable[[int, int], None]
_Changed: TypeAlias = Callable[[int], None]

_PENDING = 0xFF00
_CANCEL = 0x0FFF
_COMMITMENT = "1.2.840.10008.1.20.1"
_TRANSACTION_TAGS: tuple[tuple[bytes, Literal["little", "big"]], ...] = (  # (0008,1195)
    (b"\x08\x00\x95\x11", "little"),
    (b"\x00\x08\x11\x95", "big"),
)


class Pdv(NamedTuple):
    """A presentation data value as far as the trace kept it.

    :ivar offset: of its first byte, the length field, in the PDU.
    :ivar length: of the fragment, in bytes, by what its length field says.
    :ivar data: what was kept of the fragment from its start on.
    """

    offset: int
    context_id: int
    control: int
    length: int
    data: bytes


def kept_pdvs(record: PduRecord) -> Iterator[Pdv]:
    """The presentation data values of a P-DATA-TF (PS3.8 9.3.5), up to the first that is malformed or not kept."""
    position = _PDU_HEADER
    count = 0
    for start, data in record.segments:
        end = start + len(data)
        while start <= position and position + _PDV.size <= end and count < _MAX_PDVS:
            length, context_id, control = _PDV.unpack_from(data, position - start)
            if length < 2:
                return
            begin = position - start + _PDV.size
            yield Pdv(position, context_id, control, length - 2, data[begin : begin + length - 2])
            position += 4 + length
            count += 1


def _lone_data(record: PduRecord) -> int:
    """The control header of the one fragment of a data set that fills the PDU, as most do; -1 for anything else.

    It says what :func:`kept_pdvs` would say, in a fifth of the time.
    """
    if len(record.segments) != 1:
        return -1
    start, data = record.segments[0]
    if start or len(data) < _PDU_HEADER + _PDV.size:
        return -1
    length, _, control = _PDV.unpack_from(data, _PDU_HEADER)
    return control if length >= 2 and _PDU_HEADER + 4 + length == record.length and not control & COMMAND else -1


class _Scanned(NamedTuple):
    field: int
    message_id: int
    has_dataset: bool
    status: int
    values: dict[int, bytes]


def scan_command(data: bytes) -> _Scanned | None:
    """What pairs messages, from a command set; ``None`` where it has no Command Field.

    It takes a quarter of the time of the full decoder, which also judges; ``values`` has all elements by their number.
    """
    values: dict[int, bytes] = {}
    position, end = 0, len(data)
    while position + 8 <= end:
        group, element, length = _ELEMENT.unpack_from(data, position)
        position += 8
        if group or length > end - position:
            break
        values[element] = data[position : position + length]
        position += length
    raw = values.get(0x0100)
    if raw is None or len(raw) < 2:
        return None
    field = int.from_bytes(raw[:2], "little")
    refers_back = field & RESPONSE_BIT or field == _CANCEL
    message_id = int.from_bytes(values.get(0x0120 if refers_back else 0x0110, b"")[:2], "little")
    has_dataset = int.from_bytes(values.get(0x0800, b"\x01\x01")[:2], "little") != NO_DATASET
    status = int.from_bytes(values[0x0900][:2], "little") if 0x0900 in values else -1
    return _Scanned(field, message_id, has_dataset, status, values)


def _text(raw: bytes) -> str:
    return raw[:_MAX_TEXT].decode("latin-1").strip(" \0")


def _number(raw: bytes | None) -> int:
    return int.from_bytes(raw[:2], "little") if raw else -1


class _Message:
    """What is under way in one direction of an association."""

    __slots__ = ("command", "data", "exchange", "is_response", "mono", "rows", "size", "status", "wants_data")

    def __init__(self, mono: float) -> None:
        self.command: bytearray | None = bytearray()
        self.rows = array("Q")
        self.exchange = 0
        self.is_response = False
        self.status = -1
        self.mono = mono
        self.size = 0
        self.wants_data = False
        self.data: bytearray | None = None


class _Association:
    """What is remembered of an association while it lives."""

    __slots__ = ("calling_ae", "latest", "messages", "number", "open_gets", "untold")

    def __init__(self, number: int) -> None:
        self.number = number
        self.messages: dict[Direction, _Message] = {}
        self.latest: dict[tuple[Direction, int], int] = {}
        self.open_gets: dict[Direction, int] = {}
        self.untold: Counter[tuple[Direction, int, int]] = Counter()  # messages seen in PDUs and not told yet
        self.calling_ae = ""


class Pairing:
    """Fills an :class:`ExchangeTable` from records in their order.

    Every method gives the number of the exchange that the row belongs to, 0 for none. A row of a message whose command
    set is not whole yet gets its number later: by ``assign``.

    :param assign: called as ``assign(seq, exchange)`` for such rows.
    :param changed: called with the number of each exchange that is new or has changed.
    """

    def __init__(self, table: ExchangeTable, assign: _Assign, changed: _Changed) -> None:
        self._table = table
        self._assign = assign
        self._changed = changed
        self._associations: dict[int, _Association] = {}
        self._moves: dict[int, array[int]] = {}  # by message id
        self._move_count = 0
        self._transactions: dict[str, int] = {}
        self._titles: dict[int, str] = {}  # calling AE title of the associations with a C-MOVE

    def opened(self, association: int, calling_ae: str) -> None:
        """An A-ASSOCIATE-RQ was seen."""
        self._state(association).calling_ae = calling_ae

    def ended(self, association: int) -> None:
        """The association is over; what was open in it stays so for ever."""
        self._associations.pop(association, None)

    def _state(self, association: int) -> _Association:
        state = self._associations.get(association)
        if state is None:
            state = self._associations[association] = _Association(association)
        return state

    # ------------------------------------------------------------------------------------------------------- from PDUs

    def data_pdu(self, seq: int, record: PduRecord) -> int:
        """A P-DATA-TF."""
        state = self._state(record.association)
        direction = record.direction
        message = state.messages.get(direction)
        if message is None:
            message = state.messages[direction] = _Message(record.mono)
        if message.command is None and not message.wants_data and (control := _lone_data(record)) >= 0:
            if control & LAST:
                self._finish(state, direction, message, record.mono)
            return self._count(message, seq, record)
        for pdv in kept_pdvs(record):
            if pdv.control & COMMAND:
                if message.command is None:  # a command where a data set was to come: a new message all the same
                    message = state.messages[direction] = _Message(record.mono)
                self._command_fragment(state, direction, message, pdv, seq, record.mono)
            else:
                self._data_fragment(state, direction, message, pdv, seq, record.mono)
            if direction not in state.messages:
                break  # PDVs of one PDU belong to one message (PS3.8 annex E.2)
        return self._count(message, seq, record)

    def _count(self, message: _Message, seq: int, record: PduRecord) -> int:
        number = message.exchange
        if not number:
            message.size += record.length
            if len(message.rows) < _MAX_ROWS:
                message.rows.append(seq)
            return 0
        table = self._table
        size, message.size = message.size + record.length, 0
        (table.response_bytes if message.is_response else table.request_bytes)[number] += size
        table.last_seq[number] = seq
        if message.rows:
            for row in message.rows:
                self._assign(row, number)
            message.rows = array("Q")
        self._changed(number)
        return number

    def _command_fragment(
        self, state: _Association, direction: Direction, message: _Message, pdv: Pdv, seq: int, mono: float
    ) -> None:
        command = message.command
        if command is None:
            return
        if pdv.control & LAST and not command:
            scanned = scan_command(pdv.data)
        else:
            command += pdv.data[: _MAX_COMMAND - len(command)]
            if not pdv.control & LAST:
                return
            scanned = scan_command(bytes(command))
        message.command = None
        if scanned is None:
            del state.messages[direction]
            return
        state.untold[direction, scanned.field, scanned.message_id] += 1
        first_seq = message.rows[0] if message.rows else seq
        self._message(state, direction, pdv.context_id, message, scanned, first_seq)
        if not scanned.has_dataset:
            self._finish(state, direction, message, mono)

    def _data_fragment(
        self, state: _Association, direction: Direction, message: _Message, pdv: Pdv, seq: int, mono: float
    ) -> None:
        if message.wants_data and message.data is not None and len(message.data) < _KEPT_DATA:
            message.data += pdv.data[:_KEPT_DATA]
        if pdv.control & LAST:
            self._finish(state, direction, message, mono)

    def _message(
        self, state: _Association, direction: Direction, context_id: int, message: _Message, said: _Scanned, seq: int
    ) -> None:
        """The command set of a message is whole."""
        if said.field == _CANCEL:
            number = state.latest.get((direction, said.message_id), 0)
            if number:
                self._table.cancelled.add(number)
            message.exchange = number
        elif said.field & RESPONSE_BIT:
            message.exchange = self._response(state, direction, context_id, said, message.mono, seq)
            message.is_response = True
            message.status = said.status
        else:
            message.exchange = self._request(state, direction, context_id, said, message.mono, seq)
            sop_class = _text(said.values.get(0x0002) or said.values.get(0x0003) or b"")
            message.wants_data = sop_class == _COMMITMENT
            message.data = bytearray() if message.wants_data else None

    def _request(
        self, state: _Association, direction: Direction, context_id: int, said: _Scanned, mono: float, seq: int
    ) -> int:
        table, values = self._table, said.values
        number = table.add(state.number, direction, context_id, seq)
        table.command_field[number] = said.field
        table.message_id[number] = said.message_id
        table.sop_class[number] = table.intern(_text(values.get(0x0002) or values.get(0x0003) or b""))
        table.began[number] = mono
        state.latest[direction, said.message_id] = number
        self._link(state, direction, number, said)
        return number

    def _link(self, state: _Association, direction: Direction, number: int, said: _Scanned) -> None:
        """Find what caused this request, or note it as a cause."""
        table, values = self._table, said.values
        if said.field == CommandField.C_MOVE_RQ:
            table.destination[number] = _text(values.get(0x0600, b""))
            if self._move_count < _MAX_MOVES:
                self._move_count += 1
                self._moves.setdefault(said.message_id, array("I")).append(number)
                self._titles[number] = state.calling_ae
        elif said.field == CommandField.C_GET_RQ:
            state.open_gets[direction] = number
        elif said.field == CommandField.C_STORE_RQ:
            self._link_store(state, direction, number, values)

    def _link_store(self, state: _Association, direction: Direction, number: int, values: dict[int, bytes]) -> None:
        table = self._table
        parent = state.open_gets.get(_other(direction), 0)
        if 0x1030 in values or 0x1031 in values:
            title, message_id = _text(values.get(0x1030, b"")), _number(values.get(0x1031))
            table.originator[number] = (title, message_id)
            parent = parent or self._move_of(title, message_id, direction)
        if parent:
            table.add_child(parent, number)
            self._changed(parent)

    def _move_of(self, title: str, message_id: int, direction: Direction) -> int:
        """The C-MOVE with that id that the AE of that title asked for: the one that is open, else the last one.

        Where one program plays both sides its trace has the C-MOVE twice: what arrives belongs to what was asked for,
        what is sent to what was asked of us.
        """
        table = self._table
        candidates = [n for n in self._moves.get(message_id, ()) if not title or self._titles[n] == title]
        still_open = [n for n in candidates if not table.ended[n]] or candidates
        other_way = [n for n in still_open if table.direction[n] != direction]
        if other_way:
            return max(other_way)
        return max(still_open, default=0)

    def _response(
        self, state: _Association, direction: Direction, context_id: int, said: _Scanned, mono: float, seq: int
    ) -> int:
        table = self._table
        asker = _other(direction)
        number = state.latest.get((asker, said.message_id), 0)
        if not number or (table.ended[number] and table.command_field[number]):
            number = table.add(state.number, asker, context_id, seq)  # nobody asked
            table.message_id[number] = said.message_id
            table.sop_class[number] = table.intern(_text(said.values.get(0x0002, b"")))
        if not table.first[number]:
            table.first[number] = mono
        counts = SubOperations(*(_number(said.values.get(element)) for element in (0x1020, 0x1021, 0x1022, 0x1023)))
        if max(counts.remaining, counts.completed, counts.failed, counts.warning) >= 0:
            table.counts[number] = counts
        if comment := _text(said.values.get(0x0902, b"")):
            table.comment[number] = comment
        if said.status & 0xFFFE == _PENDING:
            table.pending[number] += 1
        else:
            table.status[number] = said.status
        return number

    def _finish(self, state: _Association, direction: Direction, message: _Message, mono: float) -> None:
        """A message is whole."""
        if state.messages.get(direction) is message:
            del state.messages[direction]
        number, table = message.exchange, self._table
        if not number:
            return
        if not message.is_response:
            if not table.sent[number]:
                table.sent[number] = mono
        elif table.status[number] >= 0 and message.status & 0xFFFE != _PENDING:
            table.ended[number] = mono
            if state.open_gets.get(_other(direction)) == number:
                del state.open_gets[_other(direction)]
        if message.data:
            self._link_commitment(number, bytes(message.data))

    def _link_commitment(self, number: int, data: bytes) -> None:
        """Join the N-EVENT-REPORT of a storage commitment with the N-ACTION that asked (PS3.4 J.3)."""
        transaction = _transaction_of(data)
        if not transaction:
            return
        table = self._table
        table.transaction[number] = transaction
        if table.command_field[number] == CommandField.N_ACTION_RQ:
            if len(self._transactions) < _MAX_MOVES:
                self._transactions[transaction] = number
        elif table.command_field[number] == CommandField.N_EVENT_REPORT_RQ:
            parent = self._transactions.get(transaction, 0)
            if parent:
                table.add_child(parent, number)
                self._changed(parent)

    # --------------------------------------------------------------------------------------------------- from messages

    def message_record(self, seq: int, record: DimseRecord) -> int:
        """A message as the protocol told it: new only where its PDUs are not in the trace."""
        state = self._state(record.association)
        field, table = record.command_field, self._table
        refers_back = field & RESPONSE_BIT
        asker = _other(record.direction) if refers_back else record.direction
        told = (record.direction, field, record.message_id)
        if not state.untold[told]:
            self._told(state, record, seq)
        state.untold[told] -= 1
        if state.untold[told] <= 0:
            del state.untold[told]
        number = state.latest.get((asker, record.message_id), 0)
        if number:
            table.last_seq[number] = max(seq, table.last_seq[number])
            if record.comment and number not in table.comment:
                table.comment[number] = record.comment[:_MAX_TEXT]
            self._changed(number)
        return number

    def _told(self, state: _Association, record: DimseRecord, seq: int) -> None:
        values = {0x0002: record.sop_class_uid.encode("latin-1", "replace")}
        said = _Scanned(record.command_field, record.message_id, record.dataset_length >= 0, record.status, values)
        message = _Message(record.mono)
        message.command = None
        self._message(state, record.direction, record.context_id, message, said, seq)
        self._finish(state, record.direction, message, record.mono)


def _other(direction: Direction) -> Direction:
    return Direction.RECEIVED if direction is Direction.SENT else Direction.SENT


def _transaction_of(data: bytes) -> str:
    """Transaction UID (0008,1195), the first element of a storage commitment data set, in whatever encoding."""
    for tag, order in _TRANSACTION_TAGS:
        at = data.find(tag)
        if at >= 0:
            explicit = data[at + 4 : at + 6] == b"UI"
            field = data[at + 6 : at + 8] if explicit else data[at + 4 : at + 8]
            length = int.from_bytes(field, order)
            return _text(data[at + 8 : at + 8 + min(length, 64)])
    return ""
