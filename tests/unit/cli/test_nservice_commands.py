"""n-create and its siblings: what they send, print and exit with."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.answering import Answering, answering
from helpers.command_line import events
from helpers.retrieval import elements
from helpers.serving import in_thread

from dicomgui.app.nservice_events import NEvent
from dicomgui.cli.main import main
from dicomgui.cli.output import Output
from dicomgui.cli.template_command import show_event
from dicomgui.network import EVERYTHING_PERMITTED, Handlers, Reply, Status

MPPS = ("--class", "ModalityPerformedProcedureStep")


@pytest.fixture
def asked() -> list[Any]:
    return []


@pytest.fixture
def scp(asked: list[Any]) -> Iterator[Answering]:
    def create(request: Any) -> Reply:
        asked.append(request)
        return Reply(Status(0), sop_instance_uid="1.2.3", dataset=request.dataset)

    def keep(request: Any) -> Status:
        asked.append(request)
        return Status(0)

    handlers = Handlers(
        on_n_create=create,
        on_n_set=lambda request: Reply(Status(0x0106), "bad value", (0x00400252,), attribute_identifiers=(0x00400252,)),
        on_n_get=lambda request: elements(PatientName="A^B", PerformedSeriesSequence=[elements(Modality="CT")]),
        on_n_action=keep,
        on_n_delete=lambda request: Status(0x0112),
        on_n_event_report=keep,
    )
    with in_thread(lambda: answering(handlers, permitted=EVERYTHING_PERMITTED)) as server:
        yield server


@pytest.mark.parametrize(("status", "code"), [(0x0000, 3), (0x0107, 3), (0x0110, 1)])
def test_an_answer_that_cannot_be_read_is_3_unless_it_is_a_failure(
    status: int, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    handlers = Handlers(on_n_get=lambda request: Reply(Status(status), dataset=bytes(range(3, 91))))
    with in_thread(lambda: answering(handlers, permitted=EVERYTHING_PERMITTED)) as server:
        assert main(["n-get", server.peer, "--class", "Printer", "--json"]) == code
    out, err = capsys.readouterr()
    summary = events(out)[-1]
    assert (summary["ok"], summary["exit_code"], summary["status"]) == (False, code, status)
    assert "could not be read" in err
    assert "cannot be read" in summary["error"]


def test_create_sends_a_json_file_and_shows_the_answer(
    scp: Answering, asked: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "step.json"
    path.write_text('{"00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]}}', encoding="utf-8")
    assert main(["n-create", scp.peer, *MPPS, "--dataset", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "n-create  0x0000 Success"
    assert lines[1].split() == ["instance", "1.2.3"]
    assert lines[2].split() == ["(0010,0010)", "PN", "PatientName", "Doe^Jane"]
    assert asked[0].dataset.PatientName == "Doe^Jane"


def test_a_data_set_from_standard_input(
    scp: Answering, asked: list[Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = '{"00100010": {"vr": "PN", "Value": [{"Alphabetic": "Müller"}]}}'.encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert main(["n-create", scp.peer, *MPPS, "--dataset", "-", "--json"]) == 0
    out, err = capsys.readouterr()
    response, summary = events(out)
    assert (response["event"], response["operation"], response["status"]) == ("response", "n-create", 0)
    assert response["sop_instance_uid"] == "1.2.3"
    assert response["dataset"]["00100010"]["Value"] == [{"Alphabetic": "Müller"}]
    assert response["character_set"] == ["ISO_IR 100"]
    assert (summary["ok"], summary["exit_code"], summary["status"]) == (True, 0, 0)
    assert "ISO_IR 100" in err


def test_get_shows_the_data_set(scp: Answering, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["n-get", scp.peer, *MPPS, "--instance", "1.2", "--attribute", "PatientName"]) == 0
    out = capsys.readouterr().out
    assert "A^B" in out
    assert "PerformedSeriesSequence" in out


def test_a_failure_status_is_1_with_what_the_peer_complains_about(
    scp: Answering, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.json"
    path.write_text("{}", encoding="ascii")
    assert main(["n-set", scp.peer, *MPPS, "--instance", "1.2", "--dataset", str(path)]) == 1
    out, err = capsys.readouterr()
    assert "0x0106 Invalid attribute value (bad value)" in out
    assert "attributes  (0040,0252)" in out
    assert "offending   (0040,0252)" in out
    assert "error: " in err


def test_actions_and_events_have_their_numbers(
    scp: Answering, asked: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    commitment = ("--class", "1.2.840.10008.1.20.1")
    assert main(["n-action", scp.peer, *commitment, "--action", "1"]) == 0
    assert main(["n-event-report", scp.peer, *commitment, "--event", "2", "--instance", "1.2"]) == 0
    assert asked[0].command.action_type_id == 1
    assert asked[0].command.sop_instance_uid == "1.2.840.10008.1.20.1.1"
    assert asked[1].command.event_type_id == 2
    assert capsys.readouterr().err == ""


def test_delete_of_nothing_is_1(scp: Answering, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["n-delete", scp.peer, "--class", "BasicFilmSession", "--instance", "1.2", "--json"]) == 1
    finding, response, summary = events(capsys.readouterr().out)
    assert (finding["event"], response["status"], summary["exit_code"]) == ("finding", 0x0112, 1)
    assert response["dataset"] is None


def test_another_context(scp: Answering, asked: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    meta = "BasicGrayscalePrintManagementMeta"
    assert main(["n-create", scp.peer, "--class", "BasicFilmSession", "--context", meta]) == 0
    assert asked[0].context.abstract_syntax == "1.2.840.10008.5.1.1.9"
    assert capsys.readouterr().err == ""


def test_a_file_that_is_no_data_set_is_4(scp: Answering, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["n-create", scp.peer, *MPPS, "--json", "--dataset"]
    assert main([*arguments, str(tmp_path / "none.json")]) == 4
    out, err = capsys.readouterr()
    assert events(out)[-1]["ok"] is False
    assert "No such file" in err


@pytest.mark.parametrize("arguments", [["--class", "Nonsense"], ["--class", "1.2.3"]])
def test_wrong_uids_are_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["n-delete", "A@host", *arguments]) == 2
    assert "dicomgui: error: " in capsys.readouterr().err


def test_a_closed_port_is_3(scp: Answering, capsys: pytest.CaptureFixture[str]) -> None:
    with in_thread(answering) as other:
        peer = other.peer
    assert main(["n-delete", peer, *MPPS, "--instance", "1.2"]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert "nothing listens on port" in err


def test_a_report_is_shown_with_the_name_of_its_type(capsys: pytest.CaptureFixture[str]) -> None:
    event = NEvent(0.0, 1, "1.2.840.10008.5.1.1.14", "2.25.3", 3, elements(PrinterName="LASER"), Status(0))
    show_event(Output(as_json=False, verbose=False), event)
    show_event(Output(as_json=True, verbose=False), replace(event, sop_class_uid="1.2", dataset=None))
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == "n-event-report  type 3 (done)  2.25.3"
    assert second.split() == ["(2110,0030)", "LO", "PrinterName", "LASER"]
    assert (json.loads(third)["type"], json.loads(third)["type_name"]) == (3, "")
