"""What a table of ours claims to be proved by a test: the test is there, and in a full run it has passed."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from dicomgui import network
from dicomgui.network import service_classes
from dicomgui.network.service import QUERY_MODELS

MISSING = object()
ROOT = Path(__file__).parents[2]
TABLES = (ROOT / "dicomgui" / "network" / "README.md",)
ARCHITECTURE = ROOT / "dicomgui" / "ARCHITECTURE.md"
NAME = re.compile(r"`(test_\w+\.py::test_\w+)`")


@cache
def known_tests() -> frozenset[str]:
    """Each test function as ``file.py::name``."""
    return frozenset(
        f"{path.name}::{node.name}"
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def claims() -> list[str]:
    rows = (line for path in TABLES for line in path.read_text("utf-8").splitlines() if line.startswith("|"))
    return sorted({name for row in rows for name in NAME.findall(row)})


def threats() -> list[str]:
    """The rows of the table of what an attacker can try."""
    section = ARCHITECTURE.read_text("utf-8").partition("## What an attacker can try")[2].partition("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("|")][2:]


def test_each_threat_names_the_module_that_stops_it_and_a_test_that_shows_it() -> None:
    assert len(threats()) > 15
    for row in threats():
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        modules, tests = re.findall(r"`([a-z0-9_/]+\.py)`", cells[2]), NAME.findall(cells[3])
        assert modules, row
        assert tests, row
        assert [name for name in modules if not (ROOT / "dicomgui" / name).is_file()] == []
        assert [name for name in tests if name not in known_tests()] == []


@pytest.mark.last
def test_what_shows_that_a_threat_is_stopped_has_passed(request: pytest.FixtureRequest, passed_tests: set[str]) -> None:
    """Of the tests of this run; those of the window run in another one."""
    collected = {
        f"{one.path.name}::{one.originalname}" for one in request.session.items if hasattr(one, "originalname")
    }
    named = {name for row in threats() for name in NAME.findall(row)}
    assert sorted((named & collected) - passed_tests) == []


def test_each_row_names_a_test() -> None:
    rows = table("What was proved, and by which peer")
    assert len(rows) > 50
    assert [row for row in (*rows, *table("Service classes")) if not NAME.search(row)] == []


def table(heading: str) -> list[str]:
    """The rows of the table below a heading of the network README."""
    section = TABLES[0].read_text("utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("|")][2:]


def test_each_service_class_of_the_library_has_its_row() -> None:
    """All information models, and all modules for users; what is named as user or provider is there."""
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in table("Service classes")]
    names = [name for row in cells for name in re.findall(r"`([^`]+)`", row[1])]
    modules = {"verification", "storage", "mpps", "commitment", "print_management", "availability"}
    modules |= {"inventory_creation", "media_creation"}
    assert sorted(names) == sorted({*QUERY_MODELS, *modules})
    named = {name for row in cells for cell in row[2:4] for name in re.findall(r"`([^`]+)`", cell)}
    assert sorted(name for name in named if not is_there(name)) == []
    assert [row[0] for row in cells if not row[2] or not row[3]] == []


def is_there(name: str) -> bool:
    """A dotted name of the library, of one of its service classes, or a verb of an association or of its handlers."""
    for place in (network, service_classes, network.Association, network.Handlers(on_store=None)):
        found: object = place
        for part in name.split("."):
            found = getattr(found, part, MISSING)
        if found is not MISSING:
            return True
    return False


def test_each_claimed_test_exists() -> None:
    assert [name for name in claims() if name not in known_tests()] == []


@pytest.mark.last
def test_each_claimed_test_has_passed(request: pytest.FixtureRequest, passed_tests: set[str]) -> None:
    """In a run of some tests only, those of them that are claimed."""
    collected = {
        f"{item.path.name}::{item.originalname}" for item in request.session.items if isinstance(item, pytest.Function)
    }
    assert [name for name in claims() if name in collected and name not in passed_tests] == []
    is_whole = request.config.args_source is pytest.Config.ArgsSource.TESTPATHS
    if is_whole or {"tests/integration", "tests/interop"} <= set(request.config.args):
        assert [name for name in claims() if name not in collected] == []


SERVICES = (
    "C-ECHO", "C-STORE", "C-FIND", "C-MOVE", "C-GET",
    "N-CREATE", "N-SET", "N-GET", "N-ACTION", "N-DELETE", "N-EVENT-REPORT",
)  # fmt: skip
FOREIGN = ("DCMTK", "Orthanc", "pynetdicom", "odil")


@pytest.mark.parametrize("role", [1, 2], ids=["user", "provider"])
@pytest.mark.parametrize("service", SERVICES)
def test_b01_each_service_is_proved_with_a_foreign_peer_in_both_roles(service: str, role: int) -> None:
    """The services are not only heard of: a program of somebody else has performed each, or had it performed."""
    proofs = [
        cells[role]
        for line in TABLES[0].read_text("utf-8").splitlines()
        if line.startswith("|") and service in (cells := line.strip("|").split(" | "))[0]
    ]
    assert any(NAME.search(proof) and any(peer in proof for peer in FOREIGN) for proof in proofs)


@pytest.mark.parametrize("number", range(1, 27))
def test_each_known_defect_of_other_stacks_has_its_test(number: int) -> None:
    assert [name for name in known_tests() if f"::test_b{number:02}_" in name]
