"""Writing a trace to a file in any of its formats, as a redacted copy or as it is, whole or not at all.

What is written stands under a temporary name until it is complete, so the final name never holds half a file; a file
that is continued is copied first. All of it blocks and belongs in a thread.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TextIO

from dicomgui.network.tracing import Record
from dicomgui.trace.diagnosis.diagnose import diagnose
from dicomgui.trace.file import TraceFileError, TraceWriter
from dicomgui.trace.finding import Finding
from dicomgui.trace.marks import Marks
from dicomgui.trace.pcap import PcapExportError, export_pcapng
from dicomgui.trace.redaction.check import Leftover
from dicomgui.trace.redaction.redact import DEFAULT_OPTIONS, Preview, Redaction, RedactOptions
from dicomgui.trace.reports.jsonl import write_jsonl
from dicomgui.trace.reports.markdown import write_markdown
from dicomgui.trace.reports.text import write_text
from dicomgui.trace.store import TraceStore

__all__ = ["Format", "SaveCancelled", "SaveError", "SaveOptions", "Saved", "format_of", "preview", "save"]

_STEP = 1000  # records between two reports of progress
_NO_BOUND = 2**62
Progress = Callable[[str, float], object]
"""Told what is being done and how much of that is done, from 0 to 1."""


class Format(StrEnum):
    """The formats; the value is the end of the file's name."""

    TRACE = ".dgtrace"
    PCAPNG = ".pcapng"
    TEXT = ".txt"
    JSON_LINES = ".jsonl"
    MARKDOWN = ".md"


def format_of(path: Path) -> Format | None:
    """The format that a file's name asks for, or ``None``."""
    try:
        return Format(path.suffix.lower())
    except ValueError:
        return None


class SaveError(Exception):
    """A trace could not be saved; the text says why, in one line, and names no value of a patient."""


class SaveCancelled(Exception):
    """Saving was cancelled; there is no file."""


@dataclass(frozen=True, slots=True)
class SaveOptions:
    """What is saved, and how.

    :ivar format: of the file.
    :ivar redaction: what a redacted copy keeps; ``None`` to save everything as it is.
    :ivar associations: only the records of these; ``None`` for all, also those of no association.
    :ivar append: continue a ``.dgtrace`` that is there.
    :ivar was_redacted: what is saved is a redacted copy already.
    :ivar keylog: a TLS key log to put into a ``.pcapng``; see :func:`~dicomgui.trace.pcap.export_pcapng`.
    """

    format: Format = Format.TRACE
    redaction: RedactOptions | None = field(default=DEFAULT_OPTIONS)
    associations: frozenset[int] | None = None
    append: bool = False
    keylog: Path | None = None
    was_redacted: bool = False


@dataclass(frozen=True, slots=True)
class Saved:
    """What was saved.

    :ivar rows: records.
    :ivar size_bytes: of the file.
    :ivar preview: what was replaced, ``None`` where nothing was to be.
    """

    rows: int
    size_bytes: int
    preview: Preview | None


class _Chosen:
    """The records of a store that are to be saved; can be iterated over again, and is the same each time."""

    def __init__(self, store: TraceStore, associations: frozenset[int] | None, cancelled: Callable[[], bool]) -> None:
        self._store = store
        self._associations = associations
        self._cancelled = cancelled
        self._bounds = (store.first_seq, store.last_seq)

    def __iter__(self) -> Iterator[Record]:
        for _, record in self.numbered():
            yield record

    def numbered(self) -> Iterator[tuple[int, Record]]:
        """With the number of each row in the store."""
        seq, last = self._bounds[0] - 1, self._bounds[1]
        while seq < last and (batch := self._store.since(seq, _STEP)):
            if self._cancelled():
                raise SaveCancelled
            if batch[0].seq != seq + 1:
                raise SaveError("the trace dropped its oldest rows in the meantime; try again")
            for entry in batch:
                if entry.seq > last:
                    return
                if self._associations is None or entry.record.association in self._associations:
                    yield entry.seq, entry.record
            seq = batch[-1].seq

    @property
    def count(self) -> int:
        """How many rows there are to go through."""
        return max(1, self._bounds[1] - self._bounds[0] + 1)


def preview(
    store: TraceStore, options: SaveOptions, *, cancelled: Callable[[], bool] = lambda: False
) -> Preview | None:
    """What a redacted copy would replace; ``None`` where none is wanted.

    :raises SaveCancelled: ``cancelled`` said so.
    """
    if options.redaction is None:
        return None
    return Redaction(_Chosen(store, options.associations, cancelled), options.redaction).preview


def save(
    store: TraceStore,
    path: Path,
    options: SaveOptions,
    *,
    marks: Marks | None = None,
    progress: Progress = lambda text, part: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Saved:
    """Write a file, readable by its owner only; one of that name is replaced when all is written.

    A redacted copy is searched for the values that it must not have before there is a file.

    :param marks: kept in a ``.dgtrace``; of a redacted copy the comments lose the values that are replaced.
    :param cancelled: asked now and then whether to stop.
    :raises SaveError: it could not be written, or is not free of what should be gone.
    :raises SaveCancelled: ``cancelled`` said so.
    """
    chosen = _Chosen(store, options.associations, cancelled)
    part = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.part")
    try:
        if options.redaction is None:
            rows = _write(part, path, chosen, options, marks, progress)
            found = None
        else:
            rows, found = _save_redacted(part, path, chosen, options, options.redaction, marks, progress, cancelled)
        size = part.stat().st_size
        part.replace(path)
    except (OSError, TraceFileError, PcapExportError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise SaveError(f"cannot write {path}: {reason.replace(str(part), str(path))}") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return Saved(rows, size, found)


def _save_redacted(
    part: Path,
    path: Path,
    chosen: _Chosen,
    options: SaveOptions,
    redaction_options: RedactOptions,
    marks: Marks | None,
    progress: Progress,
    cancelled: Callable[[], bool],
) -> tuple[int, Preview]:
    """Make the redacted copy, look through it, and write it."""
    redaction = Redaction(chosen, redaction_options, progress=_told(progress, "looking for patient data", chosen))
    copy = TraceStore(disk_bytes=_NO_BOUND, max_rows=_NO_BOUND)
    try:
        numbers = {}
        rows = zip(chosen.numbered(), redaction.records(_told(progress, "replacing it", chosen)), strict=True)
        wanted = set(marks.seqs()) if marks is not None else set()
        for (seq, _), record in rows:
            copy(record)
            if seq in wanted:
                numbers[seq] = copy.last_seq
        if copy.error:
            raise SaveError(f"there is no room for the copy: {copy.error}")
        if marks is not None:
            marks = redaction.scrubbed(marks.renumbered(numbers))
        safe = _Chosen(copy, None, cancelled)
        progress("checking that it is gone", 0.0)
        left = redaction.leftovers(safe)
        if left:
            raise SaveError(_left_text(left))
        return _write(part, path, safe, options, marks, progress), redaction.preview
    finally:
        copy.close()


def _left_text(left: tuple[Leftover, ...]) -> str:
    places = "; ".join(f"{item.count} of {item.element} in {item.place}" for item in left[:3])
    return f"nothing was saved: values that should be gone would still be in the copy ({places})"


def _told(progress: Progress, text: str, chosen: _Chosen) -> Callable[[int], object]:
    return lambda number: progress(text, min(1.0, number / chosen.count))


def _write(
    part: Path, path: Path, chosen: _Chosen, options: SaveOptions, marks: Marks | None, progress: Progress
) -> int:
    """Write the records in the format that is wanted; give their number."""
    told = _told(progress, "writing", chosen)
    if options.format is Format.TRACE:
        return _write_trace(part, path, chosen, options, marks, told)
    counted = _Counted(chosen, told)
    if options.format is Format.PCAPNG:
        export_pcapng(counted, part, keylog=options.keylog)
    else:
        _write_report(part, counted, options.format)
    return counted.count


def _write_trace(
    part: Path,
    path: Path,
    chosen: _Chosen,
    options: SaveOptions,
    marks: Marks | None,
    told: Callable[[int], object],
) -> int:
    continues = options.append and path.exists()
    if continues:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        shutil.copyfile(path, part)
    numbers: dict[int, int] = {}
    count = 0
    with TraceWriter(
        part, info={"redacted": options.redaction is not None or options.was_redacted}, append=continues
    ) as writer:
        for seq, record in chosen.numbered():
            writer(record)
            count += 1
            if marks is not None and marks.get(seq) is not None:
                numbers[seq] = count
            if count % _STEP == 0:
                told(count)
        if marks is not None:
            writer.write_marks(marks.renumbered(numbers))
    return count


class _Counted:
    """Records, counted while they pass."""

    def __init__(self, records: Iterable[Record], told: Callable[[int], object]) -> None:
        self._records = records
        self._told = told
        self.count = 0

    def __iter__(self) -> Iterator[Record]:
        for record in self._records:
            self.count += 1
            if self.count % _STEP == 0:
                self._told(self.count)
            yield record


_WRITERS: dict[Format, Callable[[TraceStore, Iterable[Finding], TextIO], None]] = {
    Format.TEXT: write_text,
    Format.JSON_LINES: write_jsonl,
    Format.MARKDOWN: write_markdown,
}


def _write_report(part: Path, records: Iterable[Record], wanted: Format) -> None:
    """The reports look into a store of exactly what they report on."""
    store = TraceStore(disk_bytes=_NO_BOUND, max_rows=_NO_BOUND)
    try:
        for record in records:
            store(record)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as out:
            _WRITERS[wanted](store, diagnose(store.records()), out)
    finally:
        store.close()
