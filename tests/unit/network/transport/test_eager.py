"""A loop that looks a moment longer before it sleeps."""

from __future__ import annotations

import asyncio
import os
import selectors
import socket
import sys
import time
from collections.abc import Iterator

import pytest

from dicomgui.network.transport.eager import EagerSelector, eager_event_loop

VERY_LONG_S = 600.0


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


class System:
    """Answers for the system: each look takes 10 µs, a sleep as long as is said.

    :ivar asked: how long it was asked to wait, each time; ``None`` for ever.
    :ivar answers_at: before it is asked so often, the peer has sent something.
    """

    def __init__(self, peer: socket.socket) -> None:
        self.asked: list[float | None] = []
        self.answers_at = 4
        self.sleep_s = 0.0
        self.now = 1000.0
        self._peer = peer
        self._select = selectors.DefaultSelector.select

    def select(
        self, selector: selectors.DefaultSelector, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        self.asked.append(timeout)
        self.now += 0.00001 if timeout == 0 else self.sleep_s
        if len(self.asked) == self.answers_at:
            self._peer.send(b"answer")
        return self._select(selector, 0)


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch, pair: tuple[socket.socket, socket.socket]) -> System:
    system = System(pair[1])
    monkeypatch.setattr(selectors.DefaultSelector, "select", lambda *arguments: system.select(*arguments))
    monkeypatch.setattr(time, "monotonic", lambda: system.now)
    return system


def selector_of(place: socket.socket, look_s: float | None) -> EagerSelector:
    selector = EagerSelector(look_s)
    selector.register(place, selectors.EVENT_READ)
    return selector


def test_after_a_short_wait_it_looks_until_something_comes(
    pair: tuple[socket.socket, socket.socket], system: System
) -> None:
    with selector_of(pair[0], 0.001) as selector:
        selector.waited(0.0)
        selector.expect()
        assert [key.fileobj for key, _ in selector.select(None)] == [pair[0]]
    assert system.asked == [0, 0, 0, 0]


def test_it_sleeps_where_nothing_was_sent(pair: tuple[socket.socket, socket.socket], system: System) -> None:
    """Who only receives takes more at once if it sleeps meanwhile."""
    with selector_of(pair[0], 0.001) as selector:
        selector.waited(0.0)
        selector.select(None)
        assert selector.look() == []
    assert system.asked == [None, 0]


def test_what_was_expected_once_is_looked_for_once(pair: tuple[socket.socket, socket.socket], system: System) -> None:
    with selector_of(pair[0], 0.001) as selector:
        selector.waited(0.0)
        selector.expect()
        selector.select(None)
        looks = len(system.asked)
        selector.select(None)
    assert system.asked[looks:] == [None]


def test_it_sleeps_at_first(pair: tuple[socket.socket, socket.socket], system: System) -> None:
    with selector_of(pair[0], 0.001) as selector:
        selector.expect()
        selector.select(None)
    assert system.asked == [None]


def test_a_short_sleep_has_it_look_the_next_time(pair: tuple[socket.socket, socket.socket], system: System) -> None:
    system.sleep_s = 0.0005
    with selector_of(pair[0], 0.001) as selector:
        selector.select(None)
        selector.expect()
        selector.select(None)
    assert system.asked == [None, 0, 0, 0]


def test_a_wait_that_was_long_in_all_has_it_sleep_the_next_time_however_short_its_sleep_was(
    pair: tuple[socket.socket, socket.socket], system: System
) -> None:
    """Otherwise it would look in vain every second time, where a peer takes a little longer than it looks."""
    system.answers_at, system.sleep_s = 10, 0.00001
    with selector_of(pair[0], 0.000035) as selector:
        selector.waited(0.0)
        selector.expect()
        selector.select(None)
        assert system.asked == [0, 0, 0, 0, None]
        selector.expect()
        selector.select(None)
    assert system.asked[5:] == [None]


def test_it_never_looks_longer_than_it_may_wait(pair: tuple[socket.socket, socket.socket], system: System) -> None:
    system.answers_at = 0
    with selector_of(pair[0], VERY_LONG_S) as selector:
        selector.waited(0.0)
        selector.expect()
        assert selector.select(0.000025) == []
        assert selector.select(0) == []
    assert system.asked[:3] == [0, 0, 0]
    assert system.asked[-1] == 0
    assert all(timeout is not None and timeout <= 0 for timeout in system.asked)  # the sleep has nothing left of it


def test_a_loop_that_sleeps_elsewhere_gets_what_comes_in_a_moment(
    pair: tuple[socket.socket, socket.socket], system: System
) -> None:
    with selector_of(pair[0], 0.001) as selector:
        assert selector.look() == []
        selector.waited(0.0)
        selector.expect()
        assert [key.fileobj for key, _ in selector.look()] == [pair[0]]
    assert system.asked == [0, 0, 0, 0]


def test_a_look_in_vain_is_the_last_until_a_short_wait_is_told(
    pair: tuple[socket.socket, socket.socket], system: System
) -> None:
    system.answers_at = 0
    with selector_of(pair[0], 0.000025) as selector:
        selector.waited(0.0)
        selector.expect()
        assert selector.look() == []
        looks = len(system.asked)
        selector.expect()
        assert selector.look() == []
    assert looks > 2
    assert len(system.asked) == looks + 1


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not say which processors may be used")
def test_on_a_single_processor_it_never_looks(
    monkeypatch: pytest.MonkeyPatch, pair: tuple[socket.socket, socket.socket], system: System
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {0})
    with selector_of(pair[0], None) as selector:
        selector.waited(0.0)
        selector.expect()
        selector.select(None)
    assert system.asked == [None]


def test_asyncio_keeps_its_contract_on_such_a_loop() -> None:
    """Timers, threads and sockets, one after the other in quick turns."""

    async def ping_pong() -> list[bytes]:
        loop = asyncio.get_running_loop()
        server = await asyncio.start_server(_echo, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            got = []
            for number in range(200):
                writer.write(b"%d\n" % number)
                got.append(await reader.readline())
                if number % 50 == 0:
                    called = loop.create_future()
                    loop.call_later(0.001, called.set_result, None)
                    await called
                    await loop.run_in_executor(None, os.getpid)
            writer.close()
            await writer.wait_closed()
        return got

    with asyncio.Runner(loop_factory=eager_event_loop) as runner:
        assert runner.run(ping_pong()) == [b"%d\n" % number for number in range(200)]


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        writer.write(line)
    writer.close()
