"""Keys as conditions of SQL, over the tables of :mod:`dicomgui.storage.schema`.

A condition narrows the rows down as far as SQL can tell; where that is not all, the value is tested again in Python.
Names come from our own tables; what a peer sends is always a parameter.
"""

from __future__ import annotations

import json
from typing import Final, NamedTuple

from dicomgui.network.service_classes.values import Kind, ValueMatcher, literal_of, moment_span
from dicomgui.storage.attributes import Attribute, Level
from dicomgui.storage.identifiers import Selection

__all__ = [
    "CONSTANTS",
    "FROM",
    "PRESENT",
    "Condition",
    "computed_condition",
    "condition",
    "expression",
    "selecting",
    "selection_conditions",
]

FROM: Final = {
    Level.PATIENT: "patient",
    Level.STUDY: "study",
    Level.SERIES: "series JOIN study ON study.id = series.study",
    Level.IMAGE: "instance JOIN series ON series.id = instance.series JOIN study ON study.id = series.study",
}
"""The tables that hold the attributes of a level and of those above; a study has its patient's, too."""

PRESENT: Final[dict[Level, tuple[str, ...]]] = {
    Level.PATIENT: (),
    Level.STUDY: ("study.StudyInstanceUID <> ''",),
    Level.SERIES: ("study.StudyInstanceUID <> ''", "series.SeriesInstanceUID <> ''"),
    Level.IMAGE: ("instance.shown",),
}
"""What has no unique key is no entity (PS3.4 C.2.2.1.1); of several data sets of one UID, one is."""

CONSTANTS: Final = {0x0008_0056: ("CS", "ONLINE"), 0x0008_0054: ("AE", "")}
"""Instance Availability, and Retrieve AE Title where there is none (C.4.23.1.1, C.4.1.1.3.2)."""


def selecting(columns: str, tables: str, where: str) -> str:
    """A query of these pieces, all of which come from this module or its tables, never from a peer."""
    return " ".join(("SELECT", columns, "FROM", tables, "WHERE", where))


def _count(tables: str, where: str) -> str:
    return f"({selecting('count(*)', tables, where)})"


def _distinct(column: str, tables: str, where: str) -> str:
    values = selecting(f"DISTINCT {column} AS value", tables, f"{where} AND {column} <> '' ORDER BY 1")
    return f"({selecting('group_concat(value, char(92))', f'({values})', '1')})"


_STUDIES_OF_PATIENT = ("study x", "x.patient = {patient} AND x.StudyInstanceUID <> ''")
_SERIES_OF_PATIENT = ("series y JOIN study x ON x.id = y.study", _STUDIES_OF_PATIENT[1])
_INSTANCES_OF_PATIENT = ("instance z", f"z.shown AND z.series IN ({selecting('y.id', *_SERIES_OF_PATIENT)})")
_SERIES_OF_STUDY = ("series y", "y.study = study.id")
_INSTANCES_OF_STUDY = ("instance z JOIN series y ON y.id = z.series", "y.study = study.id AND z.shown")
_IS_SERIES = "y.SeriesInstanceUID <> ''"
_EXPRESSIONS: Final = {
    0x0008_0061: _distinct("y.Modality", *_SERIES_OF_STUDY),
    0x0008_0062: _distinct("z.SOPClassUID", *_INSTANCES_OF_STUDY),
    0x0008_3002: "instance.TransferSyntaxUID",
    0x0020_1200: _count(*_STUDIES_OF_PATIENT),
    0x0020_1202: _count(_SERIES_OF_PATIENT[0], f"{_SERIES_OF_PATIENT[1]} AND {_IS_SERIES}"),
    0x0020_1204: _count(*_INSTANCES_OF_PATIENT),
    0x0020_1206: _count(_SERIES_OF_STUDY[0], f"{_SERIES_OF_STUDY[1]} AND {_IS_SERIES}"),
    0x0020_1208: _count(*_INSTANCES_OF_STUDY),
    0x0020_1209: _count("instance z", "z.series = series.id AND z.shown"),
}
_MEMBERS: Final = {
    0x0008_0061: ("y.Modality", _SERIES_OF_STUDY),
    0x0008_0062: ("z.SOPClassUID", _INSTANCES_OF_STUDY),
}
_TABLES: Final = {Level.STUDY: "study", Level.SERIES: "series", Level.IMAGE: "instance"}


class Condition(NamedTuple):
    """SQL for ``WHERE``, empty where SQL can say nothing.

    :ivar is_exact: whether every row that fulfils it matches, so that no further test is needed.
    """

    text: str = ""
    parameters: tuple[str, ...] = ()
    is_exact: bool = False


def expression(attribute: Attribute, level: Level) -> str:
    """The value of an attribute in a query of this level, which must not stand above the attribute's."""
    patient = "patient" if level is Level.PATIENT else "study"
    if attribute.tag in _EXPRESSIONS:
        return _EXPRESSIONS[attribute.tag].format(patient="patient.id" if level is Level.PATIENT else "study.patient")
    table = patient if attribute.level is Level.PATIENT else _TABLES[attribute.level]
    return f"{table}.{attribute.keyword}"


def computed_condition(attribute: Attribute, level: Level, matcher: ValueMatcher) -> Condition:
    """The condition for a computed attribute: some member of the study that matches; counts are compared in Python."""
    if attribute.tag not in _MEMBERS or matcher.kind is Kind.EMPTY:
        return Condition()
    column, (tables, where) = _MEMBERS[attribute.tag]
    inner = _on(column, attribute.vr, matcher)
    return Condition(f"EXISTS ({selecting('1', tables, f'{where} AND {inner.text}')})", inner.parameters, True)


def condition(attribute: Attribute, level: Level, matcher: ValueMatcher) -> Condition:
    """The condition for an attribute of the tables; the matcher is not universal."""
    column = expression(attribute, level)
    if matcher.kind is Kind.EMPTY:
        return Condition(f"({column} IS NULL OR {column} = '')", (), True)
    if attribute.keyword == "PatientName":
        literals = [literal_of(value) for value in matcher.values]
        if not all(literals):
            return Condition()
        return Condition(_any([f"instr({column}Fold, ?)"] * len(literals)), tuple(literals))
    if attribute.is_multiple:
        return Condition()
    return _on(column, attribute.vr, matcher)


def _on(column: str, vr: str, matcher: ValueMatcher) -> Condition:
    if vr == "DA":
        return _dates(column, matcher)
    if vr not in _EXACT_VRS:
        return Condition()
    if matcher.kind is Kind.WILDCARD:
        return Condition(_any([f"{column} GLOB ?"] * len(matcher.values)), tuple(map(_glob_of, matcher.values)), True)
    return Condition(*_among(column, matcher.values), True)


def _glob_of(key: str) -> str:
    """The key as a pattern of SQLite's GLOB, which knows ``*`` and ``?`` in the same sense, and brackets."""
    return key.replace("[", "[[]")


_EXACT_VRS: Final = frozenset({"AE", "AS", "CS", "LO", "SH", "UI"})
"""Whose values are equal as SQL has it. In the others spaces, digits or letters may differ and mean the same."""


def _dates(column: str, matcher: ValueMatcher) -> Condition:
    if matcher.kind is Kind.SINGLE:
        span = moment_span("DA", matcher.values[0])
        return Condition(f"{column} = ?", (span.first[:8] if span else matcher.values[0],))
    if matcher.kind is not Kind.RANGE:
        return Condition()
    lower, upper = (moment_span("DA", end) for end in matcher.values)
    text, parameters = [f"{column} >= ?"], [lower.first[:8] if lower else "0"]
    if upper is not None:
        text.append(f"{column} <= ?")
        parameters.append(upper.last[:8])
    return Condition(" AND ".join(text), tuple(parameters))


def _any(conditions: list[str]) -> str:
    return f"({' OR '.join(conditions)})"


def _among(column: str, values: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """One value, or any number of them: a request may list more UIDs than SQL takes parameters."""
    if len(values) == 1:
        return f"{column} = ?", values
    return f"{column} IN ({selecting('value', 'json_each(?)', '1')})", (json.dumps(values),)


def selection_conditions(selection: Selection) -> tuple[str, tuple[str, ...]]:
    """The condition for the instances of a selection, over ``FROM[Level.IMAGE]``; ``1`` for all."""
    columns = ("study.PatientID", "study.StudyInstanceUID", "series.SeriesInstanceUID", "instance.SOPInstanceUID")
    parts = [_among(column, values) for column, values in zip(columns, selection, strict=True) if values]
    text = " AND ".join(part for part, _ in parts) or "1"
    return text, tuple(value for _, values in parts for value in values)
