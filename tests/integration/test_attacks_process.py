"""The same attacks against `dicomgui listen` in its own process: the answer, one line for each, and nothing is kept."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import attacks
from helpers.attacked import ENDS, Attacked, Usage, place_of
from helpers.bad_peer import (
    SOON_S,
    Attack,
    Peer,
    dial,
    echo_rq,
    reached,
    short,
    store_rq,
    time_passes,
)

from dicomgui.network import connect, presets, read_head
from dicomgui.network.dimse.commands import Response

BEFORE_AN_ASSOCIATION = {
    "not DICOM at all": attacks.NOT_DICOM,
    "PDUs before an association": attacks.BEFORE,
    "heads of requests": attacks.REQUEST_HEADS,
    "presentation contexts": attacks.REQUEST_CONTEXTS,
    "user information": attacks.USER_ITEMS,
    "broken sub-items": attacks.SUB_ITEMS,
    "odd sub-items": attacks.ODD_SUB_ITEMS,
}
IN_AN_ASSOCIATION = {
    "PDUs in an association": attacks.IN_ASSOCIATION,
    "P-DATA": attacks.P_DATA,
    "command sets": attacks.COMMAND_SETS,
}
CLASSES = {**BEFORE_AN_ASSOCIATION, **IN_AN_ASSOCIATION}
HANDLES = 192
"""Few enough that they run out where nobody takes care of them."""


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    folder = tmp_path_factory.mktemp("attacked")
    with Attacked(folder / "archive", "--no-fsync", "--timeout", "5") as attacked:
        yield attacked
        assert sorted(path.name for path in folder.iterdir()) == ["archive"], "no file is outside of the folder"


async def serves(listener: Attacked) -> None:
    """A good peer is served within a second."""
    address = f"DICOMGUI@127.0.0.1:{listener.port}"
    async with asyncio.timeout(SOON_S), connect(address, contexts=presets.VERIFICATION) as good:
        assert (await good.echo()).status.is_success


@contextlib.asynccontextmanager
async def attacking(listener: Attacked, kind: str, attack: Attack) -> AsyncIterator[Peer]:
    async with await listener.dial() as peer:
        if kind in IN_AN_ASSOCIATION:
            await peer.associate()
        await peer.send(attack.payload)
        assert short(await peer.read()) == attack.answer, attack.name
        yield peer


def is_plain(text: str) -> bool:
    return text.isprintable() and bool(text.strip())


@pytest.mark.parametrize("kind", CLASSES)
async def test_each_is_answered_told_in_one_line_and_the_next_peer_served(kind: str, listener: Attacked) -> None:
    for attack in CLASSES[kind]:
        async with attacking(listener, kind, attack) as peer:
            place = place_of(peer)
        told = await listener.told_of(place)
        ends = [event for event in told if event["event"] in ENDS]
        assert len(ends) == 1, (attack.name, told)
        others = {event["event"] for event in told} - set(ENDS)
        assert others <= {"echo", "context_refused"}, attack.name
        text = ends[0].get("reason") or ends[0].get("error")
        assert is_plain(text) if attack.answer != "RP" else text is None, (attack.name, text)
        await serves(listener)


async def test_what_cannot_be_stored_is_told_in_one_line(listener: Attacked) -> None:
    for name, payload, status in attacks.REFUSED:
        async with await listener.dial() as peer:
            await peer.associate()
            await peer.send(payload)
            answer = await peer.read_command()
            assert isinstance(answer, Response)
            assert answer.status == status, name
            place = place_of(peer)
        told = await listener.told_of(place)
        failed = [event for event in told if event["event"] == "failed"]
        assert [event["status"] for event in failed] == [status], name
        assert is_plain(failed[0]["reason"]), name


async def play_all(listener: Attacked) -> None:
    for kind, table in CLASSES.items():
        for attack in table:
            async with attacking(listener, kind, attack) as peer:
                place = place_of(peer)
            await listener.told_of(place)


async def at_rest(listener: Attacked, handles: int) -> Usage:
    """What it holds when every connection is gone."""
    await reached(lambda: listener.usage.handles <= handles, f"not more than {handles} handles")
    return listener.usage


async def test_memory_handles_and_threads_come_back_to_their_base(listener: Attacked) -> None:
    await play_all(listener)
    await serves(listener)
    before = await at_rest(listener, listener.usage.handles)
    for _ in range(2):
        await play_all(listener)
    after = await at_rest(listener, before.handles)
    assert after.threads <= before.threads
    assert after.memory_bytes - before.memory_bytes < 8 * 2**20


@pytest.mark.parametrize("count", [600, pytest.param(3000, marks=pytest.mark.long)])
async def test_thousands_of_idle_connections_with_few_handles(count: int, tmp_path: Path) -> None:
    """The system gives this process less handles than there are callers: files and the next caller have theirs."""
    with Attacked(tmp_path / "archive", "--no-fsync", handles=HANDLES) as few:
        base = few.usage.handles
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(count):
                await stack.enter_async_context(await dial(few.port))
            async with await dial(few.port) as peer:
                await peer.associate()
                await peer.send(store_rq("1.2.3", bytes(300_000)))
                assert getattr(await peer.read_command(), "status", None) == 0
            await reached(lambda: few.usage.handles < HANDLES, "some are left")
            await serves(few)
        await at_rest(few, base + 4)
        await serves(few)
        code, errors = few.finish()
        assert (code, errors) == (0, b"")
    assert read_head(next((tmp_path / "archive").glob("??/*.dcm"))).sop_instance_uid == "1.2.3"


def files_in(folder: Path) -> set[str]:
    """The names of what is stored, and of what is left of what was not."""
    return {path.name for path in folder.rglob("*") if path.suffix in (".dcm", ".part")}


async def store(peer: Peer, uid: str, size: int) -> int:
    await peer.send(store_rq(uid, bytes(size)))
    answer = await peer.read_command()
    assert isinstance(answer, Response)
    return int(answer.status)


async def test_a_real_limit_on_the_size_of_files_is_a_full_disk_and_the_rest_is_served(tmp_path: Path) -> None:
    with Attacked(tmp_path / "archive", file_blocks=300) as full:
        async with await dial(full.port) as peer:
            await peer.associate()
            sizes = {"1.1": 20_000, "1.2": 2_000_000, "1.3": 2_000_000, "1.4": 20_000}
            statuses = {uid: await store(peer, uid, size) for uid, size in sizes.items()}
            assert statuses == {"1.1": 0, "1.2": 0xA700, "1.3": 0xA700, "1.4": 0}
            await peer.send(echo_rq(9))
            assert (await peer.read_command()).message_id == 9
            place = place_of(peer)
        told = await full.told_of(place)
        reasons = [event["reason"] for event in told if event["event"] == "failed"]
        assert len(reasons) == 2
        assert all(is_plain(reason) for reason in reasons)
        assert files_in(tmp_path / "archive") == {"1.1.dcm", "1.4.dcm"}


async def test_a_process_that_was_stopped_for_longer_than_its_time_outs_answers_what_came_meanwhile(
    tmp_path: Path,
) -> None:
    """As a computer that sleeps: when it wakes, the time-outs are over, and what the peer has sent is there."""
    with Attacked(tmp_path / "archive", "--no-fsync", "--timeout", "0.4") as asleep:
        async with await dial(asleep.port) as peer:
            await peer.associate()
            asleep.process.send_signal(signal.SIGSTOP)
            await peer.send(echo_rq(5))
            await time_passes(0.8)
            asleep.process.send_signal(signal.SIGCONT)
            assert (await peer.read_command()).message_id == 5
            await serves(asleep)
            assert short(await peer.read()) == (0, 0), "idle from now on"
            place = place_of(peer)
        [ended] = [event for event in await asleep.told_of(place) if event["event"] == "ended"]
        assert "nothing came for 0.4 s" in ended["error"]


def events_of(listener: Attacked, kind: str) -> list[dict[str, Any]]:
    return [event for event in listener.events if event["event"] == kind]


async def test_who_says_nothing_is_closed_by_a_short_artim_and_told_of(tmp_path: Path) -> None:
    with Attacked(tmp_path / "archive", "--timeout", "0.3") as quick:
        async with await dial(quick.port) as silent, await dial(quick.port) as slow:
            await slow.send(b"\1")
            assert await silent.read_all() == []
            assert await slow.read_all() == []
            places = {place_of(silent), place_of(slow)}
        await reached(lambda: len(events_of(quick, "refused")) == 2, "both are told of")
        assert {event["peer"] for event in events_of(quick, "refused")} == places
        assert {event["reason"] for event in events_of(quick, "refused")} == {
            "no association was requested within 0.3 s"
        }


if sys.platform == "win32":  # neither limits for a process nor signals that stop one
    del test_thousands_of_idle_connections_with_few_handles
    del test_a_real_limit_on_the_size_of_files_is_a_full_disk_and_the_rest_is_served
    del test_a_process_that_was_stopped_for_longer_than_its_time_outs_answers_what_came_meanwhile
