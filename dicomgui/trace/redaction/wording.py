"""The sentences about a redaction: what is masked as a whole, and where a value still stands."""

from __future__ import annotations

from dicomgui.trace.redaction.leftover import CERTIFICATE, CHAIN, FieldSpan, Leftover
from dicomgui.trace.redaction.rules import Masked, name_of_tag

__all__ = ["left_text", "masked_text", "place_text"]

_MASKED = {
    Masked.NOTE: "remarks of the program",
    Masked.NO_PDU: "pieces of what is no DICOM",
    Masked.CERTIFICATE: "certificates",
    Masked.PATH: "paths in sentences of the program",
    Masked.LOST_DATA_SET: "data sets that could not be followed, masked wholly from there on",
    Masked.LOST_PDU: "PDUs that could not be followed, masked wholly from there on",
    Masked.DEFLATED: "compressed data sets, replaced by zeros",
    Masked.UNKNOWN_SYNTAX: "data sets of unknown syntax",
}
_KINDS = {
    "resolve": "name look-up",
    "connect": "connection",
    "listen": "listener",
    "refuse": "refusal",
    "tls": "TLS handshake",
    "bytes": "bytes that are no PDU",
    "pdu": "PDU",
    "dimse": "message",
    "file": "file",
    "cancel": "cancellation",
    "close": "end of the connection",
    "note": "remark",
}
_FIELDS = {
    "called": "called AE title",
    "calling": "calling AE title",
    "ae_title": "AE title",
    "local": "local address",
    "peer": "address of the peer",
    "address": "address",
    "host": "host name",
    "addresses": "addresses",
    CERTIFICATE: "certificate",
    CHAIN: "certificates of issuers",
    "error": "error",
    "detail": "detail",
    "comment": "error comment",
    "path": "path",
    "reason": "reason",
    "text": "text",
    "sop_class_uid": "SOP class",
    "sop_instance_uid": "SOP instance",
}


def masked_text(what: Masked) -> str:
    """A kind that was masked as a whole, in the plural."""
    return _MASKED[what]


def place_text(place: FieldSpan) -> str:
    """The place of a value, e.g. ``row 3, PDU, called AE title, offset 10``; never the value."""
    parts = [f"row {place.row:,}", _KINDS.get(place.kind, place.kind)]
    if place.field in _FIELDS:
        parts.append(_FIELDS[place.field])
    if place.element >= 0:
        parts.append(name_of_tag(place.element))
    return ", ".join([*parts, f"offset {place.start:,}"])


def left_text(leftover: Leftover) -> str:
    """Which value stands where, e.g. ``a value of PatientName (0010,0010), 5 bytes, in 2 places``; never the value."""
    count = len(leftover.places)
    size = len(leftover.value)
    return f"a value of {leftover.element}, {size} bytes, in {count:,} {'place' if count == 1 else 'places'}"
