from __future__ import annotations

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomgui.network import tracing
from dicomgui.network.status import Status
from dicomgui.network.tracing import BytesRecord, Direction, NoteRecord, PduRecord, Record, Role, Segment
from dicomgui.trace.codec import (
    KINDS,
    MAX_HEAD_BYTES,
    MAX_PDU_BYTES,
    CodecError,
    decode_block,
    encode_blocks,
)

HEAD = (3, 1.25, 1_750_000_000.5)
ONE_OF_EACH: list[Record] = [
    tracing.ResolveRecord(*HEAD, "pacs", ("10.0.0.1", "::1"), 0.1, ""),
    tracing.ConnectRecord(*HEAD, Role.ACCEPTOR, "[::1]:104", "[::1]:5", 0.2, "x"),
    tracing.ListenRecord(*HEAD, "0.0.0.0:104", "ME", True, ""),
    tracing.RefuseRecord(*HEAD, "10.0.0.9:1", "too many"),
    tracing.TlsRecord(*HEAD, "TLSv1.3", "AES", b"\x30\x82", 0.3, "", b"\x30\x83"),
    BytesRecord(*HEAD, Direction.RECEIVED, 9, b"HTTP/1.1 ", "no PDU"),
    PduRecord(*HEAD, Direction.SENT, 4, 100, (Segment(0, b"abc"), Segment(50, b"de")), ""),
    PduRecord(*HEAD, Direction.SENT, 5, 10, (Segment(0, b"0123456789"),), ""),
    PduRecord(*HEAD, Direction.SENT, 4, 100, (), ""),
    tracing.StateRecord(*HEAD, 6, 17, "AA-4", 1),
    tracing.DimseRecord(*HEAD, Direction.RECEIVED, 1, 0x8001, 7, "1.2", "1.3", Status(0xA700), -1, "voll \u2028\ud800"),
    tracing.TimerRecord(*HEAD, "response", 60.0),
    tracing.FileRecord(*HEAD, "stored", "/a/b.dcm", 5, ""),
    tracing.CancelRecord(*HEAD, "by the user"),
    tracing.CloseRecord(*HEAD, True, ""),
    NoteRecord(*HEAD, 30, "hm"),
]


def block_of(head: object, payload: bytes = b"") -> bytes:
    raw = json.dumps(head).encode()
    return struct.pack(">I", len(raw)) + raw + payload


def test_all_kinds_survive() -> None:
    assert {type(record) for record in ONE_OF_EACH} == set(KINDS.values())
    (block,) = encode_blocks(ONE_OF_EACH)
    decoded = decode_block(block)
    assert decoded.records == ONE_OF_EACH
    assert [type(record) for record in decoded.records] == [type(record) for record in ONE_OF_EACH]
    assert decoded.skipped == 0


def test_enumerations_come_back() -> None:
    record = decode_block(next(encode_blocks([ONE_OF_EACH[7]]))).records[0]
    assert isinstance(record, PduRecord)
    assert record.direction is Direction.SENT


def test_unknown_kinds_and_later_fields_are_stepped_over() -> None:
    head = [["hologram", 3, "anything"], ["note", 2, 1, 2.0, 3.0, 30, "text", "a field of later"], [7, 0], ["note", 0]]
    decoded = decode_block(block_of(head, b"abcde"))
    assert decoded.records == [NoteRecord(1, 2.0, 3.0, 30, "text")]
    assert decoded.skipped == 3


def test_a_field_that_an_earlier_version_did_not_write_has_its_default() -> None:
    decoded = decode_block(block_of([["tls", 3, 1, 2.0, 3.0, "TLSv1.3", "AES", 3, 0.5, ""]], b"own"))
    assert decoded.records == [tracing.TlsRecord(1, 2.0, 3.0, "TLSv1.3", "AES", b"own", 0.5, "", b"")]
    assert decode_block(block_of([["tls", 3, 1, 2.0, 3.0, "TLSv1.3", "AES", 3, 0.5]], b"own")).skipped == 1


@pytest.mark.parametrize(
    "row",
    [
        ["note", 0, "1", 2.0, 3.0, 30, "text"],
        ["note", 0, True, 2.0, 3.0, 30, "text"],
        ["note", 0, 2**63, 2.0, 3.0, 30, "text"],
        ["note", 0, 1, "2", 3.0, 30, "text"],
        ["note", 0, 1, 1e300, 3.0, 30, "text"],
        ["note", 0, 1, 2**64, 3.0, 30, "text"],
        ["note", 0, 1, 2.0, float("nan"), 30, "text"],
        ["note", 0, 1, 2.0, 3.0, 30, 5],
        ["close", 0, 1, 2.0, 3.0, 1, ""],
        ["resolve", 0, 1, 2.0, 3.0, "h", "10.0.0.1", 1.0, ""],
        ["resolve", 0, 1, 2.0, 3.0, "h", [1], 1.0, ""],
        ["connect", 0, 1, 2.0, 3.0, 7, "", "", 1.0, ""],
        ["bytes", 1, 1, 2.0, 3.0, 1, 9, 5, ""],
        ["bytes", 1, 1, 2.0, 3.0, 1, 9, -1, ""],
        ["pdu", 1, 1, 2.0, 3.0, 1, 4, 10, "x", ""],
        ["pdu", 1, 1, 2.0, 3.0, 1, 4, 10, [5], ""],
        ["pdu", 1, 1, 2.0, 3.0, 1, 4, 10, [[0, 1, 2]], ""],
        ["pdu", 1, 1, 2.0, 3.0, 1, 4, 10, [[0, 2]], ""],
        ["pdu", 1, 1, 2.0, 3.0, 1, 4, 10, [[-1, 1]], ""],
        ["pdu", 2, 1, 2.0, 3.0, 1, 4, 10, [[5, 1], [5, 1]], ""],
        ["pdu", 1, 1, 2.0, 3.0, 1, 4, 10, [[MAX_PDU_BYTES, 1]], ""],
        ["pdu", 1, 1, 2.0, 3.0, 5, 4, 10, [[0, 1]], ""],
        ["pdu", 1, 1, 2.0, 3.0, 1, 4, MAX_PDU_BYTES + 1, [[0, 1]], ""],
        ["pdu", 0, 1, 2.0, 3.0, 1, 4, -5, [], ""],
    ],
)
def test_odd_rows_are_counted(row: list[object]) -> None:
    good = ["note", 1, 1, 2.0, 3.0, 30, "after"]
    decoded = decode_block(block_of([row, good], bytes(int(str(row[1])) + 1)))
    assert decoded.records == [NoteRecord(1, 2.0, 3.0, 30, "after")]
    assert decoded.skipped == 1


def test_whole_numbers_count_as_seconds() -> None:
    decoded = decode_block(block_of([["note", 0, 1, 2, 3, 30, "x"], ["pdu", 1, 1, 2, 3, 1, 4, 9, [[0, 1]], ""]], b"a"))
    assert [record.mono for record in decoded.records] == [2.0, 2.0]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0",
        b"\0\0\0\xff[]",
        struct.pack(">I", 2**31) + b"[]",
        struct.pack(">I", MAX_HEAD_BYTES + 1) + bytes(MAX_HEAD_BYTES + 1),
        block_of({}),
        block_of([5]),
        block_of([["note"]]),
        block_of([["note", -1]]),
        block_of([["note", 5]]),
        b"\0\0\0\x01x",
        struct.pack(">I", 200_000) + b"[" * 200_000,
        struct.pack(">I", 9_000) + b"9" * 9_000,
    ],
)
def test_what_is_no_block_is_refused(data: bytes) -> None:
    with pytest.raises(CodecError):
        decode_block(data)


@given(st.binary(max_size=300))
def test_any_bytes_give_records_or_the_error(data: bytes) -> None:
    try:
        decode_block(struct.pack(">I", len(data) // 2) + data)
    except CodecError:
        return


def test_long_texts_make_several_blocks() -> None:
    records = [NoteRecord(1, 2.0, 3.0, 30, "x" * 400_000) for _ in range(6)]
    blocks = list(encode_blocks(records))
    assert len(blocks) > 1
    assert [record for block in blocks for record in decode_block(block).records] == records


def test_one_record_that_is_too_long_is_cut() -> None:
    many = tuple(Segment(2 * number, b"x") for number in range(200_000))
    records: list[Record] = [
        NoteRecord(1, 2.0, 3.0, 30, "x" * 2 * MAX_HEAD_BYTES),
        tracing.ResolveRecord(1, 2.0, 3.0, "h", ("a" * MAX_HEAD_BYTES,) * 40, 0.0, ""),
        PduRecord(1, 2.0, 3.0, Direction.SENT, 4, 400_000, many, ""),
    ]
    decoded = [record for block in encode_blocks(records) for record in decode_block(block).records]
    assert [type(record) for record in decoded] == [type(record) for record in records]
    note, resolve, pdu = decoded
    assert isinstance(note, NoteRecord)
    assert isinstance(resolve, tracing.ResolveRecord)
    assert isinstance(pdu, PduRecord)
    assert len(note.text) == 4096
    assert len(resolve.addresses) == 32
    assert pdu.segments == many[: len(pdu.segments)]
