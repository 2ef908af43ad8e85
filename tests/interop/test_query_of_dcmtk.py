"""Our C-FIND, C-MOVE and C-GET with DCMTK's archive, our queries with its worklist, and how they are cancelled."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import peers
from helpers.certificates import Authority, client_config
from helpers.retrieval import CR_STUDY, CT_STUDY, DOE, Receiver, data_sets, elements, identifier, kept_in, real_files
from helpers.tap import Tap, messages
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from dicomgui.network import OperationTimeout, ProposedContext, Status, connect, presets, serve
from dicomgui.network.uids import DEFAULT_TRANSFER_SYNTAXES

DESTINATION = "RECEIVER"
CT, MR, CR, PLAN = (f"1.2.840.10008.5.1.4.1.1.{last}" for last in ("2", "4", "1", "481.5"))
GET = presets.for_get((CT, MR, CR, PLAN))


@pytest.fixture(scope="module")
def destination() -> int:
    """The port that the archive moves to."""
    return peers.free_port()


@pytest.fixture(scope="module")
def dcmqrscp(tmp_path_factory: pytest.TempPathFactory, destination: int) -> Iterator[peers.Peer]:
    """An archive with all of the files."""
    folder = tmp_path_factory.mktemp("dcmqrscp") / "server"
    with peers.dcmqrscp(folder, destinations={DESTINATION: destination, "NOBODY": peers.free_port()}) as peer:
        peers.fill(peer, real_files())
        yield peer


# -- C-FIND ----------------------------------------------------------------------------------------------------------


async def find(peer: peers.Peer, keys: Dataset, root: str) -> list[Dataset]:
    async with connect(peer.address, contexts=presets.QUERY) as assoc, assoc.find(keys, root=root) as op:
        found = [match.dataset async for match in op]
        assert (await op.result()).status == 0
    return found


async def go_down(peer: peers.Peer, root: str) -> None:
    """From Archibald Doe, whose name is given by a wild card, down to his images."""
    person = {"PatientID": DOE} if root == "patient" else {}
    if root == "patient":
        [patient] = await find(peer, identifier("PATIENT", PatientName="Doe^A*", PatientID=""), root)
        assert (patient.PatientID, patient.PatientName) == (DOE, "Doe^Archibald")
        keys = identifier("STUDY", PatientID=DOE, StudyInstanceUID="", StudyDate="", StudyTime="")
    else:
        keys = identifier("STUDY", PatientName="Doe^A*", PatientID="", StudyInstanceUID="", StudyDate="")
    studies = {study.StudyInstanceUID: study.StudyDate for study in await find(peer, keys, root)}
    assert studies == {CR_STUDY: "20010101", CT_STUDY: "19950903"}
    keys = identifier("SERIES", StudyInstanceUID=CR_STUDY, SeriesInstanceUID="", Modality="CR", **person)
    series = await find(peer, keys, root)
    assert [one.Modality for one in series] == ["CR"] * 3
    uid = series[0].SeriesInstanceUID
    keys = identifier("IMAGE", StudyInstanceUID=CR_STUDY, SeriesInstanceUID=uid, SOPInstanceUID="", **person)
    [image] = await find(peer, keys, root)
    assert image.SOPInstanceUID in data_sets(real_files(CR_STUDY))


@pytest.mark.interop("dcmqrscp", "storescu")
async def test_find_study_root_of_dcmqrscp(dcmqrscp: peers.Peer) -> None:
    await go_down(dcmqrscp, "study")


@pytest.mark.interop("dcmqrscp", "storescu")
async def test_find_patient_root_of_dcmqrscp(dcmqrscp: peers.Peer) -> None:
    await go_down(dcmqrscp, "patient")


@pytest.mark.interop("dcmqrscp", "storescu")
async def test_find_patient_study_only_of_dcmqrscp(dcmqrscp: peers.Peer) -> None:
    find_class = "1.2.840.10008.5.1.4.1.2.3.1"
    async with connect(dcmqrscp.address, contexts=presets.for_classes(find_class)) as assoc:
        keys = identifier("STUDY", PatientID=DOE, StudyInstanceUID="")
        async with assoc.find(keys, root="patient-study-only") as op:
            assert {match.dataset.StudyInstanceUID async for match in op} == {CR_STUDY, CT_STUDY}


@pytest.mark.interop("dcmqrscp", "storescu")
async def test_find_without_a_match_of_dcmqrscp(dcmqrscp: peers.Peer) -> None:
    assert await find(dcmqrscp, identifier("STUDY", PatientID="NOBODY", StudyInstanceUID=""), "study") == []


@pytest.mark.interop("dcmqrscp", "storescu")
async def test_find_that_dcmqrscp_refuses(dcmqrscp: peers.Peer) -> None:
    """A level that the information model does not have."""
    async with connect(dcmqrscp.address, contexts=presets.QUERY) as assoc:
        refused = await assoc.find(identifier("PATIENT", PatientID=""), root="study")
        assert refused.status.is_failure, refused
        async with assoc.find(identifier("STUDY", StudyInstanceUID="", PatientID=DOE)) as op:
            assert len([match async for match in op]) == 2, "the association is as good as before"


# -- C-MOVE ----------------------------------------------------------------------------------------------------------


@pytest.mark.interop("dcmqrscp", "storescu")
@pytest.mark.parametrize("root", ["study", "patient"])
async def test_move_of_dcmqrscp(dcmqrscp: peers.Peer, destination: int, root: str) -> None:
    receiver = Receiver()
    keys = identifier("STUDY", PatientID=DOE, StudyInstanceUID=CT_STUDY)
    async with (
        await serve(port=destination, ae_title=DESTINATION, handlers=receiver.handlers()),
        connect(dcmqrscp.address, calling_ae="MOVER", contexts=presets.QUERY) as assoc,
        assoc.move(keys, destination=DESTINATION, root=root) as op,
    ):
        told = [progress async for progress in op]
        response = await op.result()
    assert [(one.remaining, one.completed) for one in told] == [(3, 1), (2, 2), (1, 3), (0, 4)]
    assert response.status == 0
    assert response.progress is not None
    assert (response.progress.completed, response.progress.failed, response.progress.warning) == (4, 0, 0)
    assert response.failed_sop_instance_uids == ()
    assert receiver.data == data_sets(real_files(CT_STUDY))
    assert {request.command.move_originator_ae_title for request in receiver.requests} == {"MOVER"}
    assert {request.command.move_originator_message_id for request in receiver.requests} == {1}
    assert {request.facts.called_ae_title for request in receiver.requests} == {DESTINATION}


@pytest.mark.interop("dcmqrscp", "storescu")
@pytest.mark.parametrize("level", ["SERIES", "IMAGE"])
async def test_move_of_one_image_of_dcmqrscp(dcmqrscp: peers.Peer, destination: int, level: str) -> None:
    receiver = Receiver()
    [file] = [file for file in real_files() if file.name == "MR_small.dcm"]
    image = dcmread(file, specific_tags=["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"])
    keys = identifier(level, StudyInstanceUID=image.StudyInstanceUID, SeriesInstanceUID=image.SeriesInstanceUID)
    if level == "IMAGE":
        keys.SOPInstanceUID = image.SOPInstanceUID
    async with (
        await serve(port=destination, ae_title=DESTINATION, handlers=receiver.handlers()),
        connect(dcmqrscp.address, contexts=presets.QUERY) as assoc,
    ):
        assert (await assoc.move(keys, destination=DESTINATION)).status == 0
    [(uid, data)] = receiver.data.items()
    assert data_sets([file])[uid].startswith(data), "which has left out the trailing padding when it took it in"
    assert len(data) > 9000


@pytest.mark.interop("dcmqrscp", "storescu")
async def test_move_to_a_stranger_of_dcmqrscp(dcmqrscp: peers.Peer) -> None:
    async with connect(dcmqrscp.address, contexts=presets.QUERY) as assoc:
        keys = identifier("STUDY", StudyInstanceUID=CT_STUDY)
        response = await assoc.move(keys, destination="STRANGER")
    assert response.status == 0xA801
    assert response.status.is_failure


@pytest.mark.interop("dcmqrscp", "storescu")
async def test_move_with_failures_of_dcmqrscp(dcmqrscp: peers.Peer, destination: int) -> None:
    images = data_sets(real_files(CT_STUDY))
    refused = sorted(images)[1:3]
    receiver = Receiver(dict.fromkeys(refused, 0xA700))
    async with (
        await serve(port=destination, ae_title=DESTINATION, handlers=receiver.handlers()),
        connect(dcmqrscp.address, contexts=presets.QUERY) as assoc,
    ):
        response = await assoc.move(identifier("STUDY", StudyInstanceUID=CT_STUDY), destination=DESTINATION)
    assert response.status.is_warning
    assert response.status == 0xB000
    assert response.progress is not None
    assert (response.progress.completed, response.progress.failed) == (2, 2)
    assert sorted(response.failed_sop_instance_uids) == refused


@pytest.mark.interop("dcmqrscp", "storescu")
async def test_cancel_move_of_dcmqrscp(dcmqrscp: peers.Peer, destination: int) -> None:
    receiver = Receiver()
    receiver.gate.clear()
    async with (
        await serve(port=destination, ae_title=DESTINATION, handlers=receiver.handlers()),
        connect(dcmqrscp.address, contexts=presets.QUERY) as assoc,
        assoc.move(identifier("STUDY", StudyInstanceUID=CT_STUDY), destination=DESTINATION) as op,
    ):
        assert (await anext(op)).completed == 1
        response, _ = await asyncio.gather(op.cancel(), _open(receiver))
        assert assoc.is_connected
        assert (await assoc.find(identifier("STUDY", StudyInstanceUID=""))).status == 0
    assert response.status == 0xFE00
    assert response.status.is_cancel
    assert len(receiver.requests) < 4


async def _open(receiver: Receiver) -> None:
    receiver.gate.set()


# -- C-GET -----------------------------------------------------------------------------------------------------------


@pytest.mark.interop("dcmqrscp", "storescu")
@pytest.mark.parametrize("root", ["study", "patient"])
async def test_get_of_dcmqrscp(dcmqrscp: peers.Peer, tmp_path: Path, root: str) -> None:
    keys = identifier("STUDY", PatientID=DOE, StudyInstanceUID=CR_STUDY)
    async with (
        connect(dcmqrscp.address, contexts=GET) as assoc,
        assoc.get(keys, into=tmp_path, root=root) as op,
    ):
        told = [progress async for progress in op]
        response = await op.result()
    assert [one.completed for one in told] == [1, 2, 3]
    assert response.status == 0
    assert response.progress is not None
    assert response.progress.completed == 3
    assert kept_in(tmp_path) == data_sets(real_files(CR_STUDY))


@pytest.mark.interop("dcmqrscp", "storescu")
async def test_get_with_failures_of_dcmqrscp(dcmqrscp: peers.Peer) -> None:
    images = sorted(data_sets(real_files(CR_STUDY)))
    receiver = Receiver({images[0]: 0xA700})
    async with connect(dcmqrscp.address, contexts=GET) as assoc:
        response = await assoc.get(identifier("STUDY", StudyInstanceUID=CR_STUDY), into=receiver.handlers())
    assert response.status == 0xB000
    assert response.progress is not None
    assert (response.progress.completed, response.progress.failed) == (2, 1)
    assert response.failed_sop_instance_uids == (images[0],)
    assert sorted(receiver.data) == images


@pytest.mark.interop("dcmqrscp", "storescu")
async def test_get_without_a_storage_context_of_dcmqrscp(dcmqrscp: peers.Peer, tmp_path: Path) -> None:
    """We cannot take what we never offered to take."""
    async with connect(dcmqrscp.address, contexts=presets.for_get((MR,))) as assoc:
        response = await assoc.get(identifier("STUDY", StudyInstanceUID=CR_STUDY), into=tmp_path)
        assert response.status.is_failure or response.status.is_warning
        assert response.progress is not None
        assert (response.progress.completed, response.progress.failed) == (0, 3)
        assert assoc.is_connected
    assert not kept_in(tmp_path)


@pytest.mark.interop("dcmqrscp", "storescu")
async def test_cancel_get_of_dcmqrscp(dcmqrscp: peers.Peer) -> None:
    receiver = Receiver()
    receiver.gate.clear()
    async with (
        connect(dcmqrscp.address, contexts=GET) as assoc,
        assoc.get(identifier("STUDY", StudyInstanceUID=CT_STUDY), into=receiver.handlers()) as op,
    ):
        assert (await anext(op)).completed == 1
        response, _ = await asyncio.gather(op.cancel(), _open(receiver))
        assert assoc.is_connected
    assert response.status == 0xFE00
    assert len(receiver.requests) < 4


# -- the worklist ----------------------------------------------------------------------------------------------------


def item(number: int) -> Dataset:
    """A worklist item with all that wlmscpfs asks of one."""
    step = elements(
        Modality="MR" if number % 2 else "CT",
        ScheduledStationAETitle="SCANNER",
        ScheduledProcedureStepStartDate=f"202401{number:02}",
        ScheduledProcedureStepStartTime="083000",
        ScheduledPerformingPhysicianName="Curie^Marie",
        ScheduledProcedureStepDescription="Head",
        ScheduledProcedureStepID=f"STEP{number}",
    )
    return elements(
        AccessionNumber=f"A{number}",
        PatientName=f"Worklist^{number}",
        PatientID=f"W{number}",
        PatientBirthDate="19700101",
        PatientSex="O",
        StudyInstanceUID=f"2.25.100.{number}",
        RequestedProcedureID=f"R{number}",
        RequestedProcedureDescription="Head",
        ScheduledProcedureStepSequence=Items([step]),
    )


def worklist_keys(**step: object) -> Dataset:
    wanted = {"ScheduledProcedureStepStartDate": "", "Modality": "", "ScheduledProcedureStepID": "", **step}
    return elements(PatientName="", PatientID="", ScheduledProcedureStepSequence=Items([elements(**wanted)]))


@pytest.fixture(scope="module")
def wlmscpfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[peers.Peer]:
    items = [item(number) for number in range(1, 6)]
    with peers.wlmscpfs(tmp_path_factory.mktemp("wlmscpfs") / "data", items) as peer:
        yield peer


@pytest.mark.interop("wlmscpfs")
async def test_worklist_of_wlmscpfs(wlmscpfs: peers.Peer) -> None:
    keys = worklist_keys(Modality="MR", ScheduledProcedureStepStartDate="20240102-20240104")
    async with (
        connect(wlmscpfs.address, contexts=presets.WORKLIST) as assoc,
        assoc.find(keys, root="worklist") as op,
    ):
        [match] = [match.dataset async for match in op]
        assert (await op.result()).status == 0
    assert (match.PatientName, match.PatientID) == ("Worklist^3", "W3")
    [step] = match.ScheduledProcedureStepSequence
    assert (step.ScheduledProcedureStepID, step.Modality) == ("STEP3", "MR")


@pytest.mark.interop("wlmscpfs")
async def test_b24_worklist_of_wlmscpfs_is_asked_without_a_level(wlmscpfs: peers.Peer) -> None:
    """Neither is (0008,0052) sent, nor is the identifier changed."""
    keys = worklist_keys()
    before = keys.to_json()
    async with (
        Tap(wlmscpfs.port) as tap,
        connect(f"{wlmscpfs.ae_title}@{peers.LOOPBACK}:{tap.port}", contexts=presets.WORKLIST) as assoc,
        assoc.find(keys, root="worklist") as op,
    ):
        assert len([match async for match in op]) == 5
    assert keys.to_json() == before
    [query] = [one for one in messages(bytes(tap.conversations[0].sent)) if one.field == 0x0020]
    assert struct.pack("<HH", 0x0008, 0x0052) not in query.dataset
    assert struct.pack("<HH", 0x0040, 0x0100) in query.dataset


@pytest.mark.interop("wlmscpfs")
async def test_pending_warning_of_wlmscpfs(wlmscpfs: peers.Peer) -> None:
    """A key that it does not match by makes every match FF01, which is a match like any other."""
    keys = worklist_keys()
    keys.StudyDescription = "Head"
    async with (
        connect(wlmscpfs.address, contexts=presets.WORKLIST) as assoc,
        assoc.find(keys, root="worklist") as op,
    ):
        found = [match async for match in op]
        assert (await op.result()).status == 0
    assert [match.status for match in found] == [Status(0xFF01)] * 5
    assert {match.dataset.PatientID for match in found} == {f"W{number}" for number in range(1, 6)}


@pytest.fixture(scope="module")
def slow_wlmscpfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[peers.Peer]:
    """It takes a second before each answer, and looks for a C-CANCEL after it."""
    items = [item(number) for number in range(1, 9)]
    with peers.wlmscpfs(tmp_path_factory.mktemp("slow") / "data", items, "--sleep-during", 1) as peer:
        yield peer


@pytest.mark.interop("wlmscpfs")
async def test_cancel_find_of_wlmscpfs(slow_wlmscpfs: peers.Peer) -> None:
    """Given time, it tells by FE00 that it was cancelled, and the association goes on."""
    async with connect(slow_wlmscpfs.address, contexts=presets.WORKLIST) as assoc:
        async with assoc.find(worklist_keys(), root="worklist") as op:
            assert (await anext(op)).dataset.PatientID.startswith("W")
            response = await op.cancel(within_s=peers.DEADLINE_S)
        assert assoc.is_connected
        assert (await assoc.find(worklist_keys(Modality="XX"), root="worklist")).status == 0
    assert response.status == 0xFE00
    assert response.status.is_cancel


@pytest.mark.interop("wlmscpfs")
async def test_cancel_find_of_wlmscpfs_that_takes_too_long(slow_wlmscpfs: peers.Peer) -> None:
    """It needs a second or two to take notice: we end the association, and it serves the next one."""
    async with connect(slow_wlmscpfs.address, contexts=presets.WORKLIST) as assoc:
        async with assoc.find(worklist_keys(), root="worklist") as op:
            await anext(op)
            with pytest.raises(OperationTimeout, match=r"within 0\.1 s"):
                await op.cancel(within_s=0.1)
        assert not assoc.is_connected
    async with connect(slow_wlmscpfs.address, contexts=presets.WORKLIST) as assoc:
        assert (await assoc.find(worklist_keys(Modality="XX"), root="worklist")).status == 0


# -- over TLS --------------------------------------------------------------------------------------------------------


@pytest.mark.interop("dcmqrscp", "storescu")
async def test_find_and_get_over_tls_of_dcmqrscp(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    theirs, ours = authority.issue(), authority.issue("client.example")
    flags = ("+tls", theirs.key, theirs.cert, "+cf", authority.file)
    with peers.dcmqrscp(tmp_path / "dcmqrscp", *flags) as peer:
        peers.fill(peer, real_files(), "+tls", ours.key, ours.cert, "+cf", authority.file)
        contexts = GET + presets.QUERY[:1]
        async with connect(peer.address, contexts=contexts, tls=client_config(authority, ours)) as assoc:
            async with assoc.find(identifier("STUDY", PatientID=DOE, StudyInstanceUID="")) as op:
                assert {match.dataset.StudyInstanceUID async for match in op} == {CR_STUDY, CT_STUDY}
            keys = identifier("STUDY", StudyInstanceUID=CT_STUDY)
            assert (await assoc.get(keys, into=tmp_path / "got")).status == 0
    assert kept_in(tmp_path / "got") == data_sets(real_files(CT_STUDY))


@pytest.mark.interop("dcmqrscp", "storescu")
async def test_many_operations_on_one_association_of_dcmqrscp(dcmqrscp: peers.Peer, tmp_path: Path) -> None:
    """Echo, find, get, find: each waits for its turn, as the window is one."""
    echo = (ProposedContext("1.2.840.10008.1.1", DEFAULT_TRANSFER_SYNTAXES),)
    keys = identifier("STUDY", PatientID=DOE, StudyInstanceUID="")
    async with connect(dcmqrscp.address, contexts=echo + presets.QUERY[:1] + GET) as assoc:
        done = await asyncio.gather(
            assoc.echo(),
            assoc.find(keys).result(),
            assoc.get(identifier("STUDY", StudyInstanceUID=CR_STUDY), into=tmp_path).result(),
            assoc.find(keys).result(),
            assoc.echo(),
        )
    assert [response.status for response in done] == [Status(0)] * 5
