"""Matches and data sets as text."""

from __future__ import annotations

import io

from helpers.retrieval import elements

from dicomgui.app.asking.keys import parse_key
from dicomgui.cli.output import Output
from dicomgui.cli.tables import MatchTable, dataset_lines, text_of


def printed(*matches: object, keys: tuple[str, ...], as_json: bool = False) -> list[str]:
    out = io.StringIO()
    table = MatchTable(Output(out=out, as_json=as_json), map(parse_key, keys))
    for match in matches:
        table.row(match)  # type: ignore[arg-type]
    return out.getvalue().splitlines()


def test_columns_stand_below_their_titles() -> None:
    lines = printed(
        elements(PatientID="1", NumberOfStudyRelatedInstances="12", PatientName="山田^太郎"),
        elements(PatientID="2", NumberOfStudyRelatedInstances="3"),
        keys=("PatientName", "PatientID", "NumberOfStudyRelatedInstances", "PatientID=x"),
    )
    assert lines[0].split() == ["PatientName", "PatientID", "Images"]
    at = lines[0].index("PatientID")
    assert lines[1].startswith("山田^太郎" + " " * (24 - 9))
    assert lines[1].split() == ["山田^太郎", "1", "12"]
    assert lines[2].index("2") == at


def test_long_values_are_not_cut() -> None:
    long = "x" * 64
    assert printed(elements(PatientID=long), keys=("PatientID",))[1] == long


def test_what_a_terminal_would_act_on_is_escaped() -> None:
    assert printed(elements(PatientID="a\x1b[2Jb"), keys=("PatientID",))[1] == "a\\x1b[2Jb"


def test_nothing_is_printed_with_json() -> None:
    assert printed(elements(PatientID="1"), keys=("PatientID",), as_json=True) == []


def test_values_inside_of_sequences() -> None:
    step = "ScheduledProcedureStepSequence"
    match = elements(**{step: [elements(Modality="CT"), elements(Modality=""), elements(Modality=["MR", "PT"])]})
    assert text_of(match, parse_key(f"{step}[0].Modality")) == "CT; MR\\PT"
    assert text_of(match, parse_key(f"{step}[0].PatientID")) == ""
    assert text_of(elements(), parse_key(f"{step}[0].Modality")) == ""
    assert text_of(elements(**{step: []}), parse_key(step)) == ""
    assert text_of(match, parse_key(step)) == ""


def test_binary_values_are_counted() -> None:
    dataset = elements()
    dataset.add_new(0x00091001, "UN", b"abc")
    assert text_of(dataset, parse_key("(0009,1001)")) == "3 bytes"
    dataset.add_new(0x00091002, "UN", b"")
    assert text_of(dataset, parse_key("(0009,1002)")) == ""


def test_a_data_set_is_listed_element_by_element() -> None:
    step = elements(Modality="CT")
    dataset = elements(PatientName="A^B", ScheduledProcedureStepSequence=[step], PatientComments="y" * 300)
    dataset.ReferencedStudySequence = []
    lines = list(dataset_lines(dataset))
    assert lines[0].split() == ["(0008,1110)", "SQ", "ReferencedStudySequence", "0", "items"]
    assert lines[1].split() == ["(0010,0010)", "PN", "PatientName", "A^B"]
    assert lines[2].endswith("…")
    assert lines[3].split()[-2:] == ["1", "item"]
    assert lines[4] == "    item 1"
    assert lines[5].split() == ["(0008,0060)", "CS", "Modality", "CT"]
    assert lines[5].startswith("      (0008")
