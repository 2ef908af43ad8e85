"""From the buffers of the core into the window: one timer that drains them in batches.

Coroutines emit no Qt signals. Whoever started an operation gets its result returned; everyone else has the pump look,
some twenty times a second, whether there is something new. While the network has more work than the loop can do, it
looks half as often: to lay out and paint what has changed takes milliseconds each time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, QTimer

from dicomgui.gui.running.loop import AppLoop
from dicomgui.gui.running.reporter import Reporter

__all__ = ["BUSY_INTERVAL_MS", "INTERVAL_MS", "Pump"]

INTERVAL_MS = 50
"""How often buffers are drained: fast enough to seem at once, slow enough to leave the time to the network."""

BUSY_INTERVAL_MS = 100
"""The same while the loop has its hands full."""

_MANY_OVERRUNS = 4
"""Slices that ran out of time between two ticks, from which on it has."""


class Pump(QObject):
    """Calls each drain at every tick; a drain takes a few milliseconds at most and leaves the rest for the next."""

    def __init__(self, reporter: Reporter, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._reporter = reporter
        self._drains: list[Callable[[], None]] = []
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.CoarseTimer)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self._on_tick)

    def add(self, drain: Callable[[], None]) -> None:
        """Have ``drain`` called at each tick from now on."""
        self._drains.append(drain)

    def start(self) -> None:
        """Begin to tick."""
        self._timer.start()

    def tick_soon(self) -> None:
        """Tick in the next turn of Qt's loop, if it ticks at all: something that somebody waits for is there."""
        if self._timer.isActive():
            self._timer.start(0)

    def stop(self) -> None:
        """Drain once more and end."""
        if self._timer.isActive():
            self._timer.stop()
            self.drain()

    def _on_tick(self) -> None:
        """Drain, unless Qt's events are processed while asyncio's loop stands still: a drain may start a task."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._tick_every(INTERVAL_MS)
            return
        is_busy = isinstance(loop, AppLoop) and loop.take_overruns() >= _MANY_OVERRUNS
        self._tick_every(BUSY_INTERVAL_MS if is_busy else INTERVAL_MS)
        self.drain()

    def _tick_every(self, milliseconds: int) -> None:
        if self._timer.interval() != milliseconds:
            self._timer.start(milliseconds)

    def drain(self) -> None:
        """Drain all buffers now; the fault of one does not keep the others from their turn."""
        for drain in self._drains:
            try:
                drain()
            except Exception as exc:
                self._reporter.report("showing what is new failed", exc)
