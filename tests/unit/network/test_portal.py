"""A loop in a thread: results, faults, interrupts, and nothing left behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from dicomgui.network import LocalProtocolError, portal
from dicomgui.network.portal import Portal, PortalStopped, shared_portal

PATIENCE_S = 20.0


@pytest.fixture
def running() -> Iterator[Portal]:
    before = set(threading.enumerate())
    with Portal("test") as opened:
        yield opened
    assert set(threading.enumerate()) <= before


async def ever() -> None:
    await asyncio.Event().wait()


async def tasks() -> int:
    return len(asyncio.all_tasks()) - 2  # that of the portal and this one


def interrupt_when(monkeypatch: pytest.MonkeyPatch, ready: threading.Event, times: int = 1) -> None:
    """Have the waits of calling threads interrupted, as Ctrl-C does, once ``ready`` is set."""
    left = [KeyboardInterrupt] * times
    wait = portal.wait

    def interrupted(futures: tuple[Future[object], ...], timeout: float | None = None) -> object:
        if left:
            assert ready.wait(PATIENCE_S)
            raise left.pop()
        return wait(futures, timeout)

    monkeypatch.setattr(portal, "wait", interrupted)


def test_what_a_coroutine_returns_comes_back(running: Portal) -> None:
    async def twice(number: int) -> int:
        await asyncio.sleep(0)
        return number * 2

    assert running.run(lambda: twice(21)) == 42


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit])
def test_what_a_coroutine_raises_comes_back_and_the_loop_goes_on(running: Portal, kind: type[BaseException]) -> None:
    raised = kind("mine")

    async def fail() -> None:
        raise raised

    with pytest.raises(kind) as caught:
        running.run(fail)
    assert caught.value is raised
    assert running.run(tasks) == 0


def test_many_threads_at_once(running: Portal) -> None:
    together = 16

    async def meet(number: int) -> int:
        arrived.append(number)
        if len(arrived) == together:
            everybody.set()
        await everybody.wait()
        return number

    arrived: list[int] = []
    everybody = asyncio.Event()
    with ThreadPoolExecutor(together) as pool:
        assert list(pool.map(lambda n: running.run(lambda: meet(n)), range(together))) == list(range(together))


async def test_inside_a_running_loop() -> None:
    with Portal() as opened:
        assert opened.run(tasks) == 0


def test_an_interrupt_cancels_and_waits_for_the_end(running: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    started = threading.Event()
    ended = False

    async def work() -> None:
        nonlocal ended
        started.set()
        try:
            await ever()
        finally:
            await asyncio.sleep(0)
            ended = True

    interrupt_when(monkeypatch, started)
    with pytest.raises(KeyboardInterrupt):
        running.run(work)
    assert ended
    assert running.run(tasks) == 0


def test_a_second_interrupt_does_not_wait(running: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    started, may_end = threading.Event(), threading.Event()

    async def stubborn() -> None:
        started.set()
        try:
            await ever()
        finally:
            await asyncio.to_thread(may_end.wait, PATIENCE_S)

    interrupt_when(monkeypatch, started, times=2)
    with pytest.raises(KeyboardInterrupt):
        running.run(stubborn)
    assert running.run(tasks) == 1
    may_end.set()


def test_an_interrupt_before_the_loop_knows_of_the_call(running: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_call: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "_begin", interrupted)
    with pytest.raises(KeyboardInterrupt):
        running.run(ever)


def test_stopping_cancels_what_runs_and_tells_its_caller(running: Portal) -> None:
    started = threading.Event()

    async def work() -> None:
        started.set()
        await ever()

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(running.run, work)
        assert started.wait(PATIENCE_S)
        running.stop()
        with pytest.raises(PortalStopped):
            waiting.result(PATIENCE_S)
    assert not running.is_running


def test_stopping_can_wait_for_what_runs_until_it_is_told_to_cancel(running: Portal) -> None:
    started, go_on = threading.Event(), threading.Event()

    async def work() -> str:
        started.set()
        await asyncio.to_thread(go_on.wait, PATIENCE_S)
        return "done"

    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(running.run, work)
        assert started.wait(PATIENCE_S)
        stopping = pool.submit(running.stop, cancel=False)
        go_on.set()
        assert waiting.result(PATIENCE_S) == "done"
        stopping.result(PATIENCE_S)


def test_a_patient_stop_becomes_a_sharp_one(running: Portal) -> None:
    started = threading.Event()

    async def work() -> None:
        started.set()
        await ever()

    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(running.run, work)
        assert started.wait(PATIENCE_S)
        stopping = pool.submit(running.stop, cancel=False)
        running.stop()
        stopping.result(PATIENCE_S)
        with pytest.raises(PortalStopped):
            waiting.result(PATIENCE_S)


def test_nothing_runs_before_the_start_and_after_the_end() -> None:
    opened = Portal()
    with pytest.raises(PortalStopped):
        opened.run(ever)
    opened.stop()
    assert opened.call(lambda: 1) == 1
    with Portal() as opened:
        assert opened.call(threading.current_thread) is not threading.current_thread()
    opened.stop()
    with pytest.raises(PortalStopped):
        opened.run(ever)
    assert opened.call(threading.current_thread) is threading.current_thread()


def test_a_caller_in_the_loops_own_thread_is_refused(running: Portal) -> None:
    async def inside() -> int:
        for blocking in (lambda: running.run(ever), running.stop):
            with pytest.raises(LocalProtocolError):
                blocking()
        return running.call(lambda: 3)

    assert running.run(inside) == 3


def test_what_was_adopted_is_closed_and_what_was_disowned_is_not() -> None:
    closed = []

    async def first() -> None:
        closed.append(1)

    async def second() -> None:
        closed.append(2)

    with Portal() as opened:
        opened.adopt(first)
        opened.adopt(second)
        opened.disown(second)
        opened.disown(second)
    assert closed == [1]


def test_a_loop_that_cannot_be_made_is_told_to_the_starter(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**options: object) -> asyncio.Runner:
        raise OSError("too many open files")

    monkeypatch.setattr(asyncio, "Runner", fail)
    with pytest.raises(OSError, match="too many open files"):
        Portal().start()


def test_the_shared_one_lives_as_long_as_it_has_users() -> None:
    with shared_portal() as first:
        with shared_portal() as second:
            assert second is first
        assert first.is_running
    assert not first.is_running
    with shared_portal() as third:
        assert third is not first


def test_a_shared_one_that_was_stopped_is_replaced() -> None:
    with shared_portal() as first:
        first.stop()
        with shared_portal() as second:
            assert second is not first
