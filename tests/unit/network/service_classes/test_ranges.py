"""Ranges of dates and times as keys."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest

from dicomgui.network.service_classes.ranges import date_range, datetime_range, time_range

DAY, NEXT = date(2024, 1, 2), date(2024, 1, 3)


@pytest.mark.parametrize(
    ("bounds", "text"),
    [
        ((DAY, NEXT), "20240102-20240103"),
        ((DAY, DAY), "20240102"),
        ((DAY, None), "20240102-"),
        ((None, DAY), "-20240102"),
        ((None, None), ""),
    ],
)
def test_dates(bounds: tuple[date | None, date | None], text: str) -> None:
    assert date_range(*bounds) == text


def test_times() -> None:
    assert time_range(time(0, 0), time(12, 30)) == "000000-123000"
    assert time_range(time(0, 0)) == "000000-"
    assert time_range(None, time(9, 0)) == "-090000"
    assert time_range() == ""


def test_moments() -> None:
    moment = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert datetime_range(moment, moment) == "20240102030405+0000-20240102030405+0000"
    assert datetime_range(moment) == "20240102030405+0000-"
    assert datetime_range(None, moment) == "-20240102030405+0000"
    assert datetime_range() == ""
