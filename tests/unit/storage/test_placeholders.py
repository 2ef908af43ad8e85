from __future__ import annotations

from pathlib import Path

import pytest
from helpers.instances import BIG_ENDIAN, EXPLICIT, IMPLICIT, write_instance
from pydicom import dcmread

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
    assert part.value({}, {part.tag: value} if value else {}) == shown


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
