"""Install, use, verify, upgrade and remove the .rpm with dnf, in a clean Debian 13.

    sudo python3 packaging/rpm_test.py PACKAGE.rpm [--base FOLDER]

There is no Fedora to be had where only Debian's packages are; but dnf and rpm are the same programs. What the package
requires of a system has to be provided by some package, so that dnf may refuse: the libraries come from Debian, and an
empty .rpm provides the names that the C library and the linker's cache of this system really have. A name that a
distribution spells otherwise is found only there.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path

from chroot_test import USER, debian, expect, expect_nothing_left, inside, play, say
from elf_needs import DEBIAN, UNNAMED

SPEC = """
Name: {name}
Version: {version}
Release: 1
Summary: Stands for the libraries of this system
License: MIT
BuildArch: noarch
{provides}
%description
Nothing.
%files
"""
DNF = "dnf -y -q --disablerepo='*' --nogpgcheck"


def provided(root: Path) -> list[str]:
    """What the system has, as Fedora's packages name it: libraries of the linker's cache, versions of the C library."""
    cache = inside(root, "ldconfig -p")
    libraries = {f"{name}()(64bit)" for name in re.findall(r"^\s+(\S+) \(.*x86-64.*\)", cache, re.MULTILINE)}
    c_library = inside(root, "strings -a /lib/x86_64-linux-gnu/libc.so.6 | grep -E '^GLIBC_[0-9.]+$'").split()
    return sorted({*libraries, *(f"libc.so.6({version})(64bit)" for version in c_library), "fontconfig", "/bin/sh"})


def build(root: Path, spec: str, name: str) -> None:
    (root / "root" / f"{name}.spec").write_text(spec, encoding="utf-8")
    inside(root, f"rpmbuild -bb --define '_rpmdir /root/rpms' --define '_build_id_links none' /root/{name}.spec")


def step_system(root: Path, package: Path) -> None:
    """dnf, and what stands for Fedora's packages."""
    (root / "root" / "new.rpm").write_bytes(package.read_bytes())
    inside(root, "apt-get update -q")
    inside(root, "apt-get install -y -q --no-install-recommends dnf rpm binutils")
    requires = inside(root, "rpm -qpR /root/new.rpm").split("\n")
    libraries = [DEBIAN[name] for one in requires if (name := one.partition("(")[0]) in DEBIAN]
    inside(root, f"apt-get install -y -q --no-install-recommends {' '.join([*libraries, *UNNAMED])}")
    inside(root, f"useradd -m -u 1000 {USER}")
    refused = inside(root, f"{DNF} install /root/new.rpm 2>&1", check=False)
    expect("nothing provides" in refused, f"it asks for nothing: {refused}")
    provides = "\n".join(f"Provides: {name}" for name in provided(root))
    build(root, SPEC.format(name="this-system", version="1", provides=provides), "this-system")
    inside(root, "rpm -i /root/rpms/noarch/this-system-1-1.noarch.rpm")


def step_install(root: Path) -> None:
    older = SPEC.format(name="dicomgui", version="0.0.1", provides="")
    build(root, older, "older")
    inside(root, f"{DNF} install /root/rpms/noarch/dicomgui-0.0.1-1.noarch.rpm")
    inside(root, f"{DNF} install /root/new.rpm")
    versions = inside(root, "rpm -q dicomgui").split()
    expect(len(versions) == 1 and "0.0.1" not in versions[0], f"the upgrade left {' '.join(versions)}")


def step_use(root: Path) -> None:
    print(inside(root, "dicomgui --selftest", user=True), flush=True)
    changed = inside(root, "rpm -V dicomgui", check=False)
    expect(not changed, f"these are not as they were packed:\n{changed}")
    for path in ("usr/share/man/man1/dicomgui.1.gz", "usr/lib/systemd/user/dicomgui-listen.service"):
        expect((root / path).exists(), f"there is no {path}")
    expect("MIT" in inside(root, "rpm -q --qf '%{LICENSE}' dicomgui"), "it names no licence")


def step_remove(root: Path) -> None:
    inside(root, f"{DNF} remove dicomgui")
    expect_nothing_left(root)


def main() -> int:
    parser = argparse.ArgumentParser(description="Try the .rpm with dnf in a clean Debian.")
    parser.add_argument("package", type=Path)
    parser.add_argument("--base", type=Path, help="a Debian to copy; made where it is missing")
    options = parser.parse_args()
    if os.geteuid() != 0:
        say("it has to run as root: it mounts and changes roots")
        return 1
    with debian(options.base) as root:
        steps = (
            ("system", lambda: step_system(root, options.package)),
            ("install", lambda: step_install(root)),
            ("use", lambda: step_use(root)),
            ("remove", lambda: step_remove(root)),
        )
        return play(steps)


if __name__ == "__main__":
    sys.exit(main())
