"""The limits of an archive: its own size, what has to stay free on its disk, and the reserve of its index."""

from __future__ import annotations

import shutil
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dicomgui.storage.errors import CeilingReached
from dicomgui.storage.reserve import Reserve

__all__ = ["NO_CEILING", "Ceiling", "Room"]

LOOK_EACH_S = 0.1
"""The free space of the disk is looked up so often; what comes meanwhile may go a little below the floor."""

FULL_HINT = "Free space on it; receiving goes on by itself."
HINT = "Delete what is not needed, or raise the limit; receiving goes on by itself."


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What an archive may not go beyond; 0 is no limit.

    :ivar max_bytes: of all its instances together. What other programs put in or take out counts from the next start.
    :ivar min_free_bytes: has to stay free on the disk.
    """

    max_bytes: int = 0
    min_free_bytes: int = 0


NO_CEILING = Ceiling()


class Room:
    """Keeps one archive below its ceiling. Any number of threads may ask and take.

    :ivar is_limited: whether there is any limit; without one nothing needs to be asked.
    """

    def __init__(self, folder: Path, ceiling: Ceiling) -> None:
        self._reserve: Reserve | None = None
        self.ceiling = ceiling
        self._folder = folder
        self._used = 0
        self._taking = threading.Lock()
        self._looked = -LOOK_EACH_S
        self._is_free = True

    @property
    def ceiling(self) -> Ceiling:
        """May be changed at any time; whoever sets a ``max_bytes`` calls :meth:`measure` after that."""
        return self._ceiling

    @ceiling.setter
    def ceiling(self, ceiling: Ceiling) -> None:
        self._ceiling = ceiling
        self._judge()

    @property
    def reserve(self) -> Reserve | None:
        """The space of an index on the same disk; while it is not there, nothing more is stored."""
        return self._reserve

    @reserve.setter
    def reserve(self, reserve: Reserve | None) -> None:
        self._reserve = reserve
        self._judge()

    def _judge(self) -> None:
        self.is_limited = self._ceiling != NO_CEILING or self._reserve is not None

    @property
    def used_bytes(self) -> int:
        """What the instances take, as far as it was measured and taken; 0 where nobody asked for a limit."""
        return self._used

    def measure(self) -> None:
        """Add up the files, if their size is limited. Blocks, some tenths of a second for 100,000 files."""
        if self.ceiling.max_bytes:
            used = sum(map(_size_of, self._folder.glob("[0-9a-f][0-9a-f]/*.dcm")))
            with self._taking:
                self._used = used

    def check(self, coming: int = 0) -> None:
        """See whether there is room for so many bytes more.

        :raises CeilingReached: there is none, or none but for the index.
        """
        reserve = self._reserve
        if reserve is not None and not reserve.is_kept and not reserve.keep():
            raise CeilingReached(
                "the disk is full: what is left is kept for the index", path=str(self._folder), hint=FULL_HINT
            )
        ceiling = self._ceiling
        if ceiling is NO_CEILING:
            return
        if ceiling.max_bytes and self._used + coming >= ceiling.max_bytes + (coming > 0):
            raise CeilingReached(f"the archive has reached its limit of {ceiling.max_bytes:,} bytes",
                                 path=str(self._folder), hint=HINT)  # fmt: skip
        if ceiling.min_free_bytes and not self._has_floor(ceiling.min_free_bytes):
            raise CeilingReached(f"the disk has no more than the {ceiling.min_free_bytes:,} bytes that stay free",
                                 path=str(self._folder), hint=HINT)  # fmt: skip

    def take(self, size: int) -> None:
        """Have room for an instance; given back where it comes to nothing.

        :raises CeilingReached: there is none.
        """
        if self._ceiling.max_bytes:
            with self._taking:
                self.check(size)
                self._used += size

    def give_back(self, size: int) -> None:
        """So many bytes are not there, or not any more."""
        if self._ceiling.max_bytes:
            with self._taking:
                self._used = max(0, self._used - size)

    def _has_floor(self, least: int) -> bool:
        now = time.monotonic()
        if now - self._looked >= LOOK_EACH_S:
            self._looked = now
            try:
                self._is_free = shutil.disk_usage(self._folder).free > least
            except OSError:  # the folder is gone: that is told where it is written to
                self._is_free = True
        return self._is_free


def _size_of(path: Path) -> int:
    with suppress(OSError):  # it has just been taken away
        return path.stat().st_size
    return 0
