"""What the tables of the window have in common: columns whose titles and alignment are known beforehand."""

from __future__ import annotations

from typing import Any, ClassVar, TypeAlias

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

__all__ = ["ROOT", "ColumnsModel", "Index", "alignment"]

Index: TypeAlias = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()

_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


def alignment(*, is_right: bool) -> int:
    """The value of Qt's alignment role."""
    return _RIGHT if is_right else _LEFT


class ColumnsModel(QAbstractTableModel):
    """A flat table; who inherits from it gives the rows and their data.

    :cvar titles: of the columns.
    :cvar right_columns: those that are aligned to the right, heads and cells.
    """

    titles: ClassVar[tuple[str, ...]]
    right_columns: ClassVar[frozenset[int]] = frozenset()

    def columnCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self.titles)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return self.titles[section]
            if role == Qt.ItemDataRole.TextAlignmentRole:
                return self.alignment_of(section)
        return None

    def alignment_of(self, column: int) -> int:
        """The alignment of a column's cells and head."""
        return alignment(is_right=column in self.right_columns)
