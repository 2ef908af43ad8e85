"""Options of a retrieval as a whole: when it ends itself by a C-CANCEL, and how often each request is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from dicomgui.network.errors import DicomNetworkError
from dicomgui.network.service import Operation, Progress
from dicomgui.network.transport.tasks import TaskOwner

__all__ = ["USUAL_MANNER", "CancelTimer", "RetrieveManner"]


@dataclass(frozen=True, slots=True)
class RetrieveManner:
    """Options of a retrieval as a whole.

    :ivar cancel_after: completed sub-operations after which a C-CANCEL is sent and nothing more is asked for; ``None``
        for never. Those with a warning count, as do instances that are here before the peer tells of them.
    :ivar cancel_after_s: seconds from the first request until the same; ``None`` for never.
    :ivar repeat: how often each request is sent.
    """

    cancel_after: int | None = None
    cancel_after_s: float | None = None
    repeat: int = 1


USUAL_MANNER = RetrieveManner()
"""Each request once, and to its end."""


class CancelTimer:
    """Sends the C-CANCEL that a :class:`RetrieveManner` asks for, once.

    What came until then is kept. Ended by the peer's final response, or by an abort after ``Timeouts.cancel_s``.

    :ivar reason: the limit that was reached, as a sentence; empty before.
    :ivar error: what the C-CANCEL ended with, where the peer did not answer it.
    """

    def __init__(self, manner: RetrieveManner) -> None:
        self.reason = ""
        self.error: DicomNetworkError | None = None
        self._manner = manner
        self._tasks = TaskOwner("retrieval")
        self._operation: Operation[Progress] | None = None
        self._ends: float | None = None

    @asynccontextmanager
    async def watching(self, operation: Operation[Progress]) -> AsyncIterator[None]:
        """Cancel ``operation`` when the limit of time is reached, or :meth:`count` says so."""
        loop, seconds = asyncio.get_running_loop(), self._manner.cancel_after_s
        if seconds is not None and self._ends is None:
            self._ends = loop.time() + seconds
        timer = None if self._ends is None else loop.call_at(self._ends, self._time_is_over)
        self._operation = operation
        try:
            yield
        finally:
            self._operation = None
            if timer is not None:
                timer.cancel()
            await self._tasks.close()

    def count(self, completed: int, *, is_last: bool = False) -> None:
        """Take note of how many sub-operations are completed.

        :param is_last: the peer has said that none remains: there is nothing to cancel in this request.
        """
        limit = self._manner.cancel_after
        if limit is None or completed < limit or self.reason:
            return
        noun = "sub-operation" if completed == 1 else "sub-operations"
        self._end(f"after {completed:,} completed {noun}", is_last=is_last)

    def _time_is_over(self) -> None:
        if not self.reason:
            self._end(f"after {(self._manner.cancel_after_s or 0) * 1000:,.0f} ms", is_last=False)

    def _end(self, when: str, *, is_last: bool) -> None:
        operation = self._operation
        if is_last or operation is None:
            self.reason = f"Stopped {when}."
            return
        self.reason = f"A C-CANCEL was sent {when}."
        self._tasks.spawn(self._cancel(operation), name="C-CANCEL of a retrieval")

    async def _cancel(self, operation: Operation[Progress]) -> None:
        try:
            await operation.cancel()
        except DicomNetworkError as error:
            self.error = error
