"""Wrong association requests: rejected or aborted as PS3.8 9.2 and 9.3 say, or let in where it can do no harm."""

from __future__ import annotations

import asyncio
import contextlib
import struct

import pytest
from helpers.attacks import (
    ACCEPTED,
    ODD_SUB_ITEMS,
    REQUEST_CONTEXTS,
    REQUEST_HEADS,
    SUB_ITEMS,
    USER_ITEMS,
)
from helpers.bad_peer import (
    APPLICATION,
    CONTEXTS,
    CT,
    EXPLICIT,
    GOOD_RQ,
    IMPLICIT,
    RELEASE_RQ,
    SOON_S,
    USER,
    VERIFICATION,
    Attack,
    associate,
    context_rq,
    dial,
    echo_rq,
    item,
    pdata,
    pdv,
    rows,
    short,
    store_rq,
    target,
    user_information,
)

from dicomgui.network import AcceptPolicy, Handlers, Limits, Status
from dicomgui.network.pdu import Abort, AssociateAC, PDataTF
from dicomgui.network.tracing import RefuseRecord
from dicomgui.network.uids import IMPLEMENTATION_CLASS_UID

PRIVATE = "1.2.826.0.1.3680043.2.1.9.99"
ALL = rows(REQUEST_HEADS, REQUEST_CONTEXTS, USER_ITEMS, SUB_ITEMS, ODD_SUB_ITEMS)


@pytest.mark.parametrize("attack", ALL, ids=str)
async def test_a_wrong_request_is_answered_as_the_standard_says(attack: Attack) -> None:
    async with target() as listener, await dial(listener.port) as peer:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await peer.send(attack.payload)
        assert short(await peer.read()) == attack.answer
        assert loop.time() - began < SOON_S
        await listener.serves()


@pytest.mark.parametrize("attack", [a for a in ALL if a.answer != ACCEPTED][::8], ids=str)
async def test_who_was_refused_and_stays_is_closed(attack: Attack) -> None:
    async with target() as listener, await dial(listener.port) as peer:
        await peer.send(attack.payload)
        assert [short(answer) for answer in await peer.read_all()] == [attack.answer]


@pytest.mark.parametrize("attack", [a for a in ALL if a.answer == ACCEPTED], ids=str)
async def test_who_was_let_in_gets_an_answer_or_an_abort(attack: Attack) -> None:
    """An odd request gives an association that works, or one that ends; never one that hangs."""
    async with target() as listener, await dial(listener.port) as peer:
        answer = await peer.associate(attack.payload)
        usable = any(context.context_id == 1 and context.is_accepted for context in answer.presentation_contexts)
        await peer.send(echo_rq(9, 1))
        reply = await peer.read()
        if usable and "maximum length 1" not in attack.name and "maximum length 7" not in attack.name:
            assert isinstance(reply, PDataTF)
        else:
            assert isinstance(reply, Abort)


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("length", [1, 7])
async def test_a_peer_that_leaves_no_room_for_an_answer_is_aborted(length: int, asynchronous: bool) -> None:
    async def later(request: object, data: object) -> Status:
        await asyncio.sleep(0)
        return Status(0)

    handlers = Handlers(on_store=later if asynchronous else lambda request, data: Status(0))
    async with target(handlers=handlers) as listener, await dial(listener.port) as peer:
        await peer.associate(associate(APPLICATION, CONTEXTS, user_information(max_length=length)))
        await peer.send(store_rq("1.2.3", b"data", 1) + store_rq("1.2.4", b"data", 2))
        assert isinstance(await peer.read(), Abort)
        assert await peer.read_all() == []


@pytest.mark.parametrize("length", [8, 9, 20, 4096, 0])
async def test_b07_what_the_peer_takes_is_kept_to(length: int) -> None:
    async with target() as listener, await dial(listener.port) as peer:
        await peer.associate(associate(APPLICATION, CONTEXTS, user_information(max_length=length)))
        await peer.send(echo_rq(5), RELEASE_RQ)
        answers = await peer.read_all()
        data = [answer for answer in answers if isinstance(answer, PDataTF)]
        assert len(answers) == len(data) + 1
        for answer in data:
            assert len(answer.encode()) - 6 <= (length or 2**20)
            assert len(answer.pdvs[0].data) % 2 == 0
        command = b"".join(bytes(answer.pdvs[0].data) for answer in data)
        assert struct.unpack_from("<I", command, 8)[0] == len(command) - 12


async def test_b09_the_answer_carries_our_identity_and_the_reserved_bytes_come_back() -> None:
    async with target() as listener, await dial(listener.port) as peer:
        answer = await peer.associate(associate(called=b"CALLED", calling=b"CALLING"))
        information = answer.user_information
        assert information is not None
        assert information.implementation_class_uid == IMPLEMENTATION_CLASS_UID
        assert information.implementation_version_name.startswith("DICOMGUI_")
        assert (answer.called_ae, answer.calling_ae) == ("CALLED", "CALLING")


async def test_128_contexts_are_all_answered() -> None:
    contexts = [context_rq(2 * n + 1, VERIFICATION, IMPLICIT) for n in range(128)]
    async with target() as listener, await dial(listener.port) as peer:
        answer = await peer.associate(associate(APPLICATION, *contexts, USER))
        assert [c.context_id for c in answer.presentation_contexts] == list(range(1, 256, 2))
        await peer.send(echo_rq(1, 255))
        assert (await peer.read_command()).message_id == 1


@pytest.mark.parametrize(
    ("context", "result"),
    [
        (context_rq(1, "1.2.3.4", IMPLICIT), 3),
        (context_rq(1, "1" * 65, IMPLICIT), 3),
        (context_rq(1, "1" * 5000, IMPLICIT), 3),
        (context_rq(1, "", IMPLICIT), 3),
        (context_rq(1, "../../x", IMPLICIT), 3),
        (context_rq(1, b"\0" * 8, IMPLICIT), 3),
        (context_rq(1, b"\xff\xfe", IMPLICIT), 3),
        (context_rq(1, VERIFICATION + "\0", IMPLICIT + "\0"), 0),
        (context_rq(1, VERIFICATION + "  ", IMPLICIT + " "), 0),
        (context_rq(1, VERIFICATION), 4),
        (context_rq(1, VERIFICATION, ""), 4),
        (context_rq(1, VERIFICATION, "../x", "1" * 65), 4),
        (context_rq(1, VERIFICATION, "../x", IMPLICIT), 0),
        (context_rq(1, VERIFICATION, *[f"1.2.3.{n}" for n in range(500)]), 0),
        (context_rq(1, VERIFICATION, *[IMPLICIT] * 500), 0),
    ],
    ids=lambda value: value[8:40].decode("latin-1") if isinstance(value, bytes) else None,
)
async def test_each_context_is_judged_alone(context: bytes, result: int) -> None:
    policy = AcceptPolicy(abstract_syntaxes=frozenset((VERIFICATION, CT)))
    good = context_rq(5, VERIFICATION, IMPLICIT)
    async with target(policy=policy) as listener, await dial(listener.port) as peer:
        answer = await peer.associate(associate(APPLICATION, context, good, USER))
        assert [(c.context_id, c.result) for c in answer.presentation_contexts] == [(1, result), (5, 0)]
        await peer.send(echo_rq(1, 5))
        assert (await peer.read_command()).message_id == 1


async def test_b22_a_private_transfer_syntax_is_accepted_and_kept_bit_by_bit() -> None:
    data = bytes(range(256)) * 10
    async with target() as listener, await dial(listener.port) as peer:
        await peer.associate(associate(APPLICATION, context_rq(7, CT, PRIVATE), USER))
        await peer.send(store_rq("1.2.3", data, context_id=7))
        answer = await peer.read_command()
        assert getattr(answer, "status", None) == 0
        assert listener.kept.data == {"1.2.3": data}
        assert listener.kept.requests[0].transfer_syntax_uid == PRIVATE


async def test_b23_two_contexts_of_one_class_keep_their_syntaxes_apart() -> None:
    async with target() as listener, await dial(listener.port) as peer:
        request = associate(APPLICATION, context_rq(1, CT, EXPLICIT), context_rq(3, CT, PRIVATE), USER)
        await peer.associate(request)
        for number, context_id in enumerate((1, 3, 1), 1):
            await peer.send(store_rq(f"1.2.{number}", b"data", number, context_id))
            await peer.read()
        assert [r.transfer_syntax_uid for r in listener.kept.requests] == [EXPLICIT, PRIVATE, EXPLICIT]


@pytest.mark.parametrize(
    ("called", "calling", "answer"),
    [
        (b"LISTENER", b"FRIEND-1", ACCEPTED),
        (b"  LISTENER  ", b" FRIEND-2", ACCEPTED),
        (b"LISTENER\0\0", b"FRIEND-3\0", ACCEPTED),
        (b"OTHER", b"FRIEND-1", (1, 1, 7)),
        (b"listener", b"FRIEND-1", (1, 1, 7)),
        (b"", b"FRIEND-1", (1, 1, 7)),
        (b"LISTENER", b"STRANGER", (1, 1, 3)),
        (b"LISTENER", b"", (1, 1, 3)),
        (b"LISTENER", b"*", (1, 1, 3)),
        (b"LISTENER", b"[F]RIEND-1", (1, 1, 3)),
    ],
)
async def test_titles_that_are_checked(called: bytes, calling: bytes, answer: tuple[int, ...] | str) -> None:
    policy = AcceptPolicy(ae_title="LISTENER", check_called=True, calling_ae_titles=("FRIEND-?", "DICOMGUI"))
    async with target(policy=policy) as listener, await dial(listener.port) as peer:
        await peer.send(associate(called=called, calling=calling))
        assert short(await peer.read()) == answer


async def test_one_association_too_many_is_rejected_and_the_place_is_free_at_once_when_one_ends() -> None:
    async with target(max_associations=3) as listener, contextlib.AsyncExitStack() as stack:
        inside = [await stack.enter_async_context(await dial(listener.port)) for _ in range(3)]
        for peer in inside:
            await peer.associate()
        for _ in range(5):
            async with await dial(listener.port) as late:
                await late.send(GOOD_RQ)
                assert short(await late.read()) == (2, 3, 2)
        assert sum(isinstance(record, RefuseRecord) for record in listener.records) == 5
        await inside[0].send(RELEASE_RQ)
        assert short(await inside[0].read()) == "RP"
        await listener.serves()  # although the peer has not closed its connection


async def test_connections_that_never_negotiate_do_not_take_the_places_of_associations() -> None:
    async with target(max_associations=2) as listener, contextlib.AsyncExitStack() as stack:
        for payload in (b"", b"GET /", pdata(pdv(1, 3)), GOOD_RQ[:100]) * 5:
            peer = await stack.enter_async_context(await dial(listener.port))
            await peer.send(payload)
        await listener.serves()


async def test_many_odd_titles_end_up_in_one_line_of_the_trace() -> None:
    policy = AcceptPolicy(ae_title="LISTENER", calling_ae_titles=("DICOM*",))
    async with target(policy=policy) as listener, await dial(listener.port) as peer:
        await peer.send(associate(calling=b"A\r\nB\x1b[2J"))
        assert short(await peer.read()) == (1, 1, 3)
        [refused] = [record for record in listener.records if isinstance(record, RefuseRecord)]
        assert "\n" not in refused.reason
        assert "\x1b" not in refused.reason


async def test_an_accepted_request_of_the_largest_size_is_answered() -> None:
    filler = item(0x77, bytes(60_000))
    request = associate(APPLICATION, CONTEXTS, USER, *[filler] * 17)
    assert 1_000_000 < len(request) < 1_048_576
    async with target() as listener, await dial(listener.port) as peer:
        assert isinstance(await peer.associate(request), AssociateAC)


async def test_large_requests_of_all_connections_have_one_budget() -> None:
    """Each connection could have us keep 1 MiB and what was made of it; the usual request is never charged."""
    large = associate(APPLICATION, CONTEXTS, USER, *[item(0x77, bytes(60_000))] * 17)
    async with target(limits=Limits(max_memory=12 * 2**20)) as listener:
        async with await dial(listener.port) as first:
            assert isinstance(await first.associate(large), AssociateAC)
            async with await dial(listener.port) as second:
                await second.send(large[:100])  # its header is enough
                assert short(await second.read()) == (0, 0)  # AA-1 (PS3.8 table 9-7)
            async with await dial(listener.port) as usual:
                assert isinstance(await usual.associate(), AssociateAC)
                await usual.send(RELEASE_RQ)
                assert short(await usual.read()) == "RP"
            await first.send(RELEASE_RQ)
            assert len(await first.read_all()) == 1
        await listener.is_empty()
        async with await dial(listener.port) as third:
            assert isinstance(await third.associate(large), AssociateAC)
