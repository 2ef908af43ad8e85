"""How many files and connections the system lets this process have open."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Final

if sys.platform != "win32":
    import resource

__all__ = ["FOR_FILES", "room_for"]

FOR_FILES: Final = 128
"""Handles that are kept for files: instances that are being written, the index, a trace, the libraries."""

LEAST_CONNECTIONS: Final = 16


def room_for(connections: int) -> int:
    """Ask the system for as many handles as so many connections need; gives how many connections it lets us have.

    Many systems start a process with 256 or 1,024 handles and let it have far more. Where a listener takes all of them,
    it can neither accept another connection nor open a file to store into.
    """
    if sys.platform != "win32":  # where handles are not counted
        wanted = connections + FOR_FILES
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            with suppress(OSError, ValueError):  # macOS has a limit below the hard one
                resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
                soft = allowed
        if soft != resource.RLIM_INFINITY:
            return min(connections, max(LEAST_CONNECTIONS, soft - FOR_FILES))
    return connections
