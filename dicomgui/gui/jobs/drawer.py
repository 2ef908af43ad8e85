"""The drawer of jobs at the bottom of the window, and the badge in the status bar that opens it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtWidgets import QFrame, QPushButton, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from dicomgui.app.operations import Job, JobKind, Jobs, JobState
from dicomgui.gui.jobs.model import JobColumn, JobsModel
from dicomgui.gui.tables.list_table import ListTable
from dicomgui.gui.tables.pills import BarDelegate, PillDelegate
from dicomgui.gui.widgets.buttons import push_button, set_beside_icon
from dicomgui.gui.widgets.copy_menu import CopyButton, Recipes
from dicomgui.gui.widgets.flow import FlowRow, together
from dicomgui.gui.widgets.text import ElidedLabel, PlainLabel, count_text
from dicomgui.trace.finding import plain

if TYPE_CHECKING:
    from dicomgui.app.recipes.recipe import Recipe

__all__ = ["JobsBadge", "JobsDrawer"]

REFRESH_S = 0.5
"""How often the durations of what runs are shown anew."""

HEIGHT = 168
_STOP = "Stop job"
_RETRIABLE = (JobState.FAILED, JobState.WARNING, JobState.CANCELLED)


class JobsDrawer(QFrame):
    """A table of the jobs with what can be done about them. Who makes it has :meth:`drain` called by the pump.

    :param jobs: what it shows; it stops jobs and forgets finished ones there, and starts none.
    :param can_retry: whether a job of this number can be started again; by default sends can.
    :param recipe_of: what the job of a number does, to be copied as a command.
    """

    trace_requested = Signal(tuple)
    """The user wants to see these associations, by their numbers in the trace."""
    retry_requested = Signal(int)
    """The user wants what failed of this job, by its number, tried again."""
    folded_changed = Signal(bool)

    def __init__(
        self,
        jobs: Jobs,
        can_retry: Callable[[int], bool] | None = None,
        parent: QWidget | None = None,
        *,
        recipe_of: Callable[[int], Recipe | None] | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("jobs_drawer")
        self.setAccessibleName("Jobs")
        self.model = JobsModel(self)
        self._jobs = jobs
        self._can_retry = can_retry
        self._recipe_of = recipe_of
        self._seq = 0
        self._refreshed = 0.0
        self._make_widgets()
        self._place()
        self._show_selected()

    def _make_widgets(self) -> None:
        self.table = ListTable("jobs_table", "Jobs")
        self.table.setModel(self.model)
        self.table.set_widths(
            {JobColumn.KIND: 108, JobColumn.PEER: 196, JobColumn.STATE: 108, JobColumn.PROGRESS: 160,
             JobColumn.RATE: 84, JobColumn.STARTED: 80, JobColumn.DURATION: 80}, stretch=JobColumn.TITLE,
        )  # fmt: skip
        self.table.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # addresses differ at their ends
        self.table.setItemDelegateForColumn(JobColumn.STATE, PillDelegate(self.table))
        self.table.setItemDelegateForColumn(JobColumn.PROGRESS, BarDelegate(self.table))
        self.table.selectionModel().selectionChanged.connect(self._show_selected)
        self.table.activated.connect(self._on_activated)
        self.model.modelReset.connect(self._show_selected)
        self.running = PlainLabel(tone="muted")
        self.running.setObjectName("jobs_running")
        self.details = ElidedLabel(tone="muted")
        self.details.setObjectName("jobs_details")
        self.stop_button = push_button("jobs_stop", _STOP, "stop", tip="Stop the selected job")
        self.trace_button = push_button("jobs_show_trace", "Show in trace", "trace", tip="Every PDU of this job")
        self.retry_button = push_button("jobs_retry", "Retry failed", "play", tip="Try again what failed, and no more")
        self.copy_as_button = CopyButton("jobs_copy_as", self._recipes)
        self.clear_button = push_button("jobs_clear", "Clear finished", "clear", tip="Take finished jobs off the list")
        self.fold_button = push_button("jobs_fold", "", "down", tip="Close the drawer; the jobs go on")
        self.fold_button.setAccessibleName("Close the drawer of jobs")
        for button, slot in (
            (self.stop_button, self._on_stop_clicked), (self.trace_button, self._on_trace_clicked),
            (self.retry_button, self._on_retry_clicked), (self.clear_button, self._on_clear_clicked),
            (self.fold_button, self.fold),
        ):  # fmt: skip
            button.clicked.connect(slot)

    def _place(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 6, 24, 10)
        column.setSpacing(6)
        head = FlowRow()
        head.add(together(PlainLabel("Jobs", bold=True), self.running))
        head.add(self.details, 1, width=120)
        for button in (
            self.stop_button, self.trace_button, self.copy_as_button, self.retry_button, self.clear_button,
            self.fold_button,
        ):  # fmt: skip
            head.add(button)
        column.addLayout(head)
        self._pages = QStackedWidget()
        self._pages.setObjectName("jobs_pages")
        empty = PlainLabel("No jobs yet. What you start, such as an echo or a send, is listed here.", tone="muted")
        empty.setObjectName("jobs_empty")
        holder = QWidget()
        inside = QVBoxLayout(holder)
        inside.addWidget(empty)
        inside.addStretch(1)
        self._pages.addWidget(holder)
        self._pages.addWidget(self.table)
        column.addWidget(self._pages, 1)
        self.setMinimumHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)

    # ---------------------------------------------------------------------------------------------------------- showing

    def drain(self) -> None:
        """Show what has changed since the last call; costs next to nothing where nothing has."""
        now = time.monotonic()
        if self._jobs.seq != self._seq:
            changes = self._jobs.since(self._seq)
            self._seq = changes.seq
            selected = self.selected
            self.model.apply(changes)
            if changes.is_complete and selected is not None:
                self.select(selected.number)
        elif now - self._refreshed < REFRESH_S or not self._jobs.active_count:
            return
        else:
            self.model.refresh(self._jobs.active())
        self._refreshed = now
        self._show_selected()

    @property
    def active(self) -> int:
        """How many jobs run or wait; for the badge."""
        return self._jobs.active_count

    @property
    def selected(self) -> Job | None:
        """The job of the selected row."""
        rows = self.table.selectionModel().selectedRows()
        return self.model.job_at(rows[0].row()) if rows else None

    def select(self, number: int) -> None:
        """Select a job by its number."""
        if self.model.row_of(number) < 0:
            self.drain()  # it has begun since the last tick
        row = self.model.row_of(number)
        if row >= 0:
            self.table.selectRow(row)

    def _show_selected(self) -> None:
        job = self.selected
        self._pages.setCurrentIndex(1 if self.model.rowCount() else 0)
        active = self.active
        self.running.setText(f"{active:,} running" if active else "")
        self.stop_button.setEnabled(job is not None and job.can_cancel)
        is_stopping = job is not None and job.is_cancelling
        self.stop_button.setText("Abort &now" if is_stopping else _STOP)
        self.trace_button.setEnabled(job is not None and bool(job.associations))
        self.copy_as_button.setEnabled(bool(self._recipes()))
        self.retry_button.setEnabled(job is not None and self._may_retry(job))
        self.clear_button.setEnabled(self.model.has_finished)
        self.details.set_tone("error" if job is not None and job.state is JobState.FAILED else "muted")
        text = "" if job is None else _explained(job)
        if self.details.text() != text:
            self.details.setText(plain(text, 500))

    def _recipes(self) -> Recipes:
        """What the selected job does."""
        job = self.selected
        recipe = self._recipe_of(job.number) if job is not None and self._recipe_of is not None else None
        return [] if recipe is None else [("", recipe)]

    def _may_retry(self, job: Job) -> bool:
        if job.state not in _RETRIABLE:
            return False
        return job.kind is JobKind.SEND if self._can_retry is None else self._can_retry(job.number)

    # ---------------------------------------------------------------------------------------------------------- folding

    @property
    def is_folded(self) -> bool:
        """Whether the drawer is closed."""
        return self.isHidden()

    def fold(self) -> None:
        """Close the drawer."""
        self.set_folded(True)

    def toggle(self) -> None:
        """Open the drawer, or close it."""
        self.set_folded(not self.is_folded)

    def set_folded(self, folded: bool) -> None:
        """Close the drawer or open it; an open one has the focus in its table."""
        if folded == self.is_folded:
            return
        self.setVisible(not folded)
        if not folded:
            if self.selected is None and self.model.rowCount():
                self.table.selectRow(0)
            self.table.setFocus()
        self.folded_changed.emit(folded)

    # ------------------------------------------------------------------------------------------------------------ slots

    def _on_stop_clicked(self) -> None:
        job = self.selected
        if job is not None:
            self._jobs.cancel(job.number)
            self.drain()

    def _on_trace_clicked(self) -> None:
        job = self.selected
        if job is not None and job.associations:
            self.trace_requested.emit(job.associations)

    def _on_activated(self, _index: QModelIndex) -> None:
        self._on_trace_clicked()

    def _on_retry_clicked(self) -> None:
        job = self.selected
        if job is not None:
            self.retry_requested.emit(job.number)

    def _on_clear_clicked(self) -> None:
        self._jobs.clear_finished()
        self.drain()


def _explained(job: Job) -> str:
    """How it ended; of a failure what the diagnosis says of it, and what to try first."""
    finding = job.finding
    if finding is None or job.state is not JobState.FAILED:
        return job.text
    return " ".join((finding.what, *finding.tries[:1]))


class JobsBadge(QPushButton):
    """For the status bar: how many jobs run; pressing it opens the drawer or closes it."""

    def __init__(self, drawer: JobsDrawer) -> None:
        super().__init__()
        self.setObjectName("status_jobs")
        self.setFlat(True)
        self.setCheckable(True)
        self.setAutoDefault(False)
        self.setToolTip("Open or close the drawer of jobs")
        self._drawer = drawer
        self.clicked.connect(drawer.toggle)
        drawer.folded_changed.connect(self._on_folded_changed)
        self._on_folded_changed(drawer.is_folded)
        self.show_count()

    def show_count(self) -> None:
        """Say how many run; to be called by the pump."""
        active = self._drawer.active
        text = f"{count_text(active, 'job')} running" if active else "Jobs"
        if set_beside_icon(self, text):
            self.setAccessibleName(f"Jobs, {active:,} running")

    def _on_folded_changed(self, folded: bool) -> None:
        self.setChecked(not folded)
