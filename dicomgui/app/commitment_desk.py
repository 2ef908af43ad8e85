"""Requests for storage commitment that wait, and the one place where their answers arrive, whatever way they come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final

from dicomgui.network.service import Handlers, NEventReportRequest, Reply
from dicomgui.network.service_classes.attributes import SUCCESS, text_of
from dicomgui.network.service_classes.commitment import (
    ALL_COMMITTED,
    FAILURES_EXIST,
    SOP_CLASS,
    CommitmentRequests,
    CommitmentResult,
)
from dicomgui.network.status import Status

__all__ = ["CommitmentDesk", "Delivery"]

MAX_REPORT_BYTES: Final = 64 * 2**20
"""Longer answers are refused: they name more instances than were ever asked for at once."""

MAX_LATE: Final = 1_000
"""Requests that nobody waits for any more, but whose answers are still taken; the oldest are forgotten first."""

TRANSACTION_UID: Final = 0x00081195
NO_SUCH_CLASS: Final = Status(0x0118)
PROCESSING_FAILURE: Final = Status(0x0110)


@dataclass(frozen=True, slots=True)
class Delivery:
    """An answer that came.

    :ivar association: which one it came over, by its number in the trace.
    """

    association: int
    result: CommitmentResult


class CommitmentDesk:
    """What we asked peers to answer for.

    Belongs to the loop's thread. Our listeners hand in what comes over associations of the peers.

    :param pool: a thread of it reads the answers, which may name very many instances.
    """

    def __init__(self, pool: Callable[[], Executor]) -> None:
        self._requests = CommitmentRequests()
        self._ways: dict[str, int] = {}
        self._late: dict[str, Callable[[Delivery], object]] = {}
        self._pool = pool

    @property
    def waiting(self) -> tuple[str, ...]:
        """Transaction UIDs of the requests without an answer."""
        return self._requests.waiting

    @property
    def is_expecting(self) -> bool:
        """Whether an answer may come, in time or late."""
        return bool(self._late or self._requests.waiting)

    def expect(self, transaction_uid: str = "") -> str:
        """Wait for an answer from now on; returns the transaction UID, by default a new one.

        :raises ConfigurationError: it is waited for already.
        """
        return self._requests.expect(transaction_uid)

    def forget(self, transaction_uid: str) -> None:
        """Wait no longer."""
        self._requests.forget(transaction_uid)
        self._ways.pop(transaction_uid, None)

    def take_late(self, transaction_uid: str, on_answer: Callable[[Delivery], object]) -> None:
        """Wait no longer, but hand on the answer should it come all the same: archives may take days.

        :param on_answer: called once, in the loop's thread; must not raise.
        """
        self.forget(transaction_uid)
        self._late[transaction_uid] = on_answer
        while len(self._late) > MAX_LATE:
            del self._late[next(iter(self._late))]

    async def wait(self, transaction_uid: str, timeout_s: float | None = None) -> Delivery:
        """The answer, when it comes; it can be taken once.

        :param timeout_s: ``None`` waits for ever.
        :raises OperationTimeout: there was none in time; it is still waited for.
        :raises ConfigurationError: nothing is known of such a request.
        """
        result = await self._requests.wait(transaction_uid, timeout_s=timeout_s)
        return Delivery(self._ways.pop(transaction_uid, 0), result)

    def handlers(self) -> Handlers:
        """What takes answers, for an association of ours or for a listener."""
        return Handlers(on_n_event_report=self.on_n_event_report)

    async def on_n_event_report(self, request: NEventReportRequest) -> Status | Reply:
        """Take an answer (PS3.4 J.3.3); what belongs to no request that waits is refused."""
        if request.command.affected_sop_class_uid != SOP_CLASS:
            return Reply(NO_SUCH_CLASS, "no such SOP class here")
        if len(request.data or b"") > MAX_REPORT_BYTES:
            return Reply(PROCESSING_FAILURE, "the answer is too long")
        loop = asyncio.get_running_loop()
        uid = await self._transaction_of(request)
        if uid in self._requests.waiting:
            self._ways[uid] = request.facts.association
        elif uid in self._late and request.command.event_type_id in (ALL_COMMITTED, FAILURES_EXIST):
            result = await loop.run_in_executor(self._pool(), lambda: CommitmentResult.of(request.dataset))
            on_answer = self._late.pop(uid, None)
            if on_answer is not None:
                on_answer(Delivery(request.facts.association, result))
                return SUCCESS
        return self._requests.on_n_event_report(request)

    async def is_about_ours(self, request: NEventReportRequest) -> bool:
        """Whether a report of storage commitment answers a request of ours."""
        if len(request.data or b"") > MAX_REPORT_BYTES:
            return False
        uid = await self._transaction_of(request)
        return uid in self._late or uid in self._requests.waiting

    async def _transaction_of(self, request: NEventReportRequest) -> str:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool(), lambda: text_of(request.dataset, TRANSACTION_UID))
