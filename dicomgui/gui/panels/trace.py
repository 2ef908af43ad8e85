"""The live trace: one list of PDUs and events, the decoded tree of the selected one, its bytes, all linked."""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import QItemSelection, QModelIndex, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QSplitter,
    QStackedWidget,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from dicomgui.gui.models.trace_model import Column, TraceModel
from dicomgui.gui.models.trace_rows import View, row_of
from dicomgui.gui.models.tree_model import TreeModel
from dicomgui.gui.panels.panel import Panel, Workplace
from dicomgui.gui.panels.trace_saving import save_trace
from dicomgui.gui.theme import fixed_font
from dicomgui.gui.widgets.buttons import Choice, push_button
from dicomgui.gui.widgets.cards import EmptyState, FindingList
from dicomgui.gui.widgets.hex_view import HexView
from dicomgui.gui.widgets.tables import ListTable
from dicomgui.gui.widgets.text import ElidedLabel, PlainLabel, count_text
from dicomgui.network.tracing import BytesRecord, PduRecord, Record, Segment
from dicomgui.trace.describe import Node, describe_pdu
from dicomgui.trace.finding import plain

__all__ = ["TracePanel"]

MAX_CHOICES = 500
"""Associations in the choice; of more the last ones."""


class TracePanel(Panel):
    """List, tree and bytes; choosing in one shows it in the others."""

    def __init__(self, place: Workplace) -> None:
        super().__init__("trace", "Trace", "Every association of this program, byte by byte, while it happens.", place)
        self.model = TraceModel(place.context.trace, self)
        self.tree_model = TreeModel(self)
        self._missed = 0
        self._known = -1
        self._make_choices()
        self._make_views()
        self._place()
        self._show_count()
        place.pump.add(self._drain)

    # ----------------------------------------------------------------------------------------------------------- making

    def _make_choices(self) -> None:
        self.view = Choice("trace_view", "Which records are shown")
        for view in View:
            self.view.addItem(view.value, view)
        self.association = Choice("trace_association", "Which association is shown")
        self.association.setMinimumWidth(260)
        self.association.addItem("All associations", None)
        self.follow = push_button("trace_follow", "&Follow", "follow", tip="Keep the newest row in view")
        self.follow.setCheckable(True)
        self.follow.setChecked(True)
        self.clear_button = push_button("trace_clear", "C&lear", "clear", tip="Forget everything in the trace")
        tip = "As .dgtrace, or as .pcapng for Wireshark. A trace may hold patient data."
        self.save_button = push_button("trace_save", "&Save …", "save", tip=tip)
        self.new_rows = push_button("trace_new_rows", "", "down", tip="Go to the newest row and follow")
        self.new_rows.hide()
        self.view.currentIndexChanged.connect(self._on_choice_changed)
        self.association.currentIndexChanged.connect(self._on_choice_changed)
        self.follow.toggled.connect(self._on_follow_toggled)
        self.clear_button.clicked.connect(self._on_clear_clicked)
        self.save_button.clicked.connect(self._on_save_clicked)
        self.new_rows.clicked.connect(self._on_new_rows_clicked)

    def _make_views(self) -> None:
        self.table = ListTable("trace_table", "PDUs and events")
        self.table.setModel(self.model)
        self.table.set_widths(
            {Column.NUMBER: 64, Column.TIME: 104, Column.ASSOCIATION: 64, Column.DIRECTION: 28, Column.KIND: 134,
             Column.LENGTH: 84}, stretch=Column.SUMMARY,
        )  # fmt: skip
        self.table.selectionModel().selectionChanged.connect(self._on_row_selected)
        self.table.verticalScrollBar().actionTriggered.connect(self._on_scrolled)
        self.model.rows_added.connect(self._on_rows_added)
        self.tree = QTreeView()
        self.tree.setObjectName("trace_tree")
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
        self.hex = HexView("trace_hex")
        self.hex.byte_selected.connect(self._on_byte_selected)
        self.path = ElidedLabel(tone="muted", mode=Qt.TextElideMode.ElideMiddle)
        self.path.setObjectName("trace_path")
        self.path.setFont(fixed_font())
        self.count = PlainLabel(tone="muted")
        self.count.setObjectName("trace_count")
        self.findings = FindingList("trace_findings")

    def _place(self) -> None:
        tools = QHBoxLayout()
        tools.setSpacing(8)
        for widget in (self.view, self.association, self.follow, self.clear_button, self.save_button):
            tools.addWidget(widget)
        tools.addStretch(1)
        tools.addWidget(self.new_rows)
        tools.addWidget(self.count)
        self.column.addLayout(tools)
        self.column.addWidget(self.findings)
        below = QSplitter(Qt.Orientation.Horizontal)
        below.setObjectName("trace_details")
        below.addWidget(self.tree)
        below.addWidget(self.hex)
        below.setStretchFactor(0, 1)
        below.setStretchFactor(1, 0)
        below.setSizes([580, 540])
        lower = QWidget()
        column = QVBoxLayout(lower)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(below, 1)
        column.addWidget(self.path)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setObjectName("trace_split")
        split.addWidget(self.table)
        split.addWidget(lower)
        split.setSizes([330, 270])
        for splitter in (below, split):
            splitter.setHandleWidth(8)
            splitter.setChildrenCollapsible(False)
        self._pages = QStackedWidget()
        self._pages.setObjectName("trace_pages")
        self._pages.addWidget(
            EmptyState("trace", "Nothing recorded yet", "Echo a peer, send it files, or start the listener: every PDU "
                       "appears here at the moment when it goes over the wire.")
        )  # fmt: skip
        self._pages.addWidget(split)
        self.column.addWidget(self._pages, 1)

    # ---------------------------------------------------------------------------------------------------------- filling

    def take_focus(self) -> None:
        self.table.setFocus()

    def _drain(self) -> None:
        """Rows since the last tick; they are gathered also while another panel is in view."""
        if not self.model.is_behind:
            return
        self.model.drain()
        self._pages.setCurrentIndex(1)
        self._show_associations()
        self._show_count()

    def show_association(self, association: int) -> None:
        """Show the records of one association alone; 0 for all."""
        self._show_associations()
        place = self.association.findData(association) if association else 0
        self.association.setCurrentIndex(max(0, place))
        self.follow.setChecked(True)

    def _show_associations(self) -> None:
        summaries = self.place.context.trace.associations()[-MAX_CHOICES:]
        newest = summaries[-1].association if summaries else 0
        if newest == self._known:
            return
        self._known = newest
        chosen = self.association.currentData()
        self.association.blockSignals(True)
        while self.association.count() > 1:
            self.association.removeItem(1)
        for one in summaries:
            self.association.addItem(plain(f"#{one.association}  {one.peer or 'no connection'}", 60), one.association)
        self.association.setCurrentIndex(max(0, self.association.findData(chosen)))
        self.association.blockSignals(False)

    def _on_choice_changed(self) -> None:
        self.model.show(self.view.currentData(), self.association.currentData())
        self._show_record(None, ())
        self._drain()

    def _on_rows_added(self, count: int) -> None:
        if self.follow.isChecked():
            self.table.scrollToBottom()
        else:
            self._missed += count
            self.new_rows.setText(f"{self._missed:,} new")
            self.new_rows.setAccessibleName(f"{self._missed:,} new rows")
            self.new_rows.show()

    def _show_count(self) -> None:
        rows = self.model.rowCount()
        self.count.setText(count_text(rows, "row"))
        for button in (self.clear_button, self.save_button):
            button.setEnabled(len(self.place.context.trace) > 0)

    # -------------------------------------------------------------------------------------------------------- following

    def _on_scrolled(self) -> None:
        """The user moves the list: up ends following, to the end begins it again."""
        bar = self.table.verticalScrollBar()
        self.follow.setChecked(bar.sliderPosition() >= bar.maximum())

    def _on_follow_toggled(self, on: bool) -> None:
        self._missed = 0
        self.new_rows.hide()
        if on:
            self.table.scrollToBottom()

    def _on_new_rows_clicked(self) -> None:
        self.follow.setChecked(True)

    # ---------------------------------------------------------------------------------------------------------- linking

    def _on_row_selected(self, selected: QItemSelection, _deselected: QItemSelection) -> None:
        indexes = selected.indexes()
        if not indexes:
            return
        if indexes[0].row() < self.model.rowCount() - 1:
            self.follow.setChecked(False)  # who reads a row does not want it to run away
        entry = self.model.entry_at(indexes[0].row())
        if entry is None:
            self._show_record(None, ())
            return
        record = entry.record
        segments: tuple[Segment, ...] = ()
        if isinstance(record, PduRecord):
            segments = record.segments
        elif isinstance(record, BytesRecord):
            segments = (Segment(0, record.data),)
        self._show_record(record, segments)

    def _show_record(self, record: Record | None, segments: tuple[Segment, ...]) -> None:
        node: Node | None = None
        length = 0
        if isinstance(record, PduRecord):
            node, length = describe_pdu(record), record.length
        elif record is not None:
            node = _plain_node(record)
            length = record.length if isinstance(record, BytesRecord) else 0
        self.tree_model.show_node(node)
        self.tree.expandToDepth(1 if isinstance(record, PduRecord) else 0)
        self.hex.show_segments(segments, length)
        self.path.setText("")

    def _on_node_selected(self, selected: QItemSelection, _deselected: QItemSelection) -> None:
        indexes = selected.indexes()
        if indexes and (node := self.tree_model.node_of(indexes[0])) is not None:
            self.hex.mark(node.offset, node.length)
            self._show_path(indexes[0])

    def _on_byte_selected(self, offset: int) -> None:
        index = self.tree_model.index_at(offset)
        if index.isValid():
            self.tree.expand(index.parent())
            self.tree.setCurrentIndex(index)
            self.tree.scrollTo(index)

    def _show_path(self, index: QModelIndex) -> None:
        node = self.tree_model.node_of(index)
        if node is not None:
            place = f"  ·  offset {node.offset:04X}h  ·  {count_text(node.length, 'byte')}" if node.length else ""
            self.path.setText(plain(self.tree_model.path_of(index) + place, 400))

    # ------------------------------------------------------------------------------------------------------------ slots

    def _on_clear_clicked(self) -> None:
        self.place.context.trace.clear()
        self.model.restart()
        self._show_record(None, ())
        self._known = -1
        self._show_associations()
        self.findings.show_findings(())
        self._pages.setCurrentIndex(0)
        self._show_count()

    def _on_save_clicked(self) -> None:
        self.tasks.spawn(self._save(), name="save")

    async def _save(self) -> None:
        self.save_button.setEnabled(False)
        try:
            findings = await save_trace(self, self.place.context, self.association.currentData())
            self.findings.show_findings(findings)
        finally:
            self._show_count()


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
