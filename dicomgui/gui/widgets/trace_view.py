"""List, decoded tree and bytes of the trace; choosing in one shows it in the others."""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import QEvent, QItemSelection, QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QMenu,
    QSplitter,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from dicomgui.gui.models.trace_model import Column, TraceModel
from dicomgui.gui.models.trace_rows import row_of
from dicomgui.gui.models.tree_model import TreeModel
from dicomgui.gui.theme import fixed_font
from dicomgui.gui.widgets.hex_view import HexView, Notation, written
from dicomgui.gui.widgets.peer_fields import set_invalid
from dicomgui.gui.widgets.text import ElidedLabel, count_text
from dicomgui.gui.widgets.trace_table import TraceTable
from dicomgui.network.tracing import BytesRecord, PduRecord, Record, Segment
from dicomgui.trace.describe import Node, describe_pdu
from dicomgui.trace.finding import plain
from dicomgui.trace.store import TraceStore

__all__ = ["OffsetEdit", "TraceView"]

MUCH = 100
"""Records since the last look, above which the list is brought up to date more rarely."""


class TraceView(QWidget):
    """The three linked panes over a model of their own. F6 goes from pane to pane, Ctrl+G to an offset.

    :param name: begins the object names.
    :param across: list at the left and the rest beside it as soon as a row is selected, for a low place; otherwise the
        list above the rest.
    """

    follow_changed = Signal(bool)
    rows_missed = Signal(int)
    """So many rows came since the list no longer follows; 0 when it follows again."""

    def __init__(self, name: str, store: TraceStore, *, across: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"{name}_view")
        self.model = TraceModel(store, self)
        self.tree_model = TreeModel(self)
        self._name = name
        self._across = across
        self._follows = True
        self._missed = 0
        self._rests = False
        self._make_list()
        self._make_details()
        self._place()
        self._add_keys()

    # ----------------------------------------------------------------------------------------------------------- making

    def _make_list(self) -> None:
        self.table = TraceTable(f"{self._name}_table", "PDUs and events", self.model)
        self.table.selectionModel().selectionChanged.connect(self._on_row_selected)
        self.table.verticalScrollBar().actionTriggered.connect(self._on_scrolled)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._on_table_menu)
        self.model.rows_added.connect(self._on_rows_added)
        self.model.modelReset.connect(lambda: self.show_record(None))

    def _make_details(self) -> None:
        self.tree = QTreeView()
        self.tree.setObjectName(f"{self._name}_tree")
        self.tree.setAccessibleName("Fields of the selected PDU")
        self.tree.setModel(self.tree_model)
        self.tree.setUniformRowHeights(True)
        self.tree.setAlternatingRowColors(True)
        self.tree.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.tree.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.tree.setIndentation(16)
        head = self.tree.header()
        head.setStretchLastSection(False)
        head.setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        head.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        head.setSectionResizeMode(2, QHeaderView.ResizeMode.Interactive)
        head.resizeSection(0, 270)
        head.resizeSection(2, 92)
        self.tree.selectionModel().selectionChanged.connect(self._on_node_selected)
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tree.customContextMenuRequested.connect(self._on_tree_menu)
        self.hex = HexView(f"{self._name}_hex")
        self.hex.byte_selected.connect(self._on_byte_selected)
        self.hex.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.hex.customContextMenuRequested.connect(self._on_hex_menu)
        self.path = ElidedLabel(tone="muted", mode=Qt.TextElideMode.ElideMiddle)
        self.path.setObjectName(f"{self._name}_path")
        self.path.setFont(fixed_font())
        self.offset = OffsetEdit(f"{self._name}_offset")
        self.offset.returnPressed.connect(self._on_offset_entered)
        self.offset.left.connect(self._on_offset_left)
        self.offset.hide()

    def _place(self) -> None:
        across = self._across
        self.details = QSplitter(Qt.Orientation.Vertical if across else Qt.Orientation.Horizontal)
        self.details.setObjectName(f"{self._name}_details")
        self.details.addWidget(self.tree)
        self.details.addWidget(self.hex)
        self.details.setStretchFactor(0, 1)
        self.details.setStretchFactor(1, 0)
        self.details.setSizes([120, 80] if across else [580, 540])
        self._lower = QWidget()
        column = QVBoxLayout(self._lower)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.details, 1)
        line = QHBoxLayout()
        line.addWidget(self.path, 1)
        line.addWidget(self.offset)
        column.addLayout(line)
        self.split = QSplitter(Qt.Orientation.Horizontal if across else Qt.Orientation.Vertical)
        self.split.setObjectName(f"{self._name}_split")
        self.split.addWidget(self.table)
        self.split.addWidget(self._lower)
        self.split.setSizes([620, 460] if across else [330, 270])
        if across:
            self._lower.hide()
            for column_number in (Column.NUMBER, Column.LENGTH):
                self.table.hideColumn(column_number)
        for splitter in (self.details, self.split):
            splitter.setHandleWidth(8)
            splitter.setChildrenCollapsible(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.split)

    def _add_keys(self) -> None:
        within = Qt.ShortcutContext.WidgetWithChildrenShortcut
        for key, step in (("F6", 1), ("Shift+F6", -1)):
            shortcut = QShortcut(QKeySequence(key), self, context=within)
            shortcut.activated.connect(lambda step=step: self.next_pane(step))
        QShortcut(QKeySequence("Ctrl+G"), self, context=within).activated.connect(self.ask_offset)
        for widget, copy in ((self.table, self.copy_row), (self.tree, self.copy_node)):
            shortcut = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), widget, context=within)
            shortcut.activated.connect(copy)

    # ---------------------------------------------------------------------------------------------------------- filling

    def drain(self) -> bool:
        """Take what is new from the store, a few milliseconds at most; whether something was taken.

        While much comes in, only every second call does: to paint the list costs as much as to receive some fifty
        objects.
        """
        behind = self.model.behind
        if not behind:
            return False
        self._rests = behind > MUCH and not self._rests
        if self._rests:
            return False
        self.model.drain()
        return True

    @property
    def follows(self) -> bool:
        """Whether the newest row is kept in view."""
        return self._follows

    def set_follows(self, on: bool) -> None:
        """Keep the newest row in view, or leave the list where it is."""
        changed = on != self._follows
        self._follows = on
        if on:
            self.table.scrollToBottom()
        if changed:
            self._missed = 0
            self.rows_missed.emit(0)
            self.follow_changed.emit(on)

    def _on_rows_added(self, count: int) -> None:
        if self._follows:
            self.table.scrollToBottom()
        else:
            self._missed += count
            self.rows_missed.emit(self._missed)

    def _on_scrolled(self) -> None:
        """The user moves the list: up ends following, to the end begins it again."""
        bar = self.table.verticalScrollBar()
        self.set_follows(bar.sliderPosition() >= bar.maximum())

    # ---------------------------------------------------------------------------------------------------------- linking

    def _on_row_selected(self, selected: QItemSelection, _deselected: QItemSelection) -> None:
        indexes = selected.indexes()
        if not indexes:
            return
        if indexes[0].row() < self.model.rowCount() - 1:
            self.set_follows(False)  # who reads a row does not want it to run away
        entry = self.model.entry_at(indexes[0].row())
        self.show_record(entry.record if entry is not None else None)

    def show_record(self, record: Record | None) -> None:
        """Show the fields and bytes of a record, or nothing."""
        node: Node | None = None
        length = 0
        segments: tuple[Segment, ...] = ()
        if isinstance(record, PduRecord):
            node, length, segments = describe_pdu(record), record.length, record.segments
        elif isinstance(record, BytesRecord):
            node, length, segments = _plain_node(record), record.length, (Segment(0, record.data),)
        elif record is not None:
            node = _plain_node(record)
        self.tree_model.show_node(node)
        self.tree.expandToDepth(1 if isinstance(record, PduRecord) else 0)
        self.hex.show_segments(segments, length)
        self.path.setText("")
        if self._across:
            self._lower.setVisible(record is not None)

    def _on_node_selected(self, selected: QItemSelection, _deselected: QItemSelection) -> None:
        indexes = selected.indexes()
        if indexes:
            self._mark(indexes[0])

    def _on_byte_selected(self, offset: int) -> None:
        index = self.tree_model.index_at(offset)
        if index.isValid():
            self.tree.expand(index.parent())
            self.tree.setCurrentIndex(index)
            self.tree.scrollTo(index)
            self._mark(index)

    def _mark(self, index: QModelIndex) -> None:
        """Mark the bytes of a node, and say where it stands."""
        node = self.tree_model.node_of(index)
        if node is None:
            return
        self.hex.mark(node.offset, node.length)
        place = f"  ·  offset {node.offset:04X}h  ·  {count_text(node.length, 'byte')}" if node.length else ""
        self.path.setText(plain(self.tree_model.path_of(index) + place, 400))

    # ------------------------------------------------------------------------------------------------- keys and copying

    def next_pane(self, step: int = 1) -> None:
        """Put the focus into the next of the three panes."""
        panes = [pane for pane in (self.table, self.tree, self.hex) if pane.isVisible()]
        now = next((place for place, pane in enumerate(panes) if pane.hasFocus()), -step)
        panes[(now + step) % len(panes)].setFocus(Qt.FocusReason.TabFocusReason)

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

    def copy_row(self) -> None:
        """Copy the cells of the selected row."""
        rows = self.table.selectionModel().selectedRows()
        if rows:
            _copy(self.model.line_of(rows[0].row()))

    def copy_pdu(self, notation: Notation = Notation.HEX) -> None:
        """Copy the kept bytes of the selected row."""
        _copy(written(self.hex.bytes_of(0, self.hex.length), notation))

    def copy_node(self, notation: Notation = Notation.HEX) -> None:
        """Copy the kept bytes of the selected field."""
        node = self.tree_model.node_of(self.tree.currentIndex())
        if node is not None:
            _copy(written(self.hex.bytes_of(node.offset, node.length), notation))

    def copy_value(self) -> None:
        """Copy what the selected field says."""
        node = self.tree_model.node_of(self.tree.currentIndex())
        if node is not None:
            _copy(plain(node.value))

    def _menu(self, name: str) -> QMenu:
        menu = QMenu(self)
        menu.setObjectName(f"{self._name}_{name}_menu")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        return menu

    def _on_table_menu(self, place: QPoint) -> None:
        if not self.table.selectionModel().hasSelection():
            return
        menu = self._menu("table")
        menu.addAction("Copy &row").triggered.connect(self.copy_row)
        if self.hex.length:
            for notation in Notation:
                action = menu.addAction(f"Copy PDU as {notation.value}")
                action.triggered.connect(lambda _=False, notation=notation: self.copy_pdu(notation))
        menu.popup(self.table.viewport().mapToGlobal(place))

    def _on_tree_menu(self, place: QPoint) -> None:
        node = self.tree_model.node_of(self.tree.currentIndex())
        if node is None:
            return
        menu = self._menu("tree")
        menu.addAction("Copy &value").triggered.connect(self.copy_value)
        if node.length:
            for notation in Notation:
                action = menu.addAction(f"Copy field as {notation.value}")
                action.triggered.connect(lambda _=False, notation=notation: self.copy_node(notation))
        menu.popup(self.tree.viewport().mapToGlobal(place))

    def _on_hex_menu(self, place: QPoint) -> None:
        if not self.hex.length:
            return
        menu = self._menu("hex")
        if self.hex.marked:
            for notation in Notation:
                action = menu.addAction(f"Copy marked bytes as {notation.value}")
                action.triggered.connect(lambda _=False, notation=notation: _copy(self.hex.text_of_marked(notation)))
        menu.addAction("&Go to offset … (Ctrl+G)").triggered.connect(self.ask_offset)
        menu.popup(self.hex.viewport().mapToGlobal(place))


class OffsetEdit(QLineEdit):
    """Takes an offset: hexadecimal as the bytes are labelled, or decimal with ``#`` before it."""

    left = Signal()
    """The user pressed Esc or went elsewhere."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName("Go to offset")
        self.setPlaceholderText("Offset, e.g. 1A or #26")
        self.setToolTip("Hexadecimal; decimal with # before it. Enter goes there, Esc closes.")
        self.setMaxLength(16)
        self.setFixedWidth(190)
        self.textEdited.connect(lambda: set_invalid(self, False))

    @property
    def value(self) -> int | None:
        """The offset, ``None`` where the text is none."""
        text = self.text().strip().lower()
        try:
            return int(text[1:]) if text.startswith("#") else int(text.removesuffix("h"), 16)
        except ValueError:
            return None

    def event(self, event: QEvent) -> bool:
        pressed = isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape
        if pressed and event.type() == QEvent.Type.ShortcutOverride:
            event.accept()  # else the window takes it for the end of an operation
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)


def _copy(text: str) -> None:
    QGuiApplication.clipboard().setText(text)


def _plain_node(record: Record) -> Node:
    """A tree of what is no PDU: its fields by name."""
    skipped = ("association", "mono", "utc", "data", "segments", "peer_certificate")
    fields = [(name.replace("_", " "), _value_text(getattr(record, name))) for name in record._fields
              if name not in skipped]  # fmt: skip
    return Node(row_of(record).kind, "", 0, 0, tuple(Node(name, text) for name, text in fields if text))


def _value_text(value: object) -> str:
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, float):
        return f"{value:.6g}"
    return ", ".join(map(plain, value)) if isinstance(value, tuple) else plain(value, 400)
