"""A run beside an earlier one: what is better or worse by more than the values of a run differ among themselves."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.report import Score, figure, table

_HEAD = ("id", "work", "against", "before", "now", "change", "")


def read(path: Path) -> dict[tuple[str, str, str], list[float]]:
    """The values of an earlier run that are held against goals, by row.

    :raises OSError: it cannot be read.
    :raises ValueError: it is no run of this harness.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    try:
        return {_key(one): [float(value) for value in one["judged"]] for one in content["contests"]}
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} is not what --json has written") from error


def _key(one: dict[str, Any]) -> tuple[str, str, str]:
    return one["id"], one["work"], one["against"]


def compared(scores: Sequence[Score], earlier: dict[tuple[str, str, str], list[float]]) -> str:
    """A table of the rows that both runs have, and a sentence about the others."""
    rows, counts = [], {"better": 0, "worse": 0, "": 0}
    missing = 0
    for score in scores:
        contest = score.contest
        before = earlier.get((contest.id, contest.work, contest.against))
        if not before or not score.judged:
            missing += 1
            continue
        word = verdict(before, score.judged, less_is_better=contest.less_is_better)
        counts[word] += 1
        old, new = statistics.median(before), statistics.median(score.judged)
        unit = contest.unit if contest.is_absolute else "×"
        change = f"{new / old - 1:+.0%}" if old else ""
        ends = f"{figure(old)} {unit}", f"{figure(new)} {unit}"
        rows.append((contest.id, contest.work, contest.against, *ends, change, word))
    summary = f"{counts['better']} rows are better, {counts['worse']} worse, {counts['']} within the spread"
    others = f"; {missing} cannot be compared" if missing else ""
    return f"{table(rows, _HEAD)}\n\n{summary}{others}." if rows else f"No row can be compared{others}."


def verdict(before: Sequence[float], now: Sequence[float], *, less_is_better: bool) -> str:
    """``better`` or ``worse`` where the median of each run lies beyond all values of the other; nothing otherwise."""
    old, new = statistics.median(before), statistics.median(now)
    if new > max(before) and old < min(now):
        return "worse" if less_is_better else "better"
    if new < min(before) and old > max(now):
        return "better" if less_is_better else "worse"
    return ""
