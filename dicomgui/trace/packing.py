"""Blocks of records as two byte strings, for as long as a store keeps them in memory or in its own temporary file.

A named tuple takes some 400 bytes, and Python's collector of cycles walks over every one of them again and again; a
million of them stop a program for a tenth of a second each time. Two byte strings for some hundred records cost the
collector nothing, and to make them costs less than what it spends on the records.

This form is for the process that made it. It is read back by :mod:`marshal`, which trusts what it reads, so it must
never come from elsewhere: files that are given to others are the business of :mod:`dicomgui.trace.codec`.
"""

from __future__ import annotations

import marshal
import zlib
from collections.abc import Callable, Sequence
from enum import IntEnum
from itertools import chain
from typing import Any, TypeAlias, cast, get_type_hints

from dicomgui.network.tracing import DimseRecord, Direction, PduRecord, Record, Role, Segment
from dicomgui.trace.codec import KINDS

__all__ = ["pack", "unpack", "words_of"]

_Row: TypeAlias = tuple[Any, ...]
_Payload: TypeAlias = list[bytes]

_TYPES: tuple[type[Record], ...] = tuple(KINDS.values())
_NUMBERS = {record_type: number for number, record_type in enumerate(_TYPES)}
_PDU = _NUMBERS[PduRecord]
_DIMSE = _NUMBERS[DimseRecord]
_DIRECTIONS = tuple(sorted(Direction))
_new = tuple.__new__


def pack(records: Sequence[Record]) -> tuple[bytes, bytes]:
    """What describes the records, compressed, and the bytes that they carry, one after the other.

    A record that is there several times in a row, as PDUs of bulk data are, takes the place of one; what describes one
    that comes back, as the command of many matches does, is made once.
    Numbers and texts come back as plain ones, also where they were of a class of their own.
    """
    rows: list[_Row | int] = []
    payload: _Payload = []
    known: dict[int, _Row] = {}
    latest: Record | None = None
    again = 0
    for record in records:
        if record is latest:
            again += 1
            continue
        if again:
            rows.append(again)
            again = 0
        row = known.get(id(record))
        if row is None:
            row = known[id(record)] = _PACKERS[type(record)](record, payload)
        elif type(record) is PduRecord:
            payload += [data for _, data in record[6]]
        elif type(record) is not DimseRecord:
            row = _PACKERS[type(record)](record, payload)  # it may carry bytes, too
        rows.append(row)
        latest = record
    if again:
        rows.append(again)
    return zlib.compress(marshal.dumps(rows), 1), b"".join(payload)


def unpack(head: bytes, payload: bytes | None) -> list[Record]:
    """The records again; without their bytes where ``payload`` is ``None``, because these are lost."""
    records: list[Record] = []
    position = 0
    for row in marshal.loads(zlib.decompress(head)):  # made by this process, see above
        if type(row) is int:
            records += records[-1:] * row
        elif row[0] == _PDU and payload is not None and len(row[7]) == 2:
            # One segment, as nearly all have.
            _, association, mono, utc, direction, pdu_type, length, (offset, size), error = row
            end = position + size
            segments = (_new(Segment, (offset, payload[position:end])),)
            way = _DIRECTIONS[direction]
            fields = (association, mono, utc, way, pdu_type, length, segments, error)
            records.append(_new(PduRecord, fields))
            position = end
        else:
            record, position = _unpacked(row, payload, position)
            records.append(record)
    return records


def words_of(head: bytes) -> bytes:
    """Something in which every text of the records stands, as UTF-8 and in lower case as far as it is ASCII."""
    return zlib.decompress(head).lower()


# ---------------------------------------------------------------------------------------------------------- writing


def _pack_pdu(record: Any, payload: _Payload) -> _Row:
    association, mono, utc, direction, pdu_type, length, segments, error = record
    if len(segments) == 1:
        ((offset, data),) = segments
        payload.append(data)
        spans: tuple[int, ...] = (offset, len(data))
    else:
        payload.extend(data for _, data in segments)
        spans = tuple(chain.from_iterable((offset, len(data)) for offset, data in segments))
    return (_PDU, association, mono, utc, int(direction), int(pdu_type), length, spans, str.__str__(error))


def _pack_dimse(record: Any, payload: _Payload) -> _Row:
    """As :func:`_packer_of` would make it, in a third of the time."""
    number, mono, utc, direction, context, field, message, sop_class, instance, status, size, comment = record
    return (
        _DIMSE, number, mono, utc, int(direction), int(context), int(field), int(message), str.__str__(sop_class),
        str.__str__(instance), int(status), int(size), str.__str__(comment),
    )  # fmt: skip


def _packer_of(record_type: type[Record]) -> Callable[[Any, _Payload], _Row]:
    if record_type is PduRecord:
        return _pack_pdu
    if record_type is DimseRecord:
        return _pack_dimse
    number = _NUMBERS[record_type]
    plains = [_PLAINS.get(hint) for hint in get_type_hints(record_type).values()]
    carried = tuple(position for position, plain in enumerate(plains) if plain is _size)

    def pack_row(record: Any, payload: _Payload) -> _Row:
        payload.extend(record[position] for position in carried)
        # A class of its own would not be taken: a status is an int, and a title may be a text, of such a class.
        values = [plain(value) if plain is not None else value for plain, value in zip(plains, record, strict=True)]
        return (number, *values)

    return pack_row


def _size(data: bytes) -> int:
    return len(data)


def _texts(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(map(str.__str__, values))


_PLAINS: dict[object, Callable[[Any], object]] = {
    int: int, float: float, str: str.__str__, bool: bool, bytes: _size, tuple[str, ...]: _texts, Direction: int,
    Role: int,
}  # fmt: skip
_PACKERS = {record_type: _packer_of(record_type) for record_type in _TYPES}


# ---------------------------------------------------------------------------------------------------------- reading


def _unpacked(row: _Row, payload: bytes | None, position: int) -> tuple[Record, int]:
    """A record of any kind, and where the bytes of the next begin."""
    values = list(row[1:])
    for place, kind in _SPECIAL[row[0]]:
        if kind is bytes:
            end = position + values[place]
            values[place] = payload[position:end] if payload is not None else b""
            position = end
        elif kind is tuple:
            values[place], position = _segments(values[place], payload, position)
        else:
            values[place] = cast("type[IntEnum]", kind)(values[place])
    return _new(_TYPES[row[0]], values), position


def _segments(spans: tuple[int, ...], payload: bytes | None, position: int) -> tuple[tuple[Segment, ...], int]:
    segments = []
    for offset, size in zip(spans[::2], spans[1::2], strict=True):
        if payload is not None:
            segments.append(Segment(offset, payload[position : position + size]))
        position += size
    return tuple(segments), position


def _special(hint: object) -> object:
    if hint in (bytes, Direction, Role):
        return hint
    return tuple if hint == tuple[Segment, ...] else None


_SPECIAL = tuple(
    tuple(
        (place, kind)
        for place, hint in enumerate(get_type_hints(record_type).values())
        if (kind := _special(hint)) is not None
    )
    for record_type in _TYPES
)
"""Of each kind of record the places of the fields that are not kept as they are."""
