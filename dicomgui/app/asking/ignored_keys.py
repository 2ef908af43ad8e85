"""Which keys of a query a peer did not match by: its answers contradict them (PS3.4 C.2.2.1.3, optional keys)."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence

from dicomgui.app.asking.keys import SPECIFIC_CHARACTER_SET, Key, identifier_of
from dicomgui.app.asking.values import Answer
from dicomgui.network.errors import DicomNetworkError
from dicomgui.network.service_classes.matching import PERIOD, matches

__all__ = ["LOOKED_AT", "ignored_keys"]

LOOKED_AT = 100
"""So many answers are enough to know."""


def ignored_keys(keys: Iterable[Key], answers: Sequence[Answer]) -> tuple[str, ...]:
    """The names of the keys that some of the first answers contradict, in the order of the keys.

    What an answer does not return, it does not contradict; nor does a time of day outside of its key where it lies in
    the period that the key is an end of (PS3.4 K.6.1.2.2). Takes a tenth of a millisecond for each answer: call it in
    a thread.
    """
    matching = [key for key in keys if key.is_matching and key.path[0].tag != SPECIFIC_CHARACTER_SET]
    identifiers = {
        key.name: (key.path[0].tag, identifier_of((key,)).dataset, identifier_of(_with_period(key, matching)).dataset)
        for key in matching
    }
    open_ones = dict(identifiers)
    seen: set[bytes] = set()  # many answers have the same values, e.g. of one patient
    for answer in answers[:LOOKED_AT]:
        part = answer.only({tag for tag, *_ in open_ones.values()}) if open_ones else None
        if part is None or part.data in seen:
            continue
        seen.add(part.data)
        try:
            with warnings.catch_warnings(action="ignore"):
                dataset = part.dataset()
        except DicomNetworkError:
            continue
        for name, (tag, *identifiers_of_key) in tuple(open_ones.items()):
            is_there = dataset.get(tag) and dataset[tag].value
            if is_there and not any(matches(each, dataset, worklist=True) for each in identifiers_of_key):
                del open_ones[name]
    return tuple(name for name in identifiers if name not in open_ones)


def _with_period(key: Key, keys: Iterable[Key]) -> tuple[Key, ...]:
    """A key, and its other half where the two are a date and a time of one period."""
    tag = key.attribute.tag
    period = next((pair for pair in PERIOD.items() if tag in pair), (tag,))
    return tuple(one for one in keys if one.path[:-1] == key.path[:-1] and one.attribute.tag in period)
