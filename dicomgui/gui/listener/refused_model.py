"""What our listener refused or could not do, and why: connections, associations, kinds of objects, instances."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import IntEnum
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor

from dicomgui.app.listening.listener import AssociationEnded, ContextsRefused, ListenerEvent, Refusal, StoreFailed
from dicomgui.gui.listener.event_rows import EventRows
from dicomgui.gui.look.theme import current_colors
from dicomgui.gui.tables.columns import Index
from dicomgui.gui.widgets.text import count_text, tooltip
from dicomgui.network.uids import name_of
from dicomgui.trace.finding import plain

__all__ = ["MAX_ROWS", "RefusedColumn", "RefusedModel"]

MAX_ROWS = 20_000
"""Rows kept; past that the oldest go."""

NAMED = 4
"""SOP classes of refused contexts that are named; the others are counted."""

_Shown = Refusal | StoreFailed | ContextsRefused | AssociationEnded


class RefusedColumn(IntEnum):
    """The columns, in their order."""

    TIME = 0
    FROM = 1
    WHAT = 2
    WHY = 3


class RefusedModel(EventRows[_Shown]):
    """What was refused or failed, and why."""

    titles = ("Time", "From", "What", "Why")

    def add(self, events: Iterable[ListenerEvent]) -> int:
        """Append those that tell of something refused or failed; gives how many."""
        shown: list[_Shown] = [
            event
            for event in events
            if isinstance(event, Refusal | StoreFailed | ContextsRefused)
            or (isinstance(event, AssociationEnded) and event.error is not None)
        ]
        self._append(shown, MAX_ROWS)
        return len(shown)

    def caller_at(self, row: int) -> str:
        """The AE title of the caller that was refused because it is not on the list; empty for every other row."""
        event = self.event_at(row)
        return event.calling_ae_title if isinstance(event, Refusal) and event.is_not_allowed else ""

    # Qt's side

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or not 0 <= index.row() < len(self._events):
            return None
        event, column = self._events[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(event, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(_text(event, column))
        if role == Qt.ItemDataRole.ForegroundRole and column == RefusedColumn.WHAT:
            colors = current_colors()
            return QColor(colors.warning if isinstance(event, ContextsRefused) else colors.error)
        return None


def _text(event: _Shown, column: int) -> str:
    if column == RefusedColumn.TIME:
        return f"{datetime.fromtimestamp(event.utc).astimezone():%H:%M:%S}"
    if column == RefusedColumn.FROM:
        if isinstance(event, Refusal):
            return plain(f"{event.calling_ae_title} ({event.peer})" if event.calling_ae_title else event.peer)
        return plain(f"{event.facts.calling_ae_title} ({event.facts.peer})")
    what, why = _what_and_why(event)
    return what if column == RefusedColumn.WHAT else why


def _what_and_why(event: _Shown) -> tuple[str, str]:
    if isinstance(event, Refusal):
        what = "Connection ended" if event.is_gone else "Connection refused"
        return "Caller not on the list" if event.is_not_allowed else what, plain(event.reason)
    if isinstance(event, AssociationEnded):
        return "Association broke off", plain(event.error)
    if isinstance(event, ContextsRefused):
        names = dict.fromkeys(f"{name_of(one.abstract_syntax)}: {one.text}" for one in event.refused)
        texts = [plain(name, 120) for name in list(names)[:NAMED]]
        if len(names) > NAMED:
            texts.append(f"{len(names) - NAMED:,} more")
        return f"{count_text(len(event.refused), 'presentation context')} refused", "; ".join(texts)
    why = " ".join(filter(None, (f"{event.reason.rstrip('.')}.", event.hint)))
    return f"{plain(name_of(event.sop_class_uid), 60)} not stored", plain(why, 400)
