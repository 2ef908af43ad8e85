"""move and get: what they print, what they write, and how they exit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.answering import Answering, answering
from helpers.command_line import events
from helpers.instances import elements, write_instance
from helpers.peers import free_port
from helpers.retrieval import CR_STUDY, CT_STUDY, data_sets, kept_in, real_files
from helpers.serving import in_thread

from dicomgui.cli.main import main
from dicomgui.network import Handlers, Reply, Status

CT = ("-k", f"StudyInstanceUID={CT_STUDY}")


@pytest.fixture
def port() -> int:
    """Where the archive knows ME to be."""
    return free_port()


@pytest.fixture
def scp(port: int) -> Iterator[Answering]:
    with in_thread(lambda: answering(destinations={"ME": port})) as server:
        yield server


def test_get_fills_a_folder(scp: Answering, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["get", scp.peer, *CT, "--out", str(tmp_path / "a" / "b")]) == 0
    assert kept_in(tmp_path / "a" / "b") == data_sets(real_files(CT_STUDY))
    out, err = capsys.readouterr()
    line, last = out.splitlines()
    assert line.startswith(f"done      study {CT_STUDY}  0x0000 Success; 4 completed, 0 failed")
    assert last.startswith("the peer tells 4 delivered; 4 arrived, ")
    assert err == ""


def test_get_json_tells_every_step(scp: Answering, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["get", scp.peer, "--level", "series", "-k", "PatientName=Doe^A*", "-k", "Modality=CT", "--json"]
    assert main([*arguments, "--out", str(tmp_path)]) == 0
    printed = events(capsys.readouterr().out)
    stored = [event for event in printed if event["event"] == "stored"]
    assert {event["sop_instance_uid"]: Path(event["path"]).stat().st_size for event in stored} == {
        event["sop_instance_uid"]: event["bytes"] for event in stored
    }
    progress = [event for event in printed if event["event"] == "progress"]
    assert {"remaining", "completed", "failed", "warning"} <= set(progress[0])
    assert progress[-1]["completed"] == 4
    [retrieved] = [event for event in printed if event["event"] == "retrieved"]
    assert (retrieved["level"], retrieved["state"], retrieved["completed"]) == ("SERIES", "done", 4)
    summary = printed[-1]
    assert (summary["ok"], summary["completed"], summary["arrived"], summary["missing"]) == (True, 4, 4, 0)
    assert summary["failed_sop_instance_uids"] == []


def test_get_verbose_names_the_files(scp: Answering, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["get", scp.peer, *CT, "--out", str(tmp_path), "-v"]) == 0
    assert capsys.readouterr().out.count(".dcm\n") == 4


def test_get_tells_of_departures_from_the_standard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_instance(tmp_path, 1)
    path.write_bytes(path.read_bytes().replace(b"\x10\x00\x20\x00LO", b"\x10\x00\x20\x00SH"))
    handlers = Handlers(on_get=lambda request: [path], on_find=lambda request: [elements(StudyInstanceUID="1.2")])
    with in_thread(lambda: answering(handlers)) as scp:
        arguments = ["get", scp.peer, "-k", "StudyInstanceUID=1.2", "--out", str(tmp_path / "in")]
        assert main([*arguments, "--json"]) == 0
        out, err = capsys.readouterr()
        assert main([*arguments, "-v"]) == 0
        lines = capsys.readouterr().out.splitlines()
    [stored] = [event for event in events(out) if event["event"] == "stored"]
    [anomaly] = stored["anomalies"]
    assert (anomaly["code"], anomaly["tag"], anomaly["times"]) == ("vr", "00100020", 1)
    assert "is against the standard, but kept: other VRs" in err
    assert any("against the standard: other VRs than the data dictionary (1; first at" in line for line in lines)


def test_get_into_what_is_no_folder_is_4(scp: Answering, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["get", scp.peer, *CT, "--out", str(tmp_path / "file"), "--json"]) == 4
    out, err = capsys.readouterr()
    assert events(out)[-1]["ok"] is False
    assert "cannot be made" in err


def test_a_retrieval_without_a_key_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["get", "A@host", "--out", "x"]) == 2
    assert main(["move", "A@host", "--to", "ME", "-k", "PatientID="]) == 2
    assert capsys.readouterr().err.count("nothing says what to retrieve") == 2


def test_listen_and_out_belong_together(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["move", "A@host", "--to", "ME", *CT, "--listen", "0"]) == 2
    assert main(["move", "A@host", "--to", "ME", *CT, "--out", "x"]) == 2
    assert "belong together" in capsys.readouterr().err


def test_move_to_ourselves_receives_in_the_same_process(
    scp: Answering, port: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["move", scp.peer, *CT, "--to", "ME", "--listen", str(port), "--out", str(tmp_path)]
    assert main(arguments) == 0
    assert data_sets(tmp_path.rglob("*.dcm")) == data_sets(real_files(CT_STUDY))
    out, err = capsys.readouterr()
    first, _, last = out.splitlines()
    assert first == f"listening on 127.0.0.1:{port} as ME"
    assert last.startswith("the peer tells 4 delivered; 4 arrived, ")
    assert err == ""


def test_move_json(scp: Answering, port: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["move", scp.peer, *CT, "--to", "ME", "--listen", str(port), "--out", str(tmp_path), "--json"]
    assert main([*arguments, "--timeout", "50"]) == 0
    printed = events(capsys.readouterr().out)
    assert printed[0] == {"event": "ready", "host": "127.0.0.1", "port": port, "aet": "ME"}
    assert sum(event["event"] == "stored" for event in printed) == 4
    assert (printed[-1]["destination"], printed[-1]["arrived"]) == ("ME", 4)


def test_move_to_an_unknown_destination_is_1(scp: Answering, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["move", scp.peer, *CT, "--to", "NOBODY"]) == 1
    out, err = capsys.readouterr()
    assert "0xA801" in out
    assert "does not know the destination" in err
    assert "arrived" not in out


def test_move_to_our_own_title_without_a_listener_is_remarked_on(
    scp: Answering, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["move", scp.peer, *CT, "--to", "ME", "--calling", "ME"]) == 1  # nobody listens there
    out, err = capsys.readouterr()
    assert "ME is our own AE title" in err
    assert out.count("failed    ") == 5  # the request, and each instance
    assert "4 failed" in out


def test_a_taken_port_is_3_and_an_unusable_folder_4(
    scp: Answering, port: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = scp.peer.rpartition(":")[2]
    arguments = ["move", scp.peer, *CT, "--to", "ME", "--json"]
    assert main([*arguments, "--listen", taken, "--out", str(tmp_path / "in")]) == 3
    out, err = capsys.readouterr()
    assert [event["event"] for event in events(out)] == ["finding", "summary"]
    assert "cannot start" in err
    (tmp_path / "file").touch()
    assert main([*arguments, "--listen", str(port), "--out", str(tmp_path / "file")]) == 4
    assert events(capsys.readouterr().out)[-1]["exit_code"] == 4
    assert scp.retrieved() == []


def test_what_never_arrives_is_a_failure(port: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The peer says that it has delivered, and nothing came."""
    from dicomgui.network import Progress

    answers = Handlers(on_move=lambda request: Reply(Status(0), progress=Progress(None, 3, 0, 0)))
    with in_thread(lambda: answering(answers, destinations={"ME": port})) as scp:
        arguments = ["move", scp.peer, *CT, "--to", "ME", "--listen", str(port), "--out", str(tmp_path)]
        assert main(arguments) == 1
    assert "3 delivered; 0 arrived, 0 bytes" in (out := capsys.readouterr().out)
    assert "3 never arrived" in out


def test_a_refused_look_up_is_1_and_a_closed_port_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers = Handlers(on_find=lambda request: Reply(Status(0xA700)), on_get=lambda request: [])
    with in_thread(lambda: answering(answers)) as scp:
        arguments = ["get", scp.peer, "-k", "PatientID=1", "--out", str(tmp_path)]
        assert main(arguments) == 1
    assert main(arguments) == 3
    out, err = capsys.readouterr()
    assert "not retrieved" in out
    assert "out of resources" in err


def test_what_the_disk_refuses_is_4(
    scp: Answering, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dicomgui.network import FolderTarget

    monkeypatch.setattr(FolderTarget, "on_store", lambda *_: Reply(Status(0xA700), "no space left"))
    assert main(["get", scp.peer, *CT, "--out", str(tmp_path)]) == 4
    out, err = capsys.readouterr()
    assert "4 failed" in out
    assert "no space left" in err


def test_an_unknown_study_is_no_failure(scp: Answering, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["get", scp.peer, "-k", "PatientID=nobody", "--out", str(tmp_path)]) == 0
    assert "Nothing at the peer matches PatientID=nobody" in capsys.readouterr().err


def test_several_studies_are_retrieved_one_after_the_other(
    scp: Answering, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["get", scp.peer, "-k", f"StudyInstanceUID={CR_STUDY}\\{CT_STUDY}", "--out", str(tmp_path)]) == 0
    assert kept_in(tmp_path) == data_sets(real_files(CR_STUDY) + real_files(CT_STUDY))
    assert "the peer tells 7 delivered" in capsys.readouterr().out
