"""Negotiation profiles: what an association is to be negotiated with, kept apart from the operation that needs it.

The same profile serves either side. A requestor proposes its contexts, in their order; an acceptor accepts these
abstract syntaxes with these transfer syntaxes, the first one of its own list that was proposed, and refuses all others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from dicomgui.network.association.contexts import MAX_CONTEXTS, ProposedContext
from dicomgui.network.association.extended import (
    ExtendedAnswer,
    QueryFlags,
    answer_extended,
    decode_extended,
    is_query_negotiation,
)
from dicomgui.network.association.negotiation import AcceptPolicy
from dicomgui.network.association.params import Implementation
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.pdu import SOPClassCommonExtendedNegotiation, SOPClassExtendedNegotiation

__all__ = ["NegotiationProfile"]


@dataclass(frozen=True, slots=True)
class NegotiationProfile:
    """The terms to propose, or to accept. Whatever it does not name stays as it would be without it.

    :ivar contexts: presentation contexts; without any, those that the operation or the services need. Their roles are
        those of the requestor, on either side.
    :ivar extended: SOP class extended negotiation (PS3.7 D.3.3.5): what a requestor asks for, an acceptor grants.
    :ivar common_extended: SOP class common extended negotiation (PS3.7 D.3.3.6), of the requestor only.
    :ivar accept_related: accept also the SOP classes that a requestor relates to these by common extended negotiation.
    :ivar async_ops: operations at a time that the requestor may invoke, and perform; 0 for no limit.
    :ivar max_pdu_length: what we advertise, in bytes; 0 for no limit.
    :ivar max_sent_pdu_length: send no longer PDUs, in bytes; 0 for what the peer takes.
    :ivar implementation: which software we say that we are.
    """

    contexts: tuple[ProposedContext, ...] = ()
    extended: tuple[SOPClassExtendedNegotiation, ...] = ()
    common_extended: tuple[SOPClassCommonExtendedNegotiation, ...] = ()
    accept_related: bool = False
    async_ops: tuple[int, int] | None = None
    max_pdu_length: int | None = None
    max_sent_pdu_length: int | None = None
    implementation: Implementation | None = None

    def proposed(self, usual: Sequence[ProposedContext] = ()) -> tuple[ProposedContext, ...]:
        """The contexts to propose where an operation would propose ``usual``.

        :raises ConfigurationError: the profile has more than one association can carry.
        """
        if len(self.contexts) > MAX_CONTEXTS:
            raise ConfigurationError(
                f"the negotiation profile has {len(self.contexts)} presentation contexts; an association carries "
                f"{MAX_CONTEXTS}",
                phase="configure",
                hint="It may be one for acceptors. Make a shorter one.",
            )
        return self.contexts or tuple(usual)

    def asked_for(
        self, contexts: Iterable[ProposedContext], usual: Iterable[SOPClassExtendedNegotiation] = ()
    ) -> tuple[SOPClassExtendedNegotiation, ...]:
        """The extended negotiation to ask for with ``contexts``: its own, and ``usual`` for other SOP classes."""
        proposed = {context.abstract_syntax for context in contexts}
        own = {item.sop_class_uid: item for item in self.extended}
        found = {item.sop_class_uid: item for item in usual} | own
        return tuple(item for uid, item in found.items() if uid in proposed)

    def told(self, contexts: Iterable[ProposedContext]) -> tuple[SOPClassCommonExtendedNegotiation, ...]:
        """The common extended negotiation to tell with ``contexts``."""
        proposed = {context.abstract_syntax for context in contexts}
        return tuple(item for item in self.common_extended if item.sop_class_uid in proposed)

    def accepting(self, policy: AcceptPolicy, performed: QueryFlags | None = None) -> AcceptPolicy:
        """``policy`` as the profile narrows it.

        :param performed: the extended negotiation of queries and retrievals that is performed: nothing else of it is
            granted. ``None`` grants what the profile says.
        """
        if self.accept_related:
            policy = replace(policy, accept_related=True)
        if self.async_ops is not None:
            policy = replace(policy, max_invoked=self.async_ops[0], max_performed=self.async_ops[1])
        if self.extended:
            policy = replace(policy, answer_extended=self._answer(policy.answer_extended, performed))
        if not self.contexts:
            return policy
        return replace(
            policy,
            abstract_syntaxes=frozenset(context.abstract_syntax for context in self.contexts),
            transfer_syntaxes_of=MappingProxyType(self._syntaxes()),
            prefer_ours=True,
            requestor_scp=self._providers(policy.requestor_scp),
        )

    def _syntaxes(self) -> dict[str, tuple[str, ...]]:
        """The transfer syntaxes of each abstract syntax, those of all its contexts in their order."""
        found: dict[str, dict[str, None]] = {}
        for context in self.contexts:
            found.setdefault(context.abstract_syntax, {}).update(dict.fromkeys(context.transfer_syntaxes))
        return {uid: tuple(syntaxes) for uid, syntaxes in found.items()}

    def _providers(self, usual: frozenset[str] | None) -> frozenset[str]:
        """The SOP classes of which the requestor may be the SCP: as its contexts say, or else as usual."""
        found = set()
        for context in self.contexts:
            uid = context.abstract_syntax
            may_be = context.scp_role is True if context.role is not None else usual is None or uid in usual
            if may_be:
                found.add(uid)
        return frozenset(found)

    def _answer(self, usual: ExtendedAnswer | None, performed: QueryFlags | None) -> ExtendedAnswer:
        own = {item.sop_class_uid: item for item in self.extended}
        limit = None if performed is None else answer_extended(performed)

        def answer(item: SOPClassExtendedNegotiation) -> bytes | None:
            ours = own.get(item.sop_class_uid)
            if ours is None:
                return None if usual is None else usual(item)
            known = decode_extended(ours)
            granted = ours.data if known is None else known.answer(item.data)
            if limit is None or not is_query_negotiation(item.sop_class_uid):
                return granted
            return limit(SOPClassExtendedNegotiation(item.sop_class_uid, granted))

        return answer
