"""Reports: safe for spreadsheets, whole or not there; findings that say the same are one."""

from __future__ import annotations

import csv
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from helpers.instances import CT, EXPLICIT, IMPLICIT, write_instance

from dicomgui.app.files.sources import Skipped, scan
from dicomgui.app.transfers import report as module
from dicomgui.app.transfers.report import ReportLine, lines_of, write_report
from dicomgui.app.transfers.send import ItemResult, ItemState, SendReport
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.status import Status


def report_of(tmp_path: Path) -> SendReport:
    [item] = scan([write_instance(tmp_path, 1)]).items
    result = ItemResult(item, ItemState.FAILED, Status(0xA700), '=HYPERLINK("x")', "out, of\nresources", None, 7, 0.25)
    return SendReport((result,), (Skipped("-x.txt", "no DICOM", is_fault=False),), (7,), 0, 1.0)


def test_every_file_is_a_line(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    report = report_of(tmp_path)
    write_report(path, lines_of(report, "PACS@host:104"))
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        head, sent, skipped = csv.reader(file)
    row = dict(zip(head, sent, strict=True))
    assert row["State"] == "failed"
    assert row["Status"] == "0xA700"
    assert row["Reason"] == "out, of\nresources"
    assert row["Comment of the peer"] == '\'=HYPERLINK("x")'
    assert (row["SOP class UID"], row["Transfer syntax UID"]) == (CT, EXPLICIT)
    assert row["Bytes"] == str(report.results[0].item.size_bytes)
    assert (row["Association in the trace"], row["Peer"], row["Seconds"]) == ("7", "PACS@host:104", "0.250000")
    assert skipped[:4] == ["'-x.txt", "skipped", "", "no DICOM"]
    assert not any(skipped[4:])


def test_json_has_values_and_no_texts_for_what_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "report.JSON"
    write_report(path, lines_of(report_of(tmp_path), "PACS@host:104"))
    sent, skipped = json.loads(path.read_text(encoding="utf-8"))
    assert (sent["status"], sent["comment"], sent["association"]) == (0xA700, '=HYPERLINK("x")', 7)
    assert (sent["sop_class_uid"], sent["transfer_syntax_uid"], sent["sent_as"]) == (CT, EXPLICIT, None)
    assert (skipped["path"], skipped["reason"], skipped["status"], skipped["bytes"]) == (
        "-x.txt",
        "no DICOM",
        None,
        None,
    )


def test_a_report_of_nothing_is_a_list(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_report(path, ())
    assert json.loads(path.read_text(encoding="utf-8")) == []


class Cells(HTMLParser):
    """The texts of the cells, and every tag."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_a_text_of_a_peer_is_no_markup(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    text = '<script src="//x">&amp;'
    write_report(path, [ReportLine(text, "skipped", reason=text)])
    cells = Cells()
    cells.feed(path.read_text(encoding="utf-8"))
    assert cells.texts.count(text) == 2
    assert "script" not in cells.tags


def test_a_name_that_says_no_format_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"report\.xlsx.*\.csv"):
        write_report(tmp_path / "report.xlsx", ())
    assert not list(tmp_path.iterdir())


def test_what_was_converted_is_told(tmp_path: Path) -> None:
    [item] = scan([write_instance(tmp_path, 1)]).items
    results = tuple(
        ItemResult(item, state, sent_as=IMPLICIT) for state in (ItemState.SENT, ItemState.WARNING, ItemState.FAILED)
    )
    path = tmp_path / "report.csv"
    write_report(path, lines_of(SendReport(results, (), (), 0, 1.0)))
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    name = "Implicit VR Little Endian"
    assert [row["Converted to"] for row in rows] == [name, name, ""]
    assert {row["Transfer syntax UID"] for row in rows} == {EXPLICIT}


def test_a_name_that_is_no_text_can_be_written(tmp_path: Path) -> None:
    write_report(tmp_path / "report.csv", [ReportLine("odd\udc80name", "skipped")])
    assert "odd\\udc80name" in (tmp_path / "report.csv").read_text(encoding="utf-8-sig")


def test_a_report_that_cannot_be_finished_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.csv"
    path.write_text("old")

    def fail(_line: ReportLine) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_cells", fail)
    with pytest.raises(OSError, match="No space"):
        write_report(path, [ReportLine("a", "sent")])
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["report.csv"]
