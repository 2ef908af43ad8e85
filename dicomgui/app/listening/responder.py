"""Answers from the archive: C-FIND, C-GET, C-MOVE, the worklist, storage commitment (PS3.4 C, J, K).

What reads the index runs in a thread, a few answers at a time, so that a query of everything neither holds up the loop
nor has to be complete before its first answer goes out.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, suppress
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from dicomgui.app.archive.local_archive import LocalArchive
from dicomgui.app.files.conversion import Conversion, converted, fallback_of
from dicomgui.app.files.sources import SendItem
from dicomgui.app.listening.commitment_check import reason_against
from dicomgui.network.association.contexts import Negotiated
from dicomgui.network.association.extended import QueryFlags, RetrieveFlags
from dicomgui.network.dimse.convert import ConversionError
from dicomgui.network.dimse.dataset import encode_dataset
from dicomgui.network.part10 import Part10Error, Part10Head, read_head
from dicomgui.network.service import (
    FindRequest,
    GetRequest,
    InstanceFile,
    Match,
    Matches,
    MoveRequest,
    Reply,
    Retrieval,
    query_class,
)
from dicomgui.network.service_classes.attributes import text_of
from dicomgui.network.service_classes.commitment_provider import CommitmentRequest
from dicomgui.network.service_classes.matching import answer_for, matches
from dicomgui.network.service_classes.references import Reference
from dicomgui.network.status import Status
from dicomgui.storage import (
    IdentifierError,
    IdentifierRule,
    IndexFault,
    Model,
    Selection,
    StoredFile,
    anomalies_of,
    compile_query,
    select,
)
from dicomgui.storage.answers import encoder

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from pydicom.dataset import Dataset

__all__ = ["Responder", "Worklist"]

PENDING: Final = Status(0xFF00)
PENDING_WITH_UNSUPPORTED_KEYS: Final = Status(0xFF01)
OUT_OF_RESOURCES: Final = Status(0xA700)
CANNOT_COUNT_MATCHES: Final = Status(0xA701)
IDENTIFIER_DOES_NOT_MATCH: Final = Status(0xA900)

QUERY_RETRIEVE_VIEW: Final = 0x00080053

BATCH_S: Final = 0.01
"""Answers are handed on when they have been gathered for so long."""

BATCH: Final = 200
"""Or when there are so many."""

HEADS_AT_A_TIME: Final = 32

_FIND: Final = {query_class(model.value, "find"): model for model in Model}
_RETRIEVE: Final = {query_class(model.value, verb): model for model in Model for verb in ("move", "get")}
_WORKLIST: Final = query_class("worklist", "find")

Worklist: TypeAlias = "Sequence[Dataset] | Callable[[], Sequence[Dataset]]"
"""What is scheduled: items as a modality shall see them, or a function that gives them as they are now."""

NO_INDEX: Final = "the index of the archive does not work"


class Responder:
    """Handlers over an archive, for :class:`~dicomgui.network.Handlers`.

    :param ae_title: ours, for Retrieve AE Title (0008,0054) of the answers.
    :param worklist: what is scheduled; nothing is, without it.
    :param conversion: what may be converted for a C-GET whose user does not take it as it is.
    :param identifiers: the rule for identifiers that are not as the standard wants them.
    :param pool: threads for conversions.
    :param on_broken: told of a query whose answers broke off, and of the answer that says so.
    """

    def __init__(
        self,
        archive: LocalArchive,
        *,
        ae_title: str,
        pool: Executor,
        worklist: Worklist = (),
        conversion: Conversion = Conversion.LOSSLESS,
        identifiers: IdentifierRule = IdentifierRule.USUAL,
        on_broken: Callable[[FindRequest, Reply], None] = lambda request, reply: None,
    ) -> None:
        self._on_broken = on_broken
        self._archive = archive
        self._ae_title = ae_title
        self._pool = pool
        self._worklist = worklist
        self._conversion = conversion
        self._identifiers = identifiers
        self._reading = asyncio.Lock()

    # C-FIND

    async def find(self, request: FindRequest) -> AsyncIterator[Match | Matches | Reply] | Reply:
        """Answers C-FIND in any of the models, and of the worklist (PS3.4 C.4.1, K.4.1)."""
        sop_class = request.command.sop_class_uid
        if sop_class == _WORKLIST:
            return self._one_by_one(self._batches(request, _Search(partial(self._scheduled, request))))
        model = _FIND.get(sop_class)
        if model is None:
            return Reply(Status(0x0122), "no such information model here")
        flags = _query_flags(request.facts.negotiated, sop_class)
        refusal = _judge_view(request.dataset, is_agreed=flags.enhanced_multi_frame)
        if refusal is not None:
            return refusal
        try:
            query = compile_query(
                request.dataset, model, self._identifiers, relational=flags.relational,
                combined_datetime=flags.date_time, retrieve_ae_title=self._ae_title,
            )  # fmt: skip
        except IdentifierError as error:
            return Reply(error.status, str(error), error.offending)
        lag = await self._lag()
        if lag:
            return Reply(OUT_OF_RESOURCES, lag)
        syntax = request.context.transfer_syntax
        status = PENDING_WITH_UNSUPPORTED_KEYS if query.unsupported else PENDING
        encode = encoder(query.plan, syntax)
        search = _Search(lambda: (encode(match) for match in self._archive.search(query)))
        return self._together(self._batches(request, search), status)

    async def _lag(self) -> str:
        """Why no answer from the index would be true at the moment; empty if one is."""
        try:
            await self._archive.catch_up()
        except IndexFault as fault:
            return str(fault) if self._archive.index.is_open else NO_INDEX
        return ""

    def _scheduled(self, request: FindRequest) -> Iterator[bytes]:
        identifier, syntax = request.dataset, request.context.transfer_syntax
        for item in self._worklist() if callable(self._worklist) else self._worklist:
            if matches(identifier, item, worklist=True):
                yield encode_dataset(answer_for(identifier, item, worklist=True), syntax)

    async def _together(
        self, batches: AsyncGenerator[list[bytes] | Reply, None], status: Status
    ) -> AsyncIterator[Matches | Reply]:
        async with aclosing(batches):
            async for batch in batches:
                yield batch if isinstance(batch, Reply) else Matches(batch, status)

    async def _one_by_one(self, batches: AsyncGenerator[list[bytes] | Reply, None]) -> AsyncIterator[Match | Reply]:
        """A rule of the user may change each of them."""
        async with aclosing(batches):
            async for batch in batches:
                if isinstance(batch, Reply):
                    yield batch
                    return
                for data in batch:
                    yield Match(data)

    async def _batches(self, request: FindRequest, search: _Search) -> AsyncGenerator[list[bytes] | Reply, None]:
        try:
            while batch := await self._archive.in_thread(search.take):
                yield batch
        except IndexFault:
            reply = Reply(OUT_OF_RESOURCES, NO_INDEX)
            self._on_broken(request, reply)
            yield reply
        finally:
            search.stop()

    def anomalies(self, request: FindRequest | GetRequest | MoveRequest) -> tuple[str, ...]:
        """The faults of an identifier that was answered, one line each; empty unless the rule is lenient."""
        sop_class = request.command.sop_class_uid
        retrieves = sop_class in _RETRIEVE
        model = (_RETRIEVE if retrieves else _FIND).get(sop_class)
        if model is None or self._identifiers is not IdentifierRule.LENIENT:
            return ()
        flags = (_retrieve_flags if retrieves else _query_flags)(request.facts.negotiated, sop_class)
        found = anomalies_of(request.dataset, model, relational=flags.relational, retrieves=retrieves)
        return tuple(map(str, found))

    # C-GET and C-MOVE

    async def retrieve(self, request: GetRequest | MoveRequest) -> Retrieval | Reply:
        """Answers C-GET and C-MOVE: which instances go (PS3.4 C.4.2, C.4.3)."""
        sop_class = request.command.sop_class_uid
        model = _RETRIEVE.get(sop_class)
        if model is None:
            return Reply(Status(0x0122), "no such information model here")
        negotiated = request.facts.negotiated
        flags = _retrieve_flags(negotiated, sop_class)
        refusal = _judge_view(request.dataset, is_agreed=flags.enhanced_multi_frame)
        if refusal is not None:
            return refusal
        try:
            selection = select(request.dataset, model, self._identifiers, relational=flags.relational)
        except IdentifierError as error:
            return Reply(error.status, str(error), error.offending)
        lag = await self._lag()
        if lag:
            return Reply(CANNOT_COUNT_MATCHES, lag)
        try:
            files = await self._archive.files_of(selection)
        except IndexFault:
            return Reply(CANNOT_COUNT_MATCHES, NO_INDEX)
        is_get = sop_class.endswith(".3")
        return Retrieval(
            self._instances(files, negotiated if is_get else None),
            total=len(files),
            kinds={(file.sop_class_uid, file.transfer_syntax_uid) for file in files},
        )

    async def _instances(
        self, files: Sequence[StoredFile], negotiated: Negotiated | None
    ) -> AsyncIterator[InstanceFile]:
        """The instances with their heads; converted where the user of a C-GET takes them in no other way."""
        for start in range(0, len(files), HEADS_AT_A_TIME):
            some = files[start : start + HEADS_AT_A_TIME]
            for file, instance in zip(some, await self._archive.in_thread(partial(_opened, some)), strict=True):
                item = SendItem(file.path, file.size_bytes, instance.head, file.name)
                syntax = fallback_of(negotiated, item, self._conversion) if negotiated is not None else ""
                if not syntax:
                    yield instance
                    continue
                try:
                    async with converted(self._pool, item, syntax) as (other, _):
                        yield other
                except (ConversionError, OSError):
                    yield instance  # fails for want of a context, and is counted

    # storage commitment

    async def judge(self, request: CommitmentRequest) -> dict[Reference, Status]:
        """The instances that cannot be answered for, each with its Failure Reason (PS3.4 J.3.2, PS3.3 C.14.1.1).

        Every file is read, one at a time for all requests together.

        :raises IndexFault: nobody can tell.
        """
        await self._archive.catch_up()
        uids = tuple(dict.fromkeys(reference.sop_instance_uid for reference in request.references))
        files: dict[str, list[StoredFile]] = {}
        for file in await self._archive.files_of(Selection(instance_uids=uids), every_variant=True):
            files.setdefault(file.sop_instance_uid, []).append(file)
        loop = asyncio.get_running_loop()
        reasons: dict[Reference, Status] = {}
        for reference in request.references:
            async with self._reading:
                known = files.get(reference.sop_instance_uid, ())
                reason = await loop.run_in_executor(self._pool, reason_against, reference, known)
            if reason is not None:
                reasons[reference] = reason
        return reasons


class _Search:
    """A search that is taken from in one thread after the other, and can be given up from any."""

    def __init__(self, begin: Callable[[], Iterator[bytes]]) -> None:
        self._begin = begin
        self._answers: Iterator[bytes] | None = None
        self._lock = threading.Lock()
        self._is_stopped = False

    def take(self) -> list[bytes]:
        """The next answers; none at the end."""
        with self._lock:
            taken: list[bytes] = []
            if self._answers is None:
                self._answers = self._begin()
            until = time.perf_counter() + BATCH_S
            for answer in self._answers:
                taken.append(answer)
                if self._is_stopped or len(taken) == BATCH or time.perf_counter() > until:
                    break
            if self._is_stopped:
                self._close()
            return taken

    def stop(self) -> None:
        """No more is wanted; what a thread is at ends by itself."""
        self._is_stopped = True
        if self._lock.acquire(blocking=False):
            try:
                self._close()
            finally:
                self._lock.release()

    def _close(self) -> None:
        close = getattr(self._answers, "close", None)
        if close is not None:
            close()


def _query_flags(negotiated: Negotiated | None, sop_class: str) -> QueryFlags:
    data = _extended(negotiated, sop_class)
    return QueryFlags() if data is None else QueryFlags.decode(data)


def _retrieve_flags(negotiated: Negotiated | None, sop_class: str) -> RetrieveFlags:
    data = _extended(negotiated, sop_class)
    return RetrieveFlags() if data is None else RetrieveFlags.decode(data)


def _judge_view(identifier: Dataset, *, is_agreed: bool) -> Reply | None:
    """The refusal of an identifier that asks for a view of multi-frame images.

    Query/Retrieve View (0008,0053) is in an identifier only where enhanced multi-frame image conversion was agreed on
    (PS3.4 C.4.1.1.3.1, C.4.2.1.4.1, C.4.3.1.3.1): the answer without it would be another one than was asked for.
    """
    if is_agreed or not text_of(identifier, QUERY_RETRIEVE_VIEW):
        return None
    comment = "enhanced multi-frame conversion was not agreed on"
    return Reply(IDENTIFIER_DOES_NOT_MATCH, comment, (QUERY_RETRIEVE_VIEW,))


def _extended(negotiated: Negotiated | None, sop_class: str) -> bytes | None:
    """What was agreed on by extended negotiation for a SOP class."""
    items = () if negotiated is None else negotiated.extended
    return next((item.data for item in items if item.sop_class_uid == sop_class), None)


def _opened(files: Sequence[StoredFile]) -> list[InstanceFile]:
    return [_instance(file) for file in files]


def _instance(file: StoredFile) -> InstanceFile:
    """A file with its head. One that cannot be read leads nowhere, so that its failure is counted by its UID."""
    with suppress(OSError, Part10Error):
        return InstanceFile(file.path, read_head(file.path))
    head = Part10Head(0, file.transfer_syntax_uid, file.sop_class_uid, file.sop_instance_uid, False, (), ())
    return InstanceFile(file.path / "unreadable", head)
