"""What files of keys and certificates hold, as OpenSSL's own tools and cryptography write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12
from helpers.certificates import Authority

from dicomgui.network.transport.key_files import KeyFileKind, kinds_of, needs_password, pem_of

ENCODINGS = (serialization.Encoding.PEM, serialization.Encoding.DER)
PLAIN = serialization.NoEncryption()
PKCS8, OLD = serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL
RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
DSA = dsa.generate_private_key(2048)


@pytest.mark.parametrize(
    ("key", "form", "kind"),
    [
        (RSA, PKCS8, KeyFileKind.KEY),
        (EC, PKCS8, KeyFileKind.KEY),
        (ed25519.Ed25519PrivateKey.generate(), PKCS8, KeyFileKind.KEY),
        (RSA, OLD, KeyFileKind.RSA_KEY),
        (EC, OLD, KeyFileKind.EC_KEY),
        (DSA, OLD, KeyFileKind.DSA_KEY),
    ],
)
def test_keys(key: PrivateKeyTypes, form: serialization.PrivateFormat, kind: KeyFileKind) -> None:
    pem, der = (key.private_bytes(encoding, form, PLAIN) for encoding in ENCODINGS)
    assert kinds_of(pem) == kinds_of(der) == (kind,)
    assert kind.is_key
    assert pem_of(der) == pem
    assert pem_of(pem) is pem
    assert not needs_password(pem)
    assert not needs_password(der)


def test_encrypted_keys() -> None:
    secret = serialization.BestAvailableEncryption(b"secret")
    pem, der = (RSA.private_bytes(encoding, PKCS8, secret) for encoding in ENCODINGS)
    assert kinds_of(pem) == kinds_of(der) == (KeyFileKind.ENCRYPTED_KEY,)
    again = serialization.load_pem_private_key(pem_of(der), b"secret")
    assert again.private_bytes(ENCODINGS[1], PKCS8, PLAIN) == RSA.private_bytes(ENCODINGS[1], PKCS8, PLAIN)
    assert needs_password(der)
    assert needs_password(RSA.private_bytes(serialization.Encoding.PEM, OLD, secret))


def test_certificates_lists_and_others(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue()
    certificate = x509.load_pem_x509_certificate(pair.cert.read_bytes())
    revoked = x509.load_pem_x509_crl(authority.revoke(pair).read_bytes())
    request = x509.CertificateSigningRequestBuilder().subject_name(certificate.subject).sign(RSA, hashes.SHA256())
    public = serialization.PublicFormat.SubjectPublicKeyInfo
    for made, kind in (
        ([certificate.public_bytes(one) for one in ENCODINGS], KeyFileKind.CERTIFICATE),
        ([revoked.public_bytes(one) for one in ENCODINGS], KeyFileKind.REVOCATION_LIST),
        ([request.public_bytes(one) for one in ENCODINGS], KeyFileKind.REQUEST),
        ([RSA.public_key().public_bytes(one, public) for one in ENCODINGS], KeyFileKind.PUBLIC_KEY),
        ([pkcs7.serialize_certificates([certificate], one) for one in ENCODINGS], KeyFileKind.PKCS7),
    ):
        pem, der = made
        assert kinds_of(pem) == kinds_of(der) == (kind,)
        assert kinds_of(pem_of(der)) == (kind,)
        assert not kind.is_key
    p12 = pkcs12.serialize_key_and_certificates(b"me", RSA, None, None, PLAIN)
    assert kinds_of(p12) == (KeyFileKind.PKCS12,)
    assert needs_password(p12)
    assert pem_of(p12) is p12
    assert kinds_of(pair.cert.read_bytes() + pair.key.read_bytes()) == (KeyFileKind.CERTIFICATE, KeyFileKind.RSA_KEY)


@pytest.mark.parametrize(
    "content", [b"", b"text", b"\x30", b"\x30\x03\x02\x01\x09", b"\x30\x09\x30\x03\x1f\x01\x00\x30\x00\x03\x00"]
)
def test_neither(content: bytes) -> None:
    assert kinds_of(content) == ()
    assert pem_of(content) is content
    assert not needs_password(content)
