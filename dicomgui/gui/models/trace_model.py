"""The trace as one flat table: it holds the numbers of its rows and asks the store for what comes into view."""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable
from enum import IntEnum
from typing import Any, NamedTuple

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

_FEW = 64  # associations that are looked up one by one; for more all records are looked at
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
_DISPLAY = int(Qt.ItemDataRole.DisplayRole)
_FOREGROUND = int(Qt.ItemDataRole.ForegroundRole)
_TOOL_TIP = int(Qt.ItemDataRole.ToolTipRole)
_ALIGNMENT = int(Qt.ItemDataRole.TextAlignmentRole)
_ROLES = frozenset((_DISPLAY, _FOREGROUND, _TOOL_TIP))
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_ALIGNMENTS = tuple(_RIGHT if column in (Column.NUMBER, Column.LENGTH) else _LEFT for column in Column)
_NOTHING = ("", "text")


class _Cells(NamedTuple):
    texts: tuple[str, ...]
    tones: tuple[str, ...]


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
        self._associations: frozenset[int] | None = None
        self._cells: OrderedDict[int, _Cells] = OrderedDict()

    # filling

    def drain(self, budget_s: float = BUDGET_S) -> None:
        """Take what is new from the store, in batches, for a few milliseconds at most."""
        self._drop_old()
        end = time.monotonic() + budget_s
        few = self._associations is not None and len(self._associations) <= _FEW
        while self._reached < self._store.last_seq:
            if few:
                self._take_few()
            else:
                self._take_any()
            if time.monotonic() >= end:
                return

    def _take_any(self) -> None:
        """Look at the next records of all associations."""
        entries = self._store.since(self._reached, BATCH)
        self._reached = entries[-1].seq if entries else self._store.last_seq
        self._append([entry.seq for entry in entries if self._wants(entry.record)])

    def _take_few(self) -> None:
        """Look at the next records of the chosen associations, and leave all others alone."""
        reached = self._store.last_seq
        found: list[Entry] = []
        for association in self._associations or ():
            entries = self._store.of_association(association, self._reached, BATCH)
            if len(entries) == BATCH:  # there may be more: what comes after the last of these waits
                reached = min(reached, entries[-1].seq)
            found += entries
        view = self._view
        numbers = [entry.seq for entry in found if entry.seq <= reached and is_shown(entry.record, view)]
        self._reached = reached
        self._append(sorted(numbers))

    @property
    def is_behind(self) -> bool:
        """Whether the store has records that the model has not looked at."""
        return self.behind > 0

    @property
    def behind(self) -> int:
        """How many records the store has that the model has not looked at."""
        return self._store.last_seq - self._reached

    @property
    def associations(self) -> frozenset[int] | None:
        """Whose records are shown; ``None`` for all."""
        return self._associations

    def show(self, view: View, associations: Iterable[int] | None) -> None:
        """Show other records, of these associations or of all; the next drains read the store again.

        Where only associations are added, what is older than their first record stays.
        """
        wanted = None if associations is None else frozenset(associations)
        known, same_view = self._associations, view is self._view
        if same_view and wanted == known:
            return
        self._view, self._associations = view, wanted
        if same_view and wanted is not None and known is not None and wanted > known:
            self._rewind(wanted - known)
        else:
            self.restart()

    def _rewind(self, added: Iterable[int]) -> None:
        """Go back to before the first record of these associations."""
        heads = [self._store.of_association(association, 0, 1) for association in added]
        first = min((head[0].seq for head in heads if head), default=self._reached + 1)
        keep = bisect_left(self._rows, first)
        if keep < len(self._rows):
            self.beginRemoveRows(QModelIndex(), keep, len(self._rows) - 1)
            del self._rows[keep:]
            self.endRemoveRows()
        self._reached = min(self._reached, first - 1)

    def restart(self) -> None:
        """Forget all rows and read the store again from its start."""
        self.beginResetModel()
        self._rows = array("Q")
        self._reached = 0
        self._cells.clear()
        self.endResetModel()

    def _wants(self, record: Record) -> bool:
        if self._associations is not None and record.association not in self._associations:
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

    def cell(self, row: int, column: int) -> tuple[str, str]:
        """Text and tone of a cell (the name of a colour), for who paints it."""
        cells = self._cells_of(row) if 0 <= row < len(self._rows) else None
        return (cells.texts[column], cells.tones[column]) if cells is not None else _NOTHING

    def line_of(self, row: int) -> str:
        """The cells of a row with tabs between them, to be pasted elsewhere."""
        cells = self._cells_of(row) if 0 <= row < len(self._rows) else None
        return "\t".join(cells.texts) if cells is not None else ""

    def _cells_of(self, row: int) -> _Cells | None:
        seq = self._rows[row]
        found = self._cells.get(seq)
        if found is None:
            entry = self._store.entry(seq)
            if entry is None:
                return None
            found = self._cells[seq] = _cells(entry)
            if len(self._cells) > _CACHED:
                self._cells.popitem(last=False)
        return found

    # Qt's side

    def rowCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(Column)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _DISPLAY) -> Any:
        if orientation is Qt.Orientation.Horizontal:
            if role == _DISPLAY:
                return _TITLES[section]
            if role == _ALIGNMENT:
                return _ALIGNMENTS[section]
        return None

    def data(self, index: _Index, role: int = _DISPLAY) -> Any:
        if role == _ALIGNMENT:
            return _ALIGNMENTS[index.column()] if index.isValid() else None
        if role not in _ROLES or not index.isValid():
            return None
        text, tone = self.cell(index.row(), index.column())
        if role == _DISPLAY:
            return text
        if role == _TOOL_TIP:
            return tooltip(text) if index.column() == Column.SUMMARY else None
        return QColor(str(getattr(current_colors(), tone)))


def _cells(entry: Entry) -> _Cells:
    record = entry.record
    row = row_of(record)
    seconds, part = divmod(record.utc, 1)
    texts = (
        str(entry.seq),
        f"{time.strftime('%H:%M:%S', time.localtime(seconds))}.{int(part * 1000):03d}",
        f"#{record.association}" if record.association else "",
        ARROWS[record.direction] if isinstance(record, PduRecord | BytesRecord) else "",
        row.kind,
        f"{row.length:,}" if row.length >= 0 else "",
        f"{row.summary} (its bytes had to make room)" if entry.lost else row.summary,
    )
    return _Cells(texts, _tones(record, row))


def _tones(record: Record, row: Row) -> tuple[str, ...]:
    pdu = isinstance(record, PduRecord)
    way = ("sent" if record.direction is Direction.SENT else "received") if isinstance(record, PduRecord) else "muted"
    plain = "text" if pdu else "muted"
    said = "error" if row.failed else plain
    return ("muted", "muted", "muted", way, "error" if row.failed else way, plain, said)
