"""Finds the next item of a list that passes a second filter, without hiding the others."""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right

from PySide6.QtCore import QObject, QTimer, Signal

from dicomgui.gui.trace.listing.model import BUDGET_S, TraceModel
from dicomgui.gui.trace.listing.rows import hidden_kinds
from dicomgui.trace.filter import Filter, Sieve, Zoom

__all__ = ["TraceFinder"]


class TraceFinder(QObject):
    """Looks through the trace a few milliseconds at a time; asked again, it knows what it has seen."""

    found = Signal(int)
    """The number of the item; 0 where there is none."""

    def __init__(self, model: TraceModel) -> None:
        super().__init__(model)
        self._model = model
        self._filter = Filter("", None)
        self._sieve: Sieve | None = None
        self._made_for: object = None
        self._from = 0
        self._step = 0
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._look)

    @property
    def is_busy(self) -> bool:
        """Whether it still looks."""
        return self._step != 0

    @property
    def progress(self) -> float:
        """How far it has got, from 0 to 1."""
        return self._sieve.progress if self._sieve is not None else 1.0

    def find(self, filter_: Filter, number: int, step: int) -> None:
        """Look for the next item after ``number`` (``step`` 1) or the one before it (-1); from the end on again.

        :raises FilterError: a condition means nothing.
        """
        self._filter, self._from, self._step = filter_, number, step
        self._prepare()
        self._look()
        if self._step:
            self._timer.start()

    def stop(self) -> None:
        """Look no longer."""
        self._step = 0
        self._timer.stop()
        self._sieve = self._made_for = None

    def _prepare(self) -> None:
        model = self._model
        made_for = (model.source, model.zoom, model.view, self._filter.text)
        if self._sieve is None or made_for != self._made_for:
            source, zoom = model.source, model.zoom
            hidden = hidden_kinds(model.view) if zoom is Zoom.ROWS else frozenset[int]()
            self._sieve = Sieve(source.index, zoom, self._filter, hidden_kinds=hidden, marks=source.marks)
            self._made_for = made_for

    def _look(self) -> None:
        sieve, end = self._sieve, time.monotonic() + BUDGET_S
        while sieve is not None and sieve.is_behind:
            sieve.step()
            if time.monotonic() > end:
                return
        self._timer.stop()
        if sieve is not None and self._step:
            step, self._step = self._step, 0
            self.found.emit(self._next(sieve, step))

    def _next(self, sieve: Sieve, step: int) -> int:
        """The next match that the list shows."""
        numbers = sieve.numbers
        count = len(numbers)
        place = bisect_right(numbers, self._from) if step > 0 else bisect_left(numbers, self._from) - 1
        for tried in range(count):
            number = numbers[(place + step * tried) % count]
            if self._model.row_of_number(number) >= 0:
                return number
        return 0
