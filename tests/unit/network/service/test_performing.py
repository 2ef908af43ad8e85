"""Handlers under way: streams of answers, and the pressure that ends them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import pytest
from pydicom.dataset import Dataset

from dicomgui.network import Match, Reply, Status
from dicomgui.network.association.contexts import AcceptedContext
from dicomgui.network.dimse.commands import CFindRQ
from dicomgui.network.service import performing
from dicomgui.network.service.performing import Pressure, iterate, perform_find
from dicomgui.network.service.requests import OperationRequest
from dicomgui.network.service.results import Matches

FIND = "1.2.840.10008.5.1.4.1.2.2.1"


def request() -> OperationRequest[CFindRQ]:
    context = AcceptedContext(1, FIND, "1.2.840.10008.1.2", as_scu=False, as_scp=True)
    return OperationRequest(CFindRQ(1, FIND), context, None, None, b"")


class Sent:
    def __init__(self) -> None:
        self.data: list[bytes | None] = []
        self.statuses: list[int] = []

    async def __call__(self, response: Any, data: bytes | None) -> None:
        self.data.append(data)
        self.statuses.append(response.status)
        await asyncio.sleep(0)

    async def all(self, response: Any, data: Sequence[bytes], is_wanted: Callable[[], bool]) -> None:
        """One by one, but a message that is not wanted."""
        for one in data:
            if is_wanted():
                await self(response, one)


async def find(handler: Any, asked: Any = None, pressure: Pressure | None = None) -> tuple[Sent, object]:
    sent = Sent()
    outcome = await perform_find(asked or request(), handler, sent, sent.all, pressure or Pressure(lambda: True))
    return sent, outcome


async def test_it_sends_what_it_is_given_and_succeeds() -> None:
    sent, outcome = await find(lambda asked: [b"one", None, Match(b"two", Status(0xFF01)), Dataset()])
    assert (sent.data, outcome) == ([b"one", b"two", b""], Status(0))
    assert sent.statuses == [0xFF00, 0xFF01, 0xFF00]


async def test_many_matches_go_together_with_one_status() -> None:
    sent, outcome = await find(lambda asked: [Matches([b"one", b"two"], Status(0xFF01)), b"three", Matches([])])
    assert (sent.data, outcome) == ([b"one", b"two", b"three"], Status(0))
    assert sent.statuses == [0xFF01, 0xFF01, 0xFF00]


async def test_a_cancel_ends_many_matches_in_their_middle() -> None:
    asked = request()

    class Cancelling(Sent):
        async def __call__(self, response: Any, data: bytes | None) -> None:
            await super().__call__(response, data)
            asked.cancel()

    sent = Cancelling()
    outcome = await perform_find(
        asked, lambda asked: [Matches([b"one", b"two"]), b"three"], sent, sent.all, Pressure(lambda: True)
    )
    assert (sent.data, outcome) == ([b"one"], Status(0xFE00))


@pytest.mark.parametrize("final", [Status(0xA700), Reply(Status(0xC000), "why")])
async def test_a_status_ends_it(final: object) -> None:
    sent, outcome = await find(lambda asked: [b"one", final, b"never"])
    assert (sent.data, outcome) == ([b"one"], final)
    assert (await find(lambda asked: final))[1] is final


async def test_what_is_no_answer_is_a_fault_of_the_handler() -> None:
    with pytest.raises(TypeError):
        await find(lambda asked: None)


async def test_generators_are_closed_when_it_ends_before_them() -> None:
    closed: list[str] = []

    def plain(asked: object) -> Iterator[object]:
        try:
            while True:
                yield b"x"
                request_.cancel()
        finally:
            closed.append("plain")

    async def coroutine(asked: object) -> AsyncIterator[object]:
        try:
            while True:
                yield b"x"
                request_.cancel()
        finally:
            closed.append("async")

    for handler in (plain, coroutine):
        request_ = request()
        sent, outcome = await find(handler, request_)
        assert outcome == 0xFE00
        assert len(sent.data) == 1
    assert closed == ["plain", "async"]


async def test_when_nobody_is_left_it_asks_for_no_more() -> None:
    sent, outcome = await find(lambda asked: [b"x"], pressure=Pressure(lambda: False))
    assert (sent.data, outcome) == ([], Status(0xFE00))


async def test_a_plain_generator_that_never_waits_lets_the_loop_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(performing, "SLICE_S", -1.0)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while not taking.done():
            turns += 1
            await asyncio.sleep(0)

    async def take() -> int:
        return len([item async for item in iterate(range(50))])

    async with asyncio.TaskGroup() as group:
        taking = group.create_task(take())
        group.create_task(count())
    assert taking.result() == 50
    assert turns >= 50


async def hang() -> int:
    await asyncio.Event().wait()
    return 1


async def test_pressure_ends_what_hangs_and_the_task_goes_on() -> None:
    pressure = Pressure(lambda: True)
    pressure.press()  # nothing runs: nothing happens
    asyncio.get_running_loop().call_soon(pressure.press)
    asyncio.get_running_loop().call_soon(pressure.press)
    assert await pressure.run(hang()) is None
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    assert await pressure.run(asyncio.sleep(0, 7)) == 7


async def test_pressure_on_who_takes_no_notice_leaves_no_trace() -> None:
    async def stubborn() -> int:
        try:
            return await hang()
        except asyncio.CancelledError:
            return 2

    pressure = Pressure(lambda: True)
    asyncio.get_running_loop().call_soon(pressure.press)
    assert await pressure.run(stubborn()) == 2
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


@pytest.mark.parametrize("pressed", [False, True])
async def test_a_cancel_of_the_task_itself_goes_through(pressed: bool) -> None:
    pressure = Pressure(lambda: True)
    task = asyncio.get_running_loop().create_task(pressure.run(hang()))
    await asyncio.sleep(0)
    if pressed:
        pressure.press()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_with_nobody_left_pressure_is_a_cancel() -> None:
    pressure = Pressure(lambda: False)
    task = asyncio.get_running_loop().create_task(pressure.run(hang()))
    await asyncio.sleep(0)
    pressure.press()
    with pytest.raises(asyncio.CancelledError):
        await task
