from __future__ import annotations

import gc
import logging

from helpers.exchanging import RECEIVED, SENT, Talk, indexed, kept
from helpers.recordings import Recording, associate_rq

from dicomgui.network.dimse import CEchoRQ, CEchoRSP
from dicomgui.network.pdu import PduType
from dicomgui.network.status import Status
from dicomgui.network.tracing import FileRecord, NoteRecord, PduRecord, Record
from dicomgui.trace.index import FAILED, PDU_KIND, TraceIndex, kind_number
from dicomgui.trace.index import SENT as SENT_FLAG
from dicomgui.trace.store import TraceStore


def echoes(association: int = 1, count: int = 1) -> Talk:
    talk = Talk(association)
    talk.established()
    for number in range(1, count + 1):
        talk.say(SENT, CEchoRQ(number)).say(RECEIVED, CEchoRSP(number, Status(0)))
    talk.released()
    return talk


def test_columns_say_what_each_row_is() -> None:
    talk = echoes()
    index = indexed(talk)
    assert len(index.kind) == len(talk.records) == index.reached
    first_pdu = next(n for n, record in enumerate(talk.records) if isinstance(record, PduRecord))
    record = talk.records[first_pdu]
    assert isinstance(record, PduRecord)
    assert index.kind[first_pdu] == PDU_KIND + PduType.ASSOCIATE_RQ
    assert index.flags[first_pdu] == SENT_FLAG
    assert index.length[first_pdu] == record.length
    assert set(index.association) == {1}
    assert index.kind[0] == kind_number("connect")
    assert kind_number("nonsense") == -1


def test_rows_of_an_exchange_and_back() -> None:
    index = indexed(echoes(count=3))
    for number in (1, 2, 3):
        rows = index.rows_of(number)
        assert len(rows) == 4
        assert {index.exchange_at(seq) for seq in rows} == {number}
    assert index.exchange_at(1) == index.exchange_at(0) == index.exchange_at(10_000) == 0
    assert list(index.exchanges_of(1)) == [1, 2, 3]
    assert list(index.exchanges_of(9)) == []


def test_associations_and_where_they_begin() -> None:
    index = indexed(echoes(1), echoes(4))
    assert index.associations() == [1, 4]
    assert index.start_of(1) == 1
    assert index.start_of(4) == 2  # both in step
    assert index.start_of(9) == 0


def failures(*records: Record) -> list[bool]:
    index = TraceIndex(TraceStore())
    for record in records:
        index.store(record)
    index.update()
    return [bool(flags & FAILED) for flags in index.flags]


def test_what_tells_of_a_failure() -> None:
    talk = Recording(1).connect().connect(error="ConnectionRefused: no").sent(associate_rq()).rejected(1, 1, 7)
    talk.timer("response").stray(b"HTTP/1.1").closed(error="").closed(error="reset")
    assert failures(*talk.records) == [False, True, False, True, True, True, False, True]
    head = talk.head
    notes = [NoteRecord(*head, logging.ERROR, "x"), NoteRecord(*head, logging.INFO, "x")]
    files = [FileRecord(*head, "failed", "f", 1, ""), FileRecord(*head, "stored", "f", 1, "")]
    assert failures(*notes, *files) == [True, False, True, False]


def test_it_goes_on_where_it_stopped() -> None:
    store = TraceStore()
    index = TraceIndex(store)
    for record in echoes(count=5).records:
        store(record)
        index.update()
    assert len(index.exchanges) == 5
    whole = TraceIndex(store)
    whole.update()
    assert whole.exchange == index.exchange
    assert whole.flags == index.flags


def test_a_limit_leaves_the_rest_for_the_next_call() -> None:
    store = kept(echoes(count=50))
    index = TraceIndex(store)
    assert index.update(10)
    assert index.reached == 10
    while index.update(10):
        pass
    assert index.reached == store.last_seq


def test_a_watcher_is_told_what_is_new_and_what_has_changed() -> None:
    store = TraceStore()
    index = TraceIndex(store)
    watcher = index.watch()
    records = echoes(count=1).records
    request = next(n for n, record in enumerate(records) if isinstance(record, PduRecord) and record.pdu_type == 4)
    for record in records[: request + 1]:
        store(record)
    index.update()
    changes = watcher.take()
    assert (changes.associations, changes.exchanges, changes.restarted) == ({1}, {1}, False)
    assert not watcher.take().associations
    for record in records[request + 1 :]:
        store(record)
    index.update()
    assert watcher.take().exchanges == {1}


def test_a_watcher_that_nobody_holds_is_forgotten() -> None:
    index = indexed(echoes())
    watcher = index.watch()
    assert len(index._watchers) == 1
    del watcher
    gc.collect()
    assert len(index._watchers) == 0


def test_clearing_the_store_starts_the_index_anew() -> None:
    store = kept(echoes(count=3))
    index = TraceIndex(store)
    watcher = index.watch()
    index.update()
    store.clear()
    index.update()
    assert watcher.take().restarted
    assert (len(index.kind), len(index.exchanges)) == (0, 0)
    for record in echoes(2).records:
        store(record)
    index.update()
    assert index.associations() == [2]
    assert index.exchange_at(index.rows_of(1)[0]) == 1


def test_rows_that_the_store_dropped_leave_the_columns() -> None:
    store = TraceStore(max_rows=2000)
    index = TraceIndex(store)
    for association in range(1, 400):
        for record in echoes(association, count=5).records:
            store(record)
        index.update()
    assert index.reached == store.last_seq
    assert len(index.kind) < 6000
    assert 1 not in index.associations()
    assert index.first_seq <= store.first_seq
    last = index.exchanges[len(index.exchanges)]
    assert {index.exchange_at(seq) for seq in index.rows_of(last.number)} == {last.number}


def test_rows_dropped_between_two_looks_are_skipped() -> None:
    store = TraceStore(max_rows=1000)
    index = TraceIndex(store)
    index.update()
    for association in range(1, 200):
        for record in echoes(association, count=5).records:
            store(record)
    index.update(10**6)
    assert index.reached == store.last_seq
    assert index.first_seq == store.first_seq


def test_places_from_a_row_on() -> None:
    index = indexed(echoes(count=3))
    assert index.first_row_from(1) == 0
    assert index.first_row_from(10**6) == len(index.kind)


def test_of_two_requests_in_pieces_the_later_may_end_first() -> None:
    first = Talk(1, told=False).say(SENT, CEchoRQ(1), fragment=40)
    second = Talk(2, told=False).say(SENT, CEchoRQ(1))
    store = TraceStore()
    for record in (first.records[0], *second.records, *first.records[1:]):
        store(record)
    index = TraceIndex(store)
    index.update()
    assert [index.exchanges.association[number] for number in (1, 2)] == [2, 1]
    assert index.exchange_from(1) == 2
    assert index.exchange_from(2) == 1
    assert index.exchange_from(3) == 0
