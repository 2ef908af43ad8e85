"""The provider of media creation management (PS3.4 annex S)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from helpers.asking import act, create, read, status_of
from pydicom.dataset import Dataset

from dicomgui.network import Status
from dicomgui.network.service_classes.attributes import dataset_of
from dicomgui.network.service_classes.commitment import FailedReference
from dicomgui.network.service_classes.media_creation import (
    CANCEL,
    INITIATE,
    SOP_CLASS,
    ExecutionStatus,
    MediaCreation,
    MediaRequest,
    MediaResult,
)
from dicomgui.network.service_classes.references import Reference, reference_items

ONE, TWO = Reference("1.2", "1.2.1"), Reference("1.2", "1.2.2")
WISH = dataset_of({"ReferencedSOPSequence": reference_items([ONE, TWO]), "LabelText": "Grüße"})


class Writer:
    """Writes when it is let; told of each change.

    :ivar begun: UIDs in the order in which they were written.
    """

    def __init__(self, result: MediaResult | Exception | None = None) -> None:
        self.begun: list[str] = []
        self.may_end = asyncio.Event()
        self.changes: asyncio.Queue[MediaRequest] = asyncio.Queue()
        self._result = result or MediaResult(1)

    async def __call__(self, request: MediaRequest) -> MediaResult:
        self.begun.append(request.sop_instance_uid)
        await self.may_end.wait()
        if isinstance(self._result, Exception):
            raise self._result
        return self._result

    async def reached(self, uid: str, status: ExecutionStatus) -> MediaRequest:
        while True:
            request = await self.changes.get()
            if (request.sop_instance_uid, request.status) == (uid, status):
                return request


def begin(media: MediaCreation, uid: str, **information: object) -> int:
    assert status_of(media.on_n_create(create(SOP_CLASS, uid, WISH))) == 0
    return initiate(media, uid, **information)


def initiate(media: MediaCreation, uid: str, **information: object) -> int:
    return status_of(media.on_n_action(act(SOP_CLASS, uid, INITIATE, dataset_of(information))))


def cancel(media: MediaCreation, uid: str) -> int:
    return status_of(media.on_n_action(act(SOP_CLASS, uid, CANCEL)))


def state(media: MediaCreation, uid: str) -> Any:
    answer: Any = media.on_n_get(read(SOP_CLASS, uid))
    return answer.dataset if status_of(answer) == 0 else status_of(answer)


@pytest.mark.parametrize(
    ("dataset", "status"),
    [
        (Dataset(), 0x0120),
        (dataset_of({"ReferencedSOPSequence": []}), 0x0121),
        (dataset_of({"ReferencedSOPSequence": [Dataset()]}), 0x0120),
        (dataset_of({"ReferencedSOPSequence": reference_items([("1.2", "no UID")])}), 0x0106),
        (dataset_of({"ReferencedSOPSequence": reference_items([("1.2", f"1.{n}") for n in range(4)])}), 0x0213),
    ],
)
def test_requests_that_name_no_instances_or_too_many_are_refused(dataset: Dataset, status: int) -> None:
    media = MediaCreation(lambda request: MediaResult(), max_instances=3)
    assert status_of(media.on_n_create(create(SOP_CLASS, "1.9", dataset))) == status
    assert not media.requests


async def test_a_request_goes_from_idle_to_done() -> None:
    writer = Writer(MediaResult(2, media=(("DISC1", "1.7"),)))
    media = MediaCreation(writer, on_change=writer.changes.put_nowait)
    assert status_of(media.handlers().on_n_create(create(SOP_CLASS, "1.9", WISH))) == 0
    assert status_of(media.on_n_create(create(SOP_CLASS, "1.9", WISH))) == 0x0111
    assert (state(media, "1.9").ExecutionStatus, state(media, "1.9").LabelText) == ("IDLE", "Grüße")
    assert "TotalNumberOfPiecesOfMediaCreated" not in state(media, "1.9")
    assert initiate(media, "1.9", NumberOfCopies="2", RequestPriority="HIGH") == 0
    assert initiate(media, "1.9") == 0xA510
    assert (await writer.reached("1.9", ExecutionStatus.CREATING)).copies == 2
    assert state(media, "1.9").ExecutionStatus == "CREATING"
    writer.may_end.set()
    await writer.reached("1.9", ExecutionStatus.DONE)
    done = state(media, "1.9")
    assert (done.ExecutionStatus, done.ExecutionStatusInfo, done.TotalNumberOfPiecesOfMediaCreated) == (
        "DONE", "NORMAL", 2,
    )  # fmt: skip
    assert done.ReferencedStorageMediaSequence[0].StorageMediaFileSetID == "DISC1"
    assert cancel(media, "1.9") == 0xC201
    await media.close()


@pytest.mark.parametrize(
    "result",
    [RuntimeError("burnt"), MediaResult(failed=tuple(FailedReference(one, Status(0x0110)) for one in (ONE, TWO)))],
)
async def test_what_could_not_be_written_is_named(result: MediaResult | Exception) -> None:
    writer = Writer(result)
    media = MediaCreation(writer, on_change=writer.changes.put_nowait)
    writer.may_end.set()
    begin(media, "1.9")
    await writer.reached("1.9", ExecutionStatus.FAILURE)
    failed = state(media, "1.9")
    assert failed.ExecutionStatus == "FAILURE"
    assert [item.FailureReason for item in failed.FailedSOPSequence] == [0x0110, 0x0110]
    assert cancel(media, "1.9") == 0xC201


async def test_requests_wait_for_each_other_by_their_priority() -> None:
    writer = Writer()
    media = MediaCreation(writer, on_change=writer.changes.put_nowait)
    for uid, priority in (("1.1", "LOW"), ("1.2", "LOW"), ("1.3", ""), ("1.4", "HIGH")):
        assert begin(media, uid, RequestPriority=priority) == 0
    assert (state(media, "1.2").ExecutionStatus, state(media, "1.2").ExecutionStatusInfo) == ("PENDING", "QUEUED")
    writer.may_end.set()
    await writer.reached("1.2", ExecutionStatus.DONE)
    assert writer.begun == ["1.1", "1.4", "1.3", "1.2"]


async def test_a_cancelled_request_is_deleted_whatever_its_state() -> None:
    writer = Writer()
    media = MediaCreation(writer, on_change=writer.changes.put_nowait)
    media.on_n_create(create(SOP_CLASS, "1.1", WISH))
    assert cancel(media, "1.1") == 0
    for uid in ("1.2", "1.3", "1.4"):
        begin(media, uid)
    await writer.reached("1.2", ExecutionStatus.CREATING)
    assert [cancel(media, "1.3"), cancel(media, "1.2"), cancel(media, "1.2")] == [0, 0, 0x0112]
    writer.may_end.set()
    await writer.reached("1.4", ExecutionStatus.DONE)
    assert list(media.requests) == ["1.4"]
    assert state(media, "1.2") == 0x0112


async def test_a_writer_that_ignores_the_cancel_brings_nothing_back() -> None:
    begun = asyncio.Event()
    done = asyncio.Event()

    async def stubborn(request: MediaRequest) -> MediaResult:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            done.set()
        return MediaResult(1)

    media = MediaCreation(stubborn)
    begin(media, "1.9")
    await begun.wait()
    assert cancel(media, "1.9") == 0
    await done.wait()
    await media.close()
    assert not media.requests


async def test_what_is_being_written_may_be_beyond_interruption() -> None:
    writer = Writer()
    media = MediaCreation(writer, on_change=writer.changes.put_nowait, can_interrupt=False)
    begin(media, "1.9")
    await writer.reached("1.9", ExecutionStatus.CREATING)
    assert cancel(media, "1.9") == 0xC202
    await media.close()


@pytest.mark.parametrize(
    "information",
    [{"NumberOfCopies": "0"}, {"NumberOfCopies": "101"}, {"NumberOfCopies": "-1"}, {"RequestPriority": "MEDIUM"}],
)
def test_copies_and_priority_must_be_possible(information: dict[str, str]) -> None:
    media = MediaCreation(lambda request: MediaResult())
    assert begin(media, "1.9", **information) == 0x0115
    assert media.requests["1.9"].status is ExecutionStatus.IDLE


async def test_what_is_not_there_is_answered_so() -> None:
    media = MediaCreation(lambda request: MediaResult())
    assert (initiate(media, "1.9"), cancel(media, "1.9"), state(media, "1.9")) == (0x0112, 0x0112, 0x0112)
    assert status_of(media.on_n_action(act(SOP_CLASS, "1.9", 3))) == 0x0123


async def test_there_is_room_for_so_many_requests_and_ended_ones_make_room() -> None:
    writer = Writer()
    media = MediaCreation(lambda request: MediaResult(1), on_change=writer.changes.put_nowait, max_requests=2)
    for uid in ("1.1", "1.2"):
        media.on_n_create(create(SOP_CLASS, uid, WISH))
    assert status_of(media.on_n_create(create(SOP_CLASS, "1.3", WISH))) == 0x0213
    initiate(media, "1.2")
    await writer.reached("1.2", ExecutionStatus.DONE)
    assert status_of(media.on_n_create(create(SOP_CLASS, "", WISH))) == 0
    assert "1.2" not in media.requests
    assert len(media.requests) == 2
