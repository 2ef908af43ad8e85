"""The upper layer's state machine (PS3.8 section 9.2) without any input or output.

:class:`UpperLayer` is one association, from the connection to its end, for either role. Its driver moves bytes and
keeps the clock; :mod:`~dicomgui.network.association.table` says what happens. The driver's duties:

- to give it what the socket received (:meth:`~UpperLayer.receive_data`, iterated to the end) and that the socket ended
  (:meth:`~UpperLayer.receive_eof`);
- after each call to write what :meth:`~UpperLayer.data_to_send` hands out, to arm one timer for
  :meth:`~UpperLayer.get_timer`, and to close the connection when :attr:`~UpperLayer.wants_close` is set (once ARTIM has
  run out without waiting any longer for a peer that does not read);
- to take ``now``, in seconds, always from the same monotonic clock.

Once the connection is to be closed the object is done: what still comes in is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from dicomgui.network.association.events import (
    Aborted,
    AssociateRejected,
    Cause,
    Indication,
    Observer,
    Released,
    ReleaseRequested,
    TransportClosed,
    indication_of,
)
from dicomgui.network.association.negotiation import check_request, refuse_version
from dicomgui.network.association.params import Limits
from dicomgui.network.association.states import Action, Event, State
from dicomgui.network.association.table import NEXT_STATES, TRANSITIONS
from dicomgui.network.errors import LocalProtocolError, RemoteProtocolError
from dicomgui.network.pdu import (
    Abort,
    AbortSource,
    AssociateAC,
    AssociateRJ,
    AssociateRQ,
    Capture,
    DataEnd,
    DataStart,
    Frame,
    Framer,
    PduType,
    PdvPiece,
    ReleaseRP,
    ReleaseRQ,
    Whole,
    pdu_name,
)
from dicomgui.network.pdu.remembered import decode_again
from dicomgui.network.tracing import ENDED_EARLY, LEFT_OPEN, Role, Segment

__all__ = ["Observer", "SendBuffer", "UpperLayer"]

SendBuffer: TypeAlias = bytes | bytearray | memoryview
"""What is handed out to be written; it is not changed afterwards."""

_P_DATA_TF = int(PduType.P_DATA_TF)
_UNEXPECTED_PDU = 2
"""Reason of the A-ABORT for a PDU that the state does not allow (PS3.8 table 9-26)."""

_MAX_REPEATED_ABORTS = 8
"""How often AA-7 answers. A peer that still sends rubbish is no longer listened to (its closing or ARTIM ends it), so
that it cannot keep us busy, nor make us hold answers that it does not read."""

_RELEASE_RQ, _RELEASE_RP = ReleaseRQ().encode(), ReleaseRP().encode()
_EVENTS: Final = {
    PduType.ASSOCIATE_RQ: Event.EVT6, PduType.ASSOCIATE_AC: Event.EVT3, PduType.ASSOCIATE_RJ: Event.EVT4,
    PduType.P_DATA_TF: Event.EVT10, PduType.RELEASE_RQ: Event.EVT12, PduType.RELEASE_RP: Event.EVT13,
    PduType.ABORT: Event.EVT16,
}  # fmt: skip
_PDU_TYPES: Final = frozenset(int(pdu_type) for pdu_type in PduType)
_FAULTS: Final = (Action.AA_1, Action.AA_7, Action.AA_8)


class UpperLayer:
    """One association as PS3.8 section 9.2 describes it, without input and output.

    A method that stands for a request of our user raises :class:`LocalProtocolError`, and changes nothing, where the
    state does not allow it. The peer can be the reason: an answer that took its time may find that the association is
    gone, so ask :meth:`allows` or be ready for the error.

    :ivar role: which side we are.
    :ivar artim_s: the ARTIM time-out in seconds.
    :ivar state: where the association stands.
    :ivar outgoing: the buffers queued since the last :meth:`data_to_send`, in order.
    :ivar artim_at: what :meth:`get_timer` gives.
    :ivar has_more: whether the driver's bytes are not used up with the data that was handed on last.
    :ivar takes_data: whether data of the peer is welcome in this state.
    :ivar wants_close: the driver is to close the connection once the data to send is written.
    :ivar wants_ends: whether the end of a P-DATA-TF is of interest, since somebody observes.

    :param limits: bounds of what the peer may send. The maximum PDU length that counts is the one advertised in the
        PDU given to :meth:`request` or :meth:`accept`; that of the limits is taken where such a PDU has none.
    :param artim_s: the ARTIM time-out in seconds (PS3.8 9.1.5).
    :param capture: decides what of received P-DATA-TF PDUs is kept for the observer; ``None`` keeps nothing.
    :param observer: is told what happens; ``None`` when nobody listens.
    :param admits_associate: asked ahead of the body of an A-ASSOCIATE PDU whether there is room for so many bytes.
    """

    __slots__ = (
        "_aborts", "_data_error", "_framer", "_max_pdu_length", "_observer", "_request", "artim_at", "artim_s",
        "has_more", "outgoing", "role", "state", "takes_data", "wants_close", "wants_ends",
    )  # fmt: skip

    def __init__(
        self, role: Role, *, limits: Limits, artim_s: float, capture: Capture | None = None,
        observer: Observer | None = None, admits_associate: Callable[[int], bool] | None = None,
    ) -> None:  # fmt: skip
        self.role = role
        self.state = State.STA1
        self.wants_close = False
        self._framer = Framer(max_associate_length=limits.max_associate_length, capture=capture)
        self._framer.admits_associate = admits_associate
        self._max_pdu_length = limits.max_pdu_length
        self.artim_s = artim_s
        self.artim_at: float | None = None
        self._observer = observer
        self.wants_ends = observer is not None
        self.outgoing: list[SendBuffer] = []
        self._request = b""
        self.takes_data = self.has_more = False
        self._data_error = ""
        self._aborts = 0

    # What the driver asks.

    def data_to_send(self) -> list[SendBuffer]:
        """Hand out what is :attr:`outgoing`; it must be written in full."""
        queued, self.outgoing = self.outgoing, []
        return queued

    def get_timer(self) -> float | None:
        """When :meth:`handle_timer` is to be called, on the clock of ``now``; ``None`` while ARTIM does not run."""
        return self.artim_at

    def allows(self, event: Event) -> bool:
        """Whether the present state has an action for ``event``; nothing is allowed once the connection is done."""
        return not self.wants_close and (self.state, event) in TRANSITIONS

    # What happens to the connection.

    def transport_opened(self, now: float) -> list[Indication]:
        """The connection is open (Evt2 for the requestor, Evt5 for the acceptor); ARTIM starts for the acceptor."""
        event = Event.EVT2 if self.role is Role.REQUESTOR else Event.EVT5
        return self._fire(event, Cause(now, self._request))

    def receive_data(self, data: bytes | bytearray | memoryview, now: float) -> Iterator[Indication]:
        """Take received bytes and yield what they mean to the user.

        Iterate to the end. Pieces of data point into ``data`` and are valid for one step only. Between steps the other
        methods may be called; what follows is judged by the state that they leave.
        """
        while self._listens():
            try:
                yield from self._judge(self._framer.feed(data), now)
            except RemoteProtocolError as error:
                fault = error
            else:
                return
            yield from self._on_broken(fault, now)
            data = b""  # the framer has kept what follows the fault

    def receive(self, data: memoryview, now: float, take: Callable[[Indication], bytes | None]) -> None:
        """The same as :meth:`receive_data`, with each indication handed to ``take``: the way for a driver in a hurry.

        Data then comes from the framer to ``take`` with nothing in between, as :meth:`Framer.flow` gives it.
        """
        while data:
            if self.takes_data:
                data = data[self._framer.flow(data, self, take) :]
                if not data:
                    return
            part = data[: self._framer.rest_of_head(data) or None]  # behind a header that was cut, data flow again
            data = data[len(part) :]
            whole = self._framer.take_lone(part) if self._listens() else None
            for indication in self.receive_data(part, now) if whole is None else self._on_whole(whole, now):
                take(indication)

    def data_ended(self, length: int, segments: tuple[Segment, ...], times: int = 1) -> None:
        """The framer has the end of a P-DATA-TF, or of several that are alike."""
        if self._observer is not None:
            self._observer.received(_P_DATA_TF, length, segments, self._data_error, times)
        self._data_error = ""

    def _judge(self, frames: Iterator[Frame], now: float) -> Iterator[Indication]:
        """What frames mean to the user.

        A piece is handed on when the frame after it is known: so the observer is told of the PDU that it ends before
        the user answers the message that it completes.
        """
        held: PdvPiece | None = None
        try:
            for frame in frames:
                if isinstance(frame, DataEnd):
                    self.data_ended(*frame)
                if held is not None and self.takes_data:
                    yield held
                held = None
                if isinstance(frame, PdvPiece):
                    held = frame
                elif isinstance(frame, DataStart):
                    if not self.takes_data:
                        yield from self._on_unexpected_data(now)
                elif isinstance(frame, Whole):
                    yield from self._on_whole(frame, now)
                    if not self._listens():
                        return
        except RemoteProtocolError:
            if held is not None and self.takes_data:
                yield held
            raise
        if held is not None and self.takes_data:
            yield held

    def receive_eof(self, now: float) -> list[Indication]:
        """The connection ended, was lost, or could not be opened (Evt17)."""
        if self.wants_close:
            return []
        self._tell_unfinished(self._data_error or ENDED_EARLY)
        return self._fire(Event.EVT17, Cause(now))

    def handle_timer(self, now: float) -> list[Indication]:
        """Look at the clock; at or after the time of :meth:`get_timer` ARTIM has run out (Evt18).

        The driver then closes the connection without waiting for what is not written yet.
        """
        if self.artim_at is None or now < self.artim_at:
            return []
        self._tell_unfinished(self._data_error or LEFT_OPEN)
        return self._fire(Event.EVT18, Cause(now))

    # What the user asks.

    def request(self, rq: AssociateRQ, now: float, encode: Callable[[], bytes] | None = None) -> None:
        """Ask for an association (Evt1): the driver is to open a connection, on which ``rq`` goes out.

        :param encode: gives the bytes of ``rq``, where they may be known already.
        :raises LocalProtocolError: there is or was an association already, or we are the acceptor.
        """
        if self.role is not Role.REQUESTOR:
            raise LocalProtocolError("only the requestor of an association sends an A-ASSOCIATE-RQ")
        self._demand(Event.EVT1)
        self._request = (encode or rq.encode)()
        self._max_pdu_length = _advertised(rq, self._max_pdu_length)
        self._fire(Event.EVT1, Cause(now))

    def accept(self, ac: AssociateAC, now: float, encode: Callable[[], bytes] | None = None) -> None:
        """Accept the association that the peer asked for (Evt7); ``encode`` as for :meth:`request`."""
        self._demand(Event.EVT7)
        data = (encode or ac.encode)()
        self._max_pdu_length = _advertised(ac, self._max_pdu_length)
        self._fire(Event.EVT7, Cause(now, data))

    def reject(self, rj: AssociateRJ, now: float) -> None:
        """Reject the association that the peer asked for (Evt8); the peer is to close, or ARTIM does."""
        self._demand(Event.EVT8)
        self._fire(Event.EVT8, Cause(now, rj.encode()))

    @property
    def may_pass(self) -> bool:
        """Whether the driver may write P-DATA-TF PDUs right now, past :meth:`send_data`: nothing is queued before."""
        return self.state is State.STA6 and not self.outgoing

    def send_data(self, chunk: SendBuffer) -> None:
        """Queue one or more whole P-DATA-TF PDUs (Evt9); ``chunk`` must not change afterwards.

        The observer is not told; see :meth:`Observer.sent`.
        """
        if self.state is not State.STA6:
            self._demand(Event.EVT9)
        self.outgoing.append(chunk)

    def release(self, now: float) -> None:
        """Ask the peer to end the association (Evt11); data may still come in."""
        self._fire(Event.EVT11, Cause(now))

    def confirm_release(self, now: float) -> None:
        """Answer the peer's wish to end the association (Evt14)."""
        self._fire(Event.EVT14, Cause(now))

    def abort(self, now: float, source: int = AbortSource.SERVICE_USER, reason: int = 0) -> None:
        """End the association at once (Evt15)."""
        self._fire(Event.EVT15, Cause(now, source=source, reason=reason))

    def provider_abort(self, error: RemoteProtocolError, now: float) -> list[Indication]:
        """Answer a fault of the peer that was found above this layer, as an invalid PDU is answered (Evt19).

        :raises LocalProtocolError: there is no association any more.
        """
        if not self.allows(Event.EVT19):
            raise LocalProtocolError(f"nothing to abort in {self.state} ({self.state.text})")
        return self._fire(Event.EVT19, Cause(now, error=error))

    # From frames to events.

    def _on_whole(self, frame: Whole, now: float) -> list[Indication]:
        refusal: AssociateRJ | None = None
        try:
            pdu = decode_again(frame.data)
            if isinstance(pdu, AssociateRQ) and self.state is State.STA2:
                refusal = refuse_version(pdu)
                if refusal is None:
                    check_request(pdu)
        except RemoteProtocolError as error:
            self._tell_received(frame, str(error))
            return self._fire(Event.EVT19, Cause(now, error=error))
        event = _EVENTS[pdu.pdu_type]
        fault = self._find_unexpected(event, frame.pdu_type)
        self._tell_received(frame, str(fault) if fault else "")
        if refusal is not None:
            return self._fire(event, Cause(now, refusal.encode(), AssociateRejected(refusal)))
        return self._fire(event, Cause(now, b"", indication_of(pdu), fault))

    def _on_unexpected_data(self, now: float) -> list[Indication]:
        """A P-DATA-TF begins where none is expected: that is known at its header, its body is dropped as it comes."""
        fault = self._find_unexpected(Event.EVT10, PduType.P_DATA_TF)
        self._data_error = str(fault) if fault else ""
        return self._fire(Event.EVT10, Cause(now, error=fault))

    def _on_broken(self, fault: RemoteProtocolError, now: float) -> list[Indication]:
        self._tell_unfinished(str(fault))
        self._data_error = ""
        return self._fire(Event.EVT19, Cause(now, error=fault))

    def _find_unexpected(self, event: Event, pdu_type: int) -> RemoteProtocolError | None:
        """The fault of sending a PDU that the state does not allow, where an A-ABORT answers it."""
        if TRANSITIONS.get((self.state, event)) not in _FAULTS:
            return None
        return RemoteProtocolError(
            f"{pdu_name(pdu_type)} is not allowed in {self.state} ({self.state.text})",
            pdu_type=pdu_type,
            field="PDU-type",
            abort_reason=_UNEXPECTED_PDU,
        )

    # The machine proper.

    def _listens(self) -> bool:
        return not self.wants_close and self._aborts < _MAX_REPEATED_ABORTS

    def _demand(self, event: Event) -> Action:
        """The action for ``event``; where there is none our user is at fault, or this software."""
        action = None if self.wants_close else TRANSITIONS.get((self.state, event))
        if action is not None:
            return action
        text = f"{event} ({event.text}) is not possible in {self.state} ({self.state.text})"
        if event.is_local:
            raise LocalProtocolError(text)
        raise AssertionError(text)

    def _fire(self, event: Event, cause: Cause) -> list[Indication]:
        action = self._demand(event)
        states = NEXT_STATES[action]
        before, after = self.state, states[0] if len(states) == 1 else self._choose_next(action, cause)
        self.state = after
        self.takes_data = after is State.STA6 or after is State.STA7
        if self._observer is not None and not (event is Event.EVT10 and before is after):
            self._observer.transition(before, event, action, after)
        indications = []
        for effect in _EFFECTS[action]:
            indication = effect(self, cause)
            if indication is not None:
                indications.append(indication)
        return indications

    def _choose_next(self, action: Action, cause: Cause) -> State:
        states = NEXT_STATES[action]
        if action is Action.AE_6:
            return states[1 if cause.data else 0]
        assert action is Action.AR_8
        return states[0 if self.role is Role.REQUESTOR else 1]

    def _send(self, data: bytes) -> None:
        self.outgoing.append(data)
        if self._observer is not None:
            self._observer.sent(data[0], len(data), (Segment(0, data),))

    def _tell_received(self, frame: Whole, error: str) -> None:
        if self._observer is not None:
            self._observer.received(frame.pdu_type, len(frame.data), (Segment(0, frame.data),), error)

    def _tell_unfinished(self, error: str) -> None:
        """Tell what the framer holds of a PDU that is at fault or will not be finished."""
        broken = self._framer.take_broken()
        if broken is None or self._observer is None:
            return
        pdu_type, length, segments = broken
        if pdu_type in _PDU_TYPES:
            self._observer.received(pdu_type, length, segments, error)
        else:
            self._observer.stray(length, b"".join(segment.data for segment in segments), error)

    # What actions are made of; _EFFECTS puts them together.

    def _send_given(self, cause: Cause) -> Indication | None:
        self._send(cause.data)
        return None

    def _send_release_rq(self, cause: Cause) -> Indication | None:
        self._send(_RELEASE_RQ)
        return None

    def _send_release_rp(self, cause: Cause) -> Indication | None:
        self._send(_RELEASE_RP)
        return None

    def _send_user_abort(self, cause: Cause) -> Indication | None:
        self._send(Abort(cause.source, cause.reason).encode())
        return None

    def _send_provider_abort(self, cause: Cause) -> Indication | None:
        self._send(Abort(AbortSource.SERVICE_PROVIDER, cause.fault_reason).encode())
        return None

    def _repeat_abort(self, cause: Cause) -> Indication | None:
        self._aborts += 1
        return self._send_provider_abort(cause)

    def _start_artim(self, cause: Cause) -> Indication | None:
        self.artim_at = cause.now + self.artim_s
        return None

    def _judge_request(self, cause: Cause) -> Indication | None:
        self.artim_at = None
        if self.state is not State.STA3:
            self._start_artim(cause)
            self._send_given(cause)
        return cause.indication

    def _begin_data(self, cause: Cause) -> Indication | None:
        self._framer.max_pdata_length = self._max_pdu_length
        return None

    def _close(self, cause: Cause) -> Indication | None:
        self.artim_at = None
        self.wants_close = True
        return None

    def _indicate(self, cause: Cause) -> Indication | None:
        return cause.indication

    def _indicate_release(self, cause: Cause) -> Indication | None:
        return ReleaseRequested(collision=self.state is not State.STA8)

    def _confirm_release(self, cause: Cause) -> Indication | None:
        return Released(collision=self.state is State.STA12)

    def _indicate_refusal(self, cause: Cause) -> Indication | None:
        """There is no association yet that could end, and so no indication in PS3.8; who keeps a log wants to know."""
        return None if cause.error is None else Aborted(AbortSource.SERVICE_USER, 0, by_peer=False, error=cause.error)

    def _indicate_own_abort(self, cause: Cause) -> Indication | None:
        return Aborted(AbortSource.SERVICE_PROVIDER, cause.fault_reason, by_peer=False, error=cause.error)

    def _indicate_loss(self, cause: Cause) -> Indication | None:
        return TransportClosed()


_Effect: TypeAlias = Callable[[UpperLayer, Cause], Indication | None]

# PS3.8 tables 9-6 to 9-9; the state after the action is set before its effects. DT-1, DT-2, AR-6 and AR-7 move data and
# are done in send_data and receive_data.
_EFFECTS: Final[dict[Action, tuple[_Effect, ...]]] = {
    Action.AE_1: (),  # the driver opens the connection
    Action.AE_2: (UpperLayer._send_given,),
    Action.AE_3: (UpperLayer._begin_data, UpperLayer._indicate),
    Action.AE_4: (UpperLayer._indicate, UpperLayer._close),
    Action.AE_5: (UpperLayer._start_artim,),
    Action.AE_6: (UpperLayer._judge_request,),
    Action.AE_7: (UpperLayer._send_given, UpperLayer._begin_data),
    Action.AE_8: (UpperLayer._send_given, UpperLayer._start_artim),
    Action.AR_1: (UpperLayer._send_release_rq,),
    Action.AR_2: (UpperLayer._indicate_release,),
    Action.AR_3: (UpperLayer._confirm_release, UpperLayer._close),
    Action.AR_4: (UpperLayer._send_release_rp, UpperLayer._start_artim),
    Action.AR_5: (UpperLayer._close,),
    Action.AR_8: (UpperLayer._indicate_release,),
    Action.AR_9: (UpperLayer._send_release_rp,),
    Action.AR_10: (UpperLayer._confirm_release,),
    Action.AA_1: (UpperLayer._send_user_abort, UpperLayer._start_artim, UpperLayer._indicate_refusal),
    Action.AA_2: (UpperLayer._close,),
    Action.AA_3: (UpperLayer._indicate, UpperLayer._close),
    Action.AA_4: (UpperLayer._indicate_loss, UpperLayer._close),
    Action.AA_5: (UpperLayer._close,),
    Action.AA_6: (),
    Action.AA_7: (UpperLayer._repeat_abort,),
    Action.AA_8: (UpperLayer._send_provider_abort, UpperLayer._indicate_own_abort, UpperLayer._start_artim),
}


def _advertised(pdu: AssociateRQ | AssociateAC, default: int) -> int:
    """The maximum PDU length that a PDU of ours tells the peer (PS3.8 D.1)."""
    length = None if pdu.user_information is None else pdu.user_information.max_length
    return default if length is None else length
