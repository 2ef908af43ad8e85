"""The local archive: what was received and imported, to be searched, looked at, handed on and deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QProgressBar, QWidget

from dicomgui.app.archive.files import ExportForm
from dicomgui.app.configuration.nodes import Node
from dicomgui.app.viewing.dataset_file import file_node
from dicomgui.gui.archive.commit import CommitButton
from dicomgui.gui.archive.model import ArchiveModel, entry_name
from dicomgui.gui.archive.table import ArchiveTable
from dicomgui.gui.archive.view import ArchiveView
from dicomgui.gui.archive.work import KEPT, ArchiveWork, Said, deleted_text
from dicomgui.gui.panels.panel import Panel, Workplace
from dicomgui.gui.tables.dataset_tree import DatasetTree
from dicomgui.gui.widgets.buttons import Choice, push_button
from dicomgui.gui.widgets.cards import EmptyState
from dicomgui.gui.widgets.dialogs import Ask, ask_paths
from dicomgui.gui.widgets.flow import FlowRow, Halves, Pages, reveal, together
from dicomgui.gui.widgets.text import ElidedLabel, PlainLabel, count_text, size_text
from dicomgui.gui.widgets.undo_bar import UndoBar
from dicomgui.storage import Level, StorageError, StoredFile
from dicomgui.storage.listing import Place
from dicomgui.trace.finding import plain

__all__ = ["ArchivePanel"]

MIN_LIST_HEIGHT = 170
NARROW = 600
"""Up to this width a data set stands below the list and not beside it."""
TYPING_MS = 150
"""A search begins when nothing was typed for so long."""

_EMPTY = (
    "What the listener receives and what you retrieve is listed here. Drop files or folders to import copies of them, "
    "or start the practice PACS on Home and retrieve something from it."
)
_FORMS = {
    ExportForm.FOLDERS: "as folders",
    ExportForm.DICOMDIR: "with DICOMDIR",
    ExportForm.ZIP: "as ZIP",
}


class ArchivePanel(Panel):
    """A search, the tree, and beside it the data set of a row."""

    files_wanted = Signal(object, object)
    """Send these paths to a :class:`Node`; ``None`` leaves the choice to the panel for sending."""

    looked = Signal()
    """A data set was shown."""

    def __init__(self, place: Workplace) -> None:
        text = "What was received and imported: search it, look at it, hand it on."
        super().__init__("archive", "Archive", text, place)
        self.setAcceptDrops(True)
        self.model = ArchiveModel(self)
        self.view = ArchiveView(place, self.model, self.tasks)
        self.work = ArchiveWork(place)
        self._task: asyncio.Task[None] | None = None
        self._row_after = -1
        self._is_rebuilding = False
        self._looking: asyncio.Task[Path | bool | None] | None = None
        self._make_widgets()
        self._make_views()
        self._place()
        self._add_shortcuts()
        self._show_nodes()
        place.config.nodes_changed.connect(self._show_nodes)
        place.choice.changed.connect(self._on_peer_chosen)
        place.pump.add(self._drain)

    # ----------------------------------------------------------------------------------------------------------- making

    def _make_widgets(self) -> None:
        tip = "Copies of files, ZIP archives, DICOMDIRs"
        self.import_files = push_button("archive_import_files", "Import &files …", "file", tip=tip)
        self.import_folder = push_button("archive_import_folder", "Import fol&der …", "folder", tip="With all below it")
        self.look_button = push_button("archive_look", "Loo&k", "look", tip="The data set of the selected row (Enter)")
        days = f"{KEPT.days} days"
        tip = f"Move the selected rows to the trash (Del); kept for {days}, Ctrl+Z brings them back"
        self.delete_button = push_button("archive_delete", "Delete", "clear", tip=tip)
        self.cancel_button = push_button("archive_cancel", "Ca&ncel", "cancel", tip="Stop (Esc)")
        self.export_form = Choice("archive_export_form", "How to export")
        for form, text in _FORMS.items():
            self.export_form.addItem(text, form)
        self.export_button = push_button("archive_export", "E&xport …", "save", tip="Copies of the selected rows")
        self.send_to = Choice("archive_send_to", "Where to send")
        self.send_to.setMinimumContentsLength(12)
        self.send_button = push_button("archive_send", "&Send to", "send", tip="Send the selected rows by C-STORE")
        for button, slot in (
            (self.import_files, self._on_import_files_clicked), (self.import_folder, self._on_import_folder_clicked),
            (self.look_button, self._on_look_clicked), (self.delete_button, self.delete),
            (self.cancel_button, self._stop), (self.export_button, self._on_export_clicked),
            (self.send_button, self._on_send_clicked),
        ):  # fmt: skip
            button.clicked.connect(slot)
        self.search = QLineEdit()
        self.search.setObjectName("archive_search")
        self.search.setAccessibleName("Search")
        self.search.setPlaceholderText("Search: name, ID, accession number, date, UID … (Ctrl+F)")
        self.search.setClearButtonEnabled(True)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(TYPING_MS)
        self._typing.timeout.connect(lambda: self.view.search(self.search.text()))
        self.search.textChanged.connect(lambda _text: self._typing.start())
        self.search.returnPressed.connect(self._on_search_entered)
        self.undo_bar = UndoBar("archive_undo")
        tip = "Reads every file again; the archive can be used meanwhile"
        self.rebuild_button = push_button("archive_rebuild", "Re&build index", tip=tip)
        self.rebuild_button.setProperty("quiet", True)
        self.rebuild_button.clicked.connect(self._on_rebuild_clicked)

    def _make_views(self) -> None:
        self.table = ArchiveTable("archive_table", "Patients, studies, series and instances", self.model)
        self.table.row_activated.connect(self._on_row_activated)
        self.table.order_chosen.connect(self.view.sort)
        self.table.selectionModel().selectionChanged.connect(self._show_buttons)
        self.model.modelReset.connect(self._on_reset)
        self.commit_button = CommitButton(self.tasks, self.table, self._files)
        self.dataset = DatasetTree("archive")
        self.dataset.closed.connect(self.table.setFocus)
        self.counts = ElidedLabel(tone="muted")
        self.status = ElidedLabel(tone="muted")
        self.repaired = ElidedLabel(tone="muted")
        for label, name in ((self.counts, "counts"), (self.status, "status"), (self.repaired, "repaired")):
            label.setObjectName(f"archive_{name}")
            label.hide()
        self.bar = QProgressBar()
        self.bar.setObjectName("archive_progress")
        self.bar.setAccessibleName("Progress")
        self.bar.setTextVisible(False)

    def _place(self) -> None:
        tools = QHBoxLayout()
        tools.setSpacing(8)
        for button in (self.import_files, self.import_folder):
            tools.addWidget(button)
        tools.addSpacing(8)
        tools.addWidget(self.search, 1)
        self.column.addLayout(tools)
        actions = FlowRow()
        sending = together(self.send_button, self.send_to)
        export = together(self.export_button, self.export_form)
        for widget in (self.look_button, sending, export, self.commit_button, self.delete_button):
            actions.add(widget)
        self.column.addLayout(actions)
        self.column.addWidget(self.undo_bar)
        self._pages = Pages("archive_pages", MIN_LIST_HEIGHT)
        self._pages.addWidget(EmptyState("archive", "Nothing here yet", _EMPTY))
        self._pages.addWidget(EmptyState("look", "Nothing has all these words", "Fewer letters find more. UIDs are "
                                         "found as a whole, dates also by their year or month."))  # fmt: skip
        self._pages.addWidget(self.table)
        self._splitter = Halves("archive_splitter", NARROW)
        self._splitter.setHandleWidth(12)
        self._splitter.addWidget(self._pages)
        self._splitter.addWidget(self.dataset)
        self._splitter.setStretchFactor(0, 3)
        self._splitter.setStretchFactor(1, 2)
        self._splitter.setSizes([600, 500])
        self.column.addWidget(self._splitter, 1)
        self._under_way = QWidget()
        inside = QHBoxLayout(self._under_way)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(12)
        inside.addWidget(self.bar, 1)
        inside.addWidget(self.cancel_button)
        self._under_way.hide()
        self.column.addWidget(self._under_way)
        below = QHBoxLayout()
        below.setSpacing(12)
        below.addWidget(self.status, 1)
        below.addWidget(self.counts, 1)
        below.addWidget(self.rebuild_button)
        self.counts.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.column.addLayout(below)
        self.column.addWidget(self.repaired)

    def _add_shortcuts(self) -> None:
        inside = Qt.ShortcutContext.WidgetWithChildrenShortcut
        for owner, key, slot in (
            (self, QKeySequence.StandardKey.Find, self._on_find_key),
            (self, QKeySequence.StandardKey.Undo, self.undo_bar.undo),
            (self.table, QKeySequence.StandardKey.Delete, self.delete),
        ):
            QShortcut(QKeySequence(key), owner, context=inside).activated.connect(slot)

    # ---------------------------------------------------------------------------------------------------------- showing

    @property
    def is_busy(self) -> bool:
        """Whether something is imported, exported or deleted."""
        return self._task is not None

    def take_focus(self) -> None:
        if self.model.rowCount():
            self.table.setFocus()
        else:
            self.import_files.setFocus()

    def run(self) -> None:
        """Look again what there is."""
        self.view.refresh()

    def cancel(self) -> None:
        """Stop what is under way; where there is nothing, close the data set."""
        if self._task is not None:
            self._stop()
        else:
            self.dataset.close_tree()

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _drain(self) -> None:
        self._show_progress()
        if not self.isVisible():
            return
        self.view.drain()
        self._show_page()
        self._show_counts()

    def _show_page(self) -> None:
        page = 2 if self.model.rowCount() or not self.view.is_listed else 1 if self.search.text().split() else 0
        if page == 2 and not self.model.rowCount() and not self.view.archive.index.is_open:
            page = 0
        if self._pages.currentIndex() != page:
            self._pages.setCurrentIndex(page)
            self._show_buttons()

    def _show_counts(self) -> None:
        archive, counts = self.view.archive, self.view.counts
        text = ""
        if counts is not None and counts.instances:
            patients, studies = count_text(counts.patients, "patient"), count_text(counts.studies, "study", "studies")
            instances = count_text(counts.instances, "instance")
            text = f"{patients} · {studies} · {instances} · {size_text(counts.size_bytes)}"
        _say(self.counts, f"{text} · {archive.folder}" if text else str(archive.folder), "muted")
        line, tone = "", "muted"
        if self.view.fault:
            line, tone = self.view.fault, "error"
        elif archive.trouble and archive.is_open:
            line, tone = archive.trouble, "warning"
        elif archive.is_repairing and archive.progress is not None and archive.progress.files > 1000:
            progress = archive.progress
            line = f"Comparing files and index: {progress.folders_done} of {progress.folders} folders"
        elif archive.report is not None and archive.report.sentences:
            line = f"When it was opened: {' '.join(archive.report.sentences)}"
        _say(self.repaired, line, tone)

    def _show_progress(self) -> None:
        progress = self.work.progress
        self.work.tell_job()
        self._under_way.setVisible(progress is not None)
        if progress is None or self._task is None:
            return
        self.bar.setRange(0, progress.total)  # nobody knows how much: it moves
        self.bar.setValue(progress.done)
        total = f" of {progress.total:,}" if progress.total else ""
        _say(self.status, f"{progress.done:,}{total} · {plain(Path(progress.name).name or progress.name)}", "muted")

    def _show_buttons(self) -> None:
        idle, some = self._task is None, self.table.selectionModel().hasSelection()
        for button in (self.import_files, self.import_folder):
            button.setEnabled(idle)
        for button in (self.export_button, self.delete_button):
            button.setEnabled(idle and some)
        for button in (self.look_button, self.send_button):
            button.setEnabled(some)
        self.cancel_button.setEnabled(not idle)
        self.rebuild_button.setEnabled(idle and self.view.archive.index.is_open and not self._is_rebuilding)

    def _show_nodes(self) -> None:
        chosen = self.send_to.currentData()
        self.send_to.blockSignals(True)
        self.send_to.clear()
        self.send_to.addItem("the Send panel", "")
        for node in self.place.config.nodes.nodes:
            self.send_to.addItem(plain(node.name), node.name)
        self.send_to.setCurrentIndex(max(0, self.send_to.findData(chosen)))
        self.send_to.blockSignals(False)

    def _on_peer_chosen(self) -> None:
        """Who was asked is most likely who is sent to."""
        node = self.place.choice.node
        if node is not None:
            self.send_to.setCurrentIndex(max(0, self.send_to.findData(node.name)))

    def _on_find_key(self) -> None:
        self.search.setFocus()
        self.search.selectAll()

    def _on_search_entered(self) -> None:
        self._typing.stop()
        self.view.search(self.search.text())
        self.table.setFocus()

    # ---------------------------------------------------------------------------------------------------------- looking

    def _on_row_activated(self, row: int) -> None:
        place = self.model.place_at(row)
        if place is not None and place[0] is Level.IMAGE:
            self._look(place, in_window=True)
        else:
            self.model.toggle(row)

    def _on_look_clicked(self) -> None:
        rows = self.table.selectionModel().selectedRows()
        if rows:
            self._look(self.model.place_at(min(index.row() for index in rows)))

    def _look(self, place: Place | None, *, in_window: bool = False) -> None:
        if place is not None:
            if self._looking is not None:
                self._looking.cancel()
            self._looking = self.tasks.spawn(self._show_dataset(place, in_window), name="look at a data set")
            self._looking.add_done_callback(self._on_looked)

    def _on_looked(self, task: asyncio.Task[Path | bool | None]) -> None:
        if not task.cancelled() and (result := task.result()):
            self.looked.emit()
            if isinstance(result, Path):
                self.view_wanted.emit(result)

    async def _show_dataset(self, place: Place, in_window: bool) -> Path | bool:
        try:
            entry, files = await self.view.look(place)
            if entry is None or not files:
                self._say(Said("It is not here any more.", "error"))
                return False
            first, more = files[0], len(files) - 1
            if in_window:
                return first.path
            name = entry_name(entry)
            heading = f"{name}: the first of {len(files):,} instances" if more else name
            loop = asyncio.get_running_loop()
            node = await loop.run_in_executor(self.place.context.file_pool, file_node, first.path, "File")
        except StorageError as error:
            self._say(Said(str(error), "error"))
            return False
        self.dataset.show_node(node, heading)
        reveal(self.dataset)
        return not node.error

    # --------------------------------------------------------------------------------------------------- import, export

    def add_paths(self, paths: Iterable[Path]) -> None:
        """Import files and folders, unless something else is under way."""
        chosen = tuple(paths)
        if chosen:
            self._do(self._import(chosen), "import")

    def _do(self, work: Coroutine[object, object, None], name: str) -> None:
        if self._task is not None:
            work.close()
            return
        self._task = self.tasks.spawn(work, name=name)
        self._task.add_done_callback(self._on_done)
        self._show_buttons()

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if task.cancelled():
            self._say(Said("Cancelled; what was done until then stays.", "muted"))
        self.view.refresh()
        self._show_buttons()

    async def _import(self, paths: tuple[Path, ...]) -> None:
        self._say(await self.work.bring_in(paths))

    def _say(self, said: Said) -> None:
        _say(self.status, plain(said.text, 400), said.tone)

    def _on_import_files_clicked(self) -> None:
        self.tasks.spawn(self._ask(Ask.FILES, "Files to import"), name="ask for files")

    def _on_import_folder_clicked(self) -> None:
        self.tasks.spawn(self._ask(Ask.FOLDER, "Folder to import"), name="ask for a folder")

    async def _ask(self, ask: Ask, caption: str) -> None:
        self.add_paths(await ask_paths(self, ask, caption))

    @property
    def takes_drops(self) -> bool:
        return self._task is None

    def take_drop(self, paths: list[Path]) -> None:
        self.add_paths(paths)

    def _on_export_clicked(self) -> None:
        chosen = self.table.selected_places()
        if chosen:
            self._do(self._export(chosen, self.export_form.currentData()), "export")

    async def _export(self, chosen: list[Place], form: ExportForm) -> None:
        is_zip = form is ExportForm.ZIP
        start = Path.home() / "export.zip" if is_zip else None
        filters = ("ZIP (*.zip)",) if is_zip else ()
        paths = await ask_paths(self, Ask.SAVE if is_zip else Ask.FOLDER, "Export to", start=start, filters=filters)
        files = await self._files(chosen) if paths else []
        if files:
            target = paths[0].with_suffix(".zip") if is_zip and not paths[0].suffix else paths[0]
            self._say(await self.work.take_out(files, target, form))

    async def _files(self, chosen: list[Place]) -> list[StoredFile]:
        try:
            files = await self.view.files(chosen)
        except StorageError as error:
            self._say(Said(str(error), "error"))
            return []
        if not files:
            self._say(Said("Nothing of it is here any more.", "error"))
        return files

    def _on_rebuild_clicked(self) -> None:
        self._is_rebuilding = True
        self._show_buttons()
        self.tasks.spawn(self._rebuild(), name="make the index anew")

    async def _rebuild(self) -> None:
        try:
            self._say(await self.work.rebuild())
        finally:
            self._is_rebuilding = False
            self.view.refresh()
            self._show_buttons()

    # ----------------------------------------------------------------------------------------------------- send, delete

    def _on_send_clicked(self) -> None:
        chosen = self.table.selected_places()
        if chosen:
            name = self.send_to.currentData()
            node = self.place.config.nodes.find(name) if name else None
            task = self.tasks.spawn(self._files(chosen), name="files to send")
            task.add_done_callback(partial(self._on_files_found, node))

    def _on_files_found(self, node: Node | None, task: asyncio.Task[list[StoredFile] | None]) -> None:
        files = None if task.cancelled() else task.result()
        if files:
            self.files_wanted.emit([file.path for file in files], node)

    def delete(self) -> None:
        """Move what is selected to the trash."""
        chosen = self.table.selected_places()
        if chosen and self._task is None:
            self._row_after = self.model.row_of(chosen[0])
            self.table.setFocus()
            self._do(self._delete(chosen), "delete")

    def _on_reset(self) -> None:
        """What was deleted is gone from the list: the row that took its place is next."""
        row = min(self._row_after, self.model.rowCount() - 1)
        if row >= 0 and self._task is None:
            self._row_after = -1
            if not self.table.selectionModel().hasSelection():
                self.table.selectRow(row)
        self._show_buttons()

    async def _delete(self, chosen: list[Place]) -> None:
        files = await self._files(chosen)
        if not files:
            return
        try:
            gone = await self.work.delete(files)
        except StorageError as error:
            self._say(Said(str(error), "error"))
            return
        text = f"Deleted {deleted_text(gone)}"
        if gone.failed:
            text += f"; {len(gone.failed):,} could not be moved and are still here"
        self._say(Said("", "muted"))
        self.undo_bar.offer(text, lambda: self._bring_back(gone.token))

    def _bring_back(self, token: str) -> None:
        self.tasks.spawn(self._undelete(token), name="undo a deletion")

    async def _undelete(self, token: str) -> None:
        self._say(await self.work.undelete(token))
        self.view.refresh()


def _say(label: PlainLabel, text: str, tone: str) -> None:
    if label.text() != text:
        label.setText(text)
        label.setVisible(bool(text))  # an empty one would take half of the line
    label.set_tone(tone)
