"""The library's public names change only on purpose, and importing it stays light."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import dicomgui.network

SNAPSHOT = Path(__file__).with_name("api_snapshot.txt")

IMPORT_WITHOUT_QT = """
import importlib.abc, sys

class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("PySide6", "shiboken6", "qasync"):
            raise ImportError(name + " is blocked")
        return None

sys.meta_path.insert(0, Blocker())
import dicomgui.network
heavy = [name for name in ("pydicom.datadict", "pydicom._dicom_dict", "pydicom.dataset") if name in sys.modules]
print(*heavy)
"""


def test_public_names_are_those_of_the_snapshot() -> None:
    expected = SNAPSHOT.read_text(encoding="utf-8").split()
    assert sorted(getattr(dicomgui.network, "__all__", [])) == expected, (
        f"the public names changed: if that is meant, write them, sorted, into {SNAPSHOT.name}"
    )


def test_every_public_name_exists_and_is_documented() -> None:
    for name in getattr(dicomgui.network, "__all__", []):
        value = getattr(dicomgui.network, name)
        if inspect.isclass(value) or inspect.isroutine(value):
            assert value.__doc__, f"dicomgui.network.{name} has no docstring"


def test_the_library_needs_no_qt_and_loads_no_dictionaries() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_WITHOUT_QT], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [], "importing dicomgui.network loads what only data sets need"
