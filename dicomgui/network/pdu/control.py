"""A-RELEASE-RQ, A-RELEASE-RP and A-ABORT (PS3.8 9.3.6 to 9.3.8); the codes of rejection and abort with their texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from dicomgui.network.pdu.wire import PduType, Reader, Writer, hex_byte, pdu_name

__all__ = [
    "MAX_CONTROL_LENGTH",
    "Abort",
    "AbortReason",
    "AbortSource",
    "RejectResult",
    "RejectSource",
    "ReleaseRP",
    "ReleaseRQ",
    "describe_abort",
]

MAX_CONTROL_LENGTH = 1024
"""Longest variable field accepted of an A-ASSOCIATE-RJ, A-RELEASE or A-ABORT, which by the standard have 4 bytes."""


class AbortSource(IntEnum):
    """Who aborted (PS3.8 table 9-26)."""

    SERVICE_USER = 0
    RESERVED = 1
    SERVICE_PROVIDER = 2


class AbortReason(IntEnum):
    """Why the service-provider aborted (PS3.8 table 9-26); not significant where the service-user did."""

    NOT_SPECIFIED = 0
    UNRECOGNIZED_PDU = 1
    UNEXPECTED_PDU = 2
    RESERVED = 3
    UNRECOGNIZED_PARAMETER = 4
    UNEXPECTED_PARAMETER = 5
    INVALID_PARAMETER_VALUE = 6


class RejectResult(IntEnum):
    """Whether a later attempt may succeed (PS3.8 table 9-21)."""

    PERMANENT = 1
    TRANSIENT = 2


class RejectSource(IntEnum):
    """Who rejected (PS3.8 table 9-21)."""

    SERVICE_USER = 1
    SERVICE_PROVIDER_ACSE = 2
    SERVICE_PROVIDER_PRESENTATION = 3


_ABORT_SOURCES = {0: "service-user", 1: "reserved source", 2: "service-provider"}
_ABORT_REASONS = {
    0: "reason not specified",
    1: "unrecognized PDU",
    2: "unexpected PDU",
    3: "reserved reason",
    4: "unrecognized PDU parameter",
    5: "unexpected PDU parameter",
    6: "invalid PDU parameter value",
}


def abort_source_text(source: int) -> str:
    """``2 (service-provider)``."""
    return f"{source} ({_ABORT_SOURCES.get(source, 'unknown source')})"


def abort_reason_text(reason: int) -> str:
    """``6 (invalid PDU parameter value)``."""
    return f"{reason} ({_ABORT_REASONS.get(reason, 'unknown reason')})"


def describe_abort(source: int, reason: int) -> str:
    """Words for the source and reason of an A-ABORT; unknown codes are named by number."""
    who = _ABORT_SOURCES.get(source, f"unknown source {source}")
    if source == AbortSource.SERVICE_USER and reason == 0:
        return f"aborted by the {who}"
    return f"aborted by the {who}: {_ABORT_REASONS.get(reason, f'unknown reason {reason}')}"


def check_length(reader: Reader) -> None:
    """Judge the length of a PDU that by the standard has four bytes: less is an error, more is noted."""
    if not 4 <= reader.remaining <= MAX_CONTROL_LENGTH:
        reader.fail("PDU length", f"{reader.remaining} instead of 4", offset=2)
    if reader.remaining != 4:
        reader.note(f"{pdu_name(reader.pdu_type)} has a length of {reader.remaining} instead of 4")


def read_extra(reader: Reader) -> bytes:
    """What follows the four bytes that the standard defines."""
    return reader.raw(reader.remaining, "Surplus bytes") if reader.remaining else b""


@dataclass(frozen=True, slots=True)
class ReleaseRQ:
    """A-RELEASE-RQ (PS3.8 9.3.6): the peer wants to end the association in order.

    :ivar body: the reserved bytes, four by the standard.
    :ivar reserved: second byte of the PDU.
    :ivar anomalies: what is odd but harmless, after decoding.
    """

    body: bytes = b"\0\0\0\0"
    reserved: int = 0
    anomalies: tuple[str, ...] = field(default=(), compare=False)

    @property
    def pdu_type(self) -> PduType:
        """First byte of the PDU."""
        return PduType.RELEASE_RQ

    def encode(self) -> bytes:
        """The bytes of the PDU."""
        return _encode_release(self)

    @classmethod
    def read(cls, reader: Reader) -> ReleaseRQ:
        """Decode; ``reader`` stands after the header."""
        check_length(reader)
        body = reader.raw(reader.remaining, "Reserved")
        return cls(body, reader.reserved, tuple(reader.notes))


@dataclass(frozen=True, slots=True)
class ReleaseRP:
    """A-RELEASE-RP (PS3.8 9.3.7): the answer to an A-RELEASE-RQ; fields as there."""

    body: bytes = b"\0\0\0\0"
    reserved: int = 0
    anomalies: tuple[str, ...] = field(default=(), compare=False)

    @property
    def pdu_type(self) -> PduType:
        """First byte of the PDU."""
        return PduType.RELEASE_RP

    def encode(self) -> bytes:
        """The bytes of the PDU."""
        return _encode_release(self)

    @classmethod
    def read(cls, reader: Reader) -> ReleaseRP:
        """Decode; ``reader`` stands after the header."""
        check_length(reader)
        body = reader.raw(reader.remaining, "Reserved")
        return cls(body, reader.reserved, tuple(reader.notes))


def _encode_release(pdu: ReleaseRQ | ReleaseRP) -> bytes:
    writer = Writer()
    writer.open_pdu(pdu.pdu_type, pdu.reserved)
    writer.raw(pdu.body)
    return writer.close_pdu()


@dataclass(frozen=True, slots=True)
class Abort:
    """A-ABORT (PS3.8 9.3.8): the association ends at once.

    :ivar source: 0 service-user, 2 service-provider.
    :ivar reason: see :class:`AbortReason`; not significant with source 0.
    :ivar reserved_body: the two reserved bytes before the source.
    :ivar reserved: second byte of the PDU.
    :ivar extra: bytes beyond what the standard defines.
    :ivar anomalies: what is odd but harmless, after decoding.
    """

    source: int = AbortSource.SERVICE_USER
    reason: int = AbortReason.NOT_SPECIFIED
    reserved_body: bytes = b"\0\0"
    reserved: int = 0
    extra: bytes = b""
    anomalies: tuple[str, ...] = field(default=(), compare=False)

    @property
    def pdu_type(self) -> PduType:
        """First byte of the PDU."""
        return PduType.ABORT

    @property
    def text(self) -> str:
        """Source and reason in words."""
        return describe_abort(self.source, self.reason)

    def encode(self) -> bytes:
        """The bytes of the PDU."""
        writer = Writer()
        writer.open_pdu(PduType.ABORT, self.reserved)
        writer.exactly(self.reserved_body, 2, "Reserved")
        writer.u8(self.source, "Source")
        writer.u8(self.reason, "Reason/Diag.")
        writer.raw(self.extra)
        return writer.close_pdu()

    @classmethod
    def read(cls, reader: Reader) -> Abort:
        """Decode; ``reader`` stands after the header."""
        check_length(reader)
        reserved_body = reader.raw(2, "Reserved")
        source = reader.u8("Source", abort_source_text)
        reason = reader.u8("Reason/Diag.", abort_reason_text)
        extra = read_extra(reader)
        if source not in _ABORT_SOURCES:
            reader.note(f"A-ABORT has the unknown source {hex_byte(source)}")
        return cls(source, reason, reserved_body, reader.reserved, extra, tuple(reader.notes))
