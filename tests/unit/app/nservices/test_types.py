"""Names of SOP classes, actions and events, and the lists that are typed."""

from __future__ import annotations

import pytest

from dicomgui.app.nservices.requests import SOP_CLASSES, NOperation
from dicomgui.app.nservices.types import (
    attributes_text,
    class_names,
    class_text,
    parse_attributes,
    parse_type,
    sop_class_title,
    type_name,
)
from dicomgui.network.errors import ConfigurationError


def test_actions_and_events_have_names() -> None:
    push, commit = SOP_CLASSES["UnifiedProcedureStepPush"], SOP_CLASSES["StorageCommitmentPushModel"]
    assert type_name(NOperation.ACTION, push, 3) == "subscribe"
    assert type_name(NOperation.EVENT_REPORT, push, 3) == "progress"
    assert type_name(NOperation.EVENT_REPORT, commit, 2) == "some failed"
    assert type_name(NOperation.ACTION, commit, 9) == ""
    assert type_name(NOperation.GET, commit, 1) == ""


def test_classes_are_typed_by_name() -> None:
    assert "PrintJob" in class_names()
    assert class_text(SOP_CLASSES["PrintJob"]) == "PrintJob"
    assert class_text("1.2.3") == "1.2.3"
    assert sop_class_title(SOP_CLASSES["PrintJob"]) == "Print Job"


def test_attributes_are_lists_of_keywords_and_tags() -> None:
    tags = parse_attributes("PatientID, 0010,0010; (0008,0060) PatientID")
    assert tags == (0x00100020, 0x00100010, 0x00080060)
    assert parse_attributes(attributes_text(tags)) == tags
    assert parse_attributes(" ") == ()
    with pytest.raises(ConfigurationError):
        parse_attributes("NoSuchThing")


@pytest.mark.parametrize("text", ["x", "-1", "65536", "1.0"])
def test_a_type_is_a_number_of_16_bits(text: str) -> None:
    assert parse_type(" 7 ") == 7
    assert parse_type("") is None
    with pytest.raises(ConfigurationError):
        parse_type(text)
