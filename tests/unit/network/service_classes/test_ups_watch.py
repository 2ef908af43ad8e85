"""Subscriptions of an SCU, and the events that come."""

from __future__ import annotations

import pytest
from helpers.asking import ScriptedUser, report, status_of
from pydicom.dataset import Dataset

from dicomgui.network.service_classes.attributes import dataset_of
from dicomgui.network.service_classes.keys import keys_of
from dicomgui.network.service_classes.ups_attributes import PUSH, WATCH
from dicomgui.network.service_classes.ups_watch import (
    ALL_STEPS,
    FILTERED_STEPS,
    EventReceiver,
    EventType,
    UpsEvent,
    subscribe,
    suspend,
    unsubscribe,
)


async def test_subscriptions_name_their_receiver() -> None:
    user, wanted = ScriptedUser(), keys_of(["ProcedureStepLabel=R*"])
    await subscribe(user, "ME")
    await subscribe(user, "ME", "1.2.3", deletion_lock=True)
    await subscribe(user, "ME", keys=wanted)
    await unsubscribe(user, "ME")
    await suspend(user, "ME", FILTERED_STEPS)
    assert [arguments[:3] for _, arguments, _ in user.asked] == [
        (PUSH, ALL_STEPS, 3),
        (PUSH, "1.2.3", 3),
        (PUSH, FILTERED_STEPS, 3),
        (PUSH, ALL_STEPS, 4),
        (PUSH, FILTERED_STEPS, 5),
    ]
    sent = [arguments[3] for _, arguments, _ in user.asked]
    assert {one.ReceivingAE for one in sent} == {"ME"}
    assert [one.get("DeletionLock") for one in sent] == ["FALSE", "TRUE", "FALSE", None, None]
    assert sent[2].ProcedureStepLabel == "R*"
    assert "ReceivingAE" not in wanted
    assert {more["context"] for _, _, more in user.asked} == {WATCH}


def progress(text: str) -> Dataset:
    item = dataset_of({})
    item.add_new(0x00741004, "LO", text)
    return dataset_of({"ProcedureStepProgressInformationSequence": [item]})


def test_events_are_read() -> None:
    state = UpsEvent(EventType.STATE_REPORT, "1.2", dataset_of({"ProcedureStepState": "COMPLETED"}))
    assert (state.state, state.percent, state.reason) == ("COMPLETED", None, "")
    wish = dataset_of({"RequestingAE": "ME", "ReasonForCancellation": "why"})
    cancel = UpsEvent(EventType.CANCEL_REQUESTED, "1.2", wish)
    assert (cancel.requesting_ae, cancel.reason) == ("ME", "why")
    assert UpsEvent(EventType.PROGRESS_REPORT, "1.2", progress("50")).percent == 50.0
    assert UpsEvent(EventType.PROGRESS_REPORT, "1.2", progress("half")).percent is None


@pytest.mark.parametrize(("event", "status"), [(1, 0), (5, 0), (0, 0x0113), (6, 0x0113)])
def test_known_events_are_taken(event: int, status: int) -> None:
    came: list[UpsEvent] = []
    receiver = EventReceiver(came.append)
    assert status_of(receiver.handlers().on_n_event_report(report(PUSH, "1.2", event, Dataset()))) == status
    assert [(one.event_type, one.sop_instance_uid) for one in came] == ([(event, "1.2")] if status == 0 else [])
