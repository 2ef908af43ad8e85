"""Who waits for a thread goes on when it is done, and at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from dicomgui.app.listening.committing import finished, judged


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as made:
        yield made


async def test_it_ends_with_the_work(pool: ThreadPoolExecutor) -> None:
    work = pool.submit(threading.get_ident)
    await finished(work)
    assert work.result(0) != threading.get_ident()


async def test_work_that_fails_has_ended_too(pool: ThreadPoolExecutor) -> None:
    def fail() -> None:
        raise OSError("no room")

    work = pool.submit(fail)
    await finished(work)
    assert isinstance(work.exception(0), OSError)


async def test_work_that_has_ended_before_is_not_waited_for() -> None:
    work: Future[int] = Future()
    work.set_result(7)
    await asyncio.wait_for(finished(work), 60)


async def test_who_waits_goes_on_before_anything_that_is_due_later() -> None:
    """A turn of the loop between the two would let the callback come first."""
    work: Future[None] = Future()
    steps: list[str] = []

    async def wait() -> None:
        await finished(work)
        steps.append("awaited")

    waiter = asyncio.create_task(wait())
    await asyncio.sleep(0)
    work.set_result(None)
    asyncio.get_running_loop().call_soon(steps.append, "next")
    await waiter
    await asyncio.sleep(0)
    assert steps == ["awaited", "next"]


async def test_cancelling_leaves_the_work_alone(pool: ThreadPoolExecutor) -> None:
    go = threading.Event()
    work = pool.submit(go.wait, 60)
    waiter = asyncio.ensure_future(finished(work))
    waiter.cancel()
    await asyncio.wait([waiter])
    assert not work.done()
    go.set()
    await finished(work)
    assert work.result(0)


def told(work: Future[int]) -> str:
    error = work.exception()
    return f"got {work.result()}" if error is None else f"failed: {error}"


async def test_the_outcome_is_judged(pool: ThreadPoolExecutor) -> None:
    assert await judged(pool.submit(lambda: 7), told) == "got 7"
    assert (await judged(pool.submit(lambda: 7 // 0), told)).startswith("failed: ")


async def test_work_is_waited_for_and_judged_also_where_nobody_wants_the_outcome(pool: ThreadPoolExecutor) -> None:
    go, outcomes = threading.Event(), []

    def work() -> int:
        go.wait(60)
        return 7

    waiter = asyncio.create_task(judged(pool.submit(work), lambda future: outcomes.append(told(future))))
    await asyncio.sleep(0)
    waiter.cancel()
    await asyncio.sleep(0)
    assert not waiter.done()
    go.set()
    await asyncio.wait([waiter])
    assert waiter.cancelled()
    assert outcomes == ["got 7"]
