"""Which contexts were refused, from what the trace is told."""

from __future__ import annotations

from helpers.instances import CT, EXPLICIT, IMPLICIT

from dicomgui.app.refused_contexts import RefusedContexts
from dicomgui.network.association.contexts import ProposedContext
from dicomgui.network.association.negotiation import AcceptPolicy, build_request, negotiate
from dicomgui.network.pdu import PduType
from dicomgui.network.tracing import CloseRecord, Direction, NoteRecord, PduRecord, Segment

REQUEST = build_request(
    called_ae_title="SCP",
    calling_ae_title="SCU",
    contexts=(ProposedContext(CT, (EXPLICIT,)), ProposedContext("1.2.3.4", (EXPLICIT, IMPLICIT))),
    max_pdu_length=16384,
)


def record(pdu: bytes, direction: Direction, association: int = 5) -> PduRecord:
    return PduRecord(association, 0.0, 0.0, direction, pdu[0], len(pdu), (Segment(0, pdu),), "")


def answer(*accepted: str) -> bytes:
    return negotiate(REQUEST, AcceptPolicy(abstract_syntaxes=frozenset(accepted)), 16384).encode()


def test_what_was_refused_is_told_once() -> None:
    seen = RefusedContexts()
    seen.take(NoteRecord(5, 0.0, 0.0, 20, "x"))
    seen.take(record(REQUEST.encode(), Direction.RECEIVED))
    seen.take(record(answer(CT), Direction.SENT))
    [refused] = seen.pop(5)
    assert (refused.sop_class_uid, refused.transfer_syntax_uids) == ("1.2.3.4", (EXPLICIT, IMPLICIT))
    assert "not supported" in refused.reason
    assert seen.pop(5) == ()


def test_nothing_is_told_where_all_was_accepted() -> None:
    seen = RefusedContexts()
    seen.take(record(REQUEST.encode(), Direction.RECEIVED))
    seen.take(record(answer(CT, "1.2.3.4"), Direction.SENT))
    assert seen.pop(5) == ()


def test_nothing_stays_of_a_connection_that_has_ended() -> None:
    seen = RefusedContexts()
    seen.take(record(REQUEST.encode(), Direction.RECEIVED))
    seen.take(CloseRecord(5, 0.0, 0.0, by_peer=True, error=""))
    seen.take(record(answer(CT), Direction.SENT))
    assert seen.pop(5) == ()
    assert not seen._requests


def test_bytes_that_are_no_association_are_let_go_by() -> None:
    seen = RefusedContexts()
    seen.take(record(REQUEST.encode()[:40], Direction.RECEIVED))
    seen.take(record(answer(CT), Direction.SENT))
    seen.take(record(bytes([PduType.ASSOCIATE_AC]) + bytes(20), Direction.SENT))
    assert seen.pop(5) == ()
