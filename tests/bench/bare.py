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

from helpers import bad_peer as wire

from dicomgui.network.dimse import CEchoRQ, CStoreRQ, CStoreRSP, decode, encode
from dicomgui.network.part10 import read_head
from dicomgui.network.pdu import AssociateRQ, PresentationContextRQ
from dicomgui.network.pdu import decode as decode_pdu
from dicomgui.network.status import Status

MAX_PDU = 131_072
_BUFFER = 2**20
_RELEASE_RQ_TYPE = 5
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
    """Accept every context with its first transfer syntax, and answer each C-STORE when its data set is over."""
    _accept_all(connection)
    taken = _Taken(connection)
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
    request = decode_pdu(_receive_pdu(connection))
    assert isinstance(request, AssociateRQ)
    contexts = [item for item in request.items if isinstance(item, PresentationContextRQ)]
    accepted = (wire.context_ac(one.context_id, 0, one.transfer_syntaxes[0]) for one in contexts)
    connection.sendall(
        wire.associate(
            wire.APPLICATION, *accepted, wire.user_information(max_length=MAX_PDU),
            pdu_type=2, called=request.called_ae_title.encode().ljust(16),
            calling=request.calling_ae_title.encode().ljust(16),
        )
    )  # fmt: skip


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


class _Taken:
    """Walks over headers; bytes of data sets are skipped wherever they lie."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._skip = 0
        self._rest_of_pdu = 0
        self._ends = False
        self._answer = b""
        self.count = 0
        self.is_over = False

    def feed(self, view: memoryview, end: int) -> int:
        """Take ``end`` bytes; gives how many of them, moved to the front, must be seen again."""
        at = 0
        while at < end:
            if self._skip:
                step = min(self._skip, end - at)
                self._skip -= step
                at += step
                if not self._skip and self._ends:
                    self._finish()
                continue
            if end - at < self._needed(view[at]):
                break
            step = self._header(view, at, end)
            if not step:
                break
            at += step
        view[: end - at] = bytes(view[at:end])
        return end - at

    def _needed(self, pdu_type: int) -> int:
        """The bytes of the next header: of a PDV alone, or of its PDU as well."""
        if self._rest_of_pdu:
            return 6
        return 10 if pdu_type == _RELEASE_RQ_TYPE else 12

    def _header(self, view: memoryview, at: int, end: int) -> int:
        """The bytes of a header (and of a command, which is looked at whole); 0 where more are needed."""
        size = 0
        if not self._rest_of_pdu:
            if view[at] == _RELEASE_RQ_TYPE:
                self._connection.sendall(wire.RELEASE_RP)
                self.is_over = True
                return end - at
            pdu_length = int.from_bytes(view[at + 2 : at + 6], "big")
            size = 6
        else:
            pdu_length = self._rest_of_pdu
        length, context, control = struct.unpack_from(">IBB", view, at + size)
        if control & 1 and end - at < size + 4 + length:
            return 0
        self._rest_of_pdu = pdu_length - 4 - length
        size += 6
        if control & 1:
            command = decode(bytes(view[at + size : at + size + length - 2]))
            assert isinstance(command, CStoreRQ)
            answer = CStoreRSP(
                command.message_id, Status(0), command.affected_sop_class_uid, command.affected_sop_instance_uid
            )
            self._answer = wire.pdata(wire.pdv(context, 3, encode(answer)))
            return size + length - 2
        self._skip, self._ends = length - 2, bool(control & 2)
        if not self._skip and self._ends:
            self._finish()
        return size

    def _finish(self) -> None:
        self._ends = False
        self.count += 1
        self._connection.sendall(self._answer)


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
        messages = [b"".join(_message(path, number, longest)) for number, path in enumerate(files)]
        start = time.perf_counter()
        for message in messages:
            connection.sendall(message)
            _receive_pdu(connection)
        _release(connection)
        seconds = time.perf_counter() - start
    return {"seconds": seconds, "count": len(files)}


def _message(path: Path, number: int, longest: int) -> Iterator[bytes]:
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
