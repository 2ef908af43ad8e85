"""Values that still stand in a redacted copy, each with its places, and what a person decides about them.

A copy keeps some things by choice or because it must: AE titles, host names, certificates, the headers of data sets.
Where the value of a patient stands in one of them (a practice that calls its PACS after its owner), no rule can tell
whether it has to go. So it is a :class:`Leftover`, and whoever saves the copy gives a :class:`Verdict` on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from dicomgui.trace.redaction.rules import name_of_tag

__all__ = [
    "CERTIFICATE",
    "CHAIN",
    "MAX_PLACES",
    "Decide",
    "FieldSpan",
    "Leftover",
    "Verdict",
    "grouped",
    "keep_all",
    "mask_all",
]

MAX_PLACES = 50
"""Places of one value that are listed; all of them are counted and masked."""

CERTIFICATE = "peer_certificate"
CHAIN = "peer_chain"


class Verdict(StrEnum):
    """The decision on a leftover."""

    MASK = "mask"
    """Replace it in each of its places."""
    KEEP = "keep"
    """Leave it: it says nothing about anybody."""


class FieldSpan(NamedTuple):
    """One place of a value.

    :ivar row: number of the record in what was looked through, from 1 on.
    :ivar kind: of the record, as in :data:`dicomgui.trace.codec.KINDS`.
    :ivar field: of the record: ``segments`` of a PDU, ``called`` or ``calling`` for its AE titles, or an attribute.
    :ivar start: first byte; counted from the first of the PDU, otherwise of the field, of a text in UTF-8.
    :ivar end: the byte after the last.
    :ivar part: which one, of a field that holds several.
    :ivar element: tag of the element of a data set that it stands in, -1 where there is none or it is not known.
    """

    row: int
    kind: str
    field: str
    start: int
    end: int
    part: int = 0
    element: int = -1


@dataclass(frozen=True, slots=True)
class Leftover:
    """One value that still stands somewhere.

    :ivar number: from 1 on, in the order of first places; the same for the same trace and options.
    :ivar tag: the element whose value it is.
    :ivar value: the value, as it stands in the first of its places. Not part of the representation.
    :ivar places: where it stands.
    """

    number: int
    tag: int
    value: bytes = field(repr=False)
    places: tuple[FieldSpan, ...]

    @property
    def element(self) -> str:
        """Keyword and number of the element whose value it is."""
        return name_of_tag(self.tag)

    @property
    def text(self) -> str:
        """The value as text. It identifies somebody: for who decides, and for no log."""
        return self.value.decode(errors="replace")

    @property
    def listed(self) -> tuple[FieldSpan, ...]:
        """The first of its places, for people."""
        return self.places[:MAX_PLACES]


Decide: TypeAlias = Callable[[tuple[Leftover, ...]], Mapping[int, Verdict]]
"""Gives a verdict on each leftover, by its number; one that is not there is not decided yet."""


def mask_all(left: tuple[Leftover, ...]) -> Mapping[int, Verdict]:
    """Have all of them replaced."""
    return dict.fromkeys((one.number for one in left), Verdict.MASK)


def keep_all(left: tuple[Leftover, ...]) -> Mapping[int, Verdict]:
    """Leave all of them."""
    return dict.fromkeys((one.number for one in left), Verdict.KEEP)


def grouped(found: Iterable[tuple[FieldSpan, int, bytes]]) -> tuple[Leftover, ...]:
    """Put the places of each value together.

    :param found: place, tag and value, in the order of the rows.
    """
    places: dict[bytes, list[FieldSpan]] = {}
    first: dict[bytes, tuple[int, bytes]] = {}
    for place, tag, value in found:
        low = value.lower()
        first.setdefault(low, (tag, value))
        places.setdefault(low, []).append(place)
    return tuple(
        Leftover(number, tag, value, tuple(places[low])) for number, (low, (tag, value)) in enumerate(first.items(), 1)
    )
