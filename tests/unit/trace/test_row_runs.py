from __future__ import annotations

from array import array

import pytest

from dicomgui.trace.row_runs import drop_before, rows_after, rows_before

RUNS = array("Q", (1, 5, 8, 10, 20, 21))
ROWS = [1, 2, 3, 4, 8, 9, 20]


@pytest.mark.parametrize("seq", range(23))
@pytest.mark.parametrize("limit", [0, 1, 3, 100])
def test_rows_after_and_before_a_number(seq: int, limit: int) -> None:
    assert rows_after(RUNS, seq, limit) == [row for row in ROWS if row > seq][:limit]
    assert rows_before(RUNS, seq, limit) == [row for row in reversed(ROWS) if row < seq][:limit]


def test_of_nothing_there_is_nothing() -> None:
    nothing = array("Q")
    assert rows_after(nothing, 0, 9) == rows_before(nothing, 9, 9) == []
    assert drop_before(nothing, 3) == nothing


@pytest.mark.parametrize(("first", "left"), [(1, 3), (4, 3), (5, 2), (9, 2), (10, 1), (20, 1), (21, 0), (99, 0)])
def test_runs_that_are_gone_are_dropped(first: int, left: int) -> None:
    assert drop_before(RUNS, first) == RUNS[len(RUNS) - 2 * left :]
