"""A table of finished texts, for what is small and is shown all at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from dicomgui.gui.look.theme import current_colors
from dicomgui.gui.tables.pills import ICON_ROLE, TONE_ROLE
from dicomgui.gui.widgets.text import tooltip

__all__ = ["Cell", "TextTable"]

_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class Cell(NamedTuple):
    """One cell.

    :ivar text: plain text of one line.
    :ivar tone: colour, see :class:`~dicomgui.gui.widgets.text.PlainLabel`.
    :ivar icon: of a pill.
    :ivar tip: what its tool tip says; the text where empty.
    """

    text: str
    tone: str = ""
    icon: str = ""
    tip: str = ""


class TextTable(QAbstractTableModel):
    """Rows of cells.

    :param titles: of the columns.
    :param numbers: columns whose texts stand at the right.
    """

    def __init__(self, titles: Sequence[str], numbers: Sequence[int] = (), parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._titles = tuple(titles)
        self._numbers = frozenset(numbers)
        self._rows: list[tuple[Cell, ...]] = []

    def show_rows(self, rows: Sequence[tuple[Cell, ...]]) -> None:
        """Show other rows."""
        self.beginResetModel()
        self._rows = list(rows)
        self.endResetModel()

    def line_of(self, row: int) -> str:
        """The cells of a row as one line, to be copied."""
        return "\t".join(cell.text for cell in self._rows[row])

    # Qt's side

    def rowCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._titles)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._titles[section]
        if role == Qt.ItemDataRole.TextAlignmentRole and section in self._numbers:
            return _RIGHT
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        cell = self._rows[index.row()][index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return cell.text
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(cell.tip or cell.text)
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() in self._numbers:
            return _RIGHT
        if role == Qt.ItemDataRole.ForegroundRole and cell.tone:
            return QColor(str(getattr(current_colors(), cell.tone)))
        return {TONE_ROLE: cell.tone or None, ICON_ROLE: cell.icon or None}.get(role)
