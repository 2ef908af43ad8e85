"""The folder of instances that are not complete yet: ``DIR/incoming``, shared by any number of processes.

Each open archive has a random token. Its partial files are ``<token>-<n>.part``, and it holds the lock of
``<token>.lock`` for as long as it lives. The lock ends with the process, however that dies, so whoever comes next can
tell: what belongs to a lock that is free, or to none, is left over from a crash and is removed; what belongs to a lock
that is held is being written at this moment and is left alone. Process numbers and ages could not tell that: numbers
are used again, and a slow sender may take an hour. Where the file system has no locks, nothing of others is removed.
"""

from __future__ import annotations

import itertools
import os
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from dicomgui.storage import disk
from dicomgui.storage.layout import INCOMING

__all__ = ["Incoming", "Leftovers", "is_held"]

_OURS = re.compile(r"([0-9a-f]{16})(?:-[0-9]+\.part|\.lock)")


class Leftovers(NamedTuple):
    """What was found in the folder when it was opened.

    :ivar removed: names of partial files that a crash had left and that were removed.
    :ivar removed_bytes: their sizes together.
    :ivar stuck: names of those that could not be removed.
    :ivar in_use: number of partial files that another process is writing.
    """

    removed: tuple[str, ...] = ()
    removed_bytes: int = 0
    stuck: tuple[str, ...] = ()
    in_use: int = 0


class Incoming:
    """Names for partial files, and the lock that protects them. Methods raise ``OSError``.

    :ivar path: the folder.
    """

    def __init__(self, root: Path) -> None:
        self.path = root / INCOMING
        self._prefix = f"{self.path}{os.sep}"
        self._numbers = itertools.count(1)
        self._token = ""
        self._lock = -1
        self._ahead: list[tuple[int, str]] = []  # one at most; a list, since several threads may take it
        self._threads = threading.Lock()

    @property
    def token(self) -> str:
        """The token that was taken last; empty before."""
        return self._token

    @property
    def is_open(self) -> bool:
        """Whether names may be taken."""
        return self._lock >= 0

    def open(self) -> None:
        """Create the folder if it is not there, and take a token; a token that is held is given back before."""
        self.path.mkdir(exist_ok=True)
        self.close()
        while not self.is_open:
            token = secrets.token_hex(8)
            lock = self.path / f"{token}.lock"
            handle = os.open(lock, disk.LOCK_FLAGS | os.O_CREAT | os.O_EXCL)
            if _is_kept(handle, lock):
                self._token, self._lock = token, handle
            else:
                os.close(handle)

    def close(self) -> None:
        """Give the token back; every partial file of it must be committed or abandoned before."""
        self.drop_ahead()
        if self.is_open:
            _remove_lock(self.path / f"{self._token}.lock", self._lock)
            self._lock = -1

    def open_part(self) -> tuple[int, str]:
        """A partial file that nobody else will take, opened, and its path.

        Text, like all paths that each received instance needs: making a ``Path`` costs as much as a system call.
        """
        try:
            handle, name = self._ahead.pop()
        except IndexError:
            name = f"{self._prefix}{self._token}-{next(self._numbers)}.part"
            return os.open(name, disk.CREATE_FLAGS, 0o666), name
        if os.fstat(handle).st_nlink:
            return handle, name
        os.close(handle)  # somebody has removed it, perhaps with its folder
        disk.drop(name)  # or the file system does not count names
        return self.open_part()

    def open_ahead(self) -> None:
        """Have the next one open before it is needed; a failure is left to whoever needs it."""
        if not self._ahead and self.is_open:
            with suppress(OSError):
                self._ahead.append(self.open_part())

    def drop_ahead(self) -> None:
        """Remove the one that was opened ahead; no other is needed for now."""
        while self._ahead:
            handle, name = self._ahead.pop()
            os.close(handle)
            disk.drop(name)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While in it, no other thread or process that uses this folder is; for file systems without hard links."""
        with self._threads:
            handle = os.open(self.path / "rename.lock", disk.LOCK_FLAGS | os.O_CREAT)
            try:
                with suppress(OSError):  # no locks here: the threads of this process at least wait for each other
                    disk.wait_for_lock(handle)
                yield
            finally:
                os.close(handle)

    def clean(self) -> Leftovers:
        """Remove what crashed processes left behind."""
        by_token: dict[str, list[os.DirEntry[str]]] = {}
        with os.scandir(self.path) as entries:
            for entry in entries:
                match = _OURS.fullmatch(entry.name)
                if match and match[1] != self._token:
                    by_token.setdefault(match[1], []).append(entry)
        removed: list[str] = []
        stuck: list[str] = []
        size = in_use = 0
        for token, files in by_token.items():
            lock = self.path / f"{token}.lock"
            handle = _take_over(lock)
            parts = [entry for entry in files if entry.name.endswith(".part")]
            if handle is None:
                in_use += len(parts)
                continue
            for entry in parts:
                try:
                    status = entry.stat(follow_symlinks=False)
                    Path(entry.path).unlink()
                except OSError:
                    stuck.append(entry.name)
                    continue
                if status.st_size and status.st_nlink < 2:  # else it was only opened ahead, or is stored already
                    removed.append(entry.name)
                    size += status.st_size
            _remove_lock(lock, handle)
        return Leftovers(tuple(sorted(removed)), size, tuple(sorted(stuck)), in_use)


def _is_kept(handle: int, lock: Path) -> bool:
    """Lock a lock file of ours; false if a cleaner was faster than we, between making and locking it."""
    try:
        if not disk.try_lock(handle):
            return False
        return os.path.samestat(os.fstat(handle), lock.stat())
    except FileNotFoundError:
        return False
    except OSError:
        return True  # no locks here; then nobody removes anything of others either


def _take_over(lock: Path) -> int | None:
    """The locked file of a dead process, -1 if it has none, ``None`` if the process lives or nobody can tell."""
    try:
        handle = os.open(lock, disk.LOCK_FLAGS)
    except FileNotFoundError:
        return -1
    except OSError:
        return None
    try:
        if disk.try_lock(handle):
            return handle
    except OSError:
        pass
    os.close(handle)
    return None


def is_held(lock: Path) -> bool | None:
    """True if the process of a lock file lives; ``None`` where nobody can tell."""
    try:
        handle = os.open(lock, disk.LOCK_FLAGS)
    except FileNotFoundError:
        return False
    except OSError:
        return None
    try:
        return not disk.try_lock(handle)
    except OSError:
        return None
    finally:
        os.close(handle)


def _remove_lock(lock: Path, handle: int) -> None:
    """Remove the file while it is locked (else somebody could lock it in between); Windows must close it first."""
    with suppress(OSError):
        lock.unlink()
    if handle >= 0:
        os.close(handle)
        with suppress(OSError):
            lock.unlink()
