"""A server from its start to its end: handlers that fail, limits, closing at each moment."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import pytest
from helpers.bad_peer import (
    GOOD_RQ,
    LOOPBACK,
    RELEASE_RQ,
    SOON_S,
    Peer,
    dial,
    echo_rq,
    pdata,
    pdv,
    reached,
    short,
    store_rq,
    target,
)

from dicomgui.network import (
    AcceptPolicy,
    AssociationAborted,
    ConfigurationError,
    EchoRequest,
    Handlers,
    Lifecycle,
    Limits,
    ListenError,
    MemorySink,
    NullSink,
    Reply,
    ServerOptions,
    Sink,
    Status,
    StoreRequest,
    Strictness,
    Timeouts,
    serve,
)
from dicomgui.network.dimse.commands import Command, Response
from dicomgui.network.service import provider
from dicomgui.network.tracing import ListenRecord, NoteRecord, Record, RefuseRecord

pytestmark = pytest.mark.any_loop

PATIENT = Timeouts(artim_s=60.0, idle_s=60.0)


async def answered(peer: Peer) -> Response:
    response = await peer.read_command()
    assert isinstance(response, Response)
    return response


# --- handlers -------------------------------------------------------------------------------------------------------


class FaultySink:
    """Raises where it is told to, and counts how it ended."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.calls: list[str] = []

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if name in self.where:
            raise OSError(f"{name} fails")

    def write(self, data: memoryview) -> None:
        self._called("write")

    def finish(self) -> object:
        self._called("finish")
        return b"done"

    def abandon(self) -> None:
        self._called("abandon")


@pytest.mark.parametrize("where", ["write", "finish", "write abandon"])
async def test_b17_a_sink_that_raises_is_answered_0110_and_the_association_lives(where: str) -> None:
    sinks: list[FaultySink] = []

    def open_sink(request: StoreRequest) -> Sink:
        sinks.append(FaultySink(where))
        return sinks[-1]

    called: list[object] = []

    def on_store(request: StoreRequest, result: object) -> Status:
        called.append(result)
        return Status(0)

    handlers = Handlers(open_sink=open_sink, on_store=on_store)
    async with target(handlers=handlers) as listener, await dial(listener.port) as peer:
        await peer.associate()
        await peer.send(store_rq(data=bytes(50_000)))
        response = await answered(peer)
        assert response.status == 0x0110
        assert "OSError" in response.error_comment
        assert called == []
        await peer.send(echo_rq())
        assert (await answered(peer)).status == 0
        assert sinks[0].calls == (["write"] * 4 + ["finish"] if where == "finish" else ["write", "abandon"])
        assert [r for r in listener.records if isinstance(r, NoteRecord)]


LENIENT = ServerOptions(policy=AcceptPolicy(), strictness=Strictness.ANY)
"""For requests whose data sets are none."""


async def test_a_sink_whose_end_raises_does_not_keep_the_association_from_ending() -> None:
    sink = FaultySink("abandon")
    handlers = Handlers(open_sink=lambda request: sink, on_store=lambda request, result: Status(0))
    async with target(handlers=handlers) as listener, await dial(listener.port) as peer:
        await peer.associate()
        await peer.send(store_rq(data=bytes(50_000))[:30_000])
        await reached(lambda: "write" in sink.calls, "data has come")
        await peer.reset()
        await listener.is_empty()
        assert sink.calls[-1] == "abandon"
        assert len(listener.ended) == 1


def raise_value_error(*args: object) -> Status:
    raise ValueError("broken\r\nhandler")


async def raise_later(*args: object) -> Status:
    await asyncio.sleep(0)
    raise ValueError("broken")


def raise_cancelled(*args: object) -> Status:
    raise asyncio.CancelledError


async def await_what_is_cancelled(*args: object) -> Status:
    awaited = asyncio.get_running_loop().create_future()
    awaited.cancel()
    await awaited
    return Status(0)


async def return_nonsense(*args: object) -> Status:
    return None  # type: ignore[return-value]


FAULTY = [
    Handlers(on_store=raise_value_error, on_echo=raise_value_error),
    Handlers(on_store=raise_later, on_echo=raise_later),
    Handlers(on_store=raise_cancelled, on_echo=raise_cancelled),
    Handlers(on_store=await_what_is_cancelled, on_echo=await_what_is_cancelled),
    Handlers(on_store=lambda *args: None, on_echo=lambda *args: None),  # type: ignore[arg-type, return-value]
    Handlers(open_sink=raise_value_error, on_store=raise_value_error, on_echo=raise_value_error),
]


@pytest.mark.parametrize("handlers", FAULTY, ids=["at once", "later", "cancelled", "awaiting", "nonsense", "open_sink"])
async def test_b17_a_handler_that_raises_answers_0110_and_the_next_request_is_served(handlers: Handlers) -> None:
    async with await serve(LOOPBACK, 0, handlers=handlers, options=LENIENT) as server, await dial(server.port) as peer:
        await peer.associate()
        for number in range(1, 4):
            await peer.send(store_rq(message_id=number) if number != 2 else echo_rq(number))
            response = await answered(peer)
            assert (response.message_id, response.status) == (number, 0x0110)
            assert response.error_comment.isprintable()


async def test_open_sink_may_refuse_and_the_data_is_read_and_dropped() -> None:
    answers: Iterator[Status | Reply | Sink] = iter(
        [Status(0xA700), Reply(Status(0xA900), "no", (0x00080016,)), MemorySink(10), NullSink()]
    )
    results: list[object] = []

    def keep(request: StoreRequest, result: object) -> Reply:
        results.append(result)
        return Reply(Status(0xB000), "coerced", (0x00100010,))

    handlers = Handlers(open_sink=lambda request: next(answers), on_store=keep)
    async with target(handlers=handlers) as listener, await dial(listener.port) as peer:
        await peer.associate()
        got = []
        for _ in range(4):
            await peer.send(store_rq(data=bytes(50_000)))
            got.append(await answered(peer))
        assert [response.status for response in got] == [0xA700, 0xA900, 0xB000, 0xB000]
        assert got[1].offending_elements == (0x00080016,)
        assert got[2].error_comment == "coerced"
        assert results == [None, None]


async def test_a_data_set_too_large_for_memory_is_refused_without_a_sink() -> None:
    async with (
        target(limits=Limits(max_instance_memory=1000)) as listener,
        await dial(listener.port) as peer,
    ):
        await peer.associate()
        await peer.send(store_rq("1.2.3", bytes(1000)), store_rq("1.2.4", bytes(1002)))
        assert [(await answered(peer)).status for _ in range(2)] == [0, 0xA700]
        assert list(listener.kept.data) == ["1.2.3"]


async def test_an_echo_handler_sees_who_asks_and_decides() -> None:
    seen: list[EchoRequest] = []

    async def judge(request: EchoRequest) -> Status:
        await asyncio.sleep(0)
        return Status(0)

    def at_once(request: EchoRequest) -> Status:
        seen.append(request)
        return Status(0x0124)

    async with await serve(LOOPBACK, 0, handlers=Handlers(on_echo=at_once)) as server, await dial(server.port) as peer:
        await peer.associate()
        await peer.send(echo_rq())
        assert (await answered(peer)).status == 0x0124
        assert seen[0].facts.calling_ae_title == "BAD-PEER"
        assert seen[0].facts.peer.startswith("127.0.0.1:")
    async with target(handlers=Handlers(on_echo=judge)) as listener, await dial(listener.port) as peer:
        await peer.associate()
        await peer.send(echo_rq(1), echo_rq(2), echo_rq(3))
        assert [(await answered(peer)).message_id for _ in range(3)] == [1, 2, 3]


async def test_an_echo_on_a_context_of_another_class_is_refused() -> None:
    async with target() as listener, await dial(listener.port) as peer:
        await peer.associate()
        await peer.send(echo_rq(1, context_id=3))
        assert (await answered(peer)).status == 0x0122


@pytest.mark.parametrize("raises", [False, True])
async def test_what_is_refused_without_a_handler_is_told(raises: bool) -> None:
    told: list[tuple[str, int]] = []

    def tell(facts: object, command: Command, reply: Reply) -> None:
        told.append((command.name, int(reply.status)))
        if raises:
            raise ValueError("who is told")

    handlers = Handlers(on_store=lambda request, data: Status(0xA700), on_refused=tell)
    async with await serve(LOOPBACK, 0, handlers=handlers, options=LENIENT) as server, await dial(server.port) as peer:
        await peer.associate()
        for payload in (store_rq("../x"), store_rq("1.2.3"), echo_rq(), echo_rq(1, context_id=3)):
            await peer.send(payload)
            await answered(peer)
    assert told == [("C-STORE-RQ", 0x0117), ("C-ECHO-RQ", 0x0122)]


async def test_b18_a_server_without_a_store_handler_stores_nothing_and_says_so() -> None:
    options = ServerOptions(policy=AcceptPolicy())
    async with await serve(LOOPBACK, 0, options=options) as server, await dial(server.port) as peer:
        await peer.associate()
        await peer.send(store_rq())
        assert (await answered(peer)).status == 0x0122


async def test_who_wants_to_be_told_and_raises_does_no_harm() -> None:
    def fail(*args: object) -> None:
        raise ValueError("listener of events")

    async with target(lifecycle=Lifecycle(on_accepted=fail, on_closed=fail)) as listener:
        async with await dial(listener.port) as peer:
            await peer.associate(GOOD_RQ)
            await peer.send(echo_rq())
            assert (await answered(peer)).status == 0
            await peer.reset()
        await listener.is_empty()
        texts = [record.text for record in listener.records if isinstance(record, NoteRecord)]
        assert ["on_accepted" in text or "on_closed" in text for text in texts] == [True, True]


async def test_a_reply_that_cannot_be_sent_ends_the_association_and_nothing_else() -> None:
    handlers = Handlers(on_echo=lambda request: Reply(Status(0xC000), "", (1 << 40,)))
    async with await serve(LOOPBACK, 0, handlers=handlers, options=LENIENT) as server, await dial(server.port) as peer:
        await peer.associate()
        await peer.send(echo_rq())
        assert short(await peer.read()) == (2, 0)


async def test_a_fault_of_our_own_ends_one_association(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong inside is an A-ABORT without a reason, a log line and a note."""

    def break_down(*args: object) -> None:
        raise RuntimeError("inside")

    async with target() as listener, await dial(listener.port) as peer:
        await peer.associate()
        with monkeypatch.context() as patch:
            patch.setattr(provider.Provider, "receive", break_down)
            await peer.send(echo_rq())
            assert short(await peer.read()) == (2, 0)
        await listener.serves()
        assert any("inside" in record.text for record in listener.records if isinstance(record, NoteRecord))


# --- start and end --------------------------------------------------------------------------------------------------


async def test_a_port_in_use_and_other_places_that_cannot_be_listened_on_have_an_error_that_says_so() -> None:
    records: list[Record] = []
    options = ServerOptions(policy=AcceptPolicy(), tracer=records.append)
    async with await serve(LOOPBACK, 0) as server:
        with pytest.raises(ListenError, match="in use") as caught:
            await serve(LOOPBACK, server.port, options=options)
        assert caught.value.hint
        with pytest.raises(ListenError, match="does not belong"):
            await serve("192.0.2.1", 0)
        with pytest.raises(ListenError, match="no address"):
            await serve("no.such.name.invalid", 0)
        with pytest.raises(ListenError):
            await serve(LOOPBACK, 70_000)
    [record] = [record for record in records if isinstance(record, ListenRecord)]
    assert record.error
    assert not record.active


@pytest.mark.parametrize("limits", [{"max_connections": 0}, {"max_associations": 0}])
def test_limits_of_nothing_are_refused(limits: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError):
        ServerOptions(policy=AcceptPolicy(), **limits)  # type: ignore[arg-type]


async def test_what_a_server_tells_of_itself() -> None:
    server = await serve(LOOPBACK, 0, ae_title=" ME ")
    assert server.is_listening
    assert server.address == f"127.0.0.1:{server.port}"
    assert server.ae_title == "ME"
    await server.close()
    assert not server.is_listening
    assert server.port == 0
    await server.close()


async def test_an_association_can_be_aborted_by_its_number() -> None:
    async with target() as listener, await dial(listener.port) as peer:
        await peer.associate()
        [facts] = listener.server.associations
        assert not listener.server.abort(facts.association + 1000)
        assert listener.server.abort(facts.association)
        assert [short(answer) for answer in await peer.read_all()] == [(0, 0)]
        assert [type(error) for error in listener.ended] == [AssociationAborted]


async def test_closing_ends_every_kind_of_connection_within_its_grace() -> None:
    loop = asyncio.get_running_loop()
    begun = asyncio.Event()

    async def hang(request: StoreRequest, data: object) -> Status:
        begun.set()
        await asyncio.Event().wait()
        return Status(0)

    options = ServerOptions(policy=AcceptPolicy(), timeouts=PATIENT)
    server = await serve(LOOPBACK, 0, handlers=Handlers(on_store=hang), options=options)
    async with contextlib.AsyncExitStack() as stack:
        silent, idle, busy, halfway, rude, released = [
            await stack.enter_async_context(await dial(server.port)) for _ in range(6)
        ]
        for peer in (idle, busy, halfway, rude):
            await peer.associate()
        await released.associate(GOOD_RQ + RELEASE_RQ)
        await rude.send(pdata(pdv(9, 3)))
        await busy.send(store_rq())
        await halfway.send(store_rq(data=bytes(50_000))[:20_000])
        await begun.wait()
        began = loop.time()
        closing = asyncio.ensure_future(server.close(grace_s=0.3))
        assert [short(answer) for answer in await idle.read_all()] == [(0, 0)]
        assert await silent.read_all() == []
        assert [short(answer) for answer in await rude.read_all()] == [(2, 6)]
        assert [short(answer) for answer in await released.read_all()] == ["RP"]
        assert [short(answer) for answer in await busy.read_all()] == [(0, 0)]
        assert [short(answer) for answer in await halfway.read_all()] == [(0, 0)]
        await closing
        assert loop.time() - began < 0.3 + 1.0 + SOON_S
    assert server.connections == 0


async def test_closing_waits_for_the_answer_of_a_request_at_hand() -> None:
    go, begun = asyncio.Event(), asyncio.Event()

    async def work(request: StoreRequest, data: object) -> Status:
        begun.set()
        await go.wait()
        return Status(0)

    server = await serve(LOOPBACK, 0, handlers=Handlers(on_store=work))
    async with await dial(server.port) as peer:
        await peer.associate()
        await peer.send(store_rq())
        await begun.wait()
        closing = asyncio.ensure_future(server.close(grace_s=30.0))
        await reached(lambda: not server.is_listening, "no new connections")
        go.set()
        assert (await answered(peer)).status == 0
        assert short(await peer.read()) == (0, 0)
        peer.finish_writing()
        await closing


async def test_a_refused_connection_is_in_the_trace() -> None:
    async with target(max_connections=1) as listener:
        async with await dial(listener.port) as first:
            await first.associate()
            async with await dial(listener.port) as late:
                assert await late.read_all() == []
        [record] = [record for record in listener.records if isinstance(record, RefuseRecord)]
        assert "too many" in record.reason
        await listener.is_empty()


async def test_a_connection_that_arrives_while_the_server_stops_is_not_left_open() -> None:
    for _ in range(20):
        server = await serve(port=0)
        with contextlib.ExitStack() as stack:
            for _ in range(5):
                stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            await server.close()
            assert server.connections == 0
            for _ in range(5):
                await asyncio.sleep(0)
            assert server.connections == 0
