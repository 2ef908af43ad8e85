"""The one place of the network stack that starts tasks: each has a name and an owner that outlives it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

__all__ = ["FAULTS", "TaskOwner", "is_own_cancel", "until_ended"]

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

FAULTS: Final = (Exception, asyncio.CancelledError)
"""What foreign code may raise. It ends by ``CancelledError`` where something that it waits for was cancelled: that is a
fault like any other, unless the task itself was cancelled (:func:`is_own_cancel`)."""


def is_own_cancel(error: BaseException) -> bool:
    """Whether ``error`` says that the running task is cancelled, and not only what it waited for."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0


async def until_ended(work: asyncio.Future[_T], stop: Callable[[], object] | None = None) -> _T:
    """The result of what runs in a thread; returns no sooner than that has ended, also where this is cancelled.

    :param stop: called when this is cancelled; tells ``work`` to end soon.
    """
    try:
        await asyncio.wait((work,))
    except asyncio.CancelledError:
        if stop is not None:
            stop()
        await asyncio.wait((work,))
        if not work.cancelled():
            work.exception()  # looked at: that it was stopped is no news
        raise
    return work.result()


class TaskOwner:
    """Keeps a strong reference to its tasks, reports their faults, and ends them all when it is closed.

    :param name: prefix of the tasks' names, as they appear in a debugger.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        """How many tasks are running."""
        return len(self._tasks)

    def spawn(self, coroutine: Coroutine[Any, Any, _T], *, name: str) -> asyncio.Task[_T]:
        """Start ``coroutine`` as a task of this owner; must be called in the loop's thread."""
        task = asyncio.get_running_loop().create_task(coroutine, name=f"{self._name}: {name}")
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("task %s failed", task.get_name(), exc_info=error)

    def cancel(self) -> None:
        """Cancel every task, and wait for none."""
        for task in tuple(self._tasks):
            task.cancel()

    async def close(self) -> None:
        """Cancel every task and wait until all have ended."""
        while self._tasks:
            tasks = tuple(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
