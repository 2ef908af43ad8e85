"""What was asked of normalized services in this window, and what peers reported, the newest at the end."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QColor

from dicomgui.app.nservice_events import NEvent
from dicomgui.app.nservices.requests import NOperation, NResult, service_of
from dicomgui.app.nservices.types import sop_class_title, type_name
from dicomgui.gui.look.theme import current_colors
from dicomgui.gui.tables.columns import ROOT, ColumnsModel, Index
from dicomgui.gui.tables.pills import ICON_ROLE, TONE_ROLE
from dicomgui.gui.widgets.text import tooltip
from dicomgui.network.status import Status
from dicomgui.trace.finding import plain

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["MAX_KEPT", "STATUS_COLUMN", "Exchange", "NServiceModel", "status_text"]

MAX_KEPT = 500
"""Exchanges that are remembered; the oldest go first."""

MAX_KEPT_BYTES = 128 * 2**20
"""Memory of the reports among them: a peer may send any number, each with 60,000 elements."""

STATUS_COLUMN = 3


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request with its answer, or a report of the peer.

    :ivar utc: seconds since 1970-01-01 UTC.
    :ivar result: of a request of ours.
    :ivar event: of a report.
    """

    utc: float
    result: NResult | None = None
    event: NEvent | None = None

    @property
    def association(self) -> int:
        """Its number in the trace."""
        return self.result.association if self.result is not None else self.event.association if self.event else 0

    @property
    def operation(self) -> NOperation:
        """What was asked, or reported."""
        return self.result.request.operation if self.result is not None else NOperation.EVENT_REPORT

    @property
    def sop_class_uid(self) -> str:
        """What it is about."""
        if self.result is not None:
            return self.result.request.sop_class_uid
        return self.event.sop_class_uid if self.event is not None else ""

    @property
    def sop_instance_uid(self) -> str:
        """Which instance it is about."""
        if self.result is not None:
            return self.result.sop_instance_uid
        return self.event.sop_instance_uid if self.event is not None else ""

    @property
    def dataset(self) -> Dataset | None:
        """What the peer has sent: that of the answer, or of the report."""
        source = self.result if self.result is not None else self.event
        return None if source is None else source.dataset

    @property
    def what(self) -> str:
        """In a few words."""
        if self.result is not None:
            number = self.result.request.type_id
            name = type_name(self.operation, self.sop_class_uid, number)
            return f"{self.operation.value.upper()} {name}".rstrip()
        number = self.event.type_id if self.event is not None else None
        return f"Report: {type_name(self.operation, self.sop_class_uid, number) or number}"

    @property
    def status(self) -> Status | None:
        """What was answered, by the peer or to it."""
        return self.result.status if self.result is not None else self.event.status if self.event is not None else None

    @property
    def tone(self) -> str:
        """``good``, ``warning`` or ``error``."""
        if self.status is None or self.status.is_failure or (self.result is not None and self.result.error is not None):
            return "error"
        return "warning" if self.status.is_warning else "good"


def status_text(exchange: Exchange) -> str:
    """The status in words, or why there is none."""
    result = exchange.result
    if exchange.status is None:
        return str(result.error if result is not None and result.error is not None else "no answer")
    return f"0x{int(exchange.status):04X} {exchange.status.meaning(service_of(exchange.sop_class_uid))}"


def _memory_of(exchange: Exchange) -> int:
    return 0 if exchange.event is None else exchange.event.memory_bytes


class NServiceModel(ColumnsModel):
    """Rows are exchanges."""

    titles = ("Time", "Operation", "SOP class", "Status")

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[Exchange] = []
        self._kept_bytes = 0

    def add(self, exchange: Exchange) -> int:
        """Add one; gives its row."""
        self._kept_bytes += _memory_of(exchange)
        while self._rows and (len(self._rows) >= MAX_KEPT or self._kept_bytes > MAX_KEPT_BYTES):
            self.beginRemoveRows(ROOT, 0, 0)
            self._kept_bytes -= _memory_of(self._rows.pop(0))
            self.endRemoveRows()
        row = len(self._rows)
        self.beginInsertRows(ROOT, row, row)
        self._rows.append(exchange)
        self.endInsertRows()
        return row

    def clear(self) -> None:
        """Forget all."""
        self.beginResetModel()
        self._rows.clear()
        self._kept_bytes = 0
        self.endResetModel()

    def exchange_at(self, row: int) -> Exchange | None:
        """What a row shows."""
        return self._rows[row] if 0 <= row < len(self._rows) else None

    # Qt's side

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        exchange, column = self._rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(exchange, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(plain(f"{exchange.what} {exchange.sop_instance_uid}, {status_text(exchange)}", 400))
        if column == STATUS_COLUMN and role == Qt.ItemDataRole.ForegroundRole:
            return QColor(str(getattr(current_colors(), exchange.tone)))
        return {TONE_ROLE: exchange.tone, ICON_ROLE: exchange.tone}.get(role)


def _text(exchange: Exchange, column: int) -> str:
    texts = (
        time.strftime("%H:%M:%S", time.localtime(exchange.utc)),
        exchange.what,
        sop_class_title(exchange.sop_class_uid) if exchange.sop_class_uid else "",
        status_text(exchange),
    )
    return plain(texts[column], 300)
