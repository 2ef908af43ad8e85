"""A future whose one awaiter goes on at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import Any, Self, TypeVar

__all__ = ["PromptFuture"]

_T = TypeVar("_T")


class PromptFuture(asyncio.Future[_T]):
    """What a task awaits that is to go on inside of :meth:`deliver`, and not in the loop's next turn.

    A response of a peer is followed by our next request in the same callback then, which saves a turn of the loop with
    its system call for each message. In all other respects it is a future like any other.
    """

    __slots__ = ("_awaiter",)

    _awaiter: tuple[Callable[[Any], object], Context | None]

    def add_done_callback(self, fn: Callable[[Self], object], /, *, context: Context | None = None) -> None:
        """As of any future; it is how a task awaits it."""
        self._awaiter = (fn, context)
        asyncio.Future.add_done_callback(self, fn, context=context)

    def deliver(self, value: _T) -> None:
        """Set the result, and let the task that awaits it go on before this returns.

        From within a task, or with more than one callback, it goes on in the next turn as with ``set_result``.
        """
        awaiter = getattr(self, "_awaiter", None)  # no __init__ that sets it: thousands are made in a second
        if awaiter is None or asyncio.current_task(self.get_loop()) is not None:
            self.set_result(value)
            return
        callback, context = awaiter
        self.remove_done_callback(callback)
        self.set_result(value)
        if context is None:
            callback(self)
        else:
            context.run(callback, self)
