"""Days and spans of days by name, as keys of a query want them: ``today``, ``last-7-days``."""

from __future__ import annotations

import re
from datetime import date, timedelta
from enum import StrEnum

__all__ = ["DatePreset", "as_dicom_date", "date_range"]

_ISO = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_DATE = r"[0-9]{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
_KEY = re.compile(rf"{_DATE}(?:-(?:{_DATE})?)?|-{_DATE}")


class DatePreset(StrEnum):
    """A span of days that is named by its relation to today. Weeks begin on Monday."""

    TODAY = "today"
    YESTERDAY = "yesterday"
    TOMORROW = "tomorrow"
    LAST_3_DAYS = "last-3-days"
    LAST_7_DAYS = "last-7-days"
    LAST_30_DAYS = "last-30-days"
    LAST_90_DAYS = "last-90-days"
    LAST_365_DAYS = "last-365-days"
    NEXT_7_DAYS = "next-7-days"
    THIS_WEEK = "this-week"
    LAST_WEEK = "last-week"
    THIS_MONTH = "this-month"
    LAST_MONTH = "last-month"
    THIS_YEAR = "this-year"
    LAST_YEAR = "last-year"

    @property
    def label(self) -> str:
        """For people: ``Last 7 days``."""
        return self.value.replace("-", " ").capitalize()


_NAMES = frozenset(preset.value for preset in DatePreset)


def date_range(preset: DatePreset, today: date) -> str:
    """The key for a span: one date, or ``first-last`` (PS3.4 C.2.2.2.5.1). Last 7 days are today and the 6 before."""
    first, last = _span(preset, today)
    return f"{first:%Y%m%d}" if first == last else f"{first:%Y%m%d}-{last:%Y%m%d}"


def _span(preset: DatePreset, today: date) -> tuple[date, date]:
    day = timedelta(days=1)
    monday = today - today.weekday() * day
    first_of_month, first_of_year = today.replace(day=1), today.replace(month=1, day=1)
    named = {
        DatePreset.TODAY: (today, today),
        DatePreset.YESTERDAY: (today - day, today - day),
        DatePreset.TOMORROW: (today + day, today + day),
        DatePreset.NEXT_7_DAYS: (today, today + 6 * day),
        DatePreset.THIS_WEEK: (monday, monday + 6 * day),
        DatePreset.LAST_WEEK: (monday - 7 * day, monday - day),
        DatePreset.THIS_MONTH: (first_of_month, _next_month(first_of_month) - day),
        DatePreset.LAST_MONTH: ((first_of_month - day).replace(day=1), first_of_month - day),
        DatePreset.THIS_YEAR: (first_of_year, today.replace(month=12, day=31)),
        DatePreset.LAST_YEAR: (first_of_year.replace(year=today.year - 1), first_of_year - day),
    }
    if preset in named:
        return named[preset]
    count = int(preset.value.split("-")[1])  # last-N-days
    return today - (count - 1) * day, today


def _next_month(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


def as_dicom_date(text: str, today: date) -> tuple[str, bool]:
    """What a key of VR DA is sent as, and whether that is a date or a range of dates (PS3.4 C.2.2.2.1, C.2.2.2.5).

    A preset's name becomes its span, an ISO date (``2024-02-29``) loses its hyphens, everything else stays as it is.
    """
    name = text.strip().lower()
    if name in _NAMES:
        return date_range(DatePreset(name), today), True
    match = _ISO.fullmatch(text.strip())
    value = "".join(match.groups()) if match else text
    return value, _KEY.fullmatch(value) is not None
