"""Keys by path: spellings, items, values, and relaxing a query."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset

from dicomgui.network import ConfigurationError
from dicomgui.network.service_classes.keys import (
    Step,
    filled_keys,
    keys_of,
    parse_key,
    parse_path,
    set_key,
    value_at,
    without_value,
)

STEPS = "ScheduledProcedureStepSequence"


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("PatientID", (Step(0x00100020),)),
        ("0010,0020", (Step(0x00100020),)),
        ("(0010,0020)", (Step(0x00100020),)),
        ("00100020", (Step(0x00100020),)),
        (" 0040A504 ", (Step(0x0040A504),)),
        (f"{STEPS}[0].Modality", (Step(0x00400100, 0), Step(0x00080060))),
        (f"{STEPS}.Modality", (Step(0x00400100), Step(0x00080060))),
        ("(0040,0100)[2]/(0008,0060)", (Step(0x00400100, 2), Step(0x00080060))),
        ("00091001", (Step(0x00091001),)),
    ],
)
def test_a_path_has_many_spellings(path: str, steps: tuple[Step, ...]) -> None:
    assert parse_path(path) == steps


@pytest.mark.parametrize(
    "path",
    [
        "",
        "PatientNmae",
        "Patient ID",
        "0010",
        "PatientID.",
        "PatientID[x]",
        f"{STEPS}[-1]",
        f"{STEPS}[1001]",
        "0002,0010",
        "0000,0002",
    ],
)
def test_what_is_no_path_is_an_error(path: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_path(path)


def test_sequences_and_items_are_made_as_needed() -> None:
    dataset = keys_of([f"{STEPS}[1].Modality=MR", f"{STEPS}.Modality=CT", "PatientID", "RequestAttributesSequence[0]"])
    assert [item.Modality for item in dataset[STEPS].value] == ["CT", "MR"]
    assert dataset.PatientID == ""
    assert list(dataset.RequestAttributesSequence) == [Dataset()]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Rows=512", 512),
        ("Rows=0x10", 16),
        ("Rows=1\\2", [1, 2]),
        ("RealWorldValueSlope=1.5", 1.5),
        ("FrameIncrementPointer=0018,1063", 0x00181063),
        ("StudyDate=20240101-", "20240101-"),
        ("ModalitiesInStudy=CT\\MR", ["CT", "MR"]),
        ("0009,1001=ab", b"ab"),
        ("PatientName=A=B=C", "A=B=C"),
    ],
)
def test_texts_become_values_of_their_representation(key: str, value: object) -> None:
    element = next(iter(keys_of([key])))
    assert element.value == value


@pytest.mark.parametrize(
    "key",
    [
        "Rows=many",
        "SliceThickness=thick",
        "InstanceNumber=one",
        f"{STEPS}=CT",
        f"{STEPS}[0]=CT",
        "PatientID.Modality=CT",
    ],
)
def test_a_value_that_does_not_fit_is_an_error(key: str) -> None:
    with pytest.raises(ConfigurationError):
        keys_of([key])


def test_a_sequence_takes_items() -> None:
    dataset = Dataset()
    set_key(dataset, STEPS, [Dataset()])
    set_key(dataset, "Rows", 7)
    assert len(dataset[STEPS].value) == 1
    assert dataset.Rows == 7


def test_a_key_without_equals_sign_has_no_value() -> None:
    assert parse_key(" PatientID ") == ("PatientID", "")


def test_a_name_beyond_ascii_declares_its_character_set() -> None:
    assert keys_of(["PatientName=MÜLLER*"]).SpecificCharacterSet == "ISO_IR 192"


def test_values_are_found_at_their_path() -> None:
    dataset = keys_of([f"{STEPS}[1].Modality=MR", "PatientID=4711"])
    assert value_at(dataset, f"{STEPS}[1].Modality") == "MR"
    assert value_at(dataset, f"{STEPS}[0].Modality") == ""
    assert value_at(dataset, f"{STEPS}[2].Modality") == ""
    assert value_at(dataset, "PatientID.Modality") == ""
    assert value_at(dataset, "RequestAttributesSequence.Modality") == ""
    assert value_at(dataset, "PatientID") == "4711"


def test_each_key_that_restricts_can_be_taken_away_alone() -> None:
    identifier = keys_of(
        [
            "SpecificCharacterSet=ISO_IR 192",
            "QueryRetrieveLevel=STUDY",
            "PatientName=DOE*",
            "PatientID=*",
            "StudyDate",
            f"{STEPS}[0].Modality=CT",
            "00091001=x",
        ]
    )
    assert list(filled_keys(identifier)) == ["00091001", "PatientName", f"{STEPS}[0].Modality"]
    relaxed = without_value(identifier, f"{STEPS}[0].Modality")
    assert value_at(relaxed, f"{STEPS}[0].Modality") == ""
    assert value_at(identifier, f"{STEPS}[0].Modality") == "CT"
    assert relaxed.PatientName == "DOE*"
