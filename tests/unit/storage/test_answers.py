"""Rows as data sets: the same bytes that pydicom would make, in every syntax, in the right character set."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dicomgui.network.dimse.dataset import decode_dataset, encode_dataset
from dicomgui.storage.answers import Field, Match, Plan, encoder, items_of

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED, JPEG = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.50"
CODES = 0x0008_1032


def kept(*codes: tuple[str, str], syntax: str = IMPLICIT, charset: str = "ISO_IR 100") -> bytes:
    """A sequence as the index keeps it."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = charset
    dataset.ProcedureCodeSequence = Sequence()
    for value, meaning in codes:
        item = Dataset()
        item.CodeValue, item.CodeMeaning = value, meaning
        dataset.ProcedureCodeSequence.append(item)
    return syntax.encode() + b"\0" + encode_dataset(dataset, syntax)


FIELDS = (
    Field(0x0008_0018, "UI", 0),
    Field(0x0008_0052, "CS", constant="IMAGE"),
    Field(CODES, "SQ", 1),
    Field(0x0010_0010, "PN", 2),
    Field(0x0010_4000, "LT", 3),
    Field(0x0028_0010, "US", 4),
    Field(0x0028_0011, "US", 5),
)
NAMES = ["Doe^Jane", "Müller^Jörg", "山田^太郎", ""]


def same_by_pydicom(name: str, codes: list[tuple[str, str]], charset: str) -> Dataset:
    dataset = Dataset()
    if charset:
        dataset.SpecificCharacterSet = charset
    dataset.SOPInstanceUID, dataset.QueryRetrieveLevel, dataset.PatientName = "1.2.3", "IMAGE", name
    dataset.PatientComments = "odd"
    dataset.Rows, dataset.Columns = 512, None
    dataset.ProcedureCodeSequence = Sequence()
    for value, meaning in codes:
        item = Dataset()
        item.CodeValue, item.CodeMeaning = value, meaning
        dataset.ProcedureCodeSequence.append(item)
    return dataset


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, DEFLATED, JPEG])
@pytest.mark.parametrize("codes", [[], [("A1", "Schädel"), ("B2", "Hals")]], ids=["no-items", "items"])
@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_the_bytes_that_pydicom_makes(name: str, codes: list[tuple[str, str]], syntax: str) -> None:
    row = ("1.2.3", kept(*codes) if codes else None, name, "odd", "512", None)
    charset = "" if name.isascii() and not codes else "ISO_IR 192"
    expected = same_by_pydicom(name, codes, charset)
    match = Match(Plan(FIELDS), row)
    assert match.encode(syntax) == encode_dataset(expected, syntax)
    assert decode_dataset(match.encode(syntax), syntax) == expected
    assert match.dataset() == expected


@pytest.mark.parametrize(
    ("name", "asked", "term"),
    [
        ("Doe", "ISO_IR 100", None),
        ("Müller", "ISO_IR 100", "ISO_IR 100"),
        ("山田", "ISO_IR 100", "ISO_IR 192"),
        ("Müller=山田", "ISO_IR 100", "ISO_IR 192"),
        ("Yamada=山田", "\\ISO 2022 IR 87", ["", "ISO 2022 IR 87"]),
        ("王^小东", "GB18030", "GB18030"),
        ("洪^吉洞", "\\ISO 2022 IR 149", ["", "ISO 2022 IR 149"]),
    ],
)
def test_in_the_character_set_of_the_request_if_it_holds_the_answer(name: str, asked: str, term: object) -> None:
    plan = Plan((Field(0x0010_0010, "PN", 0),), asked)
    answer = Match(plan, (name,)).dataset()
    assert answer.get("SpecificCharacterSet") == term
    assert answer.PatientName == name


TEXTS = (
    Field(0x0008_0018, "UI", 0),
    Field(0x0008_0052, "CS", constant="STUDY"),
    Field(0x0010_0010, "PN", 1),
    Field(0x0010_4000, "LT", 2),
    Field(0x0020_1206, "IS", 3),
    Field(0x0020_1208, "IS", constant="12"),
)
ROWS: tuple[tuple[str | int | None, ...], ...] = (
    ("1.2.3", "Doe^Jane", "odd", 12),
    ("", "", "", 0),
    (None, None, None, None),
    ("1.2", "Müller^Jörg", "even", 7),
    ("1.2", "x" * 64, "y" * 255, 1),
    ("1.2", "x", "y" * 256, 1),
    ("1.2", "x", "y" * 9_999, 1),
)


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, DEFLATED, JPEG])
@pytest.mark.parametrize("row", ROWS, ids=range(len(ROWS)))
def test_a_plan_encodes_its_answers_as_each_does(row: tuple[str | int | None, ...], syntax: str) -> None:
    plan = Plan(TEXTS, "ISO_IR 100")
    match = Match(plan, row)
    assert encoder(plan, syntax)(match) == match.encode(syntax)


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
def test_also_where_there_are_numbers_and_sequences(syntax: str) -> None:
    match = Match(Plan(FIELDS), ("1.2.3", kept(("A1", "Schädel")), "Doe", "odd", "512", None))
    assert encoder(Plan(FIELDS), syntax)(match) == match.encode(syntax)


def test_items_are_picked() -> None:
    plan = Plan((Field(CODES, "SQ", 0, pick=lambda items: items[1:]),))
    answer = Match(plan, (kept(("A1", "x"), ("B2", "y")),)).dataset()
    assert [item.CodeValue for item in answer.ProcedureCodeSequence] == ["B2"]


@pytest.mark.parametrize(
    "value",
    [None, "", 7, b"", EXPLICIT.encode() + b"\0", EXPLICIT.encode() + b"\0\x08\0\x32\x10SQ\0\0\xff\0\0\0"],
    ids=range(6),
)
def test_a_sequence_that_cannot_be_read_has_no_items(value: bytes | str | int | None) -> None:
    assert items_of(value, CODES) == []


def test_items_of_a_sequence() -> None:
    assert [item.CodeMeaning for item in items_of(kept(("A1", "Schädel"), syntax=BIG), CODES)] == ["Schädel"]


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, DEFLATED])
@pytest.mark.parametrize(("asked", "term"), [("GB18030", "GB18030"), ("ISO_IR 100", "ISO_IR 192")])
def test_items_are_in_the_character_set_of_the_request_as_well(syntax: str, asked: str, term: str) -> None:
    plan = Plan((Field(0x0010_0010, "PN", 0), Field(CODES, "SQ", 1)), asked)
    row = ("Müller", kept(("A1", "小东"), charset="ISO_IR 192"))
    answer = decode_dataset(Match(plan, row).encode(syntax), syntax)
    assert answer.SpecificCharacterSet == term
    assert str(answer.PatientName) == "Müller"
    assert answer.ProcedureCodeSequence[0].CodeMeaning == "小东"
