"""The encoding of a data set by the look of its first bytes, whatever its transfer syntax is said to be (PS3.5 A)."""

from __future__ import annotations

import struct
import zlib
from typing import Final

from dicomgui.network.uids import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    DEFLATED_TRANSFER_SYNTAXES,
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
)
from dicomgui.network.vrs import LONG_VRS, SHORT_VRS

__all__ = ["LOOK_BYTES", "encoding_by_look", "encoding_of"]

LOOK_BYTES: Final = 512
"""Bytes that are enough: a deflate stream has a table in front of its first element."""

_LEAST: Final = 8
_FIRST_GROUPS: Final = frozenset((0x0002, 0x0004, 0x0008, 0x0010))
"""The groups that a data set begins with."""
_LONGEST_FIRST: Final = 0x1_0000


def encoding_of(transfer_syntax_uid: str) -> str:
    """The one of the four encodings that data sets of this transfer syntax have, as a transfer syntax UID."""
    if transfer_syntax_uid in (IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN):
        return transfer_syntax_uid
    is_deflated = transfer_syntax_uid in DEFLATED_TRANSFER_SYNTAXES
    return DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN if is_deflated else EXPLICIT_VR_LITTLE_ENDIAN


def encoding_by_look(first: bytes) -> str:
    """One of the four encodings, as a transfer syntax UID; empty where the bytes look like none of them.

    :param first: the beginning of a data set; :data:`LOOK_BYTES` of it are enough.
    """
    return _native(first) or (DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN if _native(_inflated(first)) else "")


def _native(first: bytes) -> str:
    if len(first) < _LEAST:
        return ""
    group, _, length = struct.unpack_from("<HHI", first)
    if first[4:6] in SHORT_VRS | LONG_VRS:
        if group in _FIRST_GROUPS:
            return EXPLICIT_VR_LITTLE_ENDIAN
        return EXPLICIT_VR_BIG_ENDIAN if int.from_bytes(first[:2], "big") in _FIRST_GROUPS else ""
    return IMPLICIT_VR_LITTLE_ENDIAN if group in _FIRST_GROUPS and length < _LONGEST_FIRST else ""


def _inflated(first: bytes) -> bytes:
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(first, _LEAST)
    except zlib.error:
        return b""
