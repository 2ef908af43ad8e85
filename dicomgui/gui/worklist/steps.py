"""Below a worklist: begin the step that is selected, and every step that was begun, with how it stands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.nservices.mpps import (
    PerformedSteps,
    Step,
    StepState,
    begin_remarks,
    begin_texts,
    begun,
    end_remarks,
    end_texts,
    ended,
    first_series,
    study_of,
)
from dicomgui.app.nservices.performed_series import rows_of_archive
from dicomgui.app.nservices.requests import NOperation, NRequest, NResult
from dicomgui.app.operations import JobKind, JobState
from dicomgui.app.recipes.recipe import Recipe, Verb
from dicomgui.gui.asking.rows import Row, Source
from dicomgui.gui.panels.panel import Workplace
from dicomgui.gui.running.tasks import PanelTasks
from dicomgui.gui.tables.list_table import ListTable
from dicomgui.gui.tables.pills import PillDelegate
from dicomgui.gui.tables.text_table import Cell, TextTable
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.flow import FlowRow, reveal
from dicomgui.gui.widgets.text import ElidedLabel, error_text
from dicomgui.gui.worklist.series import SeriesTable
from dicomgui.gui.worklist.step_dialog import BEGIN_FIELDS, END_FIELDS, StepDialog, StepQuestion
from dicomgui.network.association.params import PeerAddress
from dicomgui.network.errors import ConfigurationError, DicomNetworkError, RemoteProtocolError
from dicomgui.network.service_classes import mpps
from dicomgui.network.service_classes.attributes import Code, new_uid, text_of
from dicomgui.network.status import Service
from dicomgui.storage import StorageError
from dicomgui.storage.contents import contents_of_study
from dicomgui.trace.finding import plain

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["StepsArea"]

_TITLES: Final = ("Patient", "Step ID", "Modality", "State", "Told", "Answer")
_STATE: Final = 3
_ROWS_SEEN: Final = 3
_PREVIEWED: Final = 20
"""Images of each series that are shown before they are sent; all of them are sent."""
_LOOKS: Final = {
    StepState.NOT_BEGUN: ("error", "error"), StepState.IN_PROGRESS: ("play", "accent"),
    StepState.COMPLETED: ("good", "good"), StepState.DISCONTINUED: ("stop", "warning"),
}  # fmt: skip


class StepsArea(QWidget):
    """Tells peers about steps. Who shows a worklist calls :meth:`show_item` with what is selected."""

    trace_wanted = Signal(int)
    """The user wants to see this association in the trace."""
    answered = Signal(object)
    """A request has ended with this :class:`~dicomgui.app.nservices.requests.NResult`."""

    def __init__(self, place: Workplace, tasks: PanelTasks) -> None:
        super().__init__()
        self.setObjectName("worklist_steps_area")
        self._place = place
        self._tasks = tasks
        self._row: Row | None = None
        self._busy: set[str] = set()
        self.performed = PerformedSteps(place.context)
        self.model = TextTable(_TITLES, parent=self)
        self._make_widgets()
        self._place_widgets()
        self._connect()
        self.show_steps()

    def _make_widgets(self) -> None:
        tip = "Tell that the selected step is in progress: MPPS, N-CREATE (Ctrl+B)"
        self.begin_button = push_button("worklist_begin", "&Begin step …", "play", primary=True, tip=tip)
        self.begin_button.setShortcut("Ctrl+B")
        self.complete_button = push_button("worklist_complete", "&Complete …", "good", tip="MPPS, N-SET: COMPLETED")
        tip = "MPPS, N-SET: DISCONTINUED, with a reason"
        self.discontinue_button = push_button("worklist_discontinue", "&Discontinue …", "stop", tip=tip)
        tip = "Send the N-CREATE of a step that the peer has not confirmed once more"
        self.again_button = push_button("worklist_again", "Send a&gain", "undo", tip=tip)
        self.trace_button = push_button("worklist_step_trace", "Trace", "trace", tip="The last request of this step")
        self.trace_button.setAccessibleName("Show the step's last request in the trace")
        self.result = ElidedLabel(tone="muted")
        self.result.setObjectName("worklist_step_result")
        self.table = ListTable("worklist_steps", "Steps that were begun here")
        self.table.setModel(self.model)
        self.table.set_widths({0: 150, 1: 88, 2: 82, 3: 132, 4: 130}, stretch=5)
        self.table.setItemDelegateForColumn(_STATE, PillDelegate(self.table))
        self.table.setFixedHeight((_ROWS_SEEN + 1) * (self.table.fontMetrics().height() + 9) + 4)

    def _place_widgets(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        row = FlowRow()
        row.add(self.begin_button)
        for button in (self.complete_button, self.discontinue_button, self.again_button):
            row.add(button)
        row.add(self.trace_button)
        column.addLayout(row)
        column.addWidget(self.result)
        column.addWidget(self.table)

    def _connect(self) -> None:
        self.begin_button.clicked.connect(self.ask_begin)
        self.complete_button.clicked.connect(partial(self.ask_end, False))
        self.discontinue_button.clicked.connect(partial(self.ask_end, True))
        self.again_button.clicked.connect(self._on_again_clicked)
        self.trace_button.clicked.connect(self._on_trace_clicked)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._show_buttons())

    # -------------------------------------------------------------------------------------------------------- the lists

    def show_item(self, row: Row | None) -> None:
        """This item of a worklist is selected; ``None`` where it is not a single one."""
        self._row = row
        self._show_buttons()

    def _selected_item(self) -> tuple[Dataset, Source] | None:
        """The item that is selected, decoded, and where it came from.

        :raises RemoteProtocolError: it cannot be read.
        """
        read = self._row.read if self._row is not None else None
        return (read.dataset(), self._row.source) if self._row is not None and read is not None else None

    def _uids(self) -> list[str]:
        """All steps, the newest first."""
        return list(self.performed.steps)[::-1]

    @property
    def selected(self) -> str:
        """The step that is selected; an empty string for none."""
        uids = self._uids()
        rows = self.table.selectionModel().selectedRows()
        if rows and rows[0].row() < len(uids):
            return uids[rows[0].row()]
        return ""

    def show_steps(self, uid: str = "") -> None:
        """Show how all stand, the newest first.

        :param uid: to be selected; by default what was.
        """
        wanted = uid or self.selected
        uids = self._uids()
        self.model.show_rows([self._cells(one) for one in uids])
        self.table.setVisible(bool(uids))
        if wanted in uids:
            self.table.selectRow(uids.index(wanted))
        self._show_buttons()

    def _cells(self, uid: str) -> tuple[Cell, ...]:
        step = self.performed.steps[uid]
        icon, tone = _LOOKS[step.state]
        state = step.state.value
        if uid in self._busy:
            icon, tone, state = "busy", "accent", "asking …"
        name = " ".join(text_of(step.dataset, "PatientName").replace("^", " ").split())
        answer = _answer_text(step.last) if step.last is not None else ""
        return (
            Cell(plain(name, 120)), Cell(plain(text_of(step.dataset, "PerformedProcedureStepID"), 40)),
            Cell(plain(text_of(step.dataset, "Modality"), 20)), Cell(state, tone, icon, tip=step.sop_instance_uid),
            Cell(plain(str(step.peer), 100)), Cell(plain(answer, 300)),
        )  # fmt: skip

    def _show_buttons(self) -> None:
        step = self.performed.steps.get(self.selected)
        is_free = step is not None and self.selected not in self._busy
        self.begin_button.setEnabled(self._row is not None)
        for button in (self.complete_button, self.discontinue_button):
            button.setVisible(step is not None and step.state is not StepState.NOT_BEGUN)
            button.setEnabled(is_free and step is not None and step.state is StepState.IN_PROGRESS)
        self.again_button.setVisible(step is not None and step.state is StepState.NOT_BEGUN)
        self.again_button.setEnabled(is_free)
        self.trace_button.setVisible(step is not None)
        last = step.last if step is not None else None
        self.trace_button.setEnabled(last is not None and bool(last.association))
        self._say(_answer_text(last) if last is not None else "", "good" if last is not None and last.ok else "error")

    # --------------------------------------------------------------------------------------------------------- requests

    def _targets(self, source: Source) -> list[tuple[str, PeerAddress, ConnectionOptions]]:
        """Whom a step can be told: where its item came from, and all saved nodes."""
        usual = self._place.config.settings.connection_options()
        others = [(f"{node.name} ({node.address})", node.address, node.options(usual))
                  for node in self._place.config.nodes.nodes if node.address != source.peer]  # fmt: skip
        return [(f"{source.name} ({source.peer}), where it came from", source.peer, source.options), *others]

    def _fail(self, error: DicomNetworkError) -> None:
        self._say(error_text(error), "error")

    def _say(self, text: str, tone: str) -> None:
        self.result.set_tone(tone)
        self.result.setText(plain(text, 400))
        self.result.setVisible(bool(text))

    def ask_begin(self) -> None:
        """Ask what to tell about the selected item's begin."""
        try:
            selected = self._selected_item()
        except RemoteProtocolError as error:
            self._fail(error)
            return
        if selected is None:
            return
        item, source = selected
        station = str(source.options.calling_ae)
        targets = self._targets(source)
        dialog = StepDialog(
            StepQuestion(
                "Begin step", "N-CREATE tells that the step is in progress (PS3.4 F.7.2). It is filled in from the "
                "worklist; change what is different.", "&Begin", BEGIN_FIELDS, begin_texts(item, station_ae=station),
                lambda texts, _reason: begun(item, texts), begin_remarks, targets=[name for name, _, _ in targets],
            ),
            self,
        )  # fmt: skip
        dialog.chosen.connect(lambda texts, _reason, place: self._begin(begun(item, texts), *targets[place][1:]))
        _open(dialog)

    def ask_end(self, is_discontinued: bool, _checked: bool = False) -> None:
        """Ask what to tell about the end of the selected step."""
        uid = self.selected
        step = self.performed.steps.get(uid)
        if step is None:
            return
        word = "Discontinue" if is_discontinued else "Complete"
        table = SeriesTable(first_series(step))
        modality = text_of(step.dataset, "Modality")

        def make(texts: Mapping[str, str], reason: Code | None, most: int | None = _PREVIEWED) -> Dataset:
            return ended(texts, table.typed, reason, taken=table.taken, modality=modality, most=most)

        dialog = StepDialog(
            StepQuestion(
                f"{word} step", f"N-SET tells {step.peer} that the step is over; after that it may no longer be "
                "changed. It names one series at least, which may be without images.", f"&{word}", END_FIELDS,
                end_texts(), make, end_remarks, asks_why=is_discontinued, series=table,
            ),
            self,
        )  # fmt: skip
        table.archive_wanted.connect(lambda: self._tasks.spawn(self._take(table, step), name="series of the archive"))

        def send(texts: Mapping[str, str], reason: Code | None, _place: int) -> None:
            rows, taken = table.typed, table.taken
            self._end(uid, lambda: ended(texts, rows, reason, taken=taken, modality=modality))

        dialog.chosen.connect(send)
        _open(dialog)

    async def _take(self, table: SeriesTable, step: Step) -> None:
        """Fill in the series that the archive has of the step's study."""
        protocol, study = first_series(step)["ProtocolName"], study_of(step)
        try:
            async with self._place.archive.opened() as archive:
                await archive.settle()
                found = await archive.in_thread(lambda: contents_of_study(archive.index, study))
        except StorageError as error:
            found, problem = [], str(error)
        else:
            problem = ""
        with suppress(RuntimeError):  # the dialog was closed meanwhile
            table.take(*rows_of_archive(found, protocol))
            if problem:
                table.say(problem)

    def _begin(self, dataset: Dataset, peer: PeerAddress, options: ConnectionOptions) -> None:
        uid = self.performed.plan(peer, options, dataset)
        self._send(uid, self.performed.begin_request(uid))
        reveal(self.table)

    def _end(self, uid: str, make: Callable[[], Dataset]) -> None:
        """End a step; what is sent may name very many images, and is made in a thread."""
        if uid in self.performed.steps:
            self._tasks.spawn(self._made(uid, make), name="make the end of a step")

    async def _made(self, uid: str, make: Callable[[], Dataset]) -> None:
        dataset = await asyncio.get_running_loop().run_in_executor(self._place.context.file_pool, make)
        if uid in self.performed.steps:
            self._send(uid, self.performed.end_request(uid, dataset))

    def _on_again_clicked(self) -> None:
        uid = self.selected
        if uid:
            self._send(uid, self.performed.begin_request(uid))

    def _send(self, uid: str, request: NRequest) -> None:
        if uid in self._busy or uid not in self.performed.steps:
            return
        self._busy.add(uid)
        self.show_steps(uid)
        self._tasks.spawn(self._tell(uid, request), name="tell about a step").add_done_callback(self._on_told)

    def _on_told(self, task: asyncio.Task[NResult | ConfigurationError | None]) -> None:
        result = None if task.cancelled() else task.result()
        if isinstance(result, ConfigurationError):
            self._fail(result)
        elif result is not None:
            self.answered.emit(result)

    async def _tell(self, uid: str, request: NRequest) -> NResult | ConfigurationError:
        step = self.performed.steps[uid]
        title = _title(request)
        recipe = Recipe(Verb.NORMALIZED, step.peer, step.options, request=request)
        retry = partial(self._send, uid, request)
        try:
            with self._place.start_job(JobKind.STEP, title, peer=str(step.peer), recipe=recipe, retry=retry) as job:
                options = await self._place.secrets.complete(step.options, step.peer)
                try:
                    result = await self.performed.send(uid, request, options, on_association=job.add_association)
                except ConfigurationError as error:
                    job.finish(JobState.FAILED, text=error_text(error))
                    return error
                finding = result.findings[0] if result.findings else None
                job.finish(JobState.DONE if result.ok else JobState.FAILED, text=_answer_text(result), finding=finding)
        finally:
            self._busy.discard(uid)
            self.show_steps()
        return result

    def recipes(self) -> Sequence[tuple[str, Recipe]]:
        """The begin of the selected item, to be copied as a command; none where none is selected."""
        try:
            selected = self._selected_item()
        except RemoteProtocolError:
            return ()
        if selected is None:
            return ()
        item, source = selected
        dataset = begun(item, begin_texts(item, station_ae=str(source.options.calling_ae)))
        request = NRequest(NOperation.CREATE, mpps.SOP_CLASS, new_uid(), dataset)
        return [("Begin the selected step", Recipe(Verb.NORMALIZED, source.peer, source.options, request=request))]

    def _on_trace_clicked(self) -> None:
        step: Step | None = self.performed.steps.get(self.selected)
        if step is not None and step.last is not None:
            self.trace_wanted.emit(step.last.association)


def _open(dialog: StepDialog) -> None:
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()
    dialog.fields.setFocus()


def _title(request: NRequest) -> str:
    if request.operation is NOperation.CREATE:
        return "Begin a step"
    told = "" if request.dataset is None else text_of(request.dataset, "PerformedProcedureStepStatus")
    return "Discontinue a step" if told == "DISCONTINUED" else "Complete a step"


def _answer_text(result: NResult) -> str:
    """What became of a request, in one line."""
    if result.error is not None:
        return error_text(result.error)
    if result.status is None:
        return "no answer"
    text = f"0x{int(result.status):04X} {result.status.meaning(Service.MPPS)}"
    return f"{text} · “{result.comment}”" if result.comment else text
