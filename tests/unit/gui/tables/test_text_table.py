from __future__ import annotations

from PySide6.QtCore import Qt
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from dicomgui.gui.tables.pills import ICON_ROLE, TONE_ROLE
from dicomgui.gui.tables.text_table import Cell, TextTable


def test_it_shows_cells(qtbot: QtBot, qtmodeltester: ModelTester) -> None:
    model = TextTable(("Name", "Count"), numbers=(1,))
    model.show_rows([(Cell("a", "error", "error", "why <b>"), Cell("1"))])
    qtmodeltester.check(model, force_py=True)
    index = model.index(0, 0)
    assert (index.data(), index.data(TONE_ROLE), index.data(ICON_ROLE)) == ("a", "error", "error")
    assert "&lt;b&gt;" in index.data(Qt.ItemDataRole.ToolTipRole)
    assert index.data(Qt.ItemDataRole.ForegroundRole) is not None
    assert model.headerData(1, Qt.Orientation.Horizontal) == "Count"
    assert model.line_of(0) == "a\t1"
    model.show_rows([])
    assert model.rowCount() == 0
