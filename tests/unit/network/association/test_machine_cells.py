"""Each of the 13 x 19 cells of table 9-10, met by a real event: action, next state and effects, or what is demanded of
an empty cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from helpers.playbook import (
    AC,
    ARTIM_S,
    DATA,
    DELIVERED,
    RJ,
    RQ,
    UNKNOWN_PDU,
    Closing,
    Playbook,
    ProviderAbort,
    Sent,
    Step,
    TurnedAway,
    abort,
    accept,
    confirm_release,
    eof,
    in_state,
    opened,
    receive,
    reject,
    release,
    request,
    send,
    wait,
)

from dicomgui.network.association import (
    NEXT_STATES,
    TRANSITIONS,
    Aborted,
    Action,
    AssociateAccepted,
    AssociateRejected,
    AssociateRequested,
    Event,
    Released,
    ReleaseRequested,
    State,
    TransportClosed,
)
from dicomgui.network.errors import LocalProtocolError
from dicomgui.network.pdu import Abort, ReleaseRP, ReleaseRQ
from dicomgui.network.tracing import Role

STEPS: dict[Event, Step] = {
    Event.EVT1: request(),
    Event.EVT2: opened(),
    Event.EVT3: receive(AC),
    Event.EVT4: receive(RJ),
    Event.EVT5: opened(),
    Event.EVT6: receive(RQ),
    Event.EVT7: accept(),
    Event.EVT8: reject(),
    Event.EVT9: send(),
    Event.EVT10: receive(DATA),
    Event.EVT11: release(),
    Event.EVT12: receive(ReleaseRQ()),
    Event.EVT13: receive(ReleaseRP()),
    Event.EVT14: confirm_release(),
    Event.EVT15: abort(),
    Event.EVT16: receive(Abort(2, 6)),
    Event.EVT17: eof(),
    Event.EVT18: wait(ARTIM_S),
    Event.EVT19: receive(UNKNOWN_PDU),
}
# The same call means Evt2 to a requestor and Evt5 to an acceptor, and only a requestor may call for Evt1.
ROLES = {Event.EVT1: Role.REQUESTOR, Event.EVT2: Role.REQUESTOR, Event.EVT5: Role.ACCEPTOR}

NOTHING: tuple[object, ...] = ()


@dataclass(frozen=True)
class Effect:
    """What an action does: in order, and whether ARTIM runs afresh (True), is stopped (False) or is left (None)."""

    happens: tuple[object, ...] = ()
    artim: bool | None = None


def reason_of(event: Event) -> int:
    """Reason of the A-ABORT that answers: unrecognized PDU or unexpected PDU."""
    return 1 if event is Event.EVT19 else 2


def effect_of(action: Action, state: State, event: Event) -> Effect:
    """PS3.8 tables 9-6 to 9-9 in words of the playbook."""
    collision = state in (State.STA7, State.STA10)
    effects = {
        Action.AE_1: Effect(),
        Action.AE_2: Effect((Sent(RQ),)),
        Action.AE_3: Effect((AssociateAccepted(AC),)),
        Action.AE_4: Effect((AssociateRejected(RJ), Closing()), False),
        Action.AE_5: Effect(artim=True),
        Action.AE_6: Effect((AssociateRequested(RQ),), False),
        Action.AE_7: Effect((Sent(AC),)),
        Action.AE_8: Effect((Sent(RJ),), True),
        Action.DT_1: Effect((Sent(DATA),)),
        Action.DT_2: Effect((DELIVERED,)),
        Action.AR_1: Effect((Sent(ReleaseRQ()),)),
        Action.AR_2: Effect((ReleaseRequested(),)),
        Action.AR_3: Effect((Released(), Closing()), False),
        Action.AR_4: Effect((Sent(ReleaseRP()),), True),
        Action.AR_5: Effect((Closing(),), False),
        Action.AR_6: Effect((DELIVERED,)),
        Action.AR_7: Effect((Sent(DATA),)),
        Action.AR_8: Effect((ReleaseRequested(collision),)),
        Action.AR_9: Effect((Sent(ReleaseRP()),)),
        Action.AR_10: Effect((Released(collision),)),
        Action.AA_1: Effect((Sent(Abort(0, 0)), *([TurnedAway()] if state is State.STA2 else [])), True),
        Action.AA_2: Effect((Closing(),), False),
        Action.AA_3: Effect((Aborted(2, 6, by_peer=True), Closing()), False),
        Action.AA_4: Effect((TransportClosed(), Closing()), False),
        Action.AA_5: Effect((Closing(),), False),
        Action.AA_6: Effect(),
        Action.AA_7: Effect((Sent(Abort(2, reason_of(event))),)),
        Action.AA_8: Effect((Sent(Abort(2, reason_of(event))), ProviderAbort(reason_of(event))), True),
    }
    return effects[action]


def stage(state: State, event: Event) -> Playbook:
    play = in_state(state)
    play.layer.role = ROLES.get(event, play.layer.role)
    play.notes.transitions.clear()
    if event is not Event.EVT18:
        play.now += 1.0
    return play


def next_state(action: Action, play: Playbook) -> State:
    if action is Action.AR_8:
        return State.STA9 if play.layer.role is Role.REQUESTOR else State.STA10
    return NEXT_STATES[action][0]


@pytest.mark.parametrize(("state", "event"), TRANSITIONS, ids=lambda member: str(member))
def test_defined_cell(state: State, event: Event) -> None:
    action = TRANSITIONS[state, event]
    play = stage(state, event)
    artim = play.layer.get_timer()
    effect = effect_of(action, state, event)
    after = next_state(action, play)
    play >> STEPS[event]
    for happened in effect.happens:
        play << happened
    assert play << after
    expected_timer = {True: play.now + ARTIM_S, False: None, None: artim}[effect.artim]
    assert play.layer.get_timer() == expected_timer
    told = [] if event in (Event.EVT9, Event.EVT10) and state is after else [(state, event, action, after)]
    assert play.notes.transitions == told


EMPTY = [(state, event) for event in Event for state in State if (state, event) not in TRANSITIONS]


@pytest.mark.parametrize(("state", "event"), EMPTY, ids=lambda member: str(member))
def test_empty_cell(state: State, event: Event) -> None:
    play = stage(state, event)
    artim = play.layer.get_timer()
    assert not play.layer.allows(event)
    if event is Event.EVT18:
        assert play >> STEPS[event]  # ARTIM does not run in this state
    else:
        with pytest.raises(LocalProtocolError if event.is_local else AssertionError, match=rf"{event} .* {state} "):
            play >> STEPS[event]
    assert play.layer.data_to_send() == []
    assert play.layer.state is state
    assert play.layer.get_timer() == artim
    assert not play.layer.wants_close
    assert play.notes.transitions == []


def test_all_cells_are_among_these() -> None:
    assert len(EMPTY) + len(TRANSITIONS) == 13 * 19
