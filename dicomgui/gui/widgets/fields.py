"""Fields of several kinds under one roof: their values as texts, by name, to be kept as a draft and compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QLineEdit,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from dicomgui.gui.look import icons
from dicomgui.gui.widgets.text import PlainLabel

__all__ = [
    "YES", "Field", "FieldSet", "Section", "check_box", "field_text", "line_edit", "mark", "restyle", "set_invalid",
]  # fmt: skip

Field: TypeAlias = QLineEdit | QCheckBox | QComboBox

YES = "yes"
"""The text of a check box that is checked; that of another one is empty."""


def field_text(field: Field) -> str:
    """What a field holds: what was typed, the data of what was chosen, :data:`YES` or nothing."""
    if isinstance(field, QLineEdit):
        return field.text()
    if isinstance(field, QCheckBox):
        return YES if field.isChecked() else ""
    return str(field.currentData() or "")


def _set_text(field: Field, text: str) -> None:
    if isinstance(field, QLineEdit):
        if field.text() != text:
            field.setText(text)
            field.setCursorPosition(0)
    elif isinstance(field, QCheckBox):
        field.setChecked(text == YES)
    else:
        field.setCurrentIndex(max(0, field.findData(text)))


def _on_change(field: Field, slot: Callable[[], object]) -> None:
    if isinstance(field, QLineEdit):
        field.textChanged.connect(lambda _text: slot())
    elif isinstance(field, QCheckBox):
        field.toggled.connect(lambda _on: slot())
    else:
        field.currentIndexChanged.connect(lambda _index: slot())


def restyle(field: QWidget) -> None:
    """Have the style sheet look at the field's properties again."""
    field.style().unpolish(field)
    field.style().polish(field)


def set_invalid(edit: QLineEdit, invalid: bool) -> None:
    """Frame a field in red, or no longer."""
    if bool(edit.property("invalid")) != invalid:
        edit.setProperty("invalid", invalid)
        restyle(edit)


def mark(field: QWidget, changed: bool) -> None:
    """Mark a field as changed, or no longer."""
    if bool(field.property("changed")) != changed:
        field.setProperty("changed", changed)
        restyle(field)


def line_edit(name: str, accessible: str, *, hint: str = "", tip: str = "") -> QLineEdit:
    """A line to type into."""
    edit = QLineEdit()
    edit.setObjectName(name)
    edit.setAccessibleName(accessible)
    edit.setPlaceholderText(hint)
    edit.setToolTip(tip)
    return edit


def check_box(name: str, text: str, *, tip: str = "") -> QCheckBox:
    """A check box."""
    box = QCheckBox(text)
    box.setObjectName(name)
    box.setAccessibleName(text)
    box.setToolTip(tip)
    return box


class FieldSet(QWidget):
    """Some fields in a grid of two columns, each with its label above.

    :ivar fields: by name.
    """

    changed = Signal()
    """Something was typed or chosen."""

    submitted = Signal()
    """Enter was pressed in one of the lines."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.fields: dict[str, Field] = {}
        self._labels: dict[str, PlainLabel] = {}
        self._others: list[QWidget] = []
        self._row = 0
        self.grid = QGridLayout(self)
        self.grid.setContentsMargins(0, 0, 0, 0)
        self.grid.setHorizontalSpacing(12)
        self.grid.setVerticalSpacing(5)
        self.grid.setColumnStretch(0, 1)
        self.grid.setColumnStretch(1, 1)

    def add_row(self, *parts: tuple[str, str, Field, QWidget | None]) -> None:
        """Add one field over the whole width, or two beside each other.

        :param parts: name, label above it (check boxes have none), the field, and a widget behind it, if any.
        """
        span = 2 // len(parts)
        for number, (name, label, field, behind) in enumerate(parts):
            self.register(name, field)
            if isinstance(field, QComboBox):  # no wider than its place: what does not fit is elided
                field.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
                field.setMinimumContentsLength(6)
                field.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            if label:
                above = PlainLabel(label, tone="muted", scale=0.9)
                above.setContentsMargins(0, 4, 0, 0)
                above.setBuddy(field)
                self._labels[name] = above
                self.grid.addWidget(above, self._row, number * span, 1, span)
            cell: QWidget = field
            if behind is not None:
                cell = _beside(field, behind)
                self._others.append(behind)
            self.grid.addWidget(cell, self._row + 1, number * span, 1, span)
        if not any(label for _, label, _, _ in parts):
            self.grid.setRowMinimumHeight(self._row, 4)  # check boxes, no nearer to the field above than a label
        self._row += 2

    def add_wide(self, widget: QWidget) -> None:
        """Add a widget over the whole width."""
        self.grid.addWidget(widget, self._row, 0, 1, 2)
        self._row += 1

    def register(self, name: str, field: Field) -> None:
        """Count a field that is placed elsewhere."""
        self.fields[name] = field
        _on_change(field, self.changed.emit)
        if isinstance(field, QLineEdit):
            field.returnPressed.connect(self.submitted)

    def show_fields(self, names: Iterable[str], shown: bool) -> None:
        """Show or hide some of the fields with their labels."""
        for name in names:
            field = self.fields[name]
            holder = field.parentWidget()
            (holder if isinstance(holder, _Beside) else field).setVisible(shown)
            if name in self._labels:
                self._labels[name].setVisible(shown)

    def texts(self) -> dict[str, str]:
        """What the fields hold, by name."""
        return {name: field_text(field) for name, field in self.fields.items()}

    def set_texts(self, texts: Mapping[str, str]) -> None:
        """Fill the fields in."""
        for name, field in self.fields.items():
            _set_text(field, texts.get(name, ""))

    def set_read_only(self, read_only: bool) -> None:
        """Let nothing be changed, or everything again; what is there stays readable."""
        for field in self.fields.values():
            if not isinstance(field, QLineEdit):
                field.setEnabled(not read_only)
            elif field.isReadOnly() != read_only:
                field.setReadOnly(read_only)
                restyle(field)
        for other in self._others:
            other.setEnabled(not read_only)

    def show_changes(self, saved: Mapping[str, str], marked: bool) -> None:
        """Mark the fields that differ from what is saved."""
        for name, field in self.fields.items():
            mark(field, marked and field_text(field) != saved.get(name, ""))


class _Beside(QWidget):
    """A field with a button behind it."""


def _beside(field: QWidget, behind: QWidget) -> _Beside:
    both = _Beside()
    grid = QGridLayout(both)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(6)
    grid.addWidget(field, 0, 0)
    grid.addWidget(behind, 0, 1)
    grid.setColumnStretch(0, 1)
    return both


class Section(QWidget):
    """A part that is folded away until somebody needs it; its heading says what is in it that is not usual.

    :param name: of the heading's button.
    :param title: in the heading.
    :ivar button: opens and closes it.
    """

    def __init__(self, name: str, title: str, body: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = title
        self._body = body
        self.button = QToolButton()
        self.button.setObjectName(name)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setCheckable(True)
        self.button.setProperty("quiet", True)
        self.button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.button.toggled.connect(self._on_toggled)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(body)
        self.show_summary("")
        self._on_toggled(False)

    def show_summary(self, text: str) -> None:
        """Say in the heading what is not usual; nothing where all is."""
        heading = f"{self._title}: {text}" if text else self._title
        self.button.setText(heading)
        self.button.setAccessibleName(heading.replace("&", ""))

    def set_open(self, shown: bool) -> None:
        """Open it, or close it."""
        self.button.setChecked(shown)

    def _on_toggled(self, shown: bool) -> None:
        self._body.setVisible(shown)
        self.button.setIcon(icons.icon("down" if shown else "right"))
