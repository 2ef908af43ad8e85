from __future__ import annotations

import io
import json
import ssl
from pathlib import Path

from helpers.certificates import Authority
from helpers.recordings import Recording

from dicomgui.network.tracing import Direction, PduRecord, ResolveRecord, Segment, TlsRecord
from dicomgui.trace.finding import Finding, Severity
from dicomgui.trace.reports.jsonl import record_json, write_jsonl
from dicomgui.trace.store import TraceStore


def test_each_row_is_an_object() -> None:
    store = TraceStore()
    records = Recording().established().echo().stray(b"\x1b").released().records
    for record in records:
        store(record)
    out = io.StringIO()
    write_jsonl(store, [Finding("code", Severity.NOTE, "what", association=1)], out)
    text = out.getvalue()
    store.close()
    assert text.isascii()
    assert "\x1b" not in text
    rows = [json.loads(line) for line in text.splitlines()]
    assert (rows[0]["kind"], rows[0]["calling_ae"], rows[0]["outcome"]) == ("association", "ME", "released")
    assert (rows[1]["kind"], rows[1]["code"]) == ("finding", "code")
    assert [row["row"] for row in rows[2:]] == list(range(1, len(records) + 1))
    assert rows[2]["role"] == "requestor"
    request = rows[3]
    assert (request["kind"], request["type"], request["direction"]) == ("pdu", "A-ASSOCIATE-RQ", "sent")
    assert request["segments"][0]["offset"] == 0
    assert request["segments"][0]["hex"].startswith("0100")
    assert request["time"] == "2025-06-15T15:06:41.000000Z"


def test_certificates_are_read(tmp_path: Path) -> None:
    der = ssl.PEM_cert_to_DER_cert(Authority(tmp_path).file.read_text())
    values = record_json(TlsRecord(1, 0.0, 1e9, "TLSv1.3", "AES", der, 0.5, "", der))
    assert values["peer_chain"] == der.hex()
    certificates = values["certificates"]
    assert isinstance(certificates, list)
    assert [one["is_authority"] for one in certificates] == [True, True]


def test_bytes_and_lists_have_their_forms() -> None:
    pdu = PduRecord(1, 2.0, 3.0, Direction.RECEIVED, 4, 9, (Segment(0, b"\x01"), Segment(5, b"\x02")), "")
    assert record_json(pdu)["segments"] == [{"offset": 0, "hex": "01"}, {"offset": 5, "hex": "02"}]
    assert record_json(ResolveRecord(1, 2.0, 3.0, "h", ("a", "b"), 0.1, ""))["addresses"] == ["a", "b"]
