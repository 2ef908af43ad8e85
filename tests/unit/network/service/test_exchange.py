"""Requests that wait for responses: message IDs, queues with a limit, and places in a window."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dicomgui.network import ConnectionLost, LocalProtocolError, RemoteProtocolError, Status
from dicomgui.network.dimse.assembler import Message
from dicomgui.network.dimse.commands import CEchoRSP, CFindRSP, Response
from dicomgui.network.dimse.memory import MemoryBudget, MemoryShare
from dicomgui.network.service.exchange import (
    HARD_FACTOR,
    MAX_QUEUED_BYTES,
    MAX_QUEUED_RESPONSES,
    Exchange,
    Exchanges,
    OperationsWindow,
    SingleExchange,
    StreamExchange,
)
from dicomgui.network.service.prompt import PromptFuture


def response(message_id: int = 1, status: int = 0, length: int = -1, data: object = b"") -> Message:
    has_dataset = length >= 0
    command = CFindRSP(message_id, Status(status), has_dataset=has_dataset)
    return Message(1, command, data if has_dataset else None, length)


async def single(message_id: int = 1, timeout_s: float | None = 5.0) -> SingleExchange:
    return SingleExchange(1, message_id, CEchoRSP, timeout_s, PromptFuture(loop=asyncio.get_running_loop()))


class Stream:
    """A stream and what it told."""

    def __init__(self, message_id: int = 1, timeout_s: float | None = 5.0, memory: MemoryShare | None = None) -> None:
        self.told: list[object] = []
        self.exchange = StreamExchange(
            1,
            message_id,
            CFindRSP,
            timeout_s,
            lambda _, hard: self.told.append(hard),
            lambda _: self.told.append("ok"),
            memory,
        )

    def deliver(self, count: int = 1, *, length: int = -1) -> None:
        for _ in range(count):
            self.exchange.deliver(response(status=0xFF00, length=length), is_final=False)

    def finish(self) -> None:
        self.exchange.deliver(response(), is_final=True)

    async def take_all(self) -> int:
        count = 0
        while await self.exchange.next():
            count += 1
        return count


def test_the_base_decides_nothing() -> None:
    exchange = Exchange(1, 1, CEchoRSP, None)
    for ask in (
        lambda: exchange.is_waiting,
        lambda: exchange.deliver(response(), is_final=True),
        lambda: exchange.fail(ConnectionLost("gone")),
    ):
        with pytest.raises(NotImplementedError):
            ask()
    assert not exchange.takes_pending
    assert not exchange.is_full


# message IDs (B06)


def test_b06_ids_begin_at_1_and_wrap_at_65535() -> None:
    exchanges = Exchanges()
    ids = [exchanges.next_message_id() for _ in range(65_536)]
    assert ids[0] == 1
    assert ids[65_534:] == [65_535, 1]
    assert len(set(ids)) == 65_535


async def test_b06_an_id_that_is_pending_is_passed_over() -> None:
    exchanges = Exchanges()
    pending = await single(2)
    exchanges.add(pending)
    assert [exchanges.next_message_id() for _ in range(3)] == [1, 3, 4]
    with pytest.raises(LocalProtocolError, match="2 is in use"):
        exchanges.add(await single(2))
    assert exchanges.forget(pending)
    assert not exchanges.forget(pending)
    assert not exchanges.forget(await single(2))


async def test_b06_with_all_ids_pending_there_is_none() -> None:
    exchanges = Exchanges()
    exchange = await single()
    exchanges.update(dict.fromkeys(range(1, 65_536), exchange))
    with pytest.raises(LocalProtocolError, match="no message ID is left"):
        exchanges.next_message_id()


# matching


def echo(message_id: int = 1, status: int = 0) -> Message:
    return Message(1, CEchoRSP(message_id, Status(status)), None, -1)


def find(exchanges: Exchanges, message: Message, unsent_id: int = 0) -> Exchange:
    command: Any = message.command
    assert isinstance(command, Response)
    return exchanges.find(message, command, unsent_id)


async def test_a_response_finds_its_request() -> None:
    exchanges = Exchanges()
    one, other = await single(1), Stream(2).exchange
    exchanges.add(one)
    exchanges.add(other)
    assert find(exchanges, echo(1)) is one
    assert find(exchanges, response(2, 0xFF00)) is other
    assert find(exchanges, response(2, length=4, data=b"data")) is other


@pytest.mark.parametrize(
    ("message", "unsent_id", "words"),
    [
        (echo(9), 0, "nobody sent"),
        (response(1), 0, "C-FIND-RSP where C-ECHO-RSP was expected"),
        (echo(1, 0xFF00), 0, "pending status"),
        (echo(1), 1, "not sent yet"),
        (response(2, length=4, data=None), 0, "too large"),
    ],
    ids=["nobody", "another kind", "pending", "too early", "too large"],
)
async def test_a_response_that_nobody_waits_for_is_a_fault(message: Message, unsent_id: int, words: str) -> None:
    exchanges = Exchanges()
    exchanges.add(await single(1))
    exchanges.add(Stream(2).exchange)
    with pytest.raises(RemoteProtocolError, match=words) as caught:
        find(exchanges, message, unsent_id)
    assert caught.value.abort_reason == 6


async def test_a_failure_may_come_before_all_is_sent_and_a_second_response_may_not() -> None:
    exchanges = Exchanges()
    exchange = await single(1)
    exchanges.add(exchange)
    assert find(exchanges, echo(1, 0xA700), 1) is exchange
    exchange.deliver(echo(1, 0xA700), is_final=True)
    with pytest.raises(RemoteProtocolError, match="nobody sent"):
        find(exchanges, echo(1))


async def test_the_one_that_is_due_first() -> None:
    exchanges = Exchanges()
    assert exchanges.first_due() is None
    late, soon, never, unsent = await single(1, 9.0), await single(2, 3.0), await single(3, None), await single(4, 1.0)
    for exchange in (late, soon, never, unsent):
        exchanges.add(exchange)
        if exchange is not unsent:
            exchange.wait_from(100.0)
    assert exchanges.first_due() is soon
    assert (late.due, soon.due, never.due) == (109.0, 103.0, None)


async def test_the_end_reaches_everybody_once() -> None:
    exchanges = Exchanges()
    one, other, stream = await single(1), await single(2), Stream(3)
    for exchange in (one, other, stream.exchange):
        exchanges.add(exchange)
    one.deliver(echo(1), is_final=True)
    other.response.cancel()
    exchanges.fail_all(ConnectionLost("gone"))
    exchanges.fail_all(ConnectionLost("again"))
    assert one.response.result() == echo(1)
    with pytest.raises(ConnectionLost, match="gone"):
        await stream.exchange.next()


# streams


async def test_a_stream_gives_what_comes_in_order_and_then_nothing() -> None:
    stream = Stream()
    stream.deliver(3)
    assert stream.exchange.is_waiting
    stream.finish()
    assert not stream.exchange.is_waiting
    assert await stream.take_all() == 4
    assert not await stream.exchange.next()


async def test_who_waits_is_woken_and_may_be_several() -> None:
    stream = Stream()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(stream.exchange.next()) for _ in range(3)]
        await asyncio.sleep(0)
        stream.deliver(1)
        await asyncio.sleep(0)
        stream.finish()
    got = [task.result() for task in tasks]
    assert got.count([]) == 1


async def test_a_cancelled_wait_loses_nothing() -> None:
    stream = Stream()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await stream.exchange.next()
    stream.deliver(1)
    assert await stream.exchange.next()


async def test_a_failure_comes_after_what_has_come() -> None:
    stream = Stream()
    stream.deliver(2)
    stream.exchange.fail(ConnectionLost("gone"))
    stream.exchange.fail(ConnectionLost("again"))
    assert await stream.exchange.next()
    assert await stream.exchange.next()
    with pytest.raises(ConnectionLost, match="gone"):
        await stream.exchange.next()


@pytest.mark.parametrize(("count", "length"), [(MAX_QUEUED_RESPONSES, -1), (4, MAX_QUEUED_BYTES // 4)])
async def test_it_is_full_by_number_or_bytes_until_half_is_taken(count: int, length: int) -> None:
    stream = Stream()
    exchange = stream.exchange
    exchange.wait_from(0.0)
    stream.deliver(count - 1, length=length)
    assert not exchange.is_full
    stream.deliver(1, length=length)
    assert exchange.is_full
    assert exchange.due is None  # its time stands still
    assert stream.told == [False]
    for _ in range(count // 2):
        await exchange.next()
    assert exchange.is_full
    await exchange.next()
    assert not exchange.is_full
    assert stream.told == [False, "ok"]


async def test_a_run_is_delivered_as_one_by_one() -> None:
    stream = Stream()
    run = [response(status=0xFF00, length=4) for _ in range(MAX_QUEUED_RESPONSES - 1)]
    stream.exchange.deliver_run(run)
    assert not stream.exchange.is_full
    stream.exchange.deliver_run(run[:2])
    assert stream.told == [False]
    assert await stream.exchange.next(None) == [*run, *run[:2]]
    stream.exchange.discard()
    stream.exchange.deliver_run(run)
    stream.finish()
    assert await stream.exchange.next(None) == [response()]


async def test_all_that_came_are_taken_at_once() -> None:
    stream = Stream()
    stream.deliver(MAX_QUEUED_RESPONSES, length=4)
    assert len(await stream.exchange.next(None)) == MAX_QUEUED_RESPONSES
    assert stream.told == [False, "ok"]
    stream.deliver(3)
    stream.finish()
    assert [len(await stream.exchange.next(2)), len(await stream.exchange.next(None))] == [2, 2]
    assert await stream.exchange.next(None) == []


async def test_far_too_many_are_told_as_such() -> None:
    stream = Stream()
    stream.deliver(MAX_QUEUED_RESPONSES * HARD_FACTOR)
    assert stream.told[-1] is True
    assert stream.told[-2] is False


@pytest.mark.parametrize("end", ["final", "failure", "drop"])
async def test_the_end_and_dropping_relieve(end: str) -> None:
    stream = Stream()
    stream.deliver(MAX_QUEUED_RESPONSES)
    if end == "final":
        stream.finish()
    elif end == "failure":
        stream.exchange.fail(ConnectionLost("gone"))
    else:
        stream.exchange.drop_queued()
    assert stream.told == [False, "ok"]
    assert not stream.exchange.is_full


async def test_dropping_keeps_only_the_final_response() -> None:
    stream = Stream()
    stream.deliver(3, length=10)
    stream.exchange.drop_queued()
    stream.deliver(2)
    stream.finish()
    stream.exchange.drop_queued()
    assert await stream.exchange.next() == [response()]
    assert not await stream.exchange.next()


async def test_after_discarding_only_the_final_response_is_kept() -> None:
    stream = Stream()
    stream.deliver(3)
    stream.exchange.discard()
    stream.deliver(MAX_QUEUED_RESPONSES)
    assert not stream.exchange.is_full
    stream.finish()
    assert await stream.exchange.next() == [response()]
    assert not await stream.exchange.next()


async def test_dropping_after_a_failure_leaves_the_failure() -> None:
    stream = Stream()
    stream.deliver(3)
    stream.exchange.fail(ConnectionLost("gone"))
    stream.exchange.drop_queued()
    with pytest.raises(ConnectionLost):
        await stream.exchange.next()


async def test_starving_is_who_waits_and_has_room() -> None:
    exchanges, stream = Exchanges(), Stream()
    exchanges.add(stream.exchange)
    assert exchanges.are_starving
    stream.deliver(MAX_QUEUED_RESPONSES)
    assert not exchanges.are_starving
    waiting = await single(2)
    exchanges.add(waiting)
    assert exchanges.are_starving
    waiting.deliver(echo(2), is_final=True)
    assert not exchanges.are_starving


# the window


async def test_a_window_lets_in_as_many_as_it_has_places_in_the_order_of_asking() -> None:
    window = OperationsWindow(2)
    order: list[int] = []

    async def enter(number: int) -> None:
        await window.enter()
        order.append(number)

    async with asyncio.TaskGroup() as group:
        for number in range(4):
            group.create_task(enter(number))
        await asyncio.sleep(0)
        assert order == [0, 1]
        assert not window.try_enter()
        window.leave()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert order == [0, 1, 2]
        window.leave()
    assert order == [0, 1, 2, 3]
    window.leave()
    window.leave()
    assert window.try_enter()
    assert window.try_enter()
    assert not window.try_enter()


async def test_a_window_without_limit_lets_everybody_in() -> None:
    window = OperationsWindow(0)
    for _ in range(1000):
        await window.enter()
    window.leave()


async def test_who_is_cancelled_while_waiting_leaves_the_row() -> None:
    window = OperationsWindow(1)
    await window.enter()
    tasks = [asyncio.get_running_loop().create_task(window.enter()) for _ in range(3)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    await asyncio.gather(tasks[0], return_exceptions=True)
    window.leave()
    await tasks[1]
    assert not tasks[2].done()
    window.leave()
    await tasks[2]


@pytest.mark.parametrize("first", ["leave", "cancel"])
async def test_a_cancel_in_the_moment_of_being_let_in_loses_no_place(first: str) -> None:
    window = OperationsWindow(1)
    await window.enter()
    waiting = asyncio.get_running_loop().create_task(window.enter())
    await asyncio.sleep(0)
    for step in ("leave", "cancel") if first == "leave" else ("cancel", "leave"):
        if step == "leave":
            window.leave()
        else:
            waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert window.try_enter()
    assert not window.try_enter()


async def test_opening_lets_everybody_in_but_who_was_cancelled() -> None:
    window = OperationsWindow(1)
    await window.enter()
    tasks = [asyncio.get_running_loop().create_task(window.enter()) for _ in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    window.open()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(end) for end in ended] == [type(None), asyncio.CancelledError, type(None)]
    await window.enter()


async def test_matches_that_wait_are_charged_to_the_memory_of_all() -> None:
    budget = MemoryBudget(100_000)
    first, second = (Stream(memory=MemoryShare(budget)) for _ in range(2))
    first.deliver(6, length=10_000)
    assert 60_000 < budget.used_bytes < 70_000
    assert first.told == []
    second.deliver(3, length=10_000)
    second.deliver(length=10_000)
    assert second.told == [True]  # nothing more is read, and what has come is kept
    assert budget.used_bytes <= 100_000
    assert len(await first.exchange.next(None)) == 6
    assert second.told == [True]
    assert len(await second.exchange.next()) == 1
    assert second.told == [True, "ok"]
    assert len(await second.exchange.next(None)) == 3
    assert budget.used_bytes == 0


async def test_matches_that_nobody_wants_are_not_charged() -> None:
    budget = MemoryBudget(100_000)
    stream = Stream(memory=MemoryShare(budget))
    stream.deliver(5, length=10_000)
    stream.exchange.discard()
    stream.deliver(5, length=10_000)
    stream.finish()
    assert budget.used_bytes == 0
    other = Stream(memory=MemoryShare(budget))
    other.deliver(5, length=10_000)
    other.finish()
    other.exchange.drop_queued()  # but for the final response
    assert budget.used_bytes == 0


async def test_matches_are_still_there_when_the_association_has_ended() -> None:
    budget = MemoryBudget(100_000)
    share = MemoryShare(budget)
    stream = Stream(memory=share)
    stream.deliver(5, length=10_000)
    share.close()
    stream.exchange.fail(ConnectionLost("gone"))
    assert len(await stream.exchange.next(None)) == 5
    assert budget.used_bytes == 0
