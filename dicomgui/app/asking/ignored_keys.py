"""Which keys of a query a peer did not match by: its answers contradict them (PS3.4 C.2.2.1.3, optional keys)."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence

from dicomgui.app.asking.keys import SPECIFIC_CHARACTER_SET, Key, identifier_of
from dicomgui.app.asking.values import Answer
from dicomgui.network.errors import DicomNetworkError
from dicomgui.network.service_classes.matching import matches

__all__ = ["LOOKED_AT", "ignored_keys"]

LOOKED_AT = 100
"""So many answers are enough to know."""


def ignored_keys(keys: Iterable[Key], answers: Sequence[Answer]) -> tuple[str, ...]:
    """The names of the keys that some of the first answers contradict, in the order of the keys.

    What an answer does not return, it does not contradict. Takes milliseconds for each answer: call it in a thread.
    """
    identifiers = {
        key.name: (key.path[0].tag, identifier_of((key,)).dataset)
        for key in keys
        if key.is_matching and key.path[0].tag != SPECIFIC_CHARACTER_SET
    }
    ignored: dict[str, None] = {}
    for answer in answers[:LOOKED_AT]:
        try:
            with warnings.catch_warnings(action="ignore"):
                dataset = answer.dataset()
        except DicomNetworkError:
            continue
        for name, (tag, identifier) in identifiers.items():
            if name not in ignored and dataset.get(tag) and dataset[tag].value and not matches(identifier, dataset):
                ignored[name] = None
    return tuple(name for name in identifiers if name in ignored)
