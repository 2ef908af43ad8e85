"""From the bytes of a packet to its TCP segment: link layer, IPv4 or IPv6, fragments put together.

Link types: Ethernet with VLAN tags and PPPoE, Linux cooked capture 1 and 2, raw IP, null and loopback. Checksums are
not looked at: captures on the sending machine have none, because its network card makes them.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from dicomgui.trace.capture.reader import Packet

__all__ = ["ACK", "FIN", "RST", "SYN", "Dissector", "Place", "TcpSegment"]

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10

_MAX_TAGS = 4
_MAX_EXTENSIONS = 16
_MAX_DATAGRAMS = 64
_MAX_PIECES = 8192
_MAX_DATAGRAM_BYTES = 65_535
_IPV4, _IPV6, _PPPOE = 0x0800, 0x86DD, 0x8864
_VLAN_TAGS = (0x8100, 0x88A8, 0x9100)
_PPP = {0x0021: _IPV4, 0x0057: _IPV6}
_FAMILIES = {2: _IPV4, 24: _IPV6, 28: _IPV6, 30: _IPV6, 10: _IPV6}  # AF_INET, AF_INET6 of the BSDs, Darwin and Linux
_ETHER_TYPES = {1: (12, 14), 113: (14, 16), 276: (0, 20)}
"""By link type (Ethernet, Linux cooked 1 and 2): where the EtherType stands and where the header ends."""

_TCP = 6
_FRAGMENT, _AUTHENTICATION = 44, 51
_EXTENSIONS = (0, 43, _FRAGMENT, _AUTHENTICATION, 60, 135)  # RFC 8200 4, RFC 4302, RFC 6275


class Place(NamedTuple):
    """One end of a connection: the bytes of its address, and its port."""

    address: bytes
    port: int


class TcpSegment(NamedTuple):
    """What one packet carries of a connection.

    :ivar missing: bytes after ``data`` that went over the wire and were not captured.
    """

    time_ns: int
    source: Place
    target: Place
    seq: int
    ack: int
    flags: int
    data: bytes
    missing: int


class _Datagram:
    """The fragments of one IP datagram that came so far."""

    def __init__(self) -> None:
        self.pieces: dict[int, bytes] = {}
        self.total = -1

    def whole(self) -> bytes | None:
        """All of it, or ``None`` while something is missing."""
        if self.total < 0:
            return None
        joined = bytearray()
        for offset in sorted(self.pieces):
            if offset > len(joined):
                return None
            joined += self.pieces[offset][len(joined) - offset :]
        return bytes(joined[: self.total]) if len(joined) >= self.total else None


class Dissector:
    """Takes packets apart; holds fragments of IP datagrams, at most 64 of them.

    :ivar foreign: packets that are not TCP over IP.
    :ivar unreadable: packets whose headers are damaged or were not captured.
    :ivar cut: TCP segments of which the capture kept only the beginning.
    :ivar unknown_links: link types that are not known, with how many packets have them.
    :ivar lost_datagrams: fragmented datagrams of which a fragment is not in the capture.
    """

    def __init__(self) -> None:
        self.foreign = self.unreadable = self.cut = 0
        self.unknown_links: dict[int, int] = {}
        self._datagrams: dict[tuple[bytes, bytes, int], _Datagram] = {}
        self._dropped = 0

    @property
    def lost_datagrams(self) -> int:
        """Those given up for room, and those that still wait."""
        return self._dropped + len(self._datagrams)

    def segment(self, packet: Packet) -> TcpSegment | None:
        """The TCP segment of a packet, or that of the datagram that it completes; ``None`` for anything else."""
        data = packet.data
        try:
            found = _link(packet.link_type, data)
            if found is None:
                self.unknown_links[packet.link_type] = self.unknown_links.get(packet.link_type, 0) + 1
                return None
            protocol, start = found
            if protocol == _IPV4:
                return self._ipv4(packet, start)
            if protocol == _IPV6:
                return self._ipv6(packet, start)
        except (struct.error, IndexError):
            self.unreadable += 1
            return None
        self.foreign += 1
        return None

    def _ipv4(self, packet: Packet, start: int) -> TcpSegment | None:
        data = packet.data
        first, total, identifier, fragment = struct.unpack_from(">BxHHH", data, start)
        protocol = data[start + 9]
        head = (first & 15) * 4
        if first >> 4 != 4 or head < 20 or 0 < total < head:
            raise IndexError("no IPv4 header")
        if protocol != _TCP:
            self.foreign += 1
            return None
        if not total:  # the card cuts it later; the capture has it as one
            total = packet.length - start
        source, target = data[start + 12 : start + 16], data[start + 16 : start + 20]
        payload = data[start + head : start + total]
        if fragment & 0x3FFF:
            key = (source + target, b"", identifier)
            joined = self._join(key, payload, (fragment & 0x1FFF) * 8, more=bool(fragment & 0x2000))
            return None if joined is None else self._tcp(packet, source, target, joined, len(joined))
        return self._tcp(packet, source, target, payload, total - head)

    def _ipv6(self, packet: Packet, start: int) -> TcpSegment | None:
        data = packet.data
        length, following = struct.unpack_from(">HB", data, start + 4)
        if data[start] >> 4 != 6:
            raise IndexError("no IPv6 header")
        source, target = data[start + 8 : start + 24], data[start + 24 : start + 40]
        position = start + 40
        end = position + length if length else packet.length
        for _ in range(_MAX_EXTENSIONS):
            if following not in _EXTENSIONS:
                break
            extension, following = following, data[position]
            if extension == _FRAGMENT:
                place, identifier = struct.unpack_from(">HI", data, position + 2)
                if following != _TCP:
                    break
                if place & 0xFFF9:  # otherwise it is the only fragment
                    payload = data[position + 8 : end]
                    key = (source, target, identifier)
                    joined = self._join(key, payload, place & 0xFFF8, more=bool(place & 1))
                    return None if joined is None else self._tcp(packet, source, target, joined, len(joined))
                position += 8
            elif extension == _AUTHENTICATION:
                position += (data[position + 1] + 2) * 4
            else:
                position += (data[position + 1] + 1) * 8
        if following != _TCP:
            self.foreign += 1
            return None
        return self._tcp(packet, source, target, data[position:end], end - position)

    def _join(self, key: tuple[bytes, bytes, int], payload: bytes, offset: int, *, more: bool) -> bytes | None:
        """Take a fragment; the payload of the datagram, once it is whole."""
        datagram = self._datagrams.get(key)
        if datagram is None:
            if len(self._datagrams) >= _MAX_DATAGRAMS:
                del self._datagrams[next(iter(self._datagrams))]
                self._dropped += 1
            datagram = self._datagrams[key] = _Datagram()
        if offset + len(payload) > _MAX_DATAGRAM_BYTES or len(datagram.pieces) >= _MAX_PIECES:
            raise IndexError("fragment beyond the longest datagram")
        datagram.pieces.setdefault(offset, payload)
        if not more:
            datagram.total = offset + len(payload)
        joined = datagram.whole()
        if joined is not None:
            del self._datagrams[key]
        return joined

    def _tcp(self, packet: Packet, source: bytes, target: bytes, data: bytes, length: int) -> TcpSegment:
        """:param length: how many bytes of header and data there were on the wire."""
        source_port, target_port, seq, ack, offset, flags = struct.unpack_from(">HHIIBB", data)
        head = (offset >> 4) * 4
        if head < 20 or head > length:
            raise IndexError("no TCP header")
        missing = max(0, length - max(head, len(data)))
        if missing:
            self.cut += 1
        ends = (Place(source, source_port), Place(target, target_port))
        return TcpSegment(packet.time_ns, *ends, seq, ack, flags, data[head:], missing)


def _link(link_type: int, data: bytes) -> tuple[int, int] | None:
    """The protocol above the link layer (an EtherType, 0 for another) and where it begins; ``None``: unknown link."""
    if link_type in _ETHER_TYPES:
        return _ether_type(data, *_ETHER_TYPES[link_type])
    if link_type in (12, 14, 101):
        return {4: _IPV4, 6: _IPV6}.get(data[0] >> 4, 0), 0
    if link_type in (228, 229):
        return (_IPV4 if link_type == 228 else _IPV6), 0
    if link_type in (0, 108):
        # The byte order is that of the machine that captured; no family is above 255.
        return _FAMILIES.get(max(data[0], data[3]), 0), 4
    return None


def _ether_type(data: bytes, position: int, start: int) -> tuple[int, int]:
    """The EtherType at ``position`` of a link header that ends at ``start``, and what VLAN tags and PPPoE hide."""
    kind = int(struct.unpack_from(">H", data, position)[0])
    for _ in range(_MAX_TAGS):
        if kind not in _VLAN_TAGS:
            break
        kind = int(struct.unpack_from(">H", data, start + 2)[0])
        start += 4
    if kind == _PPPOE:
        return _PPP.get(struct.unpack_from(">H", data, start + 6)[0], 0), start + 8
    return kind, start
