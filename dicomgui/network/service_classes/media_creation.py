"""The SCP of media creation management (PS3.4 annex S): takes requests for media, has them written, tells their state.

::

    media = MediaCreation(write)     # async def write(request): ...; return MediaResult(pieces=1)
    server = await serve(handlers=media.handlers())   # and at the end: await media.close()
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from dicomgui.network.service import (
    AssociationFacts,
    Handlers,
    NActionRequest,
    NCreateRequest,
    NGetRequest,
    NormalizedAnswer,
    Reply,
)
from dicomgui.network.service_classes.attributes import (
    SUCCESS,
    in_utf_8,
    incomplete,
    items_of,
    new_uid,
    put,
    selected,
    tag_of,
    text_of,
    wrong_value,
)
from dicomgui.network.service_classes.commitment import FailedReference, failed_items
from dicomgui.network.service_classes.references import Reference
from dicomgui.network.status import Status
from dicomgui.network.transport.tasks import TaskOwner

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = [
    "CANCEL",
    "INITIATE",
    "SOP_CLASS",
    "ExecutionStatus",
    "MediaCreation",
    "MediaRequest",
    "MediaResult",
    "MediaWriter",
]

_log = logging.getLogger(__name__)

SOP_CLASS: Final = "1.2.840.10008.5.1.1.33"
"""Media Creation Management."""

INITIATE: Final = 1
CANCEL: Final = 2
"""The action types (PS3.4 tables S.3.2.2.1-1, S.3.2.3.1-1)."""

MAX_COPIES: Final = 100

DUPLICATE_INSTANCE: Final = Status(0x0111)
NO_SUCH_INSTANCE: Final = Status(0x0112)
INVALID_ARGUMENT: Final = Status(0x0115)
NO_SUCH_ACTION: Final = Status(0x0123)
RESOURCE_LIMITATION: Final = Status(0x0213)
PROCESSING_FAILURE: Final = Status(0x0110)
ALREADY_INITIATED: Final = Status(0xA510)
ALREADY_COMPLETED: Final = Status(0xC201)
CANNOT_BE_INTERRUPTED: Final = Status(0xC202)

_NOT_THERE: Final = Reply(NO_SUCH_INSTANCE, "there is no request with this UID")
_RANKS: Final = {"HIGH": 0, "MED": 1, "": 1, "LOW": 2}
"""Request Priority (2200,0020) of PS3.3 C.22.1, and none."""


class ExecutionStatus(StrEnum):
    """Execution Status (2100,0020) of a request (PS3.3 C.22.1)."""

    IDLE = "IDLE"
    """Created, and not initiated."""
    PENDING = "PENDING"
    """Initiated, and waits for others."""
    CREATING = "CREATING"
    DONE = "DONE"
    FAILURE = "FAILURE"


@dataclass(frozen=True, slots=True)
class MediaResult:
    """The outcome of a request.

    :ivar pieces: Total Number of Pieces of Media Created (2200,000B).
    :ivar failed: the instances that are on none of them, each with its Failure Reason; the request has then failed.
    :ivar info: Execution Status Info (2100,0030): a defined term of PS3.3 C.22.1.1, such as ``OUT_OF_SUPPLIES``;
        anything but ``NORMAL`` says that it failed.
    :ivar media: Storage Media File-Set ID and UID of the pieces.
    """

    pieces: int = 0
    failed: tuple[FailedReference, ...] = ()
    info: str = "NORMAL"
    media: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class MediaRequest:
    """A request as it is now; a later change makes a new one.

    :ivar dataset: its attributes as they were created.
    :ivar facts: who created it.
    :ivar references: the instances that are to be on the media.
    :ivar copies: pieces of each, from its initiation on.
    :ivar priority: ``HIGH``, ``MED``, ``LOW``, or empty.
    """

    sop_instance_uid: str
    dataset: Dataset
    facts: AssociationFacts
    references: tuple[Reference, ...]
    copies: int = 1
    priority: str = ""
    status: ExecutionStatus = ExecutionStatus.IDLE
    result: MediaResult = field(default=MediaResult())

    @property
    def is_final(self) -> bool:
        """True where it is done or has failed."""
        return self.status in (ExecutionStatus.DONE, ExecutionStatus.FAILURE)

    def attributes(self) -> Dataset:
        """Everything that an N-GET may read (PS3.4 table S.3.2.4.1-1)."""
        dataset = self.dataset[:]
        put(dataset, "SOPClassUID", SOP_CLASS)
        put(dataset, "SOPInstanceUID", self.sop_instance_uid)
        put(dataset, "ExecutionStatus", self.status.value)
        waits = self.status is ExecutionStatus.PENDING
        put(dataset, "ExecutionStatusInfo", "QUEUED" if waits else self.result.info)
        if self.is_final:
            put(dataset, "TotalNumberOfPiecesOfMediaCreated", self.result.pieces)
            put(dataset, "FailedSOPSequence", failed_items(self.result.failed))
            put(dataset, "ReferencedStorageMediaSequence", [_medium(*one) for one in self.result.media])
        return dataset


def _medium(file_set_id: str, file_set_uid: str) -> Dataset:
    from pydicom import Dataset

    item = Dataset()
    put(item, "StorageMediaFileSetID", file_set_id)
    put(item, "StorageMediaFileSetUID", file_set_uid)
    return item


MediaWriter: TypeAlias = Callable[[MediaRequest], MediaResult | Awaitable[MediaResult]]
"""Writes the media of a request. A coroutine is cancelled where the peer cancels the request meanwhile; what it raises
is ``FAILURE`` with the info ``MCD_FAILURE``, all instances with the reason 0110."""


class MediaCreation:
    """Requests for media in memory, written one after the other: those of a higher priority first.

    :param writer: see :data:`MediaWriter`.
    :param on_change: called with each request that was made or changed.
    :param can_interrupt: cancel requests that are being written as well; else these are answered C202.
    :param max_requests: for one more, that which ended and was made first is forgotten; where none has ended it is
        answered 0213 (resource limitation).
    :param max_instances: of one request; more are answered 0213.
    :param max_kept_instances: of all requests together; as of ``max_requests``.
    """

    sop_classes: Final = (SOP_CLASS,)

    def __init__(
        self,
        writer: MediaWriter,
        *,
        on_change: Callable[[MediaRequest], object] | None = None,
        can_interrupt: bool = True,
        max_requests: int = 1_000,
        max_instances: int = 100_000,
        max_kept_instances: int = 1_000_000,
    ) -> None:
        self._writer = writer
        self._on_change = on_change
        self._can_interrupt = can_interrupt
        self._max_requests = max_requests
        self._max_instances = max_instances
        self._max_kept_instances = max_kept_instances
        self._requests: dict[str, MediaRequest] = {}
        self._waiting: list[str] = []
        self._work: asyncio.Task[None] | None = None
        self._tasks = TaskOwner("media creation")

    @property
    def requests(self) -> Mapping[str, MediaRequest]:
        """All requests by SOP instance UID, the oldest first."""
        return MappingProxyType(self._requests)

    def handlers(self) -> Handlers:
        """What a server takes."""
        return Handlers(on_n_create=self.on_n_create, on_n_action=self.on_n_action, on_n_get=self.on_n_get)

    async def close(self) -> None:
        """Write no more; what is under way is broken off, and fails with what waits."""
        self._waiting.clear()
        await self._tasks.close()
        for known in tuple(self._requests.values()):
            if known.status in (ExecutionStatus.PENDING, ExecutionStatus.CREATING):
                self._keep(replace(known, status=ExecutionStatus.FAILURE, result=_all_failed(known)))

    def remove_ended(self) -> None:
        """Forget the requests that are done or have failed."""
        while self._forget_ended():
            pass

    def on_n_create(self, request: NCreateRequest) -> NormalizedAnswer:
        """Take a request (PS3.4 S.3.2.1)."""
        uid = request.command.affected_sop_instance_uid or new_uid()
        if uid in self._requests:
            return Reply(DUPLICATE_INSTANCE, "there is a request with this UID")
        dataset = in_utf_8(request.dataset)
        items = items_of(dataset, "ReferencedSOPSequence")
        refusal = incomplete(dataset, ("ReferencedSOPSequence",)) or _judge_items(items) or wrong_value(dataset)
        if refusal is not None:
            return refusal
        if len(items) > self._max_instances:
            return Reply(RESOURCE_LIMITATION, f"more than {self._max_instances} instances")
        while not self._has_room_for(len(items)):
            if not self._forget_ended():
                return Reply(RESOURCE_LIMITATION, "too many requests, or instances of them, have not ended yet")
        self._keep(MediaRequest(uid, dataset, request.facts, tuple(map(Reference.of, items))))
        return Reply(SUCCESS, sop_instance_uid=uid)

    def on_n_action(self, request: NActionRequest) -> NormalizedAnswer:
        """Initiate or cancel a request (PS3.4 S.3.2.2, S.3.2.3)."""
        action = request.command.action_type_id
        if action not in (INITIATE, CANCEL):
            return Reply(NO_SUCH_ACTION, "media creation has the action types 1 and 2")
        known = self._requests.get(request.command.requested_sop_instance_uid)
        if known is None:
            return _NOT_THERE
        return self._initiate(known, request.dataset) if action == INITIATE else self._cancel(known)

    def on_n_get(self, request: NGetRequest) -> NormalizedAnswer:
        """Tell the state of a request (PS3.4 S.3.2.4)."""
        known = self._requests.get(request.command.requested_sop_instance_uid)
        return _NOT_THERE if known is None else selected(known.attributes(), request.command.attribute_identifiers)

    def _initiate(self, known: MediaRequest, information: Dataset) -> NormalizedAnswer:
        if known.status is not ExecutionStatus.IDLE:
            return Reply(ALREADY_INITIATED, "the request was initiated already")
        written = text_of(information, "NumberOfCopies") or "1"
        copies = int(written) if written.isdecimal() and len(written) <= 12 else 0
        if not 1 <= copies <= MAX_COPIES:
            return Reply(INVALID_ARGUMENT, f"copies are 1 to {MAX_COPIES}", (tag_of("NumberOfCopies"),))
        priority = text_of(information, "RequestPriority")
        if priority not in _RANKS:
            return Reply(INVALID_ARGUMENT, "no priority of a request", (tag_of("RequestPriority"),))
        self._keep(replace(known, copies=copies, priority=priority, status=ExecutionStatus.PENDING))
        self._waiting.append(known.sop_instance_uid)
        self._write_next()
        return SUCCESS

    def _cancel(self, known: MediaRequest) -> NormalizedAnswer:
        """Delete the instance with what is under way for it (PS3.4 S.3.2.3.3)."""
        uid = known.sop_instance_uid
        if known.is_final:
            return Reply(ALREADY_COMPLETED, f"the request is {known.status}")
        if known.status is ExecutionStatus.CREATING:
            if not self._can_interrupt:
                return Reply(CANNOT_BE_INTERRUPTED, "the request is being written")
            if self._work is not None:
                self._work.cancel()
        elif known.status is ExecutionStatus.PENDING:
            self._waiting.remove(uid)
        del self._requests[uid]
        return SUCCESS

    def _write_next(self, _ended: object = None) -> None:
        if self._work is not None and not self._work.done():
            return
        self._work = None
        if self._waiting:
            uid = min(self._waiting, key=lambda one: _RANKS[self._requests[one].priority])
            self._waiting.remove(uid)
            self._keep(replace(self._requests[uid], status=ExecutionStatus.CREATING))
            self._work = self._tasks.spawn(self._write(self._requests[uid]), name=uid)
            self._work.add_done_callback(self._write_next)

    async def _write(self, known: MediaRequest) -> None:
        result = await self._written(known)
        if known.sop_instance_uid in self._requests:  # a writer may ignore that it was cancelled
            has_failed = bool(result.failed) or result.info != "NORMAL"
            status = ExecutionStatus.FAILURE if has_failed else ExecutionStatus.DONE
            self._keep(replace(known, status=status, result=result))

    async def _written(self, known: MediaRequest) -> MediaResult:
        try:
            result = self._writer(known)
            return await result if isinstance(result, Awaitable) else result
        except Exception as error:
            _log.error("a medium could not be written", exc_info=error)
            return _all_failed(known)

    def _has_room_for(self, instances: int) -> bool:
        kept = sum(len(known.references) for known in self._requests.values())
        return len(self._requests) < self._max_requests and kept + instances <= self._max_kept_instances

    def _forget_ended(self) -> bool:
        uid = next((uid for uid, known in self._requests.items() if known.is_final), None)
        if uid is not None:
            del self._requests[uid]
        return uid is not None

    def _keep(self, known: MediaRequest) -> None:
        self._requests[known.sop_instance_uid] = known
        if self._on_change is not None:
            self._on_change(known)


def _all_failed(known: MediaRequest) -> MediaResult:
    failed = tuple(FailedReference(one, PROCESSING_FAILURE) for one in known.references)
    return MediaResult(failed=failed, info="MCD_FAILURE")


def _judge_items(items: Iterable[Dataset]) -> Reply | None:
    needed = ("ReferencedSOPClassUID", "ReferencedSOPInstanceUID")
    return next(filter(None, (incomplete(item, needed) for item in items)), None)
