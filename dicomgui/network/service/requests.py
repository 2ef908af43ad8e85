"""What a handler sees of the request that it performs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

from dicomgui.network.association.contexts import AcceptedContext, ContextResult, Negotiated
from dicomgui.network.association.params import Limits
from dicomgui.network.dimse.assembler import MemorySink, Sink
from dicomgui.network.dimse.commands import (
    CEchoRQ,
    CFindRQ,
    CGetRQ,
    CMoveRQ,
    Command,
    CStoreRQ,
    NActionRQ,
    NCreateRQ,
    NDeleteRQ,
    NEventReportRQ,
    NGetRQ,
    NSetRQ,
)
from dicomgui.network.dimse.dataset import check_structure, count_elements, decode_counted
from dicomgui.network.transport.tls import TlsInfo

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from dicomgui.network.service.instance_check import InstanceCheck
    from dicomgui.network.service.user import ServiceUser

__all__ = [
    "AssociationFacts",
    "EchoRequest",
    "FindRequest",
    "GetRequest",
    "MoveRequest",
    "NActionRequest",
    "NCreateRequest",
    "NDeleteRequest",
    "NEventReportRequest",
    "NGetRequest",
    "NSetRequest",
    "OperationRequest",
    "StoreRequest",
]

_C = TypeVar("_C", bound=Command, covariant=True)

_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class AssociationFacts:
    """Who is at the other end, as negotiated.

    ``association`` is the number that the trace uses; ``peer`` is the ``host:port`` of the transport connection. AE
    titles are claims of the peer, not proofs, and may hold any characters. ``refused_contexts`` are those proposed
    presentation contexts that we did not accept; ``negotiated`` is all that was agreed. ``tls`` has the peer's
    certificate, which does prove something where we asked for one.
    """

    association: int
    peer: str
    calling_ae_title: str
    called_ae_title: str
    implementation_class_uid: str
    implementation_version_name: str
    refused_contexts: tuple[ContextResult, ...] = ()
    negotiated: Negotiated | None = None
    tls: TlsInfo | None = None


@dataclass(frozen=True, slots=True)
class EchoRequest:
    """A C-ECHO-RQ that waits for its answer (PS3.7 9.1.5).

    :ivar user: sends requests of our own to that peer, on the same association.
    """

    command: CEchoRQ
    context: AcceptedContext
    facts: AssociationFacts
    user: ServiceUser


def _unshared() -> MemorySink:
    return MemorySink(_LIMITS.max_instance_memory)


@dataclass(frozen=True, slots=True)
class StoreRequest:
    """A C-STORE-RQ whose data set comes or has come (PS3.7 9.1.1).

    :ivar user: sends requests of our own to that peer, on the same association.
    :ivar check: what is known of the data set: its structure when it is complete, and what is wrong with it.
    :ivar collect: makes the sink that is taken where nobody chooses one: it keeps the data set in memory, within
        ``Limits.max_instance_memory`` for all associations together, and its result is the bytes, or ``None`` where
        they were too many.
    """

    command: CStoreRQ
    context: AcceptedContext
    facts: AssociationFacts
    user: ServiceUser
    check: InstanceCheck | None = field(default=None, compare=False, repr=False)
    collect: Callable[[], Sink] = field(default=_unshared, compare=False, repr=False)

    @property
    def transfer_syntax_uid(self) -> str:
        """How the data set is encoded."""
        return self.context.transfer_syntax


class OperationRequest(Generic[_C]):
    """A request of any other service that waits for its answer.

    :ivar command: the command; ``command.sop_class_uid`` is the SOP class that it names, which may be another than
        ``context.abstract_syntax`` (print meta SOP classes, unified procedure step).
    :ivar context: the presentation context that it came on.
    :ivar facts: who asks.
    :ivar user: sends requests of our own to that peer, on the same association.
    :ivar data: the data set as it came; ``None`` without one.
    :param limits: what the data set may be.
    """

    __slots__ = ("_dataset", "_is_cancelled", "_limits", "_waiters", "command", "context", "data", "facts", "user")

    def __init__(
        self,
        command: _C,
        context: AcceptedContext,
        facts: AssociationFacts,
        user: ServiceUser,
        data: bytes | None,
        limits: Limits = _LIMITS,
    ) -> None:
        self._limits = limits
        self.command = command
        self.context = context
        self.facts = facts
        self.user = user
        self.data = data
        self._dataset: Dataset | None = None
        self._is_cancelled = False
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def dataset(self) -> Dataset:
        """The data set, empty where there is none. A large one is decoded when a handler gets it, others at first use.

        :raises RemoteProtocolError: it cannot be decoded; a handler may let this pass, the answer is then C000 or 0110,
            or A700 or 0213 where it is too large.
        """
        if self._dataset is None:
            self.count_elements()
            self.decode()
            assert self._dataset is not None
        return self._dataset

    def count_elements(self) -> int:
        """Walk through the data set; returns how many elements and items it has, or may have. For any thread.

        :raises DatasetTooLarge: it goes beyond a limit.
        """
        limits = self._limits
        return count_elements(
            self.data or b"",
            self.context.transfer_syntax,
            max_inflated=limits.max_attributes_length,
            max_elements=limits.max_elements,
            max_depth=limits.max_depth,
        )

    def check_structure(self) -> None:
        """Walk through the data set: what no reader can read is refused before a handler is asked. For any thread.

        An empty one passes; more than the limits allow is not looked at here, but by :meth:`count_elements`.

        :raises RemoteProtocolError: its structure is broken.
        """
        check_structure(self.data or b"", self.context.transfer_syntax, self._limits.max_attributes_length)

    def decode(self) -> None:
        """Decode the data set, after :meth:`count_elements`. For any thread.

        :raises RemoteProtocolError: it cannot be decoded.
        """
        syntax = self.context.transfer_syntax
        self._dataset = decode_counted(self.data or b"", syntax, self._limits.max_attributes_length)

    @property
    def is_cancelled(self) -> bool:
        """Whether the peer has asked by C-CANCEL to end this (C-FIND, C-MOVE and C-GET only)."""
        return self._is_cancelled

    async def wait_cancelled(self) -> None:
        """Wait until the peer asks by C-CANCEL to end this."""
        if not self._is_cancelled:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            finally:
                self._waiters.remove(waiter)

    def cancel(self) -> None:
        """Take note of a C-CANCEL."""
        self._is_cancelled = True
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)


FindRequest: TypeAlias = OperationRequest[CFindRQ]
"""A C-FIND-RQ (PS3.7 9.1.2)."""
MoveRequest: TypeAlias = OperationRequest[CMoveRQ]
"""A C-MOVE-RQ (PS3.7 9.1.4)."""
GetRequest: TypeAlias = OperationRequest[CGetRQ]
"""A C-GET-RQ (PS3.7 9.1.3)."""
NGetRequest: TypeAlias = OperationRequest[NGetRQ]
"""An N-GET-RQ (PS3.7 10.1.2)."""
NSetRequest: TypeAlias = OperationRequest[NSetRQ]
"""An N-SET-RQ (PS3.7 10.1.3)."""
NActionRequest: TypeAlias = OperationRequest[NActionRQ]
"""An N-ACTION-RQ (PS3.7 10.1.4)."""
NCreateRequest: TypeAlias = OperationRequest[NCreateRQ]
"""An N-CREATE-RQ (PS3.7 10.1.5)."""
NDeleteRequest: TypeAlias = OperationRequest[NDeleteRQ]
"""An N-DELETE-RQ (PS3.7 10.1.6)."""
NEventReportRequest: TypeAlias = OperationRequest[NEventReportRQ]
"""An N-EVENT-REPORT-RQ (PS3.7 10.1.1)."""
