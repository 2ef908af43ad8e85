"""One tracer for several, and what is handed on together."""

from __future__ import annotations

from collections.abc import Sequence

from dicomgui.network.tracing import Direction, NoteRecord, PduRecord, Record, Segment, hand_on, hand_on_received
from dicomgui.trace import tee
from dicomgui.trace.tee import Tee

NOTE = NoteRecord(1, 0.0, 0.0, 20, "text")
SENT = [PduRecord(1, float(n), 0.0, Direction.SENT, 4, 14, (Segment(0, b"12345678901234"),), "") for n in range(3)]


class Many:
    """A tracer that takes what was sent together."""

    def __init__(self) -> None:
        self.calls: list[object] = []

    def __call__(self, record: Record) -> None:
        self.calls.append(record)

    def take_sent(self, sent: Sequence[PduRecord]) -> None:
        self.calls.append(list(sent))

    def take_received(self, records: Sequence[Record]) -> None:
        self.calls.append(tuple(records))


def test_tee() -> None:
    first: list[Record] = []
    second: list[Record] = []
    assert tee() is None
    assert tee(None) is None
    assert tee(None, first.append) == first.append
    both = tee(first.append, None, second.append)
    assert both is not None
    both(NOTE)
    assert first == second == [NOTE]


def test_what_was_sent_at_once_reaches_every_tracer_in_the_way_it_takes_it() -> None:
    plain: list[Record] = []
    many = Many()
    both = tee(plain.append, many)
    assert both is not None
    hand_on(both, SENT)
    assert plain == SENT
    assert many.calls == [SENT]


def test_what_came_at_once_reaches_every_tracer_in_the_way_it_takes_it() -> None:
    plain: list[Record] = []
    many = Many()
    both = tee(plain.append, many)
    assert both is not None
    hand_on_received(both, [*SENT, NOTE])
    assert plain == [*SENT, NOTE]
    assert many.calls == [(*SENT, NOTE)]


def test_it_asks_who_is_there_each_time() -> None:
    there: list[Record] = []
    tracers = [there.append]
    fan = Tee(lambda: tracers)
    fan(NOTE)
    tracers.clear()
    fan(NOTE)
    fan.take_sent(SENT)
    assert there == [NOTE]
