"""Our Native DICOM Model in XML is that of DCMTK."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from helpers import peers
from helpers.retrieval import elements
from pydicom.dataset import Dataset

from dicomgui.app.asking.native_xml import dataset_xml
from dicomgui.app.viewing.dataset_save import save_dataset


def sample() -> Dataset:
    dataset = elements(
        SpecificCharacterSet="ISO_IR 192",
        PatientName="Wang^XiaoDong^^Dr=\u738b^\u5c0f\u4e1c",
        ModalitiesInStudy=["CT", "MR"],
        PatientSex="",
        Rows=512,
        PixelSpacing=["0.5", "0.25"],
        FrameIncrementPointer=0x00181063,
        EncapsulatedDocument=b"\1\2\3\4",
        RequestAttributesSequence=[elements(StudyID="a<&>b"), elements(StudyID="c")],
        ReferencedStudySequence=[],
    )
    dataset.private_block(0x0009, "OURS", create=True).add_new(0x10, "LO", "private")
    return dataset


def flat(node: ElementTree.Element) -> list[tuple[str, ...]]:
    """The elements with what they say, in order; what stands between elements is nothing."""
    found = []
    for one in node.iter():
        tag = one.tag.rpartition("}")[2]
        text = (one.text or "") if tag != "DicomAttribute" and not len(one) else ""
        vr = one.get("vr", "")
        found.append((tag, one.get("tag", ""), one.get("keyword", ""), one.get("privateCreator", ""),
                      one.get("number", ""), vr, text))  # fmt: skip
    return found


def test_it_is_what_dcmtk_makes_of_the_same_data_set(tmp_path: Path) -> None:
    path = tmp_path / "one.dcm"
    save_dataset(sample(), path)
    target = tmp_path / "theirs.xml"
    done = peers.run_here("dcm2xml", "-nat", "+Eb", path, target)
    assert done.code == 0, done.output
    theirs = ElementTree.parse(target).getroot()
    ours = ElementTree.fromstring(dataset_xml(sample()))
    assert flat(ours) == flat(theirs)
