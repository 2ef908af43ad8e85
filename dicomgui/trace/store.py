"""The trace of the running program: bounded in memory and on disk, read by sequence number.

Records come one by one through :meth:`TraceStore.__call__` and are gathered in blocks of some hundred. A few of the
newest blocks stay as they are, for whoever reads what is new; the others are packed (:mod:`dicomgui.trace.packing`):
what describes their records stays in memory (some 15 bytes a row), and so do the bytes of their PDUs up to the memory
budget. Beyond it those of the oldest are laid aside in a temporary file. That file is a ring as long as the disk
budget: new bytes take the place of the oldest, whose rows then say that their bytes are gone. The file has mode 0600
and no name, or a name that the system removes with the last handle, so nothing of it outlives the process.
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from dicomgui.network.tracing import BytesRecord, DimseRecord, PduRecord, Record, TlsRecord
from dicomgui.trace.packing import pack, unpack, words_of
from dicomgui.trace.row_runs import drop_before, rows_after, rows_before
from dicomgui.trace.spill import Spill
from dicomgui.trace.summary import AssociationSummary, Tally

__all__ = ["DEFAULT_DISK_BYTES", "DEFAULT_MAX_ROWS", "DEFAULT_MEMORY_BYTES", "Entry", "TraceStore"]

DEFAULT_MEMORY_BYTES = 16 * 2**20
"""What the newest records and their bytes may take before the bytes of the oldest of them are laid aside."""

DEFAULT_DISK_BYTES = 2**30
"""How long the temporary file may get."""

DEFAULT_MAX_ROWS = 4_000_000
"""How many rows are kept; past that the oldest go altogether."""

# A block is what is packed at once, in the event loop's thread: small enough to take a part of a millisecond.
_BLOCK_ROWS = 256
_BLOCK_BYTES = 2**19
_FRESH_BYTES = 12 * 2**20  # blocks that are not packed yet: a study of some hundred images is not while it comes
_ROW_COST = 400  # bytes of the objects of one record, measured; its PDU bytes come on top
_SEGMENT_COST = 140
_PLACE_COST = 8  # of a row in its list, which is all that one more of the same record takes


class Entry(NamedTuple):
    """One row of the trace.

    :ivar seq: its number, from 1 on, never used again.
    :ivar record: what was recorded.
    :ivar lost: whether its bytes had to make room for newer ones: ``record`` then has no segments or data.
    """

    seq: int
    record: Record
    lost: bool


class _Block:
    """Some records that follow each other: as they are, packed, or packed with their bytes laid aside.

    A reader in another thread may meet it while it changes: what takes the place of a part is there before that goes.
    """

    __slots__ = ("associations", "cost", "first_seq", "head", "length", "payload", "position", "records")

    def __init__(self, first_seq: int, records: list[Record]) -> None:
        self.first_seq = first_seq
        self.records: list[Record] | None = records
        self.associations: frozenset[int] = frozenset()
        self.cost = 0
        self.head = b""
        self.payload: bytes | None = b""
        self.position = 0
        self.length = 0

    def seal(self, records: list[Record], cost: int) -> None:
        """No record follows."""
        self.associations = frozenset([record[0] for record in records])
        self.cost = cost

    def pack(self, records: list[Record]) -> None:
        self.head, self.payload = pack(records)
        self.length = self.cost = len(self.payload)
        self.records = None

    def lay_aside(self, spill: Spill) -> None:
        if self.payload:
            self.position = spill.write(self.payload)
            self.payload = None

    def _bytes(self, spill: Spill) -> bytes | None:
        """The bytes of its records; ``None`` where they are lost."""
        payload = self.payload
        if payload is not None:
            return payload
        return spill.read(self.position, self.length) if self.position >= 0 else None

    def may_hold(self, needles: Sequence[bytes], word: str, spill: Spill) -> bool:
        """Whether a record may have one of the byte strings in its bytes, or the word in its texts."""
        if self.records is not None:  # to look through them is what the caller does anyway
            return True
        if word and word.encode("ascii") in words_of(self.head):
            return True
        payload = self._bytes(spill)
        return payload is not None and any(needle in payload for needle in needles)

    def load(self, spill: Spill) -> tuple[list[Record], bool]:
        """Give the records and whether their bytes are lost."""
        records = self.records
        if records is not None:
            return records, False
        payload = self._bytes(spill)
        return unpack(self.head, payload), payload is None

    def has_lost(self, spill: Spill) -> bool:
        """Whether the bytes of its records are lost."""
        return self.payload is None and not spill.holds(self.position)


class TraceStore:
    """A tracer that keeps what it is given, within budgets.

    It is called in the event loop's thread and never raises. Reading (:meth:`since`, :meth:`entry`, :meth:`records`)
    is safe from any thread; :meth:`clear` and :meth:`close` belong to the thread that appends.

    :param memory_bytes: what the newest records may take; see :data:`DEFAULT_MEMORY_BYTES`.
    :param disk_bytes: how long the temporary file may get; 0 for no file.
    :param max_rows: how many rows are kept; the oldest go, a block of them at a time.
    :param folder: where the temporary file is made; the system's place for such files when left out.
    """

    def __init__(
        self,
        *,
        memory_bytes: int = DEFAULT_MEMORY_BYTES,
        disk_bytes: int = DEFAULT_DISK_BYTES,
        max_rows: int = DEFAULT_MAX_ROWS,
        folder: Path | None = None,
    ) -> None:
        self._memory_bytes = memory_bytes
        self._max_rows = max_rows
        self._spill = Spill(disk_bytes, folder)
        self._blocks: list[_Block] = []
        self._fresh: deque[_Block] = deque()  # the newest of them, not packed yet
        self._fresh_bytes = 0
        self._held: deque[_Block] = deque()  # packed ones before these whose bytes are not laid aside
        self._held_bytes = 0
        self._rows: list[Record] = []
        self._open = _Block(1, self._rows)
        self._open_cost = 0
        self._tallies: dict[int, Tally] = {}
        self._runs_of: dict[int, array[int]] = {}
        self._latest: Record | None = None
        self._number = -1  # association of the newest row, with its counts and runs, where these are known
        self._tally: Tally
        self._runs: array[int]
        self._cached: dict[int, tuple[_Block, tuple[list[Record], bool]]] = {}  # by the thread that reads

    # ------------------------------------------------------------------------------------------------------ writing

    def __call__(self, record: Record) -> None:
        """Keep a record."""
        rows = self._rows
        rows.append(record)
        self._enter(record, 1).add(record)
        if record is not self._latest:  # one more of the same costs no memory
            self._latest = record
            cost = _ROW_COST
            if type(record) is PduRecord:
                for _, data in record[6]:
                    cost += _SEGMENT_COST + len(data)
            else:
                cost += _bytes_beside(record)
            self._open_cost += cost
        if len(rows) >= _BLOCK_ROWS or self._open_cost >= _BLOCK_BYTES:
            self._seal()

    def take_sent(self, sent: Sequence[PduRecord], message: DimseRecord | None = None) -> None:
        """Keep records as :func:`~dicomgui.network.tracing.hand_on` gives them, in a fraction of the time."""
        rows = self._rows
        rows.extend(sent)
        count = len(sent)
        if message is not None:
            rows.append(message)
            self._open_cost += _ROW_COST
            count += 1
        self._enter(sent[0], count).add_sent(sent, message)
        for record in sent:
            if record is not self._latest:
                self._latest = record
                self._open_cost += _ROW_COST + _SEGMENT_COST + len(record[6][0][1])
        if len(rows) >= _BLOCK_ROWS or self._open_cost >= _BLOCK_BYTES:
            self._seal()

    def take_received(self, records: Sequence[Record]) -> None:
        """Keep records as :func:`~dicomgui.network.tracing.hand_on_received` gives them, in a fraction of the time."""
        rows = self._rows
        rows.extend(records)
        size = self._enter(records[0], len(records)).add_received(records)
        if records[0] is records[-1]:  # all are the same: PDUs of which nothing but the headers was kept
            self._open_cost += _ROW_COST + _SEGMENT_COST
        else:
            self._open_cost += len(records) * (_ROW_COST + _SEGMENT_COST) + size
        if len(rows) >= _BLOCK_ROWS or self._open_cost >= _BLOCK_BYTES:
            self._seal()

    def _enter(self, record: Record, count: int) -> Tally:
        """Enter the newest rows under their association; gives where they are counted."""
        number = record[0]
        if number == self._number:  # the row before them is of the same one, as mostly
            self._runs[-1] += count
            return self._tally
        after = self._open.first_seq + len(self._rows)
        tally, runs = self._tallies.get(number), self._runs_of.get(number)
        if tally is None or runs is None:
            tally = self._tallies[number] = Tally(record)
            runs = self._runs_of[number] = array("Q")
        if runs and runs[-1] == after - count:
            runs[-1] = after
        else:
            runs.extend((after - count, after))
        self._number, self._tally, self._runs = number, tally, runs
        return tally

    def adopt(self, records: list[Record]) -> None:
        """Keep many records at once, as a trace file has them: packed, with their bytes laid aside."""
        if not records:
            return
        if self._rows:
            self._seal()
        adopted = self._open
        for record in records:
            self._rows.append(record)
            self._enter(record, 1).add(record)
        adopted.records = records
        adopted.seal(records, 0)
        self._blocks.append(adopted)
        self._open_at(adopted.first_seq + len(records))
        self._cached[threading.get_ident()] = (adopted, (records, False))  # who adopts them often reads them next
        adopted.pack(records)
        adopted.lay_aside(self._spill)
        self._drop_surplus()

    def _seal(self) -> None:
        """Close the block that is being filled, then pack, lay aside or drop what exceeds the budgets."""
        sealed, cost = self._open, self._open_cost + _PLACE_COST * len(self._rows)
        sealed.seal(self._rows, cost)
        # In this order a reader in another thread may meet a row twice for a moment, and never misses one.
        self._blocks.append(sealed)
        self._open_at(sealed.first_seq + len(self._rows))
        self._fresh.append(sealed)
        self._fresh_bytes += cost
        while self._fresh_bytes > min(_FRESH_BYTES, self._memory_bytes):
            self._pack_oldest()
        while self._held and self._fresh_bytes + self._held_bytes > self._memory_bytes:
            laid = self._held.popleft()
            self._held_bytes -= laid.cost
            laid.lay_aside(self._spill)
        self._drop_surplus()

    def _pack_oldest(self) -> None:
        block = self._fresh.popleft()
        self._fresh_bytes -= block.cost
        if block.records is not None:
            block.pack(block.records)
        self._held.append(block)
        self._held_bytes += block.cost

    def _drop_surplus(self) -> None:
        while len(self) > self._max_rows and self._blocks:
            self._drop_oldest()

    def _open_at(self, first_seq: int) -> None:
        self._rows = []
        self._open = _Block(first_seq, self._rows)
        self._open_cost = 0

    def _drop_oldest(self) -> None:
        oldest = self._blocks[0]
        if self._held and self._held[0] is oldest:
            self._held_bytes -= self._held.popleft().cost
        elif self._fresh and self._fresh[0] is oldest:
            self._fresh_bytes -= self._fresh.popleft().cost
        self._blocks = self._blocks[1:]  # a new list: a reader in another thread goes on with the old one
        first, self._number = self.first_seq, -1
        for number in oldest.associations:
            runs = drop_before(self._runs_of[number], first)
            if runs:
                self._runs_of[number] = runs
            else:
                del self._runs_of[number], self._tallies[number]

    def clear(self) -> None:
        """Forget all rows. Numbers go on, so that a view that asks for what is new stays right."""
        self._blocks, self._fresh, self._held = [], deque(), deque()
        self._fresh_bytes = self._held_bytes = 0
        self._open_at(self.last_seq + 1)
        self._tallies, self._runs_of, self._cached = {}, {}, {}
        self._number, self._latest = -1, None
        self._spill.close()

    def close(self) -> None:
        """Forget all and remove the temporary file."""
        self.clear()

    # ------------------------------------------------------------------------------------------------------ reading

    def __len__(self) -> int:
        """How many rows there are."""
        return self.last_seq - self.first_seq + 1

    @property
    def first_seq(self) -> int:
        """Number of the oldest row that is still there; one more than :attr:`last_seq` where there is none."""
        blocks = self._blocks
        return (blocks[0] if blocks else self._open).first_seq

    @property
    def last_seq(self) -> int:
        """Number of the newest row; 0 before the first."""
        newest = self._open
        records = newest.records
        # Without records it was laid aside since the line before, so there is a newer one.
        return newest.first_seq + len(records) - 1 if records is not None else self.last_seq

    @property
    def error(self) -> str:
        """Why bytes could not be laid aside in the temporary file, or an empty string."""
        return self._spill.error

    def since(self, seq: int, limit: int = 1000) -> list[Entry]:
        """The rows after number ``seq``, oldest first, at most ``limit``. Rows that are gone are passed over."""
        entries: list[Entry] = []
        newest, blocks = self._open, self._blocks
        index = max(0, bisect_right(blocks, seq + 1, key=_first_seq) - 1)
        while index < len(blocks) and len(entries) < limit:
            _collect(entries, blocks[index].first_seq, self._load(blocks[index]), seq, limit)
            index += 1
        reached = entries[-1].seq if entries else seq
        _collect(entries, newest.first_seq, self._load(newest), max(seq, reached), limit)
        return entries

    def search(self, after: int, last: int, needles: Sequence[bytes] = (), word: str = "") -> Iterator[Entry]:
        """The rows after ``after`` up to ``last``, without blocks of rows that hold nothing of what is looked for.

        :param needles: byte strings, of which one has to be in the bytes of the record; none: every row is given.
        :param word: lower case ASCII; a record with it in its texts is given as well.
        """
        newest, blocks = self._open, self._blocks
        index = max(0, bisect_right(blocks, after + 1, key=_first_seq) - 1)
        for block in (*blocks[index:], newest):
            if block.first_seq > last:
                return
            if needles and not block.may_hold(needles, word, self._spill):
                continue
            entries: list[Entry] = []
            start = max(after, block.first_seq - 1)
            _collect(entries, block.first_seq, self._load(block), start, last - start)
            yield from entries

    def entry(self, seq: int) -> Entry | None:
        """The row with that number, or ``None`` where it is gone or not there yet."""
        found = self.since(seq - 1, 1)
        return found[0] if found and found[0].seq == seq else None

    def of_association(self, association: int, since: int = 0, limit: int = 1000) -> list[Entry]:
        """The rows of one association after number ``since``, oldest first, at most ``limit``."""
        runs = self._runs_of.get(association, array("Q"))
        found = (self.entry(seq) for seq in rows_after(runs, max(since, self.first_seq - 1), limit))
        return [entry for entry in found if entry is not None]

    def numbers_before(self, association: int, seq: int, limit: int = 1000) -> list[int]:
        """Numbers of the rows of one association before number ``seq``, newest first, at most ``limit``."""
        runs = self._runs_of.get(association, array("Q"))
        return [number for number in rows_before(runs, seq, limit) if number >= self.first_seq]

    def records(self, association: int | None = None) -> Iterator[Record]:
        """All records that are there now, or those of one association: for the diagnosis and for exports."""
        seq, last = 0, self.last_seq
        while batch := self.since(seq, 8 * _BLOCK_ROWS):
            for entry in batch:
                if entry.seq > last:
                    return
                if association is None or entry.record.association == association:
                    yield entry.record
            seq = batch[-1].seq

    def associations(self) -> list[AssociationSummary]:
        """Every association that has rows, in the order of their first records."""
        return [tally.summary() for number, tally in list(self._tallies.items()) if number]

    def association_numbers(self, after: int = 0) -> list[int]:
        """Number of every association above ``after`` that has rows, oldest first: cheaper than their summaries."""
        return [number for number in list(self._tallies) if number > after]

    def first_moment(self, association: int) -> tuple[float, float]:
        """Monotonic and wall time of an association's first record; zeros where it has no rows."""
        tally = self._tallies.get(association)
        return tally.first if tally is not None else (0.0, 0.0)

    @property
    def lost_rows(self) -> int:
        """How many rows have lost their bytes, because newer ones took their place or the disk took none.

        Rows that never had bytes count as well: what is lost is lost a block of rows at a time.
        """
        blocks = self._blocks
        return sum(
            following.first_seq - block.first_seq
            for block, following in pairwise((*blocks, self._open))
            if block.has_lost(self._spill)
        )

    def association(self, association: int) -> AssociationSummary | None:
        """One association, or ``None`` where it has no rows."""
        tally = self._tallies.get(association)
        return tally.summary() if tally is not None else None

    def _load(self, block: _Block) -> tuple[list[Record], bool]:
        """Load a block; whoever reads goes on in the same one, so each thread's last packed one is remembered."""
        if block.records is not None:
            return block.load(self._spill)
        reader = threading.get_ident()
        cached = self._cached.get(reader)
        if cached is None or cached[0] is not block:
            cached = self._cached[reader] = (block, block.load(self._spill))
        return cached[1]


def _first_seq(block: _Block) -> int:
    return block.first_seq


def _collect(entries: list[Entry], first_seq: int, loaded: tuple[list[Record], bool], seq: int, limit: int) -> None:
    """Add the rows of a block that come after ``seq``."""
    records, lost = loaded
    start = max(0, seq + 1 - first_seq)
    for number, record in enumerate(records[start : start + limit - len(entries)], start=first_seq + start):
        entries.append(Entry(number, record, lost and _has_bytes(record)))


def _bytes_beside(record: Record) -> int:
    """The bytes that a record carries which is none of a PDU."""
    if isinstance(record, BytesRecord):
        return len(record.data)
    return len(record.peer_certificate) + len(record.peer_chain) if isinstance(record, TlsRecord) else 0


def _has_bytes(record: Record) -> bool:
    """Whether a record of this kind carries bytes, so that it says something when they are gone."""
    return isinstance(record, PduRecord | BytesRecord | TlsRecord)
