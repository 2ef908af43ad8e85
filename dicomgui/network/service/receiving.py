"""Where the instances of a C-GET go: a folder of DICOM files, or handlers of the user."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from io import FileIO
from pathlib import Path
from uuid import uuid4

from dicomgui.network.errors import ConfigurationError
from dicomgui.network.part10 import Part10Error, read_head, write_head
from dicomgui.network.service.handlers import Handlers, Reply
from dicomgui.network.service.requests import StoreRequest
from dicomgui.network.status import Status

__all__ = ["FolderTarget", "handlers_of"]

SUCCESS = Status(0x0000)
OUT_OF_RESOURCES = Status(0xA700)
_COMPARE = 262_144

MAX_VARIANTS = 100
"""Different data sets of one UID that are kept: each new one is compared with all of them."""


def handlers_of(into: str | os.PathLike[str] | Handlers) -> Handlers:
    """The handlers that receive instances into a folder, or those given.

    :raises ConfigurationError: handlers without ``on_store``, or a folder that cannot be made.
    """
    if isinstance(into, Handlers):
        if into.on_store is None:
            raise ConfigurationError("the handlers for a C-GET need an on_store", phase="configure")
        return into
    target = FolderTarget(Path(into))
    return Handlers(open_sink=target.open_sink, on_store=target.on_store)


class FolderTarget:
    """Writes each received instance to ``<SOP Instance UID>.dcm`` in a folder, the data set exactly as it came.

    A file has its name only when it is whole. None is overwritten: another data set of the same UID becomes
    ``<UID>~2.dcm``, up to ``~100``, and the same one again is kept once. The system writes to the disk in its own time;
    nothing is synced.

    :ivar paths: the files written so far.
    :ivar last: the file of the last instance that came, and whether it was written for it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.paths: list[Path] = []
        self.last: tuple[Path, bool] = (folder, False)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"the folder {folder} cannot be used: {error}", phase="configure") from error

    def open_sink(self, request: StoreRequest) -> _PartFile:
        """Begin the file of one instance."""
        command = request.command
        head = write_head(
            sop_class_uid=command.affected_sop_class_uid,
            sop_instance_uid=command.affected_sop_instance_uid,
            transfer_syntax_uid=request.transfer_syntax_uid,
            source_ae_title=request.facts.called_ae_title,
        )
        return _PartFile(self._folder / f".{uuid4().hex}.part", head)

    def on_store(self, request: StoreRequest, result: object) -> Status | Reply:
        """Give a whole file its name."""
        if not isinstance(result, Path):
            return Reply(OUT_OF_RESOURCES, str(result)[:64])
        try:
            self.last = _place(result, self._folder, request.command.affected_sop_instance_uid)
            if self.last[1]:
                self.paths.append(self.last[0])
        except OSError as error:
            with suppress(OSError):
                result.unlink()
            return Reply(OUT_OF_RESOURCES, _reason(error))
        return SUCCESS


class _PartFile:
    """A sink that writes a ``.part`` file; its result is the path, or the error that it met."""

    def __init__(self, path: Path, head: bytes) -> None:
        self._path = path
        self._error = ""
        self._file: FileIO | None = None
        try:
            self._file = path.open("xb", buffering=0)
        except OSError as error:
            self._error = _reason(error)
        self.write(memoryview(head))

    def write(self, data: memoryview, /) -> None:
        if self._file is None:
            return
        try:
            while data:
                data = data[self._file.write(data) :]
        except OSError as error:
            self._error = _reason(error)
            self.abandon()

    def finish(self) -> Path | str:
        if self._file is None:
            return self._error
        try:
            self._file.close()
        except OSError as error:  # what was written may be found not to fit as late as this
            self._error = _reason(error)
            self.abandon()
            return self._error
        return self._path

    def abandon(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                file.close()
            with suppress(OSError):
                self._path.unlink()


def _place(part: Path, folder: Path, uid: str) -> tuple[Path, bool]:
    """Give the file its name without overwriting one; by hard link, or by renaming where there are no links.

    :returns: the file, and whether it is a new one: one that holds the same data set stands for it.
    :raises FileExistsError: there are :data:`MAX_VARIANTS` others.
    """
    for path in _names(folder, uid):
        try:
            path.hardlink_to(part)
        except OSError:
            if path.exists():
                if _is_same(part, path):
                    part.unlink()
                    return path, False
                continue
            part.rename(path)
            return path, True
        part.unlink()
        return path, True
    raise FileExistsError(errno.EEXIST, f"{MAX_VARIANTS} data sets of this UID are there")


def _is_same(part: Path, path: Path) -> bool:
    """True where two files hold the same data set in the same encoding; their heads may tell of different senders."""
    try:
        ours, theirs = read_head(part), read_head(path)
        if (ours.sop_class_uid, ours.transfer_syntax_uid) != (theirs.sop_class_uid, theirs.transfer_syntax_uid):
            return False
        if part.stat().st_size - ours.dataset_offset != path.stat().st_size - theirs.dataset_offset:
            return False
        with part.open("rb") as one, path.open("rb") as other:
            one.seek(ours.dataset_offset)
            other.seek(theirs.dataset_offset)
            while piece := one.read(_COMPARE):
                if piece != other.read(len(piece)):
                    return False
    except (OSError, Part10Error):
        return False
    return True


def _names(folder: Path, uid: str) -> Iterator[Path]:
    yield folder / f"{uid}.dcm"
    for number in range(2, MAX_VARIANTS + 1):
        yield folder / f"{uid}~{number}.dcm"


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__)[:64]
