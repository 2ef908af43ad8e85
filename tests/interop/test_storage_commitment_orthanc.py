"""Storage commitment push model with Orthanc (PS3.4 J): it as the provider, and as the user that asks us."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from helpers import peers
from helpers.instances import CT, instance_of
from helpers.retrieval import CT_STUDY, elements, real_files
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from dicomgui.network import (
    AcceptPolicy,
    Handlers,
    NActionRequest,
    NEventReportRequest,
    ProposedContext,
    ServerOptions,
    Status,
    connect,
    presets,
    serve,
)
from dicomgui.network.uids import DEFAULT_TRANSFER_SYNTAXES

COMMITMENT = "1.2.840.10008.1.20.1"
INSTANCE = "1.2.840.10008.1.20.1.1"
AS_SCP = ProposedContext(COMMITMENT, DEFAULT_TRANSFER_SYNTAXES, scu_role=False, scp_role=True)
US = "COMMITTER"
pytestmark = pytest.mark.interop("Orthanc")


@pytest.fixture
def filled(orthanc: peers.Orthanc) -> peers.Orthanc:
    """Orthanc with the four images of a study."""
    orthanc.clear()
    for file in real_files(CT_STUDY):
        orthanc.put_file(file.read_bytes())
    return orthanc


def reference(uid: str) -> Dataset:
    return elements(ReferencedSOPClassUID=CT, ReferencedSOPInstanceUID=uid)


def uids(dataset: Dataset, keyword: str) -> list[str]:
    return [one.ReferencedSOPInstanceUID for one in dataset.get(keyword, ())]


@pytest.mark.parametrize("missing", [[], ["2.25.404"]], ids=["all there", "one missing"])
async def test_storage_commitment_of_orthanc(filled: peers.Orthanc, missing: list[str]) -> None:
    """It reports on an association that it opens to us, for which it asks for the SCP role."""
    told: asyncio.Future[NEventReportRequest] = asyncio.get_running_loop().create_future()

    def take(request: NEventReportRequest) -> Status:
        told.set_result(request)
        return Status(0)

    there = [instance_of(file) for file in real_files(CT_STUDY)]
    wanted = elements(TransactionUID="2.25.41", ReferencedSOPSequence=Items(map(reference, [*there, *missing])))
    options = ServerOptions(AcceptPolicy(ae_title=US, requestor_scp=frozenset({COMMITMENT})))
    handlers = Handlers(on_n_event_report=take)
    async with await serve(port=0, ae_title=US, handlers=handlers, options=options) as server:
        filled.know(US, server.port)
        contexts = presets.for_classes(COMMITMENT)
        async with connect(filled.peer.address, calling_ae=US, contexts=contexts) as assoc:
            accepted = await assoc.n_action(COMMITMENT, INSTANCE, 1, wanted)
            assert accepted.status == 0, accepted
        async with asyncio.timeout(peers.DEADLINE_S):
            report = await told
            await server.wait_empty()
    assert report.command.event_type_id == (2 if missing else 1)
    assert report.command.affected_sop_instance_uid == INSTANCE
    assert report.dataset.TransactionUID == "2.25.41"
    assert sorted(uids(report.dataset, "ReferencedSOPSequence")) == sorted(there)
    assert uids(report.dataset, "FailedSOPSequence") == missing
    assert (report.context.as_scu, report.context.as_scp) == (True, False)


@pytest.mark.parametrize("missing", [[], ["2.25.404"]], ids=["all there", "one missing"])
async def test_storage_commitment_from_orthanc(filled: peers.Orthanc, missing: list[str]) -> None:
    """It asks us by N-ACTION; we report on a new association, with role selection, and it knows the outcome."""
    asked: asyncio.Future[NActionRequest] = asyncio.get_running_loop().create_future()

    def take(request: NActionRequest) -> Status:
        asked.set_result(request)
        return Status(0)

    there = [instance_of(file) for file in real_files(CT_STUDY)]
    async with await serve(port=0, ae_title=US, handlers=Handlers(on_n_action=take)) as server:
        filled.know(US, server.port)
        body = {"DicomInstances": [[CT, uid] for uid in [*there, *missing]]}
        begun = await asyncio.to_thread(filled.ask, f"/modalities/{US}/storage-commitment", body)
        request = await asked
        assert (request.command.action_type_id, request.command.requested_sop_instance_uid) == (1, INSTANCE)
        assert uids(request.dataset, "ReferencedSOPSequence") == [*there, *missing]
        assert (await state(filled, begun))["Status"] == "Pending"
        await report(filled, request, there, missing)
    outcome = await state(filled, begun)
    assert outcome["Status"] == ("Failure" if missing else "Success")
    assert sorted(one["SOPInstanceUID"] for one in outcome["Success"]) == sorted(there)
    assert [one["SOPInstanceUID"] for one in outcome["Failures"]] == missing


async def report(orthanc: peers.Orthanc, request: NActionRequest, there: list[str], missing: list[str]) -> None:
    """Tell what is safe and what is not."""
    content = elements(TransactionUID=request.dataset.TransactionUID)
    content.ReferencedSOPSequence = Items(map(reference, there))
    if missing:
        content.FailedSOPSequence = Items(map(reference, missing))
        for one in content.FailedSOPSequence:
            one.FailureReason = 0x0112
    async with connect(orthanc.peer.address, calling_ae=US, contexts=[AS_SCP]) as assoc:
        [context] = assoc.negotiated.accepted
        assert (context.as_scu, context.as_scp) == (False, True)
        response = await assoc.n_event_report(COMMITMENT, INSTANCE, 2 if missing else 1, content)
    assert response.status == 0, response


async def state(orthanc: peers.Orthanc, begun: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = await asyncio.to_thread(orthanc.get_json, begun["Path"])
    return found
