"""The brake of one association: the peer is not read while what it sent is not taken.

Reading is all or nothing: bytes come in one order. So the brake is let go while somebody waits for something that can
only be read (the response to another request of ours), or both would wait for ever; what is not taken meanwhile is
kept, up to a second limit.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Brake"]


class Brake:
    """Holds the transport while something is full.

    :ivar is_pressed: whether something is full.
    :param hold: stops reading from the peer.
    :param unhold: takes that back.
    :param is_starving: whether somebody waits for what is still to be read.
    """

    __slots__ = ("_full", "_hold", "_is_holding", "_is_lifted", "_is_starving", "_unhold", "is_pressed")

    def __init__(self, hold: Callable[[], None], unhold: Callable[[], None], is_starving: Callable[[], bool]) -> None:
        self.is_pressed = False
        self._hold = hold
        self._unhold = unhold
        self._is_starving = is_starving
        self._full: dict[object, bool] = {}
        self._is_holding = False
        self._is_lifted = False

    @property
    def is_holding(self) -> bool:
        """Whether the peer is not read."""
        return self._is_holding

    def press(self, by: object, *, is_hard: bool = False) -> None:
        """``by`` is full; ``is_hard`` where it cannot take more whoever starves."""
        if not self._is_lifted:
            self._full[by] = is_hard
            self.balance()

    def release(self, by: object) -> None:
        """``by`` can take more."""
        if by in self._full:
            del self._full[by]
            self.balance()

    def balance(self) -> None:
        """Hold or read on, as things stand now; to be called whenever somebody begins or ceases to wait."""
        self.is_pressed = bool(self._full)
        wanted = self.is_pressed and (any(self._full.values()) or not self._is_starving())
        if wanted != self._is_holding:
            self._is_holding = wanted
            (self._hold if wanted else self._unhold)()

    def lift(self) -> None:
        """Never hold again: the association is over, and only its end is still to be read."""
        self._is_lifted = True
        self._full.clear()
        self.balance()
