"""Instance availability notification (PS3.4 annex R): telling that instances can be retrieved, or no longer.

::

    series = {series_uid: [AvailableInstance(sop_class_uid, sop_instance_uid, "ARCHIVE")]}
    async with connect("RIS@127.0.0.1:104", contexts=availability.CONTEXTS) as assoc:
        await availability.notify(assoc, availability.notification(study_uid, series))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from dicomgui.network.association.contexts import ProposedContext
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service import AssociationFacts, Handlers, NCreateRequest, NormalizedAnswer, Reply, ServiceUser
from dicomgui.network.service_classes.attributes import (
    SUCCESS,
    dataset_of,
    incomplete,
    items_of,
    mark_character_set,
    new_uid,
    put,
    text_of,
    wrong_value,
)
from dicomgui.network.service_classes.references import Reference
from dicomgui.network.uids import DEFAULT_TRANSFER_SYNTAXES

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = [
    "CONTEXTS",
    "SOP_CLASS",
    "Availability",
    "AvailableInstance",
    "Notification",
    "NotificationReceiver",
    "notification",
    "notify",
]

SOP_CLASS: Final = "1.2.840.10008.5.1.4.33"
"""Instance Availability Notification."""

CONTEXTS: Final = (ProposedContext(SOP_CLASS, DEFAULT_TRANSFER_SYNTAXES),)
"""What to propose."""

Availability: TypeAlias = Literal["ONLINE", "NEARLINE", "OFFLINE", "UNAVAILABLE"]
"""At once, after a while, only by hand, or not at all (PS3.3 C.4.23.1.1)."""


class AvailableInstance(NamedTuple):
    """An instance, where it can be retrieved from, and how soon."""

    sop_class_uid: str
    sop_instance_uid: str
    retrieve_ae: str
    availability: Availability | str = "ONLINE"


def notification(
    study_instance_uid: str,
    series: Mapping[str, Iterable[AvailableInstance]],
    *,
    performed_step: tuple[str, str] | None = None,
) -> Dataset:
    """The attributes of a notification (PS3.4 table R.3.2-1); it may hold no others.

    :param series: the instances by Series Instance UID.
    :param performed_step: SOP class and instance UID of the performed procedure step that made them.
    :raises ConfigurationError: there is no series, or one has no instance.
    """
    items = [_series_item(uid, tuple(instances)) for uid, instances in series.items()]
    if not items:
        raise ConfigurationError("a notification needs one series at least", phase="configure")
    steps = []
    if performed_step is not None:
        steps.append(Reference(*performed_step).item())
        put(steps[0], "PerformedWorkitemCodeSequence", [])
    return dataset_of(
        {
            "ReferencedPerformedProcedureStepSequence": steps,
            "StudyInstanceUID": study_instance_uid,
            "ReferencedSeriesSequence": items,
        }
    )


def _series_item(uid: str, instances: tuple[AvailableInstance, ...]) -> Dataset:
    if not instances:
        raise ConfigurationError(f"the series {uid} has no instance", phase="configure")
    items = []
    for instance in instances:
        item = Reference(*instance[:2]).item()
        put(item, "InstanceAvailability", instance.availability)
        put(item, "RetrieveAETitle", instance.retrieve_ae)
        items.append(item)
    return dataset_of({"SeriesInstanceUID": uid, "ReferencedSOPSequence": items})


async def notify(user: ServiceUser, attributes: Dataset, *, timeout_s: float | None = None) -> str:
    """Send a notification by N-CREATE; returns its SOP instance UID.

    :param attributes: see :func:`notification`.
    :raises DimseFailure: the peer refused.

    Other errors are those of :meth:`ServiceUser.n_create`.
    """
    uid = new_uid()
    dataset = mark_character_set(attributes)
    response = await user.n_create(SOP_CLASS, dataset, sop_instance_uid=uid, timeout_s=timeout_s)
    response.raise_for_status()
    return uid


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification that came."""

    sop_instance_uid: str
    dataset: Dataset
    facts: AssociationFacts

    @property
    def study_instance_uid(self) -> str:
        """The study that all instances belong to."""
        return text_of(self.dataset, "StudyInstanceUID")

    @property
    def instances(self) -> tuple[AvailableInstance, ...]:
        """The instances of all series; the availability is what the peer wrote."""
        return tuple(
            AvailableInstance(
                *Reference.of(item),
                text_of(item, "RetrieveAETitle"),
                text_of(item, "InstanceAvailability"),
            )
            for series in items_of(self.dataset, "ReferencedSeriesSequence")
            for item in items_of(series, "ReferencedSOPSequence")
        )


class NotificationReceiver:
    """The SCP of notifications: nothing is kept, each is handed on.

    :param on_notification: called with each; what it raises refuses it with 0110.
    """

    sop_classes: Final = (SOP_CLASS,)

    def __init__(self, on_notification: Callable[[Notification], object]) -> None:
        self._on_notification = on_notification

    def handlers(self) -> Handlers:
        """What a server takes."""
        return Handlers(on_n_create=self.on_n_create)

    def on_n_create(self, request: NCreateRequest) -> NormalizedAnswer:
        """Take a notification (PS3.4 R.3.2.1)."""
        dataset = request.dataset
        refusal = incomplete(dataset, ("StudyInstanceUID", "ReferencedSeriesSequence"))
        if refusal is None:
            refusal = next(filter(None, map(_judge_series, items_of(dataset, "ReferencedSeriesSequence"))), None)
        refusal = refusal or wrong_value(dataset)
        if refusal is not None:
            return refusal
        uid = request.command.affected_sop_instance_uid or new_uid()
        self._on_notification(Notification(uid, dataset, request.facts))
        return Reply(SUCCESS, sop_instance_uid=uid)


def _judge_series(series: Dataset) -> Reply | None:
    refusal = incomplete(series, ("SeriesInstanceUID", "ReferencedSOPSequence"))
    if refusal is not None:
        return refusal
    needed = ("ReferencedSOPClassUID", "ReferencedSOPInstanceUID", "InstanceAvailability", "RetrieveAETitle")
    return next(filter(None, (incomplete(item, needed) for item in items_of(series, "ReferencedSOPSequence"))), None)
