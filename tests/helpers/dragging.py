"""Events of drag and drop, made with whichever constructor this version of Qt wants."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QMimeData, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent

__all__ = ["drag_enter"]


def drag_enter(place: QPointF, data: QMimeData) -> QDragEnterEvent:
    """What enters a widget as a copy with the left button held.

    Qt takes the place as QPointF from 6.12 on, where QPoint is deprecated, and as QPoint alone before.
    """
    make: Any = QDragEnterEvent
    rest = Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    try:
        event: QDragEnterEvent = make(place, *rest)
    except TypeError:
        event = make(place.toPoint(), *rest)
    return event
