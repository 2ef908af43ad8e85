"""What equal requests came to: a server negotiates the same request under the same policy once.

"The same" is meant literally, as one object: :func:`~dicomgui.network.pdu.remembered.decode_again` gives one for the
same bytes, and policies do not change.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from dicomgui.network.association.contexts import Negotiated
from dicomgui.network.association.negotiation import AcceptPolicy, conclude, negotiate
from dicomgui.network.association.params import Implementation
from dicomgui.network.pdu import AssociateAC, AssociateRJ, AssociateRQ
from dicomgui.network.pdu.remembered import MOST_REMEMBERED, is_remembered
from dicomgui.network.tracing import Role

__all__ = ["Agreements"]


@dataclass(frozen=True, slots=True)
class _Agreement:
    rq: AssociateRQ
    policy: AcceptPolicy
    answer: AssociateAC
    encoded: bytes
    negotiated: Negotiated


class Agreements:
    """Answers the requests that come to one server.

    :param max_pdu_length: longest variable field of P-DATA-TF that we take, in bytes; 0 for no limit.
    :param implementation: which software we say that we are.
    """

    def __init__(self, max_pdu_length: int, implementation: Implementation) -> None:
        self._max_pdu_length = max_pdu_length
        self._implementation = implementation
        self._kept: dict[int, _Agreement] = {}  # by the identity of the request

    def answer(self, rq: AssociateRQ, policy: AcceptPolicy) -> AssociateAC | AssociateRJ:
        """The answer to a request, as :func:`~dicomgui.network.association.negotiate` gives it."""
        kept = self._kept.get(id(rq))
        if kept is not None and kept.rq is rq and kept.policy is policy:
            return kept.answer
        answer = negotiate(rq, policy, self._max_pdu_length, implementation=self._implementation)
        if isinstance(answer, AssociateAC) and _is_lasting(policy) and is_remembered(rq):
            if len(self._kept) >= MOST_REMEMBERED:
                self._kept.clear()
            negotiated = conclude(rq, answer, Role.ACCEPTOR)
            self._kept[id(rq)] = _Agreement(rq, policy, answer, answer.encode(), negotiated)
        return answer

    def encode(self, rq: AssociateRQ, answer: AssociateAC) -> bytes:
        """The bytes of an answer to this request.

        :raises LocalProtocolError: a value does not fit its field.
        """
        kept = self._kept.get(id(rq))
        return kept.encoded if kept is not None and kept.answer is answer else answer.encode()

    def conclude(self, rq: AssociateRQ, answer: AssociateAC) -> Negotiated:
        """What request and answer amount to for us."""
        kept = self._kept.get(id(rq))
        if kept is not None and kept.rq is rq and kept.answer is answer:
            return kept.negotiated
        return conclude(rq, answer, Role.ACCEPTOR)


def _is_lasting(policy: AcceptPolicy) -> bool:
    """Whether a policy will say the same again: it is plain data, and asks nobody.

    Identities are asked about too, but a request with one is not remembered.
    """
    return policy.answer_extended is None and isinstance(policy.transfer_syntaxes_of, MappingProxyType)
