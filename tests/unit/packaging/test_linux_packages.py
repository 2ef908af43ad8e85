"""What packages and installers are made of: one version, the desktop's files, pinned workflows."""

from __future__ import annotations

import ast
import plistlib
import re
from pathlib import Path
from types import ModuleType

import pytest
from helpers.source import ROOT, loaded

import dicomgui

PACKAGING = ROOT / "packaging"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module."""
    monkeypatch.syspath_prepend(str(ROOT / "packaging"))
    return loaded(ROOT / "packaging" / "linux_packages.py")


def test_the_specification_of_the_bundle_compiles() -> None:
    ast.parse((PACKAGING / "dicomgui.spec").read_text(encoding="utf-8"))


def test_the_version_is_said_in_one_place(script: ModuleType) -> None:
    assert script.version_of_source() == dicomgui.__version__
    for path in (*PACKAGING.rglob("*.yaml"), *PACKAGING.rglob("*.xml"), *PACKAGING.rglob("*.desktop")):
        assert f"{dicomgui.__version__}" not in path.read_text(encoding="utf-8"), path


def test_the_desktop_entry_offers_dicom_files_and_opens_the_window() -> None:
    lines = (PACKAGING / "linux" / "org.dicomgui.dicomgui.desktop").read_text(encoding="utf-8").splitlines()
    assert {"MimeType=application/dicom;", "Exec=dicomgui --window %F", "Icon=org.dicomgui.dicomgui"} <= set(lines)
    metainfo = (PACKAGING / "linux" / "org.dicomgui.dicomgui.metainfo.xml").read_text(encoding="utf-8")
    assert "<id>org.dicomgui.dicomgui</id>" in metainfo


def test_the_entitlements_allow_another_qt() -> None:
    entitlements = plistlib.loads((PACKAGING / "macos" / "entitlements.plist").read_bytes())
    assert entitlements["com.apple.security.cs.disable-library-validation"] is True


@pytest.mark.parametrize("path", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=lambda path: path.name)
def test_actions_are_pinned_by_hash(path: Path) -> None:
    used = re.findall(r"uses: (\S+)", path.read_text(encoding="utf-8"))
    assert used
    assert not [one for one in used if not re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", one)]


def test_all_scripts_say_how_they_are_used() -> None:
    for path in sorted(PACKAGING.rglob("*.py")):
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path
