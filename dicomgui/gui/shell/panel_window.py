"""A window of panels, each of which is made when it is asked for the first time.

To make all of them, and to load the modules that they are made of, takes longer than all the rest of the start.
"""

from __future__ import annotations

import gc
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QMainWindow, QScrollArea, QStackedWidget, QWidget

from dicomgui.app.context import AppContext
from dicomgui.gui.home.panel import HomePanel
from dicomgui.gui.keeping.configuration import Configuration
from dicomgui.gui.panels.panel import Panel, Workplace
from dicomgui.gui.practice.keeper import PracticeKeeper
from dicomgui.gui.running.reporter import Reporter

if TYPE_CHECKING:
    from dicomgui.app.listening.listener import Listener
    from dicomgui.gui.answers.panel import AnswersPanel
    from dicomgui.gui.archive.panel import ArchivePanel
    from dicomgui.gui.echo.panel import EchoPanel
    from dicomgui.gui.listener.panel import ListenerPanel
    from dicomgui.gui.nodes.panel import NodesPanel
    from dicomgui.gui.nservices.panel import NServicesPanel
    from dicomgui.gui.query.panel import QueryPanel
    from dicomgui.gui.send.panel import SendPanel
    from dicomgui.gui.trace.listing.source import TraceSource
    from dicomgui.gui.trace.panel import TracePanel
    from dicomgui.gui.worklist.panel import WorklistPanel

__all__ = ["PANELS", "PanelWindow", "put_in_tab_order"]

PANELS: Final = {
    "home": "Home", "nodes": "Nodes", "echo": "Echo", "send": "Send", "query": "Query", "worklist": "Worklist",
    "nservices": "N-services", "listener": "Listener", "archive": "Archive", "trace": "Trace", "answers": "Answers",
}  # fmt: skip
"""Key and title of every panel, in their order; the key is also the name of its attribute, its room and its icon."""

_P = TypeVar("_P", bound=Panel)


class PanelWindow(QMainWindow):
    """Has a page for every panel from the start, and puts the panel into it when that is made.

    A panel is an attribute that makes it; :attr:`made` tells which there are without making any.

    :param config: the settings and saved nodes; without it none are read and none are written.

    :ivar lasts: whether it stays until the program ends, as what it makes then does: the collector need not look at all
        that again and again.
    :ivar made: the panels that have been made, by their keys.
    :ivar stack: the pages, in the order of :data:`PANELS`.
    """

    def __init__(self, context: AppContext, reporter: Reporter, config: Configuration | None = None) -> None:
        super().__init__()
        self._place = Workplace.make(context, reporter, self, config)
        self.config = self._place.config
        self.practice = PracticeKeeper(self._place, self)
        self.lasts = False
        self.made: dict[str, Panel] = {}
        self.stack = QStackedWidget()
        self.stack.setObjectName("panels")
        self._pages = {key: _page(key) for key in PANELS}
        for page in self._pages.values():
            self.stack.addWidget(page)

    # ----------------------------------------------------------------------------------------------------------- panels

    @cached_property
    def home(self) -> HomePanel:
        """Where the window opens."""
        return self._enter(HomePanel(self._place, self.practice))

    @cached_property
    def nodes(self) -> NodesPanel:
        """The saved nodes."""
        from dicomgui.gui.nodes.panel import NodesPanel

        return self._enter(NodesPanel(self._place))

    @cached_property
    def echo(self) -> EchoPanel:
        """C-ECHO."""
        from dicomgui.gui.echo.panel import EchoPanel

        return self._enter(EchoPanel(self._place))

    @cached_property
    def send(self) -> SendPanel:
        """C-STORE of files."""
        from dicomgui.gui.send.panel import SendPanel

        return self._enter(SendPanel(self._place))

    @cached_property
    def query(self) -> QueryPanel:
        """C-FIND, C-GET and C-MOVE."""
        from dicomgui.gui.query.panel import QueryPanel

        return self._enter(QueryPanel(self._place, lambda: self.listener))

    @cached_property
    def worklist(self) -> WorklistPanel:
        """Modality worklist and performed steps."""
        from dicomgui.gui.worklist.panel import WorklistPanel

        return self._enter(WorklistPanel(self._place))

    @cached_property
    def nservices(self) -> NServicesPanel:
        """The six N-services."""
        from dicomgui.gui.nservices.panel import NServicesPanel

        return self._enter(NServicesPanel(self._place))

    @cached_property
    def listener(self) -> ListenerPanel:
        """Our listener, with its settings and what it answers beside its archive."""
        from dicomgui.gui.listener.panel import ListenerPanel
        from dicomgui.gui.listener.settings import ListenerSettingsKeeper

        panel = self._enter(ListenerPanel(self._place))
        panel.desk = self.answers.desk
        ListenerSettingsKeeper(panel, self.config)  # lives as long as the panel
        return panel

    @cached_property
    def answers(self) -> AnswersPanel:
        """What our listener answers beside its archive."""
        from dicomgui.gui.answers.panel import AnswersPanel

        return self._enter(AnswersPanel(self._place, self.running_listener))

    @cached_property
    def archive(self) -> ArchivePanel:
        """What was received and imported."""
        from dicomgui.gui.archive.panel import ArchivePanel

        return self._enter(ArchivePanel(self._place))

    @cached_property
    def trace(self) -> TracePanel:
        """The trace inspector."""
        from dicomgui.gui.trace.panel import TracePanel

        return self._enter(TracePanel(self._place, self.live))

    @cached_property
    def live(self) -> TraceSource:
        """The trace of this program, with the index that all views of it share."""
        from dicomgui.gui.trace.listing.source import TraceSource

        return TraceSource("This program, live", self._place.context.trace)

    @property
    def panels(self) -> tuple[Panel, ...]:
        """Every panel, in the order of :data:`PANELS`; those that were not asked for are made now."""
        return tuple(self.panel_of(key) for key in PANELS)

    def make_all(self) -> None:
        """Make the panels that nobody has asked for yet."""
        for key in PANELS:
            self.panel_of(key)

    def panel_of(self, key: str) -> Panel:
        """The panel with this key.

        :raises KeyError: there is none.
        """
        if key not in PANELS:
            raise KeyError(key)
        panel = getattr(self, key)
        assert isinstance(panel, Panel)
        return panel

    @property
    def panel(self) -> Panel:
        """The panel that is in view."""
        return self.panel_of(tuple(PANELS)[self.stack.currentIndex()])

    def show_panel(self, panel: Panel) -> None:
        """Bring a panel into view."""
        self.stack.setCurrentWidget(self._pages[panel.key])

    @property
    def shown_trace(self) -> TraceSource:
        """The trace that the trace panel shows: the live one, until somebody opens a file in it."""
        return self.trace.model.source if "trace" in self.made else self.live

    def running_listener(self) -> Listener | None:
        """The listener of the window, if it has been started."""
        return self.listener.listener if "listener" in self.made else None

    # ----------------------------------------------------------------------------------------------------------- making

    def _enter(self, panel: _P) -> _P:
        """Put a panel that was made into its page."""
        setattr(self, panel.key, panel)  # so that whoever is told of it finds it, and does not make another one
        self.made[panel.key] = panel
        self._pages[panel.key].setWidget(panel)
        self.on_panel_made(panel)
        if self.lasts:
            gc.freeze()
        return panel

    def on_panel_made(self, panel: Panel) -> None:
        """Connect a panel with the rest of the window."""


def _page(key: str) -> QScrollArea:
    """Scrolls a panel that does not fit into a small window, or beside the trace and the jobs."""
    scroll = QScrollArea()
    scroll.setObjectName(f"{key}_page")
    scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    scroll.setWidgetResizable(True)
    scroll.setFrameShape(QFrame.Shape.NoFrame)
    return scroll


def put_in_tab_order(inside: QWidget, after: QWidget) -> None:
    """Have Tab go from ``after`` to the widgets inside of another one, in the order in which they are now.

    What is put into a window late would come after all that is in it.
    """
    chain = [inside]
    while (following := chain[-1].nextInFocusChain()) is not inside and following is not None:
        chain.append(following)
    for widget in chain:
        if inside.isAncestorOf(widget) and widget.focusPolicy() != Qt.FocusPolicy.NoFocus:
            QWidget.setTabOrder(after, widget)
            after = widget
