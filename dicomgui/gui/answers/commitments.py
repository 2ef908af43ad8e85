"""The page of storage commitment: how requests are answered, and those that came."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QModelIndex, Signal

from dicomgui.app.configuration.provided import Provided
from dicomgui.app.listening.answers import AnswerSettings
from dicomgui.app.listening.commitment_answers import CommitmentAnswers, CommitmentEntry, Delivery, Verdict
from dicomgui.app.listening.desk import AnswerDesk
from dicomgui.app.listening.texts import number_of, status_of
from dicomgui.gui.answers.lists import MAX_SHOWN, SWITCH, clock
from dicomgui.gui.answers.service_page import ServicePage
from dicomgui.gui.tables.list_table import uid_table
from dicomgui.gui.tables.pills import PillDelegate
from dicomgui.gui.tables.text_table import Cell, TextTable
from dicomgui.gui.widgets.buttons import Choice
from dicomgui.gui.widgets.cards import EmptyState
from dicomgui.gui.widgets.fields import line_edit
from dicomgui.gui.widgets.flow import FlowRow, labelled
from dicomgui.trace.finding import plain

__all__ = ["CommitmentPage"]

_VERDICTS = {
    Verdict.ARCHIVE: "what is in the archive", Verdict.ALL: "everything", Verdict.NONE: "nothing",
}  # fmt: skip
_DELIVERIES = {
    Delivery.AUTO: "the same association, else a new one", Delivery.SAME: "the same association only",
    Delivery.NEW: "a new association, to a saved node",
}  # fmt: skip
_OUTCOMES = {"waiting": ("accent", "busy"), "reported": ("good", "good")}


class CommitmentPage(ServicePage):
    """How requests for commitment are answered, and those that came; a double click shows one in the trace."""

    service = Provided.COMMITMENT

    trace_wanted = Signal(int)
    """The user wants to see this association in the trace."""

    def __init__(self, desk: AnswerDesk) -> None:
        text = "A new association goes to the saved node that has the AE title of the caller."
        empty = EmptyState(
            "lock", "Nobody has asked for commitment", f"{SWITCH.format('storage commitment')} {text}"
        )  # fmt: skip
        super().__init__("answers_commit", desk, "the requests", empty)
        self._shown: list[CommitmentEntry] = []
        self._retry_s = CommitmentAnswers().retry_s
        self.verdict = Choice("answers_commit_verdict", "Answered for")
        self.delivery = Choice("answers_commit_delivery", "Reported over")
        for box, texts in ((self.verdict, _VERDICTS), (self.delivery, _DELIVERIES)):
            for value, title in texts.items():
                box.addItem(title, value.value)
            box.currentIndexChanged.connect(self.on_edited)
        self.delay = line_edit("answers_commit_delay", "Delay in milliseconds", tip="From the request to the report")
        self.every = line_edit("answers_commit_every", "Every nth instance fails", hint="none")
        self.reason = line_edit("answers_commit_reason", "Failure reason", tip="Four hexadecimal digits, such as 0112")
        tip = "SOP Instance UIDs between semicolons"
        self.uids = line_edit("answers_commit_uids", "Instances that fail", hint="none", tip=tip)
        tip = "Hours in which a report that could not be delivered is tried again, over a new association; 0 for once"
        self.hours = line_edit("answers_commit_report_hours", "Tried again for, hours", tip=tip)
        for edit in (self.delay, self.every, self.reason, self.uids, self.hours):
            edit.textChanged.connect(self.on_edited)
        titles = ("Time", "Outcome", "Transaction UID", "From", "Instances", "Failed")
        self.model = TextTable(titles, (4, 5), parent=self)
        self.table = uid_table("answers_commit_table", "Requests for storage commitment", self.model)
        self.table.setItemDelegateForColumn(1, PillDelegate(self.table))
        self.table.set_widths({0: 74, 2: 300, 3: 120, 4: 96, 5: 76}, stretch=1)
        self.table.activated.connect(self._on_activated)
        self.lay_out(self._fields(), self.table)
        self.show_settings(AnswerSettings())

    def _fields(self) -> FlowRow:
        fields = FlowRow(12)
        for text, field, stretch, width in (
            ("Answered for", self.verdict, 2, 150), ("Reported over", self.delivery, 3, 210),
            ("Delay, ms", self.delay, 0, 84), ("Every nth fails", self.every, 0, 96), ("Reason", self.reason, 0, 76),
            ("Instances that fail", self.uids, 3, 120), ("Tried again for, h", self.hours, 0, 110),
        ):  # fmt: skip
            fields.add(labelled(text, field), stretch, width=width)
        return fields

    @property
    def count(self) -> int:
        return len(self.desk.commitments)

    def show_settings(self, settings: AnswerSettings) -> None:
        answers = settings.commitment
        self.verdict.setCurrentIndex(self.verdict.findData(answers.verdict.value))
        self.delivery.setCurrentIndex(self.delivery.findData(answers.delivery.value))
        self.delay.setText(str(answers.delay_ms))
        self.every.setText(str(answers.fail_every or ""))
        self.reason.setText(f"{answers.fail_reason:04X}")
        self.uids.setText("; ".join(answers.fail_uids))
        self.hours.setText(str(answers.report_for_h))
        self._retry_s = answers.retry_s

    def said(self, settings: AnswerSettings) -> AnswerSettings:
        answers = CommitmentAnswers(
            verdict=Verdict(self.verdict.currentData()),
            delivery=Delivery(self.delivery.currentData()),
            delay_ms=number_of(self.delay.text(), "the delay"),
            fail_every=number_of(self.every.text(), "every nth"),
            fail_uids=tuple(part.strip() for part in self.uids.text().split(";") if part.strip()),
            fail_reason=status_of(self.reason.text()) or 0,
            report_for_h=number_of(self.hours.text(), "the hours"),
            retry_s=self._retry_s,
        )
        return replace(settings, commitment=answers)

    def refresh(self) -> None:
        self._shown = list(reversed(self.desk.commitments))[:MAX_SHOWN]
        self.model.show_rows([_cells(entry) for entry in self._shown])
        super().refresh()

    def _on_activated(self, index: QModelIndex) -> None:
        self.trace_wanted.emit(self._shown[index.row()].association)


def _cells(entry: CommitmentEntry) -> tuple[Cell, ...]:
    usual = ("warning", "busy") if entry.due_utc else ("error", "error")
    tone, icon = _OUTCOMES.get(entry.outcome, usual)
    failed = "" if entry.failed is None else f"{entry.failed:,}"
    return (
        Cell(clock(entry.utc)), Cell(plain(entry.outcome), tone=tone, icon=icon), Cell(plain(entry.transaction_uid)),
        Cell(plain(entry.calling_ae_title)), Cell(f"{entry.instances:,}"),
        Cell(failed, tone="error" if entry.failed else ""),
    )  # fmt: skip
