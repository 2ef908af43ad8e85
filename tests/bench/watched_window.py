"""The window as the program opens it, and a watch on how late its thread is; for the programs that measure it.

Import this module first: it settles that nothing is shown, and that no settings of anybody are used.
"""

from __future__ import annotations

import asyncio
import contextlib
import cProfile
import gc
import os
import pstats
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TypeVar

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("DICOMGUI_CONFIG", tempfile.mkdtemp(prefix="dicomgui-bench-config-"))

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication

from dicomgui.app.collector import keep_what_is_loaded
from dicomgui.app.context import AppContext
from dicomgui.gui.main import dress
from dicomgui.gui.running.reporter import Reporter
from dicomgui.gui.shell.main_window import MainWindow

__all__ = ["SETTLE_S", "TICK_MS", "Watch", "child", "open_window", "profiled", "until"]

_T = TypeVar("_T", bound=QObject)

TICK_MS = 16
SETTLE_S = 0.5
"""Before the work begins: what a panel does when it comes into view is not what is measured."""


class Watch(QObject):
    """Notes how late each tick of a 16 ms timer comes."""

    def __init__(self) -> None:
        super().__init__()
        self.ticks: list[tuple[float, float]] = []
        self._last = 0.0
        self._timer = QTimer(self, interval=TICK_MS)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_tick)

    def start(self) -> None:
        self.ticks.clear()
        self._last = time.perf_counter()
        self._timer.start()

    def _on_tick(self) -> None:
        now = time.perf_counter()
        self.ticks.append((now, max(0.0, (now - self._last) * 1000 - TICK_MS)))
        self._last = now

    def result(self, start: float, end: float) -> dict[str, float]:
        """Percentiles of the lateness, in ms, between two moments."""
        late = sorted(value for at, value in self.ticks if start <= at <= end) or [0.0]

        def part(share: float) -> float:
            return round(late[min(len(late) - 1, int(len(late) * share))], 2)

        return {"ticks": len(late), "p50": part(0.5), "p95": part(0.95), "p99": part(0.99), "worst": round(late[-1], 2)}


@contextlib.asynccontextmanager
async def open_window() -> AsyncIterator[MainWindow]:
    """The window as the program opens it."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    dress(app)
    reporter = Reporter()
    reporter.install(asyncio.get_running_loop())
    with AppContext() as context:
        window = MainWindow(context, reporter)
        window.resize(1280, 800)
        window.show()
        gc.collect()
        window.lasts = True
        keep_what_is_loaded()
        await asyncio.sleep(SETTLE_S)
        await until(lambda: not len(window.loading))  # nor what it loads after its start
        try:
            yield window
        finally:
            await window.shut_down()
            reporter.uninstall()
    if reporter.count:
        raise SystemExit(f"the window reported {reporter.count} faults")


@contextlib.contextmanager
def profiled(name: str | None) -> Iterator[None]:
    if name is None:
        yield
        return
    profile = cProfile.Profile()
    profile.enable()
    try:
        yield
    finally:
        profile.disable()
        with Path(name).open("w") as file:
            pstats.Stats(profile, stream=file).sort_stats("tottime").print_stats(80)


async def until(done: Callable[[], bool]) -> None:
    """Wait until it is done, a minute at most; looks every few milliseconds, as nobody tells."""
    end = time.monotonic() + 60
    while not done():
        if time.monotonic() > end:
            raise SystemExit("the window did not get there")
        await asyncio.sleep(0.005)


def child(window: MainWindow, kind: type[_T], name: str) -> _T:
    """A widget of the window by its name."""
    found = window.findChild(kind, name)
    assert found is not None, name
    return found
