"""From the evidence of a finding to the row of a store that holds it."""

from __future__ import annotations

from dicomgui.trace.finding import Place
from dicomgui.trace.store import Entry, TraceStore

__all__ = ["find_row"]

_MAX_ALIKE = 4096
"""Rows with one time stamp that are looked through: a clock may stand still for a whole burst of records."""


def find_row(store: TraceStore, place: Place) -> int:
    """Number of the row of that record, or 0 where it is not there or no longer.

    Rows are in the order of their time. It reads some twenty rows, which may have to be fetched from the disk: call it
    in a thread where that matters.
    """
    low, high = store.first_seq, store.last_seq + 1
    while low < high:
        middle = (low + high) // 2
        entry = _first_from(store, middle)
        if entry is None or entry.record.mono >= place.mono:
            high = middle
        else:
            low = entry.seq + 1
    for entry in store.since(low - 1, _MAX_ALIKE):
        record = entry.record
        if record.mono > place.mono:
            return 0
        if Place(record.association, record.mono, type(record).__name__) == place:
            return entry.seq
    return 0


def _first_from(store: TraceStore, seq: int) -> Entry | None:
    return next(iter(store.since(seq - 1, 1)), None)
