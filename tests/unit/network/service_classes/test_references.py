"""References to instances, to items and back."""

from __future__ import annotations

from pydicom.dataset import Dataset

from dicomgui.network.service_classes.attributes import dataset_of
from dicomgui.network.service_classes.references import Reference, reference_items, references_in


def test_references_survive_the_way_through_a_sequence() -> None:
    pairs = [("1.2", "1.2.3"), ("1.2", "1.2.4")]
    dataset = dataset_of({"ReferencedSOPSequence": reference_items(pairs)})
    assert references_in(dataset, "ReferencedSOPSequence") == (Reference("1.2", "1.2.3"), Reference("1.2", "1.2.4"))


def test_an_item_that_names_nothing_is_a_reference_to_nothing() -> None:
    assert Reference.of(Dataset()) == ("", "")
    assert references_in(Dataset(), "ReferencedSOPSequence") == ()
