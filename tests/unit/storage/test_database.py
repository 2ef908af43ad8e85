"""The database file: new, sound, damaged, of a later version, of somebody else, and where none can be."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from dicomgui.storage import IndexFault, database, schema
from dicomgui.storage.database import FILE_NAME, Opened, connect, index_fault, mark_clean, open_database, put_aside
from dicomgui.storage.schema import MIGRATIONS, VERSION


def test_new_then_clean_then_not(tmp_path: Path) -> None:
    connection, opened = open_database(tmp_path)
    assert opened == (tmp_path / FILE_NAME, True, True, None, 0)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    mark_clean(connection)
    connection.close()
    connection, opened = open_database(tmp_path)
    assert (opened.is_new, opened.was_clean) == (False, True)
    connection.close()
    connection, opened = open_database(tmp_path)
    assert not opened.was_clean, "the last one did not say that it was"
    connection.close()


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000], ids=range(2))
def test_a_damaged_one_is_put_aside(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    connection, opened = open_database(tmp_path)
    assert opened.is_new
    assert opened.damaged == tmp_path / "index.sqlite3.damaged"
    assert opened.damaged.read_bytes() == content
    connection.close()


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000], ids=range(2))
def test_what_is_no_database_is_not_kept_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    opened: list[Recorded] = []

    class Recorded(sqlite3.Connection):
        is_closed = False

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            opened.append(self)

        def close(self) -> None:
            self.is_closed = True
            super().close()

    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *given, **options: real(*given, factory=Recorded, **options))
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(sqlite3.DatabaseError):
        connect(tmp_path / "other").execute("SELECT * FROM state")
    assert [connection.is_closed for connection in opened] == [True]


def test_damage_in_the_middle_is_found_after_a_crash(tmp_path: Path) -> None:
    connection, _ = open_database(tmp_path)
    connection.executemany("INSERT INTO state VALUES (?, ?)", ((f"key{n}", "x" * 100) for n in range(2000)))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    path = tmp_path / FILE_NAME
    data = bytearray(path.read_bytes())
    for page in range(40, 50):
        data[page * 4096 : page * 4096 + 200] = b"\xff" * 200
    path.write_bytes(data)
    connection, opened = open_database(tmp_path)
    assert opened.is_new
    assert opened.damaged is not None
    connection.close()


def test_one_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    connection, _ = open_database(tmp_path)
    connection.execute(f"PRAGMA user_version = {VERSION + 3}")
    connection.close()
    before = (tmp_path / FILE_NAME).read_bytes()
    for is_new in (True, False):
        connection, opened = open_database(tmp_path)
        assert opened.newer_version == VERSION + 3
        assert opened.path == tmp_path / f"index-{VERSION}.sqlite3"
        assert opened.is_new is is_new
        connection.close()
    assert (tmp_path / FILE_NAME).read_bytes() == before


def test_up_by_a_version_and_down_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The older program finds what it had, and is not told that nothing has happened since."""
    connection, _ = open_database(tmp_path)
    connection.execute("INSERT INTO state VALUES ('mine', 'kept')")
    mark_clean(connection)
    connection.close()
    with monkeypatch.context() as later:
        for module in (schema, database):
            later.setattr(module, "VERSION", VERSION + 1)
        later.setitem(MIGRATIONS, VERSION, "ALTER TABLE study ADD COLUMN one TEXT;")
        connection, opened = open_database(tmp_path)
        assert (opened.is_new, opened.was_clean, opened.path) == (False, True, tmp_path / FILE_NAME)
        connection.execute("SELECT one FROM study")
        connection.execute("UPDATE state SET value = 'changed' WHERE name = 'mine'")
        mark_clean(connection)
        connection.close()
    connection, opened = open_database(tmp_path)
    assert opened == Opened(tmp_path / f"index-{VERSION}.sqlite3", was_clean=False, newer_version=VERSION + 1)
    assert connection.execute("SELECT value FROM state WHERE name = 'mine'").fetchone() == ("kept",)
    with pytest.raises(sqlite3.OperationalError):
        connection.execute("SELECT one FROM study")
    connection.close()
    assert not list(tmp_path.glob("*.part"))


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(IndexFault, match="cannot open the index"):
        open_database(tmp_path / "nowhere")


def test_a_folder_where_the_database_should_be(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(IndexFault):
        open_database(tmp_path)


def test_damaged_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(connection: sqlite3.Connection) -> bool:
        raise sqlite3.DatabaseError("malformed")

    monkeypatch.setattr("dicomgui.storage.database.prepare_schema", broken)
    with pytest.raises(IndexFault, match="cannot make the index"):
        open_database(tmp_path)


def test_putting_aside_takes_the_journal_along_and_keeps_the_last_only(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    for content in (b"one", b"two"):
        for suffix in ("", "-wal", "-shm"):
            path.with_name(FILE_NAME + suffix).write_bytes(content)
        target = put_aside(path, None)
    assert [each.name for each in tmp_path.iterdir()] == [target.name]
    assert target.read_bytes() == b"two"
    with pytest.raises(IndexFault, match="cannot put aside"):
        put_aside(path, None)


def test_a_connection_may_pass_from_thread_to_thread(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    connection = connect(tmp_path / "x")
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: connection.execute("SELECT 1").fetchone()).result() == (1,)
    connection.close()


def test_a_fault_says_what_and_that_the_files_are_safe(tmp_path: Path) -> None:
    fault = index_fault("read", tmp_path, sqlite3.OperationalError("locked"))
    assert str(fault) == f"cannot read the index {tmp_path}: locked"
    assert "safe" in fault.hint
    assert fault.path == str(tmp_path)
    assert fault.status == 0xA700
