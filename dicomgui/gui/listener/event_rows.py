"""What the listener tells of, row by row, in the order in which it came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from PySide6.QtCore import QObject

from dicomgui.app.listening.listener import ArchiveRepaired, ArchiveStateChanged, ListenerEvent, Refusal
from dicomgui.gui.tables.columns import ROOT, ColumnsModel, Index

__all__ = ["EventRows"]

_Event = TypeVar("_Event", bound=ListenerEvent)


class EventRows(ColumnsModel, Generic[_Event]):
    """Events are appended in batches, and the oldest go when there are very many; who inherits from it makes the cells
    of those in view.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._events: list[_Event] = []

    def _append(self, events: Sequence[_Event], most: int) -> None:
        """Add rows at the end, and keep this many."""
        if not events:
            return
        first = len(self._events)
        self.beginInsertRows(ROOT, first, first + len(events) - 1)
        self._events += events
        self.endInsertRows()
        if (surplus := len(self._events) - most) > 0:
            self.beginRemoveRows(ROOT, 0, surplus - 1)
            del self._events[:surplus]
            self.endRemoveRows()

    def clear(self) -> None:
        """Forget all rows."""
        self.beginResetModel()
        self._events = []
        self.endResetModel()

    def event_at(self, row: int) -> _Event | None:
        """The event of a row."""
        return self._events[row] if 0 <= row < len(self._events) else None

    def association_at(self, row: int) -> int:
        """The trace's number of the association that a row speaks of, 0 for none."""
        event = self.event_at(row)
        if event is None or isinstance(event, ArchiveRepaired | ArchiveStateChanged):
            return 0
        return event.association if isinstance(event, Refusal) else event.facts.association

    # Qt's side

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self._events)
