"""Python's garbage collector held back while very many objects come that stay.

A full collection walks everything that lives. While a query brings a hundred thousand matches, each with its records in
the trace, that takes a third of a second, again and again, and finds nothing: these objects have no cycles.
"""

from __future__ import annotations

import gc

__all__ = ["HeldBack"]

MANY = 5000
"""From so many objects on it is worth while to keep later collections from walking them."""

_NEVER = 1_000_000


class HeldBack:
    """Between :meth:`begin` and :meth:`end` there is no full collection; the young generations are collected."""

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
