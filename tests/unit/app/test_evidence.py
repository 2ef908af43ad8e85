"""The bounded copy of the stream that an operation keeps for its diagnosis."""

from __future__ import annotations

from dicomgui.app.evidence import MAX_RECENT, MAX_TELLING, Evidence
from dicomgui.network import ConnectionRefused
from dicomgui.network.tracing import Direction, NoteRecord, Record, Scribe, Segment


def test_everything_is_passed_on() -> None:
    seen: list[Record] = []
    evidence = Evidence(seen.append)
    Scribe(evidence, 1).note(20, "one")
    assert seen == evidence.records


def test_bulk_is_bounded_and_what_tells_something_is_kept_in_order() -> None:
    evidence = Evidence()
    scribe = Scribe(evidence, 1)
    scribe.note(20, "first")
    for number in range(MAX_RECENT * 2):
        scribe.pdu(Direction.SENT, 4, 100, (Segment(0, b"x"),))
        scribe.state(6, 9, "DT-1", 6)
        scribe.dimse(Direction.RECEIVED, 1, 0x8001, number % 60_000, status=0)
    scribe.dimse(Direction.RECEIVED, 1, 0x8001, 1, status=0xA700)
    scribe.pdu(Direction.RECEIVED, 4, 100, (), error="broken")
    scribe.pdu(Direction.RECEIVED, 7, 10, ())
    records = evidence.records
    assert len(records) == MAX_RECENT + 4
    assert isinstance(records[0], NoteRecord)
    assert [type(record).__name__ for record in records[-3:]] == ["DimseRecord", "PduRecord", "PduRecord"]
    assert [record.mono for record in records] == sorted(record.mono for record in records)


def test_even_what_tells_something_is_bounded() -> None:
    evidence = Evidence()
    for _ in range(MAX_TELLING + MAX_RECENT + 10):
        Scribe(evidence, 1).note(20, "again")
    assert len(evidence.records) == MAX_TELLING + MAX_RECENT


def test_findings_come_from_the_records_and_only_else_from_the_error() -> None:
    error = ConnectionRefused("nothing listens on port 1", peer="X@127.0.0.1:1")
    assert Evidence().findings() == ()
    [found] = Evidence().findings(error)
    assert found.code == "closed-port"
    evidence = Evidence()
    Scribe(evidence, 5).resolve("nowhere", (), 0.1, "no address")
    [found] = evidence.findings(error)
    assert found.code == "name-not-found"
