"""A field for an offset in bytes."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from dicomgui.gui.widgets.fields import set_invalid

__all__ = ["OffsetEdit"]


class OffsetEdit(QLineEdit):
    """Takes an offset: hexadecimal as the bytes are labelled, or decimal with ``#`` before it."""

    left = Signal()
    """The user pressed Esc or went elsewhere."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName("Go to offset")
        self.setPlaceholderText("Offset, e.g. 1A or #26")
        self.setToolTip("Hexadecimal; decimal with # before it. Enter goes there, Esc closes.")
        self.setMaxLength(16)
        self.setFixedWidth(190)
        self.textEdited.connect(lambda: set_invalid(self, False))

    @property
    def value(self) -> int | None:
        """The offset, ``None`` where the text is none."""
        text = self.text().strip().lower()
        try:
            return int(text[1:]) if text.startswith("#") else int(text.removesuffix("h"), 16)
        except ValueError:
            return None

    def event(self, event: QEvent) -> bool:
        pressed = isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape
        if pressed and event.type() == QEvent.Type.ShortcutOverride:
            event.accept()  # else the window takes it for the end of an operation
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)
