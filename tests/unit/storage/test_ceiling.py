"""An archive does not grow beyond its ceiling: what would is answered A700, and nothing of it is left."""

from __future__ import annotations

import shutil
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dicomgui.storage import Archive, Ceiling, CeilingReached, DuplicatePolicy, Outcome, Stored, ceiling
from dicomgui.storage.ceiling import LOOK_EACH_S, Room

CT, EXPLICIT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1"
Usage = namedtuple("Usage", "total used free")


def archive_of(folder: Path, limit: Ceiling, **options: object) -> Archive:
    made = Archive(folder / "archive", fsync=False, ceiling=limit, **options)
    made.prepare()
    return made


def store(archive: Archive, uid: str, data: bytes) -> Stored:
    sink = archive.receive(sop_class_uid=CT, sop_instance_uid=uid, transfer_syntax_uid=EXPLICIT)
    for at in range(0, len(data), 50_000):
        sink.write(memoryview(data[at : at + 50_000]))
    return archive.commit(sink.finish())


def files(archive: Archive) -> list[str]:
    assert not list(archive.incoming_path.glob("*.part"))
    return sorted(path.name for path in archive.folder.glob("??/*"))


@pytest.mark.parametrize("size", [5_000, 200_000], ids=["in memory", "on disk"])
def test_what_would_go_beyond_the_size_is_not_kept(tmp_path: Path, size: int) -> None:
    archive = archive_of(tmp_path, Ceiling(max_bytes=3 * size))
    assert store(archive, "1.2.1", bytes(size)).outcome is Outcome.STORED
    assert store(archive, "1.2.2", bytes(size)).outcome is Outcome.STORED
    with pytest.raises(CeilingReached, match=f"its limit of {3 * size:,} bytes") as caught:
        store(archive, "1.2.3", bytes(size))  # with its head it is a little more
    assert (caught.value.status, bool(caught.value.hint)) == (0xA700, True)
    assert store(archive, "1.2.4", b"small").outcome is Outcome.STORED
    assert files(archive) == ["1.2.1.dcm", "1.2.2.dcm", "1.2.4.dcm"]
    assert archive.room.used_bytes == sum(path.stat().st_size for path in archive.folder.glob("??/*"))
    archive.close()


def test_a_data_set_that_is_too_large_is_given_up_while_it_comes(tmp_path: Path) -> None:
    archive = archive_of(tmp_path, Ceiling(max_bytes=300_000))
    sink = archive.receive(sop_class_uid=CT, sop_instance_uid="1.2.1", transfer_syntax_uid=EXPLICIT)
    for _ in range(100):
        sink.write(memoryview(bytes(50_000)))
        assert sum(path.stat().st_size for path in archive.incoming_path.glob("*.part")) <= 350_000
    with pytest.raises(CeilingReached):
        archive.commit(sink.finish())
    assert files(archive) == []
    archive.close()


def test_an_archive_that_is_full_refuses_before_anything_comes(tmp_path: Path) -> None:
    archive = archive_of(tmp_path, Ceiling())
    size = store(archive, "1.2.1", bytes(1000)).size_bytes
    archive.close()
    archive = archive_of(tmp_path, Ceiling(max_bytes=size))
    assert archive.room.used_bytes == size  # what was there before counts
    with pytest.raises(CeilingReached):
        archive.receive(sop_class_uid=CT, sop_instance_uid="1.2.2", transfer_syntax_uid=EXPLICIT)
    archive.room.ceiling = Ceiling(max_bytes=3 * size)
    assert store(archive, "1.2.2", bytes(1000)).outcome is Outcome.STORED
    archive.close()


def test_equal_data_sets_count_once_and_replaced_ones_not_at_all(tmp_path: Path) -> None:
    archive = archive_of(tmp_path, Ceiling(max_bytes=100_000), on_duplicate=DuplicatePolicy.REPLACE)
    outcomes = [store(archive, "1.2.1", data).outcome for data in (b"a" * 9000, b"a" * 9000, b"b" * 7000)]
    assert outcomes == [Outcome.STORED, Outcome.DUPLICATE, Outcome.REPLACED]
    assert archive.room.used_bytes == sum(path.stat().st_size for path in archive.folder.glob("??/*"))
    archive.close()


def test_what_cannot_be_stored_gives_its_room_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = archive_of(tmp_path, Ceiling(max_bytes=100_000), on_duplicate=DuplicatePolicy.REFUSE)
    used = store(archive, "1.2.1", b"a").size_bytes
    with pytest.raises(Exception, match="another data set"):
        store(archive, "1.2.1", b"b")
    assert archive.room.used_bytes == used
    archive.close()


def test_threads_together_do_not_go_beyond_it(tmp_path: Path) -> None:
    archive = archive_of(tmp_path, Ceiling(max_bytes=40_000))

    def try_to_store(number: int) -> bool:
        try:
            store(archive, f"1.2.{number}", bytes(3000))
        except CeilingReached:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        stored = sum(pool.map(try_to_store, range(60)))
    sizes = [path.stat().st_size for path in archive.folder.glob("??/*")]
    assert stored == len(sizes) > 5
    assert 36_000 < sum(sizes) <= 40_000
    archive.close()


def test_the_disk_keeps_what_has_to_stay_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free, now = [10_000], [100.0]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(20_000, 0, free[0]))
    monkeypatch.setattr(ceiling.time, "monotonic", lambda: now[0])
    room = Room(tmp_path, Ceiling(min_free_bytes=5000))
    room.check()
    free[0] = 5000
    room.check()  # it was looked up just now
    now[0] += 2 * LOOK_EACH_S
    with pytest.raises(CeilingReached, match="5,000 bytes that stay free"):
        room.check()
    free[0], now[0] = 6000, now[0] + 2 * LOOK_EACH_S
    room.check()


def test_a_folder_that_is_gone_is_told_where_it_is_written_to(tmp_path: Path) -> None:
    Room(tmp_path / "gone", Ceiling(min_free_bytes=1)).check()
