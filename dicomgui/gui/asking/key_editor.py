"""Any other keys of a query: by keyword or number with completion, inside of sequences too."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QVBoxLayout, QWidget

from dicomgui.app.asking.keys import Key, parse_key
from dicomgui.gui.asking.key_model import KeyModel
from dicomgui.gui.tables.list_table import ListTable
from dicomgui.gui.widgets.attribute_edit import AttributeEdit
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.fields import line_edit, set_invalid
from dicomgui.gui.widgets.text import PlainLabel
from dicomgui.network.errors import ConfigurationError
from dicomgui.trace.finding import plain

__all__ = ["KeyEditor"]

_HELP = "A value has to match; without one the attribute is only returned. F2 edits a value, Delete takes a key out."
_ROWS_SEEN = 6


class _KeyTable(ListTable):
    """A list whose rows Delete takes out."""

    removed = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete:
            self.removed.emit()
        else:
            super().keyPressEvent(event)


class KeyEditor(QWidget):
    """A line to add a key, and the list of them.

    :param prefix: begins the object names: ``query_key``, ``query_key_value``, ``query_keys``.
    """

    changed = Signal()
    """There are other keys now."""

    usual_wanted = Signal()
    """The user wants the usual return keys again."""

    def __init__(self, prefix: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = KeyModel(self)
        self.name = AttributeEdit(f"{prefix}_key", "Attribute", hint="PatientComments or 0010,4000", takes_paths=True)
        self.value = line_edit(f"{prefix}_key_value", "Value to match", hint="value, or nothing")
        self.add_button = push_button(f"{prefix}_key_add", "Add", "add", tip="Add the key to the list")
        self.remove_button = push_button(f"{prefix}_key_remove", "", "remove", tip="The selected ones (Delete)")
        self.remove_button.setAccessibleName("Take the selected keys out")
        tip = "Ask for what is usual at this level again"
        self.usual_button = push_button(f"{prefix}_key_usual", "", "undo", tip=tip)
        self.usual_button.setAccessibleName("Ask for what is usual")
        for button in (self.remove_button, self.usual_button):
            button.setFixedWidth(34)
        self.problem = PlainLabel(tone="error", scale=0.9, wrap=True)
        self.problem.setObjectName(f"{prefix}_key_problem")
        self.problem.hide()
        self._make_table(prefix)
        self._place()
        self.name.textEdited.connect(lambda: self._say(""))
        self.name.returnPressed.connect(self.add)
        self.value.returnPressed.connect(self.add)
        self.add_button.clicked.connect(self.add)
        self.remove_button.clicked.connect(self.remove)
        self.usual_button.clicked.connect(self.usual_wanted)
        self.model.keys_changed.connect(self.changed)
        self._show_buttons()

    def _make_table(self, prefix: str) -> None:
        self.table = _KeyTable(f"{prefix}_keys", "Other keys, and what is returned")
        self.table.setModel(self.model)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        triggers = QAbstractItemView.EditTrigger
        self.table.setEditTriggers(triggers.DoubleClicked | triggers.EditKeyPressed | triggers.AnyKeyPressed)
        self.table.set_widths({0: 172}, stretch=1)
        self.table.setFixedHeight((_ROWS_SEEN + 1) * (self.table.fontMetrics().height() + 9))
        self.table.removed.connect(self.remove)
        self.table.selectionModel().selectionChanged.connect(self._show_buttons)

    def _place(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        line = QHBoxLayout()
        line.setSpacing(6)
        line.addWidget(self.name, 3)
        line.addWidget(self.value, 2)
        column.addLayout(line)
        column.addWidget(self.problem)
        row = QHBoxLayout()
        row.setSpacing(6)
        for button in (self.add_button, self.remove_button, self.usual_button):
            row.addWidget(button)
        row.addStretch(1)
        column.addLayout(row)
        column.addWidget(self.table)
        column.addWidget(PlainLabel(_HELP, tone="muted", scale=0.9, wrap=True))
        order = (self.name, self.value, self.add_button, self.remove_button, self.usual_button, self.table)
        for before, after in pairwise(order):
            QWidget.setTabOrder(before, after)

    # keys

    @property
    def keys(self) -> tuple[Key, ...]:
        """What has to match."""
        return tuple(key for key in self.model.keys if key.is_matching)

    @property
    def returned(self) -> tuple[Key, ...]:
        """What is only to be returned."""
        return tuple(key for key in self.model.keys if not key.is_matching)

    def set_keys(self, keys: Iterable[Key]) -> None:
        """Show these."""
        self.model.set_keys(keys)
        self._show_buttons()

    def add(self) -> None:
        """Take the key that was typed into the list."""
        name, value = self.name.text().strip(), self.value.text().strip()
        name, sign, inside = name.partition("=")  # also as the command line has it
        name = name.strip().removesuffix(".")
        if not name:
            return
        try:
            key = parse_key(f"{name}={value or inside}" if value or sign else name)
        except ConfigurationError as error:
            self._say(f"{error}. {error.hint}" if error.hint else str(error))
            return
        self._say("")
        self.table.selectRow(self.model.put(key))
        self.name.clear()
        self.value.clear()
        self.name.setFocus()

    def remove(self) -> None:
        """Take the selected keys out."""
        self.model.remove(index.row() for index in self.table.selectionModel().selectedRows())
        self._show_buttons()

    def _say(self, problem: str) -> None:
        self.problem.setText(plain(problem, 300))
        self.problem.setVisible(bool(problem))
        set_invalid(self.name, bool(problem))

    def _show_buttons(self) -> None:
        self.remove_button.setEnabled(self.table.selectionModel().hasSelection())
