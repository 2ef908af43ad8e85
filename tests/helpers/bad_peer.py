"""A peer that does not keep to the rules: raw bytes to a listener, a scripted server, and the builders of wrong PDUs.

The builders know nothing of the product's codec, so that every length and every order can be wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from dicomgui.network import (
    AcceptPolicy,
    Handlers,
    Lifecycle,
    Server,
    ServerOptions,
    Status,
    StoreRequest,
    Strictness,
    Timeouts,
    connect,
    presets,
    serve,
)
from dicomgui.network.dimse import command_set
from dicomgui.network.dimse.commands import Command
from dicomgui.network.pdu import PDU, Abort, AssociateAC, AssociateRJ, PDataTF, ReleaseRP, decode
from dicomgui.network.tracing import Record

LOOPBACK = "127.0.0.1"
VERIFICATION = "1.2.840.10008.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"

SOON_S = 1.0
"""What the product promises: the next good peer is served, and a caller gets its error, within this time."""

PATIENCE_S = 20.0
"""How long a test waits for what should come in milliseconds, before it calls it missing: the computer may be busy."""

RELEASE_RQ = bytes.fromhex("05000000000400000000")
RELEASE_RP = bytes.fromhex("06000000000400000000")


# --- bytes ----------------------------------------------------------------------------------------------------------


def pdu(pdu_type: int, body: bytes = b"", length: int | None = None) -> bytes:
    """A PDU whose header may lie about the length of its body."""
    return struct.pack(">BxI", pdu_type, len(body) if length is None else length) + body


def item(item_type: int, data: bytes, length: int | None = None) -> bytes:
    """An item or sub-item of an A-ASSOCIATE PDU."""
    return struct.pack(">BxH", item_type, len(data) if length is None else length) + data


def context_rq(context_id: int, abstract: str | bytes = VERIFICATION, *syntaxes: str | bytes) -> bytes:
    """A proposed presentation context (20H)."""
    subs = item(0x30, raw(abstract)) + b"".join(item(0x40, raw(uid)) for uid in syntaxes)
    return item(0x20, bytes((context_id, 0, 0, 0)) + subs)


def context_ac(context_id: int, result: int = 0, syntax: str | bytes = IMPLICIT) -> bytes:
    """An answered presentation context (21H)."""
    return item(0x21, bytes((context_id, 0, result, 0)) + item(0x40, raw(syntax)))


def raw(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")


def user_information(*subs: bytes, max_length: int | None = 16384) -> bytes:
    """A user information item (50H)."""
    first = b"" if max_length is None else item(0x51, struct.pack(">I", max_length))
    return item(0x50, first + item(0x52, b"1.2.3.4") + b"".join(subs))


APPLICATION = item(0x10, raw(APPLICATION_CONTEXT))
USER = user_information()
CONTEXTS = context_rq(1, VERIFICATION, IMPLICIT) + context_rq(3, CT, EXPLICIT)


def associate(
    *items: bytes,
    pdu_type: int = 1,
    version: int = 1,
    called: bytes = b"ANY-SCP",
    calling: bytes = b"BAD-PEER",
    length: int | None = None,
) -> bytes:
    """An A-ASSOCIATE-RQ (or -AC with ``pdu_type=2``); without items a good one for verification (1) and CT (3)."""
    head = struct.pack(">HH", version, 0) + called.ljust(16) + calling.ljust(16) + bytes(32)
    return pdu(pdu_type, head + b"".join(items or (APPLICATION, CONTEXTS, USER)), length)


GOOD_RQ = associate()
GOOD_AC = associate(APPLICATION, context_ac(1), context_ac(3, 0, EXPLICIT), USER, pdu_type=2)
ECHO_AC = associate(APPLICATION, context_ac(1), USER, pdu_type=2)
"""Accepts no more than a request for verification alone proposes."""


def pdv(context_id: int, control: int, data: bytes = b"", length: int | None = None) -> bytes:
    """A presentation data value item; control 3 is a whole command, 2 a whole data set."""
    return struct.pack(">IBB", len(data) + 2 if length is None else length, context_id, control) + data


def pdata(*pdvs: bytes, length: int | None = None) -> bytes:
    return pdu(4, b"".join(pdvs), length)


def element(number: int, value: bytes | int | str, length: int | None = None, group: int = 0) -> bytes:
    """A command element; an int is a US, a str a UI."""
    if isinstance(value, int):
        value = struct.pack("<H", value)
    elif isinstance(value, str):
        value = value.encode("latin-1")
        value += b"\0" * (len(value) & 1)
    return struct.pack("<HHI", group, number, len(value) if length is None else length) + value


def command(elements: dict[int, bytes | int | str], group_length: int | None = -1) -> bytes:
    """A command set; the group length is right (-1), wrong, or missing (``None``)."""
    body = b"".join(element(number, value) for number, value in elements.items())
    if group_length is None:
        return body
    return element(0, struct.pack("<I", len(body) if group_length < 0 else group_length)) + body


def echo_elements(message_id: int = 7) -> dict[int, bytes | int | str]:
    return {0x0002: VERIFICATION, 0x0100: 0x0030, 0x0110: message_id, 0x0800: 0x0101}


def store_elements(
    uid: str | bytes = "1.2.3", message_id: int = 7, sop_class: str = CT
) -> dict[int, bytes | int | str]:
    return {0x0002: sop_class, 0x0100: 0x0001, 0x0110: message_id, 0x0700: 0, 0x0800: 0x0001, 0x1000: uid}


def echo_rq(message_id: int = 7, context_id: int = 1) -> bytes:
    return pdata(pdv(context_id, 3, command(echo_elements(message_id))))


def store_rq(
    uid: str | bytes = "1.2.3", data: bytes = b"data", message_id: int = 7, context_id: int = 3, sop_class: str = CT
) -> bytes:
    """A C-STORE-RQ in one PDU for the command and as many as it takes for the data set."""
    return pdata(pdv(context_id, 3, command(store_elements(uid, message_id, sop_class)))) + dataset(data, context_id)


def instance_data(uid: str = "1.2.3", sop_class: str = CT, *, explicit: bool = True) -> bytes:
    """The smallest data set that is an instance."""
    made = b""
    for element, text in ((0x0016, sop_class), (0x0018, uid)):
        value = raw(text) + b"\0" * (len(text) & 1)
        head = struct.pack("<2sH", b"UI", len(value)) if explicit else struct.pack("<I", len(value))
        made += struct.pack("<HH", 0x0008, element) + head + value
    return made


def dataset(data: bytes, context_id: int = 3, size: int = 16_000) -> bytes:
    pieces = [data[at : at + size] for at in range(0, len(data), size)] or [b""]
    last = len(pieces) - 1
    return b"".join(pdata(pdv(context_id, 2 if n == last else 0, piece)) for n, piece in enumerate(pieces))


def response(
    command_field: int,
    message_id: int,
    status: int = 0,
    context_id: int = 1,
    **more: int | str,
) -> bytes:
    """A response message without data set."""
    elements: dict[int, bytes | int | str] = {
        0x0100: command_field,
        0x0120: message_id,
        0x0800: 0x0101,
        0x0900: status,
    }
    elements.update({int(name[1:], 16): value for name, value in more.items()})
    return pdata(pdv(context_id, 3, command(dict(sorted(elements.items())))))


# --- a raw connection -----------------------------------------------------------------------------------------------


class Peer:
    """One end of a TCP connection, in the hands of a test. Use it as ``async with``."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.was_reset = False

    async def __aenter__(self) -> Peer:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def send(self, *parts: bytes) -> None:
        """Send; that the other end is gone already is no fault of a test."""
        self.writer.write(b"".join(parts))
        with contextlib.suppress(ConnectionError):
            await self.writer.drain()

    async def read(self) -> PDU | None:
        """The next PDU, ``None`` where the connection ends instead."""
        left_over = b""
        try:
            async with asyncio.timeout(PATIENCE_S):
                head = await self.reader.readexactly(6)
                return decode(head + await self.reader.readexactly(int.from_bytes(head[2:], "big")))
        except asyncio.IncompleteReadError as cut:
            left_over = cut.partial
        except ConnectionError:
            self.was_reset = True
        assert not left_over, f"cut off after {left_over!r}"
        return None

    async def read_command(self) -> Command:
        """The next message, which has to be a command in one PDU."""
        answer = await self.read()
        assert isinstance(answer, PDataTF), answer
        [value] = answer.pdvs
        return command_set.decode(value.data)

    async def read_all(self) -> list[PDU]:
        """What comes until the other end closes."""
        answers: list[PDU] = []
        while (answer := await self.read()) is not None:
            answers.append(answer)
        return answers

    async def associate(self, request: bytes = GOOD_RQ) -> AssociateAC:
        """Ask for an association, which has to be accepted."""
        await self.send(request)
        answer = await self.read()
        assert isinstance(answer, AssociateAC), answer
        return answer

    async def accept(self, answer: bytes = GOOD_AC) -> None:
        """As a server: take the request and accept."""
        await self.read()
        await self.send(answer)

    async def drop(self) -> None:
        """Read and throw away until the other end closes, whatever it is."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(65_536):
                pass

    def finish_writing(self) -> None:
        """FIN: nothing more will come, but what comes is read."""
        with contextlib.suppress(OSError):
            self.writer.write_eof()

    @property
    def is_gone(self) -> bool:
        """Whether the other end has closed or reset the connection."""
        return self.writer.is_closing() or self.reader.at_eof() or self.reader.exception() is not None

    def pause(self) -> None:
        """Read nothing any more."""
        self.writer.transport.pause_reading()  # type: ignore[attr-defined]

    async def reset(self) -> None:
        """RST."""
        sock = self.writer.get_extra_info("socket")
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
        await self.close()

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


async def dial(port: int, *, receive_buffer: int | None = None) -> Peer:
    """Connect to a listener on the loopback."""
    sock = socket.socket()
    sock.setblocking(False)
    try:
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        await asyncio.get_running_loop().sock_connect(sock, (LOOPBACK, port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return Peer(*await asyncio.open_connection(sock=sock, limit=2**24))
    except BaseException:
        sock.close()
        raise


# --- a scripted server ----------------------------------------------------------------------------------------------

Script = Callable[[Peer], Awaitable[None]]


@dataclass
class BadServer:
    """A server that does what its script says, for each connection.

    :ivar port: where it listens.
    :ivar served: how many connections came.
    :ivar open: how many are open.
    """

    script: Script
    port: int = 0
    served: int = 0
    open: int = 0
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    @property
    def address(self) -> str:
        return f"BAD@{LOOPBACK}:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        self.served += 1
        self.open += 1
        peer = Peer(reader, writer)
        try:
            await self.script(peer)
        except asyncio.CancelledError:
            task.uncancel()  # the end of the test; the streams of Python 3.11 take it for a fault
        finally:
            await peer.close()
            self.open -= 1
            self.tasks.discard(task)


@contextlib.asynccontextmanager
async def bad_server(script: Script) -> AsyncIterator[BadServer]:
    """Listen with ``script``; scripts that still run at the end are cancelled."""
    server = BadServer(script)
    listener = await asyncio.start_server(server.serve, LOOPBACK, 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in tuple(server.tasks):
            task.cancel()
        await asyncio.gather(*server.tasks, return_exceptions=True)
        await listener.wait_closed()


# --- the listener under attack --------------------------------------------------------------------------------------


def open_files() -> int:
    """How many file handles this process has; 0 where the system does not say."""
    return len(os.listdir("/proc/self/fd")) if sys.platform.startswith("linux") else 0


async def reached(condition: Callable[[], bool], what: str, seconds: float = PATIENCE_S) -> None:
    """Let the loop turn until ``condition`` holds."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while not condition():
        assert loop.time() < until, f"not within {seconds:g} s: {what}"
        await asyncio.sleep(0.002)


async def time_passes(seconds: float) -> None:
    """For tests whose subject is time: a peer that is slow, a limit that is not reached."""
    await asyncio.sleep(seconds)


class Kept:
    """A store handler that keeps what came, by SOP Instance UID."""

    def __init__(self) -> None:
        self.data: dict[str, bytes] = {}
        self.requests: list[StoreRequest] = []

    def __call__(self, request: StoreRequest, data: object) -> Status:
        assert isinstance(data, bytes)
        self.requests.append(request)
        self.data[request.command.affected_sop_instance_uid] = data
        return Status(0)


@dataclass
class Target:
    """A listener that is attacked.

    :ivar kept: what it has stored.
    :ivar records: its trace.
    :ivar ended: how its associations ended.
    """

    server: Server
    kept: Kept
    records: list[Record]
    ended: list[object]

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def address(self) -> str:
        return f"{self.server.options.policy.ae_title}@{LOOPBACK}:{self.server.port}"

    async def serves(self) -> None:
        """A good peer is served within a second."""
        async with asyncio.timeout(SOON_S), connect(self.address, contexts=presets.VERIFICATION) as good:
            assert (await good.echo()).status.is_success

    async def is_empty(self) -> None:
        """Every connection is gone."""
        async with asyncio.timeout(PATIENCE_S):
            await self.server.wait_empty()
        assert self.server.connections == 0
        assert self.server.associations == ()


QUICK = Timeouts(artim_s=0.25, idle_s=5.0, associate_s=5.0, response_s=5.0, release_s=2.0)


@contextlib.asynccontextmanager
async def target(
    *, timeouts: Timeouts = QUICK, handlers: Handlers | None = None, policy: AcceptPolicy | None = None, **options: Any
) -> AsyncIterator[Target]:
    """A listener for verification and everything else; at the end it serves, is empty, and has left nothing behind.

    It takes any bytes for a data set, unless ``strictness`` says otherwise.
    """
    options.setdefault("strictness", Strictness.ANY)
    files, tasks = open_files(), asyncio.all_tasks()
    kept = Kept()
    records: list[Record] = []
    ended: list[object] = []
    options.setdefault("tracer", records.append)
    options.setdefault(
        "lifecycle", Lifecycle(on_closed=lambda _number, facts, error: None if facts is None else ended.append(error))
    )
    server = await serve(
        LOOPBACK,
        0,
        handlers=handlers or Handlers(on_store=kept),
        options=ServerOptions(policy=policy or AcceptPolicy(), timeouts=timeouts, **options),
    )
    async with server:
        attacked = Target(server, kept, records, ended)
        yield attacked
        await attacked.serves()
        await attacked.is_empty()
    assert len(server._core.tasks) == 0
    assert asyncio.all_tasks() == tasks
    await reached(lambda: open_files() <= files, f"file handles back to {files}")


# --- what an answer is ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Attack:
    """A row of a table: what is sent, and what the standard says is answered.

    :ivar answer: ``(source, reason)`` of an A-ABORT, ``(result, source, reason)`` of an A-ASSOCIATE-RJ, ``None`` for a
        close without a word, or ``"AC"`` or ``"RP"``.
    """

    name: str
    payload: bytes
    answer: tuple[int, ...] | str | None

    def __str__(self) -> str:
        return self.name


def short(answer: PDU | None) -> tuple[int, ...] | str | None:
    """An answer as an :class:`Attack` names it."""
    match answer:
        case None:
            return None
        case Abort():
            return answer.source, answer.reason
        case AssociateRJ():
            return answer.result, answer.source, answer.reason
        case AssociateAC():
            return "AC"
        case ReleaseRP():
            return "RP"
        case _:
            return type(answer).__name__


def rows(*attacks: Iterable[Attack]) -> list[Attack]:
    return [attack for group in attacks for attack in group]
