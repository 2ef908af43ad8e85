"""Worklists from CSV files and folders: columns by name, faults by line."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.instances import write_instance

from dicomgui.app.asking.dicom_json import dataset_json
from dicomgui.app.listening.ris_files import csv_text, read_csv, read_folder
from dicomgui.app.practice.data import practice_worklist
from dicomgui.network.errors import ConfigurationError


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "list.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_columns_by_name_in_any_order(tmp_path: Path, delimiter: str) -> None:
    head = delimiter.join(("Patient ID", "PATIENTNAME", "Station AE", "date"))
    read = read_csv(written(tmp_path, f"\ufeff{head}\r\n17{delimiter}王^小东{delimiter}CT1{delimiter}today\r\n\r\n"))
    assert read.problems == ()
    assert read.rows == ({
        "PatientID": "17", "PatientName": "王^小东", "ScheduledStationAETitle": "CT1",
        "ScheduledProcedureStepStartDate": "today",
    },)  # fmt: skip


def test_faults_are_named_by_line_and_good_rows_are_kept(tmp_path: Path) -> None:
    text = 'PatientID,Sex,Colour\n1,M,red\n2,X,blue\n"3\n3",F,\n4,F,,more\n5,O,\n'
    read = read_csv(written(tmp_path, text))
    assert [row["PatientID"] for row in read.rows] == ["1", "5"]
    assert [problem.partition(":")[0] for problem in read.problems] == ["line 1", "line 3", "line 5", "line 6"]
    assert "Colour" in read.problems[0]
    assert "M, F or O" in read.problems[1]


@pytest.mark.parametrize(
    ("text", "encoding", "reason"),
    [("a,b\n1,2\n", "utf-8", "line 1"), ("PatientName\nx\nMüller\n", "latin-1", "line 3"), ("", "utf-8", "line 1")],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str, encoding: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        read_csv(written(tmp_path, text, encoding))


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    rows = ({"PatientName": 'A, "B"', "PatientID": "1"}, {"AccessionNumber": "A@@", "PatientID": "2"})
    read = read_csv(written(tmp_path, csv_text(rows)))
    assert [{name: cell for name, cell in row.items() if cell} for row in read.rows] == list(rows)


def test_a_folder_of_data_sets(tmp_path: Path) -> None:
    import json
    from datetime import date

    [item, *_] = practice_worklist(date(2025, 1, 2))
    (tmp_path / "a.json").write_text(json.dumps(dataset_json(item)))
    (tmp_path / "b.wl").write_bytes(b"nothing")
    write_instance(tmp_path / "files", 1).rename(tmp_path / "c.dcm")
    (tmp_path / "notes.txt").write_text("not looked at")
    read = read_folder(tmp_path)
    assert [one.StudyInstanceUID for one in read.datasets] == [item.StudyInstanceUID]
    assert [problem.partition(":")[0] for problem in read.problems] == ["b.wl", "c.dcm"]


def test_a_folder_without_any_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ConfigurationError):
            read_folder(folder)
