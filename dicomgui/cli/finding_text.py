"""Findings on the command line: the evidence with its bytes, and options that do what a finding advises."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dicomgui.network.pdu import pdu_name
from dicomgui.network.tracing import BytesRecord, DimseRecord, PduRecord, Record
from dicomgui.trace.finding import Action, ActionKind, Evidence, Finding

__all__ = ["evidence_lines", "option_lines", "records_shown"]

_MAX_BYTES = 16

_OPTIONS: Mapping[ActionKind, str] = {
    ActionKind.RETRY_TLS: "the same with --tls",
    ActionKind.RETRY_PLAIN: "the same without --tls",
    ActionKind.TRY_AE: "the same to {value}@host:port",
    ActionKind.TRY_CALLING_AE: "the same with --calling {value}",
    ActionKind.TRUST_CERTIFICATE: "the same with --tls-ca FILE",
    ActionKind.CHOOSE_CERTIFICATE: "the same with --tls-cert FILE --tls-key FILE",
    ActionKind.SEND_DECOMPRESSED: "the same with --convert lossless",
    ActionKind.OTHER_ROOT: "the same with --root patient, or --root study",
    ActionKind.USE_GET: "dicomgui get, with the same keys and --out FOLDER",
    ActionKind.USE_MOVE: "dicomgui move, with the same keys and --to AET",
    ActionKind.NEXT_PORT: "the same with --port {value}",
}
"""What the command line has for an action; what is not here, it has nothing for."""


def option_lines(finding: Finding) -> tuple[str, ...]:
    """What to run, for each action of the finding that the command line can do."""
    return tuple(_option(action) for action in finding.actions if action.kind in _OPTIONS)


def _option(action: Action) -> str:
    return _OPTIONS[action.kind].format(value=action.value)


def records_shown(findings: Iterable[Finding], records: Iterable[Record]) -> dict[int, Record]:
    """The records that findings point to, by their number in what was diagnosed.

    ``records`` is read to its end, so that a file that is read again is known to be whole.
    """
    wanted = {item.record_index for finding in findings for item in finding.evidence}
    if not wanted:
        return {}
    return {number: record for number, record in enumerate(records) if number in wanted}


def evidence_lines(finding: Finding, records: Mapping[int, Record]) -> tuple[str, ...]:
    """Each piece of evidence: its row in the trace from 1 on, what it is, which bytes."""
    return tuple(_evidence(item, records.get(item.record_index)) for item in finding.evidence)


def _evidence(item: Evidence, record: Record | None) -> str:
    text = f"row {item.record_index + 1:,}"
    if record is not None:
        text += f", {_kind(record)}"
    if item.length:
        text += f", bytes {item.offset} to {item.offset + item.length - 1}"
        data = _bytes(item, record)
        if data:
            text += f": {data[:_MAX_BYTES].hex(' ')}{' …' if len(data) > _MAX_BYTES else ''}"
    return text


def _kind(record: Record) -> str:
    if isinstance(record, PduRecord):
        return pdu_name(record.pdu_type)
    if isinstance(record, DimseRecord):
        return "DIMSE message"
    return type(record).__name__.removesuffix("Record").lower()


def _bytes(item: Evidence, record: Record | None) -> bytes:
    if isinstance(record, BytesRecord):
        return record.data[item.offset : item.offset + item.length]
    if isinstance(record, PduRecord):
        for offset, data in record.segments:
            if offset <= item.offset < offset + len(data):
                return data[item.offset - offset : item.offset - offset + item.length]
    return b""
