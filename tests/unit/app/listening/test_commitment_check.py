"""Files of the archive that are not what was stored, and so not committed (PS3.3 C.14.1.1)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.instances import CT, EXPLICIT, MR, write_instance

from dicomgui.app.listening.commitment_check import reason_against
from dicomgui.network.part10 import read_head
from dicomgui.network.service_classes.references import Reference
from dicomgui.storage import StoredFile


def stored(folder: Path, number: int = 1) -> StoredFile:
    path = write_instance(folder, number)
    head, status = read_head(path), path.stat()
    uids = head.sop_class_uid, head.sop_instance_uid, EXPLICIT
    return StoredFile(path, path.name, *uids, status.st_size, status.st_mtime_ns)


def reference(file: StoredFile) -> Reference:
    return Reference(file.sop_class_uid, file.sop_instance_uid)


def shorten(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 2)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def change(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def garble(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def test_what_is_whole_is_committed(tmp_path: Path) -> None:
    file = stored(tmp_path)
    assert reason_against(reference(file), [file]) is None


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (shorten, 0x0110), (empty, 0x0112), (change, 0x0110), (garble, 0x0110), (Path.unlink, 0x0112),
        (folder_instead, 0x0110),
    ],
)  # fmt: skip
def test_what_is_not_as_it_was_stored_is_not_committed(
    tmp_path: Path, spoil: Callable[[Path], None], reason: int
) -> None:
    file = stored(tmp_path)
    os.utime(file.path, ns=(1, 1))  # else the change could fall into the same moment
    file = file._replace(mtime_ns=1)
    spoil(file.path)
    assert reason_against(reference(file), [file]) == reason


@pytest.mark.parametrize("spoil", [shorten, garble])
def test_a_file_that_was_indexed_when_it_was_broken_already_is_read(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    file = stored(tmp_path)
    spoil(file.path)
    status = file.path.stat()
    file = file._replace(size_bytes=status.st_size, mtime_ns=status.st_mtime_ns)
    assert reason_against(reference(file), [file]) == 0x0110


def test_a_conflict_of_classes(tmp_path: Path) -> None:
    file = stored(tmp_path)
    assert reason_against(Reference(MR, file.sop_instance_uid), [file]) == 0x0119
    said = file._replace(sop_class_uid=MR)  # the index says so, the file does not
    assert reason_against(reference(said), [said]) == 0x0119


def test_another_instance_in_the_file(tmp_path: Path) -> None:
    file = stored(tmp_path)._replace(sop_instance_uid="1.2.3")
    assert reason_against(reference(file), [file]) == 0x0110


@pytest.mark.parametrize(("sop_class", "reason"), [(CT, 0x0112), ("1.2.3.4", 0x0112), ("1.2.840.10008.1.1", 0x0122)])
def test_what_is_not_there(sop_class: str, reason: int) -> None:
    assert reason_against(Reference(sop_class, "1.2.3"), []) == reason


def test_one_whole_file_of_several_is_enough(tmp_path: Path) -> None:
    good, broken, gone = stored(tmp_path, 1), stored(tmp_path, 2), stored(tmp_path, 3)
    one = reference(good)
    broken, gone = (file._replace(sop_instance_uid=good.sop_instance_uid) for file in (broken, gone))
    shorten(broken.path)
    gone.path.unlink()
    assert reason_against(one, [broken, gone, good]) is None
    assert reason_against(one, [gone, broken]) == 0x0110
