"""Memory that peers may take up: one budget for all associations of a server, or for one of a client.

What is charged are the bytes of data sets that are kept until their request is answered, the data sets decoded from
them, and requests that wait. Where a charge is refused the request is answered as out of resources (A700, 0213), or the
peer is not read any further; nothing is ended for it.
"""

from __future__ import annotations

from typing import Final

__all__ = ["DECODED_ELEMENT_BYTES", "MemoryBudget", "MemoryShare"]

DECODED_ELEMENT_BYTES: Final = 700
"""Memory of one decoded element or item, about."""


class MemoryBudget:
    """Counts bytes against a limit; all users are in one thread.

    :ivar limit_bytes: what may be taken in all.
    :ivar used_bytes: what is taken now.
    """

    __slots__ = ("limit_bytes", "used_bytes")

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.used_bytes = 0

    def take(self, size: int) -> bool:
        """Charge ``size`` bytes if they fit; returns whether they did."""
        if self.used_bytes + size > self.limit_bytes:
            return False
        self.used_bytes += size
        return True

    def give_back(self, size: int) -> None:
        """Take back a charge of ``size`` bytes."""
        self.used_bytes -= size


class MemoryShare:
    """The charges of one association on a budget; those that are left go back when it is closed.

    :ivar used_bytes: what the association has taken.
    """

    __slots__ = ("_budget", "_is_closed", "used_bytes")

    def __init__(self, budget: MemoryBudget) -> None:
        self._budget = budget
        self._is_closed = False
        self.used_bytes = 0

    @property
    def limit_bytes(self) -> int:
        """Bytes that all associations of the budget may take together."""
        return self._budget.limit_bytes

    def take(self, size: int) -> bool:
        """Charge ``size`` bytes if they fit; returns whether they did. Nothing fits into a closed share."""
        if self._is_closed or not self._budget.take(size):
            return False
        self.used_bytes += size
        return True

    def give_back(self, size: int) -> None:
        """Take back a charge of ``size`` bytes; after :meth:`close` nothing is left to take back."""
        if not self._is_closed:
            self.used_bytes -= size
            self._budget.give_back(size)

    def close(self) -> None:
        """Take back all charges. May be called again."""
        if not self._is_closed:
            self._is_closed = True
            self._budget.give_back(self.used_bytes)
            self.used_bytes = 0
