"""The queue of a print SCP: jobs printed one after the other, each told of by N-EVENT-REPORT (PS3.4 H.4.5)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Final

from dicomgui.network.dimse.memory import MemoryBudget
from dicomgui.network.errors import DicomNetworkError
from dicomgui.network.service import AssociationFacts, ServiceUser
from dicomgui.network.service_classes.attributes import da, dataset_of, put, text_of, tm
from dicomgui.network.service_classes.print_attributes import PRINT_JOB
from dicomgui.network.service_classes.print_session import PrintedPage, memory_of
from dicomgui.network.transport.tasks import FAULTS, TaskOwner, is_own_cancel

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["JobStatus", "PrintJob", "PrintQueue"]

_log = logging.getLogger(__name__)

MAX_WAITING: Final = 16
"""Jobs of one association that have not ended."""
MAX_WAITING_TOGETHER: Final = 256
"""Jobs that have not ended of all associations, those among them that are closed."""
MAX_ENDED: Final = 256
"""Jobs of one association whose end the SCU has not confirmed, and can be asked for; the oldest are forgotten."""


class JobStatus(Enum):
    """Execution Status (2100,0020) of a print job; the values are the event types of PS3.4 table H.4-14."""

    PENDING = 1
    PRINTING = 2
    DONE = 3
    FAILURE = 4


_INFO: Final = {
    JobStatus.PENDING: "QUEUED",
    JobStatus.PRINTING: "NORMAL",
    JobStatus.DONE: "NORMAL",
    JobStatus.FAILURE: "UNKNOWN",
}
"""Execution Status Info (2100,0030): the defined terms of PS3.3 C.13.8 and C.13.9.1."""


@dataclass(frozen=True, slots=True)
class PrintJob:
    """Films that are to be printed.

    :ivar session: the attributes of the film session: copies, priority, medium, destination.
    :ivar is_color: whether the images are in color.
    :ivar luts: the presentation LUTs of the association by UID, which pages and session may refer to.
    :ivar facts: who prints.
    """

    sop_instance_uid: str
    session: Dataset
    pages: tuple[PrintedPage, ...]
    is_color: bool
    luts: Mapping[str, Dataset]
    facts: AssociationFacts

    @property
    def size_bytes(self) -> int:
        """Memory that it takes up with its films, images and presentation LUTs, about."""
        films = (page.attributes for page in self.pages)
        images = (part for page in self.pages for image in page.images for part in (image.dataset, image.attributes))
        return sum(map(memory_of, (self.session, *films, *images, *self.luts.values())))


@dataclass(slots=True)
class _Entry:
    """A job without its films, for reports and N-GET."""

    uid: str
    originator: str
    priority: str
    label: str
    status: JobStatus = JobStatus.PENDING
    created: datetime = field(default_factory=lambda: datetime.now().astimezone())

    @property
    def has_ended(self) -> bool:
        return self.status in (JobStatus.DONE, JobStatus.FAILURE)


class PrintQueue:
    """The jobs of all associations.

    :param on_print: prints a job, a plain or a coroutine function; where it raises, the job has failed.
    :param name: Printer Name (2110,0030).
    :param max_bytes: memory that the jobs may take up that have not ended.
    """

    def __init__(self, on_print: Callable[[PrintJob], object], *, name: str, max_bytes: int) -> None:
        self._on_print = on_print
        self._name = name
        self._memory = MemoryBudget(max_bytes)
        self._entries: dict[int, dict[str, _Entry]] = {}
        self._waiting = 0
        self._turn = asyncio.Lock()
        self._tasks = TaskOwner("print jobs")

    def add(self, job: PrintJob, user: ServiceUser) -> bool:
        """Print a job when those before it have ended, and report over the association; False where there is no room.

        What this spawns runs when the answer to the request is on its way.
        """
        jobs = self._entries.setdefault(job.facts.association, {})
        ended = [one.uid for one in jobs.values() if one.has_ended]
        waiting = len(jobs) - len(ended)
        size = job.size_bytes
        if waiting >= MAX_WAITING or self._waiting >= MAX_WAITING_TOGETHER or not self._memory.take(size):
            return False
        self._waiting += 1
        for uid in ended[: max(0, len(ended) - MAX_ENDED)]:
            del jobs[uid]
        priority, label = (text_of(job.session, keyword) for keyword in ("PrintPriority", "FilmSessionLabel"))
        entry = _Entry(job.sop_instance_uid, job.facts.calling_ae_title.strip(), priority, label)
        jobs[entry.uid] = entry
        task = self._tasks.spawn(self._perform(entry, job, user), name=entry.uid)
        task.add_done_callback(lambda _: self._note_end(size))
        return True

    def _note_end(self, size: int) -> None:
        self._waiting -= 1
        self._memory.give_back(size)

    def attributes(self, association: int, uid: str) -> Dataset | None:
        """A job of this association, as an N-GET reads it (PS3.4 table H.4-15); ``None`` where there is none, and
        where the SCU has confirmed its end.
        """
        entry = self._entries.get(association, {}).get(uid)
        if entry is None:
            return None
        return dataset_of(
            {
                "ExecutionStatus": entry.status.name,
                "ExecutionStatusInfo": _INFO[entry.status],
                "PrintPriority": entry.priority or "MED",
                "CreationDate": da(entry.created),
                "CreationTime": tm(entry.created),
                "PrinterName": self._name,
                "Originator": entry.originator,
            }
        )

    def forget(self, association: int) -> None:
        """Forget the jobs of an association, which has ended; what waits is printed for all that."""
        self._entries.pop(association, None)

    async def close(self) -> None:
        """Print no more; what is under way is broken off, and has failed with what waits."""
        await self._tasks.close()
        for jobs in self._entries.values():
            for entry in jobs.values():
                entry.status = entry.status if entry.has_ended else JobStatus.FAILURE

    async def _perform(self, entry: _Entry, job: PrintJob, user: ServiceUser) -> None:
        await self._report(entry, user, JobStatus.PENDING)
        async with self._turn:
            entry.status = JobStatus.PRINTING
            told = self._tasks.spawn(self._report(entry, user, JobStatus.PRINTING), name=entry.uid)
            try:
                done = self._on_print(job)
                if isinstance(done, Awaitable):
                    await done
            except FAULTS as error:
                if is_own_cancel(error):
                    raise
                _log.error("a print job has failed", exc_info=error)
                entry.status = JobStatus.FAILURE
            else:
                entry.status = JobStatus.DONE
        await told
        if await self._report(entry, user, entry.status):
            self._entries.get(job.facts.association, {}).pop(entry.uid, None)

    async def _report(self, entry: _Entry, user: ServiceUser, status: JobStatus) -> bool:
        """Tell the SCU (PS3.4 H.4.5.2.1); where that fails, the job goes on. True where the SCU has confirmed it."""
        dataset = dataset_of({"ExecutionStatusInfo": _INFO[status], "PrinterName": self._name})
        if entry.label:
            put(dataset, "FilmSessionLabel", entry.label)
        if not user.is_connected:
            return False
        try:
            response = await user.n_event_report(PRINT_JOB, entry.uid, status.value, dataset)
        except DicomNetworkError as error:
            _log.warning("the status of a print job could not be reported: %s", error)
            return False
        if response.status.is_failure:
            _log.warning("the report of a print job was answered with %s", response.status)
        return not response.status.is_failure
