"""Capture files made by hand: TCP connections as packets, and the file formats around them.

Written from the standards (RFC 791, 8200, 9293, draft-ietf-opsawg-pcapng) and independent of the product.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
START_NS = 1_750_000_000_000_000_000
STEP_NS = 1_000_000
CLIENT = ("10.0.0.1", 50_000)
SERVER = ("10.0.0.2", 104)


class Timed(NamedTuple):
    """A packet from its IP header on."""

    time_ns: int
    data: bytes


def tcp(source: tuple[str, int], target: tuple[str, int], seq: int, ack: int, flags: int, data: bytes = b"") -> bytes:
    """An IP packet with a TCP segment; checksums are zero, as where the network card makes them."""
    segment = (
        struct.pack(">HHIIBBHHH", source[1], target[1], seq % 2**32, ack % 2**32, 0x50, flags, 65_535, 0, 0) + data
    )
    return ip(source[0], target[0], segment)


def ip(source: str, target: str, payload: bytes) -> bytes:
    """An IP packet that carries TCP."""
    ends = ipaddress.ip_address(source).packed + ipaddress.ip_address(target).packed
    if ":" in source:
        return struct.pack(">IHBB", 6 << 28, len(payload), 6, 64) + ends + payload
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, 64, 6, 0) + ends + payload


class Talk:
    """One TCP connection; a millisecond passes with each packet.

    :ivar packets: what was captured, in order.
    """

    def __init__(
        self,
        client: tuple[str, int] = CLIENT,
        server: tuple[str, int] = SERVER,
        *,
        isn: tuple[int, int] = (1000, 9000),
        start_ns: int = START_NS,
    ) -> None:
        self.ends = (client, server)
        self.packets: list[Timed] = []
        self._next = list(isn)
        self._now = start_ns

    def packet(self, side: int, flags: int, data: bytes = b"", *, seq: int | None = None) -> Talk:
        """Side 0 is the client. With ``seq`` it is some segment beside the others."""
        number = self._next[side] if seq is None else seq
        made = tcp(self.ends[side], self.ends[1 - side], number, self._next[1 - side], flags, data)
        self.packets.append(Timed(self._now, made))
        self._now += STEP_NS
        if seq is None:
            self._next[side] += len(data) + bool(flags & SYN) + bool(flags & FIN)
        return self

    def wait(self, nanoseconds: int) -> Talk:
        """Let time pass."""
        self._now += nanoseconds
        return self

    def open(self) -> Talk:
        """The handshake."""
        return self.packet(0, SYN).packet(1, SYN | ACK).packet(0, ACK)

    def send(self, side: int, data: bytes, size: int = 1460) -> Talk:
        """Bytes in segments of at most ``size``, then an acknowledgement."""
        for start in range(0, len(data), size):
            self.packet(side, PSH | ACK, data[start : start + size])
        return self.packet(1 - side, ACK)

    def close(self, side: int = 0) -> Talk:
        """The end in order."""
        return self.packet(side, FIN | ACK).packet(1 - side, FIN | ACK).packet(side, ACK)


# ------------------------------------------------------------------------------------------------------ link layers


def ethernet(packet: bytes, tags: bytes = b"") -> bytes:
    """:param tags: VLAN tags, four bytes each, from the first EtherType on."""
    kind = b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00"
    return bytes(12) + tags + kind + packet


# ------------------------------------------------------------------------------------------------------------ files


def pcap(
    path: Path,
    packets: Iterable[Timed],
    *,
    link: Callable[[bytes], bytes] = ethernet,
    link_type: int = 1,
    order: str = "<",
    nano: bool = False,
    snap: int = 2**18,
) -> Path:
    """A file of the old format."""
    unit = 1 if nano else 1000
    made = struct.pack(f"{order}IHHIIII", 0xA1B23C4D if nano else 0xA1B2C3D4, 2, 4, 0, 0, snap, link_type)
    for time_ns, packet in packets:
        frame = link(packet)
        kept = frame[:snap]
        seconds, rest = divmod(time_ns, 10**9)
        made += struct.pack(f"{order}IIII", seconds, rest // unit, len(kept), len(frame)) + kept
    path.write_bytes(made)
    return path


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """A block of a pcapng file."""
    body += bytes(-len(body) % 4)
    length = struct.pack(f"{order}I", 12 + len(body))
    return struct.pack(f"{order}I", kind) + length + body + length


def option(code: int, value: bytes, order: str = "<") -> bytes:
    """An option of a block."""
    return struct.pack(f"{order}HH", code, len(value)) + value + bytes(-len(value) % 4)


def section(order: str = "<") -> bytes:
    """The block that begins a section."""
    return block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(options: bytes = b"", *, link_type: int = 1, snap: int = 0, order: str = "<") -> bytes:
    """The block that describes an interface."""
    return block(1, struct.pack(f"{order}HHI", link_type, 0, snap) + options, order)


def enhanced(frame: bytes, stamp: int, number: int = 0, order: str = "<") -> bytes:
    """A packet with a time stamp in units of its interface."""
    head = struct.pack(f"{order}IIIII", number, stamp >> 32, stamp & 0xFFFF_FFFF, len(frame), len(frame))
    return block(6, head + frame, order)


def pcapng(path: Path, packets: Iterable[Timed]) -> Path:
    """A file of the new format with one interface and time stamps in nanoseconds."""
    made = section() + interface(option(9, b"\x09"))
    path.write_bytes(made + b"".join(enhanced(ethernet(packet), time_ns) for time_ns, packet in packets))
    return path
