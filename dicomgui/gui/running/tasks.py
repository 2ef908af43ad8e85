"""Tasks of the window: each panel owns its own, and what goes wrong in one reaches the one reporter."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from dicomgui.gui.running.reporter import Reporter
from dicomgui.network.transport import TaskOwner

__all__ = ["PanelTasks"]

_T = TypeVar("_T")


class PanelTasks:
    """The tasks that a panel has started.

    :param name: prefix of the tasks' names, as they appear in a debugger.
    :param reporter: told of every exception that ends a task.
    """

    def __init__(self, name: str, reporter: Reporter) -> None:
        self._owner = TaskOwner(name)
        self._reporter = reporter

    def __len__(self) -> int:
        """How many run."""
        return len(self._owner)

    def spawn(self, coroutine: Coroutine[Any, Any, _T], *, name: str) -> asyncio.Task[_T | None]:
        """Start ``coroutine``; the task's result is ``None`` where it failed, and the reporter has been told."""
        task = self._owner.spawn(self._guarded(coroutine, name), name=name)
        task.add_done_callback(lambda _: coroutine.close())  # one that was cancelled before it began is told so
        return task

    async def close(self) -> None:
        """Cancel all and wait until they have ended."""
        await self._owner.close()

    async def _guarded(self, coroutine: Coroutine[Any, Any, _T], name: str) -> _T | None:
        try:
            return await coroutine
        except Exception as exc:
            self._reporter.report(f"{name} failed", exc)
            return None
