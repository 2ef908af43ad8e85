"""Identifiers for each level and model, and what is read from matches."""

from __future__ import annotations

from datetime import date

import pytest
from pydicom.dataset import Dataset

from dicomgui.network import ConfigurationError
from dicomgui.network.service_classes.attributes import dataset_of
from dicomgui.network.service_classes.keys import keys_of
from dicomgui.network.service_classes.query import LEVELS, RETURN_KEYS, UNIQUE_KEYS, Found, identifier, to_retrieve


@pytest.mark.parametrize(("root", "level"), [(root, level) for root, levels in LEVELS.items() for level in levels])
def test_an_identifier_has_its_level_and_its_unique_key(root: str, level: str) -> None:
    keys = identifier(level, root=root)
    assert keys.QueryRetrieveLevel == level
    assert UNIQUE_KEYS[level] in keys
    assert all(keyword in keys for keyword in RETURN_KEYS[level])


@pytest.mark.parametrize(("root", "level"), [("study", "PATIENT"), ("patient-study-only", "SERIES"), ("none", "STUDY")])
def test_a_level_that_the_model_lacks_is_an_error(root: str, level: str) -> None:
    with pytest.raises(ConfigurationError):
        identifier(level, root=root)


def test_a_study_of_the_study_root_has_its_patient_and_one_of_the_patient_root_has_not() -> None:
    assert "PatientBirthDate" in identifier("STUDY")
    assert "PatientBirthDate" not in identifier("STUDY", root="patient")


def test_the_keys_of_the_levels_above_are_taken_over() -> None:
    above = dataset_of({"PatientID": "4711", "StudyInstanceUID": "1.2.3", "SeriesInstanceUID": ""})
    keys = identifier("SERIES", {"Modality": "CT"}, root="patient", above=above, return_keys=())
    assert [(element.keyword, element.value) for element in keys] == [
        ("QueryRetrieveLevel", "SERIES"),
        ("Modality", "CT"),
        ("PatientID", "4711"),
        ("StudyInstanceUID", "1.2.3"),
        ("SeriesInstanceUID", ""),
    ]


def test_the_character_set_is_declared_where_it_is_needed_or_asked_for() -> None:
    assert "SpecificCharacterSet" not in identifier("STUDY", {"PatientName": "DOE"})
    assert identifier("STUDY", {"PatientName": "MÜLLER"}).SpecificCharacterSet == "ISO_IR 192"
    assert identifier("STUDY", character_set="ISO_IR 100").SpecificCharacterSet == "ISO_IR 100"
    assert identifier("STUDY", character_set="")["SpecificCharacterSet"].value == ""


def test_keys_may_lead_through_sequences() -> None:
    keys = identifier("SERIES", {"RequestAttributesSequence[0].RequestedProcedureID": "RP1"})
    assert keys.RequestAttributesSequence[0].RequestedProcedureID == "RP1"


def test_a_retrieval_has_unique_keys_only() -> None:
    match = keys_of(["PatientID=4711", "StudyInstanceUID=1.2", "SeriesInstanceUID=1.3\\1.4", "Modality=CT"])
    wanted = to_retrieve(match, "SERIES", root="patient")
    assert {element.keyword for element in wanted} == {
        "QueryRetrieveLevel",
        "PatientID",
        "StudyInstanceUID",
        "SeriesInstanceUID",
    }
    assert list(wanted.SeriesInstanceUID) == ["1.3", "1.4"]
    with pytest.raises(ConfigurationError, match="SOPInstanceUID"):
        to_retrieve(match, "IMAGE")


def test_a_match_of_a_series_is_read() -> None:
    found = Found(
        keys_of(
            [
                "QueryRetrieveLevel=SERIES",
                "PatientName=DOE^JOHN",
                "PatientID=4711",
                "AccessionNumber=A1",
                "StudyInstanceUID=1.2",
                "SeriesInstanceUID=1.3",
                "SOPInstanceUID=1.4",
                "SOPClassUID=1.5",
                "SeriesDate=2024.01.02",
                "SeriesDescription=Thorax",
                "StudyDescription=Not this",
                "Modality=CT",
                "SeriesNumber=3",
                "NumberOfSeriesRelatedInstances=12",
            ]
        )
    )
    assert (found.level, found.patient_name, found.patient_id) == ("SERIES", "DOE^JOHN", "4711")
    assert (found.accession_number, found.description, found.modalities) == ("A1", "Thorax", ("CT",))
    assert (found.study_instance_uid, found.series_instance_uid, found.sop_instance_uid) == ("1.2", "1.3", "1.4")
    assert (found.day, found.number, found.instances, found.sop_classes) == (date(2024, 1, 2), 3, 12, ("1.5",))


def test_a_match_without_anything_is_read_as_nothing() -> None:
    found = Found(Dataset())
    assert (found.patient_name, found.day, found.number) == ("", None, None)
    assert found.modalities == found.sop_classes == ()


def test_nonsense_in_a_match_is_nothing() -> None:
    found = Found(dataset_of({"StudyDate": "yesterday"}))
    found.dataset.add_new(0x00201208, "LO", "many")
    assert found.day is None
    assert found.instances is None
