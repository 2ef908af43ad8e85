"""Proposals and results as values."""

from __future__ import annotations

import pytest
from helpers.playbook import CT, EXPLICIT, IMPLICIT, JPEG_LS, MR, VERIFICATION

from dicomgui.network.association.contexts import (
    MAX_CONTEXTS,
    NOT_ANSWERED,
    AcceptedContext,
    ContextResult,
    Negotiated,
    ProposedContext,
    split_contexts,
)
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.pdu import RoleSelection
from dicomgui.network.tracing import Role


class TestProposedContext:
    @pytest.mark.parametrize(
        ("abstract", "transfer"),
        [(CT, ()), ("", (IMPLICIT,)), ("1.2.x", (IMPLICIT,)), (CT, ("1." * 40 + "1",)), (CT, (IMPLICIT, "../etc"))],
    )
    def test_what_cannot_be_proposed_is_refused(self, abstract: str, transfer: tuple[str, ...]) -> None:
        with pytest.raises(ConfigurationError):
            ProposedContext(abstract, transfer)

    @pytest.mark.parametrize(
        ("scu", "scp", "role"),
        [
            (None, None, None),
            (True, None, (1, 0)),
            (None, True, (1, 1)),
            (False, True, (0, 1)),
            (False, None, (0, 0)),
        ],
    )
    def test_roles(self, scu: bool | None, scp: bool | None, role: tuple[int, int] | None) -> None:
        expected = None if role is None else RoleSelection(CT, *role)
        assert ProposedContext(CT, (IMPLICIT,), scu, scp).role == expected


def test_more_than_128_contexts_are_split_in_order() -> None:
    contexts = [ProposedContext(f"1.2.{number}", (IMPLICIT,)) for number in range(300)]
    groups = split_contexts(contexts)
    assert [len(group) for group in groups] == [MAX_CONTEXTS, MAX_CONTEXTS, 44]
    assert [context for group in groups for context in group] == contexts
    assert split_contexts(contexts[:128]) == (tuple(contexts[:128]),)
    assert split_contexts([]) == ()


def test_the_result_of_a_context_in_words() -> None:
    def text(result: int) -> str:
        return ContextResult(1, CT, (IMPLICIT,), result).text

    assert text(NOT_ANSWERED) == "not answered"
    assert text(4) == "transfer syntaxes not supported"
    assert "77" in text(77)


class TestFind:
    CONTEXTS = (
        AcceptedContext(1, CT, EXPLICIT, as_scu=True, as_scp=False),
        AcceptedContext(3, CT, JPEG_LS, as_scu=True, as_scp=True),
        AcceptedContext(5, MR, IMPLICIT, as_scu=False, as_scp=True),
    )
    NEGOTIATED = Negotiated(Role.REQUESTOR, "A", "B", (), CONTEXTS, 0)

    @pytest.mark.parametrize(
        ("sop_class", "syntax", "as_scp", "found"),
        [
            (CT, None, False, 1),
            (CT, EXPLICIT, False, 1),
            (CT, JPEG_LS, False, 3),
            (CT, IMPLICIT, False, None),
            (CT, None, True, 3),
            (CT, EXPLICIT, True, None),
            (MR, IMPLICIT, False, None),
            (MR, IMPLICIT, True, 5),
            (VERIFICATION, None, False, None),
        ],
    )
    def test_by_class_syntax_and_role(
        self, sop_class: str, syntax: str | None, as_scp: bool, found: int | None
    ) -> None:
        context = self.NEGOTIATED.find(sop_class, syntax, as_scp=as_scp)
        assert (context and context.context_id) == found
