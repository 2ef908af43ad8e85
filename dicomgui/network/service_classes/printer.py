"""The SCP of print management (PS3.4 annex H): receives films and hands them on as pages.

::

    printer = Printer(on_print=lambda job: show(job.pages))
    options = ServerOptions(policy=…, lifecycle=Lifecycle(on_closed=printer.on_closed))
    server = await serve(handlers=printer.handlers(), options=options)

Sessions, films and jobs belong to their association and are forgotten with it. At the end: ``await printer.close()``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from dicomgui.network.dimse.memory import MemoryBudget
from dicomgui.network.service import (
    Handlers,
    NActionRequest,
    NCreateRequest,
    NDeleteRequest,
    NGetRequest,
    NormalizedAnswer,
    NSetRequest,
    Reply,
)
from dicomgui.network.service_classes.attributes import SUCCESS, dataset_of, new_uid, put, selected
from dicomgui.network.service_classes.print_attributes import (
    ANNOTATION_BOX,
    COLOR_IMAGE_BOX,
    COLOR_META,
    FILM_BOX,
    FILM_SESSION,
    GRAYSCALE_IMAGE_BOX,
    GRAYSCALE_META,
    PRESENTATION_LUT,
    PRINT,
    PRINT_JOB,
    PRINTER,
    PRINTER_INSTANCE,
)
from dicomgui.network.service_classes.print_queue import PrintJob, PrintQueue
from dicomgui.network.service_classes.print_session import PrintedPage, PrintSession, memory_of
from dicomgui.network.service_classes.references import reference_items
from dicomgui.network.status import Status

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["PrintJob", "PrintedPage", "Printer"]

ATTRIBUTE_LIST_ERROR: Final = Status(0x0107)
DUPLICATE_INSTANCE: Final = Status(0x0111)
NO_SUCH_INSTANCE: Final = Status(0x0112)
NO_SUCH_CLASS: Final = Status(0x0118)
NO_SUCH_ACTION: Final = Status(0x0123)
RESOURCE_LIMITATION: Final = Status(0x0213)
EMPTY_SESSION_PRINTED: Final = Status(0xB602)
EMPTY_FILM_PRINTED: Final = Status(0xB603)
NO_FILM_BOX: Final = Status(0xC600)
SESSION_QUEUE_FULL: Final = Status(0xC601)
FILM_QUEUE_FULL: Final = Status(0xC602)

REFERENCED_PRINT_JOBS: Final = 0x21000500
"""Has no keyword of its own in the dictionary."""

_UNKNOWN: Final = Reply(NO_SUCH_INSTANCE, "there is no such instance on this association")
_WRONG_CLASS: Final = Reply(NO_SUCH_CLASS, "print management does this to no such SOP class")


class Printer:
    """Film sessions in memory.

    :param on_print: called with each job, a plain or a coroutine function. Where the Print Job SOP Class was
        negotiated, the job is answered at once and printed when its turn comes, and each change of its status is
        reported (see :class:`~dicomgui.network.service_classes.print_queue.PrintQueue`); else the answer waits for it,
        and what it raises is answered 0110.
    :param name: Printer Name (2110,0030).
    :param max_bytes: memory that the films, images and presentation LUTs of all associations together may take up here;
        more is answered C605 (insufficient memory), or 0213 for a presentation LUT. The jobs that have not ended may
        take up as much again; more is answered C601 or C602 (print queue is full).
    :param max_films: films that one association may have, and presentation LUTs; one more is answered 0213 (resource
        limitation).
    """

    sop_classes: Final = (GRAYSCALE_META, COLOR_META, ANNOTATION_BOX, PRESENTATION_LUT, PRINT_JOB, PRINTER)

    def __init__(
        self,
        on_print: Callable[[PrintJob], object],
        *,
        name: str = "PRINTER",
        max_bytes: int = 512 * 2**20,
        max_films: int = 256,
    ) -> None:
        self._on_print = on_print
        self._queue = PrintQueue(on_print, name=name, max_bytes=max_bytes)
        self._memory = MemoryBudget(max_bytes)
        self._max_films = max_films
        self._sessions: dict[int, PrintSession] = {}
        self._luts: dict[int, dict[str, Dataset]] = {}
        self._state = dataset_of({"PrinterStatus": "NORMAL", "PrinterStatusInfo": "NORMAL", "PrinterName": name})

    def set_status(self, status: str, info: str = "NORMAL") -> None:
        """Have the printer say ``NORMAL``, ``WARNING`` or ``FAILURE``, and e.g. ``SUPPLY LOW`` (PS3.3 C.13.9)."""
        put(self._state, "PrinterStatus", status)
        put(self._state, "PrinterStatusInfo", info)

    def on_closed(self, association: int, _facts: object = None, _error: object = None) -> None:
        """Forget what belongs to an association; goes into the server's :class:`Lifecycle`."""
        session = self._sessions.pop(association, None)
        if session is not None:
            session.close()
        self._queue.forget(association)
        for lut in self._luts.pop(association, {}).values():
            self._memory.give_back(memory_of(lut))

    async def close(self) -> None:
        """Print no more jobs; what is under way is broken off."""
        await self._queue.close()

    @property
    def sessions(self) -> int:
        """How many film sessions there are."""
        return len(self._sessions)

    def handlers(self) -> Handlers:
        """What a server takes."""
        return Handlers(
            on_n_create=self.on_n_create,
            on_n_set=self.on_n_set,
            on_n_get=self.on_n_get,
            on_n_action=self.on_n_action,
            on_n_delete=self.on_n_delete,
        )

    def on_n_create(self, request: NCreateRequest) -> NormalizedAnswer:
        """Begin a film session or a film, or take a presentation LUT (PS3.4 H.4.1.2.1, H.4.2.2.1, H.4.9.1.1)."""
        kind = request.command.affected_sop_class_uid
        uid = request.command.affected_sop_instance_uid or new_uid()
        session = self._sessions.get(request.facts.association)
        if kind == FILM_SESSION:
            if session is not None:
                return Reply(DUPLICATE_INSTANCE, "an association has one film session at a time")
            self._sessions[request.facts.association] = PrintSession(
                uid, request.dataset, self._memory, self._max_films
            )
            return Reply(SUCCESS, dataset=request.dataset, sop_instance_uid=uid)
        if kind == PRESENTATION_LUT:
            return self._add_lut(request.facts.association, uid, request.dataset)
        if kind != FILM_BOX:
            return _WRONG_CLASS
        if session is None:
            return Reply(NO_SUCH_INSTANCE, "there is no film session")
        image_class = COLOR_IMAGE_BOX if request.context.abstract_syntax == COLOR_META else GRAYSCALE_IMAGE_BOX
        return session.add_film(uid, request.dataset, image_class)

    def _add_lut(self, association: int, uid: str, lut: Dataset) -> Reply:
        luts = self._luts.setdefault(association, {})
        if len(luts) >= self._max_films:
            return Reply(RESOURCE_LIMITATION, f"there are {self._max_films} presentation LUTs already")
        if uid in luts:
            return Reply(DUPLICATE_INSTANCE, "there is a presentation LUT with this UID")
        if not self._memory.take(memory_of(lut)):
            return Reply(RESOURCE_LIMITATION, "there is too little memory for this")
        luts[uid] = lut
        return Reply(SUCCESS, dataset=lut, sop_instance_uid=uid)

    def on_n_set(self, request: NSetRequest) -> NormalizedAnswer:
        """Change a session or a film, or fill one of its boxes (PS3.4 H.4.3.1.2.1)."""
        session = self._sessions.get(request.facts.association)
        if session is None:
            return _UNKNOWN
        command = request.command
        return session.change(command.requested_sop_class_uid, command.requested_sop_instance_uid, request.dataset)

    def on_n_get(self, request: NGetRequest) -> NormalizedAnswer:
        """Tell of the printer or of a job (PS3.4 H.4.6.2.1, H.4.5.2.1)."""
        command = request.command
        uid = command.requested_sop_instance_uid
        found: Dataset | None = None
        if command.requested_sop_class_uid == PRINTER:
            found = self._state if uid == PRINTER_INSTANCE else None
        elif command.requested_sop_class_uid == PRINT_JOB:
            found = self._queue.attributes(request.facts.association, uid)
        else:
            return _WRONG_CLASS
        if found is None:
            return _UNKNOWN
        return selected(found, command.attribute_identifiers, unknown=ATTRIBUTE_LIST_ERROR)

    def on_n_delete(self, request: NDeleteRequest) -> NormalizedAnswer:
        """Delete a session with its films, a film, or a presentation LUT (PS3.4 H.4.1.2.3, H.4.2.2.3, H.4.9.1.2)."""
        command, number = request.command, request.facts.association
        if command.requested_sop_class_uid == PRESENTATION_LUT:
            known = self._luts.get(number, {}).pop(command.requested_sop_instance_uid, None)
            if known is None:
                return _UNKNOWN
            self._memory.give_back(memory_of(known))
            return SUCCESS
        session = self._sessions.get(number)
        if command.requested_sop_class_uid not in (FILM_SESSION, FILM_BOX):
            return _WRONG_CLASS
        if session is None:
            return _UNKNOWN
        if command.requested_sop_class_uid == FILM_BOX:
            return SUCCESS if session.remove_film(command.requested_sop_instance_uid) else _UNKNOWN
        if session.uid != command.requested_sop_instance_uid:
            return _UNKNOWN
        del self._sessions[number]
        session.close()
        return SUCCESS

    def on_n_action(self, request: NActionRequest) -> NormalizedAnswer | Awaitable[NormalizedAnswer]:
        """Print a film, or all of a session (PS3.4 H.4.1.2.4, H.4.2.2.4)."""
        command = request.command
        uid = command.requested_sop_instance_uid
        session = self._sessions.get(request.facts.association)
        if command.requested_sop_class_uid not in (FILM_SESSION, FILM_BOX):
            return _WRONG_CLASS
        if command.action_type_id != PRINT:
            return Reply(NO_SUCH_ACTION, "print management has the action type 1")
        if session is None:
            return _UNKNOWN
        if command.requested_sop_class_uid == FILM_BOX:
            page = session.page(uid)
            if page is None:
                return _UNKNOWN
            return self._print(request, session, (page,), EMPTY_FILM_PRINTED)
        if session.uid != uid:
            return _UNKNOWN
        pages = session.pages()
        if not pages:
            return Reply(NO_FILM_BOX, "the film session has no films")
        return self._print(request, session, pages, EMPTY_SESSION_PRINTED)

    def _print(
        self, request: NActionRequest, session: PrintSession, pages: tuple[PrintedPage, ...], if_empty: Status
    ) -> NormalizedAnswer | Awaitable[NormalizedAnswer]:
        status = SUCCESS if any(page.images for page in pages) else if_empty
        is_color = request.context.abstract_syntax == COLOR_META
        luts = MappingProxyType(dict(self._luts.get(request.facts.association, {})))
        job = PrintJob(new_uid(), session.attributes, pages, is_color, luts, request.facts)
        negotiated = request.facts.negotiated
        if negotiated is not None and negotiated.find(PRINT_JOB, as_scp=True) is not None:
            return self._queued(request, job, status)
        done = self._on_print(job)
        return self._printed(done, status) if isinstance(done, Awaitable) else Reply(status)

    def _queued(self, request: NActionRequest, job: PrintJob, status: Status) -> Reply:
        if not self._queue.add(job, request.user):
            is_film = request.command.requested_sop_class_uid == FILM_BOX
            return Reply(FILM_QUEUE_FULL if is_film else SESSION_QUEUE_FULL, "the print queue is full")
        answer = dataset_of({})
        put(answer, REFERENCED_PRINT_JOBS, reference_items([(PRINT_JOB, job.sop_instance_uid)]))
        return Reply(status, dataset=answer)

    @staticmethod
    async def _printed(done: Awaitable[object], status: Status) -> NormalizedAnswer:
        await done
        return Reply(status)
