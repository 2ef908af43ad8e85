"""Send instances to a peer by C-STORE, each with its own result."""

from __future__ import annotations

import asyncio
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from enum import Enum

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.evidence import Evidence
from dicomgui.app.sources import Selection, SendItem, Skipped, scan
from dicomgui.network.association.contexts import ProposedContext, split_contexts
from dicomgui.network.association.params import PeerAddress
from dicomgui.network.client import Association, presets
from dicomgui.network.errors import ConnectionLost, DicomNetworkError, LocalProtocolError, NoAcceptedContext
from dicomgui.network.part10 import Part10Error
from dicomgui.network.pdu import PDATA_HEAD, PduType
from dicomgui.network.service import InstanceFile
from dicomgui.network.status import Service, Status
from dicomgui.network.tracing import Direction, PduRecord, Record, Scribe, Tracer
from dicomgui.trace.diagnose import explain_error
from dicomgui.trace.finding import Finding

__all__ = [
    "Cause",
    "ItemResult",
    "ItemState",
    "Selection",
    "SendItem",
    "SendJob",
    "SendProgress",
    "SendReport",
    "Skipped",
    "prepare",
    "send",
]


PROGRESS_S = 0.1
"""Within one large file, progress is told this often at most."""

LARGE_BYTES = 1_048_576
"""Files from this size on have progress of their own."""

MAX_REFUSALS = 8
"""Refused kinds of instances that are explained; each file has its own reason anyway."""


class ItemState(Enum):
    """How far one instance has come."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    """The peer answered Success."""
    WARNING = "sent with warning"
    """The peer has it, and answered with a warning."""
    FAILED = "failed"
    CANCELLED = "cancelled"


class Cause(Enum):
    """What kept an instance from being sent."""

    STATUS = "status"
    """The peer answered with a failure status."""
    CONTEXT = "context"
    """The peer did not accept its SOP class in its transfer syntax."""
    NETWORK = "network"
    """There was no connection or association, or it broke."""
    FILE = "file"
    """The file could not be read."""


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What became of one instance.

    :ivar status: the peer's answer, ``None`` where there was none.
    :ivar comment: Error Comment (0000,0902); text of the peer.
    :ivar reason: what happened, in one line; empty for a success.
    :ivar association: the association's number in the trace; 0 for none.
    :ivar seconds: from the start of sending to the answer.
    """

    item: SendItem
    state: ItemState
    status: Status | None = None
    comment: str = ""
    reason: str = ""
    cause: Cause | None = None
    association: int = 0
    seconds: float = 0.0

    @property
    def is_sent(self) -> bool:
        """Whether the peer has said that it has the instance."""
        return self.state in (ItemState.SENT, ItemState.WARNING)


@dataclass(frozen=True, slots=True)
class SendProgress:
    """How far a send has come.

    :ivar done: instances with a result.
    :ivar bytes_done: their sizes together, and what has left of the one that is being sent.
    :ivar bytes_failed: what of this belongs to instances that were not sent.
    :ivar current: the one that is being sent, or ``None``.
    """

    done: int
    total: int
    bytes_done: int
    bytes_total: int
    current: SendItem | None
    bytes_failed: int = 0


@dataclass(frozen=True, slots=True)
class SendReport:
    """What became of a send as a whole.

    :ivar results: one for each instance, in the order in which they became known.
    :ivar skipped: what was chosen and is no instance.
    :ivar associations: numbers in the trace of the associations that were opened.
    :ivar bytes_sent: sizes of the files that the peer has.
    :ivar seconds: from the first connection attempt to the last release.
    :ivar error: what ended the send early, or ``None``.
    :ivar findings: what the diagnosis says.
    """

    results: tuple[ItemResult, ...]
    skipped: tuple[Skipped, ...]
    associations: tuple[int, ...]
    bytes_sent: int
    seconds: float
    error: DicomNetworkError | None = None
    findings: tuple[Finding, ...] = ()

    def count(self, *states: ItemState) -> int:
        """How many instances ended in one of these states."""
        return sum(1 for result in self.results if result.state in states)

    @property
    def sent(self) -> int:
        """How many instances the peer has."""
        return self.count(ItemState.SENT, ItemState.WARNING)

    @property
    def causes(self) -> frozenset[Cause]:
        """Everything that kept something from being sent, skipped files that should have been included."""
        causes = {result.cause for result in self.results if result.cause is not None}
        if self.error is not None:
            causes.add(Cause.NETWORK)
        if any(skipped.is_fault for skipped in self.skipped) or not self.results:
            causes.add(Cause.FILE)
        return frozenset(causes)

    @property
    def ok(self) -> bool:
        """Whether there was something to send and the peer has all of it."""
        return not self.causes and not self.count(ItemState.CANCELLED)

    @property
    def bytes_per_second(self) -> float:
        """Of the files that the peer has."""
        return self.bytes_sent / self.seconds if self.seconds > 0 else 0.0


async def prepare(
    context: AppContext,
    paths: Iterable[str | os.PathLike[str]],
    *,
    on_progress: Callable[[int, str], None] | None = None,
) -> Selection:
    """Find the instances in ``paths`` (see :func:`~dicomgui.app.sources.scan`) without holding up the loop.

    :param on_progress: told in the loop's thread how many files were looked at and which is next.
    """
    loop = asyncio.get_running_loop()
    stop = threading.Event()

    def tell(count: int, name: str) -> None:
        if on_progress is not None and not stop.is_set():
            loop.call_soon_threadsafe(on_progress, count, name)

    work = context.file_pool.submit(scan, tuple(paths), on_progress=tell, should_stop=stop.is_set)
    try:
        return await asyncio.wrap_future(work)
    except asyncio.CancelledError:
        stop.set()
        work.add_done_callback(_discard)
        raise


def _discard(work: Future[Selection]) -> None:
    """Nobody wants the selection any more: remove what was extracted for it."""
    if not work.cancelled() and work.exception() is None:
        work.result().close()


async def send(
    context: AppContext,
    peer: PeerAddress,
    options: ConnectionOptions,
    selection: Selection,
    *,
    on_result: Callable[[ItemResult], None] | None = None,
    on_progress: Callable[[SendProgress], None] | None = None,
) -> SendReport:
    """Send all instances of ``selection``; see :class:`SendJob`."""
    return await SendJob(context, peer, options, selection, on_result=on_result, on_progress=on_progress).run()


class SendJob:
    """One send: over one association after the other, each with the contexts that its files need and no others.

    An association carries at most 128 presentation contexts, so files of more kinds take several. An association that
    breaks after it got a file through is opened again for the files that are left; one that did not ends the send, and
    everything that is left has failed for the same reason. The instance that was under way when it broke has failed.

    :param on_result: told of each instance as its result is known.
    :param on_progress: told before and after each instance, and now and then within a large one.
    """

    def __init__(
        self,
        context: AppContext,
        peer: PeerAddress,
        options: ConnectionOptions,
        selection: Selection,
        *,
        on_result: Callable[[ItemResult], None] | None = None,
        on_progress: Callable[[SendProgress], None] | None = None,
    ) -> None:
        self._peer = peer
        self._options = options
        self._selection = selection
        self._on_result = on_result
        self._on_progress = on_progress
        self._meter = _Meter(context.tracer, self._on_moved)
        self._evidence = Evidence(self._meter)
        self._bytes_total = selection.size_bytes
        self._bytes_done = 0
        self._current: SendItem | None = None
        self._bytes_sent = 0
        self._results: list[ItemResult] = []
        self._associations: list[int] = []
        self._refusals: dict[tuple[str, str], NoAcceptedContext] = {}
        self._broken: DicomNetworkError | None = None
        self._error: DicomNetworkError | None = None
        self._started = 0.0
        self._ended = 0.0

    async def run(self) -> SendReport:
        """Send everything.

        Never raises for what files, the peer or the network do. A cancel passes: the association ends by A-RELEASE
        between two instances and by A-ABORT within one, what was not sent gets the result cancelled, and
        :meth:`report` still tells everything.
        """
        self._started = time.perf_counter()
        groups = _groups(self._selection.items)
        try:
            for queue in groups:
                await self._send_group(queue)
        except asyncio.CancelledError:
            self._cancelled(groups)
            raise
        finally:
            self._ended = time.perf_counter()
        return self.report()

    @property
    def associations(self) -> tuple[int, ...]:
        """Numbers in the trace of the associations so far, also of those that did not come about."""
        return tuple(self._meter.associations)

    def report(self) -> SendReport:
        """Where the send stands, or how it ended."""
        until = self._ended or time.perf_counter()
        return SendReport(
            results=tuple(self._results),
            skipped=self._selection.skipped,
            associations=tuple(self._associations),
            bytes_sent=self._bytes_sent,
            seconds=until - self._started if self._started else 0.0,
            error=self._error,
            findings=self._findings(),
        )

    def _findings(self) -> tuple[Finding, ...]:
        """What the trace shows. That some contexts were refused is a remark there; here it is why files failed."""
        found = self._evidence.findings(self._error)
        refusals = list(self._refusals.values())[:MAX_REFUSALS]
        if not refusals or any(finding.code.startswith("no-context") for finding in found):
            return found
        return (
            *(explain_error(error) for error in refusals),
            *(finding for finding in found if finding.code != "some-contexts-refused"),
        )

    async def _send_group(self, queue: deque[SendItem]) -> None:
        while queue:
            if self._error is None:
                await self._send_over_one_association(queue)
            else:
                self._finish(
                    ItemResult(queue.popleft(), ItemState.FAILED, reason=str(self._error), cause=Cause.NETWORK)
                )

    async def _send_over_one_association(self, queue: deque[SendItem]) -> None:
        """Send from the queue until it is empty or the association has ended; each call takes one off at least."""
        answered = False
        self._broken = None
        try:
            async with self._options.connect(self._peer, _contexts(queue), self._evidence) as association:
                self._associations.append(association.number)
                while queue and association.is_connected:
                    following = _file(queue[1]) if len(queue) > 1 else None
                    result = await self._send_one(association, queue[0], following)
                    queue.popleft()
                    answered = answered or result.status is not None
                    self._finish(result)
                    if result.cause is Cause.FILE:
                        answered = True  # not the peer's fault: the others deserve their try
        except DicomNetworkError as error:
            self._broken = error
        if queue and not answered:
            self._error = self._broken or ConnectionLost(
                "the peer ended the association before anything was sent", peer=str(self._peer), phase="transfer"
            )

    async def _send_one(self, association: Association, item: SendItem, following: InstanceFile | None) -> ItemResult:
        self._current = item
        self._meter.begin(item.size_bytes)
        self._tell_progress()
        scribe = Scribe(self._evidence, association.number)
        scribe.file("opened", str(item.path), item.size_bytes, item.name if item.name != str(item.path) else "")
        started = time.perf_counter()
        try:
            response = await association.store(_file(item), following=following)
        except NoAcceptedContext as error:
            self._refusals.setdefault(_pair(item), error)
            return self._failed(association, item, error, Cause.CONTEXT, started)
        except (OSError, DicomNetworkError) as error:
            # A time-out of the network is an OSError too.
            if isinstance(error, DicomNetworkError) and not isinstance(error, Part10Error | LocalProtocolError):
                self._broken = error
                return self._failed(association, item, error, Cause.NETWORK, started)
            scribe.file("failed", str(item.path), item.size_bytes, str(error))
            return self._failed(association, item, error, Cause.FILE, started)
        status = response.status
        state = _state_of(status)
        return ItemResult(
            item,
            state,
            status,
            response.comment,
            "" if status.is_success else status.meaning(Service.STORAGE),
            Cause.STATUS if state is ItemState.FAILED else None,
            association.number,
            time.perf_counter() - started,
        )

    def _failed(
        self, association: Association, item: SendItem, error: Exception, cause: Cause, started: float
    ) -> ItemResult:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        seconds = time.perf_counter() - started
        return ItemResult(
            item, ItemState.FAILED, reason=reason, cause=cause, association=association.number, seconds=seconds
        )

    def _finish(self, result: ItemResult) -> None:
        self._current = None
        self._results.append(result)
        self._bytes_done += result.item.size_bytes
        if result.is_sent:
            self._bytes_sent += result.item.size_bytes
        if self._on_result is not None:
            self._on_result(result)
        self._tell_progress()

    def _cancelled(self, groups: list[deque[SendItem]]) -> None:
        total = len(self._selection.items)
        number = self._associations[-1] if self._associations else 0
        Scribe(self._evidence, number).cancel(f"the send was cancelled after {len(self._results)} of {total} files")
        for queue in groups:
            while queue:
                self._finish(ItemResult(queue.popleft(), ItemState.CANCELLED, reason="cancelled", association=number))

    def _on_moved(self) -> None:
        if self._current is not None:
            self._tell_progress()

    def _tell_progress(self) -> None:
        if self._on_progress is None:
            return
        current = self._current
        part = min(self._meter.bytes_sent, current.size_bytes) if current is not None else 0
        self._on_progress(
            SendProgress(
                done=len(self._results),
                total=len(self._selection.items),
                bytes_done=self._bytes_done + part,
                bytes_total=self._bytes_total,
                current=current,
                bytes_failed=self._bytes_done - self._bytes_sent,
            )
        )


class _Meter:
    """Looks at the records on their way to the trace: which associations there are, how much of a file has left.

    :param moved: called while a large file is sent, at most once in :data:`PROGRESS_S`.
    """

    def __init__(self, onward: Tracer, moved: Callable[[], None]) -> None:
        self.bytes_sent = 0
        self.associations: dict[int, None] = {}
        self._onward = onward
        self._moved = moved
        self._next = math.inf

    def begin(self, size_bytes: int) -> None:
        """The next file comes."""
        self.bytes_sent = 0
        self._next = time.monotonic() + PROGRESS_S if size_bytes >= LARGE_BYTES else math.inf

    def __call__(self, record: Record) -> None:
        """Take a record."""
        self._onward(record)
        if type(record) is not PduRecord:
            if record.association:
                self.associations[record.association] = None
        elif record.pdu_type == PduType.P_DATA_TF and record.direction is Direction.SENT:
            self.bytes_sent += record.length - PDATA_HEAD.size
            if record.mono >= self._next:
                self._next = record.mono + PROGRESS_S
                self._moved()


def _state_of(status: Status) -> ItemState:
    if status.is_success:
        return ItemState.SENT
    return ItemState.WARNING if status.is_warning else ItemState.FAILED


def _file(item: SendItem) -> InstanceFile:
    return InstanceFile(item.path, item.head)


def _pair(item: SendItem) -> tuple[str, str]:
    return item.head.sop_class_uid, item.head.transfer_syntax_uid


def _contexts(items: Iterable[SendItem]) -> tuple[ProposedContext, ...]:
    return presets.for_instances(_pair(item) for item in items)


def _groups(items: tuple[SendItem, ...]) -> list[deque[SendItem]]:
    """The instances by association: as many kinds together as one association can have contexts."""
    group_of: dict[tuple[str, str], int] = {}
    for number, contexts in enumerate(split_contexts(_contexts(items))):
        for context in contexts:
            group_of[context.abstract_syntax, context.transfer_syntaxes[0]] = number
    groups: dict[int, deque[SendItem]] = {}
    for item in items:
        groups.setdefault(group_of[_pair(item)], deque()).append(item)
    return list(groups.values())
