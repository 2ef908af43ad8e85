"""Our listener as the destination of a C-MOVE."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from helpers.answering import answering
from helpers.peers import free_port
from helpers.retrieval import CT_STUDY, data_sets, real_files

from dicomgui.app.asking.keys import parse_key
from dicomgui.app.asking.levels import Level
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.listening.listener import Listener, ListenerEvent, ListenerOptions
from dicomgui.app.listening.reception import arrived_of, host_for, is_loopback, reception, refused_uid_of
from dicomgui.app.transfers.retrieve import MoveJob, Wanted
from dicomgui.network import ListenError, PeerAddress
from dicomgui.storage import StorageError

PEER = PeerAddress("PACS", "127.0.0.1", 104)
FAR = PeerAddress("PACS", "192.0.2.1", 104)


def files_below(folder: Path) -> dict[str, bytes]:
    return data_sets(folder.rglob("*.dcm"))


def listener(context: AppContext, folder: Path, *, port: int = 0) -> Listener:
    return Listener(context, ListenerOptions(folder, port=port, ae_title="ME", fsync=False))


async def test_the_listener_runs_while_it_is_needed(context: AppContext, tmp_path: Path) -> None:
    ours = listener(context, tmp_path)
    async with reception(ours, PEER, " ME ") as found:
        assert (found.is_ours, found.is_ready, found.error, found.notes) == (True, True, None, ())
        assert found.address == ours.address
        assert ours.is_running
    assert not ours.is_running


async def test_a_listener_that_runs_goes_on(context: AppContext, tmp_path: Path) -> None:
    ours = listener(context, tmp_path)
    await ours.start()
    async with reception(ours, PEER, "ME") as found:
        assert found.is_ready
    assert ours.is_running
    await ours.stop()


async def test_a_third_ae_needs_no_listener(context: AppContext, tmp_path: Path) -> None:
    ours = listener(context, tmp_path)
    async with reception(ours, PEER, "OTHER") as found:
        assert (found.is_ours, found.is_ready) == (False, False)
        assert "go to OTHER, not to us (ME)" in found.notes[0]
        assert not ours.is_running
    async with reception(None, PEER, "OTHER") as found:
        assert not found.is_ours
        assert found.notes == ()


async def test_its_absence_is_explained(context: AppContext, tmp_path: Path) -> None:
    async with reception(listener(context, tmp_path), PEER, "ME", start=False) as found:
        assert (found.is_ours, found.is_ready) == (True, False)
        assert "does not run" in found.notes[0]


async def test_a_taken_port_and_an_unusable_folder_are_explained(context: AppContext, tmp_path: Path) -> None:
    first = listener(context, tmp_path / "a")
    await first.start()
    async with reception(listener(context, tmp_path / "b", port=first.port), PEER, "ME") as found:
        assert isinstance(found.error, ListenError)
        assert [finding.code for finding in found.findings] == ["port-in-use"]
        assert not found.is_ready
    await first.stop()
    (tmp_path / "file").touch()
    async with reception(listener(context, tmp_path / "file"), PEER, "ME") as found:
        assert isinstance(found.error, StorageError)
        assert "cannot start" in found.notes[0]


async def test_a_peer_elsewhere_cannot_reach_the_loopback(context: AppContext, tmp_path: Path) -> None:
    async with reception(listener(context, tmp_path), FAR, "ME") as found:
        assert found.is_ready
        assert "this computer only" in found.notes[0]


@pytest.mark.parametrize(
    ("host", "where", "is_here"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.1.2.3", "127.0.0.1", True),
        ("localhost", "127.0.0.1", True),
        ("::1", "::1", True),
        ("pacs.example", "0.0.0.0", False),
        ("192.0.2.1", "0.0.0.0", False),
        ("2001:db8::1", "::", False),
    ],
)
def test_where_to_listen_depends_on_where_the_peer_is(host: str, where: str, is_here: bool) -> None:
    assert host_for(PeerAddress("X", host, 104)) == where
    assert is_loopback(host) is is_here


async def test_a_move_to_us_arrives_and_is_counted(context: AppContext, tmp_path: Path) -> None:
    port = free_port()
    wanted = [Wanted(Level.STUDY, (parse_key(f"StudyInstanceUID={CT_STUDY}"),))]
    async with answering(destinations={"ME": port}) as scp:
        job = MoveJob(context, scp.address, ConnectionOptions(), wanted, destination="ME", expects_arrivals=True)

        def take(event: ListenerEvent) -> None:
            arrived = arrived_of(event)
            assert refused_uid_of(event) == ""
            if arrived is not None:
                job.received(arrived)

        options = ListenerOptions(tmp_path, port=port, ae_title="ME", fsync=False)
        async with reception(Listener(context, options, on_event=take), scp.address, "ME") as found:
            assert found.is_ready
            await asyncio.wait_for(job.run(), 60)
    report = job.report()
    assert (report.ok, report.told.delivered, report.arrived, report.missing) == (True, 4, 4, 0)
    assert files_below(tmp_path) == data_sets(real_files(CT_STUDY))
