"""From selected rows to requests."""

from __future__ import annotations

import pytest
from helpers.retrieval import elements

from dicomgui.app.asking.levels import Level
from dicomgui.app.asking.values import Answer
from dicomgui.app.connection import ConnectionOptions
from dicomgui.gui.asking import selection as query_selection
from dicomgui.gui.asking.rows import Row, Source
from dicomgui.gui.asking.selection import by_source, selection_text, topmost, wanted_of
from dicomgui.network import ConfigurationError, PeerAddress
from dicomgui.network.dimse.dataset import encode_dataset


def source(root: str | None = "study") -> Source:
    return Source("PACS", PeerAddress("PACS", "127.0.0.1"), ConnectionOptions(), root)


def row(level: Level, parent: Row | Source, **values: object) -> Row:
    answer = Answer(encode_dataset(elements(**values), "1.2.840.10008.1.2.1"))
    above = parent if isinstance(parent, Row) else None
    return Row(answer, level, parent.source if isinstance(parent, Row) else parent, above)


def texts(rows: list[Row]) -> list[tuple[str, dict[str, str]]]:
    return [(one.level.value, {key.name: key.value for key in one.keys}) for one in wanted_of(rows)]


def test_what_lies_below_a_selected_row_is_part_of_it() -> None:
    study = row(Level.STUDY, source(), StudyInstanceUID="1.2")
    series = row(Level.SERIES, study, SeriesInstanceUID="1.2.3")
    image = row(Level.IMAGE, series, SOPInstanceUID="1.2.3.4")
    other = row(Level.STUDY, study.source, StudyInstanceUID="1.5")
    assert topmost([image, study, series, other]) == [study, other]
    assert topmost([image, series]) == [series]
    assert selection_text([study, other, series]) == "2 studies, 1 series"
    assert selection_text([]) == ""


def test_rows_are_grouped_by_whom_they_came_from() -> None:
    first, second = source(), source()
    rows = [row(Level.STUDY, one, StudyInstanceUID="1.2") for one in (first, second, first)]
    assert {one: len(found) for one, found in by_source(rows).items()} == {first: 2, second: 1}


def test_requests_have_the_unique_keys_of_their_root_and_no_other() -> None:
    for root, expected in (
        ("study", {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.2.3"}),
        (None, {"StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.2.3"}),
        ("patient", {"PatientID": "17", "StudyInstanceUID": "1.2", "SeriesInstanceUID": "1.2.3"}),
    ):
        study = row(Level.STUDY, source(root), StudyInstanceUID="1.2", PatientID="17")
        series = row(Level.SERIES, study, SeriesInstanceUID="1.2.3")
        assert texts([series]) == [("SERIES", expected)]
    patient = row(Level.PATIENT, source("patient"), PatientID="17")
    assert texts([patient]) == [("PATIENT", {"PatientID": "17"})]
    assert texts([row(Level.PATIENT, source("study"), PatientID="17")]) == [("PATIENT", {"PatientID": "17"})]


def test_images_of_a_series_go_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_selection, "IMAGES_EACH", 2)
    study = row(Level.STUDY, source(), StudyInstanceUID="1.2")
    series = [row(Level.SERIES, study, SeriesInstanceUID=f"1.2.{number}") for number in (3, 4)]
    images = [row(Level.IMAGE, series[0], SOPInstanceUID=f"1.9.{number}") for number in range(3)]
    images.append(row(Level.IMAGE, series[1], SOPInstanceUID="1.9.9"))
    found = [(keys["SeriesInstanceUID"], keys["SOPInstanceUID"]) for _, keys in texts(images)]
    assert found == [("1.2.3", "1.9.0\\1.9.1"), ("1.2.3", "1.9.2"), ("1.2.4", "1.9.9")]


def test_a_match_without_its_unique_key_cannot_be_retrieved() -> None:
    with pytest.raises(ConfigurationError, match="StudyInstanceUID"):
        wanted_of([row(Level.STUDY, source(), PatientID="17")])
