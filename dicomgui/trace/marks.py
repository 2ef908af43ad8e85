"""What a reader of a trace notes beside its rows: marks, colours and comments.

Marks belong to the reader and not to the trace: they are kept apart from the records, under the numbers of the rows,
and travel in a chunk of their own in the trace file.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from dicomgui.network.json_text import load_json

__all__ = ["COLORS", "MAX_COMMENT", "MAX_MARKS", "Mark", "Marks", "MarksError"]

COLORS = ("red", "orange", "yellow", "green", "blue", "purple")
"""The colours that a row may have."""

MAX_COMMENT = 4096
"""Characters of a comment; what is longer is cut."""

MAX_MARKS = 100_000
"""Rows that may have something noted."""


class MarksError(ValueError):
    """There are too many marks, or what was given is none."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What is noted beside one row.

    :ivar marked: whether it is marked.
    :ivar color: one of :data:`COLORS`, or an empty string.
    :ivar comment: what the reader wrote, or an empty string.
    """

    marked: bool = False
    color: str = ""
    comment: str = ""


_NOTHING = Mark()


class Marks:
    """The marks of one trace, by the numbers of its rows. Safe from any thread.

    :ivar revision: goes up with each change, so that a view knows when to paint again.
    """

    def __init__(self) -> None:
        self.revision = 0
        self._marks: dict[int, Mark] = {}
        self._sorted: list[int] | None = []
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._marks)

    def get(self, seq: int) -> Mark | None:
        """What is noted beside row ``seq``, or ``None``."""
        return self._marks.get(seq)

    def set(
        self, seq: int, *, color: str | None = None, comment: str | None = None, marked: bool | None = None
    ) -> None:
        """Note something beside row ``seq``; what is left out stays. A row with nothing noted is forgotten.

        :raises MarksError: the row has no such number, the colour is unknown, or there are :data:`MAX_MARKS` already.
        """
        if seq < 1:
            raise MarksError("rows are numbered from 1 on")
        if color and color not in COLORS:
            raise MarksError("the colour is unknown")
        with self._lock:
            before = self._marks.get(seq, _NOTHING)
            after = Mark(
                before.marked if marked is None else marked,
                before.color if color is None else color,
                before.comment if comment is None else comment[:MAX_COMMENT],
            )
            if after == before:
                return
            if before is _NOTHING and len(self._marks) >= MAX_MARKS:
                raise MarksError(f"there are {MAX_MARKS:,} marks already")
            if after == _NOTHING:
                del self._marks[seq]
            else:
                self._marks[seq] = after
            self._changed()

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            if self._marks:
                self._marks = {}
                self._changed()

    def seqs(self) -> list[int]:
        """Numbers of the rows with something noted, in order."""
        with self._lock:
            if self._sorted is None:
                self._sorted = sorted(self._marks)
            return list(self._sorted)

    def _changed(self) -> None:
        self._sorted = None
        self.revision += 1

    def renumbered(self, numbers: dict[int, int]) -> Marks:
        """The marks of a choice of rows under new numbers, as a file has them that holds only these rows.

        :param numbers: the new number of each row that is kept.
        """
        chosen = Marks()
        for seq, mark in self.items():
            if seq in numbers:
                chosen._marks[numbers[seq]] = mark
        chosen._changed()
        return chosen

    def items(self) -> Iterator[tuple[int, Mark]]:
        """Numbers and marks, in order."""
        for seq in self.seqs():
            mark = self._marks.get(seq)
            if mark is not None:
                yield seq, mark

    # ------------------------------------------------------------------------------------------------------ in files

    def encode(self) -> Iterator[bytes]:
        """The marks as the contents of chunks: each a JSON array (ASCII) of ``[row, marked, colour, comment]``."""
        rows: list[list[object]] = []
        size = 0
        for seq, mark in self.items():
            rows.append([seq, mark.marked, mark.color, mark.comment])
            size += 32 + 6 * len(mark.comment)
            if size > _CHUNK_BYTES:
                yield json.dumps(rows, separators=(",", ":")).encode("ascii")
                rows, size = [], 0
        if rows:
            yield json.dumps(rows, separators=(",", ":")).encode("ascii")

    def decode(self, data: bytes, base: int = 0) -> int:
        """Take the marks of one chunk; a row that has one already gets the new one.

        :param base: is added to the numbers of the rows.
        :returns: how many rows of the chunk were not as they should be, and were stepped over.
        :raises MarksError: this is no chunk of marks.
        """
        try:
            rows = load_json(data)
        except (ValueError, RecursionError) as exc:
            raise MarksError("not a list of marks") from exc
        if type(rows) is not list:
            raise MarksError("not a list of marks")
        skipped = 0
        for row in rows:
            if not _is_mark(row):
                skipped += 1
                continue
            try:
                self.set(row[0] + base, marked=row[1], color=row[2], comment=row[3])
            except MarksError:
                skipped += 1
        return skipped


_CHUNK_BYTES = 2**19


def _is_mark(row: object) -> bool:
    """Whether ``row`` is one of :meth:`Marks.encode`; later versions may append fields."""
    if type(row) is not list or len(row) < 4:
        return False
    kinds = tuple(type(value) for value in row[:4])
    return kinds == (int, bool, str, str) and 1 <= row[0] < 2**62
