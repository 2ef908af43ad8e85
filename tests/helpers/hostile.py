"""Requests that cost their receiver much and their sender nothing, and what a C-ECHO has to wait beside them."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from helpers.bad_peer import (
    APPLICATION,
    CT,
    EXPLICIT,
    IMPLICIT,
    LOOPBACK,
    USER,
    VERIFICATION,
    associate,
    command,
    context_rq,
    echo_rq,
    pdata,
    pdv,
)

from dicomgui.network.dimse import command_set
from dicomgui.network.dimse.commands import Response

DEFLATED = "1.2.840.10008.1.2.1.99"
STUDY_FIND, STUDY_MOVE, STUDY_GET = (f"1.2.840.10008.5.1.4.1.2.2.{n}" for n in (1, 2, 3))
WORKLIST = "1.2.840.10008.5.1.4.31"
MPPS = "1.2.840.10008.3.1.2.3.3"
COMMITMENT = "1.2.840.10008.1.20.1"
FILM_SESSION, PRINT = "1.2.840.10008.5.1.1.1", "1.2.840.10008.5.1.1.9"
UPS = "1.2.840.10008.5.1.4.34.6.1"

PLAIN_ITEMS = 500_000
"""Empty items that take 4 MB."""

DEFLATED_ITEMS = 1_500_000
"""Empty items that take 12 MB, and 11.7 kB deflated."""

ANSWER_S = 90.0

_ITEM = bytes.fromhex("feff00e000000000")

REQUESTS: dict[str, tuple[str, dict[int, bytes | int | str]]] = {
    "C-FIND": (STUDY_FIND, {0x0002: STUDY_FIND, 0x0100: 0x0020, 0x0700: 0}),
    "C-FIND of worklists": (WORKLIST, {0x0002: WORKLIST, 0x0100: 0x0020, 0x0700: 0}),
    "C-MOVE": (STUDY_MOVE, {0x0002: STUDY_MOVE, 0x0100: 0x0021, 0x0600: b"OURS", 0x0700: 0}),
    "C-GET": (STUDY_GET, {0x0002: STUDY_GET, 0x0100: 0x0010, 0x0700: 0}),
    "N-CREATE of a step": (MPPS, {0x0002: MPPS, 0x0100: 0x0140, 0x1000: "1.2.3.4"}),
    "N-SET of a step": (MPPS, {0x0003: MPPS, 0x0100: 0x0120, 0x1001: "1.2.3.4"}),
    "N-ACTION of a commitment": (
        COMMITMENT, {0x0003: COMMITMENT, 0x0100: 0x0130, 0x1001: "1.2.840.10008.1.20.1.1", 0x1008: 1},
    ),
    "N-CREATE of a film session": (PRINT, {0x0002: FILM_SESSION, 0x0100: 0x0140, 0x1000: "1.2.3.5"}),
    "N-CREATE of a UPS": (UPS, {0x0002: UPS, 0x0100: 0x0140, 0x1000: "1.2.3.6"}),
    "C-STORE": (CT, {0x0002: CT, 0x0100: 0x0001, 0x0700: 0, 0x1000: "1.2.3.7"}),
    "C-ECHO": (VERIFICATION, {0x0002: VERIFICATION, 0x0100: 0x0030}),
}  # fmt: skip
"""Abstract syntax and command elements of what may come with a data set; a C-ECHO never does."""


def empty_items(count: int, *, explicit: bool = True, deflated: bool = False) -> bytes:
    """A data set of one sequence (0040,0100) of so many items with nothing in them."""
    items = _ITEM * count
    head = struct.pack("<HH", 0x0040, 0x0100) + (b"SQ\0\0" if explicit else b"") + struct.pack("<I", len(items))
    if not deflated:
        return head + items
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    data = packer.compress(head + items) + packer.flush()
    return data + b"\0" * (len(data) & 1)


def deflated_zeros(size: int, sop_instance_uid: str) -> bytes:
    """A deflated CT image of a private element of so many zeros, about a thousandth of them."""
    uids = ((0x0016, CT.encode()), (0x0018, sop_instance_uid.encode()))
    values = ((element, uid + b"\0" * (len(uid) & 1)) for element, uid in uids)
    head = b"".join(struct.pack("<HH2sH", 8, element, b"UI", len(uid)) + uid for element, uid in values)
    packer, block = zlib.compressobj(9, wbits=-zlib.MAX_WBITS), bytes(2**20)
    parts = [packer.compress(head + struct.pack("<HH2sHI", 0x0042, 0x0011, b"OB", 0, size))]
    parts += [packer.compress(block) for _ in range(size // len(block))]
    data = b"".join(parts) + packer.flush()
    return data + b"\0" * (len(data) & 1)


def many_elements(count: int) -> bytes:
    """A data set of so many private elements, in explicit VR."""
    pairs = (divmod(number, 0xE000) for number in range(count))
    return b"".join(struct.pack("<HH2sH", 0x0009 + 2 * group, 0x1000 + at, b"LO", 0) for group, at in pairs)


def nested(depth: int) -> bytes:
    """A data set of sequences in one another, of undefined length and closed, in explicit VR."""
    opening = bytes.fromhex("4000000153510000fffffffffeff00e0ffffffff")
    closing = bytes.fromhex("feff0de000000000feffdde000000000")
    return opening * depth + closing * depth


def request_command(name: str, message_id: int = 7) -> bytes:
    """The command of a request, which says that a data set follows."""
    _, given = REQUESTS[name]
    return command(dict(sorted({**given, 0x0110: message_id, 0x0800: 1}.items())))


@dataclass
class Caller:
    """An association over a blocking socket, with one presentation context."""

    connection: socket.socket

    def send(self, data: bytes) -> None:
        """Send it all."""
        self.connection.sendall(data)

    def send_dataset(self, data: bytes, *, is_last: bool = True, size: int = 120_000) -> None:
        """A data set on context 1; without its last fragment it has no end."""
        for at in range(0, len(data), size):
            ends = is_last and at + size >= len(data)
            self.send(pdata(pdv(1, 2 if ends else 0, data[at : at + size])))

    def read(self) -> tuple[int, bytes]:
        """Type and body of the next PDU; type 0 where the connection ends instead."""
        head = self._receive(6)
        if len(head) < 6:
            return 0, b""
        return head[0], self._receive(int.from_bytes(head[2:], "big"))

    def answer(self) -> Response | None:
        """The final response; ``None`` where the peer aborts or closes."""
        while True:
            kind, body = self.read()
            if kind != 4:
                return None
            if body[5] & 1:
                said = command_set.decode(body[6 : 4 + int.from_bytes(body[:4], "big")])
                if isinstance(said, Response) and not said.status.is_pending:
                    return said

    def _receive(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            try:
                piece = self.connection.recv(size - len(parts))
            except ConnectionError:
                break
            if not piece:
                break
            parts += piece
        return bytes(parts)


@contextlib.contextmanager
def calling(port: int, abstract_syntax: str, *transfer_syntaxes: str) -> Iterator[Caller]:
    """An association for one abstract syntax; closed without a word."""
    with socket.create_connection((LOOPBACK, port), timeout=ANSWER_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        caller = Caller(connection)
        caller.send(associate(APPLICATION, context_rq(1, abstract_syntax, *(transfer_syntaxes or (EXPLICIT,))), USER))
        kind, _ = caller.read()
        assert kind == 2, f"no association: PDU type {kind}"
        yield caller


class EchoBeside:
    """Sends one C-ECHO after the other in a thread while the block runs.

    :ivar longest_s: how long the slowest of them took.
    """

    def __init__(self, port: int) -> None:
        self.longest_s = 0.0
        self._port = port
        self._stopped = threading.Event()
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run, name="echo beside")

    def _run(self) -> None:
        with calling(self._port, VERIFICATION, IMPLICIT) as caller:
            while not self._stopped.is_set():
                began = time.perf_counter()
                caller.send(echo_rq())
                said = caller.answer()
                self.longest_s = max(self.longest_s, time.perf_counter() - began)
                assert said is not None
                self._begun.set()

    def __enter__(self) -> EchoBeside:
        self._thread.start()
        self._begun.wait(ANSWER_S)
        self.longest_s = 0.0  # what the first one loads is not what it waits for
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()


def resident_bytes(process: int, field: str = "VmRSS") -> int:
    """The memory of a process now, or with ``VmHWM`` at its peak."""
    for line in Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return 0


def reset_peak(process: int) -> None:
    """Have the peak of a process counted from now on (Linux)."""
    Path(f"/proc/{process}/clear_refs").write_text("5", encoding="ascii")


@dataclass(frozen=True)
class Cost:
    """Cost of a request to its receiver.

    :ivar longest_s: the longest wait of a C-ECHO beside it.
    :ivar growth_bytes: how far the process's memory rose above what it had.
    :ivar answer: status and comment of the final response; ``None`` where there was none.
    """

    longest_s: float
    growth_bytes: int
    answer: Response | None


def cost_of(port: int, process: int, name: str, data: bytes, syntax: str = EXPLICIT) -> Cost:
    """Send one request with a data set and wait for its answer, a C-ECHO beside it."""
    abstract_syntax, _ = REQUESTS[name]
    reset_peak(process)
    before = resident_bytes(process)
    with calling(port, abstract_syntax, syntax) as caller, EchoBeside(port) as beside:
        caller.send(pdata(pdv(1, 3, request_command(name))))
        caller.send_dataset(data)
        answer = caller.answer()
    return Cost(beside.longest_s, resident_bytes(process, "VmHWM") - before, answer)


def growth_of_unfinished(port: int, process: int, name: str, count: int, size: int) -> int:
    """Bytes that a process grows by ``count`` requests whose data sets of ``size`` bytes have no end."""
    abstract_syntax, _ = REQUESTS[name]
    block = bytes(120_000)
    reset_peak(process)
    before = resident_bytes(process)
    with contextlib.ExitStack() as stack:
        callers = [stack.enter_context(calling(port, abstract_syntax)) for _ in range(count)]
        for caller in callers:
            with contextlib.suppress(ConnectionError):  # it may well have had enough
                caller.send(pdata(pdv(1, 3, request_command(name))))
                for _ in range(size // len(block)):
                    caller.send_dataset(block, is_last=False)
        with EchoBeside(port):
            return resident_bytes(process, "VmHWM") - before
