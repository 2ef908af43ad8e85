"""The window: a rail to choose a panel, the panels, a banner for faults, the listener's state at the bottom."""

from __future__ import annotations

import asyncio

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QMainWindow,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from dicomgui.app.context import AppContext
from dicomgui.gui import icons
from dicomgui.gui.panels.echo import EchoPanel
from dicomgui.gui.panels.listener import ListenerPanel
from dicomgui.gui.panels.panel import Panel, Workplace
from dicomgui.gui.panels.send import SendPanel
from dicomgui.gui.panels.trace import TracePanel
from dicomgui.gui.reporter import Reporter
from dicomgui.gui.widgets.banner import Banner
from dicomgui.gui.widgets.cards import Glyph
from dicomgui.gui.widgets.text import PlainLabel, count_text
from dicomgui.trace.finding import plain

__all__ = ["MainWindow"]


class MainWindow(QMainWindow):
    """Closing it asks :attr:`close_requested`; who made it then awaits :meth:`shut_down`.

    :param context: the use cases' context; stays the caller's to close.
    """

    def __init__(self, context: AppContext, reporter: Reporter) -> None:
        super().__init__()
        self.setObjectName("main_window")
        self.setWindowTitle("dicomgui")
        self.setWindowIcon(icons.app_icon())
        self.resize(1180, 760)
        self.setMinimumSize(900, 600)
        self.close_requested = asyncio.Event()
        self._reporter = reporter
        self._ended = False
        self._place = place = Workplace.make(context, reporter, self)
        self.echo = EchoPanel(place)
        self.send = SendPanel(place)
        self.listener = ListenerPanel(place)
        self.trace = TracePanel(place)
        self.panels: tuple[Panel, ...] = (self.echo, self.send, self.listener, self.trace)
        self.stack = QStackedWidget()
        self.stack.setObjectName("panels")
        self.banner = Banner()
        self.rail = _Rail()
        self._fill()
        self._add_shortcuts()
        place.pump.add(self._drain)
        place.pump.start()
        self.show_panel(self.echo)

    def _fill(self) -> None:
        for number, panel in enumerate(self.panels, start=1):
            self.stack.addWidget(panel)
            panel.trace_wanted.connect(self._on_trace_wanted)
            button = self.rail.add(panel, f"Ctrl+{number}")
            button.clicked.connect(lambda _checked=False, panel=panel: self.show_panel(panel))
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.banner)
        column.addWidget(self.stack, 1)
        middle = QWidget()
        row = QHBoxLayout(middle)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.rail)
        row.addWidget(right, 1)
        self.setCentralWidget(middle)
        bar = self.statusBar()
        bar.setObjectName("status_bar")
        bar.setSizeGripEnabled(False)
        self._listener_glyph = Glyph("listener", "muted", 14)
        self.listener_status = PlainLabel(tone="muted", scale=0.95)
        self.listener_status.setObjectName("status_listener")
        self.trace_status = PlainLabel(tone="muted", scale=0.95)
        self.trace_status.setObjectName("status_trace")
        bar.setContentsMargins(10, 0, 10, 0)
        bar.addWidget(self._listener_glyph)
        bar.addWidget(self.listener_status)
        bar.addPermanentWidget(self.trace_status)

    def _add_shortcuts(self) -> None:
        for number, panel in enumerate(self.panels, start=1):
            shortcut = QShortcut(QKeySequence(f"Ctrl+{number}"), self)
            shortcut.activated.connect(lambda panel=panel: self.show_panel(panel))
        QShortcut(QKeySequence(Qt.Key.Key_F5), self).activated.connect(lambda: self.panel.run())
        QShortcut(QKeySequence(Qt.Key.Key_Escape), self).activated.connect(lambda: self.panel.cancel())
        QShortcut(QKeySequence.StandardKey.Quit, self).activated.connect(self.close)

    # ----------------------------------------------------------------------------------------------------------- panels

    @property
    def panel(self) -> Panel:
        """The panel that is in view."""
        return self.panels[self.stack.currentIndex()]

    def show_panel(self, panel: Panel) -> None:
        """Bring a panel into view."""
        self.stack.setCurrentWidget(panel)
        self.rail.check(panel)
        panel.take_focus()

    def _on_trace_wanted(self, association: int) -> None:
        self.trace.show_association(association)
        self.show_panel(self.trace)

    # ---------------------------------------------------------------------------------------------------------- showing

    def _drain(self) -> None:
        for line in self._reporter.drain():
            self.banner.show_fault(line)
        running = self.listener.is_running
        self.listener_status.setText(self.listener.status_text)
        self.listener_status.set_tone("good" if running else "muted")
        self._listener_glyph.show_state("listener", "good" if running else "muted")
        store = self._place.context.trace
        self.trace_status.setText(plain(f"{count_text(len(store), 'record')} in the trace"))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            for glyph in self.findChildren(Glyph):
                glyph.repaint_state()

    # -------------------------------------------------------------------------------------------------------------- end

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._ended:
            event.accept()
        else:
            event.ignore()
            self.close_requested.set()

    async def shut_down(self) -> None:
        """End everything that runs, in order, then close the window; the trace stays readable until the end.

        What is being received may finish within two seconds; what is being sent is aborted.
        """
        self.setEnabled(False)
        try:
            async with asyncio.TaskGroup() as group:
                for panel in self.panels:
                    group.create_task(panel.shut_down(), name=f"{panel.key}: shut down")
        finally:
            self._place.pump.stop()
            self._ended = True
            self.close()


class _Rail(QFrame):
    """The column of buttons at the left."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("rail")
        self.setFixedWidth(88)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(8, 12, 8, 12)
        self._column.setSpacing(6)
        self._column.addStretch(1)
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self._buttons: dict[str, QToolButton] = {}

    def add(self, panel: Panel, keys: str) -> QToolButton:
        """Add a button for a panel."""
        button = QToolButton()
        button.setObjectName(f"rail_{panel.key}")
        button.setAccessibleName(panel.title)
        button.setText(panel.title)
        button.setToolTip(f"{panel.title} ({keys})")
        button.setIcon(icons.icon(panel.key))
        button.setIconSize(QSize(22, 22))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setCheckable(True)
        button.setFixedSize(72, 62)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._group.addButton(button)
        self._buttons[panel.key] = button
        self._column.insertWidget(len(self._buttons) - 1, button)
        return button

    def check(self, panel: Panel) -> None:
        """Show which panel is in view."""
        self._buttons[panel.key].setChecked(True)
