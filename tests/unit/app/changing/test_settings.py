"""Attributes that are set on the way."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.instances import CT, MR, write_instance
from pydicom import Dataset, dcmread

from dicomgui.app.changing.settings import parse_setting, with_settings
from dicomgui.app.files.changes import ChangeCode
from dicomgui.app.files.sources import scan
from dicomgui.app.files.splicing import splice_file
from dicomgui.network import ConfigurationError
from dicomgui.network.dimse.convert import ConversionError


def applied(dataset: Dataset, *texts: str) -> Dataset:
    for text in texts:
        parse_setting(text).apply(dataset)
    return dataset


def test_values_by_keyword_tag_and_path() -> None:
    made = applied(
        Dataset(),
        "PatientID=17",
        "(0008,0050)=A=1",
        "00080060=CT",
        "Rows=512",
        "ImageType=DERIVED\\PRIMARY",
        "RequestAttributesSequence[1].ScheduledProcedureStepID=9",
        "PatientName=",
        "ReferencedStudySequence=",
    )
    assert (made.PatientID, made.AccessionNumber, made.Modality, made.Rows) == ("17", "A=1", "CT", 512)
    assert list(made.ImageType) == ["DERIVED", "PRIMARY"]
    assert [len(item) for item in made.RequestAttributesSequence] == [0, 1]
    assert made.RequestAttributesSequence[1].ScheduledProcedureStepID == "9"
    assert made["PatientName"].is_empty
    assert len(made.ReferencedStudySequence) == 0


@pytest.mark.parametrize(
    "text",
    [
        "PatientID",
        "Nonsense=1",
        "PatientBirthDate=yesterday",
        "StudyInstanceUID=1.02",
        "Rows=many",
        "Rows=65536",
        "Modality=ct lower",
        "AccessionNumber=12345678901234567",
        "SOPInstanceUID=",
        "SOPClassUID=",
        "PixelData=00",
        "(0010,0000)=8",
        "(0002,0010)=1.2",
        "PatientID[0]=1",
        "PatientID.Modality=CT",
        "RequestAttributesSequence=1",
        "RequestAttributesSequence[1001].Modality=CT",
        "PatientID=a\\b",
    ],
)
def test_what_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_setting(text)


def test_a_private_element_has_the_representation_that_it_has_there() -> None:
    dataset = Dataset()
    dataset.add_new(0x00090010, "LO", "MAKER")
    dataset.add_new(0x00091001, "SH", "old")
    assert applied(dataset, "(0009,1001)=new")[0x00091001].value == "new"
    with pytest.raises(ConversionError, match="nobody knows"):
        applied(dataset, "(0009,1002)=new")


def test_characters_go_out_in_a_set_that_holds_them() -> None:
    assert applied(Dataset(), "PatientName=Müller").SpecificCharacterSet == "ISO_IR 192"
    latin = Dataset()
    latin.SpecificCharacterSet = "ISO_IR 100"
    assert applied(latin, "PatientName=Müller").SpecificCharacterSet == "ISO_IR 100"
    with pytest.raises(ConversionError, match="ISO_IR 100"):
        applied(latin, "PatientName=山田")
    assert parse_setting("PatientName=山田").name == "PatientName"


def test_uids_of_command_file_and_data_set_are_one(tmp_path: Path) -> None:
    path = write_instance(tmp_path, 1, sop_class=CT)
    chosen = with_settings(scan([path]), [parse_setting("SOPInstanceUID=1.2.3"), parse_setting(f"SOPClassUID={MR}")])
    [item] = chosen.items
    assert (item.head.sop_instance_uid, item.head.sop_class_uid) == ("1.2.3", MR)
    assert item.change is not None
    assert item.change.codes == (ChangeCode.SET,)
    target = tmp_path / "copy.dcm"
    splice_file(item, target)
    made = dcmread(target)
    assert (made.SOPInstanceUID, made.file_meta.MediaStorageSOPInstanceUID) == ("1.2.3", "1.2.3")
    assert (made.SOPClassUID, made.file_meta.MediaStorageSOPClassUID) == (MR, MR)


def test_one_sop_instance_uid_is_not_for_many(tmp_path: Path) -> None:
    selection = scan([write_instance(tmp_path, number) for number in range(2)])
    with pytest.raises(ConfigurationError, match="2 instances"):
        with_settings(selection, [parse_setting("SOPInstanceUID=1.2.3")])
    assert with_settings(selection, []) is selection
