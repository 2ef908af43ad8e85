"""The diagnosis as it grows: fed record by record, asked whenever somebody wants to know.

For each association the rules of :data:`ENDINGS` say how it failed; of all that fit, the one whose evidence comes
first in the trace is the cause and the others are its consequences. The rules of :data:`REMARKS` add what else is to
be told. To add a diagnosis: an entry in the catalogue, and a rule in one of the modules that these come from.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from dicomgui.network.tracing import Direction, ListenRecord, Record, RefuseRecord
from dicomgui.trace.diagnosis.answering import find_statuses
from dicomgui.trace.diagnosis.around import Around, Knock
from dicomgui.trace.diagnosis.case import Case, Found
from dicomgui.trace.diagnosis.committing import find_commitments
from dicomgui.trace.diagnosis.connecting import find_listen_faults, find_no_connection, find_not_dicom, find_tls_fault
from dicomgui.trace.diagnosis.ending import (
    find_abort,
    find_cancel,
    find_close,
    find_own_abort,
    find_refusal,
    find_rejection,
    find_time_out,
    find_unanswered,
    find_unread_rejection,
    find_violation,
    idle_seconds,
)
from dicomgui.trace.diagnosis.facts import NO_FACTS, Facts, OwnListener
from dicomgui.trace.diagnosis.odds import find_odd_commands, find_odd_negotiation, find_odds, find_text_faults
from dicomgui.trace.diagnosis.refusing import find_no_context, find_some_contexts, refused_text
from dicomgui.trace.diagnosis.retrieving import find_retrievals
from dicomgui.trace.diagnosis.words import evidence_of, message_name, split_place, values_of
from dicomgui.trace.finding import Finding, Severity

__all__ = ["Diagnosis"]

# Where two fit the same record, the earlier rule wins.
ENDINGS: tuple[Callable[[Case], Finding | None], ...] = (
    find_no_connection,
    find_tls_fault,
    find_not_dicom,
    find_rejection,
    find_unread_rejection,
    find_abort,
    find_violation,
    find_time_out,
    find_no_context,
    find_refusal,
    find_cancel,
    find_own_abort,
    find_close,
    find_unanswered,
)
REMARKS: tuple[Callable[[Case], list[Finding]], ...] = (
    find_listen_faults,
    find_statuses,
    find_retrievals,
    find_commitments,
    find_some_contexts,
    find_odds,
    find_odd_negotiation,
    find_odd_commands,
    find_text_faults,
)
_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}
_COMMITMENT = "1.2.840.10008.1.20.1"
_MAX_OPEN = 1024
"""Associations whose facts are kept; of older ones that are closed only their findings are."""

_MAX_TOLD = 100_000
"""Associations whose findings are kept."""


class Diagnosis:
    """Findings of a trace that may still grow.

    :param facts: what is known beside the trace.
    :ivar count: records taken.
    """

    def __init__(self, facts: Facts = NO_FACTS) -> None:
        self.count = 0
        self._around = Around(facts)
        self._cases: dict[int, Case] = {}
        self._findings: dict[int, list[Finding]] = {}
        self._changed: set[int] = set()

    def know(self, facts: Facts) -> None:
        """Take what is known beside the trace by now."""
        self._around.facts = facts

    def add(self, record: Record) -> None:
        """Take the next record."""
        number = record.association
        case = self._cases.get(number)
        if case is None:
            case = self._cases[number] = Case(number, self._around)
            self._findings.setdefault(number, [])
            if len(self._cases) > 2 * _MAX_OPEN:
                self._retire()
        case.add(self.count, record)
        self._around.last_mono = record.mono
        self._changed.add(number)
        self.count += 1

    def findings(self) -> list[Finding]:
        """Everything worth telling, in the order of the associations, the most serious of each first."""
        self._judge()
        return [finding for found in self._findings.values() for finding in found]

    def _judge(self) -> None:
        changed = {number for number in self._changed if number in self._cases}
        self._changed.clear()
        for number in changed:
            _note(self._around, self._cases[number])
        # What the others did may change what is to be said of a retrieval, a name or a cut.
        for number, case in self._cases.items():
            if number in changed or case.retrieved or case.commitments:
                self._findings[number] = _findings_of(case)

    def _retire(self) -> None:
        """Forget the facts of the oldest associations; a new one of the same number would begin anew."""
        self._judge()
        ended = [number for number, case in self._cases.items() if number and _is_over(case)]
        others = [number for number in self._cases if number] if len(self._cases) > 4 * _MAX_OPEN else []
        for number in (ended or others)[:_MAX_OPEN]:
            del self._cases[number]
            if not self._findings[number]:
                del self._findings[number]
        for number in list(self._findings)[:-_MAX_TOLD]:
            if number not in self._cases:
                del self._findings[number]


def _is_over(case: Case) -> bool:
    """Whether nothing more of it is to be expected."""
    return case.close is not None or (case.connected is None and bool(case.connect_failures))


def _findings_of(case: Case) -> list[Finding]:
    found = [finding for rule in REMARKS for finding in rule(case)]
    endings = [finding for rule in ENDINGS if (finding := rule(case)) is not None]
    ending = min(endings, key=_evidence_number, default=None)
    if ending is not None:
        found.insert(0, ending)
    return sorted(found, key=lambda finding: _RANK[finding.severity])


def _evidence_number(finding: Finding) -> int:
    return finding.evidence[0].record_index


# ------------------------------------------------------------------------------------------- what the others may want


def _note(around: Around, case: Case) -> None:
    """Leave what this association shows to those who are judged beside it."""
    for found in case.all(ListenRecord):
        record: ListenRecord = found.record
        host, port = split_place(record.address)
        if record.active and port.isascii() and port.isdigit() and int(port) <= 65535:
            around.note_listener(record.mono, OwnListener(record.ae_title, host, int(port)))
    for said in case.events:
        if said.found.record.sop_class_uid == _COMMITMENT:
            around.note_report(said.found.record.mono)
    called, calling = (title.decode("latin-1").strip(" ") for title in case.titles())
    if case.is_acceptor:
        around.note_knock(_knock(case, called, calling))
    elif case.acceptance is not None and called:
        around.note_accepted(case.place, called, calling)
    seconds = idle_seconds(case)
    if seconds:
        around.note_cut(split_place(case.place)[0], case.association, seconds)


def _knock(case: Case, called: str, calling: str) -> Knock:
    shown: Found | None = case.request or case.connected
    return Knock(
        association=case.association,
        began_mono=case.began_mono,
        ended_mono=float(case.close.record.mono) if case.close is not None else inf,
        host=split_place(case.place)[0],
        called=called,
        calling=calling,
        refusal=_refusal(case),
        failure=_failure(case),
        stores=case.stores_received,
        stores_for=case.stores_for,
        evidence=evidence_of(shown),
    )


def _refusal(case: Case) -> str:
    """Why we refused the caller; begins with ``contexts: `` where it is for its contexts."""
    rejection = find_rejection(case)
    if rejection is not None:
        reasons = {"we-rejected-called-ae": f"it called {values_of(case)['called']}, which is not our name",
                   "we-rejected-calling-ae": f"the name {values_of(case)['calling']} is not on our list",
                   "we-rejected-busy": "too many associations are open"}  # fmt: skip
        return reasons.get(rejection.code, "its request is not what this listener takes")
    refused = case.first(RefuseRecord)
    if refused is not None:
        return str(refused.record.reason.rstrip("."))
    contexts = refused_text(case)
    return f"contexts: {contexts}" if contexts else ""


def _failure(case: Case) -> str:
    """What we answered to objects of the caller where that was a failure."""
    for (direction, command_field, status), answers in case.answers.items():
        if direction is Direction.SENT and command_field == 0x8001 and status & 0xF000 != 0xB000:
            comment = answers.first.record.comment
            return f"{message_name(command_field)} with 0x{status & 0xFFFF:04X}" + (f", “{comment}”" if comment else "")
    return ""
