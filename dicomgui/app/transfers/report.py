"""The report of a send, a line for each file: as CSV, JSON or HTML."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from html import escape
from pathlib import Path
from typing import Final, NamedTuple, TextIO, TypeAlias

from dicomgui.app.files.sources import SendItem, Skipped
from dicomgui.app.files.spreadsheet import safe_cell
from dicomgui.app.transfers.send_results import ItemResult, ItemState, SendReport
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.uids import name_of

__all__ = ["FORMATS", "ReportLine", "check_format", "lines_of", "write_report"]

FORMATS: Final = (".csv", ".json", ".html")
"""The ends of names, one for each format."""

_COLUMNS = (
    "File", "State", "Status", "Reason", "Comment of the peer", "SOP class", "SOP class UID", "SOP instance UID",
    "Transfer syntax", "Transfer syntax UID", "Converted to", "Bytes", "Seconds", "Association in the trace", "Peer",
    "Renaming", "Changed",
)  # fmt: skip

_STYLE: Final = (
    ":root{color-scheme:light dark}body{font:14px system-ui,sans-serif;margin:1.5em}"
    "table{border-collapse:collapse}th,td{padding:.2em .6em;text-align:left;border-bottom:1px solid #8884}"
    "td{overflow-wrap:anywhere}.failed td{color:#c62828}"
)


class ReportLine(NamedTuple):
    """One file of a report.

    :ivar state: in a word, e.g. ``sent`` or ``skipped``.
    :ivar peer: to whom it was sent, or an empty string.
    """

    name: str
    state: str
    item: SendItem | None = None
    result: ItemResult | None = None
    reason: str = ""
    peer: str = ""


def lines_of(report: SendReport, peer: str = "") -> list[ReportLine]:
    """The files of one send, and then what was skipped."""
    sent = [ReportLine(one.item.name, one.state.value, one.item, one, one.reason, peer) for one in report.results]
    return sent + [_skipped(one) for one in report.skipped]


def _skipped(one: Skipped) -> ReportLine:
    return ReportLine(one.name, "skipped", reason=one.reason)


def check_format(path: Path) -> None:
    """Raise ConfigurationError unless the end of the file's name is that of a format: .csv, .json or .html."""
    if path.suffix.lower() not in FORMATS:
        raise ConfigurationError(
            f"the name of the report, {path.name}, ends in none of .csv, .json and .html",
            hint="Choose the format by the end of the name.",
        )


def write_report(path: Path, lines: Iterable[ReportLine]) -> None:
    """Write a report in the format that the end of its name says: ``.csv``, ``.json`` or ``.html``.

    CSV (RFC 4180) is in UTF-8 with a byte order mark, without which Excel takes it for Latin-1, and texts of peers and
    names of files cannot become formulas in it (:func:`safe_cell`), nor markup in HTML. JSON is a list of objects, with
    values that are not known as ``null``. Blocks: call it in a thread. What was in ``path`` before stays whole until
    the report is complete.

    :raises ConfigurationError: the name says no format.
    :raises OSError: it could not be written.
    """
    check_format(path)
    write, encoding = _WRITERS[path.suffix.lower()]
    part = path.with_name(f".{path.name}.part")
    try:
        # A file name that is no UTF-8 has its odd bytes as \udc80 and the like.
        with part.open("w", encoding=encoding, errors="backslashreplace", newline="") as file:
            write(file, lines)
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def _write_csv(file: TextIO, lines: Iterable[ReportLine]) -> None:
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerow(_COLUMNS)
    writer.writerows([safe_cell(cell) for cell in _cells(line)] for line in lines)


def _write_json(file: TextIO, lines: Iterable[ReportLine]) -> None:
    separator = "[\n"
    for line in lines:
        file.write(separator + json.dumps(_values(line)))
        separator = ",\n"
    file.write("\n]\n" if separator == ",\n" else "[]\n")


def _write_html(file: TextIO, lines: Iterable[ReportLine]) -> None:
    heads = "".join(f"<th>{escape(name)}</th>" for name in _COLUMNS)
    file.write(
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Report of a send</title>'
        f"<style>{_STYLE}</style></head><body>\n<table><thead><tr>{heads}</tr></thead><tbody>\n"
    )
    for line in lines:
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in _cells(line))
        file.write(f"<tr{_mark(line)}>{cells}</tr>\n")
    file.write("</tbody></table>\n</body></html>\n")


def _mark(line: ReportLine) -> str:
    return ' class="failed"' if line.result is not None and line.result.state is ItemState.FAILED else ""


_Writer: TypeAlias = Callable[[TextIO, Iterable[ReportLine]], None]

_WRITERS: Final[dict[str, tuple[_Writer, str]]] = {
    ".csv": (_write_csv, "utf-8-sig"),
    ".html": (_write_html, "utf-8"),
    ".json": (_write_json, "utf-8"),
}


def _changed(line: ReportLine) -> list[str]:
    """The codes of the changes that a file was sent with."""
    return [] if line.result is None else [code.value for code in line.result.changed]


def _values(line: ReportLine) -> dict[str, str | int | float | list[str] | None]:
    """The values of a line by the names that ``send --json`` has for them."""
    item, result = line.item, line.result
    head = item.head if item is not None else None
    return {
        "path": line.name,
        "state": line.state,
        "status": int(result.status) if result is not None and result.status is not None else None,
        "reason": result.reason if result is not None else line.reason,
        "comment": result.comment if result is not None else "",
        "sop_class_uid": head.sop_class_uid if head is not None else None,
        "sop_instance_uid": head.sop_instance_uid if head is not None else None,
        "transfer_syntax_uid": head.transfer_syntax_uid if head is not None else None,
        "sent_as": result.sent_as if result is not None and result.sent_as else None,
        "bytes": item.size_bytes if item is not None else None,
        "seconds": round(result.seconds, 6) if result is not None else None,
        "association": result.association if result is not None and result.association else None,
        "peer": line.peer,
        "renaming": result.renaming if result is not None else "",
        "changed": _changed(line),
    }


def _cells(line: ReportLine) -> Iterator[str]:
    item, result = line.item, line.result
    status = result.status if result is not None else None
    yield line.name
    yield line.state
    yield f"0x{int(status):04X}" if status is not None else ""
    yield result.reason if result is not None else line.reason
    yield result.comment if result is not None else ""
    head = item.head if item is not None else None
    yield name_of(head.sop_class_uid) if head is not None else ""
    yield head.sop_class_uid if head is not None else ""
    yield head.sop_instance_uid if head is not None else ""
    yield name_of(head.transfer_syntax_uid) if head is not None else ""
    yield head.transfer_syntax_uid if head is not None else ""
    yield name_of(result.sent_as) if result is not None and result.converted else ""
    yield str(item.size_bytes) if item is not None else ""
    yield f"{result.seconds:.6f}" if result is not None and result.seconds else ""
    yield str(result.association) if result is not None and result.association else ""
    yield line.peer
    yield result.renaming if result is not None else ""
    yield ", ".join(_changed(line))
