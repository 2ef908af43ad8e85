"""One tracer for several, and what is handed on together."""

from __future__ import annotations

from collections.abc import Sequence

from dicomgui.network.tracing import (
    DimseRecord,
    Direction,
    NoteRecord,
    PduRecord,
    Record,
    Segment,
    hand_on,
    hand_on_received,
)
from dicomgui.trace import tee
from dicomgui.trace.tee import Tee

NOTE = NoteRecord(1, 0.0, 0.0, 20, "text")
MESSAGE = DimseRecord(1, 2.0, 0.0, Direction.SENT, 1, 1, 7, "1.2", "1.2.3", -1, 14, "")
SENT = [PduRecord(1, float(n), 0.0, Direction.SENT, 4, 14, (Segment(0, b"12345678901234"),), "") for n in range(3)]


class Many:
    """A tracer that takes what was sent together."""

    def __init__(self) -> None:
        self.calls: list[object] = []

    def __call__(self, record: Record) -> None:
        self.calls.append(record)

    def take_sent(self, sent: Sequence[PduRecord], message: DimseRecord | None) -> None:
        self.calls.append([*sent, *([message] if message else ())])

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
    hand_on(both, SENT, MESSAGE)
    assert plain == [*SENT, *SENT, MESSAGE]
    assert many.calls == [SENT, [*SENT, MESSAGE]]


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
