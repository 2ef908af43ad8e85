from __future__ import annotations

from typing import Any, get_args

from dicomgui.network.association.params import AETitle
from dicomgui.network.pdu import PduType
from dicomgui.network.status import Status
from dicomgui.network.tracing import (
    BytesRecord,
    CancelRecord,
    CloseRecord,
    ConnectRecord,
    DimseRecord,
    Direction,
    FileRecord,
    ListenRecord,
    NoteRecord,
    PduRecord,
    Record,
    RefuseRecord,
    ResolveRecord,
    Role,
    Segment,
    StateRecord,
    TimerRecord,
    TlsRecord,
)
from dicomgui.trace.packing import pack, unpack, words_of

SEVERAL = (Segment(0, b"head"), Segment(100, b""), Segment(4000, b"end"))
ONE_OF_EACH: list[Record] = [
    ResolveRecord(1, 0.5, 1e9, "host", ("10.0.0.1", "::1"), 0.25, ""),
    ConnectRecord(1, 0.5, 1e9, Role.ACCEPTOR, "[::1]:104", "10.0.0.2:5", 0.0, "ConnectionRefused: ü"),
    ListenRecord(0, 0.5, 1e9, "127.0.0.1:104", "ME", True, ""),
    RefuseRecord(2, 0.5, 1e9, "10.0.0.3:9", "too many"),
    TlsRecord(3, 0.5, 1e9, "TLSv1.3", "AES", b"certificate", 0.1, "", b"issuer"),
    BytesRecord(3, 0.5, 1e9, Direction.RECEIVED, 9, b"GET", "no PDU"),
    PduRecord(4, 0.5, 1e9, Direction.SENT, 4, 16, (Segment(0, b"0123456789abcdef"),), ""),
    PduRecord(4, 0.5, 1e9, Direction.RECEIVED, 255, 4003, SEVERAL, "broken"),
    PduRecord(4, 0.5, 1e9, Direction.RECEIVED, 5, 6, (), ""),
    StateRecord(4, 0.5, 1e9, 1, 5, "AE-5", 2),
    DimseRecord(4, 0.5, 1e9, Direction.SENT, 1, 0x8001, 7, "1.2", "1.2.3", 0xA700, -1, "full"),
    TimerRecord(4, 0.5, 1e9, "artim", 30.0),
    FileRecord(4, 0.5, 1e9, "stored", "/a/b", 2**40, ""),
    CancelRecord(4, 0.5, 1e9, "by the user"),
    CloseRecord(4, 0.5, 1e9, True, ""),
    NoteRecord(0, 0.5, 1e9, 20, "lone \ud800 surrogate"),
]


def test_records_that_come_back_are_all_there() -> None:
    """As the command and the message of many matches do, with a data set of their own between them."""
    head, payload = pack(ONE_OF_EACH * 3)
    assert unpack(head, payload) == ONE_OF_EACH * 3
    assert len(payload) == 3 * len(pack(ONE_OF_EACH)[1])
    assert len(head) < 2 * len(pack(ONE_OF_EACH)[0])


def test_a_record_that_is_there_again_and_again_takes_next_to_nothing() -> None:
    one, other = ONE_OF_EACH[6], ONE_OF_EACH[8]
    records = [one, one, other, *[one] * 500, NoteRecord(0, 0.5, 1e9, 20, "end"), other, other]
    head, payload = pack(records)
    assert unpack(head, payload) == records
    assert len(payload) == 2 * 16
    assert len(head) < 200
    assert [len(record.segments) for record in unpack(head, None) if isinstance(record, PduRecord)] == [0] * 505


def test_every_kind_of_record_comes_back_as_it_was() -> None:
    assert {type(record) for record in ONE_OF_EACH} == set(get_args(Record))
    records = unpack(*pack(ONE_OF_EACH))
    assert records == ONE_OF_EACH
    for record, original in zip(records, ONE_OF_EACH, strict=True):
        assert type(record) is type(original)
        assert [type(value) for value in record] == [type(value) for value in original]
    several = records[7]
    assert isinstance(several, PduRecord)
    assert all(type(segment) is Segment for segment in several.segments)
    assert unpack(*pack([])) == []


def test_without_the_payload_all_but_the_bytes_comes_back() -> None:
    head, payload = pack(ONE_OF_EACH)
    assert payload == b"certificateissuerGET0123456789abcdefheadend"
    bare: dict[type, dict[str, Any]] = {
        TlsRecord: {"peer_certificate": b"", "peer_chain": b""}, BytesRecord: {"data": b""},
        PduRecord: {"segments": ()},
    }  # fmt: skip
    assert unpack(head, None) == [one._replace(**bare.get(type(one), {})) for one in ONE_OF_EACH]


def test_numbers_and_texts_of_other_classes_are_taken() -> None:
    title = AETitle("STORE")
    records: list[Record] = [
        PduRecord(1, 0, 1, Direction.SENT, PduType.ABORT, 10, (Segment(0, b"x"),), ""),
        DimseRecord(1, 0.0, 1.0, Direction.SENT, 1, 0x8001, 1, "1.2", "", Status(0xA700), -1, title),
    ]
    packed = unpack(*pack(records))
    assert packed == records
    assert type(packed[1].status) is int  # type: ignore[union-attr]
    assert type(packed[1].comment) is str  # type: ignore[union-attr]


def test_words_are_found_in_lower_case() -> None:
    head, _ = pack(ONE_OF_EACH)
    assert b"connectionrefused: \xc3\xbc" in words_of(head)
    assert b"certificate" not in words_of(head)
