"""The archive: received instances on disk, whole or not at all."""

from __future__ import annotations

from dicomgui.storage.errors import (
    DiskFault,
    DiskFull,
    DuplicateRefused,
    FolderMissing,
    FolderUnwritable,
    InstanceRefused,
    PathTooLong,
    PathUnsafe,
    StorageError,
)
from dicomgui.storage.incoming import Leftovers
from dicomgui.storage.layout import instance_path
from dicomgui.storage.writer import Archive, DuplicatePolicy, InstanceSink, Outcome, Pending, Stored

__all__ = [
    "Archive",
    "DiskFault",
    "DiskFull",
    "DuplicatePolicy",
    "DuplicateRefused",
    "FolderMissing",
    "FolderUnwritable",
    "InstanceRefused",
    "InstanceSink",
    "Leftovers",
    "Outcome",
    "PathTooLong",
    "PathUnsafe",
    "Pending",
    "StorageError",
    "Stored",
    "instance_path",
]
