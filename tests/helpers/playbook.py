"""A play for one upper layer: ``assert Playbook(role) >> event << effect << effect >> event …``.

``>>`` makes something happen, ``<<`` names its next effect: a :class:`Sent` PDU, an indication, :class:`Closing`, or
the :class:`State` reached. Each effect must be named, in order, but states may be left out; ``assert`` at the front
demands that none is left over at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from dicomgui.network.association import (
    Aborted,
    Action,
    Event,
    Indication,
    Limits,
    PdvPiece,
    State,
    UpperLayer,
)
from dicomgui.network.errors import RemoteProtocolError
from dicomgui.network.pdu import (
    PDV,
    Abort,
    ApplicationContext,
    AssociateAC,
    AssociateRJ,
    AssociateRQ,
    Capture,
    ImplementationClassUID,
    MaximumLength,
    PDataTF,
    PresentationContextAC,
    PresentationContextRQ,
    UserInformation,
    decode,
)
from dicomgui.network.tracing import Role, Segment

VERIFICATION = "1.2.840.10008.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
JPEG_LS = "1.2.840.10008.1.2.4.80"
PRIVATE = "1.2.826.0.1.3680043.2.1.9.99"

ARTIM_S = 30.0

_INFORMATION = UserInformation((MaximumLength(4096), ImplementationClassUID("1.2.3.4")))
RQ = AssociateRQ(
    "CALLED", "CALLING", (ApplicationContext(), PresentationContextRQ(1, VERIFICATION, (IMPLICIT,)), _INFORMATION)
)
AC = AssociateAC("CALLED", "CALLING", (ApplicationContext(), PresentationContextAC(1, 0, IMPLICIT), _INFORMATION))
RJ = AssociateRJ(1, 1, 7)
DATA = PDataTF((PDV(1, 3, b"command!"),))
UNKNOWN_PDU = b"\x99\0\0\0\0\x04rest"


@dataclass(frozen=True)
class Sent:
    """The upper layer queued this PDU."""

    pdu: object


@dataclass(frozen=True)
class Closing:
    """The upper layer wants the connection closed."""


@dataclass(frozen=True)
class Data:
    """A piece of data for the user; the playbook copies it out of the receive buffer."""

    context_id: int
    control: int
    data: bytes
    starts: bool = True
    ends: bool = True


@dataclass(frozen=True)
class ProviderAbort:
    """The indication of an A-ABORT of ours that answers a fault, with the reason given in it."""

    reason: int


@dataclass(frozen=True)
class TurnedAway:
    """What came instead of a request for an association was answered by an A-ABORT."""


@dataclass
class Notes:
    """An observer that writes everything down."""

    transitions: list[tuple[State, Event, Action, State]] = field(default_factory=list)
    pdus_received: list[tuple[int, int, tuple[Segment, ...], str]] = field(default_factory=list)
    pdus_sent: list[tuple[int, int, tuple[Segment, ...]]] = field(default_factory=list)
    strays: list[tuple[int, bytes, str]] = field(default_factory=list)

    def transition(self, before: State, event: Event, action: Action, after: State) -> None:
        self.transitions.append((before, event, action, after))

    def received(self, pdu_type: int, length: int, segments: tuple[Segment, ...], error: str, times: int = 1) -> None:
        self.pdus_received += [(pdu_type, length, segments, error)] * times

    def sent(self, pdu_type: int, length: int, segments: tuple[Segment, ...]) -> None:
        self.pdus_sent.append((pdu_type, length, segments))

    def stray(self, length: int, data: bytes, error: str) -> None:
        self.strays.append((length, data, error))


Step = Callable[["Playbook"], Iterable[Indication] | None]


def opened() -> Step:
    return lambda play: play.layer.transport_opened(play.now)


def receive(*pdus: object) -> Step:
    """PDUs, or bytes, received in one go."""
    data = b"".join(pdu if isinstance(pdu, bytes) else pdu.encode() for pdu in pdus)
    return lambda play: play.layer.receive_data(data, play.now)


def eof() -> Step:
    return lambda play: play.layer.receive_eof(play.now)


def wait(seconds: float) -> Step:
    """Time passes; the timer is served as a driver would."""

    def step(play: Playbook) -> Iterable[Indication]:
        play.now += seconds
        return play.layer.handle_timer(play.now)

    return step


def request(rq: AssociateRQ = RQ) -> Step:
    return lambda play: play.layer.request(rq, play.now)


def accept(ac: AssociateAC = AC) -> Step:
    return lambda play: play.layer.accept(ac, play.now)


def reject(rj: AssociateRJ = RJ) -> Step:
    return lambda play: play.layer.reject(rj, play.now)


def send(pdu: PDataTF = DATA) -> Step:
    return lambda play: play.layer.send_data(pdu.encode())


def release() -> Step:
    return lambda play: play.layer.release(play.now)


def confirm_release() -> Step:
    return lambda play: play.layer.confirm_release(play.now)


def abort(source: int = 0, reason: int = 0) -> Step:
    return lambda play: play.layer.abort(play.now, source, reason)


def fault_above(reason: int) -> Step:
    error = RemoteProtocolError("found above", abort_reason=reason)
    return lambda play: play.layer.provider_abort(error, play.now)


class Playbook:
    """One upper layer on a stage, with its clock and its observer.

    :ivar layer: the upper layer.
    :ivar notes: what its observer was told.
    :ivar now: the clock, seconds.
    """

    def __init__(self, role: Role, *, limits: Limits | None = None, capture: Capture | None = None) -> None:
        self.notes = Notes()
        self.layer = UpperLayer(role, limits=limits or Limits(), artim_s=ARTIM_S, capture=capture, observer=self.notes)
        self.now = 1000.0
        self._pending: list[object] = []
        self._was_closing = False

    def __rshift__(self, step: Step) -> Playbook:
        self._expect_nothing()
        happened: list[object] = []
        for indication in step(self) or ():
            happened += self._taken()
            happened.append(_comparable(indication))
        happened += self._taken()
        if self.layer.wants_close and not self._was_closing:
            self._was_closing = True
            happened.append(Closing())
        self._pending = happened
        return self

    def __lshift__(self, effect: object) -> Playbook:
        if isinstance(effect, State):
            assert self.layer.state is effect, f"in {self.layer.state}, not {effect}; pending: {self._pending}"
        else:
            assert self._pending, f"nothing happened; expected {effect}"
            assert self._pending.pop(0) == effect
        return self

    def __bool__(self) -> bool:
        self._expect_nothing()
        return True

    def _taken(self) -> list[object]:
        return [Sent(decode(bytes(data))) for data in self.layer.data_to_send()]

    def _expect_nothing(self) -> None:
        assert not self._pending, f"not named: {self._pending}"


def _comparable(indication: Indication) -> object:
    if isinstance(indication, PdvPiece):
        return Data(
            indication.context_id, indication.control, bytes(indication.data), indication.starts, indication.ends
        )
    if isinstance(indication, Aborted) and not indication.by_peer:
        assert indication.error is not None
        if indication.source == 0:
            return TurnedAway()
        assert indication.source == 2
        assert indication.error.abort_reason == indication.reason
        return ProviderAbort(indication.reason)
    return indication


DELIVERED = Data(1, 3, b"command!")
USER_ABORT = Sent(Abort(0, 0))


def provider_abort(reason: int) -> Sent:
    """The A-ABORT of AA-8."""
    return Sent(Abort(2, reason))


def in_state(state: State) -> Playbook:
    """A play that has come to ``state`` on the shortest way, with nothing left over."""
    play = Playbook(Role.REQUESTOR if state in _REQUESTOR_STATES else Role.ACCEPTOR)
    for step in _WAYS[state]:
        play >> step
        play._pending.clear()
    assert play << state
    return play


_REQUESTOR_STATES = (State.STA4, State.STA5, State.STA9, State.STA11)
_ASKED = (opened(), receive(RQ))
_ACCEPTED = (*_ASKED, accept())
_REQUESTED = (request(), opened())
_ESTABLISHED = (*_REQUESTED, receive(AC))
_RELEASE_RQ = bytes.fromhex("05000000000400000000")
_RELEASE_RP = bytes.fromhex("06000000000400000000")
_WAYS: dict[State, tuple[Step, ...]] = {
    State.STA1: (),
    State.STA2: (opened(),),
    State.STA3: _ASKED,
    State.STA4: (request(),),
    State.STA5: _REQUESTED,
    State.STA6: _ACCEPTED,
    State.STA7: (*_ACCEPTED, release()),
    State.STA8: (*_ACCEPTED, receive(_RELEASE_RQ)),
    State.STA9: (*_ESTABLISHED, release(), receive(_RELEASE_RQ)),
    State.STA10: (*_ACCEPTED, release(), receive(_RELEASE_RQ)),
    State.STA11: (*_ESTABLISHED, release(), receive(_RELEASE_RQ), confirm_release()),
    State.STA12: (*_ACCEPTED, release(), receive(_RELEASE_RQ, _RELEASE_RP)),
    State.STA13: (*_ASKED, reject()),
}
