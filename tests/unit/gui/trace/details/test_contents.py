from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from helpers.certificates import Authority
from helpers.recordings import CT, EXPLICIT, IMPLICIT, Recording, associate_rq

from dicomgui.gui.trace.details import contents as trace_contents
from dicomgui.gui.trace.details.contents import has_message, is_quick, load_message, record_content
from dicomgui.network.dimse import CStoreRQ, encode
from dicomgui.network.pdu import PDU, PDV, PDataTF, PresentationContextRQ
from dicomgui.network.tracing import BytesRecord, Direction, PduRecord, Record, Segment, TlsRecord
from dicomgui.trace.describe import Node
from dicomgui.trace.store import TraceStore


def pdu(made: PDU) -> PduRecord:
    data = made.encode()
    return PduRecord(1, 0.0, 0.0, Direction.SENT, data[0], len(data), (Segment(0, data),), "")


def test_what_has_many_fields_is_left_to_a_thread() -> None:
    many = associate_rq(*(PresentationContextRQ(2 * n + 1, CT, (EXPLICIT, IMPLICIT)) for n in range(60)))
    assert is_quick(pdu(associate_rq()))
    assert not is_quick(pdu(many))
    assert is_quick(pdu(PDataTF((PDV(1, 2, bytes(5000)),))))
    assert not is_quick(pdu(PDataTF((PDV(1, 0, b""),) * 500)))
    assert not is_quick(pdu(PDataTF((PDV(1, 1, bytes(5000)),))))


def test_bytes_that_are_no_pdu_are_shown() -> None:
    record = BytesRecord(1, 0.0, 0.0, Direction.RECEIVED, 10, b"GET / HTTP", "unknown PDU type")
    content = record_content(record)
    assert (content.length, content.segments) == (10, (Segment(0, b"GET / HTTP"),))
    assert content.root is not None
    assert [child.label for child in content.root.children] == ["direction", "length", "error"]
    assert record_content(record._replace(data=b"")).segments == ()
    assert not has_message(record)


def test_the_certificates_of_a_handshake_are_shown(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    own, issuer = (ssl.PEM_cert_to_DER_cert(path.read_text()) for path in (authority.issue().cert, authority.file))
    root = record_content(TlsRecord(1, 0.0, 1e9, "TLSv1.3", "AES", own, 0.5, "", issuer)).root
    assert root is not None
    assert [child.label for child in root.children] == ["version", "cipher", "seconds"] + ["Certificate of"] * 2
    one, other = root.children[3:]
    rows = [{row.label: row.value for row in shown.children} for shown in (one, other)]
    assert rows[0]["Issued by"] == other.value
    assert rows[0]["Good for"] == "127.0.0.1"
    assert rows[1]["Issued by"].startswith("itself")
    assert list(rows[1]) == ["Issued by", "Good for", "Valid", "Key", "Fingerprint"]


def test_a_message_of_many_fragments_names_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_contents, "MAX_FRAGMENTS", 3)
    recording = Recording().sent(PDataTF((PDV(1, 3, encode(CStoreRQ(1, CT, "1.2", has_dataset=True))),)))
    for number in range(10):
        recording.sent(PDataTF((PDV(1, 2 if number == 9 else 0, bytes(10)),)))
    store = TraceStore()
    records: list[Record] = recording.records
    for record in records:
        store(record)
    loaded = load_message(store, 5)
    assert loaded is not None
    assert isinstance(loaded.whole.root, Node)
    nodes = [node for node in loaded.whole.root.walk() if "ragment" in node.label]
    assert [node.label for node in nodes] == [*(f"Fragment in row {n}" for n in (2, 3, 4)), "7 further fragments"]
    assert nodes[-1].offset + nodes[-1].length == loaded.message.length
    assert loaded.refusal == "The trace does not tell the transfer syntax."
    assert "transfer syntax not known" in loaded.dataset.note
    assert load_message(store, 99) is None
    store.close()
