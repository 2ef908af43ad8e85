"""Opening a trace file to look into it: its records in a store, its marks, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from dicomgui.trace.file import TraceReader
from dicomgui.trace.marks import Marks
from dicomgui.trace.store import TraceStore

__all__ = ["OpenCancelled", "OpenedTrace", "open_trace"]


class OpenCancelled(Exception):
    """Opening a file was cancelled."""


class OpenedTrace(NamedTuple):
    """A trace file that was read; whoever has it closes the store.

    :ivar store: its records. Row 1 is the first of the file; of a file with more rows than a store keeps, the oldest
        are gone.
    :ivar marks: what was noted beside its rows.
    :ivar reader: what the writer noted about the file, whether it is complete, and what is wrong with it.
    """

    store: TraceStore
    marks: Marks
    reader: TraceReader

    @property
    def damage(self) -> tuple[str, ...]:
        """What is wrong or missing, sentence by sentence; empty for a sound file that fitted."""
        told = list(self.reader.damage)
        if self.reader.skipped_records:
            told.append(f"{self.reader.skipped_records} records are of no kind that this version knows.")
        if not self.reader.is_complete and not told:
            told.append("The program that wrote it did not close it; its last records may be missing.")
        if self.store.first_seq > 1:
            told.append(f"It is longer than what is kept: its first {self.store.first_seq - 1:,} rows are left out.")
        if self.store.error:
            told.append(f"Not all bytes could be kept on this disk: {self.store.error}.")
        return tuple(told)


def open_trace(
    path: Path,
    *,
    store: TraceStore | None = None,
    progress: Callable[[float], object] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> OpenedTrace:
    """Read a trace file into a store, which lays on disk what does not fit into its memory. Blocks; use a thread.

    :param store: an empty one to be filled; a new one with the usual budgets when left out. It is closed where this
        raises.
    :param progress: told now and then how much is read, from 0 to 1.
    :param cancelled: asked now and then whether to stop.
    :raises TraceFileError: the file cannot be read or is no trace file.
    :raises OpenCancelled: ``cancelled`` said so.
    """
    kept = TraceStore() if store is None else store
    try:
        reader = TraceReader(path)
        for block in reader.blocks():
            if cancelled is not None and cancelled():
                raise OpenCancelled
            kept.adopt(block)
            if progress is not None:
                progress(reader.sound_bytes / max(1, reader.size_bytes))
    except BaseException:
        kept.close()
        raise
    return OpenedTrace(kept, reader.marks, reader)
