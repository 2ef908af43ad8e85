"""Our subscriptions to steps of peers: which one an event belongs to, and what our listener takes because of them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from helpers.listening import listens_in
from helpers.retrieval import elements

from dicomgui.app.context import AppContext
from dicomgui.app.nservice_events import NEvent
from dicomgui.app.watched_steps import MAX_SUBSCRIPTIONS, WatchedSteps
from dicomgui.network import EVERYTHING_PERMITTED, PeerAddress, connect
from dicomgui.network.service_classes.ups_watch import ALL_STEPS, REPORT_CONTEXTS, SUBSCRIBE, SUSPEND, UNSUBSCRIBE

PUSH, EVENT = "1.2.840.10008.5.1.4.34.6.1", "1.2.840.10008.5.1.4.34.6.4"
WORK, OTHER = PeerAddress("WORK", "127.0.0.1", 104), PeerAddress("OTHER", "127.0.0.1", 105)


@pytest.fixture
def watched(context: AppContext) -> WatchedSteps:
    return context.watched


def event(instance: str, calling: str = "WORK", sop_class: str = PUSH) -> Any:
    command = SimpleNamespace(affected_sop_class_uid=sop_class, affected_sop_instance_uid=instance)
    return SimpleNamespace(
        command=command, facts=SimpleNamespace(calling_ae_title=f"{calling} ", called_ae_title="OURS")
    )


def test_an_event_belongs_to_its_step_before_all_steps(watched: WatchedSteps) -> None:
    watched.granted(WORK, 3, SUBSCRIBE, ALL_STEPS, "OURS")
    watched.granted(WORK, 4, SUBSCRIBE, "2.25.1", "OURS")
    of_step, of_other = watched.subscription_of(event("2.25.1")), watched.subscription_of(event("2.25.2"))
    assert of_step is not None
    assert of_other is not None
    assert (of_step.association, of_other.association) == (4, 3)
    assert str(of_other).startswith("all steps of WORK@127.0.0.1:104, since ")


def test_an_event_belongs_to_the_subscription_at_its_sender(watched: WatchedSteps) -> None:
    for number, peer in ((3, WORK), (4, OTHER)):
        watched.granted(peer, number, SUBSCRIBE, ALL_STEPS, "OURS")
    for calling, number in (("WORK", 3), ("OTHER", 4)):
        found = watched.subscription_of(event("2.25.1", calling))
        assert found is not None
        assert found.association == number


def test_what_is_no_event_of_a_step_belongs_to_none(watched: WatchedSteps) -> None:
    watched.granted(WORK, 3, SUBSCRIBE, ALL_STEPS, "OURS")
    assert watched.subscription_of(event("2.25.1", sop_class="1.2.840.10008.1.20.1")) is None
    assert not watched.expects(event("2.25.1", sop_class="1.2.840.10008.1.20.1"))


def test_an_event_of_another_step_is_taken_without_a_subscription_being_named(watched: WatchedSteps) -> None:
    watched.granted(WORK, 3, SUBSCRIBE, "2.25.1", "OURS")
    assert watched.expects(event("2.25.9"))
    assert watched.subscription_of(event("2.25.9")) is None


@pytest.mark.parametrize(
    ("action", "instance", "left"),
    [
        (UNSUBSCRIBE, "2.25.1", [ALL_STEPS]),
        (UNSUBSCRIBE, ALL_STEPS, []),
        (SUSPEND, ALL_STEPS, ["2.25.1"]),
        (1, ALL_STEPS, [ALL_STEPS, "2.25.1"]),
    ],
)
def test_what_ends_a_subscription(watched: WatchedSteps, action: int, instance: str, left: list[str]) -> None:
    watched.granted(WORK, 3, SUBSCRIBE, ALL_STEPS, "OURS")
    watched.granted(WORK, 4, SUBSCRIBE, "2.25.1", "OURS")
    watched.granted(WORK, 5, action, instance, "OURS")
    assert [one.sop_instance_uid for one in watched.subscriptions] == left


def test_only_so_many_are_remembered(watched: WatchedSteps) -> None:
    for number in range(MAX_SUBSCRIPTIONS + 1):
        watched.granted(WORK, number, SUBSCRIBE, f"2.25.{number + 1}", "OURS")
    assert len(watched.subscriptions) == MAX_SUBSCRIPTIONS
    assert watched.subscriptions[0].association == 1


async def test_our_listener_takes_events_while_there_is_a_subscription(context: AppContext, tmp_path: Path) -> None:
    seen: list[NEvent] = []
    context.watched.watchers.append(seen.append)
    report = elements(ProcedureStepState="COMPLETED", InputReadinessState="READY")
    async with listens_in(context, tmp_path)() as listener:
        at = f"OURS@127.0.0.1:{listener.port}"
        async with connect(at, calling_ae="WORK", contexts=REPORT_CONTEXTS) as assoc:
            assert not assoc.negotiated.accepted
        context.watched.granted(WORK, 3, SUBSCRIBE, ALL_STEPS, "OURS")
        contexts, permitted = REPORT_CONTEXTS, EVERYTHING_PERMITTED
        async with connect(at, calling_ae="WORK", contexts=contexts, permitted=permitted) as assoc:
            assert (await assoc.n_event_report(PUSH, "2.25.1", 1, report, context=EVENT)).status == 0
            assert (await assoc.n_event_report("1.2.840.10008.5.1.1.16", "2.25.1", 1, context=EVENT)).status == 0x0118
    [told] = seen
    assert (told.sop_instance_uid, told.type_id, told.dataset) == ("2.25.1", 1, report)
    assert told.subscription.startswith("all steps of WORK@")
