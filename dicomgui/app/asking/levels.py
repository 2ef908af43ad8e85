"""The levels and roots of query and retrieve (PS3.4 C.3, C.6): what each has as its unique key, what to ask for."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from dicomgui.network.association.contexts import Negotiated, ProposedContext
from dicomgui.network.client import presets
from dicomgui.network.service import QUERY_MODELS, query_class
from dicomgui.network.service.models import QueryOperation
from dicomgui.network.service_classes import query

__all__ = [
    "LEVEL_KEYS",
    "RETURN_KEYS",
    "UNIQUE_KEYS",
    "Level",
    "Root",
    "accepted_root",
    "contexts_for",
    "levels_of",
    "roots_for",
    "unique_keys_above",
]


class Level(StrEnum):
    """Query/Retrieve Level (0008,0052)."""

    PATIENT = "PATIENT"
    STUDY = "STUDY"
    SERIES = "SERIES"
    IMAGE = "IMAGE"


class Root(StrEnum):
    """The information models of query and retrieve; the values are names of the network's models."""

    STUDY = "study"
    PATIENT = "patient"
    PATIENT_STUDY_ONLY = "patient-study-only"
    """Retired (PS3.4 C.6.3), and still what some old archives have."""


UNIQUE_KEYS: Final = MappingProxyType({Level(level): keyword for level, keyword in query.UNIQUE_KEYS.items()})
"""The unique key of each level (PS3.4 C.6.1.1, C.6.2.1), by keyword."""

_LEVELS: Final = {Root(root): tuple(map(Level, levels)) for root, levels in query.LEVELS.items()}

LEVEL_KEYS: Final = MappingProxyType(
    {
        Level.PATIENT: frozenset(
            {
                "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientBirthTime", "PatientSex",
                "OtherPatientIDs", "OtherPatientNames", "EthnicGroup", "PatientComments",
            }
        ),
        Level.STUDY: frozenset(
            {
                "StudyDate", "StudyTime", "AccessionNumber", "StudyID", "StudyInstanceUID", "ModalitiesInStudy",
                "SOPClassesInStudy", "ReferringPhysicianName", "StudyDescription", "NameOfPhysiciansReadingStudy",
                "AdmittingDiagnosesDescription", "PatientAge", "PatientSize", "PatientWeight", "Occupation",
                "AdditionalPatientHistory",
            }
        ),
        Level.SERIES: frozenset(
            {
                "Modality", "SeriesNumber", "SeriesInstanceUID", "SeriesDescription", "SeriesDate", "SeriesTime",
                "BodyPartExamined", "ProtocolName", "PerformedProcedureStepStartDate",
                "PerformedProcedureStepStartTime", "PerformingPhysicianName", "OperatorsName", "Laterality",
                "StationName", "InstitutionName",
            }
        ),
    }
)  # fmt: skip
"""Which level a key belongs to (PS3.4 tables C.6-1 to C.6-5); what is not named belongs to the level asked for."""

_PATIENT = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex")
RETURN_KEYS: Final = MappingProxyType(
    {
        Level.PATIENT: (*_PATIENT, "NumberOfPatientRelatedStudies"),
        Level.STUDY: (
            "PatientName", "PatientID", "StudyDate", "StudyTime", "ModalitiesInStudy", "StudyDescription",
            "AccessionNumber", "NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances", "StudyInstanceUID",
        ),
        Level.SERIES: (
            "Modality", "SeriesNumber", "SeriesDescription", "BodyPartExamined", "SeriesDate",
            "NumberOfSeriesRelatedInstances", "SeriesInstanceUID",
        ),
        Level.IMAGE: ("InstanceNumber", "SOPClassUID", "NumberOfFrames", "ContentDate", "SOPInstanceUID"),
    }
)  # fmt: skip
"""What is asked for at each level unless something else is: what people want to see, the unique key last."""


def levels_of(root: str) -> tuple[Level, ...]:
    """The levels of a root, from the top; none for models that are no query and retrieve."""
    return next((levels for known, levels in _LEVELS.items() if known == root), ())


def roots_for(level: Level, *, operation: QueryOperation = "find") -> tuple[Root, ...]:
    """The roots that have a level, the best first: study root where it will do, for nearly every archive has it."""
    order = (Root.STUDY, Root.PATIENT, Root.PATIENT_STUDY_ONLY)
    return tuple(root for root in order if level in _LEVELS[root] and operation in QUERY_MODELS[root.value])


def unique_keys_above(root: str, level: Level) -> tuple[str, ...]:
    """The unique keys that a hierarchical query or retrieval needs one value of (PS3.4 C.4.1.2.1, C.4.2.2.1)."""
    levels = levels_of(root)
    return tuple(UNIQUE_KEYS[one] for one in levels[: levels.index(level)]) if level in levels else ()


def contexts_for(roots: Iterable[str], *operations: QueryOperation) -> tuple[ProposedContext, ...]:
    """What to propose for these operations in these models.

    :raises ConfigurationError: a model is unknown, or has none of the operations' SOP classes.
    """
    return presets.for_classes(*(query_class(root, operation) for root in roots for operation in operations))


def accepted_root(negotiated: Negotiated, roots: Iterable[str], operation: QueryOperation) -> str | None:
    """The first of ``roots`` that the peer accepted the operation for, ``None`` where it is none."""
    for root in roots:
        if operation in QUERY_MODELS.get(root, {}) and negotiated.find(query_class(root, operation)) is not None:
            return root
    return None
