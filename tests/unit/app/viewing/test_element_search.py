"""Finding elements by tag, keyword and value, and all of them as text."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset

from dicomgui.app.viewing import element_search
from dicomgui.app.viewing.element_search import find_elements, line_of, whole_text
from dicomgui.app.viewing.viewed import open_bytes
from dicomgui.network.dimse.dataset import encode_dataset
from dicomgui.trace.inspection.dataset_nodes import DataNode

EXPLICIT = "1.2.840.10008.1.2.1"


@pytest.fixture
def top() -> DataNode:
    dataset = Dataset()
    dataset.Modality = "CT"
    dataset.PatientName = "Doe^Jane"
    item = Dataset()
    item.CodeValue, item.CodeMeaning = "T-1", "Thorax of Jane"
    dataset.ProcedureCodeSequence = [Dataset(), item]
    return open_bytes(encode_dataset(dataset, EXPLICIT), EXPLICIT, "it").top


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("modality", [(0,)]), ("0008,0060", [(0,)]), ("(00080060)", [(0,)]), ("00080104", [(1, 1, 1)]),
        ("JANE", [(1, 1), (1, 1, 1), (2,)]), ("  doe^ ", [(2,)]), ("no such thing", []), ("9999,9999", []),
    ],
)  # fmt: skip
def test_by_tag_keyword_and_value_down_to_the_items(top: DataNode, text: str, places: list[tuple[int, ...]]) -> None:
    found = find_elements(top, text)
    assert (list(found.places), found.is_whole) == (places, True)


def test_a_search_is_bounded_and_can_be_stopped(top: DataNode, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_elements(top, "modality", lambda: True) == ((), False)
    monkeypatch.setattr(element_search, "MAX_SEARCHED", 2)
    assert not find_elements(top, "jane").is_whole


def test_all_of_it_as_lines(top: DataNode, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = whole_text(top).splitlines()
    assert lines[1] == "  (0008,0060) CS Modality: CT"
    assert "      (0008,0104) LO CodeMeaning: Thorax of Jane" in lines
    assert line_of(top.children[2]) == "(0010,0010) PN PatientName: Doe^Jane"
    monkeypatch.setattr(element_search, "MAX_LINES", 2)
    assert whole_text(top).splitlines()[-1] == "…"
