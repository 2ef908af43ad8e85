"""What a send came to, as a table: every file as a line of CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from dicomgui.app.files.sources import SendItem, Skipped
from dicomgui.app.files.spreadsheet import safe_cell
from dicomgui.app.transfers.send import ItemResult, SendReport
from dicomgui.network.uids import name_of

__all__ = ["ReportLine", "lines_of", "write_csv"]

_COLUMNS = (
    "File", "State", "Status", "Reason", "Comment of the peer", "SOP class", "SOP class UID", "SOP instance UID",
    "Transfer syntax", "Transfer syntax UID", "Converted to", "Bytes", "Seconds", "Association in the trace", "Peer",
)  # fmt: skip


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


def write_csv(path: Path, lines: Iterable[ReportLine]) -> None:
    """Write a report as CSV (RFC 4180) in UTF-8 with a byte order mark, without which Excel takes it for Latin-1.

    Texts of peers and names of files cannot become formulas (:func:`safe_cell`). Blocks: call it in a thread. What was
    in ``path`` before stays whole until the report is complete.

    :raises OSError: it could not be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        # A file name that is no UTF-8 has its odd bytes as \udc80 and the like.
        with part.open("w", encoding="utf-8-sig", errors="backslashreplace", newline="") as file:
            writer = csv.writer(file, quoting=csv.QUOTE_ALL)
            writer.writerow(_COLUMNS)
            writer.writerows([safe_cell(cell) for cell in _cells(line)] for line in lines)
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


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
