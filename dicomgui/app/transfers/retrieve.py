"""Retrieve from a peer: by C-MOVE, to us or to a third AE, or by C-GET over the association that asks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

from dicomgui.app.asking.levels import accepted_root, contexts_for, roots_for
from dicomgui.app.asking.wanted import Wanted, classes_of, look_up, syntaxes_of
from dicomgui.app.beside import MAX_RECORDS, Beside
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.transfers.retrieve_contexts import ENCODINGS, contexts_for_get
from dicomgui.app.transfers.retrieve_manner import USUAL_MANNER, CancelTimer, RetrieveManner
from dicomgui.app.transfers.retrieve_once import each_once
from dicomgui.app.transfers.retrieve_results import (
    ArrivalRemarks,
    Arrived,
    Counts,
    RetrieveProgress,
    RetrieveReport,
    WantedResult,
    WantedState,
)
from dicomgui.app.transfers.retrieve_targets import DUPLICATE, into_archive, into_folder
from dicomgui.app.watching import Watch
from dicomgui.network.association.contexts import MAX_CONTEXTS, ProposedContext
from dicomgui.network.association.params import AETitle, PeerAddress
from dicomgui.network.client import Association
from dicomgui.network.errors import ConfigurationError, ConnectionLost, DicomNetworkError, RemoteProtocolError
from dicomgui.network.service import QUERY_MODELS, Handlers, Operation, Progress, Response
from dicomgui.network.service.decoding import is_large
from dicomgui.network.service.models import QueryOperation
from dicomgui.network.status import Status
from dicomgui.network.tracing import Record, Role, Scribe
from dicomgui.network.uids import name_of
from dicomgui.storage import Archive
from dicomgui.trace.finding import Finding

__all__ = [
    "Arrived",
    "Counts",
    "GetJob",
    "MoveJob",
    "RetrieveJob",
    "RetrieveManner",
    "RetrieveProgress",
    "RetrieveReport",
    "Wanted",
    "WantedResult",
    "WantedState",
]

UNKNOWN_DESTINATION = Status(0xA801)
MAX_EARLIER = 256
"""Associations before a C-MOVE that are looked at for callers who were there already."""
MAX_BARREN = 3
"""So many associations that break one after the other, with nothing answered in between, end a retrieval."""
MAX_NAMED = 60_000
"""Instances of one retrieval that are remembered by name because they failed."""
MAX_UID = 64
MAX_NOTES = 100
"""Reasons of which each is told once."""

_Start: TypeAlias = Callable[[Wanted], Operation[Progress]]
_Begin: TypeAlias = Callable[[Association], Awaitable[_Start]]


class RetrieveJob:
    """One retrieval: some requests one after the other. Made as a :class:`MoveJob` or a :class:`GetJob`.

    A request on which the association breaks has failed for that reason; the next one goes over a new association,
    until :data:`MAX_BARREN` of them have broken in a row or none can be opened.

    Never raises for what the peer or the network do. A cancel of the task passes: the peer has been sent a C-CANCEL by
    then and had a second to answer it, and :meth:`report` tells how far it came.

    :param wanted: what to retrieve; what other keys than unique ones describe is looked up by C-FIND first.
    :param root: information model; ``None`` takes the first that the peer accepts of those that have all the levels.
    :param manner: when to cancel it, and how often to send each request.
    :param on_progress: told whenever the peer tells its numbers, and whenever an instance has arrived.
    :param on_result: told of each request as it ends.
    :param on_arrived: told of each instance that is here.
    :param on_association: told each association's number in the trace, once, as soon as there is one.
    :raises ConfigurationError: nothing is wanted.
    """

    _operation: QueryOperation = "move"
    _destination = ""

    def __init__(
        self,
        context: AppContext,
        peer: PeerAddress,
        options: ConnectionOptions,
        wanted: Sequence[Wanted],
        *,
        root: str | None = None,
        manner: RetrieveManner = USUAL_MANNER,
        on_progress: Callable[[RetrieveProgress], None] | None = None,
        on_result: Callable[[WantedResult], None] | None = None,
        on_arrived: Callable[[Arrived], None] | None = None,
        on_association: Callable[[int], None] | None = None,
    ) -> None:
        self._peer = peer
        self._options = options
        self._wanted = tuple(wanted)
        self._roots = (root,) if root is not None else _roots_for(self._wanted, self._operation)
        self._manner = manner
        self._canceller = CancelTimer(manner)
        self._on_progress = on_progress
        self._on_result = on_result
        self._on_arrived = on_arrived
        self._evidence = Watch(context.tracer, on_association)
        self._context = context
        self._left = list(self._wanted)
        self._results: list[WantedResult] = []
        self._notes: list[str] = []
        self._remarks = ArrivalRemarks()
        self._root = ""
        self._told = Counts()
        self._arrived: dict[str, None] | None = None
        self._arrived_bytes = 0
        self._deliveries = 0
        self._refused: dict[str, None] = {}
        self._named = 0
        self._is_cancelled = False
        self._is_over = False
        self._under_way = Counts()
        self._broken: DicomNetworkError | None = None
        self._barren = 0
        self._error: DicomNetworkError | None = None
        self._started = self._ended = 0.0

    async def run(self) -> RetrieveReport:
        """Retrieve everything."""
        self._started = time.perf_counter()
        try:
            await self._retrieve()
        except DicomNetworkError as error:
            self._error = error
        except asyncio.CancelledError:
            self._is_cancelled = True
            raise
        finally:
            self._ended = time.perf_counter()
            self._give_up()
        return self.report()

    def report(self) -> RetrieveReport:
        """Where the retrieval stands, or how it ended."""
        until = self._ended or time.perf_counter()
        return RetrieveReport(
            peer=self._peer,
            associations=self._evidence.associations,
            root=self._root,
            destination=self._destination,
            results=tuple(self._results),
            told=self._told,
            arrived=None if self._arrived is None else len(self._arrived),
            arrived_bytes=self._arrived_bytes,
            deliveries=None if self._arrived is None else self._deliveries,
            seconds=until - self._started if self._started else 0.0,
            refused_uids=tuple(self._refused),
            is_cancelled=self._is_cancelled,
            is_stopped=bool(self._canceller.reason),
            notes=tuple(dict.fromkeys((*self._notes, *self._remarks.sentences))),
            error=self._error,
            findings=self._findings(),
        )

    def received(self, arrived: Arrived) -> None:
        """An instance is here; for a C-MOVE to us, whoever owns the listener says so."""
        if self._arrived is None:
            self._arrived = {}
        if arrived.sop_instance_uid not in self._arrived or arrived.outcome != DUPLICATE:
            self._arrived_bytes += arrived.size_bytes
            self._remarks.add(arrived)
        self._arrived[arrived.sop_instance_uid] = None
        self._deliveries += 1
        self._refused.pop(arrived.sop_instance_uid, None)
        if self._on_arrived is not None:
            self._on_arrived(arrived)
        self._count()
        self._tell(self._told)

    def refused(self, sop_instance_uid: str) -> None:
        """An instance came and could not be kept; :data:`MAX_NAMED` of them are remembered by name."""
        if len(self._refused) < MAX_NAMED:
            self._refused[sop_instance_uid[:MAX_UID]] = None

    async def _retrieve(self) -> None:
        raise NotImplementedError

    async def _look_up(self, association: Association) -> str:
        """Find out what the requests are, and in which root; the C-FIND of the same root is used if there is one."""
        root = accepted_root(association.negotiated, self._roots, self._operation) or self._roots[0]
        self._root = root
        wanted, self._left = self._left, []
        for one in wanted:
            requests = await look_up(association, root, one, self._notes)
            if not requests:
                self._notes.append(f"Nothing at the peer matches {', '.join(map(str, one.keys))}.")
            self._left = each_once((*self._left, *requests))
        self._left *= self._manner.repeat
        return root

    async def _retrieve_over(self, contexts: Sequence[ProposedContext], begin: _Begin) -> None:
        """Retrieve what is left over associations of its own, one after the other where they break."""
        while self._left and not self._is_over:
            before = len(self._results)
            try:
                async with self._options.connect(self._peer, contexts, self._evidence) as association:
                    await self._retrieve_each(association, await begin(association))
            except DicomNetworkError:
                if len(self._results) == before:
                    raise
            if self._left and len(self._results) == before:
                raise ConnectionLost(
                    "the peer ended the association before anything was asked", peer=str(self._peer), phase="transfer"
                )
        if self._broken is not None and all(result.reason for result in self._results):
            raise self._broken  # nothing else came of it: that is what ended it

    async def _retrieve_each(self, association: Association, start: _Start) -> None:
        """Retrieve one after the other, until nothing is left or the association is gone.

        :raises DicomNetworkError: the association stands, and what is wrong concerns all that is wanted.
        """
        while self._left and _stands(association):
            wanted = self._left[0]
            try:
                result = await self._retrieve_one(wanted, start(wanted))
            except DicomNetworkError as error:
                if _stands(association):
                    raise
                result = self._broken_off(wanted, error)
            else:
                self._barren = 0
            self._left.pop(0)
            self._finish(result)
            if result.status == UNKNOWN_DESTINATION or self._canceller.reason:
                self._is_over = True  # it will not know the destination for the others either
                return

    def _broken_off(self, wanted: Wanted, error: DicomNetworkError) -> WantedResult:
        """The result of a request on which the association broke, or was aborted after a C-CANCEL of our own."""
        if self._canceller.error is not None:
            self._notes.append("The peer went on after the C-CANCEL; the association was aborted.")
            return WantedResult(wanted, WantedState.CANCELLED, told=self._under_way)
        self._broken = error
        self._barren += 1
        self._is_over = self._barren == MAX_BARREN
        return WantedResult(wanted, WantedState.FAILED, told=self._under_way, reason=str(error))

    async def _retrieve_one(self, wanted: Wanted, operation: Operation[Progress]) -> WantedResult:
        before, told, announced = self._told, Counts(), 0
        deliveries = self._deliveries
        self._under_way = told
        self._tell(before)
        async with operation, self._canceller.watching(operation):
            async for progress in operation:
                told = self._under_way = Counts.of(progress, told)
                announced = max(announced, told.announced)
                self._told = before + told
                self._count(is_last=told.remaining == 0)
                self._tell(self._told)
            response = await operation.result()
        told = Counts.of(response.progress, told)
        self._told = before + told
        over = told.over
        if response.progress is None or response.progress.completed is None:  # it leaves the last numbers out
            over = announced if self._arrived is None else max(over, self._deliveries - deliveries + told.failed)
        failed = await self._failed_of(response)
        return self._result(wanted, response, told, max(announced, told.announced) - over, failed)

    async def _failed_of(self, response: Response) -> tuple[str, ...]:
        """The instances that the peer lists as failed; a long list is read in a thread, and not more than is kept."""
        try:
            if response.data is not None and is_large(response.data, response.transfer_syntax_uid):
                loop = asyncio.get_running_loop()
                told = await loop.run_in_executor(None, lambda: response.failed_sop_instance_uids)
            else:
                told = response.failed_sop_instance_uids
        except RemoteProtocolError as error:
            self._notes.append(f"The peer's list of failed instances could not be read: {error}")
            return ()
        failed = tuple(uid[:MAX_UID] for uid in told[: MAX_NAMED - self._named])
        self._named += len(failed)
        return failed

    def _result(
        self, wanted: Wanted, response: Response, told: Counts, unfinished: int, failed: tuple[str, ...]
    ) -> WantedResult:
        status = response.status
        if status.is_failure:
            state = WantedState.FAILED
        elif status.is_cancel:
            state = WantedState.CANCELLED
        else:
            is_partly = status.is_warning or told.failed or told.warning or unfinished > 0
            state = WantedState.PARTLY if is_partly else WantedState.DONE
            if unfinished > 0:
                self._notes.append(f"The peer says that it is done, but not what became of {unfinished} instances.")
                return WantedResult(wanted, state, status, response.comment, told, failed, unfinished)
        return WantedResult(wanted, state, status, response.comment, told, failed)

    def _count(self, *, is_last: bool = False) -> None:
        """Have the retrieval cancelled where it has come as far as it was to."""
        self._canceller.count(max(self._told.delivered, self._deliveries), is_last=is_last)

    def _finish(self, result: WantedResult) -> None:
        self._results.append(result)
        if self._on_result is not None:
            self._on_result(result)
        self._tell(self._told)

    def _give_up(self) -> None:
        """What was not retrieved has a result all the same."""
        if self._canceller.reason:
            self._notes.append(self._canceller.reason)
        is_cancelled = self._is_cancelled or bool(self._canceller.reason)
        state = WantedState.CANCELLED if is_cancelled else WantedState.FAILED
        error = self._error or self._broken
        reason = "" if is_cancelled or error is None else str(error)
        while self._left:
            self._finish(WantedResult(self._left.pop(0), state, reason=reason))

    def _tell(self, told: Counts) -> None:
        if self._on_progress is not None:
            done = len(self._results)
            total = done + len(self._left)
            arrived = len(self._arrived or ())
            self._on_progress(RetrieveProgress(min(done + 1, total), total, told, arrived, self._arrived_bytes))

    def _findings(self) -> tuple[Finding, ...]:
        """What the diagnosis says; contexts that were refused are no news where others were there for what counts."""
        known, arrived = self._context.facts, self._arrived
        facts = replace(
            known,
            arrived=None if arrived is None else self._deliveries,
            is_partial=known.is_partial or arrived is None,
        )
        found = self._evidence.findings(self._error, facts, self._beside())
        usual = {"find-empty"}
        if self._error is None and self._root:
            usual.add("some-contexts-refused")
        if self._is_cancelled or self._canceller.reason:
            usual |= {"cancelled", "we-aborted"}
        if self._error is None and self._broken is None:  # a query before it that went on after its C-CANCEL
            usual.add("we-aborted")
        return tuple(finding for finding in found if finding.code not in usual)

    def _beside(self) -> list[Record] | None:
        """Records of other associations that tell of this retrieval; ``None`` where they are not kept."""
        return None


class MoveJob(RetrieveJob):
    """C-MOVE to the AE ``destination`` (PS3.4 C.4.2).

    Where that is a listener of ours, its owner hands every instance that arrives to :meth:`received`.

    :param expects_arrivals: the instances come here: what is told is compared with what arrives.
    """

    _operation = "move"

    def __init__(
        self,
        context: AppContext,
        peer: PeerAddress,
        options: ConnectionOptions,
        wanted: Sequence[Wanted],
        *,
        destination: str,
        expects_arrivals: bool = False,
        root: str | None = None,
        manner: RetrieveManner = USUAL_MANNER,
        on_progress: Callable[[RetrieveProgress], None] | None = None,
        on_result: Callable[[WantedResult], None] | None = None,
        on_arrived: Callable[[Arrived], None] | None = None,
        on_association: Callable[[int], None] | None = None,
    ) -> None:
        super().__init__(
            context, peer, options, wanted, root=root, manner=manner, on_progress=on_progress, on_result=on_result,
            on_arrived=on_arrived, on_association=on_association,
        )  # fmt: skip
        self._destination = AETitle(destination)
        self._arrived = {} if expects_arrivals else None
        self._callers = Beside()

    async def _retrieve(self) -> None:
        self._context.add_tracer(self._callers)
        try:
            await self._move()
        finally:
            self._context.remove_tracer(self._callers)

    async def _move(self) -> None:
        contexts = contexts_for(self._roots, "move") + contexts_for(_with_find(self._roots), "find")

        async def begin(association: Association) -> _Start:
            root = self._root or await self._look_up(association)
            return partial(_start_move, association, root, self._options.priority, self._destination)

        await self._retrieve_over(contexts, begin)

    def _beside(self) -> list[Record] | None:
        """Who came to our listener meanwhile, and who was there before and has not gone."""
        if not self._ended:
            return None
        return [*self._earlier(), *self._callers.records]

    def _earlier(self) -> list[Record]:
        """Of associations that began before the retrieval, as far as the trace has them."""
        store, first = self._context.trace, next(iter(self._evidence.associations), 0)
        found: list[Record] = []
        for number in range(max(1, first - MAX_EARLIER), first):
            summary = store.association(number)
            if summary is not None and summary.role is Role.ACCEPTOR:
                found += [entry.record for entry in store.of_association(number, limit=MAX_RECORDS)]
        return found


class GetJob(RetrieveJob):
    """C-GET into a folder or an archive (PS3.4 C.4.3).

    What comes needs a presentation context of its SOP class, which must be proposed beforehand. So the peer is asked
    first, over an association of its own, what there is to come; that is left out where ``sop_classes`` says it and
    nothing needs a look-up.

    :param into: a folder, which gets files ``<SOP Instance UID>.dcm``; or an archive that has been prepared.
    :param sop_classes: what will come, as far as is known.
    """

    _operation = "get"

    def __init__(
        self,
        context: AppContext,
        peer: PeerAddress,
        options: ConnectionOptions,
        wanted: Sequence[Wanted],
        *,
        into: Path | Archive,
        sop_classes: Iterable[str] = (),
        root: str | None = None,
        manner: RetrieveManner = USUAL_MANNER,
        on_progress: Callable[[RetrieveProgress], None] | None = None,
        on_result: Callable[[WantedResult], None] | None = None,
        on_arrived: Callable[[Arrived], None] | None = None,
        on_association: Callable[[int], None] | None = None,
    ) -> None:
        super().__init__(
            context, peer, options, wanted, root=root, manner=manner, on_progress=on_progress, on_result=on_result,
            on_arrived=on_arrived, on_association=on_association,
        )  # fmt: skip
        self._into = into
        self._pool: Executor = context.file_pool
        self._classes = tuple(sop_classes)
        self._arrived = {}

    async def _retrieve(self) -> None:
        handlers = self._handlers()
        contexts = contexts_for(self._roots, "get") + contexts_for(_with_find(self._roots), "find")
        async with self._options.connect(self._peer, contexts, self._evidence) as association:
            root = await self._look_up(association)
            each = each_once(self._left)
            classes = self._classes or await classes_of(association, root, each)
            needs_choice = len(classes) * len(ENCODINGS) >= MAX_CONTEXTS or not classes
            syntaxes = await syntaxes_of(association, root, each) if needs_choice else ()
        if not self._left:
            return
        if not classes:
            self._notes.append("The peer does not say which SOP classes will come: the usual ones are proposed.")
        proposed = contexts_for_get((root,), classes, syntaxes)

        async def begin(association: Association) -> _Start:
            self._look_at_roles(association, classes)
            return partial(_start_get, association, root, self._options.priority, handlers)

        await self._retrieve_over(proposed, begin)

    def _handlers(self) -> Handlers:
        if isinstance(self._into, Archive):
            return into_archive(self._into, self._pool, self._keep)
        return into_folder(self._into, self._keep)

    def _keep(self, sop_instance_uid: str, outcome: Arrived | str) -> None:
        if isinstance(outcome, Arrived):
            event = DUPLICATE if outcome.outcome == DUPLICATE else "stored"
            detail = "; ".join((outcome.outcome, *outcome.remarks))
            self._scribe.file(event, str(outcome.path), outcome.size_bytes, detail)
            self.received(outcome)
        else:
            note = f"An instance could not be kept: {outcome}"
            if note not in self._notes and len(self._notes) < MAX_NOTES:
                self._notes.append(note)
            self.refused(sop_instance_uid)

    @property
    def _scribe(self) -> Scribe:
        return Scribe(self._evidence, self._evidence.associations[-1])

    def _look_at_roles(self, association: Association, classes: Sequence[str]) -> None:
        """Without the SCP role for it, nothing of a class can come (PS3.4 C.4.3.2, PS3.7 D.3.3.4)."""
        lacking = [uid for uid in classes if association.negotiated.find(uid, as_scp=True) is None]
        if lacking:
            names = ", ".join(map(name_of, lacking[:3])) + (f" and {len(lacking) - 3} more" if lacking[3:] else "")
            self._notes.append(f"The peer gave us no storage role (SCP) for {names}: these cannot come by C-GET.")


def _stands(association: Association) -> bool:
    return association.is_connected


def _start_move(
    association: Association, root: str, priority: int, destination: str, wanted: Wanted
) -> Operation[Progress]:
    return association.move(wanted.identifier(root), destination=destination, root=root, priority=priority)


def _start_get(
    association: Association, root: str, priority: int, into: Handlers, wanted: Wanted
) -> Operation[Progress]:
    return association.get(wanted.identifier(root), into=into, root=root, priority=priority)


def _with_find(roots: Sequence[str]) -> list[str]:
    """The models that have a C-FIND."""
    return [root for root in roots if "find" in QUERY_MODELS.get(root, {})]


def _roots_for(wanted: Sequence[Wanted], operation: QueryOperation) -> tuple[str, ...]:
    """The roots that have all the levels, the best first; the patient root always does."""
    if not wanted:
        raise ConfigurationError("nothing is to be retrieved", phase="configure")
    each = [roots_for(level, operation=operation) for level in {one.level for one in wanted}]
    return tuple(root.value for root in each[0] if all(root in others for others in each))
