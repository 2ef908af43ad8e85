"""Which rows belong to one association: runs of numbers that follow each other, so that a long one costs nothing.

The runs lie in an array, ``[first, after the last, first, after the last, …]``, ascending and apart. Whoever adds rows
does it at the end, and readers in other threads see either the old end or the new one.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right

__all__ = ["drop_before", "rows_after", "rows_before"]


def rows_after(runs: array[int], seq: int, limit: int) -> list[int]:
    """The rows after number ``seq``, ascending, at most ``limit``."""
    rows: list[int] = []
    place = bisect_right(runs, seq + 1) & ~1  # of the run that has it, or else of the next
    while place < len(runs) and len(rows) < limit:
        first = max(runs[place], seq + 1)
        rows.extend(range(first, min(runs[place + 1], first + limit - len(rows))))
        place += 2
    return rows


def rows_before(runs: array[int], seq: int, limit: int) -> list[int]:
    """The rows before number ``seq``, descending, at most ``limit``."""
    rows: list[int] = []
    place = (bisect_right(runs, seq - 1) - 1) & ~1  # of the run that has the number before, or else of the last below
    while place >= 0 and len(rows) < limit:
        last = min(runs[place + 1], seq) - 1
        rows.extend(range(last, max(runs[place], last + 1 - (limit - len(rows))) - 1, -1))
        place -= 2
    return rows


def drop_before(runs: array[int], first: int) -> array[int]:
    """The same without the runs that end before row ``first``."""
    return runs[bisect_right(runs, first) & ~1 :]
