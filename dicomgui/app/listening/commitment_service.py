"""The listener's storage commitment: requests, judgements, and reports that are tried until they are delivered.

A request is kept in the queue before it is confirmed, and leaves it when its report was delivered, or given up. Judging
and reporting are those of :class:`~dicomgui.network.service_classes.commitment_provider.CommitmentProvider`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Any, Final

from dicomgui.app.listening.commitment_answers import CommitmentAnswers, CommitmentEntry, Delivery, result_of
from dicomgui.app.listening.report_queue import PendingReport, ReportQueue, backoff_s
from dicomgui.network.client import Association
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service import AssociationFacts, Reply
from dicomgui.network.service_classes.commitment import CommitmentResult
from dicomgui.network.service_classes.commitment_provider import CommitmentProvider, CommitmentRequest, send_report
from dicomgui.network.service_classes.references import Reference
from dicomgui.network.status import Status
from dicomgui.network.transport.tasks import TaskOwner

__all__ = ["CommitmentRun", "CommitmentService"]

_log = logging.getLogger(__name__)

MAX_ENTRIES: Final = 1_000
SECONDS_PER_HOUR: Final = 3_600
NO_ROOM: Final = Reply(Status(0x0213), "too many reports wait to be delivered")
NOT_KEPT: Final = Reply(Status(0x0213), "the request cannot be kept on disk")


@dataclass(frozen=True, slots=True)
class CommitmentRun:
    """The parts of a running listener that commitment needs.

    :ivar open: an association with the AE of this title, to report on; ``None`` for one that is not known.
    :ivar judge: the instances of a request that cannot be answered for, each with its Failure Reason.
    :ivar queue: the reports that are not delivered yet.
    """

    open: Callable[[str], AbstractAsyncContextManager[Association] | None]
    judge: Callable[[CommitmentRequest], Awaitable[Mapping[Reference, Status]]]
    queue: ReportQueue


class CommitmentService:
    """Answers requests for commitment. Belongs to the thread of the event loop.

    :ivar entries: the requests that came, the oldest first; the oldest go when there are very many.

    :param answers: what the user has set, now.
    :param tell: takes a line about a request, and the problem with it.
    :param on_change: called when an entry was made or changed.
    :param in_thread: runs what waits for the disk.
    """

    def __init__(
        self,
        answers: Callable[[], CommitmentAnswers],
        tell: Callable[[AssociationFacts, str, str], None],
        on_change: Callable[[], None],
        in_thread: Callable[[Callable[[], Any]], Awaitable[Any]] = asyncio.to_thread,
    ) -> None:
        self.entries: deque[CommitmentEntry] = deque(maxlen=MAX_ENTRIES)
        self._answers = answers
        self._tell = tell
        self._on_change = on_change
        self._in_thread = in_thread
        self._run: CommitmentRun | None = None
        self._tasks = TaskOwner("reports of storage commitment")
        self._is_changed = asyncio.Event()
        self._is_loaded = asyncio.Event()
        judge, keep, reported = self._judge, self._keep, self._on_reported
        self._providers = {
            Delivery.AUTO: CommitmentProvider(
                judge, open_association=self._open, try_same_first=True, keep=keep, on_reported=reported
            ),
            Delivery.SAME: CommitmentProvider(judge, on_reported=reported),
            Delivery.NEW: CommitmentProvider(judge, open_association=self._open, keep=keep, on_reported=reported),
        }

    @property
    def provider(self) -> CommitmentProvider:
        """The provider for requests that come now."""
        return self._providers[self._answers().delivery]

    def begin(self, run: CommitmentRun) -> None:
        """A listener serves from now on: what is in its queue is reported."""
        self._run = run
        self._is_loaded.clear()
        self._tasks.spawn(self._work(run), name="reports")

    async def end(self) -> None:
        """The listener stops; what is not delivered stays in the queue."""
        for provider in self._providers.values():
            await provider.close()
        await self._tasks.close()
        run, self._run = self._run, None
        if run is not None and self._is_loaded.is_set():
            await self._save(run.queue)

    # requests that come

    async def _keep(self, asked: CommitmentRequest) -> Reply | None:
        await self._is_loaded.wait()  # else what is in the file would be overwritten
        assert self._run is not None
        queue, title, now = self._run.queue, asked.facts.calling_ae_title.strip(), time.time()
        if not queue.put(PendingReport(asked.transaction_uid, title, asked.references, now)):
            return NO_ROOM
        if not await self._save(queue):
            queue.remove(asked.transaction_uid)
            return NOT_KEPT
        return None

    async def _judge(self, asked: CommitmentRequest) -> CommitmentResult:
        facts, answers = asked.facts, self._answers()
        title, instances = facts.calling_ae_title.strip(), len(asked.references)
        self._enter(CommitmentEntry(time.time(), asked.transaction_uid, title, facts.association, instances))
        if answers.delay_ms:
            await asyncio.sleep(answers.delay_ms / 1000)
        return await self._result(asked)

    async def _result(self, asked: CommitmentRequest) -> CommitmentResult:
        assert self._run is not None
        result = result_of(self._answers(), asked, await self._run.judge(asked))
        self._tell(asked.facts, f"{len(result.committed)} of {len(asked.references)} instances", "")
        return result

    def _open(self, asked: CommitmentRequest) -> AbstractAsyncContextManager[Association]:
        title = asked.facts.calling_ae_title.strip()
        opened = None if self._run is None else self._run.open(title)
        if opened is None:
            raise ConfigurationError(f"nobody knows where {title!r} listens", phase="connect")
        return opened

    def _on_reported(self, result: CommitmentResult, error: Exception | None) -> None:
        report = None if self._run is None else self._run.queue.get(result.transaction_uid)
        if report is None:  # over the association of the request only
            self._set_outcome(result.transaction_uid, len(result.failed), _outcome(error))
        else:
            self._settle(report, len(result.failed), error)

    # reports that are tried again

    async def _work(self, run: CommitmentRun) -> None:
        problem = await self._in_thread(run.queue.load)
        if problem:
            self._tell(_facts_of(""), "reports of storage commitment", problem)
        for report in run.queue.reports:
            self._enter(_entry_of(report))
        self._is_loaded.set()
        while True:
            self._is_changed.clear()
            await self._save(run.queue)
            due = [report for report in run.queue.reports if self._is_due(report)]
            for report in due:
                await self._try(run, report)
            if not due:
                await self._wait(run.queue)

    def _is_due(self, report: PendingReport) -> bool:
        """True where an attempt is due; the first one is made where the request came."""
        return not self._is_at_work(report) and report.due_utc <= time.time()

    def _is_at_work(self, report: PendingReport) -> bool:
        return any(report.transaction_uid in provider.active for provider in self._providers.values())

    async def _wait(self, queue: ReportQueue) -> None:
        """Wait until a report is due, or the queue has changed."""
        now = time.time()
        waits = [max(0.0, report.due_utc - now) for report in queue.reports if not self._is_at_work(report)]
        timer = asyncio.get_running_loop().call_later(min(waits), self._is_changed.set) if waits else None
        try:
            await self._is_changed.wait()
        finally:
            if timer is not None:
                timer.cancel()

    async def _try(self, run: CommitmentRun, report: PendingReport) -> None:
        asked = CommitmentRequest(report.transaction_uid, report.references, _facts_of(report.ae_title))
        error: Exception | None = None
        failed: int | None = None
        try:
            result = await self._result(asked)
            failed = len(result.failed)
            async with self._open(asked) as association:
                await send_report(association, result)
        except Exception as failure:  # of the archive and of the opener, too
            error = failure
        self._settle(report, failed, error)
        await self._save(run.queue)

    def _settle(self, report: PendingReport, failed: int | None, error: Exception | None) -> None:
        """An attempt is over: the report leaves the queue, or waits for the next one."""
        assert self._run is not None
        uid, answers, now = report.transaction_uid, self._answers(), time.time()
        outcome, due = _outcome(error), 0.0
        wait = backoff_s(report.attempts + 1, answers.retry_s)
        ends = report.received_utc + answers.report_for_h * SECONDS_PER_HOUR
        if error is None:
            self._run.queue.remove(uid)
        elif now + wait > ends:
            self._run.queue.remove(uid)
            outcome = f"given up: {error}"
        else:
            due = now + wait
            self._run.queue.put(replace(report, attempts=report.attempts + 1, due_utc=due))
            outcome = f"{outcome}; attempt {report.attempts + 2} in {wait:,.0f} s"
        if error is not None:
            self._tell(_facts_of(report.ae_title), "report", outcome)
        elif report.attempts:
            self._tell(_facts_of(report.ae_title), f"reported at attempt {report.attempts + 1}", "")
        self._set_outcome(uid, failed, outcome, due)
        self._is_changed.set()

    async def _save(self, queue: ReportQueue) -> bool:
        """Write the queue; whether that was possible."""
        try:
            await self._in_thread(queue.save)
        except OSError as error:
            _log.error("the reports of storage commitment cannot be kept: %s", error)
            return False
        return True

    # the list

    def _enter(self, entry: CommitmentEntry) -> None:
        self.entries.append(entry)
        self._on_change()

    def _set_outcome(self, transaction_uid: str, failed: int | None, outcome: str, due_utc: float = 0.0) -> None:
        for number in reversed(range(len(self.entries))):
            entry = self.entries[number]
            if entry.transaction_uid == transaction_uid:
                failed = entry.failed if failed is None else failed
                self.entries[number] = replace(entry, failed=failed, outcome=outcome, due_utc=due_utc)
                break
        self._on_change()


def _outcome(error: Exception | None) -> str:
    return "reported" if error is None else f"not reported: {error}"


def _entry_of(report: PendingReport) -> CommitmentEntry:
    instances = len(report.references)
    return CommitmentEntry(
        report.received_utc, report.transaction_uid, report.ae_title, 0, instances, due_utc=report.due_utc
    )


def _facts_of(ae_title: str) -> AssociationFacts:
    """The facts of who asked, where the association is gone."""
    return AssociationFacts(0, "", ae_title, "", "", "")
