"""The last look at a redacted trace: is any value that should be gone still in any byte of it?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dicomgui.network.pdu import PduType, pdu_name
from dicomgui.network.tracing import (
    BytesRecord,
    CancelRecord,
    CloseRecord,
    ConnectRecord,
    DimseRecord,
    FileRecord,
    NoteRecord,
    PduRecord,
    Record,
    RefuseRecord,
    TlsRecord,
)
from dicomgui.trace.redaction.pdu import fragments
from dicomgui.trace.redaction.rules import name_of_tag
from dicomgui.trace.redaction.secrets import MAX_SECRET, Secrets

__all__ = ["Leftover", "leftovers"]

_TITLES = slice(10, 42)  # PS3.8 table 9-11: called and calling AE title
_ASSOCIATE = (PduType.ASSOCIATE_RQ, PduType.ASSOCIATE_AC)
_TEXTS: dict[type, tuple[str, ...]] = {
    BytesRecord: ("error",),
    CancelRecord: ("detail",),
    CloseRecord: ("error",),
    ConnectRecord: ("error",),
    DimseRecord: ("sop_instance_uid", "comment"),
    FileRecord: ("path", "detail"),
    NoteRecord: ("text",),
    PduRecord: ("error",),
    RefuseRecord: ("reason",),
    TlsRecord: ("error",),
}


@dataclass(frozen=True, slots=True)
class Leftover:
    """Values that are still there.

    :ivar element: the element whose values they are.
    :ivar place: where they stand now, in words.
    :ivar count: how often.
    """

    element: str
    place: str
    count: int


def leftovers(records: Iterable[Record], secrets: Secrets, *, keep_ae: bool) -> tuple[Leftover, ...]:
    """Every place in which a secret stands, also across the border of two PDUs."""
    found: Counter[tuple[int, str]] = Counter()
    tails: dict[tuple[int, tuple[int, int, bool]], bytes] = {}
    for record in records:
        for place, data in _pieces(record, keep_ae=keep_ae):
            for _, _, tag in secrets.places(data):
                found[tag, place] += 1
        if isinstance(record, PduRecord) and record.pdu_type == PduType.P_DATA_TF:
            for tag in _across(record, secrets, tails):
                found[tag, "two PDUs"] += 1
    return tuple(Leftover(name_of_tag(tag), place, count) for (tag, place), count in found.most_common())


def _pieces(record: Record, *, keep_ae: bool) -> Iterator[tuple[str, bytes]]:
    """The bytes and texts of a record, each with what it is."""
    if isinstance(record, PduRecord):
        for _, data in record.segments:
            if keep_ae and record.pdu_type in _ASSOCIATE:
                data = data[: _TITLES.start] + data[_TITLES.stop :]
            yield pdu_name(record.pdu_type), data
    elif isinstance(record, BytesRecord):
        yield "no PDU", record.data
    for field in _TEXTS.get(type(record), ()):
        text = getattr(record, field)
        if text:
            yield f"{field} of a record", text.encode(errors="replace")


def _across(
    record: PduRecord, secrets: Secrets, tails: dict[tuple[int, tuple[int, int, bool]], bytes]
) -> Iterator[int]:
    """Tags of secrets that begin in one fragment and end in a later one."""
    for stream, data, is_last in fragments(record):
        key = (record.association, stream)
        tail = tails.pop(key, b"")
        for start, end, tag in secrets.places(tail + data[:MAX_SECRET]):
            if start < len(tail) < end:
                yield tag
        if not is_last:
            tails[key] = (tail + data)[-MAX_SECRET:]
