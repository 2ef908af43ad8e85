"""A worklist from files: rows of a CSV file, data sets of a folder; and rows as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from dicomgui.app.asking.dicom_json import DatasetFileError, load_dataset
from dicomgui.app.listening.ris import COLUMNS, MAX_ROWS, Row, problem_of
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service_classes.attributes import items_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["MAX_CSV_BYTES", "MAX_FILES", "WorklistFile", "csv_text", "read_csv", "read_folder"]

MAX_CSV_BYTES: Final = 16 * 2**20
MAX_FILES: Final = 2_000
MAX_ITEM_BYTES: Final = 2**20
ENDINGS: Final = frozenset({".dcm", ".wl", ".json"})

_DELIMITERS: Final = ",;\t|"


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())


_NAMES: Final = {
    **{_plain(column.keyword): column.keyword for column in COLUMNS},
    **{_plain(column.title): column.keyword for column in COLUMNS},
    "name": "PatientName", "id": "PatientID", "dob": "PatientBirthDate", "gender": "PatientSex",
    "accessionnumber": "AccessionNumber", "ae": "ScheduledStationAETitle", "aetitle": "ScheduledStationAETitle",
    "station": "ScheduledStationAETitle", "startdate": "ScheduledProcedureStepStartDate",
    "starttime": "ScheduledProcedureStepStartTime", "description": "RequestedProcedureDescription",
    "physician": "ReferringPhysicianName",
}  # fmt: skip


class WorklistFile(NamedTuple):
    """What was read.

    :ivar rows: of a CSV file: those that can be used.
    :ivar datasets: of a folder.
    :ivar problems: what cannot be used and why, one line each, with the number of the line or the name of the file.
    """

    rows: tuple[dict[str, str], ...] = ()
    datasets: tuple[Dataset, ...] = ()
    problems: tuple[str, ...] = ()


def read_csv(path: Path) -> WorklistFile:
    """The rows of a CSV file. Its first line names the columns, by our titles or by keywords, in any order.

    :raises ConfigurationError: it cannot be read, is not UTF-8, or no column is known.
    """
    text = _text(path)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text.partition("\n")[0]), strict=True)
    rows: list[dict[str, str]] = []
    problems: list[str] = []
    try:
        keywords = _header(next(reader, []), problems)
        for cells in reader:
            if not any(map(str.strip, cells)):
                continue
            row = {keyword: cell.strip() for keyword, cell in zip(keywords, cells, strict=False) if keyword}
            problem = problem_of(row)
            if len(cells) > len(keywords):
                problem = f"has {len(cells)} cells, the first line names {len(keywords)} columns"
            if problem:
                problems.append(f"line {reader.line_num}: {problem}")
            elif len(rows) == MAX_ROWS:
                problems.append(f"line {reader.line_num}: a worklist has at most {MAX_ROWS:,} rows")
                break
            else:
                rows.append(row)
    except csv.Error as error:
        problems.append(f"line {reader.line_num}: {error}")
    return WorklistFile(tuple(rows), problems=tuple(problems))


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_CSV_BYTES + 1)
    except OSError as error:
        raise _wrong(f"{path} cannot be read: {error.strerror or error}") from error
    if len(data) > MAX_CSV_BYTES:
        raise _wrong(f"{path} has more than {MAX_CSV_BYTES:,} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _wrong(f"{path}, line {line}: it is not in UTF-8") from error


def _delimiter(head: str) -> str:
    return max(_DELIMITERS, key=head.count)


def _header(names: list[str], problems: list[str]) -> list[str]:
    """The keyword of each column; empty for one that is not known."""
    keywords: list[str] = []
    for name in names:
        keyword = _NAMES.get(_plain(name), "")
        if not keyword or keyword in keywords:
            problems.append(f"line 1: the column {name!r} is {'there twice' if keyword else 'not known'}, and left out")
        keywords.append("" if keyword in keywords else keyword)
    if not any(keywords):
        known = ", ".join(column.title for column in COLUMNS)
        raise _wrong(f"line 1 names no column that is known. Known are: {known}")
    return keywords


def csv_text(rows: Iterable[Row]) -> str:
    """Rows as CSV that :func:`read_csv` reads; what a spreadsheet would take for a formula is no cell of ours."""
    output = io.StringIO(newline="")
    writer = csv.writer(output)
    writer.writerow([column.keyword for column in COLUMNS])
    for row in rows:
        writer.writerow([row.get(column.keyword, "") for column in COLUMNS])
    return output.getvalue()


def read_folder(folder: Path) -> WorklistFile:
    """The items in the files of a folder that end in ``.dcm``, ``.wl`` or ``.json``; folders in it are left out.

    :raises ConfigurationError: the folder cannot be read, or holds no such file.
    """
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS and path.is_file())
    except OSError as error:
        raise _wrong(f"{folder} cannot be read: {error.strerror or error}") from error
    if not files:
        raise _wrong(f"{folder} holds no file that ends in .dcm, .wl or .json")
    problems = [f"only the first {MAX_FILES:,} files are taken"] if len(files) > MAX_FILES else []
    datasets = []
    for path in files[:MAX_FILES]:
        try:
            if path.stat().st_size > MAX_ITEM_BYTES:
                raise DatasetFileError(f"the file has more than {MAX_ITEM_BYTES:,} bytes")
            dataset = load_dataset(path)
        except (DatasetFileError, OSError) as error:
            problems.append(f"{path.name}: {error}")
            continue
        if not items_of(dataset, "ScheduledProcedureStepSequence"):
            problems.append(f"{path.name}: has no Scheduled Procedure Step Sequence, so that it is no worklist item")
            continue
        datasets.append(dataset)
    return WorklistFile(datasets=tuple(datasets), problems=tuple(problems))


def _wrong(reason: str) -> ConfigurationError:
    return ConfigurationError(reason, phase="configure")
