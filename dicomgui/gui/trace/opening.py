"""Opening trace files and captures to look into them: read in a thread, as a job that can be cancelled."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeAlias

from dicomgui.app.operations import JobHandle, JobKind, JobState
from dicomgui.gui.panels.panel import Workplace
from dicomgui.gui.panels.trace_files import is_capture_file
from dicomgui.gui.trace.listing.source import TraceSource
from dicomgui.network.errors import ConfigurationError
from dicomgui.trace.capture import CaptureError, import_capture
from dicomgui.trace.file import TraceFileError
from dicomgui.trace.finding import plain
from dicomgui.trace.index import TraceIndex
from dicomgui.trace.marks import Marks
from dicomgui.trace.open_trace import OpenCancelled, open_trace
from dicomgui.trace.store import TraceStore

__all__ = ["OpenFailed", "Opening", "open_source"]

_ROWS = 256
_BREATH_S = 0.0002
_POLL_S = 0.1

_Progress: TypeAlias = Callable[[float], None]
_Contexts: TypeAlias = Mapping[int, tuple[str, str]] | None


class OpenFailed(Exception):
    """A file could not be opened; the text says why, to people."""


@dataclass(slots=True)
class Opening:
    """How far a file has been read; written by the thread that reads, and cancelled by the one that asked.

    :ivar done: from 0 to 1.
    """

    done: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)

    def note(self, done: float) -> None:
        """So much of the file is read, from 0 to 1."""
        self.done = done
        self.breathe()

    def breathe(self) -> None:
        """Let the window's thread run: one that only computes gives the interpreter away every 5 ms and no sooner."""
        self.stop.wait(_BREATH_S)


async def open_source(place: Workplace, path: Path, contexts: _Contexts = None) -> TraceSource | None:
    """Read a file in a thread; a job shows how far it is.

    :param contexts: for a capture that misses the beginning: abstract and transfer syntax by context.
    :returns: the trace, or ``None`` where it was cancelled. Who has it closes its store.
    :raises OpenFailed: it cannot be read.
    """
    opening = Opening()
    job = place.start_job(JobKind.IMPORT, f"Open {path.name}", cancel=opening.stop.set)
    loop = asyncio.get_running_loop()
    reading = loop.run_in_executor(place.context.file_pool, partial(read_source, path, opening, contexts))
    try:
        return await _watched(reading, opening, job)
    except asyncio.CancelledError:
        opening.stop.set()
        reading.add_done_callback(_forget)
        job.finish(JobState.CANCELLED, text="cancelled")
        raise
    except OpenCancelled:
        job.finish(JobState.CANCELLED, text="cancelled")
        return None
    except (OSError, TraceFileError, CaptureError, ConfigurationError) as error:
        text = plain(f"{path.name} cannot be opened: {error}", 400)
        job.finish(JobState.FAILED, text=text)
        raise OpenFailed(text) from error


def _forget(reading: asyncio.Future[TraceSource]) -> None:
    """Nobody waits any more for what was read."""
    if not reading.cancelled() and reading.exception() is None:
        reading.result().store.close()


async def _watched(reading: asyncio.Future[TraceSource], opening: Opening, job: JobHandle) -> TraceSource:
    while not reading.done():
        await asyncio.wait((reading,), timeout=_POLL_S)
        job.update(files_done=int(100 * opening.done), files_total=100)
    source = reading.result()
    job.finish(text=f"{len(source.store):,} records")
    return source


class _Found(NamedTuple):
    """What stands in a file beside its records."""

    marks: Marks
    notes: tuple[str, ...]
    is_redacted: bool


def read_source(path: Path, opening: Opening, contexts: _Contexts = None) -> TraceSource:
    """Read a trace or a capture, and index it. Blocks.

    :raises OpenCancelled: somebody set :attr:`Opening.stop`.
    :raises OSError, TraceFileError, CaptureError, ConfigurationError: it cannot be read.
    """
    store = TraceStore()
    index = TraceIndex(store)

    def look_at_piece(done: float) -> None:
        # While its records are at hand; after the end of the file they would have to be fetched again.
        opening.note(done)
        _look_at_all(index, opening)

    try:
        read = _read_capture if is_capture_file(path) else _read_trace
        found = read(path, store, opening, look_at_piece, contexts)
        _look_at_all(index, opening)
    except BaseException:
        store.close()
        raise
    source = TraceSource(
        plain(path.name, 60), store, index=index, marks=found.marks, path=path, notes=found.notes,
        is_redacted=found.is_redacted,
    )  # fmt: skip
    source.base = store.first_seq
    return source


def _look_at_all(index: TraceIndex, opening: Opening) -> None:
    while index.update(_ROWS):
        if opening.stop.is_set():
            raise OpenCancelled
        opening.breathe()


def _read_trace(path: Path, store: TraceStore, opening: Opening, progress: _Progress, _contexts: _Contexts) -> _Found:
    opened = open_trace(path, store=store, progress=progress, cancelled=opening.stop.is_set)
    return _Found(opened.marks, opened.damage, opened.reader.info.get("redacted") is True)


def _read_capture(path: Path, store: TraceStore, opening: Opening, progress: _Progress, contexts: _Contexts) -> _Found:
    result = import_capture(path, store, contexts=contexts, progress=progress, cancelled=opening.stop.is_set)
    if result.is_cancelled:
        raise OpenCancelled
    others = [f"{count} {kind}" for kind, count in result.others.items()]
    notes = list(result.notes)
    if others:
        notes.append(f"Left out, because they carry no DICOM: {', '.join(others)}.")
    if not result.associations:
        notes.insert(0, f"There is no DICOM connection among its {result.packets:,} packets.")
    return _Found(Marks(), tuple(notes), is_redacted=False)
