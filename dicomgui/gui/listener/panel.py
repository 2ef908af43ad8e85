"""Receive: our own storage and verification provider, switched on and off, and what came in."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QModelIndex
from PySide6.QtWidgets import QButtonGroup, QCheckBox, QLineEdit

from dicomgui.app.configuration.provided import pattern_of
from dicomgui.app.evidence import Evidence
from dicomgui.app.explaining import facts_of_port
from dicomgui.app.listening.desk import AnswerDesk
from dicomgui.app.listening.listener import AssociationBegan, Listener, ListenerEvent, ListenerOptions, ReceivedInstance
from dicomgui.app.operations import JobHandle, JobKind, JobState
from dicomgui.gui.listener.archive_count import ArchiveCount
from dicomgui.gui.listener.counted_view import CountedView
from dicomgui.gui.listener.destinations import saved_destinations
from dicomgui.gui.listener.fields import ListenerFields
from dicomgui.gui.listener.open_model import OpenColumn, OpenModel
from dicomgui.gui.listener.rates import RateMeter
from dicomgui.gui.listener.received_model import ReceivedColumn, ReceivedModel
from dicomgui.gui.listener.refused_model import RefusedColumn, RefusedModel
from dicomgui.gui.listener.sharing import ListenerSharing, title_of
from dicomgui.gui.panels.explaining import explain_in
from dicomgui.gui.panels.panel import Panel, Workplace
from dicomgui.gui.peers.fields import AETitleEdit, PortEdit, parse_port
from dicomgui.gui.tables.list_table import uid_table
from dicomgui.gui.widgets.buttons import Choice, push_button
from dicomgui.gui.widgets.cards import Card, EmptyState, Glyph
from dicomgui.gui.widgets.dialogs import Ask, ask_paths
from dicomgui.gui.widgets.finding_area import FindingArea
from dicomgui.gui.widgets.flow import FlowRow, Pages, labelled, together
from dicomgui.gui.widgets.text import ElidedLabel, PlainLabel, count_text, size_text
from dicomgui.network.errors import ConfigurationError, ListenError
from dicomgui.network.tracing import Scribe, failed_by
from dicomgui.storage.errors import StorageError
from dicomgui.trace.finding import Action, ActionKind, Finding, group_findings, plain

__all__ = ["ListenerPanel"]

_EMPTY = (
    "Press Start, then have another system send to the AE title and port above. “This computer only” keeps the network "
    "out; choose “every network” to receive from other computers."
)
_OPEN_TO_ALL = "Every computer that reaches this one can connect and store files here."
LOCAL_HOST = "127.0.0.1"
EVERY_HOST = ".".join(["0"] * 4)
MIN_LIST_HEIGHT = 170
REFRESH_S = 0.25
"""How often rates and open associations are shown anew."""

JOB_ASSOCIATIONS = 256
"""So many associations are noted with the job of the listener; all are in the trace."""


class ListenerPanel(Panel):
    """Where to listen and where to store, the switch, and what came."""

    def __init__(self, place: Workplace) -> None:
        text = "Stores what is sent, byte for byte, and answers queries and retrievals from the archive."
        super().__init__("listener", "Listener", text, place)
        self.model = ReceivedModel(self)
        self.open_model = OpenModel(self)
        self.refused_model = RefusedModel(self)
        self.listener: Listener | None = None
        self.desk: AnswerDesk | None = None  # what answers for worklist, MPPS and so on, if there is one
        self._task: asyncio.Task[None] | None = None
        self._job: JobHandle | None = None
        self._noted = 0
        self._rates = RateMeter()
        self._refreshed = 0.0
        self._follows = True
        self._filling = False
        self._missed = 0
        self._make_fields()
        self._make_widgets()
        self._make_views()
        self._place()
        self._show_state()
        place.pump.add(self._drain)

    # ----------------------------------------------------------------------------------------------------------- making

    def _make_fields(self) -> None:
        self.title_edit = AETitleEdit("listener_ae_title", "Our AE title")
        self.title_edit.setText("DICOMGUI")
        self.host = Choice("listener_host", "Reachable from")
        for text, host in (("this computer only", LOCAL_HOST), ("every network", EVERY_HOST)):
            self.host.addItem(text, host)
        self.host.currentIndexChanged.connect(self._show_reach)
        self.port = PortEdit("listener_port", "Port")
        self.port.setText("11112")
        self.folder = QLineEdit(str(Path.home() / "DICOM received"))
        self.folder.setObjectName("listener_folder")
        self.folder.setAccessibleName("Folder")
        self.browse_button = push_button("listener_browse", "&Choose …", "folder", tip="Choose the folder")
        self.browse_button.clicked.connect(self._on_browse_clicked)
        self.fsync = QCheckBox("&Safe on disk before the answer")
        self.fsync.setObjectName("listener_fsync")
        self.fsync.setAccessibleName("Safe on disk before the answer")
        self.fsync.setToolTip("Slower, but what was acknowledged survives a power failure")
        self.fsync.setChecked(True)
        self.reach = PlainLabel(_OPEN_TO_ALL, tone="warning", scale=0.9, wrap=True)
        self.reach.setObjectName("listener_reach")
        self.reach.hide()
        self.more = ListenerFields()
        self.more.submitted.connect(self.run)
        for edit in (self.title_edit, self.port, self.folder):
            edit.returnPressed.connect(self.run)
        self.inputs = (self.title_edit, self.host, self.port, self.folder, self.browse_button, self.fsync)

    def _make_widgets(self) -> None:
        self.start_button = push_button("listener_start", "St&art", "play", primary=True, tip="Start to listen (F5)")
        self.stop_button = push_button("listener_stop", "Sto&p", "stop", tip="Stop listening (Esc)")
        self.clear_button = push_button("listener_clear", "C&lear list", "clear", tip="The files stay")
        tip = "End the selected association at once by A-ABORT"
        self.abort_button = push_button("listener_abort", "A&bort", "cancel", tip=tip)
        self.allow_button = push_button("listener_allow", "Allow", "good", tip="Let the caller of the row in")
        tip = "Every PDU of the association of the selected row"
        self.trace_button = push_button("listener_show_trace", "Show in trace", "trace", tip=tip)
        self.new_rows = push_button("listener_new_rows", "", "down", tip="Go to the newest row")
        self.new_rows.setAccessibleName("New rows")
        self.new_rows.hide()
        for button, slot in (
            (self.start_button, self.run), (self.stop_button, self.stop), (self.clear_button, self._on_clear_clicked),
            (self.abort_button, self._on_abort_clicked), (self.trace_button, self._on_trace_clicked),
            (self.new_rows, self._on_new_rows_clicked), (self.allow_button, self._on_allow_clicked),
        ):  # fmt: skip
            button.clicked.connect(slot)
        tip = "Worklist, MPPS, commitment, print, UPS: what others are answered (Ctrl+Shift+A)"
        self.answers_button = push_button("listener_answers", "Ans&wers …", "edit", tip=tip)
        self.answers_button.clicked.connect(lambda: self.panel_wanted.emit("answers"))
        self.state_glyph = Glyph("", "muted", 16)
        self.state = ElidedLabel()
        self.state.setObjectName("listener_state")
        self.counts = ElidedLabel(tone="muted")
        self.counts.setObjectName("listener_counts")
        self.archive_count = ArchiveCount("listener_archive", self.place.archive, self.tasks)
        self.findings = FindingArea("listener_findings")
        explain_in(self, self.findings.list, {ActionKind.NEXT_PORT: self._use_port})

    def _make_views(self) -> None:
        self.table = uid_table("listener_table", "What was received", self.model)
        self.table.set_widths(
            {ReceivedColumn.TIME: 80, ReceivedColumn.FROM: 210, ReceivedColumn.WHAT: 190,
             ReceivedColumn.INSTANCE: 260, ReceivedColumn.SIZE: 80}, stretch=ReceivedColumn.OUTCOME,
        )  # fmt: skip
        self.table.activated.connect(self._on_received_activated)
        self.open_table = uid_table("listener_open_table", "Associations now open", self.open_model)
        self.open_table.set_widths(
            {OpenColumn.NUMBER: 56, OpenColumn.PEER: 170, OpenColumn.CALLING: 150, OpenColumn.CALLED: 150,
             OpenColumn.SINCE: 84, OpenColumn.AGE: 72, OpenColumn.INSTANCES: 96, OpenColumn.SIZE: 92},
            stretch=OpenColumn.PROGRAM,
        )  # fmt: skip
        self.refused_table = uid_table("listener_refused_table", "What was refused, and why", self.refused_model)
        self.refused_table.set_widths(
            {RefusedColumn.TIME: 80, RefusedColumn.FROM: 210, RefusedColumn.WHAT: 230}, stretch=RefusedColumn.WHY
        )
        nobody = EmptyState("listener", "No association is open", "Who is connected is listed here, with what came.")
        nothing = EmptyState("good", "Nothing was refused", "Refused connections, associations and instances are "
                             "listed here, with the reason.")  # fmt: skip
        empty = EmptyState("listener", "Nothing received yet", _EMPTY)
        self.views = (
            CountedView("received", "Recei&ved", self.table, empty, "Everything that came, in order"),
            CountedView("open", "Open &now", self.open_table, nobody, "Associations that stand now"),
            CountedView("refused", "Ref&used", self.refused_table, nothing, "What was refused or failed, and why"),
        )
        self._pages = Pages("listener_pages", MIN_LIST_HEIGHT)
        self._group = QButtonGroup(self)
        for number, view in enumerate(self.views):
            self._pages.addWidget(view)
            self._group.addButton(view.button, number)
            view.table.selectionModel().selectionChanged.connect(self._show_buttons)
        self.views[0].button.setChecked(True)
        self._group.idClicked.connect(self._on_view_chosen)
        self.table.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        self.table.verticalScrollBar().rangeChanged.connect(self._on_range_changed)

    def _place(self) -> None:
        card = Card()
        card.column.addLayout(self._fields())
        card.column.addWidget(self.reach)
        self.sharing = ListenerSharing(self.tasks, self.place.context.file_pool, lambda: self.listener, self._options)
        self.sharing.add(self.archive_count, 1, width=240)
        card.column.addLayout(self.sharing)
        row = FlowRow()
        row.add(self.start_button)
        row.add(self.stop_button)
        row.add(self.state_glyph)
        row.add(self.state, 1, width=200)
        row.add(together(self.fsync, self.answers_button))
        card.column.addLayout(row)
        card.column.addWidget(self.more)
        self.column.addWidget(card)
        self.column.addWidget(self.findings)
        tools = FlowRow(6)
        for view in self.views:
            tools.add(view.button)
        tools.add_stretch()
        for button in (self.new_rows, self.allow_button, self.abort_button, self.trace_button, self.clear_button):
            tools.add(button)
        self.column.addLayout(tools)
        self.column.addWidget(self._pages, 1)
        self.column.addWidget(self.counts)

    def _fields(self) -> FlowRow:
        row = FlowRow(12)
        for field, text, stretch, width in (
            (self.title_edit, "&Our AE", 3, 130), (self.host, "Reachable f&rom", 2, 0), (self.port, "Por&t", 0, 0),
        ):  # fmt: skip
            row.add(labelled(text, field), stretch, width=width)
        row.add(labelled("&Folder", self.folder, self.browse_button), 9, width=330)
        return row

    # ------------------------------------------------------------------------------------------------------- the switch

    @property
    def is_running(self) -> bool:
        """Whether it listens."""
        return self.listener is not None and self.listener.is_running

    def take_focus(self) -> None:
        (self.stop_button if self.is_running else self.start_button).setFocus()

    def run(self) -> None:
        """Start to listen."""
        if self._task is None and not self.is_running:
            self._task = self.tasks.spawn(self._start(), name="start")
            self._show_state()

    def cancel(self) -> None:
        """Esc: nothing here; the listener runs until it is stopped by its button."""

    def stop(self) -> None:
        """Stop listening and end every association."""
        if self._task is None and self.is_running:
            self._task = self.tasks.spawn(self._stop(), name="stop")
            self._show_state()

    def _options(self) -> ListenerOptions:
        settings = self.place.config.settings
        listener = replace(
            self.more.over(settings.listener),
            host=self.host.currentData(),
            port=parse_port(self.port.text()),
            ae_title=self.title_edit.text(),
            fsync=self.fsync.isChecked(),
        )
        return settings.listener_options(Path(self.folder.text()).expanduser(), listener)

    async def _profiled(self, options: ListenerOptions) -> ListenerOptions:
        """``options`` with the negotiation profile that the fields name, read now."""
        file = self.more.association.negotiation()
        if file is None:
            return options
        pool = self.place.context.file_pool
        profile = await asyncio.get_running_loop().run_in_executor(pool, file.load)
        return replace(options, negotiation=profile)

    async def _start(self) -> None:
        evidence = Evidence(self.place.context.tracer)
        self.findings.show_findings(())
        job = self._job = self.place.start_job(JobKind.LISTEN, "Start the listener", cancel=self.stop)
        self._noted = 0
        try:
            options = await self.place.secrets.complete_listener(await self._profiled(self._options()), self.more.users)
            shared = self.place.archive.archive
            own = shared if shared.folder == options.folder else None
            listener = Listener(self.place.context, options, archive=own, desk=self.desk)
            listener.find = saved_destinations(self.place.config)
            await listener.start()
            self.listener = listener
            job.update(title=f"Listen on {title_of(listener)}")
        except (ConfigurationError, ListenError) as error:
            pool, port = self.place.context.file_pool, self._wanted_port()
            facts = await asyncio.get_running_loop().run_in_executor(pool, facts_of_port, port)
            self._show_failure(job, evidence.findings(error, facts))
        except StorageError as error:
            Scribe(evidence, 0).file(failed_by(error.code), error.path, 0, str(error))
            self._show_failure(job, evidence.findings(error))
        except BaseException:
            job.finish(JobState.CANCELLED, text="cancelled")
            raise
        finally:
            self._task = None
            self._show_state()
            self._move_focus()

    def _on_received_activated(self, index: QModelIndex) -> None:
        """A double click or Enter on an instance shows it."""
        event = self.model.event_at(index.row())
        if isinstance(event, ReceivedInstance):
            self.view_wanted.emit(event.path)

    def _wanted_port(self) -> int:
        text = self.port.text()
        return int(text) if text.isascii() and text.isdigit() else 0

    def _use_port(self, action: Action) -> None:
        """Listen on the port that a finding offers."""
        self.port.setText(action.value)
        self.run()

    def _show_failure(self, job: JobHandle, findings: tuple[Finding, ...]) -> None:
        shown = group_findings(findings)
        self.findings.show_findings(shown)
        job.finish(JobState.FAILED, finding=shown[0] if shown else None)

    async def _stop(self) -> None:
        try:
            if self.listener is not None:
                await self.listener.stop()
        finally:
            self._task = None
            self._drain(at_once=True)
            self._finish_job()
            self._show_state()
            self._move_focus()

    def _finish_job(self) -> None:
        if self._job is not None and self.listener is not None:
            self._job.finish(text=f"stopped; {count_text(self.listener.counts.stored, 'instance')} stored")

    def _move_focus(self) -> None:
        """The button that was pressed cannot be pressed again: its counterpart is next."""
        focused = self.focusWidget()
        if self.isVisible() and (focused is None or not focused.isEnabled()):
            self.take_focus()

    async def shut_down(self) -> None:
        await super().shut_down()
        if self.listener is not None:
            await self.listener.stop()
            self._finish_job()

    # ---------------------------------------------------------------------------------------------------------- showing

    def _drain(self, *, at_once: bool = False) -> None:
        """What has happened since the last tick."""
        if self.isVisible():
            self.archive_count.drain()
        listener = self.listener
        if listener is None:
            return
        events = listener.drain()
        if events:
            self._show_events(events)
        now = time.monotonic()
        if events or at_once or now - self._refreshed >= REFRESH_S:
            self._refreshed = now
            self.open_model.show_open(listener.open_associations)
            self.views[1].show_count(self.open_model.rowCount())
            self._show_counts(listener, now)
            self._show_buttons()

    def _show_events(self, events: list[ListenerEvent]) -> None:
        self._filling = True
        count = self.model.add(events)
        if count and self._follows:
            self.table.scrollToBottom()
        elif count:
            self._missed += count
            self.new_rows.setText(f"{self._missed:,} new")
            self.new_rows.setVisible(self._pages.currentIndex() == 0)
        self._filling = False
        self.refused_model.add(events)
        self.views[0].show_count(self.model.rowCount())
        self.views[2].show_count(self.refused_model.rowCount())
        if self._job is not None and self._noted < JOB_ASSOCIATIONS:
            for event in events:
                if isinstance(event, AssociationBegan):
                    self._noted += 1
                    self._job.add_association(event.facts.association)

    def _show_counts(self, listener: Listener, now: float) -> None:
        counts = listener.counts
        through = counts.stored + counts.duplicates + counts.discarded
        per_second, bytes_per_second = self._rates.sample(now, through, listener.bytes_received)
        if self._job is not None:
            self._job.update(files_done=through, bytes_done=listener.bytes_received)
        parts = [f"{count_text(counts.stored, 'instance')} stored", size_text(counts.size_bytes)]
        if per_second or bytes_per_second:
            parts += [f"{per_second:,.1f} instances/s", f"{size_text(bytes_per_second)}/s"]
        parts += [f"{count:,} {word}" for count, word in (
            (counts.discarded, "not kept"),
            (counts.duplicates, "there already"), (counts.failed, "not stored"), (counts.refused, "refused"),
        ) if count]  # fmt: skip
        parts.append(f"{count_text(len(listener.associations), 'association')} open")
        text = " · ".join(parts)
        if self.counts.text() != text:
            self.counts.setText(text)

    def _show_state(self) -> None:
        running, busy = self.is_running, self._task is not None
        for widget in self.inputs:
            widget.setEnabled(not running and not busy)
        self.more.set_read_only(running or busy)
        self.start_button.setEnabled(not running and not busy)
        self.stop_button.setEnabled(running and not busy)
        if running and self.listener is not None:
            self.state_glyph.show_state("good", "good")
            self.state.setText(plain(f"Listening on {title_of(self.listener)}"))
        else:
            self.state_glyph.show_state("", "muted")
            self.state.setText("Stopping …" if running and busy else "Starting …" if busy else "Not listening")
        self.state.set_tone("good" if running and not busy else "muted")
        self._show_buttons()

    def _show_reach(self) -> None:
        self.reach.setVisible(self.host.currentData() != LOCAL_HOST)

    def _show_buttons(self) -> None:
        number = self._pages.currentIndex()
        self.abort_button.setVisible(number == 1)
        caller = self._refused_caller() if number == 2 else ""
        self.allow_button.setVisible(number == 2)
        self.allow_button.setEnabled(bool(caller))
        self.allow_button.setText(plain(f" Allow {caller}").rstrip())
        self.clear_button.setVisible(number != 1)
        self.abort_button.setEnabled(self.views[1].row >= 0)
        self.clear_button.setEnabled(self._list().rowCount() > 0)
        self.trace_button.setEnabled(bool(self._selected_association()))
        self.new_rows.setVisible(number == 0 and self._missed > 0)

    def _list(self) -> ReceivedModel | OpenModel | RefusedModel:
        return (self.model, self.open_model, self.refused_model)[self._pages.currentIndex()]

    def _selected_association(self) -> int:
        return self._list().association_at(self.views[self._pages.currentIndex()].row)

    @property
    def status_text(self) -> str:
        """For the status bar."""
        return self.state.text()

    # ------------------------------------------------------------------------------------------------------------ slots

    def _on_browse_clicked(self) -> None:
        self.tasks.spawn(self._browse(), name="ask for the folder")

    async def _browse(self) -> None:
        paths = await ask_paths(self, Ask.FOLDER, "Folder for received instances", start=Path(self.folder.text()))
        if paths:
            self.folder.setText(str(paths[0]))

    def _on_view_chosen(self, number: int) -> None:
        self._pages.setCurrentIndex(number)
        self._show_buttons()

    def _on_scrolled(self, value: int) -> None:
        """Who scrolls up reads, and is not carried away by what comes; the end of the list goes on with it."""
        if self._filling:
            return
        self._follows = value >= self.table.verticalScrollBar().maximum()
        if self._follows and self._missed:
            self._missed = 0
            self._show_buttons()

    def _on_range_changed(self, _low: int, high: int) -> None:
        """The list has become longer, or smaller: who was at its end stays there."""
        if self._follows:
            self.table.verticalScrollBar().setValue(high)

    def _on_new_rows_clicked(self) -> None:
        self.table.scrollToBottom()
        self._follows, self._missed = True, 0
        self._show_buttons()
        self.table.setFocus()

    def _on_clear_clicked(self) -> None:
        model = self._list()
        if not isinstance(model, OpenModel):
            model.clear()
            self.views[self._pages.currentIndex()].show_count(0)
        if model is self.model:
            self._follows, self._missed = True, 0
        self._show_buttons()

    def _on_abort_clicked(self) -> None:
        if self.listener is not None:
            self.listener.abort(self.open_model.association_at(self.views[1].row))

    def _refused_caller(self) -> str:
        """The caller of the selected row, if it was refused because of its AE title and still would be."""
        caller = self.refused_model.caller_at(self.views[2].row)
        allowed = self.listener.options.calling_ae_titles if self.listener is not None else ()
        return "" if pattern_of(caller.strip()) in allowed else caller

    def _on_allow_clicked(self) -> None:
        caller = self._refused_caller()
        if caller and self.listener is not None:
            self.listener.allow(caller)
            self.more.services.allow(caller)
            self.refused_table.setFocus()
            self._show_buttons()

    def _on_trace_clicked(self) -> None:
        self.trace_wanted.emit(self._selected_association())
