"""Retrievals by C-MOVE and C-GET: what is told, what arrives, what fails, and how they end."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.answering import answering
from helpers.bad_peer import reached
from helpers.instances import EXPLICIT, IMPLICIT, SECONDARY_CAPTURE, instance_of, shipped_folder, write_instance
from helpers.retrieval import CR_STUDY, CT_STUDY, DOE, ENDLESS, Receiver, data_sets, elements, kept_in, real_files
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from dicomgui.app.asking.keys import parse_key
from dicomgui.app.asking.levels import Level
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.listening.listener import Listener, ListenerEvent, ListenerOptions
from dicomgui.app.listening.reception import arrived_of
from dicomgui.app.transfers import retrieve as module
from dicomgui.app.transfers.retrieve import (
    MAX_BARREN,
    Arrived,
    Counts,
    GetJob,
    MoveJob,
    RetrieveManner,
    RetrieveProgress,
    RetrieveReport,
    Wanted,
    WantedResult,
    WantedState,
)
from dicomgui.network import (
    ConfigurationError,
    ConnectionRefused,
    DicomNetworkError,
    FindRequest,
    GetRequest,
    Handlers,
    MoveRequest,
    NoAcceptedContext,
    PeerAddress,
    Reply,
    Server,
    Status,
    Strictness,
    serve,
)
from dicomgui.network.dimse.dataset import decode_answer
from dicomgui.network.service import results
from dicomgui.network.structure import AnomalyCode
from dicomgui.network.tracing import DimseRecord, FileRecord
from dicomgui.network.uids import STORAGE_CLASSES
from dicomgui.storage import Archive, DiskFull

OPTIONS = ConnectionOptions()
STUDY, SERIES, IMAGE = "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"
CT = "1.2.840.10008.5.1.4.1.1.2"


def want(level: str, *keys: str) -> Wanted:
    return Wanted(Level(level), tuple(map(parse_key, keys)))


def found_in(folder: Path, pattern: str) -> list[Path]:
    return list(folder.rglob(pattern))


def destination(receiver: Receiver) -> Any:
    return serve(port=0, ae_title="DEST", handlers=receiver.handlers())


# -------------------------------------------------------------------------------------------------------------- C-MOVE


async def test_a_move_to_a_third_ae_tells_what_the_peer_tells(context: AppContext) -> None:
    receiver, told, results = Receiver(), list[RetrieveProgress](), list[WantedResult]()
    async with await destination(receiver) as there, answering(destinations={"DEST": there.port}) as scp:
        job = MoveJob(
            context, scp.address, OPTIONS, [want("STUDY", f"{STUDY}={CR_STUDY}"), want("STUDY", f"{STUDY}={CT_STUDY}")],
            destination="DEST", on_progress=told.append, on_result=results.append,
        )  # fmt: skip
        report = await job.run()
    assert receiver.data == data_sets(real_files(CR_STUDY) + real_files(CT_STUDY))
    assert (report.ok, report.told, report.root, report.destination) == (True, Counts(7, 0, 0), "study", "DEST")
    assert (report.arrived, report.missing, report.failed_uids, report.left()) == (None, 0, (), ())
    assert [result.told for result in results] == [Counts(3, 0, 0), Counts(4, 0, 0)]
    assert [result.state for result in report.results] == [WantedState.DONE] * 2
    assert (told[0].number, told[0].of) == (1, 2)
    assert (told[-1].number, told[-1].of, told[-1].told.completed) == (2, 2, 7)
    assert len(report.associations) == 1
    assert scp.asked() == []
    assert report.findings == ()


async def test_what_only_matches_is_looked_up_and_moved_one_by_one(context: AppContext) -> None:
    receiver = Receiver()
    async with await destination(receiver) as there, answering(destinations={"DEST": there.port}) as scp:
        wanted = [want("STUDY", "PatientName=Doe^A*")]
        report = await MoveJob(context, scp.address, OPTIONS, wanted, destination="DEST").run()
    assert report.ok
    assert sorted(one[STUDY] for one in scp.retrieved()) == sorted([CR_STUDY, CT_STUDY])
    assert all(set(one) == {"QueryRetrieveLevel", STUDY} for one in scp.retrieved())
    assert len(report.associations) == 1


async def test_an_unknown_destination_is_not_tried_again(context: AppContext) -> None:
    async with answering() as scp:
        wanted = [want("STUDY", f"{STUDY}={CR_STUDY}"), want("STUDY", f"{STUDY}={CT_STUDY}")]
        report = await MoveJob(context, scp.address, OPTIONS, wanted, destination="NOBODY").run()
    assert [result.status for result in report.results] == [0xA801, None]
    assert {result.state for result in report.results} == {WantedState.FAILED}
    assert not report.ok
    assert report.left() == tuple(wanted)
    assert [finding.code for finding in report.findings] == ["move-unknown-destination"]


async def test_failed_instances_are_listed_and_retried(context: AppContext) -> None:
    bad = next(iter(data_sets(real_files(CT_STUDY))))
    receiver = Receiver({bad: 0xA700})
    async with await destination(receiver) as there, answering(destinations={"DEST": there.port}) as scp:
        wanted = [want("STUDY", f"{STUDY}={CT_STUDY}")]
        first = await MoveJob(context, scp.address, OPTIONS, wanted, destination="DEST").run()
        receiver.statuses = {}
        again = await MoveJob(context, scp.address, OPTIONS, first.left(), destination="DEST").run()
    assert (first.told, first.failed_uids) == (Counts(3, 1, 0), (bad,))
    assert first.results[0].state is WantedState.PARTLY
    assert (first.ok, first.has_failures) == (False, True)
    [left] = first.left()
    assert left.unique == {STUDY: CT_STUDY, IMAGE: bad}
    assert (again.ok, again.told) == (True, Counts(1, 0, 0))
    assert scp.retrieved()[-1][IMAGE] == bad
    assert SERIES in scp.retrieved()[-1]  # looked up: a hierarchical retrieval wants it


async def test_what_arrives_is_counted_apart_from_what_is_told(context: AppContext, tmp_path: Path) -> None:
    receiver, seen = Receiver(), list[Arrived]()
    async with await destination(receiver) as there, answering(destinations={"DEST": there.port}) as scp:
        job = MoveJob(
            context, scp.address, OPTIONS, [want("STUDY", f"{STUDY}={CT_STUDY}")],
            destination="DEST", expects_arrivals=True, on_arrived=seen.append,
        )  # fmt: skip
        one = Arrived(CT, "1.2.3", EXPLICIT, tmp_path / "x", 100)
        again = replace(one, outcome="duplicate")
        job.received(one)
        job.received(again)
        report = await job.run()
    assert (report.told.delivered, report.arrived, report.deliveries, report.missing) == (4, 1, 2, 2)
    assert (report.ok, report.arrived_bytes, report.repeated) == (False, 100, 1)
    assert seen == [one, again]


async def test_what_is_wanted_more_than_once_is_retrieved_once(context: AppContext, tmp_path: Path) -> None:
    async with answering() as scp:
        wanted = [want("STUDY", f"{STUDY}={CT_STUDY}")] * 3
        report = await GetJob(context, scp.address, OPTIONS, wanted, into=tmp_path).run()
    assert (report.ok, len(report.results), report.arrived, report.deliveries) == (True, 1, 4, 4)
    assert len(scp.retrieved()) == 1


async def test_the_root_is_what_the_peer_accepts_for_the_retrieval(context: AppContext) -> None:
    receiver = Receiver()
    classes = frozenset({"1.2.840.10008.5.1.4.1.2.1.2", "1.2.840.10008.5.1.4.1.2.1.1"})
    async with (
        await destination(receiver) as there,
        answering(sop_classes=classes, destinations={"DEST": there.port}) as scp,
    ):
        wanted = [want("STUDY", f"PatientID={DOE}", f"{STUDY}={CT_STUDY}")]
        report = await MoveJob(context, scp.address, OPTIONS, wanted, destination="DEST").run()
    assert (report.ok, report.root) == (True, "patient")
    assert scp.retrieved()[0]["PatientID"] == DOE


async def test_a_cancelled_move_has_sent_c_cancel_and_reports(context: AppContext) -> None:
    receiver, under_way = Receiver(), asyncio.Event()

    def told(progress: RetrieveProgress) -> None:
        if progress.told.completed:
            under_way.set()

    async with await destination(receiver) as there, answering(destinations={"DEST": there.port}) as scp:
        wanted = [want("STUDY", f"{STUDY}={CR_STUDY}"), want("STUDY", f"{STUDY}={CT_STUDY}")]
        receiver.gate.clear()
        job = MoveJob(context, scp.address, OPTIONS, wanted, destination="DEST", on_progress=told)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(job.run())
            await under_way.wait()
            task.cancel()
        assert task.cancelled()
        receiver.gate.set()
        await reached(lambda: not scp.server.associations, "the association has ended")
    report = job.report()
    assert (report.is_cancelled, report.ok, report.told.completed) == (True, False, 1)
    assert [result.state for result in report.results] == [WantedState.CANCELLED] * 2
    assert report.left() == tuple(wanted)
    fields = {record.command_field for record in context.trace.records() if type(record) is DimseRecord}
    assert 0x0FFF in fields


@pytest.mark.parametrize("manner", [RetrieveManner(cancel_after=3), RetrieveManner(cancel_after_s=0.05)])
@pytest.mark.parametrize("verb", ["get", "move"])
async def test_a_retrieval_without_end_cancels_itself(
    context: AppContext, tmp_path: Path, verb: str, manner: RetrieveManner
) -> None:
    receiver, classes = Receiver(), {str(dcmread(path).SOPClassUID) for path in real_files()}
    async with await destination(receiver) as there, answering(destinations={"DEST": there.port}) as scp:
        wanted = [want("PATIENT", f"PatientID={ENDLESS}"), want("PATIENT", f"PatientID={DOE}")]
        job = (
            GetJob(context, scp.address, OPTIONS, wanted, into=tmp_path, sop_classes=classes, manner=manner)
            if verb == "get"
            else MoveJob(context, scp.address, OPTIONS, wanted, destination="DEST", manner=manner)
        )
        report = await job.run()
    assert (report.is_stopped, report.is_cancelled, report.has_failures, report.error) == (True, False, False, None)
    assert [result.state for result in report.results] == [WantedState.CANCELLED] * 2
    assert report.results[0].status == Status(0xFE00)
    assert report.results[1].status is None
    assert report.told.completed >= (manner.cancel_after or 0)
    assert report.findings == ()
    assert "A C-CANCEL was sent after " in report.notes[-1]


async def test_a_peer_that_does_not_answer_the_c_cancel_is_aborted(context: AppContext) -> None:
    async def deaf(request: MoveRequest) -> Reply:
        await asyncio.Event().wait()
        raise AssertionError

    options = replace(OPTIONS, timeouts=replace(OPTIONS.timeouts, cancel_s=0.05))
    async with answering(Handlers(on_move=deaf), destinations={"DEST": 1}) as scp:
        wanted = [want("STUDY", f"{STUDY}=1.2.3"), want("STUDY", f"{STUDY}=1.2.4")]
        manner = RetrieveManner(cancel_after_s=0.01)
        report = await MoveJob(context, scp.address, options, wanted, destination="DEST", manner=manner).run()
    assert (report.is_stopped, report.has_failures, report.error) == (True, False, None)
    assert [result.state for result in report.results] == [WantedState.CANCELLED] * 2
    assert "The peer went on after the C-CANCEL; the association was aborted." in report.notes


async def test_each_request_is_sent_as_often_as_asked_for(context: AppContext, tmp_path: Path) -> None:
    async with answering() as scp:
        wanted = [want("STUDY", f"{STUDY}={CR_STUDY}"), want("STUDY", f"{STUDY}={CT_STUDY}")]
        job = GetJob(context, scp.address, OPTIONS, wanted, into=tmp_path, manner=RetrieveManner(repeat=3))
        report = await job.run()
    assert (report.ok, report.arrived, report.deliveries) == (True, 7, 21)
    assert [one[STUDY] for one in scp.retrieved()] == [CR_STUDY, CT_STUDY] * 3


async def test_a_peer_that_cancels_by_itself_is_not_done(context: AppContext) -> None:
    answers = Handlers(on_move=lambda request: Status(0xFE00))
    async with await destination(Receiver()) as there, answering(answers, destinations={"DEST": there.port}) as scp:
        wanted = [want("STUDY", f"{STUDY}=1.2")]
        report = await MoveJob(context, scp.address, OPTIONS, wanted, destination="DEST").run()
    assert report.results[0].state is WantedState.CANCELLED
    assert report.left() == tuple(wanted)


async def test_a_closed_port_is_a_report(context: AppContext) -> None:
    async with await serve(port=0) as server:
        peer = PeerAddress("X", "127.0.0.1", server.port)
    numbers: list[int] = []
    job = MoveJob(
        context, peer, OPTIONS, [want("STUDY", f"{STUDY}=1.2")], destination="ME", on_association=numbers.append
    )
    report = await job.run()
    assert isinstance(report.error, ConnectionRefused)
    assert [result.state for result in report.results] == [WantedState.FAILED]
    assert [finding.code for finding in report.findings] == ["closed-port"]
    assert tuple(numbers) == report.associations
    assert report.left()


async def test_no_accepted_context_is_a_report(context: AppContext) -> None:
    async with answering(sop_classes=frozenset({"1.2.840.10008.5.1.4.1.2.2.1"})) as scp:
        report = await MoveJob(context, scp.address, OPTIONS, [want("STUDY", f"{STUDY}=1.2")], destination="ME").run()
    assert isinstance(report.error, NoAcceptedContext)
    assert not report.ok


async def test_nothing_that_matches_is_said(context: AppContext) -> None:
    async with answering() as scp:
        report = await MoveJob(
            context, scp.address, OPTIONS, [want("STUDY", "PatientID=nobody")], destination="ME"
        ).run()
    assert (report.results, report.ok, report.findings) == ((), True, ())
    assert report.notes == ("Nothing at the peer matches PatientID=nobody.",)


async def test_a_list_of_failures_that_cannot_be_read_is_no_end(context: AppContext) -> None:
    broken = b"\x28\x00\x10\x00US\x03\x00abc\x28\x00\x11\x00US\x01\x00a"
    answers = Handlers(on_move=lambda request: Reply(Status(0xB000), dataset=broken))
    async with await destination(Receiver()) as there, answering(answers, destinations={"DEST": there.port}) as scp:
        wanted = [want("STUDY", f"{STUDY}=1.2")]
        report = await MoveJob(context, scp.address, OPTIONS, wanted, destination="DEST").run()
    assert report.results[0].state is WantedState.PARTLY
    assert "could not be read" in report.notes[0]


async def test_no_more_failed_instances_are_remembered_than_is_allowed(
    context: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A peer may list tens of thousands at each request; a long list is read in a thread."""
    monkeypatch.setattr(module, "MAX_NAMED", 700)
    threads: list[bool] = []

    def decode(data: bytes, syntax: str) -> Dataset:
        threads.append(threading.current_thread() is threading.main_thread())
        return decode_answer(data, syntax)

    monkeypatch.setattr(results, "decode_answer", decode)
    failed = elements(FailedSOPInstanceUIDList=[f"1.2.3.{number}" for number in range(600)])
    answers = Handlers(on_move=lambda request: Reply(Status(0xB000), dataset=failed))
    async with await destination(Receiver()) as there, answering(answers, destinations={"DEST": there.port}) as scp:
        wanted = [want("STUDY", f"{STUDY}=1.2"), want("STUDY", f"{STUDY}=1.3")]
        report = await MoveJob(context, scp.address, OPTIONS, wanted, destination="DEST").run()
    assert [len(result.failed_uids) for result in report.results] == [600, 100]
    assert threads == [False, False]


def test_refused_instances_without_end_are_not_all_remembered(
    context: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_NAMED", 3)
    monkeypatch.setattr(module, "MAX_NOTES", 5)
    job = GetJob(context, PeerAddress("X", "127.0.0.1", 1), OPTIONS, [want("STUDY", f"{STUDY}=1.2")], into=tmp_path)
    for number in range(10):
        job._keep("1." * 5000, "always the same")
        job._keep(f"1.{number}", f"reason {number}")
    report = job.report()
    assert report.refused_uids == (("1." * 5000)[:64], "1.0", "1.1")
    assert len(report.notes) == 5


async def test_levels_of_any_mix_need_a_root_that_has_them_all(context: AppContext) -> None:
    receiver = Receiver()
    async with await destination(receiver) as there, answering(destinations={"DEST": there.port}) as scp:
        wanted = [want("STUDY", f"{STUDY}={CT_STUDY}"), want("PATIENT", f"PatientID={DOE}")]
        report = await MoveJob(context, scp.address, OPTIONS, wanted, destination="DEST").run()
    assert (report.ok, report.root) == (True, "patient")
    assert receiver.data == data_sets(real_files(CR_STUDY) + real_files(CT_STUDY))


def test_what_makes_no_sense_is_refused_at_once(context: AppContext) -> None:
    peer = PeerAddress("X", "127.0.0.1", 1)
    with pytest.raises(ConfigurationError, match="nothing is to be retrieved"):
        MoveJob(context, peer, OPTIONS, [], destination="ME")
    with pytest.raises(ConfigurationError, match="AE title"):
        MoveJob(context, peer, OPTIONS, [want("STUDY", f"{STUDY}=1")], destination="SEVENTEEN_LETTERS")


# --------------------------------------------------------------------------------------------------------------- C-GET


async def test_a_get_fills_a_folder_byte_for_byte(context: AppContext, tmp_path: Path) -> None:
    seen: list[Arrived] = []
    async with answering() as scp:
        wanted = [want("STUDY", "PatientName=Doe^A*")]
        job = GetJob(context, scp.address, OPTIONS, wanted, into=tmp_path / "in", on_arrived=seen.append)
        report = await job.run()
    assert kept_in(tmp_path / "in") == data_sets(real_files(CR_STUDY) + real_files(CT_STUDY))
    assert (report.ok, report.told.completed, report.arrived, report.missing) == (True, 7, 7, 0)
    assert report.arrived_bytes == sum(path.stat().st_size for path in (tmp_path / "in").iterdir())
    assert {one.path.name for one in seen} == {f"{one.sop_instance_uid}.dcm" for one in seen}
    assert len(report.associations) == 2
    assert (report.destination, report.notes) == ("", ())


async def test_the_usual_classes_are_proposed_to_who_does_not_say_what_will_come(
    context: AppContext, tmp_path: Path
) -> None:
    answers = Handlers(on_find=lambda request: iter([elements(StudyInstanceUID="1.2")]), on_get=lambda request: [])
    async with answering(answers) as scp:
        wanted = [want("STUDY", f"{STUDY}=1.2")]
        report = await GetJob(context, scp.address, OPTIONS, wanted, into=tmp_path).run()
    assert report.ok
    assert "usual ones are proposed" in report.notes[0]


async def test_a_get_into_an_archive(context: AppContext, tmp_path: Path) -> None:
    archive = Archive(tmp_path, fsync=False)
    archive.prepare()
    try:
        async with answering() as scp:
            wanted = [want("STUDY", f"{STUDY}={CT_STUDY}")]
            report = await GetJob(context, scp.address, OPTIONS, wanted, into=archive, sop_classes=(CT,)).run()
            again = await GetJob(context, scp.address, OPTIONS, wanted, into=archive, sop_classes=(CT,)).run()
    finally:
        archive.close()
    assert report.ok
    assert again.arrived == 4
    assert data_sets(found_in(tmp_path, "*.dcm")) == data_sets(real_files(CT_STUDY))
    assert report.notes == ()


async def test_what_the_disk_refuses_has_failed(
    context: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = Archive(tmp_path, fsync=False)
    archive.prepare()

    def full(*_args: object, **_more: object) -> None:
        raise DiskFull("no space left", path=str(tmp_path))

    try:
        async with answering() as scp:
            wanted = [want("STUDY", f"{STUDY}={CT_STUDY}")]
            monkeypatch.setattr(archive, "commit", full)
            report = await GetJob(context, scp.address, OPTIONS, wanted, into=archive, sop_classes=(CT,)).run()
            monkeypatch.setattr(archive, "receive", full)
            second = await GetJob(context, scp.address, OPTIONS, wanted, into=archive, sop_classes=(CT,)).run()
    finally:
        archive.close()
    for one in (report, second):
        assert (one.ok, one.arrived, one.told.failed) == (False, 0, 4)
        assert set(one.failed_uids) == set(data_sets(real_files(CT_STUDY)))
        assert "could not be kept" in one.notes[0]
        assert one.left()[0].level is Level.IMAGE


class Breaking:
    """A provider of C-GET that aborts at some of the studies, and has nothing of the others."""

    def __init__(self, *studies: str) -> None:
        self.studies = studies
        self.asked: list[str] = []
        self.server: Server | None = None

    async def get(self, request: GetRequest) -> list[Path]:
        study = str(request.dataset.StudyInstanceUID)
        self.asked.append(study)
        if study in self.studies:
            assert self.server is not None
            self.server.abort(request.facts.association)
        return []

    async def run(self, context: AppContext, into: Path, count: int) -> RetrieveReport:
        wanted = [want("STUDY", f"{STUDY}=1.2.{number}") for number in range(count)]
        async with answering(Handlers(on_get=self.get, on_find=lambda request: [])) as scp:
            self.server = scp.server
            return await GetJob(context, scp.address, OPTIONS, wanted, into=into, sop_classes=[CT]).run()


async def test_a_study_that_breaks_the_association_has_failed_and_the_next_goes_on(
    context: AppContext, tmp_path: Path
) -> None:
    breaking = Breaking("1.2.1", "1.2.4")
    report = await breaking.run(context, tmp_path, 5)
    assert breaking.asked == [f"1.2.{number}" for number in range(5)]
    done, failed = WantedState.DONE, WantedState.FAILED
    assert [result.state for result in report.results] == [done, failed, done, done, failed]
    assert ["aborted" in result.reason for result in report.results] == [False, True, False, False, True]
    assert (report.error, report.ok, report.has_failures) == (None, False, True)
    assert [left.unique[STUDY] for left in report.left()] == ["1.2.1", "1.2.4"]
    assert len(report.associations) == 1 + 2


async def test_associations_that_break_one_after_the_other_end_a_retrieval(context: AppContext, tmp_path: Path) -> None:
    breaking = Breaking(*(f"1.2.{number}" for number in range(9)))
    report = await breaking.run(context, tmp_path, 9)
    assert len(breaking.asked) == MAX_BARREN
    assert len(report.results) == 9
    assert {(result.state, "aborted" in result.reason) for result in report.results} == {(WantedState.FAILED, True)}
    assert isinstance(report.error, DicomNetworkError)


async def test_a_folder_that_cannot_be_made_is_a_report(context: AppContext, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    async with answering() as scp:
        wanted = [want("STUDY", f"{STUDY}={CT_STUDY}")]
        report = await GetJob(context, scp.address, OPTIONS, wanted, into=tmp_path / "file" / "in").run()
    assert isinstance(report.error, ConfigurationError)


async def test_compressed_images_come_as_they_are(context: AppContext, tmp_path: Path) -> None:
    """Each encoding has a context of its own, so that the peer need not convert."""
    jpeg = shipped_folder() / "test_files" / "JPEG2000.dcm"
    plain = write_instance(tmp_path / "there", 2, sop_class=SECONDARY_CAPTURE, syntax=IMPLICIT)

    def send(request: GetRequest | MoveRequest) -> list[Path]:
        return [jpeg, plain]

    def tell(request: object) -> Iterator[Any]:
        yield elements(StudyInstanceUID="1.2", SOPClassesInStudy=[SECONDARY_CAPTURE])

    async with answering(Handlers(on_get=send, on_find=tell)) as scp:
        wanted = [want("STUDY", f"{STUDY}=1.2")]
        report = await GetJob(context, scp.address, OPTIONS, wanted, into=tmp_path / "in").run()
    assert report.ok
    assert kept_in(tmp_path / "in") == data_sets([jpeg, plain])


async def test_without_the_storage_role_it_is_said(context: AppContext, tmp_path: Path) -> None:
    own = frozenset({"1.2.840.10008.5.1.4.1.2.2.3", "1.2.840.10008.5.1.4.1.2.2.1"})
    async with answering(sop_classes=own) as scp:
        wanted = [want("STUDY", f"{STUDY}={CT_STUDY}")]
        report = await GetJob(
            context, scp.address, OPTIONS, wanted, into=tmp_path / "in", sop_classes=(CT, "1.2.3", "1.2.4", "1.2.5")
        ).run()
    assert (report.ok, report.told.failed, report.arrived) == (False, 4, 0)
    assert "no storage role" in report.notes[0]
    assert "and 1 more" in report.notes[0]
    assert len(report.failed_uids) == 4


async def test_nothing_found_needs_no_second_association(context: AppContext, tmp_path: Path) -> None:
    async with answering() as scp:
        wanted = [want("STUDY", "PatientID=nobody")]
        report = await GetJob(context, scp.address, OPTIONS, wanted, into=tmp_path / "in").run()
    assert (len(report.associations), report.ok, report.results) == (1, True, ())


async def test_a_cancelled_get_keeps_what_has_come(context: AppContext, tmp_path: Path) -> None:
    come = asyncio.Event()

    def arrived(_one: Arrived) -> None:
        come.set()

    async with answering() as scp:
        wanted = [want("PATIENT", f"PatientID={ENDLESS}")]
        job = GetJob(context, scp.address, OPTIONS, wanted, into=tmp_path, sop_classes=(CT,), on_arrived=arrived)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(job.run())
            await come.wait()
            task.cancel()
        assert task.cancelled()
        await reached(lambda: not scp.server.associations, "the association has ended")
    report = job.report()
    assert report.is_cancelled
    assert (report.arrived or 0) >= 1
    assert not found_in(tmp_path, ".*.part")


def encoded(folder: Path, number: int, syntax: str, *, sop_class: str = CT) -> Path:
    """A file of that transfer syntax; what is in its one fragment counts for nothing here."""
    path = write_instance(folder, number, sop_class=sop_class)
    dataset = dcmread(path)
    dataset.PixelData = encapsulate([bytes(8)])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(path, little_endian=True, implicit_vr=False)
    return path


async def test_images_in_rare_encodings_come_as_they_are(context: AppContext, tmp_path: Path) -> None:
    """One study in six encodings, HTJ2K RPCL, H.264 and HEVC among them: all are proposed."""
    rare = [f"1.2.840.10008.1.2.4.{last}" for last in ("202", "203", "102", "107", "90")]
    files = [encoded(tmp_path / "there", number, uid) for number, uid in enumerate(rare)]
    files.append(write_instance(tmp_path / "there", 9))
    handlers = Handlers(
        on_get=lambda request: files,
        on_find=lambda request: [elements(StudyInstanceUID="1.2", SOPClassesInStudy=[CT])],
    )
    async with answering(handlers) as scp:
        wanted = [want("STUDY", f"{STUDY}=1.2")]
        report = await GetJob(context, scp.address, OPTIONS, wanted, into=tmp_path / "in").run()
    assert (report.ok, report.arrived) == (True, 6)
    assert kept_in(tmp_path / "in") == data_sets(files)


async def test_what_the_peer_says_of_its_encodings_is_proposed_first(context: AppContext, tmp_path: Path) -> None:
    """With more SOP classes than room for every encoding (PS3.4 C.6.1.1.5, Available Transfer Syntax UID)."""
    rpcl = "1.2.840.10008.1.2.4.202"
    classes = list(STORAGE_CLASSES[:40])
    file = encoded(tmp_path / "there", 1, rpcl, sop_class=classes[7])

    def find(request: FindRequest) -> Iterator[Any]:
        level = request.dataset.QueryRetrieveLevel
        uids = {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.3", "SOPInstanceUID": "1.4"}
        told = {"STUDY": {"SOPClassesInStudy": classes}, "IMAGE": {"AvailableTransferSyntaxUID": rpcl}}
        yield elements(**uids, **told.get(level, {}))

    async with answering(Handlers(on_get=lambda request: [file], on_find=find)) as scp:
        wanted = [want("STUDY", f"{STUDY}=1.2")]
        report = await GetJob(context, scp.address, OPTIONS, wanted, into=tmp_path / "in").run()
    assert (report.ok, report.arrived) == (True, 1)


@pytest.mark.parametrize("strictness", list(Strictness))
async def test_an_instance_that_breaks_off_comes_by_get_as_strictly_as_asked_for(
    context: AppContext, tmp_path: Path, strictness: Strictness
) -> None:
    files = [write_instance(tmp_path / "there", number) for number in range(2)]
    os.truncate(files[1], files[1].stat().st_size - 2)
    handlers = Handlers(
        on_get=lambda request: files,
        on_find=lambda request: [elements(StudyInstanceUID="1.2", SOPClassesInStudy=[CT])],
    )
    options = replace(OPTIONS, strictness=strictness)
    async with answering(handlers) as scp:
        report = await GetJob(
            context, scp.address, options, [want("STUDY", f"{STUDY}=1.2")], into=tmp_path / "in"
        ).run()
    [result] = report.results
    if strictness is Strictness.STRICT:
        assert kept_in(tmp_path / "in") == data_sets(files[:1])
        assert (result.told.completed, result.told.failed) == (1, 1)
        assert not report.ok
        assert report.refused_uids == (instance_of(files[1]),)
        assert report.notes[0].startswith("An instance could not be kept: the data set breaks off at byte")
    else:
        assert kept_in(tmp_path / "in") == data_sets(files)
        assert result.told.failed == 0
        assert result.told.warning == (strictness is Strictness.WARN)
        assert f"{instance_of(files[1])} is broken, but kept: the data set breaks off at byte" in report.notes[0]


def with_other_vr(path: Path) -> Path:
    """The same file with VR SH of Patient ID (0010,0020), where LO is due."""
    path.write_bytes(path.read_bytes().replace(b"\x10\x00\x20\x00LO", b"\x10\x00\x20\x00SH"))
    return path


@pytest.mark.parametrize("into_archive", [False, True])
async def test_departures_from_the_standard_are_told_of_what_comes_by_get(
    context: AppContext, tmp_path: Path, into_archive: bool
) -> None:
    files = [with_other_vr(write_instance(tmp_path / "there", number)) for number in range(3)]
    files.append(write_instance(tmp_path / "there", 9))
    handlers = Handlers(
        on_get=lambda request: files,
        on_find=lambda request: [elements(StudyInstanceUID="1.2", SOPClassesInStudy=[CT])],
    )
    seen: list[Arrived] = []
    archive = Archive(tmp_path / "in", fsync=False)
    archive.prepare()
    try:
        async with answering(handlers) as scp:
            wanted, into = [want("STUDY", f"{STUDY}=1.2")], archive if into_archive else tmp_path / "plain"
            report = await GetJob(context, scp.address, OPTIONS, wanted, into=into, on_arrived=seen.append).run()
    finally:
        archive.close()
    assert (report.ok, report.arrived) == (True, 4)
    assert [[one.code for one in arrived.anomalies] for arrived in seen] == [[AnomalyCode.VR]] * 3 + [[]]
    assert len(report.notes) == 1
    assert report.notes[0].startswith(f"{instance_of(files[0])} is against the standard, but kept: other VRs than")
    assert report.notes[0].endswith("so are 2 more.")
    details = [one.detail for one in context.trace.records() if isinstance(one, FileRecord) and one.event == "stored"]
    assert len(details) == 4
    assert sum("other VRs than the data dictionary" in detail for detail in details) == 3


async def test_departures_of_what_our_listener_takes_for_a_move_are_told(context: AppContext, tmp_path: Path) -> None:
    """Its owner hands on what the listener says of each."""
    handlers = Handlers(on_move=lambda request: [with_other_vr(write_instance(tmp_path / "there", 1))])
    seen: list[Arrived] = []

    def take(event: ListenerEvent) -> None:
        arrived = arrived_of(event)
        if arrived is not None:
            job.received(arrived)

    listener = Listener(context, ListenerOptions(tmp_path / "in", port=0, ae_title="ME", fsync=False), on_event=take)
    await listener.start()
    async with answering(handlers, destinations={"ME": listener.port}) as scp:
        job = MoveJob(
            context, scp.address, OPTIONS, [want("STUDY", f"{STUDY}=1.2")],
            destination="ME", expects_arrivals=True, on_arrived=seen.append,
        )  # fmt: skip
        report = await job.run()
    await listener.stop()
    [arrived] = seen
    assert [one.code for one in arrived.anomalies] == [AnomalyCode.VR]
    assert "is against the standard, but kept" in report.notes[0]
