"""Requests for storage commitment that wait, and what answers them (PS3.4 J.3)."""

from __future__ import annotations

import asyncio
import threading

import pytest
from helpers.asking import ScriptedUser, report, status_of
from pydicom.dataset import Dataset

from dicomgui.network import ConfigurationError, DimseFailure, OperationTimeout, Response, Status
from dicomgui.network.service_classes.attributes import dataset_of
from dicomgui.network.service_classes.commitment import (
    REPORT_CONTEXTS,
    SOP_CLASS,
    SOP_INSTANCE,
    CommitmentRequests,
    CommitmentResult,
    FailedReference,
    commitment_request,
)
from dicomgui.network.service_classes.references import Reference

ONE, TWO = Reference("1.2", "1.2.1"), Reference("1.2", "1.2.2")


def answer(uid: str, event: int = 1) -> object:
    return report(SOP_CLASS, SOP_INSTANCE, event, CommitmentResult(uid, (ONE,)).dataset())


@pytest.mark.parametrize(
    ("result", "event", "keywords"),
    [
        (CommitmentResult("1.9", (ONE, TWO)), 1, ["TransactionUID", "ReferencedSOPSequence"]),
        (
            CommitmentResult("1.9", (ONE,), (FailedReference(TWO, Status(0x0112)),), "ARCHIVE"),
            2,
            ["RetrieveAETitle", "TransactionUID", "FailedSOPSequence", "ReferencedSOPSequence"],
        ),
        (
            CommitmentResult("1.9", (), (FailedReference(TWO, Status(0x0131)),)),
            2,
            ["TransactionUID", "FailedSOPSequence"],
        ),
    ],
)
def test_a_result_survives_the_way_through_a_data_set(
    result: CommitmentResult, event: int, keywords: list[str]
) -> None:
    dataset = result.dataset()
    assert [element.keyword for element in dataset] == keywords
    assert CommitmentResult.of(dataset) == result
    assert result.event_type_id == event
    assert result.is_complete is (event == 1)


def test_a_reason_is_told_in_words() -> None:
    assert FailedReference(ONE, Status(0x0112)).text.startswith("No such SOP instance")
    nameless = dataset_of({"FailedSOPSequence": [ONE.item()]})
    assert CommitmentResult.of(nameless).failed == (FailedReference(ONE, Status(0x0110)),)


def test_the_scp_proposes_itself_as_scp() -> None:
    assert [(one.scu_role, one.scp_role) for one in REPORT_CONTEXTS] == [(False, True)]


def test_a_request_for_nothing_is_an_error() -> None:
    with pytest.raises(ConfigurationError):
        commitment_request([], "1.9")


async def test_an_answer_that_overtakes_the_confirmation_is_kept() -> None:
    requests = CommitmentRequests()

    class Hasty(ScriptedUser):
        async def n_action(self, *arguments: object, **more: object) -> Response:
            assert status_of(requests.on_n_event_report(answer("1.9"))) == 0
            return Response(Status(0))

    assert await requests.send(Hasty(), [ONE], transaction_uid="1.9") == "1.9"
    assert requests.waiting == ()
    assert (await requests.wait("1.9", timeout_s=0)).committed == (ONE,)


async def test_a_refused_request_does_not_wait() -> None:
    requests = CommitmentRequests()
    with pytest.raises(DimseFailure):
        await requests.send(ScriptedUser(Response(Status(0x0122))), [ONE], transaction_uid="1.9")
    with pytest.raises(ConfigurationError):
        await requests.send(ScriptedUser(), [])
    assert requests.waiting == ()


async def test_a_transaction_uid_waits_once() -> None:
    requests = CommitmentRequests()
    requests.expect("1.9")
    with pytest.raises(ConfigurationError, match="in use"):
        await requests.send(ScriptedUser(), [ONE], transaction_uid="1.9")
    assert requests.waiting == ("1.9",)


async def test_a_time_out_leaves_the_request_waiting() -> None:
    requests = CommitmentRequests()
    uid = await requests.send(ScriptedUser(), [ONE])
    with pytest.raises(OperationTimeout, match="within 0 s") as timeout:
        await requests.wait(uid, timeout_s=0)
    assert timeout.value.phase == "response"
    with pytest.raises(OperationTimeout):
        requests.wait_blocking(uid, timeout_s=0)
    assert requests.waiting == (uid,)
    requests.on_n_event_report(answer(uid))
    assert requests.wait_blocking(uid).is_complete
    with pytest.raises(ConfigurationError, match="no request waits"):
        await requests.wait(uid)


async def test_who_waits_hears_of_an_answer_and_of_forgetting() -> None:
    requests = CommitmentRequests()
    for uid in ("1.8", "1.9"):
        requests.expect(uid)
    async with asyncio.TaskGroup() as group:
        answered = group.create_task(requests.wait("1.8"))
        forgotten = group.create_task(_outcome(requests, "1.9"))
        await asyncio.sleep(0)
        requests.on_n_event_report(answer("1.8"))
        requests.forget("1.9")
        requests.forget("never known")
    assert answered.result().transaction_uid == "1.8"
    assert isinstance(forgotten.result(), ConfigurationError)


async def _outcome(requests: CommitmentRequests, uid: str) -> object:
    try:
        return await requests.wait(uid)
    except ConfigurationError as error:
        return error


async def test_a_cancelled_wait_leaves_the_request_waiting() -> None:
    requests = CommitmentRequests()
    requests.expect("1.9")
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(requests.wait("1.9"))
        await asyncio.sleep(0)
        waiting.cancel()
    assert waiting.cancelled()
    assert requests.waiting == ("1.9",)
    requests.on_n_event_report(answer("1.9"))
    assert (await requests.wait("1.9")).is_complete


def test_an_answer_may_come_in_another_thread_and_after_a_loop_has_ended() -> None:
    requests = CommitmentRequests()
    for uid in ("1.8", "1.9"):
        requests.expect(uid)

    async def give_up() -> None:
        with pytest.raises(OperationTimeout):
            await requests.wait("1.9", timeout_s=0)

    asyncio.run(give_up())
    thread = threading.Thread(target=lambda: [requests.on_n_event_report(answer(uid)) for uid in ("1.8", "1.9")])
    thread.start()
    assert requests.wait_blocking("1.8", timeout_s=30.0).is_complete
    thread.join()
    assert asyncio.run(requests.wait("1.9")).is_complete


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (answer("1.7"), 0x0115),
        (report(SOP_CLASS, SOP_INSTANCE, 3, CommitmentResult("1.9", (ONE,)).dataset()), 0x0113),
        (report(SOP_CLASS, SOP_INSTANCE, 1, Dataset()), 0x0115),
        (answer("1.9"), 0),
    ],
)
def test_only_what_is_waited_for_is_taken(request_: object, status: int) -> None:
    requests = CommitmentRequests()
    requests.expect("1.9")
    assert status_of(requests.handlers().on_n_event_report(request_)) == status
    assert requests.waiting == (() if status == 0 else ("1.9",))


def test_an_answer_is_taken_once() -> None:
    requests = CommitmentRequests(on_unexpected=lambda result: None)
    requests.expect("1.9")
    assert status_of(requests.on_n_event_report(answer("1.9"))) == 0
    assert status_of(requests.on_n_event_report(answer("1.9"))) == 0x0115


def test_unexpected_answers_can_be_taken() -> None:
    came: list[CommitmentResult] = []
    requests = CommitmentRequests(on_unexpected=came.append)
    assert status_of(requests.on_n_event_report(answer("1.7"))) == 0
    assert [result.transaction_uid for result in came] == ["1.7"]
