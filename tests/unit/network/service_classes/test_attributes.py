"""Attribute lists: values as they are given, character sets, and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from dicomgui.network import ConfigurationError
from dicomgui.network.dimse.dataset import decode_dataset, encode_dataset
from dicomgui.network.service_classes.attributes import (
    Code,
    da,
    dataset_of,
    derived_uid,
    dt,
    in_utf_8,
    incomplete,
    invalid_value,
    items_of,
    mark_character_set,
    new_uid,
    put,
    selected,
    tag_of,
    text_of,
    texts_of,
    tm,
    wrong_value,
)
from dicomgui.network.uids import IMPLICIT_VR_LITTLE_ENDIAN, is_valid_uid


def test_a_code_has_its_version_only_where_it_is_needed() -> None:
    assert "CodingSchemeVersion" not in Code("1", "DCM", "one").item()
    assert Code("1", "DCM", "one", "01").item().CodingSchemeVersion == "01"


def test_moments_become_dicom_texts() -> None:
    assert da(date(2024, 2, 9)) == "20240209"
    assert tm(time(7, 5, 3)) == "070503"
    assert dt(datetime(2024, 2, 9, 7, 5, 3, tzinfo=UTC)) == "20240209070503+0000"


def test_uids_are_new_and_valid() -> None:
    assert is_valid_uid(new_uid(), strict=True)
    assert new_uid() != new_uid()


def test_a_derived_uid_belongs_to_its_parts_and_their_order() -> None:
    assert is_valid_uid(derived_uid("2.25.1", "film", 1), strict=True)
    assert derived_uid("2.25.1", "film", 1) == derived_uid("2.25.1", "film", "1")
    assert len({derived_uid("a", "b"), derived_uid("b", "a"), derived_uid("ab"), derived_uid()}) == 4


def test_any_value_can_be_put_even_one_that_breaks_its_representation() -> None:
    dataset = dataset_of({"PatientAge": "old", "Modality": "ct", "StudyDate": "*", "SOPClassesInStudy": ("1.2", "1.3")})
    assert (dataset.PatientAge, dataset.Modality, dataset.StudyDate) == ("old", "ct", "*")
    assert list(dataset.SOPClassesInStudy) == ["1.2", "1.3"]


@pytest.mark.parametrize(("keyword", "value"), [("SliceThickness", "thick"), ("ReferencedStudySequence", "one")])
def test_what_cannot_be_held_at_all_is_an_error(keyword: str, value: str) -> None:
    with pytest.raises(ConfigurationError):
        put(Dataset(), keyword, value)


def test_a_tag_that_no_dictionary_has_takes_bytes() -> None:
    dataset = Dataset()
    put(dataset, 0x00091001, b"ab")
    assert (dataset[0x00091001].VR, dataset[0x00091001].value) == ("UN", b"ab")


def test_an_unknown_keyword_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="'PatientNmae'"):
        tag_of("PatientNmae")


@pytest.mark.parametrize(("name", "declared"), [("DOE^JOHN", ""), ("MÜLLER", "ISO_IR 192")])
def test_utf_8_is_declared_where_a_text_needs_it(name: str, declared: str) -> None:
    dataset = dataset_of({"RequestAttributesSequence": [dataset_of({"RequestedProcedureDescription": name})]})
    assert mark_character_set(dataset) is dataset
    assert dataset.get("SpecificCharacterSet", "") == declared


def test_a_declared_character_set_is_left_alone() -> None:
    dataset = mark_character_set(dataset_of({"SpecificCharacterSet": "ISO_IR 100", "PatientName": "MÜLLER"}))
    assert dataset.SpecificCharacterSet == "ISO_IR 100"


def test_what_came_in_latin_goes_out_in_utf_8_together_with_what_did_not() -> None:
    came = dataset_of({"SpecificCharacterSet": "ISO_IR 100", "PatientName": "MÜLLER", "StudyDescription": "Schädel"})
    came = decode_dataset(encode_dataset(came, IMPLICIT_VR_LITTLE_ENDIAN), IMPLICIT_VR_LITTLE_ENDIAN)
    merged = in_utf_8(came)
    merged.update(in_utf_8(dataset_of({"ReferringPhysicianName": "ΔΟΚΤΩΡ"})))
    again = decode_dataset(encode_dataset(merged, IMPLICIT_VR_LITTLE_ENDIAN), IMPLICIT_VR_LITTLE_ENDIAN)
    assert [str(again[keyword].value) for keyword in ("PatientName", "StudyDescription", "ReferringPhysicianName")] == [
        "MÜLLER",
        "Schädel",
        "ΔΟΚΤΩΡ",
    ]
    assert came.SpecificCharacterSet == "ISO_IR 100"


def test_values_are_read_as_text() -> None:
    dataset = dataset_of({"Modality": " CT ", "ModalitiesInStudy": ["CT", "MR"], "PatientID": None, "Rows": 5})
    keywords = ("Modality", "ModalitiesInStudy", "PatientID", "PatientName", "Rows")
    assert [text_of(dataset, keyword) for keyword in keywords] == ["CT", "CT\\MR", "", "", "5"]


def test_items_of_what_is_no_sequence_are_none() -> None:
    dataset = dataset_of({"PatientID": "1", "ReferencedStudySequence": [Dataset()]})
    assert items_of(dataset, "PatientID") == items_of(dataset, "ReferencedSeriesSequence") == ()
    assert len(items_of(dataset, "ReferencedStudySequence")) == 1


def test_absent_attributes_are_told_before_empty_ones() -> None:
    dataset = dataset_of({"PatientID": "", "ReferencedStudySequence": [], "Modality": "CT"})
    absent = incomplete(dataset, ["PatientID", "PatientName"], may_be_empty=["PatientSex", "Modality"])
    assert absent is not None
    assert (absent.status, absent.comment) == (0x0120, "missing: PatientName, PatientSex")
    assert absent.attribute_identifiers == absent.offending == (0x00100010, 0x00100040)
    empty = incomplete(dataset, ["PatientID", "ReferencedStudySequence", "Modality"])
    assert empty is not None
    assert (empty.status, empty.offending) == (0x0121, (0x00100020, 0x00081110))
    assert incomplete(dataset, ["Modality"], may_be_empty=["PatientID"]) is None


def test_an_invalid_value_names_its_attribute() -> None:
    reply = invalid_value("Modality", "no")
    assert (reply.status, reply.attribute_identifiers) == (0x0106, (0x00080060,))


def test_a_selection_says_what_is_not_there() -> None:
    dataset = dataset_of({"SpecificCharacterSet": "ISO_IR 100", "PatientName": "MÜLLER", "PatientID": "1"})
    everything = selected(dataset, ())
    assert everything.status == 0
    assert everything.dataset == dataset
    some = selected(dataset, (0x00100010, 0x00100040))
    assert (some.status, some.attribute_identifiers) == (0x0001, (0x00100040,))
    assert isinstance(some.dataset, Dataset)
    assert [element.keyword for element in some.dataset] == ["SpecificCharacterSet", "PatientName"]


@pytest.mark.parametrize(
    ("vr", "value", "texts"),
    [
        ("LO", None, []),
        ("LO", "", [""]),
        ("LO", " x ", ["x"]),
        ("LO", ["a", "b "], ["a", "b"]),
        ("PN", "Doe^John", ["Doe^John"]),
        ("PN", ["A^B", "C^D"], ["A^B", "C^D"]),
        ("IS", "07", ["07"]),
        ("DS", "1.50", ["1.50"]),
        ("US", 7, ["7"]),
        ("US", [7, 8], ["7", "8"]),
        ("UN", b"x\0", ["x"]),
        ("OB", b"x\0", []),
        ("SQ", [], []),
    ],
)
def test_texts(vr: str, value: object, texts: list[str]) -> None:
    assert texts_of(DataElement(0x00091001, vr, value)) == texts


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("StudyDate", "20240229"),
        ("StudyDate", "2024.02.29"),
        ("StudyDate", ""),
        ("StudyTime", "235959.999999"),
        ("StudyTime", "23:59"),
        ("AcquisitionDateTime", "2024"),
        ("AcquisitionDateTime", "20240229235959.1+0100"),
        ("StudyInstanceUID", "1.2.3"),
        ("PatientName", "20249999"),
    ],
)
def test_values_that_can_be_are_taken(keyword: str, value: str) -> None:
    assert wrong_value(dataset_of({keyword: value})) is None


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("StudyDate", "20241301"),
        ("StudyDate", "20240101-20240102"),
        ("StudyTime", "24"),
        ("AcquisitionDateTime", "today"),
        ("StudyInstanceUID", "../../x"),
        ("StudyInstanceUID", "1." * 34 + "1"),
    ],
)
def test_a_value_of_the_wrong_form_is_told_with_its_attribute(keyword: str, value: str) -> None:
    inner = dataset_of({keyword: value})
    reply = wrong_value(dataset_of({"ReferencedStudySequence": [inner]}))
    assert reply is not None
    assert (reply.status, reply.offending) == (0x0106, (inner[keyword].tag,))
    assert reply.comment.startswith(keyword)
