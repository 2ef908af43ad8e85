"""Requests of ours that are made once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from helpers.playbook import CT, EXPLICIT, IMPLICIT, MR

from dicomgui.network.association import proposals as module
from dicomgui.network.association.contexts import ProposedContext
from dicomgui.network.association.negotiation import AcceptPolicy, build_request, conclude, negotiate
from dicomgui.network.association.params import OUR_IMPLEMENTATION
from dicomgui.network.association.proposals import Proposal, propose
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.pdu import (
    AssociateAC,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityRQ,
)
from dicomgui.network.pdu.remembered import decode_again

CONTEXTS = (ProposedContext(CT, (EXPLICIT, IMPLICIT)), ProposedContext(MR, (IMPLICIT,)))


def asked(contexts: tuple[ProposedContext, ...] = CONTEXTS, **changes: Any) -> Proposal:
    given: dict[str, Any] = {"max_pdu_length": 16_384, "async_ops": (1, 1), "implementation": OUR_IMPLEMENTATION}
    return propose("YOU", "ME", contexts, **(given | changes))


def answered(proposal: Proposal, policy: AcceptPolicy) -> AssociateAC:
    answer = negotiate(proposal.rq, policy)
    assert isinstance(answer, AssociateAC)
    received = decode_again(answer.encode())
    assert isinstance(received, AssociateAC)
    return received


def test_the_same_is_made_once_and_is_what_build_request_makes() -> None:
    proposal = asked()
    assert asked(tuple(replace(context) for context in CONTEXTS)) is proposal
    assert proposal.rq == build_request("YOU", "ME", CONTEXTS, max_pdu_length=16_384)
    assert proposal.encode() == proposal.encode() == proposal.rq.encode()


@pytest.mark.parametrize(
    "changes",
    [
        {"max_pdu_length": 0},
        {"async_ops": (2, 1)},
        {"implementation": replace(OUR_IMPLEMENTATION, version_name="X")},
        {"contexts": CONTEXTS[:1]},
        {"contexts": CONTEXTS[::-1]},
    ],
)
def test_what_differs_is_another_request(changes: dict[str, Any]) -> None:
    other = asked(**changes)
    assert other.rq != asked().rq
    assert other.encode() == other.rq.encode()


@pytest.mark.parametrize(
    "changes",
    [
        {"user_identity": UserIdentityRQ(2, 1, b"name", b"secret")},
        {"extended": (SOPClassExtendedNegotiation(CT, b"\x01"),)},
        {"common_extended": (SOPClassCommonExtendedNegotiation(CT, "1.2.840.10008.4.2", (MR,)),)},
    ],
)
def test_what_is_not_plain_is_made_each_time(changes: dict[str, Any]) -> None:
    kept = module._plain.cache_info().currsize
    proposal = asked(**changes)
    assert asked(**changes) is not proposal
    assert asked(**changes).rq == proposal.rq == build_request("YOU", "ME", CONTEXTS, max_pdu_length=16_384, **changes)
    assert module._plain.cache_info().currsize == kept


def test_the_same_answer_is_judged_once_and_another_one_as_it_is() -> None:
    proposal = asked()
    all_of_it, little = AcceptPolicy(), AcceptPolicy(abstract_syntaxes=frozenset({MR}))
    for policy in (all_of_it, all_of_it, little, all_of_it):
        answer = answered(proposal, policy)
        assert proposal.conclude(answer) == conclude(proposal.rq, answer)
    answer = answered(proposal, all_of_it)
    assert proposal.conclude(answer) is proposal.conclude(answer)


def test_too_many_contexts_are_refused_each_time() -> None:
    for _ in range(2):
        with pytest.raises(ConfigurationError):
            asked(CONTEXTS * 65)
