"""Large packages that are loaded late, by whichever thread needs them first.

The modules of pydicom import each other in circles. When one thread imports the package while another one begins with
one of its modules, each holds what the other waits for; Python resolves that by giving one of them a module that is not
complete (``ImportError: partially initialized module``). Who imports the package before any of its modules waits for
the other thread instead. That is done here for all imports, until the package is there.
"""

from __future__ import annotations

import builtins
import sys
from typing import Any

__all__ = ["import_as_a_whole"]

_wanted: set[str] = set()


def import_as_a_whole(package: str) -> None:
    """From now on let every import of a module of ``package`` import the package before; does nothing once it is there.

    For a program, not for a library: it replaces ``builtins.__import__`` meanwhile.
    """
    if package in _wanted or package in sys.modules:
        return
    _wanted.add(package)
    usual, start = builtins.__import__, f"{package}."

    def whole(name: str, *others: Any, **more: Any) -> Any:
        if name.startswith(start):
            usual(package)
            # Another one may stand above by now: then this one stays, and costs a comparison an import.
            if builtins.__import__ is whole and not _is_beginning(package):
                builtins.__import__ = usual
        return usual(name, *others, **more)

    builtins.__import__ = whole


def _is_beginning(package: str) -> bool:
    """Whether it is being imported just now, by this thread itself."""
    spec = getattr(sys.modules.get(package), "__spec__", None)
    return bool(getattr(spec, "_initializing", False))
