"""Rules for C-MOVE and C-GET: what was told, what it caused, and what arrived (PS3.4 C.4.2, C.4.3).

A C-MOVE is one story with the associations that it causes. Whether the peer came to our listener is only said where the
trace, or who knows it, shows that there was one.
"""

from __future__ import annotations

from typing import NamedTuple

from dicomgui.network.dimse.commands import CGetRSP, CMoveRQ, CMoveRSP
from dicomgui.network.pdu import AssociateAC, AssociateRQ
from dicomgui.network.status import Status
from dicomgui.network.uids import STORAGE_CLASSES
from dicomgui.trace.diagnosis.answering import named_elements, status_code, status_evidence, status_values
from dicomgui.trace.diagnosis.around import Knock
from dicomgui.trace.diagnosis.case import Case, Retrieved, Said
from dicomgui.trace.diagnosis.facts import OwnListener
from dicomgui.trace.diagnosis.words import compose, message_name, model_values, values_of
from dicomgui.trace.finding import ActionKind, Evidence, Finding

__all__ = ["find_retrievals"]

_GET, _MOVE = 0x0010, 0x0021
_SUCCESS, _UNKNOWN_DESTINATION, _CANCELLED = 0x0000, 0xA801, 0xFE00
_CANNOT_DELIVER = (0xA702, 0xB000)
_LATE_S = 2.0  # what the peer's word may be ahead of its connection, as the trace stamps them
_MAX_TOLD = 16


class _Counts(NamedTuple):
    """Numbers of sub-operations; -1 where the peer does not tell."""

    remaining: int = -1
    completed: int = -1
    failed: int = -1
    warning: int = -1

    @property
    def total(self) -> int:
        """All of them, what is not told counted as none; -1 where nothing is told."""
        return sum(max(0, count) for count in self) if max(self) >= 0 else -1

    @property
    def done(self) -> int:
        """What the peer says that it has delivered."""
        return max(0, self.completed) + max(0, self.warning)


class _Story(NamedTuple):
    """One retrieval with what belongs to it."""

    kind: int
    status: Status
    counts: _Counts
    announced: _Counts
    destination: str
    listener: OwnListener | None
    knocks: tuple[Knock, ...]
    stores: int

    @property
    def is_short(self) -> bool:
        """Whether something could not be delivered, by the peer's own words."""
        return self.status in _CANNOT_DELIVER or self.counts.failed > 0


def find_retrievals(case: Case) -> list[Finding]:
    """What became of each C-MOVE and C-GET of ours; what ended alike is told once."""
    first: dict[tuple[str, int], tuple[Retrieved, _Story]] = {}
    count: dict[tuple[str, int], int] = {}
    for retrieved in case.retrieved:
        story = _story(case, retrieved)
        for code in _codes(case, story):
            key = code, int(story.status)
            first.setdefault(key, (retrieved, story))
            count[key] = count.get(key, 0) + 1
    shown = list(first.items())[:_MAX_TOLD]
    return [_finding(case, code, *told, times=count[code, status]) for (code, status), told in shown]


def _story(case: Case, retrieved: Retrieved) -> _Story:
    record = retrieved.response.found.record
    kind = record.command_field & 0x7FFF
    request = retrieved.request.message if retrieved.request is not None else None
    command = request.decoded() if request is not None else None
    destination = command.move_destination.strip(" \0") if isinstance(command, CMoveRQ) else ""
    listener, knocks, stores = None, [], 0
    if retrieved.request is not None and destination:
        since, until = retrieved.request.found.record.mono, record.mono + _LATE_S
        listener = case.around.listener(destination, until)
        host = case.place.rpartition(":")[0]
        ever = case.around.knocks(since, host=host, called=destination)
        knocks = [knock for knock in ever if knock.began_mono <= until]
        stores = sum(knock.stores for knock in ever)  # some peers answer first and deliver later
    return _Story(
        kind, Status(record.status & 0xFFFF), _counts(retrieved.response), _counts(retrieved.told), destination,
        listener, tuple(knocks), stores,
    )  # fmt: skip


def _counts(said: Said | None) -> _Counts:
    command = said.message.decoded() if said is not None and said.message is not None else None
    if not isinstance(command, CMoveRSP | CGetRSP):
        return _Counts()
    told = (command.remaining, command.completed, command.failed, command.warning)
    return _Counts(*(-1 if number is None else number for number in told))


def _codes(case: Case, story: _Story) -> list[str]:
    """The findings for one retrieval; none where all went well."""
    if story.status == _CANCELLED:
        return []
    codes = []
    if story.status == _UNKNOWN_DESTINATION:
        codes.append("move-unknown-destination")
    elif story.is_short and story.listener is not None and story.kind == _MOVE:
        codes.append(_way_back_code(story.knocks))
    elif story.kind == _GET and story.counts.failed > 0 and story.counts.done == 0:
        codes.append("get-all-failed")
    elif story.status != _SUCCESS:
        codes.append(status_code(story.kind, story.status))
    if _contradiction(story):
        codes.append("counters-odd")
    elif story.status == _SUCCESS and story.counts.total == 0:
        codes.append("retrieve-nothing")
    elif not story.is_short and _arrived(case, story) < story.counts.done:
        codes.append("fewer-arrived")
    return codes


def _way_back_code(knocks: tuple[Knock, ...]) -> str:
    if not knocks:
        return "move-no-knock"
    if any(knock.failure for knock in knocks):
        return "move-knock-stores"
    refused = [knock for knock in knocks if knock.refusal]
    if len(refused) == len(knocks):
        return "move-knock-contexts" if refused[0].refusal.startswith("contexts: ") else "move-knock-refused"
    return "move-knock-idle"


def _contradiction(story: _Story) -> str:
    """What of the peer's numbers cannot be true, or an empty string."""
    counts, announced = story.counts, story.announced
    if story.status == _SUCCESS and counts.failed > 0:
        return f"it says success and {counts.failed} failed"
    if story.status == _SUCCESS and counts.remaining > 0:
        return f"it says success and {counts.remaining} remain"
    if announced.remaining >= 0 and counts.total >= 0 and announced.total > counts.total:
        return f"it announced {announced.total} and accounts for {counts.total}"
    return ""


def _arrived(case: Case, story: _Story) -> int:
    """How many instances came here; as many as were told where it cannot be known."""
    facts = case.around.facts
    if facts.arrived is not None:
        return facts.arrived
    if facts.is_partial or case.lacks_bytes:
        return story.counts.done
    if story.kind == _GET:
        return case.stores_received
    return story.counts.done if story.listener is None else story.stores


def _finding(case: Case, code: str, retrieved: Retrieved, story: _Story, *, times: int) -> Finding:
    record = retrieved.response.found.record
    values = values_of(case) | status_values(story.kind, story.status, record.comment)
    values["comment"] = f"{values['comment']}{named_elements(retrieved.response.message)}{_counted(story.counts)}"
    if times > 1:
        values["comment"] = f"{values['comment']} This came {times} times."
    listener = story.listener
    knock = story.knocks[0] if story.knocks else None
    values |= model_values(case.sop_class_of(record))
    values |= {
        "message": message_name(story.kind),
        "destination": story.destination or "the destination",
        "listener": f"{listener.ae_title} at {listener.host}:{listener.port}" if listener is not None else "",
        "own_port": listener.port if listener is not None else "",
        "told": story.counts.done,
        "arrived": _arrived(case, story),
        "detail": _detail(code, story, knock),
    }
    offers = {ActionKind.COPY_SETUP: story.destination} if code == "move-unknown-destination" else {}
    return compose(
        code,
        values,
        evidence=(*status_evidence(retrieved.response), *_knock_evidence(code, story)),
        association=case.association,
        first_cause=_first_cause(case, code, story),
        offers=offers,
    )


def _counted(counts: _Counts) -> str:
    parts = [f"{number} {name}" for name, number in counts._asdict().items() if number > 0]
    return f" Its numbers: {', '.join(parts)}." if parts else ""


def _detail(code: str, story: _Story, knock: Knock | None) -> str:
    if code == "counters-odd":
        return _contradiction(story)
    if knock is None:
        return ""
    if code == "move-knock-stores":
        return next((one.failure for one in story.knocks if one.failure), "")
    return knock.refusal.removeprefix("contexts: ")


def _knock_evidence(code: str, story: _Story) -> tuple[Evidence, ...]:
    if not code.startswith("move-knock"):
        return ()
    return tuple(item for knock in story.knocks[:3] for item in knock.evidence)


def _first_cause(case: Case, code: str, story: _Story) -> str:
    if code == "move-no-knock" and story.listener is not None and story.listener.is_local:
        return f"Our listener can be reached from this computer only: it is bound to {story.listener.host}."
    if code in ("get-all-failed", "get-suboperations"):
        return _role_cause(case)
    if code == "move-unknown-destination" and story.destination != story.destination.upper():
        return f"The destination {story.destination} has small letters, and capitals matter in AE titles."
    return ""


def _role_cause(case: Case) -> str:
    """Why nothing could come by C-GET, as the negotiation shows (PS3.7 D.3.3.4)."""
    request, answer = case.proposed, case.agreed
    if request is None or answer is None:
        return ""
    proposed = {one.context_id: one.abstract_syntax for one in request.presentation_contexts}
    storage = {number: uid for number, uid in proposed.items() if uid in STORAGE_CLASSES}
    if not storage:
        return "No storage context was proposed on this association, so nothing could come over it."
    taken = {one.context_id for one in answer.presentation_contexts if one.result == 0}
    if not taken & storage.keys():
        return "None of the storage contexts that were proposed was accepted."
    asked, granted = _storage_roles(request), _storage_roles(answer)
    if not asked:
        return "We did not ask for the storage role (SCP), so that the peer may not send over this association."
    if not granted & {storage[number] for number in taken & storage.keys()}:
        return "The peer did not grant us the storage role (SCP) for any of the accepted storage contexts."
    return ""


def _storage_roles(pdu: AssociateRQ | AssociateAC) -> set[str]:
    """SOP classes for which the SCP role of the requestor is asked for or granted."""
    information = pdu.user_information
    return {role.sop_class_uid for role in information.roles if role.scp == 1} if information is not None else set()
