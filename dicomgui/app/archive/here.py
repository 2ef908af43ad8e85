"""How much of what a peer has is here already, by the index of the local archive."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from dicomgui.app.asking.levels import Level
from dicomgui.storage import Index, IndexFault, Selection

__all__ = ["HereLookup", "here_in"]

HereLookup: TypeAlias = Callable[[Level, Sequence[str]], Mapping[str, int]]
"""How many instances of these patients, studies, series or images are here, by the unique key of the level. It may
block: it is called in a thread. What it does not know, it leaves out."""


def here_in(index: Index) -> HereLookup:
    """Look it up in an index; while that is closed or damaged, nothing is known."""

    def count(level: Level, values: Sequence[str]) -> Mapping[str, int]:
        counts = {}
        for value in values:
            try:
                counts[value] = index.count(_selection(level, value))
            except IndexFault:
                break
        return counts

    return count


def _selection(level: Level, value: str) -> Selection:
    if level is Level.PATIENT:
        return Selection(patient_ids=(value,))
    if level is Level.STUDY:
        return Selection(study_uids=(value,))
    if level is Level.SERIES:
        return Selection(series_uids=(value,))
    return Selection(instance_uids=(value,))
