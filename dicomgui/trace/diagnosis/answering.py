"""Rules for responses: what their statuses say, in whose service, and which elements they name."""

from __future__ import annotations

from dicomgui.network.status import Status
from dicomgui.network.tracing import DimseRecord, Direction
from dicomgui.network.uids import name_of
from dicomgui.trace.diagnosis.carried import Message
from dicomgui.trace.diagnosis.case import Answers, Case, Found, Said
from dicomgui.trace.diagnosis.words import compose, evidence_at, evidence_of, message_name, model_values, values_of
from dicomgui.trace.exchanges import service_of
from dicomgui.trace.finding import Evidence, Finding, plain

__all__ = [
    "find_statuses",
    "named_elements",
    "service_of",
    "status_code",
    "status_evidence",
    "status_values",
]

_STORE, _GET, _FIND, _MOVE, _ECHO = 0x0001, 0x0010, 0x0020, 0x0021, 0x0030
_EVENT_REPORT, _N_GET, _SET, _ACTION, _CREATE, _DELETE = 0x0100, 0x0110, 0x0120, 0x0130, 0x0140, 0x0150
_NORMALIZED = (_EVENT_REPORT, _N_GET, _SET, _ACTION, _CREATE, _DELETE)
_ANY = (_STORE, _GET, _FIND, _MOVE, _ECHO, *_NORMALIZED)

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
    (_ANY, 0xFFFF, 0x0112, "no-such-instance"),
    (_ANY, 0xFFFF, 0x0119, "class-instance-conflict"),
    (_ANY, 0xFFFF, 0x0117, "invalid-instance"),
    (_ANY, 0xFFFF, 0x0105, "attributes-refused"),
    (_ANY, 0xFFFF, 0x0106, "attributes-refused"),
    (_ANY, 0xFFFF, 0x0120, "attributes-missing"),
    (_ANY, 0xFFFF, 0x0121, "attributes-missing"),
    (_ANY, 0xFFFF, 0x0113, "argument-refused"),
    (_ANY, 0xFFFF, 0x0114, "argument-refused"),
    (_ANY, 0xFFFF, 0x0115, "argument-refused"),
    (_ANY, 0xFFFF, 0x0123, "argument-refused"),
    (_ANY, 0xFFFF, 0x0212, "argument-refused"),
    (_ANY, 0xFFFF, 0x0210, "duplicate-invocation"),
    (_ANY, 0xFFFF, 0x0213, "resource-limitation"),
)
_MAX_NAMED = 3


def status_code(command_field: int, status: Status, sop_class_uid: str = "") -> str:
    """The code for a status of the peer in the response to that request."""
    for requests, mask, code, name in _STATUSES:
        if command_field in requests and status & mask == code:
            return name
    if status.is_warning:
        return "status-warning"
    return "status-failure" if status.explain(service_of(command_field, sop_class_uid)).is_listed else "status-unlisted"


def find_statuses(case: Case) -> list[Finding]:
    """Responses that say failure or warning, and queries without a match."""
    findings = []
    for (direction, command_field, number), answers in case.answers.items():
        is_retrieval = direction is Direction.RECEIVED and command_field & 0x7FFF in (_MOVE, _GET)
        if 0 < number <= 0xFFFF and not Status(number).is_cancel and not is_retrieval:
            findings.append(_status_finding(case, direction, command_field & 0x7FFF, Status(number), answers))
    if case.empty_finds:
        evidence = evidence_of(case.empty_finds[0])
        values = values_of(case) | model_values(case.sop_class_of(case.empty_finds[0].record))
        findings.append(compose("find-empty", values, evidence=evidence, association=case.association))
    return findings


def _status_finding(case: Case, direction: Direction, command_field: int, status: Status, answers: Answers) -> Finding:
    record: DimseRecord = answers.first.record
    if direction is Direction.RECEIVED:
        code = status_code(command_field, status, record.sop_class_uid)
    else:
        code = "we-answered-warning" if status.is_warning else "we-answered-failure"
    values = values_of(case) | status_values(command_field, status, record.comment, record.sop_class_uid)
    values |= model_values(case.sop_class_of(record))
    values["comment"] = f"{values['comment']}{named_elements(answers.message)}"
    subject = f"the object {record.sop_instance_uid}" if record.sop_instance_uid else "an object"
    if answers.count > 1:
        values["comment"] = f"{values['comment']} This came {answers.count} times."
        subject = f"objects, the first {record.sop_instance_uid or 'without a name'}"
    values["subject"] = subject
    evidence = status_evidence(Said(answers.first, answers.message))
    return compose(code, values, evidence=evidence, association=case.association)


def status_values(command_field: int, status: Status, comment: str, sop_class_uid: str = "") -> dict[str, object]:
    """What sentences about a status want to name."""
    service = service_of(command_field, sop_class_uid)
    explained = status.explain(service)
    return {
        "message": message_name(command_field),
        "status": f"0x{int(status):04X}",
        "meaning": explained.meaning.rstrip("."),
        "advice": explained.advice,
        "clause": explained.clause,
        "comment": f" It says: “{plain(comment)}”." if comment else "",
        "subject": "an object",
        "instance": f" for {sop_class_name(sop_class_uid)}" if sop_class_uid else "",
    }


def sop_class_name(uid: str) -> str:
    """The name of a SOP class, short enough for a sentence."""
    return plain(name_of(uid), 60)


def status_evidence(said: Said) -> tuple[Evidence, ...]:
    """The response, and the bytes of its status where they were kept."""
    place = said.message.place_of(0x0900) if said.message is not None else None
    whole = evidence_of(said.found)
    if place is None:
        return whole
    number, offset, length, record = place
    return (*whole, evidence_at(Found(number, record), offset, length))


def named_elements(message: Message | None) -> str:
    """Sentences with what a response names as the cause: Offending Element, Attribute Identifier List, Error ID."""
    command = message.decoded() if message is not None else None
    text = ""
    for name, title in (("offending_elements", "Offending Element"), ("attribute_identifiers", "Attributes")):
        tags = getattr(command, name, ())
        if tags:
            more = f" and {len(tags) - _MAX_NAMED} more" if len(tags) > _MAX_NAMED else ""
            text += f" {title}: {', '.join(map(_tag_text, tags[:_MAX_NAMED]))}{more}."
    error_id = getattr(command, "error_id", None)
    return text + (f" Error ID: 0x{error_id:04X}." if error_id else "")


def _tag_text(tag: int) -> str:
    from pydicom import datadict

    number = f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
    try:
        return f"{number} {datadict.dictionary_description(tag)}"
    except KeyError:
        return number
