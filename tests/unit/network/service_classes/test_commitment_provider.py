"""The provider of storage commitment: what it refuses, and how it reports (PS3.4 J.3.2, J.3.3)."""

from __future__ import annotations

import asyncio

import pytest
from helpers.asking import ScriptedUser, act, status_of
from pydicom.dataset import Dataset

from dicomgui.network import ConnectionLost, Response, Status
from dicomgui.network.service_classes.attributes import dataset_of
from dicomgui.network.service_classes.commitment import (
    SOP_CLASS,
    SOP_INSTANCE,
    CommitmentResult,
    FailedReference,
    commitment_request,
)
from dicomgui.network.service_classes.commitment_provider import CommitmentProvider, CommitmentRequest
from dicomgui.network.service_classes.references import Reference, reference_items

ONE, TWO = Reference("1.2", "1.2.1"), Reference("1.2", "1.2.2")
GONE = ConnectionLost("gone")


def wish(user: ScriptedUser, uid: str = "1.9", dataset: Dataset | None = None) -> object:
    asked = commitment_request([ONE, TWO], uid) if dataset is None else dataset
    return act(SOP_CLASS, SOP_INSTANCE, 1, asked, user=user)


class Reports:
    """Waits for what a provider has reported."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[tuple[CommitmentResult, Exception | None]] = asyncio.Queue()

    def __call__(self, result: CommitmentResult, error: Exception | None) -> None:
        self.came.put_nowait((result, error))


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (act(SOP_CLASS, "1.2.3", 1, commitment_request([ONE], "1.9")), 0x0112),
        (act(SOP_CLASS, SOP_INSTANCE, 2, commitment_request([ONE], "1.9")), 0x0123),
        (act(SOP_CLASS, SOP_INSTANCE, 1, commitment_request([ONE], "")), 0x0115),
        (act(SOP_CLASS, SOP_INSTANCE, 1, dataset_of({"TransactionUID": "1.9"})), 0x0115),
        (act(SOP_CLASS, SOP_INSTANCE, 1, commitment_request([("1.2", "")], "1.9")), 0x0115),
        (act(SOP_CLASS, SOP_INSTANCE, 1), 0x0115),
    ],
)
def test_a_request_that_says_nothing_is_refused(request_: object, status: int) -> None:
    provider = CommitmentProvider(lambda request: request.references)
    assert status_of(provider.handlers().on_n_action(request_)) == status
    assert not provider.active


async def test_the_confirmation_comes_first_and_then_the_report() -> None:
    reports, user = Reports(), ScriptedUser()
    provider = CommitmentProvider(lambda request: [ONE], on_reported=reports)
    assert status_of(provider.on_n_action(wish(user))) == 0
    assert user.asked == []
    assert provider.active == {"1.9"}
    assert status_of(provider.on_n_action(wish(user))) == 0x0115
    result, error = await reports.came.get()
    assert error is None
    assert result == CommitmentResult("1.9", (ONE,), (FailedReference(TWO, Status(0x0112)),))
    name, arguments, _ = user.asked[0]
    assert (name, arguments[:3]) == ("n_event_report", (SOP_CLASS, SOP_INSTANCE, 2))
    assert CommitmentResult.of(arguments[3]) == result
    assert not provider.active


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_judge_may_take_its_time_and_say_everything(is_async: bool) -> None:
    whole = CommitmentResult("1.9", (ONE, TWO), retrieve_ae="ARCHIVE")
    asked: list[CommitmentRequest] = []

    def now(request: CommitmentRequest) -> CommitmentResult:
        asked.append(request)
        return whole

    async def later(request: CommitmentRequest) -> CommitmentResult:
        return now(request)

    reports = Reports()
    provider = CommitmentProvider(later if is_async else now, on_reported=reports)
    provider.on_n_action(wish(ScriptedUser()))
    assert await reports.came.get() == (whole, None)
    assert (asked[0].references, asked[0].facts.calling_ae_title) == ((ONE, TWO), "PEER")


async def test_a_judge_that_fails_commits_to_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def fail(request: CommitmentRequest) -> list[Reference]:
        raise OSError("disk")

    reports = Reports()
    provider = CommitmentProvider(fail, on_reported=reports)
    provider.on_n_action(wish(ScriptedUser()))
    result, _ = await reports.came.get()
    assert [one.reason for one in result.failed] == [0x0110, 0x0110]
    assert "judge" in caplog.text


async def test_without_a_way_of_its_own_a_report_is_lost_with_the_association() -> None:
    reports = Reports()
    provider = CommitmentProvider(lambda request: request.references, on_reported=reports)
    provider.on_n_action(wish(ScriptedUser(GONE)))
    _, error = await reports.came.get()
    assert error is GONE


async def test_a_refused_report_is_an_error() -> None:
    reports = Reports()
    provider = CommitmentProvider(lambda request: request.references, on_reported=reports)
    provider.on_n_action(wish(ScriptedUser(Response(Status(0x0110)))))
    _, error = await reports.came.get()
    assert "0x0110" in str(error)


@pytest.mark.parametrize(
    ("first", "same", "used"),
    [(None, False, "new"), (None, True, "same"), (GONE, True, "new")],
)
async def test_the_way_of_the_report_is_chosen(first: Exception | None, same: bool, used: str) -> None:
    old, new, reports = ScriptedUser(*([] if first is None else [first])), ScriptedUser(), Reports()
    provider = CommitmentProvider(
        lambda request: request.references,
        open_association=lambda request: new,
        try_same_first=same,
        on_reported=reports,
    )
    provider.on_n_action(wish(old))
    _, error = await reports.came.get()
    assert error is None
    assert bool(new.asked) is (used == "new")
    assert bool(old.asked) is same
    assert new.is_connected is (used != "new")


async def test_an_opener_that_fails_is_an_error_of_the_report() -> None:
    def unknown(request: CommitmentRequest) -> ScriptedUser:
        raise KeyError(request.facts.calling_ae_title)

    reports = Reports()
    provider = CommitmentProvider(lambda request: request.references, open_association=unknown, on_reported=reports)
    provider.on_n_action(wish(ScriptedUser()))
    _, error = await reports.came.get()
    assert isinstance(error, KeyError)


async def test_closing_breaks_off_what_is_under_way() -> None:
    async def never(request: CommitmentRequest) -> list[Reference]:
        await asyncio.Event().wait()
        raise AssertionError

    provider = CommitmentProvider(never)
    provider.on_n_action(wish(ScriptedUser()))
    await asyncio.sleep(0)
    await provider.close()
    assert not provider.active


async def test_nobody_needs_to_be_told() -> None:
    user = ScriptedUser()
    provider = CommitmentProvider(lambda request: request.references)
    asked = dataset_of({"TransactionUID": "1.9", "ReferencedSOPSequence": reference_items([ONE])})
    provider.on_n_action(wish(user, dataset=asked))
    await user.wait_asked(1)
    await provider.close()
    assert user.asked[0][1][2] == 1
