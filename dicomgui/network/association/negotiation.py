"""What the two sides agree on (PS3.8 7.1, PS3.7 D.3): pure functions from PDUs to PDUs and results, for either role.

The requestor calls :func:`build_request`, and :func:`conclude` with the answer. The acceptor calls :func:`negotiate`
with its :class:`AcceptPolicy`, sends what that returns, and calls :func:`conclude` with ``Role.ACCEPTOR``.

A peer is judged leniently where nothing can go wrong by it; what is odd is told in :attr:`Negotiated.anomalies`. A
request whose presentation context ids are even or repeated, or that has no context, is an invalid PDU
(:func:`check_request`): its contexts cannot be told apart in the answer. A context without a usable syntax is refused
alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from dicomgui.network.association.contexts import (
    MAX_CONTEXTS,
    NOT_ANSWERED,
    AcceptedContext,
    ContextResult,
    Negotiated,
    ProposedContext,
    split_contexts,
)
from dicomgui.network.association.params import DEFAULT_MAX_PDU_LENGTH, OUR_IMPLEMENTATION, AETitle, Implementation
from dicomgui.network.errors import ConfigurationError, RemoteProtocolError
from dicomgui.network.pdu import (
    APPLICATION_CONTEXT,
    ApplicationContext,
    AssociateAC,
    AssociateRJ,
    AssociateRQ,
    AsyncOperationsWindow,
    ImplementationClassUID,
    ImplementationVersionName,
    Item,
    MaximumLength,
    PduType,
    PresentationContextAC,
    PresentationContextRQ,
    RoleSelection,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityAC,
    UserIdentityRQ,
    UserInfoItem,
    UserInformation,
)
from dicomgui.network.tracing import Role
from dicomgui.network.uids import is_valid_uid

__all__ = [
    "MAX_CONTEXTS",
    "NOT_ANSWERED",
    "REJECTED_APPLICATION_CONTEXT",
    "REJECTED_CALLED_AE",
    "REJECTED_CALLING_AE",
    "REJECTED_CONGESTION",
    "REJECTED_LOCAL_LIMIT",
    "REJECTED_NO_REASON",
    "REJECTED_VERSION",
    "AcceptPolicy",
    "AcceptedContext",
    "ContextChoices",
    "ContextResult",
    "Negotiated",
    "ProposedContext",
    "build_request",
    "check_request",
    "conclude",
    "negotiate",
    "refuse_version",
    "split_contexts",
]

# PS3.8 table 9-21.
REJECTED_NO_REASON: Final = AssociateRJ(1, 1, 1)
REJECTED_APPLICATION_CONTEXT: Final = AssociateRJ(1, 1, 2)
REJECTED_CALLING_AE: Final = AssociateRJ(1, 1, 3)
REJECTED_CALLED_AE: Final = AssociateRJ(1, 1, 7)
REJECTED_VERSION: Final = AssociateRJ(1, 2, 2)
REJECTED_CONGESTION: Final = AssociateRJ(2, 3, 1)
REJECTED_LOCAL_LIMIT: Final = AssociateRJ(2, 3, 2)

# PS3.8 table 9-18.
_ACCEPTANCE = 0
_USER_REJECTION = 1
_NO_REASON = 2
_ABSTRACT_SYNTAX = 3
_TRANSFER_SYNTAXES = 4

_ASSUMED_MAX_LENGTH = 16_384
_LEAST_MAX_LENGTH = 8
_INVALID_PARAMETER_VALUE = 6
_IMPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2"
_DEFAULT_ROLES = (True, False)
"""SCU and SCP role of the requestor where nothing else is agreed (PS3.7 D.3.3.4)."""

ContextChoices: TypeAlias = Mapping[int, str | int]
"""By presentation context id: the transfer syntax UID to accept it with, or the result (1 to 4, PS3.8 table 9-18) to
refuse it with."""

_NO_CHOICES: Final[ContextChoices] = MappingProxyType({})

_Roles: TypeAlias = dict[str, tuple[bool, bool]]


# The requestor.


def build_request(
    called_ae_title: str,
    calling_ae_title: str,
    contexts: Sequence[ProposedContext],
    *,
    max_pdu_length: int = DEFAULT_MAX_PDU_LENGTH,
    max_invoked: int = 1,
    max_performed: int = 1,
    user_identity: UserIdentityRQ | None = None,
    extended: Sequence[SOPClassExtendedNegotiation] = (),
    common_extended: Sequence[SOPClassCommonExtendedNegotiation] = (),
    implementation: Implementation = OUR_IMPLEMENTATION,
) -> AssociateRQ:
    """The A-ASSOCIATE-RQ that proposes ``contexts``, with the ids 1, 3, 5 and so on.

    :param max_pdu_length: longest variable field of P-DATA-TF that we take, in bytes; 0 for no limit.
    :param max_invoked: operations that we want to have outstanding; 0 for no limit. The window is negotiated only if
        this or ``max_performed`` is not 1.
    :param max_performed: operations that the acceptor may have outstanding; 0 for no limit.
    :param implementation: which software we say that we are.
    :raises ConfigurationError: there are no contexts or more than 128, contexts of one SOP class ask for different
        roles, or an AE title is unusable.
    """
    if not 1 <= len(contexts) <= MAX_CONTEXTS:
        raise ConfigurationError(
            f"{len(contexts)} presentation contexts; an association has 1 to {MAX_CONTEXTS}",
            phase="configure",
            hint="Spread them over several associations." if contexts else "",
        )
    sub_items: list[UserInfoItem] = [MaximumLength(max_pdu_length), ImplementationClassUID(implementation.class_uid)]
    if (max_invoked, max_performed) != (1, 1):
        sub_items.append(AsyncOperationsWindow(max_invoked, max_performed))
    sub_items += _requested_roles(contexts)
    sub_items += _version_of(implementation)
    sub_items += extended
    sub_items += common_extended
    if user_identity is not None:
        sub_items.append(user_identity)
    proposed = (
        PresentationContextRQ(2 * index + 1, context.abstract_syntax, context.transfer_syntaxes)
        for index, context in enumerate(contexts)
    )
    items: tuple[Item, ...] = (ApplicationContext(), *proposed, UserInformation(tuple(sub_items)))
    return AssociateRQ(AETitle(called_ae_title), AETitle(calling_ae_title), items)


def _version_of(implementation: Implementation) -> list[UserInfoItem]:
    return [ImplementationVersionName(implementation.version_name)] if implementation.version_name else []


def _requested_roles(contexts: Sequence[ProposedContext]) -> list[RoleSelection]:
    """One role selection a SOP class: the sub-item names no context (PS3.7 D.3.3.4)."""
    roles: dict[str, RoleSelection] = {}
    for context in contexts:
        role = context.role
        if role is not None and roles.setdefault(context.abstract_syntax, role) != role:
            raise ConfigurationError(
                f"two presentation contexts of {context.abstract_syntax} ask for different roles", phase="configure"
            )
    return list(roles.values())


# The acceptor.


@dataclass(frozen=True, slots=True)
class AcceptPolicy:
    """What we accept of a requestor.

    :ivar ae_title: our own.
    :ivar check_called: reject (1/1/7) requests for another called AE title; ``"warn"`` lets them in and tells trace and
        log.
    :ivar calling_ae_titles: patterns with ``*`` and ``?`` of the calling AE titles that are let in, others are rejected
        (1/1/3); empty lets everyone in.
    :ivar abstract_syntaxes: SOP class UIDs, ``None`` for any.
    :ivar accept_related: accept a SOP class besides these, too, where the requestor tells by SOP class common extended
        negotiation (PS3.7 D.3.3.6) that it can be taken for one of these.
    :ivar transfer_syntaxes: UIDs in our order of preference, ``None`` for any, private ones too.
    :ivar transfer_syntaxes_of: the same for single SOP classes, where it differs.
    :ivar prefer_ours: choose the transfer syntax by our order instead of the requestor's.
    :ivar requestor_scp: SOP class UIDs for which the requestor may take the SCP role if it asks, ``None`` for any.
    :ivar max_invoked: operations that the requestor may have outstanding, if it asks for a window; 0 for no limit.
    :ivar max_performed: operations that we want to have outstanding, if it asks for a window; 0 for no limit.
    :ivar answer_extended: gives the answer to a SOP class extended negotiation, ``None`` for no answer.
    :ivar check_identity: gives the server's response to a user identity (``b""`` for those that have none), or ``None``
        to reject the association; without it identities are neither checked nor answered.
    :ivar require_identity: reject (1/1/1) requests that say nothing of a user.
    """

    ae_title: str = "DICOMGUI"
    check_called: bool | Literal["warn"] = False
    calling_ae_titles: tuple[str, ...] = ()
    abstract_syntaxes: frozenset[str] | None = None
    transfer_syntaxes: tuple[str, ...] | None = None
    transfer_syntaxes_of: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    prefer_ours: bool = False
    requestor_scp: frozenset[str] | None = frozenset()
    max_invoked: int = 1
    max_performed: int = 1
    answer_extended: Callable[[SOPClassExtendedNegotiation], bytes | None] | None = None
    check_identity: Callable[[UserIdentityRQ], bytes | None] | None = None
    require_identity: bool = False
    accept_related: bool = False


def check_request(rq: AssociateRQ) -> None:
    """Judge what the syntax of an A-ASSOCIATE-RQ leaves open: its presentation context ids (PS3.8 9.3.2.2).

    :raises RemoteProtocolError: there is no context, or an id is even or repeated. So more than 128 are impossible.
    """
    seen: set[int] = set()
    for context in rq.items:
        if not isinstance(context, PresentationContextRQ):
            continue
        if context.context_id % 2 == 0 or context.context_id in seen:
            what = "repeated" if context.context_id in seen else "even"
            raise _invalid(f"the presentation context id {context.context_id} is {what}", "Presentation-context-ID")
        seen.add(context.context_id)
    if not seen:
        raise _invalid("the A-ASSOCIATE-RQ proposes no presentation context", "Presentation context item")


def _invalid(text: str, where: str) -> RemoteProtocolError:
    return RemoteProtocolError(text, pdu_type=PduType.ASSOCIATE_RQ, field=where, abort_reason=_INVALID_PARAMETER_VALUE)


def refuse_version(rq: AssociateRQ) -> AssociateRJ | None:
    """The rejection of a request of another protocol version; only bit 0 is tested (PS3.8 9.3.2)."""
    return None if rq.protocol_version & 1 else REJECTED_VERSION


def negotiate(
    rq: AssociateRQ,
    policy: AcceptPolicy,
    max_pdu_length: int = DEFAULT_MAX_PDU_LENGTH,
    choices: ContextChoices = _NO_CHOICES,
    implementation: Implementation = OUR_IMPLEMENTATION,
) -> AssociateAC | AssociateRJ:
    """The answer to a request: our own identity and limits, and nothing that was not asked for.

    :param max_pdu_length: longest variable field of P-DATA-TF that we take, in bytes; 0 for no limit.
    :param choices: for single presentation contexts, what to answer instead of what the policy says.
    :param implementation: which software we say that we are.
    :raises ConfigurationError: a choice is a transfer syntax that was not proposed, or no reason to refuse.
    """
    asked = rq.user_information or UserInformation(())
    refused = _refuse(rq, policy)
    if refused is not None:
        return refused
    identity: bytes | None = None
    if asked.user_identity is None and policy.require_identity:
        return REJECTED_NO_REASON
    if asked.user_identity is not None and policy.check_identity is not None:
        identity = policy.check_identity(asked.user_identity)
        if identity is None:
            return REJECTED_NO_REASON
    roles = _grant_roles(asked, policy)
    policy = _with_related(asked, policy)
    answers = tuple(
        _answer_as_chosen(context, choices[context.context_id])
        if context.context_id in choices
        else _answer_context(context, policy, roles)
        for context in rq.presentation_contexts
    )
    sub_items: list[UserInfoItem] = [MaximumLength(max_pdu_length), ImplementationClassUID(implementation.class_uid)]
    window = asked.async_ops
    if window is not None:
        invoked = _least(window.invoked, policy.max_invoked)
        sub_items.append(AsyncOperationsWindow(invoked, _least(window.performed, policy.max_performed)))
    accepted = {
        context.abstract_syntax
        for context, answer in zip(rq.presentation_contexts, answers, strict=True)
        if answer.is_accepted
    }
    sub_items += [RoleSelection(uid, int(scu), int(scp)) for uid, (scu, scp) in roles.items() if uid in accepted]
    sub_items += _version_of(implementation)
    sub_items += _answer_extended(asked, policy, accepted)
    if identity is not None and asked.user_identity is not None and asked.user_identity.positive_response:
        sub_items.append(UserIdentityAC(identity))
    return AssociateAC(
        rq.called_ae_title,
        rq.calling_ae_title,
        (ApplicationContext(), *answers, UserInformation(tuple(sub_items))),
        reserved_body=rq.reserved_body,  # PS3.8 table 9-17: sent back as received, like the AE titles
    )


def _refuse(rq: AssociateRQ, policy: AcceptPolicy) -> AssociateRJ | None:
    refused = refuse_version(rq)
    if refused is not None:
        return refused
    if rq.application_context != APPLICATION_CONTEXT:
        return REJECTED_APPLICATION_CONTEXT
    if policy.check_called is True and rq.called_ae != policy.ae_title.strip(" "):
        return REJECTED_CALLED_AE
    if policy.calling_ae_titles and not any(fnmatchcase(rq.calling_ae, pat) for pat in policy.calling_ae_titles):
        return REJECTED_CALLING_AE
    return None


def _grant_roles(user_information: UserInformation, policy: AcceptPolicy) -> _Roles:
    """SCU and SCP role of the requestor for each SOP class that it asked about: the lesser of asked and allowed."""
    roles: _Roles = {}
    for asked in user_information.roles:
        may_be_scp = policy.requestor_scp is None or asked.sop_class_uid in policy.requestor_scp
        roles.setdefault(asked.sop_class_uid, (asked.scu == 1, asked.scp == 1 and may_be_scp))
    return roles


def _with_related(user_information: UserInformation, policy: AcceptPolicy) -> AcceptPolicy:
    """The policy with the SOP classes that the requestor relates to those it has."""
    known = policy.abstract_syntaxes
    if not policy.accept_related or known is None:
        return policy
    told = {item.sop_class_uid for item in user_information.common_extended if not known.isdisjoint(item.related)}
    return replace(policy, abstract_syntaxes=known | told)


def _answer_as_chosen(context: PresentationContextRQ, choice: str | int) -> PresentationContextAC:
    if isinstance(choice, int):
        if choice not in (_USER_REJECTION, _NO_REASON, _ABSTRACT_SYNTAX, _TRANSFER_SYNTAXES):
            raise ConfigurationError(f"{choice} is no reason to refuse a presentation context", phase="configure")
        return PresentationContextAC(context.context_id, choice, context.transfer_syntaxes[0])
    if choice not in context.transfer_syntaxes:
        raise ConfigurationError(
            f"transfer syntax {choice!r} was not proposed for presentation context {context.context_id}",
            phase="configure",
        )
    return PresentationContextAC(context.context_id, _ACCEPTANCE, choice)


def _answer_context(context: PresentationContextRQ, policy: AcceptPolicy, roles: _Roles) -> PresentationContextAC:
    uid = context.abstract_syntax
    usable = [syntax for syntax in context.transfer_syntaxes if is_valid_uid(syntax)]
    chosen = _choose_syntax(usable, policy.transfer_syntaxes_of.get(uid, policy.transfer_syntaxes), policy.prefer_ours)
    result = _ACCEPTANCE
    if not is_valid_uid(uid) or (policy.abstract_syntaxes is not None and uid not in policy.abstract_syntaxes):
        result = _ABSTRACT_SYNTAX
    elif not any(roles.get(uid, _DEFAULT_ROLES)):
        result = _USER_REJECTION
    elif chosen is None:
        result = _TRANSFER_SYNTAXES
    # One transfer syntax must be there whatever the result, but is not significant then (PS3.8 table 9-18).
    return PresentationContextAC(context.context_id, result, chosen or next(iter(usable), _IMPLICIT_LITTLE_ENDIAN))


def _choose_syntax(offered: Sequence[str], allowed: tuple[str, ...] | None, prefer_ours: bool) -> str | None:
    if allowed is None:
        return next(iter(offered), None)
    first, second = (allowed, offered) if prefer_ours else (offered, allowed)
    return next((uid for uid in first if uid in second), None)


def _answer_extended(
    user_information: UserInformation, policy: AcceptPolicy, accepted: set[str]
) -> list[SOPClassExtendedNegotiation]:
    if policy.answer_extended is None:
        return []
    answers = ((item, policy.answer_extended(item)) for item in user_information.extended)
    return [
        SOPClassExtendedNegotiation(item.sop_class_uid, answer)
        for item, answer in answers
        if answer is not None and item.sop_class_uid in accepted
    ]


# Both.


def _least(one: int, other: int) -> int:
    """The lesser of two limits of which 0 is none."""
    return min(one or other, other or one)


def conclude(rq: AssociateRQ, ac: AssociateAC, role: Role = Role.REQUESTOR) -> Negotiated:
    """What request and answer amount to, seen from ``role``; for the requestor this judges the answer.

    Contexts that were never proposed are ignored; one that was accepted with a transfer syntax that was not proposed,
    or answered twice in different ways, counts as refused.
    """
    peer = ac if role is Role.REQUESTOR else rq
    asked = rq.user_information or UserInformation(())
    answered = ac.user_information or UserInformation(())
    peer_info = answered if role is Role.REQUESTOR else asked
    notes = list(peer.anomalies)
    contexts = _judge_contexts(rq, _collect_answers(rq, ac, notes), _agreed_roles(asked, answered, notes), role, notes)
    window = _agreed_window(asked, answered, notes)
    identity_response = answered.user_identity_response
    return Negotiated(
        role,
        rq.called_ae,
        rq.calling_ae,
        contexts,
        tuple(result.accepted for result in contexts if result.accepted is not None),
        _judge_max_length(peer_info.max_length, notes),
        peer_info.implementation_class_uid,
        peer_info.implementation_version_name,
        max_invoked=window[0 if role is Role.REQUESTOR else 1],
        max_performed=window[1 if role is Role.REQUESTOR else 0],
        user_identity=asked.user_identity,
        identity_response=None if identity_response is None else identity_response.response,
        extended=answered.extended,
        common_extended=asked.common_extended,
        anomalies=tuple(notes),
    )


def _collect_answers(rq: AssociateRQ, ac: AssociateAC, notes: list[str]) -> dict[int, PresentationContextAC]:
    proposed = {context.context_id for context in rq.presentation_contexts}
    answers: dict[int, PresentationContextAC] = {}
    for answer in ac.presentation_contexts:
        number = answer.context_id
        if number not in proposed:
            notes.append(f"presentation context {number} was answered but never proposed")
            continue
        first = answers.setdefault(number, answer)
        if (first.result, first.transfer_syntax) != (answer.result, answer.transfer_syntax):
            notes.append(f"presentation context {number} was answered twice and differently; it is not used")
            answers[number] = PresentationContextAC(number, _NO_REASON)
    return answers


def _judge_contexts(
    rq: AssociateRQ, answers: dict[int, PresentationContextAC], roles: _Roles, role: Role, notes: list[str]
) -> tuple[ContextResult, ...]:
    results: list[ContextResult] = []
    for context in rq.presentation_contexts:
        number, proposed = context.context_id, context.transfer_syntaxes
        answer = answers.get(number)
        result = NOT_ANSWERED if answer is None else answer.result
        accepted: AcceptedContext | None = None
        if answer is not None and answer.is_accepted:
            if answer.transfer_syntax in proposed:
                scu, scp = roles.get(context.abstract_syntax, _DEFAULT_ROLES)
                ours = (scu, scp) if role is Role.REQUESTOR else (scp, scu)
                accepted = AcceptedContext(number, context.abstract_syntax, answer.transfer_syntax, *ours)
            else:
                notes.append(
                    f"presentation context {number} was accepted with transfer syntax {answer.transfer_syntax!r}, "
                    "which was not proposed; it is not used"
                )
        results.append(ContextResult(number, context.abstract_syntax, proposed, result, accepted))
    return tuple(results)


def _agreed_roles(asked: UserInformation, answered: UserInformation, notes: list[str]) -> _Roles:
    wishes = {wish.sop_class_uid: wish for wish in reversed(asked.roles)}
    roles: _Roles = {}
    for answer in answered.roles:
        wish = wishes.get(answer.sop_class_uid)
        if wish is None:
            notes.append(f"a role was answered for {answer.sop_class_uid} but none was asked for")
            continue
        if answer.scu > wish.scu or answer.scp > wish.scp:
            notes.append(f"a role was granted for {answer.sop_class_uid} that was not asked for")
        roles.setdefault(answer.sop_class_uid, (wish.scu == 1 and answer.scu == 1, wish.scp == 1 and answer.scp == 1))
    return roles


def _agreed_window(asked: UserInformation, answered: UserInformation, notes: list[str]) -> tuple[int, int]:
    wish, answer = asked.async_ops, answered.async_ops
    if answer is None:
        return 1, 1
    if wish is None:
        notes.append("an asynchronous operations window was answered but none was asked for")
        return 1, 1
    return _least(wish.invoked, answer.invoked), _least(wish.performed, answer.performed)


def _judge_max_length(length: int | None, notes: list[str]) -> int:
    if length is None:
        notes.append(f"the peer gives no maximum PDU length; {_ASSUMED_MAX_LENGTH} is assumed")
        return _ASSUMED_MAX_LENGTH
    if 0 < length < _LEAST_MAX_LENGTH:
        notes.append(f"the peer's maximum PDU length of {length} bytes leaves no room for data")
    return length
