"""The figures of a benchmark: medians, spread, verdict, table and JSON."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench.contests import Contest
from helpers import programs

TOLERANCE = 0.9
"""A single run varies: a goal missed by no more than this, and reached in one of the rounds, counts as held."""

_BEYOND = "beyond bare asyncio"
_HEAD = ("id", "work", "against", "ours", "peer", "ratio", "spread", "goal", "")


@dataclass
class Score:
    """What a contest has given so far, a value a round.

    :ivar limit: what a bare program gives, where a row shows that.
    """

    contest: Contest
    ours: list[float] = field(default_factory=list)
    peer: list[float] = field(default_factory=list)
    error: str = ""
    seconds: float = 0.0
    limit: Score | None = None

    @property
    def judged(self) -> list[float]:
        """What is held against the goal, round by round: ours to the peer's, or ours alone."""
        if self.contest.is_absolute:
            return list(self.ours)
        return [ours / peer for ours, peer in zip(self.ours, self.peer, strict=True)]

    @property
    def verdict(self) -> str:
        """Held, held within the spread, or how far away, and whether a bare program is too."""
        if self.error or not self.ours:
            return f"failed: {self.error or 'not played'}"
        goal, judged = self.contest.goal, self.judged
        if goal is None:
            return ""
        if self.contest.less_is_better:
            return _less(statistics.median(judged), judged, goal, self.contest.unit)
        verdict = _more(statistics.median(judged), judged, goal)
        return f"{verdict}{self._beyond(goal)}" if verdict.startswith("gap") else verdict

    def _beyond(self, goal: float) -> str:
        """What to add to a gap where the bare program reaches the goal in no round."""
        if self.limit is None or self.limit.error or not (judged := self.limit.judged) or max(judged) >= goal:
            return ""
        return f", {_BEYOND} ({figure(statistics.median(judged))} ×)"

    def cells(self) -> tuple[str, ...]:
        """The row of the table."""
        contest = self.contest
        if self.error or not self.ours:
            return (contest.id, contest.work, contest.against, "", "", "", "", "", self.verdict)
        judged = self.judged
        sign, times = "≤" if contest.less_is_better else "≥", contest.unit if contest.is_absolute else "×"
        return (
            contest.id,
            contest.work,
            contest.against,
            f"{figure(statistics.median(self.ours))} {contest.unit}",
            f"{figure(statistics.median(self.peer))} {contest.unit}" if self.peer else "",
            "" if contest.is_absolute else f"{figure(statistics.median(judged))} ×",
            f"{figure(min(judged))} … {figure(max(judged))}" if len(judged) > 1 else "",
            "" if contest.goal is None else f"{sign} {contest.goal:g} {times}",
            self.verdict,
        )

    def facts(self) -> dict[str, object]:
        """For JSON: everything."""
        contest = self.contest
        return {
            "id": contest.id, "work": contest.work, "against": contest.against, "unit": contest.unit,
            "goal": contest.goal, "less_is_better": contest.less_is_better, "ours": _rounded(self.ours),
            "peer": _rounded(self.peer), "judged": _rounded(self.judged), "verdict": self.verdict,
            "seconds": round(self.seconds, 1),
        }  # fmt: skip


def scores_of(contests: Sequence[Contest]) -> list[Score]:
    """One for each, nothing played yet; each knows the one of its limit."""
    scores = [Score(contest) for contest in contests]
    limits = {id(score.contest.limit_of): score for score in scores if score.contest.limit_of is not None}
    for score in scores:
        score.limit = limits.get(id(score.contest))
    return scores


def _more(middle: float, judged: Sequence[float], goal: float) -> str:
    if middle >= goal:
        return "held"
    if middle >= TOLERANCE * goal and max(judged) >= goal:
        return f"held within the spread (−{1 - middle / goal:.0%})"
    return f"gap −{1 - middle / goal:.0%}"


def _less(middle: float, judged: Sequence[float], goal: float, unit: str) -> str:
    if middle <= goal:
        return "held"
    if middle <= goal / TOLERANCE and min(judged) <= goal:
        return f"held within the spread (+{middle / goal - 1:.0%})"
    return f"gap +{figure(middle - goal)} {unit}"


def figure(value: float) -> str:
    """Three digits, or all those before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _rounded(values: Sequence[float]) -> list[float]:
    return [float(f"{value:.6g}") for value in values]


def table(rows: Sequence[Sequence[str]], head: Sequence[str] = _HEAD) -> str:
    """Markdown that can be read as it is."""
    rows = [head, *rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    lines = [f"| {line} |" for line in lines]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def totals(scores: Sequence[Score]) -> str:
    """How many goals are held, in one sentence."""
    goals = [score.verdict for score in scores if score.contest.goal is not None or score.error]
    within = sum(1 for verdict in goals if verdict.startswith("held within"))
    gaps = sum(1 for verdict in goals if verdict.startswith("gap"))
    beyond = sum(1 for verdict in goals if _BEYOND in verdict)
    failed = sum(1 for verdict in goals if verdict.startswith("failed"))
    held = sum(1 for verdict in goals if verdict == "held")
    either = f" ({beyond} of them not by bare asyncio either)" if beyond else ""
    return f"{held} goals held, {within} within the spread, {gaps} not reached{either}, {failed} rows failed"


def times(scores: Sequence[Score]) -> str:
    """How long each group took, in one line."""
    taken: dict[str, float] = {}
    for score in scores:
        taken[score.contest.id] = taken.get(score.contest.id, 0.0) + score.seconds
    return ", ".join(f"{name} {seconds:.0f} s" for name, seconds in taken.items())


def surroundings() -> dict[str, object]:
    """Where and when it was measured."""
    done = subprocess.run([programs.find("storescp"), "--version"], capture_output=True, text=True, check=False)
    words = done.stdout.split()
    return {
        "utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "dcmtk": next((word for word in words if word.startswith("v3")), "unknown"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "processors": os.cpu_count(),
        "load": load(),
    }


def _processor() -> str:
    """What the processor calls itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def load() -> list[float]:
    """Of the last 1, 5 and 15 minutes: other programs that run now make the figures worthless."""
    return [round(value, 2) for value in os.getloadavg()]


def memory_available() -> int:
    """Bytes that can be had without swapping; 0 where nobody tells."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), 0)


def write_json(path: Path, scores: Sequence[Score], about: dict[str, object]) -> None:
    """All values of all rounds."""
    content = {"about": about, "contests": [score.facts() for score in scores]}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
