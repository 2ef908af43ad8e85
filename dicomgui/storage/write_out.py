"""Has the medium begin with a file while the rest of it still comes, so that its sync has less to wait for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from dicomgui.storage import disk

__all__ = ["WriteOut"]

PIECE_BYTES: Final = 262_144
"""Less is not worth the call."""

SLOW_S: Final = 0.002
"""A disk whose queue is full keeps the caller waiting: when it took so long it is left in peace for :data:`PEACE_S`."""

PEACE_S: Final = 10.0
_PAGE: Final = 4096


class WriteOut:
    """Begins to write files out, for as long as the disk takes that without holding up the caller.

    It promises nothing: what is on the medium is known after a sync and not before.

    :param clock: seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._peace_until = -PEACE_S

    def begin(self, handle: int, start: int, end: int) -> int:
        """Begin with what an open file holds from ``start`` to ``end``, if that is enough; gives where it ended."""
        if end - start < PIECE_BYTES or not disk.CAN_BEGIN_SYNC:
            return start
        now = self._clock()
        if now < self._peace_until:
            return start
        end -= end % _PAGE  # more of the last page may come
        disk.begin_sync(handle, start, end - start)
        if self._clock() - now > SLOW_S:
            self._peace_until = now + PEACE_S
        return end
