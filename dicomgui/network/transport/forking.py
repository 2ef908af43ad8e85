"""Processes that fork: the child closes its copies of its parent's sockets, without a byte to the peers.

Objects that live on an event loop note :func:`fork_count` when they are made, and are of no use where that has changed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol
from weakref import WeakSet

__all__ = ["StaysWithParent", "call_in_child", "fork_count", "stay_with_parent"]


class StaysWithParent(Protocol):
    """Belongs to the process that made it."""

    def left_behind(self) -> Sequence[int]:
        """Be of no use any more: this is the child of a fork. Must not raise, and not touch the event loop.

        :returns: the file descriptors of its sockets, which the child closes; negative ones are passed over.
        """


_ours: WeakSet[StaysWithParent] = WeakSet()
_count = 0


def fork_count() -> int:
    """The number of forks between the first process and this one."""
    return _count


def stay_with_parent(one: StaysWithParent) -> None:
    """Have the child of a fork call :meth:`~StaysWithParent.left_behind` of ``one``."""
    _ours.add(one)


def call_in_child(function: Callable[[], None]) -> None:
    """Call ``function`` in the child of each fork; does nothing on a system without forks."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=function)


def _after_fork_in_child() -> None:
    """Put ``/dev/null`` in the place of each socket.

    That closes the copy without a word, and keeps its number from being given to a file that the forgotten object of
    the parent would close or write to.
    """
    global _count
    _count += 1
    left = list(_ours)
    _ours.clear()
    handles = [handle for one in left for handle in one.left_behind() if handle >= 0]
    if handles:
        with suppress(OSError):
            nowhere = os.open(os.devnull, os.O_RDWR)
            for handle in handles:
                os.dup2(nowhere, handle, inheritable=False)
            os.close(nowhere)


call_in_child(_after_fork_in_child)
