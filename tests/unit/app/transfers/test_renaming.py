"""Names of files after a send."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest
from helpers.instances import shipped_folder, write_instance

from dicomgui.app.files.sources import scan
from dicomgui.app.transfers.renaming import Renamer
from dicomgui.app.transfers.send_results import Cause, ItemResult, ItemState
from dicomgui.network import Status


def result_of(path: Path, state: ItemState, cause: Cause | None = None) -> ItemResult:
    [item] = scan([path]).items
    return ItemResult(item, state, Status(0), cause=cause)


@pytest.mark.parametrize(
    ("state", "cause", "end"),
    [
        (ItemState.SENT, None, ".done"),
        (ItemState.WARNING, None, ".done"),
        (ItemState.FAILED, Cause.STATUS, ".bad"),
        (ItemState.FAILED, Cause.CONTEXT, ".bad"),
        (ItemState.FAILED, Cause.FILE, ".bad"),
        (ItemState.FAILED, Cause.NETWORK, ""),
        (ItemState.CANCELLED, None, ""),
    ],
)
def test_the_result_decides(tmp_path: Path, state: ItemState, cause: Cause | None, end: str) -> None:
    path = write_instance(tmp_path, 1)
    told = Renamer().take(result_of(path, state, cause))
    assert [one.name for one in tmp_path.iterdir()] == [path.name + end]
    assert told.renaming == (f"renamed to {path.name}{end}" if end else "")


def test_nothing_that_exists_is_replaced(tmp_path: Path) -> None:
    path = write_instance(tmp_path, 1)
    there = path.with_name(path.name + ".done")
    there.write_text("mine")
    told = Renamer().take(result_of(path, ItemState.SENT))
    assert told.renaming == f"not renamed: {there.name} exists already"
    assert path.exists()
    assert there.read_text() == "mine"


def test_a_file_that_is_gone_leaves_nothing_behind(tmp_path: Path) -> None:
    path = write_instance(tmp_path, 1)
    result = result_of(path, ItemState.SENT)
    path.unlink()
    assert Renamer().take(result).renaming.startswith("not renamed: No such file")
    assert list(tmp_path.iterdir()) == []


def test_a_member_of_an_archive_is_left_alone(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(write_instance(tmp_path, 1), "one.dcm")
    with scan([archive]) as selection:
        told = Renamer().take(ItemResult(selection.items[0], ItemState.SENT))
        assert told.renaming == "not renamed: it is in an archive"
        assert selection.items[0].path.exists()


@pytest.mark.parametrize("name", ["DICOMDIR", ""])
def test_a_file_that_a_dicomdir_names_is_left_alone(tmp_path: Path, name: str) -> None:
    medium, shipped = tmp_path / "medium", shipped_folder() / "test_files" / "dicomdirtests"
    shutil.copytree(shipped / "77654033", medium / "77654033")
    shutil.copy(shipped / "DICOMDIR", medium)
    selection = scan([medium / name])
    renamer = Renamer(selection.directories)
    told = renamer.take(ItemResult(selection.items[0], ItemState.SENT))
    assert told.renaming == "not renamed: a DICOMDIR names it"
    assert selection.items[0].path.exists()
