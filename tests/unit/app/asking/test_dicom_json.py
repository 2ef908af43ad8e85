"""Data sets as DICOM JSON, and from files of it or of Part 10."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.instances import shipped_folder, write_instance
from helpers.retrieval import elements
from pydicom.dataset import Dataset

from dicomgui.app.asking import dicom_json as module
from dicomgui.app.asking.dicom_json import (
    DatasetFileError,
    character_set_of,
    dataset_json,
    load_dataset,
    parse_dataset,
    with_character_set,
)
from dicomgui.network import ConfigurationError
from dicomgui.network.dimse.dataset import decode_dataset, encode_dataset

EXPLICIT = "1.2.840.10008.1.2.1"


def test_values_are_in_the_json_model() -> None:
    dataset = elements(
        SpecificCharacterSet="ISO_IR 100", PatientName="Müller^A", PatientID="", InstanceNumber=7, SliceThickness="1.5",
        ModalitiesInStudy=["CT", "MR"], Rows=512, FrameIncrementPointer=0x00181063,
        ScheduledProcedureStepSequence=[elements(Modality="CT")], RequestedContrastAgent=None,
    )  # fmt: skip
    dataset.ReferencedStudySequence = []
    dataset.add_new(0x00420011, "OB", b"\x00\x01")
    found = dataset_json(dataset)
    assert found["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "Müller^A"}]}
    assert found["00100020"] == {"vr": "LO"}
    assert found["00200013"] == {"vr": "IS", "Value": [7]}
    assert found["00080061"] == {"vr": "CS", "Value": ["CT", "MR"]}
    assert found["00280010"] == {"vr": "US", "Value": [512]}
    assert found["00280009"] == {"vr": "AT", "Value": ["00181063"]}
    assert found["00420011"] == {"vr": "OB", "InlineBinary": "AAE="}
    assert found["00400100"] == {"vr": "SQ", "Value": [{"00080060": {"vr": "CS", "Value": ["CT"]}}]}
    assert found["00081110"] == {"vr": "SQ"}
    assert found["00080005"] == {"vr": "CS", "Value": ["ISO_IR 192"]}
    assert list(found) == sorted(found)
    assert Dataset.from_json(json.loads(json.dumps(found))).PatientName == "Müller^A"
    assert character_set_of(dataset) == ["ISO_IR 100"]


def test_values_that_break_their_vr_are_given_as_text() -> None:
    data = b"\x28\x00\x10\x00US\x02\x00\x00\x02" + b"\x18\x00\x50\x00DS\x06\x00thick " + b"\x20\x00\x13\x00IS\x02\x00x "
    found = dataset_json(decode_dataset(data, EXPLICIT))
    assert json.loads(json.dumps(found))["00280010"]["Value"] == [512]
    assert found["00180050"] == {"vr": "DS", "Value": ["thick"]}
    assert found["00200013"] == {"vr": "IS", "Value": ["x"]}


def test_no_character_set_stays_none() -> None:
    assert dataset_json(elements(SpecificCharacterSet=""))["00080005"] == {"vr": "CS"}
    assert character_set_of(elements()) == []
    assert character_set_of(elements(SpecificCharacterSet=["", "ISO 2022 IR 87"])) == ["", "ISO 2022 IR 87"]


@pytest.mark.parametrize(
    "text",
    ['{"00100020": {"vr": "LO", "Value": ["7"]}}', ' [{"00100020": {"vr": "LO", "Value": ["7"]}}]\n'],
)
def test_json_is_read(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert load_dataset(path).PatientID == "7"


def test_a_dicom_file_is_read_without_its_head(tmp_path: Path) -> None:
    dataset = load_dataset(write_instance(tmp_path, 1))
    assert dataset.PatientID == "INTEROP"
    assert type(dataset) is Dataset
    assert encode_dataset(dataset, EXPLICIT)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"{", "no JSON"),
        (b"[" * 100_000, "is too large: it is nested more than 200 levels deep"),
        (b"[]", "holds 0 data sets"),
        (b"[1, 2]", "holds 2 data sets"),
        (b"[1]", "no data set in the DICOM JSON model"),
        (b'{"0010": 5}', "no data set in the DICOM JSON model"),
        (b'{"00280010": {"vr": "US", "Value": ["x"]}, "nonsense": {}}', "no data set in the DICOM JSON model"),
        (b"", "neither DICOM JSON nor a DICOM file"),
        (b"hello", "neither DICOM JSON nor a DICOM file"),
        (bytes(128) + b"DICM\x02\0\x10\0UI\x02\x007\0\x10\0\x10\0LO\0\0\xe0\x7f\x10\0OW\0\0\0\0\0\0",
         "UID is not a transfer syntax"),
    ],
)  # fmt: skip
def test_what_is_no_data_set_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(DatasetFileError, match=f"the input .*{reason}|{reason}"):
        parse_dataset(data)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DatasetFileError, match="No such file"):
        load_dataset(tmp_path / "none.json")
    with pytest.raises(DatasetFileError, match="compressed pixel data"):
        load_dataset(shipped_folder() / "test_files" / "JPEG2000.dcm")
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 10)
    path = tmp_path / "large.json"
    path.write_bytes(b" " * 11)
    with pytest.raises(DatasetFileError, match="more than 10 bytes"):
        load_dataset(path)


def test_the_character_set_is_one_that_holds_the_text() -> None:
    plain = elements(PatientName="A^B")
    assert with_character_set(plain) == (plain, ())
    unnamed = elements(PatientName="Müller")
    named, notes = with_character_set(unnamed)
    assert named.SpecificCharacterSet == "ISO_IR 100"
    assert "ISO_IR 100" in notes[0]
    assert "SpecificCharacterSet" not in unnamed
    own = elements(PatientName="Müller", SpecificCharacterSet="ISO_IR 192")
    assert with_character_set(own) == (own, ())
    with pytest.raises(ConfigurationError, match="does not hold"):
        with_character_set(elements(PatientName="山田", SpecificCharacterSet="ISO_IR 100"))
