"""A requestor and an acceptor back to back, fed byte by byte and otherwise: both must agree at every end."""

from __future__ import annotations

import pytest
from helpers.pair import Pair
from helpers.playbook import ARTIM_S, DATA, RJ, RQ, UNKNOWN_PDU

from dicomgui.network.association import (
    Aborted,
    AcceptPolicy,
    AssociateAccepted,
    AssociateRejected,
    AssociateRequested,
    Released,
    ReleaseRequested,
    State,
    TransportClosed,
    conclude,
    negotiate,
)
from dicomgui.network.pdu import PDV, AssociateAC, PDataTF
from dicomgui.network.tracing import Role

PIECES = [1, 7, 100_000]


@pytest.mark.parametrize("piece", PIECES)
class TestPair:
    def test_a_whole_association(self, piece: int) -> None:
        pair = Pair(piece=piece).establish()
        payload = bytes(range(256)) * 16
        for side in (pair.requestor, pair.acceptor):
            side.layer.send_data(PDataTF((PDV(1, 0, payload[:2000]), PDV(1, 2, payload[2000:4000]))).encode())
        pair.pump()
        assert pair.requestor.data == pair.acceptor.data == payload[:4000]
        pair.requestor.layer.release(pair.now)
        pair.pump()
        assert pair.states == (State.STA7, State.STA8)
        pair.acceptor.layer.send_data(DATA.encode())
        pair.acceptor.layer.confirm_release(pair.now)
        pair.pump()
        assert pair.states == (State.STA1, State.STA1)
        assert pair.requestor.data[4000:] == b"command!"
        assert [type(event) for event in pair.requestor.events] == [AssociateAccepted, Released]
        assert [type(event) for event in pair.acceptor.events] == [AssociateRequested, ReleaseRequested]

    def test_release_collision(self, piece: int) -> None:
        pair = Pair(piece=piece).establish()
        pair.requestor.layer.release(pair.now)
        pair.acceptor.layer.release(pair.now)
        pair.pump()
        assert pair.states == (State.STA9, State.STA10)
        pair.requestor.layer.confirm_release(pair.now)
        pair.pump()
        assert pair.states == (State.STA11, State.STA12)
        pair.acceptor.layer.confirm_release(pair.now)
        pair.pump()
        assert pair.states == (State.STA1, State.STA1)
        assert pair.requestor.events[1:] == [ReleaseRequested(collision=True), Released()]
        assert pair.acceptor.events[1:] == [ReleaseRequested(collision=True), Released(collision=True)]

    def test_rejection(self, piece: int) -> None:
        pair = Pair(piece=piece)
        pair.requestor.layer.request(RQ, 0)
        pair.requestor.layer.transport_opened(0)
        pair.acceptor.layer.transport_opened(0)
        pair.pump()
        pair.acceptor.layer.reject(RJ, 0)
        pair.pump()
        assert pair.requestor.events == [AssociateRejected(RJ)]
        assert pair.states == (State.STA1, State.STA1)

    def test_abort_of_either_side(self, piece: int) -> None:
        for aborting, aborted in (("requestor", "acceptor"), ("acceptor", "requestor")):
            pair = Pair(piece=piece).establish()
            getattr(pair, aborting).layer.abort(pair.now)
            pair.pump()
            assert getattr(pair, aborted).events[-1] == Aborted(0, 0, by_peer=True)
            assert pair.states == (State.STA1, State.STA1)

    def test_aborts_that_cross(self, piece: int) -> None:
        pair = Pair(piece=piece).establish()
        pair.requestor.layer.abort(pair.now)
        pair.acceptor.layer.abort(pair.now)
        pair.pump()
        assert pair.states == (State.STA1, State.STA1)
        assert len(pair.requestor.events) == len(pair.acceptor.events) == 1

    def test_a_fault_ends_both(self, piece: int) -> None:
        pair = Pair(piece=piece).establish()
        pair.requestor.backlog += UNKNOWN_PDU
        pair.pump()
        assert pair.acceptor.events[-1] == Aborted(2, 1, by_peer=True)
        assert isinstance(pair.requestor.events[-1], Aborted)
        assert pair.states == (State.STA1, State.STA1)

    def test_negotiated_ends_see_the_same(self, piece: int) -> None:
        answer = negotiate(RQ, AcceptPolicy())
        assert isinstance(answer, AssociateAC)
        pair = Pair(piece=piece).establish(RQ, answer)
        asked, accepted = pair.acceptor.events[0], pair.requestor.events[0]
        assert isinstance(asked, AssociateRequested)
        assert isinstance(accepted, AssociateAccepted)
        ours, theirs = conclude(RQ, accepted.ac), conclude(asked.rq, answer, Role.ACCEPTOR)
        assert [c.context_id for c in ours.accepted] == [c.context_id for c in theirs.accepted] == [1]
        assert ours.accepted[0].as_scu
        assert theirs.accepted[0].as_scp


def test_a_connection_that_breaks_is_told_to_both() -> None:
    pair = Pair().establish()
    for side in (pair.requestor, pair.acceptor):
        assert side.layer.receive_eof(pair.now) == [TransportClosed()]


def test_a_peer_that_never_closes_is_ended_by_artim() -> None:
    pair = Pair().establish()
    pair.acceptor.layer.abort(pair.now)
    timer = pair.acceptor.layer.get_timer()
    assert timer == pair.now + ARTIM_S
    assert pair.acceptor.layer.handle_timer(timer) == []
    assert pair.acceptor.layer.wants_close
