"""One association that a peer requested of us, from its connection to its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from dicomgui.network.association.events import (
    AssociateAccepted,
    AssociateRejected,
    AssociateRequested,
    Released,
    ReleaseRequested,
)
from dicomgui.network.association.machine import UpperLayer
from dicomgui.network.association.negotiation import (
    REJECTED_CONGESTION,
    REJECTED_LOCAL_LIMIT,
    AcceptPolicy,
    negotiate,
)
from dicomgui.network.association.states import Event
from dicomgui.network.dimse.memory import MemoryShare
from dicomgui.network.errors import ConnectError, DicomNetworkError, OperationTimeout, RemoteProtocolError
from dicomgui.network.pdu import AbortReason, AssociateAC, AssociateRJ, AssociateRQ, describe_rejection
from dicomgui.network.pdu.capture import Capture
from dicomgui.network.service import AssociationFacts, Connection, Provider, ServiceUser
from dicomgui.network.service.lifecycle import AssociationRequest, Teller
from dicomgui.network.service.performing import close_unawaited
from dicomgui.network.service.resources import associate_charge
from dicomgui.network.tracing import Role, Scribe, next_association_id
from dicomgui.network.transport import AssociationTransport, TaskOwner, TlsTransport, TraceObserver
from dicomgui.network.transport.tasks import FAULTS, is_own_cancel

if TYPE_CHECKING:
    from dicomgui.network.server.server import ServerCore, Verdict

__all__ = ["Acceptor"]

_log = logging.getLogger(__name__)


class Acceptor:
    """Holds what belongs to one connection of a :class:`Server`.

    :ivar number: the association's number in the trace.
    :ivar facts: who the peer is, once the association stands.
    :ivar calling_ae_title: who it says that it is, once it asked for an association.
    :ivar user: sends requests of our own to the peer.
    :ivar is_giving_way: whether it is being closed to make room for another connection.
    :ivar ended: a future that is done when the connection is gone and its tasks have ended.
    """

    def __init__(self, server: ServerCore) -> None:
        options = server.options
        self.number = next_association_id()
        self.facts: AssociationFacts | None = None
        self.calling_ae_title = ""
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._scribe = Scribe(options.tracer, self.number)
        self._observer = None if options.tracer is None else TraceObserver(self._scribe)
        self._associate_memory = MemoryShare(server.resources.associate_memory)
        self._machine = UpperLayer(
            Role.ACCEPTOR,
            limits=options.limits,
            artim_s=options.timeouts.artim_s,
            capture=None if self._observer is None else Capture(full=options.trace_full),
            observer=self._observer,
            admits_associate=self._admits_associate,
        )
        self._tasks = TaskOwner(f"association {self.number}")
        self._provider = Provider(server.provided, self._tasks, server.mover, options.permitted, options.strictness)
        self._connection = Connection(
            self._machine,
            self._scribe,
            self,
            self._provider,
            timeouts=options.timeouts,
            limits=options.limits,
            resources=server.resources,
        )
        self.user = ServiceUser(self._connection, self._provider)
        self._teller = Teller(options.lifecycle, self._scribe, self.number)
        self._is_deciding = False
        self._release_asked = False
        self._release_delayed = False
        self._closing = False
        self._is_admitted = False
        self._is_refused = False
        self.is_giving_way = False
        self._tls: TlsTransport | None = None
        self._transport: AssociationTransport | None = None
        self.ended: asyncio.Future[None] = self._loop.create_future()

    def _admits_associate(self, length: int) -> bool:
        return self._associate_memory.take(associate_charge(length))

    def make_transport(self) -> AssociationTransport | TlsTransport:
        """The protocol object for asyncio."""
        options = self._server.options
        transport = AssociationTransport(
            self._machine,
            self._connection,
            self._scribe,
            role=Role.ACCEPTOR,
            send_s=options.timeouts.idle_s,
            observer=self._observer,
            trace_full=options.trace_full,
            sockets=options.sockets,
            on_gone=self._on_closed,
        )
        self._transport = transport
        context = self._server.tls_context
        if context is None:
            return transport
        self._tls = TlsTransport(
            transport,
            context,
            self._scribe,
            server_name=None,
            handshake_s=options.timeouts.tls_s,
            admit=self._admit,
            on_failed=self._on_tls_failed,
        )
        return self._tls

    @property
    def is_established(self) -> bool:
        """Whether the association stands."""
        return self.facts is not None and not self._connection.is_over

    @property
    def counts(self) -> bool:
        """Whether it counts against the limit of associations: it stands, or somebody thinks about it."""
        return self.is_established or self._is_deciding

    @property
    def may_give_way(self) -> bool:
        """Whether the connection can be closed for another one: nobody has an association over it."""
        return self._is_admitted and not self.is_giving_way and not self.counts

    @property
    def host(self) -> str:
        """The address of the peer, without its port."""
        return self._connection.peer.rpartition(":")[0]

    def close_when_idle(self) -> None:
        """End the association now, or as soon as the request at hand is answered."""
        self._closing = True
        if not self._provider.is_busy and not self._connection.is_receiving:
            self.abort()

    def abort(self, source: int = 0, reason: int = 0) -> None:
        """End the association at once by A-ABORT; a connection without association is closed."""
        if self.is_established:
            self._connection.abort(source, reason)
        elif self._connection.is_open:
            self._connection.transport.close()
        elif self._tls is not None:
            self._tls.abort()

    def cut(self) -> None:
        """Close the connection without another word."""
        if self._connection.is_open:
            self._connection.transport.cut()
        elif self._tls is not None:
            self._tls.abort()

    def give_way(self) -> None:
        """Close the connection to make room for another one."""
        self.is_giving_way = True
        if self.facts is None and not self._is_refused:
            self._refuse("too many connections: this one made room for another, it had no association")
        self.cut()

    # ConnectionOwner

    def connection_ready(self) -> None:
        """A peer has connected."""
        if self._tls is None and not self._admit():
            self._connection.transport.cut()

    def association_event(
        self, event: AssociateRequested | AssociateAccepted | AssociateRejected | ReleaseRequested | Released
    ) -> None:
        """Take an event of the association."""
        if isinstance(event, AssociateRequested):
            self._on_requested(event.rq)
        elif isinstance(event, AssociateRejected):
            self._refuse(describe_rejection(event.rj.result, event.rj.source, event.rj.reason))
        elif isinstance(event, ReleaseRequested):
            self._release_asked = True
            self._release_when_idle()

    def association_ended(self, error: DicomNetworkError | None) -> None:
        """The association is over, or the connection on which there was none."""
        is_new = self.facts is None and not self._is_refused
        if is_new and isinstance(error, RemoteProtocolError | OperationTimeout):
            # By the A-ABORT or the close of the state machine, which the trace has already.
            self._teller.rejected(self._connection.peer, _why_refused(error))
        self._teller.closed(self.facts, error)

    # inner workings

    def _admit(self) -> bool:
        """True where the connection may come from where it does and is within the limit; asked before TLS."""
        self._connection.peer = "" if self._transport is None else self._transport.peer_place
        if not self._server.takes_from(self.host):
            self._refuse("connections from this address are not taken")
            return False
        if self._server.may_connect():
            self._is_admitted = True
            return True
        self._refuse("too many connections" if self._server.is_listening else "the listener is being stopped")
        return False

    def _on_tls_failed(self, error: ConnectError) -> None:
        self._refuse(str(error))
        self._teller.closed(None, error)

    def _on_requested(self, rq: AssociateRQ) -> None:
        request = AssociationRequest(self.number, self._connection.peer, rq, self._connection.transport.tls)
        self._teller.requested(request)
        self.calling_ae_title = request.calling_ae_title
        limit = self._server.limit_reached(self)
        if limit:
            self._answer(rq, REJECTED_LOCAL_LIMIT, limit)
            return
        negotiator = self._server.options.negotiator
        if negotiator is None:
            self._answer(rq, self._negotiate(rq, None))
            return
        try:
            verdict = negotiator(request)
        except FAULTS as error:
            self._answer(rq, self._undecided(error))
            return
        if isinstance(verdict, AcceptPolicy) or not isinstance(verdict, Awaitable):
            self._answer(rq, self._negotiate(rq, verdict))
        else:
            self._is_deciding = True
            close_unawaited(self._tasks.spawn(self._decide(rq, verdict), name="negotiation"), verdict)

    async def _decide(self, rq: AssociateRQ, verdict: Awaitable[Verdict]) -> None:
        """Wait for a negotiator, as long as a peer would be waited for."""
        answer: AssociateAC | AssociateRJ
        try:
            async with asyncio.timeout(self._server.options.timeouts.artim_s):
                answer = self._negotiate(rq, await verdict)
        except FAULTS as error:
            if is_own_cancel(error):
                raise
            answer = self._undecided(error)
        finally:
            self._is_deciding = False
        if self._machine.allows(Event.EVT7):  # the peer may have gone meanwhile
            self._answer(rq, answer)
            self._connection.transport.flush()

    def _negotiate(self, rq: AssociateRQ, verdict: Verdict) -> AssociateAC | AssociateRJ:
        options = self._server.options
        policy = verdict if isinstance(verdict, AcceptPolicy) else options.policy
        try:
            answer: AssociateAC | AssociateRJ
            if isinstance(verdict, AssociateRJ):
                verdict.encode()  # its values fit
                answer = verdict
            elif isinstance(verdict, AcceptPolicy | None):
                answer = self._server.agreements.answer(rq, policy)
            elif isinstance(verdict, Mapping):
                answer = negotiate(rq, policy, options.limits.max_pdu_length, verdict, options.implementation)
            else:
                raise TypeError(f"a negotiator answered {type(verdict).__name__}: that neither accepts nor rejects")
        except Exception as error:  # what a policy calls, and choices that were not proposed
            return self._undecided(error)
        if policy.check_called == "warn" and rq.called_ae != policy.ae_title and isinstance(answer, AssociateAC):
            text = f"{rq.calling_ae!r} called {rq.called_ae!r}, not {policy.ae_title!r}; it was let in"
            _log.warning("association %d: %s", self.number, text)
            self._scribe.note(logging.WARNING, text)
        return answer

    def _undecided(self, error: BaseException) -> AssociateRJ:
        """A negotiator that fails or takes too long lets nobody in; the peer may try again."""
        _log.error("the negotiator failed", exc_info=error)
        self._scribe.note(logging.ERROR, f"the negotiator failed: {type(error).__name__}: {error}")
        return REJECTED_CONGESTION

    def _answer(self, rq: AssociateRQ, answer: AssociateAC | AssociateRJ, reason: str = "") -> None:
        if isinstance(answer, AssociateRJ):
            text = describe_rejection(answer.result, answer.source, answer.reason)
            self._refuse(f"{text}; {reason}" if reason else text)
            self._machine.reject(answer, self._loop.time())
            return
        try:
            self._machine.accept(answer, self._loop.time(), partial(self._server.agreements.encode, rq, answer))
        except Exception as error:  # what a callback of the policy gave cannot be sent
            self._answer(rq, self._undecided(error))
            return
        negotiated = self._server.agreements.conclude(rq, answer)
        self._connection.established(negotiated)
        self.facts = AssociationFacts(
            association=self.number,
            peer=self._connection.peer,
            calling_ae_title=negotiated.calling_ae_title,
            called_ae_title=negotiated.called_ae_title,
            implementation_class_uid=negotiated.peer_implementation_class_uid,
            implementation_version_name=negotiated.peer_version_name,
            refused_contexts=tuple(result for result in negotiated.contexts if result.accepted is None),
            negotiated=negotiated,
            tls=self._connection.transport.tls,
        )
        self._provider.attach(self._connection, self.facts, self.user)
        self._provider.on_idle = self._on_idle
        self._connection.transport.set_idle_timeout(self._server.options.timeouts.idle_s)
        self._teller.accepted(self.facts)

    def _refuse(self, reason: str) -> None:
        peer = self._connection.peer
        self._is_refused = True
        self._scribe.refuse(peer, reason)
        self._teller.rejected(peer, reason)

    def _on_idle(self) -> None:
        if self._release_asked:
            self._release_when_idle()
        elif self._closing and not self._connection.is_receiving:
            self.abort()

    def _release_when_idle(self) -> None:
        """Answer the peer's release once every request is answered."""
        if self._provider.is_busy or self._release_delayed or not self._machine.allows(Event.EVT14):
            return
        delay = None if self.facts is None else self._teller.releasing(self.facts)
        if delay is None:
            self._confirm_release()
        else:
            self._release_delayed = True
            close_unawaited(self._tasks.spawn(self._confirm_release_after(delay), name="release"), delay)

    async def _confirm_release_after(self, delay: Awaitable[None]) -> None:
        await self._teller.wait(delay)
        if self._machine.allows(Event.EVT14):
            self._confirm_release()

    def _confirm_release(self) -> None:
        self._machine.confirm_release(self._loop.time())
        self._connection.finish()
        self._connection.transport.flush()

    def _on_closed(self) -> None:
        if len(self._tasks):
            self._server.tasks.spawn(self._clean_up(), name=f"end of association {self.number}")
        else:
            self._gone()

    async def _clean_up(self) -> None:
        """Nobody is left to be answered: end what handlers still do, and wait until it has ended."""
        await self._tasks.close()
        self._gone()

    def _gone(self) -> None:
        self._associate_memory.close()
        self._server.forget(self)
        self.ended.set_result(None)


def _why_refused(error: RemoteProtocolError | OperationTimeout) -> str:
    """Why what came was answered by an A-ABORT, or by closing the connection; one line."""
    text = str(error.args[0])
    is_foreign = isinstance(error, RemoteProtocolError) and error.abort_reason == AbortReason.UNRECOGNIZED_PDU
    return f"what came is no DICOM: {text}" if is_foreign else text
