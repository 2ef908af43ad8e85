from __future__ import annotations

from helpers.failures import RECORDED

from dicomgui.cli.finding_text import evidence_lines, option_lines, records_shown
from dicomgui.network.tracing import Record
from dicomgui.trace.diagnosis.diagnose import diagnose
from dicomgui.trace.finding import Action, ActionKind, Finding, Severity


def lines_of(code: str) -> tuple[str, ...]:
    records: list[Record] = list(RECORDED[code]())
    findings = [finding for finding in diagnose(records) if finding.code == code]
    return evidence_lines(findings[0], records_shown(findings, records))


def test_evidence_is_a_row_and_its_bytes() -> None:
    rejection, title = lines_of("rejected-called-ae")
    assert rejection == "row 3, A-ASSOCIATE-RJ, bytes 7 to 9: 01 01 07"
    assert title.startswith("row 2, A-ASSOCIATE-RQ, bytes 10 to 25: 50 41 43 53 20")


def test_bytes_that_are_no_pdu_and_records_without_bytes() -> None:
    (line,) = lines_of("not-dicom-ssh")
    assert line == "row 3, bytes, bytes 0 to 15: 53 53 48 2d 32 2e 30 2d 4f 70 65 6e 53 53 48 5f"
    assert lines_of("closed-port") == ("row 1, connect",)
    message, status = lines_of("store-out-of-resources")
    assert message == "row 5, DIMSE message"
    assert status.endswith(": 00 00 00 09 02 00 00 00 00 a7")


def test_a_record_that_is_not_there_has_its_number_only() -> None:
    (finding,) = diagnose(RECORDED["closed-port"]())
    assert evidence_lines(finding, {}) == ("row 1",)


def test_what_the_command_line_can_do() -> None:
    actions = (
        Action(ActionKind.TRY_AE, "Try PACS1", "PACS1"),
        Action(ActionKind.EDIT_NODE, "Edit the node"),
        Action(ActionKind.RETRY_TLS, "Retry with TLS"),
    )
    finding = Finding("x", Severity.ERROR, "What.", actions=actions)
    assert option_lines(finding) == ("the same to PACS1@host:port", "the same with --tls")
