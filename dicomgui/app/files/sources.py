"""What is to be sent: from the files, folders, ZIP archives and DICOMDIRs that a user chose to single instances.

Everything here blocks and belongs in a thread; :func:`dicomgui.app.transfers.send.prepare` does that. Names inside
an archive or a DICOMDIR are claims of whoever made it: members of an archive are extracted under names of our own, and
a DICOMDIR cannot point out of its folder.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from dicomgui.app.files.archives import extract_instances, is_zip
from dicomgui.app.files.changes import Change
from dicomgui.app.files.dicomdir import MEDIA_DIRECTORY, referenced_files
from dicomgui.network.part10 import NotPart10, Part10Error, Part10Head, read_head
from dicomgui.network.uids import is_valid_uid

__all__ = ["ScanStopped", "Selection", "SendItem", "Skipped", "scan"]

PROGRESS_EVERY = 100
"""Progress is told once for so many files."""


class ScanStopped(Exception):
    """The scan was asked to stop; nothing of it is left."""


@dataclass(frozen=True, slots=True)
class SendItem:
    """One instance that can be sent.

    :ivar path: the file to read; a temporary one for a member of an archive.
    :ivar size_bytes: of the file.
    :ivar head: what its start says; SOP class, instance and transfer syntax UID are there and are UIDs.
    :ivar name: what to call it: the path, and for a member of an archive ``archive.zip:member``.
    :ivar change: what is changed on the way; ``head`` then has the UIDs that go out.
    """

    path: Path
    size_bytes: int
    head: Part10Head
    name: str
    change: Change | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """One file that will not be sent.

    :ivar name: what it is called; may hold any characters.
    :ivar reason: why, in one line.
    :ivar is_fault: whether the user should care: it was chosen by name, or is damaged or cannot be read. A text file
        beside the images in a folder is none.
    """

    name: str
    reason: str
    is_fault: bool


class Selection:
    """What a scan found. Holds the temporary folder of extracted members: close it when all is sent.

    :ivar items: the instances, in the order in which they were found.
    :ivar skipped: what is no instance, or no usable one.
    :ivar directories: the DICOMDIRs that were met, which name files among the items.
    """

    def __init__(
        self,
        items: Iterable[SendItem] = (),
        skipped: Iterable[Skipped] = (),
        temporary: Path | None = None,
        directories: Iterable[Path] = (),
    ) -> None:
        self.items = tuple(items)
        self.skipped = tuple(skipped)
        self.directories = tuple(directories)
        self._temporary = temporary

    @property
    def size_bytes(self) -> int:
        """Of all files together."""
        return sum(item.size_bytes for item in self.items)

    def give_up(self) -> Path | None:
        """Hand the temporary folder over to who will remove it."""
        temporary, self._temporary = self._temporary, None
        return temporary

    def close(self) -> None:
        """Remove what was extracted."""
        temporary = self.give_up()
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)

    def __enter__(self) -> Selection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def scan(
    paths: Iterable[str | os.PathLike[str]],
    *,
    on_progress: Callable[[int, str], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Selection:
    """Find the instances in ``paths``: files, folders with all below them, ZIP archives, DICOMDIRs.

    Never raises for a file: what cannot be sent is in :attr:`Selection.skipped`.

    :param on_progress: told now and then, in this thread, how many files were looked at and which is next.
    :param should_stop: asked now and then whether to give up.
    :raises ScanStopped: ``should_stop`` said yes.
    """
    finder = _Finder(on_progress, should_stop)
    try:
        for path in paths:
            finder.take(Path(path))
        return Selection(finder.items, finder.skipped, finder.temporary, finder.directories)
    except BaseException:
        Selection(temporary=finder.temporary).close()
        raise


class _Finder:
    """Walks what was chosen and gathers items and skipped files."""

    def __init__(self, on_progress: Callable[[int, str], None] | None, should_stop: Callable[[], bool] | None) -> None:
        self.items: list[SendItem] = []
        self.skipped: list[Skipped] = []
        self.temporary: Path | None = None
        self.directories: list[Path] = []
        self._on_progress = on_progress
        self._should_stop = should_stop
        self._folders: set[tuple[int, int]] = set()
        self._looked_at = 0

    def take(self, path: Path) -> None:
        """Take one path that the user chose."""
        try:
            mode = path.stat().st_mode
        except (OSError, ValueError) as error:
            self._skip(path, _reason(error), is_fault=True)
            return
        if stat.S_ISDIR(mode):
            self._folder(path)
        elif stat.S_ISREG(mode):
            self._file(path, chosen=True)
        else:
            self._skip(path, "neither a file nor a folder", is_fault=True)

    def _folder(self, top: Path) -> None:
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            try:
                if not self._is_new(folder):
                    continue
                entries = sorted(folder.iterdir())
            except OSError as error:
                self._skip(folder, _reason(error), is_fault=True)
                continue
            below = []
            for entry in entries:
                self._tick(str(entry))
                if entry.is_dir():
                    below.append(entry)
                elif entry.is_file():
                    self._file(entry, chosen=False)
                else:
                    broken = entry.is_symlink()
                    self._skip(entry, "a link to nothing" if broken else "no regular file", is_fault=broken)
            waiting.extend(reversed(below))

    def _is_new(self, folder: Path) -> bool:
        """Whether the folder was not walked yet: links may lead back to where we came from."""
        facts = folder.stat()
        identity = (facts.st_dev, facts.st_ino)
        if facts.st_ino and identity in self._folders:
            return False
        self._folders.add(identity)
        return True

    def _file(self, path: Path, *, chosen: bool) -> None:
        self._tick(str(path))
        try:
            head = read_head(path)
        except NotPart10 as error:
            if is_zip(path):
                self._archive(path)
            else:
                self._skip(path, _reason(error, path), is_fault=chosen)
            return
        except Part10Error as error:
            self._skip(path, _reason(error, path), is_fault=True)
            return
        if head.sop_class_uid == MEDIA_DIRECTORY:
            self._directory(path, chosen=chosen)
        else:
            self._instance(path, head, str(path))

    def _instance(self, path: Path, head: Part10Head, name: str) -> None:
        lacking = _lacking(head)
        if lacking:
            self.skipped.append(Skipped(name, f"it has no usable {lacking}", is_fault=True))
            return
        try:
            size = path.stat().st_size
        except OSError as error:
            self.skipped.append(Skipped(name, _reason(error), is_fault=True))
            return
        self.items.append(SendItem(path, size, head, name))

    def _directory(self, path: Path, *, chosen: bool) -> None:
        """A DICOMDIR that was chosen stands for its files; one that lies among them stands for nothing."""
        self.directories.append(path)
        if not chosen:
            self._skip(path, "a DICOMDIR lists instances and is none", is_fault=False)
            return
        files, faults = referenced_files(path)
        for name, reason in faults:
            self.skipped.append(Skipped(name, reason, is_fault=True))
        for file in files:
            self._file(file, chosen=False)

    def _archive(self, path: Path) -> None:
        if self.temporary is None:
            self.temporary = Path(tempfile.mkdtemp(prefix="dicomgui-send-"))
        for member in extract_instances(path, self.temporary, self._tick):
            name = f"{path}:{member.name}" if member.name else str(path)
            if member.head is None:
                self.skipped.append(Skipped(name, member.reason, member.is_fault))
            elif member.head.sop_class_uid == MEDIA_DIRECTORY:
                self.skipped.append(Skipped(name, "a DICOMDIR lists instances and is none", is_fault=False))
            else:
                self._instance(member.path, member.head, name)

    def _skip(self, path: Path, reason: str, *, is_fault: bool) -> None:
        self.skipped.append(Skipped(str(path), reason, is_fault))

    def _tick(self, name: str) -> None:
        if self._should_stop is not None and self._should_stop():
            raise ScanStopped(name)
        if self._on_progress is not None and self._looked_at % PROGRESS_EVERY == 0:
            self._on_progress(self._looked_at, name)
        self._looked_at += 1


def _lacking(head: Part10Head) -> str:
    uids = (
        (head.sop_class_uid, "SOP Class UID"),
        (head.sop_instance_uid, "SOP Instance UID"),
        (head.transfer_syntax_uid, "Transfer Syntax UID"),
    )
    return " and no ".join(name for uid, name in uids if not is_valid_uid(uid))


def _reason(error: Exception, path: Path | None = None) -> str:
    """The error in one line, without the path that stands beside it anyway."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = str(error)
    return text.removeprefix(f"{path}: ") if path is not None else text
