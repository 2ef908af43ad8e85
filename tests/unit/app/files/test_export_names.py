"""Names of exported files."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.dataset import Dataset, FileMetaDataset

from dicomgui.app.files.export_names import Namer
from dicomgui.storage import StoredFile

CT = "1.2.840.10008.5.1.4.1.1.2"


def stored(folder: Path, number: int, **values: object) -> StoredFile:
    dataset = Dataset()
    usual = {"SpecificCharacterSet": "ISO_IR 192", "StudyInstanceUID": "1.1", "SeriesInstanceUID": "1.1.1"}
    for keyword, value in {**usual, **values}.items():
        setattr(dataset, keyword, value)
    dataset.SOPClassUID, dataset.SOPInstanceUID = CT, f"1.1.1.{number}"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    path = folder / f"{number}.dcm"
    dataset.save_as(path, enforce_file_format=True)
    return StoredFile(path, f"00/{path.name}", CT, str(dataset.SOPInstanceUID), "1.2.840.10008.1.2.1", 1)


def test_patient_study_series_instance(tmp_path: Path) -> None:
    file = stored(
        tmp_path, 1, PatientID="7", PatientName="Doe^Jane=漢字", StudyDate="20260102", StudyDescription="Head/neck",
        SeriesNumber="3", Modality="CT", SeriesDescription="thin", InstanceNumber="12",
    )  # fmt: skip
    assert Namer().name_of(file) == ("7 Doe Jane", "20260102 Head_neck", "3 CT thin", "0012.dcm")


def test_what_has_nothing_has_a_name_all_the_same(tmp_path: Path) -> None:
    assert Namer().name_of(stored(tmp_path, 1)) == ("unknown patient", "study", "series", "instance.dcm")
    gone = StoredFile(tmp_path / "gone.dcm", "00/gone.dcm", CT, "1.9", "1.2.840.10008.1.2.1", 1)
    assert Namer().name_of(gone)[3] == "instance.dcm"


def test_two_that_are_called_alike_stay_apart_whatever_the_case(tmp_path: Path) -> None:
    namer = Namer()
    names = [
        namer.name_of(stored(tmp_path, 1, PatientID="a", StudyInstanceUID="1.1", InstanceNumber=1)),
        namer.name_of(stored(tmp_path, 2, PatientID="a", StudyInstanceUID="1.2", InstanceNumber=1)),
        namer.name_of(stored(tmp_path, 3, PatientID="A", StudyInstanceUID="1.3", InstanceNumber=1)),
        namer.name_of(stored(tmp_path, 4, PatientID="a", StudyInstanceUID="1.1", InstanceNumber=1)),
    ]
    assert names == [
        ("a", "study", "series", "0001.dcm"),
        ("a", "study (2)", "series", "0001.dcm"),
        ("A (2)", "study", "series", "0001.dcm"),
        ("a", "study", "series", "0001 (2).dcm"),
    ]


@pytest.mark.parametrize("number", ["abc", "-1", "1" * 12])
def test_numbers_that_are_none(number: str, tmp_path: Path) -> None:
    dataset = stored(tmp_path, 1)
    raw = dataset.path.read_bytes()
    value = number.encode() + b" " * (len(number) % 2)
    element = b"\x20\x00\x13\x00IS" + len(value).to_bytes(2, "little") + value
    dataset.path.write_bytes(raw + element)
    assert Namer().name_of(dataset)[3] == "instance.dcm"
