"""A worklist that a user writes: rows of plain texts, and the data sets that a modality is answered with.

In a row ``@`` stands for a digit that is drawn once (``ACC@@@@``); dates may be ``today``, ``tomorrow``, ``today+3``,
times ``now`` or ``now+30`` (minutes).
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from dicomgui.network.association.params import AETitle
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service_classes.attributes import UTF_8, da, derived_uid, put, tag_of, tm, vr_of
from dicomgui.network.uids import is_valid_uid

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement, RawDataElement
    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

    _Elements: TypeAlias = dict[BaseTag, DataElement | RawDataElement]

__all__ = ["COLUMNS", "MAX_ROWS", "Column", "PreparedRows", "Row", "UserWorklist", "check_cell", "problem_of", "row_of"]

MAX_ROWS: Final = 5_000
MAX_CELL: Final = 256

_DATE: Final = re.compile(r"(today|tomorrow|yesterday)\s*(?:([+-])\s*([0-9]{1,4}))?", re.IGNORECASE)
_ISO: Final = re.compile(r"([0-9]{4})[-.]?([0-9]{2})[-.]?([0-9]{2})")
_NOW: Final = re.compile(r"now\s*(?:([+-])\s*([0-9]{1,4}))?", re.IGNORECASE)
_TIME: Final = re.compile(r"([01][0-9]|2[0-3])(?::?([0-5][0-9])(?::?([0-5][0-9]))?)?")
_START_DATE: Final = "ScheduledProcedureStepStartDate"
_START_TIME: Final = "ScheduledProcedureStepStartTime"
_NAMED: Final = {"today": 0, "tomorrow": 1, "yesterday": -1}


class Column(NamedTuple):
    """A column of the table.

    :ivar keyword: of the attribute; also its name in a CSV file.
    :ivar title: for people; accepted in a CSV file, too.
    :ivar kind: how a cell is judged: a VR, or ``AE``, ``DATE``, ``TIME``.
    """

    keyword: str
    title: str
    kind: str


COLUMNS: Final = (
    Column("PatientName", "Patient name", "PN"),
    Column("PatientID", "Patient ID", "LO"),
    Column("PatientBirthDate", "Birth date", "DATE"),
    Column("PatientSex", "Sex", "SEX"),
    Column("AccessionNumber", "Accession", "SH"),
    Column("Modality", "Modality", "CS"),
    Column("ScheduledStationAETitle", "Station AE", "AE"),
    Column("ScheduledProcedureStepStartDate", "Date", "DATE"),
    Column("ScheduledProcedureStepStartTime", "Time", "TIME"),
    Column("RequestedProcedureDescription", "Procedure", "LO"),
    Column("ScheduledProcedureStepDescription", "Step", "LO"),
    Column("RequestedProcedureID", "Procedure ID", "SH"),
    Column("ScheduledProcedureStepID", "Step ID", "SH"),
    Column("ReferringPhysicianName", "Referring physician", "PN"),
    Column("StudyInstanceUID", "Study UID", "UI"),
)
"""The columns in their order."""

_LENGTHS: Final = {"PN": 194, "LO": 64, "SH": 16, "CS": 16}
_IN_STEP: Final = frozenset(
    {"Modality", "ScheduledStationAETitle", "ScheduledProcedureStepStartDate", "ScheduledProcedureStepStartTime",
     "ScheduledProcedureStepDescription", "ScheduledProcedureStepID"}
)  # fmt: skip
_EMPTY_OUTSIDE: Final = (
    "RequestingPhysician", "AdmissionID", "CurrentPatientLocation", "PatientState", "PatientTransportArrangements",
    "MedicalAlerts", "Allergies", "SpecialNeeds", "IssuerOfPatientID", "PatientWeight", "PregnancyStatus",
    "ConfidentialityConstraintOnPatientDataDescription",
)  # fmt: skip
_EMPTY_IN_STEP: Final = (
    "ScheduledStationName", "ScheduledPerformingPhysicianName", "ScheduledProcedureStepLocation", "PreMedication",
    "CommentsOnTheScheduledProcedureStep",
)  # fmt: skip
_EMPTY_SEQUENCES: Final = ("ReferencedStudySequence", "ReferencedPatientSequence", "RequestedProcedureCodeSequence")

Row = Mapping[str, str]
"""The cells of a row by keyword; what is not there is empty."""


def row_of(cells: Mapping[str, str]) -> dict[str, str]:
    """A row of exactly our columns.

    :raises ConfigurationError: says which cell cannot be used.
    """
    row = {column.keyword: cells.get(column.keyword, "").strip() for column in COLUMNS}
    problem = problem_of(row)
    if problem:
        raise ConfigurationError(problem, phase="configure")
    return row


def problem_of(row: Row) -> str:
    """What is wrong with a row, one sentence; empty for a good one."""
    for column in COLUMNS:
        problem = check_cell(column, row.get(column.keyword, ""))
        if problem:
            return f"{column.title} {problem}"
    return ""


def check_cell(column: Column, text: str) -> str:
    """What is wrong with the text of a cell; empty where nothing is."""
    if not text:
        return ""
    if len(text) > MAX_CELL or not text.isprintable():
        return "is no text of one line"
    if column.kind in ("DATE", "TIME"):
        return _check_moment(column.kind, text)
    if column.kind == "AE":
        try:
            AETitle(text)
        except ConfigurationError:
            return "is no AE title"
    elif column.kind == "SEX":
        return "" if text in ("M", "F", "O") else "is M, F or O"
    elif column.kind == "UI":
        return "" if is_valid_uid(text) else "is no UID"
    elif "\\" in text:
        return "has a backslash, which separates values"
    elif len(text) > _LENGTHS[column.kind]:
        return f"has more than {_LENGTHS[column.kind]} characters"
    return ""


def _check_moment(kind: str, text: str) -> str:
    plain = text.replace("@", "0")
    if kind == "TIME":
        return "" if _NOW.fullmatch(plain) or _TIME.fullmatch(plain) else "is no time such as 08:30, now or now+30"
    if _DATE.fullmatch(plain):
        return ""
    match = _ISO.fullmatch(plain)
    try:
        if match is not None:
            date(*(max(1, int(part)) if "@" in text else int(part) for part in match.groups()))
            return ""
    except ValueError:
        pass
    return "is no date such as 2025-04-30, today or today+1"


def _date_at(text: str, now: datetime) -> str:
    match = _DATE.fullmatch(text)
    if match is None:
        return "".join(character for character in text if character.isdigit())
    days = _NAMED[match[1].lower()] + (int(f"{match[2]}{match[3]}") if match[2] else 0)
    return da(now.date() + timedelta(days=days))


def _time_at(text: str, now: datetime) -> str:
    match = _NOW.fullmatch(text)
    if match is None:
        digits = "".join(character for character in text if character.isdigit())
        return f"{digits:0<6}" if digits else ""
    return tm((now + timedelta(minutes=int(f"{match[1]}{match[2]}") if match[1] else 0)).replace(second=0))


class PreparedRows(NamedTuple):
    """Rows with their digits drawn.

    :ivar by_text: the same by what was typed.
    """

    rows: tuple[dict[str, str], ...]
    by_text: dict[tuple[tuple[str, str], ...], list[dict[str, str]]]


@dataclass(slots=True)
class UserWorklist:
    """Rows as they are in force, with their drawn digits, and data sets beside them.

    Its items may be asked for from any thread: rows and data sets are replaced as a whole.

    :ivar datasets: more items, answered as they are.
    :ivar states: Scheduled Procedure Step Status of items, by Study Instance UID.
    """

    datasets: tuple[Dataset, ...] = ()
    states: Mapping[str, str] = field(default_factory=dict)
    _rows: tuple[dict[str, str], ...] = ()
    _drawn: dict[tuple[tuple[str, str], ...], list[dict[str, str]]] = field(default_factory=dict)
    _made: dict[int, tuple[object, Dataset]] = field(default_factory=dict)

    @property
    def rows(self) -> tuple[dict[str, str], ...]:
        """The rows with digits drawn and a Study Instance UID each; dates and times are words still."""
        return self._rows

    def set_rows(self, rows: Iterable[Row], draw: random.Random | None = None) -> None:
        """Put rows in force; digits that were drawn for the same text stay.

        :param draw: where random digits come from.
        :raises ConfigurationError: a row is unusable, or there are more than :data:`MAX_ROWS`.
        """
        self.install(self.prepared(rows, draw))

    def prepared(self, rows: Iterable[Row], draw: random.Random | None = None) -> PreparedRows:
        """The same up to :meth:`install`; changes nothing, and may run in any thread."""
        draw = draw or random.SystemRandom()
        wanted = [row_of(row) for row in rows]
        if len(wanted) > MAX_ROWS:
            raise ConfigurationError(f"a worklist has at most {MAX_ROWS:,} rows", phase="configure")
        known = {text: list(drawn) for text, drawn in self._drawn.items()}
        by_text: dict[tuple[tuple[str, str], ...], list[dict[str, str]]] = {}
        made = []
        for number, row in enumerate(wanted):
            text = tuple(row.items())
            again = known.get(text)
            one = again.pop(0) if again else _drawn(row, number, draw)
            by_text.setdefault(text, []).append(one)
            made.append(one)
        return PreparedRows(tuple(made), by_text)

    def install(self, prepared: PreparedRows) -> None:
        """Put prepared rows in force."""
        self._rows, self._drawn = prepared

    def items(self, now: datetime) -> Sequence[Dataset]:
        """The data sets at this moment, as modalities shall see them (PS3.4 table K.6-1).

        Each is made once, and anew when its state or what its words stand for is another.
        """
        today, states, known = now.date(), self.states, self._made
        made: dict[int, tuple[object, Dataset]] = {}
        for row in self._rows:
            minute = now.replace(second=0, microsecond=0) if "now" in row[_START_TIME].lower() else None
            key = (row, today, minute, states.get(row["StudyInstanceUID"]))
            before = known.get(id(row))
            made[id(row)] = before if before is not None and before[0] == key else (key, _item(row, now, states))
        self._made = made
        return (*(item for _, item in made.values()), *self.datasets)


def _drawn(row: Row, number: int, draw: random.Random) -> dict[str, str]:
    """The row with a digit for each ``@``, and with what every item needs."""
    made = {
        keyword: "".join(str(draw.randrange(10)) if character == "@" else character for character in text)
        for keyword, text in row.items()
    }
    made["RequestedProcedureID"] = made["RequestedProcedureID"] or f"RP{number + 1}"
    made["ScheduledProcedureStepID"] = made["ScheduledProcedureStepID"] or f"SPS{number + 1}"
    if not made["StudyInstanceUID"]:
        made["StudyInstanceUID"] = derived_uid(*made.values(), number, draw.getrandbits(64))
    return made


def _item(row: Row, now: datetime, states: Mapping[str, str]) -> Dataset:
    from pydicom import Dataset

    values = dict(row)
    values["PatientBirthDate"] = _date_at(row["PatientBirthDate"], now)
    values[_START_DATE] = _date_at(row[_START_DATE], now)
    values[_START_TIME] = _time_at(row[_START_TIME], now)
    description = row["RequestedProcedureDescription"] or row["ScheduledProcedureStepDescription"]
    values["RequestedProcedureDescription"] = description
    values["ScheduledProcedureStepDescription"] = row["ScheduledProcedureStepDescription"] or description
    outside, inside = _blank()
    step = {**inside, **_elements({keyword: values[keyword] for keyword in _IN_STEP})}
    step |= _elements({"ScheduledProcedureStepStatus": states.get(row["StudyInstanceUID"], "SCHEDULED")})
    own = _elements({keyword: text for keyword, text in values.items() if keyword not in _IN_STEP})
    item = Dataset({**outside, **own, **_elements({"ScheduledProcedureStepSequence": [Dataset(step)]})})
    if not all(map(str.isascii, row.values())):
        put(item, "SpecificCharacterSet", UTF_8)
    return item


@cache
def _blank() -> tuple[_Elements, _Elements]:
    """What every item has without a value, and every step; shared by all, since nobody changes them."""
    outside = {**dict.fromkeys(_EMPTY_OUTSIDE), "RequestedProcedurePriority": "ROUTINE"}
    return (
        _elements({**outside, **{keyword: [] for keyword in _EMPTY_SEQUENCES}}),
        _elements({**dict.fromkeys(_EMPTY_IN_STEP, ""), "ScheduledProtocolCodeSequence": []}),
    )


def _elements(values: Mapping[str, object]) -> _Elements:
    from pydicom import DataElement, config

    made: _Elements = {}
    for keyword, value in values.items():
        tag, vr = _named(keyword)
        made[tag] = DataElement(tag, vr, value, validation_mode=config.IGNORE)
    return made


@cache
def _named(keyword: str) -> tuple[BaseTag, str]:
    from pydicom import tag as tags

    tag = tag_of(keyword)
    return tags.Tag(tag), vr_of(tag)
