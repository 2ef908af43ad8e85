"""What is asked of peers: a program that asks the same again and again makes, encodes and judges it once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from dicomgui.network.association.contexts import Negotiated, ProposedContext
from dicomgui.network.association.negotiation import build_request, conclude
from dicomgui.network.association.params import Implementation
from dicomgui.network.pdu import (
    AssociateAC,
    AssociateRQ,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityRQ,
)
from dicomgui.network.pdu.remembered import MOST_REMEMBERED, is_remembered
from dicomgui.network.tracing import Role

__all__ = ["Proposal", "propose"]


class Proposal:
    """An A-ASSOCIATE-RQ of ours, with its bytes and what the last answer to it came to.

    :ivar rq: the request.
    """

    __slots__ = ("_answered", "_encoded", "rq")

    def __init__(self, rq: AssociateRQ) -> None:
        self.rq = rq
        self._encoded = b""
        self._answered: tuple[AssociateAC, Negotiated] | None = None

    def encode(self) -> bytes:
        """The bytes of the request.

        :raises LocalProtocolError: a value does not fit its field.
        """
        self._encoded = self._encoded or self.rq.encode()
        return self._encoded

    def conclude(self, ac: AssociateAC) -> Negotiated:
        """What this answer amounts to, as :func:`~dicomgui.network.association.conclude` says."""
        answered = self._answered
        if answered is not None and answered[0] is ac:
            return answered[1]
        negotiated = conclude(self.rq, ac, Role.REQUESTOR)
        if is_remembered(ac):
            self._answered = ac, negotiated
        return negotiated


def propose(
    called_ae_title: str,
    calling_ae_title: str,
    contexts: tuple[ProposedContext, ...],
    *,
    max_pdu_length: int,
    async_ops: tuple[int, int],
    implementation: Implementation,
    user_identity: UserIdentityRQ | None = None,
    extended: Sequence[SOPClassExtendedNegotiation] = (),
    common_extended: Sequence[SOPClassCommonExtendedNegotiation] = (),
) -> Proposal:
    """The request that :func:`~dicomgui.network.association.build_request` makes of this.

    Plain requests are kept, some at a time. One that says who the user is lives no longer than its association.

    :param max_pdu_length: longest variable field of P-DATA-TF that we take, in bytes; 0 for no limit.
    :param async_ops: operations that we want to invoke and to perform at a time; 0 for no limit.
    :raises ConfigurationError: as there.
    """
    given = (called_ae_title, calling_ae_title, contexts, max_pdu_length, async_ops, implementation)
    if user_identity is None and not extended and not common_extended:
        return _plain(*given)
    return _make(*given, user_identity, extended, common_extended)


def _make(
    called_ae_title: str,
    calling_ae_title: str,
    contexts: tuple[ProposedContext, ...],
    max_pdu_length: int,
    async_ops: tuple[int, int],
    implementation: Implementation,
    user_identity: UserIdentityRQ | None = None,
    extended: Sequence[SOPClassExtendedNegotiation] = (),
    common_extended: Sequence[SOPClassCommonExtendedNegotiation] = (),
) -> Proposal:
    return Proposal(build_request(
        called_ae_title, calling_ae_title, contexts, max_pdu_length=max_pdu_length, max_invoked=async_ops[0],
        max_performed=async_ops[1], user_identity=user_identity, extended=extended, common_extended=common_extended,
        implementation=implementation,
    ))  # fmt: skip


_plain = lru_cache(maxsize=MOST_REMEMBERED)(_make)
