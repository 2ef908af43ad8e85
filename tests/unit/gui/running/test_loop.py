"""The loop keeps asyncio's contract, which qasync's own does not."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
import threading
import time

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from dicomgui.gui.running.loop import EXECUTOR_THREADS, AppLoop, new_event_loop
from dicomgui.network import connect, presets, serve

pytestmark = pytest.mark.qt


def loop() -> AppLoop:
    running = asyncio.get_running_loop()
    assert isinstance(running, AppLoop)
    return running


async def after(delay_s: float) -> None:
    """What ``asyncio.sleep`` does, by the loop's own means."""
    done: asyncio.Future[None] = loop().create_future()
    loop().call_later(delay_s, done.set_result, None)
    await done


async def test_it_is_the_loop_of_these_tests() -> None:
    assert type(asyncio.get_running_loop()) is AppLoop


@pytest.mark.parametrize("delay_s", [0.0005, 0.003, 0.0204, 0.051])
async def test_a_sleep_never_ends_too_early(delay_s: float) -> None:
    start = time.monotonic()
    await after(delay_s)
    assert time.monotonic() - start >= delay_s


async def test_handles_run_in_the_order_of_their_times() -> None:
    done: asyncio.Future[None] = loop().create_future()
    order: list[str] = []
    loop().call_later(0.03, order.append, "third")
    loop().call_later(0.01, order.append, "second")
    loop().call_soon(order.append, "first")
    loop().call_later(0.05, done.set_result, None)
    await done
    assert order == ["first", "second", "third"]


async def test_a_handle_tells_when_and_can_be_cancelled() -> None:
    called: list[int] = []
    when = loop().time() + 0.01
    handle = loop().call_at(when, called.append, 1)
    assert handle.when() == when
    handle.cancel()
    await after(0.03)
    assert not called


async def test_cancelled_timers_cost_nothing() -> None:
    """Twenty thousand that were cancelled leave nothing behind: neither Qt timers nor entries."""
    for handle in [loop().call_later(3600, print) for _ in range(20_000)]:
        handle.cancel()
    assert len(loop()._heap) <= 200
    start = time.perf_counter()
    for _ in range(2000):
        await asyncio.sleep(0)
    assert time.perf_counter() - start < 2


async def test_call_soon_threadsafe_wakes_the_loop_and_gives_a_handle() -> None:
    done: asyncio.Future[int] = loop().create_future()
    running = loop()
    handles: list[asyncio.Handle] = []
    thread = threading.Thread(target=lambda: handles.append(running.call_soon_threadsafe(done.set_result, 7)))
    thread.start()
    assert await done == 7
    thread.join()
    assert not handles[0].cancelled()


async def test_many_calls_from_threads_all_arrive_in_order() -> None:
    running, got = loop(), []
    done: asyncio.Future[None] = running.create_future()

    def work(name: int) -> None:
        for number in range(500):
            running.call_soon_threadsafe(got.append, (name, number))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    await asyncio.to_thread(lambda: [thread.join() for thread in threads])
    running.call_soon_threadsafe(done.set_result, None)
    await done
    assert [[n for name, n in got if name == wanted] for wanted in range(4)] == [list(range(500))] * 4


async def test_the_executor_is_small() -> None:
    names = await asyncio.gather(
        *(loop().run_in_executor(None, lambda: threading.current_thread().name) for _ in range(20))
    )
    assert 1 <= len(set(names)) <= EXECUTOR_THREADS


async def test_qt_gets_its_turn_while_callbacks_never_end() -> None:
    """A chain of callbacks does not keep Qt's timers, and so clicks and painting, from their turn."""
    ticks = 0
    done: asyncio.Future[None] = loop().create_future()

    def tick() -> None:
        nonlocal ticks
        ticks += 1
        if ticks == 5 and not done.done():
            done.set_result(None)

    def spin() -> None:
        if not done.done():
            loop().call_soon(spin)
            time.perf_counter_ns()

    timer = QTimer()
    timer.timeout.connect(tick)
    timer.start(5)
    for _ in range(50):
        loop().call_soon(spin)
    await done
    timer.stop()


async def test_it_counts_the_slices_in_which_it_could_not_do_all() -> None:
    for _ in range(3):
        loop().call_soon(time.sleep, 0.006)
    await asyncio.sleep(0)
    assert loop().take_overruns() >= 1
    assert loop().take_overruns() == 0, "they are counted once"


@pytest.mark.skipif(sys.platform == "win32", reason="its loop watches no sockets")
async def test_qt_gets_its_turn_while_a_socket_is_always_ready() -> None:
    done: asyncio.Future[None] = loop().create_future()
    calls: list[int] = []
    timer = QTimer()
    timer.timeout.connect(lambda: done.done() or done.set_result(None))
    here, there = socket.socketpair()
    with here, there:
        there.send(b"x")
        loop().add_reader(here, calls.append, 1)  # nobody reads: it stays ready
        timer.start(20)
        await done
        timer.stop()
        loop().remove_reader(here)
        count = len(calls)
        await after(0.01)
        assert len(calls) == count > 1


@pytest.mark.skipif(sys.platform == "win32", reason="its loop watches no sockets")
async def test_a_ready_socket_is_called_once_for_each_look() -> None:
    """A callback that waits for the next slice is not queued a second time."""
    got: list[bytes] = []
    here, there = socket.socketpair()
    with here, there:
        here.setblocking(False)
        loop().add_reader(here, lambda: got.append(here.recv(1)))
        for number in range(200):
            loop().call_soon(time.perf_counter)
            there.send(bytes((number,)))
        while len(got) < 200:
            loop().call_soon(threading.Event().wait, 0.006)  # longer than a slice
            await asyncio.sleep(0)
        loop().remove_reader(here)
    assert got == [bytes((number,)) for number in range(200)]


@pytest.mark.skipif(sys.platform == "win32", reason="asyncio needs another loop there")
async def test_programs_can_be_started_and_awaited() -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "print(7)", stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert (process.returncode, output.strip()) == (0, b"7")


async def test_an_exception_in_a_callback_reaches_the_handler() -> None:
    seen: list[object] = []
    loop().set_exception_handler(lambda _loop, context: seen.append(context["exception"]))
    loop().call_soon(lambda: 1 / 0)
    await after(0.01)
    assert isinstance(seen[0], ZeroDivisionError)


async def test_slow_callbacks_are_told_in_debug_mode(caplog: pytest.LogCaptureFixture) -> None:
    loop().set_debug(True)
    loop().slow_callback_duration = 0.001
    event = threading.Event()
    loop().call_soon(event.wait, 0.005)
    await after(0.02)
    loop().set_debug(False)
    assert "took" in caplog.text


@pytest.mark.skipif(sys.platform == "win32", reason="asyncio has no signal handlers there")
async def test_a_signal_wakes_the_loop() -> None:
    done: asyncio.Future[None] = loop().create_future()
    loop().add_signal_handler(signal.SIGUSR1, done.set_result, None)
    os.kill(os.getpid(), signal.SIGUSR1)
    await done
    loop().remove_signal_handler(signal.SIGUSR1)


@pytest.mark.any_loop
async def test_the_protocol_runs_the_same_on_both_loops() -> None:
    server = await serve(port=0)
    async with server, connect(f"DICOMGUI@127.0.0.1:{server.port}", contexts=presets.VERIFICATION) as association:
        answers = await asyncio.gather(*(association.echo() for _ in range(20)))
    assert all(answer.status.is_success for answer in answers)


def test_nothing_runs_while_the_loop_stands_still(qapp: QApplication) -> None:
    """Qt's events may be processed between two runs, and are at the end of each."""
    made = new_event_loop()
    steps: list[asyncio.AbstractEventLoop] = []

    async def step() -> None:
        steps.append(asyncio.get_running_loop())

    for _ in range(3):
        task = made.create_task(step())
        qapp.processEvents()
        assert not task.done()
        made.run_until_complete(task)
    assert steps == [made] * 3
    made.close()


def test_a_loop_can_be_made_again_and_refuses_work_when_closed(qapp: object) -> None:
    for _ in range(3):
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            assert runner.run(asyncio.sleep(0, "x")) == "x"
            made = runner.get_loop()
    with pytest.raises(RuntimeError, match="closed"):
        made.call_soon(print)
    with pytest.raises(RuntimeError, match="closed"):
        made.call_soon_threadsafe(print)
    gc.collect()


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_what_ends_the_program_ends_the_loop(qapp: object, error: BaseException) -> None:
    def leave() -> None:
        raise error

    made = new_event_loop()
    made.call_soon(leave)
    with pytest.raises(type(error)):
        made.run_forever()
    made.close()
