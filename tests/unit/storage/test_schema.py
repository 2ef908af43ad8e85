"""Versions of the tables: made, brought up to date, left alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from dicomgui.storage import schema
from dicomgui.storage.attributes import ATTRIBUTES
from dicomgui.storage.schema import MIGRATIONS, VERSION, SchemaTooNew, prepare_schema


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    yield connection
    connection.close()


def version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def test_new_tables_have_a_column_for_each_attribute(database: sqlite3.Connection) -> None:
    assert prepare_schema(database)
    assert version(database) == VERSION
    for attribute in ATTRIBUTES:
        table = {"IMAGE": "instance"}.get(attribute.level.name, attribute.level.name.lower())
        columns = {row[1]: row[2] for row in database.execute(f"PRAGMA table_info({table})")}
        assert columns[attribute.keyword] == ("BLOB" if attribute.vr == "SQ" else "TEXT")


def test_tables_that_are_there_are_kept(database: sqlite3.Connection) -> None:
    prepare_schema(database)
    database.execute("INSERT INTO state VALUES ('a', 'b')")
    assert not prepare_schema(database)
    assert database.execute("SELECT * FROM state").fetchall() == [("a", "b")]


def test_there_is_a_way_from_every_older_version() -> None:
    assert sorted(MIGRATIONS) == list(range(1, VERSION))


def test_older_tables_are_brought_up_to_date_step_by_step(
    database: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_schema(database)
    monkeypatch.setattr(schema, "VERSION", VERSION + 2)
    monkeypatch.setitem(MIGRATIONS, VERSION, "ALTER TABLE study ADD COLUMN one TEXT;")
    monkeypatch.setitem(MIGRATIONS, VERSION + 1, "ALTER TABLE study RENAME COLUMN one TO two;")
    assert not prepare_schema(database)
    assert version(database) == VERSION + 2
    database.execute("SELECT two FROM study")


def test_a_step_is_made_as_a_whole_or_not_at_all(database: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare_schema(database)
    monkeypatch.setattr(schema, "VERSION", VERSION + 1)
    monkeypatch.setitem(MIGRATIONS, VERSION, "ALTER TABLE study ADD COLUMN one TEXT; SELECT nothing FROM nowhere;")
    with pytest.raises(sqlite3.OperationalError):
        prepare_schema(database)
    assert version(database) == VERSION
    with pytest.raises(sqlite3.OperationalError):
        database.execute("SELECT one FROM study")


def test_two_processes_at_once_make_the_tables_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = (sqlite3.connect(tmp_path / "index", isolation_level=None) for _ in range(2))
    real = schema._run

    def overtaken(connection: sqlite3.Connection, script: str, before: int, after: int) -> bool:
        assert real(other, script, before, after)
        return real(connection, script, before, after)

    monkeypatch.setattr(schema, "_run", overtaken)
    assert not prepare_schema(one), "the other one has made them"
    assert version(one) == VERSION
    one.close()
    other.close()


def test_newer_tables_are_left_alone(database: sqlite3.Connection) -> None:
    prepare_schema(database)
    database.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(SchemaTooNew) as caught:
        prepare_schema(database)
    assert caught.value.args == (VERSION + 1,)
    assert version(database) == VERSION + 1


@pytest.mark.parametrize("number", [0, VERSION])
def test_the_database_of_somebody_else(database: sqlite3.Connection, number: int) -> None:
    database.execute("CREATE TABLE study (something)")
    database.execute(f"PRAGMA user_version = {number}")
    with pytest.raises(sqlite3.DatabaseError, match="somebody else"):
        prepare_schema(database)
