"""The benchmark harness works: rows of every group are played with hardly any data. How fast it was does not matter."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from bench import report, run
from bench.contests import Contest, limit
from bench.players import TESTS, environment
from bench.report import Score

SHARES = {
    "messages": tuple(name for name in run.GROUPS if name not in ("V13", "V7") and name.startswith("V")),
    "memory and window": tuple(name for name in run.GROUPS if name in ("V13", "V7") or not name.startswith("V")),
}
"""They are played side by side: most of the time somebody waits for a program to start."""


@dataclass(frozen=True)
class Played:
    """What a smoke run has left."""

    code: int
    output: str
    values: Path
    place: Path


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Played]:
    def play(names: tuple[str, ...]) -> Played:
        folder = tmp_path_factory.mktemp("bench")
        values, place = folder / "values.json", folder / "place"
        place.mkdir()
        command = [sys.executable, "-m", "bench.run", "--smoke", "--only", ",".join(names)]
        done = subprocess.run(
            [*command, "--folder", str(place), "--json", str(values)], stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=TESTS, env=environment(tuned=False), check=False,
        )  # fmt: skip
        return Played(done.returncode, done.stdout, values, place)

    with ThreadPoolExecutor() as pool:
        return dict(zip(SHARES, pool.map(play, SHARES.values()), strict=True))


@pytest.mark.timeout(400)  # a busy computer may take much longer than the half minute of an idle one
@pytest.mark.interop("storescp", "dcmrecv", "dcmsend", "storescu", "echoscu", "findscu", "Orthanc", "dcmjs-dimse")
@pytest.mark.parametrize("share", list(SHARES))
def test_every_group_is_played(share: str, played: dict[str, Played]) -> None:
    one = played[share]
    assert one.code == 0, one.output
    contests = json.loads(one.values.read_text(encoding="utf-8"))["contests"]
    assert {contest["id"] for contest in contests} == set(SHARES[share])
    for contest in contests:
        assert len(contest["ours"]) == 1
        assert contest["work"] in one.output
    assert not list(one.place.iterdir())


def test_every_group_is_in_one_share() -> None:
    assert sorted(name for names in SHARES.values() for name in names) == sorted(run.GROUPS)


def _score(ours: list[float], peer: list[float], goal: float, *, less: bool = False) -> Score:
    contest = Contest("X1", "work", "someone", "things/s", goal, lambda: 1.0, (lambda: 1.0) if peer else None, less)
    return Score(contest, ours, peer)


@pytest.mark.parametrize(
    ("score", "verdict"),
    [
        (_score([10, 30, 20], [10, 10, 20], 1.0), "held"),
        (_score([9.5, 11, 9], [10, 10, 10], 1.0), "held within the spread (−5%)"),
        (_score([9.5, 9.6, 9], [10, 10, 10], 1.0), "gap −5%"),
        (_score([5, 12, 5], [10, 10, 10], 1.0), "gap −50%"),
        (_score([3, 4, 9], [100, 100, 100], 8.0, less=True), "held"),
        (_score([8.4, 7, 9], [100, 100, 100], 8.0, less=True), "held within the spread (+5%)"),
        (_score([10, 4, 9], [100, 100, 100], 8.0, less=True), "gap +1 things/s"),
        (_score([400, 300], [], 300.0), "held"),
        (_score([200, 150], [], 300.0), "gap −42%"),
    ],
)
def test_verdict_compares_the_values_of_one_round(score: Score, verdict: str) -> None:
    assert score.verdict == verdict
    assert verdict in report.table([score.cells()])


def _with_limit(ours: list[float], bare: list[float], goal: float) -> list[Score]:
    row = Contest("X1", "work", "someone", "things/s", goal, lambda: 1.0, lambda: 1.0)
    scores = report.scores_of([row, limit(row, lambda: 1.0)])
    for score, values in zip(scores, (ours, bare), strict=True):
        score.ours, score.peer = values, [10.0] * len(values)
    return scores


@pytest.mark.parametrize(
    ("ours", "bare", "verdict"),
    [
        ([8, 8, 8], [9, 9.5, 9.8], "gap −20%, beyond bare asyncio (0.95 ×)"),
        ([8, 8, 8], [9, 10, 11], "gap −20%"),
        ([8, 8, 8], [5, 5, 11], "gap −20%"),  # once is enough to show that it can be done
        ([8, 8, 8], [], "gap −20%"),
        ([11, 11, 11], [9, 9, 9], "held"),
    ],
)
def test_gap_is_beyond_what_a_bare_program_reaches(ours: list[float], bare: list[float], verdict: str) -> None:
    score, limit_score = _with_limit(ours, bare, 1.0)
    assert score.verdict == verdict
    assert limit_score.contest.goal is None
    assert limit_score.contest.work == "limit: bare asyncio, work"


def test_gaps_beyond_a_bare_program_are_counted_apart() -> None:
    scores = [*_with_limit([8], [9], 1.0), *_with_limit([8], [10], 1.0)]
    told = "0 goals held, 0 within the spread, 2 not reached (1 of them not by bare asyncio either), 0 rows failed"
    assert report.totals(scores) == told


def test_contest_that_fails_is_told_and_the_others_are_played() -> None:
    def fail() -> float:
        raise run.BenchError("broken")

    contests = [
        Contest("X1", "breaks", "someone", "things/s", 1.0, fail, lambda: 1.0),
        Contest("X2", "works", "someone", "things/s", None, lambda: 2.0, lambda: 1.0),
        Contest("X3", "takes long", "nobody", "things/s", None, lambda: 2.0, None, most=1),
    ]
    first, second, third = run._play(contests, 2)
    assert first.verdict == "failed: BenchError: broken"
    assert second.judged == [2.0, 2.0]
    assert third.judged == [2.0]
    assert report.totals([first, second, third]) == "0 goals held, 0 within the spread, 0 not reached, 1 rows failed"


def test_no_round_begins_after_its_time_but_the_first_is_whole() -> None:
    contests = [Contest("X1", str(number), "nobody", "s", None, lambda: 2.0, None) for number in range(3)]
    scores = run._play(contests, 5, minutes=1e-9)
    assert [score.ours for score in scores] == [[2.0]] * 3
