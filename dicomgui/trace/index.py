"""An index over a trace: which row belongs to which exchange, and what filters ask of a row, in columns.

It is pulled, never pushed: whoever looks at a trace calls :meth:`TraceIndex.update`, so that a listener nobody looks at
pays nothing. A row costs 18 bytes here, an exchange some 90.
"""

from __future__ import annotations

import weakref
from array import array
from bisect import bisect_left

from dicomgui.network.dimse import RESPONSE_BIT
from dicomgui.network.pdu import PduType
from dicomgui.network.status import Status
from dicomgui.network.tracing import (
    BytesRecord,
    CloseRecord,
    ConnectRecord,
    DimseRecord,
    Direction,
    FileRecord,
    ListenRecord,
    NoteRecord,
    PduRecord,
    Record,
    RefuseRecord,
    ResolveRecord,
    TimerRecord,
    TlsRecord,
)
from dicomgui.trace.codec import KINDS
from dicomgui.trace.exchanges import ExchangeTable
from dicomgui.trace.pairing import Pairing
from dicomgui.trace.store import Entry, TraceStore

__all__ = ["FAILED", "PDU_KIND", "RECEIVED", "SENT", "Changes", "TraceIndex", "Watcher", "kind_number"]

SENT, RECEIVED, FAILED = 0x01, 0x02, 0x04
"""Flags of a row: the way of its bytes or message, and that it tells of something that went wrong."""

PDU_KIND = 32
"""Kinds of rows: a record's kind is its place in :data:`dicomgui.trace.codec.KINDS`, a PDU's this plus its type."""

_KIND_OF_TYPE = {record_type: number for number, record_type in enumerate(KINDS.values())}
_KIND_OF_NAME = {name: number for number, name in enumerate(KINDS)}
_DIMSE_KIND = _KIND_OF_TYPE[DimseRecord]
_WAYS = {Direction.SENT: SENT, Direction.RECEIVED: RECEIVED}
_MAX_COLUMN = 0xFFFF_FFFF
_BATCH = 1024
_ERROR_LEVEL = 40  # logging.ERROR
_CALLING_AE = slice(26, 42)  # PS3.8 table 9-11


def kind_number(name: str) -> int:
    """The number of a kind of record by the name that files use; -1 for an unknown one."""
    return _KIND_OF_NAME.get(name, -1)


class Changes:
    """What has happened in an index since a watcher looked last.

    :ivar associations: that are new or have changed.
    :ivar exchanges: the same of exchanges.
    :ivar rows: that were there and belong to an exchange only now, because its command set is whole only now.
    :ivar restarted: whether all that was known is gone.
    """

    __slots__ = ("associations", "exchanges", "restarted", "rows")

    def __init__(self) -> None:
        self.associations: set[int] = set()
        self.exchanges: set[int] = set()
        self.rows: set[int] = set()
        self.restarted = False

    def add(self, other: Changes) -> None:
        """Take what another one tells, too."""
        self.associations |= other.associations
        self.exchanges |= other.exchanges
        self.rows |= other.rows

    def clear(self) -> None:
        """Forget what was told."""
        self.associations.clear()
        self.exchanges.clear()
        self.rows.clear()


class Watcher:
    """Collects what changes in an index, for one view."""

    def __init__(self) -> None:
        self._changes = Changes()

    def note(self, changes: Changes) -> None:
        """Something is new or has changed."""
        self._changes.add(changes)

    def restart(self) -> None:
        """All is gone."""
        self._changes = Changes()
        self._changes.restarted = True

    @property
    def has_news(self) -> bool:
        """Whether there is anything to take."""
        changes = self._changes
        return bool(changes.restarted or changes.associations or changes.exchanges or changes.rows)

    def take(self) -> Changes:
        """What has changed since the last call."""
        taken, self._changes = self._changes, Changes()
        return taken


class TraceIndex:
    """Rows and exchanges of a :class:`TraceStore`. Belongs to one thread; for a file it may be filled in another one.

    :ivar exchanges: all exchanges that were found.
    :ivar first_seq: row of the first element of the columns.
    :ivar exchange: of each row, 0 for none.
    :ivar association: of each row, 0 for none.
    :ivar kind: of each row, see :data:`PDU_KIND`.
    :ivar flags: of each row.
    :ivar length: of each row: bytes on the wire, at most 4 GiB; 0 for what has none.
    """

    def __init__(self, store: TraceStore) -> None:
        self.store = store
        self._watchers: weakref.WeakSet[Watcher] = weakref.WeakSet()
        self._begin(store.first_seq)

    def _begin(self, first_seq: int) -> None:
        self.exchanges = ExchangeTable()
        self.first_seq = first_seq
        self.exchange = array("I")
        self.association = array("I")
        self.kind = bytearray()
        self.flags = bytearray()
        self.length = array("I")
        self._starts: dict[int, int] = {}
        self._gone_starts: dict[int, int] = {}  # associations whose first row is gone, by that row
        self._of_association: dict[int, array[int]] = {}
        self._sorted_in = 0  # exchanges that are entered under their associations
        self._fresh = Changes()
        self._pairing = Pairing(self.exchanges, self._assign, self._fresh.exchanges.add)

    # ---------------------------------------------------------------------------------------------------------- filling

    @property
    def reached(self) -> int:
        """The last row that was looked at."""
        return self.first_seq + len(self.kind) - 1

    def update(self, limit: int = 4096) -> bool:
        """Look at the next rows of the store, at most ``limit``.

        :returns: whether there are more.
        """
        store = self.store
        if store.first_seq > self.reached + 1 or (store.first_seq > store.last_seq and self.kind):
            self.restart()
        self._forget_dropped()
        done = 0
        while done < limit:
            entries = store.since(self.reached, min(_BATCH, limit - done))
            if not entries:
                break
            for entry in entries:
                self._add(entry)
            done += len(entries)
        self._tell()
        return store.last_seq > self.reached

    def _tell(self) -> None:
        """Enter new exchanges under their associations, and tell the watchers what has changed."""
        table, known = self.exchanges, self._of_association
        for number in range(self._sorted_in + 1, len(table) + 1):
            known.setdefault(table.association[number], array("I")).append(number)
        self._sorted_in = len(table)
        for watcher in self._watchers:
            watcher.note(self._fresh)
        self._fresh.clear()

    def restart(self) -> None:
        """Begin again with what the store has now."""
        self._begin(self.store.first_seq)
        for watcher in self._watchers:
            watcher.restart()

    def watch(self) -> Watcher:
        """A new watcher; it lives as long as somebody holds it."""
        watcher = Watcher()
        self._watchers.add(watcher)
        return watcher

    def _add(self, entry: Entry) -> None:
        record = entry.record
        seq = entry.seq
        while seq > self.first_seq + len(self.kind):  # rows that went between two looks
            self._append(0, 0, 0, 0)
        number = record[0]
        if number:
            self._fresh.associations.add(number)
            if number not in self._starts:
                self._starts[number] = seq
        # The row has to be there before the pairing gives numbers to it and to earlier ones.
        if isinstance(record, PduRecord):
            flags = _WAYS[record.direction]
            if record.error or record.pdu_type in (PduType.ASSOCIATE_RJ, PduType.ABORT):
                flags |= FAILED
            self._append(number, PDU_KIND + record.pdu_type, flags, record.length)
            exchange = self._pair(seq, record)
        elif isinstance(record, DimseRecord):
            self._append(number, _DIMSE_KIND, _WAYS[record.direction] | _dimse_failed(record), 0)
            exchange = self._pairing.message_record(seq, record)
        else:
            self._append(number, _KIND_OF_TYPE[type(record)], 0, 0)
            self._other(record)
            return
        if exchange:
            self.exchange[-1] = exchange

    def _append(self, association: int, kind: int, flags: int, length: int) -> None:
        self.association.append(association if association <= _MAX_COLUMN else 0)
        self.kind.append(kind if kind <= 0xFF else 0xFF)
        self.flags.append(flags)
        self.length.append(length if length <= _MAX_COLUMN else _MAX_COLUMN)
        self.exchange.append(0)

    def _pair(self, seq: int, record: PduRecord) -> int:
        if record.pdu_type == PduType.P_DATA_TF:
            return self._pairing.data_pdu(seq, record)
        if record.pdu_type == PduType.ASSOCIATE_RQ and record.segments:
            title = record.segments[0].data[_CALLING_AE].decode("latin-1").strip(" \0")
            self._pairing.opened(record.association, title)
        return 0

    def _other(self, record: Record) -> None:
        if isinstance(record, CloseRecord):
            self._pairing.ended(record.association)
        elif isinstance(record, BytesRecord):
            self.flags[-1] |= _WAYS[record.direction]
            self.length[-1] = min(record.length, _MAX_COLUMN)
        if _tells_failure(record):
            self.flags[-1] |= FAILED

    def _assign(self, seq: int, exchange: int) -> None:
        place = seq - self.first_seq
        if 0 <= place < len(self.exchange):
            self.exchange[place] = exchange
            self._fresh.rows.add(seq)

    def _forget_dropped(self) -> None:
        """Rows that the store has let go leave the columns, a good part at a time."""
        gone = self.store.first_seq - self.first_seq
        if gone > max(_BATCH, len(self.kind) // 8):
            for column in (self.exchange, self.association, self.length):
                del column[:gone]
            del self.kind[:gone]
            del self.flags[:gone]
            self.first_seq += gone
            known = self.store.association
            self._starts = {number: seq for number, seq in self._starts.items() if known(number) is not None}
            self._gone_starts = {seq: number for number, seq in self._starts.items() if seq < self.first_seq}

    # ---------------------------------------------------------------------------------------------------------- reading

    def exchange_at(self, seq: int) -> int:
        """Number of the exchange that a row belongs to; 0 for none."""
        place = seq - self.first_seq
        return self.exchange[place] if 0 <= place < len(self.exchange) else 0

    def start_of(self, association: int) -> int:
        """The row of an association's first record; 0 for one that is not known."""
        return self._starts.get(association, 0)

    def association_from(self, seq: int) -> int:
        """The association whose first record was row ``seq``, also where that row is gone; 0 for none."""
        place = seq - self.first_seq
        number = self.association[place] if 0 <= place < len(self.association) else self._gone_starts.get(seq, 0)
        return number if self._starts.get(number) == seq else 0

    def associations(self) -> list[int]:
        """The numbers of all associations, in the order of their first records."""
        return list(self._starts)

    def exchanges_of(self, association: int) -> array[int]:
        """The numbers of an association's exchanges, in the order of their requests."""
        return self._of_association.get(association, array("I"))

    def rows_of(self, exchange: int) -> list[int]:
        """The rows of an exchange that are still there."""
        table = self.exchanges
        first = max(table.first_seq[exchange] - self.first_seq, 0)
        last = table.last_seq[exchange] - self.first_seq
        column = self.exchange
        stop = min(last + 1, len(column))
        return [self.first_seq + place for place in range(first, stop) if column[place] == exchange]

    def first_row_from(self, seq: int) -> int:
        """The place in the columns of the first row from ``seq`` on."""
        return min(max(0, seq - self.first_seq), len(self.kind))

    def exchange_from(self, seq: int) -> int:
        """The exchange whose first row was ``seq``, also where that row is gone; 0 for none."""
        table = self.exchanges
        place = seq - self.first_seq
        # Not by bisection where it is there: of two requests in pieces the later may end first.
        is_there = 0 <= place < len(self.exchange)
        number = self.exchange[place] if is_there else bisect_left(table.first_seq, seq, lo=1)
        return number if number <= len(table) and table.first_seq[number] == seq else 0


def _dimse_failed(record: DimseRecord) -> int:
    is_response = record.command_field & RESPONSE_BIT and 0 <= record.status <= 0xFFFF
    return FAILED if is_response and Status(record.status).is_failure else 0


def _tells_failure(record: Record) -> bool:
    if isinstance(record, NoteRecord):
        return record.level >= _ERROR_LEVEL
    if isinstance(record, FileRecord):
        return record.has_failed
    if isinstance(record, BytesRecord | TimerRecord | RefuseRecord):
        return True
    if isinstance(record, ConnectRecord | ResolveRecord | ListenRecord | TlsRecord | CloseRecord):
        return bool(record.error)
    return False
