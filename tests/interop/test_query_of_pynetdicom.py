"""Our C-FIND, C-MOVE and C-GET with pynetdicom's provider: statuses, cancels, and a compressed image."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import peers
from helpers.instances import shipped_folder
from helpers.retrieval import CR_STUDY, CT_STUDY, DOE, Receiver, data_sets, identifier, kept_in, real_files

from dicomgui.network import DimseFailure, connect, presets, serve

CT, MR, CR, PLAN, SC = (f"1.2.840.10008.5.1.4.1.1.{last}" for last in ("2", "4", "1", "481.5", "7"))
JPEG_2000 = "1.2.840.10008.1.2.4.91"
EXPLICIT = "1.2.840.10008.1.2.1"
GET = presets.for_get((CT, MR, CR, PLAN), (EXPLICIT,))
COMPRESSED = shipped_folder() / "test_files" / "JPEG2000.dcm"
pytestmark = pytest.mark.interop("pynetdicom")


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[peers.Peer]:
    folder = tmp_path_factory.mktemp("pynetdicom") / "services"
    with peers.pynetdicom_services(folder, [*real_files(), COMPRESSED]) as peer:
        yield peer


@pytest.mark.parametrize(
    ("root", "level", "count"),
    [("patient", "PATIENT", 1), ("study", "STUDY", 2), ("patient", "SERIES", 4), ("study", "IMAGE", 7)],
)
async def test_find_of_pynetdicom(provider: peers.Peer, root: str, level: str, count: int) -> None:
    uids = dict.fromkeys(("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"), "")
    keys = identifier(level, PatientID=DOE, PatientName="", **uids)
    async with (
        connect(provider.address, contexts=presets.QUERY) as assoc,
        assoc.find(keys, root=root) as op,
    ):
        found = [match.dataset async for match in op]
        assert (await op.result()).status == 0
    assert len(found) == count
    assert {str(one.PatientName) for one in found} == {"Doe^Archibald"}


async def test_find_patient_study_only_of_pynetdicom(provider: peers.Peer) -> None:
    contexts = presets.for_classes("1.2.840.10008.5.1.4.1.2.3.1")
    async with (
        connect(provider.address, contexts=contexts) as assoc,
        assoc.find(identifier("STUDY", PatientID=DOE, StudyInstanceUID=""), root="patient-study-only") as op,
    ):
        assert {match.dataset.StudyInstanceUID async for match in op} == {CR_STUDY, CT_STUDY}


async def test_cancel_find_of_pynetdicom(provider: peers.Peer) -> None:
    async with connect(provider.address, contexts=presets.QUERY) as assoc:
        response = await assoc.find(identifier("STUDY", PatientID="SLOW")).each(lambda _: False)
        assert assoc.is_connected
        assert (await assoc.find(identifier("STUDY", PatientID="NOBODY", StudyInstanceUID=""))).status == 0
    assert response.status == 0xFE00


async def test_leaving_a_find_of_pynetdicom_early_cancels_it(provider: peers.Peer) -> None:
    before = provider.log.count('"cancelled"')
    async with connect(provider.address, contexts=presets.QUERY) as assoc:
        async with assoc.find(identifier("STUDY", PatientID="SLOW")) as op:
            async for _ in op:
                break
        assert op.is_cancelled
        assert assoc.is_connected
    assert provider.log.count('"cancelled"') == before + 1


async def test_pending_warning_of_pynetdicom(provider: peers.Peer) -> None:
    async with (
        connect(provider.address, contexts=presets.QUERY) as assoc,
        assoc.find(identifier("STUDY", PatientID="UNSUPPORTED")) as op,
    ):
        [match] = [match async for match in op]
        assert (await op.result()).status == 0
    assert match.status == 0xFF01
    assert match.status.is_pending
    assert match.dataset.PatientID == "UNSUPPORTED"


async def test_refused_find_of_pynetdicom(provider: peers.Peer) -> None:
    async with connect(provider.address, contexts=presets.QUERY) as assoc:
        response = await assoc.find(identifier("STUDY", PatientID="REFUSED"))
    assert response.status == 0xA700
    assert response.comment == "no memory left"
    assert response.offending == (0x00100020,)
    with pytest.raises(DimseFailure, match="no memory left"):
        response.raise_for_status()


@pytest.mark.parametrize("root", ["study", "patient"])
async def test_get_of_pynetdicom(provider: peers.Peer, tmp_path: Path, root: str) -> None:
    async with (
        connect(provider.address, contexts=GET) as assoc,
        assoc.get(identifier("STUDY", StudyInstanceUID=CR_STUDY), into=tmp_path, root=root) as op,
    ):
        told = [(progress.remaining, progress.completed) async for progress in op]
        response = await op.result()
    assert told == [(2, 1), (1, 2), (0, 3)]
    assert response.status == 0
    assert kept_in(tmp_path) == data_sets(real_files(CR_STUDY))


async def test_get_of_a_compressed_image_of_pynetdicom(provider: peers.Peer, tmp_path: Path) -> None:
    contexts = presets.for_get((SC,), (JPEG_2000,))
    async with connect(provider.address, contexts=contexts) as assoc:
        response = await assoc.get(identifier("PATIENT", PatientID="8NM1"), into=tmp_path, root="patient")
    assert response.status == 0
    assert kept_in(tmp_path) == data_sets([COMPRESSED])


async def test_get_with_failures_of_pynetdicom(provider: peers.Peer) -> None:
    refused, *_ = sorted(data_sets(real_files(CT_STUDY)))
    receiver = Receiver({refused: 0xC000})
    async with connect(provider.address, contexts=GET) as assoc:
        response = await assoc.get(identifier("STUDY", StudyInstanceUID=CT_STUDY), into=receiver.handlers())
    assert response.status == 0xB000
    assert response.progress is not None
    assert (response.progress.completed, response.progress.failed) == (3, 1)
    assert response.failed_sop_instance_uids == (refused,)


async def test_cancel_get_of_pynetdicom(provider: peers.Peer, tmp_path: Path) -> None:
    async with connect(provider.address, contexts=GET) as assoc:
        response = await assoc.get(identifier("PATIENT", PatientID="SLOW"), into=tmp_path).each(lambda _: False)
        assert assoc.is_connected
    assert response.status == 0xFE00
    assert response.progress is not None
    assert response.progress.completed == 1
    assert len(kept_in(tmp_path)) == 1


async def test_move_of_pynetdicom(provider: peers.Peer) -> None:
    receiver = Receiver()
    async with await serve(port=0, ae_title="RECEIVER", handlers=receiver.handlers()) as server:
        (provider.folder / "destinations.json").write_text(json.dumps({"RECEIVER": server.port}), encoding="ascii")
        keys = identifier("STUDY", StudyInstanceUID=CT_STUDY)
        async with (
            connect(provider.address, contexts=presets.QUERY) as assoc,
            assoc.move(keys, destination="RECEIVER") as op,
        ):
            told = [(progress.remaining, progress.completed) async for progress in op]
            response = await op.result()
            stranger = await assoc.move(keys, destination="STRANGER")
    assert told == [(3, 1), (2, 2), (1, 3), (0, 4)]
    assert response.status == 0
    assert receiver.data.keys() == data_sets(real_files(CT_STUDY)).keys()
    assert {request.command.move_originator_message_id for request in receiver.requests} == {1}
    assert stranger.status == 0xA801


async def test_cancel_move_of_pynetdicom(provider: peers.Peer) -> None:
    receiver = Receiver()
    async with await serve(port=0, ae_title="RECEIVER", handlers=receiver.handlers()) as server:
        (provider.folder / "destinations.json").write_text(json.dumps({"RECEIVER": server.port}), encoding="ascii")
        async with connect(provider.address, contexts=presets.QUERY) as assoc:
            keys = identifier("PATIENT", PatientID="SLOW")
            response = await assoc.move(keys, destination="RECEIVER").each(lambda _: False)
            assert assoc.is_connected
    assert response.status == 0xFE00
    assert len(receiver.requests) == 1
