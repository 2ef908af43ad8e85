"""A file-set with a DICOMDIR: the directory is right, the files are as they were."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.instances import CT, data_set, elements, instance_of, shipped_folder, syntax_of, write_instance
from helpers.retrieval import real_files
from pydicom import dcmread

from dicomgui.app.files.dicomdir import referenced_files
from dicomgui.app.files.medium import write_medium
from dicomgui.network.part10 import read_head, write_head
from dicomgui.storage import StoredFile


def stored(path: Path) -> StoredFile:
    head = read_head(path)
    return StoredFile(
        path, path.name, head.sop_class_uid, head.sop_instance_uid, head.transfer_syntax_uid, path.stat().st_size
    )


def quiet(_name: str) -> None:
    """Nobody is told."""


def test_a_medium_of_real_files(tmp_path: Path) -> None:
    target = tmp_path / "medium"
    files = [stored(path) for path in real_files()]
    told: list[str] = []
    count, size, failed = write_medium(files, target, told.append)
    assert (count, failed) == (len(files), ())
    assert size == sum(file.size_bytes for file in files)
    assert told == [file.sop_instance_uid for file in files]
    listed, faults = referenced_files(target / "DICOMDIR")
    assert faults == []
    assert {instance_of(path): path.read_bytes() for path in listed} == {
        instance_of(path): path.read_bytes() for path in real_files()
    }
    for path in listed:
        assert all(len(part) <= 8 and part.upper() == part for part in path.relative_to(target).parts)
    directory = dcmread(target / "DICOMDIR")
    kinds = [record.DirectoryRecordType for record in directory.DirectoryRecordSequence]
    assert (kinds.count("PATIENT"), kinds.count("STUDY")) == (4, 5)
    assert kinds.count("IMAGE") == len(files) - 1
    assert kinds.count("RT PLAN") == 1


def test_what_a_record_needs_is_made_up_and_the_file_stays_as_it_is(tmp_path: Path) -> None:
    source = write_instance(tmp_path, 1)
    count, _, failed = write_medium([stored(source)], tmp_path / "medium", quiet)
    assert (count, failed) == (1, ())
    [path], _ = referenced_files(tmp_path / "medium" / "DICOMDIR")
    assert data_set(path) == data_set(source)
    assert syntax_of(path) == syntax_of(source)
    records = dcmread(tmp_path / "medium" / "DICOMDIR").DirectoryRecordSequence
    assert [record.SeriesNumber for record in records if record.DirectoryRecordType == "SERIES"] == [0]


def test_a_record_of_a_report_has_no_content_but_what_modifies_its_title(tmp_path: Path) -> None:
    """PS3.3 F.5: the target items of HAS CONCEPT MOD, and nothing where there is none."""
    report = dcmread(write_instance(tmp_path, 1, sop_class="1.2.840.10008.5.1.4.1.1.88.11"))
    report.CompletionFlag, report.VerificationFlag = "COMPLETE", "UNVERIFIED"
    report.ContentDate, report.ContentTime, report.InstanceNumber = "20260301", "120000", 1
    report.ConceptNameCodeSequence = [elements(CodeValue="18748-4", CodingSchemeDesignator="LN", CodeMeaning="Report")]
    modifier = elements(RelationshipType="HAS CONCEPT MOD", ValueType="CODE")
    finding = elements(RelationshipType="CONTAINS", ValueType="TEXT", TextValue="long")
    paths = []
    for number, content in enumerate(([finding], [finding, modifier])):
        report.ContentSequence = content
        report.SOPInstanceUID = report.file_meta.MediaStorageSOPInstanceUID = f"2.25.{number + 1}"
        paths.append(tmp_path / f"{number}.dcm")
        report.save_as(paths[-1])
    assert write_medium([stored(path) for path in paths], tmp_path / "medium", quiet)[2] == ()
    records = dcmread(tmp_path / "medium" / "DICOMDIR").DirectoryRecordSequence
    found = [record.get("ContentSequence") for record in records if record.DirectoryRecordType == "SR DOCUMENT"]
    assert sorted(found, key=bool) == [None, [modifier]]


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.110", "1.2.840.10008.1.2.4.90"])
def test_a_record_names_the_transfer_syntax_of_its_file_also_a_newer_one_than_pydicom_knows(
    tmp_path: Path, syntax: str
) -> None:
    source = write_instance(tmp_path, 1)
    head = write_head(sop_class_uid=CT, sop_instance_uid=instance_of(source), transfer_syntax_uid=syntax)
    path = tmp_path / "newer.dcm"
    path.write_bytes(head + data_set(source))
    assert write_medium([stored(path)], tmp_path / "medium", quiet)[0::2] == (1, ())
    [exported], _ = referenced_files(tmp_path / "medium" / "DICOMDIR")
    assert exported.read_bytes() == path.read_bytes()
    records = dcmread(tmp_path / "medium" / "DICOMDIR").DirectoryRecordSequence
    assert [one.ReferencedTransferSyntaxUIDInFile for one in records if "ReferencedFileID" in one] == [syntax]


def test_an_instance_whose_meta_information_names_another_uid_is_exported(tmp_path: Path) -> None:
    path = write_instance(tmp_path, 1)
    dataset = dcmread(path)
    dataset.file_meta.MediaStorageSOPInstanceUID = "2.25.77"
    dataset.save_as(path, enforce_file_format=False)
    assert write_medium([stored(path)], tmp_path / "medium", quiet)[0] == 1
    [exported], _ = referenced_files(tmp_path / "medium" / "DICOMDIR")
    assert exported.read_bytes() == path.read_bytes()


def test_an_instance_that_fails_after_it_was_listed_is_not_on_the_medium(tmp_path: Path) -> None:
    """pydicom lists this one of its own files and only then finds that it cannot write it."""
    broken, whole = shipped_folder() / "test_files" / "SC_rgb_jpeg.dcm", write_instance(tmp_path, 1)
    count, _, failed = write_medium([stored(broken), stored(whole)], tmp_path / "medium", quiet)
    assert (count, [uid for uid, _ in failed]) == (1, [instance_of(broken)])
    listed, faults = referenced_files(tmp_path / "medium" / "DICOMDIR")
    assert ([instance_of(path) for path in listed], faults) == ([instance_of(whole)], [])


def test_an_instance_without_a_record_is_told(tmp_path: Path) -> None:
    source = write_instance(tmp_path, 1)
    dataset = dcmread(source)
    del dataset.StudyInstanceUID
    dataset.save_as(source)
    count, size, [(uid, reason)] = write_medium([stored(source)], tmp_path / "medium", quiet)
    assert (count, size, uid) == (0, 0, instance_of(source))
    assert "record" in reason


def test_a_medium_is_not_overwritten(tmp_path: Path) -> None:
    files = [stored(write_instance(tmp_path, 1))]
    write_medium(files, tmp_path / "medium", quiet)
    before = (tmp_path / "medium" / "DICOMDIR").read_bytes()
    with pytest.raises(FileExistsError):
        write_medium(files, tmp_path / "medium", quiet)
    assert (tmp_path / "medium" / "DICOMDIR").read_bytes() == before


def test_what_lay_there_stays_when_it_fails(tmp_path: Path) -> None:
    target = tmp_path / "medium"
    target.mkdir()
    (target / "notes.txt").write_text("mine")

    def fail(_name: str) -> None:
        raise OSError(28, "full")

    with pytest.raises(OSError, match="full"):
        write_medium([stored(write_instance(tmp_path, 1))], target, fail)
    assert [path.name for path in target.iterdir()] == ["notes.txt"]
