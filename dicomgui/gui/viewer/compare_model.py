"""Two data sets side by side as a tree of three columns; what is the same can be left out."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from dicomgui.app.viewing.compare_datasets import Compared, Kind
from dicomgui.gui.look.theme import current_colors
from dicomgui.gui.widgets.text import tooltip

__all__ = ["CompareModel"]

_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_SIGNS = {Kind.SAME: "", Kind.CHANGED: "≠", Kind.ADDED: "+", Kind.REMOVED: "−"}


class _Line:
    __slots__ = ("children", "line", "parent", "row")

    def __init__(self, line: Compared, parent: _Line | None, row: int, *, is_filtered: bool) -> None:
        self.line = line
        self.parent = parent
        self.row = row
        shown = [child for child in line.children if child.differences or not is_filtered]
        self.children = [_Line(child, self, number, is_filtered=is_filtered) for number, child in enumerate(shown)]


class CompareModel(QAbstractItemModel):
    """Shows a :class:`~dicomgui.app.viewing.compare_datasets.Compared`; its children are the uppermost rows."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._root: _Line | None = None
        self._names = ("", "")

    def show_lines(self, whole: Compared | None, *, only_differences: bool) -> None:
        """Show a comparison, or nothing."""
        self.beginResetModel()
        self._root = _Line(whole, None, 0, is_filtered=only_differences) if whole is not None else None
        self._names = (whole.left, whole.right) if whole is not None else ("", "")
        self.endResetModel()

    def line_of(self, index: _Index) -> Compared | None:
        """The line of an index."""
        return self._at(index).line if index.isValid() else None

    @staticmethod
    def _at(index: _Index) -> _Line:
        line = index.internalPointer()
        assert isinstance(line, _Line)
        return line

    # Qt's side

    def index(self, row: int, column: int, parent: _Index = _ROOT) -> QModelIndex:
        above = self._at(parent) if parent.isValid() else self._root
        if above is None or not 0 <= row < len(above.children):
            return QModelIndex()
        return self.createIndex(row, column, above.children[row])

    def parent(self, child: _Index = _ROOT) -> Any:
        above = self._at(child).parent if child.isValid() else None
        return QModelIndex() if above is None or above is self._root else self.createIndex(above.row, 0, above)

    def rowCount(self, parent: _Index = _ROOT) -> int:
        if parent.isValid():
            return len(self._at(parent).children) if parent.column() == 0 else 0
        return len(self._root.children) if self._root is not None else 0

    def columnCount(self, parent: _Index = _ROOT) -> int:
        return 4

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return ("Element", "", f"Left: {self._names[0]}", f"Right: {self._names[1]}")[section]
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        line, colors = self._at(index).line, current_colors()
        text = (line.label, _SIGNS[line.kind], line.left, line.right)[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return text
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(f"{line.label}: {line.kind.value}" if index.column() == 1 else text)
        if role == Qt.ItemDataRole.AccessibleTextRole and index.column() == 1:
            return line.kind.value
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() == 1:
            return int(Qt.AlignmentFlag.AlignCenter)
        tones = {Kind.ADDED: colors.good, Kind.REMOVED: colors.error, Kind.CHANGED: colors.warning}
        is_own = index.column() == 1 or not line.children
        if role == Qt.ItemDataRole.ForegroundRole and index.column() and is_own and line.kind in tones:
            return QColor(tones[line.kind])
        return None
