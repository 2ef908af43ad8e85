"""What the trace list says of one record: a kind and one line, made when the row comes into view."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

from dicomgui.gui.widgets.text import duration_text
from dicomgui.network.dimse.commands import CommandField
from dicomgui.network.errors import RemoteProtocolError
from dicomgui.network.pdu import (
    Abort,
    AssociateAC,
    AssociateRJ,
    AssociateRQ,
    PduType,
    decode,
    describe_abort,
    describe_rejection,
    pdu_name,
)
from dicomgui.network.status import Status
from dicomgui.network.tracing import (
    BytesRecord,
    CancelRecord,
    CloseRecord,
    ConnectRecord,
    DimseRecord,
    Direction,
    FileRecord,
    ListenRecord,
    NoteRecord,
    PduRecord,
    Record,
    RefuseRecord,
    ResolveRecord,
    Role,
    StateRecord,
    TimerRecord,
    TlsRecord,
)
from dicomgui.trace.codec import KINDS
from dicomgui.trace.describe import Node, describe_pdu
from dicomgui.trace.finding import plain
from dicomgui.trace.index import kind_number

__all__ = ["ARROWS", "Row", "View", "hidden_kinds", "row_of"]

_WIDEST = 300  # characters of a summary


class View(Enum):
    """Which records the list shows."""

    EVENTS = "PDUs and events"
    PDUS = "PDUs only"
    ALL = "Everything"


class Row(NamedTuple):
    """The cells of one record that are no plain numbers.

    :ivar kind: name of the PDU or of the event.
    :ivar length: bytes on the wire, -1 for what has none.
    :ivar summary: one plain line.
    :ivar failed: whether it tells of something that went wrong.
    """

    kind: str
    length: int
    summary: str
    failed: bool


_QUIET = ("state", "dimse")  # said by the PDUs, too
_HIDDEN = {
    View.EVENTS: frozenset(map(kind_number, _QUIET)),
    View.PDUS: frozenset(number for number, name in enumerate(KINDS) if name not in ("pdu", "bytes")),
    View.ALL: frozenset[int](),
}


def hidden_kinds(view: View) -> frozenset[int]:
    """The kinds of rows, as the index numbers them, that a view leaves out."""
    return _HIDDEN[view]


def row_of(record: Record) -> Row:
    """The row of a record; any record has one."""
    return _ROWS[type(record)](record)


def _line(*parts: str) -> str:
    return plain(" · ".join(part for part in parts if part), _WIDEST)


# PDUs


def _pdu(record: PduRecord) -> Row:
    kind = pdu_name(record.pdu_type)
    summary = _data_summary(record) if record.pdu_type == PduType.P_DATA_TF else _control_summary(record)
    bad = bool(record.error) or record.pdu_type in (PduType.ASSOCIATE_RJ, PduType.ABORT)
    return Row(kind, record.length, _line(summary, record.error), bad)


def _control_summary(record: PduRecord) -> str:
    data = b"".join(segment.data for segment in record.segments)
    try:
        pdu = decode(data)
    except RemoteProtocolError as error:
        return "" if record.error else str(error)
    if isinstance(pdu, AssociateRQ):
        count = len(pdu.presentation_contexts)
        return f"{pdu.calling_ae} calls {pdu.called_ae}, {count} context{'' if count == 1 else 's'} proposed"
    if isinstance(pdu, AssociateAC):
        results = [context.result for context in pdu.presentation_contexts]
        return f"{results.count(0)} of {len(results)} contexts accepted"
    if isinstance(pdu, AssociateRJ):
        return describe_rejection(pdu.result, pdu.source, pdu.reason)
    if isinstance(pdu, Abort):
        return describe_abort(pdu.source, pdu.reason)
    return ""


def _data_summary(record: PduRecord) -> str:
    values = [node for node in describe_pdu(record).children if node.children and node.offset]
    shown = [_value_summary(node) for node in values[:4]]
    return "; ".join(shown) + (f"; {len(values) - 4} more" if len(values) > 4 else "")


def _value_summary(node: Node) -> str:
    """Message or fragment of one presentation data value."""
    fragment = node.children[-1]
    if node.error or len(node.children) < 4:
        return node.error or node.value
    what = fragment.value if fragment.label == "Command set" and fragment.value else fragment.label.lower()
    details = [f"context {node.children[1].value}"]
    if fragment.label == "Data set fragment":
        details.insert(0, f"{fragment.length:,} bytes")
        details += ["last"] if node.value.endswith(", last") else []
    for child in fragment.children:
        if "Status" in child.label:
            details.insert(0, child.value)
    return " · ".join((what, *details))


def _bytes(record: BytesRecord) -> Row:
    head = record.data[:24].hex(" ")
    return Row("Bytes", record.length, _line("outside any PDU", record.error, head), True)


# events


def _resolve(record: ResolveRecord) -> Row:
    if record.error:
        return Row("Name", -1, _line(record.host, record.error), True)
    found = ", ".join(record.addresses)
    return Row("Name", -1, _line(f"{record.host} is {found}", duration_text(record.seconds)), False)


def _connect(record: ConnectRecord) -> Row:
    if record.role is Role.ACCEPTOR:
        return Row("Connect", -1, _line(f"from {record.peer}", record.error), bool(record.error))
    text = _line(f"to {record.peer}", record.error or duration_text(record.seconds))
    return Row("Connect", -1, text, bool(record.error))


def _listen(record: ListenRecord) -> Row:
    if record.error:
        return Row("Listen", -1, _line(record.error), True)
    verb = "listening on" if record.active else "no longer listening on"
    return Row("Listen", -1, _line(f"{verb} {record.address} as {record.ae_title}"), False)


def _refuse(record: RefuseRecord) -> Row:
    return Row("Refused", -1, _line(record.peer, record.reason), True)


def _tls(record: TlsRecord) -> Row:
    return Row("TLS", -1, _line(record.version, record.cipher, record.error), bool(record.error))


def _state(record: StateRecord) -> Row:
    return Row("State", -1, f"Sta{record.before} → Sta{record.after} · Evt{record.event} · {record.action}", False)


def _dimse(record: DimseRecord) -> Row:
    try:
        name = CommandField(record.command_field).name.replace("_", "-")
    except ValueError:
        name = f"command {record.command_field:04X}H"
    status = Status(record.status) if record.status >= 0 else None
    size = f"data set of {record.dataset_length:,} bytes" if record.dataset_length >= 0 else ""
    text = _line(f"{name}, message {record.message_id}", str(status or ""), size, record.comment)
    return Row("Message", -1, text, status is not None and status.is_failure)


def _timer(record: TimerRecord) -> Row:
    return Row("Time-out", -1, _line(f"{record.name}, after {record.seconds:g} s"), True)


def _file(record: FileRecord) -> Row:
    size = f"{record.size_bytes:,} bytes" if record.size_bytes else ""
    event = record.event.partition(":")[0]
    return Row("File", -1, _line(event, record.path, size, record.detail), record.has_failed)


def _cancel(record: CancelRecord) -> Row:
    return Row("Cancel", -1, _line(record.detail), False)


def _close(record: CloseRecord) -> Row:
    return Row("Close", -1, _line("by the peer" if record.by_peer else "by us", record.error), bool(record.error))


def _note(record: NoteRecord) -> Row:
    return Row("Note", -1, _line(record.text), record.level >= 40)


_ROWS: dict[type, Callable[[Any], Row]] = {
    PduRecord: _pdu, BytesRecord: _bytes, ResolveRecord: _resolve, ConnectRecord: _connect, ListenRecord: _listen,
    RefuseRecord: _refuse, TlsRecord: _tls, StateRecord: _state, DimseRecord: _dimse, TimerRecord: _timer,
    FileRecord: _file, CancelRecord: _cancel, CloseRecord: _close, NoteRecord: _note,
}  # fmt: skip

ARROWS = {Direction.SENT: "→", Direction.RECEIVED: "←"}
"""How the list shows a direction, seen from us."""
