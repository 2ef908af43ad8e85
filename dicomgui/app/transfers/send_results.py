"""What becomes of a send: of each instance, on the way, and as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from dicomgui.app.files.changes import ChangeCode
from dicomgui.app.files.sources import SendItem, Skipped
from dicomgui.network.errors import DicomNetworkError
from dicomgui.network.status import Status
from dicomgui.network.uids import name_of
from dicomgui.trace.finding import Finding

__all__ = ["Cause", "ItemResult", "ItemState", "SendProgress", "SendReport"]


class ItemState(Enum):
    """How far one instance has come."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    """The peer answered Success."""
    WARNING = "sent with warning"
    """The peer has it, and answered with a warning."""
    FAILED = "failed"
    CANCELLED = "cancelled"


class Cause(Enum):
    """What kept an instance from being sent."""

    STATUS = "status"
    """The peer answered with a failure status."""
    CONTEXT = "context"
    """The peer did not accept its SOP class in its transfer syntax."""
    NETWORK = "network"
    """There was no connection or association, or it broke."""
    FILE = "file"
    """The file could not be read or not be converted, or its data set is broken."""


class ItemResult(NamedTuple):
    """What became of one instance.

    :ivar status: the peer's answer, ``None`` where there was none.
    :ivar comment: Error Comment (0000,0902); text of the peer.
    :ivar reason: what happened, in one line; empty for a success.
    :ivar association: the association's number in the trace; 0 for none.
    :ivar seconds: from the start of sending, a conversion included, to the answer.
    :ivar sent_as: transfer syntax UID into which it was converted, or was to be; empty for a file sent as it is.
    :ivar renaming: what became of the file's name, where files are to be renamed; empty for nothing.
    :ivar changed: the kinds of changes that it was sent with, or was to be; none for what lies on the disk.
    """

    item: SendItem
    state: ItemState
    status: Status | None = None
    comment: str = ""
    reason: str = ""
    cause: Cause | None = None
    association: int = 0
    seconds: float = 0.0
    sent_as: str = ""
    renaming: str = ""
    changed: tuple[ChangeCode, ...] = ()

    @property
    def is_sent(self) -> bool:
        """Whether the peer has said that it has the instance."""
        return self.state in (ItemState.SENT, ItemState.WARNING)

    @property
    def converted(self) -> str:
        """``converted from … to …``, where it was sent so."""
        if not self.sent_as or not self.is_sent:
            return ""
        return f"converted from {name_of(self.item.head.transfer_syntax_uid)} to {name_of(self.sent_as)}"


@dataclass(frozen=True, slots=True)
class SendProgress:
    """How far a send has come.

    :ivar done: instances with a result.
    :ivar bytes_done: their sizes together, and what has left of the one that is being sent.
    :ivar bytes_failed: what of this belongs to instances that were not sent.
    :ivar current: the one that is being sent, or ``None``.
    """

    done: int
    total: int
    bytes_done: int
    bytes_total: int
    current: SendItem | None
    bytes_failed: int = 0


@dataclass(frozen=True, slots=True)
class SendReport:
    """What became of a send as a whole.

    :ivar results: one for each instance that has one, in the order of the selection.
    :ivar skipped: what was chosen and is no instance.
    :ivar associations: numbers in the trace of the associations that were opened.
    :ivar bytes_sent: sizes of the files that the peer has.
    :ivar seconds: from the first connection attempt to the last release.
    :ivar error: what ended the send early, or ``None``.
    :ivar findings: what the diagnosis says.
    """

    results: tuple[ItemResult, ...]
    skipped: tuple[Skipped, ...]
    associations: tuple[int, ...]
    bytes_sent: int
    seconds: float
    error: DicomNetworkError | None = None
    findings: tuple[Finding, ...] = ()

    def count(self, *states: ItemState) -> int:
        """How many instances ended in one of these states."""
        return sum(1 for result in self.results if result.state in states)

    @property
    def sent(self) -> int:
        """How many instances the peer has."""
        return self.count(ItemState.SENT, ItemState.WARNING)

    @property
    def converted(self) -> int:
        """How many of those were converted on their way."""
        return sum(1 for result in self.results if result.is_sent and result.sent_as)

    @property
    def changed(self) -> int:
        """Number of those that were changed on their way."""
        return sum(1 for result in self.results if result.is_sent and result.changed)

    @property
    def causes(self) -> frozenset[Cause]:
        """Everything that kept something from being sent, skipped files that should have been included."""
        causes = {result.cause for result in self.results if result.cause is not None}
        if self.error is not None:
            causes.add(Cause.NETWORK)
        if any(skipped.is_fault for skipped in self.skipped) or not self.results:
            causes.add(Cause.FILE)
        return frozenset(causes)

    @property
    def ok(self) -> bool:
        """Whether there was something to send and the peer has all of it."""
        return not self.causes and not self.count(ItemState.CANCELLED)

    @property
    def bytes_per_second(self) -> float:
        """Of the files that the peer has."""
        return self.bytes_sent / self.seconds if self.seconds > 0 else 0.0
