"""Data sets as trees of plain text."""

from __future__ import annotations

from helpers.retrieval import elements

from dicomgui.app.viewing.dataset_tree import MAX_DEPTH, dataset_node, dataset_text


def test_elements_are_lines_and_sequences_open() -> None:
    item = elements(StudyID="7", ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.2")
    dataset = elements(PatientName="Doe^Jane", ModalitiesInStudy=["CT", "MR"], RequestAttributesSequence=[item])
    node = dataset_node(dataset, "Match")
    assert (node.label, node.value) == ("Match", "3 elements")
    assert [child.label for child in node.children] == [
        "(0008,0061) CS ModalitiesInStudy", "(0010,0010) PN PatientName", "(0040,0275) SQ RequestAttributesSequence",
    ]  # fmt: skip
    assert [child.value for child in node.children] == ["CT\\MR", "Doe^Jane", "1 item"]
    [inside] = node.children[2].children
    assert inside.label == "Item 1"
    assert inside.children[0].value == "1.2.840.10008.5.1.4.1.1.2 (CT Image Storage)"


def test_nothing_is_markup_or_a_second_line() -> None:
    node = dataset_node(elements(PatientComments="<b>one</b>\r\ntwo"), "Match")
    assert node.children[0].value == "<b>one</b>\\r\\ntwo"


def test_bytes_are_measured_and_nothing_is_empty() -> None:
    dataset = elements(PatientID="")
    dataset.add_new(0x00091010, "UN", bytes(range(30)))
    dataset.add_new(0x00091011, "UN", None)
    values = [child.value for child in dataset_node(dataset, "Match").children]
    assert values[0].startswith("30 bytes: 00 01 02")
    assert values[0].endswith("17 …")
    assert values[1:] == ["", ""]


def test_deep_nesting_ends() -> None:
    dataset = elements(StudyID="1")
    for _ in range(MAX_DEPTH + 5):
        dataset = elements(RequestAttributesSequence=[dataset])
    lines = dataset_text(dataset_node(dataset, "Match")).splitlines()
    assert "nested too deeply" in lines[-1]


def test_as_text_for_the_clipboard() -> None:
    text = dataset_text(dataset_node(elements(PatientID="1", RequestAttributesSequence=[elements(StudyID="7")]), "M"))
    assert text.splitlines() == [
        "M: 2 elements", "  (0010,0020) LO PatientID: 1", "  (0040,0275) SQ RequestAttributesSequence: 1 item",
        "    Item 1: 1 element", "      (0020,0010) SH StudyID: 7",
    ]  # fmt: skip
