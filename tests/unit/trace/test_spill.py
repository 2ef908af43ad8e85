"""The ring in a temporary file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dicomgui.trace.spill import Spill


@pytest.fixture
def spill(tmp_path: Path) -> Iterator[Spill]:
    ring = Spill(100, tmp_path)
    yield ring
    ring.close()


def test_what_is_overwritten_is_lost_and_nothing_else(spill: Spill) -> None:
    places = [spill.write(bytes([number]) * 40) for number in range(4)]
    assert [spill.read(place, 40) for place in places] == [None, None, b"\2" * 40, b"\3" * 40]
    assert [spill.holds(place) for place in places] == [False, False, True, True]


def test_what_is_longer_than_the_file_has_no_place(spill: Spill) -> None:
    place = spill.write(bytes(100))
    assert spill.write(bytes(101)) == -1
    assert spill.read(place, 100) == bytes(100)
    assert not spill.holds(-1)


def test_nothing_is_written_before_there_is_something(tmp_path: Path) -> None:
    ring = Spill(0, tmp_path / "missing")
    assert ring.read(0, 0) is None
    assert ring.write(b"a") == -1
    assert not ring.error


def test_a_folder_that_is_not_there_is_said_and_not_raised(tmp_path: Path) -> None:
    ring = Spill(100, tmp_path / "missing")
    assert ring.write(b"a") == -1
    assert "missing" in ring.error


def test_after_the_end_it_can_be_used_again(spill: Spill) -> None:
    before = spill.write(b"before")
    spill.close()
    assert spill.read(before, 6) is None
    assert not spill.holds(before)
    assert spill.read(spill.write(b"after"), 5) == b"after"
