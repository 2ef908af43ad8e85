"""Waiting for what is done in a thread, without a turn of the event loop more than it needs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from dicomgui.network.service.prompt import PromptFuture

__all__ = ["finished", "judged"]

_T = TypeVar("_T")
_A = TypeVar("_A")


async def judged(work: Future[_T], judge: Callable[[Future[_T]], _A]) -> _A:
    """What ``judge`` makes of ``work`` when that has ended; a task that is cancelled meanwhile waits for it as well."""
    try:
        await finished(work)
    except asyncio.CancelledError:
        await finished(work)
        judge(work)
        raise
    return judge(work)


def finished(work: Future[Any]) -> Awaitable[None]:
    """For the end of ``work``, however it ends; the one task that awaits it goes on in the callback that tells of it.

    Beside a fast disk each turn of the loop counts, and asyncio takes two more. Cancelling it does nothing to the work.
    """
    loop = asyncio.get_running_loop()
    told: PromptFuture[None] = PromptFuture(loop=loop)

    def tell() -> None:
        if not told.done():  # else nobody waits any more
            told.deliver(None)

    def from_thread(_: Future[Any]) -> None:
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(tell)

    work.add_done_callback(from_thread)
    return told
