"""Modality worklist (PS3.4 annex K): what is to be done today, and giving such a list.

::

    async with connect("RIS@127.0.0.1:104", contexts=worklist.CONTEXTS) as assoc:
        for item in await worklist.fetch(assoc, worklist.identifier(day=date.today(), modality="CT")):
            print(item.start, item.patient_name, item.description)

    provider = WorklistProvider(items)                      # data sets, as their modalities shall see them
    server = await serve(handlers=provider.handlers())
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Final

from dicomgui.network.association.contexts import ProposedContext
from dicomgui.network.service import FindRequest, Handlers, ServiceUser
from dicomgui.network.service_classes.attributes import mark_character_set, put, text_of
from dicomgui.network.service_classes.keys import set_key, value_at
from dicomgui.network.service_classes.matching import answer_for, matches, paced
from dicomgui.network.service_classes.query import date_range, search
from dicomgui.network.uids import DEFAULT_TRANSFER_SYNTAXES

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["CONTEXTS", "RETURN_KEYS", "SOP_CLASS", "WorklistItem", "WorklistProvider", "fetch", "identifier"]

SOP_CLASS: Final = "1.2.840.10008.5.1.4.31"
"""Modality Worklist Information Model - FIND."""

CONTEXTS: Final = (ProposedContext(SOP_CLASS, DEFAULT_TRANSFER_SYNTAXES),)
"""What to propose."""

_STEP: Final = "ScheduledProcedureStepSequence[0]."

RETURN_KEYS: Final = (
    *(
        _STEP + keyword
        for keyword in (
            "ScheduledStationAETitle",
            "ScheduledProcedureStepStartDate",
            "ScheduledProcedureStepStartTime",
            "Modality",
            "ScheduledPerformingPhysicianName",
            "ScheduledProcedureStepDescription",
            "ScheduledStationName",
            "ScheduledProcedureStepLocation",
            "ScheduledProtocolCodeSequence",
            "PreMedication",
            "ScheduledProcedureStepID",
            "ScheduledProcedureStepStatus",
            "CommentsOnTheScheduledProcedureStep",
        )
    ),
    "RequestedProcedureID",
    "RequestedProcedureDescription",
    "RequestedProcedureCodeSequence",
    "StudyInstanceUID",
    "ReferencedStudySequence",
    "RequestedProcedurePriority",
    "PatientTransportArrangements",
    "AccessionNumber",
    "RequestingPhysician",
    "ReferringPhysicianName",
    "AdmissionID",
    "CurrentPatientLocation",
    "ReferencedPatientSequence",
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "PatientWeight",
    "ConfidentialityConstraintOnPatientDataDescription",
    "PatientState",
    "PregnancyStatus",
    "MedicalAlerts",
    "Allergies",
    "SpecialNeeds",
)
"""All of table K.6-1 of PS3.4 with a return key type of 1 or 2, and what else modalities usually show."""


def identifier(
    *,
    day: date | tuple[date | None, date | None] | None = None,
    modality: str = "",
    station_ae: str = "",
    patient_name: str = "",
    patient_id: str = "",
    accession_number: str = "",
    keys: Mapping[str, object] | None = None,
    return_keys: Iterable[str] = RETURN_KEYS,
    character_set: str | None = None,
) -> Dataset:
    """What to ask a worklist for; empty parameters match anything. It has no Query/Retrieve Level (0008,0052).

    :param day: start date of the step, or first and last one.
    :param keys: more values by path (:mod:`~dicomgui.network.service_classes.keys`).
    :param return_keys: paths of what shall be answered beside the keys.
    :param character_set: Specific Character Set (0008,0005); by default UTF-8 where a key needs it, else none.
    :raises ConfigurationError: a key is none.
    """
    from pydicom import Dataset

    dataset = Dataset()
    for path in return_keys:
        set_key(dataset, path)
    first, last = day if isinstance(day, tuple) else (day, day)
    usual = {
        _STEP + "ScheduledProcedureStepStartDate": date_range(first, last),
        _STEP + "Modality": modality,
        _STEP + "ScheduledStationAETitle": station_ae,
        "PatientName": patient_name,
        "PatientID": patient_id,
        "AccessionNumber": accession_number,
    }
    for path, value in {**usual, **(keys or {})}.items():
        set_key(dataset, path, value)
    if character_set is not None:
        put(dataset, "SpecificCharacterSet", character_set)
    return mark_character_set(dataset)


@dataclass(frozen=True, slots=True)
class WorklistItem:
    """A scheduled procedure step, its usual attributes as plain values; ``dataset`` has everything as it came."""

    dataset: Dataset

    @property
    def patient_name(self) -> str:
        """Patient's Name."""
        return text_of(self.dataset, "PatientName")

    @property
    def patient_id(self) -> str:
        """Patient ID."""
        return text_of(self.dataset, "PatientID")

    @property
    def accession_number(self) -> str:
        """Accession Number."""
        return text_of(self.dataset, "AccessionNumber")

    @property
    def study_instance_uid(self) -> str:
        """Study Instance UID that the images shall have."""
        return text_of(self.dataset, "StudyInstanceUID")

    @property
    def modality(self) -> str:
        """Modality of the step."""
        return value_at(self.dataset, _STEP + "Modality")

    @property
    def station_ae(self) -> str:
        """Scheduled Station AE Title."""
        return value_at(self.dataset, _STEP + "ScheduledStationAETitle")

    @property
    def description(self) -> str:
        """Description of the step, or of the requested procedure."""
        own = value_at(self.dataset, _STEP + "ScheduledProcedureStepDescription")
        return own or text_of(self.dataset, "RequestedProcedureDescription")

    @property
    def start(self) -> datetime | None:
        """When the step shall start, in local time; ``None`` where that is not said, or is no date."""
        day = value_at(self.dataset, _STEP + "ScheduledProcedureStepStartDate").replace(".", "")
        clock = value_at(self.dataset, _STEP + "ScheduledProcedureStepStartTime").replace(":", "")
        try:
            return datetime.fromisoformat(f"{day}T{clock[:6]:0<6}")
        except ValueError:
            return None


async def fetch(
    user: ServiceUser, keys: Dataset | None = None, *, limit: int | None = None, timeout_s: float | None = None
) -> tuple[WorklistItem, ...]:
    """Ask for a worklist.

    :param keys: see :func:`identifier`; without them all that there is.
    :param limit: cancel after this many items.
    :raises DimseFailure: the peer answered with a failure.

    Other errors are those of :func:`~dicomgui.network.service_classes.query.search`.
    """
    if keys is None:
        keys = identifier()
    answer = await search(user, keys, sop_class_uid=SOP_CLASS, limit=limit, timeout_s=timeout_s)
    if answer.response is not None and not answer.response.status.is_cancel:
        answer.response.raise_for_status()
    return tuple(WorklistItem(found.dataset) for found in answer.found)


class WorklistProvider:
    """The SCP of a worklist that is at hand as data sets.

    :param items: the scheduled procedure steps, or a function that gives those of the moment.
    """

    sop_classes: Final = (SOP_CLASS,)

    def __init__(self, items: Iterable[Dataset] | Callable[[], Iterable[Dataset]]) -> None:
        self._items = items if callable(items) else _always(tuple(items))

    def handlers(self) -> Handlers:
        """What a server takes."""
        return Handlers(on_find=self.on_find)

    async def on_find(self, request: FindRequest) -> AsyncGenerator[Dataset, None]:
        """Answer with the items that match; other tasks of the loop run meanwhile."""
        wanted = request.dataset
        async for item in paced(self._items()):
            if matches(wanted, item, worklist=True):
                yield answer_for(wanted, item, worklist=True)


def _always(items: tuple[Dataset, ...]) -> Callable[[], Iterable[Dataset]]:
    return lambda: items
