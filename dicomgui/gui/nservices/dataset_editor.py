"""An editor for a data set: a tree of elements and items, a line to add to it, and the ways in and out of files."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from dicomgui.app.asking.dicom_json import DatasetFileError, load_dataset, parse_dataset
from dicomgui.app.viewing.dataset_edit import DatasetEdit, EditNode, Element, Item, path_of
from dicomgui.app.viewing.dataset_save import json_text, save_dataset
from dicomgui.gui.nservices.dataset_edit_model import ATTRIBUTE, CHOICES_ROLE, VALUE, VR, DatasetEditModel
from dicomgui.gui.running.tasks import PanelTasks
from dicomgui.gui.tables.column_tree import ColumnTree
from dicomgui.gui.widgets.attribute_edit import AttributeEdit
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.dialogs import Ask, ask_paths
from dicomgui.gui.widgets.fields import line_edit, set_invalid
from dicomgui.gui.widgets.flow import FlowRow
from dicomgui.gui.widgets.text import ElidedLabel, count_text
from dicomgui.network.errors import ConfigurationError
from dicomgui.trace.finding import plain

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["DatasetEditor"]

MIN_HEIGHT = 150
_HELP = (
    "F2 or a double click edits a value, Delete takes out, Ctrl+Z takes back, Alt+Up and Alt+Down move an item. "
    "What is added goes where the selection is."
)
_Index = QModelIndex | QPersistentModelIndex


class _Delegate(QStyledItemDelegate):
    """Values are typed, representations chosen."""

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: _Index) -> QWidget:
        if index.column() != VR:
            return super().createEditor(parent, option, index)
        box = QComboBox(parent)
        box.setAccessibleName("Value representation")
        box.addItems(list(index.data(CHOICES_ROLE) or ()))
        return box

    def setEditorData(self, editor: QWidget, index: _Index) -> None:
        if isinstance(editor, QComboBox):
            editor.setCurrentText(str(index.data(Qt.ItemDataRole.EditRole)))
        else:
            super().setEditorData(editor, index)


class _Tree(ColumnTree):
    """The tree, with the keys that change it."""

    removed = Signal()
    moved = Signal(int)
    undone = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, has_alt = event.key(), bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        if key == Qt.Key.Key_Delete:
            self.removed.emit()
        elif has_alt and key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.moved.emit(-1 if key == Qt.Key.Key_Up else 1)
        elif key == Qt.Key.Key_Z and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.undone.emit()
        else:
            super().keyPressEvent(event)


class DatasetEditor(QWidget):
    """Edits one data set.

    :ivar edit: the data set.
    :ivar meta: asked for SOP class and instance UID when a DICOM file is written.

    :param prefix: begins the object names: ``nservices_element``, ``nservices_value``, ``nservices_dataset_tree``.
    :param tasks: the tasks of the panel.
    :param pool: threads for files.
    """

    changed = Signal()
    """The data set is another one now."""

    def __init__(self, prefix: str, tasks: PanelTasks, pool: Executor, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"{prefix}_editor")
        self.meta: Callable[[], tuple[str, str]] = lambda: ("", "")
        self._tasks = tasks
        self._pool = pool
        self._open: set[EditNode] = set()
        self._current: EditNode | None = None
        self.edit = DatasetEdit()
        self.model = DatasetEditModel(self.edit, self)
        self._make_line(prefix)
        self._make_tree(prefix)
        self._make_buttons(prefix)
        self.remark = ElidedLabel(tone="muted")
        self.remark.setObjectName(f"{prefix}_dataset_remark")
        self._place()
        self.edit.watchers.append(self._on_changed)
        self.select(self.edit.root)

    # ----------------------------------------------------------------------------------------------------------- making

    def _make_line(self, prefix: str) -> None:
        self.name = AttributeEdit(f"{prefix}_element", "Attribute to add", hint="PatientName or 0010,0010")
        self.value = line_edit(f"{prefix}_value", "Its value", hint="value, several with \\")
        self.add_button = push_button(
            f"{prefix}_element_add", "Add", "add", tip="Add the element where the selection is"
        )
        self.name.textEdited.connect(self._on_typed)
        self.name.returnPressed.connect(self.add)
        self.value.returnPressed.connect(self.add)
        self.add_button.clicked.connect(self.add)

    def _make_tree(self, prefix: str) -> None:
        self.tree = _Tree(f"{prefix}_dataset_edit", "Elements to be sent", self.model)
        self.tree.setToolTip(_HELP)
        self.tree.setItemDelegate(_Delegate(self.tree))
        self.tree.setAllColumnsShowFocus(True)
        self.tree.setMinimumHeight(MIN_HEIGHT)
        self.tree.setTabKeyNavigation(False)
        triggers = QAbstractItemView.EditTrigger
        self.tree.setEditTriggers(triggers.DoubleClicked | triggers.EditKeyPressed)
        self.tree.header().setMinimumSectionSize(36)
        self.tree.set_widths({ATTRIBUTE: 296, VR: 44}, stretch=VALUE)
        self.tree.removed.connect(self.remove)
        self.tree.moved.connect(self.move_item)
        self.tree.undone.connect(self.undo)
        self.tree.expanded.connect(partial(self._note_open, True))
        self.tree.collapsed.connect(partial(self._note_open, False))
        self.model.modelReset.connect(self._restore)
        self.tree.selectionModel().currentChanged.connect(self._on_current_changed)

    def _make_buttons(self, prefix: str) -> None:
        def small(name: str, icon: str, what: str, keys: str, slot: Callable[[], object]) -> QPushButton:
            button = push_button(f"{prefix}_{name}", "", icon, tip=f"{what} ({keys})" if keys else what)
            button.setAccessibleName(what)
            button.setFixedWidth(34)
            button.clicked.connect(slot)
            return button

        self.item_button = push_button(f"{prefix}_item_add", "Item", "add", tip="Add an item to the selected sequence")
        self.item_button.clicked.connect(self.add_item)
        self.copy_button = small("item_copy", "copy", "Copy the selected item", "", self.duplicate)
        self.up_button = small("item_up", "up", "Move the selected item up", "Alt+Up", self._on_up)
        self.down_button = small("item_down", "down", "Move the selected item down", "Alt+Down", self._on_down)
        self.remove_button = small("element_remove", "remove", "Take out what is selected", "Delete", self.remove)
        self.undo_button = small("dataset_undo", "undo", "Take the last change back", "Ctrl+Z", self.undo)
        self.clear_button = small("dataset_clear", "clear", "Take everything out", "", self.clear)
        self.file_button = push_button(
            f"{prefix}_dataset_file", "Data set", "file", tip="Open, save, paste and copy it"
        )
        menu = QMenu(self.file_button)
        menu.setObjectName(f"{prefix}_dataset_menu")
        for text, slot in (
            ("Open a DICOM or JSON file …", self._on_open), ("Add the elements of a file …", self._on_merge),
            ("Save as DICOM JSON …", partial(self._on_save, ".json")),
            ("Save as a DICOM file …", partial(self._on_save, ".dcm")),
            ("Paste DICOM JSON", self.paste), ("Copy as DICOM JSON", self.copy_json),
        ):  # fmt: skip
            menu.addAction(text).triggered.connect(slot)
        self.file_button.setMenu(menu)

    def _place(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        line = QHBoxLayout()
        line.setSpacing(6)
        line.addWidget(self.name, 1)
        line.addWidget(self.value, 1)
        line.addWidget(self.add_button)
        column.addLayout(line)
        row = FlowRow(6)
        for button in (
            self.item_button, self.copy_button, self.up_button, self.down_button, self.remove_button, self.undo_button,
            self.clear_button,
        ):  # fmt: skip
            row.add(button)
        row.add_stretch()
        row.add(self.file_button)
        column.addLayout(row)
        column.addWidget(self.tree, 1)
        column.addWidget(self.remark)

    # ---------------------------------------------------------------------------------------------------------- content

    def show_dataset(self, dataset: Dataset | None) -> None:
        """Edit another data set, with its own history.

        :raises ConfigurationError: it is too large.
        """
        self._show_edit(DatasetEdit(dataset))

    def _show_edit(self, edit: DatasetEdit) -> None:
        self.edit.watchers.remove(self._on_changed)
        self._open, self._current = set(), None
        self.edit = edit
        self.model.show_edit(edit)
        edit.watchers.append(self._on_changed)
        self.tree.expand(self.model.index_of(edit.root))
        for element in edit.root.elements:  # what is short is seen at once
            if element.is_sequence and len(element.items) == 1:
                self.tree.expand(self.model.index_of(element))
                self.tree.expand(self.model.index_of(element.items[0]))
        self.select(edit.root)
        self._on_changed()

    def dataset(self) -> Dataset:
        """What is to be sent.

        :raises ConfigurationError: a value cannot be encoded.
        """
        return self.edit.dataset()

    @property
    def selected(self) -> EditNode | None:
        """What the selection is at."""
        return self.model.node_of(self.tree.currentIndex())

    @property
    def target(self) -> Item:
        """Where a new element goes: the selected item, or the one that the selection is in."""
        node = self.selected
        if isinstance(node, Item):
            return node
        if node is None:
            return self.edit.root
        return node.items[-1] if node.is_sequence and node.items else node.parent

    def select(self, node: EditNode) -> None:
        """Select an element or item, and show it."""
        index = self.model.index_of(node)
        self.tree.setCurrentIndex(index)
        self.tree.scrollTo(index)

    # ---------------------------------------------------------------------------------------------------------- changes

    def add(self) -> None:
        """Add the element that was typed."""
        name, _sign, inside = self.name.text().partition("=")
        value = self.value.text() or inside
        if not name.strip():
            return
        try:
            element = self.edit.add(name.strip(), value, within=self.target)
        except ConfigurationError as error:
            self._say(f"{error}. {error.hint}" if error.hint else str(error), "error")
            set_invalid(self.name, True)
            return
        self.name.clear()
        self.value.clear()
        self.name.setFocus()
        if element.is_sequence:
            self.select(element)
        else:
            self.tree.scrollTo(self.model.index_of(element))

    def add_item(self) -> None:
        """Add an item to the selected sequence, or beside the selected item."""
        node = self.selected
        sequence = node.parent if isinstance(node, Item) else node
        if isinstance(sequence, Element) and sequence.is_sequence:
            item = self.edit.add_item(sequence)
            self.tree.expand(self.model.index_of(sequence))
            self.select(item)
            self.name.setFocus()

    def duplicate(self) -> None:
        """Copy the selected item."""
        node = self.selected
        if isinstance(node, Item) and node.parent is not None:
            self.select(self.edit.duplicate(node))

    def _on_up(self) -> None:
        self.move_item(-1)

    def _on_down(self) -> None:
        self.move_item(1)

    def move_item(self, by: int) -> None:
        """Move the selected item in its sequence."""
        node = self.selected
        if isinstance(node, Item) and self.edit.move(node, by):
            self.select(node)

    def remove(self) -> None:
        """Take out what is selected."""
        node = self.selected
        if node is None:
            return
        row, above = self.tree.currentIndex().row(), node.parent
        self.edit.remove(node)
        beside = above.items if isinstance(above, Element) else above.elements if above is not None else []
        if beside:
            self.select(beside[min(row, len(beside) - 1)])
        elif above is not None:
            self.select(above)

    def undo(self) -> None:
        """Take the last change back."""
        self.edit.undo()

    def clear(self) -> None:
        """Take everything out; it can be undone."""
        if len(self.edit):
            self.edit.remove(self.edit.root)

    # ------------------------------------------------------------------------------------------------------------ files

    def paste(self) -> None:
        """Take the DICOM JSON of the clipboard."""
        text = QGuiApplication.clipboard().text()
        self._tasks.spawn(self._take(lambda: parse_dataset(text.encode(), "the clipboard")), name="paste a data set")

    def copy_json(self) -> None:
        """Put the data set into the clipboard as DICOM JSON."""
        try:
            QGuiApplication.clipboard().setText(json_text(self.dataset()))
        except ConfigurationError as error:
            self._say(str(error), "error")
        else:
            self._say("The data set is on the clipboard as DICOM JSON; it may hold patient data.")

    def open_file(self, path: Path, *, merge: bool = False) -> asyncio.Task[None]:
        """Take what a file holds; gives the task that does it."""
        return self._tasks.spawn(self._take(lambda: load_dataset(path), merge=merge), name="open a data set")

    def _on_open(self) -> None:
        self._tasks.spawn(self._ask(merge=False), name="ask for a data set")

    def _on_merge(self) -> None:
        self._tasks.spawn(self._ask(merge=True), name="ask for a data set")

    async def _ask(self, *, merge: bool) -> None:
        paths = await ask_paths(self, Ask.FILES, "Data set to open")
        if paths:
            await self._take(lambda: load_dataset(paths[0]), merge=merge)

    async def _take(self, read: Callable[[], Dataset], *, merge: bool = False) -> None:
        """In a thread: a file may hold pixel data."""
        loop = asyncio.get_running_loop()
        try:
            dataset = await loop.run_in_executor(self._pool, read)
            if merge:
                self.edit.merge(dataset)
            else:
                self.edit.take(await loop.run_in_executor(self._pool, DatasetEdit, dataset))
        except (DatasetFileError, ConfigurationError) as error:
            self._say(str(error), "error")

    def _on_save(self, suffix: str) -> None:
        self._tasks.spawn(self._save(suffix), name="save a data set")

    async def _save(self, suffix: str) -> None:
        try:
            dataset = self.dataset()
        except ConfigurationError as error:
            self._say(str(error), "error")
            return
        kind = "DICOM JSON (*.json)" if suffix == ".json" else "DICOM (*.dcm)"
        start = Path.home() / f"data set{suffix}"
        paths = await ask_paths(self, Ask.SAVE, "Save the data set", start=start, filters=(kind,))
        if not paths:
            return
        path = paths[0] if paths[0].suffix else paths[0].with_suffix(suffix)
        sop_class, instance = self.meta()
        work = partial(save_dataset, dataset, path, sop_class_uid=sop_class, sop_instance_uid=instance)
        try:
            await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except DatasetFileError as error:
            self._say(str(error), "error")
        else:
            self._say(f"Written to {path}; it may hold patient data.")

    # ---------------------------------------------------------------------------------------------------------- showing

    def _on_typed(self) -> None:
        set_invalid(self.name, False)
        self._show()

    def _on_current_changed(self, current: QModelIndex) -> None:
        node = self.model.node_of(current)
        if node is not None:
            self._current = node
        self._show()

    def _note_open(self, is_open: bool, index: QModelIndex) -> None:
        node = self.model.node_of(index)
        if node is not None:
            (self._open.add if is_open else self._open.discard)(node)

    def _restore(self) -> None:
        """After a reset: open what was open, and go back to what was selected."""
        self.tree.expand(self.model.index_of(self.edit.root))
        self._open = set(filter(self._is_there, self._open))
        for node in tuple(self._open):
            self.tree.expand(self.model.index_of(node))
        if self._current is not None and self._is_there(self._current):
            self.tree.setCurrentIndex(self.model.index_of(self._current))

    def _is_there(self, node: EditNode) -> bool:
        above: EditNode | None = node
        while above is not None and self.model.index_of(above).isValid():
            if above is self.edit.root:
                return True
            above = above.parent
        return False

    def _on_changed(self) -> None:
        self._show()
        self.changed.emit()

    def _say(self, text: str, tone: str = "muted") -> None:
        self.remark.set_tone(tone)
        self.remark.setText(plain(text, 400))

    def _show(self) -> None:
        """The buttons, and what is to be said of the selected value or of the first one at fault."""
        node, edit = self.selected, self.edit
        is_item = isinstance(node, Item) and node.parent is not None
        can_take_item = is_item or (isinstance(node, Element) and node.is_sequence)
        self.item_button.setEnabled(can_take_item)
        for button in (self.copy_button, self.up_button, self.down_button):
            button.setEnabled(is_item)
        self.remove_button.setEnabled(node is not None)
        self.undo_button.setEnabled(edit.can_undo)
        self.clear_button.setEnabled(bool(len(edit)))
        remarks = edit.remarks
        if isinstance(node, Element) and node.remark is not None:
            self._say(f"{node.attribute.label}: {node.remark.text}", node.remark.severity.value)
        elif remarks:
            first, remark = remarks[0]
            more = f" (and {len(remarks) - 1:,} more)" if len(remarks) > 1 else ""
            self._say(f"{path_of(first)}: {remark.text}{more}", remark.severity.value)
        else:
            where = path_of(self.target)
            place = f"A new one goes into {where}." if where else "A new one goes to the top."
            self._say(f"{count_text(len(edit), 'element')}. {place}")

    def value_index(self, node: EditNode) -> QModelIndex:
        """Where the value of an element stands in the tree."""
        return self.model.index_of(node, VALUE)
