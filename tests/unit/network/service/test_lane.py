"""Files stored one after the other: the next leaves in the callback that brought the response to the one before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from helpers.services import CT, EXPLICIT, file

from dicomgui.network import (
    Association,
    AssociationError,
    Handlers,
    InstanceFile,
    LocalProtocolError,
    PeerAddress,
    ProposedContext,
    Reply,
    Status,
    StoreRequest,
    connect,
    read_head,
    serve,
)
from dicomgui.network.service import storing
from dicomgui.network.service.lane import StoreLane
from dicomgui.network.tracing import DimseRecord, Direction, Record

CONTEXTS = (ProposedContext(CT, (EXPLICIT,)),)


class Archive:
    """A server that keeps what comes, and waits with its answers as it is told.

    :ivar held: the UID whose answer waits for ``go``; ``is_held`` is set when it has come.
    """

    def __init__(self) -> None:
        self.came: list[str] = []
        self.held = ""
        self.is_held, self.go = asyncio.Event(), asyncio.Event()
        self.status = Status(0)

    async def on_store(self, request: StoreRequest, result: object) -> Status | Reply:
        self.came.append(request.command.affected_sop_instance_uid)
        if self.came[-1] == self.held:
            self.is_held.set()
            await self.go.wait()
        return self.status


@asynccontextmanager
async def associated(archive: Archive, records: list[Record] | None = None) -> AsyncIterator[Association]:
    async with await serve(port=0, handlers=Handlers(on_store=archive.on_store)) as server:
        peer = PeerAddress("ANY", "127.0.0.1", server.port)
        tracer = None if records is None else records.append
        async with connect(peer, contexts=CONTEXTS, tracer=tracer) as association:
            yield association


def files(folder: Path, count: int) -> list[InstanceFile]:
    return [known(file(folder, number)) for number in range(1, count + 1)]


def known(path: Path) -> InstanceFile:
    return InstanceFile(path, read_head(path))


async def store_all(lane: StoreLane, instances: list[InstanceFile]) -> list[int]:
    followers = [*instances[1:], None]
    return [int((await lane.store(one, then)).status) for one, then in zip(instances, followers, strict=True)]


async def test_each_leaves_as_soon_as_the_one_before_was_answered(tmp_path: Path) -> None:
    archive, launched, records = Archive(), list[InstanceFile](), list[Record]()
    one, two, three = files(tmp_path, 3)
    async with associated(archive, records) as association:
        lane = association.store_lane(launched.append)
        assert (await lane.store(one, two)).status.is_success
        assert lane.is_under_way
        assert launched == [two]
        assert (await lane.store(two, three)).status.is_success
        assert (await lane.store(three)).status.is_success
        assert not lane.is_under_way
    assert archive.came == ["1.2.3.1", "1.2.3.2", "1.2.3.3"]
    messages = [(r.direction, r.message_id) for r in records if isinstance(r, DimseRecord)]
    assert messages == [(way, number) for number in (1, 2, 3) for way in (Direction.SENT, Direction.RECEIVED)]


async def test_a_failure_is_no_reason_to_stop(tmp_path: Path) -> None:
    archive = Archive()
    archive.status = Status(0xA700)
    async with associated(archive) as association:
        assert await store_all(association.store_lane(lambda _: None), files(tmp_path, 4)) == [0xA700] * 4


async def test_what_is_too_large_to_be_read_ahead_waits_for_its_turn(tmp_path: Path) -> None:
    archive, launched = Archive(), list[InstanceFile]()
    small = known(file(tmp_path, 1))
    large = known(file(tmp_path, 2, pixels=storing.READ_AHEAD_BYTES))
    async with associated(archive) as association:
        lane = association.store_lane(launched.append)
        assert await store_all(lane, [small, large, small, large]) == [0] * 4
    assert launched == [small]


async def test_what_cannot_be_read_is_told_in_its_turn(tmp_path: Path) -> None:
    archive, launched = Archive(), list[InstanceFile]()
    one, two, three = files(tmp_path, 3)
    two.path.unlink()
    async with associated(archive) as association:
        lane = association.store_lane(launched.append)
        assert (await lane.store(one, two)).status.is_success
        assert not lane.is_under_way
        with pytest.raises(FileNotFoundError):
            await lane.store(two, three)
        assert (await lane.store(three)).status.is_success
    assert launched == []


async def test_who_names_one_and_stores_another_is_told_and_the_association_ends(tmp_path: Path) -> None:
    archive = Archive()
    archive.held = "1.2.3.2"
    one, two, three = files(tmp_path, 3)
    async with associated(archive) as association:
        lane = association.store_lane(lambda _: None)
        await lane.store(one, two)
        with pytest.raises(LocalProtocolError, match="another file"):
            await lane.store(three)
    assert not association.is_connected
    archive.go.set()


async def test_others_that_wait_for_their_turn_come_first(tmp_path: Path) -> None:
    archive, launched = Archive(), list[InstanceFile]()
    archive.held = "1.2.3.1"
    one, two, three = files(tmp_path, 3)
    async with associated(archive) as association:
        lane = association.store_lane(launched.append)
        async with asyncio.TaskGroup() as group:
            first = group.create_task(lane.store(one, two))
            await archive.is_held.wait()
            other = group.create_task(association.store(three))
            await asyncio.sleep(0)
            archive.go.set()
            await asyncio.wait((first, other))
        assert (await lane.store(two)).status.is_success
    assert archive.came == ["1.2.3.1", "1.2.3.3", "1.2.3.2"]
    assert launched == []


async def test_the_end_of_the_association_reaches_what_has_left(tmp_path: Path) -> None:
    archive = Archive()
    archive.held = "1.2.3.2"
    one, two = files(tmp_path, 2)
    async with associated(archive) as association:
        lane = association.store_lane(lambda _: None)
        await lane.store(one, two)
        await association.abort()
        with pytest.raises(AssociationError):
            await lane.store(two)
    archive.go.set()


async def test_a_cancel_while_it_is_waited_for_aborts(tmp_path: Path) -> None:
    archive = Archive()
    archive.held = "1.2.3.2"
    one, two = files(tmp_path, 2)
    async with associated(archive) as association:
        lane = association.store_lane(lambda _: None)
        await lane.store(one, two)
        waiting = asyncio.ensure_future(lane.store(two))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert not association.is_connected
    archive.go.set()
