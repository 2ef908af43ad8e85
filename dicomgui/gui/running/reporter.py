"""The one place where faults of the program itself end: a log line, and a banner in the window that stops nobody.

A failure of a peer or of the network is no fault of the program: that is a result, and the diagnosis explains it.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections import deque
from types import TracebackType
from typing import Any

__all__ = ["Reporter"]

_log = logging.getLogger(__name__)
_KEPT = 100  # reports that the window has not shown yet; the log has all


class Reporter:
    """Takes exceptions from the loop, from tasks, from slots and from threads."""

    def __init__(self) -> None:
        self._waiting: deque[str] = deque(maxlen=_KEPT)
        self.count = 0

    def report(self, what: str, error: BaseException | None) -> None:
        """Log it, and keep a line for the banner. Safe from any thread; never raises."""
        self.count += 1
        reason = f": {type(error).__name__}: {error}" if error is not None else ""
        line = " ".join(f"{what}{reason}".split())
        _log.error("%s", line, exc_info=error)
        self._waiting.append(line)

    def drain(self) -> list[str]:
        """The lines since the last call."""
        lines = []
        while self._waiting:
            lines.append(self._waiting.popleft())
        return lines

    def install(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take over the loop's handler and those of the interpreter; the loop must be running or about to."""
        loop.set_exception_handler(self._on_loop_error)
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread_exception

    def uninstall(self) -> None:
        """Give the interpreter its own handlers back."""
        sys.excepthook = sys.__excepthook__
        threading.excepthook = threading.__excepthook__

    def _on_loop_error(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.report(str(context.get("message") or "the event loop failed"), error)

    def _on_exception(self, kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, traceback)
        else:
            self.report("an action failed", error)

    def _on_thread_exception(self, arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_type is not SystemExit:
            self.report("a thread failed", arguments.exc_value)
