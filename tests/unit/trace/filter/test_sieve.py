"""A list that is kept up to date is the list that one makes anew."""

from __future__ import annotations

import random
from array import array

import pytest
from helpers.exchanging import RECEIVED, SENT, Talk, explicit, kept
from helpers.recordings import CT, associate_rq
from hypothesis import given, settings
from hypothesis import strategies as st

from dicomgui.network.dimse import CEchoRQ, CEchoRSP, CFindRQ, CFindRSP, CMoveRQ, CStoreRQ, CStoreRSP
from dicomgui.network.status import Status
from dicomgui.network.tracing import Record, Role
from dicomgui.trace.filter import sieve as sieve_module
from dicomgui.trace.filter.grammar import FilterError, parse
from dicomgui.trace.filter.sieve import Change, Sieve, Zoom
from dicomgui.trace.index import PDU_KIND, TraceIndex, kind_number
from dicomgui.trace.marks import Marks
from dicomgui.trace.store import TraceStore

FIND, MOVE = "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.1.2.2.2"
FILTERS = (
    "", "op:c-store", "status:!0000", "failed", "not failed", "open", "pdu:data", "dir:sent and not op:c-echo",
    "outcome:released", "peer:PACS", "size>200", "tag:0010,0020~12", "text:disk", "not text:disk",
    "op:c-find or pdu:rj", "story:1", "pending>0", "not (op:c-store or outcome:rejected)", "think>1s status:0000",
    "ctx.result:0", "calling:ME",
)  # fmt: skip


def a_talk(number: int, dice: random.Random) -> Talk:
    talk = Talk(number, role=dice.choice(list(Role)), told=dice.random() < 0.5)
    talk.wait(dice.randrange(100))
    kind = dice.randrange(5)
    if kind == 0:
        talk.connect().sent(associate_rq()).rejected(1, 1, 7)
        return talk
    talk.established()
    out, back = (SENT, RECEIVED) if talk.role is Role.REQUESTOR else (RECEIVED, SENT)
    for message_id in range(1, dice.randrange(2, 6)):
        talk.wait(dice.random())
        if kind == 1:
            talk.say(out, CEchoRQ(message_id))
            if dice.random() < 0.9:
                talk.say(back, CEchoRSP(message_id, Status(dice.choice([0, 0x0110]))))
        elif kind == 2:
            talk.say(out, CFindRQ(message_id, FIND), explicit(0x10, 0x20, "LO", b"AB12"))
            for _ in range(dice.randrange(3)):
                talk.say(back, CFindRSP(message_id, Status(0xFF00), FIND), b"\0" * 40)
            talk.say(back, CFindRSP(message_id, Status(dice.choice([0, 0xA700])), FIND))
        elif kind == 3:
            talk.say(out, CMoveRQ(message_id, MOVE, move_destination="ME"), b"dd")
        else:
            talk.say(out, CStoreRQ(message_id, CT, "1.2", move_originator_ae_title="ME", move_originator_message_id=1),
                     b"\x10\x00\x20\x00" * dice.randrange(1, 80), fragment=dice.choice([30, 10_000]))  # fmt: skip
            status = dice.choice([0, 0xA700, 0xB000])
            talk.say(back, CStoreRSP(message_id, Status(status), CT, "1.2", error_comment="disk" if status else ""))
    if dice.random() < 0.7:
        talk.released()
    return talk


def a_trace(seed: int) -> list[Record]:
    dice = random.Random(seed)
    talks = [a_talk(number, dice) for number in range(1, dice.randrange(2, 7))]
    return sorted((record for talk in talks for record in talk.records), key=lambda record: record.mono)


def replayed(before: array[int], change: Change, after: array[int]) -> array[int]:
    """What a view that follows the changes has."""
    if change.reset:
        return array("Q", after)
    view = list(before)
    for first, count in change.removed:
        del view[first : first + count]
    for first, count in change.inserted:
        view[first:first] = after[first : first + count]
    return array("Q", view)


def finished(sieve: Sieve) -> array[int]:
    steps = 0
    while sieve.is_behind:
        sieve.step()
        steps += 1
        assert steps < 10_000
    return sieve.numbers


@pytest.mark.parametrize("zoom", list(Zoom))
@given(seed=st.integers(0, 10_000), text=st.sampled_from(FILTERS), portion=st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_step_by_step_is_the_same_as_at_once(zoom: Zoom, seed: int, text: str, portion: int) -> None:
    records = a_trace(seed)
    store = TraceStore()
    index = TraceIndex(store)
    sieve = Sieve(index, zoom, parse(text))
    view: array[int] = array("Q")
    for start in range(0, len(records), portion):
        for record in records[start : start + portion]:
            store(record)
        index.update()
        while True:
            change = sieve.step()
            view = replayed(view, change, sieve.numbers)
            assert view == sieve.numbers
            if not sieve.is_behind:
                break
    fresh_index = TraceIndex(store)
    fresh_index.update(10**6)
    assert list(sieve.numbers) == list(finished(Sieve(fresh_index, zoom, parse(text))))
    assert list(sieve.numbers) == sorted(set(sieve.numbers))


@pytest.mark.parametrize("zoom", list(Zoom))
@pytest.mark.parametrize("text", FILTERS)
def test_small_slices_give_the_same(monkeypatch: pytest.MonkeyPatch, zoom: Zoom, text: str) -> None:
    index = TraceIndex(kept_trace(7))
    index.update(10**6)
    wanted = list(finished(Sieve(index, zoom, parse(text))))
    for name in ("_SLICE_ROWS", "_SLICE_CONTENT_ROWS", "_SLICE_BUILT"):
        monkeypatch.setattr(sieve_module, name, 3)
    assert list(finished(Sieve(index, zoom, parse(text)))) == wanted


def kept_trace(seed: int, **budgets: int) -> TraceStore:
    store = TraceStore(**budgets)  # type: ignore[arg-type]
    for record in a_trace(seed):
        store(record)
    return store


@pytest.mark.parametrize("text", ["tag:0010,0020~12", "text:disk", 'bytes:"10 00 20 00"', "not text:disk"])
def test_what_was_laid_aside_on_disk_is_searched_too(text: str) -> None:
    small, large = TraceStore(memory_bytes=1), TraceStore()
    for seed in range(40):
        for record in a_trace(seed):
            small(record)
            large(record)
    found = []
    for store in (small, large):
        index = TraceIndex(store)
        index.update(10**6)
        found.append(list(finished(Sieve(index, Zoom.ROWS, parse(text)))))
        store.close()
    assert found[0] == found[1]
    assert found[0]


def test_only_some_associations() -> None:
    index = TraceIndex(kept_trace(3))
    index.update(10**6)
    first = index.associations()[0]
    for zoom in Zoom:
        sieve = Sieve(index, zoom, associations=frozenset((first,)))
        numbers = finished(sieve)
        assert {sieve.item_of(number)[0] for number in numbers} == {first}


def test_hidden_kinds_are_left_out_of_the_rows() -> None:
    index = TraceIndex(kept_trace(3))
    index.update(10**6)
    hidden = frozenset((kind_number("dimse"), PDU_KIND + 4))
    numbers = finished(Sieve(index, Zoom.ROWS, hidden_kinds=hidden))
    assert {index.kind[n - index.first_seq] for n in numbers} == set(index.kind) - hidden


def test_items_are_named_by_rows_at_every_level() -> None:
    talk = Talk(5).established()
    assert isinstance(talk, Talk)
    talk.say(SENT, CEchoRQ(1)).say(RECEIVED, CEchoRSP(1, Status(0)))
    index = TraceIndex(kept(talk))
    index.update()
    associations, exchanges, rows = (Sieve(index, zoom) for zoom in (Zoom.ASSOCIATIONS, Zoom.EXCHANGES, Zoom.ROWS))
    assert [associations.item_of(n) for n in finished(associations)] == [(5, 0)]
    assert [exchanges.item_of(n) for n in finished(exchanges)] == [(5, 0), (5, 1)]
    assert rows.item_of(finished(rows)[-1]) == (5, 1)
    assert rows.item_of(10**6) == (0, 0)


def test_an_open_exchange_that_ends_is_touched_and_leaves_the_list_of_open_ones() -> None:
    talk = Talk(1, told=False).established()
    assert isinstance(talk, Talk)
    store = kept(talk.say(SENT, CEchoRQ(1)))
    index = TraceIndex(store)
    index.update()
    open_ones, all_of_them = Sieve(index, Zoom.EXCHANGES, parse("open op:c-echo")), Sieve(index, Zoom.EXCHANGES)
    exchange = index.exchanges[1].first_seq
    assert exchange in finished(open_ones)
    finished(all_of_them)
    answer = Talk(1, told=False)
    answer.wait(50).message(RECEIVED, CEchoRSP(1, Status(0)))
    store(answer.records[0])
    index.update()
    assert open_ones.step().removed
    assert exchange not in open_ones.numbers
    assert exchange in all_of_them.step().touched


def test_rows_that_the_store_dropped_leave_the_list() -> None:
    store = TraceStore(max_rows=2000)
    index = TraceIndex(store)
    sieve = Sieve(index, Zoom.ROWS, parse("pdu:data"))
    view: array[int] = array("Q")
    for seed in range(120):
        for record in a_trace(seed):
            store(record)
        index.update()
        while True:
            view = replayed(view, sieve.step(), sieve.numbers)
            assert view == sieve.numbers
            if not sieve.is_behind:
                break
    assert store.first_seq > 1000
    sieve.step()
    assert sieve.numbers[0] >= index.first_seq


def test_clearing_empties_the_list() -> None:
    store = kept_trace(3)
    index = TraceIndex(store)
    index.update()
    sieve = Sieve(index, Zoom.ROWS, parse("pdu:data"))
    assert finished(sieve)
    store.clear()
    index.update()
    assert not finished(sieve)
    for record in a_trace(4):
        store(record)
    index.update()
    assert finished(sieve)


def test_new_marks_are_seen() -> None:
    index = TraceIndex(kept_trace(3))
    index.update()
    marks = Marks()
    sieve = Sieve(index, Zoom.ROWS, parse("marked"), marks=marks)
    assert not finished(sieve)
    marks.set(5, marked=True)
    assert list(finished(sieve)) == [5]
    marks.set(5, marked=False)
    assert not finished(sieve)


def test_progress_goes_from_nothing_to_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sieve_module, "_SLICE_CONTENT_ROWS", 5)
    index = TraceIndex(kept_trace(3))
    index.update()
    sieve = Sieve(index, Zoom.ROWS, parse("text:disk"))
    seen = [sieve.progress]
    while sieve.is_behind:
        sieve.step()
        seen.append(sieve.progress)
    assert seen[0] == 0.0
    assert seen[-1] == 1.0
    assert seen == sorted(seen)
    assert Sieve(TraceIndex(TraceStore()), Zoom.ROWS).progress == 1.0


def test_a_filter_that_means_nothing_makes_no_list() -> None:
    with pytest.raises(FilterError):
        Sieve(TraceIndex(TraceStore()), Zoom.ROWS, parse("op:nonsense"))
