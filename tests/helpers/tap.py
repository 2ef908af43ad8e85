"""What really went over the wire: a forwarder that records both directions, and a reader of PDUs and messages.

The reader is written from the standard (PS3.8 9.3, PS3.7 6.3) and shares nothing with the product, so that it can
testify about it.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from helpers.peers import LOOPBACK

P_DATA_TF = 4
C_STORE_RQ = 0x0001
C_STORE_RSP = 0x8001
AFFECTED_SOP_INSTANCE_UID = 0x0000_1000
COMMAND_FIELD = 0x0000_0100
STATUS = 0x0000_0900
_PIECE = 65_536


class Pdu(NamedTuple):
    """One PDU; ``length`` is the one of its header."""

    type: int
    length: int
    body: bytes


class Message(NamedTuple):
    """One DIMSE message as it was sent.

    :ivar command: the elements of the command set by tag, little endian.
    """

    context_id: int
    command: dict[int, bytes]
    dataset: bytes

    @property
    def field(self) -> int:
        return int.from_bytes(self.command[COMMAND_FIELD], "little")

    @property
    def status(self) -> int:
        return int.from_bytes(self.command[STATUS], "little")

    @property
    def sop_instance_uid(self) -> str:
        return self.command[AFFECTED_SOP_INSTANCE_UID].rstrip(b"\0 ").decode("ascii")


class Context(NamedTuple):
    """One proposed presentation context."""

    context_id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass
class Conversation:
    """Both directions of one connection: ``sent`` by who connected, ``answered`` by who was called."""

    sent: bytearray = field(default_factory=bytearray)
    answered: bytearray = field(default_factory=bytearray)

    @property
    def stores(self) -> list[Message]:
        """The C-STORE requests, with the data sets that came with them."""
        return [message for message in messages(bytes(self.sent)) if message.field == C_STORE_RQ]

    @property
    def store_statuses(self) -> list[int]:
        return [message.status for message in messages(bytes(self.answered)) if message.field == C_STORE_RSP]

    @property
    def proposed(self) -> list[Context]:
        """The presentation contexts of the A-ASSOCIATE-RQ."""
        return contexts(next(pdus(bytes(self.sent))).body)

    @property
    def data_lengths_sent(self) -> list[int]:
        """The PDU length of every P-DATA-TF that was sent."""
        return [pdu.length for pdu in pdus(bytes(self.sent)) if pdu.type == P_DATA_TF]


def pdus(stream: bytes) -> Iterator[Pdu]:
    """The PDUs of one direction."""
    position = 0
    while position < len(stream):
        kind, length = struct.unpack_from(">BxI", stream, position)
        yield Pdu(kind, length, stream[position + 6 : position + 6 + length])
        position += 6 + length


def messages(stream: bytes) -> Iterator[Message]:
    """The DIMSE messages of one direction."""
    command, dataset = bytearray(), bytearray()
    elements: dict[int, bytes] = {}
    for pdu in pdus(stream):
        position = 0
        while pdu.type == P_DATA_TF and position < len(pdu.body):
            length, context_id, control = struct.unpack_from(">IBB", pdu.body, position)
            fragment = pdu.body[position + 6 : position + 4 + length]
            position += 4 + length
            (command if control & 1 else dataset).extend(fragment)
            if control & 1 and control & 2:
                elements = _elements(bytes(command))
                command.clear()
                whole = elements[0x0000_0800] == b"\x01\x01"  # Command Data Set Type: there is none
            else:
                whole = bool(control & 2)
            if whole:
                yield Message(context_id, elements, bytes(dataset))
                dataset.clear()


def contexts(associate: bytes) -> list[Context]:
    """The presentation contexts of an A-ASSOCIATE-RQ's body."""
    found = []
    for kind, item in _items(associate[68:]):
        if kind == 0x20:
            syntaxes = [(sub, uid.rstrip(b"\0").decode("ascii")) for sub, uid in _items(item[4:])]
            abstract = next(uid for sub, uid in syntaxes if sub == 0x30)
            found.append(Context(item[0], abstract, tuple(uid for sub, uid in syntaxes if sub == 0x40)))
    return found


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position < len(data):
        kind, length = struct.unpack_from(">BxH", data, position)
        yield kind, data[position + 4 : position + 4 + length]
        position += 4 + length


def _elements(data: bytes) -> dict[int, bytes]:
    """Implicit VR little endian without sequences, as command sets are."""
    found, position = {}, 0
    while position < len(data):
        group, element, length = struct.unpack_from("<HHI", data, position)
        found[group << 16 | element] = data[position + 8 : position + 8 + length]
        position += 8 + length
    return found


class Tap:
    """Listens on a free port and forwards everything to another one; ``async with`` starts and ends it.

    :ivar port: where to connect instead of to the target.
    :ivar conversations: what was forwarded, one for each connection.
    """

    def __init__(self, target: int) -> None:
        self.conversations: list[Conversation] = []
        self.port = 0
        self._target = target
        self._open: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def stores(self) -> list[Message]:
        return [store for conversation in self.conversations for store in conversation.stores]

    async def __aenter__(self) -> Tap:
        self._server = await asyncio.start_server(self._forward, LOOPBACK, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        if self._open:
            _, late = await asyncio.wait(self._open, timeout=5)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        conversation = Conversation()
        self.conversations.append(conversation)
        try:
            target_reader, target_writer = await asyncio.open_connection(LOOPBACK, self._target)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(_pump(reader, target_writer, conversation.sent))
                    group.create_task(_pump(target_reader, writer, conversation.answered))
            finally:
                await _close(target_writer)
        finally:
            await _close(writer)
            self._open.discard(task)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, record: bytearray) -> None:
    """Forward until one side has ended; then the other one is told."""
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(_PIECE):
            record += data
            writer.write(data)
            await writer.drain()
    if not writer.is_closing() and writer.can_write_eof():
        with contextlib.suppress(OSError):
            writer.write_eof()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
