"""Unique keys out of DICOM files: what to ask an archive for, where the files say what is meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dicomgui.app.asking.keys import Key, attribute_of
from dicomgui.app.asking.levels import UNIQUE_KEYS, Level, levels_of
from dicomgui.app.files.sources import scan
from dicomgui.network.errors import ConfigurationError
from dicomgui.storage.attributes import Level as StoredLevel
from dicomgui.storage.attributes import attributes_of, read_attributes

__all__ = ["LISTED_EACH", "Identities", "identities_in", "keys_of"]

LISTED_EACH: Final = 500
"""UIDs in one list: more go into further requests."""

_Identity = dict[str, str]


@dataclass(frozen=True, slots=True)
class Identities:
    """The unique keys of some files.

    :ivar found: a mapping of keyword to value for each instance.
    :ivar skipped: names of files that are no instances or cannot be read, with the reason.
    """

    found: tuple[_Identity, ...]
    skipped: tuple[str, ...] = ()


def identities_in(paths: Iterable[str | Path]) -> Identities:
    """Read the unique keys of files, of all files in folders, and of those in ZIP archives and DICOMDIRs. Blocks."""
    found: list[_Identity] = []
    with scan(paths) as selection:
        skipped = [f"{one.name}: {one.reason}" for one in selection.skipped if one.is_fault]
        for item in selection.items:
            try:
                read = read_attributes(item.path, item.head.sop_instance_uid)
            except OSError as error:
                skipped.append(f"{item.name}: {error.strerror or error}")
                continue
            values: _Identity = {}
            for level, texts in zip(StoredLevel, (read.patient, read.study, read.series, read.image), strict=True):
                for attribute, value in zip(attributes_of(level), texts, strict=True):
                    if attribute.tag in _BY_TAG and isinstance(value, str) and value.strip():
                        values[_BY_TAG[attribute.tag]] = value.strip()
            found.append(values)
    return Identities(tuple(found), tuple(skipped))


_BY_TAG: Final = {attribute_of(keyword).tag: keyword for keyword in UNIQUE_KEYS.values()}


def keys_of(identities: Identities, level: Level | None, model: str | None) -> Iterator[tuple[Key, ...]]:
    """The unique keys of requests that name each identity once.

    Above the level each key has one value (PS3.4 C.4.1.2.1); at the level UIDs stand in a list of at most
    :data:`LISTED_EACH`, and a Patient ID, which is none, stands alone.

    :param level: of the requests; ``None`` in a model without levels, whose instances are named.
    :param model: the information model; the patient is named only where a patient root is asked for by name.
    :raises ConfigurationError: no file has the unique key of the level.
    """
    unique = UNIQUE_KEYS[level or Level.IMAGE]
    above = _above(level, model)
    groups: dict[tuple[str, ...], dict[str, None]] = {}
    for one in identities.found:
        if unique in one and all(keyword in one for keyword in above):
            groups.setdefault(tuple(one[keyword] for keyword in above), {})[one[unique]] = None
    if not groups:
        names = " and ".join((*above, unique))
        raise ConfigurationError(f"no file has {names}", phase="configure", hint="Give files of DICOM instances.")
    most = 1 if level is Level.PATIENT else LISTED_EACH
    for values, found in groups.items():
        own = list(found)
        for start in range(0, len(own), most):
            texts = (*values, "\\".join(own[start : start + most]))
            yield tuple(Key((attribute_of(name),), text) for name, text in zip((*above, unique), texts, strict=True))


def _above(level: Level | None, model: str | None) -> tuple[str, ...]:
    known = levels_of(model or "study")
    if level not in known:
        return ()
    return tuple(UNIQUE_KEYS[one] for one in known[: known.index(level)])
