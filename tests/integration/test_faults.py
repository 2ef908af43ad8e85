"""Faults that are nobody's doing: clocks that are set, a sleep, an index that fails, an address that goes."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.bad_peer import (
    CT,
    EXPLICIT,
    GOOD_AC,
    PATIENCE_S,
    SOON_S,
    Peer,
    bad_server,
    dial,
    echo_rq,
    reached,
    response,
    short,
    store_rq,
    target,
)
from helpers.clocks import LeapingClock
from helpers.instances import elements, write_instance
from helpers.listening import listens_in

from dicomgui.app.context import AppContext
from dicomgui.app.listening.listener import Listener, RequestAnswered
from dicomgui.network import (
    OperationTimeout,
    ProposedContext,
    Timeouts,
    connect,
    presets,
    serve,
)
from dicomgui.network.tracing import PduRecord
from dicomgui.trace.diagnosis.diagnose import diagnose

HOUR_S, YEAR_S = 3600.0, 365 * 86_400.0
ADDRESS = "192.0.2.77"
"""Of a network for documentation (RFC 5737): nobody has it."""


@pytest.fixture
def context() -> Iterator[AppContext]:
    with AppContext() as made:
        yield made


async def send(listener: Listener, *files: Path) -> list[int]:
    """Store files; the statuses."""
    contexts = [ProposedContext(CT, (EXPLICIT,))]
    async with connect(f"OURS@127.0.0.1:{listener.port}", contexts=contexts) as assoc:
        return [int((await assoc.store(file)).status) for file in files]


async def found(listener: Listener) -> tuple[int, int]:
    """The status of a query for all studies, and how many were found."""
    async with (
        connect(f"OURS@127.0.0.1:{listener.port}", contexts=presets.QUERY) as assoc,
        assoc.find(elements(StudyInstanceUID=""), root="study", level="STUDY") as op,
    ):
        matches = [match async for match in op]
        return int((await op.result()).status), len(matches)


async def serves(listener: Listener) -> None:
    address = f"OURS@127.0.0.1:{listener.port}"
    async with asyncio.timeout(SOON_S), connect(address, contexts=presets.VERIFICATION) as good:
        assert (await good.echo()).status.is_success


# --- clocks ---------------------------------------------------------------------------------------------------------


async def test_a_wall_clock_that_is_set_back_and_forth_disturbs_nothing(
    context: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = LeapingClock(monkeypatch)
    jumps = (0.0, -10 * YEAR_S, 20 * YEAR_S, -HOUR_S, 0.0)
    files = [write_instance(tmp_path / "files", number) for number in range(len(jumps))]
    async with listens_in(context, tmp_path / "archive")() as listener:
        for file, jump in zip(files, jumps, strict=True):
            clock.set_wall(jump)
            assert await send(listener, file) == [0]
            assert await found(listener) == (0, 1)
        assert (await listener.archive.counts()).instances == len(files)
    records = list(context.trace.records())
    monos = [record.mono for record in records if isinstance(record, PduRecord)]
    assert monos == sorted(monos)
    assert diagnose(records) == []
    clock.set_wall(-YEAR_S)
    async with listens_in(context, tmp_path / "archive")() as listener:
        assert await listener.archive.repaired()
        assert listener.archive.report is not None
        assert listener.archive.report.sentences == ()
        assert await found(listener) == (0, 1)


async def test_who_wakes_reads_what_came_before_it_looks_at_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = LeapingClock(monkeypatch)
    async with target(timeouts=Timeouts(artim_s=30.0, idle_s=60.0)) as listener:
        async with await dial(listener.port) as peer, await dial(listener.port) as early, await dial(listener.port):
            await peer.associate()
            await reached(lambda: listener.server.connections == 3, "all are there")
            await peer.send(store_rq("1.2.3", b"data"))
            clock.sleep(HOUR_S)
            assert getattr(await peer.read_command(), "status", None) == 0
            await reached(lambda: listener.server.connections == 1, "who had said nothing is closed")
            assert await early.read_all() == []
            await peer.send(echo_rq(8))
            assert (await peer.read_command()).message_id == 8
            clock.sleep(HOUR_S)
            assert short(await peer.read()) == (0, 0), "nothing came for an hour"
            [error] = listener.ended
            assert isinstance(error, OperationTimeout)
        await listener.serves()


async def test_a_response_that_came_during_a_sleep_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = LeapingClock(monkeypatch)

    async def script(peer: Peer) -> None:
        await peer.accept(GOOD_AC)
        await peer.read()
        await peer.send(response(0x8030, 1))
        clock.sleep(HOUR_S)
        await peer.read()
        clock.sleep(HOUR_S)
        await peer.read_all()

    async with bad_server(script) as server:
        assoc = await connect(server.address, contexts=presets.VERIFICATION, timeouts=Timeouts(response_s=30.0))
        assert (await assoc.echo()).status == 0
        with pytest.raises(OperationTimeout, match="30 s"):
            await assoc.echo()
        await assoc.release()


# --- the index ------------------------------------------------------------------------------------------------------


async def test_an_index_that_is_locked_keeps_no_instance_out_and_nobody_waiting(
    context: AppContext, tmp_path: Path
) -> None:
    folder = tmp_path / "archive"
    files = [write_instance(tmp_path / "files", number) for number in range(2)]
    async with listens_in(context, folder)() as listener:
        assert await send(listener, files[0]) == [0]
        assert await found(listener) == (0, 1)
        lock = sqlite3.connect(folder / "index.sqlite3", isolation_level=None)
        try:
            lock.execute("BEGIN EXCLUSIVE")
            assert await send(listener, files[1]) == [0]
            asking = asyncio.ensure_future(found(listener))
            for _ in range(3):
                await serves(listener)
            async with asyncio.timeout(PATIENCE_S):
                await asking
            lock.execute("ROLLBACK")
        finally:
            lock.close()
        assert await listener.archive.settle(PATIENCE_S)
        assert (await listener.archive.counts()).instances == 2
        assert listener.archive.trouble == ""


async def test_an_index_that_is_damaged_while_it_is_used_is_told_of_and_made_anew(
    context: AppContext, tmp_path: Path
) -> None:
    folder = tmp_path / "archive"
    files = [write_instance(tmp_path / "files", number) for number in range(2)]
    async with listens_in(context, folder)() as listener:
        assert await send(listener, files[0]) == [0]
        assert await found(listener) == (0, 1)
        damage(folder)
        assert await send(listener, files[1]) == [0]
        status, _ = await found(listener)
        await serves(listener)
        problems = [event.problem for event in listener.drain() if isinstance(event, RequestAnswered) and event.problem]
        assert (status == 0) == (problems == [])
        assert all(problem.isprintable() for problem in problems)
    async with listens_in(context, folder)() as listener:
        assert await listener.archive.repaired()
        assert listener.archive.trouble == ""
        assert await found(listener) == (0, 1)
        assert (await listener.archive.counts()).instances == 2


def damage(folder: Path) -> None:
    """Overwrite the database, its head too, and what is not in it yet."""
    for path in folder.glob("index.sqlite3*"):
        if path.suffix != ".sqlite3-shm":
            with path.open("r+b") as file:
                file.write(b"\xff" * max(4096, path.stat().st_size))


async def test_an_index_that_cannot_be_written_keeps_no_instance_out_and_is_told_of(
    context: AppContext, tmp_path: Path
) -> None:
    folder = tmp_path / "archive"
    (folder / "index.sqlite3").mkdir(parents=True)
    file = write_instance(tmp_path / "files", 1)
    async with listens_in(context, folder)() as listener:
        assert await send(listener, file) == [0]
        status, count = await found(listener)
        assert (status >> 8, count) == (0xA7, 0)
        assert listener.archive.trouble.isprintable()
        assert "index" in listener.archive.trouble
        [problem] = [event.problem for event in listener.drain() if isinstance(event, RequestAnswered)]
        assert problem.isprintable()
        await serves(listener)


# --- the address ----------------------------------------------------------------------------------------------------


def address(what: str) -> None:
    """Add or delete an address of this computer."""
    subprocess.run(["ip", "address", what, f"{ADDRESS}/32", "dev", "lo"], check=True, capture_output=True)


@pytest.fixture
def own_address() -> Iterator[None]:
    address("add")
    yield
    subprocess.run(["ip", "address", "del", f"{ADDRESS}/32", "dev", "lo"], check=False, capture_output=True)


async def test_an_address_that_goes_while_we_listen_is_served_again_when_it_is_back(own_address: None) -> None:
    async with await serve(ADDRESS, 0) as server:
        async with connect(f"X@{ADDRESS}:{server.port}", contexts=presets.VERIFICATION) as assoc:
            assert (await assoc.echo()).status.is_success
        address("del")
        quick = Timeouts(connect_s=0.3)
        with pytest.raises(Exception, match=ADDRESS):
            await connect(f"X@{ADDRESS}:{server.port}", contexts=presets.VERIFICATION, timeouts=quick)
        assert server.is_listening
        address("add")
        async with (
            asyncio.timeout(SOON_S),
            connect(f"X@{ADDRESS}:{server.port}", contexts=presets.VERIFICATION) as assoc,
        ):
            assert (await assoc.echo()).status.is_success


if not sys.platform.startswith("linux") or os.geteuid() != 0 or shutil.which("ip") is None:  # addresses are root's
    del test_an_address_that_goes_while_we_listen_is_served_again_when_it_is_back
