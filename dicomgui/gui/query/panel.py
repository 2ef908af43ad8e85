"""Query and retrieve: ask nodes by C-FIND, look at what they have, and bring it home by C-GET or C-MOVE."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from dicomgui.app.archive.here import HereLookup, here_in
from dicomgui.app.asking.dicom_json import DatasetFileError
from dicomgui.app.asking.information_models import check_retrieval, is_without_levels
from dicomgui.app.asking.keys import SPECIFIC_CHARACTER_SET
from dicomgui.app.asking.levels import Level
from dicomgui.app.asking.query import Query, return_keys_of
from dicomgui.app.asking.searches import FILE_NAME
from dicomgui.app.recipes.recipe import Recipe
from dicomgui.gui.asking.panel import AskingPanel
from dicomgui.gui.asking.results import QueryResults
from dicomgui.gui.asking.rows import COLUMNS, Source, columns_for
from dicomgui.gui.asking.selection import by_source, selection_text, topmost, wanted_of
from dicomgui.gui.panels.explaining import explain_in
from dicomgui.gui.panels.panel import Workplace
from dicomgui.gui.query.actions import QueryActions
from dicomgui.gui.query.below import Below
from dicomgui.gui.query.form import QueryForm
from dicomgui.gui.query.opening import ImageOpening
from dicomgui.gui.query.retrieve_area import RetrieveArea, failed_node
from dicomgui.gui.query.retrieving import Order, Retrieval, Retrievals
from dicomgui.gui.widgets.cards import Offers
from dicomgui.gui.widgets.copy_menu import Recipes
from dicomgui.gui.widgets.text import count_text, error_text
from dicomgui.network.errors import ConfigurationError
from dicomgui.storage import Index
from dicomgui.trace.finding import group_findings

if TYPE_CHECKING:
    from dicomgui.gui.listener.panel import ListenerPanel

__all__ = ["QueryPanel"]

HERE_AGAIN_S = 1.0
"""How often what is here is looked up anew while instances arrive."""


class QueryPanel(AskingPanel):
    """Whom to ask, what to ask, what was found, what is retrieved."""

    form: QueryForm

    def __init__(self, place: Workplace, listener: Callable[[], ListenerPanel]) -> None:
        text = "C-FIND: patients, studies, series and images of one node or several; C-GET and C-MOVE bring them here."
        super().__init__("query", "Query", text, place, file_name=FILE_NAME)
        self._listener = listener
        self._reading: asyncio.Task[None] | None = None
        self._skipped: tuple[str, ...] = ()
        self._waiting_for_listener: list[asyncio.Future[None]] = []
        self._lookup: tuple[Index | None, HereLookup | None] = (None, None)
        self._arrivals, self._looked_s = 0, 0.0
        self._shown_retrieval: Retrieval | None = None
        self.retrievals = Retrievals(place, self.tasks, lambda: self._listener().listener, self._start_listener)
        self._below = Below(self.place, self.tasks, self.results.model)
        self.retrieve = RetrieveArea(self.retrievals, self.place.config)
        self.below.addWidget(self.retrieve)
        self._actions = QueryActions(self, lambda: self.asking.asked, self.start_query, self.traced, self.show_idle)
        explain_in(self, self.findings.list, self._actions.of_query)
        self.results.model.children_wanted.connect(self._below.fetch)
        self.results.view_wanted.connect(self.view_wanted)
        self.opening = ImageOpening(self, self.retrievals, self.retrieve.chosen_method, self.show_idle)
        self.results.table.row_shown.connect(self.opening.open)
        self.retrieve.retrieve_wanted.connect(self.retrieve_selected)
        self.retrieve.failed_wanted.connect(self._on_failed_wanted)
        self.retrieve.at_once_chosen.connect(self._on_at_once_chosen)
        self.begin()

    def make_form(self) -> QueryForm:
        return QueryForm(self.place.config, partial(self.tasks.spawn, name="choose query files"))

    def make_results(self) -> QueryResults:
        return QueryResults(self.place, self.tasks, self.show_idle)

    # ----------------------------------------------------------------------------------------------------- the question

    def take_focus(self) -> None:
        super().take_focus()
        self.place.archive.want(only_if_there=True)
        self.results.model.forget_here()
        name = self.form.usual.fields["PatientName"]
        (self.results.table if self.results.model.count else name).setFocus()
        if not name.isVisible() and not self.results.model.count:
            self.form.level.setFocus()

    def begin_results(self, queries: Sequence[Query], sources: Sequence[Source]) -> None:
        self._below.cancel()
        first = queries[0]  # all have one level and one root
        level = first.level or (Level.IMAGE if is_without_levels(first.root) else Level.STUDY)
        usual = return_keys_of(level)
        keys = [key for one in queries for key in (*one.keys, *(usual if one.returned is None else one.returned))]
        columns = columns_for(key for key in keys if key.path[0].tag != SPECIFIC_CHARACTER_SET)
        own = {key.path[0].tag for key in return_keys_of(first.level)}
        asked = frozenset(column.key for column in columns[len(COLUMNS) :] if not own & set(column.tags[level]))
        self.results.start(
            columns, asked, has_several_nodes=len(sources) > 1, has_several_queries=len(queries) > 1
        )  # fmt: skip

    def run(self) -> None:
        if not self.form.from_files.files:
            super().run()
        else:
            self._run_files()

    def _ask(self) -> None:
        if not self.form.from_files.files:
            super()._ask()
        else:
            self._run_files(may_be_all=True)

    def _run_files(self, *, may_be_all: bool = False) -> None:
        """Read the files and ask their queries; one without a key only where ``may_be_all``."""
        if self.is_busy or self._reading is not None:
            return
        problem, _ = self.problem()
        if problem:
            self.show_idle(problem, "error")
            return
        self.guard.hide()
        self.show_busy(True, self.run_button, self.cancel_button)
        self.status.setText("Reading the query files …")
        self._reading = self.tasks.spawn(self._read_files(may_be_all), name="read query files")
        self._reading.add_done_callback(self._on_read)

    def _on_read(self, _task: asyncio.Task[None]) -> None:
        self._reading = None

    async def _read_files(self, may_be_all: bool) -> None:
        loop = asyncio.get_running_loop()
        try:
            work = self.form.plan()
            queries, self._skipped = await loop.run_in_executor(self.place.context.file_pool, work)
            sources = self._sources(queries[0].query.root)
        except (ConfigurationError, DatasetFileError) as error:
            self.show_idle(error_text(error) if isinstance(error, ConfigurationError) else str(error), "error")
            return
        except asyncio.CancelledError:
            self.show_idle("Cancelled before anything was asked.", "warning")
            raise
        open_ones = [name for name, query in queries if not any(key.is_matching for key in query.keys)]
        if open_ones and not may_be_all:
            self.show_idle("")
            self.show_guard(f"{', '.join(open_ones[:3])}: no key has a value.", queries[0].query.limit)
            return
        self.start_queries(queries, sources)

    def finished(self, is_ok: bool) -> None:
        skipped, self._skipped = self._skipped, ()
        if skipped:
            text = f"{count_text(len(skipped), 'file', 'files')} skipped: {skipped[0]}"
            self.show_idle(f"{self.status.text()} · {text}", "warning" if is_ok else "error")

    def cancel(self) -> None:
        """End the queries by C-CANCEL, and after a second by A-ABORT; where none runs, the selected retrieval."""
        was_busy = self.is_busy
        if self._reading is not None:
            self._reading.cancel()
        super().cancel()
        running_below = self._below.cancel()
        one = self.retrieve.selected
        if not was_busy and not running_below and one is not None and self.retrieve.table.hasFocus():
            one.handle.request_cancel()

    # ---------------------------------------------------------------------------------------------------------- showing

    def drain(self) -> None:
        for result in self._below.drain():
            self.findings.show_findings(group_findings(result.findings))
        self._drain_retrievals()
        self.results.set_lookup(self._find_lookup())
        if self.isVisible():
            self.results.drain()
        if self._waiting_for_listener:
            self._look_at_listener()

    def offers(self) -> Offers:
        return self._actions.of_query

    def show_selection(self) -> None:
        super().show_selection()
        self.retrieve.show_selection(selection_text(topmost(self.results.table.selected_rows())))

    # --------------------------------------------------------------------------------------------------------- retrieve

    def retrieve_selected(self) -> None:
        """Retrieve what is selected, an order for each node."""
        rows = topmost(self.results.table.selected_rows())
        if not rows:
            return
        try:
            orders = self._orders()
        except ConfigurationError as error:
            self.show_idle(f"{error}. {error.hint}" if error.hint else str(error), "error")
            return
        for order in orders:
            self.retrievals.start(order)
        self.retrieve.show_newest()

    def _orders(self) -> list[Order]:
        """What Retrieve would do, an order for each node.

        :raises ConfigurationError: a match cannot be retrieved, its model has no retrieval, there is no destination,
            or a limit is no number.
        """
        method, manner = self.retrieve.chosen_method(), self.retrieve.chosen_manner()
        rows = by_source(topmost(self.results.table.selected_rows()))
        for source in rows:
            check_retrieval(source.root)
        return [Order(source, wanted_of(some), method, selection_text(some), manner) for source, some in rows.items()]

    def recipe_of(self, source: Source, query: Query) -> Recipe:
        returned = None if self.form.editor.returned == self.form.usual_returned() else query.returned
        return Recipe.of_query(
            source.peer, source.options, replace(query, returned=returned), self.form.from_files.files
        )  # fmt: skip

    def more_recipes(self) -> Recipes:
        with contextlib.suppress(ConfigurationError):
            ours = self.place.config.settings.listener
            return [(f"Retrieve {one.what}", one.recipe(ours)) for one in self._orders()]
        return []

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
        panel = self._listener()
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
        panel = self._listener()
        if panel.is_running or panel.start_button.isEnabled():
            waiting, self._waiting_for_listener = self._waiting_for_listener, []
            for one in waiting:
                if not one.done():
                    one.set_result(None)

    def _on_failed_wanted(self, retrieval: Retrieval) -> None:
        self.results.show_node(failed_node(retrieval), f"Failed of {retrieval.order.what}")

    # ----------------------------------------------------------------------------------------------- what is remembered

    def show_memory(self) -> None:
        super().show_memory()
        self.retrieve.show_at_once(self.memory.at_once)

    def _on_at_once_chosen(self, count: int) -> None:
        self.remember(lambda memory: replace(memory, at_once=count))
