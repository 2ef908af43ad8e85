"""The attributes of unified procedure steps (PS3.4 table CC.2.5-3): new ones, performed ones, canceled ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from dicomgui.network.service_classes.attributes import Code, dataset_of, dt, items_of, mark_character_set, text_of
from dicomgui.network.service_classes.references import reference_items

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = [
    "CANCELED",
    "COMPLETED",
    "EVENT",
    "IN_PROGRESS",
    "PULL",
    "PUSH",
    "QUERY",
    "SCHEDULED",
    "WATCH",
    "cancelation",
    "final_state_gaps",
    "information",
    "performed",
    "scheduled",
]

PUSH: Final = "1.2.840.10008.5.1.4.34.6.1"
WATCH: Final = "1.2.840.10008.5.1.4.34.6.2"
PULL: Final = "1.2.840.10008.5.1.4.34.6.3"
EVENT: Final = "1.2.840.10008.5.1.4.34.6.4"
QUERY: Final = "1.2.840.10008.5.1.4.34.6.5"

SCHEDULED: Final = "SCHEDULED"
IN_PROGRESS: Final = "IN PROGRESS"
COMPLETED: Final = "COMPLETED"
CANCELED: Final = "CANCELED"

UNSPECIFIED_REASON: Final = Code("110513", "DCM", "Discontinued for unspecified reason")

_OF_PATIENT = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "AdmissionID", "StudyInstanceUID")
_EMPTY_TEXTS = ("CommentsOnTheScheduledProcedureStep", "AdmittingDiagnosesDescription")
_EMPTY_SEQUENCES = (
    "ScheduledProcessingParametersSequence",
    "ScheduledStationClassCodeSequence",
    "ScheduledStationGeographicLocationCodeSequence",
    "ScheduledHumanPerformersSequence",
    "OtherPatientIDsSequence",
    "IssuerOfAdmissionIDSequence",
    "AdmittingDiagnosesCodeSequence",
    "ReferencedRequestSequence",
    "ProcedureStepProgressInformationSequence",
    "UnifiedProcedureStepPerformedProcedureSequence",
)


def scheduled(
    label: str,
    patient: Dataset | None = None,
    *,
    start: datetime | None = None,
    priority: str = "MEDIUM",
    readiness: str = "READY",
    worklist_label: str = "",
    workitem: Code | None = None,
    station: Code | None = None,
    inputs: Iterable[tuple[str, str]] = (),
) -> Dataset:
    """The attributes of a new step (PS3.4 table CC.2.5-3); those that come later are there without a value.

    :param label: what is to be done, in words.
    :param patient: a data set that says whose step it is and of which study, e.g. a match of a query.
    :param start: by default now, in local time.
    :param priority: ``HIGH``, ``MEDIUM`` or ``LOW``.
    :param readiness: ``READY``, ``INCOMPLETE`` or ``UNAVAILABLE``: the state of the inputs.
    :param worklist_label: by default the peer chooses one.
    :param workitem: what kind of work it is (PS3.16 CID 9231).
    :param station: the station that shall do it.
    :param inputs: instances to work on, as pairs of SOP class and instance UID, all of the study of ``patient``.
    """
    from pydicom import Dataset

    patient = Dataset() if patient is None else patient
    start = start or datetime.now().astimezone()
    values: dict[str, object] = {keyword: patient.get(keyword) for keyword in _OF_PATIENT}
    values |= dict.fromkeys(_EMPTY_TEXTS, "")
    values |= {keyword: [] for keyword in _EMPTY_SEQUENCES}
    values |= {
        "TransactionUID": "",
        "ProcedureStepState": SCHEDULED,
        "ProcedureStepLabel": label,
        "WorklistLabel": worklist_label,
        "ScheduledProcedureStepPriority": priority,
        "ScheduledProcedureStepStartDateTime": dt(start),
        "InputReadinessState": readiness,
        "ScheduledWorkitemCodeSequence": _codes(workitem),
        "ScheduledStationNameCodeSequence": _codes(station),
        "InputInformationSequence": _information(text_of(patient, "StudyInstanceUID"), tuple(inputs)),
    }
    return mark_character_set(dataset_of(values))


def _codes(code: Code | None) -> list[Dataset]:
    return [] if code is None else [code.item()]


def _information(study: str, references: Sequence[tuple[str, str]]) -> list[Dataset]:
    return information([(study, "", references)] if references else [])


def information(series: Iterable[tuple[str, str, Iterable[tuple[str, str]]]]) -> list[Dataset]:
    """Items of the referenced instances and access macro (PS3.3 table 10-3b), for inputs and outputs alike.

    :param series: of each the Study and Series Instance UID, and its instances as pairs of SOP class and instance UID.
    """
    return [
        dataset_of({
            "TypeOfInstances": "DICOM",
            "StudyInstanceUID": study,
            "SeriesInstanceUID": uid,
            "ReferencedSOPSequence": reference_items(references),
        })
        for study, uid, references in series
    ]  # fmt: skip


def performed(
    station: Code,
    workitem: Code,
    *,
    started: datetime | None = None,
    ended: datetime | None = None,
    study_instance_uid: str = "",
    outputs: Iterable[tuple[str, str]] = (),
) -> Dataset:
    """What must be set before a step can be completed (PS3.4 CC.2.5.1.1).

    :param station: who did it.
    :param workitem: what was done.
    :param started: by default now, as ``ended``.
    :param outputs: what came of it, as pairs of SOP class and instance UID in the study ``study_instance_uid``.
    """
    now = datetime.now().astimezone()
    item = dataset_of(
        {
            "PerformedStationNameCodeSequence": [station.item()],
            "PerformedWorkitemCodeSequence": [workitem.item()],
            "PerformedProcedureStepStartDateTime": dt(started or now),
            "PerformedProcedureStepEndDateTime": dt(ended or now),
            "OutputInformationSequence": _information(study_instance_uid, tuple(outputs)),
        }
    )
    return mark_character_set(dataset_of({"UnifiedProcedureStepPerformedProcedureSequence": [item]}))


def cancelation(
    reason: str = "", *, code: Code = UNSPECIFIED_REASON, at: datetime | None = None, percent: int | None = None
) -> Dataset:
    """What must be set before a step in progress can be canceled (PS3.4 CC.2.5.1.1).

    :param reason: why, in words.
    :param code: why, one of PS3.16 CID 9300.
    :param at: by default now.
    :param percent: how far it had come.
    """
    values: dict[str, object] = {
        "ProcedureStepCancellationDateTime": dt(at or datetime.now().astimezone()),
        "ProcedureStepDiscontinuationReasonCodeSequence": [code.item()],
    }
    if reason:
        values["ReasonForCancellation"] = reason
    if percent is not None:
        values["ProcedureStepProgress"] = str(percent)
    return mark_character_set(dataset_of({"ProcedureStepProgressInformationSequence": [dataset_of(values)]}))


def final_state_gaps(step: Dataset, state: str) -> tuple[str, ...]:
    """The keywords of what a step lacks to become ``COMPLETED`` or ``CANCELED`` (PS3.4 table CC.2.5-3, final state)."""
    if state == COMPLETED:
        sequence = "UnifiedProcedureStepPerformedProcedureSequence"
        needed: tuple[str, ...] = (
            "PerformedStationNameCodeSequence",
            "PerformedWorkitemCodeSequence",
            "PerformedProcedureStepStartDateTime",
            "PerformedProcedureStepEndDateTime",
        )
    else:
        sequence = "ProcedureStepProgressInformationSequence"
        needed = ("ProcedureStepCancellationDateTime", "ProcedureStepDiscontinuationReasonCodeSequence")
    items = items_of(step, sequence)
    if not items:
        return (sequence,)
    return tuple(keyword for keyword in needed if not items[0].get(keyword))
