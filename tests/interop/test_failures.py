"""Peers that refuse, break off, sleep or are not there: what we say is what happened, and we say it in time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from helpers import peers
from helpers.instances import CT, EXPLICIT, shipped, write_instance
from pydicom import dcmread

from dicomgui.app.asking.keys import Key, attribute_of
from dicomgui.app.asking.levels import Level
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.echo import EchoResult, echo
from dicomgui.app.transfers.retrieve import MoveJob, RetrieveReport, Wanted
from dicomgui.app.transfers.send import Cause, ItemState, SendReport, prepare, send
from dicomgui.network import (
    AssociationAborted,
    AssociationRejected,
    ConnectionLost,
    ConnectionRefused,
    OperationTimeout,
    PeerAddress,
    Timeouts,
    connect,
    presets,
)
from dicomgui.trace.diagnosis.facts import Facts, OwnListener
from dicomgui.trace.finding import ActionKind

CONTEXTS = presets.for_instances([(CT, EXPLICIT)])
SHORT = ConnectionOptions(timeouts=Timeouts(associate_s=2, response_s=1))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    """The first one is larger than what fits into the buffers of a connection."""
    folder = tmp_path_factory.mktemp("files")
    return [write_instance(folder, 1, pixel_bytes=16_777_216), *(write_instance(folder, number) for number in (2, 3))]


async def send_to(
    context: AppContext, address: str, files: Sequence[Path], options: ConnectionOptions | None = None
) -> SendReport:
    with await prepare(context, files) as selection:
        return await send(context, PeerAddress.parse(address), options or ConnectionOptions(), selection)


def codes(result: SendReport | EchoResult | RetrieveReport) -> set[str]:
    return {finding.code for finding in result.findings}


def check_nothing_sent(report: SendReport, files: Sequence[Path]) -> None:
    """Not one file is said to be sent, and each has its own reason."""
    assert not report.ok
    assert report.sent == report.bytes_sent == 0
    assert [result.item.path for result in report.results] == list(files)
    assert [result.state for result in report.results] == [ItemState.FAILED] * len(files)
    assert {result.cause for result in report.results} == {Cause.NETWORK}
    assert all(result.reason and result.status is None for result in report.results)


# -- rejected --------------------------------------------------------------------------------------------------------


@pytest.mark.interop("storescp")
async def test_storescp_that_refuses(context: AppContext, tmp_path: Path, files: Sequence[Path]) -> None:
    with peers.storescp(tmp_path / "storescp", "--refuse") as peer:
        with pytest.raises(AssociationRejected) as caught:
            await connect(peer.address, contexts=CONTEXTS)
        report = await send_to(context, peer.address, files)
        echoed = await echo(context, PeerAddress.parse(peer.address), ConnectionOptions())
    assert (caught.value.result, caught.value.source, caught.value.reason) == (1, 1, 1)
    check_nothing_sent(report, files)
    assert isinstance(report.error, AssociationRejected)
    assert codes(report) == codes(echoed) == {"rejected-no-reason"}
    assert echoed.status is None
    assert [step.ok for step in echoed.steps] == [True, True, False]


@pytest.mark.interop("dcmqrscp")
async def test_dcmqrscp_under_a_wrong_name(context: AppContext, tmp_path: Path, files: Sequence[Path]) -> None:
    with peers.dcmqrscp(tmp_path / "dcmqrscp") as peer:
        address = f"WRONG@{peers.LOOPBACK}:{peer.port}"
        with pytest.raises(AssociationRejected) as caught:
            await connect(address)
        report = await send_to(context, address, files)
        assert (await echo(context, PeerAddress.parse(peer.address), ConnectionOptions())).ok
    assert (caught.value.result, caught.value.source, caught.value.reason) == (1, 1, 7)
    assert not caught.value.is_transient
    check_nothing_sent(report, files)
    assert codes(report) == {"rejected-called-ae"}


@pytest.mark.interop("dcmqrscp")
async def test_dcmqrscp_without_room(context: AppContext, tmp_path: Path, files: Sequence[Path]) -> None:
    with peers.dcmqrscp(tmp_path / "dcmqrscp", max_bytes="1kb") as peer:
        report = await send_to(context, peer.address, files)
    assert not report.ok
    assert report.sent == 0
    assert [(result.state, result.cause) for result in report.results] == [(ItemState.FAILED, Cause.STATUS)] * 3
    assert {int(result.status or 0) for result in report.results} == {0xA700}
    assert report.error is None
    assert codes(report) == {"store-out-of-resources"}


def study_of(path: Path) -> list[Wanted]:
    uid = str(dcmread(path, stop_before_pixels=True).StudyInstanceUID)
    return [Wanted(Level.STUDY, (Key((attribute_of("StudyInstanceUID"),), uid),))]


@pytest.mark.interop("dcmqrscp")
async def test_dcmqrscp_that_does_not_know_the_destination(
    context: AppContext, tmp_path: Path, files: Sequence[Path]
) -> None:
    with peers.dcmqrscp(tmp_path / "dcmqrscp") as peer:
        address = PeerAddress.parse(peer.address)
        assert (await send_to(context, peer.address, files[1:])).ok
        job = MoveJob(context, address, ConnectionOptions(), study_of(files[1]), destination="STRANGER")
        report = await job.run()
    assert codes(report) == {"move-unknown-destination"}
    assert report.findings[0].actions[0].kind is ActionKind.COPY_SETUP


@pytest.mark.interop("dcmqrscp")
async def test_dcmqrscp_that_has_another_port_for_us(
    context: AppContext, tmp_path: Path, files: Sequence[Path]
) -> None:
    """It has what is asked for, and knocks where nobody listens."""
    context.know_by(lambda: Facts(listeners=(OwnListener("OURS", "127.0.0.1", 11112),)))
    with peers.dcmqrscp(tmp_path / "dcmqrscp", destinations={"OURS": peers.free_port()}) as peer:
        address = PeerAddress.parse(peer.address)
        assert (await send_to(context, peer.address, files[1:])).ok
        job = MoveJob(context, address, ConnectionOptions(), study_of(files[1]), destination="OURS")
        report = await job.run()
    assert codes(report) == {"move-no-knock"}


# -- broken off ------------------------------------------------------------------------------------------------------


@pytest.mark.interop("storescp")
@pytest.mark.parametrize("option", ["--abort-after", "--abort-during"])
async def test_storescp_that_aborts(context: AppContext, tmp_path: Path, files: Sequence[Path], option: str) -> None:
    with peers.storescp(tmp_path / "storescp", option) as peer:
        association = await connect(peer.address, contexts=CONTEXTS)
        with pytest.raises(AssociationAborted) as caught:
            await association.store(files[1])
        assert not association.is_connected
        report = await send_to(context, peer.address, files[1:])
    assert (caught.value.source, caught.value.by_peer) == (0, True)
    check_nothing_sent(report, files[1:])
    assert isinstance(report.error, AssociationAborted)
    assert codes(report) == {"aborted-by-user"}
    assert len(report.associations) == 1


@pytest.mark.interop("storescp")
async def test_storescp_that_aborts_while_much_is_under_way(
    context: AppContext, tmp_path: Path, files: Sequence[Path]
) -> None:
    """It closes with our data unread, so that the reset which follows may destroy its A-ABORT on the way."""
    with peers.storescp(tmp_path / "storescp", "--abort-during") as peer:
        report = await send_to(context, peer.address, files)
    check_nothing_sent(report, files)
    assert isinstance(report.error, AssociationAborted | ConnectionLost)
    assert codes(report) <= {"aborted-by-user", "connection-lost-sending"}
    assert codes(report)


@pytest.mark.interop("storescp")
async def test_storescp_that_is_killed_in_the_middle(
    context: AppContext, tmp_path: Path, files: Sequence[Path]
) -> None:
    with peers.storescp(tmp_path / "storescp", "--sleep-during", 60) as peer:
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(send_to(context, peer.address, files))
            await asyncio.to_thread(peer.process.wait_for_line, "Received Store Request")
            peer.process.stop()
    report = await sending
    check_nothing_sent(report, files)
    assert isinstance(report.error, ConnectionLost)
    assert codes(report) <= {"connection-lost", "connection-lost-sending"}
    assert codes(report)


# -- silent ----------------------------------------------------------------------------------------------------------


@pytest.mark.interop("storescp")
async def test_storescp_that_sleeps_runs_into_the_response_time_out(
    context: AppContext, tmp_path: Path, files: Sequence[Path]
) -> None:
    """It holds the whole program, so that the next association gets no answer either."""
    with peers.storescp(tmp_path / "storescp", "--sleep-during", 60) as peer:
        association = await connect(peer.address, contexts=CONTEXTS, timeouts=SHORT.timeouts)
        began = time.monotonic()
        with pytest.raises(OperationTimeout) as caught:
            await association.store(files[1])
        assert caught.value.phase == "response"
        assert not association.is_connected
        with pytest.raises(OperationTimeout) as caught:
            await connect(peer.address, contexts=CONTEXTS, timeouts=SHORT.timeouts)
        assert caught.value.phase == "associate"
        assert time.monotonic() - began < 30


@pytest.mark.interop("storescp")
async def test_a_send_to_storescp_that_sleeps_says_that_it_did_not_answer(
    context: AppContext, tmp_path: Path, files: Sequence[Path]
) -> None:
    with peers.storescp(tmp_path / "storescp", "--sleep-during", 60) as peer:
        report = await send_to(context, peer.address, files[1:], SHORT)
    check_nothing_sent(report, files[1:])
    assert isinstance(report.error, OperationTimeout)
    assert "no-response" in codes(report)
    assert "file-failed" not in codes(report)


@pytest.mark.interop("storescp")
async def test_a_cancel_while_storescp_sleeps_ends_at_once(
    context: AppContext, tmp_path: Path, files: Sequence[Path]
) -> None:
    with peers.storescp(tmp_path / "storescp", "--sleep-during", 60) as peer:
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(send_to(context, peer.address, files))
            await asyncio.to_thread(peer.process.wait_for_line, "Received Store Request")
            began = time.monotonic()
            sending.cancel()
        assert sending.cancelled()
        assert time.monotonic() - began < 10
    assert not list(peer.folder.iterdir())


# -- not there -------------------------------------------------------------------------------------------------------


async def test_a_port_where_a_peer_has_been(context: AppContext, tmp_path: Path, files: Sequence[Path]) -> None:
    address = f"GONE@{peers.LOOPBACK}:{peers.free_port()}"
    with pytest.raises(ConnectionRefused):
        await connect(address)
    report = await send_to(context, address, files)
    check_nothing_sent(report, files)
    assert codes(report) == {"closed-port"}
    assert report.associations == ()


@pytest.mark.interop("Orthanc")
async def test_a_http_server_is_told_from_a_dicom_peer(context: AppContext, orthanc: peers.Orthanc) -> None:
    address = PeerAddress.parse(f"WEB@{peers.LOOPBACK}:{orthanc.http_port}")
    result = await echo(context, address, SHORT)
    assert not result.ok
    assert result.error is not None
    assert codes(result) == {"not-dicom-http"}


# -- what may be refused in part -------------------------------------------------------------------------------------


@pytest.mark.interop("storescp")
async def test_a_syntax_that_storescp_does_not_take(context: AppContext, tmp_path: Path, files: Sequence[Path]) -> None:
    """The others are sent; the one fails with what was offered."""
    sample = next(path for path in shipped() if path.name == "MR_small_jpeg_ls_lossless.dcm")
    with peers.storescp(tmp_path / "storescp") as peer:
        report = await send_to(context, peer.address, [*files[1:], sample])
        assert len(list(peer.folder.iterdir())) == 2
    assert [result.state for result in report.results] == [ItemState.SENT, ItemState.SENT, ItemState.FAILED]
    assert report.results[2].cause is Cause.CONTEXT
    assert "JPEG-LS" in report.results[2].reason
    assert not report.ok
