"""Lines written by a thread, for commands that must not wait for who reads them."""

from __future__ import annotations

import errno
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TextIO

__all__ = ["MAX_CHARACTERS", "LineWriter"]

MAX_CHARACTERS: Final = 4 * 2**20
"""Characters that may wait for a reader; lines beyond them are dropped and counted."""


class LineWriter:
    """Queue of lines in front of a stream, with a thread that writes and flushes them.

    :ivar dropped: lines that were dropped because nobody read those before them.
    :param told_of: makes the line that tells how many were dropped; it is written as soon as there is room again.
    :param on_error: called in the thread when the stream takes no more; nothing is written afterwards.
    """

    def __init__(
        self, stream: TextIO, *, told_of: Callable[[int], str], on_error: Callable[[OSError], None] | None = None
    ) -> None:
        self.dropped = 0
        self._stream = stream
        self._told_of = told_of
        self._on_error = on_error
        self._lines: deque[str] = deque()
        self._waiting = 0
        self._untold = 0
        self._is_closing = False
        self._is_broken = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="line writer", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Queue a line, which ends with a line feed; never waits."""
        with self._changed:
            if self._is_broken or self._is_closing:
                return
            if self._waiting + len(line) > MAX_CHARACTERS:
                self.dropped += 1
                self._untold += 1
                return
            self._lines.append(line)
            self._waiting += len(line)
            self._changed.notify()

    def close(self, within_s: float) -> bool:
        """Write what waits, for so many seconds at most; returns whether all of it was written."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join(within_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._lines and not self._is_closing:
                    self._changed.wait()
                if not self._lines:
                    return
                text = "".join(self._lines)
                self._lines.clear()
            if not self._put(text):
                return
            with self._changed:
                self._waiting -= len(text)
                untold, self._untold = self._untold, 0
            if untold and not self._put(self._told_of(untold)):
                return

    def _put(self, text: str) -> bool:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError) as error:  # ValueError: the stream was closed
            with self._changed:
                self._is_broken = True
                self._lines.clear()
            if self._on_error is not None:
                with suppress(RuntimeError):  # the loop has ended
                    self._on_error(error if isinstance(error, OSError) else BrokenPipeError(errno.EPIPE, str(error)))
            return False
        return True
