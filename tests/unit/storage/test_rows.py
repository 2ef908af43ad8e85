"""Rows of the index: what belongs together, what is shown of doubles, and nothing empty left behind."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.archive import ROOT, instance, put, put_bytes
from pydicom.dataset import Dataset

from dicomgui.storage.attributes import read_attributes, unread_attributes
from dicomgui.storage.rows import FileFacts, Rows
from dicomgui.storage.schema import prepare_schema


class Table:
    """Rows in memory, and files to make them of."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        prepare_schema(self.connection)
        self.rows = Rows(self.connection)

    def put(self, dataset: Dataset, variant: int = 1, *, uid: str = "") -> str:
        name = put(self.folder, dataset, variant=variant)
        attributes = read_attributes(self.folder / name, uid or str(dataset.SOPInstanceUID))
        self.rows.put(FileFacts(name, variant, 1000, 5), attributes)
        self.rows.tidy()
        return name

    def remove(self, name: str) -> bool:
        was_there = self.rows.remove(name)
        self.rows.tidy()
        return was_there

    def all(self, sql: str) -> list[tuple[object, ...]]:
        return self.connection.execute(f"SELECT {sql}").fetchall()

    def counts(self) -> list[int]:
        tables = ("patient", "study", "series", "instance")
        return [int(str(self.all(f"count(*) FROM {table}")[0][0])) for table in tables]


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    table = Table(tmp_path)
    yield table
    table.connection.close()


def test_each_level_once(table: Table) -> None:
    for series in (1, 2):
        for number in (1, 2):
            table.put(instance(1, series, number))
    table.put(instance(2, 1, 1, PatientID="P1"))
    assert table.counts() == [1, 2, 3, 5]


def test_put_twice_is_one_row_with_the_new_values(table: Table) -> None:
    table.put(instance(ContentDate="20240101"))
    facts = table.all("name FROM instance")
    table.put(instance(ContentDate="20240102"))
    assert table.all("name FROM instance") == facts
    assert table.all("ContentDate FROM instance") == [("20240102",)]


def test_an_instance_that_moves_to_another_study_leaves_nothing_behind(table: Table) -> None:
    dataset = instance(1)
    table.put(dataset)
    dataset.StudyInstanceUID, dataset.PatientID = f"{ROOT}.1.7", "P7"
    table.put(dataset)
    assert table.counts() == [1, 1, 1, 1]
    assert table.all("PatientID FROM patient") == [("P7",)]


def test_removing_takes_empty_parents_along(table: Table) -> None:
    names = [table.put(instance(1, 1, 1)), table.put(instance(1, 1, 2)), table.put(instance(1, 2, 1))]
    names.append(table.put(instance(2, 1, 1, PatientID="P1")))
    expected = [[1, 2, 3, 3], [1, 2, 2, 2], [1, 1, 1, 1], [0, 0, 0, 0]]
    for name, counts in zip(names, expected, strict=True):
        assert table.remove(name)
        assert table.counts() == counts
    assert not table.remove(names[0])
    table.put(instance(1, 1, 1))
    assert table.counts() == [1, 1, 1, 1], "what is remembered is not taken for what is there"


def test_first_values_stay_and_gaps_are_filled(table: Table) -> None:
    table.put(instance(1, 1, 1, PatientName="", StudyDescription="First", PatientSex=""))
    table.put(instance(1, 1, 2, PatientName="Doe^Jane", StudyDescription="Second", PatientSex="F"))
    row = ("Doe^Jane", "doe^jane", "F")
    assert table.all("PatientName, PatientNameFold, PatientSex FROM patient") == [row]
    assert table.all("PatientName, PatientNameFold, PatientSex, StudyDescription FROM study") == [(*row, "First")]


def test_a_study_has_its_own_name_of_the_patient(table: Table) -> None:
    table.put(instance(1, PatientID="P", PatientName="Doe^Jane"))
    table.put(instance(2, PatientID="P", PatientName="Doe^J."))
    assert table.all("PatientName FROM patient") == [("Doe^Jane",)]
    assert table.all("PatientName FROM study ORDER BY 1") == [("Doe^J.",), ("Doe^Jane",)]


@pytest.mark.parametrize(
    ("first", "second", "patients"),
    [
        ({"PatientID": "P"}, {"PatientID": "P"}, 1),
        ({"PatientID": "P"}, {"PatientID": "Q"}, 2),
        ({"PatientID": "P", "IssuerOfPatientID": "A"}, {"PatientID": "P", "IssuerOfPatientID": "B"}, 2),
        ({"PatientID": "", "PatientName": "A"}, {"PatientID": "", "PatientName": "A"}, 1),
        ({"PatientID": "", "PatientName": "A"}, {"PatientID": "", "PatientName": "B"}, 2),
        ({"PatientID": "A", "PatientName": "A"}, {"PatientID": "", "PatientName": "A"}, 2),
    ],
)
def test_who_is_one_patient(table: Table, first: dict[str, object], second: dict[str, object], patients: int) -> None:
    table.put(instance(1, **first))
    table.put(instance(2, **second))
    assert table.counts()[0] == patients


def test_a_study_stays_with_its_first_patient(table: Table) -> None:
    table.put(instance(1, 1, 1, PatientID="P"))
    table.put(instance(1, 1, 2, PatientID="Q"))
    assert table.all("PatientID FROM patient") == [("P",)]
    table.put(instance(2, 1, 1, PatientID="Q"))
    table.put(instance(1, 1, 3, PatientID="Q"))
    assert table.all("patient FROM study ORDER BY StudyInstanceUID") == [(1,), (2,)]


def test_a_series_uid_in_two_studies_is_two_series(table: Table) -> None:
    uid = f"{ROOT}.2.9"
    table.put(instance(1, SeriesInstanceUID=uid))
    table.put(instance(2, SeriesInstanceUID=uid))
    assert table.counts() == [2, 2, 2, 2]


def test_of_several_data_sets_of_one_uid_the_first_is_shown(table: Table) -> None:
    second = table.put(instance(), 2)
    assert table.all("shown FROM instance") == [(1,)]
    first = table.put(instance(), 1)
    third = table.put(instance(), 3)
    shown = "variant FROM instance WHERE shown"
    assert table.all(shown) == [(1,)]
    table.remove(first)
    assert table.all(shown) == [(2,)]
    table.remove(third)
    table.remove(second)
    assert table.counts() == [0, 0, 0, 0]


def test_a_second_data_set_in_another_series_is_shown_there(table: Table) -> None:
    table.put(instance(1, 1, 1))
    table.put(instance(1, 1, 1, SeriesInstanceUID=f"{ROOT}.2.9"), 2)
    assert table.all("shown FROM instance") == [(1,), (1,)]


def test_instances_without_a_study_share_one_that_has_nothing_of_its_own(table: Table) -> None:
    name = put_bytes(table.folder, "1.2.3", b"\xff" * 20)
    table.rows.put(FileFacts(name, 1, 1, 1), unread_attributes("1.2.3"))
    table.put(instance(1, StudyInstanceUID=None, SeriesInstanceUID=None))
    assert table.counts() == [0, 1, 1, 2]
    assert table.all("StudyInstanceUID, PatientName, StudyDate, patient FROM study") == [("", None, None, None)]
    assert table.all("SeriesInstanceUID, Modality FROM series") == [("", None)]
    table.put(instance(2, SeriesInstanceUID=None))
    assert table.counts() == [1, 2, 2, 3]
    assert table.remove(name)


def test_what_another_process_changed_is_not_taken_for_known(tmp_path: Path) -> None:
    table = Table(tmp_path)
    table.connection.close()
    table.connection = sqlite3.connect(tmp_path / "index", isolation_level=None)
    prepare_schema(table.connection)
    table.rows = Rows(table.connection)
    table.rows.begin()
    table.put(instance(1, 1, 1))
    other = sqlite3.connect(tmp_path / "index", isolation_level=None)
    Rows(other).clear()
    other.close()
    table.rows.begin()
    table.put(instance(1, 1, 2))
    assert table.counts() == [1, 1, 1, 1]
    table.connection.close()


def test_more_series_than_are_remembered(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dicomgui.storage.rows._MOST_REMEMBERED", 2)
    for series in (1, 2, 3, 1, 2, 3):
        table.put(instance(1, series, series))
    assert table.counts() == [1, 1, 3, 3]
