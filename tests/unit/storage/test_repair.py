"""Files and index agree after a start, whatever happened to either in between."""

from __future__ import annotations

import os
import shutil
from importlib import import_module
from pathlib import Path

import pytest
from helpers.archive import ROOT, identifier, instance, put, put_bytes

from dicomgui.network.dimse.dataset import encode_dataset
from dicomgui.network.file_structure import read_file_structure
from dicomgui.storage import (
    BrokenFile,
    FolderMissing,
    Index,
    IndexFault,
    Leftovers,
    Model,
    Opened,
    Refreshed,
    RepairProgress,
    RepairReport,
    compile_query,
    rebuild,
    repair,
)

CLEAN = Opened(Path("index"))
MODULE = import_module("dicomgui.storage.repair")
"""The module; the package has the function of that name."""


def fill(folder: Path) -> list[str]:
    """Eight instances in a closed and complete index."""
    names = [put(folder, instance(study, 1, number)) for study in (1, 2) for number in (1, 2, 3, 4)]
    index = Index(folder)
    repair(index, index.open())
    index.close()
    return names


def started(folder: Path, **more: object) -> tuple[RepairReport, list[str]]:
    """Open and repair, as a start does; what it says, and the names that have rows then."""
    index = Index(folder)
    report = repair(index, index.open(), **more)
    names = sorted(name for number in range(256) for name in index.names_in(f"{number:02x}"))
    index.close()
    return report, names


def on_disk(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.glob("??/*.dcm"))


def test_a_new_index_of_files_that_are_there(tmp_path: Path) -> None:
    for number in range(1, 9):
        put(tmp_path, instance(1, 1, number))
    report, names = started(tmp_path)
    assert names == on_disk(tmp_path)
    assert report.rows == Refreshed(added=8)
    assert report.files == 8
    assert report.is_complete
    assert report.sentences == ("8 instances were put into a new index.",)


def test_when_all_is_well_no_file_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path)
    index = Index(tmp_path)
    opened = index.open()
    looked: list[object] = []
    monkeypatch.setattr(index, "refresh", looked.append)
    monkeypatch.setattr("dicomgui.storage.indexing.read_attributes", looked.append)
    report = repair(index, opened)
    index.close()
    assert opened.was_clean
    assert looked == []
    assert report == RepairReport(files=8, opened=opened)
    assert report.sentences == ()


def test_files_without_rows_and_rows_without_files(tmp_path: Path) -> None:
    names = fill(tmp_path)
    (tmp_path / names[0]).unlink()
    shutil.rmtree((tmp_path / names[1]).parent, ignore_errors=True)
    put(tmp_path, instance(9))
    put_bytes(tmp_path, "1.2.3", b"\xff" * 20)
    report, now = started(tmp_path)
    assert now == on_disk(tmp_path)
    assert report.rows.added == 2
    assert report.rows.removed >= 2
    assert report.rows.unreadable == 1
    assert report.sentences == (
        "2 instances were missing in the index and were added.",
        f"Of {report.rows.removed} instances in the index there was no file any more; the entry is removed.",
        "1 instance could not be read; known by the UID alone.",
        "1 file was found broken and kept. 1.2.3.dcm: no data element where one is due.",
    )
    again, _ = started(tmp_path)
    assert again.sentences == ()


@pytest.mark.parametrize("are_behind", [True, False])
def test_what_others_are_about_to_index_is_put_right_and_not_told_of(tmp_path: Path, are_behind: bool) -> None:
    (tmp_path / fill(tmp_path)[0]).unlink()
    put(tmp_path, instance(9))
    asked: list[int] = []

    def are_others_behind() -> bool:
        asked.append(1)
        return are_behind

    report, names = started(tmp_path, are_others_behind=are_others_behind)
    assert names == on_disk(tmp_path)
    assert 0 < len(asked) <= 2, "only where something differs"
    assert len(report.sentences) == (0 if are_behind else 2)


def test_after_a_crash_a_file_that_was_replaced_is_read_again(tmp_path: Path) -> None:
    names = fill(tmp_path)
    put(tmp_path, instance(1, 1, 1, ContentDate="20240131"))
    os.utime(tmp_path / names[1], ns=(1, 1))
    index = Index(tmp_path)
    opened = index.open()._replace(was_clean=False)
    report = repair(index, opened)
    query = compile_query(identifier("IMAGE", ContentDate="20240131"), Model.STUDY_ROOT, relational=True)
    assert len(list(index.find(query))) == 1
    index.close()
    assert report.rows == Refreshed(updated=2)
    assert report.sentences == ("2 instances had changed and were read again.",)


def test_what_is_none_of_the_archives_is_left_alone(tmp_path: Path) -> None:
    name = fill(tmp_path)[0]
    folder = (tmp_path / name).parent
    (folder / "notes.txt").write_text("mine")
    (folder / "x.dcm").write_text("mine")
    (folder / "1.2.77.dcm").mkdir()
    (tmp_path / "zz").mkdir()
    (tmp_path / "zz" / "1.2.dcm").write_text("mine")
    report, names = started(tmp_path)
    assert report.foreign == 3
    assert report.files == 8
    assert len(names) == 8
    assert (folder / "notes.txt").read_text() == "mine"


def test_links_are_not_followed(tmp_path: Path) -> None:
    archive, outside = tmp_path / "archive", tmp_path / "outside"
    archive.mkdir()
    outside.mkdir()
    name = put(outside, instance())
    (archive / name).parent.mkdir()
    (archive / name).symlink_to(outside / name)
    report, names = started(archive)
    assert report.foreign == 1
    assert names == []


def test_an_unplugged_disk_empties_no_index(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.mkdir()
    fill(archive)
    index = Index(archive)
    opened = index.open()
    archive.rename(tmp_path / "unplugged")
    with pytest.raises(FolderMissing):
        repair(index, opened)
    (tmp_path / "unplugged").rename(archive)
    assert index.counts().instances == 8
    index.close()


def test_a_folder_that_cannot_be_listed_keeps_its_rows(tmp_path: Path) -> None:
    name = fill(tmp_path)[0]
    folder = (tmp_path / name).parent
    folder.rename(tmp_path / "elsewhere")
    folder.write_text("a file in its place")
    report, names = started(tmp_path)
    assert report.unchecked == (folder.name,)
    assert name in names
    assert report.sentences == ("1 folder of the archive could not be listed.",)


def test_progress_and_stop(tmp_path: Path) -> None:
    fill(tmp_path)
    steps: list[RepairProgress] = []
    report, _ = started(tmp_path, on_progress=steps.append)
    assert [step.folders_done for step in steps] == list(range(1, 257))
    assert steps[-1] == (256, 256, 8)
    stopped, _ = started(tmp_path, should_stop=lambda: True)
    assert not stopped.is_complete
    assert stopped.files == 0
    assert report.is_complete


def test_what_the_listener_stores_meanwhile_is_not_called_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path)
    index = Index(tmp_path)
    opened = index.open()
    real = index.flush
    number = 10

    def store_one_more() -> object:
        nonlocal number
        number += 1
        index.refresh([put(tmp_path, instance(1, 1, number))])
        return real()

    monkeypatch.setattr(index, "flush", store_one_more)
    report = repair(index, opened)
    index.close()
    assert report.rows == Refreshed()
    assert started(tmp_path)[1] == on_disk(tmp_path)


def test_the_report_tells_everything(tmp_path: Path) -> None:
    opened = Opened(tmp_path / "index", damaged=tmp_path / "damaged", newer_version=7)
    report = RepairReport(leftovers=Leftovers(("a.part", "b.part"), 10, ("c.part",), 1), opened=opened)
    assert report.sentences == (
        "2 files that an earlier run had left incomplete were removed.",
        "1 incomplete file of an earlier run could not be removed.",
        "The index was damaged; a new one was made.",
        "The index was made by a later version of this program; it is left alone, and another is used.",
    )
    assert RepairReport().sentences == ()


def test_leftovers_are_passed_on(tmp_path: Path) -> None:
    leftovers = Leftovers(("a.part",), 1)
    report, _ = started(tmp_path, leftovers=leftovers)
    assert report.leftovers is leftovers


def test_rebuild(tmp_path: Path) -> None:
    fill(tmp_path)
    index = Index(tmp_path)
    index.open()
    steps: list[RepairProgress] = []
    report = rebuild(index, on_progress=steps.append)
    assert report.rows == Refreshed(added=8)
    assert len(steps) == 256
    assert index.counts().instances == 8
    stopped = rebuild(index, should_stop=lambda: True)
    assert not stopped.is_complete
    index.close()
    assert started(tmp_path)[0].rows.added == 8, "the next start goes on with it"


def test_rebuild_of_a_damaged_index(tmp_path: Path) -> None:
    import sqlite3

    fill(tmp_path)
    index = Index(tmp_path)
    index.open()
    assert index._indexer is not None
    index._indexer.note(sqlite3.DatabaseError("malformed"))
    with pytest.raises(IndexFault):
        index.refresh(["ab/1.2.dcm"]).result(30)
    report = rebuild(index)
    assert report.rows == Refreshed(added=8)
    assert report.opened is not None
    assert report.opened.is_new
    index.close()


# -- broken files ------------------------------------------------------------------------------------------------------


def damaged(folder: Path) -> list[str]:
    """Eight instances, three of which are broken: two break off, of one the head is gone."""
    names = [put(folder, instance(1, 1, number)) for number in range(1, 9)]
    for name in names[:2]:
        os.truncate(folder / name, (folder / name).stat().st_size - 1)
    (folder / names[2]).write_bytes(b"no DICOM")
    return names[:3]


def test_a_rebuild_names_broken_files_and_keeps_them(tmp_path: Path) -> None:
    broken = damaged(tmp_path)
    before = on_disk(tmp_path)
    index = Index(tmp_path)
    repair(index, index.open())
    report = rebuild(index)
    names = sorted(name for number in range(256) for name in index.names_in(f"{number:02x}"))
    index.close()
    assert names == before == on_disk(tmp_path)
    assert {path for path, _ in report.broken} == {tmp_path / name for name in broken}
    assert report.broken_count == 3
    texts = {path.name: text for path, text in report.broken}
    assert [texts[Path(name).name].split(" at ")[0] for name in broken[:2]] == ["the data set breaks off"] * 2
    assert texts[Path(broken[2]).name].startswith("no DICOM file: ")
    [sentence] = [one for one in report.sentences if "broken" in one]
    assert sentence.startswith("3 files were found broken and kept. ")
    assert all(Path(name).name in sentence for name in broken)


def test_a_rebuild_names_both_encodings_of_a_file_that_has_another_than_it_says(tmp_path: Path) -> None:
    """PS3.10 7.1: the Transfer Syntax UID of the file meta information is that of the data set."""
    implicit, explicit = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
    for number, (said, there) in enumerate([(implicit, explicit), (explicit, implicit), (explicit, explicit)], 1):
        put_bytes(
            tmp_path, f"{ROOT}.{number}", encode_dataset(instance(SOPInstanceUID=f"{ROOT}.{number}"), there), said
        )
    report, _ = started(tmp_path)
    assert {(path.name, text) for path, text in report.broken} == {
        (f"{ROOT}.1.dcm", "the data set is Explicit VR LE, not Implicit VR LE"),
        (f"{ROOT}.2.dcm", "the data set is Implicit VR LE, not Explicit VR LE"),
    }
    assert "the data set is Explicit VR LE, not Implicit VR LE" in report.sentences[-1]


def test_more_broken_files_than_are_named_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged(tmp_path)
    monkeypatch.setattr(MODULE, "_MOST_NAMED", 2)
    monkeypatch.setattr(MODULE, "_NAMED_IN_SENTENCE", 1)
    report, _ = started(tmp_path)
    assert (len(report.broken), report.broken_count) == (2, 3)
    assert report.sentences[-1].endswith("; and 2 more.")


def test_a_file_that_cannot_be_read_is_named_and_one_that_has_gone_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [put(tmp_path, instance(1, 1, number)) for number in (1, 2, 3)]

    def refuse(path: Path) -> object:
        if path.name == Path(names[0]).name:
            raise PermissionError(13, "Permission denied")
        if path.name == Path(names[1]).name:
            raise FileNotFoundError(2, "No such file")
        return read_file_structure(path.with_name("gone"))

    monkeypatch.setattr(MODULE, "read_file_structure", refuse)
    report, _ = started(tmp_path)
    assert report.broken == (BrokenFile(tmp_path / names[0], "it cannot be read: Permission denied"),)


def test_trailing_padding_does_not_break_a_file(tmp_path: Path) -> None:
    name = put(tmp_path, instance(1, 1, 1))
    path = tmp_path / name
    path.write_bytes(path.read_bytes() + bytes.fromhex("fcfffcff") + b"OB\0\0" + bytes.fromhex("04000000") + bytes(4))
    report, _ = started(tmp_path)
    assert report.broken == ()
