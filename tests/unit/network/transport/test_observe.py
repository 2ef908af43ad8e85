"""What the trace is told of chunks that were sent."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomgui.network.dimse.command_set import encode
from dicomgui.network.dimse.commands import CStoreRQ
from dicomgui.network.dimse.fragment import BytesSource, fragments
from dicomgui.network.pdu import Capture, DataEnd, Framer, PduType
from dicomgui.network.tracing import SNAP_LENGTH, DimseRecord, Direction, MakeSent, PduRecord, Record, Scribe, Segment
from dicomgui.network.transport import TraceObserver
from dicomgui.network.transport import observe as module

COMMAND = bytes(range(150))


def told(size: int | None, max_pdu_length: int, *, snap: bool) -> tuple[list[PduRecord], bytes]:
    """The records of one message, and what was sent."""
    records: list[Record] = []
    observer = TraceObserver(Scribe(records.append, 7))
    source = None if size is None else BytesSource(bytes(number % 251 for number in range(size)))
    wire = b""
    for chunk in fragments(3, COMMAND, source, max_pdu_length):
        observer.sent_chunk(chunk, snap=snap)
        wire += bytes(chunk.data)
    pdus = [record for record in records if isinstance(record, PduRecord)]
    assert len(pdus) == len(records)
    return pdus, wire


@pytest.mark.parametrize("snap", [False, True])
@pytest.mark.parametrize(
    ("size", "max_pdu_length"),
    [(None, 0), (0, 0), (9000, 16_384), (100_001, 16_384), (60, 20), (98_268, 16_384), (3_000_000, 16_384)],
)
def test_every_pdu_is_told_as_far_as_it_is_kept(size: int | None, max_pdu_length: int, snap: bool) -> None:
    records, wire = told(size, max_pdu_length, snap=snap)
    offset, left = 0, SNAP_LENGTH if snap else len(wire)
    for record in records:
        pdu = wire[offset : offset + record.length]
        if pdu[11] & 1:
            kept = pdu
        else:
            kept = pdu[: 12 + left]
            left -= len(kept) - 12
        assert record.segments == (Segment(0, kept),)
        assert int.from_bytes(pdu[2:6], "big") + 6 == record.length
        assert (record.association, record.direction, record.error) == (7, Direction.SENT, "")
        assert record.pdu_type is PduType.P_DATA_TF
        offset += record.length
    assert offset == len(wire)
    assert [record.mono for record in records] == sorted(record.mono for record in records)


@given(
    st.one_of(st.integers(0, 40_000), st.sampled_from([SNAP_LENGTH - 2, SNAP_LENGTH, SNAP_LENGTH + 2])),
    st.one_of(st.integers(40, 9000), st.sampled_from([0, SNAP_LENGTH, SNAP_LENGTH + 6, SNAP_LENGTH + 12, 16_384])),
)
def test_the_other_side_keeps_as_much_of_what_comes(size: int, max_pdu_length: int) -> None:
    command = encode(CStoreRQ(1, "1.2.840.10008.5.1.4.1.1.2", "1.2.3"))
    records: list[Record] = []
    observer, framer = TraceObserver(Scribe(records.append, 7)), Framer(capture=Capture())
    came: list[tuple[object, ...]] = []
    for chunk in fragments(3, command, BytesSource(bytes(size)), max_pdu_length, chunk_bytes=20_000):
        observer.sent_chunk(chunk, snap=True)
        came += [tuple(frame) for frame in framer.feed(bytes(chunk.data)) if isinstance(frame, DataEnd)]
    assert [record[5:7] for record in records] == came


def test_those_that_are_alike_have_one_record_and_each_message_begins_anew() -> None:
    records: list[Record] = []
    observer = TraceObserver(Scribe(records.append, 7))
    for _ in range(2):
        for chunk in fragments(3, COMMAND, BytesSource(bytes(100_000)), 16_384):
            observer.sent_chunk(chunk, snap=True)
    assert len(records) == 2 * 8
    assert len({id(record) for record in records}) == 2 * 4  # the command, what is kept, the headers, the end
    assert [record[5:] for record in records[:8]] == [record[5:] for record in records[8:]]


def test_the_message_is_told_with_its_pdus_at_the_same_moment() -> None:
    records: list[Record] = []
    (chunk,) = fragments(3, COMMAND, BytesSource(bytes(100)), 16_384)

    def message(stamp: tuple[int, float, float]) -> DimseRecord:
        return DimseRecord(*stamp, Direction.SENT, 3, 1, 7, "1.2", "1.2.3", -1, 100, "")

    TraceObserver(Scribe(records.append, 7)).sent_chunk(chunk, snap=True, told=message)
    assert [type(record) for record in records] == [PduRecord, PduRecord, DimseRecord]
    assert len({record[:3] for record in records}) == 1


class Later:
    """A tracer that may have records made later."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, MakeSent]] = []

    def __call__(self, record: Record) -> None:
        raise AssertionError("one by one")

    def take_later(self, count: int, make: MakeSent) -> None:
        self.calls.append((count, make))


@pytest.mark.parametrize(("size", "max_pdu_length"), [(0, 0), (100, 0), (9000, 0), (9001, 1000), (14_000, 0)])
def test_the_records_of_a_small_message_are_the_same_when_they_are_made_later(size: int, max_pdu_length: int) -> None:
    told, later = [], Later()
    (chunk,) = fragments(3, COMMAND, BytesSource(bytes(size)), max_pdu_length)

    def message(stamp: tuple[int, float, float]) -> DimseRecord:
        return DimseRecord(*stamp, Direction.SENT, 3, 1, 7, "1.2", "1.2.3", -1, size, "")

    for tracer in (told.append, later):
        TraceObserver(Scribe(tracer, 7)).sent_chunk(chunk, snap=True, told=message)
    ((count, make),) = later.calls
    sent, last = make()
    assert [record[3:] for record in (*sent, last)] == [record[3:] for record in told]
    assert count == len(told)


class Together:
    """A tracer that takes data PDUs together."""

    def __init__(self) -> None:
        self.calls: list[Sequence[Record]] = []

    def __call__(self, record: Record) -> None:
        self.calls.append([record])

    def take_received(self, data: Sequence[Record]) -> None:
        self.calls.append(data)


@pytest.mark.parametrize("times", [1, 3])
def test_those_that_came_alike_are_told_together_where_that_is_possible(times: int) -> None:
    one_by_one: list[Record] = []
    together = Together()
    for tracer in (one_by_one.append, together):
        TraceObserver(Scribe(tracer, 7)).received(4, 16, (Segment(0, b"0123"),), "", times)
    (told,) = together.calls
    assert len(told) == len(one_by_one) == times
    assert {record[3:] for record in told} == {record[3:] for record in one_by_one}


def test_what_is_kept_of_one_pdu_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEEP_LIMIT", 1000)
    records, _ = told(5000, 0, snap=False)
    assert [len(record.segments[0].data) for record in records] == [162, 1000]


def test_nobody_listens() -> None:
    (chunk,) = fragments(3, COMMAND, None, 0)
    TraceObserver(Scribe(None, 7)).sent_chunk(chunk, snap=True)
