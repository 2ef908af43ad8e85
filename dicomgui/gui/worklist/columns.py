"""The columns of a worklist: elements of the item, and of the first scheduled step in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dicomgui.app.asking.keys import SPECIFIC_CHARACTER_SET, Key
from dicomgui.app.asking.levels import Level
from dicomgui.app.asking.usual_attributes import USUAL_ATTRIBUTES
from dicomgui.app.asking.values import inside
from dicomgui.app.asking.worklist import STEP
from dicomgui.gui.asking.rows import ITEM, NODE, Column

__all__ = ["STEP_COLUMNS", "asked_columns", "columns_of"]

_STEP: Final = USUAL_ATTRIBUTES[STEP][0]


def _column(key: str, title: str, keyword: str, width: int, *, in_step: bool = False, is_usual: bool = False) -> Column:
    tag = USUAL_ATTRIBUTES[keyword][0]
    places = (inside(_STEP, tag) if in_step else tag,)
    return Column(key, title, dict.fromkeys(Level, places), width, is_usual=is_usual)


STEP_COLUMNS: Final = (
    _column(ITEM, "Patient", "PatientName", 170, is_usual=True),
    _column("id", "Patient ID", "PatientID", 90, is_usual=True),
    _column("date", "Date", "ScheduledProcedureStepStartDate", 92, in_step=True, is_usual=True),
    _column("time", "Time", "ScheduledProcedureStepStartTime", 76, in_step=True, is_usual=True),
    _column("modality", "Modality", "Modality", 82, in_step=True, is_usual=True),
    _column("station", "Station", "ScheduledStationAETitle", 108, in_step=True, is_usual=True),
    _column("description", "Step", "ScheduledProcedureStepDescription", 170, in_step=True, is_usual=True),
    _column("status", "Status", "ScheduledProcedureStepStatus", 96, in_step=True, is_usual=True),
    _column("accession", "Accession", "AccessionNumber", 90, is_usual=True),
    _column("step", "Step ID", "ScheduledProcedureStepID", 84, in_step=True),
    _column("procedure", "Procedure", "RequestedProcedureDescription", 150),
    _column("procedure_id", "Procedure ID", "RequestedProcedureID", 96),
    _column("birth", "Born", "PatientBirthDate", 92),
    _column("sex", "Sex", "PatientSex", 50),
    _column("performer", "Performing physician", "ScheduledPerformingPhysicianName", 140, in_step=True),
    _column("referrer", "Referring physician", "ReferringPhysicianName", 140),
    _column("name", "Station name", "ScheduledStationName", 100, in_step=True),
    _column("location", "Location", "ScheduledProcedureStepLocation", 100, in_step=True),
    Column(NODE, "Node", {}, 110),
)
"""The columns that every worklist has, shown or not."""

_OWN: Final = frozenset(place for column in STEP_COLUMNS for places in column.tags.values() for place in places)


def _place_of(key: Key) -> int | None:
    """Where a key stands in an item, as far as a column can show it."""
    if len(key.path) == 1:
        return key.attribute.tag
    if len(key.path) == 2:
        return inside(key.path[0].tag, key.attribute.tag)
    return None


def columns_of(keys: Iterable[Key]) -> tuple[Column, ...]:
    """The columns of every worklist, and one for each attribute that was asked for and has none of them."""
    more = {}
    for key in keys:
        place = _place_of(key)
        is_shown = place not in (None, SPECIFIC_CHARACTER_SET) and not key.attribute.is_sequence
        if place is not None and is_shown and place not in _OWN:
            more[place] = Column(f"{place:08X}", key.attribute.label, dict.fromkeys(Level, (place,)), 140)
    return (*STEP_COLUMNS, *more.values())


def asked_columns(keys: Iterable[Key], usual: Iterable[Key]) -> frozenset[str]:
    """The keys of the columns that are shown because the user asked for what they show."""
    known = {key.path for key in usual}
    return frozenset(
        column.key for column in columns_of(key for key in keys if key.path not in known)[len(STEP_COLUMNS) :]
    )
