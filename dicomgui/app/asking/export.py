"""Matches of a query as files: CSV for spreadsheets; DICOM JSON (PS3.18 annex F), XML (PS3.19 A.1) and DICOM."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import Final, TextIO

from dicomgui.app.asking.dicom_json import dataset_json
from dicomgui.app.asking.native_xml import dataset_xml
from dicomgui.app.asking.values import Answer
from dicomgui.app.files.spreadsheet import safe_cell
from dicomgui.network.errors import DicomNetworkError, RemoteProtocolError
from dicomgui.network.part10 import write_head
from dicomgui.network.service_classes.attributes import new_uid
from dicomgui.network.uids import is_valid_uid

__all__ = ["FolderFormat", "MatchFolder", "write_answers_csv", "write_answers_folder", "write_answers_json"]

_RAW_DATA: Final = "1.2.840.10008.5.1.4.1.1.66"
"""Raw Data Storage: what a file says it is, where a match names no SOP class. A match is no instance of any."""

_SOP_CLASS, _SOP_INSTANCE = 0x0008_0016, 0x0008_0018


class FolderFormat(StrEnum):
    """Formats with one file a match, by the ending of the names."""

    DICOM = ".dcm"
    """Part 10: the bytes of the match as they came, behind a head of ours."""
    XML = ".xml"
    """The Native DICOM Model (PS3.19 A.1)."""


def write_answers_csv(path: Path, titles: Sequence[str], lines: Iterable[Sequence[str]]) -> int:
    """Write a table as CSV (RFC 4180) in UTF-8 with a byte order mark, without which Excel takes it for Latin-1.

    Texts of peers cannot become formulas (:func:`~dicomgui.app.files.spreadsheet.safe_cell`). Blocks: call it in a
    thread. What was in ``path`` before stays whole until the file is complete.

    :return: how many lines there are below the titles.
    :raises OSError: it could not be written.
    """
    written = 0

    def write(file: TextIO) -> None:
        nonlocal written
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(titles)
        for line in lines:
            writer.writerow([safe_cell(cell) for cell in line])
            written += 1

    _write(path, write, "utf-8-sig")
    return written


def write_answers_json(path: Path, answers: Iterable[Answer]) -> tuple[int, int]:
    """Write an array of data sets, one a line, in the DICOM JSON model (PS3.18 F.2); otherwise as the CSV.

    :return: how many were written, and how many left out because they cannot be read.
    :raises OSError: it could not be written.
    """
    written = unreadable = 0

    def write(file: TextIO) -> None:
        nonlocal written, unreadable
        file.write("[")
        for answer in answers:
            try:
                content = dataset_json(answer.dataset())
            except RemoteProtocolError:
                unreadable += 1
                continue
            file.write(",\n" if written else "\n")
            json.dump(content, file, ensure_ascii=False)
            written += 1
        file.write("\n]\n")

    _write(path, write, "utf-8")
    return written, unreadable


def write_answers_folder(folder: Path, answers: Iterable[Answer], kind: FolderFormat) -> tuple[Path, int, int]:
    """Write each match as a file of its own, ``match-00001`` and so on, into a new folder. Blocks.

    :param folder: one of this name that is there already stays as it is: then it becomes ``NAME (2)`` and so on.
    :return: the folder, how many were written, and how many left out because they cannot be read.
    :raises OSError: it could not be written; what was written before stays.
    """
    kept = MatchFolder(_new_folder(folder), kind)
    written = unreadable = 0
    for answer in answers:
        try:
            kept.add(answer)
        except DicomNetworkError:
            unreadable += 1
        else:
            written += 1
    return kept.folder, written, unreadable


class MatchFolder:
    """A folder, made if need be, into which matches go one by one; what is in it already stays."""

    def __init__(self, folder: Path, kind: FolderFormat = FolderFormat.DICOM) -> None:
        self.folder = folder
        self._kind = kind
        self._numbers = count(1)
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, answer: Answer) -> Path:
        """Write a match as a file of its own. Blocks.

        :raises RemoteProtocolError: it cannot be read as a data set.
        :raises OSError: it could not be written.
        """
        content = _part10(answer) if self._kind is FolderFormat.DICOM else dataset_xml(answer.dataset())
        for number in self._numbers:
            path = self.folder / f"match-{number:05d}{self._kind.value}"
            with suppress(FileExistsError), path.open("xb") as file:
                file.write(content)
                return path
        raise AssertionError("there are always more numbers")


def _part10(answer: Answer) -> bytes:
    """A match as a DICOM file (PS3.10 7.1): its bytes are those that came.

    :raises RemoteProtocolError: it cannot be read as a data set.
    """
    answer.dataset()  # what nobody can read is no file either
    texts = answer.texts((_SOP_CLASS, _SOP_INSTANCE))
    sop_class, instance = texts.get(_SOP_CLASS, ""), texts.get(_SOP_INSTANCE, "")
    head = write_head(
        sop_class_uid=sop_class if is_valid_uid(sop_class) else _RAW_DATA,
        sop_instance_uid=instance if is_valid_uid(instance) else new_uid(),
        transfer_syntax_uid=answer.transfer_syntax_uid,
    )
    return head + answer.data


def _new_folder(folder: Path) -> Path:
    for number in count(1):
        made = folder if number == 1 else folder.with_name(f"{folder.name} ({number})")
        with suppress(FileExistsError):
            made.mkdir()
            return made
    raise AssertionError("there are always more numbers")


def _write(path: Path, write: Callable[[TextIO], None], encoding: str) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding=encoding, errors="backslashreplace", newline="") as file:
            write(file)
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
