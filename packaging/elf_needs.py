"""What the binaries of a bundle need of the system: libraries that are not in it, and the C library's version.

    python packaging/elf_needs.py BUNDLE

Read with `objdump`, so that what a package says it depends on is what its files really load.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

C_LIBRARY = re.compile(r"^(libc|libm|libresolv|libdl|libpthread|librt|libutil|ld-linux[\w-]*)\.so")

DEBIAN = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libGLX.so.0": "libgl1",
    "libOpenGL.so.0": "libopengl0",
    "libfontconfig.so.1": "libfontconfig1",
    "libwayland-client.so.0": "libwayland-client0",
    "libwayland-cursor.so.0": "libwayland-cursor0",
    "libwayland-egl.so.1": "libwayland-egl1",
    "libwayland-server.so.0": "libwayland-server0",
    "libxcb.so.1": "libxcb1",
    "libdrm.so.2": "libdrm2",
    "libgbm.so.1": "libgbm1",
}
"""Debian's packages of libraries that a bundle leaves to the system. Another one that turns up ends the build."""

UNNAMED = ("fontconfig-config",)
"""What no binary names and without which there is no font at all."""


class Needs(NamedTuple):
    """Names of libraries (SONAME), and the newest symbol version of the GNU C library, such as ``2.39``."""

    libraries: frozenset[str]
    glibc: str


def is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def parse(objdump: str) -> tuple[set[str], set[tuple[int, ...]]]:
    """The needed libraries and the versions of the C library in what ``objdump -p`` prints."""
    libraries = set(re.findall(r"^\s+NEEDED\s+(\S+)", objdump, re.MULTILINE))
    versions = {tuple(map(int, found.split("."))) for found in re.findall(r"\bGLIBC_(\d+(?:\.\d+)+)\b", objdump)}
    return libraries, versions


def needs_of(bundle: Path) -> Needs:
    """Of all binaries together."""
    libraries: set[str] = set()
    versions: set[tuple[int, ...]] = set()
    inside: set[str] = set()
    for path in sorted(bundle.rglob("*")):
        if path.is_file() or path.is_symlink():
            inside.add(path.name)
        if path.is_symlink() or not path.is_file() or not is_elf(path):
            continue
        done = subprocess.run(["objdump", "-p", str(path)], capture_output=True, text=True, check=True)
        needed, found = parse(done.stdout)
        libraries |= needed
        versions |= found
    outside = frozenset(name for name in libraries - inside if not C_LIBRARY.match(name))
    return Needs(outside, ".".join(map(str, max(versions, default=(0,)))))


def debian_depends(needs: Needs) -> list[str]:
    """As Debian writes it.

    :raises SystemExit: a library is needed whose package is not known.
    """
    unknown = sorted(needs.libraries - set(DEBIAN))
    if unknown:
        raise SystemExit(f"elf_needs: nobody has said which package has {', '.join(unknown)}")
    return [f"libc6 (>= {needs.glibc})", *sorted({DEBIAN[name] for name in needs.libraries} | set(UNNAMED))]


def rpm_requires(needs: Needs) -> list[str]:
    """As RPM writes it: by the names of the libraries themselves, which every distribution provides."""
    return [
        f"libc.so.6(GLIBC_{needs.glibc})(64bit)",
        *(f"{name}()(64bit)" for name in sorted(needs.libraries)),
        "fontconfig",
    ]


if __name__ == "__main__":
    found = needs_of(Path(sys.argv[1]))
    print("deb:", ", ".join(debian_depends(found)))
    print("rpm:", ", ".join(rpm_requires(found)))
