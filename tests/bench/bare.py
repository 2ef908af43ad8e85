"""Bare sockets: what a program in Python can do at the very best, and peers that do nothing.

`python -m bench.bare sink|stall|source|hold|fresh ...`. They know as much of DICOM as the bytes need to be taken for
it: no states, no checks, no limits, one connection at a time, blocking calls. The last line of the output is JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import socket
import statistics
import struct
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from bench.canned import MAX_PDU, Walker, acceptance
from helpers import bad_peer as wire

from dicomgui.network.dimse import CEchoRQ, CStoreRQ, encode
from dicomgui.network.part10 import read_head

_BUFFER = 2**20
_PDATA = struct.Struct(">BxIIBB")


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench.bare")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("sink", help="takes C-STOREs and drops them")
    commands.add_parser("stall", help="accepts associations and does nothing more")
    source = commands.add_parser("source", help="sends C-STOREs that were made before")
    source.add_argument("folder", type=Path)
    hold = commands.add_parser("hold", help="opens so many connections and does nothing with them")
    hold.add_argument("count", type=int)
    hold.add_argument("--associate", action="store_true")
    fresh = commands.add_parser("fresh", help="one association with a C-ECHO, some times")
    fresh.add_argument("count", type=int)
    for client in (source, hold, fresh):
        client.add_argument("port", type=int)
    arguments = parser.parse_args(argv)
    works = {"sink": _sink, "stall": _stall, "source": _source, "hold": _hold, "fresh": _fresh}
    print(json.dumps(works[arguments.command](arguments)), flush=True)
    return 0


def _receive(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise SystemExit("the peer has closed the connection")
        data += piece
    return data


def _receive_pdu(connection: socket.socket) -> bytes:
    head = _receive(connection, 6)
    return head + _receive(connection, int.from_bytes(head[2:], "big"))


# -- the sink ----------------------------------------------------------------------------------------------------------


def _sink(_arguments: argparse.Namespace) -> dict[str, object]:
    with socket.create_server((wire.LOOPBACK, 0)) as listener:
        print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
        counts: list[int] = []
        threading.Thread(target=_accept, args=(listener, counts), daemon=True).start()
        sys.stdin.read()
    return {"count": sum(counts)}


def _accept(listener: socket.socket, counts: list[int]) -> None:
    with contextlib.suppress(OSError):  # the listener is closed
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                counts.append(_take(connection))


def _take(connection: socket.socket) -> int:
    """Answer each C-STORE when its data set is over."""
    taken = Walker(connection.sendall)
    buffer = bytearray(_BUFFER)
    view = memoryview(buffer)
    kept = 0
    while not taken.is_over:
        size = connection.recv_into(view[kept:])
        if not size:
            break
        kept = taken.feed(view, kept + size)
    return taken.count


def _accept_all(connection: socket.socket) -> None:
    connection.sendall(acceptance(_receive_pdu(connection))[0])


def _stall(_arguments: argparse.Namespace) -> dict[str, object]:
    with socket.create_server((wire.LOOPBACK, 0)) as listener:
        print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
        connections: list[socket.socket] = []
        threading.Thread(target=_accept_and_hold, args=(listener, connections), daemon=True).start()
        sys.stdin.read()
    return {"count": len(connections)}


def _accept_and_hold(listener: socket.socket, connections: list[socket.socket]) -> None:
    with contextlib.suppress(OSError):  # the listener is closed
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
            connections.append(connection)
            _accept_all(connection)


# -- clients -----------------------------------------------------------------------------------------------------------


def _associate(connection: socket.socket, context: bytes) -> int:
    """Propose one context; gives how long the PDUs of the peer may be."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(wire.associate(wire.APPLICATION, context, wire.user_information(max_length=MAX_PDU)))
    answer = _receive_pdu(connection)
    if answer[0] != 2:
        raise SystemExit("the association was not accepted")
    at = answer.rindex(bytes((0x51, 0, 0, 4)))
    return int.from_bytes(answer[at + 4 : at + 8], "big") or MAX_PDU


def _release(connection: socket.socket) -> None:
    connection.sendall(wire.RELEASE_RQ)
    _receive_pdu(connection)


def _source(arguments: argparse.Namespace) -> dict[str, object]:
    """Everything that is sent is in memory before the clock starts."""
    files = sorted(arguments.folder.iterdir())
    with socket.create_connection((wire.LOOPBACK, arguments.port)) as connection:
        with files[0].open("rb") as file:
            head = read_head(file)
        context = wire.context_rq(1, head.sop_class_uid, head.transfer_syntax_uid)
        longest = min(_associate(connection, context), MAX_PDU)
        messages = [b"".join(store_pdus(path, number, longest)) for number, path in enumerate(files)]
        start = time.perf_counter()
        for message in messages:
            connection.sendall(message)
            _receive_pdu(connection)
        _release(connection)
        seconds = time.perf_counter() - start
    return {"seconds": seconds, "count": len(files)}


def store_pdus(path: Path, number: int, longest: int) -> Iterator[bytes]:
    """The C-STORE of a file in PDUs that are at most so long, on the context 1, piece by piece."""
    with path.open("rb") as file:
        head = read_head(file)
        file.seek(head.dataset_offset)
        data = file.read()
    request = CStoreRQ(number % 65_535 + 1, head.sop_class_uid, head.sop_instance_uid, has_dataset=True)
    yield wire.pdata(wire.pdv(1, 3, encode(request)))
    piece = (longest - 6) & ~1
    for start in range(0, len(data), piece):
        part = data[start : start + piece]
        yield _PDATA.pack(4, len(part) + 6, len(part) + 2, 1, 2 * (start + piece >= len(data)))
        yield part


def _hold(arguments: argparse.Namespace) -> dict[str, object]:
    """Open connections until the standard input is closed; the first line says when all of them stand."""
    with contextlib.ExitStack() as stack:
        for _ in range(arguments.count):
            connection = stack.enter_context(socket.create_connection((wire.LOOPBACK, arguments.port), 30))
            if arguments.associate:
                _associate(connection, wire.context_rq(1, wire.VERIFICATION, wire.IMPLICIT))
        print(json.dumps({"port": arguments.port}), flush=True)
        sys.stdin.read()
    return {"count": arguments.count}


def _fresh(arguments: argparse.Namespace) -> dict[str, object]:
    """Seconds from the connection attempt to the end of the release, the median."""
    echo = wire.pdata(wire.pdv(1, 3, encode(CEchoRQ(1))))
    taken = []
    for _ in range(arguments.count):
        start = time.perf_counter()
        with socket.create_connection((wire.LOOPBACK, arguments.port), 30) as connection:
            _associate(connection, wire.context_rq(1, wire.VERIFICATION, wire.IMPLICIT))
            connection.sendall(echo)
            _receive_pdu(connection)
            _release(connection)
        taken.append(time.perf_counter() - start)
    return {"seconds": statistics.median(taken), "count": arguments.count}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
