"""Wrong P-DATA and wrong command sets: an A-ABORT of the provider with its reason, or a status that is no success."""

from __future__ import annotations

import asyncio
import struct

import pytest
from helpers.attacks import (
    COMMAND_SETS,
    INVALID,
    P_DATA,
    REFUSED,
    STORE,
    TOLERATED,
    UNEXPECTED_PARAMETER,
)
from helpers.bad_peer import (
    CT,
    GOOD_RQ,
    RELEASE_RQ,
    VERIFICATION,
    Attack,
    associate,
    command,
    context_rq,
    dataset,
    dial,
    echo_elements,
    echo_rq,
    pdata,
    pdv,
    reached,
    rows,
    short,
    store_rq,
    target,
)

from dicomgui.network import AcceptPolicy, Handlers, Limits, Status, StoreRequest
from dicomgui.network.dimse.commands import CEchoRSP, CommandField, Response, UnknownCommand
from dicomgui.network.pdu import Abort, PDataTF
from dicomgui.network.tracing import Direction, PduRecord


@pytest.mark.parametrize("attack", rows(P_DATA, COMMAND_SETS), ids=str)
async def test_a_fault_is_aborted_with_its_reason(attack: Attack) -> None:
    async with target() as listener, await dial(listener.port) as peer:
        await peer.associate()
        await peer.send(attack.payload)
        answer = await peer.read()
        if attack.answer == "PDataTF":  # what comes first is in order and answered
            assert short(answer) == attack.answer
            answer = await peer.read()
            assert short(answer) == UNEXPECTED_PARAMETER
        else:
            assert short(answer) == attack.answer
        assert listener.kept.data == {}
        await listener.serves()


@pytest.mark.parametrize("attack", rows(P_DATA, COMMAND_SETS)[::8], ids=str)
async def test_the_peer_that_stays_is_closed(attack: Attack) -> None:
    async with target() as listener, await dial(listener.port) as peer:
        await peer.associate()
        await peer.send(attack.payload)
        assert isinstance((await peer.read_all())[-1], Abort)


@pytest.mark.parametrize("attack", rows(P_DATA, COMMAND_SETS), ids=str)
async def test_the_faulty_pdu_is_in_the_trace(attack: Attack) -> None:
    async with target() as listener, await dial(listener.port) as peer:
        await peer.associate()
        number = listener.server.associations[0].association
        await peer.send(attack.payload)
        while not isinstance(answer := await peer.read(), Abort):
            assert answer is not None
        await reached(lambda: listener.server.associations == (), "the association is over")
        records = [r for r in listener.records if isinstance(r, PduRecord) and r.association == number]
        data = [record for record in records if record.pdu_type == 4 and record.direction is Direction.RECEIVED]
        kept = b"".join(segment.data for record in data for segment in record.segments)
        assert attack.payload[: len(kept)] == kept
        assert len(kept) >= min(12, len(attack.payload))
        [error] = [error for error in listener.ended if error is not None]
        assert str(error)
        assert "\n" not in str(error)


@pytest.mark.parametrize("attack", TOLERATED, ids=str)
async def test_what_is_odd_but_clear_is_answered(attack: Attack) -> None:
    async with target() as listener, await dial(listener.port) as peer:
        await peer.associate()
        await peer.send(attack.payload)
        answer = await peer.read_command()
        assert isinstance(answer, CEchoRSP)
        assert (answer.message_id, answer.status) == (7, 0)
        await peer.send(echo_rq(8))
        assert (await peer.read_command()).message_id == 8


async def test_two_messages_in_one_pdu_are_both_answered() -> None:
    """PS3.8 annex E.2 forbids it to senders; nothing is unclear about it."""
    async with target() as listener, await dial(listener.port) as peer:
        await peer.associate()
        await peer.send(pdata(pdv(1, 3, command(echo_elements(5))), pdv(1, 3, command(echo_elements(6)))))
        assert [(await peer.read_command()).message_id for _ in range(2)] == [5, 6]


async def test_data_on_a_context_that_was_refused_is_aborted() -> None:
    policy = AcceptPolicy(abstract_syntaxes=frozenset((VERIFICATION,)))
    async with target(policy=policy) as listener, await dial(listener.port) as peer:
        answer = await peer.associate()
        assert [context.result for context in answer.presentation_contexts] == [0, 3]
        await peer.send(store_rq(context_id=3))
        assert short(await peer.read()) == INVALID
        assert listener.kept.data == {}


async def test_b26_a_change_of_context_in_mid_message_is_aborted_with_2_5_and_nothing_is_kept() -> None:
    async with target() as listener, await dial(listener.port) as peer:
        await peer.associate()
        await peer.send(pdata(pdv(3, 3, STORE)), pdata(pdv(3, 0, b"data")), pdata(pdv(1, 2, b"more")))
        assert short(await peer.read()) == UNEXPECTED_PARAMETER
        assert listener.kept.data == {}


@pytest.mark.parametrize(("name", "payload", "status"), REFUSED, ids=[row[0] for row in REFUSED])
async def test_what_cannot_be_stored_is_refused_by_status_and_the_association_goes_on(
    name: str, payload: bytes, status: int
) -> None:
    async with target() as listener, await dial(listener.port) as peer:
        await peer.associate()
        await peer.send(payload)
        answer = await peer.read_command()
        assert isinstance(answer, Response)
        assert answer.status == status
        assert answer.status.is_failure
        assert answer.error_comment
        await peer.send(store_rq("1.2.3.4", b"good", 8))
        good = await peer.read_command()
        assert isinstance(good, Response)
        assert good.status == 0
        assert listener.kept.data == {"1.2.3.4": b"good"}


NOT_OFFERED = [field for field in CommandField if not field & 0x8000 and field not in (0x0001, 0x0030, 0x0FFF)]


@pytest.mark.parametrize("field", [*NOT_OFFERED, 0x0002, 0x0FFE, 0x7FFF, 0x0000], ids=lambda n: f"{n:04X}H")
@pytest.mark.parametrize("with_data", [False, True])
async def test_an_operation_that_is_not_offered_is_answered_0211_not_as_an_echo(field: int, with_data: bool) -> None:
    elements = {0x0002: VERIFICATION, 0x0003: VERIFICATION, 0x0100: field, 0x0110: 7, 0x0800: 0 if with_data else 0x101}
    elements |= {0x1002: 1, 0x1008: 1}  # event and action type
    async with target() as listener, await dial(listener.port) as peer:
        await peer.associate()
        await peer.send(pdata(pdv(1, 3, command(elements))), dataset(b"x" * 100, 1) if with_data else b"")
        answer = await peer.read_command()
        assert isinstance(answer, Response | UnknownCommand)
        assert answer.command_field == field | 0x8000
        assert (answer.message_id, answer.status) == (7, 0x0211)
        await peer.send(echo_rq(8))
        assert (await peer.read_command()).message_id == 8


async def test_a_storm_of_cancels_for_nothing_is_not_answered_and_harms_nobody() -> None:
    cancel = pdata(pdv(1, 3, command({0x0100: 0x0FFF, 0x0120: 9, 0x0800: 0x0101})))
    async with target() as listener, await dial(listener.port) as peer:
        await peer.associate()
        await peer.send(cancel * 2000, echo_rq(8))
        assert (await peer.read_command()).message_id == 8


class Slow:
    """A store handler that waits until it may go on."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.begun = 0
        self.cancelled = 0

    async def __call__(self, request: StoreRequest, data: object) -> Status:
        self.begun += 1
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return Status(0)


async def test_a_message_id_in_use_is_answered_0210_and_the_first_one_is_not_lost() -> None:
    slow = Slow()
    async with target(handlers=Handlers(on_store=slow)) as listener, await dial(listener.port) as peer:
        await peer.associate()
        await peer.send(store_rq("1.2.1", message_id=5), store_rq("1.2.2", message_id=6))
        await reached(lambda: slow.begun == 1, "the handler has begun")
        for number in (5, 6):
            await peer.send(store_rq("1.2.3", message_id=number))
            answer = await peer.read_command()
            assert isinstance(answer, Response)
            assert (answer.message_id, answer.status) == (number, 0x0210)
        slow.go.set()
        answers = [await peer.read_command() for _ in range(2)]
        assert [(answer.message_id, getattr(answer, "status", None)) for answer in answers] == [(5, 0), (6, 0)]


async def test_requests_without_end_are_not_read_until_those_before_are_answered() -> None:
    """Back-pressure: what waits is bounded, and nothing is lost."""
    slow = Slow()
    count = 4000
    messages = [store_rq(f"1.2.{n}", bytes(1000), n) for n in range(1, count + 1)]
    async with target(handlers=Handlers(on_store=slow)) as listener, await dial(listener.port) as peer:
        await peer.associate()
        sending = asyncio.ensure_future(peer.send(*messages))
        await reached(lambda: slow.begun == 1, "the handler has begun")
        await listener.serves()
        assert sum(isinstance(r, PduRecord) and r.pdu_type == 4 for r in listener.records) < 2 * count
        slow.go.set()
        answers = [await peer.read_command() for _ in range(count)]
        await sending
        assert [answer.message_id for answer in answers] == list(range(1, count + 1))


async def test_b15_an_abort_is_taken_note_of_while_a_handler_is_busy() -> None:
    slow = Slow()
    async with target(handlers=Handlers(on_store=slow)) as listener, await dial(listener.port) as peer:
        await peer.associate()
        await peer.send(store_rq())
        await reached(lambda: slow.begun == 1, "the handler has begun")
        await peer.send(bytes.fromhex("07000000000400000000"))
        await listener.is_empty()
        assert slow.cancelled == 1


async def test_a_release_while_a_handler_is_busy_is_answered_after_its_answer() -> None:
    slow = Slow()
    async with target(handlers=Handlers(on_store=slow)) as listener, await dial(listener.port) as peer:
        await peer.associate()
        await peer.send(store_rq(), RELEASE_RQ)
        await reached(lambda: slow.begun == 1, "the handler has begun")
        slow.go.set()
        assert [short(answer) for answer in await peer.read_all()] == ["PDataTF", "RP"]
        assert listener.ended == [None]


async def test_data_after_a_release_request_is_aborted_although_an_answer_is_due() -> None:
    slow = Slow()
    async with target(handlers=Handlers(on_store=slow)) as listener, await dial(listener.port) as peer:
        await peer.associate()
        await peer.send(store_rq(), RELEASE_RQ, echo_rq(9))
        assert short(await peer.read()) == (2, 2)
        peer.finish_writing()
        await listener.is_empty()
        assert slow.cancelled == 1


async def test_a_data_set_over_the_limit_is_aborted_and_nothing_is_kept() -> None:
    limits = Limits(max_dataset_length=100_000)
    async with target(limits=limits) as listener, await dial(listener.port) as peer:
        await peer.associate()
        await peer.send(store_rq("1.2.3", bytes(100_000)))
        assert short(await peer.read()) == "PDataTF"
        await peer.send(store_rq("1.2.4", bytes(100_002)))
        assert short(await peer.read()) == INVALID
        assert list(listener.kept.data) == ["1.2.3"]


@pytest.mark.parametrize("role", [(0, 1), (0, 0)])
async def test_a_requestor_that_gave_away_its_role_is_refused(role: tuple[int, int]) -> None:
    selection = struct.pack(">BxHH", 0x54, len(CT) + 4, len(CT)) + CT.encode() + bytes(role)
    information = struct.pack(">BxH", 0x50, len(selection)) + selection
    request = associate(
        GOOD_RQ[74:][: 4 + len("1.2.840.10008.3.1.1.1")], context_rq(3, CT, "1.2.840.10008.1.2"), information
    )
    policy = AcceptPolicy(requestor_scp=None)
    async with target(policy=policy) as listener, await dial(listener.port) as peer:
        answer = await peer.associate(request)
        accepted = answer.presentation_contexts[0].is_accepted
        await peer.send(store_rq())
        reply = await peer.read()
        if accepted:
            assert isinstance(reply, PDataTF)
        else:
            assert short(reply) == INVALID
        assert listener.kept.data == {}
