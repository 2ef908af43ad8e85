"""Two threads that import parts of one package at once, whose modules need each other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys, threading
sys.path.insert(0, sys.argv[1])
{before}
import builtins
begun, faults = threading.Event(), []
sys.begun = begun

def load(statement):
    try:
        exec(statement)
    except ImportError as error:
        faults.append(str(error))

first = threading.Thread(target=load, args=("import circle",))
first.start()
begun.wait()
second = threading.Thread(target=load, args=("from circle.second import LAST",))
second.start()
first.join(); second.join()
assert "whole" not in builtins.__import__.__qualname__, builtins.__import__
print(len(faults))
"""
GUARD = "from dicomgui.app.whole_imports import import_as_a_whole; import_as_a_whole('circle')"


def faults(folder: Path, before: str) -> int:
    package = folder / "circle"
    package.mkdir(exist_ok=True)
    # By itself the circle is sound: whoever enters by the package finds what it needs.
    (package / "__init__.py").write_text("from circle import first\n")
    first = "import sys, time\nFIRST = 1\nsys.begun.set()\ntime.sleep(0.3)\nfrom circle.second import LAST\n"
    (package / "first.py").write_text(first)
    (package / "second.py").write_text("from circle.first import FIRST\nLAST = 2\n")
    command = [sys.executable, "-c", PROGRAM.format(before=before), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_each_waits_for_the_whole_package(tmp_path: Path) -> None:
    assert faults(tmp_path, "") == 1  # what it is for
    assert faults(tmp_path, GUARD) == 0


def test_what_is_there_already_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    from dicomgui.app.whole_imports import import_as_a_whole

    before = builtins.__import__
    import_as_a_whole("json")
    assert builtins.__import__ is before
