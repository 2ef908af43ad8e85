"""Our listener as RIS, MPPS manager, archive that commits, printer and UPS manager: DCMTK and pynetdicom ask it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from helpers import peers, print_peers
from helpers.bad_peer import reached
from helpers.command_line import Listening
from helpers.instances import shipped_folder, write_instance
from pydicom import dcmread

from dicomgui.app.configuration.provided import ALL, Provided
from dicomgui.app.context import AppContext
from dicomgui.app.listening.answers import AnswerSettings
from dicomgui.app.listening.commitment_answers import CommitmentAnswers, Delivery, Verdict
from dicomgui.app.listening.desk import AnswerDesk
from dicomgui.app.listening.listener import Listener, ListenerOptions, RequestAnswered
from dicomgui.app.listening.rules import AnswerRule, Basic
from dicomgui.app.nservice_events import NEvent
from dicomgui.network import PeerAddress, Status, connect, presets, serve
from dicomgui.network.service import Handlers, NEventReportRequest

MPPS = "1.2.840.10008.3.1.2.3.3"
COMMITMENT, COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
META, SESSION, FILM, IMAGE = (f"1.2.840.10008.5.1.1.{last}" for last in (9, 1, 2, 4))
MEDIA = "1.2.840.10008.5.1.1.33"
PRINTER, PRINTER_INSTANCE = "1.2.840.10008.5.1.1.16", "1.2.840.10008.5.1.1.17"
PUSH, WATCH, PULL, EVENT = (f"1.2.840.10008.5.1.4.34.6.{last}" for last in range(1, 5))
ROW = {
    "PatientName": "Wang^Xiaodong=王^小东", "PatientID": "P@@@", "AccessionNumber": "ACC@@@@", "Modality": "CT",
    "ScheduledStationAETitle": "CT1", "ScheduledProcedureStepStartDate": "today", "PatientSex": "M",
    "RequestedProcedureDescription": "CT Thorax", "ScheduledProcedureStepStartTime": "08:30",
}  # fmt: skip


@asynccontextmanager
async def ris(
    context: AppContext, folder: Path, settings: AnswerSettings, **options: Any
) -> AsyncIterator[tuple[Listener, AnswerDesk]]:
    desk = AnswerDesk(settings)
    usual = ListenerOptions(folder, port=0, ae_title="RIS", fsync=False, services=ALL, **options)
    listener = Listener(context, usual, desk=desk)
    await listener.start()
    try:
        yield listener, desk
    finally:
        await listener.stop()


def statuses(said: list[dict[str, Any]]) -> list[str]:
    return [one["status"] for one in said if "status" in one]


@pytest.mark.interop("findscu")
async def test_findscu_asks_for_the_worklist_of_the_user(context: AppContext, tmp_path: Path) -> None:
    rows = (ROW, {**ROW, "ScheduledStationAETitle": "MR1", "Modality": "MR"}, {**ROW, "PatientSex": "wrong"})
    async with ris(context, tmp_path / "archive", AnswerSettings(worklist=rows)) as (listener, desk):
        done = await peers.run(
            "findscu", "-W", "-X", "-od", tmp_path, "-aec", "RIS", "127.0.0.1", listener.port, "-k", "PatientName",
            "-k", "AccessionNumber", "-k", "StudyInstanceUID",
            "-k", "ScheduledProcedureStepSequence[0].ScheduledStationAETitle=CT1",
            "-k", "ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartDate",
        )  # fmt: skip
        assert done.code == 0, str(done)
        [row] = [row for row in desk.scheduled.rows if row["Modality"] == "CT"]
    answer = dcmread(tmp_path / "rsp0001.dcm", force=True)
    assert str(answer.PatientName) == "Wang^Xiaodong=王^小东"
    assert answer.SpecificCharacterSet == "ISO_IR 192"
    assert answer.AccessionNumber == row["AccessionNumber"]
    assert answer.AccessionNumber[3:].isdigit()
    assert answer.StudyInstanceUID == row["StudyInstanceUID"]
    assert desk.problems == ((2, "Sex is M, F or O"),)


@pytest.mark.interop("findscu")
async def test_findscu_is_refused_every_second_time(context: AppContext, tmp_path: Path) -> None:
    from dicomgui.app.configuration.provided import Provided

    rule = AnswerRule(Provided.WORKLIST, "C-FIND", 0xA700, "too busy", every=2, delay_ms=30)
    async with ris(context, tmp_path / "archive", AnswerSettings((rule,), (ROW,))) as (listener, _):
        said = []
        for _ in range(2):
            done = await peers.run("findscu", "-v", "-W", "127.0.0.1", listener.port, "-k", "PatientName")
            said.append(done.output)
    assert "Find Response: 1 (Pending)" in said[0]
    assert "OutOfResources" in said[1]
    assert "Pending" not in said[1]


@pytest.mark.interop("storescu", "echoscu", "findscu", "getscu")
async def test_rules_for_associations_and_what_comes_over_them(context: AppContext, tmp_path: Path) -> None:
    """What dcm4che's storescp and dcmqrscp, and DCMTK's storescp, can be told to do by options."""
    rules = (
        AnswerRule(Basic.ASSOCIATION, end="reject 1/1/3", caller="STRANGER"),
        AnswerRule(Basic.ASSOCIATION, end="abort", caller="CUT"),
        AnswerRule(Basic.ASSOCIATION, delay_ms=30),
        AnswerRule(Basic.ECHO, "C-ECHO", 0x0122, caller="ODD"),
        AnswerRule(Provided.STORE, status=0xA700, comment="full", sop_class="MRImageStorage"),
        AnswerRule(Provided.STORE, end="abort", caller="LOST"),
        AnswerRule(Provided.STORE, status=0xB000, delay_ms=30, address="127.0.0.0/8", every=2),
        AnswerRule(Provided.QUERY, status=0xA700, every=2, caller="FINDSCU"),
        AnswerRule(Provided.QUERY, end="abort after", caller="HALF"),
        AnswerRule(Provided.GET, status=0xC001, caller="GETSCU"),
    )
    ct, mr = shipped_folder() / "test_files" / "CT_small.dcm", shipped_folder() / "test_files" / "MR_small.dcm"
    async with ris(context, tmp_path / "archive", AnswerSettings(rules)) as (listener, _):
        where = ("127.0.0.1", listener.port)
        said = {name: await peers.run("echoscu", "-v", "-aet", name, *where) for name in ("STRANGER", "CUT", "ODD")}
        assert "Calling AE Title Not Recognized" in said["STRANGER"].output
        assert "Peer aborted" in said["CUT"].output, str(said["CUT"])
        assert "0x122" in said["ODD"].output, str(said["ODD"])
        stored = (await peers.run("storescu", "-v", "-nh", *where, mr, ct, ct)).output
        answers = [line.partition("(")[2] for line in stored.splitlines() if "Received Store Response" in line]
        assert answers == ["Refused: OutOfResources)", "Warning: CoercionOfDataElements)", "Success)"], stored
        lost = (await peers.run("storescu", "-v", "-aet", "LOST", *where, ct)).output
        assert "Peer aborted" in lost, lost
        keys = ("-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID")
        found = [(await peers.run("findscu", "-v", *keys, *where)).output for _ in range(2)]
        assert "Find Response: 1 (Pending)" in found[0]
        assert "OutOfResources" in found[1]
        half = (await peers.run("findscu", "-v", "-aet", "HALF", *keys, *where)).output
        assert "Find Response: 1 (Pending)" in half, half
        assert "Peer aborted" in half, half
        got = await peers.run("getscu", "-v", *keys[:3], "-k", "StudyInstanceUID=1.2", *where)
        assert "UnableToProcess" in got.output, str(got)
        assert listener.counts.stored == 1


def begun(study: str) -> dict[str, Any]:
    empty = (
        "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "PerformedStationName", "PerformedLocation",
        "PerformedProcedureStepDescription", "PerformedProcedureTypeDescription", "PerformedProcedureStepEndDate",
        "PerformedProcedureStepEndTime", "StudyID",
    )  # fmt: skip
    return {
        "PerformedProcedureStepStatus": "IN PROGRESS", "Modality": "CT", "PerformedProcedureStepID": "PPS1",
        "PerformedStationAETitle": "CT1", "PerformedProcedureStepStartDate": "20250102",
        "PerformedProcedureStepStartTime": "101500", "ScheduledStepAttributesSequence": [{"StudyInstanceUID": study}],
        "ReferencedPatientSequence": [], "ProcedureCodeSequence": [], "PerformedProtocolCodeSequence": [],
        "PerformedSeriesSequence": [], **dict.fromkeys(empty, ""),
    }  # fmt: skip


@pytest.mark.interop("pynetdicom")
async def test_known_peers_are_told_of_performed_steps(context: AppContext, tmp_path: Path) -> None:
    """Event types 1 and 2 of PS3.4 F.9.2; that nobody knows the way to a peer is told."""
    settings = AnswerSettings(mpps_notified=("RIS1", "NOBODY"), mpps_is_strict=False)
    with peers.pynetdicom_services(tmp_path / "services", []) as provider:
        known = {"RIS1": PeerAddress.parse(provider.address)}
        async with ris(context, tmp_path / "archive", settings, peers=known) as (listener, desk):
            said = await peers.pynetdicom_user(
                listener.port, "RIS", classes=[MPPS],
                steps=[["n_create", MPPS, "2.25.3", begun("1.2")],
                       ["n_set", MPPS, "2.25.3", {"PerformedProcedureStepStatus": "COMPLETED"}]],
            )  # fmt: skip
            await desk.performed.flush()
            problems = [event.problem for event in listener.drain() if isinstance(event, RequestAnswered)]
        told = [one for one in peers.said_by(provider.log) if one["what"] == "report"]
    assert statuses(said) == ["0000", "0000"]
    assert [(one["uid"], one["type"]) for one in told] == [("2.25.3", 1), ("2.25.3", 2)]
    assert problems.count("no address is known for NOBODY") == 2


@pytest.mark.interop("pynetdicom")
async def test_mpps_belongs_to_its_row_and_rules_are_followed(context: AppContext, tmp_path: Path) -> None:
    from dicomgui.app.configuration.provided import Provided

    rules = (AnswerRule(Provided.MPPS, "N-SET", 0xC227, "no coercion", every=2),)
    async with ris(context, tmp_path / "archive", AnswerSettings(rules, (ROW,))) as (listener, desk):
        study = desk.scheduled.rows[0]["StudyInstanceUID"]
        ended = {
            "PerformedProcedureStepStatus": "COMPLETED", "PerformedProcedureStepEndDate": "20250102",
            "PerformedProcedureStepEndTime": "103000", "PerformedSeriesSequence": [{"SeriesInstanceUID": "1.2"}],
        }  # fmt: skip
        said = await peers.pynetdicom_user(
            listener.port, "RIS", classes=[MPPS],
            steps=[
                ["n_create", MPPS, "2.25.1", begun(study)],
                ["n_set", MPPS, "2.25.1", {"PerformedProcedureStepDescription": "so far"}],
                ["n_set", MPPS, "2.25.1", ended],
                ["n_set", MPPS, "2.25.1", ended],
                ["n_create", MPPS, "2.25.2", {"Modality": "CT"}],
            ],
        )  # fmt: skip
        assert statuses(said) == ["0000", "0000", "C227", "0000", "0120"]
        [step] = desk.performed.steps.values()
        assert step.status == "COMPLETED"
        assert step.dataset.PerformedProcedureStepDescription == "so far"
        row = desk.row_of_step(step)
        assert row is not None
        assert row["PatientName"] == ROW["PatientName"]
        [item] = desk.worklist()
        assert item.ScheduledProcedureStepSequence[0].ScheduledProcedureStepStatus == "COMPLETED"
        desk.change(AnswerSettings(worklist=(ROW,), hides_ended=True))
        assert desk.worklist() == []
        told = [event for event in listener.drain() if isinstance(event, RequestAnswered)]
    assert ("MPPS", "N-CREATE") in {(one.service, one.detail) for one in told if "0x0120" in one.problem}


@pytest.mark.interop("storescu")
async def test_media_are_written_of_what_is_in_the_archive(context: AppContext, tmp_path: Path) -> None:
    """One of what was stored, one of what is not there as it is named (PS3.4 S.3.2); dcmdump and pydicom read it."""
    first = shipped_folder() / "test_files" / "CT_small.dcm"
    stored = dcmread(first)

    def wish(*pairs: tuple[str, str]) -> dict[str, Any]:
        keys = ("ReferencedSOPClassUID", "ReferencedSOPInstanceUID")
        return {"ReferencedSOPSequence": [dict(zip(keys, pair, strict=True)) for pair in pairs]}

    there = (stored.SOPClassUID, stored.SOPInstanceUID)
    async with ris(context, tmp_path / "archive", AnswerSettings()) as (listener, desk):
        assert (await peers.run("storescu", "-aec", "RIS", "127.0.0.1", listener.port, first)).code == 0
        said = await peers.pynetdicom_user(
            listener.port, "RIS", classes=[MEDIA],
            steps=[["n_create", MEDIA, "2.25.1", wish(there)], ["n_action", MEDIA, "2.25.1", 1, {"NumberOfCopies": 3}],
                   ["n_create", MEDIA, "2.25.2", wish(there, (stored.SOPClassUID, "2.25.9"), (MPPS, there[1]))],
                   ["n_action", MEDIA, "2.25.2", 1, None]],
        )  # fmt: skip
        await reached(lambda: all(one.request.is_final for one in desk.media.entries.values()), "both have ended")
        told = await peers.pynetdicom_user(
            listener.port, "RIS", classes=[MEDIA], steps=[["n_get", MEDIA, f"2.25.{n}", []] for n in (1, 2)]
        )
        made, failed = desk.media.entries.values()
    assert statuses(said) == ["0000"] * 4
    done, not_done = (one["dataset"] for one in told if "dataset" in one)
    assert (done["ExecutionStatus"], done["TotalNumberOfPiecesOfMediaCreated"]) == ("DONE", "3")
    assert (not_done["ExecutionStatus"], not_done["ExecutionStatusInfo"]) == ("FAILURE", "NO_INSTANCE")
    assert [int(one.reason) for one in failed.request.result.failed] == [0x0112, 0x0119]
    assert made.folder == tmp_path / "archive-media" / "medium-0001"
    assert [one.name for one in made.folder.parent.iterdir()] == ["medium-0001"]
    assert made.folder is not None
    dumped = await peers.run("dcmdump", made.folder / "DICOMDIR")
    assert dumped.code == 0
    [(_, file_set_uid)] = made.request.result.media
    assert file_set_uid in dumped.output
    records = dcmread(made.folder / "DICOMDIR").DirectoryRecordSequence
    assert [one.ReferencedSOPInstanceUIDInFile for one in records if "ReferencedFileID" in one] == [there[1]]


@pytest.mark.interop("pynetdicom")
@pytest.mark.parametrize("delivery", [Delivery.SAME, Delivery.NEW])
async def test_commitment_comes_as_it_is_set(context: AppContext, tmp_path: Path, delivery: Delivery) -> None:
    file = write_instance(tmp_path / "files", 1)
    stored = dcmread(file)
    reported: list[NEventReportRequest] = []

    def report(request: NEventReportRequest) -> Status:
        reported.append(request)
        return Status(0)

    answers = CommitmentAnswers(delivery=delivery, delay_ms=20)
    settings = AnswerSettings(commitment=answers)
    async with await serve(port=0, ae_title="PYNETDICOM", handlers=Handlers(on_n_event_report=report)) as modality:
        known = {"PYNETDICOM": PeerAddress.parse(f"PYNETDICOM@127.0.0.1:{modality.port}")}
        async with ris(context, tmp_path / "archive", settings, peers=known) as (listener, desk):
            pairs = [(stored.SOPClassUID, stored.file_meta.TransferSyntaxUID)]
            async with connect(f"RIS@{listener.address}", contexts=presets.for_instances(pairs)) as assoc:
                (await assoc.store(file)).raise_for_status()
            asked = [
                {"ReferencedSOPClassUID": str(stored.SOPClassUID), "ReferencedSOPInstanceUID": uid}
                for uid in (str(stored.SOPInstanceUID), "2.25.404")
            ]
            wait = [["wait_for_report"]] if delivery is Delivery.SAME else []
            said = await peers.pynetdicom_user(
                listener.port, "RIS", classes=[COMMITMENT],
                steps=[
                    ["n_action", COMMITMENT, COMMITMENT_INSTANCE, 1,
                     {"TransactionUID": "2.25.77", "ReferencedSOPSequence": asked}], *wait,
                ],
            )  # fmt: skip
            await reached(lambda: desk.commitments[-1].outcome == "reported", "the result was reported")
            [entry] = desk.commitments
    assert (entry.instances, entry.failed, entry.calling_ae_title) == (2, 1, "PYNETDICOM")
    told = [one for one in said if one["what"] == "report"]
    assert len(told) == (1 if delivery is Delivery.SAME else 0)
    assert len(reported) == (0 if delivery is Delivery.SAME else 1)
    if told:
        assert (told[0]["type"], told[0]["content"]["TransactionUID"]) == (2, "2.25.77")
    else:
        [failed] = reported[0].dataset.FailedSOPSequence
        assert (failed.ReferencedSOPInstanceUID, failed.FailureReason) == ("2.25.404", 0x0112)


@pytest.mark.interop("pynetdicom")
async def test_commitment_of_everything_but_what_shall_fail(context: AppContext, tmp_path: Path) -> None:
    answers = CommitmentAnswers(Verdict.ALL, Delivery.SAME, fail_uids=("2.25.2",), fail_reason=0x0213)
    asked = [{"ReferencedSOPClassUID": "1.2", "ReferencedSOPInstanceUID": f"2.25.{one}"} for one in (1, 2, 3)]
    async with ris(context, tmp_path / "archive", AnswerSettings(commitment=answers)) as (listener, desk):
        await peers.pynetdicom_user(
            listener.port, "RIS", classes=[COMMITMENT],
            steps=[["n_action", COMMITMENT, COMMITMENT_INSTANCE, 1,
                    {"TransactionUID": "2.25.78", "ReferencedSOPSequence": asked}], ["wait_for_report"]],
        )  # fmt: skip
        assert [(one.instances, one.failed) for one in desk.commitments] == [(3, 1)]


@pytest.mark.interop("pynetdicom")
async def test_print_with_each_of_its_services(context: AppContext, tmp_path: Path) -> None:
    """N-GET, N-CREATE, N-ACTION and N-DELETE; what the printer says of itself is what the user set."""
    settings = AnswerSettings(printer_status="WARNING", printer_info="SUPPLY LOW")
    async with ris(context, tmp_path / "archive", settings) as (listener, desk):
        said = await peers.pynetdicom_user(
            listener.port, "RIS", classes=[META],
            steps=[
                ["n_get", PRINTER, PRINTER_INSTANCE, [], META],
                ["n_create", SESSION, "2.25.1", {"NumberOfCopies": "2"}, META],
                ["n_create", FILM, "2.25.2", {
                    "ImageDisplayFormat": "STANDARD\\1,1",
                    "ReferencedFilmSessionSequence": [
                        {"ReferencedSOPClassUID": SESSION, "ReferencedSOPInstanceUID": "2.25.1"}],
                }, META],
                ["n_action", FILM, "2.25.2", 1, {"NumberOfCopies": "2"}, META],
                ["n_delete", FILM, "2.25.2", META],
                ["n_delete", SESSION, "2.25.1", META],
                ["n_delete", SESSION, "2.25.1", META],
            ],
        )  # fmt: skip
        [job] = desk.jobs
    assert statuses(said) == ["0000", "0000", "0000", "B603", "0000", "0000", "0112"]
    assert said[1]["dataset"]["PrinterStatusInfo"] == "SUPPLY LOW"
    assert (job.copies, len(job.job.pages)) == ("2", 1)


@pytest.mark.interop("dcmprscu", "dcmpsprt")
async def test_dcmprscu_prints_a_picture(context: AppContext, tmp_path: Path) -> None:
    file = shipped_folder() / "test_files" / "CT_small.dcm"
    async with ris(context, tmp_path / "archive", AnswerSettings()) as (listener, desk):
        config = print_peers.print_config(tmp_path, listener.port, ae_title="RIS", kind="PRINTER")
        spooled = await peers.run("dcmpsprt", "-c", config, "-p", "PRINTER", file)
        assert spooled.code == 0, str(spooled)
        [job] = sorted((tmp_path / "database").glob("SP_*.dcm"))
        done = await peers.run("dcmprscu", "-v", "-c", config, "-p", "PRINTER", job)
        assert done.code == 0, str(done)
        assert "F: " not in done.output, str(done)
        [printed] = desk.jobs
        picture = printed.picture(0)
        [path] = printed.save(tmp_path / "films")
    assert (picture.samples, picture.height) == (1, 1200)
    assert len(set(picture.data)) > 5
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.interop("pynetdicom")
async def test_ups_is_pushed_claimed_watched_and_completed(context: AppContext, tmp_path: Path) -> None:
    events: list[NEventReportRequest] = []

    def report(request: NEventReportRequest) -> Status:
        events.append(request)
        return Status(0)

    step = {
        "ProcedureStepState": "SCHEDULED", "ProcedureStepLabel": "Plan", "WorklistLabel": "RT",
        "ScheduledProcedureStepPriority": "MEDIUM", "ScheduledProcedureStepStartDateTime": "20250102101500",
        "InputReadinessState": "READY",
    }  # fmt: skip
    claim = {"TransactionUID": "2.25.9", "ProcedureStepState": "IN PROGRESS"}
    done = {**claim, "ProcedureStepState": "COMPLETED"}
    final = {
        "TransactionUID": "2.25.9", "UnifiedProcedureStepPerformedProcedureSequence": [{
            "ActualHumanPerformersSequence": [], "PerformedStationNameCodeSequence": [
                {"CodeValue": "1", "CodingSchemeDesignator": "99X", "CodeMeaning": "one"}],
            "PerformedProcedureStepStartDateTime": "20250102101500",
            "PerformedProcedureStepEndDateTime": "20250102103000", "OutputInformationSequence": [],
            "PerformedWorkitemCodeSequence": [
                {"CodeValue": "1", "CodingSchemeDesignator": "99X", "CodeMeaning": "one"}],
        }],
    }  # fmt: skip
    async with await serve(port=0, ae_title="WATCHER", handlers=Handlers(on_n_event_report=report)) as watcher:
        known = {"WATCHER": PeerAddress.parse(f"WATCHER@127.0.0.1:{watcher.port}")}
        async with ris(context, tmp_path / "archive", AnswerSettings(), peers=known) as (listener, desk):
            said = await peers.pynetdicom_user(
                listener.port, "RIS", classes=[PUSH, WATCH, PULL], calling="PUSHER",
                steps=[
                    ["n_create", PUSH, "2.25.1", step],
                    ["n_action", PUSH, "2.25.1", 3, {"ReceivingAE": "WATCHER", "DeletionLock": "FALSE"}, WATCH],
                    ["n_action", PUSH, "2.25.1", 1, claim, PULL],
                    ["n_set", PUSH, "2.25.1", final, PULL],
                    ["n_action", PUSH, "2.25.1", 1, done, PULL],
                    ["n_get", PUSH, "2.25.1", [0x00741000], PULL],
                    ["find", PULL, {"ProcedureStepState": "COMPLETED", "SOPInstanceUID": ""}],
                ],
            )  # fmt: skip
            await desk.procedures.flush()
            [kept] = desk.procedures.steps.values()
            entry = desk.entry_of(kept)
            assert desk.procedures.subscribers("2.25.1") == ("WATCHER",)
    assert statuses(said) == ["0000"] * 6 + ["FF00", "0000"], said
    assert (kept.state, entry.pushed_by, entry.claimed_by) == ("COMPLETED", "PUSHER", "PUSHER")
    states = [event.dataset.ProcedureStepState for event in events if event.command.event_type_id == 1]
    assert states == ["SCHEDULED", "IN PROGRESS", "COMPLETED"]


@pytest.mark.interop("findscu")
def test_the_command_line_answers_from_a_csv_file(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("Patient name,Modality,Sex\nDoe^Jane,CT,F\nDoe^Joe,MR,X\n", "utf-8")
    options = ("--worklist", tmp_path / "list.csv", "--mpps", "--commit", "new", "--print", tmp_path / "films", "--ups")
    with Listening(tmp_path / "archive", "--aet", "OURS", "--json", *options) as running:
        done = peers.run_here("findscu", "-v", "-W", "127.0.0.1", running.port, "-k", "PatientName")
        code, out, err = running.stop()
    assert code == 0
    assert "Find Response: 1 (Pending)" in done.output
    assert "Find Response: 2" not in done.output
    assert b'"C-FIND"' in out
    assert b"line 3: Sex is M, F or O" in err


@pytest.mark.interop("pynetdicom")
async def test_pynetdicom_reports_events_of_every_kind(context: AppContext, tmp_path: Path) -> None:
    """N-EVENT-REPORT as the SCP of each class, by role selection; the rule answers the fourth."""
    rule = AnswerRule(Provided.NOTIFICATIONS, "N-EVENT-REPORT", 0x0110, "as asked", every=4)
    job, notified, available = "1.2.840.10008.5.1.1.14", "1.2.840.10008.3.1.2.3.5", "1.2.840.10008.5.1.4.33"
    reports = [COMMITMENT, EVENT, PRINTER, job, notified]
    series = {"ReferencedSOPSequence": [{
        "ReferencedSOPClassUID": MPPS, "ReferencedSOPInstanceUID": "2.25.3", "InstanceAvailability": "ONLINE",
        "RetrieveAETitle": "ARCHIVE",
    }], "SeriesInstanceUID": "2.25.2"}  # fmt: skip
    content = {"PerformedProcedureStepStatus": "COMPLETED"}
    there = {"StudyInstanceUID": "2.25.1", "ReferencedSeriesSequence": [series]}
    async with ris(context, tmp_path / "archive", AnswerSettings(rules=(rule,))) as (listener, desk):
        said = await peers.pynetdicom_user(
            listener.port, "RIS", classes=[*reports, available], calling="REPORTER",
            items=[["role", uid, False, True] for uid in reports],
            steps=[*(["n_event_report", uid, f"2.25.{number}", 1, content] for number, uid in enumerate(reports, 1)),
                   ["n_create", available, "2.25.9", there]],
        )  # fmt: skip
    assert statuses(said) == ["0000", "0000", "0000", "0110", "0000", "0000"]
    entries = list(desk.notifications.entries)
    assert [(one.operation, one.sop_class_uid) for one in entries] == [
        *(("N-EVENT-REPORT", uid) for uid in reports), ("N-CREATE", available),
    ]  # fmt: skip
    assert {one.calling_ae_title for one in entries} == {"REPORTER"}
    assert entries[4].dataset().PerformedProcedureStepStatus == "COMPLETED"


@pytest.mark.interop("pynetdicom")
async def test_pynetdicom_asks_for_all_six(context: AppContext, tmp_path: Path) -> None:
    """Each of the six N-services once, over one association, against one listener."""
    begin = {
        "PerformedProcedureStepStatus": "IN PROGRESS", "PerformedProcedureStepID": "1", "Modality": "CT",
        "PerformedStationAETitle": "CT1", "PerformedProcedureStepStartDate": "20250102",
        "PerformedProcedureStepStartTime": "101500", "ScheduledStepAttributesSequence": [
            {"StudyInstanceUID": "2.25.8", "ScheduledProcedureStepID": "1", "AccessionNumber": "A",
             "ReferencedStudySequence": [], "RequestedProcedureID": "", "RequestedProcedureDescription": "",
             "ScheduledProcedureStepDescription": "", "ScheduledProtocolCodeSequence": []}],
        "PatientName": "Doe^Jane", "PatientID": "1", "PatientBirthDate": "", "PatientSex": "",
        "PerformedStationName": "", "PerformedLocation": "", "PerformedProcedureStepDescription": "",
        "PerformedProcedureTypeDescription": "", "ProcedureCodeSequence": [], "StudyID": "",
        "PerformedProcedureStepEndDate": "", "PerformedProcedureStepEndTime": "", "PerformedProtocolCodeSequence": [],
        "PerformedSeriesSequence": [], "ReferencedPatientSequence": [],
    }  # fmt: skip
    retrieve = "1.2.840.10008.3.1.2.3.4"
    wish = {"TransactionUID": "2.25.77", "ReferencedSOPSequence": [
        {"ReferencedSOPClassUID": MPPS, "ReferencedSOPInstanceUID": "2.25.3"}]}  # fmt: skip
    async with ris(context, tmp_path / "archive", AnswerSettings()) as (listener, desk):
        said = await peers.pynetdicom_user(
            listener.port, "RIS", classes=[MPPS, retrieve, META, PRINTER, COMMITMENT],
            items=[["role", PRINTER, False, True]],
            steps=[
                ["n_create", MPPS, "2.25.1", begin],
                ["n_set", MPPS, "2.25.1", {"PerformedProcedureStepDescription": "done"}],
                ["n_get", retrieve, "2.25.1", [0x00400254]],
                ["n_create", SESSION, "2.25.2", {"NumberOfCopies": "1"}, META],
                ["n_delete", SESSION, "2.25.2", META],
                ["n_action", COMMITMENT, COMMITMENT_INSTANCE, 1, wish],
                ["n_event_report", PRINTER, PRINTER_INSTANCE, 2, {"PrinterName": "P"}],
                ["wait_for_report"],
            ],
        )  # fmt: skip
    assert statuses(said) == ["0000"] * 7, said
    assert said[3]["dataset"] == {"PerformedProcedureStepDescription": "done"}
    assert [one.type_id for one in desk.notifications.entries] == [2]


@pytest.mark.interop("pynetdicom")
async def test_pynetdicom_tells_of_a_step_that_we_watch(context: AppContext, tmp_path: Path) -> None:
    """On an association of its own, without notifications being offered: we have subscribed."""
    seen: list[NEvent] = []
    context.watched.watchers.append(seen.append)
    context.watched.granted(PeerAddress.parse("WORK@127.0.0.1:104"), 5, 3, "2.25.1", "OURS")
    listener = Listener(context, ListenerOptions(tmp_path / "archive", port=0, ae_title="OURS", fsync=False))
    await listener.start()
    try:
        said = await peers.pynetdicom_user(
            listener.port, "OURS", classes=[EVENT], calling="WORK", items=[["role", EVENT, False, True]],
            steps=[["n_event_report", EVENT, "2.25.1", 1, {"ProcedureStepState": "COMPLETED"}]],
        )  # fmt: skip
    finally:
        await listener.stop()
    assert statuses(said) == ["0000"]
    assert seen[0].subscription.startswith("this step of WORK@127.0.0.1:104")
    assert seen[0].dataset is not None
    assert seen[0].dataset.ProcedureStepState == "COMPLETED"
