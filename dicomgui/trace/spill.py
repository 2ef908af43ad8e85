"""Where the bytes of a long trace are laid aside: a temporary file that nothing outlives."""

from __future__ import annotations

import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, cast

__all__ = ["Spill"]


class Spill:
    """A temporary file used as a ring. Positions count on for ever; what lies a file's length behind is overwritten.

    It has mode 0600 and no name, or a name that the system removes with the last handle. Safe from any thread; nothing
    is raised: what could not be written or read is said in ``error``.

    :ivar error: why bytes could not be written or read the last time that this was so, or an empty string.
    :param size_bytes: how long the file may get; 0 for no file.
    :param folder: where it is made; the system's place for such files where that is ``None``.
    """

    def __init__(self, size_bytes: int, folder: Path | None) -> None:
        self._size = size_bytes
        self._folder = folder
        self._owner = ExitStack()
        self._file: BinaryIO | None = None
        self._lock = threading.Lock()
        self._next = 0
        self.error = ""

    def write(self, data: bytes) -> int:
        """Append; give the position, or -1 where the bytes have no place."""
        if len(data) > self._size:
            return -1
        with self._lock:
            if self._next % self._size + len(data) > self._size:  # one piece never wraps
                self._next += self._size - self._next % self._size
            position = self._next
            # Moved on before the write: a write that breaks off leaves no old bytes that seem whole.
            self._next += len(data)
            try:
                file = self._open()
                file.seek(position % self._size)
                view = memoryview(data)
                while view:
                    view = view[file.write(view) :]
            except (OSError, ValueError) as exc:
                self.error = f"{type(exc).__name__}: {exc}"
                return -1
        return position

    def read(self, position: int, length: int) -> bytes | None:
        """The bytes written at ``position``, or ``None`` where newer ones have taken their place."""
        with self._lock:
            if self._file is None or position < self._next - self._size:
                return None
            try:
                self._file.seek(position % self._size)
                data = self._file.read(length)
            except (OSError, ValueError) as exc:
                self.error = f"{type(exc).__name__}: {exc}"
                return None
        return data if len(data) == length else None

    def holds(self, position: int) -> bool:
        """Whether the bytes written at ``position`` are still there."""
        return position >= 0 and self._file is not None and position >= self._next - self._size

    def _open(self) -> BinaryIO:
        if self._file is None:
            # Mode 0600, and no name where the system can do that.
            unnamed = tempfile.TemporaryFile
            self._file = cast(BinaryIO, self._owner.enter_context(unnamed(buffering=0, dir=self._folder)))
        return self._file

    def close(self) -> None:
        """Remove the file; all that was in it is lost, and more can be written."""
        with self._lock:
            self._owner.close()
            self._file = None
            self._next += self._size  # whatever was there counts as overwritten
