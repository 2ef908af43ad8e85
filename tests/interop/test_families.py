"""The smaller service classes with pynetdicom, in both roles, by the defaults of the library."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from helpers import peers
from helpers.retrieval import elements
from pydicom.dataset import Dataset

from dicomgui.network import (
    FindRequest,
    GetRequest,
    Handlers,
    NCreateRequest,
    ProposedContext,
    Reply,
    Status,
    connect,
    presets,
    serve,
)
from dicomgui.network.service import QUERY_MODELS
from dicomgui.network.service_classes import (
    InventoryCreation,
    InventoryProduction,
    InventoryResult,
    MediaCreation,
    MediaRequest,
    MediaResult,
    PerformedSteps,
    inventory_creation,
    mpps,
    ups,
    ups_watch,
)
from dicomgui.network.service_classes.attributes import Code, dataset_of
from dicomgui.network.service_classes.procedure_steps import ProcedureSteps
from dicomgui.network.uids import DEFAULT_TRANSFER_SYNTAXES

pytestmark = pytest.mark.interop("pynetdicom")

OTHERS = tuple(
    name
    for name in QUERY_MODELS
    if name not in ("patient", "study", "patient-study-only", "worklist", "ups", "ups-watch", "ups-query")
)
FINDS = {name: QUERY_MODELS[name]["find"] for name in OTHERS if "find" in QUERY_MODELS[name]}
GETS = {name: QUERY_MODELS[name]["get"] for name in OTHERS if "get" in QUERY_MODELS[name]}
UNKNOWN_TO_PEER = {"repository"}
MPPS_NOTIFICATION, MEDIA_CREATION = "1.2.840.10008.3.1.2.3.5", "1.2.840.10008.5.1.1.33"
AVAILABILITY = "1.2.840.10008.5.1.4.33"
LABEL = {"CodeValue": "77"}


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[peers.Peer]:
    with peers.pynetdicom_services(tmp_path_factory.mktemp("families") / "services", []) as peer:
        yield peer


async def test_queries_of_pynetdicom(provider: peers.Peer) -> None:
    known = {name: uid for name, uid in FINDS.items() if name not in UNKNOWN_TO_PEER}
    async with connect(provider.address, contexts=presets.for_classes(*known.values())) as assoc:
        for root in known:
            async with assoc.find(elements(**LABEL), root=root) as operation:
                found = [match.dataset for match in await operation.batch()]
            assert found == [elements(**LABEL)], root
            assert (await operation.result()).status == 0


async def test_queries_and_retrievals_from_pynetdicom() -> None:
    def on_find(request: FindRequest) -> Dataset:
        return request.dataset

    def on_get(request: GetRequest) -> Status:
        return Status(0)

    asks: list[list[Any]] = [["find", uid, LABEL] for uid in FINDS.values()]
    asks += [["get", uid, LABEL] for uid in GETS.values()]
    classes = [*FINDS.values(), *GETS.values()]
    async with await serve(port=0, ae_title="ALL", handlers=Handlers(on_find=on_find, on_get=on_get)) as server:
        said = await peers.pynetdicom_user(server.port, "ALL", classes=classes, steps=asks)
    answers = [(one["what"], one["status"], one.get("dataset")) for one in said if "status" in one]
    assert answers.count(("find", "FF00", LABEL)) == len(FINDS)
    assert answers.count(("find", "0000", None)) == len(FINDS)
    assert answers.count(("get", "0000", None)) == len(GETS)


async def test_notification_and_creation_of_pynetdicom(provider: peers.Peer) -> None:
    as_scp = ProposedContext(MPPS_NOTIFICATION, DEFAULT_TRANSFER_SYNTAXES, scu_role=False, scp_role=True)
    contexts = (as_scp, *presets.for_classes(MEDIA_CREATION, AVAILABILITY))
    async with connect(provider.address, contexts=contexts) as assoc:
        for number, uid in enumerate((MEDIA_CREATION, AVAILABILITY)):
            created = await assoc.n_create(uid, elements(StudyID="1"), sop_instance_uid=f"2.25.60{number}")
            assert created.status == 0
        told = await assoc.n_event_report(MPPS_NOTIFICATION, "2.25.1", 2)
    assert (told.status, told.type_id) == (Status(0), 2)


async def test_inventory_creation_from_pynetdicom() -> None:
    """Initiated, asked about, resumed, paused and cancelled, each change told by an event (PS3.4 KK.2)."""

    async def produce(production: InventoryProduction) -> InventoryResult:
        if production.request.level == "SERIES":
            await asyncio.Event().wait()
        production.pause("The disk is full.")
        await production.proceed(3)
        return InventoryResult("2.25.99", 4, retrieve_ae="INVENTORIES")

    def action(kind: int, uid: str, **information: Any) -> list[Any]:
        place = [inventory_creation.SOP_CLASS, inventory_creation.SOP_INSTANCE, kind]
        return ["n_action", *place, {"TransactionUID": uid, **information}]

    wait = ["wait_for_report"]
    name = {"GeneralMatchingSequence": [{"PatientName": "DOE*", "StudyID": "7"}]}
    asked = [
        *(action(11, "2.25.1", InventoryLevel="STUDY", ScopeOfInventorySequence=[]), wait),
        *(action(12, "2.25.1"), wait, action(15, "2.25.1"), wait, wait),
        action(11, "2.25.2", InventoryLevel="SERIES", ScopeOfInventorySequence=[name]),
        *(action(14, "2.25.2"), wait, action(13, "2.25.2", RetainInstances="NO"), wait),
        *(action(13, "2.25.2", RetainInstances="NO"), action(12, "2.25.3")),
        action(11, "2.25.4", InventoryLevel="PATIENT", ScopeOfInventorySequence=[]),
    ]
    inventories = InventoryCreation(produce, keys={0x00100010})
    async with await serve(port=0, ae_title="ALL", handlers=inventories.handlers()) as server:
        said = await peers.pynetdicom_user(server.port, "ALL", classes=[inventory_creation.SOP_CLASS], steps=asked)
    await inventories.close()
    answers = [one["status"] for one in said if one["what"] == "action"]
    assert answers == ["0000", "0000", "0000", "B010", "0000", "0000", "0110", "0115", "0212"]
    reports = [one for one in said if one["what"] == "report"]
    states = [one["content"]["TransactionStatus"] for one in reports]
    assert states == ["PAUSED", "PAUSED", "PROCESSING", "COMPLETE", "PAUSED", "CANCELED"]
    assert [one["type"] for one in reports] == [12, 12, 12, 11, 12, 13]
    assert reports[1]["content"] == {
        "TransactionUID": "2.25.1",
        "TransactionStatus": "PAUSED",
        "TransactionStatusComment": "The disk is full.",
        "TotalNumberOfStudyRecords": "3",
    }
    assert reports[3]["content"] == {
        "TransactionUID": "2.25.1",
        "TransactionStatus": "COMPLETE",
        "ReferencedSOPClassUID": "1.2.840.10008.5.1.4.1.1.201.1",
        "ReferencedSOPInstanceUID": "2.25.99",
        "RetrieveAETitle": "INVENTORIES",
        "TotalNumberOfStudyRecords": "4",
    }
    assert reports[5]["content"] == {"TransactionUID": "2.25.2", "TransactionStatus": "CANCELED"}


async def test_creation_from_pynetdicom() -> None:
    made: list[str] = []

    def create(request: NCreateRequest) -> Reply:
        made.append(request.command.affected_sop_class_uid)
        return Reply(Status(0), dataset=request.dataset)

    async with await serve(port=0, ae_title="ALL", handlers=Handlers(on_n_create=create)) as server:
        said = await peers.pynetdicom_user(
            server.port,
            "ALL",
            classes=[MEDIA_CREATION, AVAILABILITY],
            steps=[
                ["n_create", uid, f"2.25.{n}", {"StudyID": "1"}] for n, uid in enumerate((MEDIA_CREATION, AVAILABILITY))
            ],
        )
    assert [one["status"] for one in said if one["what"] == "create"] == ["0000", "0000"]
    assert made == [MEDIA_CREATION, AVAILABILITY]


async def test_media_creation_from_pynetdicom() -> None:
    """Created, initiated once, told of while it waits and when it is done, cancelled (PS3.4 S.3.2)."""
    may_end = asyncio.Event()
    ended = asyncio.Event()

    async def write(request: MediaRequest) -> MediaResult:
        await may_end.wait()
        return MediaResult(pieces=request.copies, media=(("DISC1", "2.25.77"),))

    def on_change(request: MediaRequest) -> None:
        if request.is_final:
            ended.set()

    wish = {"ReferencedSOPSequence": [{"ReferencedSOPClassUID": "1.2", "ReferencedSOPInstanceUID": "1.2.3"}]}
    state = [["n_get", MEDIA_CREATION, "2.25.1", []]]
    media = MediaCreation(write, on_change=on_change)
    async with await serve(port=0, ae_title="MEDIA", handlers=media.handlers()) as server:
        asked = [
            ["n_create", MEDIA_CREATION, "2.25.1", wish],
            ["n_create", MEDIA_CREATION, "2.25.1", wish],
            ["n_create", MEDIA_CREATION, "2.25.3", {"LabelText": "none"}],
            ["n_action", MEDIA_CREATION, "2.25.1", 1, {"NumberOfCopies": "2"}],
            ["n_action", MEDIA_CREATION, "2.25.1", 1, {"NumberOfCopies": "2"}],
            ["n_create", MEDIA_CREATION, "2.25.2", wish],
            ["n_action", MEDIA_CREATION, "2.25.2", 1, {"RequestPriority": "LOW"}],
            ["n_action", MEDIA_CREATION, "2.25.2", 2, None],
            ["n_get", MEDIA_CREATION, "2.25.2", []],
            *state,
        ]
        said = await peers.pynetdicom_user(server.port, "MEDIA", classes=[MEDIA_CREATION], steps=asked)
        may_end.set()
        await ended.wait()
        done = await peers.pynetdicom_user(
            server.port,
            "MEDIA",
            classes=[MEDIA_CREATION],
            steps=[*state, ["n_action", MEDIA_CREATION, "2.25.1", 2, None]],
        )
    statuses = ["0000", "0111", "0120", "0000", "A510", "0000", "0000", "0000", "0112", "0000"]
    assert [one["status"] for one in said if "status" in one] == statuses
    assert said[-1]["dataset"]["ExecutionStatus"] == "CREATING"
    assert [one["status"] for one in done if "status" in one] == ["0000", "C201"]
    told = done[1]["dataset"]
    assert (told["ExecutionStatus"], told["TotalNumberOfPiecesOfMediaCreated"]) == ("DONE", "2")
    await media.close()


async def test_step_notifications_of_pynetdicom(provider: peers.Peer) -> None:
    """It is told of each change of our performed steps, by the event types of PS3.4 F.9.2, and may read them (F.8)."""
    steps = PerformedSteps(
        open_association=lambda _ae: connect(provider.address, contexts=mpps.NOTIFICATION_CONTEXTS),
        notified=("PYNETDICOM",),
    )
    begun = {
        "PerformedProcedureStepStatus": "IN PROGRESS", "Modality": "CT", "PerformedProcedureStepID": "1",
        "PerformedStationAETitle": "CT1", "PerformedProcedureStepStartDate": "20260102",
        "PerformedProcedureStepStartTime": "1200", "ScheduledStepAttributesSequence": [{"StudyInstanceUID": "1.2"}],
    }  # fmt: skip
    steps.is_strict = False
    change = {"PerformedProcedureStepStatus": "COMPLETED"}
    async with await serve(port=0, ae_title="STEPS", handlers=steps.handlers()) as server:
        said = await peers.pynetdicom_user(
            server.port,
            "STEPS",
            classes=[mpps.SOP_CLASS, mpps.RETRIEVE_SOP_CLASS],
            steps=[
                ["n_create", mpps.SOP_CLASS, "2.25.81", begun],
                ["n_set", mpps.SOP_CLASS, "2.25.81", {"StudyID": "1", "CommentsOnThePerformedProcedureStep": "slow"}],
                ["n_set", mpps.SOP_CLASS, "2.25.81", change],
                ["n_set", mpps.SOP_CLASS, "2.25.81", change],
                ["n_get", mpps.RETRIEVE_SOP_CLASS, "2.25.81", [0x00400252]],
                ["n_get", mpps.RETRIEVE_SOP_CLASS, "2.25.404", []],
            ],
        )
        steps.remove("2.25.81")
        await steps.flush()
    await steps.close()
    assert [one["status"] for one in said if "status" in one] == ["0000", "0107", "0000", "0110", "0000", "0112"]
    assert said[5]["dataset"] == change
    told = [one for one in peers.said_by(provider.log) if one["what"] == "report" and one["uid"] == "2.25.81"]
    assert [(one["type"], one["content"]) for one in told] == [(1, {}), (4, {}), (2, {}), (5, {})]


async def test_step_events_of_pynetdicom(provider: peers.Peer) -> None:
    """It is subscribed to our steps: told of an assignment (5) and of a restart (4)."""
    steps = ProcedureSteps(open_association=lambda _ae: connect(provider.address, contexts=ups_watch.REPORT_CONTEXTS))
    async with (
        await serve(port=0, ae_title="STEPS", handlers=steps.handlers()) as server,
        connect(f"STEPS@127.0.0.1:{server.port}", contexts=ups.CONTEXTS) as assoc,
    ):
        await ups_watch.subscribe(assoc, "PYNETDICOM")
        uid = await ups.create(assoc, ups.scheduled("Plan", station=Code("1", "99X", "Station"), worklist_label="W"))
        await ups.update(assoc, uid, dataset_of({"ScheduledStationNameCodeSequence": []}))
        assert steps.announce(ups_watch.RESTARTED, keeps_steps=False) == ("PYNETDICOM",)
        await steps.flush()
    await steps.close()
    told = [
        one
        for one in peers.said_by(provider.log)
        if one["what"] == "report" and one["uid"] in (uid, ups_watch.ALL_STEPS)
    ]
    assert [(one["uid"], one["type"]) for one in told] == [(uid, 1), (uid, 5), (uid, 5), (ups_watch.ALL_STEPS, 4)]
    assert told[3]["content"] == {
        "SCPStatus": "RESTARTED",
        "SubscriptionListStatus": "WARM START",
        "UnifiedProcedureStepListStatus": "COLD START",
    }
