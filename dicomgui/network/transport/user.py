"""What a connection is driven for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from dicomgui.network.association.events import Indication
from dicomgui.network.errors import ConnectError

if TYPE_CHECKING:
    from dicomgui.network.transport.protocol import AssociationTransport

__all__ = ["TransportUser"]


class TransportUser(Protocol):
    """What stands above a connection. All are called in the loop's thread."""

    @property
    def is_receiving(self) -> bool:
        """Whether a message has come in part: the rest of it may be there already."""

    def transport_ready(self, transport: AssociationTransport) -> None:
        """The connection is open."""

    def handle_event(self, event: Indication) -> bytes | None:
        """The state machine has something to tell; the answer is that of :data:`~dicomgui.network.pdu.framer.TakeData`.

        A :class:`~dicomgui.network.pdu.PdvPiece` is valid during the call only. May raise
        :class:`RemoteProtocolError`, which aborts the association as its reason says.
        """

    def timed_out(self, name: str, seconds: float) -> None:
        """A deadline set by :meth:`AssociationTransport.set_deadline` has passed, or ARTIM (``artim``) has run out."""

    def transport_failed(self, error: ConnectError) -> None:
        """The connection broke for this reason; that it is closed is told next."""

    def transport_closed(self, error: OSError | None) -> None:
        """The connection is gone; called once, last."""
