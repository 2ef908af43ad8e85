"""What is on its way into the archive: associations that stand, and data sets that are being received."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from dicomgui.network.service import AssociationFacts, StoreRequest
from dicomgui.storage import CeilingReached, DiskFull, DuplicateRefused, InstanceSink, PathUnsafe, Pending, StorageError

__all__ = ["DiscardingSink", "Holder", "Live", "TrackedSink", "comment_for"]

# What a peer is told (LO, 64 characters); folders of ours are none of its business.
_COMMENTS: dict[type[StorageError], str] = {
    CeilingReached: "the archive may not grow any further",
    DiskFull: "no space left on the disk",
    DuplicateRefused: "another data set has this SOP Instance UID",
    PathUnsafe: "the SOP Instance UID is no UID",
}
_COMMENT = "the instance cannot be stored"


def comment_for(error: StorageError) -> str:
    """The Error Comment that tells a peer why its instance is not stored."""
    return _COMMENTS.get(type(error), _COMMENT)


class DiscardingSink:
    """Counts the bytes of a data set and keeps none; its result is their number.

    :ivar size_bytes: that came so far.
    """

    __slots__ = ("size_bytes",)

    def __init__(self) -> None:
        self.size_bytes = 0

    def write(self, data: memoryview, /) -> None:
        """Count the next piece."""
        self.size_bytes += len(data)

    def finish(self) -> int:
        """The data set is complete."""
        return self.size_bytes

    def abandon(self) -> None:
        """It will never be."""


@dataclass(slots=True)
class Live:
    """An association that stands: what came over it, and the sink that is being filled."""

    facts: AssociationFacts
    since_utc: float
    instances: int = 0
    size_bytes: int = 0
    sink: InstanceSink | DiscardingSink | None = None

    @property
    def running_bytes(self) -> int:
        """Of the data set that is just being received."""
        return self.sink.size_bytes if self.sink is not None else 0


class Holder(Protocol):
    """Whom a sink tells."""

    def hold(self, request: StoreRequest, pending: Pending) -> Pending:
        """A data set is complete and waits for its turn to be stored."""

    def lost(self, request: StoreRequest) -> None:
        """The association ended in the middle of a data set; nothing is left of it."""


class TrackedSink:
    """An archive's sink that says when its data set is complete or lost; writing costs nothing more."""

    __slots__ = ("_holder", "_request", "_sink", "write")

    def __init__(self, holder: Holder, request: StoreRequest, sink: InstanceSink) -> None:
        self._holder = holder
        self._request = request
        self._sink = sink
        self.write = sink.write

    def finish(self) -> Pending:
        """The data set is complete."""
        return self._holder.hold(self._request, self._sink.finish())

    def abandon(self) -> None:
        """It will never be."""
        self._sink.abandon()
        self._holder.lost(self._request)
