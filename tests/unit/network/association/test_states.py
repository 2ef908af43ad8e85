"""The vocabulary of the state machine."""

from __future__ import annotations

from dicomgui.network.association.states import Action, Event, State


def test_there_are_thirteen_states_numbered_as_in_the_standard() -> None:
    assert [int(state) for state in State] == list(range(1, 14))
    assert str(State.STA10) == "Sta10"


def test_there_are_nineteen_events_numbered_as_in_the_standard() -> None:
    assert [int(event) for event in Event] == list(range(1, 20))
    assert str(Event.EVT19) == "Evt19"


def test_the_events_of_our_user_are_marked() -> None:
    assert {int(event) for event in Event if event.is_local} == {1, 7, 8, 9, 11, 14, 15}


def test_the_actions_are_those_of_tables_9_6_to_9_9() -> None:
    counts = {prefix: sum(action.startswith(prefix) for action in Action) for prefix in ("AE-", "DT-", "AR-", "AA-")}
    assert counts == {"AE-": 8, "DT-": 2, "AR-": 10, "AA-": 8}
    assert Action("AE-1") is Action.AE_1
    assert f"{Action.AR_10}" == "AR-10"


def test_everything_has_words() -> None:
    for member in (*State, *Event, *Action):
        assert member.text
        assert member.text[-1] != "."
