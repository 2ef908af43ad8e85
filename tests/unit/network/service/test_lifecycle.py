"""What is told of an association's life, and that it is told once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from helpers.playbook import RQ

from dicomgui.network import (
    AssociationAborted,
    AssociationRequest,
    ConnectionLost,
    DicomNetworkError,
    Lifecycle,
    LocalProtocolError,
    OperationTimeout,
    RemoteProtocolError,
)
from dicomgui.network.service.lifecycle import Teller
from dicomgui.network.tracing import NoteRecord, Record, Scribe

FACTS: Any = SimpleNamespace(association=7)


class Told:
    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.records: list[Record] = []
        names = ("requested", "accepted", "rejected", "releasing", "released", "aborted", "closed")
        self.teller = Teller(
            Lifecycle(**{f"on_{name}": self._noting(name) for name in names}), Scribe(self.records.append, 7), 7
        )

    def _noting(self, name: str) -> Any:
        return lambda *values: self.calls.append((name, values))

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.calls]


def test_a_request_says_what_the_pdu_says() -> None:
    request = AssociationRequest(7, "h:1", RQ)
    assert (request.calling_ae_title, request.called_ae_title) == ("CALLING", "CALLED")
    assert [context.context_id for context in request.contexts] == [1]
    assert request.user_identity is None


@pytest.mark.parametrize(
    ("error", "names"),
    [
        (None, ["released", "closed"]),
        (AssociationAborted("x", source=0, reason=0), ["aborted", "closed"]),
        (RemoteProtocolError("x", abort_reason=6), ["aborted", "closed"]),
        (OperationTimeout("x", phase="idle"), ["aborted", "closed"]),
        (ConnectionLost("x"), ["closed"]),
        (LocalProtocolError("x"), ["closed"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_end_is_told_once_as_what_it_is(error: DicomNetworkError | None, names: list[str]) -> None:
    told = Told()
    told.teller.closed(FACTS, error)
    told.teller.closed(FACTS, ConnectionLost("later"))
    assert told.names == names
    assert told.calls[-1] == ("closed", (7, FACTS, error))


def test_an_abort_of_ours_says_why() -> None:
    told = Told()
    fault = RemoteProtocolError("bad", abort_reason=6, peer="X@h:1")
    told.teller.closed(FACTS, fault)
    abort = told.calls[0][1][1]
    assert (abort.source, abort.reason, abort.by_peer, abort.__cause__) == (2, 6, False, fault)
    assert str(abort) == "X@h:1: bad"


def test_without_an_association_there_is_only_the_end() -> None:
    told = Told()
    told.teller.closed(None, AssociationAborted("x", source=0, reason=0))
    assert told.names == ["closed"]


def test_the_rest_is_handed_on() -> None:
    told = Told()
    told.teller.requested(AssociationRequest(7, "h:1", RQ))
    told.teller.accepted(FACTS)
    told.teller.rejected("h:1", "why")
    assert told.teller.releasing(FACTS) is None
    assert told.names == ["requested", "accepted", "rejected", "releasing"]
    assert told.calls[2][1] == (7, "h:1", "why")


async def test_what_raises_is_a_note_and_nothing_else() -> None:
    def broken(*values: object) -> None:
        raise ValueError("mine")

    async def broken_later() -> None:
        raise ValueError("later")

    records: list[Record] = []
    teller = Teller(Lifecycle(on_accepted=broken, on_releasing=broken), Scribe(records.append, 7), 7)
    teller.accepted(FACTS)
    assert teller.releasing(FACTS) is None
    await teller.wait(broken_later())
    notes = [record.text for record in records if isinstance(record, NoteRecord)]
    assert ["mine" in notes[0], "mine" in notes[1], "later" in notes[2]] == [True] * 3


def test_nobody_to_tell_is_no_fault() -> None:
    teller = Teller(Lifecycle(), Scribe(None, 7), 7)
    teller.accepted(FACTS)
    teller.closed(FACTS, None)
