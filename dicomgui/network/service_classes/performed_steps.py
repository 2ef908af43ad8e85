"""The SCP of performed procedure steps (PS3.4 F.7 to F.9): keeps them, and their rules, and tells of their changes.

::

    steps = PerformedSteps(on_change=lambda step: print(step.sop_instance_uid, step.status))
    server = await serve(handlers=steps.handlers())   # and at the end: await steps.close()
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from dicomgui.network.service import (
    AssociationFacts,
    Handlers,
    NCreateRequest,
    NGetRequest,
    NormalizedAnswer,
    NSetRequest,
    Reply,
    Response,
    ServiceUser,
)
from dicomgui.network.service_classes.attributes import (
    SUCCESS,
    drop_fixed,
    in_utf_8,
    incomplete,
    invalid_value,
    items_of,
    left_unchanged,
    new_uid,
    selected,
    tag_of,
    text_of,
    wrong_value,
)
from dicomgui.network.service_classes.mpps import (
    COMPLETED,
    DISCONTINUED,
    IN_PROGRESS,
    NOTIFICATION_SOP_CLASS,
    RETRIEVE_SOP_CLASS,
    SOP_CLASS,
    StepEvent,
)
from dicomgui.network.service_classes.subscriptions import EventCourier, EventOpener
from dicomgui.network.status import Status

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["MAY_NO_LONGER_BE_UPDATED", "PerformedStep", "PerformedSteps"]

NO_SUCH_ATTRIBUTE: Final = Status(0x0105)
PROCESSING_FAILURE: Final = Status(0x0110)
DUPLICATE_INSTANCE: Final = Status(0x0111)
NO_SUCH_INSTANCE: Final = Status(0x0112)
RESOURCE_LIMITATION: Final = Status(0x0213)

MAY_NO_LONGER_BE_UPDATED: Final = Reply(
    PROCESSING_FAILURE, "Performed Procedure Step Object may no longer be updated", error_id=0xA710
)
"""The answer to a change of what is at its end (PS3.4 table F.7.2-2)."""

_STATUS = "PerformedProcedureStepStatus"
_EVENTS: Final = {
    IN_PROGRESS: StepEvent.UPDATED,
    COMPLETED: StepEvent.COMPLETED,
    DISCONTINUED: StepEvent.DISCONTINUED,
}
"""The event of a change to, or within, a status."""

_REQUIRED = (
    "ScheduledStepAttributesSequence",
    "PerformedProcedureStepID",
    "PerformedStationAETitle",
    "PerformedProcedureStepStartDate",
    "PerformedProcedureStepStartTime",
    _STATUS,
    "Modality",
)
_MAY_BE_EMPTY = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "ReferencedPatientSequence",
    "PerformedStationName",
    "PerformedLocation",
    "PerformedProcedureStepDescription",
    "PerformedProcedureTypeDescription",
    "ProcedureCodeSequence",
    "PerformedProcedureStepEndDate",
    "PerformedProcedureStepEndTime",
    "StudyID",
    "PerformedProtocolCodeSequence",
    "PerformedSeriesSequence",
)
_AT_THE_END = ("PerformedProcedureStepEndDate", "PerformedProcedureStepEndTime", "PerformedSeriesSequence")
_FIXED = (
    "ScheduledStepAttributesSequence",
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "ReferencedPatientSequence",
    "PerformedProcedureStepID",
    "PerformedStationAETitle",
    "PerformedStationName",
    "PerformedLocation",
    "PerformedProcedureStepStartDate",
    "PerformedProcedureStepStartTime",
    "Modality",
    "StudyID",
)
"""What an N-SET must not hold (PS3.4 table F.7.2-1, "Not allowed")."""


@dataclass(frozen=True, slots=True)
class PerformedStep:
    """A step as it is now.

    :ivar dataset: its attributes; a later change makes a new data set.
    :ivar facts: who made or changed it last.
    """

    sop_instance_uid: str
    dataset: Dataset
    facts: AssociationFacts

    @property
    def status(self) -> str:
        """``IN PROGRESS``, ``COMPLETED`` or ``DISCONTINUED``."""
        return text_of(self.dataset, _STATUS)

    @property
    def is_final(self) -> bool:
        """Whether it may no longer be updated."""
        return self.status in (COMPLETED, DISCONTINUED)


class PerformedSteps:
    """Performed procedure steps in memory.

    :ivar is_strict: may be changed at any time.
    :ivar notified: AE titles of those who are told; may be changed at any time.

    :param on_change: called with each step that was made or changed.
    :param is_strict: refuse what lacks attributes that table F.7.2-1 requires, changes of what must not change, and
        values that cannot be (0106). Without it only the rules about the state hold; what must not change keeps its
        value, and the answer is 0107 (attribute list error, a warning) where another one was given, Success where the
        same one was.
    :param max_steps: for one more, that which ended and was made first is forgotten; where none has ended it is
        answered 0213 (resource limitation).
    :param on_forget: called with the UID of each step that was forgotten for another one.
    :param open_association: see :data:`~dicomgui.network.service_classes.subscriptions.EventOpener`, proposing
        ``mpps.NOTIFICATION_CONTEXTS``; without it nobody is told of changes.
    :param notified: AE titles of those who are told of each change (PS3.4 F.9).
    """

    sop_classes: Final = (SOP_CLASS, RETRIEVE_SOP_CLASS)

    def __init__(
        self,
        *,
        on_change: Callable[[PerformedStep], object] | None = None,
        is_strict: bool = True,
        max_steps: int = 100_000,
        on_forget: Callable[[str], object] | None = None,
        open_association: EventOpener | None = None,
        notified: Iterable[str] = (),
    ) -> None:
        self._courier = None if open_association is None else EventCourier(open_association)
        self.notified = tuple(dict.fromkeys(notified))
        self._steps: dict[str, PerformedStep] = {}
        self._on_change = on_change
        self._on_forget = on_forget
        self.is_strict = is_strict
        self._max_steps = max_steps

    @property
    def steps(self) -> Mapping[str, PerformedStep]:
        """All steps by SOP instance UID, the oldest first."""
        return MappingProxyType(self._steps)

    def remove(self, sop_instance_uid: str) -> None:
        """Forget a step.

        :raises KeyError: there is none.
        """
        del self._steps[sop_instance_uid]
        self._notify(sop_instance_uid, StepEvent.DELETED)

    async def flush(self) -> None:
        """Wait until everybody has been told of the changes, or that was given up."""
        if self._courier is not None:
            await self._courier.flush()

    async def close(self) -> None:
        """Give up the notifications that are under way; later changes are told again."""
        if self._courier is not None:
            await self._courier.close()

    def forget_ended(self) -> bool:
        """Forget the step that was made first of those that have ended; whether there was one."""
        uid = next((uid for uid, step in self._steps.items() if step.is_final), None)
        if uid is None:
            return False
        self.remove(uid)
        if self._on_forget is not None:
            self._on_forget(uid)
        return True

    def handlers(self) -> Handlers:
        """What a server takes."""
        return Handlers(on_n_create=self.on_n_create, on_n_set=self.on_n_set, on_n_get=self.on_n_get)

    def on_n_create(self, request: NCreateRequest) -> NormalizedAnswer:
        """Begin a step (PS3.4 F.7.2.1)."""
        uid = request.command.affected_sop_instance_uid or new_uid()
        dataset = request.dataset
        if uid in self._steps:
            return Reply(DUPLICATE_INSTANCE, "there is a step with this UID")
        if len(self._steps) >= self._max_steps and not self.forget_ended():
            return Reply(RESOURCE_LIMITATION, f"there are {self._max_steps} steps already")
        refusal = None
        if self.is_strict:
            refusal = incomplete(dataset, _REQUIRED, may_be_empty=_MAY_BE_EMPTY) or wrong_value(dataset)
        if refusal is not None:
            return refusal
        if text_of(dataset, _STATUS) != IN_PROGRESS:
            return invalid_value(_STATUS, f"a step begins {IN_PROGRESS}")
        if self.is_strict and not all(
            text_of(item, "StudyInstanceUID") for item in items_of(dataset, "ScheduledStepAttributesSequence")
        ):
            return invalid_value("ScheduledStepAttributesSequence", "Study Instance UID is missing")
        self._keep(PerformedStep(uid, in_utf_8(dataset), request.facts), StepEvent.IN_PROGRESS)
        return Reply(SUCCESS, sop_instance_uid=uid)

    def on_n_set(self, request: NSetRequest) -> NormalizedAnswer:
        """Change a step (PS3.4 F.7.2.2)."""
        step = self._steps.get(request.command.requested_sop_instance_uid)
        if step is None:
            return Reply(NO_SUCH_INSTANCE, "there is no step with this UID")
        if step.status != IN_PROGRESS:
            return MAY_NO_LONGER_BE_UPDATED
        changes = request.dataset
        status = text_of(changes, _STATUS) if _STATUS in changes else IN_PROGRESS
        if status not in (IN_PROGRESS, COMPLETED, DISCONTINUED):
            return invalid_value(_STATUS, "no status of a step")
        fixed = tuple(tag for tag in map(tag_of, _FIXED) if tag in changes)
        kept = () if self.is_strict else drop_fixed(changes, step.dataset, _FIXED)
        if fixed and self.is_strict:
            return Reply(NO_SUCH_ATTRIBUTE, "must not be changed", fixed, attribute_identifiers=fixed)
        changed = step.dataset[:]
        changed.update(changes)
        refusal = wrong_value(changes) if self.is_strict else None
        if refusal is None and self.is_strict and status != IN_PROGRESS:
            refusal = incomplete(changed, _AT_THE_END)
        if refusal is not None:
            return refusal
        self._keep(PerformedStep(step.sop_instance_uid, in_utf_8(changed), request.facts), _EVENTS[status])
        return left_unchanged(kept) if kept else SUCCESS

    def on_n_get(self, request: NGetRequest) -> NormalizedAnswer:
        """Read a step (PS3.4 F.8.2.1)."""
        step = self._steps.get(request.command.requested_sop_instance_uid)
        if step is None:
            return Reply(NO_SUCH_INSTANCE, "there is no step with this UID")
        return selected(step.dataset, request.command.attribute_identifiers)

    def _notify(self, uid: str, event: StepEvent) -> None:
        def report(user: ServiceUser) -> Awaitable[Response]:
            return user.n_event_report(NOTIFICATION_SOP_CLASS, uid, event)

        if self._courier is not None:
            for ae_title in self.notified:
                self._courier.bring_by(ae_title, report)

    def _keep(self, step: PerformedStep, event: StepEvent) -> None:
        self._steps[step.sop_instance_uid] = step
        self._notify(step.sop_instance_uid, event)
        if self._on_change is not None:
            self._on_change(step)
