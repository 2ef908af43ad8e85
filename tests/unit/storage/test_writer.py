"""Instances come to disk whole, byte for byte, under their name, once."""

from __future__ import annotations

import errno
import os
import shutil
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicomgui.network.part10 import read_head, write_head
from dicomgui.storage import (
    Archive,
    DuplicatePolicy,
    DuplicateRefused,
    FolderMissing,
    InstanceRefused,
    InstanceSink,
    Outcome,
    PathUnsafe,
    StorageError,
    Stored,
    disk,
    instance_path,
    writer,
)
from dicomgui.storage.layout import FOLDERS, folder_name

CT, UID, EXPLICIT, IMPLICIT = "1.2.840.10008.5.1.4.1.1.2", "1.2.3.4", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"


@pytest.fixture(params=[True, False], ids=["fsync", "no-fsync"])
def archive(request: pytest.FixtureRequest, tmp_path: Path):
    made = Archive(tmp_path / "archive", fsync=request.param)
    made.prepare()
    yield made
    assert parts(made) == []
    made.close()


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX")
def test_only_the_owner_may_look_into_a_folder_that_is_made(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        for folder, mode in ((tmp_path / "made", 0o700), (tmp_path / "shared", 0o755)):
            if mode == 0o755:
                folder.mkdir(mode)
            archive = Archive(folder)
            archive.prepare()
            archive.close()
            assert folder.stat().st_mode & 0o777 == mode
    finally:
        os.umask(before)


def parts(archive: Archive) -> list[Path]:
    return sorted(archive.incoming_path.glob("*.part"))


def files(archive: Archive) -> list[Path]:
    return sorted(archive.folder.rglob("*.dcm"))


def open_sink(archive: Archive, uid: str = UID, syntax: str = EXPLICIT, sop_class: str = CT) -> InstanceSink:
    return archive.receive(
        sop_class_uid=sop_class,
        sop_instance_uid=uid,
        transfer_syntax_uid=syntax,
        sending_ae_title="SENDER",
        receiving_ae_title="ARCHIVE",
    )


def store(
    archive: Archive, data: bytes, uid: str = UID, *, piece: int = 100_000, syntax: str = EXPLICIT, sop_class: str = CT
) -> Stored:
    sink = open_sink(archive, uid, syntax, sop_class)
    for start in range(0, len(data), piece):
        buffer = bytearray(data[start : start + piece])
        with memoryview(buffer) as view:
            sink.write(view)
        buffer[:] = bytes(len(buffer))  # the receive buffer is used again
    return archive.commit(sink.finish())


def test_folders_that_are_made_ahead_are_all_there_and_nothing_is_synced_again(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.make_folders()
    assert {path.name for path in archive.folder.iterdir() if path.is_dir()} >= set(FOLDERS)
    synced: list[str] = []
    monkeypatch.setattr(disk, "sync_folder", lambda path: synced.append(str(path)))
    store(archive, b"data")
    assert synced == ([str(archive.folder / folder_name(UID))] if archive.fsync else [])


def test_folders_that_cannot_be_made_ahead_are_left_to_whoever_needs_them(archive: Archive) -> None:
    (archive.folder / folder_name(UID)).write_bytes(b"no folder")
    archive.make_folders()
    with pytest.raises(StorageError):
        store(archive, b"data")


def test_a_folder_that_went_is_made_and_synced_again(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    archive.make_folders()
    for name in FOLDERS:
        (archive.folder / name).rmdir()
    synced: list[str] = []
    monkeypatch.setattr(disk, "sync_folder", lambda path: synced.append(str(path)))
    store(archive, b"data")
    assert (str(archive.folder) in synced) == archive.fsync


@pytest.mark.parametrize("fsync", [True, False])
def test_the_disk_begins_with_a_large_file_before_it_is_whole_where_its_commit_waits_for_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fsync: bool
) -> None:
    begun: list[tuple[int, int]] = []
    monkeypatch.setattr(disk, "CAN_BEGIN_SYNC", True)
    monkeypatch.setattr(disk, "begin_sync", lambda handle, start, size: begun.append((start, size)))
    archive = Archive(tmp_path, fsync=fsync)
    archive.prepare()
    sink = open_sink(archive)
    for _ in range(8):
        sink.write(memoryview(bytes(100_000)))
    before = list(begun)
    archive.commit(sink.finish())
    archive.close()
    if not fsync:
        assert begun == []
        return
    assert before[0][0] == 0
    assert sum(size for _, size in before) > 500_000


def data_set_of(path: Path) -> bytes:
    return path.read_bytes()[read_head(path).dataset_offset :]


@pytest.mark.parametrize("piece", [1000, 16_383, 16_384, 70_000, 1_000_000])
@pytest.mark.parametrize("size", [0, 1, 2000, 65_000, 65_536, 66_000, 131_072, 300_001])
def test_bytes_come_out_as_they_went_in(archive: Archive, size: int, piece: int) -> None:
    data = os.urandom(size)
    stored = store(archive, data, piece=piece)
    assert stored.path == instance_path(archive.folder, UID)
    assert stored.outcome is Outcome.STORED
    assert data_set_of(stored.path) == data
    assert stored.path.stat().st_size == stored.size_bytes
    assert stored[4:] == (CT, UID, EXPLICIT)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.binary(max_size=40) | st.integers(0, 90_000).map(bytes), max_size=12))
def test_any_pieces(tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]) -> None:
    archive = Archive(tmp_path_factory.mktemp("any"), fsync=False)
    archive.prepare()
    sink = open_sink(archive)
    for piece in pieces:
        sink.write(memoryview(piece))
    head = write_head(
        sop_class_uid=CT, sop_instance_uid=UID, transfer_syntax_uid=EXPLICIT, sending_ae_title="SENDER",
        receiving_ae_title="ARCHIVE",
    )  # fmt: skip
    # Not by reading the head back: a data set may begin like the end of one.
    assert archive.commit(sink.finish()).path.read_bytes() == head + b"".join(pieces)
    archive.close()


def test_file_is_read_by_pydicom(archive: Archive) -> None:
    stored = store(archive, b"\x08\0\x18\0UI\x08\x001.2.3.4\0")
    ds = pydicom.dcmread(stored.path)
    assert ds.SOPInstanceUID == UID
    assert ds.file_meta.TransferSyntaxUID == EXPLICIT
    assert ds.file_meta.MediaStorageSOPClassUID == CT
    assert ds.file_meta.SendingApplicationEntityTitle == "SENDER"
    assert ds.file_meta.ReceivingApplicationEntityTitle == "ARCHIVE"


def test_small_instances_touch_the_disk_only_at_the_commit(archive: Archive) -> None:
    sink = open_sink(archive)
    sink.write(memoryview(bytes(60_000)))
    assert parts(archive) == []
    sink.write(memoryview(bytes(60_000)))
    assert len(parts(archive)) == 1
    assert files(archive) == []
    archive.commit(sink.finish())


@pytest.mark.parametrize("size", [10, 200_000])
def test_abandoned_instances_leave_nothing(archive: Archive, size: int) -> None:
    sink = open_sink(archive)
    sink.write(memoryview(bytes(size)))
    sink.abandon()
    sink.abandon()
    pending = open_sink(archive).finish()
    pending.abandon()
    assert parts(archive) == files(archive) == []


@pytest.mark.parametrize("size", [10, 300_000])
def test_the_same_again_is_kept_once(archive: Archive, size: int) -> None:
    data = os.urandom(size)
    first = store(archive, data)
    again = store(archive, data)
    assert (again.path, again.outcome) == (first.path, Outcome.DUPLICATE)
    assert files(archive) == [first.path]


def test_the_head_of_a_duplicate_may_differ(archive: Archive) -> None:
    target = instance_path(archive.folder, UID)
    target.parent.mkdir()
    head = write_head(sop_class_uid=CT, sop_instance_uid=UID, transfer_syntax_uid=EXPLICIT, source_ae_title="OTHER")
    target.write_bytes(head + b"same")
    assert store(archive, b"same").outcome is Outcome.DUPLICATE
    assert target.read_bytes() == head + b"same"


def test_another_data_set_is_kept_beside(archive: Archive) -> None:
    outcomes = [store(archive, data).outcome for data in (b"one!", b"two!", b"three!", b"two!", b"one!", b"three!")]
    assert outcomes == [Outcome.STORED, Outcome.KEPT_SECOND, Outcome.KEPT_SECOND, *[Outcome.DUPLICATE] * 3]
    assert [path.name for path in files(archive)] == [f"{UID}.dcm", f"{UID}~2.dcm", f"{UID}~3.dcm"]
    assert [data_set_of(path) for path in files(archive)] == [b"one!", b"two!", b"three!"]


def test_last_byte_of_a_large_one_differs(archive: Archive) -> None:
    data = os.urandom(700_000)
    store(archive, data)
    assert store(archive, data[:-1] + bytes([data[-1] ^ 1])).outcome is Outcome.KEPT_SECOND


@pytest.mark.parametrize(("syntax", "sop_class"), [(IMPLICIT, CT), (EXPLICIT, CT + ".1")])
def test_same_bytes_with_another_meaning_are_another_data_set(archive: Archive, syntax: str, sop_class: str) -> None:
    store(archive, b"same")
    assert store(archive, b"same", syntax=syntax, sop_class=sop_class).outcome is Outcome.KEPT_SECOND


@pytest.mark.parametrize("there", [b"", b"torn", bytes(128) + b"DICM"])
def test_what_is_there_and_is_damaged_is_no_duplicate(archive: Archive, there: bytes) -> None:
    target = instance_path(archive.folder, UID)
    target.parent.mkdir()
    target.write_bytes(there)
    assert store(archive, b"whole").path.name == f"{UID}~2.dcm"
    assert target.read_bytes() == there


def test_a_folder_in_the_way_is_passed(archive: Archive) -> None:
    instance_path(archive.folder, UID).mkdir(parents=True)
    assert store(archive, b"whole").outcome is Outcome.KEPT_SECOND


def test_variants_are_bounded(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "MAX_VARIANTS", 3)
    for n in range(3):
        store(archive, b"%d" % n)
    with pytest.raises(DuplicateRefused, match="3 different data sets") as caught:
        store(archive, b"fourth")
    assert caught.value.status == 0x0111
    assert len(files(archive)) == 3


def test_policy_refuse(tmp_path: Path) -> None:
    archive = Archive(tmp_path, fsync=False, on_duplicate=DuplicatePolicy.REFUSE)
    archive.prepare()
    store(archive, b"one")
    assert store(archive, b"one").outcome is Outcome.DUPLICATE
    with pytest.raises(DuplicateRefused, match="is there already"):
        store(archive, b"two")
    assert data_set_of(instance_path(tmp_path, UID)) == b"one"
    assert parts(archive) == []
    archive.close()


def test_policy_replace(tmp_path: Path) -> None:
    archive = Archive(tmp_path, on_duplicate=DuplicatePolicy.REPLACE)
    archive.prepare()
    store(archive, b"one")
    assert store(archive, b"two").outcome is Outcome.REPLACED
    assert [data_set_of(path) for path in files(archive)] == [b"two"]
    assert parts(archive) == []
    archive.close()


@pytest.mark.parametrize("uid", ["", "../../1.2", "1.2/3", "1.2\0", "x" * 5000])
def test_uids_that_are_none_are_refused_at_once(archive: Archive, uid: str) -> None:
    with pytest.raises(PathUnsafe) as caught:
        open_sink(archive, uid)
    assert caught.value.status == 0x0117


@pytest.mark.parametrize(
    ("syntax", "sop_class", "name"),
    [
        ("", CT, "transfer syntax UID"),
        (EXPLICIT, "", "SOP Class UID"),
        (EXPLICIT, "1" * 65, "SOP Class UID"),
    ],
)
def test_heads_that_cannot_be_written(archive: Archive, syntax: str, sop_class: str, name: str) -> None:
    with pytest.raises(InstanceRefused, match=name) as caught:
        open_sink(archive, UID, syntax, sop_class)
    assert caught.value.status == 0xC000


def test_an_archive_that_is_not_open_takes_nothing(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    with pytest.raises(FolderMissing, match="is not open"):
        open_sink(archive)
    archive.prepare()
    archive.prepare()
    archive.close()
    with pytest.raises(FolderMissing):
        open_sink(archive)


def test_left_overs_of_a_crash_are_reported(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "new" / "archive")
    (archive.incoming_path).mkdir(parents=True)
    (archive.incoming_path / "0123456789abcdef-7.part").write_bytes(b"half an instance")
    leftovers = archive.prepare()
    assert (leftovers.removed, leftovers.removed_bytes) == (("0123456789abcdef-7.part",), 16)
    archive.close()


def test_two_archives_on_one_folder(archive: Archive) -> None:
    sink = open_sink(archive)
    sink.write(memoryview(bytes(100_000)))
    other = Archive(archive.folder, fsync=False)
    assert other.prepare().in_use == 1
    theirs = open_sink(other)
    theirs.write(memoryview(bytes(100_000)))
    assert other.commit(theirs.finish()).outcome is Outcome.STORED
    other.close()
    assert archive.commit(sink.finish()).outcome is Outcome.DUPLICATE


@pytest.mark.parametrize("links", [True, False], ids=["links", "no-links"])
@pytest.mark.parametrize("same", [True, False], ids=["same", "different"])
def test_four_at_once(archive: Archive, same: bool, links: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not links:
        take_links_away(monkeypatch)
    data = [os.urandom(5000)] * 4 if same else [os.urandom(5000) for _ in range(4)]
    gate = threading.Barrier(4)

    def run(content: bytes) -> Stored:
        sink = open_sink(archive)
        sink.write(memoryview(content))
        gate.wait()
        return archive.commit(sink.finish())

    for _ in range(5):
        with ThreadPoolExecutor(4) as pool:
            done = list(pool.map(run, data))
        assert [data_set_of(stored.path) for stored in done] == data
        assert len(files(archive)) == (1 if same else 4)
        outcomes = [stored.outcome for stored in done]
        assert outcomes.count(Outcome.STORED) == 1
        assert outcomes.count(Outcome.DUPLICATE if same else Outcome.KEPT_SECOND) == 3
        for path in files(archive):
            path.unlink()


def take_links_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def link(source: object, target: object) -> None:
        raise PermissionError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(os, "link", link)
    monkeypatch.setattr("sys.platform", "linux")


def test_file_systems_without_hard_links(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    take_links_away(monkeypatch)
    assert [store(archive, data).outcome for data in (b"one", b"two", b"one")] == [
        Outcome.STORED,
        Outcome.KEPT_SECOND,
        Outcome.DUPLICATE,
    ]
    assert len(files(archive)) == 2


def test_memory_does_not_grow_with_the_instance(tmp_path: Path) -> None:
    archive = Archive(tmp_path, fsync=False)
    archive.prepare()
    piece = memoryview(bytes(131_072))
    tracemalloc.start()
    try:
        for _ in range(2):  # the second one is compared with the first
            sink = open_sink(archive)
            for n in range(512):
                sink.write(piece[: 100 + 997 * n % 131_072])
            archive.commit(sink.finish())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(files(archive)) == 1
    assert peak < 2_000_000
    archive.close()


def test_what_is_left_to_do_after_a_commit_is_done_when_somebody_says_so(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive", fsync=False)
    archive.prepare()
    stored = [archive.commit(open_sink(archive, uid).finish(), tidy=False) for uid in (UID, f"{UID}.1")]
    assert [one.path.stat().st_nlink for one in stored] == [2, 2]
    archive.tidy()
    assert [one.path.stat().st_nlink for one in stored] == [1, 1]
    assert [part.stat().st_size for part in parts(archive)] == [0], "opened ahead"
    third = archive.commit(open_sink(archive, f"{UID}.2").finish(), tidy=False)
    archive.close()
    assert third.path.stat().st_nlink == 1
    assert parts(archive) == []


def test_a_folder_that_goes_with_the_file_opened_ahead_costs_no_instance(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive", fsync=False)
    archive.prepare()
    archive.tidy()
    shutil.rmtree(archive.incoming_path)
    assert store(archive, b"data").path.read_bytes().endswith(b"data")
    archive.close()


def test_success_means_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """File before name, name before folder, folder before success; a duplicate relies on a synced file too."""
    archive = Archive(tmp_path / "archive")
    archive.prepare()
    steps: list[str] = []
    place, sync_file, sync_folder = writer.disk.place, writer.disk.sync_file, writer.disk.sync_folder
    monkeypatch.setattr(writer.disk, "place", lambda a, b, **how: (steps.append("place"), place(a, b, **how)))
    monkeypatch.setattr(writer.disk, "sync_file", lambda handle: (steps.append("file"), sync_file(handle)))
    monkeypatch.setattr(
        writer.disk,
        "sync_folder",
        lambda path: (steps.append("root" if path == archive.folder else "folder"), sync_folder(path)),
    )
    store(archive, b"one")
    assert steps == ["file", "place", "place", "folder", "root"], "the second attempt is in a new folder"
    steps.clear()
    store(archive, b"two")
    assert steps == ["file", "place", "place", "folder"]
    steps.clear()
    store(archive, b"one")
    assert steps == ["file", "place", "file", "folder"]
    archive.close()


def test_the_folder_of_the_archive_is_synced_once_and_again_where_a_folder_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = Archive(tmp_path / "archive")
    archive.prepare()
    synced: list[str] = []
    sync_folder = writer.disk.sync_folder
    monkeypatch.setattr(writer.disk, "sync_folder", lambda path: (synced.append(Path(path).name), sync_folder(path)))
    uids = [f"1.2.3.{number}" for number in range(1, 40)]
    for uid in uids[:20]:
        store(archive, b"data", uid=uid)
    assert synced.count("archive") == 1
    assert len(synced) == 21, "the folder of each instance is synced all the same"
    stored = files(archive)
    gone = stored[0].parent
    for path in stored:
        if path.parent == gone:
            path.unlink()
    gone.rmdir()
    again = next(uid for uid in uids if folder_name(uid) == gone.name)
    store(archive, b"data", uid=again)
    assert synced.count("archive") == 2
    archive.close()
    restarted = Archive(tmp_path / "archive")
    restarted.prepare()
    for uid in uids[20:]:
        store(restarted, b"data", uid=uid)
    assert synced.count("archive") == 3
    restarted.close()


def test_without_sync_only_the_folders_that_are_needed_are_made(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive", fsync=False)
    archive.prepare()
    store(archive, b"data")
    folders = {path.name for path in archive.folder.iterdir() if path.is_dir()}
    assert len(folders & set(FOLDERS)) == 1
    archive.close()
