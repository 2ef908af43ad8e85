"""Pages of steps that came in: performed ones (MPPS) and unified ones (UPS)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from dicomgui.app.configuration.provided import Provided
from dicomgui.app.listening.answers import AnswerSettings
from dicomgui.app.listening.desk import AnswerDesk
from dicomgui.app.listening.steps_received import StepEntry
from dicomgui.app.viewing.dataset_tree import dataset_node
from dicomgui.app.viewing.viewed import view_of
from dicomgui.gui.panels.panel import Workplace
from dicomgui.gui.running.latest import Latest
from dicomgui.gui.tables.dataset_tree import DatasetTree
from dicomgui.gui.tables.list_table import uid_table
from dicomgui.gui.tables.pills import PillDelegate
from dicomgui.gui.tables.text_table import Cell, TextTable
from dicomgui.gui.widgets.buttons import Choice, push_button
from dicomgui.gui.widgets.cards import EmptyState
from dicomgui.gui.widgets.fields import check_box, line_edit
from dicomgui.gui.widgets.flow import FlowRow, Halves, together
from dicomgui.gui.widgets.text import PlainLabel
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service_classes.attributes import text_of
from dicomgui.network.service_classes.performed_steps import PerformedStep
from dicomgui.network.service_classes.procedure_steps import ProcedureStep
from dicomgui.trace.finding import plain

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["MAX_SHOWN", "NARROW", "SWITCH", "JudgedStepsPage", "MppsPage", "StepRow", "StepsPage", "UpsPage", "clock"]

MAX_SHOWN = 500
"""Rows of a list; of more the newest are shown."""

NARROW = 760
"""Up to this width, in points, a list stands above what is shown of it."""

_PILLS = {
    "SCHEDULED": ("muted", "busy"), "IN PROGRESS": ("accent", "play"), "COMPLETED": ("good", "good"),
    "DISCONTINUED": ("warning", "stop"), "CANCELED": ("warning", "stop"),
}  # fmt: skip
_ALL = ""
SWITCH = "Switch {} on above and start the listener."
"""What is to be done before anything comes."""


def clock(utc: float) -> str:
    """The time of day, to the second."""
    return f"{datetime.fromtimestamp(utc).astimezone():%H:%M:%S}" if utc else ""


class StepRow(NamedTuple):
    """A row of a list of steps.

    :ivar state: decides about the filter, and is shown as a pill.
    :ivar read: gives the data set; may be called in any thread.
    :ivar title: what the data set is called; by default the UID.
    """

    uid: str
    state: str
    cells: tuple[Cell, ...]
    read: Callable[[], Dataset]
    title: str = ""


def _cells(utc: float, state: str, *others: str) -> tuple[Cell, ...]:
    tone, icon = _PILLS.get(state, ("muted", ""))
    pill = Cell(plain(state.lower()), tone=tone, icon=icon)
    return (Cell(clock(utc)), pill, *(Cell(plain(text)) for text in others))


class StepsPage(QWidget):
    """A list of steps by state, and beside it the data set of the one that is selected; a double click opens a window.

    :param name: begins the object names.
    :param titles: of the columns; the state stands in the second.
    """

    service: Provided
    all_of_them = "all states"
    view_wanted = Signal(object)
    """The user wants to see a data set in a window of its own; a function that gives it, for a thread."""

    def __init__(
        self,
        name: str,
        accessible: str,
        place: Workplace,
        desk: AnswerDesk,
        titles: Sequence[str],
        states: Sequence[str],
        empty: EmptyState,
    ) -> None:
        super().__init__()
        self.desk = desk
        self._rows: list[StepRow] = []
        self._shown: list[StepRow] = []
        self._made: dict[str, tuple[object, object, StepRow]] = {}
        self._states = states
        self.model = TextTable(titles, parent=self)
        self.table = uid_table(f"{name}_table", accessible, self.model)
        self.table.setItemDelegateForColumn(1, PillDelegate(self.table))
        self.table.set_widths({0: 74, 1: 130}, stretch=2)
        self.table.selectionModel().selectionChanged.connect(self._on_selected)
        self.state = Choice(f"{name}_state", "State")
        self.state.currentIndexChanged.connect(self._show_rows)
        self.clear_button = push_button(f"{name}_clear", "Clear list", "clear", tip="Forget what has come")
        self.clear_button.clicked.connect(self._on_clear_clicked)
        self.table.activated.connect(self._view)
        self.dataset = DatasetTree(name)
        self.dataset.window_button.show()
        self.dataset.window_wanted.connect(self._view)
        self._latest = Latest(place.context.file_pool, self.dataset.heading.setText, self)
        self.pages = QStackedWidget()
        self.pages.addWidget(empty)
        self.halves = Halves(f"{name}_halves", NARROW)
        self.halves.addWidget(self.table)
        self.halves.addWidget(self.dataset)
        self.pages.addWidget(self.halves)
        self.tools = FlowRow(6)
        self.tools.add(self.state)
        self.tools.add_stretch()
        self.tools.add(self.clear_button)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(8)
        self.column.addLayout(self.tools)
        self.column.addWidget(self.pages, 1)
        self._fill_states()

    def rows(self) -> list[StepRow]:
        """What there is, the oldest first."""
        raise NotImplementedError

    def _same_or(self, uid: str, step: object, beside: object, make: Callable[[], StepRow]) -> StepRow:
        """The row that was made of this very step and what is said beside it, or a new one."""
        known = self._made.get(uid)
        row = known[2] if known is not None and known[0] is step and known[1] == beside else make()
        self._made[uid] = (step, beside, row)
        return row

    @property
    def count(self) -> int:
        """How many there are."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Show what there is now."""
        self._rows = self.rows()
        there = {row.uid for row in self._rows}
        self._made = {uid: made for uid, made in self._made.items() if uid in there}
        self._fill_states()
        self._show_rows()

    def _fill_states(self) -> None:
        chosen = self.state.currentData() or _ALL
        counts = {state: sum(1 for row in self._rows if row.state == state) for state in self._states}
        texts = {_ALL: f"{self.all_of_them}  {len(self._rows):,}"}
        texts |= {state: f"{state.lower()}  {counts[state]:,}" for state in self._states}
        self.state.blockSignals(True)
        if not self.state.count():
            for state in texts:
                self.state.addItem("", state)
        for number, (_, text) in enumerate(texts.items()):
            self.state.setItemText(number, text)
        self.state.setCurrentIndex(max(0, self.state.findData(chosen)))
        self.state.blockSignals(False)

    def _show_rows(self) -> None:
        selected = self._selected()
        wanted = self.state.currentData() or _ALL
        self._shown = [row for row in reversed(self._rows) if wanted in (_ALL, row.state)][:MAX_SHOWN]
        self.model.show_rows([row.cells for row in self._shown])
        self.pages.setCurrentIndex(1 if self._rows else 0)
        self.clear_button.setEnabled(bool(self._rows))
        uids = [row.uid for row in self._shown]
        if selected is not None and selected.uid in uids:
            self.table.selectRow(uids.index(selected.uid))
        elif self.dataset.is_open:
            self.dataset.close_tree()

    def _selected(self) -> StepRow | None:
        rows = self.table.selectionModel().selectedRows()
        return self._shown[rows[0].row()] if rows and rows[0].row() < len(self._shown) else None

    def _on_selected(self) -> None:
        row = self._selected()
        if row is not None:
            self._latest.ask(lambda: dataset_node(row.read(), row.title or row.uid), self.dataset.show_node)

    def _view(self) -> None:
        row = self._selected()
        if row is not None:
            title = row.title or row.uid
            self.view_wanted.emit(lambda: view_of(row.read(), title))

    def _on_clear_clicked(self) -> None:
        self.dataset.close_tree()
        self.desk.clear(self.service)


class JudgedStepsPage(StepsPage):
    """A list of steps whose service may be strict or not."""

    changed = Signal()
    """The strictness was set otherwise."""

    def __init__(
        self,
        name: str,
        accessible: str,
        place: Workplace,
        desk: AnswerDesk,
        titles: Sequence[str],
        states: Sequence[str],
        empty: EmptyState,
    ) -> None:
        super().__init__(name, accessible, place, desk, titles, states, empty)
        tip = "Refuse what lacks attributes, and changes of what must not change. Off: take it, and keep those values"
        self.is_strict = check_box(f"{name}_strict", "Refuse what breaks the standard", tip=tip)
        self.is_strict.toggled.connect(self.changed)
        self.tools.add(self.is_strict)

    def show_settings(self, settings: AnswerSettings) -> None:
        """Fill in."""
        raise NotImplementedError

    def over(self, settings: AnswerSettings) -> AnswerSettings:
        """``settings`` with what is set here."""
        raise NotImplementedError


class MppsPage(JudgedStepsPage):
    """Performed procedure steps."""

    service = Provided.MPPS

    def __init__(self, place: Workplace, desk: AnswerDesk) -> None:
        text = "What a modality reports is listed here by its state, with the row of the worklist that it belongs to."
        empty = EmptyState("jobs", "No performed step has come", f"{SWITCH.format('MPPS')} {text}")
        titles = ("Time", "State", "Patient", "Worklist row", "Modality", "Station", "From")
        states = ("IN PROGRESS", "COMPLETED", "DISCONTINUED")
        super().__init__("answers_mpps", "Performed procedure steps", place, desk, titles, states, empty)
        for number, width in ((3, 150), (4, 80), (5, 90), (6, 100)):
            self.table.setColumnWidth(number, width)

        tip = "AE titles of saved nodes, between semicolons: each is told of every change (MPPS Notification)"
        self.notified = line_edit("answers_mpps_notified", "Told of changes", hint="nobody; or RIS1; PACS", tip=tip)
        self.notified.textChanged.connect(self._on_notified)
        self.tools.add(together(PlainLabel("Told of changes", tone="muted"), self.notified), 1, width=260)
        self.note = PlainLabel(tone="warning", scale=0.9, wrap=True)
        self.note.setObjectName("answers_mpps_note")
        self.note.hide()
        self.column.insertWidget(1, self.note)

    def show_settings(self, settings: AnswerSettings) -> None:
        self.is_strict.setChecked(settings.mpps_is_strict)
        self.notified.setText("; ".join(settings.mpps_notified))

    def over(self, settings: AnswerSettings) -> AnswerSettings:
        settings = replace(settings, mpps_is_strict=self.is_strict.isChecked())
        try:
            return self._notifying(settings)
        except ConfigurationError:
            return settings

    def _notifying(self, settings: AnswerSettings) -> AnswerSettings:
        return replace(settings, mpps_notified=tuple(filter(None, map(str.strip, self.notified.text().split(";")))))

    def _on_notified(self) -> None:
        problem = ""
        try:
            self._notifying(AnswerSettings())
        except ConfigurationError as error:
            problem = f"Not in force: {error}"
        self.note.setText(plain(problem, 300))
        self.note.setVisible(bool(problem))
        self.changed.emit()

    @property
    def count(self) -> int:
        return len(self.desk.performed.steps)

    def rows(self) -> list[StepRow]:
        made = []
        for uid, step in tuple(self.desk.performed.steps.items())[-MAX_SHOWN:]:
            row = self.desk.row_of_step(step)
            said = () if row is None else (row["AccessionNumber"], row["RequestedProcedureDescription"])
            known = "none" if row is None else " ".join(filter(None, said))
            made.append(self._same_or(uid, step, known, partial(self._row, step, known or "yes")))
        return made

    def _row(self, step: PerformedStep, known: str) -> StepRow:
        uid, dataset = step.sop_instance_uid, step.dataset
        cells = _cells(
            self.desk.changed_at(uid), step.status, text_of(dataset, "PatientName"), known,
            text_of(dataset, "Modality"), text_of(dataset, "PerformedStationAETitle"),
            step.facts.calling_ae_title.strip(),
        )  # fmt: skip
        return StepRow(uid, step.status, cells, lambda: dataset)


class UpsPage(JudgedStepsPage):
    """Unified procedure steps."""

    service = Provided.UPS

    def __init__(self, place: Workplace, desk: AnswerDesk) -> None:
        text = "Steps that are pushed, claimed, watched and completed are listed here by their state."
        empty = EmptyState("jobs", "No unified procedure step has come", f"{SWITCH.format('UPS')} {text}")
        titles = ("Time", "State", "Label", "Patient", "Pushed by", "Claimed by", "Watched by")
        states = ("SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED")
        super().__init__("answers_ups", "Unified procedure steps", place, desk, titles, states, empty)
        self.clear_button.setText(" Clear ended")
        self.clear_button.setToolTip("Forget what has ended and no watcher has locked")
        for number, width in ((3, 140), (4, 100), (5, 100), (6, 110)):
            self.table.setColumnWidth(number, width)

    def show_settings(self, settings: AnswerSettings) -> None:
        self.is_strict.setChecked(settings.ups_is_strict)

    def over(self, settings: AnswerSettings) -> AnswerSettings:
        return replace(settings, ups_is_strict=self.is_strict.isChecked())

    @property
    def count(self) -> int:
        return len(self.desk.procedures.steps)

    def rows(self) -> list[StepRow]:
        made = []
        for uid, step in tuple(self.desk.procedures.steps.items())[-MAX_SHOWN:]:
            beside = (self.desk.entry_of(step), ", ".join(self.desk.procedures.subscribers(uid)))
            made.append(self._same_or(uid, step, beside, partial(self._row, step, *beside)))
        return made

    def _row(self, step: ProcedureStep, entry: StepEntry, watchers: str) -> StepRow:
        uid, dataset = step.sop_instance_uid, step.dataset
        cells = _cells(
            self.desk.changed_at(uid), step.state, text_of(dataset, "ProcedureStepLabel"),
            text_of(dataset, "PatientName"), entry.pushed_by, entry.claimed_by, watchers,
        )  # fmt: skip
        return StepRow(uid, step.state, cells, lambda: dataset)
