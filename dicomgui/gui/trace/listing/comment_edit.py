"""A line to write a comment into, laid over the row that it belongs to."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRect, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from dicomgui.trace.marks import MAX_COMMENT

__all__ = ["CommentEdit"]


class CommentEdit(QLineEdit):
    """Enter and leaving it keep the comment, Esc does not."""

    finished = Signal(str)
    """The user has written this."""
    closed = Signal()
    """It was closed by a key; the focus goes back to the list."""

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName("Comment on the row")
        self.setPlaceholderText("Comment; Enter keeps it, Esc does not")
        self.setMaxLength(MAX_COMMENT)
        self.hide()

    def open(self, text: str, row: QRect, width: int) -> None:
        """Show it over a row, with the comment that is there."""
        height = max(row.height() + 6, self.sizeHint().height())
        top = max(0, row.y() - (height - row.height()) // 2)
        self.setGeometry(row.right() + 1, top, max(120, width - row.right() - 8), height)
        self.setText(text)
        self.selectAll()
        self.show()
        self.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def leave(self) -> None:
        """Keep what was written and close."""
        if self.isVisible():
            self.hide()
            self.finished.emit(self.text().strip())

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() is not Qt.FocusReason.PopupFocusReason:
            self.leave()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            event.accept()  # no key that is typed here means anything else
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
            self.closed.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.leave()
            self.closed.emit()
        else:
            super().keyPressEvent(event)
