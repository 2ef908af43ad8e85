"""Data sets that are wrong, enormous or made to deceive, for every service that reads one: each request is answered."""

from __future__ import annotations

import asyncio
import contextlib
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from helpers.attacks import DATASETS, PATIENT, explicit
from helpers.bad_peer import (
    APPLICATION,
    CT,
    EXPLICIT,
    SOON_S,
    USER,
    Peer,
    associate,
    command,
    context_rq,
    dataset,
    dial,
    echo_rq,
    pdata,
    pdv,
    store_rq,
)
from helpers.command_line import dicomgui, events
from helpers.instances import DEFLATED, elements
from helpers.listening import listens_in

from dicomgui.app.configuration.provided import Provided
from dicomgui.app.context import AppContext
from dicomgui.app.listening.listener import Listener, RequestAnswered
from dicomgui.network import connect, presets
from dicomgui.network.dimse import command_set
from dicomgui.network.dimse.commands import Command, Response
from dicomgui.network.pdu import PDataTF

VERIFICATION = "1.2.840.10008.1.1"
STUDY_FIND, STUDY_MOVE, STUDY_GET = (f"1.2.840.10008.5.1.4.1.2.2.{n}" for n in (1, 2, 3))
WORKLIST = "1.2.840.10008.5.1.4.31"
MPPS = "1.2.840.10008.3.1.2.3.3"
COMMITMENT = "1.2.840.10008.1.20.1"
FILM_SESSION, PRINT = "1.2.840.10008.5.1.1.1", "1.2.840.10008.5.1.1.9"
UPS = "1.2.840.10008.5.1.4.34.6.1"
ABSTRACT = (VERIFICATION, CT, STUDY_FIND, STUDY_MOVE, STUDY_GET, WORKLIST, MPPS, COMMITMENT, PRINT, UPS)
IDS = {uid: 2 * n + 1 for n, uid in enumerate(ABSTRACT)}

REQUESTS: dict[str, tuple[str, dict[int, bytes | int | str]]] = {
    "C-FIND": (STUDY_FIND, {0x0002: STUDY_FIND, 0x0100: 0x0020}),
    "C-FIND of worklists": (WORKLIST, {0x0002: WORKLIST, 0x0100: 0x0020}),
    "C-MOVE": (STUDY_MOVE, {0x0002: STUDY_MOVE, 0x0100: 0x0021, 0x0600: b"OURS"}),
    "C-GET": (STUDY_GET, {0x0002: STUDY_GET, 0x0100: 0x0010}),
    "N-CREATE of a step": (MPPS, {0x0002: MPPS, 0x0100: 0x0140, 0x1000: "1.2.3.4"}),
    "N-SET of a step": (MPPS, {0x0003: MPPS, 0x0100: 0x0120, 0x1001: "1.2.3.4"}),
    "N-ACTION of a commitment": (
        COMMITMENT, {0x0003: COMMITMENT, 0x0100: 0x0130, 0x1001: "1.2.840.10008.1.20.1.1", 0x1008: 1},
    ),
    "N-CREATE of a film session": (PRINT, {0x0002: FILM_SESSION, 0x0100: 0x0140, 0x1000: "1.2.3.5"}),
    "N-CREATE of a UPS": (UPS, {0x0002: UPS, 0x0100: 0x0140, 0x1000: "1.2.3.6"}),
    "C-FIND of UPS": (UPS, {0x0002: UPS, 0x0100: 0x0020}),
}  # fmt: skip


@pytest.fixture
def context() -> AsyncIterator[AppContext]:
    with AppContext() as made:
        yield made  # type: ignore[misc]


def request(name: str, data: bytes, message_id: int = 7) -> bytes:
    sop_class, given = REQUESTS[name]
    body = dict(sorted({**given, 0x0110: message_id, 0x0700: 0, 0x0800: 1}.items()))
    if given[0x0100] not in (0x0020, 0x0021, 0x0010):
        del body[0x0700]
    return pdata(pdv(IDS[sop_class], 3, command(body))) + dataset(data, IDS[sop_class])


async def final(peer: Peer) -> Command:
    """The last response to a request; what is pending comes before it."""
    while True:
        answer = await peer.read()
        assert isinstance(answer, PDataTF), answer
        for value in answer.pdvs:
            if value.is_command:
                said = command_set.decode(value.data)
                if isinstance(said, Response) and not said.status.is_pending:
                    return said


async def associated(listener: Listener) -> Peer:
    peer = await dial(listener.port)
    await peer.associate(associate(APPLICATION, *(context_rq(IDS[uid], uid, EXPLICIT) for uid in ABSTRACT), USER))
    return peer


@contextlib.asynccontextmanager
async def everything(context: AppContext, folder: Path) -> AsyncIterator[Listener]:
    async with listens_in(context, folder)(services=frozenset(Provided)) as listener:
        yield listener


@pytest.mark.parametrize("name", REQUESTS)
async def test_every_data_set_is_answered_whatever_is_in_it(name: str, context: AppContext, tmp_path: Path) -> None:
    async with everything(context, tmp_path / "archive") as listener, await associated(listener) as peer:
        for number, (what, data) in enumerate(DATASETS.items(), 1):
            async with asyncio.timeout(5 * SOON_S):
                await peer.send(request(name, data, number))
                answer = await final(peer)
            assert answer.message_id == number, what
            await peer.send(echo_rq(100 + number))
            assert (await final(peer)).message_id == 100 + number, what
        problems = [event.problem for event in listener.drain() if isinstance(event, RequestAnswered)]
        assert all(text.isprintable() for text in problems)


@pytest.mark.parametrize("name", REQUESTS)
async def test_every_missing_data_set_is_answered(name: str, context: AppContext, tmp_path: Path) -> None:
    sop_class, given = REQUESTS[name]
    body = dict(sorted({**given, 0x0110: 7, 0x0800: 0x0101}.items()))
    async with everything(context, tmp_path / "archive") as listener, await associated(listener) as peer:
        await peer.send(pdata(pdv(IDS[sop_class], 3, command(body))))
        answer = await final(peer)
        assert answer.message_id == 7
        await peer.send(echo_rq(8))
        assert (await final(peer)).message_id == 8


@pytest.mark.parametrize(
    "destination", [b"", b"../../x ", b"NOBODY", b"\0\0", b"A\\B ", b"\x1b[2J", b"X" * 5000, b"<b>x</b>"], ids=repr
)
async def test_a_destination_that_is_none_is_unknown(destination: bytes, context: AppContext, tmp_path: Path) -> None:
    body: dict[int, bytes | int | str] = {
        0x0002: STUDY_MOVE, 0x0100: 0x0021, 0x0110: 7, 0x0600: destination, 0x0700: 0, 0x0800: 1,
    }  # fmt: skip
    keys = explicit(0x00080052, b"CS", b"STUDY ") + explicit(0x0020000D, b"UI", b"1.2.3\0")
    async with everything(context, tmp_path / "archive") as listener, await associated(listener) as peer:
        await peer.send(pdata(pdv(IDS[STUDY_MOVE], 3, command(body))) + dataset(keys, IDS[STUDY_MOVE]))
        answer = await final(peer)
        assert isinstance(answer, Response)
        assert answer.status == 0xA801


def with_text() -> bytes:
    """A data set that can be found, with a name that is made to deceive."""
    text = PATIENT + b" " * (len(PATIENT) & 1)
    return (
        explicit(0x00080005, b"CS", b"ISO_IR 192") + explicit(0x00100010, b"PN", text)
        + explicit(0x0020000D, b"UI", b"1.2.9\0") + explicit(0x0020000E, b"UI", b"1.2.8\0")
    )  # fmt: skip


async def test_what_was_stored_can_be_found_again_or_at_least_does_no_harm(context: AppContext, tmp_path: Path) -> None:
    uids = {f"1.2.3.{number}": data for number, data in enumerate(DATASETS.values(), 1)}
    uids["1.2.3.99"] = with_text()
    async with everything(context, tmp_path / "archive") as listener:
        async with await associated(listener) as peer:
            for uid, data in uids.items():
                await peer.send(store_rq(uid, data, context_id=IDS[CT]))
                answer = await final(peer)
                assert isinstance(answer, Response)
                assert answer.status == 0
        assert await listener.archive.settle()
        assert listener.archive.trouble == ""
        address = f"OURS@127.0.0.1:{listener.port}"
        async with connect(address, contexts=presets.QUERY) as assoc:
            keys = elements(SOPInstanceUID="", PatientName="", PatientID="", StudyInstanceUID="")
            async with assoc.find(keys, root="patient", level="PATIENT") as found:
                names = [str(match.dataset.PatientName) async for match in found]
            assert (await found.result()).status.is_success
            assert ["onerror" in name for name in names] == [True]
        counts = await listener.archive.counts()
        assert counts.instances == len(uids)


async def test_a_deflated_bomb_is_kept_as_it_is_and_costs_no_memory(context: AppContext, tmp_path: Path) -> None:
    """256 MiB of one element in 260 KiB: it is not inflated to be stored, and no further than needed to be indexed."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = explicit(0x00100020, b"LO", b"BOMB") + bytes.fromhex("e07f10004f4200000000000f")
    bomb = packer.compress(head) + b"".join(packer.compress(bytes(2**20)) for _ in range(256)) + packer.flush()
    bomb += b"\0" * (len(bomb) & 1)
    async with everything(context, tmp_path / "archive") as listener, await dial(listener.port) as peer:
        await peer.associate(associate(APPLICATION, context_rq(3, CT, DEFLATED), USER))
        tracemalloc.start()
        try:
            await peer.send(store_rq("1.2.3", bomb))
            answer = await final(peer)
            assert isinstance(answer, Response)
            assert answer.status == 0
            assert await listener.archive.settle()
            assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
        finally:
            tracemalloc.stop()
        [stored] = (tmp_path / "archive").glob("??/1.2.3.dcm")
        assert stored.read_bytes().endswith(bomb)
        assert (await listener.archive.counts()).instances == 1


async def test_text_of_a_peer_is_one_plain_line_on_a_terminal(context: AppContext, tmp_path: Path) -> None:
    async with everything(context, tmp_path / "archive") as listener:
        async with await associated(listener) as peer:
            await peer.send(store_rq("1.2.3", with_text(), context_id=IDS[CT]))
            await final(peer)
        arguments: tuple[Any, ...] = ("find", f"OURS@127.0.0.1:{listener.port}", "-k", "PatientName=*onerror*")
        shown = await asyncio.to_thread(dicomgui, *arguments)
        assert shown.returncode == 0, shown.stderr
        assert b"onerror" in shown.stdout
        assert b"\x1b" not in shown.stdout
        assert "\u202e" not in shown.stdout.decode()
        raw = await asyncio.to_thread(dicomgui, *arguments, "--json")
        assert [event["event"] for event in events(raw.stdout)] == ["match", "summary"]
