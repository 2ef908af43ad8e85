"""SOP classes of modalities: all exist, and both directions agree."""

from __future__ import annotations

from dicomgui.network.service_classes.modalities import (
    SOP_CLASSES_BY_MODALITY,
    is_storage_class,
    modalities_of,
    sop_classes_for,
)

CT = "1.2.840.10008.5.1.4.1.1.2"


def test_every_class_of_the_table_is_a_storage_class() -> None:
    assert not [uid for classes in SOP_CLASSES_BY_MODALITY.values() for uid in classes if not is_storage_class(uid)]


def test_classes_of_a_modality_come_with_or_without_documents() -> None:
    assert sop_classes_for("CT")[0] == CT
    assert sop_classes_for("none of this name") == ()
    more = sop_classes_for("CT", with_documents=True)
    assert more[: len(sop_classes_for("CT"))] == sop_classes_for("CT")
    assert "1.2.840.10008.5.1.4.1.1.88.59" in more
    assert len(more) == len(set(more))


def test_a_class_knows_its_modalities() -> None:
    assert modalities_of(CT) == ("CT",)
    assert modalities_of("1.2.3") == ()
    assert is_storage_class("1.2.840.10008.5.1.4.1.1.3")
    assert not is_storage_class("1.2.840.10008.1.1")
