"""What the trees of the window have in common."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItem, QStandardItemModel
from pytestqt.qtbot import QtBot

from dicomgui.gui.tables.column_tree import ColumnTree

pytestmark = [pytest.mark.qt, pytest.mark.qt_log_ignore("This plugin does not support")]


@pytest.fixture
def tree(qtbot: QtBot) -> ColumnTree:
    model = QStandardItemModel(0, 3)
    model.appendRow([QStandardItem(text) for text in ("PatientName", "PN", "Doe^John")])
    made = ColumnTree("tree", "Elements", model)
    model.setParent(made)
    made.set_widths({0: 150, 2: 60}, stretch=1)
    qtbot.addWidget(made)
    made.resize(500, 200)
    made.show()
    return made


def test_one_column_takes_what_the_others_leave(tree: ColumnTree) -> None:
    for width in (500, 800):
        tree.resize(width, 200)
        assert [tree.columnWidth(column) for column in (0, 2)] == [150, 60]
        assert sum(map(tree.columnWidth, range(3))) == tree.viewport().width()


def test_nothing_is_edited(tree: ColumnTree, qtbot: QtBot) -> None:
    tree.setCurrentIndex(tree.model().index(0, 0))
    qtbot.keyClick(tree, Qt.Key.Key_F2)
    assert not tree.isPersistentEditorOpen(tree.currentIndex())
    assert tree.state() == ColumnTree.State.NoState
