"""Keys as people write them, and the identifiers that they make."""

from __future__ import annotations

from datetime import date

import pytest
from pydicom.dataset import Dataset

from dicomgui.app.asking.keys import (
    Identifier,
    attribute_of,
    attributes_matching,
    identifier_of,
    parse_key,
    parse_return_key,
    texts_of,
)
from dicomgui.network import ConfigurationError
from dicomgui.network.dimse.dataset import decode_dataset, encode_dataset

STEP = "ScheduledProcedureStepSequence"
EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
TODAY = date(2024, 2, 29)


def made(*keys: str, returned: tuple[str, ...] = (), level: str = "") -> Identifier:
    return identifier_of(map(parse_key, keys), map(parse_return_key, returned), level=level, today=TODAY)


# --------------------------------------------------------------------------------------------------------- attributes


@pytest.mark.parametrize(
    "text", ["PatientID", "patientid", " PatientID ", "(0010,0020)", "0010,0020", "00100020", "0010,0020)"]
)
def test_an_attribute_is_found_by_keyword_and_by_number(text: str) -> None:
    found = attribute_of(text)
    assert (found.tag, found.keyword, found.name, found.vr) == (0x00100020, "PatientID", "Patient ID", "LO")
    assert found.number == "(0010,0020)"


def test_the_dictionary_is_not_needed_for_numbers() -> None:
    assert attribute_of("(0009,0010)").vr == "LO"  # a private creator
    assert attribute_of("(0009,1001)").vr == "UN"
    assert attribute_of("(0009,1001)").label == "(0009,1001)"
    overlay = attribute_of("(6002,0010)")
    assert (overlay.vr, overlay.label) == ("US", "(6002,0010)")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("PatientNam", "PatientName"),
        ("Nonsense", "Give a keyword"),
        ("(0010)", "Give a keyword"),
        ("(0002,0010)", ""),
        ("00000100", ""),
    ],
)
def test_what_is_no_attribute_is_refused_with_a_hint(text: str, hint: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        attribute_of(text)
    assert hint in caught.value.hint


def test_completion_gives_what_begins_so_first() -> None:
    keywords = [one.keyword for one in attributes_matching("patientn")]
    assert keywords[0] == "PatientName"
    assert "OtherPatientNames" in keywords[1:]
    assert [one.keyword for one in attributes_matching("0010,0010")] == ["PatientName"]
    assert [one.keyword for one in attributes_matching("study instance")] == ["StudyInstanceUID"]
    assert len(attributes_matching("", 7)) == 7


# ------------------------------------------------------------------------------------------------------------- parsing


def test_keys_name_themselves_as_they_are_written() -> None:
    key = parse_key(f"{STEP}.modality=CT")
    assert str(key) == f"{STEP}[0].Modality=CT"
    assert (key.name, key.value, key.is_matching) == (f"{STEP}[0].Modality", "CT", True)
    assert str(parse_key("(0010,0020)")) == "PatientID"
    assert not parse_key("PatientID=").is_matching


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "no attribute"),
        ("=x", "no attribute"),
        ("PatientID..X=1", "no attribute"),
        ("Modality.PatientID=1", "no sequence"),
        ("Modality[0]=1", "no sequence"),
        (f"{STEP}[0]x=1", "no attribute"),
        (f"{STEP}[1].Modality=CT", "one item"),
        (f"{STEP}=CT", "is a sequence"),
        ("PixelData=1", "no text to match"),
    ],
)
def test_what_is_no_key_is_refused(text: str, what: str) -> None:
    with pytest.raises(ConfigurationError, match=what):
        parse_key(text)


def test_a_return_key_has_no_value() -> None:
    assert parse_return_key("StudyDate=").name == "StudyDate"
    with pytest.raises(ConfigurationError, match="only to be returned"):
        parse_return_key("StudyDate=20240101")


# --------------------------------------------------------------------------------------------------------- identifiers


def test_the_character_set_is_always_asked_for() -> None:
    assert made().dataset.SpecificCharacterSet == ""
    made_so = made("PatientName=Müller")
    assert (made_so.dataset.SpecificCharacterSet, made_so.character_set) == ("ISO_IR 100", "ISO_IR 100")
    assert "ISO_IR 100" in made_so.notes[0]


def test_text_inside_of_sequences_counts_for_the_character_set() -> None:
    assert made(f"{STEP}[0].ScheduledPerformingPhysicianName=山田").character_set == "ISO_IR 192"


def test_a_character_set_that_is_given_is_used() -> None:
    found = made("SpecificCharacterSet=ISO_IR 192", "PatientName=Müller")
    assert (found.dataset.SpecificCharacterSet, found.notes) == ("ISO_IR 192", ())
    with pytest.raises(ConfigurationError, match="does not hold"):
        made("SpecificCharacterSet=ISO_IR 100", "PatientName=山田")


def test_level_keys_and_return_keys_stand_side_by_side() -> None:
    dataset = made("PatientName=DOE*", returned=("PatientName", "StudyDate"), level="STUDY").dataset
    assert [element.keyword for element in dataset] == [
        "SpecificCharacterSet", "StudyDate", "QueryRetrieveLevel", "PatientName",
    ]  # fmt: skip
    assert (dataset.PatientName, dataset.StudyDate) == ("DOE*", "")


def test_keys_of_one_sequence_share_its_item() -> None:
    dataset = made(
        f"{STEP}[0].Modality=CT",
        f"{STEP}[0].ScheduledProtocolCodeSequence[0].CodeValue=X",
        returned=(f"{STEP}[0].ScheduledStationAETitle",),
    ).dataset
    [item] = dataset.ScheduledProcedureStepSequence
    assert (item.Modality, item.ScheduledStationAETitle) == ("CT", "")
    assert item.ScheduledProtocolCodeSequence[0].CodeValue == "X"


def test_a_sequence_as_return_key_is_empty_and_gives_way_to_keys_inside_of_it() -> None:
    assert len(made(returned=(STEP,)).dataset.ScheduledProcedureStepSequence) == 0
    both = made(f"{STEP}[0].Modality=CT", returned=(STEP,)).dataset
    assert both.ScheduledProcedureStepSequence[0].Modality == "CT"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("StudyInstanceUID=1.2\\1.3", ["1.2", "1.3"]),
        ("StudyDate=today", "20240229"),
        ("StudyDate=20240101-", "20240101-"),
        ("StudyTime=0800-1200", "0800-1200"),
        ("Rows=512", 512),
        ("SmallestImagePixelValue=3", 3),
        ("InstanceNumber=1\\2", [1, 2]),
        ("SliceThickness=1.50", "1.50"),
        ("EventElapsedTimes=1.5", "1.5"),
        ("TableTopVerticalPosition=", ""),
        ("RecommendedDisplayFrameRateInFloat=2.5", 2.5),
        ("FrameIncrementPointer=PatientID", 0x00100020),
        ("Modality=C?", "C?"),
        ("(0009,1001)=x", b"x"),
        ("PixelData", b""),
    ],
)
@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_values_become_what_their_vr_wants_and_can_be_sent(key: str, value: object, syntax: str) -> None:
    dataset = made(key).dataset
    element = next(one for one in dataset if one.tag != 0x00080005)
    assert element.value == value
    again = decode_dataset(encode_dataset(dataset, syntax), syntax)
    assert element.tag in again


@pytest.mark.parametrize("key", ["Rows=x", "Rows=1*", "InstanceNumber=1-5", "SliceThickness=thick", "Rows=1\\x"])
def test_what_is_no_number_is_refused(key: str) -> None:
    with pytest.raises(ConfigurationError, match="takes a number"):
        made(key)


def test_only_texts_may_be_other_than_ascii() -> None:
    with pytest.raises(ConfigurationError, match="takes only ASCII"):
        made("Modality=Ü")


@pytest.mark.parametrize("key", ["StudyDate=29.2.2024", "StudyDate=202402*", "StudyInstanceUID=1.2.*"])
def test_odd_values_are_sent_and_remarked_on(key: str) -> None:
    found = made(key)
    assert key.partition("=")[2] in str(found.dataset)
    assert "it is sent as it is" in found.notes[0]


def test_the_day_is_that_of_the_system_unless_one_is_given() -> None:
    value = identifier_of([parse_key("StudyDate=today")]).dataset.StudyDate
    assert len(value) == 8
    assert value > "20240101"


def test_texts_are_those_that_the_character_set_is_for() -> None:
    dataset = Dataset()
    dataset.PatientName, dataset.Modality, dataset.OtherPatientIDs = "A^B", "CT", ["1", "2"]
    item = Dataset()
    item.CodeMeaning = "c"
    dataset.ConceptNameCodeSequence = [item]
    assert sorted(texts_of(dataset)) == ["1", "2", "A^B", "c"]
