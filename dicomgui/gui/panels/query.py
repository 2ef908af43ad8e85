"""Query and retrieve: ask nodes by C-FIND, look at what they have, and bring it home by C-GET or C-MOVE."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import replace
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from dicomgui.app.here import HereLookup, here_in
from dicomgui.app.keys import SPECIFIC_CHARACTER_SET
from dicomgui.app.levels import Level
from dicomgui.app.query import Query, return_keys_of
from dicomgui.app.recipe import Recipe
from dicomgui.app.report import group_findings
from dicomgui.app.searches import QueryFile, QueryMemory, SavedSearch
from dicomgui.gui.models.query_rows import COLUMNS, Source, columns_for
from dicomgui.gui.panels.asking import Asking, sources_of, summary_of, tone_of
from dicomgui.gui.panels.explaining import explain_in
from dicomgui.gui.panels.listener import ListenerPanel
from dicomgui.gui.panels.panel import Panel, Workplace
from dicomgui.gui.panels.query_actions import QueryActions
from dicomgui.gui.panels.query_below import Below
from dicomgui.gui.panels.query_form import QueryForm
from dicomgui.gui.panels.query_results import QueryResults
from dicomgui.gui.panels.query_retrieve import RetrieveArea, failed_node
from dicomgui.gui.panels.query_selection import by_source, selection_text, topmost, wanted_of
from dicomgui.gui.panels.querying import NodeQuery, findings_of
from dicomgui.gui.panels.retrieving import Order, Retrieval, Retrievals
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.cards import Card
from dicomgui.gui.widgets.copy_menu import CopyButton, Recipes
from dicomgui.gui.widgets.finding_area import FindingArea
from dicomgui.gui.widgets.flow import FlowRow, Halves, reveal
from dicomgui.gui.widgets.peer_fields import PeerFields
from dicomgui.gui.widgets.text import ElidedLabel, PlainLabel
from dicomgui.network.errors import ConfigurationError
from dicomgui.storage import Index
from dicomgui.trace.finding import plain

__all__ = ["QueryPanel"]

FORM_WIDTH = 330
MIN_FORM_HEIGHT = 150
STATUS_WIDTH = 180
NARROW = 950
"""Where there is no more width than this, what to ask stands above what was found and not beside it."""

HERE_AGAIN_S = 1.0
"""How often what is here is looked up anew while instances arrive."""


class QueryPanel(Panel):
    """Whom to ask, what to ask, what was found, what is retrieved."""

    def __init__(self, place: Workplace, listener: ListenerPanel) -> None:
        text = "C-FIND: patients, studies, series and images of one node or several; C-GET and C-MOVE bring them here."
        super().__init__("query", "Query", text, place)
        self._listener = listener
        self._has_ended = False
        self._memory = QueryMemory()
        self._file: QueryFile | None = None
        self._waiting_for_listener: list[asyncio.Future[None]] = []
        self._lookup: tuple[Index | None, HereLookup | None] = (None, None)
        self._arrivals, self._looked_s = 0, 0.0
        self._shown_retrieval: Retrieval | None = None
        self.retrievals = Retrievals(place, self.tasks, lambda: self._listener.listener, self._start_listener)
        self._make_widgets()
        self._place()
        self._connect()
        self._show_idle("")
        place.pump.add(self._drain)

    # ----------------------------------------------------------------------------------------------------------- making

    def _make_widgets(self) -> None:
        self.peer = PeerFields("query", self.place.choice)
        self.run_button = push_button("query_run", "&Query", "query", primary=True, tip="Ask (F5)")
        self.cancel_button = push_button("query_cancel", "Ca&ncel", "cancel", tip="By C-CANCEL, then by A-ABORT (Esc)")
        self.clear_button = push_button("query_clear", "C&lear", "clear", tip="Empty the fields of the keys")
        self.copy_as_button: CopyButton = CopyButton("query_copy_as", self._recipes)
        self.trace_button = push_button("query_show_trace", "Show in &trace", "trace", tip="Every PDU of this query")
        self.status = ElidedLabel(tone="muted")
        self.status.setObjectName("query_status")
        self.form = QueryForm(self.place.config)
        self.results = QueryResults(self.place, self.tasks, self._show_idle)
        self._asking = Asking(self.place, self.tasks, self.results.model, self._start)
        self._below = Below(self.place, self.tasks, self.results.model)
        self.retrieve = RetrieveArea(self.retrievals, self.place.config)
        self.findings = FindingArea("query_findings")
        self._actions = QueryActions(self, lambda: self._asking.asked, self._start, self._traced, self._show_idle)
        explain_in(self, self.findings.list, self._actions.of_query)
        self.guard = Card("warning")
        self.guard.setObjectName("query_guard")
        self.guard_text = PlainLabel(wrap=True)
        self.guard_text.setObjectName("query_guard_text")
        tip = "Send the query with no key to match"
        self.ask_all_button = push_button("query_ask_all", "Ask for everything", "query", tip=tip)
        self.guard.hide()

    def _place(self) -> None:
        top = Card()
        top.column.addWidget(self.peer)
        row = FlowRow()
        for button in (self.run_button, self.cancel_button, self.clear_button):
            row.add(button)
        row.add(self.status, 1, width=STATUS_WIDTH)
        row.add(self.copy_as_button)
        row.add(self.trace_button)
        top.column.addLayout(row)
        self.column.addWidget(top)
        inside = QHBoxLayout()
        inside.setSpacing(12)
        inside.addWidget(self.guard_text, 1)
        inside.addWidget(self.ask_all_button, 0, Qt.AlignmentFlag.AlignTop)
        self.guard.column.addLayout(inside)
        self.column.addWidget(self.guard)
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(self.results, 1)
        column.addWidget(self.retrieve)
        self.parts = Halves("query_halves", NARROW)
        self.parts.setHandleWidth(14)
        self.parts.addWidget(self.form)
        self.parts.addWidget(right)
        self.parts.setStretchFactor(1, 1)
        self.parts.setSizes([FORM_WIDTH, 3 * FORM_WIDTH])
        self.form.setMinimumWidth(FORM_WIDTH)
        self.form.setMinimumHeight(MIN_FORM_HEIGHT)
        self.column.addWidget(self.parts, 1)
        self.column.addWidget(self.findings)

    def _connect(self) -> None:
        for signal, slot in (
            (self.run_button.clicked, self.run), (self.cancel_button.clicked, self.cancel),
            (self.ask_all_button.clicked, self._ask), (self.peer.submitted, self.run), (self.form.submitted, self.run),
            (self.clear_button.clicked, self.form.clear_keys), (self.trace_button.clicked, self._on_trace_clicked),
            (self.form.changed, self.guard.hide), (self.form.kept, self._on_kept),
            (self.form.forgotten, self._on_forgotten), (self.results.columns_chosen, self._on_columns_chosen),
            (self.results.counts_changed, self._show_selection),
            (self.results.model.children_wanted, self._below.fetch),
            (self.retrieve.retrieve_wanted, self.retrieve_selected),
            (self.retrieve.failed_wanted, self._on_failed_wanted),
            (self.retrieve.at_once_chosen, self._on_at_once_chosen),
        ):  # fmt: skip
            signal.connect(slot)
        self._show_selection()

    # ----------------------------------------------------------------------------------------------------- the question

    @property
    def is_busy(self) -> bool:
        """Whether a query of the top level is under way, or not all of it is shown."""
        return self._asking.is_busy

    def take_focus(self) -> None:
        if self._file is None and self.place.config.store is not None:
            self._file = QueryFile(self.place.config.store.folder)
            self.tasks.spawn(self._load_memory(self._file), name="read saved searches")
        self.place.archive.want(only_if_there=True)
        self.results.model.forget_here()
        (self.results.table if self.results.model.count else self.form.usual.fields["PatientName"]).setFocus()
        if not self.form.usual.fields["PatientName"].isVisible() and not self.results.model.count:
            self.form.level.setFocus()

    def run(self) -> None:
        """Ask; with no key at all, only after a warning."""
        if self.is_busy:
            return
        problem, query = self._problem()
        if problem or query is None:
            self._show_idle(problem, "error")
            return
        if not self.form.has_keys:
            limit = "no limit is set" if query.limit is None else f"at most {query.limit:,} matches are fetched"
            self.guard_text.setText(plain(
                f"No key is filled in. This asks {self._names()} for everything it has; {limit}. "
                "Fill in a key, or press the button.", 400,
            ))  # fmt: skip
            self.guard.show()
            self.ask_all_button.setFocus()
            return
        self._ask()

    def _problem(self) -> tuple[str, Query | None]:
        """What keeps it from asking, or the query."""
        try:
            query = self.form.query()
            if not self.form.nodes.nodes:
                self.place.choice.peer()
                self.place.choice.options()
        except ConfigurationError as error:
            return (f"{error}. {error.hint}" if error.hint else str(error)), None
        return "", query

    def _names(self) -> str:
        return ", ".join(source.name for source in self._sources(None))

    def _sources(self, root: str | None) -> tuple[Source, ...]:
        return sources_of(self.place, self.form.nodes, root)

    def _ask(self) -> None:
        problem, query = self._problem()
        if self.is_busy or problem or query is None:
            return
        was_here = self.ask_all_button.hasFocus()
        self._start(query, self._sources(query.root))
        if was_here:
            self.cancel_button.setFocus()
        self.guard.hide()

    def _start(self, query: Query, sources: tuple[Source, ...]) -> None:
        """Ask this, in place of what was found before."""
        if self.is_busy:
            return
        self._below.cancel()
        level = query.level or Level.STUDY
        returned = return_keys_of(level) if query.returned is None else query.returned
        keys = [key for key in (*query.keys, *returned) if key.path[0].tag != SPECIFIC_CHARACTER_SET]
        columns = columns_for(keys)
        usual = {key.path[0].tag for key in return_keys_of(level)}
        asked = frozenset(column.key for column in columns[len(COLUMNS) :] if not usual & set(column.tags[level]))
        self.results.start(columns, asked, has_several_nodes=len(sources) > 1)
        self.findings.show_findings(())
        self._asking.start(query, sources)
        self.show_busy(True, self.run_button, self.cancel_button)
        self._show_progress()

    def cancel(self) -> None:
        """End the queries by C-CANCEL, and after a second by A-ABORT; where none runs, the selected retrieval."""
        running = self._asking.cancel()
        if self.is_busy:
            self._show_progress()
        running_below = self._below.cancel()
        one = self.retrieve.selected
        if not running and not running_below and one is not None and self.retrieve.table.hasFocus():
            one.handle.request_cancel()

    # ---------------------------------------------------------------------------------------------------------- showing

    def _drain(self) -> None:
        """What has come since the last tick."""
        if self._has_ended:
            return
        if self.is_busy:
            self._drain_queries()
        for result in self._below.drain():
            self.findings.show_findings(group_findings(result.findings))
        self._drain_retrievals()
        self.results.set_lookup(self._find_lookup())
        if self.isVisible():
            self.results.drain()
        if self._waiting_for_listener:
            self._look_at_listener()

    def _drain_queries(self) -> None:
        was_empty = not self.results.model.count
        ended = self._asking.drain()
        if was_empty and self.results.model.count:
            self.results.show_state()
            reveal(self.results)
        if ended:
            self._finish(ended)
        else:
            self._show_progress()

    def _show_progress(self) -> None:
        self.status.set_tone("muted")
        self.status.setText(self._asking.progress())

    def _finish(self, ended: list[NodeQuery]) -> None:
        """All have answered, or failed, or were cancelled."""
        is_ok = all(one.result is not None and one.result.ok for one in ended)
        self.results.finish()
        self.results.show_state(is_over=True, is_ok=is_ok)
        missing = [set(one.never_returned) for one in ended if one.count]
        if missing:
            self.results.model.mark_never_returned(set.intersection(*missing))
        self.findings.show_findings(group_findings(findings_of(ended)), self._actions.of_query)
        if self.results.model.count and self.cancel_button.hasFocus():
            self.results.table.setFocus()
            self.results.table.setCurrentIndex(self.results.model.index(0, 0))
        self._show_idle(summary_of(ended), tone_of(ended))
        self._show_selection()

    def _show_idle(self, text: str, tone: str = "muted") -> None:
        self.status.set_tone(tone)
        self.status.setText(plain(text, 600))
        if not self.is_busy:
            self.show_busy(False, self.run_button, self.cancel_button)

    def _show_selection(self) -> None:
        rows = self.results.table.selected_rows()
        self.retrieve.show_selection(selection_text(topmost(rows)))
        self.trace_button.setEnabled(bool(self._traced()))

    def _traced(self) -> int:
        """The association that the current row came by, or the last one of the query."""
        row = self.results.table.current_row
        if row is not None and row.source.association:
            return row.source.association
        return self._asking.association

    def _on_trace_clicked(self) -> None:
        self.trace_wanted.emit(self._traced())

    # --------------------------------------------------------------------------------------------------------- retrieve

    def retrieve_selected(self) -> None:
        """Retrieve what is selected, an order for each node."""
        rows = topmost(self.results.table.selected_rows())
        if not rows:
            return
        try:
            orders = self._orders()
        except ConfigurationError as error:
            self._show_idle(f"{error}. {error.hint}" if error.hint else str(error), "error")
            return
        for order in orders:
            self.retrievals.start(order)
        self.retrieve.show_newest()

    def _orders(self) -> list[Order]:
        """What Retrieve would do, an order for each node.

        :raises ConfigurationError: a match cannot be retrieved, or there is no destination.
        """
        method = self.retrieve.chosen_method()
        rows = by_source(topmost(self.results.table.selected_rows()))
        return [Order(source, wanted_of(some), method, selection_text(some)) for source, some in rows.items()]

    def _recipes(self) -> Recipes:
        """What Query and Retrieve would do, to be copied as commands."""
        problem, query = self._problem()
        found: list[tuple[str, Recipe]] = []
        if not problem and query is not None:
            asked = [(f"Query {one.name}", one.peer, one.options) for one in self._sources(query.root)]
            found += [(title, Recipe.of_query(peer, options, query)) for title, peer, options in asked]
        with contextlib.suppress(ConfigurationError):
            ours = self.place.config.settings.listener
            found += [(f"Retrieve {one.what}", one.recipe(ours)) for one in self._orders()]
        return found

    def _drain_retrievals(self) -> None:
        if self.retrievals.lines:
            self.retrieve.show_lines()
        last, now = self.retrievals.last, time.monotonic()
        if last is not None and last is not self._shown_retrieval:
            self._shown_retrieval = last
            if last.findings:
                self.findings.show_findings(last.findings, self._actions.of_retrieval)
            self._arrivals = -1
            self.place.archive.want(only_if_there=True)
        if self._arrivals != self.retrievals.arrivals and now - self._looked_s >= HERE_AGAIN_S:
            self._arrivals, self._looked_s = self.retrievals.arrivals, now
            self.results.model.forget_here()

    def _find_lookup(self) -> HereLookup | None:
        """What tells how much is here; the same as long as the archive is the same and open."""
        keeper = self.place.archive
        index = keeper.archive.index if keeper.is_open else None
        if index is not self._lookup[0]:
            self._lookup = (index, here_in(index) if index is not None else None)
        return self._lookup[1]

    async def _start_listener(self) -> str:
        """Have our listener run; gives why it does not, or an empty string."""
        panel = self._listener
        if not panel.is_running:
            panel.run()
            started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting_for_listener.append(started)
            await started
        if panel.is_running:
            return ""
        why = panel.findings.cards[0].accessibleName() if panel.findings.cards else ""
        return f"Our listener, to which the peer would send, could not be started. {why}".strip()

    def _look_at_listener(self) -> None:
        if self._listener.is_running or self._listener.start_button.isEnabled():
            waiting, self._waiting_for_listener = self._waiting_for_listener, []
            for one in waiting:
                if not one.done():
                    one.set_result(None)

    def _on_failed_wanted(self, retrieval: Retrieval) -> None:
        self.results.show_node(failed_node(retrieval), f"Failed of {retrieval.order.what}")

    # ----------------------------------------------------------------------------------------------- what is remembered

    async def shut_down(self) -> None:
        self._has_ended = True
        await super().shut_down()
        self._asking.close()

    async def _load_memory(self, file: QueryFile) -> None:
        loop = asyncio.get_running_loop()
        self._memory = await loop.run_in_executor(self.place.context.file_pool, file.load)
        self.form.show_memory(self._memory)
        self.results.choose_columns(self._memory.columns)
        self.retrieve.show_at_once(self._memory.at_once)

    def _remember(self, memory: QueryMemory) -> None:
        if memory != self._memory:
            self._memory = memory
            if self._file is not None:
                self.place.config.write_soon("queries", partial(self._file.save, memory))

    def _on_kept(self, search: SavedSearch) -> None:
        self._remember(self._memory.with_search(search))
        self.form.show_memory(self._memory)

    def _on_forgotten(self, name: str) -> None:
        self._remember(self._memory.without(name))
        self.form.show_memory(self._memory)

    def _on_columns_chosen(self, columns: tuple[str, ...]) -> None:
        self._remember(replace(self._memory, columns=columns))

    def _on_at_once_chosen(self, count: int) -> None:
        self._remember(replace(self._memory, at_once=count))
