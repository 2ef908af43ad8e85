"""The Native DICOM Model in XML."""

from __future__ import annotations

from xml.etree import ElementTree

from helpers.retrieval import elements

from dicomgui.app.asking.native_xml import dataset_xml


def test_names_sequences_and_values_have_their_places() -> None:
    requested = [elements(StudyID="3")]
    dataset = elements(PatientName="A^B=\u738b", PatientID=["1", "2"], RequestAttributesSequence=requested)
    text = dataset_xml(dataset).decode()
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<NativeDicomModel xmlns="http')
    tight = "".join(line.strip() for line in text.splitlines())
    name = (
        '<PersonName number="1"><Alphabetic><FamilyName>A</FamilyName><GivenName>B</GivenName></Alphabetic>'
        "<Ideographic><FamilyName>\u738b</FamilyName></Ideographic></PersonName>"
    )
    assert f'<DicomAttribute tag="00100010" vr="PN" keyword="PatientName">{name}</DicomAttribute>' in tight
    assert '<Value number="1">1</Value><Value number="2">2</Value>' in tight
    assert '<Item number="1"><DicomAttribute tag="00200010" vr="SH" keyword="StudyID">' in tight


def test_what_xml_cannot_hold_is_replaced() -> None:
    text = dataset_xml(elements(PatientComments="a\x1bb\x00c", PatientID="\ufffe\U0001f600"))
    found = [one.text for one in ElementTree.fromstring(text).iter() if one.tag.endswith("Value")]
    assert found == ["\ufffd\U0001f600", "a\ufffdb\ufffdc"]
