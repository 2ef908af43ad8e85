"""A flat table whose rows open: the keys and the clicks that its tables have in common."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QAbstractItemView, QWidget

from dicomgui.gui.tables.list_table import ListTable
from dicomgui.gui.tables.tree_cell import DEPTH_ROLE, OPEN_ROLE, TreeCellDelegate, arrow_rect

__all__ = ["TreeRows", "TreeTable"]


class TreeRows(Protocol):
    """What the model of such a table can do with its rows."""

    def open_row(self, row: int, /) -> None:
        """Show what is below a row."""

    def close_row(self, row: int, /) -> None:
        """Hide what is below a row."""

    def toggle(self, row: int, /) -> None:
        """Open a row, or close it."""

    def parent_row(self, row: int, /) -> int:
        """The row above in the tree, or -1."""


class TreeTable(ListTable):
    """Right and Left, or a click on its arrow, open and close a row; Enter and a double click activate it.

    The arrow stands in the column that has :attr:`tree_delegate`. Several rows can be selected.
    """

    def __init__(self, name: str, accessible: str, rows: TreeRows, parent: QWidget | None = None) -> None:
        super().__init__(name, accessible, parent)
        self._rows = rows
        self.tree_delegate = TreeCellDelegate(self)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.doubleClicked.connect(lambda index: self.activate_row(index.row()))

    def activate_row(self, row: int) -> None:
        """The user wants what a row stands for."""
        raise NotImplementedError

    def keyPressEvent(self, event: QKeyEvent) -> None:
        row, key = self.currentIndex().row(), event.key()
        if row < 0 or event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            super().keyPressEvent(event)
        elif key in (Qt.Key.Key_Right, Qt.Key.Key_Plus):
            self._rows.open_row(row)
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Minus):
            self._close_or_go_up(row)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.activate_row(row)
        else:
            super().keyPressEvent(event)

    def _close_or_go_up(self, row: int) -> None:
        if self.currentIndex().data(OPEN_ROLE):
            self._rows.close_row(row)
        elif (above := self._rows.parent_row(row)) >= 0:
            self.selectRow(above)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton and self._is_on_arrow(event.position().toPoint()):
            self._rows.toggle(self.indexAt(event.position().toPoint()).row())
            return
        super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if not self._is_on_arrow(event.position().toPoint()):
            super().mouseDoubleClickEvent(event)

    def _is_on_arrow(self, point: QPoint) -> bool:
        index = self.indexAt(point)
        if not index.isValid() or index.data(OPEN_ROLE) is None:
            return False
        if self.itemDelegateForIndex(index) is not self.tree_delegate:
            return False
        return arrow_rect(self.visualRect(index), int(index.data(DEPTH_ROLE))).adjusted(-4, -4, 4, 4).contains(point)
