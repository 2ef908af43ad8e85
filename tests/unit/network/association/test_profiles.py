"""Contexts that a negotiation profile proposes, and the acceptance that it narrows."""

from __future__ import annotations

import pytest

from dicomgui.network.association.contexts import MAX_CONTEXTS, ProposedContext
from dicomgui.network.association.extended import QueryFlags
from dicomgui.network.association.negotiation import AcceptPolicy
from dicomgui.network.association.profiles import NegotiationProfile
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.pdu import SOPClassCommonExtendedNegotiation, SOPClassExtendedNegotiation

CT, MR, ECHO = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.1.1"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
IMPLICIT, EXPLICIT, JPEG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.50"
USUAL = (ProposedContext(ECHO, (IMPLICIT,)),)
CONTEXTS = (ProposedContext(CT, (JPEG, IMPLICIT), True, True), ProposedContext(CT, (EXPLICIT, IMPLICIT), True, True))


def test_an_empty_profile_changes_nothing() -> None:
    policy = AcceptPolicy()
    assert NegotiationProfile().proposed(USUAL) == USUAL
    assert NegotiationProfile().accepting(policy) == policy


def test_contexts_of_a_profile_take_the_place_of_those_of_the_operation() -> None:
    assert NegotiationProfile(CONTEXTS).proposed(USUAL) == CONTEXTS


def test_more_contexts_than_an_association_carries_are_not_proposed() -> None:
    profile = NegotiationProfile(CONTEXTS[:1] * (MAX_CONTEXTS + 1))
    with pytest.raises(ConfigurationError, match="129 presentation contexts"):
        profile.proposed()


def test_extended_negotiation_is_asked_for_where_its_class_is_proposed() -> None:
    own = SOPClassExtendedNegotiation(CT, b"\2\0\3\0\0\0")
    usual = (SOPClassExtendedNegotiation(CT, b"\0"), SOPClassExtendedNegotiation(FIND, b"\1"))
    profile = NegotiationProfile(extended=(own, SOPClassExtendedNegotiation(MR, b"\1")))
    proposed = [ProposedContext(uid, (IMPLICIT,)) for uid in (CT, FIND)]
    assert profile.asked_for(proposed, usual) == (own, usual[1])


def test_common_extended_negotiation_is_told_where_its_class_is_proposed() -> None:
    items = tuple(SOPClassCommonExtendedNegotiation(uid, "1.2.840.10008.4.2", ()) for uid in (CT, MR))
    assert NegotiationProfile(common_extended=items).told(CONTEXTS) == items[:1]


def test_an_acceptor_takes_the_syntaxes_of_all_contexts_of_a_class_in_their_order() -> None:
    policy = NegotiationProfile(CONTEXTS, async_ops=(3, 2), accept_related=True).accepting(AcceptPolicy())
    assert policy.abstract_syntaxes == {CT}
    assert dict(policy.transfer_syntaxes_of) == {CT: (JPEG, IMPLICIT, EXPLICIT)}
    assert (policy.max_invoked, policy.max_performed, policy.accept_related, policy.prefer_ours) == (3, 2, True, True)


@pytest.mark.parametrize(
    ("roles", "usual", "may_be"),
    [
        ((None, None), frozenset(), False),
        ((None, None), frozenset({CT}), True),
        ((None, None), None, True),
        ((True, False), frozenset({CT}), False),
        ((False, True), frozenset(), True),
    ],
)
def test_roles_of_a_profile_go_before_the_usual_ones(
    roles: tuple[bool | None, bool | None], usual: frozenset[str] | None, may_be: bool
) -> None:
    profile = NegotiationProfile((ProposedContext(CT, (IMPLICIT,), *roles),))
    policy = profile.accepting(AcceptPolicy(requestor_scp=usual))
    assert policy.requestor_scp == (frozenset({CT}) if may_be else frozenset())


def answered(profile: NegotiationProfile, uid: str, data: bytes, performed: QueryFlags | None = None) -> bytes | None:
    policy = profile.accepting(AcceptPolicy(answer_extended=None), performed)
    assert policy.answer_extended is not None
    return policy.answer_extended(SOPClassExtendedNegotiation(uid, data))


def test_extended_negotiation_that_is_not_in_the_profile_is_answered_as_usual() -> None:
    profile = NegotiationProfile(extended=(SOPClassExtendedNegotiation(CT, b"\2\0\3\0\0\0"),))
    assert answered(profile, MR, b"\1") is None
    usual = AcceptPolicy(answer_extended=lambda item: item.data[::-1])
    policy = profile.accepting(usual)
    assert policy.answer_extended is not None
    assert policy.answer_extended(SOPClassExtendedNegotiation(MR, b"\1\2")) == b"\2\1"


def test_extended_negotiation_is_granted_as_the_profile_says() -> None:
    data = b"\2\0\3\0\0\0"
    profile = NegotiationProfile(extended=(SOPClassExtendedNegotiation(CT, data),))
    assert answered(profile, CT, data) == data
    unknown = NegotiationProfile(extended=(SOPClassExtendedNegotiation("1.2.3", b"\7"),))
    assert answered(unknown, "1.2.3", b"\1") == b"\7"


def test_of_queries_only_what_is_performed_is_granted() -> None:
    profile = NegotiationProfile(extended=(SOPClassExtendedNegotiation(FIND, b"\1\0\1"),))
    assert answered(profile, FIND, b"\1\0\1") == b"\1\0\1"
    assert answered(profile, FIND, b"\1\0\1", QueryFlags(relational=True)) == b"\1\0\0"
    stored = NegotiationProfile(extended=(SOPClassExtendedNegotiation(CT, b"\2\0\3\0\0\0"),))
    assert answered(stored, CT, b"\2\0\3\0\0\0", QueryFlags()) == b"\2\0\3\0\0\0"
