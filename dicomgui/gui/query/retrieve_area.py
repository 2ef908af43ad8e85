"""Below the matches: how to retrieve what is selected, and every retrieval with its numbers."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QAbstractItemView, QComboBox, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from dicomgui.app.operations import JobState
from dicomgui.app.transfers.retrieve_manner import RetrieveManner
from dicomgui.gui.asking.how_fields import number_of
from dicomgui.gui.keeping.configuration import Configuration
from dicomgui.gui.peers.fields import AETitleEdit
from dicomgui.gui.query.retrieve_model import RetrieveColumn, RetrieveModel
from dicomgui.gui.query.retrieving import GET_OR_MOVE, Method, Retrieval, Retrievals
from dicomgui.gui.tables.list_table import ListTable
from dicomgui.gui.tables.pills import BarDelegate, PillDelegate
from dicomgui.gui.widgets.buttons import Choice, push_button
from dicomgui.gui.widgets.fields import line_edit
from dicomgui.gui.widgets.flow import reveal
from dicomgui.gui.widgets.text import ElidedLabel, PlainLabel
from dicomgui.network.association.params import AETitle
from dicomgui.trace.describe import Node
from dicomgui.trace.finding import plain

__all__ = ["RetrieveArea", "failed_node"]

_ROWS_SEEN = 3
_AT_ONCE = (1, 2, 4, 8)
_OTHER = "other"
_LIMIT_WIDTH = 96


class RetrieveArea(QWidget):
    """Who has selected matches connects :attr:`retrieve_wanted`."""

    retrieve_wanted = Signal()
    """The user wants what is selected."""
    failed_wanted = Signal(object)
    """The user wants to see which instances of a retrieval failed."""
    at_once_chosen = Signal(int)
    """The user wants so many retrievals at a time."""

    def __init__(self, retrievals: Retrievals, config: Configuration, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("query_retrieve_area")
        self._retrievals = retrievals
        self._config = config
        self.model = RetrieveModel()
        self._make_choices()
        self._make_table()
        self._place()
        self._connect()
        self._fill_methods()
        self.show_lines()

    def _make_choices(self) -> None:
        tip = "Retrieve what is selected: patients, studies, series and images in any mixture (Ctrl+R)"
        self.button = push_button("query_retrieve", "&Retrieve", "follow", primary=True, tip=tip)
        self.button.setShortcut("Ctrl+R")
        self.method = Choice("query_method", "How to retrieve")
        self.method.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.method.setMinimumContentsLength(16)
        self.method.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.destination = AETitleEdit("query_destination", "AE title to move to")
        self.destination.hide()
        self.at_once = Choice("query_at_once", "Retrievals at once")
        self.at_once.setToolTip("Of C-MOVEs to us only one a peer: what arrives does not say what it belongs to")
        for count in _AT_ONCE:
            self.at_once.addItem(f"{count} at once", count)
        self.show_at_once(self._retrievals.at_once)
        self._make_limits()
        self.cancel_button = push_button("query_retrieve_cancel", "Cancel", "cancel", tip="Cancel this retrieval")
        self.cancel_button.setAccessibleName("Cancel the selected retrieval")
        tip = "Retrieve again what failed or never came, and nothing else"
        self.retry_button = push_button("query_retrieve_retry", "Retr&y failed", "play", tip=tip)
        self.result = ElidedLabel(tone="muted")
        self.result.setObjectName("query_retrieve_result")
        self.failed_button = push_button("query_retrieve_failed", "List failed", "error", tip="Which instances failed")

    def _make_limits(self) -> None:
        tip = "Send a C-CANCEL after so many completed sub-operations; what came until then is kept"
        self.cancel_after = line_edit(
            "query_retrieve_cancel_after", "Cancel after sub-operations", hint="never", tip=tip
        )
        tip = "Send a C-CANCEL after so many milliseconds; what came until then is kept"
        self.cancel_ms = line_edit(
            "query_retrieve_cancel_after_ms", "Cancel the retrieval after ms", hint="never", tip=tip
        )
        for edit in (self.cancel_after, self.cancel_ms):
            edit.setMaximumWidth(_LIMIT_WIDTH)

    def _make_table(self) -> None:
        self.table = ListTable("query_retrievals", "Retrievals")
        self.table.setModel(self.model)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.set_widths(
            {RetrieveColumn.WHAT: 112, RetrieveColumn.FROM: 84, RetrieveColumn.HOW: 138, RetrieveColumn.STATE: 100,
             RetrieveColumn.ARRIVED: 112}, stretch=RetrieveColumn.TOLD,
        )  # fmt: skip
        self.table.setItemDelegateForColumn(RetrieveColumn.STATE, PillDelegate(self.table))
        self.table.setItemDelegateForColumn(RetrieveColumn.TOLD, BarDelegate(self.table))
        row = self.table.verticalHeader().defaultSectionSize()
        self.table.setFixedHeight(_ROWS_SEEN * row + self.table.horizontalHeader().sizeHint().height() + 4)

    def _place(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.button)
        row.addWidget(PlainLabel("by", tone="muted"))
        row.addWidget(self.method, 2)
        row.addWidget(self.destination, 1)
        row.addWidget(self.at_once)
        column.addLayout(row)
        limits = QHBoxLayout()
        limits.setSpacing(8)
        limits.addWidget(PlainLabel("Cancel after", tone="muted"))
        limits.addWidget(self.cancel_after)
        limits.addWidget(PlainLabel("sub-operations, or", tone="muted"))
        limits.addWidget(self.cancel_ms)
        limits.addWidget(PlainLabel("ms", tone="muted"))
        limits.addStretch(1)
        column.addLayout(limits)
        self._below = QWidget()
        below = QVBoxLayout(self._below)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(8)
        below.addWidget(self.table)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for button in (self.cancel_button, self.retry_button, self.failed_button):
            buttons.addWidget(button)
        buttons.addSpacing(4)
        buttons.addWidget(self.result, 1)
        below.addLayout(buttons)
        column.addWidget(self._below)
        self._below.hide()

    def _connect(self) -> None:
        self.button.clicked.connect(self.retrieve_wanted)
        self.method.currentIndexChanged.connect(self._on_method_changed)
        for edit in (self.destination, self.cancel_after, self.cancel_ms):
            edit.returnPressed.connect(self.retrieve_wanted)
        self.at_once.currentIndexChanged.connect(self._on_at_once_changed)
        self.cancel_button.clicked.connect(self._on_cancel_clicked)
        self.retry_button.clicked.connect(self._on_retry_clicked)
        self.failed_button.clicked.connect(self._on_failed_clicked)
        self.table.doubleClicked.connect(lambda _index: self._on_failed_clicked())
        self.table.selectionModel().selectionChanged.connect(self._show_buttons)
        self._config.nodes_changed.connect(self._fill_methods)

    # ----------------------------------------------------------------------------------------------------------- method

    def _fill_methods(self) -> None:
        chosen = self.method.currentData()
        self.method.clear()
        self.method.addItem("C-GET, or else C-MOVE to us", GET_OR_MOVE)
        self.method.addItem("C-GET", Method(uses_get=True))
        self.method.addItem("C-MOVE to us", Method(uses_move=True))
        for node in self._config.nodes.nodes:
            title = str(node.address.ae_title)
            self.method.addItem(plain(f"C-MOVE to {node.name} ({title})"), Method(uses_move=True, destination=title))
        self.method.addItem("C-MOVE to another AE title", _OTHER)
        self.method.setCurrentIndex(max(0, self.method.findData(chosen)))

    def chosen_method(self) -> Method:
        """How to retrieve.

        :raises ConfigurationError: the AE title that was typed is none.
        """
        chosen = self.method.currentData()
        if isinstance(chosen, Method):
            return chosen
        return Method(uses_move=True, destination=str(AETitle(self.destination.text())))

    def chosen_manner(self) -> RetrieveManner:
        """When the retrieval cancels itself.

        :raises ConfigurationError: a field holds no number.
        """
        count, ms = number_of(self.cancel_after), number_of(self.cancel_ms)
        return RetrieveManner(count, None if ms is None else ms / 1000)

    def _on_method_changed(self) -> None:
        is_other = self.method.currentData() == _OTHER
        self.destination.setVisible(is_other)
        if is_other and self.method.hasFocus():
            self.destination.setFocus()

    def show_at_once(self, count: int) -> None:
        """So many at a time."""
        if self.at_once.findData(count) < 0:
            self.at_once.addItem(f"{count} at once", count)
        self.at_once.setCurrentIndex(self.at_once.findData(count))

    def _on_at_once_changed(self) -> None:
        count = int(self.at_once.currentData())
        self._retrievals.set_at_once(count)
        self.at_once_chosen.emit(count)

    # ------------------------------------------------------------------------------------------------------- retrievals

    def show_lines(self) -> None:
        """How the retrievals stand now."""
        lines = self._retrievals.lines
        number = self._selected_number()
        self.model.show_lines(lines)
        row = self.model.row_of(number)
        if row < 0 and lines:
            row = 0
        if row >= 0 and not self.table.selectionModel().isRowSelected(row):
            self.table.selectRow(row)
        self._below.setVisible(bool(lines))
        self._show_buttons()

    def show_newest(self) -> None:
        """One has just been started: it is the one that the buttons are for."""
        self.table.clearSelection()
        self.show_lines()
        reveal(self.table)

    def show_selection(self, text: str) -> None:
        """What the button would retrieve."""
        self.button.setEnabled(bool(text))
        self.button.setText(f" &Retrieve {text}" if text else " &Retrieve")
        self.button.setAccessibleName(f"Retrieve {text}".strip())
        self.button.setShortcut("Ctrl+R")

    @property
    def selected(self) -> Retrieval | None:
        """The retrieval whose row is selected."""
        return self._retrievals.find(self._selected_number())

    def _selected_number(self) -> int:
        rows = self.table.selectionModel().selectedRows()
        return self.model.number_at(rows[0].row()) if rows else 0

    def _show_buttons(self) -> None:
        one = self.selected
        is_running = one is not None and not one.is_finished
        self.cancel_button.setEnabled(is_running)
        is_stopping = is_running and one is not None and one.handle.is_cancelling
        self.cancel_button.setText("Abort now" if is_stopping else "Cancel")
        self.retry_button.setEnabled(one is not None and one.is_finished and bool(one.left))
        self.failed_button.setEnabled(one is not None and bool(one.failed_uids))
        self.result.setText(plain(one.line.text, 600) if one is not None else "")
        tones = {JobState.FAILED: "error", JobState.WARNING: "warning", JobState.DONE: "good"}
        self.result.set_tone(tones.get(one.handle.state, "muted") if one is not None else "muted")

    def _on_cancel_clicked(self) -> None:
        one = self.selected
        if one is not None:
            one.handle.request_cancel()
            self._show_buttons()

    def _on_retry_clicked(self) -> None:
        one = self.selected
        if one is not None and self._retrievals.retry(one) is not None:
            self.show_newest()

    def _on_failed_clicked(self) -> None:
        one = self.selected
        if one is not None and one.failed_uids:
            self.failed_wanted.emit(one)


def failed_node(retrieval: Retrieval) -> Node:
    """The instances that failed, as a tree."""
    report = retrieval.report
    refused = set(report.refused_uids) if report is not None else set()
    children = tuple(
        Node(uid, "came and could not be kept" if uid in refused else "the peer could not send it")
        for uid in retrieval.failed_uids
    )
    return Node("Failed instances", f"{len(children):,}", children=children)
