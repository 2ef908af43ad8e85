"""The view of a table that is typed into, with its buttons: add, duplicate, delete, and what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QPushButton, QVBoxLayout, QWidget

from dicomgui.gui.tables.edit_rows import ChoiceDelegate, EditRows
from dicomgui.gui.tables.list_table import ListTable
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.cards import EmptyState
from dicomgui.gui.widgets.flow import FlowRow, Pages
from dicomgui.gui.widgets.text import PlainLabel, count_text
from dicomgui.gui.widgets.undo_bar import UndoBar
from dicomgui.trace.finding import plain

__all__ = ["EditTable"]

MIN_HEIGHT = 120


class _Table(ListTable):
    """Typing, F2 or a double click edit a cell; Insert adds a row, Delete takes the selected rows out."""

    def __init__(self, name: str, accessible: str, owner: EditTable) -> None:
        super().__init__(name, accessible)
        self._owner = owner
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        triggers = QAbstractItemView.EditTrigger
        self.setEditTriggers(triggers.DoubleClicked | triggers.EditKeyPressed | triggers.AnyKeyPressed)
        self.setItemDelegate(ChoiceDelegate(self))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete and not event.modifiers():
            self._owner.delete()
        elif event.key() == Qt.Key.Key_Insert:
            self._owner.add()
        elif event.matches(QKeySequence.StandardKey.Undo):
            self._owner.undo.undo()
        elif event.key() == Qt.Key.Key_Space and self._owner.toggle():
            return
        else:
            super().keyPressEvent(event)


class EditTable(QWidget):
    """A table of :class:`EditRows`.

    :param name: begins the object names.
    :param fresh: a new row, or what makes one.
    :param empty: shown while there is none.
    :ivar tools: the row of buttons, for more of them.
    """

    def __init__(
        self,
        name: str,
        accessible: str,
        noun: str,
        model: EditRows,
        fresh: Mapping[str, str] | Callable[[], Mapping[str, str]],
        widths: Mapping[str, int],
        empty: EmptyState,
    ) -> None:
        super().__init__()
        self.model = model
        self._noun = noun
        self._fresh = fresh
        self.table = _Table(f"{name}_table", accessible, self)
        self.table.setModel(model)
        self.table.horizontalHeader().setStretchLastSection(True)
        for number, column in enumerate(model.columns):
            self.table.setColumnWidth(number, widths.get(column.name, 110))
        self.add_button = push_button(f"{name}_add", "Add", "add", tip=f"Add a {noun} (Insert)")
        self.copy_button = push_button(f"{name}_duplicate", "Duplicate", "copy", tip=f"Duplicate the selected {noun}s")
        tip = f"Delete the selected {noun}s (Delete)"
        self.delete_button = push_button(f"{name}_delete", "Delete", "clear", tip=tip)
        for button, slot in (
            (self.add_button, self.add), (self.copy_button, self.duplicate), (self.delete_button, self.delete),
        ):  # fmt: skip
            button.setAccessibleName(f"{button.accessibleName()} a {noun}")
            button.clicked.connect(slot)
        self.undo = UndoBar(f"{name}_undo")
        self.note = PlainLabel(tone="warning", scale=0.9, wrap=True)
        self.note.setObjectName(f"{name}_note")
        self.note.hide()
        self.tools = FlowRow(6)
        for button in (self.add_button, self.copy_button, self.delete_button):
            self.tools.add(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(self.tools)
        layout.addWidget(self.undo)
        self.pages = Pages(f"{name}_pages", MIN_HEIGHT)
        self.pages.addWidget(empty)
        self.pages.addWidget(self.table)
        layout.addWidget(self.pages, 1)
        layout.addWidget(self.note)
        self.table.selectionModel().selectionChanged.connect(self._show_buttons)
        model.edited.connect(self._show_buttons)
        model.modelReset.connect(self._show_buttons)
        self._show_buttons()

    @property
    def selected(self) -> list[int]:
        """The selected rows, from the top."""
        return sorted(index.row() for index in self.table.selectionModel().selectedRows())

    def add_tools(self, *buttons: QPushButton) -> None:
        """More buttons, at the right."""
        self.tools.add_stretch()
        for button in buttons:
            self.tools.add(button)

    def add(self) -> None:
        """Add a row below the selected one, and begin to type into it."""
        at = (self.selected or [self.model.rowCount() - 1])[-1] + 1
        fresh = self._fresh() if callable(self._fresh) else self._fresh
        if self.model.insert(at, [fresh]):
            first = next(number for number, column in enumerate(self.model.columns) if not column.is_tick)
            self.table.setCurrentIndex(self.model.index(at, first))
            self.table.setFocus()

    def duplicate(self) -> None:
        """Put a copy of the selected rows below them."""
        chosen = self.selected
        if chosen:
            at = chosen[-1] + 1
            self.model.insert(at, [self.model.rows[number] for number in chosen])
            self.table.setCurrentIndex(self.model.index(at, max(0, self.table.currentIndex().column())))

    def delete(self) -> None:
        """Take the selected rows out; that can be undone."""
        chosen = self.selected
        if not chosen:
            return
        removed = self.model.remove(chosen)
        self.undo.offer(f"{count_text(len(removed), self._noun)} deleted", lambda: self._put_back(removed))
        left = min(chosen[0], self.model.rowCount() - 1)
        if left >= 0:
            self.table.setCurrentIndex(self.model.index(left, 0))

    def _put_back(self, removed: list[tuple[int, Mapping[str, str]]]) -> None:
        for number, row in removed:
            self.model.insert(min(number, self.model.rowCount()), [row])

    def toggle(self) -> bool:
        """Tick the current cell or untick it; whether it is one that can be."""
        index = self.table.currentIndex()
        if not index.isValid() or not self.model.columns[index.column()].is_tick:
            return False
        is_on = index.data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked
        wanted = Qt.CheckState.Unchecked if is_on else Qt.CheckState.Checked
        return self.model.setData(index, wanted, Qt.ItemDataRole.CheckStateRole)

    def show_note(self, text: str) -> None:
        """Say below the table what is wrong; nothing hides it."""
        self.note.setText(plain(text, 600))
        self.note.setVisible(bool(text))

    def _show_buttons(self) -> None:
        chosen = bool(self.table.selectionModel().hasSelection())
        self.copy_button.setEnabled(chosen and self.model.rowCount() < self.model.limit)
        self.delete_button.setEnabled(chosen)
        self.add_button.setEnabled(self.model.rowCount() < self.model.limit)
        self.pages.setCurrentIndex(1 if self.model.rowCount() else 0)
