"""Storage (PS3.4 annex B): which SOP classes and presentation contexts instances need, and sending many of them.

::

    files = sorted(Path("study").glob("*.dcm"))
    async with connect("PACS1@127.0.0.1:104", contexts=storage.contexts_for(files)) as assoc:
        outcomes = await storage.send(assoc, files)
    print([outcome.problem for outcome in outcomes if not outcome.is_stored])
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from dicomgui.network.association.contexts import ProposedContext
from dicomgui.network.errors import (
    AssociationError,
    ConfigurationError,
    DicomNetworkError,
    NoAcceptedContext,
    OperationTimeout,
)
from dicomgui.network.part10 import Part10Error, read_head
from dicomgui.network.service import Handlers, InstanceFile, Response, ServiceUser, StorableInstance
from dicomgui.network.service.receiving import handlers_of
from dicomgui.network.service_classes.attributes import text_of
from dicomgui.network.service_classes.modalities import (
    SOP_CLASSES_BY_MODALITY,
    is_storage_class,
    modalities_of,
    sop_classes_for,
)
from dicomgui.network.service_classes.references import Reference
from dicomgui.network.uids import DEFAULT_TRANSFER_SYNTAXES

__all__ = [
    "SOP_CLASSES_BY_MODALITY",
    "InstanceKind",
    "Outcome",
    "contexts_for",
    "contexts_for_classes",
    "into_folder",
    "is_storage_class",
    "kind_of",
    "modalities_of",
    "references_of",
    "send",
    "sop_classes_for",
]


class InstanceKind(NamedTuple):
    """What is said of an instance to send it; ``transfer_syntax_uid`` is empty for a data set that has none yet."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str

    @property
    def reference(self) -> Reference:
        """The instance as others refer to it."""
        return Reference(self.sop_class_uid, self.sop_instance_uid)


def kind_of(instance: StorableInstance) -> InstanceKind:
    """What a file or a data set is an instance of. Of a file the head is read.

    :raises Part10Error: the file is no DICOM instance, or cannot be read.
    :raises ConfigurationError: it does not say its SOP class or instance UID.
    """
    if isinstance(instance, InstanceFile):
        kind = _kind_of_file(instance)
    elif isinstance(instance, str | os.PathLike):
        kind = _kind_of_file(_file(instance))
    else:
        meta = getattr(instance, "file_meta", None)
        syntax = "" if meta is None else text_of(meta, "TransferSyntaxUID")
        kind = InstanceKind(text_of(instance, "SOPClassUID"), text_of(instance, "SOPInstanceUID"), syntax)
    if not kind.sop_class_uid or not kind.sop_instance_uid:
        raise ConfigurationError("the instance does not say its SOP class and instance UID", phase="configure")
    return kind


def _file(path: str | os.PathLike[str]) -> InstanceFile:
    return InstanceFile(Path(path), read_head(path))


def _kind_of_file(file: InstanceFile) -> InstanceKind:
    return InstanceKind(file.head.sop_class_uid, file.head.sop_instance_uid, file.head.transfer_syntax_uid)


def contexts_for(instances: Iterable[StorableInstance], *, fallback: Sequence[str] = ()) -> tuple[ProposedContext, ...]:
    """The presentation contexts that instances need, in their order: one for each pair of SOP class and syntax.

    Each pair has a context of its own, because a peer chooses a single syntax of a context. A data set that is in no
    transfer syntax yet needs an uncompressed one.

    :param fallback: syntaxes to propose for each SOP class in one more context, for what is converted if the peer
        refuses it as it is; e.g. ``DEFAULT_TRANSFER_SYNTAXES``.
    :raises ConfigurationError: see :func:`kind_of`, as for its other errors.
    """
    kinds = [kind_of(instance) for instance in instances]
    wanted: list[tuple[str, tuple[str, ...]]] = [
        (kind.sop_class_uid, (kind.transfer_syntax_uid,) if kind.transfer_syntax_uid else DEFAULT_TRANSFER_SYNTAXES)
        for kind in kinds
    ]
    if fallback:
        wanted += [(kind.sop_class_uid, tuple(fallback)) for kind in kinds]
    return tuple(ProposedContext(sop_class, syntaxes) for sop_class, syntaxes in dict.fromkeys(wanted))


def contexts_for_classes(
    sop_classes: Iterable[str], transfer_syntaxes: Sequence[str] = DEFAULT_TRANSFER_SYNTAXES, *, receive: bool = False
) -> tuple[ProposedContext, ...]:
    """One presentation context for each SOP class.

    :param receive: ask for the SCP role, to receive by C-GET.
    """
    roles: tuple[bool | None, bool | None] = (False, True) if receive else (None, None)
    return tuple(ProposedContext(uid, tuple(transfer_syntaxes), *roles) for uid in dict.fromkeys(sop_classes))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one instance.

    :ivar instance: as it was given.
    :ivar kind: what it is; ``None`` where that could not be read.
    :ivar response: the peer's answer; ``None`` where there is none.
    :ivar error: why there is none.
    """

    instance: StorableInstance
    kind: InstanceKind | None
    response: Response | None = None
    error: Exception | None = None

    @property
    def is_stored(self) -> bool:
        """Whether the peer has taken it, be it with a warning."""
        return self.response is not None and (self.response.status.is_success or self.response.status.is_warning)

    @property
    def problem(self) -> str:
        """Why it was not stored, or what the peer warns of; empty where all is well."""
        if self.error is not None:
            return str(self.error)
        assert self.response is not None
        return "" if self.response.status.is_success else str(self.response.status)


def references_of(outcomes: Iterable[Outcome]) -> tuple[Reference, ...]:
    """The instances that were stored, e.g. to ask for their commitment."""
    return tuple(outcome.kind.reference for outcome in outcomes if outcome.is_stored and outcome.kind is not None)


async def send(
    user: ServiceUser,
    instances: Sequence[StorableInstance],
    *,
    on_each: Callable[[Outcome], object] | None = None,
    timeout_s: float | None = None,
) -> tuple[Outcome, ...]:
    """Send instances by C-STORE one after the other. What goes wrong with one of them is in its outcome.

    Once the association has ended, all that remain have its error.

    :param on_each: called with each outcome as it comes.
    :param timeout_s: how long to wait for each answer.
    """
    outcomes: list[Outcome] = []
    fatal: Exception | None = None
    prepared = _prepare(instances[0]) if instances else None
    for number, instance in enumerate(instances):
        current, prepared = prepared, _prepare(instances[number + 1]) if number + 1 < len(instances) else None
        assert current is not None
        following = prepared[0] if prepared is not None and isinstance(prepared[0], InstanceFile) else None
        outcome = Outcome(instance, current[1], error=fatal or current[2])
        if outcome.error is None:
            outcome = await _send_one(user, instance, current, following, timeout_s)
            if isinstance(outcome.error, OperationTimeout | AssociationError) and not isinstance(
                outcome.error, NoAcceptedContext
            ):
                fatal = outcome.error
        outcomes.append(outcome)
        if on_each is not None:
            on_each(outcome)
    return tuple(outcomes)


_Prepared = tuple[StorableInstance, InstanceKind | None, Exception | None]


def _prepare(instance: StorableInstance) -> _Prepared:
    """The instance with its head read, its kind, and what is wrong with it."""
    try:
        if isinstance(instance, str | os.PathLike):
            instance = _file(instance)
        return instance, kind_of(instance), None
    except (Part10Error, ConfigurationError) as error:
        return instance, None, error


async def _send_one(
    user: ServiceUser,
    instance: StorableInstance,
    prepared: _Prepared,
    following: InstanceFile | None,
    timeout_s: float | None,
) -> Outcome:
    try:
        response = await user.store(prepared[0], following=following, timeout_s=timeout_s)
    except (OSError, DicomNetworkError) as error:
        return Outcome(instance, prepared[1], error=error)
    return Outcome(instance, prepared[1], response)


def into_folder(folder: str | os.PathLike[str]) -> Handlers:
    """Handlers of a storage SCP that writes what comes into a folder; see
    :class:`~dicomgui.network.service.FolderTarget`.

    :raises ConfigurationError: the folder cannot be made.
    """
    return handlers_of(folder)
