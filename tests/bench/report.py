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

_HEAD = ("id", "work", "against", "ours", "peer", "ratio", "spread", "goal", "")


@dataclass
class Score:
    """What a contest has given so far, a value a round."""

    contest: Contest
    ours: list[float] = field(default_factory=list)
    peer: list[float] = field(default_factory=list)
    error: str = ""

    @property
    def ratios(self) -> list[float]:
        """Ours to the peer's, round by round; ours alone where an amount is judged and not a rate."""
        if self.contest.less_is_better:
            return list(self.ours)
        return [ours / peer for ours, peer in zip(self.ours, self.peer, strict=True)]

    @property
    def verdict(self) -> str:
        """Held, held within the spread, or how far away."""
        if self.error or not self.ours:
            return f"failed: {self.error}"
        goal, ratios = self.contest.goal, self.ratios
        if goal is None:
            return ""
        middle = statistics.median(ratios)
        if self.contest.less_is_better:
            return "held" if middle <= goal else f"gap +{middle - goal:.1f} {self.contest.unit}"
        if middle >= goal:
            return "held"
        if middle >= TOLERANCE * goal and max(ratios) >= goal:
            return f"held within the spread (−{1 - middle / goal:.0%})"
        return f"gap −{1 - middle / goal:.0%}"

    def cells(self) -> tuple[str, ...]:
        """The row of the table."""
        contest = self.contest
        if self.error or not self.ours:
            return (contest.id, contest.work, contest.against, "", "", "", "", "", self.verdict)
        ratios = self.ratios
        sign, times = ("≤", contest.unit) if contest.less_is_better else ("≥", "×")
        return (
            contest.id,
            contest.work,
            contest.against,
            f"{_figure(statistics.median(self.ours))} {contest.unit}",
            f"{_figure(statistics.median(self.peer))} {contest.unit}",
            "" if contest.less_is_better else f"{_figure(statistics.median(ratios))} ×",
            f"{_figure(min(ratios))} … {_figure(max(ratios))}",
            "" if contest.goal is None else f"{sign} {contest.goal:g} {times}",
            self.verdict,
        )

    def facts(self) -> dict[str, object]:
        """For JSON: everything."""
        contest = self.contest
        return {
            "id": contest.id, "work": contest.work, "against": contest.against, "unit": contest.unit,
            "goal": contest.goal, "less_is_better": contest.less_is_better, "ours": self.ours, "peer": self.peer,
            "ratio": statistics.median(self.ratios) if self.ratios else None, "verdict": self.verdict,
        }


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(scores: Sequence[Score]) -> str:
    """Markdown that can be read as it is."""
    rows = [_HEAD, *(score.cells() for score in scores)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    lines = [f"| {line} |" for line in lines]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def surroundings() -> dict[str, object]:
    """Where and when it was measured."""
    done = subprocess.run([programs.find("storescp"), "--version"], capture_output=True, text=True, check=False)
    return {
        "utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "dcmtk": done.stdout.splitlines()[0].strip("$ ") if done.stdout else "unknown",
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processors": os.cpu_count(),
        "load": load(),
    }


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
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
