"""Printing: two manners, no harm to a terminal, no exception."""

from __future__ import annotations

import io
import json
import os
import sys

import pytest

from dicomgui.cli.exits import Exit
from dicomgui.cli.output import Output, safe, size_text
from dicomgui.trace.finding import Finding, Severity

FINDING = Finding(
    "odd", Severity.ERROR, "It \x1b[31mfailed.", ("One cause.", "Another."), ("Try it.",), (), "PS3.8 9.1", 3
)


def made(**options: bool) -> tuple[Output, io.StringIO, io.StringIO]:
    out, err = io.StringIO(), io.StringIO()
    return Output(out=out, err=err, **options), out, err


def test_nothing_that_a_terminal_acts_on_gets_through() -> None:
    assert safe("a\x1b[2J\r\n\x07\u202eb\x9b\ud800") == "a\\x1b[2J\\r\\n\\x07\\u202eb\\x9b\\ud800"
    assert safe("Größe 漢字") == "Größe 漢字"
    assert safe(5) == "5"


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (2_412_090, "2.4 MB"), (5e9, "5.0 GB"), (5e12, "5000.0 GB")],
)
def test_sizes(size: float, text: str) -> None:
    assert size_text(size) == text


def test_text_for_people() -> None:
    output, out, err = made()
    output.event("step", name="x")
    output.line("a\x1b", "b", "")
    output.detail("only with -v")
    output.note("beside\n")
    assert out.getvalue() == "a\\x1b b\n"
    assert err.getvalue() == "beside\\n\n"


def test_verbose_shows_details() -> None:
    output, out, _ = made(verbose=True)
    output.detail("only with -v")
    assert out.getvalue() == "only with -v\n"


def test_json_is_one_ascii_object_a_line() -> None:
    output, out, err = made(as_json=True)
    output.event("step", name="é\n\x1b")
    output.line("not shown")
    output.findings([FINDING])
    first, second = out.getvalue().splitlines()
    assert first.isascii()
    assert json.loads(first) == {"event": "step", "name": "é\n\x1b"}
    found = json.loads(second)
    assert {"event", "what", "causes", "try"} <= set(found)
    assert found["event"] == "finding"
    assert err.getvalue() == ""


def test_findings_for_people_are_aligned() -> None:
    output, out, err = made()
    output.findings([FINDING])
    assert out.getvalue() == ""
    assert err.getvalue().splitlines() == [
        "error: It \\x1b[31mfailed.",
        "  likely  One cause.",
        "          Another.",
        "  try     Try it.",
    ]
    output, _, err = made(verbose=True)
    output.findings([FINDING])
    assert err.getvalue().splitlines()[-1] == "  see     PS3.8 9.1"


def test_the_streams_of_the_process_are_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output()
    output.line("out")
    output.note("err")
    assert capsys.readouterr() == ("out\n", "err\n")


def test_a_stream_that_cannot_write_a_character_gets_an_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    Output().line("漢")
    assert raw.getvalue() == b"\\u6f22" + os.linesep.encode()


def test_when_the_reader_goes_away_nothing_is_raised_and_it_is_told_once() -> None:
    told: list[str] = []
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w", encoding="utf-8") as out:
        output = Output(out=out, err=io.StringIO())
        output.on_lost = lambda: told.append("lost")
        output.line("one")
        output.line("two")
        assert output.is_lost
        assert output.finish(0) == 0
    assert told == ["lost"]


def test_results_lost_for_another_reason_are_a_failure() -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    err = io.StringIO()
    output = Output(out=Full(), err=err)
    output.line("one")
    assert output.finish(0) == Exit.FILES
    assert output.finish(3) == 3
    assert "No space left" in err.getvalue()
    assert Output(out=io.StringIO(), err=Full()).finish(0) == 0


def test_remarks_that_nobody_reads_are_dropped() -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    output = Output(out=io.StringIO(), err=Closed())
    output.note("x")
    output.findings([FINDING])
    assert not output.is_lost
