"""Our C-FIND, C-MOVE and C-GET with Orthanc, and Orthanc's with our provider; it is told what to do over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pydicom
import pytest
from helpers import peers
from helpers.instances import shipped_folder
from helpers.retrieval import CR_STUDY, CT_STUDY, DOE, Archive, Receiver, data_sets, identifier, kept_in, real_files
from pydicom.dataset import Dataset

from dicomgui.network import FindRequest, Handlers, PeerAddress, Server, ServerOptions, Status, connect, presets, serve
from dicomgui.network.association.params import AETitle
from dicomgui.network.server.offering import policy_for
from dicomgui.network.tracing import Record
from dicomgui.trace.diagnosis.diagnose import diagnose

CT, MR, CR, SC = (f"1.2.840.10008.5.1.4.1.1.{last}" for last in ("2", "4", "1", "7"))
EXPLICIT, JPEG_2000 = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.91"
COMPRESSED = shipped_folder() / "test_files" / "JPEG2000.dcm"
US = "OURS"
pytestmark = pytest.mark.interop("Orthanc")


@pytest.fixture(scope="module")
def archive(orthanc: peers.Orthanc) -> Iterator[peers.Orthanc]:
    """Orthanc with the real files."""
    orthanc.clear()
    for file in (*real_files(), COMPRESSED):
        orthanc.put_file(file.read_bytes())
    yield orthanc
    orthanc.clear()


async def tell(orthanc: peers.Orthanc, path: str, body: object = None, **more: str) -> Any:
    """Have it do something while our own provider is at work."""
    return await asyncio.to_thread(orthanc.ask, path, body, **more)


# -- our queries and retrieves ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("root", "level", "count"),
    [("patient", "PATIENT", 1), ("study", "STUDY", 2), ("patient", "SERIES", 4), ("study", "IMAGE", 7)],
)
async def test_find_of_orthanc(archive: peers.Orthanc, root: str, level: str, count: int) -> None:
    uids = dict.fromkeys(("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"), "")
    keys = identifier(level, PatientID=DOE, PatientName="DOE*", **uids)
    async with (
        connect(archive.peer.address, contexts=presets.QUERY) as assoc,
        assoc.find(keys, root=root) as op,
    ):
        found = [match.dataset async for match in op]
        assert (await op.result()).status == 0
    assert len(found) == count
    assert {str(one.PatientName) for one in found} == {"Doe^Archibald"}


async def test_get_of_orthanc_with_failures_and_the_next_study(archive: peers.Orthanc, tmp_path: Path) -> None:
    """Its list of failed instances comes in the fragment of the command set; the association goes on."""
    records: list[Record] = []
    failing = Handlers(on_store=lambda request, result: Status(0xA700))
    contexts = presets.for_get((CT, CR), (EXPLICIT,))
    async with connect(archive.peer.address, contexts=contexts, tracer=records.append) as assoc:
        failed = await assoc.get(identifier("STUDY", StudyInstanceUID=CT_STUDY), into=failing)
        async with assoc.get(identifier("STUDY", StudyInstanceUID=CR_STUDY), into=tmp_path) as op:
            assert [progress.failed async for progress in op] == [0, 0, 0]
            response = await op.result()
    assert (failed.status, response.status) == (0xA702, 0)
    assert set(failed.failed_sop_instance_uids) == set(data_sets(real_files(CT_STUDY)))
    assert kept_in(tmp_path) == data_sets(real_files(CR_STUDY))
    [odd] = [finding for finding in diagnose(records) if finding.code == "odd-command"]
    assert "the data set stands behind the command set" in odd.what


@pytest.mark.parametrize("root", ["study", "patient"])
async def test_get_of_orthanc(archive: peers.Orthanc, tmp_path: Path, root: str) -> None:
    contexts = presets.for_get((CT, CR), (EXPLICIT,))
    keys = identifier("STUDY", PatientID=DOE, StudyInstanceUID=CT_STUDY)
    async with (
        connect(archive.peer.address, contexts=contexts) as assoc,
        assoc.get(keys, into=tmp_path, root=root) as op,
    ):
        told = [progress.completed async for progress in op]
        response = await op.result()
    assert response.status == 0, response
    assert response.progress is not None
    assert response.progress.completed == 4
    assert told == sorted(told)
    assert kept_in(tmp_path) == data_sets(real_files(CT_STUDY))


async def test_get_of_a_compressed_image_of_orthanc(archive: peers.Orthanc, tmp_path: Path) -> None:
    async with connect(archive.peer.address, contexts=presets.for_get((SC,), (JPEG_2000,))) as assoc:
        response = await assoc.get(identifier("PATIENT", PatientID="8NM1"), into=tmp_path, root="patient")
    assert response.status == 0, response
    [uid] = kept_in(tmp_path)
    kept, sent = pydicom.dcmread(tmp_path / f"{uid}.dcm"), pydicom.dcmread(COMPRESSED)
    assert kept.file_meta.TransferSyntaxUID == JPEG_2000
    assert (kept.SOPInstanceUID, kept.PixelData) == (sent.SOPInstanceUID, sent.PixelData)


@pytest.mark.parametrize("root", ["study", "patient"])
async def test_move_of_orthanc(archive: peers.Orthanc, root: str) -> None:
    receiver = Receiver()
    async with await serve(port=0, ae_title="RECEIVER", handlers=receiver.handlers()) as server:
        archive.know("RECEIVER", server.port)
        keys = identifier("STUDY", PatientID=DOE, StudyInstanceUID=CR_STUDY)
        async with connect(archive.peer.address, calling_ae="MOVER", contexts=presets.QUERY) as assoc:
            response = await assoc.move(keys, destination="RECEIVER", root=root)
    assert response.status == 0, response
    assert response.progress is not None
    assert (response.progress.completed, response.progress.failed) == (3, 0)
    assert receiver.data == data_sets(real_files(CR_STUDY))
    assert {request.command.move_originator_ae_title for request in receiver.requests} == {"MOVER"}


async def test_move_to_a_stranger_of_orthanc(archive: peers.Orthanc) -> None:
    async with connect(archive.peer.address, contexts=presets.QUERY) as assoc:
        response = await assoc.move(identifier("STUDY", StudyInstanceUID=CT_STUDY), destination="STRANGER")
    assert response.status.is_failure, response


# -- Orthanc's queries and retrieves with us -------------------------------------------------------------------------


@asynccontextmanager
async def ours(orthanc: peers.Orthanc, handlers: Handlers, **modality: object) -> AsyncIterator[Server]:
    """Our provider, which Orthanc knows, and that knows Orthanc."""
    destinations = {"ORTHANC": PeerAddress(AETitle("ORTHANC"), peers.LOOPBACK, orthanc.peer.port)}
    options = ServerOptions(policy_for(handlers, AETitle(US)), destinations=destinations)
    async with await serve(port=0, ae_title=US, handlers=handlers, options=options) as server:
        orthanc.know(US, server.port, **modality)
        yield server


@pytest.fixture
def empty(orthanc: peers.Orthanc) -> peers.Orthanc:
    orthanc.clear()
    return orthanc


def stored(orthanc: peers.Orthanc) -> dict[str, bytes]:
    """What it has, as data sets by SOP Instance UID."""
    return {uid: orthanc.data_set(one) for uid, one in orthanc.instances().items()}


@pytest.mark.parametrize(
    ("level", "count"), [("Patient", 1), ("Study", 2), ("Series", 4), ("Instance", 7)], ids=lambda value: str(value)
)
async def test_find_from_orthanc(empty: peers.Orthanc, level: str, count: int) -> None:
    archive = Archive(real_files())
    async with ours(empty, archive.handlers()):
        query = await tell(empty, f"/modalities/{US}/query", {"Level": level, "Query": {"PatientID": DOE}})
        answers = await asyncio.to_thread(empty.get_json, f"/queries/{query['ID']}/answers?expand")
    assert len(answers) == count
    assert {answer["0010,0020"]["Value"] for answer in answers} == {DOE}
    assert archive.finds[0].facts.calling_ae_title == "ORTHANC"


@pytest.mark.parametrize("method", ["C-GET", "C-MOVE"])
async def test_retrieve_from_orthanc(empty: peers.Orthanc, method: str) -> None:
    """It retrieves what it found; a C-MOVE goes to itself, where our own association brings it."""
    archive = Archive(real_files())
    async with ours(empty, archive.handlers()):
        wanted = {"Level": "Study", "Query": {"StudyInstanceUID": CT_STUDY}}
        query = await tell(empty, f"/modalities/{US}/query", wanted)
        job = {"TargetAet": "ORTHANC", "Full": True, "Synchronous": True, "RetrieveMethod": method}
        await tell(empty, f"/queries/{query['ID']}/retrieve", job)
        found = await asyncio.to_thread(stored, empty)
    assert found == data_sets(real_files(CT_STUDY))
    [request] = archive.retrieves
    assert type(request.command).__name__ == {"C-GET": "CGetRQ", "C-MOVE": "CMoveRQ"}[method]


async def test_move_from_orthanc(empty: peers.Orthanc) -> None:
    """To a third party, our own."""
    archive, receiver = Archive(real_files()), Receiver()
    async with await serve(port=0, ae_title="RECEIVER", handlers=receiver.handlers()) as third:
        known = {"RECEIVER": PeerAddress(AETitle("RECEIVER"), peers.LOOPBACK, third.port)}
        options = ServerOptions(policy_for(archive.handlers(), AETitle(US)), destinations=known)
        async with await serve(port=0, ae_title=US, handlers=archive.handlers(), options=options) as server:
            empty.know(US, server.port)
            job = {"Level": "Study", "TargetAet": "RECEIVER", "Synchronous": True}
            job["Resources"] = [{"StudyInstanceUID": CR_STUDY}]
            await tell(empty, f"/modalities/{US}/move", job)
    assert receiver.data == data_sets(real_files(CR_STUDY))
    assert {request.command.move_originator_ae_title for request in receiver.requests} == {"ORTHANC"}


async def test_get_from_orthanc(empty: peers.Orthanc) -> None:
    archive = Archive(real_files())
    async with ours(empty, archive.handlers()):
        job = {"Level": "Study", "Synchronous": True, "Resources": [{"StudyInstanceUID": CR_STUDY}]}
        await tell(empty, f"/modalities/{US}/get", job)
        found = await asyncio.to_thread(stored, empty)
    assert found == data_sets(real_files(CR_STUDY))


async def test_worklist_from_orthanc(empty: peers.Orthanc) -> None:
    asked: list[Dataset] = []

    async def answer(request: FindRequest) -> AsyncIterator[Dataset]:
        asked.append(request.dataset)
        for number in range(2):
            item = Dataset()
            item.PatientID = f"W{number}"
            yield item

    async with ours(empty, Handlers(on_find=answer)):
        keys = {"PatientID": "", "ScheduledProcedureStepSequence": [{"Modality": "CT"}]}
        found = await tell(empty, f"/modalities/{US}/find-worklist", keys)
    assert [one["PatientID"] for one in found] == ["W0", "W1"]
    assert asked[0].ScheduledProcedureStepSequence[0].Modality == "CT"
