"""How this program connects to peers: the settings that echo, send and all later operations share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from dicomgui.app.credentials import Identity, Need
from dicomgui.network.association.contexts import ProposedContext
from dicomgui.network.association.extended import QueryFlags, extended_for
from dicomgui.network.association.params import DEFAULT_MAX_PDU_LENGTH, AETitle, Limits, PeerAddress, Timeouts
from dicomgui.network.association.profiles import NegotiationProfile
from dicomgui.network.client import Association, ConnectOptions, open_with
from dicomgui.network.dimse.commands import Priority
from dicomgui.network.errors import ConfigurationError, ConnectionLost
from dicomgui.network.service import Handlers, PermissionTable, Strictness
from dicomgui.network.tracing import Tracer
from dicomgui.network.transport import SocketOptions, TlsConfig
from dicomgui.network.transport.key_files import needs_password

__all__ = [
    "MAX_OPERATIONS",
    "ConnectionOptions",
    "NegotiationSource",
    "RoleWish",
    "always",
    "check_operations",
    "is_encrypted",
    "limits_of",
    "opens_key",
]

MAX_OPERATIONS = 0xFFFF
"""Most operations that a window can name (PS3.7 D.3.3.3): 16 bits."""


class RoleWish(StrEnum):
    """Which roles we ask for where an operation asks for none of its own (PS3.7 D.3.3.4)."""

    USUAL = "usual"
    """Ask for nothing: we are the user (SCU)."""
    USER = "scu"
    PROVIDER = "scp"
    BOTH = "both"


class NegotiationSource(Protocol):
    """A place that a negotiation profile comes from, such as a file."""

    def load(self) -> NegotiationProfile:
        """Read the profile. Waits for the disk.

        :raises ConfigurationError: it is not there, or not understood.
        """
        ...


_ROLES = {RoleWish.USER: (True, False), RoleWish.PROVIDER: (False, True), RoleWish.BOTH: (True, True)}


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """How to open an association.

    :ivar calling_ae: our AE title.
    :ivar timeouts: see :class:`~dicomgui.network.Timeouts`.
    :ivar max_pdu_length: what we advertise, in bytes; 0 for no limit.
    :ivar trace_full: keep the data sets of C-STORE in the trace as well.
    :ivar tls: speak TLS; see :class:`~dicomgui.network.TlsConfig`.
    :ivar identity: who we say we are.
    :ivar secret: what proves it. Without a secret that the identity needs, :meth:`connect` fails: see :meth:`needs`.
    :ivar async_ops: operations at a time that we want to invoke, and to perform; 0 for no limit.
    :ivar extended: what to ask for by extended negotiation, of the SOP classes that have it.
    :ivar role: which roles to ask for.
    :ivar require_identity: have the peer confirm the identity, and end the association where it does not.
    :ivar max_sent_pdu_length: send no longer PDUs, even if the peer takes them, in bytes; 0 for what it takes.
    :ivar local_host: local address to connect from; by default the system chooses.
    :ivar sockets: how TCP connections are set up.
    :ivar priority: of the requests to store, query and retrieve.
    :ivar charset: in which character set the peer's texts are where a data set names none, as a term of (0008,0005);
        empty for what can be guessed.
    :ivar strictness: the treatment of instances that come by C-GET and are broken, or others than their command says.
    :ivar ends_by_abort: end each association by A-ABORT instead of A-RELEASE, to see what the peer makes of that.
    :ivar negotiation: the profile that says what is proposed, read for each association; what it names goes before
        everything here and before the contexts of the operation.
    :raises ConfigurationError: a value is unusable.
    """

    calling_ae: str = "DICOMGUI"
    timeouts: Timeouts = field(default=Timeouts())
    max_pdu_length: int = DEFAULT_MAX_PDU_LENGTH
    trace_full: bool = False
    tls: TlsConfig | None = None
    identity: Identity | None = None
    secret: str | None = field(default=None, repr=False)
    async_ops: tuple[int, int] = (1, 1)
    extended: QueryFlags = field(default=QueryFlags())
    role: RoleWish = RoleWish.USUAL
    require_identity: bool = False
    max_sent_pdu_length: int = 0
    local_host: str | None = None
    sockets: SocketOptions = field(default=SocketOptions())
    priority: Priority = Priority.MEDIUM
    charset: str = ""
    strictness: Strictness = Strictness.STRICT
    negotiation: NegotiationSource | None = None
    ends_by_abort: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "calling_ae", AETitle(self.calling_ae))
        self._limits()  # judged now, not at the first connection
        check_operations(*self.async_ops)

    def _limits(self) -> Limits:
        return Limits(max_pdu_length=self.max_pdu_length, max_sent_pdu_length=self.max_sent_pdu_length)

    def needs(self, peer: PeerAddress) -> tuple[Need, ...]:
        """The secrets that a connection to ``peer`` needs and that are not here yet. Reads the file of the TLS key."""
        found = []
        if self.identity is not None and self.identity.kind.has_secret and not self.secret:
            found.append(Need.of_identity(self.identity, peer))
        if (need := self._need_of_proxy()) is not None:
            found.append(need)
        if self.tls is not None and self.tls.key_password is None:
            path = self.tls.key_file or self.tls.cert_file
            if path is not None and is_encrypted(path):
                found.append(Need.of_key(path))
        return tuple(found)

    def fits(self, need: Need, secret: str) -> bool:
        """True where a secret that was kept may be the right one: only the password of a key is known to be wrong."""
        if self.tls is None or need != Need.of_key(self.tls.key_file or self.tls.cert_file):
            return True
        return opens_key(self.tls, secret)

    def with_secret(self, need: Need, secret: str, peer: PeerAddress) -> ConnectionOptions:
        """The same with a secret that :meth:`needs` has named."""
        if self.identity is not None and need == Need.of_identity(self.identity, peer):
            return replace(self, secret=secret)
        if self.sockets.proxy is not None and need == self._need_of_proxy():
            return replace(self, sockets=replace(self.sockets, proxy=replace(self.sockets.proxy, password=secret)))
        return self if self.tls is None else replace(self, tls=replace(self.tls, key_password=always(secret)))

    def _need_of_proxy(self) -> Need | None:
        proxy = self.sockets.proxy
        if proxy is None or not proxy.user or proxy.password or not proxy.takes_password:
            return None
        return Need.of_proxy(proxy.user, f"{proxy.host}:{proxy.port}")

    def connect(
        self,
        peer: PeerAddress,
        contexts: Sequence[ProposedContext],
        tracer: Tracer | None,
        handlers: Handlers | None = None,
        permitted: PermissionTable | None = None,
    ) -> AbstractAsyncContextManager[Association]:
        """An association with ``peer``, to be entered with ``async with``; raises what
        :func:`dicomgui.network.connect` raises. Some peers close the connection instead of confirming the release; what
        was done before is done, so that is told by the trace alone.

        :param handlers: what the peer may ask of us on it, e.g. to take its N-EVENT-REPORT.
        :param permitted: the requests that either side may send on which presentation context.
        :raises ConfigurationError: the negotiation profile cannot be used.
        """
        options = replace(self.negotiated(replace(self.connect_options(), contexts=tuple(contexts))), tracer=tracer)
        if handlers is not None:
            options = replace(options, handlers=handlers)
        if permitted is not None:
            options = replace(options, permitted=permitted)
        opening = open_with(peer, options)
        return _ended_by_abort(opening) if self.ends_by_abort else _released_or_closed(opening)

    def connect_options(self) -> ConnectOptions:
        """The same for the library, with all but contexts and what the negotiation profile says."""
        return ConnectOptions(
            calling_ae=AETitle(self.calling_ae),
            timeouts=self.timeouts,
            limits=self._limits(),
            trace_full=self.trace_full,
            local_host=self.local_host,
            tls=self.tls,
            user_identity=None if self.identity is None else self.identity.made(self.secret),
            async_ops=self.async_ops,
            require_identity=self.require_identity,
            sockets=self.sockets,
            strictness=self.strictness,
        )

    def negotiated(self, options: ConnectOptions) -> ConnectOptions:
        """Options with contexts as the negotiation profile, our role and our extended negotiation make them.

        :raises ConfigurationError: the negotiation profile cannot be used.
        """
        profile = NegotiationProfile() if self.negotiation is None else self.negotiation.load()
        proposed = self._in_role(profile.proposed(options.contexts))
        usual = extended_for((context.abstract_syntax for context in proposed), self.extended)
        return replace(
            options,
            contexts=proposed,
            limits=limits_of(profile, options.limits),
            async_ops=profile.async_ops or options.async_ops,
            extended=profile.asked_for(proposed, usual),
            common_extended=profile.told(proposed),
            implementation=profile.implementation or options.implementation,
        )

    def _in_role(self, contexts: tuple[ProposedContext, ...]) -> tuple[ProposedContext, ...]:
        wish = _ROLES.get(self.role)
        if wish is None:
            return contexts
        scu, scp = wish
        return tuple(one if one.role is not None else replace(one, scu_role=scu, scp_role=scp) for one in contexts)


@asynccontextmanager
async def _released_or_closed(opening: AbstractAsyncContextManager[Association]) -> AsyncIterator[Association]:
    """An association whose peer may close the connection in the place of A-RELEASE-RP."""
    is_done = False
    try:
        async with opening as association:
            yield association
            is_done = True
    except ConnectionLost:
        if not is_done:
            raise


@asynccontextmanager
async def _ended_by_abort(opening: AbstractAsyncContextManager[Association]) -> AsyncIterator[Association]:
    async with opening as association:
        yield association
        if association.is_connected:
            await association.abort()


def limits_of(profile: NegotiationProfile, usual: Limits) -> Limits:
    """``usual`` with the PDU lengths that a negotiation profile names."""
    received, sent = profile.max_pdu_length, profile.max_sent_pdu_length
    return replace(
        usual,
        max_pdu_length=usual.max_pdu_length if received is None else received,
        max_sent_pdu_length=usual.max_sent_pdu_length if sent is None else sent,
    )


def check_operations(invoked: int, performed: int) -> None:
    """Judge a window of asynchronous operations.

    :raises ConfigurationError: a number does not fit into 16 bits.
    """
    for number in (invoked, performed):
        if not 0 <= number <= MAX_OPERATIONS:
            raise ConfigurationError(
                f"{number} operations at a time are not possible", phase="configure",
                hint=f"Give 1 to {MAX_OPERATIONS}, or 0 for no limit.",
            )  # fmt: skip


def always(secret: str) -> Callable[[], str]:
    """What gives ``secret`` whenever it is asked."""
    return lambda: secret


def opens_key(tls: TlsConfig, password: str) -> bool:
    """True where our TLS key can be used with this password; not where something else is wrong with key or certificate.

    Reads their files.
    """
    try:
        TlsConfig(
            tls.profile, cert_file=tls.cert_file, key_file=tls.key_file, key_password=always(password)
        ).server_context()
    except ConfigurationError:
        return False
    return True


def is_encrypted(path: str | Path) -> bool:
    """Whether a file of a TLS key asks for a password; not where it cannot be read."""
    try:
        return needs_password(Path(path).read_bytes()[:1_000_000])
    except (OSError, ValueError):
        return False
