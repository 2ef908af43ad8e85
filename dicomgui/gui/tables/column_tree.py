"""Trees that are made alike: columns, one line a row, long text elided, one column that takes what is left."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QAbstractItemModel, Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTreeView, QWidget

from dicomgui.gui.look.theme import head_font

__all__ = ["ColumnTree"]


class ColumnTree(QTreeView):
    """A tree with columns, to be read.

    :param name: object name.
    :param accessible: what it shows, for assistive technology.
    """

    def __init__(self, name: str, accessible: str, model: QAbstractItemModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(accessible)
        self.setModel(model)
        self.setUniformRowHeights(True)
        self.setAlternatingRowColors(True)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setIndentation(16)
        self.header().setStretchLastSection(False)
        self.header().setFont(head_font())
        self.header().setTextElideMode(Qt.TextElideMode.ElideRight)

    def set_widths(self, widths: Mapping[int, int], *, stretch: int) -> None:
        """Set the widths of columns, in points; one takes what is left."""
        columns = self.header()
        columns.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        columns.setSectionResizeMode(stretch, QHeaderView.ResizeMode.Stretch)
        for column, width in widths.items():
            columns.resizeSection(column, width)
