"""The SCP of unified procedure steps (PS3.4 annex CC): keeps them, the rules of their states, and their watchers.

::

    steps = ProcedureSteps(open_association=lambda ae: connect(known[ae], contexts=ups_watch.REPORT_CONTEXTS))
    server = await serve(handlers=steps.handlers())   # and at the end: await steps.close()
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from dicomgui.network.service import (
    FindRequest,
    Handlers,
    NActionRequest,
    NCreateRequest,
    NGetRequest,
    NormalizedAnswer,
    NSetRequest,
    Reply,
)
from dicomgui.network.service_classes.attributes import (
    SUCCESS,
    drop_fixed,
    dt,
    in_utf_8,
    incomplete,
    items_of,
    left_unchanged,
    new_uid,
    put,
    selected,
    tag_of,
    text_of,
    texts_of,
)
from dicomgui.network.service_classes.matching import answer_for, matches, paced
from dicomgui.network.service_classes.step_states import (
    FIXED,
    NO_SUCH_STEP,
    judge_attributes,
    judge_cancel_request,
    judge_change_of_state,
    judge_update,
)
from dicomgui.network.service_classes.subscriptions import EventOpener
from dicomgui.network.service_classes.ups import CHANGE_STATE, REQUEST_CANCEL
from dicomgui.network.service_classes.ups_attributes import (
    CANCELED,
    COMPLETED,
    EVENT,
    IN_PROGRESS,
    PULL,
    PUSH,
    QUERY,
    SCHEDULED,
    WATCH,
    cancelation,
)
from dicomgui.network.service_classes.ups_watch import SUBSCRIBE, SUSPEND, UNSUBSCRIBE, EventType
from dicomgui.network.service_classes.watchers import Watchers, report_of
from dicomgui.network.status import Status

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["ProcedureStep", "ProcedureSteps"]

DUPLICATE_INSTANCE: Final = Status(0x0111)
NO_SUCH_ACTION: Final = Status(0x0123)
RESOURCE_LIMITATION: Final = Status(0x0213)
CREATED_WITH_MODIFICATIONS: Final = Status(0xB300)
NOT_SCHEDULED: Final = Status(0xC309)
CANNOT_CONTACT: Final = Status(0xC312)

TRANSACTION_UID: Final = 0x00081195
_PROGRESS = "ProcedureStepProgressInformationSequence"
_ASSIGNED = ("ScheduledStationNameCodeSequence", "ScheduledHumanPerformersSequence")
_REQUIRED = (
    "ProcedureStepState",
    "ProcedureStepLabel",
    "ScheduledProcedureStepPriority",
    "ScheduledProcedureStepStartDateTime",
    "InputReadinessState",
)
_CANCEL_DETAILS = (
    "ReasonForCancellation",
    "ProcedureStepDiscontinuationReasonCodeSequence",
    "ContactURI",
    "ContactDisplayName",
)


@dataclass(frozen=True, slots=True)
class ProcedureStep:
    """A step as it is now.

    :ivar dataset: its attributes, without its Transaction UID; a later change makes a new data set.
    """

    sop_instance_uid: str
    dataset: Dataset

    @property
    def state(self) -> str:
        """``SCHEDULED``, ``IN PROGRESS``, ``COMPLETED`` or ``CANCELED``."""
        return text_of(self.dataset, "ProcedureStepState")


class ProcedureSteps:
    """Unified procedure steps in memory.

    :ivar is_strict: may be changed at any time.

    :param open_association: see :data:`~dicomgui.network.service_classes.subscriptions.EventOpener`; without it no
        events are sent, and subscriptions are answered C315.
    :param on_change: called with each step that was made or changed.
    :param worklist_label: for steps that come without one; the answer is then B300.
    :param is_strict: refuse new steps that lack what table CC.2.5-3 requires, values that cannot be (0106), and changes
        of what must not change (0105). Without it such an attribute keeps its value, and the answer is 0107 (attribute
        list error, a warning) where another one was given, Success where the same one was.
    :param grants_locks: whether a subscriber may keep a step from being removed; else the answer is B301.
    :param max_steps: one more is answered 0213 (resource limitation).
    """

    sop_classes: Final = (PUSH, PULL, WATCH, EVENT, QUERY)

    def __init__(
        self,
        *,
        open_association: EventOpener | None = None,
        on_change: Callable[[ProcedureStep], object] | None = None,
        worklist_label: str = "DEFAULT",
        is_strict: bool = True,
        grants_locks: bool = True,
        max_steps: int = 100_000,
        on_forget: Callable[[str], object] | None = None,
    ) -> None:
        self._steps: dict[str, ProcedureStep] = {}
        self._locks: dict[str, str] = {}
        self._watchers = Watchers(open_association, grants_locks=grants_locks)
        self._on_change = on_change
        self._worklist_label = worklist_label
        self.is_strict = is_strict
        self._max_steps = max_steps
        self._on_forget = on_forget

    @property
    def steps(self) -> Mapping[str, ProcedureStep]:
        """All steps by SOP instance UID, the oldest first."""
        return MappingProxyType(self._steps)

    def subscribers(self, sop_instance_uid: str) -> tuple[str, ...]:
        """AE titles of who is told of the events of a step."""
        return self._watchers.subscribers(sop_instance_uid)

    @property
    def receivers(self) -> tuple[str, ...]:
        """AE titles of all subscribers, sorted."""
        return self._watchers.receivers

    def announce(
        self,
        status: str,
        *,
        keeps_subscriptions: bool = True,
        keeps_steps: bool = True,
        fallback: Iterable[str] = (),
    ) -> tuple[str, ...]:
        """Tell all subscribers that this SCP was restarted, or is going down (PS3.4 CC.2.4.3, SCP Status Change).

        An SCP must do so after each restart; :meth:`flush` waits until it is done.

        :param status: ``ups_watch.RESTARTED`` or ``ups_watch.GOING_DOWN``.
        :param keeps_subscriptions: who was subscribed still is; else they are told that it was a cold start.
        :param keeps_steps: the same of the steps.
        :param fallback: AE titles that are told as well: those that were subscribed before the subscriptions were lost.
        :returns: AE titles of all who are told, each once.
        """
        return self._watchers.announce(
            status, keeps_subscriptions=keeps_subscriptions, keeps_steps=keeps_steps, fallback=fallback
        )

    def remove_finished(self) -> tuple[str, ...]:
        """Forget the steps that have ended and that no subscriber has locked; returns their UIDs."""
        ended = tuple(
            uid
            for uid, step in self._steps.items()
            if step.state in (COMPLETED, CANCELED) and not self._watchers.is_locked(uid)
        )
        for uid in ended:
            del self._steps[uid]
            self._locks.pop(uid, None)
            self._watchers.remove_step(uid)
            if self._on_forget is not None:
                self._on_forget(uid)
        return ended

    async def flush(self) -> None:
        """Wait until all events have been sent, or been given up."""
        await self._watchers.flush()

    async def close(self) -> None:
        """Give up the events that are under way; later ones are sent again."""
        await self._watchers.close()

    def handlers(self) -> Handlers:
        """What a server takes."""
        return Handlers(
            on_find=self.on_find,
            on_n_create=self.on_n_create,
            on_n_set=self.on_n_set,
            on_n_get=self.on_n_get,
            on_n_action=self.on_n_action,
        )

    async def on_find(self, request: FindRequest) -> AsyncGenerator[Dataset, None]:
        """Answer with the steps that match (PS3.4 CC.2.8), as they are now; other tasks of the loop run meanwhile."""
        wanted = request.dataset
        wanted.pop(TRANSACTION_UID, None)  # nobody is told who holds a claim
        keys = wanted[:]
        for keyword in ("SOPClassUID", "SOPInstanceUID"):
            keys.pop(tag_of(keyword), None)
        async for step in paced(self._candidates(wanted)):
            if matches(keys, step.dataset):
                yield answer_for(wanted, _identified(step))

    def _candidates(self, wanted: Dataset) -> tuple[ProcedureStep, ...]:
        """The steps that match the UIDs of SOP class and instance."""
        classes, instances = (
            [uid for uid in texts_of(wanted[keyword]) if uid not in ("", "*")] if keyword in wanted else []
            for keyword in ("SOPClassUID", "SOPInstanceUID")
        )
        if classes and PUSH not in classes:
            return ()
        if instances:
            return tuple(self._steps[uid] for uid in dict.fromkeys(instances) if uid in self._steps)
        return tuple(self._steps.values())

    def on_n_create(self, request: NCreateRequest) -> NormalizedAnswer:
        """Take a new step (PS3.4 CC.2.5)."""
        uid = request.command.affected_sop_instance_uid or new_uid()
        if uid in self._steps:
            return Reply(DUPLICATE_INSTANCE, "there is a step with this UID")
        if len(self._steps) >= self._max_steps and not self.remove_finished():
            return Reply(RESOURCE_LIMITATION, f"there are {self._max_steps} steps already")
        step = in_utf_8(request.dataset)
        step.pop(TRANSACTION_UID, None)
        refusal = (incomplete(step, _REQUIRED) or judge_attributes(step)) if self.is_strict else None
        if refusal is not None:
            return refusal
        if text_of(step, "ProcedureStepState") != SCHEDULED:
            return Reply(NOT_SCHEDULED, "a step begins SCHEDULED")
        status = SUCCESS
        if not text_of(step, "WorklistLabel"):
            put(step, "WorklistLabel", self._worklist_label)
            status = CREATED_WITH_MODIFICATIONS
        self._watchers.add_step(uid, step)
        events = [EventType.STATE_REPORT]
        events += [EventType.ASSIGNED] if any(items_of(step, keyword) for keyword in _ASSIGNED) else []
        self._keep(uid, step, *events)
        return Reply(status, sop_instance_uid=uid)

    def on_n_set(self, request: NSetRequest) -> NormalizedAnswer:
        """Change a step (PS3.4 CC.2.6)."""
        uid = request.command.requested_sop_instance_uid
        step = self._steps.get(uid)
        if step is None:
            return NO_SUCH_STEP
        changes = in_utf_8(request.dataset)
        kept = () if self.is_strict else drop_fixed(changes, step.dataset, FIXED)
        refusal = judge_update(step.dataset, self._locks.get(uid, ""), changes)
        if refusal is None and self.is_strict:
            refusal = judge_attributes(changes)
        if refusal is not None:
            return refusal
        changes.pop(TRANSACTION_UID, None)
        changed = step.dataset[:]
        changed.update(changes)
        readiness = "InputReadinessState"
        is_report = text_of(changed, readiness) != text_of(step.dataset, readiness)
        events = [EventType.STATE_REPORT] if is_report else []
        events += [EventType.PROGRESS_REPORT] if _PROGRESS in changes else []
        is_assigned = any(items_of(changed, keyword) != items_of(step.dataset, keyword) for keyword in _ASSIGNED)
        events += [EventType.ASSIGNED] if is_assigned else []
        self._keep(uid, in_utf_8(changed), *events)
        return left_unchanged(kept) if kept else SUCCESS

    def on_n_get(self, request: NGetRequest) -> NormalizedAnswer:
        """Read a step (PS3.4 CC.2.7)."""
        step = self._steps.get(request.command.requested_sop_instance_uid)
        if step is None:
            return NO_SUCH_STEP
        return selected(step.dataset, request.command.attribute_identifiers)

    def on_n_action(self, request: NActionRequest) -> NormalizedAnswer:
        """Change a state, ask for a cancel, or subscribe (PS3.4 CC.2.1 to CC.2.3)."""
        uid, action = request.command.requested_sop_instance_uid, request.command.action_type_id
        if action in (SUBSCRIBE, UNSUBSCRIBE, SUSPEND):
            known = {one: step.dataset for one, step in self._steps.items()}
            return self._watchers.perform(action, uid, request.dataset, known)
        if action not in (CHANGE_STATE, REQUEST_CANCEL):
            return Reply(NO_SUCH_ACTION, "unified procedure steps have the action types 1 to 5")
        step = self._steps.get(uid)
        if step is None:
            return NO_SUCH_STEP
        return self._change_state(step, request.dataset) if action == CHANGE_STATE else self._cancel(step, request)

    def _change_state(self, step: ProcedureStep, information: Dataset) -> NormalizedAnswer:
        uid = step.sop_instance_uid
        wanted, transaction = text_of(information, "ProcedureStepState"), text_of(information, TRANSACTION_UID)
        refusal = judge_change_of_state(step.dataset, self._locks.get(uid, ""), wanted, transaction)
        if refusal is not None:
            return refusal
        self._locks[uid] = transaction
        self._enter(uid, step.dataset, wanted)
        return SUCCESS

    def _enter(self, uid: str, dataset: Dataset, state: str) -> None:
        changed = dataset[:]
        put(changed, "ProcedureStepState", state)
        self._keep(uid, changed, EventType.STATE_REPORT)

    def _cancel(self, step: ProcedureStep, request: NActionRequest) -> NormalizedAnswer:
        refusal = judge_cancel_request(step.dataset)
        if refusal is not None:
            return refusal
        uid, wish = step.sop_instance_uid, request.dataset
        if step.state == SCHEDULED:  # nobody does it: it passes through both states (PS3.4 CC.2.2.3)
            canceled = step.dataset[:]
            canceled.update(cancelation(text_of(wish, "ReasonForCancellation")))
            codes = items_of(wish, "ProcedureStepDiscontinuationReasonCodeSequence")
            if codes:
                put(canceled[_PROGRESS].value[0], "ProcedureStepDiscontinuationReasonCodeSequence", list(codes))
            self._enter(uid, step.dataset, IN_PROGRESS)
            self._enter(uid, in_utf_8(canceled), CANCELED)
            return SUCCESS
        if not self._watchers.subscribers(uid):
            return Reply(CANNOT_CONTACT, "nobody is subscribed to the step")
        event = in_utf_8(wish)
        for tag in tuple(event.keys()):
            if event[tag].keyword not in _CANCEL_DETAILS:
                del event[tag]
        put(event, "RequestingAE", request.facts.calling_ae_title)
        self._watchers.tell(uid, EventType.CANCEL_REQUESTED, in_utf_8(event))
        return SUCCESS

    def _keep(self, uid: str, dataset: Dataset, *events: EventType) -> None:
        put(dataset, "ScheduledProcedureStepModificationDateTime", dt(datetime.now().astimezone()))
        step = self._steps[uid] = ProcedureStep(uid, dataset)
        for event in events:
            self._watchers.tell(uid, event, report_of(event, dataset))
        if self._on_change is not None:
            self._on_change(step)


def _identified(step: ProcedureStep) -> Dataset:
    dataset = step.dataset[:]
    put(dataset, "SOPClassUID", PUSH)
    put(dataset, "SOPInstanceUID", step.sop_instance_uid)
    return dataset
