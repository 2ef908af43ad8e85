"""Rules for what is odd without being the end: names, text without an alphabet, files, faults of ours."""

from __future__ import annotations

from dicomgui.network.tracing import DimseRecord, Direction, FileRecord, NoteRecord
from dicomgui.trace.diagnosis.case import Case, Doubtful, Found
from dicomgui.trace.diagnosis.words import compose, evidence_at, evidence_of, file_code, message_name, values_of
from dicomgui.trace.finding import Finding

__all__ = ["find_odd_commands", "find_odd_negotiation", "find_odds", "find_text_faults"]

_MAX_SHOWN = 8


def find_odds(case: Case) -> list[Finding]:
    """Odd AE titles of callers, files that failed, faults of this program."""
    findings = []
    if case.is_acceptor:
        for title, offset in zip(case.titles(), (10, 26), strict=True):
            if title and _is_odd(title):
                evidence = tuple(evidence_at(found, offset, 16) for found in [case.request] if found)
                values = values_of(case) | {"detail": title.hex(" ")}
                findings.append(compose("odd-ae-title", values, evidence=evidence, association=case.association))
    for found in case.all(FileRecord):
        findings.append(_file_finding(case, found))
    for found in case.all(NoteRecord):
        values = {"detail": found.record.text.removeprefix("internal fault: ").rstrip(".")}
        findings.append(compose("internal-fault", values, evidence=evidence_of(found), association=case.association))
    return findings


def _is_odd(title: bytes) -> bool:
    """Whether a title is other than printable ASCII followed by spaces (PS3.8 table 9-11, PS3.5 6.2)."""
    return title.startswith(b" ") or any(not 0x20 <= byte < 0x7F for byte in title)


def _file_finding(case: Case, found: Found) -> Finding:
    record: FileRecord = found.record
    code = file_code(record.failure) if record.has_failed else "file-discarded"
    detail = (record.detail or record.path or "its name is not known").rstrip(".")
    values = values_of(case) | {"path": record.path or "(no name yet)", "detail": detail}
    return compose(code, values, evidence=evidence_of(found), association=case.association)


def find_odd_commands(case: Case) -> list[Finding]:
    """Commands of the peer that were understood though they are not as the standard has them."""
    findings = []
    for field, (found, anomalies) in case.odd_commands.items():
        values = values_of(case) | {"message": message_name(field), "detail": "; ".join(anomalies)}
        findings.append(compose("odd-command", values, evidence=evidence_of(found), association=case.association))
    return findings


def find_odd_negotiation(case: Case) -> list[Finding]:
    """Oddities of the peer's A-ASSOCIATE-RQ or -AC, all of one association in one finding."""
    odd = case.odd_negotiation
    if not odd:
        return []
    found = case.request if case.is_acceptor else case.acceptance
    more = len(odd) - _MAX_SHOWN
    detail = "; ".join(odd[:_MAX_SHOWN]) + (f"; and {more:,} more" if more > 0 else "")
    values = values_of(case) | {"detail": detail}
    return [compose("odd-negotiation", values, evidence=evidence_of(found), association=case.association)]


def find_text_faults(case: Case) -> list[Finding]:
    """Data sets whose text does not say what it is made of, or was damaged before."""
    return [_text_finding(case, doubtful) for doubtful in case.doubtful.values()]


def _text_finding(case: Case, doubtful: Doubtful) -> Finding:
    record: DimseRecord = doubtful.found.record
    doubt = doubtful.doubt
    whose = "The peer" if record.direction is Direction.RECEIVED else "This side"
    values = values_of(case) | {
        "who": whose,
        "message": message_name(record.command_field),
        "element": f"({doubt.tag >> 16:04X},{doubt.tag & 0xFFFF:04X})",
        "fits": doubt.alphabet.fits,
        "detail": _odd_bytes(doubt.value),
    }
    evidence = evidence_of(doubtful.found)
    return compose(doubt.alphabet.code, values, evidence=evidence, association=case.association)


def _odd_bytes(value: bytes) -> str:
    """The bytes that are not ASCII, and no others: the value may be a patient's name."""
    odd = bytes(byte for byte in value if byte >= 0x80)
    return odd[:_MAX_SHOWN].hex(" ") + (" …" if len(odd) > _MAX_SHOWN else "")
