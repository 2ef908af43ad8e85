"""Requests, answers and what both amount to, for every class of what can be asked, answered and got wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest
from helpers.playbook import CT, EXPLICIT, IMPLICIT, JPEG_LS, MR, PRIVATE, VERIFICATION
from hypothesis import given
from hypothesis import strategies as st

from dicomgui.network.association.contexts import NOT_ANSWERED, Negotiated, ProposedContext
from dicomgui.network.association.negotiation import (
    AcceptPolicy,
    build_request,
    check_request,
    conclude,
    negotiate,
    refuse_version,
)
from dicomgui.network.association.params import Implementation
from dicomgui.network.errors import ConfigurationError, RemoteProtocolError
from dicomgui.network.pdu import (
    ApplicationContext,
    AssociateAC,
    AssociateRJ,
    AssociateRQ,
    AsyncOperationsWindow,
    ImplementationClassUID,
    ImplementationVersionName,
    MaximumLength,
    PresentationContextAC,
    PresentationContextRQ,
    RoleSelection,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UnknownSubItem,
    UserIdentityAC,
    UserIdentityRQ,
    UserInfoItem,
    UserInformation,
    decode,
)
from dicomgui.network.tracing import Role
from dicomgui.network.uids import IMPLEMENTATION_CLASS_UID, implementation_version_name

IDENTITY = UserIdentityRQ(2, 1, b"name", b"secret")
RELATED = SOPClassCommonExtendedNegotiation(CT, "1.2.840.10008.4.2", (MR,))
RELATIONAL = SOPClassExtendedNegotiation(CT, b"\x01")


def asking(*contexts: PresentationContextRQ, info: tuple[UserInfoItem, ...] = (), **changes: object) -> AssociateRQ:
    """A request as another implementation would send it, read from its bytes."""
    items = (
        ApplicationContext(),
        *(contexts or (PresentationContextRQ(1, CT, (JPEG_LS, EXPLICIT, IMPLICIT)),)),
        UserInformation(
            (MaximumLength(16384), ImplementationClassUID("1.2.3"), ImplementationVersionName("PEER"), *info)
        ),
    )
    rq = replace(AssociateRQ("OURS", "THEIRS", items), **changes)
    decoded = decode(rq.encode())
    assert isinstance(decoded, AssociateRQ)
    return decoded


def accepted(rq: AssociateRQ, policy: AcceptPolicy | None = None, max_pdu_length: int = 131_072) -> AssociateAC:
    answer = negotiate(rq, policy or AcceptPolicy(), max_pdu_length)
    assert isinstance(answer, AssociateAC)
    decoded = decode(answer.encode())
    assert decoded == answer
    assert not answer.anomalies
    return answer


def information(pdu: AssociateRQ | AssociateAC) -> UserInformation:
    assert pdu.user_information is not None
    return pdu.user_information


def results(ac: AssociateAC) -> list[tuple[int, int, str]]:
    return [(c.context_id, c.result, c.transfer_syntax) for c in ac.presentation_contexts]


class TestBuildRequest:
    def test_the_ids_are_odd_and_in_order(self) -> None:
        rq = build_request("PACS", "ME", [ProposedContext(CT, (JPEG_LS,)), ProposedContext(CT, (EXPLICIT, PRIVATE))])
        assert [(c.context_id, c.abstract_syntax, c.transfer_syntaxes) for c in rq.presentation_contexts] == [
            (1, CT, (JPEG_LS,)),
            (3, CT, (EXPLICIT, PRIVATE)),
        ]
        assert (rq.called_ae, rq.calling_ae, rq.protocol_version) == ("PACS", "ME", 1)
        assert rq.application_context == "1.2.840.10008.3.1.1.1"
        check_request(rq)

    def test_only_what_is_asked_for_goes_into_user_information(self) -> None:
        info = information(build_request("PACS", "ME", [ProposedContext(CT, (EXPLICIT,))], max_pdu_length=0))
        assert info.sub_items == (
            MaximumLength(0),
            ImplementationClassUID(IMPLEMENTATION_CLASS_UID),
            ImplementationVersionName(implementation_version_name()),
        )

    def test_everything_that_can_be_asked_for_survives_the_wire(self) -> None:
        rq = build_request(
            "PACS",
            "ME",
            [ProposedContext(CT, (EXPLICIT,), scp_role=True), ProposedContext(CT, (IMPLICIT,))],
            max_invoked=0,
            max_performed=5,
            user_identity=IDENTITY,
            extended=[RELATIONAL],
            common_extended=[RELATED],
        )
        info = information(rq)
        assert decode(rq.encode()) == rq
        assert info.async_ops == AsyncOperationsWindow(0, 5)
        assert info.roles == (RoleSelection(CT, 1, 1),)
        assert (info.extended, info.common_extended, info.user_identity) == ((RELATIONAL,), (RELATED,), IDENTITY)

    def test_128_contexts_use_every_id(self) -> None:
        rq = build_request("PACS", "ME", [ProposedContext(CT, (EXPLICIT,))] * 128)
        assert [c.context_id for c in rq.presentation_contexts] == list(range(1, 256, 2))

    @pytest.mark.parametrize("count", [0, 129, 500])
    def test_no_context_or_too_many_are_refused(self, count: int) -> None:
        with pytest.raises(ConfigurationError, match=str(count)):
            build_request("PACS", "ME", [ProposedContext(CT, (EXPLICIT,))] * count)

    def test_roles_hold_for_a_sop_class_and_must_not_differ(self) -> None:
        same = ProposedContext(CT, (EXPLICIT,), scp_role=True)
        assert len(information(build_request("P", "M", [same, same])).roles) == 1
        with pytest.raises(ConfigurationError, match="different roles"):
            build_request("P", "M", [same, ProposedContext(CT, (IMPLICIT,), scu_role=True)])

    def test_who_we_are_may_be_something_else(self) -> None:
        contexts = [ProposedContext(CT, (EXPLICIT,))]
        info = information(build_request("P", "M", contexts, implementation=Implementation("1.2.3", "OTHER")))
        assert info.sub_items[1:] == (ImplementationClassUID("1.2.3"), ImplementationVersionName("OTHER"))
        info = information(build_request("P", "M", contexts, implementation=Implementation("1.2.3", "")))
        assert info.sub_items[1:] == (ImplementationClassUID("1.2.3"),)

    @pytest.mark.parametrize(("called", "calling"), [("", "ME"), ("PACS", "SEVENTEEN_LETTERS")])
    def test_unusable_titles_are_refused(self, called: str, calling: str) -> None:
        with pytest.raises(ConfigurationError):
            build_request(called, calling, [ProposedContext(CT, (EXPLICIT,))])


class TestCheckRequest:
    @pytest.mark.parametrize(
        ("ids", "problem"),
        [((), "no presentation context"), ((1, 2), "2 is even"), ((0,), "0 is even"), ((3, 3), "3 is repeated")],
    )
    def test_refuses(self, ids: tuple[int, ...], problem: str) -> None:
        rq = AssociateRQ("A", "B", tuple(PresentationContextRQ(number, CT, (EXPLICIT,)) for number in ids))
        with pytest.raises(RemoteProtocolError, match=problem) as caught:
            check_request(rq)
        assert (caught.value.pdu_type, caught.value.abort_reason) == (1, 6)

    @pytest.mark.parametrize(("version", "fine"), [(1, True), (3, True), (0xFFFF, True), (0, False), (2, False)])
    def test_version(self, version: int, fine: bool) -> None:
        rq = asking(protocol_version=version)
        assert refuse_version(rq) == (None if fine else AssociateRJ(1, 2, 2))
        assert isinstance(negotiate(rq, AcceptPolicy()), AssociateAC if fine else AssociateRJ)


class TestRejection:
    @pytest.mark.parametrize("items", [(), (ApplicationContext("1.2.840.10008.3.1.1.2"),), (ApplicationContext(""),)])
    def test_of_another_application_context(self, items: tuple[ApplicationContext, ...]) -> None:
        rq = AssociateRQ("OURS", "THEIRS", (*items, PresentationContextRQ(1, CT, (EXPLICIT,))))
        assert negotiate(rq, AcceptPolicy()) == AssociateRJ(1, 1, 2)

    def test_the_padding_of_the_application_context_does_not_count(self) -> None:
        rq = AssociateRQ("OURS", "THEIRS", (ApplicationContext("1.2.840.10008.3.1.1.1\0"),))
        assert isinstance(negotiate(rq, AcceptPolicy()), AssociateAC)

    @pytest.mark.parametrize("title", ["", "\0" * 16, "OTHER", "ours", "A\x1b[31m\\", "OURS\0\0"])
    def test_of_another_called_title_only_when_checked(self, title: str) -> None:
        rq = asking(called_ae_title=title)
        accepted(rq, AcceptPolicy(ae_title="OURS"))
        strict = negotiate(rq, AcceptPolicy(ae_title="OURS", check_called=True))
        if title.startswith("OURS"):
            assert isinstance(strict, AssociateAC)
        else:
            assert strict == AssociateRJ(1, 1, 7)

    @pytest.mark.parametrize(
        ("title", "patterns", "let_in"),
        [
            ("THEIRS", (), True),
            ("THEIRS", ("THEIRS",), True),
            ("THEIRS", ("OTHER", "TH?I*"), True),
            ("THEIRS", ("*",), True),
            ("THEIRS", ("theirs",), False),
            ("THEIRS", ("THEIR",), False),
            ("", (), True),
            ("", ("THEIRS",), False),
            ("\0\0", ("THEIRS",), False),
            (" THEIRS ", ("THEIRS",), True),
        ],
    )
    def test_of_a_calling_title_that_is_not_listed(self, title: str, patterns: tuple[str, ...], let_in: bool) -> None:
        answer = negotiate(asking(calling_ae_title=title), AcceptPolicy(calling_ae_titles=patterns))
        assert isinstance(answer, AssociateAC) if let_in else answer == AssociateRJ(1, 1, 3)

    def test_of_an_identity(self) -> None:
        policy = AcceptPolicy(check_identity=lambda identity: b"" if identity.secondary == b"secret" else None)
        assert isinstance(negotiate(asking(info=(IDENTITY,)), policy), AssociateAC)
        wrong = replace(IDENTITY, secondary=b"guess")
        assert negotiate(asking(info=(wrong,)), policy) == AssociateRJ(1, 1, 1)
        assert isinstance(negotiate(asking(), policy), AssociateAC)


class TestAnswer:
    def test_tells_who_we_are_not_who_they_are(self) -> None:
        info = information(accepted(asking(), max_pdu_length=65536))
        assert info.sub_items == (
            MaximumLength(65536),
            ImplementationClassUID(IMPLEMENTATION_CLASS_UID),
            ImplementationVersionName(implementation_version_name()),
        )

    def test_who_we_are_may_be_something_else(self) -> None:
        answer = negotiate(asking(), AcceptPolicy(), implementation=Implementation("1.2.3", ""))
        assert isinstance(answer, AssociateAC)
        assert information(answer).sub_items[1:] == (ImplementationClassUID("1.2.3"),)

    @pytest.mark.parametrize(
        ("accepts", "classes", "result"),
        [(True, {MR}, 0), (False, {MR}, 3), (True, {VERIFICATION}, 3), (True, None, 0)],
        ids=["related", "not wished", "related to something else", "any"],
    )
    def test_a_related_general_sop_class_will_do_where_that_is_wished(
        self, accepts: bool, classes: set[str] | None, result: int
    ) -> None:
        known = None if classes is None else frozenset(classes)
        policy = AcceptPolicy(abstract_syntaxes=known, accept_related=accepts)
        assert results(accepted(asking(info=(RELATED,)), policy))[0][1] == result

    def test_sends_titles_and_reserved_bytes_back(self) -> None:
        rq = asking(called_ae_title="\0weird", calling_ae_title=" X", reserved_body=bytes(range(32)))
        ac = accepted(rq)
        assert (ac.called_ae_title, ac.calling_ae_title, ac.reserved_body) == ("\0weird", " X", bytes(range(32)))

    def test_all_sub_items_that_were_asked_for(self) -> None:
        policy = AcceptPolicy(
            requestor_scp=frozenset({CT}),
            max_invoked=4,
            max_performed=0,
            answer_extended=lambda item: item.data + b"\x02",
            check_identity=lambda identity: b"ticket",
        )
        asked = (AsyncOperationsWindow(8, 2), RoleSelection(CT, 1, 1), RELATIONAL, RELATED, IDENTITY)
        info = information(accepted(asking(info=asked), policy))
        assert [item.ITEM_TYPE for item in info.sub_items if not isinstance(item, UnknownSubItem)] == [
            0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x59,
        ]  # fmt: skip
        assert info.async_ops == AsyncOperationsWindow(4, 2)
        assert info.roles == (RoleSelection(CT, 1, 1),)
        assert info.extended == (SOPClassExtendedNegotiation(CT, b"\x01\x02"),)
        assert info.user_identity_response == UserIdentityAC(b"ticket")

    def test_unknown_sub_items_are_ignored(self) -> None:
        assert accepted(asking(info=(UnknownSubItem(0x5F, b"?"), UnknownSubItem(0, b"")))) == accepted(asking())

    def test_without_user_information_it_is_accepted(self) -> None:
        rq = AssociateRQ("A", "B", (ApplicationContext(), PresentationContextRQ(1, CT, (EXPLICIT,))))
        assert results(accepted(rq)) == [(1, 0, EXPLICIT)]

    def test_a_window_is_one_to_one_unless_we_allow_more(self) -> None:
        for asked in ((0, 0), (1, 1), (9, 9)):
            info = information(accepted(asking(info=(AsyncOperationsWindow(*asked),))))
            assert info.async_ops == AsyncOperationsWindow(1, 1)

    @pytest.mark.parametrize(
        ("asked", "ours", "agreed"), [(0, 0, 0), (0, 5, 5), (5, 0, 5), (5, 3, 3), (3, 5, 3), (1, 1, 1)]
    )
    def test_zero_is_no_limit_of_a_window(self, asked: int, ours: int, agreed: int) -> None:
        policy = AcceptPolicy(max_invoked=ours, max_performed=ours)
        info = information(accepted(asking(info=(AsyncOperationsWindow(asked, asked),)), policy))
        assert info.async_ops == AsyncOperationsWindow(agreed, agreed)

    def test_an_identity_is_answered_only_when_a_response_is_wanted_and_we_check(self) -> None:
        silent = replace(IDENTITY, positive_response=0)
        checking = AcceptPolicy(check_identity=lambda identity: b"ok")
        assert information(accepted(asking(info=(silent,)), checking)).user_identity_response is None
        assert information(accepted(asking(info=(IDENTITY,)))).user_identity_response is None

    def test_extended_negotiation_is_answered_only_for_accepted_classes_and_if_there_is_an_answer(self) -> None:
        asked = (RELATIONAL, SOPClassExtendedNegotiation(MR, b"x"), SOPClassExtendedNegotiation(VERIFICATION, b"y"))
        rq = asking(PresentationContextRQ(1, CT, (EXPLICIT,)), PresentationContextRQ(3, MR, (EXPLICIT,)), info=asked)
        policy = AcceptPolicy(answer_extended=lambda item: None if item.sop_class_uid == MR else b"ok")
        assert information(accepted(rq, policy)).extended == (SOPClassExtendedNegotiation(CT, b"ok"),)


class TestRoles:
    @pytest.mark.parametrize(
        ("asked", "allowed", "answer", "result"),
        [
            ((1, 0), False, (1, 0), 0),
            ((1, 1), False, (1, 0), 0),
            ((1, 1), True, (1, 1), 0),
            ((0, 1), True, (0, 1), 0),
            ((0, 1), False, None, 1),
            ((0, 0), True, None, 1),
            ((2, 7), True, None, 1),
        ],
    )
    def test_the_answer_is_the_lesser_of_asked_and_allowed(
        self, asked: tuple[int, int], allowed: bool, answer: tuple[int, int] | None, result: int
    ) -> None:
        rq = asking(info=(RoleSelection(CT, *asked),))
        for scp_for in [frozenset({CT}), None] if allowed else [frozenset({MR}), frozenset()]:
            ac = accepted(rq, AcceptPolicy(requestor_scp=scp_for))
            assert [(r.scu, r.scp) for r in information(ac).roles] == ([] if answer is None else [answer])
            assert ac.presentation_contexts[0].result == result

    def test_are_answered_only_if_asked(self) -> None:
        assert information(accepted(asking(), AcceptPolicy(requestor_scp=None))).roles == ()

    def test_the_first_counts_where_they_are_repeated(self) -> None:
        rq = asking(info=(RoleSelection(CT, 1, 0), RoleSelection(CT, 0, 1)))
        assert information(accepted(rq, AcceptPolicy(requestor_scp=None))).roles == (RoleSelection(CT, 1, 0),)

    @pytest.mark.parametrize(
        ("asked", "ours"), [((1, 1), (True, True)), ((0, 1), (True, False)), ((1, 0), (False, True))]
    )
    def test_both_ends_see_their_side(self, asked: tuple[int, int], ours: tuple[bool, bool]) -> None:
        rq = asking(info=(RoleSelection(CT, *asked),))
        ac = accepted(rq, AcceptPolicy(requestor_scp=None))
        [acceptor] = conclude(rq, ac, Role.ACCEPTOR).accepted
        [requestor] = conclude(rq, ac).accepted
        assert (acceptor.as_scu, acceptor.as_scp) == ours
        assert (requestor.as_scp, requestor.as_scu) == ours


class TestContexts:
    def test_any_syntax_is_taken_in_their_order_private_ones_too(self) -> None:
        rq = asking(PresentationContextRQ(1, CT, (PRIVATE, EXPLICIT)), PresentationContextRQ(3, "1.2.3.4", (JPEG_LS,)))
        assert results(accepted(rq)) == [(1, 0, PRIVATE), (3, 0, JPEG_LS)]

    @pytest.mark.parametrize(
        ("ours", "prefer_ours", "chosen"),
        [
            ((IMPLICIT, EXPLICIT), False, EXPLICIT),
            ((IMPLICIT, EXPLICIT), True, IMPLICIT),
            ((PRIVATE, IMPLICIT), True, IMPLICIT),
            (None, True, JPEG_LS),
        ],
    )
    def test_the_order_of_preference(self, ours: tuple[str, ...] | None, prefer_ours: bool, chosen: str) -> None:
        policy = AcceptPolicy(transfer_syntaxes=ours, prefer_ours=prefer_ours)
        assert results(accepted(asking(), policy)) == [(1, 0, chosen)]

    def test_single_classes_may_have_syntaxes_of_their_own(self) -> None:
        rq = asking(*(PresentationContextRQ(n, uid, (JPEG_LS, IMPLICIT)) for n, uid in ((1, CT), (3, VERIFICATION))))
        policy = AcceptPolicy(transfer_syntaxes_of={VERIFICATION: (IMPLICIT,)})
        assert results(accepted(rq, policy)) == [(1, 0, JPEG_LS), (3, 0, IMPLICIT)]

    def test_what_is_not_supported_is_refused_alone(self) -> None:
        rq = asking(
            PresentationContextRQ(1, CT, (EXPLICIT,)),
            PresentationContextRQ(3, MR, (EXPLICIT,)),
            PresentationContextRQ(5, CT, (PRIVATE, JPEG_LS)),
        )
        policy = AcceptPolicy(abstract_syntaxes=frozenset({CT}), transfer_syntaxes=(EXPLICIT, IMPLICIT))
        assert results(accepted(rq, policy)) == [(1, 0, EXPLICIT), (3, 3, EXPLICIT), (5, 4, PRIVATE)]

    @pytest.mark.parametrize("uid", ["1.2.x", "../../etc/passwd", "1." * 33 + "1", "1..2", "é", "1.2\n3"])
    def test_garbage_instead_of_a_uid_is_never_accepted(self, uid: str) -> None:
        rq = asking(
            PresentationContextRQ(1, uid, (EXPLICIT,)),
            PresentationContextRQ(3, CT, (uid, EXPLICIT)),
            PresentationContextRQ(5, CT, (uid,)),
        )
        assert results(accepted(rq)) == [(1, 3, EXPLICIT), (3, 0, EXPLICIT), (5, 4, IMPLICIT)]

    def test_a_context_without_syntaxes_is_refused_alone(self) -> None:
        rq = asking(
            PresentationContextRQ(1, sub_items=()),
            PresentationContextRQ(3, CT, ()),
            PresentationContextRQ(5, CT, (EXPLICIT,)),
        )
        assert results(accepted(rq)) == [(1, 3, IMPLICIT), (3, 4, IMPLICIT), (5, 0, EXPLICIT)]

    def test_padding_of_uids_does_not_count(self) -> None:
        rq = asking(PresentationContextRQ(1, CT + "\0", (EXPLICIT + " ",)))
        policy = AcceptPolicy(abstract_syntaxes=frozenset({CT}), transfer_syntaxes=(EXPLICIT,))
        assert results(accepted(rq, policy)) == [(1, 0, EXPLICIT)]

    def test_500_transfer_syntaxes_are_searched(self) -> None:
        many = tuple(f"1.2.3.{number}" for number in range(500))
        rq = asking(PresentationContextRQ(1, CT, (*many, IMPLICIT)))
        assert results(accepted(rq, AcceptPolicy(transfer_syntaxes=(IMPLICIT,)))) == [(1, 0, IMPLICIT)]

    def test_128_contexts_are_all_answered(self) -> None:
        rq = build_request("A", "B", [ProposedContext(CT, (EXPLICIT,))] * 128)
        assert [r[:2] for r in results(accepted(rq))] == [(number, 0) for number in range(1, 256, 2)]


def conclusion(
    *contexts: PresentationContextAC, info: tuple[UserInfoItem, ...] = (), rq: AssociateRQ | None = None
) -> Negotiated:
    """What a requestor makes of an answer with these contexts and sub-items."""
    items = (ApplicationContext(), *contexts, UserInformation((MaximumLength(16384), *info)))
    decoded = decode(AssociateAC("PACS", "ME", items).encode())
    assert isinstance(decoded, AssociateAC)
    return conclude(rq or PROPOSAL, decoded)


PROPOSAL = build_request(
    "PACS",
    "ME",
    [ProposedContext(CT, (EXPLICIT, IMPLICIT)), ProposedContext(CT, (JPEG_LS,)), ProposedContext(MR, (EXPLICIT,))],
)
ALL = (
    PresentationContextAC(1, 0, IMPLICIT),
    PresentationContextAC(3, 0, JPEG_LS),
    PresentationContextAC(5, 0, EXPLICIT),
)


class TestConclude:
    def test_the_good_case(self) -> None:
        negotiated = conclusion(*ALL, info=(ImplementationClassUID("1.2.3"), ImplementationVersionName("PEER")))
        assert [(c.context_id, c.transfer_syntax, c.as_scu, c.as_scp) for c in negotiated.accepted] == [
            (1, IMPLICIT, True, False),
            (3, JPEG_LS, True, False),
            (5, EXPLICIT, True, False),
        ]
        assert [c.accepted for c in negotiated.contexts] == list(negotiated.accepted)
        assert (negotiated.called_ae_title, negotiated.calling_ae_title) == ("PACS", "ME")
        assert (negotiated.peer_max_pdu_length, negotiated.max_invoked, negotiated.max_performed) == (16384, 1, 1)
        assert (negotiated.peer_implementation_class_uid, negotiated.peer_version_name) == ("1.2.3", "PEER")
        assert negotiated.anomalies == ()

    def test_the_context_of_a_file_is_found_by_class_and_syntax(self) -> None:
        found = conclusion(*ALL).find(CT, JPEG_LS)
        assert found is not None
        assert found.context_id == 3

    def test_the_syntax_of_a_refused_context_is_not_looked_at(self) -> None:
        negotiated = conclusion(PresentationContextAC(1, 4, PRIVATE), PresentationContextAC(3, 1, ""), ALL[2])
        assert [(c.result, c.accepted is not None) for c in negotiated.contexts] == [(4, False), (1, False), (0, True)]
        assert negotiated.anomalies == ()

    def test_contexts_that_are_not_answered_are_not_accepted(self) -> None:
        negotiated = conclusion(ALL[1])
        assert [c.result for c in negotiated.contexts] == [NOT_ANSWERED, 0, NOT_ANSWERED]
        assert [c.context_id for c in negotiated.accepted] == [3]

    @pytest.mark.parametrize("number", [0, 2, 7, 255])
    def test_contexts_never_proposed_are_ignored(self, number: int) -> None:
        negotiated = conclusion(*ALL, PresentationContextAC(number, 0, EXPLICIT))
        assert [c.context_id for c in negotiated.accepted] == [1, 3, 5]
        assert any(f"context {number} was answered but never proposed" in note for note in negotiated.anomalies)

    def test_a_syntax_that_was_not_proposed_makes_the_context_unusable(self) -> None:
        negotiated = conclusion(PresentationContextAC(1, 0, JPEG_LS), PresentationContextAC(3, 0, ""), ALL[2])
        assert [c.context_id for c in negotiated.accepted] == [5]
        assert [c.result for c in negotiated.contexts] == [0, 0, 0]
        assert sum("was not proposed" in note for note in negotiated.anomalies) == 2

    def test_the_padding_of_a_syntax_does_not_count(self) -> None:
        [context] = conclusion(PresentationContextAC(3, 0, JPEG_LS + "\0")).accepted
        assert context.transfer_syntax == JPEG_LS

    def test_two_answers_must_agree(self) -> None:
        same = conclusion(ALL[0], ALL[0])
        assert [c.context_id for c in same.accepted] == [1]
        differing = conclusion(ALL[0], PresentationContextAC(1, 0, EXPLICIT), ALL[0])
        assert differing.accepted == ()
        assert any("answered twice and differently" in note for note in differing.anomalies)

    def test_roles(self) -> None:
        rq = build_request("P", "M", [ProposedContext(CT, (EXPLICIT,), scp_role=True)])

        def roles(*info: UserInfoItem) -> tuple[bool, bool]:
            [context] = conclusion(PresentationContextAC(1, 0, EXPLICIT), info=info, rq=rq).accepted
            return context.as_scu, context.as_scp

        assert roles(RoleSelection(CT, 1, 1)) == (True, True)
        assert roles(RoleSelection(CT, 0, 1)) == (False, True)
        assert roles(RoleSelection(CT, 1, 0), RoleSelection(CT, 1, 1)) == (True, False)
        assert roles() == (True, False)

    def test_roles_that_were_not_asked_for_are_not_taken(self) -> None:
        rq = build_request("P", "M", [ProposedContext(CT, (EXPLICIT,), scu_role=True)])
        negotiated = conclusion(
            PresentationContextAC(1, 0, EXPLICIT), info=(RoleSelection(CT, 1, 1), RoleSelection(MR, 1, 1)), rq=rq
        )
        assert not negotiated.accepted[0].as_scp
        assert len(negotiated.anomalies) == 2

    @pytest.mark.parametrize(
        ("asked", "answer", "agreed"),
        [
            ((1, 1), None, (1, 1)),
            ((1, 1), (5, 5), (1, 1)),
            ((8, 4), None, (1, 1)),
            ((8, 4), (2, 1), (2, 1)),
            ((8, 4), (20, 0), (8, 4)),
            ((0, 0), (0, 3), (0, 3)),
        ],
    )
    def test_window(self, asked: tuple[int, int], answer: tuple[int, int] | None, agreed: tuple[int, int]) -> None:
        rq = build_request("P", "M", [ProposedContext(CT, (EXPLICIT,))], max_invoked=asked[0], max_performed=asked[1])
        info = () if answer is None else (AsyncOperationsWindow(*answer),)
        negotiated = conclusion(PresentationContextAC(1, 0, EXPLICIT), info=info, rq=rq)
        assert (negotiated.max_invoked, negotiated.max_performed) == agreed
        assert bool(negotiated.anomalies) == (asked == (1, 1) and answer is not None)

    def test_the_acceptor_sees_the_window_from_the_other_side(self) -> None:
        rq = asking(info=(AsyncOperationsWindow(8, 3),))
        negotiated = conclude(rq, accepted(rq, AcceptPolicy(max_invoked=0, max_performed=0)), Role.ACCEPTOR)
        assert (negotiated.max_invoked, negotiated.max_performed) == (3, 8)

    def test_the_acceptor_sees_the_requestors_facts(self) -> None:
        rq = asking(info=(IDENTITY, RELATED), calling_ae_title="")
        policy = AcceptPolicy(check_identity=lambda identity: b"ok")
        negotiated = conclude(rq, accepted(rq, policy), Role.ACCEPTOR)
        assert (negotiated.peer_version_name, negotiated.peer_implementation_class_uid) == ("PEER", "1.2.3")
        assert (negotiated.user_identity, negotiated.identity_response) == (IDENTITY, b"ok")
        assert negotiated.common_extended == (RELATED,)
        assert negotiated.anomalies == ("the calling AE title is empty",)

    @pytest.mark.parametrize(
        ("length", "taken", "noted"), [(None, 16384, True), (0, 0, False), (1, 1, True), (7, 7, True), (8, 8, False)]
    )
    def test_maximum_length_of_the_peer(self, length: int | None, taken: int, noted: bool) -> None:
        info = UserInformation(() if length is None else (MaximumLength(length),))
        negotiated = conclude(PROPOSAL, AssociateAC("P", "M", (ApplicationContext(), *ALL, info)))
        assert negotiated.peer_max_pdu_length == taken
        assert bool(negotiated.anomalies) == noted

    def test_an_answer_without_user_information_can_be_used(self) -> None:
        negotiated = conclude(PROPOSAL, AssociateAC("P", "M", ALL))
        assert len(negotiated.accepted) == 3
        assert negotiated.peer_max_pdu_length == 16384

    def test_extended_negotiation_and_identity_response_are_handed_on(self) -> None:
        negotiated = conclusion(*ALL, info=(RELATIONAL, UserIdentityAC(b"ticket")))
        assert (negotiated.extended, negotiated.identity_response) == ((RELATIONAL,), b"ticket")


UIDS = st.sampled_from([CT, MR, VERIFICATION, PRIVATE, "garbage", ""])
SYNTAXES = st.lists(st.sampled_from([EXPLICIT, IMPLICIT, JPEG_LS, PRIVATE, "garbage"]), max_size=5).map(tuple)


@given(
    offered=st.lists(st.tuples(UIDS, SYNTAXES), min_size=1, max_size=128),
    abstract=st.none() | st.frozensets(UIDS),
    transfer=st.none() | SYNTAXES,
    prefer_ours=st.booleans(),
    roles=st.lists(st.builds(RoleSelection, UIDS, st.integers(0, 2), st.integers(0, 2)), max_size=4),
    requestor_scp=st.none() | st.frozensets(UIDS),
)
def test_whatever_is_offered_the_answer_fits_and_both_ends_agree(
    offered: list[tuple[str, tuple[str, ...]]],
    abstract: frozenset[str] | None,
    transfer: tuple[str, ...] | None,
    prefer_ours: bool,
    roles: list[RoleSelection],
    requestor_scp: frozenset[str] | None,
) -> None:
    contexts = (PresentationContextRQ(2 * n + 1, uid, syntaxes) for n, (uid, syntaxes) in enumerate(offered))
    rq = AssociateRQ("A", "B", (ApplicationContext(), *contexts, UserInformation((MaximumLength(0), *roles))))
    policy = AcceptPolicy(
        abstract_syntaxes=abstract, transfer_syntaxes=transfer, prefer_ours=prefer_ours, requestor_scp=requestor_scp
    )
    ac = accepted(rq, policy)
    assert [c.context_id for c in ac.presentation_contexts] == [c.context_id for c in rq.presentation_contexts]
    ours, theirs = conclude(rq, ac, Role.ACCEPTOR), conclude(rq, ac)
    assert [c.result for c in ours.contexts] == [c.result for c in theirs.contexts]
    assert theirs.anomalies == ()
    for mine, yours in zip(ours.accepted, theirs.accepted, strict=True):
        assert (mine.context_id, mine.transfer_syntax) == (yours.context_id, yours.transfer_syntax)
        assert (mine.as_scu, mine.as_scp) == (yours.as_scp, yours.as_scu)
        assert mine.as_scu or mine.as_scp
        assert mine.transfer_syntax in offered[mine.context_id // 2][1]
        assert transfer is None or mine.transfer_syntax in transfer
        assert "garbage" not in (mine.transfer_syntax, mine.abstract_syntax)
