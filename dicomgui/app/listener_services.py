"""What a listener does beside storing: it answers from its archive, and keeps performed procedure steps."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Collection
from concurrent.futures import Executor
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any, Final, TypeVar

from dicomgui.app.destinations import KnownDestination
from dicomgui.app.listener_events import ListenerEvent, RequestAnswered
from dicomgui.app.local_archive import LocalArchive
from dicomgui.app.provided import Provided
from dicomgui.app.responder import Responder, Worklist
from dicomgui.network.association.params import AETitle, PeerAddress
from dicomgui.network.client import Association, ConnectOptions, open_with
from dicomgui.network.dimse.commands import CMoveRQ
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service import (
    FindRequest,
    GetRequest,
    Handlers,
    Match,
    MoveRequest,
    Reply,
    Retrieval,
)
from dicomgui.network.service.requests import OperationRequest
from dicomgui.network.service_classes.commitment_provider import CommitmentProvider, CommitmentRequest
from dicomgui.network.service_classes.performed_steps import PerformedStep, PerformedSteps
from dicomgui.network.service_classes.references import Reference
from dicomgui.network.service_classes.worklist import SOP_CLASS as WORKLIST
from dicomgui.network.status import Status
from dicomgui.network.tracing import Tracer

__all__ = ["Find", "ListenerServices"]

NO_SUCH_CLASS: Final = Status(0x0118)
NOT_SUPPORTED: Final = Status(0x0122)

Find = Callable[[str], KnownDestination | None]
"""Where a peer is reached, by its AE title."""

_R = TypeVar("_R", bound=OperationRequest[Any])
_A = TypeVar("_A")


class ListenerServices:
    """The services of one run of a listener.

    :ivar steps: the performed procedure steps that came.

    :param find: where destinations of C-MOVE are, and who asks for storage commitment.
    :param tell: takes events.
    """

    def __init__(
        self,
        archive: LocalArchive,
        *,
        ae_title: str,
        services: Collection[Provided],
        find: Find,
        pool: Executor,
        tell: Callable[[ListenerEvent], None],
        tracer: Tracer | None,
        worklist: Worklist = (),
    ) -> None:
        self._services = services
        self._ae_title = AETitle(ae_title)
        self._find = find
        self._tell = tell
        self._tracer = tracer
        self._responder = Responder(archive, ae_title=ae_title, pool=pool, worklist=worklist)
        self.steps = PerformedSteps(on_change=self._on_step)
        self._commitment = CommitmentProvider(self._judge, open_association=self._open, try_same_first=True)

    def handlers(self, own: Handlers) -> Handlers:
        """The handlers of the services that are on, beside the listener's own for echo and store."""
        services, steps = self._services, self.steps
        if not {Provided.QUERY, Provided.WORKLIST}.isdisjoint(services):
            own = replace(own, on_find=self._on_find)
        if Provided.MOVE in services:
            own = replace(own, on_move=self._on_retrieve)
        if Provided.GET in services:
            own = replace(own, on_get=self._on_retrieve)
        if Provided.MPPS in services:
            classes = PerformedSteps.sop_classes
            own = replace(
                own,
                on_n_create=_only(classes, steps.on_n_create),
                on_n_set=_only(classes, steps.on_n_set),
                on_n_get=_only(classes, steps.on_n_get),
            )
        if Provided.COMMITMENT in services:
            own = replace(own, on_n_action=_only(CommitmentProvider.sop_classes, self._commitment.on_n_action))
        return own

    async def close(self) -> None:
        """End what is still under way."""
        await self._commitment.close()

    async def _on_find(self, request: FindRequest) -> AsyncIterator[Match | Reply] | Reply:
        asked = Provided.WORKLIST if request.command.sop_class_uid == WORKLIST else Provided.QUERY
        if asked in self._services:
            answer = await self._responder.find(request)
        else:
            answer = Reply(NOT_SUPPORTED, "this service is switched off")
        self._note(request, "C-FIND", answer)
        return answer

    async def _on_retrieve(self, request: GetRequest | MoveRequest) -> Retrieval | Reply:
        answer = await self._responder.retrieve(request)
        self._note(request, "C-MOVE" if isinstance(request.command, CMoveRQ) else "C-GET", answer)
        return answer

    def _note(self, request: FindRequest | GetRequest | MoveRequest, service: str, answer: object) -> None:
        detail = str(request.dataset.get("QueryRetrieveLevel", "worklist"))[:16]
        problem = f"{answer.status} {answer.comment}" if isinstance(answer, Reply) else ""
        self._tell(RequestAnswered(time.time(), request.facts, service, detail, problem))

    def _on_step(self, step: PerformedStep) -> None:
        self._tell(RequestAnswered(time.time(), step.facts, "MPPS", f"{step.sop_instance_uid} {step.status}"))

    async def _judge(self, request: CommitmentRequest) -> Collection[Reference]:
        safe = await self._responder.judge(request)
        detail = f"{len(safe)} of {len(request.references)} instances"
        self._tell(RequestAnswered(time.time(), request.facts, "storage commitment", detail))
        return safe

    def _open(self, request: CommitmentRequest) -> AbstractAsyncContextManager[Association]:
        """An association with who asked for commitment, to report on."""
        title = request.facts.calling_ae_title.strip()
        found = self._find(title)
        if found is None:
            raise ConfigurationError(f"nobody knows where {title!r} listens", phase="connect")
        usual = ConnectOptions(calling_ae=self._ae_title)
        address, options = (found, usual) if isinstance(found, PeerAddress) else (found.address, found.options)
        return open_with(
            address, replace(options, contexts=CommitmentProvider.report_contexts, tracer=self._tracer)
        )


def _only(classes: Collection[str], handler: Callable[[_R], _A]) -> Callable[[_R], _A | Reply]:
    """The handler for these SOP classes alone: a listener that takes any SOP class is asked for others, too."""

    def guarded(request: _R) -> _A | Reply:
        if request.command.sop_class_uid not in classes:
            return Reply(NO_SUCH_CLASS, "no such SOP class here")
        return handler(request)

    return guarded
