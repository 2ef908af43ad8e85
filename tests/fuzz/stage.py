"""A server without a line: bytes go in, and what it writes and keeps is looked at."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from logging import ERROR
from typing import Any

from pydicom.dataset import Dataset

from dicomgui.network import AcceptPolicy, AETitle, FindRequest, Handlers, ServerOptions, Status, StoreRequest
from dicomgui.network.dimse import command_set
from dicomgui.network.dimse.commands import Response, UnknownCommand
from dicomgui.network.pdu import PDU, Abort, AssociateAC, AssociateRJ, Framer, PDataTF, ReleaseRP, Whole, decode
from dicomgui.network.server.server import ServerCore
from dicomgui.network.tracing import NoteRecord, Record


class NotingTransport(asyncio.Transport):
    """A transport without a line."""

    def __init__(self) -> None:
        super().__init__({"sockname": ("127.0.0.1", 104), "peername": ("127.0.0.1", 50_000)})
        self.written = bytearray()
        self.is_closed = False
        self.is_paused = False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = True

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False


class Listening:
    """A listening socket, as far as a server asks for it: who has none takes no connection."""

    is_serving = True


class Stage:
    """A server with one connection, and what came of it."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.stored: list[tuple[str, bytes]] = []
        options = ServerOptions(policy=AcceptPolicy(), tracer=self.records.append)
        self.server = ServerCore(AETitle("FUZZED"), Handlers(on_store=self.store, on_find=self.find), options)
        self.server._listener = Listening()  # type: ignore[assignment]
        self.line = NotingTransport()
        self.protocol = self.server._make_transport()
        self.protocol.connection_made(self.line)

    def store(self, request: StoreRequest, data: object) -> Status:
        assert isinstance(data, bytes)
        self.stored.append((request.command.affected_sop_instance_uid, data))
        return Status(0)

    async def find(self, request: FindRequest) -> AsyncIterator[Dataset]:
        """Find nothing, of any identifier that can be decoded."""
        assert len(request.dataset) >= 0
        for match in ():
            yield match

    def receive(self, data: bytes) -> bytes:
        """Take what comes, up to where reading is paused; returns the rest."""
        is_begun = False
        while data and not self.line.is_closed and not (is_begun and self.line.is_paused):
            is_begun = True
            window = self.protocol.get_buffer(-1)
            size = min(len(window), len(data))
            window[:size] = data[:size]
            self.protocol.buffer_updated(size)
            data = data[size:]
        return b"" if self.line.is_closed else data

    def end(self) -> None:
        self.protocol.eof_received()
        self.protocol.connection_lost(None)

    def answers(self) -> list[PDU]:
        """What was written; must be whole PDUs."""
        answers: list[PDU] = []
        framer = Framer()
        for frame in framer.feed(bytes(self.line.written)):
            if isinstance(frame, Whole):
                answers.append(decode(frame.data))
        assert framer.is_between_pdus
        return answers

    def messages(self) -> list[Any]:
        """The commands that were written; in several PDUs where the peer takes short ones only."""
        found, at, written, command = [], 0, bytes(self.line.written), b""
        while at < len(written):
            end = at + 6 + int.from_bytes(written[at + 2 : at + 6], "big")
            one = decode(written[at:end])
            for value in one.pdvs if isinstance(one, PDataTF) else ():
                command += bytes(value.data)
                if value.is_last:
                    found.append(command_set.decode(command))
                    command = b""
            at = end
        return found


def is_in_order(stage: Stage) -> None:
    """What must be true whatever came."""
    for answer in stage.answers():
        assert isinstance(answer, AssociateAC | AssociateRJ | Abort | ReleaseRP)
    for message in stage.messages():
        assert isinstance(message, Response | UnknownCommand)
        assert message.is_response
    successes = [m for m in stage.messages() if m.command_field == 0x8001 and m.status == 0]
    assert len(successes) == len(stage.stored)
    assert not [record for record in stage.records if isinstance(record, NoteRecord) and record.level >= ERROR]
    assert stage.server.connections == 0
    assert stage.server.associations == ()
    assert len(stage.server.tasks) == 0


async def _decoded(stage: Stage) -> None:
    """Wait until no thread decodes a data set any more."""
    slot = stage.server.resources.decoding
    turns = 0
    while turns < 4:
        turns = 0 if slot._free.locked() else turns + 1
        await asyncio.sleep(0)


async def settled(pieces: list[bytes]) -> Stage:
    """What came of a conversation, once its tasks have ended."""
    stage = Stage()
    for piece in pieces:
        left = stage.receive(piece)
        while left or stage.line.is_paused:
            await _decoded(stage)
            left = stage.receive(left)
            if not left:
                break
    await _decoded(stage)
    stage.end()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return stage
