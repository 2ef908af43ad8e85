"""The elements of a copy, whose values can be typed over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QColor

from dicomgui.app.viewing.editing import EditedCopy, EditError, EditRow
from dicomgui.gui.look.theme import current_colors
from dicomgui.gui.tables.columns import ROOT, ColumnsModel, Index
from dicomgui.gui.widgets.text import tooltip
from dicomgui.trace.finding import plain

__all__ = ["EditModel"]

_SHOWN = 1024


class EditModel(ColumnsModel):
    """Shows an :class:`~dicomgui.app.viewing.editing.EditedCopy`; what is typed is checked before it is taken.

    :param refuse: told in words why a value was not taken; nothing where one was.
    """

    titles: ClassVar[tuple[str, ...]] = ("Element", "Value")

    def __init__(self, refuse: Callable[[str], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._refuse = refuse
        self.copy: EditedCopy | None = None
        self._rows: list[EditRow] = []

    def show_copy(self, copy: EditedCopy | None, rows: list[EditRow] | None = None) -> None:
        """Show a copy, or what has become of it."""
        self.beginResetModel()
        self.copy = copy
        self._rows = rows if rows is not None else copy.rows() if copy is not None else []
        self.endResetModel()

    def row_at(self, row: int) -> EditRow | None:
        """One line."""
        return self._rows[row] if 0 <= row < len(self._rows) else None

    def row_of(self, path: tuple[int, ...]) -> int:
        """The line of an element, -1 for none."""
        return next((number for number, row in enumerate(self._rows) if row.path == path), -1)

    # Qt's side

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        if index.isValid() and index.column() == 1 and self._rows[index.row()].is_editable:
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row = self._rows[index.row()]
        indent = "      " * (len(row.path) // 2)
        if role == Qt.ItemDataRole.DisplayRole:
            return indent + row.label if index.column() == 0 else plain(row.value, _SHOWN)
        if role == Qt.ItemDataRole.EditRole:
            return row.value
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(row.label if index.column() == 0 else plain(row.value, _SHOWN))
        if role == Qt.ItemDataRole.ForegroundRole and row.is_changed:
            return QColor(current_colors().warning)
        if role == Qt.ItemDataRole.ForegroundRole and not row.is_editable and index.column() == 1:
            return QColor(current_colors().muted)
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        row = self._rows[index.row()]
        if role != Qt.ItemDataRole.EditRole or self.copy is None or str(value) == row.value:
            return False
        try:
            self.copy.set_value(row.path, str(value))
        except EditError as error:
            self._refuse(f"{row.label}: {error}")
            return False
        self._refuse("")
        self._rows[index.row()] = EditRow(row.path, row.label, str(value), True, True)
        self.dataChanged.emit(self.index(index.row(), 0), self.index(index.row(), 1))
        return True
