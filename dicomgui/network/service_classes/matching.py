"""Whether a data set matches the keys of an identifier, and what is answered then (PS3.4 C.2.2.2, K.2.2.2).

Which kinds of matching there are says :mod:`~dicomgui.network.service_classes.values`. An index that does the same in a
language of its own shares what is here: :data:`PAIRS`, :func:`item_key`, :func:`restricts`, :func:`picked`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

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

__all__ = ["PAIRS", "answer_for", "item_key", "keys_in", "matches", "picked", "restricts"]

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


def matches(identifier: Dataset, candidate: Dataset, *, combined_datetime: bool = False) -> bool:
    """Whether ``candidate`` matches every key of ``identifier``.

    :param combined_datetime: match the ranges of a date and its time as one, from one moment to another
        (C.2.2.2.5.4), as extended negotiation can agree.
    """
    ranged: dict[int, ValueMatcher] = {}
    for element in keys_in(identifier):
        tag = int(element.tag)
        if element.VR == "SQ":
            if not _items_match(item_key(element), candidate, tag, combined_datetime):
                return False
            continue
        matcher = matcher_of(element.VR, texts_of(element))
        if matcher.kind is Kind.RANGE and combined_datetime:
            ranged[tag] = matcher
        elif not matcher.matches(_values(candidate, tag)):
            return False
    return _ranges_match(ranged, candidate)


def _items_match(key: Dataset | None, candidate: Dataset, tag: int, combined_datetime: bool) -> bool:
    """One item that matches all keys of the item is enough (C.2.2.2.6)."""
    if key is None or not restricts(key):
        return True
    return any(matches(key, item, combined_datetime=combined_datetime) for item in items_of(candidate, tag))


def _ranges_match(ranged: dict[int, ValueMatcher], candidate: Dataset) -> bool:
    for date, time in PAIRS.items():
        test = pair_test(ranged[date], ranged[time]) if date in ranged and time in ranged else None
        if test is not None:
            del ranged[date], ranged[time]
            if not test(*("".join(_values(candidate, tag)[:1]) for tag in (date, time))):
                return False
    return all(matcher.matches(_values(candidate, tag)) for tag, matcher in ranged.items())


def _values(dataset: Dataset, tag: int) -> list[str]:
    return texts_of(dataset[tag]) if tag in dataset else []


def picked(key: Dataset, items: list[Dataset], *, combined_datetime: bool = False) -> list[Dataset]:
    """What of the items of a sequence is returned: of those that match, the requested elements (C.2.2.2.6)."""
    matching = (item for item in items if matches(key, item, combined_datetime=combined_datetime))
    return [_chosen(key, item, combined_datetime) for item in matching]


def answer_for(identifier: Dataset, candidate: Dataset, *, combined_datetime: bool = False) -> Dataset:
    """The response to a match: the attributes that the identifier asks for and no others (PS3.4 C.4.1.1.3.2).

    What ``candidate`` does not have is there without a value. A sequence key with an item gets the items that match, an
    empty one all. Query/Retrieve Level (0008,0052) is that of the identifier. Specific Character Set (0008,0005) is
    there where a value is not ASCII: the candidate's own, or UTF-8 where it has none that holds all of the answer.

    :param combined_datetime: as in :func:`matches`.
    """
    response = _chosen(identifier, candidate, combined_datetime)
    if QUERY_RETRIEVE_LEVEL in identifier:
        response[QUERY_RETRIEVE_LEVEL] = identifier[QUERY_RETRIEVE_LEVEL]
    text = "".join([text for element in response.iterall() for text in texts_of(element)])
    if not text.isascii():
        own = text_of(candidate, SPECIFIC_CHARACTER_SET)
        put(response, SPECIFIC_CHARACTER_SET, own if _can_hold(own, text) else UTF_8)
    return response


def _can_hold(term: str, text: str) -> bool:
    """Whether a character set without code extensions holds a text; of the others that would be hard to tell."""
    from pydicom import charset

    if not term or "2022" in term or term == _HALF_KATAKANA:
        return False
    try:
        text.encode(charset.python_encoding.get(term, "ascii"))
    except UnicodeEncodeError:
        return False
    return True


_HALF_KATAKANA: Final = "ISO_IR 13"  # Python's codec for it holds more than it does


def _chosen(identifier: Dataset, candidate: Dataset, combined_datetime: bool) -> Dataset:
    from pydicom import DataElement, Dataset, config

    response = Dataset()
    for element in keys_in(identifier):
        tag = int(element.tag)
        if tag not in candidate:
            response[tag] = DataElement(tag, element.VR, [] if element.VR == "SQ" else None)
            continue
        found = candidate[tag]
        key = item_key(element) if element.VR == "SQ" and found.VR == "SQ" else None
        value = found.value if key is None else picked(key, list(found.value), combined_datetime=combined_datetime)
        response[tag] = DataElement(tag, found.VR, value, validation_mode=config.IGNORE)
    return response
