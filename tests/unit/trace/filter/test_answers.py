"""The answers to one condition, where they are asked of another level than its own."""

from __future__ import annotations

import pytest
from helpers.exchanging import RECEIVED, SENT, Talk, indexed, kept

from dicomgui.network.dimse import CEchoRQ, CEchoRSP
from dicomgui.network.status import Status
from dicomgui.trace.filter.answers import Answers, negated
from dicomgui.trace.filter.grammar import parse
from dicomgui.trace.index import Changes, TraceIndex
from dicomgui.trace.store import TraceStore


def two_echoes() -> TraceIndex:
    talk = Talk(3).established()
    assert isinstance(talk, Talk)
    for number, status in ((1, 0), (2, 0x0110)):
        talk.say(SENT, CEchoRQ(number)).say(RECEIVED, CEchoRSP(number, Status(status)))
    return indexed(talk)


def answers(text: str, index: TraceIndex) -> Answers:
    (term,) = parse(text).terms()
    found = Answers(term, index, None)
    found.update(Changes(), index.first_seq, index.reached)
    return found


@pytest.mark.parametrize(
    ("text", "association", "exchanges", "first_rows"),
    [
        ("status:0110", True, [0, 1], [0, 0, 0]),
        ("calling:ME", True, [1, 1], [1, 1, 1]),
        ("calling:YOU", False, [0, 0], [0, 0, 0]),
        ("pdu:rq", True, [0, 0], [0, 1, 0]),
        ("pdu:abort", False, [0, 0], [0, 0, 0]),
        ("bytes:01", True, [1, 1], [0, 1, 1]),
    ],
)
def test_levels(text: str, association: bool, exchanges: list[int], first_rows: list[int]) -> None:
    index = two_echoes()
    found = answers(text, index)
    assert found.of_association(3) == association
    assert [int(found.of_exchange(n)) for n in (1, 2)] == exchanges == list(found.of_exchanges(1, 2))
    assert list(found.of_rows(0, 3)) == first_rows == [int(found.of_row(place)) for place in range(3)]


def test_what_is_not_asked_about_yet_does_not_pass() -> None:
    index = two_echoes()
    (term,) = parse("op:c-echo").terms()
    found = Answers(term, index, None)
    found.update(Changes(), 1, 0, limit=1)
    assert found.is_behind
    assert (found.of_exchange(1), found.of_exchange(2)) == (True, False)
    rows = found.of_rows(0, len(index.kind))
    assert [index.exchange[place] for place, passes in enumerate(rows) if passes] == [1, 1, 1, 1]
    found.update(Changes(), 1, 0)
    assert not found.is_behind
    assert found.of_exchange(2)


def test_another_answer_is_told() -> None:
    talk = Talk(1, told=False).established()
    assert isinstance(talk, Talk)
    store = kept(talk.say(SENT, CEchoRQ(1)))
    index = TraceIndex(store)
    watcher = index.watch()
    index.update()
    (term,) = parse("open").terms()
    found = Answers(term, index, None)
    assert found.update(watcher.take(), 1, index.reached) == (set(), set())
    answer = Talk(1, told=False)
    answer.wait(50).message(RECEIVED, CEchoRSP(1, Status(0))).released()
    for record in answer.records:
        store(record)
    index.update()
    assert found.update(watcher.take(), 1, index.reached) == ({1}, {1})
    assert not found.of_association(1)


def test_nothing_is_known_of_an_empty_trace() -> None:
    for text in ("op:c-echo", "calling:ME", "pdu:rq", "marked"):
        found = answers(text, TraceIndex(TraceStore()))
        assert not found.of_association(1)
        assert not found.of_exchange(0)
        assert list(found.of_exchanges(1, 0)) == []


def test_negated() -> None:
    assert bytes(negated(b"\x00\x01\x01")) == b"\x01\x00\x00"
