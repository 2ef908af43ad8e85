"""Trace records as bytes: one block of many records, for the trace file.

A block is a head length (4 bytes, big endian), the head and the payload. The head is a JSON array (ASCII) of rows
``[kind, payload bytes, field, field, …]``; the fields stand in the order of the record's named tuple. A field of raw
bytes is its length in the row, a field of segments a list of ``[offset, length]``; their bytes follow each other in the
payload. So a reader that does not know a kind can still step over it, fields that a later version appends are
ignored by an earlier one, and those that an earlier one did not write have their default.

Many records share one block because one call of the JSON codec for all of them costs a fraction of one call for each.
Nothing here can run code, and every failure is a :class:`CodecError`.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias, get_type_hints

from dicomgui.network import tracing
from dicomgui.network.tracing import Direction, Record, Role, Segment

__all__ = [
    "KINDS",
    "MAX_HEAD_BYTES",
    "MAX_PDU_BYTES",
    "Block",
    "CodecError",
    "decode_block",
    "encode_blocks",
]

MAX_HEAD_BYTES = 2**20
"""Bound of the head of a block that is read: JSON needs some twenty times its length in memory."""

_MAX_TEXT = 4096  # of a text in a record that alone exceeds that bound

MAX_PDU_BYTES = 6 + 0xFFFF_FFFF
"""The longest PDU that PS3.8 9.3.1 allows: the header and what its length field can say."""

_HEAD = struct.Struct(">I")
_MAX_INT = 2**63

KINDS: dict[str, type[Record]] = {
    "resolve": tracing.ResolveRecord,
    "connect": tracing.ConnectRecord,
    "listen": tracing.ListenRecord,
    "refuse": tracing.RefuseRecord,
    "tls": tracing.TlsRecord,
    "bytes": tracing.BytesRecord,
    "pdu": tracing.PduRecord,
    "state": tracing.StateRecord,
    "dimse": tracing.DimseRecord,
    "timer": tracing.TimerRecord,
    "file": tracing.FileRecord,
    "cancel": tracing.CancelRecord,
    "close": tracing.CloseRecord,
    "note": tracing.NoteRecord,
}
"""Every kind of record by the name that files and the command line use."""

_Row: TypeAlias = list[Any]


class CodecError(ValueError):
    """The bytes are no block of trace records."""


class Block(NamedTuple):
    """What a block held.

    :ivar records: the records, in order.
    :ivar skipped: rows that were stepped over because their kind is unknown or their fields are not as they should be.
    """

    records: list[Record]
    skipped: int


# ---------------------------------------------------------------------------------------------------------- writing


def _encode(records: Sequence[Record]) -> tuple[bytes, bytes]:
    """Encode records as ``(head, payload)`` of one block."""
    rows: list[_Row] = []
    payload: list[bytes] = []
    for record in records:
        rows.append(_ENCODERS[type(record)](record, payload))
    return json.dumps(rows, separators=(",", ":")).encode("ascii"), b"".join(payload)


def encode_blocks(records: Sequence[Record]) -> Iterator[bytes]:
    """Encode records as one block, or as several where the head of one would be too long to be read again.

    A record that alone is too long, as only a peer that means harm makes one, loses the ends of its texts.
    """
    head, payload = _encode(records)
    if len(head) <= MAX_HEAD_BYTES:
        yield b"".join((_HEAD.pack(len(head)), head, payload))
    elif len(records) > 1:
        middle = len(records) // 2
        yield from encode_blocks(records[:middle])
        yield from encode_blocks(records[middle:])
    else:
        yield from encode_blocks([_shortened(records[0])])


def _shortened(record: Record) -> Record:
    return type(record)._make([_short(value) for value in record])


def _short(value: object) -> object:
    if isinstance(value, str):
        return value[:_MAX_TEXT]
    if isinstance(value, tuple):  # of texts or of segments
        texts = [item[:_MAX_TEXT] for item in value[:32] if isinstance(item, str)]
        return tuple(texts) or value[: MAX_HEAD_BYTES // 64]
    return value


def _encode_plain(kind: str) -> Callable[[Any, list[bytes]], _Row]:
    def encode(record: Any, payload: list[bytes]) -> _Row:
        return [kind, 0, *record]

    return encode


def _encode_with_bytes(kind: str, positions: tuple[int, ...]) -> Callable[[Any, list[bytes]], _Row]:
    def encode(record: Any, payload: list[bytes]) -> _Row:
        row = [kind, 0, *record]
        for position in positions:
            data = record[position]
            payload.append(data)
            row[position + 2] = len(data)
            row[1] += len(data)
        return row

    return encode


def _encode_pdu(record: Any, payload: list[bytes]) -> _Row:
    spans: list[tuple[int, int]] = []
    total = 0
    for offset, data in record[6]:
        payload.append(data)
        spans.append((offset, len(data)))
        total += len(data)
    association, mono, utc, direction, pdu_type, length, _, error = record
    return ["pdu", total, association, mono, utc, direction, pdu_type, length, spans, error]


def _encoder_of(kind: str, record_type: type[Record]) -> Callable[[Any, list[bytes]], _Row]:
    if record_type is tracing.PduRecord:
        return _encode_pdu
    hints = get_type_hints(record_type).values()
    positions = tuple(position for position, hint in enumerate(hints) if hint is bytes)
    return _encode_with_bytes(kind, positions) if positions else _encode_plain(kind)


_ENCODERS = {record_type: _encoder_of(kind, record_type) for kind, record_type in KINDS.items()}


# ---------------------------------------------------------------------------------------------------------- reading


class _Payload:
    """The bytes of one row, handed out front to back."""

    __slots__ = ("_data", "_end", "_position")

    def __init__(self, data: bytes, position: int, end: int) -> None:
        self._data = data
        self._position = position
        self._end = end

    def take(self, length: object) -> bytes:
        size = _int(length, self)
        start, end = self._position, self._position + size
        if size < 0 or end > self._end:
            raise CodecError("more bytes announced than there are")
        self._position = end
        return self._data[start:end]


def _int(value: object, payload: _Payload) -> int:
    if type(value) is not int or not -_MAX_INT <= value < _MAX_INT:
        raise CodecError("not an integer")
    return value


def _float(value: object, payload: _Payload) -> float:
    if type(value) is int and -_MAX_INT <= value < _MAX_INT:
        return float(value)
    if type(value) is not float or not -1e18 < value < 1e18:
        raise CodecError("not a number")
    return value


def _str(value: object, payload: _Payload) -> str:
    if type(value) is not str:
        raise CodecError("not a text")
    return value


def _bool(value: object, payload: _Payload) -> bool:
    if type(value) is not bool:
        raise CodecError("not true or false")
    return value


def _texts(value: object, payload: _Payload) -> tuple[str, ...]:
    if type(value) is not list:
        raise CodecError("not a list")
    return tuple(_str(item, payload) for item in value)


def _bytes(value: object, payload: _Payload) -> bytes:
    return payload.take(value)


def _direction(value: object, payload: _Payload) -> Direction:
    return Direction(_int(value, payload))


def _role(value: object, payload: _Payload) -> Role:
    return Role(_int(value, payload))


def _segments(value: object, payload: _Payload) -> tuple[Segment, ...]:
    if type(value) is not list:
        raise CodecError("not a list")
    segments = []
    end = 0
    for item in value:
        if type(item) is not list or len(item) != 2:
            raise CodecError("not a segment")
        offset = _int(item[0], payload)
        data = payload.take(item[1])
        if offset < end or offset + len(data) > MAX_PDU_BYTES:
            raise CodecError("segments overlap or lie outside the PDU")
        end = offset + len(data)
        segments.append(Segment(offset, data))
    return tuple(segments)


_FIELDS: dict[object, Callable[[object, _Payload], object]] = {
    int: _int,
    float: _float,
    str: _str,
    bool: _bool,
    bytes: _bytes,
    tuple[str, ...]: _texts,
    tuple[Segment, ...]: _segments,
    Direction: _direction,
    Role: _role,
}
_DECODERS = {
    kind: (record_type, tuple(_FIELDS[hint] for hint in get_type_hints(record_type).values()))
    for kind, record_type in KINDS.items()
}


_DIRECTIONS = {int(direction): direction for direction in Direction}
_USUAL_KINDS = (int, float, float, int, int, int, str)


def decode_block(data: bytes) -> Block:
    """Decode one block of :func:`encode_blocks`.

    :raises CodecError: where head and payload cannot be told apart or the head is no list of rows. A single row that
        is odd or of an unknown kind is stepped over and counted instead.
    """
    head, payload = _split(data)
    try:
        rows = json.loads(head)
    except (ValueError, RecursionError) as exc:
        raise CodecError("the head of the block is not as it should be") from exc
    if type(rows) is not list:
        raise CodecError("the head of the block is no list")
    return _decode_rows(rows, payload)


def _split(data: bytes) -> tuple[bytes, bytes]:
    if len(data) < _HEAD.size:
        raise CodecError("the block is too short")
    (head_length,) = _HEAD.unpack_from(data)
    if head_length > min(MAX_HEAD_BYTES, len(data) - _HEAD.size):
        raise CodecError("the head of the block is longer than it may be")
    start = _HEAD.size + head_length
    return data[_HEAD.size : start], data[start:]


def _decode_rows(rows: list[object], payload: bytes) -> Block:
    records: list[Record] = []
    skipped = 0
    position = 0
    for row in rows:
        if type(row) is not list or len(row) < 2 or type(row[1]) is not int or row[1] < 0:
            raise CodecError("a row of the block has no kind and length")
        end = position + row[1]
        if end > len(payload):
            raise CodecError("the block has less payload than its rows say")
        record = _decode_usual_pdu(row, payload, position, end) or _decode_row(row, _Payload(payload, position, end))
        position = end
        if record is None:
            skipped += 1
        else:
            records.append(record)
    return Block(records, skipped)


def _decode_usual_pdu(row: _Row, payload: bytes, position: int, end: int) -> Record | None:
    """A PDU with one segment and nothing odd, as nearly all rows are; ``None`` for the others, which take longer."""
    if row[0] != "pdu" or len(row) != 10:
        return None
    _, size, association, mono, utc, direction, pdu_type, length, spans, error = row
    kinds = (type(association), type(mono), type(utc), type(direction), type(pdu_type), type(length), type(error))
    if kinds != _USUAL_KINDS or type(spans) is not list or len(spans) != 1 or direction not in _DIRECTIONS:
        return None
    span = spans[0]
    if type(span) is not list or len(span) != 2 or type(span[0]) is not int or span[1] != size:
        return None
    if not (
        0 <= span[0] <= MAX_PDU_BYTES - size
        and 0 <= association < _MAX_INT
        and 0 <= pdu_type <= 255
        and 0 <= length <= MAX_PDU_BYTES
        and 0 <= mono < 1e18
        and 0 <= utc < 1e18
    ):
        return None
    segments = (Segment(span[0], payload[position:end]),)
    return tracing.PduRecord(association, mono, utc, _DIRECTIONS[direction], pdu_type, length, segments, error)


def _decode_row(row: _Row, payload: _Payload) -> Record | None:
    decoder = _DECODERS.get(row[0]) if type(row[0]) is str else None
    if decoder is None:
        return None
    record_type, fields = decoder
    defaults = tuple(record_type._field_defaults.values())  # of fields that an earlier version did not write
    missing = len(fields) - (len(row) - 2)
    if missing > len(defaults):
        return None
    try:
        values = [field(value, payload) for field, value in zip(fields, row[2:], strict=False)]
    except ValueError:  # CodecError is one, and an enum says so of a number that it does not know
        return None
    record = record_type._make([*values, *(defaults[-missing:] if missing > 0 else ())])
    if isinstance(record, tracing.PduRecord) and not 0 <= record.length <= MAX_PDU_BYTES:
        return None
    return record
