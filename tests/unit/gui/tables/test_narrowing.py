"""Trees whose names leave room for the values."""

from __future__ import annotations

from PySide6.QtGui import QStandardItemModel
from pytestqt.qtbot import QtBot

from dicomgui.gui.tables.narrowing import LAST_FROM, NarrowingTree


def tree_of(qtbot: QtBot) -> NarrowingTree:
    model = QStandardItemModel(1, 3)
    tree = NarrowingTree("tree", "Elements", model)
    model.setParent(tree)
    qtbot.addWidget(tree)
    tree.set_columns(200, (2, 90))
    return tree


def test_names_have_their_width_where_there_is_room(qtbot: QtBot) -> None:
    tree = tree_of(qtbot)
    tree.resize(800, 100)
    tree.show()
    assert [tree.columnWidth(column) for column in (0, 2)] == [200, 90]
    assert not tree.isColumnHidden(2)


def test_names_and_places_give_way_to_values_where_it_is_narrow_and_come_back(qtbot: QtBot) -> None:
    tree = tree_of(qtbot)
    tree.resize(200, 100)
    tree.show()
    assert tree.isColumnHidden(2)
    assert tree.columnWidth(0) < 150
    assert tree.columnWidth(0) + tree.columnWidth(1) == tree.viewport().width()
    tree.resize(LAST_FROM + 50, 100)
    assert tree.columnWidth(0) == 200
    assert not tree.isColumnHidden(2)


def test_the_user_s_width_is_kept(qtbot: QtBot) -> None:
    tree = tree_of(qtbot)
    tree.resize(800, 100)
    tree.show()
    tree.header().resizeSection(0, 320)
    tree.resize(200, 100)
    tree.resize(900, 100)
    assert tree.columnWidth(0) == 320
