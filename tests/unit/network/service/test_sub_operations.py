"""Sub-operations: what is counted, what is told, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection
from types import SimpleNamespace
from typing import Any

import pytest
from helpers.bad_peer import reached
from helpers.instances import IMPLICIT
from helpers.services import CT, EXPLICIT, MR, instance
from pydicom.dataset import Dataset

from dicomgui.network import ConnectionLost, NoAcceptedContext, Progress, Reply, Response, Retrieval, Status
from dicomgui.network.dimse.commands import CGetRQ, CMoveRQ
from dicomgui.network.service import sub_operations
from dicomgui.network.service.performing import Pressure
from dicomgui.network.service.sub_operations import perform_get, perform_move

GET, MOVE = "1.2.840.10008.5.1.4.1.2.2.3", "1.2.840.10008.5.1.4.1.2.2.2"


class Peer:
    """Whom instances go to; also the way there.

    :ivar answers: the status by instance UID, or what is raised.
    :ivar asked: UIDs of the instances that it was given, also those that it never answers.
    """

    def __init__(self, answers: dict[str, object] | None = None) -> None:
        self.answers = answers or {}
        self.asked: list[str] = []
        self.stored: list[str] = []
        self.opened: list[Collection[tuple[str, str]]] = []
        self.left: list[type[BaseException] | None] = []
        self.is_connected = True
        self.fails_to_open: Exception | None = None
        self.fails_to_end: Exception | None = None
        self.is_known = True
        self.opens = asyncio.Event()
        self.opens.set()
        self.priorities: list[int] = []

    async def store(self, thing: Any, *, priority: int, **originator: object) -> Response:
        uid = str(thing.SOPInstanceUID)
        self.priorities.append(priority)
        self.asked.append(uid)
        answer = self.answers.get(uid, 0)
        if isinstance(answer, asyncio.Event):
            await answer.wait()
        if isinstance(answer, Exception):
            raise answer
        self.stored.append(uid)
        return Response(Status(answer if isinstance(answer, int) else 0))

    def knows(self, request: object) -> bool:
        return self.is_known

    @contextlib.asynccontextmanager
    async def open(self, request: object, kinds: Collection[tuple[str, str]]) -> AsyncIterator[Any]:
        self.opened.append(kinds)
        await self.opens.wait()
        if self.fails_to_open is not None:
            raise self.fails_to_open
        kind: type[BaseException] | None = None
        try:
            yield self
        except BaseException as error:
            kind = type(error)
            raise
        finally:
            self.left.append(kind)
            if self.fails_to_end is not None:
                raise self.fails_to_end


class Performance:
    """One C-GET or C-MOVE at our provider."""

    def __init__(self, peer: Peer, *, priority: int = 0) -> None:
        self.peer = peer
        self.priority = priority
        self.told: list[tuple[int | None, ...]] = []
        self.is_wanted = True
        self.request: Any = SimpleNamespace(
            command=None, user=peer, is_cancelled=False, facts=SimpleNamespace(calling_ae_title="ME")
        )
        self.pressure = Pressure(lambda: self.is_wanted)

    async def get(self, answer: Any) -> Reply:
        self.request.command = CGetRQ(1, GET, self.priority)
        handler = answer if callable(answer) else lambda request: answer
        return _reply(await perform_get(self.request, handler, self._respond, self.pressure))

    async def move(self, answer: Any, mover: Any = ...) -> Reply:
        self.request.command = CMoveRQ(1, MOVE, "DEST", self.priority)
        handler = answer if callable(answer) else lambda request: answer
        mover = self.peer if mover is ... else mover
        return _reply(await perform_move(self.request, handler, self._respond, self.pressure, mover))

    async def _respond(self, response: Any, data: bytes | None) -> None:
        assert data is None
        assert response.status == 0xFF00
        self.told.append((response.remaining, response.completed, response.failed, response.warning))


def _reply(outcome: Status | Reply) -> Reply:
    return outcome if isinstance(outcome, Reply) else Reply(outcome)


def some(*numbers: int, **more: Any) -> list[Dataset]:
    return [instance(number, **more) for number in numbers]


async def test_a_get_stores_and_counts() -> None:
    peer = Peer(
        {
            "1.2.3.2": 0xB000,
            "1.2.3.3": 0xA700,
            "1.2.3.4": NoAcceptedContext("none", sop_class=CT, offered=(), accepted=()),
        }
    )
    performance = Performance(peer)
    reply = await performance.get(some(1, 2, 3, 4))
    assert performance.told == [(3, 1, 0, 0), (2, 1, 0, 1), (1, 1, 1, 1), (0, 1, 2, 1)]
    assert (reply.status, reply.progress) == (0xB000, Progress(None, 1, 2, 1))
    assert isinstance(reply.dataset, Dataset)
    assert list(reply.dataset.FailedSOPInstanceUIDList) == ["1.2.3.3", "1.2.3.4"]


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ({}, 0x0000),
        ({"1.2.3.1": 0xB007}, 0xB000),
        ({"1.2.3.1": 0xA700}, 0xB000),
        ({"1.2.3.1": 0xA700, "1.2.3.2": 0xC000}, 0xA702),
        ({"1.2.3.1": 0xA700, "1.2.3.2": 0xB000}, 0xB000),
    ],
)
async def test_the_final_status_says_whether_any_or_all_failed(answers: dict[str, object], status: int) -> None:
    assert (await Performance(Peer(answers)).get(some(1, 2))).status == status


async def test_more_remaining_than_was_said_is_never_less_than_0() -> None:
    performance = Performance(Peer())
    await performance.get(Retrieval(iter(some(1, 2)), total=1))
    assert [told[0] for told in performance.told] == [0, 0]


async def test_numbers_end_where_their_fields_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sub_operations, "MAX_NUMBER", 3)
    performance = Performance(Peer({f"1.2.3.{n}": 0xA700 for n in range(5, 10)}))
    reply = await performance.get(Retrieval(iter(some(*range(10))), total=10))
    assert [told[0] for told in performance.told[:8]] == [3, 3, 3, 3, 3, 3, 3, 2]
    assert reply.progress == Progress(None, 3, 3, 0)


async def test_not_more_failed_instances_are_named_than_the_list_has_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sub_operations, "MAX_FAILED_BYTES", 2 * len("1.2.3.1\\"))
    numbers = (1, 2, 3)
    reply = await Performance(Peer({f"1.2.3.{n}": 0xA700 for n in numbers})).get(some(*numbers))
    assert isinstance(reply.dataset, Dataset)
    assert len(reply.dataset.FailedSOPInstanceUIDList) == 2
    assert reply.progress == Progress(None, 0, 3, 0)


@pytest.mark.parametrize("answer", [Status(0xA701), Reply(Status(0xA701), "why")])
async def test_a_handler_may_end_it_before_or_in_the_middle(answer: Any) -> None:
    assert (await Performance(Peer()).get(answer)).status == 0xA701
    assert (await Performance(Peer()).move(answer)).status == 0xA701
    performance = Performance(Peer({"1.2.3.2": 0xA700}))
    reply = await performance.get(iter([*some(1, 2), answer, *some(3)]))
    assert (reply.status, reply.progress) == (0xA701, Progress(None, 1, 1, 0))
    assert isinstance(reply.dataset, Dataset)
    assert reply.dataset.FailedSOPInstanceUIDList == "1.2.3.2"
    assert performance.peer.stored == ["1.2.3.1", "1.2.3.2"]


async def test_a_reply_in_the_middle_may_have_its_own_data_and_numbers() -> None:
    own = Reply(Status(0xA701), dataset=b"own", progress=Progress(9))
    assert await Performance(Peer()).get([own]) == own


async def test_when_nobody_is_left_nothing_more_is_sent() -> None:
    performance = Performance(Peer())
    performance.is_wanted = False
    await performance.get(some(1, 2))
    assert performance.peer.stored == []


async def test_a_cancel_between_two_instances_tells_what_remains() -> None:
    performance = Performance(Peer())

    def instances(request: Any) -> Any:
        yield from some(1)
        performance.request.is_cancelled = True
        yield from some(2, 3)

    reply = await performance.get(lambda request: Retrieval(instances(request), total=3))
    assert (reply.status, reply.progress) == (0xFE00, Progress(1, 2, 0, 0))


async def test_a_move_needs_a_destination() -> None:
    peer = Peer()
    peer.is_known = False
    assert (await Performance(peer).move(some(1))).status == 0xA801
    assert (await Performance(peer).move(some(1), mover=None)).status == 0xA801
    assert peer.opened == []


async def test_a_move_opens_one_association_for_all_kinds_and_releases_it() -> None:
    peer = Peer()
    mixed = [*some(1, 2), *some(3, sop_class=MR)]
    bare = instance(4)
    del bare.file_meta
    reply = await Performance(peer).move([*mixed, bare])
    assert reply.status == 0
    assert [set(kinds) for kinds in peer.opened] == [{(CT, EXPLICIT), (MR, EXPLICIT), (CT, IMPLICIT)}]
    assert peer.left == [None]
    assert peer.stored == ["1.2.3.1", "1.2.3.2", "1.2.3.3", "1.2.3.4"]


async def test_kinds_that_are_said_are_proposed_and_others_need_another_association() -> None:
    peer = Peer()
    await Performance(peer).move(Retrieval([*some(1), *some(2, sop_class=MR)], kinds=[(CT, EXPLICIT), ("1.9", "bad")]))
    assert [list(kinds) for kinds in peer.opened] == [[(CT, EXPLICIT)], [(MR, EXPLICIT), (CT, EXPLICIT)]]
    assert peer.left == [None, None]


async def test_an_association_that_broke_is_opened_anew() -> None:
    peer = Peer({"1.2.3.1": ConnectionLost("gone")})

    def instances(request: Any) -> Any:
        peer.is_connected = True
        yield from some(1)
        peer.is_connected = False
        yield from some(2)

    reply = await Performance(peer).move(instances)
    assert (reply.status, reply.progress) == (0xB000, Progress(None, 1, 1, 0))
    assert len(peer.opened) == 2


async def test_a_destination_that_cannot_be_reached_is_tried_once() -> None:
    peer = Peer()
    peer.fails_to_open = ConnectionLost("nobody there")
    reply = await Performance(peer).move(some(1, 2, 3))
    assert (reply.status, reply.progress) == (0xA702, Progress(None, 0, 3, 0))
    assert "nobody there" in reply.comment
    assert len(peer.opened) == 1


async def test_a_release_that_fails_changes_nothing() -> None:
    peer = Peer()
    peer.fails_to_end = ConnectionLost("gone")
    assert (await Performance(peer).move(some(1))).status == 0


@pytest.mark.parametrize("verb", ["get", "move"])
async def test_a_c_store_that_is_under_way_ends_before_a_cancel_does(verb: str) -> None:
    """As dcmqrscp has it: the destination gets no half instance, and no A-ABORT."""
    answered = asyncio.Event()
    peer = Peer({"1.2.3.2": answered})
    performance = Performance(peer)
    task = asyncio.create_task(getattr(performance, verb)(some(1, 2, 3)))
    await reached(lambda: len(peer.asked) == 2, "the second is under way")
    performance.request.is_cancelled = True
    performance.pressure.press()
    for _ in range(5):
        await asyncio.sleep(0)
    assert not task.done()
    answered.set()
    reply = await task
    assert (reply.status, reply.progress) == (0xFE00, Progress(1, 2, 0, 0))
    assert peer.stored == ["1.2.3.1", "1.2.3.2"]
    assert peer.left == [None] * (verb == "move")


async def test_a_destination_that_does_not_answer_a_connection_is_given_up_at_a_cancel() -> None:
    peer = Peer()
    peer.opens = asyncio.Event()
    performance = Performance(peer)
    task = asyncio.create_task(performance.move(some(1, 2)))
    await reached(lambda: len(peer.opened) == 1, "it connects")
    performance.request.is_cancelled = True
    performance.pressure.press()
    reply = await task
    assert (reply.status, reply.progress) == (0xFE00, Progress(1, 0, 1, 0))


@pytest.mark.parametrize(("verb", "priority"), [("get", 1), ("get", 2), ("move", 1), ("move", 0)])
async def test_the_c_stores_have_the_priority_of_their_request(verb: str, priority: int) -> None:
    """PS3.7 9.1.1.1.5 and 9.1.4: the sub-operations are as urgent as what they belong to."""
    performance = Performance(Peer(), priority=priority)
    await getattr(performance, verb)(some(1, 2))
    assert performance.peer.priorities == [priority] * 2


async def test_a_handler_that_hangs_is_given_up_at_a_cancel() -> None:
    begun = 0

    async def hang(request: object) -> object:
        nonlocal begun
        begun += 1
        await asyncio.Event().wait()
        return []

    for number, verb in enumerate(("get", "move"), start=1):
        performance = Performance(Peer())
        task = asyncio.create_task(getattr(performance, verb)(hang))
        await reached(lambda number=number: begun == number, "it hangs")
        performance.request.is_cancelled = True
        performance.pressure.press()
        assert (await task).status == 0xFE00


async def test_a_task_that_is_cancelled_leaves_the_destination_in_haste() -> None:
    peer = Peer({"1.2.3.2": asyncio.Event()})
    task = asyncio.get_running_loop().create_task(Performance(peer).move(some(1, 2)))
    await reached(lambda: bool(peer.stored), "the first is stored")
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert peer.left == [asyncio.CancelledError]
