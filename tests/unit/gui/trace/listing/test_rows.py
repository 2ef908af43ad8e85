"""Every kind of record has a row, and any bytes of a PDU give one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomgui.gui.trace.listing.rows import View, hidden_kinds, row_of
from dicomgui.network.pdu import Abort, AssociateRJ, PduType
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
from dicomgui.trace.codec import KINDS
from dicomgui.trace.index import kind_number

HEAD = (1, 0.0, 0.0)


def pdu(data: bytes, error: str = "") -> PduRecord:
    return PduRecord(*HEAD, Direction.RECEIVED, data[0], len(data), (Segment(0, data),), error)


@pytest.mark.parametrize(
    ("record", "kind", "part", "failed"),
    [
        (ResolveRecord(*HEAD, "pacs", ("10.0.0.1",), 0.002, ""), "Name", "pacs is 10.0.0.1 · 2.0 ms", False),
        (ResolveRecord(*HEAD, "pacs", (), 0.002, "unknown"), "Name", "unknown", True),
        (ConnectRecord(*HEAD, Role.REQUESTOR, "a:1", "b:2", 2.5, ""), "Connect", "to b:2 · 2.50 s", False),
        (ConnectRecord(*HEAD, Role.ACCEPTOR, "a:1", "b:2", 0.0, ""), "Connect", "from b:2", False),
        (ListenRecord(*HEAD, "a:1", "ME", True, ""), "Listen", "listening on a:1 as ME", False),
        (ListenRecord(*HEAD, "a:1", "ME", False, ""), "Listen", "no longer", False),
        (ListenRecord(*HEAD, "a:1", "ME", False, "taken"), "Listen", "taken", True),
        (RefuseRecord(*HEAD, "b:2", "too many"), "Refused", "b:2 · too many", True),
        (TlsRecord(*HEAD, "TLSv1.3", "AES", b"", 0.1, ""), "TLS", "TLSv1.3 · AES", False),
        (StateRecord(*HEAD, 1, 5, "AE-1", 4), "State", "Sta1 → Sta4", False),
        (DimseRecord(*HEAD, Direction.SENT, 1, 0x8001, 3, "", "", 0xA700, -1, "full"), "Message", "full", True),
        (DimseRecord(*HEAD, Direction.SENT, 1, 0x7777, 3, "", "", -1, 12, ""), "Message", "command 7777H", False),
        (TimerRecord(*HEAD, "artim", 30.0), "Time-out", "artim, after 30 s", True),
        (FileRecord(*HEAD, "stored", "/x", 12, ""), "File", "stored · /x · 12 bytes", False),
        (CancelRecord(*HEAD, "send"), "Cancel", "send", False),
        (CloseRecord(*HEAD, True, ""), "Close", "by the peer", False),
        (NoteRecord(*HEAD, 40, "look"), "Note", "look", True),
        (BytesRecord(*HEAD, Direction.RECEIVED, 4, b"GET ", ""), "Bytes", "47 45 54 20", True),
        (pdu(AssociateRJ(1, 1, 7).encode()), "A-ASSOCIATE-RJ", "called AE title", True),
        (pdu(Abort(2, 6).encode()), "A-ABORT", "invalid", True),
    ],
)
def test_a_row_of_each_kind(record: Record, kind: str, part: str, failed: bool) -> None:
    row = row_of(record)
    assert row.kind == kind
    assert part.lower() in row.summary.lower()
    assert row.failed is failed


@given(st.sampled_from(list(PduType)), st.binary(max_size=80), st.integers(0, 2**32 - 1))
def test_any_bytes_give_a_row(pdu_type: PduType, body: bytes, length: int) -> None:
    data = bytes((pdu_type, 0)) + length.to_bytes(4, "big") + body
    row = row_of(PduRecord(*HEAD, Direction.RECEIVED, pdu_type, 6 + length, (Segment(0, data),), ""))
    assert row.summary.isprintable()
    assert len(row.summary) <= 300


def test_each_view_leaves_out_its_kinds() -> None:
    assert hidden_kinds(View.EVENTS) == {kind_number("state"), kind_number("dimse")}
    assert not hidden_kinds(View.ALL)
    shown = set(range(len(KINDS))) - hidden_kinds(View.PDUS)
    assert shown == {kind_number("pdu"), kind_number("bytes")}
