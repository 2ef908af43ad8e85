from __future__ import annotations

from pathlib import Path

import pytest
from helpers.instances import BIG_ENDIAN, EXPLICIT, IMPLICIT, write_instance
from pydicom import Dataset, Sequence, dcmread

from dicomgui.network import ConfigurationError
from dicomgui.storage.attributes import read_values
from dicomgui.storage.placeholders import Placeholder, parse_template, wanted_by


def test_keywords_tags_defaults_and_braces() -> None:
    assert parse_template("a{{b}} {StudyDate}-{(0010,0020)|none}{00280010}{path}", {"path"}) == (
        "a",
        "{",
        "b",
        "}",
        " ",
        Placeholder("StudyDate", 0x00080020, "DA"),
        "-",
        Placeholder("(0010,0020)", 0x00100020, "LO", "none"),
        Placeholder("00280010", 0x00280010, "US"),
        Placeholder("path"),
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{Nonsense}", "there is no attribute 'Nonsense'"),
        ("{}", "no attribute"),
        ("a{b", "a brace stands alone"),
        ("a}b", "a brace stands alone"),
        ("{(0002,0010)}", "no attribute"),
        ("{PixelData}", "has no text"),
        ("{ReferencedStudySequence}", "has no text"),
    ],
)
def test_what_names_nothing_is_refused(text: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        parse_template(text)


@pytest.mark.parametrize(
    ("text", "value", "shown"),
    [
        ("{InstanceNumber:05}", "7", "00007"),
        ("{InstanceNumber:02}", "123", "123"),
        ("{InstanceNumber:05}", "-7", "-7"),
        ("{StudyDate:%Y-%m}", "20240131", "2024-01"),
        ("{AcquisitionDateTime:%d}", "20240131101500.25+0100", "31"),
        ("{StudyDate:%Y}", "yesterday", "yesterday"),
        ("{PatientID:hash|none}", "P1", "fbeae7c1"),
        ("{PatientID:hash|none}", "", "none"),
        ("{(0010,0020):hash}", "P1", "fbeae7c1"),
    ],
)
def test_a_value_has_the_form_behind_the_colon(text: str, value: str, shown: str) -> None:
    [part] = parse_template(text)
    assert isinstance(part, Placeholder)
    assert part.value({}, {part.path: value} if value else {}) == shown


@pytest.mark.parametrize("form", ["", "5", "00", "%H", "upper", "010"])
def test_a_form_that_is_none_is_refused(form: str) -> None:
    with pytest.raises(ConfigurationError, match="is no form of a value"):
        parse_template(f"{{InstanceNumber:{form}}}")


def test_a_private_attribute_is_taken_for_text() -> None:
    assert parse_template("{(0009,1001)}") == (Placeholder("(0009,1001)", 0x00091001, "LO"),)


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG_ENDIAN])
def test_values_are_those_of_pydicom(tmp_path: Path, syntax: str) -> None:
    path = write_instance(tmp_path, 1, syntax=syntax)
    parts = parse_template("{PatientID}{Rows}{SOPInstanceUID}{StudyInstanceUID}{ImageComments|none}")
    values = read_values(path, wanted_by([parts]))
    dataset = dcmread(path)
    texts = [part.value({}, values) for part in parts if isinstance(part, Placeholder)]
    assert texts == [dataset.PatientID, str(dataset.Rows), dataset.SOPInstanceUID, dataset.StudyInstanceUID, "none"]


def test_a_file_of_something_else_has_no_values(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"no instance" * 100)
    assert read_values(path, {0x00100020: "LO"}) == {}
    assert read_values(tmp_path / "none", {}) == {}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("{ConceptNameCodeSequence.CodeMeaning}", (0x0040A043, 0, 0x00080104)),
        ("{(0040,A043)[2].(0008,0104)}", (0x0040A043, 2, 0x00080104)),
        ("{(0009,1010)[1].ContentSequence[3].TextValue}", (0x00091010, 1, 0x0040A730, 3, 0x0040A160)),
    ],
)
def test_an_attribute_inside_of_a_sequence(text: str, path: tuple[int, ...]) -> None:
    [part] = parse_template(text)
    assert isinstance(part, Placeholder)
    assert part.path == path


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{PatientID[0].StudyDate}", "is no sequence"),
        ("{ConceptNameCodeSequence[x].CodeMeaning}", "there is no attribute"),
        ("{ConceptNameCodeSequence[-1].CodeMeaning}", "there is no attribute"),
        ("{ConceptNameCodeSequence.}", "there is no attribute"),
        ("{.CodeMeaning}", "there is no attribute"),
        ("{ConceptNameCodeSequence[0]}", "there is no attribute"),
    ],
)
def test_a_way_that_leads_nowhere_is_refused(text: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        parse_template(text)


@pytest.mark.parametrize("undefined", [True, False])
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG_ENDIAN])
def test_values_in_items_are_those_of_pydicom(tmp_path: Path, syntax: str, undefined: bool) -> None:
    deep = Dataset()
    deep.SpecificCharacterSet = "ISO_IR 100"
    deep.TextValue = "Größe"
    first, second = Dataset(), Dataset()
    first.CodeMeaning, second.CodeMeaning = "erste", "山"
    second.ContentSequence = Sequence([deep])
    path = write_instance(tmp_path, 1, syntax=syntax)
    dataset = dcmread(path)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.ConceptNameCodeSequence = Sequence([first, second])
    for each in (dataset, second):
        for element in each:
            element.is_undefined_length = undefined and element.VR == "SQ"
    for each in (first, second, deep):
        each.is_undefined_length_sequence_item = undefined
    dataset.save_as(path, enforce_file_format=True)
    parts = parse_template(
        "{ConceptNameCodeSequence.CodeMeaning}{ConceptNameCodeSequence[1].CodeMeaning}"
        "{ConceptNameCodeSequence[1].ContentSequence.TextValue}{ConceptNameCodeSequence[2].CodeMeaning|none}"
        "{ConceptNameCodeSequence.TextValue|none}{ProcedureCodeSequence.CodeMeaning|none}{PatientID}"
    )
    values = read_values(path, wanted_by([parts]))
    texts = [part.value({}, values) for part in parts if isinstance(part, Placeholder)]
    assert texts == ["erste", "山", "Größe", "none", "none", "none", dataset.PatientID]
