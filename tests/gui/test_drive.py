"""The window driven off screen: every step done and seen, and a broken step seen to fail."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import peers
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from dicomgui.gui.drive import run as drive

CODE = "import sys, pathlib; from dicomgui.gui.drive.run import run_drive; sys.exit(run_drive(pathlib.Path({!r})))"


@pytest.mark.interop("storescp", "storescu", "echoscu")
def test_every_step_is_printed_and_pictured(tmp_path: Path) -> None:
    """As a program of its own: nothing of this process helps it."""
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(str(tmp_path))],
        capture_output=True, text=True, timeout=150, check=False, env=peers.environment(QT_QPA_PLATFORM="offscreen"),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert [line[:2] for line in lines] == ["dr", *["ok"] * 22, "pi"]
    assert "answers" in lines[4]
    pictures = sorted(tmp_path.glob("*.png"))
    assert len(pictures) == 22
    assert all(QImage(str(path)).width() == 1280 for path in pictures)


def test_a_broken_step_fails_and_says_why(
    qapp: QApplication, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind((peers.LOOPBACK, 0))
        taken.listen()

        async def port() -> int:
            return int(taken.getsockname()[1])

        monkeypatch.setattr(drive, "_free_port", port)
        assert drive.run_drive(tmp_path) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("ok ")
    assert lines[2].startswith("FAILED  start the listener: ")
    assert len(lines) == 4
    assert [path.name for path in sorted(tmp_path.glob("*.png"))] == [
        "01-open-the-window.png", "02-start-the-listener-failed.png",
    ]  # fmt: skip


def test_a_fault_of_the_program_fails_the_drive(
    qapp: QApplication, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr("dicomgui.gui.panels.echoing.echo", broken)
    assert drive.run_drive(tmp_path) == 1
    output = capsys.readouterr().out
    assert "FAILED  keep it as a node" in output
    assert "1 faults" in output or "1 fault" in output


def test_without_foreign_programs_it_says_so(
    qapp: QApplication, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drive, "_program", lambda _name: "")
    assert drive.run_drive(tmp_path) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "left    DCMTK is not installed: no foreign peer was talked to" in lines
    assert sum(line.startswith("ok ") for line in lines) == 18


@pytest.mark.interop("storescp", "storescu", "echoscu")
def test_a_foreign_program_that_fails_fails_the_drive(
    qapp: QApplication, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    find = drive._program
    monkeypatch.setattr(drive, "_program", lambda name: find("false" if name == "storescu" else name))
    assert drive.run_drive(tmp_path) == 1
    output = capsys.readouterr().out
    assert "FAILED  receive from DCMTK storescu: storescu ended with 1" in output
    assert "ok      answer DCMTK echoscu" in output
