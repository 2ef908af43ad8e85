"""Contents of files of certificates, keys and revocation lists, and PEM, which is all OpenSSL is given, of DER."""

from __future__ import annotations

import base64
import re
import textwrap
from enum import Enum
from typing import Final

from dicomgui.network.der import BITS, INTEGER, OCTETS, OID, SEQUENCE, DerError, elements, inner
from dicomgui.network.transport.pkcs12 import is_pkcs12

__all__ = ["KeyFileKind", "kinds_of", "needs_password", "pem_of"]


class KeyFileKind(Enum):
    """Kinds of contents; the value is what people call it, and its label in PEM (RFC 7468)."""

    CERTIFICATE = ("a certificate", "CERTIFICATE")
    REVOCATION_LIST = ("a revocation list", "X509 CRL")
    KEY = ("a private key", "PRIVATE KEY")
    ENCRYPTED_KEY = ("an encrypted private key", "ENCRYPTED PRIVATE KEY")
    RSA_KEY = ("a private RSA key", "RSA PRIVATE KEY")
    EC_KEY = ("a private EC key", "EC PRIVATE KEY")
    DSA_KEY = ("a private DSA key", "DSA PRIVATE KEY")
    PKCS12 = ("a PKCS#12 file", "")
    PKCS7 = ("a PKCS#7 bundle", "PKCS7")
    REQUEST = ("a request for a certificate", "CERTIFICATE REQUEST")
    PUBLIC_KEY = ("a public key", "PUBLIC KEY")

    @property
    def words(self) -> str:
        """The words that people have for it."""
        return self.value[0]

    @property
    def is_key(self) -> bool:
        """True for a private key."""
        return self in _KEYS


_KEYS: Final = (
    KeyFileKind.KEY, KeyFileKind.ENCRYPTED_KEY, KeyFileKind.RSA_KEY, KeyFileKind.EC_KEY, KeyFileKind.DSA_KEY,
)  # fmt: skip
_LABELS: Final = {kind.value[1]: kind for kind in KeyFileKind} | {
    "X509 CERTIFICATE": KeyFileKind.CERTIFICATE,
    "TRUSTED CERTIFICATE": KeyFileKind.CERTIFICATE,
    "NEW CERTIFICATE REQUEST": KeyFileKind.REQUEST,
}
_BEGIN: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----")
_SEVERAL: Final = 0xA0
_TIMES: Final = (0x17, 0x18)
_SHAPES: Final = {  # the tags that begin each kind; the first that fits counts
    (INTEGER, SEQUENCE, OCTETS): KeyFileKind.KEY,  # RFC 5208 5
    (INTEGER, OCTETS): KeyFileKind.EC_KEY,  # RFC 5915 3
    (SEQUENCE, OCTETS): KeyFileKind.ENCRYPTED_KEY,  # RFC 5208 6
    (SEQUENCE, BITS): KeyFileKind.PUBLIC_KEY,  # RFC 5280 4.1
    (OID, _SEVERAL): KeyFileKind.PKCS7,  # RFC 2315 7
    (INTEGER,) * 9: KeyFileKind.RSA_KEY,  # RFC 8017 A.1.2
    (INTEGER,) * 6: KeyFileKind.DSA_KEY,
}


def kinds_of(content: bytes) -> tuple[KeyFileKind, ...]:
    """Kinds that a file holds, as PEM or DER; none where it is neither."""
    labels = [label.decode("ascii") for label in _BEGIN.findall(content)]
    if labels:
        return tuple(dict.fromkeys(_LABELS[label] for label in labels if label in _LABELS))
    kind = _der_kind(content)
    return () if kind is None else (kind,)


def needs_password(content: bytes) -> bool:
    """True where a file of a key may open with a password only."""
    kinds = kinds_of(content)
    return KeyFileKind.PKCS12 in kinds or KeyFileKind.ENCRYPTED_KEY in kinds or b"Proc-Type: 4,ENCRYPTED" in content


def pem_of(content: bytes) -> bytes:
    """PEM of a file that is DER; one that is PEM already, or neither, as it is."""
    if _BEGIN.search(content):
        return content
    kind = _der_kind(content)
    label = "" if kind is None else kind.value[1]
    if not label:
        return content
    body = "\n".join(textwrap.wrap(base64.b64encode(content).decode("ascii"), 64))
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----\n".encode("ascii")


def _der_kind(content: bytes) -> KeyFileKind | None:
    if not content.startswith(b"\x30"):
        return None
    if is_pkcs12(content):
        return KeyFileKind.PKCS12
    try:
        parts = list(elements(inner(content, SEQUENCE)))
    except DerError:
        return None
    tags = tuple(part.tag for part in parts)
    if tags == (SEQUENCE, SEQUENCE, BITS):
        return _signed_kind(parts[0].content)
    return next((kind for shape, kind in _SHAPES.items() if tags[: len(shape)] == shape), None)


def _signed_kind(content: bytes) -> KeyFileKind | None:
    """The kind of what is signed (RFC 5280 4.1, 5.1; RFC 2986 4): only a list has a time of its own in it."""
    try:
        tags = [part.tag for part in elements(content)]
    except DerError:
        return None
    if any(tag in _TIMES for tag in tags):
        return KeyFileKind.REVOCATION_LIST
    return KeyFileKind.CERTIFICATE if len(tags) >= 6 else KeyFileKind.REQUEST
