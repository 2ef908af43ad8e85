"""The identifier of a relevant patient information query (PS3.4 Q.4.3)."""

from __future__ import annotations

from dicomgui.network.service_classes.relevant_patient import CONTEXTS, QUERIES, identifier


def test_the_identifier_names_patient_and_template() -> None:
    keys = identifier("4711", issuer="HOSPITAL", template="3802")
    assert (keys.PatientID, keys.IssuerOfPatientID) == ("4711", "HOSPITAL")
    content = keys.ContentTemplateSequence[0]
    assert (content.MappingResource, content.TemplateIdentifier) == ("DCMR", "3802")
    assert keys.PatientName == ""
    assert 0x00080052 not in keys


def test_each_topic_has_its_sop_class() -> None:
    assert [context.abstract_syntax for context in CONTEXTS] == [query.sop_class_uid for query in QUERIES.values()]
    assert identifier("1").ContentTemplateSequence[0].TemplateIdentifier == QUERIES["general"].template
