"""Matches that a read brings together, and what else may stand between and behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from helpers.bad_peer import (
    APPLICATION,
    IMPLICIT,
    PATIENCE_S,
    RELEASE_RP,
    RELEASE_RQ,
    Peer,
    associate,
    bad_server,
    command,
    context_ac,
    item,
    pdata,
    pdv,
    reached,
    response,
    time_passes,
    user_information,
)
from helpers.certificates import Authority
from pydicom.dataset import Dataset

from dicomgui.network import (
    AETitle,
    Association,
    AssociationAborted,
    ConnectionLost,
    DicomNetworkError,
    FindRequest,
    Handlers,
    Match,
    OperationTimeout,
    RemoteProtocolError,
    ServerOptions,
    Timeouts,
    TlsConfig,
    connect,
    presets,
    serve,
)
from dicomgui.network.dimse.dataset import encode_dataset
from dicomgui.network.pdu import Abort, AssociateRQ, PDataTF, ReleaseRQ
from dicomgui.network.server.offering import policy_for
from dicomgui.network.service import Connection, Matches, Operation
from dicomgui.network.service.exchange import MAX_QUEUED_RESPONSES
from dicomgui.network.tracing import DimseRecord, Direction, PduRecord, Record
from dicomgui.network.transport.buffers import RECEIVE_BUFFER_BYTES

pytestmark = pytest.mark.any_loop

FIND_RSP, PENDING, CANCELLED = 0x8020, 0xFF00, 0xFE00
STUDY_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
ABORT = bytes.fromhex("07000000000400000000")
UNLIMITED = user_information(item(0x53, bytes(4)))


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many matches came together, each time that some did."""
    seen: list[int] = []
    take = Connection._receive_run
    monkeypatch.setattr(Connection, "_receive_run", lambda self, run: seen.append(len(run.data)) or take(self, run))
    return seen


def matches(numbers: range, message_id: int = 1, context_id: int = 1, more: int = 0) -> bytes:
    """Pending responses of which each has its number as Patient ID, and ``more`` bytes of text."""
    elements: dict[int, bytes | int | str] = {
        2: STUDY_FIND,
        0x100: FIND_RSP,
        0x120: message_id,
        0x800: 1,
        0x900: PENDING,
    }
    head = pdata(pdv(context_id, 3, command(elements)))
    sets = (b"\x10\0\x20\0\x08\0\0\0%8d" % number for number in numbers)
    text = b"\x10\0\0\x40" + more.to_bytes(4, "little") + b"N" * more if more else b""
    return b"".join(head + pdata(pdv(context_id, 2, one + text)) for one in sets)


def numbers_of(found: list[Match]) -> list[int]:
    return [int(match.dataset.PatientID) for match in found]


async def accept(peer: Peer) -> int:
    """Accept all contexts, and any number of operations at once; gives that of the study root."""
    rq = await peer.read()
    assert isinstance(rq, AssociateRQ)
    answers = [context_ac(one.context_id, 0, IMPLICIT) for one in rq.presentation_contexts]
    await peer.send(associate(APPLICATION, *answers, UNLIMITED, pdu_type=2))
    return next(one.context_id for one in rq.presentation_contexts if one.abstract_syntax == STUDY_FIND)


async def take_requests(peer: Peer, count: int = 1) -> None:
    while count:
        pdu = await peer.read()
        assert isinstance(pdu, PDataTF)
        count -= pdu.pdvs[-1].is_last and not pdu.pdvs[-1].is_command


async def say_goodbye(peer: Peer) -> None:
    assert isinstance(await peer.read(), ReleaseRQ)
    await peer.send(RELEASE_RP)


def ask(association: Association) -> Operation[Match]:
    return association.find(Dataset(), level="STUDY", root="study")


def calling(address: str, **options: Any) -> Any:
    return connect(address, contexts=presets.QUERY, async_ops=(0, 1), **options)


async def test_leaving_among_runs_cancels_and_the_association_goes_on(runs: list[int]) -> None:
    async def script(peer: Peer) -> None:
        context = await accept(peer)
        await take_requests(peer)
        await peer.send(matches(range(300), 1, context))
        cancel = await peer.read_command()
        assert (cancel.command_field, cancel.message_id) == (0x0FFF, 1)
        await peer.send(
            matches(range(300, 2000), 1, context), response(FIND_RSP, 1, CANCELLED, context, x0002=STUDY_FIND)
        )
        await take_requests(peer)
        await peer.send(matches(range(3), 2, context), response(FIND_RSP, 2, 0, context, x0002=STUDY_FIND))
        await say_goodbye(peer)

    async with bad_server(script) as server, asyncio.timeout(PATIENCE_S), calling(server.address) as association:
        async with ask(association) as operation:
            first = await operation.batch()
        assert (await operation.result()).status == CANCELLED
        async with ask(association) as again:
            assert numbers_of([match async for match in again]) == [0, 1, 2]
    assert numbers_of(first) == list(range(len(first)))
    assert sum(runs) > 1000


async def test_what_is_asked_at_once_gets_its_own_answers(runs: list[int]) -> None:
    """Runs of several matches, of one, of none; and the final responses directly behind them."""
    lengths = [5, 1, 0, 40, 2, 300, 1, 1]
    ends = [sum(lengths[: at + 1]) for at in range(len(lengths))]

    async def script(peer: Peer) -> None:
        context = await accept(peer)
        await take_requests(peer, 2)
        stream = b"".join(
            matches(range(end - length, end), message_id, context)
            for length, end in zip(lengths, ends, strict=True)
            for message_id in (2, 1)
        )
        finals = [response(FIND_RSP, number, 0, context, x0002=STUDY_FIND) for number in (1, 2)]
        await peer.send(stream, *finals)
        await say_goodbye(peer)

    records: list[Record] = []
    async with (
        bad_server(script) as server,
        asyncio.timeout(PATIENCE_S),
        calling(server.address, tracer=records.append) as association,
        asyncio.TaskGroup() as group,
    ):
        tasks = [group.create_task(all_of(ask(association))) for _ in range(2)]
    assert [numbers_of(task.result()) for task in tasks] == [list(range(350))] * 2
    assert sum(runs) > 600
    told = [record for record in records if isinstance(record, DimseRecord) and record.command_field == FIND_RSP]
    assert [record.message_id for record in told] == [
        number for length in lengths for number in (2,) * length + (1,) * length
    ] + [1, 2]
    assert in_order(records)


async def all_of(operation: Operation[Match]) -> list[Match]:
    async with operation:
        return [match async for match in operation]


def in_order(records: list[Record]) -> bool:
    """Whether each received match is told as its two PDUs and the message, and no time goes back."""
    came = [one for one in records if isinstance(one, PduRecord | DimseRecord) and one.direction is Direction.RECEIVED]
    for at, record in enumerate(came):
        if isinstance(record, DimseRecord) and record.status == PENDING:
            head, data = came[at - 2 : at]
            assert isinstance(head, PduRecord)
            assert isinstance(data, PduRecord)
            assert (head.segments[0].data[11], data.segments[0].data[11]) == (3, 2)
            assert data.length - 12 == record.dataset_length
    return all(later.mono >= earlier.mono for earlier, later in pairwise(records))


HEAD_LENGTH = len(matches(range(1))) - len(pdata(pdv(1, 2, bytes(16))))
BREAKS: dict[str, tuple[Callable[[int], bytes], type[Exception], int | None]] = {
    "an answer to what nobody asked": (lambda context: matches(range(3), 7, context), RemoteProtocolError, 6),
    "another context": (lambda _: matches(range(3), 1, 99), RemoteProtocolError, 6),
    "a command where data is due": (
        lambda context: matches(range(1), 1, context)[:HEAD_LENGTH] + matches(range(1), 1, context),
        RemoteProtocolError,
        5,
    ),
    "an abort": (lambda context: ABORT + matches(range(9), 1, context), AssociationAborted, None),
    "a release": (lambda context: RELEASE_RQ + matches(range(9), 1, context), DicomNetworkError, None),
    "the end in the middle of one": (lambda context: matches(range(1), 1, context)[:-5], ConnectionLost, None),
}  # fmt: skip


async def take_all(operation: Operation[Match], found: list[Match]) -> None:
    async for match in operation:
        found.append(match)


@pytest.mark.parametrize(("odd", "error", "reason"), BREAKS.values(), ids=BREAKS)
async def test_what_came_before_a_fault_is_there_and_then_the_fault(
    runs: list[int], odd: Callable[[int], bytes], error: type[Exception], reason: int | None
) -> None:
    answered: list[object] = []

    async def script(peer: Peer) -> None:
        context = await accept(peer)
        await take_requests(peer)
        await peer.send(matches(range(9), 1, context), odd(context))
        if error is ConnectionLost:
            peer.finish_writing()
        answered.append(await peer.read())

    found: list[Match] = []
    async with bad_server(script) as server, asyncio.timeout(PATIENCE_S):
        association = await calling(server.address)
        with pytest.raises(error):
            await take_all(ask(association), found)
        await association.abort()
    assert numbers_of(found) == list(range(9))
    assert runs == [8]
    if reason is not None:
        assert isinstance(answered[0], Abort)
        assert answered[0].reason == reason


async def test_a_match_behind_the_end_ends_the_association_and_not_the_result(runs: list[int]) -> None:
    async def script(peer: Peer) -> None:
        context = await accept(peer)
        await take_requests(peer)
        end = response(FIND_RSP, 1, 0, context, x0002=STUDY_FIND)
        await peer.send(matches(range(9), 1, context), end, matches(range(9), 1, context))
        assert isinstance(await peer.read(), Abort)

    async with bad_server(script) as server, asyncio.timeout(PATIENCE_S):
        association = await calling(server.address)
        assert numbers_of(await all_of(ask(association))) == list(range(9))
        with pytest.raises(DicomNetworkError, match="has ended"):
            await all_of(ask(association))
        await association.abort()
    assert runs == [8]


async def test_who_takes_nothing_is_sent_no_more_than_one_read_beyond_the_bound() -> None:
    sent = []
    piece = matches(range(100))

    async def script(peer: Peer) -> None:
        context = await accept(peer)
        await take_requests(peer)
        for start in range(0, 200_000, 100):
            await peer.send(matches(range(start, start + 100), 1, context))
            sent.append(start)
        await peer.send(response(FIND_RSP, 1, 0, context, x0002=STUDY_FIND))
        await say_goodbye(peer)

    async with bad_server(script) as server, asyncio.timeout(4 * PATIENCE_S), calling(server.address) as association:
        async with ask(association) as operation:
            brake = association._connection.requests.brake
            await reached(lambda: brake.is_holding, "the brake")
            await time_passes(0.2)
            assert len(sent) < 2000, "the peer has no room to send"
            count = len(batch := await operation.batch())
            most = MAX_QUEUED_RESPONSES + RECEIVE_BUFFER_BYTES * 100 // len(piece) + 1
            assert MAX_QUEUED_RESPONSES <= count <= most
            assert numbers_of(batch[-1:]) == [count - 1]
            while batch := await operation.batch():
                assert len(batch) <= most
                count += len(batch)
        assert (await operation.result()).status == 0
    assert count == 200_000


async def test_a_run_renews_the_time_and_silence_behind_it_ends_it(runs: list[int]) -> None:
    async def script(peer: Peer) -> None:
        context = await accept(peer)
        await take_requests(peer)
        for start in range(0, 40, 10):
            await peer.send(matches(range(start, start + 10), 1, context))
            await time_passes(0.4)
        await peer.read()

    found: list[Match] = []
    async with bad_server(script) as server, asyncio.timeout(PATIENCE_S):
        association = await calling(server.address, timeouts=Timeouts(response_s=1.0))
        with pytest.raises(OperationTimeout):
            await take_all(ask(association), found)
        await association.abort()
    assert numbers_of(found) == list(range(40))
    assert len(runs) >= 4


def many(request: FindRequest) -> Iterator[Matches]:
    for start in range(0, 20_000, 500):
        sets = []
        for number in range(start, start + 500):
            match = Dataset()
            match.PatientID = str(number)
            sets.append(encode_dataset(match, request.context.transfer_syntax))
        yield Matches(sets)


async def test_what_tls_has_left_over_comes_when_it_is_read_on(tmp_path: Path, runs: list[int]) -> None:
    authority = Authority(tmp_path)
    pair, handlers = authority.issue("127.0.0.1"), Handlers(on_find=many)
    tls = TlsConfig(cert_file=pair.cert, key_file=pair.key)
    options = ServerOptions(policy=policy_for(handlers, AETitle("ANY")), tls=tls)
    async with (
        await serve(port=0, handlers=handlers, options=options) as server,
        calling(f"X@127.0.0.1:{server.port}", tls=TlsConfig(ca_file=authority.file)) as association,
        ask(association) as operation,
    ):
        connection = association._connection
        await reached(lambda: connection.requests.brake.is_holding, "the brake")
        found = []
        while batch := await operation.batch():
            found += numbers_of(batch)
            await asyncio.sleep(0)
        assert (await operation.result()).status == 0
    assert found == list(range(20_000))
    assert sum(runs) > 15_000
