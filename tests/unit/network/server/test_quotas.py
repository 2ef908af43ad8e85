"""Accounts of peers, without a server: who is counted where, for how long, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from dicomgui.network import AcceptPolicy, ConfigurationError, Handlers, MemorySink, Reply, ServerOptions, Status
from dicomgui.network.server import quotas
from dicomgui.network.server.quotas import COMMENT, HOUR_S, PeerQuotas
from dicomgui.network.service import AssociationFacts, StoreRequest

REFUSED = Reply(Status(0xA700), COMMENT)


class Desk:
    """Guarded handlers, a clock that is set by hand, and what was kept and refused."""

    def __init__(
        self,
        max_instances: int | None = None,
        max_bytes: int | None = None,
        *,
        own_sink: bool = True,
        memory: int = 1000,
    ) -> None:
        self.memory = memory
        self.now = 1000.0
        self.kept: list[object] = []
        self.told: list[str] = []
        self.sinks: list[MemorySink] = []
        self.keeper = PeerQuotas(max_instances, max_bytes, self.tell, clock=lambda: self.now)
        self.handlers = Handlers(open_sink=self.open_sink if own_sink else None, on_store=self.keep)
        self.guarded = self.keeper.guard(self.handlers)

    def tell(self, _: StoreRequest, why: str) -> None:
        self.told.append(why)

    def open_sink(self, request: StoreRequest) -> MemorySink | Status:
        if request.facts.called_ae_title == "REFUSE":
            return Status(0x0122)
        self.sinks.append(MemorySink(1000))
        return self.sinks[-1]

    def keep(self, request: StoreRequest, result: object) -> Status:
        self.kept.append(result)
        return Status(0)

    def store(
        self, data: bytes = b"1234", *, host: str = "192.0.2.1", title: str = "CT1", called: str = "US", pieces: int = 1
    ) -> Any:
        """What a C-STORE is answered; each peer has a port of its own each time."""
        facts = AssociationFacts(1, f"{host}:{40_000 + len(self.kept)}", title, called, "1.2", "V")
        request = StoreRequest(None, None, facts, None, collect=lambda: MemorySink(self.memory))  # type: ignore[arg-type]
        sink = self.guarded["open_sink"](request)
        if isinstance(sink, Status | Reply):
            return sink
        size = max(1, len(data) // pieces)
        for at in range(0, len(data), size):
            sink.write(memoryview(data[at : at + size]))
        return self.guarded["on_store"](request, sink.finish())


def test_without_limits_nothing_is_guarded() -> None:
    assert Desk().guarded == {}
    assert PeerQuotas(1, 1).guard(Handlers()) == {}


def test_one_instance_more_than_an_address_may_store_is_refused() -> None:
    desk = Desk(2)
    assert [desk.store(title=f"CT{number}") for number in range(4)] == [Status(0), Status(0), REFUSED, REFUSED]
    assert len(desk.kept) == 2
    assert desk.told == ["192.0.2.1 has stored 2 instances within an hour, which is the limit"] * 2


def test_one_instance_more_than_an_ae_title_may_store_is_refused() -> None:
    desk = Desk(2)
    answers = [desk.store(host=f"192.0.2.{number}", title="C\nT") for number in range(3)]
    assert answers == [Status(0), Status(0), REFUSED]
    assert desk.told == [r"the AE title 'C\nT' has stored 2 instances within an hour, which is the limit"]


def test_others_have_accounts_of_their_own() -> None:
    desk = Desk(1)
    assert desk.store() == Status(0)
    assert desk.store(host="192.0.2.2", title="CT2") == Status(0)
    assert desk.store(host="2001:db8::1", title="CT3") == Status(0)
    assert desk.store(host="2001:db8::1", title="CT4") == REFUSED


def test_after_an_hour_a_peer_may_store_again() -> None:
    desk = Desk(1)
    assert desk.store() == Status(0)
    desk.now += HOUR_S - 1
    assert desk.store() == REFUSED
    desk.now += 1
    assert desk.store() == Status(0)
    assert desk.store() == REFUSED


@pytest.mark.parametrize("pieces", [1, 4])
def test_the_data_set_that_goes_over_the_limit_is_not_kept(pieces: int) -> None:
    desk = Desk(max_bytes=10)
    assert desk.store(b"12345678", pieces=pieces) == Status(0)
    assert desk.store(b"1234", pieces=pieces) == REFUSED
    assert desk.kept == [b"12345678"]
    assert desk.told == ["192.0.2.1 would have stored more than 10 bytes within an hour, which is the limit"]


def test_a_peer_that_has_used_up_its_bytes_is_refused_before_it_sends() -> None:
    desk = Desk(max_bytes=8)
    assert desk.store(b"12345678") == Status(0)
    assert desk.store(b"") == REFUSED
    assert len(desk.sinks) == 1
    assert desk.told == ["192.0.2.1 has stored 8 bytes within an hour, which is the limit"]


def test_what_breaks_off_is_counted_and_given_up() -> None:
    desk = Desk(max_bytes=8)
    facts = AssociationFacts(1, "192.0.2.1:1", "CT1", "US", "", "")
    sink = desk.guarded["open_sink"](StoreRequest(None, None, facts, None))  # type: ignore[arg-type]
    sink.write(memoryview(b"12345678"))
    sink.abandon()
    assert desk.store() == REFUSED


def test_what_the_handlers_refuse_is_refused_as_they_say_and_not_counted() -> None:
    desk = Desk(1)
    assert desk.store(called="REFUSE") == Status(0x0122)
    assert desk.store() == Status(0)


def test_handlers_that_collect_in_memory_are_guarded_too() -> None:
    desk = Desk(1, own_sink=False)
    assert desk.store(b"1234") == Status(0)
    assert desk.store() == REFUSED
    assert desk.kept == [b"1234"]


def test_a_data_set_that_does_not_fit_into_memory_is_answered_as_without_limits() -> None:
    desk = Desk(5, own_sink=False, memory=2)
    assert desk.store(b"1234") == Reply(Status(0xA700), "the data set is too large")
    assert desk.kept == []


def test_the_accounts_of_made_up_peers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotas, "MAX_ACCOUNTS", 10)
    desk = Desk(100)
    for number in range(50):
        desk.store(host=f"192.0.2.{number}", title=f"CT{number}")
    assert len(desk.keeper._accounts) == 10


@pytest.mark.parametrize("name", ["max_hourly_instances_per_peer", "max_hourly_bytes_per_peer"])
def test_a_limit_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="needs no storage service"):
        ServerOptions(policy=AcceptPolicy(), **{name: 0})
