"""The files of a send: what each is, how far it has come, what the peer answered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from dicomgui.app.send import ItemResult, ItemState
from dicomgui.app.sources import SendItem, Skipped
from dicomgui.gui.theme import current_colors
from dicomgui.gui.widgets.text import size_text, tooltip
from dicomgui.network.uids import name_of
from dicomgui.trace.finding import plain

__all__ = ["SendColumn", "SendModel"]

_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


class SendColumn(IntEnum):
    """The columns, in their order."""

    FILE = 0
    KIND = 1
    ENCODING = 2
    SIZE = 3
    STATE = 4
    RESULT = 5


_TITLES = ("File", "SOP class", "Transfer syntax", "Size", "State", "Result")
_SKIPPED = "skipped"


@dataclass(slots=True)
class _Row:
    name: str
    item: SendItem | None
    state: ItemState | None
    text: str

    @property
    def state_text(self) -> str:
        return self.state.value if self.state is not None else _SKIPPED


class SendModel(QAbstractTableModel):
    """Rows in the order in which they were added; what is no instance has a row as well, with the reason."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[_Row] = []
        self._row_of: dict[int, int] = {}

    # filling

    def add(self, items: Iterable[SendItem], skipped: Iterable[Skipped]) -> None:
        """Append what a scan found; a file that is there already is not added again."""
        known = {row.name for row in self._rows}
        rows = [_Row(item.name, item, ItemState.QUEUED, "") for item in items if item.name not in known]
        rows += [_Row(one.name, None, None, plain(one.reason)) for one in skipped if one.name not in known]
        if rows:
            first = len(self._rows)
            self.beginInsertRows(QModelIndex(), first, first + len(rows) - 1)
            self._rows += rows
            self._number()
            self.endInsertRows()

    def remove(self, numbers: Iterable[int]) -> None:
        """Take rows out."""
        for number in sorted(set(numbers), reverse=True):
            self.beginRemoveRows(QModelIndex(), number, number)
            del self._rows[number]
            self.endRemoveRows()
        self._number()

    def clear(self) -> None:
        """Take all rows out."""
        self.beginResetModel()
        self._rows = []
        self._row_of = {}
        self.endResetModel()

    def queue_all(self) -> None:
        """All instances are to be sent (again)."""
        for row in self._rows:
            if row.item is not None:
                row.state, row.text = ItemState.QUEUED, ""
        self._changed(0, len(self._rows) - 1)

    def show_results(self, results: Iterable[ItemResult]) -> None:
        """Show what became of some; one change is told for all."""
        touched = []
        for result in results:
            number = self._row_of.get(id(result.item))
            if number is not None:
                self._rows[number].state = result.state
                self._rows[number].text = _result_text(result)
                touched.append(number)
        if touched:
            self._changed(min(touched), max(touched))

    def show_sending(self, item: SendItem) -> None:
        """This one is on its way."""
        number = self._row_of.get(id(item))
        if number is not None and self._rows[number].state is ItemState.QUEUED:
            self._rows[number].state = ItemState.SENDING
            self._changed(number, number)

    def _number(self) -> None:
        self._row_of = {id(row.item): number for number, row in enumerate(self._rows) if row.item is not None}

    def _changed(self, first: int, last: int) -> None:
        if last >= first:
            self.dataChanged.emit(self.index(first, 0), self.index(last, len(SendColumn) - 1))

    # reading

    @property
    def items(self) -> tuple[SendItem, ...]:
        """The instances, in their order."""
        return tuple(row.item for row in self._rows if row.item is not None)

    @property
    def size_bytes(self) -> int:
        """Of all instances together."""
        return sum(row.item.size_bytes for row in self._rows if row.item is not None)

    @property
    def skipped(self) -> int:
        """How many rows are no instance."""
        return sum(1 for row in self._rows if row.item is None)

    def row_of_item(self, item: SendItem) -> int:
        """The row of an instance, -1 where it is not there."""
        return self._row_of.get(id(item), -1)

    def state_of(self, row: int) -> str:
        """What the state column says."""
        return self._rows[row].state_text

    # Qt's side

    def rowCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(SendColumn)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return _TITLES[section]
            if role == Qt.ItemDataRole.TextAlignmentRole:
                return _alignment(section)
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row, column = self._rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(row, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(plain(row.name, 500) if column == SendColumn.FILE else _text(row, column))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        if role == Qt.ItemDataRole.ForegroundRole and column in (SendColumn.STATE, SendColumn.RESULT):
            return _color(row.state)
        return None


def _alignment(column: int) -> int:
    across = Qt.AlignmentFlag.AlignRight if column == SendColumn.SIZE else Qt.AlignmentFlag.AlignLeft
    return int(across | Qt.AlignmentFlag.AlignVCenter)


def _text(row: _Row, column: int) -> str:
    if column == SendColumn.FILE:
        return plain(Path(row.name).name or row.name)
    if column == SendColumn.STATE:
        return row.state_text
    if column == SendColumn.RESULT:
        return row.text
    if row.item is None:
        return ""
    if column == SendColumn.SIZE:
        return size_text(row.item.size_bytes)
    head = row.item.head
    return plain(name_of(head.sop_class_uid if column == SendColumn.KIND else head.transfer_syntax_uid))


def _result_text(result: ItemResult) -> str:
    status = plain(result.status) if result.status is not None else ""
    if result.state is ItemState.SENT:
        return status
    return plain(" · ".join(filter(None, (status or result.reason, result.comment))))


def _color(state: ItemState | None) -> QColor | None:
    colors = current_colors()
    tones = {
        ItemState.SENT: colors.good, ItemState.WARNING: colors.warning, ItemState.FAILED: colors.error,
        ItemState.SENDING: colors.accent, ItemState.QUEUED: colors.text, ItemState.CANCELLED: colors.muted,
    }  # fmt: skip
    return QColor(tones[state] if state is not None else colors.warning)
