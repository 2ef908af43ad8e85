"""Sending: each file with its own result, whatever the peer does."""

from __future__ import annotations

import asyncio
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.bad_peer import APPLICATION, USER, Peer, associate, bad_server, context_ac, reached, response
from helpers.instances import CT, EXPLICIT, IMPLICIT, MR, write_instance
from pydicom import dcmread

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.files.conversion import Conversion, propose
from dicomgui.app.files.sources import Selection, Skipped, scan
from dicomgui.app.transfers import send as module
from dicomgui.app.transfers import whole_files
from dicomgui.app.transfers.send import (
    Cause,
    ItemResult,
    ItemState,
    SendJob,
    SendProgress,
    SendReport,
    prepare,
    send,
)
from dicomgui.network import (
    AcceptPolicy,
    AssociationFacts,
    ConnectionRefused,
    Handlers,
    InstanceFile,
    Lifecycle,
    LocalProtocolError,
    Part10Head,
    PeerAddress,
    Reply,
    Server,
    ServerOptions,
    Status,
    StoreRequest,
    Strictness,
    Timeouts,
    serve,
)
from dicomgui.network.pdu import Abort, PDataTF
from dicomgui.network.tracing import CancelRecord, DimseRecord, FileRecord
from dicomgui.trace.finding import Severity

OPTIONS = ConnectionOptions(timeouts=Timeouts(associate_s=20.0, response_s=20.0))
ACCEPTED = associate(APPLICATION, context_ac(1, 0, EXPLICIT), USER, pdu_type=2)


class Shelf:
    """A store handler: keeps UIDs and answers as told."""

    def __init__(self, *answers: Status | Reply) -> None:
        self.uids: list[str] = []
        self.associations: list[int] = []
        self._answers = list(answers)

    def __call__(self, request: StoreRequest, data: object) -> Status | Reply:
        self.uids.append(request.command.affected_sop_instance_uid)
        self.associations.append(request.facts.association)
        return self._answers.pop(0) if self._answers else Status(0)


def to(server: Server) -> PeerAddress:
    return PeerAddress.parse(f"SCP@127.0.0.1:{server.port}")


def files(folder: Path, count: int) -> Selection:
    return scan([write_instance(folder, number) for number in range(count)])


def states(report: SendReport) -> list[ItemState]:
    return [result.state for result in report.results]


async def test_everything_is_sent_and_told(context: AppContext, tmp_path: Path) -> None:
    shelf, told, progress = Shelf(), list[ItemResult](), list[SendProgress]()
    selection = files(tmp_path, 3)
    async with await serve(port=0, handlers=Handlers(on_store=shelf)) as server:
        report = await send(context, to(server), OPTIONS, selection, on_result=told.append, on_progress=progress.append)
    assert report.ok
    assert report.sent == 3
    assert report.results == tuple(told)
    assert shelf.uids == [item.head.sop_instance_uid for item in selection.items]
    assert all(result.is_sent and result.seconds > 0 and result.association for result in report.results)
    assert len(report.associations) == 1
    assert report.bytes_sent == selection.size_bytes == progress[-1].bytes_done == progress[-1].bytes_total
    assert report.bytes_per_second > 0
    assert report.error is None
    assert report.findings == ()
    assert [entry.done for entry in progress] == [0, 1, 1, 2, 2, 3]
    assert progress[0].current == selection.items[0]
    assert progress[-1].current is None
    assert sum(isinstance(record, FileRecord) for record in context.trace.records()) == 3


async def test_only_what_the_files_need_is_proposed(context: AppContext, tmp_path: Path) -> None:
    paths = [
        write_instance(tmp_path, 1),
        write_instance(tmp_path, 2, syntax=IMPLICIT),
        write_instance(tmp_path, 3, sop_class=MR),
        write_instance(tmp_path, 4),
    ]
    seen: list[AssociationFacts] = []
    options = ServerOptions(policy=AcceptPolicy(), lifecycle=Lifecycle(on_accepted=seen.append))
    async with await serve(port=0, handlers=Handlers(on_store=Shelf()), options=options) as server:
        report = await send(context, to(server), OPTIONS, scan(paths))
    assert report.ok
    assert len(seen) == 1
    contexts = propose(scan(paths).items)
    assert [(c.abstract_syntax, c.transfer_syntaxes) for c in contexts] == [
        (CT, (EXPLICIT,)),
        (CT, (IMPLICIT,)),
        (MR, (EXPLICIT,)),
        (MR, (IMPLICIT,)),  # which every peer must take (PS3.5 10.1)
    ]


@pytest.mark.parametrize(
    ("conversion", "counts"), [(Conversion.NEVER, [128, 2]), (Conversion.UNCOMPRESSED, [64, 64, 2])]
)
async def test_more_kinds_than_an_association_takes_go_over_several(
    context: AppContext, tmp_path: Path, conversion: Conversion, counts: list[int]
) -> None:
    paths = [write_instance(tmp_path, number, sop_class=f"{CT}.{number}") for number in range(130)]
    shelf = Shelf()
    anything = ServerOptions(policy=AcceptPolicy())
    async with await serve(port=0, handlers=Handlers(on_store=shelf), options=anything) as server:
        report = await send(context, to(server), OPTIONS, scan(paths), conversion=conversion)
    assert report.ok
    assert len(report.associations) == len(counts)
    assert [shelf.associations.count(number) for number in dict.fromkeys(shelf.associations)] == counts


def requests_in(context: AppContext) -> int:
    return sum(isinstance(record, DimseRecord) for record in context.trace.records())


class Together:
    """Answers no C-STORE before so many of them wait for their answer."""

    def __init__(self, count: int) -> None:
        self._barrier = asyncio.Barrier(count)

    async def __call__(self, _request: StoreRequest, _data: object) -> Status:
        await self._barrier.wait()
        return Status(0)


async def test_files_go_side_by_side_in_an_asynchronous_operations_window(context: AppContext, tmp_path: Path) -> None:
    window = ServerOptions(policy=AcceptPolicy(max_invoked=3))
    async with await serve(port=0, handlers=Handlers(on_store=Together(3)), options=window) as server:
        report = await send(context, to(server), replace(OPTIONS, async_ops=(8, 1)), files(tmp_path, 6))
    assert report.ok
    assert len(report.associations) == 1
    assert len({result.item for result in report.results}) == 6


async def test_cancel_with_several_under_way_leaves_a_result_for_each(context: AppContext, tmp_path: Path) -> None:
    window = ServerOptions(policy=AcceptPolicy(max_invoked=3))
    async with await serve(port=0, handlers=Handlers(on_store=Together(4)), options=window) as server:
        job = SendJob(context, to(server), replace(OPTIONS, async_ops=(3, 1)), files(tmp_path, 6))
        async with asyncio.TaskGroup() as group:
            task = group.create_task(job.run())
            await reached(lambda: requests_in(context) == 3, "three requests")
            task.cancel()
    assert [result.state for result in job.report().results] == [ItemState.CANCELLED] * 6


async def test_a_status_makes_sent_warning_or_failed(context: AppContext, tmp_path: Path) -> None:
    shelf = Shelf(Status(0), Status(0xB000), Reply(Status(0xA700), "full"), Status(0xFE00))
    async with await serve(port=0, handlers=Handlers(on_store=shelf)) as server:
        report = await send(context, to(server), OPTIONS, files(tmp_path, 4))
    assert states(report) == [ItemState.SENT, ItemState.WARNING, ItemState.FAILED, ItemState.FAILED]
    assert report.results[2].comment == "full"
    assert report.results[2].status == 0xA700
    assert report.results[2].reason
    assert report.causes == {Cause.STATUS}
    assert report.sent == 2
    assert not report.ok
    assert report.findings


async def test_a_refused_context_fails_only_its_files(context: AppContext, tmp_path: Path) -> None:
    paths = [write_instance(tmp_path, 1), write_instance(tmp_path, 2, sop_class=MR), write_instance(tmp_path, 3)]
    policy = ServerOptions(policy=AcceptPolicy(abstract_syntaxes=frozenset({CT})))
    async with await serve(port=0, handlers=Handlers(on_store=Shelf()), options=policy) as server:
        report = await send(context, to(server), OPTIONS, scan(paths))
    assert states(report) == [ItemState.SENT, ItemState.FAILED, ItemState.SENT]
    assert report.causes == {Cause.CONTEXT}
    assert len(report.associations) == 1
    assert [finding.severity for finding in report.findings] == [Severity.ERROR]


async def test_when_every_context_is_refused_the_diagnosis_says_so_once(context: AppContext, tmp_path: Path) -> None:
    policy = ServerOptions(policy=AcceptPolicy(abstract_syntaxes=frozenset({MR})))
    async with await serve(port=0, handlers=Handlers(on_store=Shelf()), options=policy) as server:
        report = await send(context, to(server), OPTIONS, files(tmp_path, 3))
    assert report.causes == {Cause.CONTEXT}
    assert len(report.findings) == 1
    assert report.findings[0].code.startswith("no-context")


async def test_without_a_connection_everything_fails_for_that_reason(context: AppContext, tmp_path: Path) -> None:
    async with await serve(port=0) as server:
        gone = to(server)
    report = await send(context, gone, OPTIONS, files(tmp_path, 2))
    assert isinstance(report.error, ConnectionRefused)
    assert [(r.state, r.cause, r.association) for r in report.results] == [(ItemState.FAILED, Cause.NETWORK, 0)] * 2
    assert report.associations == ()
    assert report.findings[0].code == "closed-port"


async def test_an_association_that_breaks_after_a_success_is_opened_again(context: AppContext, tmp_path: Path) -> None:
    async def one_then_abort(peer: Peer) -> None:
        await peer.accept(ACCEPTED)
        command = await peer.read_command()
        await _skip_data_set(peer)
        await peer.send(response(0x8001, command.message_id))
        await peer.read_command()
        await peer.send(Abort(2, 0).encode())
        await peer.read_all()

    async with bad_server(one_then_abort) as server:
        report = await send(context, PeerAddress.parse(server.address), OPTIONS, files(tmp_path, 4))
        await reached(lambda: not server.tasks, "the scripts are done")
    assert states(report) == [ItemState.SENT, ItemState.FAILED] * 2
    assert report.causes == {Cause.NETWORK}
    assert report.error is None
    assert len(report.associations) == 2


async def test_an_association_that_breaks_without_a_success_ends_the_send(context: AppContext, tmp_path: Path) -> None:
    async def abort(peer: Peer) -> None:
        await peer.accept(ACCEPTED)
        await peer.read_command()
        await peer.send(Abort(2, 0).encode())
        await peer.read_all()

    async with bad_server(abort) as server:
        report = await send(context, PeerAddress.parse(server.address), OPTIONS, files(tmp_path, 3))
        await reached(lambda: not server.tasks, "the script is done")
    assert server.served == 1
    assert states(report) == [ItemState.FAILED] * 3
    assert report.error is not None
    assert report.results[1].reason == str(report.error)


async def test_an_association_that_ends_before_anything_was_sent_ends_the_send(
    context: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dicomgui.network.client.Association.is_connected", property(lambda self: False))
    async with await serve(port=0, handlers=Handlers(on_store=Shelf())) as server:
        report = await send(context, to(server), OPTIONS, files(tmp_path, 2))
    assert states(report) == [ItemState.FAILED] * 2
    assert "ended" in str(report.error)


async def test_a_file_that_is_gone_fails_alone(context: AppContext, tmp_path: Path) -> None:
    selection = files(tmp_path, 3)
    selection.items[0].path.unlink()
    async with await serve(port=0, handlers=Handlers(on_store=Shelf())) as server:
        report = await send(context, to(server), OPTIONS, selection)
    assert states(report) == [ItemState.FAILED, ItemState.SENT, ItemState.SENT]
    assert report.causes == {Cause.FILE}
    assert "No such file" in report.results[0].reason


async def test_a_file_that_shrank_fails_alone(
    context: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [write_instance(tmp_path, 1), write_instance(tmp_path, 2)]
    selection = scan(paths)
    shelf = Shelf()
    real = InstanceFile

    def end_early(path: Path, head: Part10Head) -> InstanceFile:
        """As the source does whose file got shorter after its size was taken."""
        if path == paths[0]:
            raise LocalProtocolError("the data set ended early")
        return real(path, head)

    monkeypatch.setattr("dicomgui.app.files.conversion.InstanceFile", end_early)
    async with await serve(port=0, handlers=Handlers(on_store=shelf)) as server:
        report = await send(context, to(server), OPTIONS, selection)
    assert states(report) == [ItemState.FAILED, ItemState.SENT]
    assert report.causes == {Cause.FILE}


async def test_a_cancel_within_an_instance_leaves_everything_else_cancelled(
    context: AppContext, tmp_path: Path
) -> None:
    arrived = asyncio.Event()

    async def answer_one(peer: Peer) -> None:
        await peer.accept(ACCEPTED)
        command = await peer.read_command()
        await _skip_data_set(peer)
        await peer.send(response(0x8001, command.message_id))
        await peer.read_command()
        arrived.set()
        await peer.read_all()

    told: list[ItemResult] = []
    async with bad_server(answer_one) as server, asyncio.TaskGroup() as group:
        peer = PeerAddress.parse(server.address)
        job = SendJob(context, peer, OPTIONS, files(tmp_path, 3), on_result=told.append)
        assert job.report().seconds == 0
        task = group.create_task(job.run())
        await arrived.wait()
        task.cancel()
        await asyncio.wait((task,))
        assert task.cancelled()
        await reached(lambda: not server.tasks, "the connection is gone")
    report = job.report()
    assert report.results == tuple(told)
    assert states(report) == [ItemState.SENT, ItemState.CANCELLED, ItemState.CANCELLED]
    assert not report.ok
    assert report.causes == frozenset()
    assert any("after 1 of 3" in r.detail for r in context.trace.records() if isinstance(r, CancelRecord))


async def test_a_cancel_while_connecting_cancels_all(context: AppContext, tmp_path: Path) -> None:
    connected = asyncio.Event()

    async def silent(peer: Peer) -> None:
        connected.set()
        await peer.read_all()

    async with bad_server(silent) as server, asyncio.TaskGroup() as group:
        job = SendJob(context, PeerAddress.parse(server.address), OPTIONS, files(tmp_path, 2))
        task = group.create_task(job.run())
        await connected.wait()
        task.cancel()
        await asyncio.wait((task,))
        await reached(lambda: not server.tasks, "the connection is gone")
    assert states(job.report()) == [ItemState.CANCELLED] * 2


def test_a_report_says_ok_only_if_everything_is_there() -> None:
    assert not SendReport((), (), (), 0, 0.0).ok
    assert SendReport((), (), (), 0, 0.0).causes == {Cause.FILE}
    assert SendReport((), (), (), 0, 0.0).bytes_per_second == 0
    skipped = (Skipped("x", "damaged", is_fault=True),)
    assert SendReport((), skipped, (), 0, 1.0, ConnectionRefused("no")).causes == {Cause.FILE, Cause.NETWORK}


async def test_preparing_scans_in_a_thread_and_tells_in_the_loop(context: AppContext, tmp_path: Path) -> None:
    for number in range(3):
        write_instance(tmp_path, number)
    told: list[threading.Thread] = []
    with await prepare(context, [tmp_path], on_progress=lambda count, name: told.append(threading.current_thread())):
        await reached(lambda: bool(told), "progress is told")
    assert set(told) == {threading.current_thread()}
    with await prepare(context, [tmp_path]) as selection:
        assert len(selection.items) == 3


async def test_a_cancelled_preparation_leaves_no_temporary_files(
    context: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("1", write_instance(tmp_path, 1).read_bytes())
    begun, go = threading.Event(), threading.Event()

    def slow_scan(paths: tuple[Path, ...], **_more: object) -> Selection:
        selection = scan(paths)
        begun.set()
        go.wait(60)
        return selection

    monkeypatch.setattr(module, "scan", slow_scan)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(prepare(context, [archive]))
        await reached(begun.is_set, "the scan runs")
        task.cancel()
        await asyncio.wait((task,))
        go.set()
    await reached(lambda: not list((tmp_path / "temporary").iterdir()), "the temporary files are gone")


async def test_a_preparation_cancelled_before_its_turn_or_that_stops_itself_is_over(
    context: AppContext, tmp_path: Path
) -> None:
    write_instance(tmp_path, 1)
    go = threading.Event()
    waiting = [context.file_pool.submit(go.wait, 60) for _ in range(4)]
    async with asyncio.TaskGroup() as group:
        task = group.create_task(prepare(context, [tmp_path]))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait((task,))
        assert task.cancelled()
    go.set()
    assert [done.result(60) for done in waiting] == [True] * 4


async def _skip_data_set(peer: Peer) -> None:
    while True:
        pdu = await peer.read()
        assert isinstance(pdu, PDataTF)
        if pdu.pdvs[-1].is_last and not pdu.pdvs[-1].is_command:
            return


async def test_progress_within_a_large_file(
    context: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PROGRESS_S", 0.0)
    selection = scan([write_instance(tmp_path, 1, pixel_bytes=4_194_304), write_instance(tmp_path, 2)])
    progress = list[SendProgress]()
    async with await serve(port=0, handlers=Handlers(on_store=Shelf())) as server:
        job = SendJob(context, to(server), OPTIONS, selection, on_progress=progress.append)
        report = await job.run()
    assert report.ok
    assert job.associations == report.associations
    steps = [entry.bytes_done for entry in progress]
    assert steps == sorted(steps)
    within = [entry for entry in progress if entry.current == selection.items[0] and entry.bytes_done]
    assert len(within) > 3  # one for each piece
    assert all(0 < entry.bytes_done <= selection.items[0].size_bytes for entry in within)
    assert steps[-1] == selection.size_bytes


async def test_what_failed_is_told_apart_in_the_progress(context: AppContext, tmp_path: Path) -> None:
    progress = list[SendProgress]()
    selection = files(tmp_path, 2)
    shelf = Shelf(Status(0xA700), Status(0))
    async with await serve(port=0, handlers=Handlers(on_store=shelf)) as server:
        await send(context, to(server), OPTIONS, selection, on_progress=progress.append)
    assert progress[-1].bytes_failed == selection.items[0].size_bytes
    assert progress[-1].bytes_done == selection.size_bytes


async def test_the_association_of_a_failed_attempt_is_known(context: AppContext, tmp_path: Path) -> None:
    async with await serve(port=0) as server:
        peer = to(server)
    job = SendJob(context, peer, OPTIONS, files(tmp_path, 1))
    report = await job.run()
    assert not report.associations
    assert len(job.associations) == 1


async def test_what_conversions_change_is_told_once_for_all_files(context: AppContext, tmp_path: Path) -> None:
    for number in (1, 2):
        dataset = dcmread(write_instance(tmp_path, number))
        dataset.private_block(0x0009, "ACME", create=True).add_new(1, "LO", "one")
        dataset.save_as(tmp_path / f"{number}.dcm")
    implicit = ServerOptions(policy=AcceptPolicy(transfer_syntaxes=(IMPLICIT,)))
    async with await serve(port=0, handlers=Handlers(on_store=Shelf()), options=implicit) as server:
        report = await send(context, to(server), OPTIONS, scan([tmp_path]))
    assert (report.ok, report.converted) == (True, 2)
    [finding] = report.findings
    assert finding.code == "converted-private-vr"
    assert finding.what.startswith("In 2 converted files, private elements")


# ---------------------------------------------------------------------------------------------------- broken files


def cut(path: Path, size: int) -> Path:
    path.write_bytes(path.read_bytes()[:-size])
    return path


@pytest.mark.parametrize("window", [1, 4])
async def test_a_file_that_breaks_off_is_named_and_not_sent(context: AppContext, tmp_path: Path, window: int) -> None:
    shelf = Shelf()
    paths = [write_instance(tmp_path, number) for number in range(6)]
    for number in (0, 3, 5):
        cut(paths[number], 2)
    policy = ServerOptions(policy=AcceptPolicy(max_invoked=window))
    async with await serve(port=0, handlers=Handlers(on_store=shelf), options=policy) as server:
        options = replace(OPTIONS, async_ops=(window, 1))
        report = await send(context, to(server), options, scan(paths))
    assert sorted(shelf.uids) == sorted(one.item.head.sop_instance_uid for one in report.results if one.is_sent)
    assert report.sent == 3
    failed = [one for one in report.results if not one.is_sent]
    assert sorted(one.item.path for one in failed) == [paths[0], paths[3], paths[5]]
    assert {one.cause for one in failed} == {Cause.FILE}
    assert all("broken: the data set breaks off at byte" in one.reason for one in failed)
    (finding,) = {finding.code: finding for finding in report.findings}.values()
    assert finding.code == "file-broken"
    assert "the data set breaks off at byte" in finding.what
    assert any("--send-broken" in text for text in finding.tries)
    assert "disk" not in " ".join((*finding.causes, *finding.tries))


async def test_no_association_is_opened_for_broken_files_alone(context: AppContext, tmp_path: Path) -> None:
    selection = scan([cut(write_instance(tmp_path, number), 100) for number in range(3)])
    report = await send(context, PeerAddress.parse("SCP@127.0.0.1:1"), OPTIONS, selection)
    assert report.error is None
    assert not report.associations
    assert report.causes == {Cause.FILE}
    assert states(report) == [ItemState.FAILED] * 3


async def test_a_broken_file_is_sent_where_it_is_asked_for(context: AppContext, tmp_path: Path) -> None:
    shelf = Shelf()
    options = ServerOptions(policy=AcceptPolicy(), strictness=Strictness.ANY)
    async with await serve(port=0, handlers=Handlers(on_store=shelf), options=options) as server:
        path = cut(write_instance(tmp_path, 1), 2)
        report = await send(context, to(server), OPTIONS, scan([path]), sends_broken=True)
    assert report.ok
    assert len(shelf.uids) == 1


async def test_a_send_that_is_cancelled_while_files_are_looked_at_tells_of_all(
    context: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go = threading.Event(), threading.Event()

    def look(item: object) -> None:
        begun.set()
        go.wait(20.0)

    monkeypatch.setattr(whole_files, "problem_of_file", look)
    job = SendJob(context, PeerAddress.parse("SCP@127.0.0.1:1"), OPTIONS, files(tmp_path, 3))
    task = asyncio.create_task(job.run())
    await asyncio.to_thread(begun.wait, 20.0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go.set()
    assert states(job.report()) == [ItemState.CANCELLED] * 3
