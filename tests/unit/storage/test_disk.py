"""What the platforms do differently; the other platform's half is played by a stand-in."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from dicomgui.storage import disk

posix = pytest.mark.skipif(sys.platform == "win32", reason="another way on Windows")


def open_new(path: Path) -> int:
    return os.open(path, disk.CREATE_FLAGS, 0o666)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (b"head", b"body"),
        (b"head", b""),
        (b"", b"body"),
        (b"", b""),
        (bytearray(b"x" * 100_000), memoryview(b"y" * 9)),
    ],
)
def test_write_all(tmp_path: Path, first: disk.Buffer, second: disk.Buffer) -> None:
    handle = open_new(tmp_path / "a")
    disk.write_all(handle, first, second)
    os.close(handle)
    assert (tmp_path / "a").read_bytes() == bytes(first) + bytes(second)


@posix
@pytest.mark.parametrize("taken", [0, 1, 3, 4, 5, 8])
def test_a_disk_that_takes_pieces_in_parts(tmp_path: Path, taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    handle = open_new(tmp_path / "a")
    write = os.write
    monkeypatch.setattr(os, "writev", lambda fd, pieces: write(fd, b"".join(pieces)[:taken]))
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, bytes(data)[:2]))
    disk.write_all(handle, b"head", b"body")
    os.close(handle)
    assert (tmp_path / "a").read_bytes() == b"headbody"


def test_without_writev(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "writev", raising=False)
    handle = open_new(tmp_path / "a")
    disk.write_all(handle, b"head", b"body")
    os.close(handle)
    assert (tmp_path / "a").read_bytes() == b"headbody"


def test_a_disk_that_takes_nothing_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handle = open_new(tmp_path / "a")
    monkeypatch.setattr(os, "write", lambda fd, data: 0)
    with pytest.raises(OSError, match="space") as caught:
        disk.write_all(handle, b"head")
    os.close(handle)
    assert caught.value.errno == errno.ENOSPC


def test_create_never_opens_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(FileExistsError):
        open_new(tmp_path / "a")


def test_sync(tmp_path: Path) -> None:
    handle = open_new(tmp_path / "a")
    disk.sync_file(handle)
    os.close(handle)
    disk.sync_path(tmp_path / "a")
    disk.sync_folder(tmp_path)


def test_a_sync_that_is_begun_never_raises_and_changes_nothing(tmp_path: Path) -> None:
    handle = open_new(tmp_path / "a")
    disk.write_all(handle, b"x" * 300_000)
    disk.begin_sync(handle, 0, 262_144)
    os.close(handle)
    disk.begin_sync(handle, 0, 262_144)
    assert (tmp_path / "a").read_bytes() == b"x" * 300_000


@posix
def test_folder_sync_that_the_file_system_does_not_know(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(code: int) -> None:
        def fsync(handle: int) -> None:
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(os, "fsync", fsync)

    refuse(errno.EINVAL)
    disk.sync_folder(tmp_path)
    refuse(errno.EIO)
    with pytest.raises(OSError, match="error"):
        disk.sync_folder(tmp_path)


def test_lock_is_exclusive_until_closed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first, second = (os.open(path, disk.LOCK_FLAGS | os.O_CREAT) for _ in range(2))
    assert disk.try_lock(first)
    assert not disk.try_lock(second)
    os.close(first)
    disk.wait_for_lock(second)
    os.close(second)


def test_place_takes_a_free_name_only(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(b"1")
    disk.place(source, target)
    assert target.read_bytes() == b"1"
    assert not source.exists()
    source.write_bytes(b"2")
    with pytest.raises(FileExistsError):
        disk.place(source, target)
    assert source.read_bytes() == b"2"
    assert target.read_bytes() == b"1"


@posix
@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def test_place_says_that_there_are_no_links(tmp_path: Path, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(source: Path, target: Path) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(disk.HardLinksMissing):
        disk.place(tmp_path / "a", tmp_path / "b")


@posix
def test_place_is_done_even_if_the_old_name_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(b"1")

    def unlink(self: Path) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "unlink", unlink)
    disk.place(source, target)
    assert target.read_bytes() == b"1"


@posix
@pytest.mark.parametrize("works", [True, False])
def test_macos_empties_the_disks_cache(tmp_path: Path, works: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def control(handle: int, command: int) -> None:
        calls.append(f"fcntl {command}")
        if not works:
            raise OSError(errno.ENOTSUP, "no")

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(disk.fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(disk.fcntl, "fcntl", control)
    monkeypatch.setattr(os, "fsync", lambda handle: calls.append("fsync"))
    disk.sync_file(1)
    assert calls == (["fcntl 51"] if works else ["fcntl 51", "fsync"])


class Windows:
    """As much of ``msvcrt`` as is used."""

    LK_LOCK, LK_NBLCK = 1, 2

    def __init__(self) -> None:
        self.calls: list[tuple[int, int, int]] = []
        self.is_held = False

    def locking(self, handle: int, mode: int, size: int) -> None:
        self.calls.append((handle, mode, size))
        if self.is_held:
            raise PermissionError(errno.EACCES, "held")


@posix
def test_the_ways_of_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    windows = Windows()
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(disk, "msvcrt", windows, raising=False)
    assert disk.try_lock(7)
    windows.is_held = True
    assert not disk.try_lock(7)
    windows.is_held = False
    disk.wait_for_lock(7)
    assert windows.calls == [(7, 2, 1), (7, 2, 1), (7, 1, 1)]
    disk.sync_folder(tmp_path / "no such folder")
    (tmp_path / "a").write_bytes(b"1")
    disk.place(tmp_path / "a", tmp_path / "b")
    disk.sync_path(tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"1"
    assert not (tmp_path / "a").exists()


def test_a_replaced_file_is_whole_and_private(tmp_path: Path) -> None:
    target = tmp_path / "queue.json"
    (tmp_path / "queue.new").write_bytes(b"left by a program that was killed")
    for data in (b"old", b"new"):
        disk.replace_file(target, data)
        assert target.read_bytes() == data
    assert os.name == "nt" or target.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_that_cannot_be_replaced_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, part = tmp_path / "queue.json", tmp_path / ".other"
    target.write_bytes(b"old")

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(disk, "write_all", refuse)
    with pytest.raises(OSError, match="full"):
        disk.replace_file(target, b"new", part=part)
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]
