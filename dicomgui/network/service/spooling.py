"""Data sets of N-services that are too long for memory: in a temporary file until their request is performed."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, suppress
from typing import IO, Final

from dicomgui.network.dimse.memory import MemoryShare

__all__ = ["IMAGE_BOXES", "SpoolSink", "Spooled"]

IMAGE_BOXES: Final = frozenset(
    f"1.2.840.10008.5.1.1.{end}"
    for end in (
        "4",  # Basic Grayscale Image Box
        "4.1",  # Basic Color Image Box
        "4.2",  # Referenced Image Box (retired)
        "24",  # Basic Print Image Overlay Box (retired)
        "24.1",  # Image Overlay Box (retired)
    )
)
"""SOP classes of print management whose N-SET carries the pixels of a film (PS3.4 H.4.3)."""

_IN_MEMORY: Final = 65_536


class Spooled:
    """A data set in a temporary file, which is removed with the object at the latest.

    :ivar size: bytes.
    """

    __slots__ = ("_file", "_open", "size")

    def __init__(self) -> None:
        with ExitStack() as stack:
            self._file: IO[bytes] = stack.enter_context(tempfile.SpooledTemporaryFile(_IN_MEMORY))
            self._open = stack.pop_all()
        self.size = 0

    def __del__(self) -> None:
        self.close()

    def write(self, data: memoryview) -> None:
        """Add to it.

        :raises OSError: there is no room on the disk.
        """
        self._file.write(data)
        self.size += len(data)

    def read(self) -> bytes:
        """The data set. For any thread.

        :raises OSError: it cannot be read.
        """
        self._file.seek(0)
        return self._file.read()

    def close(self) -> None:
        """Remove the file. May be called again."""
        with suppress(OSError):
            self._open.close()


class SpoolSink:
    """Keeps a data set of at most ``limit`` bytes on disk; its result is a :class:`Spooled`, or ``None``.

    :ivar is_out_of_room: whether it was within the limit, but neither ``share`` nor the disk had room.
    :ivar limit: bytes of the data set.
    :param share: charged with the bytes on disk until :meth:`give_back`.
    """

    __slots__ = ("_charged", "_share", "_spooled", "is_out_of_room", "limit", "overflowed")

    def __init__(self, limit: int, share: MemoryShare) -> None:
        self.limit = limit
        self.overflowed = False
        self.is_out_of_room = False
        self._share = share
        self._charged = 0
        self._spooled = Spooled()

    def write(self, data: memoryview, /) -> None:
        """Keep a copy, or drop everything once there is no room."""
        if self.overflowed:
            return
        size = len(data)
        if self._charged + size > self.limit:
            self._overflow(is_out_of_room=False)
        elif not self._share.take(size):
            self._overflow(is_out_of_room=True)
        else:
            self._charged += size
            try:
                self._spooled.write(data)
            except OSError:
                self._overflow(is_out_of_room=True)

    def finish(self) -> Spooled | None:
        """The data set, or ``None`` where there was no room for it."""
        return None if self.overflowed else self._spooled

    def abandon(self) -> None:
        """Discard what was kept."""
        self._spooled.close()
        self.give_back()

    def give_back(self) -> None:
        """Take back what is charged: the data set is not needed any more."""
        self._share.give_back(self._charged)
        self._charged = 0

    def _overflow(self, *, is_out_of_room: bool) -> None:
        self.overflowed = True
        self.is_out_of_room = is_out_of_room
        self.abandon()
