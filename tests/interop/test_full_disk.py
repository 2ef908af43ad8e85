"""The archive on a disk that is full, asked by DCMTK: what is answered is true, or refused (PS3.4 C.4.1.1.4).

The disk is a tmpfs of a few MB, which root alone may mount: elsewhere these are left out, and what they show of the
index is shown by `tests/unit/storage/test_reserve.py`, of the files by `tests/unit/storage/test_writer_faults.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from helpers import peers
from helpers.command_line import Listening, events
from helpers.instances import ROOT, instance_of, write_instance
from helpers.small_disk import fill, small_disk

COUNT = 30


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "3m") as place:
        yield place


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Thirty instances of one series, some 130 kB each: more than fit on the disk."""
    for number in range(1, COUNT + 1):
        write_instance(tmp_path / "files", number, pixel_bytes=131_072)
    return tmp_path / "files"


def sent(port: int, folder: Path) -> tuple[int, int]:
    """How many of the files of a folder storescu was answered Success and A700 for; all over one association."""
    done = peers.run_here("storescu", "-v", "--no-halt", "+sd", peers.LOOPBACK, port, folder)
    statuses = re.findall(r"Received Store Response \((.*)\)", done.output)
    return statuses.count("Success"), sum("OutOfResources" in status for status in statuses)


def found(port: int, folder: Path) -> tuple[str, set[str]]:
    """The final status that findscu was answered for all images, and those that it was told."""
    folder.mkdir()
    keys = ("QueryRetrieveLevel=IMAGE", f"StudyInstanceUID={ROOT}.1", f"SeriesInstanceUID={ROOT}.2", "SOPInstanceUID")
    wanted = [part for key in keys for part in ("-k", key)]
    done = peers.run_here("findscu", "-v", "-S", "-X", "-od", folder, *wanted, peers.LOOPBACK, port)
    [status] = re.findall(r"Received Final Find Response \((.*)\)", done.output)
    return status, {str(pydicom.dcmread(path, force=True).SOPInstanceUID) for path in folder.glob("rsp*.dcm")}


def got(port: int, folder: Path) -> set[str]:
    """What getscu retrieved of the study."""
    folder.mkdir()
    keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={ROOT}.1")
    peers.run_here("getscu", "-S", "-od", folder, *keys, peers.LOOPBACK, port)
    return {instance_of(path) for path in folder.iterdir()}


def stored(folder: Path) -> set[str]:
    return {instance_of(path) for path in folder.glob("[0-9a-f][0-9a-f]/*.dcm")}


@pytest.mark.interop("storescu", "findscu", "getscu")
def test_what_was_answered_success_is_found_though_the_disk_is_full(disk: Path, files: Path, tmp_path: Path) -> None:
    with Listening(disk, "--min-free", "0", "--json") as listener:
        accepted, refused = sent(listener.port, files)
        assert accepted + refused == COUNT
        assert accepted >= 10
        assert refused >= 1
        status, uids = found(listener.port, tmp_path / "answers")
        assert (status, len(uids)) == ("Success", accepted)
        assert uids == stored(disk) == got(listener.port, tmp_path / "got")
        code, _, _ = listener.stop()
        assert code == 0


@pytest.mark.interop("storescu", "findscu", "getscu")
@pytest.mark.parametrize(
    ("has_index", "options"),
    [
        pytest.param(True, (), marks=pytest.mark.long),
        (True, ("--min-free", "0")),
        pytest.param(False, (), marks=pytest.mark.long),
        pytest.param(False, ("--min-free", "0"), marks=pytest.mark.long),
    ],
    ids=["index-default", "index-no floor", "no index-default", "no index-no floor"],
)
def test_a_listener_starts_on_a_full_disk_and_gives_what_is_there(
    has_index: bool, options: tuple[str, ...], disk: Path, files: Path, tmp_path: Path
) -> None:
    with Listening(disk, "--min-free", "0") as listener:
        accepted, _ = sent(listener.port, files)
        listener.stop()
    if not has_index:
        for path in disk.glob("index*"):
            path.unlink()
    fill(disk / "of others")
    with Listening(disk, *options, "--json") as listener:
        status, uids = found(listener.port, tmp_path / "answers")
        assert (status, len(uids)) == ("Success", accepted)
        assert got(listener.port, tmp_path / "got") == uids
        assert sent(listener.port, files)[0] == 0
        code, out, _ = listener.stop()
    assert code == 0
    told = [event for event in events(out) if event["event"] == "archive" and event.get("refuses_instances")]
    assert told[0]["text"].startswith("Instances are refused (A700)")
    assert stored(disk) == uids


@pytest.mark.long
@pytest.mark.interop("storescu", "findscu")
def test_studies_can_be_moved_off_a_full_disk_and_receiving_goes_on_by_itself(
    disk: Path, files: Path, tmp_path: Path
) -> None:
    fill(disk / "of others")
    with Listening(disk, "--min-free", "0", "--json") as listener:
        assert sent(listener.port, files)[0] == 0
        (disk / "of others").unlink()
        peers.wait_until(lambda: sent(listener.port, files)[0] > 0, "instances are taken again")
        status, uids = found(listener.port, tmp_path / "answers")
        assert status == "Success"
        assert uids == stored(disk)


@pytest.mark.long
@pytest.mark.interop("storescu", "findscu", "getscu")
def test_while_the_index_is_behind_a_query_is_refused_and_it_catches_up_by_itself(
    disk: Path, files: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "archive"
    with Listening(archive, "--index", disk, "--json", "--no-fsync") as listener:
        assert found(listener.port, tmp_path / "nothing") == ("Success", set())
        [reserve] = disk.rglob("index.reserve")
        reserve.unlink()
        fill(disk / "of others")
        assert sent(listener.port, files) == (COUNT, 0)
        status, uids = found(listener.port, tmp_path / "behind")
        assert ("OutOfResources" in status, uids) == (True, set())
        assert got(listener.port, tmp_path / "got") == set()
        (disk / "of others").unlink()
        answers = (found(listener.port, tmp_path / f"answers {number}") for number in range(1000))
        status, uids = next(answer for answer in answers if answer[0] == "Success")
        assert uids == stored(archive)
        assert len(uids) == COUNT
        code, out, _ = listener.stop()
    assert code == 0
    told = [event for event in events(out) if event["event"] == "archive"]
    assert told[0]["behind"] == COUNT, json.dumps(told)
    assert f"behind by {COUNT} instances" in told[0]["text"]
    assert told[-1]["text"] == "The index of the archive has caught up."
    refused = [event for event in events(out) if event["event"] == "answered" and event["problem"]]
    assert f"the index is behind by {COUNT} instances" in refused[0]["problem"]
    assert "0xA700" in refused[0]["problem"]
    assert any("A701" in event["problem"] for event in refused)
