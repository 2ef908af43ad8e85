"""Partial files: whose are alive, and whose a crash has left."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from dicomgui.storage import disk
from dicomgui.storage.incoming import Incoming, Leftovers


def opened(root: Path) -> Incoming:
    incoming = Incoming(root)
    incoming.open()
    return incoming


def crash(incoming: Incoming) -> None:
    """What the system does for a process that dies: its files are closed, nothing is removed."""
    os.close(incoming._lock)


def begun(incoming: Incoming, data: bytes = b"x" * 10) -> Path:
    """A partial file with something in it."""
    handle, name = incoming.open_part()
    os.write(handle, data)
    os.close(handle)
    return Path(name)


def test_names_are_inside_and_never_the_same(tmp_path: Path) -> None:
    one, other = opened(tmp_path), opened(tmp_path)
    names = {begun(source) for source in (one, other) for _ in range(50)}
    assert len(names) == 100
    assert {name.parent for name in names} == {tmp_path / "incoming"}
    for name in names:
        name.unlink()
    one.close()
    other.close()
    assert list((tmp_path / "incoming").iterdir()) == []


def test_opening_again_gives_the_token_back(tmp_path: Path) -> None:
    incoming = opened(tmp_path)
    incoming.open()
    assert len(list((tmp_path / "incoming").iterdir())) == 1
    incoming.close()
    incoming.close()
    assert not incoming.is_open


def test_what_a_crash_has_left_is_removed(tmp_path: Path) -> None:
    dead = opened(tmp_path)
    parts = [begun(dead) for _ in range(3)]
    crash(dead)
    incoming = opened(tmp_path)
    assert incoming.clean() == Leftovers(tuple(sorted(part.name for part in parts)), 30, (), 0)
    assert incoming.clean() == Leftovers()
    incoming.close()
    assert list((tmp_path / "incoming").iterdir()) == []


def test_parts_without_a_lock_file_are_left_overs(tmp_path: Path) -> None:
    incoming = opened(tmp_path)
    (incoming.path / "0123456789abcdef-1.part").write_bytes(b"x")
    assert incoming.clean().removed == ("0123456789abcdef-1.part",)
    incoming.close()


def test_what_is_being_written_stays(tmp_path: Path) -> None:
    alive, incoming = opened(tmp_path), opened(tmp_path)
    theirs, ours = begun(alive), begun(incoming)
    assert incoming.clean() == Leftovers(in_use=1)
    assert theirs.exists()
    assert ours.exists()
    alive.close()
    incoming.close()


def test_files_of_others_are_not_touched(tmp_path: Path) -> None:
    incoming = opened(tmp_path)
    for name in ("notes.txt", "x.part", "rename.lock", "0123456789ABCDEF-1.part", "0123456789abcdef-1.part.bak"):
        (incoming.path / name).touch()
    assert incoming.clean() == Leftovers()
    assert len(list(incoming.path.iterdir())) == 6
    incoming.close()


def test_what_cannot_be_removed_is_reported(tmp_path: Path) -> None:
    incoming = opened(tmp_path)
    (incoming.path / "0123456789abcdef-1.part").mkdir()
    assert incoming.clean().stuck == ("0123456789abcdef-1.part",)
    incoming.close()


def test_a_lock_that_cannot_be_judged_protects(tmp_path: Path) -> None:
    incoming = opened(tmp_path)
    (incoming.path / "0123456789abcdef.lock").mkdir()
    part = incoming.path / "0123456789abcdef-1.part"
    part.touch()
    assert incoming.clean() == Leftovers(in_use=1)
    assert part.exists()
    incoming.close()


def test_without_locks_nothing_of_others_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dead = opened(tmp_path)
    part = begun(dead)
    crash(dead)

    def refuse(handle: int) -> bool:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(disk, "try_lock", refuse)
    monkeypatch.setattr(disk, "wait_for_lock", refuse)
    incoming = opened(tmp_path)
    assert incoming.clean() == Leftovers(in_use=1)
    with incoming.alone():
        assert part.exists()
    incoming.close()


@pytest.mark.skipif(os.name != "posix", reason="Windows removes no open file")
@pytest.mark.parametrize("how", ["locked", "removed", "replaced"])
def test_a_cleaner_between_making_and_locking(tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever cleans may meet a lock file that is not locked yet: the owner notices and takes another token."""
    try_lock = disk.try_lock
    met: list[Path] = []

    def meddle(handle: int) -> bool:
        if met:
            return try_lock(handle)
        (lock,) = (tmp_path / "incoming").iterdir()
        met.append(lock)
        if how == "locked":
            return False
        lock.unlink()
        if how == "replaced":
            lock.touch()
        return try_lock(handle)

    monkeypatch.setattr(disk, "try_lock", meddle)
    incoming = opened(tmp_path)
    assert begun(incoming).name[:16] != met[0].name[:16]
    incoming.close()


def test_one_that_is_opened_ahead_is_the_next_one(tmp_path: Path) -> None:
    incoming = opened(tmp_path)
    incoming.open_ahead()
    (ahead,) = incoming.path.glob("*.part")
    incoming.open_ahead()
    assert list(incoming.path.glob("*.part")) == [ahead], "one is enough"
    assert begun(incoming) == ahead
    assert begun(incoming) != ahead


def test_one_that_is_not_needed_goes_with_who_opened_it(tmp_path: Path) -> None:
    incoming = opened(tmp_path)
    incoming.open_ahead()
    incoming.drop_ahead()
    assert list(incoming.path.glob("*.part")) == []
    incoming.open_ahead()
    incoming.close()
    assert list(incoming.path.iterdir()) == []
    incoming.open_ahead()
    assert list(incoming.path.iterdir()) == [], "it is closed"


def test_that_none_can_be_opened_ahead_is_for_the_next_one_to_find(tmp_path: Path) -> None:
    incoming = opened(tmp_path)
    shutil.rmtree(incoming.path)
    incoming.open_ahead()
    with pytest.raises(FileNotFoundError):
        incoming.open_part()
    incoming.close()


@pytest.mark.skipif(os.name != "posix", reason="Windows removes no open file")
def test_one_that_was_opened_ahead_and_removed_is_not_used(tmp_path: Path) -> None:
    incoming = opened(tmp_path)
    incoming.open_ahead()
    shutil.rmtree(incoming.path)
    incoming.path.mkdir()
    assert begun(incoming).exists()
    incoming.close()


def test_what_a_crash_leaves_of_instances_that_are_stored_or_never_came_is_removed_without_a_word(
    tmp_path: Path,
) -> None:
    dead = opened(tmp_path)
    (tmp_path / "stored.dcm").hardlink_to(begun(dead))
    begun(dead, b"")
    crash(dead)
    incoming = opened(tmp_path)
    assert incoming.clean() == Leftovers()
    assert list(incoming.path.glob("*.part")) == []
    assert (tmp_path / "stored.dcm").read_bytes() == b"x" * 10
    incoming.close()
