"""What the trace itself offers for the keys of a filter, and the condition that a cell of the list stands for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

from dicomgui.gui.trace.listing.columns import AssociationColumn, Column, ExchangeColumn
from dicomgui.gui.trace.listing.model import TraceModel
from dicomgui.gui.trace.listing.source import TraceSource
from dicomgui.network.pdu import PduType, pdu_name
from dicomgui.network.tracing import Direction, PduRecord, Role
from dicomgui.network.uids import name_of
from dicomgui.trace.codec import KINDS
from dicomgui.trace.exchanges import Exchange
from dicomgui.trace.filter import Zoom
from dicomgui.trace.filter.complete import quoted
from dicomgui.trace.index import PDU_KIND
from dicomgui.trace.summary import AssociationSummary

__all__ = ["term_of", "values_of"]

_LOOKED_AT = 200  # associations, newest first
_MOST = 100  # values
_KIND_NAMES = list(KINDS)


# ------------------------------------------------------------------------------------------------------- completion


def values_of(source: TraceSource, key: str) -> Iterable[str]:
    """Values of a key that are in this trace; texts of peers."""
    make = _VALUES.get(key)
    return islice((value for value in make(source) if value), _MOST) if make is not None else ()


def _summaries(source: TraceSource) -> Iterable[AssociationSummary]:
    for number in islice(reversed(source.index.associations()), _LOOKED_AT):
        summary = source.store.association(number)
        if summary is not None:
            yield summary


def _peers(source: TraceSource) -> Iterable[str]:
    found: dict[str, None] = {}
    for summary in _summaries(source):
        title = summary.calling_ae if summary.role is Role.ACCEPTOR else summary.called_ae
        found.update(dict.fromkeys(filter(None, (title, summary.peer.rpartition(":")[0]))))
    return found


def _classes(source: TraceSource) -> Iterable[str]:
    return dict.fromkeys(name_of(uid) for uid in islice(source.index.exchanges.sop_classes, 1, _MOST))


_VALUES: dict[str, Callable[[TraceSource], Iterable[str]]] = {
    "peer": _peers,
    "calling": lambda source: dict.fromkeys(summary.calling_ae for summary in _summaries(source)),
    "called": lambda source: dict.fromkeys(summary.called_ae for summary in _summaries(source)),
    "assoc": lambda source: (str(summary.association) for summary in _summaries(source)),
    "class": _classes,
    "to": lambda source: dict.fromkeys(islice(source.index.exchanges.destination.values(), 1000)),
    "error": lambda source: dict.fromkeys(islice(source.index.exchanges.comment.values(), 1000)),
    "comment": lambda source: (mark.comment for _, mark in source.marks.items()),
}


# ----------------------------------------------------------------------------------------------------- like this cell


def term_of(model: TraceModel, row: int, column: int) -> str:
    """The condition that what is like this cell passes; an empty string where there is none."""
    association, number = model.item_at(row)
    store = model.source.store
    if model.zoom is Zoom.ROWS:
        return _row_term(model, row, column)
    summary = store.association(association)
    if number and model.zoom is Zoom.EXCHANGES:
        return _exchange_term(model.source.index.exchanges[number], column)
    if summary is None:
        return ""
    if model.zoom is Zoom.EXCHANGES:
        return f"outcome:{summary.outcome.value}" if column == ExchangeColumn.STATUS else f"assoc:{association}"
    return _association_term(summary, column)


def _exchange_term(exchange: Exchange, column: int) -> str:
    if column == ExchangeColumn.ASSOCIATION:
        return f"assoc:{exchange.association}"
    if column == ExchangeColumn.DIRECTION:
        return "dir:sent" if exchange.direction is Direction.SENT else "dir:received"
    if column == ExchangeColumn.SOP_CLASS and exchange.sop_class_uid:
        return f"class={quoted(name_of(exchange.sop_class_uid))}"
    if column == ExchangeColumn.STATUS:
        return f"status:{exchange.status:04x}" if exchange.status >= 0 else "status:none"
    if column == ExchangeColumn.NUMBER:
        return f"exchange:{exchange.number}"
    if column == ExchangeColumn.BYTES:
        return f"size>={exchange.request_bytes + exchange.response_bytes}"
    if column in (ExchangeColumn.DURATION, ExchangeColumn.THINKING) and exchange.seconds:
        is_whole = column == ExchangeColumn.DURATION
        seconds = exchange.seconds if is_whole else exchange.thinking_s
        return f"{'time' if is_whole else 'think'}>={seconds * 1000:.1f}ms"
    return f"op:{exchange.operation.lower()}" if exchange.command_field else f"exchange:{exchange.number}"


def _association_term(summary: AssociationSummary, column: int) -> str:
    peer = summary.peer.rpartition(":")[0]
    if column == AssociationColumn.ROLE and summary.role is not None:
        return f"role:{summary.role.name.lower()}"
    if column == AssociationColumn.TITLES and summary.called_ae:
        return f"calling={quoted(summary.calling_ae)} called={quoted(summary.called_ae)}"
    if column == AssociationColumn.PEER and peer:
        return f"peer:{quoted(peer)}"
    if column == AssociationColumn.OUTCOME:
        return f"outcome:{summary.outcome.value}"
    if column == AssociationColumn.CONTEXTS:
        return "ctx.result>0"
    return f"assoc:{summary.association}"


def _row_term(model: TraceModel, row: int, column: int) -> str:
    entry = model.entry_at(row)
    if entry is None:
        return ""
    record, index = entry.record, model.source.index
    if column == Column.ASSOCIATION and record.association:
        return f"assoc:{record.association}"
    if column == Column.DIRECTION and isinstance(record, PduRecord):
        return "dir:sent" if record.direction is Direction.SENT else "dir:received"
    if column == Column.LENGTH and isinstance(record, PduRecord):
        return f"size>={record.length}"
    exchange = index.exchange_at(entry.seq)
    if column in (Column.NUMBER, Column.SUMMARY) and exchange:
        return f"exchange:{exchange}"
    if isinstance(record, PduRecord):
        known = record.pdu_type in set(PduType)
        return f"pdu:{pdu_name(record.pdu_type).lower()}" if known else ""
    kind = index.kind[index.first_row_from(entry.seq)]
    return f"event:{_KIND_NAMES[kind]}" if kind < PDU_KIND else ""
