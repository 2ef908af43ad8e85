"""What asyncio leaves to be had: `python -m bench.limits receive|answer|send|echo|associate ...`.

Each does what a program on asyncio's transports cannot do without to play its part, and nothing else: bytes that were
made before, no states, checks, limits, time-outs or trace. Its loop is ours, which looks before it sleeps. The last
line of the output is JSON; a server first says on which port it listens, and runs until its standard input is closed.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from bench.bare import store_pdus
from bench.canned import MAX_PDU, PDU_LENGTH, Walker
from helpers import bad_peer as wire

from dicomgui.network import TlsConfig, eager_event_loop
from dicomgui.network.part10 import read_head, write_head
from dicomgui.network.transport.eager import expecting

_MESSAGE_BUFFER = 2**14
_INSTANCE_BUFFER = 2**18
_AC_TYPE, _DATA_TYPE, _RELEASE_RP_TYPE = 2, 4, 6
_ECHO = wire.echo_rq()


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench.limits")
    commands = parser.add_subparsers(dest="command", required=True)
    receiver = commands.add_parser("receive", help="stores what comes under the UID of the instance")
    receiver.add_argument("folder", type=Path)
    receiver.add_argument("--fsync", action="store_true", help="answers when file and folder are on the medium")
    receiver.add_argument("--tls-cert", type=Path, help="speak TLS")
    receiver.add_argument("--tls-key", type=Path)
    commands.add_parser("answer", help="takes associations and answers C-ECHOs")
    sender = commands.add_parser("send", help="sends instances of one class that were read before")
    sender.add_argument("port", type=int)
    sender.add_argument("folder", type=Path)
    sender.add_argument("--associations", type=int, default=1, help="so many at once, each with its share")
    for name, text in (("echo", "so many on one association"), ("associate", "one on each of so many associations")):
        client = commands.add_parser(name, help=f"sends C-ECHOs, {text}")
        client.add_argument("port", type=int)
        client.add_argument("count", type=int)
    arguments = parser.parse_args(argv)
    works = {"receive": _receive, "answer": _answer, "send": _send, "echo": _echo, "associate": _associate}
    with asyncio.Runner(loop_factory=eager_event_loop) as runner:
        result = runner.run(works[arguments.command](arguments))
    print(json.dumps(result), flush=True)
    return 0


# -- as SCP ----------------------------------------------------------------------------------------------------------


class _Provider(asyncio.BufferedProtocol):
    """A connection, and what walks over its bytes."""

    size = _MESSAGE_BUFFER

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.walker = self._make_walker(transport)
        self._view = memoryview(bytearray(self.size))
        self._kept = 0

    def _make_walker(self, transport: asyncio.Transport) -> Walker:
        return Walker(_write_of(transport))

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._view[self._kept :] if self._kept else self._view

    def buffer_updated(self, nbytes: int) -> None:
        self._kept = self.walker.feed(self._view, self._kept + nbytes)


def _write_of(transport: asyncio.Transport) -> Callable[[bytes], object]:
    """How to write, and tell the loop of it, as our own connections do."""
    expect = expecting(asyncio.get_running_loop())

    def write(data: bytes) -> None:
        transport.write(data)
        expect()

    return write


async def _answer(_arguments: argparse.Namespace) -> dict[str, object]:
    loop = asyncio.get_running_loop()
    async with await loop.create_server(_Provider, wire.LOOPBACK, 0) as server:
        await _until_stopped(server)
    return {}


class _Storing(Walker):
    """Writes each instance as a receiver must: under another name until all of it is there, and never over a file."""

    def __init__(self, transport: asyncio.Transport, folder: Path, *, fsync: bool) -> None:
        super().__init__(_write_of(transport))
        self._folder = os.fsencode(folder) + b"/"
        self._part = self._folder + b".part"
        self._synced = os.open(folder, os.O_RDONLY) if fsync else None
        self._name = b""
        self._file = -1
        self._waiting: list[bytes | memoryview] = []

    def begin(self, sop_class: bytes, instance: bytes, syntax: str) -> None:
        uid = instance.rstrip(b"\0")
        head = write_head(
            sop_class_uid=sop_class.rstrip(b"\0").decode("ascii"), sop_instance_uid=uid.decode("ascii"),
            transfer_syntax_uid=syntax,
        )  # fmt: skip
        self._name = self._folder + uid
        self._file = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        self._waiting.append(head)

    def take(self, piece: memoryview) -> None:
        self._waiting.append(piece)

    def pause(self) -> None:
        if self._waiting:
            self._write()

    def _write(self) -> None:
        os.writev(self._file, self._waiting)
        self._waiting.clear()

    def finish(self) -> None:
        self._write()
        if self._synced is not None:
            os.fsync(self._file)
        os.close(self._file)
        os.link(self._part, self._name)
        os.unlink(self._part)
        if self._synced is not None:
            os.fsync(self._synced)


async def _receive(arguments: argparse.Namespace) -> dict[str, object]:
    loop = asyncio.get_running_loop()
    providers: list[_Receiver] = []

    def provider() -> _Receiver:
        providers.append(_Receiver(arguments.folder, fsync=arguments.fsync))
        return providers[-1]

    tls = None
    if arguments.tls_cert is not None:
        tls = TlsConfig(cert_file=arguments.tls_cert, key_file=arguments.tls_key).server_context()
    async with await loop.create_server(provider, wire.LOOPBACK, 0, ssl=tls) as server:
        await _until_stopped(server)
    return {"count": sum(one.walker.count for one in providers)}


class _Receiver(_Provider):
    """Stores what comes."""

    size = _INSTANCE_BUFFER

    def __init__(self, folder: Path, *, fsync: bool) -> None:
        self._folder, self._fsync = folder, fsync

    def _make_walker(self, transport: asyncio.Transport) -> Walker:
        return _Storing(transport, self._folder, fsync=self._fsync)


async def _until_stopped(server: asyncio.Server) -> None:
    gc.freeze()
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await asyncio.to_thread(sys.stdin.read)


# -- as SCU ----------------------------------------------------------------------------------------------------------


class _Asker(asyncio.BufferedProtocol):
    """An association with some messages, each sent when the one before is answered, and a release.

    :param over: is done when the release is answered.
    """

    def __init__(self, context: bytes, messages: Iterable[bytes], over: asyncio.Future[None]) -> None:
        request = wire.associate(wire.APPLICATION, context, wire.user_information(max_length=MAX_PDU))
        self._told = itertools.chain((request,), messages, (wire.RELEASE_RQ,))
        self._over = over
        self._view = memoryview(bytearray(_MESSAGE_BUFFER))
        self._kept = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._write = _write_of(transport)
        self._write(next(self._told))

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._view[self._kept :] if self._kept else self._view

    def buffer_updated(self, nbytes: int) -> None:
        self._kept += nbytes
        if self._kept < 6 or self._kept < 6 + PDU_LENGTH.unpack_from(self._view)[0]:
            return
        self._kept = 0  # there is nothing else: the peer sends one answer and waits
        kind = self._view[0]
        if kind in (_DATA_TYPE, _AC_TYPE):
            self._write(next(self._told))
            return
        if kind == _RELEASE_RP_TYPE:
            self._over.set_result(None)
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._over.done():
            self._over.set_exception(ConnectionError("the association has ended too early"))


async def _ask(port: int, context: bytes, messages: Iterable[bytes]) -> None:
    loop = asyncio.get_running_loop()
    connection = socket.create_connection((wire.LOOPBACK, port))  # which takes no time, on one computer
    connection.setblocking(False)
    over: asyncio.Future[None] = loop.create_future()
    await loop.create_connection(partial(_Asker, context, messages, over), sock=connection)
    await over


async def _send(arguments: argparse.Namespace) -> dict[str, object]:
    """Seconds from the connection attempts to the last end of a release."""
    paths = sorted(arguments.folder.iterdir())
    head = read_head(paths[0])
    context = wire.context_rq(1, head.sop_class_uid, head.transfer_syntax_uid)
    messages = [b"".join(store_pdus(path, number, MAX_PDU)) for number, path in enumerate(paths)]
    many = arguments.associations
    gc.freeze()
    start = time.perf_counter()
    await asyncio.gather(*(_ask(arguments.port, context, messages[number::many]) for number in range(many)))
    return {"seconds": time.perf_counter() - start, "count": len(messages)}


async def _echo(arguments: argparse.Namespace) -> dict[str, object]:
    return await _echoes(arguments.port, 1, arguments.count)


async def _associate(arguments: argparse.Namespace) -> dict[str, object]:
    return await _echoes(arguments.port, arguments.count, 1)


async def _echoes(port: int, associations: int, count: int) -> dict[str, object]:
    """Seconds from the first connection attempt to the last end of a release."""
    context = wire.context_rq(1, wire.VERIFICATION, wire.IMPLICIT)
    gc.freeze()
    start = time.perf_counter()
    for _ in range(associations):
        await _ask(port, context, itertools.repeat(_ECHO, count))
    return {"seconds": time.perf_counter() - start, "count": associations * count}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
