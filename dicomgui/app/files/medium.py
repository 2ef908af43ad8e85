"""A file-set with a DICOMDIR (PS3.10 8, PS3.3 F), as on a CD: the directory by pydicom, the files as they are."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dicomgui.storage import StoredFile

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["write_medium"]

# What a directory record must have (PS3.3 F.5), and what stands in it where the instance has nothing.
_REQUIRED: Final = {
    "PatientID": "UNKNOWN",
    "PatientName": "",
    "StudyDate": "19000101",
    "StudyTime": "000000",
    "StudyID": "1",
    "AccessionNumber": "",
    "Modality": "OT",
    "SeriesNumber": "0",
    "InstanceNumber": "0",
}
_MAY_BE_EMPTY: Final = frozenset({"PatientName", "AccessionNumber"})


def write_medium(
    files: Sequence[StoredFile], target: Path, tick: Callable[[str], None]
) -> tuple[int, int, tuple[tuple[str, str], ...]]:
    """Write a file-set of these instances.

    :param target: a folder without a DICOMDIR; made if it is not there.
    :param tick: called with each instance's UID before it is looked at; may raise to end the work.
    :returns: instances, their bytes, and those that failed by UID, each with the reason.
    :raises OSError: it cannot be written, or is a medium already.
    """
    from pydicom import fileset, uid

    if (target / "DICOMDIR").exists():
        raise FileExistsError(17, "there is a DICOMDIR already", str(target))
    made_folder = not target.exists()
    target.mkdir(parents=True, exist_ok=True)
    before = set(target.iterdir())
    failed: list[tuple[str, str]] = []
    originals: dict[str, Path] = {}
    file_set = fileset.FileSet()
    try:
        for file in files:
            tick(file.sop_instance_uid)
            try:
                added = file_set.add(_head_of(file))
                added.node._record.ReferencedTransferSyntaxUIDInFile = uid.UID(file.transfer_syntax_uid)
                originals[str(added.SOPInstanceUID)] = file.path  # the data set's, which may be another one
            except Exception as error:  # pydicom raises nearly anything for what fits into no directory record
                failed.append((file.sop_instance_uid, f"no directory record can be made: {error}"))
        for instance in [one for one in file_set if str(one.SOPInstanceUID) not in originals]:
            file_set.remove(instance)  # pydicom had listed it before it failed
        file_set.write(target)
        size = _put_originals(file_set, originals)
    except BaseException:
        for path in set(target.iterdir()) - before:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if made_folder:
            target.rmdir()
        raise
    finally:
        file_set._stage["t"].cleanup()  # its own temporary folder: nothing else removes it before it is collected
    return len(originals), size, tuple(failed)


def _head_of(file: StoredFile) -> Dataset:
    """The instance without its pixels, and with what a record needs."""
    from pydicom import dcmread, uid

    dataset = dcmread(file.path, stop_before_pixels=True)
    if not uid.UID(file.transfer_syntax_uid).is_transfer_syntax:  # pydicom would not write a newer one than it knows
        dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    for keyword, value in _REQUIRED.items():
        if keyword not in dataset or (keyword not in _MAY_BE_EMPTY and dataset.get(keyword) in (None, "")):
            setattr(dataset, keyword, value)
    if "ContentSequence" in dataset:  # a record holds only what modifies the title (PS3.3 F.5, SR document)
        kept = [item for item in dataset.ContentSequence if item.get("RelationshipType") == "HAS CONCEPT MOD"]
        dataset.ContentSequence = kept
        if not kept:
            del dataset.ContentSequence
    return dataset


def _put_originals(file_set: object, originals: dict[str, Path]) -> int:
    """Put the files as they are in the place of those that pydicom has written; gives their bytes."""
    from pydicom import fileset

    assert isinstance(file_set, fileset.FileSet)
    size = 0
    for instance in file_set:
        source = originals[str(instance.SOPInstanceUID)]
        size += source.stat().st_size
        shutil.copyfile(source, instance.path)
    return size
