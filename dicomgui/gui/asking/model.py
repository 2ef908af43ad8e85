"""The matches of a query as a flat table in which rows open: studies, their series, their images.

A tree of Qt's costs fifteen times as much a row. Here a row knows how deep it stands; what is below an open row follows
it in the list. Values are decoded for the cells that are painted, and for no others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QObject, Qt, Signal
from PySide6.QtGui import QColor

from dicomgui.app.asking.corrections import Correction, codes_text, corrections_in
from dicomgui.app.asking.levels import Level
from dicomgui.gui.asking.rows import (
    COLUMNS,
    HERE,
    ITEM,
    Arrangement,
    Column,
    Row,
    arranged,
    cell_text,
    expected_instances,
    having,
    tags_of,
    unique_value,
)
from dicomgui.gui.look.theme import current_colors
from dicomgui.gui.tables.columns import ROOT, Index, alignment
from dicomgui.gui.tables.pills import ICON_ROLE, TONE_ROLE
from dicomgui.gui.tables.tree_cell import DEPTH_ROLE, NO_ARROW, OPEN_ROLE, WARNING_ROLE
from dicomgui.gui.widgets.text import tooltip

__all__ = ["AT_ONCE", "QueryModel"]

AT_ONCE = 2000
"""So many rows are sorted and filtered at once; more take a while, in a thread."""

MAX_CHECKED = 65_536
"""Of a match of more bytes no corrections are looked for: it is painted meanwhile."""

_KEPT = 400  # rows whose values are kept: some pages of them
_LOOKS = frozenset({Qt.ItemDataRole.ForegroundRole, Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole})
_ROLES = _LOOKS | {
    Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.TextAlignmentRole, ICON_ROLE, TONE_ROLE,
    DEPTH_ROLE, OPEN_ROLE, WARNING_ROLE,
}  # fmt: skip
_MISSING = "–"
_NOT_RETURNED = "The peer has not returned this attribute."
_CORRECTED = "Corrected when it was read:"
_MAY_NOT_FIT = "The peer did not match by all keys (status FF01): this may not be what was asked for."


class QueryModel(QAbstractTableModel):
    """Filled by :meth:`add` as matches come, and by :meth:`set_children` for rows that were opened."""

    children_wanted = Signal(object)
    """A row was opened for the first time: what is below it has to be fetched."""
    arrangement_wanted = Signal()
    """There are too many rows to arrange them at once: who can do it in a thread calls :meth:`apply`."""

    def __init__(self, parent: QObject | None = None, columns: Sequence[Column] = COLUMNS) -> None:
        super().__init__(parent)
        self.columns: tuple[Column, ...] = ()
        self._rows: list[Row] = []
        self._shown: list[Row] = []
        self._arrangement = Arrangement()
        self._is_arranged = True
        self._tags: dict[Level, frozenset[int]] = {}
        self._texts: dict[Row, dict[int, str]] = {}
        self._corrections: dict[Row, tuple[Correction, ...]] = {}
        self._here: dict[tuple[Level, str], int] = {}
        self._here_wanted: dict[tuple[Level, str], None] = {}
        self.looks_here = False
        self.never_returned: frozenset[int] = frozenset()
        self.start(columns)

    # filling

    def start(self, columns: Sequence[Column]) -> None:
        """Forget all rows and have other columns."""
        self.beginResetModel()
        self.columns = tuple(columns)
        for row in self._rows:
            row.forget_below()
        self._rows, self._shown = [], []
        self._texts.clear()
        self._corrections.clear()
        self._tags = {level: tags_of(columns, level) for level in Level}
        sorted_by = self._arrangement.column
        self._arrangement = self._arrangement._replace(
            column=sorted_by if sorted_by in self.columns else None, columns=self.columns
        )
        self._is_arranged = True
        self.never_returned = frozenset()
        self.endResetModel()

    def add(self, rows: Sequence[Row]) -> None:
        """Append matches; while more come they stand at the end, whatever the order is."""
        for source in {row.source for row in rows}:
            source.read_as = self._arrangement.read_as
        self._rows += rows
        new = list(filter(having(self._arrangement), rows))
        self._is_arranged = self._is_arranged and self._arrangement.column is None
        self._insert(len(self._shown), new)

    def set_children(self, row: Row, children: Iterable[Row]) -> None:
        """Show what is below a row, in place of what was there."""
        position = self.position_of(row) if row.is_open else -1
        if position >= 0:
            self._remove(position + 1, self._count_below(position))
        row.children = list(children)
        if position >= 0:
            self._insert(position + 1, list(row.shown_below()))
            self._changed(position)

    def _insert(self, place: int, rows: list[Row]) -> None:
        if rows:
            self.beginInsertRows(ROOT, place, place + len(rows) - 1)
            self._shown[place:place] = rows
            self.endInsertRows()

    def _remove(self, place: int, count: int) -> None:
        if count:
            self.beginRemoveRows(ROOT, place, place + count - 1)
            del self._shown[place : place + count]
            self.endRemoveRows()

    def _count_below(self, position: int) -> int:
        depth, end = self._shown[position].depth, position + 1
        while end < len(self._shown) and self._shown[end].depth > depth:
            end += 1
        return end - position - 1

    def _changed(self, position: int, last: int = -1) -> None:
        last = max(position, last)
        self.dataChanged.emit(self.index(position, 0), self.index(last, len(self.columns) - 1))

    # opening

    def open_row(self, position: int) -> None:
        """Show what is below a row; where nobody has asked for it yet, :attr:`children_wanted` is emitted."""
        row = self.row_at(position)
        if row is None or row.is_open or not row.can_open:
            return
        row.is_open = True
        if row.children is None:
            self.refetch(row)
        else:
            self._insert(position + 1, list(row.shown_below()))
            self._changed(position)

    def refetch(self, row: Row) -> None:
        """Ask for what is below an open row, again if need be."""
        self.set_children(row, [Row(None, row.level, row.source, row, "Fetching …")])
        self.children_wanted.emit(row)

    def close_row(self, position: int) -> None:
        """Hide what is below a row."""
        row = self.row_at(position)
        if row is not None and row.is_open:
            self._remove(position + 1, self._count_below(position))
            row.is_open = False
            self._changed(position)

    def toggle(self, position: int) -> None:
        """Open a row, or close it."""
        row = self.row_at(position)
        if row is not None:
            (self.close_row if row.is_open else self.open_row)(position)

    # order and filter

    @property
    def arrangement(self) -> Arrangement:
        """How the rows are to be arranged."""
        return self._arrangement

    @property
    def is_arranged(self) -> bool:
        """Whether they are: rows that came later stand at the end until :meth:`arrange`."""
        return self._is_arranged

    def set_order(self, column: Column | None, *, is_descending: bool = False) -> None:
        """Sort by a column; ``None`` for the order in which the matches came."""
        self._arrange_as(self._arrangement._replace(column=column, is_descending=is_descending))

    def set_filter(self, text: str) -> None:
        """Show only matches that have all these words, in whichever column."""
        self._arrange_as(self._arrangement._replace(words=tuple(text.casefold().split()), columns=self.columns))

    def read_as(self, charset: str) -> None:
        """Read all texts in this character set, a term of (0008,0005); empty for the one that each match names."""
        if charset == self._arrangement.read_as:
            return
        for source in {row.source for row in self._rows}:
            source.read_as = charset
        self._texts.clear()
        self._corrections.clear()
        arrangement = self._arrangement._replace(read_as=charset)
        if arrangement.is_plain:
            self._arrangement = arrangement
        else:
            self._arrange_as(arrangement)
        if self._shown:
            self._changed(0, len(self._shown) - 1)

    def _arrange_as(self, arrangement: Arrangement) -> None:
        if arrangement != self._arrangement:
            self._arrangement = arrangement
            self._is_arranged = False
            self.arrange()

    def arrange(self) -> None:
        """Bring the rows into order, at once or by :attr:`arrangement_wanted`."""
        if self._is_arranged:
            return
        if self._arrangement.is_plain or len(self._rows) <= AT_ONCE:
            self.apply(arranged(self._rows, self._arrangement), self._arrangement, len(self._rows))
        else:
            self.arrangement_wanted.emit()

    def apply(self, order: Sequence[Row], arrangement: Arrangement, count: int) -> bool:
        """Show rows in this order, which was made of the first ``count``; whether it is still wanted."""
        if arrangement != self._arrangement or count > len(self._rows):
            return False
        later = list(filter(having(arrangement), self._rows[count:]))
        self.beginResetModel()
        self._shown = []
        for row in (*order, *later):
            self._shown.append(row)
            if row.is_open:
                self._shown += row.shown_below()
        self._is_arranged = not later or arrangement.column is None
        self.endResetModel()
        return True

    # what is here

    def take_here_wanted(self, limit: int) -> dict[Level, list[str]]:
        """The unique keys of rows that were in view and of which nobody knows how much is here, by level."""
        wanted: dict[Level, list[str]] = {}
        for level, value in list(self._here_wanted)[:limit]:
            del self._here_wanted[level, value]
            wanted.setdefault(level, []).append(value)
        return wanted

    def show_here(self, level: Level, counts: Mapping[str, int]) -> None:
        """So many instances are here."""
        self._here |= {(level, value): count for value, count in counts.items()}
        self._show_column(HERE)

    def forget_here(self) -> None:
        """Something has come: look again."""
        self._here.clear()
        self._show_column(HERE)

    def _show_column(self, key: str) -> None:
        place = next((number for number, column in enumerate(self.columns) if column.key == key), -1)
        if self._shown and place >= 0:
            self.dataChanged.emit(self.index(0, place), self.index(len(self._shown) - 1, place))

    def mark_never_returned(self, tags: Iterable[int]) -> None:
        """The peers have not returned these at all: their columns say so."""
        self.never_returned |= frozenset(tags)
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(self.columns) - 1)

    # reading

    @property
    def rows(self) -> tuple[Row, ...]:
        """All matches of the top level, in the order in which they came."""
        return tuple(self._rows)

    @property
    def count(self) -> int:
        """How many matches there are on the top level, shown or not."""
        return len(self._rows)

    def row_at(self, position: int) -> Row | None:
        """The row in view at this place."""
        return self._shown[position] if 0 <= position < len(self._shown) else None

    def position_of(self, row: Row) -> int:
        """Where a row is in view, or -1."""
        try:
            return self._shown.index(row)
        except ValueError:
            return -1

    def parent_row(self, position: int) -> int:
        """Where the row above in the tree is in view, or -1."""
        row = self.row_at(position)
        return -1 if row is None or row.parent is None else self.position_of(row.parent)

    def places_of(self, rows: Collection[Row]) -> dict[Row, int]:
        """Where these rows are in view; those that are not are left out."""
        return {row: place for place, row in enumerate(self._shown) if row in rows}

    def shown_rows(self) -> tuple[Row, ...]:
        """The matches in view, in their order."""
        return tuple(row for row in self._shown if row.answer is not None)

    def texts_of(self, row: Row) -> Mapping[int, str]:
        """The values that the columns need of a row."""
        texts = self._texts.get(row)
        if texts is None:
            if len(self._texts) >= _KEPT:
                self._texts.clear()
            texts = row.texts(self._tags[row.level])
            self._texts[row] = texts
        return texts

    def corrections_of(self, row: Row) -> tuple[Correction, ...]:
        """What was corrected in a match; kept for the rows in view."""
        found = self._corrections.get(row)
        if found is None:
            if len(self._corrections) >= _KEPT:
                self._corrections.clear()
            read = row.read
            found = () if read is None or len(read.data) > MAX_CHECKED else corrections_in(read)
            self._corrections[row] = found
        return found

    def lines(self, columns: Sequence[Column], rows: Sequence[Row]) -> Iterator[list[str]]:
        """The level and the cells of these columns, row by row, for a file; may run in a thread."""
        tags = {level: tags_of(columns, level) for level in Level}
        for row in rows:
            texts = row.texts(tags[row.level])
            yield [
                row.noun.lower(),
                *(
                    self._known_mark(row, texts)[0] if column.key == HERE else cell_text(row, column, texts) or ""
                    for column in columns
                ),
            ]

    # Qt's side

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self.columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(self.columns):
            return None
        column = self.columns[section]
        is_missing = self._is_never_returned(column)
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{column.title} (not returned)" if is_missing else column.title
        if role == Qt.ItemDataRole.ToolTipRole and is_missing:
            return tooltip("No match has this attribute: the peer does not support it as a return key.")
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return alignment(is_right=column.is_right)
        return None

    def _is_never_returned(self, column: Column) -> bool:
        tags = {tag for level_tags in column.tags.values() for tag in level_tags}
        return len(tags) == 1 and tags <= self.never_returned

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role not in _ROLES:  # most questions of a view are about others
            return None
        row = self.row_at(index.row()) if index.isValid() else None
        if row is None:
            return None
        column = self.columns[index.column()]
        if column.key == HERE and role in (Qt.ItemDataRole.DisplayRole, ICON_ROLE, TONE_ROLE):
            mark, icon, tone = self._here_mark(row, self.texts_of(row))
            return {ICON_ROLE: icon, TONE_ROLE: tone}.get(role, mark)
        if role == Qt.ItemDataRole.DisplayRole:
            text = cell_text(row, column, self.texts_of(row))
            return _MISSING if text is None else text
        if role == DEPTH_ROLE:
            return row.depth if not row.is_step else NO_ARROW
        if role == OPEN_ROLE:
            return row.is_open if row.can_open else None
        if role == WARNING_ROLE:
            return row.answer is not None and (row.answer.has_unsupported_keys or bool(self.corrections_of(row)))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return alignment(is_right=column.is_right)
        return self._look_of(row, column, role) if role in _LOOKS else None

    def _look_of(self, row: Row, column: Column, role: int) -> Any:
        text = cell_text(row, column, self.texts_of(row))
        if role == Qt.ItemDataRole.ForegroundRole:
            return QColor(current_colors().muted) if text is None or row.answer is None else None
        if role == Qt.ItemDataRole.ToolTipRole:
            remark = _MAY_NOT_FIT if column.key == ITEM and row.answer and row.answer.has_unsupported_keys else ""
            texts = (_NOT_RETURNED if text is None else text, remark, self._corrected_text(row, column))
            return tooltip(" ".join(filter(None, texts)))
        if role == Qt.ItemDataRole.AccessibleTextRole and column.key == ITEM:
            state = "" if not row.can_open else ", open" if row.is_open else ", closed"
            state += ", corrected" if self.corrections_of(row) else ""
            return f"{row.noun} {text}{state}" if row.answer is not None else text
        return None

    def _corrected_text(self, row: Row, column: Column) -> str:
        """The corrections of a cell; those of the whole match where it is the first one."""
        tags = column.tags.get(row.level, ())
        found = [one for one in self.corrections_of(row) if column.key == ITEM or one.tag in tags]
        return f"{_CORRECTED} {codes_text(found)}." if found else ""

    def _here_mark(self, row: Row, texts: Mapping[int, str]) -> tuple[str, str, str]:
        """Text, icon and tone of the mark that says how much is here; what is not known is asked for."""
        value = unique_value(row, texts)
        if self.looks_here and value and row.answer is not None and (row.level, value) not in self._here:
            self._here_wanted[row.level, value] = None
        return self._known_mark(row, texts)

    def _known_mark(self, row: Row, texts: Mapping[int, str]) -> tuple[str, str, str]:
        count = self._here.get((row.level, unique_value(row, texts))) if row.answer is not None else None
        if not count:
            return "", "", ""
        expected = expected_instances(row, texts)
        if not expected:
            return f"{count:,} here", "good", "muted"
        if count >= expected:
            return "here", "good", "good"
        return f"{expected - count:,} missing", "warning", "warning"
