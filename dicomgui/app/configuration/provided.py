"""The services of our listener: what can be switched on, and what a caller is then accepted for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from dicomgui.network.association.negotiation import AcceptPolicy
from dicomgui.network.association.profiles import NegotiationProfile
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service import QUERY_MODELS
from dicomgui.network.service_classes import (
    availability,
    commitment,
    media_creation,
    mpps,
    print_attributes,
    ups_attributes,
)
from dicomgui.network.service_classes.printer import Printer
from dicomgui.network.service_classes.procedure_steps import ProcedureSteps
from dicomgui.network.service_classes.worklist import SOP_CLASS as WORKLIST
from dicomgui.network.transport import parse_network
from dicomgui.network.uids import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    RETIRED_STORAGE_CLASSES,
    STORAGE_CLASSES,
    TRANSFER_SYNTAXES,
    VERIFICATION,
    is_valid_uid,
)

__all__ = [
    "ALL",
    "REPORTING",
    "STORAGE",
    "USUAL",
    "Provided",
    "check_choice",
    "check_networks",
    "narrowed",
    "pattern_of",
    "reported",
    "served",
    "storage_class_of",
    "transfer_syntax_of",
]


class Provided(StrEnum):
    """A service that a listener gives; verification is always there."""

    STORE = "store"
    """Keep what is sent by C-STORE."""
    QUERY = "query"
    """Answer C-FIND from the archive."""
    MOVE = "move"
    """Send from the archive to known destinations."""
    GET = "get"
    """Send from the archive to who asks."""
    WORKLIST = "worklist"
    MPPS = "mpps"
    """Take performed procedure steps."""
    COMMITMENT = "commitment"
    """Answer for what is in the archive."""
    PRINT = "print"
    """Take films to be printed, and keep them as pictures."""
    MEDIA = "media"
    """Write media of what is in the archive."""
    UPS = "ups"
    """Keep unified procedure steps, and tell their watchers."""
    NOTIFICATIONS = "notifications"
    """Take what providers report by N-EVENT-REPORT, and notifications that instances are available."""


USUAL: Final = frozenset({Provided.STORE, Provided.QUERY, Provided.MOVE, Provided.GET})
"""What a listener gives unless told otherwise."""

ALL: Final = frozenset(Provided)

STORAGE: Final = frozenset((*STORAGE_CLASSES, *RETIRED_STORAGE_CLASSES))
"""The standard's storage SOP classes, retired ones included."""

_DETACHED: Final = "1.2.840.10008.3.1.2."

REPORTING: Final = (
    commitment.SOP_CLASS,
    "1.2.840.10008.3.1.2.3.5",  # Modality Performed Procedure Step Notification
    ups_attributes.EVENT,
    print_attributes.PRINT_JOB,
    print_attributes.PRINTER,
    "1.2.840.10008.5.1.1.26",  # Print Queue Management, retired
    "1.2.840.10008.5.1.1.27",  # Stored Print Storage, retired
    "1.2.840.10008.5.1.1.31",  # Pull Print Request, retired
    media_creation.SOP_CLASS,
    "1.2.840.10008.5.1.4.34.8",  # RT Conventional Machine Verification
    "1.2.840.10008.5.1.4.34.9",  # RT Ion Machine Verification
    *(_DETACHED + end for end in ("1.1", "2.1", "3.1", "3.2", "5.1", "6.1")),  # patient, visit, study, …; retired
)
"""SOP classes whose providers report by N-EVENT-REPORT (PS3.4)."""

_ROOTS = ("patient", "study", "patient-study-only")
_CLASSES: Final[Mapping[Provided, tuple[str, ...]]] = MappingProxyType(
    {
        Provided.QUERY: tuple(QUERY_MODELS[root]["find"] for root in _ROOTS),
        Provided.MOVE: tuple(QUERY_MODELS[root]["move"] for root in _ROOTS),
        Provided.GET: tuple(QUERY_MODELS[root]["get"] for root in _ROOTS),
        Provided.WORKLIST: (WORKLIST,),
        Provided.MPPS: (mpps.SOP_CLASS, mpps.RETRIEVE_SOP_CLASS),
        Provided.COMMITMENT: (commitment.SOP_CLASS,),
        Provided.PRINT: Printer.sop_classes,
        Provided.MEDIA: (media_creation.SOP_CLASS,),
        Provided.UPS: ProcedureSteps.sop_classes,
        Provided.NOTIFICATIONS: (availability.SOP_CLASS, *REPORTING),
    }
)
_NATIVE = (
    EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN,
)  # fmt: skip
_ENCODED_IN = MappingProxyType({uid: _NATIVE for uids in _CLASSES.values() for uid in uids} | {VERIFICATION: _NATIVE})


def narrowed(
    policy: AcceptPolicy,
    services: Collection[Provided],
    sop_classes: Collection[str] = (),
    transfer_syntaxes: tuple[str, ...] = (),
) -> AcceptPolicy:
    """``policy`` with what these services need, and no more than that unless it takes any SOP class.

    :param sop_classes: what is stored and retrieved; all of :data:`STORAGE` if empty.
    :param transfer_syntaxes: of instances, in our order of preference; any if empty.
    """
    storage = frozenset(sop_classes) or STORAGE
    moves_instances = not {Provided.STORE, Provided.GET}.isdisjoint(services)
    classes = {VERIFICATION, *(uid for service in services for uid in _CLASSES.get(service, ()))}
    if moves_instances:
        classes |= storage
    requestor_scp = policy.requestor_scp
    if requestor_scp is not None and Provided.GET in services:
        requestor_scp |= storage
    if requestor_scp is not None and Provided.NOTIFICATIONS in services:
        requestor_scp |= frozenset(REPORTING)
    return replace(
        policy,
        abstract_syntaxes=None if policy.abstract_syntaxes is None else frozenset(classes),
        requestor_scp=requestor_scp,
        transfer_syntaxes=transfer_syntaxes or None,
        transfer_syntaxes_of=_ENCODED_IN,
        prefer_ours=bool(transfer_syntaxes),
    )


def served(profile: NegotiationProfile, policy: AcceptPolicy, services: Collection[Provided]) -> NegotiationProfile:
    """``profile`` without the contexts that none of these services could answer on.

    A SOP class of no service that is known here is taken for one whose instances are stored or retrieved.

    :param policy: what these services accept without the profile.
    """
    known = {uid for uids in _CLASSES.values() for uid in uids}
    given = {VERIFICATION, *(uid for service in services for uid in _CLASSES.get(service, ()))}
    moves_instances = not {Provided.STORE, Provided.GET}.isdisjoint(services)
    is_any = policy.abstract_syntaxes is None
    contexts = tuple(
        context
        for context in profile.contexts
        if is_any or context.abstract_syntax in given or (moves_instances and context.abstract_syntax not in known)
    )
    return replace(profile, contexts=contexts)


def reported(policy: AcceptPolicy, sop_classes: Collection[str]) -> AcceptPolicy:
    """``policy``, and callers may be the SCP of these SOP classes as well, to report to us (e.g. PS3.4 J.3.3.1.2)."""
    wanted = frozenset(sop_classes)
    classes, providers = policy.abstract_syntaxes, policy.requestor_scp
    return replace(
        policy,
        abstract_syntaxes=None if classes is None else classes | wanted,
        requestor_scp=None if providers is None else providers | wanted,
    )


def transfer_syntax_of(text: str) -> str:
    """The UID of a transfer syntax from itself or from its keyword in PS3.6, whatever its case.

    :raises ConfigurationError: it is neither.
    """
    return _uid_of(text, TRANSFER_SYNTAXES, "transfer syntax", "ImplicitVRLittleEndian or JPEGBaseline8Bit")


def storage_class_of(text: str) -> str:
    """The UID of a SOP class of storage, like :func:`transfer_syntax_of`. A UID may be one that nobody knows."""
    return _uid_of(text, STORAGE, "SOP class of storage", "CTImageStorage or MRImageStorage")


def _uid_of(text: str, known: Iterable[str], what: str, example: str) -> str:
    written = text.strip()
    if is_valid_uid(written):
        return written
    from pydicom import uid as uids

    for uid in known:
        if uids.UID(uid).keyword.lower() == written.lower() != "":
            return uid
    raise ConfigurationError(
        f"there is no {what} {written[:80]!r}",
        phase="configure",
        hint=f"Give its UID, or its keyword in PS3.6, such as {example}.",
    )


def check_choice(uids: Collection[str], titles: Collection[str]) -> None:
    """Judge a choice of UIDs, and of calling AE titles with ``*`` and ``?``.

    :raises ConfigurationError: one of them is none.
    """
    for uid in uids:
        if not is_valid_uid(uid):
            raise ConfigurationError(f"{uid!r} is no UID", phase="configure")
    for title in titles:
        if not title.strip() or not title.isascii() or not title.isprintable() or "\\" in title:
            raise ConfigurationError(f"{title!r} is no AE title", phase="configure")


def check_networks(texts: Iterable[str]) -> tuple[str, ...]:
    """Ranges of addresses as they are written in full; raises ConfigurationError where one is none."""
    return tuple(str(parse_network(text)) for text in texts)


def pattern_of(ae_title: str) -> str:
    """The pattern that lets in this calling AE title and no other."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in ae_title)
