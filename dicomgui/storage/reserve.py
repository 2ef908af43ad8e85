"""Disk space kept for the index, in a file beside it.

The row of an instance is written after the instance was answered Success. Where the instances have taken the last byte
of the disk, the space of this file is given up for the rows; until the file is there again, nothing more is stored on
that disk.
"""

from __future__ import annotations

import errno
import os
import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from dicomgui.storage import disk

__all__ = ["FILE_NAME", "SIZE", "Reserve"]

FILE_NAME: Final = "index.reserve"

SIZE: Final = 4 * 2**20
"""Bytes: the rows of some thousand instances, twice, for they stand in SQLite's log before."""

_SHARE: Final = 8
"""At most this part of a small disk."""

_AGAIN_S: Final = 1.0

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class Reserve:
    """The reserve of one index. Any thread may call its methods; none of them raises.

    :ivar path: of the file.
    :ivar is_kept: True where the space is there, or cannot be kept on this file system; to be read only.

    :param folder: of the index.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        self._lock = threading.Lock()
        self._tried = -_AGAIN_S
        self.is_kept = False

    def keep(self) -> bool:
        """Take the space, if it is not there; returns whether it is. Tried once a second at most."""
        if self.is_kept:
            return True
        with self._lock:
            now = time.monotonic()
            if self.is_kept or now - self._tried < _AGAIN_S:
                return self.is_kept
            self._tried = now
            try:
                self.is_kept = _take(self.path)
            except OSError as error:
                # A file system may refuse such a file for another reason: then nothing says that the disk is full.
                self.is_kept = error.errno not in _FULL
                with suppress(OSError):
                    self.path.unlink()
            return self.is_kept

    def give_up(self) -> bool:
        """Free the space for the index; returns whether there was any."""
        with self._lock:
            self.is_kept = False
            self._tried = time.monotonic()
            try:
                size = self.path.stat().st_size
                self.path.unlink()
            except OSError:
                return False
            return size > 0

    def lies_on_disk_of(self, folder: Path) -> bool:
        """True where a folder is on the same disk, so that what is stored there takes the space of the index."""
        try:
            return self.path.parent.stat().st_dev == folder.stat().st_dev
        except OSError:
            return False


def _take(path: Path) -> bool:
    """Make the file, or see that it is there.

    :raises OSError: there is no space for it.
    """
    size = min(SIZE, shutil.disk_usage(path.parent).total // _SHARE)
    with suppress(FileNotFoundError):
        if path.stat().st_size >= size:
            return True
    handle = os.open(path, disk.CREATE_FLAGS & ~os.O_EXCL, 0o600)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(handle, 0, size)
        else:
            disk.write_all(handle, bytes(size))
    finally:
        os.close(handle)
    return True
