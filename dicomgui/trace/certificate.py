"""What a certificate says (RFC 5280): read for people, and judged by nobody here.

Read without a package: the certificate of a peer is data from outside, of which a few fields are wanted. It checks no
signature; the TLS handshake did that, or failed.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from dicomgui.network.der import OID, SEQUENCE, DerElement, DerError, elements, encodings, inner
from dicomgui.trace.finding import plain

__all__ = [
    "MAX_CERTIFICATES",
    "MAX_NAMES",
    "Certificate",
    "CertificateError",
    "certificate_json",
    "certificate_rows",
    "read_certificate",
    "read_chain",
]

_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18
_BMP_STRING, _UNIVERSAL_STRING, _LATIN = 0x1E, 0x1C, (0x14, 0x1B)
_VERSION_TAG, _EXTENSIONS_TAG = 0xA0, 0xA3
_MAIL, _DNS, _URI, _IP = 0x81, 0x82, 0x86, 0x87

_ATTRIBUTES = {
    "2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST",
    "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.42": "GN", "0.9.2342.19200300.100.1.25": "DC",
    "1.2.840.113549.1.9.1": "email",
}  # fmt: skip
_KEYS = {
    "1.2.840.113549.1.1.1": "RSA", "1.2.840.113549.1.1.10": "RSA-PSS", "1.2.840.10040.4.1": "DSA",
    "1.3.101.112": "Ed25519", "1.3.101.113": "Ed448",
}  # fmt: skip
_EC_KEY = "1.2.840.10045.2.1"
_CURVES = {"1.2.840.10045.3.1.7": "P-256", "1.3.132.0.34": "P-384", "1.3.132.0.35": "P-521"}
_ALTERNATIVE_NAMES, _BASIC_CONSTRAINTS = "2.5.29.17", "2.5.29.19"


MAX_CERTIFICATES = 10
"""Certificates of a peer, as of our own connections: a file or a capture may hold any number."""

MAX_NAMES = 8
"""Names of a certificate that are shown to people; it may have thousands."""

_MAX_NAME = 300


class CertificateError(ValueError):
    """The bytes are no certificate that can be read."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate, as far as people want to know it. All text is the peer's and may hold any characters.

    :ivar subject: whose it is, such as ``CN=pacs.example, O=Hospital``; the most telling part first.
    :ivar issuer: who vouches for it.
    :ivar names: the names and addresses that it is good for.
    :ivar key: kind and size of the public key, such as ``RSA, 2048 bits``; empty where it is another one.
    :ivar is_authority: whether it may issue others.
    :ivar fingerprint: SHA-256 of the whole, in hexadecimal digits in pairs, to be compared by people.
    """

    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    names: tuple[str, ...]
    key: str
    serial: int
    is_authority: bool
    fingerprint: str

    @property
    def is_self_issued(self) -> bool:
        """Whether it names itself as its issuer: nobody else vouches for it."""
        return self.subject == self.issuer

    def validity(self, now: datetime) -> str:
        """How long it is still valid, or why it is not, in words.

        :param now: with a time zone.
        """
        if now < self.not_before:
            return f"not valid before {_day(self.not_before)}"
        if now > self.not_after:
            return f"expired on {_day(self.not_after)}"
        days = (self.not_after - now).days
        left = "less than one more day" if days == 0 else f"{days} more day{'' if days == 1 else 's'}"
        return f"{_day(self.not_before)} to {_day(self.not_after)}, {left}"


def _day(when: datetime) -> str:
    return when.strftime("%Y-%m-%d")


def read_certificate(der: bytes) -> Certificate:
    """Read a certificate.

    :raises CertificateError: it cannot be read.
    """
    try:
        return _certificate(der)
    except CertificateError:
        raise
    except DerError as error:
        raise CertificateError(str(error)) from error
    except (ValueError, IndexError, StopIteration, OverflowError, RecursionError) as error:
        raise CertificateError("it is no certificate that can be read") from error


def read_chain(der: bytes) -> tuple[Certificate, ...]:
    """Read certificates that stand one after another, as far as they are there, and :data:`MAX_CERTIFICATES` at most;
    those that cannot be read are left out.

    :param der: such as the field ``peer_chain`` of a record.
    """
    found: list[Certificate] = []
    with suppress(DerError):
        for one in islice(encodings(der), MAX_CERTIFICATES):
            with suppress(CertificateError):
                found.append(read_certificate(one))
    return tuple(found)


def certificate_rows(certificate: Certificate, utc: float) -> dict[str, str]:
    """Titles and texts for people, of what there is; harmless for a terminal.

    :param utc: the time that its validity is compared with, in seconds since 1970.
    """
    names = ", ".join(plain(name) for name in certificate.names[:MAX_NAMES])
    more = len(certificate.names) - MAX_NAMES
    rows = {
        "Certificate of": plain(certificate.subject, _MAX_NAME) or "nobody",
        "Issued by": "itself: nobody else vouches for it"
        if certificate.is_self_issued
        else plain(certificate.issuer, _MAX_NAME),
        "Good for": f"{names} and {more} more" if more > 0 else names or _no_names(certificate),
        "Valid": _validity_at(certificate, utc),
        "Key": certificate.key,
        "Fingerprint": f"SHA-256 {certificate.fingerprint}",
    }
    return {title: text for title, text in rows.items() if text}


def _validity_at(certificate: Certificate, utc: float) -> str:
    try:
        now = datetime.fromtimestamp(utc, UTC)
    except (ValueError, OverflowError, OSError):  # of a file that is damaged
        return f"{_day(certificate.not_before)} to {_day(certificate.not_after)}"
    return certificate.validity(now)


def _no_names(certificate: Certificate) -> str:
    return "issuing certificates, no name" if certificate.is_authority else "no name at all"


def certificate_json(certificate: Certificate) -> dict[str, object]:
    """The certificate as the command line prints it with ``--json``."""
    return {
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "not_before": certificate.not_before.isoformat(),
        "not_after": certificate.not_after.isoformat(),
        "sha256": certificate.fingerprint,
        "key": certificate.key,
        "names": list(certificate.names),
        "serial": f"{certificate.serial:X}",
        "is_authority": certificate.is_authority,
    }


def _certificate(der: bytes) -> Certificate:
    outer = inner(der, SEQUENCE)
    fields = list(elements(next(elements(outer)).content))
    if fields and fields[0].tag == _VERSION_TAG:
        del fields[0]
    serial, _algorithm, issuer, validity, subject, public_key = fields[:6]
    not_before, not_after = (_time(one) for one in elements(validity.content))
    extensions = dict(_extensions(fields[6:]))
    digest = hashlib.sha256(der).hexdigest().upper()
    return Certificate(
        subject=_name(subject.content),
        issuer=_name(issuer.content),
        not_before=not_before,
        not_after=not_after,
        names=tuple(_alternative_names(extensions.get(_ALTERNATIVE_NAMES, b""))),
        key=_key(public_key.content),
        serial=int.from_bytes(serial.content, "big", signed=True),
        is_authority=_is_authority(extensions.get(_BASIC_CONSTRAINTS, b"")),
        fingerprint=":".join(digest[at : at + 2] for at in range(0, len(digest), 2)),
    )


def _oid(content: bytes) -> str:
    first, rest = content[0], content[1:]
    numbers = [min(first // 40, 2), first - 40 * min(first // 40, 2)]
    number = 0
    for byte in rest:
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(number)
            number = 0
    return ".".join(map(str, numbers))


def _text(element: DerElement) -> str:
    if element.tag == _BMP_STRING:
        return element.content.decode("utf-16-be", "replace")
    if element.tag == _UNIVERSAL_STRING:
        return element.content.decode("utf-32-be", "replace")
    return element.content.decode("latin-1" if element.tag in _LATIN else "utf-8", "replace")


def _name(content: bytes) -> str:
    """A distinguished name; the last part, which tells most, comes first (RFC 4514)."""
    parts = []
    for relative in elements(content):
        for pair in elements(relative.content):
            oid, value = elements(pair.content)
            kind = _oid(oid.content)
            parts.append(f"{_ATTRIBUTES.get(kind, kind)}={_text(value)}")
    return ", ".join(reversed(parts))


def _time(element: DerElement) -> datetime:
    text = element.content.decode("ascii").removesuffix("Z")
    if element.tag == _UTC_TIME:
        # RFC 5280 4.1.2.5.1: 00 to 49 are of this century.
        text = f"{'20' if text[:2] < '50' else '19'}{text}"
    elif element.tag != _GENERALIZED_TIME:
        raise CertificateError("its validity is no time")
    return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def _key(content: bytes) -> str:
    algorithm, bits = elements(content)
    parts = list(elements(algorithm.content))
    kind = _oid(parts[0].content)
    if kind == _EC_KEY:
        curve = _oid(parts[1].content) if len(parts) > 1 and parts[1].tag == OID else ""
        return f"EC, {_CURVES.get(curve, curve)}".removesuffix(", ")
    name = _KEYS.get(kind, "")
    if name.startswith("RSA"):
        modulus = next(elements(inner(bits.content[1:], SEQUENCE)))
        return f"{name}, {int.from_bytes(modulus.content, 'big').bit_length()} bits"
    return name


def _extensions(rest: list[DerElement]) -> Iterator[tuple[str, bytes]]:
    for holder in rest:
        if holder.tag == _EXTENSIONS_TAG:
            for extension in elements(inner(holder.content, SEQUENCE)):
                parts = list(elements(extension.content))
                yield _oid(parts[0].content), parts[-1].content


def _alternative_names(data: bytes) -> Iterator[str]:
    for name in elements(inner(data, SEQUENCE)) if data else ():
        if name.tag == _IP:
            yield str(ipaddress.ip_address(name.content))
        elif name.tag in (_MAIL, _DNS, _URI):
            yield name.content.decode("latin-1")


def _is_authority(data: bytes) -> bool:
    parts = list(elements(inner(data, SEQUENCE))) if data else []
    return bool(parts) and parts[0] == DerElement(0x01, b"\xff")
