"""A trace as plain text for people: associations, findings, and row by row what went and came, field by field.

Of data sets only the first bytes of each fragment are shown, as in the tree of the PDU. Text of peers is made safe for
a terminal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TextIO

from dicomgui.network.pdu import PduType, pdu_name
from dicomgui.network.status import Status
from dicomgui.network.tracing import BytesRecord, DimseRecord, Direction, PduRecord, Record, Role, TlsRecord
from dicomgui.trace.certificate import certificate_rows, read_chain
from dicomgui.trace.codec import KINDS
from dicomgui.trace.describe import Node, describe_pdu
from dicomgui.trace.exchanges import operation_name
from dicomgui.trace.finding import Finding, plain
from dicomgui.trace.store import TraceStore
from dicomgui.trace.summary import AssociationSummary

__all__ = ["association_line", "kind_of", "time_text", "write_text"]

_KIND_OF = {record_type: kind for kind, record_type in KINDS.items()}
_ROLES = {Role.REQUESTOR: "to", Role.ACCEPTOR: "from", None: "with"}
_RESPONSE = 0x8000
_MAX_NODES = 400  # lines of one PDU's tree
_HEAD_FIELDS = ("association", "mono", "utc")


def kind_of(record: Record) -> str:
    """The kind of a record by the name that files use."""
    return _KIND_OF[type(record)]


def time_text(utc: float) -> str:
    """Time of day in UTC, ISO 8601 to the microsecond; empty for what no clock can show."""
    try:
        return datetime.fromtimestamp(utc, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return ""


def association_line(association: AssociationSummary) -> str:
    """An association at a glance, in one line."""
    requests = ", ".join(f"{count} × {operation_name(field)}" for field, count in association.requests)
    names = f"{plain(association.calling_ae) or '?'} -> {plain(association.called_ae) or '?'}"
    return (
        f"#{association.association}  {names}  {_ROLES[association.role]} {plain(association.peer) or '?'}"
        f"{'  TLS' if association.tls else ''}  {association.outcome.value}  {association.duration_s:.3f} s"
        f"  {association.pdus_sent} PDUs out, {association.pdus_received} in{'  ' if requests else ''}{requests}"
    )


def write_text(store: TraceStore, findings: Iterable[Finding], out: TextIO) -> None:
    """Write the report of all that is in ``store``.

    :raises OSError: it could not be written.
    """
    associations = store.associations()
    out.write(f"DICOM trace: {len(associations)} associations, {len(store)} rows, times in UTC\n\n")
    for association in associations:
        out.write(association_line(association) + "\n")
    for finding in findings:
        out.write("\n" + "\n".join(_finding_lines(finding)) + "\n")
    out.write("\n")
    for number, record in enumerate(store.records(), start=store.first_seq):
        out.write(_row(number, record) + "\n")
        if isinstance(record, PduRecord) and _is_worth_showing(record):
            for line in _tree_lines(describe_pdu(record)):
                out.write(line + "\n")
        elif isinstance(record, TlsRecord):
            for line in _chain_lines(record):
                out.write(line + "\n")


def _finding_lines(finding: Finding) -> Iterator[str]:
    where = f" (association #{finding.association})" if finding.association else ""
    yield f"{finding.severity.value}: {finding.what}{where}"
    for title, texts in (("likely", finding.causes), ("try", finding.tries)):
        for text in texts:
            yield f"  {title}: {text}"
    if finding.clause:
        yield f"  see: {finding.clause}"


def _row(number: int, record: Record) -> str:
    direction = getattr(record, "direction", None)
    arrow = "  " if direction is None else "->" if direction is Direction.SENT else "<-"
    return f"{number:>8} {time_text(record.utc)} #{record.association:<4} {arrow} {_subject(record)}"


def _chain_lines(record: TlsRecord) -> Iterator[str]:
    """The certificates that the peer sent, its own first."""
    for certificate in read_chain(record.peer_certificate + record.peer_chain):
        for title, text in certificate_rows(certificate, record.utc).items():
            yield f"{'':>10}{title}: {text}"


def _subject(record: Record) -> str:
    if isinstance(record, PduRecord):
        fault = f"  FAULT: {plain(record.error, 500)}" if record.error else ""
        return f"{pdu_name(record.pdu_type)}  {record.length} bytes{fault}"
    if isinstance(record, DimseRecord):
        return _message(record)
    if isinstance(record, BytesRecord):
        return f"bytes  {record.length} bytes that are no PDU  {record.data[:32].hex(' ')}  {plain(record.error, 500)}"
    pairs = [
        f"{name}={_value(value)}"
        for name, value in zip(record._fields, record, strict=True)
        if name not in _HEAD_FIELDS and value not in ("", b"", ())
    ]
    return f"{kind_of(record)}  {'  '.join(pairs)}"


def _message(record: DimseRecord) -> str:
    kind = "RSP" if record.command_field & _RESPONSE else "RQ"
    parts = [f"{operation_name(record.command_field)}-{kind}", f"id {record.message_id}"]
    if record.status >= 0:
        parts.append(str(Status(record.status & 0xFFFF)))
    uid = record.sop_instance_uid or record.sop_class_uid
    parts += [plain(text, 500) for text in (uid, record.comment) if text]
    return "  ".join(parts)


def _value(value: object) -> str:
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, Role):
        return value.name.lower()
    if isinstance(value, float):
        return f"{value:.6f}"
    if isinstance(value, tuple):
        return ", ".join(plain(item) for item in value)
    return plain(value, 500)


def _is_worth_showing(record: PduRecord) -> bool:
    """Whether the fields of a PDU say more than its row: all but plain data and what has none."""
    if record.pdu_type != PduType.P_DATA_TF or record.error:
        return True
    first = record.segments[0] if record.segments else None
    return first is not None and first.offset == 0 and len(first.data) > 11 and bool(first.data[11] & 1)


def _tree_lines(root: Node) -> list[str]:
    lines: list[str] = []

    def walk(node: Node, depth: int) -> None:
        if len(lines) > _MAX_NODES:
            return
        fault = f"  FAULT: {node.error}" if node.error else ""
        value = f": {node.value}" if node.value else ""
        lines.append(f"{'':>16}{node.offset:>7} {'  ' * depth}{node.label}{value}{fault}")
        for child in node.children:
            walk(child, depth + 1)

    for child in root.children:
        walk(child, 0)
    if len(lines) > _MAX_NODES:
        lines[_MAX_NODES:] = [f"{'':>24}further fields are not shown"]
    return lines
