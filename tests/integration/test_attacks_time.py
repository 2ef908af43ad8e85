"""Peers that are slow, silent, half gone, or too many: others are served, and every one of them comes to an end."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import sys

import pytest
from helpers.bad_peer import (
    GOOD_RQ,
    PATIENCE_S,
    RELEASE_RQ,
    SOON_S,
    Peer,
    Target,
    associate,
    command,
    dataset,
    dial,
    echo_rq,
    open_files,
    pdata,
    pdv,
    reached,
    short,
    store_elements,
    store_rq,
    target,
    time_passes,
)
from helpers.cut_proxy import cut_proxy

from dicomgui.network import (
    AssociationError,
    Handlers,
    OperationTimeout,
    ProposedContext,
    RemoteProtocolError,
    Status,
    StoreRequest,
    Timeouts,
    connect,
)
from dicomgui.network.part10 import write_head
from dicomgui.network.tracing import RefuseRecord

IDLE = Timeouts(artim_s=0.25, idle_s=0.3)
PATIENT = Timeouts(artim_s=60.0, idle_s=60.0)
"""Time-outs that would let a test fail: what the peer does must be enough."""

COMMAND = pdata(pdv(3, 3, command(store_elements("1.2.3"))))
SESSION = store_rq("1.2.3", bytes(40_000))

# Where a peer can stop: what it has sent until then. The first two stand before the association.
PHASES = {
    "connected": (False, b""),
    "in the request": (False, GOOD_RQ[:100]),
    "associated": (True, b""),
    "in a header": (True, COMMAND[:3]),
    "in a command": (True, COMMAND[:40]),
    "between command and data": (True, COMMAND),
    "in the data": (True, SESSION[:20_000]),
    "before the last fragment": (True, SESSION[: -len(dataset(bytes(40_000 % 16_000)))]),
    "after an answer": (True, echo_rq()),
}
at_each_phase = pytest.mark.parametrize("phase", PHASES)


async def come_to(phase: str, listener: Target) -> Peer:
    """A peer that has gone so far, and the listener knows."""
    associated, payload = PHASES[phase]
    peer = await dial(listener.port)
    if associated:
        await peer.associate()
    await peer.send(payload)
    if phase == "after an answer":
        await peer.read()
    await reached(lambda: listener.server.connections == 1, "the connection is there")
    return peer


@at_each_phase
async def test_who_stops_is_ended_by_artim_or_the_idle_time_and_leaves_nothing(phase: str) -> None:
    loop = asyncio.get_running_loop()
    async with target(timeouts=IDLE) as listener, await come_to(phase, listener) as peer:
        began = loop.time()
        await listener.serves()
        answers = [short(answer) for answer in await peer.read_all()]
        assert answers == ([(0, 0)] if PHASES[phase][0] else [])
        assert loop.time() - began < 0.25 + 0.3 + SOON_S
        assert listener.kept.data == {}
        if PHASES[phase][0]:
            ended = [error for error in listener.ended if error is not None]
            assert [type(error) for error in ended] == [OperationTimeout]


@at_each_phase
@pytest.mark.parametrize("how", ["fin", "rst", "close"])
async def test_who_goes_is_noticed_at_once(phase: str, how: str) -> None:
    async with target(timeouts=PATIENT) as listener, await come_to(phase, listener) as peer:
        if how == "fin":
            peer.finish_writing()
            assert await peer.read_all() == []
        elif how == "rst":
            await peer.reset()
        else:
            await peer.close()
        async with asyncio.timeout(SOON_S):
            await listener.server.wait_empty()
        assert listener.kept.data == {}
        assert len(listener.ended) == int(PHASES[phase][0])
        assert None not in listener.ended


@pytest.mark.parametrize("how", ["fin", "rst"])
async def test_who_goes_while_a_handler_works_ends_the_handler(how: str) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work(request: StoreRequest, data: object) -> Status:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return Status(0)

    handlers = Handlers(on_store=work)
    async with target(timeouts=PATIENT, handlers=handlers) as listener, await dial(listener.port) as peer:
        await peer.associate()
        await peer.send(store_rq())
        await begun.wait()
        if how == "fin":
            peer.finish_writing()
        else:
            await peer.reset()
        async with asyncio.timeout(SOON_S):
            await ended.wait()
            await listener.server.wait_empty()


@pytest.mark.parametrize("last_word", ["rejected", "released"])
async def test_who_does_not_close_after_our_last_word_is_closed_at_artim(last_word: str) -> None:
    loop = asyncio.get_running_loop()
    async with target(timeouts=Timeouts(artim_s=0.25, idle_s=60.0)) as listener, await dial(listener.port) as peer:
        await peer.send(associate(version=0) if last_word == "rejected" else GOOD_RQ + RELEASE_RQ)
        began = loop.time()
        await listener.serves()
        answers = [short(answer) for answer in await peer.read_all()]
        assert answers[-1] == ((1, 2, 2) if last_word == "rejected" else "RP")
        assert 0.2 <= loop.time() - began < 0.25 + SOON_S


async def test_dribbled_data_holds_nobody_up() -> None:
    """A byte now and then keeps an association, as a slow line would; it costs one place and nothing else."""
    async with target(timeouts=IDLE) as listener, await dial(listener.port) as peer:
        await peer.associate()
        for at in range(30):
            await peer.send(SESSION[at : at + 1])
            if at % 10 == 0:
                await listener.serves()
            await time_passes(0.02)
        assert len(listener.server.associations) == 1
        assert short(await peer.read()) == (0, 0)


async def test_b11_idle_under_the_limit_works_and_past_it_has_a_defined_end() -> None:
    async with target(timeouts=Timeouts(artim_s=0.25, idle_s=0.5)) as listener, await dial(listener.port) as peer:
        await peer.associate()
        for number in (1, 2, 3):
            await time_passes(0.25)
            await peer.send(echo_rq(number))
            assert (await peer.read_command()).message_id == number
        assert [short(answer) for answer in await peer.read_all()] == [(0, 0)]


async def test_our_own_slowness_is_no_idleness_of_the_peer() -> None:
    async def slow(request: StoreRequest, data: object) -> Status:
        await time_passes(0.5)
        return Status(0)

    quick, handlers = Timeouts(idle_s=0.1), Handlers(on_store=slow)
    async with target(timeouts=quick, handlers=handlers) as listener, await dial(listener.port) as peer:
        await peer.associate()
        await peer.send(store_rq())
        assert getattr(await peer.read_command(), "status", None) == 0


@pytest.mark.parametrize("then", ["stays", "goes"])
async def test_who_never_reads_is_held_in_bounds_and_ended(then: str) -> None:
    timeouts = Timeouts(artim_s=0.25, idle_s=0.5 if then == "stays" else 60.0)
    async with target(timeouts=timeouts) as listener, await dial(listener.port, receive_buffer=4096) as peer:
        await peer.associate()
        peer.pause()
        requests = echo_rq() * 2000
        with contextlib.suppress(TimeoutError):
            for _ in range(200):
                async with asyncio.timeout(0.2):
                    await peer.send(requests)
        await listener.serves()
        if then == "goes":
            await peer.reset()
        await listener.is_empty()


async def test_b14_a_connection_that_says_nothing_does_not_stop_the_next_one() -> None:
    async with target(timeouts=PATIENT) as listener, await dial(listener.port):
        await listener.serves()


async def crowd(size: int) -> None:
    """``size`` connections that say nothing, half of them with an association; then they go, or run out of time."""
    files = open_files()
    timeouts = Timeouts(artim_s=60.0, idle_s=60.0)
    async with target(timeouts=timeouts, max_associations=size) as listener, contextlib.AsyncExitStack() as stack:
        for number in range(size):
            peer = await stack.enter_async_context(await dial(listener.port))
            if number % 2:
                await peer.associate()
        await reached(lambda: listener.server.connections == size, "all are there")
        assert len(listener.server.associations) == size // 2
        await listener.serves()
        if files:
            assert open_files() <= files + 2 * size + 20
        await stack.aclose()
        async with asyncio.timeout(PATIENCE_S):
            await listener.server.wait_empty()
        await listener.serves()


async def test_300_idle_connections_cost_nobody_the_service() -> None:
    await crowd(300)


@pytest.mark.long
async def test_1000_idle_connections_cost_nobody_the_service() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192) if hard > 0 else 8192, hard))
    try:
        await crowd(1000)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_one_connection_too_many_is_closed_and_the_place_is_free_again() -> None:
    async with target(timeouts=PATIENT, max_connections=5) as listener, contextlib.AsyncExitStack() as stack:
        crowd = [await stack.enter_async_context(await dial(listener.port)) for _ in range(5)]
        for peer in crowd:
            await peer.associate()
        async with await dial(listener.port) as late:
            await late.send(GOOD_RQ)
            assert await late.read_all() == []
        await crowd[0].close()
        await reached(lambda: listener.server.connections == 4, "one is gone")
        await listener.serves()


async def test_of_a_crowd_that_says_nothing_the_oldest_gives_way() -> None:
    async with target(timeouts=PATIENT, max_connections=20) as listener, contextlib.AsyncExitStack() as stack:
        inside = await stack.enter_async_context(await dial(listener.port))
        await inside.associate()
        crowd = [await stack.enter_async_context(await dial(listener.port)) for _ in range(300)]
        await reached(lambda: listener.server.connections <= 20, "there are no more than may be")
        for _ in range(3):
            await listener.serves()
        assert [await peer.read_all() for peer in crowd[:281]] == [[]] * 281
        assert not any(peer.is_gone for peer in crowd[-15:])
        await inside.send(echo_rq())
        assert (await inside.read_command()).message_id == 7
        told = [record.reason for record in listener.records if isinstance(record, RefuseRecord)]
        assert len(told) >= 281
        assert {"made room" in reason for reason in told} == {True}


async def test_who_waits_for_our_answer_does_not_give_way() -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def think(request: object) -> None:
        asked.set()
        await answer.wait()

    async with target(timeouts=PATIENT, max_connections=1, negotiator=think) as listener:
        async with await dial(listener.port) as peer:
            await peer.send(GOOD_RQ)
            await asked.wait()
            async with await dial(listener.port) as late:
                assert await late.read_all() == []
            answer.set()
            assert short(await peer.read()) == "AC"
        await listener.is_empty()


async def test_a_storm_of_200_reconnects_leaves_nothing() -> None:
    async def storm(number: int) -> None:
        async with await dial(listener.port) as peer:
            match number % 5:
                case 0:
                    await peer.reset()
                case 1:
                    await peer.send(GOOD_RQ)
                    await peer.reset()
                case 2:
                    await peer.associate()
                case 3:
                    await peer.associate()
                    await peer.send(SESSION[:20_000])
                    await peer.reset()
                case 4:
                    await peer.associate(GOOD_RQ + RELEASE_RQ)

    async with target(timeouts=PATIENT) as listener:
        async with asyncio.TaskGroup() as group:
            for number in range(200):
                group.create_task(storm(number))
        await listener.serves()
        await listener.is_empty()
        assert listener.kept.data == {}


CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"


@pytest.mark.parametrize("how", ["close", "reset", "freeze"])
async def test_a_line_that_breaks_at_any_byte_never_makes_a_success_of_a_failure(how: str, tmp_path: object) -> None:
    """Our client and our server with a proxy between them that cuts after so many bytes, in either direction."""
    path = tmp_path / "instance.dcm"  # type: ignore[operator]
    head = write_head(sop_class_uid=CT, sop_instance_uid="1.2.3", transfer_syntax_uid=EXPLICIT)
    path.write_bytes(head + bytes(300_000))
    quick = Timeouts(connect_s=5.0, associate_s=0.2, response_s=0.2, release_s=0.2)
    contexts = [ProposedContext(CT, (EXPLICIT,))]

    async def session(port: int) -> tuple[bool, bool]:
        """Whether the store was a success, and whether the release was."""
        stored = False
        try:
            async with connect(f"X@127.0.0.1:{port}", contexts=contexts, timeouts=quick) as assoc:
                stored = (await assoc.store(path)).status.is_success
        except (AssociationError, OperationTimeout, RemoteProtocolError):
            return stored, False
        return stored, True

    async with target(timeouts=Timeouts(artim_s=0.2, idle_s=0.2)) as listener:
        async with cut_proxy(listener.port) as whole:
            assert await session(whole.port) == (True, True)
            sent, got = whole.passed
        await listener.is_empty()
        cuts = [{"forward_limit": n} for n in (0, 1, 7, 200, 400, sent // 2, sent - 11, sent - 10, sent - 1)]
        cuts += [{"backward_limit": n} for n in (0, 1, 7, got - 20, got - 11, got - 10, got - 1)]
        for cut in cuts[:: 3 if how == "freeze" else 1]:
            listener.kept.data.clear()
            async with cut_proxy(listener.port, how=how, **cut) as proxy:
                stored, released = await session(proxy.port)
                assert not released
                if stored:
                    assert listener.kept.data == {"1.2.3": bytes(300_000)}
        await listener.is_empty()


if sys.platform == "win32":  # no resource limits to raise
    del test_1000_idle_connections_cost_nobody_the_service
