"""What a service provider's handlers answer: the typed contract between the stack and its user."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Collection, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from dicomgui.network.dimse.assembler import Sink
from dicomgui.network.dimse.commands import Command
from dicomgui.network.service.requests import (
    AssociationFacts,
    EchoRequest,
    FindRequest,
    GetRequest,
    MoveRequest,
    NActionRequest,
    NCreateRequest,
    NDeleteRequest,
    NEventReportRequest,
    NGetRequest,
    NSetRequest,
    StoreRequest,
)
from dicomgui.network.service.results import Match, Matches, Progress
from dicomgui.network.service.storing import StorableInstance
from dicomgui.network.status import Status

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from dicomgui.network.service.user import ServiceUser

__all__ = [
    "EchoHandler",
    "FindAnswer",
    "FindHandler",
    "GetHandler",
    "Handlers",
    "MoveHandler",
    "Mover",
    "NormalizedAnswer",
    "Reply",
    "Retrieval",
    "RetrieveAnswer",
    "SinkOpener",
    "StoreHandler",
]


@dataclass(frozen=True, slots=True)
class Reply:
    """A status with what explains it, and with what else a response may hold.

    :ivar comment: Error Comment (0000,0902); 64 characters are sent.
    :ivar offending: Offending Element (0000,0901) as tags ``(group << 16) | element``.
    :ivar dataset: the data set of the response; bytes go as they are.
    :ivar sop_instance_uid: Affected SOP Instance UID (0000,1000), where it is not that of the request.
    :ivar attribute_identifiers: Attribute Identifier List (0000,1005) as tags.
    :ivar error_id: Error ID (0000,0903).
    :ivar progress: numbers of sub-operations of a C-MOVE or C-GET.
    """

    status: Status
    comment: str = ""
    offending: tuple[int, ...] = ()
    dataset: Dataset | bytes | None = None
    sop_instance_uid: str = ""
    attribute_identifiers: tuple[int, ...] = ()
    error_id: int | None = None
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class Retrieval:
    """What a C-MOVE or C-GET is to send.

    :ivar instances: files or data sets, made one by one as they are sent if this is a generator.
    :ivar total: how many; by default the length of ``instances`` if it has one, else the peer is not told what remains.
    :ivar kinds: pairs of SOP class UID and transfer syntax UID that a C-MOVE proposes to the destination; by default
        those of all ``instances`` if these are a list, else a further association is opened whenever one more is met.
    """

    instances: Iterable[StorableInstance] | AsyncIterable[StorableInstance]
    total: int | None = None
    kinds: Collection[tuple[str, str]] | None = None


class Mover(Protocol):
    """How a C-MOVE reaches its destination."""

    def knows(self, request: MoveRequest) -> bool:
        """Whether the move destination of the request is known."""

    def open(
        self, request: MoveRequest, kinds: Collection[tuple[str, str]]
    ) -> AbstractAsyncContextManager[ServiceUser]:
        """An association with the destination, for instances of these SOP classes and transfer syntaxes."""


_T = TypeVar("_T")
_NowOrLater: TypeAlias = _T | Awaitable[_T]
_Stream: TypeAlias = Iterable[_T] | AsyncIterable[_T]

EchoHandler: TypeAlias = Callable[[EchoRequest], _NowOrLater[Status | Reply]]
SinkOpener: TypeAlias = Callable[[StoreRequest], Sink | Status | Reply]
"""Chooses where the data set of a C-STORE goes, as soon as its command is there. A status instead of a sink refuses:
the data set is then read and dropped, and the status is the answer."""
StoreHandler: TypeAlias = Callable[[StoreRequest, object], _NowOrLater[Status | Reply]]
"""Answers a C-STORE whose data set is complete; the second argument is what the sink's ``finish()`` returned. Only a
success or warning says that the instance is safe. A plain return answers at once, an awaitable when it is done."""

FindAnswer: TypeAlias = "_Stream[Dataset | bytes | Match | Matches | Status | Reply] | Status | Reply"
"""Matches, each a data set or a :class:`Match` (with FF01 where a key was not supported), or many in a
:class:`Matches`. A status among them ends the
answer with it; without one it ends with Success, or with FE00 when it was cancelled."""
FindHandler: TypeAlias = Callable[[FindRequest], _NowOrLater[FindAnswer]]
"""Usually a generator function, plain or ``async``."""

RetrieveAnswer: TypeAlias = "Retrieval | _Stream[StorableInstance | Status | Reply] | Status | Reply"
GetHandler: TypeAlias = Callable[[GetRequest], _NowOrLater[RetrieveAnswer]]
"""Says what to send; sending, counting and the final status are done for it. A status among the instances ends the
operation with it."""
MoveHandler: TypeAlias = Callable[[MoveRequest], _NowOrLater[RetrieveAnswer]]
"""As :data:`GetHandler`; the destination is known by then (A801 is answered otherwise)."""

NormalizedAnswer: TypeAlias = "Status | Reply | Dataset"
"""A data set alone stands for Success with it."""


@dataclass(frozen=True, slots=True)
class Handlers:
    """The operations that a provider performs; ``None`` answers as PS3.7 says for a service that is not there.

    Each may be a plain function, a coroutine function or, where it gives many things, a generator function of either
    kind. A plain one holds up the event loop while it works. An exception becomes status 0110 (processing failure), a
    log line and a note in the trace; it never ends the association.

    :ivar on_echo: answers C-ECHO; without one the answer is Success.
    :ivar open_sink: see :data:`SinkOpener`; without one a data set is collected in memory.
    :ivar on_store: see :data:`StoreHandler`; without one a C-STORE is answered 0122 (SOP class not supported).
    :ivar on_find: see :data:`FindHandler`; without one the answer is 0211 (unrecognized operation), as for all others.
    :ivar on_move: see :data:`MoveHandler`.
    :ivar on_get: see :data:`GetHandler`.
    :ivar on_n_get: answers N-GET.
    :ivar on_n_set: answers N-SET.
    :ivar on_n_action: answers N-ACTION.
    :ivar on_n_create: answers N-CREATE; where the peer gave no instance UID, its reply has one.
    :ivar on_n_delete: answers N-DELETE.
    :ivar on_n_event_report: answers N-EVENT-REPORT.
    :ivar on_refused: told of each request that was answered with a failure before any handler was asked, such as one
        for a service that is not there; must be quick. Of an instance that a C-GET brings, those handlers are told that
        the C-GET was given, if they have one.
    """

    on_echo: EchoHandler | None = None
    open_sink: SinkOpener | None = None
    on_store: StoreHandler | None = None
    on_find: FindHandler | None = None
    on_move: MoveHandler | None = None
    on_get: GetHandler | None = None
    on_n_get: Callable[[NGetRequest], _NowOrLater[NormalizedAnswer]] | None = None
    on_n_set: Callable[[NSetRequest], _NowOrLater[NormalizedAnswer]] | None = None
    on_n_action: Callable[[NActionRequest], _NowOrLater[NormalizedAnswer]] | None = None
    on_n_create: Callable[[NCreateRequest], _NowOrLater[NormalizedAnswer]] | None = None
    on_n_delete: Callable[[NDeleteRequest], _NowOrLater[NormalizedAnswer]] | None = None
    on_n_event_report: Callable[[NEventReportRequest], _NowOrLater[NormalizedAnswer]] | None = None
    on_refused: Callable[[AssociationFacts, Command, Reply], None] | None = None
