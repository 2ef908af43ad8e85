"""What lets a script send one request after the other by pynetdicom without losing an answer."""

from __future__ import annotations

import threading

from pynetdicom import Association


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
