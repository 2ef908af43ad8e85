from __future__ import annotations

from helpers.recordings import Recording, associate_rq

from dicomgui.app.expert import PIECE, Expert
from dicomgui.trace.diagnosis.facts import Facts
from dicomgui.trace.finding import Severity
from dicomgui.trace.store import TraceStore


def put(store: TraceStore, *recordings: Recording) -> None:
    for recording in recordings:
        for record in recording.records:
            store(record)


def test_it_follows_a_store() -> None:
    store = TraceStore()
    expert = Expert(store)
    assert not expert.is_behind
    put(store, Recording(1).connect(error="ConnectionRefused: x"))
    assert expert.is_behind
    expert.update()
    assert not expert.is_behind
    assert [finding.code for finding in expert.findings] == ["closed-port"]
    put(store, Recording(2).established().store(0xB000), Recording(3).connect(error="ConnectionRefused: x"))
    expert.update()
    assert [finding.code for finding in expert.findings] == ["closed-port", "store-changed"]
    assert "(2 × in all)" in expert.findings[0].what
    assert expert.counts == {Severity.ERROR: 2, Severity.WARNING: 1, Severity.NOTE: 0}


def test_the_newest_of_a_kind_is_shown() -> None:
    store = TraceStore()
    expert = Expert(store)
    put(store, *(Recording(number).connect(error="ConnectionRefused: x") for number in (1, 2, 3)))
    expert.update()
    assert expert.findings[0].association == 3


def test_a_store_that_was_cleared_begins_anew() -> None:
    store = TraceStore()
    expert = Expert(store)
    put(store, Recording(1).connect(error="ConnectionRefused: x"))
    expert.update()
    store.clear()
    assert expert.is_behind
    expert.update()
    assert expert.findings == ()
    assert not expert.is_behind
    put(store, Recording(2).established().closed())
    expert.update()
    assert [finding.code for finding in expert.findings] == ["connection-lost"]


def test_a_long_trace_is_taken_in_pieces() -> None:
    store = TraceStore()
    many = Recording(1).established()
    for number in range(1, 5000):
        many.store(number=number)
    put(store, many.closed())
    expert = Expert(store)
    expert.update(pieces=16)
    assert expert.is_behind
    assert expert.findings == ()
    expert.update()
    assert [finding.code for finding in expert.findings] == ["connection-lost-idle"]


def test_what_is_known_by_now_counts() -> None:
    known: list[Facts] = [Facts()]
    store = TraceStore()
    expert = Expert(store, lambda: known[0])
    known[0] = Facts(titles={"10.0.0.2:104": ("PACS",)})
    put(store, Recording(1).connect().sent(associate_rq(called="pacs")).rejected(1, 1, 7).closed())
    expert.update()
    assert "known as PACS" in expert.findings[0].causes[0]


def test_it_breathes_between_two_pieces() -> None:
    store = TraceStore()
    many = Recording(1).established()
    for number in range(1, 500):
        many.store(number=number)
    put(store, many.closed())
    expert = Expert(store)
    left: list[int] = []
    assert expert.behind == len(store)
    expert.update(breathe=lambda: left.append(expert.behind))
    assert left == [len(store) - taken for taken in range(PIECE, len(store), PIECE)]
    assert expert.behind == 0
