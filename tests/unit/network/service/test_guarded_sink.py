"""Data sets of C-STOREs that are more work than one turn of the loop does."""

from __future__ import annotations

import asyncio
import threading
import zlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from helpers.hostile import DEFLATED, EXPLICIT, empty_items

from dicomgui.network.association.params import Limits
from dicomgui.network.dimse.commands import CStoreRQ
from dicomgui.network.dimse.memory import MemoryShare
from dicomgui.network.service import guarded_sink
from dicomgui.network.service.guarded_sink import THREAD_WORK, GuardedSink, SinkFailed
from dicomgui.network.service.handlers import Reply
from dicomgui.network.service.instance_check import InstanceCheck, Strictness
from dicomgui.network.service.resources import TURN_WORK, Resources
from dicomgui.network.status import Status
from dicomgui.network.structure import ELEMENT_WORK, StructureReader, load_dictionary
from dicomgui.network.transport.tasks import TaskOwner

CT, UID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3"
STEP_WORK = 16_384 + 2_048 * ELEMENT_WORK
"""The most that a step goes beyond what was allowed: all its bytes, and as many elements as they can hold."""


def deflated(data: bytes) -> bytes:
    stream = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


def element(tag: int, vr: bytes, value: bytes) -> bytes:
    head = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little") + vr
    if vr in (b"OB", b"SQ"):
        return head + b"\0\0" + len(value).to_bytes(4, "little") + value
    return head + len(value).to_bytes(2, "little") + value


def instance(filling: bytes = b"") -> bytes:
    return element(0x00080016, b"UI", CT.encode() + b"\0") + element(0x00080018, b"UI", UID.encode() + b"\0") + filling


BOMB = deflated(instance(element(0x00420011, b"OB", bytes(40 * 2**20))))
"""Some 40 kB that inflate to 40 MiB."""
ITEMS = instance(empty_items(60_000))


class Keeping:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.data = b""
        self.ends: list[str] = []
        self.fails = False

    def write(self, data: memoryview) -> None:
        if self.fails:
            raise ValueError("broken")
        self.data += bytes(data)

    def finish(self) -> object:
        self.ends.append("finished")
        return self.data

    def abandon(self) -> None:
        self.ends.append("abandoned")


class Stage:
    """A guarded sink, and a connection that counts."""

    def __init__(
        self, syntax: str = DEFLATED, strictness: Strictness = Strictness.STRICT, limits: Limits | None = None
    ) -> None:
        self.resources = Resources(limits or Limits())
        self.memory = MemoryShare(self.resources.memory)
        self.requests = SimpleNamespace(brake=self)
        self.held: list[bool] = []
        self.kept = Keeping()
        self.tasks = TaskOwner("test")
        self.faults: list[Exception] = []
        self.check = InstanceCheck(CStoreRQ(1, CT, UID), syntax, strictness, 2**30)
        connection: Any = self
        self.sink = GuardedSink(self.kept, self.fail, self.check, connection, self.tasks)

    def fail(self, error: Exception) -> Reply:
        self.faults.append(error)
        return Reply(Status(0x0110))

    def press(self, by: object, *, is_hard: bool = False) -> None:
        assert by is self.sink
        assert is_hard  # who waits for a response cannot have us take more
        self.held.append(True)

    def release(self, by: object) -> None:
        assert by is self.sink
        self.held.append(False)

    def write(self, data: bytes, size: int = 16_384) -> None:
        for at in range(0, len(data), size):
            piece = bytearray(data[at : at + size])
            self.sink.write(memoryview(piece))
            piece[:] = bytes(len(piece))  # the buffer is used again

    async def result(self) -> object:
        found = self.sink.finish()
        if found is self.sink:
            await self.sink.walked()
            found = self.sink.complete()
        return found


@pytest.fixture(autouse=True)
def _dictionary() -> None:
    load_dictionary()


class Work:
    """The work of the loop's thread in each turn of the loop, and of other threads in each go."""

    def __init__(self) -> None:
        self.turns: list[int] = [0]
        self.threads: list[int] = []


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    counted, own, advance = Work(), threading.get_ident(), StructureReader.advance

    def counting(reader: StructureReader, most: int = 2**62) -> bool:
        before = reader.work
        is_done = advance(reader, most)
        done = reader.work - before
        if threading.get_ident() != own:
            counted.threads.append(done)
        elif done:
            if not counted.turns[-1]:
                asyncio.get_running_loop().call_soon(counted.turns.append, 0)
            counted.turns[-1] += done
        return is_done

    monkeypatch.setattr(StructureReader, "advance", counting)
    yield counted
    assert max(counted.turns) <= TURN_WORK + STEP_WORK
    assert max(counted.threads, default=0) <= THREAD_WORK + STEP_WORK


@pytest.mark.parametrize(("syntax", "data"), [(DEFLATED, BOMB), (EXPLICIT, ITEMS)], ids=["deflated", "plain"])
async def test_a_turn_of_the_loop_walks_a_portion_and_a_thread_the_rest(work: Work, syntax: str, data: bytes) -> None:
    stage = Stage(syntax)
    stage.write(data)
    assert stage.held == [True]
    assert 0 < stage.memory.used_bytes < len(data) + 1
    assert await stage.result() == data == stage.kept.data
    assert stage.check.problem is None
    assert stage.held == [True, False]
    assert stage.memory.used_bytes == 0
    assert stage.kept.ends == ["finished"]
    assert work.threads


async def test_all_associations_have_one_turn(work: Work) -> None:
    stages = [Stage() for _ in range(20)]
    for stage in stages:
        stage.resources = stages[0].resources
        stage.write(BOMB[:200])
    assert work.turns[0] > 0
    for stage in stages:
        stage.sink.abandon()
    await stages[0].tasks.close()


async def test_what_is_little_work_is_walked_at_once(work: Work) -> None:
    for syntax, data in ((EXPLICIT, instance()), (DEFLATED, deflated(instance()))):
        stage = Stage(syntax)
        stage.write(data, 60)
        assert stage.sink.finish() == data
        assert not stage.held
    assert not work.threads


async def test_a_long_value_is_passed_over_whatever_was_done_in_this_turn(work: Work) -> None:
    stage = Stage(EXPLICIT)
    head, pixels = instance() + element(0x7FE00010, b"OB", bytes(200_000))[:12], bytes(200_000)
    stage.write(head)
    stage.resources.turn.spend(TURN_WORK)
    stage.write(pixels)
    assert stage.sink.finish() == head + pixels
    assert not stage.held
    assert not work.threads


async def test_what_comes_while_a_thread_is_at_work_is_walked_behind_it(work: Work) -> None:
    stage = Stage()
    half = len(BOMB) // 2
    stage.write(BOMB[:half])
    assert stage.held == [True]
    stage.write(BOMB[half:-10])
    await stage.sink.walked()
    await asyncio.sleep(0)
    assert stage.held == [True, False]
    stage.write(BOMB[-10:])
    assert await stage.result() == BOMB
    assert work.threads


@pytest.mark.parametrize("cut", [200, 30_000])
async def test_what_is_broken_is_refused_when_the_thread_comes_to_it(work: Work, cut: int) -> None:
    stage = Stage()
    stage.write(BOMB[:cut] + b"\xff" * 100 + BOMB[cut:])
    failed = await stage.result()
    assert isinstance(failed, SinkFailed)
    assert failed.reply.status == 0xC000
    assert stage.kept.ends == ["abandoned"]
    assert stage.memory.used_bytes == 0
    assert stage.held[-1:] in ([], [False])


async def test_what_is_kept_though_it_is_broken_is_kept_whole(work: Work) -> None:
    stage = Stage(strictness=Strictness.WARN)
    data = BOMB[:30_000] + b"\xff" * 100
    stage.write(data)
    assert await stage.result() == data
    assert stage.check.is_warned_of


async def test_a_data_set_that_breaks_off_is_refused_at_its_end(work: Work) -> None:
    stage = Stage()
    stage.write(BOMB[:-100])
    failed = await stage.result()
    assert isinstance(failed, SinkFailed)
    assert failed.reply.status == 0xC000
    assert stage.kept.ends == ["abandoned"]


@pytest.mark.parametrize("when", ["first", "later"])
async def test_without_memory_for_what_waits_the_instance_is_refused(work: Work, when: str) -> None:
    most = 10_000 if when == "first" else 20_000
    stage = Stage(limits=Limits(max_memory=most))
    stage.write(BOMB)
    failed = await stage.result()
    assert isinstance(failed, SinkFailed)
    assert failed.reply.status == 0xA700
    assert stage.kept.ends == ["abandoned"]
    await stage.tasks.close()
    await asyncio.sleep(0)
    assert stage.memory.used_bytes == 0
    assert stage.held == ([] if when == "first" else [True, False])


@pytest.mark.parametrize("how", ["abandoned", "cancelled", "cancelled at once"])
async def test_an_association_that_ends_meanwhile_leaves_nothing(work: Work, how: str) -> None:
    stage = Stage()
    stage.write(BOMB)
    result = stage.sink.finish()
    assert result is stage.sink
    if how != "cancelled at once":
        await asyncio.sleep(0)
    if how == "abandoned":
        stage.sink.abandon()
    await stage.tasks.close()
    await asyncio.sleep(0)
    assert set(stage.kept.ends) == {"abandoned"}
    assert len(stage.kept.ends) == 1
    assert stage.memory.used_bytes == 0
    assert stage.held == [True, False]
    await stage.sink.walked()


async def test_a_fault_of_the_walk_costs_its_instance_only(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()

    def broken(*_: object) -> bool:
        raise ValueError("broken")

    stage.write(BOMB)
    monkeypatch.setattr(guarded_sink.InstanceCheck, "advance", broken)
    failed = await stage.result()
    assert isinstance(failed, SinkFailed)
    assert failed.reply.status == 0x0110
    assert [str(fault) for fault in stage.faults] == ["broken"]
    assert stage.kept.ends == ["abandoned"]


async def test_a_sink_that_fails_stops_the_walk(work: Work) -> None:
    stage = Stage()
    stage.write(BOMB[:20_000])
    stage.kept.fails = True
    stage.write(BOMB[20_000:])
    failed = await stage.result()
    assert isinstance(failed, SinkFailed)
    assert failed.reply.status == 0x0110
    assert stage.kept.ends == ["abandoned"]
    await stage.tasks.close()


def test_the_bomb_is_one() -> None:
    assert len(BOMB) < 50_000
    assert len(zlib.decompress(BOMB, -zlib.MAX_WBITS)) > 40 * 2**20


async def test_the_loop_does_not_wait_for_the_data_dictionary(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[int] = []
    monkeypatch.setattr(guarded_sink, "is_dictionary_loaded", lambda: bool(loaded))
    monkeypatch.setattr(guarded_sink, "load_dictionary", lambda: loaded.append(threading.get_ident()))
    stage, data = Stage(EXPLICIT), instance()
    stage.write(data)
    assert not loaded
    assert await stage.result() == data
    assert len(loaded) == 1
    assert loaded[0] != threading.get_ident()
    assert work.turns == [0]
    following = Stage(EXPLICIT)
    following.write(data)
    assert following.sink.finish() == data
