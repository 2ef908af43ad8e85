"""The archive of this program: opened and closed by its users, repaired at the start, searched and deleted from."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.bad_peer import reached
from helpers.instances import instance_of, write_instance

from dicomgui.app.archive import local_archive
from dicomgui.app.archive.files import import_paths
from dicomgui.app.archive.local_archive import LocalArchive
from dicomgui.app.context import AppContext
from dicomgui.network.tracing import FileRecord, NoteRecord
from dicomgui.storage import (
    Archive,
    FolderLayout,
    FolderPatterns,
    IndexFault,
    RepairReport,
    Selection,
    StorageError,
    repair,
)
from dicomgui.storage.layout import relative_name

ALL = Selection()


@pytest.fixture
def context() -> Iterator[AppContext]:
    with AppContext() as made:
        yield made


@pytest.fixture
def archive(context: AppContext, tmp_path: Path) -> LocalArchive:
    return LocalArchive(context, tmp_path / "archive")


async def fill(archive: LocalArchive, context: AppContext, folder: Path, *numbers: int) -> list[str]:
    files = [write_instance(folder, number) for number in numbers]
    await import_paths(archive, files, context.file_pool)
    return [instance_of(file) for file in files]


def notes(context: AppContext) -> list[str]:
    return [record.text for record in context.trace.records() if isinstance(record, NoteRecord)]


async def test_what_is_committed_is_found(archive: LocalArchive, context: AppContext, tmp_path: Path) -> None:
    async with archive.opened():
        uids = await fill(archive, context, tmp_path / "files", 1, 2)
        assert await archive.settle()
        assert sorted(file.sop_instance_uid for file in await archive.files_of(ALL)) == sorted(uids)
        assert await archive.count(Selection(instance_uids=(uids[0],))) == 1
        assert (await archive.counts()).instances == 2
        assert archive.trouble == ""


@pytest.mark.parametrize("name", ["open", "close"])
async def test_who_is_cancelled_leaves_no_index_open(
    archive: LocalArchive, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The thread goes on: a connection that it opens for nobody would never be closed."""
    begun, go_on, done = threading.Event(), threading.Event(), threading.Event()
    real = getattr(archive.index, name)

    def slow() -> object:
        begun.set()
        go_on.wait(60)
        try:
            return real()
        finally:
            done.set()

    if name == "close":
        await archive.open()
    monkeypatch.setattr(archive.index, name, slow)
    task = asyncio.ensure_future(archive.open() if name == "open" else archive.close())
    await asyncio.to_thread(begun.wait, 60)
    task.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.to_thread(done.wait, 60)
    assert not archive.index.is_open
    assert not archive.is_open
    monkeypatch.undo()
    async with archive.opened():
        assert archive.index.is_open
    assert not archive.index.is_open


async def test_it_is_open_as_long_as_anybody_has_it_open(archive: LocalArchive) -> None:
    async with archive.opened():
        async with archive.opened():
            assert archive.is_open
        assert archive.is_open
        assert archive.index.is_open
        assert (await archive.counts()).instances == 0
    assert not archive.is_open
    assert not archive.index.is_open
    await archive.close()
    assert not archive.is_open, "one close too many does no harm"


async def test_the_next_start_repairs_and_says_so(archive: LocalArchive, context: AppContext, tmp_path: Path) -> None:
    async with archive.opened():
        kept, lost = await fill(archive, context, tmp_path / "files", 1, 2)
        await archive.settle()
    folder = archive.folder
    new = write_instance(tmp_path / "files", 3)
    (folder / relative_name(lost)).unlink()
    target = folder / relative_name(instance_of(new))
    target.parent.mkdir(exist_ok=True)
    new.rename(target)
    (folder / "incoming").mkdir(exist_ok=True)
    (folder / "incoming" / f"{'0' * 16}-1.part").write_bytes(b"x")
    told: list[RepairReport] = []
    archive.watchers.append(told.append)
    async with archive.opened():
        assert await archive.repaired()
        await reached(lambda: bool(told), "the report is told")
        assert not archive.is_repairing
        assert archive.report is told[0]
        assert archive.progress is not None
        assert archive.progress.folders_done == archive.progress.folders
        found = {file.sop_instance_uid for file in await archive.files_of(ALL)}
    assert found == {kept, target.stem}
    assert (told[0].rows.added, told[0].rows.removed) == (1, 1)
    assert len(told[0].leftovers.removed) == 1
    for sentence in told[0].sentences:
        assert sentence in notes(context)


def hold_repair(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Repairs begin when the event is set."""
    go_on = threading.Event()

    def held(*args: object, **options: object) -> RepairReport:
        go_on.wait(60)
        return repair(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(local_archive, "repair", held)
    return go_on


async def test_a_query_waits_for_the_repair_but_not_for_ever(
    archive: LocalArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = hold_repair(monkeypatch)
    async with archive.opened():
        assert archive.is_repairing
        assert not await archive.settle(0.01)
        assert not await archive.repaired(0.01)
        assert await archive.files_of(ALL) == ()
        go_on.set()
        assert await archive.settle(60)


async def test_who_looks_has_what_was_stored_in_the_index_and_waits_for_no_repair(
    archive: LocalArchive, context: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = hold_repair(monkeypatch)
    monkeypatch.setattr(local_archive, "GATHER_S", 1000.0)
    async with archive.opened():
        await fill(archive, context, tmp_path / "files", 1)
        assert archive.is_behind
        assert await archive.indexed(60)
        assert not archive.is_behind
        assert len(await archive.files_of(ALL)) == 1
        assert archive.is_repairing
        go_on.set()


async def test_what_arrives_during_the_repair_is_nothing_to_tell_of(
    archive: LocalArchive, context: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file is there and its row is not: the repair sees just what a crash would leave."""
    async with archive.opened():
        await archive.repaired()
    lost = write_instance(tmp_path / "lost", 9)
    (tmp_path / "archive" / relative_name(instance_of(lost))).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "archive" / relative_name(instance_of(lost))).write_bytes(lost.read_bytes())
    go_on = hold_repair(monkeypatch)
    monkeypatch.setattr(local_archive, "GATHER_S", 1000.0)
    async with archive.opened():
        uids = await fill(archive, context, tmp_path / "files", 1, 2)
        go_on.set()
        assert await archive.repaired()
        assert sorted(file.sop_instance_uid for file in await archive.files_of(ALL)) == sorted(
            [*uids, instance_of(lost)]
        )
        await reached(lambda: archive.report is not None, "the report is there")
    assert notes(context) == ["1 instance was missing in the index and was added."]


async def test_what_another_program_is_about_to_index_is_not_missing(
    archive: LocalArchive, context: AppContext, tmp_path: Path
) -> None:
    """The other has marked that it will write rows, and lives; the instance is found all the same."""
    async with archive.opened():
        await archive.repaired()
    coming = write_instance(tmp_path / "coming", 9)
    other = Archive(tmp_path / "archive")
    other.prepare()
    try:
        with other.marks.held():
            placed = tmp_path / "archive" / relative_name(instance_of(coming))
            placed.parent.mkdir(parents=True, exist_ok=True)
            placed.write_bytes(coming.read_bytes())
            async with archive.opened():
                assert await archive.repaired()
                assert [file.sop_instance_uid for file in await archive.files_of(ALL)] == [instance_of(coming)]
                await reached(lambda: archive.report is not None, "the report is there")
    finally:
        other.close()
    assert notes(context) == []


async def test_closing_ends_a_repair(archive: LocalArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()

    def endless(*args: object, should_stop: object, **options: object) -> RepairReport:
        begun.set()
        assert callable(should_stop)
        while not should_stop():
            threading.Event().wait(0.001)
        raise IndexFault("closed meanwhile")

    monkeypatch.setattr(local_archive, "repair", endless)
    async with archive.opened():
        await reached(begun.is_set, "the repair runs")
    assert archive.report is not None
    assert not archive.report.is_complete
    assert archive.trouble == "", "that it was closed is no trouble"


async def test_a_repair_that_fails_is_trouble(
    archive: LocalArchive, context: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object, **_options: object) -> RepairReport:
        raise IndexFault("the disk is gone")

    monkeypatch.setattr(local_archive, "repair", broken)
    async with archive.opened():
        await reached(lambda: archive.trouble == "the disk is gone", "it is told")
        assert archive.report is None
    assert "the disk is gone" in notes(context)


async def test_a_repair_that_breaks_is_over_as_well(archive: LocalArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else every instance that comes would be remembered for it."""

    def broken(*_args: object, **_options: object) -> RepairReport:
        raise ValueError("a fault of ours")

    monkeypatch.setattr(local_archive, "repair", broken)
    async with archive.opened():
        await reached(lambda: not archive.is_repairing, "it is over")


async def test_instances_are_stored_where_there_can_be_no_index(
    archive: LocalArchive, context: AppContext, tmp_path: Path
) -> None:
    (archive.folder / "index.sqlite3").mkdir(parents=True)
    (archive.folder / "index.sqlite3" / "in the way").touch()
    async with archive.opened():
        assert "index" in archive.trouble
        await fill(archive, context, tmp_path / "files", 1)
        for work in (archive.settle(), archive.files_of(ALL), archive.counts(), archive.delete(ALL), archive.rebuild()):
            with pytest.raises(IndexFault):
                await work
    assert len(list(archive.folder.glob("??/*.dcm"))) == 1


async def test_a_folder_that_cannot_be_used_is_told_and_nothing_stays_open(context: AppContext, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    archive = LocalArchive(context, tmp_path / "file" / "archive")
    with pytest.raises(StorageError):
        await archive.open()
    assert not archive.is_open


async def test_a_rebuild_reads_every_file_again(archive: LocalArchive, context: AppContext, tmp_path: Path) -> None:
    async with archive.opened():
        await fill(archive, context, tmp_path / "files", 1, 2, 3)
        report = await archive.rebuild()
        assert report is not None
        assert report.rows.added == 3
        assert (await archive.counts()).instances == 3


async def test_delete_and_undo(archive: LocalArchive, context: AppContext, tmp_path: Path) -> None:
    async with archive.opened():
        first, second = await fill(archive, context, tmp_path / "files", 1, 2)
        gone = await archive.delete(Selection(instance_uids=(first,)))
        assert gone.files == 1
        assert [file.sop_instance_uid for file in await archive.files_of(ALL)] == [second]
        back = await archive.undelete(gone.token)
        assert back.files == 1
        assert (await archive.counts()).instances == 2
        again = await archive.delete(ALL)
        await archive.purge(again.token)
        with pytest.raises(KeyError):
            await archive.undelete(again.token)
        assert (await archive.counts()).instances == 0


async def test_deleting_takes_every_data_set_of_a_uid(
    archive: LocalArchive, context: AppContext, tmp_path: Path
) -> None:
    async with archive.opened():
        await fill(archive, context, tmp_path / "files", 1)
        other = write_instance(tmp_path / "other", 1, pixel_bytes=100)
        report = await import_paths(archive, [other], context.file_pool)
        assert (report.stored, report.kept_second) == (1, 1)
        gone = await archive.delete(Selection(instance_uids=(instance_of(other),)))
        assert gone.files == 2


async def test_rows_come_by_themselves_a_moment_after_the_files(
    archive: LocalArchive, context: AppContext, tmp_path: Path
) -> None:
    async with archive.opened():
        await archive.repaired()
        await fill(archive, context, tmp_path / "files", 1, 2, 3)
        assert list(archive.index.files(ALL)) == []
        await reached(lambda: len(list(archive.index.files(ALL))) == 3, "the rows are there")


async def test_what_was_stored_just_before_the_end_has_its_row_at_once_the_next_time(
    archive: LocalArchive, context: AppContext, tmp_path: Path
) -> None:
    async with archive.opened():
        await archive.repaired()
        await fill(archive, context, tmp_path / "files", 1, 2)
    async with archive.opened():
        await archive.repaired()
        assert archive.report is not None
        assert archive.report.rows.added == 0
        assert (await archive.counts()).instances == 2


def linked(archive: LocalArchive) -> int:
    return len(list(archive.folder.glob("by patient/*/*/*/*.dcm")))


async def test_folders_by_pattern_follow_the_pattern_and_what_is_deleted(context: AppContext, tmp_path: Path) -> None:
    def found() -> list[str]:
        # os.walk goes on where a folder is taken away meanwhile.
        walked = os.walk(tmp_path / "archive" / "by pattern")
        return sorted(Path(folder).name for folder, _, names in walked for name in names if name.endswith(".dcm"))

    patterns = FolderPatterns("one/{Modality|none}", "{SOPInstanceUID}")
    archive = LocalArchive(context, tmp_path / "archive", layout=FolderLayout.PATTERN, patterns=patterns)
    async with archive.opened():
        uids = await fill(archive, context, tmp_path / "files", 1, 2)
        await reached(lambda: len(found()) == 2, "all are linked")
        archive.use_layout(FolderLayout.PATTERN, FolderPatterns("other", "{SOPInstanceUID}"))
        await reached(lambda: found() == ["other", "other"], "they are laid out again")
        await archive.delete(Selection(instance_uids=(uids[0],)))
        assert found() == ["other"]
        await archive.rebuild()
        assert found() == ["other"]


async def test_folders_for_people_follow_what_comes_and_goes(context: AppContext, tmp_path: Path) -> None:
    archive = LocalArchive(context, tmp_path / "archive", layout=FolderLayout.PATIENT)
    async with archive.opened():
        uids = await fill(archive, context, tmp_path / "files", 1, 2, 3)
        await reached(lambda: linked(archive) == 3, "all are linked")
        gone = await archive.delete(Selection(instance_uids=(uids[0],)))
        assert linked(archive) == 2
        await archive.undelete(gone.token)
        await reached(lambda: linked(archive) == 3, "it is back")
        await fill(archive, context, tmp_path / "files", 4)
    assert linked(archive) == 4, "what has just come is linked before it is closed"
    assert archive.trouble == ""


async def test_folders_for_people_stay_as_they_are_until_somebody_wants_others(
    context: AppContext, tmp_path: Path
) -> None:
    async with LocalArchive(context, tmp_path / "archive", layout=FolderLayout.PATIENT).opened() as archive:
        await fill(archive, context, tmp_path / "files", 1)
    async with LocalArchive(context, tmp_path / "archive").opened() as archive:
        await fill(archive, context, tmp_path / "files", 2)
        await reached(lambda: linked(archive) == 2, "the new one is linked")
        archive.use_layout(FolderLayout.UID)
        await reached(lambda: not (archive.folder / "by patient").exists(), "they are gone")
        assert (await archive.counts()).instances == 2


async def test_a_rebuild_tells_the_trace_of_broken_files(
    archive: LocalArchive, context: AppContext, tmp_path: Path
) -> None:
    async with archive.opened():
        whole, cut = await fill(archive, context, tmp_path / "files", 1, 2)
        path = archive.folder / relative_name(cut)
        os.truncate(path, path.stat().st_size - 1)
        report = await archive.rebuild()
        assert report is not None
        assert (report.files, report.broken_count) == (2, 1)
        found = {file.sop_instance_uid for file in await archive.files_of(ALL)}
    assert found == {whole, cut}
    [record] = [one for one in context.trace.records() if isinstance(one, FileRecord) and one.event == "broken"]
    assert record.path == str(path)
    assert record.detail.startswith("the data set breaks off at byte")
    [note] = [text for text in notes(context) if "broken" in text]
    assert path.name in note


async def test_what_another_program_has_stored_is_waited_for(
    archive: LocalArchive, context: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_archive, "GATHER_S", 3600)
    monkeypatch.setattr(local_archive, "GATHER_MOST_S", 3600)
    other = LocalArchive(context, archive.folder)
    async with archive.opened(), other.opened():
        assert await other.repaired()
        await fill(archive, context, tmp_path / "files", 1)
        assert not await other.settle(0.05)
        with pytest.raises(IndexFault, match="another program has not indexed its changes yet"):
            await other.catch_up(0.05)
        waiting = asyncio.create_task(other.catch_up())
        assert await archive.settle()
        await waiting
        assert await other.count(ALL) == 1


async def test_what_a_program_that_was_killed_has_stored_is_found_by_those_that_go_on(
    archive: LocalArchive, context: AppContext, tmp_path: Path
) -> None:
    async with archive.opened():
        assert await archive.settle()
        name = relative_name(instance_of(path := write_instance(tmp_path / "files", 1)), 1)
        (archive.folder / name).parent.mkdir(exist_ok=True)
        (archive.folder / name).write_bytes(path.read_bytes())
        (mark := archive.files.incoming_path / "0123456789abcdef-3.behind").touch()
        await archive.catch_up()
        assert await archive.count(ALL) == 1
        assert not mark.exists()


async def test_what_could_not_be_stored_is_not_waited_for(
    archive: LocalArchive, context: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> str:
        raise StorageError("no room")

    other = LocalArchive(context, archive.folder)
    async with archive.opened(), other.opened():
        assert await other.repaired()
        monkeypatch.setattr(archive.files, "_place", full)
        report = await import_paths(archive, [write_instance(tmp_path / "files", 1)], context.file_pool)
        assert len(report.failed) == 1
        assert await other.settle(60)


async def test_rows_of_a_temporary_index_are_none_for_other_programs(
    archive: LocalArchive, context: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = LocalArchive(context, archive.folder)
    async with other.opened():
        assert await other.repaired()
        async with archive.opened():
            monkeypatch.setattr(type(archive.index), "is_temporary", property(lambda index: index is archive.index))
            await fill(archive, context, tmp_path / "files", 1)
            assert await archive.settle()
            assert not await other.settle(0.05)
        monkeypatch.undo()
        await other.catch_up()
        assert await other.count(ALL) == 1
