"""The archive's files once more, in folders for people."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.archive import instance, opened_index, put

from dicomgui.storage import FolderLayout, FolderPatterns, FolderTree, Index, Trash


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    """Of two patients, the second of whom has a name in kanji and no date."""
    put(tmp_path, instance(1, 1, 1))
    put(tmp_path, instance(1, 1, 12, SeriesDescription="Axial"))
    put(tmp_path, instance(
        2, 1, 1, PatientName="Yamada^Tarou=山田^太郎", SpecificCharacterSet="ISO_IR 192", StudyDate="",
        StudyDescription="a/b", InstanceNumber=None,
    ))  # fmt: skip
    with opened_index(tmp_path) as made:
        yield made


def paths(folder: Path, top: str) -> list[str]:
    return sorted(path.relative_to(folder / top).as_posix() for path in (folder / top).rglob("*.dcm"))


def names(index: Index) -> list[str]:
    return [name for (name,) in index.rows("SELECT name FROM instance ORDER BY name")]


def test_by_patient_study_and_series_without_a_byte_twice(index: Index, tmp_path: Path) -> None:
    FolderTree(index, FolderLayout.PATIENT).complete()
    found = paths(tmp_path, "by patient")
    assert [path.split("/")[0] for path in found] == ["P1 Doe Jane", "P1 Doe Jane", "P2 Yamada Tarou"]
    assert [path.split("/")[1][:-5] for path in found] == ["20240101 Head", "20240101 Head", "a_b"]
    assert [path.split("/")[3].split()[0] for path in found] == ["0001", "0012", "instance"]
    for path in found:
        assert (tmp_path / "by patient" / path).stat().st_nlink == 2


def test_by_date(index: Index, tmp_path: Path) -> None:
    FolderTree(index, FolderLayout.DATE).complete()
    found = paths(tmp_path, "by date")
    assert [path.split("/")[0] for path in found] == ["2024-01-01", "2024-01-01", "no date"]
    assert found[0].split("/")[1].startswith("P1 Doe Jane Head ")


def test_another_layout_takes_the_place_of_the_first_and_leaves_alone_what_is_not_ours(
    index: Index, tmp_path: Path
) -> None:
    tree = FolderTree(index, FolderLayout.PATIENT)
    tree.complete()
    (tmp_path / "by patient" / "P1 Doe Jane" / "notes.txt").write_text("mine")
    tree.layout = FolderLayout.DATE
    tree.complete()
    assert (len(paths(tmp_path, "by patient")), len(paths(tmp_path, "by date"))) == (0, 3)
    assert [path.name for path in (tmp_path / "by patient").rglob("*")] == ["P1 Doe Jane", "notes.txt"]
    tree.layout = FolderLayout.UID
    tree.complete()
    assert not (tmp_path / "by date").exists()
    assert len(names(index)) == 3


def test_a_stop_ends_it_at_the_next_file_and_the_next_start_does_the_rest(index: Index, tmp_path: Path) -> None:
    """A start with ten thousand files reads, prunes and links for seconds: who closes the archive does not wait."""
    by_pattern(index, "{PatientID}", "{SOPInstanceUID}").complete()
    for most in range(30):
        asked: list[bool] = []

        def stop(asked: list[bool] = asked, most: int = most) -> bool:
            asked.append(len(asked) >= most)
            return asked[-1]

        by_pattern(index, "{PatientName}/{SliceLocation|none}", "{SOPInstanceUID}").complete(stop)
        assert sum(asked) <= 1, "once it said stop, it is not asked again"
    assert not sum(asked), "the last time it came to its end"
    assert {path.split("/")[1] for path in paths(tmp_path, "by pattern")} == {"none"}
    assert len(paths(tmp_path, "by pattern")) == 3


def test_single_files_come_and_go(index: Index, tmp_path: Path) -> None:
    tree = FolderTree(index, FolderLayout.PATIENT)
    first, *others = names(index)
    tree.link([first])
    assert len(paths(tmp_path, "by patient")) == 1
    tree.link([first, *others])
    assert len(paths(tmp_path, "by patient")) == 3
    tree.unlink([first, *others])
    assert not (tmp_path / "by patient").exists()


def test_completing_removes_what_has_no_file_and_follows_a_changed_one(index: Index, tmp_path: Path) -> None:
    tree = FolderTree(index, FolderLayout.PATIENT)
    tree.complete()
    first, second, _ = names(index)
    Trash(index).discard([first])
    changed = tmp_path / second
    data = changed.read_bytes()
    changed.unlink()
    changed.write_bytes(data)
    tree.complete()
    found = [tmp_path / "by patient" / path for path in paths(tmp_path, "by patient")]
    assert len(found) == 2
    assert any(path.samefile(changed) for path in found)


def test_without_hard_links_there_is_no_tree_and_it_says_so(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "not permitted")

    tree = FolderTree(index, FolderLayout.PATIENT)
    monkeypatch.setattr(os, "link", refuse)
    tree.complete()
    assert tree.fault == "The folders by patient cannot be kept: the file system has no hard links."
    monkeypatch.undo()
    tree.complete()
    assert tree.fault == ""
    assert len(paths(tmp_path, "by patient")) == 3


def test_it_stops_when_told_to(index: Index, tmp_path: Path) -> None:
    FolderTree(index, FolderLayout.PATIENT).complete(lambda: True)
    assert not paths(tmp_path, "by patient")


def by_pattern(index: Index, folder: str = "{PatientID}/{Modality}", file: str = "{InstanceNumber:03}") -> FolderTree:
    return FolderTree(index, FolderLayout.PATTERN, FolderPatterns(folder, file))


def test_by_a_pattern_with_attributes_that_the_index_does_not_have(index: Index, tmp_path: Path) -> None:
    by_pattern(index, "{PatientID}/{SliceLocation|none}", "{InstanceNumber:03}").complete()
    assert paths(tmp_path, "by pattern") == ["P1/none/001.dcm", "P1/none/012.dcm", "P2/none/unknown.dcm"]
    put(tmp_path, instance(3, 1, 1, SliceLocation="12.5", PatientID="../../P3"))
    with opened_index(tmp_path) as again:
        by_pattern(again, "{PatientID}/{SliceLocation|none}", "{InstanceNumber:03}").complete()
    assert "_.._P3/12.5/001.dcm" in paths(tmp_path, "by pattern")


def test_two_instances_of_one_path_are_both_there_and_go_apart(index: Index, tmp_path: Path) -> None:
    tree = by_pattern(index, "all", "{Modality}")
    tree.complete()
    found = paths(tmp_path, "by pattern")
    assert len(found) == len({(tmp_path / "by pattern" / path).stat().st_ino for path in found}) == 3
    assert "all/CT.dcm" in found
    tree.complete()
    assert paths(tmp_path, "by pattern") == found
    for gone in names(index):
        tree.unlink([gone])
        found.pop()
        left = {(tmp_path / "by pattern" / path).stat().st_ino for path in paths(tmp_path, "by pattern")}
        assert len(left) == len(found)
        assert (tmp_path / gone).stat().st_ino not in left
    assert not (tmp_path / "by pattern").exists()


def test_another_pattern_takes_the_place_of_the_first_and_leaves_alone_what_is_not_ours(
    index: Index, tmp_path: Path
) -> None:
    tree = by_pattern(index)
    tree.complete()
    own = tmp_path / "by pattern" / "P1" / "CT" / "notes.dcm"
    own.write_text("mine")
    tree.patterns = FolderPatterns("{StudyDate:%Y|none}", "{SOPInstanceUID}")
    tree.complete()
    assert len(paths(tmp_path, "by pattern")) == 4
    assert sorted(path.name for path in (tmp_path / "by pattern").iterdir()) == ["2024", "P1", "none"]
    tree.layout = FolderLayout.UID
    tree.complete()
    assert [path.name for path in (tmp_path / "by pattern").rglob("*.dcm")] == ["notes.dcm"]
    assert not (tmp_path / "folder-patterns.json").exists()


def test_a_file_of_somebody_else_is_not_overwritten(index: Index, tmp_path: Path) -> None:
    own = tmp_path / "by pattern" / "P1" / "CT" / "001.dcm"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    by_pattern(index).complete()
    assert own.read_text() == "mine"
    assert len(paths(tmp_path, "by pattern")) == 4


def test_who_opens_the_archive_later_keeps_the_same_patterns(index: Index, tmp_path: Path) -> None:
    by_pattern(index, "{Modality}", "{SOPInstanceUID}").complete()
    before = paths(tmp_path, "by pattern")
    FolderTree(index, None).complete()
    assert paths(tmp_path, "by pattern") == before


def test_links_of_instances_that_went_elsewhere_are_removed(index: Index, tmp_path: Path) -> None:
    tree = by_pattern(index, "all", "{Modality}")
    tree.complete()
    first, second, third = names(index)
    discarded = Trash(index).discard([first])
    tree.complete()
    left = {(tmp_path / "by pattern" / path).stat().st_ino for path in paths(tmp_path, "by pattern")}
    assert left == {(tmp_path / name).stat().st_ino for name in (second, third)}
    tree.link([second])
    Trash(index).restore(discarded.token)
    tree.complete()
    assert len(paths(tmp_path, "by pattern")) == 3
    (tmp_path / third).unlink()
    index.refresh([third]).result()
    tree.complete()
    assert len(paths(tmp_path, "by pattern")) == 2


def test_an_instance_that_was_replaced_keeps_its_path(index: Index, tmp_path: Path) -> None:
    tree = by_pattern(index)
    tree.complete()
    before = paths(tmp_path, "by pattern")
    first = tmp_path / names(index)[0]
    data = first.read_bytes()
    first.unlink()
    first.write_bytes(data)
    tree.link([names(index)[0]])
    assert paths(tmp_path, "by pattern") == before
    assert any((tmp_path / "by pattern" / path).samefile(first) for path in before)


def test_a_pattern_without_hard_links_says_so(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "not permitted")

    tree = by_pattern(index)
    monkeypatch.setattr(os, "link", refuse)
    tree.complete()
    assert tree.fault == "The folders by pattern cannot be kept: the file system has no hard links."


def test_a_file_in_the_place_of_a_folder_is_told(index: Index, tmp_path: Path) -> None:
    (tmp_path / "by pattern").mkdir()
    (tmp_path / "by pattern" / "P1").write_text("mine")
    tree = by_pattern(index)
    tree.complete()
    assert tree.fault.startswith("The folders by pattern cannot be kept: ")
    assert (tmp_path / "by pattern" / "P1").read_text() == "mine"
