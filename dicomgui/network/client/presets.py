"""The usual sets of presentation contexts, and the contexts that given files need."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dicomgui.network.association.contexts import MAX_CONTEXTS, ProposedContext
from dicomgui.network.dimse.convert import NATIVE_SYNTAXES
from dicomgui.network.service import QUERY_MODELS, query_class
from dicomgui.network.uids import DEFAULT_TRANSFER_SYNTAXES
from dicomgui.network.uids import VERIFICATION as VERIFICATION_SOP_CLASS

__all__ = [
    "DEFAULT",
    "QUERY",
    "USUAL_STORAGE_CLASSES",
    "VERIFICATION",
    "WORKLIST",
    "for_classes",
    "for_get",
    "for_instances",
]


def _contexts(*sop_classes: str) -> tuple[ProposedContext, ...]:
    return tuple(ProposedContext(uid, DEFAULT_TRANSFER_SYNTAXES) for uid in sop_classes)


VERIFICATION: Final = _contexts(VERIFICATION_SOP_CLASS)
"""C-ECHO."""

QUERY: Final = _contexts(*QUERY_MODELS["study"].values(), *QUERY_MODELS["patient"].values())
"""Query and retrieve, patient and study root."""

WORKLIST: Final = _contexts(QUERY_MODELS["worklist"]["find"])
"""Modality worklist."""

USUAL_STORAGE_CLASSES: Final = (
    "1.2.840.10008.5.1.4.1.1.2",  # CT
    "1.2.840.10008.5.1.4.1.1.2.1",  # Enhanced CT
    "1.2.840.10008.5.1.4.1.1.4",  # MR
    "1.2.840.10008.5.1.4.1.1.4.1",  # Enhanced MR
    "1.2.840.10008.5.1.4.1.1.4.2",  # MR Spectroscopy
    "1.2.840.10008.5.1.4.1.1.1",  # CR
    "1.2.840.10008.5.1.4.1.1.1.1",  # DX, for presentation
    "1.2.840.10008.5.1.4.1.1.1.1.1",  # DX, for processing
    "1.2.840.10008.5.1.4.1.1.1.2",  # MG, for presentation
    "1.2.840.10008.5.1.4.1.1.1.2.1",  # MG, for processing
    "1.2.840.10008.5.1.4.1.1.1.3",  # IO, for presentation
    "1.2.840.10008.5.1.4.1.1.13.1.3",  # Breast Tomosynthesis
    "1.2.840.10008.5.1.4.1.1.6.1",  # US
    "1.2.840.10008.5.1.4.1.1.3.1",  # US Multi-frame
    "1.2.840.10008.5.1.4.1.1.12.1",  # XA
    "1.2.840.10008.5.1.4.1.1.12.1.1",  # Enhanced XA
    "1.2.840.10008.5.1.4.1.1.12.2",  # XRF
    "1.2.840.10008.5.1.4.1.1.20",  # NM
    "1.2.840.10008.5.1.4.1.1.128",  # PET
    "1.2.840.10008.5.1.4.1.1.130",  # Enhanced PET
    "1.2.840.10008.5.1.4.1.1.7",  # Secondary Capture
    "1.2.840.10008.5.1.4.1.1.7.1",  # Multi-frame Single Bit Secondary Capture
    "1.2.840.10008.5.1.4.1.1.7.2",  # Multi-frame Grayscale Byte Secondary Capture
    "1.2.840.10008.5.1.4.1.1.7.3",  # Multi-frame Grayscale Word Secondary Capture
    "1.2.840.10008.5.1.4.1.1.7.4",  # Multi-frame True Color Secondary Capture
    "1.2.840.10008.5.1.4.1.1.77.1.1",  # VL Endoscopic
    "1.2.840.10008.5.1.4.1.1.77.1.2",  # VL Microscopic
    "1.2.840.10008.5.1.4.1.1.77.1.4",  # VL Photographic
    "1.2.840.10008.5.1.4.1.1.77.1.4.1",  # Video Photographic
    "1.2.840.10008.5.1.4.1.1.77.1.5.1",  # Ophthalmic Photography, 8 bit
    "1.2.840.10008.5.1.4.1.1.77.1.5.4",  # Ophthalmic Tomography
    "1.2.840.10008.5.1.4.1.1.77.1.6",  # VL Whole Slide Microscopy
    "1.2.840.10008.5.1.4.1.1.481.1",  # RT Image
    "1.2.840.10008.5.1.4.1.1.481.2",  # RT Dose
    "1.2.840.10008.5.1.4.1.1.481.3",  # RT Structure Set
    "1.2.840.10008.5.1.4.1.1.481.4",  # RT Beams Treatment Record
    "1.2.840.10008.5.1.4.1.1.481.5",  # RT Plan
    "1.2.840.10008.5.1.4.1.1.481.8",  # RT Ion Plan
    "1.2.840.10008.5.1.4.1.1.66",  # Raw Data
    "1.2.840.10008.5.1.4.1.1.66.1",  # Spatial Registration
    "1.2.840.10008.5.1.4.1.1.66.4",  # Segmentation
    "1.2.840.10008.5.1.4.1.1.67",  # Real World Value Mapping
    "1.2.840.10008.5.1.4.1.1.11.1",  # Grayscale Softcopy Presentation State
    "1.2.840.10008.5.1.4.1.1.11.2",  # Color Softcopy Presentation State
    "1.2.840.10008.5.1.4.1.1.88.11",  # Basic Text SR
    "1.2.840.10008.5.1.4.1.1.88.22",  # Enhanced SR
    "1.2.840.10008.5.1.4.1.1.88.33",  # Comprehensive SR
    "1.2.840.10008.5.1.4.1.1.88.34",  # Comprehensive 3D SR
    "1.2.840.10008.5.1.4.1.1.88.50",  # Mammography CAD SR
    "1.2.840.10008.5.1.4.1.1.88.59",  # Key Object Selection
    "1.2.840.10008.5.1.4.1.1.88.67",  # X-Ray Radiation Dose SR
    "1.2.840.10008.5.1.4.1.1.9.1.1",  # 12-lead ECG Waveform
    "1.2.840.10008.5.1.4.1.1.9.1.2",  # General ECG Waveform
    "1.2.840.10008.5.1.4.1.1.104.1",  # Encapsulated PDF
    "1.2.840.10008.5.1.4.1.1.104.2",  # Encapsulated CDA
)
"""Storage SOP classes that make up nearly all of what archives hold (PS3.4 B.5)."""

DEFAULT: Final = VERIFICATION + QUERY + WORKLIST
"""What :func:`~dicomgui.network.client.connect` proposes when nothing is said."""


def for_instances(pairs: Iterable[tuple[str, str]], *, convert: bool = True) -> tuple[ProposedContext, ...]:
    """One context for each distinct pair of SOP class UID and transfer syntax UID, in their order.

    Each pair has its own context: within one context the peer would choose a single syntax for all.

    :param convert: behind them, for each SOP class of which something is uncompressed, one context with explicit and
        implicit VR little endian, as far as those are not there anyway (PS3.5 10.1) and there is room among 128.
    """
    own = dict.fromkeys(pairs)
    contexts = tuple(ProposedContext(sop_class, (syntax,)) for sop_class, syntax in own)
    if not convert:
        return contexts
    classes = dict.fromkeys(sop_class for sop_class, syntax in own if syntax in NATIVE_SYNTAXES)
    more = ((uid, tuple(one for one in DEFAULT_TRANSFER_SYNTAXES if (uid, one) not in own)) for uid in classes)
    others = [ProposedContext(sop_class, syntaxes) for sop_class, syntaxes in more if syntaxes]
    return contexts + tuple(others[: max(0, MAX_CONTEXTS - len(contexts))])


def for_get(
    sop_classes: Iterable[str] = USUAL_STORAGE_CLASSES,
    transfer_syntaxes: tuple[str, ...] = DEFAULT_TRANSFER_SYNTAXES,
    *,
    models: Iterable[str] = ("study", "patient"),
) -> tuple[ProposedContext, ...]:
    """What a C-GET needs: its own contexts, and one to receive each SOP class in, for which we ask the SCP role.

    A peer chooses one transfer syntax for each context, and most send only what they hold in that syntax or can
    convert to it. To receive compressed images as they are, add ``for_get(classes, (syntax,), models=())`` for each.

    :param sop_classes: what may come; best those that the query showed in SOP Classes in Study (0008,0062).
    :param models: names of information models (:data:`~dicomgui.network.service.QUERY_MODELS`).
    :raises ConfigurationError: a model has no C-GET, or a UID is none.
    """
    own = _contexts(*(query_class(model, "get") for model in models))
    return own + tuple(
        ProposedContext(uid, transfer_syntaxes, scu_role=False, scp_role=True) for uid in dict.fromkeys(sop_classes)
    )


def for_classes(
    *sop_classes: str, transfer_syntaxes: tuple[str, ...] = DEFAULT_TRANSFER_SYNTAXES
) -> tuple[ProposedContext, ...]:
    """One context for each SOP class, e.g. for N-services."""
    return tuple(ProposedContext(uid, transfer_syntaxes) for uid in dict.fromkeys(sop_classes))
