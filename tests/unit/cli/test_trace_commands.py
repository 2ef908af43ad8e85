"""trace show, explain, export and decode."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from helpers.identified import encoded, patient, stored
from helpers.instances import EXPLICIT

from dicomgui.cli import trace_commands
from dicomgui.cli.main import main
from dicomgui.network.association.negotiation import build_request
from dicomgui.network.client import presets
from dicomgui.network.dimse.command_set import encode
from dicomgui.network.dimse.commands import CEchoRQ
from dicomgui.network.pdu import Abort, AssociateRJ, AssociateRQ, ReleaseRQ, UserIdentityRQ, UserInformation
from dicomgui.network.tracing import Direction, PduRecord, Role, Scribe, Segment, TlsRecord
from dicomgui.trace.file import TraceWriter, read_trace

REQUEST = build_request("PACS", "ME", presets.VERIFICATION)


def write_trace(path: Path, *, rejected: bool = True, closed: bool = True) -> Path:
    writer = TraceWriter(path)
    scribe = Scribe(writer, 1)
    scribe.connect(Role.REQUESTOR, "127.0.0.1:5000", "127.0.0.1:104", 0.001)
    request = REQUEST.encode()
    scribe.pdu(Direction.SENT, 1, len(request), (Segment(0, request),))
    if rejected:
        answer = AssociateRJ(1, 1, 7).encode()
        scribe.pdu(Direction.RECEIVED, 3, len(answer), (Segment(0, answer),))
    else:
        scribe.pdu(Direction.RECEIVED, 9, 20, (), "PDU of unknown type \x1b")
        scribe.stray_bytes(Direction.RECEIVED, 12, b"HTTP/1.1 400", "no DICOM")
        scribe.dimse(Direction.SENT, 1, 0x0030, 1, sop_class_uid="1.2.840.10008.1.1")
        scribe.dimse(Direction.RECEIVED, 1, 0x8030, 1, status=0xA700)
        scribe.dimse(Direction.RECEIVED, 1, 0x7777, 1, status=0)
        scribe.dimse(Direction.SENT, 1, 0x7776, 2)
    if closed:
        scribe.close(by_peer=True)
        writer.close()
    else:
        writer.flush()
        writer._file.close()
    return path


def objects(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_show_lists_associations_and_pdus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", "show", str(write_trace(tmp_path / "x"))]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0].startswith("association 1   ME -> PACS  to 127.0.0.1:104  rejected")
    assert lines[1] == ""
    assert "-> A-ASSOCIATE-RQ" in lines[2]
    assert "<- A-ASSOCIATE-RJ" in lines[3]
    assert err == ""


def test_show_lists_what_was_malformed_and_messages_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", "show", str(write_trace(tmp_path / "x", rejected=False))]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "no PDU" in out
    assert "C-ECHO-RQ" in out
    assert "0xA700" in out
    assert "command 7777H" in out
    assert "2 C-ECHO-RQ" not in out


def test_show_tells_of_tls_also_at_an_impossible_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with TraceWriter(tmp_path / "x") as writer:
        writer(TlsRecord(1, 0.0, 1e17, "TLSv1.3", "AES", b"", 0.1, ""))
        writer(PduRecord(1, 0.0, 1e17, Direction.SENT, 7, 10, (), ""))
    assert main(["trace", "show", str(tmp_path / "x")]) == 0
    assert "TLSv1.3, AES" in capsys.readouterr().out
    assert main(["trace", "show", "--json", str(tmp_path / "x")]) == 0
    tls, pdu, _ = objects(capsys)
    assert (tls["event"], tls["time"], tls["certificates"], tls["error"]) == ("tls", "", [], None)
    assert pdu["time"] == ""


def test_show_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", "show", "--json", str(write_trace(tmp_path / "x"))]) == 0
    printed = objects(capsys)
    assert [entry["event"] for entry in printed] == ["pdu", "pdu", "summary"]
    first = printed[0]
    assert first["association"] == 1
    assert first["direction"] == "sent"
    assert first["type"] == "A-ASSOCIATE-RQ"
    assert first["time"].endswith("+00:00")
    assert first["length"] == len(REQUEST.encode())
    assert printed[-1] == {"event": "summary", "ok": True, "exit_code": 0, "associations": 1, "pdus": 2}


def test_what_belongs_to_no_association_is_shown_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with TraceWriter(tmp_path / "x") as writer:
        Scribe(writer, 0).pdu(Direction.RECEIVED, 7, 10, ())
        Scribe(writer, 0).stray_bytes(Direction.RECEIVED, 3, b"abc")
    assert main(["trace", "show", str(tmp_path / "x")]) == 0
    assert "A-ABORT" in capsys.readouterr().out


def test_an_empty_trace_shows_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    TraceWriter(tmp_path / "x").close()
    assert main(["trace", "show", str(tmp_path / "x")]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_trace_that_was_not_closed_or_is_damaged_is_shown_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_trace(tmp_path / "x", closed=False)
    assert main(["trace", "show", str(path)]) == 0
    assert "did not close" in capsys.readouterr().err
    path.write_bytes(path.read_bytes()[:-5])
    assert main(["trace", "explain", str(path)]) == 0
    assert "missing" in capsys.readouterr().err


def test_show_ends_when_nobody_reads_it_any_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr("sys.stdout", Gone())
    assert main(["trace", "show", str(write_trace(tmp_path / "x"))]) == 0


def test_explain_says_what_failed_why_and_what_to_try(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(write_trace(tmp_path / "x"))
    assert main(["trace", "explain", path]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("error: ")
    assert "PACS" in out
    assert "  try " in out
    assert ", A-ASSOCIATE-RJ, bytes 7 to 9: 01 01 07" in out
    assert "  see     PS3.8 9.3.4" in out
    assert err == ""
    assert main(["trace", "explain", path, "--json"]) == 0
    printed = objects(capsys)
    assert printed[0]["event"] == "finding"
    assert printed[-1]["findings"] == len(printed) - 1


def test_explain_says_when_nothing_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    TraceWriter(tmp_path / "x").close()
    assert main(["trace", "explain", str(tmp_path / "x")]) == 0
    assert "nothing failed" in capsys.readouterr().out


def test_export_writes_a_capture_and_tells_its_danger(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "x.pcapng"
    assert main(["trace", "export", str(write_trace(tmp_path / "x")), "-o", str(target)]) == 0
    out, err = capsys.readouterr()
    assert target.read_bytes()[:4] == b"\x0a\x0d\x0d\x0a"
    assert " rows written to " in out
    assert "patient data" in err
    assert main(["trace", "export", str(tmp_path / "x"), "-o", str(target), "--json"]) == 0
    assert objects(capsys)[-1]["rows"] > 0


@pytest.mark.parametrize(("name", "begin"), [("x.txt", "DICOM trace:"), ("x.jsonl", '{"kind":'), ("x.md", "# DICOM")])
def test_export_goes_by_the_name(tmp_path: Path, name: str, begin: str) -> None:
    trace = write_trace(tmp_path / "x")
    assert main(["trace", "export", str(trace), "-o", str(tmp_path / name)]) == 0
    text = (tmp_path / name).read_text(encoding="utf-8")
    assert text.startswith(begin)
    form = name.partition(".")[2]
    assert main(["trace", "export", str(trace), "-o", str(tmp_path / "out"), "--format", form]) == 0
    assert (tmp_path / "out").read_text(encoding="utf-8") == text


def test_export_wants_a_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", "export", str(write_trace(tmp_path / "x")), "-o", str(tmp_path / "x.doc")]) == 2
    assert ".jsonl" in capsys.readouterr().err


def test_reports_are_redacted_unless_all_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = str(write_patient(tmp_path / "x"))
    held = {}
    for name in ("a.md", "b.txt", "c.dgtrace"):
        for form in ([], ["--redact"], ["--whole"]):
            out = tmp_path / name
            assert main(["trace", "export", trace, "-o", str(out), *form]) == 0
            held[name, *form] = b"no room for Erika" in out.read_bytes()
    err = capsys.readouterr().err
    assert held == {
        ("a.md",): False, ("a.md", "--redact"): False, ("a.md", "--whole"): held["a.md", "--whole"],
        ("b.txt",): True, ("b.txt", "--redact"): False, ("b.txt", "--whole"): True,
        ("c.dgtrace",): True, ("c.dgtrace", "--redact"): False, ("c.dgtrace", "--whole"): True,
    }  # fmt: skip
    assert err.count("can hold patient data") == 5


def write_patient(path: Path) -> Path:
    with TraceWriter(path) as writer:
        scribe = Scribe(writer, 1)
        scribe.connect(Role.REQUESTOR, "127.0.0.1:5000", "10.7.7.7:104", 0.001)
        request = REQUEST.encode()
        scribe.pdu(Direction.SENT, 1, len(request), (Segment(0, request),))
        scribe.dimse(Direction.RECEIVED, 1, 0x8001, 1, status=0xA700, comment="no room for Erika")
        scribe.tls("TLSv1.3", "x", (b"certificate",), 0.1)
    return path


def test_redact_writes_a_copy_and_tells_how_much(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace, out = write_patient(tmp_path / "x"), tmp_path / "y.dgtrace"
    assert main(["trace", "redact", str(trace), "-o", str(out), "-v"]) == 0
    told, err = capsys.readouterr()
    assert "1  ErrorComment (0000,0902)" in told
    assert "1 values were replaced; none of them is in the copy" in told
    assert "patient data" not in err
    data = out.read_bytes()
    assert b"Erika" not in data
    assert b"10.7.7.7" in data
    reader = read_trace(out)
    assert len(list(reader)) == 4
    assert reader.info["redacted"] is True
    masks = ["--mask-ae", "--mask-addresses", "--mask-certificates"]
    again = tmp_path / "again.dgtrace"
    assert main(["trace", "export", str(out), "-o", str(again)]) == 0
    assert "patient data" not in capsys.readouterr().err
    reader = read_trace(again)
    assert len(list(reader)) == 4
    assert reader.info["redacted"] is True
    assert main(["trace", "redact", str(trace), "-o", str(out), "--json", *masks]) == 0
    summary = objects(capsys)[-1]
    assert (summary["redacted"], summary["replaced"], summary["rows"]) == (True, 3, 4)
    data = out.read_bytes()
    for word in (b"10.7.7.7", b"PACS", b"certificate"):
        assert word not in data


def write_named(path: Path) -> Path:
    """A patient called PACS, sent to an AE title of that name; and a comment that names Erika."""
    data = patient()
    data.PatientName = "PACS^Erika"
    with TraceWriter(path) as writer:
        for record in stored(encoded(data, EXPLICIT), EXPLICIT):
            writer(record)
    return path


def test_redact_asks_about_what_no_rule_can_judge(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace, out = str(write_named(tmp_path / "x")), tmp_path / "y.dgtrace"
    assert main(["trace", "redact", trace, "-o", str(out)]) == 4
    told, err = capsys.readouterr()
    assert "   1  'PACS': a value of PatientName (0010,0010), 4 bytes, in 2 places" in told
    assert "      row 2, PDU, called AE title, offset 10" in told
    assert "--replace-left" in err
    assert main(["trace", "redact", trace, "-o", str(out), "--json"]) == 4
    [left] = [one for one in objects(capsys) if one["event"] == "left"]
    assert (left["number"], left["element"], left["size"]) == (1, "PatientName (0010,0010)", 4)
    assert "PACS" not in str(left)
    assert not out.exists()


@pytest.mark.parametrize(
    ("answer", "is_kept"),
    [
        (["--replace-left", "1"], False),
        (["--replace-left", "all"], False),
        (["--keep-left", "1"], True),
        (["--keep-left", "all"], True),
        (["--keep-left", "1, 2", "--replace-left", "ALL"], True),
        (["--also", "pacs"], False),
    ],
)
def test_each_value_is_replaced_or_stays_as_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], answer: list[str], is_kept: bool
) -> None:
    trace = str(write_named(tmp_path / "x"))
    for command in (["redact"], ["export", "--redact"]):
        out = tmp_path / f"{command[0]}.dgtrace"
        assert main(["trace", *command, trace, "-o", str(out), *answer]) == 0
        assert ("1 stay in the copy by your choice" in capsys.readouterr().out) == is_kept
        assert (b"PACS" in out.read_bytes()) == is_kept


@pytest.mark.parametrize(
    "answer",
    [
        ["--keep-left", "one"], ["--keep-left", "0"], ["--replace-left", "1,,2"], ["--keep-left", "9" * 20],
        ["--keep-left", "1,2", "--replace-left", "2"], ["--keep-left", "all", "--replace-left", "all"],
    ],
)  # fmt: skip
def test_an_answer_that_says_nothing_clear_is_2(tmp_path: Path, answer: list[str]) -> None:
    trace = str(write_named(tmp_path / "x"))
    assert main(["trace", "redact", trace, "-o", str(tmp_path / "y.dgtrace"), *answer]) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x"]


def test_redact_shows_before_what_it_would_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = write_patient(tmp_path / "x")
    assert main(["trace", "redact", str(trace), "--preview"]) == 0
    told = capsys.readouterr().out
    assert "ErrorComment (0000,0902)" in told
    assert "Erika" not in told
    assert main(["trace", "redact", str(trace), "--preview", "--json"]) == 0
    assert {"event": "replaced", "element": "ErrorComment (0000,0902)", "count": 1} in objects(capsys)
    assert main(["trace", "redact", str(trace)]) == 2
    assert main(["trace", "redact", str(trace), "-o", str(trace)]) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x"]


def test_export_does_not_write_over_the_trace_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_trace(tmp_path / "x")
    before = path.read_bytes()
    assert main(["trace", "export", str(path), "-o", str(path)]) == 2
    assert path.read_bytes() == before


@pytest.mark.parametrize("command", [["show"], ["explain"], ["export", "-o", "out.pcapng"], ["redact", "--preview"]])
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_what_is_no_trace_is_4(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str], form: list[str]
) -> None:
    (tmp_path / "text").write_text("hello", encoding="utf-8")
    for name in ("text", "missing"):
        assert main(["trace", *command, str(tmp_path / name), *form]) == 4
        out, err = capsys.readouterr()
        assert err.startswith("error: ")
        assert bool(out) == bool(form)


def test_export_into_a_missing_folder_is_4(tmp_path: Path) -> None:
    assert main(["trace", "export", str(write_trace(tmp_path / "x")), "-o", str(tmp_path / "no" / "x.pcapng")]) == 4


# ------------------------------------------------------------------------------------------------------------ decode


def decode(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    assert main(["trace", "decode", *arguments]) == 0
    return objects(capsys)


def test_decode_prints_each_pdu_with_its_fields(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "pdus"
    path.write_bytes(REQUEST.encode() + ReleaseRQ().encode())
    first, second = decode(capsys, str(path))
    assert set(first) == {"kind", "type", "fields"}
    assert (first["kind"], first["type"], second["type"]) == ("pdu", "A-ASSOCIATE-RQ", "A-RELEASE-RQ")
    assert set(first["fields"][0]) == {"name", "value", "offset", "length", "children"}


@pytest.mark.parametrize("kind", [[], ["--kind", "command"]])
def test_decode_knows_a_command_set(tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: list[str]) -> None:
    path = tmp_path / "command"
    path.write_bytes(encode(CEchoRQ(7)))
    [decoded] = decode(capsys, str(path), *kind)
    assert (decoded["kind"], decoded["type"]) == ("command", "C-ECHO-RQ")


@pytest.mark.parametrize("text", ["07000000 00040000 0200", "0x07, 0x00", "07:00:00:00:00:04:00:00:02:00", r"\x07\x00"])
def test_decode_takes_hex_as_people_copy_it(text: str) -> None:
    assert trace_commands._from_hex(text.encode()).startswith(b"\x07\x00")


def test_decode_reads_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    text = Abort(2, 0).encode().hex(" ").encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    [decoded] = decode(capsys, "-", "--hex", "--kind", "pdu")
    assert decoded["type"] == "A-ABORT"


def test_decode_of_malformed_bytes_shows_the_fault_and_is_4(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad"
    path.write_bytes(encode(CEchoRQ(7))[:-3])
    assert main(["trace", "decode", str(path)]) == 4
    [decoded] = objects(capsys)
    assert decoded["error"]
    path.write_bytes(REQUEST.encode()[:50])
    assert main(["trace", "decode", str(path)]) == 4


PASSCODE = b"Xq7#wZ" * 8


def with_passcode() -> bytearray:
    return bytearray(AssociateRQ("PACS", "ME", (UserInformation((UserIdentityRQ(2, 1, b"anna", PASSCODE),)),)).encode())


def shows_passcode(text: str) -> bool:
    """Some part of it, as text or as hexadecimal digits."""
    digits = text.replace(" ", "").lower()
    parts = [PASSCODE[start : start + 6] for start in range(6)]
    return any(part.decode() in text or part.hex() in digits for part in parts)


def test_decode_masks_a_passcode_and_tells_its_length(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pdu").write_bytes(with_passcode())
    assert main(["trace", "decode", str(tmp_path / "pdu"), "--json"]) == 0
    text = capsys.readouterr().out
    assert '"48 bytes (not shown)"' in text
    assert '"anna"' in text
    assert not shows_passcode(text)


@pytest.mark.parametrize(
    ("at", "value"),
    [
        pytest.param(77, 0, id="user information without its content"),
        pytest.param(77, 4, id="user information that is too short"),
        pytest.param(74, 0x51, id="user information of another type"),
        pytest.param(81, 0xFF, id="an identity that is too long"),
        pytest.param(81, 0, id="an identity without its content"),
        pytest.param(85, 20, id="a name as long as part of the passcode"),
    ],
)
def test_decode_masks_a_passcode_in_a_malformed_request(
    at: int, value: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pdu = with_passcode()
    pdu[at] = value
    (tmp_path / "pdu").write_bytes(pdu)
    assert main(["trace", "decode", str(tmp_path / "pdu"), "--json"]) in (0, 4)
    assert not shows_passcode(capsys.readouterr().out)


def test_decode_of_nothing_unreadable_or_no_hex_is_4(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "text").write_bytes(b"hello")
    for arguments in (["empty"], ["missing"], ["text", "--hex"]):
        assert main(["trace", "decode", str(tmp_path / arguments[0]), *arguments[1:]]) == 4
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("error: ")
    monkeypatch.setattr(trace_commands, "MAX_DECODE_BYTES", 3)
    assert main(["trace", "decode", str(tmp_path / "text")]) == 4
