"""Values that match a range of dates or times (PS3.4 C.2.2.2.5); ``None`` as a bound is open."""

from __future__ import annotations

from datetime import date, datetime, time

from dicomgui.network.service_classes.attributes import da, dt, tm

__all__ = ["date_range", "datetime_range", "time_range"]


def date_range(first: date | None = None, last: date | None = None) -> str:
    """Dates from ``first`` to ``last``, both included; ``None`` is open (PS3.4 C.2.2.2.5). Both the same: that day."""
    if first is not None and first == last:
        return da(first)
    return "" if first is None and last is None else f"{da(first) if first else ''}-{da(last) if last else ''}"


def time_range(first: time | None = None, last: time | None = None) -> str:
    """Times of day from ``first`` to ``last``; ``None`` is open."""
    if first is None and last is None:
        return ""
    return f"{'' if first is None else tm(first)}-{'' if last is None else tm(last)}"


def datetime_range(first: datetime | None = None, last: datetime | None = None) -> str:
    """Moments from ``first`` to ``last`` for an attribute of representation DT; ``None`` is open."""
    if first is None and last is None:
        return ""
    return f"{'' if first is None else dt(first)}-{'' if last is None else dt(last)}"
