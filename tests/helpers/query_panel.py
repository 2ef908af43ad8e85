"""What the tests of the query panel do again and again: fill in, ask, wait, read the tables."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from helpers.bad_peer import reached
from PySide6.QtWidgets import QPushButton

from dicomgui.gui.asking.rows import ITEM
from dicomgui.gui.query.panel import QueryPanel
from dicomgui.gui.query.retrieve_model import RetrieveColumn
from dicomgui.gui.shell.main_window import MainWindow

Press = Callable[[QPushButton], Awaitable[None]]


def use_folder(window: MainWindow, folder: Path) -> None:
    """The archive of a test is its own."""
    settings = window.config.settings
    listener = replace(settings.listener, folder=str(folder), fsync=False)
    window.config.change(replace(settings, listener=listener))


async def shown_panel(window: MainWindow, folder: Path) -> QueryPanel:
    """The panel in view, with the archive in a folder of the test's own."""
    use_folder(window, folder)
    window.show_panel(window.query)
    keeper = window.query.place.archive
    await reached(lambda: window._has_ticked and keeper._opening is None, "the archive was looked for")
    return window.query


def call(panel: QueryPanel, peer: object) -> None:
    panel.peer.host.clear()
    panel.peer.host.insert(str(peer))


def fill(panel: QueryPanel, **keys: str) -> None:
    for keyword, text in keys.items():
        panel.form.usual.set_texts({**panel.form.usual.texts(), keyword: text})


def cells(panel: QueryPanel, key: str = ITEM) -> list[str]:
    model = panel.results.model
    place = next(number for number, column in enumerate(model.columns) if column.key == key)
    return [str(model.index(row, place).data()) for row in range(model.rowCount())]


async def ended(panel: QueryPanel) -> None:
    await reached(lambda: not panel.is_busy and panel.run_button.isEnabled(), "the query has ended", 60)


async def ask(panel: QueryPanel, press: Press, peer: object, **keys: str) -> None:
    call(panel, peer)
    fill(panel, **keys)
    await press(panel.run_button)
    await ended(panel)


async def retrieved(panel: QueryPanel) -> None:
    def is_over() -> bool:
        model = panel.retrieve.model
        states = [model.index(row, RetrieveColumn.STATE).data() for row in range(model.rowCount())]
        return bool(states) and len(states) == len(panel.retrievals.lines) and not {"queued", "running"} & set(states)

    await reached(is_over, "all are retrieved", 60)


def line(panel: QueryPanel, column: RetrieveColumn, row: int = 0) -> str:
    return str(panel.retrieve.model.index(row, column).data())


def choose_method(panel: QueryPanel, text: str) -> None:
    panel.retrieve.method.setCurrentIndex(panel.retrieve.method.findText(text))
