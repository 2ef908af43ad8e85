"""Rows of the index: put an instance in, take it out, leave no empty series, study or patient behind.

All in the one thread that writes, inside of its transactions.
"""

from __future__ import annotations

import sqlite3
from typing import Final, NamedTuple

from dicomgui.network.service_classes.values import fold
from dicomgui.storage.attributes import InstanceAttributes, Level, Value, attributes_of

__all__ = ["FileFacts", "Rows"]

_MOST_REMEMBERED = 4096


class FileFacts(NamedTuple):
    """A file of the archive.

    :ivar name: its path inside of the archive, with ``/``.
    :ivar variant: 1, or n for the n-th data set of its SOP Instance UID.
    """

    name: str
    variant: int
    size_bytes: int
    mtime_ns: int


class _Table:
    """Statements for the rows of one table: find by key, insert, fill in what was empty."""

    def __init__(self, name: str, keys: tuple[str, ...], columns: tuple[str, ...]) -> None:
        where = " AND ".join(f"{key} = ?" for key in keys)
        every = ", ".join(columns)
        marks = ", ".join("?" * len(columns))
        filled = ", ".join(f"{column} = coalesce(nullif({column}, ''), ?)" for column in columns)
        self.find = " ".join(("SELECT id FROM", name, "WHERE", where))
        self.insert = " ".join(("INSERT INTO", name, f"({every}) VALUES ({marks})"))
        self.fill = " ".join(("UPDATE", name, "SET", filled, "WHERE id = ?"))


def _names(*levels: Level) -> tuple[str, ...]:
    return tuple(attribute.keyword for level in levels for attribute in attributes_of(level))


_PATIENT: Final = _Table("patient", ("identity",), ("identity", *_names(Level.PATIENT), "PatientNameFold"))
_STUDY: Final = _Table(
    "study", ("StudyInstanceUID",), ("patient", *_names(Level.PATIENT, Level.STUDY), "PatientNameFold")
)
_SERIES: Final = _Table("series", ("study", "SeriesInstanceUID"), ("study", *_names(Level.SERIES)))
_INSTANCE: Final = _Table(
    "instance",
    ("name",),
    ("series", "name", "variant", "shown", "size_bytes", "mtime_ns", "TransferSyntaxUID", *_names(Level.IMAGE)),
)
_SHOW_FIRST: Final = """
    UPDATE instance SET shown = variant = (
        SELECT min(variant) FROM instance WHERE series = :series AND SOPInstanceUID = :uid
    ) WHERE series = :series AND SOPInstanceUID = :uid
"""
_PATIENT_OF_STUDY: Final = "SELECT patient FROM study WHERE StudyInstanceUID = ?"
_COUNT_SAME: Final = "SELECT count(*) FROM instance WHERE series = ? AND SOPInstanceUID = ?"
_NAME_AT: Final = _names(Level.PATIENT).index("PatientName")
_ID_AT: Final = _names(Level.PATIENT).index("PatientID")
_ISSUER_AT: Final = _names(Level.PATIENT).index("IssuerOfPatientID")
_BIRTH_AT: Final = _names(Level.PATIENT).index("PatientBirthDate")
_STUDY_UID_AT: Final = _names(Level.STUDY).index("StudyInstanceUID")
_SERIES_UID_AT: Final = _names(Level.SERIES).index("SeriesInstanceUID")
_INSTANCE_UID_AT: Final = _names(Level.IMAGE).index("SOPInstanceUID")


class _Known(NamedTuple):
    row: int
    values: tuple[Value | int, ...]


class Rows:
    """The rows behind one connection; every method raises ``sqlite3.Error``.

    What the rows of the last series were is remembered, so that an instance of a known series costs one insertion.
    Call :meth:`begin` at the start of each transaction.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._known: dict[tuple[_Table, tuple[Value | int, ...]], _Known] = {}
        self._emptied: set[int] = set()
        self._version = -1

    def begin(self) -> None:
        """A transaction has begun: forget what the rows were if another process has changed them since the last."""
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self.forget()
            self._version = version

    def forget(self) -> None:
        """Forget what the rows were; for after a rollback."""
        self._known.clear()
        self._emptied.clear()

    def put(self, file: FileFacts, attributes: InstanceAttributes) -> bool:
        """Put the row of a file in, in place of the one that it had.

        :returns: whether it had none.
        """
        had_row = self.remove(file.name)
        series = self._series_of(attributes)
        self._connection.execute(
            _INSTANCE.insert,
            (
                series,
                file.name,
                file.variant,
                1,
                file.size_bytes,
                file.mtime_ns,
                attributes.transfer_syntax_uid,
                *attributes.image,
            ),
        )
        uid = attributes.image[_INSTANCE_UID_AT]
        (same,) = self._connection.execute(_COUNT_SAME, (series, uid)).fetchone()
        if same > 1:
            self._connection.execute(_SHOW_FIRST, {"series": series, "uid": uid})
        return not had_row

    def remove(self, name: str) -> bool:
        """Take the row of a file out; whether there was one."""
        row = self._connection.execute("SELECT series, SOPInstanceUID FROM instance WHERE name = ?", (name,)).fetchone()
        if row is None:
            return False
        series, uid = row
        self._connection.execute("DELETE FROM instance WHERE name = ?", (name,))
        self._connection.execute(_SHOW_FIRST, {"series": series, "uid": uid})
        self._emptied.add(series)
        return True

    def tidy(self) -> None:
        """Take series, studies and patients out that :meth:`remove` has left empty; call it before each commit."""
        emptied, self._emptied = self._emptied, set()
        for series in emptied:
            self._drop_if_empty("instance", "series", series)

    def clear(self) -> None:
        """Take everything out."""
        self.forget()
        for table in ("instance", "series", "study", "patient"):
            self._connection.execute(" ".join(("DELETE FROM", table)))

    def _drop_if_empty(self, child: str, parent: str, row: int) -> None:
        execute = self._connection.execute
        if execute(" ".join(("SELECT 1 FROM", child, "WHERE", parent, "= ? LIMIT 1")), (row,)).fetchone():
            return
        above = {"series": "study", "study": "patient"}.get(parent)
        found = execute(" ".join(("SELECT", above or "id", "FROM", parent, "WHERE id = ?")), (row,)).fetchone()
        execute(" ".join(("DELETE FROM", parent, "WHERE id = ?")), (row,))
        self._known.clear()
        if above is not None and found is not None and found[0] is not None:
            self._drop_if_empty(parent, above, found[0])

    def _series_of(self, attributes: InstanceAttributes) -> int:
        patient_values, study_values = attributes.patient, attributes.study
        study_uid = study_values[_STUDY_UID_AT] or ""
        patient: int | None = None
        if study_uid:
            found = self._connection.execute(_PATIENT_OF_STUDY, (study_uid,)).fetchone()
            patient = self._patient(patient_values, found[0] if found else None)
        else:  # the study of all files that name none: it has nothing of its own
            patient_values = (None,) * len(patient_values)
            study_values = _only(study_values, _STUDY_UID_AT, "")
        name = patient_values[_NAME_AT]
        study = self._row(
            _STUDY,
            (study_uid,),
            (patient, *patient_values, *study_values, fold(name) if isinstance(name, str) else None),
        )
        series_uid = attributes.series[_SERIES_UID_AT] or ""
        series_values = attributes.series if series_uid else _only(attributes.series, _SERIES_UID_AT, "")
        return self._row(_SERIES, (study, series_uid), (study, *series_values))

    def _patient(self, values: tuple[Value, ...], of_study: int | None) -> int:
        """One Patient ID of one issuer is one patient; without an ID, one name and birth date.

        A study stays with the patient that its first instance named, ``of_study``.
        """
        parts = (_ID_AT, _ISSUER_AT) if values[_ID_AT] else (_NAME_AT, _BIRTH_AT)
        identity = "\0".join((str(bool(values[_ID_AT])), *(str(values[at] or "") for at in parts)))
        if of_study is not None:
            found = self._connection.execute(_PATIENT.find, (identity,)).fetchone()
            if found is None or found[0] != of_study:
                return of_study
        name = values[_NAME_AT]
        return self._row(_PATIENT, (identity,), (identity, *values, fold(name) if isinstance(name, str) else None))

    def _row(self, table: _Table, keys: tuple[Value | int, ...], values: tuple[Value | int, ...]) -> int:
        """The row with these keys, made if it is not there. The first value of an attribute stays; gaps are filled."""
        slot = (table, keys)
        known = self._known.get(slot)
        if known is not None and known.values == values:
            return known.row
        found = self._connection.execute(table.find, keys).fetchone()
        if found is None:
            row = self._connection.execute(table.insert, values).lastrowid
            assert row is not None
        else:
            (row,) = found
            self._connection.execute(table.fill, (*values, row))
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[slot] = _Known(row, values)
        return row


def _only(values: tuple[Value, ...], index: int, value: str) -> tuple[Value, ...]:
    return tuple(value if at == index else None for at in range(len(values)))
