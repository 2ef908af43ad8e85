"""Presentation contexts and the whole agreement as values: what is proposed, and what came of it (PS3.8 7.1.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dicomgui.network.errors import ConfigurationError
from dicomgui.network.pdu import (
    RoleSelection,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityRQ,
    describe_presentation_result,
)
from dicomgui.network.tracing import Role
from dicomgui.network.uids import is_valid_uid

__all__ = [
    "MAX_CONTEXTS",
    "NOT_ANSWERED",
    "AcceptedContext",
    "ContextResult",
    "Negotiated",
    "ProposedContext",
    "split_contexts",
]

MAX_CONTEXTS: Final = 128
"""Presentation contexts that one association can have: their ids are the odd numbers of a byte."""

NOT_ANSWERED: Final = 255
"""Result of a context that the acceptor said nothing about; no value of the standard."""


@dataclass(frozen=True, slots=True)
class ProposedContext:
    """A presentation context to propose.

    :ivar abstract_syntax: SOP class UID.
    :ivar transfer_syntaxes: UIDs, the preferred one first.
    :ivar scu_role: whether to ask for the SCU role; ``None`` asks for nothing, as long as ``scp_role`` does neither.
    :ivar scp_role: whether to ask for the SCP role, e.g. to receive the C-STOREs of a C-GET.
    :raises ConfigurationError: a UID is none, or there is no transfer syntax.
    """

    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]
    scu_role: bool | None = None
    scp_role: bool | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "transfer_syntaxes", tuple(self.transfer_syntaxes))
        if not self.transfer_syntaxes:
            raise ConfigurationError(f"no transfer syntax is given for {self.abstract_syntax}", phase="configure")
        for uid in (self.abstract_syntax, *self.transfer_syntaxes):
            if not is_valid_uid(uid):
                raise ConfigurationError(f"{uid!r} is no UID", phase="configure")

    @property
    def role(self) -> RoleSelection | None:
        """The role selection to send for this context, if any."""
        if self.scu_role is None and self.scp_role is None:
            return None
        return RoleSelection(self.abstract_syntax, int(self.scu_role is not False), int(self.scp_role is True))


@dataclass(frozen=True, slots=True)
class AcceptedContext:
    """A presentation context that may be used.

    :ivar as_scu: whether *we* may invoke operations on it.
    :ivar as_scp: whether *we* may perform operations on it.
    """

    context_id: int
    abstract_syntax: str
    transfer_syntax: str
    as_scu: bool
    as_scp: bool


@dataclass(frozen=True, slots=True)
class ContextResult:
    """What became of a proposed presentation context.

    :ivar transfer_syntaxes: the UIDs proposed.
    :ivar result: as answered (PS3.8 table 9-18), or :data:`NOT_ANSWERED`.
    :ivar accepted: the usable context; ``None`` also where the peer accepted what was never proposed.
    """

    context_id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]
    result: int
    accepted: AcceptedContext | None = None

    @property
    def text(self) -> str:
        """The result in words."""
        return "not answered" if self.result == NOT_ANSWERED else describe_presentation_result(self.result)


@dataclass(frozen=True, slots=True)
class Negotiated:
    """What an association was agreed to be, seen from our side.

    :ivar role: which side we are.
    :ivar called_ae_title: as requested, without padding.
    :ivar calling_ae_title: as requested, without padding.
    :ivar contexts: the result of every proposed context, in the order proposed.
    :ivar accepted: the usable contexts in the order proposed.
    :ivar peer_max_pdu_length: longest variable field of P-DATA-TF that the peer takes, in bytes; 0 for no limit.
    :ivar peer_implementation_class_uid: or an empty string.
    :ivar peer_version_name: the peer's implementation version name, or an empty string.
    :ivar max_invoked: operations that we may have outstanding; 0 for no limit.
    :ivar max_performed: operations that the peer may have outstanding; 0 for no limit.
    :ivar user_identity: what the requestor sent of it.
    :ivar identity_response: what the acceptor answered to that, ``None`` for no answer.
    :ivar extended: SOP class extended negotiation as the acceptor answered it.
    :ivar common_extended: SOP class common extended negotiation as the requestor sent it.
    :ivar anomalies: what was odd in the peer's PDU, one sentence each.
    """

    role: Role
    called_ae_title: str
    calling_ae_title: str
    contexts: tuple[ContextResult, ...]
    accepted: tuple[AcceptedContext, ...]
    peer_max_pdu_length: int
    peer_implementation_class_uid: str = ""
    peer_version_name: str = ""
    max_invoked: int = 1
    max_performed: int = 1
    user_identity: UserIdentityRQ | None = None
    identity_response: bytes | None = None
    extended: tuple[SOPClassExtendedNegotiation, ...] = ()
    common_extended: tuple[SOPClassCommonExtendedNegotiation, ...] = ()
    anomalies: tuple[str, ...] = ()

    def find(
        self, sop_class: str, transfer_syntax: str | None = None, *, as_scp: bool = False
    ) -> AcceptedContext | None:
        """The first usable context for a SOP class, a transfer syntax (``None``: any) and our role."""
        for context in self.accepted:
            if (
                context.abstract_syntax == sop_class
                and (transfer_syntax is None or context.transfer_syntax == transfer_syntax)
                and (context.as_scp if as_scp else context.as_scu)
            ):
                return context
        return None


def split_contexts(
    contexts: Sequence[ProposedContext], most: int = MAX_CONTEXTS
) -> tuple[tuple[ProposedContext, ...], ...]:
    """Groups of at most ``most`` contexts in their order, one association each."""
    return tuple(tuple(contexts[start : start + most]) for start in range(0, len(contexts), most))
