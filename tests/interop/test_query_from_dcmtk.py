"""DCMTK's findscu, movescu and getscu with our provider: what they were answered, sent, and told at a cancel."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from helpers import peers
from helpers.certificates import Authority, server_config
from helpers.instances import shipped_folder
from helpers.retrieval import CR_STUDY, CT_STUDY, DOE, ENDLESS, UNSUPPORTED, Archive, data_sets, kept_in, real_files
from pydicom.dataset import Dataset

from dicomgui.network import PeerAddress, Server, ServerOptions, serve
from dicomgui.network.association.params import AETitle
from dicomgui.network.server.offering import policy_for
from dicomgui.network.service import Handlers

US = "PACS"


@contextlib.asynccontextmanager
async def serving(archive: Archive, handlers: Handlers | None = None, **options: Any) -> AsyncIterator[Server]:
    """Our provider of query and retrieve."""
    handlers = handlers or archive.handlers()
    made = ServerOptions(policy=policy_for(handlers, AETitle(US)), **options)
    async with await serve(port=0, ae_title=US, handlers=handlers, options=made) as server:
        yield server


@pytest.fixture
def archive() -> Archive:
    return Archive(real_files())


def keys(*pairs: str) -> list[str]:
    """Keys as arguments."""
    return [part for pair in pairs for part in ("-k", pair)]


def responses(folder: Path) -> list[Dataset]:
    """What findscu wrote into a folder, in the order of the responses."""
    return [pydicom.dcmread(path, force=True) for path in sorted(folder.glob("rsp*.dcm"))]


# -- findscu ---------------------------------------------------------------------------------------------------------


async def findscu(server: Server, *arguments: object, folder: Path) -> peers.Finished:
    common = ("-v", "-aec", US, "-X", "-od", folder)
    return await peers.run("findscu", *common, *arguments, peers.LOOPBACK, server.port)


@pytest.mark.interop("findscu")
async def test_find_study_root_from_findscu(archive: Archive, tmp_path: Path) -> None:
    wanted = keys("QueryRetrieveLevel=STUDY", f"PatientID={DOE}", "StudyInstanceUID=", "StudyDate=", "PatientName=Doe*")
    async with serving(archive) as server:
        done = await findscu(server, "-S", *wanted, folder=tmp_path)
    assert done.code == 0, str(done)
    assert "Received Final Find Response (Success)" in done.output, str(done)
    found = {one.StudyInstanceUID: (one.StudyDate, one.PatientName) for one in responses(tmp_path)}
    assert found == {CR_STUDY: ("20010101", "Doe^Archibald"), CT_STUDY: ("19950903", "Doe^Archibald")}
    [request] = archive.finds
    assert request.command.affected_sop_class_uid == "1.2.840.10008.5.1.4.1.2.2.1"
    assert request.facts.calling_ae_title == "FINDSCU"


@pytest.mark.interop("findscu")
@pytest.mark.parametrize(
    ("level", "count"), [("PATIENT", 1), ("STUDY", 2), ("SERIES", 4), ("IMAGE", 7)], ids=lambda value: str(value)
)
async def test_find_patient_root_from_findscu(archive: Archive, tmp_path: Path, level: str, count: int) -> None:
    wanted = keys(f"QueryRetrieveLevel={level}", f"PatientID={DOE}", "SeriesInstanceUID=", "SOPInstanceUID=")
    async with serving(archive) as server:
        done = await findscu(server, "-P", *wanted, folder=tmp_path)
    assert done.code == 0, str(done)
    assert len(responses(tmp_path)) == count
    assert {one.QueryRetrieveLevel for one in responses(tmp_path)} == {level}


@pytest.mark.interop("findscu")
async def test_find_patient_study_only_from_findscu(archive: Archive, tmp_path: Path) -> None:
    async with serving(archive) as server:
        wanted = keys("QueryRetrieveLevel=STUDY", f"PatientID={DOE}", "StudyInstanceUID=")
        done = await findscu(server, "-O", *wanted, folder=tmp_path)
    assert done.code == 0, str(done)
    assert {one.StudyInstanceUID for one in responses(tmp_path)} == {CR_STUDY, CT_STUDY}


@pytest.mark.interop("findscu")
async def test_worklist_from_findscu(archive: Archive, tmp_path: Path) -> None:
    asked: list[Dataset] = []

    async def answer(request: Any) -> AsyncIterator[Dataset]:
        asked.append(request.dataset)
        step = Dataset()
        step.ScheduledStationAETitle = "SCANNER"
        for number in range(3):
            item = Dataset()
            item.PatientID = f"W{number}"
            item.ScheduledProcedureStepSequence = [step]
            yield item

    async with serving(archive, Handlers(on_find=answer)) as server:
        wanted = keys("PatientID=", "ScheduledProcedureStepSequence[0].ScheduledStationAETitle=SCANNER")
        done = await findscu(server, "-W", *wanted, folder=tmp_path)
    assert done.code == 0, str(done)
    assert [one.PatientID for one in responses(tmp_path)] == ["W0", "W1", "W2"]
    steps = [one.ScheduledProcedureStepSequence[0].ScheduledStationAETitle for one in responses(tmp_path)]
    assert steps == ["SCANNER"] * 3
    assert asked[0].ScheduledProcedureStepSequence[0].ScheduledStationAETitle == "SCANNER"


@pytest.mark.interop("findscu")
async def test_cancel_find_from_findscu(archive: Archive, tmp_path: Path) -> None:
    async with serving(archive) as server:
        wanted = keys("QueryRetrieveLevel=STUDY", f"PatientID={ENDLESS}")
        done = await findscu(server, "-S", "--cancel", 5, "-Xlo", 5, *wanted, folder=tmp_path)
        [request] = archive.finds
        assert request.is_cancelled
        assert "Sending Cancel Request" in done.output, str(done)[-2000:]
        assert "Received Final Find Response (Cancel: MatchingTerminatedDueToCancelRequest)" in done.output
    assert [one.PatientID for one in responses(tmp_path)] == ["1", "2", "3", "4", "5"]


@pytest.mark.interop("findscu")
async def test_pending_warning_from_findscu(archive: Archive, tmp_path: Path) -> None:
    async with serving(archive) as server:
        wanted = keys("QueryRetrieveLevel=STUDY", f"PatientID={UNSUPPORTED}")
        done = await findscu(server, "-d", "-S", *wanted, folder=tmp_path)
    assert done.code == 0, str(done)
    assert "0xff01: Pending: Matches are continuing - Warning: Unsupported optional keys" in done.output, str(done)
    assert len(responses(tmp_path)) == 1


@pytest.mark.interop("findscu")
@pytest.mark.parametrize("option", ["-xi", "-xe", "-xb", "-xd"], ids=["implicit", "explicit", "big endian", "deflated"])
async def test_find_in_each_transfer_syntax_from_findscu(archive: Archive, tmp_path: Path, option: str) -> None:
    async with serving(archive) as server:
        wanted = keys("QueryRetrieveLevel=PATIENT", "PatientID=", "PatientName=Doe*")
        done = await findscu(server, "-P", option, *wanted, folder=tmp_path)
    assert done.code == 0, str(done)
    assert [one.PatientName for one in responses(tmp_path)] == ["Doe^Archibald"]


@pytest.mark.interop("findscu", "getscu")
async def test_find_and_get_over_tls_from_findscu_and_getscu(archive: Archive, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    theirs = authority.issue("client.example")
    trust = ("+tls", theirs.key, theirs.cert, "+cf", authority.file)
    folder = tmp_path / "got"
    folder.mkdir()
    async with serving(archive, tls=server_config(authority.issue(), authority)) as server:
        wanted = keys("QueryRetrieveLevel=STUDY", f"PatientID={DOE}", "StudyInstanceUID=")
        done = await findscu(server, "-S", *trust, *wanted, folder=tmp_path)
        assert done.code == 0, str(done)
        done = await getscu(server, "-S", *trust, *study(CT_STUDY), folder=folder)
        assert done.code == 0, str(done)
    assert {one.StudyInstanceUID for one in responses(tmp_path)} == {CR_STUDY, CT_STUDY}
    assert kept_in(folder) == data_sets(real_files(CT_STUDY))


# -- getscu ----------------------------------------------------------------------------------------------------------


def study(uid: str) -> list[str]:
    return keys("QueryRetrieveLevel=STUDY", f"PatientID={DOE}", f"StudyInstanceUID={uid}")


async def getscu(server: Server, *arguments: object, folder: Path) -> peers.Finished:
    common = ("-d", "-aec", US, "+B", "-od", folder)
    return await peers.run("getscu", *common, *arguments, peers.LOOPBACK, server.port)


@pytest.mark.interop("getscu")
@pytest.mark.parametrize("root", ["-P", "-S", "-O"], ids=["patient", "study", "patient-study-only"])
async def test_get_from_getscu(archive: Archive, tmp_path: Path, root: str) -> None:
    async with serving(archive) as server:
        done = await getscu(server, root, *study(CR_STUDY), folder=tmp_path)
    assert done.code == 0, str(done)
    assert kept_in(tmp_path) == data_sets(real_files(CR_STUDY))
    assert "Completed Suboperations       : 3" in done.output, str(done)
    assert "0x0000: Success" in done.output


@pytest.mark.interop("getscu")
async def test_get_with_failures_from_getscu(archive: Archive, tmp_path: Path) -> None:
    """An instance that is gone from the disk, and one whose syntax it does not take.

    It counts them; the list of those that failed it leaves unread.
    """
    compressed = shipped_folder() / "test_files" / "JPEG2000.dcm"
    there = real_files(CT_STUDY)
    answer = [there[0], tmp_path / "gone.dcm", compressed, there[1]]
    folder = tmp_path / "got"
    folder.mkdir()
    async with serving(archive, Handlers(on_get=lambda _: answer)) as server:
        done = await getscu(server, "-S", *study(CT_STUDY), folder=folder)
    assert kept_in(folder) == data_sets([there[0], there[1]])
    assert "0xb000: Warning: Sub-operations complete - One or more failures" in done.output, str(done)
    assert "Completed Suboperations       : 2" in done.output
    assert "Failed Suboperations          : 2" in done.output


@pytest.mark.interop("getscu")
async def test_get_of_compressed_images_from_getscu(archive: Archive, tmp_path: Path) -> None:
    compressed = shipped_folder() / "test_files" / "JPEG2000.dcm"
    async with serving(archive, Handlers(on_get=lambda _: [compressed])) as server:
        done = await getscu(server, "-S", "+xw", *study(CT_STUDY), folder=tmp_path)
    assert done.code == 0, str(done)
    assert kept_in(tmp_path) == data_sets([compressed])


@pytest.mark.interop("getscu")
async def test_get_that_we_refuse_from_getscu(archive: Archive, tmp_path: Path) -> None:
    async with serving(archive) as server:
        done = await getscu(server, "-S", *keys("QueryRetrieveLevel=STUDY"), folder=tmp_path)
    assert "0xa900" in done.output.lower(), str(done)
    assert not kept_in(tmp_path)


# -- movescu ---------------------------------------------------------------------------------------------------------


async def movescu(server: Server, *arguments: object) -> peers.Finished:
    return await peers.run("movescu", "-d", "-aec", US, *arguments, peers.LOOPBACK, server.port)


@pytest.mark.interop("movescu")
@pytest.mark.parametrize("root", ["-P", "-S"], ids=["patient", "study"])
async def test_move_to_itself_from_movescu(archive: Archive, tmp_path: Path, root: str) -> None:
    port = peers.free_port()
    own = {"MOVESCU": PeerAddress(AETitle("MOVESCU"), peers.LOOPBACK, port)}
    async with serving(archive, destinations=own) as server:
        done = await movescu(server, root, *study(CT_STUDY), "-aem", "MOVESCU", "+P", port, "+B", "-od", tmp_path)
    assert done.code == 0, str(done)
    assert kept_in(tmp_path) == data_sets(real_files(CT_STUDY))
    assert "Completed Suboperations       : 4" in done.output, str(done)
    assert "Move Originator AE Title      : MOVESCU" in done.output


@pytest.mark.interop("movescu", "storescp")
async def test_move_to_storescp_from_movescu(archive: Archive, tmp_path: Path) -> None:
    """Three parties: who asks, who answers, and who receives."""
    with peers.storescp(tmp_path / "third", "-d") as third:
        destinations = {third.ae_title: PeerAddress.parse(third.address)}
        async with serving(archive, destinations=destinations) as server:
            done = await movescu(server, "-S", *study(CR_STUDY), "-aem", third.ae_title)
        assert done.code == 0, str(done)
        assert kept_in(third.folder) == data_sets(real_files(CR_STUDY))
        assert third.log.count("Move Originator AE Title      : MOVESCU") == 3
        assert "Calling Application Name:    PACS" in third.log
    for number in (1, 2, 3):
        assert f"Completed Suboperations       : {number}" in done.output, str(done)


@pytest.mark.interop("movescu", "storescp")
async def test_move_to_a_storescp_that_takes_implicit_vr_only(archive: Archive, tmp_path: Path) -> None:
    """PS3.5 10.1: nothing else must be taken. dcmqrscp delivers all of them, too."""
    with peers.storescp(tmp_path / "third", "+xi") as third:
        destinations = {third.ae_title: PeerAddress.parse(third.address)}
        async with serving(archive, destinations=destinations) as server:
            done = await movescu(server, "-S", *study(CT_STUDY), "-aem", third.ae_title)
        assert done.code == 0, str(done)
        kept = {one.SOPInstanceUID: one for one in map(pydicom.dcmread, third.folder.iterdir())}
    sources = {one.SOPInstanceUID: one for one in map(pydicom.dcmread, real_files(CT_STUDY))}
    assert {one.file_meta.TransferSyntaxUID for one in kept.values()} == {"1.2.840.10008.1.2"}
    assert {uid: one.PixelData for uid, one in kept.items()} == {uid: one.PixelData for uid, one in sources.items()}


@pytest.mark.interop("movescu", "storescp")
async def test_move_with_failures_from_movescu(archive: Archive, tmp_path: Path) -> None:
    """The third party takes no compressed image, and one file is gone."""
    compressed = shipped_folder() / "test_files" / "JPEG2000.dcm"
    first = real_files(CT_STUDY)[0]
    answer = [first, compressed, tmp_path / "gone.dcm"]
    with peers.storescp(tmp_path / "third") as third:
        destinations = {third.ae_title: PeerAddress.parse(third.address)}
        async with serving(archive, Handlers(on_move=lambda _: answer), destinations=destinations) as server:
            done = await movescu(server, "-S", *study(CT_STUDY), "-aem", third.ae_title)
        assert kept_in(third.folder) == data_sets([first])
    assert "0xb000: Warning: Sub-operations complete - One or more failures" in done.output, str(done)
    assert "Completed Suboperations       : 1" in done.output
    assert "Failed Suboperations          : 2" in done.output
    assert "Failed SOP Instance UID List" in done.output or "FailedSOPInstanceUIDList" in done.output


@pytest.mark.interop("movescu")
async def test_move_to_a_stranger_from_movescu(archive: Archive) -> None:
    async with serving(archive) as server:
        done = await movescu(server, "-S", *study(CT_STUDY), "-aem", "STRANGER")
    assert "0xa801: Refused: Move Destination unknown" in done.output, str(done)


@pytest.mark.interop("movescu")
async def test_move_to_nobody_from_movescu(archive: Archive) -> None:
    """The destination is known and nobody listens there: all four have failed."""
    nobody = {"NOBODY": PeerAddress(AETitle("NOBODY"), peers.LOOPBACK, peers.free_port())}
    async with serving(archive, destinations=nobody) as server:
        done = await movescu(server, "-S", *study(CT_STUDY), "-aem", "NOBODY")
    assert "0xa702: Refused: Out of resources - Unable to perform sub-operations" in done.output, str(done)
    assert "Failed Suboperations          : 4" in done.output


@pytest.mark.interop("movescu", "storescp")
async def test_cancel_move_from_movescu(archive: Archive, tmp_path: Path) -> None:
    with peers.storescp(tmp_path / "third", "--ignore") as third:
        destinations = {third.ae_title: PeerAddress.parse(third.address)}
        async with serving(archive, destinations=destinations) as server:
            wanted = keys("QueryRetrieveLevel=PATIENT", f"PatientID={ENDLESS}")
            done = await movescu(server, "-P", "--cancel", 3, *wanted, "-aem", third.ae_title)
            [request] = archive.retrieves
            assert request.is_cancelled
    assert "0xfe00: Cancel: Sub-operations terminated due to Cancel Indication" in done.output, str(done)[-3000:]
    assert "Completed Suboperations       : 3" in done.output
