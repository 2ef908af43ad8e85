"""Our window asks and is told to stop: the commands `find` and `cancel` of :mod:`bench.our_window`."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

from bench.watched_window import SETTLE_S, Watch, open_window, until  # isort: skip

from dicomgui.gui.query.panel import QueryPanel
from dicomgui.gui.shell.main_window import MainWindow

__all__ = ["cancel", "find"]

ENDLESS = 100_000_000
"""Matches that nobody waits for."""


def _fill(panel: QueryPanel, port: int, count: int) -> None:
    """Fill in the panel as a user does, without a limit."""
    panel.peer.host.clear()
    panel.peer.host.insert(f"BENCH@127.0.0.1:{port}")
    panel.form.usual.set_texts({**panel.form.usual.texts(), "PatientID": str(count)})
    limit = panel.form.how.limit
    limit.setCurrentIndex(next(place for place in range(limit.count()) if _is_endless(panel, place)))


def _ask(panel: QueryPanel, port: int, count: int) -> None:
    _fill(panel, port, count)
    panel.run_button.click()


def _is_endless(panel: QueryPanel, place: int) -> bool:
    panel.form.how.limit.setCurrentIndex(place)
    return panel.form.how.chosen_limit is None


async def find(arguments: argparse.Namespace) -> dict[str, object]:
    """Many matches stream into the table: seconds from the click until all are rows, and how late the window was.

    Of the second query: what the program loads for its first one is not what matches cost.
    """
    async with open_window() as window:
        panel = window.query
        window.show_panel(panel)
        await asyncio.sleep(SETTLE_S)
        _ask(panel, arguments.port, 1)
        await until(lambda: not panel.is_busy)
        _fill(panel, arguments.port, arguments.count)
        await asyncio.sleep(SETTLE_S)
        watch = Watch()
        watch.start()
        start = time.perf_counter()
        panel.run_button.click()
        await until(lambda: not panel.is_busy)
        end = time.perf_counter()
        shown = panel.results.model.rowCount()
        if shown != arguments.count:
            raise SystemExit(f"the table has {shown} of {arguments.count} rows: {panel.status.text()}")
        return {"seconds": end - start, "count": shown, **watch.result(start, end)}


async def cancel(arguments: argparse.Namespace) -> dict[str, object]:
    """Seconds from the click on Cancel until the panel can begin something else, for each kind of work."""
    async with open_window() as window:
        listener = replace(window.config.settings.listener, folder=str(arguments.folder), fsync=False)
        window.config.change(replace(window.config.settings, listener=listener))
        await asyncio.sleep(SETTLE_S)
        return {
            "query": await _cancel_query(window, arguments),
            "send": await _cancel_send(window, arguments),
            "echo": await _cancel_echo(window, arguments),
            "import": await _cancel_import(window, arguments),
        }


async def _stopped(press: Callable[[], object], is_busy: Callable[[], bool]) -> float:
    start = time.perf_counter()
    press()
    await until(lambda: not is_busy())
    return time.perf_counter() - start


async def _cancel_query(window: MainWindow, arguments: argparse.Namespace) -> float:
    panel = window.query
    window.show_panel(panel)
    _ask(panel, arguments.provider, ENDLESS)
    await until(lambda: panel.results.model.rowCount() > 0)
    return await _stopped(panel.cancel_button.click, lambda: panel.is_busy)


async def _cancel_send(window: MainWindow, arguments: argparse.Namespace) -> float:
    """In the middle of a data set, as the peer reads no more."""
    panel = window.send
    window.show_panel(panel)
    await panel.add_paths([arguments.source])
    panel.peer.host.clear()
    panel.peer.host.insert(f"BENCH@127.0.0.1:{arguments.staller}")
    panel.run_button.click()
    await until(lambda: panel.is_busy)
    await asyncio.sleep(SETTLE_S)
    return await _stopped(panel.cancel_button.click, lambda: panel.is_busy)


async def _cancel_echo(window: MainWindow, arguments: argparse.Namespace) -> float:
    panel = window.echo
    window.show_panel(panel)
    panel.peer.host.clear()
    panel.peer.host.insert(f"BENCH@127.0.0.1:{arguments.staller}")
    panel.run_button.click()
    await until(lambda: panel.is_busy)
    await asyncio.sleep(SETTLE_S)
    return await _stopped(panel.cancel_button.click, lambda: panel.is_busy)


async def _cancel_import(window: MainWindow, arguments: argparse.Namespace) -> float:
    panel = window.archive
    window.show_panel(panel)
    await until(lambda: panel.place.archive._opening is None)
    panel.add_paths([arguments.source])
    await asyncio.sleep(0.05)
    return await _stopped(panel.cancel_button.click, lambda: panel.is_busy)
