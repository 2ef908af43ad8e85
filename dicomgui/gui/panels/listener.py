"""Receive: our own storage and verification provider, switched on and off, and what came in."""

from __future__ import annotations

import asyncio
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QGridLayout, QHBoxLayout, QLineEdit, QStackedWidget

from dicomgui.app.evidence import Evidence
from dicomgui.app.listener import Listener, ListenerOptions
from dicomgui.gui.models.received_model import ReceivedColumn, ReceivedModel
from dicomgui.gui.panels.panel import Panel, Workplace
from dicomgui.gui.widgets.buttons import Choice, push_button
from dicomgui.gui.widgets.cards import Card, EmptyState, FindingList, Glyph
from dicomgui.gui.widgets.dialogs import Ask, ask_paths
from dicomgui.gui.widgets.peer_fields import AETitleEdit, PortEdit, parse_port
from dicomgui.gui.widgets.tables import ListTable
from dicomgui.gui.widgets.text import ElidedLabel, PlainLabel, count_text, size_text
from dicomgui.network.errors import ConfigurationError, ListenError
from dicomgui.network.tracing import Scribe
from dicomgui.storage.errors import StorageError
from dicomgui.trace.finding import plain

__all__ = ["ListenerPanel"]

_EMPTY = (
    "Press Start, then have another system send to the AE title and port above. “This computer only” keeps the network "
    "out; choose “every network” to receive from other computers."
)
LOCAL_HOST = "127.0.0.1"
EVERY_HOST = ".".join(["0"] * 4)


class ListenerPanel(Panel):
    """Where to listen and where to store, the switch, and what came."""

    def __init__(self, place: Workplace) -> None:
        text = "Answers C-ECHO and stores what is sent by C-STORE, byte for byte."
        super().__init__("listener", "Listener", text, place)
        self.model = ReceivedModel(self)
        self.listener: Listener | None = None
        self._task: asyncio.Task[None] | None = None
        self._make_widgets()
        self._place()
        self._show_state()
        place.pump.add(self._drain)

    # ----------------------------------------------------------------------------------------------------------- making

    def _make_widgets(self) -> None:
        self.title_edit = AETitleEdit("listener_ae_title", "Our AE title")
        self.title_edit.setText("DICOMGUI")
        self.host = Choice("listener_host", "Reachable from")
        self.host.addItem("this computer only", LOCAL_HOST)
        self.host.addItem("every network", EVERY_HOST)
        self.port = PortEdit("listener_port", "Port")
        self.port.setText("11112")
        self.folder = QLineEdit(str(Path.home() / "DICOM received"))
        self.folder.setObjectName("listener_folder")
        self.folder.setAccessibleName("Folder")
        self.browse_button = push_button("listener_browse", "&Choose …", "folder", tip="Choose the folder")
        self.browse_button.clicked.connect(self._on_browse_clicked)
        self.fsync = QCheckBox("&Safe on disk before the answer")
        self.fsync.setObjectName("listener_fsync")
        self.fsync.setAccessibleName("Safe on disk before the answer")
        self.fsync.setToolTip("Slower, but what was acknowledged survives a power failure")
        self.fsync.setChecked(True)
        self.start_button = push_button("listener_start", "St&art", "play", primary=True, tip="Start to listen (F5)")
        self.start_button.clicked.connect(self.run)
        self.stop_button = push_button("listener_stop", "Sto&p", "stop", tip="Stop listening (Esc)")
        self.stop_button.clicked.connect(self.stop)
        self.clear_button = push_button("listener_clear", "C&lear list", "clear", tip="The files stay")
        self.clear_button.clicked.connect(self._on_clear_clicked)
        self.trace_button = push_button("listener_show_trace", "Show in trace", "trace",
                                        tip="Every PDU of the association of the selected row")  # fmt: skip
        self.trace_button.clicked.connect(self._on_trace_clicked)
        self.state_glyph = Glyph("", "muted", 16)
        self.state = ElidedLabel()
        self.state.setObjectName("listener_state")
        self.counts = PlainLabel(tone="muted")
        self.counts.setObjectName("listener_counts")
        self.findings = FindingList("listener_findings")
        self.table = ListTable("listener_table", "What was received")
        self.table.setModel(self.model)
        self.table.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # UIDs differ at their ends
        self.table.set_widths(
            {ReceivedColumn.TIME: 80, ReceivedColumn.FROM: 210, ReceivedColumn.WHAT: 190,
             ReceivedColumn.INSTANCE: 260, ReceivedColumn.SIZE: 80}, stretch=ReceivedColumn.OUTCOME,
        )  # fmt: skip
        self.table.selectionModel().selectionChanged.connect(self._show_trace_button)
        self.inputs = (self.title_edit, self.host, self.port, self.folder, self.browse_button, self.fsync)

    def _place(self) -> None:
        card = Card()
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        columns = ((self.title_edit, "&Our AE", 3), (self.host, "Reachable f&rom", 2), (self.port, "Por&t", 0),
                   (self.folder, "&Folder", 6))  # fmt: skip
        for column, (widget, text, stretch) in enumerate(columns):
            label = PlainLabel(text, tone="muted", scale=0.9)
            label.setBuddy(widget)
            grid.addWidget(label, 0, column)
            grid.addWidget(widget, 1, column)
            grid.setColumnStretch(column, stretch)
        grid.addWidget(self.browse_button, 1, len(columns))
        card.column.addLayout(grid)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.start_button)
        row.addWidget(self.stop_button)
        row.addSpacing(8)
        row.addWidget(self.state_glyph)
        row.addWidget(self.state, 1)
        row.addWidget(self.fsync)
        card.column.addLayout(row)
        self.column.addWidget(card)
        self.column.addWidget(self.findings)
        tools = QHBoxLayout()
        tools.setSpacing(8)
        tools.addWidget(self.clear_button)
        tools.addWidget(self.trace_button)
        tools.addStretch(1)
        tools.addWidget(self.counts)
        self.column.addLayout(tools)
        self._pages = QStackedWidget()
        self._pages.setObjectName("listener_pages")
        self._pages.addWidget(EmptyState("listener", "Nothing received yet", _EMPTY))
        self._pages.addWidget(self.table)
        self.column.addWidget(self._pages, 1)

    # ------------------------------------------------------------------------------------------------------- the switch

    @property
    def is_running(self) -> bool:
        """Whether it listens."""
        return self.listener is not None and self.listener.is_running

    def take_focus(self) -> None:
        (self.stop_button if self.is_running else self.start_button).setFocus()

    def run(self) -> None:
        """Start to listen."""
        if self._task is None and not self.is_running:
            self._task = self.tasks.spawn(self._start(), name="start")
            self._show_state()

    def cancel(self) -> None:
        """Esc: nothing here; the listener runs until it is stopped by its button."""

    def stop(self) -> None:
        """Stop listening and end every association."""
        if self._task is None and self.is_running:
            self._task = self.tasks.spawn(self._stop(), name="stop")
            self._show_state()

    def _options(self) -> ListenerOptions:
        return ListenerOptions(
            folder=Path(self.folder.text()).expanduser(),
            host=self.host.currentData(),
            port=parse_port(self.port.text()),
            ae_title=self.title_edit.text(),
            fsync=self.fsync.isChecked(),
        )

    async def _start(self) -> None:
        evidence = Evidence(self.place.context.tracer)
        self.findings.show_findings(())
        try:
            self.listener = Listener(self.place.context, self._options())
            await self.listener.start()
        except (ConfigurationError, ListenError) as error:
            self.findings.show_findings(evidence.findings(error))
        except StorageError as error:
            Scribe(evidence, 0).file("failed", error.path, 0, str(error))
            self.findings.show_findings(evidence.findings(error))
        finally:
            self._task = None
            self._show_state()
            self._move_focus()

    async def _stop(self) -> None:
        try:
            if self.listener is not None:
                await self.listener.stop()
        finally:
            self._task = None
            self._drain()
            self._show_state()
            self._move_focus()

    def _move_focus(self) -> None:
        """The button that was pressed cannot be pressed again: its counterpart is next."""
        if self.isVisible():
            self.take_focus()

    async def shut_down(self) -> None:
        await super().shut_down()
        if self.listener is not None:
            await self.listener.stop()

    # ---------------------------------------------------------------------------------------------------------- showing

    def _drain(self) -> None:
        """What has happened since the last tick."""
        listener = self.listener
        if listener is None:
            return
        events = listener.drain()
        if not events:
            return
        bar = self.table.verticalScrollBar()
        follows = bar.value() >= bar.maximum()
        if self.model.add(events):
            self._pages.setCurrentIndex(1)
            if follows:
                self.table.scrollToBottom()
        self._show_counts()
        self._show_trace_button()

    def _show_counts(self) -> None:
        assert self.listener is not None
        counts = self.listener.counts
        parts = [f"{count_text(counts.stored, 'instance')} stored", size_text(counts.size_bytes)]
        parts += [f"{count:,} {word}" for count, word in (
            (counts.duplicates, "there already"), (counts.failed, "not stored"), (counts.refused, "refused"),
        ) if count]  # fmt: skip
        now = len(self.listener.associations)
        parts.append(f"{count_text(now, 'association')} open")
        self.counts.setText(" · ".join(parts))

    def _show_state(self) -> None:
        running, busy = self.is_running, self._task is not None
        for widget in self.inputs:
            widget.setEnabled(not running and not busy)
        self.start_button.setEnabled(not running and not busy)
        self.stop_button.setEnabled(running and not busy)
        if running and self.listener is not None:
            self.state_glyph.show_state("good", "good")
            text = f"Listening on {self.listener.address} as {self.listener.options.ae_title}"
            self.state.setText(plain(text))
        else:
            self.state_glyph.show_state("", "muted")
            self.state.setText("Stopping …" if running and busy else "Starting …" if busy else "Not listening")
        self.state.set_tone("good" if running and not busy else "muted")
        self._show_trace_button()

    def _show_trace_button(self) -> None:
        self.clear_button.setEnabled(self.model.rowCount() > 0)
        self.trace_button.setEnabled(bool(self.model.association_at(self._selected())))

    def _selected(self) -> int:
        rows = self.table.selectionModel().selectedRows()
        return rows[0].row() if rows else -1

    @property
    def status_text(self) -> str:
        """For the status bar."""
        return self.state.text()

    # ------------------------------------------------------------------------------------------------------------ slots

    def _on_browse_clicked(self) -> None:
        self.tasks.spawn(self._browse(), name="ask for the folder")

    async def _browse(self) -> None:
        paths = await ask_paths(self, Ask.FOLDER, "Folder for received instances", start=Path(self.folder.text()))
        if paths:
            self.folder.setText(str(paths[0]))

    def _on_clear_clicked(self) -> None:
        self.model.clear()
        self._pages.setCurrentIndex(0)
        self._show_trace_button()

    def _on_trace_clicked(self) -> None:
        self.trace_wanted.emit(self.model.association_at(self._selected()))
