"""The console's use case with foreign providers: templates of MPPS and unified steps, print, all six operations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pydicom
import pytest
from helpers import peers, print_peers
from helpers.instances import shipped_folder
from helpers.retrieval import CT_STUDY, elements, real_files
from pydicom.dataset import Dataset

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.nservices.picture import read_picture
from dicomgui.app.nservices.requests import NOperation, NRequest, NResult
from dicomgui.app.nservices.session import NSession
from dicomgui.app.nservices.templates import TEMPLATES, Known, learned
from dicomgui.app.transfers.commitment import CommitmentJob, CommitmentOrder, CommitmentState, Way
from dicomgui.network import PeerAddress
from dicomgui.network.service_classes.references import Reference

BY_KEY = {template.key: template for template in TEMPLATES}
UPS_PUSH, UPS_EVENT = "1.2.840.10008.5.1.4.34.6.1", "1.2.840.10008.5.1.4.34.6.4"


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[peers.Peer]:
    with peers.pynetdicom_services(tmp_path_factory.mktemp("pynetdicom") / "services", []) as peer:
        yield peer


@pytest.fixture(scope="module")
def dcmprscp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[peers.Peer]:
    with print_peers.dcmprscp(tmp_path_factory.mktemp("dcmprscp") / "printer") as peer:
        yield peer


async def walked(session: NSession, *keys: str, known: Known) -> list[NResult]:
    """Send templates over one association, each filled in from the answers before it."""
    results = []
    for key in keys:
        result = await session.send(BY_KEY[key].make(known).request(), keep=True)
        assert result.ok, (key, result.status, result.comment, result.error)
        known = learned(known, result)
        results.append(result)
    await session.release()
    return results


def references() -> tuple[Reference, ...]:
    heads = [pydicom.dcmread(path, stop_before_pixels=True) for path in real_files(CT_STUDY)]
    return tuple(Reference(str(head.SOPClassUID), str(head.SOPInstanceUID)) for head in heads)


@pytest.mark.interop("dcmprscp")
async def test_a_film_is_printed_by_dcmprscp(context: AppContext, dcmprscp: peers.Peer) -> None:
    """All on one association: state of the printer, session, film, image, print, end; DCMTK stores what it printed."""
    picture = read_picture(shipped_folder() / "test_files" / "CT_small.dcm")
    session = NSession(context, PeerAddress.parse(dcmprscp.address), ConnectionOptions())
    keys = ("printer", "film-session", "film-box", "image-box", "print", "end-session")
    results = await walked(session, *keys, known=Known(image=picture))
    assert len({result.association for result in results}) == 1
    assert not [one.findings for one in results if one.findings]
    assert results[0].dataset is not None
    assert results[0].dataset.PrinterStatus == "NORMAL"
    [image] = dcmprscp.folder.glob("HG_*.dcm")
    assert pydicom.dcmread(image).PixelData == picture.PixelData


@pytest.mark.interop("pynetdicom")
async def test_a_performed_step_of_pynetdicom(context: AppContext, provider: peers.Peer) -> None:
    session = NSession(context, PeerAddress.parse(provider.address), ConnectionOptions())
    results = await walked(session, "mpps-begin", "mpps-completed", known=Known(references=references()))
    assert results[1].dataset is not None
    assert results[1].dataset.PerformedProcedureStepStatus == "COMPLETED"
    [created] = [one for one in peers.said_by(provider.log) if one["what"] == "create"][:1]
    assert created["uid"] == results[0].sop_instance_uid


@pytest.mark.interop("pynetdicom")
async def test_a_unified_step_of_pynetdicom(context: AppContext, provider: peers.Peer) -> None:
    session = NSession(context, PeerAddress.parse(provider.address), ConnectionOptions())
    keys = ("ups-push", "ups-claim", "ups-progress", "ups-performed", "ups-complete", "ups-read", "ups-cancel")
    results = await walked(session, *keys, known=Known())
    assert len({result.association for result in results}) == 1
    assert results[5].dataset is not None
    assert results[5].dataset.ProcedureStepLabel == "Test step"


@pytest.mark.interop("pynetdicom")
async def test_all_six_operations_of_pynetdicom(context: AppContext, provider: peers.Peer) -> None:
    """One association for five of them, and one in the role of the provider for the report."""
    session = NSession(context, PeerAddress.parse(provider.address), ConnectionOptions())
    uid, film, meta = "2.25.61", "1.2.840.10008.5.1.1.1", "1.2.840.10008.5.1.1.9"

    async def ask(operation: NOperation, dataset: Dataset | None = None, **more: Any) -> NResult:
        return await session.send(NRequest(operation, film, uid, dataset, context=meta, **more), keep=True)

    assert (await ask(NOperation.CREATE, elements(NumberOfCopies="1"))).ok
    assert (await ask(NOperation.SET, elements(NumberOfCopies="2"))).ok
    read = await ask(NOperation.GET, attributes=(0x20000010,))
    assert read.dataset == elements(NumberOfCopies="2")
    assert (await ask(NOperation.ACTION, type_id=1)).ok
    assert (await ask(NOperation.DELETE)).ok
    gone = await ask(NOperation.DELETE)
    assert gone.status == 0x0112
    assert gone.findings
    await session.release()
    report = NRequest(
        NOperation.EVENT_REPORT, UPS_PUSH, "2.25.62", elements(ProcedureStepState="COMPLETED"), 1, context=UPS_EVENT
    )
    assert (await session.send(report)).ok
    said = [one for one in peers.said_by(provider.log) if one["what"] == "report" and one["uid"] == "2.25.62"]
    assert said[0]["content"] == {"ProcedureStepState": "COMPLETED"}


@pytest.mark.interop("pynetdicom")
async def test_commitment_of_pynetdicom_on_the_same_association(context: AppContext, provider: peers.Peer) -> None:
    wanted = references()
    outcome = await CommitmentJob(
        context, PeerAddress.parse(provider.address), ConnectionOptions(calling_ae="NOBODY"), CommitmentOrder.of(wanted)
    ).run()
    assert outcome.ok, outcome.text
    assert outcome.way is Way.SAME


@pytest.mark.interop("Orthanc")
@pytest.mark.parametrize("missing", [False, True], ids=["all there", "one missing"])
async def test_commitment_of_orthanc_on_an_association_of_its_own(
    context: AppContext, orthanc: peers.Orthanc, missing: bool
) -> None:
    """It opens one to the listener that runs for the answer alone."""
    orthanc.clear()
    for file in real_files(CT_STUDY):
        orthanc.put_file(file.read_bytes())
    port = peers.free_port()
    orthanc.know("COMMITTER", port)
    wanted = references() + ((Reference(references()[0].sop_class_uid, "2.25.404"),) if missing else ())
    order = CommitmentOrder.of(wanted, wait_s=peers.DEADLINE_S, listen=("127.0.0.1", port))
    address = PeerAddress.parse(orthanc.peer.address)
    outcome = await CommitmentJob(context, address, ConnectionOptions(calling_ae="COMMITTER"), order).run()
    assert outcome.state is CommitmentState.ANSWERED, outcome.text
    assert outcome.way is Way.NEW
    assert outcome.result is not None
    failed = [one.reference.sop_instance_uid for one in outcome.result.failed]
    assert failed == (["2.25.404"] if missing else [])
    assert outcome.ok is not missing
    assert not outcome.unanswered
