"""All files that pydicom ships, imported, and exported in each form: dcmdump, pydicom and dciodvfy read the result."""

from __future__ import annotations

import shutil
import warnings
from collections import Counter
from pathlib import Path

import pytest
from helpers import peers
from helpers.instances import data_set, shipped_folder
from pydicom.fileset import FileSet

from dicomgui.app.archive.files import ExportForm, ExportReport, export, import_paths
from dicomgui.app.archive.local_archive import LocalArchive
from dicomgui.app.context import AppContext
from dicomgui.storage import Selection


@pytest.mark.interop("dcmdump")
async def test_all_shipped_files_go_in_and_out_and_the_counts_agree(context: AppContext, tmp_path: Path) -> None:
    reports: dict[ExportForm, ExportReport] = {}
    async with LocalArchive(context, tmp_path / "archive", fsync=False).opened() as archive:
        imported = await import_paths(archive, [shipped_folder()], context.file_pool)
        for form in (ExportForm.FOLDERS, ExportForm.DICOMDIR):
            reports[form] = await export(archive, Selection(), tmp_path / form.value, context.file_pool, form=form)
        counts = await archive.counts()
        kept = Counter(data_set(file.path) for file in archive.index.files(Selection(), every_variant=True))
    assert imported.failed == ()
    assert imported.kept_second > 10
    folders, medium = reports[ExportForm.FOLDERS], reports[ExportForm.DICOMDIR]
    assert (folders.files, folders.failed) == (counts.instances, ()) == (imported.stored, ())
    assert Counter(data_set(path) for path in (tmp_path / "folders").rglob("*.dcm")) == kept
    assert medium.files + len(medium.failed) == counts.instances
    assert medium.files > 100
    assert not [reason for _, reason in medium.failed if "KeyError" in reason or "folder is not there" in reason]
    _read_by_others(tmp_path / "dicomdir", medium.files)


def _read_by_others(folder: Path, count: int) -> None:
    """pydicom and dcmdump list the instances of a medium; dciodvfy, where it is installed, finds no missing element."""
    with warnings.catch_warnings(action="ignore"):
        made = FileSet(folder / "DICOMDIR")
        made._stage["t"].cleanup()
        assert len(made) == count
    dumped = peers.run_here("dcmdump", "+P", "0004,1511", folder / "DICOMDIR")
    assert (dumped.code, dumped.output.count("(0004,1511)")) == (0, count), str(dumped)
    verify = shutil.which("dciodvfy")
    if verify is not None:
        said = peers.run_here(verify, "-new", folder / "DICOMDIR").output
        errors = [line for line in said.splitlines() if line.startswith("Error")]
        # An ACR-NEMA date and a document without the time of its verification are in the instances themselves.
        theirs = ("invalid for this VR", "VerificationDateTime")
        assert [line for line in errors if not any(one in line for one in theirs)] == []
