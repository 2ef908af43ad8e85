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
