"""Tasks have an owner that ends them and reports their faults."""

from __future__ import annotations

import asyncio
import logging

import pytest

from dicomgui.network.transport import TaskOwner
from dicomgui.network.transport.tasks import until_ended


async def test_closing_cancels_what_runs_and_waits_for_it() -> None:
    owner = TaskOwner("owner")
    ended = False

    async def work() -> None:
        nonlocal ended
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended = True

    task = owner.spawn(work(), name="work")
    await asyncio.sleep(0)
    assert task.get_name() == "owner: work"
    assert len(owner) == 1
    await owner.close()
    assert ended
    assert len(owner) == 0


async def test_a_task_that_is_started_during_the_closing_is_ended_as_well() -> None:
    owner = TaskOwner("owner")

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            owner.spawn(asyncio.Event().wait(), name="late")

    owner.spawn(work(), name="work")
    await asyncio.sleep(0)
    await owner.close()
    assert len(owner) == 0


async def test_a_fault_is_logged_with_the_tasks_name(caplog: pytest.LogCaptureFixture) -> None:
    owner = TaskOwner("owner")

    async def fail() -> None:
        raise ValueError("broken")

    with caplog.at_level(logging.ERROR):
        task = owner.spawn(fail(), name="work")
        await asyncio.wait((task,))
        await asyncio.sleep(0)
    assert "owner: work" in caplog.text
    assert len(owner) == 0


async def test_work_in_a_thread_is_waited_for_also_by_who_is_cancelled() -> None:
    work: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    told: list[str] = []
    waiting = asyncio.ensure_future(until_ended(work, lambda: told.append("stop")))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.sleep(0)
    assert told == ["stop"]
    assert not waiting.done()
    work.set_exception(ValueError("it was stopped"))
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_work_in_a_thread_gives_its_result_or_its_fault() -> None:
    loop = asyncio.get_running_loop()
    assert await until_ended(loop.run_in_executor(None, lambda: 7)) == 7
    with pytest.raises(ZeroDivisionError):
        await until_ended(loop.run_in_executor(None, lambda: 1 // 0))


async def test_work_that_is_cancelled_with_its_waiter_is_no_fault() -> None:
    work: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waiting = asyncio.ensure_future(until_ended(work, work.cancel))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert work.cancelled()
