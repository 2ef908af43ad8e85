"""Several deadlines, one timer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dicomgui.network.transport.deadlines import Deadlines


class Watch:
    """Deadlines on a loop whose time stands still until the test says otherwise, and what they told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.armed: list[float] = []
        loop = asyncio.get_running_loop()
        call_at = loop.call_at

        def noted(when: float, *rest: Any, **options: Any) -> asyncio.TimerHandle:
            self.armed.append(when - 1000.0)
            return call_at(when, *rest, **options)

        monkeypatch.setattr(loop, "time", lambda: self.now)
        monkeypatch.setattr(loop, "call_at", noted)
        self.told: list[list[tuple[str, float]]] = []
        self.deadlines = Deadlines(loop, lambda now: self.told.append(self.deadlines.due(now)))

    def fire(self, at: float) -> None:
        self.now = 1000.0 + at
        self.deadlines._fire()


@pytest.fixture
async def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(monkeypatch)


async def test_only_an_earlier_deadline_moves_the_timer(watch: Watch) -> None:
    watch.deadlines.set("late", 30.0, 30.0)
    watch.deadlines.set("later", 60.0, 60.0)
    watch.deadlines.arm(1040.0)
    watch.deadlines.arm(None)
    assert watch.armed == [30.0]
    watch.deadlines.set("soon", 5.0, 8.0)
    assert watch.armed == [30.0, 5.0]
    assert watch.deadlines.first() == 1005.0
    watch.fire(5.0)
    assert watch.told == [[("soon", 8.0)]]
    assert watch.deadlines.first() == 1030.0
    watch.deadlines.end()


async def test_what_is_dropped_is_not_told(watch: Watch) -> None:
    watch.deadlines.set("given up", 1.0, 1.0)
    watch.deadlines.drop("given up")
    watch.deadlines.drop("unknown")
    assert watch.deadlines.first() is None
    watch.fire(1.0)
    assert watch.told == [[]]


async def test_a_late_timer_looks_a_second_time(watch: Watch) -> None:
    watch.deadlines.set("answer", 1.0, 1.0)
    watch.fire(3600.0)
    assert watch.told == []
    watch.deadlines._fire()
    assert watch.told == [[("answer", 1.0)]]


async def test_after_the_end_there_is_no_timer(watch: Watch) -> None:
    watch.deadlines.set("answer", 1.0, 1.0)
    watch.deadlines.end()
    watch.deadlines.set("close", 1.0, 1.0)
    watch.deadlines.end()
    assert watch.armed == [1.0]
