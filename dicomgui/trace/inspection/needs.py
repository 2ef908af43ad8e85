"""Which operations and files needed which presentation context, from the records of an association."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import PurePath

from dicomgui.network.dimse.commands import CommandField
from dicomgui.network.tracing import DimseRecord, Direction, FileRecord, NoteRecord, read_unmet_need
from dicomgui.trace.store import TraceStore

__all__ = ["Need", "Needs", "command_name", "needs_of"]

MAX_RECORDS = 200_000
"""Records of one association that are looked at."""
MAX_FILES = 20
"""Files that are named of each context."""
MAX_UNMET = 256
"""Kinds of needs without a context that are told apart."""

_RESPONSE = 0x8000  # PS3.7 E.1: the bit of Command Field that makes a response
_CANCEL = 0x0FFF
_C_STORE = 0x0001


def command_name(command_field: int) -> str:
    """``C-STORE-RQ``; the number of a Command Field that is not known."""
    try:
        return CommandField(command_field).name.replace("_", "-")
    except ValueError:
        return f"command {command_field:04X}H"


@dataclass(frozen=True, slots=True)
class Need:
    """Something that needed a context.

    :ivar what: the operation, e.g. ``C-STORE``; ``operation`` where it is not known.
    :ivar count: how many times.
    :ivar files: names of files that were sent or written so, at most :data:`MAX_FILES`.
    :ivar abstract_syntax: UID that was needed, where no context was there for it.
    :ivar transfer_syntaxes: UIDs of which one was needed; none of them where any would do.
    """

    what: str
    count: int
    files: tuple[str, ...] = ()
    abstract_syntax: str = ""
    transfer_syntaxes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """``412 × C-STORE``."""
        return self.what if self.count == 1 else f"{self.count:,} × {self.what}"


@dataclass(slots=True)
class _Count:
    count: int = 0
    files: list[str] = field(default_factory=list)

    def add_file(self, path: str) -> None:
        if path and len(self.files) < MAX_FILES:
            self.files.append(PurePath(path.replace("\\", "/")).name)


class Needs:
    """The needs of one association, gathered record by record.

    :ivar is_partial: there were more records than were looked at.
    """

    def __init__(self) -> None:
        self.is_partial = False
        self._on: dict[tuple[int, int], _Count] = {}
        self._unmet: dict[tuple[str, tuple[str, ...]], _Count] = {}
        self._opened: deque[str] = deque(maxlen=2)
        self._arrived: deque[_Count] = deque(maxlen=2)

    def add_message(self, record: DimseRecord) -> None:
        """Count a request; a file that was opened before it, or is stored after it, belongs to it."""
        command = record.command_field
        if command & _RESPONSE:
            if command == _C_STORE | _RESPONSE:
                self._arrived.clear()
            return
        if command == _CANCEL:
            return
        counted = self._on.setdefault((record.context_id, command), _Count())
        counted.count += 1
        if command != _C_STORE:
            return
        if record.direction is Direction.RECEIVED:
            self._arrived.append(counted)
        elif len(self._opened) == 1:
            counted.add_file(self._opened.pop())
        else:
            self._opened.clear()  # several at once: which of them it is cannot be told

    def add_file(self, record: FileRecord) -> None:
        """Take note of a file that was read or written."""
        if record.event == "opened":
            self._opened.append(record.path)
        elif record.event in ("stored", "duplicate") and len(self._arrived) == 1:
            self._arrived.pop().add_file(record.path)

    def add_note(self, record: NoteRecord) -> None:
        """Take note of a request for which no context was accepted."""
        unmet = read_unmet_need(record.text)
        if unmet is None or (unmet not in self._unmet and len(self._unmet) >= MAX_UNMET):
            return
        counted = self._unmet.setdefault(unmet, _Count())
        counted.count += 1
        if len(self._opened) == 1:
            counted.add_file(self._opened.pop())
        self._opened.clear()

    def on_context(self, context_id: int) -> tuple[Need, ...]:
        """What went on a context, in the order of first use."""
        return tuple(
            Need(command_name(command).removesuffix("-RQ"), counted.count, tuple(counted.files))
            for (used, command), counted in self._on.items()
            if used == context_id
        )

    @property
    def unmet(self) -> tuple[Need, ...]:
        """What had no context to go on."""
        return tuple(
            Need("C-STORE" if counted.files else "operation", counted.count, tuple(counted.files), sop_class, syntaxes)
            for (sop_class, syntaxes), counted in self._unmet.items()
        )

    def refused(self, abstract_syntax: str, transfer_syntaxes: Collection[str]) -> tuple[Need, ...]:
        """What would have gone on a context with this abstract syntax and one of these transfer syntaxes."""
        return tuple(
            need
            for need in self.unmet
            if need.abstract_syntax == abstract_syntax
            and (not need.transfer_syntaxes or not set(need.transfer_syntaxes).isdisjoint(transfer_syntaxes))
        )


def needs_of(store: TraceStore, association: int) -> Needs:
    """Gather them; reads the records of the association, up to :data:`MAX_RECORDS`."""
    needs = Needs()
    since = seen = 0
    while batch := store.of_association(association, since, 1000):
        for entry in batch:
            record = entry.record
            if isinstance(record, DimseRecord):
                needs.add_message(record)
            elif isinstance(record, FileRecord):
                needs.add_file(record)
            elif isinstance(record, NoteRecord):
                needs.add_note(record)
        since = batch[-1].seq
        seen += len(batch)
        if seen >= MAX_RECORDS:
            needs.is_partial = True
            break
    return needs
