"""The SCP of storage commitment (PS3.4 annex J): says which instances it answers for, on whichever association.

::

    provider = CommitmentProvider(
        lambda request: [reference for reference in request.references if reference.sop_instance_uid in archive],
        open_association=lambda request: connect(address_of(request.facts.calling_ae_title), contexts=REPORT_CONTEXTS),
    )
    server = await serve(handlers=provider.handlers())
    ...
    await provider.close()
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final, TypeAlias

from dicomgui.network.association.contexts import ProposedContext
from dicomgui.network.errors import DicomNetworkError
from dicomgui.network.service import AssociationFacts, Handlers, NActionRequest, Reply, ServiceUser
from dicomgui.network.service_classes.attributes import SUCCESS, text_of
from dicomgui.network.service_classes.commitment import (
    REPORT_CONTEXTS,
    REQUEST_COMMITMENT,
    SOP_CLASS,
    SOP_INSTANCE,
    TRANSACTION_UID,
    CommitmentResult,
    FailedReference,
)
from dicomgui.network.service_classes.references import Reference, references_in
from dicomgui.network.status import Status
from dicomgui.network.transport.tasks import TaskOwner
from dicomgui.network.uids import is_valid_uid

__all__ = ["Answer", "CommitmentProvider", "CommitmentRequest", "Judge", "Keeper", "Opener", "send_report"]

_log = logging.getLogger(__name__)

PROCESSING_FAILURE: Final = Status(0x0110)
NO_SUCH_INSTANCE: Final = Status(0x0112)
INVALID_ARGUMENT: Final = Status(0x0115)
NO_SUCH_ACTION: Final = Status(0x0123)
REFERENCED_SOP_SEQUENCE: Final = 0x00081199


@dataclass(frozen=True, slots=True)
class CommitmentRequest:
    """A request that a peer waits to have answered.

    :ivar references: the instances that it asks for.
    :ivar facts: who asks.
    """

    transaction_uid: str
    references: tuple[Reference, ...]
    facts: AssociationFacts


Answer: TypeAlias = Iterable[Reference] | CommitmentResult
"""The instances that are safe; all others failed, with reason 0112 (no such object instance). A
:class:`CommitmentResult` says other reasons."""

Judge: TypeAlias = Callable[[CommitmentRequest], Answer | Awaitable[Answer]]
"""Says what is safe. The peer has had its confirmation by then, so this may take its time."""

Keeper: TypeAlias = Callable[[CommitmentRequest], Awaitable[Reply | None]]
"""Keeps a request, so that its report outlives this program, before it is confirmed; a :class:`Reply` refuses it."""

Opener: TypeAlias = Callable[[CommitmentRequest], AbstractAsyncContextManager[ServiceUser]]
"""Opens an association with whoever asked, as ``connect()`` does, proposing :data:`REPORT_CONTEXTS`."""


class CommitmentProvider:
    """Takes requests for commitment and reports to those who asked.

    :param judge: see :data:`Judge`. Where it raises, all instances failed, with reason 0110.
    :param open_association: see :data:`Opener`. Without it the report goes over the association of the request, and is
        lost if that has ended; with it over a new one.
    :param try_same_first: with ``open_association``: only if the association of the request does not work any more.
    :param keep: see :data:`Keeper`; by default a request is known to this program alone.
    :param on_reported: called with what was reported and the error that prevented it, if any.
    """

    sop_classes: Final = (SOP_CLASS,)
    report_contexts: Final[tuple[ProposedContext, ...]] = REPORT_CONTEXTS

    def __init__(
        self,
        judge: Judge,
        *,
        open_association: Opener | None = None,
        try_same_first: bool = False,
        keep: Keeper | None = None,
        on_reported: Callable[[CommitmentResult, Exception | None], object] | None = None,
    ) -> None:
        self._judge = judge
        self._open = open_association
        self._same_first = try_same_first or open_association is None
        self._keep = keep
        self._on_reported = on_reported
        self._active: set[str] = set()
        self._tasks = TaskOwner("storage commitment")

    @property
    def active(self) -> frozenset[str]:
        """The transaction UIDs that are not reported yet."""
        return frozenset(self._active)

    def handlers(self) -> Handlers:
        """What a server takes."""
        return Handlers(on_n_action=self.on_n_action)

    async def close(self) -> None:
        """Report no more; what is under way is broken off."""
        await self._tasks.close()

    def on_n_action(self, request: NActionRequest) -> Status | Reply | Awaitable[Status | Reply]:
        """Confirm a request, and begin to perform it (PS3.4 J.3.2)."""
        command, dataset = request.command, request.dataset
        if command.requested_sop_instance_uid != SOP_INSTANCE:
            return Reply(NO_SUCH_INSTANCE, "not the well-known instance of storage commitment", (0x00001001,))
        if command.action_type_id != REQUEST_COMMITMENT:
            return Reply(NO_SUCH_ACTION, "storage commitment has the action type 1")
        uid = text_of(dataset, TRANSACTION_UID)
        if uid in self._active or not is_valid_uid(uid):
            problem = "is in use" if uid in self._active else "is no UID" if uid else "is missing"
            return Reply(INVALID_ARGUMENT, f"the Transaction UID {problem}", (TRANSACTION_UID,))
        references = references_in(dataset, "ReferencedSOPSequence")
        if not references or not all(map(_is_named, references)):
            return Reply(INVALID_ARGUMENT, "an instance is not named by UIDs", (REFERENCED_SOP_SEQUENCE,))
        self._active.add(uid)
        asked = CommitmentRequest(uid, references, request.facts)
        if self._keep is not None:
            return self._confirm(asked, request.user, self._keep)
        return self._begin(asked, request.user)

    def _begin(self, asked: CommitmentRequest, user: ServiceUser) -> Status:
        """Confirm a request; what this spawns runs when the confirmation is on its way."""
        self._tasks.spawn(self._perform(asked, user), name=asked.transaction_uid)
        return SUCCESS

    async def _confirm(self, asked: CommitmentRequest, user: ServiceUser, keep: Keeper) -> Status | Reply:
        refusal: Reply | None = None
        is_kept = False
        try:
            refusal = await keep(asked)
            is_kept = refusal is None
        finally:
            if not is_kept:
                self._active.discard(asked.transaction_uid)
        return refusal or self._begin(asked, user)

    async def _perform(self, asked: CommitmentRequest, user: ServiceUser) -> None:
        error: Exception | None = None
        try:
            result = await self._result(asked)
            try:
                await self._report(asked, user, result)
            except Exception as failure:  # of the opener, too
                error = failure
                _log.warning("a storage commitment result could not be reported: %s", failure)
        finally:
            self._active.discard(asked.transaction_uid)
        if self._on_reported is not None:
            self._on_reported(result, error)

    async def _result(self, asked: CommitmentRequest) -> CommitmentResult:
        try:
            answer = self._judge(asked)
            if isinstance(answer, Awaitable):
                answer = await answer
            if isinstance(answer, CommitmentResult):
                return answer
            safe = frozenset(answer)
        except Exception as error:
            _log.error("the judge of a storage commitment failed", exc_info=error)
            return _all_failed(asked, PROCESSING_FAILURE)
        failed = [FailedReference(one, NO_SUCH_INSTANCE) for one in asked.references if one not in safe]
        committed = tuple(one for one in asked.references if one in safe)
        return CommitmentResult(asked.transaction_uid, committed, tuple(failed))

    async def _report(self, asked: CommitmentRequest, user: ServiceUser, result: CommitmentResult) -> None:
        if self._same_first:
            try:
                return await send_report(user, result)
            except DicomNetworkError:
                if self._open is None:
                    raise
        assert self._open is not None
        async with self._open(asked) as other:
            await send_report(other, result)


def _is_named(reference: Reference) -> bool:
    return all(map(is_valid_uid, reference))


async def send_report(user: ServiceUser, result: CommitmentResult) -> None:
    """Report a result by N-EVENT-REPORT over an association that is open (PS3.4 J.3.3).

    :raises DimseFailure: the peer refused it.

    Other errors are those of :meth:`ServiceUser.n_event_report`.
    """
    response = await user.n_event_report(SOP_CLASS, SOP_INSTANCE, result.event_type_id, result.dataset())
    response.raise_for_status()


def _all_failed(asked: CommitmentRequest, reason: Status) -> CommitmentResult:
    return CommitmentResult(
        asked.transaction_uid, (), tuple(FailedReference(reference, reason) for reference in asked.references)
    )
