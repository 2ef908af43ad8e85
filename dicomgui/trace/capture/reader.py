"""Capture files, pcap and pcapng, read packet by packet, also from a file that gzip has compressed.

pcap: both byte orders, micro- and nanoseconds, also the variant with longer packet heads. pcapng
(draft-ietf-opsawg-pcapng): several sections and interfaces, each with its time resolution and offset; enhanced, simple
and obsolete packet blocks. Blocks of other types, name tables and decryption secrets among them, are stepped over.

What is damaged ends the reading, never with an exception: what could be read stays, and :attr:`CaptureReader.notes`
says what was wrong and where.
"""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["CaptureError", "CaptureReader", "Packet"]

MAX_PACKET_BYTES = 16 * 2**20
"""Longer than any packet of a network; a file that claims more is damaged."""

_MAX_BLOCK_BYTES = MAX_PACKET_BYTES + 2**20
_MAX_OPTIONS_BYTES = 65_536
_MAX_INTERFACES = 4096
_MAX_NOTES = 50

_PCAP_MAGICS = {0xA1B2C3D4: (1000, 0), 0xA1B23C4D: (1, 0), 0xA1B2CD34: (1000, 8)}
"""By magic number: nanoseconds of a unit of the fraction, and what follows the usual 16 bytes of a packet's head."""

_SECTION, _INTERFACE, _OBSOLETE_PACKET, _SIMPLE_PACKET, _ENHANCED_PACKET = 0x0A0D0D0A, 1, 2, 3, 6
_SECRETS = 0x0A
_BYTE_ORDER = 0x1A2B3C4D
_TIME_RESOLUTION, _TIME_OFFSET = 9, 14  # options of an interface
_GZIP = b"\x1f\x8b"
_UNPACKED_AT_ONCE = 8192  # bytes; with damage in the compressed file so many before it are lost at most
MAX_RATIO = 200
"""A compressed file may hold so many times its size; no real capture needs it, and gzip reaches 1,032."""
FREE_BYTES = 2**30
"""Bytes that it may hold whatever its size."""
_DAMAGE = (EOFError, zlib.error, gzip.BadGzipFile)
_FRIENDLIER = {
    b"\x1f\x8b": "is compressed (gzip) more than once; unpack it first",
    b"\x28\xb5": "is compressed (zstd); unpack it first",
    b"\x89D": "is a trace file, which can be opened as it is",
    b"sn": "is in the format of snoop; save it as pcapng first",
}


class CaptureError(Exception):
    """A capture file cannot be read; the text says which file and why, in one line."""


class _HoldsTooMuch(Exception):
    """A compressed file goes beyond what it may hold."""


class Packet(NamedTuple):
    """One packet.

    :ivar time_ns: nanoseconds since 1970-01-01 UTC; 0 where the file does not say.
    :ivar link_type: what its bytes begin with, LINKTYPE_… of tcpdump.org.
    :ivar data: the bytes that were captured.
    :ivar length: bytes of the packet on the wire; more than were captured where the capture was cut.
    """

    time_ns: int
    link_type: int
    data: bytes
    length: int


@dataclass(frozen=True, slots=True)
class _Interface:
    """:ivar per_second: units of a time stamp. :ivar offset_s: what is added to it. :ivar snap: 0 for no limit."""

    link_type: int
    snap: int
    per_second: int = 1_000_000
    offset_s: int = 0

    def nanoseconds(self, stamp: int) -> int:
        return self.offset_s * 1_000_000_000 + stamp * 1_000_000_000 // self.per_second


class _Unpacking(io.RawIOBase):
    """The contents of a file that gzip has compressed, all that is whole; at its end or damage raises what gzip does.

    A buffered reader on the compressed file itself would ask until its buffer is full, and drop what it has got.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._packed = gzip.GzipFile(path, "rb")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        data = self._packed.read1(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._packed.close()
        super().close()


class CaptureReader:
    """Iterates over the packets of a capture file; may run in any thread.

    :ivar size: bytes of the file; where it is compressed, as many as it says that it holds, modulo 2³².
    :ivar position: bytes read so far, of what a compressed file holds.
    :ivar is_compressed: the file is compressed (gzip, RFC 1952).
    :ivar notes: what is wrong with the file, sentence by sentence; known after an iteration.
    :ivar secrets: blocks of decryption secrets that were stepped over.
    :raises CaptureError: the file cannot be opened, or is no capture file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = self.position = self.secrets = self._most = 0
        self.is_compressed = False
        self.notes: tuple[str, ...] = ()
        with self._opened() as file:
            self._magic = self._read(file, 4)
        self._check()

    def _check(self) -> None:
        if self._magic == _SECTION.to_bytes(4, "big") or _pcap_order(self._magic):
            return
        if self.is_compressed and not self._magic:
            raise CaptureError(f"{self.path} is compressed (gzip), and damaged or empty")
        what = _FRIENDLIER.get(self._magic[:2], "is no capture file (pcap or pcapng)")
        raise CaptureError(f"{self.path} {what}")

    def _opened(self) -> BinaryIO:
        try:
            if not self.path.is_file():  # a pipe or device could go on for ever
                raise CaptureError(f"cannot read {self.path}: it is no file")
            self.size = self.path.stat().st_size
            file = io.BufferedReader(io.FileIO(self.path), 2**20)
        except OSError as exc:
            raise CaptureError(f"cannot read {self.path}: {exc.strerror or exc}") from exc
        try:
            return self._unpacking(file)
        except OSError as exc:
            file.close()
            raise CaptureError(f"cannot read {self.path}: {exc.strerror or exc}") from exc

    def _unpacking(self, file: io.BufferedReader[io.FileIO]) -> BinaryIO:
        """The file, or what reads what it holds where it is compressed."""
        self.is_compressed = file.peek(2)[:2] == _GZIP
        if not self.is_compressed:
            return file
        self._most = max(FREE_BYTES, MAX_RATIO * self.size)
        with file:
            file.seek(max(0, self.size - 4))
            self.size = int.from_bytes(file.read(4), "little")
        return io.BufferedReader(_Unpacking(self.path), _UNPACKED_AT_ONCE)

    def _damaged(self) -> None:
        self._note(
            f"The compressed file is damaged, or ends too early; {self.position:,} bytes of it could be unpacked."
        )

    def _read(self, file: BinaryIO, length: int) -> bytes:
        try:
            data = file.read(length)
        except _DAMAGE:
            self._damaged()
            return b""
        except OSError as exc:
            raise CaptureError(f"cannot read {self.path}: {exc.strerror or exc}") from exc
        self.position += len(data)
        if self.is_compressed and self.position > self._most:
            raise _HoldsTooMuch
        return data

    def __iter__(self) -> Iterator[Packet]:
        self.position = self.secrets = 0
        self.notes = ()
        with self._opened() as file:
            order = _pcap_order(self._magic)
            try:
                yield from self._pcap(file, order) if order else self._pcapng(file)
            except _HoldsTooMuch:
                self._note(
                    f"The compressed file holds more than {self._most:,} bytes, {MAX_RATIO} times its size or 1 GiB; "
                    "the rest was not read."
                )

    def _note(self, text: str) -> None:
        if len(self.notes) < _MAX_NOTES:
            self.notes += (text,)

    def _torn(self, offset: int) -> None:
        self._note(f"The file ends in the middle of the packet or block at byte {offset}.")

    # ----------------------------------------------------------------------------------------------------------- pcap

    def _pcap(self, file: BinaryIO, order: str) -> Iterator[Packet]:
        head = self._read(file, 24)
        if len(head) < 24:
            self._torn(0)
            return
        unit_ns, surplus = _PCAP_MAGICS[struct.unpack_from(f"{order}I", head)[0]]
        link_type = struct.unpack_from(f"{order}I", head, 20)[0] & 0x0FFF_FFFF  # above: length of a check sequence
        packet_head = struct.Struct(f"{order}IIII{surplus}x")
        while head := self._read(file, packet_head.size):
            offset = self.position - len(head)
            if len(head) < packet_head.size:
                self._torn(offset)
                return
            seconds, fraction, captured, length = packet_head.unpack(head)
            if captured > MAX_PACKET_BYTES:
                self._note(f"The packet at byte {offset} claims {captured} bytes; the rest cannot be read.")
                return
            data = self._read(file, captured)
            if len(data) < captured:
                self._torn(offset)
                return
            yield Packet(seconds * 1_000_000_000 + fraction * unit_ns, link_type, data, length)

    # --------------------------------------------------------------------------------------------------------- pcapng

    def _pcapng(self, file: BinaryIO) -> Iterator[Packet]:
        order = "<"
        interfaces: list[_Interface] = []
        while head := self._read(file, 8):
            offset = self.position - len(head)
            if len(head) == 8 and head[:4] == _SECTION.to_bytes(4, "big"):
                magic = self._read(file, 4)
                order = "<" if magic == _BYTE_ORDER.to_bytes(4, "little") else ">"
                interfaces = []
                if order == ">" and magic != _BYTE_ORDER.to_bytes(4, "big"):
                    self._note(f"The section at byte {offset} has no byte order; the rest cannot be read.")
                    return
                head += magic
            if len(head) < 8:
                self._torn(offset)
                return
            kind, length = struct.unpack_from(f"{order}II", head)
            body = self._body(file, kind, length, offset, order, len(head))
            if body is None:
                return
            if kind == _INTERFACE:
                self._add_interface(interfaces, body, order)
            elif kind == _SECRETS:
                self.secrets += 1
            elif kind in _PACKETS:
                packet = _PACKETS[kind](body, interfaces, order)
                if packet is None:
                    self._note(f"The packet block at byte {offset} is damaged; it was left out.")
                else:
                    yield packet

    def _body(self, file: BinaryIO, kind: int, length: int, offset: int, order: str, taken: int) -> bytes | None:
        """The body of a block, empty for one that is stepped over; ``None`` where the file cannot be followed on."""
        if length % 4 or length < taken + 4:
            self._note(f"The block at byte {offset} has the impossible length {length}; the rest cannot be read.")
            return None
        left = length - taken - 4
        if not self.is_compressed and left > self.size - self.position - 4:  # before reading: a length is only a claim
            self._torn(offset)
            return None
        if kind != _INTERFACE and kind not in _PACKETS:
            self._skip(file, left)
            body = b""
        elif left > _MAX_BLOCK_BYTES:
            self._note(f"The packet at byte {offset} claims {left} bytes; it was left out.")
            self._skip(file, left)
            body = b""
        else:
            body = self._read(file, left)
        if self._read(file, 4) != struct.pack(f"{order}I", length):
            self._note(f"The block at byte {offset} does not end as it should; the rest cannot be read.")
            return None
        return body

    def _skip(self, file: BinaryIO, length: int) -> None:
        if self.is_compressed:
            while length and (data := self._read(file, min(length, _UNPACKED_AT_ONCE))):
                length -= len(data)
            return
        try:
            file.seek(length, 1)
        except OSError as exc:
            raise CaptureError(f"cannot read {self.path}: {exc.strerror or exc}") from exc
        self.position += length

    def _add_interface(self, interfaces: list[_Interface], body: bytes, order: str) -> None:
        if len(body) < 8 or len(interfaces) >= _MAX_INTERFACES:
            self._note("The description of an interface is damaged, or there are too many.")
            return
        link_type, snap = struct.unpack_from(f"{order}HxxI", body)
        per_second, offset_s = 1_000_000, 0
        for code, value in _options(body[8 : 8 + _MAX_OPTIONS_BYTES], order):
            if code == _TIME_RESOLUTION and value:
                exponent = value[0] & 0x7F
                per_second = 2**exponent if value[0] & 0x80 else 10**exponent
            elif code == _TIME_OFFSET and len(value) == 8:
                offset_s = struct.unpack(f"{order}q", value)[0]
        interfaces.append(_Interface(link_type, snap, per_second, offset_s))


def _pcap_order(magic: bytes) -> str:
    """The byte order that the magic number of a pcap file shows; empty where it is none."""
    for order in ("<", ">"):
        if len(magic) == 4 and struct.unpack(f"{order}I", magic)[0] in _PCAP_MAGICS:
            return order
    return ""


def _options(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position + 4 <= len(data):
        code, length = struct.unpack_from(f"{order}HH", data, position)
        if not code:
            return
        yield code, data[position + 4 : position + 4 + length]
        position += 4 + length + -length % 4


def _enhanced(body: bytes, interfaces: list[_Interface], order: str) -> Packet | None:
    if len(body) < 20:
        return None
    number, high, low, captured, length = struct.unpack_from(f"{order}IIIII", body)
    return _stamped(body, interfaces, number, high << 32 | low, captured, length)


def _obsolete(body: bytes, interfaces: list[_Interface], order: str) -> Packet | None:
    if len(body) < 20:
        return None
    number, high, low, captured, length = struct.unpack_from(f"{order}HxxIIII", body)
    return _stamped(body, interfaces, number, high << 32 | low, captured, length)


def _stamped(
    body: bytes, interfaces: list[_Interface], number: int, stamp: int, captured: int, length: int
) -> Packet | None:
    if number >= len(interfaces) or captured > len(body) - 20:
        return None
    interface = interfaces[number]
    return Packet(interface.nanoseconds(stamp), interface.link_type, body[20 : 20 + captured], length)


def _simple(body: bytes, interfaces: list[_Interface], order: str) -> Packet | None:
    """A packet of the first interface, without a time stamp, cut where the interface says."""
    if len(body) < 4 or not interfaces:
        return None
    length = struct.unpack_from(f"{order}I", body)[0]
    captured = min(length, interfaces[0].snap or length)
    if captured > len(body) - 4:
        return None
    return Packet(0, interfaces[0].link_type, body[4 : 4 + captured], length)


_PACKETS = {_ENHANCED_PACKET: _enhanced, _SIMPLE_PACKET: _simple, _OBSOLETE_PACKET: _obsolete}
