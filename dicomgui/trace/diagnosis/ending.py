"""Rules for how an association failed or ended: refused, aborted, out of time, cut."""

from __future__ import annotations

import re

from dicomgui.network.pdu import (
    Abort,
    AbortReason,
    AbortSource,
    AssociateRJ,
    PduType,
    RejectResult,
    RejectSource,
    describe_abort,
    describe_rejection,
)
from dicomgui.network.tracing import CancelRecord, Direction, PduRecord, RefuseRecord, TimerRecord, read_broken_rule
from dicomgui.trace.diagnosis.case import Case, Found, decoded
from dicomgui.trace.diagnosis.catalogue import ABORT_CAUSES
from dicomgui.trace.diagnosis.naming import Advice, advise, sent_text
from dicomgui.trace.diagnosis.words import (
    compose,
    evidence_at,
    evidence_of,
    message_name,
    seconds_text,
    split_place,
    values_of,
)
from dicomgui.trace.finding import ActionKind, Evidence, Finding

__all__ = [
    "abort_finding",
    "find_abort",
    "find_cancel",
    "find_close",
    "find_own_abort",
    "find_refusal",
    "find_rejection",
    "find_time_out",
    "find_unanswered",
    "find_unread_rejection",
    "find_violation",
    "idle_seconds",
    "rejection_code",
]

_REJECTIONS = {
    (1, 1): "rejected-no-reason",
    (1, 2): "rejected-application-context",
    (1, 3): "rejected-calling-ae",
    (1, 7): "rejected-called-ae",
    (2, 1): "rejected-no-reason",
    (2, 2): "rejected-protocol-version",
    (3, 1): "rejected-busy",
    (3, 2): "rejected-busy",
}
_OWN_REJECTIONS = {"rejected-calling-ae", "rejected-called-ae", "rejected-busy"}
_TIMERS = {
    "response": "no-response",
    "release": "no-release-answer",
    "idle": "idle",
    "send": "not-reading",
    "connect": "no-answer",
}
_IDLE_S = 60.0  # no firewall forgets a connection sooner
_FIVE_MINUTES_S, _NEAR_S = 300.0, 3.0
_ALIKE = 0.05
_ABORTED: dict[int, str] = {
    AbortSource.SERVICE_USER: "aborted-by-user",
    AbortSource.SERVICE_PROVIDER: "aborted-by-provider",
}
_AT_OFFSET = re.compile(r"at offset (\d{1,10})")


def rejection_code(source: int, reason: int) -> str:
    """The code for what an A-ASSOCIATE-RJ says (PS3.8 table 9-21)."""
    return _REJECTIONS.get((source, reason), "rejected-unknown")


def find_rejection(case: Case) -> Finding | None:
    """The association was rejected, by the peer or by us."""
    for direction in (Direction.RECEIVED, Direction.SENT):
        found = case.pdu(direction, PduType.ASSOCIATE_RJ)
        pdu = decoded(found)
        if found is None or found.record.error or not isinstance(pdu, AssociateRJ):  # out of turn it rejects nothing
            continue
        code = rejection_code(pdu.source, pdu.reason)
        values = values_of(case) | {
            "result": pdu.result,
            "source": pdu.source,
            "reason": pdu.reason,
            "detail": describe_rejection(pdu.result, pdu.source, pdu.reason),
        }
        advice = Advice()
        offers: dict[ActionKind, str] = {}
        if direction is Direction.SENT:
            code = f"we-{code}" if code in _OWN_REJECTIONS else "we-rejected"
        else:
            advice = _advice(case, code)
            offers = {_TRIED[code]: advice.title} if advice.title else {}
            if code in _TRIED:
                values["sent"] = sent_text(case.titles()[code == "rejected-calling-ae"])
        cause = advice.cause or _result_cause(pdu)
        evidence = (evidence_at(found, 7, 3), *_title_evidence(case, code))
        return compose(code, values, evidence=evidence, association=case.association, first_cause=cause, offers=offers)
    return None


_TRIED = {"rejected-called-ae": ActionKind.TRY_AE, "rejected-calling-ae": ActionKind.TRY_CALLING_AE}


def _advice(case: Case, code: str) -> Advice:
    """What is wrong with the name that was refused, as far as that can be told."""
    called, calling = case.titles()
    if code == "rejected-called-ae":
        return advise(called, case.around.titles_at(*case.places))
    if code == "rejected-calling-ae":
        return advise(calling, case.around.own_titles_at(case.place))
    return Advice()


def _title_evidence(case: Case, code: str) -> tuple[Evidence, ...]:
    """The bytes of the name that was refused (PS3.8 table 9-11)."""
    if case.request is None or not any(case.titles()):
        return ()
    if code.endswith("rejected-called-ae"):
        return (evidence_at(case.request, 10, 16),)
    return (evidence_at(case.request, 26, 16),) if code.endswith("rejected-calling-ae") else ()


def _result_cause(pdu: AssociateRJ) -> str:
    """What an unusual result of a rejection adds (PS3.8 table 9-21)."""
    if pdu.result == RejectResult.TRANSIENT and pdu.source != RejectSource.SERVICE_PROVIDER_PRESENTATION:
        return "It calls that temporary: it may accept later."
    if pdu.result not in tuple(RejectResult):
        return f"Its result {pdu.result} is none of the standard's: whether it will accept later cannot be told."
    return ""


def find_unread_rejection(case: Case) -> Finding | None:
    """The association was rejected, and the trace does not hold the bytes that say why."""
    for direction in Direction:
        found = case.pdu(direction, PduType.ASSOCIATE_RJ)
        if found is not None and not found.record.error and decoded(found) is None:
            values = values_of(case) | {"detail": "the bytes of the rejection were not kept"}
            return compose("cannot-tell", values, evidence=evidence_of(found), association=case.association)
    return None


def find_unanswered(case: Case) -> Finding | None:
    """The association ended in order, and a request of ours was never answered."""
    waiting = _oldest_pending(case)
    if waiting is None or not case.is_released or case.around.facts.is_partial or case.lacks_bytes:
        return None
    name = message_name(waiting.record.command_field)
    values = values_of(case) | {"detail": f"the association was released while {name} was not answered"}
    return compose("cannot-tell", values, evidence=evidence_of(waiting), association=case.association)


def find_abort(case: Case) -> Finding | None:
    """The peer aborted."""
    found = case.pdu(Direction.RECEIVED, PduType.ABORT)
    if found is None:
        return None
    pdu = decoded(found)
    source, reason = (pdu.source, pdu.reason) if isinstance(pdu, Abort) else (0, 0)
    code = "aborted-on-greeting" if case.acceptance is None else "aborted"
    if case.is_acceptor:
        code = "caller-aborted"
    evidence = (evidence_at(found, 8, 2),)
    return abort_finding(code, values_of(case), source, reason, evidence=evidence, association=case.association)


def abort_finding(
    code: str,
    values: dict[str, object],
    source: int,
    reason: int,
    *,
    evidence: tuple[Evidence, ...] = (),
    association: int = 0,
) -> Finding:
    """The finding for an A-ABORT of the peer; ``aborted`` becomes the code that fits its source."""
    if code == "aborted":
        code = _ABORTED.get(source, "aborted-unknown-source")
    cause = ""
    if source == AbortSource.SERVICE_PROVIDER and reason != AbortReason.NOT_SPECIFIED:
        cause = ABORT_CAUSES.get(reason, f"Its reason {reason} is none that the standard defines.")
    return compose(
        code,
        values | {"detail": describe_abort(source, reason)},
        evidence=evidence,
        association=association,
        first_cause=cause,
    )


def find_violation(case: Case) -> Finding | None:
    """The peer sent something malformed or out of turn."""
    if not case.broken:
        return _find_broken_rule(case)
    found = case.broken[0]
    error = found.record.error or "bytes that belong to no PDU"
    at = _AT_OFFSET.search(error)
    offset = int(at[1]) if at and isinstance(found.record, PduRecord) else 0
    return compose(
        "protocol-violation",
        values_of(case) | {"detail": error.rstrip(".")},
        evidence=(evidence_at(found, min(offset, found.record.length)),),
        association=case.association,
    )


def _find_broken_rule(case: Case) -> Finding | None:
    """Its PDUs are sound, but not what is in them."""
    if not case.broken_rules:
        return None
    found = case.broken_rules[0]
    values = values_of(case) | {"detail": read_broken_rule(found.record.text).rstrip(".")}
    return compose("protocol-violation", values, evidence=evidence_of(found), association=case.association)


def find_time_out(case: Case) -> Finding | None:
    """Time ran out for something."""
    found = case.first(TimerRecord)
    if found is None or found.record.name == "artim":
        return _find_artim(case)
    name = found.record.name
    code = _TIMERS.get(name, "timed-out")
    if name == "associate":
        code = "silent" if case.first_received is None else "no-association-answer"
    seconds = seconds_text(found.record.seconds)
    values = values_of(case) | {
        "seconds": seconds,
        "waited": f"within {seconds} s",
        "detail": f"{name} took {seconds} s",
    }
    waiting = _oldest_pending(case)
    values["message"] = message_name(waiting.record.command_field) if waiting else "our request"
    evidence = evidence_of(found, waiting if code == "no-response" else None)
    return compose(code, values, evidence=evidence, association=case.association)


def _find_artim(case: Case) -> Finding | None:
    """ARTIM ran out while we waited for an association request (PS3.8 9.1.5); after the end it means nothing."""
    found = case.artim_expired or case.first(TimerRecord)
    if found is None or case.request is not None or case.first_received is not None:
        return None
    return compose("caller-silent", values_of(case), evidence=evidence_of(found), association=case.association)


def _oldest_pending(case: Case) -> Found | None:
    return next(iter(case.pending.values()), None)


def find_close(case: Case) -> Finding | None:
    """The connection ended without the words that end an association."""
    found = case.close
    if found is None or case.is_released or _was_ended_by_words(case):
        return None
    code, values = _close_code(case, found)
    if not code:
        return None
    evidence = evidence_of(found, case.unfinished)
    return compose(code, values_of(case) | values, evidence=evidence, association=case.association)


def _was_ended_by_words(case: Case) -> bool:
    return any(
        case.pdu(direction, kind) is not None
        for direction in Direction
        for kind in (PduType.ASSOCIATE_RJ, PduType.ABORT)
    )


def _close_code(case: Case, found: Found) -> tuple[str, dict[str, object]]:
    close = found.record
    by_peer = close.by_peer or bool(close.error)
    if case.request is None:
        # Without a request there was nothing to lose; who only knocks at a listener is told of, no more.
        return ("caller-silent" if case.is_acceptor and case.first_received is None else ""), {}
    if not by_peer:
        return "we-closed", {}
    if case.is_acceptor:
        return "caller-lost", {}
    if case.first_received is None:
        return ("closed-on-greeting-tls" if case.tls else "closed-on-greeting"), {}
    waiting = _oldest_pending(case)
    if waiting is not None:
        return "connection-lost-sending", {"message": message_name(waiting.record.command_field)}
    silence = idle_seconds(case)
    if silence:
        return "connection-lost-idle", {"seconds": seconds_text(silence), "pattern": _idle_pattern(case, silence)}
    return "connection-lost", {}


def idle_seconds(case: Case) -> float:
    """How long an association of ours had rested when the peer's side cut it; 0 where that is not what happened."""
    found = case.close
    if found is None or case.is_acceptor or case.is_released or not (found.record.by_peer or found.record.error):
        return 0.0
    silence = float(found.record.mono - case.last_bytes_mono)
    is_idle = case.acceptance is not None and _oldest_pending(case) is None and not _was_ended_by_words(case)
    return silence if is_idle and silence >= _IDLE_S else 0.0


def _idle_pattern(case: Case, silence: float) -> str:
    """What several cuts have in common: a limit that somebody has set."""
    host = split_place(case.place)[0]
    alike = [other for other in case.around.cuts.get(host, {}).values() if abs(other - silence) <= silence * _ALIKE]
    if len(alike) > 1:
        return f" So ended {len(alike)} associations with it, each after about this time: somebody has set a limit."
    rest = silence % _FIVE_MINUTES_S
    if min(rest, _FIVE_MINUTES_S - rest) <= _NEAR_S:
        return " That is a multiple of five minutes, as limits of firewalls are."
    return ""


def find_refusal(case: Case) -> Finding | None:
    """We refused the connection; a rejection of ours says it more exactly."""
    found = case.first(RefuseRecord)
    if found is None or case.pdu(Direction.SENT, PduType.ASSOCIATE_RJ) is not None:
        return None
    values = values_of(case) | {"detail": found.record.reason.rstrip(".")}
    return compose("we-refused", values, evidence=evidence_of(found), association=case.association)


def find_cancel(case: Case) -> Finding | None:
    """Our side cancelled, or could not go on."""
    found = case.first(CancelRecord)
    if found is None:
        return None
    detail = found.record.detail.rstrip(".")
    code = "message-broke-off" if detail.startswith("a message broke off") else "cancelled"
    detail = detail[:1].upper() + detail[1:] if code == "message-broke-off" else detail
    values = values_of(case) | {"detail": detail}
    return compose(code, values, evidence=evidence_of(found), association=case.association)


def find_own_abort(case: Case) -> Finding | None:
    """We aborted; asked for last, because what made us do it is the better answer."""
    found = case.pdu(Direction.SENT, PduType.ABORT)
    if found is None or case.broken:  # a P-DATA is answered at its header, before all of it is there
        return None
    return compose("we-aborted", values_of(case), evidence=evidence_of(found), association=case.association)
