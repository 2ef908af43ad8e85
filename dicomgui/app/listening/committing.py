"""Commits in threads: begun when an instance is complete, and answered in the callback that brings the outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from typing import TypeVar

from dicomgui.network.service.prompt import PromptFuture

__all__ = ["Commits"]

_T = TypeVar("_T")
_A = TypeVar("_A")


class Commits:
    """The commits that are under way. Belongs to the thread of the event loop.

    Between the loop and a thread there is nothing but one callback each way: on a fast disk every turn of the loop more
    would be felt.

    :param pool: gives the threads; asked when one is needed.
    """

    def __init__(self, pool: Callable[[], Executor]) -> None:
        self._pool = pool
        self._under_way = 0
        self._settled = asyncio.Event()

    def begin(self, work: Callable[[], _T], judge: Callable[[Future[_T]], _A]) -> Awaitable[_A]:
        """Have ``work`` done in a thread.

        :param judge: called in the loop's thread with what came of it, also where nobody waits for the answer any more.
        :returns: for the answer, which is what ``judge`` returns.
        """
        loop = asyncio.get_running_loop()
        answer: PromptFuture[_A] = PromptFuture(loop=loop)
        self._under_way += 1
        self._settled.clear()
        # Not now: the thread could do nothing before this callback ends, because of the interpreter's lock.
        loop.call_soon(self._start, loop, work, judge, answer)
        return answer

    def _start(
        self,
        loop: asyncio.AbstractEventLoop,
        work: Callable[[], _T],
        judge: Callable[[Future[_T]], _A],
        answer: PromptFuture[_A],
    ) -> None:
        def finished(future: Future[_T]) -> None:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(self._tell, future, judge, answer)

        try:
            future = self._pool().submit(work)
        except RuntimeError as error:  # the threads have ended
            future = Future()
            future.set_exception(error)
        future.add_done_callback(finished)

    def _tell(self, future: Future[_T], judge: Callable[[Future[_T]], _A], answer: PromptFuture[_A]) -> None:
        self._under_way -= 1
        if not self._under_way:
            self._settled.set()
        try:
            told = judge(future)
        except Exception as error:
            if answer.done():
                raise
            answer.set_exception(error)
        else:
            if not answer.done():  # else its association has ended
                answer.deliver(told)

    async def settle(self) -> None:
        """Wait until all of them are through and told of."""
        if self._under_way:
            await self._settled.wait()
