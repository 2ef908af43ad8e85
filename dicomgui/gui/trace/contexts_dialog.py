"""Presentation contexts set by hand: for captures that began after their associations did."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from dicomgui.gui.widgets.buttons import Choice, push_button
from dicomgui.gui.widgets.fields import set_invalid
from dicomgui.gui.widgets.text import PlainLabel
from dicomgui.network.uids import is_valid_uid, name_of

__all__ = ["ContextsDialog"]

_SYNTAXES = (
    "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5",
)  # fmt: skip
_USUAL = ("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.1.1")
_ROWS = 6
_WHY = (
    "The capture begins in the middle of an association, so it does not say what the presentation contexts stand for. "
    "Ids are odd numbers from 1 to 255; leave a line empty that you do not need."
)


class ContextsDialog(QDialog):
    """A line for each context: id, abstract syntax as a UID, transfer syntax."""

    chosen = Signal(object)
    """The user wants these contexts: abstract and transfer syntax by id."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("contexts_dialog")
        self.setWindowTitle("Presentation contexts of the capture")
        self.setMinimumWidth(660)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._lines: list[tuple[QLineEdit, QLineEdit, Choice]] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(12)
        column.addWidget(PlainLabel(_WHY, tone="muted", wrap=True))
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        for place, title in enumerate(("Id", "Abstract syntax (UID)", "Transfer syntax")):
            grid.addWidget(PlainLabel(title, tone="muted", scale=0.9), 0, place)
        for row in range(_ROWS):
            for place, field in enumerate(self._add_line(row)):
                grid.addWidget(field, row + 1, place)
        grid.setColumnStretch(1, 2)
        grid.setColumnStretch(2, 1)
        column.addLayout(grid)
        self.problem = PlainLabel(tone="error", wrap=True)
        self.problem.setObjectName("contexts_problem")
        column.addWidget(self.problem)
        buttons = QDialogButtonBox()
        self.apply_button: QPushButton = push_button("contexts_apply", "&Read again", primary=True)
        self.cancel_button: QPushButton = push_button("contexts_cancel", "Cancel")
        buttons.addButton(self.apply_button, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(self.cancel_button, QDialogButtonBox.ButtonRole.RejectRole)
        buttons.accepted.connect(self._on_accepted)
        buttons.rejected.connect(self.reject)
        column.addWidget(buttons)

    def _add_line(self, row: int) -> tuple[QLineEdit, QLineEdit, Choice]:
        number, abstract = QLineEdit(), QLineEdit()
        number.setObjectName(f"contexts_id_{row}")
        number.setAccessibleName(f"Context id, line {row + 1}")
        number.setFixedWidth(56)
        number.setMaxLength(3)
        abstract.setObjectName(f"contexts_abstract_{row}")
        abstract.setAccessibleName(f"Abstract syntax, line {row + 1}")
        abstract.setMaxLength(64)
        if row < len(_USUAL):
            abstract.setPlaceholderText(f"{_USUAL[row]} is {name_of(_USUAL[row])}")
        syntax = Choice(f"contexts_syntax_{row}", f"Transfer syntax, line {row + 1}")
        for uid in _SYNTAXES:
            syntax.addItem(name_of(uid), uid)
        syntax.setMinimumWidth(210)
        self._lines.append((number, abstract, syntax))
        return number, abstract, syntax

    def contexts(self) -> dict[int, tuple[str, str]]:
        """What was filled in.

        :raises ValueError: a line is wrong; it is framed in red.
        """
        found: dict[int, tuple[str, str]] = {}
        for number, abstract, syntax in self._lines:
            text, uid = number.text().strip(), abstract.text().strip()
            is_id = text.isdecimal() and int(text) % 2 == 1 and int(text) <= 255 and int(text) not in found
            is_used = bool(text or uid)
            set_invalid(number, is_used and not is_id)
            set_invalid(abstract, is_used and not is_valid_uid(uid))
            if is_used and is_id and is_valid_uid(uid):
                found[int(text)] = (uid, str(syntax.currentData()))
            elif is_used:
                raise ValueError("A line is not complete: an odd id that is there once, and a UID.")
        if not found:
            raise ValueError("Fill in at least one context.")
        return found

    def _on_accepted(self) -> None:
        try:
            contexts = self.contexts()
        except ValueError as error:
            self.problem.setText(str(error))
            return
        self.chosen.emit(contexts)
        self.accept()
