"""What the index reads of a file: the same as pydicom, of every kind of file, and never much."""

from __future__ import annotations

import warnings
from pathlib import Path

import pydicom
import pytest
from helpers.archive import instance, put, put_bytes
from helpers.instances import BIG_ENDIAN, CT, DEFLATED, EXPLICIT, IMPLICIT, shipped, shipped_name
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dicomgui.network.dimse.dataset import decode_dataset, encode_dataset
from dicomgui.storage.attributes import (
    ATTRIBUTES,
    MAX_SCAN_BYTES,
    MAX_TEXT,
    InstanceAttributes,
    Level,
    attributes_of,
    by_tag,
    decode_value,
    read_attributes,
    sequence_data_set,
    unread_attributes,
)

UID = "1.2.3"


def read(folder: Path, dataset: Dataset, syntax: str = EXPLICIT) -> InstanceAttributes:
    return read_attributes(folder / put(folder, dataset, syntax=syntax), str(dataset.SOPInstanceUID))


def test_the_table_agrees_with_the_standards_dictionary() -> None:
    from pydicom.datadict import dictionary_VM, dictionary_VR, keyword_for_tag

    for attribute in ATTRIBUTES:
        assert keyword_for_tag(attribute.tag) == attribute.keyword
        assert dictionary_VR(attribute.tag) == attribute.vr
        assert attribute.is_multiple == (dictionary_VM(attribute.tag) != "1" and attribute.vr != "SQ"), attribute
    assert len({attribute.tag for attribute in ATTRIBUTES}) == len(ATTRIBUTES)


def test_levels() -> None:
    assert [attributes_of(level)[0].keyword for level in Level] == [
        "PatientName", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID",
    ]  # fmt: skip
    name = by_tag(0x0010_0010)
    assert name is not None
    assert name.level is Level.PATIENT
    assert by_tag(0x7FE0_0010) is None


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED])
def test_every_encoding(tmp_path: Path, syntax: str) -> None:
    dataset = instance(SpecificCharacterSet="ISO_IR 100", PatientName="Müller^Jörg", ImageType=["ORIGINAL", "PRIMARY"])
    dataset.PixelData = bytes(32)
    dataset["PixelData"].VR = "OW"
    got = read(tmp_path, dataset, syntax)
    assert got.is_readable
    assert got.transfer_syntax_uid == syntax
    assert got.value("PatientName") == "Müller^Jörg"
    assert got.value("ImageType") == "ORIGINAL\\PRIMARY"
    assert got.value("Rows") == "4"
    assert got.value("SOPClassUID") == CT
    assert got.value("PatientSex") == ""
    with pytest.raises(KeyError):
        got.value("PixelData")


KNOWN_TO_DIFFER = {"SOPClassUID", "SOPInstanceUID"}  # taken from the head, and from the archive's name


@pytest.mark.parametrize("path", shipped(), ids=shipped_name)
def test_the_same_as_pydicom(path: Path) -> None:
    got = read_attributes(path, UID)
    with warnings.catch_warnings(action="ignore"):
        dataset = pydicom.dcmread(path, force=True, stop_before_pixels=True)
        for level, values in zip(Level, got[:4], strict=True):
            for attribute, value in zip(attributes_of(level), values, strict=True):
                if attribute.keyword in KNOWN_TO_DIFFER or attribute.vr == "SQ":
                    continue
                element = dataset.get(attribute.tag)
                expected = "" if element is None or element.value is None else element.value
                if element is not None and element.VM > 1:
                    expected = "\\".join(str(part).strip() for part in element.value)
                if attribute.vr == "DA":
                    expected = str(expected).replace(".", "")
                assert str(value or "").rstrip("=") == str(expected).strip(), attribute.keyword


def test_sequences_are_kept_as_they_are(tmp_path: Path) -> None:
    item = Dataset()
    item.CodeValue, item.CodeMeaning = "1", "Schädel"
    got = read(tmp_path, instance(SpecificCharacterSet="ISO_IR 100", ProcedureCodeSequence=Sequence([item])), IMPLICIT)
    value = got.study[[each.keyword for each in attributes_of(Level.STUDY)].index("ProcedureCodeSequence")]
    assert isinstance(value, bytes)
    data, syntax = sequence_data_set(value)
    assert syntax == IMPLICIT
    assert decode_dataset(data, syntax).ProcedureCodeSequence[0].CodeMeaning == "Schädel"
    assert got.value("ProcedureCodeSequence") == ""


@pytest.mark.parametrize("items", [[], [Dataset()] * 3000])
def test_sequences_that_are_empty_or_long_are_left_out(tmp_path: Path, items: list[Dataset]) -> None:
    got = read(tmp_path, instance(ProcedureCodeSequence=Sequence(items)))
    assert got.study[[each.keyword for each in attributes_of(Level.STUDY)].index("ProcedureCodeSequence")] is None
    assert got.value("Modality") == "CT"


@pytest.mark.parametrize("syntax", [EXPLICIT, DEFLATED])
@pytest.mark.parametrize("size", [20_000, 200_000, MAX_SCAN_BYTES - 2000])
def test_values_behind_something_long(tmp_path: Path, size: int, syntax: str) -> None:
    dataset = instance()
    dataset.add_new(0x00190010, "LO", "OWNER")
    dataset.add_new(0x00191010, "OB", bytes(size))
    assert read(tmp_path, dataset, syntax).value("Columns") == "4"


@pytest.mark.parametrize("syntax", [EXPLICIT, DEFLATED])
def test_no_further_than_a_mebibyte(tmp_path: Path, syntax: str) -> None:
    dataset = instance()
    dataset.add_new(0x00190010, "LO", "OWNER")
    dataset.add_new(0x00191010, "OB", bytes(MAX_SCAN_BYTES))
    got = read(tmp_path, dataset, syntax)
    assert got.value("Columns") == ""
    assert got.value("PatientID") == "P1"


def test_a_file_with_garbage_in_its_middle_gives_what_stands_before(tmp_path: Path) -> None:
    data = encode_dataset(instance(), EXPLICIT)
    at = data.index(b"\x20\0\x11\0IS")  # Series Number
    got = read_attributes(tmp_path / put_bytes(tmp_path, UID, data[:at] + b"\xff" * 100), UID)
    assert got.is_readable
    assert got.value("PatientName") == "Doe^Jane"
    assert got.value("InstanceNumber") == ""


@pytest.mark.parametrize("content", [b"", b"no DICOM", b"\0" * 128 + b"DICM", bytes(200_000)], ids=range(4))
def test_what_cannot_be_read_is_known_by_its_uid(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.dcm"
    path.write_bytes(content)
    got = read_attributes(path, UID)
    assert not got.is_readable
    assert got[:4] == unread_attributes(UID)[:4]
    assert got.value("SOPInstanceUID") == UID
    assert got.value("StudyInstanceUID") == ""


def test_of_a_data_set_of_garbage_the_sop_class_comes_from_the_head(tmp_path: Path) -> None:
    got = read_attributes(tmp_path / put_bytes(tmp_path, UID, b"\xff" * 100), UID)
    assert not got.is_readable
    assert got.value("SOPClassUID") == CT
    assert got.transfer_syntax_uid == EXPLICIT


def test_a_head_longer_than_the_first_read(tmp_path: Path) -> None:
    path = tmp_path / put(tmp_path, instance())
    data = path.read_bytes()
    private = b"\x02\0\x02\x01OB\0\0" + (40_000).to_bytes(4, "little") + bytes(40_000)
    at = data.index(b"\x08\0\x16\0UI")
    path.write_bytes(data[:at] + private + data[at:])
    assert read_attributes(path, UID).value("PatientID") == "P1"


def test_the_archives_name_of_an_instance_counts_and_uids_that_are_none_do_not(tmp_path: Path) -> None:
    data = encode_dataset(instance(StudyInstanceUID="../1", SeriesInstanceUID="", SOPClassUID="no class"), EXPLICIT)
    got = read_attributes(tmp_path / put_bytes(tmp_path, UID, data), UID)
    assert got.value("SOPInstanceUID") == UID
    assert got.value("SOPClassUID") == CT
    assert got.value("StudyInstanceUID") == ""
    assert got.is_readable


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_attributes(tmp_path / "x.dcm", UID)


@pytest.mark.parametrize(
    ("raw", "vr", "syntax", "text"),
    [
        (b"\x02\x01", "US", EXPLICIT, "258"),
        (b"\x02\x01", "US", BIG_ENDIAN, "513"),
        (b"\x02", "US", EXPLICIT, ""),
        (b"1.2.3\0", "UI", EXPLICIT, "1.2.3"),
        (b" A \\ B ", "LO", EXPLICIT, "A\\B"),
        (b" A\\ B ", "LT", EXPLICIT, " A\\ B"),
        (b"1997.04.24", "DA", EXPLICIT, "19970424"),
        (b"20240101", "DA", EXPLICIT, "20240101"),
        (b"  42 ", "IS", EXPLICIT, "42"),
        (b"A\0B\x01\x1bC", "LO", EXPLICIT, "ABC"),
        (b"x" * 100_000, "LT", EXPLICIT, "x" * MAX_TEXT),
    ],
)
def test_values_without_padding(raw: bytes, vr: str, syntax: str, text: str) -> None:
    assert decode_value(raw, vr, syntax, "") == text
