"""The thread that writes: what files say becomes rows, whatever is in its way."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from helpers.archive import instance, put, put_bytes

from dicomgui.storage import IndexFault, Refreshed
from dicomgui.storage import indexing as module
from dicomgui.storage.database import open_database
from dicomgui.storage.indexing import Indexer, parse_name

WAIT_S = 30


@pytest.fixture
def indexer(tmp_path: Path) -> Iterator[Indexer]:
    connection, opened = open_database(tmp_path)
    indexer = Indexer(tmp_path, opened.path, connection)
    yield indexer
    if indexer._thread.is_alive():
        indexer.close()


def rows(folder: Path, sql: str = "name FROM instance ORDER BY name") -> list[tuple[object, ...]]:
    connection = sqlite3.connect(folder / "index.sqlite3")
    try:
        return connection.execute(f"SELECT {sql}").fetchall()
    finally:
        connection.close()


def done(future: Future[Refreshed]) -> Refreshed:
    return future.result(WAIT_S)


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("ab/1.2.3.dcm", ("1.2.3", 1)),
        ("ab/1.2.3~2.dcm", ("1.2.3", 2)),
        ("ab/1.2.3~100.dcm", ("1.2.3", 100)),
        ("ab/1.2.3~0.dcm", None),
        ("ab/1.2.3.txt", None),
        ("ab/x.dcm", None),
        ("AB/1.2.dcm", None),
        ("incoming/1.2.dcm", None),
        ("../1.2.dcm", None),
        ("ab/1.2.dcm\n", None),
        (f"ab/{'1' * 65}.dcm", None),
    ],
)
def test_names(name: str, parsed: tuple[str, int] | None) -> None:
    assert parse_name(name) == parsed


def test_a_file_that_is_there_gets_a_row_and_one_that_is_not_loses_it(tmp_path: Path, indexer: Indexer) -> None:
    names = [put(tmp_path, instance(1, 1, n)) for n in (1, 2)]
    assert done(indexer.refresh([*names, "ab/9.9.dcm", "no name"])) == Refreshed(added=2)
    assert done(indexer.refresh(names)) == Refreshed(updated=2)
    (tmp_path / names[0]).unlink()
    assert done(indexer.refresh(names)) == Refreshed(updated=1, removed=1)
    assert rows(tmp_path) == [(names[1],)]


def test_what_is_added_is_there_after_the_next_future(tmp_path: Path, indexer: Indexer) -> None:
    names = sorted(put(tmp_path, instance(1, 1, n)) for n in range(1, 700))
    for name in names:
        indexer.add(name)
    done(indexer.refresh(()))
    assert rows(tmp_path) == [(name,) for name in names]


def test_more_names_than_fit_into_one_transaction(tmp_path: Path, indexer: Indexer) -> None:
    names = [put(tmp_path, instance(1, 1, n)) for n in range(1, 600)]
    assert done(indexer.refresh(names)) == Refreshed(added=599)
    assert done(indexer.clear()) == Refreshed()
    assert rows(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"\xff" * 50, b"no DICOM"], ids=range(3))
def test_a_file_that_cannot_be_read_has_a_row_with_its_uid(tmp_path: Path, indexer: Indexer, content: bytes) -> None:
    name = put_bytes(tmp_path, "1.2.3", b"")
    (tmp_path / name).write_bytes(content)
    assert done(indexer.refresh([name])) == Refreshed(added=1, unreadable=1)
    assert rows(tmp_path, "SOPInstanceUID FROM instance") == [("1.2.3",)]


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (PermissionError("no"), Refreshed(added=1, unreadable=1)),
        (RecursionError("whatever"), Refreshed(added=1, unreadable=1)),
        (FileNotFoundError("gone just now"), Refreshed()),
    ],
)
def test_reading_may_fail_in_any_way(
    tmp_path: Path, indexer: Indexer, monkeypatch: pytest.MonkeyPatch, error: Exception, result: Refreshed
) -> None:
    def failing(path: Path, uid: str) -> None:
        raise error

    name = put(tmp_path, instance())
    monkeypatch.setattr(module, "read_attributes", failing)
    assert done(indexer.refresh([name])) == result


def test_a_file_replaced_while_it_is_read_looks_changed_afterwards(tmp_path: Path, indexer: Indexer) -> None:
    name = put(tmp_path, instance())
    os.utime(tmp_path / name, ns=(5, 5))
    done(indexer.refresh([name]))
    size = (tmp_path / name).stat().st_size
    assert rows(tmp_path, "size_bytes, mtime_ns FROM instance") == [(size, 5)]


def test_a_lock_is_waited_for(tmp_path: Path, indexer: Indexer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than SQLite itself waits: the trouble is told, and goes."""
    indexer._connection.execute("PRAGMA busy_timeout = 1")
    other = sqlite3.connect(tmp_path / "index.sqlite3", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    waited: list[str] = []

    def wait(pause_s: float) -> bool:
        waited.append(indexer.trouble)
        if len(waited) == 5:
            other.execute("ROLLBACK")
        return False

    monkeypatch.setattr(indexer._closing, "wait", wait)
    assert done(indexer.refresh([put(tmp_path, instance())])) == Refreshed(added=1)
    assert waited == ["the index cannot be written: database is locked"] * 5
    assert indexer.trouble == ""
    other.close()


def test_closing_does_not_wait_for_a_lock(tmp_path: Path, indexer: Indexer) -> None:
    indexer._connection.execute("PRAGMA busy_timeout = 1")
    other = sqlite3.connect(tmp_path / "index.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    future = indexer.refresh([put(tmp_path, instance())])
    indexer.close()
    with pytest.raises(IndexFault, match="locked"):
        done(future)
    other.execute("ROLLBACK")
    other.close()
    assert rows(tmp_path, "value FROM state") == [("0",)], "not clean"


def test_what_is_not_written_in_time_is_left_to_the_repair(
    tmp_path: Path, indexer: Indexer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CLOSING_S", -1.0)
    names = [put(tmp_path, instance(1, 1, n)) for n in range(1, 400)]
    futures = [indexer.refresh(names) for _ in range(3)]
    indexer.close()
    assert isinstance(futures[-1].exception(WAIT_S), IndexFault)
    assert rows(tmp_path, "value FROM state") == [("0",)]


def test_closed_properly_it_says_so(tmp_path: Path, indexer: Indexer) -> None:
    future = indexer.refresh([put(tmp_path, instance())])
    indexer.close()
    assert done(future) == Refreshed(added=1)
    assert rows(tmp_path, "value FROM state") == [("1",)]


def test_work_that_comes_too_late_fails(tmp_path: Path, indexer: Indexer) -> None:
    indexer.close()
    late = indexer.refresh(["ab/1.2.dcm"])
    indexer.close()
    with pytest.raises(IndexFault, match="closed"):
        done(late)


def test_damage_ends_writing(tmp_path: Path, indexer: Indexer, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(*args: object, **more: object) -> Refreshed:
        raise sqlite3.DatabaseError("database disk image is malformed")

    monkeypatch.setattr(module, "_commit", damaged)
    name = put(tmp_path, instance())
    with pytest.raises(IndexFault, match="malformed"):
        done(indexer.refresh([name]))
    assert indexer.is_damaged
    assert indexer.trouble == "the index is damaged: database disk image is malformed"
    monkeypatch.undo()
    with pytest.raises(IndexFault, match="damaged"):
        done(indexer.refresh([name]))


def test_an_error_that_is_no_damage_is_not_taken_for_one(indexer: Indexer) -> None:
    indexer.note(sqlite3.OperationalError("locked"))
    indexer.note(sqlite3.InterfaceError("bad call"))
    assert not indexer.is_damaged


def test_a_transaction_that_fails_leaves_nothing(
    tmp_path: Path, indexer: Indexer, monkeypatch: pytest.MonkeyPatch
) -> None:
    tidy = module.Rows.tidy
    calls: list[int] = []

    def once(rows: module.Rows) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise sqlite3.OperationalError("disk I/O error")
        tidy(rows)

    monkeypatch.setattr(module.Rows, "tidy", once)
    assert done(indexer.refresh([put(tmp_path, instance())])) == Refreshed(added=1), "tried again"
    assert len(calls) == 2


def test_a_future_that_was_given_up_does_no_harm(tmp_path: Path, indexer: Indexer) -> None:
    name = put(tmp_path, instance())
    indexer.refresh([name]).cancel()
    indexer.add(name)
    done(indexer.refresh(()))
    assert rows(tmp_path) == [(name,)]
