"""What the program says it is made of."""

from __future__ import annotations

import platform
from importlib import metadata

import pytest

import dicomgui
from dicomgui.app import about
from dicomgui.app.about import Component, about_text, components, licence_folder


def test_what_is_installed_is_listed_with_its_version() -> None:
    found = {one.name: one for one in components((Component("Qt", "6.0", "LGPL-3.0-only"),))}
    assert next(iter(found)) == "dicomgui"
    assert found["dicomgui"].version == dicomgui.__version__
    assert found["Python"].version == platform.python_version()
    assert found["pydicom"].version == metadata.version("pydicom")
    assert found["Qt"].version == "6.0"
    assert found["Qt for Python (PySide6)"].licence == "LGPL-3.0-only"


def test_what_is_not_installed_is_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(about.metadata, "version", none)
    assert [one.name for one in components()] == ["dicomgui", "Python", "SQLite"]


def test_the_text_for_a_report_names_versions_and_system() -> None:
    assert about_text((Component("dicomgui", "1.0", "MIT"), Component("Qt", "", "LGPL"))).splitlines() == [
        "dicomgui 1.0", "Qt", platform.platform()
    ]  # fmt: skip


def test_the_texts_of_the_lgpl_and_the_way_to_another_qt_are_there() -> None:
    folder = licence_folder()
    assert "GNU LESSER GENERAL PUBLIC LICENSE" in (folder / "LGPL-3.0.txt").read_text(encoding="utf-8")
    assert "GNU GENERAL PUBLIC LICENSE" in (folder / "GPL-3.0.txt").read_text(encoding="utf-8")
    assert "To use another Qt" in (folder / "README.md").read_text(encoding="utf-8")
