"""Query a modality worklist (PS3.4 annex K): which scheduled procedure steps are there for this station?"""

from __future__ import annotations

from functools import cache
from typing import Final

from dicomgui.app.asking.keys import Key, parse_key
from dicomgui.app.asking.query import DEFAULT_LIMIT, FindJob, FindResult, Found, Query, find, relaxed

__all__ = [
    "STEP",
    "WORKLIST_RETURN_KEYS",
    "FindJob",
    "FindResult",
    "Found",
    "Query",
    "find",
    "relaxed",
    "step_keys",
    "usual_return_keys",
    "worklist_query",
    "worklist_remarks",
]

STEP: Final = "ScheduledProcedureStepSequence"

_IN_STEP: Final = (
    "ScheduledProcedureStepStartDate", "ScheduledProcedureStepStartTime", "Modality", "ScheduledStationAETitle",
    "ScheduledPerformingPhysicianName", "ScheduledProcedureStepDescription", "ScheduledStationName",
    "ScheduledProcedureStepLocation", "ScheduledProcedureStepID", "ScheduledProcedureStepStatus",
    "ScheduledProtocolCodeSequence",
)  # fmt: skip
_OUTSIDE: Final = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "AccessionNumber", "RequestedProcedureID",
    "RequestedProcedureDescription", "RequestedProcedureCodeSequence", "ReferringPhysicianName", "StudyInstanceUID",
    "ReferencedStudySequence", "ReferencedPatientSequence",
)  # fmt: skip

WORKLIST_RETURN_KEYS: Final = (*(f"{STEP}[0].{keyword}" for keyword in _IN_STEP), *_OUTSIDE)
"""What is asked for unless something else is: types 1 and 2 of PS3.4 table K.6-1, what people want to see, and what a
performed step repeats (PS3.4 table F.7.2-1).
"""


@cache
def usual_return_keys() -> tuple[Key, ...]:
    """:data:`WORKLIST_RETURN_KEYS` as keys."""
    return tuple(map(parse_key, WORKLIST_RETURN_KEYS))


def step_keys(*, date: str = "", modality: str = "", station_ae: str = "") -> tuple[Key, ...]:
    """The keys of the usual question: which steps, when, of which modality, at which station.

    :param date: a date, a range, or a preset's name such as ``today``.
    :raises ConfigurationError: never for these attributes, whatever their values.
    """
    wanted = {
        "ScheduledProcedureStepStartDate": date,
        "Modality": modality,
        "ScheduledStationAETitle": station_ae,
    }
    return tuple(parse_key(f"{STEP}[0].{keyword}={value}") for keyword, value in wanted.items() if value)


def worklist_query(
    keys: tuple[Key, ...], returned: tuple[Key, ...] | None = None, limit: int | None = DEFAULT_LIMIT
) -> Query:
    """The query of a worklist, for :func:`find` or :class:`FindJob`.

    :param returned: what is to be returned besides the keys; by default :data:`WORKLIST_RETURN_KEYS`.
    """
    return Query(keys, usual_return_keys() if returned is None else returned, None, "worklist", limit)


def worklist_remarks(keys: tuple[Key, ...]) -> tuple[str, ...]:
    """What is odd about keys: attributes of a step that stand outside of it are ignored by worklists."""
    return tuple(
        f"{key.name} is an attribute of the scheduled step: write {STEP}[0].{key.name}."
        for key in keys
        if len(key.path) == 1 and key.attribute.keyword in _IN_STEP
    )
