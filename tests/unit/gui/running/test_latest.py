from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from pytestqt.qtbot import QtBot

from dicomgui.gui.running.latest import Latest


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as made:
        yield made


def test_only_the_newest_is_answered(qtbot: QtBot, pool: ThreadPoolExecutor) -> None:
    gate = threading.Event()
    ran: list[int] = []
    got: list[int] = []
    failures: list[str] = []
    latest = Latest(pool, failures.append)

    def work(number: int) -> int:
        gate.wait(10)
        ran.append(number)
        return number

    for number in range(5):
        latest.ask(lambda number=number: work(number), got.append)
    assert latest.is_busy
    gate.set()
    qtbot.waitUntil(lambda: not latest.is_busy)
    assert (sorted(ran), got, failures) == ([0, 1, 4], [4], [])


def test_what_is_not_wanted_any_more_holds_nobody_up(qtbot: QtBot, pool: ThreadPoolExecutor) -> None:
    gate = threading.Event()
    got: list[object] = []
    latest = Latest(pool, got.append)
    latest.ask(lambda: gate.wait(10), got.append)
    latest.ask(lambda: "new", got.append)
    qtbot.waitUntil(lambda: not latest.is_busy)
    assert got == ["new"]
    gate.set()
    qtbot.waitUntil(lambda: not latest._running)
    assert got == ["new"]


def test_a_failure_is_told_unless_it_is_of_no_interest_any_more(
    qtbot: QtBot, pool: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    failures: list[str] = []
    latest = Latest(pool, failures.append)

    def fail() -> None:
        raise ValueError("bad byte")

    latest.ask(fail, failures.append)
    qtbot.waitUntil(lambda: bool(failures))
    assert failures == ["cannot be read: ValueError: bad byte"]
    latest.ask(fail, failures.append)
    latest.forget()
    assert not latest.is_busy
    qtbot.waitUntil(lambda: not latest._running)
    assert len(failures) == 1
    assert len(caplog.records) == 2


def test_where_no_thread_is_left_nothing_happens(qtbot: QtBot) -> None:
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    latest = Latest(pool, lambda text: None)
    latest.ask(lambda: 1, lambda number: None)
    assert not latest.is_busy
