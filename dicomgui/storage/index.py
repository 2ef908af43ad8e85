"""The index of the archive: an SQLite cache of what its files say, to list, search and retrieve by.

The files are the truth. One operation changes the index: *look at these names again*. If the file is there, its row is
made of it; if it is not, its row goes. So the order of events never matters, doing it twice does no harm, and what a
crash leaves out is found by comparing names (:mod:`dicomgui.storage.repair`).

One thread writes. :meth:`Index.add` only puts a name into its queue; it takes what has come, reads the heads of the
files, and commits them together. Nothing waits for the medium: a power failure costs the last rows, which the repair
brings back. Reading goes over connections of its own and sees what was committed.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from dicomgui.storage.answers import Match
from dicomgui.storage.attributes import Level
from dicomgui.storage.conditions import FROM, selecting, selection_conditions
from dicomgui.storage.database import FILE_NAME, Opened, connect, index_fault, is_full, open_database, put_aside
from dicomgui.storage.errors import IndexFault
from dicomgui.storage.identifiers import Selection
from dicomgui.storage.indexing import Indexer, Refreshed
from dicomgui.storage.matching import Query
from dicomgui.storage.reserve import Reserve
from dicomgui.storage.writer import Stored

__all__ = ["Counts", "Index", "StoredFile"]

_STALE = "index.stale"
"""Stands in the folder of an index that was not used while its disk was full: another one was, for that time."""


class StoredFile(NamedTuple):
    """An instance that can be sent.

    :ivar name: its path inside of the archive, with ``/``.
    :ivar mtime_ns: time of the last change of the file when it was indexed; 0 where nobody asked.
    """

    path: Path
    name: str
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    size_bytes: int
    mtime_ns: int = 0


class Counts(NamedTuple):
    """How much the archive holds; every file counts, also a second data set of one UID."""

    patients: int
    studies: int
    series: int
    instances: int
    size_bytes: int


class Index:
    """The index of one archive's folder, which must be there.

    :meth:`open` and :meth:`close` block and belong in a thread; :meth:`add` does not. Searches may run in any number of
    threads, each iterator in one at a time.

    Where the disk of the index is full when it is opened, one in a temporary folder takes its place until it is closed.

    :ivar reserve: space for the rows of what was stored; see :mod:`dicomgui.storage.reserve`.
    :ivar on_change: called in the thread of the index when :attr:`trouble` has come, changed or gone.

    :param place: the folder of the database; that of the archive by default. Made by :meth:`open`.
    """

    def __init__(self, folder: Path, *, place: Path | None = None) -> None:
        self.folder = folder
        self.on_change: Callable[[], None] = lambda: None
        self._place = folder if place is None else place
        self._temporary: Path | None = None
        self._path = self._place / FILE_NAME
        self.reserve = Reserve(self._place)
        self._indexer: Indexer | None = None
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        return self._indexer is not None

    @property
    def path(self) -> Path:
        """The database."""
        return self._path

    @property
    def trouble(self) -> str:
        """Why nothing can be written at the moment, one line; empty if all is well.

        What waits is not lost: it is written when the trouble is over, or found again by the repair.
        """
        return self._indexer.trouble if self._indexer is not None else ""

    @property
    def is_damaged(self) -> bool:
        """Whether the database turned out to be damaged since it was opened: it is time for a rebuild."""
        return self._indexer is not None and self._indexer.is_damaged

    @property
    def waiting(self) -> int:
        """The number of instances that were added and cannot be found yet."""
        return self._indexer.waiting if self._indexer is not None else 0

    @property
    def is_complete(self) -> bool:
        """True where all that was added since it was opened has its row, or waits for it; else a repair is due."""
        return self._indexer is not None and self._indexer.is_complete and not self._indexer.is_damaged

    @property
    def is_temporary(self) -> bool:
        """True where it lies in a temporary folder, because its own disk is full."""
        return self._temporary is not None

    def open(self) -> Opened:
        """Open the database, make or update its tables, and start the thread that writes.

        Run :func:`~dicomgui.storage.repair.repair` afterwards, in a thread of its own. A damaged database is put aside;
        one that a later version of this program made is left alone, and ours is kept beside it.

        :raises IndexFault: there can be no database in this folder.
        """
        connection, opened = self._connect()
        self._path = opened.path
        reserve = None if self.is_temporary else self.reserve
        self._indexer = Indexer(self.folder, self._path, connection, reserve=reserve, on_change=self._tell)
        if reserve is not None:
            reserve.keep()
        return opened

    def _tell(self) -> None:
        self.on_change()

    def _connect(self) -> tuple[sqlite3.Connection, Opened]:
        """Open the database where it belongs: with the reserve where the disk is full, else in a temporary folder."""
        try:
            if self._place != self.folder:
                self._place.mkdir(mode=0o700, parents=True, exist_ok=True)
            return self._connect_here()
        except OSError as error:
            raise index_fault("make the folder of", self._path, error) from error
        except IndexFault as fault:
            if not is_full(fault.__cause__, self._place / FILE_NAME):
                raise
            if self.reserve.give_up():
                with suppress(IndexFault):
                    return self._connect_here()
            return self._connect_elsewhere(fault)

    def _connect_here(self) -> tuple[sqlite3.Connection, Opened]:
        stale = self._place / _STALE
        was_stale = stale.exists()
        connection, opened = open_database(self._place)
        if was_stale:
            opened = opened._replace(was_clean=opened.is_new)
            stale.unlink(missing_ok=True)
        return connection, opened

    def _connect_elsewhere(self, fault: IndexFault) -> tuple[sqlite3.Connection, Opened]:
        try:
            self._temporary = Path(tempfile.mkdtemp(prefix="dicomgui-index-"))
            (self._place / _STALE).touch()
            return open_database(self._temporary)
        except (IndexFault, OSError):
            self._drop_temporary()
            raise fault from None

    def _drop_temporary(self) -> None:
        temporary, self._temporary = self._temporary, None
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)

    def close(self) -> None:
        """Write what waits, for two seconds at most, and close. What is not written the next repair finds."""
        with self._lock:
            indexer, self._indexer = self._indexer, None
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
        if indexer is not None:
            indexer.close()
        self._drop_temporary()

    def start_over(self) -> Opened:
        """Put the database aside and begin an empty one, for one that :attr:`is_damaged`.

        :raises IndexFault: it cannot be moved, or no other be made.
        """
        self.close()
        put_aside(self._path, None)
        return self.open()

    def add(self, stored: Stored) -> None:
        """Let an instance that was just stored be indexed soon; returns at once, from any thread.

        Does nothing while the index is closed: the next repair finds the file.
        """
        indexer = self._indexer
        if indexer is not None:
            indexer.add(stored.name)

    def refresh(self, names: Iterable[str]) -> Future[Refreshed]:
        """Look at these files (names inside of the archive) again; done when their rows are committed.

        The future fails with :class:`IndexFault` if the index is closed or damaged before.

        :raises IndexFault: it is closed already.
        """
        return self._writing().refresh(names)

    def flush(self) -> Future[Refreshed]:
        """Done when everything that was added before can be found. For asyncio: ``await asyncio.wrap_future(…)``.

        Fails and raises like :meth:`refresh`.
        """
        return self._writing().refresh(())

    def clear(self) -> Future[Refreshed]:
        """Take all rows out, for a rebuild; fails and raises like :meth:`refresh`."""
        return self._writing().clear()

    def find(self, query: Query) -> Iterator[Match]:
        """The answers to a query, one by one as they are found; close the iterator to stop early.

        :raises IndexFault: the index is closed, damaged, or cannot be read.
        """
        tests, plan = query.tests, query.plan
        with self._reading() as connection:
            for row in connection.execute(query.sql, query.parameters):
                if all(test(row) for test in tests):
                    yield Match(plan, row)

    def files(self, selection: Selection, *, every_variant: bool = False) -> Iterator[StoredFile]:
        """The files of a selection, one by one; of one SOP Instance UID in a series the first.

        :param every_variant: also the other data sets of a UID, as for deleting.
        :raises IndexFault: as above.
        """
        columns = "name, SOPClassUID, SOPInstanceUID, TransferSyntaxUID, size_bytes, mtime_ns"
        where, parameters = selection_conditions(selection)
        if not every_variant:
            where += " AND instance.shown"
        with self._reading() as connection:
            for name, *facts in connection.execute(selecting(columns, FROM[Level.IMAGE], where), parameters):
                yield StoredFile(self.folder / name, name, *facts)

    def count(self, selection: Selection) -> int:
        """How many instances of a selection are here.

        :raises IndexFault: as above.
        """
        where, parameters = selection_conditions(selection)
        sql = selecting("count(*)", FROM[Level.IMAGE], f"{where} AND instance.shown")
        with self._reading() as connection:
            (number,) = connection.execute(sql, parameters).fetchone()
        return int(number)

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The rows of a statement of ours, for lists of what is there (:mod:`dicomgui.storage.listing`).

        :raises IndexFault: as above.
        """
        with self._reading() as connection:
            return connection.execute(sql, parameters).fetchall()

    def counts(self) -> Counts:
        """How much there is in all.

        :raises IndexFault: as above.
        """
        tables = (("patient", "1"), ("study", "StudyInstanceUID <> ''"), ("series", "SeriesInstanceUID <> ''"))
        with self._reading() as connection:
            numbers = [connection.execute(selecting("count(*)", *table)).fetchone()[0] for table in tables]
            numbers += connection.execute("SELECT count(*), coalesce(sum(size_bytes), 0) FROM instance").fetchone()
        return Counts(*numbers)

    def names_in(self, folder: str) -> dict[str, tuple[int, int]]:
        """The names that have a row, of one of the 256 folders, each with its size and the time of its last change.

        :raises IndexFault: as above.
        """
        sql = "SELECT name, size_bytes, mtime_ns FROM instance WHERE name > ? AND name < ?"
        with self._reading() as connection:
            rows = connection.execute(sql, (f"{folder}/", f"{folder}0"))
            return {name: (size_bytes, mtime_ns) for name, size_bytes, mtime_ns in rows}

    def _writing(self) -> Indexer:
        if self._indexer is None:
            raise IndexFault("the index is closed", path=str(self._path))
        return self._indexer

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        indexer = self._writing()
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        try:
            if connection is None:
                connection = connect(self._path)
                connection.execute("PRAGMA query_only = 1")
            yield connection
        except sqlite3.Error as error:
            indexer.note(error)
            raise index_fault("read", self._path, error) from error
        finally:
            if connection is not None:
                self._give_back(indexer, connection)

    def _give_back(self, indexer: Indexer, connection: sqlite3.Connection) -> None:
        with self._lock:
            if self._indexer is indexer and not indexer.is_damaged:
                self._idle.append(connection)
                return
        connection.close()
