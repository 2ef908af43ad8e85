"""The answers to one condition of a filter: columns of zeros and ones for rows, exchanges and associations."""

from __future__ import annotations

from array import array
from collections import Counter
from itertools import compress

from dicomgui.trace.filter.condition import MarkTest
from dicomgui.trace.filter.content import Content
from dicomgui.trace.filter.facts import AssociationFacts
from dicomgui.trace.filter.grammar import Term
from dicomgui.trace.filter.terms import test_of
from dicomgui.trace.index import Changes, TraceIndex
from dicomgui.trace.marks import Marks

__all__ = ["Answers", "negated"]

_OPPOSITE = bytes((1, *bytes(255)))
_ZERO, _ONE = b"\0", b"\1"
_SLICE = 16_384


def negated(mask: bytes | bytearray) -> bytes | bytearray:
    """Zeros for ones and ones for zeros."""
    return mask.translate(_OPPOSITE)


class Answers:
    """What a condition says of everything in an index, kept up to date.

    :raises FilterError: the condition means nothing.
    """

    def __init__(self, term: Term, index: TraceIndex, marks: Marks | None) -> None:
        self._test = test_of(term)
        self._index = index
        self._marks = marks
        self.restart()

    @property
    def reads_content(self) -> bool:
        """Whether it has to look into the bytes of PDUs."""
        return self._test.content is not None

    def restart(self) -> None:
        """Forget all answers."""
        self._associations: dict[int, bool] = {}
        self._exchanges = bytearray(1)
        self._exchange_counts: Counter[int] = Counter()  # exchanges that pass, by association
        self._forget_rows()

    def _forget_rows(self) -> None:
        self._rows = bytearray()
        self._rows_from = self._index.first_seq
        self._row_exchanges = bytearray()  # of each exchange, whether a row of it passes: a set takes 100 times more
        self._row_associations: set[int] = set()

    def forget_marks(self) -> None:
        """The marks have changed."""
        if self._test.marks is not None:
            rows = self._rows_from + len(self._rows) - 1
            self._forget_rows()
            self._ask_rows(self._index.first_seq, rows)

    # ----------------------------------------------------------------------------------------------------------- asking

    @property
    def is_behind(self) -> bool:
        """Whether there are exchanges that were not asked about."""
        return self._test.exchange is not None and len(self._exchanges) <= len(self._index.exchanges)

    def update(self, changes: Changes, first: int, last: int, *, limit: int | None = None) -> tuple[set[int], set[int]]:
        """Ask of the rows from ``first`` to ``last``, of new exchanges, and of what has changed.

        :param limit: how many new exchanges are asked about at most.
        :returns: the associations and the exchanges that had an answer and have another one now.
        """
        test = self._test
        associations = self._ask_associations(changes) if test.association is not None else set()
        exchanges = self._ask_exchanges(changes, limit) if test.exchange is not None else set()
        if test.asks_rows and last >= first:
            self._ask_rows(first, last)
        return associations, exchanges

    def _ask_associations(self, changes: Changes) -> set[int]:
        ask, store = self._test.association, self._index.store
        flipped: set[int] = set()
        known = self._associations
        for number in changes.associations if known else self._index.associations():
            summary = store.association(number)
            if ask is None or summary is None:
                continue
            passes = ask(AssociationFacts(store, summary))
            before = known.get(number)
            known[number] = passes
            if before is not None and before != passes:
                flipped.add(number)
        return flipped

    def _ask_exchanges(self, changes: Changes, limit: int | None) -> set[int]:
        ask, table, bits = self._test.exchange, self._index.exchanges, self._exchanges
        flipped: set[int] = set()
        if ask is None:
            return flipped
        known = len(bits)
        for number in changes.exchanges:
            if number < known and bits[number] != ask(table, number):
                bits[number] ^= 1
                self._exchange_counts[table.association[number]] += 1 if bits[number] else -1
                flipped.add(number)
        end = len(table) + 1 if limit is None else min(len(table) + 1, known + limit)
        for number in range(known, end):
            passes = ask(table, number)
            bits.append(passes)
            if passes:
                self._exchange_counts[table.association[number]] += 1
        return flipped

    def _ask_rows(self, first: int, last: int) -> None:
        index, test = self._index, self._test
        self._drop_old()
        start, stop = index.first_row_from(first), index.first_row_from(last + 1)
        if test.kinds is not None:
            fresh = index.kind[start:stop].translate(test.kinds)
        elif test.flags is not None:
            fresh = index.flags[start:stop].translate(test.flags)
        elif test.length is not None:
            fresh = bytearray(map(test.length, index.length[start:stop]))
        elif test.marks is not None:
            fresh = self._ask_marks(test.marks, index.first_seq + start, stop - start)
        else:
            fresh = self._ask_content(test.content, index.first_seq + start, stop - start)
        self._rows += fresh
        _mark(self._row_exchanges, set(compress(index.exchange[start:stop], fresh)))
        self._row_associations.update(compress(index.association[start:stop], fresh))

    def _drop_old(self) -> None:
        gone = self._index.first_seq - self._rows_from
        if gone > 0:
            del self._rows[:gone]
            self._rows_from += gone

    def _ask_marks(self, test: MarkTest, first: int, count: int) -> bytearray:
        fresh = bytearray(_ONE if test.passes(False, "", "") else _ZERO) * count
        for seq in self._marks.seqs() if self._marks is not None else ():
            mark = self._marks.get(seq) if self._marks is not None else None
            if mark is not None and first <= seq < first + count:
                fresh[seq - first] = test.passes(mark.marked, mark.color, mark.comment)
        return fresh

    def _ask_content(self, content: Content | None, first: int, count: int) -> bytearray:
        fresh = bytearray(count)
        if content is None:
            return fresh
        for entry in self._index.store.search(first - 1, first + count - 1, content.needles, content.word):
            if content.passes(entry.record):
                fresh[entry.seq - first] = 1
        return fresh

    # -------------------------------------------------------------------------------------------------------- answering

    def of_association(self, number: int) -> bool:
        """Of an association: itself, else whether of anything in it."""
        test = self._test
        if test.association is not None:
            return self._associations.get(number, False)
        return self._exchange_counts[number] > 0 or number in self._row_associations

    def of_exchange(self, number: int) -> bool:
        """Of an exchange: itself, else whether of any of its rows, else of its association."""
        test = self._test
        if test.exchange is not None:
            return number < len(self._exchanges) and bool(self._exchanges[number])
        if test.asks_rows:
            known = self._row_exchanges
            return (number < len(known) and known[number] > 0) or self._has_late_row(number)
        return self._associations.get(self._index.exchanges.association[number], False)

    def _has_late_row(self, number: int) -> bool:
        """Whether a row passes that was given to the exchange after it was asked."""
        rows, first = self._rows, self._rows_from
        return any(0 <= seq - first < len(rows) and rows[seq - first] for seq in self._index.rows_of(number)[:64])

    def of_exchanges(self, first: int, last: int) -> bytes | bytearray:
        """Of the exchanges from number ``first`` to ``last``."""
        test, index = self._test, self._index
        if test.exchange is not None:
            return self._exchanges[first : last + 1]
        if test.asks_rows:
            passing = bytearray(last + 1)
            start = self._rows_from - index.first_seq
            for at in range(0, len(self._rows), _SLICE):
                numbers = index.exchange[start + at : start + at + _SLICE]
                _mark(passing, set(compress(numbers, self._rows[at : at + _SLICE])))
            return passing[first : last + 1]
        known = self._associations
        return bytes(known.get(number, False) for number in index.exchanges.association[first : last + 1])

    def of_row(self, place: int) -> bool:
        """Of the row at a place of the index."""
        return bool(self.of_rows(place, place + 1)[0])

    def of_rows(self, start: int, stop: int) -> bytes | bytearray:
        """Of the rows at the places from ``start`` to before ``stop`` of the index."""
        test, index = self._test, self._index
        if test.asks_rows:
            offset = self._rows_from - index.first_seq
            return self._rows[start - offset : stop - offset]
        if test.exchange is not None:
            bits = self._exchanges
            return bytes(map(bits.__getitem__, _within(index.exchange[start:stop], len(bits))))
        known = self._associations
        return bytes(known.get(number, False) for number in index.association[start:stop])


def _within(numbers: array[int], size: int) -> array[int]:
    """The numbers; those that are not asked about yet as 0, which never passes."""
    if numbers and max(numbers) >= size:
        return array("I", (number if number < size else 0 for number in numbers))
    return numbers


def _mark(bits: bytearray, numbers: set[int]) -> None:
    """Set the bytes of these numbers to one; what is not long enough grows."""
    if numbers:
        bits.extend(bytes(max(0, max(numbers) + 1 - len(bits))))
    for number in numbers:
        bits[number] = 1
