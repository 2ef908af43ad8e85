"""What can go wrong when an instance is put on disk or looked for, each with the status that answers it.

::

    StorageError             .status .path .hint; str() is one line
    ├ DiskFull               A700  no space, quota, or the file system's largest file
    ├ CeilingReached         A700  the archive may not grow further, or its disk has to keep what is free
    ├ FolderUnwritable       A700  no permission, or a read-only file system
    ├ FolderMissing          A700  the archive's folder is gone (an unplugged disk, a lost share)
    ├ PathTooLong            A700  the folder's path leaves no room for the names
    ├ DiskFault              A700  any other refusal of the operating system
    ├ PathUnsafe             0117  the SOP Instance UID is none, so no file name can be made of it
    ├ InstanceRefused        C000  the other UIDs of the instance cannot be written into a file head
    ├ DuplicateRefused       0111  another data set has this UID, and the policy keeps no second one
    └ IndexFault             A700  the index of the archive cannot be opened, read or written; the files are safe
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import ClassVar

from dicomgui.network.status import Status

__all__ = [
    "CeilingReached",
    "DiskFault",
    "DiskFull",
    "DuplicateRefused",
    "FolderMissing",
    "FolderUnwritable",
    "IndexFault",
    "InstanceRefused",
    "PathTooLong",
    "PathUnsafe",
    "StorageError",
    "from_os_error",
]


class StorageError(Exception):
    """An instance could not be stored, and nothing of it is left under a final name; or the index failed.

    :ivar status: the status for the response.
    :ivar code: the failure in a record: disk-full, no-access or no-folder; empty for any other.
    :ivar path: the file or folder at fault, or an empty string.
    :ivar hint: what to try, one sentence, or an empty string.
    """

    status: ClassVar[Status] = Status(0xA700)
    code: ClassVar[str] = ""

    def __init__(self, message: str, *, path: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.path = path
        self.hint = hint

    def __str__(self) -> str:
        """One line, whatever a path contains."""
        text = str(self.args[0])
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


class DiskFull(StorageError):
    """No space is left, a quota is used up, or the file is larger than the file system can hold."""

    code: ClassVar[str] = "disk-full"


class CeilingReached(StorageError):
    """The archive is as large as it may be, or its disk has no more free space than has to stay."""


class FolderUnwritable(StorageError):
    """The folder may not be written: permissions, or a read-only file system."""

    code: ClassVar[str] = "no-access"


class FolderMissing(StorageError):
    """The archive's folder is not there, or is no folder."""

    code: ClassVar[str] = "no-folder"


class PathTooLong(StorageError):
    """The path of the folder leaves no room for the names of the files."""


class DiskFault(StorageError):
    """The operating system refused for another reason (an input/output error, too many open files)."""


class PathUnsafe(StorageError):
    """The SOP Instance UID is no UID: no file is named after it."""

    status: ClassVar[Status] = Status(0x0117)


class InstanceRefused(StorageError):
    """SOP class or transfer syntax UID are no UIDs: no file meta information can be written."""

    status: ClassVar[Status] = Status(0xC000)


class DuplicateRefused(StorageError):
    """An instance with this UID but another data set is there already, and no further one is kept."""

    status: ClassVar[Status] = Status(0x0111)


class IndexFault(StorageError):
    """The index cannot be opened, read or written. It is a cache: the instances themselves are not touched by that."""


_KINDS: dict[int, tuple[type[StorageError], str, str]] = {
    **dict.fromkeys(
        (errno.ENOSPC, errno.EDQUOT, errno.EFBIG),
        (DiskFull, "the disk is full", "Free space on it; receiving goes on by itself."),
    ),
    **dict.fromkeys(
        (errno.EACCES, errno.EPERM, errno.EROFS),
        (FolderUnwritable, "it may not be written", "Give this user write permission, or choose another folder."),
    ),
    **dict.fromkeys(
        (errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ESTALE),
        (FolderMissing, "the folder is not there", "Create it again, or bring its disk back."),
    ),
    errno.ENAMETOOLONG: (PathTooLong, "the path is too long", "Choose a folder with a shorter path."),
}


def from_os_error(error: OSError, path: str | Path, doing: str) -> StorageError:
    """The :class:`StorageError` for what the operating system said; ``doing`` names the step in a few words."""
    kind, what, hint = _KINDS.get(error.errno or 0, (DiskFault, "the system refused", "Look at the system's log."))
    reason = error.strerror or type(error).__name__
    return kind(f"cannot {doing} {path}: {what} ({reason})", path=str(path), hint=hint)
