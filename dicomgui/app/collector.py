"""Python's collector of cycles, told what lives long in this program and what comes in masses.

It walks over what lives, to find what is only referred to by itself. What is loaded stays anyway; records of a trace
and matches of a query come by the ten thousand and have no cycles.
"""

from __future__ import annotations

import gc

__all__ = ["HeldBack", "keep_what_is_loaded"]

MANY = 5000
"""From so many objects on it is worth while to keep later collections from walking them."""

_YOUNG = 10_000
"""So many objects more than have gone call it, instead of 700. Most records of a trace go, packed, before it would look
at them the first time. It then takes 1 to 2 ms."""

_OLDER = 1
"""One call in two also looks at those that were left of the one before, instead of one in ten: else that took so long
at once that the window would be late."""

_OLDEST = 4
"""After so many of those it may look at all that has come since the start: about as often as ever, so that nothing is
kept longer than before."""

_NEVER = 1_000_000


def keep_what_is_loaded() -> None:
    """Switch it on, with all that is there now out of its way: nearly all of it stays until the program ends.

    Else it walks over what was imported, for some 20 ms, in the midst of the first second's work. For the program, not
    for those who use it as a library: the collector is theirs.
    """
    gc.freeze()
    gc.set_threshold(_YOUNG, _OLDER, _OLDEST)
    gc.enable()


class HeldBack:
    """Between :meth:`begin` and :meth:`end` there is no full collection; the young generations are collected.

    While a query brings a hundred thousand matches, each with its records in the trace, a full one takes a third of a
    second, again and again, and finds nothing.
    """

    def __init__(self) -> None:
        self._before: tuple[int, int, int] | None = None

    @property
    def is_held(self) -> bool:
        """Whether full collections are held back."""
        return self._before is not None

    def begin(self) -> None:
        """Hold full collections back; does nothing where they are."""
        if self._before is None:
            self._before = gc.get_threshold()
            gc.set_threshold(*self._before[:2], _NEVER)

    def end(self, kept: int) -> None:
        """Let them happen again. Does nothing where they may.

        :param kept: objects that came and stay. If they are many, no later collection looks at what lives now; it is
            freed like everything else when nobody refers to it any more.
        """
        before, self._before = self._before, None
        if before is not None:
            gc.set_threshold(*before)
            if kept >= MANY:
                gc.collect(1)
                gc.freeze()
