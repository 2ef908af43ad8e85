"""What the program is made of, and under which licences: for About and for whoever asks what is installed."""

from __future__ import annotations

import platform
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

import dicomgui
from dicomgui.app.assets import resource_folder

__all__ = ["Component", "about_text", "components", "licence_folder"]


@dataclass(frozen=True, slots=True)
class Component:
    """One work that is part of the running program.

    :ivar version: an empty string where it does not tell.
    :ivar licence: in a few words, by its SPDX name where it has one.
    """

    name: str
    version: str
    licence: str


_PACKAGES: Final = (
    ("PySide6-Essentials", "Qt for Python (PySide6)", "LGPL-3.0-only"),
    ("pydicom", "pydicom", "MIT"),
    ("qasync", "qasync", "BSD-2-Clause"),
    ("platformdirs", "platformdirs", "MIT"),
    ("python-socks", "python-socks", "Apache-2.0"),
    ("tomli_w", "tomli-w", "MIT"),
    ("numpy", "NumPy", "BSD-3-Clause"),
    ("python-gdcm", "GDCM", "BSD-3-Clause"),
    ("pylibjpeg", "pylibjpeg", "MIT"),
    ("pylibjpeg-openjpeg", "pylibjpeg-openjpeg, with OpenJPEG", "MIT, BSD-2-Clause"),
    ("pyjpegls", "pyjpegls, with CharLS", "MIT, BSD-3-Clause"),
    ("cryptography", "cryptography", "Apache-2.0 OR BSD-3-Clause"),
    ("keyring", "keyring", "MIT"),
)
"""Distributions that the program can use, what to call them, and their licences."""


def components(more: tuple[Component, ...] = ()) -> tuple[Component, ...]:
    """What is installed of all that the program can use, itself first. Blocks: it looks into files.

    :param more: what only the caller knows, such as the version of Qt.
    """
    return tuple(_found(more))


def _found(more: tuple[Component, ...]) -> Iterator[Component]:
    yield Component("dicomgui", dicomgui.__version__, "MIT")
    yield Component("Python", platform.python_version(), "PSF-2.0")
    yield from more
    for name, shown, licence in _PACKAGES:
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
        yield Component(shown, version, licence)
    yield Component("SQLite", sqlite3.sqlite_version, "public domain")


def about_text(found: tuple[Component, ...]) -> str:
    """For a report of a fault: one line for each component, and the system. Nothing of the user's."""
    lines = [f"{one.name} {one.version}".rstrip() for one in found]
    return "\n".join([*lines, platform.platform()])


def licence_folder() -> Path:
    """Where the texts of the licences are.

    :raises FileNotFoundError: the installation lacks its resources.
    """
    return resource_folder() / "licences"
