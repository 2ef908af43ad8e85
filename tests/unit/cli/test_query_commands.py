"""find and worklist: what they print and how they exit; the archive answers from another thread."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.answering import Answering, answering
from helpers.command_line import events
from helpers.retrieval import CR_STUDY, DOE, ENDLESS, elements
from helpers.serving import in_thread
from pydicom.dataset import Dataset

from dicomgui.cli.main import main
from dicomgui.network import FindRequest, Handlers, Reply, Status
from dicomgui.network.dimse.dataset import encode_dataset
from dicomgui.network.uids import DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN as DEFLATED
from dicomgui.network.uids import EXPLICIT_VR_LITTLE_ENDIAN as EXPLICIT


@pytest.fixture
def scp() -> Iterator[Answering]:
    with in_thread(answering) as server:
        yield server


def test_find_prints_a_table_as_the_matches_come(scp: Answering, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["find", scp.peer, "-k", "PatientName=Doe^A*"]) == 0
    out, err = capsys.readouterr()
    head, *rows, last = out.splitlines()
    assert head.split()[:3] == ["PatientName", "PatientID", "StudyDate"]
    assert [row.split()[:2] for row in rows] == [["Doe^Archibald", DOE]] * 2
    assert last == "2 matches"
    assert err == ""


def test_find_json_has_matches_in_the_json_model(scp: Answering, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["find", scp.peer, "--level", "series", "-k", f"StudyInstanceUID={CR_STUDY}"]
    assert main([*arguments, "-r", "Modality", "--json"]) == 0
    *matches, summary = events(capsys.readouterr().out)
    assert [match["event"] for match in matches] == ["match"] * 3
    assert [match["number"] for match in matches] == [1, 2, 3]
    found = Dataset.from_json(matches[0]["dataset"])
    assert (found.Modality, found.QueryRetrieveLevel) == ("CR", "SERIES")
    assert not matches[0]["unsupported_keys"]
    assert (summary["event"], summary["ok"], summary["exit_code"]) == ("summary", True, 0)
    assert (summary["matches"], summary["root"], summary["level"]) == (3, "study", "SERIES")
    assert (summary["status"], summary["meaning"], summary["has_more"]) == (0, "Success", False)


def test_find_stops_at_the_limit_and_says_so(scp: Answering, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["find", scp.peer, "-k", f"PatientID={ENDLESS}", "-r", "PatientID", "--limit", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:] == ["1", "2", "3", "3 matches, and there are more: stopped at the limit of 3"]


def test_find_verbose_shows_whole_matches(scp: Answering, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["find", scp.peer, "-v", "-k", f"PatientID={DOE}", "-r", "Occupation"]) == 0
    out = capsys.readouterr().out
    assert out.count("(0020,000D) UI StudyInstanceUID") == 2
    assert "never returned" not in out


def test_what_is_never_returned_is_shown_to_those_who_want_more(capsys: pytest.CaptureFixture[str]) -> None:
    answers = Handlers(on_find=lambda request: iter([elements(PatientID="1")]))
    with in_thread(lambda: answering(answers)) as scp:
        assert main(["find", scp.peer, "-v", "-r", "PatientID", "-r", "StudyID"]) == 0
    assert "never returned:  StudyInstanceUID, StudyID" in capsys.readouterr().out


def test_find_says_what_the_user_should_know(scp: Answering, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["find", scp.peer, "--level", "image", "-k", "PatientName=Mü*", "--json"]) == 0
    out, err = capsys.readouterr()
    assert "ISO_IR 100" in err
    assert "wants one StudyInstanceUID" in err
    summary = events(out)[-1]
    assert summary["character_set"] == "ISO_IR 100"
    assert len(summary["notes"]) == 2


@pytest.mark.parametrize("command", ["find", "worklist"])
def test_keys_out_of_a_file(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[Dataset] = []

    def find(request: FindRequest) -> Status:
        asked.append(request.dataset)
        return Status(0)

    path = tmp_path / "query.json"
    step = elements(Modality="CT", ScheduledStationName="")
    path.write_text(elements(PatientName="Doe^A*", PatientID="", ScheduledProcedureStepSequence=[step]).to_json())
    with in_thread(lambda: answering(Handlers(on_find=find))) as scp:
        assert main([command, scp.peer, "--query", str(path), "-k", "StudyDate=20240101", "-r", "PatientSex"]) == 0
    [identifier] = asked
    assert (identifier.PatientName, identifier.PatientID, identifier.StudyDate) == ("Doe^A*", "", "20240101")
    assert "PatientSex" in identifier
    [item] = identifier.ScheduledProcedureStepSequence
    assert (item.Modality, item.ScheduledStationName) == ("CT", "")
    assert "0 matches" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["find", "worklist"])
def test_a_query_file_that_cannot_be_used(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "A@127.0.0.1:1", "--query", str(tmp_path / "none")]) == 4
    assert "cannot read" in capsys.readouterr().err
    path = tmp_path / "query.json"
    path.write_text(elements(ReferencedStudySequence=[Dataset(), Dataset()]).to_json())
    assert main([command, "A@127.0.0.1:1", "--query", str(path)]) == 2
    assert "2 items" in capsys.readouterr().err


def test_nothing_found_is_done(scp: Answering, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["find", scp.peer, "-k", "PatientID=nobody"]) == 0
    out, err = capsys.readouterr()
    assert out == "0 matches\n"
    assert "nothing matched" in err


def test_a_failure_status_is_1(capsys: pytest.CaptureFixture[str]) -> None:
    answers = Handlers(on_find=lambda request: Reply(Status(0xA700), "too much"))
    with in_thread(lambda: answering(answers)) as scp:
        assert main(["find", scp.peer]) == 1
        out, err = capsys.readouterr()
        assert "0 matches" in out
        assert "error: " in err
        assert main(["find", scp.peer, "--json"]) == 1
    summary = events(capsys.readouterr().out)[-1]
    assert (summary["ok"], summary["status"], summary["comment"]) == (False, 0xA700, "too much")


def test_a_refused_context_is_1_and_a_closed_port_3(scp: Answering, capsys: pytest.CaptureFixture[str]) -> None:
    with in_thread(lambda: answering(Handlers(on_move=lambda request: []))) as other:
        assert main(["find", other.peer]) == 1
        peer = other.peer
    assert main(["find", peer]) == 3
    assert "0 matches" in capsys.readouterr().out


BROKEN = {
    "values": b"\x28\x00\x10\x00US\x03\x00abc\x28\x00\x11\x00US\x01\x00a",
    "deflated": encode_dataset(elements(PatientID="1"), DEFLATED),
    "cut": encode_dataset(elements(PatientID="1234"), EXPLICIT)[:-2],
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_an_unreadable_match_is_3_and_told(broken: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    with in_thread(lambda: answering(Handlers(on_find=lambda request: iter([broken])))) as scp:
        assert main(["find", scp.peer]) == 3
    out, err = capsys.readouterr()
    assert out == "0 matches; 1 could not be read\n"
    assert "could not be read" in err


def test_the_other_matches_remain(capsys: pytest.CaptureFixture[str]) -> None:
    matches = [elements(PatientID="1"), BROKEN["deflated"], elements(PatientID="2")]
    with in_thread(lambda: answering(Handlers(on_find=lambda request: iter(matches)))) as scp:
        assert main(["find", scp.peer, "--json"]) == 3
    told = events(capsys.readouterr().out)
    assert [one["number"] for one in told if one["event"] == "match"] == [1, 2]
    assert (told[-1]["ok"], told[-1]["matches"], told[-1]["unreadable"]) == (False, 2, 1)


def test_who_reads_no_more_ends_the_query(
    scp: Answering, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`| head`: the query has no end of its own."""
    lines = 0

    def write(text: str) -> int:
        nonlocal lines
        lines += 1
        if lines > 5:
            raise BrokenPipeError
        return len(text)

    monkeypatch.setattr(sys.stdout, "write", write)
    assert main(["find", scp.peer, "-k", f"PatientID={ENDLESS}"]) == 0


def worklist(request: FindRequest) -> Iterator[Dataset]:
    yield elements(
        PatientName="Doe^Jane", PatientID="7",
        ScheduledProcedureStepSequence=[elements(Modality="CT", ScheduledProcedureStepStartDate="20240229")],
    )  # fmt: skip


def test_no_option_is_advised_that_worklist_does_not_have(capsys: pytest.CaptureFixture[str]) -> None:
    def nothing(_request: FindRequest) -> Iterator[Dataset]:
        yield from ()

    def refusing(_request: FindRequest) -> Iterator[Reply]:
        yield Reply(Status(0xA900))

    for answer, code in ((nothing, 0), (refusing, 1)):
        with in_thread(lambda answer=answer: answering(Handlers(on_find=answer))) as scp:
            assert main(["worklist", scp.peer, "-k", "PatientID=1"]) == code
            told = "".join(capsys.readouterr())
            assert "root" not in told
            assert main(["find", scp.peer, "-k", "PatientID=1"]) == code
            assert "--root" in "".join(capsys.readouterr())


def test_worklist_shows_steps(capsys: pytest.CaptureFixture[str]) -> None:
    with in_thread(lambda: answering(Handlers(on_find=worklist))) as scp:
        assert main(["worklist", scp.peer, "-k", "ScheduledProcedureStepSequence[0].Modality=CT"]) == 0
        out, err = capsys.readouterr()
        head, row, last = out.splitlines()
        assert head.split()[:2] == ["Modality", "StartDate"]
        assert row.split() == ["CT", "20240229", "Doe^Jane", "7"]
        assert last == "1 match"
        assert err == ""
        assert main(["worklist", scp.peer, "-k", "Modality=CT", "-r", "PatientID", "--json"]) == 0
    out, err = capsys.readouterr()
    assert "write ScheduledProcedureStepSequence[0].Modality" in err
    match, summary = events(out)
    assert match["dataset"]["00400100"]["Value"][0]["00080060"]["Value"] == ["CT"]
    assert (summary["root"], summary["level"]) == ("worklist", None)
