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

from dicomgui.network.dimse.commands import CGetRSP, CMoveRQ, CMoveRSP
from dicomgui.network.errors import DicomNetworkError, NoAcceptedContext
from dicomgui.network.part10 import Part10Error, read_head
from dicomgui.network.service.handlers import GetHandler, MoveHandler, Mover, Reply, Retrieval
from dicomgui.network.service.performing import CANCELLED, PENDING, SUCCESS, Pressure, Respond, iterate
from dicomgui.network.service.requests import GetRequest, MoveRequest
from dicomgui.network.service.results import Progress
from dicomgui.network.service.storing import InstanceFile, StorableInstance
from dicomgui.network.status import Status
from dicomgui.network.uids import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN

if TYPE_CHECKING:
    from dicomgui.network.service.user import ServiceUser

__all__ = ["perform_get", "perform_move"]

_log = logging.getLogger(__name__)

FAILURES_OR_WARNINGS = Status(0xB000)
CANNOT_PERFORM = Status(0xA702)
UNKNOWN_DESTINATION = Status(0xA801)

MAX_FAILED_UIDS = 10_000
"""So many failed instances are named; more make no response that anybody reads."""

_Kind = tuple[str, str]


@dataclass(slots=True)
class _Counts:
    """What became of the sub-operations so far."""

    total: int | None
    completed: int = 0
    failed: int = 0
    warning: int = 0
    failed_uids: list[str] = field(default_factory=list)

    @property
    def done(self) -> int:
        return self.completed + self.failed + self.warning

    def progress(self, *, with_remaining: bool) -> Progress:
        """The numbers for a response; those that are not known are left out."""
        remaining = None
        if with_remaining and self.total is not None:
            remaining = max(self.total - self.done, 0)
        return Progress(remaining, self.completed, self.failed, self.warning)

    def fail(self, uid: str) -> None:
        self.failed += 1
        if uid and len(self.failed_uids) < MAX_FAILED_UIDS:
            self.failed_uids.append(uid)

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

    def _failed_list(self) -> Any:
        """Failed SOP Instance UID List (0008,0058), in a data set of its own (PS3.4 C.4.2.1.4.2)."""
        if not self.failed_uids:
            return None
        from pydicom.dataset import Dataset

        dataset = Dataset()
        dataset.FailedSOPInstanceUIDList = self.failed_uids
        return dataset


class _Way(Protocol):
    """How instances reach whom they are for."""

    @property
    def problem(self) -> str:
        """Why nothing more can reach it; empty as long as something can."""

    async def store(self, instance: StorableInstance) -> Status:
        """Send one instance.

        :raises DicomNetworkError: it cannot be sent.
        """


class _Back:
    """To the peer that asked, on the association on which it did (C-GET)."""

    def __init__(self, user: ServiceUser) -> None:
        self._user = user

    @property
    def problem(self) -> str:
        return ""

    async def store(self, instance: StorableInstance) -> Status:
        return (await self._user.store(instance)).status


class _Onward:
    """To the move destination, on associations of our own (C-MOVE)."""

    def __init__(self, request: MoveRequest, mover: Mover, kinds: Collection[_Kind]) -> None:
        self._request = request
        self._mover = mover
        self._kinds = set(kinds)
        self._open: AbstractAsyncContextManager[ServiceUser] | None = None
        self._user: ServiceUser | None = None
        self._proposed: set[_Kind] = set()
        self.problem = ""

    async def store(self, instance: StorableInstance) -> Status:
        user = await self._user_for(await asyncio.to_thread(_kind_of, instance))
        response = await user.store(
            instance,
            move_originator_ae_title=self._request.facts.calling_ae_title,
            move_originator_message_id=self._request.command.message_id,
        )
        return response.status

    async def _user_for(self, kinds: tuple[_Kind, ...]) -> ServiceUser:
        """The association that stands if these kinds were proposed on it, else a new one."""
        if self._user is not None and self._user.is_connected and self._proposed.issuperset(kinds):
            return self._user
        await self.close()
        self._kinds.update(kinds)
        proposed = list(kinds) + [kind for kind in sorted(self._kinds) if kind not in kinds]
        opening = self._mover.open(self._request, proposed[:128])
        try:
            self._user = await opening.__aenter__()
        except DicomNetworkError as error:
            self.problem = f"no association with the destination: {error}"
            raise
        self._open, self._proposed = opening, set(proposed[:128])
        return self._user

    async def close(self) -> None:
        """Release the association, if there is one."""
        opened, self._open, self._user = self._open, None, None
        if opened is not None:
            try:
                await opened.__aexit__(None, None, None)
            except DicomNetworkError as error:
                _log.info("the association of a C-MOVE ended badly: %s", error)


async def perform_get(
    request: GetRequest, handler: GetHandler, respond: Respond, pressure: Pressure
) -> Status | Reply:
    """Answer a C-GET with what its handler chooses; returns the final reply."""
    retrieval = await _chosen(request, handler, pressure)
    if not isinstance(retrieval, Retrieval):
        return retrieval
    return await _send_all(request, retrieval, _Back(request.user), respond, pressure)


async def perform_move(
    request: MoveRequest, handler: MoveHandler, respond: Respond, pressure: Pressure, mover: Mover | None
) -> Status | Reply:
    """Answer a C-MOVE with what its handler chooses; returns the final reply."""
    if mover is None or not mover.knows(request):
        return Reply(UNKNOWN_DESTINATION, "the move destination is not known here", (0x00000600,))
    retrieval = await _chosen(request, handler, pressure)
    if not isinstance(retrieval, Retrieval):
        return retrieval
    way = _Onward(request, mover, await asyncio.to_thread(_kinds_of, retrieval))
    try:
        return await _send_all(request, retrieval, way, respond, pressure)
    finally:
        await way.close()


async def _chosen(
    request: GetRequest | MoveRequest, handler: Any, pressure: Pressure
) -> Retrieval | Status | Reply:
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
            instance: Any = await pressure.run(anext(items, None))
            if instance is None:
                break
            await _send_one(instance, way, counts)
            await tell()
    return replace(counts.final(is_cancelled=request.is_cancelled), comment=way.problem)


async def _send_one(instance: StorableInstance, way: _Way, counts: _Counts) -> None:
    """One sub-operation; what goes wrong with it is counted, and ends nothing else."""
    uid = _uid_of(instance)
    if way.problem:
        counts.fail(uid)
        return
    try:
        counts.count(await way.store(instance), uid)
    except (OSError, DicomNetworkError) as error:
        kind = logging.INFO if isinstance(error, NoAcceptedContext | Part10Error) else logging.WARNING
        _log.log(kind, "a sub-operation failed: %s", error)
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
            kinds.update(dict.fromkeys(_kind_of(instance)))
        except (OSError, DicomNetworkError, AttributeError):
            continue  # told when its turn comes
    return tuple(kinds)


def _kind_of(instance: StorableInstance) -> tuple[_Kind, ...]:
    """The pairs of SOP class and transfer syntax in which an instance can go."""
    if isinstance(instance, InstanceFile):
        return ((instance.head.sop_class_uid, instance.head.transfer_syntax_uid),)
    if isinstance(instance, str | os.PathLike):
        head = read_head(Path(instance))
        return ((head.sop_class_uid, head.transfer_syntax_uid),)
    file_meta = getattr(instance, "file_meta", None)
    own = None if file_meta is None else file_meta.get("TransferSyntaxUID")
    syntaxes = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN) if own is None else (str(own),)
    return tuple((str(instance.SOPClassUID), syntax) for syntax in syntaxes)


def _uid_of(instance: StorableInstance) -> str:
    """The SOP Instance UID of an instance; empty where it cannot be known."""
    if isinstance(instance, InstanceFile):
        return instance.head.sop_instance_uid
    if isinstance(instance, str | os.PathLike):
        try:
            return read_head(Path(instance)).sop_instance_uid
        except (OSError, DicomNetworkError):
            return ""
    return str(getattr(instance, "SOPInstanceUID", ""))
