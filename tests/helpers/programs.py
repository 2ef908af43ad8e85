"""Where the foreign DICOM programs of the interoperability tests are."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NPM_PEERS = ("dcmjs-dimse",)
ODIL_PYTHON = "/usr/bin/python3"
"""What has odil's Python module: the system's own interpreter, for which the package `odil` installs it."""


def find(name: str) -> Path:
    """The path of a program: on the path, or where Debian puts servers.

    :raises FileNotFoundError: when it is not installed.
    """
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    found = shutil.which(name, path=path)
    if found is None:
        raise FileNotFoundError(f"{name} is not installed (packaging/bootstrap.py test installs it)")
    return Path(found)


def node_modules() -> Path:
    """The folder that holds the npm peers, for NODE_PATH."""
    return Path(os.environ.get("DICOMGUI_PEERS") or ROOT / ".venv" / "peers") / "node_modules"


def is_there(name: str) -> bool:
    """Whether a program, an npm peer or a Python peer (`pynetdicom`) can be used."""
    if name in NPM_PEERS:
        return (node_modules() / name / "package.json").is_file()
    if name in ("pynetdicom", "sqlalchemy"):
        return importlib.util.find_spec(name) is not None
    try:
        find(name)
    except FileNotFoundError:
        return False
    return True
