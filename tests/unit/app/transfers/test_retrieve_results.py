"""The numbers of a retrieval, and what is left of it."""

from __future__ import annotations

import pytest

from dicomgui.app.asking.keys import parse_key
from dicomgui.app.asking.levels import Level
from dicomgui.app.asking.wanted import Wanted
from dicomgui.app.transfers.retrieve_results import Counts, RetrieveReport, WantedResult, WantedState
from dicomgui.network import PeerAddress, Progress, Status

WANTED = Wanted(Level.STUDY, (parse_key("StudyInstanceUID=1.2"),))
OTHER = Wanted(Level.STUDY, (parse_key("StudyInstanceUID=1.3"),))


def report(*results: WantedResult, arrived: int | None = None, refused: tuple[str, ...] = ()) -> RetrieveReport:
    told = sum((result.told for result in results), Counts())
    peer = PeerAddress("X", "127.0.0.1", 1)
    return RetrieveReport(peer, (1,), "study", "", results, told, arrived, 0, 1.0, refused)


def test_numbers_that_a_response_leaves_out_stay() -> None:
    before = Counts(completed=3, failed=1, warning=2, remaining=5)
    assert Counts.of(Progress(), before) == Counts(3, 1, 2, None)
    assert Counts.of(Progress(4, 4, 1, 2), before) == Counts(4, 1, 2, 4)
    assert Counts.of(Progress(None, 0, 0, 0), before) == Counts(3, 1, 2, None), "what has ended stays so"
    assert Counts.of(None) == Counts()
    assert before.delivered == 5


def test_numbers_add_up() -> None:
    assert Counts(1, 2, 3, 4) + Counts(1, 1, 1, None) == Counts(2, 3, 4, 4)
    assert (Counts(1) + Counts(1)).remaining is None


@pytest.mark.parametrize(
    ("state", "told", "failed", "left"),
    [
        (WantedState.DONE, Counts(2), (), ()),
        (WantedState.PARTLY, Counts(2, 1), ("1.9",), (WANTED.only(("1.9",)),)),
        (WantedState.PARTLY, Counts(2, 1), (), (WANTED,)),  # the peer does not say which
        (WantedState.FAILED, Counts(0, 1), ("1.9",), (WANTED.only(("1.9",)),)),
        (WantedState.FAILED, Counts(1, 1), ("1.9",), (WANTED,)),  # it gave up before it had tried all
        (WantedState.CANCELLED, Counts(1), (), (WANTED,)),
    ],
)
def test_what_is_left_is_what_failed(
    state: WantedState, told: Counts, failed: tuple[str, ...], left: tuple[Wanted, ...]
) -> None:
    found = report(WantedResult(WANTED, state, Status(0), "", told, failed))
    assert found.left() == left
    assert found.failed_uids == failed


def test_what_could_not_be_kept_is_left_too() -> None:
    found = report(WantedResult(WANTED, WantedState.DONE, Status(0), told=Counts(2)), arrived=1, refused=("1.9",))
    assert found.left() == (WANTED.only(("1.9",)),)
    assert (found.failed_uids, found.has_failures, found.missing) == (("1.9",), True, 1)


def test_only_what_failed_of_several_is_left() -> None:
    done = WantedResult(WANTED, WantedState.DONE, Status(0), told=Counts(2))
    failed = WantedResult(OTHER, WantedState.FAILED, Status(0xA702))
    assert report(done, failed).left() == (OTHER,)


def test_everything_that_arrived_is_fine() -> None:
    found = report(WantedResult(WANTED, WantedState.DONE, Status(0), told=Counts(2, 0, 1)), arrived=3)
    assert (found.ok, found.missing, found.has_failures) == (True, 0, False)
