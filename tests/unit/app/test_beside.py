from __future__ import annotations

from helpers.failures import knocked, moved
from helpers.recordings import Recording

from dicomgui.app.beside import MAX_ASSOCIATIONS, MAX_RECORDS, Beside
from dicomgui.network.tracing import Role


def taken(*recordings: Recording) -> Beside:
    beside = Beside()
    for recording in recordings:
        for record in recording.records:
            beside(record)
    return beside


def test_callers_are_kept_and_others_are_not() -> None:
    caller = knocked(reject=(1, 1, 7))
    assert taken(moved(0), caller).records == caller.records


def test_what_callers_can_make_grow_has_an_end() -> None:
    long = Recording(1, role=Role.ACCEPTOR).established()
    for number in range(1, 500):
        long.store(number=number)
    many = [Recording(number, role=Role.ACCEPTOR).connect() for number in range(2, 500)]
    assert len(taken(long, *many).records) == MAX_RECORDS + MAX_ASSOCIATIONS - 1
