"""A bar above the panels while the practice PACS runs: that nothing leaves this computer."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from dicomgui.gui.practice.keeper import PracticeKeeper
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.cards import Glyph
from dicomgui.gui.widgets.text import ElidedLabel

__all__ = ["PracticeBar"]


class PracticeBar(QFrame):
    """Comes and goes with the practice PACS; :meth:`drain` looks at it."""

    def __init__(self, practice: PracticeKeeper, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("practice_bar")
        self._practice = practice
        row = QHBoxLayout(self)
        row.setContentsMargins(24, 5, 24, 5)
        row.setSpacing(10)
        self.text = ElidedLabel()
        self.text.setObjectName("practice_bar_text")
        tip = "What was stored in it is forgotten"
        self.stop_button = push_button("practice_stop", "Stop practice", "stop", tip=tip)
        self.stop_button.clicked.connect(practice.stop)
        row.addWidget(Glyph("practice", "accent", 16))
        row.addWidget(self.text, 1)
        row.addWidget(self.stop_button)
        self.hide()

    def drain(self) -> None:
        """Show how it stands now."""
        practice = self._practice
        if practice.is_running and self.isHidden():
            self.text.setText(f"Practice: nothing leaves this computer. {practice.peer} has {practice.what}.")
        if practice.is_running is self.isHidden():
            self.setVisible(practice.is_running)
        self.stop_button.setEnabled(practice.is_running and not practice.is_busy)
