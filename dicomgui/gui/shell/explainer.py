"""From the findings of any panel to the place where one goes on: the bytes, the node, the echo."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from threading import Event
from typing import TYPE_CHECKING

from dicomgui.gui.panels.panel import Panel, Workplace
from dicomgui.gui.running.tasks import PanelTasks
from dicomgui.gui.shell.expert_badge import ExpertBadge
from dicomgui.gui.shell.panel_window import PanelWindow
from dicomgui.trace.diagnosis.facts import Facts, OwnListener
from dicomgui.trace.diagnosis.places import find_row
from dicomgui.trace.finding import Evidence

if TYPE_CHECKING:
    from dicomgui.app.expert import Expert
    from dicomgui.gui.shell.findings_dialog import FindingsDialog
    from dicomgui.gui.trace.listing.source import TraceSource

__all__ = ["Explainer"]

EVERY_S = 1.0
"""How often the findings of the whole trace are brought up to date at most."""

BUSY_S = 5.0
"""The same while much comes in: then the time belongs to the network, and to the list that is watched."""

MUCH = 100
"""Rows between two ticks above which much comes in."""

FAR_BEHIND = 16_384
"""Rows above which it goes on at once when nothing much comes in any more."""

_BUSY_PIECES = 8  # at a time while much comes in: what is wrong shows in less than a second all the same
_BREATH_S = 0.005
_BUSY_BREATH_S = 0.08  # as many rows in five seconds, but not all of them in the first half of one
_REST_S = 0.05
_LONGEST_REST_S = 1.0  # who scrolls without end gets findings, too


class Explainer:
    """Takes what the findings of the panels ask for, and tells the diagnosis what the window knows."""

    def __init__(self, window: PanelWindow, place: Workplace) -> None:
        self._window = window
        self._place = place
        self._context = place.context
        self._tasks = PanelTasks("explainer", place.reporter)
        self._context.know_by(self.facts)
        self._source: TraceSource | None = None
        self._live: Expert | None = None
        self._expert: Expert | None = None
        self._updating: asyncio.Task[None] | None = None
        self._updated_s = 0.0
        self._last_seq = 0
        self._is_busy = False
        self._dialog: FindingsDialog | None = None
        self.badge = ExpertBadge()
        self.badge.clicked.connect(self.show_findings)

    def watch(self, panel: Panel) -> None:
        """Do what the findings of a panel ask for, from now on."""
        panel.evidence_wanted.connect(self.show_evidence)
        panel.node_wanted.connect(self.show_node)
        panel.test_wanted.connect(self.test_peer)

    def drain(self) -> None:
        """Bring the findings up to date, in a thread; for the pump."""
        source = self._window.shown_trace
        if self._source is None and not len(source.store):
            return  # before there is anything to judge, the rules need not be loaded
        self._follow(source)
        now, last_seq = time.monotonic(), self._context.trace.last_seq
        self._is_busy, self._last_seq = last_seq - self._last_seq > MUCH, last_seq
        every_s = BUSY_S if self._is_busy else EVERY_S
        is_idle = self._updating is None or self._updating.done()
        is_idle = is_idle and self._window.isEnabled()  # not while the window ends
        expert = self._expert
        if expert is not None and is_idle and expert.is_behind and now - self._updated_s >= every_s:
            self._updated_s = now
            self._updating = self._tasks.spawn(self._update(expert), name="diagnose")

    def _follow(self, source: TraceSource) -> None:
        """The badge speaks of the trace that the trace panel shows; of a file nothing is known but the file."""
        if source is self._source:
            return
        from dicomgui.app.expert import Expert

        if self._live is None:
            self._live = Expert(self._context.trace, self.facts)
        self._source = source
        self._expert = self._live if source.is_live else Expert(source.store)
        self._updated_s = 0.0
        self._show()

    async def _update(self, expert: Expert) -> None:
        """Read the trace as far as it is, in pieces with pauses: a thread that computes holds up the window's.

        The live trace goes on at the next turn where it is only a little behind, or has no time now.
        """
        loop, update = asyncio.get_running_loop(), partial(expert.update, breathe=partial(self._breathe, self._source))
        end_s = time.monotonic() + BUSY_S
        while True:
            work = partial(update, _BUSY_PIECES) if self._is_busy else update
            await loop.run_in_executor(self._context.file_pool, work)
            self._show()
            if expert is not self._expert or not self._has_time_for(expert, end_s):
                return

    def _has_time_for(self, expert: Expert, end_s: float) -> bool:
        if expert is not self._live:
            return expert.is_behind
        if self._is_busy:  # it makes little of its time, and uses all of it
            return expert.is_behind and time.monotonic() < end_s
        return expert.behind > FAR_BEHIND

    def _breathe(self, source: TraceSource | None) -> None:
        """Leave the interpreter to the window's thread: for a moment, and longer while it is busy, or somebody scrolls.

        Called in the thread that judges: each piece that it looks at is a millisecond for which a peer waits.
        """
        wait = Event().wait
        wait(_BUSY_BREATH_S if self._is_busy else _BREATH_S)
        end_s = time.monotonic() + _LONGEST_REST_S
        while source is not None and source.is_scrolled and time.monotonic() < end_s:
            wait(_REST_S)

    def _show(self) -> None:
        if self._expert is None:
            return
        self.badge.show_counts(self._expert.counts)
        if self._dialog is not None and self._dialog.isVisible():
            self._dialog.show_findings(self._expert.findings)

    def show_findings(self) -> None:
        """Open the list of all findings."""
        from dicomgui.gui.shell.findings_dialog import FindingsDialog

        if self._dialog is None:
            self._dialog = FindingsDialog(self._window)
            self._dialog.evidence_wanted.connect(self._on_listed_chosen)
        self._dialog.show_findings(self._expert.findings if self._expert is not None else ())
        self._dialog.show()
        self._dialog.raise_()
        self._dialog.list.setFocus()

    def facts(self) -> Facts:
        """Saved names by their address, and our listener while it runs."""
        place = self._place
        titles: dict[str, tuple[str, ...]] = {}
        for node in place.config.nodes.nodes:
            key = f"{node.address.host}:{node.address.port}"
            titles[key] = (*titles.get(key, ()), str(node.address.ae_title))
        running = self._window.running_listener()
        listeners: tuple[OwnListener, ...] = ()
        if running is not None and self._window.listener.is_running:
            options = running.options
            listeners = (OwnListener(str(options.ae_title), options.host, options.port),)
        return Facts(titles=titles, listeners=listeners)

    def show_evidence(self, evidence: Evidence) -> None:
        """Show the bytes in the live trace; the association where the record is gone."""
        self._tasks.spawn(self._show_evidence(evidence, self._window.live), name="show evidence")

    def _on_listed_chosen(self, evidence: Evidence) -> None:
        source = self._source or self._window.live
        self._tasks.spawn(self._show_evidence(evidence, source), name="show evidence")

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

    async def shut_down(self) -> None:
        """End what is being judged and looked for."""
        await self._tasks.close()
