"""The files that a DICOMDIR lists, and those that it may not name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from helpers.instances import write_instance
from pydicom.config import IGNORE
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset

from dicomgui.app.files import dicomdir
from dicomgui.app.files.dicomdir import MEDIA_DIRECTORY, referenced_files


def write_directory(path: Path, *file_ids: str | Sequence[str] | None) -> Path:
    directory = Dataset()
    directory.FileSetID = "TEST"
    directory.DirectoryRecordSequence = []
    for file_id in file_ids:
        record = Dataset()
        record.DirectoryRecordType = "IMAGE" if file_id else "PATIENT"
        if file_id is not None:
            text = file_id if isinstance(file_id, str) else "\\".join(file_id)
            record.add(DataElement(0x00041500, "CS", text, validation_mode=IGNORE))
        directory.DirectoryRecordSequence.append(record)
    directory.file_meta = FileMetaDataset()
    directory.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    directory.file_meta.MediaStorageSOPClassUID = MEDIA_DIRECTORY
    directory.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    directory.save_as(path, enforce_file_format=True)
    return path


def test_listed_files_are_found_in_order_and_once(tmp_path: Path) -> None:
    first = write_instance(tmp_path / "A", 1)
    second = write_instance(tmp_path, 2)
    path = write_directory(tmp_path / "DICOMDIR", None, ("A", "1.dcm"), "2.dcm", ("A", "1.dcm"), "")
    assert referenced_files(path) == ([first, second], [])


def test_upper_and_lower_case_do_not_matter(tmp_path: Path) -> None:
    first = write_instance(tmp_path / "img", 1)
    files, faults = referenced_files(write_directory(tmp_path / "DICOMDIR", ("IMG", "1.DCM")))
    assert [file.resolve() for file in files] == [first.resolve()]
    assert faults == []


@pytest.mark.parametrize(
    "file_id", [("..", "1.dcm"), ("/etc", "passwd"), ("A/1.dcm",), ("A", "missing"), ("B", "1.dcm"), (".",), ("A",)]
)
def test_what_is_not_there_or_elsewhere_is_a_fault(tmp_path: Path, file_id: tuple[str, ...]) -> None:
    write_instance(tmp_path, 1)
    folder = tmp_path / "medium"
    write_instance(folder / "A", 1)
    files, faults = referenced_files(write_directory(folder / "DICOMDIR", file_id))
    assert files == []
    [(name, reason)] = faults
    assert "DICOMDIR" in name
    assert reason


def test_a_file_used_as_a_folder_is_a_fault(tmp_path: Path) -> None:
    write_instance(tmp_path, 1)
    files, faults = referenced_files(write_directory(tmp_path / "DICOMDIR", ("1.dcm", "x")))
    assert files == []
    assert len(faults) == 1


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    outside = write_instance(tmp_path / "secret", 1)
    folder = tmp_path / "medium"
    folder.mkdir()
    (folder / "LINK").symlink_to(outside)
    files, faults = referenced_files(write_directory(folder / "DICOMDIR", "LINK"))
    assert files == []
    assert "out of its folder" in faults[0][1]


def test_a_damaged_or_enormous_directory_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = tmp_path / "DICOMDIR"
    damaged.write_bytes(bytes(128) + b"DICM" + b"\xff" * 64)
    files, faults = referenced_files(damaged)
    assert files == []
    assert len(faults) == 1
    monkeypatch.setattr(dicomdir, "MAX_BYTES", 10)
    assert "bytes" in referenced_files(damaged)[1][0][1]
