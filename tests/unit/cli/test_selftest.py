"""``dicomgui --selftest``: its table, its JSON, its exit code."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from dicomgui.app.selftest import Check, Outcome
from dicomgui.cli import selftest

Tell = Callable[[Check], None]


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[Check]:
    """What the checks give; those without a window are one that works."""
    given = [Check("Qt", Outcome.OK, "Qt 6", 1.0)]

    async def run_checks(tell: Tell) -> None:
        tell(Check("echo", Outcome.OK, "answered", 2.0))

    monkeypatch.setattr(selftest, "run_checks", run_checks)
    monkeypatch.setattr(selftest, "build_parser", lambda: argparse.ArgumentParser())
    return given


def _run(checks: list[Check], *arguments: str) -> int:
    def window_checks(tell: Tell) -> None:
        for one in checks:
            tell(one)

    return selftest.run_selftest(arguments, window_checks)


def test_a_table_and_exit_code_0_where_all_is_well(checks: list[Check], capsys: pytest.CaptureFixture[str]) -> None:
    checks.append(Check("image", Outcome.LEFT_OUT, "no decoder", 0.0))
    assert _run(checks) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [re.sub(r"\d+(?= ms  commands)", "-", line) for line in lines] == [
        "ok            1 ms  Qt: Qt 6",
        "left out      0 ms  image: no decoder",
        "ok            - ms  commands: 0 modules loaded",
        "ok            2 ms  echo: answered",
        "4 checks: 0 failed, 1 left out",
    ]


def test_a_failure_makes_exit_code_1(checks: list[Check], capsys: pytest.CaptureFixture[str]) -> None:
    checks.append(Check("fonts", Outcome.FAILED, "none\x1b[31m", 0.0))
    assert _run(checks, "--json") == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[1] == {
        "event": "check", "name": "fonts", "outcome": "FAILED", "detail": "none\x1b[31m", "milliseconds": 0.0
    }  # fmt: skip
    assert lines[-1] == {"event": "summary", "ok": False, "exit_code": 1, "checks": 4, "failed": 1, "left_out": 0}


def test_a_command_whose_module_is_missing_is_a_failure(
    checks: list[Check], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    inner = parser.add_subparsers().add_parser("echo")
    inner.set_defaults(run=("dicomgui.cli.lost", "echo"))
    monkeypatch.setattr(selftest, "build_parser", lambda: parser)
    assert _run(checks) == 1
    assert "commands: ModuleNotFoundError: No module named 'dicomgui.cli.lost'" in capsys.readouterr().out


def test_other_arguments_are_wrong_usage(checks: list[Check]) -> None:
    assert _run(checks, "--fast") == 2


def test_the_whole_program_passes() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dicomgui", "--selftest"], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "window: " in done.stdout
    assert done.stdout.splitlines()[-1].endswith("checks: 0 failed, 0 left out")


def test_a_qt_that_cannot_be_loaded_is_told_and_the_rest_is_done() -> None:
    script = (
        "import sys; sys.modules['PySide6'] = None; sys.argv = ['dicomgui', '--selftest'];"
        "import dicomgui.__main__ as program; sys.exit(program.main())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("FAILED")
    assert "echo over TLS: TLSv1." in done.stdout
