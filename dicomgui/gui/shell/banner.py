"""A bar above the panels that tells of a fault of the program, or of its files, and stops nobody."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.cards import Glyph
from dicomgui.gui.widgets.text import ElidedLabel
from dicomgui.trace.finding import plain

__all__ = ["Banner"]


class Banner(QFrame):
    """Shows the newest fault and how many there were, until it is dismissed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self._count = 0
        row = QHBoxLayout(self)
        row.setContentsMargins(24, 8, 24, 8)
        row.setSpacing(10)
        self.text = ElidedLabel()
        self.text.setObjectName("banner_text")
        self.dismiss = push_button("banner_dismiss", "Dismiss", tip="The log keeps it")
        self.dismiss.clicked.connect(self._on_dismiss_clicked)
        self._glyph = Glyph("error", "error")
        row.addWidget(self._glyph)
        row.addWidget(self.text, 1)
        row.addWidget(self.dismiss)
        self.hide()

    def show_fault(self, line: str) -> None:
        """Tell of one fault of the program."""
        self._count += 1
        more = f" ({self._count:,} faults so far)" if self._count > 1 else ""
        self._show("error", f"A fault of this program: {plain(line, 500)}{more}")

    def show_problem(self, line: str) -> None:
        """Tell of something that the user can mend, e.g. a file that could not be read; no fault gives way to it."""
        if not self._count:
            self._show("warning", plain(line, 500))

    def _show(self, tone: str, text: str) -> None:
        self._glyph.show_state(tone, tone)
        if self.property("tone") != tone:
            self.setProperty("tone", tone)
            self.style().unpolish(self)
            self.style().polish(self)
        self.text.setText(text)
        self.show()

    def _on_dismiss_clicked(self) -> None:
        self._count = 0
        self.hide()
