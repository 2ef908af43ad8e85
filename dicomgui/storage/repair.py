"""Make files and index agree: after a crash, at each start, and for a rebuild.

An instance is answered Success when its file has its final name; its row comes a moment later. So after ``kill -9``
some files may have no row, and after a deletion some rows no file. The repair compares names, one of the 256 folders at
a time, and lets the index look again at what differs. That needs no look at the files themselves, and runs in a thread
while the listener already works: whatever changes in between, looking again is right.

Only if the index was not closed properly, sizes and times are compared, too: a file may have been replaced.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, NamedTuple

from dicomgui.network.file_structure import read_file_structure
from dicomgui.network.part10 import Part10Error
from dicomgui.network.service import broken_place
from dicomgui.storage.database import Opened
from dicomgui.storage.errors import FolderMissing
from dicomgui.storage.incoming import Leftovers
from dicomgui.storage.index import Index
from dicomgui.storage.indexing import Refreshed, parse_name

__all__ = ["BrokenFile", "RepairProgress", "RepairReport", "rebuild", "repair"]

_FOLDERS: Final = tuple(f"{number:02x}" for number in range(256))
_MOST_NAMED: Final = 1000
_NAMED_IN_SENTENCE: Final = 3


class BrokenFile(NamedTuple):
    """A file of the archive whose data set breaks off or cannot be read.

    :ivar text: what is wrong, in a few words.
    """

    path: Path
    text: str


class RepairProgress(NamedTuple):
    """How far a repair is; ``files`` are those that were compared so far."""

    folders_done: int
    folders: int
    files: int


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What a repair has found and done.

    :ivar files: instances that were compared.
    :ivar rows: what was done to rows: files without one added, rows without file removed, changed files read again.
    :ivar foreign: files in the archive's folders that are none of its own; they are left alone.
    :ivar unchecked: folders that could not be listed; their rows stay as they are.
    :ivar is_complete: false if it was stopped.
    :ivar leftovers: the partial files of a crash, as the archive found them when it was opened.
    :ivar opened: what the index was when it was opened.
    :ivar broken: the first 1,000 broken files among those that were put into the index or read again; they stay.
    :ivar broken_count: the number of all of these.
    """

    files: int = 0
    rows: Refreshed = field(default_factory=Refreshed)
    foreign: int = 0
    unchecked: tuple[str, ...] = ()
    is_complete: bool = True
    leftovers: Leftovers = field(default_factory=Leftovers)
    opened: Opened | None = None
    broken: tuple[BrokenFile, ...] = ()
    broken_count: int = 0

    @property
    def sentences(self) -> tuple[str, ...]:
        """What to tell, one plain sentence each; none if nothing was wrong."""
        opened, rows, leftovers = self.opened, self.rows, self.leftovers
        is_new = opened is not None and opened.is_new
        told = (
            (len(leftovers.removed), "{} file{s} that an earlier run had left incomplete {was} removed."),
            (len(leftovers.stuck), "{} incomplete file{s} of an earlier run could not be removed."),
            (opened is not None and opened.damaged is not None, "The index was damaged; a new one was made."),
            (
                opened.newer_version if opened is not None else 0,
                "The index was made by a later version of this program; it is left alone, and another is used.",
            ),
            (rows.added if is_new else 0, "{} instance{s} {was} put into a new index."),
            (0 if is_new else rows.added, "{} instance{s} {was} missing in the index and {was} added."),
            (rows.removed, "Of {} instance{s} in the index there was no file any more; the entry is removed."),
            (rows.updated, "{} instance{s} had changed and {was} read again."),
            (rows.unreadable, "{} instance{s} could not be read; known by the UID alone."),
            (len(self.unchecked), "{} folder{s} of the archive could not be listed."),
        )
        return (*(_counted(sentence, number) for number, sentence in told if number), *self._broken_sentences())

    def _broken_sentences(self) -> Iterator[str]:
        if not self.broken:
            return
        text = _counted("{} file{s} {was} found broken and kept", self.broken_count)
        named = "; ".join(f"{path.name}: {what}" for path, what in self.broken[:_NAMED_IN_SENTENCE])
        rest = self.broken_count - _NAMED_IN_SENTENCE
        yield f"{text}. {named}{f'; and {rest:,} more' if rest > 0 else ''}."


def _counted(sentence: str, number: int) -> str:
    """A sentence about one thing or about several."""
    return sentence.format(f"{number:,}", s="" if number == 1 else "s", was="was" if number == 1 else "were")


def repair(
    index: Index,
    opened: Opened,
    *,
    leftovers: Leftovers | None = None,
    on_progress: Callable[[RepairProgress], None] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    is_new: Callable[[str], bool] = lambda _uid: False,
    are_others_behind: Callable[[], bool] = lambda: False,
) -> RepairReport:
    """Compare the names of files and rows, and put right what differs. Blocks: run it in a thread.

    Repairs what can be lost without a crash, too: files that were put into the archive's folders or taken away by hand.

    :param opened: what :meth:`Index.open` returned.
    :param leftovers: what :meth:`~dicomgui.storage.writer.Archive.prepare` returned, to be told of in the report.
    :param on_progress: called after each folder, in this thread.
    :param should_stop: asked before each folder.
    :param is_new: whether an instance, by its UID, is being stored meanwhile: that its row is not there yet is nothing
        to be told of. It must say so before the file has its name.
    :param are_others_behind: whether other programs are about to index what they have changed: then what differs is
        put right, and is nothing to be told of. It is asked after the rows are read.
    :raises FolderMissing: the archive's folder is gone; no row is touched.
    :raises IndexFault: the index was closed, or cannot be written.
    """
    report = RepairReport(leftovers=leftovers or Leftovers(), opened=opened)

    def coming(differing: Sequence[str]) -> Sequence[str]:
        if differing and not opened.is_new and are_others_behind():
            return differing
        return [name for name in differing if _is_coming(name, is_new)]

    for number, folder in enumerate(_FOLDERS):
        if should_stop():
            return replace(report, is_complete=False)
        report = _repair_folder(index, folder, report, coming, compare=not opened.was_clean)
        if on_progress is not None:
            on_progress(RepairProgress(number + 1, len(_FOLDERS), report.files))
    return report


def rebuild(
    index: Index,
    *,
    on_progress: Callable[[RepairProgress], None] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> RepairReport:
    """Make the index again of all files; parameters, blocking and errors as in :func:`repair`.

    One that was stopped is completed by the next repair.
    """
    if index.is_damaged:
        opened = index.start_over()
    else:
        index.clear().result()
        opened = Opened(index.path, is_new=True)
    return repair(index, opened, on_progress=on_progress, should_stop=should_stop)


def _repair_folder(
    index: Index,
    folder: str,
    report: RepairReport,
    coming_among: Callable[[Sequence[str]], Sequence[str]],
    *,
    compare: bool,
) -> RepairReport:
    """Put right what differs in a folder; of what is on its way anyway nothing is told."""
    try:
        files, foreign = _list(index.folder, folder, with_facts=compare)
    except OSError:
        return replace(report, unchecked=(*report.unchecked, folder))
    index.flush().result()  # what the listener has just stored is not missing, only on its way
    rows = index.names_in(folder)
    differing = [name for name in files if name not in rows or (compare and rows[name] != files[name])]
    differing += [name for name in rows if name not in files and not os.path.lexists(index.folder / name)]
    if coming := coming_among(differing):
        index.refresh(coming).result()
        differing = [name for name in differing if name not in set(coming)]
    done = index.refresh(differing).result() if differing else Refreshed()
    broken = _broken_among(index.folder, (name for name in differing if name in files))
    return replace(
        report,
        files=report.files + len(files),
        rows=report.rows.plus(done),
        foreign=report.foreign + foreign,
        broken=(*report.broken, *broken)[:_MOST_NAMED],
        broken_count=report.broken_count + len(broken),
    )


def _broken_among(folder: Path, names: Iterable[str]) -> list[BrokenFile]:
    return [BrokenFile(path, text) for path in map(folder.joinpath, names) if (text := _fault_of(path))]


def _fault_of(path: Path) -> str:
    """The fault of a file in a few words; empty where it is whole, or has gone."""
    try:
        problem = broken_place(read_file_structure(path))
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"it cannot be read: {error.strerror or error}"
    except Part10Error as error:
        has_gone = isinstance(error.__cause__, FileNotFoundError)
        return "" if has_gone else str(error).removeprefix(f"{path}: ")
    return "" if problem is None else problem.text


def _is_coming(name: str, is_new: Callable[[str], bool]) -> bool:
    parsed = parse_name(name)
    return parsed is not None and is_new(parsed[0])


def _list(root: Path, folder: str, *, with_facts: bool) -> tuple[dict[str, tuple[int, int]], int]:
    """The instances in one of the folders, with size and time if that is asked for, and the number of other files.

    :raises FolderMissing: the archive itself is gone. That one of its folders is not there is nothing special.
    """
    files: dict[str, tuple[int, int]] = {}
    foreign = 0
    try:
        with os.scandir(root / folder) as entries:
            for entry in entries:
                name = f"{folder}/{entry.name}"
                if parse_name(name) is None or not entry.is_file(follow_symlinks=False):
                    foreign += 1
                elif with_facts:
                    status = entry.stat(follow_symlinks=False)
                    files[name] = status.st_size, status.st_mtime_ns
                else:
                    files[name] = 0, 0
    except FileNotFoundError:
        if not root.is_dir():
            raise FolderMissing(f"the archive's folder {root} is not there", path=str(root)) from None
    return files, foreign
