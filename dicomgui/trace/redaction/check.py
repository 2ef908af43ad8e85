"""The last look at a redacted trace: is any value that should be gone still in any byte of it?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dicomgui.network.pdu import PduType
from dicomgui.network.tracing import (
    BytesRecord,
    CancelRecord,
    CloseRecord,
    ConnectRecord,
    DimseRecord,
    FileRecord,
    ListenRecord,
    NoteRecord,
    PduRecord,
    Record,
    RefuseRecord,
    ResolveRecord,
    TlsRecord,
)
from dicomgui.trace.codec import KINDS
from dicomgui.trace.redaction.chance import Reach
from dicomgui.trace.redaction.leftover import CERTIFICATE, CHAIN, FieldSpan, Leftover, grouped
from dicomgui.trace.redaction.pdu import fragments
from dicomgui.trace.redaction.rules import is_personal
from dicomgui.trace.redaction.secrets import MAX_SECRET, Place, Secrets

__all__ = ["BY_CHOICE", "TEXTS", "leftovers"]

_TITLES = {"called": range(10, 26), "calling": range(26, 42)}  # PS3.8 table 9-11
_ASSOCIATE = (PduType.ASSOCIATE_RQ, PduType.ASSOCIATE_AC)
_NAMES = {record_type: name for name, record_type in KINDS.items()}

TEXTS: dict[type, tuple[str, ...]] = {
    BytesRecord: ("error",),
    CancelRecord: ("detail",),
    CloseRecord: ("error",),
    ConnectRecord: ("local", "peer", "error"),
    DimseRecord: ("sop_class_uid", "sop_instance_uid", "comment"),
    FileRecord: ("path", "detail"),
    ListenRecord: ("address", "ae_title", "error"),
    NoteRecord: ("text",),
    PduRecord: ("error",),
    RefuseRecord: ("peer", "reason"),
    ResolveRecord: ("host", "addresses", "error"),
    TlsRecord: ("error",),
}
"""The fields of records that hold texts which are not the program's own."""

BY_CHOICE = frozenset(
    {"called", "calling", "ae_title", "local", "peer", "address", "host", "addresses", CERTIFICATE, CHAIN}
)
"""What may be kept by choice, and names devices and institutions: there values of persons count, and no others."""

_NO_WORDS = BY_CHOICE - {"called", "calling", "ae_title"}
"""Of them those in which short numbers are ports and parts of addresses, or anything."""


class _Tail(NamedTuple):
    """The end of a fragment that a value may begin in, and where its bytes stand: position in it, row, offset."""

    data: bytes
    origins: tuple[tuple[int, int, int], ...]


_Stream = tuple[int, tuple[int, int, bool]]
_Found = tuple[FieldSpan, int, bytes]


def leftovers(records: Iterable[Record], secrets: Secrets) -> tuple[Leftover, ...]:
    """Every place in which a secret stands, also across the border of two PDUs."""
    return grouped(_search(records, secrets))


def _search(records: Iterable[Record], secrets: Secrets) -> Iterator[_Found]:
    tails: dict[_Stream, _Tail] = {}
    for row, record in enumerate(records, 1):
        if isinstance(record, PduRecord):
            yield from _in_pdu(row, record, secrets)
            if record.pdu_type == PduType.P_DATA_TF:
                yield from _across(row, record, secrets, tails)
        elif isinstance(record, BytesRecord):
            yield from _in_bytes(row, "bytes", "data", record.data, secrets)
        elif isinstance(record, TlsRecord):
            yield from _in_bytes(row, "tls", CERTIFICATE, record.peer_certificate, secrets)
            yield from _in_bytes(row, "tls", CHAIN, record.peer_chain, secrets)
        for field in TEXTS.get(type(record), ()):
            value = getattr(record, field)
            if value:
                yield from _in_texts(row, record, field, (value,) if isinstance(value, str) else value, secrets)


def _counts(field: str, place: Place, value: bytes, secrets: Secrets) -> bool:
    if field not in BY_CHOICE:
        return True
    if not is_personal(place.tag):
        return False
    return field not in _NO_WORDS or secrets.reach_at(value) is Reach.ANYWHERE


def _in_pdu(row: int, record: PduRecord, secrets: Secrets) -> Iterator[_Found]:
    for offset, data in record.segments:
        for place in secrets.places(data):
            start, end, tag = place
            field = "segments"
            if record.pdu_type in _ASSOCIATE:
                field = next((name for name, span in _TITLES.items() if offset + start in span), field)
            value = data[start:end]
            if _counts(field, place, value, secrets):
                yield FieldSpan(row, "pdu", field, offset + start, offset + end), tag, value


def _in_bytes(row: int, kind: str, field: str, data: bytes, secrets: Secrets) -> Iterator[_Found]:
    for place in secrets.places(data):
        value = data[place.start : place.end]
        if _counts(field, place, value, secrets):
            yield FieldSpan(row, kind, field, place.start, place.end), place.tag, value


def _in_texts(row: int, record: Record, field: str, texts: tuple[str, ...], secrets: Secrets) -> Iterator[_Found]:
    for part, text in enumerate(texts):
        data = text.encode(errors="replace")
        for place in secrets.places_in_text(text):
            value = data[place.start : place.end]
            if _counts(field, place, value, secrets):
                yield FieldSpan(row, _NAMES[type(record)], field, place.start, place.end, part), place.tag, value


def _across(row: int, record: PduRecord, secrets: Secrets, tails: dict[_Stream, _Tail]) -> Iterator[_Found]:
    """Secrets that begin in one fragment and end in a later one, as a place in each."""
    for stream, offset, data, goes_on in fragments(record):
        key = (record.association, stream)
        tail = tails.pop(key, _Tail(b"", ()))
        border = len(tail.data)
        joined = _Tail(tail.data + data[:MAX_SECRET], (*tail.origins, (border, row, offset)))
        if border:
            for start, end, tag in secrets.places(joined.data):
                if start < border < end:
                    for span in _spans(joined, start, end):
                        yield span, tag, joined.data[start:end]
        if goes_on and len(data) > MAX_SECRET:
            tails[key] = _Tail(data[-MAX_SECRET:], ((0, row, offset + len(data) - MAX_SECRET),))
        elif goes_on:
            tails[key] = _cut(joined)


def _spans(tail: _Tail, start: int, end: int) -> Iterator[FieldSpan]:
    stops = [position for position, _, _ in tail.origins[1:]] + [len(tail.data)]
    for (position, row, offset), stop in zip(tail.origins, stops, strict=True):
        first, last = max(start, position), min(end, stop)
        if first < last:
            yield FieldSpan(row, "pdu", "segments", offset + first - position, offset + last - position)


def _cut(tail: _Tail) -> _Tail:
    """The last bytes, with where they stand."""
    lost = max(0, len(tail.data) - MAX_SECRET)
    if not lost:
        return tail
    stops = [position for position, _, _ in tail.origins[1:]] + [len(tail.data)]
    origins = []
    for (position, row, offset), stop in zip(tail.origins, stops, strict=True):
        if stop > lost:
            gone = max(0, lost - position)
            origins.append((position + gone - lost, row, offset + gone))
    return _Tail(tail.data[lost:], tuple(origins))
