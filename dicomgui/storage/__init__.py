"""The archive: instances on disk, whole or not at all, and an index to find them by.

========== ===========================================================================================================
files      :class:`Archive` stores what is received; :class:`Stored` may be answered Success
index      :class:`Index` is an SQLite cache of the files: ``index.add(stored)`` after each :meth:`Archive.commit`
start      ``leftovers = archive.prepare()``, ``opened = index.open()``, and in a thread ``repair(index, opened, …)``
query      ``index.find(compile_query(identifier, model))`` → :class:`Match` (PS3.4 C.4.1)
retrieve   ``index.files(select(identifier, model))`` → :class:`StoredFile` (PS3.4 C.4.2, C.4.3)
delete     :class:`Trash` moves files aside, brings them back, or removes them
========== ===========================================================================================================

What was answered Success is in a file at once, and in the index as soon as its thread has come to it: ``index.flush()``
says when. ``kill -9`` in between leaves a file without a row, and :func:`repair` finds it.
"""

from __future__ import annotations

from dicomgui.storage.answers import Match
from dicomgui.storage.attributes import Level
from dicomgui.storage.ceiling import Ceiling
from dicomgui.storage.database import Opened
from dicomgui.storage.errors import (
    CeilingReached,
    DiskFault,
    DiskFull,
    DuplicateRefused,
    FolderMissing,
    FolderUnwritable,
    IndexFault,
    InstanceRefused,
    PathTooLong,
    PathUnsafe,
    StorageError,
)
from dicomgui.storage.identifiers import IdentifierError, IdentifierRule, Model, Selection, anomalies_of, select
from dicomgui.storage.incoming import Leftovers
from dicomgui.storage.index import Counts, Index, StoredFile
from dicomgui.storage.indexing import Refreshed
from dicomgui.storage.layout import instance_path
from dicomgui.storage.matching import Query, compile_query
from dicomgui.storage.patterns import FolderPatterns
from dicomgui.storage.repair import BrokenFile, RepairProgress, RepairReport, rebuild, repair
from dicomgui.storage.trash import Discarded, Restored, Trash
from dicomgui.storage.tree import FolderLayout, FolderTree
from dicomgui.storage.writer import Archive, DuplicatePolicy, InstanceSink, Outcome, Pending, Stored

__all__ = [
    "Archive",
    "BrokenFile",
    "Ceiling",
    "CeilingReached",
    "Counts",
    "Discarded",
    "DiskFault",
    "DiskFull",
    "DuplicatePolicy",
    "DuplicateRefused",
    "FolderLayout",
    "FolderMissing",
    "FolderPatterns",
    "FolderTree",
    "FolderUnwritable",
    "IdentifierError",
    "IdentifierRule",
    "Index",
    "IndexFault",
    "InstanceRefused",
    "InstanceSink",
    "Leftovers",
    "Level",
    "Match",
    "Model",
    "Opened",
    "Outcome",
    "PathTooLong",
    "PathUnsafe",
    "Pending",
    "Query",
    "Refreshed",
    "RepairProgress",
    "RepairReport",
    "Restored",
    "Selection",
    "StorageError",
    "Stored",
    "StoredFile",
    "Trash",
    "anomalies_of",
    "compile_query",
    "instance_path",
    "rebuild",
    "repair",
    "select",
]
