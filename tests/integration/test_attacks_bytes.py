"""What is no DICOM, and PDUs that are wrong: each is answered as PS3.8 says, and the listener goes on.

Before an association every fault is A-ABORT 0/0 (AA-1), in one it is A-ABORT 2 with its reason (AA-8).
"""

from __future__ import annotations

import asyncio
import random
import tracemalloc

import pytest
from helpers.bad_peer import (
    CONTEXTS,
    GOOD_AC,
    GOOD_RQ,
    QUICK,
    RELEASE_RP,
    RELEASE_RQ,
    SOON_S,
    Attack,
    associate,
    dial,
    echo_rq,
    pdata,
    pdu,
    pdv,
    reached,
    rows,
    short,
    store_rq,
    target,
    time_passes,
)

from dicomgui.network import Timeouts
from dicomgui.network.pdu import Abort, PDataTF
from dicomgui.network.tracing import BytesRecord, PduRecord, StateRecord

USER = (0, 0)
UNRECOGNIZED = (2, 1)
UNEXPECTED = (2, 2)
INVALID = (2, 6)
ABORT = bytes.fromhex("07000000000400000000")
RJ = bytes.fromhex("03000000000400010107")
TLS_HELLO = bytes.fromhex("160301020001000001fc0303") + bytes(range(256)) * 2
_random = random.Random(2026)

NOT_DICOM = [
    Attack("http", b"GET / HTTP/1.1\r\nHost: pacs\r\n\r\n", USER),
    Attack("http-post", b"POST /dicom-web/studies HTTP/1.1\r\nContent-Length: 9999\r\n\r\n" + bytes(4000), USER),
    Attack("tls", TLS_HELLO, USER),
    Attack("sslv2", bytes.fromhex("802e0100020015000000100100800200800300800400800500800600400700c0"), USER),
    Attack("ssh", b"SSH-2.0-OpenSSH_9.2p1\r\n", USER),
    Attack("mllp", b"\x0bMSH|^~\\&|HIS|RIS\x1c\r", USER),
    Attack("telnet", b"\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23", USER),
    Attack("zeros", bytes(100), USER),
    Attack("ones", b"\xff" * 100, USER),
    Attack("preamble of a file", bytes(128) + b"DICM" + bytes(500), USER),
    Attack("bare command set", bytes.fromhex("0000000004000000380000000000020012000000"), USER),
    *(
        Attack(f"random {n}", bytes([_random.randrange(8, 256)]) + _random.randbytes(_random.randrange(5, 3000)), USER)
        for n in range(6)
    ),
]

BEFORE = [
    Attack("associate-ac", GOOD_AC, USER),
    Attack("associate-rj", RJ, USER),
    Attack("p-data", echo_rq(), USER),
    Attack("p-data of 4 GiB", pdu(4, b"", 0xFFFFFFFF), USER),
    Attack("release-rq", RELEASE_RQ, USER),
    Attack("release-rp", RELEASE_RP, USER),
    Attack("abort", ABORT, None),
    *(Attack(f"type {kind:02X}H", pdu(kind, b"abcd"), USER) for kind in (0x00, 0x08, 0x10, 0x41, 0x80, 0xFF)),
    Attack("rq of length 0", pdu(1), USER),
    Attack("rq of length 1", pdu(1, b"x"), USER),
    Attack("rq one byte too short", pdu(1, GOOD_RQ[6:73]), USER),
    Attack("rq over the limit", pdu(1, b"", 1_048_577), USER),
    Attack("rq longer than its items by 1", associate(length=len(GOOD_RQ) - 6 + 1) + b"\0", USER),
    Attack("rq shorter than its items by 1", associate(length=len(GOOD_RQ) - 6 - 1), USER),
    Attack("abort of length 0", pdu(7), USER),
    Attack("release of length 0", pdu(5), USER),
    Attack("release of 4 GiB", pdu(5, b"", 0xFFFFFFFF), USER),
]

IN_ASSOCIATION = [
    Attack("associate-rq", GOOD_RQ, UNEXPECTED),
    Attack("associate-ac", GOOD_AC, UNEXPECTED),
    Attack("associate-rj", RJ, UNEXPECTED),
    Attack("release-rp", RELEASE_RP, UNEXPECTED),
    Attack("associate-rq that is broken", associate(b"\x20\0\xff\xff"), INVALID),
    Attack("release-rq", RELEASE_RQ, "RP"),
    Attack("release-rq of length 8", pdu(5, bytes(8)), "RP"),
    Attack("release-rq of length 0", pdu(5), INVALID),
    Attack("release-rq of 2 KiB", pdu(5, bytes(2048)), INVALID),
    Attack("abort", ABORT, None),
    Attack("abort of the provider, unknown reason", pdu(7, b"\0\0\x02\xff"), None),
    Attack("abort with a reserved source", pdu(7, b"\0\0\x01\x00"), None),
    Attack("abort of length 8", pdu(7, bytes(8)), None),
    Attack("abort of length 3", pdu(7, bytes(3)), INVALID),
    *(Attack(f"type {kind:02X}H", pdu(kind, b"abcd"), UNRECOGNIZED) for kind in (0x00, 0x08, 0x80, 0xFF)),
    Attack("http", b"GET / HTTP/1.1\r\n\r\n", UNRECOGNIZED),
    *(Attack(f"p-data of length {n}", pdu(4, bytes(n)), INVALID) for n in (0, 1, 2, 5)),
    Attack("p-data of 4 GiB", pdu(4, b"", 0xFFFFFFFF), INVALID),
    Attack("p-data over the limit, header only", pdu(4, b"", 131_073), INVALID),
    Attack("p-data over the limit, whole", pdata(pdv(1, 3, bytes(131_068))), INVALID),
]


@pytest.mark.parametrize("attack", rows(NOT_DICOM, BEFORE), ids=str)
async def test_before_an_association(attack: Attack) -> None:
    async with target() as listener, await dial(listener.port) as peer:
        await peer.send(attack.payload)
        assert short(await peer.read()) == attack.answer
        await listener.serves()


@pytest.mark.parametrize("attack", IN_ASSOCIATION, ids=str)
async def test_in_an_association(attack: Attack) -> None:
    async with target() as listener, await dial(listener.port) as peer:
        await peer.associate()
        await peer.send(attack.payload)
        assert short(await peer.read()) == attack.answer
        await listener.serves()


@pytest.mark.parametrize("attack", IN_ASSOCIATION, ids=str)
async def test_in_the_same_segment_as_the_request(attack: Attack) -> None:
    """The bytes after an A-ASSOCIATE-RQ are judged in the association that it opens."""
    async with target() as listener, await dial(listener.port) as peer:
        await peer.associate(GOOD_RQ + attack.payload)
        assert short(await peer.read()) == attack.answer


@pytest.mark.parametrize("attack", rows(NOT_DICOM[:3], BEFORE[:3]), ids=str)
async def test_who_is_told_to_go_and_stays_is_closed_when_artim_runs_out(attack: Attack) -> None:
    async with target() as listener, await dial(listener.port) as peer:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await peer.send(attack.payload)
        assert [short(answer) for answer in await peer.read_all()] == [attack.answer]
        assert QUICK.artim_s - 0.05 <= loop.time() - began < QUICK.artim_s + SOON_S


@pytest.mark.parametrize("beginning", [b"", b"\x01", GOOD_RQ[:5], GOOD_RQ[:6], GOOD_RQ[:-1], b"SSH"], ids=repr)
async def test_who_says_too_little_is_closed_without_a_word(beginning: bytes) -> None:
    async with target() as listener, await dial(listener.port) as peer:
        await peer.send(beginning)
        await listener.serves()
        assert await peer.read_all() == []


async def test_dribbled_bytes_do_not_renew_artim() -> None:
    """PS3.8 9.1.5: the timer starts with the connection and stops with a whole A-ASSOCIATE-RQ, not before."""
    async with target() as listener, await dial(listener.port) as peer:
        loop = asyncio.get_running_loop()
        began = loop.time()

        async def dribble() -> None:
            for at in range(len(GOOD_RQ)):
                await peer.send(GOOD_RQ[at : at + 1])
                await time_passes(0.03)

        async with asyncio.TaskGroup() as group:
            task = group.create_task(dribble())
            assert await peer.read_all() == []
            assert QUICK.artim_s - 0.05 <= loop.time() - began < QUICK.artim_s + SOON_S
            task.cancel()


async def test_after_the_abort_a_stubborn_peer_is_answered_a_few_times_and_then_closed() -> None:
    """Sta13: what is invalid is answered again (AA-7), all else is ignored (AA-6), and nobody keeps us busy."""
    async with target() as listener, await dial(listener.port) as peer:
        await peer.send(RELEASE_RP)
        assert short(await peer.read()) == USER
        await peer.send(echo_rq(), RELEASE_RQ, RELEASE_RP, GOOD_AC, RJ)
        await peer.send(GOOD_RQ)
        assert short(await peer.read()) == UNEXPECTED
        await peer.send(pdu(0x99, b"x"))
        assert short(await peer.read()) == UNRECOGNIZED
        for _ in range(50):
            await peer.send(pdu(0x99, bytes(100_000)))
        answers = await peer.read_all()
        assert {short(answer) for answer in answers} <= {UNRECOGNIZED}
        assert len(answers) < 10


async def test_after_the_abort_an_abort_closes_at_once() -> None:
    async with target(timeouts=Timeouts(artim_s=60.0)) as listener, await dial(listener.port) as peer:
        await peer.send(RELEASE_RP)
        assert short(await peer.read()) == USER
        await peer.send(ABORT)
        assert await peer.read_all() == []
        await listener.is_empty()


async def test_b21_a_length_of_four_gigabytes_is_refused_at_the_header_and_costs_nothing() -> None:
    async with target() as listener, await dial(listener.port) as fresh, await dial(listener.port) as known:
        await known.associate()
        tracemalloc.start()
        try:
            await fresh.send(pdu(1, b"", 0xFFFFFFFF))
            await known.send(pdu(4, b"", 0xFFFFFFFF))
            assert short(await fresh.read()) == USER
            assert short(await known.read()) == INVALID
            assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
        finally:
            tracemalloc.stop()


async def test_b20_a_truncated_item_is_aborted_with_source_0_and_closed() -> None:
    cut = associate(CONTEXTS[:-3])
    async with target() as listener, await dial(listener.port) as peer:
        await peer.send(cut)
        assert [short(answer) for answer in await peer.read_all()] == [USER]
        [refused] = [r for r in listener.records if isinstance(r, PduRecord) and r.pdu_type == 1]
        assert refused.error
        assert b"".join(s.data for s in refused.segments) == cut


@pytest.mark.parametrize("how", ["fin", "rst"])
@pytest.mark.parametrize("at", [1, 5, 6, 7, 60, 150, len(GOOD_RQ) - 1])
async def test_a_request_that_is_cut_off_leaves_nothing(at: int, how: str) -> None:
    async with target() as listener, await dial(listener.port) as peer:
        await reached(lambda: listener.server.connections == 1, "the connection is there")
        await peer.send(GOOD_RQ[:at])
        if how == "fin":
            peer.finish_writing()
            assert await peer.read_all() == []
        else:
            await peer.reset()
        await listener.is_empty()


async def test_a_session_byte_by_byte_gives_the_same_answers() -> None:
    session = GOOD_RQ + echo_rq(1) + store_rq("1.2.3", b"abcdef", 2) + RELEASE_RQ
    async with target() as listener, await dial(listener.port) as peer:
        for at in range(len(session)):
            await peer.send(session[at : at + 1])
            if at % 16 == 0:
                await asyncio.sleep(0)
        answers = await peer.read_all()
        assert [type(answer).__name__ for answer in answers] == ["AssociateAC", "PDataTF", "PDataTF", "ReleaseRP"]
        assert listener.kept.data == {"1.2.3": b"abcdef"}


async def test_a_whole_session_in_one_segment_gives_the_same_answers() -> None:
    stores = b"".join(store_rq(f"1.2.{n}", bytes([n]) * 50, n) for n in range(1, 9))
    async with target() as listener, await dial(listener.port) as peer:
        await peer.send(GOOD_RQ + echo_rq(100) + stores + RELEASE_RQ)
        answers = await peer.read_all()
        names = [type(answer).__name__ for answer in answers]
        assert names == ["AssociateAC", *["PDataTF"] * 9, "ReleaseRP"]
        assert listener.kept.data == {f"1.2.{n}": bytes([n]) * 50 for n in range(1, 9)}


@pytest.mark.parametrize("attack", rows(NOT_DICOM[:6], BEFORE[:6]), ids=str)
async def test_every_attack_is_in_the_trace(attack: Attack) -> None:
    """The bytes that came, why they were refused, and what was answered."""
    async with target() as listener:
        async with await dial(listener.port) as peer:
            await peer.send(attack.payload)
            await peer.read()
        await listener.is_empty()
        [number] = {record.association for record in listener.records if record.association}
        records = [record for record in listener.records if record.association == number]
        [refused] = [r for r in records if isinstance(r, BytesRecord) or (isinstance(r, PduRecord) and r.pdu_type != 7)]
        assert refused.error
        first = refused.data if isinstance(refused, BytesRecord) else refused.segments[0].data
        assert attack.payload.startswith(first[:6])
        assert [r.pdu_type for r in records if isinstance(r, PduRecord) and r.pdu_type == 7] == [7]
        assert [r.action for r in records if isinstance(r, StateRecord)][:2] == ["AE-5", "AA-1"]


async def test_one_listener_survives_all_of_them_at_once() -> None:
    async def attack(listener_port: int, payload: bytes, associated: bool) -> None:
        async with await dial(listener_port) as peer:
            if associated:
                await peer.associate()
            await peer.send(payload)
            await peer.read_all()

    async with target() as listener, asyncio.TaskGroup() as group:
        for row in rows(NOT_DICOM, BEFORE):
            group.create_task(attack(listener.port, row.payload, False))
        for row in IN_ASSOCIATION:
            group.create_task(attack(listener.port, row.payload, True))
        for _ in range(3):
            await listener.serves()


async def test_an_abort_of_ours_reaches_a_peer_that_goes_on_sending() -> None:
    """Closing at once would reset the connection and destroy the A-ABORT that explains it."""
    async with target() as listener, await dial(listener.port) as peer:
        await peer.associate()
        await peer.send(pdata(pdv(99, 2, bytes(100))), *[pdata(pdv(1, 0, bytes(16_000)))] * 200)
        answer = await peer.read()
        assert isinstance(answer, Abort)
        assert not isinstance(answer, PDataTF)
        assert not peer.was_reset
