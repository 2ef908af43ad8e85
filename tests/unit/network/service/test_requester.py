"""Requests of ours: their turn, their time, their responses, their end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from helpers.lines import Line

from dicomgui.network import AssociationAborted, LocalProtocolError, OperationTimeout, RemoteProtocolError, Status
from dicomgui.network.dimse.assembler import Message
from dicomgui.network.dimse.commands import (
    CCancelRQ,
    CEchoRQ,
    CEchoRSP,
    CFindRQ,
    CFindRSP,
    CStoreRQ,
    CStoreRSP,
    Response,
)
from dicomgui.network.dimse.fragment import BytesSource
from dicomgui.network.service.exchange import MAX_QUEUED_RESPONSES, StreamExchange
from dicomgui.network.service.requester import Requester
from dicomgui.network.service.sender import Sender
from dicomgui.network.tracing import Scribe

FIND = "1.2.840.10008.5.1.4.1.2.2.1"
GONE = AssociationAborted("gone", source=0, reason=0)


class Desk:
    """A requester with a line that goes nowhere."""

    def __init__(self, window: int = 1) -> None:
        self.line: Any = Line()
        self.aborts = 0
        scribe = Scribe(None, 1)
        self.sender = Sender(self.line, scribe, 16_384)
        self.overdue: list[float] = []
        self.is_overdue = asyncio.Event()
        self.requester = Requester(
            self.line,
            self.sender,
            scribe,
            peer="X@h:1",
            window=window,
            abort=self._abort,
            on_overdue=self._on_overdue,
        )

    def _on_overdue(self, seconds: float) -> None:
        self.overdue.append(seconds)
        self.is_overdue.set()

    @property
    def due_s(self) -> float | None:
        """How long the time for the response is that is due first."""
        first = self.requester.first_due
        return None if first is None else first.timeout_s

    def _abort(self) -> None:
        self.aborts += 1
        self.line.is_over = True
        self.requester.end(GONE)

    def echo(self, timeout_s: float | None = 5.0) -> asyncio.Task[Message]:
        command = CEchoRQ(self.requester.next_message_id())
        asking = self.requester.request(1, command, CEchoRSP, timeout_s=timeout_s)
        return asyncio.get_running_loop().create_task(asking)

    async def find(self, timeout_s: float | None = 5.0) -> StreamExchange:
        command = CFindRQ(self.requester.next_message_id(), FIND)
        return await self.requester.open_stream(3, command, CFindRSP, b"keys", timeout_s=timeout_s)

    def give(self, response: Response) -> None:
        self.requester.receive(Message(1, response, None, -1), response)


@pytest.fixture
async def desk() -> Desk:
    return Desk()


async def turn() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_the_time_of_a_response_runs_from_the_end_of_its_request(desk: Desk) -> None:
    task = desk.echo(5.0)
    await turn()
    assert desk.due_s == 5.0
    assert not desk.requester.is_idle
    desk.give(CEchoRSP(1, Status(0)))
    assert (await task).command == CEchoRSP(1, Status(0))
    assert desk.due_s is None
    assert desk.requester.is_idle


async def test_without_a_time_out_there_is_no_deadline(desk: Desk) -> None:
    task = desk.echo(None)
    await turn()
    assert desk.due_s is None
    desk.give(CEchoRSP(1, Status(0)))
    await task


async def test_of_several_the_first_is_watched() -> None:
    desk = Desk(window=0)
    tasks = [desk.echo(9.0), desk.echo(3.0), desk.echo(6.0)]
    await turn()
    assert desk.due_s == 3.0
    desk.give(CEchoRSP(2, Status(0)))
    await turn()
    assert desk.due_s == 6.0
    for number in (1, 3):
        desk.give(CEchoRSP(number, Status(0)))
    await asyncio.gather(*tasks)


async def test_the_next_waits_for_a_place_and_learns_of_the_end(desk: Desk) -> None:
    first, second, third = desk.echo(), desk.echo(), desk.echo()
    await turn()
    assert [c.message_id for c in desk.line.commands] == [1]
    desk.give(CEchoRSP(1, Status(0)))
    await first
    await turn()
    assert [c.message_id for c in desk.line.commands] == [1, 2]
    desk.requester.end(GONE)
    assert await asyncio.gather(second, third, return_exceptions=True) == [GONE, GONE]
    with pytest.raises(LocalProtocolError, match="has ended"):
        await desk.echo()
    with pytest.raises(LocalProtocolError, match="has ended"):
        await desk.find()
    assert [c.message_id for c in desk.line.commands] == [1, 2]


async def test_a_cancel_under_way_aborts_and_one_in_the_row_does_not(desk: Desk) -> None:
    first, second = desk.echo(), desk.echo()
    await turn()
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    assert desk.aborts == 0
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert desk.aborts == 1


async def test_a_stream_is_cancelled_while_its_request_is_sent(desk: Desk) -> None:
    desk.line.fill()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await desk.find()
    assert desk.aborts == 1
    assert desk.requester.is_idle


async def test_a_request_that_cannot_be_sent_leaves_the_association_as_it_was(desk: Desk) -> None:
    desk.line.is_refusing = True
    with pytest.raises(LocalProtocolError):
        await desk.echo()
    with pytest.raises(LocalProtocolError):
        await desk.find()
    assert desk.aborts == 0
    desk.line.is_refusing = False
    task = desk.echo()
    await turn()
    desk.give(CEchoRSP(3, Status(0)))
    assert (await task).command.message_id == 3


async def test_a_message_that_breaks_off_ends_the_association(desk: Desk) -> None:
    class Short(BytesSource):
        def __init__(self, data: bytes) -> None:
            super().__init__(data)
            self.size = 4_000_000

    with pytest.raises(LocalProtocolError):
        await desk.requester.request(
            3, CStoreRQ(1, "1.2", "1.3"), CStoreRSP, Short(bytes(2_000_000)), timeout_s=1.0, is_store=True
        )
    assert desk.aborts == 1


async def test_meanwhile_is_called_when_the_request_is_on_its_way(desk: Desk) -> None:
    seen: list[int] = []
    asking = desk.requester.request(
        1, CEchoRQ(1), CEchoRSP, timeout_s=1.0, meanwhile=lambda: seen.append(len(desk.line.sent))
    )
    task = asyncio.get_running_loop().create_task(asking)
    await turn()
    assert seen == [1]
    desk.give(CEchoRSP(1, Status(0)))
    await task


async def test_a_failure_that_comes_before_all_is_sent_needs_no_deadline(desk: Desk) -> None:
    desk.line.fill()
    asking = desk.requester.request(3, CStoreRQ(1, "1.2", "1.3"), CStoreRSP, BytesSource(b"data"), timeout_s=1.0)
    task = asyncio.get_running_loop().create_task(asking)
    await turn()
    with pytest.raises(RemoteProtocolError, match="not sent yet"):
        desk.give(CStoreRSP(1, Status(0)))
    desk.give(CStoreRSP(1, Status(0xA700)))
    desk.line.empty()
    assert (await task).command == CStoreRSP(1, Status(0xA700))
    assert desk.due_s is None


async def test_each_pending_response_gives_the_next_its_full_time(desk: Desk) -> None:
    stream = await desk.find(5.0)
    assert desk.due_s == 5.0
    desk.give(CFindRSP(1, Status(0xFF00)))
    assert desk.due_s == 5.0
    desk.give(CFindRSP(1, Status(0)))
    assert desk.due_s is None
    desk.requester.end_stream(stream)
    assert desk.requester.is_idle
    assert desk.aborts == 0


async def test_a_stream_that_is_full_holds_and_its_time_stands_still(desk: Desk) -> None:
    stream = await desk.find(5.0)
    for _ in range(MAX_QUEUED_RESPONSES):
        desk.give(CFindRSP(1, Status(0xFF00)))
    assert desk.line.holds == 1
    assert desk.due_s is None
    for _ in range(MAX_QUEUED_RESPONSES):
        await stream.next()
    assert desk.line.holds == 0
    assert desk.due_s == 5.0  # and runs again
    desk.requester.end_stream(stream)
    assert desk.aborts == 1


async def test_a_full_stream_does_not_hold_while_another_request_waits() -> None:
    desk = Desk(window=0)
    stream = await desk.find()
    for _ in range(MAX_QUEUED_RESPONSES):
        desk.give(CFindRSP(1, Status(0xFF00)))
    assert desk.line.holds == 1
    task = desk.echo()
    await turn()
    assert desk.line.holds == 0
    desk.give(CEchoRSP(2, Status(0)))
    await task
    assert desk.line.holds == 1
    desk.requester.end_stream(stream)
    assert desk.line.holds == 0


async def test_a_cancel_is_sent_and_shortens_the_time(desk: Desk) -> None:
    stream = await desk.find(60.0)
    desk.requester.cancel(stream, 1.0)
    assert desk.line.commands[-1] == CCancelRQ(1)
    assert desk.due_s == 1.0
    desk.line.is_over = True
    count = len(desk.line.sent)
    desk.requester.cancel(stream, 1.0)
    assert len(desk.line.sent) == count
    desk.requester.end_stream(stream)


async def test_a_response_that_does_not_come_is_told_once(desk: Desk) -> None:
    task = desk.echo(0.02)
    other = desk.echo(20)  # waits for its turn
    await desk.is_overdue.wait()
    desk.requester.end(GONE)
    assert await asyncio.gather(task, other, return_exceptions=True) == [GONE, GONE]
    assert desk.overdue == [0.02]


async def test_the_timer_of_an_answered_request_tells_of_none_that_came_later(desk: Desk) -> None:
    loop = asyncio.get_running_loop()
    first = desk.echo(0.02)
    await turn()
    desk.give(CEchoRSP(1, Status(0)))
    await first
    second = desk.echo(0.1)
    fired = loop.create_future()
    loop.call_later(0.05, lambda: fired.set_result(list(desk.overdue)))  # after the time of the first
    assert await fired == []
    await desk.is_overdue.wait()  # and the second is watched by then
    desk.requester.end(GONE)
    assert await asyncio.gather(second, return_exceptions=True) == [GONE]
    assert desk.overdue == [0.1]


async def test_nothing_is_watched_once_the_association_is_over(desk: Desk) -> None:
    stream = await desk.find(0.02)
    desk.requester.end(GONE)
    desk.requester.end_stream(stream)
    loop = asyncio.get_running_loop()
    later = loop.create_future()
    loop.call_later(0.04, later.set_result, None)
    await later
    assert desk.overdue == []


async def test_the_task_that_waits_goes_on_within_the_callback_that_brought_the_response(desk: Desk) -> None:
    loop = asyncio.get_running_loop()
    seen: list[int] = []

    async def two() -> None:
        for number in (1, 2):
            await desk.requester.request(1, CEchoRQ(number), CEchoRSP, timeout_s=1.0)

    def come() -> None:
        desk.give(CEchoRSP(1, Status(0)))
        seen.append(len(desk.line.commands))

    task = loop.create_task(two())
    await turn()
    loop.call_soon(come)
    await turn()
    assert seen == [2]  # the second request left before the callback ended
    desk.give(CEchoRSP(2, Status(0)))
    await task


async def test_a_message_can_be_prepared_ahead(desk: Desk) -> None:
    chunks = tuple(desk.requester.prepare(3, CStoreRQ(1, "1.2", "1.3"), BytesSource(b"data")))
    assert desk.line.sent == []
    asking = desk.requester.request(
        3, CStoreRQ(1, "1.2", "1.3"), CStoreRSP, BytesSource(b""), timeout_s=1.0, chunks=chunks
    )
    task = asyncio.get_running_loop().create_task(asking)
    await turn()
    assert [data for _, control, data in desk.line.sent if control == 2] == [b"data"]
    desk.give(CStoreRSP(1, Status(0)))
    await task


async def test_the_wait_for_a_turn_counts_against_the_time_out(desk: Desk) -> None:
    first = desk.echo(20)
    with pytest.raises(OperationTimeout, match=r"another operation .* did not end within 0\.02 s"):
        await desk.echo(0.02)
    assert desk.overdue == []  # the association stands
    desk.give(CEchoRSP(1, Status(0)))
    assert (await first).command == CEchoRSP(1, Status(0))
