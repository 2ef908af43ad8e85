"""Several operations on normalized instances over one association, which is kept open until it is released.

A film session of a printer lives no longer than its association (PS3.4 H), and the answer to a request for storage
commitment may come back on the same one: both need more than a request and a release.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from dicomgui.app.asking.dicom_json import with_character_set
from dicomgui.app.connection import ConnectionOptions, RoleWish
from dicomgui.app.context import AppContext
from dicomgui.app.nservice_events import NEvent, event_of
from dicomgui.app.nservices.requests import NOperation, NRequest, NResult, answer_of, perform, unreadable_notes
from dicomgui.app.watched_steps import STEP_CLASSES
from dicomgui.app.watching import Watch
from dicomgui.network.association.contexts import ProposedContext
from dicomgui.network.association.params import PeerAddress
from dicomgui.network.client import Association
from dicomgui.network.errors import ConfigurationError, DicomNetworkError
from dicomgui.network.service import EVERYTHING_PERMITTED, Handlers, NEventReportRequest, Reply, Response
from dicomgui.network.service_classes import commitment, mpps
from dicomgui.network.service_classes.attributes import text_of
from dicomgui.network.service_classes.print_attributes import (
    ANNOTATION_BOX,
    COLOR_META,
    GRAYSCALE_META,
    PRINT_JOB,
)
from dicomgui.network.service_classes.ups_attributes import PULL, PUSH, QUERY, WATCH
from dicomgui.network.status import Status
from dicomgui.network.uids import DEFAULT_TRANSFER_SYNTAXES
from dicomgui.trace.finding import Finding

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["FAMILIES", "NSession", "SessionState", "proposals_for", "transaction_of"]

_PRINT = (ANNOTATION_BOX, PRINT_JOB)  # and no presentation LUT: DCMTK then refuses images that do not match one
FAMILIES: Final = (
    (GRAYSCALE_META, *_PRINT),
    (COLOR_META, *_PRINT),
    (PUSH, PULL, WATCH, QUERY),
    (mpps.SOP_CLASS, mpps.RETRIEVE_SOP_CLASS),
)
"""SOP classes that go together on one association; the one that is needed first is proposed with the others."""

TRANSACTION_UID: Final = 0x00081195

_ROLES = {RoleWish.USER: (True, False), RoleWish.PROVIDER: (False, True), RoleWish.BOTH: (True, True)}


class SessionState(StrEnum):
    """How the association stands."""

    CLOSED = "no association"
    OPENING = "connecting"
    OPEN = "open"
    BUSY = "waiting for the answer"
    ENDING = "releasing"


def proposals_for(
    request: NRequest, role: RoleWish = RoleWish.USUAL, *, alone: bool = True
) -> tuple[ProposedContext, ...]:
    """The presentation contexts for a request.

    :param role: asked for instead of the usual one, by role selection.
    :param alone: nothing else is to follow on the association; otherwise what goes with it is proposed as well.
    """
    first = request.proposed()
    uids = [first.abstract_syntax]
    if not alone and request.operation is not NOperation.EVENT_REPORT:
        for family in FAMILIES:
            if first.abstract_syntax in family:
                uids += [uid for uid in family if uid != first.abstract_syntax]
                break
    proposed = [first, *(ProposedContext(uid, DEFAULT_TRANSFER_SYNTAXES) for uid in uids[1:])]
    wish = _ROLES.get(role)
    if wish is None:
        return tuple(proposed)
    return tuple(replace(one, scu_role=wish[0], scp_role=wish[1]) for one in proposed)


def transaction_of(request: NRequest) -> str:
    """The transaction UID of a request for storage commitment, whose answer comes later; empty for any other."""
    is_asking = request.operation is NOperation.ACTION and request.sop_class_uid == commitment.SOP_CLASS
    return text_of(request.dataset, TRANSACTION_UID) if is_asking and request.dataset is not None else ""


class NSession:
    """Operations with one peer. Belongs to the loop's thread; one request at a time.

    The answer to a request for storage commitment is waited for by :attr:`AppContext.commitments` from then on.

    :ivar state: how the association stands.
    :ivar number: the association in the trace; 0 before there was an attempt.
    :ivar proposed: what was proposed on the association that stands.

    :param on_association: told each association's number in the trace, once.
    :param on_event: called with each N-EVENT-REPORT that came.
    :param on_change: called when the state changes.
    """

    def __init__(
        self,
        context: AppContext,
        peer: PeerAddress,
        options: ConnectionOptions,
        *,
        role: RoleWish = RoleWish.USUAL,
        on_association: Callable[[int], None] | None = None,
        on_event: Callable[[NEvent], object] | None = None,
        on_change: Callable[[], object] | None = None,
    ) -> None:
        self.peer = peer
        self.options = options
        self.role = role
        self.state = SessionState.CLOSED
        self.proposed: tuple[ProposedContext, ...] = ()
        self._context = context
        self._on_association = on_association
        self._on_event = on_event
        self._on_change = on_change
        self._association: Association | None = None
        self._stack = AsyncExitStack()  # what ends the association as the options say
        self._watch = Watch(context.tracer, on_association)
        self._told: set[tuple[str, str]] = set()

    @property
    def number(self) -> int:
        """The association in the trace, the last one if there is none now; 0 before there was an attempt."""
        return self._watch.association

    @property
    def is_open(self) -> bool:
        """Whether the association stands now; the peer may have ended it."""
        return self._association is not None and self._association.is_connected

    async def send(self, request: NRequest, *, keep: bool = False) -> NResult:
        """Send a request, over the association that stands or a new one.

        Never raises for what a peer or the network does. A cancel passes, after the association was aborted.

        :param keep: leave the association open afterwards.
        :raises ConfigurationError: the data set names a character set that does not hold its text, or the open
            association did not propose what the request needs.
        """
        dataset, notes = (None, ()) if request.dataset is None else with_character_set(request.dataset)
        self._check(request)
        transaction = transaction_of(request)
        if transaction:
            self._context.commitments.expect(transaction)  # before it is sent: the answer may overtake the confirmation
        response: Response | None = None
        error: DicomNetworkError | None = None
        started = time.perf_counter()
        try:
            association = await self._opened(request, keep=keep)
            self._enter(SessionState.BUSY)
            response = await perform(association, request, dataset)
        except DicomNetworkError as exc:
            error = exc
        except asyncio.CancelledError:
            self._context.commitments.forget(transaction)
            await self.abort()
            raise
        if response is None or response.status.is_failure:
            self._context.commitments.forget(transaction)
        else:
            self._note_subscription(request)
        if not keep or not self.is_open:
            error = await self._end() or error
        else:
            self._enter(SessionState.OPEN)
        answer, unreadable = await self._answer_of(response)
        return NResult(
            peer=self.peer,
            request=request,
            association=self.number,
            status=None if response is None else response.status,
            comment="" if response is None else response.comment,
            sop_instance_uid=(response.sop_instance_uid if response is not None else "") or request.sop_instance_uid,
            offending=() if response is None else response.offending,
            attribute_identifiers=() if response is None else response.attribute_identifiers,
            dataset=answer,
            seconds=time.perf_counter() - started,
            notes=(*notes, *unreadable_notes(unreadable)),
            unreadable=unreadable,
            error=error,
            findings=self._new_findings(error),
        )

    def _note_subscription(self, request: NRequest) -> None:
        """Remember what the peer will report because of a request that it has granted."""
        if request.operation is NOperation.ACTION and request.sop_class_uid in STEP_CLASSES:
            receiver = "" if request.dataset is None else text_of(request.dataset, "ReceivingAE")
            watched = self._context.watched
            watched.granted(self.peer, self.number, request.type_id, request.sop_instance_uid, receiver)

    async def release(self) -> None:
        """End the association in order; does nothing where there is none."""
        await self._end()

    async def abort(self) -> None:
        """End the association at once by A-ABORT; does nothing where there is none."""
        association, self._association = self._association, None
        if association is not None:
            with suppress(DicomNetworkError):
                await association.abort()
                await self._stack.aclose()
        self._enter(SessionState.CLOSED)

    def look(self) -> None:
        """Take note where the peer has ended the association; a view calls this now and then."""
        if self.state is SessionState.OPEN and not self.is_open:
            self._association = None
            self._enter(SessionState.CLOSED)

    # inner workings

    def _check(self, request: NRequest) -> None:
        needed = request.abstract_syntax
        if self.is_open and needed not in {one.abstract_syntax for one in self.proposed}:
            raise ConfigurationError(
                "the open association did not propose what this request needs", phase="configure",
                hint="Release it first; the request then gets an association of its own.",
            )  # fmt: skip

    async def _opened(self, request: NRequest, *, keep: bool) -> Association:
        if self._association is not None and self._association.is_connected:
            return self._association
        self._association = None
        with suppress(DicomNetworkError):  # the end of an association that has ended is no fault of the next
            await self._stack.aclose()
        self._enter(SessionState.OPENING)
        self.proposed = proposals_for(request, self.role, alone=not keep)
        self._watch, self._told = Watch(self._context.tracer, self._on_association), set()
        handlers = Handlers(on_n_event_report=self._on_n_event_report)
        opening = self.options.connect(self.peer, self.proposed, self._watch, handlers, EVERYTHING_PERMITTED)
        self._association = await self._stack.enter_async_context(opening)
        return self._association

    async def _end(self) -> DicomNetworkError | None:
        association, self._association = self._association, None
        error: DicomNetworkError | None = None
        if association is not None:
            self._enter(SessionState.ENDING)
        try:
            await self._stack.aclose()
        except DicomNetworkError as exc:
            error = exc
        self._enter(SessionState.CLOSED)
        return error

    def _enter(self, state: SessionState) -> None:
        if state is not self.state:
            self.state = state
            if self._on_change is not None:
                self._on_change()

    def _new_findings(self, error: DicomNetworkError | None) -> tuple[Finding, ...]:
        """What was not said of an earlier request on the same association."""
        found = self._watch.findings(error, self._context.facts)
        if len(self.proposed) > 1:  # what may be needed later was proposed as well: a refusal is nothing to tell
            found = tuple(one for one in found if one.code != "some-contexts-refused")
        new = tuple(one for one in found if (one.code, _where(one)) not in self._told)
        self._told |= {(one.code, _where(one)) for one in new}
        return new

    async def _answer_of(self, response: Response | None) -> tuple[Dataset | None, str]:
        """The answer's data set, which may be large: it is read in a thread."""
        if response is None:
            return None, ""
        return await asyncio.get_running_loop().run_in_executor(self._context.file_pool, answer_of, response)

    async def _on_n_event_report(self, request: NEventReportRequest) -> Status | Reply:
        """Take a report of the peer; answers to storage commitment also go to who waits for them."""
        found = self._context.watched.subscription_of(request)
        words = "" if found is None else str(found)
        event = await event_of(request, self._context.file_pool, subscription=words)
        desk, dataset = self._context.commitments, event.dataset
        is_commitment = event.sop_class_uid == commitment.SOP_CLASS and dataset is not None
        if is_commitment and dataset is not None and text_of(dataset, TRANSACTION_UID) in desk.waiting:
            taken = await desk.on_n_event_report(request)
            event = replace(event, status=taken.status if isinstance(taken, Reply) else taken)
        if self._on_event is not None:
            self._on_event(event)
        return event.status


def _where(finding: Finding) -> str:
    """What tells a finding from another of the same kind, and from itself before it happened again."""
    return repr((finding.what, [one.place for one in finding.evidence]))
