"""Two data sets side by side: what is said to differ, and what is not."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset

from dicomgui.app.viewing import compare_datasets
from dicomgui.app.viewing.compare_datasets import Compared, Kind, compare, compared_text
from dicomgui.app.viewing.viewed import Viewed, open_bytes
from dicomgui.network.dimse.dataset import encode_dataset

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"


def sample(**values: object) -> Dataset:
    dataset = Dataset()
    dataset.PatientName = "Doe^Jane"
    dataset.PatientID = "1"
    dataset.Rows = 512
    dataset.PixelSpacing = [0.5, 0.25]
    code = Dataset()
    code.CodeValue = "T-1"
    dataset.ProcedureCodeSequence = [code, Dataset()]
    dataset.add_new(0x7FE00010, "OW", bytes(70_000))
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def viewed(dataset: Dataset, syntax: str = EXPLICIT, name: str = "one") -> Viewed:
    return open_bytes(encode_dataset(dataset, syntax), syntax, name)


def line(whole: Compared, name: str) -> Compared:
    return next(child for child in whole.children if name in child.label)


def test_the_same_twice_has_no_difference() -> None:
    whole = compare(viewed(sample()), viewed(sample()))
    assert whole.differences == 0
    assert {child.kind for child in whole.children} == {Kind.SAME}
    assert compared_text(whole) == ""


@pytest.mark.parametrize("syntax", [IMPLICIT, BIG])
def test_another_encoding_of_the_same_values_is_only_that(syntax: str) -> None:
    whole = compare(viewed(sample()), viewed(sample(), syntax))
    differing = [child.label for child in whole.children if child.differences]
    assert differing == ["Transfer syntax"]


def test_changed_added_and_removed_are_told_apart() -> None:
    right = sample(PatientID="2", Modality="CT")
    del right.PatientName
    whole = compare(viewed(sample()), viewed(right))
    changed, added, removed = (line(whole, name) for name in ("PatientID", "Modality", "PatientName"))
    assert (changed.kind, changed.left, changed.right) == (Kind.CHANGED, "1", "2")
    assert (added.kind, added.left, added.right) == (Kind.ADDED, "", "CT")
    assert (removed.kind, removed.left, removed.right) == (Kind.REMOVED, "Doe^Jane", "")
    assert whole.differences == 3
    assert compared_text(whole).splitlines()[1:] == [
        "+   (0008,0060) CS Modality: CT", "-   (0010,0010) PN PatientName: Doe^Jane",
        "~   (0010,0020) LO PatientID: 1 → 2",
    ]  # fmt: skip


def test_items_are_compared_one_by_one() -> None:
    right = sample()
    right.ProcedureCodeSequence[0].CodeValue = "T-2"
    right.ProcedureCodeSequence.append(Dataset())
    sequence = line(compare(viewed(sample()), viewed(right)), "ProcedureCodeSequence")
    first, second, third = sequence.children
    assert (first.kind, second.kind, third.kind) == (Kind.CHANGED, Kind.SAME, Kind.ADDED)
    assert [(one.left, one.right) for one in first.children] == [("T-1", "T-2")]
    assert sequence.differences == 2


def test_pixels_that_differ_in_one_bit_are_told_by_their_hash() -> None:
    right = sample()
    right[0x7FE00010].value = bytes(69_999) + b"\x01"
    pixels = line(compare(viewed(sample()), viewed(right)), "PixelData")
    assert pixels.kind is Kind.CHANGED
    assert pixels.left.startswith("70,000 bytes of pixels · SHA-256 ")
    assert pixels.left != pixels.right


def test_texts_are_compared_as_characters() -> None:
    left, right = sample(SpecificCharacterSet="ISO_IR 100"), sample(SpecificCharacterSet="ISO_IR 192")
    left.PatientName = right.PatientName = "Grün"
    whole = compare(viewed(left), viewed(right))
    assert [child.label for child in whole.children if child.differences] == ["(0008,0005) CS SpecificCharacterSet"]


def test_more_than_can_be_compared_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare_datasets, "MAX_COMPARED", 3)
    whole = compare(viewed(sample()), viewed(sample()))
    assert "was not compared" in whole.children[-1].label
    assert whole.differences == 1
