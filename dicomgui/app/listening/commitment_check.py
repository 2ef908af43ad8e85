"""Files of the archive held against a request for storage commitment: whole, and as they were stored (PS3.4 J.3.2).

An SCP that commits takes over the responsibility, and the user deletes its copy. So the promise is made for a file only
that is read from its beginning to its end here and now.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from dicomgui.network.file_structure import read_file_structure
from dicomgui.network.part10 import Part10Error
from dicomgui.network.service.instance_check import MismatchCode, problem_of
from dicomgui.network.service_classes.references import Reference
from dicomgui.network.status import Status
from dicomgui.network.uids import RETIRED_STORAGE_CLASSES, STORAGE_CLASSES, name_of
from dicomgui.storage import StoredFile

__all__ = ["reason_against"]

PROCESSING_FAILURE: Final = Status(0x0110)
NO_SUCH_INSTANCE: Final = Status(0x0112)
CLASS_INSTANCE_CONFLICT: Final = Status(0x0119)
SOP_CLASS_NOT_SUPPORTED: Final = Status(0x0122)

_STORAGE: Final = frozenset((*STORAGE_CLASSES, *RETIRED_STORAGE_CLASSES))


def reason_against(reference: Reference, files: Sequence[StoredFile]) -> Status | None:
    """The Failure Reason (0008,1197) of an instance that is not committed; ``None`` for one that is. For any thread.

    ==== =========================================================================
    0112 there is no file of it, or an empty one
    0119 what is there under its SOP Instance UID is of another SOP class
    0110 its file is shorter, changed, or cannot be read from beginning to end
    0122 its SOP class is a known one, but none of storage
    ==== =========================================================================

    :param files: all that the index has under its SOP Instance UID; one that is whole is enough (PS3.3 C.14.1.1).
    """
    own = [file for file in files if file.sop_class_uid == reference.sop_class_uid]
    if files and not own:
        return CLASS_INSTANCE_CONFLICT
    if not own:
        sop_class = reference.sop_class_uid
        is_private = name_of(sop_class) == sop_class
        return NO_SUCH_INSTANCE if sop_class in _STORAGE or is_private else SOP_CLASS_NOT_SUPPORTED
    return _best(_fault_of(reference, file) for file in own)


def _best(faults: Iterable[Status | None]) -> Status | None:
    """``None`` where one is; else the reason that tells most."""
    found: set[Status] = set()
    for fault in faults:
        if fault is None:
            return None
        found.add(fault)
    return next(one for one in (CLASS_INSTANCE_CONFLICT, PROCESSING_FAILURE, NO_SUCH_INSTANCE) if one in found)


def _fault_of(reference: Reference, file: StoredFile) -> Status | None:
    try:
        status = file.path.stat()
        if not status.st_size:
            return NO_SUCH_INSTANCE
        if (status.st_size, status.st_mtime_ns) != (file.size_bytes, file.mtime_ns):
            return PROCESSING_FAILURE
        return _read_fault(reference, file)
    except (FileNotFoundError, NotADirectoryError):
        return NO_SUCH_INSTANCE
    except (OSError, Part10Error):
        return PROCESSING_FAILURE


def _read_fault(reference: Reference, file: StoredFile) -> Status | None:
    report = read_file_structure(file.path, reads_all=True)
    problem = problem_of(report, reference.sop_class_uid, reference.sop_instance_uid)
    if problem is None:
        return None
    is_conflict = problem.code is MismatchCode.OTHER_SOP_CLASS
    return CLASS_INSTANCE_CONFLICT if is_conflict else PROCESSING_FAILURE
