"""Invented patients, studies, series and instances."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pytest
from helpers.instances import write_instance
from pydicom import Dataset, dcmread

from dicomgui.app.changing.inventing import Invention, Level, invented, parse_invention
from dicomgui.app.files.changes import ChangeCode
from dicomgui.app.files.sources import Selection, SendItem, scan
from dicomgui.app.files.splicing import splice_file
from dicomgui.network import ConfigurationError

TODAY = date(2026, 12, 3)


def made(items: Iterable[SendItem], folder: Path) -> list[Dataset]:
    sets = []
    for number, item in enumerate(items):
        folder.mkdir(exist_ok=True)
        target = folder / f"made{number}.dcm"
        splice_file(item, target)
        sets.append(dcmread(target))
        assert sets[-1].SOPInstanceUID == item.head.sop_instance_uid
    return sets


def counted(sets: list[Dataset]) -> tuple[int, ...]:
    keywords = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
    return tuple(len({one[keyword].value for one in sets}) for keyword in keywords)


def test_counts_are_read() -> None:
    assert parse_invention("patients=2,studies=1,series=2,instances=10") == Invention((2, 1, 2, 10))
    assert parse_invention("series=3").top is Level.SERIES
    assert str(parse_invention("instances=4, patients=2")) == "patients=2,instances=4"


@pytest.mark.parametrize("text", ["", "patients", "patients=0", "people=2", "series=1,series=2", "instances=9999999"])
def test_what_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_invention(text)


def test_without_a_file_there_are_as_many_as_asked_for(tmp_path: Path) -> None:
    with invented(Selection(), parse_invention("patients=2,studies=2,series=3,instances=2"), today=TODAY) as chosen:
        sets = made(chosen.items, tmp_path)
    assert counted(sets) == (2, 4, 12, 24)
    assert {str(one.PatientName) for one in sets} == {"INVENTED^Patient00001", "INVENTED^Patient00002"}
    assert all(item.change is not None and item.change.codes == (ChangeCode.INVENTED,) for item in chosen.items)


def template(folder: Path) -> list[Path]:
    """An image and a report about it, of somebody whose name stands in many places."""
    image = dcmread(write_instance(folder, 1))
    image.PatientName, image.PatientID, image.PatientBirthDate = "SECRETNAME^A", "SECRETID", "19550505"
    image.AccessionNumber = image.StudyID = "SECRETACC"
    image.StudyDescription = "of SECRETNAME"
    image.FrameOfReferenceUID = "1.2.3.4.5"
    image.OtherPatientIDsSequence = [Dataset()]
    image.OtherPatientIDsSequence[0].PatientID = "SECRETID2"
    image.add_new(0x00091001, "LO", "SECRETPRIVATE")
    image.save_as(folder / "image.dcm")
    report = dcmread(write_instance(folder, 2))
    report.SeriesInstanceUID = "1.2.3.9"
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    report.ReferencedImageSequence = [reference]
    report.PatientName, report.PatientID = image.PatientName, image.PatientID
    report.save_as(folder / "report.dcm")
    return [folder / "image.dcm", folder / "report.dcm"]


def test_nothing_of_the_template_s_patient_stays(tmp_path: Path) -> None:
    chosen = invented(scan(template(tmp_path)), parse_invention("patients=2"), today=TODAY)
    sets = made(chosen.items, tmp_path / "out")
    assert counted(sets) == (2, 2, 4, 4)
    old = {
        str(element.value) for path in template(tmp_path) for element in dcmread(path).iterall() if element.VR == "UI"
    }
    for number, one in enumerate(sets):
        data = (tmp_path / "out" / f"made{number}.dcm").read_bytes()
        assert b"SECRET" not in data
        assert b"19550505" not in data
        uids = {str(element.value) for element in one.iterall() if element.VR == "UI"}
        assert all(uid.startswith("1.2.840.10008.") for uid in uids & old)


def test_references_stay_within_the_invented_study(tmp_path: Path) -> None:
    chosen = invented(scan(template(tmp_path)), parse_invention("studies=3,instances=2"), today=TODAY)
    sets = made(chosen.items, tmp_path / "out")
    study_of = {one.SOPInstanceUID: one.StudyInstanceUID for one in sets}
    reports = [one for one in sets if "ReferencedImageSequence" in one]
    assert len(reports) == 6
    for one in reports:
        assert study_of[one.ReferencedImageSequence[0].ReferencedSOPInstanceUID] == one.StudyInstanceUID
    assert {str(one.PatientName) for one in sets} == {"SECRETNAME^A"}
    assert len({one.AccessionNumber for one in sets}) == 3


def test_new_instances_stay_in_their_series(tmp_path: Path) -> None:
    paths = [write_instance(tmp_path, number) for number in (1, 2)]
    sets = made(invented(scan(paths), parse_invention("instances=3"), today=TODAY).items, tmp_path / "out")
    assert counted(sets) == (1, 1, 1, 6)
    assert len({int(one.InstanceNumber) for one in sets}) == 6
    assert {one.StudyInstanceUID for one in sets} == {dcmread(paths[0]).StudyInstanceUID}


def test_each_time_it_is_something_new() -> None:
    counts = parse_invention("patients=1")
    uids = set()
    for _ in range(3):
        with invented(Selection(), counts, today=TODAY) as chosen:
            uids.add(chosen.items[0].head.sop_instance_uid)
    assert len(uids) == 3


def test_a_document_is_no_template_of_a_new_patient(tmp_path: Path) -> None:
    dataset = dcmread(write_instance(tmp_path, 1))
    dataset.EncapsulatedDocument = b"%PDF of SECRETNAME "
    dataset.save_as(tmp_path / "document.dcm")
    [item] = invented(scan([tmp_path / "document.dcm"]), parse_invention("patients=1")).items
    with pytest.raises(Exception, match="document"):
        splice_file(item, tmp_path / "copy.dcm")


def test_a_file_that_cannot_be_read_is_skipped_as_a_template(tmp_path: Path) -> None:
    selection = scan([write_instance(tmp_path, 1)])
    (tmp_path / "1.dcm").unlink()
    chosen = invented(selection, parse_invention("instances=2"))
    assert chosen.items == ()
    assert [skipped.is_fault for skipped in chosen.skipped] == [True]


def test_too_many_are_refused(tmp_path: Path) -> None:
    selection = scan([write_instance(tmp_path, number) for number in (1, 2)])
    with pytest.raises(ConfigurationError, match="too many"):
        invented(selection, parse_invention("instances=600000"))
