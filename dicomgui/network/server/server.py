"""Accepting associations: listening sockets, admission, and the life of each association that came in."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import MappingProxyType, TracebackType
from typing import TypeAlias

from dicomgui.network.association.agreements import Agreements
from dicomgui.network.association.negotiation import AcceptPolicy, ContextChoices
from dicomgui.network.association.params import OUR_IMPLEMENTATION, AETitle, Implementation, Limits, Timeouts
from dicomgui.network.client.options import ConnectOptions
from dicomgui.network.errors import ConfigurationError, ListenError
from dicomgui.network.pdu import AssociateRJ
from dicomgui.network.server.acceptor import Acceptor
from dicomgui.network.server.moving import DestinationMover, Destinations
from dicomgui.network.server.offering import policy_for
from dicomgui.network.server.quotas import OnOverQuota, PeerQuotas
from dicomgui.network.service import AssociationFacts, Handlers, ServiceUser
from dicomgui.network.service.endings import check_abort
from dicomgui.network.service.instance_check import Strictness
from dicomgui.network.service.lifecycle import AssociationRequest, Lifecycle
from dicomgui.network.service.permitted import STANDARD_PERMISSIONS, PermissionTable
from dicomgui.network.service.resources import Resources
from dicomgui.network.structure import load_dictionary
from dicomgui.network.tracing import Scribe, Tracer
from dicomgui.network.transport import (
    AssociationTransport,
    IPNetwork,
    Listener,
    SocketOptions,
    TaskOwner,
    TlsConfig,
    TlsTransport,
    fork_count,
    is_within,
    open_listener,
    socket_place,
)

__all__ = ["Negotiator", "Server", "ServerCore", "ServerOptions", "Verdict", "serve", "take_over"]

DEFAULT_LISTEN_PORT = 11112

DICTIONARY_AFTER_S = 1.0
"""Seconds from the start of a server to when it loads the data dictionary: the command or the window comes first."""


Verdict: TypeAlias = AcceptPolicy | AssociateRJ | ContextChoices | None
"""A policy to judge this request by, a rejection, what to answer to single presentation contexts (the others are judged
by the server's policy), or ``None`` to leave it to that policy."""

Negotiator: TypeAlias = Callable[[AssociationRequest], Verdict | Awaitable[Verdict]]
"""Decides about a request for an association. The peer waits; after ``timeouts.artim_s``, and where it raises, the
request is rejected as transient (2/3/1)."""


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How to serve.

    :ivar policy: what is accepted; see :class:`AcceptPolicy`.
    :ivar max_connections: open connections, negotiated or not. For one more, the one gives way that has been without
        an association for the longest time; where all have one, the new one is closed at once.
    :ivar max_associations: associations at one time; one more is answered A-ASSOCIATE-RJ 2/3/2.
    :ivar tracer: where trace records go.
    :ivar trace_full: keep the data sets of C-STORE in the trace as well.
    :ivar max_associations_per_peer: associations at one time from one address, and of one calling AE title; one more is
        answered 2/3/2 as well. ``None`` for no limit of their own.
    :ivar lifecycle: whom to tell of each association's life; see :class:`Lifecycle`.
    :ivar negotiator: decides about each request instead of ``policy``; see :data:`Negotiator`.
    :ivar destinations: where a C-MOVE may send to; see :data:`Destinations`.
    :ivar tls: speak TLS with everyone; a handshake may take ``timeouts.tls_s`` and holds up nobody else.
    :ivar sockets: how TCP connections are set up; see :class:`SocketOptions`.
    :ivar implementation: which software we say that we are.
    :ivar max_hourly_instances_per_peer: C-STORE requests of one address, and of one calling AE title, within an hour;
        one more is answered A700 (out of resources). ``None`` for no limit, see :mod:`.quotas`.
    :ivar max_hourly_bytes_per_peer: bytes of their data sets, likewise; the one that goes over it is not kept.
    :ivar permitted: the requests that may come on which presentation context; any other is refused before a handler is
        asked. :data:`~dicomgui.network.EVERYTHING_PERMITTED` is for tests.
    :ivar strictness: the treatment of instances that are broken, or others than their command says.
    :ivar peer_networks: ranges of addresses from which connections are taken, all if empty; from elsewhere they are
        closed before a byte is read.
    :ivar on_over_quota: told of each C-STORE that is refused for one of the two, and why, in one line.
    """

    policy: AcceptPolicy
    timeouts: Timeouts = Timeouts()
    limits: Limits = Limits()
    max_connections: int = 1024
    max_associations: int = 256
    tracer: Tracer | None = None
    trace_full: bool = False
    max_associations_per_peer: int | None = None
    lifecycle: Lifecycle = field(default=Lifecycle())
    negotiator: Negotiator | None = None
    destinations: Destinations = field(default_factory=lambda: MappingProxyType({}))
    tls: TlsConfig | None = None
    sockets: SocketOptions = field(default=SocketOptions())
    implementation: Implementation = OUR_IMPLEMENTATION
    max_hourly_instances_per_peer: int | None = None
    max_hourly_bytes_per_peer: int | None = None
    on_over_quota: OnOverQuota | None = None
    permitted: PermissionTable = field(default=STANDARD_PERMISSIONS, repr=False)
    strictness: Strictness = Strictness.STRICT
    peer_networks: tuple[IPNetwork, ...] = ()

    def __post_init__(self) -> None:
        per_peer = self.max_associations_per_peer
        if self.max_connections < 1 or self.max_associations < 1 or (per_peer is not None and per_peer < 1):
            raise ConfigurationError("a server needs at least one connection and one association", phase="configure")
        for limit in (self.max_hourly_instances_per_peer, self.max_hourly_bytes_per_peer):
            if limit is not None and limit < 1:
                raise ConfigurationError("a peer that may store nothing needs no storage service", phase="configure")


class ServerCore:
    """A running listener with its associations, and all that the event loop holds of them.

    It knows nothing of the :class:`Server` that users hold, so that this can be dropped.

    :ivar ae_title: our AE title.
    :ivar tls_context: what connections are secured with; ``None`` without TLS.
    :ivar provided: the handlers, with the limits of peers around them.
    :ivar agreements: what answers requests that are judged by a policy.
    :ivar resources: budgets for what peers make us hold, one for all associations; see :class:`Limits`.
    :ivar mover: how a C-MOVE reaches its destinations.
    :ivar tasks: owner of what has to outlive a connection.
    """

    def __init__(self, ae_title: AETitle, handlers: Handlers, options: ServerOptions) -> None:
        self.ae_title = ae_title
        self.options = options
        self.handlers = handlers
        self.resources = Resources(options.limits)
        quotas = PeerQuotas(
            options.max_hourly_instances_per_peer, options.max_hourly_bytes_per_peer, options.on_over_quota
        )
        self.provided = replace(handlers, **quotas.guard(handlers))
        self.tls_context = None if options.tls is None else options.tls.server_context()
        self.agreements = Agreements(options.limits.max_pdu_length, options.implementation)
        self.mover = DestinationMover(
            options.destinations,
            ae_title,
            ConnectOptions(
                timeouts=options.timeouts,
                limits=options.limits,
                tracer=options.tracer,
                trace_full=options.trace_full,
                sockets=options.sockets,
                implementation=options.implementation,
            ),
        )
        self._scribe = Scribe(options.tracer, 0)
        self.tasks = TaskOwner(f"server {ae_title}")
        self._acceptors: dict[Acceptor, None] = {}  # the oldest first
        self._giving_way = 0
        self._forks = fork_count()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listener: Listener | None = None
        self._host = ""
        self._loading: asyncio.Task[None] | None = None

    async def open(self, host: str, port: int) -> None:
        """Start to listen.

        :raises ListenError: see :func:`~dicomgui.network.transport.open_listener`.
        """
        place = socket_place((host, port))
        self._loop = asyncio.get_running_loop()
        try:
            self._listener = await open_listener(self._make_transport, host, port)
        except ListenError as error:
            self._scribe.listen(place, self.ae_title, active=False, error=str(error))
            raise
        self._host = host
        self._scribe.listen(self.address, self.ae_title, active=True)
        if self.handlers.on_store is not None:
            self._loading = self.tasks.spawn(self._load_dictionary(), name="load the data dictionary")

    async def _load_dictionary(self) -> None:
        """Load in a thread what C-STOREs need, once the program has started; one that comes sooner has it loaded."""
        await asyncio.sleep(DICTIONARY_AFTER_S)
        await self.resources.decoding.run(load_dictionary)

    @property
    def port(self) -> int:
        """The port we listen on; 0 when closed."""
        return 0 if self._listener is None or self.is_closed else self._listener.port

    @property
    def address(self) -> str:
        """``host:port`` that we listen on."""
        return socket_place((self._host, self.port))

    @property
    def is_listening(self) -> bool:
        """Whether new connections are accepted."""
        return self._listener is not None and not self.is_closed and self._listener.is_serving

    @property
    def connections(self) -> int:
        """How many connections are open, with an association or not."""
        return len(self._acceptors)

    @property
    def associations(self) -> tuple[AssociationFacts, ...]:
        """The associations that stand now."""
        return tuple(a.facts for a in self._acceptors if a.facts is not None and a.is_established)

    def abort(self, association: int, *, source: int = 0, reason: int = 0) -> bool:
        """Abort one association by its number in the trace; whether there was one.

        :param source: see :meth:`Association.abort`.
        :param reason: the same.
        """
        check_abort(source, reason)
        for acceptor in tuple(self._acceptors):
            if acceptor.number == association:
                acceptor.abort(source, reason)
                return True
        return False

    def user(self, association: int) -> ServiceUser | None:
        """What sends requests of our own on an association that stands, by its number in the trace."""
        for acceptor in self._acceptors:
            if acceptor.number == association and acceptor.is_established:
                return acceptor.user
        return None

    async def wait_empty(self) -> None:
        """Wait until no connection is open."""
        while self._acceptors:
            await self._wait_for_end(None)

    async def close(self, *, grace_s: float = 2.0) -> None:
        """Stop: no new connections; associations that are idle are aborted, those at work get ``grace_s`` first.

        Returns when every connection is closed and every handler has ended.
        """
        listener = self._listener
        if listener is None or self.is_closed:  # in the child of a fork it is the parent's
            return
        address = self.address
        self._listener = None
        if self._loading is not None:
            self._loading.cancel()
        listener.close()
        for acceptor in tuple(self._acceptors):
            acceptor.close_when_idle()
        await self._wait_for_end(grace_s)
        for acceptor in tuple(self._acceptors):
            acceptor.abort()
        await self._wait_for_end(1.0)
        for acceptor in tuple(self._acceptors):
            acceptor.cut()
        await self._wait_for_end(None)
        await listener.wait_closed()
        self._scribe.listen(address, self.ae_title, active=False)

    @property
    def is_closed(self) -> bool:
        """True where it does not listen, or not in this process."""
        return self._listener is None or self._forks != fork_count()

    def drop_soon(self) -> None:
        """Close it in its loop; may be called in any thread, and where the loop is closed."""
        with suppress(RuntimeError):  # the loop is closed, and the sockets with it
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._drop)

    def _drop(self) -> None:
        self.tasks.spawn(self.close(), name="close what was dropped")

    async def _wait_for_end(self, timeout_s: float | None) -> None:
        if self._acceptors:
            await asyncio.wait([a.ended for a in self._acceptors], timeout=timeout_s)

    # what acceptors ask and tell

    def takes_from(self, host: str) -> bool:
        """True where a connection may come from this address."""
        networks = self.options.peer_networks
        return not networks or is_within(host, networks)

    def may_connect(self) -> bool:
        """Whether one more connection is within the limit; none is once we have stopped to listen.

        A crowd that connects and says nothing must not keep out who has something to say: its oldest gives way.
        """
        if self._listener is None:
            return False
        if len(self._acceptors) - self._giving_way <= self.options.max_connections:
            return True
        oldest = next((acceptor for acceptor in self._acceptors if acceptor.may_give_way), None)
        if oldest is None:
            return False
        self._giving_way += 1
        oldest.give_way()
        return True

    def limit_reached(self, asking: Acceptor) -> str:
        """Which limit does not allow one more association, in a few words; empty if none does."""
        standing = [acceptor for acceptor in self._acceptors if acceptor.counts]
        per_peer = self.options.max_associations_per_peer
        if per_peer is not None:
            if sum(acceptor.host == asking.host for acceptor in standing) >= per_peer:
                return f"{asking.host} may have {per_peer} at a time"
            if sum(acceptor.calling_ae_title == asking.calling_ae_title for acceptor in standing) >= per_peer:
                return f"{asking.calling_ae_title!r} may have {per_peer} at a time"
        is_full = len(standing) >= self.options.max_associations
        return f"all callers together may have {self.options.max_associations} at a time" if is_full else ""

    def forget(self, acceptor: Acceptor) -> None:
        """A connection is gone, and with it everything that it held."""
        del self._acceptors[acceptor]
        self._giving_way -= acceptor.is_giving_way

    def _make_transport(self) -> AssociationTransport | TlsTransport:
        acceptor = Acceptor(self)
        self._acceptors[acceptor] = None
        return acceptor.make_transport()


class Server:
    """A running listener with its associations; made by :func:`serve`.

    Use it as ``async with``, or call :meth:`close`. Dropped while it listens, it warns (ResourceWarning) and is closed.
    """

    def __init__(self, ae_title: AETitle, handlers: Handlers, options: ServerOptions) -> None:
        self._core = ServerCore(ae_title, handlers, options)
        self._owns_end = True

    @property
    def ae_title(self) -> AETitle:
        """Our AE title."""
        return self._core.ae_title

    @property
    def handlers(self) -> Handlers:
        """What answers requests."""
        return self._core.handlers

    @property
    def options(self) -> ServerOptions:
        """How we serve."""
        return self._core.options

    @property
    def port(self) -> int:
        """The port we listen on; 0 when closed."""
        return self._core.port

    @property
    def address(self) -> str:
        """``host:port`` that we listen on."""
        return self._core.address

    @property
    def is_listening(self) -> bool:
        """Whether new connections are accepted."""
        return self._core.is_listening

    @property
    def connections(self) -> int:
        """How many connections are open, with an association or not."""
        return self._core.connections

    @property
    def associations(self) -> tuple[AssociationFacts, ...]:
        """The associations that stand now."""
        return self._core.associations

    async def open(self, host: str, port: int) -> None:
        """Start to listen.

        :raises ListenError: see :func:`~dicomgui.network.transport.open_listener`.
        """
        await self._core.open(host, port)

    def abort(self, association: int, *, source: int = 0, reason: int = 0) -> bool:
        """Abort one association by its number in the trace; whether there was one.

        :param source: see :meth:`Association.abort`.
        :param reason: the same.
        """
        return self._core.abort(association, source=source, reason=reason)

    def user(self, association: int) -> ServiceUser | None:
        """What sends requests of our own on an association that stands, by its number in the trace."""
        return self._core.user(association)

    async def wait_empty(self) -> None:
        """Wait until no connection is open."""
        await self._core.wait_empty()

    async def close(self, *, grace_s: float = 2.0) -> None:
        """Stop: no new connections; associations that are idle are aborted, those at work get ``grace_s`` first.

        Returns when every connection is closed and every handler has ended.
        """
        await self._core.close(grace_s=grace_s)

    async def __aenter__(self) -> Server:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def __del__(self) -> None:
        core = getattr(self, "_core", None)  # there is none where its making failed
        if core is None or core.is_closed or not self._owns_end:
            return
        address = core.address
        core.drop_soon()
        warnings.warn(
            f"the server at {address} was dropped, and is closed: use async with, or close()",
            ResourceWarning,
            stacklevel=1,
        )


def take_over(server: Server) -> ServerCore:
    """Leave it to the caller to close a server: the object itself may be dropped then."""
    server._owns_end = False
    return server._core


async def serve(
    host: str = "127.0.0.1",
    port: int = DEFAULT_LISTEN_PORT,
    *,
    ae_title: str = "DICOMGUI",
    handlers: Handlers | None = None,
    options: ServerOptions | None = None,
) -> Server:
    """Listen on ``host:port`` and serve every association that comes; port 0 takes a free port.

    Without ``options`` every peer is let in, for verification and for every SOP class of the services that ``handlers``
    has, storage in any transfer syntax.

    :raises ConfigurationError: the AE title or an option is unusable.
    :raises ListenError: the port is taken, needs rights, or the address is not ours.
    """
    title = AETitle(ae_title)
    handlers = handlers or Handlers()
    server = Server(title, handlers, options or ServerOptions(policy=policy_for(handlers, title)))
    await server.open(host, port)
    return server
