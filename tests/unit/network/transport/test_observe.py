"""What the trace is told of chunks that were sent."""

from __future__ import annotations

import pytest

from dicomgui.network.dimse.fragment import BytesSource, fragments
from dicomgui.network.pdu import PduType
from dicomgui.network.tracing import SNAP_LENGTH, Direction, PduRecord, Record, Scribe, Segment
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
@pytest.mark.parametrize(("size", "max_pdu_length"), [(None, 0), (0, 0), (9000, 16_384), (100_001, 16_384), (60, 20)])
def test_every_pdu_is_told_as_far_as_it_is_kept(size: int | None, max_pdu_length: int, snap: bool) -> None:
    records, wire = told(size, max_pdu_length, snap=snap)
    offset = 0
    for record in records:
        pdu = wire[offset : offset + record.length]
        is_command = pdu[11] & 1
        kept = pdu if is_command or not snap else pdu[: 12 + SNAP_LENGTH]
        assert record.segments == (Segment(0, kept),)
        assert int.from_bytes(pdu[2:6], "big") + 6 == record.length
        assert (record.association, record.direction, record.error) == (7, Direction.SENT, "")
        assert record.pdu_type is PduType.P_DATA_TF
        offset += record.length
    assert offset == len(wire)
    assert [record.mono for record in records] == sorted(record.mono for record in records)


def test_what_is_kept_of_one_pdu_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEEP_LIMIT", 1000)
    records, _ = told(5000, 0, snap=False)
    assert [len(record.segments[0].data) for record in records] == [162, 1000]


def test_nobody_listens() -> None:
    (chunk,) = fragments(3, COMMAND, None, 0)
    TraceObserver(Scribe(None, 7)).sent_chunk(chunk, snap=True)
