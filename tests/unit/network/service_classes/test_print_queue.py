"""The queue of a printer: one job at a time, each status told, and what a peer that does not listen cannot hold up."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from helpers.asking import ScriptedUser, facts
from helpers.pictures import picture
from pydicom.dataset import Dataset

from dicomgui.network.errors import ConnectionLost
from dicomgui.network.service import Response
from dicomgui.network.service_classes.attributes import dataset_of
from dicomgui.network.service_classes.print_queue import MAX_WAITING, MAX_WAITING_TOGETHER, PrintJob, PrintQueue
from dicomgui.network.service_classes.print_session import PrintedImage, PrintedPage
from dicomgui.network.status import Status

SESSION = dataset_of({"FilmSessionLabel": "Head", "PrintPriority": "HIGH"})


def job(number: int, *, association: int = 1, session: Dataset | None = None) -> PrintJob:
    page = PrintedPage(Dataset(), (PrintedImage(1, picture(), Dataset()),), {})
    return PrintJob(f"2.25.{number}", session or Dataset(), (page,), False, {}, facts(association))


def told(user: ScriptedUser) -> list[tuple[str, int]]:
    return [(arguments[1], arguments[2]) for _, arguments, _ in user.asked]


def queue(on_print: Any, max_bytes: int = 2**20) -> PrintQueue:
    return PrintQueue(on_print, name="LASER", max_bytes=max_bytes)


async def test_the_second_job_waits_for_the_first() -> None:
    may_end, begun, user = asyncio.Event(), asyncio.Event(), ScriptedUser()
    printed: list[str] = []

    async def slow(one: PrintJob) -> None:
        begun.set()
        await may_end.wait()
        printed.append(one.sop_instance_uid)

    jobs = queue(slow)
    assert jobs.add(job(1, session=SESSION), user)
    assert jobs.add(job(2), user)
    await begun.wait()
    await user.wait_asked(3)
    assert told(user) == [("2.25.1", 1), ("2.25.2", 1), ("2.25.1", 2)]
    first, second = (jobs.attributes(1, f"2.25.{number}") for number in (1, 2))
    assert first is not None
    assert second is not None
    assert (first.ExecutionStatus, second.ExecutionStatus) == ("PRINTING", "PENDING")
    assert (first.ExecutionStatusInfo, second.ExecutionStatusInfo) == ("NORMAL", "QUEUED")  # PS3.3 C.13.9.1
    assert (first.PrintPriority, first.Originator, first.PrinterName) == ("HIGH", "PEER", "LASER")
    assert second.PrintPriority == "MED"
    may_end.set()
    await user.wait_asked(6)
    assert printed == ["2.25.1", "2.25.2"]
    assert [event for uid, event in told(user) if uid == "2.25.2"] == [1, 2, 3]
    assert [arguments[3].ExecutionStatusInfo for _, arguments, _ in user.asked[:3]] == ["QUEUED", "QUEUED", "NORMAL"]
    event = user.asked[-1][1][3]
    assert (event.ExecutionStatusInfo, event.PrinterName) == ("NORMAL", "LASER")
    await jobs.close()
    assert jobs.attributes(2, "2.25.1") is None


async def test_a_job_that_fails_is_told_as_that() -> None:
    def on_print(one: PrintJob) -> None:
        raise OSError("no paper")

    jobs, user = queue(on_print), ScriptedUser(*[Response(Status(code)) for code in (0, 0, 0x0110)])
    jobs.add(job(1, session=SESSION), user)
    await user.wait_asked(3)
    assert [event for _, event in told(user)] == [1, 2, 4]
    event = user.asked[-1][1][3]
    assert (event.ExecutionStatusInfo, event.FilmSessionLabel) == ("UNKNOWN", "Head")
    state = jobs.attributes(1, "2.25.1")
    assert state is not None
    assert (state.ExecutionStatus, state.ExecutionStatusInfo) == ("FAILURE", "UNKNOWN")
    await jobs.close()


async def test_a_job_is_forgotten_when_its_end_is_confirmed() -> None:
    """PS3.4 H.4.5.2.1.2: the SCP deletes the print job then."""
    user = ScriptedUser()
    jobs = queue(lambda one: None)
    jobs.add(job(1), user)
    await user.wait_asked(3)
    second = ScriptedUser(*[Response(Status(0))] * 2, ConnectionLost("gone"))
    jobs.add(job(2), second)
    await second.wait_asked(3)
    assert jobs.attributes(1, "2.25.1") is None
    kept = jobs.attributes(1, "2.25.2")
    assert kept is not None
    assert kept.ExecutionStatus == "DONE"
    await jobs.close()


@pytest.mark.parametrize("answer", [ConnectionLost("gone"), Response(Status(0x0110))], ids=["gone", "refused"])
async def test_a_job_is_printed_whatever_becomes_of_the_reports(answer: Any) -> None:
    printed = asyncio.Event()
    jobs, user = queue(lambda one: printed.set()), ScriptedUser(answer, answer, answer)
    jobs.add(job(1), user)
    await printed.wait()
    await jobs.close()


async def test_a_job_is_printed_after_its_association_has_ended() -> None:
    printed = asyncio.Event()
    jobs, user = queue(lambda one: printed.set()), ScriptedUser()
    user.is_connected = False
    jobs.add(job(1), user)
    jobs.forget(1)
    await printed.wait()
    assert (user.asked, jobs.attributes(1, "2.25.1")) == ([], None)
    await jobs.close()


async def test_there_is_room_for_some_jobs_and_bytes() -> None:
    jobs, user = queue(lambda one: None), ScriptedUser()
    taken = [jobs.add(job(number), user) for number in range(MAX_WAITING + 1)]
    assert taken == [True] * MAX_WAITING + [False]
    assert jobs.add(job(1, association=2), user)
    await jobs.close()
    small = queue(lambda one: None, max_bytes=job(1).size_bytes)
    assert small.add(job(1), user)
    assert not small.add(job(2), user)
    await small.close()
    assert small.add(job(3, association=3), user)
    await small.close()


async def test_jobs_of_closed_associations_without_end_are_refused() -> None:
    async def for_ever(one: PrintJob) -> None:
        await asyncio.Event().wait()

    jobs, user = queue(for_ever), ScriptedUser()
    user.is_connected = False
    taken = []
    for number in range(MAX_WAITING_TOGETHER + 1):
        taken.append(jobs.add(replace(job(number, association=number), pages=()), user))
        jobs.forget(number)
    assert taken == [True] * MAX_WAITING_TOGETHER + [False]
    await jobs.close()
    assert jobs.add(job(1), user)
    await jobs.close()


def test_presentation_luts_and_what_is_said_of_films_count() -> None:
    lut = dataset_of({"TextValue": "x" * 5_000})
    page = PrintedPage(dataset_of({"TextValue": "y" * 5_000}), (), {})
    big = replace(job(1), luts={"2.25.9": lut}, pages=(page,), session=dataset_of({"TextValue": "z" * 5_000}))
    assert big.size_bytes > 15_000


async def test_a_job_whose_printing_was_cancelled_has_failed_and_the_next_one_is_printed() -> None:
    printed = asyncio.Event()

    def on_print(one: PrintJob) -> None:
        if one.sop_instance_uid == "2.25.1":
            raise asyncio.CancelledError
        printed.set()

    jobs, user = queue(on_print), ScriptedUser()
    jobs.add(job(1), user)
    jobs.add(job(2), user)
    await printed.wait()
    state = jobs.attributes(1, "2.25.1")
    assert state is not None
    assert state.ExecutionStatus == "FAILURE"
    await jobs.close()


@pytest.mark.parametrize("label", ["Schädel", "頭", "a\\b", "x" * 100])
async def test_any_label_of_a_session_can_be_told(label: str) -> None:
    printed = asyncio.Event()
    jobs, user = queue(lambda one: printed.set()), ScriptedUser()
    jobs.add(job(1, session=dataset_of({"FilmSessionLabel": label})), user)
    await printed.wait()
    await user.wait_asked(3)
    assert [event for _, event in told(user)] == [1, 2, 3]
    await jobs.close()
