from __future__ import annotations

import pytest
from helpers.failures import RECORDED
from helpers.recordings import Recording, associate_rq

from dicomgui.network.tracing import FileRecord, NoteRecord, Record, Role
from dicomgui.trace.diagnosis.diagnose import diagnose
from dicomgui.trace.finding import Finding, Severity


def only(records: list[Record]) -> Finding:
    (finding,) = diagnose(records)
    return finding


@pytest.mark.parametrize("title", [" PACS", "PACS\0\0", "PACS\r", "", "P\u00e4cs"])
def test_odd_titles_of_callers(title: str) -> None:
    recording = Recording(role=Role.ACCEPTOR).connect().received(associate_rq(called=title))
    finding = only(recording.records)
    assert (finding.code, finding.severity) == ("odd-ae-title", Severity.NOTE)
    assert finding.evidence[0].offset == 10
    assert diagnose(Recording().connect().sent(associate_rq(called=title)).records) == []


def test_files() -> None:
    records: list[Record] = [
        FileRecord(1, 0.0, 0.0, "failed", "/a/b.dcm", 0, "No space left on device."),
        FileRecord(1, 0.0, 0.0, "discarded", "", 0, ""),
    ]
    failed, discarded = diagnose(records)
    assert failed.what == "A file could not be read or written: /a/b.dcm (No space left on device)."
    assert discarded.code == "file-discarded"


def test_faults_of_ours() -> None:
    finding = only([NoteRecord(1, 0.0, 0.0, 40, "internal fault: KeyError: 3")])
    assert finding.code == "internal-fault"
    assert finding.what == "A fault of this program: KeyError: 3."


def test_only_the_odd_bytes_of_a_text_are_shown() -> None:
    """The value may be a patient's name."""
    finding = only(list(RECORDED["character-set-missing"]()))
    assert "(0010,0010) has f6 df;" in finding.what
    assert finding.what.startswith("The peer sends text in C-FIND")


def test_an_odd_command_is_told_once_of_its_kind() -> None:
    again = [*RECORDED["odd-command"](), *RECORDED["odd-command"]()]
    finding = only(again)
    assert (finding.code, finding.severity) == ("odd-command", Severity.NOTE)
    assert "C-ECHO-RSP" in finding.what or "C-ECHO" in finding.what
    assert "the Command Group Length is missing or wrong" in finding.what
