"""The tables of the index, their version, and the way from an older version to this one.

One table a level, one column an attribute (:mod:`dicomgui.storage.attributes`), all of them text. ``study`` repeats the
attributes of its patient: data sets of one Patient ID may say different names, and a study is found by its own.
``instance`` has a row a file; ``shown`` is false for all data sets of one SOP Instance UID in a series but the first.

The version is SQLite's ``user_version``. The index is a cache of the files: a version that needs other values than the
one before it empties the tables, and the repair at the next start fills them.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from dicomgui.storage.attributes import Level, attributes_of

__all__ = ["MIGRATIONS", "VERSION", "SchemaTooNew", "older_version", "prepare_schema"]

VERSION: Final = 1
"""The version of the tables that this module makes."""

MIGRATIONS: Final[dict[int, str]] = {}
"""SQL that makes version n + 1 of version n, by n; each runs in a transaction of its own."""

_MARK: Final = 0x44474958  # "DGIX": this database is ours


class SchemaTooNew(Exception):
    """A later version of this program made the index; ``args`` is its version."""


def _columns(*levels: Level) -> str:
    names = []
    for attribute in (attribute for level in levels for attribute in attributes_of(level)):
        names.append(f"{attribute.keyword} {'BLOB' if attribute.vr == 'SQ' else 'TEXT'}")
    return ", ".join(names)


def _tables() -> str:
    return f"""
    CREATE TABLE state (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE patient (
        id INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE, {_columns(Level.PATIENT)}, PatientNameFold TEXT
    );
    CREATE TABLE study (
        id INTEGER PRIMARY KEY, patient INTEGER, {_columns(Level.PATIENT, Level.STUDY)}, PatientNameFold TEXT
    );
    CREATE UNIQUE INDEX study_uid ON study (StudyInstanceUID);
    CREATE INDEX study_patient ON study (patient);
    CREATE INDEX study_patient_id ON study (PatientID);
    CREATE INDEX study_accession ON study (AccessionNumber);
    CREATE INDEX study_date ON study (StudyDate);
    CREATE TABLE series (
        id INTEGER PRIMARY KEY, study INTEGER NOT NULL, {_columns(Level.SERIES)}
    );
    CREATE UNIQUE INDEX series_uid ON series (study, SeriesInstanceUID);
    CREATE INDEX series_uid_alone ON series (SeriesInstanceUID);
    CREATE TABLE instance (
        id INTEGER PRIMARY KEY, series INTEGER NOT NULL, name TEXT NOT NULL UNIQUE, variant INTEGER NOT NULL,
        shown INTEGER NOT NULL, size_bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, TransferSyntaxUID TEXT,
        {_columns(Level.IMAGE)}
    );
    CREATE INDEX instance_of_series ON instance (series, SOPInstanceUID, variant, shown);
    CREATE INDEX instance_uid ON instance (SOPInstanceUID);
    """


def prepare_schema(connection: sqlite3.Connection) -> bool:
    """Make the tables, or bring older ones up to date.

    :returns: whether they were made, so that every file is unknown to them.
    :raises SchemaTooNew: they are of a later version; nothing was changed.
    :raises sqlite3.DatabaseError: the file is no database, is damaged, or is somebody else's.
    """
    is_new = False
    while (version := _number(connection, "user_version")) != VERSION:
        if version > VERSION:
            raise SchemaTooNew(version)
        if version == 0:
            is_new = _run(connection, f"{_tables()} PRAGMA application_id = {_MARK}", 0, VERSION)
        else:
            _run(connection, MIGRATIONS[version], version, version + 1)
    if _number(connection, "application_id") != _MARK:
        raise sqlite3.DatabaseError("the database belongs to somebody else")
    return is_new


def older_version(connection: sqlite3.Connection) -> int:
    """The version of tables that :func:`prepare_schema` would bring up to date; 0 where there are none."""
    version = _number(connection, "user_version")
    return version if version < VERSION else 0


def _run(connection: sqlite3.Connection, script: str, before: int, after: int) -> bool:
    """Run a script as a whole or not at all; false if another process was faster."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        is_ours = _number(connection, "user_version") == before
        if is_ours and not before and _number(connection, "schema_version"):
            raise sqlite3.DatabaseError("the database holds tables of somebody else")
        if is_ours:
            for statement in (*script.split(";"), f"PRAGMA user_version = {after}"):
                connection.execute(statement)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return is_ours


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    (value,) = connection.execute(f"PRAGMA {pragma}").fetchone()
    return int(value)
