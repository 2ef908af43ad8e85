"""C-FIND and C-CANCEL between our client and our server: streams, their ends, and what both sides hold meanwhile."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from helpers.bad_peer import (
    APPLICATION,
    USER,
    Peer,
    associate,
    bad_server,
    command,
    context_ac,
    dataset,
    pdata,
    pdv,
    reached,
    response,
    time_passes,
)
from helpers.certificates import Authority, client_config, server_config
from helpers.services import LOW, PATIENCE_S, ends, keys

from dicomgui.network import (
    AssociationAborted,
    ConfigurationError,
    FindRequest,
    Handlers,
    LocalProtocolError,
    Match,
    OperationTimeout,
    Reply,
    Status,
    SyncClient,
    Timeouts,
    connect,
    presets,
)
from dicomgui.network.service.exchange import MAX_QUEUED_RESPONSES
from dicomgui.network.service.results import Matches
from dicomgui.network.service_classes.query import search
from dicomgui.network.tracing import DimseRecord, Record

pytestmark = pytest.mark.any_loop

SOON_S = 1.5
"""A second, and what a busy computer adds."""


def some(count: int) -> Iterator[object]:
    for number in range(count):
        yield keys(PatientID=str(number))


@pytest.mark.parametrize("secure", [False, True], ids=["tcp", "tls"])
async def test_every_match_comes_in_order_then_the_final_response(tmp_path: Path, secure: bool) -> None:
    seen: list[FindRequest] = []

    async def find(request: FindRequest) -> AsyncIterator[object]:
        seen.append(request)
        yield keys(PatientID="0", QueryRetrieveLevel=request.dataset.QueryRetrieveLevel)
        yield Match(keys(PatientID="1"), Status(0xFF01))

    authority = Authority(tmp_path) if secure else None
    tls = None if authority is None else (server_config(authority.issue()), client_config(authority))
    async with ends(Handlers(on_find=find), tls=tls) as both:
        asked = keys(PatientID="")
        async with both.assoc.find(asked, level="STUDY") as op:
            matches = [match async for match in op]
        response = await op.result()
    assert [match.dataset.PatientID for match in matches] == ["0", "1"]
    assert [match.status for match in matches] == [0xFF00, 0xFF01]  # B19: FF01 is no error
    assert response.status.is_success
    assert not op.is_cancelled
    assert matches[0].dataset.QueryRetrieveLevel == "STUDY"
    assert asked == keys(PatientID="")  # B24: what the caller holds is his
    [request] = seen
    assert (request.facts.calling_ae_title, request.context.abstract_syntax) == ("SCU", "1.2.840.10008.5.1.4.1.2.2.1")


async def test_b24_a_worklist_query_has_no_query_retrieve_level() -> None:
    asked: list[object] = []

    def find(request: FindRequest) -> list[object]:
        asked.append(request.dataset)
        return []

    async with ends(Handlers(on_find=find)) as both:
        mine = keys(PatientName="*")
        assert (await both.assoc.find(mine, root="worklist")).status.is_success
    assert asked == [mine]
    assert 0x00080052 not in mine


@pytest.mark.parametrize("count", [0, 1, 300])
async def test_as_many_matches_as_there_are(count: int) -> None:
    async with ends(Handlers(on_find=lambda request: some(count))) as both:
        taken: list[str] = []
        response = await both.assoc.find(keys(PatientID="")).each(lambda m: taken.append(m.dataset.PatientID))
    assert taken == [str(n) for n in range(count)]
    assert response.status.is_success


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        keys(PatientID="7"),
        Match(keys(PatientID="7")),
        Matches([b""]),
        [keys(PatientID="7")],
        (keys(PatientID="7"),),
    ],
    ids=["bytes", "dataset", "match", "matches", "list", "tuple"],
)
async def test_what_a_handler_may_answer_with(answer: object) -> None:
    async with ends(Handlers(on_find=lambda request: answer)) as both:
        matches = [match async for match in both.assoc.find(keys(PatientID=""))]
    assert len(matches) == 1
    assert matches[0].data == b"" if answer in (b"", Matches([b""])) else matches[0].dataset.PatientID == "7"


@pytest.mark.parametrize("size", [100, 30_000, 200_000], ids=["many in a piece", "few", "one too large for that"])
async def test_matches_that_go_together_come_in_order(size: int) -> None:
    def on_find(request: FindRequest) -> Iterator[Matches]:
        for start in range(0, 60, 20):
            yield Matches([b"%06d" % number + bytes(size) for number in range(start, start + 20)], Status(0xFF01))

    records: list[Record] = []
    async with ends(Handlers(on_find=on_find), serving={"tracer": records.append}) as both:
        matches = [match async for match in both.assoc.find(keys(PatientID=""))]
    assert [int(match.data[:6]) for match in matches] == list(range(60))
    assert {match.status for match in matches} == {0xFF01}
    assert {len(match.data) for match in matches} == {size + 6}
    told = [record.dataset_length for record in records if isinstance(record, DimseRecord) and record.message_id]
    assert told.count(size + 6) == 60


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Status(0xA700), 0xA700),
        (Reply(Status(0xA900), "why", (0x00100010,)), 0xA900),
        (None, 0x0110),
        (7, 0x0110),
    ],
    ids=["status", "reply", "nothing", "nonsense"],
)
@pytest.mark.parametrize("later", [False, True], ids=["at once", "in a coroutine"])
async def test_a_refusal_is_the_final_response_and_the_association_lives(
    answer: object, status: int, later: bool
) -> None:
    async def coroutine(request: FindRequest) -> object:
        return answer

    async with ends(Handlers(on_find=coroutine if later else lambda request: answer)) as both:
        response = await both.assoc.find(keys(PatientID=""))
        assert response.status == status
        assert (response.comment == "why") == isinstance(answer, Reply)
        assert (await both.assoc.echo()).status.is_success


@pytest.mark.parametrize("error", [ValueError("broken"), asyncio.CancelledError()], ids=["fault", "cancelled"])
async def test_b17_a_generator_that_raises_in_the_middle_ends_with_0110(error: BaseException) -> None:
    def find(request: FindRequest) -> Iterator[object]:
        yield keys(PatientID="1")
        raise error

    async with ends(Handlers(on_find=find)) as both:
        async with both.assoc.find(keys(PatientID="")) as op:
            assert len([match async for match in op]) == 1
        assert (await op.result()).status == 0x0110
        assert type(error).__name__ in (await op.result()).comment
        assert (await both.assoc.echo()).status.is_success


async def test_a_status_in_the_stream_ends_it() -> None:
    def find(request: FindRequest) -> Iterator[object]:
        yield keys(PatientID="1")
        yield None
        yield Status(0xA700)
        raise AssertionError("nobody asks for more")

    async with ends(Handlers(on_find=find)) as both:
        async with both.assoc.find(keys(PatientID="")) as op:
            assert len([match async for match in op]) == 1
        assert (await op.result()).status == 0xA700


async def test_an_identifier_that_cannot_be_read_is_answered_c000() -> None:
    def find(request: FindRequest) -> object:
        return [request.dataset]

    async with ends(Handlers(on_find=find)) as both:
        response = await both.assoc.find(b"\x10\0\x10\0ZZ\xff\xffgarbage!")
        assert response.status == 0xC000
        with pytest.raises(ConfigurationError):
            await both.assoc.find(b"", level="STUDY")


@pytest.mark.parametrize("count", [pytest.param(20_000, id="20,000"), pytest.param(100_000, marks=pytest.mark.long)])
async def test_a_long_stream_is_never_held_on_either_side(count: int) -> None:
    data = keys(PatientID="X" * 64, StudyInstanceUID="1.2.3")
    made = 0

    def find(request: FindRequest) -> Iterator[object]:
        nonlocal made
        for _ in range(count):
            made += 1
            yield data

    peak = taken = 0
    async with ends(Handlers(on_find=find), timeouts=LOW) as both, both.assoc.find(keys(PatientID="")) as op:
        async for _ in op:
            taken += 1
            if taken == 1000:
                gc.collect()
                tracemalloc.start()
            if taken % 1000 == 0 and taken > 1000:
                peak = max(peak, tracemalloc.get_traced_memory()[1])
                if taken == 10_000:
                    tracemalloc.stop()
                    break
        async for _ in op:
            taken += 1
    assert (taken, made) == (count, count)
    assert peak < 8 * 2**20


async def test_a_slow_consumer_holds_the_peer_and_loses_nothing() -> None:
    big = keys(PatientID="X", EncapsulatedDocument=bytes(20_000))
    made = 0

    def find(request: FindRequest) -> Iterator[object]:
        nonlocal made
        for _ in range(2000):
            made += 1
            yield big

    async with ends(Handlers(on_find=find)) as both, both.assoc.find(keys(PatientID="")) as op:
        await anext(op)
        before = -1
        while before != made:  # until the server cannot send any more
            before = made
            await time_passes(0.2)
        assert made < 1500  # 4 MiB here, the rest in the buffers of the system
        assert len([match async for match in op]) == 1999


async def test_a_stream_that_nobody_takes_does_not_keep_another_request_from_its_response() -> None:
    """With a window; else both would wait for ever for each other."""
    async with (
        ends(Handlers(on_find=lambda request: some(3000)), async_ops=(0, 1)) as both,
        both.assoc.find(keys(PatientID="")) as op,
    ):
        await anext(op)
        for _ in range(20):
            assert (await both.assoc.echo()).status.is_success
        assert len([match async for match in op]) == 2999


async def test_b15_an_abort_is_taken_note_of_while_nobody_takes_the_matches() -> None:
    def find(request: FindRequest) -> Iterator[object]:
        yield from some(MAX_QUEUED_RESPONSES // 2)
        numbers.append(request.facts.association)

    numbers: list[int] = []
    async with ends(Handlers(on_find=find)) as both:
        async with both.assoc.find(keys(PatientID="")) as op:
            await anext(op)
            await reached(lambda: bool(numbers), "the matches are sent")
            assert both.server.abort(numbers[0])
            await reached(lambda: not both.assoc.is_connected, "the A-ABORT is taken note of")
        with pytest.raises((AssociationAborted, LocalProtocolError)):
            await both.assoc.echo()


async def test_b15_beyond_what_is_kept_the_matches_come_first_and_then_the_abort() -> None:
    """TCP keeps the order: what is not read stands before the A-ABORT."""
    async with ends(Handlers(on_find=lambda request: some(100_000_000))) as both:
        op = both.assoc.find(keys(PatientID=""))
        await anext(op)
        await reached(lambda: op._exchange is not None and op._exchange.is_full, "no more is kept")
        both.server.abort(both.server.associations[0].association)
        taken: list[Match] = []
        with pytest.raises(AssociationAborted):
            await op.each(taken.append)
        assert len(taken) >= MAX_QUEUED_RESPONSES
        with pytest.raises(AssociationAborted):
            await op.result()


# cancelling


@pytest.fixture
def cancelled() -> list[bool]:
    return []


def endless(cancelled: list[bool], manner: str) -> Handlers:
    """A query without end whose handler takes notice of a cancel or not."""

    def plain(request: FindRequest) -> Iterator[object]:
        try:
            number = 0
            while True:
                number += 1
                yield keys(PatientID=str(number))
        finally:
            cancelled.append(request.is_cancelled)

    async def waiting(request: FindRequest) -> AsyncIterator[object]:
        yield keys(PatientID="1")
        await request.wait_cancelled()
        await request.wait_cancelled()
        cancelled.append(request.is_cancelled)

    async def deaf(request: FindRequest) -> AsyncIterator[object]:
        try:
            yield keys(PatientID="1")
            await asyncio.Event().wait()
        finally:
            cancelled.append(request.is_cancelled)

    async def deaf_before_the_first(request: FindRequest) -> list[object]:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(request.is_cancelled)
        return []

    async def stubborn(request: FindRequest) -> AsyncIterator[object]:
        yield keys(PatientID="1")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(request.is_cancelled)
        yield keys(PatientID="2")

    async def together(request: FindRequest) -> AsyncIterator[Matches]:
        try:
            while True:
                yield Matches([bytes(200)] * 500)
                await asyncio.sleep(0)
        finally:
            cancelled.append(request.is_cancelled)

    return Handlers(
        on_find={
            "plain": plain,
            "together": together,
            "waiting": waiting,
            "deaf": deaf,
            "deaf before the first": deaf_before_the_first,
            "stubborn": stubborn,
        }[manner]
    )


MANNERS = ["plain", "together", "waiting", "deaf", "deaf before the first", "stubborn"]


@pytest.mark.parametrize("manner", MANNERS)
async def test_a_cancel_ends_the_query_within_a_second_and_the_association_lives(
    cancelled: list[bool], manner: str
) -> None:
    async with ends(endless(cancelled, manner)) as both:
        op = both.assoc.find(keys(PatientID=""))
        async with op:
            if manner != "deaf before the first":
                await anext(op)
            async with asyncio.timeout(SOON_S):
                response = await op.cancel()
        assert response.status == 0xFE00
        assert response.status.is_cancel
        assert op.is_cancelled
        assert await op.cancel() == await op.result() == response
        assert [match async for match in op] == []
        assert cancelled == [True]
        assert (await both.assoc.echo()).status.is_success


async def test_leaving_the_block_early_cancels(cancelled: list[bool]) -> None:
    async with ends(endless(cancelled, "plain")) as both:
        async with both.assoc.find(keys(PatientID="")) as op:
            async for match in op:
                if match.dataset.PatientID == "3":
                    break
        assert op.is_cancelled
        assert (await op.result()).status == 0xFE00
        assert cancelled == [True]


@pytest.mark.parametrize("is_coroutine", [False, True])
async def test_a_callback_that_says_false_cancels(cancelled: list[bool], is_coroutine: bool) -> None:
    taken: list[str] = []

    def plain(match: Match) -> bool | None:
        taken.append(match.dataset.PatientID)
        return None if len(taken) < 5 else False

    async def coroutine(match: Match) -> bool | None:
        return plain(match)

    async with ends(endless(cancelled, "plain")) as both:
        op = both.assoc.find(keys(PatientID=""))
        response = await op.each(coroutine if is_coroutine else plain)
        assert response.status == 0xFE00
        assert len(taken) == 5


async def test_a_callback_that_raises_cancels_and_its_error_is_raised(cancelled: list[bool]) -> None:
    def callback(match: Match) -> None:
        raise KeyError("mine")

    async with ends(endless(cancelled, "plain")) as both:
        with pytest.raises(KeyError, match="mine"):
            await both.assoc.find(keys(PatientID="")).each(callback)
        assert cancelled == [True]
        assert (await both.assoc.echo()).status.is_success


async def test_another_task_cancels_and_the_iteration_just_ends(cancelled: list[bool]) -> None:
    async with ends(endless(cancelled, "deaf")) as both:
        op = both.assoc.find(keys(PatientID=""))
        begun = asyncio.Event()

        async def iterate() -> int:
            count = 0
            async for _ in op:
                count += 1
                begun.set()
            return count

        async with asyncio.TaskGroup() as group:
            iterating = group.create_task(iterate())
            await begun.wait()
            response = await op.cancel()
        assert response.status == 0xFE00
        assert iterating.result() == 1
        assert (await op.result()) == response


async def test_two_tasks_cancel_while_a_third_awaits_the_result(cancelled: list[bool]) -> None:
    async with ends(endless(cancelled, "plain")) as both:
        op = both.assoc.find(keys(PatientID=""))

        async def result() -> Status:
            return (await op).status

        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(result())
            await reached(lambda: bool(both.server.associations) and op._begun is not None, "it has begun")
            one, two = group.create_task(op.cancel()), group.create_task(op.cancel())
        assert {waiting.result(), one.result().status, two.result().status} == {Status(0xFE00)}


async def test_a_cancelled_task_cancels_its_query(cancelled: list[bool]) -> None:
    async with ends(endless(cancelled, "deaf")) as both:
        taken = asyncio.Event()

        async def query() -> None:
            async with both.assoc.find(keys(PatientID="")) as op:
                async for _ in op:
                    taken.set()

        task = asyncio.get_running_loop().create_task(query())
        await taken.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert cancelled == [True]
        assert (await both.assoc.echo()).status.is_success


@pytest.mark.parametrize("began", [False, True], ids=["all at once", "after a match"])
async def test_a_cancelled_wait_for_the_result_cancels_its_query(began: bool, cancelled: list[bool]) -> None:
    async with ends(endless(cancelled, "deaf")) as both:
        operation = both.assoc.find(keys(PatientID=""))
        if began:
            await anext(operation)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await operation
        assert operation.is_cancelled
        assert cancelled == [True]
        assert (await operation.result()).status.is_cancel
        assert (await both.assoc.echo()).status.is_success


async def test_an_operation_that_never_began_cannot_be_cancelled() -> None:
    async with ends(Handlers(on_find=lambda request: some(1))) as both:
        op = both.assoc.find(keys(PatientID=""))
        with pytest.raises(LocalProtocolError, match="without a final response"):
            await op.cancel()
        assert [match async for match in op] == []


async def test_a_cancel_that_comes_too_late_gives_the_response_that_there_is() -> None:
    async with ends(Handlers(on_find=lambda request: some(2))) as both:
        op = both.assoc.find(keys(PatientID=""))
        response = await op
        assert (await op.cancel()) is response
        assert response.status.is_success
        assert not op.is_cancelled


FIND_AC = associate(APPLICATION, context_ac(1), USER, pdu_type=2)
FIND = "1.2.840.10008.5.1.4.1.2.2.1"


def pending(message_id: int, status: int = 0xFF00) -> bytes:
    elements = {0x0002: FIND, 0x0100: 0x8020, 0x0120: message_id, 0x0800: 1, 0x0900: status}
    return pdata(pdv(1, 3, command(elements))) + dataset(b"", 1)


STUDY_FIND = presets.for_classes(FIND, transfer_syntaxes=("1.2.840.10008.1.2",))


@pytest.mark.parametrize("goes_on", [False, True], ids=["silent", "goes on"])
async def test_a_peer_that_takes_no_notice_of_a_cancel_is_aborted(goes_on: bool) -> None:
    heard: list[object] = []

    async def script(peer: Peer) -> None:
        await peer.accept(FIND_AC)
        request = await peer.read_command()
        await peer.read()
        await peer.send(pending(request.message_id))
        heard.append((await peer.read_command()).command_field)
        while goes_on and not peer.is_gone:
            await peer.send(pending(request.message_id))
            await time_passes(0.01)
        heard.append(type(await peer.read()).__name__)

    async with (
        bad_server(script) as server,
        connect(server.address, contexts=STUDY_FIND, timeouts=Timeouts(cancel_s=0.8)) as assoc,
    ):
        op = assoc.find(b"")
        await anext(op)
        with pytest.raises(OperationTimeout) as caught:
            async with asyncio.timeout(SOON_S):
                await op.cancel()
        assert caught.value.phase == "response"
        assert "0.8 s" in str(caught.value)
        await reached(lambda: not assoc.is_connected, "the association is over")
        with pytest.raises(OperationTimeout):
            await op.result()
        await reached(lambda: goes_on or len(heard) == 2, "the peer has the A-ABORT")
    assert heard[0] == 0x0FFF
    assert goes_on or heard[1] == "Abort"


async def test_leaving_a_block_whose_peer_takes_no_notice_ends_the_association_and_raises_nothing() -> None:
    async def script(peer: Peer) -> None:
        await peer.accept(FIND_AC)
        request = await peer.read_command()
        await peer.read()
        await peer.send(pending(request.message_id))
        await peer.drop()

    async with bad_server(script) as server, connect(server.address, contexts=STUDY_FIND) as assoc:
        async with assoc.find(b"") as op:
            async for _ in op:
                break
        assert op.is_cancelled
        assert not assoc.is_connected


async def test_a_stream_that_stops_runs_into_its_own_time_out_also_after_it_was_held() -> None:
    async def script(peer: Peer) -> None:
        await peer.accept(FIND_AC)
        request = await peer.read_command()
        await peer.read()
        await peer.send(*(pending(request.message_id) for _ in range(2 * MAX_QUEUED_RESPONSES)))
        await peer.drop()

    async with bad_server(script) as server, connect(server.address, contexts=STUDY_FIND) as assoc:
        taken: list[Match] = []

        async def take(match: Match) -> None:
            taken.append(match)
            if len(taken) == 1:
                await time_passes(0.6)  # longer than the peer has: it is us who are slow

        with pytest.raises(OperationTimeout, match=r"no response within 0\.3 s"):
            await assoc.find(b"", timeout_s=0.3).each(take)
        assert len(taken) == 2 * MAX_QUEUED_RESPONSES


async def test_an_iteration_that_is_cancelled_outside_of_a_block_ends_the_association(cancelled: list[bool]) -> None:
    async with ends(endless(cancelled, "deaf")) as both:
        op = both.assoc.find(keys(PatientID=""))
        await anext(op)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await anext(op)
        assert not both.assoc.is_connected
        with pytest.raises(LocalProtocolError):
            await op.result()


async def test_cancelling_a_cancel_ends_the_association() -> None:
    async def script(peer: Peer) -> None:
        await peer.accept(FIND_AC)
        request = await peer.read_command()
        await peer.read()
        await peer.send(pending(request.message_id))
        await peer.drop()

    async with bad_server(script) as server, connect(server.address, contexts=STUDY_FIND) as assoc:
        op = assoc.find(b"")
        await anext(op)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await op.cancel(within_s=PATIENCE_S)
        assert not assoc.is_connected


async def test_a_cancel_in_the_row_waits_for_its_turn(cancelled: list[bool]) -> None:
    async with ends(endless(cancelled, "deaf")) as both:
        first = both.assoc.find(keys(PatientID=""))
        await anext(first)
        second = both.assoc.find(keys(PatientID=""))

        async def wait() -> Status:
            return (await second).status

        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(wait())
            await asyncio.sleep(0)
            cancelling = group.create_task(second.cancel())
            await asyncio.sleep(0)
            await first.cancel()
        assert waiting.result() == cancelling.result().status == 0xFE00


async def test_b06_message_ids_are_unique_and_never_0() -> None:
    records: list[Record] = []
    async with (
        ends(Handlers(on_find=lambda request: some(1)), tracer=records.append, async_ops=(0, 1)) as both,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(20):
            group.create_task(both.assoc.find(keys(PatientID="")).result())
            group.create_task(both.assoc.echo())
    sent = [r.message_id for r in records if isinstance(r, DimseRecord) and not r.command_field & 0x8000]
    assert sorted(sent) == list(range(1, 41))


def test_the_blocking_twin_finds_cancels_and_stops() -> None:
    from dicomgui.network import SyncServer

    async def find(request: FindRequest) -> AsyncIterator[object]:
        for match in some(1000):
            yield match
        if request.dataset.PatientID:  # there is more, but not yet
            await asyncio.Event().wait()

    with (
        SyncServer.serve(port=0, handlers=Handlers(on_find=find)) as server,
        SyncClient.connect(f"X@127.0.0.1:{server.port}") as assoc,
    ):
        with assoc.find(keys(PatientID="")) as op:
            assert sum(1 for _ in op) == 1000
        assert op.result().status.is_success
        taken: list[Match] = []
        assert assoc.find(keys(PatientID="")).each(taken.append).status.is_success
        assert len(taken) == 1000
        op = assoc.find(keys(PatientID="more"))
        assert op.each(lambda match: False).status.is_cancel
        assert op.is_cancelled
        with assoc.find(keys(PatientID="more")) as op:
            next(op)
            assert op.cancel().status.is_cancel
        assert assoc.echo().status.is_success


async def test_an_iteration_that_is_dropped_leaves_a_usable_association() -> None:
    """The loop is left without a block around it: the query is cancelled, and the next one has its turn."""
    async with ends(Handlers(on_find=lambda request: some(1000))) as both:

        async def first() -> object:
            async for match in both.assoc.find(keys(PatientID="")):
                return match
            return None

        with pytest.warns(ResourceWarning, match="CFind"):
            assert await first() is not None
        async with asyncio.timeout(SOON_S):
            assert (await both.assoc.echo()).status.is_success
            async with both.assoc.find(keys(PatientID="")) as op:
                assert len([match async for match in op]) == 1000


async def test_a_limit_keeps_its_matches_though_the_peer_takes_no_notice_of_the_cancel() -> None:
    async def script(peer: Peer) -> None:
        await peer.accept(FIND_AC)
        request = await peer.read_command()
        await peer.read()
        while not peer.is_gone:
            await peer.send(pending(request.message_id))
            await time_passes(0.01)

    limited = Timeouts(cancel_s=0.3)
    async with bad_server(script) as server, connect(server.address, contexts=STUDY_FIND, timeouts=limited) as assoc:
        async with asyncio.timeout(SOON_S):
            answer = await search(assoc, keys(PatientID=""), limit=5)
    assert len(answer.found) == 5
    assert answer.response is None


async def test_a_peer_that_needs_its_time_to_cancel_keeps_its_association() -> None:
    async def script(peer: Peer) -> None:
        await peer.accept(FIND_AC)
        request = await peer.read_command()
        await peer.read()
        await peer.send(pending(request.message_id))
        await peer.read_command()
        for _ in range(10):
            await peer.send(pending(request.message_id))
            await time_passes(0.12)
        await peer.send(response(0x8020, request.message_id, 0xFE00))
        await peer.read()

    async with bad_server(script) as server, connect(server.address, contexts=STUDY_FIND) as assoc:
        async with assoc.find(b"") as op:
            await anext(op)
        assert (await op.result()).status == 0xFE00
        assert assoc.is_connected
        await assoc.abort()
