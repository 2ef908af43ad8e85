"""The patients of the practice PACS: what there is, in which syntaxes and character sets, and always the same."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from functools import cache

import pytest
from pydicom.dataset import Dataset, FileMetaDataset

from dicomgui.app.practice.data import PATIENTS, STATIONS, STUDIES, practice_instances, practice_worklist
from dicomgui.network.dimse.dataset import decode_dataset
from dicomgui.network.uids import is_valid_uid

TODAY = date(2026, 3, 1)
IMPLICIT, EXPLICIT, DEFLATED, RLE = (f"1.2.840.10008.1.2{end}" for end in ("", ".1", ".1.99", ".5"))


@cache
def datasets() -> tuple[Dataset, ...]:
    return tuple(decode_dataset(one.data, one.transfer_syntax_uid) for one in practice_instances(TODAY))


def test_there_is_something_of_everything() -> None:
    made = datasets()
    assert len({one.StudyInstanceUID for one in made}) == len(STUDIES) >= 12
    assert {one.Modality for one in made} >= {"CT", "MR", "CR", "DX", "US", "XA", "OT", "SR", "DOC"}
    assert {one.transfer_syntax_uid for one in practice_instances(TODAY)} == {IMPLICIT, EXPLICIT, DEFLATED, RLE}
    assert [one for one in made if one.get("NumberOfFrames", 1) > 1]


def test_uids_are_unique_and_valid() -> None:
    made = datasets()
    assert len({one.SOPInstanceUID for one in made}) == len(made)
    for one in made:
        assert all(map(is_valid_uid, (one.SOPInstanceUID, one.SeriesInstanceUID, one.StudyInstanceUID)))


@pytest.mark.parametrize(
    ("patient", "charset"),
    [
        ("latin", "ISO_IR 100"), ("japanese", ["", "ISO 2022 IR 87"]), ("chinese", "GB18030"),
        ("cyrillic", "ISO_IR 144"), ("greek", "ISO_IR 192"), ("plain", None),
    ],
)  # fmt: skip
def test_names_survive_their_character_set(patient: str, charset: object) -> None:
    mine = [one for one in datasets() if one.PatientID == PATIENTS[patient].patient_id]
    assert mine
    assert {str(one.PatientName) for one in mine} == {PATIENTS[patient].name}
    found = mine[0].get("SpecificCharacterSet")
    assert (list(found) if isinstance(charset, list) else found) == charset


def test_the_same_day_and_seed_give_the_same_bytes_and_others_give_others() -> None:
    first = list(practice_instances(TODAY))
    assert list(practice_instances(TODAY)) == first
    uids = {one.sop_instance_uid for one in first}
    assert uids.isdisjoint(one.sop_instance_uid for one in practice_instances(date(2026, 3, 2)))
    assert uids.isdisjoint(one.sop_instance_uid for one in practice_instances(TODAY, seed=2))


def test_dates_are_relative_to_the_day() -> None:
    days = {one.StudyDate for one in datasets()}
    assert max(days) == "20260301"
    assert min(days) < "20250301"


def test_pixels_are_as_many_as_the_attributes_say() -> None:
    for one, instance in zip(datasets(), practice_instances(TODAY), strict=True):
        if "Rows" in one and instance.transfer_syntax_uid != RLE:
            expected = one.Rows * one.Columns * one.BitsAllocated // 8 * int(one.get("NumberOfFrames", 1))
            assert len(one.PixelData) == expected


def test_compressed_pixels_can_be_read() -> None:
    [moving] = [one for one in datasets() if one.Modality == "US" and one.get("NumberOfFrames", 1) > 1]
    moving.file_meta = FileMetaDataset()
    moving.file_meta.TransferSyntaxUID = RLE
    assert moving.pixel_array.shape == (8, moving.Rows, moving.Columns)


def test_a_document_is_a_pdf() -> None:
    [document] = [one for one in datasets() if one.Modality == "DOC"]
    data = document.EncapsulatedDocument[: document.EncapsulatedDocumentLength]
    assert data.startswith(b"%PDF-1.")
    place = int(data.split(b"startxref\n")[1].split()[0])
    assert data[place:].startswith(b"xref\n")
    table = data[place:].split(b"\n")
    for number, line in enumerate(table[3:8], start=1):
        assert data[int(line[:10]) :].startswith(b"%d 0 obj" % number)


def test_the_worklist_has_steps_of_today_for_two_stations() -> None:
    items = practice_worklist(TODAY)
    steps = [item.ScheduledProcedureStepSequence[0] for item in items]
    assert {step.ScheduledStationAETitle for step in steps} == set(STATIONS)
    assert {step.ScheduledProcedureStepStartDate for step in steps} == {"20260301"}
    assert len({item.StudyInstanceUID for item in items}) == len(items) >= 4


def test_everything_is_made_without_numpy() -> None:
    """It is not a dependency of the program."""
    code = (
        "import sys; sys.modules['numpy'] = None\n"
        "from datetime import date\n"
        "from dicomgui.app.practice.data import practice_instances\n"
        "print(sum(1 for _ in practice_instances(date(2026, 3, 1))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == str(len(datasets())), done.stderr
