"""Commits in threads: begun at once, told of whether somebody waits or not."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from dicomgui.app.listening.committing import Commits


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as made:
        yield made


def outcome(future: Future[int]) -> str:
    error = future.exception()
    return f"got {future.result()}" if error is None else f"failed: {error}"


async def test_the_answer_is_what_the_judge_makes_of_the_work(pool: ThreadPoolExecutor) -> None:
    commits = Commits(lambda: pool)
    loops_own = threading.get_ident()
    threads: list[int] = []

    def work() -> int:
        threads.append(threading.get_ident())
        return 7

    def judge(future: Future[int]) -> str:
        threads.append(threading.get_ident())
        return outcome(future)

    assert await commits.begin(work, judge) == "got 7"
    assert threads[0] != loops_own
    assert threads[1] == loops_own


async def test_work_that_fails_is_judged_as_well(pool: ThreadPoolExecutor) -> None:
    def work() -> int:
        raise OSError("no room")

    assert await Commits(lambda: pool).begin(work, outcome) == "failed: no room"


async def test_what_a_judge_raises_reaches_who_waits(pool: ThreadPoolExecutor) -> None:
    def judge(future: Future[int]) -> str:
        raise ValueError("a fault")

    with pytest.raises(ValueError, match="a fault"):
        await Commits(lambda: pool).begin(lambda: 7, judge)


async def test_without_threads_the_work_has_failed() -> None:
    with ThreadPoolExecutor(1) as pool:
        pass
    commits = Commits(lambda: pool)
    assert (await commits.begin(lambda: 7, outcome)).startswith("failed: cannot schedule")
    await commits.settle()


async def test_what_nobody_waits_for_any_more_is_told_of_before_all_is_settled(pool: ThreadPoolExecutor) -> None:
    commits = Commits(lambda: pool)
    go, told = threading.Event(), []

    def work() -> int:
        go.wait(60)
        return 7

    async def wait() -> str:
        return await commits.begin(work, lambda future: told.append(outcome(future)) or "")

    waiter = asyncio.create_task(wait())
    await asyncio.sleep(0)
    waiter.cancel()
    settling = asyncio.create_task(commits.settle())
    await asyncio.wait([waiter])
    assert waiter.cancelled()
    assert not settling.done()
    go.set()
    await settling
    assert told == ["got 7"]


async def test_several_at_once_are_all_waited_for(pool: ThreadPoolExecutor) -> None:
    commits = Commits(lambda: pool)
    told: list[str] = []
    for number in range(5):
        commits.begin(lambda number=number: number, lambda future: told.append(outcome(future)) or "")
    await commits.settle()
    assert sorted(told) == [f"got {number}" for number in range(5)]
