"""Work in a thread for what is being looked at: who looks on to the next thing wants its answer, not the last one's."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

from PySide6.QtCore import QObject, QTimer

__all__ = ["Latest"]

_T = TypeVar("_T")
_log = logging.getLogger(__name__)
POLL_MS = 10


class Latest(QObject):
    """Runs one piece of work at a time; of those that wait only the newest, and only its result is handed on.

    Belongs to the window's thread, in which the results arrive too.

    :param pool: where the work runs.
    :param failed: told in words when a piece of work that is still wanted fails.
    """

    def __init__(self, pool: Executor, failed: Callable[[str], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = pool
        self._failed = failed
        self._running: Future[Any] | None = None
        self._done: Callable[[Any], None] | None = None
        self._next: tuple[Callable[[], Any], Callable[[Any], None]] | None = None
        self._timer = QTimer(self, interval=POLL_MS)
        self._timer.timeout.connect(self._look)

    @property
    def is_busy(self) -> bool:
        """Whether an answer is still to come."""
        return self._done is not None or self._next is not None

    def ask(self, work: Callable[[], _T], done: Callable[[_T], None]) -> None:
        """Run ``work`` in a thread, then call ``done`` with its result; what was asked before is not answered."""
        self._done = None
        self._next = (work, done)
        if self._running is None:
            self._start()

    def forget(self) -> None:
        """Nothing is wanted any more."""
        self._done = self._next = None

    def _start(self) -> None:
        if self._next is None:
            self._timer.stop()
            return
        work, self._done = self._next
        self._next = None
        try:
            self._running = self._pool.submit(work)
        except RuntimeError:  # the program ends
            self._done = None
            return
        self._timer.start()

    def _look(self) -> None:
        future = self._running
        if future is None or not future.done():
            return
        done, self._running, self._done = self._done, None, None
        error = future.exception()
        self._start()
        if error is not None:
            _log.error("what is shown of the trace could not be read", exc_info=error)
            if done is not None:
                self._failed(f"cannot be read: {type(error).__name__}: {error}")
        elif done is not None:
            done(future.result())
