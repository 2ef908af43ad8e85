"""The reasons for which an instance is left out: each has a code and a sentence."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.fileset import FileSet
from pydicom.uid import generate_uid

from dicomgui.app.files.file_limits import FileLimitError
from dicomgui.app.files.left_out import LeftOut, LeftOutCode, LeftOutError, left_out
from dicomgui.network.part10 import Part10Error
from dicomgui.storage import StoredFile

FILE = StoredFile(Path("/archive/ab/1.2.dcm"), "ab/1.2.dcm", "1.2.840.10008.5.1.4.1.1.2", "1.2", "1.2.840.10008.1.2", 0)


def of_pydicom(*without: str, **values: object) -> Exception:
    """What pydicom raises for an instance of a report that lacks something."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.88.11", "1.2"
    dataset.PatientID, dataset.StudyDate, dataset.StudyTime, dataset.StudyID = "P", "20260101", "120000", "1"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = "SR", 1, 1
    dataset.CompletionFlag, dataset.VerificationFlag = "COMPLETE", "UNVERIFIED"
    dataset.ContentDate, dataset.ContentTime = "20260101", "120000"
    dataset.ConceptNameCodeSequence = [Dataset()]
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    for keyword in without:
        delattr(dataset, keyword)
    dataset.ensure_file_meta()
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    with pytest.raises(ValueError, match="record creator") as raised:
        FileSet().add(dataset)
    return raised.value


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (
            of_pydicom("SeriesInstanceUID"), LeftOutCode.MISSING,
            "its data set has no Series Instance UID (0020,000E), which its directory record needs",
        ),
        (
            of_pydicom(CompletionFlag=""), LeftOutCode.EMPTY,
            "its Completion Flag (0040,A491) is empty, and its directory record needs it",
        ),
        (
            ValueError("The STUDY directory record is missing a required element"), LeftOutCode.MISSING,
            "its data set has no Study Instance UID (0020,000D), which its directory record needs",
        ),
        (LeftOutError(LeftOutCode.SAME_UID, ""), LeftOutCode.SAME_UID,
         "another data set of this UID is in the DICOMDIR, which holds one of each"),
        (LeftOutError(LeftOutCode.OTHER_ENCODING, "the data set is A, not B"), LeftOutCode.OTHER_ENCODING,
         "the file meta information is not true: the data set is A, not B"),
        (FileLimitError("it is deep"), LeftOutCode.LIMIT, "it cannot be read: it is deep"),
        (FileNotFoundError(2, "No such file"), LeftOutCode.GONE, "the file is not there any more"),
        (PermissionError(13, "Permission denied"), LeftOutCode.UNREADABLE, "it cannot be read: Permission denied"),
        (zlib.error("Error -3"), LeftOutCode.UNREADABLE, "it cannot be read: no whole deflate stream"),
        (Part10Error(f"{FILE.path}: it breaks off"), LeftOutCode.UNREADABLE, "it cannot be read: it breaks off"),
        (KeyError("PatientName"), LeftOutCode.NO_RECORD,
         "no directory record can be made of it: KeyError 'PatientName'"),
    ],
)  # fmt: skip
def test_what_was_raised_becomes_a_code_and_a_sentence(error: Exception, code: LeftOutCode, text: str) -> None:
    found = left_out(FILE, error)
    assert (found.sop_instance_uid, found.code, found.text) == ("1.2", code, text)


def test_a_head_that_could_not_be_read_because_the_file_has_gone_says_so() -> None:
    error = Part10Error("no head")
    error.__cause__ = FileNotFoundError(2, "No such file")
    assert left_out(FILE, error).code is LeftOutCode.GONE


def test_every_code_has_a_sentence() -> None:
    assert all(LeftOut("1.2", code, "x").text for code in LeftOutCode)
