"""Whether a data set matches the keys of an identifier, and what is answered then (PS3.4 C.2.2.2, K.2.2.2).

Which kinds of matching there are says :mod:`~dicomgui.network.service_classes.values`. An index that does the same in a
language of its own shares what is here: :data:`PAIRS`, :func:`item_key`, :func:`restricts`, :func:`picked`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from dicomgui.network.dimse.charset import reply_charset
from dicomgui.network.dimse.dataset import encodes_text
from dicomgui.network.service_classes.attributes import (
    NO_KEYS,
    SPECIFIC_CHARACTER_SET,
    UTF_8,
    items_of,
    put,
    text_of,
    texts_of,
)
from dicomgui.network.service_classes.values import Kind, ValueMatcher, matcher_of, pair_test

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

__all__ = ["PAIRS", "PERIOD", "answer_for", "item_key", "keys_in", "matches", "paced", "picked", "restricts"]

_T = TypeVar("_T")

SLICE_S: Final = 0.004
"""A search in memory lets the loop run other tasks after this long, in seconds."""

QUERY_RETRIEVE_LEVEL: Final = 0x0008_0052

PAIRS: Final = {
    0x0008_0012: 0x0008_0013,  # instance creation
    0x0008_0020: 0x0008_0030,  # study
    0x0008_0021: 0x0008_0031,  # series
    0x0008_0022: 0x0008_0032,  # acquisition
    0x0008_0023: 0x0008_0033,  # content
    0x0010_0030: 0x0010_0032,  # birth
    0x0040_0002: 0x0040_0003,  # start of a scheduled procedure step
    0x0040_0004: 0x0040_0005,  # its end
    0x0040_0244: 0x0040_0245,  # start of a performed procedure step
    0x0040_0250: 0x0040_0251,  # its end
}
"""Dates and the times that belong to them, for combined matching (C.2.2.2.5.4)."""

PERIOD: Final = {0x0040_0002: 0x0040_0003}
"""Start of a scheduled procedure step: in a worklist its ranges of dates and times are one period (K.6.1.2.2)."""


def keys_in(identifier: Dataset) -> Iterator[DataElement]:
    """The elements of an identifier that are keys."""
    return (element for element in identifier if int(element.tag) not in NO_KEYS and element.tag.element != 0)


def item_key(element: DataElement) -> Dataset | None:
    """The item of a sequence key; ``None`` if it asks for the whole sequence (C.2.2.2.6)."""
    items: list[Dataset] = list(element.value or ())
    return items[0] if items and len(items[0]) else None


def restricts(identifier: Dataset) -> bool:
    """Whether a key, or one in its sequences, is more than a return key."""
    return any(map(_restricts, keys_in(identifier)))


def _restricts(element: DataElement) -> bool:
    if element.VR == "SQ":
        key = item_key(element)
        return key is not None and restricts(key)
    return matcher_of(element.VR, texts_of(element)).kind is not Kind.UNIVERSAL


def matches(
    identifier: Dataset, candidate: Dataset, *, combined_datetime: bool = False, worklist: bool = False
) -> bool:
    """Whether ``candidate`` matches every key of ``identifier``.

    :param combined_datetime: match the ranges of a date and its time as one, from one moment to another
        (C.2.2.2.5.4), as extended negotiation can agree.
    :param worklist: match the ranges of start date and time of a scheduled procedure step as one period, from the first
        date and time to the last (K.6.1.2.2).
    """
    return _matches(identifier, candidate, _Pairing(combined_datetime, worklist))


class _Pairing(NamedTuple):
    """Which ranges of dates and times count together."""

    combined_datetime: bool
    worklist: bool

    @property
    def pairs(self) -> Mapping[int, int]:
        """The times by their dates."""
        return PAIRS if self.combined_datetime else PERIOD if self.worklist else {}

    def test(self, date: int, ranged: Mapping[int, ValueMatcher]) -> Callable[[str, str], bool] | None:
        """A test for the ranges of a date and its time, where both are there and make moments."""
        time = self.pairs[date]
        if date not in ranged or time not in ranged:
            return None
        return pair_test(ranged[date], ranged[time], is_period=self.worklist and date in PERIOD)


def _matches(identifier: Dataset, candidate: Dataset, pairing: _Pairing) -> bool:
    ranged: dict[int, ValueMatcher] = {}
    for element in keys_in(identifier):
        tag = int(element.tag)
        if element.VR == "SQ":
            if not _items_match(item_key(element), candidate, tag, pairing):
                return False
            continue
        matcher = matcher_of(element.VR, texts_of(element))
        if matcher.kind is Kind.RANGE and pairing.pairs:
            ranged[tag] = matcher
        elif not matcher.matches(_values(candidate, tag)):
            return False
    return _ranges_match(ranged, candidate, pairing)


def _items_match(key: Dataset | None, candidate: Dataset, tag: int, pairing: _Pairing) -> bool:
    """One item that matches all keys of the item is enough (C.2.2.2.6)."""
    if key is None or not restricts(key):
        return True
    return any(_matches(key, item, pairing) for item in items_of(candidate, tag))


def _ranges_match(ranged: dict[int, ValueMatcher], candidate: Dataset, pairing: _Pairing) -> bool:
    for date, time in pairing.pairs.items():
        test = pairing.test(date, ranged)
        if test is not None:
            del ranged[date], ranged[time]
            if not test(*("".join(_values(candidate, tag)[:1]) for tag in (date, time))):
                return False
    return all(matcher.matches(_values(candidate, tag)) for tag, matcher in ranged.items())


def _values(dataset: Dataset, tag: int) -> list[str]:
    return texts_of(dataset[tag]) if tag in dataset else []


def picked(
    key: Dataset, items: list[Dataset], *, combined_datetime: bool = False, worklist: bool = False
) -> list[Dataset]:
    """What of the items of a sequence is returned: of those that match, the requested elements (C.2.2.2.6).

    The other parameters are those of :func:`matches`.
    """
    return _picked(key, items, _Pairing(combined_datetime, worklist))


def _picked(key: Dataset, items: list[Dataset], pairing: _Pairing) -> list[Dataset]:
    return [_chosen(key, item, pairing) for item in items if _matches(key, item, pairing)]


def answer_for(
    identifier: Dataset, candidate: Dataset, *, combined_datetime: bool = False, worklist: bool = False
) -> Dataset:
    """The response to a match: the attributes that the identifier asks for and no others (PS3.4 C.4.1.1.3.2).

    What ``candidate`` does not have is there without a value. A sequence key with an item gets the items that match, an
    empty one all. Query/Retrieve Level (0008,0052) is that of the identifier. Specific Character Set (0008,0005) is
    there where a value is not ASCII: that of the identifier, or the candidate's own, where it holds all of the answer,
    else UTF-8.

    The other parameters are those of :func:`matches`.
    """
    response = _chosen(identifier, candidate, _Pairing(combined_datetime, worklist))
    if QUERY_RETRIEVE_LEVEL in identifier:
        response[QUERY_RETRIEVE_LEVEL] = identifier[QUERY_RETRIEVE_LEVEL]
    text = "\\".join([text for element in response.iterall() for text in texts_of(element)])
    if not text.isascii():
        asked = text_of(identifier, SPECIFIC_CHARACTER_SET)
        wanted = reply_charset(asked or text_of(candidate, SPECIFIC_CHARACTER_SET))
        put(response, SPECIFIC_CHARACTER_SET, wanted if encodes_text(text, wanted) else UTF_8)
    return response


def _chosen(identifier: Dataset, candidate: Dataset, pairing: _Pairing) -> Dataset:
    from pydicom import DataElement, Dataset, config

    response = Dataset()
    for element in keys_in(identifier):
        tag = int(element.tag)
        if tag not in candidate:
            response[tag] = DataElement(tag, element.VR, [] if element.VR == "SQ" else None)
            continue
        found = candidate[tag]
        key = item_key(element) if element.VR == "SQ" and found.VR == "SQ" else None
        value = found.value if key is None else _picked(key, list(found.value), pairing)
        response[tag] = DataElement(tag, found.VR, value, validation_mode=config.IGNORE)
    return response


async def paced(items: Iterable[_T]) -> AsyncGenerator[_T, None]:
    """Items in memory, of which there are many; other tasks of the loop run meanwhile."""
    loop = asyncio.get_running_loop()
    until = loop.time() + SLICE_S
    for item in items:
        yield item
        if loop.time() >= until:
            await asyncio.sleep(0)
            until = loop.time() + SLICE_S
