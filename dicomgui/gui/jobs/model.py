"""The jobs of the program, the newest first: what each does, how it stands, how far and how fast."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QObject, Qt

from dicomgui.app.operations import Job, JobChanges, JobKind, JobState
from dicomgui.gui.look import icons
from dicomgui.gui.tables.columns import ROOT, ColumnsModel, Index
from dicomgui.gui.tables.pills import FRACTION_ROLE, ICON_ROLE, TONE_ROLE
from dicomgui.gui.widgets.text import duration_text, size_text, tooltip
from dicomgui.trace.finding import plain

__all__ = ["JOB_STATE_LOOKS", "JobColumn", "JobsModel", "clock_text", "job_state_text"]


class JobColumn(IntEnum):
    """The columns, in their order."""

    KIND = 0
    TITLE = 1
    PEER = 2
    STATE = 3
    PROGRESS = 4
    RATE = 5
    STARTED = 6
    DURATION = 7


_KINDS = {
    JobKind.ECHO: ("Echo", "echo"),
    JobKind.SEND: ("Send", "send"),
    JobKind.QUERY: ("Query", "query"),
    JobKind.WORKLIST: ("Worklist", "worklist"),
    JobKind.RETRIEVE: ("Retrieve", "follow"),
    JobKind.STEP: ("Step", "step"),
    JobKind.NORMALIZED: ("N-service", "nservices"),
    JobKind.COMMIT: ("Commitment", "lock"),
    JobKind.LISTEN: ("Listen", "listener"),
    JobKind.SCAN: ("Scan", "folder"),
    JobKind.IMPORT: ("Import", "archive"),
    JobKind.EXPORT: ("Export", "save"),
}
JOB_STATE_LOOKS = {
    JobState.QUEUED: ("note", "muted"),
    JobState.RUNNING: ("play", "accent"),
    JobState.DONE: ("good", "good"),
    JobState.WARNING: ("warning", "warning"),
    JobState.FAILED: ("error", "error"),
    JobState.CANCELLED: ("cancel", "muted"),
}
"""Icon and tone of each state."""

_NOUNS = {
    JobKind.LISTEN: " received", JobKind.QUERY: " matches", JobKind.WORKLIST: " matches",
    JobKind.RETRIEVE: " arrived",
}  # fmt: skip


class JobsModel(ColumnsModel):
    """Rows are jobs as they stood when they were fetched; strings are built for the rows in view."""

    titles = ("Type", "Job", "Peer", "State", "Progress", "Rate", "Started", "Duration")
    right_columns = frozenset((JobColumn.RATE, JobColumn.STARTED, JobColumn.DURATION))

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs: list[Job] = []  # the newest first

    # filling

    def apply(self, changes: JobChanges) -> None:
        """Take over what has changed."""
        if changes.is_complete:
            self.beginResetModel()
            self._jobs = list(reversed(changes.jobs))
            self.endResetModel()
            return
        self._remove(changes.removed)
        rows = {job.number: row for row, job in enumerate(self._jobs)}
        added = [job for job in changes.jobs if job.number not in rows]
        self._replace((rows[job.number], job) for job in changes.jobs if job.number in rows)
        if added:
            self.beginInsertRows(ROOT, 0, len(added) - 1)
            self._jobs[:0] = reversed(added)
            self.endInsertRows()

    def refresh(self, jobs: Iterable[Job]) -> None:
        """Show how these stand now: what runs grows older without any change."""
        rows = {job.number: row for row, job in enumerate(self._jobs)}
        self._replace((rows[job.number], job) for job in jobs if job.number in rows)

    def _replace(self, changed: Iterable[tuple[int, Job]]) -> None:
        touched = []
        for row, job in changed:
            self._jobs[row] = job
            touched.append(row)
        if touched:
            self.dataChanged.emit(self.index(min(touched), 0), self.index(max(touched), len(JobColumn) - 1))

    def _remove(self, numbers: Iterable[int]) -> None:
        gone = set(numbers)
        rows = [row for row, job in enumerate(self._jobs) if job.number in gone]
        while rows:  # runs of rows together, from the end
            last = first = rows.pop()
            while rows and rows[-1] == first - 1:
                first = rows.pop()
            self.beginRemoveRows(ROOT, first, last)
            del self._jobs[first : last + 1]
            self.endRemoveRows()

    # reading

    def job_at(self, row: int) -> Job | None:
        """The job of a row."""
        return self._jobs[row] if 0 <= row < len(self._jobs) else None

    def row_of(self, number: int) -> int:
        """The row of a job, -1 where it is not there."""
        return next((row for row, job in enumerate(self._jobs) if job.number == number), -1)

    @property
    def has_finished(self) -> bool:
        """Whether there is a job that could be cleared."""
        return any(job.state.is_finished for job in self._jobs)

    # Qt's side

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self._jobs)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        job = self.job_at(index.row()) if index.isValid() else None
        if job is None:
            return None
        column = index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(job, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip(job.text if column in (JobColumn.STATE, JobColumn.TITLE) else _text(job, column))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self.alignment_of(column)
        if role == Qt.ItemDataRole.DecorationRole and column == JobColumn.KIND:
            return icons.icon(_KINDS[job.kind][1])
        if role in (ICON_ROLE, TONE_ROLE):
            return JOB_STATE_LOOKS[job.state][0 if role == ICON_ROLE else 1]
        if role == FRACTION_ROLE:
            return job.fraction
        return None


def _text(job: Job, column: int) -> str:
    if column == JobColumn.KIND:
        return _KINDS[job.kind][0]
    if column == JobColumn.TITLE:
        return job.title
    if column == JobColumn.PEER:
        return job.peer
    if column == JobColumn.STATE:
        return job_state_text(job)
    if column == JobColumn.PROGRESS:
        return _progress_text(job)
    if column == JobColumn.RATE:
        return f"{size_text(job.bytes_per_second)}/s" if job.bytes_per_second >= 1 else ""
    if column == JobColumn.STARTED:
        started = job.started_utc
        return f"{datetime.fromtimestamp(started).astimezone():%H:%M:%S}" if started is not None else ""
    return clock_text(job.seconds) if job.started_utc is not None else ""


def job_state_text(job: Job) -> str:
    """How a job stands, in a word."""
    return "stopping" if job.is_cancelling else plain(job.state.value)


def _progress_text(job: Job) -> str:
    if job.files_total:
        return f"{job.files_done:,} of {job.files_total:,}"
    return f"{job.files_done:,}{_NOUNS.get(job.kind, '')}" if job.files_done else ""


def clock_text(seconds: float) -> str:
    """A duration for a column: ``8.4 ms``, ``2.51 s``, ``4:05``, ``1:00:09``."""
    if seconds < 60:
        return duration_text(seconds)
    whole = int(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
