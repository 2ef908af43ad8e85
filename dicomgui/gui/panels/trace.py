"""The live trace: one list of PDUs and events, the decoded tree of the selected one, its bytes, all linked."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QWidget

from dicomgui.gui.models.trace_rows import View
from dicomgui.gui.panels.panel import Panel, Workplace
from dicomgui.gui.panels.trace_saving import save_trace
from dicomgui.gui.widgets.buttons import Choice, push_button
from dicomgui.gui.widgets.cards import EmptyState, FindingList
from dicomgui.gui.widgets.text import PlainLabel, count_text
from dicomgui.gui.widgets.trace_view import TraceView
from dicomgui.network.uids import VERIFICATION, name_of
from dicomgui.trace.finding import plain

__all__ = ["TracePanel"]

MAX_CHOICES = 500
"""Associations in the choice; of more the last ones."""


class TracePanel(Panel):
    """The three panes, and what of the trace they show."""

    def __init__(self, place: Workplace) -> None:
        super().__init__("trace", "Trace", "Every association of this program, byte by byte, while it happens.", place)
        self._known = 0
        self._is_warm = False
        self._make_choices()
        self.panes = TraceView("trace", place.context.trace)
        self.panes.follow_changed.connect(self.follow.setChecked)
        self.panes.rows_missed.connect(self._on_rows_missed)
        self.model, self.tree_model = self.panes.model, self.panes.tree_model
        self.table, self.tree, self.hex = self.panes.table, self.panes.tree, self.panes.hex
        self.path = self.panes.path
        self.count = PlainLabel(tone="muted")
        self.count.setObjectName("trace_count")
        self.findings = FindingList("trace_findings")
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
        self.follow.toggled.connect(lambda on: self.panes.set_follows(on))
        self.clear_button.clicked.connect(self._on_clear_clicked)
        self.save_button.clicked.connect(self._on_save_clicked)
        self.new_rows.clicked.connect(self._on_new_rows_clicked)

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
        self._empty = EmptyState(
            "trace", "Nothing recorded yet",
            "Echo a peer, send it files, or start the listener: every PDU appears here at the moment when it goes over "
            "the wire.",
        )  # fmt: skip
        self._empty.setObjectName("trace_empty")
        self._empty.setAutoFillBackground(True)
        # Over the panes and not instead of them: to lay out and style them when the first PDU comes would take the
        # time of three frames, in the middle of receiving.
        layers = QWidget()
        self._layers = QStackedLayout(layers)
        self._layers.setStackingMode(QStackedLayout.StackingMode.StackAll)
        self._layers.addWidget(self._empty)
        self._layers.addWidget(self.panes)
        self.column.addWidget(layers, 1)
        self._show_empty(True)

    def _show_empty(self, empty: bool) -> None:
        self._layers.setCurrentWidget(self._empty if empty else self.panes)
        self._empty.setVisible(empty)
        self.panes.setEnabled(not empty)

    # ---------------------------------------------------------------------------------------------------------- filling

    def take_focus(self) -> None:
        self.table.setFocus()

    def _drain(self) -> None:
        """Rows since the last tick; they are gathered also while another panel is in view."""
        if not self._is_warm:
            # What knows the names of UIDs takes a tenth of a second to load: in a thread, before a PDU asks for one.
            self._is_warm = True
            self.place.context.file_pool.submit(name_of, VERIFICATION)
        if self.panes.drain():
            self._show_empty(False)
            self._show_associations()
            self._show_count()

    def show_association(self, association: int) -> None:
        """Show the records of one association alone; 0 for all."""
        self.show_associations((association,) if association else ())

    def show_associations(self, associations: tuple[int, ...]) -> None:
        """Show the records of these associations; with none of all."""
        self._show_associations()
        place = 0
        if associations:
            wanted = frozenset(associations)
            name = f"#{associations[0]}" if len(wanted) == 1 else f"{len(wanted)} associations of one job"
            place = next((row for row in range(1, self.association.count()) if self._choice(row) == wanted), 0)
            if not place:
                self.association.insertItem(1, name, wanted)
                place = 1
        self.association.setCurrentIndex(place)
        self.follow.setChecked(True)

    def _choice(self, row: int) -> frozenset[int] | None:
        data = self.association.itemData(row)
        return data if isinstance(data, frozenset) else None

    @property
    def chosen(self) -> frozenset[int] | None:
        """The associations that are shown; ``None`` for all."""
        return self._choice(self.association.currentIndex())

    def _show_associations(self) -> None:
        """Offer the associations that have come since the last look; of many the last ones."""
        store = self.place.context.trace
        fresh = store.association_numbers(self._known)
        if not fresh:
            return
        self._known = max(fresh)
        self.association.blockSignals(True)
        for number in fresh[-MAX_CHOICES:]:
            summary = store.association(number)
            peer = summary.peer if summary is not None else ""
            self.association.addItem(plain(f"#{number}  {peer or 'no connection'}", 60), frozenset((number,)))
        row = 1
        while self.association.count() > MAX_CHOICES + 1 and row < self.association.count():
            if row == self.association.currentIndex():  # what is being looked at stays
                row += 1
            else:
                self.association.removeItem(row)
        self.association.blockSignals(False)

    def _on_choice_changed(self) -> None:
        self.model.show(self.view.currentData(), self.chosen)
        self._drain()

    def _on_rows_missed(self, count: int) -> None:
        self.new_rows.setText(f"{count:,} new")
        self.new_rows.setAccessibleName(f"{count:,} new rows")
        self.new_rows.setVisible(count > 0)

    def _show_count(self) -> None:
        self.count.setText(count_text(self.model.rowCount(), "row"))
        kept = len(self.place.context.trace) > 0
        for button in (self.clear_button, self.save_button):
            button.setEnabled(kept)

    # ------------------------------------------------------------------------------------------------------------ slots

    def _on_new_rows_clicked(self) -> None:
        self.follow.setChecked(True)

    def _on_clear_clicked(self) -> None:
        self.place.context.trace.clear()
        self.model.restart()
        self.association.setCurrentIndex(0)
        while self.association.count() > 1:
            self.association.removeItem(self.association.count() - 1)
        self.findings.show_findings(())
        self._show_empty(True)
        self._show_count()

    def _on_save_clicked(self) -> None:
        self.tasks.spawn(self._save(), name="save")

    async def _save(self) -> None:
        self.save_button.setEnabled(False)
        try:
            findings = await save_trace(self, self.place.context, self.chosen)
            self.findings.show_findings(findings)
        finally:
            self._show_count()
