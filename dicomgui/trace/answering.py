"""Rules for what an association that stands has to say: contexts, statuses, odd names, files."""

from __future__ import annotations

from dicomgui.network.pdu import AssociateAC, AssociateRQ, describe_presentation_result
from dicomgui.network.status import Service, Status
from dicomgui.network.tracing import DimseRecord, Direction, FileRecord, NoteRecord
from dicomgui.network.uids import name_of
from dicomgui.trace.case import Answers, Case, Found
from dicomgui.trace.describe import describe_pdu
from dicomgui.trace.ending import decoded
from dicomgui.trace.finding import Evidence, Finding, plain
from dicomgui.trace.words import compose, evidence_of, message_name, values_of

__all__ = ["find_no_context", "find_odds", "find_some_contexts", "find_statuses", "status_code"]

_STORE, _GET, _FIND, _MOVE, _ECHO = 0x0001, 0x0010, 0x0020, 0x0021, 0x0030
_SERVICES = {
    _STORE: Service.STORAGE,
    _GET: Service.GET,
    _FIND: Service.FIND,
    _MOVE: Service.MOVE,
    _ECHO: Service.VERIFICATION,
}
_WORKLIST = "1.2.840.10008.5.1.4.31"
_ANY = (_STORE, _GET, _FIND, _MOVE, _ECHO)

# Request, mask, status, code: the first that fits counts. PS3.4 B.2.3, C.4.1.1.4, C.4.2.1.5, C.4.3.1.4.
_STATUSES: tuple[tuple[tuple[int, ...], int, int, str], ...] = (
    ((_STORE,), 0xFF00, 0xA700, "store-out-of-resources"),
    ((_STORE,), 0xFF00, 0xA900, "store-wrong-class"),
    ((_STORE,), 0xF000, 0xC000, "store-not-understood"),
    ((_STORE,), 0xF000, 0xB000, "store-changed"),
    ((_FIND,), 0xFF00, 0xA700, "find-out-of-resources"),
    ((_FIND,), 0xFF00, 0xA900, "find-identifier"),
    ((_FIND,), 0xF000, 0xC000, "find-identifier"),
    ((_MOVE,), 0xFFFF, 0xA801, "move-unknown-destination"),
    ((_MOVE,), 0xFFFF, 0xA702, "move-suboperations"),
    ((_GET,), 0xFFFF, 0xA702, "get-suboperations"),
    ((_MOVE, _GET), 0xFF00, 0xA700, "retrieve-out-of-resources"),
    ((_MOVE, _GET), 0xFF00, 0xA900, "retrieve-identifier"),
    ((_MOVE, _GET), 0xFFFF, 0xB000, "some-suboperations"),
    (_ANY, 0xFFFF, 0x0118, "class-not-supported"),
    (_ANY, 0xFFFF, 0x0122, "class-not-supported"),
    (_ANY, 0xFFFF, 0x0124, "not-authorized"),
    (_ANY, 0xFFFF, 0x0111, "duplicate-instance"),
    (_ANY, 0xFFFF, 0x0110, "processing-failure"),
    (_ANY, 0xFFFF, 0x0211, "unknown-operation"),
)
_MAX_NAMED = 3


# ---------------------------------------------------------------------------------------------------------- contexts


class _Contexts:
    """What was proposed and what became of it."""

    def __init__(self, request: AssociateRQ, answer: AssociateAC) -> None:
        proposed = {context.context_id: context for context in request.presentation_contexts}
        self.proposed = len(proposed)
        self.accepted: dict[str, list[str]] = {}
        self.refused: dict[tuple[str, int], list[str]] = {}
        for context in answer.presentation_contexts:
            asked = proposed.pop(context.context_id, None)
            if asked is None:
                continue
            if context.result == 0:
                self.accepted.setdefault(asked.abstract_syntax, []).append(context.transfer_syntax)
            else:
                offered = self.refused.setdefault((asked.abstract_syntax, context.result), [])
                offered.extend(asked.transfer_syntaxes)
        for asked in proposed.values():  # an answer that leaves contexts out refuses them (PS3.8 9.3.3.2 wants all)
            self.refused.setdefault((asked.abstract_syntax, -1), []).extend(asked.transfer_syntaxes)

    @property
    def accepted_count(self) -> int:
        return sum(map(len, self.accepted.values()))

    def describe_refused(self) -> str:
        texts = []
        for (abstract, result), offered in self.refused.items():
            name = plain(name_of(abstract), 80)
            if result == 4:
                syntaxes = list(dict.fromkeys(plain(name_of(uid), 60) for uid in offered))
                texts.append(f"{name} in {_listed(syntaxes, 'or')}")
            else:
                why = "not answered" if result < 0 else describe_presentation_result(result)
                texts.append(f"{name} ({why})")
        return _listed(texts, "and")

    def describe_offer(self) -> str:
        """In which encodings the peer would take objects that were refused in another."""
        texts = []
        for abstract in dict.fromkeys(abstract for abstract, _ in self.refused):
            syntaxes = list(dict.fromkeys(plain(name_of(uid), 60) for uid in self.accepted.get(abstract, ())))
            if syntaxes:
                texts.append(f"{plain(name_of(abstract), 80)} in {_listed(syntaxes, 'or')}")
        return f"It would take {_listed(texts, 'and')}." if texts else ""


def _listed(texts: list[str], joint: str) -> str:
    if len(texts) > _MAX_NAMED:
        return f"{', '.join(texts[:_MAX_NAMED])} {joint} {len(texts) - _MAX_NAMED} more"
    return f" {joint} ".join([", ".join(texts[:-1]), texts[-1]]) if len(texts) > 1 else "".join(texts)


def _contexts(case: Case) -> _Contexts | None:
    request, answer = decoded(case.request), decoded(case.acceptance)
    if not isinstance(request, AssociateRQ) or not isinstance(answer, AssociateAC):
        return None
    return _Contexts(request, answer)


def find_no_context(case: Case) -> Finding | None:
    """The association was accepted and none of its contexts."""
    contexts = _contexts(case)
    if contexts is None or contexts.accepted or not contexts.refused:
        return None
    code = "we-accepted-none"
    if not case.is_acceptor:
        results = {result for _, result in contexts.refused}
        code = {3: "no-context-abstract", 4: "no-context-transfer"}.get(min(results), "no-context")
        code = code if len(results) == 1 else "no-context"
    values = values_of(case) | {"detail": contexts.describe_refused()}
    return compose(code, values, evidence=_context_evidence(case), association=case.association)


def find_some_contexts(case: Case) -> list[Finding]:
    """The peer refused some of the contexts that we proposed."""
    contexts = None if case.is_acceptor else _contexts(case)
    if contexts is None or not contexts.accepted or not contexts.refused:
        return []
    values = values_of(case) | {
        "accepted": contexts.accepted_count,
        "proposed": contexts.proposed,
        "detail": contexts.describe_refused(),
        "offer": contexts.describe_offer(),
    }
    evidence = _context_evidence(case)
    return [compose("some-contexts-refused", values, evidence=evidence, association=case.association)]


def _context_evidence(case: Case) -> tuple[Evidence, ...]:
    """The first refused context of the answer."""
    found = case.acceptance
    for item in describe_pdu(found.record).children if found is not None else ():
        results = [field.value for field in item.children if field.label == "Result/Reason"]
        if found is not None and results and not results[0].startswith("0 "):
            return (Evidence(found.number, item.offset, item.length),)
    return evidence_of(found)


# ---------------------------------------------------------------------------------------------------------- statuses


def status_code(command_field: int, status: Status) -> str:
    """The code for a status of the peer in the response to that request."""
    for requests, mask, code, name in _STATUSES:
        if command_field in requests and status & mask == code:
            return name
    return "status-warning" if status.is_warning else "status-failure"


def find_statuses(case: Case) -> list[Finding]:
    """Responses that say failure or warning, and queries without a match."""
    findings = []
    for (direction, command_field, number), answers in case.answers.items():
        if 0 < number <= 0xFFFF and not Status(number).is_cancel:
            findings.append(_status_finding(case, direction, command_field & 0x7FFF, Status(number), answers))
    if case.empty_finds:
        evidence = evidence_of(case.empty_finds[0])
        findings.append(compose("find-empty", values_of(case), evidence=evidence, association=case.association))
    return findings


def _status_finding(case: Case, direction: Direction, command_field: int, status: Status, answers: Answers) -> Finding:
    record: DimseRecord = answers.first.record
    if direction is Direction.RECEIVED:
        code = status_code(command_field, status)
    else:
        code = "we-answered-warning" if status.is_warning else "we-answered-failure"
    values = values_of(case) | status_values(command_field, status, record.comment, record.sop_class_uid)
    subject = f"the object {record.sop_instance_uid}" if record.sop_instance_uid else "an object"
    if answers.count > 1:
        values["comment"] = f"{values['comment']} This came {answers.count} times."
        subject = f"objects, the first {record.sop_instance_uid or 'without a name'}"
    values["subject"] = subject
    return compose(code, values, evidence=evidence_of(answers.first), association=case.association)


def status_values(command_field: int, status: Status, comment: str, sop_class_uid: str = "") -> dict[str, object]:
    """What sentences about a status want to name."""
    service = _SERVICES.get(command_field)
    if service is Service.FIND and sop_class_uid == _WORKLIST:
        service = Service.WORKLIST
    explained = status.explain(service)
    return {
        "message": message_name(command_field),
        "status": f"0x{int(status):04X}",
        "meaning": explained.meaning.rstrip("."),
        "advice": explained.advice,
        "clause": explained.clause,
        "comment": f" It says: “{plain(comment)}”." if comment else "",
        "subject": "an object",
    }


# --------------------------------------------------------------------------------------------------------- the rest


def find_odds(case: Case) -> list[Finding]:
    """Odd AE titles of callers, files that failed, faults of this program."""
    findings = []
    if case.is_acceptor:
        for title, offset in zip(case.titles(), (10, 26), strict=True):
            if title and _is_odd(title):
                evidence = tuple(Evidence(found.number, offset, 16) for found in [case.request] if found)
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
    code = "file-failed" if record.event == "failed" else "file-discarded"
    detail = (record.detail or record.path).rstrip(".")
    values = values_of(case) | {"path": record.path or "(no name yet)", "detail": detail}
    return compose(code, values, evidence=evidence_of(found), association=case.association)
