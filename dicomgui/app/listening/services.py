"""What a listener does beside storing: it answers from its archive, and from what the user has set at its desk."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

from dicomgui.app.archive.local_archive import LocalArchive
from dicomgui.app.configuration.destinations import KnownDestination
from dicomgui.app.configuration.provided import Provided
from dicomgui.app.context import AppContext
from dicomgui.app.listening.desk import AnswerDesk, DeskRun
from dicomgui.app.listening.events import ListenerEvent, RequestAnswered
from dicomgui.app.listening.media_jobs import MediaRun
from dicomgui.app.listening.report_queue import ReportQueue
from dicomgui.app.listening.responder import Responder, Worklist
from dicomgui.app.listening.rules import Basic
from dicomgui.app.listening.store_rules import storing_by_rules
from dicomgui.network.association.contexts import ProposedContext
from dicomgui.network.association.params import AETitle, PeerAddress
from dicomgui.network.client import Association, ConnectOptions, open_with
from dicomgui.network.dimse.commands import CMoveRQ
from dicomgui.network.service import (
    FindRequest,
    GetRequest,
    Handlers,
    Match,
    Matches,
    MoveRequest,
    NEventReportRequest,
    Reply,
    Retrieval,
    StoreRequest,
)
from dicomgui.network.service_classes import commitment
from dicomgui.network.status import Status
from dicomgui.network.tracing import Tracer
from dicomgui.storage import IdentifierRule, Selection, StoredFile

__all__ = ["Find", "ListenerServices"]

NO_SUCH_CLASS: Final = Reply(Status(0x0118), "no such SOP class here")
NOT_SUPPORTED: Final = Status(0x0122)

Find = Callable[[str], KnownDestination | None]
"""Where a peer is reached, by its AE title."""


class ListenerServices:
    """The services of one run of a listener.

    :ivar services: what is given beside verification; may be changed, and counts for the next request.
    :ivar desk: keeps what comes over worklist, MPPS, storage commitment, print, UPS and notifications.

    :param find: where destinations of C-MOVE are, who asks for storage commitment, and who watches steps.
    :param tell: takes events.
    :param worklist: what is scheduled; by default the rows of the desk.
    :param desk: made if it is not given.
    :param abort: aborts an association, by its number in the trace.
    :param drop: called with a data set of a C-STORE that a rule does not let be kept.
    :param identifiers: the rule for identifiers that are not as the standard wants them.
    :param keeps_files: whether anything may be written into the archive's folder.
    """

    def __init__(
        self,
        archive: LocalArchive,
        *,
        ae_title: str,
        services: Collection[Provided],
        find: Find,
        context: AppContext,
        tell: Callable[[ListenerEvent], None],
        tracer: Tracer | None,
        worklist: Worklist = (),
        desk: AnswerDesk | None = None,
        identifiers: IdentifierRule = IdentifierRule.USUAL,
        keeps_files: bool = True,
        abort: Callable[[int], object] = lambda association: None,
        drop: Callable[[StoreRequest, object], object] = lambda request, result: None,
    ) -> None:
        self.services = services
        self.desk = desk or AnswerDesk()
        self._ae_title = AETitle(ae_title)
        self._find = find
        self._tell = tell
        self._tracer = tracer
        self._folder = archive.folder if keeps_files else None
        self._drop = drop
        self._commitments = context.commitments
        self._watched = context.watched
        scheduled = self.desk.worklist if worklist == () else worklist
        self._responder = Responder(
            archive,
            ae_title=ae_title,
            pool=context.file_pool,
            worklist=scheduled,
            identifiers=identifiers,
            on_broken=self._note_broken,
        )
        media = MediaRun(partial(_files_of, archive), _media_folder(archive.folder))
        queue = ReportQueue(self._folder)
        self.desk.begin(
            DeskRun(self._open, self._responder.judge, tell, queue, media=media if keeps_files else None, abort=abort)
        )

    def handlers(self, own: Handlers) -> Handlers:
        """The handlers of the services, beside the listener's own for echo and store."""
        if own.on_echo is not None:
            own = replace(own, on_echo=self.desk.by_rules(Basic.ECHO, "C-ECHO", own.on_echo))
        if own.on_store is not None:
            own = replace(own, on_store=storing_by_rules(self.desk, own.on_store, self._drop))
        own = replace(
            own,
            on_find=self._on_find,
            on_n_create=partial(self._normalized, "N-CREATE"),
            on_n_set=partial(self._normalized, "N-SET"),
            on_n_get=partial(self._normalized, "N-GET"),
            on_n_action=partial(self._normalized, "N-ACTION"),
            on_n_delete=partial(self._normalized, "N-DELETE"),
            on_n_event_report=self._on_report,
        )
        if Provided.MOVE in self.services:
            own = replace(own, on_move=self._on_retrieve)
        if Provided.GET in self.services:
            own = replace(own, on_get=self._on_retrieve)
        return own

    async def prepare(self) -> None:
        """Read what is needed before the listener takes requests."""
        await self.desk.watchers.prepare(self._folder)

    def started(self) -> None:
        """The listener takes requests from now on."""
        if Provided.UPS in self.services:
            self.desk.watchers.begin()

    async def close(self) -> None:
        """End what is still under way."""
        await self.desk.end()

    def _normalized(self, operation: str, request: Any) -> Any:
        """The answer to an N-service; a listener that takes any SOP class is asked for others, too."""
        if self.desk.service_of(request) not in self.services:
            return NO_SUCH_CLASS
        return self.desk.perform(operation, request)

    async def _on_report(self, request: NEventReportRequest) -> Status | Reply:
        """The answer to an event report: who waits for it takes it, and anybody's is taken where that is offered."""
        if Provided.NOTIFICATIONS in self.services:
            return await self.desk.report(request, self._expected)
        answer = await self._expected(request)
        if answer is None:  # refused as the service class says
            answer = await self._commitments.on_n_event_report(request)
        return answer

    async def _expected(self, request: NEventReportRequest) -> Status | Reply | None:
        if request.command.affected_sop_class_uid == commitment.SOP_CLASS:
            is_known = await self._commitments.is_about_ours(request)
            return await self._commitments.on_n_event_report(request) if is_known else None
        if self._watched.expects(request):
            return (await self._watched.take(request)).status
        return None

    async def _on_find(self, request: FindRequest) -> AsyncIterator[Match | Matches | Reply] | Reply:
        asked = self.desk.service_of(request) or Provided.QUERY
        answer: Any = Reply(NOT_SUPPORTED, "this service is switched off")
        if asked in self.services:
            find = self.desk.procedures.on_find if asked is Provided.UPS else self._responder.find
            answer = self.desk.by_rules(asked, "C-FIND", find)(request)
            if isinstance(answer, Awaitable):
                answer = await answer
        self._note(request, "C-FIND", answer)
        return cast(AsyncIterator[Match | Matches | Reply] | Reply, answer)

    async def _on_retrieve(self, request: GetRequest | MoveRequest) -> Retrieval | Reply:
        service, name = (Provided.MOVE, "C-MOVE") if isinstance(request.command, CMoveRQ) else (Provided.GET, "C-GET")
        answer: Retrieval | Reply = await self.desk.by_rules(service, name, self._responder.retrieve)(request)
        self._note(request, name, answer)
        return answer

    def _note_broken(self, request: FindRequest, reply: Reply) -> None:
        self._note(request, "C-FIND", reply)

    def _note(self, request: FindRequest | GetRequest | MoveRequest, service: str, answer: object) -> None:
        detail = str(request.dataset.get("QueryRetrieveLevel", "worklist"))[:16]
        problem = f"{answer.status} {answer.comment}" if isinstance(answer, Reply) else ""
        anomalies = () if problem else self._responder.anomalies(request)
        self._tell(RequestAnswered(time.time(), request.facts, service, detail, problem, anomalies))

    def _open(
        self, ae_title: str, contexts: tuple[ProposedContext, ...]
    ) -> AbstractAsyncContextManager[Association] | None:
        """An association with who asked for commitment or watches steps, to report on."""
        found = self._find(ae_title)
        if found is None:
            return None
        usual = ConnectOptions(calling_ae=self._ae_title)
        address, options = (found, usual) if isinstance(found, PeerAddress) else (found.address, found.options)
        return open_with(address, replace(options, contexts=contexts, tracer=self._tracer))


async def _files_of(archive: LocalArchive, uids: Sequence[str]) -> Sequence[StoredFile]:
    await archive.catch_up()
    return await archive.files_of(Selection(instance_uids=tuple(dict.fromkeys(uids))))


def _media_folder(archive: Path) -> Path:
    """The folder for media: beside that of an archive, which may be named by ``.``, or in it where that is a root."""
    folder = archive.resolve()
    return folder.with_name(f"{folder.name}-media") if folder.name else folder / "media"
