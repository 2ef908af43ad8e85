"""The driver between asyncio and the state machine, on a transport without a line."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from helpers.bad_peer import reached, time_passes
from helpers.clocks import LeapingClock
from helpers.playbook import AC

from dicomgui.network.association.events import Aborted, AssociateRequested, Indication
from dicomgui.network.association.machine import UpperLayer
from dicomgui.network.association.params import Limits
from dicomgui.network.errors import ConnectError, RemoteProtocolError
from dicomgui.network.pdu import (
    PDV,
    ApplicationContext,
    AssociateRQ,
    PDataTF,
    PresentationContextRQ,
    UserInformation,
)
from dicomgui.network.tracing import CloseRecord, NoteRecord, Record, Role, Scribe, TimerRecord
from dicomgui.network.transport import AssociationTransport, protocol, socket_place, sockets

REQUEST = AssociateRQ(
    "CALLED",
    "CALLING",
    (
        ApplicationContext(),
        PresentationContextRQ(1, "1.2.840.10008.1.1", ("1.2.840.10008.1.2",)),
        UserInformation(()),
    ),
).encode()
DATA = PDataTF((PDV(1, 2, b"data"),)).encode()


class Line(asyncio.Transport):
    """Notes what is done to it."""

    def __init__(self, sock: object = None) -> None:
        super().__init__({"sockname": ("::1", 104, 0, 0), "peername": None, "socket": sock})
        self.calls: list[str] = []
        self.written = b""
        self.unsent = 0
        self.closing = False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        assert not self.closing
        self.written += bytes(data)

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True
        self.calls.append("close")

    def abort(self) -> None:
        self.closing = True
        self.calls.append("abort")

    def pause_reading(self) -> None:
        self.calls.append("pause")

    def resume_reading(self) -> None:
        self.calls.append("resume")


class User:
    """Notes what it is told; raises where it is told to."""

    is_receiving = False

    def __init__(self) -> None:
        self.events: list[Indication] = []
        self.timeouts: list[str] = []
        self.closed: list[OSError | None] = []
        self.failed: list[ConnectError] = []
        self.fault: Exception | None = None

    def transport_ready(self, transport: AssociationTransport) -> None:
        pass

    def handle_event(self, event: Indication) -> None:
        self.events.append(event)
        if self.fault is not None:
            raise self.fault

    def timed_out(self, name: str, seconds: float) -> None:
        self.timeouts.append(name)

    def transport_failed(self, error: ConnectError) -> None:
        self.failed.append(error)

    def transport_closed(self, error: OSError | None) -> None:
        self.closed.append(error)


class Stage:
    """One acceptor's driver."""

    def __init__(self, *, sock: object = None, send_s: float | None = 0.02, artim_s: float = 30.0) -> None:
        self.records: list[Record] = []
        self.user = User()
        self.line = Line(sock)
        self.machine = UpperLayer(Role.ACCEPTOR, limits=Limits(), artim_s=artim_s)
        self.driver = AssociationTransport(
            self.machine, self.user, Scribe(self.records.append, 7), role=Role.ACCEPTOR, send_s=send_s
        )
        self.driver.connection_made(self.line)

    def receive(self, data: bytes) -> None:
        window = self.driver.get_buffer(-1)
        window[: len(data)] = data
        self.driver.buffer_updated(len(data))

    async def end(self) -> None:
        self.driver.connection_lost(None)
        await self.driver.closed


class StubbornSocket:
    """A socket that takes no options, as some systems and TLS wrappers have."""

    def __init__(self, works: int = 0) -> None:
        self.works = works
        self.tries = 0

    def setsockopt(self, *args: object) -> None:
        self.tries += 1
        if self.tries > self.works:
            raise OSError("no such option")

    def fileno(self) -> int:
        return -1


async def test_back_pressure_is_counted_and_a_peer_that_never_reads_times_out() -> None:
    stage = Stage()
    stage.driver.pause_writing()
    stage.driver.hold()
    waiting = asyncio.ensure_future(stage.driver.drain())
    second = asyncio.ensure_future(stage.driver.drain())
    await asyncio.sleep(0)
    assert not stage.driver.is_writable
    assert stage.line.calls == ["pause"]
    stage.driver.resume_writing()
    await asyncio.gather(waiting, second)
    assert stage.line.calls == ["pause"]
    stage.driver.unhold()
    assert stage.line.calls == ["pause", "resume"]
    stage.driver.pause_writing()
    await reached(lambda: stage.user.timeouts != [], "the time is up")
    assert stage.user.timeouts == ["send"]
    assert [record.name for record in stage.records if isinstance(record, TimerRecord)] == ["send"]
    stage.driver.give_up()
    await stage.driver.drain()
    await stage.end()


async def test_a_waiting_sender_that_is_cancelled_harms_no_other() -> None:
    stage = Stage(send_s=None)
    stage.driver.pause_writing()
    first, second = (asyncio.ensure_future(stage.driver.drain()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    stage.driver.resume_writing()
    await second
    assert first.cancelled()
    await stage.end()


@pytest.mark.parametrize("works", [0, 1])
async def test_a_socket_that_knows_no_options_is_used_without_them(works: int) -> None:
    sock = StubbornSocket(works)
    stage = Stage(sock=sock)
    stage.receive(b"\1")
    tries = sock.tries
    stage.receive(b"\0")
    assert sock.tries == tries
    await stage.end()


async def test_the_end_is_told_once_and_by_whom() -> None:
    stage = Stage()
    assert stage.driver.eof_received() is False
    await stage.end()
    assert stage.user.closed == [None]
    assert [record.by_peer for record in stage.records if isinstance(record, CloseRecord)] == [True]
    stage.driver.close()
    stage.driver.cut()
    stage.driver.flush()
    stage.driver.hold()
    stage.driver.unhold()
    stage.driver.set_deadline("late", 0.001)
    assert stage.driver.is_closing


async def test_whoever_waits_for_the_close_is_told_of_it() -> None:
    stage = Stage()
    stage.driver.close()
    loop = asyncio.get_running_loop()
    waiting = [loop.create_task(stage.driver.wait_closed(60.0)) for _ in range(2)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert waiting[0].cancelled()
    assert stage.line.calls[-1] == "abort"  # who is cancelled waits for nobody
    stage.driver.connection_lost(None)
    await waiting[1]
    await stage.driver.wait_closed(60.0)


async def test_a_peer_that_does_not_close_is_cut() -> None:
    stage = Stage()
    waiting = asyncio.get_running_loop().create_task(stage.driver.wait_closed(0.01))
    await reached(lambda: "abort" in stage.line.calls, "the time is up")
    assert not waiting.done()
    stage.driver.connection_lost(None)
    await waiting


@pytest.mark.parametrize("fault", [None, ZeroDivisionError()])
async def test_that_it_is_gone_is_told_last_whatever_its_user_does(
    fault: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage()
    told: list[object] = []

    def closed(error: OSError | None) -> None:
        told.append("user")
        if fault is not None:
            raise fault

    monkeypatch.setattr(stage.user, "transport_closed", closed)
    stage.driver._on_gone = lambda: told.append(stage.driver.closed.done())
    with suppress(ZeroDivisionError):
        stage.driver.connection_lost(None)
    assert told == ["user", True]


async def test_our_own_close_is_told_as_ours_and_is_cut_when_it_takes_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(protocol, "FLUSH_TIMEOUT_S", 0.01)
    stage = Stage()
    stage.line.unsent = 1
    stage.driver.close()
    stage.driver.close()
    assert stage.line.calls == ["close"]
    await reached(lambda: stage.line.calls[-1] == "abort", "the time is up")
    stage.driver.connection_lost(ConnectionResetError("reset"))
    assert stage.user.timeouts == []
    assert [record.by_peer for record in stage.records if isinstance(record, CloseRecord)] == [False]
    assert isinstance(stage.user.closed[0], ConnectionResetError)


async def test_artim_cuts_a_peer_that_does_not_read() -> None:
    stage = Stage(artim_s=0.01)
    await reached(lambda: stage.line.calls != [], "the time is up")
    assert stage.line.calls[-1] == "abort"
    await stage.end()


async def test_a_fault_of_the_user_aborts_and_is_noted(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage()
    stage.user.fault = RuntimeError("inside")
    with caplog.at_level(logging.CRITICAL):
        stage.receive(REQUEST)
    assert stage.line.written[:1] == b"\7"
    assert any("inside" in record.text for record in stage.records if isinstance(record, NoteRecord))
    await stage.end()


@pytest.mark.parametrize("error", [None, ConnectionResetError("reset")])
async def test_a_fault_of_the_user_at_the_end_does_not_keep_the_connection_from_ending(
    error: OSError | None, caplog: pytest.LogCaptureFixture
) -> None:
    stage = Stage()
    stage.receive(REQUEST)
    stage.user.fault = RuntimeError("inside")
    with caplog.at_level(logging.CRITICAL):
        stage.driver.connection_lost(error)
    assert stage.driver.closed.done()
    assert stage.user.closed == [error]


async def test_an_idle_time_counts_from_the_last_byte_and_not_while_we_do_not_read() -> None:
    stage = Stage()
    stage.driver.set_idle_timeout(0.03)
    stage.driver.hold()
    await time_passes(0.06)
    assert stage.user.timeouts == []
    stage.driver.unhold()
    await reached(lambda: stage.user.timeouts != [], "the time is up")
    assert stage.user.timeouts == ["idle"]
    await stage.end()


async def test_an_earlier_deadline_comes_before_a_later_one() -> None:
    stage = Stage()
    stage.driver.set_deadline("late", 5.0)
    stage.driver.set_deadline("soon", 0.01)
    stage.driver.set_deadline("never", 0.01)
    stage.driver.set_deadline("never", None)
    await reached(lambda: stage.user.timeouts != [], "the time is up")
    assert stage.user.timeouts == ["soon"]
    await stage.end()


async def test_a_peer_that_is_much_work_is_read_in_smaller_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    whole = len(stage.driver.get_buffer(-1))
    monkeypatch.setattr(protocol, "READ_SLICE_S", -1.0)
    for _ in range(10):
        stage.receive(b"")
    assert len(stage.driver.get_buffer(-1)) == protocol.LEAST_READ_BYTES
    monkeypatch.setattr(protocol, "READ_SLICE_S", 1000.0)
    for _ in range(10):
        stage.receive(b"")
    assert len(stage.driver.get_buffer(-1)) == whole
    await stage.end()


def filling(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Four P-DATA-TF PDUs that fill what one read takes, which is made small for that."""
    with monkeypatch.context() as patch:
        patch.setattr(protocol, "READ_SLICE_S", -1.0)
        for _ in range(5):
            stage.receive(b"")
    return PDataTF((PDV(1, 0, bytes(4096 - 12)),)).encode() * (protocol.LEAST_READ_BYTES // 4096)


@contextmanager
def over_sockets(monkeypatch: pytest.MonkeyPatch, longest_s: float) -> Iterator[tuple[Stage, Answering, socket.socket]]:
    """An association that may read on for so long, and the peer's end of its connection."""
    monkeypatch.setattr(sockets, "_QUICKACK", None)  # which only a TCP socket has
    monkeypatch.setattr(protocol, "READ_ON_S", longest_s)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        stage, user, _ = answering(ours)
        yield stage, user, theirs


@pytest.mark.parametrize(("held", "longest_s", "pieces"), [(False, 60.0, 9), (False, -1.0, 4), (True, 60.0, 4)])
async def test_a_read_that_was_full_is_followed_by_another_one_at_once_for_a_while(
    monkeypatch: pytest.MonkeyPatch, held: bool, longest_s: float, pieces: int
) -> None:
    with over_sockets(monkeypatch, longest_s) as (stage, user, theirs):
        full = filling(stage, monkeypatch)
        if held:
            stage.driver.hold()
        theirs.sendall(full + DATA)
        user.events.clear()
        stage.receive(full)
        assert len(user.events) == pieces
        await stage.end()


@pytest.mark.parametrize(("is_receiving", "pieces"), [(True, 2), (False, 1)])
async def test_a_read_in_the_middle_of_a_message_is_followed_by_another_one_at_once(
    monkeypatch: pytest.MonkeyPatch, is_receiving: bool, pieces: int
) -> None:
    """A peer writes command and data set one after the other: the second has come while the first was judged."""
    with over_sockets(monkeypatch, 60.0) as (stage, user, theirs):
        user.is_receiving = is_receiving
        theirs.sendall(DATA)
        user.events.clear()
        stage.receive(DATA)
        assert len(user.events) == pieces
        await stage.end()


async def test_a_connection_found_lost_while_reading_on_is_told_as_such(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lost(connection: socket.socket, buffer: memoryview) -> int:
        raise ConnectionResetError("reset")

    stage, user, line = answering(NotingSocket())
    full = filling(stage, monkeypatch)
    monkeypatch.setattr(protocol, "read_on", lost)
    stage.receive(full)
    assert line.calls == ["abort"]
    await stage.end()
    assert isinstance(user.closed[0], ConnectionResetError)
    assert [record.by_peer for record in stage.records if isinstance(record, CloseRecord)] == [True]


async def test_a_timer_that_is_late_looks_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop stood still: what came meanwhile is read before the time is said to be over."""
    clock = LeapingClock(monkeypatch)
    stage = Stage(artim_s=1e6)
    stage.driver.set_idle_timeout(50.0)
    clock.sleep(3600.0)
    stage.driver._deadlines._fire()
    assert stage.user.timeouts == []
    stage.receive(b"\1")
    stage.driver._deadlines._fire()
    assert stage.user.timeouts == []
    clock.sleep(3600.0)
    stage.driver._deadlines._fire()
    assert stage.user.timeouts == []
    stage.driver._deadlines._fire()
    assert stage.user.timeouts == ["idle"]
    await stage.end()


async def test_nothing_is_written_to_a_connection_that_is_closing() -> None:
    stage = Stage()
    stage.line.closing = True
    stage.receive(b"GET / HTTP/1.1\r\n")
    assert stage.line.written == b""
    await stage.end()


@pytest.mark.parametrize(
    ("address", "text"),
    [(("127.0.0.1", 104), "127.0.0.1:104"), (("::1", 104, 0, 0), "[::1]:104"), (None, ""), (b"unix", ""), ((), "")],
)
def test_places(address: object, text: str) -> None:
    assert socket_place(address) == text


WAITING = {
    "the rest": (REQUEST[40:], None, [AssociateRequested]),
    "rubbish": (bytes(100), None, []),
    "the rest, and the user is at fault": (REQUEST[40:], RuntimeError("inside"), [AssociateRequested, Aborted]),
    "the rest, and the peer is at fault": (REQUEST[40:], RemoteProtocolError("fault"), [AssociateRequested]),
    "nothing": (b"", None, []),
}


def connected() -> tuple[socket.socket, socket.socket]:
    """Two ends of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        theirs = socket.create_connection(listener.getsockname())
        return listener.accept()[0], theirs


@pytest.mark.parametrize("name", WAITING)
async def test_what_had_come_before_a_write_failed_is_read_to_the_end(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An A-ABORT that waits in the socket says why the peer has closed."""
    waiting, fault, events = WAITING[name]
    ours, theirs = connected()
    with ours, theirs, caplog.at_level(logging.CRITICAL):
        ours.setblocking(False)
        stage = Stage(sock=ours)
        stage.receive(REQUEST[:40])
        theirs.sendall(waiting)
        theirs.close()
        stage.user.fault = fault
        stage.driver.connection_lost(BrokenPipeError("pipe"))
        assert [type(event) for event in stage.user.events[: len(events)]] == events
        assert isinstance(stage.user.closed[0], BrokenPipeError)
        assert stage.driver.closed.done()


class Answering(User):
    """Accepts the association, and answers each piece of data with ``answers``."""

    def __init__(self) -> None:
        super().__init__()
        self.driver: AssociationTransport | None = None
        self.answers: list[bytes] = []
        self.then = ""

    def transport_ready(self, transport: AssociationTransport) -> None:
        self.driver = transport

    def handle_event(self, event: Indication) -> None:
        assert self.driver is not None
        if isinstance(event, AssociateRequested):
            self.driver._machine.accept(AC, 0.0)
            return
        self.events.append(event)
        for answer in self.answers:
            self.driver.send_whole(answer)
        if self.then:
            getattr(self.driver, self.then)()


class CountingLine(Line):
    """Notes each write by itself."""

    def __init__(self, sock: object = None) -> None:
        super().__init__(sock)
        self.writes: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        super().write(data)
        self.writes.append(bytes(data))


class NotingSocket:
    """Notes which options it is given."""

    def __init__(self) -> None:
        self.options: list[int] = []

    def setsockopt(self, level: int, name: int, value: int) -> None:
        self.options.append(name)


def answering(sock: object = None, observer: Any = None) -> tuple[Stage, Answering, CountingLine]:
    """A driver whose association stands."""
    stage = Stage()
    user, line = Answering(), CountingLine(sock)
    stage.user, stage.line = user, line
    stage.machine = UpperLayer(Role.ACCEPTOR, limits=Limits(), artim_s=30.0)
    stage.driver = AssociationTransport(
        stage.machine, user, Scribe(stage.records.append, 7), role=Role.ACCEPTOR, send_s=0.02, observer=observer
    )
    stage.driver.connection_made(line)
    stage.receive(REQUEST)
    line.writes.clear()
    return stage, user, line


async def test_what_is_answered_in_one_read_is_written_once() -> None:
    stage, user, line = answering()
    user.answers = [b"answer"]
    stage.receive(DATA * 3)
    assert line.writes == [b"answer" * 3]
    await stage.end()


async def test_long_answers_are_written_without_a_copy_of_all() -> None:
    stage, user, line = answering()
    user.answers = [bytes(40_000)]
    stage.receive(DATA * 2)
    assert line.writes == user.answers * 2
    await stage.end()


async def test_the_peer_has_its_answer_before_the_trace_has_it() -> None:
    written: list[list[bytes]] = []

    class Watching:
        def sent(self, *pdu: object) -> None:
            written.append(list(line.writes))

    stage, user, line = answering(observer=Watching())
    user.answers = [b"answer"]
    stage.receive(DATA)
    assert written == [[b"answer"]]
    await stage.end()


@pytest.mark.parametrize("then", ["cut", "close"])
async def test_what_was_answered_before_the_connection_is_closed_goes_out(then: str) -> None:
    stage, user, line = answering()
    user.answers, user.then = [b"the answer"], then
    stage.receive(DATA)
    assert line.writes == [b"the answer"]
    assert line.closing
    await stage.end()


async def test_only_what_is_not_answered_is_acknowledged_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "_QUICKACK", 4711)
    sock = NotingSocket()
    stage, user, _ = answering(sock)
    sock.options.clear()
    stage.receive(DATA)
    assert sock.options == [4711]
    user.answers = [b"the answer"]
    stage.receive(DATA)
    assert sock.options == [4711]
    await stage.end()
