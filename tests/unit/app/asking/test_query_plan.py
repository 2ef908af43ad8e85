"""Queries out of files: what each asks, in which order, and what is skipped."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.instances import elements, write_instance
from pydicom import dcmread

from dicomgui.app.asking.dicom_json import DatasetFileError
from dicomgui.app.asking.keys import parse_key, parse_return_key
from dicomgui.app.asking.levels import Level
from dicomgui.app.asking.query_plan import QueryFiles, plan_queries

LEVEL = Level.STUDY


def written(path: Path, **values: object) -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text(elements(**values).to_json())
    return str(path)


def test_without_files_there_is_one_query() -> None:
    keys = (parse_key("PatientID=1"),)
    [only] = plan_queries(QueryFiles(), keys, level=LEVEL, model=None).queries
    assert (only.name, only.keys, only.returned) == ("", keys, None)
    assert not QueryFiles()


def test_files_of_a_folder_in_the_order_of_their_names(tmp_path: Path) -> None:
    second = written(tmp_path / "all" / "b.json", PatientID="2")
    first = written(tmp_path / "all" / "a.json", PatientID="1", StudyDate="")
    (tmp_path / "all" / ".hidden").write_text("no data set")
    key, back = parse_key("Modality=CT"), parse_return_key("StudyTime")
    plan = plan_queries(QueryFiles((str(tmp_path / "all"),)), [key], [back], level=LEVEL, model=None)
    assert [one.name for one in plan.queries] == [first, second]
    assert [[str(one) for one in query.keys] for query in plan.queries] == [
        ["PatientID=1", "Modality=CT"], ["PatientID=2", "Modality=CT"],
    ]  # fmt: skip
    assert [[one.name for one in query.returned or ()] for query in plan.queries] == [
        ["StudyDate", "StudyTime"], ["StudyTime"],
    ]  # fmt: skip


def test_each_query_asks_for_each_list_of_identifiers(tmp_path: Path) -> None:
    file = written(tmp_path / "query.json", StudyInstanceUID="1.2.3", Modality="CT")
    image = write_instance(tmp_path / "images", 1)
    (tmp_path / "images" / "note.txt").write_text("no instance")
    study = dcmread(image).StudyInstanceUID
    files = QueryFiles((file,), (str(tmp_path / "images"),))
    [only] = plan_queries(files, level=LEVEL, model=None).queries
    assert only.name == f"{file}, identifiers 1 of 1"
    assert {str(key) for key in only.keys} == {"Modality=CT", f"StudyInstanceUID={study}"}


def test_a_folder_without_files_is_no_query(tmp_path: Path) -> None:
    with pytest.raises(DatasetFileError, match="holds no files"):
        plan_queries(QueryFiles((str(tmp_path),)), level=LEVEL, model=None)
