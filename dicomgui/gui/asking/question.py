"""One question to one node or several: the queries that run, what they have found so far, and how they ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from dicomgui.app.asking.levels import contexts_for
from dicomgui.app.asking.query import Query
from dicomgui.app.asking.shared_association import SharedAssociation
from dicomgui.app.collector import HeldBack
from dicomgui.gui.asking.model import QueryModel
from dicomgui.gui.asking.node_checks import NodeChecks
from dicomgui.gui.asking.querying import NodeQuery, result_text
from dicomgui.gui.asking.rows import Source
from dicomgui.gui.panels.panel import Workplace
from dicomgui.gui.running.tasks import PanelTasks
from dicomgui.trace.finding import plain

__all__ = ["Asking", "NamedQuery", "sources_of", "summary_of", "tone_of"]

MANY = 1000
"""A table of so many rows grows less often: each time all that is in view is laid out and painted again."""

SLOW_TICKS = 2
"""It grows at one of so many ticks then, until everything has come."""


SUMMED_UP = 4
"""Of more queries than these only the failures are told one by one."""


class NamedQuery(NamedTuple):
    """One query of several; the name is empty where it is the only one."""

    name: str
    query: Query


def sources_of(place: Workplace, checks: NodeChecks, root: str | None) -> tuple[Source, ...]:
    """Whom to ask: the nodes that are checked, or else the peer of the fields.

    :raises ConfigurationError: the fields name no peer.
    """
    usual = place.config.settings.connection_options()
    checked = checks.nodes
    if checked:
        return tuple(Source(node.name, node.address, node.options(usual), root) for node in checked)
    choice = place.choice
    peer = choice.peer()
    name = choice.node.name if choice.node is not None else str(peer.ae_title)
    return (Source(name, peer, choice.options(), root),)


class Asking:
    """The question of a panel; matches become rows of its table when :meth:`drain` is called.

    :ivar asked_all: all that was asked last, and whom.

    :param again: asks one of the sources the same again, for the drawer of jobs.
    """

    def __init__(
        self,
        place: Workplace,
        tasks: PanelTasks,
        model: QueryModel,
        again: Callable[[Query, tuple[Source, ...]], object],
    ) -> None:
        self.asked_all: tuple[tuple[NamedQuery, ...], tuple[Source, ...]] | None = None
        self._place = place
        self._tasks = tasks
        self._model = model
        self._again = again
        self._queries: list[NodeQuery] = []
        self._tasks_of: dict[NodeQuery, asyncio.Task[None]] = {}
        self._cancelled_mono: float | None = None
        self._ticks = 0
        self._collector = HeldBack()

    @property
    def is_busy(self) -> bool:
        """Whether it is under way, or not all of it is shown."""
        return bool(self._queries)

    @property
    def asked(self) -> tuple[Query, tuple[Source, ...]] | None:
        """The query that was asked last, and whom; ``None`` where it was not the only one."""
        if self.asked_all is None or len(self.asked_all[0]) != 1:
            return None
        [only], sources = self.asked_all
        return only.query, sources

    def start(self, queries: tuple[NamedQuery, ...], sources: tuple[Source, ...]) -> None:
        """Ask, several one after the other over one association; the table must have been emptied."""
        self.asked_all = (queries, sources)
        self._cancelled_mono = None
        self._collector.begin()
        for source in sources:
            ones = [
                NodeQuery(self._place, query, source, name=name, retry=partial(self._again, query, (source,)))
                for name, query in queries
            ]
            self._queries += ones
            task = self._tasks.spawn(self._ask_each(ones), name="query")
            self._tasks_of |= dict.fromkeys(ones, task)
            task.add_done_callback(self._on_done)  # who has asked waits for the end and not for a tick

    async def _ask_each(self, ones: Sequence[NodeQuery]) -> None:
        """Ask one node, several queries over an association that they share."""
        if len(ones) == 1:
            await ones[0].run()
            return
        source = ones[0].source
        options = await self._place.secrets.complete(source.options, source.peer)
        contexts = contexts_for(ones[0].query.roots, "find")
        async with SharedAssociation(self._place.context, source.peer, options, contexts) as shared:
            for one in ones:
                await one.run(shared)
        if shared.error is not None:
            ones[-1].remark = f"The association did not end well: {shared.error}"

    def _on_done(self, _task: asyncio.Task[None]) -> None:
        if self._are_done:
            self._place.pump.tick_soon()

    def cancel(self) -> bool:
        """End the queries by C-CANCEL, and by A-ABORT where that is called again; whether any ran."""
        running = [task for task in self._tasks_of.values() if not task.done()]
        for task in running:
            task.cancel()
        if running and self._cancelled_mono is None:
            self._cancelled_mono = time.monotonic()
        return bool(running)

    @property
    def is_cancelling(self) -> bool:
        """Told to stop, and not stopped yet."""
        return self._cancelled_mono is not None and not self._are_done

    def drain(self) -> list[NodeQuery]:
        """Show what has come since the last tick; gives all queries once the last of them is over and shown."""
        self._ticks += 1
        if self._ticks % SLOW_TICKS and self._model.count >= MANY and not self._are_done:
            return []
        for one in self._queries:
            rows = one.fetch()
            if rows:
                self._model.add(rows)
        if any(self._is_open(one) for one in self._queries):
            return []
        ended, self._queries = self._queries, []
        self._tasks_of.clear()
        self._collector.end(self._model.count)
        return ended

    @property
    def _are_done(self) -> bool:
        return all(task.done() for task in self._tasks_of.values())

    def _is_open(self, one: NodeQuery) -> bool:
        """Whether more of it will come, or has to be fetched."""
        return one.has_more or not self._tasks_of[one].done()

    def progress(self) -> str:
        """How far it is, in one line."""
        count = sum(one.count for one in self._queries)
        open_ones = list(dict.fromkeys(one.source.name for one in self._queries if self._is_open(one)))
        if self._cancelled_mono is not None:
            seconds = int(time.monotonic() - self._cancelled_mono)
            limits = [one.source.options.timeouts.cancel_s for one in self._queries if self._is_open(one)]
            most = max((limit for limit in limits if limit is not None), default=None)
            of = "" if most is None else f" of {most:g}"
            return plain(f"{count:,} matches; cancelling, waiting for {', '.join(open_ones)}, {seconds}{of} s …", 300)
        text = f"{count:,} matches so far; asking {', '.join(open_ones)} …" if count else "Asking …"
        return plain(text, 300)

    @property
    def association(self) -> int:
        """The last one of the question; 0 where there was none."""
        sources = self.asked_all[1] if self.asked_all is not None else ()
        return next((source.association for source in reversed(sources) if source.association), 0)

    def close(self) -> None:
        """Nothing more will be asked."""
        self._collector.end(0)


def summary_of(queries: Sequence[NodeQuery]) -> str:
    """How the queries ended, those that failed first; what the form has said already is not said again."""
    texts, told = [], queries
    if len(queries) > SUMMED_UP:
        texts.append(f"{len(queries):,} queries, {sum(one.count for one in queries):,} matches")
        told = [one for one in queries if one.error or (one.result is not None and not one.result.ok)]
    for one in sorted(told, key=lambda one: one.result is not None and one.result.ok):
        text = result_text(one.result) if one.result is not None else str(one.error or "cancelled")
        said = set(one.query.identifier().notes) if one.error is None else set()
        notes = [note for note in one.result.notes if note not in said] if one.result is not None else []
        name = f"{one.source.name}, {one.name}" if one.name else one.source.name
        texts.append(" · ".join(filter(None, (f"{name}: {text}", *notes, one.remark))))
    return "   ".join(texts)


def tone_of(queries: Sequence[NodeQuery]) -> str:
    """In which tone that is to be said."""
    results = [one.result for one in queries]
    if any(one.error is not None for one in queries):
        return "error"
    if any(result is not None and not result.ok and not result.is_cancelled for result in results):
        return "error"
    is_partial = any(result is None or result.is_partial for result in results)
    return "warning" if is_partial else "good"
