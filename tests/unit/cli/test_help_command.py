"""Help on the command line."""

from __future__ import annotations

import json

import pytest

from dicomgui.app.help_pages import KEYS, help_pages
from dicomgui.cli.main import main


def test_without_a_name_it_lists_the_pages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help"]) == 0
    out = capsys.readouterr().out
    assert all(page.title in out for page in help_pages() if page.name != KEYS)


def test_a_page_is_printed_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "tls"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("# TLS\n")
    assert "](" not in out


def test_json_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "tls", "--json"]) == 0
    [line] = capsys.readouterr().out.splitlines()
    page = json.loads(line)
    assert (page["event"], page["name"], page["title"]) == ("page", "tls", "TLS")


def test_an_unknown_page_is_wrong_usage_and_the_others_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "nothing\x1b[2J"]) == 2
    err = capsys.readouterr().err
    assert "start, trace" in err
    assert "\x1b" not in err
