from __future__ import annotations

import io

from helpers.recordings import Recording

from dicomgui.network.tracing import (
    BytesRecord,
    Direction,
    FileRecord,
    NoteRecord,
    PduRecord,
    Record,
    ResolveRecord,
    Segment,
    TlsRecord,
)
from dicomgui.trace.finding import Finding, Severity
from dicomgui.trace.reports.text import association_line, time_text, write_text
from dicomgui.trace.store import TraceStore


def text_of(records: list[Record], findings: tuple[Finding, ...] = ()) -> str:
    store = TraceStore()
    for record in records:
        store(record)
    out = io.StringIO()
    write_text(store, findings, out)
    store.close()
    return out.getvalue()


def test_associations_findings_and_rows_are_told() -> None:
    finding = Finding("x", Severity.ERROR, "It broke", ("a cause",), ("try that",), clause="PS3.8 9", association=1)
    text = text_of(Recording().established().echo().store(0xA700, "disk full").released().records, (finding,))
    lines = text.splitlines()
    assert lines[0] == "DICOM trace: 1 associations, 12 rows, times in UTC"
    assert lines[2].startswith("#1  ME -> PACS  to 10.0.0.2:104  released")
    assert "1 × C-ECHO" in lines[2]
    assert lines[4:8] == ["error: It broke (association #1)", "  likely: a cause", "  try: try that", "  see: PS3.8 9"]
    assert "       2 2025-06-15T15:06:41.000000Z #1    -> A-ASSOCIATE-RQ  " in text
    assert "Called-AE-title: PACS" in text
    assert "connect  role=requestor  local=10.0.0.1:50000" in text
    assert "C-ECHO-RSP  id 1  0x0000 (success)" in text
    assert "C-STORE-RSP  id 1  0xA700" in text
    assert "disk full" in text


def test_nothing_of_a_peer_reaches_the_terminal_raw() -> None:
    head = (1, 0.0, 1e9)
    text = text_of([
        NoteRecord(*head, 20, "bad \x1b[31m"),
        BytesRecord(*head, Direction.RECEIVED, 40, b"\x1b" * 40, "no \x1b"),
        PduRecord(*head, Direction.RECEIVED, 9, 20, (), "unknown \x1b"),
        FileRecord(*head, "failed", "a\nb", 1, ""),
        ResolveRecord(*head, "pacs\x1b", ("10.0.0.1", "::1"), 0.5, ""),
        TlsRecord(*head, "TLSv1.3", "x", b"abc", 0.5, ""),
        *Recording().dimse(Direction.RECEIVED, _store()).records,
    ])  # fmt: skip
    assert "\x1b" not in text
    assert "a\\nb" in text
    assert "addresses=10.0.0.1, ::1  seconds=0.500000" in text
    assert "peer_certificate=3 bytes" in text


def _store() -> object:
    from dicomgui.network.dimse import CStoreRSP
    from dicomgui.network.status import Status

    return CStoreRSP(1, Status(0xA700), "1.2", "1.2.3", error_comment="x\x1b]0;y")


def test_a_pdu_of_many_fields_is_cut() -> None:
    body = b"\0\0\0\x02\x01\x03" * 1000
    data = b"\x04\0" + len(body).to_bytes(4, "big") + body
    record = PduRecord(1, 0.0, 0.0, Direction.SENT, 4, len(data), (Segment(0, data),), "")
    text = text_of([record])
    assert "further fields are not shown" in text
    assert text.count("\n") < 500


def test_plain_data_is_one_row() -> None:
    data = b"\x04\0\0\0\0\x0a\0\0\0\x06\x01\x02data"
    text = text_of([PduRecord(1, 0.0, 0.0, Direction.SENT, 4, len(data), (Segment(0, data),), "")])
    assert text.count("P-DATA-TF") == 1
    assert "Presentation" not in text


def test_what_no_clock_shows_is_empty() -> None:
    assert time_text(0.5) == "1970-01-01T00:00:00.500000Z"
    assert time_text(1e18) == ""
    assert time_text(float("nan")) == ""


def test_a_line_for_an_association_of_which_little_is_known() -> None:
    store = TraceStore()
    store(NoteRecord(5, 0.0, 0.0, 20, "x"))
    assert association_line(store.associations()[0]).startswith("#5  ? -> ?  with ?  connecting")
    store.close()
