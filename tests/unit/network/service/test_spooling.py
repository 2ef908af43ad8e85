"""Image boxes wait on disk."""

from __future__ import annotations

from typing import Any

import pytest

from dicomgui.network.dimse.memory import MemoryBudget, MemoryShare
from dicomgui.network.service.spooling import Spooled, SpoolSink


def filled(budget: MemoryBudget, size: int, limit: int = 1000) -> SpoolSink:
    sink = SpoolSink(limit, MemoryShare(budget))
    for _ in range(size // 10):
        sink.write(memoryview(b"0123456789"))
    return sink


def test_it_is_read_when_it_is_wanted() -> None:
    budget = MemoryBudget(500)
    sink = filled(budget, 100)
    spooled = sink.finish()
    assert spooled is not None
    assert (spooled.size, spooled.read()) == (100, b"0123456789" * 10)
    assert budget.used_bytes == 100
    spooled.close()
    sink.give_back()
    assert budget.used_bytes == 0


@pytest.mark.parametrize(("room", "limit", "is_out_of_room"), [(50, 1000, True), (500, 50, False)])
def test_there_is_no_room(room: int, limit: int, is_out_of_room: bool) -> None:
    budget = MemoryBudget(room)
    sink = filled(budget, 100, limit)
    assert sink.finish() is None
    assert sink.is_out_of_room == is_out_of_room
    assert budget.used_bytes == 0


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def write(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Spooled, "write", write)
    sink = filled(MemoryBudget(500), 100)
    assert sink.is_out_of_room
    assert sink.finish() is None


def test_one_that_breaks_off_leaves_nothing() -> None:
    budget = MemoryBudget(500)
    sink = filled(budget, 100)
    sink.abandon()
    assert budget.used_bytes == 0
