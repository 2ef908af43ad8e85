#!/usr/bin/env python3
"""Set up dicomgui in its own `.venv` and start it, test it or measure it.

    python3 packaging/bootstrap.py run [-- ARGUMENTS]      the window, or `dicomgui ARGUMENTS`
    python3 packaging/bootstrap.py test [--long] [PYTEST ARGUMENTS]
    python3 packaging/bootstrap.py bench [--quick] [--only V1,V3] [--rounds N] [--compare]
    python3 packaging/bootstrap.py fuzz [--seconds N] [--target NAME]    and    soak [--minutes N]

Needs nothing but a Python 3.11-3.14 (or any Python that can find one) and works on Linux, Windows and macOS. What was
done is remembered in `.venv/bootstrap.json`, so that the next start goes straight to the program. Missing system
libraries are installed with apt where no password is asked for, or else the command to run is printed. Nothing is
written outside the source tree but what apt, pip and npm install and cache.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import BinaryIO, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "bootstrap.json"
PEERS = VENV / "peers"
SUPPORTED = ((3, 11), (3, 12), (3, 13), (3, 14))
FIRST, LAST = (".".join(map(str, version)) for version in (SUPPORTED[0], SUPPORTED[-1]))
WINDOWS = os.name == "nt"
LINUX = sys.platform.startswith("linux")

QT_PACKAGES = (  # libglib2.0-0 is a virtual name of libglib2.0-0t64 on newer releases
    "libglib2.0-0", "libgl1", "libegl1", "libxkbcommon0", "libdbus-1-3", "libfontconfig1", "libgssapi-krb5-2",
)  # fmt: skip
SCREEN_PACKAGES = (
    "libxcb-cursor0", "libxcb-icccm4", "libxcb-keysyms1", "libxcb-shape0", "libxcb-xkb1", "libxkbcommon-x11-0",
    "libwayland-client0", "libwayland-cursor0", "libwayland-egl1",
)  # fmt: skip
PEER_PROGRAMS = {
    "storescp": "dcmtk",
    "Orthanc": "orthanc",
    "odil": "odil",
    "tshark": "tshark",
    "dciodvfy": "dicom3tools",
    "microsocks": "microsocks",
    "sshd": "openssh-server",
    "Xvfb": "xvfb",
    "xauth": "xauth",
    "xdotool": "xdotool",
    "import": "imagemagick",
    "npm": "npm",
}
LONG_PROGRAMS = {"debootstrap": "debootstrap", "makensis": "nsis"}  # the long tests make installers, too
NPM_PEERS = {"dcmjs-dimse": "0.3.3"}

# Loads the Qt libraries that the window needs, and with "screen" the platform plugin that talks to the display.
PROBE = """
import ctypes, pathlib, sys
import PySide6
from PySide6 import QtCore, QtGui, QtNetwork, QtSvg, QtWidgets
if "screen" in sys.argv:
    plugins = pathlib.Path(PySide6.__file__).parent / "Qt" / "plugins" / "platforms"
    ctypes.CDLL(str(plugins / "libqxcb.so"))
"""
LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"

# A package may start its service while it is installed, and at every boot from then on. Neither is wanted of a test
# peer: the tests start their own, on their own ports.
APT_SCRIPT = """
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\\nexit 101\\n' >"$policy" && chmod 755 "$policy" && trap 'rm -f "$policy"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
apt() { apt-get -q -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"; }
add() { apt install -y --no-install-recommends "$@"; }
# The lists of packages may be missing or old: they are fetched only then. One source that fails is no reason to stop.
add "$@" || { apt update; add "$@"; } || exit 1
case " $* " in
    *" orthanc "*) command -v systemctl >/dev/null && systemctl disable orthanc >/dev/null 2>&1 ;;
esac
exit 0
"""


class SetupError(Exception):
    """The set-up cannot go on; the text says what to do."""


class Step(NamedTuple):
    """One step of the test run and how it ended."""

    name: str
    ok: bool
    seconds: float


def say(text: str) -> None:
    print(f"bootstrap: {text}", flush=True)


def run(command: list[str], env: dict[str, str] | None = None) -> int:
    """Run a command in the source tree with no standard input."""
    return subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, env=env, check=False).returncode


def start(command: list[str], output: BinaryIO, env: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start a command in the source tree with no standard input, all its output into a file."""
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env)


# -- the interpreter -------------------------------------------------------------------------------------------------


def version_of(python: str) -> tuple[int, int] | None:
    """The version of an interpreter; None when it does not start (a dangling link, a version manager's shim)."""
    try:
        done = subprocess.run(
            [python, "-I", "-c", "import sys; print(*sys.version_info[:2])"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        major, minor = done.stdout.split()
        return int(major), int(minor)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def candidates() -> list[str]:
    """Where interpreters may be found, newest version first."""
    found: list[str] = []
    folders = [Path(entry) for entry in os.environ.get("PATH", "").split(os.pathsep) if entry]
    folders += [Path("/usr/bin"), Path("/usr/local/bin"), Path("/opt/homebrew/bin")]
    for major, minor in reversed(SUPPORTED):
        name = f"python{major}.{minor}"
        for folder in folders:
            path = folder / (name + (".exe" if WINDOWS else ""))
            if path.is_file() and str(path) not in found:
                found.append(str(path))
        found += sorted(map(str, Path.home().glob(f".pyenv/versions/{major}.{minor}.*/bin/python")))
        if WINDOWS and (launcher := shutil.which("py")):
            found += windows_interpreter(launcher, f"-{major}.{minor}")
    return found


def windows_interpreter(launcher: str, version: str) -> list[str]:
    """What the Windows launcher `py` knows about a version, as a list of none or one."""
    done = subprocess.run(
        [launcher, version, "-c", "import sys; print(sys.executable)"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    path = done.stdout.strip()
    return [path] if done.returncode == 0 and path else []


def find_interpreter() -> str:
    """An interpreter that dicomgui supports: this one, or another of the machine."""
    if sys.version_info[:2] in SUPPORTED:
        return sys.executable
    this = ".".join(map(str, sys.version_info[:2]))
    for path in candidates():
        if version_of(path) in SUPPORTED:
            say(f"Python {this} is not supported ({FIRST} to {LAST} are); using {path}")
            return path
    raise SetupError(f"Python {this} is not supported and no Python {FIRST} to {LAST} was found. Please install one.")


# -- the virtual environment -----------------------------------------------------------------------------------------


def venv_python() -> Path:
    return VENV / ("Scripts/python.exe" if WINDOWS else "bin/python")


def venv_key() -> str:
    """What the installation depends on: the project's metadata, the interpreter, the place, and this file."""
    digest = hashlib.sha256(str(ROOT).encode())
    for path in (ROOT / "pyproject.toml", VENV / "pyvenv.cfg", Path(__file__)):
        digest.update(path.read_bytes() if path.is_file() else b"-")
    return digest.hexdigest()


def read_stamp() -> dict[str, object]:
    """What is known to be done; empty when nothing is, or when something it depends on has changed."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(stamp, dict) or stamp.get("key") != venv_key() or not venv_python().exists():
        return {}
    return stamp


def write_stamp(stamp: dict[str, object]) -> None:
    temporary = STAMP.with_suffix(".new")
    temporary.write_text(json.dumps(stamp, indent=1), encoding="utf-8")
    temporary.replace(STAMP)


def made_here() -> bool:
    """Whether `.venv` was made in this place: one that was copied along with the tree points at its old place."""
    try:
        config = (VENV / "pyvenv.cfg").read_text(encoding="utf-8")
    except OSError:
        return False
    made = re.search(r"^command = (.*)$", config, re.MULTILINE)
    return made is None or made[1].rstrip().endswith(str(VENV))


def ensure_venv() -> None:
    """Make `.venv`, or keep the one that stands if its interpreter starts and is supported."""
    standing = str(venv_python())
    if made_here() and version_of(standing) in SUPPORTED and run_quietly([standing, "-m", "pip", "--version"]):
        return
    python = find_interpreter()
    say(f"making {VENV} with {python}")
    if not run_quietly([python, "-c", "import ensurepip, venv"]):
        # Debian ships the two modules in a package of its own.
        version = version_of(python)
        name = "python{}.{}-venv".format(*version) if version else "python3-venv"
        apt_install([name], f"{python} has no ensurepip module", must=True)
    if run([python, "-m", "venv", "--clear", str(VENV)]) != 0:
        raise SetupError(f"{python} -m venv {VENV} failed")


def run_quietly(command: list[str]) -> bool:
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def ensure_installed(*, test: bool) -> dict[str, object]:
    """Install the project (editable) with what it needs unless the stamp says that it is; returns the stamp."""
    stamp = read_stamp()
    if stamp and (stamp.get("test") or not test):
        return stamp
    ensure_venv()
    target = ".[test]" if test else "."
    say(f"installing dicomgui{'[test]' if test else ''} into {VENV}")
    pip = [str(venv_python()), "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
    if run([*pip, "--editable", target]) != 0:
        raise SetupError("pip could not install dicomgui and what it needs; its message is above")
    stamp = {"key": venv_key(), "test": test, "loaded": []}
    write_stamp(stamp)
    return stamp


# -- system packages -------------------------------------------------------------------------------------------------


def root_prefix() -> list[str] | None:
    """What makes a command run as root without a question: nothing, sudo, or None when there is no such way."""
    if not hasattr(os, "geteuid"):
        return None
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    return [sudo, "-n"] if sudo and run_quietly([sudo, "-n", "true"]) else None


def apt_install(packages: list[str], reason: str, *, must: bool) -> bool:
    """Install Debian packages, or print how; with `must` a failure ends the set-up."""
    command = "sudo apt-get install --no-install-recommends " + " ".join(packages)
    prefix = root_prefix()
    if shutil.which("apt-get") is None:
        problem = f"{reason}. Please install what Debian calls: {' '.join(packages)}"
    elif prefix is None:
        problem = f"{reason}. Please run:\n    {command}"
    else:
        say(f"{reason}: installing {' '.join(packages)}")
        if run([*prefix, "sh", "-c", APT_SCRIPT, "sh", *packages]) == 0:
            return True
        problem = f"{reason}, and apt-get failed. Please run:\n    sudo apt-get update && {command}"
    if must:
        raise SetupError(problem)
    say(problem)
    return False


def probe_qt(kind: str) -> str:
    """Load Qt's libraries in a process of its own; returns what is missing, or nothing."""
    done = subprocess.run(
        [str(venv_python()), "-c", PROBE, kind],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return ""
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"exit code {done.returncode}"


def ensure_qt_libraries(stamp: dict[str, object], *, screen: bool, must: bool) -> None:
    """See that Qt can be loaded (and with `screen`, that it can open a window); remembered in the stamp."""
    kind = "screen" if screen else "offscreen"
    loaded = stamp.get("loaded")
    loaded = list(loaded) if isinstance(loaded, list) else []
    if not LINUX or kind in loaded or "screen" in loaded:
        return
    missing = probe_qt(kind)
    if missing:
        packages = [*QT_PACKAGES, *(SCREEN_PACKAGES if screen else ())]
        if not apt_install(packages, f"Qt cannot be loaded ({missing})", must=must):
            return
        missing = probe_qt(kind)
        if missing:
            raise SetupError(f"Qt still cannot be loaded: {missing}")
    stamp["loaded"] = [*loaded, kind]
    write_stamp(stamp)


def find_program(name: str) -> str | None:
    """A program on the path, or where servers are installed (an ordinary user's path may lack that)."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))


def ensure_peers(programs: dict[str, str] = PEER_PROGRAMS) -> None:
    """Install the foreign DICOM programs that the interoperability tests talk to (Linux only)."""
    if not LINUX:
        return
    missing = [package for program, package in programs.items() if find_program(program) is None]
    if missing:
        apt_install(missing, "programs for the tests are missing", must=False)
    wanted = [name for name in NPM_PEERS if not (PEERS / "node_modules" / name / "package.json").is_file()]
    npm = find_program("npm")
    if wanted and npm:
        say(f"installing {' '.join(wanted)} into {PEERS}")
        PEERS.mkdir(parents=True, exist_ok=True)
        specs = [f"{name}@{NPM_PEERS[name]}" for name in wanted]
        if run([npm, "install", "--prefix", str(PEERS), "--no-audit", "--no-fund", "--ignore-scripts", *specs]) != 0:
            say("npm failed; the tests that need these programs will fail")


# -- the commands ----------------------------------------------------------------------------------------------------


def has_display() -> bool:
    """Whether a window can be shown; on Windows and macOS it is assumed."""
    return not LINUX or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def replace_process(command: list[str], env: dict[str, str]) -> int:
    """Go on as another program: on POSIX as this process, so that signals and the exit code are the program's own."""
    sys.stdout.flush()
    sys.stderr.flush()
    if not WINDOWS:
        os.execve(command[0], command, env)
    try:
        return subprocess.run(command, env=env, check=False).returncode
    except KeyboardInterrupt:
        return 130


def command_run(arguments: list[str]) -> int:
    """Open the window, pass arguments on, or drive the window off screen where there is no display."""
    display = has_display()
    stamp = ensure_installed(test=False)
    # Most commands need no Qt, so that with arguments a missing library is told but ends nothing.
    ensure_qt_libraries(stamp, screen=display, must=not arguments)
    env = dict(os.environ)
    if not display:
        env.setdefault("QT_QPA_PLATFORM", "offscreen")
    if not display and not arguments:
        say("there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set): driving the window off screen")
        arguments = ["--drive-offscreen", str(ROOT / "screenshots")]
    return replace_process([str(venv_python()), "-m", "dicomgui", *arguments], env)


COVERED = VENV / "covered"
PARTS = (("gui",), ("interop", "integration"), ("unit", "bench", "fuzz", "soak", "rules"))
"""Run side by side; `rules` asks what passed in its own part. Counting the window's lines would take too long."""


def lint_steps() -> list[tuple[str, list[str]]]:
    """What looks at the source, by name."""
    python, ruff = str(venv_python()), [str(venv_python()), "-m", "ruff"]
    return [
        ("ruff", [*ruff, "check", "."]),
        ("ruff, format", [*ruff, "format", "--check", "."]),
        ("mypy", [python, "-m", "mypy"]),
        ("import contracts", [python, "-c", LINT_IMPORTS]),
    ]


def run_parts(*, long: bool) -> list[Step]:
    """Run all tests; what each part prints comes when it has ended."""
    say("--- pytest (a quarter of an hour)")
    began = time.monotonic()
    running = []
    for number, folders in enumerate(PARTS):
        command = [str(venv_python()), "-m", "pytest"]
        command += ["--cov=dicomgui", "--cov-branch", "--cov-report="] if number else []
        command += [f"tests/{folder}" for folder in folders] + (["--long"] if long else [])
        env = {**os.environ, "DICOMGUI_PEERS": str(PEERS), "COVERAGE_FILE": f"{COVERED}.{number}"}
        output = (VENV / f"pytest-{number}.log").open("w+b")
        running.append((f"pytest of {', '.join(folders)}", start(command, output, env), output))
    steps = []
    for name, process, output in running:
        code = process.wait()
        with output:
            output.seek(0)
            say(f"--- {name}\n{output.read().decode(errors='replace')}")
        steps.append(Step(name, code == 0, time.monotonic() - began))
    return steps


def coverage_steps() -> list[tuple[str, list[str]]]:
    """What holds the coverage against what is wanted, by name."""
    python, data, report = str(venv_python()), f"--data-file={COVERED}", str(VENV / "coverage.json")
    return [
        ("coverage, combined", [python, "-m", "coverage", "combine", "--quiet", data]),
        ("coverage, report", [python, "-m", "coverage", "json", "--quiet", data, "-o", report]),
        ("coverage", [python, str(ROOT / "packaging" / "coverage_gate.py"), report]),
    ]


def run_step(name: str, command: list[str], **env: str) -> Step:
    say(f"--- {name}")
    start = time.monotonic()
    code = run(command, env={**os.environ, "DICOMGUI_PEERS": str(PEERS), **env})
    return Step(name, code == 0, time.monotonic() - start)


def command_test(arguments: list[str], *, long: bool) -> int:
    """Lint, types, contracts, tests and coverage; with arguments for pytest, only the tests they name."""
    stamp = ensure_installed(test=True)
    ensure_qt_libraries(stamp, screen=True, must=False)
    ensure_peers(PEER_PROGRAMS | LONG_PROGRAMS if long else PEER_PROGRAMS)
    if arguments:
        long_too = ["--long"] if long else []
        return 0 if run_step("pytest", [str(venv_python()), "-m", "pytest", *long_too, *arguments]).ok else 1
    steps = [run_step(name, command) for name, command in lint_steps()]
    steps += run_parts(long=long)
    steps += [run_step(name, command) for name, command in coverage_steps()]
    say("--- summary")
    for step in steps:
        say(f"{'ok    ' if step.ok else 'FAILED'} {step.name} ({step.seconds:.0f} s)")
    return 0 if all(step.ok for step in steps) else 1


TOOLS = {
    "bench": ("measure side by side with other programs", ["bench.run", "--json", str(VENV / "bench.json")]),
    "fuzz": ("feed bytes to what takes bytes from outside", ["fuzz.run", "--corpus", str(VENV / "fuzz")]),
    "soak": ("hold a listener under load for long", ["soak.run"]),
}


def command_tool(name: str, arguments: list[str]) -> int:
    """Run one of the tools that stand beside the tests."""
    stamp = ensure_installed(test=True)
    ensure_qt_libraries(stamp, screen=False, must=False)
    if name == "bench":
        ensure_peers()
    elif name == "fuzz" and LINUX and not run_quietly([str(venv_python()), "-c", "import atheris"]):
        run([str(venv_python()), "-m", "pip", "--no-input", "install", "--quiet", "--editable", ".[fuzz]"])
    command = [str(venv_python()), "-m", *TOOLS[name][1], *arguments]
    return 0 if run_step(name, command, PYTHONPATH=str(ROOT / "tests")).ok else 1


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bootstrap.py", description="Set up dicomgui and start, test or measure it.")
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("run", help="open the window; what follows -- goes to the program")
    start.add_argument("arguments", nargs=argparse.REMAINDER)
    test = commands.add_parser("test", help="lint, types, import contracts, all tests, coverage")
    test.add_argument("--long", action="store_true", help="also the tests that take long")
    for name, (text, _) in TOOLS.items():
        commands.add_parser(name, help=text)
    known, rest = parser.parse_known_args(argv)
    arguments = [*getattr(known, "arguments", []), *rest]
    if arguments[:1] == ["--"]:
        del arguments[0]
    try:
        if known.command == "run":
            return command_run(arguments)
        if known.command == "test":
            return command_test(arguments, long=known.long)
        return command_tool(known.command, arguments)
    except SetupError as error:
        print(f"bootstrap: {error}", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
