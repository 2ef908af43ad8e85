"""Who calls our listeners while something of ours is under way: the beginnings of their associations."""

from __future__ import annotations

from dicomgui.network.tracing import ConnectRecord, Record, Role

__all__ = ["Beside"]

MAX_ASSOCIATIONS = 64
MAX_RECORDS = 64
"""Of each association, from the first on: what the association was asked for and whether we took it is among them."""


class Beside:
    """A tracer that keeps what the diagnosis wants to know of callers."""

    def __init__(self) -> None:
        self._kept: dict[int, list[Record]] = {}

    def __call__(self, record: Record) -> None:
        """Take a record."""
        kept = self._kept.get(record.association)
        if kept is not None:
            if len(kept) < MAX_RECORDS:
                kept.append(record)
        elif _is_caller(record) and len(self._kept) < MAX_ASSOCIATIONS:
            self._kept[record.association] = [record]

    @property
    def records(self) -> list[Record]:
        """What was kept, association by association."""
        return [record for kept in self._kept.values() for record in kept]


def _is_caller(record: Record) -> bool:
    return isinstance(record, ConnectRecord) and record.role is Role.ACCEPTOR
