"""What a bundle needs of the system, read from its binaries."""

from __future__ import annotations

from types import ModuleType

import pytest
from helpers.source import ROOT, loaded

OBJDUMP = """
Dynamic Section:
  NEEDED               libQt6Core.so.6
  NEEDED               libEGL.so.1
  NEEDED               libc.so.6
  RUNPATH              $ORIGIN

Version References:
  required from libc.so.6:
    0x06969189 0x00 04 GLIBC_2.9
    0x069691b3 0x00 03 GLIBC_2.34
    0x09691a75 0x00 02 GLIBC_2.2.5
  required from libstdc++.so.6:
    0x0297f869 0x00 05 GLIBCXX_3.4.30
"""


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module."""
    monkeypatch.syspath_prepend(str(ROOT / "packaging"))
    return loaded(ROOT / "packaging" / "elf_needs.py")


def test_needs_are_read_from_what_objdump_prints(script: ModuleType) -> None:
    libraries, versions = script.parse(OBJDUMP)
    assert libraries == {"libQt6Core.so.6", "libEGL.so.1", "libc.so.6"}
    assert max(versions) == (2, 34)


def test_dependencies_are_named_as_each_system_names_them(script: ModuleType) -> None:
    needs = script.Needs(frozenset({"libEGL.so.1", "libxcb.so.1"}), "2.35")
    assert script.debian_depends(needs) == ["libc6 (>= 2.35)", "fontconfig-config", "libegl1", "libxcb1"]
    assert script.rpm_requires(needs) == [
        "libc.so.6(GLIBC_2.35)(64bit)", "libEGL.so.1()(64bit)", "libxcb.so.1()(64bit)", "fontconfig"
    ]  # fmt: skip


def test_a_library_that_nobody_knows_ends_the_build(script: ModuleType) -> None:
    with pytest.raises(SystemExit, match=r"libnew\.so\.1"):
        script.debian_depends(script.Needs(frozenset({"libnew.so.1"}), "2.35"))
