"""Export of a trace as a capture file (pcapng) that Wireshark and tshark dissect as DICOM.

Nothing is sniffed: each association becomes a TCP connection made up from its records, with handshake, sequence
numbers, acknowledgements and its end as it was, and with the times of the records. What the trace did not keep is
filled with zeros, so that every length is right, and such packets carry a comment.

A trace holds what the program saw: of a TLS connection the file shows the plain bytes, which need no key. The encrypted
ones are only in captures; :mod:`dicomgui.trace.capture.secrets` puts the keys into those. The layout follows
draft-ietf-opsawg-pcapng, and for the made-up headers IEEE 802.3, RFC 791, RFC 8200 and RFC 9293.
"""

from __future__ import annotations

import ipaddress
import os
import re
import struct
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from dicomgui.network.private_file import open_private
from dicomgui.network.tracing import (
    BytesRecord,
    CloseRecord,
    ConnectRecord,
    Direction,
    PduRecord,
    Record,
    Role,
    Segment,
    TlsRecord,
)

__all__ = ["DEFAULT_MAX_EXPORT_BYTES", "PcapExportError", "export_pcapng", "secrets_block"]

DEFAULT_MAX_EXPORT_BYTES = 16 * 2**30
"""How long the capture file may get: zeros in place of what was not kept make it longer than the trace."""

_SEGMENT_BYTES = 32_768  # of one packet; below the 64 KiB of an IP packet
_UNACKNOWLEDGED_BYTES = 2**20
_WINDOW = 65_535
_WINDOW_SHIFT = 10  # 64 MiB window: no packet is ever marked as beyond it
_FIN, _SYN, _RST, _PSH, _ACK = 0x01, 0x02, 0x04, 0x08, 0x10
# Maximum segment size, no-operation, window scale, twice no-operation, selective acknowledgement permitted.
_SYN_OPTIONS = struct.pack(">BBHBBBBBBBB", 2, 4, _SEGMENT_BYTES, 1, 3, 3, _WINDOW_SHIFT, 1, 1, 4, 2)
_ETHERNET_IPV4, _ETHERNET_IPV6, _TCP = 0x0800, 0x86DD, 6
_MAC_OF_LOCAL = bytes.fromhex("020000000001")  # locally administered: belongs to no device
_MAC_OF_PEER = bytes.fromhex("020000000002")
_LOCAL_UNKNOWN = "192.0.2.1"  # RFC 5737: addresses for documentation
_PEER_UNKNOWN = "192.0.2.2"
_DICOM_PORT = 104
_MAX_KEYLOG_BYTES = 16 * 2**20
_KEYLOG_LINE = re.compile(rb"[A-Z0-9_]+ [0-9A-Fa-f]+ [0-9A-Fa-f]+\s*")
_EPHEMERAL_PORT = 49_152

_Packets = Iterator[tuple[bytes, str]]
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class PcapExportError(Exception):
    """The capture file could not be written; the text says why, in one line."""


class _Flow:
    """One made-up TCP connection; yields packets."""

    def __init__(self, association: int, connect: ConnectRecord | None, first: Record) -> None:
        sent_first = connect.role is Role.REQUESTOR if connect else _we_speak_first(first)
        ephemeral = _EPHEMERAL_PORT + association % 16_000
        ports = (ephemeral, _DICOM_PORT) if sent_first else (_DICOM_PORT, ephemeral)
        local = _endpoint(connect.local if connect else "", _LOCAL_UNKNOWN, ports[0])
        peer = _endpoint(connect.peer if connect else "", _PEER_UNKNOWN, ports[1])
        if local[0].version != peer[0].version:
            local = (ipaddress.ip_address(_LOCAL_UNKNOWN), local[1])
            peer = (ipaddress.ip_address(_PEER_UNKNOWN), peer[1])
        self._ends = {Direction.SENT: local, Direction.RECEIVED: peer}
        self.opener = Direction.SENT if sent_first else Direction.RECEIVED
        self._next = {Direction.SENT: 0, Direction.RECEIVED: 0}
        self._acknowledged = {Direction.SENT: 0, Direction.RECEIVED: 0}
        self.remark = ""  # goes to the next packet

    def open(self, *, comment: str = "", refused: bool = False, silent: bool = False) -> _Packets:
        """The handshake, or as much of it as there was."""
        opener, other = self.opener, _other(self.opener)
        yield self._packet(opener, _SYN), comment
        self._next[opener] = 1
        if silent:
            return
        if refused:
            yield self._packet(other, _RST | _ACK), ""
            return
        yield self._packet(other, _SYN | _ACK), ""
        self._next[other] = 1
        yield self._packet(opener, _ACK), ""

    def data(self, direction: Direction, pieces: Iterable[tuple[bytes, str]]) -> _Packets:
        """Bytes that went or came; the other end acknowledges now and then."""
        back = _other(direction)
        for piece, comment in pieces:
            remark, self.remark = self.remark, ""
            yield self._packet(direction, _PSH | _ACK, piece), f"{remark} {comment}".strip()
            self._next[direction] += len(piece)
            if self._next[direction] - self._acknowledged[direction] >= _UNACKNOWLEDGED_BYTES:
                yield self._packet(back, _ACK), ""

    def close(self, by: Direction, *, broken: bool) -> _Packets:
        """The end as it was: in order, or with a reset."""
        if broken:
            yield self._packet(by, _RST | _ACK), ""
            return
        other = _other(by)
        yield self._packet(by, _FIN | _ACK), ""
        self._next[by] += 1
        yield self._packet(other, _FIN | _ACK), ""
        self._next[other] += 1
        yield self._packet(by, _ACK), ""

    def _packet(self, direction: Direction, flags: int, data: bytes = b"") -> bytes:
        back = _other(direction)
        (source, source_port), (target, target_port) = self._ends[direction], self._ends[back]
        options = _SYN_OPTIONS if flags & _SYN else b""
        acknowledged = 0
        if flags & _ACK:
            acknowledged = self._acknowledged[back] = self._next[back]
        segment = struct.pack(
            ">HHIIBBHHH", source_port, target_port, self._next[direction] % 2**32, acknowledged % 2**32,
            (20 + len(options)) // 4 << 4, flags, _WINDOW, 0, 0,
        ) + options + data  # fmt: skip
        pseudo = source.packed + target.packed + struct.pack(">II", len(segment), _TCP)
        checksum = _checksum(pseudo + segment)
        segment = b"".join((segment[:16], checksum.to_bytes(2, "big"), segment[18:]))
        macs = (_MAC_OF_PEER, _MAC_OF_LOCAL) if direction is Direction.SENT else (_MAC_OF_LOCAL, _MAC_OF_PEER)
        ethertype = _ETHERNET_IPV4 if source.version == 4 else _ETHERNET_IPV6
        return b"".join((*macs, ethertype.to_bytes(2, "big"), _ip_header(source, target, len(segment)), segment))


def _ip_header(source: _Address, target: _Address, length: int) -> bytes:
    if source.version == 6:
        return struct.pack(">IHBB", 6 << 28, length, _TCP, 64) + source.packed + target.packed
    header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + length, 0, 0x4000, 64, _TCP, 0) + source.packed + target.packed
    return header[:10] + _checksum(header).to_bytes(2, "big") + header[12:]


def _checksum(data: bytes) -> int:
    """RFC 1071. The one's complement sum of 16-bit words is the remainder by 65535 of the bytes as one number."""
    if len(data) % 2:
        data += b"\0"
    return 0xFFFF - int.from_bytes(data, "big") % 0xFFFF


def _other(direction: Direction) -> Direction:
    return Direction.RECEIVED if direction is Direction.SENT else Direction.SENT


def _we_speak_first(record: Record) -> bool:
    """Who opened a connection whose opening was not kept: the side that sent its first bytes."""
    return not isinstance(record, PduRecord | BytesRecord) or record.direction is Direction.SENT


def _endpoint(place: str, unknown: str, port: int) -> tuple[_Address, int]:
    """Address and port of ``host:port``; a stand-in where the text has none."""
    host, _, digits = place.rpartition(":")
    try:
        address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
        number = int(digits)
    except ValueError:
        return ipaddress.ip_address(unknown), port
    return address, number if 0 < number < 65_536 else port


# ---------------------------------------------------------------------------------------------------------- payloads


def _pieces(length: int, segments: tuple[Segment, ...]) -> _Packets:
    """The bytes of a PDU in packets, zeros where they were not kept, each with its comment."""
    position = 0
    while position < length:
        size = min(_SEGMENT_BYTES, length - position)
        piece, missing = _kept(position, size, segments)
        comment = f"{missing} bytes of this packet were not kept in the trace and are filled with zeros"
        yield piece, comment if missing else ""
        position += size


def _kept(position: int, size: int, segments: tuple[Segment, ...]) -> tuple[bytes, int]:
    """Give ``size`` bytes from ``position`` on, and how many of them were not kept."""
    piece = bytearray(size)
    missing = size
    first = max(0, bisect_right(segments, position, key=_offset) - 1)
    for offset, data in islice(segments, first, None):
        if offset >= position + size:
            break
        start, end = max(offset, position), min(offset + len(data), position + size)
        if start < end:
            piece[start - position : end - position] = data[start - offset : end - offset]
            missing -= end - start
    return bytes(piece), missing


def _offset(segment: Segment) -> int:
    return segment.offset


# ------------------------------------------------------------------------------------------------------------ blocks


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack("<I", 12 + len(body))
    return b"".join((struct.pack("<I", kind), length, body, length))


def _file_head() -> bytes:
    section = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + _option(4, b"dicomgui") + _option(0, b"")
    interface = (
        struct.pack("<HHI", 1, 0, 0)  # Ethernet, no snap length
        + _option(2, b"dicomgui trace")
        + _option(3, b"TCP made up from the trace of a DICOM program")
        + _option(9, b"\x09")  # time stamps in nanoseconds
        + _option(0, b"")
    )
    return _block(0x0A0D0D0A, section) + _block(1, interface)


def secrets_block(keylog: Path, order: str = "<") -> bytes:
    """A Decryption Secrets Block with a TLS key log in the format of SSLKEYLOGFILE, comments included.

    :param order: the byte order of the section that it goes into, as in :mod:`struct`.
    :raises PcapExportError: the file cannot be read, is too long, or is no key log.
    """
    try:
        with keylog.open("rb") as file:
            data = file.read(_MAX_KEYLOG_BYTES + 1)
    except OSError as exc:
        raise PcapExportError(f"cannot read the key log {keylog}: {exc.strerror or exc}") from exc
    if len(data) > _MAX_KEYLOG_BYTES:
        raise PcapExportError(f"the key log {keylog} has more than {_MAX_KEYLOG_BYTES} bytes")
    lines = [line for line in data.splitlines() if line.strip() and not line.startswith(b"#")]
    if not lines or not all(map(_KEYLOG_LINE.fullmatch, lines)):
        raise PcapExportError(f"{keylog} is no TLS key log, or an empty one")
    body = struct.pack(f"{order}II", 0x544C534B, len(data)) + data + bytes(-len(data) % 4)
    return struct.pack(f"{order}II", 0x0A, 12 + len(body)) + body + struct.pack(f"{order}I", 12 + len(body))


def _packet_block(packet: bytes, utc: float, comment: str) -> bytes:
    nanoseconds = round(min(max(utc, 0.0), 1e10) * 1e9)
    head = struct.pack("<IIIII", 0, nanoseconds >> 32, nanoseconds & 0xFFFF_FFFF, len(packet), len(packet))
    options = _option(1, comment.encode(errors="replace")) + _option(0, b"") if comment else b""
    return _block(6, b"".join((head, packet, bytes(-len(packet) % 4), options)))


# ------------------------------------------------------------------------------------------------------------ export


class _Exporter:
    """Turns records into packets; knows the connections that are open."""

    def __init__(self) -> None:
        self._flows: dict[int, _Flow] = {}

    def packets(self, record: Record) -> _Packets:
        if isinstance(record, ConnectRecord):
            yield from self._connect(record)
        elif isinstance(record, PduRecord):
            yield from self._data(record, _pieces(record.length, record.segments))
        elif isinstance(record, BytesRecord):
            yield from self._data(record, _pieces(record.length, (Segment(0, record.data[: record.length]),)))
        elif isinstance(record, TlsRecord):
            if record.association in self._flows:
                self._flows[record.association].remark = "The connection ran over TLS; these are the plain bytes."
        elif isinstance(record, CloseRecord):
            yield from self._close(record)

    def _connect(self, record: ConnectRecord) -> _Packets:
        flow = _Flow(record.association, record, record)
        if record.error.startswith("NameResolutionError"):
            return
        if record.error:
            refused = record.error.startswith("ConnectionRefused")
            yield from flow.open(comment=record.error[:1000], refused=refused, silent=not refused)
            return
        self._flows[record.association] = flow
        yield from flow.open()

    def _data(self, record: PduRecord | BytesRecord, pieces: Iterable[tuple[bytes, str]]) -> _Packets:
        flow = self._flows.get(record.association)
        if flow is None:
            flow = self._flows[record.association] = _Flow(record.association, None, record)
            yield from flow.open(comment="The opening of this connection is not in the trace.")
        yield from flow.data(record.direction, pieces)

    def _close(self, record: CloseRecord) -> _Packets:
        flow = self._flows.pop(record.association, None)
        if flow is None:
            return
        by = Direction.RECEIVED if record.by_peer else Direction.SENT
        yield from flow.close(by, broken=bool(record.error))


def export_pcapng(
    records: Iterable[Record], path: Path, *, max_bytes: int = DEFAULT_MAX_EXPORT_BYTES, keylog: Path | None = None
) -> int:
    """Write a capture file of the records, readable by its owner only (mode 0600); may run in any thread.

    :param records: of one association or of several, in the order of the trace.
    :param path: the file; an existing one is replaced.
    :param max_bytes: how long the file may get.
    :param keylog: a TLS key log to put into the file, as ``TlsConfig.keylog_file`` writes it. The packets hold the
        plain bytes in any case and need no key: it is there for whoever has the same connections in another capture
        (``editcap --extract-secrets``). Who has the keys can read all that was said with them.
    :returns: how many packets were written.
    :raises PcapExportError: it cannot be written or would get too long; what is there is removed. Or the key log is
        none; then nothing is written.
    """
    head = _file_head() + (secrets_block(keylog) if keylog is not None else b"")
    try:
        if path.is_file() and not path.is_symlink():
            path.unlink()  # who has it open would read on
        descriptor = open_private(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        with os.fdopen(descriptor, "wb", buffering=2**20) as file:
            try:
                return _write(records, file, head, max_bytes)
            except PcapExportError:
                file.close()
                path.unlink()
                raise
    except OSError as exc:
        raise PcapExportError(f"cannot write {path}: {exc.strerror or exc}") from exc


def _write(records: Iterable[Record], file: BinaryIO, head: bytes, max_bytes: int) -> int:
    exporter = _Exporter()
    written = file.write(head)
    count = 0
    for record in records:
        for packet, comment in exporter.packets(record):
            written += file.write(_packet_block(packet, record.utc, comment))
            count += 1
            if written > max_bytes:
                raise PcapExportError(f"the capture would be longer than {max_bytes} bytes")
    return count
