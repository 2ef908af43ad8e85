"""Deleting, undoing, and removing for good."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from helpers.archive import instance, opened_index, put, put_bytes

from dicomgui.storage import Discarded, Index, Restored, Selection, StorageError, Trash, disk, repair
from dicomgui.storage import trash as module

EXPLICIT = "1.2.840.10008.1.2.1"


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    for number in (1, 2, 3):
        put(tmp_path, instance(1, 1, number))
    put(tmp_path, instance(2))
    with opened_index(tmp_path) as index:
        yield index


EVERYTHING = Selection()


def names(index: Index, selection: Selection = EVERYTHING) -> list[str]:
    return [file.name for file in index.files(selection, every_variant=True)]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.glob("??/*.dcm")}


def test_there_and_back(index: Index, tmp_path: Path) -> None:
    trash, before = Trash(index), contents(tmp_path)
    study = names(index, Selection(study_uids=(str(instance(1).StudyInstanceUID),)))
    deletion = trash.discard(study)
    assert deletion.files == 3
    assert deletion.size_bytes == sum(len(before[name]) for name in study)
    assert deletion.failed == ()
    assert sorted(contents(tmp_path)) == sorted(set(before) - set(study))
    assert index.counts().instances == 1
    assert trash.deletions() == (deletion,)
    assert trash.restore(deletion.token) == Restored(3)
    assert contents(tmp_path) == before
    assert index.counts().instances == 4
    assert trash.deletions() == ()
    assert not (tmp_path / "trash").exists()


def test_removed_for_good(index: Index, tmp_path: Path) -> None:
    trash = Trash(index)
    deletion = trash.discard(names(index))
    trash.purge(deletion.token)
    assert contents(tmp_path) == {}
    assert not (tmp_path / "trash").exists()
    for step in (trash.purge, trash.restore):
        with pytest.raises(KeyError):
            step(deletion.token)


@pytest.mark.parametrize("token", ["", "..", "../ab", "20240101T000000Z-12345678", "x/../../ab"])
def test_tokens_that_are_none(index: Index, tmp_path: Path, token: str) -> None:
    trash, before = Trash(index), contents(tmp_path)
    trash.discard(names(index)[:1])
    for step in (trash.purge, trash.restore):
        with pytest.raises(KeyError):
            step(token)
    assert len(contents(tmp_path)) == len(before) - 1


def test_names_that_are_none_of_the_archives_are_passed_over(index: Index, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    deletion = Trash(index).discard(["mine.txt", "../x.dcm", "index.sqlite3", "ab/9.9.9.dcm"])
    assert deletion[1:] == (0, 0, (), 0)
    assert (tmp_path / "mine.txt").exists()
    assert not (tmp_path / "trash").exists()


def test_the_same_data_set_came_again(index: Index, tmp_path: Path) -> None:
    trash = Trash(index)
    before = contents(tmp_path)
    deletion = trash.discard(names(index))
    for number in (1, 2):
        index.refresh([put(tmp_path, instance(1, 1, number))]).result(30)
    assert trash.restore(deletion.token) == Restored(2, present=2)
    assert contents(tmp_path) == before
    assert index.counts().instances == 4


def test_the_same_data_set_from_another_sender(index: Index, tmp_path: Path) -> None:
    """Its head differs, and that is no other data set."""
    name = names(index)[0]
    trash = Trash(index)
    deletion = trash.discard([name])
    stored = tmp_path / "trash" / deletion.token / name
    data = stored.read_bytes()
    again = data.replace(b"DICOMGUI", b"DICOMGUX")
    assert again != data
    (tmp_path / name).write_bytes(again)
    assert trash.restore(deletion.token) == Restored(0, present=1)
    assert (tmp_path / name).read_bytes() == again


@pytest.mark.parametrize("what", ["value", "length", "syntax", "garbage"])
def test_another_data_set_of_the_uid_came_meanwhile(index: Index, tmp_path: Path, what: str) -> None:
    trash = Trash(index)
    uid = str(instance(2).SOPInstanceUID)
    (name,) = names(index, Selection(instance_uids=(uid,)))
    original = (tmp_path / name).read_bytes()
    deletion = trash.discard([name])
    if what == "garbage":
        (tmp_path / name).write_bytes(b"no DICOM")
    elif what == "syntax":
        put_bytes(tmp_path, uid, original[original.index(b"\x08\0\x16\0UI") :], "1.2.840.10008.1.2")
    else:
        put(tmp_path, instance(2, StudyDescription="Hand" if what == "value" else "Something long"))
    index.refresh([name]).result(30)
    assert trash.restore(deletion.token) == Restored(1)
    second = name.replace(".dcm", "~2.dcm")
    assert (tmp_path / second).read_bytes() == original
    assert sorted(names(index, Selection(instance_uids=(uid,)))) == sorted([name, second])


def test_two_files_that_are_no_dicom_are_compared_as_they_are(index: Index, tmp_path: Path) -> None:
    trash = Trash(index)
    name = put_bytes(tmp_path, "1.2.3", b"")
    (tmp_path / name).write_bytes(b"garbage")
    index.refresh([name]).result(30)
    deletion = trash.discard([name])
    (tmp_path / name).write_bytes(b"garbage")
    assert trash.restore(deletion.token) == Restored(0, present=1)


def test_too_many_data_sets_of_one_uid(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_VARIANTS", 2)
    trash = Trash(index)
    deletion = trash.discard([put(tmp_path, instance(5))])
    for variant in (1, 2):
        put(tmp_path, instance(5, StudyDescription=f"No {variant}"), variant=variant)
    restored = trash.restore(deletion.token)
    assert (restored.files, len(restored.failed)) == (0, 1)
    assert trash.deletions()[0].files == 1, "it is still there"


def test_a_file_system_without_hard_links(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(source: str, target: str) -> None:
        raise disk.HardLinksMissing

    monkeypatch.setattr(disk, "place", none)
    before = contents(tmp_path)
    trash = Trash(index)
    deletion = trash.discard(names(index))
    put(tmp_path, instance(2))
    assert trash.restore(deletion.token) == Restored(3, present=1)
    assert contents(tmp_path) == before


def test_a_file_that_cannot_be_moved_stays(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stuck, *others = names(index)
    real = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if self == tmp_path / stuck:
            raise PermissionError(13, "held open")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    deletion = Trash(index).discard([stuck, *others])
    assert deletion.failed == (stuck,)
    assert deletion.files == 3
    assert names(index) == [stuck]


def test_no_room_for_a_trash(index: Index, tmp_path: Path) -> None:
    (tmp_path / "trash").write_text("a file in its place")
    trash = Trash(index)
    with pytest.raises(StorageError, match="cannot make the folder"):
        trash.discard(names(index))
    assert index.counts().instances == 4
    assert trash.deletions() == ()


def test_what_cannot_be_removed_is_told(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    def stuck(folder: Path) -> None:
        raise PermissionError(13, "held open", os.fspath(folder))

    trash = Trash(index)
    deletion = trash.discard(names(index))
    monkeypatch.setattr(module.shutil, "rmtree", stuck)
    with pytest.raises(StorageError, match="cannot remove"):
        trash.purge(deletion.token)


def test_old_deletions(index: Index, tmp_path: Path) -> None:
    trash = Trash(index)
    deletion = trash.discard(names(index)[:1])
    old = "20200101T000000Z-00000000"
    (tmp_path / "trash" / deletion.token).rename(tmp_path / "trash" / old)
    new = trash.discard(names(index))
    (tmp_path / "trash" / "somebody's").mkdir()
    (tmp_path / "trash" / new.token / "note.txt").write_text("somebody's")
    (tmp_path / "trash" / new.token / "ab").mkdir(exist_ok=True)
    (tmp_path / "trash" / new.token / "ab" / "note.txt").write_text("somebody's")
    assert trash.deletions() == (Discarded(old, 1, deletion.size_bytes), new)
    assert trash.deletions(older_than=timedelta(days=1)) == (Discarded(old, 1, deletion.size_bytes),)
    trash.purge(old)
    assert trash.deletions() == (new,)


def test_killed_in_the_middle_of_a_deletion(index: Index, tmp_path: Path) -> None:
    """The files had moved, the rows had not gone yet."""
    before = contents(tmp_path)
    trash = Trash(index)
    gone = names(index)[:2]
    deletion = trash.discard(gone)
    for name in gone:  # rows as they were
        (tmp_path / name).write_bytes(before[name])
    index.refresh(gone).result(30)
    for name in gone:
        (tmp_path / name).unlink()
    index.close()
    report = repair(index, index.open())
    assert report.rows.removed == 2
    assert Trash(index).restore(deletion.token) == Restored(2)
    assert contents(tmp_path) == before
    assert index.counts().instances == 4


def test_it_is_told_how_many_of_the_files_are_further_data_sets_of_a_uid(tmp_path: Path) -> None:
    data = instance()
    made = [put(tmp_path, data, variant=number) for number in (1, 2, 3)] + [put(tmp_path, instance(2))]
    with opened_index(tmp_path) as index:
        trash = Trash(index)
        gone = trash.discard(made)
        assert (gone.files, gone.variants) == (4, 2)
        assert [(one.files, one.variants) for one in trash.deletions()] == [(4, 2)]
        assert trash.restore(gone.token) == Restored(4, variants=2)
