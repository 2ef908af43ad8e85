"""An event loop that looks a moment longer before it sleeps, where an answer is due.

DICOM goes to and fro: a request, its response, the next request. Where the peer answers within a fraction of a
millisecond, it takes longer to put a thread to sleep and to wake it than the peer needs for its answer, and the peer
pays for the waking. So after something was sent, and while the last wait was that short, the loop asks its sockets
again and again for a moment. What that can cost is bounded: a moment of one processor after each turn of the loop in
which something was sent, as long as somebody keeps answering. Who only receives gains by sleeping: more comes at once.
"""

from __future__ import annotations

import asyncio
import os
import selectors
import sys
import time
from collections.abc import Callable
from typing import Final

__all__ = ["LOOK_S", "EagerLoop", "EagerSelector", "eager_event_loop", "expecting"]

LOOK_S: Final = 0.00025
"""How long to look before sleeping. Peers on this computer or the next one answer in less; a disk's sync takes more."""

_give_way: Final[Callable[[], None]] = getattr(os, "sched_yield", lambda: None)
"""Where the peer has no processor of its own, it gets ours."""

_Ready = list[tuple[selectors.SelectorKey, int]]


class EagerSelector(selectors.DefaultSelector):
    """asyncio's selector, which looks for ``look_s`` before it sleeps where that is likely to pay.

    It is where :meth:`expect` was called since the last wait, and that one was as short as ``look_s``.

    :param look_s: seconds; ``None`` for :data:`LOOK_S` where there is more than one processor, and else 0: on a single
        one the peer could not go on while we look.
    """

    def __init__(self, look_s: float | None = None) -> None:
        super().__init__()
        self._look_s = (LOOK_S if _processors() > 1 else 0.0) if look_s is None else look_s
        self._pays = self._expects = False

    def expect(self) -> None:
        """Something was sent, or somebody has connected: what comes of it may come at once."""
        self._expects = True

    def select(self, timeout: float | None = None) -> _Ready:
        """What is ready within ``timeout`` seconds; ``None`` waits for ever, 0 not at all."""
        if timeout is not None and timeout <= 0:
            return super().select(0)
        start = time.monotonic()
        ready = self._watch(start, timeout) if self._pays and self._expects else []
        if not ready:
            ready = super().select(None if timeout is None else timeout - (time.monotonic() - start))
            self.waited(time.monotonic() - start)
        return ready

    def look(self) -> _Ready:
        """What is ready, or is in a moment where that is likely.

        For a loop that sleeps elsewhere, and says by :meth:`waited` how long that took.
        """
        ready = super().select(0)
        if not ready and self._pays and self._expects:
            ready = self._watch(time.monotonic(), None)
            self._pays = bool(ready)
        return ready

    def _watch(self, start: float, timeout: float | None) -> _Ready:
        self._expects = False
        end = start + (self._look_s if timeout is None else min(timeout, self._look_s))
        while True:
            ready = super().select(0)
            if ready or time.monotonic() >= end:
                return ready
            _give_way()

    def waited(self, seconds: float) -> None:
        """Somebody waited so long for what came next."""
        self._pays = seconds < self._look_s


class EagerLoop(asyncio.SelectorEventLoop):
    """asyncio's loop, which can be told by its connections that an answer is due."""

    def __init__(self) -> None:
        selector = EagerSelector()
        self.expect_answer = selector.expect
        super().__init__(selector)


def eager_event_loop() -> asyncio.AbstractEventLoop:
    """An event loop for ``asyncio.Runner(loop_factory=…)``, eager where asyncio's own loop has a selector."""
    return asyncio.new_event_loop() if sys.platform == "win32" else EagerLoop()


def expecting(loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
    """What a connection of ``loop`` calls after it has sent something; of loops that do not care it does nothing."""
    expect: Callable[[], None] = getattr(loop, "expect_answer", _no_one_cares)
    return expect


def _no_one_cares() -> None:
    pass


def _processors() -> int:
    """How many processors this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    else:
        return os.cpu_count() or 1
