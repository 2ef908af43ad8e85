"""Watching unified procedure steps (PS3.4 CC.2.3, CC.2.4): subscriptions, and the events that come of them.

::

    receiver = EventReceiver(lambda event: print(event.sop_instance_uid, event.state))
    server = await serve(port=11113, ae_title="ME", handlers=receiver.handlers())
    async with connect("WORK@127.0.0.1:104", contexts=ups.CONTEXTS) as assoc:
        await ups_watch.subscribe(assoc, "ME")                  # to all steps, present and future
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from dicomgui.network.association.contexts import ProposedContext
from dicomgui.network.service import Handlers, NEventReportRequest, Reply, Response, ServiceUser
from dicomgui.network.service_classes.attributes import SUCCESS, dataset_of, in_utf_8, items_of, put, text_of
from dicomgui.network.service_classes.ups_attributes import EVENT, PUSH, WATCH
from dicomgui.network.status import Status
from dicomgui.network.uids import DEFAULT_TRANSFER_SYNTAXES

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = [
    "ALL_STEPS",
    "COLD_START",
    "FILTERED_STEPS",
    "GOING_DOWN",
    "REPORT_CONTEXTS",
    "RESTARTED",
    "SUBSCRIBE",
    "SUSPEND",
    "UNSUBSCRIBE",
    "WARM_START",
    "EventReceiver",
    "EventType",
    "UpsEvent",
    "subscribe",
    "suspend",
    "unsubscribe",
]

ALL_STEPS: Final = "1.2.840.10008.5.1.4.34.5"
"""The well-known instance of the global subscription."""

FILTERED_STEPS: Final = "1.2.840.10008.5.1.4.34.5.1"
"""The well-known instance of the global subscription to what matches some keys."""

REPORT_CONTEXTS: Final = (ProposedContext(EVENT, DEFAULT_TRANSFER_SYNTAXES, scu_role=False, scp_role=True),)
"""What an SCP proposes on an association of its own: itself in the SCP role."""

SUBSCRIBE: Final = 3
UNSUBSCRIBE: Final = 4
SUSPEND: Final = 5

RESTARTED: Final = "RESTARTED"
GOING_DOWN: Final = "GOING DOWN"
"""The values of SCP Status (0074,1242)."""

WARM_START: Final = "WARM START"
COLD_START: Final = "COLD START"
"""The values of Subscription List Status (0074,1244) and Unified Procedure Step List Status (0074,1246): the list was
kept, or lost."""

NO_SUCH_EVENT_TYPE: Final = Status(0x0113)


class EventType(IntEnum):
    """The event types (PS3.4 table CC.2.4-1)."""

    STATE_REPORT = 1
    CANCEL_REQUESTED = 2
    PROGRESS_REPORT = 3
    SCP_STATUS_CHANGE = 4
    ASSIGNED = 5


@dataclass(frozen=True, slots=True)
class UpsEvent:
    """An event of a step, or of the peer itself (``SCP_STATUS_CHANGE``), whose instance is :data:`ALL_STEPS`."""

    event_type: EventType
    sop_instance_uid: str
    dataset: Dataset

    @property
    def state(self) -> str:
        """Procedure Step State of a state report."""
        return text_of(self.dataset, "ProcedureStepState")

    @property
    def percent(self) -> float | None:
        """How far the step has come, of a progress report."""
        for item in items_of(self.dataset, "ProcedureStepProgressInformationSequence"):
            text = text_of(item, "ProcedureStepProgress")
            try:
                return float(text)
            except ValueError:
                return None
        return None

    @property
    def scp_status(self) -> str:
        """``RESTARTED`` or ``GOING DOWN``, of a change of the SCP's status."""
        return text_of(self.dataset, "SCPStatus")

    @property
    def stations(self) -> tuple[str, ...]:
        """Code values of the stations that an assigned step shall be done at; none where it was taken from all."""
        return tuple(text_of(item, "CodeValue") for item in items_of(self.dataset, "ScheduledStationNameCodeSequence"))

    @property
    def requesting_ae(self) -> str:
        """Who asks for the cancel, of a cancel request."""
        return text_of(self.dataset, "RequestingAE")

    @property
    def reason(self) -> str:
        """Reason For Cancellation."""
        return text_of(self.dataset, "ReasonForCancellation")


class EventReceiver:
    """Takes the events that a subscription brings.

    :param on_event: called with each; what it raises is answered 0110.
    """

    sop_classes: Final = (EVENT, PUSH)

    def __init__(self, on_event: Callable[[UpsEvent], object]) -> None:
        self._on_event = on_event

    def handlers(self) -> Handlers:
        """What a server takes for events on other associations, and ``connect()`` for those on the same one."""
        return Handlers(on_n_event_report=self.on_n_event_report)

    def on_n_event_report(self, request: NEventReportRequest) -> Status | Reply:
        """Take an event (PS3.4 CC.2.4)."""
        try:
            kind = EventType(request.command.event_type_id)
        except ValueError:
            return Reply(NO_SUCH_EVENT_TYPE, "unified procedure steps have the event types 1 to 5")
        request.check_structure()
        self._on_event(UpsEvent(kind, request.command.affected_sop_instance_uid, request.dataset))
        return SUCCESS


async def subscribe(
    user: ServiceUser,
    receiving_ae: str,
    sop_instance_uid: str = ALL_STEPS,
    *,
    deletion_lock: bool = False,
    keys: Dataset | None = None,
) -> Response:
    """Have an AE told of the events of a step, or of all.

    :param receiving_ae: AE title of whom to tell; the peer must know its address.
    :param sop_instance_uid: the step; by default all that there are and will be.
    :param deletion_lock: keep the step when it has ended, until the lock is given back by :func:`unsubscribe`.
    :param keys: of all steps only those that match; the attributes are matched as in a query.
    :raises DimseFailure: C308 says that the peer does not know the AE, C315 that it sends no events. That it grants no
        lock (B301) is no failure.
    """
    information = dataset_of({}) if keys is None else in_utf_8(keys)
    put(information, "ReceivingAE", receiving_ae)
    put(information, "DeletionLock", "TRUE" if deletion_lock else "FALSE")
    target = FILTERED_STEPS if keys is not None and sop_instance_uid == ALL_STEPS else sop_instance_uid
    response = await user.n_action(PUSH, target, SUBSCRIBE, information, context=WATCH)
    return response.raise_for_status()


async def unsubscribe(user: ServiceUser, receiving_ae: str, sop_instance_uid: str = ALL_STEPS) -> Response:
    """End the subscription of an AE to a step; for all steps, its subscriptions to single ones as well.

    :raises DimseFailure: the peer refused.
    """
    information = dataset_of({"ReceivingAE": receiving_ae})
    response = await user.n_action(PUSH, sop_instance_uid, UNSUBSCRIBE, information, context=WATCH)
    return response.raise_for_status()


async def suspend(user: ServiceUser, receiving_ae: str, sop_instance_uid: str = ALL_STEPS) -> Response:
    """Have an AE not subscribed to any more new steps; what it is subscribed to stays.

    :param sop_instance_uid: :data:`ALL_STEPS`, or :data:`FILTERED_STEPS` for that subscription.
    :raises DimseFailure: the peer refused.
    """
    information = dataset_of({"ReceivingAE": receiving_ae})
    response = await user.n_action(PUSH, sop_instance_uid, SUSPEND, information, context=WATCH)
    return response.raise_for_status()
