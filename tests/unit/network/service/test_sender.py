"""Messages on their way out: one whole message after the other."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from helpers.lines import Line

from dicomgui.network import LocalProtocolError, Status
from dicomgui.network.dimse.command_set import decode
from dicomgui.network.dimse.commands import CEchoRQ, CEchoRSP, CFindRSP, CStoreRQ
from dicomgui.network.dimse.commands import answer as answer_to
from dicomgui.network.dimse.fragment import BytesSource, Chunk
from dicomgui.network.service import sender as module
from dicomgui.network.service.sender import Sender
from dicomgui.network.tracing import DimseRecord, Direction, Record, Scribe
from dicomgui.network.transport import TellMessage

CT = "1.2.840.10008.5.1.4.1.1.2"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
STORE = CStoreRQ(1, CT, "1.2.3")


@pytest.fixture
async def line() -> Line:
    return Line()


def make(line: Any, records: list[Record] | None = None, max_length: int = 4096) -> Sender:
    return Sender(line, Scribe(None if records is None else records.append, 1), max_length)


def answer(number: int) -> CEchoRSP:
    return CEchoRSP(number, Status(0))


async def test_a_message_without_data_goes_at_once(line: Line) -> None:
    records: list[Record] = []
    sender = make(line, records)
    sender.post(1, answer(7))
    assert line.commands == [answer(7)]
    [record] = records
    assert isinstance(record, DimseRecord)
    assert (record.direction, record.message_id, record.dataset_length) == (Direction.SENT, 7, -1)


@pytest.mark.parametrize("request_", [STORE, CEchoRQ(7)], ids=["store", "echo"])
async def test_a_plain_answer_is_told_as_any_other(line: Line, request_: CStoreRQ | CEchoRQ) -> None:
    quick: list[Record] = []
    plain: list[Record] = []
    make(line, quick).answer(1, request_, Status(0xB000))
    make(line, plain).post(1, answer_to(request_, Status(0xB000)))
    assert line.commands[0] == line.commands[1]
    assert line.sent[0] == line.sent[1]
    assert [record[3:] for record in quick] == [record[3:] for record in plain]


async def test_a_plain_answer_keeps_to_what_the_peer_takes(line: Line) -> None:
    """A length below 4096 is no promise of ours to the peer, so that one may well ask for little."""
    make(line, max_length=40).answer(1, STORE, Status(0))
    assert all(len(data) <= 34 for _, _, data in line.sent)
    assert decode(b"".join(data for _, _, data in line.sent)) == answer_to(STORE, Status(0))


async def test_annex_e_a_plain_answer_during_a_message_comes_right_after_it(line: Line) -> None:
    sender = make(line)
    line.fill()
    async with asyncio.TaskGroup() as group:
        group.create_task(sender.send(3, STORE, BytesSource(bytes(1_000_000)), is_store=True))
        await asyncio.sleep(0)
        sender.answer(1, CEchoRQ(8), Status(0))
        assert line.commands == []
        line.empty()
    assert line.sent[-1][0] == 1
    assert {context for context, _, _ in line.sent[:-1]} == {3}
    assert line.commands == [STORE, answer_to(CEchoRQ(8), Status(0))]


async def test_annex_e_what_is_posted_during_a_message_comes_right_after_it(line: Line) -> None:
    sender = make(line, [])
    line.fill()
    async with asyncio.TaskGroup() as group:
        group.create_task(sender.send(3, STORE, BytesSource(bytes(1_000_000)), is_store=True))
        await asyncio.sleep(0)
        assert sender.is_sending
        assert sender.unsent_id == 1
        sender.post(1, answer(8))
        group.create_task(sender.send(3, CStoreRQ(2, CT, "1.2.4"), BytesSource(b"data")))
        await asyncio.sleep(0)
        sender.post(1, answer(9))
        assert line.commands == []
        line.empty()
    contexts = [context for context, _, _ in line.sent]
    first_end = contexts.index(1)
    assert set(contexts[:first_end]) == {3}
    assert contexts[first_end:] == [1, 1, 3, 3]
    assert sum(len(data) for _, control, data in line.sent[:first_end] if not control & 1) == 1_000_000
    assert not sender.is_sending
    assert sender.unsent_id == 0
    assert not sender.is_broken


async def test_more_answers_than_anybody_needs_are_refused(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_QUEUED", 2)
    sender = make(line)
    line.fill()
    async with asyncio.TaskGroup() as group:
        group.create_task(sender.send(3, STORE, BytesSource(b"data")))
        await asyncio.sleep(0)
        sender.post(1, answer(1))
        sender.post(1, answer(2))
        with pytest.raises(LocalProtocolError, match="2 messages wait"):
            sender.post(1, answer(3))
        line.empty()
    assert [c.message_id for c in line.commands] == [1, 1, 2]


async def test_it_stops_in_the_middle_when_the_association_is_over(line: Line) -> None:
    sender = make(line)
    line.fill()
    async with asyncio.TaskGroup() as group:
        group.create_task(sender.send(3, STORE, BytesSource(bytes(1_000_000))))
        await asyncio.sleep(0)
        sender.post(1, answer(1))
        line.is_over = True
        line.empty()
    assert line.sent == []


async def test_a_source_that_ends_too_early_breaks_the_message(line: Line) -> None:
    class Short(BytesSource):
        def __init__(self, data: bytes) -> None:
            super().__init__(data)
            self.size = 4_000_000

    sender = make(line)
    with pytest.raises(LocalProtocolError, match="ended"):
        await sender.send(3, STORE, Short(bytes(2_000_000)))
    assert sender.is_broken
    assert not sender.is_sending


async def test_what_fails_before_the_first_fragment_breaks_nothing(line: Line) -> None:
    sender = make(line, max_length=7)
    for source in (None, BytesSource(b"data")):
        with pytest.raises(LocalProtocolError):
            await sender.send(3, STORE, source)
    with pytest.raises(LocalProtocolError):
        sender.post(1, answer(1))
    assert not sender.is_broken
    assert line.sent == []


async def test_a_long_message_lets_the_loop_turn(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLICE_S", -1.0)
    sender = make(line)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while sending.done() is False:
            turns += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        sending = group.create_task(sender.send(3, STORE, BytesSource(bytes(5_000_000))))
        group.create_task(count())
    assert turns > 3


class Spy(Line):
    """Keeps the buffers that it is given, so that no two have the same address."""

    def __init__(self) -> None:
        super().__init__()
        self.buffers: list[object] = []

    def send_data(self, chunk: Chunk, *, is_store: bool, told: TellMessage | None = None) -> None:
        self.buffers.append(chunk.buffer)
        super().send_data(chunk, is_store=is_store, told=told)


async def test_buffers_are_used_again_once_they_are_written() -> None:
    line = Spy()
    sender = make(line)
    await sender.send(3, STORE, BytesSource(bytes(3_000_000)))
    assert len(line.buffers) == 6
    assert len(set(map(id, line.buffers))) == 1
    line.has_written_all = False
    await sender.send(3, STORE, BytesSource(bytes(3_000_000)))
    assert len(set(map(id, line.buffers[6:]))) == 6


async def test_it_waits_at_the_end_until_the_peer_has_taken_most(line: Line) -> None:
    sender = make(line)
    line.on_send = line.fill
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(sender.send(3, STORE, BytesSource(b"data")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(line.sent) == 2
        assert not sending.done()
        line.empty()


PENDING = CFindRSP(7, Status(0xFF00), FIND, has_dataset=True)


def always() -> bool:
    return True


async def test_matches_go_in_few_pieces_and_are_told_like_any_other(line: Line) -> None:
    together: list[Record] = []
    alone: list[Record] = []
    data = [bytes([number % 251]) * (300 + number % 2 * 2) for number in range(400)]
    await make(line, together).send_answers(1, PENDING, data, always)
    other = Line()
    for one in data:
        await make(other, alone).send(1, PENDING, BytesSource(one))
    assert line.sent == other.sent
    assert len(line.pieces) < 5
    assert [record[3:] for record in together] == [record[3:] for record in alone]


async def test_between_pieces_others_have_their_turn_and_no_more_may_be_wanted(line: Line) -> None:
    sender = make(line)
    asked: list[int] = []

    def is_wanted() -> bool:
        asked.append(len(line.pieces))
        return len(line.pieces) < 2

    line.fill()
    async with asyncio.TaskGroup() as group:
        group.create_task(sender.send_answers(3, PENDING, [bytes(4000)] * 90, is_wanted))
        await asyncio.sleep(0)
        assert line.sent == []
        sender.post(1, answer(9))
        line.empty()
    ids = [command.message_id for command in line.commands]
    assert asked == [0, 1, 2]
    assert line.pieces == [16, 16]
    assert ids.index(9) == 16
    assert len(ids) == 33
    assert not sender.is_sending


async def test_matches_stop_when_the_association_is_over(line: Line) -> None:
    sender = make(line)
    line.is_over = True
    await sender.send_answers(3, PENDING, [b"data"], always)
    assert line.sent == []
    assert not sender.is_sending
