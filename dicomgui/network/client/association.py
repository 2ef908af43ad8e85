"""Opening an association as requestor and holding it: the object that users of the library work with."""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import Awaitable, Generator, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from types import TracebackType

from dicomgui.network.association.contexts import Negotiated, ProposedContext
from dicomgui.network.association.events import (
    AssociateAccepted,
    AssociateRejected,
    AssociateRequested,
    Released,
    ReleaseRequested,
)
from dicomgui.network.association.machine import UpperLayer
from dicomgui.network.association.params import (
    AETitle,
    Implementation,
    Limits,
    PeerAddress,
    Timeouts,
)
from dicomgui.network.association.proposals import propose
from dicomgui.network.association.states import Event
from dicomgui.network.client import presets
from dicomgui.network.client.options import ConnectOptions, Timings
from dicomgui.network.errors import (
    AssociationAborted,
    AssociationRejected,
    ConfigurationError,
    ConnectError,
    DicomNetworkError,
    LocalProtocolError,
)
from dicomgui.network.pdu import (
    AssociateRJ,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityRQ,
    describe_rejection,
)
from dicomgui.network.pdu.capture import Capture
from dicomgui.network.service import AssociationFacts, Connection, Handlers, Provider, ServiceUser
from dicomgui.network.service.endings import check_abort
from dicomgui.network.service.instance_check import Strictness
from dicomgui.network.service.lifecycle import Lifecycle, Teller
from dicomgui.network.service.performing import close_unawaited
from dicomgui.network.service.permitted import PermissionTable
from dicomgui.network.service.prompt import PromptFuture
from dicomgui.network.tracing import Role, Scribe, Tracer, next_association_id
from dicomgui.network.transport import (
    AssociationTransport,
    SocketOptions,
    TaskOwner,
    TlsConfig,
    TlsInfo,
    TraceObserver,
    fork_count,
    open_connection,
    requestor_context,
)

__all__ = ["Association", "AssociationLife", "connect", "open_with", "take_over"]

_USUAL = ConnectOptions()

ABORT_LINGER_S = 0.5
"""After an A-ABORT of ours the peer gets this long to close; then we do (an early close could destroy the A-ABORT)."""


class AssociationLife:
    """The life of an association that we requested: its connection, and all that the event loop holds of it.

    It knows nothing of the :class:`Association` that users hold, so that this can be dropped.

    :ivar peer: the address that we called.
    :ivar number: the association's number in the trace.
    :ivar connection: its DIMSE traffic.
    :ivar provider: answers the requests of the peer.
    :ivar user: sends requests for the handlers of these.
    """

    def __init__(self, peer: PeerAddress, options: ConnectOptions) -> None:
        self.peer = peer
        self.number = next_association_id()
        self._options = options
        self._tls = None if options.tls is None else requestor_context(options.tls)
        self._proposal = propose(
            peer.ae_title,
            options.calling_ae,
            options.contexts,
            max_pdu_length=options.limits.max_pdu_length,
            async_ops=options.async_ops,
            user_identity=options.user_identity,
            extended=options.extended,
            common_extended=options.common_extended,
            implementation=options.implementation,
        )
        self._loop = asyncio.get_running_loop()
        self._forks = fork_count()
        self._scribe = Scribe(options.tracer, self.number)
        observer = None if options.tracer is None else TraceObserver(self._scribe)
        capture = None if observer is None else Capture(full=options.trace_full)
        self._machine = UpperLayer(
            Role.REQUESTOR,
            limits=options.limits,
            artim_s=options.timeouts.artim_s,
            capture=capture,
            observer=observer,
        )
        self._observer = observer
        self._tasks = TaskOwner(f"association {self.number}")
        provider = Provider(options.handlers, self._tasks, permitted=options.permitted, strictness=options.strictness)
        connection = Connection(
            self._machine, self._scribe, self, provider, timeouts=options.timeouts, limits=options.limits
        )
        connection.peer = str(peer)
        self.connection = self._connection = connection
        self.provider = self._provider = provider
        self.user = ServiceUser(connection, provider)
        self._teller = Teller(options.lifecycle, self._scribe, self.number)
        self._facts: AssociationFacts | None = None
        self._answer: PromptFuture[Negotiated] = PromptFuture(loop=self._loop)
        self._releasing: list[PromptFuture[None]] = []
        self._timings: Timings | None = None

    # facts

    @property
    def negotiated(self) -> Negotiated:
        """What both sides agreed on."""
        return self._connection.negotiated

    @property
    def timings(self) -> Timings:
        """How long the steps to the association took.

        :raises LocalProtocolError: there has been no association yet.
        """
        if self._timings is None:
            raise LocalProtocolError("there is no association", peer=str(self.peer))
        return self._timings

    @property
    def tls(self) -> TlsInfo | None:
        """What TLS agreed on, and the peer's certificate; ``None`` without TLS, and before the connection is open."""
        return self._connection.transport.tls if self._connection.is_open else None

    @property
    def is_connected(self) -> bool:
        """Whether the association stands."""
        return self._timings is not None and not self._connection.is_over

    # the life of the association

    async def open(self) -> None:
        """Connect, request the association and wait for the answer; see :meth:`Association.open`."""
        options = self._options
        self._ask()
        try:
            times = await open_connection(
                self._make_transport,
                self.peer,
                self._scribe,
                timeout_s=options.timeouts.connect_s,
                local_host=options.local_host,
                sockets=options.sockets,
                tls=self._tls,
                server_name=None if options.tls is None else options.tls.server_name,
                tls_s=options.timeouts.tls_s,
            )
            requested = time.monotonic()  # uvloop's own clock has milliseconds
            self._connection.transport.set_deadline("associate", options.timeouts.associate_s)
            self._check(await self._answer)
        except ConnectError as error:
            self._connection.fail(error)
            await self._shut_down()
            raise
        except BaseException:
            await self._shut_down()
            raise
        self._connection.transport.set_deadline("associate", None)
        self._timings = Timings(times.resolve_s, times.connect_s, time.monotonic() - requested, times.tls_s)

    def _ask(self) -> None:
        may_request = self._machine.allows(Event.EVT1)
        try:
            self._machine.request(self._proposal.rq, self._loop.time(), self._proposal.encode)
        except LocalProtocolError as error:
            if not may_request:
                raise
            raise ConfigurationError(f"this cannot be asked for: {error}", phase="configure") from error

    def _check(self, negotiated: Negotiated) -> None:
        if self._options.require_identity and negotiated.identity_response is None:
            refused = AssociationAborted(
                "the peer did not confirm the user identity; we aborted the association",
                source=0,
                reason=0,
                by_peer=False,
                peer=str(self.peer),
                phase="associate",
                hint="Ask whether the peer checks user identities, or do without its confirmation.",
            )
            self._connection.abort(error=refused)
            raise refused

    async def release(self) -> None:
        """End the association in order (A-RELEASE) and close the connection. Does nothing when it has ended.

        :raises OperationTimeout: no answer within the release time-out; the association was aborted instead.
        :raises AssociationError: the association broke before the answer.
        """
        self._connection.refuse_other_process()
        try:
            if not self._connection.is_over:
                await self._ask_for_release()
        finally:
            await self._shut_down()

    async def _ask_for_release(self) -> None:
        if not self._releasing:
            self._machine.release(self._loop.time())
            self._connection.transport.flush()
            self._connection.transport.set_deadline("release", self._options.timeouts.release_s)
        released: PromptFuture[None] = PromptFuture(loop=self._loop)
        self._releasing.append(released)
        await released

    async def abort(self, *, source: int = 0, reason: int = 0) -> None:
        """End the association at once by A-ABORT, and close the connection.

        :param source: who aborts (PS3.8 table 9-26): 0, the service-user, is the truth; 2, the provider, is for tests.
        :param reason: of significance with source 2 only.
        :raises ConfigurationError: one of them does not fit into its byte.
        """
        self._connection.refuse_other_process()
        check_abort(source, reason)
        self._connection.abort(source, reason)
        await self._shut_down()

    @property
    def is_closed(self) -> bool:
        """True where nothing of it is left, or was ever there, in this process."""
        is_open = self._connection.is_open and not self._connection.transport.closed.done()
        return not is_open or self._forks != fork_count()

    def drop_soon(self) -> None:
        """See that :meth:`drop` is called in the loop; may be called in any thread, and where the loop is closed."""
        with suppress(RuntimeError):  # the loop is closed, and its connections with it
            self._loop.call_soon_threadsafe(self.drop)

    def drop(self) -> None:
        """End what nobody refers to any more, waiting for nobody: by A-RELEASE, or by A-ABORT where that cannot be."""
        if self.is_closed:
            return
        transport = self._connection.transport
        transport.closed.add_done_callback(lambda _closed: self._tasks.cancel())
        if not self._connection.is_over and self._connection.is_idle and self._machine.allows(Event.EVT11):
            self._machine.release(self._loop.time())
            transport.flush()
            transport.set_deadline("release", self._options.timeouts.release_s)
            return
        if not self._connection.is_over:
            self._connection.abort()
        transport.flush()
        transport.linger(ABORT_LINGER_S)

    async def close_dropped(self) -> None:
        """Do the same, and wait until the connection is closed."""
        self.drop()
        if self._connection.is_open:
            await self._connection.transport.closed

    async def leave(self, error: BaseException | None) -> None:
        """Leave an ``async with`` block, by ``error`` where that is one."""
        if self._forks != fork_count():
            return  # there is nothing to end in the child of a fork
        if error is None and self._connection.is_idle:
            await self.release()
        else:
            await self._leave()

    async def _leave(self) -> None:
        """Leave after a fault or a cancel: in order where that is still possible, and within a second."""
        if self._connection.is_idle and not self._connection.is_over:
            try:
                async with asyncio.timeout(ABORT_LINGER_S):
                    await self.release()
            except (TimeoutError, DicomNetworkError):
                await self.abort()
        else:
            await self.abort()

    async def _shut_down(self) -> None:
        """Close the connection and wait until it is closed; after that nothing of the association is left."""
        if not self._connection.is_over:
            self._connection.abort()
        if self._connection.is_open:
            transport = self._connection.transport
            transport.flush()  # the state machine may want it closed right now
            await transport.wait_closed(ABORT_LINGER_S)  # who did not read by then will not
        await self._tasks.close()

    def _make_transport(self) -> AssociationTransport:
        options = self._options
        return AssociationTransport(
            self._machine,
            self._connection,
            self._scribe,
            role=Role.REQUESTOR,
            send_s=options.timeouts.response_s,
            observer=self._observer,
            trace_full=options.trace_full,
            sockets=options.sockets,
        )

    # ConnectionOwner

    def connection_ready(self) -> None:
        """The transport connection is open; the state machine sends the request by itself."""

    def association_event(
        self, event: AssociateRequested | AssociateAccepted | AssociateRejected | ReleaseRequested | Released
    ) -> None:
        """Take an event of the association."""
        if isinstance(event, AssociateAccepted):
            negotiated = self._proposal.conclude(event.ac)
            self._connection.established(negotiated)
            self._facts = self._facts_of(negotiated)
            self._provider.attach(self._connection, self._facts, self.user)
            self._teller.accepted(self._facts)
            if not self._answer.done():
                self._answer.deliver(negotiated)
        elif isinstance(event, AssociateRejected):
            rejection = _rejection(event.rj, str(self.peer))
            self._teller.rejected(str(self.peer), str(rejection))
            self._connection.fail(rejection)
        elif isinstance(event, ReleaseRequested):
            self._on_release_requested(event)
        else:  # released; nobody asks a requestor for an association
            self._connection.finish()

    def _on_release_requested(self, event: ReleaseRequested) -> None:
        if event.collision:
            self._machine.confirm_release(self._loop.time())  # a requestor answers at once (Sta9)
            return
        delay = None if self._facts is None else self._teller.releasing(self._facts)
        if delay is None:
            self._confirm_release()
        else:
            close_unawaited(self._tasks.spawn(self._confirm_release_after(delay), name="release"), delay)

    async def _confirm_release_after(self, delay: Awaitable[None]) -> None:
        await self._teller.wait(delay)
        self._confirm_release()

    def _confirm_release(self) -> None:
        if self._machine.allows(Event.EVT14):
            self._machine.confirm_release(self._loop.time())
            self._connection.finish()
            self._connection.transport.flush()

    def _facts_of(self, negotiated: Negotiated) -> AssociationFacts:
        return AssociationFacts(
            self.number,
            self._connection.transport.peer_place,
            negotiated.calling_ae_title,
            negotiated.called_ae_title,
            negotiated.peer_implementation_class_uid,
            negotiated.peer_version_name,
            tuple(result for result in negotiated.contexts if result.accepted is None),
            negotiated,
            self.tls,
        )

    def association_ended(self, error: DicomNetworkError | None) -> None:
        """The association is over."""
        if not self._answer.done():
            released = AssociationAborted("the association was released", source=0, reason=0, peer=str(self.peer))
            self._answer.set_exception(error or released)
            self._answer.exception()  # known to be taken note of: open() may be on its way out already
        self._teller.closed(self._facts, error)
        for waiting in self._releasing:
            if waiting.done():  # who waited was cancelled
                continue
            if error is None:
                waiting.deliver(None)
            else:
                waiting.set_exception(error)


class Association(ServiceUser):
    """An association that we requested.

    Made by :func:`connect`. Safe for several tasks of one loop; see :class:`ServiceUser`, whose verbs it has. Dropped
    while it stands, it warns (ResourceWarning) and is closed: by A-RELEASE, or by A-ABORT where a request is under way.

    :ivar peer: the address that we called.
    :ivar number: the association's number in the trace.
    """

    def __init__(self, peer: PeerAddress, options: ConnectOptions) -> None:
        self._life = life = AssociationLife(peer, options)
        self._owns_end = True
        super().__init__(life.connection, life.provider, life.user)
        self.peer = peer
        self.number = life.number

    # facts

    @property
    def negotiated(self) -> Negotiated:
        """What both sides agreed on."""
        return self._life.negotiated

    @property
    def timings(self) -> Timings:
        """How long the steps to the association took.

        :raises LocalProtocolError: there has been no association yet.
        """
        return self._life.timings

    @property
    def tls(self) -> TlsInfo | None:
        """What TLS agreed on, and the peer's certificate; ``None`` without TLS, and before the connection is open."""
        return self._life.tls

    @property
    def is_connected(self) -> bool:
        """Whether the association stands."""
        return self._life.is_connected

    # the life of the association

    async def open(self) -> Association:
        """Connect, request the association and wait for the answer; see :func:`connect` for the errors.

        When it is cancelled or fails, the peer has been sent an A-ABORT and the connection is closed.
        """
        await self._life.open()
        return self

    async def release(self) -> None:
        """End the association in order (A-RELEASE) and close the connection. Does nothing when it has ended.

        :raises OperationTimeout: no answer within the release time-out; the association was aborted instead.
        :raises AssociationError: the association broke before the answer.
        """
        await self._life.release()

    async def abort(self, *, source: int = 0, reason: int = 0) -> None:
        """End the association at once by A-ABORT, and close the connection.

        :param source: who aborts (PS3.8 table 9-26): 0, the service-user, is the truth; 2, the provider, is for tests.
        :param reason: of significance with source 2 only.
        :raises ConfigurationError: one of them does not fit into its byte.
        """
        await self._life.abort(source=source, reason=reason)

    async def __aenter__(self) -> Association:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._life.leave(error)

    def __del__(self) -> None:
        life = getattr(self, "_life", None)  # there is none where its making failed
        if life is None or life.is_closed or not self._owns_end:
            return
        life.drop_soon()
        warnings.warn(
            f"association {self.number} with {self.peer} was dropped, and is closed: "
            "use async with, release() or abort()",
            ResourceWarning,
            stacklevel=1,
        )


def take_over(association: Association) -> AssociationLife:
    """Leave it to the caller to end an association: the object itself may be dropped then."""
    association._owns_end = False
    return association._life


def _rejection(rj: AssociateRJ, peer: str) -> AssociationRejected:
    text = describe_rejection(rj.result, rj.source, rj.reason)
    return AssociationRejected(
        f"the association was rejected: {text}", result=rj.result, source=rj.source, reason=rj.reason, peer=peer
    )


class _Opening:
    """What :func:`connect` returns: to be awaited, or entered with ``async with``."""

    def __init__(self, peer: PeerAddress, options: ConnectOptions) -> None:
        self._peer = peer
        self._options = options
        self._association: Association | None = None

    def __await__(self) -> Generator[object, None, Association]:
        return Association(self._peer, self._options).open().__await__()

    async def __aenter__(self) -> Association:
        self._association = await self
        return self._association

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._association is not None
        await self._association.__aexit__(kind, error, traceback)


def connect(
    peer: PeerAddress | str,
    *,
    calling_ae: str = "DICOMGUI",
    contexts: Sequence[ProposedContext] = presets.DEFAULT,
    timeouts: Timeouts | None = None,
    limits: Limits | None = None,
    tracer: Tracer | None = None,
    trace_full: bool = False,
    local_host: str | None = None,
    tls: TlsConfig | None = None,
    user_identity: UserIdentityRQ | None = None,
    async_ops: tuple[int, int] = (1, 1),
    extended: Sequence[SOPClassExtendedNegotiation] = (),
    common_extended: Sequence[SOPClassCommonExtendedNegotiation] = (),
    handlers: Handlers | None = None,
    lifecycle: Lifecycle | None = None,
    require_identity: bool = False,
    sockets: SocketOptions | None = None,
    implementation: Implementation | None = None,
    permitted: PermissionTable | None = None,
    strictness: Strictness = Strictness.STRICT,
) -> _Opening:
    """Open an association with ``peer``, a :class:`PeerAddress` or ``"AET@host:port"``.

    Use it as ``async with connect(…) as assoc:``, which releases the association at the end (and aborts it when the
    block is left in the middle of an operation), or as ``assoc = await connect(…)``, after which ``release()`` or
    ``abort()`` is yours to call.

    :param contexts: what to propose; by default verification, query/retrieve (patient and study root) and worklist.
    :param tls: speak TLS; its files are read at each connection. By default none is spoken.
    :param user_identity: who the user is; see :class:`UserIdentity`.
    :param require_identity: ask the peer to confirm it, and abort (AssociationAborted) where it does not.
    :param async_ops: operations outstanding that we want to invoke and to perform; what the peer answers counts.
    :param handlers: what the peer may ask of us on this association.
    :param lifecycle: whom to tell of the association's life.
    :param sockets: how the TCP connection is set up.
    :param implementation: which software we say that we are; the truth by default.
    :raises ConfigurationError: a parameter is unusable; nothing was sent.
    :raises ConnectError: no connection (see :func:`~dicomgui.network.transport.open_connection`).
    :raises TlsError: the TLS handshake failed; with TLS 1.3 the peer's refusal of our certificate comes after it.
    :raises AssociationRejected: the peer answered A-ASSOCIATE-RJ.
    :raises AssociationAborted: the peer answered A-ABORT.
    :raises ConnectionLost: the peer closed the connection instead of answering.
    :raises OperationTimeout: no answer within ``timeouts.associate_s``.
    :raises RemoteProtocolError: the peer answered with what is no valid PDU.
    """
    address = PeerAddress.parse(peer) if isinstance(peer, str) else peer
    options = ConnectOptions(
        calling_ae=AETitle(calling_ae),
        contexts=tuple(contexts),
        timeouts=timeouts or _USUAL.timeouts,
        limits=limits or _USUAL.limits,
        tracer=tracer,
        trace_full=trace_full,
        local_host=local_host,
        tls=tls,
        user_identity=user_identity,
        async_ops=async_ops,
        extended=tuple(extended),
        common_extended=tuple(common_extended),
        handlers=handlers or _USUAL.handlers,
        lifecycle=lifecycle or _USUAL.lifecycle,
        require_identity=require_identity,
        sockets=sockets or _USUAL.sockets,
        implementation=implementation or _USUAL.implementation,
        permitted=permitted or _USUAL.permitted,
        strictness=strictness,
    )
    return _Opening(address, options)


def open_with(peer: PeerAddress, options: ConnectOptions) -> AbstractAsyncContextManager[Association]:
    """An association with ``peer``, to be entered with ``async with``; as :func:`connect`, with the options as one."""
    return _Opening(peer, options)
