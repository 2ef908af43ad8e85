"""From selected matches to what is to be retrieved: the topmost of them, by node, images of a series together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from dicomgui.app.asking.information_models import is_without_levels
from dicomgui.app.asking.keys import Key, attribute_of
from dicomgui.app.asking.levels import UNIQUE_KEYS, Level, levels_of
from dicomgui.app.asking.wanted import Wanted
from dicomgui.gui.asking.rows import Row, Source, unique_values
from dicomgui.gui.widgets.text import count_text
from dicomgui.network.errors import ConfigurationError

__all__ = ["NOUNS", "by_source", "nouns_of", "selection_text", "topmost", "wanted_of"]

IMAGES_EACH: Final = 500
"""UIDs of images in one request."""

NOUNS: Final = {
    Level.PATIENT: ("patient", "patients"), Level.STUDY: ("study", "studies"), Level.SERIES: ("series", "series"),
    Level.IMAGE: ("image", "images"),
}  # fmt: skip
"""What one thing of a level is called, and several of them."""


def nouns_of(level: Level | None, root: str = "") -> tuple[str, str]:
    """The words for one match of a query, and for several; without a level it is one of a worklist.

    :param root: the information model; those without levels have matches.
    """
    if is_without_levels(root):
        return ("match", "matches")
    return NOUNS[level] if level is not None else ("step", "steps")


def topmost(rows: Iterable[Row]) -> list[Row]:
    """The rows without those that lie below another one of them."""
    chosen = dict.fromkeys(rows)
    return [row for row in chosen if not any(above in chosen for above in _above(row))]


def _above(row: Row) -> Iterator[Row]:
    while row.parent is not None:
        row = row.parent
        yield row


def by_source(rows: Iterable[Row]) -> dict[Source, list[Row]]:
    """The rows by whom they came from."""
    found: dict[Source, list[Row]] = {}
    for row in rows:
        found.setdefault(row.source, []).append(row)
    return found


def selection_text(rows: Sequence[Row]) -> str:
    """``2 studies, 1 series``."""
    if rows and all(is_without_levels(row.source.root) for row in rows):
        return count_text(len(rows), "instance", "instances")
    counts = [(level, sum(1 for row in rows if row.level is level)) for level in Level]
    return ", ".join(count_text(count, *NOUNS[level]) for level, count in counts if count)


def wanted_of(rows: Iterable[Row]) -> tuple[Wanted, ...]:
    """The requests for rows of one source, each with the unique keys that its root wants.

    :raises ConfigurationError: a match lacks the unique key of its level.
    """
    wanted: list[Wanted] = []
    images: dict[tuple[tuple[str, str], ...], list[str]] = {}
    own = UNIQUE_KEYS[Level.IMAGE]
    for row in rows:
        values = _keys_that_lead_to(row)
        if row.level is Level.IMAGE:
            above = tuple((keyword, value) for keyword, value in values.items() if keyword != own)
            images.setdefault(above, []).append(values[own])
        else:
            wanted.append(Wanted(row.level, _keys(values)))
    for above, uids in images.items():
        for start in range(0, len(uids), IMAGES_EACH):
            some = "\\".join(uids[start : start + IMAGES_EACH])
            wanted.append(Wanted(Level.IMAGE, _keys({**dict(above), own: some})))
    return tuple(wanted)


def _keys_that_lead_to(row: Row) -> dict[str, str]:
    """The unique keys of the row's level and of those above it that its root has."""
    levels = levels_of(row.source.root or "study")
    own = levels[: levels.index(row.level) + 1] if row.level in levels else (row.level,)
    values = unique_values(row)
    if UNIQUE_KEYS[row.level] not in values:
        raise ConfigurationError(
            f"a match has no {UNIQUE_KEYS[row.level]}: what it stands for cannot be named", phase="configure"
        )
    return {UNIQUE_KEYS[level]: values[UNIQUE_KEYS[level]] for level in own if UNIQUE_KEYS[level] in values}


def _keys(values: dict[str, str]) -> tuple[Key, ...]:
    return tuple(Key((attribute_of(keyword),), value) for keyword, value in values.items())
