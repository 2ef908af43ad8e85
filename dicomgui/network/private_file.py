"""Files of secrets: readable by their owner only, from the moment they are made."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Final

__all__ = ["open_private"]

_MODE: Final = 0o600


def open_private(path: str | Path, flags: int) -> int:
    """Open a file for a secret; it has mode 0600 before anything is written.

    One that exists with a wider mode is narrowed. A pipe or a terminal is left as it is. On Windows the file has the
    rights of its folder.

    :param flags: of ``os.open``, with ``O_CREAT`` where the file may be made.
    :returns: the descriptor, which the caller closes.
    :raises OSError: it cannot be opened, or cannot be narrowed because it belongs to another user.
    """
    descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0), _MODE)
    try:
        _narrow(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _narrow(descriptor: int) -> None:
    if sys.platform != "win32":
        found = os.fstat(descriptor).st_mode
        if stat.S_ISREG(found) and stat.S_IMODE(found) & ~_MODE:
            os.fchmod(descriptor, _MODE)
