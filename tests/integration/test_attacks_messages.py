"""Wrong P-DATA and wrong command sets: an A-ABORT of the provider with its reason, or a status that is no success."""

from __future__ import annotations

import asyncio
import struct

import pytest
from helpers.bad_peer import (
    CT,
    GOOD_RQ,
    MR,
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
    element,
    pdata,
    pdv,
    reached,
    response,
    rows,
    short,
    store_elements,
    store_rq,
    target,
)

from dicomgui.network import AcceptPolicy, Handlers, Limits, Status, StoreRequest
from dicomgui.network.dimse.commands import CEchoRSP, CommandField, Response, UnknownCommand
from dicomgui.network.pdu import Abort, PDataTF
from dicomgui.network.tracing import Direction, PduRecord

UNEXPECTED_PARAMETER = (2, 5)
INVALID = (2, 6)
ECHO = command(echo_elements())
STORE = command(store_elements())


P_DATA = [
    *(Attack(f"PDV of length {n}", pdata(pdv(1, 3, ECHO, n)), INVALID) for n in (0, 1, 0x80000001, 0xFFFFFFFF)),
    Attack("PDV past the PDU by 1", pdata(pdv(1, 3, ECHO, len(ECHO) + 3)), INVALID),
    Attack("PDV short of the PDU by 1", pdata(pdv(1, 3, ECHO, len(ECHO) + 1)), INVALID),
    Attack("second PDV cut off", pdata(pdv(1, 1, ECHO[:20]) + pdv(1, 3, ECHO[20:])[:5]), INVALID),
    Attack("second PDV of length 1", pdata(pdv(1, 1, ECHO[:20]) + b"\0\0\0\1\1"), INVALID),
    *(Attack(f"context {n}", pdata(pdv(n, 3, ECHO)), INVALID) for n in (0, 2, 5, 7, 255)),
    Attack("data without a command", dataset(b"data"), UNEXPECTED_PARAMETER),
    Attack("empty data without a command", dataset(b""), UNEXPECTED_PARAMETER),
    Attack("data after a command without a data set", echo_rq() + dataset(b"data", 1), "PDataTF"),
    Attack("command where data is due", pdata(pdv(3, 3, STORE)) + pdata(pdv(3, 3, STORE)), UNEXPECTED_PARAMETER),
    Attack("command in the middle of data", pdata(pdv(3, 3, STORE), pdv(3, 0, b"data"), pdv(3, 3, ECHO)), (2, 5)),
    Attack("data in the middle of a command", pdata(pdv(3, 1, STORE[:20]), pdv(3, 2, b"data")), UNEXPECTED_PARAMETER),
    Attack("other context in mid command", pdata(pdv(3, 1, STORE[:20]), pdv(1, 3, STORE[20:])), UNEXPECTED_PARAMETER),
    Attack("other context for the data", pdata(pdv(3, 3, STORE)) + dataset(b"data", 1), UNEXPECTED_PARAMETER),
    Attack("unknown context for the data", pdata(pdv(3, 3, STORE)) + dataset(b"data", 99), UNEXPECTED_PARAMETER),
    Attack("endless command set", pdata(pdv(1, 1, bytes(16_000))) * 5, INVALID),
    Attack("command set of one PDU over the limit", pdata(pdv(1, 3, bytes(65_537))), INVALID),
    Attack("endless empty fragments", pdata(*[pdv(1, 1, b"")] * 2000) * 40, INVALID),
]

_BODY = ECHO[12:]
COMMANDS = [
    Attack("empty command set", pdata(pdv(1, 3, b"")), INVALID),
    Attack("one byte", pdata(pdv(1, 3, b"\0")), INVALID),
    Attack("cut in an element", pdata(pdv(1, 3, ECHO[:-3])), INVALID),
    Attack("element past the end", pdata(pdv(1, 3, ECHO + element(0x1000, "1.2", 0xFFFFFFFF))), INVALID),
    Attack("element of another group", pdata(pdv(1, 3, ECHO + element(0x0018, "1.2", group=8))), INVALID),
    Attack("explicit VR", pdata(pdv(1, 3, b"\0\0\0\1US\2\0\x30\0")), INVALID),
    Attack("no command field", pdata(pdv(1, 3, command({2: VERIFICATION, 0x110: 1, 0x800: 0x101}))), INVALID),
    Attack("no message id", pdata(pdv(1, 3, command({2: VERIFICATION, 0x100: 0x30, 0x800: 0x101}))), INVALID),
    Attack("no data set type", pdata(pdv(1, 3, command({2: VERIFICATION, 0x100: 0x30, 0x110: 1}))), INVALID),
    Attack("command field of 3 bytes", pdata(pdv(1, 3, command({**echo_elements(), 0x100: b"\x30\0\0"}))), INVALID),
    Attack("message id doubled", pdata(pdv(1, 3, ECHO + element(0x110, 8))), INVALID),
    Attack("data", pdata(pdv(1, 3, b"<html>" * 10)), INVALID),
    *(Attack(f"response {field.text}", response(field, 7), INVALID) for field in CommandField if field & 0x8000),
    Attack("response without status", pdata(pdv(1, 3, command({0x100: 0x8030, 0x120: 7, 0x800: 0x101}))), INVALID),
    Attack("response unknown", response(0x8FF0, 7), INVALID),
]

TOLERATED = [
    Attack("group length 0", pdata(pdv(1, 3, command(echo_elements(), 0))), "echo"),
    Attack("group length too large", pdata(pdv(1, 3, command(echo_elements(), 4_000_000_000))), "echo"),
    Attack("no group length", pdata(pdv(1, 3, command(echo_elements(), None))), "echo"),
    Attack("UID of odd length", pdata(pdv(1, 3, command({**echo_elements(), 2: VERIFICATION.encode()}))), "echo"),
    Attack("UID padded by a space", pdata(pdv(1, 3, command({**echo_elements(), 2: b"1.2.840.10008.1.1 "}))), "echo"),
    Attack("control bits 2 to 7", pdata(pdv(1, 0xFF, ECHO)), "echo"),
    Attack("a byte at a time", b"".join(pdata(pdv(1, 1, ECHO[n : n + 1])) for n in range(len(ECHO) - 1))
           + pdata(pdv(1, 3, ECHO[-1:])), "echo"),
    Attack("two PDVs of one PDU", pdata(pdv(1, 1, ECHO[:21]), pdv(1, 3, ECHO[21:])), "echo"),
    Attack("an empty last fragment", pdata(pdv(1, 1, ECHO)) + pdata(pdv(1, 3)), "echo"),
    Attack("elements of other messages", pdata(pdv(1, 3, ECHO + element(0x1030, b"A" * 500))), "echo"),
    Attack("elements unknown", pdata(pdv(1, 3, ECHO + element(0x9999, b"A" * 60_000))), "echo"),
    Attack("elements out of order", pdata(pdv(1, 3, ECHO[:12] + _BODY[-10:] + _BODY[:-10])), "echo"),
    Attack("an echo with a data set", pdata(pdv(1, 3, command({**echo_elements(), 0x800: 0})))
           + dataset(b"x" * 50_000, 1), "echo"),
]  # fmt: skip


@pytest.mark.parametrize("attack", rows(P_DATA, COMMANDS), ids=str)
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


@pytest.mark.parametrize("attack", rows(P_DATA, COMMANDS)[::8], ids=str)
async def test_the_peer_that_stays_is_closed(attack: Attack) -> None:
    async with target() as listener, await dial(listener.port) as peer:
        await peer.associate()
        await peer.send(attack.payload)
        assert isinstance((await peer.read_all())[-1], Abort)


@pytest.mark.parametrize("attack", rows(P_DATA, COMMANDS), ids=str)
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


async def test_b26_a_change_of_context_in_mid_message_is_aborted_with_2_5_and_nothing_is_kept() -> None:
    async with target() as listener, await dial(listener.port) as peer:
        await peer.associate()
        await peer.send(pdata(pdv(3, 3, STORE)), pdata(pdv(3, 0, b"data")), pdata(pdv(1, 2, b"more")))
        assert short(await peer.read()) == UNEXPECTED_PARAMETER
        assert listener.kept.data == {}


REFUSED = [
    ("wrong class for the context", store_rq(sop_class=MR), 0x0122),
    ("verification as a class to store", store_rq(sop_class=VERIFICATION), 0x0122),
    ("no class", store_rq(sop_class=""), 0x0122),
    ("a store on the context of verification", store_rq(context_id=1), 0x0122),
    ("no instance", store_rq(""), 0x0117),
    ("no data set", pdata(pdv(3, 3, command({**store_elements(), 0x800: 0x101}))), 0xC000),
    *((f"UID {uid[:30]!r}", store_rq(uid), 0x0117) for uid in (
        b"../../../etc/passwd", b"/etc/passwd\0", b"..\\..\\windows\\x", b"C:\\temp\\x\\", b"1.2.3/../4", b"1.2\n.3",
        b"1.2\0.3\0", b"1" * 66, b"1." * 2500, b"....", b"~root~", b"$(reboot)", b"%2e%2e%2fx", b"-rf *  ",
        b"CON.1", b"nul ", b"1.2.3;x\0", b"<script>x</script>", b"\xe2\x80\xae1.2.3\0", b"1.2.3\x1b[2J", b"1..2", b".1",
    )),
]  # fmt: skip


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
