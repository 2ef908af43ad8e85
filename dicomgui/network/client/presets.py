"""The usual sets of presentation contexts, and the contexts that given files need."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dicomgui.network.association.contexts import ProposedContext
from dicomgui.network.uids import DEFAULT_TRANSFER_SYNTAXES
from dicomgui.network.uids import VERIFICATION as VERIFICATION_SOP_CLASS

__all__ = ["DEFAULT", "QUERY", "VERIFICATION", "WORKLIST", "for_instances"]


# PS3.4 tables C.6.1.3-1, C.6.2.3-1 and K.6.1.4-1.
PATIENT_ROOT_FIND: Final = "1.2.840.10008.5.1.4.1.2.1.1"
PATIENT_ROOT_MOVE: Final = "1.2.840.10008.5.1.4.1.2.1.2"
PATIENT_ROOT_GET: Final = "1.2.840.10008.5.1.4.1.2.1.3"
STUDY_ROOT_FIND: Final = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY_ROOT_MOVE: Final = "1.2.840.10008.5.1.4.1.2.2.2"
STUDY_ROOT_GET: Final = "1.2.840.10008.5.1.4.1.2.2.3"
MODALITY_WORKLIST_FIND: Final = "1.2.840.10008.5.1.4.31"


def _contexts(*sop_classes: str) -> tuple[ProposedContext, ...]:
    return tuple(ProposedContext(uid, DEFAULT_TRANSFER_SYNTAXES) for uid in sop_classes)


VERIFICATION: Final = _contexts(VERIFICATION_SOP_CLASS)
"""C-ECHO."""

QUERY: Final = _contexts(
    STUDY_ROOT_FIND, STUDY_ROOT_MOVE, STUDY_ROOT_GET, PATIENT_ROOT_FIND, PATIENT_ROOT_MOVE, PATIENT_ROOT_GET
)
"""Query and retrieve, patient and study root."""

WORKLIST: Final = _contexts(MODALITY_WORKLIST_FIND)
"""Modality worklist."""

DEFAULT: Final = VERIFICATION + QUERY + WORKLIST
"""What :func:`~dicomgui.network.client.connect` proposes when nothing is said."""


def for_instances(pairs: Iterable[tuple[str, str]]) -> tuple[ProposedContext, ...]:
    """One context for each distinct pair of SOP class UID and transfer syntax UID, in their order.

    Each pair has its own context: within one context the peer would choose a single syntax for all.
    """
    return tuple(ProposedContext(sop_class, (syntax,)) for sop_class, syntax in dict.fromkeys(pairs))
