"""Retrievals: waiting for their turn, under way, done; each among the jobs, with what the peer tells and what came."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from dicomgui.app.asking.information_models import storage_of
from dicomgui.app.asking.wanted import Wanted
from dicomgui.app.configuration.settings import ListenerSettings
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.listening.listener import Listener, ListenerEvent, ReceivedInstance, StoreFailed
from dicomgui.app.listening.reception import arrived_of, reception, refused_uid_of
from dicomgui.app.operations import JobHandle, JobKind, JobState
from dicomgui.app.recipes.recipe import Recipe
from dicomgui.app.transfers.retrieve import GetJob, MoveJob, RetrieveJob, RetrieveProgress, RetrieveReport
from dicomgui.app.transfers.retrieve_manner import USUAL_MANNER, RetrieveManner
from dicomgui.app.transfers.retrieve_results import Counts, WantedResult, WantedState
from dicomgui.gui.asking.rows import Source
from dicomgui.gui.panels.panel import Workplace
from dicomgui.gui.query.retrieve_model import RetrieveLine
from dicomgui.gui.running.tasks import PanelTasks
from dicomgui.gui.widgets.text import duration_text
from dicomgui.network.errors import ConfigurationError, NoAcceptedContext
from dicomgui.network.service import AssociationFacts
from dicomgui.network.status import Service
from dicomgui.storage import StorageError
from dicomgui.trace.finding import Finding, group_findings

__all__ = ["GET_OR_MOVE", "Method", "Order", "Retrieval", "Retrievals"]

KEPT = 50
"""Retrievals that are remembered; the oldest finished ones go first."""


@dataclass(frozen=True, slots=True)
class Method:
    """How to retrieve.

    :ivar uses_get: by C-GET; where the peer does not offer it and ``uses_move`` is set as well, by C-MOVE.
    :ivar destination: AE title of a third node for a C-MOVE; empty for our own.
    """

    uses_get: bool = False
    uses_move: bool = False
    destination: str = ""

    @property
    def comes_here(self) -> bool:
        """Whether the instances come to us."""
        return not self.destination


GET_OR_MOVE = Method(uses_get=True, uses_move=True)


@dataclass(frozen=True, slots=True)
class Order:
    """A retrieval as the user asked for it.

    :ivar manner: when it cancels itself.
    """

    source: Source
    wanted: tuple[Wanted, ...]
    method: Method
    what: str
    manner: RetrieveManner = USUAL_MANNER

    def recipe(self, ours: ListenerSettings) -> Recipe:
        """The order, to be copied as a command.

        :param ours: our listener, for a C-MOVE to us.
        :raises ConfigurationError: nothing is wanted.
        """
        destination = "" if self.method.uses_get else self.method.destination or str(ours.ae_title)
        return Recipe.of_retrieval(
            self.source.peer, self.source.options, self.wanted, root=self.source.root, destination=destination,
            listen_port=ours.port if destination and self.method.comes_here else None, manner=self.manner,
        )  # fmt: skip


@dataclass(slots=True)
class Retrieval:
    """One order, and how it stands.

    :ivar how: by which method, as far as that is known.
    :ivar job: while it is under way.
    :ivar report: how it ended.
    :ivar problem: why it could not even begin.
    :ivar notes: what the user should know, one sentence each.
    :ivar over: set when nothing more will come.
    """

    number: int
    order: Order
    handle: JobHandle
    how: str
    task: asyncio.Task[None] | None = None
    job: RetrieveJob | None = None
    report: RetrieveReport | None = None
    progress: RetrieveProgress | None = None
    problem: str = ""
    notes: list[str] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will come."""
        return self.handle.state.is_finished

    @property
    def counts_arrivals(self) -> bool:
        """Whether it waits for what arrives at our listener, or may come to that."""
        return self.order.method.comes_here and self.order.method.uses_move

    @property
    def left(self) -> tuple[Wanted, ...]:
        """What failed or never came, to be retrieved again."""
        if self.report is None:
            return self.order.wanted if self.is_finished else ()
        return self.report.left() or (self.order.wanted if self.report.missing else ())

    @property
    def failed_uids(self) -> tuple[str, ...]:
        """Instances that failed, as far as they are named."""
        return self.report.failed_uids if self.report is not None else ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the diagnosis says, each kind once."""
        return group_findings(self.report.findings) if self.report is not None else ()

    async def run(self, job: RetrieveJob) -> None:
        """Run the job, and take its report also where it is cancelled."""
        self.job = job
        try:
            await job.run()
        finally:
            self.job = None
            self.report = job.report()

    def fail(self, problem: str) -> None:
        """It cannot be done."""
        self.problem = problem

    def finish(self) -> None:
        """Tell the job how it ended."""
        report = self.report
        if self.problem:
            self.handle.finish(JobState.FAILED, text=self.problem)
        elif report is not None:
            self.notes += (note for note in report.notes if note not in self.notes)
            finding = self.findings[0] if self.findings else None
            self.handle.finish(_state_of(report), text=_text_of(report), finding=finding)

    def note_progress(self, progress: RetrieveProgress) -> None:
        """The peer has told its numbers, or something has arrived."""
        self.progress = progress
        told = progress.told
        done = told.completed + told.failed + told.warning
        self.handle.update(
            files_done=progress.arrived if self.order.method.comes_here else done,
            files_total=done + (told.remaining or 0),
            bytes_done=progress.arrived_bytes,
        )

    @property
    def line(self) -> RetrieveLine:
        """For the table."""
        report, progress = self.report, self.progress
        told = report.told if report is not None else progress.told if progress is not None else Counts()
        arrived, arrived_bytes = (0, 0) if self.order.method.comes_here else (None, 0)
        if report is not None and report.arrived is not None:
            arrived, arrived_bytes = report.arrived, report.arrived_bytes
        elif progress is not None and arrived is not None:
            arrived, arrived_bytes = progress.arrived, progress.arrived_bytes
        ended = self.problem or (_text_of(report) if report is not None else "")
        return RetrieveLine(
            self.number, self.order.what, self.order.source.name, self.how, self.handle.state, told, arrived,
            arrived_bytes, " · ".join(filter(None, (ended, *self.notes))),
        )  # fmt: skip


class Retrievals:
    """Runs orders, some at a time.

    What comes by C-MOVE to our listener does not say which request it belongs to. So of those to us only one a peer is
    under way at a time, and what arrives is counted by who calls.

    :ivar at_once: how many may be under way.
    :ivar last: the one that ended last.
    :ivar arrivals: instances that have come here, of all retrievals.

    :param listener: gives our listener where it runs.
    :param start_listener: starts it; gives why it cannot be, or an empty string.
    """

    def __init__(
        self,
        place: Workplace,
        tasks: PanelTasks,
        listener: Callable[[], Listener | None],
        start_listener: Callable[[], Awaitable[str]],
    ) -> None:
        self.at_once = 2
        self.last: Retrieval | None = None
        self.arrivals = 0
        self._place = place
        self._tasks = tasks
        self._listener = listener
        self._start_listener = start_listener
        self._all: list[Retrieval] = []

    # orders

    @property
    def lines(self) -> list[RetrieveLine]:
        """All, the newest first."""
        return [one.line for one in reversed(self._all)]

    @property
    def active(self) -> int:
        """How many wait or are under way."""
        return sum(1 for one in self._all if not one.is_finished)

    def find(self, number: int) -> Retrieval | None:
        """One by its number."""
        return next((one for one in self._all if one.number == number), None)

    def start(self, order: Order) -> Retrieval:
        """Retrieve it, as soon as it is its turn."""
        handle = self._place.start_job(
            JobKind.RETRIEVE, f"Retrieve {order.what}", peer=str(order.source.peer), is_queued=True,
            recipe=order.recipe(self._place.config.settings.listener) if order.wanted else None,
        )  # fmt: skip
        how = "C-GET" if order.method.uses_get else f"C-MOVE to {order.method.destination or 'us'}"
        retrieval = Retrieval(handle.number, order, handle, how)
        handle.on_cancel(lambda: self.cancel(retrieval))
        self._place.retries[handle.number] = lambda: self.retry(retrieval)
        self._all.append(retrieval)
        self._forget_old()
        self._start_next()
        return retrieval

    def retry(self, retrieval: Retrieval) -> Retrieval | None:
        """Retrieve again what failed or never came; ``None`` where there is nothing of that kind."""
        if not retrieval.left or not retrieval.is_finished:
            return None
        order = retrieval.order
        return self.start(replace(order, wanted=retrieval.left, what=f"again: {order.what.removeprefix('again: ')}"))

    def cancel(self, retrieval: Retrieval) -> None:
        """End it: by C-CANCEL, and by A-ABORT where that is called again."""
        if retrieval.task is not None:
            retrieval.task.cancel()
            retrieval.handle.update(text="stopping: waiting for the peer to end it")
        elif not retrieval.is_finished:
            retrieval.handle.finish(JobState.CANCELLED, text="cancelled before it began")
            retrieval.over.set()

    def set_at_once(self, count: int) -> None:
        """Let so many run at a time; what is under way goes on."""
        self.at_once = max(1, count)
        self._start_next()

    def _forget_old(self) -> None:
        finished = [one for one in self._all if one.is_finished]
        for one in finished[: max(0, len(self._all) - KEPT)]:
            self._all.remove(one)

    def _start_next(self) -> None:
        running = [one for one in self._all if one.task is not None]
        busy = {_peer_of(one) for one in running if one.counts_arrivals}
        for one in self._all:
            if len(running) >= self.at_once:
                return
            if one.task is not None or one.is_finished:
                continue
            if one.counts_arrivals and _peer_of(one) in busy:
                continue
            running.append(one)
            busy |= {_peer_of(one)} if one.counts_arrivals else set()
            one.task = self._tasks.spawn(self._run(one), name="retrieve")
            one.task.add_done_callback(partial(self._on_ended, one))

    def _on_ended(self, retrieval: Retrieval, _task: asyncio.Task[None]) -> None:
        retrieval.task = None
        if not retrieval.is_finished:  # it has not even begun
            retrieval.handle.finish(JobState.CANCELLED, text="cancelled before it began")
            self.last = retrieval
        if not retrieval.left:
            self._place.retries.pop(retrieval.number, None)
        retrieval.over.set()
        self._start_next()

    # one retrieval

    async def _run(self, retrieval: Retrieval) -> None:
        order, method = retrieval.order, retrieval.order.method
        with retrieval.handle:
            try:
                options = await self._place.secrets.complete(order.source.options, order.source.peer)
                if method.uses_get:
                    await self._get(retrieval, options)
                    if not method.uses_move or not _offers_no_get(retrieval):
                        return
                    retrieval.notes.append("The peer does not offer C-GET: it is asked for a C-MOVE.")
                await self._move(retrieval, options)
            except (StorageError, ConfigurationError) as error:
                retrieval.fail(str(error))
            finally:
                retrieval.finish()
                self.last = retrieval  # at once: who sees the state finds the findings, too

    async def _get(self, retrieval: Retrieval, options: ConnectionOptions) -> None:
        order = retrieval.order
        async with self._place.archive.opened() as archive:
            job = GetJob(
                self._place.context, order.source.peer, options, order.wanted, into=archive.files,
                root=order.source.root, sop_classes=storage_of(order.source.root), manner=order.manner,
                on_progress=retrieval.note_progress, on_arrived=self._count,
                on_association=retrieval.handle.add_association,
            )  # fmt: skip
            await retrieval.run(job)

    async def _move(self, retrieval: Retrieval, options: ConnectionOptions) -> None:
        order, destination, listener = retrieval.order, retrieval.order.method.destination, None
        if order.method.comes_here:
            problem = await self._start_listener()
            listener = self._listener()
            if listener is None or problem:
                retrieval.fail(problem or "Our listener does not run.")
                return
            destination = str(listener.options.ae_title)
        retrieval.how = f"C-MOVE to {destination}"
        job = MoveJob(
            self._place.context, order.source.peer, options, order.wanted, destination=destination,
            expects_arrivals=order.method.comes_here, root=order.source.root, manner=order.manner,
            on_progress=retrieval.note_progress, on_arrived=self._count,
            on_association=retrieval.handle.add_association,
        )  # fmt: skip
        async with reception(listener, order.source.peer, destination, start=False) as standing:
            retrieval.notes += standing.notes if order.method.comes_here else ()
            with self._watching(listener, job):
                await retrieval.run(job)

    def _count(self, _arrived: object) -> None:
        self.arrivals += 1

    # what arrives at our listener

    @contextmanager
    def _watching(self, listener: Listener | None, job: RetrieveJob) -> Iterator[None]:
        """Hand what arrives at the listener to the retrieval that waits for it."""

        def take(event: ListenerEvent) -> None:
            arrived, refused = arrived_of(event), refused_uid_of(event)
            if isinstance(event, ReceivedInstance | StoreFailed) and self._receiver(event.facts) is job:
                if arrived is not None:
                    job.received(arrived)
                elif refused:
                    job.refused(refused)

        if listener is None:
            yield
            return
        listener.watchers.append(take)
        try:
            yield
        finally:
            listener.watchers.remove(take)

    def _receiver(self, facts: AssociationFacts) -> RetrieveJob | None:
        """The retrieval that waits for this caller; the only one that there is, also for a caller of another name."""
        waiting = [one for one in self._all if one.counts_arrivals and one.job is not None]
        for one in waiting:
            if str(one.order.source.peer.ae_title) == facts.calling_ae_title.strip():
                return one.job
        return waiting[0].job if len(waiting) == 1 else None


def _peer_of(retrieval: Retrieval) -> str:
    return str(retrieval.order.source.peer)


def _offers_no_get(retrieval: Retrieval) -> bool:
    """Whether the peer does not know C-GET, so that nothing was tried."""
    report = retrieval.report
    return report is not None and isinstance(report.error, NoAcceptedContext) and not report.arrived


def _text_of(report: RetrieveReport) -> str:
    """How a retrieval ended, in one line."""
    told = report.told
    parts = [f"{told.delivered:,} delivered" if report.arrived is None else f"{report.arrived:,} arrived"]
    failed = max(told.failed, len(report.failed_uids))
    parts += [f"{count:,} {word}" for count, word in (
        (failed, "failed"), (told.warning, "with warning"), (report.repeated, "came again"),
        (report.missing, "never arrived"),
    ) if count]  # fmt: skip
    if report.is_cancelled:
        parts.append("cancelled")
    elif report.error is not None:
        parts.append(str(report.error))
    parts += dict.fromkeys(_status_text(result, report) for result in report.results if _is_remarkable(result))
    if report.error is None:
        parts += _reasons_in(report)
    parts.append(duration_text(report.seconds))
    return " · ".join(parts)


def _reasons_in(report: RetrieveReport) -> list[str]:
    """Why something was not retrieved though others were; the same reason once, with what it was first."""
    found: dict[str, list[WantedResult]] = {}
    for result in report.results:
        if result.reason:
            found.setdefault(result.reason, []).append(result)
    return [
        f"{results[0].wanted}{f' and {len(results) - 1:,} more' if results[1:] else ''} not retrieved: {reason}"
        for reason, results in found.items()
    ]


def _is_remarkable(result: WantedResult) -> bool:
    return result.status is not None and result.status != 0 and not result.status.is_cancel


def _status_text(result: WantedResult, report: RetrieveReport) -> str:
    assert result.status is not None
    meaning = result.status.meaning(Service.MOVE if report.destination else Service.GET)
    comment = f" “{result.comment}”" if result.comment else ""
    return f"0x{int(result.status):04X} {meaning}{comment}"


def _state_of(report: RetrieveReport) -> JobState:
    if report.is_cancelled:
        return JobState.CANCELLED
    if report.ok:
        partly = any(result.state is WantedState.PARTLY for result in report.results)
        return JobState.WARNING if partly or report.is_stopped or not report.told.delivered else JobState.DONE
    return JobState.WARNING if report.told.delivered or report.arrived else JobState.FAILED
