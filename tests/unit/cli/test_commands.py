"""echo and send: what they print and how they exit, in this process; the listener runs in another thread."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.bad_peer import Peer, bad_server
from helpers.instances import CT, MR, write_instance
from helpers.serving import in_thread

from dicomgui.cli.main import main
from dicomgui.network import AcceptPolicy, Handlers, Reply, Server, ServerOptions, Status, StoreRequest, serve


class Answers:
    """Handlers whose answers a test sets.

    :ivar echo: for C-ECHO.
    :ivar stores: for the next C-STOREs; then Success.
    """

    def __init__(self) -> None:
        self.echo: Status | Reply = Status(0)
        self.stores: list[Status | Reply] = []

    def handlers(self) -> Handlers:
        return Handlers(on_echo=lambda request: self.echo, on_store=self._store)

    def _store(self, request: StoreRequest, data: object) -> Status | Reply:
        return self.stores.pop(0) if self.stores else Status(0)


class Scp:
    """A server in its thread with its answers."""

    def __init__(self, server: Server, answers: Answers) -> None:
        self.peer = f"SCP@127.0.0.1:{server.port}"
        self.answers = answers


@pytest.fixture
def scp() -> Iterator[Scp]:
    with served(AcceptPolicy(ae_title="SCP", check_called=True, abstract_syntaxes=frozenset({CT, VERIFICATION}))) as it:
        yield it


VERIFICATION = "1.2.840.10008.1.1"


@contextlib.contextmanager
def served(policy: AcceptPolicy) -> Iterator[Scp]:
    answers = Answers()

    @contextlib.asynccontextmanager
    async def make() -> AsyncIterator[Server]:
        async with await serve(port=0, handlers=answers.handlers(), options=ServerOptions(policy=policy)) as server:
            yield server

    with in_thread(make) as server:
        yield Scp(server, answers)


@pytest.fixture
def closed() -> str:
    with served(AcceptPolicy()) as scp:
        peer = scp.peer
    return peer


def objects(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


# -------------------------------------------------------------------------------------------------------------- echo


def test_echo_shows_every_step_with_its_time(scp: Scp, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["echo", scp.peer]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == scp.peer
    assert [line.split()[0] for line in lines[1:]] == ["resolve", "connect", "associate", "echo", "release"]
    assert all(line[12:].split()[1] == "ms" for line in lines[1:])
    assert err == ""


def test_echo_repeated_sums_up(scp: Scp, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["echo", scp.peer, "--repeat", "5"]) == 0
    out = capsys.readouterr().out
    assert "5 round trips: min " in out
    assert "median" in out
    assert "p95" in out
    assert "  echo" not in out
    assert main(["echo", scp.peer, "--repeat", "5", "-v"]) == 0
    assert capsys.readouterr().out.count("  echo") == 5


def test_echo_json(scp: Scp, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["echo", scp.peer, "--json", "--repeat", "2"]) == 0
    printed = objects(capsys)
    steps = [entry for entry in printed if entry["event"] == "step"]
    assert [step["name"] for step in steps] == ["resolve", "connect", "associate", "echo", "echo", "release"]
    assert all(step["ok"] is True and step["ms"] >= 0 for step in steps)
    summary = printed[-1]
    assert (summary["event"], summary["ok"], summary["exit_code"], summary["count"]) == ("summary", True, 0, 2)
    assert summary["status"] == 0
    assert summary["min_ms"] <= summary["median_ms"] <= summary["p95_ms"]


def test_echo_answered_with_a_failure_is_1(scp: Scp, capsys: pytest.CaptureFixture[str]) -> None:
    scp.answers.echo = Reply(Status(0x0110), "broken \x1b[2J")
    assert main(["echo", scp.peer]) == 1
    out, err = capsys.readouterr()
    assert "FAILED" in out
    assert "\x1b" not in out + err
    assert err.startswith("error: ")


def test_echo_refused_is_1_for_a_context_and_3_for_the_association(
    scp: Scp, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(AcceptPolicy(abstract_syntaxes=frozenset({CT}))) as other:
        assert main(["echo", other.peer]) == 1
    assert main(["echo", scp.peer.replace("SCP@", "WRONG@"), "--json"]) == 3
    printed = capsys.readouterr().out.splitlines()
    finding = next(entry for entry in map(json.loads, printed[-3:]) if entry["event"] == "finding")
    assert finding["what"]
    assert finding["try"]


def test_echo_at_a_closed_port_is_3_and_says_what_to_try(closed: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["echo", closed]) == 3
    out, err = capsys.readouterr()
    assert "connect" in out.splitlines()[-1]
    assert "nothing listens" in err
    assert "  try " in err
    assert main(["echo", closed, "--json"]) == 3
    printed = objects(capsys)
    assert [entry["event"] for entry in printed] == ["step", "step", "finding", "summary"]
    assert printed[-1]["ok"] is False
    assert printed[-1]["error"]


def test_echo_saves_its_trace(scp: Scp, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["echo", scp.peer, "--trace", str(tmp_path / "x.dgtrace")]) == 0
    assert "patient data" in capsys.readouterr().err
    assert (tmp_path / "x.dgtrace").stat().st_size > 500


# -------------------------------------------------------------------------------------------------------------- send


def test_send_sums_up_and_names_no_file_that_went_well(
    scp: Scp, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        write_instance(tmp_path, number)
    (tmp_path / "notes.txt").write_text("not for sending", encoding="utf-8")
    assert main(["send", scp.peer, str(tmp_path)]) == 0
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith("sent 3 of 3 files: ")
    assert "MB/s" in line
    assert line.endswith("; 1 skipped")


def test_send_verbose_names_each_file(scp: Scp, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_instance(tmp_path, 1)
    (tmp_path / "notes.txt").write_text("not for sending", encoding="utf-8")
    assert main(["send", scp.peer, str(tmp_path), "-v"]) == 0
    out = capsys.readouterr().out
    assert f"sent      {path}  0x0000" in out
    assert "notes.txt" in out
    assert "sent 1 of 1 file: " in out


def test_send_has_one_line_for_each_file_that_failed_or_was_warned_about(
    scp: Scp, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scp.answers.stores = [Status(0), Status(0xB000), Reply(Status(0xA700), "full")]
    for number in range(3):
        write_instance(tmp_path, number)
    assert main(["send", scp.peer, str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    warned, failed, summary = out.splitlines()
    assert "1.dcm" in warned
    assert "0xB000" in warned
    assert failed.startswith("failed ")
    assert "0xA700" in failed
    assert "(full)" in failed
    assert "1 with warning; 1 failed" in summary
    assert err


def test_send_with_a_warning_only_is_done(scp: Scp, tmp_path: Path) -> None:
    scp.answers.stores = [Status(0xB000)]
    assert main(["send", scp.peer, str(write_instance(tmp_path, 1))]) == 0


def test_send_json(scp: Scp, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scp.answers.stores = [Status(0), Status(0xA700)]
    path = write_instance(tmp_path, 1)
    write_instance(tmp_path, 2)
    (tmp_path / "notes.txt").write_text("not for sending", encoding="utf-8")
    assert main(["send", scp.peer, str(tmp_path), "--json"]) == 1
    printed = objects(capsys)
    files = [entry for entry in printed if entry["event"] == "file"]
    assert files[0]["path"] == str(path)
    assert files[0]["sop_instance_uid"].endswith(".3.1")
    assert [entry["status"] for entry in files] == [0, 0xA700]
    assert all(entry["meaning"] for entry in files)
    assert [entry["event"] for entry in printed if entry["event"] == "skipped"] == ["skipped"]
    summary = printed[-1]
    assert (summary["event"], summary["ok"], summary["sent"], summary["failed"]) == ("summary", False, 1, 1)
    assert summary["mb_per_s"] >= 0


def test_send_writes_a_report_also_of_what_failed(scp: Scp, tmp_path: Path) -> None:
    scp.answers.stores = [Status(0), Status(0xA700)]
    folder = tmp_path / "files"
    folder.mkdir()
    paths = [str(write_instance(folder, number)) for number in (1, 2)]
    report = tmp_path / "report.json"
    assert main(["send", scp.peer, str(folder), "--report", str(report)]) == 1
    lines = json.loads(report.read_text(encoding="utf-8"))
    assert [(line["path"], line["status"]) for line in lines] == list(zip(paths, (0, 0xA700), strict=True))


def test_send_refuses_a_report_of_no_format_before_it_connects(
    scp: Scp, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["send", scp.peer, str(write_instance(tmp_path, 1)), "--report", str(tmp_path / "report.xlsx")]) == 2
    assert ".csv, .json and .html" in capsys.readouterr().err


def test_send_with_a_report_that_cannot_be_written_is_4(
    scp: Scp, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "missing" / "report.csv"
    assert main(["send", scp.peer, str(write_instance(tmp_path, 1)), "--report", str(report)]) == 4
    assert "report could not be written" in capsys.readouterr().err


def test_send_refused_contexts_are_1(scp: Scp, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_instance(tmp_path, 1)
    write_instance(tmp_path, 2, sop_class=MR)
    assert main(["send", scp.peer, str(tmp_path)]) == 1
    assert "sent 1 of 2 files" in capsys.readouterr().out


def test_send_to_a_closed_port_is_3_and_counts_what_was_never_tried(
    closed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        write_instance(tmp_path, number)
    assert main(["send", closed, str(tmp_path)]) == 3
    out, err = capsys.readouterr()
    assert out == "sent 0 of 3 files; 3 failed\n"
    assert "nothing listens" in err


def test_send_without_files_is_4_and_needs_no_peer(
    closed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["send", closed, str(tmp_path / "missing")]) == 4
    out, _ = capsys.readouterr()
    assert "missing" in out
    assert "sent 0 of 0 files" in out


def test_send_with_one_file_missing_sends_the_others_and_is_4(scp: Scp, tmp_path: Path) -> None:
    assert main(["send", scp.peer, str(tmp_path / "missing"), str(write_instance(tmp_path, 1))]) == 4


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl+C cannot be sent to this process alone")
def test_send_cancelled_is_130_and_sums_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_instance(tmp_path, 1)
    done = threading.Event()

    async def interrupt(peer: Peer) -> None:
        await peer.read()  # the request, which stays without an answer
        os.kill(os.getpid(), signal.SIGINT)
        await peer.read_all()
        done.set()

    with in_thread(lambda: bad_server(interrupt)) as server:
        assert main(["send", server.address, str(tmp_path), "--json"]) == 130
        assert done.wait(60)
    out, err = capsys.readouterr()
    printed = [json.loads(line) for line in out.splitlines()]
    assert [entry["event"] for entry in printed] == ["file", "summary"]
    assert printed[-1]["cancelled"] == 1
    assert printed[-1]["exit_code"] == 130
    assert "cancelled" in err


# ------------------------------------------------------------------------------------------------------------ listen


def test_listen_in_a_folder_that_is_none_is_4(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert main(["listen", "--dir", str(tmp_path / "file"), "--port", "0"]) == 4
    out, err = capsys.readouterr()
    assert out == ""
    assert "file" in err


def test_a_saved_node_brings_its_own_options_and_an_option_given_overrules_them(tmp_path, monkeypatch):
    from dicomgui.app.configuration.nodes import Node, NodeTimeouts
    from dicomgui.app.configuration.peers import NodeStore
    from dicomgui.cli.main import build_parser
    from dicomgui.cli.target import target_of
    from dicomgui.network import PeerAddress

    monkeypatch.setenv("DICOMGUI_CONFIG", str(tmp_path))
    store = NodeStore()
    store.load()
    address = PeerAddress.parse("PACS@127.0.0.1:11112")
    store.add(Node("Main archive", address, "WARD", NodeTimeouts(response_s=7.0, cancel_s=60.0), 16384))
    store.save()

    peer, options = target_of(build_parser().parse_args(["echo", "main archive"]))
    assert peer == address
    assert (options.calling_ae, options.timeouts.response_s, options.max_pdu_length) == ("WARD", 7.0, 16384)

    _, options = target_of(build_parser().parse_args(["echo", "main archive", "--calling", "ME", "--max-pdu", "0"]))
    assert (options.calling_ae, options.timeouts.response_s, options.max_pdu_length) == ("ME", 7.0, 0)
    assert options.timeouts.cancel_s == 60.0

    _, options = target_of(build_parser().parse_args(["echo", "main archive", "--timeout", "3"]))
    assert (options.timeouts.response_s, options.timeouts.cancel_s) == (3.0, 60.0)
    _, options = target_of(build_parser().parse_args(["echo", "main archive", "--cancel-timeout", "90"]))
    assert (options.timeouts.response_s, options.timeouts.cancel_s) == (7.0, 90.0)
