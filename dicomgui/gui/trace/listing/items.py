"""What the trace list says of an exchange and of an association, made when the row comes into view."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterable

from dicomgui.gui.trace.listing.columns import Cells
from dicomgui.gui.trace.listing.rows import ARROWS
from dicomgui.gui.widgets.text import count_text, duration_text, size_text
from dicomgui.network.dimse import CommandField
from dicomgui.network.pdu import PduType
from dicomgui.network.status import Category, Status
from dicomgui.network.tracing import Direction, PduRecord, Role
from dicomgui.network.uids import name_of
from dicomgui.trace.exchanges import Exchange, operation_name, service_of
from dicomgui.trace.finding import plain
from dicomgui.trace.index import TraceIndex
from dicomgui.trace.store import TraceStore
from dicomgui.trace.summary import AssociationSummary, Outcome

__all__ = ["association_cells", "clock_text", "context_counts", "exchange_cells", "heading_cells", "requests_text"]

_LONG_MODEL = "Query/Retrieve Information Model"
_WIDEST = 300  # characters of a cell
_LOOKED_AT = 24  # rows from the start of an association among which request and answer are looked for
_STORE_RQ = int(CommandField.C_STORE_RQ)
_WITH_SUB_OPERATIONS = (int(CommandField.C_MOVE_RQ), int(CommandField.C_GET_RQ))
_ACTION_RQ = int(CommandField.N_ACTION_RQ)
_TONES = {
    Category.SUCCESS: "good", Category.WARNING: "warning", Category.FAILURE: "error", Category.CANCEL: "warning",
    Category.PENDING: "muted",
}  # fmt: skip
_OUTCOME_TONES = {
    Outcome.RELEASED: "good", Outcome.OPEN: "accent", Outcome.CONNECTING: "accent", Outcome.REJECTED: "error",
    Outcome.ABORTED: "error", Outcome.REFUSED: "error", Outcome.FAILED: "error", Outcome.LOST: "error",
}  # fmt: skip


def clock_text(utc: float) -> str:
    """A moment as the lists show it, in local time: ``14:03:59.012``."""
    seconds, part = divmod(utc, 1)
    return f"{time.strftime('%H:%M:%S', time.localtime(seconds))}.{int(part * 1000):03d}"


# ------------------------------------------------------------------------------------------------------- exchanges


def exchange_cells(index: TraceIndex, number: int) -> Cells:
    """The row of an exchange."""
    exchange = index.exchanges[number]
    service = service_of(exchange.command_field, exchange.sop_class_uid)
    first_mono, first_utc = index.store.first_moment(exchange.association)
    began = exchange.began_mono or exchange.first_mono
    line, tone = _operation_line(index, exchange)
    status, status_tone = "open", "accent"
    hint = line
    if exchange.status >= 0:
        told = Status(exchange.status)
        status, status_tone = f"{exchange.status:04X}H", _TONES[told.category]
        hint = f"{line}: {told.explain(service).advice}" if told.explain(service).advice else line
    elif index.store.association(exchange.association) is None or _has_ended(index, exchange.association):
        status, status_tone = "no answer", "error"
    subject = name_of(exchange.sop_class_uid).replace(_LONG_MODEL, "Q/R") if exchange.sop_class_uid else ""
    size = exchange.request_bytes + exchange.response_bytes
    texts = (
        "",
        str(number),
        clock_text(first_utc + began - first_mono) if began and first_utc else "",
        f"#{exchange.association}",
        ARROWS[exchange.direction],
        line,
        plain(subject, _WIDEST),
        status,
        size_text(size) if size else "",
        duration_text(exchange.seconds) if exchange.seconds else "",
        duration_text(exchange.thinking_s) if exchange.thinking_s else "",
    )
    way = "sent" if exchange.direction is Direction.SENT else "received"
    tones = ("muted", "muted", "muted", "muted", way, tone, "text", status_tone, "muted", "text", "muted")
    return Cells(texts, tones, hint)


def _has_ended(index: TraceIndex, association: int) -> bool:
    summary = index.store.association(association)
    return summary is not None and summary.ended_utc is not None


def _operation_line(index: TraceIndex, exchange: Exchange) -> tuple[str, str]:
    """``C-FIND → 37 pending → Success``, and its tone."""
    parts = [exchange.operation]
    told = _counted(index, exchange)
    if exchange.pending and not told:
        parts.append(f"{exchange.pending:,} pending")
    if exchange.cancelled:
        parts.append("C-CANCEL")
    tone = "text"
    if exchange.status >= 0:
        service = service_of(exchange.command_field, exchange.sop_class_uid)
        parts.append(Status(exchange.status).explain(service).meaning)
        tone = "error" if exchange.failed else "text"
    line = " → ".join(parts)
    if told:
        line, tone = f"{line} · {told[0]}", told[1] if tone == "text" else tone
    if exchange.destination:
        line = f"{line} · to {exchange.destination}"
    if exchange.comment:
        line = f"{line} · “{exchange.comment}”"
    return plain(f"{'    ↳ ' if exchange.parent else ''}{line}", _WIDEST), tone


def _counted(index: TraceIndex, exchange: Exchange) -> tuple[str, str] | None:
    """What a C-MOVE or C-GET told of its sub-operations, against those that are in the trace."""
    children = len(index.exchanges.children.get(exchange.number, ()))
    if exchange.command_field == _ACTION_RQ and children:
        return "result came", "text"
    if exchange.command_field not in _WITH_SUB_OPERATIONS:
        return None
    counts = exchange.counts
    told = [f"{number:,} {word}" for number, word in (
        (counts.completed, "completed"), (counts.failed, "failed"), (counts.warning, "with warning"),
        (counts.remaining, "to go"),
    ) if number > 0 or (number == 0 and word == "completed")]  # fmt: skip
    if not told and not children:
        return None
    verb = "arrived" if exchange.direction is Direction.SENT else "sent"
    seen = f"{children:,} {verb}" if children else f"none {verb} here"
    done = max(counts.completed, 0) + max(counts.warning, 0)
    differs = not exchange.is_open and bool(children) and children < done
    return " · ".join(filter(None, (f"told {', '.join(told)}" if told else "", seen))), "warning" if differs else "text"


# ---------------------------------------------------------------------------------------------------- associations


def heading_cells(store: TraceStore, association: int) -> Cells | None:
    """The row of an association among its exchanges; ``None`` where the store has let go of it."""
    summary = store.association(association)
    if summary is None:
        return None
    verb = "Association with" if summary.role is not Role.ACCEPTOR else "Association from"
    titles = _titles(summary)
    what = titles if titles else f"{verb} {summary.peer or 'nobody'}"
    said = requests_text(summary.requests)
    line = plain(f"{what}{f' · {said}' if said else ''}", _WIDEST)
    outcome = summary.outcome
    size = summary.bytes_sent + summary.bytes_received
    texts = (
        "", "", clock_text(summary.started_utc), f"#{association}", "⇄", line,
        plain(f"{'from' if summary.role is Role.ACCEPTOR else 'to'} {summary.peer}" if summary.peer else "", _WIDEST),
        outcome.value, size_text(size) if size else "", duration_text(summary.duration_s), "",
    )  # fmt: skip
    tones = ("muted", "muted", "muted", "accent", "muted", "accent", "muted", _outcome_tone(summary), "muted", "muted",
             "muted")  # fmt: skip
    return Cells(texts, tones, line)


def association_cells(store: TraceStore, association: int) -> Cells | None:
    """The row of an association in the list of associations."""
    summary = store.association(association)
    if summary is None:
        return None
    accepted, proposed = context_counts(store, association)
    size = summary.bytes_sent + summary.bytes_received
    role = summary.role
    told = [requests_text(summary.requests)]
    if summary.failures:
        told.append(f"{summary.failures:,} failed")
    requests = plain(" · ".join(filter(None, told)), _WIDEST)
    texts = (
        "", str(association), clock_text(summary.started_utc), role.name.lower() if role is not None else "",
        plain(_titles(summary), _WIDEST), plain(f"{summary.peer}{' · TLS' if summary.tls else ''}", _WIDEST),
        summary.outcome.value, f"{accepted:,} / {proposed:,}" if proposed else "", requests,
        size_text(size) if size else "", duration_text(summary.duration_s),
    )  # fmt: skip
    way = "muted" if role is None else "received" if role is Role.ACCEPTOR else "sent"
    tones = (
        "muted", "muted", "muted", way, "text", "text", _outcome_tone(summary),
        "warning" if proposed and accepted < proposed else "text", "error" if summary.failures else "text", "muted",
        "text",
    )  # fmt: skip
    return Cells(texts, tones, plain(" · ".join(filter(None, (_titles(summary), requests))), _WIDEST))


def _outcome_tone(summary: AssociationSummary) -> str:
    return _OUTCOME_TONES[summary.outcome]


def _titles(summary: AssociationSummary) -> str:
    if not summary.calling_ae and not summary.called_ae:
        return ""
    return f"{summary.calling_ae} → {summary.called_ae}"


def requests_text(requests: Iterable[tuple[int, int]]) -> str:
    """``412 C-STORE, 1 C-ECHO``; of many kinds the first three."""
    named = [f"{count:,} {operation_name(field)}" for field, count in requests]
    more = len(named) - 3
    return ", ".join(named[:3]) + (f", {count_text(more, 'other kind')}" if more > 0 else "")


def context_counts(store: TraceStore, association: int) -> tuple[int, int]:
    """How many presentation contexts were accepted and proposed; zeros where the trace does not say."""
    accepted = proposed = 0
    for entry in store.of_association(association, 0, _LOOKED_AT):
        record = entry.record
        if not isinstance(record, PduRecord) or not record.segments:
            continue
        if record.pdu_type == PduType.ASSOCIATE_RQ and not proposed:
            proposed = sum(1 for _ in _items(record.segments[0].data, 0x20))
        elif record.pdu_type == PduType.ASSOCIATE_AC:
            accepted = sum(1 for item in _items(record.segments[0].data, 0x21) if item[2:3] == b"\0")
            break
        elif record.pdu_type in (PduType.ASSOCIATE_RJ, PduType.ABORT, PduType.P_DATA_TF):
            break
    return accepted, proposed


def _items(data: bytes, wanted: int) -> Iterable[bytes]:
    """The contents of the items of one type, PS3.8 9.3.2: what is broken ends them."""
    place = 74
    while place + 4 <= len(data):
        kind, length = struct.unpack_from(">BxH", data, place)
        if kind == wanted:
            yield data[place + 4 : place + 4 + length]
        place += 4 + length
