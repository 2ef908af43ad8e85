"""The use cases together, on plain asyncio and on the Qt loop: our echo and send against our listener."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from helpers.bad_peer import reached
from helpers.instances import data_set, shipped, write_instance

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.echo import echo
from dicomgui.app.listening.listener import Listener, ListenerOptions, ReceivedInstance
from dicomgui.app.transfers.send import ItemState, SendJob, prepare, send
from dicomgui.network import PeerAddress
from dicomgui.trace.diagnosis.diagnose import diagnose

pytestmark = pytest.mark.any_loop

OPTIONS = ConnectionOptions()


def peer_of(listener: Listener) -> PeerAddress:
    return PeerAddress.parse(f"DICOMGUI@{listener.address}")


async def test_the_whole_way_and_back(tmp_path: Path) -> None:
    write_instance(tmp_path / "files", 1)
    write_instance(tmp_path / "files", 2, pixel_bytes=3_000_000)
    with AppContext() as context:
        listener = Listener(context, ListenerOptions(tmp_path / "archive", port=0))
        await listener.start()
        peer = peer_of(listener)
        assert (await echo(context, peer, OPTIONS, repeat=3)).ok
        with await prepare(context, [tmp_path / "files"]) as selection:
            report = await send(context, peer, OPTIONS, selection)
            sent = [data_set(item.path) for item in selection.items]
        assert report.ok
        await reached(lambda: not listener.associations, "the association has ended")
        await listener.stop()
        stored = [event for event in listener.drain() if isinstance(event, ReceivedInstance)]
        assert [data_set(event.path) for event in stored] == sent
        assert diagnose(context.trace.records()) == []
        assert (await echo(context, peer, OPTIONS)).findings


async def test_many_senders_at_once(tmp_path: Path) -> None:
    with AppContext() as context:
        listener = Listener(context, ListenerOptions(tmp_path / "archive", port=0))
        await listener.start()
        folders = [tmp_path / str(sender) for sender in range(8)]
        for sender, folder in enumerate(folders):
            for number in range(5):
                write_instance(folder, sender * 100 + number)
        async with asyncio.TaskGroup() as group:
            jobs = []
            for folder in folders:
                selection = await prepare(context, [folder])
                jobs.append(group.create_task(send(context, peer_of(listener), OPTIONS, selection)))
        assert all(job.result().ok for job in jobs)
        assert listener.counts.stored == 40
        await listener.stop()


async def test_a_cancel_in_the_middle_of_a_large_send_leaves_only_whole_files(tmp_path: Path) -> None:
    for number in range(20):
        write_instance(tmp_path / "files", number, pixel_bytes=500_000)
    with AppContext() as context:
        listener = Listener(context, ListenerOptions(tmp_path / "archive", port=0))
        await listener.start()
        some = asyncio.Event()
        with await prepare(context, [tmp_path / "files"]) as selection:
            job = SendJob(context, peer_of(listener), OPTIONS, selection, on_result=lambda result: some.set())
            async with asyncio.TaskGroup() as group:
                task = group.create_task(job.run())
                await some.wait()
                task.cancel()
                await asyncio.wait((task,))
            sent = {item.item.head.sop_instance_uid: data_set(item.item.path) for item in job.report().results}
        report = job.report()
        assert report.count(ItemState.SENT) + report.count(ItemState.CANCELLED) == 20
        assert report.count(ItemState.CANCELLED) > 0
        await reached(lambda: not listener.associations, "the association has ended")
        await listener.stop()
        stored = [event for event in listener.drain() if isinstance(event, ReceivedInstance)]
        assert len(stored) >= report.sent
        assert all(data_set(event.path) == sent[event.sop_instance_uid] for event in stored)


BROKEN = {"MR_truncated.dcm", "rtplan_truncated.dcm", "SC_rgb_jpeg.dcm"}
"""Two that break off, and one whose encoding is not what its file meta says."""

WITHOUT_UIDS = {
    "UN_sequence.dcm", "chrSQEncoding.dcm", "chrSQEncoding1.dcm", "no_meta_group_length.dcm", "priv_SQ.dcm",
}  # fmt: skip
"""Parts of data sets, without SOP class and instance UID."""


async def test_every_file_that_pydicom_ships_is_received_as_it_is(tmp_path: Path) -> None:
    with AppContext(keep_trace=False) as context:
        listener = Listener(context, ListenerOptions(tmp_path, port=0, any_sop_class=True, fsync=False))
        await listener.start()
        with await prepare(context, shipped()) as selection:
            report = await send(context, peer_of(listener), OPTIONS, selection, sends_broken=True)
            sent = {result.item.head.sop_instance_uid for result in report.results if result.is_sent}
        await listener.stop()
    refused = {Path(result.item.name).name for result in report.results if not result.is_sent}
    assert refused == BROKEN | WITHOUT_UIDS
    assert report.sent > 100
    received = {event.sop_instance_uid for event in listener.drain() if isinstance(event, ReceivedInstance)}
    assert received == sent
