"""Between the archive and files: import files and folders; export as files, as a medium with DICOMDIR, or as a ZIP.

What goes in and what comes out is the same, byte for byte, behind the head of the file.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import os
import shutil
import threading
import zipfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

from dicomgui.app.archive.local_archive import LocalArchive
from dicomgui.app.files.export_names import Namer
from dicomgui.app.files.medium import write_medium
from dicomgui.app.files.sources import ScanStopped, SendItem, Skipped, scan
from dicomgui.network.service import broken_place
from dicomgui.network.structure import StructureReader
from dicomgui.network.transport.tasks import until_ended
from dicomgui.storage import Outcome, Selection, StorageError, Stored, StoredFile, disk
from dicomgui.storage.errors import from_os_error

__all__ = ["ExportForm", "ExportReport", "FileProgress", "ImportReport", "OnProgress", "export", "import_paths"]

_T = TypeVar("_T")

PIECE: Final = 1_048_576


class ExportForm(Enum):
    """How instances are exported."""

    FOLDERS = "folders"
    """Files in folders for people: patient, study, series."""
    DICOMDIR = "dicomdir"
    """A file-set with a DICOMDIR, as on a CD (PS3.10 8, PS3.3 F)."""
    ZIP = "zip"
    """The folders in one ZIP file."""


@dataclass(frozen=True, slots=True)
class FileProgress:
    """How far an import or export is; ``total`` is 0 while it is not known."""

    done: int
    total: int
    name: str


OnProgress = Callable[[FileProgress], None]
"""Called in the thread that does the work, for each file."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import has done.

    :ivar stored: instances that are there now and were not before.
    :ivar duplicates: instances that were there already, with the same data set.
    :ivar kept_second: of the stored ones, those whose UID was there with another data set.
    :ivar failed: instances that could not be stored, each with the reason.
    :ivar broken: of those that are there, the files whose data sets break off or cannot be read, each with what is
        wrong; they were taken all the same.
    :ivar skipped: files that are no instances.
    :ivar is_complete: false if it was stopped.
    """

    stored: int = 0
    duplicates: int = 0
    kept_second: int = 0
    size_bytes: int = 0
    failed: tuple[tuple[str, str], ...] = ()
    skipped: tuple[Skipped, ...] = ()
    is_complete: bool = True
    broken: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export has done.

    :ivar target: the folder or the ZIP file.
    :ivar files: how many data sets are there: of a UID that the archive has several of, each is one.
    :ivar failed: data sets that could not be exported, by their UID, each with the reason; with ``files`` they are all
        that were chosen.
    """

    target: Path
    files: int = 0
    size_bytes: int = 0
    failed: tuple[tuple[str, str], ...] = ()


# ---------------------------------------------------------------------------------------------------------- importing


async def import_paths(
    archive: LocalArchive,
    paths: Iterable[str | os.PathLike[str]],
    pool: Executor,
    *,
    on_progress: OnProgress | None = None,
) -> ImportReport:
    """Store copies of everything that is found in files, folders, ZIP archives and DICOMDIRs, in an open archive.

    When it is cancelled, what is stored stays.

    :param pool: threads for files.
    """
    chosen = tuple(paths)
    return await _in_thread(pool, lambda stop: _Import(archive, on_progress, stop).run(chosen))


@dataclass(slots=True)
class _Import:
    archive: LocalArchive
    on_progress: OnProgress | None
    stop: threading.Event
    counts: dict[Outcome, int] = field(default_factory=dict)
    failed: list[tuple[str, str]] = field(default_factory=list)
    broken: list[tuple[str, str]] = field(default_factory=list)
    size_bytes: int = 0

    def run(self, paths: Sequence[str | os.PathLike[str]]) -> ImportReport:
        try:
            with scan(paths, on_progress=self._tell_scan, should_stop=self.stop.is_set) as selection:
                for number, item in enumerate(selection.items):
                    if self.stop.is_set():
                        break
                    self._tell(number, len(selection.items), item.name)
                    self._take(item)
                return self._report(selection.skipped)
        except ScanStopped:
            return self._report(())

    def _report(self, skipped: tuple[Skipped, ...]) -> ImportReport:
        counts = self.counts
        stored = sum(count for outcome, count in counts.items() if outcome is not Outcome.DUPLICATE)
        return ImportReport(
            stored, counts.get(Outcome.DUPLICATE, 0), counts.get(Outcome.KEPT_SECOND, 0), self.size_bytes,
            tuple(self.failed), skipped, is_complete=not self.stop.is_set(),
            broken=tuple(self.broken),
        )  # fmt: skip

    def _take(self, item: SendItem) -> None:
        try:
            stored = self._store(item)
        except StorageError as error:
            self.failed.append((item.name, str(error)))
        except OSError as error:
            self.failed.append((item.name, str(from_os_error(error, item.path, "read"))))
        else:
            self.counts[stored.outcome] = self.counts.get(stored.outcome, 0) + 1
            self.size_bytes += stored.size_bytes

    def _store(self, item: SendItem) -> Stored:
        head, files = item.head, self.archive.files
        reader = StructureReader(head.transfer_syntax_uid)
        with item.path.open("rb") as source:
            source.seek(head.dataset_offset)
            sink = files.receive(
                sop_class_uid=head.sop_class_uid,
                sop_instance_uid=head.sop_instance_uid,
                transfer_syntax_uid=head.transfer_syntax_uid,
            )
            try:
                while piece := source.read(PIECE):
                    sink.write(memoryview(piece))
                    reader.feed(piece)
            except BaseException:
                sink.abandon()
                raise
        stored = files.commit(sink.finish())
        problem = broken_place(reader.finish())
        if problem is not None:
            self.broken.append((item.name, problem.text))
        return stored

    def _tell_scan(self, done: int, name: str) -> None:
        self._tell(done, 0, name)

    def _tell(self, done: int, total: int, name: str) -> None:
        if self.on_progress is not None:
            self.on_progress(FileProgress(done, total, name))


# ---------------------------------------------------------------------------------------------------------- exporting


async def export(
    archive: LocalArchive,
    chosen: Selection | Sequence[StoredFile],
    target: Path,
    pool: Executor,
    *,
    form: ExportForm = ExportForm.FOLDERS,
    on_progress: OnProgress | None = None,
) -> ExportReport:
    """Copy instances out of an open archive. Nothing that is there is overwritten; when it is cancelled or fails as a
    whole, what it has made of a ZIP or a DICOMDIR is removed, and single files stay.

    Of several data sets of one UID all are copied, but into a DICOMDIR one: the others are among those that failed.

    :param chosen: what is copied: a selection, or files.
    :param target: a folder, made if it is not there; for a DICOMDIR it must not hold one; for a ZIP the file.
    :raises StorageError: the archive has no index, or one that is behind, or the target cannot be written.
    """
    if isinstance(chosen, Selection):
        await archive.catch_up(math.inf)
        files = await archive.files_of(chosen, every_variant=True)
    else:
        files = chosen
    write = {ExportForm.FOLDERS: _to_folders, ExportForm.DICOMDIR: _to_medium, ExportForm.ZIP: _to_zip}[form]
    return await _in_thread(pool, lambda stop: write(files, target, _Ticker(len(files), on_progress, stop)))


class _Stopped(Exception):
    """The export was cancelled."""


@dataclass(slots=True)
class _Ticker:
    total: int
    on_progress: OnProgress | None
    stop: threading.Event
    done: int = 0

    def __call__(self, name: str) -> None:
        if self.stop.is_set():
            raise _Stopped
        if self.on_progress is not None:
            self.on_progress(FileProgress(self.done, self.total, name))
        self.done += 1


def _to_folders(files: Sequence[StoredFile], target: Path, tick: _Ticker) -> ExportReport:
    namer, failed = Namer(), []
    count = size = 0
    _make(target)
    for file in files:
        tick(file.sop_instance_uid)
        try:
            made = _copy_new(file.path, target, namer.name_of(file))
        except OSError as error:
            failed.append((file.sop_instance_uid, str(from_os_error(error, target, "write"))))
            continue
        count += 1
        size += made.stat().st_size
    return ExportReport(target, count, size, tuple(failed))


def _copy_new(source: Path, folder: Path, parts: tuple[str, ...]) -> Path:
    """Copy to a name that is free: that of ``parts``, or one with a number behind it.

    The copy gets its name when it is whole: one that is broken off does not look like an instance.
    """
    place = folder.joinpath(*parts)
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(f".{os.getpid()}-{threading.get_ident()}.part")
    with source.open("rb") as from_file, part.open("wb") as to_file:
        _pour(from_file, to_file, part)
    try:
        numbers = (place.with_name(f"{place.stem} ({number}){place.suffix}") for number in itertools.count(2))
        return next(path for path in itertools.chain((place,), numbers) if _has_named(part, path))
    finally:
        part.unlink(missing_ok=True)


def _has_named(part: Path, path: Path) -> bool:
    """Give a file another name, unless something has it; returns whether it was free."""
    try:
        disk.place(str(part), str(path), keep=True)
    except FileExistsError:
        return False
    except disk.HardLinksMissing:  # such as that of a stick
        if path.exists():
            return False
        part.replace(path)
    return True


def _pour(source: BinaryIO, target: BinaryIO, path: Path) -> None:
    try:
        shutil.copyfileobj(source, target, PIECE)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _to_medium(files: Sequence[StoredFile], target: Path, tick: _Ticker) -> ExportReport:
    try:
        count, size, failed = write_medium(files, target, tick)
        return ExportReport(target, count, size, tuple((one.sop_instance_uid, one.text) for one in failed))
    except OSError as error:
        raise from_os_error(error, target, "write") from error


def _to_zip(files: Sequence[StoredFile], target: Path, tick: _Ticker) -> ExportReport:
    namer, failed = Namer(), []
    count = 0
    _make(target.parent)
    try:
        with target.open("xb") as opened:
            try:
                with zipfile.ZipFile(opened, "w", zipfile.ZIP_DEFLATED) as archive:
                    for file in files:
                        tick(file.sop_instance_uid)
                        try:
                            source = file.path.open("rb")
                        except OSError as error:
                            failed.append((file.sop_instance_uid, str(from_os_error(error, file.path, "read"))))
                            continue
                        name = "/".join(namer.name_of(file))
                        with source:
                            fault = _pack(archive, name, source)
                        if fault is not None:
                            failed.append((file.sop_instance_uid, str(from_os_error(fault, file.path, "read"))))
                            continue
                        count += 1
            except BaseException:
                target.unlink(missing_ok=True)
                raise
        return ExportReport(target, count, target.stat().st_size, tuple(failed))
    except OSError as error:
        raise from_os_error(error, target, "write") from error


def _pack(archive: zipfile.ZipFile, name: str, source: BinaryIO) -> OSError | None:
    """Put a file into a ZIP; one that cannot be read to its end is taken out of it again.

    :raises OSError: the ZIP cannot be written.
    """
    fault: OSError | None = None
    with archive.open(name, "w", force_zip64=True) as member:
        while fault is None:
            try:
                piece = source.read(PIECE)
            except OSError as error:
                fault = error
                break
            if not piece:
                break
            member.write(piece)
    if fault is not None:
        archive.filelist.remove(archive.NameToInfo.pop(name))
    return fault


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise from_os_error(error, folder, "make the folder") from error


async def _in_thread(pool: Executor, work: Callable[[threading.Event], _T]) -> _T:
    """Run ``work`` in a thread; when this is cancelled, tell it to stop and wait until it has."""
    stop = threading.Event()
    running = asyncio.wrap_future(pool.submit(work, stop))
    return await until_ended(running, stop.set)
