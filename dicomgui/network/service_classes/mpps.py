"""Modality performed procedure step (PS3.4 annex F): saying what is being done, and that it is done.

::

    async with connect("RIS@127.0.0.1:104", contexts=mpps.CONTEXTS) as assoc:
        step = await mpps.start(assoc, mpps.in_progress(item.dataset, station_ae="CT1"))
        ...
        series = mpps.PerformedSeries(uid, "Chest routine", images=references)
        await mpps.finish(assoc, step, mpps.completed([series]))

The SCP is :class:`~dicomgui.network.service_classes.performed_steps.PerformedSteps`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from dicomgui.network.association.contexts import ProposedContext
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service import Response, ServiceUser
from dicomgui.network.service_classes.attributes import (
    Code,
    da,
    dataset_of,
    items_of,
    mark_character_set,
    new_uid,
    put,
    text_of,
    tm,
)
from dicomgui.network.service_classes.references import reference_items
from dicomgui.network.uids import DEFAULT_TRANSFER_SYNTAXES

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = [
    "COMPLETED",
    "CONTEXTS",
    "DISCONTINUED",
    "IN_PROGRESS",
    "NOTIFICATION_CONTEXTS",
    "NOTIFICATION_SOP_CLASS",
    "RETRIEVE_SOP_CLASS",
    "SOP_CLASS",
    "UNSPECIFIED_REASON",
    "PerformedSeries",
    "StepEvent",
    "completed",
    "discontinued",
    "finish",
    "in_progress",
    "start",
]

SOP_CLASS: Final = "1.2.840.10008.3.1.2.3.3"
"""Modality Performed Procedure Step."""

RETRIEVE_SOP_CLASS: Final = "1.2.840.10008.3.1.2.3.4"
"""Modality Performed Procedure Step Retrieve: its N-GET reads what the other one made (PS3.4 F.8)."""

NOTIFICATION_SOP_CLASS: Final = "1.2.840.10008.3.1.2.3.5"
"""Modality Performed Procedure Step Notification: its N-EVENT-REPORT tells of a change (PS3.4 F.9)."""

NOTIFICATION_CONTEXTS: Final = (
    ProposedContext(NOTIFICATION_SOP_CLASS, DEFAULT_TRANSFER_SYNTAXES, scu_role=False, scp_role=True),
)
"""Proposed by an SCP on an association of its own, to tell of changes: itself in the SCP role."""

CONTEXTS: Final = (ProposedContext(SOP_CLASS, DEFAULT_TRANSFER_SYNTAXES),)
"""What to propose."""

IN_PROGRESS: Final = "IN PROGRESS"
COMPLETED: Final = "COMPLETED"
DISCONTINUED: Final = "DISCONTINUED"


class StepEvent(IntEnum):
    """Event types of the notification (PS3.4 table F.9.2-1); none has any attributes."""

    IN_PROGRESS = 1
    COMPLETED = 2
    DISCONTINUED = 3
    UPDATED = 4
    DELETED = 5


UNSPECIFIED_REASON: Final = Code("110513", "DCM", "Discontinued for unspecified reason")
"""One of the reasons of PS3.16 CID 9300."""

_OF_PATIENT = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "ReferencedPatientSequence")
_OF_REQUEST = ("StudyInstanceUID", "ReferencedStudySequence", "AccessionNumber", "RequestedProcedureID")
_OF_STEP = ("ScheduledProcedureStepID", "ScheduledProcedureStepDescription", "ScheduledProtocolCodeSequence")


def in_progress(
    item: Dataset | None = None,
    *,
    station_ae: str,
    modality: str = "",
    step_id: str = "",
    started: datetime | None = None,
    study_instance_uid: str = "",
    station_name: str = "",
    location: str = "",
    description: str = "",
    study_id: str = "",
) -> Dataset:
    """The attributes of a step that begins now (PS3.4 table F.7.2-1), those that are set later without a value.

    :param item: the worklist item that is done; without one the step is unscheduled, and ``modality`` is needed.
    :param station_ae: AE title of the equipment.
    :param modality: by default that of the item.
    :param step_id: by default that of the scheduled step, or made from the time.
    :param started: in local time; by default now.
    :param study_instance_uid: by default that of the item, or a new one.
    :param description: by default that of the item.
    :raises ConfigurationError: no modality is known.
    """
    from pydicom import Dataset

    item = Dataset() if item is None else item
    scheduled = next(iter(items_of(item, "ScheduledProcedureStepSequence")), Dataset())
    started = started or datetime.now().astimezone()
    modality = modality or text_of(scheduled, "Modality")
    if not modality:
        raise ConfigurationError("an unscheduled step needs its modality", phase="configure")
    dataset = _copied(item, _OF_PATIENT)
    planned = _copied(item, (*_OF_REQUEST, "RequestedProcedureDescription"))
    planned.update(_copied(scheduled, _OF_STEP))
    if study_instance_uid or not text_of(planned, "StudyInstanceUID"):
        put(planned, "StudyInstanceUID", study_instance_uid or new_uid())
    step_id = step_id or text_of(scheduled, "ScheduledProcedureStepID") or f"{started:%y%m%d%H%M%S}"
    own = {
        "ScheduledStepAttributesSequence": [planned],
        "PerformedProcedureStepID": step_id,
        "PerformedStationAETitle": station_ae,
        "PerformedStationName": station_name or text_of(scheduled, "ScheduledStationName"),
        "PerformedLocation": location,
        "PerformedProcedureStepStartDate": da(started),
        "PerformedProcedureStepStartTime": tm(started),
        "PerformedProcedureStepStatus": IN_PROGRESS,
        "PerformedProcedureStepDescription": description or text_of(scheduled, "ScheduledProcedureStepDescription"),
        "PerformedProcedureTypeDescription": "",
        "ProcedureCodeSequence": list(items_of(item, "RequestedProcedureCodeSequence")),
        "PerformedProcedureStepEndDate": "",
        "PerformedProcedureStepEndTime": "",
        "PerformedProcedureStepDiscontinuationReasonCodeSequence": [],  # else it could not be set later
        "Modality": modality,
        "StudyID": study_id,
        "PerformedProtocolCodeSequence": [],
        "PerformedSeriesSequence": [],
    }
    dataset.update(dataset_of(own))
    return mark_character_set(dataset)


def _copied(source: Dataset, keywords: Iterable[str]) -> Dataset:
    """These attributes of another data set, without a value where it lacks them."""
    return dataset_of({keyword: source.get(keyword) for keyword in keywords})


@dataclass(frozen=True, slots=True)
class PerformedSeries:
    """A series that a step has made, empty ones included (PS3.4 table F.7.2-1).

    :ivar protocol_name: Protocol Name, which must not be empty.
    :ivar images: the images, as pairs of SOP class and instance UID.
    :ivar others: the instances that are no images.
    :ivar retrieve_ae: AE title that they can be retrieved from.
    """

    series_instance_uid: str
    protocol_name: str
    images: tuple[tuple[str, str], ...] = ()
    others: tuple[tuple[str, str], ...] = ()
    description: str = ""
    retrieve_ae: str = ""
    performing_physician: str = ""
    operator: str = ""

    def item(self) -> Dataset:
        """The item of Performed Series Sequence (0040,0340)."""
        return dataset_of(
            {
                "PerformingPhysicianName": self.performing_physician,
                "ProtocolName": self.protocol_name,
                "OperatorsName": self.operator,
                "SeriesInstanceUID": self.series_instance_uid,
                "SeriesDescription": self.description,
                "RetrieveAETitle": self.retrieve_ae,
                "ReferencedImageSequence": reference_items(self.images),
                "ReferencedNonImageCompositeSOPInstanceSequence": reference_items(self.others),
            }
        )


def completed(
    series: Iterable[PerformedSeries], *, ended: datetime | None = None, protocols: Iterable[Code] = ()
) -> Dataset:
    """What completes a step.

    :param series: all that it made; one at least, be it empty (PS3.4 table F.7.2-1, note 2).
    :param ended: in local time; by default now.
    :param protocols: the protocols that were performed.
    :raises ConfigurationError: there is no series.
    """
    return _ended(COMPLETED, series, ended, protocols)


def discontinued(
    series: Iterable[PerformedSeries],
    *,
    reason: Code = UNSPECIFIED_REASON,
    ended: datetime | None = None,
    protocols: Iterable[Code] = (),
) -> Dataset:
    """What ends a step that was broken off; its parameters are those of :func:`completed`.

    :param reason: why, one of PS3.16 CID 9300.
    :raises ConfigurationError: there is no series.
    """
    dataset = _ended(DISCONTINUED, series, ended, protocols)
    put(dataset, "PerformedProcedureStepDiscontinuationReasonCodeSequence", [reason.item()])
    return mark_character_set(dataset)


def _ended(
    status: str, series: Iterable[PerformedSeries], ended: datetime | None, protocols: Iterable[Code]
) -> Dataset:
    made = [one.item() for one in series]
    if not made:
        raise ConfigurationError("a step ends with one series at least, which may be empty", phase="configure")
    ended = ended or datetime.now().astimezone()
    values = {
        "PerformedProcedureStepStatus": status,
        "PerformedProcedureStepEndDate": da(ended),
        "PerformedProcedureStepEndTime": tm(ended),
        "PerformedProtocolCodeSequence": [code.item() for code in protocols],
        "PerformedSeriesSequence": made,
    }
    return mark_character_set(dataset_of(values))


async def start(
    user: ServiceUser, attributes: Dataset, *, sop_instance_uid: str = "", timeout_s: float | None = None
) -> str:
    """Create a step by N-CREATE.

    :param attributes: see :func:`in_progress`.
    :param sop_instance_uid: by default a new one.
    :returns: the SOP instance UID of the step, which the images refer to as well.
    :raises DimseFailure: the peer refused.

    Other errors are those of :meth:`ServiceUser.n_create`.
    """
    uid = sop_instance_uid or new_uid()
    response = await user.n_create(SOP_CLASS, attributes, sop_instance_uid=uid, timeout_s=timeout_s)
    return response.raise_for_status().sop_instance_uid or uid


async def finish(
    user: ServiceUser, sop_instance_uid: str, changes: Dataset, *, timeout_s: float | None = None
) -> Response:
    """Change a step by N-SET, to its end or on its way; on any association with the peer that knows it.

    :param sop_instance_uid: what :func:`start` returned.
    :param changes: see :func:`completed` and :func:`discontinued`.
    :raises DimseFailure: the peer refused; 0110 with Error ID A710 says that the step is at its end already.
    """
    response = await user.n_set(SOP_CLASS, sop_instance_uid, changes, timeout_s=timeout_s)
    return response.raise_for_status()
