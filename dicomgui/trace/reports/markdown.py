"""A trace as a report in Markdown, to be pasted into a ticket: associations, what was agreed, exchanges and findings.

It holds no data sets, no bytes and no comments of peers; UIDs of instances are left out. What peers and files name
stands in code spans, or with every sign escaped that could mean something: no table breaks, no link, no HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TextIO

from dicomgui.network.uids import name_of
from dicomgui.trace.exchanges import Exchange
from dicomgui.trace.finding import Finding, plain
from dicomgui.trace.index import TraceIndex
from dicomgui.trace.inspection.negotiated import ContextRow, negotiation
from dicomgui.trace.reports.text import time_text
from dicomgui.trace.store import TraceStore
from dicomgui.trace.summary import AssociationSummary

__all__ = ["code", "escape", "write_markdown"]

MAX_ASSOCIATIONS = 200
MAX_CONTEXTS = 130
MAX_EXCHANGES = 100
"""Shown of one association; of more the failed ones, then the first."""

_SIGNS = re.compile(r"([\\`*_\[\](){}<>#|~&@!$^=])")
_SCHEME = re.compile(r"(?i)(://|www\.|mailto:)")


def escape(text: object, limit: int = 500) -> str:
    """Text of anybody as plain words of one line in Markdown."""
    escaped = _SIGNS.sub(r"\\\1", plain(text, limit))
    return _SCHEME.sub(lambda match: "".join(f"\\{c}" if not c.isalnum() else c for c in match.group()), escaped)


def code(text: object, limit: int = 160) -> str:
    """Text of anybody as a code span, also inside a table; a dash where there is none."""
    bare = plain(text, limit).replace("`", "'").replace("|", "¦").strip()
    return f"`{bare}`" if bare else "–"


def write_markdown(store: TraceStore, findings: Iterable[Finding], out: TextIO) -> None:
    """Write the report of all that is in ``store``.

    :raises OSError: it could not be written.
    """
    index = TraceIndex(store)
    while index.update():
        pass
    associations = store.associations()
    found = list(findings)
    for line in _lines(store, index, associations, found):
        out.write(line + "\n")


def _lines(
    store: TraceStore, index: TraceIndex, associations: list[AssociationSummary], findings: list[Finding]
) -> Iterator[str]:
    yield "# DICOM trace"
    yield ""
    yield f"{len(associations)} associations, {len(store):,} rows. Times are in UTC."
    yield ""
    yield "## Findings"
    yield ""
    if not findings:
        yield "Nothing failed, as far as the trace shows."
        yield ""
    for finding in findings:
        yield from _finding(finding)
    yield "## Associations"
    yield ""
    yield from _associations(associations)
    for association in associations[:MAX_ASSOCIATIONS]:
        yield f"### Association {association.association}"
        yield ""
        yield from _negotiation(store, association.association)
        yield from _exchanges(index, association.association)
    if len(associations) > MAX_ASSOCIATIONS:
        yield f"{len(associations) - MAX_ASSOCIATIONS} further associations are not shown."


def _finding(finding: Finding) -> Iterator[str]:
    where = f" (association {finding.association})" if finding.association else ""
    yield f"- **{finding.severity.value}**: {escape(finding.what)}{where}"
    for title, texts in (("likely", finding.causes), ("try", finding.tries)):
        for text in texts:
            yield f"  - {title}: {escape(text)}"
    if finding.clause:
        yield f"  - see: {escape(finding.clause)}"
    yield ""


def _associations(associations: list[AssociationSummary]) -> Iterator[str]:
    if not associations:
        yield "None."
        yield ""
        return
    yield "| # | calling | called | peer | began | seconds | outcome | PDUs out/in | bytes out/in |"
    yield "|--:|---|---|---|---|--:|---|--:|--:|"
    for one in associations[:MAX_ASSOCIATIONS]:
        outcome = f"{one.outcome.value}{' (TLS)' if one.tls else ''}"
        yield (
            f"| {one.association} | {code(one.calling_ae)} | {code(one.called_ae)} | {code(one.peer)} "
            f"| {time_text(one.started_utc)} | {one.duration_s:.3f} | {outcome} "
            f"| {one.pdus_sent}/{one.pdus_received} | {one.bytes_sent}/{one.bytes_received} |"
        )
    yield ""


def _negotiation(store: TraceStore, association: int) -> Iterator[str]:
    agreed = negotiation(store, association)
    if agreed.rows:
        yield "| context | abstract syntax | accepted or proposed transfer syntax | result |"
        yield "|--:|---|---|---|"
    for row in agreed.rows[:MAX_CONTEXTS]:
        yield _context(row)
    if len(agreed.rows) > MAX_CONTEXTS:
        yield f"| | {len(agreed.rows) - MAX_CONTEXTS} more | | |"
    if agreed.rows:
        yield ""


def _context(row: ContextRow) -> str:
    syntaxes = (row.accepted_syntax,) if row.accepted_syntax else row.transfer_syntaxes
    names = ", ".join(code(name_of(uid)) for uid in syntaxes[:8])
    result = "accepted" if row.is_accepted else escape(row.reason)
    return f"| {row.context_id or ''} | {code(name_of(row.abstract_syntax))} | {names or '–'} | {result} |"


def _exchanges(index: TraceIndex, association: int) -> Iterator[str]:
    numbers = list(index.exchanges_of(association))
    if not numbers:
        yield "No exchanges."
        yield ""
        return
    shown = numbers
    if len(numbers) > MAX_EXCHANGES:
        failed = [number for number in numbers if index.exchanges[number].failed][:MAX_EXCHANGES]
        shown = sorted({*failed, *numbers[: MAX_EXCHANGES - len(failed)]})
    yield "| exchange | direction | operation | what | result | seconds | thinking |"
    yield "|--:|---|---|---|---|--:|--:|"
    for number in shown:
        yield _exchange(index.exchanges[number])
    if len(shown) < len(numbers):
        yield f"| | | {len(numbers) - len(shown):,} more | | | | |"
    yield ""


def _exchange(one: Exchange) -> str:
    pending = f"{one.pending} pending, " if one.pending else ""
    status = f"{one.status:04X}H" if one.status >= 0 else "no final response"
    counts = one.counts
    if counts.completed >= 0 or counts.failed >= 0:
        told = (
            f"{max(0, counts.completed)} completed",
            f"{max(0, counts.failed)} failed",
            f"{max(0, counts.warning)} warned",
        )
        status = f"{status} ({', '.join(told)})"
    kind = code(name_of(one.sop_class_uid)) if one.sop_class_uid else "–"
    return (
        f"| {one.number} | {one.direction.name.lower()} | {one.operation} | {kind} | {pending}{status} "
        f"| {one.seconds:.3f} | {one.thinking_s:.3f} |"
    )
