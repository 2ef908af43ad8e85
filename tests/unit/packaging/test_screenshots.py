"""The pictures of the README are there, and are among those that the script takes."""

from __future__ import annotations

import importlib
import re

import pytest
from helpers.source import ROOT


def test_the_readme_shows_pictures_that_the_script_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "packaging"))
    taken = {f"packaging/pictures/{step.lower()}.png" for step in importlib.import_module("screenshots").SHOWN}
    shown = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert shown
    assert set(shown) <= taken
    kept = (ROOT / "packaging" / "pictures").rglob("*.png")
    assert {path.relative_to(ROOT).as_posix() for path in kept} == set(shown)
    for name in shown:
        assert (ROOT / name).read_bytes().startswith(b"\x89PNG")
