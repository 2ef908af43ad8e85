"""Compare a coverage report with the least that each package must have, as `pyproject.toml` says.

    python packaging/coverage_gate.py REPORT.json

`[tool.dicomgui.coverage]` gives percentages by folder. Statements and branches are judged each for themselves: the
share of branches alone tells whether both ways of every decision were taken.
"""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def totals(files: dict[str, Any], folder: str) -> dict[str, int]:
    """The sums of one folder and all below it."""
    names = ("covered_lines", "num_statements", "covered_branches", "num_branches")
    result = dict.fromkeys(names, 0)
    for path, entry in files.items():
        if path.replace("\\", "/").startswith(folder + "/"):
            for name in names:
                result[name] += entry["summary"][name]
    return result


def percent(part: int, whole: int) -> float:
    return 100.0 * part / whole if whole else 100.0


def check(report: dict[str, Any], floors: dict[str, float]) -> list[str]:
    """Print a line a folder; returns those that are below their floor."""
    low = []
    for folder, floor in floors.items():
        sums = totals(report["files"], folder)
        lines = percent(sums["covered_lines"], sums["num_statements"])
        branches = percent(sums["covered_branches"], sums["num_branches"])
        line = f"{folder:34} statements {lines:5.1f} %  branches {branches:5.1f} %  (at least {floor:g} %)"
        if min(lines, branches) < floor:
            low.append(folder)
            line += "  LOW"
        print(line)
    return low


def weakest(report: dict[str, Any], folder: str, count: int = 10) -> list[str]:
    """The files of a folder that miss most, for the message."""
    missing = []
    for path, entry in report["files"].items():
        summary = entry["summary"]
        lost = summary["missing_lines"] + summary["missing_branches"]
        if lost and path.replace("\\", "/").startswith(folder + "/"):
            missing.append((lost, path))
    missing.sort(reverse=True)
    return [f"  {path}: {lost} statements and branches not covered" for lost, path in missing[:count]]


def main(arguments: list[str]) -> int:
    path = Path(arguments[0])
    if not path.is_file():
        print(f"{path} does not exist: the tests did not run to their end")
        return 1
    report = json.loads(path.read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    low = check(report, project["tool"]["dicomgui"]["coverage"])
    for folder in low:
        print(*weakest(report, folder), sep="\n")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
