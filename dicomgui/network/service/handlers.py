"""What a service provider's handlers see and answer: the typed contract between the stack and its user."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from dicomgui.network.association.contexts import ContextResult
from dicomgui.network.dimse.assembler import Sink
from dicomgui.network.dimse.commands import CEchoRQ, CStoreRQ
from dicomgui.network.status import Status

__all__ = [
    "AssociationFacts",
    "EchoHandler",
    "EchoRequest",
    "Handlers",
    "Reply",
    "SinkOpener",
    "StoreHandler",
    "StoreRequest",
]


@dataclass(frozen=True, slots=True)
class AssociationFacts:
    """Who is at the other end, as negotiated.

    ``association`` is the number that the trace uses; ``peer`` is the ``host:port`` of the transport connection. AE
    titles are claims of the peer, not proofs, and may hold any characters. ``refused_contexts`` are those proposed
    presentation contexts that we did not accept.
    """

    association: int
    peer: str
    calling_ae_title: str
    called_ae_title: str
    implementation_class_uid: str
    implementation_version_name: str
    refused_contexts: tuple[ContextResult, ...] = ()


@dataclass(frozen=True, slots=True)
class EchoRequest:
    """A C-ECHO-RQ that waits for its answer (PS3.7 9.1.5)."""

    command: CEchoRQ
    context_id: int
    facts: AssociationFacts


@dataclass(frozen=True, slots=True)
class StoreRequest:
    """A C-STORE-RQ whose data set comes or has come (PS3.7 9.1.1)."""

    command: CStoreRQ
    context_id: int
    transfer_syntax_uid: str
    facts: AssociationFacts


@dataclass(frozen=True, slots=True)
class Reply:
    """A status with what explains it: Error Comment (0000,0902) and Offending Element (0000,0901)."""

    status: Status
    comment: str = ""
    offending: tuple[int, ...] = ()


EchoHandler: TypeAlias = Callable[[EchoRequest], Status | Reply | Awaitable[Status | Reply]]
SinkOpener: TypeAlias = Callable[[StoreRequest], Sink | Status | Reply]
"""Chooses where the data set of a C-STORE goes, as soon as its command is there. A status instead of a sink refuses:
the data set is then read and dropped, and the status is the answer."""
StoreHandler: TypeAlias = Callable[[StoreRequest, object], Status | Reply | Awaitable[Status | Reply]]
"""Answers a C-STORE whose data set is complete; the second argument is what the sink's ``finish()`` returned. Only a
success or warning says that the instance is safe. A plain return answers at once, an awaitable when it is done."""


@dataclass(frozen=True, slots=True)
class Handlers:
    """The operations that a provider performs; ``None`` answers as PS3.7 says for a service that is not there.

    A handler's exception becomes status 0110 (processing failure), a log line and a note in the trace; it never ends
    the association.

    :ivar on_echo: answers C-ECHO; without one the answer is Success.
    :ivar open_sink: see :data:`SinkOpener`; without one a data set is collected in memory.
    :ivar on_store: see :data:`StoreHandler`; without one a C-STORE is answered 0122 (SOP class not supported).
    """

    on_echo: EchoHandler | None = None
    open_sink: SinkOpener | None = None
    on_store: StoreHandler | None = field(default=None)
