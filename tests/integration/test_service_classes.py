"""Each service class with our client and our server over TCP, as a user of the library writes it."""

from __future__ import annotations

import asyncio
import threading
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest
from helpers.instances import CT, ROOT, shipped_folder, write_instance
from helpers.pictures import picture
from helpers.serving import in_thread
from pydicom import dcmread
from pydicom.dataset import Dataset

from dicomgui.network import (
    Association,
    AssociationAborted,
    DimseFailure,
    FindRequest,
    Handlers,
    Lifecycle,
    LocalProtocolError,
    Reply,
    Server,
    ServerOptions,
    Status,
    StoreRequest,
    SyncClient,
    connect,
    presets,
    serve,
)
from dicomgui.network.dimse.dataset import decode_answer
from dicomgui.network.server.offering import policy_for
from dicomgui.network.service import NEventReportRequest, ServiceUser, results
from dicomgui.network.service.combining import combine
from dicomgui.network.service_classes import (
    Code,
    CommitmentProvider,
    CommitmentRequests,
    EventReceiver,
    NotificationReceiver,
    PerformedSteps,
    Printer,
    PrintJob,
    ProcedureSteps,
    Reference,
    WorklistProvider,
    availability,
    commitment,
    keys,
    mpps,
    print_management,
    query,
    relevant_patient,
    storage,
    ups,
    ups_watch,
    verification,
    worklist,
)
from dicomgui.network.service_classes.availability import AvailableInstance, Notification
from dicomgui.network.service_classes.commitment_provider import CommitmentRequest
from dicomgui.network.service_classes.ups_watch import EventType, UpsEvent

pytestmark = pytest.mark.any_loop

WORKITEM = Code("110001", "DCM", "Image Processing")
STATION = Code("CT1", "99TEST", "CT scanner 1")
SOON_S = 30.0


async def listen(handlers: Handlers, ae_title: str = "PEER", **options: object) -> Server:
    given = ServerOptions(policy=policy_for(handlers, ae_title), **options)
    return await serve(port=0, ae_title=ae_title, handlers=handlers, options=given)


def address(server: Server) -> str:
    return f"{server.ae_title}@127.0.0.1:{server.port}"


def study(number: int, **values: str) -> Dataset:
    dataset = Dataset()
    dataset.PatientName = f"DOE^{number}"
    dataset.PatientID = f"P{number}"
    dataset.StudyInstanceUID = f"1.2.3.{number}"
    dataset.StudyDate = f"2024010{number}"
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def scheduled_step(modality: str, day: str, name: str = "MÜLLER^ÄNNE") -> Dataset:
    return keys.keys_of(
        [
            f"PatientName={name}",
            "PatientID=4711",
            "AccessionNumber=A1",
            "StudyInstanceUID=1.2.3.4",
            "RequestedProcedureID=RP1",
            "RequestedProcedureDescription=Thorax",
            f"ScheduledProcedureStepSequence[0].Modality={modality}",
            f"ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartDate={day}",
            "ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartTime=0930",
            "ScheduledProcedureStepSequence[0].ScheduledProcedureStepID=SPS1",
            "ScheduledProcedureStepSequence[0].ScheduledStationAETitle=CT1",
        ]
    )


# -- verification, storage, query/retrieve ---------------------------------------------------------------------------


async def test_verification_measures_each_echo() -> None:
    async with await listen(Handlers()) as server, connect(address(server), contexts=verification.CONTEXTS) as assoc:
        echoes = await verification.verify(assoc, times=3)
    assert [echo.response.status for echo in echoes] == [0, 0, 0]
    assert all(echo.seconds > 0 for echo in echoes)


async def test_files_are_stored_in_a_folder_and_what_is_none_is_told(tmp_path: Path) -> None:
    files = [write_instance(tmp_path, n) for n in range(3)]
    wrong = tmp_path / "wrong.dcm"
    wrong.write_bytes(b"no DICOM file")
    told = []
    async with (
        await listen(storage.into_folder(tmp_path / "in")) as server,
        connect(address(server), contexts=storage.contexts_for(files)) as assoc,
    ):
        outcomes = await storage.send(assoc, [files[0], wrong, *files[1:]], on_each=told.append)
    assert [outcome.is_stored for outcome in outcomes] == [True, False, True, True]
    assert told == list(outcomes)
    assert [one.sop_instance_uid for one in storage.references_of(outcomes)] == [f"{ROOT}.3.{n}" for n in range(3)]
    assert {path.name for path in (tmp_path / "in").iterdir()} == {f"{ROOT}.3.{n}.dcm" for n in range(3)}


async def test_data_sets_are_stored_and_a_refusal_is_told() -> None:
    dataset = dcmread(shipped_folder() / "test_files" / "CT_small.dcm")
    bare = Dataset()
    bare.SOPClassUID, bare.SOPInstanceUID, bare.PatientID = CT, "1.2.3", "4711"

    def keep(request: object, data: object) -> Status:
        return Status(0xA700) if request.command.affected_sop_instance_uid == "1.2.3" else Status(0xB000)

    async with (
        await listen(Handlers(on_store=keep)) as server,
        connect(address(server), contexts=storage.contexts_for([dataset, bare])) as assoc,
    ):
        stored, refused = await storage.send(assoc, [dataset, bare])
    assert stored.is_stored
    assert "0xB000" in stored.problem
    assert not refused.is_stored
    assert "0xA700" in refused.problem


async def test_what_comes_after_the_end_of_the_association_has_its_error(tmp_path: Path) -> None:
    files = [write_instance(tmp_path, n) for n in range(3)]

    def break_off(request: StoreRequest, data: object) -> Status:
        if request.command.affected_sop_instance_uid.endswith(".1"):
            server.abort(request.facts.association)
        return Status(0)

    server = await listen(Handlers(on_store=break_off))
    async with server, connect(address(server), contexts=storage.contexts_for(files)) as assoc:
        outcomes = await storage.send(assoc, files)
    assert [outcome.is_stored for outcome in outcomes] == [True, False, False]
    assert isinstance(outcomes[1].error, AssociationAborted)
    assert outcomes[2].error is outcomes[1].error


async def test_a_refused_context_is_the_problem_of_its_instance_only(tmp_path: Path) -> None:
    files = [write_instance(tmp_path, n) for n in range(2)]
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.4", "1.2.3.9"
    async with (
        await listen(Handlers(on_store=lambda request, data: Status(0))) as server,
        connect(address(server), contexts=storage.contexts_for(files)) as assoc,
    ):
        outcomes = await storage.send(assoc, [files[0], dataset, files[1]])
    assert [outcome.is_stored for outcome in outcomes] == [True, False, True]
    assert "was not proposed" in outcomes[1].problem


async def test_a_query_is_typed_and_its_limit_cancels_it() -> None:
    def find(request: FindRequest) -> object:
        assert request.dataset.QueryRetrieveLevel == "STUDY"
        return (study(n % 10, ModalitiesInStudy="CT\\SR", NumberOfStudyRelatedInstances="12") for n in range(10**6))

    async with await listen(Handlers(on_find=find)) as server, connect(address(server)) as assoc:
        answer = await query.search(assoc, query.identifier("STUDY", {"PatientName": "DOE*"}), limit=3)
        assert assoc.is_connected
    assert answer.response.status.is_cancel
    assert [found.study_instance_uid for found in answer.found] == ["1.2.3.0", "1.2.3.1", "1.2.3.2"]
    assert answer.found[1].day == date(2024, 1, 1)
    assert answer.found[1].modalities == ("CT", "SR")
    assert answer.found[1].instances == 12


async def test_large_matches_are_decoded_beside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[bool] = []

    def decode(data: bytes, syntax: str) -> Dataset:
        threads.append(threading.current_thread() is threading.main_thread())
        return decode_answer(data, syntax)

    monkeypatch.setattr(results, "decode_answer", decode)
    found = [study(1), study(2, PatientComments="x" * 8192)]
    async with await listen(Handlers(on_find=lambda request: found)) as server, connect(address(server)) as assoc:
        answer = await query.search(assoc, query.identifier("STUDY"))
    assert [one.study_instance_uid for one in answer.found] == ["1.2.3.1", "1.2.3.2"]
    assert threads == [True, False]


async def test_a_match_can_be_retrieved(tmp_path: Path) -> None:
    file = write_instance(tmp_path, 5)
    asked: list[Dataset] = []

    def get(request: object) -> list[Path]:
        asked.append(request.dataset)
        return [file]

    contexts = presets.QUERY + presets.for_get()
    async with (
        await listen(Handlers(on_find=lambda request: [study(1)], on_get=get)) as server,
        connect(address(server), contexts=contexts) as assoc,
    ):
        answer = await query.search(assoc, query.identifier("STUDY"))
        wanted = query.to_retrieve(answer.found[0].dataset, "STUDY")
        response = await assoc.get(wanted, into=tmp_path / "in")
    assert response.status.is_success
    assert [(element.keyword, element.value) for element in asked[0]] == [
        ("QueryRetrieveLevel", "STUDY"),
        ("StudyInstanceUID", "1.2.3.1"),
    ]
    assert (tmp_path / "in" / f"{ROOT}.3.5.dcm").is_file()


# -- worklist and performed procedure steps --------------------------------------------------------------------------


async def test_a_worklist_item_becomes_a_performed_step() -> None:
    items = [scheduled_step("CT", "20240102"), scheduled_step("MR", "20240102"), scheduled_step("CT", "20240103")]
    changes: list[str] = []
    steps = PerformedSteps(on_change=lambda step: changes.append(step.status))
    contexts = worklist.CONTEXTS + mpps.CONTEXTS
    async with (
        await listen(combine(WorklistProvider(items), steps)) as server,
        connect(address(server), contexts=contexts) as assoc,
    ):
        found = await worklist.fetch(assoc, worklist.identifier(day=date(2024, 1, 2), modality="CT"))
        assert [(item.patient_name, item.start) for item in found] == [
            ("MÜLLER^ÄNNE", datetime.fromisoformat("2024-01-02T09:30"))
        ]
        uid = await mpps.start(assoc, mpps.in_progress(found[0].dataset, station_ae="CT1"))
        series = mpps.PerformedSeries("1.2.3.4.5", "Thorax", images=((CT, "1.2.3.4.5.6"),))
        await mpps.finish(assoc, uid, mpps.completed([series]))
        with pytest.raises(DimseFailure) as late:
            await mpps.finish(assoc, uid, mpps.discontinued([series]))
    assert late.value.status == 0x0110
    assert changes == ["IN PROGRESS", "COMPLETED"]
    step = steps.steps[uid].dataset
    assert step.PatientName == "MÜLLER^ÄNNE"
    assert step.ScheduledStepAttributesSequence[0].ScheduledProcedureStepID == "SPS1"
    assert step.PerformedSeriesSequence[0].ReferencedImageSequence[0].ReferencedSOPInstanceUID == "1.2.3.4.5.6"


async def test_the_error_id_of_a_finished_step_and_its_attributes_come_over_the_wire() -> None:
    steps = PerformedSteps()
    contexts = presets.for_classes(mpps.SOP_CLASS, mpps.RETRIEVE_SOP_CLASS)
    async with await listen(steps.handlers()) as server, connect(address(server), contexts=contexts) as assoc:
        started = mpps.in_progress(station_ae="CT1", modality="CT", study_instance_uid="1.2.3")
        uid = await mpps.start(assoc, started, sop_instance_uid="1.2.3.4")
        await mpps.finish(assoc, uid, mpps.discontinued([mpps.PerformedSeries("1.2.3.5", "None")]))
        again = await assoc.n_set(mpps.SOP_CLASS, uid, Dataset())
        read = await assoc.n_get(mpps.RETRIEVE_SOP_CLASS, uid, [0x00400252])
    assert uid == "1.2.3.4"
    assert (again.status, again.error_id) == (0x0110, 0xA710)
    assert again.comment == "Performed Procedure Step Object may no longer be updated"
    assert read.dataset is not None
    assert read.dataset.PerformedProcedureStepStatus == "DISCONTINUED"


# -- storage commitment ----------------------------------------------------------------------------------------------

ASKED = [Reference(CT, "1.2.3.1"), Reference(CT, "1.2.3.2")]


def first_is_safe(request: CommitmentRequest) -> list[Reference]:
    return [reference for reference in request.references if reference.sop_instance_uid == "1.2.3.1"]


async def test_commitment_is_answered_on_the_same_association() -> None:
    provider, requests = CommitmentProvider(first_is_safe), CommitmentRequests()
    async with (
        await listen(provider.handlers()) as server,
        connect(address(server), contexts=commitment.CONTEXTS, handlers=requests.handlers()) as assoc,
    ):
        transaction = await requests.send(assoc, ASKED)
        result = await requests.wait(transaction, timeout_s=SOON_S)
    await provider.close()
    assert result.committed == (ASKED[0],)
    assert [(failed.reference, failed.reason) for failed in result.failed] == [(ASKED[1], 0x0112)]
    assert requests.waiting == ()


async def test_commitment_is_answered_on_a_new_association() -> None:
    requests = CommitmentRequests()
    reports: list[object] = []
    async with await listen(requests.handlers(), "ME") as own:

        def back(request: CommitmentRequest) -> AbstractAsyncContextManager[ServiceUser]:
            assert request.facts.calling_ae_title == "ME"
            return connect(address(own), contexts=commitment.REPORT_CONTEXTS)

        done = asyncio.Event()

        def reported(result: object, error: object) -> None:
            reports.append(error)
            done.set()

        provider = CommitmentProvider(lambda request: request.references, open_association=back, on_reported=reported)
        async with await listen(provider.handlers()) as server:
            async with connect(address(server), calling_ae="ME", contexts=commitment.CONTEXTS) as assoc:
                transaction = await requests.send(assoc, ASKED)
            result = await requests.wait(transaction, timeout_s=SOON_S)
            await done.wait()
        await provider.close()
    assert result.is_complete
    assert result.committed == tuple(ASKED)
    assert reports == [None]


async def test_a_report_goes_over_a_new_association_when_the_old_one_has_gone() -> None:
    requests, gone = CommitmentRequests(), asyncio.Event()

    async def when_gone(request: CommitmentRequest) -> tuple[Reference, ...]:
        await gone.wait()
        return request.references

    async with await listen(requests.handlers(), "ME") as own:
        provider = CommitmentProvider(
            when_gone,
            open_association=lambda request: connect(address(own), contexts=commitment.REPORT_CONTEXTS),
            try_same_first=True,
        )
        async with await listen(provider.handlers()) as server:
            async with connect(address(server), contexts=commitment.CONTEXTS) as assoc:
                transaction = await requests.send(assoc, ASKED)
            await server.wait_empty()
            gone.set()
            result = await requests.wait(transaction, timeout_s=SOON_S)
        await provider.close()
    assert result.is_complete


def test_commitment_with_the_blocking_client() -> None:
    provider = CommitmentProvider(lambda request: request.references)
    requests = CommitmentRequests()

    async def serving() -> Server:
        return await listen(provider.handlers())

    class Serving:
        async def __aenter__(self) -> Server:
            self.server = await serving()
            return self.server

        async def __aexit__(self, *_: object) -> None:
            await provider.close()
            await self.server.close()

    with (
        in_thread(Serving) as server,
        SyncClient.connect(address(server), contexts=commitment.CONTEXTS, handlers=requests.handlers()) as assoc,
    ):
        uid = requests.expect()
        wanted = commitment.commitment_request(ASKED, uid)
        assert assoc.n_action(commitment.SOP_CLASS, commitment.SOP_INSTANCE, 1, wanted).status.is_success
        result = requests.wait_blocking(uid, timeout_s=SOON_S)
    assert result.is_complete


# -- instance availability, relevant patient -------------------------------------------------------------------------


async def test_instance_availability_is_notified() -> None:
    came: list[Notification] = []
    receiver = NotificationReceiver(came.append)
    instance = AvailableInstance(CT, "1.2.3.1", "ARCHIVE", "NEARLINE")
    note = availability.notification("1.2.3", {"1.2.3.4": [instance]}, performed_step=(mpps.SOP_CLASS, "1.2.9"))
    async with (
        await listen(receiver.handlers()) as server,
        connect(address(server), contexts=availability.CONTEXTS) as assoc,
    ):
        uid = await availability.notify(assoc, note)
    assert [one.sop_instance_uid for one in came] == [uid]
    assert came[0].study_instance_uid == "1.2.3"
    assert came[0].instances == (instance,)


async def test_relevant_patient_information_is_asked_for() -> None:
    def find(request: FindRequest) -> object:
        wanted = request.dataset
        if wanted.PatientID == "many":
            return Reply(Status(0xC100))
        return [study(1)] if wanted.ContentTemplateSequence[0].TemplateIdentifier == "9000" else []

    contexts = presets.for_classes(*(asked.sop_class_uid for asked in relevant_patient.QUERIES.values()))
    handlers = Handlers(on_find=find)
    policy = policy_for(handlers, "PEER")
    classes = policy.abstract_syntaxes | {asked.sop_class_uid for asked in relevant_patient.QUERIES.values()}
    options = ServerOptions(policy=replace(policy, abstract_syntaxes=classes))
    async with (
        await serve(port=0, ae_title="PEER", handlers=handlers, options=options) as server,
        connect(address(server), contexts=contexts) as assoc,
    ):
        known = await relevant_patient.ask(assoc, "4711", topic="breast imaging")
        unknown = await relevant_patient.ask(assoc, "4711", topic="cardiac")
        with pytest.raises(DimseFailure):
            await relevant_patient.ask(assoc, "many")
    assert known is not None
    assert known.PatientID == "P1"
    assert unknown is None


# -- print -----------------------------------------------------------------------------------------------------------


async def printing(printer: Printer) -> Server:
    return await listen(printer.handlers(), lifecycle=Lifecycle(on_closed=printer.on_closed))


async def test_a_film_is_printed_with_its_pictures_and_texts() -> None:
    jobs: list[PrintJob] = []
    printer = Printer(jobs.append, name="LASER")
    contexts = print_management.contexts(annotations=True, jobs=True)
    told: list[int] = []
    asked, done = asyncio.Event(), asyncio.Event()

    async def on_report(request: NEventReportRequest) -> Status:
        told.append(request.command.event_type_id)
        await asked.wait()
        if told.count(3) == 3:
            done.set()
        return Status(0)

    handlers = Handlers(on_n_event_report=on_report)
    async with (
        await printing(printer) as server,
        connect(address(server), contexts=contexts, handlers=handlers) as assoc,
    ):
        printer.set_status("WARNING", "SUPPLY LOW")
        assert await print_management.printer_status(assoc) == ("WARNING", "SUPPLY LOW")
        async with print_management.session(assoc, copies=2) as session:
            film = await session.add_film("STANDARD\\2,1", annotation_format="LABEL")
            await film.set_image(2, picture(), polarity="REVERSE")
            await film.set_text(1, "DOE^JOHN")
            response = await film.print()
            assert response.dataset is not None
            job = response.dataset[0x21000500].value[0].ReferencedSOPInstanceUID
            state = await assoc.n_get(print_management.PRINT_JOB, job)
            assert state.dataset is not None
            assert state.dataset.ExecutionStatus in ("PENDING", "PRINTING", "DONE")
            asked.set()  # no report was confirmed before
            empty = await session.add_film()
            assert (await empty.print()).status == 0xB603
            assert (await session.print()).status == 0
            await empty.delete()
            await done.wait()
            state = await assoc.n_get(print_management.PRINT_JOB, job)
            assert state.status == 0x0112  # its end was confirmed before that of the third
    await printer.close()
    assert sorted(told) == [1] * 3 + [2] * 3 + [3] * 3
    assert [len(job.pages) for job in jobs] == [1, 1, 2]
    page = jobs[0].pages[0]
    assert jobs[0].session.NumberOfCopies == 2
    assert page.display_format == "STANDARD\\2,1"
    assert [(image.position, image.attributes.Polarity) for image in page.images] == [(2, "REVERSE")]
    assert page.images[0].dataset.PixelData == bytes(range(24))
    assert page.texts == {1: "DOE^JOHN"}


async def test_a_color_film_is_printed_by_a_slow_printer() -> None:
    jobs: list[PrintJob] = []

    async def slow(job: PrintJob) -> None:
        await asyncio.sleep(0)
        jobs.append(job)

    contexts = print_management.contexts(color=True)
    async with (
        await printing(Printer(slow)) as server,
        connect(address(server), contexts=contexts) as assoc,
        print_management.session(assoc, color=True) as session,
    ):
        film = await session.add_film()
        await film.set_image(1, picture(samples=3))
        assert (await film.print()).status == 0
    assert jobs[0].is_color
    assert len(jobs[0].pages[0].images[0].dataset.PixelData) == 72


async def test_a_printer_forgets_with_the_association() -> None:
    printer = Printer(lambda job: None)
    async with await printing(printer) as server:
        contexts = print_management.contexts()
        async with connect(address(server), contexts=contexts) as assoc, print_management.session(assoc) as session:
            await session.add_film()
            assert printer.sessions == 1
            await assoc.abort()
        await server.wait_empty()
        assert printer.sessions == 0


# -- unified procedure steps -----------------------------------------------------------------------------------------


async def test_a_step_is_pushed_claimed_watched_and_completed() -> None:
    events: asyncio.Queue[UpsEvent] = asyncio.Queue()
    receiver = EventReceiver(events.put_nowait)
    async with await listen(receiver.handlers(), "WATCHER") as watcher:

        def way_to(ae_title: str) -> AbstractAsyncContextManager[ServiceUser] | None:
            return connect(address(watcher), contexts=ups_watch.REPORT_CONTEXTS) if ae_title == "WATCHER" else None

        steps = ProcedureSteps(open_association=way_to)
        async with await listen(steps.handlers()) as server, connect(address(server), contexts=ups.CONTEXTS) as assoc:
            uid, seen = await _work(assoc, events)
            with pytest.raises(DimseFailure) as unknown:
                await ups_watch.subscribe(assoc, "NOBODY")
        await steps.flush()
        await steps.close()
    assert unknown.value.status == 0xC308
    assert steps.steps[uid].state == "COMPLETED"
    assert seen == [
        (EventType.STATE_REPORT, "SCHEDULED", None),
        (EventType.STATE_REPORT, "IN PROGRESS", None),
        (EventType.PROGRESS_REPORT, "", 50.0),
        (EventType.CANCEL_REQUESTED, "", None),
        (EventType.STATE_REPORT, "COMPLETED", None),
    ]


async def _work(
    assoc: Association, events: asyncio.Queue[UpsEvent]
) -> tuple[str, list[tuple[EventType, str, float | None]]]:
    await ups_watch.subscribe(assoc, "WATCHER", deletion_lock=True)
    uid = await ups.create(assoc, ups.scheduled("Reconstruct", study(1), workitem=WORKITEM, inputs=ASKED))
    found = await query.search(assoc, keys.keys_of(["ProcedureStepLabel=Recon*", "SOPInstanceUID"]), root="ups")
    assert [one.sop_instance_uid for one in found.found] == [uid]
    claim = await ups.claim(assoc, uid)
    with pytest.raises(DimseFailure) as second:
        await ups.claim(assoc, uid)
    assert second.value.status == 0xC301
    await ups.progress(assoc, claim, 50, "half of it")
    await ups.request_cancel(assoc, uid, "changed my mind")
    with pytest.raises(DimseFailure) as early:
        await ups.complete(assoc, claim)
    assert early.value.status == 0xC304
    await ups.update(assoc, claim, ups.performed(STATION, WORKITEM, outputs=ASKED, study_instance_uid="1.2.3.1"))
    await ups.complete(assoc, claim)
    assert (await ups.get(assoc, uid)).ProcedureStepState == "COMPLETED"
    assert (await ups.complete(assoc, claim)).status == 0xB306
    seen = []
    for _ in range(5):
        event = await events.get()
        assert event.sop_instance_uid == uid
        seen.append((event.event_type, event.state, event.percent))
    return uid, seen


async def test_a_step_that_nobody_does_is_canceled_on_request() -> None:
    steps = ProcedureSteps()
    async with await listen(steps.handlers()) as server, connect(address(server), contexts=ups.CONTEXTS) as assoc:
        uid = await ups.create(assoc, ups.scheduled("Reconstruct", worklist_label="WORK"))
        await ups.update(assoc, uid, keys.keys_of(["ProcedureStepLabel=Später"]))
        await ups.request_cancel(assoc, uid, "not needed")
        assert (await ups.request_cancel(assoc, uid, context=ups.WATCH)).status == 0xB304
        read = await ups.get(assoc, uid, [0x00741204, 0x00741000, 0x00741002], context=ups.PUSH)
        with pytest.raises(DimseFailure) as no_events:
            await ups_watch.subscribe(assoc, "ME")
    assert read.ProcedureStepState == "CANCELED"
    assert read.ProcedureStepLabel == "Später"
    assert read.ProcedureStepProgressInformationSequence[0].ReasonForCancellation == "not needed"
    assert no_events.value.status == 0xC315
    assert steps.remove_finished() == (uid,)


async def test_a_performer_cancels_its_own_step() -> None:
    steps = ProcedureSteps()
    async with await listen(steps.handlers()) as server, connect(address(server), contexts=ups.CONTEXTS) as assoc:
        uid = await ups.create(assoc, ups.scheduled("Reconstruct"))
        claim = await ups.claim(assoc, uid)
        await ups.update(assoc, claim, ups.cancelation("no data", percent=10))
        await ups.cancel(assoc, claim)
    assert steps.steps[uid].state == "CANCELED"


# -- all of them in one server ---------------------------------------------------------------------------------------


async def test_one_server_has_all_services() -> None:
    steps, procedures = PerformedSteps(), ProcedureSteps()
    provider, requests = CommitmentProvider(lambda request: request.references), CommitmentRequests()
    stored: list[object] = []

    def keep(request: object, data: object) -> Status:
        stored.append(data)
        return Status(0)

    handlers = combine(
        steps,
        procedures,
        provider,
        requests,
        Printer(lambda job: None),
        NotificationReceiver(lambda note: None),
        WorklistProvider([scheduled_step("CT", "20240102")]),
        Handlers(on_store=keep, on_find=lambda request: [study(1), study(2)]),
    )
    instance = dcmread(shipped_folder() / "test_files" / "CT_small.dcm")
    contexts = (
        *presets.DEFAULT,
        *mpps.CONTEXTS,
        *ups.CONTEXTS,
        *commitment.CONTEXTS,
        *print_management.contexts(),
        *storage.contexts_for([instance]),
    )
    async with await listen(handlers) as server:
        async with connect(address(server), contexts=contexts, handlers=requests.handlers()) as assoc:
            assert (await assoc.echo()).status == 0
            await storage.send(assoc, [instance])
            assert len((await query.search(assoc, query.identifier("STUDY"))).found) == 2
            assert len(await worklist.fetch(assoc)) == 1
            await mpps.start(assoc, mpps.in_progress(station_ae="A", modality="CT"))
            await ups.create(assoc, ups.scheduled("Work"))
            uid = await requests.send(assoc, ASKED)
            assert (await requests.wait(uid, timeout_s=SOON_S)).is_complete
            async with print_management.session(assoc) as session:
                await session.add_film()
            with pytest.raises(LocalProtocolError, match="does not permit N-DELETE"):
                await assoc.n_delete(mpps.SOP_CLASS, "1.2.3")
        await provider.close()
    assert len(stored) == len(steps.steps) == len(procedures.steps) == 1
