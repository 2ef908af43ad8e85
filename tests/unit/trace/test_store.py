from __future__ import annotations

import os
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.recordings import Recording

from dicomgui.network.tracing import (
    BytesRecord,
    DimseRecord,
    Direction,
    NoteRecord,
    PduRecord,
    Record,
    Segment,
    TlsRecord,
)
from dicomgui.trace.store import DEFAULT_MEMORY_BYTES, Entry, TraceStore

Maker = Callable[..., TraceStore]


@pytest.fixture
def new_store() -> Iterator[Maker]:
    """Makes stores, and closes them in the end."""
    made: list[TraceStore] = []

    def make(**budgets: Any) -> TraceStore:
        made.append(TraceStore(**budgets))
        return made[-1]

    yield make
    for store in made:
        store.close()


def note(number: int, association: int = 1) -> NoteRecord:
    return NoteRecord(association, float(number), 0.0, 20, str(number))


def pdu(number: int, size: int = 4096, association: int = 1) -> PduRecord:
    data = number.to_bytes(4, "big") * (size // 4)
    return PduRecord(association, float(number), 0.0, Direction.RECEIVED, 4, 2 * size, (Segment(0, data),), "")


def fill(store: TraceStore, records: list[Record]) -> list[Record]:
    for record in records:
        store(record)
    return records


def test_rows_have_running_numbers(new_store: Maker) -> None:
    store = new_store()
    assert (len(store), store.first_seq, store.last_seq, store.since(0)) == (0, 1, 0, [])
    records = fill(store, [note(number) for number in range(1000)])
    assert (len(store), store.first_seq, store.last_seq) == (1000, 1, 1000)
    assert store.since(0, 3) == [Entry(1, records[0], False), Entry(2, records[1], False), Entry(3, records[2], False)]
    assert [entry.seq for entry in store.since(998)] == [999, 1000]
    assert store.since(1000) == []
    assert len(store.since(0, 5000)) == 1000
    assert store.entry(500) == Entry(500, records[499], False)
    assert store.entry(1001) is None
    assert list(store.records()) == records


@pytest.mark.parametrize("limit", [1, 7, 256, 1000])
def test_views_pull_what_is_new(new_store: Maker, limit: int) -> None:
    store = new_store(memory_bytes=1)
    fill(store, [note(number) for number in range(1, 1001)])
    seen: list[int] = []
    while batch := store.since(seen[-1] if seen else 0, limit):
        assert len(batch) <= limit
        seen += [entry.seq for entry in batch]
    assert seen == list(range(1, 1001))


def test_what_exceeds_the_memory_is_laid_aside_and_comes_back(new_store: Maker, tmp_path: Path) -> None:
    store = new_store(memory_bytes=100_000, folder=tmp_path)
    records = fill(store, [pdu(number) for number in range(600)])
    assert store.error == ""
    assert [entry.record for entry in store.since(0, 600)] == records
    assert not any(entry.lost for entry in store.since(0, 600))
    assert list(tmp_path.iterdir()) == [] or os.name == "nt"
    store.close()
    assert store.since(0) == []


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX")
def test_the_temporary_file_is_private(new_store: Maker, tmp_path: Path) -> None:
    store = new_store(memory_bytes=1, folder=tmp_path)
    fill(store, [pdu(number) for number in range(300)])
    file = store._spill._file
    assert file is not None
    assert os.fstat(file.fileno()).st_mode & 0o777 == 0o600
    store.close()
    assert file.closed


def test_past_the_disk_budget_the_oldest_bytes_go_and_the_rows_say_so(new_store: Maker) -> None:
    store = new_store(memory_bytes=1, disk_bytes=3 * 2**20)
    records = fill(store, [pdu(number) for number in range(2000)])
    store(BytesRecord(1, 0.0, 0.0, Direction.RECEIVED, 3, b"abc", ""))
    entries = store.since(0, 5000)
    assert len(entries) == 2001
    lost = [entry for entry in entries if entry.lost]
    assert 1000 < len(lost) < 1900
    assert lost == entries[: len(lost)]
    assert all(isinstance(entry.record, PduRecord) and entry.record.segments == () for entry in lost)
    assert lost[0].record == pdu(0)._replace(segments=())
    assert [entry.record for entry in entries[len(lost) : 2000]] == records[len(lost) :]
    store.close()


def test_without_a_disk_budget_bytes_are_lost_at_once(new_store: Maker) -> None:
    store = new_store(memory_bytes=1, disk_bytes=0)
    fill(store, [note(0), TlsRecord(1, 0.0, 0.0, "TLSv1.3", "AES", b"cert", 0.1, ""), *(pdu(n) for n in range(300))])
    first, second, third = store.since(0, 3)
    assert (first.lost, second.lost, third.lost) == (False, True, True)


def test_a_disk_that_is_full_loses_bytes_and_nothing_else(new_store: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    store = new_store(memory_bytes=1)
    fill(store, [pdu(number) for number in range(300)])

    class Full:
        def seek(self, position: int) -> None:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(store._spill, "_file", Full())
    assert store.since(0, 1)[0].lost
    store._cached.clear()
    fill(store, [pdu(number) for number in range(300)])
    assert "No space left" in store.error
    assert len(store) == 600
    assert store.since(599, 1)[0].record == pdu(299)


def test_a_folder_that_is_not_there_loses_bytes_and_nothing_else(new_store: Maker, tmp_path: Path) -> None:
    store = new_store(memory_bytes=1, folder=tmp_path / "missing")
    fill(store, [pdu(number) for number in range(300)])
    assert "missing" in store.error
    assert store.since(0, 1)[0].lost
    store.close()


def test_a_file_that_was_cut_short_is_a_loss(new_store: Maker) -> None:
    store = new_store(memory_bytes=1)
    fill(store, [pdu(number) for number in range(300)])
    file = store._spill._file
    assert file is not None
    file.truncate(0)
    assert store.since(0, 1)[0].lost
    store.close()


def test_past_the_last_row_the_oldest_go_altogether(new_store: Maker) -> None:
    store = new_store(max_rows=1000)
    fill(store, [note(number, association=1 if number <= 600 else 2) for number in range(1, 3001)])
    assert 1000 - 256 <= len(store) <= 1000 + 256
    assert store.last_seq == 3000
    entries = store.since(0, 5000)
    assert entries[0].seq == store.first_seq == 3001 - len(store)
    assert store.entry(1) is None
    assert [summary.association for summary in store.associations()] == [2]
    assert store.association(1) is None
    assert [entry.seq for entry in store.of_association(2, limit=2)] == [store.first_seq, store.first_seq + 1]
    assert list(store._runs_of[2]) == [601, 3001]
    assert store._fresh_bytes + store._held_bytes < 1_000_000


def test_rows_that_go_after_they_were_laid_aside(new_store: Maker) -> None:
    store = new_store(max_rows=1000, memory_bytes=1)
    fill(store, [note(number) for number in range(1, 3001)])
    assert [entry.seq for entry in store.since(0, 5000)] == list(range(store.first_seq, 3001))
    assert store._fresh_bytes == store._held_bytes == 0


def test_rows_of_one_association(new_store: Maker) -> None:
    store = new_store(memory_bytes=1)
    first, second = Recording(1).established().echo(), Recording(2).established()
    for records in zip(first.records, second.records, strict=False):
        fill(store, list(records))
    store(note(1, association=0))
    assert [entry.record for entry in store.of_association(2)] == second.records
    assert [entry.seq for entry in store.of_association(2, since=3, limit=1)] == [4]
    assert list(store.records(association=2)) == second.records
    assert store.of_association(99) == []
    assert [summary.association for summary in store.associations()] == [1, 2]
    summary = store.association(2)
    assert summary is not None
    assert summary.calling_ae == "ME"


def test_numbers_of_associations(new_store: Maker) -> None:
    store = new_store()
    fill(store, [note(0, 0), note(1, 3), note(2, 5), note(3, 3)])
    assert store.association_numbers() == [3, 5]
    assert store.association_numbers(3) == [5]


def test_clearing_keeps_the_numbers_running(new_store: Maker) -> None:
    store = new_store(memory_bytes=1)
    fill(store, [pdu(number) for number in range(300)])
    store.clear()
    assert (len(store), store.first_seq, store.last_seq) == (0, 301, 300)
    assert store.associations() == []
    fill(store, [pdu(number) for number in range(300)])
    entries = store.since(300, 1000)
    assert [entry.seq for entry in entries] == list(range(301, 601))
    assert not any(entry.lost for entry in entries)
    store.close()


def test_an_iteration_ends_with_what_was_there_when_it_began(new_store: Maker) -> None:
    store = new_store()
    fill(store, [note(number) for number in range(3)])
    seen = []
    for record in store.records():
        seen.append(record)
        store(note(9))
        assert len(seen) < 10
    assert len(seen) == 3


def test_reading_in_another_thread_misses_no_row(new_store: Maker) -> None:
    store = new_store(memory_bytes=50_000, max_rows=20_000)
    done = threading.Event()
    problems: list[Any] = []

    def read() -> None:
        last = 0
        while not (done.is_set() and last == store.last_seq):
            batch = store.since(last)
            numbers = [entry.seq for entry in batch]
            if numbers and (numbers != list(range(numbers[0], numbers[-1] + 1)) or numbers[0] < last + 1):
                problems.append(numbers)
            if any(entry.record.mono != entry.seq for entry in batch):
                problems.append(batch)
            last = numbers[-1] if numbers else last

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(1, 15_001):
        store(note(number))
    done.set()
    reader.join(30)
    assert not reader.is_alive()
    assert not problems


def test_the_newest_number_is_right_while_a_block_is_laid_aside(new_store: Maker) -> None:
    store = new_store(memory_bytes=1)
    fill(store, [note(number) for number in range(255)])
    block = store._open
    store(note(255))
    assert block.records is None
    store._open, newer = block, store._open

    class Swap:
        """Stands for the thread that appends: at the second look the newer block is there."""

        first_seq = 1

        @property
        def records(self) -> None:
            store._open = newer

    store._open = Swap()  # type: ignore[assignment]
    assert store.last_seq == 256


def test_rows_of_an_association_are_found_backwards(new_store: Maker) -> None:
    store = new_store(memory_bytes=1, max_rows=2000)
    fill(store, [note(number, association=1 + number % 2) for number in range(3000)])
    last = store.last_seq
    assert store.numbers_before(1, last, 3) == [last - 1, last - 3, last - 5]
    assert store.numbers_before(2, last, 1) == [last - 2]
    everything = store.numbers_before(1, last + 1, 10_000)
    assert everything[-1] in (store.first_seq, store.first_seq + 1)
    assert store.numbers_before(9, last) == []


def test_many_records_are_taken_at_once(new_store: Maker) -> None:
    store, plain = new_store(memory_bytes=100_000), new_store()
    records: list[Record] = []
    for block in range(6):
        some: list[Record] = [pdu(number, 64, number % 3) for number in range(block * 10, block * 10 + 10)]
        if block % 3 == 2:
            fill(store, some)  # between them come single ones
        else:
            store.adopt(some)
        records += some
    store.adopt([])
    fill(plain, records)
    assert store.since(0) == plain.since(0)
    assert list(store.records(1)) == list(plain.records(1))
    assert store.associations() == plain.associations()
    assert store.of_association(2, limit=100) == plain.of_association(2, limit=100)
    fill(store, [pdu(number, 4096) for number in range(100)])  # what is laid aside later is not confused by them
    assert [entry.record for entry in store.since(0)][:60] == records
    assert len(store) == 160


def test_of_taken_blocks_the_oldest_go_as_well(new_store: Maker) -> None:
    store = new_store(max_rows=25)
    for block in range(5):
        some: list[Record] = [pdu(number, 64) for number in range(block * 10, block * 10 + 10)]
        store.adopt(some)
    assert (store.first_seq, store.last_seq, len(store.since(0))) == (31, 50, 20)


def test_what_went_or_came_at_once_is_kept_as_one_by_one(new_store: Maker) -> None:
    one_by_one, at_once = new_store(memory_bytes=100_000), new_store(memory_bytes=100_000)
    for begin in range(0, 700, 7):
        way = Direction(begin % 3 == 0)
        data = [pdu(number, 40, 1 + begin % 2)._replace(direction=way) for number in range(begin, begin + 4)]
        data += data[-1:] * 3
        message = DimseRecord(1 + begin % 2, 0.0, 0.0, way, 1, 1, begin, "1.2", "1.2.3", -1, 40, "")
        came: list[Record] = [*data, message] if begin % 2 else [*data]
        if way is Direction.SENT:
            at_once.take_sent(data, message if begin % 2 else None)
        else:
            at_once.take_received(came[:4])
            at_once.take_received(data[4:])
            for record in came[7:]:
                at_once(record)
        for record in came:
            one_by_one(record)
        for store in (one_by_one, at_once):
            store(note(begin, 3))
    assert list(at_once.records()) == list(one_by_one.records())
    assert at_once.associations() == one_by_one.associations()
    for association in (1, 2, 3):
        assert at_once.of_association(association) == one_by_one.of_association(association)
    assert len(at_once) == 850


def test_matches_that_came_at_once_are_kept_as_one_by_one(new_store: Maker) -> None:
    one_by_one, at_once = new_store(memory_bytes=100_000), new_store(memory_bytes=100_000)
    command = pdu(0, 40)
    told = DimseRecord(1, 0.0, 0.0, Direction.RECEIVED, 1, 0x8020, 1, "1.2", "", 0xFF00, 48, "")
    for begin in range(0, 700, 7):
        came: list[Record] = []
        for number in range(begin, begin + 7):
            came += (command, pdu(number, 60), told)
        at_once.take_received(came)
        for record in came:
            one_by_one(record)
        for store in (one_by_one, at_once):
            store(note(begin, 3))
    assert list(at_once.records()) == list(one_by_one.records())
    assert at_once.associations() == one_by_one.associations()
    assert len(at_once) == 2200


def test_rows_without_end_of_the_same_record_are_packed_as_others(new_store: Maker) -> None:
    """A peer may cut a large object into fragments of two bytes, of which 20,000 come at once."""
    store = new_store()
    tracemalloc.start()
    try:
        for number in range(100):
            store.take_received((pdu(number, 12),) * 20_000)
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(store) == 2_000_000
    assert size < DEFAULT_MEMORY_BYTES
