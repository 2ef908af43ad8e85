"""What of the chosen files, folders and archives can be sent, and why the rest cannot."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest
from helpers.instances import CT, EXPLICIT, write_instance

from dicomgui.app.files import sources
from dicomgui.app.files.dicomdir import MEDIA_DIRECTORY
from dicomgui.app.files.sources import ScanStopped, Selection, Skipped, scan
from dicomgui.network.part10 import write_head


def write_file(path: Path, sop_class: str, sop_instance: str) -> Path:
    head = write_head(sop_class_uid=sop_class, sop_instance_uid=sop_instance, transfer_syntax_uid=EXPLICIT)
    path.write_bytes(head + b"\x10\x00\x10\x00PN\x04\x00A^B ")
    return path


def names(selection: Selection) -> list[str]:
    return [Path(item.name).name for item in selection.items]


def skipped(selection: Selection) -> dict[str, Skipped]:
    return {Path(entry.name).name: entry for entry in selection.skipped}


def test_a_file_with_its_head_and_size(tmp_path: Path) -> None:
    path = write_instance(tmp_path, 1)
    with scan([str(path)]) as selection:
        [item] = selection.items
    assert item.path == path
    assert item.name == str(path)
    assert item.size_bytes == path.stat().st_size == selection.size_bytes
    assert (item.head.sop_class_uid, item.head.transfer_syntax_uid) == (CT, EXPLICIT)
    assert selection.skipped == ()


def test_a_folder_is_walked_in_order_whatever_the_names(tmp_path: Path) -> None:
    for folder, number in (("b", 3), ("a/deep", 2), (".", 1)):
        write_instance(tmp_path / folder, number)
    (tmp_path / "IM0001").write_bytes(write_instance(tmp_path / "c", 4).read_bytes())
    (tmp_path / "notes.txt").write_text("not for sending", encoding="utf-8")
    selection = scan([tmp_path])
    assert names(selection) == ["1.dcm", "IM0001", "2.dcm", "3.dcm", "4.dcm"]
    assert not skipped(selection)["notes.txt"].is_fault


def test_what_was_chosen_by_name_and_is_no_instance_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not for sending", encoding="utf-8")
    selection = scan([tmp_path / "notes.txt", tmp_path / "missing", "nul\0byte"])
    assert [entry.is_fault for entry in selection.skipped] == [True, True, True]
    assert str(tmp_path) not in selection.skipped[0].reason
    assert selection.skipped[1].reason == os.strerror(2)


def test_files_without_the_uids_that_sending_needs_are_faults(tmp_path: Path) -> None:
    write_file(tmp_path / "class.dcm", "no uid", "1.2.3")
    write_file(tmp_path / "both.dcm", "x", "y")
    selection = scan([tmp_path])
    assert selection.items == ()
    assert skipped(selection)["class.dcm"].reason == "it has no usable SOP Class UID"
    assert "SOP Instance UID" in skipped(selection)["both.dcm"].reason
    assert all(entry.is_fault for entry in selection.skipped)


def test_a_damaged_file_in_a_folder_is_a_fault(tmp_path: Path) -> None:
    path = write_instance(tmp_path, 1)
    path.write_bytes(path.read_bytes()[:150])
    assert skipped(scan([tmp_path]))["1.dcm"].is_fault


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_are_followed_once(tmp_path: Path) -> None:
    write_instance(tmp_path / "a", 1)
    (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "a" / "broken").symlink_to(tmp_path / "nothing")
    selection = scan([tmp_path])
    assert names(selection) == ["1.dcm"]
    assert skipped(selection)["broken"].is_fault


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are of Unix")
def test_what_is_no_regular_file_is_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert not skipped(scan([tmp_path]))["pipe"].is_fault
    assert scan([tmp_path / "pipe"]).skipped[0].is_fault


def test_a_folder_that_cannot_be_read_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    [entry] = scan([tmp_path]).skipped
    assert entry.is_fault
    assert entry.reason == "Permission denied"


def test_a_file_that_vanishes_during_the_scan_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_instance(tmp_path, 1)
    real = sources.read_head

    def read_and_remove(source: Path) -> object:
        head = real(source)
        source.unlink()
        return head

    monkeypatch.setattr(sources, "read_head", read_and_remove)
    [entry] = scan([path]).skipped
    assert entry.is_fault


def test_an_archive_is_extracted_and_removed_with_the_selection(tmp_path: Path) -> None:
    data = write_instance(tmp_path / "files", 1).read_bytes()
    directory = write_file(tmp_path / "dir", MEDIA_DIRECTORY, "1.2.3").read_bytes()
    archive = tmp_path / "study.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("img/1", data)
        opened.writestr("DICOMDIR", directory)
        opened.writestr("README", b"hello, reader")
    second = tmp_path / "second.zip"
    second.write_bytes(archive.read_bytes())
    selection = scan([archive, second])
    assert [item.name for item in selection.items] == [f"{archive}:img/1", f"{second}:img/1"]
    paths = [item.path for item in selection.items]
    assert all(path.read_bytes() == data for path in paths)
    assert [entry.is_fault for entry in selection.skipped] == [False] * 4
    selection.close()
    selection.close()
    assert not any(path.exists() for path in paths)


def test_an_unreadable_archive_is_called_by_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 nonsense")
    [entry] = scan([tmp_path / "bad.zip"]).skipped
    assert entry.name == str(tmp_path / "bad.zip")
    assert entry.is_fault


def test_a_dicomdir_stands_for_its_files_when_chosen_and_for_nothing_in_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = write_instance(tmp_path / "img", 1)
    write_instance(tmp_path / "img", 2)
    path = write_file(tmp_path / "DICOMDIR", MEDIA_DIRECTORY, "1.2.3")
    monkeypatch.setattr(sources, "referenced_files", lambda _: ([first], [("DICOMDIR:X", "not there")]))
    chosen = scan([path])
    assert names(chosen) == ["1.dcm"]
    assert chosen.skipped == (Skipped("DICOMDIR:X", "not there", is_fault=True),)
    whole = scan([tmp_path])
    assert names(whole) == ["1.dcm", "2.dcm"]
    assert not skipped(whole)["DICOMDIR"].is_fault


def test_progress_is_told_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "PROGRESS_EVERY", 2)
    for number in range(5):
        write_instance(tmp_path, number)
    told: list[int] = []
    scan([tmp_path], on_progress=lambda count, name: told.append(count))
    assert told == sorted(told)
    assert told


def test_a_scan_that_is_stopped_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("1", write_instance(tmp_path, 1).read_bytes())
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    answers = iter([False, False, True])
    with pytest.raises(ScanStopped):
        scan([archive, archive], should_stop=lambda: next(answers))
    assert list((tmp_path / "temporary").iterdir()) == []
