"""Send files to a peer by C-STORE, each with its own result."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path

from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QProgressBar, QStackedWidget

from dicomgui.app.send import ItemResult, ItemState, SendJob, SendProgress, SendReport, prepare
from dicomgui.app.sources import Selection, SendItem
from dicomgui.gui.models.send_model import SendColumn, SendModel
from dicomgui.gui.panels.panel import Panel, Workplace
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.cards import Card, EmptyState, FindingList
from dicomgui.gui.widgets.dialogs import Ask, ask_paths
from dicomgui.gui.widgets.peer_fields import PeerFields
from dicomgui.gui.widgets.tables import ListTable
from dicomgui.gui.widgets.text import ElidedLabel, PlainLabel, count_text, duration_text, size_text
from dicomgui.trace.finding import plain

__all__ = ["SendPanel"]

_EMPTY = (
    "Drop files or folders here, or add them above. Any name will do, also ZIP archives and DICOMDIRs; what is no "
    "DICOM instance is listed and left out."
)


class SendPanel(Panel):
    """Peer fields, the files, their progress."""

    def __init__(self, place: Workplace) -> None:
        text = "C-STORE: send instances as they lie on disk, each with the peer's answer."
        super().__init__("send", "Send", text, place)
        self.setAcceptDrops(True)
        self.model = SendModel(self)
        self._selections: list[Selection] = []
        self._task: asyncio.Task[None] | None = None
        self._scans = 0
        self._association = 0
        self._results: deque[ItemResult] = deque()
        self._progress: SendProgress | None = None
        self._started = 0.0
        self._make_widgets()
        self._place()
        self._show_summary()
        place.pump.add(self._drain)

    # ----------------------------------------------------------------------------------------------------------- making

    def _make_widgets(self) -> None:
        self.peer = PeerFields("send", self.place.choice)
        self.peer.submitted.connect(self.run)
        self.run_button = push_button("send_run", "&Send", "send", primary=True, tip="Send all files (F5)")
        self.cancel_button = push_button("send_cancel", "Ca&ncel", "cancel", tip="Stop (Esc)")
        self.cancel_button.setEnabled(False)
        self.trace_button = push_button("send_show_trace", "Show in trace", "trace", tip="Every PDU of this send")
        self.trace_button.setEnabled(False)
        self.add_files = push_button("send_add_files", "Add &files …", "file", tip="Files, ZIP archives, DICOMDIRs")
        self.add_folder = push_button("send_add_folder", "Add fol&der …", "folder", tip="A folder with all below it")
        self.remove_button = push_button("send_remove", "&Remove", "remove", tip="Take the selected rows out")
        self.clear_button = push_button("send_clear", "C&lear", "clear", tip="Take all rows out")
        for button, slot in (
            (self.run_button, self.run), (self.cancel_button, self.cancel), (self.trace_button, self._on_trace_clicked),
            (self.add_files, self._on_add_files_clicked), (self.add_folder, self._on_add_folder_clicked),
            (self.remove_button, self._on_remove_clicked), (self.clear_button, self._on_clear_clicked),
        ):  # fmt: skip
            button.clicked.connect(slot)
        self.summary = PlainLabel(tone="muted")
        self.summary.setObjectName("send_summary")
        self.table = ListTable("send_table", "Files to send")
        self.table.setModel(self.model)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.set_widths({SendColumn.FILE: 230, SendColumn.KIND: 190, SendColumn.ENCODING: 190,
                               SendColumn.SIZE: 80, SendColumn.STATE: 90}, stretch=SendColumn.RESULT)  # fmt: skip
        self.bar = QProgressBar()
        self.bar.setObjectName("send_progress")
        self.bar.setAccessibleName("Progress")
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        self.status = ElidedLabel(tone="muted")
        self.status.setObjectName("send_status")
        self.findings = FindingList("send_findings")
        self.bar.hide()

    def _place(self) -> None:
        top = Card()
        top.column.addWidget(self.peer)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.run_button)
        row.addWidget(self.cancel_button)
        row.addStretch(1)
        row.addWidget(self.trace_button)
        top.column.addLayout(row)
        self.column.addWidget(top)
        tools = QHBoxLayout()
        tools.setSpacing(8)
        for button in (self.add_files, self.add_folder, self.remove_button, self.clear_button):
            tools.addWidget(button)
        tools.addStretch(1)
        tools.addWidget(self.summary)
        self.column.addLayout(tools)
        self._pages = QStackedWidget()
        self._pages.setObjectName("send_pages")
        self._pages.addWidget(EmptyState("send", "Nothing to send yet", _EMPTY))
        self._pages.addWidget(self.table)
        self.column.addWidget(self._pages, 1)
        self.column.addWidget(self.findings)
        self.column.addWidget(self.bar)
        self.column.addWidget(self.status)

    # ------------------------------------------------------------------------------------------------------------ files

    def add_paths(self, paths: Iterable[Path]) -> asyncio.Task[None]:
        """Look for instances in files and folders and add them to the table; gives the task that does it."""
        chosen = tuple(paths)
        return self.tasks.spawn(self._scan(chosen), name="look at files")

    async def _scan(self, paths: tuple[Path, ...]) -> None:
        self._scans += 1
        self._show_buttons()
        try:
            selection = await prepare(self.place.context, paths, on_progress=self._on_scan_progress)
            self._selections.append(selection)
            self.model.add(selection.items, selection.skipped)
        finally:
            self._scans -= 1
            self._show_summary()

    def _on_scan_progress(self, count: int, name: str) -> None:
        self.summary.setText(f"Looking at {count_text(count, 'file')} …")

    def _on_add_files_clicked(self) -> None:
        self.tasks.spawn(self._ask(Ask.FILES, "Files to send"), name="ask for files")

    def _on_add_folder_clicked(self) -> None:
        self.tasks.spawn(self._ask(Ask.FOLDER, "Folder to send"), name="ask for a folder")

    async def _ask(self, ask: Ask, caption: str) -> None:
        paths = await ask_paths(self, ask, caption)
        if paths:
            await self._scan(tuple(paths))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls() and self._task is None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths and self._task is None:
            event.acceptProposedAction()
            self.add_paths(paths)

    def _on_remove_clicked(self) -> None:
        self.model.remove(index.row() for index in self.table.selectionModel().selectedRows())
        self._show_summary()

    def _on_clear_clicked(self) -> None:
        self.model.clear()
        self._close_selections()
        self.findings.show_findings(())
        self._show_idle("")
        self._show_summary()

    def _close_selections(self) -> None:
        """Remove what was extracted from archives."""
        for selection in self._selections:
            selection.close()
        self._selections.clear()

    # ---------------------------------------------------------------------------------------------------------- sending

    @property
    def is_busy(self) -> bool:
        """Whether a send is under way."""
        return self._task is not None

    def take_focus(self) -> None:
        (self.add_files if not self.model.rowCount() else self.run_button).setFocus()

    def run(self) -> None:
        """Send all files of the table to the peer of the fields."""
        if self._task is None and not self._scans:
            self._task = self.tasks.spawn(self._send(), name="send")

    def cancel(self) -> None:
        """End the send: by A-RELEASE between two instances, by A-ABORT within one."""
        if self._task is not None:
            self._task.cancel()

    async def _send(self) -> None:
        try:
            problem = self.peer.problem()
            if not problem and not self.model.items:
                problem = "Add files first."
            if problem:
                self._show_idle(problem, "error")
                return
            self._show_start()
            choice = self.place.choice
            job = SendJob(
                self.place.context, choice.peer(), choice.options(), Selection(self.model.items),
                on_result=self._results.append, on_progress=self._on_progress,
            )  # fmt: skip
            try:
                await job.run()
            finally:
                self._show_report(job.report())
        finally:
            self._task = None
            self._show_buttons()

    def _on_progress(self, progress: SendProgress) -> None:
        self._progress = progress  # the pump shows the latest

    def _show_start(self) -> None:
        self._results.clear()
        self._progress = None
        self._started = time.monotonic()
        self.model.queue_all()
        self.findings.show_findings(())
        self.bar.setValue(0)
        self.bar.show()
        self.status.set_tone("muted")
        self.status.setText("Connecting …")
        self.trace_button.setEnabled(False)
        self._show_buttons()

    def _drain(self) -> None:
        """Results and progress since the last tick."""
        if self._results:
            results = [self._results.popleft() for _ in range(len(self._results))]
            self.model.show_results(results)
        progress, self._progress = self._progress, None
        if progress is not None:
            self._show_progress(progress)

    def _show_progress(self, progress: SendProgress) -> None:
        self.bar.setValue(_thousandths(progress))
        if isinstance(progress.current, SendItem):
            self.model.show_sending(progress.current)
        seconds = max(0.001, time.monotonic() - self._started)
        self.status.setText(
            f"{progress.done:,} of {count_text(progress.total, 'file')} · {size_text(progress.bytes_done)} of "
            f"{size_text(progress.bytes_total)} · {size_text(progress.bytes_done / seconds)}/s"
        )

    def _show_report(self, report: SendReport) -> None:
        self._drain()
        self.findings.show_findings(report.findings)
        self._association = report.associations[-1] if report.associations else 0
        for finding in report.findings:
            self._association = self._association or finding.association
        self.trace_button.setEnabled(bool(self._association))
        failed, cancelled = report.count(ItemState.FAILED), report.count(ItemState.CANCELLED)
        parts = [f"{report.sent:,} of {count_text(len(report.results), 'file')} sent"]
        parts += [f"{count:,} {word}" for count, word in ((report.count(ItemState.WARNING), "with warning"),
                  (failed, "failed"), (cancelled, "cancelled")) if count]  # fmt: skip
        parts.append(f"{size_text(report.bytes_sent)} in {duration_text(report.seconds)}")
        if report.sent:
            parts.append(f"{size_text(report.bytes_per_second)}/s")
        self._show_idle(" · ".join(parts), "error" if failed else "muted" if cancelled else "good")
        if not cancelled:
            self.bar.setValue(1000)

    def _show_idle(self, text: str, tone: str = "muted") -> None:
        self.bar.setValue(0)
        self.status.set_tone(tone)
        self.status.setText(plain(text, 500))

    def _show_summary(self) -> None:
        model = self.model
        self._pages.setCurrentIndex(1 if model.rowCount() else 0)
        text = f"{count_text(len(model.items), 'file')}, {size_text(model.size_bytes)}" if model.rowCount() else ""
        if model.skipped:
            text += f", {model.skipped:,} skipped"
        self.summary.setText(text)
        self._show_buttons()

    def _show_buttons(self) -> None:
        idle = self._task is None
        for button in (self.add_files, self.add_folder, self.remove_button, self.clear_button):
            button.setEnabled(idle)
        for button in (self.remove_button, self.clear_button):
            button.setEnabled(idle and self.model.rowCount() > 0)
        self.show_busy(not idle, self.run_button, self.cancel_button)
        if self._scans:
            self.run_button.setEnabled(False)

    def _on_trace_clicked(self) -> None:
        self.trace_wanted.emit(self._association)

    async def shut_down(self) -> None:
        await super().shut_down()
        self._close_selections()


def _thousandths(progress: SendProgress) -> int:
    if progress.bytes_total:
        return round(1000 * progress.bytes_done / progress.bytes_total)
    return round(1000 * progress.done / max(1, progress.total))
