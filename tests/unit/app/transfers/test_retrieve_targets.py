"""Where instances go, with a disk that is slow or gone."""

from __future__ import annotations

import asyncio
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from helpers.instances import CT, EXPLICIT

from dicomgui.app.transfers.retrieve_results import Arrived
from dicomgui.app.transfers.retrieve_targets import into_archive, into_folder
from dicomgui.network import Reply, Status
from dicomgui.storage import Archive, DiskFull

UID = "1.2.3.4"


class Kept:
    def __init__(self) -> None:
        self.told: list[tuple[str, Arrived | str]] = []

    def __call__(self, uid: str, outcome: Arrived | str) -> None:
        self.told.append((uid, outcome))


def request(uid: str = UID) -> Any:
    return SimpleNamespace(
        command=SimpleNamespace(affected_sop_class_uid=CT, affected_sop_instance_uid=uid),
        facts=SimpleNamespace(called_ae_title="PACS", calling_ae_title="ME"),
        transfer_syntax_uid=EXPLICIT,
        check=None,
    )


def test_a_folder_tells_of_each_file(tmp_path: Path) -> None:
    kept = Kept()
    handlers = into_folder(tmp_path, kept)
    assert handlers.open_sink is not None
    assert handlers.on_store is not None
    for data in (b"data", b"other", b"data"):
        sink: Any = handlers.open_sink(request())
        sink.write(memoryview(data))
        assert handlers.on_store(request(), sink.finish()) == Status(0)
    paths = [outcome.path for _, outcome in kept.told if isinstance(outcome, Arrived)]
    assert [path.name for path in paths] == [f"{UID}.dcm", f"{UID}~2.dcm", f"{UID}.dcm"]
    outcomes = [outcome.outcome for _, outcome in kept.told if isinstance(outcome, Arrived)]
    assert outcomes == ["stored", "stored", "duplicate"]
    assert [outcome.size_bytes for _, outcome in kept.told if isinstance(outcome, Arrived)] == [
        path.stat().st_size for path in paths
    ]


def test_a_folder_that_went_away_refuses(tmp_path: Path) -> None:
    kept = Kept()
    handlers = into_folder(tmp_path / "in", kept)
    assert handlers.open_sink is not None
    assert handlers.on_store is not None
    (tmp_path / "in").rmdir()
    sink: Any = handlers.open_sink(request())
    sink.write(memoryview(b"data"))
    answer = handlers.on_store(request(), sink.finish())
    assert isinstance(answer, Reply)
    assert answer.status == 0xA700
    assert kept.told == [(UID, answer.comment)]


def test_a_folder_leaves_some_of_the_disk_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer that never ends does not fill it."""
    kept = Kept()
    handlers = into_folder(tmp_path, kept)
    assert handlers.open_sink is not None
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=2**20))
    answer = handlers.open_sink(request())
    assert isinstance(answer, Reply)
    assert answer.status == 0xA700
    assert kept.told == [(UID, "the disk is full but for what stays free")]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fails", [False, True])
async def test_a_cancel_waits_for_the_disk(tmp_path: Path, fails: bool) -> None:
    """What lands in the archive all the same is told of."""
    archive, kept, go = Archive(tmp_path, fsync=False), Kept(), Event()
    archive.prepare()
    commit = archive.commit

    def slow(pending: Any) -> Any:
        assert go.wait(60)
        if fails:
            pending.abandon()
            raise DiskFull("no space left", path=str(tmp_path))
        return commit(pending)

    archive.commit = slow  # type: ignore[method-assign]
    with ThreadPoolExecutor(1) as pool:
        handlers = into_archive(archive, pool, kept)
        assert handlers.open_sink is not None
        assert handlers.on_store is not None
        sink: Any = handlers.open_sink(request())
        sink.write(memoryview(b"data"))
        work: Any = handlers.on_store(request(), sink.finish())
        async with asyncio.TaskGroup() as group:
            task = group.create_task(work)
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.sleep(0)
            assert not task.done()
            go.set()
        assert task.cancelled()
    archive.close()
    [(uid, outcome)] = kept.told
    assert uid == UID
    assert isinstance(outcome, str) is fails


def test_an_archive_refuses_what_has_no_uid(tmp_path: Path) -> None:
    archive, kept = Archive(tmp_path, fsync=False), Kept()
    archive.prepare()
    with ThreadPoolExecutor(1) as pool:
        handlers = into_archive(archive, pool, kept)
        assert handlers.open_sink is not None
        answer = handlers.open_sink(request("../../x"))
    archive.close()
    assert isinstance(answer, Reply)
    assert answer.status.is_failure
    assert kept.told[0][0] == "../../x"
