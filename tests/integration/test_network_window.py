"""The asynchronous operations window (PS3.7 7.5.1, D.3.3.3), against a peer of raw bytes and between our own ends."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterator

import pytest
from helpers.bad_peer import (
    APPLICATION,
    CT,
    EXPLICIT,
    IMPLICIT,
    USER,
    VERIFICATION,
    Peer,
    associate,
    bad_server,
    context_ac,
    context_rq,
    dial,
    echo_rq,
    item,
    reached,
    response,
    store_rq,
    time_passes,
    user_information,
)
from helpers.services import ends, instance, keys

from dicomgui.network import (
    EVERYTHING_PERMITTED,
    AcceptPolicy,
    Association,
    AssociationAborted,
    EchoRequest,
    Handlers,
    ProposedContext,
    RemoteProtocolError,
    ServerOptions,
    Status,
    StoreRequest,
    Strictness,
    connect,
    presets,
    serve,
)
from dicomgui.network.dimse import command_set
from dicomgui.network.pdu import Abort, PDataTF
from dicomgui.network.service import provider as provider_module

pytestmark = pytest.mark.any_loop

CONTEXTS = (*presets.VERIFICATION, *presets.for_instances([(CT, EXPLICIT)]))


def window(invoked: int, performed: int) -> bytes:
    return item(0x53, struct.pack(">HH", invoked, performed))


def accepting(invoked: int, performed: int) -> bytes:
    return associate(
        APPLICATION,
        context_ac(1, 0, EXPLICIT),
        context_ac(3, 0, EXPLICIT),
        user_information(window(invoked, performed)),
        pdu_type=2,
    )


def asking(invoked: int, performed: int) -> bytes:
    contexts = context_rq(1, VERIFICATION, IMPLICIT) + context_rq(3, CT, EXPLICIT)
    return associate(APPLICATION, contexts, user_information(window(invoked, performed)))


async def take_echoes(peer: Peer, count: int) -> list[int]:
    return [(await peer.read_command()).message_id for _ in range(count)]


async def stays_silent(peer: Peer, seconds: float = 0.15) -> bool:
    """Whether nothing more comes."""
    try:
        async with asyncio.timeout(seconds):
            await peer.reader.readexactly(1)
    except TimeoutError:
        return True
    return False


@pytest.mark.parametrize(
    ("asked", "granted", "most"),
    [
        ((1, 1), None, 1),
        ((4, 1), (4, 1), 4),
        ((4, 1), (2, 1), 2),
        ((2, 1), (9, 1), 2),
        ((0, 1), (3, 1), 3),
        ((4, 1), None, 1),
        ((3, 1), (0, 0), 3),
    ],
)
async def test_as_many_requests_are_on_the_wire_as_were_agreed_and_no_more(
    asked: tuple[int, int], granted: tuple[int, int] | None, most: int
) -> None:
    silent: list[bool] = []

    async def script(peer: Peer) -> None:
        good = associate(APPLICATION, context_ac(1, 0, EXPLICIT), USER, pdu_type=2)
        await peer.accept(good if granted is None else accepting(*granted))
        waiting = await take_echoes(peer, most)
        silent.append(await stays_silent(peer))
        for _ in range(10 - most):  # a place that becomes free is taken by one
            await peer.send(response(0x8030, waiting.pop()))
            waiting += await take_echoes(peer, 1)
        silent.append(await stays_silent(peer))
        for message_id in reversed(waiting):
            await peer.send(response(0x8030, message_id))
        await peer.read()
        await peer.send(bytes.fromhex("06000000000400000000"))

    async with bad_server(script) as server:
        async with connect(server.address, contexts=CONTEXTS, async_ops=asked) as assoc, asyncio.TaskGroup() as group:
            tasks = [group.create_task(assoc.echo()) for _ in range(10)]
        assert all(task.result().status.is_success for task in tasks)
        assert assoc.negotiated.max_invoked == most
    assert silent == [True, True]


async def test_no_limit_means_no_limit() -> None:
    async def script(peer: Peer) -> None:
        await peer.accept(accepting(0, 0))
        for message_id in await take_echoes(peer, 300):
            await peer.send(response(0x8030, message_id))
        await peer.read()
        await peer.send(bytes.fromhex("06000000000400000000"))

    async with (
        bad_server(script) as server,
        connect(server.address, contexts=CONTEXTS, async_ops=(0, 0)) as assoc,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(300):
            group.create_task(assoc.echo())


async def test_answers_out_of_order_reach_whom_they_are_for() -> None:
    async def script(peer: Peer) -> None:
        await peer.accept(accepting(3, 1))
        first, second, third = await take_echoes(peer, 3)
        for message_id, status in ((third, 0x0003), (first, 0x0001), (second, 0x0002)):
            await peer.send(response(0x8030, message_id, status))
        await peer.drop()

    async with bad_server(script) as server:
        assoc = await connect(server.address, contexts=CONTEXTS, async_ops=(3, 1))
        answers = await asyncio.gather(assoc.echo(), assoc.echo(), assoc.echo())
        assert [answer.status for answer in answers] == [1, 2, 3]
        await assoc.abort()


@pytest.mark.parametrize(
    "wrong", [response(0x8001, 1), response(0x8030, 9), response(0x8030, 1, 0xFF00)], ids=["kind", "nobody", "pending"]
)
async def test_a_response_that_nobody_waits_for_is_a_fault_of_the_peer(wrong: bytes) -> None:
    answers: list[object] = []

    async def script(peer: Peer) -> None:
        await peer.accept(accepting(3, 1))
        await take_echoes(peer, 1)
        await peer.send(wrong)
        answers.append(await peer.read())

    async with bad_server(script) as server, connect(server.address, contexts=CONTEXTS) as assoc:
        with pytest.raises(RemoteProtocolError):
            await assoc.echo()
        await reached(lambda: bool(answers), "the answer")
    assert answers == [Abort(2, 6)]


async def test_who_waits_in_the_row_learns_of_the_end_and_who_is_cancelled_leaves_it() -> None:
    async def script(peer: Peer) -> None:
        await peer.accept(accepting(1, 1))
        await take_echoes(peer, 1)
        await gate.wait()
        await peer.send(bytes.fromhex("07000000000400000000"))
        await peer.drop()

    gate = asyncio.Event()
    async with bad_server(script) as server, connect(server.address, contexts=CONTEXTS) as assoc:
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(assoc.echo()) for _ in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        with pytest.raises(asyncio.CancelledError):
            await tasks[1]
        assert assoc.is_connected  # it had sent nothing
        gate.set()
        ended = await asyncio.gather(tasks[0], tasks[2], return_exceptions=True)
        await reached(lambda: server.open == 0, "the peer has closed")
    assert [type(error) for error in ended] == [AssociationAborted, AssociationAborted]


# as acceptor


class Gates:
    """Echo and store handlers that wait until the test lets each of them go."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.gates: dict[int, asyncio.Event] = {}

    async def __call__(self, request: EchoRequest | StoreRequest, *data: object) -> Status:
        number = request.command.message_id
        self.begun.append(number)
        await self.gates.setdefault(number, asyncio.Event()).wait()
        return Status(0)

    def open(self, number: int) -> None:
        self.gates.setdefault(number, asyncio.Event()).set()


async def test_requests_are_performed_at_once_and_answered_as_they_finish() -> None:
    gates = Gates()
    policy = AcceptPolicy(max_invoked=3, max_performed=1)
    async with (
        await serve(port=0, handlers=Handlers(on_echo=gates), options=ServerOptions(policy=policy)) as server,
        await dial(server.port) as peer,
    ):
        answer = await peer.associate(asking(5, 1))
        assert answer.user_information is not None
        assert answer.user_information.async_ops is not None
        assert (answer.user_information.async_ops.invoked, answer.user_information.async_ops.performed) == (3, 1)
        await peer.send(*(echo_rq(number) for number in (1, 2, 3, 4)))  # one more than was agreed
        await reached(lambda: len(gates.begun) == 3, "three at once")
        assert gates.begun == [1, 2, 3]
        gates.open(2)
        assert (await peer.read_command()).message_id == 2
        await reached(lambda: gates.begun == [1, 2, 3, 4], "the fourth when there is room")
        for number in (4, 1, 3):
            gates.open(number)
            assert (await peer.read_command()).message_id == number


async def test_without_a_window_requests_are_performed_in_their_order() -> None:
    gates = Gates()
    async with await serve(port=0, handlers=Handlers(on_echo=gates)) as server, await dial(server.port) as peer:
        await peer.associate()
        await peer.send(echo_rq(1), echo_rq(2))
        gates.open(2)
        await reached(lambda: bool(gates.begun), "the first")
        assert await stays_silent(peer)
        gates.open(1)
        assert await take_echoes(peer, 2) == [1, 2]


async def test_a_message_id_in_use_is_answered_0210() -> None:
    gates = Gates()
    policy = AcceptPolicy(max_invoked=0, max_performed=0)
    async with (
        await serve(port=0, handlers=Handlers(on_echo=gates), options=ServerOptions(policy=policy)) as server,
        await dial(server.port) as peer,
    ):
        await peer.associate(asking(0, 0))
        await peer.send(echo_rq(1), echo_rq(1))
        second = await peer.read_command()
        assert (second.message_id, second.status) == (1, 0x0210)
        gates.open(1)
        first = await peer.read_command()
        assert (first.message_id, first.status) == (1, 0)
        await peer.send(echo_rq(1))  # free again
        assert (await peer.read_command()).message_id == 1


async def test_a_flood_beyond_the_window_is_not_read_any_further_and_answered_in_the_end() -> None:
    gates = Gates()
    async with await serve(port=0, handlers=Handlers(on_echo=gates)) as server, await dial(server.port) as peer:
        await peer.associate()
        await peer.send(*(echo_rq(number) for number in range(1, 201)))
        await reached(lambda: bool(gates.begun), "the first")
        for number in range(1, 201):
            gates.open(number)
        assert await take_echoes(peer, 200) == list(range(1, 201))


async def test_a_flood_does_not_keep_a_handler_from_the_response_that_it_waits_for() -> None:
    """The handler asks the peer, whose answer stands behind more requests than are taken at one time."""
    told: list[Status] = []

    async def store(request: StoreRequest, data: object) -> Status:
        told.append((await request.user.n_event_report(CT, "1.2", 1)).status)
        return Status(0)

    many = provider_module.MAX_WAITING * 2
    options = ServerOptions(policy=AcceptPolicy(), strictness=Strictness.ANY, permitted=EVERYTHING_PERMITTED)
    async with (
        await serve(port=0, handlers=Handlers(on_store=store), options=options) as server,
        await dial(server.port) as peer,
    ):
        await peer.associate()
        await peer.send(store_rq("1.2.3", b"data", 1))
        asked = await peer.read_command()
        await peer.send(*(echo_rq(number) for number in range(2, 2 + many)), response(0x8100, asked.message_id, 0, 3))
        assert (await peer.read_command()).message_id == 1
        assert await take_echoes(peer, many) == list(range(2, 2 + many))
    assert told == [0]


async def test_both_directions_at_once() -> None:
    there, back = Gates(), Gates()
    roles = (
        ProposedContext(VERIFICATION, (EXPLICIT,), scu_role=True, scp_role=True),
        *presets.for_instances([(CT, EXPLICIT)]),
    )
    async with ends(Handlers(on_echo=there), contexts=roles, handlers=Handlers(on_echo=back), async_ops=(3, 3)) as both:
        user = both.server.user(both.server.associations[0].association)
        assert user is not None
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(end.echo()) for end in (user, both.assoc) for _ in range(4)]
            await reached(lambda: len(there.begun) == len(back.begun) == 3, "three each way")
            for number in range(1, 5):
                there.open(number)
                back.open(number)
        assert all(task.result().status.is_success for task in tasks)
        assert both.assoc.negotiated.max_performed == both.assoc.negotiated.max_invoked == 3
        assert len(there.begun) == len(back.begun) == 4


# annex E: messages are not mixed


async def test_a_response_that_is_due_in_the_middle_of_a_message_of_ours_comes_after_it() -> None:
    """PS3.8 annex E: the fragments of a message are sent one after the other, whatever else is to be sent."""
    size = 8_000_000
    order: list[tuple[int, int]] = []

    async def script(peer: Peer) -> None:
        await peer.accept(accepting(1, 0))
        peer.pause()
        await begun.wait()
        await time_passes(0.2)  # what the system takes is full
        await peer.send(*(echo_rq(number) for number in range(900, 910)))
        await time_passes(0.2)
        peer.writer.transport.resume_reading()
        received = 0
        while len(order) < 10:
            pdu = await peer.read()
            assert isinstance(pdu, PDataTF)
            for value in pdu.pdvs:
                if value.control & 1:
                    message = command_set.decode(value.data)
                    if message.is_response:
                        order.append((message.message_id, received))
                else:
                    received += len(value.data)
        await peer.send(response(0x8001, 1, 0, 3, x0002=CT, x1000="1.2.3.1"))
        await peer.read()
        await peer.send(bytes.fromhex("06000000000400000000"))

    begun = asyncio.Event()
    roles = (
        ProposedContext(VERIFICATION, (EXPLICIT,), scu_role=True, scp_role=True),
        *presets.for_instances([(CT, EXPLICIT)]),
    )
    async with bad_server(script) as server, connect(server.address, contexts=roles, async_ops=(1, 0)) as assoc:
        begun.set()
        assert (await assoc.store(instance(1, pixels=size))).status.is_success
    assert [number for number, _ in order] == list(range(900, 910))
    assert all(received > size for _, received in order)


async def test_matches_of_two_queries_at_once_are_not_mixed() -> None:
    def find(request: object) -> Iterator[object]:
        name = str(request.dataset.PatientID)
        for _ in range(50):
            yield keys(PatientID=name, EncapsulatedDocument=name.encode() * 50_000)

    async def query(assoc: Association, name: str) -> set[bytes]:
        return {m.dataset.EncapsulatedDocument async for m in assoc.find(keys(PatientID=name))}

    async with ends(Handlers(on_find=find), async_ops=(0, 0)) as both:
        answers = await asyncio.gather(*(query(both.assoc, name) for name in "ABCD"))
    assert answers == [{name.encode() * 50_000} for name in "ABCD"]
