"""A file-set with a DICOMDIR: the directory is right, the files are as they were."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from helpers.archive import instance, put_bytes
from helpers.instances import CT, ROOT, data_set, elements, instance_of, shipped_folder, syntax_of, write_instance
from helpers.retrieval import real_files
from pydicom import dcmread
from pydicom.fileset import FileSet

from dicomgui.app.files import medium
from dicomgui.app.files.dicomdir import referenced_files
from dicomgui.app.files.left_out import LeftOut, LeftOutCode
from dicomgui.app.files.medium import write_medium
from dicomgui.network.dimse.dataset import encode_dataset
from dicomgui.network.part10 import Part10Error, read_head, write_head
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
    assert told == [file.sop_instance_uid for file in files]
    listed, faults = referenced_files(target / "DICOMDIR")
    assert faults == []
    assert size == sum(path.stat().st_size for path in listed)
    assert {instance_of(path): data_set(path) for path in listed} == {
        instance_of(path): data_set(path) for path in real_files()
    }
    changed = {path.read_bytes() for path in real_files()} - {path.read_bytes() for path in listed}
    assert len(changed) == 1, "rtplan.dcm, whose file meta information says another instance than its data set"
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


DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.110", "1.2.840.10008.1.2.4.90", DEFLATED_FRAMES])
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


def test_an_instance_that_fails_after_it_was_listed_is_not_on_the_medium(tmp_path: Path) -> None:
    """pydicom lists this one of its own files and only then finds that it cannot write it."""
    broken, whole = shipped_folder() / "test_files" / "SC_rgb_jpeg.dcm", write_instance(tmp_path, 1)
    count, _, failed = write_medium([stored(broken), stored(whole)], tmp_path / "medium", quiet)
    assert (count, [one.sop_instance_uid for one in failed]) == (1, [instance_of(broken)])
    listed, faults = referenced_files(tmp_path / "medium" / "DICOMDIR")
    assert ([instance_of(path) for path in listed], faults) == ([instance_of(whole)], [])


def test_an_instance_without_a_record_is_told(tmp_path: Path) -> None:
    source = write_instance(tmp_path, 1)
    dataset = dcmread(source)
    del dataset.StudyInstanceUID
    dataset.save_as(source)
    count, size, failed = write_medium([stored(source)], tmp_path / "medium", quiet)
    assert (count, size) == (0, 0)
    assert failed == (LeftOut(instance_of(source), LeftOutCode.MISSING, "Study Instance UID (0020,000D)"),)


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


def test_what_goes_while_it_is_written_costs_only_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [stored(write_instance(tmp_path / "files", number)) for number in (1, 2, 3)]
    write = FileSet.write

    def removing(file_set: FileSet, *rest: Any, **options: Any) -> None:
        files[1].path.unlink(missing_ok=True)
        write(file_set, *rest, **options)

    monkeypatch.setattr(FileSet, "write", removing)
    count, _, failed = write_medium(files, tmp_path / "medium", quiet)
    assert (count, failed) == (2, (LeftOut(files[1].sop_instance_uid, LeftOutCode.GONE),))
    listed, faults = referenced_files(tmp_path / "medium" / "DICOMDIR")
    assert (len(listed), faults) == (2, [])


def test_a_record_that_cannot_be_encoded_costs_only_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [stored(write_instance(tmp_path / "files", number)) for number in (1, 2, 3)]
    write = FileSet.write

    def failing(file_set: FileSet, *rest: Any, **options: Any) -> None:
        if any(instance.SOPInstanceUID == files[1].sop_instance_uid for instance in file_set):
            raise KeyError("PatientName")
        write(file_set, *rest, **options)

    monkeypatch.setattr(FileSet, "write", failing)
    count, _, failed = write_medium(files, tmp_path / "medium", quiet)
    assert count == 2
    assert failed == (LeftOut(files[1].sop_instance_uid, LeftOutCode.NO_RECORD, "KeyError 'PatientName'"),)

    monkeypatch.setattr(FileSet, "write", lambda file_set, *_: failing(file_set) if len(file_set) == 1 else 1 / 0)
    monkeypatch.setattr(medium, "_alone", lambda _: None)
    with pytest.raises(OSError, match="no DICOMDIR can be made of these instances: division by zero"):
        write_medium(files, tmp_path / "other", quiet)
    assert not (tmp_path / "other").exists()


def test_the_files_that_are_exported_are_only_read(tmp_path: Path) -> None:
    """Also where one after the other cannot be in it."""
    names = ("MR_truncated.dcm", "reportsi.dcm", "rtplan.dcm", "SC_rgb_jpeg.dcm", "CT_small.dcm", "ExplVR_BigEnd.dcm")
    files = [shutil.copy(shipped_folder() / "test_files" / name, tmp_path) for name in names]
    files += [write_instance(tmp_path / "files", number) for number in (1, 2)]
    without = tmp_path / "files" / "1.dcm"
    without.write_bytes(without.read_bytes().replace(b"\x20\x00\x0e\x00UI", b"\x20\x00\x0f\x00UI"))
    before = {path: Path(path).read_bytes() for path in files}
    count, _, failed = write_medium([stored(Path(path)) for path in files], tmp_path / "medium", quiet)
    assert count + len(failed) == len(files)
    assert failed
    assert {path: Path(path).read_bytes() for path in files} == before


def test_a_record_of_a_document_has_only_what_modifies_its_title(tmp_path: Path) -> None:
    report = shipped_folder() / "test_files" / "reportsi.dcm"
    assert {item.RelationshipType for item in dcmread(report).ContentSequence} - {"HAS CONCEPT MOD"}
    assert write_medium([stored(report)], tmp_path / "medium", quiet)[0] == 1
    records = dcmread(tmp_path / "medium" / "DICOMDIR").DirectoryRecordSequence
    [record] = [record for record in records if record.DirectoryRecordType == "SR DOCUMENT"]
    assert {item.RelationshipType for item in record.get("ContentSequence", ())} <= {"HAS CONCEPT MOD"}


def test_file_meta_information_that_is_not_true_is_made_anew(tmp_path: Path) -> None:
    """PS3.10 7.1: it says the SOP class and instance of the data set."""
    source = write_instance(tmp_path / "files", 1)
    data = source.read_bytes()
    start = read_head(source).dataset_offset
    source.write_bytes(data[:start].replace(f"{ROOT}.3.1".encode(), f"{ROOT}.3.7".encode()) + data[start:])
    assert dcmread(source).file_meta.MediaStorageSOPInstanceUID == f"{ROOT}.3.7"
    assert write_medium([stored(source)], tmp_path / "medium", quiet)[0] == 1
    [path], _ = referenced_files(tmp_path / "medium" / "DICOMDIR")
    assert dcmread(path).file_meta.MediaStorageSOPInstanceUID == f"{ROOT}.3.1"
    assert data_set(path) == data_set(source)


NATIVE = {
    "1.2.840.10008.1.2": "Implicit VR LE", "1.2.840.10008.1.2.1": "Explicit VR LE",
    "1.2.840.10008.1.2.2": "Explicit VR BE", "1.2.840.10008.1.2.1.99": "Deflated LE",
}  # fmt: skip


@pytest.mark.parametrize("there", NATIVE)
@pytest.mark.parametrize("said", [*NATIVE, "1.2.840.10008.1.2.4.50"])
def test_another_encoding_than_the_file_meta_information_says_is_named(tmp_path: Path, said: str, there: str) -> None:
    """PS3.10 7.1: also one that pydicom would read all the same, and list with the wrong transfer syntax."""
    path = tmp_path / put_bytes(
        tmp_path, f"{ROOT}.1", encode_dataset(instance(SOPInstanceUID=f"{ROOT}.1"), there), said
    )
    count, _, failed = write_medium([stored(path)], tmp_path / "medium", quiet)
    if NATIVE.get(said, "Explicit VR LE") == NATIVE[there]:
        assert (count, failed) == (1, ())
        return
    detail = f"the data set is {NATIVE[there]}, not {NATIVE.get(said, said)}"
    assert (count, failed) == (0, (LeftOut(f"{ROOT}.1", LeftOutCode.OTHER_ENCODING, detail),))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_reason_that_occurs_with_the_files_of_pydicom_has_a_code_and_words_of_ours(tmp_path: Path) -> None:
    files = []
    for path in sorted(path for path in shipped_folder().rglob("*") if path.is_file()):
        with suppress(Part10Error):
            files.append(stored(path))
    gone = files[0]._replace(path=tmp_path / "gone", sop_instance_uid="2.25.7")
    count, _, failed = write_medium([*files, gone], tmp_path / "medium", quiet)
    assert count + len(failed) == len(files) + 1
    palettes = [file for file in files if file.sop_class_uid == "1.2.840.10008.5.1.4.39.1"]
    assert not {file.sop_instance_uid for file in palettes} & {
        one.sop_instance_uid for one in failed if one.code is LeftOutCode.MISSING
    }, "what has a record without a study needs none"
    told = {one.code: one.text for one in failed}
    assert set(told) == {
        LeftOutCode.SAME_UID, LeftOutCode.OTHER_ENCODING, LeftOutCode.MISSING, LeftOutCode.UNREADABLE, LeftOutCode.GONE
    }  # fmt: skip
    assert told[LeftOutCode.UNREADABLE] == "it cannot be read: it does not begin with a preamble and DICM"
    assert not [text for text in told.values() if "FileSet" in text or "PS3.3 Section" in text or "force" in text]
