"""What a certificate says."""

from __future__ import annotations

import datetime
import ssl
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from helpers.certificates import Authority
from hypothesis import given, settings
from hypothesis import strategies as st

from dicomgui.trace.certificate import (
    MAX_CERTIFICATES,
    Certificate,
    CertificateError,
    certificate_json,
    certificate_rows,
    read_certificate,
    read_chain,
)

SINCE = datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
UNTIL = datetime.datetime(2051, 6, 7, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)


def made(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | None = None) -> bytes:
    key = key or ec.generate_private_key(ec.SECP384R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Klinik Köln mbH"),
            x509.NameAttribute(NameOID.COMMON_NAME, "pacs.example"),
        ]
    )
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Our CA")])
    names = x509.SubjectAlternativeName(
        [
            x509.DNSName("pacs.example"), x509.IPAddress(ip_address("10.0.0.1")), x509.IPAddress(ip_address("::1")),
            x509.RFC822Name("a@b.example"), x509.UniformResourceIdentifier("https://x.example"),
            x509.RegisteredID(x509.ObjectIdentifier("1.2.3")),
        ]
    )  # fmt: skip
    builder = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        .serial_number(4711).not_valid_before(SINCE).not_valid_after(UNTIL).add_extension(names, critical=False)
    )  # fmt: skip
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, digest).public_bytes(Encoding.DER)


DER = made()


def test_all_of_it() -> None:
    found = read_certificate(DER)
    assert found == Certificate(
        subject="CN=pacs.example, O=Klinik Köln mbH, C=DE",
        issuer="CN=Our CA",
        not_before=SINCE,
        not_after=UNTIL,
        names=("pacs.example", "10.0.0.1", "::1", "a@b.example", "https://x.example"),
        key="EC, P-384",
        serial=4711,
        is_authority=False,
        fingerprint=found.fingerprint,
    )
    expected = x509.load_der_x509_certificate(DER).fingerprint(hashes.SHA256())
    assert bytes.fromhex(found.fingerprint.replace(":", "")) == expected
    assert not found.is_self_issued


def test_keys() -> None:
    assert read_certificate(made(rsa.generate_private_key(65537, 2048))).key == "RSA, 2048 bits"
    assert read_certificate(made(ed25519.Ed25519PrivateKey.generate())).key == "Ed25519"
    assert read_certificate(made(ec.generate_private_key(ec.SECP256K1()))).key == "EC, 1.3.132.0.10"


def test_an_authority(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    found = read_certificate(ssl.PEM_cert_to_DER_cert(authority.file.read_text()))
    assert found.is_authority
    assert found.is_self_issued
    assert found.names == ()


def test_a_chain_is_read_as_far_as_it_is_there() -> None:
    other = made(ed25519.Ed25519PrivateKey.generate())
    own, second = read_certificate(DER), read_certificate(other)
    assert read_chain(b"") == ()
    assert read_chain(DER + other) == (own, second)
    assert read_chain(DER + b"\x30\x02\x30\x00" + other) == (own, second)  # one that is none
    assert read_chain(DER + other[:-1]) == (own,)
    assert len(read_chain(DER * 100)) == MAX_CERTIFICATES


def test_rows_for_people_and_json() -> None:
    found = read_certificate(DER)
    assert certificate_rows(found, SINCE.timestamp() - 1) == {
        "Certificate of": "CN=pacs.example, O=Klinik Köln mbH, C=DE",
        "Issued by": "CN=Our CA",
        "Good for": "pacs.example, 10.0.0.1, ::1, a@b.example, https://x.example",
        "Valid": "not valid before 2024-01-02",
        "Key": "EC, P-384",
        "Fingerprint": f"SHA-256 {found.fingerprint}",
    }
    assert certificate_rows(found, 1e17)["Valid"] == "2024-01-02 to 2051-06-07"  # of a trace that is damaged
    values = certificate_json(found)
    assert (values["not_before"], values["serial"]) == ("2024-01-02T03:04:05+00:00", "1267")
    assert (values["key"], values["sha256"]) == ("EC, P-384", found.fingerprint)


@pytest.mark.parametrize(
    ("now", "text"),
    [
        (SINCE - DAY, "not valid before 2024-01-02"),
        (UNTIL + DAY, "expired on 2051-06-07"),
        (UNTIL - 3 * DAY, "2024-01-02 to 2051-06-07, 3 more days"),
        (UNTIL - DAY, "2024-01-02 to 2051-06-07, 1 more day"),
        (UNTIL - DAY / 2, "2024-01-02 to 2051-06-07, less than one more day"),
    ],
)
def test_validity_in_words(now: datetime.datetime, text: str) -> None:
    assert read_certificate(DER).validity(now) == text


@pytest.mark.parametrize(
    ("tag", "encoding", "text"),
    [(0x1E, "utf-16-be", "Köln mbH"), (0x1C, "utf-32-be", "Köln"), (0x14, "latin-1", "Klinik Köln GmbH")],
)
def test_other_alphabets(tag: int, encoding: str, text: str) -> None:
    utf8 = "Klinik Köln mbH".encode()
    patched = DER.replace(b"\x0c\x10" + utf8, bytes((tag, 16)) + text.encode(encoding))
    assert read_certificate(patched).subject == f"CN=pacs.example, O={text}, C=DE"


NO_CERTIFICATES = [b"", b"\x30", b"\x30\x82\xff\xff", b"\x02\x01\x00", b"\x30\x02\x30\x00", b"\x1f\x01\x00"]


@pytest.mark.parametrize("data", NO_CERTIFICATES)
def test_what_is_none(data: bytes) -> None:
    with pytest.raises(CertificateError):
        read_certificate(data)


def test_a_validity_that_is_no_time() -> None:
    at = DER.index(b"\x17\x0d2401")
    with pytest.raises(CertificateError, match="no time"):
        read_certificate(DER[:at] + b"\x04" + DER[at + 1 :])


def test_extensions_that_are_none() -> None:
    at = DER.index(b"\xa3", 200)
    while DER[at : at + 1] != b"\xa3" or DER[at + 2 : at + 3] not in (b"\x30", b"\x81"):
        at = DER.index(b"\xa3", at + 1)
    with pytest.raises(CertificateError):
        read_certificate(DER[: at + 1] + b"\0" + DER[at + 2 :])


@given(at=st.integers(0, len(DER) - 1), byte=st.integers(0, 255), cut=st.integers(0, len(DER)))
@settings(deadline=None, max_examples=300)
def test_damaged_ones_are_read_or_refused(at: int, byte: int, cut: int) -> None:
    for data in (DER[:at] + bytes((byte,)) + DER[at + 1 :], DER[:cut]):
        with suppress(CertificateError):
            assert read_certificate(data).fingerprint
