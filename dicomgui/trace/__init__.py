"""Inspection of associations: keep, write, read, describe, explain and export what the observer stream tells.

No sockets and no Qt. :class:`TraceStore` and :class:`TraceWriter` are tracers: hand one to the network stack, or
several by :func:`tee`.
"""

from __future__ import annotations

from dicomgui.trace.capture import CaptureError, ImportResult, import_capture
from dicomgui.trace.describe import Node, describe_bytes, describe_command, describe_pdu, node_json
from dicomgui.trace.diagnosis.diagnose import diagnose, explain_error
from dicomgui.trace.diagnosis.facts import Facts, OwnListener
from dicomgui.trace.file import TraceFileError, TraceReader, TraceWriter, read_trace
from dicomgui.trace.finding import Action, ActionKind, Evidence, Finding, Severity, finding_json
from dicomgui.trace.pcap import PcapExportError, export_pcapng
from dicomgui.trace.store import Entry, TraceStore
from dicomgui.trace.summary import AssociationSummary, Outcome, summarize
from dicomgui.trace.tee import tee

__all__ = [
    "Action",
    "ActionKind",
    "AssociationSummary",
    "CaptureError",
    "Entry",
    "Evidence",
    "Facts",
    "Finding",
    "ImportResult",
    "Node",
    "Outcome",
    "OwnListener",
    "PcapExportError",
    "Severity",
    "TraceFileError",
    "TraceReader",
    "TraceStore",
    "TraceWriter",
    "describe_bytes",
    "describe_command",
    "describe_pdu",
    "diagnose",
    "explain_error",
    "export_pcapng",
    "finding_json",
    "import_capture",
    "node_json",
    "read_trace",
    "summarize",
    "tee",
]
