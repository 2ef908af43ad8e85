"""What providers tell our listener unasked: event reports of any SOP class, and that instances are available."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from dicomgui.network.dimse.dataset import decode_dataset
from dicomgui.network.service import NCreateRequest, NEventReportRequest, NormalizedAnswer, Reply
from dicomgui.network.service_classes import availability
from dicomgui.network.status import Status

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["Expected", "NotificationEntry", "Notifications"]

MAX_ENTRIES: Final = 2_000
MAX_ENTRY_BYTES: Final = 4 * 2**20
"""Data sets that are longer are taken, but not kept."""
MAX_BYTES: Final = 64 * 2**20
"""Of all data sets that are kept; the oldest entries go first."""

Answer: TypeAlias = Status | Reply
Expected: TypeAlias = Callable[[NEventReportRequest], Awaitable[Answer | None]]
"""Hands an event report to whoever waits for it; ``None`` where nobody does."""


@dataclass(frozen=True, slots=True)
class NotificationEntry:
    """One that came.

    :ivar utc: seconds since 1970-01-01 UTC.
    :ivar operation: ``N-EVENT-REPORT`` or ``N-CREATE``.
    :ivar type_id: Event Type ID; ``None`` for N-CREATE.
    :ivar association: its number in the trace.
    :ivar status: what we answered.
    :ivar data: the data set as it came; ``None`` without one, and where it was too long to be kept.
    :ivar size_bytes: of the data set that came.
    """

    number: int
    utc: float
    operation: str
    sop_class_uid: str
    sop_instance_uid: str
    type_id: int | None
    calling_ae_title: str
    association: int
    status: Status
    data: bytes | None
    size_bytes: int
    transfer_syntax_uid: str

    def dataset(self) -> Dataset:
        """The data set, decoded anew at each call; empty where there is none.

        :raises RemoteProtocolError: it cannot be decoded.
        """
        return decode_dataset(self.data or b"", self.transfer_syntax_uid)


class Notifications:
    """Takes and keeps them. Belongs to the thread of the event loop.

    :ivar entries: the oldest first.
    """

    sop_classes: Final = (availability.SOP_CLASS,)

    def __init__(self) -> None:
        self.entries: deque[NotificationEntry] = deque()
        self._bytes = 0
        self._count = 0
        self._available = availability.NotificationReceiver(lambda _: None)

    def on_n_create(self, request: NCreateRequest) -> NormalizedAnswer:
        """Take the notification that instances are available (PS3.4 annex R)."""
        return self._available.on_n_create(request)

    def keep(self, utc: float, operation: str, request: Any, answer: object) -> NotificationEntry:
        """Put a request with its answer on the list."""
        command, data = request.command, request.data
        status = answer.status if isinstance(answer, Reply) else answer
        size = len(data or b"")
        entry = NotificationEntry(
            self._count, utc, operation, command.sop_class_uid, command.affected_sop_instance_uid,
            getattr(command, "event_type_id", None), request.facts.calling_ae_title.strip(), request.facts.association,
            status if isinstance(status, Status) else Status(0), data if size <= MAX_ENTRY_BYTES else None, size,
            request.context.transfer_syntax,
        )  # fmt: skip
        self._count += 1
        self._bytes += len(entry.data or b"")
        self.entries.append(entry)
        while len(self.entries) > MAX_ENTRIES or self._bytes > MAX_BYTES:
            self._bytes -= len(self.entries.popleft().data or b"")
        return entry

    def clear(self) -> None:
        """Forget all."""
        self.entries.clear()
        self._bytes = 0
