"""The program's own files are found however it was installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import platformdirs
from helpers.source import ROOT

import dicomgui

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
    for folder, kind in (("help", ".md"), ("licences", ".txt"), ("selftest", ".dcm")):
        here = {path.name for path in (ROOT / "resources" / folder).iterdir() if path.suffix == kind}
        assert here <= {Path(name).name for name in names if name.startswith(f"dicomgui/_resources/{folder}/")}
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


def test_a_source_distribution_makes_the_same_wheel(tmp_path: Path) -> None:
    source, unpacked = tmp_path / "source", tmp_path / "unpacked"
    source.mkdir()
    _copy_source(source)
    build = "import hatchling.build, os, sys; os.chdir(sys.argv[1]); print(hatchling.build.build_{}(sys.argv[2]))"

    def made(kind: str, folder: Path, out: Path) -> Path:
        command = [sys.executable, "-c", build.format(kind), str(folder), str(out)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return out / done.stdout.split()[-1]

    first = made("wheel", source, tmp_path / "first")
    archive = made("sdist", source, tmp_path / "sdist")
    with tarfile.open(archive) as tar:
        tar.extractall(unpacked, filter="data")
    (folder,) = unpacked.iterdir()
    second = made("wheel", folder, tmp_path / "second")
    with zipfile.ZipFile(first) as one, zipfile.ZipFile(second) as other:
        assert sorted(one.namelist()) == sorted(other.namelist())


def test_an_environment_of_its_own_gets_both_programs(tmp_path: Path) -> None:
    """As pipx does it: a fresh environment with the wheel; what it needs is lent by this one."""
    source, wheels, venv = tmp_path / "source", tmp_path / "wheels", tmp_path / "venv"
    source.mkdir()
    _copy_source(source)
    _pip("wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(source))
    (wheel,) = wheels.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    scripts = venv / ("Scripts" if sys.platform == "win32" else "bin")
    ending = ".exe" if sys.platform == "win32" else ""
    python = scripts / f"python{ending}"
    _pip("--python", str(python), "install", "--quiet", "--no-deps", "--no-index", str(wheel))
    assert (scripts / f"dicomgui-gui{ending}").is_file()

    def run(*command: str, needs: str = "") -> str:
        environment = {**os.environ, "PYTHONPATH": needs, "QT_QPA_PLATFORM": "offscreen"}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    program = str(scripts / f"dicomgui{ending}")
    assert run(program, "--version") == f"dicomgui {dicomgui.__version__}\n"
    # Neither Qt nor anything else is there: the library and what it needs must not ask for it.
    script = "import sys, dicomgui.network as n; print(n.__file__, 'PySide6' in sys.modules)"
    where, has_qt = run(str(python), "-c", script).split()
    assert Path(where).is_relative_to(venv)
    assert has_qt == "False"
    lent = str(Path(platformdirs.__file__).parent.parent)
    assert "0 failed" in run(program, "--selftest", needs=lent).splitlines()[-1]
