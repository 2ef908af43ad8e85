"""The program's entry: the window, its drive off screen, or a command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import dicomgui.__main__ as program


@pytest.fixture
def window(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Stand-ins for the window's modules; what they were called with."""
    called: list[object] = []

    def open_window(files: list[Path]) -> int:
        called.append(["window", *files])
        return 0

    def run_drive(folder: Path) -> int:
        called.append(folder)
        return 7

    for name, function in (("main", open_window), ("drive.run", run_drive)):
        module = ModuleType(f"dicomgui.gui.{name}")
        setattr(module, "main" if name == "main" else "run_drive", function)
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return called


def test_without_arguments_the_window_opens(window: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["dicomgui"])
    assert program.main() == 0
    assert program.main_window() == 0
    assert window == [["window"], ["window"]]


def test_files_are_opened_in_the_window(window: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["dicomgui", "--window", "a.dcm", "b.dgtrace"])
    assert program.main() == 0
    monkeypatch.setattr(sys, "argv", ["dicomgui-gui", "c.dcm"])
    assert program.main_window() == 0
    assert window == [["window", Path("a.dcm"), Path("b.dgtrace")], ["window", Path("c.dcm")]]


def test_the_window_is_driven_off_screen(window: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["dicomgui", "--drive-offscreen", "pictures"])
    assert program.main() == 7
    assert window == [Path("pictures")]


@pytest.mark.parametrize(("arguments", "code"), [(["--version"], 0), (["nonsense"], 2), (["--drive-offscreen"], 2)])
def test_everything_else_is_a_command(
    window: list[object], monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int
) -> None:
    monkeypatch.setattr(sys, "argv", ["dicomgui", *arguments])
    assert program.main() == code
    assert window == []


def test_a_command_loads_neither_qt_nor_pydicom() -> None:
    script = (
        "import sys; sys.argv = ['dicomgui', 'echo', 'X@127.0.0.1:1', '--timeout', '5'];"
        "import dicomgui.__main__ as program; code = program.main();"
        "print(code, *sorted({'PySide6', 'pydicom', 'qasync', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.splitlines()[-1] == "3"
