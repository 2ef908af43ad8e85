"""A tree of fields beside its bytes, linked both ways, with the place of the selected field below them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QItemSelection, QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSplitter, QVBoxLayout, QWidget

from dicomgui.gui.look.theme import fixed_font
from dicomgui.gui.tables.tree_model import TreeModel
from dicomgui.gui.trace.details.contents import Content
from dicomgui.gui.trace.details.field_tree import FieldTree
from dicomgui.gui.trace.details.offset_edit import OffsetEdit
from dicomgui.gui.widgets.fields import set_invalid
from dicomgui.gui.widgets.hex_view import HexView, Notation, written
from dicomgui.gui.widgets.text import ElidedLabel, count_text
from dicomgui.trace.finding import plain
from dicomgui.trace.inspection.user_information import Place

__all__ = ["FieldPane"]


class FieldPane(QWidget):
    """Shows a :class:`Content`. A field that is selected has its bytes marked, a byte selects the deepest field.

    :param name: begins the object names.
    :param place_in_trace: where in the trace these bytes stood (offset, length), ``None`` where that goes without
        saying.
    :param across: tree above bytes, for a narrow place; otherwise beside each other.
    :ivar head: the line with the note, for who wants to put something at its end.
    """

    place_chosen = Signal(int, int, int)
    """The user wants to see these bytes where they stood: number of the row, offset in its PDU, length."""

    def __init__(
        self, name: str, place_in_trace: Callable[[int, int], Place | None], *, across: bool = False,
        parent: QWidget | None = None,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self._name = name
        self._place_in_trace = place_in_trace
        self._make_panes(across)
        self._place()
        self._add_keys()

    def _make_panes(self, across: bool) -> None:
        self.tree_model = TreeModel(self)
        self.tree = FieldTree(f"{self._name}_tree", "Fields of what is selected", self.tree_model)
        self.tree.selectionModel().selectionChanged.connect(self._on_node_selected)
        self.tree.activated.connect(lambda _index: self._go_to_pdu())
        self.tree.customContextMenuRequested.connect(self._on_tree_menu)
        self.hex = HexView(f"{self._name}_hex")
        self.hex.byte_selected.connect(self._on_byte_selected)
        self.hex.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.hex.customContextMenuRequested.connect(self._on_hex_menu)
        self.note = ElidedLabel(tone="muted")
        self.note.setObjectName(f"{self._name}_note")
        self.path = ElidedLabel(tone="muted", mode=Qt.TextElideMode.ElideMiddle)
        self.path.setObjectName(f"{self._name}_path")
        self.path.setFont(fixed_font())
        self.offset = OffsetEdit(f"{self._name}_offset")
        self.offset.returnPressed.connect(self._on_offset_entered)
        self.offset.left.connect(self._on_offset_left)
        self.offset.hide()
        self.split = QSplitter(Qt.Orientation.Vertical if across else Qt.Orientation.Horizontal)
        self.split.setObjectName(f"{self._name}_fields_split")
        self.split.setHandleWidth(8)
        self.split.setChildrenCollapsible(False)
        self.split.addWidget(self.tree)
        self.split.addWidget(self.hex)
        self.split.setStretchFactor(0, 1)
        self.split.setStretchFactor(1, 0)
        self.split.setSizes([120, 80] if across else [580, 560])

    def _place(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.head = QHBoxLayout()
        self.head.setSpacing(8)
        self.head.addWidget(self.note, 1)
        column.addLayout(self.head)
        column.addWidget(self.split, 1)
        line = QHBoxLayout()
        line.addWidget(self.path, 1)
        line.addWidget(self.offset)
        column.addLayout(line)

    def _add_keys(self) -> None:
        keys = QShortcut(QKeySequence.StandardKey.Copy, self.tree, context=Qt.ShortcutContext.WidgetShortcut)
        keys.activated.connect(self.copy_node)

    # ---------------------------------------------------------------------------------------------------------- showing

    def show_content(self, content: Content) -> None:
        """Show a tree and its bytes."""
        self.tree_model.show_node(content.root)
        self.tree.expandToDepth(content.depth)
        self.hex.show_segments(content.segments, content.length)
        self.show_note(content.note, "warning" if content.is_odd else "muted")
        self.path.setText("")

    def show_note(self, text: str, tone: str) -> None:
        """Show a line above, or none."""
        self.note.setText(text)
        self.note.set_tone(tone)
        self.note.setVisible(bool(text))

    def select(self, offset: int) -> None:
        """Select the deepest field that owns a byte."""
        index = self.tree_model.index_at(offset)
        if index.isValid():
            self.tree.expand(index.parent())
            self.tree.setCurrentIndex(index)
            self.tree.scrollTo(index)
            self._mark(index)

    def _on_node_selected(self, selected: QItemSelection, _deselected: QItemSelection) -> None:
        indexes = selected.indexes()
        if indexes:
            self._mark(indexes[0])

    def _on_byte_selected(self, offset: int) -> None:
        self.select(offset)

    def _mark(self, index: QModelIndex) -> None:
        """Mark the bytes of a field, and say where it stands."""
        node = self.tree_model.node_of(index)
        if node is None:
            return
        self.hex.mark(node.offset, node.length)
        text = self.tree_model.path_of(index)
        if node.length:
            text += f"  ·  offset {node.offset:04X}h  ·  {count_text(node.length, 'byte')}"
            place = self._place_in_trace(node.offset, node.length)
            if place is not None:
                text += f"  ·  in row {place.seq:,} at {place.offset:04X}h"
        self.path.setText(plain(text, 500))

    def _go_to_pdu(self) -> None:
        """The PDU that carried the first byte of the selected field."""
        node = self.tree_model.node_of(self.tree.currentIndex())
        place = self._place_in_trace(node.offset, node.length) if node is not None and node.length else None
        if place is not None:
            self.place_chosen.emit(*place)

    # ------------------------------------------------------------------------------------------------- keys and copying

    def ask_offset(self) -> None:
        """Show where an offset can be typed."""
        if self.hex.length:
            self.offset.setText("")
            set_invalid(self.offset, False)
            self.offset.show()
            self.offset.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _on_offset_entered(self) -> None:
        offset = self.offset.value
        if offset is None or not self.hex.go_to(offset):
            set_invalid(self.offset, True)
            return
        self._on_offset_left()

    def _on_offset_left(self) -> None:
        self.offset.hide()
        self.hex.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def copy_node(self, notation: Notation = Notation.HEX) -> None:
        """Copy the kept bytes of the selected field."""
        node = self.tree_model.node_of(self.tree.currentIndex())
        if node is not None:
            _copy(written(self.hex.bytes_of(node.offset, node.length), notation))

    def copy_value(self) -> None:
        """Copy what the selected field says."""
        node = self.tree_model.node_of(self.tree.currentIndex())
        if node is not None:
            _copy(plain(node.value, 4096))

    def _menu(self, name: str) -> QMenu:
        menu = QMenu(self)
        menu.setObjectName(f"{self._name}_{name}_menu")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        return menu

    def _on_tree_menu(self, place: QPoint) -> None:
        node = self.tree_model.node_of(self.tree.currentIndex())
        if node is None:
            return
        menu = self._menu("tree")
        menu.addAction("Copy &value").triggered.connect(self.copy_value)
        if node.length:
            _add_copies(menu, "field", self.copy_node)
        if self._place_in_trace(node.offset, node.length) is not None:
            menu.addAction("&Go to its PDU").triggered.connect(self._go_to_pdu)
        menu.popup(self.tree.viewport().mapToGlobal(place))

    def _on_hex_menu(self, place: QPoint) -> None:
        if not self.hex.length:
            return
        menu = self._menu("hex")
        if self.hex.marked:
            _add_copies(menu, "marked bytes", lambda notation: _copy(self.hex.text_of_marked(notation)))
        menu.addAction("&Go to offset … (Ctrl+G)").triggered.connect(self.ask_offset)
        menu.popup(self.hex.viewport().mapToGlobal(place))


def _add_copies(menu: QMenu, what: str, copy: Callable[[Notation], None]) -> None:
    for notation in Notation:
        action = menu.addAction(f"Copy {what} as {notation.value}")
        action.triggered.connect(lambda _=False, notation=notation: copy(notation))


def _copy(text: str) -> None:
    QGuiApplication.clipboard().setText(text)
