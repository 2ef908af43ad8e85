"""What came into the listener, row by row: instances, echoes, and what was refused or not stored."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import IntEnum
from typing import Any, NamedTuple

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor

from dicomgui.app.listening.listener import (
    CommandEnded,
    EchoAnswered,
    InstanceDiscarded,
    ListenerEvent,
    ReceivedInstance,
    Refusal,
    RequestAnswered,
    StoreFailed,
)
from dicomgui.gui.listener.event_rows import EventRows
from dicomgui.gui.look.theme import current_colors
from dicomgui.gui.tables.columns import Index
from dicomgui.gui.widgets.text import size_text, tooltip
from dicomgui.network.service import anomaly_text
from dicomgui.network.uids import name_of
from dicomgui.storage.writer import Outcome
from dicomgui.trace.finding import plain

__all__ = ["MAX_ROWS", "ReceivedColumn", "ReceivedModel"]

MAX_ROWS = 100_000
"""Rows kept; past that the oldest go. The instances themselves stay in their folder."""


class ReceivedColumn(IntEnum):
    """The columns, in their order."""

    TIME = 0
    FROM = 1
    WHAT = 2
    INSTANCE = 3
    SIZE = 4
    OUTCOME = 5


_OUTCOMES = {
    Outcome.STORED: "stored",
    Outcome.DUPLICATE: "was there already",
    Outcome.KEPT_SECOND: "stored beside another with its UID",
    Outcome.REPLACED: "took the place of another with its UID",
}
Shown = ReceivedInstance | InstanceDiscarded | StoreFailed | EchoAnswered | Refusal | RequestAnswered | CommandEnded


class _Cells(NamedTuple):
    texts: tuple[str, ...]
    tone: str


class ReceivedModel(EventRows[Shown]):
    """What came in, and what became of it."""

    titles = ("Time", "From", "What", "SOP instance", "Size", "Outcome")
    right_columns = frozenset((ReceivedColumn.SIZE,))

    def add(self, events: Iterable[ListenerEvent]) -> int:
        """Append those that have a row; gives how many."""
        shown: list[Shown] = [event for event in events if isinstance(event, Shown)]
        self._append(shown, MAX_ROWS)
        return len(shown)

    # Qt's side

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or not 0 <= index.row() < len(self._events):
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self.alignment_of(index.column())
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.ForegroundRole):
            return None
        cells = _cells(self._events[index.row()])
        if role == Qt.ItemDataRole.ForegroundRole:
            tone = cells.tone if index.column() == ReceivedColumn.OUTCOME else ""
            return QColor(getattr(current_colors(), tone)) if tone else None
        text = cells.texts[index.column()]
        return tooltip(text) if role == Qt.ItemDataRole.ToolTipRole else text


def _cells(event: Shown) -> _Cells:
    moment = f"{datetime.fromtimestamp(event.utc).astimezone():%H:%M:%S}"
    if isinstance(event, Refusal):
        outcome, tone = ("ended", "warning") if event.is_gone else ("refused", "error")
        return _Cells((moment, plain(event.peer), "Connection", "", "", f"{outcome}: {plain(event.reason)}"), tone)
    caller = plain(f"{event.facts.calling_ae_title} ({event.facts.peer})")
    if isinstance(event, EchoAnswered):
        return _Cells((moment, caller, "C-ECHO", "", "", "answered"), "good")
    if isinstance(event, CommandEnded):
        said = " ".join((event.problem, event.output)).strip()
        cells = (moment, caller, "Command", plain(event.command), "", plain(said or "done"))
        return _Cells(cells, "error" if event.problem else "good")
    if isinstance(event, RequestAnswered):
        outcome, tone = (f"failed: {plain(event.problem)}", "error") if event.problem else ("answered", "good")
        if event.anomalies:
            outcome, tone = f"answered; against the standard: {plain('; '.join(event.anomalies))}", "warning"
        return _Cells((moment, caller, plain(event.service), plain(event.detail), "", outcome), tone)
    what, instance = plain(name_of(event.sop_class_uid)), plain(event.sop_instance_uid)
    if isinstance(event, InstanceDiscarded):
        return _Cells((moment, caller, what, instance, size_text(event.size_bytes), "acknowledged, not kept"), "good")
    if isinstance(event, StoreFailed):
        return _Cells((moment, caller, what, instance, "", f"not stored: {plain(event.reason)}"), "error")
    is_good = event.outcome is Outcome.STORED and event.problem is None
    outcome = _OUTCOMES[event.outcome]
    if event.problem is not None:
        outcome = f"{outcome}, but {plain(event.problem.text)}"
    if event.anomalies:
        outcome = f"{outcome}; against the standard: {plain(', '.join(map(anomaly_text, event.anomalies)))}"
    tone = "good" if is_good else "warning"
    return _Cells((moment, caller, what, instance, size_text(event.size_bytes), outcome), tone)
