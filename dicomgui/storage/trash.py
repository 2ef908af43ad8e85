"""Deleting with undo: files go to ``DIR/trash/<token>/``, come back from there, or are removed for good later.

Moving a file within the archive is one step that a crash cannot halve. After a crash in the middle of a deletion some
files are in the trash and some are not; the repair makes the index agree, and what is in the trash can be brought back.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from dicomgui.network.part10 import Part10Error, read_head
from dicomgui.storage import disk
from dicomgui.storage.errors import from_os_error
from dicomgui.storage.index import Index
from dicomgui.storage.indexing import parse_name
from dicomgui.storage.layout import relative_name
from dicomgui.storage.writer import MAX_VARIANTS

__all__ = ["Discarded", "Restored", "Trash"]

TRASH: Final = "trash"
_FORMAT: Final = "%Y%m%dT%H%M%SZ"
_TOKEN = re.compile(r"([0-9]{8}T[0-9]{6}Z)-[0-9a-f]{8}")


class Discarded(NamedTuple):
    """One deletion.

    :ivar token: names it for :meth:`Trash.restore` and :meth:`Trash.purge`.
    :ivar files: how many files it holds.
    :ivar failed: names of those that could not be moved and are still in the archive.
    :ivar variants: of the files, those that are further data sets of a SOP Instance UID.
    """

    token: str
    files: int
    size_bytes: int
    failed: tuple[str, ...] = ()
    variants: int = 0


class Restored(NamedTuple):
    """What became of the files of a deletion that was undone.

    :ivar present: those whose data set had come again in the meantime; it is kept once.
    :ivar failed: names of those that are still in the trash.
    :ivar variants: of the files and those present, the further data sets of a SOP Instance UID.
    """

    files: int
    present: int = 0
    failed: tuple[str, ...] = ()
    variants: int = 0


class Trash:
    """The trash of one archive. The methods block: run them in a thread.

    :param index: the open index of the archive.
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        self._root = index.folder
        self._path = index.folder / TRASH

    def discard(self, names: Iterable[str]) -> Discarded:
        """Move files, given by their names inside of the archive, to the trash, and take them out of the index.

        Names of files that are not there, or are none of the archive's, are passed over.

        :raises StorageError: the trash cannot be made; nothing was moved.
        :raises IndexFault: the index cannot be written; the files are in the trash, and the next repair finds that out.
        """
        names = [name for name in names if parse_name(name)]
        token = f"{datetime.now(UTC):{_FORMAT}}-{secrets.token_hex(4)}"
        folder = self._path / token
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise from_os_error(error, folder, "make the folder") from error
        moved, size, failed = list[str](), 0, []
        for name in names:
            target = folder / name
            try:
                target.parent.mkdir(exist_ok=True)
                (self._root / name).rename(target)
                size += target.stat().st_size
                moved.append(name)
            except FileNotFoundError:
                continue
            except OSError:
                failed.append(name)
        self._index.refresh(names).result()
        if not moved:
            self._remove_empty(folder)
        return Discarded(token, len(moved), size, tuple(failed), _variants(moved))

    def restore(self, token: str) -> Restored:
        """Undo a deletion: bring its files back and index them.

        If another data set of the same UID came in the meantime, both are kept.

        :raises KeyError: there is no such deletion (any more).
        :raises IndexFault: the index cannot be written; the files are back, and the next repair finds them.
        """
        folder = self._folder_of(token)
        names: list[str] = []
        came: list[str] = []
        present, failed = 0, []
        for source in _files_in(folder):
            old_name = f"{source.parent.name}/{source.name}"
            try:
                name = self._bring_back(source)
            except OSError:
                failed.append(old_name)
                continue
            came.append(old_name)
            if name:
                names.append(name)
            else:
                present += 1
        self._index.refresh(names).result()
        self._remove_empty(folder)
        return Restored(len(names), present, tuple(failed), _variants(came))

    def purge(self, token: str) -> None:
        """Remove the files of a deletion for good.

        :raises KeyError: there is no such deletion (any more).
        :raises StorageError: some of them cannot be removed.
        """
        folder = self._folder_of(token)
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise from_os_error(error, folder, "remove") from error
        with suppress(OSError):
            self._path.rmdir()

    def deletions(self, *, older_than: timedelta = timedelta(0)) -> tuple[Discarded, ...]:
        """The deletions that can be undone, the oldest first.

        :param older_than: only those that were made so long ago; for what purges.
        """
        before = f"{datetime.now(UTC) - older_than:{_FORMAT}}"
        found = []
        with suppress(OSError):
            for folder in sorted(self._path.iterdir()):
                match = _TOKEN.fullmatch(folder.name)
                if match and match[1] <= before:
                    files = {f"{path.parent.name}/{path.name}": path.stat().st_size for path in _files_in(folder)}
                    size = sum(files.values())
                    found.append(Discarded(folder.name, len(files), size, variants=_variants(files)))
        return tuple(found)

    def _folder_of(self, token: str) -> Path:
        folder = self._path / token
        if not _TOKEN.fullmatch(token) or not folder.is_dir():
            raise KeyError(token)
        return folder

    def _bring_back(self, source: Path) -> str:
        """Give a file a name in the archive, and return it; empty if its data set is there already."""
        parsed = parse_name(f"{source.parent.name}/{source.name}")
        assert parsed is not None
        uid, first = parsed
        for n in (first, *range(1, MAX_VARIANTS + 1)):
            name = relative_name(uid, n)
            target = self._root / name
            try:
                target.parent.mkdir(exist_ok=True)
                _place(source, target)
            except FileExistsError:
                if _same_data_set(source, target):
                    source.unlink()
                    return ""
            else:
                return name
        raise FileExistsError(f"{MAX_VARIANTS} data sets of {uid}")

    def _remove_empty(self, folder: Path) -> None:
        with suppress(OSError):
            for child in folder.iterdir():
                with suppress(OSError):
                    child.rmdir()
            folder.rmdir()
            self._path.rmdir()


def _variants(names: Collection[str]) -> int:
    """The number of files beyond one of each SOP Instance UID."""
    return len(names) - len({parsed[0] for parsed in map(parse_name, names) if parsed})


def _files_in(folder: Path) -> Iterator[Path]:
    for child in sorted(folder.iterdir()):
        for path in sorted(child.iterdir()) if child.is_dir() else ():
            if parse_name(f"{child.name}/{path.name}"):
                yield path


def _place(source: Path, target: Path) -> None:
    try:
        disk.place(os.fspath(source), os.fspath(target))
    except disk.HardLinksMissing:
        if os.path.lexists(target):
            raise FileExistsError(target) from None
        source.rename(target)


def _same_data_set(one: Path, other: Path) -> bool:
    """Whether two files hold the same data set, whatever their heads say of sender and receiver."""
    try:
        first, second = read_head(one), read_head(other)
    except Part10Error:
        return one.read_bytes() == other.read_bytes()
    if first.transfer_syntax_uid != second.transfer_syntax_uid:
        return False
    with one.open("rb", buffering=0) as ours, other.open("rb", buffering=0) as theirs:
        size = one.stat().st_size - first.dataset_offset
        if other.stat().st_size - second.dataset_offset != size:
            return False
        ours.seek(first.dataset_offset)
        theirs.seek(second.dataset_offset)
        return disk.same_bytes(ours, theirs, size)
