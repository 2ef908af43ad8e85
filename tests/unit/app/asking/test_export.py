"""Matches in files: formulas are text, what was there stays whole when writing fails."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.retrieval import elements
from pydicom import dcmread

from dicomgui.app.asking.export import (
    FolderFormat,
    MatchFolder,
    write_answers_csv,
    write_answers_folder,
    write_answers_json,
)
from dicomgui.app.asking.values import Answer
from dicomgui.network.dimse.dataset import encode_dataset

BROKEN = b"\x40\x00\x75\x02SQ\x00\x00\xff\xff\xff\xff" + bytes(8)
EXPLICIT = "1.2.840.10008.1.2.1"


def test_cells_are_text_whatever_the_peer_sends(tmp_path: Path) -> None:
    path = tmp_path / "found.csv"
    assert write_answers_csv(path, ["Name"], [["=1+1"], ["  @SUM(A1)"], ['quo"ted, 王']]) == 3
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
    assert rows == [["Name"], ["'=1+1"], ["'  @SUM(A1)"], ['quo"ted, 王']]


def test_json_is_the_dicom_model_and_leaves_out_what_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    good = Answer(encode_dataset(elements(SpecificCharacterSet="GB18030", PatientName="Wang=王"), EXPLICIT))
    bad = Answer(BROKEN)
    assert write_answers_json(path, [good, bad, good]) == (2, 1)
    found = json.loads(path.read_text(encoding="utf-8"))
    assert [one["00100010"]["Value"] for one in found] == [[{"Alphabetic": "Wang", "Ideographic": "王"}]] * 2
    assert found[0]["00080005"]["Value"] == ["ISO_IR 192"]


def test_no_matches_are_an_empty_array(tmp_path: Path) -> None:
    assert write_answers_json(tmp_path / "none.json", []) == (0, 0)
    assert json.loads((tmp_path / "none.json").read_text()) == []


def test_a_folder_of_dicom_files_holds_the_bytes_that_came(tmp_path: Path) -> None:
    big = "1.2.840.10008.1.2.2"
    good = Answer(encode_dataset(elements(SpecificCharacterSet="GB18030", PatientName="Wang=\u738b"), big), big)
    one = Answer(encode_dataset(elements(SOPClassUID="1.2.840.10008.5.1.4.1.1.2", SOPInstanceUID="1.2.3"), EXPLICIT))
    (tmp_path / "found").mkdir()
    folder, written, unreadable = write_answers_folder(
        tmp_path / "found", [good, Answer(BROKEN), one], FolderFormat.DICOM
    )
    assert (folder, written, unreadable) == (tmp_path / "found (2)", 2, 1)
    assert not list((tmp_path / "found").iterdir())
    assert [path.name for path in sorted(folder.iterdir())] == ["match-00001.dcm", "match-00002.dcm"]
    assert (folder / "match-00001.dcm").read_bytes().endswith(good.data)
    first, second = (dcmread(path) for path in sorted(folder.iterdir()))
    assert (str(first.PatientName), first.file_meta.TransferSyntaxUID) == ("Wang=\u738b", big)
    assert first.file_meta.MediaStorageSOPClassUID == "1.2.840.10008.5.1.4.1.1.66"
    assert second.file_meta.MediaStorageSOPInstanceUID == "1.2.3"


def test_matches_go_behind_what_is_in_a_folder_already(tmp_path: Path) -> None:
    answer = Answer(encode_dataset(elements(PatientID="1"), EXPLICIT))
    for name in ("match-00001.dcm", "match-00002.dcm"):
        assert MatchFolder(tmp_path / "new" / "folder").add(answer).name == name


def test_xml_is_the_native_model(tmp_path: Path) -> None:
    answer = Answer(encode_dataset(elements(PatientID="1\\2"), EXPLICIT))
    folder, _, _ = write_answers_folder(tmp_path / "found", [answer], FolderFormat.XML)
    assert b'<DicomAttribute tag="00100020" vr="LO"' in (folder / "match-00001.xml").read_bytes()


def test_what_was_there_stays_whole_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "found.csv"
    path.write_text("before")

    def lines() -> Iterator[list[str]]:
        yield ["one"]
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        write_answers_csv(path, ["Name"], lines())
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
