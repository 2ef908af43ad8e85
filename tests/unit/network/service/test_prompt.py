"""A future whose awaiter goes on at once, and is a future in every other respect."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

import pytest

from dicomgui.network.service.prompt import PromptFuture

NAME: ContextVar[str] = ContextVar("NAME", default="nobody")


class Waiting:
    """A task that awaits a prompt future, and what it saw."""

    def __init__(self, name: str = "me") -> None:
        self.loop = asyncio.get_running_loop()
        self.future: PromptFuture[int] = PromptFuture(loop=self.loop)
        self.seen: list[object] = []
        NAME.set(name)
        self.task = self.loop.create_task(self._wait())

    async def _wait(self) -> None:
        try:
            self.seen.append(await self.future)
        except ValueError as error:
            self.seen.append(str(error))
        self.seen.append((NAME.get(), asyncio.current_task() is self.task))
        await asyncio.sleep(0)
        self.seen.append("end")

    async def deliver_in_callback(self, value: int) -> list[object]:
        """What the task has seen when ``deliver`` returns, called as the loop calls."""
        done: asyncio.Future[list[object]] = self.loop.create_future()

        def call() -> None:
            self.future.deliver(value)
            done.set_result(list(self.seen))

        self.loop.call_soon(call)
        return await done


async def test_the_awaiter_goes_on_before_deliver_returns_in_its_own_context() -> None:
    waiting = Waiting()
    NAME.set("somebody else")
    await asyncio.sleep(0)
    assert await waiting.deliver_in_callback(7) == [7, ("me", True)]
    await waiting.task
    assert waiting.seen[-1] == "end"
    assert waiting.future.result() == 7


async def test_from_within_a_task_the_awaiter_waits_for_its_turn() -> None:
    waiting = Waiting()
    await asyncio.sleep(0)
    waiting.future.deliver(7)
    assert waiting.seen == []
    await waiting.task
    assert waiting.seen == [7, ("me", True), "end"]


async def test_what_comes_before_anybody_waits_is_kept() -> None:
    waiting = Waiting()
    waiting.future.deliver(7)
    await waiting.task
    assert waiting.seen[0] == 7


async def test_every_callback_is_called_once() -> None:
    waiting = Waiting()
    called: list[int] = []
    waiting.future.add_done_callback(lambda future: called.append(future.result()))
    await asyncio.sleep(0)
    await waiting.deliver_in_callback(7)
    await waiting.task
    assert called == [7]
    assert waiting.seen == [7, ("me", True), "end"]


async def test_it_can_be_shielded_and_waited_for() -> None:
    waiting = Waiting()
    shielded = asyncio.shield(waiting.future)
    await asyncio.sleep(0)
    await waiting.deliver_in_callback(7)
    assert await shielded == 7
    await waiting.task


async def test_errors_and_cancels_are_those_of_any_future() -> None:
    waiting = Waiting()
    await asyncio.sleep(0)
    waiting.future.set_exception(ValueError("no"))
    await waiting.task
    assert waiting.seen[0] == "no"
    waiting = Waiting()
    await asyncio.sleep(0)
    waiting.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting.task
    assert waiting.future.cancelled()
    with pytest.raises(asyncio.InvalidStateError):
        waiting.future.deliver(7)
