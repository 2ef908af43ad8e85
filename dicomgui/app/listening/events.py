"""What a listener has to tell: events in the order in which they happened, and how it stands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

from dicomgui.app.archive.state import ArchiveState
from dicomgui.network.association.contexts import ContextResult
from dicomgui.network.dimse.commands import Command, CStoreRQ
from dicomgui.network.errors import DicomNetworkError
from dicomgui.network.service import AssociationFacts, InstanceProblem, Reply
from dicomgui.network.status import Status
from dicomgui.network.structure import Anomaly
from dicomgui.storage import Outcome, RepairReport

__all__ = [
    "ArchiveRepaired",
    "ArchiveStateChanged",
    "AssociationBegan",
    "AssociationEnded",
    "CommandEnded",
    "ContextsRefused",
    "EchoAnswered",
    "InstanceDiscarded",
    "ListenerCounts",
    "ListenerEvent",
    "OpenAssociation",
    "ReceivedInstance",
    "Refusal",
    "RequestAnswered",
    "StoreFailed",
    "gone_early",
    "refused",
    "store_failed",
]


class ReceivedInstance(NamedTuple):
    """An instance is stored and was acknowledged. A tuple, unlike the others: thousands are made in a second.

    :ivar utc: seconds since 1970-01-01 UTC.
    :ivar file: the path of the file; of a duplicate of the one that was there.
    :ivar size_bytes: of the file, the head that we write included.
    :ivar outcome: whether it is new, was there already, or is another data set with a UID that was there already.
    :ivar problem: what is wrong with it, where instances are kept all the same.
    :ivar anomalies: where it departs from the standard, but any reader gets over it; one of each kind.
    """

    utc: float
    facts: AssociationFacts
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    file: str
    size_bytes: int
    outcome: Outcome
    problem: InstanceProblem | None = None
    anomalies: tuple[Anomaly, ...] = ()

    @property
    def path(self) -> Path:
        """The file."""
        return Path(self.file)


class InstanceDiscarded(NamedTuple):
    """An instance was acknowledged and not kept, as :attr:`ListenerOptions.discards` says.

    :ivar utc: seconds since 1970-01-01 UTC.
    :ivar size_bytes: of the data set.
    """

    utc: float
    facts: AssociationFacts
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class StoreFailed:
    """An instance was not stored, and the peer was told so.

    :ivar reason: why, in one line.
    :ivar hint: what to try, or an empty string.
    """

    utc: float
    facts: AssociationFacts
    sop_class_uid: str
    sop_instance_uid: str
    status: Status
    reason: str
    hint: str


@dataclass(frozen=True, slots=True)
class EchoAnswered:
    """A C-ECHO was answered."""

    utc: float
    facts: AssociationFacts


@dataclass(frozen=True, slots=True)
class AssociationBegan:
    """An association was accepted."""

    utc: float
    facts: AssociationFacts


@dataclass(frozen=True, slots=True)
class AssociationEnded:
    """An accepted association has ended; ``error`` is ``None`` after an orderly release."""

    utc: float
    facts: AssociationFacts
    error: DicomNetworkError | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A connection or an association was refused, or its peer went before there was an association.

    :ivar calling_ae_title: whom the peer says it is; empty where it did not come to that.
    :ivar called_ae_title: whom it asked for.
    :ivar is_not_allowed: the calling AE title is not on the list: :meth:`Listener.allow` would let it in.
    :ivar is_gone: the peer went on its own; we refused nothing.
    """

    utc: float
    association: int
    peer: str
    reason: str
    calling_ae_title: str = ""
    called_ae_title: str = ""
    is_not_allowed: bool = False
    is_gone: bool = False


def store_failed(
    utc: float, facts: AssociationFacts, command: CStoreRQ, status: Status, reason: str, hint: str = ""
) -> StoreFailed:
    """The event for a request to store that was answered by this status."""
    uids = command.affected_sop_class_uid, command.affected_sop_instance_uid
    return StoreFailed(utc, facts, *uids, status, reason, hint)


def refused(utc: float, facts: AssociationFacts, command: Command, reply: Reply) -> StoreFailed | RequestAnswered:
    """The event for a request that the network stack refused by itself: what it asks for cannot be done."""
    if isinstance(command, CStoreRQ):
        return store_failed(utc, facts, command, reply.status, reply.comment)
    problem = f"0x{reply.status:04X} {reply.comment or reply.status.meaning()}"
    return RequestAnswered(utc, facts, command.name.removesuffix("-RQ"), "", problem)


def gone_early(utc: float, association: int, error: DicomNetworkError | None) -> Refusal:
    """The event for a connection that ended, by this error, before there was an association."""
    reason = "the peer ended the connection before there was an association"
    return Refusal(utc, association, "" if error is None else error.peer, reason, is_gone=True)


@dataclass(frozen=True, slots=True)
class ArchiveRepaired:
    """Files and index of the archive were compared after the start, and ``report.sentences`` say what was done."""

    utc: float
    report: RepairReport


@dataclass(frozen=True, slots=True)
class ArchiveStateChanged:
    """The archive cannot find all that it has, or store more, or all is well again; see ``state.sentences``."""

    utc: float
    state: ArchiveState


@dataclass(frozen=True, slots=True)
class RequestAnswered:
    """A query or a retrieval is being answered, or a request of another service was.

    :ivar service: ``C-FIND``, ``C-MOVE``, ``C-GET``, ``MPPS`` or ``storage commitment``.
    :ivar detail: of what, in a few words; no patient's data.
    :ivar problem: why it failed, one line; empty if it did not.
    :ivar anomalies: faults of its identifier, one line each, where it was answered all the same.
    """

    utc: float
    facts: AssociationFacts
    service: str
    detail: str
    problem: str = ""
    anomalies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CommandEnded:
    """A command of the operator for an object or a study has ended, or was not run.

    :ivar facts: of the association that the last object came over.
    :ivar command: as the operator wrote it; empty where none was chosen any more.
    :ivar arguments: the words that were run, the program first; none where it was not run.
    :ivar exit_code: ``None`` where it did not run; negative on POSIX where a signal has ended it.
    :ivar seconds: that it ran.
    :ivar output: the first 4,096 bytes of what it printed on both streams.
    :ivar problem: why it has failed, one line; empty if it has not.
    """

    utc: float
    facts: AssociationFacts
    command: str
    arguments: tuple[str, ...] = ()
    exit_code: int | None = None
    seconds: float = 0.0
    output: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ContextsRefused:
    """An association was accepted, but some of what the peer proposed was not: it cannot send such instances.

    :ivar refused: what was proposed and why it was not accepted, of each context.
    """

    utc: float
    facts: AssociationFacts
    refused: tuple[ContextResult, ...]


ListenerEvent: TypeAlias = (
    ReceivedInstance
    | InstanceDiscarded
    | StoreFailed
    | EchoAnswered
    | AssociationBegan
    | AssociationEnded
    | Refusal
    | ContextsRefused
    | ArchiveRepaired
    | ArchiveStateChanged
    | RequestAnswered
    | CommandEnded
)


@dataclass(frozen=True, slots=True)
class OpenAssociation:
    """An association that stands now.

    :ivar since_utc: when it was accepted; seconds since 1970-01-01 UTC.
    :ivar instances: what it got through.
    :ivar size_bytes: of these, and of what is just being received.
    """

    facts: AssociationFacts
    since_utc: float
    instances: int
    size_bytes: int


@dataclass(slots=True)
class ListenerCounts:
    """What has happened since the start of the listener.

    :ivar stored: instances that are there now and were not before.
    :ivar duplicates: instances that came again and were there already.
    :ivar discarded: instances that were acknowledged and not kept.
    :ivar failed: instances that were answered with a failure.
    :ivar commands: of the operator that have ended well; ``failed_commands`` those that have not, or were not run.
    :ivar size_bytes: of all files whose instances were acknowledged.
    """

    stored: int = 0
    duplicates: int = 0
    failed: int = 0
    size_bytes: int = 0
    echoes: int = 0
    associations: int = 0
    refused: int = 0
    discarded: int = 0
    commands: int = 0
    failed_commands: int = 0
