"""The benchmark harness works: every row is played once with hardly any data. How fast it was does not matter."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench import report, run
from bench.contests import GROUPS, Contest
from bench.report import Score


@pytest.mark.interop("storescp", "storescu", "dcmsend", "echoscu")
@pytest.mark.parametrize("name", list(GROUPS))
def test_every_row_is_played(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    values = tmp_path / "values.json"
    code = run.main(["--smoke", "--only", name, "--folder", str(tmp_path), "--json", str(values)])
    output = capfd.readouterr().out
    assert code == 0, output
    content = json.loads(values.read_text(encoding="utf-8"))
    assert content["contests"]
    for contest in content["contests"]:
        assert len(contest["ours"]) == len(contest["peer"]) == 1
        assert contest["work"] in output
    assert [path.name for path in tmp_path.iterdir()] == [values.name]


def _score(ours: list[float], peer: list[float], goal: float, *, less: bool = False) -> Score:
    contest = Contest("X1", "work", "someone", "things/s", goal, lambda: 1.0, lambda: 1.0, less)
    return Score(contest, ours, peer)


@pytest.mark.parametrize(
    ("score", "verdict"),
    [
        (_score([10, 30, 20], [10, 10, 20], 1.0), "held"),
        (_score([9.5, 11, 9], [10, 10, 10], 1.0), "held within the spread (−5%)"),
        (_score([9.5, 9.6, 9], [10, 10, 10], 1.0), "gap −5%"),
        (_score([5, 12, 5], [10, 10, 10], 1.0), "gap −50%"),
        (_score([3, 4, 9], [100, 100, 100], 8.0, less=True), "held"),
        (_score([10, 4, 9], [100, 100, 100], 8.0, less=True), "gap +1.0 things/s"),
    ],
)
def test_verdict_compares_the_values_of_one_round(score: Score, verdict: str) -> None:
    assert score.verdict == verdict
    assert verdict in report.table([score])


def test_contest_that_fails_is_told_and_the_others_are_played() -> None:
    def fail() -> float:
        raise run.BenchError("broken")

    contests = [
        Contest("X1", "breaks", "someone", "things/s", 1.0, fail, lambda: 1.0),
        Contest("X2", "works", "someone", "things/s", None, lambda: 2.0, lambda: 1.0),
    ]
    first, second = run._play(contests, 2)
    assert first.verdict == "failed: BenchError: broken"
    assert second.ratios == [2.0, 2.0]
