"""Two upper layers back to back: what one queues the other receives, in pieces of any size."""

from __future__ import annotations

from dataclasses import dataclass, field

from helpers.playbook import AC, ARTIM_S, RQ, Notes

from dicomgui.network.association import Indication, Limits, PdvPiece, State, UpperLayer
from dicomgui.network.pdu import AssociateAC, AssociateRQ
from dicomgui.network.tracing import Role


@dataclass
class Side:
    """One end.

    :ivar events: the indications so far, without pieces of data.
    :ivar data: the data received so far.
    :ivar backlog: bytes under way to this side.
    """

    layer: UpperLayer
    notes: Notes
    events: list[Indication] = field(default_factory=list)
    data: bytearray = field(default_factory=bytearray)
    backlog: bytearray = field(default_factory=bytearray)
    ended: bool = False

    def take(self, piece: bytes, now: float) -> None:
        for event in self.layer.receive_data(piece, now):
            self.note(event)

    def note(self, event: Indication) -> None:
        if isinstance(event, PdvPiece):
            self.data += event.data
        else:
            self.events.append(event)


class Pair:
    """A requestor and an acceptor with a connection between them.

    :param piece: how many bytes are delivered at a time.
    """

    def __init__(self, *, piece: int = 1, limits: Limits | None = None) -> None:
        self.now = 0.0
        self.piece = piece
        self.requestor = self._side(Role.REQUESTOR, limits)
        self.acceptor = self._side(Role.ACCEPTOR, limits)

    @staticmethod
    def _side(role: Role, limits: Limits | None) -> Side:
        notes = Notes()
        return Side(UpperLayer(role, limits=limits or Limits(), artim_s=ARTIM_S, observer=notes), notes)

    @property
    def states(self) -> tuple[State, State]:
        """Of the requestor and of the acceptor."""
        return self.requestor.layer.state, self.acceptor.layer.state

    def establish(self, rq: AssociateRQ = RQ, ac: AssociateAC = AC) -> Pair:
        """Come to Sta6 on both sides."""
        self.requestor.layer.request(rq, self.now)
        self.requestor.layer.transport_opened(self.now)
        self.acceptor.layer.transport_opened(self.now)
        self.pump()
        self.acceptor.layer.accept(ac, self.now)
        self.pump()
        assert self.states == (State.STA6, State.STA6)
        return self

    def collect(self) -> None:
        """Put what both have queued on its way."""
        for source, target in self._ways():
            for data in source.layer.data_to_send():
                target.backlog += data

    def pump(self) -> None:
        """Deliver until nothing moves; a side that wants to close ends the connection for the other."""
        moved = True
        while moved:
            self.collect()
            moved = False
            for source, target in self._ways():
                if target.backlog:
                    piece = bytes(target.backlog[: self.piece])
                    del target.backlog[: self.piece]
                    target.take(piece, self.now)
                    moved = True
                elif source.layer.wants_close and not target.ended:
                    target.ended = True
                    for event in target.layer.receive_eof(self.now):
                        target.note(event)
                    moved = True

    def _ways(self) -> tuple[tuple[Side, Side], tuple[Side, Side]]:
        return (self.requestor, self.acceptor), (self.acceptor, self.requestor)
