"""Table 9-10, written a second time, state by state, and what follows from each action."""

from __future__ import annotations

import pytest

from dicomgui.network.association.states import Action, Event, State
from dicomgui.network.association.table import NEXT_STATES, TRANSITIONS

_FAULTS_WHILE_UP = {3: "AA-8", 4: "AA-8", 6: "AA-8", 15: "AA-1", 16: "AA-3", 17: "AA-4", 19: "AA-8"}

# PS3.8 table 9-10 read by columns: what each state does with each event that it knows.
COLUMNS: dict[int, dict[int, str]] = {
    1: {1: "AE-1", 5: "AE-5"},
    2: {
        3: "AA-1", 4: "AA-1", 6: "AE-6", 10: "AA-1", 12: "AA-1", 13: "AA-1", 16: "AA-2", 17: "AA-5", 18: "AA-2",
        19: "AA-1",
    },
    3: _FAULTS_WHILE_UP | {7: "AE-7", 8: "AE-8", 10: "AA-8", 12: "AA-8", 13: "AA-8"},
    4: {2: "AE-2", 15: "AA-2", 17: "AA-4"},
    5: _FAULTS_WHILE_UP | {3: "AE-3", 4: "AE-4", 10: "AA-8", 12: "AA-8", 13: "AA-8"},
    6: _FAULTS_WHILE_UP | {9: "DT-1", 10: "DT-2", 11: "AR-1", 12: "AR-2", 13: "AA-8"},
    7: _FAULTS_WHILE_UP | {10: "AR-6", 12: "AR-8", 13: "AR-3"},
    8: _FAULTS_WHILE_UP | {9: "AR-7", 10: "AA-8", 12: "AA-8", 13: "AA-8", 14: "AR-4"},
    9: _FAULTS_WHILE_UP | {10: "AA-8", 12: "AA-8", 13: "AA-8", 14: "AR-9"},
    10: _FAULTS_WHILE_UP | {10: "AA-8", 12: "AA-8", 13: "AR-10"},
    11: _FAULTS_WHILE_UP | {10: "AA-8", 12: "AA-8", 13: "AR-3"},
    12: _FAULTS_WHILE_UP | {10: "AA-8", 12: "AA-8", 13: "AA-8", 14: "AR-4"},
    13: {
        3: "AA-6", 4: "AA-6", 6: "AA-7", 10: "AA-6", 12: "AA-6", 13: "AA-6", 16: "AA-2", 17: "AR-5", 18: "AA-2",
        19: "AA-7",
    },
}  # fmt: skip


@pytest.mark.parametrize("state", State, ids=str)
def test_the_column_of_a_state_is_that_of_the_standard(state: State) -> None:
    ours = {int(event): action.value for (at, event), action in TRANSITIONS.items() if at is state}
    assert ours == COLUMNS[state]


def test_the_table_has_no_further_cell() -> None:
    assert len(TRANSITIONS) == sum(map(len, COLUMNS.values())) == 123


def test_every_action_has_its_next_state_and_is_used() -> None:
    assert set(NEXT_STATES) == set(Action) == set(TRANSITIONS.values())


def test_only_two_actions_leave_the_next_state_open() -> None:
    open_ended = {action: states for action, states in NEXT_STATES.items() if len(states) != 1}
    assert open_ended == {
        Action.AE_6: (State.STA3, State.STA13),
        Action.AR_8: (State.STA9, State.STA10),
    }


def test_every_state_can_be_reached_and_left() -> None:
    reached = {State.STA1}
    while True:
        further = {
            after for (before, _), action in TRANSITIONS.items() if before in reached for after in NEXT_STATES[action]
        }
        if further <= reached:
            break
        reached |= further
    assert reached == set(State)
    ends = (Event.EVT17,)
    assert all((state, event) in TRANSITIONS for state in State if state is not State.STA1 for event in ends)
