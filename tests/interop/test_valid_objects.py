"""Objects that we make, as dicom3tools' ``dciodvfy`` judges them: none has an error.

It knows the composite information objects (PS3.3 A). A data set of a request belongs to none, so there only its
representations and values are judged, and the three errors that say that it is no composite object are left out.
"""

from __future__ import annotations

import subprocess
import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest
from helpers import programs
from helpers.printed import image_of, printed
from pydicom import DataElement, config, dcmread
from pydicom.dataset import Dataset

from dicomgui.app.archive.files import ExportForm, export
from dicomgui.app.archive.local_archive import LocalArchive
from dicomgui.app.context import AppContext
from dicomgui.app.listening.print_jobs import PrintedJobs
from dicomgui.app.nservices.templates import TEMPLATES, Known
from dicomgui.app.practice.data import practice_instances
from dicomgui.app.viewing.dataset_save import save_dataset
from dicomgui.app.viewing.editing import EditedCopy, Finish, UidMap, parse_tag
from dicomgui.app.viewing.viewed import open_file, view_of
from dicomgui.network.part10 import read_head, write_head
from dicomgui.network.service_classes.references import Reference
from dicomgui.storage import Selection

pytestmark = pytest.mark.interop("dciodvfy")

TODAY = date(2026, 7, 5)
EXPLICIT, DEFLATED = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99"
NO_COMPOSITE = (
    "Error - Information Object Not found",
    "Error - </MediaStorageSOPClassUID(0002,0002)> - MediaStorageSOPClassUID but missing SOPClassUID",
    "Error - </MediaStorageSOPInstanceUID(0002,0003)> - MediaStorageSOPInstanceUID but missing SOPInstanceUID",
)
"""How the errors begin that a data set without an information object always has."""


def inflated(path: Path) -> Path:
    """The same object in Explicit VR Little Endian where it is deflated, which dciodvfy does not read."""
    head = read_head(path)
    if head.transfer_syntax_uid != DEFLATED:
        return path
    made = path.with_suffix(".inflated")
    uids = {"sop_class_uid": head.sop_class_uid, "sop_instance_uid": head.sop_instance_uid}
    data = zlib.decompress(path.read_bytes()[head.dataset_offset :], -zlib.MAX_WBITS)
    made.write_bytes(write_head(**uids, transfer_syntax_uid=EXPLICIT) + data)
    return made


def judged(path: Path) -> list[str]:
    """The errors of one file; that there is a verdict at all is asserted."""
    command = [str(programs.find("dciodvfy")), "-new", str(inflated(path))]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    lines = (done.stderr + done.stdout).decode(errors="replace").splitlines()
    errors = [line for line in lines if "Error - " in line]
    assert bool(done.returncode) == bool(errors), lines
    return errors


def faults(paths: Iterable[Path]) -> dict[str, list[str]]:
    """The errors of those files that have some."""
    paths = list(paths)
    assert paths
    with ThreadPoolExecutor(2) as pool:
        return {path.name: errors for path, errors in zip(paths, pool.map(judged, paths), strict=True) if errors}


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    """The objects of the practice PACS as files."""
    folder = tmp_path_factory.mktemp("practice")
    return [_written(folder / f"{number:02}.dcm", one) for number, one in enumerate(practice_instances(TODAY))]


def _written(path: Path, one: tuple[str, str, str, bytes]) -> Path:
    head = write_head(sop_class_uid=one[0], sop_instance_uid=one[1], transfer_syntax_uid=one[2])
    path.write_bytes(head + one[3])
    return path


def test_the_judge_finds_what_is_wrong(practice: Sequence[Path], tmp_path: Path) -> None:
    dataset = dcmread(practice[0])
    del dataset.PatientID
    dataset.save_as(tmp_path / "type 2.dcm")
    step = Dataset()
    step.add(DataElement("PatientSex", "CS", "lower", validation_mode=config.IGNORE))
    save_dataset(step, tmp_path / "request.dcm")
    found = faults([tmp_path / "type 2.dcm", tmp_path / "request.dcm"])
    assert "PatientID" in found["type 2.dcm"][0]
    assert any("PatientSex" in error for error in found["request.dcm"])


def test_the_practice_objects_are_valid(practice: Sequence[Path]) -> None:
    assert len(practice) == 47
    assert faults(practice) == {}


def test_edited_copies_are_valid(practice: Sequence[Path], tmp_path: Path) -> None:
    uids, copies = UidMap(), []
    for path in practice:
        copy = _copy_of(path)
        copy.set_value((parse_tag("PatientID"),), "TEST-@@@@")
        charset = parse_tag("SpecificCharacterSet")
        has_one = any(row.path == (charset,) for row in copy.rows())
        copy.set_value((charset,), "ISO_IR 192") if has_one else copy.add(charset, "ISO_IR 192")
        copy.add(parse_tag("PatientWeight"), "71.5")
        copies.append(tmp_path / path.name)
        copy.save(copies[-1], Finish(marks_comments=True), uids)
    assert faults(copies) == {}


def _copy_of(path: Path) -> EditedCopy:
    viewed = open_file(path)
    try:
        return EditedCopy.of(viewed)
    finally:
        viewed.close()


@pytest.mark.parametrize("form", [ExportForm.FOLDERS, ExportForm.DICOMDIR])
async def test_exports_are_valid(
    context: AppContext, practice: Sequence[Path], tmp_path: Path, form: ExportForm
) -> None:
    archive, target = LocalArchive(context, tmp_path / "archive"), tmp_path / "out"
    async with archive.opened():
        for path in practice[::5]:
            head = read_head(path)
            sink = archive.files.receive(
                sop_class_uid=head.sop_class_uid, sop_instance_uid=head.sop_instance_uid,
                transfer_syntax_uid=head.transfer_syntax_uid, sending_ae_title="A", receiving_ae_title="B",
            )  # fmt: skip
            sink.write(memoryview(path.read_bytes()[head.dataset_offset :]))
            archive.files.commit(sink.finish())
        report = await export(archive, Selection(), target, context.file_pool, form=form)
    files = [path for path in target.rglob("*") if path.is_file()]
    assert len(files) == report.files + (form is ExportForm.DICOMDIR) > 5
    assert faults(files) == {}


@pytest.mark.parametrize("samples", [1, 3])
async def test_films_are_valid_and_so_are_their_edited_copies(
    context: AppContext, tmp_path: Path, samples: int
) -> None:
    [job] = await printed(context, image_of(samples))
    jobs = PrintedJobs()
    film = jobs.add(job, 1_780_000_000.0).dataset(0)
    save_dataset(film, tmp_path / "film.dcm")
    EditedCopy.of(view_of(film, "film")).save(tmp_path / "copy.dcm", Finish(), UidMap())
    assert faults([tmp_path / "film.dcm", tmp_path / "copy.dcm"]) == {}
    again, other = jobs.add(job, 0.0), next(iter(jobs))
    assert film.SOPInstanceUID == other.dataset(0).SOPInstanceUID != again.dataset(0).SOPInstanceUID


def _request_files(folder: Path) -> Iterator[Path]:
    references = tuple(Reference(f"1.2.840.10008.5.1.4.1.1.{end}", f"2.25.{end}") for end in ("2", "88.11"))
    for name, known in {"empty": Known(), "full": Known(references=references, transaction_uid="2.25.7")}.items():
        for template in TEMPLATES:
            draft = template.make(known)
            if draft.dataset is not None:
                path = folder / f"{template.key} {name}.dcm"
                save_dataset(draft.dataset, path, sop_class_uid=draft.sop_class_uid)
                yield path


def test_values_of_the_requests_of_templates_are_valid(tmp_path: Path) -> None:
    found = faults(_request_files(tmp_path))
    left = {name: [one for one in errors if not one.startswith(NO_COMPOSITE)] for name, errors in found.items()}
    assert len(left) > 20
    assert {name: errors for name, errors in left.items() if errors} == {}
