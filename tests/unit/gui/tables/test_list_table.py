"""Tables that are made alike."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QStandardItemModel
from pytestqt.qtbot import QtBot

from dicomgui.gui.tables.list_table import LEAST, ListTable


@pytest.fixture
def table(qtbot: QtBot) -> ListTable:
    shown = ListTable("table", "Rows")
    qtbot.addWidget(shown)
    shown.setModel(QStandardItemModel(1, 3, shown))
    shown.set_widths({0: 100, 2: 150}, stretch=1)
    return shown


def test_one_column_takes_what_is_left(table: ListTable) -> None:
    table.resize(800, 100)
    table.show()
    assert table.columnWidth(1) == table.viewport().width() - 250


def test_the_column_gives_its_room_back_where_nothing_is_left(table: ListTable) -> None:
    table.resize(800, 100)
    table.show()
    table.resize(240, 100)
    assert [table.columnWidth(column) for column in range(3)] == [100, LEAST, 150]
    table.resize(700, 100)
    assert table.columnWidth(1) == table.viewport().width() - 250
