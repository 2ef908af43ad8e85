"""How this program connects to peers: the settings that echo, send and all later operations share."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from dicomgui.network.association.contexts import ProposedContext
from dicomgui.network.association.params import DEFAULT_MAX_PDU_LENGTH, AETitle, Limits, PeerAddress, Timeouts
from dicomgui.network.client import Association, connect
from dicomgui.network.tracing import Tracer
from dicomgui.network.transport import TlsConfig

__all__ = ["ConnectionOptions"]


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """How to open an association.

    :ivar calling_ae: our AE title.
    :ivar timeouts: see :class:`~dicomgui.network.Timeouts`.
    :ivar max_pdu_length: what we advertise, in bytes; 0 for no limit.
    :ivar trace_full: keep the data sets of C-STORE in the trace as well.
    :ivar tls: speak TLS; see :class:`~dicomgui.network.TlsConfig`.
    :raises ConfigurationError: a value is unusable.
    """

    calling_ae: str = "DICOMGUI"
    timeouts: Timeouts = field(default=Timeouts())
    max_pdu_length: int = DEFAULT_MAX_PDU_LENGTH
    trace_full: bool = False
    tls: TlsConfig | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "calling_ae", AETitle(self.calling_ae))
        Limits(max_pdu_length=self.max_pdu_length)  # judged now, not at the first connection

    def connect(
        self, peer: PeerAddress, contexts: Sequence[ProposedContext], tracer: Tracer | None
    ) -> AbstractAsyncContextManager[Association]:
        """An association with ``peer``, to be entered with ``async with``; raises what
        :func:`dicomgui.network.connect` raises.
        """
        return connect(
            peer,
            calling_ae=self.calling_ae,
            contexts=contexts,
            timeouts=self.timeouts,
            limits=Limits(max_pdu_length=self.max_pdu_length),
            tracer=tracer,
            trace_full=self.trace_full,
            tls=self.tls,
        )
