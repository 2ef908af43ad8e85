"""Media that are made, fail, or are broken off."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from helpers.bad_peer import reached
from helpers.instances import write_instance
from pydicom import dcmread

from dicomgui.app.listening.media_jobs import MediaJobs, MediaRun
from dicomgui.network import connect, presets, serve
from dicomgui.network.service_classes import media_creation
from dicomgui.network.service_classes.attributes import dataset_of
from dicomgui.network.service_classes.references import Reference, reference_items
from dicomgui.storage import IndexFault, StoredFile, disk

MEDIA = media_creation.SOP_CLASS


def stored(path: Path) -> StoredFile:
    meta = dcmread(path).file_meta
    sop_class, instance = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    return StoredFile(path, path.name, sop_class, instance, meta.TransferSyntaxUID, path.stat().st_size)


async def ask(jobs: MediaJobs, *files: StoredFile, cancel: bool = False) -> None:
    references = [Reference(file.sop_class_uid, file.sop_instance_uid) for file in files]
    wish = dataset_of({"ReferencedSOPSequence": reference_items(references)})
    async with (
        await serve(port=0, handlers=jobs.creation.handlers()) as server,
        connect(f"X@127.0.0.1:{server.port}", contexts=presets.for_classes(MEDIA)) as assoc,
    ):
        created = await assoc.n_create(MEDIA, wish)
        assert (await assoc.n_action(MEDIA, created.sop_instance_uid, media_creation.INITIATE)).status == 0
        if cancel:
            await assoc.n_action(MEDIA, created.sop_instance_uid, media_creation.CANCEL)


def made(tmp_path: Path, found: Any, folder: str = "") -> tuple[MediaJobs, list[str]]:
    told: list[str] = []

    async def find(uids: Sequence[str]) -> Sequence[StoredFile]:
        if isinstance(found, Exception):
            raise found
        return tuple(file for file in found if file.sop_instance_uid in uids)

    jobs = MediaJobs(lambda: folder, lambda facts, detail, problem: told.append(problem))
    jobs.begin(MediaRun(find, tmp_path / "media"))
    return jobs, told


async def ended(jobs: MediaJobs) -> None:
    await reached(lambda: all(one.request.is_final for one in jobs.entries.values()), "it has ended")


async def test_each_medium_has_a_folder_of_its_own_in_that_which_is_set(tmp_path: Path) -> None:
    file = stored(write_instance(tmp_path, 1))
    jobs, _ = made(tmp_path, [file], str(tmp_path / "mine"))
    for _ in range(2):
        await ask(jobs, file)
        await ended(jobs)
    folders = [entry.folder for entry in jobs.entries.values()]
    assert folders == [tmp_path / "mine" / f"medium-000{number}" for number in (1, 2)]
    assert all((folder / "DICOMDIR").is_file() for folder in folders if folder is not None)
    jobs.clear()
    assert len(jobs.entries) == 0


async def test_nothing_stays_of_a_medium_that_fails(tmp_path: Path) -> None:
    good, bad = (stored(write_instance(tmp_path, number)) for number in (1, 2))
    bad.path.write_bytes(bad.path.read_bytes()[:300])
    jobs, told = made(tmp_path, [good, bad])
    await ask(jobs, good, bad)
    await ended(jobs)
    [entry] = jobs.entries.values()
    assert (entry.request.status, entry.folder) == ("FAILURE", None)
    assert entry.request.result.info == "INST_AP_CONFLICT"
    assert [one.reference.sop_instance_uid for one in entry.request.result.failed] == [bad.sop_instance_uid]
    assert list((tmp_path / "media").iterdir()) == []
    assert told[-1] == entry.problem != ""


async def test_an_archive_that_cannot_be_asked_and_a_folder_that_cannot_be_made_are_failures(tmp_path: Path) -> None:
    file = stored(write_instance(tmp_path, 1))
    jobs, told = made(tmp_path, IndexFault("the index is gone"))
    await ask(jobs, file)
    await ended(jobs)
    (tmp_path / "media").write_bytes(b"")
    other, more = made(tmp_path, [file])
    await ask(other, file)
    await ended(other)
    assert "the index is gone" in told[-1]
    assert "File exists" in more[-1]


async def test_what_is_under_way_fails_when_the_listener_stops(tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def find(uids: Sequence[str]) -> Sequence[StoredFile]:
        begun.set()
        await asyncio.Event().wait()
        return ()

    file = stored(write_instance(tmp_path, 1))
    jobs, _ = made(tmp_path, [])
    jobs.begin(MediaRun(find, tmp_path / "media"))
    await ask(jobs, file)
    await ask(jobs, file)
    await begun.wait()
    await jobs.end()
    assert [(one.request.status, one.problem) for one in jobs.entries.values()] == [
        ("FAILURE", "the listener was stopped"),
    ] * 2  # fmt: skip


async def test_a_cancelled_request_is_gone(tmp_path: Path) -> None:
    async def find_for_ever(uids: Sequence[str]) -> Sequence[StoredFile]:
        await asyncio.Event().wait()
        return ()

    file = stored(write_instance(tmp_path, 1))
    jobs, _ = made(tmp_path, [file])
    jobs.begin(MediaRun(find_for_ever, tmp_path / "media"))
    await ask(jobs, file, cancel=True)
    assert len(jobs.entries) == 0
    await jobs.end()


async def test_media_leave_some_of_the_disk_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = stored(write_instance(tmp_path, 1))
    monkeypatch.setattr(disk, "FREE_BYTES", 2**70)
    jobs, told = made(tmp_path, [file])
    await ask(jobs, file)
    await ended(jobs)
    [entry] = jobs.entries.values()
    assert (entry.request.status, entry.request.result.info) == ("FAILURE", "MCD_FAILURE")
    assert "too little room" in told[-1]
    assert list((tmp_path / "media").iterdir()) == []
