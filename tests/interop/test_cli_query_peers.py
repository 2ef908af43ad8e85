"""find, worklist, move and get on the command line, against DCMTK's servers and Orthanc."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import peers
from helpers.command_line import dicomgui, events
from helpers.instances import ROOT, write_instance
from helpers.retrieval import CR_STUDY, CT_STUDY, DOE, data_sets, elements, kept_in, real_files
from pydicom.dataset import Dataset

TO = "CLI"


@pytest.fixture(scope="module")
def port() -> int:
    """Where the archives know CLI to be."""
    return peers.free_port()


@pytest.fixture(scope="module")
def dcmqrscp(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[peers.Peer]:
    folder = tmp_path_factory.mktemp("dcmqrscp") / "server"
    with peers.dcmqrscp(folder, destinations={TO: port}) as peer:
        peers.fill(peer, real_files())
        yield peer


@pytest.mark.interop("dcmqrscp", "storescu")
def test_find_and_get_of_dcmqrscp(dcmqrscp: peers.Peer, tmp_path: Path) -> None:
    found = dicomgui("find", dcmqrscp.address, "-k", "PatientName=Doe^A*", "-k", "StudyDate=-20000101", "--json")
    assert found.returncode == 0, found.stderr
    *matches, summary = events(found.stdout)
    assert [match["dataset"]["0020000D"]["Value"] for match in matches] == [[CT_STUDY]]
    assert summary["ok"]
    got = dicomgui("get", dcmqrscp.address, "-k", f"StudyInstanceUID={CT_STUDY}", "--out", tmp_path, "--json")
    assert got.returncode == 0, (got.stdout, got.stderr)
    assert kept_in(tmp_path) == data_sets(real_files(CT_STUDY))
    assert events(got.stdout)[-1]["arrived"] == 4
    patient = dicomgui(
        "get", dcmqrscp.address, "--level", "patient", "-k", f"PatientID={DOE}", "--out", tmp_path / "patient"
    )
    assert patient.returncode == 0, (patient.stdout, patient.stderr)
    assert kept_in(tmp_path / "patient") == data_sets([*real_files(CT_STUDY), *real_files(CR_STUDY)])


@pytest.mark.interop("dcmqrscp", "storescu")
def test_move_from_dcmqrscp_to_ourselves(dcmqrscp: peers.Peer, port: int, tmp_path: Path) -> None:
    done = dicomgui(
        "move", dcmqrscp.address, "--level", "series", "-k", f"PatientID={DOE}", "-k", "Modality=CR",
        "--to", TO, "--listen", port, "--out", tmp_path, "--json",
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout, done.stderr)
    summary = events(done.stdout)[-1]
    assert (summary["requests"], summary["completed"], summary["arrived"], summary["missing"]) == (3, 3, 3, 0)
    assert data_sets(tmp_path.rglob("*.dcm")) == data_sets(real_files(CR_STUDY))
    unknown = dicomgui("move", dcmqrscp.address, "-k", f"StudyInstanceUID={CR_STUDY}", "--to", "NOBODY")
    assert unknown.returncode == 1
    assert b"0xA801" in unknown.stdout


def item(number: int, modality: str) -> Dataset:
    step = elements(
        Modality=modality, ScheduledStationAETitle="STATION", ScheduledProcedureStepStartDate="20240229",
        ScheduledProcedureStepStartTime="080000", ScheduledProcedureStepID=str(number),
        ScheduledPerformingPhysicianName="Curie", ScheduledProcedureStepDescription="Head",
    )  # fmt: skip
    return elements(
        SpecificCharacterSet="ISO_IR 100", PatientName=f"Müller^{number}", PatientID=str(number),
        PatientBirthDate="19700101", PatientSex="F", AccessionNumber="1", StudyInstanceUID=f"1.2.{number}",
        RequestedProcedureID=str(number), RequestedProcedureDescription="Head",
        ScheduledProcedureStepSequence=[step],
    )  # fmt: skip


@pytest.mark.interop("wlmscpfs")
def test_worklist_of_wlmscpfs(tmp_path: Path) -> None:
    items = [item(1, "CT"), item(2, "MR")]
    with peers.wlmscpfs(tmp_path / "server", items, "-csk") as peer:
        done = dicomgui("worklist", peer.address, "-k", "ScheduledProcedureStepSequence[0].Modality=MR", "--json")
        table = dicomgui("worklist", peer.address, "-k", "ScheduledProcedureStepSequence[0].Modality=CT")
    assert done.returncode == 0, done.stderr
    assert [event["event"] for event in events(done.stdout)] == ["match", "summary"], done.stdout
    match, summary = events(done.stdout)
    assert match["dataset"]["00100010"]["Value"] == [{"Alphabetic": "Müller^2"}]
    assert match["character_set"] == ["ISO_IR 100"]
    assert summary["matches"] == 1
    assert "Müller^1" in table.stdout.decode()


@pytest.mark.interop("wlmscpfs")
@pytest.mark.parametrize("stop", [("--cancel-after", "1"), ("--cancel-after-ms", "400")])
def test_a_query_of_a_slow_wlmscpfs_is_cancelled(tmp_path: Path, stop: tuple[str, str]) -> None:
    items = [item(number, "CT") for number in range(1, 7)]
    with peers.wlmscpfs(tmp_path / "server", items, "-csk", "--sleep-during", 1) as peer:
        done = dicomgui("worklist", peer.address, *stop, "--cancel-timeout", "50", "--json")
    assert done.returncode == 0, done.stderr
    summary = events(done.stdout)[-1]
    assert summary["status"] == 0xFE00, done.stdout
    assert summary["matches"] < 6


@pytest.mark.interop("Orthanc")
def test_find_get_and_move_of_orthanc(orthanc: peers.Orthanc, port: int, tmp_path: Path) -> None:
    orthanc.clear()
    sent = dicomgui("send", orthanc.peer.address, *real_files(CT_STUDY))
    assert sent.returncode == 0, sent.stderr
    try:
        found = dicomgui("find", orthanc.peer.address, "--level", "patient", "-k", "PatientName=doe*", "--json")
        assert [event["dataset"]["00100020"]["Value"] for event in events(found.stdout)[:-1]] == [[DOE]]
        got = dicomgui("get", orthanc.peer.address, "-k", f"PatientID={DOE}", "--out", tmp_path / "got")
        assert got.returncode == 0, (got.stdout, got.stderr)
        assert len(kept_in(tmp_path / "got")) == 4
        whole = dicomgui(
            "get", orthanc.peer.address, "--level", "patient", "-k", f"PatientID={DOE}", "--out", tmp_path / "whole"
        )
        assert whole.returncode == 0, (whole.stdout, whole.stderr)
        assert kept_in(tmp_path / "whole") == kept_in(tmp_path / "got")
        orthanc.know(TO, port)
        moved = dicomgui(
            "move", orthanc.peer.address, "-k", f"StudyInstanceUID={CT_STUDY}", "--to", TO,
            "--listen", port, "--out", tmp_path / "moved",
        )  # fmt: skip
        assert moved.returncode == 0, (moved.stdout, moved.stderr)
        assert len(data_sets((tmp_path / "moved").rglob("*.dcm"))) == 4
    finally:
        orthanc.clear()


@pytest.mark.interop("pynetdicom")
@pytest.mark.parametrize("verb", ["get", "move"])
def test_one_study_at_which_the_peer_aborts_does_not_cost_the_others(tmp_path: Path, verb: str) -> None:
    here = peers.free_port()
    with peers.pynetdicom_services(tmp_path / "peer", real_files()) as peer:
        (peer.folder / "destinations.json").write_text(json.dumps({TO: here}))
        (peer.folder / "aborts.txt").write_text(CT_STUDY)
        into = ("--out", tmp_path / "in")
        way = into if verb == "get" else ("--to", TO, "--listen", here, *into)
        done = dicomgui(verb, peer.address, "-k", f"PatientID={DOE}", "-k", "StudyDate=", *way, "--json")
        shown = dicomgui(verb, peer.address, "-k", f"PatientID={DOE}", "-k", "StudyDate=", *way)
    told = {one["keys"]["StudyInstanceUID"]: one for one in events(done.stdout) if one["event"] == "retrieved"}
    assert (told[CR_STUDY]["state"], told[CR_STUDY]["reason"]) == ("done", "")
    assert told[CT_STUDY]["state"] == "failed"
    assert "abort" in told[CT_STUDY]["reason"]
    assert events(done.stdout)[-1]["completed"] == 3
    assert done.returncode == shown.returncode == 1
    [line] = [text for text in shown.stdout.decode().splitlines() if text.startswith("failed")]
    assert told[CT_STUDY]["reason"].partition(": ")[2] in line


@pytest.mark.interop("pynetdicom", "sqlalchemy", "storescu")
def test_a_study_that_the_peer_answers_once_an_instance_is_retrieved_once(tmp_path: Path) -> None:
    """So does the qrscp of pynetdicom; and it goes on with its answers after a C-CANCEL."""
    files, here = [write_instance(tmp_path / "files", number) for number in range(1, 31)], peers.free_port()
    with peers.qrscp(tmp_path / "qrscp", destinations={TO: here}) as peer:
        peers.fill(peer, files)
        found = events(dicomgui("find", peer.address, "-k", "PatientID=", "--json").stdout)
        assert found[-1]["matches"] == 30
        for verb, way in (("get", ()), ("move", ("--to", TO, "--listen", here))):
            into = tmp_path / verb
            done = dicomgui(verb, peer.address, "-k", "PatientID=*", *way, "--out", into, "--json")
            told = events(done.stdout)
            [one] = [event for event in told if event["event"] == "retrieved"]
            assert (one["keys"], one["state"]) == ({"StudyInstanceUID": f"{ROOT}.1"}, "done")
            assert (told[-1]["arrived"], told[-1]["deliveries"], told[-1]["missing"]) == (30, 30, 0)
            assert "The peer answered 30 matches for 1 study: each is retrieved once." in told[-1]["notes"]
            assert not [event for event in told if event["event"] == "finding"]
            assert data_sets(into.rglob("*.dcm")) == data_sets(files)
            assert len([*into.rglob("*.dcm")]) == 30
