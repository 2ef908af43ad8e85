"""Where the instances of a C-GET go: into a plain folder, or into an archive."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from dicomgui.app.transfers.retrieve_results import Arrived
from dicomgui.network.dimse.assembler import Sink
from dicomgui.network.dimse.commands import Command, CStoreRQ
from dicomgui.network.service import AssociationFacts, FolderTarget, Handlers, Reply, StoreRequest
from dicomgui.network.status import Status
from dicomgui.storage import Archive, Outcome, Pending, StorageError, Stored
from dicomgui.storage.disk import has_room

__all__ = ["DUPLICATE", "Keep", "into_archive", "into_folder"]

SUCCESS = Status(0x0000)
OUT_OF_RESOURCES = Status(0xA700)
DUPLICATE = Outcome.DUPLICATE.value

Keep = Callable[[str, Arrived | str], None]
"""Told of each instance that came, by its SOP Instance UID: what it became, or why it was not kept."""


def into_folder(folder: Path, keep: Keep) -> Handlers:
    """Files ``<SOP Instance UID>.dcm``, none overwritten; the same data set again is kept once.

    A peer that never ends is not to fill the disk: :data:`~dicomgui.storage.disk.FREE_BYTES` stay free.

    :raises ConfigurationError: the folder cannot be made.
    """
    target = FolderTarget(folder)

    def open_sink(request: StoreRequest) -> Sink | Reply:
        with suppress(OSError):  # the folder is gone: that is told where it is written to
            if not has_room(folder):
                keep(request.command.affected_sop_instance_uid, "the disk is full but for what stays free")
                return Reply(OUT_OF_RESOURCES, "the disk is full")
        return target.open_sink(request)

    def on_store(request: StoreRequest, result: object) -> Status | Reply:
        answer = target.on_store(request, result)
        if isinstance(answer, Reply):
            keep(request.command.affected_sop_instance_uid, answer.comment)
            return answer
        path, is_new = target.last
        target.paths.clear()
        keep(*_arrived(request, path, path.stat().st_size, "stored" if is_new else DUPLICATE))
        return answer

    return Handlers(open_sink=open_sink, on_store=on_store, on_refused=partial(_refused, keep))


def into_archive(archive: Archive, pool: Executor, keep: Keep) -> Handlers:
    """As a listener keeps them. The archive has been prepared, and is closed by whoever did that.

    :param pool: threads for the disk.
    """

    def open_sink(request: StoreRequest) -> Sink | Reply:
        command = request.command
        try:
            return archive.receive(
                sop_class_uid=command.affected_sop_class_uid,
                sop_instance_uid=command.affected_sop_instance_uid,
                transfer_syntax_uid=request.transfer_syntax_uid,
                sending_ae_title=request.facts.called_ae_title,
                receiving_ae_title=request.facts.calling_ae_title,
            )
        except StorageError as error:
            return refuse(request, error)

    def refuse(request: StoreRequest, error: StorageError) -> Reply:
        keep(request.command.affected_sop_instance_uid, str(error))
        return Reply(error.status, "the instance cannot be stored")

    def outcome(request: StoreRequest, work: asyncio.Future[Stored]) -> Status | Reply:
        try:
            stored = work.result()
        except StorageError as error:
            return refuse(request, error)
        keep(*_arrived(request, stored.path, stored.size_bytes, stored.outcome.value))
        return SUCCESS

    async def commit(request: StoreRequest, pending: Pending) -> Status | Reply:
        work = asyncio.wrap_future(pool.submit(archive.commit, pending))
        try:
            await asyncio.wait((work,))
        except asyncio.CancelledError:
            await asyncio.wait((work,))  # it lands in the folder all the same, and is told of
            outcome(request, work)
            raise
        return outcome(request, work)

    def on_store(request: StoreRequest, result: object) -> Awaitable[Status | Reply]:
        assert isinstance(result, Pending)
        return commit(request, result)

    return Handlers(open_sink=open_sink, on_store=on_store, on_refused=partial(_refused, keep))


def _arrived(request: StoreRequest, path: Path, size_bytes: int, outcome: str) -> tuple[str, Arrived]:
    command = request.command
    uid, check = command.affected_sop_instance_uid, request.check
    arrived = Arrived(command.affected_sop_class_uid, uid, request.transfer_syntax_uid, path, size_bytes, outcome)
    return uid, arrived if check is None else replace(arrived, problem=check.problem, anomalies=check.anomalies)


def _refused(keep: Keep, _facts: AssociationFacts, command: Command, reply: Reply) -> None:
    """An instance was refused for its data set, before it was to be kept."""
    if isinstance(command, CStoreRQ):
        keep(command.affected_sop_instance_uid, reply.comment or reply.status.meaning())
