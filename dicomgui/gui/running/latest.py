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
"""How often the window looks whether an answer is there."""
AT_ONCE = 2
"""Threads that may be busy for one view."""


class Latest(QObject):
    """Runs work in threads; of what waits only the newest, and only the newest result is handed on.

    What is not wanted any more cannot be stopped: it runs to its end, beside at most one other piece of work.
    Belongs to the window's thread, in which the results arrive too.

    :param pool: where the work runs.
    :param failed: told in words when a piece of work that is still wanted fails.
    """

    def __init__(self, pool: Executor, failed: Callable[[str], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = pool
        self._failed = failed
        self._running: list[Future[Any]] = []
        self._wanted: Future[Any] | None = None
        self._done: Callable[[Any], None] | None = None
        self._next: tuple[Callable[[], Any], Callable[[Any], None]] | None = None
        self._timer = QTimer(self, interval=POLL_MS)
        self._timer.timeout.connect(self._look)

    @property
    def is_busy(self) -> bool:
        """Whether an answer is still to come."""
        return self._wanted is not None or self._next is not None

    def ask(self, work: Callable[[], _T], done: Callable[[_T], None]) -> None:
        """Run ``work`` in a thread, then call ``done`` with its result; what was asked before is not answered."""
        self._wanted = None
        self._next = (work, done)
        self._start()

    def forget(self) -> None:
        """Nothing is wanted any more."""
        self._wanted = self._next = None

    def _start(self) -> None:
        if self._next is None or len(self._running) >= AT_ONCE:
            return
        work, self._done = self._next
        self._next = None
        try:
            self._wanted = self._pool.submit(work)
        except RuntimeError:  # the program ends
            return
        self._running.append(self._wanted)
        self._timer.start()

    def _look(self) -> None:
        """See what has ended."""
        ended = [future for future in self._running if future.done()]
        self._running = [future for future in self._running if future not in ended]
        self._start()
        for future in ended:
            is_wanted, error = future is self._wanted, future.exception()
            if is_wanted:
                self._wanted = None
            if error is not None:
                _log.error("what is shown of the trace could not be read", exc_info=error)
                if is_wanted:
                    self._failed(f"cannot be read: {type(error).__name__}: {error}")
            elif is_wanted and self._done is not None:
                self._done(future.result())
        if not self._running:
            self._timer.stop()
