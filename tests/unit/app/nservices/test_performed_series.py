"""The series of a performed step: typed images, those of the archive, and what is wrong with a row."""

from __future__ import annotations

import pytest

from dicomgui.app.nservices.performed_series import (
    NOTHING_TAKEN,
    count_images,
    fresh_row,
    is_image,
    problem_of_series,
    rows_of_archive,
    series_of,
    typed_images,
)
from dicomgui.network import ConfigurationError
from dicomgui.storage.contents import SeriesContents

CT, SR, SC = (f"1.2.840.10008.5.1.4.1.1.{last}" for last in ("2", "88.11", "7"))
CONTENTS = [
    SeriesContents("1.2.1", "CT", "Head", "axial", ((CT, "1.2.1.1"), (CT, "1.2.1.2"))),
    SeriesContents("1.2.2", "SR", "", "", ((SR, "1.2.2.1"),)),
]


def test_rows_of_the_archive_stand_for_their_instances() -> None:
    rows, taken = rows_of_archive(CONTENTS, "Protocol")
    assert [row["images"] for row in rows] == ["2 of the archive", "1 of the archive"]
    assert [row["ProtocolName"] for row in rows] == ["Head", "Protocol"]
    assert [count_images(row, taken) for row in rows] == [2, 1]
    images, reports = series_of(rows, taken, modality="CT", operator="O")
    assert (images.images, images.others, images.operator) == (CONTENTS[0].instances, (), "O")
    assert (reports.images, reports.others) == ((), CONTENTS[1].instances)
    assert len(series_of(rows, taken, modality="CT", most=1)[0].images) == 1


def test_what_is_typed_over_the_images_of_the_archive_counts() -> None:
    rows, taken = rows_of_archive(CONTENTS, "Protocol")
    [made] = series_of([{**rows[0], "images": "1.2.9"}], taken, modality="CT")
    assert made.images == ((CT, "1.2.9"),)
    [made] = series_of([{**rows[0], "SeriesInstanceUID": "1.2.77"}], taken, modality="CT")
    assert made.images == ()  # it is another series: nothing is known of it


@pytest.mark.parametrize(
    ("text", "modality", "pairs"),
    [
        ("", "CT", []), ("1.2.3", "CT", [(CT, "1.2.3")]), ("1.2.3; 1.2.4,", "XX", [(SC, "1.2.3"), (SC, "1.2.4")]),
        (f"{SR}/1.2.3", "CT", [(SR, "1.2.3")]),
    ],
)  # fmt: skip
def test_images_are_typed_with_or_without_their_class(text: str, modality: str, pairs: list[tuple[str, str]]) -> None:
    assert typed_images(text, modality) == pairs
    assert count_images({**fresh_row("P"), "images": text}, NOTHING_TAKEN) == len(pairs)


def test_what_is_no_uid_is_named() -> None:
    row = fresh_row("P")
    assert problem_of_series(row) == ("", "")
    assert problem_of_series({**row, "images": "1.2; x"}) == ("images", "'x' is no UID")
    assert problem_of_series({**row, "SeriesInstanceUID": "series"})[0] == "SeriesInstanceUID"
    assert count_images({**row, "images": "x"}, NOTHING_TAKEN) == 0
    with pytest.raises(ConfigurationError):
        series_of([{**row, "images": "x"}], NOTHING_TAKEN, modality="CT")


@pytest.mark.parametrize(("last", "image"), [("2", True), ("66.4", True), ("66.1", False), ("88.33", False)])
def test_images_and_others_are_told_apart(last: str, image: bool) -> None:
    assert is_image(f"1.2.840.10008.5.1.4.1.1.{last}") is image
