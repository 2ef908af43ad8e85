"""Until when one connection waits for what."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from dicomgui.network.transport.clock import clock_of

__all__ = ["Deadlines"]

LATE_S: Final = 0.1
SECOND_LOOK_S: Final = 0.01
"""A timer that is so late was held up, perhaps by a computer that slept. What came meanwhile is read before time is
said to be over: everything is looked at again a moment later."""

_SLACK_S: Final = 0.001
"""Timers fire a little early."""


class Deadlines:
    """Named deadlines over one timer of the loop.

    :param on_time: called with the time when the timer fires, which may be for nothing: look at what is :meth:`due`,
        and :meth:`arm` for what is not.
    """

    __slots__ = ("_clock", "_is_over", "_is_second_look", "_loop", "_named", "_on_time", "_timer", "_timer_at")

    def __init__(self, loop: asyncio.AbstractEventLoop, on_time: Callable[[float], None]) -> None:
        self._loop = loop
        self._clock = clock_of(loop)
        self._on_time = on_time
        self._named: dict[str, tuple[float, float]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._is_second_look = self._is_over = False

    def set(self, name: str, seconds: float, named_s: float) -> None:
        """The deadline ``name`` is in ``seconds`` from now; ``named_s`` is how long it is said to have been."""
        at = self._clock() + seconds
        self._named[name] = (at, named_s)
        self.arm(at)

    def drop(self, name: str) -> None:
        """It is not waited for any more. The timer is left to run out."""
        self._named.pop(name, None)

    def arm(self, at: float | None) -> None:
        """Have the timer fire at a time, if it does not fire before anyway; ``None`` asks for nothing.

        A later deadline finds it running: a cancelled timer is not free on every loop.
        """
        if at is None or self._is_over or (self._timer is not None and self._timer_at <= at):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._loop.call_at(at, self._fire)

    def first(self) -> float | None:
        """The time of the first of them."""
        return min((at for at, _ in self._named.values()), default=None)

    def due(self, now: float) -> list[tuple[str, float]]:
        """Names and seconds of those that have passed; they are dropped."""
        passed = [(name, seconds) for name, (at, seconds) in self._named.items() if at <= now]
        for name, _ in passed:
            del self._named[name]
        return passed

    def end(self) -> None:
        """The connection is gone: nothing is waited for any more."""
        self._is_over = True
        self._named.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        self._timer = None
        now = self._clock() + _SLACK_S
        if now - self._timer_at > LATE_S and not self._is_second_look:
            self._is_second_look = True
            self.arm(now + SECOND_LOOK_S)
            return
        self._is_second_look = False
        self._on_time(now)
