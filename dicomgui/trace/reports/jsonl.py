"""A trace as JSON lines for other programs: one object for each row, with all its bytes in hexadecimal digits.

First come objects with ``kind`` ``association`` and ``finding``, then the rows in their order. The fields of a row are
those of its record (:mod:`dicomgui.network.tracing`); the text is ASCII.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TextIO

from dicomgui.network.pdu import pdu_name
from dicomgui.network.tracing import Direction, PduRecord, Record, Role, TlsRecord
from dicomgui.trace.certificate import certificate_json, read_chain
from dicomgui.trace.finding import Finding, finding_json
from dicomgui.trace.reports.text import kind_of, time_text
from dicomgui.trace.store import TraceStore
from dicomgui.trace.summary import AssociationSummary

__all__ = ["record_json", "write_jsonl"]


def write_jsonl(store: TraceStore, findings: Iterable[Finding], out: TextIO) -> None:
    """Write all that is in ``store``.

    :raises OSError: it could not be written.
    """
    for association in store.associations():
        _write(out, _association_json(association))
    for finding in findings:
        values = finding_json(finding)
        del values["event"]
        _write(out, {"kind": "finding", **values})
    for seq, record in enumerate(store.records(), start=store.first_seq):
        _write(out, {"row": seq, **record_json(record)})


def _write(out: TextIO, value: dict[str, object]) -> None:
    out.write(json.dumps(value, separators=(",", ":")) + "\n")


def _association_json(association: AssociationSummary) -> dict[str, object]:
    return {
        "kind": "association",
        "association": association.association,
        "role": None if association.role is None else association.role.name.lower(),
        "calling_ae": association.calling_ae,
        "called_ae": association.called_ae,
        "local": association.local,
        "peer": association.peer,
        "tls": association.tls,
        "outcome": association.outcome.value,
        "started": time_text(association.started_utc),
        "seconds": association.duration_s,
        "pdus_sent": association.pdus_sent,
        "pdus_received": association.pdus_received,
        "bytes_sent": association.bytes_sent,
        "bytes_received": association.bytes_received,
    }


def record_json(record: Record) -> dict[str, object]:
    """A record as JSON values."""
    values: dict[str, object] = {"kind": kind_of(record), "time": time_text(record.utc)}
    if isinstance(record, PduRecord):
        values["type"] = pdu_name(record.pdu_type)
    for name, value in zip(record._fields, record, strict=True):
        values[name] = _json(name, value)
    if isinstance(record, TlsRecord):
        values["certificates"] = [
            certificate_json(one) for one in read_chain(record.peer_certificate + record.peer_chain)
        ]
    return values


def _json(name: str, value: object) -> object:
    if isinstance(value, Direction | Role):
        return value.name.lower()
    if isinstance(value, bytes):
        return value.hex()
    if name == "segments" and isinstance(value, tuple):
        return [{"offset": offset, "hex": data.hex()} for offset, data in value]
    return list(value) if isinstance(value, tuple) else value
