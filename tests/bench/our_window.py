"""Our window at work, as a process of its own: `python -m bench.our_window COMMAND ...`, see :func:`main`.

The last line of the output is JSON. Besides the rate it tells how late a timer of 16 ms came in the window's thread
while there was work: what a user would feel. The trace is in view and follows.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import sys
import time
from pathlib import Path

from bench.watched_window import SETTLE_S, Watch, child, open_window, profiled, until  # isort: skip

from bench import our_window_asking as asking
from bench.trace_scale import Sample, long_trace, resident_mb
from helpers import peers
from PySide6.QtWidgets import QCheckBox, QLineEdit

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.transfers.send import prepare, send
from dicomgui.gui.running.loop import new_event_loop
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.gui.trace.panel import TracePanel
from dicomgui.network import PeerAddress
from dicomgui.network.tracing import Direction, PduRecord, Segment
from dicomgui.trace.file import TraceWriter
from dicomgui.trace.filter import Zoom


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
    finder = commands.add_parser("find")
    finder.add_argument("port", type=int)
    finder.add_argument("count", type=int)
    canceller = commands.add_parser("cancel")
    canceller.add_argument("provider", type=int, help="port of one that answers a query without end")
    canceller.add_argument("staller", type=int, help="port of one that accepts an association and then does nothing")
    canceller.add_argument("source", type=Path, help="files to be sent, and imported")
    canceller.add_argument("folder", type=Path, help="for the archive")
    idle = commands.add_parser("idle")
    idle.add_argument("seconds", type=float)
    arguments = parser.parse_args(argv)
    works = {
        "listen": _listen, "send": _send, "rows": _rows, "trace": _trace, "find": asking.find, "cancel": asking.cancel,
        "idle": _idle,
    }  # fmt: skip
    work = works[arguments.command]
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        result = runner.run(work(arguments))
    print(json.dumps({**result, "load": os.getloadavg()[0]}), flush=True)
    return 0


async def _listen(arguments: argparse.Namespace) -> dict[str, object]:
    """The listener, switched on by its button; runs until the standard input is closed."""
    async with open_window() as window:
        panel = window.listener
        window.show_panel(panel)
        panel.folder.setText(str(arguments.folder))
        child(window, QLineEdit, "listener_port").setText(str(peers.free_port()))
        child(window, QCheckBox, "listener_fsync").setChecked(False)
        panel.start_button.click()
        await until(lambda: panel.is_running)
        window.show_panel(window.trace)
        assert panel.listener is not None
        await asyncio.sleep(SETTLE_S)
        watch = Watch()
        watch.start()
        print(json.dumps({"port": panel.listener.port}), flush=True)
        stop = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        with profiled(arguments.profile):
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
    async with open_window() as window:
        window.show_panel(window.trace)
        context = window.trace.place.context
        await asyncio.sleep(SETTLE_S)
        watch = Watch()
        with await prepare(context, [arguments.folder]) as selection:
            watch.start()
            start = time.perf_counter()
            peer = PeerAddress.parse(f"BENCH@127.0.0.1:{arguments.port}")
            with profiled(arguments.profile):
                report = await send(context, peer, ConnectionOptions(), selection)
        if not report.ok:
            raise SystemExit(f"not sent: {report.error or report.results[-1]}")
        return {"seconds": report.seconds, "count": report.sent, **watch.result(start, time.perf_counter())}


async def _rows(arguments: argparse.Namespace) -> dict[str, object]:
    """So many rows come in batches while the list follows, then the list is scrolled through; how long frames take."""
    async with open_window() as window:
        panel = window.trace
        window.show_panel(panel)
        panel.show_zoom(Zoom.ROWS)
        await asyncio.sleep(SETTLE_S)
        store, made = panel.place.context.trace, 0
        data = bytes.fromhex("04000000000c00000008010300000000")
        watch = Watch()
        watch.start()
        start = time.perf_counter()
        with profiled(arguments.profile):
            while made < arguments.count:
                for _ in range(min(500, arguments.count - made)):
                    record = PduRecord(1, 0.0, 1e9, Direction.RECEIVED, 4, len(data), (Segment(0, data),), "")
                    store(record)
                    made += 1
                await asyncio.sleep(0.001)
            await until(lambda: not panel.model.is_behind)
        end = time.perf_counter()
        appended = watch.result(start, end)
        frames = await _scroll(window)
        shown = panel.model.rowCount()
        return {"rows": shown, "seconds": end - start, **appended, "frame_p99": frames[0], "frame_worst": frames[1]}


async def _trace(arguments: argparse.Namespace) -> dict[str, object]:
    """A long trace comes, is scrolled, filtered, saved and opened."""
    async with open_window() as window:
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
    await until(lambda: not panel.model.is_behind)


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
    async with open_window() as window:
        window.show_panel(window.trace)
        await asyncio.sleep(SETTLE_S)
        watch = Watch()
        watch.start()
        start = time.perf_counter()
        await asyncio.sleep(arguments.seconds)
        return dict(watch.result(start, time.perf_counter()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
