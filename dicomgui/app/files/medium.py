"""A file-set with a DICOMDIR (PS3.10 8, PS3.3 F), as on a CD: the directory by pydicom, the files as they are.

What no directory record can be made of is left out with its reason, and costs the others nothing.
"""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from dicomgui.app.files.file_limits import check_file
from dicomgui.app.files.left_out import LeftOut, LeftOutCode, LeftOutError, left_out
from dicomgui.app.files.readable import reason_of
from dicomgui.network.encoding_look import LOOK_BYTES, encoding_by_look, encoding_of
from dicomgui.network.file_structure import read_file_structure
from dicomgui.network.part10 import read_head, write_head
from dicomgui.network.service import broken_place
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
_CLAIMS: Final = (0x0002, 0x0003, 0x0010)  # Media Storage SOP Class and Instance UID, Transfer Syntax UID
_NAMED_BY: Final = {
    "SOPInstanceUID": "SOP Instance UID (0008,0018)",
    "SOPClassUID": "SOP Class UID (0008,0016)",
}
_MAY_BE_EMPTY: Final = frozenset({"PatientName", "AccessionNumber"})

_Failed: TypeAlias = list[LeftOut]


class _Without(Exception):
    """The file-set cannot be written with some of the files: the argument holds them, each with the reason."""


def write_medium(
    files: Sequence[StoredFile], target: Path, tick: Callable[[str], None]
) -> tuple[int, int, tuple[LeftOut, ...]]:
    """Write a file-set of these instances; of several data sets of one UID the first that can be in it.

    :param target: a folder without a DICOMDIR; made if it is not there.
    :param tick: called with each instance's UID before it is looked at; may raise to end the work.
    :returns: instances, their bytes, and those that are not in it.
    :raises OSError: it cannot be written, or is a medium already.
    """
    if (target / "DICOMDIR").exists():
        raise FileExistsError(errno.EEXIST, "there is a DICOMDIR already", str(target))
    left, failed = list(files), _Failed()
    while True:
        try:
            count, size, more = _write(left, target, tick)
        except _Without as error:
            bad: dict[StoredFile, LeftOut] = error.args[0]
            failed += bad.values()
            left = [file for file in left if file not in bad]
            continue
        return count, size, (*failed, *more)


def _write(files: Sequence[StoredFile], target: Path, tick: Callable[[str], None]) -> tuple[int, int, _Failed]:
    made_folder = not target.exists()
    target.mkdir(parents=True, exist_ok=True)
    before = set(target.iterdir())
    maker = _Maker()
    try:
        for file in files:
            tick(file.sop_instance_uid)
            maker.add(file)
        size = maker.write(target)
    except BaseException as error:
        for path in set(target.iterdir()) - before:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if made_folder:
            target.rmdir()
        if isinstance(error, _Unwritable):
            raise _judged(error, list(maker.taken.values())) from error
        raise
    finally:
        maker.close()
    return len(maker.taken), size, maker.failed


class _Unwritable(Exception):
    """pydicom could not write the file-set; the cause says why."""


class _Maker:
    """Makes one file-set: the directory is pydicom's, the files are put in the place of what pydicom would write.

    :ivar taken: what is in it, by SOP Instance UID.
    :ivar failed: what is not, each with the reason.
    """

    def __init__(self) -> None:
        from pydicom import fileset

        self.taken: dict[str, StoredFile] = {}
        self.failed: _Failed = []
        self._set = fileset.FileSet()

    def add(self, file: StoredFile) -> None:
        """Take a file in, or say why not."""
        from pydicom import uid as uids

        try:
            record: Any = _record_of(file)
            uid = str(record.SOPInstanceUID)
            if uid in self.taken:
                raise LeftOutError(LeftOutCode.SAME_UID, "")
            # pydicom would encode it again, and a set of which one cannot be encoded is of no use any more.
            object.__setattr__(record, "save_as", _touch)
            added: Any = self._set.add(record)
            added.node._record.ReferencedTransferSyntaxUIDInFile = uids.UID(file.transfer_syntax_uid)
        except Exception as error:  # pydicom raises nearly anything for what fits into no directory record
            self.failed.append(left_out(file, error))
            return
        self.taken[uid] = file

    def write(self, target: Path) -> int:
        """Write the directory and all files; gives the bytes of the files.

        :raises _Unwritable: it could not be written.
        """
        try:
            self._set.write(target)
            places = [(Path(instance.path), self.taken[str(instance.SOPInstanceUID)]) for instance in self._set]
            return sum(_copy(file.path, place) for place, file in places)
        except Exception as error:
            raise _Unwritable from error

    def close(self) -> None:
        """Remove pydicom's own temporary folder: nothing else does before it is collected."""
        self._set._stage["t"].cleanup()


def _touch(path: str, **_: object) -> None:
    """Make the empty file that pydicom copies into the set until the file itself takes its place."""
    Path(path).touch()


def _judged(error: _Unwritable, files: Sequence[StoredFile]) -> Exception:
    """The files without which the set can be written, or what is in the way of all."""
    cause = error.__cause__
    bad = {file: LeftOut(file.sop_instance_uid, LeftOutCode.GONE) for file in files if not file.path.exists()}
    if isinstance(cause, OSError):
        return _Without(bad) if bad else cause
    for file in files:
        if file not in bad and (reason := _alone(file)) is not None:
            bad[file] = reason
    if bad:
        return _Without(bad)
    return OSError(errno.EINVAL, f"no DICOMDIR can be made of these instances: {reason_of(cause)}")


def _alone(file: StoredFile) -> LeftOut | None:
    """The reason for which a file cannot be in a file-set even by itself; ``None`` if it can."""
    scratch = Path(tempfile.mkdtemp(prefix="dicomgui-medium-"))
    maker = _Maker()
    try:
        maker.add(file)
        maker.write(scratch / "set")
    except _Unwritable as error:
        return left_out(file, error.__cause__)
    finally:
        maker.close()
        shutil.rmtree(scratch, ignore_errors=True)
    return None


def _copy(source: Path, place: Path) -> int:
    """Copy a file, and give the bytes.

    File meta information that says another instance or encoding than the data set (PS3.10 7.1) is made anew.
    """
    head = read_head(source)
    claims = {element.element: element.value.rstrip(b"\0 ").decode("latin-1") for element in head.meta}
    facts = (head.sop_class_uid, head.sop_instance_uid, head.transfer_syntax_uid)
    with source.open("rb") as from_file, place.open("wb") as to_file:
        if facts != tuple(map(claims.get, _CLAIMS)):
            sop_class, instance, syntax = facts
            to_file.write(write_head(sop_class_uid=sop_class, sop_instance_uid=instance, transfer_syntax_uid=syntax))
            from_file.seek(head.dataset_offset)
        shutil.copyfileobj(from_file, to_file)
        return to_file.tell()


def _record_of(file: StoredFile) -> Dataset:
    """The instance without its pixels, and with what a record needs.

    :raises LeftOutError: it has another encoding than it says, or does not say which instance it is.
    """
    from pydicom import dcmread, errors

    check_file(file.path)
    _check_encoding(file.path)
    try:
        dataset = dcmread(file.path, stop_before_pixels=True)
    except errors.InvalidDicomError as error:
        raise LeftOutError(LeftOutCode.UNREADABLE, "it does not begin with a preamble and DICM") from error
    for keyword, name in _NAMED_BY.items():
        if not dataset.get(keyword):
            raise LeftOutError(LeftOutCode.MISSING, name)
    if "ContentSequence" in dataset:  # of a document's content a record has only what modifies its title (PS3.3 F.5)
        items = [item for item in dataset.ContentSequence if item.get("RelationshipType") == "HAS CONCEPT MOD"]
        dataset.ContentSequence = items
        if not items:
            del dataset.ContentSequence
    for keyword, value in _REQUIRED.items():
        if keyword not in dataset or (keyword not in _MAY_BE_EMPTY and dataset.get(keyword) in (None, "")):
            setattr(dataset, keyword, value)
    return dataset


def _check_encoding(path: Path) -> None:
    """Judge an encoding that looks like another than the file meta information says by the whole structure.

    pydicom would read some of these, but most programs go by the file meta information, and by the directory record.

    :raises LeftOutError: it is another one.
    """
    head = read_head(path)
    with path.open("rb") as file:
        file.seek(head.dataset_offset)
        found = encoding_by_look(file.read(LOOK_BYTES))
    if found in ("", encoding_of(head.transfer_syntax_uid)):
        return
    problem = broken_place(read_file_structure(path, head))
    if problem is not None and problem.found_syntax_uid:
        raise LeftOutError(LeftOutCode.OTHER_ENCODING, problem.text)
