"""Matches of a query as files: CSV for spreadsheets, and the DICOM JSON model (PS3.18 annex F) for programs."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from dicomgui.app.dicom_json import dataset_json
from dicomgui.app.query_values import Answer
from dicomgui.app.report import safe_cell
from dicomgui.network.errors import RemoteProtocolError

__all__ = ["write_answers_csv", "write_answers_json"]


def write_answers_csv(path: Path, titles: Sequence[str], lines: Iterable[Sequence[str]]) -> int:
    """Write a table as CSV (RFC 4180) in UTF-8 with a byte order mark, without which Excel takes it for Latin-1.

    Texts of peers cannot become formulas (:func:`~dicomgui.app.report.safe_cell`). Blocks: call it in a thread. What
    was in ``path`` before stays whole until the file is complete.

    :return: how many lines there are below the titles.
    :raises OSError: it could not be written.
    """
    count = 0

    def write(file: TextIO) -> None:
        nonlocal count
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(titles)
        for line in lines:
            writer.writerow([safe_cell(cell) for cell in line])
            count += 1

    _write(path, write, "utf-8-sig")
    return count


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
