"""Requests as handlers get them, and a service user whose peer is a list of answers: tests without an association."""

from __future__ import annotations

import asyncio
from typing import Any

from pydicom.dataset import Dataset

from dicomgui.network.association.contexts import AcceptedContext, Negotiated
from dicomgui.network.dimse.commands import (
    CFindRQ,
    NActionRQ,
    NCreateRQ,
    NDeleteRQ,
    NEventReportRQ,
    NGetRQ,
    NSetRQ,
    Request,
)
from dicomgui.network.dimse.dataset import encode_dataset
from dicomgui.network.service import AssociationFacts, OperationRequest, Reply, Response
from dicomgui.network.status import Status
from dicomgui.network.tracing import Role
from dicomgui.network.uids import EXPLICIT_VR_LITTLE_ENDIAN


def context(abstract_syntax: str) -> AcceptedContext:
    return AcceptedContext(1, abstract_syntax, EXPLICIT_VR_LITTLE_ENDIAN, as_scu=True, as_scp=True)


def facts(association: int = 1, *accepted: str) -> AssociationFacts:
    negotiated = Negotiated(Role.ACCEPTOR, "US", "PEER", (), tuple(map(context, accepted)), 0)
    return AssociationFacts(association, "127.0.0.1:1", "PEER", "US", "1.2.3", "", (), negotiated)


def asked(
    command: Request,
    dataset: Dataset | None = None,
    *,
    abstract_syntax: str = "",
    association: int = 1,
    accepted: tuple[str, ...] = (),
    user: Any = None,
) -> OperationRequest[Any]:
    """A request with a data set that has been over the wire."""
    data = None if dataset is None else encode_dataset(dataset, EXPLICIT_VR_LITTLE_ENDIAN)
    chosen = context(abstract_syntax or command.sop_class_uid)
    return OperationRequest(command, chosen, facts(association, *accepted), user, data)


def find(sop_class: str, identifier: Dataset) -> OperationRequest[Any]:
    return asked(CFindRQ(1, sop_class), identifier)


def create(sop_class: str, uid: str, dataset: Dataset, **more: Any) -> OperationRequest[Any]:
    return asked(NCreateRQ(1, sop_class, uid), dataset, **more)


def change(sop_class: str, uid: str, dataset: Dataset, **more: Any) -> OperationRequest[Any]:
    return asked(NSetRQ(1, sop_class, uid), dataset, **more)


def read(sop_class: str, uid: str, *tags: int, **more: Any) -> OperationRequest[Any]:
    return asked(NGetRQ(1, sop_class, uid, tags), **more)


def act(sop_class: str, uid: str, action: int, dataset: Dataset | None = None, **more: Any) -> OperationRequest[Any]:
    return asked(NActionRQ(1, sop_class, uid, action), dataset, **more)


def delete(sop_class: str, uid: str, **more: Any) -> OperationRequest[Any]:
    return asked(NDeleteRQ(1, sop_class, uid), **more)


def report(sop_class: str, uid: str, event: int, dataset: Dataset | None = None) -> OperationRequest[Any]:
    return asked(NEventReportRQ(1, sop_class, uid, event), dataset)


def status_of(answer: Any) -> int:
    """The status of what a handler answered; a data set alone stands for Success."""
    if isinstance(answer, Reply):
        return int(answer.status)
    return int(answer) if isinstance(answer, Status) else 0


class ScriptedUser:
    """Answers each N-service with the next of ``answers``, else with Success; keeps what was asked.

    :ivar asked: name of the verb, positional arguments and keyword arguments of each call.
    """

    def __init__(self, *answers: Response | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.is_connected = True
        self._calls = asyncio.Condition()

    async def _next(self, name: str, *arguments: Any, **more: Any) -> Response:
        async with self._calls:
            self.asked.append((name, arguments, more))
            self._calls.notify_all()
        answer = self.answers.pop(0) if self.answers else Response(Status(0))
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def wait_asked(self, times: int) -> None:
        """Wait until the peer has been asked this often."""
        async with self._calls:
            await self._calls.wait_for(lambda: len(self.asked) >= times)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("n_"):
            raise AttributeError(name)
        return lambda *arguments, **more: self._next(name, *arguments, **more)

    async def __aenter__(self) -> ScriptedUser:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.is_connected = False
