"""A data set under edit: elements, items, what is said of them, and the way into data sets and back."""

from __future__ import annotations

import pytest
from helpers.retrieval import elements
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from dicomgui.app.viewing.dataset_edit import MAX_DEPTH, MAX_HEX, DatasetEdit, Element, path_of
from dicomgui.network.errors import ConfigurationError


def keywords(edit: DatasetEdit) -> list[str]:
    return [one.attribute.label for one in edit.root.elements]


@pytest.fixture
def nested() -> Dataset:
    inner = elements(ReferencedSOPClassUID="1.2.3", ReferencedSOPInstanceUID="1.2.4")
    return elements(PatientName="Doe^Jane", TransactionUID="1.2.9", ReferencedSOPSequence=Items([inner]))


def test_elements_stand_in_the_order_of_their_tags() -> None:
    edit = DatasetEdit()
    for name in ("PatientID", "Modality", "(0008,0060)", "patientname"):
        edit.add(name, "X")
    assert keywords(edit) == ["Modality", "PatientName", "PatientID"]


def test_a_data_set_comes_back_as_it_went_in(nested: Dataset) -> None:
    nested.add_new(0x00091001, "US", [1, 2])
    nested.add_new(0x7FE00010, "OW", b"\x01\x00" * MAX_HEX)
    nested.Rows = 4
    nested.PatientSize = "1.80"
    assert DatasetEdit(nested).dataset() == nested


def test_what_is_read_is_not_changed(nested: Dataset) -> None:
    edit = DatasetEdit(nested)
    name = edit.find("PatientName")
    assert name is not None
    edit.set_text(name, "Other")
    assert nested.PatientName == "Doe^Jane"
    assert edit.dataset().PatientName == "Other"


def test_items_are_added_copied_moved_and_removed(nested: Dataset) -> None:
    edit = DatasetEdit(nested)
    sequence = edit.find("ReferencedSOPSequence")
    assert sequence is not None
    copy = edit.duplicate(sequence.items[0])
    edit.set_text(copy.elements[1], "1.2.5")
    edit.add("ReferencedSOPInstanceUID", "1.2.6", within=edit.add_item(sequence))
    assert edit.move(copy, 1)
    assert not edit.move(copy, 1)
    uids = [one.get("ReferencedSOPInstanceUID") for one in edit.dataset().ReferencedSOPSequence]
    assert uids == ["1.2.4", "1.2.6", "1.2.5"]
    edit.remove(sequence.items[0])
    assert len(edit.dataset().ReferencedSOPSequence) == 2
    assert path_of(copy.elements[0]) == "ReferencedSOPSequence[1].ReferencedSOPClassUID"


def test_every_change_can_be_undone(nested: Dataset) -> None:
    edit = DatasetEdit(nested)
    sequence = edit.find("ReferencedSOPSequence")
    assert sequence is not None
    edit.add("Modality", "CT")
    edit.set_text(edit.root.elements[0], "MR")
    edit.set_vr(edit.add("(0009,1001)", "1"), "US")
    edit.move(edit.add_item(sequence), -1)
    edit.remove(sequence)
    edit.merge(elements(PatientID="1"))
    edit.replace(elements(PatientID="2"))
    edit.remove(edit.root)
    assert not len(edit)
    while edit.can_undo:
        edit.undo()
    assert edit.dataset() == nested


def test_a_wrong_value_is_said_and_what_cannot_be_encoded_is_refused_with_its_place() -> None:
    edit = DatasetEdit()
    sequence = edit.add("ReferencedSeriesSequence")
    item = edit.add_item(sequence)
    edit.add("SeriesDate", "yesterday", within=item)
    assert edit.error == ""
    assert edit.dataset().ReferencedSeriesSequence[0]["SeriesDate"].value == "yesterday"
    edit.add("Rows", "many", within=item)
    assert [path_of(one) for one, _ in edit.remarks] == [
        "ReferencedSeriesSequence[0].SeriesDate", "ReferencedSeriesSequence[0].Rows",
    ]  # fmt: skip
    assert edit.error.startswith("ReferencedSeriesSequence[0].Rows: US takes a number")
    with pytest.raises(ConfigurationError, match=r"ReferencedSeriesSequence\[0\]\.Rows"):
        edit.dataset()


def test_another_representation_is_kept() -> None:
    edit = DatasetEdit()
    low = edit.add("SmallestImagePixelValue", "-5")
    assert edit.error
    edit.set_vr(low, "SS")
    assert not edit.error
    assert edit.dataset()["SmallestImagePixelValue"].VR == "SS"


def test_long_bytes_are_kept_and_described() -> None:
    edit = DatasetEdit()
    pixels = edit.add("PixelData", vr="OW")
    edit.set_data(pixels, bytes(3000))
    assert pixels.shown == "3,000 bytes"
    assert edit.dataset().PixelData == bytes(3000)
    edit.set_text(pixels, "00 01")
    assert edit.dataset().PixelData == b"\0\1"


def test_a_known_attribute_is_not_added_twice() -> None:
    edit = DatasetEdit()
    first = edit.add("PatientID", "1")
    assert edit.add("PatientID", "2") is first
    assert first.text == "2"
    assert edit.add("PatientID") is first
    assert first.text == "2"


def test_merging_takes_over_what_comes(nested: Dataset) -> None:
    edit = DatasetEdit(nested)
    edit.merge(elements(PatientName="New", Modality="CT"))
    assert keywords(edit) == ["Modality", "TransactionUID", "ReferencedSOPSequence", "PatientName"]
    assert edit.dataset().PatientName == "New"
    assert all(one.parent is edit.root for one in edit.root.elements)


def test_group_lengths_and_command_elements_are_left_out() -> None:
    dataset = elements(PatientID="1")
    dataset.add_new(0x00100000, "UL", 10)
    assert keywords(DatasetEdit(dataset)) == ["PatientID"]


def test_sequences_cannot_be_nested_without_end() -> None:
    edit = DatasetEdit()
    item = edit.root
    for _ in range(MAX_DEPTH):
        item = edit.add_item(edit.add("ContentSequence", within=item))
    with pytest.raises(ConfigurationError, match="nested"):
        edit.add("ContentSequence", within=item)
    with pytest.raises(ConfigurationError, match="nested"):
        DatasetEdit(elements(ContentSequence=Items([edit.dataset()])))


def test_watchers_hear_of_each_change() -> None:
    edit, heard = DatasetEdit(), list[int]()
    edit.watchers.append(lambda: heard.append(edit.revision))
    element = edit.add("PatientID", "1")
    edit.set_text(element, "1")  # no change
    edit.set_text(element, "2")
    edit.undo()
    assert heard == [1, 2, 3]
    assert isinstance(element, Element)


@pytest.mark.parametrize("name", ["NoSuchThing", "(0002,0010)", ""])
def test_what_has_no_place_in_a_data_set_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError):
        DatasetEdit().add(name)
