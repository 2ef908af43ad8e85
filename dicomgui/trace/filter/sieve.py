"""What a view lists: the items of one zoom level that pass a filter, kept up to date while the trace grows.

Every item is named by a row number: a row by its own, an exchange by its first row, an association by its first record.
So one ascending array of numbers serves all three levels, and selections, marks and links survive a change of zoom.

A condition is asked once at its own level, of what is new or has changed; the answers are columns of zeros and ones
that are joined in bulk. So a filter over a million rows costs a few passes over columns unless it looks into the bytes
of PDUs, and those are read a slice at a time.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from itertools import chain, compress
from operator import and_, or_
from typing import TypeAlias

from dicomgui.trace.filter.answers import Answers, negated
from dicomgui.trace.filter.grammar import And, Expression, Filter, Not, Or, Term
from dicomgui.trace.index import Changes, TraceIndex
from dicomgui.trace.marks import Marks

__all__ = ["Change", "Sieve", "Zoom"]

_SLICE_ROWS = 16_384
_SLICE_CONTENT_ROWS = 256  # where bytes of PDUs have to be read
_MAX_RANGES = 64
_MAX_FLIPPED_ROWS = 4096
_MAX_FLIPPED_ITEMS = 16_384
_SLICE_BUILT = 65_536
_ONES = bytes((1,))

_Flipped: TypeAlias = tuple[set[int], set[int]]
_Ask: TypeAlias = Callable[[Answers], bytes | bytearray]
_AskOne: TypeAlias = Callable[[Answers], bool]


class Zoom(Enum):
    """What one item of a list is."""

    ASSOCIATIONS = "associations"
    EXCHANGES = "exchanges"
    """Exchanges, and each association once, where it begins."""
    ROWS = "rows"


@dataclass(slots=True)
class Change:
    """What a step changed in :attr:`Sieve.numbers`.

    :ivar reset: everything may be different; the two lists are empty then.
    :ivar removed: ranges ``(first place, count)`` in the list as it was before, from the last to the first.
    :ivar inserted: ranges in the list as it is after the removals, from the first to the last.
    :ivar touched: numbers of items that stayed and say something else now.
    """

    reset: bool = False
    removed: list[tuple[int, int]] = field(default_factory=list)
    inserted: list[tuple[int, int]] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.reset or self.removed or self.inserted or self.touched)


class _Phase(Enum):
    ASKING = "asking"
    BUILDING = "building"
    LIVE = "live"


class Sieve:
    """The list of one view. Belongs to the thread of its index.

    :param filter_: what passes.
    :param associations: only these; ``None`` for all.
    :param hidden_kinds: kinds of rows (see :data:`dicomgui.trace.index.PDU_KIND`) that the level of rows leaves out.
    :raises FilterError: a condition means nothing.

    :ivar numbers: the items that pass, ascending.
    """

    def __init__(
        self,
        index: TraceIndex,
        zoom: Zoom,
        filter_: Filter | None = None,
        *,
        associations: frozenset[int] | None = None,
        hidden_kinds: frozenset[int] = frozenset(),
        marks: Marks | None = None,
    ) -> None:
        self.numbers: array[int] = array("Q")
        self._index = index
        self._zoom = zoom
        self._expression = filter_.expression if filter_ else None
        self._associations = associations
        self._shown_kinds = bytes(kind not in hidden_kinds for kind in range(256))
        self._marks = marks
        self._revision = marks.revision if marks is not None else 0
        self._watcher = index.watch()
        terms = dict.fromkeys(filter_.terms()) if filter_ else {}
        self._answers = {term: Answers(term, index, marks) for term in terms}
        self._slice = _SLICE_CONTENT_ROWS if any(a.reads_content for a in self._answers.values()) else _SLICE_ROWS
        self._changes = Changes()
        self._fresh_from = 0
        self._built: array[int] = array("Q")  # a list would take five times the memory, if only for a moment
        self._build_from = 0
        self._built_from = index.first_seq
        self._begin()

    # ------------------------------------------------------------------------------------------------------------ facts

    @property
    def progress(self) -> float:
        """How much of the index has been looked at, from 0 to 1."""
        total = len(self._index.kind)
        left = self._index.reached - self._looked
        return 1.0 if not total or left <= 0 else max(0.0, 1.0 - left / total)

    @property
    def is_behind(self) -> bool:
        """Whether another step would find more to look at in what the index has."""
        is_new = self._looked < self._index.reached or self._watcher.has_news
        return is_new or self._phase is not _Phase.LIVE or self._has_new_marks

    @property
    def _has_new_marks(self) -> bool:
        return self._marks is not None and self._marks.revision != self._revision

    def item_of(self, number: int) -> tuple[int, int]:
        """``(association, exchange)`` of an item; the exchange is 0 for an association and for a row without one."""
        index = self._index
        if self._zoom is Zoom.ROWS:
            place = number - index.first_seq
            inside = 0 <= place < len(index.kind)
            return (index.association[place], index.exchange[place]) if inside else (0, 0)
        if self._zoom is Zoom.EXCHANGES and (exchange := index.exchange_from(number)):
            return index.exchanges.association[exchange], exchange
        return index.association_from(number), 0

    # ------------------------------------------------------------------------------------------------------------- work

    def step(self) -> Change:
        """Look at the next slice of what is new, and at what has changed; some milliseconds of work.

        While a filter over an old trace is still looking, the list stays empty or as it was.
        """
        self._take_changes()
        if self._phase is _Phase.ASKING:
            self._ask_on()
        elif self._phase is _Phase.BUILDING:
            return self._build_on()
        if self._phase is _Phase.LIVE:
            return self._live_on()
        return Change()

    def _take_changes(self) -> None:
        fresh, kept = self._watcher.take(), self._changes
        if fresh.restarted:
            self._changes = fresh
            for answers in self._answers.values():
                answers.restart()
            self._begin()
            return
        kept.add(fresh)
        if self._has_new_marks and self._marks is not None:
            self._revision = self._marks.revision
            for answers in self._answers.values():
                answers.forget_marks()
            if self._answers:
                self._build_anew()

    def _begin(self) -> None:
        self._looked = self._index.first_seq - 1
        self._phase = _Phase.ASKING

    def _build_anew(self) -> None:
        if self._phase is not _Phase.ASKING:
            self._phase = _Phase.BUILDING
            self._built = array("Q")
            self._build_from = self._index.first_seq if self._zoom is Zoom.ROWS else 1

    def _ask_on(self) -> None:
        """Ask of the next rows and exchanges."""
        first, last = self._next_slice()
        self._ask(Changes(), first, last, limit=_SLICE_ROWS)
        self._looked = max(self._looked, last)
        if self._looked >= self._index.reached and not any(a.is_behind for a in self._answers.values()):
            self._phase = _Phase.BUILDING
            self._build_anew()

    def _build_on(self) -> Change:
        """Join the next part of the columns of answers."""
        first = self._build_from
        if self._zoom is Zoom.ROWS:
            first, end = max(first, self._index.first_seq), self._looked
            last = min(end, first + _SLICE_BUILT - 1)
            self._built.extend(self._rows(first, last))
        else:
            end = len(self._index.exchanges) if self._zoom is Zoom.EXCHANGES else 0
            last = min(end, first + _SLICE_BUILT - 1)
            if end:
                self._built.extend(self._passing_exchanges(first, last))
        self._build_from = last + 1
        if last < end:
            return Change()
        if self._zoom is not Zoom.ROWS:
            # Not twice: where the beginning was not recorded, both begin with the same row.
            both = {*self._built, *self._passing_associations(self._index.associations())}
            self._built = array("Q", sorted(both))
        self.numbers, self._built = self._built, array("Q")
        self._phase = _Phase.LIVE
        self._built_from = self._index.first_seq
        return Change(reset=True)

    def _live_on(self) -> Change:
        changes, self._changes = self._changes, Changes()
        first, last = self._next_slice()
        self._fresh_from = first
        flipped = self._ask(changes, first, last)
        self._looked = max(self._looked, last)
        if self._zoom is Zoom.ROWS:
            return self._brought_up_rows(changes.rows, flipped, first, last)
        if self._zoom is Zoom.EXCHANGES:
            for number in flipped[0]:  # what is asked of an association counts for its exchanges
                changes.exchanges.update(self._index.exchanges_of(number))
        if len(changes.exchanges) > _MAX_FLIPPED_ITEMS:
            self._build_anew()
            return Change()
        change = self._apply(self._verdicts_on_items(changes))
        if self._built_from != self._index.first_seq:  # rows are gone, and with them whole items
            self._build_anew()
        return change

    def _next_slice(self) -> tuple[int, int]:
        first = max(self._looked + 1, self._index.first_seq)
        size = len(self._index.kind) + 1 if self._expression is None else self._slice
        return first, min(self._index.reached, first + size - 1)

    def _ask(self, changes: Changes, first: int, last: int, limit: int | None = None) -> _Flipped:
        """Bring the answers up to date; give the associations and exchanges that have another one now."""
        associations: set[int] = set()
        exchanges: set[int] = set()
        for answers in self._answers.values():
            flipped = answers.update(changes, first, last, limit=limit)
            associations |= flipped[0]
            exchanges |= flipped[1]
        return associations, exchanges

    # ---------------------------------------------------------------------------------------------------- whole columns

    def _rows(self, first: int, last: int) -> array[int]:
        """The rows from ``first`` to ``last`` that pass."""
        index = self._index
        start, stop = index.first_row_from(first), index.first_row_from(last + 1)
        mask = index.kind[start:stop].translate(self._shown_kinds)
        if self._associations is not None:
            wanted = self._associations
            mask = bytearray(map(and_, mask, (number in wanted for number in index.association[start:stop])))
        if self._expression is not None:
            passes = self._mask(self._expression, lambda answers: answers.of_rows(start, stop), stop - start)
            mask = bytearray(map(and_, mask, passes))
        return array("Q", compress(range(index.first_seq + start, index.first_seq + stop), mask))

    def _passing_exchanges(self, first: int, last: int) -> Iterable[int]:
        table = self._index.exchanges
        size = last - first + 1
        mask = _ONES * size
        if self._associations is not None:
            wanted = self._associations
            mask = bytes(number in wanted for number in table.association[first : last + 1])
        if self._expression is not None:
            passes = self._mask(self._expression, lambda answers: answers.of_exchanges(first, last), size)
            mask = bytes(map(and_, mask, passes))
        if (oldest := self._index.first_seq) > 1:
            mask = bytes(map(and_, mask, (seq >= oldest for seq in table.last_seq[first : last + 1])))
        return compress(table.first_seq[first : last + 1], mask)

    def _passing_associations(self, numbers: list[int]) -> list[int]:
        start_of, store = self._index.start_of, self._index.store
        return [start_of(n) for n in numbers if self._association_passes(n) and store.association(n) is not None]

    def _mask(self, expression: Expression, ask: _Ask, size: int) -> bytes | bytearray:
        if isinstance(expression, Term):
            return ask(self._answers[expression])
        if isinstance(expression, Not):
            return negated(self._mask(expression.part, ask, size))
        join = and_ if isinstance(expression, And) else or_
        mask = self._mask(expression.parts[0], ask, size)
        for part in expression.parts[1:]:
            mask = bytes(map(join, mask, self._mask(part, ask, size)))
        return mask

    # --------------------------------------------------------------------------------------------------------- one item

    def _passes(self, expression: Expression | None, ask: _AskOne) -> bool:
        if expression is None:
            return True
        if isinstance(expression, Term):
            return ask(self._answers[expression])
        if isinstance(expression, Not):
            return not self._passes(expression.part, ask)
        if isinstance(expression, Or):
            return any(self._passes(part, ask) for part in expression.parts)
        return all(self._passes(part, ask) for part in expression.parts)

    def _association_passes(self, number: int) -> bool:
        if self._associations is not None and number not in self._associations:
            return False
        return self._passes(self._expression, lambda answers: answers.of_association(number))

    def _exchange_passes(self, number: int) -> bool:
        if self._associations is not None and self._index.exchanges.association[number] not in self._associations:
            return False
        return self._passes(self._expression, lambda answers: answers.of_exchange(number))

    # ----------------------------------------------------------------------------------------------------- step by step

    def _brought_up_rows(self, late: set[int], flipped: _Flipped, first: int, last: int) -> Change:
        verdicts = self._verdicts_on_rows(late, flipped)
        if verdicts is None:
            self._build_anew()
            return Change()
        change = self._apply(verdicts)
        change.touched.clear()
        numbers = self.numbers
        gone = bisect_left(numbers, self._index.first_seq)
        if change.reset:
            del numbers[:gone]
        elif gone:
            if change.inserted or change.removed:
                self._build_anew()
                return Change(reset=True)
            change.removed.append((0, gone))
            del numbers[:gone]
        added = self._rows(first, last) if last >= first else array("Q")
        if added and not change.reset:
            change.inserted.append((len(numbers), len(added)))
        numbers.extend(added)
        return change

    def _verdicts_on_rows(self, late: set[int], flipped: _Flipped) -> dict[int, bool] | None:
        """Whether the rows pass about which an answer is another one now; ``None`` where these are many."""
        associations, exchanges = flipped
        index, table = self._index, self._index.exchanges
        spans = [range(index.start_of(n), index.reached + 1) for n in associations]
        spans += [range(table.first_seq[n], table.last_seq[n] + 1) for n in exchanges]
        if sum(map(len, spans)) > _MAX_FLIPPED_ROWS:
            return None
        verdicts: dict[int, bool] = {}
        for seq in chain(late, *spans):
            place = seq - index.first_seq
            if place >= 0 and seq < self._fresh_from:
                mine = index.association[place] in associations or index.exchange[place] in exchanges
                if mine or seq in late:
                    verdicts[seq] = self._row_passes(place)
        return verdicts

    def _row_passes(self, place: int) -> bool:
        index = self._index
        if not self._shown_kinds[index.kind[place]]:
            return False
        if self._associations is not None and index.association[place] not in self._associations:
            return False
        return self._passes(self._expression, lambda answers: answers.of_row(place))

    def _verdicts_on_items(self, changes: Changes) -> dict[int, bool]:
        """Whether the associations and exchanges pass that are new or have changed."""
        index, table = self._index, self._index.exchanges
        verdicts: dict[int, bool] = {}
        for number in changes.associations:
            if start := index.start_of(number):
                verdicts[start] = self._association_passes(number)
        if self._zoom is Zoom.EXCHANGES:
            for number in changes.exchanges:
                verdicts[table.first_seq[number]] = self._exchange_passes(number)
        return verdicts

    def _apply(self, verdicts: dict[int, bool]) -> Change:
        """Items come, stay or go."""
        numbers = self.numbers
        come, go, touched = [], [], set()
        for number, passes in verdicts.items():
            place = bisect_left(numbers, number)
            is_there = place < len(numbers) and numbers[place] == number
            if is_there and passes:
                touched.add(number)
            elif is_there:
                go.append(place)
            elif passes:
                come.append(number)
        change = Change(touched=touched)
        if len(come) + len(go) > _MAX_RANGES and come and min(come) <= (numbers[-1] if numbers else 0):
            self.numbers = array("Q", sorted({*numbers, *come} - {numbers[place] for place in go}))
            return Change(reset=True)
        for place in sorted(go, reverse=True):
            del numbers[place]
            change.removed.append((place, 1))
        self._insert(change, sorted(come))
        return change

    def _insert(self, change: Change, come: list[int]) -> None:
        numbers = self.numbers
        at_end = bisect_left(come, numbers[-1]) if numbers else 0
        for number in come[:at_end]:
            place = bisect_left(numbers, number)
            numbers.insert(place, number)
            change.inserted.append((place, 1))
        if come[at_end:]:
            change.inserted.append((len(numbers), len(come) - at_end))
            numbers.extend(come[at_end:])
