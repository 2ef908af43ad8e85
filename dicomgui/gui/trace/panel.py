"""The trace inspector: associations, exchanges or PDUs in one list, and below it all about the selected one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QMenu, QStackedLayout, QWidget

from dicomgui.gui.panels.panel import Panel, Workplace
from dicomgui.gui.trace.copying import add_copies
from dicomgui.gui.trace.filtering.filter_bar import FilterBar
from dicomgui.gui.trace.filtering.filter_values import values_of
from dicomgui.gui.trace.filtering.find_bar import FindBar
from dicomgui.gui.trace.listing.list_view import ZOOM_NAMES, Like
from dicomgui.gui.trace.listing.rows import View
from dicomgui.gui.trace.listing.source import TraceSource
from dicomgui.gui.trace.menu import MenuHooks, trace_menu
from dicomgui.gui.trace.saving import export_job, save_trace
from dicomgui.gui.trace.sources import SourceChoice
from dicomgui.gui.trace.state import TraceState
from dicomgui.gui.trace.travel import OUTER, Stop, Travel, associations_of, inside_of, story_of
from dicomgui.gui.trace.view import TraceView
from dicomgui.gui.trace.viewing import object_of
from dicomgui.gui.trace.zoom_buttons import ZoomButtons
from dicomgui.gui.widgets.buttons import Choice, push_button
from dicomgui.gui.widgets.cards import EmptyState, FindingList
from dicomgui.gui.widgets.flow import FlowRow
from dicomgui.gui.widgets.text import count_text
from dicomgui.trace.filter import FilterError, Zoom
from dicomgui.trace.filter.grammar import Or

__all__ = ["TracePanel"]

HIDDEN_BUDGET_S = 0.001
"""How long a tick may look at what is new while another panel is in view."""

_FILTER_WIDTH = 400


class TracePanel(Panel):
    """The list of a trace, what of it is shown, and the details of the selected item.

    :ivar live: the trace of this program.

    :param live: the same, where other views share it.
    """

    job_wanted = Signal(int)
    """The user wants to see this job."""

    def __init__(self, place: Workplace, live: TraceSource | None = None) -> None:
        super().__init__("trace", "Trace", "Every association of this program, byte by byte, while it happens.", place)
        self.setAcceptDrops(True)
        self._travel = Travel()
        self._place_wanted: tuple[int, int, int] | None = None
        self.live = live or TraceSource("This program, live", place.context.trace)
        self.panes = TraceView("trace", self.live, place.context.file_pool)
        self.model, self.table = self.panes.model, self.panes.table
        self.sources = SourceChoice(place, self.tasks, self.live, self)
        self._make_tools()
        self._make_filter()
        self.findings = FindingList("trace_findings")
        self._place()
        self._connect()
        self._add_keys()
        self._show_zoom()
        self._show_count()
        place.pump.add(self._drain)

    # ----------------------------------------------------------------------------------------------------------- making

    def _make_tools(self) -> None:
        self.zoom = ZoomButtons("trace")
        self.view = Choice("trace_view", "Which records are shown")
        for view in View:
            self.view.addItem(view.value, view)
        self.view.setMaximumWidth(150)
        self.follow = push_button("trace_follow", "&Follow", "follow", tip="Keep the newest row in view (F, End)")
        self.follow.setCheckable(True)
        self.follow.setChecked(True)
        self.clear_button = push_button("trace_clear", "C&lear", "clear", tip="Forget everything in the live trace")
        tip = "As .dgtrace, as .pcapng for Wireshark, or as a report. A trace may hold patient data."
        self.save_button = push_button("trace_save", "&Save …", "save", tip=tip)
        self.new_rows = push_button("trace_new_rows", "", "down", tip="Go to the newest row and follow (End)")
        self.new_rows.hide()
        self.scope_button = push_button("trace_scope", "", "cancel", tip="Show all associations again")
        self.scope_button.hide()
        self.state = TraceState("trace_state")

    def _make_filter(self) -> None:
        self.filter = FilterBar("trace_filter")
        self.filter.edit.set_values(lambda key: values_of(self.model.source, key))
        self.filter.set_saved(self.place.config.settings.trace_filters)
        self.count = self.filter.count
        self.find_bar = FindBar("trace_find", self.table)

    def _place(self) -> None:
        first = QHBoxLayout()
        first.setSpacing(8)
        for widget in (self.sources, self.follow, self.clear_button, self.save_button):
            first.addWidget(widget, 1 if widget is self.sources else 0)
        self.column.addLayout(first)
        second = FlowRow()
        second.add(self.zoom)
        second.add(self.view)
        second.add(self.filter, 1, width=_FILTER_WIDTH)
        self.column.addLayout(second)
        self.column.addWidget(self.filter.message)
        self.column.addWidget(self.find_bar)
        third = QHBoxLayout()
        third.setSpacing(8)
        third.addWidget(self.scope_button)
        third.addWidget(self.state, 1)
        self.column.addLayout(third)
        self.column.addWidget(self.findings)
        self._empty = EmptyState(
            "trace", "Nothing recorded yet",
            "Echo a peer, send it files, or start the listener: every PDU appears here at the moment when it goes over "
            "the wire. Or drop a trace or a capture here: .dgtrace, .pcap or .pcapng.",
        )  # fmt: skip
        self._empty.setObjectName("trace_empty")
        self._empty.setAutoFillBackground(True)
        # Over the panes and not instead of them: to lay out and style them when the first PDU comes would take the
        # time of three frames, in the middle of receiving.
        layers = _Filling()
        self._layers = QStackedLayout(layers)
        self._layers.setStackingMode(QStackedLayout.StackingMode.StackAll)
        self._layers.addWidget(self._empty)
        self._layers.addWidget(self.panes)
        self.column.addWidget(layers, 1)
        self._layers_widget = layers
        self.new_rows.setParent(layers)
        self._show_empty(True)

    def _connect(self) -> None:
        table = self.table
        self.zoom.zoom_chosen.connect(self.show_zoom)
        self.view.currentIndexChanged.connect(lambda _index: self._show_level(self.model.zoom))
        self.follow.toggled.connect(lambda on: table.set_follows(on))
        self.clear_button.clicked.connect(self._on_clear_clicked)
        self.save_button.clicked.connect(self._on_save_clicked)
        self.new_rows.clicked.connect(lambda: self.follow.setChecked(True))
        self.scope_button.clicked.connect(lambda: self.show_associations(()))
        self.filter.changed.connect(self._on_filter_changed)
        self.filter.edit.left.connect(table.setFocus)
        self.filter.edit.confirmed.connect(table.setFocus)
        self.filter.saved_changed.connect(self._on_saved_changed)
        self.find_bar.closed.connect(table.setFocus)
        self.sources.chosen.connect(self._on_source_chosen)
        self.sources.opened.connect(self._on_opened)
        table.follow_changed.connect(self.follow.setChecked)
        table.looked.connect(self._on_looked)
        table.rows_missed.connect(self._on_rows_missed)
        table.entered.connect(self._on_entered)
        table.opened.connect(self._on_item_opened)
        table.left.connect(self.go_out)
        table.story_wanted.connect(self._on_story_wanted)
        table.chosen.connect(self._on_chosen)
        table.customContextMenuRequested.connect(self._on_table_menu)
        self.panes.row_wanted.connect(lambda seq, offset, length: self._go_to(seq, offset, length))

    def _add_keys(self) -> None:
        within = Qt.ShortcutContext.WidgetWithChildrenShortcut
        keys: dict[str, Callable[[], object]] = {
            "/": self._focus_filter, "Ctrl+F": self._focus_filter, "F3": lambda: self.find_bar.go(1),
            "Shift+F3": lambda: self.find_bar.go(-1),
        }  # fmt: skip
        for number, zoom in enumerate(ZOOM_NAMES, start=1):
            keys[str(number)] = partial(self.show_zoom, zoom)
        for key, do in keys.items():
            shortcut = QShortcut(QKeySequence(key), self, context=within)
            shortcut.setWhatsThis(_KEYS[key])
            shortcut.activated.connect(do)

    def _focus_filter(self) -> None:
        self.filter.edit.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.filter.edit.selectAll()

    def _show_empty(self, empty: bool) -> None:
        self._layers.setCurrentWidget(self._empty if empty else self.panes)
        self._empty.setVisible(empty)
        self.panes.setEnabled(not empty)
        self.new_rows.raise_()

    # ---------------------------------------------------------------------------------------------------------- filling

    def take_focus(self) -> None:
        self.table.setFocus()

    def _drain(self) -> None:
        """Rows since the last tick; while another panel is in view they are indexed, and no more."""
        if not self.isVisible():
            if self.live.behind:
                self.live.update(HIDDEN_BUDGET_S)
            return
        if not self.table.drain():
            self._on_looked()

    def _on_looked(self) -> None:
        is_empty = not len(self.model.source.store)
        if is_empty is self.panes.isEnabled():
            self._show_empty(is_empty)
        self._show_count()

    def _show_count(self) -> None:
        model, bar = self.model, self.filter
        shown = model.rowCount()
        if bar.highlight is not None:
            text = f"{model.highlighted:,} of {shown:,}"
        elif bar.passes is not None or model.associations is not None:
            text = f"{shown:,} of {model.total:,}"
        else:
            text = count_text(shown, "row")
        bar.show_count(text, model.progress if model.is_replacing else 1.0)
        kept = len(model.source.store) > 0
        self.clear_button.setEnabled(kept and model.source.is_live)
        self.save_button.setEnabled(kept and not self.is_saving)
        self.state.show_source(model.source)

    # --------------------------------------------------------------------------------------------------- what is shown

    def show_zoom(self, zoom: Zoom) -> None:
        """Show another level; the item that holds the selected one is selected there."""
        self._show_level(zoom)

    def _show_level(self, zoom: Zoom, select: int = -1) -> None:
        view = self.view.currentData()
        self.table.show_level(zoom, view if isinstance(view, View) else None, self.model.associations, select)
        self._show_zoom()
        self._drain()

    def _show_zoom(self) -> None:
        self.zoom.show_zoom(self.model.zoom)
        self.view.setVisible(self.model.zoom is Zoom.ROWS)

    def show_association(self, association: int) -> None:
        """Show one association alone; 0 for all."""
        self.show_associations((association,) if association else ())

    def show_associations(self, associations: tuple[int, ...]) -> None:
        """Show these associations of the live trace; with none of them all. One that is over is selected."""
        self._leave_for(self.live)
        wanted = frozenset(associations)
        alone = f"assoc:{associations[0]}" if len(wanted) == 1 else ""
        number = self.live.start_of_ended(associations[0]) if alone else 0
        self._show_stop(Stop(Zoom.EXCHANGES, wanted if len(wanted) > 1 else None, alone, Like.SHOW, number))
        self.follow.setChecked(not number)

    @property
    def chosen(self) -> frozenset[int] | None:
        """The associations that are shown; ``None`` for all."""
        if self.model.associations is not None:
            return self.model.associations
        return associations_of(self.filter.passes)

    def filter_by(self, text: str) -> None:
        """Show only what passes a filter, of all associations."""
        self._push()
        self._scope(None)
        self.filter.set_filter(text)

    def show_place(self, seq: int, offset: int = 0, length: int = 0, source: TraceSource | None = None) -> None:
        """Select a row at the level of PDUs, and mark some of its bytes.

        :param source: of which trace; the live one when left out.
        """
        self._leave_for(source or self.live)
        self._go_to(seq, offset, length)

    def _go_to(self, seq: int, offset: int, length: int) -> None:
        self._push()
        self._place_wanted = (seq, offset, length) if length else None
        entry = self.model.source.store.entry(seq)
        index = self.model.source.index
        passes = self.filter.passes
        if passes is not None or self.model.associations is not None:
            self._scope(None)
            self.filter.set_filter("")
        if entry is not None and index.exchange_at(seq) == 0 and type(entry.record).__name__ in _QUIET_RECORDS:
            self.view.setCurrentIndex(self.view.findData(View.ALL))
        self._show_level(Zoom.ROWS, select=seq)
        self.table.setFocus()

    def _on_chosen(self, number: int) -> None:
        wanted = self._place_wanted
        if wanted is not None and wanted[0] == number:
            self._place_wanted = None
            self.panes.show_place(wanted[1], wanted[2])

    def _scope(self, associations: frozenset[int] | None) -> None:
        """Show only these associations, whatever the filter says."""
        self.model.show(associations=associations)
        count = len(associations or ())
        self.scope_button.setText(f" {count_text(count, 'association')} of one job")
        self.scope_button.setAccessibleName(f"{count_text(count, 'association')} of one job; show all again")
        self.scope_button.setVisible(associations is not None)

    # ------------------------------------------------------------------------------------------------------- in and out

    def _stop(self) -> Stop:
        edit, model = self.filter.edit, self.model
        return Stop(model.zoom, model.associations, edit.filter.text, self.filter.like, self.table.number)

    def _push(self) -> None:
        self._travel.push(self._stop())

    def _show_stop(self, stop: Stop) -> None:
        self._scope(stop.associations)
        self.filter.set_filter(stop.text, stop.like)
        self._show_level(stop.zoom, select=stop.number)

    def _on_entered(self, number: int) -> None:
        inside = inside_of(self.model, self.table.row)
        if inside is None:
            self.panes.next_pane()
            return
        self._push()
        zoom, text = inside
        self._show_stop(Stop(zoom, None, text, Like.SHOW, number))

    def _on_item_opened(self, number: int) -> None:
        """Look at the object of a C-STORE; go into anything else."""
        read = object_of(self.model, self.table.row)
        if read is not None:
            self.view_wanted.emit(read)
        elif number:
            self._on_entered(number)

    def go_out(self) -> None:
        """Back to what was shown before; without that a level out."""
        stop = self._travel.pop()
        if stop is not None:
            self._show_stop(stop)
        elif self.model.zoom in OUTER:
            self.show_zoom(OUTER[self.model.zoom])

    def _on_story_wanted(self, number: int) -> None:
        text = story_of(self.model, self.table.row)
        if text:
            self._push()
            self._show_stop(Stop(Zoom.EXCHANGES, None, text, Like.SHOW, number))

    # ------------------------------------------------------------------------------------------------------------ slots

    def _on_filter_changed(self) -> None:
        try:
            self.table.set_filter(self.filter.passes, self.filter.highlight)
        except FilterError as error:  # what was understood alone may be too much with something around it
            self.filter.edit.error = error
        self._show_count()

    def _on_saved_changed(self, saved: tuple[str, ...]) -> None:
        self.place.config.keep_trace_filters(saved)

    def filter_like(self, like: Like, term: str) -> None:
        """Show, hide or highlight what passes a condition, beside the filter that is there."""
        self._push()
        bar = self.filter
        now = bar.edit.filter
        if like is Like.HIGHLIGHT or bar.like is not Like.SHOW or now.expression is None:
            bar.set_filter(term, like)
            return
        before = f"({now.text})" if isinstance(now.expression, Or) else now.text
        added = f"({term})" if " " in term else term
        bar.set_filter(f"{before} not {added}" if like is Like.HIDE else f"{before} {added}")

    def _on_rows_missed(self, count: int) -> None:
        self.new_rows.setText(f" {count:,} new")
        self.new_rows.setAccessibleName(f"{count:,} new rows")
        self.new_rows.setVisible(count > 0)
        if count:
            self._put_pill()

    def _put_pill(self) -> None:
        """Over the lower right corner of the list."""
        self.new_rows.adjustSize()
        corner = self.table.viewport().mapTo(self._layers_widget, self.table.viewport().rect().bottomRight())
        self.new_rows.move(corner - QPoint(self.new_rows.width() + 14, self.new_rows.height() + 10))
        self.new_rows.raise_()

    def _on_table_menu(self, place: QPoint) -> None:
        if self.table.row < 0:
            return
        hooks = MenuHooks(
            self.filter_like, self._jobs_of, self.job_wanted.emit,
            self.panes.copy_pdu if self.panes.has_bytes else None, self._add_copies,
        )  # fmt: skip
        menu = trace_menu("trace", self.table, self.table.columnAt(place.x()), hooks, self)
        menu.popup(self.table.viewport().mapToGlobal(place))

    def _add_copies(self, menu: QMenu) -> None:
        add_copies(menu, self.model, self.table.row, self.place, self.tasks, self)

    def copy_as(self) -> None:
        if self.table.row >= 0:
            menu = QMenu(self)
            menu.setObjectName("trace_copy_menu")
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            self._add_copies(menu)
            if menu.actions():
                rect = self.table.visualRect(self.model.index(self.table.row, 0))
                menu.popup(self.table.viewport().mapToGlobal(rect.bottomLeft()))

    def _jobs_of(self, association: int) -> list[tuple[int, str]]:
        if not self.model.source.is_live:
            return []
        jobs = self.place.jobs.all()
        return [(job.number, job.title) for job in reversed(jobs) if association in job.associations]

    def _on_clear_clicked(self) -> None:
        if not self.model.source.is_live:
            return
        self.live.clear()
        self.model.restart()
        self._travel.clear()
        self._scope(None)
        self.filter.set_filter("")
        self.findings.show_findings(())
        self._show_empty(True)
        self.state.look_again()
        self._show_count()

    # ---------------------------------------------------------------------------------------------------- other sources

    def open_file(self, path: Path) -> None:
        """Open a trace or a capture and show it; what goes wrong is told above the list."""
        self.sources.open_path(path)

    def take_drop(self, paths: list[Path]) -> None:
        for path in paths:
            self.open_file(path)

    def cancel(self) -> None:
        """Cancel opening a file."""
        self.sources.cancel()

    def _leave_for(self, source: TraceSource) -> None:
        if self.model.source is not source:
            self.sources.choose(source)

    def _on_opened(self, source: TraceSource) -> None:
        self.findings.show_findings(())
        self.sources.choose(source)

    def _on_source_chosen(self, source: TraceSource) -> None:
        self._travel.clear()
        self.filter.set_filter("")
        self._scope(None)
        self.model.look_at(source)
        self.table.want(0)
        self.table.set_follows(source.is_live)
        self.follow.setEnabled(source.is_live)
        self.state.look_again()
        self._show_empty(not len(source.store))
        self._drain()

    # ----------------------------------------------------------------------------------------------------------- saving

    def _on_save_clicked(self) -> None:
        self.tasks.spawn(self._save(), name="save")

    async def _save(self) -> None:
        self.is_saving = True
        self.save_button.setEnabled(False)
        try:
            source, start_job = self.model.source, export_job(self.place)
            findings = await save_trace(
                self, self.place.context, self.chosen, store=source.store, marks=source.marks,
                was_redacted=source.is_redacted, start_job=start_job,
            )  # fmt: skip
            self.findings.show_findings(findings)
        finally:
            self.is_saving = False
            self._show_count()

    is_saving = False
    """Whether the trace is being saved."""

    async def shut_down(self) -> None:
        await super().shut_down()
        self.sources.close_all()


class _Filling(QWidget):
    """Takes the room that there is, and asks for no more: a page that scrolls would else scroll the list as well."""

    def sizeHint(self) -> QSize:
        return self.minimumSizeHint()


_KEYS = {
    "/": "Go to the filter", "Ctrl+F": "Go to the filter", "F3": "Find the next one", "Shift+F3": "Find the one before",
    "1": "Associations", "2": "Exchanges", "3": "PDUs",
}  # fmt: skip
_QUIET_RECORDS = ("StateRecord", "DimseRecord")
