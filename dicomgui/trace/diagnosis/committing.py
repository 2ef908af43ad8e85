"""Rules for storage commitment: what a report refuses, and reports that never came (PS3.4 annex J)."""

from __future__ import annotations

from dicomgui.network.dimse.commands import NEventReportRQ
from dicomgui.trace.diagnosis.answering import status_evidence
from dicomgui.trace.diagnosis.case import Case, Said
from dicomgui.trace.diagnosis.words import compose, evidence_of, values_of
from dicomgui.trace.finding import Finding

__all__ = ["PATIENCE_S", "find_commitments"]

SOP_CLASS = "1.2.840.10008.1.20.1"
PATIENCE_S = 60.0
"""A report that has not come for so long is worth a word; some peers take hours."""

_FAILURES_EXIST = 2
_FAILURE_REASON = b"\x08\0\x97\x11"  # (0008,1197), one in each refused item
_MAX_NAMED = 3


def find_commitments(case: Case) -> list[Finding]:
    """Reports of failures, and requests that were taken and not answered as far as the trace shows."""
    findings = [finding for said in case.events if (finding := _refused(case, said)) is not None]
    for said in case.commitments:
        record = said.found.record
        if record.sop_class_uid != SOP_CLASS or case.around.last_mono - record.mono < PATIENCE_S:
            continue
        if not case.around.has_report_since(record.mono):
            evidence = evidence_of(said.found)
            findings.append(
                compose("commitment-open", values_of(case), evidence=evidence, association=case.association)
            )
            break
    return findings


def _refused(case: Case, said: Said) -> Finding | None:
    record = said.found.record
    if record.sop_class_uid != SOP_CLASS or said.message is None:
        return None
    command = said.message.decoded()
    if not isinstance(command, NEventReportRQ) or command.event_type_id != _FAILURES_EXIST:
        return None
    count, reasons = _reasons(said.message.dataset)
    named = ", ".join(dict.fromkeys(f"0x{reason:04X}" for reason in reasons[:_MAX_NAMED]))
    detail = f"it names {count} of them" + (f", with the reasons {named}" if named else "")
    values = values_of(case) | {"detail": detail if count else "the list was not kept in the trace"}
    return compose("commitment-refused", values, evidence=status_evidence(said), association=case.association)


def _reasons(dataset: bytes) -> tuple[int, list[int]]:
    """How often Failure Reason stands in the kept bytes, and its values: at the same place in either VR encoding."""
    reasons = []
    at = dataset.find(_FAILURE_REASON)
    while at >= 0:
        reasons.append(int.from_bytes(dataset[at + 8 : at + 10], "little"))
        at = dataset.find(_FAILURE_REASON, at + 10)
    return len(reasons), reasons
