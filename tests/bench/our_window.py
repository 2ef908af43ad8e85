"""Our window at work, as a process of its own: `python -m bench.our_window listen|send|rows|start|idle ...`.

The last line of the output is JSON. Besides the rate it tells how late a timer of 16 ms came in the window's thread
while there was work: what a user would feel. The trace is in view and follows.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import cProfile
import gc
import itertools
import json
import os
import pstats
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

STARTED = time.perf_counter()
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("DICOMGUI_CONFIG", tempfile.mkdtemp(prefix="dicomgui-bench-config-"))

from bench.trace_scale import Sample, long_trace, resident_mb  # noqa: E402
from helpers import peers  # noqa: E402
from PySide6.QtCore import QObject, Qt, QTimer  # noqa: E402
from PySide6.QtWidgets import QApplication, QCheckBox, QLineEdit  # noqa: E402

from dicomgui.app.connection import ConnectionOptions  # noqa: E402
from dicomgui.app.context import AppContext  # noqa: E402
from dicomgui.app.send import prepare, send  # noqa: E402
from dicomgui.gui.loop import new_event_loop  # noqa: E402
from dicomgui.gui.main import dress  # noqa: E402
from dicomgui.gui.main_window import MainWindow  # noqa: E402
from dicomgui.gui.panels.trace import TracePanel  # noqa: E402
from dicomgui.gui.reporter import Reporter  # noqa: E402
from dicomgui.network import PeerAddress  # noqa: E402
from dicomgui.network.tracing import Direction, PduRecord, Segment  # noqa: E402
from dicomgui.trace.file import TraceWriter  # noqa: E402
from dicomgui.trace.filter import Zoom  # noqa: E402

TICK_MS = 16
SETTLE_S = 0.5
"""Before the work begins: what the window loads in the background after its start is not what is measured."""


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


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench.our_window")
    parser.add_argument("--profile", help="write what took the time to this file")
    commands = parser.add_subparsers(dest="command", required=True)
    listener = commands.add_parser("listen")
    listener.add_argument("folder", type=Path)
    sender = commands.add_parser("send")
    sender.add_argument("port", type=int)
    sender.add_argument("folder", type=Path)
    rows = commands.add_parser("rows")
    rows.add_argument("count", type=int)
    trace = commands.add_parser("trace")
    trace.add_argument("count", type=int)
    trace.add_argument("folder", type=Path)
    commands.add_parser("start")
    idle = commands.add_parser("idle")
    idle.add_argument("seconds", type=float)
    arguments = parser.parse_args(argv)
    works = {"listen": _listen, "send": _send, "rows": _rows, "trace": _trace, "start": _start, "idle": _idle}
    work = works[arguments.command]
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        result = runner.run(work(arguments))
    print(json.dumps({**result, "load": os.getloadavg()[0]}), flush=True)
    return 0


@contextlib.asynccontextmanager
async def _window() -> AsyncIterator[MainWindow]:
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
        gc.freeze()
        try:
            yield window
        finally:
            await window.shut_down()
            reporter.uninstall()
    if reporter.count:
        raise SystemExit(f"the window reported {reporter.count} faults")


@contextlib.contextmanager
def _profiled(name: str | None) -> Iterator[None]:
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


async def _listen(arguments: argparse.Namespace) -> dict[str, object]:
    """The listener, switched on by its button; runs until the standard input is closed."""
    async with _window() as window:
        panel = window.listener
        window.show_panel(panel)
        panel.folder.setText(str(arguments.folder))
        _child(window, QLineEdit, "listener_port").setText(str(peers.free_port()))
        _child(window, QCheckBox, "listener_fsync").setChecked(False)
        panel.start_button.click()
        await _until(lambda: panel.is_running)
        window.show_panel(window.trace)
        assert panel.listener is not None
        await asyncio.sleep(SETTLE_S)
        watch = Watch()
        watch.start()
        print(json.dumps({"port": panel.listener.port}), flush=True)
        stop = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        with _profiled(arguments.profile):
            start, end = await _busy(window, stop)
        return {"count": panel.listener.counts.stored, "seconds": end - start, **watch.result(start, end)}


async def _busy(window: MainWindow, stop: asyncio.Future[str]) -> tuple[float, float]:
    """When the first instance and the last one came."""
    assert window.listener.listener is not None
    counts, start, end, seen = window.listener.listener.counts, 0.0, 0.0, 0
    while not stop.done():
        await asyncio.sleep(0.005)
        if counts.stored > seen:
            seen, end = counts.stored, time.perf_counter()
            start = start or end
    return start, end


async def _send(arguments: argparse.Namespace) -> dict[str, object]:
    """Sending in the window's loop, into the window's trace; seconds as `bench.ours` takes them."""
    async with _window() as window:
        window.show_panel(window.trace)
        context = window.trace.place.context
        await asyncio.sleep(SETTLE_S)
        watch = Watch()
        with await prepare(context, [arguments.folder]) as selection:
            watch.start()
            start = time.perf_counter()
            peer = PeerAddress.parse(f"BENCH@127.0.0.1:{arguments.port}")
            with _profiled(arguments.profile):
                report = await send(context, peer, ConnectionOptions(), selection)
        if not report.ok:
            raise SystemExit(f"not sent: {report.error or report.results[-1]}")
        return {"seconds": report.seconds, "count": report.sent, **watch.result(start, time.perf_counter())}


async def _rows(arguments: argparse.Namespace) -> dict[str, object]:
    """So many rows come in batches while the list follows, then the list is scrolled through; how long frames take."""
    async with _window() as window:
        panel = window.trace
        window.show_panel(panel)
        panel.show_zoom(Zoom.ROWS)
        await asyncio.sleep(SETTLE_S)
        store, made = panel.place.context.trace, 0
        data = bytes.fromhex("04000000000c00000008010300000000")
        watch = Watch()
        watch.start()
        start = time.perf_counter()
        with _profiled(arguments.profile):
            while made < arguments.count:
                for _ in range(min(500, arguments.count - made)):
                    record = PduRecord(1, 0.0, 1e9, Direction.RECEIVED, 4, len(data), (Segment(0, data),), "")
                    store(record)
                    made += 1
                await asyncio.sleep(0.001)
            await _until(lambda: not panel.model.is_behind)
        end = time.perf_counter()
        appended = watch.result(start, end)
        frames = await _scroll(window)
        shown = panel.model.rowCount()
        return {"rows": shown, "seconds": end - start, **appended, "frame_p99": frames[0], "frame_worst": frames[1]}


async def _trace(arguments: argparse.Namespace) -> dict[str, object]:
    """A long trace comes, is scrolled, filtered, saved and opened."""
    async with _window() as window:
        panel, sample = window.trace, Sample()
        figures = sample.figures
        window.show_panel(panel)
        await asyncio.sleep(SETTLE_S)
        watch = Watch()
        watch.start()
        start = time.perf_counter()
        figures["append_us"] = await _append(panel, arguments.count)
        figures["late_p99"] = watch.result(start, time.perf_counter())["p99"]
        await sample.timed("catch_up_s", lambda: not panel.model.is_behind)
        figures["exchange_frame_p99"] = (await _scroll(window))[0]
        panel.show_zoom(Zoom.ROWS)
        await sample.timed("zoom_s", lambda: not panel.model.is_behind)
        assert panel.model.rowCount() >= arguments.count
        figures["frame_p99"] = (await _scroll(window))[0]
        await _filter(panel, sample, watch)
        figures["resident_mb"] = resident_mb()
        path = arguments.folder / f"{arguments.count}.dgtrace"
        if not path.exists():
            await asyncio.get_running_loop().run_in_executor(None, _save, panel, path)
        panel.live.clear()
        start = time.perf_counter()
        panel.open_file(path)
        await sample.timed("open_s", lambda: len(panel.sources.sources) == 2 and not panel.model.is_behind)
        figures["open_late"] = watch.result(start, time.perf_counter())["worst"]
        assert panel.model.rowCount() >= arguments.count
        return dict(figures)


async def _append(panel: TracePanel, count: int) -> float:
    """Records come in batches; microseconds that the store takes for one."""
    store, spent = panel.live.store, 0.0
    records = long_trace(count)
    while batch := list(itertools.islice(records, 100)):
        start = time.perf_counter()
        for record in batch:
            store(record)
        spent += time.perf_counter() - start
        await asyncio.sleep(0.001)
    return spent / max(1, store.last_seq) * 1e6


async def _filter(panel: TracePanel, sample: Sample, watch: Watch) -> None:
    """Filters over all: by exchanges, by rows, by bytes."""
    begin = time.perf_counter()
    for name, text in (("filter_s", "status:a700"), ("row_filter_s", "pdu:p-data-tf size>300")):
        panel.filter_by(text)
        await sample.timed(name, lambda: not panel.model.is_behind)
        assert 0 < panel.model.rowCount() < panel.model.total
    sample.figures["filter_late"] = watch.result(begin, time.perf_counter())["worst"]
    panel.filter_by('bytes:"31 2e 32 2e 33 2e 37 37 00"')
    await sample.timed("bytes_filter_s", lambda: not panel.model.is_behind)
    panel.filter_by("")
    await _until(lambda: not panel.model.is_behind)


def _save(panel: TracePanel, path: Path) -> None:
    with TraceWriter(path) as writer:
        for record in panel.live.store.records():
            writer(record)


async def _scroll(window: MainWindow, steps: int = 300) -> tuple[float, float]:
    """Drag the scroll bar from the top to the end and paint each time; ms a frame, p99 and worst."""
    table = window.trace.table
    bar = table.verticalScrollBar()
    times = []
    for step in range(steps):
        start = time.perf_counter()
        bar.setSliderPosition(bar.maximum() * step // steps)
        table.viewport().repaint()
        times.append((time.perf_counter() - start) * 1000)
        await asyncio.sleep(0)
    times.sort()
    return round(times[int(len(times) * 0.99)], 2), round(times[-1], 2)


async def _idle(arguments: argparse.Namespace) -> dict[str, object]:
    """Nothing happens: what is late now, is late because of the machine."""
    async with _window() as window:
        window.show_panel(window.trace)
        await asyncio.sleep(SETTLE_S)
        watch = Watch()
        watch.start()
        start = time.perf_counter()
        await asyncio.sleep(arguments.seconds)
        return dict(watch.result(start, time.perf_counter()))


async def _start(arguments: argparse.Namespace) -> dict[str, object]:
    """Says when the window has been painted and takes a click."""
    async with _window() as window:
        window.repaint()
        await asyncio.sleep(0)
        print("usable", flush=True)
        return {"seconds": time.perf_counter() - STARTED}


async def _until(done: object) -> None:
    assert callable(done)
    end = time.monotonic() + 60
    while not done():
        if time.monotonic() > end:
            raise SystemExit("the window did not get there")
        await asyncio.sleep(0.01)


def _child(window: MainWindow, kind: type, name: str) -> QLineEdit:
    found = window.findChild(kind, name)
    assert found is not None, name
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
