"""Who is subscribed to what (PS3.4 table CC.2.3-2), and how events get there."""

from __future__ import annotations

import pytest
from helpers.asking import ScriptedUser
from pydicom.dataset import Dataset

from dicomgui.network import ConnectionLost, Response, Status
from dicomgui.network.service_classes import subscriptions as module
from dicomgui.network.service_classes.keys import keys_of
from dicomgui.network.service_classes.subscriptions import EventCourier, Subscriptions
from dicomgui.network.service_classes.ups_watch import EventType, UpsEvent

ONE, TWO = keys_of(["ProcedureStepLabel=one"]), keys_of(["ProcedureStepLabel=two"])


def test_single_subscriptions_come_and_go() -> None:
    book = Subscriptions()
    book.subscribe("A", "1", lock=True)
    book.subscribe("B", "1", lock=False)
    assert (book.subscribers("1"), book.is_locked("1")) == (("A", "B"), True)
    book.subscribe("A", "1", lock=False)
    assert not book.is_locked("1")
    book.unsubscribe("A", "1")
    book.unsubscribe("A", "none")
    assert book.subscribers("1") == ("B",)
    book.remove_step("1")
    book.remove_step("1")
    assert book.subscribers("1") == ()


def test_a_global_subscription_is_for_what_is_and_what_comes() -> None:
    book = Subscriptions()
    book.subscribe("A", "1", lock=True)
    assert book.subscribe_to_all("A", [("1", ONE), ("2", TWO)], lock=False, keys=None) == ("2",)
    assert book.is_locked("1")  # what was asked for by itself keeps its lock
    book.add_step("3", ONE)
    assert book.subscribers("3") == ("A",)
    book.suspend("A", filtered=False)
    book.add_step("4", ONE)
    assert [book.subscribers(uid) for uid in "1234"] == [("A",), ("A",), ("A",), ()]
    book.unsubscribe_from_all("A")
    assert [book.subscribers(uid) for uid in "1234"] == [(), (), (), ()]


def test_a_filter_lets_only_its_matches_through() -> None:
    book = Subscriptions()
    assert book.subscribe_to_all("A", [("1", ONE), ("2", TWO)], lock=True, keys=ONE) == ("1",)
    book.add_step("3", TWO)
    book.add_step("4", ONE)
    assert [book.subscribers(uid) for uid in "1234"] == [("A",), (), (), ("A",)]
    book.suspend("A", filtered=False)
    book.add_step("5", ONE)
    book.suspend("A", filtered=True)
    book.add_step("6", ONE)
    assert (book.subscribers("5"), book.subscribers("6")) == (("A",), ())


def test_of_two_subscriptions_to_new_steps_the_lock_wins() -> None:
    book = Subscriptions()
    book.subscribe_to_all("A", [], lock=True, keys=ONE)
    book.subscribe_to_all("A", [], lock=False, keys=None)
    book.add_step("1", ONE)
    assert book.is_locked("1")


def event(uid: str = "1.2") -> UpsEvent:
    return UpsEvent(EventType.STATE_REPORT, uid, Dataset())


class Ways:
    """Opens the next of these users, or raises."""

    def __init__(self, *users: ScriptedUser | Exception | None) -> None:
        self.users = list(users)
        self.opened: list[str] = []

    def __call__(self, ae_title: str) -> ScriptedUser | None:
        self.opened.append(ae_title)
        user = self.users.pop(0)
        if isinstance(user, Exception):
            raise user
        return user


async def test_events_that_wait_go_over_one_association_in_order() -> None:
    user = ScriptedUser()
    ways = Ways(user)
    courier = EventCourier(ways)
    for uid in ("1", "2", "3"):
        courier.bring("A", event(uid))
    await courier.flush()
    assert ways.opened == ["A"]
    assert [arguments[1] for _, arguments, _ in user.asked] == ["1", "2", "3"]
    assert user.is_connected is False


async def test_an_event_that_comes_while_an_association_ends_gets_another() -> None:
    second = ScriptedUser()

    class Leaving(ScriptedUser):
        async def __aexit__(self, *_: object) -> None:
            courier.bring("A", event("2"))

    ways = Ways(Leaving(), second)
    courier = EventCourier(ways)
    courier.bring("A", event("1"))
    await courier.flush()
    assert ways.opened == ["A", "A"]
    assert [arguments[1] for _, arguments, _ in second.asked] == ["2"]


@pytest.mark.parametrize("way", [None, OSError("no way"), ScriptedUser(ConnectionLost("gone"))])
async def test_an_ae_that_cannot_be_reached_loses_its_events(way: object) -> None:
    user = ScriptedUser()
    ways = Ways(way, user)
    courier = EventCourier(ways)
    courier.bring("A", event())
    courier.bring("A", event())
    await courier.flush()
    assert ways.opened == ["A"]
    courier.bring("A", event("3"))
    await courier.flush()
    assert [arguments[1] for _, arguments, _ in user.asked] == ["3"]


async def test_a_refused_event_is_logged_and_the_next_is_sent(caplog: pytest.LogCaptureFixture) -> None:
    user = ScriptedUser(Response(Status(0x0110)))
    courier = EventCourier(Ways(user))
    courier.bring("A", event())
    courier.bring("A", event())
    await courier.flush()
    assert len(user.asked) == 2
    assert "0x0110" in caplog.text


async def test_too_many_events_push_out_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 2)
    user = ScriptedUser()
    courier = EventCourier(Ways(user))
    for uid in ("1", "2", "3"):
        courier.bring("A", event(uid))
    await courier.flush()
    assert [arguments[1] for _, arguments, _ in user.asked] == ["2", "3"]


async def test_a_closed_courier_brings_nothing() -> None:
    user = ScriptedUser()
    courier = EventCourier(Ways(user))
    courier.bring("A", event())
    await courier.close()
    await courier.flush()
    assert not user.asked
    courier.bring("A", event("2"))  # a listener that is started again
    await courier.flush()
    assert [arguments[1] for _, arguments, _ in user.asked] == ["2"]


def test_a_courier_knows_who_has_a_way() -> None:
    assert EventCourier(Ways(ScriptedUser())).knows("A")
    assert not EventCourier(Ways(None)).knows("A")
