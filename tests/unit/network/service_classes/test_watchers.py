"""What an SCP answers to subscriptions, and what it tells (PS3.4 CC.2.3.3)."""

from __future__ import annotations

import pytest
from helpers.asking import ScriptedUser, status_of
from pydicom.dataset import Dataset

from dicomgui.network.service_classes.attributes import dataset_of
from dicomgui.network.service_classes.keys import keys_of
from dicomgui.network.service_classes.ups_attributes import cancelation
from dicomgui.network.service_classes.ups_watch import ALL_STEPS, FILTERED_STEPS, EventType
from dicomgui.network.service_classes.watchers import Watchers, report_of

STEPS = {
    "1": dataset_of({"ProcedureStepState": "SCHEDULED", "ProcedureStepLabel": "one"}),
    "2": dataset_of({"ProcedureStepState": "SCHEDULED", "ProcedureStepLabel": "two"}),
}


class Club:
    """Watchers whose only known AE is A."""

    def __init__(self, *, grants_locks: bool = True) -> None:
        self.user = ScriptedUser()
        self.watchers = Watchers(lambda ae: self.user if ae == "A" else None, grants_locks=grants_locks)

    def ask(self, action: int, uid: str, **values: object) -> int:
        return status_of(self.watchers.perform(action, uid, dataset_of(values), STEPS))

    async def told(self) -> list[tuple[int, str]]:
        await self.watchers.flush()
        return [(arguments[2], arguments[1]) for _, arguments, _ in self.user.asked]


LOCKED, FREE = {"ReceivingAE": "A", "DeletionLock": "TRUE"}, {"ReceivingAE": "A", "DeletionLock": "FALSE"}


@pytest.mark.parametrize(
    ("action", "uid", "values", "status"),
    [
        (3, "1", FREE, 0),
        (3, "9", FREE, 0xC307),
        (3, "1", {"DeletionLock": "TRUE"}, 0x0115),
        (3, "1", {"ReceivingAE": "A"}, 0x0115),
        (3, "1", {"ReceivingAE": "B", "DeletionLock": "TRUE"}, 0xC308),
        (4, "1", {"ReceivingAE": "A"}, 0),
        (4, "9", {"ReceivingAE": "A"}, 0xC307),
        (4, ALL_STEPS, {"ReceivingAE": "A"}, 0),
        (5, "1", {"ReceivingAE": "A"}, 0xC314),
        (5, ALL_STEPS, {"ReceivingAE": "A"}, 0),
        (5, ALL_STEPS, {}, 0x0115),
    ],
)
async def test_subscriptions_are_judged(action: int, uid: str, values: dict[str, str], status: int) -> None:
    club = Club()
    assert club.ask(action, uid, **values) == status
    await club.watchers.close()


async def test_who_sends_no_events_takes_no_subscriptions() -> None:
    watchers = Watchers(None, grants_locks=True)
    assert status_of(watchers.perform(3, ALL_STEPS, dataset_of(FREE), STEPS)) == 0xC315
    watchers.tell("1", EventType.STATE_REPORT, Dataset())
    await watchers.flush()
    await watchers.close()


async def test_a_new_subscriber_is_told_where_things_stand() -> None:
    club = Club()
    assert club.ask(3, "1", **LOCKED) == 0
    assert club.ask(3, ALL_STEPS, **FREE) == 0
    assert club.watchers.is_locked("1")
    assert await club.told() == [(1, "1"), (1, "2")]
    assert club.user.asked[0][1][3].ProcedureStepState == "SCHEDULED"
    club.ask(4, "1", ReceivingAE="A")
    assert club.watchers.subscribers("1") == ()
    club.ask(4, FILTERED_STEPS, ReceivingAE="A")
    assert club.watchers.subscribers("2") == ()


async def test_a_filter_is_all_but_receiver_and_lock() -> None:
    club = Club()
    assert club.ask(3, FILTERED_STEPS, ProcedureStepLabel="t*", **FREE) == 0
    assert club.watchers.subscribers("2") == ("A",)
    assert club.watchers.subscribers("1") == ()
    club.watchers.add_step("3", keys_of(["ProcedureStepLabel=three"]))
    assert club.watchers.subscribers("3") == ("A",)
    club.watchers.remove_step("3")
    assert club.watchers.subscribers("3") == ()
    assert club.ask(5, FILTERED_STEPS, ReceivingAE="A") == 0
    club.watchers.add_step("4", keys_of(["ProcedureStepLabel=two"]))
    assert club.watchers.subscribers("4") == ()
    await club.watchers.close()


@pytest.mark.parametrize(("values", "status"), [(LOCKED, 0xB301), (FREE, 0)])
async def test_locks_may_be_refused(values: dict[str, str], status: int) -> None:
    club = Club(grants_locks=False)
    assert club.ask(3, "1", **values) == status
    assert club.watchers.subscribers("1") == ("A",)
    assert not club.watchers.is_locked("1")
    await club.watchers.close()


async def test_events_go_to_the_subscribers_of_the_step_only() -> None:
    club = Club()
    club.ask(3, "1", **FREE)
    club.watchers.tell("1", EventType.PROGRESS_REPORT, Dataset())
    club.watchers.tell("2", EventType.PROGRESS_REPORT, Dataset())
    assert await club.told() == [(1, "1"), (3, "1")]


def test_a_state_report_says_why_a_step_was_canceled() -> None:
    step = cancelation("no data")
    step.update(dataset_of({"ProcedureStepState": "CANCELED", "InputReadinessState": "READY", "PatientID": "4711"}))
    report = report_of(EventType.STATE_REPORT, step)
    assert {element.keyword for element in report} == {
        "ProcedureStepState",
        "InputReadinessState",
        "ReasonForCancellation",
        "ProcedureStepDiscontinuationReasonCodeSequence",
    }
    progress = report_of(EventType.PROGRESS_REPORT, step)
    assert [element.keyword for element in progress] == ["ProcedureStepProgressInformationSequence"]
    bare = report_of(EventType.STATE_REPORT, dataset_of({"ProcedureStepProgressInformationSequence": [Dataset()]}))
    assert "ReasonForCancellation" not in bare
