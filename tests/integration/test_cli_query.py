"""The commands that query and retrieve, in processes of their own, against our own server."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.answering import Answering, answering
from helpers.command_line import COMMAND, DEADLINE_S, Listening, dicomgui, events
from helpers.peers import free_port
from helpers.retrieval import CR_STUDY, CT_STUDY, DOE, ENDLESS, data_sets, kept_in, real_files
from helpers.serving import in_thread
from pydicom import dcmread

unix = pytest.mark.skipif(sys.platform == "win32", reason="signals and pipes of Unix")


@pytest.fixture
def port() -> int:
    """Where the archive knows ME to be."""
    return free_port()


@pytest.fixture
def scp(port: int) -> Iterator[Answering]:
    with in_thread(lambda: answering(destinations={"ME": port})) as server:
        yield server


def test_from_a_name_down_to_the_files(scp: Answering, tmp_path: Path) -> None:
    """Query the studies of a patient, then the series of one, and fetch one of these."""
    done = dicomgui("find", scp.peer, "-k", "PatientName=Doe^*", "--json")
    assert done.returncode == 0, done.stderr
    studies = {event["dataset"]["0020000D"]["Value"][0] for event in events(done.stdout) if event["event"] == "match"}
    assert studies == {CR_STUDY, CT_STUDY}
    done = dicomgui("find", scp.peer, "--level", "series", "-k", f"StudyInstanceUID={CR_STUDY}", "--json")
    series = [event["dataset"]["0020000E"]["Value"][0] for event in events(done.stdout) if event["event"] == "match"]
    keys = ("-k", f"StudyInstanceUID={CR_STUDY}", "-k", f"SeriesInstanceUID={series[0]}")
    done = dicomgui("get", scp.peer, "--level", "series", *keys, "--out", tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    kept = kept_in(tmp_path)
    assert len(kept) == 1
    assert kept.items() <= data_sets(real_files(CR_STUDY)).items()


def test_move_with_a_listener_of_its_own_and_a_trace(scp: Answering, port: int, tmp_path: Path) -> None:
    trace = tmp_path / "move.dgtrace"
    done = dicomgui(
        "move", scp.peer, "--to", "ME", "-k", f"PatientID={DOE}", "--listen", port, "--out", tmp_path / "in",
        "--trace", trace, "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b"patient data" in done.stderr
    printed = events(done.stdout)
    assert printed[0]["event"] == "ready"
    assert (printed[-1]["completed"], printed[-1]["arrived"]) == (7, 7)
    assert data_sets((tmp_path / "in").rglob("*.dcm")) == data_sets(real_files(CR_STUDY) + real_files(CT_STUDY))
    shown = dicomgui("trace", "show", trace).stdout
    assert b"C-MOVE" in shown
    assert b"C-STORE" in shown  # what arrived is in the same trace
    assert dicomgui("trace", "explain", trace).stdout.startswith(b"nothing failed")


def test_move_to_a_listener_that_runs_elsewhere(port: int, tmp_path: Path) -> None:
    with Listening(tmp_path, "--aet", "THERE", "--any-sop-class") as there:
        with in_thread(lambda: answering(destinations={"THERE": there.port})) as scp:
            done = dicomgui("move", scp.peer, "--to", "THERE", "-k", f"StudyInstanceUID={CT_STUDY}")
        assert done.returncode == 0, done.stderr
        assert there.stop()[0] == 0
    assert data_sets(tmp_path.rglob("*.dcm")) == data_sets(real_files(CT_STUDY))
    assert b"4 completed" in done.stdout


def rest_of(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """What it still prints after the lines that were read, whose buffer ``communicate`` would pass by."""
    assert process.stdout is not None
    assert process.stderr is not None
    out, err = process.stdout.read(), process.stderr.read()
    process.wait(DEADLINE_S)
    return out, err


@unix
def test_ctrl_c_ends_a_query_with_130_and_a_summary(scp: Answering) -> None:
    arguments = [*COMMAND, "find", scp.peer, "-k", f"PatientID={ENDLESS}", "--json"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["event"] == "match"
        process.send_signal(signal.SIGINT)
        out, err = rest_of(process)
    assert process.returncode == 130
    assert err == b"cancelled\n"
    summary = events(out)[-1]
    assert (summary["event"], summary["exit_code"], summary["cancelled"]) == ("summary", 130, True)


@unix
def test_ctrl_c_ends_a_retrieval_and_whole_files_stay(scp: Answering, tmp_path: Path) -> None:
    arguments = [*COMMAND, "get", scp.peer, "--level", "patient", "-k", f"PatientID={ENDLESS}", "--out", str(tmp_path)]
    with subprocess.Popen([*arguments, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        while json.loads(process.stdout.readline())["event"] != "stored":
            pass
        process.send_signal(signal.SIGTERM)
        out, _ = rest_of(process)
    assert process.returncode == 130
    assert events(out)[-1]["exit_code"] == 130
    assert list(tmp_path.iterdir())
    assert all(path.suffix == ".dcm" for path in tmp_path.iterdir())


@unix
def test_a_reader_that_leaves_ends_the_query(scp: Answering) -> None:
    arguments = [*COMMAND, "find", scp.peer, "-k", f"PatientID={ENDLESS}"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(DEADLINE_S) == 0
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()


def test_a_data_set_goes_through_a_pipe(scp: Answering) -> None:
    done = dicomgui("n-create", scp.peer, "--class", "1.2.840.10008.3.1.2.3.3", "--dataset", "-", stdin=b"[{}]")
    assert done.returncode == 1  # the archive has no such service
    assert b"did not accept" in done.stderr or b"does not" in done.stderr


def test_matches_are_kept_as_files(scp: Answering, tmp_path: Path) -> None:
    done = dicomgui("find", scp.peer, "-k", "PatientName=Doe^*", "--out", tmp_path / "found", "--json")
    assert done.returncode == 0, done.stderr
    kept = [event["file"] for event in events(done.stdout) if event["event"] == "match"]
    assert [Path(name).name for name in kept] == ["match-00001.dcm", "match-00002.dcm"]
    assert {str(dcmread(name).StudyInstanceUID) for name in kept} == {CR_STUDY, CT_STUDY}
    (tmp_path / "file").touch()
    done = dicomgui("find", scp.peer, "--out", tmp_path / "file")
    assert done.returncode == 4
    assert b"could not be written" in done.stderr
