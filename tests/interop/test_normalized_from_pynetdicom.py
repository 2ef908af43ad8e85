"""pynetdicom's N-services with our provider, and storage commitment both ways of its report."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from helpers import peers
from helpers.retrieval import elements

from dicomgui.network import (
    Handlers,
    NActionRequest,
    NCreateRequest,
    NDeleteRequest,
    NEventReportRequest,
    NGetRequest,
    NSetRequest,
    Reply,
    ServiceUser,
    Status,
    connect,
    serve,
)
from dicomgui.network.association.contexts import ProposedContext
from dicomgui.network.uids import DEFAULT_TRANSFER_SYNTAXES

MPPS, RETRIEVE = "1.2.840.10008.3.1.2.3.3", "1.2.840.10008.3.1.2.3.4"
COMMITMENT = "1.2.840.10008.1.20.1"
COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1.1"
PRINT_META = "1.2.840.10008.5.1.1.9"
FILM_SESSION = "1.2.840.10008.5.1.1.1"
UPS_PUSH, UPS_WATCH, UPS_PULL, UPS_EVENT = (f"1.2.840.10008.5.1.4.34.6.{last}" for last in range(1, 5))
pytestmark = pytest.mark.interop("pynetdicom")


class Instances:
    """Handlers of all six N-services over a few data sets.

    :ivar asked: every request.
    """

    def __init__(self) -> None:
        self.made: dict[str, Any] = {}
        self.asked: list[Any] = []
        self.committed: asyncio.Future[NActionRequest] = asyncio.get_running_loop().create_future()

    def handlers(self) -> Handlers:
        return Handlers(
            on_n_create=self.create,
            on_n_set=self.set,
            on_n_get=self.get,
            on_n_action=self.action,
            on_n_delete=self.delete,
            on_n_event_report=self.report,
        )

    def create(self, request: NCreateRequest) -> Reply:
        self.asked.append(request)
        uid = request.command.affected_sop_instance_uid or "2.25.4711"
        if uid in self.made:
            return Reply(Status(0x0111), "there is one")
        self.made[uid] = request.dataset
        return Reply(Status(0), dataset=request.dataset, sop_instance_uid=uid)

    async def set(self, request: NSetRequest) -> Reply | Status:
        self.asked.append(request)
        uid = request.command.requested_sop_instance_uid
        if uid not in self.made:
            return Status(0x0112)
        unknown = tuple(element.tag for element in request.dataset if element.keyword == "PatientComments")
        if unknown:
            return Reply(Status(0x0107), "not kept", attribute_identifiers=unknown)
        self.made[uid].update(request.dataset)
        return Reply(Status(0), dataset=self.made[uid])

    def get(self, request: NGetRequest) -> Any:
        self.asked.append(request)
        content = self.made.get(request.command.requested_sop_instance_uid)
        if content is None:
            return Status(0x0112)
        wanted = request.command.attribute_identifiers
        return elements(**{e.keyword: e.value for e in content if not wanted or e.tag in wanted})

    async def action(self, request: NActionRequest) -> Reply | Status:
        self.asked.append(request)
        if request.command.requested_sop_class_uid == COMMITMENT:
            self.committed.set_result(request)
            return Status(0)
        return Reply(Status(0), dataset=request.dataset)

    def delete(self, request: NDeleteRequest) -> Status:
        self.asked.append(request)
        return Status(0 if self.made.pop(request.command.requested_sop_instance_uid, None) is not None else 0x0112)

    def report(self, request: NEventReportRequest) -> Status:
        self.asked.append(request)
        return Status(0)


def answers(said: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(one["what"], one["status"]) for one in said if "status" in one]


async def test_mpps_from_pynetdicom() -> None:
    instances = Instances()
    begun = {"PerformedProcedureStepStatus": "IN PROGRESS", "Modality": "CT"}
    async with await serve(port=0, ae_title="RIS", handlers=instances.handlers()) as server:
        said = await peers.pynetdicom_user(
            server.port,
            "RIS",
            classes=[MPPS, RETRIEVE],
            steps=[
                ["n_create", MPPS, "2.25.1", begun],
                ["n_create", MPPS, "2.25.1", begun],
                ["n_create", MPPS, None, begun],
                ["n_set", MPPS, "2.25.1", {"PerformedProcedureStepStatus": "COMPLETED"}],
                ["n_set", MPPS, "2.25.1", {"PatientComments": "unknown here"}],
                ["n_set", MPPS, "2.25.404", {"PerformedProcedureStepStatus": "COMPLETED"}],
                ["n_get", RETRIEVE, "2.25.1", [0x00400252]],
                ["n_get", RETRIEVE, "2.25.1", []],
                ["n_get", RETRIEVE, "2.25.404", []],
            ],
        )
    statuses = ["0000", "0111", "0000", "0000", "0107", "0112", "0000", "0000", "0112"]
    assert [status for _, status in answers(said)] == statuses
    created, twice, unnamed, changed, warned, _, some, everything, _ = said[1:]
    assert created["dataset"] == begun
    assert twice["ErrorComment"] == "there is one"
    assert unnamed["dataset"] is not None
    assert "2.25.4711" in instances.made
    assert changed["dataset"]["PerformedProcedureStepStatus"] == "COMPLETED"
    assert warned["AttributeIdentifierList"] == 0x00104000
    assert some["dataset"] == {"PerformedProcedureStepStatus": "COMPLETED"}
    assert everything["dataset"] == {**begun, "PerformedProcedureStepStatus": "COMPLETED"}


async def test_print_from_pynetdicom() -> None:
    instances = Instances()
    async with await serve(port=0, ae_title="PRINTER", handlers=instances.handlers()) as server:
        said = await peers.pynetdicom_user(
            server.port,
            "PRINTER",
            classes=[PRINT_META],
            steps=[
                ["n_create", FILM_SESSION, "2.25.5", {"NumberOfCopies": "2"}, PRINT_META],
                ["n_action", FILM_SESSION, "2.25.5", 1, {"NumberOfCopies": "2"}, PRINT_META],
                ["n_delete", FILM_SESSION, "2.25.5", PRINT_META],
                ["n_delete", FILM_SESSION, "2.25.5", PRINT_META],
            ],
        )
    assert answers(said) == [("create", "0000"), ("action", "0000"), ("delete", "0000"), ("delete", "0112")]
    assert {request.context.abstract_syntax for request in instances.asked} == {PRINT_META}
    assert {request.command.sop_class_uid for request in instances.asked} == {FILM_SESSION}
    assert instances.asked[1].command.action_type_id == 1


async def test_ups_from_pynetdicom() -> None:
    instances = Instances()
    step = {"ProcedureStepState": "SCHEDULED", "ProcedureStepLabel": "Plan"}
    async with await serve(port=0, ae_title="UPS", handlers=instances.handlers()) as server:
        said = await peers.pynetdicom_user(
            server.port,
            "UPS",
            classes=[UPS_PUSH, UPS_PULL, UPS_WATCH],
            steps=[
                ["n_create", UPS_PUSH, "2.25.9", step],
                ["n_action", UPS_PUSH, "2.25.9", 1, {"ProcedureStepState": "IN PROGRESS"}, UPS_PULL],
                ["n_set", UPS_PUSH, "2.25.9", {"ProcedureStepLabel": "Do"}, UPS_PULL],
                ["n_get", UPS_PUSH, "2.25.9", [], UPS_WATCH],
                ["n_action", UPS_PUSH, "2.25.9", 3, {"DeletionLock": "FALSE"}, UPS_WATCH],
            ],
        )
    kinds = [("create", "0000"), ("action", "0000"), ("set", "0000"), ("get", "0000"), ("action", "0000")]
    assert answers(said) == kinds
    assert said[4]["dataset"] == {"ProcedureStepState": "SCHEDULED", "ProcedureStepLabel": "Do"}
    contexts = [request.context.abstract_syntax for request in instances.asked]
    assert contexts == [UPS_PUSH, UPS_PULL, UPS_PULL, UPS_WATCH, UPS_WATCH]


async def test_event_report_from_pynetdicom() -> None:
    """It is the SCP of UPS Event, by role selection, on an association that it requested."""
    instances = Instances()
    async with await serve(port=0, ae_title="WATCHER", handlers=instances.handlers()) as server:
        said = await peers.pynetdicom_user(
            server.port,
            "WATCHER",
            classes=[UPS_EVENT],
            items=[["role", UPS_EVENT, False, True]],
            steps=[["n_event_report", UPS_EVENT, "2.25.9", 1, {"ProcedureStepState": "COMPLETED"}]],
        )
    assert answers(said) == [("event-report", "0000")]
    assert said[0]["roles"] == {UPS_EVENT: [False, True]}
    [request] = instances.asked
    assert request.command.event_type_id == 1
    assert request.dataset == elements(ProcedureStepState="COMPLETED")
    assert (request.context.as_scu, request.context.as_scp) == (True, False)


# -- storage commitment ----------------------------------------------------------------------------------------------


WISH = {
    "TransactionUID": "2.25.31",
    "ReferencedSOPSequence": [{"ReferencedSOPClassUID": MPPS, "ReferencedSOPInstanceUID": "2.25.77"}],
}


async def report_back(user: ServiceUser, request: NActionRequest) -> None:
    """Tell that everything is safe."""
    wish = request.dataset
    report = elements(TransactionUID=wish.TransactionUID, ReferencedSOPSequence=wish.ReferencedSOPSequence)
    response = await user.n_event_report(COMMITMENT, COMMITMENT_INSTANCE, 1, report)
    assert (response.status, response.type_id) == (Status(0), 1)


async def test_storage_commitment_on_the_same_association_from_pynetdicom() -> None:
    instances = Instances()
    steps = [["n_action", COMMITMENT, COMMITMENT_INSTANCE, 1, WISH], ["wait_for_report"]]

    async def report() -> None:
        request = await instances.committed
        await report_back(request.user, request)

    async with await serve(port=0, ae_title="ARCHIVE", handlers=instances.handlers()) as server:
        asking = peers.pynetdicom_user(server.port, "ARCHIVE", classes=[COMMITMENT], steps=steps)
        said, _ = await asyncio.gather(asking, report())
    assert answers(said) == [("action", "0000")]
    [told] = [one for one in said if one["what"] == "report"]
    assert told["type"] == 1
    assert told["content"]["TransactionUID"] == "2.25.31"
    assert "2.25.77" in told["content"]["ReferencedSOPSequence"]


async def test_storage_commitment_on_a_new_association_from_pynetdicom(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """We call who asked, for whom the report is, and ask for the SCP role."""
    instances = Instances()
    steps = [["n_action", COMMITMENT, COMMITMENT_INSTANCE, 1, WISH]]
    with peers.pynetdicom_services(tmp_path_factory.mktemp("callback") / "services", []) as listening:
        async with await serve(port=0, ae_title="ARCHIVE", handlers=instances.handlers()) as server:
            said = await peers.pynetdicom_user(server.port, "ARCHIVE", classes=[COMMITMENT], steps=steps)
            as_scp = ProposedContext(COMMITMENT, DEFAULT_TRANSFER_SYNTAXES, scu_role=False, scp_role=True)
            async with connect(listening.address, calling_ae="ARCHIVE", contexts=[as_scp]) as assoc:
                [context] = assoc.negotiated.accepted
                assert (context.as_scu, context.as_scp) == (False, True)
                await report_back(assoc, await instances.committed)
        [told] = [one for one in peers.said_by(listening.log) if one["what"] == "report"]
    assert answers(said) == [("action", "0000")]
    assert (told["calling"], told["uid"], told["type"]) == ("ARCHIVE", COMMITMENT_INSTANCE, 1)
