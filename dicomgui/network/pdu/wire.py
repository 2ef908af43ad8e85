"""Typed reading and writing of the fields that PDUs are made of (PS3.8 9.3.1: big endian, no alignment).

The :class:`Reader` knows where in the PDU it stands, so that every fault names PDU, field and offset, and it can report
each field's span to a :class:`Recorder`: one decoder serves the protocol and the trace. Nothing is allocated by a
declared length: what is returned are slices of the bytes that are there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import IntEnum
from typing import NoReturn, Protocol

from dicomgui.network.errors import LocalProtocolError, RemoteProtocolError

__all__ = [
    "HEADER_LENGTH",
    "INVALID_PARAMETER",
    "MAX_ITEMS",
    "UNRECOGNIZED_PDU",
    "PduType",
    "Reader",
    "Recorder",
    "Writer",
    "clean_uid",
    "hex_byte",
    "pdu_name",
]

HEADER_LENGTH = 6
"""Bytes before the variable field of a PDU: type, reserved, length."""

MAX_ITEMS = 8192
"""Items, sub-items and PDVs decoded of one PDU; more is an attack on the decoder's time, not an association."""

UNRECOGNIZED_PDU = 1
"""A-ABORT reason (PS3.8 table 9-26) for a PDU type that does not exist."""

INVALID_PARAMETER = 6
"""A-ABORT reason (PS3.8 table 9-26) for a length or value that cannot be."""

_MAX_NOTES = 64
_UID = re.compile(r"[0-9]+(?:\.[0-9]+)*")


class PduType(IntEnum):
    """First byte of a PDU (PS3.8 9.3.2 to 9.3.8)."""

    ASSOCIATE_RQ = 1
    ASSOCIATE_AC = 2
    ASSOCIATE_RJ = 3
    P_DATA_TF = 4
    RELEASE_RQ = 5
    RELEASE_RP = 6
    ABORT = 7


_NAMES = {
    PduType.ASSOCIATE_RQ: "A-ASSOCIATE-RQ",
    PduType.ASSOCIATE_AC: "A-ASSOCIATE-AC",
    PduType.ASSOCIATE_RJ: "A-ASSOCIATE-RJ",
    PduType.P_DATA_TF: "P-DATA-TF",
    PduType.RELEASE_RQ: "A-RELEASE-RQ",
    PduType.RELEASE_RP: "A-RELEASE-RP",
    PduType.ABORT: "A-ABORT",
}


def pdu_name(pdu_type: int) -> str:
    """The standard's name of a PDU type, or words for one that does not exist."""
    try:
        return _NAMES[PduType(pdu_type)]
    except ValueError:
        return f"PDU of unknown type {pdu_type:02X}H"


def hex_byte(value: int) -> str:
    """``0AH``, as the standard writes item types."""
    return f"{value:02X}H"


def clean_uid(text: str) -> str:
    """A UID without the trailing NUL or spaces that some peers pad it with: the form to compare."""
    return text.rstrip("\0 ")


def printable(text: str) -> str:
    """Text of a peer with control characters as visible escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


class Recorder(Protocol):
    """Takes the spans of what a :class:`Reader` reads; offsets count from the first byte of the PDU.

    After a fault the groups that were entered are not left.
    """

    def enter(self, label: str, offset: int) -> None:
        """A PDU, item or PDV begins at ``offset``; what follows is inside it."""

    def field(self, label: str, value: str, offset: int, length: int) -> None:
        """A field was read; ``value`` is its text for people."""

    def leave(self, end: int) -> None:
        """The innermost group ended before offset ``end``."""


class Reader:
    """Reads the fields of one PDU, or of one item of it, in order.

    :ivar pdu_type: the first byte of the PDU.
    :ivar reserved: the second byte of the PDU or item.
    :ivar item_type: the first byte of the item; the PDU's for the whole PDU.
    :ivar pos: offset of the next byte, counted from the start of the PDU.
    :ivar end: offset after the last byte, as declared by the header; bytes may be missing.
    :ivar notes: what is odd but harmless, for the ``anomalies`` of the decoded PDU.
    """

    __slots__ = ("_count", "_data", "_recorder", "end", "item_type", "notes", "pdu_type", "pos", "reserved")

    def __init__(self, data: bytes, recorder: Recorder | None = None) -> None:
        """Read the header of the PDU that ``data`` holds.

        :raises RemoteProtocolError: for fewer than 6 bytes or an unknown type (PS3.8 9.3.1).
        """
        self._data = data
        self._recorder = recorder
        self._count = [0]
        self.notes: list[str] = []
        self.pos = 0
        self.end = HEADER_LENGTH
        self.pdu_type = data[0] if data else 0
        if recorder is not None:
            recorder.enter(pdu_name(self.pdu_type), 0)
        self.item_type = self.u8("PDU type", hex_byte)
        if not 1 <= self.pdu_type <= 7:
            self.fail("PDU type", "no such PDU type", offset=0, abort_reason=UNRECOGNIZED_PDU)
        self.reserved = self.u8("Reserved", hex_byte)
        self.end = HEADER_LENGTH + self.u32("PDU length")

    @property
    def remaining(self) -> int:
        """Bytes declared and not yet read."""
        return self.end - self.pos

    def fail(
        self, field: str, problem: str, *, offset: int | None = None, abort_reason: int = INVALID_PARAMETER
    ) -> NoReturn:
        """Raise :class:`RemoteProtocolError` for ``field``, at the present position unless ``offset`` is given."""
        at = self.pos if offset is None else offset
        raise RemoteProtocolError(
            f"{pdu_name(self.pdu_type)}: {field} at offset {at}: {problem}",
            pdu_type=self.pdu_type,
            offset=at,
            field=field,
            abort_reason=abort_reason,
        )

    def note(self, text: str) -> None:
        """Remember something odd but harmless."""
        if len(self.notes) < _MAX_NOTES:
            self.notes.append(text)

    def count(self, field: str) -> None:
        """Count an element of a list against :data:`MAX_ITEMS`."""
        self._count[0] += 1
        if self._count[0] > MAX_ITEMS:
            self.fail(field, f"more than {MAX_ITEMS} items in one PDU")

    def _take(self, length: int, label: str) -> int:
        start = self.pos
        stop = start + length
        if stop > self.end:
            self.fail(label, f"needs {length} bytes, its container has only {self.end - start} left")
        if stop > len(self._data):
            self.fail(label, f"needs {length} bytes, but the PDU breaks off after {len(self._data) - start}")
        self.pos = stop
        return start

    def _number(self, size: int, label: str, describe: Callable[[int], str]) -> int:
        start = self._take(size, label)
        value = int.from_bytes(self._data[start : self.pos], "big")
        if self._recorder is not None:
            self._recorder.field(label, describe(value), start, size)
        return value

    def u8(self, label: str, describe: Callable[[int], str] = str) -> int:
        """The next byte as a number."""
        return self._number(1, label, describe)

    def u16(self, label: str, describe: Callable[[int], str] = str) -> int:
        """The next two bytes as a number."""
        return self._number(2, label, describe)

    def u32(self, label: str, describe: Callable[[int], str] = str) -> int:
        """The next four bytes as a number."""
        return self._number(4, label, describe)

    def raw(self, length: int, label: str, describe: Callable[[bytes], str] | None = None) -> bytes:
        """The next ``length`` bytes; shown to the recorder in hex, or as ``describe`` says."""
        start = self._take(length, label)
        value = self._data[start : self.pos]
        if self._recorder is not None:
            text = describe(value) if describe else value[:32].hex(" ") + (" …" if length > 32 else "")
            self._recorder.field(label, text, start, length)
        return value

    def view(self, length: int, label: str) -> memoryview:
        """The next ``length`` bytes without a copy; the recorder is told their number."""
        start = self._take(length, label)
        if self._recorder is not None:
            self._recorder.field(label, f"{length} bytes", start, length)
        return memoryview(self._data)[start : self.pos]

    def text(self, length: int, label: str) -> str:
        """The next ``length`` bytes as text; ISO 8859-1, because it gives every byte back."""
        start = self._take(length, label)
        value = self._data[start : self.pos].decode("latin-1")
        if self._recorder is not None:
            self._recorder.field(label, printable(value), start, length)
        return value

    def uid(self, length: int, label: str) -> str:
        """The next ``length`` bytes as the exact text of a UID; padding and what is no UID is noted (PS3.8 F)."""
        value = self.text(length, label)
        clean = clean_uid(value)
        if clean != value:
            self.note(f"{label} {printable(clean)!r} is padded")
        if len(clean) > 64 or not _UID.fullmatch(clean):
            self.note(f"{label} {printable(clean[:80])!r} is no valid UID")
        return value

    def peek(self) -> int:
        """The next byte, which stays; -1 where there is none."""
        return self._data[self.pos] if self.pos < min(self.end, len(self._data)) else -1

    def open_item(self, name: Callable[[int], str]) -> Reader:
        """Read the four bytes that begin an item and return a reader of its content; see :meth:`close_item`."""
        label = name(self.peek())
        self.count(label)
        if self._recorder is not None:
            self._recorder.enter(label, self.pos)
        item = Reader.__new__(Reader)
        item._data = self._data
        item._recorder = self._recorder
        item._count = self._count
        item.notes = self.notes
        item.pdu_type = self.pdu_type
        item.item_type = self.u8("Item type", hex_byte)
        item.reserved = self.u8("Reserved", hex_byte)
        start = self.pos
        length = self.u16("Item length")
        item.pos = self.pos
        item.end = self.pos + length
        if item.end > self.end:
            item.fail(
                f"Item length of {label}",
                f"{length} bytes declared, its container has only {self.end - self.pos} left",
                offset=start,
            )
        return item

    def close_item(self, item: Reader, label: str) -> None:
        """End ``item``, which must be read to its end, and go on after it."""
        if item.remaining:
            item.fail(label, f"{item.remaining} bytes are left over at the end of the item")
        self.pos = item.end
        if self._recorder is not None:
            self._recorder.leave(self.pos)

    def enter(self, label: str) -> None:
        """Open a group for the recorder that is no item."""
        if self._recorder is not None:
            self._recorder.enter(label, self.pos)

    def leave(self) -> None:
        """Close the group opened by :meth:`enter`."""
        if self._recorder is not None:
            self._recorder.leave(self.pos)

    def check_end(self) -> None:
        """End the PDU: everything declared was read and nothing follows."""
        if self.remaining:
            self.fail("PDU length", f"{self.remaining} bytes are left over at the end of the PDU")
        if len(self._data) > self.end:
            self.fail("PDU length", f"{len(self._data) - self.end} bytes follow after the end of the PDU")
        self.leave()


class Writer:
    """Builds the bytes of a PDU or item; what does not fit its field raises :class:`LocalProtocolError`."""

    __slots__ = ("_out",)

    def __init__(self) -> None:
        self._out = bytearray()

    def _number(self, value: int, size: int, label: str) -> None:
        try:
            self._out += value.to_bytes(size, "big")
        except OverflowError:
            raise LocalProtocolError(f"{label}: {value} does not fit into {size} bytes") from None

    def u8(self, value: int, label: str = "Reserved") -> None:
        """One byte."""
        self._number(value, 1, label)

    def u16(self, value: int, label: str) -> None:
        """Two bytes, big endian."""
        self._number(value, 2, label)

    def u32(self, value: int, label: str) -> None:
        """Four bytes, big endian."""
        self._number(value, 4, label)

    def raw(self, value: bytes | memoryview) -> None:
        """Bytes as they are."""
        self._out += value

    def exactly(self, value: bytes, size: int, label: str) -> None:
        """Bytes of a field of fixed size."""
        if len(value) != size:
            raise LocalProtocolError(f"{label}: {len(value)} bytes given, the field has {size}")
        self._out += value

    def text(self, value: str, label: str) -> None:
        """Text of ISO 8859-1."""
        try:
            self._out += value.encode("latin-1")
        except UnicodeEncodeError:
            raise LocalProtocolError(f"{label}: {value!r} cannot be written in ISO 8859-1") from None

    def sized_text(self, value: str, label: str) -> None:
        """Text after its length in two bytes."""
        self.u16(len(value), f"Length of {label}")
        self.text(value, label)

    def sized_raw(self, value: bytes, label: str) -> None:
        """Bytes after their length in two bytes."""
        self.u16(len(value), f"Length of {label}")
        self._out += value

    def open_item(self, item_type: int, reserved: int = 0) -> int:
        """Begin an item; pass what is returned to :meth:`close_item`."""
        self.u8(item_type, "Item type")
        self.u8(reserved)
        self._out += b"\0\0"
        return len(self._out)

    def close_item(self, start: int, label: str) -> None:
        """End an item: its length is filled in."""
        length = len(self._out) - start
        if length > 0xFFFF:
            raise LocalProtocolError(f"{label} has {length} bytes; an item holds at most 65535")
        self._out[start - 2 : start] = length.to_bytes(2, "big")

    def open_pdu(self, pdu_type: int, reserved: int = 0) -> None:
        """Begin the PDU."""
        self.u8(pdu_type, "PDU type")
        self.u8(reserved)
        self._out += b"\0\0\0\0"

    def close_pdu(self) -> bytes:
        """End the PDU: its length is filled in; returns all its bytes."""
        self._out[2:HEADER_LENGTH] = (len(self._out) - HEADER_LENGTH).to_bytes(4, "big")
        return bytes(self._out)

    def getvalue(self) -> bytes:
        """The bytes written so far."""
        return bytes(self._out)
