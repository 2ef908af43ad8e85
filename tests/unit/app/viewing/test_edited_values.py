"""Values as text: what fits its representation, and what is said of what does not."""

from __future__ import annotations

import pytest
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement

from dicomgui.app.viewing.edited_values import Severity, judge, representations, text_of_value, value_of_text
from dicomgui.network.errors import ConfigurationError


def tag(keyword: str) -> int:
    found = tag_for_keyword(keyword)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("vr", "text", "value"),
    [
        ("LO", "a\\b", ["a", "b"]),
        ("LT", "a\\b", "a\\b"),
        ("US", "7", 7),
        ("US", "1\\0x10", [1, 16]),
        ("FD", "1.5", 1.5),
        ("DS", "1.50", "1.50"),
        ("OB", "0a FF", b"\n\xff"),
        ("AT", "(0010,0020)", 0x00100020),
        ("PN", "Müller^Jürgen", "Müller^Jürgen"),
        ("CS", "", ""),
        ("OB", "", b""),
    ],
)
def test_a_text_becomes_a_value(vr: str, text: str, value: object) -> None:
    assert value_of_text(vr, text) == value


@pytest.mark.parametrize(
    ("vr", "text"),
    [
        ("US", "x"),
        ("US", "65536"),
        ("SS", "-40000"),
        ("OB", "0"),
        ("OB", "zz"),
        ("CS", "Ä"),
        ("IS", "1.5"),
        ("DS", "-"),
    ],
)
def test_what_cannot_be_encoded_is_refused(vr: str, text: str) -> None:
    with pytest.raises(ConfigurationError):
        value_of_text(vr, text)


@pytest.mark.parametrize(
    ("keyword", "vr", "text", "severity"),
    [
        ("StudyDate", "DA", "20261127", None),
        ("StudyDate", "DA", "27.11.2026", Severity.WARNING),
        ("Modality", "CS", "ct", Severity.WARNING),
        ("StudyInstanceUID", "UI", "1.02", Severity.WARNING),
        ("Rows", "US", "many", Severity.ERROR),
        ("Rows", "US", "1\\2", Severity.WARNING),
        ("ImagePositionPatient", "DS", "1\\2\\3", None),
        ("ImagePositionPatient", "DS", "1\\2", Severity.WARNING),
        ("PatientID", "LO", "x" * 65, Severity.WARNING),
        ("PatientComments", "LT", "a\\b", None),
        ("ImageType", "CS", "ORIGINAL\\PRIMARY\\AXIAL", None),
    ],
)
def test_what_is_said_about_a_value(keyword: str, vr: str, text: str, severity: Severity | None) -> None:
    remark = judge(tag(keyword), vr, text)
    assert (remark.severity if remark is not None else None) is severity


def test_several_representations_are_offered_by_the_dictionary() -> None:
    assert representations(tag("SmallestImagePixelValue")) == ("US", "SS")
    assert representations(tag("PatientName")) == ("PN",)
    assert representations(0x00110010) == ("LO",)
    assert {"LO", "SQ", "UN"} <= set(representations(0x00111001))


@pytest.mark.parametrize(
    ("vr", "value", "text"),
    [
        ("AT", [0x00100010, 0x00100020], "(0010,0010)\\(0010,0020)"),
        ("DS", ["1.0", "2.50"], "1.0\\2.50"),
        ("OW", b"\x01\x02", "01 02"),
        ("US", 5, "5"),
        ("LO", None, ""),
    ],
)
def test_a_value_becomes_text(vr: str, value: object, text: str) -> None:
    assert text_of_value(DataElement(0x00091001, vr, value)) == text
