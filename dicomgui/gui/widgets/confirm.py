"""A question with two answers, asked without a nested loop."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.dialogs import accepted
from dicomgui.gui.widgets.text import PlainLabel
from dicomgui.trace.finding import plain

__all__ = ["Question", "ask", "confirm"]

_WIDTH = 440


async def confirm(parent: QWidget, name: str, question: str, yes: str) -> bool:
    """Whether the user agrees; not when this task is cancelled.

    :param name: object name of the dialog; those of its buttons end in ``_yes`` and ``_no``.
    :param question: plain text.
    :param yes: the words of the button that agrees.
    """
    dialog = Question(parent, name, question, yes)
    try:
        return await accepted(dialog)
    finally:
        dialog.close()
        dialog.deleteLater()


def ask(parent: QWidget, name: str, question: str, yes: str, then: Callable[[], object]) -> None:
    """For who has no task to wait in: call ``then`` if the user agrees. The other arguments are those of
    :func:`confirm`. While the question is open it is not asked a second time.
    """
    if any(dialog.isVisible() for dialog in parent.findChildren(Question, name)):
        return
    dialog = Question(parent, name, question, yes)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.accepted.connect(then)
    dialog.open()


class Question(QDialog):
    """The dialog itself; see :func:`confirm` and :func:`ask`."""

    def __init__(self, parent: QWidget, name: str, question: str, yes: str) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setWindowTitle("dicomgui")
        self.setAccessibleName("Question")
        self.resize(_WIDTH, 150)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(16)
        text = PlainLabel(plain(question, 600), wrap=True)
        text.setObjectName(f"{name}_text")
        column.addWidget(text, 1)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        self.yes = push_button(f"{name}_yes", yes, primary=True)
        self.no = push_button(f"{name}_no", "&Cancel")
        self.yes.clicked.connect(self.accept)
        self.no.clicked.connect(self.reject)
        row.addWidget(self.yes)
        row.addWidget(self.no)
        column.addLayout(row)
        self.yes.setFocus()
