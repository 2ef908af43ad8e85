"""Folders and file names by pattern: whatever the values are, the names are safe."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicomgui.network import ConfigurationError
from dicomgui.storage.patterns import FILE_NAME, FolderPatterns, marked, read_patterns, write_patterns

PATIENT_ID, STUDY_DATE, STUDY_UID = 0x00100020, 0x00080020, 0x0020000D
MODALITY, NUMBER, SOP_UID = 0x00080060, 0x00200013, 0x00080018
RESERVED = {"CON", "NUL", "AUX", "PRN", "COM1", "LPT1", "CONIN$", "COM¹"}

HOSTILE = [
    "../../etc/passwd", "..", ".", "...", "/etc/passwd", "C:\\Windows", "\\\\host\\share", ".hidden", " . ", "~root",
    "a\0b", "a\nb", "a/b/c", "a\\b", "CON", "nul", "com1", "LPT1.txt", "CONIN$", "COM¹", "a" * 1000, "山" * 500, "a. .",
    "x.exe", "a:b", "a|b*c?", "\u202egpj.exe", "\ufeff", "-rf", "*", "{PatientID}", "%2e%2e%2f", "\ud800x",
]  # fmt: skip


def test_the_usual_patterns() -> None:
    values = {
        PATIENT_ID: "P1",
        STUDY_DATE: "20240101",
        STUDY_UID: "1.2.3",
        MODALITY: "CT",
        NUMBER: "7",
        SOP_UID: "1.2.9",
    }
    assert FolderPatterns().path(values) == ("P1", "20240101_1.2.3", "CT", "00007-1.2.9.dcm")


def test_what_an_instance_does_not_have_is_unknown() -> None:
    assert FolderPatterns().path({}) == ("unknown", "unknown_unknown", "unknown", "unknown-unknown.dcm")
    assert FolderPatterns("{PatientID|nobody}", "{SOPInstanceUID}").path({SOP_UID: "1.2"}) == ("nobody", "1.2.dcm")


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize(("folder", "file"), [
    ("{PatientID}", "{PatientID}"), ("a/{PatientID}/b", "{PatientID}.dcm"), ("{PatientID}{PatientID}", "i{PatientID}"),
])  # fmt: skip
def test_no_value_gets_out_of_its_name(value: str, folder: str, file: str, tmp_path: Path) -> None:
    parts = FolderPatterns(folder, file).path({PATIENT_ID: value}, str(tmp_path))
    assert len(parts) == folder.count("/") + 2
    for part in parts:
        assert not set(part) & set('/\\<>:"|?*\0')
        assert part.isprintable()
        assert not part.startswith((".", " "))
        assert not part.endswith((".", " "))
        assert part.split(".")[0].upper() not in RESERVED
        assert 0 < len(marked(part, "1.2.3").encode()) <= 255
    assert parts[-1].endswith(".dcm")
    path = tmp_path.joinpath(*parts)
    assert path.resolve().is_relative_to(tmp_path.resolve())
    path.parent.mkdir(parents=True)
    path.touch()
    assert [found.relative_to(tmp_path).parts for found in tmp_path.rglob("*.dcm")] == [parts]


def test_long_values_that_differ_at_the_end_alone_stay_apart_and_fit_into_a_path() -> None:
    patterns = FolderPatterns("/".join(["{PatientID}"] * 8), "{PatientID}")
    one, other = (patterns.path({PATIENT_ID: "山" * 300 + end}, "/" * 300) for end in "ab")
    assert one != other
    assert len("/".join(one).encode()) <= 700


@pytest.mark.parametrize(
    ("folder", "file", "told"),
    [
        ("", "a", "folder of the pattern is empty"),
        ("/abs", "a", "is empty"),
        ("a//b", "a", "is empty"),
        ("..", "a", "begins with a dot"),
        ("a/../b", "a", "begins with a dot"),
        (".a", "a", "begins with a dot"),
        ("a:b", "a", "has ':'"),
        ("a\\b", "a", "has"),
        ("a\tb", "a", "has"),
        ("a", "", "file name of the pattern is empty"),
        ("a", "b/c", "has a /"),
        ("{Nonsense}", "a", "there is no attribute"),
        ("a{", "a", "a brace stands alone"),
        ("/".join("abcdefghi"), "a", "9 folders"),
        ("a" * 501, "a", "longer than 500"),
    ],
)
def test_patterns_that_cannot_be_used_are_refused(folder: str, file: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        FolderPatterns(folder, file)


def test_a_value_inside_of_a_sequence_gives_one_name() -> None:
    patterns = FolderPatterns("{ConceptNameCodeSequence[0].CodeMeaning}", "{SOPInstanceUID}.dcm")
    values = {(0x0040A043, 0, 0x00080104): "../up", SOP_UID: "1.2"}
    assert patterns.path(values) == ("_up", "1.2.dcm")


def test_they_are_kept_beside_the_archive(tmp_path: Path) -> None:
    assert read_patterns(tmp_path) is None
    patterns = FolderPatterns("{Modality}", "{SOPInstanceUID}")
    write_patterns(tmp_path, patterns)
    assert read_patterns(tmp_path) == patterns
    (tmp_path / FILE_NAME).write_text('{"folder": "..", "file": "a"}')
    assert read_patterns(tmp_path) is None
    write_patterns(tmp_path, None)
    assert list(tmp_path.iterdir()) == []
