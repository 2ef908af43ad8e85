from __future__ import annotations

import ipaddress
import struct

import pytest
from helpers.packets import ACK, CLIENT, PSH, SERVER, ethernet, tcp

from dicomgui.trace.capture.packets import Dissector, Place, TcpSegment
from dicomgui.trace.capture.reader import Packet

DATA = b"hello, this is data"
PACKET = tcp(CLIENT, SERVER, 1000, 2000, PSH | ACK, DATA)
SIX = tcp(("2001:db8::1", 50_000), ("2001:db8::2", 104), 1000, 2000, PSH | ACK, DATA)
EXPECTED = TcpSegment(7, Place(b"\x0a\0\0\1", 50_000), Place(b"\x0a\0\0\2", 104), 1000, 2000, PSH | ACK, DATA, 0)


def segment(frame: bytes, link_type: int = 1, length: int | None = None) -> TcpSegment | None:
    return Dissector().segment(Packet(7, link_type, frame, len(frame) if length is None else length))


@pytest.mark.parametrize(
    ("link_type", "frame"),
    [
        (1, ethernet(PACKET)),
        (1, ethernet(PACKET) + bytes(6)),  # padded
        (1, ethernet(PACKET, b"\x81\x00\x00\x05")),
        (1, ethernet(PACKET, b"\x88\xa8\x00\x07\x81\x00\x00\x05")),
        (1, bytes(12) + b"\x88\x64" + b"\x11\0\0\1\0\0" + b"\0\x21" + PACKET),
        (113, bytes(14) + b"\x08\x00" + PACKET),
        (276, b"\x08\x00" + bytes(18) + PACKET),
        (276, b"\x81\x00" + bytes(18) + b"\x00\x05\x08\x00" + PACKET),
        (101, PACKET),
        (12, PACKET),
        (228, PACKET),
        (0, b"\2\0\0\0" + PACKET),
        (0, b"\0\0\0\2" + PACKET),
        (108, b"\0\0\0\2" + PACKET),
    ],
)
def test_link_types(link_type: int, frame: bytes) -> None:
    assert segment(frame, link_type) == EXPECTED


@pytest.mark.parametrize(
    ("link_type", "head"),
    [
        (1, bytes(12) + b"\x86\xdd"),
        (101, b""),
        (229, b""),
        (0, b"\x1e\0\0\0"),
        (0, b"\x18\0\0\0"),
        (108, b"\0\0\0\x1c"),
    ],
)
def test_ipv6_over_link_types(link_type: int, head: bytes) -> None:
    found = segment(head + SIX, link_type)
    assert found is not None
    assert found.data == DATA
    assert found.source == Place(ipaddress.ip_address("2001:db8::1").packed, 50_000)


def with_extensions(*extensions: tuple[int, bytes]) -> bytes:
    """An IPv6 packet with extension headers: the type of each, and what follows its Next Header field."""
    kinds = [kind for kind, _ in extensions] + [6]
    body = b"".join(bytes([following]) + rest for following, (_, rest) in zip(kinds[1:], extensions, strict=True))
    payload = body + SIX[40:]
    return SIX[:4] + struct.pack(">HB", len(payload), kinds[0]) + SIX[7:40] + payload


@pytest.mark.parametrize(
    "packet",
    [
        with_extensions((0, b"\0" + bytes(6))),
        with_extensions((0, b"\1" + bytes(14)), (60, b"\0" + bytes(6)), (43, b"\0" + bytes(6))),
        with_extensions((51, b"\4" + bytes(22))),
        with_extensions((44, b"\0" + bytes(6))),  # a fragment header on what is no fragment
    ],
)
def test_ipv6_extension_headers(packet: bytes) -> None:
    found = segment(packet, 101)
    assert found is not None
    assert found.data == DATA


def test_ipv4_and_tcp_options() -> None:
    options = b"\1" * 8
    payload = PACKET[20:]
    optioned = payload[:12] + bytes([0x70]) + payload[13:20] + options + payload[20:]
    header = bytes([0x47]) + PACKET[1:2] + struct.pack(">H", 28 + len(optioned)) + PACKET[4:20] + options
    assert segment(header + optioned, 101) == EXPECTED


def test_what_was_not_captured_is_counted() -> None:
    dissector = Dissector()
    frame = ethernet(PACKET)
    found = dissector.segment(Packet(7, 1, frame[:-9], len(frame)))
    assert found is not None
    assert (found.data, found.missing) == (DATA[:-9], 9)
    assert dissector.cut == 1


def test_a_length_that_the_card_fills_in_later() -> None:
    packet = PACKET[:2] + b"\0\0" + PACKET[4:]
    assert segment(packet, 101) == EXPECTED


def fragments(packet: bytes, size: int) -> list[bytes]:
    payload = packet[20:]
    made = []
    for start in range(0, len(payload), size):
        more = 0x2000 if start + size < len(payload) else 0
        part = payload[start : start + size]
        made.append(packet[:2] + struct.pack(">HHH", 20 + len(part), 77, more | start // 8) + packet[8:20] + part)
    return made


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (4, 3, 2, 1, 0), (1, 1, 0, 4, 2, 3)])
def test_ipv4_fragments_are_put_together(order: tuple[int, ...]) -> None:
    dissector = Dissector()
    parts = fragments(PACKET, 8)
    found = [dissector.segment(Packet(7, 101, parts[number], 28)) for number in order]
    assert found[:-1] == [None] * (len(order) - 1)
    assert found[-1] == EXPECTED
    assert dissector.lost_datagrams == 0


def test_ipv6_fragments_are_put_together() -> None:
    dissector = Dissector()
    payload = SIX[40:]
    found = []
    for start, more in ((16, 0), (0, 1)):
        part = payload[start : start + 16] if more else payload[start:]
        head = struct.pack(">BBHI", 6, 0, start | more, 99)
        packet = SIX[:4] + struct.pack(">HB", 8 + len(part), 44) + SIX[7:40] + head + part
        found.append(dissector.segment(Packet(7, 101, packet, len(packet))))
    assert found[0] is None
    assert found[1] is not None
    assert found[1].data == DATA


def test_a_lost_fragment_is_counted_and_memory_stays_bounded() -> None:
    dissector = Dissector()
    first = fragments(PACKET, 8)[0]
    for number in range(500):
        dissector.segment(Packet(7, 101, first[:4] + number.to_bytes(2, "big") + first[6:], 28))
    assert dissector.lost_datagrams == 500
    assert len(dissector._datagrams) <= 64


def test_what_is_not_tcp_is_counted() -> None:
    dissector = Dissector()
    udp = PACKET[:9] + b"\x11" + PACKET[10:]
    for frame in (ethernet(udp), bytes(12) + b"\x08\x06" + bytes(28), ethernet(SIX[:6] + b"\x3a" + SIX[7:])):
        assert dissector.segment(Packet(7, 1, frame, len(frame))) is None
    assert dissector.foreign == 3


def test_an_unknown_link_type_is_told() -> None:
    dissector = Dissector()
    assert dissector.segment(Packet(7, 127, PACKET, 9)) is None
    assert dissector.unknown_links == {127: 1}


@pytest.mark.parametrize("length", [0, 5, 13, 14, 20, 33, 34, 40, 47])
def test_cut_headers_are_counted(length: int) -> None:
    dissector = Dissector()
    assert dissector.segment(Packet(7, 1, ethernet(PACKET)[:length], 99)) is None
    assert dissector.unreadable == 1


@pytest.mark.parametrize(
    "packet",
    [
        b"\x41" + PACKET[1:],  # a header of 4 bytes
        PACKET[:2] + b"\0\x13" + PACKET[4:],  # a total length below it
        PACKET[:32] + b"\x40" + PACKET[33:],  # a TCP header of 16 bytes
        PACKET[:32] + b"\xf0" + PACKET[33:],  # one beyond the packet
    ],
)
def test_impossible_headers_are_counted(packet: bytes) -> None:
    dissector = Dissector()
    assert dissector.segment(Packet(7, 228, packet, len(packet))) is None
    assert dissector.unreadable == 1
