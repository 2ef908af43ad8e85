"""A condition of a filter that can be asked: at which levels, and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from dicomgui.trace.exchanges import ExchangeTable
from dicomgui.trace.filter.content import Content
from dicomgui.trace.filter.facts import AssociationFacts

__all__ = ["MarkTest", "Test"]


class MarkTest(NamedTuple):
    """A look at the marks of a row: its colour, its comment, and whether it is marked."""

    passes: Callable[[bool, str, str], bool]


@dataclass(frozen=True, slots=True)
class Test:
    """A condition that can be asked; of rows at most one of the last five is set.

    :ivar association: asked of an association's facts.
    :ivar exchange: asked of an exchange in the table.
    :ivar kinds: 256 bytes, 1 where a row of that kind passes.
    :ivar flags: the same by the flags of a row.
    :ivar length: asked of a row's length on the wire.
    :ivar content: asked of the record.
    :ivar marks: asked of the marks of a row.
    """

    __test__ = False  # no test of pytest's

    association: Callable[[AssociationFacts], bool] | None = None
    exchange: Callable[[ExchangeTable, int], bool] | None = None
    kinds: bytes | None = None
    flags: bytes | None = None
    length: Callable[[int], bool] | None = None
    content: Content | None = None
    marks: MarkTest | None = None

    @property
    def asks_rows(self) -> bool:
        """Whether it knows the level of rows."""
        return any(part is not None for part in (self.kinds, self.flags, self.length, self.content, self.marks))
