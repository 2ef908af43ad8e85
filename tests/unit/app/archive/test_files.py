"""Import and export: what goes in and comes out is the same, nothing is overwritten, and all of it can be stopped."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from io import BufferedWriter, BytesIO
from pathlib import Path
from typing import Any

import pytest
from helpers.instances import IMPLICIT, MR, ROOT, data_set, instance_of, write_instance
from helpers.retrieval import real_files
from pydicom import dcmread

from dicomgui.app.archive import files as files_module
from dicomgui.app.archive.files import ExportForm, ExportReport, FileProgress, export, import_paths
from dicomgui.app.archive.local_archive import LocalArchive
from dicomgui.app.context import AppContext
from dicomgui.network.part10 import parse_head
from dicomgui.storage import Archive, DiskFull, Selection, StorageError

ALL = Selection()


@pytest.fixture
def context() -> Iterator[AppContext]:
    with AppContext() as made:
        yield made


@asynccontextmanager
async def archive_in(folder: Path, context: AppContext) -> AsyncIterator[LocalArchive]:
    archive = LocalArchive(context, folder, fsync=False)
    async with archive.opened():
        yield archive


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "files"
    return [write_instance(folder, 1, pixel_bytes=1_310_720), write_instance(folder, 2, sop_class=MR, syntax=IMPLICIT)]


def by_uid(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != "DICOMDIR")
    return {instance_of(path): data_set(path) for path in paths}


def partial_files(folder: Path) -> list[Path]:
    return list(folder.rglob("*.part"))


# -- import ------------------------------------------------------------------------------------------------------------


async def test_files_folders_and_archives_are_imported_byte_for_byte(
    context: AppContext, tmp_path: Path, files: list[Path]
) -> None:
    (tmp_path / "files" / "readme.txt").write_text("no DICOM")
    packed = tmp_path / "packed.zip"
    third = write_instance(tmp_path / "third", 3)
    with zipfile.ZipFile(packed, "w") as made:
        made.write(third, "a/b")
    told: list[FileProgress] = []
    async with archive_in(tmp_path / "archive", context) as archive:
        report = await import_paths(archive, [tmp_path / "files", packed], context.file_pool, on_progress=told.append)
        again = await import_paths(archive, files, context.file_pool)
        await archive.settle()
        stored = {file.sop_instance_uid: data_set(file.path) for file in await archive.files_of(ALL)}
    assert stored == {instance_of(path): data_set(path) for path in (*files, third)}
    assert (report.stored, report.duplicates, report.failed, report.is_complete) == (3, 0, (), True)
    assert [one.name for one in report.skipped] == [str(tmp_path / "files" / "readme.txt")]
    assert (again.stored, again.duplicates) == (0, 2)
    assert [(one.done, one.total) for one in told if one.total] == [(0, 3), (1, 3), (2, 3)]
    assert third.exists(), "it is copied, not moved"


async def test_what_cannot_be_stored_is_told_and_the_rest_is_imported(
    context: AppContext, tmp_path: Path, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Archive, pending: object) -> None:
        self.commit = original.__get__(self)  # type: ignore[method-assign]
        pending.abandon()  # type: ignore[attr-defined]
        raise DiskFull("no room")

    async with archive_in(tmp_path / "archive", context) as archive:
        original = type(archive.files).commit
        monkeypatch.setattr(archive.files, "commit", full.__get__(archive.files))
        report = await import_paths(archive, files, context.file_pool)
    assert report.failed == ((str(files[0]), "no room"),)
    assert report.stored == 1
    assert not partial_files(tmp_path)


async def test_a_file_that_goes_while_it_is_imported_is_told(
    context: AppContext, tmp_path: Path, files: list[Path]
) -> None:
    def take_away(progress: FileProgress) -> None:
        if progress.total and progress.done == 0:
            files[0].unlink()

    async with archive_in(tmp_path / "archive", context) as archive:
        report = await import_paths(archive, files, context.file_pool, on_progress=take_away)
    [(name, reason)] = report.failed
    assert name == str(files[0])
    assert "read" in reason
    assert report.stored == 1


@pytest.mark.parametrize("when", ["scan", "store"])
async def test_an_import_that_is_cancelled_stops_and_what_is_stored_stays(
    when: str, context: AppContext, tmp_path: Path, files: list[Path]
) -> None:
    reached_it, go_on = threading.Event(), threading.Event()

    def wait(progress: FileProgress) -> None:
        if (when == "scan" and not progress.total) or (when == "store" and progress.total and progress.done == 1):
            reached_it.set()
            go_on.wait(60)

    async with archive_in(tmp_path / "archive", context) as archive:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(import_paths(archive, files, context.file_pool, on_progress=wait))
            await asyncio.to_thread(reached_it.wait, 60)
            task.cancel()
            await asyncio.sleep(0)
            go_on.set()
        assert task.cancelled()
        assert (await archive.settle(), (await archive.counts()).instances <= 2) == (True, True)


# -- export ------------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def real_archive(tmp_path: Path, context: AppContext) -> AsyncIterator[LocalArchive]:
    async with archive_in(tmp_path / "archive", context) as archive:
        await import_paths(archive, real_files(), context.file_pool)
        yield archive


async def test_folders_for_people(context: AppContext, tmp_path: Path) -> None:
    target = tmp_path / "out"
    told: list[FileProgress] = []
    async with real_archive(tmp_path, context) as archive:
        report = await export(archive, ALL, target, context.file_pool, on_progress=told.append)
        again = await export(archive, ALL, target, context.file_pool)
    assert by_uid(target) == {instance_of(path): data_set(path) for path in real_files()}
    assert report.files == again.files == len(real_files()) == len(told)
    assert len([path for path in target.rglob("*.dcm")]) == 2 * len(real_files()), "nothing was overwritten"
    assert report.failed == ()
    assert sorted(path.name for path in target.iterdir())[0] == "1CT1 CompressedSamples CT1"


async def test_a_zip(context: AppContext, tmp_path: Path) -> None:
    target = tmp_path / "new" / "out.zip"
    async with real_archive(tmp_path, context) as archive:
        report = await export(archive, ALL, target, context.file_pool, form=ExportForm.ZIP)
        with pytest.raises(StorageError):
            await export(archive, ALL, target, context.file_pool, form=ExportForm.ZIP)
    assert report == ExportReport(target, len(real_files()), target.stat().st_size)
    with zipfile.ZipFile(target) as opened:
        assert opened.testzip() is None
        opened.extractall(tmp_path / "unpacked")
    assert by_uid(tmp_path / "unpacked") == {instance_of(path): data_set(path) for path in real_files()}


async def test_a_selection_is_exported_and_nothing_else(context: AppContext, tmp_path: Path) -> None:
    chosen = instance_of(real_files()[0])
    async with real_archive(tmp_path, context) as archive:
        report = await export(archive, Selection(instance_uids=(chosen,)), tmp_path / "out", context.file_pool)
    assert by_uid(tmp_path / "out").keys() == {chosen}
    assert report.files == 1


@pytest.mark.parametrize("form", ExportForm)
async def test_an_instance_that_is_gone_is_told_and_the_others_are_exported(
    form: ExportForm, context: AppContext, tmp_path: Path
) -> None:
    async with real_archive(tmp_path, context) as archive:
        await archive.settle()
        gone = (await archive.files_of(ALL))[2]
        gone.path.unlink()
        report = await export(archive, ALL, tmp_path / "out", context.file_pool, form=form)
    assert report.files == len(real_files()) - 1
    assert [uid for uid, _ in report.failed] == [gone.sop_instance_uid]


@pytest.mark.parametrize("form", ExportForm)
async def test_a_target_that_cannot_be_written_is_told(form: ExportForm, context: AppContext, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    async with real_archive(tmp_path, context) as archive:
        with pytest.raises(StorageError):
            await export(archive, ALL, tmp_path / "file" / "out", context.file_pool, form=form)


@pytest.mark.parametrize("form", ExportForm)
async def test_an_export_that_is_cancelled_leaves_nothing_half_made(
    form: ExportForm, context: AppContext, tmp_path: Path
) -> None:
    reached_it, go_on = threading.Event(), threading.Event()

    def wait(progress: FileProgress) -> None:
        if progress.done == 3:
            reached_it.set()
            go_on.wait(60)

    target = tmp_path / "out"
    async with real_archive(tmp_path, context) as archive:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(export(archive, ALL, target, context.file_pool, form=form, on_progress=wait))
            await asyncio.to_thread(reached_it.wait, 60)
            task.cancel()
            await asyncio.sleep(0)
            go_on.set()
        assert task.cancelled()
    if form is ExportForm.FOLDERS:
        sources = {instance_of(path): data_set(path) for path in real_files()}
        made = by_uid(target)
        assert 0 < len(made) <= 4
        assert made.items() <= sources.items()
    else:
        assert not target.exists()


async def test_a_disk_that_fills_up_leaves_no_part_of_a_file(
    context: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: object, target: object, size: object) -> None:
        if isinstance(target, BufferedWriter):
            target.write(b"part")
        raise OSError(28, os.strerror(28))

    async with real_archive(tmp_path, context) as archive:
        await archive.settle()
        monkeypatch.setattr(shutil, "copyfileobj", full)
        report = await export(archive, ALL, tmp_path / "out", context.file_pool)
        assert report.files == 0
        assert len(report.failed) == len(real_files())
        assert "full" in report.failed[0][1]
        monkeypatch.setattr(files_module, "_pack", full)
        with pytest.raises(DiskFull):
            await export(archive, ALL, tmp_path / "out.zip", context.file_pool, form=ExportForm.ZIP)
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert not (tmp_path / "out.zip").exists()


# -- odd instances, and several of one UID ----------------------------------------------------------------------------


def without_uid(path: Path) -> None:
    """Take the SOP Instance UID out of the data set; the file meta information goes on to say it."""
    start = parse_head(path.read_bytes()).dataset_offset
    data = path.read_bytes()
    path.write_bytes(data[:start] + data[start:].replace(b"\x08\x00\x18\x00UI", b"\x08\x00\x19\x00UI"))


def variants(folder: Path, number: int, *texts: str) -> list[Path]:
    """Files of one SOP Instance UID with different data sets."""
    made = []
    for at, text in enumerate(texts):
        dataset = dcmread(write_instance(folder / f"{at}", number))
        dataset.ImageComments = text
        dataset.save_as(folder / f"{at}" / f"{number}.dcm")
        made.append(folder / f"{at}" / f"{number}.dcm")
    return made


@pytest.mark.parametrize("form", ExportForm)
async def test_an_odd_instance_never_costs_the_others(form: ExportForm, context: AppContext, tmp_path: Path) -> None:
    good = write_instance(tmp_path / "files", 1)
    without_uid(write_instance(tmp_path / "files", 2))
    torn = write_instance(tmp_path / "files", 3)
    torn.write_bytes(torn.read_bytes()[:-100])
    async with archive_in(tmp_path / "archive", context) as archive:
        imported = await import_paths(archive, [tmp_path / "files"], context.file_pool)
        assert imported.stored == 3
        report = await export(archive, ALL, tmp_path / "out", context.file_pool, form=form)
    assert report.files + len(report.failed) == 3
    if form is ExportForm.DICOMDIR:
        [(uid, reason)] = report.failed
        assert uid == f"{ROOT}.3.2"
        assert reason.startswith("its data set has no SOP Instance UID (0008,0018)")
        assert instance_of(good) in by_uid(tmp_path / "out")
    else:
        assert report.files == 3


@pytest.mark.parametrize("form", ExportForm)
async def test_every_data_set_of_a_uid_is_exported_or_told_of(
    form: ExportForm, context: AppContext, tmp_path: Path
) -> None:
    files = [*variants(tmp_path / "files", 1, "one", "two", "three"), write_instance(tmp_path / "files", 2)]
    async with archive_in(tmp_path / "archive", context) as archive:
        assert (await import_paths(archive, files, context.file_pool)).kept_second == 2
        report = await export(archive, ALL, tmp_path / "out", context.file_pool, form=form)
        counts = await archive.counts()
    assert counts.instances == 4 == report.files + len(report.failed)
    if form is ExportForm.DICOMDIR:
        assert report.files == 2
        assert {uid for uid, _ in report.failed} == {instance_of(files[0])}
        assert "another data set of this UID is in the DICOMDIR" in report.failed[0][1]
        return
    found = (tmp_path / "out").rglob("*.dcm") if form is ExportForm.FOLDERS else zip_members(tmp_path / "out")
    comments = [dcmread(file).get("ImageComments", "") for file in found]
    assert sorted(comments) == ["", "one", "three", "two"]


def zip_members(path: Path) -> list[BytesIO]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return [BytesIO(archive.read(name)) for name in archive.namelist()]


async def test_files_that_were_chosen_are_exported_and_no_others_of_their_uid(
    context: AppContext, tmp_path: Path
) -> None:
    async with archive_in(tmp_path / "archive", context) as archive:
        await import_paths(archive, variants(tmp_path / "files", 1, "one", "two"), context.file_pool)
        await archive.settle()
        chosen = (await archive.files_of(ALL, every_variant=True))[1:]
        report = await export(archive, chosen, tmp_path / "out", context.file_pool)
    assert report.files == 1


async def test_a_file_that_cannot_be_read_to_its_end_is_no_member_of_the_zip(
    context: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Torn(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                raise OSError(5, os.strerror(5))
            return super().read(10)

    made = Path.open

    def torn(path: Path, mode: str = "r", *rest: object) -> object:
        return Torn(b"x" * 100) if path == bad and mode == "rb" else made(path, mode, *rest)

    async with real_archive(tmp_path, context) as archive:
        await archive.settle()
        bad = (await archive.files_of(ALL))[1].path
        monkeypatch.setattr(Path, "open", torn)
        report = await export(archive, ALL, tmp_path / "out.zip", context.file_pool, form=ExportForm.ZIP)
    monkeypatch.undo()
    assert len(report.failed) == 1
    assert "Input/output error" in report.failed[0][1]
    assert len(zip_members(tmp_path / "out.zip")) == report.files == len(real_files()) - 1


# -- broken files ------------------------------------------------------------------------------------------------------


async def test_a_file_that_breaks_off_is_imported_and_named(
    context: AppContext, tmp_path: Path, files: list[Path]
) -> None:
    os.truncate(files[0], files[0].stat().st_size - 2)
    async with archive_in(tmp_path / "archive", context) as archive:
        report = await import_paths(archive, files, context.file_pool)
    assert (report.stored, report.failed) == (2, ())
    ((name, what),) = report.broken
    assert name == str(files[0])
    assert what.startswith("the data set breaks off at byte")


@pytest.mark.parametrize("has_links", [True, False])
async def test_an_exported_file_gets_its_name_when_it_is_whole(
    has_links: bool, context: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where there are no hard links; nothing that is there is overwritten, and no part is left."""
    write_instance(tmp_path / "files", 1)
    seen: list[list[str]] = []
    pour = files_module._pour

    def watched(source: Any, target: Any, path: Path) -> None:
        pour(source, target, path)
        seen.append([one.name for one in (tmp_path / "out").rglob("*.dcm")])

    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(files_module, "_pour", watched)
    if not has_links:
        monkeypatch.setattr(os, "link", refuse)
    async with archive_in(tmp_path / "archive", context) as archive:
        await import_paths(archive, [tmp_path / "files"], context.file_pool)
        for _ in range(2):
            assert (await export(archive, ALL, tmp_path / "out", context.file_pool)).files == 1
    [first, second] = sorted(path for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert (first.name, seen) == (f"{second.stem} (2).dcm", [[], [second.name]])
