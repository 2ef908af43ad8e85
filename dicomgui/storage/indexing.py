"""The thread that writes the index: it looks at files, and makes their rows of what it sees."""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from itertools import chain, repeat
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final, NamedTuple

from dicomgui.storage.attributes import InstanceAttributes, read_attributes, unread_attributes
from dicomgui.storage.database import index_fault, is_full, mark_clean
from dicomgui.storage.errors import IndexFault
from dicomgui.storage.reserve import Reserve
from dicomgui.storage.rows import FileFacts, Rows

__all__ = ["Indexer", "Refreshed", "parse_name"]

_NAME = re.compile(r"[0-9a-f]{2}/([0-9.]{1,64})(?:~([1-9][0-9]{0,2}))?\.dcm")
_GROUP: Final = 256  # files in one transaction
_CLOSING_S: Final = 2.0  # for what waits in the queue when the index is closed
_RETRY_S: Final = (0.05, 0.5, 2.0)  # pauses before a transaction is tried again
_LAST_RETRY_S: Final = 5.0  # and from then on


class Refreshed(NamedTuple):
    """What became of names that were looked at: numbers of rows.

    :ivar unreadable: of the added and updated ones, those of which only the UID is known.
    """

    added: int = 0
    updated: int = 0
    removed: int = 0
    unreadable: int = 0

    def plus(self, other: Refreshed) -> Refreshed:
        """Both together."""
        return Refreshed(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


class _Work(NamedTuple):
    names: tuple[str, ...] = ()
    done: Future[Refreshed] | None = None
    clear: bool = False
    stop: bool = False


class _Read(NamedTuple):
    """What the file of a name says; ``facts`` is ``None`` if there is no such file."""

    name: str
    facts: FileFacts | None
    attributes: InstanceAttributes


def parse_name(name: str) -> tuple[str, int] | None:
    """SOP Instance UID and number of the variant of a file's name inside of the archive; ``None`` for other files."""
    match = _NAME.fullmatch(name)
    return (match[1], int(match[2] or 1)) if match else None


class Indexer:
    """Owns the writing connection, and the thread that takes work from a queue; its methods do not block.

    :ivar trouble: why nothing can be written at the moment; empty if all is well.
    :ivar is_damaged: whether the database turned out to be damaged; then nothing is written any more.
    :ivar is_complete: whether all files that were told of have their rows, or wait for them.

    :param reserve: the space that is given up where the disk is full.
    :param on_change: called in the thread of the index when :attr:`trouble` has come, changed or gone.
    """

    def __init__(
        self,
        folder: Path,
        path: Path,
        connection: sqlite3.Connection,
        *,
        reserve: Reserve | None = None,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self.trouble = ""
        self._reserve = reserve
        self._on_change = on_change
        self._counting = threading.Lock()
        self._waiting = 0
        self.is_damaged = False
        self._folder = folder
        self._path = path
        self._connection = connection
        self._rows = Rows(connection)
        self._queue: SimpleQueue[_Work] = SimpleQueue()
        self._closing = threading.Event()
        self._deadline = 0.0
        self.is_complete = True
        self._thread = threading.Thread(target=self._run, name="archive-index", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """The number of files that were told of and whose rows are not committed yet."""
        return self._waiting

    def add(self, name: str) -> None:
        """Look at a file soon."""
        self._count(1)
        self._queue.put(_Work((name,)))

    def refresh(self, names: Iterable[str]) -> Future[Refreshed]:
        """Look at files; done when their rows, and those of all work before, are committed."""
        return self._ask(_Work(tuple(names), Future()))

    def clear(self) -> Future[Refreshed]:
        """Take all rows out."""
        return self._ask(_Work(done=Future(), clear=True))

    def close(self) -> None:
        """Let the thread finish what waits, for two seconds at most, and wait for it."""
        self._deadline = time.monotonic() + _CLOSING_S
        self._closing.set()
        self._queue.put(_Work(stop=True))
        self._thread.join()
        _fail(_drained(self._queue), IndexFault("the index is closed", path=str(self._path)))

    def note(self, error: sqlite3.Error) -> None:
        """Remember that the database is damaged, if that is what an error says."""
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
            self.is_damaged = True
            self._say(f"the index is damaged: {error}")

    def _ask(self, work: _Work) -> Future[Refreshed]:
        assert work.done is not None
        self._count(len(work.names))
        self._queue.put(work)
        return work.done

    def _count(self, more: int) -> None:
        with self._counting:
            self._waiting += more

    def _say(self, trouble: str) -> None:
        if trouble != self.trouble:
            self.trouble = trouble
            self._on_change()

    def _run(self) -> None:
        is_running = True
        while is_running:
            batch = [self._queue.get()]
            for work in _drained(self._queue):
                batch.append(work)
                if len(batch) >= _GROUP:
                    break
            is_running = not any(work.stop for work in batch)
            self._do(batch)
        with suppress(sqlite3.Error):
            if self.is_complete:
                mark_clean(self._connection)
        self._connection.close()

    def _do(self, batch: list[_Work]) -> None:
        """Do all of it: what is small in one transaction, what is large in several."""
        left = sum(len(work.names) for work in batch)
        try:
            small = [work.names[0] for work in batch if len(work.names) == 1]
            together = self._transact(tuple(dict.fromkeys(small))) if small else Refreshed()
            self._count(-len(small))
            left -= len(small)
            for work in batch:
                result = together if len(work.names) == 1 else Refreshed()
                if work.clear:
                    self._transact((), clear=True)
                elif len(work.names) > 1:
                    for start in range(0, len(work.names), _GROUP):
                        some = work.names[start : start + _GROUP]
                        result = result.plus(self._transact(some))
                        self._count(-len(some))
                        left -= len(some)
                if work.done is not None and work.done.set_running_or_notify_cancel():
                    work.done.set_result(result)
        except IndexFault as error:
            self.is_complete = False
            self._count(-left)
            _fail(batch, error)
        if self._reserve is not None:
            self._reserve.keep()

    def _transact(self, names: tuple[str, ...], *, clear: bool = False) -> Refreshed:
        """One transaction, tried again for as long as something is in its way that may pass.

        Where the disk is full, the reserve is given up, and what is left is written in smaller transactions.
        """
        files = [self._read(name) for name in names]
        pauses = chain(_RETRY_S, repeat(_LAST_RETRY_S))
        result, most = Refreshed(), max(1, len(files))
        while True:
            if self.is_damaged or (self._closing.is_set() and time.monotonic() > self._deadline):
                raise IndexFault(self.trouble or "the index is being closed", path=str(self._path))
            try:
                result = result.plus(_commit(self._rows, self._connection, files[:most], clear=clear))
            except sqlite3.OperationalError as error:
                _roll_back(self._rows, self._connection)
                if is_full(error, self._path):
                    most = max(1, most // 4)
                    if self._has_made_room():
                        continue
                self._say(f"the index cannot be written: {error}")
                if self._closing.wait(next(pauses)):
                    raise index_fault("write", self._path, error) from error
            except sqlite3.Error as error:
                _roll_back(self._rows, self._connection)
                self.note(error)
                raise index_fault("write", self._path, error) from error
            else:
                del files[:most]
                if not files:
                    self._say("")
                    return result

    def _has_made_room(self) -> bool:
        """Give up the reserve; returns whether there was one."""
        if self._reserve is None or not self._reserve.give_up():
            return False
        with suppress(sqlite3.Error):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return True

    def _read(self, name: str) -> _Read:
        parsed = parse_name(name)
        if parsed is None:
            return _Read(name, None, unread_attributes(""))
        uid, variant = parsed
        path = self._folder / name
        try:
            status = path.stat()
        except OSError:
            return _Read(name, None, unread_attributes(uid))
        facts = FileFacts(name, variant, status.st_size, status.st_mtime_ns)
        try:
            return _Read(name, facts, read_attributes(path, uid))
        except FileNotFoundError:
            return _Read(name, None, unread_attributes(uid))
        except Exception:  # whatever the file of a stranger causes must not end the thread: it is known by its UID
            return _Read(name, facts, unread_attributes(uid))


def _drained(queue: SimpleQueue[_Work]) -> Iterator[_Work]:
    with suppress(Empty):
        while True:
            yield queue.get_nowait()


def _commit(rows: Rows, connection: sqlite3.Connection, files: list[_Read], *, clear: bool) -> Refreshed:
    added = updated = removed = unreadable = 0
    connection.execute("BEGIN IMMEDIATE")
    rows.begin()
    if clear:
        rows.clear()
    for name, facts, attributes in files:
        if facts is None:
            removed += rows.remove(name)
            continue
        if rows.put(facts, attributes):
            added += 1
        else:
            updated += 1
        unreadable += not attributes.is_readable
    rows.tidy()
    connection.execute("COMMIT")
    return Refreshed(added, updated, removed, unreadable)


def _roll_back(rows: Rows, connection: sqlite3.Connection) -> None:
    rows.forget()
    with suppress(sqlite3.Error):
        connection.execute("ROLLBACK")


def _fail(batch: Iterable[_Work], error: IndexFault) -> None:
    for work in batch:
        if work.done is not None and not work.done.done() and work.done.set_running_or_notify_cancel():
            work.done.set_exception(error)
