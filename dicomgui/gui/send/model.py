"""The files of a send: what each is, how far it has come, what the peer answered."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, IntEnum
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QColor

from dicomgui.app.files.changes import ChangeCode
from dicomgui.app.files.sources import SendItem, Skipped
from dicomgui.app.transfers.report import ReportLine
from dicomgui.app.transfers.send import ItemResult, ItemState
from dicomgui.gui.look.theme import current_colors
from dicomgui.gui.tables.columns import ROOT, ColumnsModel, Index
from dicomgui.gui.tables.pills import ICON_ROLE, TONE_ROLE
from dicomgui.gui.widgets.text import size_text, tooltip
from dicomgui.network.uids import name_of
from dicomgui.trace.finding import plain

__all__ = ["Filter", "SendColumn", "SendModel"]


MOVED_ONE_BY_ONE = 50
"""So many rows at a time enter or leave a filtered view singly; of more, the view is made anew."""


class SendColumn(IntEnum):
    """The columns, in their order."""

    FILE = 0
    KIND = 1
    ENCODING = 2
    SIZE = 3
    STATE = 4
    RESULT = 5


class Filter(Enum):
    """Which files are shown."""

    ALL = "all files"
    FAILED = "failed"
    WARNING = "sent with warning"
    OPEN = "not sent yet"
    SKIPPED = "skipped"


_SKIPPED = "skipped"
_STATES_OF = {
    Filter.FAILED: (ItemState.FAILED,),
    Filter.WARNING: (ItemState.WARNING,),
    Filter.OPEN: (ItemState.QUEUED, ItemState.SENDING, ItemState.CANCELLED),
    Filter.SKIPPED: (None,),
}
_LOOKS = {
    ItemState.QUEUED: ("note", "muted"),
    ItemState.SENDING: ("play", "accent"),
    ItemState.SENT: ("good", "good"),
    ItemState.WARNING: ("warning", "warning"),
    ItemState.FAILED: ("error", "error"),
    ItemState.CANCELLED: ("cancel", "muted"),
    None: ("remove", "warning"),
}
_CHANGES = {ChangeCode.SET: "attributes set", ChangeCode.INVENTED: "invented"}
_UNSENT = (ItemState.FAILED, ItemState.CANCELLED)
_SHORT = {ItemState.WARNING: "warning"}


@dataclass(slots=True)
class _Row:
    name: str
    item: SendItem | None
    state: ItemState | None
    text: str
    reason: str = ""
    result: ItemResult | None = None
    peer: str = ""

    @property
    def state_text(self) -> str:
        return self.state.value if self.state is not None else _SKIPPED


class SendModel(ColumnsModel):
    """Rows in the order in which they were added; what is no instance has a row as well, with the reason.

    It filters itself: a proxy would ask Python about each of 100,000 rows whenever a few change.
    """

    titles = ("File", "SOP class", "Transfer syntax", "Size", "State", "Result")
    right_columns = frozenset((SendColumn.SIZE,))

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[_Row] = []
        self._row_of: dict[int, int] = {}
        self._unsent: bool | None = False  # None: to be found out
        self._filter = Filter.ALL
        self._shown: list[int] | None = None  # numbers of the rows in view, ascending; None for all

    # filling

    def add(self, items: Iterable[SendItem], skipped: Iterable[Skipped]) -> None:
        """Append what a scan found; a file that is there already is not added again."""
        known = {row.name for row in self._rows}
        rows = [_Row(item.name, item, ItemState.QUEUED, "") for item in items if item.name not in known]
        for one in skipped:
            if one.name not in known:
                rows.append(_Row(one.name, None, None, plain(one.reason), one.reason))
        if not rows:
            return
        first = len(self._rows)
        if self._shown is not None:
            self._rows += rows
            self._number()
            self._show_anew()
            return
        self.beginInsertRows(ROOT, first, first + len(rows) - 1)
        self._rows += rows
        self._number()
        self.endInsertRows()

    def adopt(self, items: Iterable[SendItem]) -> tuple[SendItem, ...]:
        """Add what is not there; gives the items as the table has them, which may have been found anew meanwhile."""
        wanted = tuple(items)
        self.add(wanted, ())
        known = {row.name: row.item for row in self._rows if row.item is not None}
        return tuple(known.get(item.name) or item for item in wanted)

    def remove(self, numbers: Iterable[int]) -> None:
        """Take rows of the view out."""
        gone = {self._place(number) for number in numbers}
        if gone:
            self.beginResetModel()
            self._rows = [row for number, row in enumerate(self._rows) if number not in gone]
            self._number()
            self._shown = self._matching()
            self.endResetModel()

    def clear(self) -> None:
        """Take all rows out."""
        self.beginResetModel()
        self._rows = []
        self._number()
        self._shown = self._matching()
        self.endResetModel()

    def queue(self, items: Iterable[SendItem], peer: str = "") -> None:
        """These are to be sent (again), to this peer."""
        touched = []
        for item in items:
            number = self._row_of.get(id(item))
            if number is not None:
                row = self._rows[number]
                row.state, row.text, row.result, row.peer = ItemState.QUEUED, "", None, peer
                touched.append(number)
        self._tell(touched)

    def show_results(self, results: Iterable[ItemResult]) -> None:
        """Show what became of some; one change is told for all."""
        touched = []
        for result in results:
            number = self._row_of.get(id(result.item))
            if number is not None:
                row = self._rows[number]
                row.state, row.text, row.result = result.state, _result_text(result), result
                touched.append(number)
        self._tell(touched)

    def show_sending(self, item: SendItem) -> None:
        """This one is on its way."""
        number = self._row_of.get(id(item))
        if number is not None and self._rows[number].state is ItemState.QUEUED:
            self._rows[number].state = ItemState.SENDING
            self._tell([number])

    def set_filter(self, which: Filter) -> None:
        """Show these files only."""
        if which is not self._filter:
            self._filter = which
            self._show_anew()

    def _show_anew(self) -> None:
        self.beginResetModel()
        self._shown = self._matching()
        self.endResetModel()

    def _number(self) -> None:
        self._unsent = None
        self._row_of = {id(row.item): number for number, row in enumerate(self._rows) if row.item is not None}

    def _matching(self) -> list[int] | None:
        states = _STATES_OF.get(self._filter)
        if states is None:
            return None
        return [number for number, row in enumerate(self._rows) if row.state in states]

    def _tell(self, touched: list[int]) -> None:
        """Rows of these numbers have changed."""
        if not touched:
            return
        self._unsent = None
        if self._shown is None:
            self._changed(min(touched), max(touched))
            return
        states = _STATES_OF[self._filter]
        moved = [number for number in touched if (self._rows[number].state in states) is (self._position(number) < 0)]
        if len(moved) > MOVED_ONE_BY_ONE:
            self._show_anew()
            return
        for number in moved:
            self._move(number, self._shown)
        positions = [position for number in touched if (position := self._position(number)) >= 0]
        if positions:
            self._changed(min(positions), max(positions))

    def _move(self, number: int, shown: list[int]) -> None:
        """A row enters the filtered view, or leaves it."""
        place = bisect_left(shown, number)
        if place < len(shown) and shown[place] == number:
            self.beginRemoveRows(ROOT, place, place)
            del shown[place]
            self.endRemoveRows()
        else:
            self.beginInsertRows(ROOT, place, place)
            shown.insert(place, number)
            self.endInsertRows()

    def _changed(self, first: int, last: int) -> None:
        self.dataChanged.emit(self.index(first, 0), self.index(last, len(SendColumn) - 1))

    def _place(self, row: int) -> int:
        """The number of a row of the view."""
        return row if self._shown is None else self._shown[row]

    def _position(self, number: int) -> int:
        """Where a row stands in the view, or -1."""
        if self._shown is None:
            return number
        place = bisect_left(self._shown, number)
        return place if place < len(self._shown) and self._shown[place] == number else -1

    # reading

    @property
    def filter(self) -> Filter:
        """Which files are shown."""
        return self._filter

    @property
    def count(self) -> int:
        """How many rows there are, shown or not."""
        return len(self._rows)

    @property
    def items(self) -> tuple[SendItem, ...]:
        """All instances, in their order."""
        return tuple(row.item for row in self._rows if row.item is not None)

    @property
    def unsent(self) -> tuple[SendItem, ...]:
        """The instances that failed or were cancelled, in their order."""
        return tuple(row.item for row in self._rows if row.item is not None and row.state in _UNSENT)

    @property
    def has_unsent(self) -> bool:
        """Whether an instance failed or was cancelled."""
        if self._unsent is None:
            self._unsent = any(row.state in _UNSENT for row in self._rows)
        return self._unsent

    @property
    def size_bytes(self) -> int:
        """Of all instances together."""
        return sum(row.item.size_bytes for row in self._rows if row.item is not None)

    @property
    def skipped(self) -> int:
        """How many rows are no instance."""
        return sum(1 for row in self._rows if row.item is None)

    def lines(self) -> list[ReportLine]:
        """Every row, shown or not, for a report."""
        return [ReportLine(row.name, row.state_text, row.item, row.result, row.reason, row.peer) for row in self._rows]

    @property
    def templates(self) -> tuple[SendItem, ...]:
        """The instances that lie on the disk, in their order; not those that were invented."""
        return tuple(item for item in self.items if item.change is None)

    def row_of_item(self, item: SendItem) -> int:
        """The row of an instance in the view, -1 where it is not there."""
        number = self._row_of.get(id(item))
        return self._position(number) if number is not None else -1

    def item_at(self, row: int) -> SendItem | None:
        """The instance of a row in view; ``None`` for a file that is none."""
        return self._rows[self._place(row)].item

    def association_at(self, row: int) -> int:
        """The trace's number of the association that the instance of a row went over, 0 for none."""
        result = self._rows[self._place(row)].result if 0 <= row < self.rowCount() else None
        return result.association if result is not None else 0

    def state_of(self, row: int) -> str:
        """What the state column says."""
        return self._rows[self._place(row)].state_text

    # Qt's side

    def rowCount(self, parent: Index = ROOT) -> int:
        if parent.isValid():
            return 0
        return len(self._rows) if self._shown is None else len(self._shown)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row, column = self._rows[self._place(index.row())], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(row, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(plain(row.name, 500) if column == SendColumn.FILE else _text(row, column))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self.alignment_of(column)
        if role in (ICON_ROLE, TONE_ROLE):
            return _LOOKS[row.state][0 if role == ICON_ROLE else 1]
        if role == Qt.ItemDataRole.ForegroundRole and column == SendColumn.RESULT:
            return QColor(getattr(current_colors(), _LOOKS[row.state][1]))
        return None


def _text(row: _Row, column: int) -> str:
    if column == SendColumn.FILE:
        return plain(Path(row.name).name or row.name)
    if column == SendColumn.STATE:
        return _SHORT.get(row.state, row.state_text) if row.state is not None else _SKIPPED
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
        return " · ".join(filter(None, (status, _changes(result), result.converted)))
    # A reason may say what to install, which must not be cut off.
    return plain(
        " · ".join(filter(None, (status or result.reason, result.comment, _changes(result), result.converted))), 600
    )


def _changes(result: ItemResult) -> str:
    return " and ".join(_CHANGES[code] for code in result.changed) if result.is_sent else ""
