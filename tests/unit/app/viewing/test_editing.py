"""Changing a copy: what a value may be, what becomes of UIDs and marks, and that the original stays."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from helpers.archive import instance
from helpers.instances import EXPLICIT, write_instance
from pydicom import dcmread
from pydicom.data import get_charset_files
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate

from dicomgui.app.viewing.editing import COMMENT, MARK, EditedCopy, EditError, Finish, UidMap, filled, parse_tag
from dicomgui.app.viewing.viewed import open_bytes, open_file
from dicomgui.network.dimse.dataset import encode_dataset
from dicomgui.network.part10 import read_head, write_head

PLAIN = Finish(False, False, False, False, False, False)
ID, NAME, SERIES, STUDY, UID = 0x00100020, 0x00100010, 0x0020000E, 0x0020000D, 0x00080018


def written(tmp_path: Path, **values: object) -> Path:
    dataset = instance(1, 1, 1, **values)
    reference = Dataset()
    reference.ReferencedSOPInstanceUID = dataset.SOPInstanceUID
    dataset.ReferencedImageSequence = [reference]
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    path = tmp_path / "original.dcm"
    dataset.save_as(path, enforce_file_format=True)
    return path


def copy_of(path: Path) -> EditedCopy:
    viewed = open_file(path)
    try:
        return EditedCopy.of(viewed)
    finally:
        viewed.close()


def test_the_copy_has_what_was_typed_and_the_original_stays(tmp_path: Path) -> None:
    path = written(tmp_path)
    before = hashlib.sha256(path.read_bytes()).digest()
    copy = copy_of(path)
    copy.set_value((ID,), "NEW1")
    copy.delete((NAME,))
    copy.add(parse_tag("PatientWeight"), "71.5")
    uid = copy.save(tmp_path / "copy.dcm", PLAIN, UidMap())
    made, original = dcmread(tmp_path / "copy.dcm"), dcmread(path)
    assert (made.PatientID, made.PatientWeight, "PatientName" in made) == ("NEW1", 71.5, False)
    assert made.SOPInstanceUID == original.SOPInstanceUID == uid
    assert made.file_meta.TransferSyntaxUID == original.file_meta.TransferSyntaxUID
    assert hashlib.sha256(path.read_bytes()).digest() == before


def test_long_values_go_from_file_to_file(tmp_path: Path) -> None:
    path = write_instance(tmp_path, 1, pixel_bytes=1_048_576)
    copy = copy_of(path)
    [row] = [row for row in copy.rows() if row.path == (0x7FE00010,)]
    assert (row.value, row.is_editable) == ("long, stays as it is", False)
    copy.set_value((ID,), "X")
    copy.save(tmp_path / "copy.dcm", Finish(), UidMap())
    assert dcmread(tmp_path / "copy.dcm").PixelData == dcmread(path).PixelData


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.110", "1.2.840.10008.1.2.8.1"])
def test_a_copy_can_be_in_a_newer_syntax_than_pydicom_knows(tmp_path: Path, syntax: str) -> None:
    dataset = dcmread(write_instance(tmp_path, 1))
    dataset.PixelData = encapsulate([b"frame of 16 byte"])
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    uids = {"sop_class_uid": str(dataset.SOPClassUID), "sop_instance_uid": str(dataset.SOPInstanceUID)}
    path = tmp_path / "newer.dcm"
    path.write_bytes(write_head(**uids, transfer_syntax_uid=syntax) + encode_dataset(dataset, EXPLICIT))
    copy = copy_of(path)
    copy.set_value((ID,), "NEW1")
    copy.save(tmp_path / "copy.dcm", Finish(), UidMap())
    head, made = read_head(tmp_path / "copy.dcm"), dcmread(tmp_path / "copy.dcm")
    assert (head.transfer_syntax_uid, head.sop_instance_uid) == (syntax, made.SOPInstanceUID)
    assert (made.PatientID, made.PixelData) == ("NEW1", dataset.PixelData)


def test_new_uids_keep_a_study_together_and_references_to_itself_right(tmp_path: Path) -> None:
    path = written(tmp_path)
    uids, made = UidMap(), []
    for number in (1, 2):
        copy_of(path).save(tmp_path / f"{number}.dcm", Finish(), uids)
        made.append(dcmread(tmp_path / f"{number}.dcm"))
    original = dcmread(path)
    assert len({original.StudyInstanceUID, made[0].StudyInstanceUID}) == 2
    assert made[0].StudyInstanceUID == made[1].StudyInstanceUID
    assert made[0].SeriesInstanceUID == made[1].SeriesInstanceUID != original.SeriesInstanceUID
    assert len({original.SOPInstanceUID, *(one.SOPInstanceUID for one in made)}) == 3
    for one in made:
        assert one.ReferencedImageSequence[0].ReferencedSOPInstanceUID == one.SOPInstanceUID
        assert one.file_meta.MediaStorageSOPInstanceUID == one.SOPInstanceUID


def test_a_copy_is_marked_once_however_long_its_description_is(tmp_path: Path) -> None:
    path = written(tmp_path, SeriesDescription="x" * 64)
    copy_of(path).save(tmp_path / "1.dcm", Finish(marks_comments=True), UidMap())
    copy_of(tmp_path / "1.dcm").save(tmp_path / "2.dcm", Finish(), UidMap())
    first, second = dcmread(tmp_path / "1.dcm"), dcmread(tmp_path / "2.dcm")
    assert first.SeriesDescription == second.SeriesDescription == "x" * (64 - len(MARK)) + MARK
    assert first.PatientComments == COMMENT


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("PatientBirthDate", "31.12.1999"), ("StudyTime", "25:00"), ("PatientSex", "x" * 17), ("PatientAge", "12"),
        ("FrameOfReferenceUID", "1.02.3"), ("Rows", "70000"), ("Rows", "-1"), ("Rows", "many"),
        ("InstanceNumber", "1.5"), ("InstanceNumber", "99999999999"), ("PatientWeight", "heavy"),
        ("PatientID", "x" * 65), ("RecommendedDisplayFrameRateInFloat", "inf"), ("FrameIncrementPointer", "Rows"),
        ("Modality", "小"),
    ],
)  # fmt: skip
def test_what_the_representation_does_not_allow_is_refused_and_changes_nothing(
    tmp_path: Path, keyword: str, text: str
) -> None:
    copy = copy_of(written(tmp_path))
    tag = parse_tag(keyword)
    before = copy.rows()
    is_there = any(row.path == (tag,) for row in before)
    with pytest.raises(EditError):
        copy.set_value((tag,), text) if is_there else copy.add(tag, text)
    assert copy.rows() == before


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("ImagePositionPatient", "1\\-2.5\\3e1"), ("ImageComments", "a\\b is one text"), ("Rows", "65535"),
        ("FrameIncrementPointer", "00181063"), ("PatientBirthDate", "19991231"), ("PatientBirthDate", ""),
        ("OtherPatientIDs", "A\\B"),
    ],
)  # fmt: skip
def test_what_is_typed_is_what_is_read_again(tmp_path: Path, keyword: str, text: str) -> None:
    copy = copy_of(written(tmp_path))
    tag = parse_tag(keyword)
    if any(row.path == (tag,) for row in copy.rows()):
        copy.delete((tag,))
    copy.add(tag, text)
    copy.save(tmp_path / "copy.dcm", PLAIN, UidMap())
    [row] = [row for row in copy_of(tmp_path / "copy.dcm").rows() if row.path == (tag,)]
    assert [float(one) for one in row.value.split("\\")] == [1, -2.5, 30] if "e1" in text else row.value == text


def test_characters_need_a_character_set_that_holds_them(tmp_path: Path) -> None:
    copy = copy_of(written(tmp_path))
    with pytest.raises(EditError, match="ISO_IR 192"):
        copy.set_value((NAME,), "王^小東")
    copy.add(0x00080005, "ISO_IR 192")
    copy.set_value((NAME,), "王^小東")
    copy.save(tmp_path / "copy.dcm", PLAIN, UidMap())
    assert str(dcmread(tmp_path / "copy.dcm").PatientName) == "王^小東"


def test_another_character_set_takes_the_old_texts_with_it(tmp_path: Path) -> None:
    [german] = [path for path in get_charset_files("chrGerm.dcm")]
    copy = copy_of(Path(german))
    copy.set_value((0x00080005,), "ISO_IR 192")
    copy.save(tmp_path / "copy.dcm", PLAIN, UidMap())
    assert "Äneas^Rüdiger".encode() in (tmp_path / "copy.dcm").read_bytes()


def test_an_at_sign_is_another_digit_each_time(tmp_path: Path) -> None:
    path = written(tmp_path, PatientComments="me@home")
    copy = copy_of(path)
    copy.set_value((ID,), "T@@@@@@@@@@@@")
    seen = set()
    for number in (1, 2):
        copy.save(tmp_path / f"{number}.dcm", Finish(), UidMap())
        made = dcmread(tmp_path / f"{number}.dcm")
        assert re.fullmatch(r"T\d{12}", made.PatientID)
        assert made.PatientComments == "me@home"  # nobody typed that
        seen.add(made.PatientID)
    assert len(seen) == 2


def test_the_digits_of_a_uid_are_never_a_zero_in_front() -> None:
    assert all(re.fullmatch(r"1\.2\.[1-9]\d", filled("1.2.@@")) for _ in range(300))


def test_without_its_uid_it_is_no_instance(tmp_path: Path) -> None:
    with pytest.raises(EditError, match="could not be sent"):
        copy_of(written(tmp_path)).delete((UID,))


def test_elements_of_items_are_edited_too(tmp_path: Path) -> None:
    copy = copy_of(written(tmp_path))
    inside = next(row.path for row in copy.rows() if row.path[0] == 0x00081140 and len(row.path) == 3)
    copy.set_value(inside, "1.2.3")
    copy.add(parse_tag("ReferencedSOPClassUID"), "1.2.4", inside[:-1])
    copy.save(tmp_path / "copy.dcm", PLAIN, UidMap())
    [item] = dcmread(tmp_path / "copy.dcm").ReferencedImageSequence
    assert (item.ReferencedSOPInstanceUID, item.ReferencedSOPClassUID) == ("1.2.3", "1.2.4")
    with pytest.raises(EditError, match="not there any more"):
        copy.set_value((0x00081140, 7, 0x00081155), "1.2.3")


def test_what_came_over_the_network_is_copied_from_memory(tmp_path: Path) -> None:
    syntax = "1.2.840.10008.1.2"
    viewed = open_bytes(encode_dataset(instance(1, 1, 1), syntax), syntax, "from the trace")
    EditedCopy.of(viewed).save(tmp_path / "copy.dcm", PLAIN, UidMap())
    assert dcmread(tmp_path / "copy.dcm").PatientID == instance(1, 1, 1).PatientID
    cut = open_bytes(bytes(8), syntax, "cut off", length=100)
    with pytest.raises(EditError, match="not kept"):
        EditedCopy.of(cut)


@pytest.mark.parametrize("text", ["", "NoSuchKeyword", "0002,0010", "(FFFE,E000)", "0010,00"])
def test_what_is_no_element_cannot_be_added(text: str) -> None:
    with pytest.raises(EditError):
        parse_tag(text)


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    path = written(tmp_path)
    with pytest.raises(EditError, match="cannot be written"):
        copy_of(path).save(path, PLAIN, UidMap())
    assert path.exists()
