"""The page of media creation: where media are written, and the requests that came."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QModelIndex, Signal

from dicomgui.app.configuration.provided import Provided
from dicomgui.app.listening.answers import AnswerSettings
from dicomgui.app.listening.desk import AnswerDesk
from dicomgui.app.listening.media_jobs import MediaEntry
from dicomgui.gui.answers.lists import MAX_SHOWN, SWITCH, clock
from dicomgui.gui.answers.service_page import ServicePage
from dicomgui.gui.tables.list_table import uid_table
from dicomgui.gui.tables.pills import PillDelegate
from dicomgui.gui.tables.text_table import Cell, TextTable
from dicomgui.gui.widgets.cards import EmptyState
from dicomgui.gui.widgets.fields import line_edit
from dicomgui.gui.widgets.flow import FlowRow, labelled
from dicomgui.network.service_classes.media_creation import ExecutionStatus
from dicomgui.trace.finding import plain

__all__ = ["MediaPage"]

_PILLS = {
    ExecutionStatus.IDLE: ("muted", "busy"), ExecutionStatus.PENDING: ("muted", "busy"),
    ExecutionStatus.CREATING: ("accent", "play"), ExecutionStatus.DONE: ("good", "good"),
    ExecutionStatus.FAILURE: ("error", "error"),
}  # fmt: skip


class MediaPage(ServicePage):
    """The folder, and the requests by their state; a double click shows one in the trace."""

    service = Provided.MEDIA

    trace_wanted = Signal(int)
    """The user wants to see this association in the trace."""

    def __init__(self, desk: AnswerDesk) -> None:
        text = "Each medium is a folder with a DICOMDIR, made of what is in the archive."
        empty = EmptyState("folder", "Nobody has asked for media", f"{SWITCH.format('media creation')} {text}")
        super().__init__("answers_media", desk, "the requests that have ended", empty)
        self._shown: list[MediaEntry] = []
        tip = "A folder for each medium is made in this one"
        self.folder = line_edit("answers_media_folder", "Folder for media", hint="beside the archive", tip=tip)
        self.folder.textChanged.connect(self.on_edited)
        titles = ("Time", "State", "From", "Instances", "Copies", "Priority", "Folder or problem")
        self.model = TextTable(titles, (3, 4), parent=self)
        self.table = uid_table("answers_media_table", "Requests for media", self.model)
        self.table.setItemDelegateForColumn(1, PillDelegate(self.table))
        self.table.set_widths({0: 74, 1: 110, 2: 120, 3: 96, 4: 76, 5: 84}, stretch=6)
        self.table.activated.connect(self._on_activated)
        fields = FlowRow(12)
        fields.add(labelled("Folder for media", self.folder), 1, width=220)
        self.lay_out(fields, self.table)

    @property
    def count(self) -> int:
        return len(self.desk.media.entries)

    def show_settings(self, settings: AnswerSettings) -> None:
        self.folder.setText(settings.media_folder)

    def said(self, settings: AnswerSettings) -> AnswerSettings:
        return replace(settings, media_folder=self.folder.text().strip())

    def refresh(self) -> None:
        self._shown = list(self.desk.media.entries.values())[: -MAX_SHOWN - 1 : -1]
        self.model.show_rows([_cells(entry) for entry in self._shown])
        super().refresh()

    def _on_activated(self, index: QModelIndex) -> None:
        self.trace_wanted.emit(self._shown[index.row()].request.facts.association)


def _cells(entry: MediaEntry) -> tuple[Cell, ...]:
    request = entry.request
    tone, icon = _PILLS[request.status]
    return (
        Cell(clock(entry.utc)), Cell(request.status.value, tone=tone, icon=icon),
        Cell(plain(request.facts.calling_ae_title.strip())), Cell(f"{len(request.references):,}"),
        Cell(f"{request.copies:,}"), Cell(request.priority.lower()),
        Cell(plain(entry.problem or entry.folder or "", 300), tone="error" if entry.problem else ""),
    )  # fmt: skip
