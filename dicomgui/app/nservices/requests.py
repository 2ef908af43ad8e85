"""Any operation on normalized instances (PS3.7 chapter 10): create, set, get, act, delete, report an event."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from dicomgui.app.asking.dicom_json import with_character_set
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.watching import Watch
from dicomgui.network.association.contexts import ProposedContext
from dicomgui.network.association.params import PeerAddress
from dicomgui.network.client import Association
from dicomgui.network.errors import ConfigurationError, DicomNetworkError, RemoteProtocolError
from dicomgui.network.service import EVERYTHING_PERMITTED, STANDARD_PERMISSIONS, Response
from dicomgui.network.service.permitted import OperationName
from dicomgui.network.status import Service, Status
from dicomgui.network.uids import DEFAULT_TRANSFER_SYNTAXES, is_valid_uid
from dicomgui.trace.finding import Finding

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = [
    "SOP_CLASSES",
    "WELL_KNOWN",
    "NOperation",
    "NRequest",
    "NResult",
    "answer_of",
    "perform",
    "service_of",
    "sop_class_of",
    "transact",
    "unreadable_notes",
]

SOP_CLASSES: Final = MappingProxyType(
    {
        "ModalityPerformedProcedureStep": "1.2.840.10008.3.1.2.3.3",
        "ModalityPerformedProcedureStepRetrieve": "1.2.840.10008.3.1.2.3.4",
        "ModalityPerformedProcedureStepNotification": "1.2.840.10008.3.1.2.3.5",
        "StorageCommitmentPushModel": "1.2.840.10008.1.20.1",
        "InstanceAvailabilityNotification": "1.2.840.10008.5.1.4.33",
        "UnifiedProcedureStepPush": "1.2.840.10008.5.1.4.34.6.1",
        "UnifiedProcedureStepWatch": "1.2.840.10008.5.1.4.34.6.2",
        "UnifiedProcedureStepPull": "1.2.840.10008.5.1.4.34.6.3",
        "UnifiedProcedureStepEvent": "1.2.840.10008.5.1.4.34.6.4",
        "BasicGrayscalePrintManagementMeta": "1.2.840.10008.5.1.1.9",
        "BasicColorPrintManagementMeta": "1.2.840.10008.5.1.1.18",
        "BasicFilmSession": "1.2.840.10008.5.1.1.1",
        "BasicFilmBox": "1.2.840.10008.5.1.1.2",
        "BasicGrayscaleImageBox": "1.2.840.10008.5.1.1.4",
        "BasicColorImageBox": "1.2.840.10008.5.1.1.4.1",
        "BasicAnnotationBox": "1.2.840.10008.5.1.1.15",
        "PrintJob": "1.2.840.10008.5.1.1.14",
        "Printer": "1.2.840.10008.5.1.1.16",
        "PrinterConfigurationRetrieval": "1.2.840.10008.5.1.1.16.376",
        "PresentationLUT": "1.2.840.10008.5.1.1.23",
        "MediaCreationManagement": "1.2.840.10008.5.1.1.33",
        "ProceduralEventLogging": "1.2.840.10008.1.40",
        "SubstanceAdministrationLogging": "1.2.840.10008.1.42",
        "DisplaySystem": "1.2.840.10008.5.1.1.40",
    }
)
"""SOP classes of normalized services, by keyword (PS3.6 annex A)."""

WELL_KNOWN: Final = MappingProxyType(
    {
        "1.2.840.10008.1.20.1": "1.2.840.10008.1.20.1.1",
        "1.2.840.10008.1.40": "1.2.840.10008.1.40.1",
        "1.2.840.10008.1.42": "1.2.840.10008.1.42.1",
        "1.2.840.10008.5.1.1.16": "1.2.840.10008.5.1.1.17",
        "1.2.840.10008.5.1.1.16.376": "1.2.840.10008.5.1.1.17.376",
        "1.2.840.10008.5.1.1.40": "1.2.840.10008.5.1.1.40.1",
    }
)
"""The well-known instance of SOP classes that have only one (PS3.6 annex A)."""


class NOperation(StrEnum):
    """The operations, by the names that the command line has for them."""

    CREATE = "n-create"
    SET = "n-set"
    GET = "n-get"
    ACTION = "n-action"
    DELETE = "n-delete"
    EVENT_REPORT = "n-event-report"

    @property
    def needs_instance(self) -> bool:
        """Whether the instance must be named; who creates one may leave that to the peer (PS3.7 10.1.5.1.4)."""
        return self is not NOperation.CREATE

    @property
    def needs_type(self) -> bool:
        """Whether an action or event type id must be given."""
        return self in (NOperation.ACTION, NOperation.EVENT_REPORT)


_NAMES: Final[dict[NOperation, OperationName]] = {
    NOperation.CREATE: "N-CREATE",
    NOperation.SET: "N-SET",
    NOperation.GET: "N-GET",
    NOperation.ACTION: "N-ACTION",
    NOperation.DELETE: "N-DELETE",
    NOperation.EVENT_REPORT: "N-EVENT-REPORT",
}


@dataclass(frozen=True, slots=True)
class NRequest:
    """One request.

    :ivar sop_class_uid: Requested or Affected SOP Class UID.
    :ivar sop_instance_uid: of the instance; may be empty for N-CREATE, and where there is a well-known one.
    :ivar dataset: modification list, attribute list, action or event information; ``None`` sends none.
    :ivar type_id: of the action or event.
    :ivar attributes: tags that N-GET asks for; none asks for all.
    :ivar context: abstract syntax of the presentation context, whatever it permits; by default one that permits the
        request: the SOP class, or another one (unified procedure step, PS3.4 CC.3.1).
    :raises ConfigurationError: a UID is none, or something that the operation needs is missing.
    """

    operation: NOperation
    sop_class_uid: str
    sop_instance_uid: str = ""
    dataset: Dataset | None = None
    type_id: int | None = None
    attributes: tuple[int, ...] = ()
    context: str = ""

    def __post_init__(self) -> None:
        for name, uid in (("SOP class", self.sop_class_uid), ("context", self.context or self.sop_class_uid)):
            if not is_valid_uid(uid):
                raise ConfigurationError(f"{uid[:80]!r} is no UID for the {name}", phase="configure")
        if self.operation.needs_instance and not self.sop_instance_uid:
            object.__setattr__(self, "sop_instance_uid", WELL_KNOWN.get(self.sop_class_uid, ""))
        if self.operation.needs_instance and not self.sop_instance_uid:
            raise ConfigurationError(f"{self.operation.value} needs the UID of an instance", phase="configure")
        if self.operation.needs_type and self.type_id is None:
            raise ConfigurationError(f"{self.operation.value} needs the number of its type", phase="configure")
        if self.operation is NOperation.SET and self.dataset is None:
            raise ConfigurationError("n-set needs a data set", phase="configure")

    @property
    def abstract_syntax(self) -> str:
        """The abstract syntax of the presentation context."""
        if self.context:
            return self.context
        return STANDARD_PERMISSIONS.context_for(_NAMES[self.operation], self.sop_class_uid, self.type_id)

    def proposed(self) -> ProposedContext:
        """The presentation context; events are reported by the SCP of the SOP class (PS3.7 10.1.1)."""
        uid = self.abstract_syntax
        if self.operation is NOperation.EVENT_REPORT:
            return ProposedContext(uid, DEFAULT_TRANSFER_SYNTAXES, scu_role=False, scp_role=True)
        return ProposedContext(uid, DEFAULT_TRANSFER_SYNTAXES)


@dataclass(frozen=True, slots=True)
class NResult:
    """What became of a request.

    :ivar association: number in the trace; 0 where there was not even an attempt.
    :ivar status: ``None`` where there was no answer.
    :ivar comment: Error Comment (0000,0902); text of the peer.
    :ivar sop_instance_uid: as answered, else as asked for; after N-CREATE that of the new instance.
    :ivar attribute_identifiers: tags that the peer complains about.
    :ivar dataset: the answer's data set, ``None`` without one.
    :ivar seconds: from the first connection attempt to the release.
    :ivar notes: what the user should know, one sentence each.
    :ivar unreadable: why the answer's data set could not be read; empty where it could, or there is none.
    :ivar error: what went wrong on the way; a failure status is none.
    :ivar findings: what the diagnosis says.
    """

    peer: PeerAddress
    request: NRequest
    association: int
    status: Status | None
    comment: str
    sop_instance_uid: str
    offending: tuple[int, ...]
    attribute_identifiers: tuple[int, ...]
    dataset: Dataset | None
    seconds: float
    notes: tuple[str, ...] = ()
    unreadable: str = ""
    error: DicomNetworkError | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def ok(self) -> bool:
        """True where the peer did it, if need be with a warning, and its answer could be read."""
        if self.error is not None or self.unreadable:
            return False
        return self.status is not None and (self.status.is_success or self.status.is_warning)


def sop_class_of(text: str) -> str:
    """A SOP class UID from itself or from a keyword of :data:`SOP_CLASSES`, whatever its case.

    :raises ConfigurationError: it is neither.
    """
    written = text.strip()
    if is_valid_uid(written):
        return written
    found = {keyword.lower(): uid for keyword, uid in SOP_CLASSES.items()}.get(written.lower())
    if found is None:
        raise ConfigurationError(
            f"there is no SOP class {written[:80]!r}", phase="configure",
            hint=f"Give its UID, or one of {', '.join(SOP_CLASSES)}.",
        )  # fmt: skip
    return found


_SERVICES: Final = (
    ("1.2.840.10008.3.1.2.3.", Service.MPPS),
    ("1.2.840.10008.1.20.1", Service.COMMITMENT),
    ("1.2.840.10008.1.40", Service.EVENT_LOGGING),
    ("1.2.840.10008.1.42", Service.SUBSTANCE),
    ("1.2.840.10008.5.1.4.34.6.", Service.UPS),
    ("1.2.840.10008.5.1.1.33", Service.MEDIA_CREATION),
    ("1.2.840.10008.5.1.1.", Service.PRINT),
)


def service_of(sop_class_uid: str) -> Service | None:
    """The service whose table of statuses applies to a SOP class, ``None`` where there is no own one."""
    return next((service for start, service in _SERVICES if sop_class_uid.startswith(start)), None)


async def transact(
    context: AppContext,
    peer: PeerAddress,
    options: ConnectionOptions,
    request: NRequest,
    *,
    repeat: int = 1,
    on_result: Callable[[NResult], object] | None = None,
    on_association: Callable[[int], None] | None = None,
) -> NResult:
    """Open an association for the one SOP class, send the request, release.

    Never raises for what a peer or the network does; a cancel passes, after the association has been ended.

    :param repeat: how often it is sent, on the one association; a failure ends that.
    :param on_result: told of each answer; of the last one after the association has ended, with what went wrong then.
    :returns: the last answer.
    :raises ConfigurationError: the data set names a character set that does not hold its text.
    """
    dataset, notes = (None, ()) if request.dataset is None else with_character_set(request.dataset)
    evidence = Watch(context.tracer, on_association)
    response: Response | None = None
    error: DicomNetworkError | None = None
    tell = on_result if on_result is not None else _nobody
    started = time.perf_counter()
    try:
        async with options.connect(
            peer, (request.proposed(),), evidence, permitted=EVERYTHING_PERMITTED
        ) as association:
            for number in range(repeat):
                if response is not None:
                    tell(_result_of(peer, request, evidence, response, time.perf_counter() - started, notes))
                    response, started = None, time.perf_counter()
                response = await perform(association, request, dataset)
                if response.status.is_failure or number + 1 == repeat:
                    break
    except DicomNetworkError as exc:
        error = exc
    result = replace(
        _result_of(peer, request, evidence, response, time.perf_counter() - started, notes),
        error=error,
        findings=evidence.findings(error, context.facts),
    )
    tell(result)
    return result


def _nobody(_result: NResult) -> None:
    """Take a result that nobody asked for."""


def _result_of(
    peer: PeerAddress,
    request: NRequest,
    evidence: Watch,
    response: Response | None,
    seconds: float,
    notes: tuple[str, ...],
) -> NResult:
    answer, unreadable = (None, "") if response is None else answer_of(response)
    return NResult(
        peer=peer,
        request=request,
        association=evidence.association,
        status=None if response is None else response.status,
        comment="" if response is None else response.comment,
        sop_instance_uid=(response.sop_instance_uid if response is not None else "") or request.sop_instance_uid,
        offending=() if response is None else response.offending,
        attribute_identifiers=() if response is None else response.attribute_identifiers,
        dataset=answer,
        seconds=seconds,
        notes=(*notes, *unreadable_notes(unreadable)),
        unreadable=unreadable,
    )


def answer_of(response: Response) -> tuple[Dataset | None, str]:
    """The data set of an answer, and why it could not be read; for any thread."""
    try:
        return response.dataset, ""
    except RemoteProtocolError as error:
        return None, str(error)


def unreadable_notes(unreadable: str) -> tuple[str, ...]:
    """The sentence about an answer whose data set could not be read; none where it could."""
    return (f"The answer's data set could not be read: {unreadable}",) if unreadable else ()


async def perform(association: Association, request: NRequest, dataset: Dataset | None) -> Response:
    """Send a request over an association that stands; raises what the verbs of :class:`ServiceUser` raise.

    :param dataset: that of the request, in a character set that holds its text.
    """
    sop_class, instance, context = request.sop_class_uid, request.sop_instance_uid, request.abstract_syntax
    type_id = request.type_id or 0
    match request.operation:
        case NOperation.CREATE:
            return await association.n_create(sop_class, dataset, sop_instance_uid=instance, context=context)
        case NOperation.SET:
            assert dataset is not None
            return await association.n_set(sop_class, instance, dataset, context=context)
        case NOperation.GET:
            return await association.n_get(sop_class, instance, request.attributes, context=context)
        case NOperation.ACTION:
            return await association.n_action(sop_class, instance, type_id, dataset, context=context)
        case NOperation.DELETE:
            return await association.n_delete(sop_class, instance, context=context)
        case NOperation.EVENT_REPORT:
            return await association.n_event_report(sop_class, instance, type_id, dataset, context=context)
