"""Identifiers out of files as the keys of a query: what another program has asked, or somebody has written once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dicomgui.app.asking.keys import SPECIFIC_CHARACTER_SET, Key, parse_key
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service_classes.attributes import texts_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["keys_in"]

_LEVEL = 0x00080052


def keys_in(identifier: Dataset) -> tuple[Key, ...]:
    """Every attribute as a key, those without a value as keys that are only to be returned.

    The level and the character set are left out: both are chosen when the query is made.

    :raises ConfigurationError: an attribute cannot be matched, or a sequence has several items.
    """
    return tuple(map(parse_key, _texts(identifier, "")))


def _texts(dataset: Dataset, prefix: str) -> Iterator[str]:
    for element in dataset:
        tag = int(element.tag)
        if tag in (_LEVEL, SPECIFIC_CHARACTER_SET) or tag & 0xFFFF == 0:  # and group lengths (PS3.5 7.2)
            continue
        name = f"{prefix}({tag >> 16:04X},{tag & 0xFFFF:04X})"
        if element.VR != "SQ":
            values = texts_of(element)
            if not values and element.value:
                raise _wrong(f"{name} has no text to match")
            yield f"{name}=" + "\\".join(values)
        elif len(element.value) > 1:
            raise _wrong(f"{name} has {len(element.value)} items; a sequence is matched by one")
        elif not element.value or not len(element.value[0]):
            yield name
        else:
            yield from _texts(element.value[0], f"{name}[0].")


def _wrong(what: str) -> ConfigurationError:
    return ConfigurationError(f"the query file cannot be used: {what}", phase="configure")
