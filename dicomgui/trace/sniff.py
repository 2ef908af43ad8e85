"""What kind of service speaks, by its first bytes."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Spoken", "sniff"]


class Spoken(StrEnum):
    """A protocol that is known by how it begins."""

    HTTP = "HTTP"
    SSH = "SSH"
    HL7 = "HL7"
    GREETING = "a mail or file transfer greeting"
    TLS_ALERT = "a TLS alert"
    TLS_HELLO = "TLS"
    UNKNOWN = ""


_BEGINNINGS: tuple[tuple[bytes, Spoken], ...] = (
    (b"HTTP/", Spoken.HTTP),
    (b"<!DO", Spoken.HTTP),
    (b"<!do", Spoken.HTTP),
    (b"<htm", Spoken.HTTP),
    (b"<HTM", Spoken.HTTP),
    (b"GET ", Spoken.HTTP),
    (b"POST ", Spoken.HTTP),
    (b"PUT ", Spoken.HTTP),
    (b"HEAD ", Spoken.HTTP),
    (b"OPTIONS ", Spoken.HTTP),
    (b"CONNECT ", Spoken.HTTP),
    (b"PRI * HTTP", Spoken.HTTP),
    (b"SSH-", Spoken.SSH),
    (b"\x0b", Spoken.HL7),  # MLLP frames its messages so
    (b"MSH|", Spoken.HL7),
    (b"220", Spoken.GREETING),
    (b"* OK", Spoken.GREETING),
    (b"+OK", Spoken.GREETING),
    (b"\x15\x03", Spoken.TLS_ALERT),  # RFC 8446 5.1: content type, legacy version
    (b"\x16\x03", Spoken.TLS_HELLO),
)


def sniff(data: bytes) -> Spoken:
    """Name the protocol that ``data``, the first bytes of a side, begins like."""
    return next((spoken for beginning, spoken in _BEGINNINGS if data.startswith(beginning)), Spoken.UNKNOWN)
