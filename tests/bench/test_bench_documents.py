"""Runs of the benchmarks are compared, and put into documents."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench import compare, document, report, run
from bench.contests import Contest, Figures
from bench.report import Score

ABOUT: dict[str, object] = {
    "command": "bench --quick", "utc": "2026-01-02T03:04:05+00:00", "processors": 2, "processor": "Some CPU",
    "system": "Linux x86_64", "python": "3.11", "dcmtk": "v3.6.9", "rounds": 3,
}  # fmt: skip


def _score(work: str, ours: list[float], *, less: bool = False) -> Score:
    contest = Contest("X1", work, "nobody", "ms" if less else "things/s", None, lambda: 1.0, None, less)
    return Score(contest, ours, [])


@pytest.mark.parametrize(
    ("before", "now", "less", "expected"),
    [
        ([10, 11, 12], [13, 14, 15], False, "better"),
        ([10, 11, 12], [13, 14, 15], True, "worse"),
        ([10, 11, 12], [7, 8, 9], False, "worse"),
        ([10, 11, 12], [7, 8, 9], True, "better"),
        ([10, 11, 14], [13, 13.5, 15], False, ""),
        ([10, 11, 12], [11, 11, 11], False, ""),
        ([10], [12], False, "better"),
    ],
)
def test_what_is_better_lies_beyond_the_spread(
    before: list[float], now: list[float], less: bool, expected: str
) -> None:
    assert compare.verdict(before, now, less_is_better=less) == expected


def test_run_is_compared_with_what_json_has_written(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    old = [_score("a", [10, 11]), _score("b", [10, 11], less=True), _score("gone", [1])]
    report.write_json(path, old, ABOUT)
    text = compare.compared(
        [_score("a", [20, 21]), _score("b", [20, 21], less=True), _score("new", [1])], compare.read(path)
    )
    lines = text.splitlines()
    assert [line.split("|")[-2].strip() for line in lines[2:4]] == ["better", "worse"]
    assert "10.5 things/s" in lines[2]
    assert "+95%" in lines[2]
    assert lines[-1] == "1 rows are better, 1 worse, 0 within the spread; 1 cannot be compared."


def test_file_that_is_no_run_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text('{"contests": [{}]}')
    with pytest.raises(ValueError, match="not what --json has written"):
        compare.read(path)


def test_table_replaces_what_stands_between_its_marks(tmp_path: Path) -> None:
    path = tmp_path / "DOCUMENT.md"
    path.write_text(f"before\n{document.BEGIN}\nold\n{document.END}\nafter\n")
    text = document.markdown([_score("the work", [1, 2])], ABOUT)
    document.put_into(path, text)
    document.put_into(path, text)
    content = path.read_text()
    assert content.startswith(f"before\n{document.BEGIN}\n`bench --quick` on 2026-01-02: 2 processors (Some CPU)")
    assert content.endswith(f"|\n{document.END}\nafter\n")
    assert content.count("the work") == 1
    assert "old" not in content


@pytest.mark.parametrize(
    "content", ["", document.BEGIN, f"{document.END}{document.BEGIN}", document.BEGIN * 2 + document.END]
)
def test_document_without_a_place_is_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "DOCUMENT.md"
    path.write_text(content)
    with pytest.raises(document.NoPlace):
        document.put_into(path, "table")
    assert path.read_text() == content


def test_rows_of_one_run_share_its_figures() -> None:
    runs = iter(range(1, 10))

    def run() -> dict[str, float]:
        number = next(runs)
        return {"a": number, "b": number * 10}

    figures = Figures(run)
    first, second, third = figures.figure("a"), figures.figure("b"), figures.figure("a")
    assert [first(), second(), third()] == [1, 10, 1]
    assert [third(), second(), first()] == [2, 20, 2]


@pytest.mark.parametrize("option", ["--compare", "--into"])
def test_file_that_cannot_be_used_is_refused_before_anything_is_played(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "other.txt"
    path.write_text("[]")
    with pytest.raises(SystemExit):
        run.main(["--smoke", "--only", "V1", option, str(path)])
    assert str(path) in capsys.readouterr().err
