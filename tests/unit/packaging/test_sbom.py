"""The list of what is in a bundle, for machines."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
from helpers.source import ROOT


@pytest.fixture
def sbom(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "packaging"))
    notices, sbom = importlib.import_module("notices"), importlib.import_module("sbom")
    works = [notices.Notice("PySide6_Essentials", "6.12.0", "LGPL-3.0-only", [])]
    libraries = [notices.Notice("libx", "1:2.0+b1", "see its copyright file", [])]
    monkeypatch.setattr(sbom, "of_python_packages", lambda _python: works)
    monkeypatch.setattr(sbom, "of_debian_packages", lambda _bundle, _python: libraries)
    monkeypatch.setattr(sbom, "system", lambda: "debian")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    return sbom


def test_it_lists_what_went_in_by_the_names_of_packages(sbom: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "list.cdx.json"
    assert sbom.write(tmp_path, Path(sys.executable), file) == 3
    made = json.loads(file.read_text(encoding="utf-8"))
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    urls = [work["purl"] for work in made["components"]]
    assert urls[0] == "pkg:deb/debian/libx@1%3A2.0%2Bb1"
    assert urls[1].startswith("pkg:generic/python@3.")
    assert urls[2] == "pkg:pypi/pyside6-essentials@6.12.0"
    assert made["metadata"]["component"]["name"] == "dicomgui"
    assert made["metadata"]["timestamp"] == "2023-11-14T22:13:20Z"
    [ours] = made["dependencies"]
    assert sorted(ours["dependsOn"]) == sorted(urls)


def test_the_same_source_makes_the_same_list(sbom: ModuleType, tmp_path: Path) -> None:
    one, other = (tmp_path / name for name in ("one", "other"))
    for file in (one, other):
        sbom.write(tmp_path, Path(sys.executable), file)
    assert one.read_bytes() == other.read_bytes()
