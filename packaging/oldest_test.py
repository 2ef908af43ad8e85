"""Set the source tree up with the oldest dependencies that its metadata permit, and test it with them.

    python3 packaging/oldest_test.py [--folder FOLDER]

The oldest Python that is supported, since the oldest releases have wheels for it, and in an environment of its own each
dependency that `pyproject.toml` names, those of the tests included, in the release that its lower bound names; what
those need is as new as it can be. Then the self-test and the unit tests. The public workflow does the same up to the
self-test.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import bootstrap

ROOT = Path(__file__).resolve().parent.parent
EXTRA = "test"
SHOWN = 3000
"""Characters of what a step printed that failed."""


class Failed(Exception):
    """A step did not do what it should."""


def say(text: str) -> None:
    print(f"oldest_test: {text}", flush=True)


def run(*command: str | Path) -> str:
    """Run a command in the source tree, off screen; gives what it printed."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}\n{done.stdout[-SHOWN:]}")
    return done.stdout


def oldest_python() -> str:
    """An interpreter of the oldest version that is supported."""
    for path in candidates():
        if bootstrap.version_of(path) == bootstrap.SUPPORTED[0]:
            return path
    raise Failed(f"there is no Python {bootstrap.FIRST} here")


def candidates() -> Iterator[str]:
    yield sys.executable
    yield from bootstrap.candidates()


def lower_bounds() -> dict[str, str]:
    """The lower bound of each dependency that the oldest Python asks for, by its normalized name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bounds = {}
    for line in [*project["dependencies"], *project["optional-dependencies"][EXTRA]]:
        requirement, _, marker = line.partition(";")
        if ">= '" in marker:  # only for a newer Python
            continue
        found = re.match(r"([\w.-]+)>=([\w.]+)", requirement)
        if found is None:
            raise Failed(f"{line} has no lower bound")
        bounds[normalized(found[1])] = found[2]
    return bounds


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def is_release(installed: str, bound: str) -> bool:
    """True if what is installed is the release that a lower bound names: 2.3.1 is what there is of 2.3."""
    return installed == bound or installed.startswith(f"{bound}.")


def uv_version() -> str:
    """The release of uv that the public workflow resolves with."""
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    found = re.search(r"uv==([\d.]+)", workflow)
    if found is None:
        raise Failed("the public workflow names no uv")
    return found[1]


def step_install(folder: Path) -> None:
    tools, python = folder / "tools", folder / "venv" / "bin" / "python"
    oldest = oldest_python()
    run(oldest, "-m", "venv", tools)
    run(tools / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "install", "-q", f"uv=={uv_version()}")
    run(oldest, "-m", "venv", folder / "venv")
    run(
        tools / "bin" / "uv", "pip", "install", "-q", "--python", python, "--resolution", "lowest-direct", f".[{EXTRA}]"
    )
    frozen = run(tools / "bin" / "uv", "pip", "list", "-q", "--python", python, "--format", "freeze")
    installed = {normalized(name): version for name, _, version in (line.partition("==") for line in frozen.split())}
    bounds = lower_bounds()
    say(", ".join(f"{name} {installed[name]}" for name in sorted(bounds)))
    newer = [f"{name} {installed[name]}" for name, bound in bounds.items() if not is_release(installed[name], bound)]
    if newer:
        raise Failed(f"the lower bounds of these cannot be had: {', '.join(newer)}")


def step_selftest(folder: Path) -> None:
    say(run(folder / "venv" / "bin" / "dicomgui", "--selftest").strip().splitlines()[-1])


def step_units(folder: Path) -> None:
    said = run(folder / "venv" / "bin" / "python", "-m", "pytest", "tests/unit", "-q", "-p", "no:cacheprovider")
    say(said.strip().splitlines()[-1])


STEPS: tuple[tuple[str, Callable[[Path], None]], ...] = (
    ("install", step_install),
    ("self-test", step_selftest),
    ("units", step_units),
)


def main() -> int:
    parser = argparse.ArgumentParser(description="Try the source tree with the oldest dependencies.")
    parser.add_argument("--folder", type=Path, help="where the environment is made, and stays")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dicomgui-oldest-") as temporary:
        folder = options.folder or Path(temporary)
        for name, step in STEPS:
            started = time.monotonic()
            try:
                step(folder)
            except Failed as error:
                say(f"FAILED {name}: {error}")
                return 1
            say(f"ok     {name} ({time.monotonic() - started:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
