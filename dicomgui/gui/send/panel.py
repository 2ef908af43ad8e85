"""Send files to a peer by C-STORE, each with its own result."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QProgressBar

from dicomgui.app.configuration.nodes import Node
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.files.conversion import Conversion
from dicomgui.app.files.sources import Selection, SendItem
from dicomgui.app.operations import Job, JobHandle, JobKind, JobState
from dicomgui.app.recipes.recipe import Recipe
from dicomgui.app.transfers.report import FORMATS, write_report
from dicomgui.app.transfers.send import ItemResult, ItemState, SendJob, SendProgress, SendReport, prepare
from dicomgui.gui.jobs.model import clock_text
from dicomgui.gui.panels.explaining import PeerActions, explain_in
from dicomgui.gui.panels.panel import Panel, Workplace
from dicomgui.gui.peers.fields import PeerFields
from dicomgui.gui.send.choices import SendChoices, SendWishes
from dicomgui.gui.send.committing import Committing
from dicomgui.gui.send.convert_choice import ConvertChoice
from dicomgui.gui.send.copying import recipe_of_files
from dicomgui.gui.send.model import Filter, SendColumn, SendModel
from dicomgui.gui.send.sending import (
    Order,
    Sending,
    sent_references,
    state_of,
    summed_up,
    thousandths,
    view_instance,
    view_row,
)
from dicomgui.gui.tables.list_table import ListTable
from dicomgui.gui.tables.pills import PillDelegate
from dicomgui.gui.widgets.buttons import Choice, push_button
from dicomgui.gui.widgets.cards import Card, EmptyState
from dicomgui.gui.widgets.copy_menu import CopyButton, Recipes
from dicomgui.gui.widgets.dialogs import Ask, ask_paths
from dicomgui.gui.widgets.fields import check_box
from dicomgui.gui.widgets.finding_area import FindingArea
from dicomgui.gui.widgets.flow import FlowRow, Pages, together
from dicomgui.gui.widgets.text import ElidedLabel, PlainLabel, count_text, size_text
from dicomgui.network.association.params import PeerAddress
from dicomgui.network.errors import ConfigurationError
from dicomgui.trace.finding import ActionKind as Do
from dicomgui.trace.finding import group_findings, plain

__all__ = ["SendPanel"]

MIN_LIST_HEIGHT = 110
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
        self._orders: dict[int, Order] = {}
        self._next: Order | None = None
        self._task: asyncio.Task[None] | None = None
        self._scans: dict[asyncio.Task[None], None] = {}
        self._send_job: SendJob | None = None
        self._handle: JobHandle | None = None
        self._association = 0
        self._results: deque[ItemResult] = deque()
        self._progress: SendProgress | None = None
        self._make_widgets()
        self._make_views()
        self._place()
        self._show_summary()
        place.pump.add(self._drain)

    # ----------------------------------------------------------------------------------------------------------- making

    def _make_widgets(self) -> None:
        self.peer = PeerFields("send", self.place.choice)
        self.peer.submitted.connect(self.run)
        self.run_button = push_button("send_run", "&Send", "send", primary=True, tip="Send all files (F5)")
        tip = "Send again what failed or was cancelled, and nothing else"
        self.resend_button = push_button("send_resend", "Re-send fail&ed", "play", tip=tip)
        self.cancel_button = push_button("send_cancel", "Ca&ncel", "cancel", tip="Stop (Esc)")
        self.trace_button = push_button("send_show_trace", "Show in &trace", "trace", tip="Every PDU of this send")
        self.copy_as_button: CopyButton = CopyButton("send_copy_as", self._recipes)
        self.add_files = push_button("send_add_files", "Add &files …", "file", tip="Files, ZIP archives, DICOMDIRs")
        self.add_folder = push_button("send_add_folder", "Add fol&der …", "folder", tip="A folder with all below it")
        self.remove_button = push_button("send_remove", "&Remove", "remove", tip="Take the selected rows out")
        self.clear_button = push_button("send_clear", "C&lear", "clear", tip="Take all rows out")
        tip = "Every file with its result, as CSV for a spreadsheet"
        self.export_button = push_button("send_export", "E&xport …", "save", tip=tip)
        for button, slot in (
            (self.run_button, self.run), (self.cancel_button, self.cancel), (self.trace_button, self._on_trace_clicked),
            (self.add_files, self._on_add_files_clicked), (self.add_folder, self._on_add_folder_clicked),
            (self.remove_button, self._on_remove_clicked), (self.clear_button, self._on_clear_clicked),
            (self.resend_button, self.resend), (self.export_button, self._on_export_clicked),
        ):  # fmt: skip
            button.clicked.connect(slot)
        self.filter = Choice("send_filter", "Which files are shown")
        self.filter.setToolTip("Which files are shown; all are sent")
        for which in Filter:
            self.filter.addItem(which.value, which)
        self.filter.currentIndexChanged.connect(self._on_filter_changed)
        self.convert = ConvertChoice("send")
        tip = "Files that break off or cannot be read are sent as they are, to test receivers; else they fail unsent"
        self.send_broken = check_box("send_broken", "Send &broken files too", tip=tip)
        self.send_broken.setAccessibleName("Send broken files too")
        self.send_broken.setAccessibleDescription(tip)
        self.choices = SendChoices("send")
        self.choices.fields.submitted.connect(self.run)
        self.committing = Committing(self)
        self.committing.instance_wanted.connect(self._on_instance_wanted)

    def _make_views(self) -> None:
        self.summary = PlainLabel(tone="muted")
        self.summary.setObjectName("send_summary")
        self.table = ListTable("send_table", "Files to send")
        self.table.setModel(self.model)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.set_widths({SendColumn.FILE: 220, SendColumn.KIND: 180, SendColumn.ENCODING: 180,
                               SendColumn.SIZE: 80, SendColumn.STATE: 112}, stretch=SendColumn.RESULT)  # fmt: skip
        self.table.setItemDelegateForColumn(SendColumn.STATE, PillDelegate(self.table))
        self.table.selectionModel().selectionChanged.connect(self._show_buttons)
        self.table.activated.connect(lambda index: view_row(self, self.model, index.row()))
        self.bar = QProgressBar()
        self.bar.setObjectName("send_progress")
        self.bar.setAccessibleName("Progress")
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        self.status = ElidedLabel(tone="muted")
        self.status.setObjectName("send_status")
        self.findings = FindingArea("send_findings")
        self._actions = PeerActions(self, self._send_rest, lambda: self._association, self._show_idle)
        explain_in(self, self.findings.list, self._actions.offers | {Do.SEND_DECOMPRESSED: self._send_decompressed})
        self.bar.hide()

    def _place(self) -> None:
        top = Card()
        top.column.addWidget(self.peer)
        row = FlowRow()
        for button in (self.run_button, self.resend_button, self.cancel_button):
            row.add(button)
        row.add_stretch()
        row.add(self.copy_as_button)
        row.add(self.trace_button)
        top.column.addLayout(row)
        options = FlowRow(24)
        options.add(self.convert, 1, width=380)
        options.add(self.committing.check)
        options.add(self.send_broken)
        top.column.addLayout(options)
        top.column.addWidget(self.choices)
        self.column.addWidget(top)
        tools = FlowRow()
        for button in (self.add_files, self.add_folder, self.remove_button, self.clear_button):
            tools.add(button)
        tools.add_stretch()
        label = PlainLabel("Sho&w", tone="muted")
        label.setBuddy(self.filter)
        tools.add(together(label, self.filter))
        tools.add(self.export_button)
        self.column.addLayout(tools)
        below = QHBoxLayout()
        below.setSpacing(12)
        below.addWidget(self.status, 1)
        below.addWidget(self.summary)
        self.column.addLayout(below)
        self.column.addWidget(self.bar)
        self._pages = Pages("send_pages", MIN_LIST_HEIGHT)
        self._pages.addWidget(EmptyState("send", "Nothing to send yet", _EMPTY))
        self._pages.addWidget(self.table)
        self.column.addWidget(self._pages, 1)
        self.column.addWidget(self.committing)
        self.column.addWidget(self.findings)

    # ------------------------------------------------------------------------------------------------------------ files

    def add_paths(self, paths: Iterable[Path]) -> asyncio.Task[None]:
        """Look for instances in files and folders and add them to the table; gives the task that does it."""
        task = self.tasks.spawn(self._scan(tuple(paths)), name="look at files")
        self._scans[task] = None
        task.add_done_callback(self._on_scanned)
        self._show_buttons()
        return task

    async def _scan(self, paths: tuple[Path, ...]) -> None:
        title = f"Look at {paths[0].name or paths[0]}" if len(paths) == 1 else f"Look at {len(paths):,} paths"
        task = asyncio.current_task()
        assert task is not None
        with self.place.start_job(JobKind.SCAN, title, cancel=task.cancel) as job:

            def tell(count: int, _name: str) -> None:
                job.update(files_done=count)
                self.summary.setText(f"Looking at {count_text(count, 'file')} …")

            selection = await prepare(self.place.context, paths, on_progress=tell)
            self._selections.append(selection)
            self.model.add(selection.items, selection.skipped)
            found = count_text(len(selection.items), "instance")
            skipped = f", {len(selection.skipped):,} skipped" if selection.skipped else ""
            total = len(selection.items) + len(selection.skipped)
            job.update(files_done=total, files_total=total, text=f"{found} found{skipped}")

    def send_to(self, node: Node, paths: Iterable[Path]) -> None:
        """Add files and send these, and no others, to a node; after the send that is under way, if there is one."""
        self.place.choice.choose(node)
        self.tasks.spawn(self._send_to(node, tuple(paths)), name="send to a node")

    async def _send_to(self, node: Node, paths: tuple[Path, ...]) -> None:
        await self.add_paths(paths)
        names = {str(path) for path in paths}
        items = tuple(item for item in self.model.items if item.name in names)
        options = node.options(self.place.config.settings.connection_options())
        self._retry(self._order(node.address, options, items, ()))

    def _order(
        self,
        peer: PeerAddress,
        options: ConnectionOptions,
        items: tuple[SendItem, ...],
        selections: tuple[Selection, ...],
    ) -> Order:
        """A send with the choices of the panel."""
        commit, sends_broken = self.committing.check.isChecked(), self.send_broken.isChecked()
        wishes = SendWishes() if self.choices.problem() else self.choices.wishes()
        return Order(peer, options, items, selections, self.convert.conversion, commit, sends_broken, wishes)

    def _on_scanned(self, task: asyncio.Task[None]) -> None:
        self._scans.pop(task, None)
        self._show_summary()

    def _on_add_files_clicked(self) -> None:
        self.tasks.spawn(self._ask(Ask.FILES, "Files to send"), name="ask for files")

    def _on_add_folder_clicked(self) -> None:
        self.tasks.spawn(self._ask(Ask.FOLDER, "Folder to send"), name="ask for a folder")

    async def _ask(self, ask: Ask, caption: str) -> None:
        paths = await ask_paths(self, ask, caption)
        if paths:
            self.add_paths(paths)

    @property
    def takes_drops(self) -> bool:
        return self._task is None

    def take_drop(self, paths: list[Path]) -> None:
        self.add_paths(paths)

    def _on_remove_clicked(self) -> None:
        self.model.remove(index.row() for index in self.table.selectionModel().selectedRows())
        self._show_summary()

    def _on_clear_clicked(self) -> None:
        self.model.clear()
        self.filter.setCurrentIndex(0)
        self._forget_orders()
        self.findings.show_findings(())
        self.bar.hide()
        self._show_idle("")
        self._show_summary()

    def _on_filter_changed(self) -> None:
        self.model.set_filter(self.filter.currentData())

    def _forget_orders(self) -> None:
        """What no remembered job and no row can need any more; what was extracted from archives goes with it."""
        jobs, retries = self.place.jobs, self.place.retries
        self._orders = {number: order for number, order in self._orders.items() if jobs.get(number) is not None}
        for number in [number for number in retries if jobs.get(number) is None]:
            del retries[number]
        if not self.model.count:
            needed = {id(selection) for order in self._orders.values() for selection in order.selections}
            for selection in self._selections:
                if id(selection) not in needed:
                    selection.close()
            self._selections = [selection for selection in self._selections if id(selection) in needed]

    # ---------------------------------------------------------------------------------------------------------- sending

    @property
    def is_busy(self) -> bool:
        """Whether a send is under way."""
        return self._task is not None

    def take_focus(self) -> None:
        (self.add_files if not self.model.count else self.run_button).setFocus()

    def run(self) -> None:
        """Send all files of the table to the peer of the fields, or what is invented of them."""
        self._send_to_fields(self.model.templates, invents=True)

    def resend(self) -> None:
        """Send what failed or was cancelled to the peer of the fields."""
        if self.model.unsent:
            self._send_to_fields(self.model.unsent)

    def _send_rest(self) -> None:
        """Send what is not sent, or all where everything was."""
        if self.model.has_unsent:
            self.resend()
        else:
            self.run()

    def _send_decompressed(self, _action: object) -> None:
        self.convert.choose(Conversion.LOSSLESS)
        self.resend()

    def cancel(self) -> None:
        """End the send: by A-RELEASE between two instances, by A-ABORT within one. Else, stop looking for files."""
        self._actions.cancel()
        if self._task is not None:
            self._task.cancel()
            return
        for scan in tuple(self._scans):
            scan.cancel()

    def _send_to_fields(self, items: tuple[SendItem, ...], *, invents: bool = False) -> None:
        if self._task is not None or self._scans:
            return
        problem = self.peer.problem() or self.choices.show_problem()
        if not problem and not items and not (invents and self.choices.wishes().invention is not None):
            problem = "Add files first."
        if problem:
            self.bar.hide()
            self._show_idle(problem, "error")
            return
        peer, options = self.place.choice.peer(), self._actions.options
        order = self._order(peer, options, items, tuple(self._selections))
        if not invents:
            order.wishes = replace(order.wishes, invention=None)
        self._start(order)

    def _retry(self, order: Order) -> None:
        """Send what an earlier job left over to the same peer; after the send that is under way, if there is one."""
        if self._task is not None:
            self._next = order
        elif order.items:
            items = self.model.adopt(order.items)
            self._show_summary()
            selections = tuple(dict.fromkeys((*order.selections, *self._selections)))
            self._start(replace(order, items=items, selections=selections))

    def _start(self, order: Order) -> None:
        self._forget_orders()
        self._task = self.tasks.spawn(self._send(order), name="send")
        self._task.add_done_callback(self._on_sent)
        self._show_start(order)

    async def _send(self, order: Order) -> None:
        task = asyncio.current_task()
        assert task is not None
        recipe = _recipe_of(order)
        try:
            sending = await order.made(self.place.context.file_pool)
        except ConfigurationError as error:
            self.bar.hide()
            self._show_idle(f"{error}. {error.hint}".strip(), "error")
            return
        self._show_made(order)
        title = f"Send {count_text(len(order.items), 'file')}"
        with self.place.start_job(
            JobKind.SEND, title, peer=str(order.peer), cancel=task.cancel, retry=lambda: self._retry(order),
            recipe=recipe,
        ) as handle:  # fmt: skip
            self._handle = handle
            self._orders[handle.number] = order
            selection = sending.selection
            handle.update(files_done=0, files_total=len(order.items), bytes_done=0, bytes_total=selection.size_bytes)
            job = self._send_job = SendJob(
                self.place.context, order.peer, order.options, selection, conversion=order.conversion,
                sends_broken=order.sends_broken, manner=order.wishes.manner,
                on_result=lambda result: self._results.append(sending.result(result)),
                on_progress=lambda progress: self._on_progress(progress, sending),
            )  # fmt: skip
            try:
                await job.run(self.place.secrets.complete)
            finally:
                self._show_report(job.report(), order, handle, sending)

    def _show_made(self, order: Order) -> None:
        """Show rows for what was invented."""
        for selection in order.selections:
            if selection not in self._selections:
                self._selections.append(selection)
        if any(item.change is not None for item in order.items):
            self.model.adopt(order.items)
            self.model.queue(order.items, str(order.peer))
            self._show_summary()

    def _on_progress(self, progress: SendProgress, sending: Sending) -> None:
        current = progress.current
        self._progress = replace(progress, current=None if current is None else sending.origin(current))

    def _on_sent(self, _task: asyncio.Task[None]) -> None:
        self._task = self._send_job = self._handle = None
        self._show_buttons()
        order, self._next = self._next, None
        if order is not None:
            self._retry(order)

    # ---------------------------------------------------------------------------------------------------------- showing

    def _show_start(self, order: Order) -> None:
        self._results.clear()
        self._progress = None
        self.model.queue(order.items, str(order.peer))
        self.findings.show_findings(())
        self.bar.setValue(0)
        self.bar.show()
        self.status.set_tone("muted")
        self.status.setText(plain(f"Connecting to {order.peer} …"))
        self._association = 0
        self._show_buttons()

    def _drain(self) -> None:
        """Results and progress since the last tick."""
        if self._results:
            results = [self._results.popleft() for _ in range(len(self._results))]
            self.model.show_results(results)
        if self._send_job is not None and self._handle is not None:
            for number in self._send_job.associations:
                self._handle.add_association(number)
        progress, self._progress = self._progress, None
        if progress is not None and self._handle is not None:
            self._tell_job(self._handle, progress)
            self._show_progress(progress, self.place.jobs.get(self._handle.number))

    def _tell_job(self, handle: JobHandle, progress: SendProgress) -> None:
        """Bytes that will not be sent count as if they were not there: they say nothing about the rate."""
        handle.update(
            files_done=progress.done,
            bytes_done=progress.bytes_done - progress.bytes_failed,
            bytes_total=progress.bytes_total - progress.bytes_failed,
        )

    def _show_progress(self, progress: SendProgress, job: Job | None) -> None:
        self.bar.setValue(thousandths(progress))
        if progress.current is not None:
            self.model.show_sending(progress.current)
        parts = [
            f"{progress.done:,} of {count_text(progress.total, 'file')}",
            f"{size_text(progress.bytes_done)} of {size_text(progress.bytes_total)}",
        ]
        if job is not None and job.bytes_per_second:
            parts.append(f"{size_text(job.bytes_per_second)}/s")
            if job.remaining_s is not None and job.remaining_s >= 1:
                parts.append(f"{clock_text(round(job.remaining_s))} left")
        self.status.setText(" · ".join(parts))

    def _show_report(self, report: SendReport, order: Order, handle: JobHandle, sending: Sending) -> None:
        self._drain()
        findings = group_findings(report.findings)
        self.findings.show_findings(findings)
        seen = (*handle.snapshot().associations, *(finding.association for finding in findings))
        self._association = next((number for number in reversed(seen) if number), 0)
        failed, cancelled = report.count(ItemState.FAILED), report.count(ItemState.CANCELLED)
        text = summed_up(report)
        self._show_idle(text, "error" if failed else "muted" if cancelled else "good")
        if not cancelled:
            self.bar.setValue(1000)
        if order.commit and not cancelled:
            self.committing.start(order.peer, order.options, sent_references(report))
        order.items = tuple(sending.origin(one.item) for one in report.results if not one.is_sent)
        if not order.items:
            self.place.retries.pop(handle.number, None)
        handle.finish(state_of(report), text=text, finding=findings[0] if findings else None)

    def _on_instance_wanted(self, uid: str) -> None:
        if not view_instance(self, self.model, uid):
            self._show_idle(f"{uid} is not in the table any more.")

    def _show_idle(self, text: str, tone: str = "muted") -> None:
        self.status.set_tone(tone)
        self.status.setText(plain(text, 500))

    def _show_summary(self) -> None:
        model = self.model
        self._pages.setCurrentIndex(1 if model.count else 0)
        text = f"{count_text(len(model.items), 'file')}, {size_text(model.size_bytes)}" if model.count else ""
        if model.skipped:
            text += f", {model.skipped:,} skipped"
        self.summary.setText(text)
        self._show_buttons()

    def _show_buttons(self) -> None:
        idle, some = self._task is None, self.model.count > 0
        for button in (self.add_files, self.add_folder):
            button.setEnabled(idle)
        self.filter.setEnabled(some)
        self.clear_button.setEnabled(idle and some)
        self.remove_button.setEnabled(idle and self.table.selectionModel().hasSelection())
        self.export_button.setEnabled(idle and some and not self._scans)
        self.show_busy(not idle or bool(self._scans), self.run_button, self.cancel_button)
        self.resend_button.setEnabled(idle and not self._scans and self.model.has_unsent)
        self.trace_button.setEnabled(bool(self._traced()))

    # ---------------------------------------------------------------------------------------------------- trace, report

    def _traced(self) -> int:
        """The association of the selected file, or the last one of the send."""
        rows = self.table.selectionModel().selectedRows()
        return (self.model.association_at(rows[0].row()) if len(rows) == 1 else 0) or self._association

    def _recipes(self) -> Recipes:
        """What Send would do, to be copied as a command."""
        if self.peer.problem() or self.choices.problem():
            return []
        choice = self.place.choice
        order = self._order(choice.peer(), choice.options(), self.model.templates, ())
        return [("", _recipe_of(order))] if order.items or order.wishes.invention is not None else []

    def _on_trace_clicked(self) -> None:
        self.trace_wanted.emit(self._traced())

    def _on_export_clicked(self) -> None:
        self.tasks.spawn(self._export(), name="export the report")

    async def _export(self) -> None:
        start = Path.home() / "send report.csv"
        filters = [f"{suffix[1:].upper()} (*{suffix})" for suffix in FORMATS]
        paths = await ask_paths(self, Ask.SAVE, "Export the report", start=start, filters=filters)
        if not paths:
            return
        path = paths[0] if paths[0].suffix.lower() in FORMATS else paths[0].with_name(f"{paths[0].name}.csv")
        lines = self.model.lines()
        with self.place.start_job(JobKind.EXPORT, f"Export the report of {count_text(len(lines), 'file')}") as job:
            try:
                await asyncio.get_running_loop().run_in_executor(
                    self.place.context.file_pool, write_report, path, lines
                )
            except OSError as error:
                text = f"The report could not be written to {path}: {error.strerror or error}"
                self._show_idle(text, "error")
                job.finish(JobState.FAILED, text=text)
                return
            job.update(files_done=len(lines), files_total=len(lines), text=f"written to {path}")
            self._show_idle(f"Report of {count_text(len(lines), 'file')} written to {path}", "good")

    async def shut_down(self) -> None:
        self._next = None
        await super().shut_down()
        for selection in self._selections:
            selection.close()
        self._selections.clear()


def _recipe_of(order: Order) -> Recipe:
    return recipe_of_files(
        order.peer, order.options, order.items, order.conversion, sends_broken=order.sends_broken, wishes=order.wishes
    )
