"""The trace as one flat table: it holds the numbers of its rows and asks the store for what comes into view."""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left
from collections import OrderedDict
from datetime import datetime
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QColor

from dicomgui.gui.models.trace_rows import ARROWS, Row, View, is_shown, row_of
from dicomgui.gui.theme import current_colors
from dicomgui.gui.widgets.text import tooltip
from dicomgui.network.tracing import BytesRecord, Direction, PduRecord, Record
from dicomgui.trace.store import Entry, TraceStore

__all__ = ["Column", "TraceModel"]

BATCH = 500
"""Records taken from the store at once."""

BUDGET_S = 0.004
"""How long one drain may take batches; the rest waits for the next tick."""

_CACHED = 2000  # rows whose cells are kept; a screen shows some fifty
_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


class Column(IntEnum):
    """The columns, in their order."""

    NUMBER = 0
    TIME = 1
    ASSOCIATION = 2
    DIRECTION = 3
    KIND = 4
    LENGTH = 5
    SUMMARY = 6


_TITLES = ("No.", "Time", "Assoc.", "", "Type", "Length", "Summary")
_RIGHT = (Column.NUMBER, Column.LENGTH)


class TraceModel(QAbstractTableModel):
    """Rows are only added at the end, dropped at the start, or all read again for another view."""

    rows_added = Signal(int)
    """So many rows came in one batch; told after they are there."""

    def __init__(self, store: TraceStore, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._rows = array("Q")
        self._reached = 0
        self._view = View.EVENTS
        self._association: int | None = None
        self._cells: OrderedDict[int, tuple[Entry, Row]] = OrderedDict()

    # filling

    def drain(self) -> None:
        """Take what is new from the store, in batches, for a few milliseconds at most."""
        self._drop_old()
        end = time.monotonic() + BUDGET_S
        while entries := self._store.since(self._reached, BATCH):
            self._reached = entries[-1].seq
            self._append([entry.seq for entry in entries if self._wants(entry.record)])
            if time.monotonic() >= end:
                return

    @property
    def is_behind(self) -> bool:
        """Whether the store has records that the model has not looked at."""
        return self._reached < self._store.last_seq

    def show(self, view: View, association: int | None) -> None:
        """Show other records; the next drains read the store again."""
        if (view, association) != (self._view, self._association):
            self._view, self._association = view, association
            self.restart()

    def restart(self) -> None:
        """Forget all rows and read the store again from its start."""
        self.beginResetModel()
        self._rows = array("Q")
        self._reached = 0
        self._cells.clear()
        self.endResetModel()

    def _wants(self, record: Record) -> bool:
        if self._association is not None and record.association != self._association:
            return False
        return is_shown(record, self._view)

    def _append(self, numbers: list[int]) -> None:
        if numbers:
            first = len(self._rows)
            self.beginInsertRows(QModelIndex(), first, first + len(numbers) - 1)
            self._rows.extend(numbers)
            self.endInsertRows()
            self.rows_added.emit(len(numbers))

    def _drop_old(self) -> None:
        """Rows whose records the store has let go leave the table."""
        gone = bisect_left(self._rows, self._store.first_seq)
        if gone:
            self.beginRemoveRows(QModelIndex(), 0, gone - 1)
            del self._rows[:gone]
            self.endRemoveRows()

    # reading

    def entry_at(self, row: int) -> Entry | None:
        """The store's entry of a row, ``None`` where it is gone."""
        if not 0 <= row < len(self._rows):
            return None
        return self._store.entry(self._rows[row])

    def row_of_number(self, seq: int) -> int:
        """The row of a record's number, -1 where it has none."""
        row = bisect_left(self._rows, seq)
        return row if row < len(self._rows) and self._rows[row] == seq else -1

    def _cells_of(self, row: int) -> tuple[Entry, Row] | None:
        seq = self._rows[row]
        found = self._cells.get(seq)
        if found is None:
            entry = self._store.entry(seq)
            if entry is None:
                return None
            found = self._cells[seq] = (entry, row_of(entry.record))
            if len(self._cells) > _CACHED:
                self._cells.popitem(last=False)
        return found

    # Qt's side

    def rowCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(Column)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return _TITLES[section]
            if role == Qt.ItemDataRole.TextAlignmentRole:
                return _alignment(section)
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or not 0 <= index.row() < len(self._rows):
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(index.column())
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ForegroundRole, Qt.ItemDataRole.ToolTipRole):
            return None
        cells = self._cells_of(index.row())
        if cells is None:
            return None
        if role == Qt.ItemDataRole.ForegroundRole:
            return _color(index.column(), *cells)
        text = _text(index.column(), *cells)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(text) if index.column() == Column.SUMMARY else None
        return text


def _alignment(column: int) -> int:
    across = Qt.AlignmentFlag.AlignRight if column in _RIGHT else Qt.AlignmentFlag.AlignLeft
    return int(across | Qt.AlignmentFlag.AlignVCenter)


def _text(column: int, entry: Entry, row: Row) -> str:
    record = entry.record
    if column == Column.NUMBER:
        return str(entry.seq)
    if column == Column.TIME:
        moment = datetime.fromtimestamp(record.utc).astimezone()
        return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"
    if column == Column.ASSOCIATION:
        return f"#{record.association}" if record.association else ""
    if column == Column.DIRECTION:
        return ARROWS[record.direction] if isinstance(record, PduRecord | BytesRecord) else ""
    if column == Column.KIND:
        return row.kind
    if column == Column.LENGTH:
        return f"{row.length:,}" if row.length >= 0 else ""
    return f"{row.summary} (its bytes had to make room)" if entry.lost else row.summary


def _color(column: int, entry: Entry, row: Row) -> QColor | None:
    colors = current_colors()
    if row.failed and column in (Column.KIND, Column.SUMMARY):
        return QColor(colors.error)
    record = entry.record
    if column in (Column.DIRECTION, Column.KIND) and isinstance(record, PduRecord):
        return QColor(colors.sent if record.direction is Direction.SENT else colors.received)
    if column in (Column.NUMBER, Column.TIME, Column.ASSOCIATION) or not isinstance(record, PduRecord):
        return QColor(colors.muted)
    return None
