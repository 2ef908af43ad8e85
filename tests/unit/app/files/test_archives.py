"""ZIP archives: what is a DICOM file comes out, and nothing else happens."""

from __future__ import annotations

import shutil
import tracemalloc
import zipfile
from collections import namedtuple
from pathlib import Path

import pytest
from helpers.instances import write_instance

from dicomgui.app.files import archives
from dicomgui.app.files.archives import Member, extract_instances, is_zip


def archive_of(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def members_of(archive: Path, folder: Path) -> list[Member]:
    folder.mkdir(exist_ok=True)
    return list(extract_instances(archive, folder, lambda name: None))


@pytest.fixture
def instance(tmp_path: Path) -> bytes:
    return write_instance(tmp_path / "files", 1).read_bytes()


def test_an_archive_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    assert is_zip(archive_of(tmp_path / "a", {"x": b"1"}))
    assert is_zip(archive_of(tmp_path / "empty", {}))
    (tmp_path / "text").write_bytes(b"PKtext")
    assert not is_zip(tmp_path / "text")
    assert not is_zip(tmp_path / "missing")


def test_instances_come_out_byte_for_byte_and_the_rest_with_a_reason(tmp_path: Path, instance: bytes) -> None:
    archive = archive_of(tmp_path / "a.zip", {"deep/er/1.dcm": instance, "README": b"hello, reader", "empty/": b""})
    found = members_of(archive, tmp_path / "out")
    assert [member.name for member in found] == ["deep/er/1.dcm", "README"]
    assert found[0].path.read_bytes() == instance
    assert found[0].head is not None
    assert found[1].head is None
    assert not found[1].is_fault
    assert "no DICOM" in found[1].reason


def test_a_member_cannot_choose_where_it_is_written(tmp_path: Path, instance: bytes) -> None:
    archive = archive_of(tmp_path / "a.zip", {"../../evil.dcm": instance, "/abs.dcm": instance, "C:\\x.dcm": instance})
    out = tmp_path / "out"
    found = members_of(archive, out)
    assert len(found) == 3
    assert all(member.path.resolve().is_relative_to(out.resolve()) for member in found)
    assert not (tmp_path / "evil.dcm").exists()


def test_two_archives_share_a_folder(tmp_path: Path, instance: bytes) -> None:
    archive = archive_of(tmp_path / "a.zip", {"1.dcm": instance})
    first, second = members_of(archive, tmp_path / "out"), members_of(archive, tmp_path / "out")
    assert first[0].path != second[0].path


def test_a_damaged_member_is_a_fault_and_the_others_come_out(tmp_path: Path, instance: bytes) -> None:
    archive = archive_of(tmp_path / "a.zip", {"1.dcm": instance, "2.dcm": instance})
    data = bytearray(archive.read_bytes())
    start = data.find(b"1.dcm") + 5
    data[start + 20 : start + 40] = bytes(20)
    archive.write_bytes(data)
    found = members_of(archive, tmp_path / "out")
    assert [(member.name, member.is_fault) for member in found] == [("1.dcm", True), ("2.dcm", False)]
    assert found[0].reason
    assert len(list((tmp_path / "out").rglob("*.dcm"))) == 1


def test_a_cut_off_archive_is_a_fault_as_a_whole(tmp_path: Path, instance: bytes) -> None:
    archive = archive_of(tmp_path / "a.zip", {"1.dcm": instance})
    archive.write_bytes(archive.read_bytes()[:-30])
    [member] = members_of(archive, tmp_path / "out")
    assert member.is_fault
    assert "archive" in member.reason


def test_too_many_members_are_refused(tmp_path: Path, instance: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 1)
    [member] = members_of(archive_of(tmp_path / "a.zip", {"1": instance, "2": instance}), tmp_path / "out")
    assert member.is_fault
    assert "members" in member.reason


def test_members_are_counted_before_anything_is_made_of_them(
    tmp_path: Path, instance: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the list says so or not: a list of 100 MB would take 2 GB."""
    archive = archive_of(tmp_path / "a.zip", {str(number): b"" for number in range(300)})
    monkeypatch.setattr(archives, "MAX_DIRECTORY_BYTES", 10_000)
    [member] = members_of(archive, tmp_path / "out")
    assert member.is_fault
    assert member.reason == "the list of members is longer than 10,000 bytes"


@pytest.mark.parametrize(("method", "name"), [(zipfile.ZIP_BZIP2, "BZIP2"), (zipfile.ZIP_LZMA, "LZMA")])
def test_what_is_unpacked_in_one_piece_is_refused(tmp_path: Path, instance: bytes, method: int, name: str) -> None:
    """1 kB of BZIP2 becomes 1 GB, all of it in memory."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("1.dcm", instance + bytes(50 * 2**20), method)
        archive.writestr("2.dcm", instance, zipfile.ZIP_STORED)
    tracemalloc.start()
    try:
        packed, stored = members_of(tmp_path / "a.zip", tmp_path / "out")
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()
    assert packed.head is None
    assert packed.is_fault
    assert packed.reason == f"it is packed by {name}, not by Deflate"
    assert stored.path.read_bytes() == instance


def test_a_bomb_is_stopped_and_leaves_nothing(tmp_path: Path, instance: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_EXTRACTED_BYTES", len(instance) + 100)
    archive = archive_of(tmp_path / "a.zip", {"1": instance, "2": instance, "3": instance})
    found = members_of(archive, tmp_path / "out")
    assert [member.head is not None for member in found] == [True, False]
    assert found[1].is_fault
    assert len(list((tmp_path / "out").rglob("*.dcm"))) == 1


def test_a_full_disk_is_not_filled_further(tmp_path: Path, instance: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(10))
    [member] = members_of(archive_of(tmp_path / "a.zip", {"1": instance}), tmp_path / "out")
    assert member.is_fault
    assert "room" in member.reason
