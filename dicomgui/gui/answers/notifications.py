"""The page of what providers reported unasked: event reports, and that instances are available."""

from __future__ import annotations

from functools import partial
from typing import Final

from dicomgui.app.configuration.provided import Provided
from dicomgui.app.listening.desk import AnswerDesk
from dicomgui.app.listening.notifications import NotificationEntry
from dicomgui.app.nservices.requests import NOperation, service_of
from dicomgui.app.nservices.types import sop_class_title, type_name
from dicomgui.app.watched_steps import STEP_CLASSES
from dicomgui.gui.answers.lists import MAX_SHOWN, StepRow, StepsPage, clock
from dicomgui.gui.panels.panel import Workplace
from dicomgui.gui.tables.text_table import Cell
from dicomgui.gui.widgets.cards import EmptyState
from dicomgui.network.service_classes import availability, commitment
from dicomgui.trace.finding import plain

__all__ = ["NotificationsPage"]

_MPPS: Final = "1.2.840.10008.3.1.2.3."
_PRINT: Final = "1.2.840.10008.5.1.1."
_KINDS: Final = ("UPS", "COMMITMENT", "PRINT", "MPPS", "AVAILABILITY", "OTHER")


class NotificationsPage(StepsPage):
    """Event reports and other notifications, the newest first."""

    service = Provided.NOTIFICATIONS
    all_of_them = "all kinds"

    def __init__(self, place: Workplace, desk: AnswerDesk) -> None:
        text = (
            "Event reports of every kind (UPS, print, MPPS, commitment and others) are taken and listed here, and the "
            "notifications that instances are available. A rule may answer them with another status, or later."
        )
        empty = EmptyState(
            "listener", "Nothing was reported", f"Switch notifications on above and start the listener. {text}"
        )
        titles = ("Time", "We answered", "What", "From", "Instance")
        super().__init__("answers_notifications", "Notifications", place, desk, titles, _KINDS, empty)
        self.state.setAccessibleName("Kind")
        for number, width in ((1, 142), (3, 84), (4, 80)):
            self.table.setColumnWidth(number, width)

    @property
    def count(self) -> int:
        return len(self.desk.notifications.entries)

    def rows(self) -> list[StepRow]:
        entries = tuple(self.desk.notifications.entries)[-MAX_SHOWN:]
        return [self._same_or(str(one.number), one, None, partial(_row, one)) for one in entries]


def _row(entry: NotificationEntry) -> StepRow:
    status = entry.status
    tone = "error" if status.is_failure else "warning" if status.is_warning else "good"
    answered = f"0x{int(status):04X} {status.meaning(service_of(entry.sop_class_uid))}"
    what = f"{_short(entry.sop_class_uid)}: {_what(entry)}"
    texts = (what, entry.calling_ae_title, entry.sop_instance_uid)
    cells = (Cell(clock(entry.utc)), Cell(plain(answered), tone=tone, icon=tone), *(Cell(plain(one)) for one in texts))
    return StepRow(str(entry.number), _kind(entry.sop_class_uid), cells, entry.dataset, plain(what, 120))


def _what(entry: NotificationEntry) -> str:
    if entry.type_id is None:
        text = "instances" if entry.sop_class_uid == availability.SOP_CLASS else entry.operation
    else:
        name = type_name(NOperation.EVENT_REPORT, entry.sop_class_uid, entry.type_id)
        text = name or f"event {entry.type_id}"
    if entry.data is None and entry.size_bytes:
        text += f"; its {entry.size_bytes:,} bytes were not kept"
    return text


def _short(sop_class_uid: str) -> str:
    """What it is about, in few words."""
    short = {"UPS": "UPS", "COMMITMENT": "Commitment", "MPPS": "MPPS", "AVAILABILITY": "Available"}
    return short.get(_kind(sop_class_uid)) or sop_class_title(sop_class_uid)


def _kind(sop_class_uid: str) -> str:
    if sop_class_uid in STEP_CLASSES:
        return "UPS"
    kinds = {commitment.SOP_CLASS: "COMMITMENT", availability.SOP_CLASS: "AVAILABILITY"}
    usual = "MPPS" if sop_class_uid.startswith(_MPPS) else "PRINT" if sop_class_uid.startswith(_PRINT) else "OTHER"
    return kinds.get(sop_class_uid, usual)
