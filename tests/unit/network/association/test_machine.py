"""What table 9-10 leaves to the machine: ARTIM, faults, limits, streams cut anywhere, and what the observer is told."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from helpers.playbook import (
    AC,
    ARTIM_S,
    DATA,
    DELIVERED,
    EXPLICIT,
    RJ,
    RQ,
    UNKNOWN_PDU,
    USER_ABORT,
    VERIFICATION,
    Closing,
    Data,
    Playbook,
    ProviderAbort,
    Sent,
    TurnedAway,
    abort,
    accept,
    confirm_release,
    eof,
    fault_above,
    in_state,
    opened,
    provider_abort,
    receive,
    reject,
    release,
    request,
    send,
    wait,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from dicomgui.network.association import (
    Aborted,
    Action,
    AssociateAccepted,
    AssociateRejected,
    AssociateRequested,
    Event,
    Limits,
    Released,
    ReleaseRequested,
    State,
    TransportClosed,
    UpperLayer,
)
from dicomgui.network.errors import LocalProtocolError, RemoteProtocolError
from dicomgui.network.pdu import (
    PDV,
    Abort,
    ApplicationContext,
    AssociateAC,
    AssociateRJ,
    AssociateRQ,
    Capture,
    PDataTF,
    PresentationContextRQ,
    ReleaseRP,
    ReleaseRQ,
    UserInformation,
)
from dicomgui.network.tracing import Role, Segment

BEFORE_CLOSE = [state for state in State if state is not State.STA1]
WITH_TRANSPORT = [state for state in BEFORE_CLOSE if state is not State.STA4]


def acceptor() -> Playbook:
    return Playbook(Role.ACCEPTOR)


class TestWholeAssociations:
    def test_requestor_sends_data_and_releases(self) -> None:
        play = Playbook(Role.REQUESTOR)
        assert play >> request() << State.STA4 >> opened() << Sent(RQ) >> receive(AC) << AssociateAccepted(AC)
        assert play >> send() << Sent(DATA) >> receive(DATA) << DELIVERED >> release() << Sent(ReleaseRQ())
        assert play >> receive(DATA) << DELIVERED >> receive(ReleaseRP()) << Released() << Closing() << State.STA1

    def test_acceptor_receives_data_and_is_released(self) -> None:
        play = Playbook(Role.ACCEPTOR)
        assert play >> opened() >> receive(RQ) << AssociateRequested(RQ) >> accept() << Sent(AC)
        assert play >> receive(DATA, DATA) << DELIVERED << DELIVERED >> receive(ReleaseRQ()) << ReleaseRequested()
        assert play >> send() << Sent(DATA) >> confirm_release() << Sent(ReleaseRP()) << State.STA13
        assert play >> eof() << Closing() << State.STA1

    def test_rejected_requestor_closes(self) -> None:
        play = in_state(State.STA5)
        assert play >> receive(RJ) << AssociateRejected(RJ) << Closing() << State.STA1

    def test_requestor_that_finds_nobody(self) -> None:
        assert in_state(State.STA4) >> eof() << TransportClosed() << Closing() << State.STA1

    def test_several_pdus_in_one_segment_are_judged_one_by_one(self) -> None:
        play = Playbook(Role.REQUESTOR) >> request() >> opened() << Sent(RQ)
        assert (
            play >> receive(AC, DATA, Abort(0, 0)) << AssociateAccepted(AC) << DELIVERED
            << Aborted(0, 0, by_peer=True) << Closing()
        )  # fmt: skip

    def test_an_answer_given_between_two_pdus_counts_for_the_second(self) -> None:
        play = in_state(State.STA2)
        seen: list[object] = []
        for event in play.layer.receive_data(RQ.encode() + DATA.encode(), play.now):
            seen.append(type(event).__name__)
            if isinstance(event, AssociateRequested):
                play.layer.accept(AC, play.now)
        assert seen == ["AssociateRequested", "PdvPiece"]
        assert play.layer.state is State.STA6


class TestReleaseCollision:
    def test_requestor_answers_first(self) -> None:
        play = in_state(State.STA7)
        play.layer.role = Role.REQUESTOR
        assert play >> receive(ReleaseRQ()) << ReleaseRequested(collision=True) << State.STA9
        assert play >> confirm_release() << Sent(ReleaseRP()) << State.STA11
        assert play >> receive(ReleaseRP()) << Released() << Closing() << State.STA1

    def test_acceptor_waits_for_the_requestor(self) -> None:
        play = in_state(State.STA7)
        assert play >> receive(ReleaseRQ()) << ReleaseRequested(collision=True) << State.STA10
        with pytest.raises(LocalProtocolError):
            play.layer.confirm_release(play.now)
        assert play >> receive(ReleaseRP()) << Released(collision=True) << State.STA12
        assert play >> confirm_release() << Sent(ReleaseRP()) << State.STA13
        assert play >> eof() << Closing()


class TestArtim:
    def test_runs_from_the_connection(self) -> None:
        play = acceptor() >> opened()
        assert play.layer.get_timer() == play.now + ARTIM_S

    def test_dribbled_bytes_do_not_renew_it(self) -> None:
        play = acceptor() >> opened()
        data = RQ.encode()
        for index in range(29):
            play >> wait(1.0) >> receive(data[index : index + 1])
        assert play >> wait(0.5) << State.STA2
        assert play >> wait(0.5) << Closing() << State.STA1
        assert play.notes.pdus_received == [
            (1, len(data), (Segment(0, data[:29]),), "it was not complete when ARTIM ran out")
        ]

    def test_stops_only_with_the_last_byte_of_the_request(self) -> None:
        play = acceptor() >> opened()
        data = RQ.encode()
        assert play >> receive(data[:-1]) << State.STA2
        assert play.layer.get_timer() is not None
        assert play >> receive(data[-1:]) << AssociateRequested(RQ)
        assert play.layer.get_timer() is None

    def test_does_nothing_before_its_time_or_when_it_does_not_run(self) -> None:
        assert acceptor() >> opened() >> wait(ARTIM_S - 0.001) << State.STA2
        assert in_state(State.STA6) >> wait(1e9) << State.STA6

    def test_an_abort_starts_it_and_what_comes_then_does_not_renew_it(self) -> None:
        play = in_state(State.STA6) >> abort() << USER_ABORT
        until = play.now + ARTIM_S
        play >> wait(10) >> receive(DATA, ReleaseRQ()) >> receive(RQ) << provider_abort(2)
        assert play.layer.get_timer() == until
        assert play >> wait(20) << Closing() << State.STA1

    def test_an_abort_restarts_it(self) -> None:
        play = acceptor() >> opened() >> wait(20) >> receive(DATA) << USER_ABORT << TurnedAway()
        assert play.layer.get_timer() == play.now + ARTIM_S

    def test_runs_after_the_answer_to_a_release_and_after_a_rejection(self) -> None:
        play = in_state(State.STA8) >> confirm_release() << Sent(ReleaseRP())
        assert play >> wait(ARTIM_S) << Closing()
        play = in_state(State.STA3) >> reject() << Sent(RJ)
        assert play >> wait(ARTIM_S) << Closing()


class TestRequestsThatAreNotAcceptable:
    def test_another_protocol_version_is_rejected(self) -> None:
        rejected = AssociateRJ(1, 2, 2)
        play = acceptor() >> opened() >> receive(replace(RQ, protocol_version=2)) << Sent(rejected)
        assert play << AssociateRejected(rejected) << State.STA13
        assert play.layer.get_timer() == play.now + ARTIM_S
        assert play.notes.transitions[-1] == (State.STA2, Event.EVT6, Action.AE_6, State.STA13)

    def test_only_bit_0_of_the_version_is_tested(self) -> None:
        rq = replace(RQ, protocol_version=3)
        assert acceptor() >> opened() >> receive(rq) << AssociateRequested(rq)

    @pytest.mark.parametrize("ids", [(), (2,), (0,), (1, 1), (*tuple(range(1, 256, 2)), 1)], ids=str)
    def test_context_ids_that_cannot_be_are_an_invalid_pdu(self, ids: tuple[int, ...]) -> None:
        contexts = tuple(PresentationContextRQ(number, VERIFICATION, (EXPLICIT,)) for number in ids)
        rq = AssociateRQ("A", "B", (ApplicationContext(), *contexts, UserInformation(())))
        play = acceptor() >> opened() >> receive(rq) << USER_ABORT << TurnedAway() << State.STA13
        assert play
        assert play.notes.transitions[-1] == (State.STA2, Event.EVT19, Action.AA_1, State.STA13)
        assert "presentation context" in play.notes.pdus_received[-1][3]

    def test_128_contexts_are_fine(self) -> None:
        contexts = tuple(PresentationContextRQ(number, VERIFICATION, (EXPLICIT,)) for number in range(1, 256, 2))
        rq = AssociateRQ("A", "B", (ApplicationContext(), *contexts, UserInformation(())))
        [event] = (acceptor() >> opened()).layer.receive_data(rq.encode(), 0)
        assert isinstance(event, AssociateRequested)

    @pytest.mark.parametrize("cut", [75, 80, 90, 100])
    def test_a_request_whose_items_overrun_is_an_invalid_pdu(self, cut: int) -> None:
        data = bytearray(RQ.encode()[:cut])
        data[2:6] = (len(data) - 6).to_bytes(4, "big")
        assert acceptor() >> opened() >> receive(bytes(data)) << USER_ABORT << TurnedAway() << State.STA13


class TestFaultsOfThePeer:
    @pytest.mark.parametrize("state", [s for s in WITH_TRANSPORT if s not in (State.STA2, State.STA13)], ids=str)
    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (b"\x00\0\0\0\0\0", 1),
            (b"GET / HTTP/1.1\r\n\r\n", 1),
            (b"\x16\x03\x01\x02\x00\x01\x00", 1),
            (b"\x01\0\xff\xff\xff\xff", 6),
            (b"\x05\0\0\0\0\0", 6),
            (b"\x07\0\0\0\0\x03abc", 6),
            (b"\x04\0\0\0\0\x00", 6),
            (RQ.encode()[:2] + b"\0\0\0\x44" + bytes(68), 2),
        ],
        ids=["type 0", "HTTP", "TLS", "RQ of 4 GiB", "empty release", "short abort", "empty P-DATA", "RQ"],
    )
    def test_are_answered_as_the_provider_with_the_reason(self, state: State, data: bytes, reason: int) -> None:
        play = in_state(state) >> receive(data) << provider_abort(reason) << ProviderAbort(reason) << State.STA13
        assert play
        assert play.layer.get_timer() == play.now + ARTIM_S

    @pytest.mark.parametrize(
        "data", [b"GET / HTTP/1.1\r\n", b"\x05\0\0\0\0\0", b"\x01\0\xff\xff\xff\xff", b"\x04\0\0\0\0\x04"]
    )
    def test_before_the_association_are_answered_as_the_user(self, data: bytes) -> None:
        assert in_state(State.STA2) >> receive(data) << USER_ABORT << TurnedAway() << State.STA13

    def test_data_that_is_not_due_is_refused_at_its_header_and_dropped(self) -> None:
        data = DATA.encode()
        play = in_state(State.STA3) >> receive(data[:6]) << provider_abort(2) << ProviderAbort(2)
        assert play >> receive(data[6:]) >> receive(DATA) << State.STA13
        assert [(note[0], note[1], note[3]) for note in play.notes.pdus_received[1:]] == [
            (4, len(data), "P-DATA-TF is not allowed in Sta3 (waiting for our decision on the A-ASSOCIATE-RQ)"),
            (4, len(data), ""),
        ]

    def test_a_fault_after_refused_data_does_not_blur_the_next(self) -> None:
        broken = b"\x04\0\0\0\0\x06\0\0\0\x63\x01\x03"
        play = (
            in_state(State.STA3) >> receive(broken, DATA) << provider_abort(2) << ProviderAbort(2) << provider_abort(6)
        )
        assert play
        assert [bool(note[3]) for note in play.notes.pdus_received[1:]] == [True, False]

    def test_what_follows_a_fault_in_the_same_segment_is_still_seen(self) -> None:
        play = in_state(State.STA6)
        assert play >> receive(UNKNOWN_PDU, Abort(0, 0)) << provider_abort(1) << ProviderAbort(1) << Closing()

    def test_data_over_our_maximum_is_refused_at_its_header(self) -> None:
        play = in_state(State.STA6)  # AC advertises 4096
        header = b"\x04\0" + (4097).to_bytes(4, "big")
        assert play >> receive(header) << provider_abort(6) << ProviderAbort(6) << State.STA13

    @pytest.mark.parametrize("role", Role)
    def test_data_up_to_our_maximum_passes(self, role: Role) -> None:
        pdu = PDataTF((PDV(1, 2, bytes(4096 - 6)),))
        play = Playbook(role)
        if role is Role.REQUESTOR:
            play >> request() >> opened() << Sent(RQ) >> receive(AC) << AssociateAccepted(AC)
        else:
            play = in_state(State.STA6)
        assert play >> receive(pdu) << Data(1, 2, bytes(4090))

    def test_without_an_advertised_maximum_that_of_the_limits_counts(self) -> None:
        silent = AssociateAC("A", "B", AC.items[:-1])
        play = Playbook(Role.ACCEPTOR, limits=Limits(max_pdu_length=8192)) >> opened()
        play >> receive(RQ) << AssociateRequested(RQ) >> accept(silent) << Sent(silent)
        header = b"\x04\0" + (8193).to_bytes(4, "big")
        assert play >> receive(header) << provider_abort(6) << ProviderAbort(6)

    def test_a_peer_that_goes_on_with_rubbish_is_not_listened_to_for_ever(self) -> None:
        play = in_state(State.STA13)
        answers = list(play.layer.receive_data(UNKNOWN_PDU * 1000, play.now))
        assert answers == []
        assert len(play.layer.data_to_send()) == 8
        assert list(play.layer.receive_data(Abort(0, 0).encode(), play.now)) == []
        assert play << State.STA13 >> wait(ARTIM_S) << Closing()

    def test_requests_without_end_after_the_end_are_not_listened_to_either(self) -> None:
        play = in_state(State.STA13)
        list(play.layer.receive_data(RQ.encode() * 100, play.now))
        assert len(play.layer.data_to_send()) == 8


class TestAborts:
    @pytest.mark.parametrize("state", [s for s in WITH_TRANSPORT if s not in (State.STA2, State.STA13)], ids=str)
    @pytest.mark.parametrize(("source", "reason"), [(0, 0), (2, 1), (2, 250), (9, 9)])
    def test_the_peers_is_told_whatever_its_codes(self, state: State, source: int, reason: int) -> None:
        play = in_state(state) >> receive(Abort(source, reason))
        assert play << Aborted(source, reason, by_peer=True) << Closing() << State.STA1
        assert play.layer.get_timer() is None

    @pytest.mark.parametrize("state", [State.STA2, State.STA13], ids=str)
    def test_the_peers_is_not_told_where_there_is_no_association(self, state: State) -> None:
        assert in_state(state) >> receive(Abort(0, 0)) << Closing() << State.STA1

    @pytest.mark.parametrize("state", [s for s in WITH_TRANSPORT if s not in (State.STA2, State.STA13)], ids=str)
    def test_ours_goes_out(self, state: State) -> None:
        assert in_state(state) >> abort(2, 3) << Sent(Abort(2, 3)) << State.STA13

    def test_ours_before_the_connection_ends_the_attempt(self) -> None:
        assert in_state(State.STA4) >> abort() << Closing() << State.STA1

    @pytest.mark.parametrize("state", [State.STA6, State.STA7, State.STA8, State.STA3], ids=str)
    def test_a_fault_found_above_is_answered_like_an_invalid_pdu(self, state: State) -> None:
        play = in_state(state) >> fault_above(5) << provider_abort(5) << ProviderAbort(5) << State.STA13
        assert play
        assert play.notes.transitions[-1] == (state, Event.EVT19, Action.AA_8, State.STA13)

    @pytest.mark.parametrize("state", [State.STA1, State.STA4], ids=str)
    def test_there_is_nothing_to_abort_without_a_connection(self, state: State) -> None:
        play = in_state(state)
        with pytest.raises(LocalProtocolError, match="nothing to abort"):
            play.layer.provider_abort(RemoteProtocolError("late"), play.now)
        assert play << state

    def test_a_fault_found_above_in_the_middle_of_a_segment_stops_the_data(self) -> None:
        play = in_state(State.STA6)
        seen = 0
        for _ in play.layer.receive_data(DATA.encode() * 3, play.now):
            seen += 1
            play.layer.provider_abort(RemoteProtocolError("bad command", abort_reason=6), play.now)
        assert seen == 1
        assert play << State.STA13
        assert len(play.notes.pdus_received) == 1 + 3


class TestAfterTheEnd:
    def finished(self) -> UpperLayer:
        return (in_state(State.STA6) >> eof() << TransportClosed() << Closing()).layer

    def test_nothing_more_is_processed(self) -> None:
        layer = self.finished()
        assert list(layer.receive_data(RQ.encode(), 0)) == []
        assert layer.receive_eof(0) == []
        assert layer.handle_timer(1e9) == []
        assert layer.data_to_send() == []

    def test_nothing_more_can_be_asked(self) -> None:
        layer = self.finished()
        layer.role = Role.REQUESTOR
        assert not any(layer.allows(event) for event in Event)
        for ask in (lambda: layer.request(RQ, 0), lambda: layer.send_data(DATA.encode()), lambda: layer.abort(0)):
            with pytest.raises(LocalProtocolError):
                ask()
        with pytest.raises(AssertionError):
            layer.transport_opened(0)

    def test_what_follows_the_last_pdu_is_dropped(self) -> None:
        play = in_state(State.STA6)
        assert play >> receive(Abort(0, 0), UNKNOWN_PDU) << Aborted(0, 0, by_peer=True) << Closing()
        assert play.notes.strays == []


class TestOurOwnFaults:
    def test_an_acceptor_does_not_request(self) -> None:
        play = acceptor()
        with pytest.raises(LocalProtocolError, match="requestor"):
            play.layer.request(RQ, play.now)

    def test_a_pdu_that_cannot_be_written_changes_nothing(self) -> None:
        play = in_state(State.STA3)
        with pytest.raises(LocalProtocolError):
            play.layer.accept(replace(AC, called_ae_title="far more than sixteen"), play.now)
        assert play << State.STA3
        assert play >> accept() << Sent(AC)

    def test_data_before_the_association_is_not_sent(self) -> None:
        play = in_state(State.STA5)
        with pytest.raises(LocalProtocolError, match=r"Evt9 .* Sta5"):
            play.layer.send_data(DATA.encode())
        assert play.layer.data_to_send() == []

    def test_the_buffers_of_data_are_handed_through_as_they_are(self) -> None:
        play = in_state(State.STA6)
        chunk = bytearray(DATA.encode())
        play.layer.send_data(chunk)
        [queued] = play.layer.data_to_send()
        assert queued is chunk


class TestObserver:
    def test_is_told_every_pdu_before_what_it_causes(self) -> None:
        play = Playbook(Role.ACCEPTOR, capture=Capture()) >> opened() >> receive(RQ) << AssociateRequested(RQ)
        play >> accept() << Sent(AC) >> receive(DATA) << DELIVERED
        rq, ac, data = RQ.encode(), AC.encode(), DATA.encode()
        assert play.notes.pdus_received == [
            (1, len(rq), (Segment(0, rq),), ""),
            (4, len(data), (Segment(0, data),), ""),
        ]
        assert play.notes.pdus_sent == [(2, len(ac), (Segment(0, ac),))]
        assert play.notes.transitions == [
            (State.STA1, Event.EVT5, Action.AE_5, State.STA2),
            (State.STA2, Event.EVT6, Action.AE_6, State.STA3),
            (State.STA3, Event.EVT7, Action.AE_7, State.STA6),
        ]

    def test_is_told_bytes_that_are_no_dicom(self) -> None:
        play = in_state(State.STA2) >> receive(b"GET / HTTP/1.1\r\n") << USER_ABORT << TurnedAway()
        [(length, data, error)] = play.notes.strays
        assert play
        assert data == b"GET / HTTP/1.1\r\n"
        assert length > len(data)
        assert "47H" in error

    def test_is_told_what_broke_off(self) -> None:
        data = RQ.encode()
        play = in_state(State.STA2) >> receive(data[:50]) >> eof() << Closing()
        assert play
        assert play.notes.pdus_received == [
            (1, len(data), (Segment(0, data[:50]),), "the connection ended in the middle of it")
        ]

    def test_a_malformed_pdu_keeps_its_bytes(self) -> None:
        data = bytearray(RQ.encode())
        data[74 + 3] = 0xFF
        play = in_state(State.STA2) >> receive(bytes(data)) << USER_ABORT << TurnedAway()
        [(pdu_type, length, segments, error)] = play.notes.pdus_received
        assert play
        assert (pdu_type, length, segments) == (1, len(data), (Segment(0, bytes(data)),))
        assert "A-ASSOCIATE-RQ" in error

    def test_may_be_missing(self) -> None:
        layer = UpperLayer(Role.ACCEPTOR, limits=Limits(), artim_s=1)
        layer.transport_opened(0)
        assert [type(event) for event in layer.receive_data(RQ.encode(), 0)] == [AssociateRequested]
        layer.accept(AC, 0)
        assert len(list(layer.receive_data(DATA.encode(), 0))) == 1
        assert len(list(layer.receive_data(UNKNOWN_PDU, 0))) == 1
        assert layer.receive_eof(0) == []


SCRIPT = [RQ, DATA, PDataTF((PDV(1, 2, bytes(100)), PDV(1, 0, b"abcd"))), ReleaseRQ(), Abort(2, 1), AC, RJ, ReleaseRP()]


@given(
    pdus=st.lists(st.sampled_from([*(pdu.encode() for pdu in SCRIPT), UNKNOWN_PDU, b"\x04\0\0\0\0\x01x"]), max_size=6),
    cuts=st.lists(st.integers(0, 400), max_size=8),
    accepts=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_any_split_of_any_stream_gives_the_same(pdus: list[bytes], cuts: list[int], accepts: bool) -> None:
    stream = b"".join([RQ.encode(), *pdus])

    def run(edges: list[int]) -> tuple[State, list[object], list[object], bytes]:
        play = Playbook(Role.ACCEPTOR)
        play.layer.transport_opened(0)
        events: list[object] = []
        data = bytearray()
        for start, stop in itertools.pairwise(edges):
            for event in play.layer.receive_data(stream[start:stop], 0):
                if isinstance(event, AssociateRequested) and accepts:
                    play.layer.accept(AC, 0)
                if hasattr(event, "data"):
                    data += event.data
                else:
                    events.append(repr(event))
        return play.layer.state, events, [bytes(out) for out in play.layer.data_to_send()], bytes(data)

    edges = sorted({0, len(stream), *(min(cut, len(stream)) for cut in cuts)})
    assert run(edges) == run([0, len(stream)])


@given(data=st.binary(max_size=200), state=st.sampled_from(WITH_TRANSPORT))
@settings(max_examples=200, deadline=None)
def test_any_bytes_lead_to_a_state_of_the_table_and_raise_nothing(data: bytes, state: State) -> None:
    play = in_state(state)
    for _ in play.layer.receive_data(data, play.now):
        pass
    assert play.layer.state in State
    play.layer.receive_eof(play.now)
    assert play.layer.state is State.STA1
    assert play.layer.wants_close
