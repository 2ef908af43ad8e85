"""The window: a rail to choose a panel, the panels, trace and jobs below them, a banner, the status bar."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from dicomgui.app.configuration.nodes import Node
from dicomgui.app.context import AppContext
from dicomgui.app.help_pages import START
from dicomgui.app.operations import JobKind
from dicomgui.gui.jobs.drawer import JobsBadge, JobsDrawer
from dicomgui.gui.keeping.configuration import Configuration
from dicomgui.gui.look import icons
from dicomgui.gui.look.theme import styled_at_once
from dicomgui.gui.panels.panel import Panel
from dicomgui.gui.practice.bar import PracticeBar
from dicomgui.gui.running.reporter import Reporter
from dicomgui.gui.running.tasks import PanelTasks
from dicomgui.gui.shell.banner import Banner
from dicomgui.gui.shell.explainer import Explainer
from dicomgui.gui.shell.leaving import lost_by_leaving
from dicomgui.gui.shell.loading import load_the_rest
from dicomgui.gui.shell.panel_window import PANELS, PanelWindow, put_in_tab_order
from dicomgui.gui.shell.rail import Rail
from dicomgui.gui.trace.dock import TraceDock
from dicomgui.gui.widgets.cards import Glyph
from dicomgui.gui.widgets.confirm import ask
from dicomgui.gui.widgets.copy_menu import COPY_KEYS
from dicomgui.gui.widgets.text import ElidedLabel, PlainLabel, count_text
from dicomgui.trace.finding import plain

if TYPE_CHECKING:
    from dicomgui.app.viewing.viewed import Viewed
    from dicomgui.gui.help.window import HelpWindow
    from dicomgui.gui.viewer.keeper import Viewers
    from dicomgui.network.service_classes.references import Reference

__all__ = ["MainWindow"]

_JOBS_OF = {
    "nodes": {JobKind.ECHO},
    "echo": {JobKind.ECHO},
    "send": {JobKind.SEND},
    "query": {JobKind.QUERY, JobKind.RETRIEVE},
    "worklist": {JobKind.WORKLIST, JobKind.STEP},
    "nservices": {JobKind.NORMALIZED, JobKind.COMMIT},
    "listener": {JobKind.LISTEN},
    "answers": {JobKind.LISTEN},
}
"""Whose traces the dock shows under each panel."""


HELP_OF = {
    "home": START, "nodes": START, "echo": "trouble", "send": "send", "query": "query", "worklist": "worklist",
    "nservices": "nservices", "answers": "answers", "listener": "listener", "archive": "listener", "trace": "trace",
}  # fmt: skip
"""The page of help about each panel."""

_BELONGS_TO = {"answers": "listener"}
"""Panels without a button of their own in the rail, and where they are reached from."""


_RAILED = {key: title for key, title in PANELS.items() if key not in _BELONGS_TO}

NOT_LISTENING = "Not listening"
"""What the status bar says before there is a listener."""

HIDDEN_BUDGET_S = 0.001
"""How long a tick may look at what is new in the trace while nobody sees it."""


class MainWindow(PanelWindow):
    """Closing it sets :attr:`close_requested`, after a question where something would be lost; who made it then awaits
    :meth:`shut_down`.

    :param context: the use cases' context; stays the caller's to close.
    :param config: the settings and saved nodes; without it none are read and none are written.

    :ivar loading: what loads the modules that nobody has asked for yet; it begins with the first tick.
    """

    def __init__(self, context: AppContext, reporter: Reporter, config: Configuration | None = None) -> None:
        super().__init__(context, reporter, config)
        self.setObjectName("main_window")
        self.setWindowTitle("dicomgui")
        self.setWindowIcon(icons.app_icon())
        self.resize(1180, 760)
        self.setMinimumSize(720, 440)
        self.close_requested = asyncio.Event()
        self._reporter = reporter
        self.loading = PanelTasks("window", reporter)
        self._help: HelpWindow | None = None
        self._ended = self._is_ending = False
        self._has_ticked = False
        self._has_viewers = False
        place = self._place
        with styled_at_once():
            self.dock = TraceDock(context, lambda: self.live)
            self.jobs = JobsDrawer(place.jobs, place.retries.__contains__, recipe_of=place.recipes.get)
            self.jobs.hide()  # it opens by its badge
            self.banner = Banner()
            self.practice_bar = PracticeBar(self.practice)
            self.rail = Rail()
            self._explainer = Explainer(self, place)
            self._fill()
            self._fill_status_bar()
            self._connect()
            self._add_shortcuts()
            self.show_panel(self.home)
        place.pump.add(self._drain)
        place.pump.start()

    def _fill(self) -> None:
        for number, (key, title) in enumerate(_RAILED.items(), start=1):
            button = self.rail.add(key, title, f"Ctrl+{number % 10}")
            button.clicked.connect(lambda _checked=False, key=key: self._on_panel_wanted(key))
        self._parts = QSplitter(Qt.Orientation.Vertical)
        self._parts.setObjectName("window_parts")
        self._parts.setHandleWidth(5)
        self._parts.setChildrenCollapsible(False)
        upper = QWidget()
        inside = QVBoxLayout(upper)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(0)
        inside.addWidget(self.stack, 1)
        inside.addWidget(self.dock)
        self._parts.addWidget(upper)
        self._parts.addWidget(self.jobs)
        self._parts.setStretchFactor(0, 1)
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.banner)
        column.addWidget(self.practice_bar)
        column.addWidget(self._parts, 1)
        middle = QWidget()
        row = QHBoxLayout(middle)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.rail)
        row.addWidget(right, 1)
        self.setCentralWidget(middle)
        # Not before they are all in one window: what comes into one later goes to the end.
        QWidget.setTabOrder(button, self.rail.settings_button)
        QWidget.setTabOrder(self.rail.settings_button, self.rail.help_button)

    def _fill_status_bar(self) -> None:
        bar = self.statusBar()
        bar.setObjectName("status_bar")
        bar.setSizeGripEnabled(False)
        self._listener_glyph = Glyph("listener", "muted", 14)
        self.listener_status = ElidedLabel(tone="muted")
        self.listener_status.setObjectName("status_listener")
        self.trace_status = PlainLabel(tone="muted", scale=0.95)
        self.trace_status.setObjectName("status_trace")
        self.badge = JobsBadge(self.jobs)
        self.badge.setToolTip("Open or close the drawer of jobs (Ctrl+J)")
        self.badge.setIcon(icons.icon("jobs"))
        self.badge.setProperty("quiet", True)
        bar.setContentsMargins(10, 0, 10, 0)
        bar.addWidget(self._listener_glyph)
        bar.addWidget(self.listener_status, 1)
        bar.addPermanentWidget(self._explainer.badge)
        bar.addPermanentWidget(self.trace_status)
        bar.addPermanentWidget(self.badge)

    def _connect(self) -> None:
        self.rail.settings_button.clicked.connect(self.ask_settings)
        self.rail.help_button.clicked.connect(lambda: self.show_help())
        self.dock.open_requested.connect(self._on_job_trace_wanted)
        self.dock.view_wanted.connect(self._on_view_wanted)
        self.jobs.folded_changed.connect(self._on_jobs_folded)
        self.jobs.trace_requested.connect(self._on_job_trace_wanted)
        self.jobs.retry_requested.connect(self._on_retry_requested)

    def _add_shortcuts(self) -> None:
        keys: list[tuple[str, str, Callable[[], object]]] = [
            (f"Ctrl+{number % 10}", title, partial(self._on_panel_wanted, key))
            for number, (key, title) in enumerate(_RAILED.items(), start=1)
        ]
        keys += [
            ("Ctrl+Shift+A", PANELS["answers"], partial(self._on_panel_wanted, "answers")),
            ("F1", "Help about what is in view", self.show_help), ("F5", "Do it: echo, send, ask", self._on_run_key),
            ("Esc", "Cancel what is under way", self._on_cancel_key),
            (COPY_KEYS, "Copy the operation as a command of another tool", self._on_copy_key),
            ("Ctrl+T", "Open or close the trace below the panel", self._on_dock_key),
            ("Ctrl+J", "Open or close the drawer of jobs", self.jobs.toggle),
            ("Ctrl+,", "Settings", self.ask_settings),
            (QKeySequence(QKeySequence.StandardKey.Quit).toString() or "Ctrl+Q", "Quit", self.close),
        ]  # fmt: skip
        for key, what, slot in keys:
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.setWhatsThis(what)  # what the page of keys says
            shortcut.activated.connect(slot)

    # ----------------------------------------------------------------------------------------------------------- panels

    def on_panel_made(self, panel: Panel) -> None:
        panel.trace_wanted.connect(self._on_trace_wanted)
        panel.panel_wanted.connect(self._on_panel_wanted)
        panel.view_wanted.connect(self._on_view_wanted)
        self._explainer.watch(panel)
        put_in_tab_order(panel, after=self.practice_bar.stop_button)
        connect = {
            "home": self._connect_home, "archive": self._connect_archive, "trace": self._connect_trace,
        }.get(panel.key)  # fmt: skip
        if connect is not None:
            connect()

    def _connect_home(self) -> None:
        self.home.echo_wanted.connect(self._on_echo_wanted)
        self.home.text_wanted.connect(self._on_text_wanted)
        self.home.files_wanted.connect(self._on_files_wanted)
        self.home.traces_wanted.connect(self._on_traces_wanted)

    def _connect_archive(self) -> None:
        self.archive.files_wanted.connect(self._on_files_wanted)
        self.archive.looked.connect(self.home.note_look)
        self.archive.commit_button.wanted.connect(self._on_commitment_wanted)

    def _connect_trace(self) -> None:
        self.trace.job_wanted.connect(self._on_job_wanted)
        self.trace.panes.details.view_wanted.connect(self._on_view_wanted)

    def show_panel(self, panel: Panel) -> None:
        super().show_panel(panel)
        self.rail.check(_BELONGS_TO.get(panel.key, panel.key))
        kinds = _JOBS_OF.get(panel.key)
        self.dock.setVisible(kinds is not None)  # the trace panel is the same, only larger
        if kinds is not None:
            self.dock.watch(self._place.jobs, kinds)
        panel.take_focus()

    def _on_jobs_folded(self, folded: bool) -> None:
        if not folded:
            _give_height(self._parts, self.jobs, 1 / 3)

    def _on_run_key(self) -> None:
        self.panel.run()

    def _on_cancel_key(self) -> None:
        self.panel.cancel()

    def show_help(self, page: str = "") -> None:
        """Show the window of help: a page by its name, or the one about the panel in view."""
        from dicomgui.gui.help.window import HelpWindow

        if self._help is None:
            self._help = HelpWindow(self.key_rows)
        self._help.show_page(page or HELP_OF.get(self.panel.key, START))
        self._help.show()
        self._help.raise_()
        self._help.activateWindow()

    def key_rows(self) -> list[tuple[str, str, str]]:
        """Every key of the window, see :func:`~dicomgui.gui.shell.key_sheet.key_rows`."""
        from dicomgui.gui.shell.key_sheet import key_rows

        self.make_all()  # the keys of a panel that is not there could not be found
        self.dock.make()
        return key_rows(self)

    def ask_settings(self) -> None:
        """Open the settings."""
        from dicomgui.gui.shell.settings_dialog import SettingsDialog

        if self.findChild(SettingsDialog) is not None:
            return
        store = self.config.store
        dialog = SettingsDialog(self.config.settings, store.path if store is not None else None, self)
        dialog.chosen.connect(self.config.change)
        dialog.open()

    def _on_trace_wanted(self, association: int) -> None:
        self.trace.show_association(association)
        self.show_panel(self.trace)

    def _on_panel_wanted(self, key: str) -> None:
        self.show_panel(self.panel_of(key))

    @cached_property
    def viewers(self) -> Viewers:
        """The windows that show data sets."""
        from dicomgui.gui.viewer.keeper import Viewers

        viewers = Viewers(self.config, self.banner.show_problem, self)
        viewers.files_wanted.connect(self._on_files_wanted)
        viewers.help_wanted.connect(lambda: self.show_help("viewer"))
        self._has_viewers = True
        return viewers

    def _on_view_wanted(self, what: Path | Callable[[], Viewed | None]) -> None:
        self.viewers.open(what)

    def _on_echo_wanted(self) -> None:
        self.show_panel(self.echo)
        self.echo.run()

    def _on_text_wanted(self, text: str) -> None:
        self.show_panel(self.nodes)
        self.nodes.add_text(text)

    def _on_files_wanted(self, paths: list[Path], node: Node | None) -> None:
        self.show_panel(self.send)
        if node is None:
            self.send.add_paths(paths)
        else:
            self.send.send_to(node, paths)

    def _on_traces_wanted(self, paths: list[Path]) -> None:
        self.show_panel(self.trace)
        self.trace.take_drop(paths)

    def _on_commitment_wanted(self, references: tuple[Reference, ...]) -> None:
        self.nservices.ask_commitment(references)
        self.show_panel(self.nservices)

    def _on_job_wanted(self, number: int) -> None:
        self.jobs.set_folded(False)
        self.jobs.select(number)

    def _on_job_trace_wanted(self, associations: tuple[int, ...]) -> None:
        self.trace.show_associations(associations)
        self.show_panel(self.trace)

    def _on_dock_key(self) -> None:
        self.dock.set_folded(not self.dock.is_folded)

    def _on_copy_key(self) -> None:
        if self.jobs.table.hasFocus():
            self.jobs.copy_as_button.open()
        else:
            self.panel.copy_as()

    def _on_retry_requested(self, number: int) -> None:
        retry = self._place.retries.get(number)
        if retry is not None:
            retry()

    # ---------------------------------------------------------------------------------------------------------- showing

    def _drain(self) -> None:
        if not self._has_ticked and not self._is_ending:  # the loop runs now
            self._has_ticked = True
            self._place.archive.want(only_if_there=True)
            self.loading.spawn(load_the_rest(self._place.context.file_pool, lasts=self.lasts), name="load the rest")
        for line in self._reporter.drain():
            self.banner.show_fault(line)
        for line in self.config.drain_problems():
            self.banner.show_problem(line)
        self.jobs.drain()
        self.practice_bar.drain()
        if self.dock.isVisible():
            self.dock.drain()
        self.badge.show_count()
        self._explainer.drain()
        self._show_listener()
        store = self._place.context.trace
        if len(store) and "trace" not in self.made:  # the panel sees to it once it is there
            self.live.update(HIDDEN_BUDGET_S)
        self.trace_status.setText(plain(f"{count_text(len(store), 'record')} in the trace"))

    def _show_listener(self) -> None:
        is_made = "listener" in self.made
        running = is_made and self.listener.is_running
        self.listener_status.setText(self.listener.status_text if is_made else NOT_LISTENING)
        self.listener_status.set_tone("good" if running else "muted")
        self._listener_glyph.show_state("listener", "good" if running else "muted")

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            for glyph in self.findChildren(Glyph):
                glyph.repaint_state()

    # -------------------------------------------------------------------------------------------------------------- end

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._ended:
            event.accept()
            return
        event.ignore()
        lost = lost_by_leaving(self._place.jobs.active(), self.viewers.unsent_copies if self._has_viewers else 0)
        if not lost or self._is_ending:
            self.close_requested.set()
        else:
            ask(self, "window_close", lost, "Close anyway", self.close_requested.set)

    async def shut_down(self) -> None:
        """End everything that runs, in order, then close the window; the trace stays readable until the end.

        What is being received may finish within two seconds; what is being sent is aborted.
        """
        self._is_ending = True
        self.setEnabled(False)
        try:
            await self.loading.close()
            async with asyncio.TaskGroup() as group:
                for panel in self.made.values():
                    group.create_task(panel.shut_down(), name=f"{panel.key}: shut down")
                group.create_task(self.practice.shut_down(), name="practice PACS: shut down")
            await self._explainer.shut_down()
            if self._has_viewers:
                await self.viewers.shut_down()
            await self._place.archive.shut_down()
            await self.config.shut_down()
        finally:
            self._place.pump.stop()
            if self._help is not None:
                self._help.close()
                self._help.deleteLater()
                self._help = None
            self._ended = True
            self.close()


def _give_height(parts: QSplitter, part: QWidget, share: float) -> None:
    """Give a part that was opened its share of the height, taken from the first one."""
    sizes, at = parts.sizes(), parts.indexOf(part)
    wanted = max(part.minimumSizeHint().height(), round(sum(sizes) * share))
    if sizes[at] < part.minimumSizeHint().height() or sizes[at] > wanted:
        sizes[0] += sizes[at] - wanted
        sizes[at] = wanted
        parts.setSizes(sizes)
