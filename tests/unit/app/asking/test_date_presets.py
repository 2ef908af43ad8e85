"""Days by name as keys."""

from __future__ import annotations

from datetime import date

import pytest

from dicomgui.app.asking.date_presets import DatePreset, as_dicom_date, date_range

LEAP_DAY = date(2024, 2, 29)  # a Thursday
NEW_YEAR = date(2025, 1, 1)


@pytest.mark.parametrize(
    ("preset", "today", "key"),
    [
        (DatePreset.TODAY, LEAP_DAY, "20240229"),
        (DatePreset.YESTERDAY, date(2024, 3, 1), "20240229"),
        (DatePreset.TOMORROW, LEAP_DAY, "20240301"),
        (DatePreset.LAST_3_DAYS, date(2024, 3, 1), "20240228-20240301"),
        (DatePreset.LAST_7_DAYS, LEAP_DAY, "20240223-20240229"),
        (DatePreset.LAST_30_DAYS, LEAP_DAY, "20240131-20240229"),
        (DatePreset.LAST_90_DAYS, LEAP_DAY, "20231202-20240229"),
        (DatePreset.LAST_365_DAYS, NEW_YEAR, "20240103-20250101"),
        (DatePreset.NEXT_7_DAYS, LEAP_DAY, "20240229-20240306"),
        (DatePreset.THIS_WEEK, LEAP_DAY, "20240226-20240303"),
        (DatePreset.THIS_WEEK, date(2024, 2, 26), "20240226-20240303"),
        (DatePreset.LAST_WEEK, NEW_YEAR, "20241223-20241229"),
        (DatePreset.THIS_MONTH, LEAP_DAY, "20240201-20240229"),
        (DatePreset.THIS_MONTH, date(2024, 12, 31), "20241201-20241231"),
        (DatePreset.LAST_MONTH, NEW_YEAR, "20241201-20241231"),
        (DatePreset.THIS_YEAR, LEAP_DAY, "20240101-20241231"),
        (DatePreset.LAST_YEAR, LEAP_DAY, "20230101-20231231"),
    ],
)
def test_each_preset_is_a_date_or_a_range(preset: DatePreset, today: date, key: str) -> None:
    assert date_range(preset, today) == key
    assert as_dicom_date(preset.value.upper(), today) == (key, True)


def test_every_preset_has_a_range_that_ends_where_it_should() -> None:
    for preset in DatePreset:
        first, _, last = date_range(preset, LEAP_DAY).partition("-")
        assert first <= (last or first)


def test_labels_are_for_people() -> None:
    assert DatePreset.LAST_7_DAYS.label == "Last 7 days"


@pytest.mark.parametrize(
    ("text", "key", "is_date"),
    [
        ("20240229", "20240229", True),
        ("2024-02-29", "20240229", True),
        ("20240101-20240229", "20240101-20240229", True),
        ("-20240229", "-20240229", True),
        ("20240101-", "20240101-", True),
        ("-", "-", False),
        ("2024.02.29", "2024.02.29", False),
        ("202402*", "202402*", False),
        ("20241301", "20241301", False),
        ("some day", "some day", False),
    ],
)
def test_what_is_no_preset_stays_as_it_is(text: str, key: str, is_date: bool) -> None:
    assert as_dicom_date(text, LEAP_DAY) == (key, is_date)
