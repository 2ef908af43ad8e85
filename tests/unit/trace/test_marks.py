from __future__ import annotations

import json

import pytest

from dicomgui.trace import marks as marks_module
from dicomgui.trace.marks import MAX_COMMENT, Mark, Marks, MarksError


def test_what_is_noted_is_found_and_counts_as_a_change() -> None:
    marks = Marks()
    assert marks.get(3) is None
    marks.set(3, marked=True)
    marks.set(3, color="red")
    marks.set(1, comment="look")
    assert marks.get(3) == Mark(True, "red", "")
    assert (marks.seqs(), len(marks), marks.revision) == ([1, 3], 2, 3)
    marks.set(3, color="red")
    assert marks.revision == 3


def test_a_row_with_nothing_noted_is_forgotten() -> None:
    marks = Marks()
    marks.set(3, marked=True, color="blue", comment="x")
    marks.set(3, marked=False, color="", comment="")
    assert marks.get(3) is None
    assert marks.seqs() == []
    marks.clear()
    assert marks.revision == 2
    marks.set(1, marked=True)
    marks.clear()
    assert marks.seqs() == []


def test_what_is_no_mark_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    marks = Marks()
    with pytest.raises(MarksError, match="colour"):
        marks.set(1, color="pink")
    with pytest.raises(MarksError, match="numbered"):
        marks.set(0, marked=True)
    monkeypatch.setattr(marks_module, "MAX_MARKS", 2)
    marks.set(1, marked=True)
    marks.set(2, marked=True)
    with pytest.raises(MarksError, match="already"):
        marks.set(3, marked=True)
    marks.set(2, color="red")
    assert marks.seqs() == [1, 2]


def test_a_long_comment_is_cut() -> None:
    marks = Marks()
    marks.set(1, comment="ä" * (MAX_COMMENT + 10))
    mark = marks.get(1)
    assert mark is not None
    assert len(mark.comment) == MAX_COMMENT


def test_they_survive_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks_module, "_CHUNK_BYTES", 200)
    marks = Marks()
    for seq in range(1, 30):
        marks.set(seq * 7, marked=bool(seq % 2), color="green" if seq % 3 else "", comment="日本" * seq)
    chunks = list(marks.encode())
    assert len(chunks) > 1
    again = Marks()
    for data in chunks:
        assert again.decode(data, base=100) == 0
    assert list(again.items()) == [(seq + 100, mark) for seq, mark in marks.items()]


def test_odd_rows_are_stepped_over() -> None:
    marks = Marks()
    rows = [
        [1, True, "red", "x", "from a later version"],
        [2],
        "x",
        [0, True, "", ""],
        [3, 1, "", ""],
        [4, True, "pink", ""],
    ]
    assert marks.decode(json.dumps(rows).encode()) == 5
    assert marks.seqs() == [1]
    for data in (b"{}", b"[", b"\xff", b"[" * 100_000):
        with pytest.raises(MarksError):
            marks.decode(data)


def test_a_choice_of_rows_has_new_numbers() -> None:
    marks = Marks()
    marks.set(5, color="red")
    marks.set(9, comment="gone")
    chosen = marks.renumbered({5: 1, 7: 2})
    assert list(chosen.items()) == [(1, Mark(False, "red", ""))]
    assert marks.seqs() == [5, 9]
