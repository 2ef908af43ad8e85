"""What lets a script send one request after the other by pynetdicom without losing an answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from pynetdicom import AE, Association


class Hold:
    """Keeps the association's own thread from its work until :meth:`let_go`.

    That thread takes what comes unasked, and each request stops it for the time of its answer. But it needs a moment
    to go on after that, in which the next request takes it for stopped; then it takes that one's answer for unasked.
    """

    def __init__(self, association: Association) -> None:
        self._is_held = threading.Event()
        self._may_go = threading.Event()
        self._association = association
        self._own = association._reactor_checkpoint
        association._reactor_checkpoint = self
        self._is_held.wait()

    def let_go(self) -> None:
        """Let the thread go on; after a release, which it would disturb as well."""
        self._association._reactor_checkpoint = self._own
        self._may_go.set()

    def wait(self) -> None:
        """Called by the thread."""
        self._is_held.set()
        self._may_go.wait()

    def set(self) -> None:
        """Called after each request."""

    def clear(self) -> None:
        """Called before each request."""


class HoldingAE(AE):
    """Holds the associations that it opens until they are released or aborted, as those for what a C-MOVE asks for."""

    def associate(self, *arguments: Any, **options: Any) -> Association:
        association = super().associate(*arguments, **options)
        if association.is_established:
            hold = Hold(association)
            for name in ("release", "abort"):
                setattr(association, name, _ending(getattr(association, name), hold))
        return association


def _ending(end: Callable[[], None], hold: Hold) -> Callable[[], None]:
    def end_and_let_go() -> None:
        try:
            end()
        finally:
            hold.let_go()

    return end_and_let_go
