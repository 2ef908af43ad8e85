"""A field for a filter of the trace: it completes what is typed, and shows where something is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QEvent, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QFocusEvent, QInputMethodEvent, QKeyEvent, QTextCharFormat
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

from dicomgui.gui.look.theme import current_colors
from dicomgui.gui.trace.filtering.completion_list import CompletionList
from dicomgui.gui.widgets.fields import set_invalid
from dicomgui.trace.filter import Completion, Completions, Filter, FilterError, check, complete, parse
from dicomgui.trace.filter.grammar import MAX_LENGTH

__all__ = ["FilterEdit"]

TYPED_MS = 250
"""How long after the last key the filter is applied."""


class FilterEdit(QLineEdit):
    """Down goes into the list of completions, Tab takes the first, Enter the chosen one or the filter as it stands.

    What is typed counts a moment after the last key, unless a completion is offered. Esc closes the list, then clears.

    :param name: object name.
    :param accessible: what it is for, for assistive technology.

    :ivar error: what is wrong with the text; ``None`` where it is a filter.
    :ivar filter: the last text that was a filter.
    """

    filter_changed = Signal()
    """There is another filter, or the text is none: see :attr:`filter` and :attr:`error`."""
    confirmed = Signal()
    """The user pressed Enter, and the text is a filter."""
    left = Signal()
    """The user pressed Esc in an empty field."""

    def __init__(self, name: str, accessible: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(accessible)
        self.setMaxLength(MAX_LENGTH)
        self.setClearButtonEnabled(True)
        self.filter = Filter("", None)
        self.error: FilterError | None = None
        self._values_of: Callable[[str], Iterable[str]] | None = None
        self._completions = Completions(0, ())
        self.popup = CompletionList(f"{name}_completions", self)
        self.popup.picked.connect(self._take)
        self._typed = QTimer(self)
        self._typed.setSingleShot(True)
        self._typed.setInterval(TYPED_MS)
        self._typed.timeout.connect(self._on_typed)
        self.textEdited.connect(self._on_text_edited)
        self.textChanged.connect(self._on_text_changed)

    def set_values(self, values_of: Callable[[str], Iterable[str]]) -> None:
        """Where values for a key come from, beside the usual ones."""
        self._values_of = values_of

    def set_filter(self, text: str) -> None:
        """Write a filter and apply it."""
        self.setText(text)
        self.popup.hide()
        self.apply()

    # ------------------------------------------------------------------------------------------------------- typing

    def _on_text_edited(self) -> None:
        self._typed.start()
        self.show_completions()

    def _on_text_changed(self, text: str) -> None:
        if not text and (self.filter.text or self.error):  # the button that clears types nothing
            self._typed.start()

    def _on_typed(self) -> None:
        """A word that can still be completed is not a filter yet: it would empty the list for a moment."""
        if not self.popup.isVisible():
            self.apply()

    def apply(self) -> None:
        """Understand the text now."""
        self._typed.stop()
        before = (self.filter.text, str(self.error or ""))
        try:
            understood = parse(self.text())
            check(understood)
            self.filter, self.error = understood, None
        except FilterError as error:
            self.error = error
        set_invalid(self, self.error is not None)
        self._show_place()
        if before != (self.filter.text, str(self.error or "")):
            self.filter_changed.emit()

    def _show_place(self) -> None:
        """Underline what is wrong."""
        attributes = []
        if self.error is not None and self.text():
            start = min(self.error.offset, len(self.text()) - 1)
            wave = QTextCharFormat()
            wave.setUnderlineStyle(QTextCharFormat.UnderlineStyle.WaveUnderline)
            wave.setUnderlineColor(QColor(current_colors().error))
            wave.setForeground(QColor(current_colors().error))
            kind = QInputMethodEvent.AttributeType.TextFormat
            length = max(1, self.error.length)
            attributes = [QInputMethodEvent.Attribute(kind, start - self.cursorPosition(), length, wave)]
        QApplication.sendEvent(self, QInputMethodEvent("", attributes))

    # ------------------------------------------------------------------------------------------------------- completing

    def show_completions(self) -> None:
        """Offer what may be typed at the cursor."""
        self._completions = complete(self.text(), self.cursorPosition(), self._values_of)
        self.popup.offer(self._completions.offered, self.mapToGlobal(QPoint(0, self.height() + 2)))

    def _take(self, completion: Completion) -> None:
        """Put a completion into the place of what is being typed."""
        text, start = self.text(), self._completions.start
        rest = text[self.cursorPosition() :]
        taken = completion.text if completion.goes_on else f"{completion.text} "
        if completion.goes_on and completion.text.isalpha():
            taken += " "
        self.setText(f"{text[:start]}{taken}{rest.lstrip() if taken.endswith(' ') else rest}")
        self.setCursorPosition(start + len(taken))
        if completion.goes_on:
            self.show_completions()
            self._typed.start()
        else:
            self.popup.hide()
            self.apply()

    # ------------------------------------------------------------------------------------------------------- keys

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride:
            if event.key() == Qt.Key.Key_Escape:
                event.accept()  # else the window takes it for the end of an operation
                return True
        elif isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and self._tab(event):
            return True
        return super().event(event)

    def _tab(self, event: QKeyEvent) -> bool:
        """Tab takes the first completion while the list is open; else it goes to the next widget."""
        if event.key() != Qt.Key.Key_Tab or not self.popup.isVisible():
            return False
        self._take(self.popup.current or self.popup.offered[0])
        return True

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in (Qt.Key.Key_Down, Qt.Key.Key_Up):
            if not self.popup.isVisible():
                self.show_completions()
            if self.popup.isVisible():
                self.popup.move_by(1 if key == Qt.Key.Key_Down else -1)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._on_enter()
        elif key == Qt.Key.Key_Escape:
            self._on_escape()
        else:
            super().keyPressEvent(event)

    def _on_enter(self) -> None:
        current = self.popup.current
        if current is not None:
            self._take(current)
            return
        self.popup.hide()
        self.apply()
        if self.error is None:
            self.confirmed.emit()

    def _on_escape(self) -> None:
        if self.popup.isVisible():
            self.popup.hide()
            self.apply()
        elif self.text():
            self.set_filter("")
        else:
            self.left.emit()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.popup.hide()
        self.apply()
