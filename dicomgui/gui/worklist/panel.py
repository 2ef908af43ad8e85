"""The worklist: ask for scheduled steps, find out why there are none, and tell what becomes of a step by MPPS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from dicomgui.app.asking.keys import Key
from dicomgui.app.asking.query import Query
from dicomgui.app.asking.searches import WORKLIST_FILE_NAME
from dicomgui.app.asking.worklist import usual_return_keys
from dicomgui.app.asking.worklist_relaxing import relaxing_order
from dicomgui.app.nservices.requests import NResult
from dicomgui.gui.asking.panel import AskingPanel
from dicomgui.gui.asking.results import MIN_HEIGHT, QueryResults, ResultsLook
from dicomgui.gui.asking.rows import Source
from dicomgui.gui.panels.explaining import PeerActions, explain_in
from dicomgui.gui.panels.panel import Workplace
from dicomgui.gui.widgets.cards import Offers
from dicomgui.gui.widgets.copy_menu import Recipes
from dicomgui.gui.widgets.flow import reveal
from dicomgui.gui.worklist.columns import STEP_COLUMNS, asked_columns, columns_of
from dicomgui.gui.worklist.empty import EmptyHelper
from dicomgui.gui.worklist.form import DATE, WorklistForm
from dicomgui.gui.worklist.steps import StepsArea
from dicomgui.trace.finding import ActionKind, Finding, group_findings

__all__ = ["WorklistPanel"]

EMPTY_HEIGHT: Final = 300
"""What helps where nothing matches needs more room than matches do."""

NOTHING_MATCHED: Final = "find-empty"
"""The code of the finding that a query was answered by nothing."""

_EMPTY = (
    "Choose a node or type an address, press Today or fill in a key, and press Query. Select a step, and tell by MPPS "
    "that it begins. The practice PACS has a worklist, too."
)


class WorklistPanel(AskingPanel):
    """Whom to ask, which steps, what was found, and the steps that were begun."""

    form: WorklistForm

    def __init__(self, place: Workplace) -> None:
        text = "C-FIND: what is scheduled, for whom and at which station; MPPS tells that a step begins and ends."
        self.empty: EmptyHelper
        super().__init__("worklist", "Worklist", text, place, file_name=WORKLIST_FILE_NAME)
        self.steps = StepsArea(place, self.tasks)
        self.below.addWidget(self.steps)
        self._peer_actions = PeerActions(self, self._ask_again, self.traced, self.show_idle)
        explain_in(self, self.findings.list, self.offers())
        self.empty.key_dropped.connect(self._on_key_dropped)
        self.form.unknown_modality.connect(self._on_unknown_modality)
        self.steps.trace_wanted.connect(self.trace_wanted)
        self.steps.answered.connect(self._on_answered)
        place.choice.changed.connect(self._show_own)
        self.begin()
        self._show_own()

    def make_form(self) -> WorklistForm:
        return WorklistForm(self.place.config)

    def make_results(self) -> QueryResults:
        self.empty = EmptyHelper(self.place, self.tasks)
        look = ResultsLook("worklist", STEP_COLUMNS, ("step", "steps"), _EMPTY, self.empty)
        return QueryResults(self.place, self.tasks, self.show_idle, look)

    # the question

    def take_focus(self) -> None:
        super().take_focus()
        (self.results.table if self.results.model.count else self.form.usual.fields[DATE]).setFocus()

    def begin_results(self, queries: Sequence[Query], sources: Sequence[Source]) -> None:
        self.empty.show_question(None)
        self.results.setMinimumHeight(MIN_HEIGHT)
        usual = usual_return_keys()
        keys = [
            key for one in queries for key in (*one.keys, *(usual if one.returned is None else one.returned))
        ]  # fmt: skip
        asked = asked_columns(keys, usual)
        self.results.start(columns_of(keys), asked, has_several_nodes=len(sources) > 1)
        station, modality = self.form.chosen_own
        self.remember(
            lambda memory: replace(
                memory, station_ae=station or memory.station_ae, modality=modality or memory.modality
            )
        )
        self._show_own()

    def cancel(self) -> None:
        """End the queries by C-CANCEL, and after a second by A-ABORT; also those that look for the narrow key."""
        super().cancel()
        self.empty.cancel()

    def finished(self, is_ok: bool) -> None:
        if is_ok and not self.results.model.count:
            self.results.setMinimumHeight(EMPTY_HEIGHT)
            self.empty.show_question(self.asking.asked)
            reveal(self.empty)

    def judged(self, findings: Sequence[Finding]) -> Sequence[Finding]:
        """What helps where nothing matches says it already."""
        return [finding for finding in findings if finding.code != NOTHING_MATCHED]

    def offers(self) -> Offers:
        usual = self._peer_actions.offers
        return {kind: usual[kind] for kind in _SHARED} | {ActionKind.RETRY: lambda _action: self._ask_again()}

    def _ask_again(self) -> None:
        if self.asking.asked is not None:
            self.start_query(*self.asking.asked)

    def _on_key_dropped(self, key: Key | None) -> None:
        """Take the key out of the form, and ask again."""
        asked = self.asking.asked
        if asked is None or self.is_busy:
            return
        query, sources = asked
        gone = relaxing_order(query.keys) if key is None else (key,)
        for one in gone:
            self.form.remove_key(one)
        keys = tuple(Key(one.path) if one in gone else one for one in query.keys)
        self.start_query(replace(query, keys=keys), sources)

    # the steps

    def show_selection(self) -> None:
        super().show_selection()
        rows = self.results.table.selected_rows()
        self.steps.show_item(rows[0] if len(rows) == 1 else None)

    def _on_answered(self, result: NResult) -> None:
        self.findings.show_findings(group_findings(result.findings), {})

    def more_recipes(self) -> Recipes:
        return self.steps.recipes()

    # what is remembered

    def show_memory(self) -> None:
        super().show_memory()
        self._show_own()

    def _show_own(self) -> None:
        choice = self.place.choice
        ours = choice.calling_ae.strip() or str(self.place.config.settings.calling_ae)
        self.form.show_own(self.memory, ours)

    def _on_unknown_modality(self) -> None:
        self.show_idle("Fill in the modality; from the next query on it is “this” one.")


_SHARED = (
    ActionKind.TRY_AE, ActionKind.TRY_CALLING_AE, ActionKind.EDIT_NODE, ActionKind.TRUST_CERTIFICATE,
    ActionKind.CHOOSE_CERTIFICATE, ActionKind.COPY_SETUP,
)  # fmt: skip
"""What can be done about any failure with a peer."""
