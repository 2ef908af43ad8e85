"""One trace that is looked at: the live one, or one out of a file, with what is needed to list it."""

from __future__ import annotations

import time
from pathlib import Path

from dicomgui.trace.index import TraceIndex
from dicomgui.trace.marks import Marks
from dicomgui.trace.store import TraceStore

__all__ = ["TraceSource"]

_STEP_ROWS = 256
_SCROLLING_S = 0.3  # between two turns of a wheel one is scrolling still


class TraceSource:
    """A store with its index and the marks of the reader; all views of one trace share it.

    :ivar name: what it is called in the choice of traces. Text of a file's name.
    :ivar path: the file it came from; ``None`` for the live trace.
    :ivar notes: what was odd about the file, sentence by sentence.
    :ivar is_redacted: whether it is a redacted copy already, as the file says.
    :ivar base: the first row that has to be there: what is gone above it had to make room.
    """

    def __init__(
        self,
        name: str,
        store: TraceStore,
        *,
        index: TraceIndex | None = None,
        marks: Marks | None = None,
        path: Path | None = None,
        notes: tuple[str, ...] = (),
        is_redacted: bool = False,
    ) -> None:
        self.name = name
        self.store = store
        self.index = index if index is not None else TraceIndex(store)
        self.marks = marks if marks is not None else Marks()
        self.path = path
        self.notes = notes
        self.is_redacted = is_redacted
        self.base = 1
        self._scrolled_s = 0.0

    @property
    def is_live(self) -> bool:
        """Whether it is the trace of this program."""
        return self.path is None

    @property
    def behind(self) -> int:
        """Rows of the store that the index has not looked at."""
        return max(0, self.store.last_seq - max(self.index.reached, self.store.first_seq - 1))

    @property
    def dropped(self) -> int:
        """Rows that had to make room since the trace began or was cleared."""
        return max(0, self.store.first_seq - self.base)

    def update(self, budget_s: float) -> bool:
        """Look at new rows for so long at most; whether there are more."""
        end = time.monotonic() + budget_s
        while self.index.update(_STEP_ROWS):
            if time.monotonic() >= end:
                return True
        return False

    def start_of_ended(self, association: int) -> int:
        """The row that stands for an association; 0 while more of it comes."""
        summary = self.store.association(association)
        is_over = summary is not None and summary.ended_utc is not None
        return self.index.start_of(association) if is_over else 0

    def note_scrolling(self) -> None:
        """Somebody moves a list of this trace."""
        self._scrolled_s = time.monotonic()

    @property
    def is_scrolled(self) -> bool:
        """Whether somebody moves a list of this trace, or did in the last 0.3 s; asked from any thread."""
        return time.monotonic() - self._scrolled_s < _SCROLLING_S

    def clear(self) -> None:
        """Forget all rows of the live trace, and what was noted beside them."""
        self.store.clear()
        self.base = self.store.first_seq
        self.marks.clear()
        self.index.restart()
