"""Python's collector of cycles, told what lives long in this program and what comes in masses."""

from __future__ import annotations

import gc

__all__ = ["keep_what_is_loaded"]

_YOUNG = 10_000
"""So many objects more than have gone call it, instead of 700. Records of a trace come by the ten thousand and have no
cycles; most of them go, packed, before it would look at them the first time. It then takes 1 to 2 ms."""

_OLDER = 1
"""One call in two also looks at those that were left of the one before, instead of one in ten: else that took so long
at once that the window would be late."""

_OLDEST = 20
"""After so many of those it may look at all that has come since the start."""


def keep_what_is_loaded() -> None:
    """Switch it on, with all that is there now out of its way: nearly all of it stays until the program ends.

    Else it walks over what was imported, for some 20 ms, in the midst of the first second's work. For the program, not
    for those who use it as a library: the collector is theirs.
    """
    gc.freeze()
    gc.set_threshold(_YOUNG, _OLDER, _OLDEST)
    gc.enable()
