"""Times as bars."""

from __future__ import annotations

from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from dicomgui.gui.look.theme import current_colors
from dicomgui.gui.trace.details.waterfall import Waterfall


def test_it_is_blank_where_no_times_are_known(qtbot: QtBot) -> None:
    view = Waterfall("waterfall")
    qtbot.addWidget(view)
    view.resize(400, 100)
    view.show_lines((), 0.0, 0.0)
    view.show()
    seen = view.grab().toImage()
    colors = {seen.pixelColor(x, y).name() for x in range(seen.width()) for y in range(0, seen.height(), 3)}
    assert colors == {QColor(current_colors().base).name()}
