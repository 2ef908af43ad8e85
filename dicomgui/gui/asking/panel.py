"""A panel that asks nodes by C-FIND: whom, what, what was found. Archives and worklists are asked alike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import TypeAlias

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from dicomgui.app.asking.query import Query
from dicomgui.app.asking.searches import QueryFile, QueryMemory, SavedSearch
from dicomgui.app.recipes.recipe import Recipe
from dicomgui.gui.asking.form import AskingForm
from dicomgui.gui.asking.querying import NodeQuery, findings_of
from dicomgui.gui.asking.question import Asking, NamedQuery, sources_of, summary_of, tone_of
from dicomgui.gui.asking.results import QueryResults
from dicomgui.gui.asking.rows import Source
from dicomgui.gui.panels.panel import Panel, Workplace
from dicomgui.gui.peers.fields import PeerFields
from dicomgui.gui.running.latest import Latest
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.cards import Card, Offers
from dicomgui.gui.widgets.copy_menu import CopyButton, Recipes
from dicomgui.gui.widgets.finding_area import FindingArea
from dicomgui.gui.widgets.flow import FlowRow, Halves, reveal, together
from dicomgui.gui.widgets.text import ElidedLabel, PlainLabel
from dicomgui.network.errors import ConfigurationError
from dicomgui.trace.finding import Finding, group_findings, plain

__all__ = ["AskingPanel", "Change"]

Change: TypeAlias = Callable[[QueryMemory], QueryMemory]
"""What is remembered, otherwise than before."""

FORM_WIDTH = 330
MIN_FORM_HEIGHT = 150
STATUS_WIDTH = 180
LOADING_S = 1.0
NARROW = 950
"""Where there is no more width than this, what to ask stands above what was found and not beside it."""


_CANCEL_TIP = "By C-CANCEL; the peer then has some seconds to end the query (Esc)"
_ABORT_TIP = "By A-ABORT: the association ends at once (Esc)"


class AskingPanel(Panel):
    """Who inherits gives the form and the table, adds to :attr:`below`, and ends with :meth:`begin`.

    :ivar below: the column under the matches.
    :param file_name: where searches and columns are kept.
    """

    def __init__(self, key: str, title: str, text: str, place: Workplace, *, file_name: str) -> None:
        super().__init__(key, title, text, place)
        self.memory = QueryMemory()
        self._file_name = file_name
        self._file: QueryFile | None = None
        self._is_loading = False
        self._loading: asyncio.Task[None] | None = None
        self._meanwhile: list[Change] = []
        self._has_ended = False
        self._preparing = Latest(place.context.file_pool, self.show_idle, self)
        self._make_widgets()
        self.form: AskingForm = self.make_form()
        self.results: QueryResults = self.make_results()
        self.asking = Asking(place, self.tasks, self.results.model, self.start_query)
        self._place_widgets()

    # ----------------------------------------------------------------------------------------------------------- making

    def make_form(self) -> AskingForm:
        """The fields of the question."""
        raise NotImplementedError

    def make_results(self) -> QueryResults:
        """The table of the matches."""
        raise NotImplementedError

    def _make_widgets(self) -> None:
        key = self.key
        self.peer = PeerFields(key, self.place.choice)
        self.run_button = push_button(f"{key}_run", "&Query", "query", primary=True, tip="Ask (F5)")
        self.cancel_button = push_button(f"{key}_cancel", "Ca&ncel", "cancel", tip=_CANCEL_TIP)
        self.clear_button = push_button(f"{key}_clear", "C&lear", "clear", tip="Empty the fields of the keys")
        self.copy_as_button: CopyButton = CopyButton(f"{key}_copy_as", self._all_recipes)
        tip = "Every PDU of this query"
        self.trace_button = push_button(f"{key}_show_trace", "Show in &trace", "trace", tip=tip)
        self.status = ElidedLabel(tone="muted")
        self.status.setObjectName(f"{key}_status")
        self.findings = FindingArea(f"{key}_findings")
        self.guard = Card("warning")
        self.guard.setObjectName(f"{key}_guard")
        self.guard_text = PlainLabel(wrap=True)
        self.guard_text.setObjectName(f"{key}_guard_text")
        tip = "Send the query with no key to match"
        self.ask_all_button = push_button(f"{key}_ask_all", "Ask for everything", "query", tip=tip)
        self.guard.hide()

    def _place_widgets(self) -> None:
        top = Card()
        top.column.addWidget(self.peer)
        row = FlowRow()
        for button in (self.run_button, self.cancel_button, self.clear_button):
            row.add(button)
        row.add(self.status, 1, width=STATUS_WIDTH)
        row.add(together(self.copy_as_button, self.trace_button))
        top.column.addLayout(row)
        self.column.addWidget(top)
        inside = QHBoxLayout()
        inside.setSpacing(12)
        inside.addWidget(self.guard_text, 1)
        inside.addWidget(self.ask_all_button, 0, Qt.AlignmentFlag.AlignTop)
        self.guard.column.addLayout(inside)
        self.column.addWidget(self.guard)
        right = QWidget()
        self.below = QVBoxLayout(right)
        self.below.setContentsMargins(0, 0, 0, 0)
        self.below.setSpacing(10)
        self.below.addWidget(self.results, 1)
        self.parts = Halves(f"{self.key}_halves", NARROW)
        self.parts.setHandleWidth(14)
        self.parts.addWidget(self.form)
        self.parts.addWidget(right)
        self.parts.setStretchFactor(1, 1)
        self.parts.setSizes([FORM_WIDTH, 3 * FORM_WIDTH])
        self.form.setMinimumWidth(FORM_WIDTH)
        self.form.setMinimumHeight(MIN_FORM_HEIGHT)
        self.column.addWidget(self.parts, 1)
        self.column.addWidget(self.findings)

    def begin(self) -> None:
        """Listen to the widgets and to the pump."""
        for signal, slot in (
            (self.run_button.clicked, self.run), (self.cancel_button.clicked, self.cancel),
            (self.ask_all_button.clicked, self._ask), (self.peer.submitted, self.run), (self.form.submitted, self.run),
            (self.clear_button.clicked, self.form.clear_keys), (self.trace_button.clicked, self._on_trace_clicked),
            (self.form.changed, self.guard.hide), (self.form.kept, self._on_kept),
            (self.form.forgotten, self._on_forgotten), (self.results.columns_chosen, self._on_columns_chosen),
            (self.results.counts_changed, self.show_selection),
        ):  # fmt: skip
            signal.connect(slot)
        # It takes a third of a second, for which the window is not to stand still.
        self._preparing.ask(partial(import_module, "pydicom"), lambda _: self.form.judge())
        self.show_selection()
        self.show_idle("")
        self.place.pump.add(self._drain)

    # ----------------------------------------------------------------------------------------------------- the question

    @property
    def is_busy(self) -> bool:
        """Whether a query of the top level is under way, or not all of it is shown."""
        return self.asking.is_busy

    def take_focus(self) -> None:
        if self._file is None and self.place.config.store is not None:
            self._file = QueryFile(self.place.config.store.folder, self._file_name)
            self._is_loading = True
            self._loading = self.tasks.spawn(self._load_memory(self._file), name="read saved searches")

    def run(self) -> None:
        """Ask; with no key at all, only after a warning."""
        if self.is_busy:
            return
        problem, query = self.problem()
        if problem or query is None:
            self.show_idle(problem, "error")
            return
        if not self.form.has_keys:
            self.show_guard("No key is filled in.", query.limit)
            return
        self._ask()

    def show_guard(self, why: str, most: int | None) -> None:
        """Ask whether everything is wanted.

        :param most: matches that are fetched; ``None`` for all.
        """
        limit = "no limit is set" if most is None else f"at most {most:,} matches are fetched"
        self.guard_text.setText(plain(
            f"{why} This asks {self._names()} for everything it has; {limit}. Fill in a key, or press the button.", 400,
        ))  # fmt: skip
        self.guard.show()
        self.ask_all_button.setFocus()

    def problem(self) -> tuple[str, Query | None]:
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
        problem, query = self.problem()
        if self.is_busy or problem or query is None:
            return
        was_here = self.ask_all_button.hasFocus()
        self.start_query(query, self._sources(query.root))
        if was_here:
            self.cancel_button.setFocus()
        self.guard.hide()

    def start_query(self, query: Query, sources: tuple[Source, ...]) -> None:
        """Ask this, in place of what was found before."""
        self.start_queries((NamedQuery("", query),), sources)

    def start_queries(self, queries: tuple[NamedQuery, ...], sources: tuple[Source, ...]) -> None:
        """Ask these one after the other, in place of what was found before."""
        if self.is_busy:
            return
        self.begin_results([query for _, query in queries], sources)
        self.findings.show_findings(())
        self.asking.start(queries, sources)
        self.show_busy(True, self.run_button, self.cancel_button)
        self._show_progress()

    def begin_results(self, queries: Sequence[Query], sources: Sequence[Source]) -> None:
        """Empty the table and give it the columns of these queries, of which there is at least one."""
        raise NotImplementedError

    def cancel(self) -> None:
        """End the queries by C-CANCEL, and by A-ABORT when asked again."""
        self.asking.cancel()
        if self.is_busy:
            self._show_progress()
            self._offer_abort(self.asking.is_cancelling)

    def _offer_abort(self, is_cancelling: bool) -> None:
        """Name what the button does next."""
        self.cancel_button.setText("Abort &now" if is_cancelling else "Ca&ncel")
        self.cancel_button.setAccessibleName("Abort now" if is_cancelling else "Cancel")
        self.cancel_button.setToolTip(_ABORT_TIP if is_cancelling else _CANCEL_TIP)

    # ---------------------------------------------------------------------------------------------------------- showing

    def _drain(self) -> None:
        """What has come since the last tick."""
        if self._has_ended:
            return
        if self.is_busy:
            self._drain_queries()
        self.drain()

    def drain(self) -> None:
        """At each tick: what else has come."""

    def _drain_queries(self) -> None:
        was_empty = not self.results.model.count
        ended = self.asking.drain()
        if was_empty and self.results.model.count:
            self.results.show_state()
            reveal(self.results)
        if ended:
            self._finish(ended)
        else:
            self._show_progress()

    def _show_progress(self) -> None:
        self.status.set_tone("muted")
        self.status.setText(self.asking.progress())

    def _finish(self, ended: list[NodeQuery]) -> None:
        """All have answered, or failed, or were cancelled."""
        is_ok = all(one.result is not None and one.result.ok for one in ended)
        self.results.finish()
        self.results.show_state(is_over=True, is_ok=is_ok)
        missing = [set(one.never_returned) for one in ended if one.count]
        if missing:
            self.results.model.mark_never_returned(set.intersection(*missing))
        self.findings.show_findings(group_findings(self.judged(findings_of(ended))), self.offers())
        if self.results.model.count and self.cancel_button.hasFocus():
            self.results.table.setFocus()
            self.results.table.setCurrentIndex(self.results.model.index(0, 0))
        self.show_idle(summary_of(ended), tone_of(ended))
        self.show_selection()
        self.finished(is_ok)

    def offers(self) -> Offers:
        """What can be done about the findings of a query."""
        raise NotImplementedError

    def judged(self, findings: Sequence[Finding]) -> Sequence[Finding]:
        """Those of the findings of a query that are shown."""
        return findings

    def finished(self, is_ok: bool) -> None:
        """A query is over, and everything of it is shown."""

    def show_idle(self, text: str, tone: str = "muted") -> None:
        """Say something; what can be done again can be done."""
        self.status.set_tone(tone)
        self.status.setText(plain(text, 600))
        if not self.is_busy:
            self.show_busy(False, self.run_button, self.cancel_button)
            self._offer_abort(False)

    def show_selection(self) -> None:
        """Other rows are selected."""
        self.trace_button.setEnabled(bool(self.traced()))

    def traced(self) -> int:
        """The association that the current row came by, or the last one of the query."""
        row = self.results.table.current_row
        if row is not None and row.source.association:
            return row.source.association
        return self.asking.association

    def _on_trace_clicked(self) -> None:
        self.trace_wanted.emit(self.traced())

    def _all_recipes(self) -> Recipes:
        """What the panel would do, to be copied as commands."""
        problem, query = self.problem()
        if problem or query is None:
            return self.more_recipes()
        found = [(f"Query {one.name}", self.recipe_of(one, query)) for one in self._sources(query.root)]
        return [*found, *self.more_recipes()]

    def recipe_of(self, source: Source, query: Query) -> Recipe:
        """The query of one node."""
        return Recipe.of_query(source.peer, source.options, query)

    def more_recipes(self) -> Recipes:
        """What it would do beside the query."""
        return []

    # ----------------------------------------------------------------------------------------------- what is remembered

    async def shut_down(self) -> None:
        self._has_ended = True
        if self._loading is not None and self._meanwhile:
            await asyncio.wait({self._loading}, timeout=LOADING_S)  # else what was changed is lost
        await super().shut_down()
        self.asking.close()

    async def _load_memory(self, file: QueryFile) -> None:
        loop = asyncio.get_running_loop()
        self.memory = await loop.run_in_executor(self.place.context.file_pool, file.load)
        self._is_loading = False
        changes, self._meanwhile = self._meanwhile, []
        for change in changes:
            self.remember(change)
        self.results.choose_columns(self.memory.columns)
        self.show_memory()

    def show_memory(self) -> None:
        """Show what is remembered."""
        self.form.show_memory(self.memory)

    def remember(self, change: Change) -> None:
        """Remember something more, soon also in the file, and in what that has where it is still being read."""
        memory = change(self.memory)
        if self._is_loading:
            self._meanwhile.append(change)
        if memory != self.memory:
            self.memory = memory
            if self._file is not None and not self._is_loading:
                self.place.config.write_soon(self._file.path.stem, partial(self._file.save, memory))

    def _on_kept(self, search: SavedSearch) -> None:
        self.remember(lambda memory: memory.with_search(search))
        self.form.show_memory(self.memory)

    def _on_forgotten(self, name: str) -> None:
        self.remember(lambda memory: memory.without(name))
        self.form.show_memory(self.memory)

    def _on_columns_chosen(self, columns: tuple[str, ...]) -> None:
        self.remember(lambda memory: replace(memory, columns=columns))
