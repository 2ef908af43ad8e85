from __future__ import annotations

from dicomgui.network.tracing import (
    Direction,
    FileRecord,
    NoteRecord,
    PduRecord,
    Record,
    ResolveRecord,
    Segment,
    TlsRecord,
)
from dicomgui.trace.redaction.leftover import FieldSpan, Leftover
from dicomgui.trace.redaction.patching import patched

HEAD = (1, 0.0, 0.0)


def without(record: Record, *places: FieldSpan) -> Record:
    left = Leftover(1, 0x00100010, b"Erika", places)
    (after,) = patched([record], [left])
    return after


def test_a_place_in_segments_is_counted_from_the_first_byte_of_the_pdu() -> None:
    segments = (Segment(0, b"head"), Segment(10, b"Eri"), Segment(13, b"ka and more"))
    record = PduRecord(*HEAD, Direction.SENT, 4, 24, segments, "")
    after = without(record, FieldSpan(1, "pdu", "segments", 10, 15))
    assert after == record._replace(segments=(Segment(0, b"head"), Segment(10, b"XXX"), Segment(13, b"XX and more")))


def test_titles_are_places_in_segments_too() -> None:
    record = PduRecord(*HEAD, Direction.SENT, 1, 20, (Segment(0, b"..........PACS      "),), "")
    after = without(record, FieldSpan(1, "pdu", "called", 10, 14))
    assert after == record._replace(segments=(Segment(0, b"..........XXXX      "),))


def test_texts_are_counted_in_utf_8_and_one_of_several_is_meant() -> None:
    record = FileRecord(*HEAD, "failed", "", 1, "f\xfcr J\xf6rg")
    after = without(record, FieldSpan(1, "file", "detail", 5, 10))
    assert after == record._replace(detail="f\xfcr XXXXX")
    found = ResolveRecord(*HEAD, "a", ("10.0.0.1", "erika"), 0.1, "")
    assert without(found, FieldSpan(1, "resolve", "addresses", 0, 5, 1)) == found._replace(
        addresses=("10.0.0.1", "XXXXX")
    )


def test_bytes_of_a_certificate_and_several_places_at_once() -> None:
    record = TlsRecord(*HEAD, "x", "y", b"CN=Erika", 0.1, "Erika")
    places = FieldSpan(1, "tls", "peer_certificate", 3, 8), FieldSpan(1, "tls", "error", 0, 5)
    assert without(record, *places) == record._replace(peer_certificate=b"CN=XXXXX", error="XXXXX")


def test_what_has_no_place_is_the_same() -> None:
    records = [NoteRecord(*HEAD, 20, "one"), NoteRecord(*HEAD, 20, "two")]
    left = Leftover(1, 0x00100010, b"two", (FieldSpan(2, "note", "text", 0, 3),))
    assert list(patched(records, [left])) == [records[0], records[1]._replace(text="XXX")]
