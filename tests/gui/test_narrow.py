"""The window at its smallest: no panel is wider than it."""

from __future__ import annotations

import pytest
from helpers.bad_peer import reached
from PySide6.QtWidgets import QScrollArea

from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.gui.shell.panel_window import PANELS

pytestmark = pytest.mark.qt


@pytest.mark.parametrize("key", tuple(PANELS))
async def test_nothing_is_beyond_the_edge_of_the_smallest_window(window: MainWindow, key: str) -> None:
    window.resize(window.minimumSize())
    panel = next(panel for panel in window.panels if panel.key == key)
    window.show_panel(panel)
    page = window.stack.currentWidget()
    assert isinstance(page, QScrollArea)
    await reached(lambda: page.widget() is not None and page.viewport().width() > 0, "it is shown")
    await reached(lambda: page.horizontalScrollBar().maximum() == 0, f"{key} is within the width")
    await reached(lambda: window.archive.view.is_listed or panel is not window.archive, "nothing is under way")
    await reached(lambda: not window._place.archive.is_opening, "nothing is under way")


async def test_what_is_in_the_archive_has_the_whole_line_until_something_else_is_said(window: MainWindow) -> None:
    archive = window.archive
    window.show_panel(archive)
    await reached(archive.counts.isVisible, "it is said")
    assert archive.status.isHidden()
    await reached(lambda: archive.counts.width() > archive.width() // 2, "it has the line")
    await reached(lambda: not window._place.archive.is_opening, "nothing is under way")
