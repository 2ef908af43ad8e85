"""The first steps, side by side: each leads to where it is done, and is lit when it was."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from dicomgui.gui.look import icons
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.cards import Card, Glyph
from dicomgui.gui.widgets.fields import restyle
from dicomgui.gui.widgets.text import PlainLabel

__all__ = ["FirstStep", "StepsStrip"]


class FirstStep(StrEnum):
    """The steps, in their order."""

    ECHO = "echo"
    QUERY = "query"
    RETRIEVE = "retrieve"
    LOOK = "look"
    SEND_BACK = "send_back"


_TEXTS = {
    FirstStep.ECHO: ("Echo", "echo", "Is it there, and does it accept us?"),
    FirstStep.QUERY: ("Query", "query", "What does it have?"),
    FirstStep.RETRIEVE: ("Retrieve", "follow", "Bring a study here"),
    FirstStep.LOOK: ("Look", "look", "See the data set of an instance"),
    FirstStep.SEND_BACK: ("Send back", "send", "Send it to where it came from"),
}


class StepsStrip(Card):
    """Five buttons with arrows between them."""

    step_wanted = Signal(object)
    """The user wants to do this :class:`FirstStep`."""
    dismissed = Signal()
    """The user does not want to see it any more."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.setObjectName("home_steps")
        self.setAccessibleName("First steps")
        self.done: frozenset[FirstStep] = frozenset()
        self.buttons: dict[FirstStep, QPushButton] = {}
        head = QHBoxLayout()
        head.setSpacing(8)
        self._heading = PlainLabel("First steps", bold=True)
        head.addWidget(self._heading)
        self._count = PlainLabel(tone="muted", scale=0.95)
        self._count.setObjectName("home_steps_count")
        head.addWidget(self._count, 1)
        self.dismiss_button = push_button("home_steps_dismiss", "Hide", "cancel", tip="Do not show the steps any more")
        self.dismiss_button.setAccessibleName("Hide the first steps")
        self.dismiss_button.clicked.connect(self.dismissed)
        head.addWidget(self.dismiss_button)
        self.column.addLayout(head)
        row = QHBoxLayout()
        row.setSpacing(4)
        for number, (step, (title, _, tip)) in enumerate(_TEXTS.items()):
            if number:
                row.addWidget(Glyph("right", "muted", 14), 0, Qt.AlignmentFlag.AlignVCenter)
            button = push_button(f"home_step_{step.value}", title, "busy", tip=tip)
            button.setProperty("step", "open")
            button.clicked.connect(lambda _checked=False, step=step: self.step_wanted.emit(step))
            self.buttons[step] = button
            row.addWidget(button, 1)
        self.column.addLayout(row)
        self._show()

    def show_done(self, done: Collection[FirstStep]) -> None:
        """Light these."""
        if frozenset(done) != self.done:
            self.done = frozenset(done)
            self._show()

    def _show(self) -> None:
        for step, button in self.buttons.items():
            title, icon_name, _ = _TEXTS[step]
            is_done = step in self.done
            button.setIcon(icons.icon("good" if is_done else icon_name))
            button.setAccessibleName(f"{title}, done" if is_done else title)
            button.setProperty("step", "done" if is_done else "open")
            restyle(button)
        count = len(self.done)
        if count == len(_TEXTS):
            self._count.setText("All five done: that is most of what a DICOM node does.")
        else:
            self._count.setText(f"{count} of {len(_TEXTS)} done" if count else "with the practice PACS, or yours")
