"""What is in the archive, to be looked through: patients, studies, series and instances as a tree of places.

A place is a level and the number of a row. A list of places is quick to make also of 100,000; what stands at a place is
asked for when somebody sees it (:func:`entries`). Everything here blocks and belongs in a thread, and raises
:class:`~dicomgui.storage.errors.IndexFault` when the index cannot be read.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

from dicomgui.network.service_classes.values import fold
from dicomgui.storage.attributes import Level
from dicomgui.storage.conditions import FROM, selecting
from dicomgui.storage.index import Index, StoredFile

__all__ = ["NO_PATIENT", "Entry", "Order", "Place", "State", "entries", "files_at", "places", "places_below", "state"]

Place: TypeAlias = tuple[Level, int]

NO_PATIENT: Final[Place] = (Level.PATIENT, 0)
"""Stands for the files that name no study; they have no patient either."""

MAX_WORDS: Final = 8


class Order(StrEnum):
    """What the patients are sorted by; what is below them has an order of its own."""

    RECEIVED = "received"
    NAME = "name"
    ID = "id"
    DATE = "date"
    INSTANCES = "instances"
    SIZE = "size"


class Entry(NamedTuple):
    """What stands at a place.

    :ivar key: number of the row, as in the place.
    :ivar name: patient's name as in the data set; description of a study or series; SOP Instance UID of an instance.
    :ivar identity: Patient ID, Accession Number, Series Number or Instance Number.
    :ivar date: latest study date of a patient; study, series or content date.
    :ivar kind: modalities; SOP Class UID of an instance.
    :ivar detail: birth date; Study ID; body part; transfer syntax UID.
    :ivar children: how many places are below.
    :ivar instances: files.
    :ivar received_ns: when the latest of its files was written, in nanoseconds since 1970-01-01 UTC.
    :ivar same_uid: files whose SOP Instance UID has more than one data set here, all but the first counted; for an
        instance, which one of several it is, 0 where there is only one.
    """

    level: Level
    key: int
    name: str
    identity: str
    date: str
    kind: str
    detail: str
    children: int
    instances: int
    size_bytes: int
    received_ns: int
    same_uid: int


class State(NamedTuple):
    """Changes whenever a file comes or goes."""

    instances: int
    newest: int


_UNDER: Final = {
    Level.PATIENT: "study.patient IS {key}",
    Level.STUDY: "study.id = {key}",
    Level.SERIES: "series.id = {key}",
    Level.IMAGE: "instance.id = {key}",
}
_FILES: Final = FROM[Level.IMAGE]
_ORDERS: Final = {
    Order.RECEIVED: "(SELECT max(id) FROM study WHERE study.patient = patient.id)",
    Order.NAME: "PatientNameFold",
    Order.ID: "PatientID",
    Order.DATE: "(SELECT max(StudyDate) FROM study WHERE study.patient = patient.id)",
    Order.INSTANCES: f"({selecting('count(*)', _FILES, 'study.patient = patient.id')})",
    Order.SIZE: f"({selecting('sum(instance.size_bytes)', _FILES, 'study.patient = patient.id')})",
}
_BELOW: Final = {
    Level.PATIENT: "SELECT id FROM study WHERE patient IS ? ORDER BY StudyDate DESC, StudyTime DESC, id",
    Level.STUDY: "SELECT id FROM series WHERE study = ? ORDER BY CAST(SeriesNumber AS INTEGER), id",
    Level.SERIES: (
        "SELECT id FROM instance WHERE series = ? ORDER BY CAST(InstanceNumber AS INTEGER), SOPInstanceUID, variant"
    ),
}


def state(index: Index) -> State:
    """A quick look whether anything has changed."""
    return State(*index.rows("SELECT count(*), coalesce(max(id), 0) FROM instance")[0])


def places(
    index: Index,
    search: str = "",
    order: Order = Order.RECEIVED,
    *,
    descending: bool = True,
    opened: Collection[Place] = (),
) -> list[Place]:
    """The patients, and below those that are opened what is in them, as a flat list in the order of a tree.

    :param search: words; each must be in a patient, or in one of its studies, series or instances.
    :param opened: places that are unfolded.
    """
    found = [(Level.PATIENT, key) for (key,) in index.rows(*_patients(search, order, descending))]
    if not search.split() and index.rows("SELECT 1 FROM study WHERE patient IS NULL LIMIT 1"):
        found.append(NO_PATIENT)
    if not opened:
        return found
    return list(_unfolded(index, found, frozenset(opened)))


def _unfolded(index: Index, found: Iterable[Place], opened: frozenset[Place]) -> Iterator[Place]:
    for place in found:
        yield place
        if place in opened:
            yield from _unfolded(index, places_below(index, place), opened)


def places_below(index: Index, place: Place) -> list[Place]:
    """What is in a patient, study or series."""
    level, key = place
    if level is Level.IMAGE:
        return []
    below = Level(level + 1)
    return [(below, row) for (row,) in index.rows(_BELOW[level], (key or None,))]


def _patients(search: str, order: Order, descending: bool) -> tuple[str, list[str]]:
    conditions, parameters = [], []
    for word in search.split()[:MAX_WORDS]:
        condition, values = _containing(word)
        conditions.append(condition)
        parameters += values
    direction = "DESC" if descending else "ASC"
    where = f"{' AND '.join(conditions) or '1'} ORDER BY {_ORDERS[order]} {direction}, id {direction}"
    return selecting("id", "patient", where), parameters


def _containing(word: str) -> tuple[str, list[str]]:
    """The patients with a word anywhere; UIDs as a whole, dates also with hyphens."""
    folded, lower, date = fold(word), word.lower(), word.replace("-", "")
    study = "instr(PatientNameFold, ?) OR instr(lower(AccessionNumber), ?) OR instr(lower(StudyDescription), ?)"
    study += " OR StudyDate LIKE ? || '%' OR StudyInstanceUID = ?"
    series = "lower(Modality) = ? OR instr(lower(SeriesDescription), ?) OR SeriesInstanceUID = ?"
    inside = (
        selecting("patient", "study", study),
        selecting("patient", FROM[Level.SERIES], series),
        selecting("patient", _FILES, "SOPInstanceUID = ?"),
    )
    anywhere = " OR ".join(f"id IN ({query})" for query in inside)
    condition = f"(instr(PatientNameFold, ?) OR instr(lower(PatientID), ?) OR {anywhere})"
    day = date if date.isdigit() and len(date) >= 4 else "-"
    return condition, [folded, lower, folded, lower, lower, day, word, lower, lower, word, word]


_SUMS: Final = (
    "count(instance.id), coalesce(sum(instance.size_bytes), 0), coalesce(max(instance.mtime_ns), 0),"
    " coalesce(sum(NOT instance.shown), 0)"
)


def entries(index: Index, level: Level, keys: Sequence[int]) -> list[Entry]:
    """What stands at these places of one level; those that are gone are left out."""
    sought = json.dumps(list(keys))
    rows = index.rows(_ENTRIES[level], (sought,))
    found = [Entry._make((level, row[0], *map(_text, row[1:6]), *row[6:])) for row in rows]
    if level is Level.PATIENT and NO_PATIENT[1] in keys:
        found += [_without_patient(index)]
    return found


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _entries_of(level: Level, columns: str, children: str) -> str:
    """A query for the rows of one level: five texts, the number of what is below, and the sums over its files."""
    table = level.name.lower()
    where = f"{table}.id IN ({selecting('value', 'json_each(?)', '1')}) GROUP BY {table}.id"
    tables = _FILES if level is not Level.PATIENT else f"patient JOIN study ON study.patient = patient.id {_JOINED}"
    return selecting(f"{table}.id, {columns}, {children}, {_SUMS}", tables, where)


_JOINED: Final = "JOIN series ON series.study = study.id JOIN instance ON instance.series = series.id"
_ENTRIES: Final = {
    Level.PATIENT: _entries_of(
        Level.PATIENT,
        "patient.PatientName, patient.PatientID, max(study.StudyDate),"
        " group_concat(DISTINCT nullif(series.Modality, '')), patient.PatientBirthDate",
        "count(DISTINCT study.id)",
    ),
    Level.STUDY: _entries_of(
        Level.STUDY,
        "study.StudyDescription, study.AccessionNumber, study.StudyDate,"
        " group_concat(DISTINCT nullif(series.Modality, '')), study.StudyID",
        "count(DISTINCT series.id)",
    ),
    Level.SERIES: _entries_of(
        Level.SERIES,
        "series.SeriesDescription, series.SeriesNumber, series.SeriesDate, series.Modality, series.BodyPartExamined",
        "count(*)",
    ),
    Level.IMAGE: selecting(
        "id, SOPInstanceUID, InstanceNumber, ContentDate, SOPClassUID, TransferSyntaxUID, 0, 1, size_bytes, mtime_ns,"
        " CASE WHEN (SELECT count(*) FROM instance other WHERE other.series = instance.series"
        " AND other.SOPInstanceUID = instance.SOPInstanceUID) > 1 THEN variant ELSE 0 END",
        "instance",
        f"id IN ({selecting('value', 'json_each(?)', '1')})",
    ),
}


def _without_patient(index: Index) -> Entry:
    columns = f"count(DISTINCT study.id), {_SUMS}"
    [numbers] = index.rows(selecting(columns, _FILES, "study.patient IS NULL"))
    return Entry(*NO_PATIENT, "", "", "", "", "", *numbers)


def files_at(index: Index, chosen: Iterable[Place]) -> list[StoredFile]:
    """The files at these places and below them, each once, the other data sets of a UID as well."""
    columns = "instance.name, SOPClassUID, SOPInstanceUID, TransferSyntaxUID, instance.size_bytes"
    found: dict[str, StoredFile] = {}
    for level, key in chosen:
        where = f"{_UNDER[level].format(key='?')} ORDER BY study.id, series.id, CAST(InstanceNumber AS INTEGER)"
        for name, *facts in index.rows(selecting(columns, _FILES, where), (key or None,)):
            found[name] = StoredFile(index.folder / name, name, *facts)
    return list(found.values())
