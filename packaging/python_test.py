"""Set the source tree up with the newest Python of a current system, and test it there.

    sudo python3 packaging/python_test.py [--base FOLDER] [--python 3.14]

Makes a Debian of the suite sid with debootstrap (or copies the one in FOLDER, which is made where it is missing),
installs its Python, and does what the README says with a copy of this source tree: the set-up, with the newest
dependencies that its metadata permit, the self-test, the window driven off screen, and the unit tests. It fails, too,
once nothing speaks against the Python after that any more. What was mounted is unmounted again, whatever happens.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from chroot_test import debian, expect, inside, play, say

ROOT = Path(__file__).resolve().parent.parent
SUITE = "sid"
TREE = "/root/dicomgui"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
APT_SETTINGS = ("Acquire::Check-Valid-Until", "Acquire::Check-Date", "Acquire::http::Proxy")
"""Settings of this machine that its mirror needs, whose sid may be weeks old; the chroot gets them, too."""


def step_system(root: Path, version: str) -> None:
    """Install the Python, and nothing that the set-up has to find or install by itself."""
    settings = subprocess.run(["apt-config", "dump", *APT_SETTINGS], check=True, capture_output=True, text=True).stdout
    (root / "etc" / "apt" / "apt.conf.d" / "90machine").write_text(settings, encoding="utf-8")
    inside(root, "apt-get update -q")
    inside(root, f"apt-get install -y -q --no-install-recommends ca-certificates python{version}")
    if CERTIFICATES.is_file():  # of a machine that goes to the registry through a proxy of its own
        shutil.copy(CERTIFICATES, root / "etc" / "ssl" / "certs")
    say(inside(root, f"python{version} --version").strip())


def step_tree(root: Path) -> None:
    """Copy the source tree as it is, changes that are not committed included."""
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    target = root / TREE.lstrip("/")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def bootstrap(root: Path, version: str, arguments: str) -> str:
    """Run ``bootstrap.py`` in the tree, without a display; gives what it printed."""
    settings = f"PIP_CERT={CERTIFICATES} PYTHONUNBUFFERED=1"
    return inside(root, f"cd {TREE} && {settings} python{version} packaging/bootstrap.py {arguments} 2>&1")


NEXT = "3.15"
"""The Python that is not supported, because of what it does to a dependency."""
HINDRANCES = (
    ("lazy imports after shiboken6", "import shiboken6, asyncio; asyncio.run(asyncio.to_thread(int))"),
    ("deprecated names in pydicom", "import warnings; warnings.simplefilter('error'); import pydicom.config, pydicom"),
)


def step_next(root: Path) -> None:
    """Try what keeps the next Python from being supported; a surprise is a failure, so that somebody hears of it."""
    inside(root, f"apt-get install -y -q --no-install-recommends python{NEXT} python{NEXT}-venv")
    inside(root, f"python{NEXT} -m venv /root/next")
    inside(root, f"PIP_CERT={CERTIFICATES} /root/next/bin/python -m pip install -q pydicom PySide6-Essentials")
    left = []
    for name, code in HINDRANCES:
        outcome = inside(root, f'/root/next/bin/python -c "{code}" 2>&1 && echo WORKS', check=False)
        say(f"Python {NEXT}, {name}: {outcome.strip().splitlines()[-1]}")
        left += [] if outcome.strip().endswith("WORKS") else [name]
    expect(bool(left), f"nothing speaks against Python {NEXT} any more: raise the caps, and this file's NEXT")


def step_drive(root: Path, version: str) -> None:
    """The README's first command, which makes the environment and drives the window off screen."""
    said = bootstrap(root, version, "run")
    say(said.strip().splitlines()[-1])
    made = (root / TREE.lstrip("/") / ".venv" / "pyvenv.cfg").read_text(encoding="utf-8")
    expect(f"version = {version}." in made, f"the environment is not made with Python {version}: {made}")


def step_units(root: Path, version: str) -> None:
    """The unit tests; the workload beside them decides how long one may take."""
    said = bootstrap(root, version, "test tests/unit -q -p no:cacheprovider")
    summary = said.strip().splitlines()[-1]
    say(summary)
    expect(re.search(r"\d+ passed", summary) is not None, said[-3000:])


def main() -> int:
    parser = argparse.ArgumentParser(description="Try the source tree with the newest Python of a Debian sid.")
    parser.add_argument("--base", type=Path, help="a Debian sid to copy; made where it is missing")
    parser.add_argument("--python", default="3.14", metavar="VERSION", help="default: %(default)s")
    options = parser.parse_args()
    if os.geteuid() != 0:
        say("it has to run as root: it mounts and changes roots")
        return 1
    version = options.python
    with debian(options.base, SUITE) as root:
        return play(
            (
                ("system", lambda: step_system(root, version)),
                ("tree", lambda: step_tree(root)),
                ("drive", lambda: step_drive(root, version)),
                ("self-test", lambda: print(bootstrap(root, version, "run -- --selftest"), flush=True)),
                ("units", lambda: step_units(root, version)),
                ("next", lambda: step_next(root)),
            )
        )


if __name__ == "__main__":
    sys.exit(main())
