"""Copying an exchange of the trace as a command of another tool."""

from __future__ import annotations

import asyncio

from PySide6.QtWidgets import QMenu, QWidget
from shiboken6 import isValid

from dicomgui.app.recipes.of_trace import recipe_at
from dicomgui.gui.panels.panel import Workplace
from dicomgui.gui.running.tasks import PanelTasks
from dicomgui.gui.trace.listing.model import TraceModel
from dicomgui.gui.widgets.copy_menu import copy_menu, fill_copy_menu
from dicomgui.network.errors import ConfigurationError
from dicomgui.trace.finding import plain

__all__ = ["add_copies"]


def add_copies(menu: QMenu, model: TraceModel, row: int, place: Workplace, tasks: PanelTasks, parent: QWidget) -> None:
    """Add a menu with the commands of the row's exchange; it is filled when the request has been read, in a thread."""
    _, exchange = model.item_at(row)
    if not exchange:
        return
    copies = copy_menu(parent, None)
    copies.setParent(menu, copies.windowFlags())
    copies.clear()
    copies.addAction("Reading the request …").setEnabled(False)
    copies.setEnabled(True)
    menu.addMenu(copies)
    seq = model.source.index.exchanges.first_seq[exchange]
    tasks.spawn(_fill(copies, model, seq, place), name="read a request")


async def _fill(copies: QMenu, model: TraceModel, seq: int, place: Workplace) -> None:
    loop = asyncio.get_running_loop()
    problem, recipes = "", []
    try:
        recipe = await loop.run_in_executor(place.context.file_pool, recipe_at, model.source.store, seq)
        recipes = [("", recipe)]
    except ConfigurationError as error:
        problem = str(error)
    if not isValid(copies):
        return
    if recipes:
        fill_copy_menu(copies, recipes)
        return
    copies.clear()
    copies.addAction(plain(f"Cannot be copied: {problem}", 120).replace("&", "&&")).setEnabled(False)
