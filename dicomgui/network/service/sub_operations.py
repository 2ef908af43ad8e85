"""Answering C-GET and C-MOVE: sending instances by C-STORE and counting what became of them (PS3.4 C.4.2, C.4.3)."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterable, Awaitable, Collection, Sized
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from dicomgui.network.association.contexts import MAX_CONTEXTS
from dicomgui.network.dimse.commands import CGetRSP, CMoveRQ, CMoveRSP
from dicomgui.network.errors import DicomNetworkError, LocalProtocolError, NoAcceptedContext
from dicomgui.network.part10 import Part10Error, read_head
from dicomgui.network.service.handlers import GetHandler, MoveHandler, Mover, Reply, Retrieval
from dicomgui.network.service.performing import CANCELLED, PENDING, SUCCESS, Pressure, Respond, iterate
from dicomgui.network.service.requests import GetRequest, MoveRequest
from dicomgui.network.service.results import Progress
from dicomgui.network.service.storing import InstanceFile, StorableInstance
from dicomgui.network.status import Status
from dicomgui.network.uids import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, is_valid_uid

if TYPE_CHECKING:
    from dicomgui.network.service.user import ServiceUser

__all__ = ["perform_get", "perform_move"]

_log = logging.getLogger(__name__)

FAILURES_OR_WARNINGS = Status(0xB000)
CANNOT_PERFORM = Status(0xA702)
UNKNOWN_DESTINATION = Status(0xA801)
INTERRUPTED = Status(0xA700)

MAX_FAILED_BYTES = 0xFFFE
"""The list of failed instances ends where its value would not fit into explicit VR (PS3.5 7.1.2). How many they
are is told anyway."""

MAX_NUMBER = 0xFFFF
"""Of what the number of sub-operations in a response can hold (PS3.7 E.1: US)."""

_Kind = tuple[str, str]


@dataclass(slots=True)
class _Counts:
    """What became of the sub-operations so far."""

    total: int | None
    completed: int = 0
    failed: int = 0
    warning: int = 0
    failed_uids: list[str] = field(default_factory=list)
    failed_bytes: int = 0

    @property
    def done(self) -> int:
        return self.completed + self.failed + self.warning

    def progress(self, *, with_remaining: bool) -> Progress:
        """The numbers for a response; those that are not known are left out, and none is above what its field holds."""
        remaining = None
        if with_remaining and self.total is not None:
            remaining = min(max(self.total - self.done, 0), MAX_NUMBER)
        return Progress(remaining, *(min(number, MAX_NUMBER) for number in (self.completed, self.failed, self.warning)))

    def fail(self, uid: str) -> None:
        self.failed += 1
        size = len(uid) + 1  # with what parts it from the next
        if uid and self.failed_bytes + size <= MAX_FAILED_BYTES:
            self.failed_uids.append(uid)
            self.failed_bytes += size

    def count(self, status: Status, uid: str) -> None:
        if status.is_success:
            self.completed += 1
        elif status.is_warning:
            self.warning += 1
        else:
            self.fail(uid)

    def final(self, *, is_cancelled: bool) -> Reply:
        """The final reply (PS3.4 tables C.4-2 and C.4-3)."""
        status = SUCCESS
        if is_cancelled:
            status = CANCELLED
        elif self.failed and not self.completed and not self.warning:
            status = CANNOT_PERFORM
        elif self.failed or self.warning:
            status = FAILURES_OR_WARNINGS
        return Reply(status, dataset=self._failed_list(), progress=self.progress(with_remaining=is_cancelled))

    def ended_by(self, outcome: Status | Reply) -> Reply:
        """The final reply where the handler says in the middle how it ends."""
        reply = outcome if isinstance(outcome, Reply) else Reply(outcome)
        if reply.dataset is None:
            reply = replace(reply, dataset=self._failed_list())
        return replace(reply, progress=reply.progress or self.progress(with_remaining=False))

    def _failed_list(self) -> Any:
        """Failed SOP Instance UID List (0008,0058), in a data set of its own (PS3.4 C.4.2.1.4.2)."""
        if not self.failed_uids:
            return None
        from pydicom import Dataset

        dataset = Dataset()
        dataset.FailedSOPInstanceUIDList = self.failed_uids
        return dataset


class _Way(Protocol):
    """How instances reach whom they are for."""

    @property
    def problem(self) -> str:
        """Why nothing more can reach it; empty as long as something can."""

    async def prepare(self, instance: StorableInstance) -> bool:
        """Get ready to send an instance; may be cancelled. Returns whether it is ready.

        :raises DicomNetworkError: there is no way.
        """

    async def store(self, instance: StorableInstance) -> Status:
        """Send one instance for which the way was prepared, to its end.

        :raises DicomNetworkError: it cannot be sent.
        """


class _Back:
    """To the peer that asked, on the association on which it did (C-GET)."""

    problem = ""

    def __init__(self, request: GetRequest) -> None:
        self._user = request.user
        self._priority = request.command.priority

    async def prepare(self, instance: StorableInstance) -> bool:
        return True

    async def store(self, instance: StorableInstance) -> Status:
        return (await self._user.store(instance, priority=self._priority)).status


class _Onward:
    """To the move destination, on associations of our own (C-MOVE)."""

    def __init__(self, request: MoveRequest, mover: Mover, kinds: Collection[_Kind]) -> None:
        self._request = request
        self._mover = mover
        self._kinds = {kind for kind in kinds if _is_usable(kind)}
        self._open: AbstractAsyncContextManager[ServiceUser] | None = None
        self._user: ServiceUser | None = None
        self._proposed: set[_Kind] = set()
        self.problem = ""

    async def prepare(self, instance: StorableInstance) -> bool:
        await self._open_for(_kinds_of_one(instance))
        return True

    async def store(self, instance: StorableInstance) -> Status:
        assert self._user is not None  # prepared
        response = await self._user.store(
            instance,
            priority=self._request.command.priority,
            move_originator_ae_title=self._request.facts.calling_ae_title,
            move_originator_message_id=self._request.command.message_id,
        )
        return response.status

    async def _open_for(self, kinds: tuple[_Kind, ...]) -> None:
        """Open an association on which these kinds are proposed, unless there is one."""
        if self._user is not None and self._user.is_connected and self._proposed.issuperset(kinds):
            return
        await self.close()
        if not all(map(_is_usable, kinds)):
            raise LocalProtocolError(f"no presentation context can be proposed for {kinds[0]}")
        self._kinds.update(kinds)
        proposed = list(kinds) + [kind for kind in sorted(self._kinds) if kind not in kinds]
        try:
            opening = self._mover.open(self._request, proposed[:MAX_CONTEXTS])
            self._user = await opening.__aenter__()
        except DicomNetworkError as error:
            self.problem = f"no association with the destination: {error}"
            raise
        self._open, self._proposed = opening, set(proposed[:MAX_CONTEXTS])

    async def close(self, *, in_haste: bool = False) -> None:
        """Leave the association, if there is one: in order, or within half a second as after a fault."""
        opened, self._open, self._user = self._open, None, None
        if opened is None:
            return
        try:
            if in_haste:
                await opened.__aexit__(asyncio.CancelledError, asyncio.CancelledError(), None)
            else:
                await opened.__aexit__(None, None, None)
        except DicomNetworkError as error:
            _log.info("the association of a C-MOVE ended badly: %s", error)


async def perform_get(request: GetRequest, handler: GetHandler, respond: Respond, pressure: Pressure) -> Status | Reply:
    """Answer a C-GET with what its handler chooses; returns the final reply."""
    retrieval = await _chosen(request, handler, pressure)
    if not isinstance(retrieval, Retrieval):
        return retrieval
    return await _send_all(request, retrieval, _Back(request), respond, pressure)


async def perform_move(
    request: MoveRequest, handler: MoveHandler, respond: Respond, pressure: Pressure, mover: Mover | None
) -> Status | Reply:
    """Answer a C-MOVE with what its handler chooses; returns the final reply."""
    if mover is None or not mover.knows(request):
        return Reply(UNKNOWN_DESTINATION, "the move destination is not known here", (0x00000600,))
    retrieval = await _chosen(request, handler, pressure)
    if not isinstance(retrieval, Retrieval):
        return retrieval
    kinds = await pressure.run(asyncio.to_thread(_kinds_of, retrieval))
    way = _Onward(request, mover, kinds or ())
    is_done = False
    try:
        reply = await _send_all(request, retrieval, way, respond, pressure)
        is_done = True  # also where it was cancelled: no C-STORE is under way any more
        return reply
    finally:
        await way.close(in_haste=not is_done)


async def _chosen(request: GetRequest | MoveRequest, handler: Any, pressure: Pressure) -> Retrieval | Status | Reply:
    answer: Any = handler(request)
    if isinstance(answer, Awaitable):
        answer = await pressure.run(answer)
        if answer is None and request.is_cancelled:
            return CANCELLED
    if isinstance(answer, Status | Reply | Retrieval):
        return answer
    return Retrieval(answer)


async def _send_all(
    request: GetRequest | MoveRequest, retrieval: Retrieval, way: _Way, respond: Respond, pressure: Pressure
) -> Reply:
    counts = _Counts(_total_of(retrieval))
    tell = partial(_tell, request, respond, counts)
    async with aclosing(iterate(retrieval.instances)) as items:
        while pressure.is_wanted and not request.is_cancelled:
            item: Any = await pressure.run(anext(items, None))
            if item is None:
                break
            if isinstance(item, Status | Reply):
                return counts.ended_by(item)
            await _send_one(item, way, counts, pressure)
            if not request.is_cancelled:
                await tell()
    return replace(counts.final(is_cancelled=request.is_cancelled), comment=way.problem)


async def _send_one(instance: StorableInstance, way: _Way, counts: _Counts, pressure: Pressure) -> None:
    """One sub-operation; what goes wrong with it is counted, and ends nothing else."""
    uid = ""
    try:
        if isinstance(instance, str | os.PathLike):
            path = Path(instance)
            instance = InstanceFile(path, await asyncio.to_thread(read_head, path))
        uid = _uid_of(instance)
        if way.problem:
            counts.fail(uid)
            return
        is_ready = await pressure.run(way.prepare(instance))
        counts.count(await way.store(instance) if is_ready else INTERRUPTED, uid)
    except Exception as error:
        is_usual = isinstance(error, NoAcceptedContext | Part10Error)
        _log.log(logging.INFO if is_usual else logging.WARNING, "a sub-operation failed: %s", error)
        counts.fail(uid)


async def _tell(request: GetRequest | MoveRequest, respond: Respond, counts: _Counts) -> None:
    """Report how far it is, by a pending response."""
    make = CMoveRSP if isinstance(request.command, CMoveRQ) else CGetRSP
    progress = counts.progress(with_remaining=True)
    await respond(
        make(
            request.command.message_id,
            PENDING,
            request.command.sop_class_uid,
            remaining=progress.remaining,
            completed=progress.completed,
            failed=progress.failed,
            warning=progress.warning,
        ),
        None,
    )


def _total_of(retrieval: Retrieval) -> int | None:
    if retrieval.total is not None:
        return retrieval.total
    return len(retrieval.instances) if isinstance(retrieval.instances, Sized) else None


def _kinds_of(retrieval: Retrieval) -> Collection[_Kind]:
    """What to propose to a destination, as far as that can be known beforehand."""
    if retrieval.kinds is not None:
        return retrieval.kinds
    if isinstance(retrieval.instances, AsyncIterable) or not isinstance(retrieval.instances, Sized):
        return ()
    kinds: dict[_Kind, None] = {}
    for instance in retrieval.instances:
        try:
            if isinstance(instance, str | os.PathLike):
                instance = InstanceFile(Path(instance), read_head(Path(instance)))
            kinds.update(dict.fromkeys(_kinds_of_one(instance)))
        except (OSError, DicomNetworkError, AttributeError):
            continue  # told when its turn comes
    return tuple(kinds)


def _kinds_of_one(instance: Any) -> tuple[_Kind, ...]:
    """The pairs of SOP class and transfer syntax in which an instance can go, the preferred one first."""
    if isinstance(instance, InstanceFile):
        return ((instance.head.sop_class_uid, instance.head.transfer_syntax_uid),)
    file_meta = getattr(instance, "file_meta", None)
    own = None if file_meta is None else file_meta.get("TransferSyntaxUID")
    syntaxes = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN) if own is None else (str(own),)
    return tuple((str(instance.SOPClassUID), syntax) for syntax in syntaxes)


def _is_usable(kind: _Kind) -> bool:
    """Whether a presentation context can be proposed for it."""
    return is_valid_uid(kind[0]) and is_valid_uid(kind[1])


def _uid_of(instance: Any) -> str:
    """The SOP Instance UID of an instance; empty where it has none."""
    if isinstance(instance, InstanceFile):
        return instance.head.sop_instance_uid
    return str(getattr(instance, "SOPInstanceUID", ""))
