"""What a server answers to equal requests."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

import pytest
from helpers.playbook import CT, EXPLICIT, IMPLICIT, MR

from dicomgui.network.association import agreements as module
from dicomgui.network.association.agreements import Agreements
from dicomgui.network.association.contexts import ProposedContext
from dicomgui.network.association.negotiation import AcceptPolicy, build_request, conclude, negotiate
from dicomgui.network.association.params import OUR_IMPLEMENTATION
from dicomgui.network.pdu import (
    AssociateAC,
    AssociateRJ,
    AssociateRQ,
    SOPClassExtendedNegotiation,
    UserIdentityRQ,
    remembered,
)
from dicomgui.network.pdu.remembered import MOST_REMEMBERED, decode_again
from dicomgui.network.tracing import Role

POLICY = AcceptPolicy()
RELATIONAL = SOPClassExtendedNegotiation(CT, b"\x01")


@pytest.fixture(autouse=True)
def _from_nothing() -> Iterator[None]:
    remembered._known.clear()
    yield
    remembered._known.clear()


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[AssociateRQ]:
    """The requests that were negotiated, and not answered from memory."""
    judged: list[AssociateRQ] = []

    def negotiate_and_note(rq: AssociateRQ, *arguments: object, **named: object) -> AssociateAC | AssociateRJ:
        judged.append(rq)
        return negotiate(rq, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "negotiate", negotiate_and_note)
    return judged


def received(calling: str = "YOU", **more: object) -> AssociateRQ:
    contexts = [ProposedContext(CT, (EXPLICIT, IMPLICIT)), ProposedContext(MR, (IMPLICIT,))]
    rq = decode_again(build_request("ME", calling, contexts, **more).encode())  # type: ignore[arg-type]
    assert isinstance(rq, AssociateRQ)
    return rq


def agreeing() -> Agreements:
    return Agreements(16_384, OUR_IMPLEMENTATION)


def test_an_equal_request_is_negotiated_once_and_answered_as_it_would_be(judged: list[AssociateRQ]) -> None:
    agreements = agreeing()
    for _ in range(3):
        rq = received()
        answer = agreements.answer(rq, POLICY)
        expected = negotiate(rq, POLICY, 16_384)
        assert isinstance(expected, AssociateAC)
        assert isinstance(answer, AssociateAC)
        assert answer == expected
        assert agreements.encode(rq, answer) == expected.encode()
        assert agreements.conclude(rq, answer) == conclude(rq, expected, Role.ACCEPTOR)
    assert len(judged) == 1


def test_another_policy_is_asked_anew() -> None:
    agreements, rq = agreeing(), received()
    agreements.answer(rq, POLICY)
    narrow = agreements.answer(rq, AcceptPolicy(abstract_syntaxes=frozenset({MR})))
    assert isinstance(narrow, AssociateAC)
    assert [context.result for context in narrow.presentation_contexts] == [3, 0]
    assert [found.accepted is None for found in agreements.conclude(rq, narrow).contexts] == [True, False]
    wide = agreements.answer(rq, POLICY)
    assert isinstance(wide, AssociateAC)
    assert [context.result for context in wide.presentation_contexts] == [0, 0]


def test_an_answer_of_somebody_else_is_encoded_and_judged_as_it_is() -> None:
    agreements, rq = agreeing(), received()
    agreements.answer(rq, POLICY)
    other = negotiate(rq, AcceptPolicy(abstract_syntaxes=frozenset({MR})))
    assert isinstance(other, AssociateAC)
    assert agreements.encode(rq, other) == other.encode()
    assert agreements.conclude(rq, other) == conclude(rq, other, Role.ACCEPTOR)


@pytest.mark.parametrize(
    "policy",
    [
        AcceptPolicy(answer_extended=lambda item: item.data),
        AcceptPolicy(transfer_syntaxes_of={CT: (IMPLICIT,)}),
    ],
)
def test_a_policy_that_may_say_something_else_next_time_is_asked_each_time(
    judged: list[AssociateRQ], policy: AcceptPolicy
) -> None:
    agreements = agreeing()
    for _ in range(2):
        agreements.answer(received(extended=(RELATIONAL,)), policy)
    assert len(judged) == 2


def test_a_policy_of_data_alone_is_not_asked_again(judged: list[AssociateRQ]) -> None:
    agreements, policy = agreeing(), AcceptPolicy(transfer_syntaxes_of=MappingProxyType({CT: (IMPLICIT,)}))
    for _ in range(2):
        agreements.answer(received(), policy)
    assert len(judged) == 1


def test_a_user_is_checked_each_time(judged: list[AssociateRQ]) -> None:
    asked: list[bytes] = []

    def check(identity: UserIdentityRQ) -> bytes | None:
        asked.append(identity.primary)
        return b"" if len(asked) == 1 else None

    agreements, policy = agreeing(), AcceptPolicy(check_identity=check)
    answers = [
        agreements.answer(received(user_identity=UserIdentityRQ(2, 1, b"name", b"secret")), policy) for _ in range(2)
    ]
    assert [type(answer) for answer in answers] == [AssociateAC, AssociateRJ]
    assert len(judged) == len(asked) == 2
    assert not agreements._kept


def test_a_rejection_is_decided_each_time(judged: list[AssociateRQ]) -> None:
    agreements, policy = agreeing(), AcceptPolicy(calling_ae_titles=("SOMEBODY",))
    for _ in range(2):
        assert isinstance(agreements.answer(received(), policy), AssociateRJ)
    assert len(judged) == 2


def test_ever_new_requests_do_not_pile_up() -> None:
    agreements = agreeing()
    for number in range(3 * MOST_REMEMBERED):
        agreements.answer(received(f"YOU{number}"), POLICY)
        assert len(agreements._kept) <= MOST_REMEMBERED
