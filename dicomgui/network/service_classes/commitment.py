"""Storage commitment (PS3.4 annex J): asking a peer to answer for instances, and getting its answer whenever it comes.

The answer is an N-EVENT-REPORT. It comes on the association of the request or, minutes or hours later, on one that the
peer opens. Both end up in the same place::

    requests = CommitmentRequests()
    server = await serve(port=11113, ae_title="ME", handlers=requests.handlers())
    async with connect("PACS1@127.0.0.1:104", contexts=commitment.CONTEXTS, handlers=requests.handlers()) as assoc:
        transaction = await requests.send(assoc, references)
        result = await requests.wait(transaction, timeout_s=30)
    print(result.failed)

The SCP is :class:`~dicomgui.network.service_classes.commitment_provider.CommitmentProvider`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from dicomgui.network.association.contexts import ProposedContext
from dicomgui.network.errors import ConfigurationError, OperationTimeout
from dicomgui.network.service import Handlers, NEventReportRequest, Reply, ServiceUser
from dicomgui.network.service_classes.attributes import SUCCESS, dataset_of, items_of, new_uid, put, text_of
from dicomgui.network.service_classes.references import Reference, reference_items, references_in
from dicomgui.network.status import Service, Status
from dicomgui.network.uids import DEFAULT_TRANSFER_SYNTAXES

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = [
    "CONTEXTS",
    "REPORT_CONTEXTS",
    "REQUEST_COMMITMENT",
    "SOP_CLASS",
    "SOP_INSTANCE",
    "CommitmentRequests",
    "CommitmentResult",
    "FailedReference",
    "commitment_request",
    "failed_items",
]

SOP_CLASS: Final = "1.2.840.10008.1.20.1"
"""Storage Commitment Push Model."""

SOP_INSTANCE: Final = "1.2.840.10008.1.20.1.1"
"""The well-known instance that all requests and reports name (PS3.4 J.3.5)."""

CONTEXTS: Final = (ProposedContext(SOP_CLASS, DEFAULT_TRANSFER_SYNTAXES),)
"""What to propose to ask for commitment."""

REPORT_CONTEXTS: Final = (ProposedContext(SOP_CLASS, DEFAULT_TRANSFER_SYNTAXES, scu_role=False, scp_role=True),)
"""What an SCP proposes on an association of its own: itself in the SCP role (PS3.4 J.3.3.1.2)."""

REQUEST_COMMITMENT: Final = 1
ALL_COMMITTED: Final = 1
FAILURES_EXIST: Final = 2

NO_SUCH_EVENT_TYPE: Final = Status(0x0113)
INVALID_ARGUMENT: Final = Status(0x0115)
TRANSACTION_UID: Final = 0x00081195


class FailedReference(NamedTuple):
    """An instance that the peer does not answer for, and its Failure Reason (0008,1197), a status code."""

    reference: Reference
    reason: Status

    @property
    def text(self) -> str:
        """The reason in words (PS3.3 C.14.1.1)."""
        return self.reason.meaning(Service.COMMITMENT)


@dataclass(frozen=True, slots=True)
class CommitmentResult:
    """The answer to a request for commitment (PS3.4 table J.3-2).

    :ivar committed: what the peer answers for.
    :ivar failed: what it does not, each with its reason.
    :ivar retrieve_ae: where all of it can be retrieved from; empty where the peer does not say.
    """

    transaction_uid: str
    committed: tuple[Reference, ...]
    failed: tuple[FailedReference, ...] = ()
    retrieve_ae: str = ""

    @property
    def event_type_id(self) -> int:
        """1 where all is committed, else 2."""
        return FAILURES_EXIST if self.failed else ALL_COMMITTED

    @property
    def is_complete(self) -> bool:
        """Whether the peer answers for everything."""
        return not self.failed

    @classmethod
    def of(cls, dataset: Dataset) -> CommitmentResult:
        """What an N-EVENT-REPORT says."""
        failed = [
            FailedReference(Reference.of(item), _reason_in(item)) for item in items_of(dataset, "FailedSOPSequence")
        ]
        return cls(
            text_of(dataset, TRANSACTION_UID),
            references_in(dataset, "ReferencedSOPSequence"),
            tuple(failed),
            text_of(dataset, "RetrieveAETitle"),
        )

    def dataset(self) -> Dataset:
        """The Event Information that says it: each sequence is there only if it has items."""
        dataset = dataset_of({"TransactionUID": self.transaction_uid})
        if self.retrieve_ae:
            put(dataset, "RetrieveAETitle", self.retrieve_ae)
        if self.committed:
            put(dataset, "ReferencedSOPSequence", reference_items(self.committed))
        if self.failed:
            put(dataset, "FailedSOPSequence", failed_items(self.failed))
        return dataset


def failed_items(failed: Iterable[FailedReference]) -> list[Dataset]:
    """The items of a Failed SOP Sequence (0008,1198)."""
    items = []
    for failure in failed:
        item = failure.reference.item()
        put(item, "FailureReason", int(failure.reason))
        items.append(item)
    return items


def _reason_in(item: Dataset) -> Status:
    value = item.get("FailureReason")
    return Status(value) if isinstance(value, int) and 0 <= value <= 0xFFFF else Status(0x0110)


def commitment_request(references: Iterable[tuple[str, str]], transaction_uid: str) -> Dataset:
    """The Action Information of a request (PS3.4 table J.3-1).

    :raises ConfigurationError: there are no references.
    """
    items = reference_items(references)
    if not items:
        raise ConfigurationError("commitment needs one instance at least", phase="configure")
    return dataset_of({"TransactionUID": transaction_uid, "ReferencedSOPSequence": items})


class CommitmentRequests:
    """Requests for commitment that wait for their answers.

    Safe for several threads and event loops: an answer may come in another one than that which waits.

    :param on_unexpected: called with each answer to a request that is not known here, e.g. from before a restart; it is
        then accepted. Without it such an answer is refused with 0115 (invalid argument value).
    """

    sop_classes: Final = (SOP_CLASS,)

    def __init__(self, *, on_unexpected: Callable[[CommitmentResult], object] | None = None) -> None:
        self._pending: dict[str, Future[CommitmentResult]] = {}
        self._lock = threading.Lock()
        self._on_unexpected = on_unexpected

    @property
    def waiting(self) -> tuple[str, ...]:
        """Transaction UIDs of the requests without an answer yet, the oldest first."""
        with self._lock:
            return tuple(uid for uid, answer in self._pending.items() if not answer.done())

    def handlers(self) -> Handlers:
        """What ``connect()`` takes for answers on the same association, and a server for those on others."""
        return Handlers(on_n_event_report=self.on_n_event_report)

    def expect(self, transaction_uid: str = "") -> str:
        """Wait for the answer to a request that is sent by other means.

        :returns: its transaction UID, by default a new one.
        :raises ConfigurationError: it is waited for already.
        """
        uid = transaction_uid or new_uid()
        with self._lock:
            if uid in self._pending:
                raise ConfigurationError(f"the transaction UID {uid} is in use", phase="configure")
            self._pending[uid] = Future()
        return uid

    def forget(self, transaction_uid: str) -> None:
        """Wait for this answer no longer; does nothing for one that is not known."""
        with self._lock:
            answer = self._pending.pop(transaction_uid, None)
        if answer is not None:
            answer.cancel()

    async def send(
        self,
        user: ServiceUser,
        references: Iterable[tuple[str, str]],
        *,
        transaction_uid: str = "",
        timeout_s: float | None = None,
    ) -> str:
        """Ask for the commitment of instances by N-ACTION.

        :param references: pairs of SOP class and SOP instance UID.
        :param transaction_uid: by default a new one; none may be used twice.
        :param timeout_s: how long to wait for the confirmation that the peer has the request.
        :returns: the transaction UID, for :meth:`wait`.
        :raises ConfigurationError: there are no references, or the transaction UID is in use.
        :raises DimseFailure: the peer does not take the request.

        Other errors are those of :meth:`ServiceUser.n_action`.
        """
        references = tuple(references)
        uid = self.expect(transaction_uid)  # before it is sent: the answer may overtake the confirmation
        try:
            information = commitment_request(references, uid)
            response = await user.n_action(
                SOP_CLASS, SOP_INSTANCE, REQUEST_COMMITMENT, information, timeout_s=timeout_s
            )
            response.raise_for_status()
        except BaseException:
            self.forget(uid)
            raise
        return uid

    async def wait(self, transaction_uid: str, *, timeout_s: float | None = None) -> CommitmentResult:
        """The answer to a request, now or when it comes. It can be taken once; then the request is forgotten.

        :param timeout_s: ``None`` waits for ever.
        :raises OperationTimeout: no answer in time; the request goes on waiting.
        :raises ConfigurationError: no such request is waiting, or it was forgotten meanwhile.
        """
        answer = self._answer(transaction_uid)
        loop = asyncio.get_running_loop()
        arrived: asyncio.Future[None] = loop.create_future()

        def tell(_: Future[CommitmentResult]) -> None:
            with suppress(RuntimeError):  # that loop has ended, and whoever waited with it
                loop.call_soon_threadsafe(_settle, arrived)

        answer.add_done_callback(tell)
        await asyncio.wait((arrived,), timeout=timeout_s)
        return self._take(transaction_uid, answer, timeout_s)

    def wait_blocking(self, transaction_uid: str, *, timeout_s: float | None = None) -> CommitmentResult:
        """As :meth:`wait`, for callers that block: the loop that the answer comes in runs in another thread."""
        answer = self._answer(transaction_uid)
        arrived = threading.Event()
        answer.add_done_callback(lambda _: arrived.set())
        arrived.wait(timeout_s)
        return self._take(transaction_uid, answer, timeout_s)

    def on_n_event_report(self, request: NEventReportRequest) -> Status | Reply:
        """Take an answer (PS3.4 J.3.3)."""
        if request.command.event_type_id not in (ALL_COMMITTED, FAILURES_EXIST):
            return Reply(NO_SUCH_EVENT_TYPE, "storage commitment has the event types 1 and 2")
        request.check_structure()
        result = CommitmentResult.of(request.dataset)
        with self._lock:
            answer = self._pending.get(result.transaction_uid)
            if answer is not None and not answer.done():
                answer.set_result(result)
                return SUCCESS
        if answer is None and self._on_unexpected is not None:
            self._on_unexpected(result)
            return SUCCESS
        return Reply(INVALID_ARGUMENT, "no request waits with this transaction UID", (TRANSACTION_UID,))

    def _answer(self, transaction_uid: str) -> Future[CommitmentResult]:
        with self._lock:
            answer = self._pending.get(transaction_uid)
        if answer is None:
            raise _unknown(transaction_uid)
        return answer

    def _take(
        self, transaction_uid: str, answer: Future[CommitmentResult], timeout_s: float | None
    ) -> CommitmentResult:
        if not answer.done():
            raise OperationTimeout(f"no storage commitment result within {timeout_s:g} s", phase="response")
        if answer.cancelled():
            raise _unknown(transaction_uid)
        self.forget(transaction_uid)
        return answer.result()


def _settle(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _unknown(transaction_uid: str) -> ConfigurationError:
    return ConfigurationError(f"no request waits with the transaction UID {transaction_uid}", phase="response")
