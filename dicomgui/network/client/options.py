"""How an association is to be opened, and how long that took."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from dicomgui.network.association.contexts import ProposedContext
from dicomgui.network.association.params import OUR_IMPLEMENTATION, AETitle, Implementation, Limits, Timeouts
from dicomgui.network.client import presets
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.pdu import SOPClassCommonExtendedNegotiation, SOPClassExtendedNegotiation, UserIdentityRQ
from dicomgui.network.service import Handlers
from dicomgui.network.service.instance_check import Strictness
from dicomgui.network.service.lifecycle import Lifecycle
from dicomgui.network.service.permitted import STANDARD_PERMISSIONS, PermissionTable
from dicomgui.network.tracing import Tracer
from dicomgui.network.transport import SocketOptions, TlsConfig

__all__ = ["ConnectOptions", "Timings"]


@dataclass(frozen=True, slots=True)
class ConnectOptions:
    """How to open an association.

    :ivar calling_ae: our AE title.
    :ivar contexts: the presentation contexts to propose, at most 128.
    :ivar timeouts: see :class:`Timeouts`.
    :ivar limits: see :class:`Limits`; holds the maximum PDU length that we advertise.
    :ivar tracer: where trace records go.
    :ivar trace_full: keep the data sets of C-STORE in the trace as well.
    :ivar local_host: local address to connect from.
    :ivar tls: speak TLS; see :class:`TlsConfig`.
    :ivar user_identity: who the user is (PS3.7 D.3.3.7); see :class:`UserIdentity`.
    :ivar require_identity: ask the peer to confirm ``user_identity``, and abort where it does not.
    :ivar async_ops: how many operations we want to have outstanding, and how many the peer may have (PS3.7 D.3.3.3); 0
        for no limit. (1, 1) does not ask.
    :ivar extended: SOP class extended negotiation to ask for (PS3.7 D.3.3.5).
    :ivar common_extended: SOP class common extended negotiation to tell (PS3.7 D.3.3.6).
    :ivar handlers: what the peer may ask of us on this association: N-EVENT-REPORT, and what we have the SCP role for.
    :ivar lifecycle: whom to tell of the association's life.
    :ivar sockets: how the TCP connection is set up; see :class:`SocketOptions`.
    :ivar implementation: which software we say that we are.
    :ivar strictness: the treatment of instances that come by C-GET and are broken.
    :ivar permitted: the requests that either side may send on which presentation context; another one of ours raises
        LocalProtocolError and nothing is sent. :data:`~dicomgui.network.EVERYTHING_PERMITTED` is for tests.
    """

    calling_ae: AETitle = field(default=AETitle("DICOMGUI"))
    contexts: tuple[ProposedContext, ...] = presets.DEFAULT
    timeouts: Timeouts = Timeouts()
    limits: Limits = Limits()
    tracer: Tracer | None = None
    trace_full: bool = False
    local_host: str | None = None
    tls: TlsConfig | None = None
    user_identity: UserIdentityRQ | None = None
    async_ops: tuple[int, int] = (1, 1)
    extended: tuple[SOPClassExtendedNegotiation, ...] = ()
    common_extended: tuple[SOPClassCommonExtendedNegotiation, ...] = ()
    handlers: Handlers = field(default=Handlers())
    lifecycle: Lifecycle = field(default=Lifecycle())
    require_identity: bool = False
    sockets: SocketOptions = field(default=SocketOptions())
    implementation: Implementation = OUR_IMPLEMENTATION
    permitted: PermissionTable = field(default=STANDARD_PERMISSIONS, repr=False)
    strictness: Strictness = Strictness.STRICT

    def __post_init__(self) -> None:
        if self.require_identity:
            if self.user_identity is None:
                raise ConfigurationError("there is no user identity that the peer could confirm", phase="configure")
            object.__setattr__(self, "user_identity", replace(self.user_identity, positive_response=1))


@dataclass(frozen=True, slots=True)
class Timings:
    """How long each step to the association took, in seconds; ``tls_s`` is 0 without TLS."""

    resolve_s: float
    connect_s: float
    associate_s: float
    tls_s: float = 0.0
