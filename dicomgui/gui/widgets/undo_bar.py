"""What was done last, and the button that takes it back; nobody is asked before."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.text import ElidedLabel
from dicomgui.network.errors import ConfigurationError
from dicomgui.trace.finding import plain

__all__ = ["UndoBar"]

MAX_STEPS = 100


class UndoBar(QFrame):
    """Shown while there is something to take back.

    :param name: object name; begins those of its buttons.
    """

    undone = Signal()
    """Something was taken back."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setProperty("card", "note")
        self._steps: list[tuple[str, Callable[[], object]]] = []
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 6, 8, 6)
        row.setSpacing(8)
        self.text = ElidedLabel()
        self.text.setObjectName(f"{name}_text")
        self.undo_button = push_button(f"{name}_button", "Undo", "undo", tip="Take it back (Ctrl+Z)")
        self.undo_button.clicked.connect(self.undo)
        self.dismiss_button = push_button(f"{name}_dismiss", "Dismiss", tip="Keep it as it is")
        self.dismiss_button.clicked.connect(self.dismiss)
        row.addWidget(self.text, 1)
        row.addWidget(self.undo_button)
        row.addWidget(self.dismiss_button)
        self.hide()

    def offer(self, what: str, undo: Callable[[], object]) -> None:
        """Something was done; ``undo`` takes it back."""
        self._steps = [*self._steps, (plain(what), undo)][-MAX_STEPS:]
        self._show()

    def undo(self) -> None:
        """Take back what was done last."""
        if not self._steps:
            return
        _, undo = self._steps.pop()
        try:
            undo()
        except ConfigurationError as error:  # the node is gone meanwhile, or its name is taken
            self._show()
            self.text.setText(plain(f"It cannot be taken back: {error}", 300))
            self.show()
            return
        self._show()
        self.undone.emit()

    def dismiss(self) -> None:
        """Nothing is to be taken back any more."""
        self._steps.clear()
        self._show()

    def _show(self) -> None:
        self.setVisible(bool(self._steps))
        if self._steps:
            self.text.setText(self._steps[-1][0])
        self.undo_button.setEnabled(bool(self._steps))
