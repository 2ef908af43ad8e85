"""The associations that stand now at our listener: who, since when, what came over each."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QObject, Qt

from dicomgui.app.listening.listener import OpenAssociation
from dicomgui.gui.jobs.model import clock_text
from dicomgui.gui.tables.columns import ROOT, ColumnsModel, Index
from dicomgui.gui.widgets.text import size_text, tooltip
from dicomgui.trace.finding import plain

__all__ = ["OpenColumn", "OpenModel"]


class OpenColumn(IntEnum):
    """The columns, in their order."""

    NUMBER = 0
    PEER = 1
    CALLING = 2
    CALLED = 3
    SINCE = 4
    AGE = 5
    INSTANCES = 6
    SIZE = 7
    PROGRAM = 8


class OpenModel(ColumnsModel):
    """Rows come and go with the associations; the others keep their places."""

    titles = ("No.", "Peer", "Calling AE", "Called AE", "Since", "For", "Instances", "Received", "Implementation")
    right_columns = frozenset((OpenColumn.NUMBER, OpenColumn.AGE, OpenColumn.INSTANCES, OpenColumn.SIZE))

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[OpenAssociation] = []

    def show_open(self, now: Sequence[OpenAssociation]) -> None:
        """These stand now, the oldest first."""
        standing = {one.facts.association: one for one in now}
        for row in range(len(self._rows) - 1, -1, -1):
            if self._rows[row].facts.association not in standing:
                self.beginRemoveRows(ROOT, row, row)
                del self._rows[row]
                self.endRemoveRows()
        known = {one.facts.association for one in self._rows}
        if self._rows:
            self._rows = [standing[one.facts.association] for one in self._rows]
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, len(OpenColumn) - 1))
        added = [one for one in now if one.facts.association not in known]
        if added:
            first = len(self._rows)
            self.beginInsertRows(ROOT, first, first + len(added) - 1)
            self._rows += added
            self.endInsertRows()

    def association_at(self, row: int) -> int:
        """The trace's number of the association of a row, 0 for none."""
        return self._rows[row].facts.association if 0 <= row < len(self._rows) else 0

    # Qt's side

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or not 0 <= index.row() < len(self._rows):
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self.alignment_of(index.column())
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            text = _text(self._rows[index.row()], index.column())
            return tooltip(text) if role == Qt.ItemDataRole.ToolTipRole else text
        return None


def _text(one: OpenAssociation, column: int) -> str:
    facts = one.facts
    if column == OpenColumn.NUMBER:
        return str(facts.association)
    if column == OpenColumn.SINCE:
        return f"{datetime.fromtimestamp(one.since_utc).astimezone():%H:%M:%S}"
    if column == OpenColumn.AGE:
        age = max(0.0, time.time() - one.since_utc)
        return clock_text(age) if age >= 60 else f"{age:.0f} s"
    if column == OpenColumn.INSTANCES:
        return f"{one.instances:,}"
    if column == OpenColumn.SIZE:
        return size_text(one.size_bytes)
    texts = {
        OpenColumn.PEER: facts.peer, OpenColumn.CALLING: facts.calling_ae_title,
        OpenColumn.CALLED: facts.called_ae_title, OpenColumn.PROGRAM: facts.implementation_version_name,
    }  # fmt: skip
    return plain(texts[OpenColumn(column)])
