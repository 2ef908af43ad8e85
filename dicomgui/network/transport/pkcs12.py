"""Certificates and keys from PKCS#12 files (RFC 7292), which Python's TLS cannot read by itself."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dicomgui.network.errors import ConfigurationError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12KeyAndCertificates
    from cryptography.x509 import Certificate

__all__ = ["is_pkcs12", "own_file", "read_pkcs12"]


def is_pkcs12(content: bytes) -> bool:
    """Whether a file begins as a PFX does (RFC 7292 4: a sequence that begins with version 3); nothing else does."""
    if len(content) < 2 or content[0] != 0x30:
        return False
    extra = content[1] & 0x7F if content[1] > 0x7F else 0  # bytes of a long form of the length; 0 if indefinite
    return content[2 + extra :].startswith(b"\x02\x01\x03")


def read_pkcs12(content: bytes, path: str | Path, password: Callable[[], str] | None) -> tuple[bytes, str]:
    """Certificate, chain and key as PEM, the key encrypted with a password that is made up; and that password.

    :param path: where it comes from, for the error.
    :param password: asked only where the file does not open without one.
    :raises ConfigurationError: the package ``cryptography`` is missing, the password is wrong or not there, or
        certificate or key is missing.
    """
    try:
        from cryptography.hazmat.primitives import serialization
    except ImportError as error:
        raise _unusable(
            f"{path} is a PKCS#12 file, and the package cryptography, which reads those, is missing",
            "Install it (pip install dicomgui[tls-tools]), or convert the file to PEM (openssl pkcs12 -in … -out …).",
        ) from error
    found = _open(content, path, password)
    if found.cert is None or found.key is None:
        what = "certificate with its key" if found.cert is None else "key"
        raise _unusable(f"{path} holds no {what}", "Export it again, with the private key.")
    secret = secrets.token_urlsafe(24)
    key = found.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(secret.encode()),
    )
    chain = _chain(found.cert.certificate, (other.certificate for other in found.additional_certs))
    return key + b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain), secret


def _open(content: bytes, path: str | Path, password: Callable[[], str] | None) -> PKCS12KeyAndCertificates:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import pkcs12

    try:
        return pkcs12.load_pkcs12(content, None)
    except UnsupportedAlgorithm as error:
        raise _unusable(*_unsupported(path)) from error
    except ValueError as error:
        if password is None:
            text = f"the PKCS#12 file {path} does not open without a password"
            raise _unusable(text, "Give its password.") from error
    secret = password().encode()
    try:
        return pkcs12.load_pkcs12(content, secret)
    except UnsupportedAlgorithm as error:
        raise _unusable(*_unsupported(path)) from error
    except ValueError as error:
        raise _unusable(
            f"the PKCS#12 file {path} does not open with this password", "If it is the right one, the file is damaged."
        ) from error


def _unsupported(path: str | Path) -> tuple[str, str]:
    return f"the PKCS#12 file {path} is encrypted in a way that cannot be read here", "Export it again, with AES."


def _chain(own: Certificate, others: Iterable[Certificate]) -> list[Certificate]:
    """From our certificate to its last issuer that is there: a file may have them in any order, TLS may not."""
    chain, left = [own], list(others)
    while (issuer := next((one for one in left if one.subject == chain[-1].issuer), None)) is not None:
        chain.append(issuer)
        left.remove(issuer)
    return chain


@contextmanager
def own_file(content: bytes) -> Iterator[Path]:
    """A file that only we can read, for as long as the block takes: OpenSSL takes some things only from files."""
    with tempfile.TemporaryDirectory(prefix="dicomgui-") as folder:
        path = Path(folder) / "content.pem"
        path.touch(mode=0o600)
        path.write_bytes(content)
        yield path


def _unusable(text: str, hint: str) -> ConfigurationError:
    return ConfigurationError(text, phase="configure", hint=hint)
