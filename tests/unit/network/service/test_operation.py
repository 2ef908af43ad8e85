"""A C-FIND, C-MOVE or C-GET under way, without a peer."""

from __future__ import annotations

import asyncio
import gc
from types import SimpleNamespace
from typing import Any

import pytest

from dicomgui.network import ConnectionLost, LocalProtocolError, NoAcceptedContext, OperationTimeout, Status
from dicomgui.network.association.params import Timeouts
from dicomgui.network.dimse.assembler import Message
from dicomgui.network.dimse.commands import CFindRSP
from dicomgui.network.service.exchange import StreamExchange
from dicomgui.network.service.operation import Operation

CANCEL_S = 0.8


class Stage:
    """An operation whose peer is the test."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.fault = fault
        self.ended = self.starts = 0
        self.cancels: list[float] = []
        self.dropped: list[Any] = []
        self.answers_cancel = True
        self.aborted = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.exchange = StreamExchange(1, 1, CFindRSP, 1.0, lambda e, hard: None, lambda e: None)
        self.notes: list[str] = []
        connection: Any = SimpleNamespace(
            requests=self,
            peer="X@h:1",
            scribe=SimpleNamespace(cancel=self.notes.append),
            timeouts=Timeouts(cancel_s=CANCEL_S),
        )
        self.op: Operation[int] = Operation(connection, self._start, lambda m, syntax: m.dataset_length, self._on_end)

    async def _start(self) -> tuple[StreamExchange, str]:
        self.starts += 1
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return self.exchange, "1.2"

    def _on_end(self) -> None:
        self.ended += 1

    def cancel(self, exchange: StreamExchange, within_s: float) -> None:
        self.cancels.append(within_s)
        if self.answers_cancel:
            self.finish(0xFE00)

    def drop_stream(self, exchange: StreamExchange, within_s: float, on_end: Any) -> None:
        self.dropped.append((exchange, within_s, on_end))

    def end_stream(self, exchange: StreamExchange) -> None:
        if exchange.is_waiting:
            self.aborted = True
            exchange.fail(ConnectionLost("aborted"))

    def give(self, *numbers: int) -> None:
        for number in numbers:
            self.exchange.deliver(Message(1, CFindRSP(1, Status(0xFF00)), b"", number), is_final=False)

    def finish(self, status: int = 0) -> None:
        self.exchange.deliver(Message(1, CFindRSP(1, Status(status)), None, -1), is_final=True)


@pytest.fixture
async def stage() -> Stage:
    return Stage()


async def test_nothing_begins_before_it_is_asked_for_and_it_ends_once(stage: Stage) -> None:
    assert stage.starts == 0
    stage.give(1, 2)
    stage.finish()
    async with stage.op as op:
        assert [item async for item in op] == [1, 2]
    assert (await op.result()).status == 0
    assert [item async for item in op] == []
    assert (stage.starts, stage.ended, stage.cancels, stage.aborted) == (1, 1, [], False)


async def test_what_came_is_taken_in_batches_and_one_by_one(stage: Stage) -> None:
    stage.give(1, 2, 3, 4)
    async with stage.op as op:
        assert await anext(op) == 1
        assert await op.batch() == [2, 3, 4]
        stage.give(5)
        stage.finish()
        assert await op.batch() == [5]
        assert await op.batch() == []
    assert (await op.result()).status == 0
    assert (stage.ended, stage.cancels) == (1, [])


async def test_a_batch_after_a_cancel_is_empty(stage: Stage) -> None:
    stage.give(1, 2)
    async with stage.op as op:
        stage.answers_cancel = False
        task = asyncio.create_task(op.cancel(within_s=5))
        await asyncio.sleep(0)
        stage.give(3)
        stage.finish(0xFE00)
        assert await op.batch() == []
        assert (await task).status == 0xFE00


async def test_awaiting_it_passes_over_what_comes(stage: Stage) -> None:
    stage.give(1, 2)
    stage.finish(0xB000)
    assert (await stage.op).status == 0xB000


async def test_a_start_that_fails_is_raised_and_remembered(stage: Stage) -> None:
    stage.fault = NoAcceptedContext("none", sop_class="1.2", offered=(), accepted=())
    with pytest.raises(NoAcceptedContext):
        await stage.op
    with pytest.raises(NoAcceptedContext):
        await stage.op.result()
    with pytest.raises(NoAcceptedContext):
        await stage.op.cancel()
    assert (stage.starts, stage.ended) == (1, 0)


async def test_a_start_that_fails_in_an_odd_way_is_raised(stage: Stage) -> None:
    stage.fault = ValueError("odd")
    with pytest.raises(ValueError, match="odd"):
        async with stage.op:
            raise AssertionError("not entered")
    with pytest.raises(LocalProtocolError):
        await stage.op.result()


async def test_a_loss_is_raised_at_each_question(stage: Stage) -> None:
    stage.give(1)
    stage.exchange.fail(ConnectionLost("gone"))
    op = stage.op
    assert await anext(op) == 1
    for ask in (op.__anext__, op.result, op.cancel):
        with pytest.raises(ConnectionLost):
            await ask()
    assert stage.ended == 1


async def test_a_converter_that_fails_is_no_reason_to_lose_the_operation(stage: Stage) -> None:
    stage.op._convert = lambda message, syntax: 1 // 0
    stage.give(1)
    with pytest.raises(ZeroDivisionError):
        async with stage.op as op:
            await anext(op)
    assert stage.cancels == [CANCEL_S]
    assert not stage.aborted


async def test_leaving_early_cancels_and_a_deaf_peer_is_noted(stage: Stage) -> None:
    stage.answers_cancel = False
    stage.give(1)
    async with stage.op as op:
        await anext(op)
        stage.exchange.fail(ConnectionLost("gone"))
    assert stage.ended == 1
    assert "gone" in stage.notes[0]


async def test_cancelling_in_time_gives_the_response_and_too_late_an_error(stage: Stage) -> None:
    async with stage.op as op:
        assert (await op.cancel(within_s=0.1)).status == 0xFE00
        assert op.is_cancelled
    deaf = Stage()
    deaf.answers_cancel = False
    async with deaf.op as op:
        with pytest.raises(OperationTimeout, match=r"0\.01 s"):
            await op.cancel(within_s=0.01)
    assert deaf.aborted
    with pytest.raises(OperationTimeout):
        await op.result()


async def test_an_end_in_the_moment_of_the_time_out_counts(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The response is there although the wait for it was given up: the association stands, and so does the response."""
    stage.answers_cancel = False
    take = StreamExchange.next

    async def too_late(exchange: StreamExchange, most: int | None) -> list[Message]:
        try:
            return await take(exchange, most)
        except asyncio.CancelledError:
            stage.finish(0xFE00)
            raise

    monkeypatch.setattr(StreamExchange, "next", too_late)
    async with stage.op as op:
        assert (await op.cancel(within_s=0.01)).status == 0xFE00
    assert not stage.aborted
    assert stage.ended == 1


async def test_a_time_out_around_a_cancel_is_not_the_peers(stage: Stage) -> None:
    stage.answers_cancel = False
    async with stage.op as op:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.01):
                await op.cancel(within_s=20)
        assert not isinstance(caught.value, OperationTimeout)
    assert stage.aborted


async def test_a_time_out_of_the_association_during_a_cancel_is_told_as_it_is(stage: Stage) -> None:
    stage.answers_cancel = False
    async with stage.op as op:
        fault = OperationTimeout("no response within 1 s", phase="response")
        asyncio.get_running_loop().call_soon(stage.exchange.fail, fault)
        with pytest.raises(OperationTimeout) as caught:
            await op.cancel()
        assert caught.value is fault


async def test_a_cancel_during_the_start_waits_for_it(stage: Stage) -> None:
    stage.gate.clear()
    async with asyncio.TaskGroup() as group:
        result = group.create_task(stage.op.result())
        await asyncio.sleep(0)
        cancelling = group.create_task(stage.op.cancel())
        await asyncio.sleep(0)
        stage.gate.set()
    assert result.result() == cancelling.result()
    assert result.result().status == 0xFE00


async def test_a_start_that_fails_under_a_cancel_is_the_error_of_both(stage: Stage) -> None:
    stage.gate.clear()
    stage.fault = ConnectionLost("gone")
    result = asyncio.get_running_loop().create_task(stage.op.result())
    await asyncio.sleep(0)
    cancelling = asyncio.get_running_loop().create_task(stage.op.cancel())
    await asyncio.sleep(0)
    stage.gate.set()
    assert await asyncio.gather(result, cancelling, return_exceptions=True) == [stage.fault, stage.fault]


@pytest.mark.parametrize("entered", [False, True])
async def test_a_cancelled_wait_ends_it_unless_a_block_will(stage: Stage, entered: bool) -> None:
    if entered:
        await stage.op.__aenter__()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await anext(stage.op)
    assert stage.aborted is not entered
    await stage.op.__aexit__(None, None, None)
    assert stage.cancels == ([CANCEL_S] if entered else [])


async def test_a_second_task_that_iterates_during_the_start_gets_nothing(stage: Stage) -> None:
    stage.gate.clear()
    first = asyncio.get_running_loop().create_task(stage.op.result())
    await asyncio.sleep(0)
    assert [item async for item in stage.op] == []
    stage.finish()
    stage.gate.set()
    assert (await first).status == 0


def drop(stage: Stage) -> None:
    del stage.op
    gc.collect()


async def test_one_that_is_dropped_in_its_middle_warns_and_is_cancelled(stage: Stage) -> None:
    stage.give(1, 2)
    async for _ in stage.op:
        break
    with pytest.warns(ResourceWarning, match="an operation of CFind with X@h:1 was dropped before its end"):
        drop(stage)
    await asyncio.sleep(0)
    [(exchange, within_s, on_end)] = stage.dropped
    assert (exchange, within_s, on_end) == (stage.exchange, CANCEL_S, stage._on_end)


async def test_one_that_has_ended_is_dropped_without_a_word(stage: Stage) -> None:
    stage.finish()
    assert [number async for number in stage.op] == []
    del stage.op
    gc.collect()
    await asyncio.sleep(0)
    assert stage.dropped == []
