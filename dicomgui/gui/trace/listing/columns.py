"""The columns of the trace list at each of its three zoom levels, and the cells of one row."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from dicomgui.trace.filter import Zoom

__all__ = ["COLUMNS", "AssociationColumn", "Cells", "Column", "ExchangeColumn", "Heading", "Layout"]


class Column(IntEnum):
    """The columns of rows, in their order."""

    MARK = 0
    NUMBER = 1
    TIME = 2
    ASSOCIATION = 3
    DIRECTION = 4
    KIND = 5
    LENGTH = 6
    SUMMARY = 7


class ExchangeColumn(IntEnum):
    """The columns of exchanges and of the associations between them."""

    MARK = 0
    NUMBER = 1
    TIME = 2
    ASSOCIATION = 3
    DIRECTION = 4
    OPERATION = 5
    SOP_CLASS = 6
    STATUS = 7
    BYTES = 8
    DURATION = 9
    THINKING = 10


class AssociationColumn(IntEnum):
    """The columns of associations."""

    MARK = 0
    NUMBER = 1
    TIME = 2
    ROLE = 3
    TITLES = 4
    PEER = 5
    OUTCOME = 6
    CONTEXTS = 7
    REQUESTS = 8
    BYTES = 9
    DURATION = 10


class Heading(NamedTuple):
    """One column.

    :ivar width: in points, before the user changes it.
    :ivar is_right: whether it is aligned to the right.
    :ivar tip: what it shows, in a sentence.
    """

    title: str
    width: int
    is_right: bool = False
    tip: str = ""


class Layout(NamedTuple):
    """The columns of one zoom level.

    :ivar stretch: the column that takes what is left of the width.
    :ivar pill: the column that is painted as a pill; -1 for none.
    :ivar narrow: columns that a low and narrow place leaves out.
    """

    headings: tuple[Heading, ...]
    stretch: int
    pill: int
    narrow: frozenset[int]


class Cells(NamedTuple):
    """What one row says: a text and a tone (the name of a colour) for each column.

    :ivar hint: for the tool tip of the widest column: what the row says in full.
    """

    texts: tuple[str, ...]
    tones: tuple[str, ...]
    hint: str = ""


_MARK = Heading("", 26, tip="Your mark, colour and comment")
_ASSOCIATION_TIP = "Number of the association"

COLUMNS: dict[Zoom, Layout] = {
    Zoom.ROWS: Layout(
        (
            _MARK, Heading("No.", 64, is_right=True), Heading("Time", 100), Heading("Assoc.", 64, tip=_ASSOCIATION_TIP),
            Heading("", 28, tip="→ sent, ← received"), Heading("Type", 134), Heading("Length", 84, is_right=True),
            Heading("Summary", 200),
        ),
        Column.SUMMARY, -1, frozenset((Column.NUMBER, Column.LENGTH)),
    ),
    Zoom.EXCHANGES: Layout(
        (
            _MARK, Heading("No.", 48, is_right=True, tip="Number of the exchange"), Heading("Time", 100),
            Heading("Assoc.", 64, tip=_ASSOCIATION_TIP),
            Heading("", 28, tip="Which way the request went: → sent, ← received"),
            Heading("Operation", 240), Heading("SOP class", 172),
            Heading("Status", 98, tip="Final status of the exchange, or what became of the association"),
            Heading("Bytes", 88, is_right=True, tip="Of all its PDUs, headers included"),
            Heading("Duration", 78, is_right=True),
            Heading("Thinking", 78, is_right=True, tip="From the end of the request to the first response"),
        ),
        ExchangeColumn.OPERATION, ExchangeColumn.STATUS,
        frozenset((ExchangeColumn.NUMBER, ExchangeColumn.SOP_CLASS, ExchangeColumn.BYTES, ExchangeColumn.THINKING)),
    ),
    Zoom.ASSOCIATIONS: Layout(
        (
            _MARK, Heading("No.", 48, is_right=True, tip=_ASSOCIATION_TIP), Heading("Time", 100),
            Heading("We are", 92, tip="requestor: we asked for it; acceptor: the peer did"),
            Heading("Calling → called", 210), Heading("Peer", 150), Heading("Outcome", 112),
            Heading("Contexts", 86, is_right=True, tip="Accepted of the proposed presentation contexts"),
            Heading("Requests", 130), Heading("Bytes", 88, is_right=True), Heading("Duration", 78, is_right=True),
        ),
        AssociationColumn.TITLES, AssociationColumn.OUTCOME,
        frozenset(
            (AssociationColumn.NUMBER, AssociationColumn.CONTEXTS, AssociationColumn.BYTES, AssociationColumn.ROLE)
        ),
    ),
}  # fmt: skip
"""How the list looks at each level."""
