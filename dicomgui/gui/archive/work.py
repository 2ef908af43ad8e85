"""What takes a while in the archive: import, export, delete and its undo; each is a job."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from dicomgui.app.archive.files import ExportForm, ExportReport, FileProgress, ImportReport, export, import_paths
from dicomgui.app.archive.local_archive import LocalArchive
from dicomgui.app.explaining import explain_failure
from dicomgui.app.operations import JobHandle, JobKind, JobState
from dicomgui.gui.panels.panel import Workplace
from dicomgui.gui.widgets.text import count_text, size_text
from dicomgui.storage import Discarded, RepairReport, StorageError, StoredFile, Trash
from dicomgui.trace.finding import plain

__all__ = ["KEPT", "ArchiveWork", "Said", "deleted_text", "purge_old"]

KEPT = timedelta(days=7)
"""What was deleted stays in the trash of the archive so long."""


@dataclass(frozen=True, slots=True)
class Said:
    """How something went, in one line; ``tone`` is that of a label."""

    text: str
    tone: str = "good"


class ArchiveWork:
    """The operations on files of the archive.

    :ivar progress: of what is under way, as it was told last, from any thread; ``None`` where nothing is.
    """

    def __init__(self, place: Workplace) -> None:
        self._place = place
        self.progress: FileProgress | None = None
        self._job: JobHandle | None = None

    def tell_job(self) -> None:
        """Hand the progress on to the job; for a timer."""
        if self._job is not None and self.progress is not None:
            self._job.update(files_done=self.progress.done, files_total=self.progress.total)

    async def bring_in(self, paths: Sequence[Path]) -> Said:
        """Import files and folders."""
        what = paths[0].name or str(paths[0]) if len(paths) == 1 else count_text(len(paths), "path")
        with self._start(JobKind.IMPORT, f"Import {what}") as job:
            try:
                async with self._place.archive.opened() as archive:
                    pool = self._place.context.file_pool
                    report = await import_paths(archive, paths, pool, on_progress=self._on_progress)
                    await archive.settle()
            except StorageError as error:
                return self._failed(job, "Nothing was imported.", error)
            finally:
                self._end()
            is_good = not report.failed and not report.broken
            said = Said(_imported(report), "good" if is_good else "warning")
            total = report.stored + report.duplicates + len(report.failed)
            job.update(files_done=total, files_total=total)
            job.finish(JobState.DONE if is_good else JobState.WARNING, text=said.text)
            return said

    async def take_out(self, files: Sequence[StoredFile], target: Path, form: ExportForm) -> Said:
        """Export files."""
        with self._start(JobKind.EXPORT, f"Export {count_text(len(files), 'instance')}") as job:
            try:
                async with self._place.archive.opened() as archive:
                    pool = self._place.context.file_pool
                    report = await export(archive, files, target, pool, form=form, on_progress=self._on_progress)
            except StorageError as error:
                return self._failed(job, "Nothing was exported.", error)
            finally:
                self._end()
            said = Said(_exported(report), "warning" if report.failed else "good")
            job.update(files_done=report.files, files_total=report.files + len(report.failed))
            job.finish(JobState.WARNING if report.failed else JobState.DONE, text=said.text)
            return said

    def _start(self, kind: JobKind, title: str) -> JobHandle:
        task = asyncio.current_task()
        assert task is not None
        self.progress = FileProgress(0, 0, "")
        self._job = self._place.start_job(kind, plain(title), cancel=task.cancel)
        return self._job

    def _end(self) -> None:
        self.progress = self._job = None

    def _on_progress(self, progress: FileProgress) -> None:
        self.progress = progress  # in a thread; the panel shows the latest

    @staticmethod
    def _failed(job: JobHandle, text: str, error: StorageError | None = None) -> Said:
        finding = explain_failure(error) if error is not None else None
        if finding is not None:
            text = " ".join((text, finding.what, *finding.tries[:1]))
        job.finish(JobState.FAILED, text=text, finding=finding)
        return Said(plain(text, 400), "error")

    async def rebuild(self) -> Said:
        """Make the index again of all files; the archive says meanwhile how far it is."""
        with self._place.start_job(JobKind.IMPORT, "Make the index anew") as job:
            try:
                async with self._place.archive.opened() as archive:
                    report = await archive.rebuild()
                    trouble = archive.trouble
            except StorageError as error:
                return self._failed(job, "The index was not made anew.", error)
            if report is None:
                return self._failed(job, f"The index was not made anew: {trouble}")
            said = Said(_rebuilt(report), "warning" if report.broken else "good")
            job.update(files_done=report.files, files_total=report.files)
            job.finish(JobState.WARNING if report.broken else JobState.DONE, text=said.text)
            return said

    # deleting

    async def delete(self, files: Sequence[StoredFile]) -> Discarded:
        """Move files to the trash.

        :raises StorageError: nothing was moved, or the index cannot be written.
        """
        names = [file.name for file in files]
        async with self._place.archive.opened() as archive:
            return await archive.discard(names)

    async def undelete(self, token: str) -> Said:
        """Bring the files of a deletion back."""
        try:
            async with self._place.archive.opened() as archive:
                restored = await archive.undelete(token)
        except KeyError:
            return Said("It is not in the trash any more.", "error")
        except StorageError as error:
            return Said(plain(error, 400), "error")
        text = f"{_extent(restored.files + restored.present, restored.variants)} brought back"
        if restored.failed:
            return Said(f"{text}; {len(restored.failed):,} are still in the trash", "warning")
        return Said(text)


def purge_old(archive: LocalArchive) -> None:
    """Remove for good what was deleted long ago. Blocks; what cannot be removed stays for the next time."""
    trash = Trash(archive.index)
    for deletion in trash.deletions(older_than=KEPT):
        try:
            trash.purge(deletion.token)
        except (KeyError, StorageError):
            continue


def _imported(report: ImportReport) -> str:
    parts = [f"{count_text(report.stored, 'instance')} imported, {size_text(report.size_bytes)}"]
    counts = (
        (report.duplicates, "there already"), (report.kept_second, "with a UID that is here with another data set"),
        (len(report.failed), "failed"), (len(report.broken), "broken"), (len(report.skipped), "skipped"),
    )  # fmt: skip
    parts += [f"{count:,} {word}" for count, word in counts if count]
    if report.failed:
        parts.append(report.failed[0][1])
    if report.broken:
        parts.append(": ".join(report.broken[0]))
    return plain(" · ".join(parts), 400)


def _rebuilt(report: RepairReport) -> str:
    parts = [f"The index was made anew of {count_text(report.files, 'instance')}"]
    if report.broken:
        parts += [f"{report.broken_count:,} broken", ": ".join((report.broken[0].path.name, report.broken[0].text))]
    return plain(" · ".join(parts), 400)


def deleted_text(gone: Discarded) -> str:
    """The extent of a deletion: ``5 data sets of 3 instances, 2.1 MB``."""
    return f"{_extent(gone.files, gone.variants)}, {size_text(gone.size_bytes)}"


def _extent(files: int, variants: int) -> str:
    text = count_text(files - variants, "instance")
    return f"{count_text(files, 'data set')} of {text}" if variants else text


def _exported(report: ExportReport) -> str:
    text = f"{count_text(report.files, 'instance')} exported to {report.target}, {size_text(report.size_bytes)}"
    if report.failed:
        text += f" · {len(report.failed):,} failed: {report.failed[0][1]}"
    return plain(text, 400)
