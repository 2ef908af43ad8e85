"""The provider: which request is performed when, by whom, and what becomes of it."""

from __future__ import annotations

import asyncio
import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest
from helpers.bad_peer import reached
from pydicom.dataset import Dataset

from dicomgui.network import AssociationFacts, Handlers, Reply, Status
from dicomgui.network.association.contexts import AcceptedContext
from dicomgui.network.association.params import Limits
from dicomgui.network.dimse.assembler import MemorySink, Message, NullSink
from dicomgui.network.dimse.commands import (
    CCancelRQ,
    CEchoRQ,
    CFindRQ,
    CGetRQ,
    CMoveRQ,
    Command,
    CStoreRQ,
    NActionRQ,
    NCreateRQ,
    NEventReportRQ,
    NGetRQ,
    NSetRQ,
    UnknownCommand,
    answer,
)
from dicomgui.network.dimse.memory import MemoryShare
from dicomgui.network.service import provider as module
from dicomgui.network.service.instance_check import Strictness
from dicomgui.network.service.provider import Provider
from dicomgui.network.service.resources import Resources
from dicomgui.network.transport import TaskOwner
from dicomgui.network.uids import VERIFICATION

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
MOVE, GET = "1.2.840.10008.5.1.4.1.2.2.2", "1.2.840.10008.5.1.4.1.2.2.3"
MPPS = "1.2.840.10008.3.1.2.3.3"
COMMITMENT = "1.2.840.10008.1.20.1"
NOTIFICATION = "1.2.840.10008.3.1.2.3.5"
RETRIEVE = "1.2.840.10008.3.1.2.3.4"
STORED = Status(0)


def context(uid: str, *, scp: bool = True) -> AcceptedContext:
    return AcceptedContext(1, uid, "1.2.840.10008.1.2", as_scu=True, as_scp=scp)


class House:
    """A provider whose connection is the test."""

    def __init__(
        self, handlers: Handlers, window: int = 1, limits: Limits | None = None, strictness: Strictness = Strictness.ANY
    ) -> None:
        self.resources = Resources(limits or Limits())
        self.memory = MemoryShare(self.resources.memory)
        self.instance_memory = MemoryShare(self.resources.instance_memory)
        self.command_length = 100
        self.answers: list[tuple[int, int]] = []
        self.answered: list[Any] = []
        self.data: list[bytes] = []
        self.full: list[bool | None] = []
        self.idle = 0
        self.is_over = False
        self.negotiated = SimpleNamespace(max_performed=window)
        self.requests = SimpleNamespace(brake=self)
        self.scribe = SimpleNamespace(note=lambda *values: None)
        self.tasks = TaskOwner("test")
        self.provider = Provider(handlers, self.tasks, strictness=strictness)
        facts = AssociationFacts(1, "h:1", "A", "B", "", "")
        connection: Any = self
        user: Any = SimpleNamespace()
        self.provider.attach(connection, facts, user)
        self.provider.on_idle = self._on_idle

    def _on_idle(self) -> None:
        self.idle += 1

    def respond(self, context_id: int, response: Any) -> None:
        self.answered.append(response)
        self.answers.append((response.message_id, int(response.status)))

    def answer(self, context_id: int, request: Any, status: Status) -> None:
        self.respond(context_id, answer(request, status))

    async def respond_with(self, context_id: int, response: Any, data: bytes) -> None:
        self.respond(context_id, response)
        self.data.append(data)

    async def respond_with_each(self, context_id: int, response: Any, data: Any, is_wanted: Any) -> None:
        for one in data:
            await self.respond_with(context_id, response, one)

    async def drain(self) -> None:
        await asyncio.sleep(0)

    def press(self, by: object, *, is_hard: bool = False) -> None:
        self.full.append(is_hard)

    def release(self, by: object) -> None:
        if self.full and self.full[-1] is not None:
            self.full.append(None)

    def give(self, command: Command, *, data: bytes | None = None, uid: str | None = None, scp: bool = True) -> None:
        """A whole message arrives."""
        where = context(uid or command.sop_class_uid or VERIFICATION, scp=scp)
        result: object = None
        if data is not None:
            sink = self.provider.open_sink(where, command)
            sink.write(memoryview(data))
            result = sink.finish()
        self.provider.receive(where, Message(1, command, result, -1 if data is None else len(data)))

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)


def echo(number: int) -> CEchoRQ:
    return CEchoRQ(number)


def find(number: int) -> CFindRQ:
    return CFindRQ(number, FIND)


class Gates:
    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.begun: list[int] = []

    async def __call__(self, request: Any, *more: object) -> Status:
        self.begun.append(request.command.message_id)
        await self.gate.wait()
        return STORED


async def test_a_handler_that_answers_at_once_costs_no_task() -> None:
    house = House(Handlers(on_store=lambda request, data: STORED, on_echo=lambda request: Reply(STORED)))
    house.give(echo(1))
    house.give(CStoreRQ(2, CT, "1.2.3"), data=b"data")
    assert house.answers == [(1, 0), (2, 0)]
    assert len(house.tasks) == 0
    assert house.idle == 2
    assert not house.provider.is_busy


async def test_one_after_the_other_without_a_window() -> None:
    gates = Gates()
    house = House(Handlers(on_echo=gates))
    for number in (1, 2, 3):
        house.give(echo(number))
    await house.settle()
    assert gates.begun == [1]
    assert house.provider.is_busy
    gates.gate.set()
    await house.settle()
    assert gates.begun == [1, 2, 3]
    assert house.answers == [(1, 0), (2, 0), (3, 0)]
    assert house.idle == 1


async def test_at_once_within_a_window_and_never_more_than_64() -> None:
    for window, most in ((3, 3), (0, module.MAX_AT_ONCE), (1000, module.MAX_AT_ONCE)):
        gates = Gates()
        house = House(Handlers(on_echo=gates), window)
        for number in range(1, 67):
            house.give(echo(number))
        await house.settle()
        assert len(gates.begun) == most
        await house.tasks.close()


async def test_too_many_press_the_brake_and_far_too_many_press_it_hard() -> None:
    gates = Gates()
    house = House(Handlers(on_echo=gates))
    for number in range(1, 2 + module.MAX_WAITING):
        house.give(echo(number))
    assert house.full == []
    house.give(echo(100))
    assert house.full == [False]
    for number in range(101, 101 + module.MAX_WAITING * module.HARD_FACTOR):
        house.give(echo(number))
    assert house.full[-1] is True
    gates.gate.set()
    await house.settle()
    await house.settle()
    while house.provider.is_busy:
        await house.settle()
    assert house.full[-1] is None
    assert house.full.count(None) == 1


async def test_an_id_in_use_is_refused_whether_its_request_runs_or_waits() -> None:
    house = House(Handlers(on_echo=Gates()))
    for number in (1, 2, 1, 2):
        house.give(echo(number))
    assert house.answers == [(1, 0x0210), (2, 0x0210)]
    await house.tasks.close()


@pytest.mark.parametrize(
    ("command", "data", "uid", "scp", "status"),
    [
        (CStoreRQ(1, CT, "1.2.3"), b"", None, False, 0x0122),
        (CStoreRQ(1, CT, "1.2.3"), b"", FIND, True, 0x0122),
        (CStoreRQ(1, CT, "no uid"), b"", None, True, 0x0117),
        (CStoreRQ(1, CT, ""), None, None, True, 0x0117),
        (CStoreRQ(1, CT, "1.2.3"), None, None, True, 0xC000),
        (CEchoRQ(1), None, None, False, 0x0122),
        (CEchoRQ(1), None, CT, True, 0x0122),
        (CFindRQ(1, FIND), None, None, True, 0xC000),
        (CFindRQ(1, FIND), b"", CT, True, 0x0122),
        (CFindRQ(1, FIND), b"", None, False, 0x0122),
        (CMoveRQ(1, FIND, "D"), b"", None, True, 0x0211),
        (CGetRQ(1, FIND), b"", None, True, 0x0211),
        (NGetRQ(1, RETRIEVE, "1.2"), None, None, True, 0x0211),
        (NGetRQ(1, RETRIEVE, "1.2"), None, None, False, 0x0122),
        (NGetRQ(1, MPPS, "1.2"), None, None, True, 0x0211),
        (NGetRQ(1, MPPS, "1.2"), None, VERIFICATION, True, 0x0118),
        (NGetRQ(1, RETRIEVE, "1..2"), None, None, True, 0x0117),
        (NEventReportRQ(1, NOTIFICATION, "1.2", 1), None, None, False, 0x0211),
        (UnknownCommand(1, 0x0999), None, None, True, 0x0211),
    ],
    ids=lambda value: value.name if hasattr(value, "name") else "",
)
async def test_what_is_refused_whatever_the_handler_thinks(
    command: Command, data: bytes | None, uid: str | None, scp: bool, status: int
) -> None:
    def never(*values: object) -> Any:
        raise AssertionError("asked")

    house = House(Handlers(on_store=never, on_find=never))
    has_dataset = data is not None
    if isinstance(command, CFindRQ | CMoveRQ | CGetRQ):
        command = dataclasses.replace(command, has_dataset=has_dataset)
    house.give(command, data=data, uid=uid, scp=scp)
    await house.settle()
    assert house.answers == [(1, status)]
    assert getattr(house.answered[0], "error_comment", "x")


def test_a_sop_class_that_was_permitted_permits_no_other_on_its_context() -> None:
    house = House(Handlers(on_store=lambda request, data: STORED))
    for number, sop_class in enumerate((CT, CT, MR, CT, "", MR)):  # PS3.7 9.1.1.1.9, PS3.4 B.2.3
        house.give(CStoreRQ(number, sop_class, "1.2.3"), data=b"", uid=CT)
    house.give(CStoreRQ(6, CT, "no uid"), data=b"", uid=CT)
    house.give(CStoreRQ(7, CT, "1.2.3"), data=b"", uid=CT, scp=False)
    statuses = (0, 0, 0x0122, 0, 0x0122, 0x0122, 0x0117, 0x0122)
    assert house.answers == list(enumerate(statuses))


async def test_a_data_set_that_is_too_large_is_refused() -> None:
    limits = Limits(max_attributes_length=3, max_instance_memory=3)
    house = House(Handlers(on_store=lambda request, data: STORED, on_n_set=lambda request: STORED), limits=limits)
    house.give(CStoreRQ(1, CT, "1.2.3"), data=b"data")
    house.give(NSetRQ(2, MPPS, "1.2"), data=b"data")
    house.give(NSetRQ(3, MPPS, "1.2"), data=b"")
    assert house.answers == [(1, 0xA700), (2, 0x0213), (3, 0)]


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (NCreateRQ(1, MPPS, "1.2"), 0x0110),
        (NSetRQ(1, MPPS, "1.2"), 0x0110),
        (NActionRQ(1, COMMITMENT, "1.2", 1), 0x0110),
        (CFindRQ(1, FIND), 0xC000),
        (CMoveRQ(1, MOVE, "THERE"), 0xC000),
        (CGetRQ(1, GET), 0xC000),
    ],
    ids=lambda value: getattr(value, "name", None),
)
@pytest.mark.parametrize(
    "data", [b"garbage!garbage!", b"\x08\x00\x60\x00\x04\x00\x00\x00CT", bytes(range(200))], ids=len
)
async def test_what_no_reader_can_read_reaches_no_handler(command: Command, status: int, data: bytes) -> None:
    asked: list[object] = []
    told: list[int] = []
    names = ("n_create", "n_set", "n_action", "find", "move", "get")
    handlers = Handlers(**{f"on_{name}": asked.append for name in names})
    house = House(dataclasses.replace(handlers, on_refused=lambda facts, command, reply: told.append(reply.status)))
    command = dataclasses.replace(command, has_dataset=True)
    house.give(command, data=data)
    assert house.answers == [(1, status)]
    assert told == [status]
    assert not asked


async def test_sinks_are_chosen_by_kind() -> None:
    house = House(Handlers(on_store=lambda request, data: STORED))
    assert not isinstance(house.provider.open_sink(context(CT), CStoreRQ(1, CT, "1.2.3")), NullSink)
    assert isinstance(house.provider.open_sink(context(MPPS), NSetRQ(1, MPPS, "1.2")), MemorySink)
    assert isinstance(house.provider.open_sink(context(CT), UnknownCommand(1, 0x0999)), NullSink)
    assert isinstance(house.provider.open_sink(context(CT, scp=False), CStoreRQ(1, CT, "1.2.3")), NullSink)


@pytest.mark.parametrize("chosen", [Status(0xA700), Reply(Status(0xA700), "full"), ValueError("broken")], ids=str)
async def test_a_sink_may_be_refused(chosen: object) -> None:
    def opener(request: object) -> Any:
        if isinstance(chosen, Exception):
            raise chosen
        return chosen

    house = House(Handlers(open_sink=opener, on_store=lambda request, data: STORED))
    house.give(CStoreRQ(1, CT, "1.2.3"), data=b"data")
    assert house.answers == [(1, 0x0110 if isinstance(chosen, Exception) else 0xA700)]


@pytest.mark.parametrize("where", ["write", "finish", "abandon"])
async def test_b17_a_sink_that_raises_costs_its_instance_only(where: str) -> None:
    class Sink:
        def write(self, data: memoryview) -> None:
            if where in ("write", "abandon"):
                raise ValueError("broken")

        def finish(self) -> object:
            raise ValueError("broken")

        def abandon(self) -> None:
            if where == "abandon":
                raise ValueError("broken too")

    house = House(Handlers(open_sink=lambda request: Sink(), on_store=lambda request, data: STORED))
    house.give(CStoreRQ(1, CT, "1.2.3"), data=b"data")
    assert house.answers == [(1, 0x0110)]
    house.provider.open_sink(context(CT), CStoreRQ(2, CT, "1.2.3")).abandon()


async def test_a_store_of_a_c_get_goes_to_whom_it_was_opened_for() -> None:
    got: list[str] = []
    gates = Gates()

    def store_by(name: str) -> Any:
        return lambda request, data: got.append(name) or STORED

    house = House(Handlers(on_echo=gates, on_store=store_by("server")))
    house.give(echo(1))
    house.provider.receive_by(Handlers(on_store=store_by("get")))
    house.give(CStoreRQ(2, CT, "1.2.3"), data=b"data")
    house.provider.receive_by(None)  # over before its turn has come
    house.give(CStoreRQ(3, CT, "1.2.3"), data=b"data")
    gates.gate.set()
    await house.settle()
    assert got == ["get", "server"]


@pytest.mark.parametrize("answer", [None, 7, ValueError("broken")], ids=str)
@pytest.mark.parametrize("later", [False, True])
async def test_b17_what_is_no_answer_is_0110(answer: object, later: bool) -> None:
    def now(request: object) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def coroutine(request: object) -> Any:
        return now(request)

    handler = coroutine if later else now
    house = House(Handlers(on_n_get=handler))
    house.give(NGetRQ(1, RETRIEVE, "1.2"))
    await house.settle()
    assert house.answers == [(1, 0x0110)]


@pytest.mark.parametrize("answer", [Dataset(), Reply(STORED, dataset=Dataset()), Reply(STORED, dataset=b"")])
async def test_an_answer_with_a_data_set(answer: Any) -> None:
    house = House(Handlers(on_n_get=lambda request: answer))
    house.give(NGetRQ(1, RETRIEVE, "1.2"))
    await house.settle()
    assert house.answers == [(1, 0)]
    assert house.answered[0].has_dataset
    assert house.data == [b""]


# C-CANCEL


async def test_a_cancel_reaches_its_own_request_and_nothing_else() -> None:
    asked: list[Any] = []

    async def wait(request: Any) -> Status:
        asked.append(request)
        await request.wait_cancelled()
        return Status(0xFE00)

    house = House(Handlers(on_find=wait, on_echo=Gates()), window=0)
    house.give(find(1), data=b"")
    house.give(find(2), data=b"")
    house.give(echo(3))
    await house.settle()
    house.give(CCancelRQ(9), uid=FIND)
    house.give(CCancelRQ(3), uid=FIND)
    house.give(CCancelRQ(2), uid=FIND)
    house.give(CCancelRQ(2), uid=FIND)
    await house.settle()
    assert [request.is_cancelled for request in asked] == [False, True]
    assert house.answers == [(2, 0xFE00)]
    await house.tasks.close()


async def test_a_cancel_of_a_request_in_the_row_takes_its_place() -> None:
    gates = Gates()

    def never(request: object) -> Any:
        raise AssertionError("asked")

    house = House(Handlers(on_echo=gates, on_find=never))
    house.give(echo(1))
    house.give(find(2), data=b"")
    house.give(CCancelRQ(2), uid=FIND)
    gates.gate.set()
    await house.settle()
    assert house.answers == [(1, 0), (2, 0xFE00)]


async def test_who_takes_no_notice_is_ended_after_the_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CANCEL_GRACE_S", 0.01)

    async def deaf(request: Any) -> Status:
        await asyncio.Event().wait()
        return STORED

    house = House(Handlers(on_find=deaf))
    house.give(find(1), data=b"")
    await house.settle()
    house.give(CCancelRQ(1), uid=FIND)
    await reached(lambda: not house.provider.is_busy, "it is answered")
    assert house.answers == [(1, 0xFE00)]


async def test_matches_go_as_pending_responses() -> None:
    house = House(Handlers(on_find=lambda request: [b"one", b"two"]))
    house.give(find(1), data=b"")
    await house.settle()
    assert house.answers == [(1, 0xFF00), (1, 0xFF00), (1, 0)]
    assert house.data == [b"one", b"two"]


async def test_progress_goes_without_data() -> None:
    house = House(Handlers(on_get=lambda request: [object()]))
    house.give(CGetRQ(1, "1.2.840.10008.5.1.4.1.2.2.3"), data=b"")
    await house.settle()
    assert house.answers == [(1, 0xFF00), (1, 0xA702)]
