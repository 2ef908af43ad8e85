"""One budget of memory for all associations."""

from __future__ import annotations

from dicomgui.network.dimse.assembler import MemorySink
from dicomgui.network.dimse.memory import MemoryBudget, MemoryShare


def test_what_is_taken_by_one_is_not_there_for_the_other() -> None:
    budget = MemoryBudget(100)
    first, second = MemoryShare(budget), MemoryShare(budget)
    assert first.take(60)
    assert not second.take(41)
    assert second.take(40)
    assert (budget.used_bytes, first.used_bytes, second.limit_bytes) == (100, 60, 100)
    first.give_back(60)
    assert second.take(60)


def test_a_share_that_is_closed_has_given_all_back() -> None:
    budget = MemoryBudget(100)
    share = MemoryShare(budget)
    assert share.take(60)
    share.close()
    share.close()
    share.give_back(60)
    assert budget.used_bytes == 0
    assert not share.take(1)


def test_a_sink_charges_what_it_keeps_until_it_is_given_back() -> None:
    budget = MemoryBudget(100)
    sink = MemorySink(80, MemoryShare(budget))
    sink.write(memoryview(bytes(50)))
    assert sink.finish() == bytes(50)
    assert budget.used_bytes == 50
    sink.give_back()
    sink.give_back()
    assert budget.used_bytes == 0


def test_a_sink_that_finds_no_memory_drops_all() -> None:
    budget = MemoryBudget(100)
    share = MemoryShare(budget)
    sink = MemorySink(200, share)
    for _ in range(3):
        sink.write(memoryview(bytes(50)))
    assert sink.finish() is None
    assert sink.is_out_of_room
    assert (budget.used_bytes, sink.limit) == (0, 200)


def test_a_data_set_that_breaks_off_gives_back() -> None:
    budget = MemoryBudget(100)
    sink = MemorySink(200, MemoryShare(budget))
    sink.write(memoryview(bytes(50)))
    sink.abandon()
    assert budget.used_bytes == 0
