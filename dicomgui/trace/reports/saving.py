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
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TextIO

from dicomgui.network.tracing import Record
from dicomgui.trace.diagnosis.diagnose import diagnose
from dicomgui.trace.file import TraceFileError, TraceWriter
from dicomgui.trace.finding import Finding
from dicomgui.trace.marks import Marks
from dicomgui.trace.pcap import PcapExportError, export_pcapng
from dicomgui.trace.redaction.leftover import MAX_PLACES, Decide, FieldSpan, Leftover, Verdict
from dicomgui.trace.redaction.patching import patched
from dicomgui.trace.redaction.redact import DEFAULT_OPTIONS, Preview, Redaction, RedactOptions
from dicomgui.trace.reports.element_places import element_at
from dicomgui.trace.reports.jsonl import write_jsonl
from dicomgui.trace.reports.markdown import write_markdown
from dicomgui.trace.reports.text import write_text
from dicomgui.trace.store import TraceStore

__all__ = [
    "Format",
    "SaveCancelled",
    "SaveError",
    "SaveOptions",
    "Saved",
    "UndecidedError",
    "format_of",
    "preview",
    "save",
]

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


class UndecidedError(SaveError):
    """Values still stand in the redacted copy, and nobody decided about them; there is no file.

    :ivar leftovers: all of them, decided or not, with the same numbers each time.
    :ivar undecided: those on which there is no verdict.
    """

    def __init__(self, leftovers: tuple[Leftover, ...], undecided: tuple[Leftover, ...]) -> None:
        count = len(undecided)
        values = "1 value" if count == 1 else f"{count} values"
        super().__init__(f"nothing was saved: {values} may identify somebody, and you have not decided about them yet")
        self.leftovers = leftovers
        self.undecided = undecided


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
    :ivar kept: the values that somebody decided to keep, with their places.
    """

    rows: int
    size_bytes: int
    preview: Preview | None
    kept: tuple[Leftover, ...] = ()


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
    decide: Decide = lambda left: {},
    progress: Progress = lambda text, part: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Saved:
    """Write a file, readable by its owner only; one of that name is replaced when all is written.

    A redacted copy is searched for the values that it must not have before there is a file. Where one still stands that
    no rule can judge, ``decide`` is called, once, in this thread; it may take its time, and raise to end it.

    :param marks: kept in a ``.dgtrace``; of a redacted copy the comments lose the values that are replaced.
    :param decide: gives a verdict on each leftover: :func:`~dicomgui.trace.redaction.leftover.mask_all`,
        :func:`~dicomgui.trace.redaction.leftover.keep_all`, or who asks somebody. None is given when left out.
    :param cancelled: asked now and then whether to stop.
    :raises UndecidedError: ``decide`` gave no verdict on a leftover.
    :raises SaveError: it could not be written.
    :raises SaveCancelled: ``cancelled`` said so.
    """
    chosen = _Chosen(store, options.associations, cancelled)
    part = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.part")
    try:
        if options.redaction is None:
            saved = Saved(_write(part, path, chosen, options, marks, progress), 0, None)
        else:
            copying = _Copying(chosen, options.redaction, decide, progress, cancelled)
            try:
                copy = copying.copy(marks)
                rows = _write(part, path, copy, options, copying.marks, progress)
                saved = Saved(rows, 0, copying.redaction.preview, copying.kept)
            finally:
                copying.close()
        size = part.stat().st_size
        part.replace(path)
    except (OSError, TraceFileError, PcapExportError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise SaveError(f"cannot write {path}: {reason.replace(str(part), str(path))}") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return replace(saved, size_bytes=size)


class _Copying:
    """Makes a redacted copy of the chosen records, and has somebody decide about what is left in it.

    :ivar marks: those of the copy, once it is made.
    :ivar kept: what stays by a verdict.
    """

    _ROUNDS = 4  # what is masked may be a value again beside what it stands; never seen twice

    def __init__(
        self,
        chosen: _Chosen,
        options: RedactOptions,
        decide: Decide,
        progress: Progress,
        cancelled: Callable[[], bool],
    ) -> None:
        self.marks: Marks | None = None
        self.kept: tuple[Leftover, ...] = ()
        self.redaction = Redaction(chosen, options, progress=_told(progress, "looking for patient data", chosen))
        self._chosen = chosen
        self._demanded = {text.strip().lower() for text in options.also}
        self._decide = decide
        self._progress = progress
        self._cancelled = cancelled
        self._store = _endless_store()

    def copy(self, marks: Marks | None) -> _Chosen:
        """The records of the copy.

        :raises UndecidedError: there is no verdict on a leftover.
        :raises SaveError: what is replaced comes again.
        """
        numbers: dict[int, int] = {}
        records = self.redaction.records(_told(self._progress, "replacing it", self._chosen))
        wanted = set(marks.seqs()) if marks is not None else set()
        for row, ((seq, _), record) in enumerate(zip(self._chosen.numbered(), records, strict=True), 1):
            self._store(record)
            if seq in wanted:
                numbers[seq] = row
        if marks is not None:
            self.marks = self.redaction.scrubbed(marks.renumbered(numbers))
        verdicts: dict[bytes, Verdict] = {}
        for _ in range(self._ROUNDS):
            copy = _Chosen(self._checked_store(), None, self._cancelled)
            self._progress("checking that it is gone", 0.0)
            left = self.redaction.leftovers(copy)
            if not verdicts and left:
                verdicts = self._judged(left)
            masked = [one for one in left if verdicts.get(one.value.lower(), Verdict.MASK) is Verdict.MASK]
            if not masked:
                self.kept = left
                return copy
            self._replace(patched(copy, masked))
        raise SaveError(f"nothing was saved: after {self._ROUNDS} rounds, values still stand in the copy")

    def close(self) -> None:
        """Delete the copy."""
        self._store.close()

    def _checked_store(self) -> TraceStore:
        if self._store.error:
            raise SaveError(f"the copy has no room: {self._store.error}")
        return self._store

    def _replace(self, records: Iterable[Record]) -> None:
        old, self._store = self._store, _endless_store()
        try:
            for record in records:
                self._store(record)
        finally:
            old.close()

    def _judged(self, left: tuple[Leftover, ...]) -> dict[bytes, Verdict]:
        """The verdict on each value; what was demanded to go is not asked about."""
        verdicts = {one.value.lower(): Verdict.MASK for one in left if one.text.lower() in self._demanded}
        asked = tuple(one for one in self._placed(left) if one.value.lower() not in verdicts)
        given = self._decide(asked) if asked else {}
        undecided = tuple(one for one in asked if one.number not in given)
        if undecided:
            raise UndecidedError(asked, undecided)
        return verdicts | {one.value.lower(): given[one.number] for one in asked}

    def _placed(self, left: tuple[Leftover, ...]) -> tuple[Leftover, ...]:
        """The same, with the rows of what is saved, and the elements that the first places stand in."""
        rows = {place.row for one in left for place in one.places}
        seqs = {row: seq for row, (seq, _) in enumerate(self._chosen.numbered(), 1) if row in rows}
        return tuple(
            replace(one, places=tuple(self._place(place, seqs, number) for number, place in enumerate(one.places)))
            for one in left
        )

    def _place(self, place: FieldSpan, seqs: dict[int, int], number: int) -> FieldSpan:
        element = element_at(self._store, place) if number < MAX_PLACES else place.element
        return place._replace(row=seqs[place.row], element=element)


def _endless_store() -> TraceStore:
    return TraceStore(disk_bytes=_NO_BOUND, max_rows=_NO_BOUND)


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
    store = _endless_store()
    try:
        for record in records:
            store(record)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as out:
            _WRITERS[wanted](store, diagnose(store.records()), out)
    finally:
        store.close()
