"""The program's own files are found however it was installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from helpers.source import ROOT

FIND_ICON = """
import dicomgui, sys
from dicomgui.app.assets import resource
print(dicomgui.__file__)
print(resource("icons/dicomgui.svg"))
"""


def _copy_source(target: Path) -> Path:
    """The files that a build reads, without what lies about in a working tree."""
    for name in ("dicomgui", "resources"):
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, target / name)
    return target


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _find_icon(folder: Path, on_path: Path) -> tuple[Path, Path]:
    script = f"import sys; sys.path.insert(0, {str(on_path)!r})\n{FIND_ICON}"
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    package, icon = done.stdout.split("\n")[:2]
    return Path(package), Path(icon)


def test_resources_are_found_in_a_wheel(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    _copy_source(source)
    wheels, installed = tmp_path / "wheels", tmp_path / "installed"
    _pip("wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(source))
    (wheel,) = wheels.glob("dicomgui-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "dicomgui/_resources/icons/dicomgui.svg" in names
    assert "dicomgui/py.typed" in names
    assert not [name for name in names if name.startswith(("tests/", "packaging/", "resources/"))]
    _pip("install", "--quiet", "--no-deps", "--no-index", "--target", str(installed), str(wheel))
    package, icon = _find_icon(tmp_path, installed)
    assert package == installed / "dicomgui" / "__init__.py"
    assert icon == installed / "dicomgui" / "_resources" / "icons" / "dicomgui.svg"


def test_resources_are_found_in_a_source_tree(tmp_path: Path) -> None:
    """An editable install is a source tree on the path."""
    source = tmp_path / "source"
    source.mkdir()
    _copy_source(source)
    package, icon = _find_icon(tmp_path, source)
    assert package == source / "dicomgui" / "__init__.py"
    assert icon == source / "resources" / "icons" / "dicomgui.svg"
