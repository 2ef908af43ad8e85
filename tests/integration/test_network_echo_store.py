"""Our client and our server over real sockets: echo, store, release, abort, time-outs, refusals."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
from pathlib import Path

import pytest
from pydicom.dataset import Dataset, FileMetaDataset

from dicomgui.network import (
    AcceptPolicy,
    AssociationAborted,
    AssociationRejected,
    ConnectionLost,
    ConnectionRefused,
    Handlers,
    InstanceFile,
    Lifecycle,
    LocalProtocolError,
    NoAcceptedContext,
    OperationTimeout,
    Priority,
    ProposedContext,
    Reply,
    ServerOptions,
    Status,
    StoreRequest,
    Timeouts,
    connect,
    presets,
    read_head,
    serve,
)
from dicomgui.network.tracing import (
    SNAP_LENGTH,
    CloseRecord,
    ConnectRecord,
    DimseRecord,
    PduRecord,
    Record,
    ResolveRecord,
    StateRecord,
)

pytestmark = [pytest.mark.any_loop, pytest.mark.uvloop]

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
STORED = Status(0)


def ct_dataset(instance: str = "1.2.3.4", pixels: int = 64) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = CT
    dataset.SOPInstanceUID = instance
    dataset.PatientName = "Test^Case"
    dataset.PatientID = "1"
    dataset.add_new(0x7FE00010, "OW", bytes(pixels))
    return dataset


def write_file(folder: Path, dataset: Dataset) -> Path:
    path = folder / f"{dataset.SOPInstanceUID}.dcm"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = EXPLICIT
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.save_as(path, enforce_file_format=True)
    return path


class Kept:
    """A store handler that keeps what came."""

    def __init__(self, answer: Status | Reply = STORED) -> None:
        self.answer = answer
        self.received: list[tuple[StoreRequest, bytes]] = []

    def __call__(self, request: StoreRequest, data: object) -> Status | Reply:
        assert isinstance(data, bytes)
        self.received.append((request, data))
        return self.answer


async def test_an_echo_is_answered_with_success() -> None:
    async with (
        await serve(port=0, ae_title="LISTENER") as server,
        connect(f"LISTENER@127.0.0.1:{server.port}") as assoc,
    ):
        assert assoc.is_connected
        response = await assoc.echo()
        assert response.status.is_success
        assert assoc.negotiated.peer_version_name.startswith("DICOMGUI_")


async def test_a_thousand_echoes_use_message_ids_that_never_repeat_while_pending() -> None:
    async with await serve(port=0) as server, connect(f"X@127.0.0.1:{server.port}") as assoc:
        for _ in range(1000):
            assert (await assoc.echo()).status == 0


async def test_a_file_arrives_byte_for_byte(tmp_path: Path) -> None:
    kept = Kept()
    dataset = ct_dataset(pixels=700_000)
    path = write_file(tmp_path, dataset)
    async with (
        await serve(port=0, handlers=Handlers(on_store=kept)) as server,
        connect(f"X@127.0.0.1:{server.port}", contexts=presets.for_instances([(CT, EXPLICIT)])) as assoc,
    ):
        response = await assoc.store(path)
    assert response.status.is_success
    [(request, data)] = kept.received
    assert request.command.affected_sop_instance_uid == "1.2.3.4"
    assert request.transfer_syntax_uid == EXPLICIT
    assert request.facts.calling_ae_title == "DICOMGUI"
    assert path.read_bytes().endswith(data)
    assert len(data) > 700_000


async def test_a_data_set_is_encoded_in_the_accepted_syntax() -> None:
    kept = Kept()
    async with (
        await serve(port=0, handlers=Handlers(on_store=kept)) as server,
        connect(f"X@127.0.0.1:{server.port}", contexts=[ProposedContext(CT, ("1.2.840.10008.1.2",))]) as assoc,
    ):
        assert (await assoc.store(ct_dataset())).status.is_success
    assert kept.received[0][0].transfer_syntax_uid == "1.2.840.10008.1.2"


async def test_a_failure_status_is_a_result_with_comment_and_offending_elements(tmp_path: Path) -> None:
    kept = Kept(Reply(Status(0xA700), "disk full", (0x00100010,)))
    path = write_file(tmp_path, ct_dataset())
    async with (
        await serve(port=0, handlers=Handlers(on_store=kept)) as server,
        connect(f"X@127.0.0.1:{server.port}", contexts=presets.for_instances([(CT, EXPLICIT)])) as assoc,
    ):
        response = await assoc.store(path)
    assert response.status == 0xA700
    assert response.comment == "disk full"
    assert response.offending == (0x00100010,)


async def test_b17_a_handler_that_raises_answers_0110_and_the_association_lives(tmp_path: Path) -> None:
    def fail(request: StoreRequest, data: object) -> Status:
        raise ValueError("broken handler")

    path = write_file(tmp_path, ct_dataset())
    contexts = presets.VERIFICATION + presets.for_instances([(CT, EXPLICIT)])
    async with (
        await serve(port=0, handlers=Handlers(on_store=fail)) as server,
        connect(f"X@127.0.0.1:{server.port}", contexts=contexts) as assoc,
    ):
        response = await assoc.store(path)
        assert response.status == 0x0110
        assert "ValueError" in response.comment
        assert (await assoc.echo()).status.is_success


async def test_b18_without_a_store_handler_nothing_is_stored_and_said_so(tmp_path: Path) -> None:
    path = write_file(tmp_path, ct_dataset())
    options = ServerOptions(policy=AcceptPolicy())
    async with (
        await serve(port=0, options=options) as server,
        connect(f"X@127.0.0.1:{server.port}", contexts=presets.for_instances([(CT, EXPLICIT)])) as assoc,
    ):
        assert (await assoc.store(path)).status == 0x0122


async def test_an_asynchronous_handler_answers_when_it_is_done(tmp_path: Path) -> None:
    go = asyncio.Event()

    async def slow(request: StoreRequest, data: object) -> Status:
        await go.wait()
        return Status(0)

    path = write_file(tmp_path, ct_dataset())
    async with (
        await serve(port=0, handlers=Handlers(on_store=slow)) as server,
        connect(f"X@127.0.0.1:{server.port}", contexts=presets.for_instances([(CT, EXPLICIT)])) as assoc,
        asyncio.TaskGroup() as group,
    ):
        store = group.create_task(assoc.store(path))
        await asyncio.sleep(0)
        assert not store.done()
        go.set()
        assert (await store).status.is_success


async def test_a_context_that_was_not_accepted_says_what_was_offered(tmp_path: Path) -> None:
    async with (
        await serve(port=0, options=ServerOptions(policy=AcceptPolicy(abstract_syntaxes=frozenset()))) as server,
        connect(f"X@127.0.0.1:{server.port}", contexts=presets.VERIFICATION) as assoc,
    ):
        with pytest.raises(NoAcceptedContext) as caught:
            await assoc.echo()
        assert caught.value.offered == presets.VERIFICATION[0].transfer_syntaxes
        assert caught.value.accepted == ()


async def test_a_rejection_carries_its_codes() -> None:
    options = ServerOptions(policy=AcceptPolicy(ae_title="RIGHT", check_called=True))
    async with await serve(port=0, options=options) as server:
        with pytest.raises(AssociationRejected) as caught:
            await connect(f"WRONG@127.0.0.1:{server.port}")
    assert (caught.value.result, caught.value.source, caught.value.reason) == (1, 1, 7)
    assert not caught.value.is_transient


async def test_b13_one_association_too_many_is_rejected_at_once() -> None:
    options = ServerOptions(policy=AcceptPolicy(), max_associations=2)
    async with await serve(port=0, options=options) as server, contextlib.AsyncExitStack() as stack:
        peer = f"X@127.0.0.1:{server.port}"
        for _ in range(2):
            await stack.enter_async_context(connect(peer))
        with pytest.raises(AssociationRejected) as caught:
            await connect(peer)
        assert (caught.value.result, caught.value.source, caught.value.reason) == (2, 3, 2)
        assert caught.value.is_transient


async def test_a_closed_port_is_connection_refused() -> None:
    server = await serve(port=0)
    port = server.port
    await server.close()
    with pytest.raises(ConnectionRefused):
        await connect(f"X@127.0.0.1:{port}")


async def test_a_silent_peer_runs_into_the_association_time_out() -> None:
    connected = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        await reader.read()
        writer.close()

    listener = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        with pytest.raises(OperationTimeout) as caught:
            await connect(f"X@127.0.0.1:{port}", timeouts=Timeouts(associate_s=0.05))
        assert caught.value.phase == "associate"
        assert connected.is_set()


async def test_a_peer_that_closes_instead_of_answering_is_connection_lost() -> None:
    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(6)
        writer.close()

    listener = await asyncio.start_server(rude, "127.0.0.1", 0)
    async with listener:
        with pytest.raises(ConnectionLost):
            await connect(f"X@127.0.0.1:{listener.sockets[0].getsockname()[1]}")


async def test_a_missing_response_times_out_and_ends_the_association(tmp_path: Path) -> None:
    never = asyncio.Event()

    async def hang(request: StoreRequest, data: object) -> Status:
        await never.wait()
        return Status(0)

    path = write_file(tmp_path, ct_dataset())
    async with await serve(port=0, handlers=Handlers(on_store=hang)) as server:
        assoc = await connect(
            f"X@127.0.0.1:{server.port}",
            contexts=presets.for_instances([(CT, EXPLICIT)]),
            timeouts=Timeouts(response_s=0.05),
        )
        with pytest.raises(OperationTimeout) as caught:
            await assoc.store(path)
        assert caught.value.phase == "response"
        assert not assoc.is_connected
        await assoc.release()


async def test_cancelling_an_operation_aborts_and_leaves_nothing(tmp_path: Path) -> None:
    started = asyncio.Event()

    async def hang(request: StoreRequest, data: object) -> Status:
        started.set()
        await asyncio.Event().wait()
        return Status(0)

    path = write_file(tmp_path, ct_dataset())
    ended: list[object] = []
    lifecycle = Lifecycle(on_closed=lambda _number, _facts, error: ended.append(error))
    options = ServerOptions(policy=AcceptPolicy(), lifecycle=lifecycle)
    async with await serve(port=0, handlers=Handlers(on_store=hang), options=options) as server:

        async def send() -> None:
            async with connect(f"X@127.0.0.1:{server.port}", contexts=presets.for_instances([(CT, EXPLICIT)])) as assoc:
                await assoc.store(path)

        async with asyncio.TaskGroup() as group:
            task = group.create_task(send())
            await started.wait()
            task.cancel()
        assert task.cancelled()
        await server.wait_empty()
    [error] = ended
    assert isinstance(error, AssociationAborted)
    assert error.source == 0


async def test_after_the_release_nothing_can_be_sent() -> None:
    async with await serve(port=0) as server:
        assoc = await connect(f"X@127.0.0.1:{server.port}")
        await assoc.release()
        await assoc.release()
        with pytest.raises(LocalProtocolError):
            await assoc.echo()


async def test_closing_the_server_ends_idle_associations_by_abort() -> None:
    server = await serve(port=0)
    assoc = await connect(f"X@127.0.0.1:{server.port}")
    await server.close()
    with pytest.raises((AssociationAborted, LocalProtocolError)):
        await assoc.echo()
    await assoc.release()
    assert server.connections == 0


async def test_b12_two_hundred_associations_leave_nothing_behind() -> None:
    async with await serve(port=0) as server:
        for _ in range(200):
            async with connect(f"X@127.0.0.1:{server.port}", contexts=presets.VERIFICATION) as assoc:
                await assoc.echo()
        await server.wait_empty()
        assert server.associations == ()


async def test_every_record_of_an_echo_is_in_the_trace() -> None:
    records: list[Record] = []
    async with (
        await serve(port=0) as server,
        connect(f"X@127.0.0.1:{server.port}", contexts=presets.VERIFICATION, tracer=records.append) as assoc,
    ):
        await assoc.echo()
    assert {r.association for r in records} == {assoc.number}
    assert [r.pdu_type for r in records if isinstance(r, PduRecord)] == [1, 2, 4, 4, 5, 6]
    assert all(r.length == sum(len(s.data) for s in r.segments) for r in records if isinstance(r, PduRecord))
    assert [r.command_field for r in records if isinstance(r, DimseRecord)] == [0x0030, 0x8030]
    assert [r.after for r in records if isinstance(r, StateRecord)] == [4, 5, 6, 7, 1]
    kinds = [type(r) for r in records]
    assert kinds[0] is StateRecord
    assert kinds.index(ResolveRecord) < kinds.index(ConnectRecord) < kinds.index(PduRecord)
    assert kinds[-1] is CloseRecord
    assert all(a.mono <= b.mono for a, b in itertools.pairwise(records))


async def test_the_data_set_of_a_store_is_kept_only_in_part(tmp_path: Path) -> None:
    path = write_file(tmp_path, ct_dataset(pixels=300_000))
    for full in (False, True):
        sent: list[Record] = []
        received: list[Record] = []
        options = ServerOptions(policy=AcceptPolicy(), tracer=received.append, trace_full=full)
        async with (
            await serve(port=0, handlers=Handlers(on_store=Kept()), options=options) as server,
            connect(
                f"X@127.0.0.1:{server.port}",
                contexts=presets.for_instances([(CT, EXPLICIT)]),
                tracer=sent.append,
                trace_full=full,
            ) as assoc,
        ):
            await assoc.store(path)
        for records in (sent, received):
            pdus = [r for r in records if isinstance(r, PduRecord) and r.pdu_type == 4]
            data = [r for r in pdus if r.length > 10_000]
            assert len(data) == 3
            assert sum(r.length for r in data) > 300_000
            kept = [sum(len(s.data) for s in record.segments) for record in data]
            assert kept == ([record.length for record in data] if full else [12 + SNAP_LENGTH, 12, 12])


async def test_ipv6_literals_work() -> None:
    async with await serve("::1", 0) as server, connect(f"X@[::1]:{server.port}") as assoc:
        assert (await assoc.echo()).status.is_success


async def test_files_read_ahead_arrive_like_any_other(tmp_path: Path) -> None:
    kept = Kept()
    sizes = {"1.2.1": 1000, "1.2.2": 300_000, "1.2.3": 2_000_000, "1.2.4": 1000}
    files = [write_file(tmp_path, ct_dataset(uid, size)) for uid, size in sizes.items()]
    instances = [InstanceFile(path, read_head(path)) for path in files]
    async with (
        await serve(port=0, handlers=Handlers(on_store=kept)) as server,
        connect(f"X@127.0.0.1:{server.port}", contexts=presets.for_instances([(CT, EXPLICIT)])) as assoc,
    ):
        for instance, following in zip(instances, [*instances[1:], None], strict=True):
            assert (await assoc.store(instance, following=following)).status.is_success
        # What was read ahead is not sent unless it is asked for, and then as it is asked for.
        assert (await assoc.store(instances[0], following=instances[1])).status.is_success
        assert (await assoc.store(instances[3])).status.is_success
        assert (await assoc.store(instances[0], following=instances[1])).status.is_success
        assert (await assoc.store(instances[1], priority=Priority.HIGH)).status.is_success
    uids = [request.command.affected_sop_instance_uid for request, _ in kept.received]
    assert uids == [*sizes, "1.2.1", "1.2.4", "1.2.1", "1.2.2"]
    assert kept.received[-1][0].command.priority == Priority.HIGH
    for request, data in kept.received:
        assert (tmp_path / f"{request.command.affected_sop_instance_uid}.dcm").read_bytes().endswith(data)


async def test_a_small_file_that_becomes_shorter_while_it_is_read_is_not_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither at its turn nor ahead of it; the moment is too short to be met from outside."""
    one, other = (write_file(tmp_path, ct_dataset(uid)) for uid in ("1.2.1", "1.2.2"))
    first, second = (InstanceFile(path, read_head(path)) for path in (one, other))
    pread, cut = os.pread, itertools.chain([0, 1, 1], itertools.repeat(0))
    monkeypatch.setattr(os, "pread", lambda file, size, offset: pread(file, size - next(cut), offset))
    kept = Kept()
    async with (
        await serve(port=0, handlers=Handlers(on_store=kept)) as server,
        connect(f"X@127.0.0.1:{server.port}", contexts=presets.for_instances([(CT, EXPLICIT)])) as assoc,
    ):
        assert (await assoc.store(first, following=second)).status.is_success
        with pytest.raises(OSError, match="shorter"):
            await assoc.store(second)
        assert (await assoc.store(second)).status.is_success
    assert [request.command.affected_sop_instance_uid for request, _ in kept.received] == ["1.2.1", "1.2.2"]
    assert len({len(data) for _, data in kept.received}) == 1


async def test_a_file_that_vanishes_before_its_turn_is_an_error_of_its_own(tmp_path: Path) -> None:
    first, second = (write_file(tmp_path, ct_dataset(uid)) for uid in ("1.2.1", "1.2.2"))
    one, other = (InstanceFile(path, read_head(path)) for path in (first, second))
    second.unlink()
    async with (
        await serve(port=0, handlers=Handlers(on_store=Kept())) as server,
        connect(f"X@127.0.0.1:{server.port}", contexts=presets.for_instances([(CT, EXPLICIT)])) as assoc,
    ):
        assert (await assoc.store(one, following=other)).status.is_success
        with pytest.raises(FileNotFoundError):
            await assoc.store(other)
        assert (await assoc.store(one)).status.is_success
