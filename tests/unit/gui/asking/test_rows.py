"""What the cells of matches show, in which order, and which rows pass a filter."""

from __future__ import annotations

import pytest
from helpers.retrieval import elements

from dicomgui.app.asking.keys import attribute_of, parse_key
from dicomgui.app.asking.levels import Level
from dicomgui.app.asking.values import Answer
from dicomgui.app.connection import ConnectionOptions
from dicomgui.gui.asking import rows as query_rows
from dicomgui.gui.asking.rows import (
    COLUMNS,
    Arrangement,
    Column,
    Row,
    Source,
    arranged,
    cell_text,
    columns_for,
    expected_instances,
    shown_value,
    tags_of,
    unique_values,
)
from dicomgui.network import PeerAddress
from dicomgui.network.dimse.dataset import encode_dataset

SOURCE = Source("PACS", PeerAddress("PACS", "127.0.0.1"), ConnectionOptions())


def row(level: Level = Level.STUDY, parent: Row | None = None, **values: object) -> Row:
    return Row(Answer(encode_dataset(elements(**values), "1.2.840.10008.1.2.1")), level, SOURCE, parent)


def column(key: str) -> Column:
    return next(one for one in COLUMNS if one.key == key)


def text(one: Row, key: str) -> str | None:
    assert one.answer is not None
    return cell_text(one, column(key), one.answer.texts(tags_of(COLUMNS, one.level)))


def test_each_level_has_a_name_of_its_own() -> None:
    patient = row(Level.PATIENT, PatientName="Doe^Jane")
    study = row(PatientName="Yamada^Hanako=山田^花子=", SpecificCharacterSet="ISO_IR 192")
    assert text(patient, "item") == "Doe Jane"
    assert text(study, "item") == "Yamada Hanako = 山田 花子"
    assert text(row(Level.STUDY, patient, PatientName="Doe^Jane"), "item") == "Study"
    assert text(row(PatientID="1"), "item") == "(no name)"
    assert text(row(Level.SERIES, SeriesNumber=3), "item") == "Series 3"
    assert text(row(Level.SERIES, SeriesInstanceUID="1.2.3"), "item") == "Series 1.2.3"
    assert text(row(Level.IMAGE, InstanceNumber=12), "item") == "Image 12"


def test_what_was_not_returned_is_told_from_what_is_empty() -> None:
    assert text(row(StudyDescription=""), "description") == ""
    assert text(row(PatientID="1"), "description") is None
    assert text(row(PatientID="1"), "count") is None
    assert text(row(Level.SERIES, SeriesNumber=1), "accession") == ""  # no such thing at this level


def test_counts_are_words() -> None:
    assert text(row(NumberOfStudyRelatedSeries=1, NumberOfStudyRelatedInstances=240), "count") == "1 series, 240 images"
    assert text(row(NumberOfStudyRelatedInstances=1), "count") == "1 image"
    assert text(row(Level.PATIENT, NumberOfPatientRelatedStudies=2), "count") == "2 studies"
    assert text(row(Level.IMAGE, NumberOfFrames=10), "count") == "10 frames"


def test_values_for_people() -> None:
    def shown(keyword: str, value: str) -> str:
        return shown_value(attribute_of(keyword).tag, value)

    assert shown("StudyDate", "20240131") == "2024-01-31"
    assert shown("StudyDate", "2024") == "2024"
    assert shown("StudyTime", "081530.12") == "08:15:30"
    assert shown("StudyTime", "08") == "08"
    assert shown("ModalitiesInStudy", "CT\\MR") == "CT, MR"
    assert shown("SOPClassUID", "1.2.840.10008.5.1.4.1.1.2") == "CT Image Storage"
    assert shown("StudyInstanceUID", "1.2.3") == "1.2.3"
    assert shown("PatientComments", "a\\b\nc") == "a\\b\\nc"


def test_attributes_that_were_asked_for_have_columns() -> None:
    columns = columns_for([parse_key("PatientName=A*"), parse_key("PatientComments"), parse_key("StudyInstanceUID"),
                           parse_key("RequestAttributesSequence[0].ScheduledProcedureStepID")])  # fmt: skip
    titles = [one.title for one in columns[len(COLUMNS) :]]
    assert titles == ["PatientComments", "StudyInstanceUID", "RequestAttributesSequence"]


def test_the_keys_that_lead_to_a_row_come_from_the_rows_above_it() -> None:
    study = row(PatientID="17", StudyInstanceUID="1.2")
    series = row(Level.SERIES, study, SeriesInstanceUID="1.2.3", StudyInstanceUID="1.2")
    image = row(Level.IMAGE, series, SOPInstanceUID="1.2.3.4")
    assert unique_values(image) == {
        "SOPInstanceUID": "1.2.3.4", "StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.2.3", "PatientID": "17",
    }  # fmt: skip


@pytest.mark.parametrize(("told", "expected"), [("12", 12), ("", 0), ("many", 0), ("²", 0)])
def test_how_many_instances_the_peer_says_there_are(told: str, expected: int) -> None:
    tag = attribute_of("NumberOfStudyRelatedInstances").tag
    assert expected_instances(row(), {tag: told}) == expected


def test_a_frame_is_expected_of_an_image() -> None:
    assert expected_instances(row(Level.IMAGE), {}) == 1


def test_numbers_sort_by_size_and_text_whatever_the_case() -> None:
    rows = [row(PatientID=value, PatientName=f"{name}^X") for value, name in
            (("P10", "b"), ("P9", "A"), ("p100", "C"), ("", "c"))]  # fmt: skip

    def order(key: str, *, is_descending: bool = False) -> list[int]:
        found = arranged(rows, Arrangement(column(key), is_descending))
        return [rows.index(one) for one in found]

    assert order("id") == [3, 1, 0, 2]
    assert order("id", is_descending=True) == [2, 0, 1, 3]
    assert order("item") == [1, 0, 2, 3]
    assert order("node") == [0, 1, 2, 3]
    assert arranged(rows, Arrangement()) == rows


def test_very_many_rows_are_sorted_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_rows, "_SORTED_AT_ONCE", 4)
    rows = [row(PatientID=str(number * 7 % 11)) for number in range(11)]
    found = arranged(rows, Arrangement(column("id")))
    assert [one.answer.texts([0x00100020])[0x00100020] for one in found if one.answer] == list(map(str, range(11)))


def test_all_words_have_to_be_in_a_row() -> None:
    rows = [row(PatientName="Doe^Jane", StudyDescription="Thorax"), row(PatientName="Doe^John", StudyDescription="MR")]

    def passing(*words: str) -> list[int]:
        return [rows.index(one) for one in arranged(rows, Arrangement(None, False, words, COLUMNS))]

    assert passing("doe") == [0, 1]
    assert passing("doe", "thor") == [0]
    assert passing("thorax", "john") == []
    assert passing("pacs") == [0, 1]


def test_rows_let_go_of_each_other() -> None:
    study = row()
    series = row(Level.SERIES, study)
    series.children = [row(Level.IMAGE, series)]
    study.children = [series]
    study.forget_below()
    assert (study.children, series.children, series.parent) == (None, None, None)


def test_what_is_in_view_below_an_open_row() -> None:
    study = row()
    first, second = row(Level.SERIES, study), row(Level.SERIES, study)
    image = row(Level.IMAGE, first)
    study.children, first.children = [first, second], [image]
    assert list(study.shown_below()) == []
    study.is_open = True
    assert list(study.shown_below()) == [first, second]
    first.is_open = True
    assert list(study.shown_below()) == [first, image, second]
    assert [one.can_open for one in (study, first, image)] == [True, True, False]
