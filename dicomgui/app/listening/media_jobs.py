"""Media that our listener was asked to create (PS3.4 annex S): folders with a DICOMDIR, made of the archive's files."""

from __future__ import annotations

import asyncio
import errno
import shutil
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from dicomgui.app.files.medium import write_medium
from dicomgui.network.service import AssociationFacts
from dicomgui.network.service_classes.commitment import FailedReference
from dicomgui.network.service_classes.media_creation import ExecutionStatus, MediaCreation, MediaRequest, MediaResult
from dicomgui.network.service_classes.references import Reference
from dicomgui.network.status import Status
from dicomgui.storage import StorageError, StoredFile
from dicomgui.storage.disk import has_room

__all__ = ["MediaEntry", "MediaJobs", "MediaRun"]

MAX_REQUESTS: Final = 1_000
MAX_INSTANCES: Final = 20_000
MAX_KEPT_INSTANCES: Final = 50_000
"""Of all requests together."""
NO_SUCH_INSTANCE: Final = Status(0x0112)
PROCESSING_FAILURE: Final = Status(0x0110)
CLASS_INSTANCE_CONFLICT: Final = Status(0x0119)


class _Cancelled(Exception):
    """The request was cancelled, or the listener stops."""


@dataclass(frozen=True, slots=True)
class MediaRun:
    """The parts of a running listener that media are made of.

    :ivar find: the files of the archive with these SOP Instance UIDs.
    :ivar usual_folder: where media are written unless a folder is set; ``None`` where there is no archive.
    """

    find: Callable[[Sequence[str]], Awaitable[Sequence[StoredFile]]]
    usual_folder: Path | None


@dataclass(frozen=True, slots=True)
class MediaEntry:
    """A request as far as it has come.

    :ivar utc: when it was last changed; seconds since 1970-01-01 UTC.
    :ivar problem: why it has failed; empty where it has not.
    :ivar folder: where the medium is; ``None`` where there is none.
    """

    utc: float
    request: MediaRequest
    problem: str = ""
    folder: Path | None = None


class MediaJobs:
    """Takes requests and writes media, one after the other. Belongs to the thread of the event loop.

    Of any number of copies one folder is written.

    :ivar creation: the SCP.

    :param folder: the folder that is set now; empty for the usual one.
    :param tell: takes a line about a request, and the problem with it.
    :param in_thread: runs what waits for the disk.
    """

    def __init__(
        self,
        folder: Callable[[], str],
        tell: Callable[[AssociationFacts, str, str], None],
        in_thread: Callable[[Callable[[], Any]], Awaitable[Any]] = asyncio.to_thread,
    ) -> None:
        self._folder = folder
        self._tell = tell
        self._in_thread = in_thread
        self._run: MediaRun | None = None
        self._entries: dict[str, MediaEntry] = {}
        self._made: dict[str, tuple[str, Path | None]] = {}
        self.creation = MediaCreation(
            self._write, on_change=self._on_change, max_requests=MAX_REQUESTS, max_instances=MAX_INSTANCES,
            max_kept_instances=MAX_KEPT_INSTANCES,
        )  # fmt: skip

    @property
    def entries(self) -> Mapping[str, MediaEntry]:
        """The requests by SOP instance UID, the oldest first."""
        there = self.creation.requests
        self._entries = {uid: entry for uid, entry in self._entries.items() if uid in there}
        return MappingProxyType(self._entries)

    def begin(self, run: MediaRun) -> None:
        """A listener serves from now on."""
        self._run = run

    async def end(self) -> None:
        """Write no more: what has not ended fails."""
        self._run = None
        await self.creation.close()

    def clear(self) -> None:
        """Forget the requests that have ended."""
        self.creation.remove_ended()

    def _on_change(self, request: MediaRequest) -> None:
        uid = request.sop_instance_uid
        problem, folder = self._made.pop(uid, ("", None)) if request.is_final else ("", None)
        if request.status is ExecutionStatus.FAILURE and not problem:
            problem = "the listener was stopped" if self._run is None else request.result.info
        self._entries.pop(uid, None)
        self._entries[uid] = MediaEntry(time.time(), request, problem, folder)
        self._tell(request.facts, f"{uid} {request.status} {folder or ''}".rstrip(), problem)

    async def _write(self, request: MediaRequest) -> MediaResult:
        uids = [one.sop_instance_uid for one in request.references]
        target = self._folder() or (None if self._run is None else self._run.usual_folder)
        if self._run is None or target is None:
            return self._failed(request, "there is no folder to write to", request.references, "CHECK_MCD_SRV")
        try:
            files = await self._run.find(uids)
        except StorageError as error:
            return self._failed(request, str(error), request.references, "MCD_FAILURE")
        classes = {file.sop_instance_uid: file.sop_class_uid for file in files}
        failed = {one: reason for one in request.references if (reason := _reason(one, classes)) is not None}
        if failed:
            problem = f"{len(failed):,} of {len(uids):,} instances are not in the archive as they are named"
            self._made[request.sop_instance_uid] = (problem, None)
            result = tuple(FailedReference(one, reason) for one, reason in failed.items())
            return MediaResult(failed=result, info="NO_INSTANCE")
        return await self._written(request, files, Path(target))

    async def _written(self, request: MediaRequest, files: Sequence[StoredFile], parent: Path) -> MediaResult:
        stop = threading.Event()
        try:
            work = partial(_write_new, files, parent, stop)
            folder, left_out, medium = await self._in_thread(work)
        except asyncio.CancelledError:
            stop.set()
            raise
        except OSError as error:
            return self._failed(request, error.strerror or str(error), request.references, "MCD_FAILURE")
        if left_out:
            bad = tuple(one for one in request.references if one.sop_instance_uid in left_out)
            return self._failed(request, next(iter(left_out.values())), bad, "INST_AP_CONFLICT")
        self._made[request.sop_instance_uid] = ("", folder)
        return MediaResult(pieces=request.copies, media=(medium,))

    def _failed(self, request: MediaRequest, problem: str, references: Sequence[Reference], info: str) -> MediaResult:
        self._made[request.sop_instance_uid] = (problem, None)
        return MediaResult(failed=tuple(FailedReference(one, PROCESSING_FAILURE) for one in references), info=info)


def _reason(reference: Reference, classes: Mapping[str, str]) -> Status | None:
    """The Failure Reason (PS3.3 C.14.1.1) of an instance that cannot be on the medium."""
    there = classes.get(reference.sop_instance_uid)
    if there is None:
        return NO_SUCH_INSTANCE
    return None if there == reference.sop_class_uid else CLASS_INSTANCE_CONFLICT


def _write_new(
    files: Sequence[StoredFile], parent: Path, stop: threading.Event
) -> tuple[Path, dict[str, str], tuple[str, str]]:
    """Write a medium into a new folder; gives that, the reasons of instances without which it was not written, and the
    File-set ID and UID.

    :raises OSError: it cannot be written, or would leave less than ``disk.FREE_BYTES`` free.
    """
    from pydicom import dcmread

    def tick(_uid: str) -> None:
        if stop.is_set():
            raise _Cancelled

    folder = _new_folder(parent)
    try:
        if not has_room(folder, sum(file.size_bytes for file in files)):
            raise OSError(errno.ENOSPC, "the disk has too little room for it")
        _, _, left_out = write_medium(files, folder, tick)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    if left_out:
        shutil.rmtree(folder, ignore_errors=True)
        return folder, {one.sop_instance_uid: one.text for one in left_out}, ("", "")
    directory = dcmread(folder / "DICOMDIR", specific_tags=["FileSetID"])
    return folder, {}, (str(directory.get("FileSetID") or ""), str(directory.file_meta.MediaStorageSOPInstanceUID))


def _new_folder(parent: Path) -> Path:
    parent.mkdir(0o700, parents=True, exist_ok=True)
    number = 1
    while True:
        folder = parent / f"medium-{number:04d}"
        try:
            folder.mkdir(0o700)
        except FileExistsError:
            number += 1
        else:
            return folder
