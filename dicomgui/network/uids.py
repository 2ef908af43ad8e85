"""The UIDs that the network stack itself needs: groups of SOP classes, transfer syntaxes, who we are.

Only literals, so that importing costs nothing.
Facts are those of PS3.6 annex A and PS3.4 tables B.5-1 and GG.3-1.
"""

from __future__ import annotations

import re
from functools import lru_cache

from dicomgui import __version__
from dicomgui.network.uid_groups import RETIRED_STORAGE_CLASSES, STORAGE_CLASSES, TRANSFER_SYNTAXES
from dicomgui.network.uid_names import UID_NAMES

__all__ = [
    "APPLICATION_CONTEXT",
    "DEFAULT_TRANSFER_SYNTAXES",
    "DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN",
    "DEFLATED_FRAMES",
    "DEFLATED_TRANSFER_SYNTAXES",
    "EXPLICIT_VR_BIG_ENDIAN",
    "EXPLICIT_VR_LITTLE_ENDIAN",
    "IMPLEMENTATION_CLASS_UID",
    "IMPLICIT_VR_LITTLE_ENDIAN",
    "RETIRED_STORAGE_CLASSES",
    "STORAGE_CLASSES",
    "TRANSFER_SYNTAXES",
    "VERIFICATION",
    "implementation_version_name",
    "is_valid_uid",
    "name_of",
]

APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
"""The DICOM application context name (PS3.7 A.2.1), the only one there is."""

VERIFICATION = "1.2.840.10008.1.1"
"""The Verification SOP class (PS3.4 A.4), the abstract syntax of C-ECHO."""

IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
EXPLICIT_VR_BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1.99"

DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
"""Deflated Image Frame Compression: the data set as it is, each frame a raw deflate stream (PS3.5 A.4.13)."""

DEFAULT_TRANSFER_SYNTAXES = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)
"""What is proposed where nothing else is asked for: the one without loss of VRs, and the one everybody must accept
(PS3.5 10.1)."""

DEFLATED_TRANSFER_SYNTAXES = frozenset(
    {DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"}
)
"""Syntaxes in which the whole data set is one raw deflate stream (PS3.5 annex A)."""

IMPLEMENTATION_CLASS_UID = "2.25.327111673043328595243488605508384117894"
"""Ours, made once from a UUID and frozen (PS3.7 D.3.3.2)."""

_UID = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_STRICT_UID = re.compile(r"[0-2](?:\.(?:0|[1-9][0-9]*))+")
_MAX_UID_LENGTH = 64


@lru_cache(maxsize=1)
def implementation_version_name() -> str:
    """``DICOMGUI_`` and our version, cut to the 16 characters that are allowed (PS3.7 D.3.3.2.3)."""
    return f"DICOMGUI_{__version__}"[:16]


@lru_cache(maxsize=256)
def is_valid_uid(text: str, *, strict: bool = False) -> bool:
    """Whether ``text`` is a UID: digits in components split by single dots, 64 characters at most (PS3.5 9.1).

    Leading zeros of a component and roots that ISO never gave away are seen in the field and harmless: they count as
    valid unless ``strict`` is set. What is valid here is always safe as the name of a file.
    """
    pattern = _STRICT_UID if strict else _UID
    return len(text) <= _MAX_UID_LENGTH and pattern.fullmatch(text) is not None


def name_of(uid: str) -> str:
    """The name of a registered UID (PS3.6 annex A), or the UID itself where it has none."""
    return UID_NAMES.get(uid, uid)
