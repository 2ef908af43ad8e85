"""Marks of what has changed in an archive and is not in its index yet, for the other processes that use the archive.

A change belongs to a *generation*. Before the first change of one, its mark is made, the file
``incoming/<token>-<generation>.behind``; when the rows of its last change are committed, the mark is removed, and the
next generation has begun meanwhile, so that who waits for the marks that he sees does not wait for ever beside one who
receives without end. The lock of the token (:mod:`dicomgui.storage.incoming`) tells whether the process lives. The
marks of one that was killed stay: a repair is due, and whoever makes it removes them.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from dicomgui.storage.incoming import Incoming, is_held

__all__ = ["Marks", "OthersBehind"]

_MARK: Final = re.compile(r"([0-9a-f]{16})-[0-9]+\.behind")
_OLD_S: Final = 60.0
"""A mark of this age is one of a dead process, where the file system has no locks."""


class OthersBehind(NamedTuple):
    """The marks of other processes, by their file names.

    :ivar living: of processes that are at work: they will remove them.
    :ivar dead: of processes that were killed.
    """

    living: frozenset[str] = frozenset()
    dead: frozenset[str] = frozenset()


class Marks:
    """The marks of one open archive. For any thread; the methods wait for the disk."""

    def __init__(self, incoming: Incoming) -> None:
        self._incoming = incoming
        self._lock = threading.Lock()
        self._generation = 0
        self._open: dict[int, int] = {}  # the number of changes of each generation that are not in the index

    def begin(self) -> int:
        """Something is about to change; returns the generation, for :meth:`end`."""
        with self._lock:
            generation = self._generation
            number = self._open.get(generation, 0)
            self._open[generation] = number + 1
            if not number:
                with suppress(OSError):  # a full disk: nothing will change there either
                    self._path(generation).touch()
            return generation

    def next(self) -> None:
        """The changes so far are being written into the index: what changes from now on is of another generation."""
        with self._lock:
            self._generation += 1

    def end(self, generations: Iterable[int]) -> None:
        """Changes, each given by its generation, are in the index, or have not been made."""
        with self._lock:
            for generation, number in Counter(generations).items():
                self._open[generation] -= number
                if self._open[generation] <= 0:
                    del self._open[generation]
                    with suppress(OSError):  # it could not be made; one that stays calls for a repair
                        self._path(generation).unlink()

    @contextmanager
    def held(self) -> Iterator[None]:
        """While in it, something changes; where it fails, the mark stays, for a repair is due."""
        generation = self.begin()
        yield
        self.end((generation,))

    def of_others(self) -> OthersBehind:
        """The marks of all other processes."""
        marks: dict[str, list[os.DirEntry[str]]] = {}
        with suppress(OSError), os.scandir(self._incoming.path) as entries:
            for entry in entries:
                match = _MARK.fullmatch(entry.name)
                if match and match[1] != self._incoming.token:
                    marks.setdefault(match[1], []).append(entry)
        living, dead = set[str](), set[str]()
        for token, found in marks.items():
            lives = is_held(self._incoming.path / f"{token}.lock")
            for entry in found:
                (living if (_is_young(entry) if lives is None else lives) else dead).add(entry.name)
        return OthersBehind(frozenset(living), frozenset(dead))

    def forget(self, names: Iterable[str]) -> None:
        """Remove marks of dead processes, after a repair that has begun when they were there."""
        for name in names:
            with suppress(OSError):
                (self._incoming.path / name).unlink()

    def _path(self, generation: int) -> Path:
        return self._incoming.path / f"{self._incoming.token}-{generation}.behind"


def _is_young(entry: os.DirEntry[str]) -> bool:
    try:
        return time.time() - entry.stat().st_mtime < _OLD_S
    except OSError:
        return False
