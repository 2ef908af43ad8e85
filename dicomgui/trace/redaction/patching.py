"""Replaces the places of some leftovers in a redacted copy, each by as many bytes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from dicomgui.network.tracing import PduRecord, Record, Segment
from dicomgui.trace.redaction.leftover import FieldSpan, Leftover
from dicomgui.trace.redaction.rules import FILLER

__all__ = ["patched"]


def patched(records: Iterable[Record], masked: Iterable[Leftover]) -> Iterator[Record]:
    """The same records, in which these values stand nowhere any more.

    :param records: those that were looked through.
    """
    spans: defaultdict[int, list[FieldSpan]] = defaultdict(list)
    for leftover in masked:
        for place in leftover.places:
            spans[place.row].append(place)
    for row, record in enumerate(records, 1):
        for span in spans.pop(row, ()):
            record = _without(record, span)
        yield record


def _without(record: Record, span: FieldSpan) -> Record:
    if isinstance(record, PduRecord) and span.field in ("segments", "called", "calling"):
        return record._replace(segments=tuple(_segment(segment, span) for segment in record.segments))
    value: Any = getattr(record, span.field)
    filled: Any
    if isinstance(value, tuple):
        filled = tuple(_text(item, span) if part == span.part else item for part, item in enumerate(value))
    else:
        filled = _text(value, span) if isinstance(value, str) else _filled(value, span.start, span.end)
    changed: Record = record._replace(**{span.field: filled})
    return changed


def _segment(segment: Segment, span: FieldSpan) -> Segment:
    start, end = max(span.start - segment.offset, 0), min(span.end - segment.offset, len(segment.data))
    return segment if start >= end else Segment(segment.offset, _filled(segment.data, start, end))


def _text(text: str, span: FieldSpan) -> str:
    return _filled(text.encode(errors="replace"), span.start, span.end).decode(errors="replace")


def _filled(data: bytes, start: int, end: int) -> bytes:
    return data[:start] + FILLER * (end - start) + data[end:]
