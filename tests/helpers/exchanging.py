"""Recordings of DIMSE messages with data sets, cut into PDUs as small as wanted."""

from __future__ import annotations

import dataclasses

from helpers.recordings import Recording

from dicomgui.network.dimse import Command, encode
from dicomgui.network.pdu import PDV, PDataTF
from dicomgui.network.tracing import Direction, Role
from dicomgui.trace.index import TraceIndex
from dicomgui.trace.store import TraceStore

__all__ = ["Talk", "explicit", "indexed", "kept"]

SENT, RECEIVED = Direction.SENT, Direction.RECEIVED


class Talk(Recording):
    """A recording that can say whole messages."""

    def __init__(self, association: int = 1, *, role: Role = Role.REQUESTOR, told: bool = True) -> None:
        super().__init__(association, role=role)
        self._is_told = told

    def say(
        self, direction: Direction, command: Command, data: bytes = b"", *, context_id: int = 1, fragment: int = 10_000
    ) -> Talk:
        """A message in PDUs of at most ``fragment`` bytes of message each, and the record that tells of it."""
        whole = dataclasses.replace(command, has_dataset=bool(data))
        for control, part in ((1, encode(whole)), (0, data)):
            pieces = [part[at : at + fragment] for at in range(0, len(part), fragment)]
            for number, piece in enumerate(pieces, 1):
                last = 2 if number == len(pieces) else 0
                self.raw(direction, PDataTF((PDV(context_id, control | last, piece),)).encode())
        if self._is_told:
            self.dimse(direction, command, context_id)
        return self


def explicit(group: int, element: int, vr: str, value: bytes) -> bytes:
    """An element in explicit little endian with a short length field."""
    head = group.to_bytes(2, "little") + element.to_bytes(2, "little") + vr.encode("ascii")
    return head + len(value).to_bytes(2, "little") + value


def kept(*recordings: Recording, **budgets: int) -> TraceStore:
    """A store with the records of all, in the order of their times."""
    store = TraceStore(**budgets)  # type: ignore[arg-type]
    for record in sorted((r for recording in recordings for r in recording.records), key=lambda record: record.mono):
        store(record)
    return store


def indexed(*recordings: Recording) -> TraceIndex:
    """An index over the records of all."""
    index = TraceIndex(kept(*recordings))
    while index.update():
        pass
    return index
