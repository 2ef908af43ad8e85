"""A bar above the panels that tells of a fault of the program and stops nobody."""

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
        row.addWidget(Glyph("error", "error"))
        row.addWidget(self.text, 1)
        row.addWidget(self.dismiss)
        self.hide()

    def show_fault(self, line: str) -> None:
        """Tell of one fault."""
        self._count += 1
        more = f" ({self._count:,} faults so far)" if self._count > 1 else ""
        self.text.setText(f"A fault of this program: {plain(line, 500)}{more}")
        self.show()

    def _on_dismiss_clicked(self) -> None:
        self._count = 0
        self.hide()
