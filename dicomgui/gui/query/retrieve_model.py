"""The retrievals of this session: what the peer tells of each, beside what has really arrived."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from PySide6.QtCore import Qt

from dicomgui.app.operations import JobState
from dicomgui.app.transfers.retrieve_results import Counts
from dicomgui.gui.jobs.model import JOB_STATE_LOOKS
from dicomgui.gui.tables.columns import ROOT, ColumnsModel, Index
from dicomgui.gui.tables.pills import FRACTION_ROLE, ICON_ROLE, TONE_ROLE
from dicomgui.gui.widgets.text import size_text, tooltip
from dicomgui.trace.finding import plain

__all__ = ["RetrieveColumn", "RetrieveLine", "RetrieveModel"]


class RetrieveColumn(IntEnum):
    """The columns, in their order."""

    WHAT = 0
    FROM = 1
    HOW = 2
    STATE = 3
    TOLD = 4
    ARRIVED = 5


@dataclass(frozen=True, slots=True)
class RetrieveLine:
    """How one retrieval stands.

    :ivar number: of the retrieval.
    :ivar arrived: ``None`` where it goes elsewhere.
    """

    number: int
    what: str
    source: str
    how: str
    state: JobState
    told: Counts = field(default=Counts())
    arrived: int | None = None
    arrived_bytes: int = 0
    text: str = ""


class RetrieveModel(ColumnsModel):
    """Rows are retrievals, the newest first."""

    titles = ("What", "From", "How", "State", "The peer tells", "Arrived here")

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[RetrieveLine] = []

    def show_lines(self, lines: Sequence[RetrieveLine]) -> None:
        """These are all, in this order."""
        if [line.number for line in lines] != [line.number for line in self._lines]:
            self.beginResetModel()
            self._lines = list(lines)
            self.endResetModel()
            return
        for row, line in enumerate(lines):
            if line != self._lines[row]:
                self._lines[row] = line
                self.dataChanged.emit(self.index(row, 0), self.index(row, len(RetrieveColumn) - 1))

    def number_at(self, row: int) -> int:
        """The number of the retrieval in a row, 0 for none."""
        return self._lines[row].number if 0 <= row < len(self._lines) else 0

    def row_of(self, number: int) -> int:
        """The row of a retrieval, -1 for none."""
        return next((row for row, line in enumerate(self._lines) if line.number == number), -1)

    # Qt's side

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self._lines)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        line, column = self._lines[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(line, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(plain(line.text, 600) or _text(line, column))
        if role in (ICON_ROLE, TONE_ROLE):
            return JOB_STATE_LOOKS[line.state][0 if role == ICON_ROLE else 1]
        if role == FRACTION_ROLE and column == RetrieveColumn.TOLD:
            return _fraction(line)
        return None


def _fraction(line: RetrieveLine) -> float | None:
    told = line.told
    done = told.completed + told.failed + told.warning
    total = done + (told.remaining or 0)
    if not total:
        return 1.0 if line.state is JobState.DONE else None
    return done / total


def _text(line: RetrieveLine, column: int) -> str:
    if column == RetrieveColumn.WHAT:
        return plain(line.what)
    if column == RetrieveColumn.FROM:
        return plain(line.source)
    if column == RetrieveColumn.HOW:
        return plain(line.how)
    if column == RetrieveColumn.STATE:
        return line.state.value
    if column == RetrieveColumn.TOLD:
        return _told_text(line.told)
    if line.arrived is None:
        return "goes elsewhere"
    return f"{line.arrived:,} · {size_text(line.arrived_bytes)}" if line.arrived else "0"


def _told_text(told: Counts) -> str:
    parts = [f"{told.completed:,} done"]
    for count, word in ((told.failed, "failed"), (told.warning, "with warning"), (told.remaining or 0, "left")):
        if count:
            parts.append(f"{count:,} {word}")
    return " · ".join(parts)
