"""The trace as one flat table, at one of three zoom levels: it holds numbers and makes cells of what comes into view.

Rows come in batches, by a :class:`~dicomgui.trace.filter.Sieve` over the index that all views of a trace share.
Nothing here takes longer than a few milliseconds at once: a filter over a long trace goes on at the next call.
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QColor

from dicomgui.gui.look.theme import current_colors
from dicomgui.gui.trace.listing.columns import COLUMNS, Cells, Column, Layout
from dicomgui.gui.trace.listing.items import association_cells, clock_text, exchange_cells, heading_cells
from dicomgui.gui.trace.listing.rows import ARROWS, Row, View, hidden_kinds, row_of
from dicomgui.gui.trace.listing.source import TraceSource
from dicomgui.gui.widgets.text import tooltip
from dicomgui.network.tracing import BytesRecord, Direction, PduRecord, Record
from dicomgui.trace.filter import Change, Filter, Sieve, Zoom
from dicomgui.trace.finding import plain
from dicomgui.trace.marks import Mark
from dicomgui.trace.store import Entry

__all__ = ["TraceModel"]

BUDGET_S = 0.004
"""How long one drain may take; the rest waits for the next."""

_CACHED = 2000  # rows whose cells are kept; a screen shows some fifty
_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_DISPLAY = int(Qt.ItemDataRole.DisplayRole)
_FOREGROUND = int(Qt.ItemDataRole.ForegroundRole)
_TOOL_TIP = int(Qt.ItemDataRole.ToolTipRole)
_ALIGNMENT = int(Qt.ItemDataRole.TextAlignmentRole)
_ACCESSIBLE = int(Qt.ItemDataRole.AccessibleTextRole)
_ROLES = frozenset((_DISPLAY, _FOREGROUND, _TOOL_TIP, _ACCESSIBLE))
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_GONE = Cells(("", "", "", "", "", "gone: newer rows took its place", "", "", "", "", ""), ("muted",) * 11)
_LATER = Cells(("", "", "", "", "", "…", "", "", "", "", ""), ("muted",) * 11)


class TraceModel(QAbstractTableModel):
    """The items of one zoom level that pass a filter.

    An item is named by the number of a row, at every level: an exchange by its first row, an association by its first
    record. So what is selected or marked is found again when the level changes.
    """

    rows_added = Signal(int)
    """So many items came at the end in one batch; told after they are there."""

    def __init__(self, source: TraceSource, parent: QObject | None = None, *, zoom: Zoom = Zoom.EXCHANGES) -> None:
        super().__init__(parent)
        self._source = source
        self._zoom = zoom
        self._view = View.EVENTS
        self._filter: Filter | None = None
        self._highlight: Filter | None = None
        self._associations: frozenset[int] | None = None
        self._count = 0
        self._cells: OrderedDict[int, Cells] = OrderedDict()
        self._fresh_until = 0.0
        self.has_put_off = False
        self._sieve = self._make_sieve()
        self._next: Sieve | None = None
        self._lights: Sieve | None = None

    # filling

    def drain(self, budget_s: float = BUDGET_S) -> None:
        """Look at what is new in the trace, for a few milliseconds at most."""
        end = time.monotonic() + budget_s
        self._source.update(budget_s / 2)
        while self._step() and time.monotonic() < end:
            pass

    def _step(self) -> bool:
        """One step of the list that is shown, of the one that takes its place, and of what is highlighted."""
        if self._next is not None:
            self._next.step()
            if not self._next.is_behind:
                self._take_next(self._next)
                return self.is_sifting
            return True
        self._apply(self._sieve.step())
        if self._lights is not None and self._lights.is_behind:
            change = self._lights.step()
            if change and self._count:
                self.dataChanged.emit(self.index(0, 0), self.index(self._count - 1, self.columnCount() - 1))
        return self.is_sifting

    def _take_next(self, sieve: Sieve) -> None:
        self.beginResetModel()
        self._sieve, self._next = sieve, None
        self._count = len(sieve.numbers)
        self._cells.clear()
        self.endResetModel()

    def _apply(self, change: Change) -> None:
        if change.reset:
            self.beginResetModel()
            self._count = len(self._sieve.numbers)
            self._cells.clear()
            self.endResetModel()
            return
        for first, count in change.removed:
            self.beginRemoveRows(_ROOT, first, first + count - 1)
            self._count -= count
            self.endRemoveRows()
        added = 0
        for first, count in change.inserted:
            self.beginInsertRows(_ROOT, first, first + count - 1)
            added += count if first == self._count else 0
            self._count += count
            self.endInsertRows()
        self._touch(change.touched)
        if added:
            self.rows_added.emit(added)

    def _touch(self, numbers: Iterable[int]) -> None:
        """These items say something else now."""
        rows = []
        for number in numbers:
            if self._cells.pop(number, None) is not None:
                rows.append(self.row_of_number(number))
        if rows and self._count:
            first, last = max(0, min(rows)), min(self._count - 1, max(rows))
            self.dataChanged.emit(self.index(first, 0), self.index(last, self.columnCount() - 1))

    def marks_changed(self, number: int) -> None:
        """Something was noted beside an item."""
        row = self.row_of_number(number)
        if row >= 0:
            self.dataChanged.emit(self.index(row, 0), self.index(row, self.columnCount() - 1))

    # what is shown

    @property
    def source(self) -> TraceSource:
        """The trace that is looked at."""
        return self._source

    @property
    def zoom(self) -> Zoom:
        """What one item is."""
        return self._zoom

    @property
    def view(self) -> View:
        """Which records the level of rows shows."""
        return self._view

    @property
    def layout(self) -> Layout:
        """The columns."""
        return COLUMNS[self._zoom]

    @property
    def associations(self) -> frozenset[int] | None:
        """Whose items are shown; ``None`` for all."""
        return self._associations

    @property
    def filter(self) -> Filter | None:
        """What passes; ``None`` for everything."""
        return self._filter

    @property
    def is_sifting(self) -> bool:
        """Whether the list has not looked at all that the index has."""
        lights = self._lights is not None and self._lights.is_behind
        return self._sieve.is_behind or self._next is not None or lights

    @property
    def is_replacing(self) -> bool:
        """Whether another list is being made, for which somebody waits."""
        return self._next is not None or self._sieve.progress < 1.0

    @property
    def is_behind(self) -> bool:
        """Whether there is anything in the trace that the list has not looked at."""
        return self._source.behind > 0 or self.is_sifting

    @property
    def behind(self) -> int:
        """How many rows of the trace the list has not looked at."""
        return self._source.behind

    @property
    def progress(self) -> float:
        """How far a new filter has got, from 0 to 1."""
        return (self._next or self._sieve).progress

    @property
    def total(self) -> int:
        """How many items there would be without a filter."""
        index = self._source.index
        associations = len(index.associations())
        if self._zoom is Zoom.ASSOCIATIONS:
            return associations
        if self._zoom is Zoom.EXCHANGES:
            return associations + len(index.exchanges)
        return len(index.kind) - sum(map(index.kind.count, hidden_kinds(self._view)))

    def look_at(self, source: TraceSource) -> None:
        """Show another trace, all of it."""
        if source is not self._source:
            self._source = source
            self._associations = None
            self._restart()

    def show(
        self,
        *,
        zoom: Zoom | None = None,
        view: View | None = None,
        associations: Iterable[int] | None = None,
    ) -> None:
        """Show another level or other records, of these associations or of all; the next drains fill the list."""
        wanted = None if associations is None else frozenset(associations)
        before = (self._zoom, self._view, self._associations)
        new_zoom, new_view = zoom or self._zoom, view or self._view
        if (new_zoom, new_view, wanted) == before:
            return
        is_other_list = new_zoom is not self._zoom
        self._zoom, self._view, self._associations = new_zoom, new_view, wanted
        if is_other_list or wanted is None or before[2] is None or not wanted >= before[2]:
            self._restart()
        else:
            self._replace()

    def set_filter(self, filter_: Filter | None, highlight: Filter | None = None) -> None:
        """Show only what passes the first, and highlight what passes the second.

        The list stays as it is until the new one is ready.

        :raises FilterError: a condition means nothing; nothing has changed then.
        """
        lights = self._new_sieve(highlight) if highlight is not None else None
        before, self._filter = self._filter, filter_
        try:
            if (before.text if before else "") != (filter_.text if filter_ else ""):
                self._replace()
        except Exception:
            self._filter = before
            raise
        self._highlight, self._lights = highlight, lights
        if self._count:
            self.dataChanged.emit(self.index(0, 0), self.index(self._count - 1, self.columnCount() - 1))

    def restart(self) -> None:
        """Forget all items and read the trace again from its start."""
        self._restart()

    def _restart(self) -> None:
        self.beginResetModel()
        self._sieve, self._next = self._make_sieve(), None
        self._lights = self._new_sieve(self._highlight) if self._highlight is not None else None
        self._count = 0
        self._cells.clear()
        self.endResetModel()

    def _replace(self) -> None:
        self._next = self._make_sieve()

    def _make_sieve(self) -> Sieve:
        return self._new_sieve(self._filter, self._associations)

    def _new_sieve(self, filter_: Filter | None, associations: frozenset[int] | None = None) -> Sieve:
        source = self._source
        hidden = hidden_kinds(self._view) if self._zoom is Zoom.ROWS else frozenset[int]()
        return Sieve(
            source.index, self._zoom, filter_, associations=associations, hidden_kinds=hidden, marks=source.marks
        )

    # reading

    def number_at(self, row: int) -> int:
        """The number of an item, 0 where there is no such row."""
        return self._sieve.numbers[row] if 0 <= row < min(self._count, len(self._sieve.numbers)) else 0

    def row_of_number(self, number: int) -> int:
        """The row of an item's number, -1 where it has none."""
        numbers = self._sieve.numbers
        row = bisect_left(numbers, number)
        return row if row < len(numbers) and numbers[row] == number and row < self._count else -1

    def row_near(self, number: int) -> int:
        """The row of that number, or else the last one before it; -1 where there is none."""
        return min(bisect_right(self._sieve.numbers, number), self._count) - 1

    def item_at(self, row: int) -> tuple[int, int]:
        """``(association, exchange)`` of an item; 0 for none."""
        number = self.number_at(row)
        return self._sieve.item_of(number) if number else (0, 0)

    def holder_of(self, number: int) -> int:
        """The number of the item of this level that holds a row; 0 for none."""
        index = self._source.index
        place = number - index.first_seq
        if not 0 <= place < len(index.kind) or self._zoom is Zoom.ROWS:
            return number
        exchange = index.exchange_at(number) if self._zoom is Zoom.EXCHANGES else 0
        if exchange:
            return index.exchanges.first_seq[exchange]
        return index.start_of(index.association[place])

    def entry_at(self, row: int) -> Entry | None:
        """The store's entry of a row, ``None`` where it is gone."""
        number = self.number_at(row)
        return self._source.store.entry(number) if number else None

    def mark_at(self, row: int) -> Mark | None:
        """What is noted beside an item."""
        number = self.number_at(row)
        return self._source.marks.get(number) if number else None

    def is_highlighted(self, row: int) -> bool:
        """Whether an item passes the filter that only highlights."""
        if self._lights is None:
            return False
        number, numbers = self.number_at(row), self._lights.numbers
        place = bisect_left(numbers, number)
        return place < len(numbers) and numbers[place] == number

    @property
    def highlighted(self) -> int:
        """How many items are highlighted."""
        return len(self._lights.numbers) if self._lights is not None else 0

    def begin_frame(self, budget_s: float) -> None:
        """A frame is about to be painted: cells that are not known take so long at most, the others wait."""
        self._fresh_until = time.monotonic() + budget_s
        self.has_put_off = False

    def end_frame(self) -> None:
        """From now on cells are made at once again."""
        self._fresh_until = 0.0

    def cells_at(self, row: int) -> Cells | None:
        """The cells of a row; ``None`` where there is none."""
        number = self.number_at(row)
        if not number:
            return None
        found = self._cells.get(number)
        if found is None:
            if self._fresh_until and time.monotonic() > self._fresh_until:
                self.has_put_off = True
                return _LATER
            found = self._cells[number] = self._make_cells(number)
            if len(self._cells) > _CACHED:
                self._cells.popitem(last=False)
        return found

    def cell(self, row: int, column: int) -> tuple[str, str]:
        """Text and tone of a cell (the name of a colour), for who paints it."""
        cells = self.cells_at(row)
        return (cells.texts[column], cells.tones[column]) if cells is not None else ("", "text")

    def line_of(self, row: int) -> str:
        """The cells of a row with tabs between them, to be pasted elsewhere."""
        cells = self.cells_at(row)
        return "\t".join(text.strip() for text in cells.texts[1:]) if cells is not None else ""

    def _make_cells(self, number: int) -> Cells:
        if self._zoom is Zoom.ROWS:
            entry = self._source.store.entry(number)
            return _row_cells(entry) if entry is not None else _GONE
        association, exchange = self._sieve.item_of(number)
        if exchange:
            return exchange_cells(self._source.index, exchange)
        made = association_cells if self._zoom is Zoom.ASSOCIATIONS else heading_cells
        return made(self._source.store, association) or _GONE

    # Qt's side

    def rowCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else self._count

    def columnCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self.layout.headings)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _DISPLAY) -> Any:
        headings = self.layout.headings
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(headings):
            return None
        heading = headings[section]
        if role == _DISPLAY:
            return heading.title
        if role == _ALIGNMENT:
            return _RIGHT if heading.is_right else _LEFT
        return tooltip(heading.tip) if role == _TOOL_TIP and heading.tip else None

    def data(self, index: _Index, role: int = _DISPLAY) -> Any:
        if not index.isValid():
            return None
        if role == _ALIGNMENT:
            return _RIGHT if self.layout.headings[index.column()].is_right else _LEFT
        if role not in _ROLES:
            return None
        text, tone = self.cell(index.row(), index.column())
        if role == _DISPLAY:
            return text
        if role == _FOREGROUND:
            return QColor(str(getattr(current_colors(), tone)))
        return self._said(index.row(), index.column(), text, role)

    def _said(self, row: int, column: int, text: str, role: int) -> str | None:
        """The tool tip of a cell, and what assistive technology reads of it."""
        mark = self.mark_at(row) if column == Column.MARK else None
        if mark is not None:
            words = ["marked" if mark.marked else "", mark.color, mark.comment]
            text = plain(", ".join(filter(None, words)), 600)
        elif column == self.layout.stretch:
            cells = self.cells_at(row)
            text = cells.hint or text if cells is not None else text
        elif role == _TOOL_TIP:
            return None
        return tooltip(text) if role == _TOOL_TIP else text


def _row_cells(entry: Entry) -> Cells:
    record = entry.record
    row = row_of(record)
    texts = (
        "",
        str(entry.seq),
        clock_text(record.utc),
        f"#{record.association}" if record.association else "",
        ARROWS[record.direction] if isinstance(record, PduRecord | BytesRecord) else "",
        row.kind,
        f"{row.length:,}" if row.length >= 0 else "",
        f"{row.summary} (its bytes had to make room)" if entry.lost else row.summary,
    )
    return Cells(texts, _tones(record, row))


def _tones(record: Record, row: Row) -> tuple[str, ...]:
    pdu = isinstance(record, PduRecord)
    way = ("sent" if record.direction is Direction.SENT else "received") if isinstance(record, PduRecord) else "muted"
    plain_tone = "text" if pdu else "muted"
    said = "error" if row.failed else plain_tone
    return ("muted", "muted", "muted", "muted", way, "error" if row.failed else way, plain_tone, said)
