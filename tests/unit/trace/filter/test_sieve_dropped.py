"""Items whose rows had to make room: they leave with their last row, and are known until then."""

from __future__ import annotations

from helpers.exchanging import RECEIVED, SENT, Talk

from dicomgui.network.dimse import CEchoRQ, CEchoRSP
from dicomgui.network.status import Status
from dicomgui.network.tracing import NoteRecord
from dicomgui.trace.filter import Sieve, Zoom
from dicomgui.trace.index import TraceIndex
from dicomgui.trace.store import TraceStore

MANY = 6000


def filled() -> tuple[TraceStore, TraceIndex]:
    """An association with an echo at the beginning and one at the end of a long trace, one wholly at its beginning."""
    store, long, short = TraceStore(max_rows=3000), Talk(1), Talk(2)
    index = TraceIndex(store)
    long.established()
    long.say(SENT, CEchoRQ(1)).say(RECEIVED, CEchoRSP(1, Status(0)))
    short.established()
    short.say(SENT, CEchoRQ(1)).say(RECEIVED, CEchoRSP(1, Status(0)))
    for record in (*long.records, *short.records):
        store(record)
    for number in range(MANY):
        store(NoteRecord(int(number % 500 == 0), 0.0, 1e9, 20, str(number)))
        if number % 1000 == 0:  # somebody looks while they come
            while index.update():
                pass
    before = len(long.records)
    long.say(SENT, CEchoRQ(2)).say(RECEIVED, CEchoRSP(2, Status(0)))
    for record in long.records[before:]:
        store(record)
    return store, index


def settled(index: TraceIndex, sieve: Sieve) -> list[tuple[int, int]]:
    while index.update():
        pass
    while sieve.is_behind:
        sieve.step()
    return [sieve.item_of(number) for number in sieve.numbers]


def test_what_is_wholly_gone_is_no_longer_listed() -> None:
    store, index = filled()
    assert settled(index, Sieve(index, Zoom.EXCHANGES)) == [(1, 0), (1, 3)]
    assert settled(index, Sieve(index, Zoom.ASSOCIATIONS)) == [(1, 0)]
    assert store.first_seq > 100


def test_a_list_that_was_there_before_loses_it_too() -> None:
    store, index = TraceStore(max_rows=3000), None
    talk = Talk(1)
    talk.established()
    talk.say(SENT, CEchoRQ(1)).say(RECEIVED, CEchoRSP(1, Status(0)))
    for record in talk.records:
        store(record)
    index = TraceIndex(store)
    sieve = Sieve(index, Zoom.EXCHANGES)
    assert settled(index, sieve) == [(1, 0), (1, 1)]
    for number in range(MANY):
        store(NoteRecord(0, 0.0, 1e9, 20, str(number)))
        if number % 500 == 0:
            settled(index, sieve)
    assert settled(index, sieve) == []


def test_an_association_without_beginning_is_not_listed_twice() -> None:
    store, talk = TraceStore(), Talk(7)
    talk.say(SENT, CEchoRQ(1)).say(RECEIVED, CEchoRSP(1, Status(0)))
    for record in talk.records:
        store(record)
    index = TraceIndex(store)
    sieve = Sieve(index, Zoom.EXCHANGES)
    assert settled(index, sieve) == [(7, 1)]
    assert len(set(sieve.numbers)) == len(sieve.numbers)
