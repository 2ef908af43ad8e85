"""What P-DATA PDUs carry: the command sets, and the beginnings of data sets, put together again in one pass.

For the diagnosis, which sees each record once and keeps little: of each direction the few messages that no
:class:`~dicomgui.network.tracing.DimseRecord` has closed yet. A message whose bytes were not kept is left out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from dicomgui.network.dimse import command_set
from dicomgui.network.dimse.commands import RESPONSE_BIT, Command
from dicomgui.network.errors import RemoteProtocolError
from dicomgui.network.tracing import DimseRecord, Direction, PduRecord

__all__ = ["MAX_COMMAND", "MAX_DATASET", "Carried", "Message"]

MAX_COMMAND = 16_384
"""Bytes of a command set that are put together; real ones have some hundred."""

MAX_DATASET = 16_384
"""Bytes kept of the beginning of a data set."""

_MAX_OPEN = 8
_MAX_PIECES = 64
_PDV_HEAD = 6  # length, context, message control header (PS3.8 9.3.5.1)
_IS_COMMAND, _IS_LAST = 0x01, 0x02
# Command Field (0000,0100) and the two forms of Message ID (0000,0110), (0000,0120), each with its length.
_FIELD, _ID, _ID_RESPONDED = (b"\0\0" + bytes((number, 1)) + b"\2\0\0\0" for number in (0x00, 0x10, 0x20))


class Message:
    """One message as it went over the wire.

    :ivar context_id: of the presentation context.
    :ivar command: the bytes of the command set.
    :ivar dataset: the beginning of the data set, at most :data:`MAX_DATASET` bytes.
    """

    __slots__ = ("_pieces", "command", "context_id", "dataset", "is_whole", "wants_dataset")

    def __init__(self, context_id: int) -> None:
        self.context_id = context_id
        self.command = b""
        self.dataset = b""
        self.is_whole = False  # its command is
        self.wants_dataset = True
        self._pieces: list[tuple[int, int, int, PduRecord]] = []

    def add_command(self, number: int, offset: int, data: bytes, record: PduRecord) -> None:
        """A fragment of the command; record ``number`` has it at ``offset`` of its PDU."""
        if len(self._pieces) < _MAX_PIECES:
            self._pieces.append((len(self.command), number, offset, record))
        if len(self.command) + len(data) <= MAX_COMMAND:
            self.command += data

    def add_dataset(self, data: bytes) -> None:
        """A fragment of the data set."""
        room = MAX_DATASET - len(self.dataset)
        if room > 0:
            self.dataset += data[:room]

    @property
    def field(self) -> int:
        """Command Field (0000,0100), or -1."""
        return _number(self.command, _FIELD)

    def belongs_to(self, record: DimseRecord) -> bool:
        """Whether this is the message that the record tells of."""
        tag = _ID_RESPONDED if record.command_field & RESPONSE_BIT or record.command_field == 0x0FFF else _ID
        return self.field == record.command_field and _number(self.command, tag) == record.message_id

    def decoded(self) -> Command | None:
        """The command, or ``None`` where it cannot be decoded."""
        try:
            return command_set.decode(self.command)
        except RemoteProtocolError:
            return None

    def place_of(self, element: int) -> tuple[int, int, int, PduRecord] | None:
        """Where the command element (0000,``element``) is: number of the record, offset in its PDU, length, record."""
        for at, length in _elements(self.command, element):
            for start, number, offset, record in reversed(self._pieces):
                if start <= at:
                    return number, offset + at - start, length, record
        return None


def _number(command: bytes, head: bytes) -> int:
    at = command.find(head) + len(head)
    return int.from_bytes(command[at : at + 2], "little") if at >= len(head) else -1


def _elements(command: bytes, element: int) -> Iterator[tuple[int, int]]:
    """Offset and length of each element of that number (PS3.7 6.3.1: implicit VR little endian)."""
    at = 0
    while at + 8 <= len(command):
        length = int.from_bytes(command[at + 4 : at + 8], "little")
        if at + 8 + length > len(command):
            return
        if command[at : at + 4] == bytes((0, 0, element & 0xFF, element >> 8)):
            yield at, 8 + length
        at += 8 + length


class Carried:
    """Puts the messages of one association together.

    :ivar without_dataset: Command Fields of the messages whose data sets nobody wants to see any more.
    """

    __slots__ = ("_closed", "_open", "without_dataset")

    def __init__(self) -> None:
        self.without_dataset: frozenset[int] = frozenset()
        self._open: list[Message | None] = [None, None]
        self._closed: tuple[deque[Message], deque[Message]] = (deque(maxlen=_MAX_OPEN), deque(maxlen=_MAX_OPEN))

    def add(self, number: int, record: PduRecord) -> None:
        """Take a P-DATA-TF PDU, record ``number`` of what is diagnosed."""
        segments = record.segments
        if not segments:
            return
        offset, data = segments[0]
        if offset or len(data) < 6 + _PDV_HEAD:
            return
        at, size = 6, len(data)
        while at + _PDV_HEAD <= size:
            length = int.from_bytes(data[at : at + 4], "big")
            end = at + 4 + length
            if length < 2:
                return
            if data[at + 5] & _IS_COMMAND:
                self._command(number, record, at, data[at + _PDV_HEAD : end])
            else:
                self._dataset(record.direction, data, at + _PDV_HEAD, end)
            at = end

    def _command(self, number: int, record: PduRecord, at: int, piece: bytes) -> None:
        data, direction = record.segments[0].data, record.direction
        message = self._open[direction]
        if message is None or message.is_whole:  # what was open had no data set after all
            message = self._open[direction] = Message(data[at + 4])
        message.add_command(number, at + _PDV_HEAD, piece, record)
        if data[at + 5] & _IS_LAST:
            message.is_whole = True
            message.wants_dataset = not self.without_dataset or message.field not in self.without_dataset
            self._closed[direction].append(message)

    def _dataset(self, direction: Direction, data: bytes, start: int, end: int) -> None:
        message = self._open[direction]
        if message is not None and message.wants_dataset and len(message.dataset) < MAX_DATASET:
            message.add_dataset(data[start:end])

    def take(self, record: DimseRecord) -> Message | None:
        """The message that the record tells of; it and all before it are forgotten."""
        closed = self._closed[record.direction]
        while closed:
            message = closed.popleft()
            if message.belongs_to(record):
                return message
        return None
