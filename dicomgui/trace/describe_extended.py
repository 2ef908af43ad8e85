"""The bytes of SOP class extended negotiation by name: each service of PS3.4 has a table of its own for them."""

from __future__ import annotations

from collections.abc import Mapping

from dicomgui.network.association.extended import (
    QueryFlags,
    RetrieveFlags,
    StorageSupport,
    WorklistFlags,
    decode_extended,
)
from dicomgui.network.pdu import SOPClassExtendedNegotiation

__all__ = ["application_fields"]

_FLAG = {0: "no", 1: "yes"}
_SUPPORT = {0: "level 0, local", 1: "level 1, base", 2: "level 2, full", 3: "not an SCP"}
_SIGNATURES = {0: "not specified", 1: "level 1", 2: "level 2", 3: "level 3"}
_COERCION = {0: "does not coerce", 1: "may coerce", 2: "not an SCP"}
_RESERVED: tuple[str, Mapping[int, str]] = ("Reserved", {})
_RELATIONAL = ("Relational-queries", _FLAG)
_FUZZY = ("Fuzzy-semantic-matching", _FLAG)
_TIMEZONE = ("Timezone-query-adjustment", _FLAG)
_MULTI_FRAME = ("Enhanced-multi-frame-image-conversion", _FLAG)
_FIELDS: dict[type, tuple[tuple[str, Mapping[int, str]], ...]] = {
    # PS3.4 C.5.1.1, C.5.2.1 and C.5.3.1, K.5.1.1, B.3.1
    QueryFlags: (_RELATIONAL, ("Date-time-matching", _FLAG), _FUZZY, _TIMEZONE, _MULTI_FRAME),
    RetrieveFlags: (("Relational-retrieval", _FLAG), _MULTI_FRAME),
    WorklistFlags: (_RESERVED, _RESERVED, _FUZZY, _TIMEZONE),
    StorageSupport: (
        ("Level-of-support", _SUPPORT), _RESERVED, ("Level-of-digital-signature-support", _SIGNATURES), _RESERVED,
        ("Element-coercion", _COERCION), _RESERVED,
    ),
}  # fmt: skip


def application_fields(sop_class_uid: str, data: bytes) -> list[tuple[str, str]]:
    """Name and value of each byte that the service of the SOP class defines; none where it is not known."""
    kind = type(decode_extended(SOPClassExtendedNegotiation(sop_class_uid, data)))
    named = zip(_FIELDS.get(kind, ()), data, strict=False)
    return [(label, f"{byte} ({texts[byte]})" if byte in texts else str(byte)) for (label, texts), byte in named]
