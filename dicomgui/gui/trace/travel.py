"""Going into an item of the trace and out again."""

from __future__ import annotations

from typing import NamedTuple

from dicomgui.gui.trace.listing.list_view import Like
from dicomgui.gui.trace.listing.model import TraceModel
from dicomgui.trace.filter import Filter, Zoom
from dicomgui.trace.filter.grammar import Or, Term

__all__ = ["OUTER", "Stop", "Travel", "associations_of", "inside_of", "story_of"]

OUTER = {Zoom.ROWS: Zoom.EXCHANGES, Zoom.EXCHANGES: Zoom.ASSOCIATIONS}
"""The level around each."""

_LONGEST = 100


class Stop(NamedTuple):
    """What was shown before the user went further.

    :ivar number: the selected item, 0 for none.
    """

    zoom: Zoom
    associations: frozenset[int] | None
    text: str
    like: Like
    number: int


class Travel:
    """The way that was taken, to be gone back."""

    def __init__(self) -> None:
        self._stops: list[Stop] = []

    def __bool__(self) -> bool:
        return bool(self._stops)

    def push(self, stop: Stop) -> None:
        """The user goes on from here."""
        if not self._stops or self._stops[-1] != stop:
            self._stops.append(stop)
            del self._stops[:-_LONGEST]

    def pop(self) -> Stop | None:
        """Where the user was before; ``None`` at the beginning."""
        return self._stops.pop() if self._stops else None

    def clear(self) -> None:
        """There is no way back."""
        self._stops.clear()


def inside_of(model: TraceModel, row: int) -> tuple[Zoom, str] | None:
    """The level inside of an item, and the filter that shows the item alone; ``None`` where there is nothing inside."""
    association, exchange = model.item_at(row)
    if model.zoom is Zoom.ASSOCIATIONS and association:
        return Zoom.EXCHANGES, f"assoc:{association}"
    if model.zoom is Zoom.EXCHANGES and exchange:
        return Zoom.ROWS, f"exchange:{exchange}"
    if model.zoom is Zoom.EXCHANGES and association:
        return Zoom.ROWS, f"assoc:{association}"
    return None


def story_of(model: TraceModel, row: int) -> str:
    """The filter that shows the exchange of an item with what caused it and all that it caused; empty for none."""
    _, exchange = model.item_at(row)
    if not exchange:
        return ""
    return f"story:{model.source.index.exchanges.parent[exchange] or exchange}"


def associations_of(filter_: Filter | None) -> frozenset[int] | None:
    """The associations that a filter names and nothing else; ``None`` for any other filter."""
    expression = filter_.expression if filter_ is not None else None
    terms = expression.parts if isinstance(expression, Or) else (expression,)
    numbers = set()
    for term in terms:
        if not isinstance(term, Term) or term.key != "assoc" or term.sign not in (":", "=") or term.negated:
            return None
        if not term.value.isdecimal():
            return None
        numbers.add(int(term.value))
    return frozenset(numbers)
