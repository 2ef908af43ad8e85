"""What a table of ours claims to be proved by a test: the test is there, and in a full run it has passed."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLES = (ROOT / "dicomgui" / "network" / "README.md",)
NAME = re.compile(r"`(test_\w+)`")


@cache
def known_tests() -> dict[str, list[str]]:
    """Each test function by its name, with the files that have one."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                found.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    return found


def claims() -> list[str]:
    rows = (line for path in TABLES for line in path.read_text("utf-8").splitlines() if line.startswith("|"))
    return sorted({name for row in rows for name in NAME.findall(row)})


def test_there_are_claims() -> None:
    assert claims()


@pytest.mark.parametrize("name", claims())
def test_each_claim_names_one_test(name: str) -> None:
    assert len(known_tests().get(name, [])) == 1, known_tests().get(name)


@pytest.mark.last
def test_each_claimed_test_has_passed(request: pytest.FixtureRequest, passed_tests: set[str]) -> None:
    """In a run of some tests only, those of them that are claimed."""
    collected = {getattr(item, "originalname", item.name) for item in request.session.items}
    missing = [name for name in claims() if name in collected and name not in passed_tests]
    assert missing == []
    if set(request.config.args) == {"tests"} or request.config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        assert [name for name in claims() if name not in collected] == []
