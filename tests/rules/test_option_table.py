"""The table of options beside other tools, in the README of the network stack: complete, and true."""

from __future__ import annotations

import re
from pathlib import Path

from helpers.programs import ROOT

from dicomgui.cli.main import build_parser
from dicomgui.cli.template_parser import EXAMPLES

README = ROOT / "dicomgui" / "network" / "README.md"
ROWS = [
    *(f"A{number:02}" for number in range(1, 33)),
    *(f"S{number:02}" for number in range(1, 21)),
    *(f"Q{number:02}" for number in range(1, 19)),
    *(f"L{number:02}" for number in range(1, 23)),
    *(f"N{number:02}" for number in range(1, 9)),
]


def table() -> dict[str, list[str]]:
    text = README.read_text("utf-8").partition("## Options beside other tools")[2].partition("\n## ")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return {row[0]: row for row in cells if re.fullmatch(r"[ASQLN]\d\d", row[0])}


def test_each_row_is_there_and_decided() -> None:
    assert list(table()) == ROWS
    undecided = [number for number, row in table().items() if not row[5].startswith(("there", "not, because "))]
    assert not undecided


def test_the_tests_that_it_names_are_there() -> None:
    named = {path for row in table().values() for path in re.findall(r"`([^`]+)`", row[4])}
    assert named
    assert not [path for path in named if not (ROOT / Path(path)).is_file()]


def test_the_options_that_it_names_are_there() -> None:
    [commands] = [action for action in build_parser()._actions if isinstance(action.choices, dict)]
    assert isinstance(commands.choices, dict)
    known = {
        option for parser in commands.choices.values() for action in parser._actions for option in action.option_strings
    }
    named = {option for row in table().values() for option in re.findall(r"(?<![\w-])--?[a-z][\w-]*", row[3])}
    assert named
    assert not named - known


def test_a_test_of_the_row_gives_each_option_that_it_names() -> None:
    """Of all rows but those of queries. The examples of ``n-template`` are run by its test as they stand."""
    untried = []
    for number, row in table().items():
        if number.startswith("Q"):
            continue
        paths = re.findall(r"`([^`]+)`", row[4])
        texts = [(ROOT / path).read_text("utf-8") for path in paths]
        texts += [EXAMPLES for path in paths if path.endswith("test_template_command.py")]
        for option in re.findall(r"(?<![\w-])--[a-z][\w-]*", row[3]):
            if not any(re.search(rf"{option}(?![\w-])", text) for text in texts):
                untried.append(f"{number} {option}")
    assert not untried
