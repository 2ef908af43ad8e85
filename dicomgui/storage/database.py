"""The database file of the index: open it, put a damaged one aside, leave a newer one alone."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from pathlib import Path
from typing import Final, NamedTuple

from dicomgui.storage.errors import IndexFault
from dicomgui.storage.schema import VERSION, SchemaTooNew, older_version, prepare_schema

__all__ = ["FILE_NAME", "Opened", "connect", "index_fault", "is_full", "mark_clean", "open_database", "put_aside"]

FILE_NAME: Final = "index.sqlite3"
_BUSY_S: Final = 5.0  # that SQLite waits for another process
_LITTLE: Final = 262_144  # bytes; with no more, an error of input or output means that the disk is full


class Opened(NamedTuple):
    """What was found when the index was opened.

    :ivar path: the database.
    :ivar is_new: it was made; its files are not in it yet.
    :ivar was_clean: it was closed as it should be, the last time.
    :ivar damaged: where a database that could not be read was put; ``None`` if it was sound.
    :ivar newer_version: the version of an index that a later version of this program left here, and that is left alone;
        0 if there is none.
    """

    path: Path
    is_new: bool = False
    was_clean: bool = True
    damaged: Path | None = None
    newer_version: int = 0


def open_database(folder: Path) -> tuple[sqlite3.Connection, Opened]:
    """Open the index of an archive's folder for writing, and make or update its tables.

    A damaged one is put aside; one of a later version is left alone, and ours is kept beside it under another name.

    :raises IndexFault: there can be no database in this folder.
    """
    path, damaged, newer = folder / FILE_NAME, None, 0
    for _ in range(3):
        try:
            connection, is_new, was_clean = _open(path)
        except SchemaTooNew as found:
            (newer,) = found.args
            path = folder / f"index-{VERSION}.sqlite3"
        except sqlite3.OperationalError as error:
            raise index_fault("open", path, error) from error
        except sqlite3.DatabaseError as error:
            damaged = put_aside(path, error)
        else:
            return connection, Opened(path, is_new, was_clean, damaged, newer)
    raise IndexFault(f"cannot make the index {path}", path=str(path))


def connect(path: Path) -> sqlite3.Connection:
    """A connection that may pass from thread to thread, without transactions of its own; raises ``sqlite3.Error``."""
    connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


def _open(path: Path) -> tuple[sqlite3.Connection, bool, bool]:
    """The connection, whether the tables are new, and whether it was closed properly."""
    connection = connect(path)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        _back_up(connection, path)
        is_new = prepare_schema(connection)
        clean = connection.execute("SELECT value FROM state WHERE name = 'clean'").fetchone()
        was_clean = is_new or clean == ("1",)
        if not was_clean:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise sqlite3.DatabaseError(verdict)
        connection.execute("INSERT OR REPLACE INTO state VALUES ('clean', '0')")
    except BaseException:
        connection.close()
        raise
    return connection, is_new, was_clean


def _back_up(connection: sqlite3.Connection, path: Path) -> None:
    """Keep tables of an older version as they are, beside the ones that are made of them.

    It gets the name under which a program of that version looks for its index where it finds a later one: who goes back
    to it has what there was, and the files of the archive are compared with it.
    """
    version = older_version(connection)
    if not version:
        return
    target = path.with_name(f"index-{version}.sqlite3")
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(part, isolation_level=None)) as copy:
        connection.backup(copy)
        copy.execute("INSERT OR REPLACE INTO state VALUES ('clean', '0')")
        copy.execute("PRAGMA journal_mode = DELETE")
    for suffix in ("-wal", "-shm"):
        target.with_name(target.name + suffix).unlink(missing_ok=True)
    part.replace(target)


def put_aside(path: Path, why: Exception | None) -> Path:
    """Move a database out of the way, to the returned path; only the last one is kept.

    :raises IndexFault: it cannot be moved.
    """
    target = path.with_name(f"{path.name}.damaged")
    try:
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        path.replace(target)
    except OSError as error:
        raise index_fault("put aside", path, error) from why or error
    return target


def is_full(error: BaseException | None, path: Path) -> bool:
    """True where SQLite has no space; of the files beside the database it says "input/output error" then."""
    if not isinstance(error, sqlite3.Error):
        return False
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):
        with contextlib.suppress(OSError):
            return shutil.disk_usage(path.parent).free < _LITTLE
    return code == sqlite3.SQLITE_FULL


def mark_clean(connection: sqlite3.Connection) -> None:
    """Say that every file that was told of has its row, for the next start; raises ``sqlite3.Error``."""
    connection.execute("INSERT OR REPLACE INTO state VALUES ('clean', '1')")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def index_fault(doing: str, path: Path, error: Exception) -> IndexFault:
    """The error for what SQLite or the operating system said."""
    hint = "The instances are safe: the index is made of them again when it can be written."
    return IndexFault(f"cannot {doing} the index {path}: {error}", path=str(path), hint=hint)
