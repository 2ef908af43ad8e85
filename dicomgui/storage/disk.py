"""What operating systems and file systems do differently, behind one function each.

========================  ==============================================================================
:func:`write_all`         Windows has no ``writev``
:func:`sync_file`         macOS empties the disk's own cache only by ``F_FULLFSYNC``
:func:`begin_sync`        only Linux can be asked to begin without waiting
:func:`sync_folder`       Windows cannot sync a folder (its file system journals names itself)
:func:`try_lock`          ``flock`` or ``msvcrt.locking``
:func:`place`             hard links; FAT, exFAT and some shares have none; Windows renames without overwriting
========================  ==============================================================================

All of them raise ``OSError``, but for :func:`begin_sync` and :func:`drop`.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import TypeAlias

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

__all__ = [
    "CAN_BEGIN_SYNC",
    "CREATE_FLAGS",
    "FREE_BYTES",
    "LOCK_FLAGS",
    "READ_FLAGS",
    "Buffer",
    "HardLinksMissing",
    "begin_sync",
    "drop",
    "has_room",
    "place",
    "replace_file",
    "same_bytes",
    "sync_file",
    "sync_folder",
    "sync_path",
    "try_lock",
    "wait_for_lock",
    "write_all",
]

Buffer: TypeAlias = bytes | bytearray | memoryview

FREE_BYTES = 256 * 2**20
"""Bytes of a disk that stay free where a peer or a file decides how much is written."""

_BINARY: int = getattr(os, "O_BINARY", 0)
READ_FLAGS = os.O_RDONLY | _BINARY
CREATE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY | getattr(os, "O_NOFOLLOW", 0)
LOCK_FLAGS = os.O_RDWR | _BINARY

NO_LINKS = frozenset(
    {errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK, errno.EXDEV, errno.EINVAL}
)
_NO_FOLDER_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EBADF})


_COMPARE = 262_144

CAN_BEGIN_SYNC = sys.platform == "linux"
"""Whether :func:`begin_sync` does something."""


class HardLinksMissing(Exception):
    """The file system has no hard links."""


def write_all(handle: int, first: Buffer, second: Buffer = b"") -> None:
    """Write both pieces whole: by one call where the platform can, by more where the disk takes them in parts."""
    if not second:
        done = os.write(handle, first) if first else 0
        if done == len(first):
            return
    else:
        done = os.writev(handle, (first, second)) if hasattr(os, "writev") else 0
    for piece in (first, second):
        size = len(piece)
        if done >= size:
            done -= size
            continue
        with memoryview(piece) as view:
            while done < size:
                taken = os.write(handle, view[done:])
                if not taken:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                done += taken
        done = 0


def sync_file(handle: int) -> None:
    """Return when the file's bytes are on the medium."""
    if sys.platform == "darwin":
        with suppress(OSError):  # network shares have no such call
            fcntl.fcntl(handle, fcntl.F_FULLFSYNC)
            return
    os.fsync(handle)


def begin_sync(handle: int, start: int, size: int) -> None:
    """Have these bytes of an open file written to the medium soon, without waiting for it: a later sync has less to do.

    It never raises; what goes wrong with the bytes is told by that sync.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            # "Not needed" makes the kernel begin with pages that are not written yet; it keeps them until they are.
            os.posix_fadvise(handle, start, size, os.POSIX_FADV_DONTNEED)


def sync_path(path: str) -> None:
    """:func:`sync_file` for a file by its name."""
    handle = os.open(path, LOCK_FLAGS if sys.platform == "win32" else READ_FLAGS)
    try:
        sync_file(handle)
    finally:
        os.close(handle)


def sync_folder(path: str | Path) -> None:
    """Return when the names in the folder are on the medium; does nothing where the platform cannot."""
    if sys.platform != "win32":
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        except OSError as error:
            if error.errno not in _NO_FOLDER_SYNC:
                raise
        finally:
            os.close(handle)


def replace_file(target: Path, data: bytes, *, part: Path | None = None) -> None:
    """Write a file of mode 0600, which is the old or the new one at any time. Waits for the disk.

    :param part: the name that it has until it is whole, in the same folder; ``target`` with the ending ``.new`` if left
        out. What has it was left by a program that was killed.
    :raises OSError: it cannot be written; nothing of it is left.
    """
    part = part or target.with_suffix(".new")
    part.unlink(missing_ok=True)
    handle = os.open(part, CREATE_FLAGS, 0o600)
    try:
        try:
            write_all(handle, data)
            sync_file(handle)
        finally:
            os.close(handle)
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def try_lock(handle: int) -> bool:
    """Take the exclusive lock of an open file without waiting; it ends when the file is closed or the process dies.

    :returns: whether it was free. Raises ``OSError`` where the file system knows no locks.
    """
    try:
        if sys.platform == "win32":
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def wait_for_lock(handle: int) -> None:
    """Take the exclusive lock of an open file, waiting for it; raises ``OSError`` where there are no locks."""
    if sys.platform == "win32":
        msvcrt.locking(handle, msvcrt.LK_LOCK, 1)
    else:
        fcntl.flock(handle, fcntl.LOCK_EX)


def place(source: str, target: str, *, keep: bool = False) -> None:
    """Give the file ``source`` the name ``target`` in one step that never overwrites, and drop its old name.

    :param keep: leave the old name, where a file can have both: whoever says so calls :func:`drop` for it.
    :raises FileExistsError: the name is taken.
    :raises HardLinksMissing: the file system cannot do it in one step.
    """
    if sys.platform == "win32":
        Path(source).rename(target)
    else:
        try:
            os.link(source, target)
        except OSError as error:
            if error.errno in NO_LINKS:
                raise HardLinksMissing(error.strerror) from error
            raise
        if not keep:
            drop(source)


def has_room(folder: str | Path, coming: int = 0) -> bool:
    """True where so many bytes more would leave :data:`FREE_BYTES` of the disk free.

    :raises OSError: the folder is not there.
    """
    return shutil.disk_usage(folder).free >= FREE_BYTES + coming


def drop(name: str) -> None:
    """Remove a name that is not needed any more; one that cannot be removed goes at the next start."""
    try:
        os.unlink(name)
    except OSError:
        return


def same_bytes(first: FileIO, second: FileIO, size: int) -> bool:
    """Whether the next ``size`` bytes of two files are the same and all there. Needs little memory."""
    one, other = memoryview(bytearray(_COMPARE)), memoryview(bytearray(_COMPARE))
    while size > 0:
        wanted = min(size, _COMPARE)
        if not _fill(first, one[:wanted]) or not _fill(second, other[:wanted]):
            return False
        if one[:wanted] != other[:wanted]:
            return False
        size -= wanted
    return True


def _fill(file: FileIO, view: memoryview) -> bool:
    done = 0
    while done < len(view):
        taken = file.readinto(view[done:])
        if not taken:
            return False
        done += taken
    return True
