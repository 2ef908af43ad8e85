"""What is no DICOM, and PDUs that are wrong: each is answered as PS3.8 says, and the listener goes on.

Before an association every fault is A-ABORT 0/0 (AA-1), in one it is A-ABORT 2 with its reason (AA-8).
"""

from __future__ import annotations

import asyncio
import tracemalloc

import pytest
from helpers.attacks import (
    ABORT_PDU,
    BEFORE,
    BY_USER,
    IN_ASSOCIATION,
    INVALID,
    NOT_DICOM,
    RJ_PDU,
    UNEXPECTED,
    UNRECOGNIZED,
)
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
        assert short(await peer.read()) == BY_USER
        await peer.send(echo_rq(), RELEASE_RQ, RELEASE_RP, GOOD_AC, RJ_PDU)
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
        assert short(await peer.read()) == BY_USER
        await peer.send(ABORT_PDU)
        assert await peer.read_all() == []
        await listener.is_empty()


async def test_b21_a_length_of_four_gigabytes_is_refused_at_the_header_and_costs_nothing() -> None:
    async with target() as listener, await dial(listener.port) as fresh, await dial(listener.port) as known:
        await known.associate()
        tracemalloc.start()
        try:
            await fresh.send(pdu(1, b"", 0xFFFFFFFF))
            await known.send(pdu(4, b"", 0xFFFFFFFF))
            assert short(await fresh.read()) == BY_USER
            assert short(await known.read()) == INVALID
            assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
        finally:
            tracemalloc.stop()


async def test_b20_a_truncated_item_is_aborted_with_source_0_and_closed() -> None:
    cut = associate(CONTEXTS[:-3])
    async with target() as listener, await dial(listener.port) as peer:
        await peer.send(cut)
        assert [short(answer) for answer in await peer.read_all()] == [BY_USER]
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
