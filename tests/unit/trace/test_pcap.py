from __future__ import annotations

import ipaddress
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers.recordings import UTC, Recording, associate_rq

from dicomgui.network.tracing import (
    ConnectRecord,
    Direction,
    NoteRecord,
    PduRecord,
    Record,
    Role,
    Segment,
    TlsRecord,
)
from dicomgui.trace.pcap import PcapExportError, export_pcapng

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


@dataclass
class Packet:
    """One packet of a capture file, taken apart."""

    seconds: float
    source: str
    target: str
    flags: int
    seq: int
    ack: int
    data: bytes
    comment: str


def ones_complement_sum(data: bytes) -> int:
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def take_apart(packet: bytes, seconds: float, comment: str) -> Packet:
    """Check the headers of a packet and give what is in it."""
    ethertype = int.from_bytes(packet[12:14], "big")
    ip = packet[14:]
    if ethertype == 0x0800:
        assert ones_complement_sum(ip[:20]) == 0xFFFF
        assert int.from_bytes(ip[2:4], "big") == len(ip)
        source, target, tcp = ip[12:16], ip[16:20], ip[20:]
    else:
        assert ethertype == 0x86DD
        assert int.from_bytes(ip[4:6], "big") == len(ip) - 40
        source, target, tcp = ip[8:24], ip[24:40], ip[40:]
    assert ones_complement_sum(source + target + struct.pack(">II", len(tcp), 6) + tcp) == 0xFFFF
    ports = struct.unpack(">HH", tcp[:4])
    seq, ack, offset, flags = struct.unpack(">IIBB", tcp[4:14])
    places = [f"{ipaddress.ip_address(host)}:{port}" for host, port in zip((source, target), ports, strict=True)]
    return Packet(seconds, places[0], places[1], flags, seq, ack, tcp[(offset >> 4) * 4 :], comment)


def packets_of(path: Path) -> list[Packet]:
    data = path.read_bytes()
    packets = []
    position = 0
    while position < len(data):
        kind, length = struct.unpack_from("<II", data, position)
        body = data[position + 8 : position + length - 4]
        assert struct.unpack_from("<I", data, position + length - 4) == (length,)
        if kind == 6:
            _, high, low, size, original = struct.unpack_from("<IIIII", body)
            assert size == original
            options = body[20 + size + -size % 4 :]
            comment = ""
            if options:
                code, count = struct.unpack_from("<HH", options)
                assert code == 1
                comment = options[4 : 4 + count].decode()
            packets.append(take_apart(body[20 : 20 + size], ((high << 32) + low) / 1e9, comment))
        position += length
    return packets


def export(tmp_path: Path, records: Iterable[Record]) -> list[Packet]:
    path = tmp_path / "a.pcapng"
    count = export_pcapng(records, path)
    packets = packets_of(path)
    assert len(packets) == count
    return packets


def stream(packets: list[Packet], source: str) -> bytes:
    """The bytes of one side, after checking that sequence numbers go on without a gap."""
    sent = [packet for packet in packets if packet.source == source]
    expected = sent[0].seq
    data = b""
    for packet in sent:
        assert packet.seq == expected % 2**32
        expected += len(packet.data) + bool(packet.flags & (SYN | FIN))
        data += packet.data
    return data


def test_an_association_from_hello_to_goodbye(tmp_path: Path) -> None:
    recording = Recording().established().echo().released()
    packets = export(tmp_path, recording.records)
    assert [packet.flags for packet in packets[:3]] == [SYN, SYN | ACK, ACK]
    assert [packet.flags for packet in packets[-3:]] == [FIN | ACK, FIN | ACK, ACK]
    assert packets[-3].source == "10.0.0.1:50000"
    pdus = [record for record in recording.records if isinstance(record, PduRecord)]
    for direction, place in ((Direction.SENT, "10.0.0.1:50000"), (Direction.RECEIVED, "10.0.0.2:104")):
        data = b"".join(record.segments[0].data for record in pdus if record.direction is direction)
        assert stream(packets, place) == data
    with_data = [packet for packet in packets if packet.data]
    assert [packet.seconds for packet in with_data] == pytest.approx([record.utc for record in pdus])
    assert packets[0].seconds == pytest.approx(UTC)
    assert not any(packet.comment for packet in packets)


def test_acceptor_over_ipv6(tmp_path: Path) -> None:
    recording = Recording(role=Role.ACCEPTOR).connect("[::1]:11112", "[fe80::2%eth0]:40000").received(associate_rq())
    packets = export(tmp_path, recording.closed().records)
    assert packets[0].source == "fe80::2:40000"
    assert packets[0].target == "::1:11112"
    assert packets[3].data == associate_rq().encode()
    assert packets[-3].source == "fe80::2:40000"


def test_what_was_not_kept_is_zeros_with_a_remark(tmp_path: Path) -> None:
    kept = (Segment(0, b"\x04\0" + bytes(range(1, 99))), Segment(40_000, b"abc"))
    pdu = PduRecord(1, 0.0, UTC, Direction.SENT, 4, 100_000, kept, "")
    packets = [packet for packet in export(tmp_path, [pdu]) if packet.data]
    data = b"".join(packet.data for packet in packets)
    assert data == kept[0].data + bytes(39_900) + b"abc" + bytes(100_000 - 40_003)
    assert max(len(packet.data) for packet in packets) == 32_768
    missing = [int(packet.comment.split()[0]) for packet in packets]
    assert missing == [32_768 - 100, 32_768 - 3, 32_768, 100_000 - 3 * 32_768]
    assert "filled with zeros" in packets[0].comment


def test_the_other_side_acknowledges_now_and_then(tmp_path: Path) -> None:
    recording = Recording().connect()
    for _ in range(40):
        recording.add(PduRecord(1, 0.0, UTC, Direction.SENT, 4, 131_078, (), ""))
    packets = export(tmp_path, recording.records)
    acknowledgements = [p for p in packets if p.source == "10.0.0.2:104" and p.flags == ACK]
    assert len(acknowledgements) >= 4
    assert len(stream(packets, "10.0.0.1:50000")) == 40 * 131_078


def test_connections_that_were_not_opened(tmp_path: Path) -> None:
    refused = Recording(1).connect("", error="ConnectionRefused: nothing listens")
    silent = Recording(2).connect("", error="ConnectTimeout: no answer").closed()
    unnamed = Recording(3).connect("", "", error="NameResolutionError: no address")
    packets = export(tmp_path, [*refused.records, *silent.records, *unnamed.records])
    assert [packet.flags for packet in packets] == [SYN, RST | ACK, SYN]
    assert packets[0].comment == "ConnectionRefused: nothing listens"
    assert packets[0].source == "192.0.2.1:49153"
    assert packets[0].target == "10.0.0.2:104"


@pytest.mark.parametrize(
    ("error", "comment"), [("no \udf98", "no ?"), ("é" * 70_000, "é" * 1000)], ids=["half of a pair", "long"]
)
def test_a_reason_of_any_kind_is_a_comment(tmp_path: Path, error: str, comment: str) -> None:
    assert export(tmp_path, Recording().connect(error=error).records)[0].comment == comment


def test_a_broken_connection_ends_with_a_reset(tmp_path: Path) -> None:
    packets = export(tmp_path, Recording().established().closed(error="ConnectionResetError: x").records)
    assert packets[-1].flags == RST | ACK
    assert packets[-1].source == "10.0.0.2:104"


def test_without_an_opening_the_first_speaker_opens(tmp_path: Path) -> None:
    recording = Recording().received(associate_rq()).stray(b"HTTP/1.1 ")
    packets = export(tmp_path, recording.records)
    assert packets[0].source == "192.0.2.2:49153"
    assert packets[0].target == "192.0.2.1:104"
    assert "not in the trace" in packets[0].comment
    assert stream(packets, "192.0.2.2:49153").endswith(b"HTTP/1.1 ")
    later = export(tmp_path, [PduRecord(1, 0.0, UTC, Direction.SENT, 5, 10, (), "")])
    assert later[0].target == "192.0.2.2:104"


def test_tls_is_remarked(tmp_path: Path) -> None:
    recording = Recording().connect()
    recording.add(TlsRecord(*recording.head, "TLSv1.3", "AES", b"", 0.1, ""))
    recording.add(TlsRecord(9, 0.0, 0.0, "TLSv1.3", "AES", b"", 0.1, "")).sent(associate_rq()).sent(associate_rq())
    packets = [packet for packet in export(tmp_path, recording.records) if packet.data]
    assert "TLS" in packets[0].comment
    assert packets[1].comment == ""


@pytest.mark.parametrize("place", ["", "somewhere", "pacs:104", "10.0.0.1:x", "10.0.0.1:99999", "[::1]:0"])
def test_odd_places_get_a_stand_in(tmp_path: Path, place: str) -> None:
    connect = ConnectRecord(1, 0.0, UTC, Role.REQUESTOR, place, "10.0.0.2:104", 0.0, "")
    assert len(export(tmp_path, [connect])) == 3


@pytest.mark.parametrize("utc", [-5.0, 1e30, 0.0])
def test_odd_times_do_not_matter(tmp_path: Path, utc: float) -> None:
    packets = export(tmp_path, [PduRecord(1, 0.0, utc, Direction.SENT, 5, 10, (), "")])
    assert 0 <= packets[0].seconds <= 1e10


def test_other_records_make_no_packets(tmp_path: Path) -> None:
    records: list[Record] = [NoteRecord(1, 0.0, 0.0, 20, "x"), *Recording().closed().records]
    assert export(tmp_path, records) == []


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX")
def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    path.write_text("old")
    path.chmod(0o644)
    export_pcapng([], path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_would_get_too_long_is_removed(tmp_path: Path) -> None:
    pdu = PduRecord(1, 0.0, 0.0, Direction.SENT, 4, 2**32, (), "")
    path = tmp_path / "a.pcapng"
    with pytest.raises(PcapExportError, match="longer than"):
        export_pcapng([pdu], path, max_bytes=1_000_000)
    assert not path.exists()


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(PcapExportError, match="cannot write"):
        export_pcapng([], tmp_path / "missing" / "a.pcapng")


KEYS = b"# made by a test\nCLIENT_RANDOM 00ff 11EE\r\nCLIENT_TRAFFIC_SECRET_0 aa bb\n\n"


def test_a_key_log_stands_before_the_packets(tmp_path: Path) -> None:
    keys = tmp_path / "keys.log"
    keys.write_bytes(KEYS)
    path = tmp_path / "a.pcapng"
    export_pcapng(Recording().established().released().records, path, keylog=keys)
    kinds, position, data = [], 0, path.read_bytes()
    while position < len(data):
        kind, length = struct.unpack_from("<II", data, position)
        kinds.append(kind)
        if kind == 0x0A:
            assert struct.unpack_from("<4sI", data, position + 8) == (b"KSLT", len(KEYS))
            assert data[position + 16 : position + 16 + len(KEYS)] == KEYS
        position += length
    assert kinds[:4] == [0x0A0D0D0A, 1, 0x0A, 6]
    assert kinds.count(0x0A) == 1


@pytest.mark.parametrize(
    "content", [b"", b"# only a remark\n", b"-----BEGIN PRIVATE KEY-----\n", b"CLIENT_RANDOM zz 00\n"]
)
def test_what_is_no_key_log_is_not_put_into_a_file(tmp_path: Path, content: bytes) -> None:
    keys = tmp_path / "keys.log"
    keys.write_bytes(content)
    with pytest.raises(PcapExportError, match="no TLS key log"):
        export_pcapng([], tmp_path / "a.pcapng", keylog=keys)
    with pytest.raises(PcapExportError, match="cannot read the key log"):
        export_pcapng([], tmp_path / "a.pcapng", keylog=tmp_path / "missing")
    assert not (tmp_path / "a.pcapng").exists()
