"""Installers, really made and really installed. They take minutes: only `test --long` runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.source import ROOT

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(sys.platform != "linux", reason="the packages are Debian's"),
]


def _run(*command: str, cwd: Path = ROOT) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-5000:]
    return done.stdout


def _python() -> str:
    """The Python that installers are made with, where the machine has it."""
    return next(
        (path for path in ("/usr/bin/python3.13", "/usr/local/bin/python3.13") if Path(path).exists()), "python3"
    )


def test_the_packages_are_made_from_a_fresh_clone_and_live_in_a_clean_debian(tmp_path: Path) -> None:
    clone, out, base = tmp_path / "clone", tmp_path / "out", tmp_path / "debian"
    _run("git", "clone", "--quiet", str(ROOT), str(clone))
    made = _run(_python(), "packaging/build.py", "--out", str(out), cwd=clone)
    assert ": 0 failed" in made
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    subprocess.run([out / "dicomgui.AppDir" / "AppRun", "--selftest"], check=True, env=environment)
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    for script, kind, steps in (
        ("chroot_test.py", "deb", "install|upgrade|command line|service|machine-wide|desktop|window|remove"),
        ("rpm_test.py", "rpm", "system|install|use|remove"),
    ):
        (package,) = out.glob(f"*.{kind}")
        tried = _run(*root, sys.executable, str(ROOT / "packaging" / script), str(package), "--base", str(base))
        assert not [step for step in steps.split("|") if f"chroot_test: ok     {step} " not in tried]


def test_the_source_tree_lives_in_a_current_system_with_the_newest_python() -> None:
    """Also tells when Python 3.15 can be supported: its last step fails then."""
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    tried = _run(*root, sys.executable, str(ROOT / "packaging" / "python_test.py"))
    steps = ("system", "tree", "drive", "self-test", "units", "next")
    assert not [step for step in steps if f"chroot_test: ok     {step} " not in tried]


def test_the_source_tree_lives_with_the_oldest_dependencies() -> None:
    tried = _run(sys.executable, str(ROOT / "packaging" / "oldest_test.py"))
    assert not [step for step in ("install", "self-test", "units") if f"oldest_test: ok     {step} " not in tried]


def test_the_installer_for_windows_is_compiled_and_tried() -> None:
    assert "compiled without a warning" in _run(sys.executable, "packaging/windows/wine_test.py")
