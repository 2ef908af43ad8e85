"""What was negotiated on an association: each proposed context with its answer, and what of it was needed.

Requested and answered stand side by side. A refused context matters only where something needed it, so that every
context knows which operations and files went on it, or would have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from dicomgui.network.errors import RemoteProtocolError
from dicomgui.network.pdu import (
    AssociateAC,
    AssociateRJ,
    AssociateRQ,
    PduType,
    PresentationContextAC,
    PresentationContextRQ,
    decode,
    describe_presentation_result,
)
from dicomgui.network.tracing import PduRecord
from dicomgui.trace.describe import Node, describe_pdu
from dicomgui.trace.inspection.needs import Need, Needs, needs_of
from dicomgui.trace.inspection.user_information import Information, Place, compare_information, role_text
from dicomgui.trace.store import Entry, TraceStore

__all__ = ["AgreedContext", "ContextRow", "Negotiation", "Place", "contexts_of", "negotiation"]

MAX_ROWS = 256
"""How far into the records of an association its negotiation is looked for."""

_ITEMS = 74  # PS3.8 table 9-11: offset of the variable items
_MAX_TRIES = 16
_Associate = TypeVar("_Associate", AssociateRQ, AssociateAC)


class AgreedContext(NamedTuple):
    """One presentation context as both sides know it.

    :ivar abstract_syntax: UID, empty where the trace lacks the proposal.
    :ivar transfer_syntax: UID of the accepted one, empty where it was not accepted or the trace lacks the answer.
    """

    context_id: int
    abstract_syntax: str
    transfer_syntax: str


@dataclass(frozen=True, slots=True)
class ContextRow:
    """One row of the table of contexts.

    :ivar context_id: 0 for what was needed and never proposed.
    :ivar abstract_syntax: UID, empty for an answer to what was never proposed.
    :ivar transfer_syntaxes: UIDs as proposed, in their order.
    :ivar result: of PS3.8 table 9-18, ``None`` where there is no answer.
    :ivar reason: the result in words, or why there is none.
    :ivar accepted_syntax: UID, empty unless accepted.
    :ivar role_asked: roles that the requestor asked for itself, empty for the usual one, SCU.
    :ivar role_granted: the answer to that, empty where there is none.
    :ivar needed_by: what went on it, or could not go.
    :ivar remarks: what is odd about it.
    :ivar asked: where the trace shows the proposal, ``None`` where it does not.
    :ivar answered: the same of the answer.
    """

    context_id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...] = ()
    result: int | None = None
    reason: str = ""
    accepted_syntax: str = ""
    role_asked: str = ""
    role_granted: str = ""
    needed_by: tuple[Need, ...] = ()
    remarks: tuple[str, ...] = ()
    asked: Place | None = None
    answered: Place | None = None

    @property
    def is_accepted(self) -> bool:
        """Whether it may be used."""
        return self.result == 0

    @property
    def is_missed(self) -> bool:
        """Whether something needed it and could not have it."""
        return not self.is_accepted and bool(self.needed_by)


@dataclass(frozen=True, slots=True)
class Negotiation:
    """The whole of it.

    :ivar association: its number.
    :ivar rows: the contexts in the order of the proposal; behind them what was never proposed.
    :ivar user_information: requested against accepted.
    :ivar remarks: what is wrong or missing, for people.
    """

    association: int
    rows: tuple[ContextRow, ...]
    user_information: tuple[Information, ...]
    remarks: tuple[str, ...] = ()


class _Side(NamedTuple):
    """One of the two PDUs, as far as it could be decoded."""

    seq: int
    pdu: AssociateRQ | AssociateAC
    root: Node
    fault: str


def contexts_of(store: TraceStore, association: int) -> dict[int, AgreedContext]:
    """The contexts of an association by their ids, as far as the trace shows the negotiation."""
    request, answer, _ = _sides(store, association)
    found: dict[int, AgreedContext] = {}
    if request is not None and isinstance(request.pdu, AssociateRQ):
        for asked in request.pdu.presentation_contexts:
            found.setdefault(asked.context_id, AgreedContext(asked.context_id, asked.abstract_syntax, ""))
    if answer is not None and isinstance(answer.pdu, AssociateAC):
        for context in answer.pdu.presentation_contexts:
            known = found.get(context.context_id, AgreedContext(context.context_id, "", ""))
            if context.is_accepted and not known.transfer_syntax:
                found[context.context_id] = known._replace(transfer_syntax=context.transfer_syntax)
    return found


def negotiation(store: TraceStore, association: int) -> Negotiation:
    """Compare what was asked on an association with what was answered. Reads all its records: not for the loop."""
    request, answer, rejection = _sides(store, association)
    needs = needs_of(store, association)
    asked = request.pdu if request is not None and isinstance(request.pdu, AssociateRQ) else None
    answered = answer.pdu if answer is not None and isinstance(answer.pdu, AssociateAC) else None
    without = "not answered" if answered is not None else "no answer in the trace"
    if rejection:
        without = "association rejected"
    rows = [*_proposed(asked, request, answered, answer, needs, without), *_never_proposed(asked, answered, answer)]
    rows += _unmet(rows, needs)
    information = compare_information(
        asked, request.seq if request else 0, request.root if request else None,
        answered, answer.seq if answer else 0, answer.root if answer else None,
    )  # fmt: skip
    return Negotiation(association, tuple(rows), information, tuple(_remarks(request, answer, rejection, needs)))


def _remarks(request: _Side | None, answer: _Side | None, rejection: str, needs: Needs) -> Iterator[str]:
    if request is None:
        yield "The trace has no A-ASSOCIATE-RQ of this association."
    elif request.fault:
        yield f"The A-ASSOCIATE-RQ is malformed: {request.fault}"
    if answer is not None and answer.fault:
        yield f"The A-ASSOCIATE-AC is malformed: {answer.fault}"
    if rejection:
        yield f"The association was {rejection}."
    elif answer is None and request is not None:
        yield "The trace has no answer to the A-ASSOCIATE-RQ."
    if needs.is_partial:
        yield "What needed which context is counted over the first records of the association alone."


# ------------------------------------------------------------------------------------------------------- the two PDUs


def _sides(store: TraceStore, association: int) -> tuple[_Side | None, _Side | None, str]:
    """A-ASSOCIATE-RQ, A-ASSOCIATE-AC, and the words of an A-ASSOCIATE-RJ."""
    request = answer = None
    rejection = ""
    for entry in store.of_association(association, 0, MAX_ROWS):
        record = entry.record
        if not isinstance(record, PduRecord):
            continue
        if record.pdu_type == PduType.ASSOCIATE_RQ:
            request = request or _side(entry, record, AssociateRQ)
        elif record.pdu_type == PduType.ASSOCIATE_AC:
            answer = answer or _side(entry, record, AssociateAC)
        elif record.pdu_type == PduType.ASSOCIATE_RJ:
            rejection = rejection or _rejection(record)
        elif request is not None and answer is not None:
            break
    return request, answer, rejection


def _data(record: PduRecord) -> bytes:
    return record.segments[0].data if record.segments and not record.segments[0].offset else b""


def _rejection(record: PduRecord) -> str:
    try:
        pdu = decode(_data(record))
    except RemoteProtocolError:
        return "rejected"
    return pdu.text if isinstance(pdu, AssociateRJ) else "rejected"


def _side(entry: Entry, record: PduRecord, kind: type[_Associate]) -> _Side | None:
    """Decode; of what is malformed the items before the fault."""
    pdu, fault = _decoded(_data(record), kind)
    return None if pdu is None else _Side(entry.seq, pdu, describe_pdu(record), fault)


def _decoded(data: bytes, kind: type[_Associate]) -> tuple[_Associate | None, str]:
    try:
        pdu = decode(data)
        return (pdu, "") if isinstance(pdu, kind) else (None, "")
    except RemoteProtocolError as error:
        fault = str(error)
    ends = [_ITEMS, *_item_ends(data)]
    for end in reversed(ends[-_MAX_TRIES:]):
        try:
            pdu = decode(data[:2] + (end - 6).to_bytes(4, "big") + data[6:end])
        except RemoteProtocolError:
            continue
        return (pdu, fault) if isinstance(pdu, kind) else (None, fault)
    return None, fault


def _item_ends(data: bytes) -> Iterator[int]:
    """Where the items end that are whole."""
    position = _ITEMS
    while position + 4 <= len(data):
        position += 4 + int.from_bytes(data[position + 2 : position + 4], "big")
        if position > len(data):
            return
        yield position


# --------------------------------------------------------------------------------------------------------------- rows


def _places(side: _Side | None) -> list[Place]:
    if side is None:
        return []
    return [
        Place(side.seq, node.offset, node.length)
        for node in side.root.children
        if node.label.startswith("Presentation context item")
    ]


def _by_id(pdu: AssociateAC | None, side: _Side | None) -> dict[int, tuple[PresentationContextAC, Place | None]]:
    found: dict[int, tuple[PresentationContextAC, Place | None]] = {}
    places = _places(side)
    for number, context in enumerate(pdu.presentation_contexts if pdu is not None else ()):
        found.setdefault(context.context_id, (context, places[number] if number < len(places) else None))
    return found


def _proposed(
    asked: AssociateRQ | None, request: _Side | None, answered: AssociateAC | None, answer: _Side | None,
    needs: Needs, without: str,
) -> Iterator[ContextRow]:  # fmt: skip
    if asked is None:
        return
    answers = _by_id(answered, answer)
    places = _places(request)
    roles = _roles(asked), _roles(answered)
    for number, context in enumerate(asked.presentation_contexts):
        place = places[number] if number < len(places) else None
        reply, where = answers.get(context.context_id, (None, None))
        yield _row(context, reply, place, where, needs, without, roles)


def _row(
    context: PresentationContextRQ, reply: PresentationContextAC | None, place: Place | None, where: Place | None,
    needs: Needs, without: str, roles: tuple[dict[str, str], dict[str, str]],
) -> ContextRow:  # fmt: skip
    result = reply.result if reply is not None else None
    accepted = reply.transfer_syntax if reply is not None and reply.is_accepted else ""
    needed = needs.on_context(context.context_id)
    if result != 0:
        needed += needs.refused(context.abstract_syntax, context.transfer_syntaxes)
    return ContextRow(
        context.context_id,
        context.abstract_syntax,
        context.transfer_syntaxes,
        result,
        describe_presentation_result(result) if result is not None else without,
        accepted,
        roles[0].get(context.abstract_syntax, ""),
        roles[1].get(context.abstract_syntax, ""),
        needed,
        tuple(_oddities(context, result, accepted)),
        place,
        where,
    )


def _oddities(context: PresentationContextRQ, result: int | None, accepted: str) -> Iterator[str]:
    if not context.context_id & 1:
        yield "its id is not odd"
    if result == 0 and not accepted:
        yield "accepted without a transfer syntax"
    elif accepted and accepted not in context.transfer_syntaxes:
        yield "accepted in a transfer syntax that was not proposed"


def _never_proposed(
    asked: AssociateRQ | None, answered: AssociateAC | None, answer: _Side | None
) -> Iterator[ContextRow]:
    """Answers that nobody asked for; all of them where the trace lacks the proposal."""
    proposed = {context.context_id for context in asked.presentation_contexts} if asked is not None else set()
    for context_id, (context, place) in _by_id(answered, answer).items():
        if context_id not in proposed:
            yield ContextRow(
                context_id, "", (), context.result, describe_presentation_result(context.result),
                context.transfer_syntax if context.is_accepted else "", answered=place,
                remarks=("never proposed",) if asked is not None else (),
            )  # fmt: skip


def _unmet(rows: Iterable[ContextRow], needs: Needs) -> list[ContextRow]:
    """What was needed and is in no row."""
    said = {need for row in rows for need in row.needed_by}
    return [
        ContextRow(0, need.abstract_syntax, need.transfer_syntaxes, None, "not proposed", needed_by=(need,))
        for need in needs.unmet
        if need not in said
    ]


def _roles(pdu: AssociateRQ | AssociateAC | None) -> dict[str, str]:
    information = pdu.user_information if pdu is not None else None
    return {role.sop_class_uid: role_text(role) for role in information.roles} if information is not None else {}
