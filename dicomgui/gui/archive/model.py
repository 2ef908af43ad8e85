"""What is in the archive, as a flat table in which rows open: patients, their studies, series and instances.

The model knows the places of all rows, and what stands at those that were in view lately. What is missing when Qt asks
for it is noted, and whoever can look it up in a thread takes the note (:meth:`ArchiveModel.take_missing`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor

from dicomgui.gui.asking.rows import shown_value
from dicomgui.gui.look.theme import current_colors
from dicomgui.gui.tables.columns import ROOT, ColumnsModel, Index
from dicomgui.gui.tables.tree_cell import DEPTH_ROLE, OPEN_ROLE
from dicomgui.gui.widgets.text import count_text, size_text, tooltip
from dicomgui.network.uids import name_of
from dicomgui.storage import Level
from dicomgui.storage.listing import NO_PATIENT, Entry, Order, Place
from dicomgui.trace.finding import plain

__all__ = ["ArchiveColumn", "ArchiveModel", "entry_name"]

AROUND = 40
"""So many rows before and after one in view are looked up with it."""

REMEMBERED = 5000
"""Entries that are kept; of more, all are forgotten and looked up again when they are seen."""

_NAME_TAG, _DATE_TAG = 0x0010_0010, 0x0008_0020


class ArchiveColumn(IntEnum):
    """The columns, in their order."""

    NAME = 0
    ID = 1
    DATE = 2
    KIND = 3
    INSTANCES = 4
    SIZE = 5
    RECEIVED = 6
    REMARK = 7


ORDERS = {
    ArchiveColumn.NAME: Order.NAME,
    ArchiveColumn.ID: Order.ID,
    ArchiveColumn.DATE: Order.DATE,
    ArchiveColumn.INSTANCES: Order.INSTANCES,
    ArchiveColumn.SIZE: Order.SIZE,
    ArchiveColumn.RECEIVED: Order.RECEIVED,
}
"""What a click on the head of a column sorts the patients by."""


class ArchiveModel(ColumnsModel):
    """Rows are places; see :mod:`dicomgui.storage.listing`."""

    titles = ("Patient, study, series, instance", "ID", "Date", "Kind", "Instances", "Size", "Received", "Remarks")
    right_columns = frozenset((ArchiveColumn.INSTANCES, ArchiveColumn.SIZE))

    open_wanted = Signal(object)
    """A row is to be opened: what is below its place has to be looked up."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._places: list[Place] = []
        self._entries: dict[Place, Entry] = {}
        self._missing: dict[int, None] = {}
        self.opened: frozenset[Place] = frozenset()

    # filling

    def show_places(self, places: list[Place]) -> None:
        """Show these; what stands at them is looked up anew."""
        self.beginResetModel()
        self._places = places
        self._entries.clear()
        self._missing.clear()
        self.endResetModel()

    def show_below(self, place: Place, below: Sequence[Place]) -> None:
        """Open a place that is there and closed."""
        row = self.row_of(place)
        if row < 0 or place in self.opened:
            return
        self.opened |= {place}
        if below:
            self.beginInsertRows(ROOT, row + 1, row + len(below))
            self._places[row + 1 : row + 1] = below
            self._missing.clear()
            self.endInsertRows()
        self._changed(row, row)

    def close_row(self, row: int) -> None:
        """Hide what is below a row."""
        place = self.place_at(row)
        if place is None or place not in self.opened:
            return
        end = row + 1
        while end < len(self._places) and self._places[end][0] > place[0]:
            end += 1
        self.opened -= {place, *self._places[row + 1 : end]}
        if end > row + 1:
            self.beginRemoveRows(ROOT, row + 1, end - 1)
            del self._places[row + 1 : end]
            self._missing.clear()
            self.endRemoveRows()
        self._changed(row, row)

    def open_row(self, row: int) -> None:
        """Ask for what is below a row."""
        place = self.place_at(row)
        if place is not None and place not in self.opened and place[0] is not Level.IMAGE:
            self.open_wanted.emit(place)

    def toggle(self, row: int) -> None:
        """Open a row, or close it."""
        (self.close_row if self.place_at(row) in self.opened else self.open_row)(row)

    def take_missing(self) -> dict[Level, list[int]]:
        """The keys of rows that were asked for and are not known, by level; the note is forgotten."""
        wanted: dict[Level, list[int]] = {}
        rows: set[int] = set()
        for row in self._missing:
            rows.update(range(max(0, row - AROUND), min(len(self._places), row + AROUND)))
        self._missing.clear()
        for place in {self._places[row] for row in rows}:
            if place not in self._entries:
                wanted.setdefault(place[0], []).append(place[1])
        return wanted

    def show_entries(self, entries: Iterable[Entry]) -> None:
        """So it stands at these places."""
        if len(self._entries) > REMEMBERED:
            self._entries.clear()
        self._entries.update({(entry.level, entry.key): entry for entry in entries})
        if self._places:
            self._changed(0, len(self._places) - 1)

    def _changed(self, first: int, last: int) -> None:
        self.dataChanged.emit(self.index(first, 0), self.index(last, len(ArchiveColumn) - 1))

    # reading

    def place_at(self, row: int) -> Place | None:
        """The place of a row."""
        return self._places[row] if 0 <= row < len(self._places) else None

    def row_of(self, place: Place) -> int:
        """Where a place is in the list, or -1."""
        try:
            return self._places.index(place)
        except ValueError:
            return -1

    def entry_at(self, row: int) -> Entry | None:
        """What stands at a row; ``None`` where it has not been looked up."""
        place = self.place_at(row)
        return self._entries.get(place) if place is not None else None

    def parent_row(self, row: int) -> int:
        """The row above in the tree, or -1."""
        place = self.place_at(row)
        if place is None:
            return -1
        return next((above for above in range(row - 1, -1, -1) if self._places[above][0] < place[0]), -1)

    @property
    def patients(self) -> int:
        """How many rows there are on the top level."""
        return sum(1 for level, _ in self._places if level is Level.PATIENT)

    # Qt's side

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self._places)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        place = self.place_at(index.row()) if index.isValid() else None
        if place is None:
            return None
        if role == DEPTH_ROLE:
            return int(place[0])
        if role == OPEN_ROLE:
            return None if place[0] is Level.IMAGE else place in self.opened
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self.alignment_of(index.column())
        entry = self._entries.get(place)
        if entry is None:
            if role == Qt.ItemDataRole.DisplayRole:
                self._missing[index.row()] = None
                return "…" if index.column() == ArchiveColumn.NAME else ""
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(entry, index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(_tip(entry, index.column()))
        if role == Qt.ItemDataRole.AccessibleTextRole and index.column() == ArchiveColumn.NAME:
            return f"{_WORDS[entry.level]} {entry_name(entry)}"
        if role == Qt.ItemDataRole.ForegroundRole:
            return _color(entry, index.column())
        return None


_WORDS = {Level.PATIENT: "Patient", Level.STUDY: "Study", Level.SERIES: "Series", Level.IMAGE: "Instance"}


def entry_name(entry: Entry) -> str:
    """What a row is called."""
    if (entry.level, entry.key) == NO_PATIENT:
        return "Files that name no study"
    if entry.level is Level.PATIENT:
        return shown_value(_NAME_TAG, entry.name) or "(no name)"
    if entry.level is Level.IMAGE:
        return plain(f"{entry.identity or '–'} · {name_of(entry.kind).removesuffix(' Storage') or 'unknown class'}")
    if entry.level is Level.SERIES:
        return plain(f"{entry.identity or '–'} · {entry.name or '(no description)'}")
    return plain(entry.name) or "(no description)"


def _text(entry: Entry, column: int) -> str:
    texts = {
        ArchiveColumn.NAME: entry_name,
        ArchiveColumn.ID: _id_text,
        ArchiveColumn.DATE: lambda one: shown_value(_DATE_TAG, one.date),
        ArchiveColumn.KIND: _kind_text,
        ArchiveColumn.INSTANCES: lambda one: "" if one.level is Level.IMAGE else f"{one.instances:,}",
        ArchiveColumn.SIZE: lambda one: size_text(one.size_bytes),
        ArchiveColumn.RECEIVED: _received_text,
        ArchiveColumn.REMARK: _remark,
    }
    return texts[ArchiveColumn(column)](entry)


def _id_text(entry: Entry) -> str:
    if entry.level is Level.SERIES:
        return plain(entry.detail)
    return plain(entry.name if entry.level is Level.IMAGE else entry.identity)


def _kind_text(entry: Entry) -> str:
    if entry.level is Level.IMAGE:
        return plain(name_of(entry.detail))
    return plain(entry.kind.replace(",", ", "))


def _received_text(entry: Entry) -> str:
    if not entry.received_ns:
        return ""
    return f"{datetime.fromtimestamp(entry.received_ns / 1e9).astimezone():%Y-%m-%d %H:%M}"


def _remark(entry: Entry) -> str:
    if not entry.same_uid:
        return ""
    if entry.level is Level.IMAGE:
        return f"same UID, data set {entry.same_uid}"
    return f"{count_text(entry.same_uid, 'UID')} twice"


def _tip(entry: Entry, column: int) -> str:
    if column == ArchiveColumn.REMARK and entry.same_uid:
        return "One SOP Instance UID came with different data sets. Each is kept; queries and retrievals see the first."
    if column == ArchiveColumn.NAME and entry.level is Level.IMAGE:
        return plain(f"{entry.name} · {name_of(entry.kind)} · {name_of(entry.detail)}", 400)
    return _text(entry, column)


def _color(entry: Entry, column: int) -> QColor | None:
    if column == ArchiveColumn.REMARK:
        return QColor(current_colors().warning)
    if column == ArchiveColumn.NAME and entry.level is Level.PATIENT and not entry.name:
        return QColor(current_colors().muted)
    return None
