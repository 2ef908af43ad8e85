"""Our N-services with pynetdicom's provider: performed procedure steps, print, unified procedure steps, commitment."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest
from helpers import peers
from helpers.retrieval import elements
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from dicomgui.network import (
    AcceptPolicy,
    Handlers,
    NEventReportRequest,
    ProposedContext,
    ServerOptions,
    Status,
    connect,
    presets,
    serve,
)
from dicomgui.network.uids import DEFAULT_TRANSFER_SYNTAXES

MPPS, RETRIEVE = "1.2.840.10008.3.1.2.3.3", "1.2.840.10008.3.1.2.3.4"
COMMITMENT = "1.2.840.10008.1.20.1"
COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1.1"
PRINT_META = "1.2.840.10008.5.1.1.9"
FILM_SESSION = "1.2.840.10008.5.1.1.1"
UPS_PUSH, UPS_WATCH, UPS_PULL, UPS_EVENT = (f"1.2.840.10008.5.1.4.34.6.{last}" for last in range(1, 5))
IMAGE = elements(ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.2", ReferencedSOPInstanceUID="2.25.77")
pytestmark = pytest.mark.interop("pynetdicom")


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[peers.Peer]:
    with peers.pynetdicom_services(tmp_path_factory.mktemp("pynetdicom") / "services", []) as peer:
        yield peer


def asked(peer: peers.Peer, what: str) -> list[dict[str, object]]:
    return [one for one in peers.said_by(peer.log) if one["what"] == what]


async def test_mpps_of_pynetdicom(provider: peers.Peer) -> None:
    """N-CREATE as IN PROGRESS, N-SET to COMPLETED, N-GET of two attributes and of all, and of an unknown one."""
    uid = "2.25.1"
    async with connect(provider.address, contexts=presets.for_classes(MPPS, RETRIEVE)) as assoc:
        begun = elements(PerformedProcedureStepStatus="IN PROGRESS", PerformedProcedureStepID="P1", Modality="CT")
        created = await assoc.n_create(MPPS, begun, sop_instance_uid=uid)
        assert (created.status, created.sop_instance_uid) == (Status(0), uid)
        assert created.dataset == begun
        twice = await assoc.n_create(MPPS, begun, sop_instance_uid=uid)
        assert twice.status == 0x0111
        changed = await assoc.n_set(MPPS, uid, elements(PerformedProcedureStepStatus="COMPLETED"))
        assert changed.status == 0
        assert changed.dataset is not None
        assert changed.dataset.PerformedProcedureStepStatus == "COMPLETED"
        got = await assoc.n_get(RETRIEVE, uid, (0x00400252, 0x00080060))
        assert got.status == 0
        assert got.dataset == elements(PerformedProcedureStepStatus="COMPLETED", Modality="CT")
        everything = await assoc.n_get(RETRIEVE, uid)
        assert everything.dataset is not None
        assert len(everything.dataset) == 3
        assert (await assoc.n_get(RETRIEVE, "2.25.404")).status == 0x0112
        assert (await assoc.n_set(MPPS, "2.25.404", elements(Modality="MR"))).status == 0x0112
    assert asked(provider, "get-attributes")[0]["tags"] == ["00400252", "00080060"]


async def test_create_without_a_uid_of_pynetdicom(provider: peers.Peer) -> None:
    """The provider makes one, and tells it in the response."""
    async with connect(provider.address, contexts=presets.for_classes(MPPS, RETRIEVE)) as assoc:
        created = await assoc.n_create(MPPS, elements(Modality="CT"))
        assert created.status == 0
        assert created.sop_instance_uid.startswith("2.25.100")
        assert (await assoc.n_get(RETRIEVE, created.sop_instance_uid)).dataset == elements(Modality="CT")


async def test_print_of_pynetdicom(provider: peers.Peer) -> None:
    """A film session in the context of the meta SOP class: N-CREATE, N-ACTION to print it, N-DELETE to end it."""
    async with connect(provider.address, contexts=presets.for_classes(PRINT_META)) as assoc:
        session = elements(NumberOfCopies="1")
        made = await assoc.n_create(FILM_SESSION, session, sop_instance_uid="2.25.5", context=PRINT_META)
        assert (made.status, made.dataset) == (Status(0), session)
        printed = await assoc.n_action(FILM_SESSION, "2.25.5", 1, context=PRINT_META)
        assert (printed.status, printed.type_id) == (Status(0), 1)
        assert (await assoc.n_delete(FILM_SESSION, "2.25.5", context=PRINT_META)).status == 0
        assert (await assoc.n_delete(FILM_SESSION, "2.25.5", context=PRINT_META)).status == 0x0112
    [created] = [one for one in asked(provider, "create") if one["uid"] == "2.25.5"]
    assert created["sop_class"] == FILM_SESSION


async def test_ups_of_pynetdicom(provider: peers.Peer) -> None:
    """Push with N-CREATE, pull with N-SET and N-ACTION, get, and watch with N-ACTION."""
    uid = "2.25.9"
    async with connect(provider.address, contexts=presets.for_classes(UPS_PUSH, UPS_PULL, UPS_WATCH)) as assoc:
        step = elements(ProcedureStepState="SCHEDULED", ProcedureStepLabel="Plan")
        assert (await assoc.n_create(UPS_PUSH, step, sop_instance_uid=uid)).status == 0
        claim = elements(ProcedureStepState="IN PROGRESS", TransactionUID="2.25.10")
        claimed = await assoc.n_action(UPS_PUSH, uid, 1, claim, context=UPS_PULL)
        assert (claimed.status, claimed.type_id, claimed.dataset) == (Status(0), 1, claim)
        changed = await assoc.n_set(UPS_PUSH, uid, elements(ProcedureStepLabel="Do"), context=UPS_PULL)
        assert changed.status == 0
        got = await assoc.n_get(UPS_PUSH, uid, (0x00741000, 0x00741204), context=UPS_PULL)
        assert got.dataset == elements(ProcedureStepState="SCHEDULED", ProcedureStepLabel="Do")
        wish = elements(ReceivingAE="US", DeletionLock="FALSE")
        watched = await assoc.n_action(UPS_PUSH, uid, 3, wish, context=UPS_WATCH)
        assert (watched.status, watched.type_id) == (Status(0), 3)


async def test_event_report_of_pynetdicom(provider: peers.Peer) -> None:
    """As the SCP of UPS Event, which we are by role selection on an association that we requested."""
    as_scp = ProposedContext(UPS_EVENT, DEFAULT_TRANSFER_SYNTAXES, scu_role=False, scp_role=True)
    async with connect(provider.address, contexts=[as_scp]) as assoc:
        state = elements(ProcedureStepState="COMPLETED")
        response = await assoc.n_event_report(UPS_PUSH, "2.25.9", 1, state, context=UPS_EVENT)
    assert (response.status, response.type_id) == (Status(0), 1)
    [report] = asked(provider, "report")
    assert (report["uid"], report["type"]) == ("2.25.9", 1)
    assert report["content"] == {"ProcedureStepState": "COMPLETED"}


# -- storage commitment ----------------------------------------------------------------------------------------------


def transaction(uid: str) -> Dataset:
    return elements(TransactionUID=uid, ReferencedSOPSequence=Items([IMAGE]))


class Reports:
    """Takes N-EVENT-REPORTs."""

    def __init__(self) -> None:
        self.first: asyncio.Future[NEventReportRequest] = asyncio.get_running_loop().create_future()

    def take(self, request: NEventReportRequest) -> Status:
        self.first.set_result(request)
        return Status(0)

    def handlers(self) -> Handlers:
        return Handlers(on_n_event_report=self.take)


def check_report(request: NEventReportRequest, uid: str) -> None:
    assert request.command.affected_sop_instance_uid == COMMITMENT_INSTANCE
    assert request.command.event_type_id == 1
    assert request.dataset.TransactionUID == uid
    assert request.dataset.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "2.25.77"


async def test_storage_commitment_on_the_same_association_of_pynetdicom(provider: peers.Peer) -> None:
    reports = Reports()
    contexts = presets.for_classes(COMMITMENT)
    async with connect(provider.address, contexts=contexts, handlers=reports.handlers()) as assoc:
        accepted = await assoc.n_action(COMMITMENT, COMMITMENT_INSTANCE, 1, transaction("2.25.21"))
        assert accepted.status == 0
        async with asyncio.timeout(peers.DEADLINE_S):
            check_report(await reports.first, "2.25.21")
        await asyncio.to_thread(provider.process.wait_for_line, '"reported"')
        assert assoc.is_connected
    assert asked(provider, "reported")[-1]["status"] == 0


async def test_storage_commitment_on_a_new_association_of_pynetdicom(provider: peers.Peer) -> None:
    """It calls us, and asks for the SCP role of the SOP class."""
    reports = Reports()
    policy = AcceptPolicy(ae_title="CALLBACK", requestor_scp=frozenset({COMMITMENT}))
    options = ServerOptions(policy)
    async with await serve(port=0, ae_title="CALLBACK", handlers=reports.handlers(), options=options) as server:
        (provider.folder / "destinations.json").write_text(json.dumps({"CALLBACK": server.port}), encoding="ascii")
        contexts = presets.for_classes(COMMITMENT)
        async with connect(provider.address, calling_ae="CALLBACK", contexts=contexts) as assoc:
            accepted = await assoc.n_action(COMMITMENT, COMMITMENT_INSTANCE, 1, transaction("2.25.22"))
            assert accepted.status == 0
        async with asyncio.timeout(peers.DEADLINE_S):
            request = await reports.first
        check_report(request, "2.25.22")
        assert request.facts.calling_ae_title == "PYNETDICOM"
        assert request.context.as_scu, "we are the user of the service here"
        await server.wait_empty()
