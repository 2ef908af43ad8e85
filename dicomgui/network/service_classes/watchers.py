"""The watchers of unified procedure steps, as an SCP sees them (PS3.4 CC.2.3.3, CC.2.4.3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from dicomgui.network.service import Reply
from dicomgui.network.service_classes.attributes import SUCCESS, dataset_of, in_utf_8, items_of, put, text_of
from dicomgui.network.service_classes.step_states import NO_SUCH_STEP
from dicomgui.network.service_classes.subscriptions import EventCourier, EventOpener, Subscriptions
from dicomgui.network.service_classes.ups_watch import (
    ALL_STEPS,
    COLD_START,
    FILTERED_STEPS,
    SUSPEND,
    UNSUBSCRIBE,
    WARM_START,
    EventType,
    UpsEvent,
)
from dicomgui.network.status import Status

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["Watchers", "report_of"]

INVALID_ARGUMENT: Final = Status(0x0115)
NO_LOCK: Final = Status(0xB301)
UNKNOWN_RECEIVER: Final = Status(0xC308)
NOT_APPROPRIATE: Final = Status(0xC314)
NO_EVENTS: Final = Status(0xC315)

_PROGRESS = "ProcedureStepProgressInformationSequence"
_PERFORMER = "HumanPerformerCodeSequence"


class Watchers:
    """Who watches which steps, and the way to them.

    :param open_association: without it no events are sent, and subscriptions are answered C315.
    :param grants_locks: whether a subscriber may keep a step from being removed.
    """

    def __init__(self, open_association: EventOpener | None, *, grants_locks: bool) -> None:
        self._courier = None if open_association is None else EventCourier(open_association)
        self._subscriptions = Subscriptions()
        self._grants_locks = grants_locks

    @property
    def receivers(self) -> tuple[str, ...]:
        """AE titles of all subscribers, sorted."""
        return self._subscriptions.receivers

    def subscribers(self, uid: str) -> tuple[str, ...]:
        """Who is told of the events of a step."""
        return self._subscriptions.subscribers(uid)

    def is_locked(self, uid: str) -> bool:
        """Whether a subscriber wants the step to be kept."""
        return self._subscriptions.is_locked(uid)

    def add_step(self, uid: str, step: Dataset) -> None:
        """A step is new."""
        self._subscriptions.add_step(uid, step)

    def remove_step(self, uid: str) -> None:
        """A step is no more."""
        self._subscriptions.remove_step(uid)

    async def flush(self) -> None:
        """Wait until all events have been sent, or been given up."""
        if self._courier is not None:
            await self._courier.flush()

    async def close(self) -> None:
        """Send no more events."""
        if self._courier is not None:
            await self._courier.close()

    def tell(self, uid: str, event: EventType, content: Dataset, *receivers: str) -> None:
        """Send an event of a step, to these AEs or to all that are subscribed to it."""
        if self._courier is not None:
            for ae_title in receivers or self._subscriptions.subscribers(uid):
                self._courier.bring(ae_title, UpsEvent(event, uid, content))

    def announce(
        self, status: str, *, keeps_subscriptions: bool, keeps_steps: bool, fallback: Iterable[str]
    ) -> tuple[str, ...]:
        """Send an SCP Status Change to all subscribers and to ``fallback``, to each once; returns their AE titles."""
        if self._courier is None:
            return ()
        report = dataset_of(
            {
                "SCPStatus": status,
                "SubscriptionListStatus": WARM_START if keeps_subscriptions else COLD_START,
                "UnifiedProcedureStepListStatus": WARM_START if keeps_steps else COLD_START,
            }
        )
        told = tuple(sorted({*self._subscriptions.receivers, *fallback}))
        for ae_title in told:
            self._courier.bring(ae_title, UpsEvent(EventType.SCP_STATUS_CHANGE, ALL_STEPS, report))
        return told

    def perform(self, action: int, uid: str, information: Dataset, steps: Mapping[str, Dataset]) -> Status | Reply:
        """Answer an N-ACTION that subscribes, unsubscribes or suspends.

        :param uid: the step, or a well-known instance for all of them.
        :param steps: the steps that there are.
        """
        receiver = text_of(information, "ReceivingAE")
        is_global = uid in (ALL_STEPS, FILTERED_STEPS)
        if self._courier is None:
            return Reply(NO_EVENTS, "no event reports are sent here")
        if not is_global and action == SUSPEND:
            return Reply(NOT_APPROPRIATE, "only a global subscription can be suspended")
        if not is_global and uid not in steps:
            return NO_SUCH_STEP
        if not receiver:
            return Reply(INVALID_ARGUMENT, "the receiving AE is missing")
        if action == SUSPEND:
            self._subscriptions.suspend(receiver, filtered=uid == FILTERED_STEPS)
            return SUCCESS
        if action == UNSUBSCRIBE:
            if is_global:
                self._subscriptions.unsubscribe_from_all(receiver)
            else:
                self._subscriptions.unsubscribe(receiver, uid)
            return SUCCESS
        if not self._courier.knows(receiver):
            return Reply(UNKNOWN_RECEIVER, "the receiving AE is not known here")
        return self._subscribe(receiver, uid, information, steps)

    def _subscribe(self, receiver: str, uid: str, information: Dataset, steps: Mapping[str, Dataset]) -> Status | Reply:
        asked = text_of(information, "DeletionLock")
        if asked not in ("TRUE", "FALSE"):
            return Reply(INVALID_ARGUMENT, "the deletion lock is neither TRUE nor FALSE")
        lock = asked == "TRUE" and self._grants_locks
        fresh: tuple[str, ...] = (uid,)
        if uid in (ALL_STEPS, FILTERED_STEPS):
            keys = in_utf_8(information) if uid == FILTERED_STEPS else None
            for keyword in ("ReceivingAE", "DeletionLock"):
                if keys is not None and keyword in keys:
                    delattr(keys, keyword)
            fresh = self._subscriptions.subscribe_to_all(receiver, steps.items(), lock=lock, keys=keys)
        else:
            self._subscriptions.subscribe(receiver, uid, lock=lock)
        for one in fresh:  # where things stand now
            self.tell(one, EventType.STATE_REPORT, report_of(EventType.STATE_REPORT, steps[one]), receiver)
        return SUCCESS if lock or asked == "FALSE" else Reply(NO_LOCK, "no deletion locks are granted here")


def report_of(event: EventType, step: Dataset) -> Dataset:
    """The Event Information of a state, progress or assignment report (PS3.4 table CC.2.4-1)."""
    from pydicom import Dataset

    report = Dataset()
    if event == EventType.PROGRESS_REPORT:
        report[_PROGRESS] = step[_PROGRESS]
    elif event == EventType.ASSIGNED:
        _put_assignment(report, step)
    else:
        _put_state(report, step)
    return in_utf_8(report)


def _put_state(report: Dataset, step: Dataset) -> None:
    for keyword in ("ProcedureStepState", "InputReadinessState"):
        put(report, keyword, step.get(keyword))
    for item in items_of(step, _PROGRESS):
        for keyword in ("ReasonForCancellation", "ProcedureStepDiscontinuationReasonCodeSequence"):
            if keyword in item:
                report[keyword] = item[keyword]


def _put_assignment(report: Dataset, step: Dataset) -> None:
    """Stations and performers, each only where the step has them: all codes, and the first organization."""
    performers = items_of(step, "ScheduledHumanPerformersSequence")
    organizations = filter(None, (text_of(one, "HumanPerformerOrganization") for one in performers))
    values: dict[str, object] = {
        "ScheduledStationNameCodeSequence": list(items_of(step, "ScheduledStationNameCodeSequence")),
        "HumanPerformerCodeSequence": [code for one in performers for code in items_of(one, _PERFORMER)],
        "HumanPerformerOrganization": next(organizations, ""),
    }
    for keyword, value in values.items():
        if value:
            put(report, keyword, value)
