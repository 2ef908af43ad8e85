"""Which trace is looked at: the live one, or one out of a file that was opened."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from dicomgui.gui.panels.panel import Workplace
from dicomgui.gui.panels.trace_files import is_capture_file
from dicomgui.gui.running.tasks import PanelTasks
from dicomgui.gui.trace.contexts_dialog import ContextsDialog
from dicomgui.gui.trace.listing.source import TraceSource
from dicomgui.gui.trace.opening import OpenFailed, open_source
from dicomgui.gui.widgets.buttons import Choice, push_button
from dicomgui.gui.widgets.dialogs import Ask, ask_paths
from dicomgui.gui.widgets.text import ElidedLabel
from dicomgui.trace.finding import plain

__all__ = ["MAX_OPENED", "SourceChoice"]

MAX_OPENED = 8
"""Files that are open at a time: each may take as much memory as the live trace."""

Contexts: TypeAlias = Mapping[int, tuple[str, str]]
_FILTERS = ("Traces and captures (*.dgtrace *.pcap *.pcapng *.cap *.gz)", "All files (*)")


class SourceChoice(QWidget):
    """The choice of traces, with buttons to open one and to close it."""

    chosen = Signal(object)
    """This :class:`TraceSource` is to be shown."""
    opened = Signal(object)
    """A file was opened and is among the choices now."""

    def __init__(self, place: Workplace, tasks: PanelTasks, live: TraceSource, parent: QWidget) -> None:
        super().__init__(parent)
        self._place = place
        self._tasks = tasks
        self._sources = [live]
        self._opening: list[asyncio.Task[TraceSource | None]] = []
        self.choice = Choice("trace_source", "Which trace is shown")
        self.choice.setMinimumWidth(150)
        self.choice.setMaximumWidth(300)
        self.choice.addItem(live.name)
        self.open_button = push_button("trace_open", "&Open …", "folder", tip="A .dgtrace, .pcap or .pcapng file")
        self.close_button = push_button("trace_close", "", "cancel", tip="Close this file")
        self.close_button.setAccessibleName("Close the opened trace")
        self.close_button.hide()
        tip = "Say what the contexts of a capture stand for whose beginning is missing, and read it again"
        self.contexts_button = push_button("trace_set_contexts", "Con&texts …", "edit", tip=tip)
        self.contexts_button.hide()
        self.progress = QProgressBar()
        self.progress.setObjectName("trace_open_progress")
        self.progress.setAccessibleName("Reading a file")
        self.progress.setRange(0, 0)
        self.progress.setTextVisible(False)
        self.progress.setFixedWidth(90)
        self.progress.hide()
        self.said = ElidedLabel(tone="error")
        self.said.setObjectName("trace_open_said")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.choice, 2)
        row.addWidget(self.close_button)
        row.addWidget(self.contexts_button)
        row.addWidget(self.open_button)
        row.addWidget(self.progress)
        row.addWidget(self.said, 3)
        self.choice.currentIndexChanged.connect(self._on_index_changed)
        self.open_button.clicked.connect(lambda: self._tasks.spawn(self._ask(), name="ask for a trace"))
        self.close_button.clicked.connect(self._on_close_clicked)
        self.contexts_button.clicked.connect(self._on_contexts_clicked)

    @property
    def sources(self) -> tuple[TraceSource, ...]:
        """The live trace and all that were opened."""
        return tuple(self._sources)

    @property
    def is_opening(self) -> bool:
        """Whether a file is being read."""
        return bool(self._opening)

    def choose(self, source: TraceSource) -> None:
        """Show one of them."""
        if source in self._sources:
            self.choice.setCurrentIndex(self._sources.index(source))

    def open_path(self, path: Path, contexts: Contexts | None = None) -> None:
        """Read a file; it is shown when it is there.

        :param contexts: of a capture that misses the beginning.
        """
        if len(self._sources) + len(self._opening) > MAX_OPENED:
            self.said.setText(f"More than {MAX_OPENED} files cannot be open at once: close one.")
            return
        task = self._tasks.spawn(self._open(path, contexts), name=f"open {path.name}")
        self._opening.append(task)
        task.add_done_callback(self._on_read)
        self.said.setText("")
        self.progress.show()

    def cancel(self) -> None:
        """Read no further."""
        for task in self._opening:
            task.cancel()

    def close_all(self) -> None:
        """Forget what was opened, and its temporary files."""
        for source in self._sources[1:]:
            source.store.close()
        del self._sources[1:]

    async def _ask(self) -> None:
        paths = await ask_paths(self, Ask.FILES, "Open a trace or a capture", filters=_FILTERS)
        for path in paths:
            self.open_path(path)

    async def _open(self, path: Path, contexts: Contexts | None) -> TraceSource | None:
        try:
            return await open_source(self._place, path, contexts)
        except OpenFailed as error:
            self.said.setText(plain(error, 400))
            return None

    def _on_read(self, task: asyncio.Task[TraceSource | None]) -> None:
        self._opening.remove(task)
        self.progress.setVisible(bool(self._opening))
        source = None if task.cancelled() else task.result()
        if source is not None:
            self._sources.append(source)
            self.choice.addItem(source.name)
            self.opened.emit(source)

    def _on_index_changed(self, row: int) -> None:
        source = self._sources[row]
        self.close_button.setVisible(not source.is_live)
        is_capture = source.path is not None and is_capture_file(source.path)
        self.contexts_button.setVisible(is_capture)
        self.said.setText("")
        self.chosen.emit(source)

    def _on_contexts_clicked(self) -> None:
        source = self._sources[self.choice.currentIndex()]
        if source.path is None:
            return
        dialog = ContextsDialog(self)
        dialog.chosen.connect(lambda contexts: self._read_again(source, contexts))
        dialog.open()

    def _read_again(self, source: TraceSource, contexts: Contexts) -> None:
        """The same file in place of what was read of it."""
        if source.path is not None and source in self._sources:
            self.close_source(source)
            self.open_path(source.path, contexts)

    def _on_close_clicked(self) -> None:
        self.close_source(self._sources[self.choice.currentIndex()])

    def close_source(self, source: TraceSource) -> None:
        """Forget what was opened; the live trace stays."""
        row = self._sources.index(source)
        if row:
            self.choice.setCurrentIndex(0)
            self._sources.remove(source)
            self.choice.removeItem(row)
            source.store.close()
