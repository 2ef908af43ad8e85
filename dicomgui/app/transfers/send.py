"""Send instances to a peer by C-STORE, each with its own result."""

from __future__ import annotations

import asyncio
import math
import os
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import chain

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.evidence import Evidence
from dicomgui.app.files.conversion import (
    Conversion,
    converted,
    fallbacks_of,
    file_of,
    groups_of,
    pair_of,
    propose,
    remedy_of,
)
from dicomgui.app.files.sources import Selection, SendItem, Skipped, scan
from dicomgui.app.files.splicing import Splice, spliced
from dicomgui.app.transfers.renaming import Renamer
from dicomgui.app.transfers.send_manner import SendManner
from dicomgui.app.transfers.send_results import Cause, ItemResult, ItemState, SendProgress, SendReport
from dicomgui.app.transfers.whole_files import WholeFiles
from dicomgui.network.association.params import PeerAddress
from dicomgui.network.client import Association
from dicomgui.network.dimse.convert import ConversionError
from dicomgui.network.dimse.recode import Remark, RemarkCode
from dicomgui.network.errors import ConnectionLost, DicomNetworkError, LocalProtocolError, NoAcceptedContext
from dicomgui.network.part10 import Part10Error
from dicomgui.network.pdu import PDATA_HEAD
from dicomgui.network.service import InstanceFile, Response, StoreLane
from dicomgui.network.status import Service, Status
from dicomgui.network.tracing import DimseRecord, MakeSent, PduRecord, Scribe, Tracer, failed_by
from dicomgui.storage.errors import DiskFull, from_os_error
from dicomgui.trace.diagnosis.diagnose import explain_error
from dicomgui.trace.diagnosis.words import compose
from dicomgui.trace.finding import Finding

__all__ = [
    "Cause",
    "Conversion",
    "ItemResult",
    "ItemState",
    "Selection",
    "SendItem",
    "SendJob",
    "SendManner",
    "SendProgress",
    "SendReport",
    "Skipped",
    "prepare",
    "send",
]


PROGRESS_S = 0.1
"""Within one large file, progress is told this often at most."""

MAX_AT_ONCE = 16
"""C-STOREs outstanding on one association, where the peer takes more or sets no limit."""

MAX_METERED = 64
"""Associations whose last file is still counted."""

LARGE_BYTES = 1_048_576
"""Files from this size on have progress of their own."""

MAX_REFUSALS = 8
"""Refused kinds of instances that are explained; each file has its own reason anyway."""


_USUAL = SendManner()


async def prepare(
    context: AppContext,
    paths: Iterable[str | os.PathLike[str]],
    *,
    on_progress: Callable[[int, str], None] | None = None,
) -> Selection:
    """Find the instances in ``paths`` (see :func:`~dicomgui.app.files.sources.scan`) without holding up the loop.

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
    conversion: Conversion = Conversion.UNCOMPRESSED,
    sends_broken: bool = False,
    manner: SendManner = _USUAL,
    on_result: Callable[[ItemResult], None] | None = None,
    on_progress: Callable[[SendProgress], None] | None = None,
) -> SendReport:
    """Send all instances of ``selection``; see :class:`SendJob`."""
    job = SendJob(
        context, peer, options, selection, conversion=conversion, sends_broken=sends_broken, manner=manner,
        on_result=on_result, on_progress=on_progress,
    )  # fmt: skip
    return await job.run()


@dataclass(eq=False, slots=True)
class _Turn:
    """One association of a send, or the attempt at one.

    :ivar number: in the trace; 0 until it is there.
    :ivar left: how many more instances it may carry.
    :ivar fallbacks: by SOP class and transfer syntax UID: the transfer syntax to convert into.
    :ivar begun: the instance whose first byte left last.
    :ivar answered: the peer has answered, or a file was at fault.
    """

    left: float = math.inf
    number: int = 0
    fallbacks: dict[tuple[str, str], str] = field(default_factory=dict)
    begun: SendItem | None = None
    answered: bool = False
    broken: DicomNetworkError | None = None


class SendJob:
    """One send: over one association after the other, each with the contexts that its files need and no others.

    An association carries at most 128 presentation contexts, so files of more kinds take several. An association that
    breaks after it got a file through is opened again for the files that are left; one that did not ends the send, and
    everything that is left has failed for the same reason. The instance that was under way when it broke has failed.

    :param conversion: what may be converted where the peer does not take it as it is; by default uncompressed files,
        between the uncompressed transfer syntaxes (PS3.5 10.1).
    :param sends_broken: send files whose data sets break off or cannot be read as well, to test receivers; otherwise
        each is looked at before, and such a file has failed without being sent.
    :param manner: how many associations, with how much on each; see :class:`SendManner`. Of several at once, one that
        ends before anything was answered leaves its files to the others; the last one ends the send.
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
        conversion: Conversion = Conversion.UNCOMPRESSED,
        sends_broken: bool = False,
        manner: SendManner = _USUAL,
        on_result: Callable[[ItemResult], None] | None = None,
        on_progress: Callable[[SendProgress], None] | None = None,
    ) -> None:
        self._pool = context.file_pool
        self._manner = manner
        self._signed: tuple[str, int] | None = None
        self._changes: dict[RemarkCode, tuple[str, int]] = {}
        self._conversion = conversion
        self._sends_broken = sends_broken
        self._whole: WholeFiles | None = None
        self._peer = peer
        self._options = options
        self._selection = selection
        self._on_result = on_result
        self._on_progress = on_progress
        tracer = context.tracer if context.is_tracing else None
        self._meter = None if on_progress is None else _Meter(tracer, self._on_moved)
        self._evidence = self._meter or Evidence(tracer)
        self._context = context
        self._bytes_total = selection.size_bytes
        self._bytes_done = 0
        self._current: dict[int, SendItem] = {}
        self._bytes_sent = 0
        self._results: list[ItemResult] = []
        self._associations: list[int] = []
        self._refusals: dict[tuple[str, str], NoAcceptedContext] = {}
        self._remedy: Conversion | None = None
        self._unconverted: dict[str, Finding] = {}
        self._in_flight: list[SendItem] = []
        self._working = 0
        self._kinds: dict[int, list[SendItem]] = {}
        self._renamer: Renamer | None = None
        self._error: DicomNetworkError | None = None
        self._started = 0.0
        self._ended = 0.0

    async def run(
        self, complete: Callable[[ConnectionOptions, PeerAddress], Awaitable[ConnectionOptions]] | None = None
    ) -> SendReport:
        """Send everything.

        Never raises for what files, the peer or the network do. A cancel passes: the association ends by A-RELEASE
        between two instances and by A-ABORT within one, what was not sent gets the result cancelled, and
        :meth:`report` still tells everything.

        :param complete: gives the options with the secrets that they need; asked before the first connection.
        """
        self._started = time.perf_counter()
        groups = groups_of(self._selection.items, self._conversion, syntaxes=self._manner.syntaxes)
        try:
            if complete is not None:
                self._options = await complete(self._options, self._peer)
            if not self._sends_broken:
                self._whole = WholeFiles(self._pool, chain.from_iterable(groups))
            if self._manner.renames:
                loop = asyncio.get_running_loop()
                self._renamer = await loop.run_in_executor(self._pool, Renamer, self._selection.directories)
            self._kinds = {id(queue): _one_of_each_kind(queue) for queue in groups}
            self._working = min(self._manner.associations, max(1, len(self._selection.items)))
            async with asyncio.TaskGroup() as group:
                for number in range(1, self._working):
                    group.create_task(self._send_groups(groups), name=f"association {number} of a send")
                await self._send_groups(groups)
        except asyncio.CancelledError:
            self._cancelled(groups)
            raise
        finally:
            self._ended = time.perf_counter()
            if self._whole is not None:
                self._whole.close()
        return self.report()

    @property
    def associations(self) -> tuple[int, ...]:
        """Numbers in the trace of the associations so far, also of those that did not come about."""
        return self._evidence.associations

    def report(self) -> SendReport:
        """Where the send stands, or how it ended."""
        until = self._ended or time.perf_counter()
        return SendReport(
            results=self._in_order(),
            skipped=self._selection.skipped,
            associations=tuple(self._associations),
            bytes_sent=self._bytes_sent,
            seconds=until - self._started if self._started else 0.0,
            error=self._error,
            findings=self._findings(),
        )

    def _in_order(self) -> tuple[ItemResult, ...]:
        """The results in the order of the selection, however many associations there were."""
        place = {id(item): number for number, item in enumerate(self._selection.items)}
        return tuple(sorted(self._results, key=lambda result: place[id(result.item)]))

    def _findings(self) -> tuple[Finding, ...]:
        """What the trace shows. That some contexts were refused is a remark there; here it is why files failed.

        Where files may be converted it is no news: more is proposed than is needed.
        """
        found = self._evidence.findings(self._error, self._context.facts)
        refusals = list(self._refusals.values())[:MAX_REFUSALS]
        if refusals or self._conversion is not Conversion.NEVER:
            found = tuple(finding for finding in found if finding.code != "some-contexts-refused")
        if not any(finding.code.startswith("no-context") for finding in found):
            found = (*(explain_error(error) for error in refusals), *found)
        return (*self._unconverted.values(), *self._change_findings(), *map(self._with_remedy, found))

    def _with_remedy(self, finding: Finding) -> Finding:
        """A refusal that a conversion may overcome, with the advice to let one happen."""
        if self._remedy is None or finding.code not in ("no-context", "no-context-transfer"):
            return finding
        advice = (
            f"Let the files be converted on their way: send them with Convert set to “{self._remedy.value}” "
            f"(--convert {self._remedy.value})."
        )
        return replace(finding, tries=(advice, *finding.tries))

    async def _send_groups(self, groups: Sequence[deque[SendItem]]) -> None:
        """Send over one association after the other; several of these run side by side where that is asked for."""
        for queue in groups:
            while queue and self._error is None:
                error = await self._send_over_one_association(queue)
                if error is not None:
                    self._working -= 1
                    if self._working:
                        return  # the others go on
                    self._error = error
            if self._error is not None:
                self._give_up(queue)

    def _give_up(self, queue: deque[SendItem]) -> None:
        while queue:
            self._finish(ItemResult(queue.popleft(), ItemState.FAILED, reason=str(self._error), cause=Cause.NETWORK))

    async def _send_over_one_association(self, queue: deque[SendItem]) -> DicomNetworkError | None:
        """Send from the queue until it is empty or the association has ended.

        :returns: the reason why nothing was answered; each call that gives none takes one file off at least.
        """
        turn = _Turn()
        first = await self._next_of(queue, turn)
        if first is None:
            return None
        self._put_back(queue, first, turn)
        turn.answered = False
        turn.left = self._manner.per_association or math.inf
        # Of several associations any may get any file, also one that another one puts back.
        kinds = self._kinds[id(queue)] if self._manner.associations > 1 else queue
        contexts = propose(kinds, self._conversion, self._manner.syntaxes)
        try:
            async with self._options.connect(self._peer, contexts, self._evidence) as association:
                turn.number = association.number
                self._associations.append(association.number)
                turn.fallbacks = fallbacks_of(association.negotiated, kinds, self._conversion, self._manner.syntaxes)
                at_once = min(association.negotiated.max_invoked or MAX_AT_ONCE, MAX_AT_ONCE, max(1, len(queue)))
                if at_once == 1:
                    await self._send_one_by_one(association, queue, turn)
                async with asyncio.TaskGroup() as group:  # several where an asynchronous operations window was agreed
                    for lane in range(1, at_once):
                        group.create_task(self._send_in_turn(association, queue, turn), name=f"lane {lane} of a send")
                    await self._send_in_turn(association, queue, turn)
        except DicomNetworkError as error:
            turn.broken = error
        self._current.pop(turn.number, None)
        if not queue or turn.answered:
            return None
        return turn.broken or ConnectionLost(
            "the peer ended the association before anything was sent", peer=str(self._peer), phase="transfer"
        )

    async def _send_one_by_one(self, association: Association, queue: deque[SendItem], turn: _Turn) -> None:
        """Send what is next until nothing is left; each leaves as soon as the one before was answered."""
        following: SendItem | None = None

        def launched(_: InstanceFile) -> None:
            if following is not None:
                self._begin(turn, following)

        lane = association.store_lane(launched, priority=self._options.priority)
        item = await self._next_of(queue, turn)
        while item is not None and (lane.is_under_way or association.is_connected):
            following = await self._next_of(queue, turn)
            result = await self._send_one(association, turn, item, following, lane)
            self._in_flight.remove(item)
            self._take_result(turn, result)
            item = following
        if item is not None:  # not its fault: it goes over the next association
            self._put_back(queue, item, turn)

    def _put_back(self, queue: deque[SendItem], item: SendItem, turn: _Turn) -> None:
        turn.left += 1
        self._in_flight.remove(item)
        queue.appendleft(item)

    async def _next_of(self, queue: deque[SendItem], turn: _Turn) -> SendItem | None:
        """Take the next file that is whole off the queue; those before it that are broken have failed."""
        while queue and turn.left > 0:
            item = queue.popleft()
            turn.left -= 1
            self._in_flight.append(item)
            problem = None if self._whole is None else await self._whole.problem_of(item)
            if problem is None:
                return item
            self._in_flight.remove(item)
            turn.left += 1
            reason = f"not sent, the file is broken: {problem.text}"
            Scribe(self._evidence, turn.number).file(failed_by("broken"), str(item.path), item.size_bytes, problem.text)
            self._finish(ItemResult(item, ItemState.FAILED, reason=reason, cause=Cause.FILE, association=turn.number))
        return None

    async def _send_in_turn(self, association: Association, queue: deque[SendItem], turn: _Turn) -> None:
        """Send what is next until nothing is left; where the peer takes several at once, several of these run."""
        while association.is_connected and (item := await self._next_of(queue, turn)) is not None:
            result = await self._send_one(association, turn, item, queue[0] if queue else None)
            self._in_flight.remove(item)
            self._take_result(turn, result)

    def _take_result(self, turn: _Turn, result: ItemResult) -> None:
        # What is wrong with a file is not the peer's fault: the others deserve their try.
        turn.answered = turn.answered or result.status is not None or result.cause is Cause.FILE
        self._finish(result)

    def _begin(self, turn: _Turn, item: SendItem) -> None:
        """The first byte of a file is about to leave."""
        if turn.begun is item:
            return
        turn.begun = item
        if self._meter is not None:
            self._meter.begin(turn.number, item.size_bytes)
        path, name = str(item.path), item.name
        scribe = Scribe(self._evidence, turn.number)
        scribe.file("opened", path, item.size_bytes, "" if name == path else name)

    async def _send_one(
        self,
        association: Association,
        turn: _Turn,
        item: SendItem,
        next_item: SendItem | None,
        lane: StoreLane | None = None,
    ) -> ItemResult:
        self._current[turn.number] = item
        self._begin(turn, item)
        self._tell_progress()
        started = time.perf_counter()
        other = turn.fallbacks.get(pair_of(item), "") if turn.fallbacks else ""
        try:
            following = self._following(turn, next_item)
            if not other and item.change is None:
                response = await self._store(association, file_of(item), following, lane)
            else:
                async with self._made(turn, item, other) as instance:
                    response = await self._store(association, instance, following, lane)
        except NoAcceptedContext as error:
            self._refusals.setdefault(pair_of(item), error)
            remedy = remedy_of(association.negotiated, item, self._conversion)
            self._remedy = max(filter(None, (self._remedy, remedy)), key=list(Conversion).index, default=None)
            return self._failed(association, item, error, Cause.CONTEXT, started)
        except ConversionError as error:
            if item.change is None:
                self._not_converted(item, error)
            return self._failed(association, item, error, Cause.FILE, started)
        except (OSError, DicomNetworkError) as error:
            # A time-out of the network is an OSError too.
            if isinstance(error, DicomNetworkError) and not isinstance(error, Part10Error | LocalProtocolError):
                turn.broken = error
                return self._failed(association, item, error, Cause.NETWORK, started)
            scribe = Scribe(self._evidence, association.number)
            scribe.file(failed_by(_failure_of(error)), str(item.path), item.size_bytes, str(error))
            return self._failed(association, item, error, Cause.FILE, started)
        status = response.status
        state = _state_of(status)
        return ItemResult(
            item,
            state,
            status,
            response.comment,
            "" if state is ItemState.SENT else status.meaning(Service.STORAGE),
            Cause.STATUS if state is ItemState.FAILED else None,
            association.number,
            time.perf_counter() - started,
            other,
        )

    @asynccontextmanager
    async def _made(self, turn: _Turn, item: SendItem, other: str) -> AsyncIterator[InstanceFile]:
        """The instance that goes out in the place of a file: changed, converted into ``other``, or both."""
        async with AsyncExitStack() as stack:
            source = item
            if item.change is not None:
                source, splice = await stack.enter_async_context(spliced(self._pool, item))
                self._take_change(turn, item, splice)
            if not other:
                yield file_of(source)
                return
            instance, remarks = await stack.enter_async_context(converted(self._pool, source, other))
            yield instance
            self._take_remarks(item, remarks)

    def _take_change(self, turn: _Turn, item: SendItem, splice: Splice) -> None:
        codes = () if item.change is None else item.change.codes
        scribe = Scribe(self._evidence, turn.number)
        scribe.file("changed", str(item.path), item.size_bytes, ",".join(codes))
        if splice.is_signed:
            name, count = self._signed or (item.name, 0)
            self._signed = name, count + 1

    def _following(self, turn: _Turn, item: SendItem | None) -> InstanceFile | None:
        """An instance that can be read ahead: none that has to be changed or converted first."""
        if item is None or item.change is not None or (turn.fallbacks and pair_of(item) in turn.fallbacks):
            return None
        return file_of(item)

    def _store(
        self, association: Association, instance: InstanceFile, following: InstanceFile | None, lane: StoreLane | None
    ) -> Awaitable[Response]:
        if lane is not None:
            return lane.store(instance, following)
        return association.store(instance, priority=self._options.priority, following=following, convert=False)

    def _take_remarks(self, item: SendItem, remarks: Iterable[Remark]) -> None:
        """Count the files of which a conversion changed more than the encoding."""
        for remark in remarks:
            name, count = self._changes.get(remark.code, (item.name, 0))
            self._changes[remark.code] = name, count + 1

    def _change_findings(self) -> Iterator[Finding]:
        if self._signed is not None:
            name, count = self._signed
            yield compose("changed-signed", {"path": name, "detail": f"{count:,}"})
        for code, (name, count) in self._changes.items():
            yield compose(f"converted-{code.name.lower().replace('_', '-')}", {"path": name, "detail": f"{count:,}"})

    def _not_converted(self, item: SendItem, error: ConversionError) -> None:
        """Explain each reason once."""
        if len(self._unconverted) < MAX_REFUSALS:
            detail = str(error).rstrip(".")
            values = {"path": item.name, "detail": detail, "hint": error.hint}
            self._unconverted.setdefault(detail, compose("not-converted", values))

    def _failed(
        self, association: Association, item: SendItem, error: Exception, cause: Cause, started: float
    ) -> ItemResult:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        if isinstance(error, ConversionError):
            what = "not converted" if item.change is None else "not changed or converted"
            reason = f"{what}: {reason.rstrip('.')}. {error.hint}".rstrip()
        seconds = time.perf_counter() - started
        return ItemResult(
            item, ItemState.FAILED, reason=reason, cause=cause, association=association.number, seconds=seconds
        )

    def _finish(self, result: ItemResult) -> None:
        self._current.pop(result.association, None)
        if result.item.change is not None:
            result = result._replace(changed=result.item.change.codes)
        if self._renamer is not None:
            result = self._renamer.take(result)
        self._results.append(result)
        size = result.item.size_bytes
        self._bytes_done += size
        if result.is_sent:
            self._bytes_sent += size
        if self._on_result is not None:
            self._on_result(result)
        self._tell_progress()

    def _cancelled(self, groups: list[deque[SendItem]]) -> None:
        total = len(self._selection.items)
        number = self._associations[-1] if self._associations else 0
        Scribe(self._evidence, number).cancel(f"the send was cancelled after {len(self._results)} of {total} files")
        for queue in (deque(self._in_flight), *groups):
            while queue:
                self._finish(ItemResult(queue.popleft(), ItemState.CANCELLED, reason="cancelled", association=number))

    def _on_moved(self) -> None:
        if self._current:
            self._tell_progress()

    def _tell_progress(self) -> None:
        if self._on_progress is None:
            return
        part = (
            0
            if self._meter is None
            else sum(min(self._meter.bytes_sent(number), item.size_bytes) for number, item in self._current.items())
        )
        self._on_progress(
            SendProgress(
                done=len(self._results),
                total=len(self._selection.items),
                bytes_done=self._bytes_done + part,
                bytes_total=self._bytes_total,
                current=next(reversed(self._current.values()), None),
                bytes_failed=self._bytes_done - self._bytes_sent,
            )
        )


class _Meter(Evidence):
    """Evidence that also knows how much of a file has left.

    :param moved: called while a large file is sent, at most once in :data:`PROGRESS_S`.
    """

    def __init__(self, onward: Tracer | None, moved: Callable[[], None]) -> None:
        super().__init__(onward)
        self._sent: dict[int, int] = {}
        self._moved = moved
        self._next = math.inf

    def bytes_sent(self, association: int) -> int:
        """Bytes of its file that have left on an association."""
        return self._sent.get(association, 0)

    def begin(self, association: int, size_bytes: int) -> None:
        """The next file of an association comes."""
        if len(self._sent) > MAX_METERED:
            self._sent.pop(next(iter(self._sent)))
        self._sent[association] = 0
        if size_bytes >= LARGE_BYTES:
            self._next = time.monotonic() + PROGRESS_S
        elif len(self._sent) == 1:
            self._next = math.inf

    def take_sent(self, sent: Sequence[PduRecord], message: DimseRecord | None = None) -> None:
        """Take the P-DATA-TF PDUs that were sent at once."""
        super().take_sent(sent, message)
        number = sent[-1][0]
        size = sum([record[5] for record in sent]) - PDATA_HEAD.size * len(sent)
        self._sent[number] = self._sent.get(number, 0) + size
        mono = sent[-1][1]
        if mono >= self._next:
            self._next = mono + PROGRESS_S
            self._moved()

    def take_later(self, count: int, make: MakeSent) -> None:
        """Take those of a small message: they are counted, and so must be made."""
        self.take_sent(*make())


def _one_of_each_kind(items: Iterable[SendItem]) -> list[SendItem]:
    return list({pair_of(item): item for item in items}.values())


def _failure_of(error: Exception) -> str:
    """The code for what kept a file from being read; a conversion may also have filled the disk."""
    if isinstance(error, LocalProtocolError):
        return ""
    is_full = isinstance(error, OSError) and from_os_error(error, "", "read").code == DiskFull.code
    return DiskFull.code if is_full else "unreadable"


def _state_of(status: Status) -> ItemState:
    if status.is_success:
        return ItemState.SENT
    return ItemState.WARNING if status.is_warning else ItemState.FAILED
