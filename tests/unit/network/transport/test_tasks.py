"""Tasks have an owner that ends them and reports their faults."""

from __future__ import annotations

import asyncio
import logging

import pytest

from dicomgui.network.transport import TaskOwner


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
