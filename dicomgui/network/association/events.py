"""What the upper layer tells: its user the indications and confirmations of PS3.8 section 7 and received data, an
:class:`Observer` everything that happens.

Each indication is a small frozen value. Received data comes as :class:`~dicomgui.network.pdu.PdvPiece`, whose ``data``
points into the receive buffer: use or copy it before the next step of the iteration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

from dicomgui.network.association.states import Action, Event, State
from dicomgui.network.errors import RemoteProtocolError
from dicomgui.network.pdu import PDU, Abort, AbortSource, AssociateAC, AssociateRJ, AssociateRQ, PdvPiece, PdvRun
from dicomgui.network.tracing import Segment

__all__ = [
    "Aborted",
    "AssociateAccepted",
    "AssociateRejected",
    "AssociateRequested",
    "Cause",
    "Indication",
    "Observer",
    "PdvPiece",
    "PdvRun",
    "ReleaseRequested",
    "Released",
    "TransportClosed",
    "indication_of",
]


@dataclass(frozen=True, slots=True)
class AssociateRequested:
    """The peer asks for an association (A-ASSOCIATE indication): call ``accept`` or ``reject``.

    :ivar rq: the request; its protocol version and its presentation context ids are in order.
    """

    rq: AssociateRQ


@dataclass(frozen=True, slots=True)
class AssociateAccepted:
    """The peer accepted our request (A-ASSOCIATE confirmation, accept): data may flow.

    :ivar ac: the answer; judge it with :func:`~dicomgui.network.association.negotiation.conclude`.
    """

    ac: AssociateAC


@dataclass(frozen=True, slots=True)
class AssociateRejected:
    """The peer rejected our request (A-ASSOCIATE confirmation, reject); the connection is to be closed.

    To an acceptor: a request of a protocol version that there is not, which was rejected without asking (AE-6).

    :ivar rj: the answer with result, source and reason.
    """

    rj: AssociateRJ


@dataclass(frozen=True, slots=True)
class ReleaseRequested:
    """The peer asks for the release (A-RELEASE indication): call ``confirm_release`` when nothing is left to send.

    :ivar collision: we had asked as well (PS3.8 7.2.2). A requestor answers at once (Sta9); an acceptor must wait for
        :class:`Released` first (Sta10).
    """

    collision: bool = False


@dataclass(frozen=True, slots=True)
class Released:
    """The peer answered our release (A-RELEASE confirmation).

    :ivar collision: we are the acceptor in a release collision (Sta12): the peer still waits for our answer, call
        ``confirm_release``. Otherwise the association is over and the connection is to be closed.
    """

    collision: bool = False


@dataclass(frozen=True, slots=True)
class Aborted:
    """The association was aborted, not by our user (A-ABORT or A-P-ABORT indication).

    To an acceptor also: there is no association yet, and what came instead of a request for one was aborted (AA-1).

    :ivar source: 0 a user, 2 a provider: the peer's, or ours if ``by_peer`` is false.
    :ivar reason: PS3.8 table 9-26, significant with source 2 only.
    :ivar by_peer: whether the peer sent the A-ABORT.
    :ivar error: the fault of the peer that we answered with an A-ABORT; ``None`` if ``by_peer``.
    """

    source: int
    reason: int
    by_peer: bool
    error: RemoteProtocolError | None = None


@dataclass(frozen=True, slots=True)
class TransportClosed:
    """The connection ended under the association, or could not be opened (A-P-ABORT indication, AA-4)."""


Indication: TypeAlias = (
    AssociateRequested
    | AssociateAccepted
    | AssociateRejected
    | PdvPiece
    | PdvRun
    | ReleaseRequested
    | Released
    | Aborted
    | TransportClosed
)


class Cause(NamedTuple):
    """What an action of the state machine needs to know of the event that leads to it.

    :ivar data: the PDU that it is to send, where that is given.
    :ivar indication: what it is to tell.
    :ivar error: the fault of the peer that it answers.
    :ivar source: of an A-ABORT of our user; ``reason`` likewise.
    """

    now: float
    data: bytes = b""
    indication: Indication | None = None
    error: RemoteProtocolError | None = None
    source: int = AbortSource.SERVICE_USER
    reason: int = 0

    @property
    def fault_reason(self) -> int:
        """Reason of the A-ABORT that answers the fault."""
        return 0 if self.error is None else self.error.abort_reason


def indication_of(pdu: PDU) -> Indication | None:
    """What a received PDU tells the user, where that depends on its content alone."""
    match pdu:
        case AssociateRQ():
            return AssociateRequested(pdu)
        case AssociateAC():
            return AssociateAccepted(pdu)
        case AssociateRJ():
            return AssociateRejected(pdu)
        case Abort():
            return Aborted(pdu.source, pdu.reason, by_peer=True)
        case _:
            return None


class Observer(Protocol):
    """Who is told what the machine does: the trace. The methods must return quickly and must not raise."""

    def transition(self, before: State, event: Event, action: Action, after: State) -> None:
        """Take note that ``event`` met the state ``before``; told ahead of what the action does.

        Data that is sent or received and changes no state is not told: there is too much of it.
        """

    def received(self, pdu_type: int, length: int, segments: tuple[Segment, ...], error: str, times: int = 1) -> None:
        """Take note of a PDU, told ahead of what it causes; ``error`` if it was refused or broke off.

        A P-DATA-TF is told when its end has come; ``times`` if so many that are alike have come together.
        """

    def sent(self, pdu_type: int, length: int, segments: tuple[Segment, ...]) -> None:
        """Take note of a PDU that was queued. P-DATA-TF is not told: its sender knows what is worth keeping."""

    def stray(self, length: int, data: bytes, error: str) -> None:
        """Take note of received bytes that are no PDU: of ``length`` in all, ``data`` is what was kept."""
