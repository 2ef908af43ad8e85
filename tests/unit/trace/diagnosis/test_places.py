from __future__ import annotations

from helpers.recordings import Recording

from dicomgui.trace.diagnosis.diagnose import diagnose
from dicomgui.trace.diagnosis.places import find_row
from dicomgui.trace.finding import Place
from dicomgui.trace.store import TraceStore


def filled(*recordings: Recording) -> TraceStore:
    store = TraceStore(memory_bytes=20_000, disk_bytes=2**20)
    for recording in recordings:
        for record in recording.records:
            store(record)
    return store


def test_evidence_is_found_in_the_store() -> None:
    many = Recording(2)
    for number in range(1, 3000):
        many.store(number=number)
    store = filled(Recording(1).connect(), many.store(0xA700, number=3000), Recording(3).wait(9000.0).connect())
    (finding,) = diagnose(store.records())
    evidence = finding.best_evidence
    assert evidence is not None
    assert evidence.place is not None
    seq = find_row(store, evidence.place)
    assert seq == evidence.record_index + 1
    entry = store.entry(seq)
    assert entry is not None
    assert entry.record.association == 2
    store.close()


def test_rows_of_one_moment_are_told_apart_by_association_and_kind() -> None:
    first, second = Recording(1).connect().timer("response"), Recording(2).connect()
    store = TraceStore()
    for record in (*first.records, *second.records):
        store(record._replace(mono=5.0))
    assert find_row(store, Place(1, 5.0, "TimerRecord")) == 2
    assert find_row(store, Place(2, 5.0, "ConnectRecord")) == 3


def test_what_is_not_there_has_no_row() -> None:
    store = filled(Recording(1).established())
    assert find_row(store, Place(9, 101.0, "PduRecord")) == 0
    assert find_row(store, Place(1, 999.0, "PduRecord")) == 0
    assert find_row(store, Place(1, 1.0, "PduRecord")) == 0
    assert find_row(TraceStore(), Place(1, 1.0, "PduRecord")) == 0
