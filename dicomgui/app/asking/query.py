"""Query a peer by C-FIND: matches as they arrive, within a limit, in the root that the peer accepted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dicomgui.app.asking.keys import Identifier, Key, identifier_of, parse_key
from dicomgui.app.asking.levels import (
    RETURN_KEYS,
    UNIQUE_KEYS,
    Level,
    accepted_root,
    contexts_for,
    roots_for,
    unique_keys_above,
)
from dicomgui.app.asking.shared_association import SharedAssociation
from dicomgui.app.asking.values import Answer, tags_in_any
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.watching import Watch
from dicomgui.network.association.params import PeerAddress
from dicomgui.network.client import Association
from dicomgui.network.dimse.dataset import syntax_of_answer
from dicomgui.network.encoding_look import LOOK_BYTES, encoding_by_look, encoding_of
from dicomgui.network.errors import ConfigurationError, DicomNetworkError, OperationTimeout, RemoteProtocolError
from dicomgui.network.service import Match, Operation, Response
from dicomgui.network.service.decoding import MatchDecoder, is_large
from dicomgui.network.status import Status
from dicomgui.network.transport.tasks import TaskOwner
from dicomgui.trace.finding import Finding

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["DEFAULT_LIMIT", "FindJob", "FindResult", "Found", "Query", "find", "relaxed", "return_keys_of"]

DEFAULT_LIMIT = 1000
"""Matches after which a query stops unless told otherwise: nobody reads more, and some archives have millions."""

MAX_KEPT_BYTES = 512 * 2**20
"""Memory of the matches of one query after which it stops where somebody keeps them all: about a million of use."""

KEPT_MATCH_BYTES = 400
"""Memory of a match beside its data set, about."""


@dataclass(frozen=True, slots=True)
class Query:
    """What to ask.

    :ivar keys: what has to match.
    :ivar returned: what is to be returned besides; by default what is usual at the level.
    :ivar level: ``None`` in models without levels, such as the modality worklist.
    :ivar root: a name of :data:`~dicomgui.network.service.QUERY_MODELS`; ``None`` takes the first that the peer accepts
        of those that have the level.
    :ivar limit: matches after which the query is cancelled; ``None`` for no limit.
    :ivar cancel_after_s: seconds after which a C-CANCEL is sent; matches that came until then are kept. ``None`` for
        never.
    """

    keys: tuple[Key, ...] = ()
    returned: tuple[Key, ...] | None = None
    level: Level | None = Level.STUDY
    root: str | None = None
    limit: int | None = DEFAULT_LIMIT
    cancel_after_s: float | None = None

    @property
    def roots(self) -> tuple[str, ...]:
        """What may be proposed, the best first.

        :raises ConfigurationError: neither root nor level is given.
        """
        if self.root is not None:
            return (str(self.root),)
        if self.level is None:
            raise ConfigurationError("a query needs a level or a root", phase="configure")
        return tuple(root.value for root in roots_for(self.level))

    def identifier(self) -> Identifier:
        """The identifier that is sent.

        :raises ConfigurationError: a key does not fit its attribute, or the character set that is asked for.
        """
        returned = return_keys_of(self.level) if self.returned is None else self.returned
        unique = () if self.level is None else (parse_key(UNIQUE_KEYS[self.level]),)
        return identifier_of(self.keys, (*returned, *unique), level=self.level or "")

    def remarks(self, root: str) -> tuple[str, ...]:
        """What the root demands of the keys and is not there (PS3.4 C.4.1.2.1): a peer may refuse the query for it."""
        if self.level is None:
            return ()
        given = {key.attribute.keyword for key in self.keys if key.is_matching and len(key.path) == 1}
        missing = [keyword for keyword in unique_keys_above(root, self.level) if keyword not in given]
        if not missing:
            return ()
        level = self.level.value.lower()
        return (f"At {level} level the {root} root wants one {' and one '.join(missing)}; the peer may refuse.",)


def return_keys_of(level: Level | None) -> tuple[Key, ...]:
    """What is asked for at a level unless something else is."""
    return () if level is None else tuple(map(parse_key, RETURN_KEYS[level]))


@dataclass(frozen=True, slots=True)
class Found:
    """One match.

    :ivar number: from 1 on.
    :ivar match: decoded.
    :ivar peer: who answered.
    :ivar answer: the bytes of the match, as they came.
    """

    number: int
    match: Match
    peer: PeerAddress
    answer: Answer = field(default=Answer(b""), repr=False)

    @property
    def dataset(self) -> Dataset:
        """What the peer answered."""
        return self.match.dataset

    @property
    def has_unsupported_keys(self) -> bool:
        """The peer says that it did not match by all optional keys (FF01): it may not fit."""
        return self.match.status == 0xFF01


@dataclass(frozen=True, slots=True)
class FindResult:
    """What became of a query; the matches themselves are not kept.

    :ivar association: number in the trace; 0 where there was not even an attempt.
    :ivar root: the information model that was asked, or an empty string.
    :ivar count: matches.
    :ivar limit: as asked for.
    :ivar has_more: the limit was reached and there was at least one match more.
    :ivar is_cancelled: it was ended before all matches were there, for another reason than the limit.
    :ivar status: of the final response, ``None`` where there was none.
    :ivar comment: Error Comment (0000,0902); text of the peer.
    :ivar character_set: of the identifier: value of (0008,0005), empty for ASCII.
    :ivar unreadable: matches that could not be decoded, and were not handed on.
    :ivar never_returned: keywords of what was asked for and is in no match; empty without a match.
    :ivar notes: what the user should know, one sentence each.
    :ivar error: what went wrong on the way; a failure status is none.
    :ivar findings: what the diagnosis says.
    """

    peer: PeerAddress
    association: int
    root: str
    level: Level | None
    count: int
    limit: int | None
    has_more: bool
    is_cancelled: bool
    status: Status | None
    comment: str
    seconds: float
    character_set: str = ""
    unreadable: int = 0
    never_returned: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: DicomNetworkError | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def is_partial(self) -> bool:
        """True where the peer may have more matches than came: the limit was reached, or it was cancelled."""
        return self.has_more or self.is_cancelled or (self.status is not None and self.status.is_cancel)

    @property
    def ok(self) -> bool:
        """Whether the peer answered, with whatever number of matches, and nothing went wrong."""
        answered = self.status is not None and not self.status.is_failure
        return self.error is None and not self.is_cancelled and (answered or self.has_more)


OnFound = Callable[[Found], "bool | Awaitable[bool | None] | None"]
OnAnswers = Callable[[Sequence[Answer]], object]


async def find(
    context: AppContext,
    peer: PeerAddress,
    options: ConnectionOptions,
    query: Query,
    *,
    on_match: OnFound | None = None,
    on_association: Callable[[int], None] | None = None,
) -> FindResult:
    """Ask one query; see :class:`FindJob`."""
    return await FindJob(context, peer, options, query, on_association=on_association).run(on_match)


class FindJob:
    """One query, over an association of its own or one that it shares with others.

    Never raises for what the peer or the network do. A cancel of the task passes: the peer has been sent a C-CANCEL by
    then and had a second to answer it, and :meth:`result` tells how far it came.

    :param over: the association to ask over, which proposes what the query needs; by default one of its own.
    :param on_association: told the association's number in the trace, once, as soon as there is one.
    :raises ConfigurationError: the query makes no identifier, or names no model.
    """

    def __init__(
        self,
        context: AppContext,
        peer: PeerAddress,
        options: ConnectionOptions,
        query: Query,
        *,
        over: SharedAssociation | None = None,
        on_association: Callable[[int], None] | None = None,
    ) -> None:
        self._peer = peer
        self._options = options
        self._query = query
        self._over = over
        self._evidence = Watch(None if over is not None else context.tracer, on_association)
        self._context = context
        self._identifier = query.identifier()
        self._contexts = contexts_for(query.roots, "find")
        self._notes = list(self._identifier.notes)
        self._missing = _asked_for(self._identifier.dataset)
        self._root = ""
        self._count = self._unreadable = self._kept_bytes = 0
        self._has_more = self._is_cancelled = False
        self._tasks = TaskOwner("query")
        self._decoder = MatchDecoder()
        self._response: Response | None = None
        self._error: DicomNetworkError | None = None
        self._started = self._ended = 0.0
        self._result: FindResult | None = None

    async def run(self, on_match: OnFound | None = None) -> FindResult:
        """Ask, and hand every match to ``on_match``, a plain or a coroutine function.

        Where that returns ``False``, the query is cancelled.
        """
        async with aclosing(self.matches()) as matches:
            async for match in matches:
                verdict = None if on_match is None else on_match(match)
                if isinstance(verdict, Awaitable):
                    verdict = await verdict
                if verdict is False:
                    break
        return self.result()

    async def run_undecoded(self, on_answers: OnAnswers | None = None) -> FindResult:
        """Ask, and hand the matches on as they came over the wire, all that come at once in one call.

        For who looks at a few of very many: that is ten times as fast. One that does not begin like a data set is read,
        and left out where it cannot be; one that is broken further on counts as well. Whoever is called may keep them
        all: at :data:`MAX_KEPT_BYTES` the query stops as at its limit.
        """
        async with aclosing(self._batches()) as batches:
            async for batch in batches:
                readable = [match for match in batch if await self._is_readable(match)]
                self._count += len(readable)
                if readable:
                    self._look_for_missing(readable)
                    if on_answers is not None:
                        on_answers([self._answer(match) for match in readable])
                        self._stop_at_size(readable)
        return self.result()

    def _stop_at_size(self, kept: Sequence[Match]) -> None:
        self._kept_bytes += sum(len(match.data) for match in kept) + KEPT_MATCH_BYTES * len(kept)
        if self._kept_bytes > MAX_KEPT_BYTES and not self._has_more:
            self._has_more = True
            self._notes.append(f"The matches take more than {MAX_KEPT_BYTES // 2**20} MiB: the query was stopped.")

    async def matches(self) -> AsyncGenerator[Found, None]:
        """Ask, and give the matches as they come. Whoever stops before the end closes the generator (``aclosing``):
        that cancels the query.
        """
        async with aclosing(self._batches()) as batches:
            async for batch in batches:
                for match in batch:
                    found = await self._decoded(match)
                    if found is not None:
                        yield found

    async def _batches(self) -> AsyncGenerator[Sequence[Match], None]:
        """Ask, and give what comes, never more at once than the limit leaves."""
        self._started = time.perf_counter()
        try:
            async with self._connected() as association:
                operation = self._begin(association)
                async with operation, self._cancelled_in_time(operation):
                    while batch := await operation.batch():
                        for part in self._within_limit(batch):
                            yield part
                        if self._has_more:
                            await self._stop_at_limit(operation)
                            break
                if not self._has_more:
                    self._response = await operation.result()
        except DicomNetworkError as error:
            self._error = error
        except (asyncio.CancelledError, GeneratorExit):
            self._is_cancelled = True
            raise
        finally:
            self._ended = time.perf_counter()

    def _connected(self) -> AbstractAsyncContextManager[Association]:
        if self._over is not None:
            return self._over.used_by(self._evidence)
        return self._options.connect(self._peer, self._contexts, self._evidence)

    @asynccontextmanager
    async def _cancelled_in_time(self, operation: Operation[Match]) -> AsyncIterator[None]:
        """Send a C-CANCEL when the time of the query is over, unless it has ended."""
        seconds = self._query.cancel_after_s
        if seconds is None:
            yield
            return
        task = self._tasks.spawn(self._cancel_later(operation, seconds), name="C-CANCEL of a query")
        try:
            yield
        finally:
            task.cancel()

    async def _cancel_later(self, operation: Operation[Match], seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._notes.append(f"A C-CANCEL was sent after {seconds * 1000:,.0f} ms.")
        try:
            await operation.cancel()
        except DicomNetworkError as error:
            self._error = error

    def _begin(self, association: Association) -> Operation[Match]:
        root = accepted_root(association.negotiated, self._query.roots, "find") or self._query.roots[0]
        self._root = root
        self._notes += self._query.remarks(root)
        return association.find(self._identifier.dataset, root=root, priority=self._options.priority)

    def _within_limit(self, batch: Sequence[Match]) -> Iterator[Sequence[Match]]:
        """A batch in parts that leave nothing behind the limit; those of a part are counted before the next."""
        limit = self._query.limit
        while batch:
            room = len(batch) if limit is None else limit - self._count
            if not room:
                self._has_more = True
                return
            yield batch[:room]
            batch = batch[room:]

    async def _stop_at_limit(self, operation: Operation[Match]) -> None:
        try:
            self._response = await operation.cancel()
        except OperationTimeout:
            self._notes.append("The peer went on after the C-CANCEL; the association was aborted.")

    def _answer(self, match: Match) -> Answer:
        return Answer(match.data, match.transfer_syntax_uid, match.status == 0xFF01, self._options.charset)

    def _look_for_missing(self, batch: Sequence[Match]) -> None:
        if self._missing:
            there = tags_in_any([match.data for match in batch], batch[0].transfer_syntax_uid, self._missing)
            self._missing = {tag: keyword for tag, keyword in self._missing.items() if tag not in there}

    async def _decoded(self, match: Match) -> Found | None:
        answer = self._answer(match)
        try:
            dataset = await self._decoder.decode(answer.data, answer.transfer_syntax_uid, answer.dataset)
        except RemoteProtocolError as error:
            self._note_unreadable(error)
            return None
        self._count += 1
        self._missing = {tag: keyword for tag, keyword in self._missing.items() if tag not in dataset}
        return Found(self._count, Match(dataset, match.status, match.transfer_syntax_uid), self._peer, answer)

    async def _is_readable(self, match: Match) -> bool:
        data, syntax = match.data, match.transfer_syntax_uid
        if encoding_by_look(data[:LOOK_BYTES]) == encoding_of(syntax):
            return True
        try:
            if is_large(data, syntax):
                await asyncio.get_running_loop().run_in_executor(None, syntax_of_answer, data, syntax)
            else:
                syntax_of_answer(data, syntax)
        except RemoteProtocolError as error:
            self._note_unreadable(error)
            return False
        return True

    def _note_unreadable(self, error: RemoteProtocolError) -> None:
        if not self._unreadable:
            self._notes.append(f"A match could not be read: {error}")
        self._unreadable += 1

    @property
    def root(self) -> str:
        """The information model that is asked; an empty string before the peer has accepted one."""
        return self._root

    def result(self) -> FindResult:
        """How the query ended, or how far it is."""
        if self._result is not None:
            return self._result
        result = self._result_so_far()
        if self._ended:
            self._result = result  # the diagnosis takes milliseconds, and several ask
        return result

    def _result_so_far(self) -> FindResult:
        response = self._response
        return FindResult(
            peer=self._peer,
            association=self._evidence.association,
            root=self._root,
            level=self._query.level,
            count=self._count,
            limit=self._query.limit,
            has_more=self._has_more,
            is_cancelled=self._is_cancelled,
            status=None if response is None else response.status,
            comment="" if response is None else response.comment,
            seconds=(self._ended or time.perf_counter()) - self._started if self._started else 0.0,
            character_set=self._identifier.character_set,
            unreadable=self._unreadable,
            never_returned=tuple(self._missing.values()) if self._count else (),
            notes=tuple(self._notes),
            error=self._error,
            findings=self._findings(),
        )

    def _findings(self) -> tuple[Finding, ...]:
        """What the diagnosis says. Which of several roots the peer did not accept is nothing to report, once one was;
        nor is that we stopped by ourselves.
        """
        found = self._evidence.findings(self._error, self._context.facts)
        usual = {"some-contexts-refused"} if self._root and self._error is None else set()
        if self._has_more or self._is_cancelled:
            usual |= {"cancelled", "we-aborted"}
        return tuple(finding for finding in found if finding.code not in usual)


def _asked_for(dataset: Dataset) -> dict[int, str]:
    """Tags and names of what an identifier asks for, its level and character set aside."""
    from pydicom import datadict

    own = (0x00080005, 0x00080052)
    tags = [int(element.tag) for element in dataset if element.tag not in own]
    return {tag: datadict.keyword_for_tag(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})" for tag in tags}


def relaxed(query: Query) -> Iterator[tuple[Key, Query]]:
    """The query without each one of its matching keys: what to try when nothing matched."""
    for key in query.keys:
        if key.is_matching:
            others = tuple(Key(one.path) if one is key else one for one in query.keys)
            yield key, replace(query, keys=others)
