from __future__ import annotations

import asyncio
import inspect

import pytest

from dicomgui.gui.running.reporter import Reporter
from dicomgui.gui.running.tasks import PanelTasks

pytestmark = pytest.mark.qt


async def test_a_task_gives_its_result_and_has_a_name() -> None:
    tasks = PanelTasks("panel", Reporter())
    task = tasks.spawn(asyncio.sleep(0, "done"), name="work")
    assert task.get_name() == "panel: work"
    assert len(tasks) == 1
    assert await task == "done"


async def test_a_fault_reaches_the_reporter_once() -> None:
    async def fail() -> None:
        raise ValueError("no")

    reporter = Reporter()
    tasks = PanelTasks("panel", reporter)
    assert await tasks.spawn(fail(), name="work") is None
    assert reporter.drain() == ["work failed: ValueError: no"]
    assert reporter.count == 1


async def test_close_cancels_and_waits() -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("cleaned")

    reporter = Reporter()
    tasks = PanelTasks("panel", reporter)
    tasks.spawn(work(), name="work")
    await asyncio.sleep(0)
    await tasks.close()
    assert ended == ["cleaned"]
    assert len(tasks) == 0
    assert reporter.count == 0


async def test_one_that_is_cancelled_before_it_begins_is_closed() -> None:
    async def work() -> None:
        await asyncio.Event().wait()

    tasks = PanelTasks("panel", Reporter())
    coroutine = work()
    tasks.spawn(coroutine, name="work")
    await tasks.close()
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED
