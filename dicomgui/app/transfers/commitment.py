"""Storage commitment as a use case: ask a peer to answer for instances, and wait for what it says (PS3.4 annex J)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from dicomgui.app.commitment_desk import CommitmentDesk, Delivery
from dicomgui.app.configuration.provided import reported
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.watching import Watch
from dicomgui.network.association.negotiation import AcceptPolicy
from dicomgui.network.association.params import PeerAddress
from dicomgui.network.client import Association
from dicomgui.network.dimse.dataset import encode_dataset
from dicomgui.network.errors import ConfigurationError, DicomNetworkError, NoAcceptedContext, OperationTimeout
from dicomgui.network.server import ServerOptions, serve
from dicomgui.network.service import Response
from dicomgui.network.service_classes.commitment import (
    CONTEXTS,
    REQUEST_COMMITMENT,
    SOP_CLASS,
    SOP_INSTANCE,
    CommitmentResult,
    commitment_request,
)
from dicomgui.network.service_classes.references import Reference
from dicomgui.network.status import Service, Status
from dicomgui.network.tracing import Tracer
from dicomgui.trace.finding import Finding

__all__ = ["CommitmentJob", "CommitmentOrder", "CommitmentOutcome", "CommitmentState", "Way"]

STAY_S: Final = 10.0
"""The association of the request is kept for so long where the answer may come on another one."""

LOOK_S: Final = 0.25
"""Whether the peer has ended the association is looked at this often."""


class CommitmentState(StrEnum):
    """How a request stands."""

    ASKING = "asking"
    WAITING = "waiting"
    """The peer has it; its answer may take minutes or hours."""
    ANSWERED = "answered"
    REFUSED = "refused"
    """The peer did not take the request."""
    TIMED_OUT = "timed out"
    """There was no answer in time."""
    FAILED = "failed"
    """There was no association, or it broke."""
    CANCELLED = "cancelled"
    """We wait no longer; the peer may answer all the same."""

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self not in (CommitmentState.ASKING, CommitmentState.WAITING)


class Way(StrEnum):
    """How the answer was delivered."""

    NONE = ""
    SAME = "on the same association"
    NEW = "on an association of the peer"


@dataclass(frozen=True, slots=True)
class CommitmentOrder:
    """What is asked for.

    :ivar references: pairs of SOP class and SOP instance UID.
    :ivar wait_s: how long to wait for the answer, in seconds.
    :ivar stay_s: how much of that the association of the request is kept, in seconds, where a listener of ours runs;
        without a listener it is kept all the time.
    :ivar listen: address and port of a listener for the answer alone, which runs only as long; ``None`` for none.
    :raises ConfigurationError: there are no references, or a time is not above 0.
    """

    references: tuple[Reference, ...]
    wait_s: float = 300.0
    stay_s: float = STAY_S
    listen: tuple[str, int] | None = None

    def __post_init__(self) -> None:
        if not self.references:
            raise ConfigurationError("commitment needs one instance at least", phase="configure")
        if not (self.wait_s > 0 and self.stay_s > 0):
            raise ConfigurationError("a time to wait is above 0 seconds", phase="configure")

    @classmethod
    def of(
        cls, references: Iterable[tuple[str, str]], *, wait_s: float = 300.0, listen: tuple[str, int] | None = None
    ) -> CommitmentOrder:
        """For these instances, each once."""
        return cls(tuple(dict.fromkeys(Reference(*one) for one in references)), wait_s, listen=listen)


@dataclass(frozen=True, slots=True)
class CommitmentOutcome:
    """What became of a request.

    :ivar references: what was asked for.
    :ivar result: the peer's answer.
    :ivar way: how it was delivered.
    :ivar associations: numbers in the trace, that of the answer last.
    :ivar status: of the N-ACTION; ``None`` where it was not answered.
    :ivar comment: Error Comment (0000,0902) of that; text of the peer.
    :ivar seconds: from the first connection attempt to the answer, or to the end of the waiting.
    :ivar error: what went wrong on the way.
    :ivar findings: what the diagnosis says.
    :ivar is_late: nobody waited for the answer any more when it came.
    """

    peer: PeerAddress
    transaction_uid: str
    references: tuple[Reference, ...]
    state: CommitmentState
    result: CommitmentResult | None = None
    way: Way = Way.NONE
    associations: tuple[int, ...] = ()
    status: Status | None = None
    comment: str = ""
    seconds: float = 0.0
    error: DicomNetworkError | None = None
    findings: tuple[Finding, ...] = ()
    is_late: bool = False

    @property
    def ok(self) -> bool:
        """Whether the peer answers for everything that was asked for."""
        return self.result is not None and not self.result.failed and not self.unanswered

    @property
    def unanswered(self) -> tuple[Reference, ...]:
        """What the answer does not speak of, which PS3.4 J.3.3 does not allow."""
        if self.result is None:
            return ()
        told = {one.sop_instance_uid for one in self.result.committed}
        told |= {one.reference.sop_instance_uid for one in self.result.failed}
        return tuple(one for one in self.references if one.sop_instance_uid not in told)

    @property
    def text(self) -> str:
        """How it stands, in one line."""
        asked = f"{len(self.references):,} instance{'' if len(self.references) == 1 else 's'}"
        if self.result is not None:
            late = f", late: after {self.seconds:,.0f} s" if self.is_late else ""
            return f"{_told(self.result, len(self.unanswered), asked)}, {self.way.value}{late}"
        if self.status is not None and self.state is CommitmentState.REFUSED:
            why = f"0x{int(self.status):04X} {self.status.meaning(Service.COMMITMENT)}"
            return f"the request was refused: {why}" + (f" “{self.comment}”" if self.comment else "")
        if self.state is CommitmentState.TIMED_OUT:
            return f"no answer for {asked} within {self.seconds:.0f} s: {self.error}"
        if self.state is CommitmentState.FAILED:
            return str(self.error or "it failed")
        return f"{self.state.value}, {asked}"


def _told(result: CommitmentResult, unanswered: int, asked: str) -> str:
    if not result.failed and not unanswered:
        return f"the peer answers for all {asked}"
    parts = [f"the peer answers for {len(result.committed):,} of {asked}"]
    if result.failed:
        parts.append(f"{len(result.failed):,} failed")
    if unanswered:
        parts.append(f"{unanswered:,} it says nothing of")
    return ", ".join(parts)


class CommitmentJob:
    """One request for storage commitment, from the N-ACTION to the answer.

    :ivar outcome: how it stands, at any time.

    :param has_listener: whether a listener of ours runs that the peer may report to.
    :param on_change: called when the state changes.
    :param on_association: told each association's number in the trace, once.
    """

    def __init__(
        self,
        context: AppContext,
        peer: PeerAddress,
        options: ConnectionOptions,
        order: CommitmentOrder,
        *,
        has_listener: bool = False,
        on_change: Callable[[CommitmentOutcome], object] | None = None,
        on_association: Callable[[int], None] | None = None,
    ) -> None:
        self._context = context
        self._peer = peer
        self._options = options
        self._order = order
        self._hears = has_listener or order.listen is not None
        self._on_change = on_change
        self._desk: CommitmentDesk = context.commitments
        self._watch = Watch(context.tracer, on_association)
        self._began = time.monotonic()
        self.outcome = CommitmentOutcome(peer, "", order.references, CommitmentState.ASKING)

    async def run(self) -> CommitmentOutcome:
        """Ask and wait. A cancel passes; the outcome says then that nobody waits any more.

        An answer that comes after the waiting has ended changes the outcome all the same, where a listener takes it.

        :raises ListenError: the port to listen on is taken.
        """
        self._began = time.monotonic()
        uid = self._desk.expect()
        self._note(replace(self.outcome, transaction_uid=uid))
        try:
            async with self._listening():
                await self._ask_and_wait(uid)
        except asyncio.CancelledError:
            self._note(replace(self.outcome, state=CommitmentState.CANCELLED))
            raise
        finally:
            self._part(uid)
        return self.outcome

    def _part(self, uid: str) -> None:
        """Nobody waits any more; what the peer has taken may be answered late all the same."""
        status, is_answered = self.outcome.status, self.outcome.result is not None
        if is_answered or status is None or status.is_failure:
            self._desk.forget(uid)
        else:
            self._desk.take_late(uid, self._on_late)

    def _on_late(self, delivery: Delivery) -> None:
        self._conclude(delivery, None, is_late=True)

    async def _ask_and_wait(self, uid: str) -> None:
        error: DicomNetworkError | None = None
        delivery: Delivery | None = None
        try:
            connecting = self._options.connect(self._peer, CONTEXTS, self._watch, self._desk.handlers())
            async with connecting as association:
                response = await self._ask(association, uid)
                state = CommitmentState.REFUSED if response.status.is_failure else CommitmentState.WAITING
                self._note(replace(self.outcome, state=state, status=response.status, comment=response.comment))
                if response.status.is_failure:
                    return self._conclude(None, None)
                delivery = await self._wait_here(association, uid)
        except DicomNetworkError as exc:
            error = exc
        is_waiting = self.outcome.state is CommitmentState.WAITING
        if delivery is None and is_waiting and self._hears:
            error = None  # the association is over; the answer comes over another one
            try:
                delivery = await self._desk.wait(uid, max(0.001, self._left_s))
            except OperationTimeout as exc:
                error = exc
        self._conclude(delivery, error)

    async def _ask(self, association: Association, uid: str) -> Response:
        """The request may name many instances, so that it is encoded in a thread."""
        context = association.negotiated.find(SOP_CLASS)
        if context is None:
            offered = CONTEXTS[0].transfer_syntaxes
            text = "the peer did not accept storage commitment"
            raise NoAcceptedContext(text, sop_class=SOP_CLASS, offered=offered, accepted=(), peer=str(self._peer))
        references, syntax = self._order.references, context.transfer_syntax

        def encoded() -> bytes:
            return encode_dataset(commitment_request(references, uid), syntax)

        data = await asyncio.get_running_loop().run_in_executor(self._context.file_pool, encoded)
        return await association.n_action(SOP_CLASS, SOP_INSTANCE, REQUEST_COMMITMENT, data)

    @property
    def _left_s(self) -> float:
        return self._order.wait_s - (time.monotonic() - self._began)

    async def _wait_here(self, association: Association, uid: str) -> Delivery | None:
        """Wait while the association stands, at most for the time that it is kept."""
        stay_s = min(self._order.stay_s, self._left_s) if self._hears else self._left_s
        until = time.monotonic() + stay_s
        while (left := until - time.monotonic()) > 0:
            try:
                return await self._desk.wait(uid, min(LOOK_S, left))
            except OperationTimeout:
                if not association.is_connected:
                    break
        if self._hears:
            return None
        ended = "the peer ended the association" if not association.is_connected else "there was no answer"
        raise OperationTimeout(
            f"{ended}, and no listener of ours runs that it could report to", phase="response", peer=str(self._peer)
        )

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        """A listener for the answer, where one is wanted."""
        if self._order.listen is None:
            yield
            return
        host, port = self._order.listen
        ours = self._options.calling_ae
        policy = reported(AcceptPolicy(ours, abstract_syntaxes=frozenset(), requestor_scp=frozenset()), (SOP_CLASS,))
        tracer: Tracer = self._context.tracer
        server = await serve(
            host, port, ae_title=ours, handlers=self._desk.handlers(), options=ServerOptions(policy, tracer=tracer)
        )
        async with server:
            yield

    def _conclude(self, delivery: Delivery | None, error: DicomNetworkError | None, *, is_late: bool = False) -> None:
        associations = self._watch.associations
        if delivery is not None:
            way = Way.SAME if delivery.association in associations else Way.NEW
            if way is Way.NEW and delivery.association:
                associations += (delivery.association,)
            self._note(replace(
                self.outcome, state=CommitmentState.ANSWERED, result=delivery.result, way=way,
                associations=associations, error=None, findings=(), is_late=is_late,
            ))  # fmt: skip
            return
        state = self.outcome.state
        if state is not CommitmentState.REFUSED:
            has_waited = state is CommitmentState.WAITING and isinstance(error, OperationTimeout)
            state = CommitmentState.TIMED_OUT if has_waited else CommitmentState.FAILED
        # That nobody answers in time is no fault of an association: there is nothing in the trace to be explained.
        is_silence = state is CommitmentState.TIMED_OUT
        findings = () if is_silence else self._watch.findings(error, self._context.facts)
        self._note(replace(self.outcome, state=state, error=error, findings=findings, associations=associations))

    def _note(self, outcome: CommitmentOutcome) -> None:
        self.outcome = replace(outcome, seconds=time.monotonic() - self._began)
        if self._on_change is not None:
            self._on_change(self.outcome)
