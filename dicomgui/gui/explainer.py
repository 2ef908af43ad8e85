"""From the findings of any panel to the place where one goes on: the bytes, the node, the echo."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

from dicomgui.app.context import AppContext
from dicomgui.app.expert import Expert
from dicomgui.gui.dialogs.findings import FindingsDialog
from dicomgui.gui.models.trace_source import TraceSource
from dicomgui.gui.panels.echo import EchoPanel
from dicomgui.gui.panels.listener import ListenerPanel
from dicomgui.gui.panels.nodes import NodesPanel
from dicomgui.gui.panels.panel import Panel
from dicomgui.gui.panels.trace import TracePanel
from dicomgui.gui.widgets.expert_badge import ExpertBadge
from dicomgui.trace.diagnosis.facts import Facts, OwnListener
from dicomgui.trace.diagnosis.places import find_row
from dicomgui.trace.finding import Evidence

__all__ = ["Explainer"]

EVERY_S = 1.0
"""How often the findings of the whole trace are brought up to date at most."""


class Window(Protocol):
    """What is needed of the window."""

    panels: tuple[Panel, ...]
    nodes: NodesPanel
    echo: EchoPanel
    listener: ListenerPanel
    trace: TracePanel

    def show_panel(self, panel: Panel) -> None:
        """Bring a panel into view."""


class Explainer:
    """Takes what the findings of the panels ask for, and tells the diagnosis what the window knows."""

    def __init__(self, window: Window, context: AppContext) -> None:
        self._window = window
        self._context = context
        for panel in window.panels:
            panel.evidence_wanted.connect(self.show_evidence)
            panel.node_wanted.connect(self.show_node)
            panel.test_wanted.connect(self.test_peer)
        context.know_by(self.facts)
        self._source = window.trace.model.source
        self._live = self._expert = Expert(context.trace, self.facts)
        self._updating: asyncio.Task[None] | None = None
        self._updated_s = 0.0
        self._dialog: FindingsDialog | None = None
        self.badge = ExpertBadge()
        self.badge.clicked.connect(self.show_findings)

    def drain(self) -> None:
        """Bring the findings up to date, in a thread; for the pump."""
        self._follow(self._window.trace.model.source)
        now = time.monotonic()
        is_idle = self._updating is None or self._updating.done()
        is_idle = is_idle and self._window.trace.isEnabled()  # not while the window ends
        if is_idle and self._expert.is_behind and now - self._updated_s >= EVERY_S:
            self._updated_s = now
            self._updating = self._window.trace.tasks.spawn(self._update(), name="diagnose")

    def _follow(self, source: TraceSource) -> None:
        """The badge speaks of the trace that the trace panel shows; of a file nothing is known but the file."""
        if source is self._source:
            return
        self._source = source
        self._expert = self._live if source.is_live else Expert(source.store)
        self._updated_s = 0.0
        self._show()

    async def _update(self) -> None:
        """A file is read to its end, the live trace as far as it is; the next turn goes on."""
        expert, loop = self._expert, asyncio.get_running_loop()
        await loop.run_in_executor(self._context.file_pool, expert.update)
        while expert is self._expert and expert is not self._live and expert.is_behind:
            await loop.run_in_executor(self._context.file_pool, expert.update)
        self._show()

    def _show(self) -> None:
        self.badge.show_counts(self._expert.counts)
        if self._dialog is not None and self._dialog.isVisible():
            self._dialog.show_findings(self._expert.findings)

    def show_findings(self) -> None:
        """Open the list of all findings."""
        if self._dialog is None:
            self._dialog = FindingsDialog(self._window.trace.window())
            self._dialog.evidence_wanted.connect(self._on_listed_chosen)
        self._dialog.show_findings(self._expert.findings)
        self._dialog.show()
        self._dialog.raise_()
        self._dialog.list.setFocus()

    def facts(self) -> Facts:
        """Saved names by their address, and our listener while it runs."""
        place = self._window.nodes.place
        titles: dict[str, tuple[str, ...]] = {}
        for node in place.config.nodes.nodes:
            key = f"{node.address.host}:{node.address.port}"
            titles[key] = (*titles.get(key, ()), str(node.address.ae_title))
        running = self._window.listener.listener
        listeners: tuple[OwnListener, ...] = ()
        if running is not None and self._window.listener.is_running:
            options = running.options
            listeners = (OwnListener(str(options.ae_title), options.host, options.port),)
        return Facts(titles=titles, listeners=listeners)

    def show_evidence(self, evidence: Evidence) -> None:
        """Show the bytes in the live trace; the association where the record is gone."""
        self._window.trace.tasks.spawn(self._show_evidence(evidence, self._window.trace.live), name="show evidence")

    def _on_listed_chosen(self, evidence: Evidence) -> None:
        self._window.trace.tasks.spawn(self._show_evidence(evidence, self._source), name="show evidence")

    async def _show_evidence(self, evidence: Evidence, source: TraceSource) -> None:
        place, trace = evidence.place, self._window.trace
        if place is None:
            return
        loop = asyncio.get_running_loop()
        seq = await loop.run_in_executor(self._context.file_pool, find_row, source.store, place)
        if seq:
            trace.show_place(seq, evidence.offset, evidence.length, source)
        else:
            trace.show_association(place.association)
        self._window.show_panel(trace)

    def show_node(self, part: str) -> None:
        """Open the node that was chosen, or begin a new one with its address."""
        nodes = self._window.nodes
        choice = nodes.place.choice
        self._window.show_panel(nodes)
        if choice.node is not None:
            nodes.select(choice.node.name)
        else:
            nodes.add_text(f"{choice.called_ae}@{choice.host}:{choice.port}")
        if part == "tls":
            nodes.editor.security.set_open(True)
            nodes.editor.tls.switch.setFocus()

    def test_peer(self) -> None:
        """Echo the peer of the fields."""
        self._window.show_panel(self._window.echo)
        self._window.echo.run()
