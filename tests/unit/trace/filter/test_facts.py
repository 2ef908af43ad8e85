from __future__ import annotations

from helpers.exchanging import Talk, kept
from helpers.recordings import CT, EXPLICIT, IMPLICIT, JPEG_2000, Recording, associate_ac, associate_rq

from dicomgui.network.pdu import PresentationContextAC, PresentationContextRQ
from dicomgui.network.tracing import Direction, PduRecord, Role, Segment
from dicomgui.trace.filter.facts import AssociationFacts, ContextFact, context_facts

PROPOSED = (PresentationContextRQ(1, CT, (EXPLICIT, IMPLICIT)), PresentationContextRQ(3, CT, (JPEG_2000,)))


def test_contexts_with_their_answers() -> None:
    talk = Recording(1).connect().sent(associate_rq(*PROPOSED))
    talk.received(associate_ac(PresentationContextAC(1, 0, IMPLICIT), PresentationContextAC(3, 4, EXPLICIT)))
    assert context_facts(kept(talk), 1) == (
        ContextFact(1, CT, (EXPLICIT, IMPLICIT), 0, IMPLICIT),
        ContextFact(3, CT, (JPEG_2000,), 4, ""),
    )


def test_without_an_answer_there_is_no_result() -> None:
    store = kept(Recording(1).connect().sent(associate_rq(*PROPOSED)).rejected(1, 1, 7))
    assert [fact.result for fact in context_facts(store, 1)] == [-1, -1]


def test_what_cannot_be_decoded_has_no_contexts() -> None:
    broken = PduRecord(
        1, 0.0, 0.0, Direction.SENT, 1, 20, (Segment(0, b"\x01\x00\x00\x00\x00\x0e" + b"\xff" * 14),), ""
    )
    assert context_facts(kept(Recording(1).add(broken)), 1) == ()
    assert context_facts(kept(Recording(1).connect()), 1) == ()


def test_the_peer_is_the_other_side() -> None:
    for role, wanted in ((Role.REQUESTOR, "PACS"), (Role.ACCEPTOR, "ME")):
        store = kept(Talk(1, role=role).established())
        summary = store.association(1)
        assert summary is not None
        facts = AssociationFacts(store, summary)
        assert facts.peer_ae == wanted
        assert facts.contexts() is facts.contexts()
