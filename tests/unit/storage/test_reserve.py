"""Space kept for the index: taken, given up, and taken again."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from pathlib import Path
from queue import SimpleQueue

import pytest
from helpers.archive import instance, put

from dicomgui.storage import Archive, Ceiling, CeilingReached, Index, IndexFault, repair
from dicomgui.storage import index as index_module
from dicomgui.storage import reserve as module
from dicomgui.storage.database import is_full, open_database
from dicomgui.storage.indexing import Indexer
from dicomgui.storage.reserve import SIZE, Reserve

WAIT_S = 30


def test_it_is_taken_and_given_up(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path)
    assert not reserve.give_up()
    reserve = Reserve(tmp_path)
    assert reserve.keep()
    assert reserve.is_kept
    assert reserve.path.stat().st_size == SIZE
    assert reserve.give_up()
    assert not reserve.is_kept
    assert not reserve.path.exists()
    assert not reserve.keep(), "not within the same second"


def test_what_an_earlier_run_has_kept_is_kept(tmp_path: Path) -> None:
    Reserve(tmp_path).keep()
    (tmp_path / "index.reserve").touch()
    before = (tmp_path / "index.reserve").stat().st_ino
    assert Reserve(tmp_path).keep()
    assert (tmp_path / "index.reserve").stat().st_ino == before


def test_a_small_disk_keeps_a_part_of_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(total=800_000)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage)
    assert Reserve(tmp_path).keep()
    assert (tmp_path / "index.reserve").stat().st_size == 100_000


@pytest.mark.parametrize("has_fallocate", [True, False])
def test_without_space_nothing_is_left_of_it(
    has_fallocate: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if has_fallocate:
        monkeypatch.setattr(module.os, "posix_fallocate", refuse, raising=False)
    else:
        monkeypatch.delattr(module.os, "posix_fallocate", raising=False)
        monkeypatch.setattr(module.disk, "write_all", refuse)
    reserve = Reserve(tmp_path)
    assert not reserve.keep()
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_that_takes_no_such_file_is_not_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EFBIG, "File too large")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    reserve = Reserve(tmp_path)
    assert reserve.keep()
    assert reserve.is_kept
    assert not list(tmp_path.iterdir())


def test_where_there_is_no_way_to_allocate_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(module.os, "posix_fallocate", raising=False)
    assert Reserve(tmp_path).keep()
    assert (tmp_path / "index.reserve").stat().st_size == SIZE


def test_whether_a_folder_is_on_its_disk(tmp_path: Path) -> None:
    assert Reserve(tmp_path).lies_on_disk_of(tmp_path)
    assert not Reserve(tmp_path).lies_on_disk_of(tmp_path / "gone")


def test_while_it_is_not_there_nothing_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = Archive(tmp_path, fsync=False)
    archive.prepare()
    assert not archive.room.is_limited
    reserve = archive.room.reserve = Reserve(tmp_path)
    assert archive.room.is_limited
    archive.room.check()  # it takes the space itself
    assert reserve.is_kept
    reserve.give_up()
    with pytest.raises(CeilingReached, match="kept for the index") as refused:
        archive.receive(sop_class_uid="1.2", sop_instance_uid="1.3", transfer_syntax_uid="1.2.840.10008.1.2")
    assert int(refused.value.status) == 0xA700
    monkeypatch.setattr(module, "_AGAIN_S", -1.0)
    archive.room.check()
    archive.room.reserve = None
    assert not archive.room.is_limited
    archive.room.ceiling = Ceiling(min_free_bytes=1)
    assert archive.room.is_limited
    archive.close()


# -- the index that uses it --------------------------------------------------------------------------------------------


class _PagesReserve(Reserve):
    """What is given up are pages of the database, whose number is limited."""

    connection: sqlite3.Connection
    more = 0

    def give_up(self) -> bool:
        (pages,) = self.connection.execute("PRAGMA page_count").fetchone()
        self.connection.execute(f"PRAGMA max_page_count = {pages + self.more}")
        return super().give_up()


def _full(folder: Path, more: int) -> tuple[Indexer, SimpleQueue[str]]:
    """An indexer whose database may not grow, and what it tells of its trouble, at each change."""
    connection, opened = open_database(folder)
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    reserve = _PagesReserve(folder)
    reserve.connection, reserve.more = connection, more
    reserve.keep()
    told: SimpleQueue[str] = SimpleQueue()
    indexer = Indexer(folder, opened.path, connection, reserve=reserve, on_change=lambda: told.put(indexer.trouble))
    return indexer, told


def test_what_is_answered_for_is_written_into_the_reserve(tmp_path: Path) -> None:
    indexer, told = _full(tmp_path, 1000)
    names = [put(tmp_path, instance(1, 1, number)) for number in range(1, 200)]
    assert indexer.refresh(names).result(WAIT_S).added == 199
    assert (indexer.waiting, told.empty(), indexer.trouble) == (0, True, "")
    indexer.close()


def test_without_room_it_says_how_far_it_is_behind_and_catches_up_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dicomgui.storage import indexing

    monkeypatch.setattr(indexing, "_RETRY_S", (0.01,))
    monkeypatch.setattr(indexing, "_LAST_RETRY_S", 0.01)
    indexer, told = _full(tmp_path, 1)
    names = [put(tmp_path, instance(1, 1, number)) for number in range(1, 200)]
    work = indexer.refresh(names)
    assert told.get(timeout=WAIT_S) == "the index cannot be written: database or disk is full"
    assert indexer.waiting == 199
    assert not work.done()
    indexer._connection.execute("PRAGMA max_page_count = 10000")
    assert work.result(WAIT_S).added == 199
    assert (indexer.waiting, told.get(timeout=WAIT_S)) == (0, "")
    indexer.close()


def test_what_could_not_be_written_is_not_complete(tmp_path: Path) -> None:
    indexer, _ = _full(tmp_path, 0)
    indexer.add(put(tmp_path, instance()))
    indexer.note(sqlite3.DatabaseError("malformed"))
    with pytest.raises(IndexFault):
        indexer.refresh([put(tmp_path, instance(2)), put(tmp_path, instance(3))]).result(WAIT_S)
    assert not indexer.is_complete
    assert indexer.waiting == 0
    indexer.close()


def _refusing(folder: Path, times: int) -> object:
    """``open_database`` that finds the disk of a folder full so many times."""
    left = [times]

    def open_it(place: Path) -> object:
        if place == folder and left[0]:
            left[0] -= 1
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise IndexFault("cannot open the index") from error
        return open_database(place)

    return open_it


def test_an_index_that_cannot_be_opened_on_a_full_disk_gets_the_reserve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Reserve(tmp_path).keep()
    monkeypatch.setattr(index_module, "open_database", _refusing(tmp_path, 1))
    index = Index(tmp_path)
    index.open()
    assert not index.is_temporary
    assert index.path.parent == tmp_path
    index.close()


def test_or_else_a_temporary_one_takes_its_place_and_the_old_one_is_compared_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = put(tmp_path, instance(StudyDescription="before"))
    index = Index(tmp_path)
    repair(index, index.open())
    index.close()
    (tmp_path / "index.reserve").unlink()
    monkeypatch.setattr(index_module, "open_database", _refusing(tmp_path, 1))
    opened = index.open()
    assert index.is_temporary
    temporary = index.path.parent
    assert temporary != tmp_path
    assert repair(index, opened).rows.added == 1
    index.close()
    assert not temporary.exists()
    assert not index.is_temporary
    put(tmp_path, instance(StudyDescription="changed"))
    report = repair(index, index.open())
    assert report.rows.updated == 1, name
    index.close()
    assert index.open().was_clean
    index.close()


def test_without_any_room_at_all_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "open_database", _refusing(tmp_path, 9))

    def refuse(prefix: str) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(index_module.tempfile, "mkdtemp", refuse)
    index = Index(tmp_path)
    with pytest.raises(IndexFault, match="cannot open"):
        index.open()
    assert not index.is_temporary
    assert (index.waiting, index.is_complete) == (0, False)


def test_another_fault_is_no_reason_for_another_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> None:
        raise IndexFault("locked") from sqlite3.OperationalError("locked")

    monkeypatch.setattr(index_module, "open_database", refuse)
    with pytest.raises(IndexFault, match="locked"):
        Index(tmp_path).open()


def test_it_may_have_a_folder_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    index = Index(folder, place=tmp_path / "elsewhere" / "index")
    index.open()
    index.close()
    assert list(folder.iterdir()) == []
    assert (tmp_path / "elsewhere" / "index" / "index.sqlite3").is_file()
    (tmp_path / "file").touch()
    with pytest.raises(IndexFault, match="make the folder"):
        Index(folder, place=tmp_path / "file" / "index").open()


def test_what_is_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def error(code: int) -> sqlite3.Error:
        made = sqlite3.OperationalError("disk I/O error")
        made.sqlite_errorcode = code
        return made

    path = tmp_path / "index.sqlite3"
    assert is_full(error(sqlite3.SQLITE_FULL), path)
    assert not is_full(error(sqlite3.SQLITE_IOERR), path)
    assert not is_full(error(sqlite3.SQLITE_BUSY), path)
    assert not is_full(OSError(), path)
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr("dicomgui.storage.database.shutil.disk_usage", lambda _: usage)
    assert is_full(error(sqlite3.SQLITE_IOERR | 10 << 8), path)
