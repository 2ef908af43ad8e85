"""The keys of a query beyond the usual fields: what has to match, and what is to be returned."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor

from dicomgui.app.asking.keys import Key, parse_key
from dicomgui.gui.look.theme import current_colors
from dicomgui.gui.tables.columns import ROOT, ColumnsModel, Index
from dicomgui.gui.widgets.text import tooltip
from dicomgui.network.errors import ConfigurationError
from dicomgui.trace.finding import plain

__all__ = ["KeyModel"]

_RETURNED = "only returned"


class KeyModel(ColumnsModel):
    """Rows are keys; the value of one can be edited, an empty one makes it a return key."""

    titles = ("Attribute", "Has to match")

    keys_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._keys: list[Key] = []

    @property
    def keys(self) -> tuple[Key, ...]:
        """All of them, in their order."""
        return tuple(self._keys)

    def set_keys(self, keys: Iterable[Key]) -> None:
        """Replace all."""
        self.beginResetModel()
        self._keys = list(keys)
        self.endResetModel()
        self.keys_changed.emit()

    def put(self, key: Key) -> int:
        """Add a key, or give one that is there another value; gives its row."""
        for row, known in enumerate(self._keys):
            if known.name == key.name:
                self._replace(row, key)
                return row
        row = len(self._keys)
        self.beginInsertRows(ROOT, row, row)
        self._keys.append(key)
        self.endInsertRows()
        self.keys_changed.emit()
        return row

    def remove(self, rows: Iterable[int]) -> None:
        """Take rows out."""
        for row in sorted(set(rows), reverse=True):
            self.beginRemoveRows(ROOT, row, row)
            del self._keys[row]
            self.endRemoveRows()
        self.keys_changed.emit()

    def _replace(self, row: int, key: Key) -> None:
        if key != self._keys[row]:
            self._keys[row] = key
            self.dataChanged.emit(self.index(row, 0), self.index(row, 1))
            self.keys_changed.emit()

    # Qt's side

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self._keys)

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        if index.isValid() and index.column() == 1 and not self._keys[index.row()].attribute.is_sequence:
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        key = self._keys[index.row()]
        text = plain(key.name, 300) if index.column() == 0 else plain(key.value, 300) or _RETURNED
        if role == Qt.ItemDataRole.DisplayRole:
            return text
        if role == Qt.ItemDataRole.EditRole:
            return key.value
        if role == Qt.ItemDataRole.ToolTipRole:
            attribute = key.attribute
            return tooltip(f"{attribute.name} {attribute.number} {attribute.vr}" if index.column() == 0 else text)
        if role == Qt.ItemDataRole.ForegroundRole and index.column() == 1 and not key.value:
            return QColor(current_colors().muted)
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if not index.isValid() or role != Qt.ItemDataRole.EditRole or index.column() != 1:
            return False
        try:
            key = parse_key(f"{self._keys[index.row()].name}={str(value).strip()}")
        except ConfigurationError:
            return False
        self._replace(index.row(), key)
        return True
