"""Disks that are full, refuse, vanish: the right status, a clear line, nothing that looks whole, and recovery."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dicomgui.network.part10 import read_head
from dicomgui.storage import (
    Archive,
    DiskFault,
    DiskFull,
    FolderMissing,
    FolderUnwritable,
    InstanceSink,
    Outcome,
    PathTooLong,
    StorageError,
    Stored,
    disk,
    instance_path,
    writer,
)

UID = "1.2.3.4"
SMALL, LARGE = b"s" * 2000, b"L" * 300_000
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX rights and limits")


@pytest.fixture(params=[True, False], ids=["fsync", "no-fsync"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Archive]:
    made = Archive(tmp_path / "archive", fsync=request.param)
    made.prepare()
    yield made
    made.close()


def open_sink(archive: Archive, uid: str = UID) -> InstanceSink:
    return archive.receive(
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2", sop_instance_uid=uid, transfer_syntax_uid="1.2.840.10008.1.2"
    )


def store(archive: Archive, data: bytes, uid: str = UID) -> Stored:
    sink = open_sink(archive, uid)
    for start in range(0, len(data), 100_000):
        sink.write(memoryview(data)[start : start + 100_000])
    return archive.commit(sink.finish())


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.suffix in {".part", ".dcm"})


def refuse(code: int, *, after: int = 0) -> Callable[..., None]:
    """A system call that works ``after`` times; who patches it in calls the real one for these."""
    count = iter(range(after))

    def call(*_: object, **__: object) -> None:
        if next(count, None) is None:
            raise OSError(code, os.strerror(code))

    return call


def before(real: Callable[..., object], check: Callable[..., None]) -> Callable[..., object]:
    def call(*args: object, **options: object) -> object:
        check(*args, **options)
        return real(*args, **options)

    return call


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (errno.ENOSPC, DiskFull),
        (errno.EDQUOT, DiskFull),
        (errno.EIO, DiskFault),
        (errno.EROFS, FolderUnwritable),
        (errno.EACCES, FolderUnwritable),
        (errno.EMFILE, DiskFault),
        (errno.ENAMETOOLONG, PathTooLong),
    ],
)
@pytest.mark.parametrize("step", ["open_part", "write_all", "place"])
def test_every_step_may_fail(
    archive: Archive, data: bytes, code: int, kind: type[StorageError], step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = archive if step == "open_part" else writer.disk
    with monkeypatch.context() as patch:
        patch.setattr(owner, step, before(getattr(owner, step), refuse(code)))
        with pytest.raises(StorageError) as caught:
            store(archive, data)
    assert type(caught.value) is kind
    assert caught.value.status == 0xA700
    assert str(archive.folder) in str(caught.value)
    assert os.strerror(code) in str(caught.value)
    assert left(archive.folder) == []
    assert store(archive, data).outcome is Outcome.STORED, "recovers by itself"


@pytest.mark.parametrize("writes", [1, 2])
def test_full_in_the_middle(archive: Archive, writes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of the data set is swallowed, the partial file is gone at once."""
    sink = open_sink(archive)
    monkeypatch.setattr(writer.disk, "write_all", before(disk.write_all, refuse(errno.ENOSPC, after=writes)))
    for _ in range(5):
        sink.write(memoryview(LARGE)[:100_000])
    assert left(archive.folder) == []
    sink.write(memoryview(LARGE))
    with pytest.raises(DiskFull):
        archive.commit(sink.finish())
    sink.abandon()
    assert left(archive.folder) == []


@posix
def test_what_closing_reports_counts(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network share may report a full disk only when the file is closed."""
    sink = open_sink(archive)
    sink.write(memoryview(LARGE))
    pending = sink.finish()
    handle, real = pending.handle, os.close

    def close(number: int) -> None:
        real(number)
        if number == handle:
            raise OSError(errno.EDQUOT, "quota")

    monkeypatch.setattr(os, "close", close)
    with pytest.raises(DiskFull):
        archive.commit(pending)
    assert left(archive.folder) == []


@posix
def test_closing_fails_while_abandoning(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = open_sink(archive)
    sink.write(memoryview(LARGE))
    real = os.close

    def close(number: int) -> None:
        real(number)
        raise OSError(errno.EIO, "late")

    with monkeypatch.context() as patch:
        patch.setattr(os, "close", close)
        sink.abandon()
    assert left(archive.folder) == []


def test_syncs_that_fail_are_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = Archive(tmp_path)
    archive.prepare()
    with monkeypatch.context() as patch:
        patch.setattr(writer.disk, "sync_file", refuse(errno.EIO))
        with pytest.raises(DiskFault):
            store(archive, SMALL)
    assert left(tmp_path) == []
    with monkeypatch.context() as patch:
        patch.setattr(writer.disk, "sync_folder", refuse(errno.EIO))
        with pytest.raises(DiskFault):
            store(archive, SMALL)
    assert left(tmp_path) == [f"{UID}.dcm"], "it has its name already, whole, though nobody was told"
    assert store(archive, SMALL).outcome is Outcome.DUPLICATE
    archive.close()


def test_folder_of_partial_files_is_made_again(archive: Archive) -> None:
    shutil.rmtree(archive.incoming_path)
    assert store(archive, LARGE).outcome is Outcome.STORED
    assert store(archive, LARGE, "1.2.5").outcome is Outcome.STORED
    other = Archive(archive.folder, fsync=False)
    sink = open_sink(archive, "1.2.6")
    sink.write(memoryview(LARGE))
    assert other.prepare().in_use == 1, "the lock was made again too"
    sink.abandon()
    other.close()


def test_folders_of_instances_are_made_again(archive: Archive) -> None:
    store(archive, SMALL)
    shutil.rmtree(instance_path(archive.folder, UID).parent)
    assert store(archive, SMALL).outcome is Outcome.STORED


@posix
@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
def test_the_archive_itself_is_gone_and_comes_back(archive: Archive, data: bytes) -> None:
    """It is not made again: an unplugged disk must not fill the one below it."""
    away = archive.folder.with_name("away")
    archive.folder.rename(away)
    with pytest.raises(FolderMissing, match="is not there") as caught:
        store(archive, data)
    assert caught.value.status == 0xA700
    assert not archive.folder.exists()
    away.rename(archive.folder)
    assert store(archive, data).outcome is Outcome.STORED


@posix
def test_the_archive_goes_between_writing_and_commit(archive: Archive) -> None:
    sink = open_sink(archive)
    sink.write(memoryview(LARGE))
    shutil.rmtree(archive.folder)
    with pytest.raises(FolderMissing):
        archive.commit(sink.finish())
    assert not archive.folder.exists()


def test_two_threads_find_the_folder_gone(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one finds that the first one has made it again."""
    real = os.open

    def first_time(path: Path, flags: int, mode: int = 0o777) -> int:
        monkeypatch.setattr(os, "open", real)
        raise FileNotFoundError(errno.ENOENT, "gone", str(path))

    monkeypatch.setattr(os, "open", first_time)
    assert store(archive, SMALL).outcome is Outcome.STORED


@pytest.mark.parametrize("which", ["ours", "theirs"])
def test_comparing_a_file_that_shrinks(archive: Archive, which: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store(archive, LARGE)
    real = disk.same_bytes

    def shrink(ours: object, theirs: object, size: int) -> bool:
        path = next(archive.incoming_path.glob("*.part")) if which == "ours" else instance_path(archive.folder, UID)
        os.truncate(path, 1000)
        return real(ours, theirs, size)

    monkeypatch.setattr(disk, "same_bytes", shrink)
    assert store(archive, LARGE).outcome is Outcome.KEPT_SECOND


def test_name_too_long(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        Archive(tmp_path / ("n" * 300)).prepare()
    assert caught.value.status == 0xA700
    assert str(caught.value).startswith("cannot use the folder")


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError):
        Archive(tmp_path / "file").prepare()
    with pytest.raises(StorageError):
        Archive(tmp_path / "file" / "below").prepare()


def test_prepare_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = Archive(tmp_path)
    monkeypatch.setattr(writer.disk, "write_all", refuse(errno.ENOSPC))
    archive.prepare()
    assert isinstance(archive.full, DiskFull)
    assert left(tmp_path) == []
    with pytest.raises(DiskFull):
        store(archive, SMALL)
    monkeypatch.undo()
    store(archive, SMALL)
    assert archive.full is None
    archive.close()


@posix
def test_a_real_limit_on_the_size_of_files(tmp_path: Path) -> None:
    """The system takes the first part of a write and refuses the rest, as a disk does that is full."""
    import resource

    archive = Archive(tmp_path, fsync=False)
    archive.prepare()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, hard))
    try:
        with pytest.raises(DiskFull):
            store(archive, LARGE)
        assert left(tmp_path) == []
        assert store(archive, SMALL).outcome is Outcome.STORED
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert store(archive, LARGE, "1.2.5").outcome is Outcome.STORED
    archive.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 512 KiB of its own, where we may mount one."""
    mount = shutil.which("mount")
    if sys.platform != "linux" or os.geteuid() != 0 or mount is None:
        pytest.skip("mounting needs root on Linux")
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run([mount, "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(place)], capture_output=True)
    if made.returncode:
        pytest.skip("mounting is not permitted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_disk_that_is_really_full(small_disk: Path) -> None:
    archive = Archive(small_disk)
    archive.prepare()
    stored = []

    def fill() -> None:
        for n in range(100):
            stored.append(store(archive, LARGE[:100_000] + b"%d" % n, f"1.2.{n}"))

    with pytest.raises(DiskFull, match="the disk is full"):
        fill()
    assert 2 <= len(stored) <= 5
    assert left(small_disk) == sorted(one.path.name for one in stored)
    for n, one in enumerate(stored):
        assert one.path.read_bytes()[read_head(one.path).dataset_offset :] == LARGE[:100_000] + b"%d" % n
    stored[0].path.unlink()
    assert store(archive, LARGE[:100_000], "1.2.100").outcome is Outcome.STORED
    archive.close()


def test_a_disk_that_becomes_read_only(small_disk: Path) -> None:
    archive = Archive(small_disk)
    archive.prepare()
    archive.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(FolderUnwritable, match="may not be written"):
        Archive(small_disk).prepare()
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    archive.prepare()
    archive.close()


ORDINARY_USER = """
import os, sys
from pathlib import Path
from dicomgui.storage import Archive, FolderUnwritable, instance_path
from dicomgui.network.part10 import Part10Error, read_head

if os.geteuid() == 0:  # after the imports: the interpreter may lie where only root can read
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)

def store(archive, uid, data=b"data"):
    sink = archive.receive(sop_class_uid="1.2", sop_instance_uid=uid, transfer_syntax_uid="1.2.840.10008.1.2")
    sink.write(memoryview(data))
    return archive.commit(sink.finish())

def refused(work):
    try:
        work()
    except FolderUnwritable as error:
        assert error.status == 0xA700, error.status
        assert "may not be written" in str(error), error
    else:
        raise SystemExit("was not refused")

os.umask(0o022)
root = Path(sys.argv[1]) / "archive"
archive = Archive(root)
archive.prepare()
path = store(archive, "1.2.3").path
for folder in (root / "incoming", path.parent):
    folder.chmod(0o555)
    refused(lambda: store(archive, "1.2.3", folder.name.encode()))
    folder.chmod(0o755)
    assert not list(root.rglob("*.part")), folder
    store(archive, "1.2.3", folder.name.encode())
instance_path(root, "1.2.4").parent.rmdir()
root.chmod(0o555)
refused(lambda: store(archive, "1.2.4"))  # its folder cannot be made
root.chmod(0o755)
store(archive, "1.2.4")
archive.close()
root.chmod(0o555)
(root / "incoming").chmod(0o555)
refused(lambda: Archive(root).prepare())
refused(lambda: Archive(root / "new").prepare())
path.chmod(0)
try:
    read_head(path)
except Part10Error as error:
    assert "Permission denied" in str(error), error
else:
    raise SystemExit("read what may not be read")
print("done", len(list(root.rglob("*.dcm"))))
"""


@posix
def test_unwritable_folders_as_an_ordinary_user() -> None:
    with tempfile.TemporaryDirectory() as place:  # pytest's own folders are closed to other users
        os.chmod(place, 0o777)
        done = subprocess.run([sys.executable, "-c", ORDINARY_USER, place], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == "done 4"
        subprocess.run(["chmod", "-R", "u+rwX", place], check=True)
