"""The folder that the instances of a C-GET go to."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dicomgui.network import ConfigurationError, FolderTarget, Handlers, Reply, Status
from dicomgui.network.part10 import read_head, write_head
from dicomgui.network.service import receiving
from dicomgui.network.service.receiving import handlers_of

CT, EXPLICIT, IMPLICIT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
REQUEST: Any = SimpleNamespace(
    command=SimpleNamespace(affected_sop_class_uid=CT, affected_sop_instance_uid="1.2.3"),
    facts=SimpleNamespace(called_ae_title="PACS"),
    transfer_syntax_uid=EXPLICIT,
)


def store(target: FolderTarget, data: bytes = b"data") -> Status | Reply:
    sink = target.open_sink(REQUEST)
    for byte in data:
        sink.write(memoryview(bytes([byte])))
    return target.on_store(REQUEST, sink.finish())


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_the_head_and_the_data_as_they_came(tmp_path: Path) -> None:
    target = FolderTarget(tmp_path / "new")
    assert store(target) == Status(0)
    [path] = target.paths
    assert path.name == "1.2.3.dcm"
    head = read_head(path)
    assert (head.sop_class_uid, head.sop_instance_uid, head.transfer_syntax_uid) == (CT, "1.2.3", EXPLICIT)
    assert path.read_bytes()[head.dataset_offset :] == b"data"


def test_while_it_comes_and_when_it_breaks_off_it_has_no_name(tmp_path: Path) -> None:
    target = FolderTarget(tmp_path)
    sink = target.open_sink(REQUEST)
    assert [name.endswith(".part") for name in names(tmp_path)] == [True]
    sink.abandon()
    sink.abandon()
    assert names(tmp_path) == []


def test_nothing_is_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "1.2.3.dcm").write_bytes(b"mine")
    target = FolderTarget(tmp_path)
    store(target)
    monkeypatch.setattr(Path, "hardlink_to", _no_links)  # as on FAT
    store(target, b"other")
    assert (tmp_path / "1.2.3.dcm").read_bytes() == b"mine"
    assert names(tmp_path) == ["1.2.3.dcm", "1.2.3~2.dcm", "1.2.3~3.dcm"]


def test_data_sets_of_one_uid_without_end_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each new one is compared with all that are there."""
    monkeypatch.setattr(receiving, "MAX_VARIANTS", 3)
    target = FolderTarget(tmp_path)
    answers = [store(target, b"data %d" % number) for number in range(5)]
    assert answers[:3] == [Status(0)] * 3
    assert answers[3:] == [Reply(Status(0xA700), "3 data sets of this UID are there")] * 2
    assert store(target, b"data 2") == Status(0)  # which is there
    assert names(tmp_path) == ["1.2.3.dcm", "1.2.3~2.dcm", "1.2.3~3.dcm"]


@pytest.mark.parametrize("has_links", [True, False])
def test_the_same_data_set_again_is_kept_once(has_links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not has_links:
        monkeypatch.setattr(Path, "hardlink_to", _no_links)
    target = FolderTarget(tmp_path)
    for data in (b"data", b"more", b"datA"):
        store(target, data)
        assert target.last[1]
    for number, data in ((1, b"data"), (3, b"datA")):
        store(target, data)
        assert target.last == (target.paths[number - 1], False)
    assert names(tmp_path) == ["1.2.3.dcm", "1.2.3~2.dcm", "1.2.3~3.dcm"]
    assert len(target.paths) == 3


def test_another_encoding_is_another_data_set(tmp_path: Path) -> None:
    path = tmp_path / "1.2.3.dcm"
    path.write_bytes(write_head(sop_class_uid=CT, sop_instance_uid="1.2.3", transfer_syntax_uid=IMPLICIT) + b"data")
    store(FolderTarget(tmp_path))
    assert names(tmp_path) == ["1.2.3.dcm", "1.2.3~2.dcm"]


def _no_links(*_: object) -> None:
    raise OSError(95, "Operation not supported")


def test_a_name_that_cannot_be_given_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "hardlink_to", _no_links)
    monkeypatch.setattr(Path, "rename", _no_links)
    assert store(FolderTarget(tmp_path)) == Reply(Status(0xA700), "Operation not supported")
    assert names(tmp_path) == []


@pytest.mark.parametrize("when", ["open", "write", "close"])
def test_a_disk_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    class File:
        def __init__(self, path: Path) -> None:
            path.touch()

        def write(self, data: memoryview) -> int:
            if when == "write" and len(data) == 1:
                raise OSError(28, "No space left on device")
            return len(data)

        def close(self) -> None:
            if when == "close":
                raise OSError(122, "Disk quota exceeded")

    def open_(path: Path, mode: str, buffering: int) -> File:
        if when == "open":
            raise OSError(24, "Too many open files")
        return File(path)

    target = FolderTarget(tmp_path)
    monkeypatch.setattr(Path, "open", open_)
    reply = store(target)
    assert isinstance(reply, Reply)
    assert reply.status == 0xA700
    assert (
        reply.comment
        == {"open": "Too many open files", "write": "No space left on device", "close": "Disk quota exceeded"}[when]
    )
    assert names(tmp_path) == []
    assert target.paths == []


def test_handlers_are_taken_as_they_are_and_must_store(tmp_path: Path) -> None:
    given = Handlers(on_store=lambda request, data: Status(0))
    assert handlers_of(given) is given
    with pytest.raises(ConfigurationError):
        handlers_of(Handlers())
    made = handlers_of(str(tmp_path / "a" / "b"))
    assert made.open_sink is not None
    assert (tmp_path / "a" / "b").is_dir()


def test_a_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot be used"):
        handlers_of(tmp_path / "file" / "below")
