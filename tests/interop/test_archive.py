"""Foreign users of our archive: what they stored they find, get and move; and the practice PACS, in any script."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pydicom
import pytest
from helpers import peers
from helpers.listening import Listen
from helpers.retrieval import CR_STUDY, CT_STUDY, DOE, UNIQUE_KEYS, Receiver, data_sets, kept_in, real_files
from pydicom.dataset import Dataset

from dicomgui.app.configuration.provided import ALL
from dicomgui.app.context import AppContext
from dicomgui.app.listening.listener import Listener
from dicomgui.app.practice.data import PATIENTS, STATIONS, practice_instances
from dicomgui.app.practice.pacs import PracticePACS
from dicomgui.network import PeerAddress, serve
from dicomgui.network.association.extended import QueryFlags

CT, MR, CR, PLAN = (f"1.2.840.10008.5.1.4.1.1.{last}" for last in ("2", "4", "1", "481.5"))
PATIENT, STUDY, PATIENT_STUDY = ("1.2.840.10008.5.1.4.1.2." + root for root in ("1.", "2.", "3."))
TODAY = date(2026, 3, 1)
RLE = "1.2.840.10008.1.2.5"


@pytest.fixture
async def archive(listen: Listen) -> AsyncIterator[Listener]:
    """Our listener, with the real files from storescu."""
    async with listen(services=ALL) as listener:
        done = await peers.run("storescu", "-R", "-aec", "OURS", peers.LOOPBACK, listener.port, *real_files())
        assert done.code == 0, str(done)
        yield listener


@pytest.fixture
async def practice(context: AppContext) -> AsyncIterator[PracticePACS]:
    pacs = PracticePACS(context, port=0, today=TODAY)
    await pacs.start()
    yield pacs
    await pacs.stop()


def keys(*pairs: str) -> list[str]:
    """Keys as arguments."""
    return [part for pair in pairs for part in ("-k", pair)]


def study(uid: str) -> list[str]:
    return keys("QueryRetrieveLevel=STUDY", f"PatientID={DOE}", f"StudyInstanceUID={uid}")


def responses(folder: Path) -> list[Dataset]:
    """What findscu wrote into a folder, in the order of the responses."""
    return [pydicom.dcmread(path, force=True) for path in sorted(folder.glob("rsp*.dcm"))]


async def findscu(port: int, *arguments: object, folder: Path, files: tuple[Path, ...] = ()) -> peers.Finished:
    common = ("-v", "-aec", "OURS", "-X", "-od", folder)
    return await peers.run("findscu", *common, *arguments, peers.LOOPBACK, port, *files)


# -- findscu ---------------------------------------------------------------------------------------------------------


@pytest.mark.interop("findscu", "storescu")
@pytest.mark.parametrize("option", ["-xi", "-xe", "-xb", "-xd"], ids=["implicit", "explicit", "big endian", "deflated"])
async def test_findscu_in_each_transfer_syntax(archive: Listener, tmp_path: Path, option: str) -> None:
    returned = ("StudyInstanceUID=", "StudyDate=", "ModalitiesInStudy=")
    wanted = keys("QueryRetrieveLevel=STUDY", "PatientName=doe*", *returned)
    done = await findscu(archive.port, "-S", option, *wanted, folder=tmp_path)
    assert done.code == 0, str(done)
    assert "Received Final Find Response (Success)" in done.output, str(done)
    found = {one.StudyInstanceUID: (one.StudyDate, one.ModalitiesInStudy) for one in responses(tmp_path)}
    assert found == {CR_STUDY: ("20010101", "CR"), CT_STUDY: ("19950903", "CT")}


@pytest.mark.interop("findscu", "storescu")
async def test_findscu_goes_down_from_the_patient(archive: Listener, tmp_path: Path) -> None:
    """What one level answers is the key of the next."""
    person: dict[str, str] = {}
    counts = []
    for level, key in UNIQUE_KEYS.items():
        folder = tmp_path / level
        folder.mkdir()
        wanted = [f"QueryRetrieveLevel={level}", *(f"{name}={value}" for name, value in person.items())]
        wanted.append("PatientID=7765*" if level == "PATIENT" else f"{key}=")
        done = await findscu(archive.port, "-P", *keys(*wanted), folder=folder)
        assert done.code == 0, str(done)
        answers = responses(folder)
        counts.append(len(answers))
        person[key] = str(sorted(str(one[key].value) for one in answers)[-1])
    assert counts == [1, 2, 1, 4]
    assert person["PatientID"] == DOE


@pytest.mark.interop("findscu", "storescu")
async def test_findscu_is_told_what_is_missing(archive: Listener, tmp_path: Path) -> None:
    wanted = keys("QueryRetrieveLevel=IMAGE", "SOPInstanceUID=")
    done = await findscu(archive.port, "-d", "-S", *wanted, folder=tmp_path)
    assert "0xa900" in done.output.lower(), str(done)
    assert "Study Instance UID is missing at level IMAGE" in done.output
    assert responses(tmp_path) == []


@pytest.mark.interop("findscu")
@pytest.mark.parametrize(
    ("charset", "wanted", "patient"),
    [
        ("ISO_IR 192", "*山田*", "japanese"),
        ("ISO_IR 192", "ИВАНОВА*", "cyrillic"),
        ("ISO_IR 144", "Иванова*", "cyrillic"),
        ("ISO_IR 100", "müller*", "latin"),
        ("GB18030", "*小东*", "chinese"),
    ],
)
async def test_findscu_in_any_script(
    practice: PracticePACS, tmp_path: Path, charset: str, wanted: str, patient: str
) -> None:
    """The identifier is a file: what stands on a command line is UTF-8."""
    query = Dataset()
    query.SpecificCharacterSet = charset
    query.QueryRetrieveLevel, query.PatientName, query.PatientID = "PATIENT", wanted, ""
    query.file_meta = pydicom.dataset.FileMetaDataset()
    query.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    query.save_as(tmp_path / "query.dcm", enforce_file_format=False)
    done = await findscu(practice.port, "-P", folder=tmp_path, files=(tmp_path / "query.dcm",))
    assert done.code == 0, str(done)
    [answer] = responses(tmp_path)
    assert answer.PatientID == PATIENTS[patient].patient_id
    assert str(answer.PatientName) == PATIENTS[patient].name


ESCAPED = "\\ISO 2022 IR "
HELD = {
    "GB18030": {"latin", "french", "japanese", "chinese", "cyrillic", "greek", "polish"},
    "GBK": {"japanese", "chinese", "cyrillic"},
    f"{ESCAPED}87": {"japanese", "cyrillic"},
    f"{ESCAPED}58": {"japanese", "chinese", "cyrillic"},
    f"{ESCAPED}149": {"japanese", "cyrillic"},
    f"{ESCAPED}159": {"latin", "french", "polish"},
    "ISO 2022 IR 100\\ISO 2022 IR 144": {"latin", "french", "cyrillic"},
}
"""Whose names are in which character set; all others are in UTF-8."""

NOT_BY_PYDICOM = (f"{ESCAPED}58", f"{ESCAPED}159")
"""What pydicom 3.0 writes wrongly; it writes the answers of the worklist, which are in UTF-8 then. It misreads the
first, too."""


async def asked_in(charset: str, model: str, port: int, folder: Path) -> dict[str, tuple[str, Dataset]]:
    """The answers, and what DCMTK shows of all of them, by Patient ID."""
    query = Dataset()
    query.SpecificCharacterSet = charset.split("\\")
    query.PatientName, query.PatientID = "", ""
    if model == "-P":
        query.QueryRetrieveLevel = "PATIENT"
    query.file_meta = pydicom.dataset.FileMetaDataset()
    query.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    query.save_as(folder / "query.dcm", enforce_file_format=False)
    done = await findscu(port, model, folder=folder, files=(folder / "query.dcm",))
    assert done.code == 0, str(done)
    shown = await peers.run("dcmdump", "-q", "+U8", "+P", "PatientName", "+sd", "+sp", "rsp*.dcm", folder)
    return {answer.PatientID: (shown.output, answer) for answer in responses(folder)}


@pytest.mark.interop("findscu", "dcmdump")
@pytest.mark.parametrize("model", ["-P", "-W"], ids=["archive", "worklist"])
async def test_answers_are_in_the_character_set_that_findscu_asks_in(
    practice: PracticePACS, tmp_path: Path, model: str
) -> None:
    """Where it holds the name, else in UTF-8; DCMTK and pydicom read the same."""
    by_id = {patient.patient_id: name for name, patient in PATIENTS.items()}
    folders = [tmp_path / str(number) for number in range(len(HELD))]
    for folder, (charset, held) in zip(folders, HELD.items(), strict=True):
        await asyncio.to_thread(folder.mkdir)
        answers = await asked_in(charset, model, practice.port, folder)
        names = {by_id[uid] for uid in answers}
        is_lost = model == "-W" and charset in NOT_BY_PYDICOM
        in_it = set()
        for uid, (shown, answer) in answers.items():
            name = PATIENTS[by_id[uid]].name
            term = str(answer.get("SpecificCharacterSet", ""))
            if term and "192" not in term:
                in_it.add(by_id[uid])
            assert name in shown, (charset, name)
            if charset != NOT_BY_PYDICOM[0] or by_id[uid] not in in_it:
                assert str(answer.PatientName) == name, charset
        assert names
        assert in_it == (set() if is_lost else held & names), charset


@pytest.mark.interop("findscu")
async def test_findscu_asks_the_worklist(practice: PracticePACS, tmp_path: Path) -> None:
    step = "ScheduledProcedureStepSequence[0]."
    wanted = keys("PatientName=", f"{step}ScheduledStationAETitle={STATIONS[1]}", f"{step}Modality=US")
    done = await findscu(practice.port, "-W", *wanted, folder=tmp_path)
    assert done.code == 0, str(done)
    names = {str(one.PatientName) for one in responses(tmp_path)}
    assert names == {PATIENTS["greek"].name, PATIENTS["polish"].name}


# -- getscu and movescu ----------------------------------------------------------------------------------------------


@pytest.mark.interop("getscu", "storescu")
@pytest.mark.parametrize("root", ["-P", "-S", "-O"], ids=["patient", "study", "patient-study-only"])
async def test_getscu(archive: Listener, tmp_path: Path, root: str) -> None:
    folder = tmp_path / "got"
    folder.mkdir()
    done = await peers.run(
        "getscu", "-d", "-aec", "OURS", "+B", "-od", folder, root, *study(CR_STUDY), peers.LOOPBACK, archive.port
    )
    assert done.code == 0, str(done)
    assert kept_in(folder) == data_sets(real_files(CR_STUDY))
    assert "Completed Suboperations       : 3" in done.output, str(done)


@pytest.mark.interop("getscu")
@pytest.mark.parametrize("option", ["", "+xr"], ids=["native", "RLE"])
async def test_getscu_of_compressed_images(practice: PracticePACS, tmp_path: Path, option: str) -> None:
    """As they are to who takes them so, decompressed to others."""
    folder = tmp_path / "got"
    folder.mkdir()
    wanted = keys("QueryRetrieveLevel=PATIENT", f"PatientID={PATIENTS['polish'].patient_id}")
    options = [option] if option else []
    done = await peers.run(
        "getscu", "-d", "-aec", "PRACTICE", "+B", "-od", folder, "-P", *options, *wanted, peers.LOOPBACK, practice.port
    )
    assert done.code == 0, str(done)
    sent = {one.sop_instance_uid: one for one in practice_instances(TODAY)}
    got = kept_in(folder)
    assert len(got) == 2
    for uid, data in got.items():
        assert sent[uid].transfer_syntax_uid == RLE
        assert (data == sent[uid].data) is bool(option)


@pytest.mark.interop("movescu", "storescu")
@pytest.mark.parametrize("root", ["-P", "-S"], ids=["patient", "study"])
async def test_movescu_to_itself(archive: Listener, tmp_path: Path, root: str) -> None:
    port = peers.free_port()
    folder = tmp_path / "moved"
    folder.mkdir()
    archive.find = {"MOVESCU": PeerAddress.parse(f"MOVESCU@{peers.LOOPBACK}:{port}")}.get
    done = await peers.run(
        "movescu", "-d", "-aec", "OURS", "-aem", "MOVESCU", "+P", port, "+B", "-od", folder, root, *study(CT_STUDY),
        peers.LOOPBACK, archive.port,
    )  # fmt: skip
    assert done.code == 0, str(done)
    assert kept_in(folder) == data_sets(real_files(CT_STUDY))
    assert "Completed Suboperations       : 4" in done.output, str(done)


@pytest.mark.interop("movescu", "storescp", "storescu")
async def test_movescu_to_storescp_and_to_a_stranger(archive: Listener, tmp_path: Path) -> None:
    with peers.storescp(tmp_path / "third", "-d") as third:
        archive.find = {third.ae_title: PeerAddress.parse(third.address)}.get
        common = ("movescu", "-d", "-aec", "OURS", "-S", *study(CR_STUDY))
        done = await peers.run(*common, "-aem", third.ae_title, peers.LOOPBACK, archive.port)
        assert done.code == 0, str(done)
        assert kept_in(third.folder) == data_sets(real_files(CR_STUDY))
        assert third.log.count("Move Originator AE Title      : MOVESCU") == 3
        stranger = await peers.run(*common, "-aem", "STRANGER", peers.LOOPBACK, archive.port)
    assert "0xa801: Refused: Move Destination unknown" in stranger.output, str(stranger)


# -- pynetdicom ------------------------------------------------------------------------------------------------------


@pytest.mark.interop("pynetdicom", "storescu")
async def test_pynetdicom_queries_and_gets(archive: Listener, tmp_path: Path) -> None:
    wanted = {"QueryRetrieveLevel": "STUDY", "PatientID": DOE, "StudyInstanceUID": ""}
    one = {"QueryRetrieveLevel": "STUDY", "PatientID": DOE, "StudyInstanceUID": CT_STUDY}
    missing = {"QueryRetrieveLevel": "SERIES", "SeriesInstanceUID": ""}
    folder = tmp_path / "got"
    folder.mkdir()
    said = await peers.pynetdicom_user(
        archive.port,
        "OURS",
        classes=[STUDY + "1", PATIENT + "1", PATIENT_STUDY + "1", STUDY + "3"],
        storage=[CT, CR],
        folder=str(folder),
        steps=[
            ["find", STUDY + "1", wanted],
            ["find", PATIENT_STUDY + "1", wanted],
            ["find", STUDY + "1", missing],
            ["find", PATIENT + "1", {"QueryRetrieveLevel": "PATIENT", "PatientName": "*ARCHIBALD", "PatientID": ""}],
            ["get", STUDY + "3", one],
        ],
    )
    finds = [(step["status"], (step["dataset"] or {}).get("PatientID")) for step in said if step["what"] == "find"]
    hit = ("FF00", DOE)
    assert finds == [hit, hit, ("0000", None), hit, hit, ("0000", None), ("A900", None), hit, ("0000", None)]
    gets = [step for step in said if step["what"] == "get"]
    assert [step["status"] for step in gets] == ["FF00"] * 4 + ["0000"]
    assert gets[-1]["NumberOfCompletedSuboperations"] == 4
    assert kept_in(folder) == data_sets(real_files(CT_STUDY))


@pytest.mark.interop("pynetdicom", "storescu")
async def test_pynetdicom_moves(archive: Listener) -> None:
    receiver = Receiver()
    one = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": CR_STUDY}
    async with await serve(port=0, ae_title="THERE", handlers=receiver.handlers()) as there:
        archive.find = {"THERE": PeerAddress.parse(f"THERE@{there.address}")}.get
        said = await peers.pynetdicom_user(
            archive.port, "OURS", classes=[STUDY + "2"], steps=[["move", STUDY + "2", one, "THERE"]]
        )
    assert [step["status"] for step in said if step["what"] == "move"][-1] == "0000"
    assert receiver.data == data_sets(real_files(CR_STUDY))


@pytest.mark.interop("pynetdicom", "storescu")
async def test_pynetdicom_agrees_on_relational_queries(listen: Listen) -> None:
    async with listen(extended=QueryFlags(relational=True)) as listener:
        done = await peers.run("storescu", "-R", "-aec", "OURS", peers.LOOPBACK, listener.port, *real_files())
        assert done.code == 0, str(done)
        said = await peers.pynetdicom_user(
            listener.port,
            "OURS",
            classes=[STUDY + "1"],
            items=[["extended", STUDY + "1", "01"]],
            steps=[["find", STUDY + "1", {"QueryRetrieveLevel": "IMAGE", "SOPInstanceUID": ""}]],
        )
    assert [step["status"] for step in said if step["what"] == "find"] == ["FF00"] * len(real_files()) + ["0000"]


# -- Orthanc ---------------------------------------------------------------------------------------------------------


@pytest.mark.interop("Orthanc", "storescu")
@pytest.mark.parametrize("method", ["C-GET", "C-MOVE"])
async def test_orthanc_queries_and_retrieves(archive: Listener, orthanc: peers.Orthanc, method: str) -> None:
    orthanc.clear()
    archive.find = {"ORTHANC": PeerAddress.parse(orthanc.peer.address)}.get
    orthanc.know("OURS", archive.port)

    async def tell(path: str, body: object) -> Any:
        return await asyncio.to_thread(orthanc.ask, path, body)

    query = await tell("/modalities/OURS/query", {"Level": "Study", "Query": {"PatientName": "DOE^*"}})
    answers = await asyncio.to_thread(orthanc.get_json, f"/queries/{query['ID']}/answers?expand")
    assert {answer["0020,000d"]["Value"] for answer in answers} == {CR_STUDY, CT_STUDY}
    job = {"TargetAet": "ORTHANC", "Full": True, "Synchronous": True, "RetrieveMethod": method}
    await tell(f"/queries/{query['ID']}/retrieve", job)
    found = {uid: orthanc.data_set(one) for uid, one in orthanc.instances().items()}
    assert found == {**data_sets(real_files(CT_STUDY)), **data_sets(real_files(CR_STUDY))}


# -- the command line ------------------------------------------------------------------------------------------------


@pytest.mark.interop("findscu", "movescu", "storescp")
async def test_the_practice_pacs_on_the_command_line(tmp_path: Path) -> None:
    with peers.storescp(tmp_path / "third") as third:
        peer = f"{third.ae_title}={peers.LOOPBACK}:{third.port}"
        arguments = ("-m", "dicomgui", "practice", "--port", 0, "--json", "--peer", peer)
        with peers.Process("python", arguments, tmp_path / "practice.log", cwd=peers.SOURCE) as process:
            process.wait_for_line("ready")
            port = json.loads(process.log.splitlines()[0])["port"]
            wanted = keys("QueryRetrieveLevel=PATIENT", f"PatientID={PATIENTS['latin'].patient_id}")
            done = await findscu(port, "-P", *wanted, folder=tmp_path)
            assert done.code == 0, str(done)
            assert len(responses(tmp_path)) == 1
            done = await peers.run("movescu", "-v", "-P", *wanted, "-aem", third.ae_title, peers.LOOPBACK, port)
            assert done.code == 0, str(done)
        assert len(kept_in(third.folder)) == 17
