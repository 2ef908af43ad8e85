"""A file is written out while it comes, unless the disk makes us wait for that."""

from __future__ import annotations

import pytest

from dicomgui.storage import disk
from dicomgui.storage.write_out import PEACE_S, PIECE_BYTES, SLOW_S, WriteOut


class Disk:
    """Notes what it was asked to begin with, and takes its time for that."""

    def __init__(self) -> None:
        self.begun: list[tuple[int, int]] = []
        self.now = 0.0
        self.takes_s = 0.0

    def clock(self) -> float:
        return self.now

    def begin_sync(self, handle: int, start: int, size: int) -> None:
        self.begun.append((start, size))
        self.now += self.takes_s


@pytest.fixture
def player(monkeypatch: pytest.MonkeyPatch) -> Disk:
    player = Disk()
    monkeypatch.setattr(disk, "CAN_BEGIN_SYNC", True)
    monkeypatch.setattr(disk, "begin_sync", player.begin_sync)
    return player


def test_each_piece_begins_where_the_one_before_ended(player: Disk) -> None:
    write_out, begun = WriteOut(player.clock), 0
    for size in range(0, 4 * PIECE_BYTES, 100_000):
        begun = write_out.begin(3, begun, size)
    assert len(player.begun) == 3
    assert all(length >= PIECE_BYTES - 4096 for _, length in player.begun)
    ends = [start + length for start, length in player.begun]
    assert [start for start, _ in player.begun] == [0, *ends[:-1]]
    assert begun == ends[-1]


def test_a_page_that_is_not_full_waits(player: Disk) -> None:
    assert WriteOut(player.clock).begin(3, 0, PIECE_BYTES + 4097) == PIECE_BYTES + 4096
    assert player.begun == [(0, PIECE_BYTES + 4096)]


def test_a_disk_that_keeps_us_waiting_is_left_in_peace_for_a_while(player: Disk) -> None:
    write_out = WriteOut(player.clock)
    player.takes_s = 1.5 * SLOW_S
    assert write_out.begin(3, 0, PIECE_BYTES) == PIECE_BYTES
    player.now += PEACE_S / 2
    assert write_out.begin(4, 0, PIECE_BYTES) == 0
    player.now += PEACE_S
    assert write_out.begin(4, 0, PIECE_BYTES) == PIECE_BYTES


def test_nothing_is_begun_where_the_platform_cannot(player: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "CAN_BEGIN_SYNC", False)
    assert WriteOut(player.clock).begin(3, 0, PIECE_BYTES) == 0
    assert player.begun == []
