"""The manual page says what the parsers say."""

from __future__ import annotations

import re
from types import ModuleType

import pytest
from helpers.source import ROOT, loaded

from dicomgui.cli.main import build_parser


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module."""
    monkeypatch.syspath_prepend(str(ROOT / "packaging"))
    return loaded(ROOT / "packaging" / "man_page.py")


def test_the_manual_page_has_every_command_and_option(script: ModuleType) -> None:
    page = script.page()
    for name, parser in script.commands_below("", build_parser()):
        assert f".SS dicomgui {script.escaped(name)}\n" in page
        for action in parser._actions:
            for option in action.option_strings:
                assert script.escaped(option) in page
    assert not [line for line in page.splitlines() if line.startswith(".") and not re.match(r"\.[A-Za-z]{1,2}\b", line)]


def test_text_of_the_manual_page_is_never_a_request(script: ModuleType) -> None:
    assert script.escaped(".TH\n'x\na-b\\c") == "\\&.TH\n\\&'x\na\\-b\\ec"
