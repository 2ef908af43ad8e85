"""Where the window opens: connect to a system, practise without one, or bring files; and the first steps."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from dicomgui.app.configuration.paste import Pasted, parse_paste
from dicomgui.app.operations import JobKind, JobState
from dicomgui.gui.home.steps_strip import FirstStep, StepsStrip
from dicomgui.gui.panels.panel import Panel, Workplace
from dicomgui.gui.panels.trace_files import is_trace_file
from dicomgui.gui.peers.fields import PasteEdit
from dicomgui.gui.practice.keeper import PracticeKeeper
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.cards import Card, Glyph
from dicomgui.gui.widgets.dialogs import Ask, ask_paths
from dicomgui.gui.widgets.fields import set_invalid
from dicomgui.gui.widgets.text import PlainLabel
from dicomgui.network.errors import ConfigurationError
from dicomgui.trace.finding import plain

__all__ = ["HomePanel"]

MAX_WIDTH = 980
_HINT = "Whatever its administrator gave you will do: AET@host:port, a command line, a line of an e-mail."
_PRACTICE = "A PACS inside of this window, with patients who do not exist. Nothing leaves this computer."
_STEP_OF = {
    JobKind.ECHO: FirstStep.ECHO,
    JobKind.QUERY: FirstStep.QUERY,
    JobKind.RETRIEVE: FirstStep.RETRIEVE,
    JobKind.SEND: FirstStep.SEND_BACK,
}
_PANEL_OF = {
    FirstStep.ECHO: "echo",
    FirstStep.QUERY: "query",
    FirstStep.RETRIEVE: "query",
    FirstStep.LOOK: "archive",
    FirstStep.SEND_BACK: "archive",
}
_ENDED_WELL = (JobState.DONE, JobState.WARNING)


class HomePanel(Panel):
    """Three ways in."""

    echo_wanted = Signal()
    """The peer that was pasted is chosen: echo it."""
    text_wanted = Signal(str)
    """A text that names no whole peer: complete it where nodes are edited."""
    files_wanted = Signal(object, object)
    """These paths are to be sent; the second is always ``None``: nobody has said where to."""

    traces_wanted = Signal(object)
    """These traces or captures are to be looked at."""

    def __init__(self, place: Workplace, practice: PracticeKeeper) -> None:
        super().__init__("home", "Home", "Connect to a PACS, practise without one, or send files.", place)
        self.setAcceptDrops(True)
        self.practice = practice
        self._found: Pasted | None = None
        self._pasted: tuple[str, Pasted] | None = None
        self._jobs_seq = -1
        self._done: set[FirstStep] = set()
        self._make_connect()
        self._make_practice()
        self._make_files()
        self._make_steps()
        self._place()
        self._show_address()
        self._show_practice()
        self._show_steps()
        place.config.settings_changed.connect(self._show_steps)
        place.pump.add(self._drain)

    # ----------------------------------------------------------------------------------------------------------- making

    def _make_connect(self) -> None:
        self.address = PasteEdit("home_address", "Address of a PACS")
        self.address.setPlaceholderText("Paste AET@host:port, or what you were sent")
        self.address.setClearButtonEnabled(True)
        self.address.textChanged.connect(self._show_address)
        self.address.returnPressed.connect(self.run)
        self.address.pasted.connect(self._on_pasted)
        tip = "Choose it and send a C-ECHO (Enter, F5)"
        self.test_button = push_button("home_test", "&Connect", "echo", primary=True, tip=tip)
        self.test_button.clicked.connect(self.run)
        self.node_button = push_button("home_to_nodes", "Complete it …", "nodes", tip="Fill in what is missing")
        self.node_button.clicked.connect(lambda: self.text_wanted.emit(self.address.text()))
        self.found = PlainLabel(tone="muted", wrap=True)
        self.found.setObjectName("home_found")

    def _make_practice(self) -> None:
        tip = "Ready within a second; it is the node PRACTICE then"
        self.start_button = push_button("home_practice", "&Start the practice PACS", "play", primary=True, tip=tip)
        self.start_button.clicked.connect(self.practice.start)
        tip = "What was stored in it is forgotten"
        self.stop_button = push_button("home_practice_stop", "Sto&p the practice PACS", "stop", tip=tip)
        self.stop_button.clicked.connect(self.practice.stop)
        self.practice_text = PlainLabel(tone="muted", wrap=True)
        self.practice_text.setObjectName("home_practice_text")

    def _make_files(self) -> None:
        self.files_button = push_button("home_files", "&Files …", "file", tip="Files, ZIP archives, DICOMDIRs")
        self.files_button.clicked.connect(lambda: self._on_choose_clicked(Ask.FILES))
        self.folder_button = push_button("home_folder", "Fol&der …", "folder", tip="A folder with all below it")
        self.folder_button.clicked.connect(lambda: self._on_choose_clicked(Ask.FOLDER))

    def _make_steps(self) -> None:
        self.steps = StepsStrip()
        self.steps.step_wanted.connect(self._on_step_wanted)
        self.steps.dismissed.connect(lambda: self._keep_steps(False))
        self.steps_button = push_button("home_steps_show", "Show the first steps", "down", tip="Five steps to begin")
        self.steps_button.clicked.connect(lambda: self._keep_steps(True))

    def _place(self) -> None:
        inside = QWidget()
        inside.setMaximumWidth(MAX_WIDTH)
        grid = QGridLayout(inside)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(12)
        grid.addWidget(self._connect_card(), 0, 0, 1, 2)
        grid.addWidget(self._practice_card(), 1, 0)
        grid.addWidget(self._files_card(), 1, 1)
        grid.addWidget(self.steps, 2, 0, 1, 2)
        grid.addWidget(self.steps_button, 3, 0, 1, 2, Qt.AlignmentFlag.AlignLeft)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        row = QHBoxLayout()
        row.addWidget(inside, 1000)
        row.addStretch(1)
        self.column.addLayout(row)
        self.column.addStretch(1)

    def _connect_card(self) -> Card:
        card = _card("nodes", "Connect to a PACS", self.address)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.address, 1)
        row.addWidget(self.node_button)
        row.addWidget(self.test_button)
        card.column.addLayout(row)
        card.column.addWidget(self.found)
        return card

    def _practice_card(self) -> Card:
        card = _card("practice", "No PACS at hand?")
        card.column.addWidget(self.practice_text)
        card.column.addStretch(1)
        card.column.addLayout(_row(self.start_button, self.stop_button))
        return card

    def _files_card(self) -> Card:
        card = _card("file", "Have files?")
        text = (
            "Drop files, folders or ZIP archives anywhere on this page to send them; what is no DICOM is left out. "
            "Drop a capture or trace (.pcap, .pcapng, .dgtrace) to look into it."
        )
        card.column.addWidget(PlainLabel(text, tone="muted", wrap=True))
        card.column.addStretch(1)
        card.column.addLayout(_row(self.files_button, self.folder_button))
        return card

    # ---------------------------------------------------------------------------------------------------------- address

    def take_focus(self) -> None:
        self.address.setFocus()

    def run(self) -> None:
        """Connect to what was pasted or typed."""
        found = self._found
        if found is None or found.missing:
            self.address.setFocus()
            self._show_address()
            return
        self.place.choice.choose(None)
        self.place.choice.set(
            called_ae=found.called_ae, host=found.host, port=str(found.port), calling_ae=found.calling_ae or None
        )
        if (node := self.place.choice.saved_node()) is not None:
            self.place.choice.choose(node)
        self.echo_wanted.emit()

    def _on_pasted(self, text: str) -> None:
        """A whole peer, with its line breaks: the line shows what was found in it."""
        found = parse_paste(text)
        shown = str(found.address())
        self._pasted = (shown, found)
        self.address.setText(shown)
        self._show_address()

    def _show_address(self) -> None:
        text = self.address.text().strip()
        self._found = None
        problem = ""
        if self._pasted is not None and self._pasted[0] == text:
            self._found = self._pasted[1]
        elif text:
            try:
                self._found = parse_paste(text)
                if not self._found.missing:
                    self._found.address()
            except ConfigurationError as error:
                self._found, problem = None, f"{error}. {error.hint}" if error.hint else str(error)
        found = self._found
        is_whole = found is not None and not found.missing
        set_invalid(self.address, bool(text) and found is None)
        self.test_button.setEnabled(is_whole)
        self.node_button.setVisible(bool(text) and not is_whole)
        self.found.set_tone("warning" if problem or (found is not None and found.missing) else "muted")
        self.found.setText(plain(problem, 300) or (_found_text(found) if found is not None else _HINT))

    # ---------------------------------------------------------------------------------------------------------- showing

    def _drain(self) -> None:
        if self.place.jobs.seq != self._jobs_seq:
            self._jobs_seq = self.place.jobs.seq
            self._look_at_jobs()
        if self.isVisible():
            self._show_practice()

    def _look_at_jobs(self) -> None:
        for job in self.place.jobs.all():
            step = _STEP_OF.get(job.kind)
            if step is not None and job.state in _ENDED_WELL:
                self._done.add(step)
        self.steps.show_done(self._done)

    def note_look(self) -> None:
        """The user has seen a data set."""
        self._done.add(FirstStep.LOOK)
        self.steps.show_done(self._done)

    def _show_practice(self) -> None:
        practice = self.practice
        text, tone = _PRACTICE, "muted"
        if practice.is_running:
            text, tone = f"{practice.peer} answers, with {practice.what}. It is among the saved nodes.", "good"
        elif practice.problem:
            text, tone = practice.problem, "error"
        if self.practice_text.text() != text:
            self.practice_text.setText(text)
            self.practice_text.set_tone(tone)
        busy, running = practice.is_busy, practice.is_running
        had_focus = self.start_button.hasFocus() or self.stop_button.hasFocus()
        if busy and had_focus:
            self.setFocus()  # until it is ready; Qt would go on to whatever button comes next
        for button, is_on in ((self.start_button, not running), (self.stop_button, running)):
            button.setVisible(is_on)
            button.setEnabled(is_on and not busy)
        if (had_focus or self.hasFocus()) and not busy:
            (self.steps.buttons[FirstStep.ECHO] if running and self.steps.isVisible() else self.start_button).setFocus()

    def _show_steps(self) -> None:
        shown = self.place.config.settings.show_steps
        self.steps.setVisible(shown)
        self.steps_button.setVisible(not shown)

    def _keep_steps(self, shown: bool) -> None:
        config = self.place.config
        config.change(replace(config.settings, show_steps=shown))
        (self.steps.buttons[FirstStep.ECHO] if shown else self.steps_button).setFocus()

    # ------------------------------------------------------------------------------------------------------------ slots

    def _on_step_wanted(self, step: FirstStep) -> None:
        node = self.practice.node
        choice = self.place.choice
        if node is not None and not (choice.called_ae.strip() and choice.host.strip()):
            choice.choose(node)
        self.panel_wanted.emit(_PANEL_OF[step])

    def _on_choose_clicked(self, ask: Ask) -> None:
        task = self.tasks.spawn(ask_paths(self, ask, "Files to send"), name="ask for files")
        task.add_done_callback(self._on_chosen)

    def _on_chosen(self, task: asyncio.Task[list[Path] | None]) -> None:
        paths = None if task.cancelled() else task.result()
        if paths:
            self.files_wanted.emit(paths, None)

    def take_drop(self, paths: list[Path]) -> None:
        traces = [path for path in paths if is_trace_file(path)]
        if traces:
            self.traces_wanted.emit(traces)
        if len(traces) < len(paths):
            self.files_wanted.emit([path for path in paths if path not in traces], None)


def _card(icon_name: str, title: str, buddy: QWidget | None = None) -> Card:
    card = Card()
    row = QHBoxLayout()
    row.setSpacing(10)
    row.addWidget(Glyph(icon_name, "accent", 20))
    heading = PlainLabel(title, scale=1.15, bold=True)
    if buddy is not None:
        heading.setBuddy(buddy)
    row.addWidget(heading, 1)
    card.column.addLayout(row)
    card.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
    return card


def _row(*buttons: QWidget) -> QVBoxLayout | QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(8)
    for button in buttons:
        row.addWidget(button)
    row.addStretch(1)
    return row


def _found_text(found: Pasted) -> str:
    parts = [f"{label} {value}" for label, value in found.recognised if value]
    texts: Sequence[str] = (f"Found: {', '.join(parts)}.", *found.remarks)
    if found.missing:
        texts = (*texts, f"Missing: {' and '.join(found.missing)}.")
    return plain(" ".join(texts), 400)
