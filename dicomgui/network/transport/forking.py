"""Processes that fork: the child lets go of the sockets of its parent, without a byte to the peers.

Objects that live on an event loop note :func:`fork_count` when they are made, and are of no use where that has changed.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Protocol
from weakref import WeakSet

__all__ = ["SocketOwner", "fork_count", "let_go_after_fork"]


class SocketOwner(Protocol):
    """Has sockets that a child must not keep."""

    def socket_handles(self) -> list[int]:
        """Their file descriptors, as far as they are open."""


_owners: WeakSet[SocketOwner] = WeakSet()
_count = 0


def fork_count() -> int:
    """How many forks there are between the first process and this one."""
    return _count


def let_go_after_fork(owner: SocketOwner) -> None:
    """Have the child of a fork close its copies of the sockets of ``owner``."""
    _owners.add(owner)


def _after_fork_in_child() -> None:
    """Put ``/dev/null`` in the place of each socket.

    That closes the copy without a word, and keeps its number from being given to a file that the forgotten object of
    the parent would close or write to.
    """
    global _count
    _count += 1
    owners = list(_owners)
    _owners.clear()
    handles = [handle for owner in owners for handle in owner.socket_handles() if handle >= 0]
    if handles:
        with suppress(OSError):
            nowhere = os.open(os.devnull, os.O_RDWR)
            for handle in handles:
                os.dup2(nowhere, handle, inheritable=False)
            os.close(nowhere)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
