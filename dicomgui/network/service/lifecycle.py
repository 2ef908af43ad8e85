"""What the user of the library is told of an association's life, and may decide in it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from dicomgui.network.errors import AssociationAborted, DicomNetworkError, OperationTimeout, RemoteProtocolError
from dicomgui.network.pdu import AssociateRQ, PresentationContextRQ, UserIdentityRQ
from dicomgui.network.service.requests import AssociationFacts
from dicomgui.network.tracing import Scribe
from dicomgui.network.transport.tasks import FAULTS, is_own_cancel
from dicomgui.network.transport.tls import TlsInfo

__all__ = ["AssociationRequest", "Lifecycle", "Teller"]

_log = logging.getLogger(__name__)

SERVICE_USER = 0
SERVICE_PROVIDER = 2
"""Sources of an A-ABORT (PS3.8 table 9-26)."""


@dataclass(frozen=True, slots=True)
class AssociationRequest:
    """A request for an association that is to be answered.

    :ivar association: its number in the trace.
    :ivar peer: ``host:port`` of the peer.
    :ivar rq: the A-ASSOCIATE-RQ itself.
    :ivar tls: what TLS agreed on, and the peer's certificate; ``None`` without TLS.
    """

    association: int
    peer: str
    rq: AssociateRQ
    tls: TlsInfo | None = None

    @property
    def calling_ae_title(self) -> str:
        """As the peer gives it; a claim, not a proof."""
        return self.rq.calling_ae

    @property
    def called_ae_title(self) -> str:
        """Whom the peer asks for."""
        return self.rq.called_ae

    @property
    def contexts(self) -> tuple[PresentationContextRQ, ...]:
        """The proposed presentation contexts."""
        return self.rq.presentation_contexts

    @property
    def user_identity(self) -> UserIdentityRQ | None:
        """Who the user is, if the peer says so (PS3.7 D.3.3.7)."""
        information = self.rq.user_information
        return None if information is None else information.user_identity


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """Called as an association goes through its life, in the loop's thread; each at most once.

    An exception in one of them becomes a log line and a note in the trace.

    :ivar on_requested: a peer asks for an association.
    :ivar on_accepted: an association stands.
    :ivar on_rejected: a connection or a request for an association was refused, by us or by the peer: its number in the
        trace, the peer as ``host:port``, and why. At a server a TLS handshake that failed is one of them, and so is a
        connection on which something else came than a request for an association, or nothing for too long.
    :ivar on_releasing: the peer asks for the release. Where this returns an awaitable, the answer waits for it; the
        peer's patience is its own.
    :ivar on_released: the association has ended in order.
    :ivar on_aborted: it has ended by A-ABORT, of either side: see ``by_peer``, ``source`` and ``reason`` of the error.
        Where we aborted for a fault of the peer or a time-out, that is the ``__cause__`` of the error.
    :ivar on_closed: always the last: the association or the attempt at one is over, ``None`` after an orderly release.
        The facts are ``None`` where no association came about.
    """

    on_requested: Callable[[AssociationRequest], None] | None = None
    on_accepted: Callable[[AssociationFacts], None] | None = None
    on_rejected: Callable[[int, str, str], None] | None = None
    on_releasing: Callable[[AssociationFacts], Awaitable[None] | None] | None = None
    on_released: Callable[[AssociationFacts], None] | None = None
    on_aborted: Callable[[AssociationFacts, AssociationAborted], None] | None = None
    on_closed: Callable[[int, AssociationFacts | None, DicomNetworkError | None], None] | None = None


class Teller:
    """Calls the handlers of one association's :class:`Lifecycle`, and survives what they raise."""

    def __init__(self, lifecycle: Lifecycle, scribe: Scribe, association: int) -> None:
        self._lifecycle = lifecycle
        self._scribe = scribe
        self._association = association
        self._is_closed = False

    def requested(self, request: AssociationRequest) -> None:
        """A peer asks for an association."""
        self.call("on_requested", self._lifecycle.on_requested, request)

    def accepted(self, facts: AssociationFacts) -> None:
        """The association stands."""
        self.call("on_accepted", self._lifecycle.on_accepted, facts)

    def rejected(self, peer: str, reason: str) -> None:
        """It was refused."""
        self.call("on_rejected", self._lifecycle.on_rejected, self._association, peer, reason)

    def releasing(self, facts: AssociationFacts) -> Awaitable[None] | None:
        """The peer asks for the release; what is returned is to be awaited before the answer."""
        delay: Awaitable[None] | None = self.call("on_releasing", self._lifecycle.on_releasing, facts)
        return delay

    async def wait(self, awaitable: Awaitable[None]) -> None:
        """Await what a handler returned."""
        try:
            await awaitable
        except FAULTS as error:
            if is_own_cancel(error):
                raise
            self._failed("on_releasing", error)

    def closed(self, facts: AssociationFacts | None, error: DicomNetworkError | None) -> None:
        """It is over."""
        if self._is_closed:
            return
        self._is_closed = True
        if facts is not None and error is None:
            self.call("on_released", self._lifecycle.on_released, facts)
        elif facts is not None and (abort := _abort_of(error)) is not None:
            self.call("on_aborted", self._lifecycle.on_aborted, facts, abort)
        self.call("on_closed", self._lifecycle.on_closed, self._association, facts, error)

    def call(self, name: str, handler: Callable[..., Any] | None, *arguments: Any) -> Any:
        """Call one handler."""
        if handler is None:
            return None
        try:
            return handler(*arguments)
        except FAULTS as error:
            self._failed(name, error)
            return None

    def _failed(self, name: str, error: BaseException) -> None:
        _log.error("%s failed", name, exc_info=error)
        self._scribe.note(logging.ERROR, f"{name} failed: {type(error).__name__}: {error}")


def _abort_of(error: DicomNetworkError | None) -> AssociationAborted | None:
    """The A-ABORT that ended an association, ours after a fault of the peer too; ``None`` for a loss."""
    if isinstance(error, AssociationAborted):
        return error
    if isinstance(error, RemoteProtocolError):
        source, reason = SERVICE_PROVIDER, error.abort_reason
    elif isinstance(error, OperationTimeout):
        source, reason = SERVICE_USER, 0
    else:
        return None
    text = str(error.args[0])
    abort = AssociationAborted(text, source=source, reason=reason, by_peer=False, peer=error.peer, phase=error.phase)
    abort.__cause__ = error
    return abort
