"""Several services behind one server: who is asked for what."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.asking import asked, create, facts, find, status_of
from pydicom.dataset import Dataset

from dicomgui.network import ConfigurationError, EchoRequest, Handlers, MemorySink, NullSink, Status, StoreRequest
from dicomgui.network.dimse.commands import CEchoRQ, CStoreRQ, NActionRQ
from dicomgui.network.service.combining import combine

CT, MR, MPPS, META, FILM = "1.2.1", "1.2.2", "1.2.3", "1.2.4", "1.2.5"


def says(status: int) -> Any:
    return lambda *_: Status(status)


class Keeper:
    """Something that keeps state and has handlers."""

    def __init__(self, *sop_classes: str, **handlers: Any) -> None:
        self.sop_classes = sop_classes
        self._handlers = Handlers(**handlers)

    def handlers(self) -> Handlers:
        return self._handlers


def store(sop_class: str) -> StoreRequest:
    request = asked(CStoreRQ(1, sop_class, "1.9"))
    return StoreRequest(request.command, request.context, request.facts, None)


def test_the_sop_class_of_the_command_counts_before_the_context() -> None:
    handlers = combine(Keeper(META, on_n_create=says(1)), Keeper(FILM, on_n_create=says(0x0107)))
    assert handlers.on_n_create is not None
    assert status_of(handlers.on_n_create(create(FILM, "", Dataset(), abstract_syntax=META))) == 0x0107
    assert status_of(handlers.on_n_create(create("1.2.9", "", Dataset(), abstract_syntax=META))) == 1


def test_what_nobody_claims_goes_to_the_others() -> None:
    handlers = combine(Keeper(MPPS, on_find=says(1)), Handlers(on_find=says(0x0107)))
    assert handlers.on_find is not None
    assert status_of(handlers.on_find(find(MPPS, Dataset()))) == 1
    assert status_of(handlers.on_find(find(CT, Dataset()))) == 0x0107


def test_what_nobody_offers_is_answered_as_without_a_handler() -> None:
    handlers = combine(Keeper(MPPS, on_n_create=says(0)), ([CT], Handlers(on_find=says(0))))
    assert handlers.on_n_create is not None
    assert handlers.on_find is not None
    assert status_of(handlers.on_n_create(create(CT, "", Dataset()))) == 0x0211
    assert status_of(handlers.on_find(find(MPPS, Dataset()))) == 0x0122
    assert status_of(handlers.on_n_create(create("1.2.9", "", Dataset()))) == 0x0211


def test_a_claimed_class_does_not_fall_through_to_the_others() -> None:
    handlers = combine(Keeper(MPPS, on_n_create=says(0)), Handlers(on_n_action=says(0)))
    assert handlers.on_n_action is not None
    assert status_of(handlers.on_n_action(asked(NActionRQ(1, MPPS, "1.9", 1)))) == 0x0211
    assert status_of(handlers.on_n_action(asked(NActionRQ(1, CT, "1.9", 1)))) == 0


def test_only_what_a_part_has_is_offered() -> None:
    handlers = combine(Keeper(MPPS, on_n_create=says(0)))
    assert handlers == Handlers(on_n_create=handlers.on_n_create)
    assert combine() == Handlers()


def test_parts_may_share_a_class_with_different_operations() -> None:
    handlers = combine(Keeper(MPPS, on_n_action=says(1)), Keeper(MPPS, on_n_create=says(0x0107)))
    assert handlers.on_n_create is not None
    assert handlers.on_n_action is not None
    assert status_of(handlers.on_n_create(create(MPPS, "", Dataset()))) == 0x0107
    assert status_of(handlers.on_n_action(asked(NActionRQ(1, MPPS, "1.9", 1)))) == 1


def test_two_claims_of_one_operation_are_an_error() -> None:
    with pytest.raises(ConfigurationError, match="on_n_create"):
        combine(Keeper(MPPS, on_n_create=says(0)), Keeper(MPPS, on_n_create=says(0)))
    with pytest.raises(ConfigurationError, match="all other"):
        combine(Handlers(), Handlers())


def test_an_echo_is_answered_even_if_another_class_has_the_handler() -> None:
    handlers = combine(([CT], Handlers(on_echo=says(0xA700))))
    assert handlers.on_echo is not None
    request = asked(CEchoRQ(1))
    echo = EchoRequest(request.command, request.context, facts(), None)
    assert status_of(handlers.on_echo(echo)) == 0
    mine = combine(Handlers(on_echo=says(0x0107)))
    assert mine.on_echo is not None
    assert status_of(mine.on_echo(echo)) == 0x0107


def test_instances_go_to_the_sink_and_handler_of_their_class() -> None:
    sink = NullSink()
    with_sink = Handlers(open_sink=lambda request: sink, on_store=says(0xB000))
    handlers = combine(([CT], with_sink), ([MR], Handlers(on_store=says(0))))
    assert handlers.open_sink is not None
    assert handlers.on_store is not None
    assert handlers.open_sink(store(CT)) is sink
    assert isinstance(handlers.open_sink(store(MR)), MemorySink)
    assert status_of(handlers.open_sink(store(MPPS))) == 0x0122
    assert status_of(handlers.on_store(store(CT), None)) == 0xB000
    assert status_of(handlers.on_store(store(MR), b"")) == 0
    assert status_of(handlers.on_store(store(MR), None)) == 0xA700
