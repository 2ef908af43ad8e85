"""The listener: what it keeps, what it answers, and what it tells."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from helpers.archive import instance, put
from helpers.bad_peer import command, dataset, dial, pdata, pdv, reached, store_elements, store_rq
from helpers.instances import EXPLICIT, data_set, write_instance

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.echo import echo
from dicomgui.app.files.sources import scan
from dicomgui.app.listening.desk import AnswerDesk, DeskRun
from dicomgui.app.listening.listener import (
    MAX_EVENTS,
    ArchiveRepaired,
    AssociationBegan,
    AssociationEnded,
    ContextsRefused,
    EchoAnswered,
    Listener,
    ListenerEvent,
    ListenerOptions,
    ReceivedInstance,
    Refusal,
    StoreFailed,
)
from dicomgui.app.listening.services import ListenerServices
from dicomgui.app.transfers.send import ItemState, SendReport, send
from dicomgui.network import (
    ConfigurationError,
    ListenError,
    PeerAddress,
    ProposedContext,
    Server,
    Strictness,
    Timeouts,
    connect,
    presets,
)
from dicomgui.network.status import Status
from dicomgui.network.structure import AnomalyCode
from dicomgui.network.tracing import FileRecord, ListenRecord, NoteRecord
from dicomgui.storage import Archive, DiskFull, FolderUnwritable, Outcome, Pending, Stored
from dicomgui.storage.layout import FOLDERS

OPTIONS = ConnectionOptions(timeouts=Timeouts(associate_s=20.0, response_s=20.0))


@pytest.fixture
def context() -> Iterator[AppContext]:
    with AppContext() as made:
        yield made


@asynccontextmanager
async def running(context: AppContext, folder: Path, **options: Any) -> AsyncIterator[Listener]:
    listener = Listener(context, ListenerOptions(folder, port=0, **options))
    await listener.start()
    try:
        yield listener
    finally:
        await listener.stop()


def at(listener: Listener) -> PeerAddress:
    return PeerAddress.parse(f"DICOMGUI@{listener.address}")


async def send_to(context: AppContext, listener: Listener, *paths: Path) -> SendReport:
    return await send(context, at(listener), OPTIONS, scan(paths))


def of_kind(events: list[ListenerEvent], kind: type) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def kept(folder: Path) -> tuple[list[Path], list[Path]]:
    """Stored instances and partial files."""
    return list(folder.rglob("*.dcm")), list(folder.rglob("*.part"))


@pytest.mark.parametrize("wrong", [{"ae_title": ""}, {"max_pdu_length": 3}])
def test_unusable_options_are_refused_at_once(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        ListenerOptions(tmp_path, **wrong)


@pytest.mark.parametrize("folder", [".", "..", "in"])
async def test_an_archive_may_be_named_from_where_one_stands(
    context: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    """The folder for media is beside it then, too."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    archive = (tmp_path / "here" / folder).resolve()
    begun: list[DeskRun] = []
    desk = AnswerDesk()
    monkeypatch.setattr(desk, "begin", begun.append)
    listener = Listener(context, ListenerOptions(Path(folder), port=0), desk=desk)
    await listener.start()
    try:
        assert (await echo(context, at(listener), OPTIONS)).ok
    finally:
        await listener.stop()
    assert begun[0].media is not None
    assert begun[0].media.usual_folder == archive.with_name(f"{archive.name}-media")


@pytest.mark.parametrize("fsync", [True, False])
async def test_an_instance_is_kept_and_everything_about_it_is_told(
    context: AppContext, tmp_path: Path, fsync: bool
) -> None:
    path = write_instance(tmp_path / "files", 1)
    async with running(context, tmp_path / "archive", fsync=fsync) as listener:
        report = await send_to(context, listener, path)
        await reached(lambda: not listener.associations, "the association has ended")
        events = listener.drain()
        assert listener.drain() == []
    assert report.ok
    [received] = of_kind(events, ReceivedInstance)
    assert data_set(received.path) == data_set(path)
    assert received.path.is_relative_to(tmp_path / "archive")
    assert received.size_bytes == received.path.stat().st_size == listener.counts.size_bytes
    assert received.outcome is Outcome.STORED
    assert received.transfer_syntax_uid == EXPLICIT
    assert received.facts.calling_ae_title == "DICOMGUI"
    assert [type(event) for event in events] == [AssociationBegan, ReceivedInstance, AssociationEnded]
    assert events[-1].error is None  # type: ignore[union-attr]
    assert listener.counts.stored == listener.counts.associations == 1
    stored = [record for record in context.trace.records() if isinstance(record, FileRecord)]
    assert [record.event for record in stored] == ["opened", "stored"]
    assert stored[1].association == received.facts.association


async def test_the_same_again_is_kept_once_and_another_one_beside_it(context: AppContext, tmp_path: Path) -> None:
    first = write_instance(tmp_path / "a", 1)
    other = write_instance(tmp_path / "b", 1, pixel_bytes=100)
    async with running(context, tmp_path / "archive") as listener:
        report = await send_to(context, listener, first, first, other)
        outcomes = [event.outcome for event in of_kind(listener.drain(), ReceivedInstance)]
    assert report.ok
    assert outcomes == [Outcome.STORED, Outcome.DUPLICATE, Outcome.KEPT_SECOND]
    assert (listener.counts.stored, listener.counts.duplicates) == (2, 1)


async def test_an_echo_is_answered_and_told(context: AppContext, tmp_path: Path) -> None:
    told: list[ListenerEvent] = []
    listener = Listener(context, ListenerOptions(tmp_path, port=0), on_event=told.append)
    await listener.start()
    result = await echo(context, at(listener), OPTIONS)
    await listener.stop()
    assert result.ok
    assert listener.counts.echoes == 1
    assert len(of_kind(told, EchoAnswered)) == 1
    assert listener.drain() == []  # nothing is kept for nobody: associations hold much


async def test_it_starts_and_stops_as_often_as_wanted(context: AppContext, tmp_path: Path) -> None:
    listener = Listener(context, ListenerOptions(tmp_path, port=0))
    assert not listener.is_running
    assert listener.address == "127.0.0.1:0"
    assert listener.port == 0
    assert listener.associations == ()
    assert not listener.abort(1)
    for _ in range(2):
        await listener.start()
        await listener.start()
        assert listener.is_running
        assert listener.port > 0
        assert (await echo(context, at(listener), OPTIONS)).ok
        assert listener.counts.echoes == 1
        await listener.stop()
        await listener.stop()
    assert not (tmp_path / "incoming").exists() or not list((tmp_path / "incoming").iterdir())
    assert Listener(context, ListenerOptions(tmp_path, host="::1", port=7)).address == "[::1]:7"
    listens = [record.active for record in context.trace.records() if isinstance(record, ListenRecord)]
    assert listens == [True, False] * 2


async def test_what_it_advertises_and_accepts_is_as_asked(context: AppContext, tmp_path: Path) -> None:
    private = write_instance(tmp_path / "files", 1, sop_class="1.2.3.4")
    async with running(context, tmp_path / "a", max_pdu_length=16_384) as listener:
        result = await echo(context, at(listener), OPTIONS)
        assert result.peer_max_pdu_length == 16_384
        report = await send_to(context, listener, private)
        assert [item.state for item in report.results] == [ItemState.FAILED]
    async with running(context, tmp_path / "b", any_sop_class=True) as listener:
        assert (await send_to(context, listener, private)).ok


async def test_a_refused_caller_is_told(context: AppContext, tmp_path: Path) -> None:
    async with running(context, tmp_path, ae_title="ME", check_called_ae=True) as listener:
        result = await echo(context, at(listener), OPTIONS)
        [refusal] = of_kind(listener.drain(), Refusal)
    assert not result.ok
    assert refusal.association > 0
    assert refusal.reason
    assert listener.counts.refused == 1


async def test_the_folders_are_there_before_the_first_instance(context: AppContext, tmp_path: Path) -> None:
    async with running(context, tmp_path):
        assert all((tmp_path / name).is_dir() for name in FOLDERS)


async def test_one_association_can_be_aborted(context: AppContext, tmp_path: Path) -> None:
    async with running(context, tmp_path) as listener:
        association = await connect(at(listener))
        [facts] = listener.associations
        assert listener.abort(facts.association)
        await reached(lambda: not association.is_connected, "the abort has come")
        await association.abort()
        await reached(lambda: not listener.associations, "it is gone")
        [ended] = of_kind(listener.drain(), AssociationEnded)
    assert ended.error is not None


async def test_a_taken_port_is_told_and_the_folder_given_back(context: AppContext, tmp_path: Path) -> None:
    async with running(context, tmp_path / "a") as listener:
        second = Listener(context, ListenerOptions(tmp_path / "b", port=listener.port))
        with pytest.raises(ListenError):
            await second.start()
        assert not second.is_running
    assert list((tmp_path / "b" / "incoming").iterdir()) == []


async def test_an_unusable_folder_is_told(context: AppContext, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    listener = Listener(context, ListenerOptions(tmp_path / "file", port=0))
    with pytest.raises(Exception, match="file") as caught:
        await listener.start()
    assert type(caught.value).__module__ == "dicomgui.storage.errors"
    assert not listener.is_running


async def test_what_a_crash_left_behind_is_noted(context: AppContext, tmp_path: Path) -> None:
    (tmp_path / "incoming").mkdir()
    (tmp_path / "incoming" / "0123456789abcdef-1.part").write_bytes(b"half")
    async with running(context, tmp_path):
        pass
    assert any("incomplete" in record.text for record in context.trace.records() if isinstance(record, NoteRecord))


@pytest.mark.parametrize("fsync", [True, False])
@pytest.mark.parametrize("error", [DiskFull("no room", hint="Free some."), FolderUnwritable("not yours", path="/x")])
async def test_a_failure_of_the_disk_becomes_its_status(
    context: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fsync: bool, error: Exception
) -> None:
    def fail(self: Archive, pending: Pending, **how: bool) -> Stored:
        pending.abandon()
        raise error

    monkeypatch.setattr(Archive, "commit", fail)
    path = write_instance(tmp_path / "files", 1)
    async with running(context, tmp_path / "archive", fsync=fsync) as listener:
        report = await send_to(context, listener, path)
        [failed] = of_kind(listener.drain(), StoreFailed)
    assert report.results[0].status == 0xA700
    assert "/x" not in report.results[0].comment
    assert report.results[0].comment
    assert failed.reason == str(error)
    assert listener.counts.failed == 1
    assert listener.counts.stored == 0


async def test_a_refusal_before_the_data_set_becomes_its_status(
    context: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Archive, **facts: str) -> object:
        raise DiskFull("no room")

    monkeypatch.setattr(Archive, "receive", refuse)
    async with running(context, tmp_path / "archive") as listener:
        report = await send_to(context, listener, write_instance(tmp_path / "files", 1))
    assert report.results[0].status == 0xA700
    assert report.results[0].comment == "no space left on the disk"


async def test_a_data_set_that_breaks_off_leaves_nothing(context: AppContext, tmp_path: Path) -> None:
    async with running(context, tmp_path) as listener:
        async with await dial(listener.port) as peer:
            await peer.associate()
            await peer.send(pdata(pdv(3, 3, command(store_elements()))), pdata(pdv(3, 0, bytes(200))))
            await reached(lambda: bool(listener.associations), "the association stands")
        await reached(lambda: not listener.associations, "the association has ended")
        assert of_kind(listener.drain(), ReceivedInstance) == []
    assert kept(tmp_path) == ([], [])
    discarded = [record for record in context.trace.records() if isinstance(record, FileRecord)]
    assert [record.event for record in discarded] == ["discarded"]


async def test_without_syncing_the_next_file_is_opened_while_the_peer_is_at_work_and_goes_with_the_association(
    context: AppContext, tmp_path: Path
) -> None:
    folder = tmp_path / "archive"
    paths = [write_instance(tmp_path / "files", number) for number in range(3)]
    async with running(context, folder, fsync=False, strictness=Strictness.ANY) as listener:
        async with await dial(listener.port) as peer:
            await peer.associate()
            for number, path in enumerate(paths, 1):
                await peer.send(store_rq(f"1.2.{number}", data_set(path), number))
                await reached(lambda count=number: listener.counts.stored == count, "it is stored")
                await reached(lambda: [one.stat().st_size for one in kept(folder)[1]] == [0], "it is tidy")
        await reached(lambda: not listener.associations, "the association has ended")
        stored, partial = kept(folder)
        assert partial == []
        assert len(stored) == 3


async def test_an_association_that_ends_while_the_disk_works_loses_no_file_and_what_waits_is_dropped(
    context: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first instance is being stored and the second waits when the connection is lost."""
    begun, go = threading.Event(), threading.Event()
    real = Archive.commit

    def slow(self: Archive, pending: Pending, **how: bool) -> Stored:
        begun.set()
        go.wait(60)
        return real(self, pending, **how)

    monkeypatch.setattr(Archive, "commit", slow)
    data = data_set(write_instance(tmp_path / "files", 1))
    async with running(context, tmp_path / "archive", strictness=Strictness.ANY) as listener:
        async with await dial(listener.port) as peer:
            await peer.associate()
            await peer.send(store_rq("1.2.1", data, 1), store_rq("1.2.2", data, 2))
            await reached(begun.is_set, "the first is being stored")
            await reached(lambda: sum(map(len, listener._held.values())) == 1, "the second waits")
            await peer.reset()
        await reached(lambda: not listener._held, "what waited is dropped")
        go.set()
        await reached(lambda: listener.counts.stored == 1, "the first is stored")
        assert len(of_kind(listener.drain(), ReceivedInstance)) == 1
    stored, partial = kept(tmp_path / "archive")
    assert (len(stored), partial) == (1, [])


@pytest.mark.parametrize("fsync", [True, False])
async def test_an_instance_whose_association_is_gone_is_not_stored(
    context: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fsync: bool
) -> None:
    async with running(context, tmp_path / "archive", fsync=fsync) as listener:
        monkeypatch.setattr(listener, "hold", lambda request, pending: pending)
        report = await send_to(context, listener, write_instance(tmp_path / "files", 1))
    assert report.results[0].status == 0x0110
    assert kept(tmp_path / "archive") == ([], [])


async def test_views_that_never_come_cost_no_memory(context: AppContext, tmp_path: Path) -> None:
    async with running(context, tmp_path) as listener:
        for number in range(MAX_EVENTS + 10):
            listener._tell(Refusal(0.0, number, "x", "y"))
        events = listener.drain()
    assert len(events) == MAX_EVENTS


async def test_what_was_repaired_while_it_starts_is_told_when_it_runs(
    context: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, instance(1, 1, 1))
    told: list[ListenerEvent] = []
    listener = Listener(context, ListenerOptions(tmp_path, port=0), on_event=told.append)
    serve = listener._serve

    async def serve_late(services: ListenerServices) -> Server:
        await reached(lambda: listener.archive.report is not None, "it is repaired")
        return await serve(services)

    monkeypatch.setattr(listener, "_serve", serve_late)
    await listener.start()
    assert not told
    await reached(lambda: bool(told), "it is told")
    assert [type(event) for event in told] == [ArchiveRepaired]
    await listener.stop()


async def test_stopping_ends_what_stands(context: AppContext, tmp_path: Path) -> None:
    listener = Listener(context, ListenerOptions(tmp_path, port=0))
    await listener.start()
    association = await connect(at(listener), contexts=presets.VERIFICATION)
    await listener.stop()
    await reached(lambda: not association.is_connected, "it was told")
    await association.abort()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert os.listdir(tmp_path)


async def test_what_is_open_now_is_known_also_in_the_middle_of_a_data_set(context: AppContext, tmp_path: Path) -> None:
    async with running(context, tmp_path / "in", strictness=Strictness.ANY) as listener:
        async with await dial(listener.port) as peer:
            await peer.associate()
            whole = dataset(bytes(100_000))
            await peer.send(pdata(pdv(3, 3, command(store_elements()))), whole[:-5_000])
            await reached(lambda: listener.bytes_received > 60_000, "the part is counted")
            [one] = listener.open_associations
            assert one.instances == 0
            assert 60_000 < one.size_bytes < 100_000
            assert one.since_utc > 1e9
            await peer.send(whole[-5_000:])
            await reached(lambda: bool(listener.counts.stored), "it is stored")
            [one] = listener.open_associations
            assert one.instances == 1
            assert one.size_bytes == listener.counts.size_bytes == listener.bytes_received
        await reached(lambda: not listener.open_associations, "it has ended")


async def test_refused_contexts_are_told(context: AppContext, tmp_path: Path) -> None:
    contexts = (*presets.VERIFICATION, ProposedContext("1.2.3.4", (EXPLICIT,)))
    async with running(context, tmp_path / "in") as listener:
        async with connect(at(listener), contexts=contexts) as association:
            assert association.is_connected
        await reached(lambda: not listener.open_associations, "it has ended")
        [event] = of_kind(listener.drain(), ContextsRefused)
    assert [one.abstract_syntax for one in event.refused] == ["1.2.3.4"]
    assert event.facts.association


async def test_what_any_reader_gets_over_is_kept_and_marked_and_answered_success(
    context: AppContext, tmp_path: Path
) -> None:
    path = write_instance(tmp_path / "files", 1)
    data = path.read_bytes()
    changed = data.replace(b"\x10\x00\x20\x00LO", b"\x10\x00\x20\x00SH")  # Patient ID
    changed = changed.replace(b"\x08\x00\x60\x00CS\x02\x00OT", b"\x08\x00\x60\x00CS\x01\x00O")  # Modality
    assert len(changed) == len(data) - 1
    path.write_bytes(changed)
    async with running(context, tmp_path / "archive") as listener:
        report = await send_to(context, listener, path)
        [event] = of_kind(listener.drain(), ReceivedInstance)
    assert [one.status for one in report.results] == [Status(0)]
    assert event.problem is None
    assert {(one.code, one.tag, one.times) for one in event.anomalies} == {
        (AnomalyCode.VR, 0x00100020, 1),
        (AnomalyCode.ODD_LENGTH, 0x00080060, 1),
    }
    records = [one for one in context.trace.records() if isinstance(one, FileRecord)]
    [detail] = [one.detail for one in records if one.event == "stored"]
    assert "values of odd length (1; first at (0008,0060), byte " in detail
    assert "other VRs than the data dictionary (1; first at (0010,0020), byte " in detail
