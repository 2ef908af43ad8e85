from __future__ import annotations

from helpers.identified import pdus, stored
from helpers.instances import EXPLICIT

from dicomgui.network.tracing import (
    BytesRecord,
    ConnectRecord,
    Direction,
    FileRecord,
    NoteRecord,
    PduRecord,
    Record,
    Role,
    Segment,
    TlsRecord,
)
from dicomgui.trace.redaction.check import leftovers
from dicomgui.trace.redaction.leftover import FieldSpan
from dicomgui.trace.redaction.rules import Kind
from dicomgui.trace.redaction.secrets import Secrets

NAME, INSTITUTION = 0x00100010, 0x00080080
HEAD = (1, 0.0, 0.0)


def secrets(*values: bytes, tag: int = NAME) -> Secrets:
    found = Secrets()
    for value in values or (b"Musterfrau",):
        found.add(Kind.TEXT, tag, value)
    return found


def fields(records: list[Record], found: Secrets) -> list[tuple[int, str]]:
    return [(place.row, place.field) for left in leftovers(records, found) for place in left.places]


def data(content: bytes) -> PduRecord:
    return PduRecord(*HEAD, Direction.SENT, 4, len(content), (Segment(0, content),), "")


def test_a_value_is_found_in_bytes_and_texts_whatever_its_case() -> None:
    records: list[Record] = [
        data(b"\x04...Musterfrau"),
        BytesRecord(*HEAD, Direction.SENT, 10, b"MUSTERFRAU", "bad Musterfrau"),
        FileRecord(*HEAD, "opened", "/Musterfrau/musterfrau", 1, ""),
        NoteRecord(*HEAD, 20, "nothing"),
    ]
    (left,) = leftovers(records, secrets())
    assert (left.number, left.element, left.text) == (1, "PatientName (0010,0010)", "Musterfrau")
    assert left.places == (
        FieldSpan(1, "pdu", "segments", 4, 14),
        FieldSpan(2, "bytes", "data", 0, 10),
        FieldSpan(2, "bytes", "error", 4, 14),
        FieldSpan(3, "file", "path", 1, 11),
        FieldSpan(3, "file", "path", 12, 22),
    )
    assert "Musterfrau" not in repr(left)


def test_a_value_is_found_across_pdus() -> None:
    for fragment in (1, 3, 7):
        records = stored(b"xxMusterfrauxx", EXPLICIT, fragment=fragment)
        (left,) = leftovers(records, secrets())
        whole = b""
        for place in left.places:
            record = records[place.row - 1]
            assert isinstance(record, PduRecord)
            whole += b"".join(segment.data for segment in record.segments)[place.start : place.end]
        assert whole == b"Musterfrau"
    other: list[Record] = [data(pdu) for text in (b"Muster", b"frau") for pdu in pdus(text, 100, is_command=False)]
    assert leftovers(other, secrets()) == ()  # two messages


def test_a_long_stream_of_small_pieces_is_looked_through_at_each_border() -> None:
    body = b"." * 300 + b"Musterfrau" + b"-" * 300 + b"Musterfrau"
    for fragment in (1, 9, 299, 305):
        (left,) = leftovers(stored(body, EXPLICIT, fragment=fragment), secrets())
        assert sum(place.end - place.start for place in left.places) == 2 * len(b"Musterfrau")


def test_of_what_is_kept_by_choice_only_the_values_of_persons_count() -> None:
    records = stored(b"", EXPLICIT)
    title = next(record for record in records if isinstance(record, PduRecord))
    called = title.segments[0].data[10:26].rstrip()
    assert leftovers(records, secrets(called, tag=INSTITUTION)) == ()
    names = {field for _, field in fields(records, secrets(called))}
    assert "called" in names
    assert names <= {"called", "calling"}


def test_an_address_is_no_number_of_a_patient_and_a_host_may_bear_a_name() -> None:
    records: list[Record] = [
        ConnectRecord(*HEAD, Role.REQUESTOR, "127.0.0.1:11112", "pacs.musterfrau.example:104", 0.1, "")
    ]
    assert fields(records, secrets(b"11112")) == []
    assert fields(records, secrets()) == [(1, "peer")]


def test_a_certificate_that_is_kept_is_looked_through() -> None:
    records: list[Record] = [TlsRecord(*HEAD, "TLSv1.3", "x", b"\x30\x82CN=Musterfrau\0", 0.1, "")]
    assert fields(records, secrets()) == [(1, "peer_certificate")]
    records = [TlsRecord(*HEAD, "TLSv1.3", "x", b"\x30\x82", 0.1, "", b"\x30\x82CN=Musterfrau\0")]
    assert fields(records, secrets()) == [(1, "peer_chain")]
    assert fields(records, secrets(tag=INSTITUTION)) == []
