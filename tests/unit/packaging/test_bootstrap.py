from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

import pytest
from helpers.source import ROOT, loaded


class Went(Exception):
    """Instead of replacing the process: what would have been started."""

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        super().__init__(command)
        self.command = command
        self.env = env


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, its source tree in a temporary folder, its commands recorded instead of run."""
    module = loaded(ROOT / "packaging" / "bootstrap.py")
    (tmp_path / "pyproject.toml").write_text("[project]\n", encoding="utf-8")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "STAMP", tmp_path / ".venv" / "bootstrap.json")
    monkeypatch.setattr(module, "PEERS", tmp_path / ".venv" / "peers")
    monkeypatch.setattr(module, "LINUX", True)
    monkeypatch.setattr(module, "WINDOWS", False)

    def go(command: list[str], env: dict[str, str]) -> int:
        raise Went(command, env)

    monkeypatch.setattr(module, "replace_process", go)
    return module


@pytest.fixture
def commands(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Every command that is run; making the venv leaves a file that looks like its interpreter."""
    ran: list[list[str]] = []

    def run(command: list[str], env: dict[str, str] | None = None) -> int:
        ran.append(command)
        if command[1:3] == ["-m", "venv"]:
            make_venv(bootstrap)
        return 0

    monkeypatch.setattr(bootstrap, "run", run)
    monkeypatch.setattr(bootstrap, "run_quietly", lambda command: True)
    monkeypatch.setattr(bootstrap, "version_of", lambda python: (3, 12))
    monkeypatch.setattr(bootstrap, "probe_qt", lambda kind: "")
    return ran


def make_venv(module: ModuleType, made_at: Path | None = None) -> None:
    python = module.venv_python()
    python.parent.mkdir(parents=True, exist_ok=True)
    python.touch()
    config = f"version = 3.12.1\ncommand = /usr/bin/python3.12 -m venv {made_at or module.VENV}\n"
    (module.VENV / "pyvenv.cfg").write_text(config, encoding="utf-8")


def pip_targets(commands: list[list[str]]) -> list[str]:
    return [command[-1] for command in commands if "pip" in command]


# -- installing once -------------------------------------------------------------------------------------------------


def test_first_start_makes_the_venv_and_installs(bootstrap: ModuleType, commands: list[list[str]]) -> None:
    bootstrap.ensure_installed(test=False)
    assert commands[0][1:] == ["-m", "venv", "--clear", str(bootstrap.VENV)]
    assert pip_targets(commands) == ["."]


def test_second_start_runs_nothing(bootstrap: ModuleType, commands: list[list[str]]) -> None:
    bootstrap.ensure_qt_libraries(bootstrap.ensure_installed(test=False), screen=False, must=True)
    commands.clear()
    stamp = bootstrap.ensure_installed(test=False)
    bootstrap.probe_qt = None  # would fail if it was asked again
    bootstrap.ensure_qt_libraries(stamp, screen=False, must=True)
    assert commands == []


def test_tests_need_more_than_the_program(bootstrap: ModuleType, commands: list[list[str]]) -> None:
    bootstrap.ensure_installed(test=False)
    bootstrap.ensure_installed(test=True)
    bootstrap.ensure_installed(test=False)
    bootstrap.ensure_installed(test=True)
    assert pip_targets(commands) == [".", ".[test]"]


def test_changed_metadata_installs_again_in_the_same_venv(bootstrap: ModuleType, commands: list[list[str]]) -> None:
    bootstrap.ensure_installed(test=False)
    (bootstrap.ROOT / "pyproject.toml").write_text("[project]\nname = 'x'\n", encoding="utf-8")
    bootstrap.ensure_installed(test=False)
    assert pip_targets(commands) == [".", "."]
    assert sum(command[1:3] == ["-m", "venv"] for command in commands) == 1


def test_a_venv_that_came_along_with_a_copy_is_made_anew(
    bootstrap: ModuleType, commands: list[list[str]], tmp_path: Path
) -> None:
    make_venv(bootstrap, made_at=tmp_path / "elsewhere" / ".venv")
    bootstrap.ensure_installed(test=False)
    assert commands[0][1:3] == ["-m", "venv"]


def test_a_broken_stamp_is_no_stamp(bootstrap: ModuleType) -> None:
    make_venv(bootstrap)
    for text in ("", "[]", json.dumps({"key": "other"})):
        bootstrap.STAMP.write_text(text, encoding="utf-8")
        assert bootstrap.read_stamp() == {}


def test_a_failed_install_is_told_and_leaves_no_stamp(
    bootstrap: ModuleType, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_venv(bootstrap)
    monkeypatch.setattr(bootstrap, "run", lambda command, env=None: 1)
    with pytest.raises(bootstrap.SetupError, match="pip could not install"):
        bootstrap.ensure_installed(test=False)
    assert not bootstrap.STAMP.exists()


# -- interpreters ----------------------------------------------------------------------------------------------------


def test_an_unsupported_python_finds_another(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "SUPPORTED", ((3, 98), (3, 99)))
    monkeypatch.setattr(bootstrap, "candidates", lambda: ["/shim/python3.99", "/opt/python3.98"])
    monkeypatch.setattr(bootstrap, "version_of", lambda python: (3, 98) if python.startswith("/opt") else None)
    assert bootstrap.find_interpreter() == "/opt/python3.98"
    assert "is not supported" in capsys.readouterr().out


def test_no_python_at_all_is_told(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "SUPPORTED", ((3, 99),))
    monkeypatch.setattr(bootstrap, "candidates", list)
    with pytest.raises(bootstrap.SetupError, match="Please install one"):
        bootstrap.find_interpreter()


def test_every_place_names_the_same_versions_of_python(bootstrap: ModuleType) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = [f"{major}.{minor}" for major, minor in bootstrap.SUPPORTED]
    major, minor = bootstrap.SUPPORTED[-1]
    assert project["requires-python"] == f">={names[0]},<{major}.{minor + 1}"
    told = [line.rpartition(" ")[2] for line in project["classifiers"] if "Language :: Python :: 3." in line]
    assert told == names
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"With nothing but Python {', '.join(names[:-1])} or {names[-1]} on" in readme
    assert f"| any Python {names[0]} to {names[-1]} |" in readme
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert f"python: {json.dumps(names)}" in workflow
    assert f"Python {names[0]}-{names[-1]} " in (bootstrap.__doc__ or "")


def test_decoders_are_asked_for_where_they_have_wheels() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for extra in ("preview", "test"):
        asked = {re.split(r"[>=;]", line)[0]: line for line in project["optional-dependencies"][extra]}
        assert asked["pyjpegls"].endswith("; python_version < '3.14'")
        assert asked["python-gdcm"].endswith("; python_version < '3.15'")


def test_version_of_this_python_and_of_nothing(bootstrap: ModuleType, tmp_path: Path) -> None:
    assert bootstrap.version_of(sys.executable) == sys.version_info[:2]
    assert bootstrap.version_of(str(tmp_path / "nothing")) is None


@pytest.mark.skipif(sys.platform == "win32", reason="looks for POSIX names")
def test_candidates_are_looked_for_on_the_path(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("python3.11", "python3.13", "python3.9"):
        (tmp_path / name).touch()
    assert [p for p in bootstrap.candidates() if p.startswith(str(tmp_path))] == [
        str(tmp_path / "python3.13"),
        str(tmp_path / "python3.11"),
    ]


# -- system packages -------------------------------------------------------------------------------------------------


def test_apt_is_used_where_it_may(
    bootstrap: ModuleType, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "root_prefix", lambda: ["sudo", "-n"])
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name, path=None: f"/usr/bin/{name}")
    assert bootstrap.apt_install(["dcmtk"], "because", must=True)
    assert commands[0][:4] == ["sudo", "-n", "sh", "-c"]
    assert commands[0][-1] == "dcmtk"


def test_without_rights_the_exact_command_is_told(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "root_prefix", lambda: None)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name, path=None: f"/usr/bin/{name}")
    with pytest.raises(bootstrap.SetupError, match="sudo apt-get install --no-install-recommends a b"):
        bootstrap.apt_install(["a", "b"], "because", must=True)
    assert not bootstrap.apt_install(["c"], "because", must=False)
    assert "sudo apt-get install --no-install-recommends c" in capsys.readouterr().out


def test_without_apt_the_libraries_are_named(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name, path=None: None)
    with pytest.raises(bootstrap.SetupError, match="libegl1"):
        bootstrap.apt_install(["libegl1"], "because", must=True)


def test_missing_qt_libraries_are_installed_and_looked_at_again(
    bootstrap: ModuleType, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    stamp = bootstrap.ensure_installed(test=False)
    answers = ["libEGL.so.1: cannot open shared object file", ""]
    installed: list[str] = []
    monkeypatch.setattr(bootstrap, "probe_qt", lambda kind: answers.pop(0))
    monkeypatch.setattr(bootstrap, "apt_install", lambda packages, reason, must: installed.extend(packages) or True)
    bootstrap.ensure_qt_libraries(stamp, screen=True, must=True)
    assert {"libegl1", "libxcb-cursor0"} <= set(installed)
    assert bootstrap.read_stamp()["loaded"] == ["screen"]


def test_qt_that_still_fails_is_told(
    bootstrap: ModuleType, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    stamp = bootstrap.ensure_installed(test=False)
    monkeypatch.setattr(bootstrap, "probe_qt", lambda kind: "libodd.so.1")
    monkeypatch.setattr(bootstrap, "apt_install", lambda packages, reason, must: True)
    with pytest.raises(bootstrap.SetupError, match=r"libodd\.so\.1"):
        bootstrap.ensure_qt_libraries(stamp, screen=False, must=True)


def test_peers_that_are_missing_are_installed(
    bootstrap: ModuleType, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "find_program", lambda name: None if name == "storescp" else f"/usr/bin/{name}")
    monkeypatch.setattr(bootstrap, "root_prefix", list)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name, path=None: f"/usr/bin/{name}")
    bootstrap.ensure_peers()
    assert commands[0][-1] == "dcmtk"
    assert commands[1][0] == "/usr/bin/npm"
    assert commands[1][-1].startswith("dcmjs-dimse@")


def test_off_linux_there_are_no_peers(
    bootstrap: ModuleType, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "LINUX", False)
    bootstrap.ensure_peers()
    assert commands == []


# -- the commands ----------------------------------------------------------------------------------------------------


def started(bootstrap: ModuleType, *arguments: str) -> Went:
    with pytest.raises(Went) as caught:
        bootstrap.main(["run", *arguments])
    return caught.value


def test_run_opens_the_window_where_there_is_a_display(
    bootstrap: ModuleType, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", ":7")
    assert started(bootstrap).command[1:] == ["-m", "dicomgui"]


def test_run_drives_the_window_where_there_is_none(
    bootstrap: ModuleType,
    commands: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    went = started(bootstrap)
    assert went.command[1:] == ["-m", "dicomgui", "--drive-offscreen", str(bootstrap.ROOT / "screenshots")]
    assert went.env["QT_QPA_PLATFORM"] == "offscreen"
    assert "there is no display" in capsys.readouterr().out


@pytest.mark.parametrize("display", ["", ":0"])
def test_run_passes_arguments_on(
    bootstrap: ModuleType, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch, display: str
) -> None:
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    expected = ["-m", "dicomgui", "echo", "PACS@host:104", "--json"]
    assert started(bootstrap, "--", "echo", "PACS@host:104", "--json").command[1:] == expected
    assert started(bootstrap, "echo", "PACS@host:104", "--json").command[1:] == expected


def test_test_runs_every_check_and_fails_when_one_fails(
    bootstrap: ModuleType,
    commands: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bootstrap.ensure_installed(test=True)
    monkeypatch.setattr(bootstrap, "ensure_peers", lambda *_: None)
    failing: list[str] = []
    ran: list[list[str]] = []

    def run(command: list[str], env: Any = None) -> int:
        ran.append(command)
        return int(any(word in command for word in failing))

    class Part:
        def __init__(self, command: list[str], output: BinaryIO) -> None:
            self._code = run(command)
            output.write(b"what pytest prints")

        def wait(self) -> int:
            return self._code

    monkeypatch.setattr(bootstrap, "run", run)
    monkeypatch.setattr(bootstrap, "start", lambda command, output, env: Part(command, output))
    assert bootstrap.main(["test"]) == 0
    assert capsys.readouterr().out.count("what pytest prints") == 3
    checks = len(ran)
    folders = [word for command in ran for word in command if word.startswith("tests/")]
    there = {path.relative_to(ROOT / "tests").parts[0] for path in (ROOT / "tests").glob("*/**/test_*.py")}
    assert sorted(folders) == sorted(f"tests/{folder}" for folder in there)
    for fault in ("mypy", "tests/interop", "tests/unit"):
        failing[:] = [fault]
        assert bootstrap.main(["test", "--long"]) == 1
    assert len(ran) == 4 * checks
    assert sum("--long" in command for command in ran) == 9
    assert "FAILED mypy" in capsys.readouterr().out


def test_test_with_arguments_runs_only_pytest(
    bootstrap: ModuleType, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    bootstrap.ensure_installed(test=True)
    monkeypatch.setattr(bootstrap, "ensure_peers", lambda *_: None)
    commands.clear()
    assert bootstrap.main(["test", "-k", "echo", "tests/unit"]) == 0
    assert [command[1:] for command in commands] == [["-m", "pytest", "-k", "echo", "tests/unit"]]


@pytest.mark.parametrize(
    ("name", "module", "arguments"),
    [
        ("bench", "bench.run", ["--only", "V1"]),
        ("fuzz", "fuzz.run", ["--seconds", "60"]),
        ("soak", "soak.run", ["--minutes", "1"]),
    ],
)
def test_a_tool_gets_the_arguments_that_are_meant_for_it(
    name: str, module: str, arguments: list[str],
    bootstrap: ModuleType, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(bootstrap, "ensure_peers", lambda *_: None)
    assert bootstrap.main([name, *arguments]) == 0
    command = commands[-1]
    assert command[1:3] == ["-m", module]
    assert command[-2:] == arguments


def test_a_set_up_that_cannot_go_on_ends_with_its_text(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*, test: bool) -> None:
        raise bootstrap.SetupError("do this")

    monkeypatch.setattr(bootstrap, "ensure_installed", fail)
    assert bootstrap.main(["run"]) == 1
    assert "do this" in capsys.readouterr().err


def test_help_needs_no_set_up() -> None:
    command = [sys.executable, str(ROOT / "packaging" / "bootstrap.py"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert "bench" in done.stdout
