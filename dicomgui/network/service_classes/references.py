"""References to composite instances, as the sequences of many services hold them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from dicomgui.network.service_classes.attributes import dataset_of, items_of, text_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["Reference", "reference_items", "references_in"]


class Reference(NamedTuple):
    """An instance (PS3.3 table 10-11)."""

    sop_class_uid: str
    sop_instance_uid: str

    def item(self) -> Dataset:
        """The item of a reference sequence that names it."""
        return dataset_of(
            {"ReferencedSOPClassUID": self.sop_class_uid, "ReferencedSOPInstanceUID": self.sop_instance_uid}
        )

    @classmethod
    def of(cls, item: Dataset) -> Reference:
        """What an item of a reference sequence names; empty texts where it does not."""
        return cls(text_of(item, "ReferencedSOPClassUID"), text_of(item, "ReferencedSOPInstanceUID"))


def reference_items(references: Iterable[tuple[str, str]]) -> list[Dataset]:
    """The items of a reference sequence."""
    return [Reference(*reference).item() for reference in references]


def references_in(dataset: Dataset, keyword: str) -> tuple[Reference, ...]:
    """The instances that a reference sequence names."""
    return tuple(map(Reference.of, items_of(dataset, keyword)))
