"""Tables that are made alike: whole rows, one line each, long text elided, columns that keep their place."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QAbstractItemModel, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from dicomgui.gui.look.theme import head_font

__all__ = ["LEAST", "ListTable", "uid_table"]

LEAST = 120
"""The column that takes what is left has at least this, in pixels; below it the table scrolls."""


class ListTable(QTableView):
    """A flat list with columns.

    :param name: object name.
    :param accessible: what it lists, for assistive technology.
    """

    def __init__(self, name: str, accessible: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stretch: int | None = None
        self.setObjectName(name)
        self.setAccessibleName(accessible)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.setWordWrap(False)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        rows = self.verticalHeader()
        rows.hide()
        # Fixed, else Qt asks every row for its height.
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(self.fontMetrics().height() + 8)
        columns = self.horizontalHeader()
        columns.setHighlightSections(False)
        columns.setFont(head_font())
        columns.setTextElideMode(Qt.TextElideMode.ElideRight)
        columns.setMinimumSectionSize(28)
        columns.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)

    def set_widths(self, widths: Mapping[int, int], *, stretch: int) -> None:
        """Set the widths of columns, in points; one takes what is left. The model must be set."""
        columns = self.horizontalHeader()
        for column, width in widths.items():
            self.setColumnWidth(column, width)
        columns.setSectionResizeMode(stretch, QHeaderView.ResizeMode.Stretch)
        self._stretch = stretch

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        columns = self.horizontalHeader()
        if self._stretch is not None and columns.length() > self.viewport().width():
            # Nothing is left: then Qt leaves the column as wide as it was when there was room.
            beyond = columns.length() - self.viewport().width()
            columns.resizeSection(self._stretch, max(LEAST, self.columnWidth(self._stretch) - beyond))


def uid_table(name: str, accessible: str, model: QAbstractItemModel) -> ListTable:
    """A list in which UIDs stand, which differ at their ends."""
    table = ListTable(name, accessible)
    table.setModel(model)
    table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
    return table
